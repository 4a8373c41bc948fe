/* What a score is worth: p-values of permutation tests, false discovery rate, intervals over
 * stimuli, noise ceilings.
 * room: stats
 *
 * Matrices are row-major: rows are stimuli (or measurements), columns are targets (voxels, ROIs,
 * behaviour columns). Results depend on the seed only, not on the number of threads. */
#ifndef DNNBRAIN_INFERENCE_H
#define DNNBRAIN_INFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/scoring.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* p of a permutation test in which n_extreme of n_perm permutations reached the observed value:
 * (1 + n_extreme) / (1 + n_perm), never 0 (Phipson & Smyth 2010). */
DNB_API double dnb_permutation_p(size_t n_extreme, size_t n_perm);

/* q[i] = the smallest false discovery rate at which test i is among the findings (Benjamini &
 * Hochberg 1995: valid for independent and positively dependent tests). A NaN p is no test: it gets
 * NaN and does not count among the n. DNB_EARG for a p outside 0..1. q may be p. Cost n log n. */
DNB_API dnb_status dnb_fdr(double *q, const double *p, size_t n, dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_interval {
    double value, lo, hi;
} dnb_interval;

typedef struct dnb_bootstrap_options {
    dnb_scoring scoring; /* explained_variance, r2, correlation, spearman or neg_mse */
    size_t n_boot;       /* >= 2; 0 = 1000 */
    double level;        /* 0 < level < 1; 0 = 0.95 */
    uint64_t seed;
    const int64_t *groups; /* NULL, or one value per row: rows of a group are drawn together */
    size_t memory;         /* bytes of work space; 0 = dnb_memory_budget() */
} dnb_bootstrap_options;

/* Interval of each target's score over stimuli, for predictions that did not see the rows they are
 * scored on (cross-validated ones): out[m] for y and yhat, n x m. value is the score of all rows
 * taken together, which is not quite the mean of the folds' scores. Rows, or groups of rows, are
 * the random factor; the fitted models are taken as they are. Bootstrap-t (Efron 1981) on the scale
 * where the score is nearest to normal, atanh(r) or log(1 - score), with the infinitesimal
 * jackknife's standard errors; spearman is the same on ranks. In simulations with 50 to 200 stimuli
 * a 95 % interval held the truth in 94.0 to 95.1 % of 8,000 cases. A target without a defined score
 * (constant y or yhat) gets value as dnb_score_columns gives it and NaN bounds. DNB_EARG with fewer
 * than 4 rows or groups. Calibration: tests/calibration/test_score_inference.c. Cost: 54 n_boot n m
 * flops. */
DNB_API dnb_status dnb_score_interval_run(dnb_interval *out, const double *y, const double *yhat,
                                          size_t n, size_t m, const dnb_bootstrap_options *opt,
                                          dnb_err *err) DNB_MUST_CHECK;

/* Wilson's (1927) interval of a proportion, for accuracies over n >= 1 independent trials. */
DNB_API dnb_interval dnb_proportion_interval(size_t hits, size_t n, double level);

/* Interval of a mean over subjects (or any independent units): Student's t. value is NaN without
 * numbers, the bounds with fewer than two. */
DNB_API dnb_interval dnb_mean_interval(const double *x, size_t n, double level);

/* What repeats say about the best any model could reach for one target. */
typedef struct dnb_ceiling {
    double single; /* ICC(1): share of one measurement's variance that the stimulus makes */
    dnb_interval reliability; /* ICC(1,k) of the mean over a stimulus's repeats: the ceiling on
                                 explained variance and r2 */
    dnb_interval r;           /* its square root: the ceiling on a correlation with that mean */
} dnb_ceiling;

/* Noise ceilings of m targets from repeated measurements: y is n x m, stimulus[i] says which
 * stimulus row i measures. One-way random effects (Shrout & Fleiss 1979; McGraw & Wong 1996), whose
 * reliability equals the NSD's noise ceiling (Allen et al. 2022) without its floor at 0: an
 * estimate below 0 is returned as it is, and r is then 0. Bounds are exact for normal data with
 * equal numbers of repeats, approximate otherwise (k is then (n - sum k_i^2 / n) / (stimuli - 1)).
 * A target without variance gets NaN. DNB_EARG unless there are two stimuli and one of them is
 * repeated. Cost: 3 n m. */
DNB_API dnb_status dnb_ceiling_run(dnb_ceiling *out, const double *y, size_t n, size_t m,
                                   const int64_t *stimulus, double level,
                                   dnb_err *err) DNB_MUST_CHECK;

/* Noise ceiling on r from several subjects who saw the same stimuli: subjects[s] is n x m. upper[t]
 * = mean correlation of each subject with the mean over all subjects, lower[t] = with the mean over
 * the others (Nili et al. 2014): what the true model would reach when it predicts a single
 * subject's responses lies between. A constant target gives NaN. DNB_EARG for fewer than two. */
DNB_API dnb_status dnb_subject_ceiling_run(double *lower, double *upper,
                                           const double *const *subjects, size_t n_subject,
                                           size_t n, size_t m, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
