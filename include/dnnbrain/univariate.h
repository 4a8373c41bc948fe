/* Univariate mapping: which single unit predicts a target (a voxel, a behaviour) best.
 * room: map
 *
 * Every pair of a unit x_j and a target y_t gets the cross-validated score of the regression of y_t
 * on x_j alone, in closed form from sums over folds: no model is fitted one by one. Scores are
 * those of scikit-learn's LinearRegression (or Lasso) in cross_val_score: explained variance, r2,
 * correlation, Spearman or neg_mse of the tested rows of each fold. */
#ifndef DNNBRAIN_UNIVARIATE_H
#define DNNBRAIN_UNIVARIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/actfile.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/folds.h"
#include "dnnbrain/rdm.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/scoring.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_univariate_kind {
    DNB_UV_GLM = 0, /* y = a + b x by least squares; a constant unit predicts the mean */
    DNB_UV_LASSO,   /* the same with alpha |b| added to half the mean squared error */
    DNB_UV_CORR,    /* no model: Pearson's r over all rows; 0 for a constant */
    DNB_UV_KIND_COUNT
} dnb_univariate_kind;

typedef struct dnb_univariate_options {
    dnb_univariate_kind kind;
    double alpha;           /* LASSO: >= 0 */
    dnb_scoring scoring;    /* not used by CORR */
    const dnb_folds *folds; /* of the n rows; not used by CORR */
    bool absolute;          /* CORR: the largest |r| instead of the largest r */
    size_t n_perm;          /* permutations for p and p_max; 0 = none */
    uint64_t seed;
    const int64_t *exchange;      /* n: rows are permuted among rows of equal value (runs, groups);
                                     NULL = among all */
    size_t memory;                /* bytes of work space; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
    double *all; /* NULL, or d x m numbers: the mean score (or r) of every pair; on failure some may
                    have been written */
} dnb_univariate_options;

/* Released with dnb_univariate_release. Scores within 1e-12 (relative above 1) of each other are
 * equal, and of equal units the first is best. */
typedef struct dnb_univariate {
    size_t m, k;   /* targets; folds (1 for CORR) */
    double *score; /* k x m: fold scores of each target's best unit, or its (signed) r */
    double *mean;  /* m: their means */
    size_t *unit;  /* m: the best unit, from 0 */
    /* NULL without permutations. p: of the best unit's score against the best units' scores when
     * the rows of y change places (all targets together), so the choice among units is paid for;
     * p_max: against the best of all targets, so the choice among targets is paid for too (Westfall
     * & Young 1993). (1 + #{null >= seen}) / (1 + n_perm), Phipson & Smyth 2010. Rows (of one value
     * of `exchange`) must be exchangeable: average repeats first. A test of 'any unit at all', not
     * of that very unit. */
    double *p, *p_max;
} dnb_univariate;

/* x: n x d units; y: n x m targets. NaN or infinity in either: DNB_EARG naming where. Constant
 * targets score as dnb_score_columns says. DNB_EARG for folds with fewer rows than the score needs
 * (dnb_scoring_min_rows), DNB_ESHAPE for folds of another number of rows. x is read once, in blocks
 * of units under the memory budget; with whole_rows once for each block. Cost: 2 n d m (1 + n_perm)
 * flops, twice that for spearman, and about 10 k d m (1 + n_perm). Same bits for any number of
 * threads. */
DNB_API dnb_status dnb_univariate_run(dnb_univariate *out, const dnb_rows *x, const double *y,
                                      size_t m, const dnb_univariate_options *opt,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_univariate_release(dnb_univariate *u);

/* A model the engine does not know, on one unit at a time: x has n rows; scores (k x m) take the
 * score of each fold and target. Called from several threads at once, in no order: ctx is shared.
 * It must not start threads of its own whose number changes the result. */
typedef dnb_status (*dnb_univariate_fit)(void *ctx, const double *x, const dnb_folds *folds,
                                         double *scores, dnb_err *err);
/* The same search with a model of the caller's (classifiers: m = 1). Of opt, folds, memory,
 * progress and all count. n_perm must be 0. */
DNB_API dnb_status dnb_univariate_run_with(dnb_univariate *out, const dnb_rows *x, size_t m,
                                           dnb_univariate_fit fit, void *ctx,
                                           const dnb_univariate_options *opt,
                                           dnb_err *err) DNB_MUST_CHECK;

/* One search per part of a layer: the whole, each channel, or each position. *out: *n_parts
 * results in order, freed with dnb_univariate_list_free; unit counts within the selected units of
 * the layer (channel, row, column; the last fastest), not within the part. p and p_max are those of
 * each part by itself. `all` must be NULL unless iteraxis is DNB_ITER_NONE or DNB_ITER_CHANNEL.
 * units (may be NULL) selects what enters; groups (may be NULL) averages stimuli of one label
 * first, rows then being labels ascending. */
DNB_API dnb_status dnb_univariate_of_layer(dnb_univariate **out, size_t *n_parts, dnb_actfile *file,
                                           size_t layer, const dnb_select *units,
                                           const dnb_groups *groups, dnb_iteraxis iteraxis,
                                           const double *y, size_t n, size_t m,
                                           const dnb_univariate_options *opt,
                                           dnb_err *err) DNB_MUST_CHECK;
/* The same of patterns at hand: float32 rows of shape chn x row x col units. name is for messages.
 */
DNB_API dnb_status dnb_univariate_of_rows(dnb_univariate **out, size_t *n_parts, const char *name,
                                          const dnb_rows *rows, const size_t shape[3],
                                          const dnb_groups *groups, dnb_iteraxis iteraxis,
                                          const double *y, size_t n, size_t m,
                                          const dnb_univariate_options *opt,
                                          dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_univariate_list_free(dnb_univariate *list, size_t n);

#ifdef __cplusplus
}
#endif
#endif
