/* Cross-validation of a classifier: what the folds share is made once, then they run side by side.
 */
#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/classify_own.h"

typedef struct cross {
    const double *x;
    size_t n, d, n_folds, k;
    const int64_t *truth;
    const int64_t *classes; /* k: all of them */
    const size_t *fold;
    dnb_classifier_options o;
    int64_t *labels;  /* n */
    double *decision; /* n x k, or NULL */
} cross;

static void split(const cross *s, size_t f, size_t *rows, size_t *n_train)
{
    size_t train = 0, test = s->n;
    for (size_t i = 0; i < s->n; i++)
        if (s->fold[i] != f)
            rows[train++] = i;
    *n_train = train;
    for (size_t i = s->n; i-- > 0;)
        if (s->fold[i] == f)
            rows[--test] = i;
}

static void spread_decision(const cross *s, const dnb_classifier *c, const size_t *rows,
                            const double *from, size_t n)
{
    const int64_t *own = NULL;
    size_t k = dnb_classifier_classes(c, &own);
    for (size_t i = 0; i < n; i++) {
        double *to = s->decision + rows[i] * s->k;
        size_t e = 0;
        for (size_t a = 0; a < s->k; a++)
            to[a] = e < k && own[e] == s->classes[a] ? from[i * k + e++] : -INFINITY;
    }
}

static dnb_status run_fold(const cross *s, size_t f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *rows = NULL, n_train, d = s->d;
    int64_t *labels = NULL;
    double *x = NULL, *decision = NULL;
    dnb_classifier *c = NULL;
    DNB_NEW(rows, s->n, "the rows of a fold");
    split(s, f, rows, &n_train);
    if (n_train == s->n)
        goto done;
    x = dnb_alloc_aligned(s->n * d, sizeof *x);
    if (!x)
        DNB_TRY(dnb_fail_memory(err, "the rows of a fold", s->n * d * sizeof *x));
    DNB_NEW(labels, s->n, "the labels of a fold");
    for (size_t i = 0; i < s->n; i++) {
        memcpy(x + i * d, s->x + rows[i] * d, d * sizeof *x);
        labels[i] = s->truth[rows[i]];
    }
    DNB_TRY(dnb_classifier_fit(&c, x, n_train, d, labels, &s->o, err));
    size_t n_test = s->n - n_train;
    DNB_NEW(decision, n_test * c->k, "decision values");
    DNB_TRY(dnb_classifier_predict(labels, decision, c, x + n_train * d, n_test, err));
    for (size_t i = 0; i < n_test; i++)
        s->labels[rows[n_train + i]] = labels[i];
    if (s->decision)
        spread_decision(s, c, rows + n_train, decision, n_test);
done:
    dnb_classifier_free(c);
    dnb_free(rows);
    dnb_free(labels);
    dnb_free(x);
    dnb_free(decision);
    return status;
}

static dnb_status run_folds(const cross *s, dnb_err *err)
{
    size_t first_bad = s->n_folds;
    dnb_err first = {0};
#pragma omp parallel for schedule(dynamic)
    for (size_t f = 0; f < s->n_folds; f++) {
        dnb_err own = {0};
        if (run_fold(s, f, &own) == DNB_OK)
            continue;
#pragma omp critical(dnb_cross_error)
        if (f < first_bad) {
            first_bad = f;
            first = own;
        }
    }
    if (first_bad == s->n_folds)
        return DNB_OK;
    return dnb_fail(err, first.status, "fold %zu: %s", first_bad + 1, first.message);
}

/* n columns with the same distances between rows as x's d > n: the rows of U S where
 * U S^2 U^T is the centred Gram matrix. */
static dnb_status rotate(double **out, const double *x, size_t n, size_t d, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_gram_options centred = {.centre = DNB_CENTRE_COLUMNS};
    dnb_rows rows = dnb_rows_f64(x, n, d);
    double *g = NULL, *values = NULL, *u = NULL;
    DNB_NEW(g, n * n, "a Gram matrix");
    DNB_NEW(values, n, "eigenvalues");
    DNB_NEW(u, n * n, "rotated rows");
    DNB_TRY(dnb_gram_run(g, &rows, &centred, err));
    int threads = dnb_serial_begin();
    status = dnb_eigen(values, u, g, n, n, err);
    dnb_serial_end(threads);
    if (status != DNB_OK)
        goto done;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            u[i * n + j] *= sqrt(fmax(values[j], 0));
    *out = u;
    u = NULL;
done:
    dnb_free(g);
    dnb_free(values);
    dnb_free(u);
    return status;
}

static dnb_status check_folds(const size_t *fold, size_t n, size_t n_folds, dnb_err *err)
{
    if (n_folds < 2)
        return dnb_fail(err, DNB_EARG, "cross-validation needs two folds, not %zu", n_folds);
    for (size_t i = 0; i < n; i++)
        if (fold[i] >= n_folds)
            return dnb_fail(err, DNB_EARG, "row %zu is in fold %zu of %zu", i, fold[i], n_folds);
    return DNB_OK;
}

/* Folds into results of their own, so that a failure leaves the caller's alone. */
static dnb_status run_apart(cross *s, int64_t *labels, double *decision, dnb_err *err)
{
    dnb_status status = DNB_OK;
    int64_t *own_labels = NULL;
    double *own_decision = NULL;
    DNB_NEW(own_labels, s->n, "predictions");
    if (decision)
        DNB_NEW(own_decision, s->n * s->k, "decision values");
    s->labels = own_labels;
    s->decision = own_decision;
    DNB_TRY(run_folds(s, err));
    memcpy(labels, own_labels, s->n * sizeof *labels);
    if (decision)
        memcpy(decision, own_decision, s->n * s->k * sizeof *decision);
done:
    dnb_free(own_labels);
    dnb_free(own_decision);
    return status;
}

dnb_status dnb_classifier_cross(int64_t *labels, double *decision, const double *x, size_t n,
                                size_t d, const int64_t *truth, const size_t *fold, size_t n_folds,
                                const dnb_classifier_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    cross s = {.x = x, .n = n, .d = d, .n_folds = n_folds, .truth = truth, .fold = fold};
    dnb_classifier *all = NULL;
    double *rotated = NULL;
    int64_t *classes = NULL;
    size_t *y = NULL;
    s.o = opt ? *opt : (dnb_classifier_options){0};
    DNB_TRY(check_folds(fold, n, n_folds, err));
    DNB_NEW(y, n, "class indices");
    DNB_TRY(dnb_label_classes(&classes, &s.k, y, truth, n, err));
    s.classes = classes;
    bool turns = (s.o.kind == DNB_LOGISTIC && !s.o.l1) || s.o.kind == DNB_SVC;
    DNB_TRY(dnb_class_rows_check(x, n, d, err));
    if (turns && d > n) {
        DNB_TRY(rotate(&rotated, x, n, d, err));
        s.x = rotated;
        s.d = n;
    } else if (turns && s.o.kind == DNB_LOGISTIC) {
        DNB_TRY(dnb_classifier_fit(&all, x, n, d, truth, &s.o, err));
        s.o.start = all;
    }
    DNB_TRY(run_apart(&s, labels, decision, err));
done:
    dnb_classifier_free(all);
    dnb_free(rotated);
    dnb_free(classes);
    dnb_free(y);
    return status;
}
