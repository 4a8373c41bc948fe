/* Dense linear algebra in our terms over OpenBLAS and LAPACK: row-major, sizes checked, one status.
 * room: array
 *
 * Threads: OpenBLAS follows dnb_threads_set. Same bits for any number of threads: dnb_gram_run,
 * dnb_gram_centre, dnb_matmul, dnb_eigen of few eigenvalues (see there), and dnb_eigen, dnb_solve
 * and dnb_svd up to order DNB_LINALG_EXACT (they run on one thread there). Above that order
 * LAPACK's last bits may change with the number of threads: results agree to about 1e-13 of the
 * largest value. The bits do depend on the CPU's kernels. */
#ifndef DNNBRAIN_LINALG_H
#define DNNBRAIN_LINALG_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DNB_LINALG_EXACT 512

/* The name OPENBLAS_CORETYPE should hold for faster kernels on this CPU; NULL when nothing is to be
 * gained or the variable is set already. OpenBLAS reads it while it loads, so a program that wants
 * it sets it and executes itself again. */
DNB_API const char *dnb_blas_better_core(void);
/* The kernels OpenBLAS chose ("Haswell", "SkylakeX", ...). */
DNB_API const char *dnb_blas_core(void);

/* C = alpha op(A) op(B) + beta C with op(A) m x k, op(B) k x n, C m x n; op transposes where asked.
 * ld* are the distances between rows as stored. C is not read when beta == 0. */
typedef struct dnb_matmul_options {
    bool transpose_a, transpose_b;
    double alpha, beta;
} dnb_matmul_options;
#define DNB_MATMUL_DEFAULTS                                                                        \
    {                                                                                              \
        false, false, 1.0, 0.0                                                                     \
    }

DNB_API dnb_status dnb_matmul(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                              size_t ldb, size_t m, size_t n, size_t k,
                              const dnb_matmul_options *opt, dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_matmul_f32(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                                  size_t ldb, size_t m, size_t n, size_t k,
                                  const dnb_matmul_options *opt, dnb_err *err) DNB_MUST_CHECK;

/* What is taken off X before the Gram matrix is made. */
typedef enum dnb_gram_centre_kind {
    DNB_CENTRE_NONE = 0,
    DNB_CENTRE_COLUMNS, /* every column's mean: Euclidean distances, PCA, kernel ridge */
    DNB_CENTRE_ROWS     /* every row's own mean: Pearson correlation between rows */
} dnb_gram_centre_kind;

typedef struct dnb_gram_options {
    dnb_gram_centre_kind centre;
    /* Form products of float32 rows in float32, where sums of 64 stay, and add those up in float64:
     * twice as fast, each g_ij within about 4e-6 |x_i| |x_j| / sqrt(d) of the exact one. No effect
     * on float64 rows or with DNB_CENTRE_ROWS. */
    bool single;
    size_t memory;                /* bytes of work space beside g; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
} dnb_gram_options;

/* g (n x n, both triangles) = X' X'^T for X' = X centred as asked; products and sums in float64,
 * centring in one pass over a shifted X, so a large common offset costs no digits. A source that
 * fits half of `memory` is read once; otherwise tiles of columns are read once (centring rows reads
 * the first 4096 columns first), and with whole_rows blocks of rows about n / (2 block) times.
 * Cost: n^2 d flops. On failure g may hold part of the result. NULL opt = defaults (no centring).
 */
DNB_API dnb_status dnb_gram_run(double *g, const dnb_rows *x, const dnb_gram_options *opt,
                                dnb_err *err) DNB_MUST_CHECK;
/* g <- (I - 1/n) g (I - 1/n) in place: the Gram matrix after centring columns. */
DNB_API dnb_status dnb_gram_centre(double *g, size_t n, dnb_err *err) DNB_MUST_CHECK;

/* The k largest eigenvalues of a symmetric n x n matrix (its upper triangle is read; a is
 * destroyed), descending, into values[k], and, when vectors is not NULL, unit eigenvectors as the
 * columns of vectors (n x k; signs are arbitrary). k == n gives all. LAPACK, or, from order 1000
 * and with 8 k <= n, block Lanczos: residuals below 1e-13 of the norm of A, about 20 n^2 k flops
 * where eigenvalues decay and 80 n^2 k where the largest lie close together (it gives up for LAPACK
 * after 8 n^3), and the same bits for any number of threads. */
DNB_API dnb_status dnb_eigen(double *values, double *vectors, double *a, size_t n, size_t k,
                             dnb_err *err) DNB_MUST_CHECK;
/* Solves A X = B: A n x n (destroyed), B n x m overwritten by X. positive: A is symmetric positive
 * definite (Cholesky, upper triangle read), else LU. A singular A fails with DNB_EARG. */
DNB_API dnb_status dnb_solve(double *a, double *b, size_t n, size_t m, bool positive,
                             dnb_err *err) DNB_MUST_CHECK;
/* Thin SVD of A (m x n, destroyed): u m x r, s r descending, vt r x n, r = min(m, n). u and vt may
 * be NULL together. */
DNB_API dnb_status dnb_svd(double *u, double *s, double *vt, double *a, size_t m, size_t n,
                           dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
