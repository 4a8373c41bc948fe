/* What a linear model's file offers to the dispatcher, and what it may count on. room: stats
 * (internal) */
#ifndef DNB_STATS_REGRESSION_OWN_H
#define DNB_STATS_REGRESSION_OWN_H

#include "dnnbrain/regression.h"

/* One record a model, listed in regression.c. The dispatcher has checked before `fresh`: n >= 2, d
 * >= 1, x finite, alphas (never NULL, n_alphas >= 1) finite and not negative, the choice's needs
 * (CV: folds over n rows and a scoring for numbers; FIXED: one alpha); before `fit` and `scores`: m
 * >= 1, y finite. opt and its arrays are the regressor's own copies and live as long as the state.
 */
typedef struct dnb_regression_model {
    const char *name;
    bool closed_form; /* knows GCV and LOO */
    dnb_status (*fresh)(void **state, const double *x, size_t n, size_t d,
                        const dnb_regression_options *opt, dnb_err *err);
    /* out is allocated (dnb_linear_init) and zero; what is not used of it may be left so. */
    dnb_status (*fit)(dnb_linear *out, void *state, const double *y, size_t m, dnb_err *err);
    dnb_status (*scores)(double *scores, void *state, const double *y, size_t m,
                         dnb_err *err); /* may be NULL */
    void (*release)(void *state);       /* state may be NULL */
    bool penalised;                     /* dnb_linear.alpha is filled */
} dnb_regression_model;

extern const dnb_regression_model dnb_regression_ols, dnb_regression_ridge, dnb_regression_lasso,
    dnb_regression_elasticnet, dnb_regression_pls;

dnb_status dnb_regression_check_options(const dnb_regression_model *model,
                                        const dnb_regression_options *opt, size_t n,
                                        dnb_err *err) DNB_MUST_CHECK;

/* Zeroed coef, intercept and, where asked, alpha and score. */
dnb_status dnb_linear_init(dnb_linear *out, size_t d, size_t m, bool alpha, bool score,
                           dnb_err *err) DNB_MUST_CHECK;

/* DNB_EARG naming the row and column of the first entry of a (rows x cols) that is not finite. */
dnb_status dnb_regression_check_finite(const double *a, size_t rows, size_t cols, const char *what,
                                       dnb_err *err) DNB_MUST_CHECK;

/* dst (n x w, no gaps) = columns j.. of y (rows ld apart) less their means, and the means. A
 * constant column gives exact zeros and its value. */
void dnb_regression_centre(double *dst, double *mean, const double *y, size_t ld, size_t n,
                           size_t j, size_t w);

/* intercept[j] = ymean[j] - sum_i xmean[i] coef[i][j] for the w columns from j on. */
void dnb_regression_intercepts(dnb_linear *out, const double *xmean, const double *ymean, size_t j,
                               size_t w);

/* Targets are worked on in blocks whose width follows from their number alone, each by one thread
 * with BLAS on that thread: the same bits for any number of threads. */
size_t dnb_regression_block(size_t m);

/* Calls fn(ctx, scratch, j, w) for all blocks of targets, `scratch_doubles` of aligned scratch for
 * each thread; between groups of blocks progress is reported and the cancel hook heard. */
typedef void dnb_regression_block_fn(void *ctx, double *scratch, size_t j, size_t w);
dnb_status dnb_regression_blocks(dnb_regression_block_fn *fn, void *ctx, size_t m,
                                 size_t scratch_doubles, const char *what,
                                 const dnb_progress *progress, dnb_err *err) DNB_MUST_CHECK;

/* Sizes BLAS and LAPACK take are ints: DNB_EUNSUPPORTED above. */
dnb_status dnb_regression_check_int(size_t v, const char *what, dnb_err *err) DNB_MUST_CHECK;

#endif
