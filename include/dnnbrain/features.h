/* Small summaries of one pattern: histogram, spectrum, z-score, pooling.
 * room: stats
 *
 * Every function works on one vector and may be called from many threads at once. */
#ifndef DNNBRAIN_FEATURES_H
#define DNNBRAIN_FEATURES_H

#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* counts[b], b < n_bins: how many of x[0..n) fall in each of n_bins equal bins between x's own
 * smallest and largest value, the last bin closed (numpy.histogram; a constant x gets bins of width
 * 1 / n_bins around it). The _f32 form puts the edges in float32 as NumPy does for such data. NaN
 * or infinity fails (DNB_EARG). */
DNB_API dnb_status dnb_hist_f32(double *counts, size_t n_bins, const float *x, size_t n,
                                dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_hist_f64(double *counts, size_t n_bins, const double *x, size_t n,
                                dnb_err *err) DNB_MUST_CHECK;

/* The first n_first bins of the one-sided power spectral density of x, sampling rate 1, mean
 * removed, no window (scipy.signal.periodogram's defaults). n_first <= n / 2 + 1. FFTW; cost n log
 * n. */
DNB_API dnb_status dnb_psd(double *density, size_t n_first, const double *x, size_t n,
                           dnb_err *err) DNB_MUST_CHECK;

/* z = (x - mean) / sd with the population sd (scipy.stats.zscore); all NaN for a constant x. z may
 * be x. */
DNB_API void dnb_zscore(double *z, const double *x, size_t n);

typedef enum dnb_pool_kind {
    DNB_POOL_MAX = 0,
    DNB_POOL_MEAN,
    DNB_POOL_MEDIAN,
    DNB_POOL_L1, /* sum of |x| */
    DNB_POOL_L2, /* square root of the sum of squares */
    DNB_POOL_COUNT
} dnb_pool_kind;

/* "max", "mean", "median", "L1", "L2"; NULL past the end. */
DNB_API const char *dnb_pool_name(dnb_pool_kind kind);
DNB_API dnb_status dnb_pool_parse(dnb_pool_kind *out, const char *name,
                                  dnb_err *err) DNB_MUST_CHECK;
/* dst[c] = pool of src[c * n_unit ... + n_unit): one number a channel, sums in float64. NaN in a
 * channel gives NaN, as in NumPy. n_unit >= 1. */
DNB_API dnb_status dnb_pool_run(float *dst, const float *src, size_t n_chn, size_t n_unit,
                                dnb_pool_kind kind, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
