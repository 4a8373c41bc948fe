/* Ordinary least squares with an intercept; the smallest solution where there are many.
 *
 * Centred x = Q R when columns are clearly independent and fewer than rows: w = R^-1 Q^T y. When R
 * is singular to working precision, R = U S V^T and w = V S^+ U^T Q^T y; with d >= n the singular
 * value decomposition of x itself (its rank is n - 1 at most). LAPACK runs on one thread, so bits
 * do not depend on the number of threads. */
#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <string.h>

#include "array/serial.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/regression_own.h"

typedef struct ols {
    size_t n, d, k; /* k = min(n, d) */
    double *mean;   /* d */
    double *qt;     /* k x n: coordinates c = qt y */
    double *r;      /* d x d upper triangle: w = r^-1 c; NULL: w = map c */
    double *map;    /* d x k */
    const dnb_progress *progress;
} ols;

static void ols_free(void *state)
{
    ols *s = state;
    if (!s)
        return;
    dnb_free(s->mean);
    dnb_free(s->qt);
    dnb_free(s->r);
    dnb_free(s->map);
    dnb_free(s);
}

static double cutoff(const ols *s)
{
    return (double)(s->n > s->d ? s->n : s->d) * DBL_EPSILON;
}

static dnb_status lapack_status(lapack_int info, dnb_err *err)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the work space of least squares");
    if (info != 0)
        return dnb_fail(err, DNB_EINTERNAL, "least squares failed in LAPACK (info %d)", (int)info);
    return DNB_OK;
}

/* map = V S^+ U^T of r (destroyed). */
static dnb_status map_of_triangle(ols *s, double *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *u = NULL, *sv = NULL, *vt = NULL;
    size_t d = s->d;
    dnb_matmul_options both = DNB_MATMUL_DEFAULTS;
    both.transpose_a = both.transpose_b = true;
    DNB_NEW(u, d * d, "singular vectors");
    DNB_NEW(vt, d * d, "singular vectors");
    DNB_NEW(sv, d, "singular values");
    DNB_NEW(s->map, d * d, "a pseudo-inverse");
    DNB_TRY(dnb_svd(u, sv, vt, r, d, d, err));
    for (size_t i = 0; i < d; i++) {
        double inverse = sv[i] > cutoff(s) * sv[0] ? 1.0 / sv[i] : 0.0;
        for (size_t j = 0; j < d; j++)
            vt[i * d + j] *= inverse;
    }
    DNB_TRY(dnb_matmul(s->map, d, vt, d, u, d, d, d, d, &both, err));
done:
    dnb_free(u);
    dnb_free(sv);
    dnb_free(vt);
    return status;
}

/* n > d. a: centred x, n x d, destroyed. */
static dnb_status factor_tall(ols *s, double *a, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *tau = NULL, *r = NULL, rcond = 0;
    size_t n = s->n, d = s->d;
    DNB_NEW(s->qt, d * n, "an orthogonal basis");
    DNB_NEW(tau, d, "a QR decomposition");
    DNB_NEW(r, d * d, "a QR decomposition");
    /* LAPACK's columns are our rows: qt starts as x^T. */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            s->qt[j * n + i] = a[i * d + j];
    DNB_TRY(lapack_status(
        LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (lapack_int)n, (lapack_int)d, s->qt, (lapack_int)n, tau),
        err));
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i <= j; i++)
            r[i * d + j] = s->qt[j * n + i];
    DNB_TRY(lapack_status(
        LAPACKE_dtrcon(LAPACK_COL_MAJOR, '1', 'L', 'N', (lapack_int)d, r, (lapack_int)d, &rcond),
        err));
    DNB_TRY(lapack_status(LAPACKE_dorgqr(LAPACK_COL_MAJOR, (lapack_int)n, (lapack_int)d,
                                         (lapack_int)d, s->qt, (lapack_int)n, tau),
                          err));
    /* The estimate may be off by a factor or two and by the norm: well away from the cut-off. */
    if (rcond > 100 * cutoff(s)) {
        s->r = r;
        r = NULL;
    } else {
        DNB_TRY(map_of_triangle(s, r, err));
    }
done:
    dnb_free(tau);
    dnb_free(r);
    return status;
}

/* d >= n. a: centred x, n x d, destroyed. */
static dnb_status factor_wide(ols *s, double *a, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *u = NULL, *sv = NULL, *vt = NULL;
    size_t n = s->n, d = s->d, k = s->k;
    DNB_NEW(u, n * k, "singular vectors");
    DNB_NEW(vt, k * d, "singular vectors");
    DNB_NEW(sv, k, "singular values");
    DNB_NEW(s->qt, k * n, "an orthogonal basis");
    DNB_NEW(s->map, d * k, "a pseudo-inverse");
    DNB_TRY(dnb_svd(u, sv, vt, a, n, d, err));
    for (size_t c = 0; c < k; c++) {
        double inverse = sv[c] > cutoff(s) * sv[0] ? 1.0 / sv[c] : 0.0;
        for (size_t i = 0; i < n; i++)
            s->qt[c * n + i] = u[i * k + c];
        for (size_t j = 0; j < d; j++)
            s->map[j * k + c] = vt[c * d + j] * inverse;
    }
done:
    dnb_free(u);
    dnb_free(sv);
    dnb_free(vt);
    return status;
}

/* Exactly 0 for a constant feature, not 0 up to rounding. (Its R is singular, so there is a map.)
 */
static void clear_constant(ols *s, const double *x)
{
    for (size_t j = 0; s->map && j < s->d; j++) {
        size_t i = 1;
        while (i < s->n && x[i * s->d + j] == x[j])
            i++;
        if (i == s->n)
            memset(s->map + j * s->k, 0, s->k * sizeof *s->map);
    }
}

static dnb_status ols_new(void **state, const double *x, size_t n, size_t d,
                          const dnb_regression_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    ols *s = NULL;
    double *a = NULL;
    int threads = dnb_serial_begin();
    DNB_TRY(dnb_regression_check_int(n, "rows", err));
    DNB_TRY(dnb_regression_check_int(d, "features", err));
    DNB_NEW(s, 1, "least squares");
    s->n = n;
    s->d = d;
    s->k = n < d ? n : d;
    s->progress = opt->progress;
    DNB_NEW(s->mean, d, "means");
    DNB_NEW(a, n * d, "centred features");
    dnb_regression_centre(a, s->mean, x, d, n, 0, d);
    DNB_TRY(n > d ? factor_tall(s, a, err) : factor_wide(s, a, err));
    clear_constant(s, x);
    *state = s;
    s = NULL;
done:
    dnb_serial_end(threads);
    dnb_free(a);
    ols_free(s);
    return status;
}

typedef struct ols_job {
    const ols *s;
    dnb_linear *out;
    const double *y;
} ols_job;

static void ols_block(void *ctx, double *scratch, size_t j, size_t w)
{
    const ols_job *job = ctx;
    const ols *s = job->s;
    double *mean = scratch, *yc = mean + w, *c = yc + s->n * w, *coef = job->out->coef + j;
    int n = (int)s->n, d = (int)s->d, k = (int)s->k, m = (int)job->out->m, wi = (int)w;
    dnb_regression_centre(yc, mean, job->y, job->out->m, s->n, j, w);
    if (s->r) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, wi, n, 1.0, s->qt, n, yc, wi, 0.0,
                    coef, m);
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, d, wi, 1.0,
                    s->r, d, coef, m);
    } else {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, wi, n, 1.0, s->qt, n, yc, wi, 0.0,
                    c, wi);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, d, wi, k, 1.0, s->map, k, c, wi, 0.0,
                    coef, m);
    }
    dnb_regression_intercepts(job->out, s->mean, mean, j, w);
}

static dnb_status ols_fit(dnb_linear *out, void *state, const double *y, size_t m, dnb_err *err)
{
    const ols *s = state;
    ols_job job = {s, out, y};
    size_t width = dnb_regression_block(m), rows, doubles;
    dnb_status status = dnb_regression_check_int(m, "targets", err);
    if (status != DNB_OK)
        return status;
    if (!dnb_add_size(&rows, s->n, s->k + 1) || !dnb_mul_size(&doubles, rows, width))
        return dnb_fail_memory(err, "blocks of targets", SIZE_MAX);
    return dnb_regression_blocks(ols_block, &job, m, doubles, "least squares", s->progress, err);
}

const dnb_regression_model dnb_regression_ols = {
    .name = "glm", .fresh = ols_new, .fit = ols_fit, .release = ols_free};
