/* Ridge regression: the eigendecomposition of every training set, and what scoring its test rows
 * for all penalties at once needs (see ridge_score.c). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/linalg.h"
#include "stats/ridge_own.h"

/* Eigenvalues closer than this (relative) make a near pair: the partial fractions of the others
 * lose at most three of sixteen digits. */
#define NEAR 1e-3

/* Sums over the parts (the folds' test rows) that every training set is put together from. */
typedef struct parts {
    double *a;          /* (k + 1) x d x d: x_f^T x_f, and their sum (primal) */
    const double *gram; /* n x n, centred, rows in sorted order (dual) */
} parts;

/* Eigenvalues above rounding (count r) and eigenvectors (n x r, packed) of a, which is destroyed.
 */
static dnb_status eigen(dnb_ridge_split *s, double **vectors, double *a, size_t n, size_t rows,
                        dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *v = NULL;
    size_t r = 0;
    DNB_NEW(s->l, n, "eigenvalues");
    DNB_NEW(v, n * n, "eigenvectors");
    DNB_TRY(dnb_eigen(s->l, v, a, n, n, err));
    while (r < n && r + 1 < s->n_train && s->l[r] > 0 &&
           s->l[r] > (double)rows * DBL_EPSILON * s->l[0])
        r++;
    for (size_t i = 1; i < n && r < n; i++)
        memmove(v + i * r, v + i * n, r * sizeof *v);
    s->r = r;
    *vectors = v;
    v = NULL;
done:
    dnb_free(v);
    return status;
}

/* The training set's scatter matrix: all parts but the split's own, centred anew. */
static dnb_status primal_split(dnb_ridge_split *s, const dnb_ridge *r, const parts *p, size_t f,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = r->d, cells = d * d;
    double *a = NULL;
    const double *total = p->a + r->k * cells, *own = s->n_test ? p->a + f * cells : NULL;
    DNB_NEW(s->xsum, d, "sums");
    for (size_t i = 0; i < s->n_test; i++)
        for (size_t j = 0; j < d; j++)
            s->xsum[j] += r->xs[(s->first + i) * d + j];
    DNB_NEW(a, cells, "a covariance matrix");
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            a[i * d + j] = total[i * d + j] - (own ? own[i * d + j] : 0) -
                           s->xsum[i] * s->xsum[j] / (double)s->n_train;
    DNB_TRY(eigen(s, &s->zmap, a, d, r->n > d ? r->n : d, err));
done:
    dnb_free(a);
    return status;
}

/* test = rows of the split less the training set's mean, in V's coordinates. */
static dnb_status primal_test(dnb_ridge_split *s, const dnb_ridge *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *rows = NULL;
    DNB_NEW(rows, s->n_test * r->d, "test rows");
    DNB_NEW(s->test, s->n_test * s->r, "test rows");
    for (size_t i = 0; i < s->n_test; i++)
        for (size_t j = 0; j < r->d; j++)
            rows[i * r->d + j] = r->xs[(s->first + i) * r->d + j] + s->xsum[j] / (double)s->n_train;
    if (s->r)
        DNB_TRY(
            dnb_matmul(s->test, s->r, rows, r->d, s->zmap, s->r, s->n_test, s->r, r->d, NULL, err));
done:
    dnb_free(rows);
    return status;
}

/* Sorted row of the split's i-th training row. */
static size_t train_row(const dnb_ridge_split *s, size_t i)
{
    return i < s->first ? i : i + s->n_test;
}

static dnb_status dual_split(dnb_ridge_split *s, const dnb_ridge *r, const parts *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = r->n, t = s->n_train;
    double *a = NULL, *mean = NULL, *cross = NULL;
    DNB_NEW(a, t * t, "a Gram matrix");
    DNB_NEW(mean, t, "means");
    for (size_t i = 0; i < t; i++)
        for (size_t j = 0; j < t; j++) {
            a[i * t + j] = p->gram[train_row(s, i) * n + train_row(s, j)];
            mean[j] += a[i * t + j] / (double)t;
        }
    if (s->n_test) {
        DNB_NEW(cross, s->n_test * t, "a Gram matrix");
        for (size_t i = 0; i < s->n_test; i++) {
            double own = 0;
            for (size_t j = 0; j < t; j++) {
                cross[i * t + j] = p->gram[(s->first + i) * n + train_row(s, j)] - mean[j];
                own += cross[i * t + j];
            }
            for (size_t j = 0; j < t; j++)
                cross[i * t + j] -= own / (double)t;
        }
    }
    DNB_TRY(dnb_gram_centre(a, t, err));
    DNB_TRY(eigen(s, &s->zmap, a, t, r->n > r->d ? r->n : r->d, err));
    if (s->n_test) {
        DNB_NEW(s->test, s->n_test * s->r, "test rows");
        if (s->r)
            DNB_TRY(
                dnb_matmul(s->test, s->r, cross, t, s->zmap, s->r, s->n_test, s->r, t, NULL, err));
        for (size_t i = 0; i < s->n_test; i++)
            for (size_t j = 0; j < s->r; j++)
                s->test[i * s->r + j] /= sqrt(s->l[j]);
    }
    for (size_t i = 0; i < t; i++)
        for (size_t j = 0; j < s->r; j++)
            s->zmap[i * s->r + j] *= sqrt(s->l[j]);
done:
    dnb_free(a);
    dnb_free(mean);
    dnb_free(cross);
    return status;
}

/* U for leave-one-out, rows in sorted order. */
static dnb_status left_vectors(dnb_ridge *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_ridge_split *s = &r->all;
    DNB_NEW(s->u, r->n * s->r, "singular vectors");
    if (r->dual)
        memcpy(s->u, s->zmap, r->n * s->r * sizeof *s->u);
    else if (s->r)
        DNB_TRY(dnb_matmul(s->u, s->r, r->xs, r->d, s->zmap, s->r, r->n, s->r, r->d, NULL, err));
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < s->r; j++)
            s->u[i * s->r + j] /= sqrt(s->l[j]);
done:
    return status;
}

static bool is_near(const double *l, size_t j, size_t k)
{
    return l[j] - l[k] <= NEAR * l[j];
}

/* How many near pairs, and whether the partial fractions are the cheaper way. */
static bool worth_fractions(dnb_ridge_split *s, const dnb_ridge *r)
{
    size_t near = 0, n_alphas = r->opt->n_alphas;
    for (size_t j = 0, k = 0; j < s->r; j++) {
        k = k > j ? k : j;
        while (k + 1 < s->r && is_near(s->l, j, k + 1))
            k++;
        near += k - j;
    }
    s->n_near = near;
    double rank = (double)s->r, inner = (double)(s->n_test < r->d ? s->n_test : r->d);
    double fractions = rank * (rank + inner) + (double)n_alphas * (4 * rank + 2 * (double)near);
    return !r->by_predicting && r->opt->scoring != DNB_SCORE_SPEARMAN && s->r > 0 &&
           fractions < (double)n_alphas * (double)s->n_test * rank;
}

static dnb_status fractions(dnb_ridge_split *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t r = s->r, p = 0;
    dnb_matmul_options opt = DNB_MATMUL_DEFAULTS;
    opt.transpose_a = true;
    DNB_NEW(s->m, r * r, "the test rows' covariance");
    DNB_NEW(s->g, r, "the test rows' covariance");
    DNB_NEW(s->near_j, s->n_near, "near pairs");
    DNB_NEW(s->near_k, s->n_near, "near pairs");
    DNB_NEW(s->near_g, s->n_near, "near pairs");
    DNB_TRY(dnb_matmul(s->m, r, s->test, r, s->test, r, r, r, s->n_test, &opt, err));
    for (size_t j = 0; j < r; j++) {
        s->g[j] = s->m[j * r + j];
        s->m[j * r + j] = 0;
        for (size_t k = j + 1; k < r; k++) {
            double g = s->m[j * r + k];
            bool near = is_near(s->l, j, k);
            if (near) {
                s->near_j[p] = j;
                s->near_k[p] = k;
                s->near_g[p++] = 2 * g;
            }
            s->m[j * r + k] = near ? 0 : g / (s->l[k] - s->l[j]);
            s->m[k * r + j] = -s->m[j * r + k];
        }
    }
done:
    return status;
}

static dnb_status factor_one(dnb_ridge *r, const parts *p, size_t f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_ridge_split *s = f < r->k ? &r->fold[f] : &r->all;
    int threads = dnb_serial_begin();
    DNB_TRY(r->dual ? dual_split(s, r, p, err) : primal_split(s, r, p, f, err));
    if (s->n_test) {
        if (!r->dual)
            DNB_TRY(primal_test(s, r, err));
        DNB_NEW(s->bsum, s->r, "sums");
        for (size_t i = 0; i < s->n_test; i++)
            for (size_t j = 0; j < s->r; j++)
                s->bsum[j] += s->test[i * s->r + j];
        if (worth_fractions(s, r)) {
            DNB_TRY(fractions(s, err));
            if (!r->dual && s->n_test > r->d) { /* t comes from b then, see ridge_score.c */
                dnb_free(s->test);
                s->test = NULL;
            }
        }
    } else if (r->opt->choice == DNB_PENALTY_LOO) {
        DNB_TRY(left_vectors(r, err));
    }
done:
    dnb_serial_end(threads);
    return status;
}

static dnb_status covariance_parts(parts *p, const dnb_ridge *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = r->d, cells = d * d, pieces = r->k ? r->k : 1;
    dnb_matmul_options opt = DNB_MATMUL_DEFAULTS;
    opt.transpose_a = true;
    DNB_NEW(p->a, (r->k + 1) * cells, "covariance matrices");
    double *total = p->a + r->k * cells;
    for (size_t f = 0; f < pieces; f++) {
        size_t first = r->k ? r->fold[f].first : 0, rows = r->k ? r->fold[f].n_test : r->n;
        const double *x = r->xs + first * d;
        DNB_TRY(dnb_matmul(p->a + f * cells, d, x, d, x, d, d, d, rows, &opt, err));
        for (size_t c = 0; r->k && c < cells; c++)
            total[c] += p->a[f * cells + c];
    }
done:
    return status;
}

/* The Gram matrix in sorted order. */
static dnb_status gram_parts(double **out, const dnb_ridge *r, const double *gram, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *own = NULL, *sorted = NULL;
    size_t n = r->n;
    if (!gram) {
        dnb_rows rows = dnb_rows_f64(r->x, n, r->d);
        dnb_gram_options opt = {.centre = DNB_CENTRE_COLUMNS, .progress = r->opt->progress};
        DNB_NEW(own, n * n, "a Gram matrix");
        DNB_TRY(dnb_gram_run(own, &rows, &opt, err));
        gram = own;
    }
    DNB_NEW(sorted, n * n, "a Gram matrix");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            sorted[i * n + j] = gram[r->order[i] * n + r->order[j]];
    *out = sorted;
    sorted = NULL;
done:
    dnb_free(own);
    dnb_free(sorted);
    return status;
}

dnb_status dnb_ridge_factor(dnb_ridge *r, const double *gram, dnb_err *err)
{
    dnb_status status = DNB_OK, *each = NULL;
    dnb_err *errors = NULL;
    parts p = {0};
    double *sorted = NULL;
    size_t tasks = r->k + (r->folds_only ? 0 : 1);
    DNB_NEW(each, tasks, "tasks");
    DNB_NEW(errors, tasks, "tasks");
    if (r->dual) {
        DNB_TRY(gram_parts(&sorted, r, gram, err));
        p.gram = sorted;
    } else {
        DNB_TRY(covariance_parts(&p, r, err));
    }
    DNB_TRY(dnb_check_cancel(r->opt->progress, err));
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t f = 0; f < tasks; f++)
        each[f] = factor_one(r, &p, f, &errors[f]);
    for (size_t f = 0; f < tasks; f++)
        if (each[f] != DNB_OK)
            DNB_TRY(dnb_fail(err, each[f], "%s", errors[f].message));
done:
    dnb_free(each);
    dnb_free(errors);
    dnb_free(p.a);
    dnb_free(sorted);
    return status;
}
