/* Comparing representational dissimilarity matrices with valid inference.
 * room: stats
 *
 * Entries of an RDM are not exchangeable, its conditions are: the permutation test permutes
 * condition labels, rows and columns together (Kriegeskorte, Mur & Bandettini 2008), p = (1 + #{as
 * extreme}) / (1 + n_perm), never 0; the bootstrap draws conditions (Nili et al. 2014). RDMs are
 * condensed upper triangles (dnnbrain/distance.h). All results depend on seed only, not on the
 * number of threads. */
#ifndef DNNBRAIN_RDMTEST_H
#define DNNBRAIN_RDMTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/correlation.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_alternative {
    DNB_GREATER = 0, /* is the correlation larger than chance? */
    DNB_TWO_SIDED    /* |r|, and in the maximum |r| too */
} dnb_alternative;

typedef struct dnb_rdm_test_options {
    dnb_correlation kind;
    dnb_alternative alternative;
    size_t n_perm; /* 0 = no test: only r */
    uint64_t seed;
    const dnb_progress *progress; /* may be NULL */
} dnb_rdm_test_options;

/* One model x ROI pair. */
typedef struct dnb_rdm_test {
    double r;
    double p;       /* uncorrected; NaN when n_perm is 0 or r is NaN */
    double p_max;   /* corrected over all pairs of the call: against each permutation's largest r */
    double null_lo; /* 2.5th, 95th, 97.5th percentile of the null distribution of r */
    double null_95;
    double null_hi;
} dnb_rdm_test;

/* Tests n_model model RDMs (rows of models) against n_roi brain RDMs (rows of rois), each of
 * n (n - 1) / 2 numbers over the same n >= 3 conditions, all under the same permutations. out:
 * n_model x n_roi. An RDM with NaN fails with DNB_EARG; a constant one gives r = NaN, p = NaN and
 * stays out of the maximum. null (may be NULL): n_perm x n_model x n_roi, the permuted r. Cost per
 * permutation: pearson, spearman n_model n_roi n^2 flops; kendall n^2 log n per pair. */
DNB_API dnb_status dnb_rdm_test_run(dnb_rdm_test *out, double *null, const double *models,
                                    size_t n_model, const double *rois, size_t n_roi, size_t n,
                                    const dnb_rdm_test_options *opt, dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_rdm_bootstrap_options {
    dnb_correlation kind;
    size_t n_boot; /* >= 2 */
    double level;  /* 0 < level < 1, e.g. 0.95 */
    uint64_t seed;
} dnb_rdm_bootstrap_options;

typedef struct dnb_rdm_interval {
    double r, lo, hi; /* correlation and its interval */
    double se;        /* standard deviation of the bootstrap's r */
    size_t n_used;    /* draws with a defined r (at least 3 pairs left, no constant RDM) */
} dnb_rdm_interval;

/* Interval of corr(a, b) when conditions are the random factor: each draw takes n conditions with
 * replacement and leaves out pairs of a condition with itself (their dissimilarity is 0 by
 * construction). The interval is that of Fisher's z: z(r) -+ t(n - 2) * sd of the draws' z * sqrt(n
 * / (n - 1)). In simulations with 12 to 40 conditions a 95 % interval held the true correlation
 * in 93.5 to 99 % of the cases, where the draws' percentiles held it in 92.5 to 97
 * (tests/calibration). Cost: n_boot n^2 (log n for ranks). */
DNB_API dnb_status dnb_rdm_bootstrap_run(dnb_rdm_interval *out, const double *a, const double *b,
                                         size_t n, const dnb_rdm_bootstrap_options *opt,
                                         dnb_err *err) DNB_MUST_CHECK;

/* Noise ceiling of subjects' RDMs (n_subject >= 2 rows of n (n - 1) / 2 numbers; Nili et al. 2014):
 * *upper = mean correlation of each subject with the mean RDM, *lower = with the mean of the
 * others. RDMs are z-scored (pearson) or ranked (else) before they are averaged; for kendall the
 * mean of ranks is not exactly the best RDM, so upper is approximate. It is a ceiling on r, not a
 * reliability. */
DNB_API dnb_status dnb_rdm_ceiling_run(double *lower, double *upper, const double *subjects,
                                       size_t n_subject, size_t n, dnb_correlation kind,
                                       dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
