/* The passes over the source that a PCA needs beside its Gram matrix. room: stats (internal) */
#ifndef DNB_STATS_PCA_PASS_H
#define DNB_STATS_PCA_PASS_H

#include "dnnbrain/pca.h"

/* pca->components (k x d) = diag(values)^-1/2 u^T (X - mean), and pca->mean. u: n x k, unit
 * columns. */
dnb_status dnb_pca_components(dnb_pca *pca, const double *u, const double *values,
                              const dnb_rows *x, size_t memory, dnb_err *err) DNB_MUST_CHECK;
/* scatter (d x d) = (X - mean)^T (X - mean), and the columns' mean. */
dnb_status dnb_pca_scatter(double *scatter, double *mean, const dnb_rows *x, size_t memory,
                           const dnb_progress *progress, dnb_err *err) DNB_MUST_CHECK;
/* *scores (n x k, fresh) = (X - pca->mean) pca->components^T. */
dnb_status dnb_pca_scores(dnb_array *scores, const dnb_pca *pca, const dnb_rows *x, size_t memory,
                          dnb_err *err) DNB_MUST_CHECK;

#endif
