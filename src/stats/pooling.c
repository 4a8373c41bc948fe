/* One number for each channel's map. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/features.h"
#include "dnnbrain/runtime.h"

static const char *const names[DNB_POOL_COUNT] = {
    [DNB_POOL_MAX] = "max", [DNB_POOL_MEAN] = "mean", [DNB_POOL_MEDIAN] = "median",
    [DNB_POOL_L1] = "L1",   [DNB_POOL_L2] = "L2",
};

const char *dnb_pool_name(dnb_pool_kind kind)
{
    return (size_t)kind < DNB_POOL_COUNT ? names[kind] : NULL;
}

dnb_status dnb_pool_parse(dnb_pool_kind *out, const char *name, dnb_err *err)
{
    int found = dnb_enum_find(name, names, DNB_POOL_COUNT, NULL, 0);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND, "no pooling '%s'; known: max mean median L1 L2", name);
    *out = (dnb_pool_kind)found;
    return DNB_OK;
}

/* Moves the k-th smallest of x[n] to x[k], none larger before it and none smaller after it (Hoare's
 * selection; each round leaves three parts: <= pivot, in between, >= pivot). */
static void select_kth(float *x, size_t n, size_t k)
{
    ptrdiff_t lo = 0, hi = (ptrdiff_t)n - 1, at = (ptrdiff_t)k;
    while (lo < hi) {
        float a = x[lo], b = x[lo + (hi - lo) / 2], c = x[hi];
        float pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        ptrdiff_t i = lo, j = hi;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i <= j) {
                float swap = x[i];
                x[i++] = x[j];
                x[j--] = swap;
            }
        }
        if (at <= j)
            hi = j;
        else if (at >= i)
            lo = i;
        else
            return;
    }
}

static double median(float *work, const float *x, size_t n)
{
    size_t k = n / 2;
    memcpy(work, x, n * sizeof *x);
    select_kth(work, n, k);
    if (n % 2)
        return work[k];
    float below = work[0];
    for (size_t i = 1; i < k; i++)
        below = work[i] > below ? work[i] : below;
    return 0.5 * ((double)below + (double)work[k]);
}

static double pool(const float *x, size_t n, dnb_pool_kind kind, float *work)
{
    double sum = 0, largest = x[0];
    for (size_t i = 0; i < n; i++) {
        double v = x[i];
        if (isnan(v))
            return NAN;
        largest = v > largest ? v : largest;
        sum += kind == DNB_POOL_L1 ? fabs(v) : kind == DNB_POOL_L2 ? v * v : v;
    }
    switch (kind) {
    case DNB_POOL_MAX:
        return largest;
    case DNB_POOL_MEAN:
        return sum / (double)n;
    case DNB_POOL_MEDIAN:
        return median(work, x, n);
    case DNB_POOL_L1:
        return sum;
    default:
        return sqrt(sum);
    }
}

dnb_status dnb_pool_run(float *dst, const float *src, size_t n_chn, size_t n_unit,
                        dnb_pool_kind kind, dnb_err *err)
{
    float *work = NULL;
    int threads = dnb_threads_get();
    if (n_unit < 1 || (size_t)kind >= DNB_POOL_COUNT)
        return dnb_fail(err, DNB_EARG, "pooling %zu numbers a channel by method %d", n_unit,
                        (int)kind);
    if (kind == DNB_POOL_MEDIAN) {
        work = dnb_alloc(n_unit, sizeof *work * (size_t)threads);
        if (!work)
            return dnb_fail_memory(err, "medians", n_unit * sizeof *work * (size_t)threads);
    }
#pragma omp parallel for schedule(static) num_threads(threads) if (n_unit * n_chn > 16384)
    for (size_t c = 0; c < n_chn; c++)
        dst[c] = (float)pool(src + c * n_unit, n_unit, kind,
                             work ? work + (size_t)omp_get_thread_num() * n_unit : NULL);
    dnb_free(work);
    return DNB_OK;
}
