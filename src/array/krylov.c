/* Thick-restart block Lanczos with full reorthogonalisation (Wu & Simon 2000, SIAM J. Matrix Anal.
 * Appl. 22; Baglama, Calvetti & Reichel 2003). Nearly all work is products of a block with the
 * matrix or with the basis, where LAPACK's tridiagonalisation waits for memory. */
#include "array/krylov.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "array/block_product.h"
#include "array/serial.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/random.h"

/* A basis vector is a row of n numbers: blocks of them stand side by side in memory. */
typedef struct krylov {
    const double *a;
    size_t n, k, block, most; /* most: the largest basis, before a restart */
    size_t keep;              /* Ritz vectors a restart keeps */
    size_t p, done;           /* basis so far; of it, rows whose product with A is projected */
    double *v;                /* (most + block) x n */
    double *w;                /* block x n: A times the last block, less its part in the basis */
    double *t;                /* most x most: V A V^T */
    double *c;                /* (most + block) x block */
    double *y, *theta;        /* keep x most Ritz vectors in the basis (rows), their values */
    double *work;             /* most x most, then block x keep */
    double *swap;             /* keep x n */
    double *turned;           /* n x block, for dnb_block_product; NULL without it */
    double square;            /* ||A||_F^2 */
    double scale;             /* largest |A v| of a basis vector: close to the norm of A */
    dnb_random random;
    /* Fresh random vectors came in because the space was exhausted: then eigenvalues of high
     * multiplicity may still hide, and nothing is believed before it stood the same number of
     * further steps. */
    size_t steps, first_fresh, calm_since;
    double *last; /* k: the Ritz values when they last changed */
} krylov;

enum { BLOCK = 32, SMALLEST = 1000 };
#define TOLERANCE 1e-13 /* residuals relative to A */

static size_t block_of(size_t k)
{
    size_t b = (k / 2 + 15) / 16 * 16;
    return b < 16 ? 16 : b > BLOCK ? BLOCK : b;
}

static size_t most_of(size_t k)
{
    size_t b = block_of(k), most = 3 * k > k + 12 * b ? 3 * k : k + 12 * b;
    return most / b * b;
}

static size_t keep_of(size_t most, size_t k, size_t b)
{
    size_t keep = k + (most - k) / 3;
    return keep + b < most ? keep : k;
}

bool dnb_krylov_suits(size_t n, size_t k)
{
    return n >= SMALLEST && 4 * most_of(k) <= 3 * n && 8 * k <= n;
}

double dnb_krylov_bytes(size_t n, size_t k)
{
    double b = (double)block_of(k), m = (double)most_of(k), dn = (double)n;
    double keep = (double)keep_of((size_t)m, k, (size_t)b);
    return 8 * (dn * (m + 3 * b + keep) + 4 * m * m + m * (2 * b + keep + 30) + 4096);
}

/* C (m x n) = alpha op(A) op(B) + beta C in blocks that follow from the shape alone. They are
 * larger than dnb_matmul's: OpenBLAS takes its kernels for small matrices up to some 2e7 products,
 * and those are several times slower on long rows. */
static void multiply(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                     size_t ldb, const size_t mnk[3], bool ta, bool tb, double alpha, double beta)
{
    size_t m = mnk[0], n = mnk[1], k = mnk[2], bm = 64, bn = 64;
    while ((bm < m || bn < n) && bm * bn * k < (size_t)3 << 24)
        if (bn < n && (bn <= bm || bm >= m))
            bn *= 2;
        else
            bm *= 2;
    size_t across = (n + bn - 1) / bn, blocks = (m + bm - 1) / bm * across;
#pragma omp parallel for schedule(dynamic)
    for (size_t q = 0; q < blocks; q++) {
        size_t i = q / across * bm, j = q % across * bn;
        int threads = dnb_serial_begin();
        cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                    (int)(m - i < bm ? m - i : bm), (int)(n - j < bn ? n - j : bn), (int)k, alpha,
                    a + (ta ? i : i * lda), (int)lda, b + (tb ? j * ldb : j), (int)ldb, beta,
                    c + i * ldc + j, (int)ldc);
        dnb_serial_end(threads);
    }
}

/* Takes the part in the first p basis vectors off w (rows x n), twice; what was taken, added up,
 * goes into s->c (p x rows). */
static void project_out(krylov *s, double *w, size_t rows, size_t p)
{
    double *second = s->work;
    for (int pass = 0; pass < 2; pass++) {
        double *c = pass == 0 ? s->c : second;
        multiply(c, rows, s->v, s->n, w, s->n, (size_t[]){p, rows, s->n}, false, true, 1, 0);
        multiply(w, s->n, c, rows, s->v, s->n, (size_t[]){rows, s->n, p}, true, false, -1, 1);
    }
    for (size_t i = 0; i < p * rows; i++)
        s->c[i] += second[i];
}

static double squared_norm(const double *x, size_t n)
{
    int threads = dnb_serial_begin();
    double r = cblas_ddot((int)n, x, 1, x, 1);
    dnb_serial_end(threads);
    return r;
}

static double norm_of(const double *x, size_t n)
{
    return sqrt(squared_norm(x, n));
}

/* One row of the new block against the rows before it in the block: twice is enough. */
static void against_block(krylov *s, double *x, size_t before)
{
    int threads = dnb_serial_begin();
    const double *v = s->v + s->p * s->n;
    for (int pass = 0; pass < 2 && before > 0; pass++) {
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)before, (int)s->n, 1, v, (int)s->n, x, 1, 0,
                    s->c, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)before, (int)s->n, -1, v, (int)s->n, s->c, 1, 1,
                    x, 1);
    }
    dnb_serial_end(threads);
}

static void fresh_vector(krylov *s, double *x, size_t before)
{
    for (size_t i = 0; i < s->n; i++)
        x[i] = dnb_random_normal(&s->random);
    project_out(s, x, 1, s->p);
    against_block(s, x, before);
}

/* The next block of the basis: s->w made orthonormal. */
static void append_block(krylov *s)
{
    bool fresh = false;
    double *v = s->v + s->p * s->n;
    memcpy(v, s->w, s->block * s->n * sizeof *v);
    for (size_t j = 0; j < s->block; j++) {
        double *x = v + j * s->n;
        against_block(s, x, j);
        double size = norm_of(x, s->n);
        if (!(size > 1e-13 * s->scale)) {
            fresh = true;
            fresh_vector(s, x, j);
            size = norm_of(x, s->n);
        } else if (size < 1e-7 * s->scale) {
            /* What is left is so small that its part in the basis is no longer small beside it. */
            project_out(s, x, 1, s->p);
            against_block(s, x, j);
            size = norm_of(x, s->n);
        }
        for (size_t i = 0; i < s->n; i++)
            x[i] /= size;
    }
    if (fresh && s->steps > 0 && s->first_fresh == 0)
        s->first_fresh = s->calm_since = s->steps;
    s->p += s->block;
}

/* Multiplies the last block, which makes its column of T. */
static void step(krylov *s)
{
    const double *last = s->v + s->done * s->n;
    size_t b = s->p - s->done;
    if (s->turned)
        dnb_block_product(s->w, last, s->a, s->n, b, s->turned);
    else
        multiply(s->w, s->n, last, s->n, s->a, s->n, (size_t[]){b, s->n, s->n}, false, false, 1, 0);
    for (size_t j = 0; j < b; j++)
        s->scale = fmax(s->scale, norm_of(s->w + j * s->n, s->n));
    project_out(s, s->w, b, s->p);
    for (size_t i = 0; i < s->p; i++)
        for (size_t j = 0; j < b; j++)
            s->t[i * s->most + s->done + j] = s->t[(s->done + j) * s->most + i] = s->c[i * b + j];
    s->done = s->p;
    s->steps++;
}

static void copy_projection(krylov *s)
{
    size_t p = s->done;
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++)
            s->work[i * p + j] = (s->t[i * s->most + j] + s->t[j * s->most + i]) / 2;
}

/* The `keep` largest Ritz pairs, descending, into theta and the rows of y. All pairs by divide and
 * conquer take less time than some by bisection, which may fail in clusters besides. */
static dnb_status ritz(krylov *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *w = NULL;
    size_t p = s->done;
    DNB_NEW(w, p, "eigenvalues");
    copy_projection(s);
    int threads = dnb_serial_begin();
    lapack_int info =
        LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)p, s->work, (lapack_int)p, w);
    dnb_serial_end(threads);
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        DNB_TRY(dnb_fail(err, DNB_ENOMEM, "out of memory for the work space of eigenvalues"));
    if (info != 0)
        DNB_TRY(dnb_fail(err, DNB_EINTERNAL,
                         "the eigenvalue computation did not converge (LAPACK info %d)",
                         (int)info));
    for (size_t c = 0; c < s->keep; c++) {
        s->theta[c] = w[p - 1 - c];
        memcpy(s->y + c * s->most, s->work + (p - 1 - c) * p, p * sizeof *w);
    }
done:
    dnb_free(w);
    return status;
}

/* Whether all of A outside the basis is smaller than the kth Ritz value; exact to 1e-8 of ||A||. */
static bool nothing_hides(const krylov *s)
{
    double inside = 0, least = s->theta[s->k - 1], slack = 1e-14 * s->square;
    for (size_t i = 0; i < s->done; i++)
        for (size_t j = 0; j < s->done; j++)
            inside += s->t[i * s->most + j] * s->t[i * s->most + j];
    return least > 0 && s->square - inside + slack < least * least;
}

/* Whether the k largest have converged: the residual of a Ritz vector y is W^T y_last, W being what
 * the last product left outside the basis. *worst: the largest residual relative to A. */
static bool judge(krylov *s, double *worst)
{
    size_t b = s->block, from = s->done - b;
    double *m = s->work, moved = 0;
    *worst = 0;
    multiply(m, b, s->w, s->n, s->w, s->n, (size_t[]){b, b, s->n}, false, true, 1, 0);
    for (size_t c = 0; c < s->k; c++) {
        const double *y = s->y + c * s->most + from;
        double square = 0;
        for (size_t i = 0; i < b; i++)
            for (size_t j = 0; j < b; j++)
                square += y[i] * m[i * b + j] * y[j];
        *worst = fmax(*worst, sqrt(fmax(square, 0)) / s->scale);
        moved = fmax(moved, fabs(s->theta[c] - s->last[c]));
        s->last[c] = s->theta[c];
    }
    if (moved > 1e-11 * s->scale)
        s->calm_since = s->steps;
    return *worst <= TOLERANCE &&
           (s->first_fresh == 0 || s->steps - s->calm_since > s->first_fresh || nothing_hides(s));
}

/* Blocks to add before looking again: residuals fall by about the same factor with each. */
static size_t blocks_to_go(double worst, double before, size_t blocks)
{
    double rate = before > worst && worst > 0 ? log(before / worst) / (double)blocks : 0;
    double need = rate > 0 ? ceil(0.9 * log(worst / TOLERANCE) / rate) : 3;
    return need < 1 ? 1 : need > 4 ? 4 : (size_t)need;
}

/* dst (count x n) = the first Ritz vectors in full. */
static void ritz_vectors(const krylov *s, double *dst, size_t count)
{
    multiply(dst, s->n, s->y, s->most, s->v, s->n, (size_t[]){count, s->n, s->done}, false, false,
             1, 0);
}

/* The basis becomes the `keep` best Ritz vectors; the block that follows is the same as without. */
static void restart(krylov *s)
{
    ritz_vectors(s, s->swap, s->keep);
    memcpy(s->v, s->swap, s->keep * s->n * sizeof *s->v);
    memset(s->t, 0, s->most * s->most * sizeof *s->t);
    for (size_t i = 0; i < s->keep; i++)
        s->t[i * s->most + i] = s->theta[i];
    s->p = s->done = s->keep;
    project_out(s, s->w, s->block, s->p);
}

static dnb_status iterate(krylov *s, bool *converged, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t multiplied = 0, check_at = 2 * s->k + 2 * s->block, looked = 0;
    double worst = 1, before;
    *converged = false;
    for (size_t i = 0; i < s->block * s->n; i++)
        s->w[i] = dnb_random_normal(&s->random);
    while (multiplied < 4 * s->n) {
        append_block(s);
        step(s);
        multiplied += s->block;
        bool full = s->done + s->block > s->most;
        if (s->done < s->keep + s->block || (!full && s->done < check_at))
            continue;
        DNB_TRY(ritz(s, err));
        before = worst;
        *converged = judge(s, &worst);
        if (*converged)
            break;
        if (full)
            restart(s);
        check_at = s->done + s->block * blocks_to_go(worst, before, s->steps - looked);
        looked = s->steps;
    }
done:
    return status;
}

static dnb_status reserve(krylov *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t square = s->most * s->most, c = (s->most + s->block) * s->block;
    DNB_NEW(s->v, (s->most + s->block) * s->n, "a Krylov basis");
    DNB_NEW(s->w, s->block * s->n, "a Krylov basis");
    DNB_NEW(s->swap, s->keep * s->n, "a Krylov basis");
    DNB_NEW(s->t, square, "a Krylov basis");
    DNB_NEW(s->work, square > c ? square : c, "a Krylov basis");
    DNB_NEW(s->c, c, "a Krylov basis");
    DNB_NEW(s->y, s->keep * s->most, "a Krylov basis");
    DNB_NEW(s->theta, s->keep, "a Krylov basis");
    DNB_NEW(s->last, s->k, "a Krylov basis");
    if (dnb_block_product_suits(s->block))
        DNB_NEW(s->turned, s->block * s->n, "a Krylov basis");
done:
    return status;
}

dnb_status dnb_krylov_eigen(bool *converged, double *values, double *vectors, const double *a,
                            size_t n, size_t k, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t b = block_of(k), most = most_of(k);
    krylov s = {.a = a, .n = n, .k = k, .block = b, .most = most, .keep = keep_of(most, k, b)};
    for (size_t i = 0; i < n; i++)
        s.square += squared_norm(a + i * n, n);
    dnb_random_init(&s.random, 0x6b72796c6f76, n);
    DNB_TRY(reserve(&s, err));
    DNB_TRY(iterate(&s, converged, err));
    if (*converged) {
        memcpy(values, s.theta, k * sizeof *values);
        if (vectors) {
            ritz_vectors(&s, s.swap, k);
            for (size_t i = 0; i < n; i++)
                for (size_t c = 0; c < k; c++)
                    vectors[i * k + c] = s.swap[c * n + i];
        }
    }
done:
    dnb_free(s.v);
    dnb_free(s.w);
    dnb_free(s.swap);
    dnb_free(s.turned);
    dnb_free(s.t);
    dnb_free(s.work);
    dnb_free(s.c);
    dnb_free(s.y);
    dnb_free(s.theta);
    dnb_free(s.last);
    return status;
}
