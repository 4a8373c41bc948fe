/* Blocks of targets: how the linear models share work among threads and keep their bits. */
#include <limits.h>
#include <string.h>

#include "array/serial.h"
#include "base/mem.h"
#include "base/progress.h"
#include "stats/regression_own.h"

dnb_status dnb_regression_check_int(size_t v, const char *what, dnb_err *err)
{
    if (v > INT_MAX)
        return dnb_fail(err, DNB_EUNSUPPORTED, "%zu %s are more than BLAS can count", v, what);
    return DNB_OK;
}

void dnb_regression_centre(double *dst, double *mean, const double *y, size_t ld, size_t n,
                           size_t j, size_t w)
{
    const double *first = y + j;
    /* Sums of differences to the first row: no digits lost to a large common offset, and exact
     * zeros for a constant. */
    memset(mean, 0, w * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < w; c++)
            mean[c] += y[i * ld + j + c] - first[c];
    for (size_t c = 0; c < w; c++)
        mean[c] /= (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < w; c++)
            dst[i * w + c] = (y[i * ld + j + c] - first[c]) - mean[c];
    for (size_t c = 0; c < w; c++)
        mean[c] += first[c];
}

void dnb_regression_intercepts(dnb_linear *out, const double *xmean, const double *ymean, size_t j,
                               size_t w)
{
    double *to = out->intercept + j;
    memcpy(to, ymean, w * sizeof *to);
    for (size_t i = 0; i < out->d; i++)
        for (size_t c = 0; c < w; c++)
            to[c] -= xmean[i] * out->coef[i * out->m + j + c];
}

size_t dnb_regression_block(size_t m)
{
    size_t width = 512;
    while (width > 32 && m < 8 * width)
        width /= 2;
    return width;
}

dnb_status dnb_regression_blocks(dnb_regression_block_fn *fn, void *ctx, size_t m,
                                 size_t scratch_doubles, const char *what,
                                 const dnb_progress *progress, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *scratch = NULL;
    size_t width = dnb_regression_block(m), blocks = (m + width - 1) / width, all;
    size_t threads = (size_t)dnb_threads_get(), group;
    threads = threads < blocks ? threads : blocks;
    group = 8 * threads;
    scratch_doubles = (scratch_doubles + 7) / 8 * 8;
    if (!dnb_mul_size(&all, scratch_doubles, threads) ||
        !(scratch = dnb_alloc_aligned(all, sizeof *scratch)))
        return dnb_fail_memory(err, "blocks of targets", scratch_doubles * sizeof *scratch);
    for (size_t b0 = 0; b0 < blocks; b0 += group) {
        size_t b1 = blocks - b0 < group ? blocks : b0 + group;
        DNB_TRY(dnb_check_cancel(progress, err));
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)threads)
        for (size_t b = b0; b < b1; b++) {
            size_t j = b * width, w = m - j < width ? m - j : width;
            double *own = scratch + (size_t)omp_get_thread_num() * scratch_doubles;
            int before = dnb_serial_begin();
            fn(ctx, own, j, w);
            dnb_serial_end(before);
        }
        dnb_report(progress, what, b1 * width < m ? b1 * width : m, m);
    }
done:
    dnb_free(scratch);
    return status;
}
