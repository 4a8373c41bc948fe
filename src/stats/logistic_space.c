/* Products with the data of a logistic regression, by rows or by their Gram matrix. */
#include "stats/logistic_space.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/classify_own.h"

/* Rows scored together; chunks whose sums are kept apart. */
enum { BLOCK = 64, CHUNKS = 16 };

void dnb_space_release(dnb_space *s)
{
    dnb_free(s->a);
    dnb_free(s->partial);
    dnb_free(s->block);
    dnb_free(s->factor);
    dnb_free(s->cross);
    dnb_free(s->diagonal);
    *s = (dnb_space){0};
}

static dnb_status load(dnb_space *s, double *mean, const double *x, size_t n, size_t d,
                       dnb_err *err)
{
    dnb_column_means(mean, x, n, d);
    if (s->dual) {
        dnb_rows rows = dnb_rows_f64(x, n, d);
        const dnb_gram_options centred = {.centre = DNB_CENTRE_COLUMNS};
        return dnb_gram_run(s->a, &rows, &centred, err);
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            s->a[i * d + j] = x[i * d + j] - mean[j];
    return DNB_OK;
}

/* Is a q x q factor worth its making? It costs about what n q^2 says, a step of conjugate gradients
 * 4 n q k. */
static bool factor_pays(const dnb_space *s)
{
    return s->dual ? s->n <= 4000 + 1200 * s->k : s->q <= 400 + 200 * s->k;
}

dnb_status dnb_space_init(dnb_space *out, double *mean, const double *x, size_t n, size_t d,
                          size_t k, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_space s = {.n = n, .q = d > n ? n : d, .k = k, .dual = d > n};
    size_t size;
    if (n > INT_MAX || d > INT_MAX)
        DNB_TRY(dnb_fail(err, DNB_EUNSUPPORTED, "%zu x %zu is more than BLAS can count", n, d));
    s.chunk = (n + CHUNKS - 1) / CHUNKS;
    s.chunk = s.chunk < BLOCK ? BLOCK : s.chunk;
    s.chunks = (n + s.chunk - 1) / s.chunk;
    s.whole = factor_pays(&s);
    if (!dnb_mul_size(&size, n, s.q) || !(s.a = dnb_alloc_aligned(size, sizeof *s.a)))
        DNB_TRY(dnb_fail_memory(err, "the centred rows", n * s.q * sizeof *s.a));
    DNB_NEW(s.partial, s.chunks * (s.dual ? k : s.q * k + k), "sums of rows");
    if (s.whole)
        DNB_NEW(s.factor, s.q * s.q, "a Cholesky factor");
    if (s.whole && !s.dual)
        DNB_NEW(s.cross, s.q * s.q, "a cross-product matrix");
    DNB_NEW(s.block, s.chunks * BLOCK * k, "rows in work");
    DNB_NEW(s.diagonal, s.q, "a diagonal");
    DNB_TRY(load(&s, mean, x, n, d, err));
    if (s.cross) { /* the triangle the factor is made of, on one thread: fixed bits */
        int threads = dnb_serial_begin();
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)s.q, (int)n, 1.0, s.a, (int)s.q,
                    0.0, s.cross, (int)s.q);
        dnb_serial_end(threads);
    }
    for (size_t i = 0; !s.dual && !s.whole && i < n; i++)
        for (size_t e = 0; e < s.q; e++)
            s.diagonal[e] += s.a[i * s.q + e] * s.a[i * s.q + e];
    *out = s;
    s = (dnb_space){0};
done:
    dnb_space_release(&s);
    return status;
}

DNB_SIMD static double dot(const double *a, const double *b, size_t n)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < n; j++)
        s += a[j] * b[j];
    return s;
}

DNB_SIMD static void add_scaled(double *y, const double *x, double by, size_t n)
{
#pragma omp simd
    for (size_t j = 0; j < n; j++)
        y[j] += by * x[j];
}

static void score_block(const dnb_space *s, double *scores, size_t first, size_t rows,
                        const double *v)
{
    const double *a = s->a + first * s->q;
    if (s->k == 1)
        for (size_t i = 0; i < rows; i++)
            scores[i] = dot(a + i * s->q, v, s->q);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)s->k, (int)s->q, 1.0,
                    a, (int)s->q, v, (int)s->k, 0.0, scores, (int)s->k);
}

static void back_block(const dnb_space *s, double *out, size_t first, size_t rows, const double *r)
{
    const double *a = s->a + first * s->q;
    if (s->k == 1)
        for (size_t i = 0; i < rows; i++)
            add_scaled(out, a + i * s->q, r[i], s->q);
    else
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)s->q, (int)s->k, (int)rows, 1.0,
                    a, (int)s->q, r, (int)s->k, 1.0, out, (int)s->k);
}

/* One chunk: scores, rows through fn, and their sums into the chunk's own place. block has room for
 * BLOCK x k. */
static double chunk_pass(const dnb_space *s, size_t c, double *out, double *scores, const double *v,
                         dnb_space_row *fn, const void *ctx, double *block)
{
    size_t k = s->k, first = c * s->chunk, wide = s->dual ? 0 : s->q * k;
    size_t end = s->n - first < s->chunk ? s->n : first + s->chunk;
    double *sum = s->partial + c * (wide + k), *sum_b = sum + wide, loss = 0;
    memset(sum, 0, (wide + k) * sizeof *sum);
    for (size_t i = first; i < end; i += BLOCK) {
        size_t rows = end - i < BLOCK ? end - i : BLOCK;
        double *r = s->dual ? out + i * k : block;
        if (s->dual && scores) {
            memcpy(r, scores + i * k, rows * k * sizeof *r);
        } else if (v) {
            score_block(s, r, i, rows, v);
            if (scores)
                memcpy(scores + i * k, r, rows * k * sizeof *r);
        }
        for (size_t e = 0; e < rows; e++) {
            loss += fn(ctx, i + e, r + e * k);
            for (size_t m = 0; m < k; m++)
                sum_b[m] += r[e * k + m];
        }
        if (!s->dual)
            back_block(s, sum, i, rows, r);
    }
    return loss;
}

double dnb_space_pass(const dnb_space *s, double *out, double *out_b, double *scores,
                      const double *v, dnb_space_row *fn, const void *ctx)
{
    size_t wide = s->dual ? 0 : s->q * s->k, each = wide + s->k;
    double losses[CHUNKS], loss = 0;
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < s->chunks; c++) {
        int threads = dnb_serial_begin();
        losses[c] = chunk_pass(s, c, out, scores, v, fn, ctx, s->block + c * BLOCK * s->k);
        dnb_serial_end(threads);
    }
    if (wide)
        memset(out, 0, wide * sizeof *out);
    memset(out_b, 0, s->k * sizeof *out_b);
    for (size_t c = 0; c < s->chunks; c++) {
        add_scaled(out, s->partial + c * each, 1, wide);
        add_scaled(out_b, s->partial + c * each + wide, 1, s->k);
        loss += losses[c];
    }
    return loss;
}

void dnb_space_scores(const dnb_space *s, double *scores, const double *v)
{
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < s->chunks; c++) {
        size_t first = c * s->chunk;
        int threads = dnb_serial_begin();
        score_block(s, scores + first * s->k, first,
                    s->n - first < s->chunk ? s->n - first : s->chunk, v);
        dnb_serial_end(threads);
    }
}

double dnb_space_inner(const dnb_space *s, const double *u, const double *us, const double *v)
{
    return dot(s->dual ? us : u, v, s->q * s->k);
}

dnb_status dnb_space_precondition(dnb_space *s, double weight, dnb_err *err)
{
    if (s->weight > 0 && weight < 2 * s->weight && weight > 0.5 * s->weight)
        return DNB_OK;
    s->weight = weight;
    if (!s->whole)
        return DNB_OK;
    size_t q = s->q;
    const double *from = s->dual ? s->a : s->cross;
    for (size_t e = 0; e < q * q; e++)
        s->factor[e] = weight * from[e];
    for (size_t i = 0; i < q; i++)
        s->factor[i * q + i] += 1;
    int threads = dnb_serial_begin();
    /* Row-major upper is column-major lower, which LAPACK takes without turning it. */
    lapack_int info =
        LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', (lapack_int)q, s->factor, (lapack_int)q);
    dnb_serial_end(threads);
    if (info != 0)
        return dnb_fail(
            err, DNB_EARG,
            "logistic regression: the columns' squares are out of range (C of the order "
            "of 1e15 times too large, or columns of such a scale); scale the columns");
    return DNB_OK;
}

void dnb_space_solve(const dnb_space *s, double *z, const double *r)
{
    size_t q = s->q, k = s->k;
    memcpy(z, r, q * k * sizeof *z);
    if (!s->whole) {
        for (size_t j = 0; !s->dual && j < q; j++)
            for (size_t m = 0; m < k; m++)
                z[j * k + m] /= 1 + s->weight * s->diagonal[j];
        return;
    }
    int threads = dnb_serial_begin();
    /* The factor's stored triangle is U, row-major, with U^T U the matrix. */
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, (int)q, (int)k, 1.0,
                s->factor, (int)q, z, (int)k);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, (int)q, (int)k,
                1.0, s->factor, (int)q, z, (int)k);
    dnb_serial_end(threads);
}
