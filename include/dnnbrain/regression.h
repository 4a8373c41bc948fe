/* Linear models from features to many targets: least squares, ridge, lasso, elastic net, PLS.
 * room: stats
 *
 * x is n x d (rows are stimuli), y is n x m (columns are targets), both row-major float64 without
 * gaps. Every model is a linear map, y ~ x coef + intercept. A dnb_regressor holds what depends on
 * x alone, so that any number of targets share it; dnb_regressor_fit may be called for one block of
 * targets after another. Results are the same bits for any number of threads (not, in the last
 * bits, for another division of the targets into calls).
 *
 * Input with NaN or infinity, fewer than two rows or no target fails with DNB_EARG, folds over
 * another number of rows with DNB_ESHAPE. A constant feature gets the coefficient 0. A constant
 * target gets coefficients 0, its value as intercept and, where a penalty is chosen, the first.
 *
 * GLM: ordinary least squares with an intercept; where columns depend on each other or outnumber
 * the rows, the solution of smallest norm, as scikit-learn's LinearRegression. Singular values of
 * the centred x below max(n, d) 2.2e-16 of the largest count as 0. Cost: n d^2 flops (QR), or a
 * singular value decomposition, then 2 n d a target.
 * RIDGE: |y - x w|^2 + alpha |w|^2 with an unpenalised intercept, as scikit-learn's Ridge; alpha >
 * 0. d < n works on the d x d covariance, else on the n x n Gram matrix. One eigendecomposition a
 * fold serves every target and penalty; see dnb_penalty_choice for what choosing costs.
 * LASSO, ELASTICNET: |y - x w - b|^2 / (2n) + alpha l1_ratio |w|_1 + alpha (1 - l1_ratio) |w|^2 /
 * 2, alpha > 0, as scikit-learn's Lasso and ElasticNet, stopped by the same rule: a duality gap of
 * the objective times n of at most tolerance |y - mean y|^2 (0 = 1e-4). max_iterations (0 = 1000)
 * bounds the passes over the coordinates a penalty; running out of them is counted in
 * dnb_linear.n_unconverged. Coordinate descent (Friedman, Hastie & Tibshirani 2010) on small
 * working sets, whose products of features are kept and shared by all targets as memory allows.
 * Where features depend on each other the minimum may be reached by many w: predictions agree,
 * coefficients need not. CV solves the penalties from the largest to the smallest, each from the
 * last one's solution; with DNB_SCORE_NEG_MSE it is LassoCV's and ElasticNetCV's rule.
 * PLS: partial least squares on all targets together as scikit-learn's PLSRegression(components),
 * or, per_target, on each alone (PLS1). Columns of x and y are divided by their standard deviation
 * unless no_scale. Predictions are unchanged by a rotation of x (its principal components
 * in its place) with no_scale only. components: 0 = 2; at most d. The first singular vectors are
 * found to 1e-13 (NIPALS in scikit-learn stops at 1e-3), so predictions agree to what NIPALS
 * reached. Components that x's rank or an exact fit leaves nothing for are not made. Cost: 2 n d m
 * flops and, for each component, 4 n d + 4 d m + (min(d, m)^2 max(d, m) or a few dozen passes over
 * d x m), for per_target 2 d m min(2 n, d). */
#ifndef DNNBRAIN_REGRESSION_H
#define DNNBRAIN_REGRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/folds.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/scoring.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_regression_kind {
    DNB_GLM = 0,
    DNB_RIDGE,
    DNB_LASSO,
    DNB_ELASTICNET,
    DNB_PLS,
    DNB_REGRESSION_COUNT
} dnb_regression_kind;

/* "glm", "ridge", "lasso", "elasticnet", "pls". Parsing an unknown name fails with DNB_EARG and
 * lists the known ones. */
DNB_API const char *dnb_regression_name(dnb_regression_kind kind);
DNB_API dnb_status dnb_regression_parse(dnb_regression_kind *out, const char *name,
                                        dnb_err *err) DNB_MUST_CHECK;

/* How a penalty is chosen among alphas; of equal scores the first wins.
 * CV: the highest mean over the inner folds of `scoring`, as scikit-learn's GridSearchCV on each
 *     target. For ridge each fold costs a few products of r x r by r x m (r = min(d, n_train)),
 *     whatever the number of penalties (regress_ridge.c says how).
 * LOO: the lowest mean squared leave-one-out error, in closed form, as RidgeCV with
 *     alpha_per_target. Cost: 2 n r m flops a penalty.
 * GCV: the lowest n |e|^2 / (n - trace)^2, the trace counting the intercept (Golub, Heath & Wahba
 *     1979). Cost: next to nothing. */
typedef enum dnb_penalty_choice {
    DNB_PENALTY_FIXED = 0, /* one alpha, the same for all targets */
    DNB_PENALTY_CV,
    DNB_PENALTY_GCV, /* ridge only */
    DNB_PENALTY_LOO  /* ridge only */
} dnb_penalty_choice;

/* Zero-initialise and set what differs. Unless said otherwise 0 or NULL is the default. */
typedef struct dnb_regression_options {
    dnb_regression_kind kind;
    const double *alphas; /* penalties: NULL = {1}; copied */
    size_t n_alphas;
    dnb_penalty_choice choice;
    const dnb_folds *inner; /* CV: folds over the rows given; copied */
    /* What CV maximises. 0 is explained variance; dnb_regression_defaults sets r2. */
    dnb_scoring scoring;
    bool shared_alpha;     /* one penalty for all targets of a fit (highest mean score) */
    double l1_ratio;       /* ELASTICNET: 0 < l1_ratio <= 1; 0 = 0.5 */
    size_t components;     /* PLS: 0 = 2 */
    bool per_target;       /* PLS1 for each target instead of PLS2 */
    bool no_scale;         /* PLS: do not standardise */
    double tolerance;      /* LASSO, ELASTICNET */
    size_t max_iterations; /* LASSO, ELASTICNET */
    size_t memory;         /* bytes a regressor may hold, results aside; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL; must outlive the regressor */
} dnb_regression_options;

/* {kind, choice FIXED, scoring r2}, all else 0. */
DNB_API dnb_regression_options dnb_regression_defaults(dnb_regression_kind kind);

/* y ~ x coef + intercept. Owns its arrays; release with dnb_linear_release. */
typedef struct dnb_linear {
    size_t d, m;
    double *coef;      /* d x m */
    double *intercept; /* m */
    double *alpha;     /* m: each target's penalty; NULL for models without one */
    /* m: the choice's score at that penalty: CV: the mean over folds; LOO: minus the mean squared
     * error; GCV: minus its criterion. NULL when nothing was chosen. */
    double *score;
    /* LASSO, ELASTICNET: targets with a fit (a fold's included) that max_iterations stopped before
     * its duality gap was small enough; their coefficients are the best reached. 0 for others. */
    size_t n_unconverged;
} dnb_linear;

/* What x alone determines. */
typedef struct dnb_regressor dnb_regressor;

/* Factorises x, which must outlive the regressor; *out is freed with dnb_regressor_free. NULL opt
 * is GLM. Needing more than `memory` fails with DNB_ENOMEM, with numbers. */
DNB_API dnb_status dnb_regressor_new(dnb_regressor **out, const double *x, size_t n, size_t d,
                                     const dnb_regression_options *opt,
                                     dnb_err *err) DNB_MUST_CHECK;
/* Fits m targets into *out, which is overwritten (nothing is released first). */
DNB_API dnb_status dnb_regressor_fit(dnb_linear *out, dnb_regressor *r, const double *y, size_t m,
                                     dnb_err *err) DNB_MUST_CHECK;
/* The score of every penalty for every target (n_alphas x m; as dnb_linear.score), without fitting.
 * DNB_EUNSUPPORTED for a model that chooses no penalty. */
DNB_API dnb_status dnb_regressor_scores(double *scores, dnb_regressor *r, const double *y, size_t m,
                                        dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_regressor_free(dnb_regressor *r);

/* yhat (n x m) = x (n x l->d) coef + intercept. */
DNB_API dnb_status dnb_linear_predict(double *yhat, const dnb_linear *l, const double *x, size_t n,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_linear_release(dnb_linear *l);

#ifdef __cplusplus
}
#endif
#endif
