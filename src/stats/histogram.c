/* Histograms over equal bins, counting exactly as numpy.histogram does: a first guess by scaling,
 * moved by one where the stored edges say otherwise. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/features.h"

static dnb_status check_bins(size_t n_bins, size_t n, dnb_err *err)
{
    if (n_bins < 1 || n_bins > (size_t)1 << 24 || n < 1)
        return dnb_fail(
            err, DNB_EARG,
            "a histogram of %zu numbers over %zu bins; at least one number and 1 to 2^24 "
            "bins are needed",
            n, n_bins);
    return DNB_OK;
}

/* Edge i of n_bins between first and last, as numpy.linspace. */
static double edge(double first, double last, size_t n_bins, size_t i)
{
    double step = (last - first) / (double)n_bins;
    if (i == n_bins)
        return last;
    if (step == 0)
        return (double)i / (double)n_bins * (last - first) + first;
    return (double)i * step + first;
}

static dnb_status fail_range(dnb_err *err)
{
    return dnb_fail(
        err, DNB_EARG,
        "a histogram of numbers with NaN, infinity or a range beyond the largest number; "
        "remove them first");
}

/* Both precisions share one body; T is the type of data, edges and first guess. */
#define DEFINE_HIST(T, suffix)                                                                     \
    dnb_status dnb_hist_##suffix(double *counts, size_t n_bins, const T *x, size_t n,              \
                                 dnb_err *err)                                                     \
    {                                                                                              \
        dnb_status status = DNB_OK;                                                                \
        T *edges = NULL, first, last, norm;                                                        \
        DNB_TRY(check_bins(n_bins, n, err));                                                       \
        first = last = x[0];                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            if (!isfinite(x[i]))                                                                   \
                DNB_TRY(fail_range(err));                                                          \
            first = x[i] < first ? x[i] : first;                                                   \
            last = x[i] > last ? x[i] : last;                                                      \
        }                                                                                          \
        if (first == last) {                                                                       \
            first -= (T)0.5;                                                                       \
            last += (T)0.5;                                                                        \
        }                                                                                          \
        norm = (T)((double)n_bins / (double)(T)(last - first));                                    \
        if (!(last > first) || !isfinite(last - first) || !isfinite(norm))                         \
            DNB_TRY(fail_range(err));                                                              \
        DNB_NEW(edges, n_bins + 1, "histogram edges");                                             \
        for (size_t b = 0; b <= n_bins; b++)                                                       \
            edges[b] = (T)edge(first, last, n_bins, b);                                            \
        memset(counts, 0, n_bins * sizeof *counts);                                                \
        for (size_t i = 0; i < n; i++) {                                                           \
            T guess = (T)(x[i] - first) * norm;                                                    \
            size_t b = guess < (T)n_bins ? (size_t)guess : n_bins - 1;                             \
            b -= b > 0 && x[i] < edges[b];                                                         \
            b += b != n_bins - 1 && x[i] >= edges[b + 1];                                          \
            counts[b] += 1;                                                                        \
        }                                                                                          \
    done:                                                                                          \
        dnb_free(edges);                                                                           \
        return status;                                                                             \
    }

DEFINE_HIST(float, f32)
DEFINE_HIST(double, f64)
