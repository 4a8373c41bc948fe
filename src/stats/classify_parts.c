/* Classifiers taken apart into numbers, and put together from them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "stats/classify_own.h"

size_t dnb_classifier_map_count(dnb_classifier_kind kind, size_t n_classes)
{
    if (kind == DNB_NAIVE_BAYES)
        return 0;
    if (n_classes <= 2)
        return 1;
    return kind == DNB_SVC ? n_classes * (n_classes - 1) / 2 : n_classes;
}

void dnb_classifier_get_parts(dnb_classifier_parts *out, const dnb_classifier *c)
{
    bool bayes = c->kind == DNB_NAIVE_BAYES;
    *out = (dnb_classifier_parts){.kind = c->kind,
                                  .n_classes = c->k,
                                  .n_columns = c->d,
                                  .classes = c->classes,
                                  .coef = bayes ? NULL : c->coef,
                                  .intercept = bayes ? NULL : c->intercept,
                                  .mean = bayes ? c->coef : NULL,
                                  .variance = c->variance,
                                  .prior = c->prior};
}

/* Finite numbers, and above 0 where asked. */
static dnb_status check_numbers(const double *v, size_t n, bool positive, const char *what,
                                dnb_err *err)
{
    for (size_t i = 0; v && i < n; i++)
        if (!isfinite(v[i]) || (positive && !(v[i] > 0)))
            return dnb_fail(err, DNB_EARG, "a classifier's %s: number %zu is %g", what, i + 1,
                            v[i]);
    return DNB_OK;
}

static dnb_status check_parts(const dnb_classifier_parts *p, dnb_err *err)
{
    size_t maps = dnb_classifier_map_count(p->kind, p->n_classes), weights, moments;
    if ((unsigned)p->kind >= DNB_CLASSIFIER_COUNT)
        return dnb_fail(err, DNB_EARG, "there is no classifier number %d", (int)p->kind);
    if (p->n_classes < 2 || p->n_columns == 0)
        return dnb_fail(err, DNB_EARG,
                        "a classifier needs two classes and a column at least, not %zu and %zu",
                        p->n_classes, p->n_columns);
    for (size_t i = 1; i < p->n_classes; i++)
        if (p->classes[i] <= p->classes[i - 1])
            return dnb_fail(err, DNB_EARG, "a classifier's classes: %" PRId64 " after %" PRId64,
                            p->classes[i], p->classes[i - 1]);
    if (!dnb_mul_size(&weights, maps, p->n_columns) ||
        !dnb_mul_size(&moments, p->n_classes, p->n_columns))
        return dnb_fail(err, DNB_EARG, "a classifier of %zu classes and %zu columns is too large",
                        p->n_classes, p->n_columns);
    if (p->kind == DNB_NAIVE_BAYES) {
        if (!p->mean || !p->variance || !p->prior)
            return dnb_fail(err, DNB_EARG, "naive Bayes needs means, variances and priors");
        dnb_status status = check_numbers(p->mean, moments, false, "means", err);
        if (status == DNB_OK)
            status = check_numbers(p->variance, moments, true, "variances", err);
        return status == DNB_OK ? check_numbers(p->prior, p->n_classes, true, "priors", err)
                                : status;
    }
    if (!p->coef && p->n_columns != maps)
        return dnb_fail(err, DNB_EARG, "a classifier of %zu linear maps cannot decide from %zu",
                        maps, p->n_columns);
    dnb_status status = check_numbers(p->coef, weights, false, "weights", err);
    return status == DNB_OK ? check_numbers(p->intercept, maps, false, "intercepts", err) : status;
}

static dnb_status copy_bayes(dnb_classifier *c, const dnb_classifier_parts *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t moments = c->k * c->d;
    DNB_NEW(c->coef, moments, "means of classes");
    DNB_NEW(c->variance, moments, "variances of classes");
    DNB_NEW(c->prior, c->k, "priors");
    DNB_NEW(c->intercept, c->k, "a classifier's intercepts");
    memcpy(c->coef, p->mean, moments * sizeof *c->coef);
    memcpy(c->variance, p->variance, moments * sizeof *c->variance);
    memcpy(c->prior, p->prior, c->k * sizeof *c->prior);
    dnb_bayes_constants(c);
done:
    return status;
}

static dnb_status copy_maps(dnb_classifier *c, const dnb_classifier_parts *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    c->maps = dnb_classifier_map_count(p->kind, p->n_classes);
    DNB_NEW(c->intercept, c->maps, "a classifier's intercepts");
    if (p->intercept)
        memcpy(c->intercept, p->intercept, c->maps * sizeof *c->intercept);
    if (p->coef) {
        DNB_NEW(c->coef, c->maps * c->d, "a classifier's weights");
        memcpy(c->coef, p->coef, c->maps * c->d * sizeof *c->coef);
    }
done:
    return status;
}

dnb_status dnb_classifier_new(dnb_classifier **out, const dnb_classifier_parts *parts, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_classifier *c = NULL;
    DNB_TRY(check_parts(parts, err));
    DNB_NEW(c, 1, "a classifier");
    c->kind = parts->kind;
    c->k = parts->n_classes;
    c->d = parts->n_columns;
    DNB_NEW(c->classes, c->k, "classes");
    memcpy(c->classes, parts->classes, c->k * sizeof *c->classes);
    DNB_TRY(parts->kind == DNB_NAIVE_BAYES ? copy_bayes(c, parts, err) : copy_maps(c, parts, err));
    *out = c;
    c = NULL;
done:
    dnb_classifier_free(c);
    return status;
}
