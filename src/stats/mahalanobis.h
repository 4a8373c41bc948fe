/* Whitening: Mahalanobis distances are Euclidean ones of whitened rows. room: stats (internal) */
#ifndef DNB_STATS_MAHALANOBIS_H
#define DNB_STATS_MAHALANOBIS_H

#include "dnnbrain/array.h"
#include "dnnbrain/rows.h"

/* *out (n x d, DNB_F64, fresh) = X V diag(w)^-1/2 for the columns' covariance V diag(w) V^T (ddof
 * 1); zscore standardises rows first. Fails when n <= d or the columns depend on each other. Holds
 * X twice and two d x d in float64. */
dnb_status dnb_whiten(dnb_array *out, const dnb_rows *x, bool zscore, size_t memory,
                      dnb_err *err) DNB_MUST_CHECK;

#endif
