/* Principal component analysis, as scikit-learn's PCA with an exact solver.
 * room: stats
 *
 * Columns are centred, not scaled. Signs follow scikit-learn 1.2: in every column of U the entry
 * largest in magnitude (the first of equals) is positive. */
#ifndef DNNBRAIN_PCA_H
#define DNNBRAIN_PCA_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/array.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnb_pca_options {
    size_t n_components; /* 0 = by variance, or min(n, d) when that is 0 too */
    double variance;     /* 0 < f < 1: the smallest k whose summed variance ratio exceeds f */
    bool components;     /* make `components` and `mean` too (one more pass over the source) */
    size_t memory;       /* bytes this call may hold, results included; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
} dnb_pca_options;

/* All DNB_F64. k components, descending variance. */
typedef struct dnb_pca {
    size_t k;
    dnb_array scores;     /* n x k: the rows of X in the components' coordinates */
    dnb_array variance;   /* k: explained variance, ddof 1 */
    dnb_array ratio;      /* k: of the total variance */
    dnb_array components; /* k x d, unit rows; empty (data NULL) unless asked for */
    dnb_array mean;       /* d; empty unless components were asked for */
} dnb_pca;

/* Fits X (n >= 2 rows); release with dnb_pca_release. d >= n: from the Gram matrix of the centred
 * rows, n^2 d flops, one pass over the source and one more for components; else from the
 * covariance, n d^2 flops, three passes. A source that fits half of `memory` is read once. Squares
 * of singular values are what is computed: a component whose variance is below max(n, d) * 2.2e-16
 * of the largest counts as 0, with scores and component all zeros, and one below 1e-12 has few
 * digits. NaN or infinity fails with DNB_EARG. */
DNB_API dnb_status dnb_pca_fit(dnb_pca *out, const dnb_rows *x, const dnb_pca_options *opt,
                               dnb_err *err) DNB_MUST_CHECK;
/* Bytes dnb_pca_fit will hold at most for these rows, results included. Nothing is read: of x only
 * the sizes count, and whether it is in memory. */
DNB_API size_t dnb_pca_plan_bytes(const dnb_rows *x, const dnb_pca_options *opt);
/* Scores (x->n x k, fresh DNB_F64 array) of other rows; needs components and the same d. */
DNB_API dnb_status dnb_pca_predict(dnb_array *scores, const dnb_pca *pca, const dnb_rows *x,
                                   dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_pca_release(dnb_pca *pca);

#ifdef __cplusplus
}
#endif
#endif
