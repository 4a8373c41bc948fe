/* Blocked Cholesky whose blocks follow from the order alone, each made by one thread. */
#include "array/spd.h"

#include <cblas.h>
#include <math.h>

#include "array/serial.h"
#include "dnnbrain/linalg.h"

enum { BLOCK = 128 };

static size_t size_at(size_t n, size_t at)
{
    return n - at < BLOCK ? n - at : BLOCK;
}

/* The diagonal block by itself; false when a squared pivot is not above floor. */
static bool factor_diagonal(double *a, size_t lda, size_t n, double floor)
{
    for (size_t j = 0; j < n; j++) {
        double pivot = a[j * lda + j];
        for (size_t k = 0; k < j; k++)
            pivot -= a[j * lda + k] * a[j * lda + k];
        if (!(pivot > floor))
            return false;
        pivot = sqrt(pivot);
        a[j * lda + j] = pivot;
        for (size_t i = j + 1; i < n; i++) {
            double sum = a[i * lda + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * lda + k] * a[j * lda + k];
            a[i * lda + j] = sum / pivot;
        }
    }
    return true;
}

/* Rows below the diagonal block at j: A_ij <- A_ij L_jj^-T. */
static void solve_panel(double *a, size_t n, size_t j, size_t nj)
{
#pragma omp parallel for schedule(dynamic)
    for (size_t i = j + nj; i < n; i += BLOCK) {
        int threads = dnb_serial_begin();
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                    (int)size_at(n, i), (int)nj, 1, a + j * n + j, (int)n, a + i * n + j, (int)n);
        dnb_serial_end(threads);
    }
}

/* What the panel takes off the lower triangle behind it. */
static void update_rest(double *a, size_t n, size_t j, size_t nj)
{
    size_t first = j + nj, blocks = (n - first + BLOCK - 1) / BLOCK;
    if (first >= n)
        return;
#pragma omp parallel for schedule(dynamic)
    for (size_t q = 0; q < blocks; q++) {
        /* The longest row of blocks first. */
        size_t i = first + (blocks - 1 - q) * BLOCK, ni = size_at(n, i);
        int threads = dnb_serial_begin();
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)ni, (int)(i + ni - first),
                    (int)nj, -1, a + i * n + j, (int)n, a + first * n + j, (int)n, 1,
                    a + i * n + first, (int)n);
        dnb_serial_end(threads);
    }
}

dnb_status dnb_spd_factor(double *a, size_t n, double least, bool *positive, dnb_err *err)
{
    double largest = 0;
    if (n > 46340) /* blocks are addressed by BLAS's ints */
        return dnb_fail(err, DNB_EUNSUPPORTED, "a linear system of order %zu is too large", n);
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, a[i * n + i]);
    *positive = isfinite(largest);
    for (size_t j = 0; j < n && *positive; j += BLOCK) {
        size_t nj = size_at(n, j);
        *positive = factor_diagonal(a + j * n + j, n, nj, least * largest);
        if (!*positive)
            break;
        solve_panel(a, n, j, nj);
        update_rest(a, n, j, nj);
    }
    return DNB_OK;
}

/* One diagonal block's triangle against all columns of its rows of B. */
static void solve_rows(double *b, size_t m, const double *l, size_t n, size_t nj, bool transpose)
{
    enum { COLUMNS = 256 };
#pragma omp parallel for schedule(dynamic)
    for (size_t c = 0; c < m; c += COLUMNS) {
        size_t nc = m - c < COLUMNS ? m - c : COLUMNS;
        int threads = dnb_serial_begin();
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transpose ? CblasTrans : CblasNoTrans,
                    CblasNonUnit, (int)nj, (int)nc, 1, l, (int)n, b + c, (int)m);
        dnb_serial_end(threads);
    }
}

dnb_status dnb_spd_solve(double *b, size_t m, const double *l, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_matmul_options o = {.alpha = -1, .beta = 1};
    for (size_t j = 0; j < n && status == DNB_OK; j += BLOCK) {
        size_t nj = size_at(n, j), next = j + nj;
        solve_rows(b + j * m, m, l + j * n + j, n, nj, false);
        if (next < n)
            status = dnb_matmul(b + next * m, m, l + next * n + j, n, b + j * m, m, n - next, m, nj,
                                &o, err);
    }
    o.transpose_a = true;
    for (size_t q = (n + BLOCK - 1) / BLOCK; q-- > 0 && status == DNB_OK;) {
        size_t j = q * BLOCK, nj = size_at(n, j), next = j + nj;
        if (next < n)
            status = dnb_matmul(b + j * m, m, l + next * n + j, n, b + next * m, m, nj, m, n - next,
                                &o, err);
        if (status == DNB_OK)
            solve_rows(b + j * m, m, l + j * n + j, n, nj, true);
    }
    return status;
}
