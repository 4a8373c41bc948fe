/* Clustering: k-means and agglomerative trees. room: stats
 *
 * k-means is Lloyd's algorithm from k-means++ seeds (Arthur & Vassilvitskii 2007, SODA), as
 * scikit-learn 1.2's KMeans(algorithm="lloyd") when given the same first centres. Trees are those
 * of scipy.cluster.hierarchy.linkage, by the nearest-neighbour chain (Murtagh 1983, Comput. J. 26).
 * Results are the same bits for any number of threads. NaN or infinity fail with DNB_EARG. */
#ifndef DNNBRAIN_CLUSTER_H
#define DNNBRAIN_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero = defaults. */
typedef struct dnb_kmeans_options {
    size_t n_init;         /* starts, the best is kept; 0 = 10. 1 when centres are given */
    size_t max_iterations; /* per start; 0 = 300. Running out is no error: the last centres hold */
    double tolerance; /* stop when the centres' squared moves sum to less than this times the mean
                         column variance; 0 = 1e-4 */
    uint64_t seed;
    const double *centres; /* k x d first centres, or NULL for k-means++ */
} dnb_kmeans_options;

/* Zero-initialise; release with dnb_kmeans_release. */
typedef struct dnb_kmeans {
    size_t n, d, k, iterations;
    double *centres; /* k x d */
    size_t *labels;  /* n: 0..k-1 */
    double inertia;  /* sum of squared distances to the rows' centres */
} dnb_kmeans;

/* Clusters the n rows of x (n x d, row-major) into 1 <= k <= n. A cluster that loses all its rows
 * takes over the row farthest from its centre, as scikit-learn's does. NULL opt = defaults. Cost:
 * 2 n k d flops per iteration; work space: a copy of x and n k numbers. */
DNB_API dnb_status dnb_kmeans_fit(dnb_kmeans *out, const double *x, size_t n, size_t d, size_t k,
                                  const dnb_kmeans_options *opt, dnb_err *err) DNB_MUST_CHECK;
/* Nearest centre of n rows of k->d columns; the first of equals. */
DNB_API dnb_status dnb_kmeans_predict(size_t *labels, const dnb_kmeans *k, const double *x,
                                      size_t n, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_kmeans_release(dnb_kmeans *k);

typedef enum dnb_linkage {
    DNB_LINKAGE_SINGLE = 0,
    DNB_LINKAGE_COMPLETE,
    DNB_LINKAGE_AVERAGE,
    DNB_LINKAGE_WARD, /* distances must be Euclidean for the heights to mean anything */
    DNB_LINKAGE_COUNT
} dnb_linkage;

/* "single", "complete", "average", "ward"; NULL for an unknown one. */
DNB_API const char *dnb_linkage_name(dnb_linkage method);
DNB_API dnb_status dnb_linkage_parse(dnb_linkage *method, const char *name,
                                     dnb_err *err) DNB_MUST_CHECK;

/* One merge: clusters a < b (rows are 0..n-1, merge i makes cluster n + i), the distance at which
 * they meet, and the rows of the new cluster. */
typedef struct dnb_merge {
    size_t a, b;
    double height;
    size_t size;
} dnb_merge;

/* The n - 1 merges of n >= 2 things, by height, from their pairwise distances in the order of
 * dnb_pdist: (0,1), (0,2), ..., (1,2), .... Distances must be finite and not negative; they are
 * copied. Cost: n^2 steps, 4 n^2 bytes. Ties may merge in another order than SciPy's. */
DNB_API dnb_status dnb_linkage_run(dnb_merge *merges /* n - 1 */, const double *distances, size_t n,
                                   dnb_linkage method, dnb_err *err) DNB_MUST_CHECK;
/* The flat clusters below the lowest cut that leaves at most k of them (merges of equal height go
 * together), into labels[n], numbered 0.. in the order of their first rows; *found (may be NULL) is
 * how many there are. The groups are those of scipy's fcluster(criterion="maxclust"), its numbers
 * are others (and it never stops after the first merge, so k = n - 1 gives it fewer). 1 <= k <= n;
 * k = n keeps every thing apart. */
DNB_API dnb_status dnb_linkage_cut(size_t *labels, size_t *found, const dnb_merge *merges, size_t n,
                                   size_t k, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
