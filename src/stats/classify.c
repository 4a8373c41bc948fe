/* Classifiers: checks, classes, and what a fitted one says of new rows. The fits themselves are in
 * classify_<method>.c. */
#include "dnnbrain/classify.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/classify_own.h"

static const char *const names[DNB_CLASSIFIER_COUNT] = {"lrc", "svc", "lda", "gnb"};

const char *dnb_classifier_name(dnb_classifier_kind kind)
{
    return (unsigned)kind < DNB_CLASSIFIER_COUNT ? names[kind] : NULL;
}

dnb_status dnb_classifier_parse(dnb_classifier_kind *kind, const char *name, dnb_err *err)
{
    static const dnb_enum_alias other = {"logistic", DNB_LOGISTIC};
    int found = dnb_enum_find(name, names, DNB_CLASSIFIER_COUNT, &other, 1);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "there is no classifier '%s'; known: lrc (logistic), svc, lda, gnb", name);
    *kind = (dnb_classifier_kind)found;
    return DNB_OK;
}

void dnb_classifier_free(dnb_classifier *c)
{
    if (!c)
        return;
    dnb_free(c->classes);
    dnb_free(c->coef);
    dnb_free(c->intercept);
    dnb_free(c->variance);
    dnb_free(c->prior);
    dnb_free(c);
}

size_t dnb_classifier_classes(const dnb_classifier *c, const int64_t **classes)
{
    if (classes)
        *classes = c->classes;
    return c->k;
}

size_t dnb_classifier_columns(const dnb_classifier *c)
{
    return c->d;
}

size_t dnb_classifier_coef(const dnb_classifier *c, const double **coef, const double **intercept)
{
    if (coef)
        *coef = c->maps ? c->coef : NULL;
    if (intercept)
        *intercept = c->maps ? c->intercept : NULL;
    return c->maps;
}

dnb_status dnb_classifier_maps(dnb_classifier *c, size_t maps, dnb_err *err)
{
    size_t count;
    if (!dnb_mul_size(&count, maps, c->d) || !(c->coef = dnb_calloc(count, sizeof *c->coef)))
        return dnb_fail_memory(err, "a classifier's weights", maps * c->d * sizeof(double));
    c->intercept = dnb_calloc(maps, sizeof *c->intercept);
    if (!c->intercept)
        return dnb_fail_memory(err, "a classifier's intercepts", maps * sizeof(double));
    c->maps = maps;
    return DNB_OK;
}

void dnb_column_means(double *mean, const double *x, size_t n, size_t d)
{
    enum { WIDTH = 512 };
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < d; first += WIDTH) {
        size_t width = d - first < WIDTH ? d - first : WIDTH;
        double sum[WIDTH] = {0};
        const double *base = x + first;
        for (size_t i = 1; i < n; i++)
            for (size_t j = 0; j < width; j++)
                sum[j] += x[i * d + first + j] - base[j];
        for (size_t j = 0; j < width; j++)
            mean[first + j] = base[j] + sum[j] / (double)n;
    }
}

dnb_status dnb_class_rows_check(const double *x, size_t n, size_t d, dnb_err *err)
{
    size_t bad = n;
#pragma omp parallel for schedule(static) reduction(min : bad)
    for (size_t i = 0; i < n; i++) {
        bool fine = true;
        for (size_t j = 0; j < d; j++)
            fine &= isfinite(x[i * d + j]) != 0;
        if (!fine && i < bad)
            bad = i;
    }
    if (bad == n)
        return DNB_OK;
    size_t j = 0;
    while (isfinite(x[bad * d + j]))
        j++;
    return dnb_fail(err, DNB_EARG,
                    "x[%zu, %zu] is NaN or infinite; leave such rows or columns out first", bad, j);
}

static int compare_labels(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

dnb_status dnb_label_classes(int64_t **classes, size_t *k, size_t *y, const int64_t *labels,
                             size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    int64_t *sorted = NULL;
    size_t count = 0;
    DNB_NEW(sorted, n, "labels");
    memcpy(sorted, labels, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_labels);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || sorted[i] != sorted[count - 1])
            sorted[count++] = sorted[i];
    for (size_t i = 0; i < n; i++) {
        const int64_t *at = bsearch(&labels[i], sorted, count, sizeof *sorted, compare_labels);
        y[i] = (size_t)(at - sorted);
    }
    *k = count;
    *classes = sorted;
    sorted = NULL;
done:
    dnb_free(sorted);
    return status;
}

static dnb_status check_options(const dnb_classifier_options *o, dnb_err *err)
{
    if ((unsigned)o->kind >= DNB_CLASSIFIER_COUNT)
        return dnb_fail(err, DNB_EARG, "there is no classifier number %d", (int)o->kind);
    if (!(o->c >= 0) || !isfinite(o->c))
        return dnb_fail(err, DNB_EARG, "C is %g; it must be above 0 (or 0 for the default)", o->c);
    if (!(o->tolerance >= 0) || o->tolerance >= 1)
        return dnb_fail(err, DNB_EARG,
                        "a classifier's tolerance is %g; it must be between 0 (the default) and 1",
                        o->tolerance);
    if (o->l1 && o->kind != DNB_LOGISTIC)
        return dnb_fail(err, DNB_EARG, "the L1 penalty is for logistic regression, not for %s",
                        names[o->kind]);
    return DNB_OK;
}

static dnb_status fit(dnb_classifier *c, const dnb_class_data *t, dnb_classifier_options o,
                      dnb_err *err)
{
    if (o.c == 0)
        o.c = o.kind == DNB_SVC ? 0.025 : 1;
    switch (o.kind) {
    case DNB_SVC:
        return dnb_fit_svc(c, t, &o, err);
    case DNB_LDA:
        return dnb_fit_lda(c, t, &o, err);
    case DNB_NAIVE_BAYES:
        return dnb_fit_bayes(c, t, err);
    default:
        return o.l1 ? dnb_fit_logistic_l1(c, t, &o, err) : dnb_fit_logistic(c, t, &o, err);
    }
}

dnb_status dnb_classifier_fit(dnb_classifier **out, const double *x, size_t n, size_t d,
                              const int64_t *labels, const dnb_classifier_options *opt,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_classifier_options o = opt ? *opt : (dnb_classifier_options){0};
    dnb_classifier *c = NULL;
    size_t *y = NULL, *count = NULL;
    DNB_TRY(check_options(&o, err));
    if (n < 2 || d == 0)
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "a classifier needs two rows and a column at least, not %zu x %zu", n, d));
    DNB_TRY(dnb_class_rows_check(x, n, d, err));
    DNB_NEW(y, n, "class indices");
    DNB_NEW(c, 1, "a classifier");
    c->kind = o.kind;
    c->d = d;
    DNB_TRY(dnb_label_classes(&c->classes, &c->k, y, labels, n, err));
    if (c->k < 2)
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "all %zu rows to learn from are of the single class %" PRId64
                         "; a classifier needs two",
                         n, labels[0]));
    DNB_NEW(count, c->k, "class sizes");
    for (size_t i = 0; i < n; i++)
        count[y[i]]++;
    const dnb_class_data t = {.x = x, .n = n, .d = d, .k = c->k, .y = y, .count = count};
    DNB_TRY(fit(c, &t, o, err));
    *out = c;
    c = NULL;
done:
    dnb_classifier_free(c);
    dnb_free(y);
    dnb_free(count);
    return status;
}

/* Values of all linear maps for some rows, n x maps. */
static dnb_status map_rows(double *f, const dnb_classifier *c, const double *x, size_t n,
                           dnb_err *err)
{
    const dnb_matmul_options turned = {.transpose_b = true, .alpha = 1};
    dnb_status status = DNB_OK;
    if (c->coef)
        status = dnb_matmul(f, c->maps, x, c->d, c->coef, c->d, n, c->maps, c->d, &turned, err);
    else
        memcpy(f, x, n * c->maps * sizeof *f);
    for (size_t i = 0; status == DNB_OK && i < n; i++)
        for (size_t m = 0; m < c->maps; m++)
            f[i * c->maps + m] += c->intercept[m];
    return status;
}

static void normalise_log(double *v, size_t k)
{
    double top = v[0], sum = 0;
    for (size_t j = 1; j < k; j++)
        top = fmax(top, v[j]);
    for (size_t j = 0; j < k; j++)
        sum += exp(v[j] - top);
    for (size_t j = 0; j < k; j++)
        v[j] -= top + log(sum);
}

static size_t largest(const double *v, size_t k)
{
    size_t best = 0;
    for (size_t j = 1; j < k; j++)
        if (v[j] > v[best])
            best = j;
    return best;
}

/* k decision values of one row from its maps' values; returns the class said. */
static size_t decide(double *decision, const dnb_classifier *c, const double *x, const double *f)
{
    if (c->kind == DNB_NAIVE_BAYES) {
        dnb_bayes_row(decision, c, x);
        normalise_log(decision, c->k);
        return largest(decision, c->k);
    }
    if (c->k == 2) {
        decision[0] = -f[0];
        decision[1] = f[0];
        return f[0] > 0;
    }
    if (c->kind == DNB_SVC)
        return dnb_svc_votes(decision, f, c->k);
    memcpy(decision, f, c->k * sizeof *f);
    return largest(decision, c->k);
}

/* Rows taken together, so that the maps' values need little room. */
enum { ROWS = 1024 };

static dnb_status predict_into(size_t *said, double *decision, const dnb_classifier *c,
                               const double *x, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *f = NULL;
    DNB_TRY(dnb_class_rows_check(x, n, c->d, err));
    size_t block = n < ROWS ? n : ROWS;
    DNB_NEW(f, block * (c->maps ? c->maps : 1), "decision values");
    for (size_t first = 0; first < n; first += ROWS) {
        size_t rows = n - first < ROWS ? n - first : ROWS;
        const double *from = x + first * c->d;
        if (c->maps)
            DNB_TRY(map_rows(f, c, from, rows, err));
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < rows; i++)
            said[first + i] =
                decide(decision + (first + i) * c->k, c, from + i * c->d, f + i * c->maps);
    }
done:
    dnb_free(f);
    return status;
}

dnb_status dnb_classifier_predict(int64_t *labels, double *decision, const dnb_classifier *c,
                                  const double *x, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *said = NULL, count;
    double *values = NULL;
    if (!dnb_mul_size(&count, n, c->k))
        return dnb_fail(err, DNB_EARG, "%zu rows of %zu classes are too many", n, c->k);
    DNB_NEW(said, n, "predictions");
    DNB_NEW(values, count, "decision values");
    DNB_TRY(predict_into(said, values, c, x, n, err));
    for (size_t i = 0; i < n; i++)
        labels[i] = c->classes[said[i]];
    if (decision)
        memcpy(decision, values, count * sizeof *values);
done:
    dnb_free(said);
    dnb_free(values);
    return status;
}

dnb_status dnb_classifier_probability(double *p, const dnb_classifier *c, const double *x, size_t n,
                                      dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *said = NULL, count;
    double *values = NULL;
    if (c->kind == DNB_SVC)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "support vectors give decision values, not probabilities");
    if (!dnb_mul_size(&count, n, c->k))
        return dnb_fail(err, DNB_EARG, "%zu rows of %zu classes are too many", n, c->k);
    DNB_NEW(said, n, "predictions");
    DNB_NEW(values, count, "decision values");
    DNB_TRY(predict_into(said, values, c, x, n, err));
    for (size_t i = 0; i < n; i++) {
        double *v = values + i * c->k;
        if (c->k == 2 && c->kind != DNB_NAIVE_BAYES)
            v[0] = 0; /* the odds of the two are exp(f) */
        normalise_log(v, c->k);
        for (size_t j = 0; j < c->k; j++)
            p[i * c->k + j] = exp(v[j]);
    }
done:
    dnb_free(said);
    dnb_free(values);
    return status;
}
