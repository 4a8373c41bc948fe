/* Distances between all pairs of rows: representational dissimilarity matrices.
 * room: stats
 *
 * Names, formulas and zero rules are those of scipy.spatial.distance.pdist (SciPy 1.10); results
 * agree to 1e-6, mostly to 1e-12 (correlation and cosine of float32 rows: see dnb_pdist). A
 * condensed matrix holds the pairs (0,1) (0,2) ... (1,2) ... of the upper triangle, n (n - 1) / 2
 * numbers. Same bits for any number of threads. */
#ifndef DNNBRAIN_DISTANCE_H
#define DNNBRAIN_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/array.h"
#include "dnnbrain/condensed.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_metric {
    DNB_EUCLIDEAN = 0,
    DNB_SQEUCLIDEAN,
    DNB_CORRELATION, /* 1 - Pearson r; a constant row's distances are NaN */
    DNB_COSINE,      /* a row of zeros gives NaN */
    DNB_CITYBLOCK,
    DNB_CHEBYSHEV,
    DNB_CANBERRA,   /* 0/0 terms count 0 */
    DNB_BRAYCURTIS, /* two rows of zeros give NaN */
    DNB_MINKOWSKI,
    DNB_SEUCLIDEAN,  /* a column whose variance is 0 gives NaN */
    DNB_MAHALANOBIS, /* needs n > d */
    DNB_HAMMING,
    DNB_MATCHING, /* another name of hamming */
    DNB_JACCARD,  /* on real data: differing / not both zero; 0 when all are zero */
    DNB_JENSENSHANNON,
    /* the rest see x != 0 as true */
    DNB_DICE,
    DNB_KULCZYNSKI1,
    DNB_KULSINSKI,

    DNB_ROGERSTANIMOTO,
    DNB_RUSSELLRAO,
    DNB_SOKALMICHENER,
    DNB_SOKALSNEATH,
    DNB_YULE,
    DNB_METRIC_COUNT
} dnb_metric;

/* scipy's name of a metric, NULL past the end (so a caller can list them). */
DNB_API const char *dnb_metric_name(dnb_metric m);
/* A metric by scipy's name; an unknown name fails with DNB_ENOTFOUND and lists the known ones. */
DNB_API dnb_status dnb_metric_parse(dnb_metric *out, const char *name, dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_pdist_options {
    dnb_metric metric;
    double p;               /* minkowski's exponent, > 0; 0 = 2 */
    const double *variance; /* seuclidean: d variances; NULL = of the columns, ddof 1 */
    bool zscore;   /* first make every row (x - mean) / population sd, as scipy.stats.zscore: a
                      constant row becomes NaN, and so do its distances */
    size_t memory; /* bytes this call may hold, result included; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
} dnb_pdist_options;

/* Distances of all pairs of rows into a fresh DNB_F64 array of one axis; release it with
 * dnb_array_release. n >= 1 (one row gives an empty array). NaN in a row makes its distances NaN,
 * except where x != 0 or x != y decides (SciPy's chebyshev overlooks NaN; ours does not).
 * euclidean, sqeuclidean, seuclidean, correlation, cosine and the boolean ones go through the Gram
 * matrix: n^2 d flops at BLAS speed; pairs that would lose digits to cancellation are computed
 * again directly. Others: n^2 d / 2 steps, vectorised. mahalanobis holds X in float64 and a d x d
 * matrix. A source that fits half of `memory` is read once. Otherwise it is read in tiles of
 * columns, once for each of: the sweep itself, zscore, seuclidean's variances, jensenshannon's
 * sums, and pairs to be computed again; with whole_rows the sweeps take about n / (2 block) passes
 * each. A job that cannot keep to `memory` fails with DNB_ENOMEM. Threads' own panels (1 MB each)
 * come on top.
 *
 * correlation, and cosine without zscore, of float32 rows of at least 2048 columns multiply in
 * float32, sum 64 products at a time in float32 and those sums in float64: 0.7 of the time.
 * Distances below 0.01 are computed again in float64; so are all, at 1.7 times the time, when a row
 * is constant or not finite, has a norm outside 1e-10..1e15, or a mean more than 1.7 deviations
 * from that of its first 4096 columns. Worst differences from SciPy's float64 answer: 2e-9 on 200 x
 * 193600 rectified normals, 9e-9 on 200 x 5000 normals, 2e-8 on 200 x 20000 of rank 6 and noise,
 * 4e-9 with mean 1000 and deviation 1, 5e-8 when those rows share a part, none on 50 x 300 (too few
 * columns). An arbitrary number (not 0) in half of a row's columns rounds always the same way:
 * 5e-7. float64 rows keep all digits. */
DNB_API dnb_status dnb_pdist(dnb_array *out, const dnb_rows *x, const dnb_pdist_options *opt,
                             dnb_err *err) DNB_MUST_CHECK;

/* Bytes dnb_pdist will hold at most for these rows, result included. Nothing is read: of x only the
 * sizes count, and whether it is in memory. */
DNB_API size_t dnb_pdist_plan_bytes(const dnb_rows *x, const dnb_pdist_options *opt);

/* euclidean, sqeuclidean, cosine (and correlation, when the Gram matrix is that of row-centred
 * data) from a Gram matrix g (n x n) into condensed[n (n - 1) / 2]. Distances far below the rows'
 * norms lose digits: absolute error about 1e-8 of the norms for euclidean; dnb_pdist does not. */
DNB_API dnb_status dnb_pdist_from_gram(double *condensed, const double *g, size_t n, dnb_metric m,
                                       dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
