/* BLAS and LAPACK with sizes checked and errors in words. */
#include "dnnbrain/linalg.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "array/krylov.h"
#include "array/serial.h"
#include "base/mem.h"

const char *dnb_blas_core(void)
{
    return openblas_get_corename();
}

/* True when the CPU and the operating system run the instructions of OpenBLAS's SKYLAKEX kernels.
 */
static bool cpu_has_avx512(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
#else
    return false;
#endif
}

const char *dnb_blas_better_core(void)
{
    static const char *const without_avx512[] = {"Haswell", "Zen", "Sandybridge", "Nehalem",
                                                 "Prescott"};
    const char *core = openblas_get_corename();
    if (getenv("OPENBLAS_CORETYPE") || !core || !cpu_has_avx512())
        return NULL;
    for (size_t i = 0; i < sizeof without_avx512 / sizeof *without_avx512; i++)
        if (strcmp(core, without_avx512[i]) == 0)
            return "SKYLAKEX";
    return NULL;
}

/* Sizes BLAS takes are ints. */
static dnb_status check_int(size_t v, const char *what, dnb_err *err)
{
    if (v > INT_MAX)
        return dnb_fail(err, DNB_EUNSUPPORTED, "%s of %zu is more than BLAS can count", what, v);
    return DNB_OK;
}

static dnb_status check_matrix(size_t rows, size_t cols, size_t ld, const char *name, dnb_err *err)
{
    if (ld < cols)
        return dnb_fail(err, DNB_ESHAPE, "matrix %s: rows of %zu numbers stand %zu apart", name,
                        cols, ld);
    dnb_status status = check_int(rows, name, err);
    return status != DNB_OK ? status : check_int(ld, name, err);
}

/* One call of either gemm; precision picks. */
typedef struct product {
    const dnb_matmul_options *o;
    void *c;
    const void *a, *b;
    size_t ldc, lda, ldb, m, n, k, item;
} product;

static void run_block(const product *p, size_t i, size_t m, size_t j, size_t n)
{
    const char *a = (const char *)p->a + (p->o->transpose_a ? i : i * p->lda) * p->item;
    const char *b = (const char *)p->b + (p->o->transpose_b ? j * p->ldb : j) * p->item;
    char *c = (char *)p->c + (i * p->ldc + j) * p->item;
    CBLAS_TRANSPOSE ta = p->o->transpose_a ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE tb = p->o->transpose_b ? CblasTrans : CblasNoTrans;
    int threads = dnb_serial_begin();
    if (p->item == sizeof(double))
        cblas_dgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)p->k, p->o->alpha, (const void *)a,
                    (int)p->lda, (const void *)b, (int)p->ldb, p->o->beta, (void *)c, (int)p->ldc);
    else
        cblas_sgemm(CblasRowMajor, ta, tb, (int)m, (int)n, (int)p->k, (float)p->o->alpha,
                    (const void *)a, (int)p->lda, (const void *)b, (int)p->ldb, (float)p->o->beta,
                    (void *)c, (int)p->ldc);
    dnb_serial_end(threads);
}

/* C in blocks that follow from the shape alone, each made by one thread: fixed bits. */
static dnb_status run_product(const product *p, dnb_err *err)
{
    const dnb_matmul_options *o = p->o;
    dnb_status status = DNB_OK;
    size_t bm = 256, bn = 512;
    DNB_TRY(
        check_matrix(o->transpose_a ? p->k : p->m, o->transpose_a ? p->m : p->k, p->lda, "A", err));
    DNB_TRY(
        check_matrix(o->transpose_b ? p->n : p->k, o->transpose_b ? p->k : p->n, p->ldb, "B", err));
    DNB_TRY(check_matrix(p->m, p->n, p->ldc, "C", err));
    if (p->m == 0 || p->n == 0)
        return DNB_OK;
    while ((bm > 64 || bn > 64) && ((p->m + bm - 1) / bm) * ((p->n + bn - 1) / bn) < 32) {
        bm = bm > 64 ? bm / 2 : bm;
        bn = bn > 64 ? bn / 2 : bn;
    }
    size_t across = (p->n + bn - 1) / bn, blocks = ((p->m + bm - 1) / bm) * across;
#pragma omp parallel for schedule(dynamic)
    for (size_t q = 0; q < blocks; q++) {
        size_t i = q / across * bm, j = q % across * bn;
        run_block(p, i, p->m - i < bm ? p->m - i : bm, j, p->n - j < bn ? p->n - j : bn);
    }
done:
    return status;
}

dnb_status dnb_matmul(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                      size_t ldb, size_t m, size_t n, size_t k, const dnb_matmul_options *opt,
                      dnb_err *err)
{
    const dnb_matmul_options defaults = DNB_MATMUL_DEFAULTS;
    product p = {opt ? opt : &defaults, c, a, b, ldc, lda, ldb, m, n, k, sizeof *c};
    return run_product(&p, err);
}

dnb_status dnb_matmul_f32(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                          size_t ldb, size_t m, size_t n, size_t k, const dnb_matmul_options *opt,
                          dnb_err *err)
{
    const dnb_matmul_options defaults = DNB_MATMUL_DEFAULTS;
    product p = {opt ? opt : &defaults, c, a, b, ldc, lda, ldb, m, n, k, sizeof *c};
    return run_product(&p, err);
}

/* LAPACK on one thread up to DNB_LINALG_EXACT; returns what dnb_serial_end puts back. */
static int serial_if_small(size_t order)
{
    return order <= DNB_LINALG_EXACT ? dnb_serial_begin() : omp_get_max_threads();
}

static dnb_status check_finite(const double *a, size_t rows, size_t cols, bool upper,
                               const char *what, dnb_err *err)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = upper ? i : 0; j < cols; j++)
            if (!isfinite(a[i * cols + j]))
                return dnb_fail(err, DNB_EARG,
                                "%s: entry (%zu, %zu) is NaN or infinite; remove such rows first",
                                what, i, j);
    return DNB_OK;
}

static dnb_status check_info(lapack_int info, const char *what, dnb_err *err)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the work space of %s", what);
    if (info != 0)
        return dnb_fail(err, DNB_EINTERNAL, "%s did not converge (LAPACK info %d)", what,
                        (int)info);
    return DNB_OK;
}

/* LAPACK's ascending column-major answer into our descending row-major one. */
static void store_eigen(double *values, double *vectors, const double *w, const double *z, size_t n,
                        size_t k, size_t first)
{
    for (size_t c = 0; c < k; c++) {
        size_t from = first + k - 1 - c;
        values[c] = w[from];
        for (size_t i = 0; vectors && i < n; i++)
            vectors[i * k + c] = z[from * n + i];
    }
}

/* The lower triangle from the upper one. */
static void mirror_upper(double *a, size_t n)
{
    enum { TILE = 64 };
#pragma omp parallel for schedule(dynamic)
    for (size_t ti = 0; ti < n; ti += TILE)
        for (size_t tj = 0; tj <= ti; tj += TILE)
            for (size_t i = ti; i < n && i < ti + TILE; i++)
                for (size_t j = tj; j < i && j < tj + TILE; j++)
                    a[i * n + j] = a[j * n + i];
}

dnb_status dnb_eigen(double *values, double *vectors, double *a, size_t n, size_t k, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool converged = false;
    double *w = NULL, *z = NULL, *diagonal = NULL;
    lapack_int *support = NULL, found = 0, info, in;
    if (n == 0 || k == 0 || k > n)
        return dnb_fail(err, DNB_EARG, "%zu eigenvalues of a matrix of order %zu", k, n);
    DNB_TRY(check_int(n, "the order of a matrix", err));
    DNB_TRY(check_finite(a, n, n, true, "eigenvalues", err));
    if (dnb_krylov_suits(n, k)) {
        mirror_upper(a, n);
        DNB_TRY(dnb_krylov_eigen(&converged, values, vectors, a, n, k, err));
        if (converged)
            return DNB_OK;
    }
    DNB_NEW(w, n, "eigenvalues");
    in = (lapack_int)n;
    char job = vectors ? 'V' : 'N';
    /* Our upper triangle, row-major, is LAPACK's lower one, column-major. */
    int threads = serial_if_small(n);
    if (4 * k >= n) {
        info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, 'L', in, a, in, w);
        dnb_serial_end(threads);
        DNB_TRY(check_info(info, "the eigenvalue computation", err));
        store_eigen(values, vectors, w, a, n, k, n - k);
    } else {
        z = dnb_alloc(vectors ? n * k : 1, sizeof *z);
        support = dnb_alloc(2 * k, sizeof *support);
        diagonal = dnb_alloc(n, sizeof *diagonal);
        if (!z || !support || !diagonal) {
            dnb_serial_end(threads);
            DNB_TRY(dnb_fail_memory(err, "eigenvectors", n * k * sizeof *z));
        }
        /* LAPACK's bisection may fail in clusters. It spoils its triangle and the diagonal; with
         * the other triangle all is at hand for another method. */
        mirror_upper(a, n);
        cblas_dcopy((int)n, a, (int)n + 1, diagonal, 1);
        info = LAPACKE_dsyevr(LAPACK_COL_MAJOR, job, 'I', 'L', in, a, in, 0, 0,
                              (lapack_int)(n - k + 1), in, 0.0, &found, w, z, in, support);
        bool again = info > 0 || (info == 0 && found != (lapack_int)k);
        if (again) {
            cblas_dcopy((int)n, diagonal, 1, a, (int)n + 1);
            info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, 'U', in, a, in, w);
        }
        dnb_serial_end(threads);
        DNB_TRY(check_info(info, "the eigenvalue computation", err));
        store_eigen(values, vectors, w, again ? a : z, n, k, again ? n - k : 0);
    }
done:
    dnb_free(w);
    dnb_free(z);
    dnb_free(diagonal);
    dnb_free(support);
    return status;
}

dnb_status dnb_solve(double *a, double *b, size_t n, size_t m, bool positive, dnb_err *err)
{
    dnb_status status = DNB_OK;
    lapack_int *pivots = NULL, info;
    DNB_TRY(check_int(n, "the order of a system", err));
    DNB_TRY(check_int(m, "the number of right-hand sides", err));
    if (n == 0 || m == 0)
        return DNB_OK;
    DNB_TRY(check_finite(a, n, n, positive, "the matrix of a linear system", err));
    DNB_TRY(check_finite(b, n, m, false, "the right-hand side of a linear system", err));
    DNB_NEW(pivots, n, "a linear system");
    int threads = serial_if_small(n);
    if (positive)
        info = LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', (lapack_int)n, (lapack_int)m, a, (lapack_int)n,
                             b, (lapack_int)m);
    else
        info = LAPACKE_dgesv(LAPACK_ROW_MAJOR, (lapack_int)n, (lapack_int)m, a, (lapack_int)n,
                             pivots, b, (lapack_int)m);
    dnb_serial_end(threads);
    if (info > 0)
        DNB_TRY(
            dnb_fail(err, DNB_EARG,
                     "a linear system of order %zu is %s at its row %d; its columns depend on each "
                     "other",
                     n, positive ? "not positive definite" : "singular", (int)info));
    DNB_TRY(check_info(info, "a linear system", err));
done:
    dnb_free(pivots);
    return status;
}

dnb_status dnb_svd(double *u, double *s, double *vt, double *a, size_t m, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (m == 0 || n == 0 || !u != !vt)
        return dnb_fail(err, DNB_EARG,
                        "singular values of a %zu x %zu matrix (u and vt go together)", m, n);
    DNB_TRY(check_int(m, "the rows of a matrix", err));
    DNB_TRY(check_int(n, "the columns of a matrix", err));
    DNB_TRY(check_finite(a, m, n, false, "singular values", err));
    /* Row-major A is column-major A^T = V S U^T, so LAPACK's left vectors are our vt and its right
     * ones our u, both already in row-major order. */
    lapack_int im = (lapack_int)m, in = (lapack_int)n, r = im < in ? im : in;
    double dummy[1];
    int threads = serial_if_small(m < n ? m : n);
    lapack_int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, u ? 'S' : 'N', in, im, a, in, s,
                                     u ? vt : dummy, in, u ? u : dummy, u ? r : 1);
    dnb_serial_end(threads);
    DNB_TRY(check_info(info, "the singular value computation", err));
done:
    return status;
}
