/* Ridge regression's parts: factorised training sets, and the scores of all penalties from them.
 *
 * A split is a training set and, in cross-validation, its test rows. With centred training rows X =
 * U S V^T, l = s^2 and z = S U^T y = V^T X^T y, a penalty a gives w = V z / (l + a) and predictions
 * B z / (l + a) for the test rows, B = X_test V. With d < n ("primal") V comes from X^T X and z
 * from b = X^T y; else ("dual") U from X X^T. room: stats (internal) */
#ifndef DNB_STATS_RIDGE_OWN_H
#define DNB_STATS_RIDGE_OWN_H

#include "stats/regression_own.h"

typedef struct dnb_ridge_split {
    size_t first, n_test; /* test rows, in the order sorted by fold; none in the split of all */
    size_t n_train, r;
    double *l;      /* r, descending, positive */
    double *zmap;   /* z = zmap^T b (V: d x r), or zmap^T y_train (U S: n_train x r) */
    double *xsum;   /* d: column sums of the test rows (primal) */
    double *u;      /* U, n x r: only in the split of all, for leave-one-out */
    double *test;   /* B, n_test x r; NULL where only G = B^T B is needed */
    double *bsum;   /* r: column sums of B */
    double *g;      /* r: diagonal of G */
    double *m;      /* r x r: G_jk / (l_k - l_j), 0 for near pairs; NULL: score by predicting */
    size_t *near_j; /* pairs j < k whose eigenvalues are too close to divide by their difference */
    size_t *near_k;
    double *near_g; /* 2 G_jk */
    size_t n_near;
} dnb_ridge_split;

typedef struct dnb_ridge {
    size_t n, d, k; /* k: inner folds, 0 without */
    bool dual;
    const double *x;       /* NULL when made from a Gram matrix */
    double *xs;            /* n x d: centred, rows sorted by fold (primal) */
    double *xmean;         /* d; NULL without x */
    bool *flat;            /* d: constant features; NULL without x */
    size_t *order;         /* n: row of x at each place of the sorted order */
    dnb_ridge_split *fold; /* k */
    dnb_ridge_split all;
    const dnb_regression_options *opt;
    bool folds_only;    /* the split of all is not made */
    bool by_predicting; /* never the partial fractions: tests compare the two */
} dnb_ridge;

/* Where the training sets come from: x (n x d), or the Gram matrix (n x n) of rows whose columns
 * are centred, or both. */
typedef struct dnb_ridge_source {
    size_t n, d;
    const double *x, *gram;
    bool by_predicting;
    bool folds_only; /* scores alone will be asked for */
} dnb_ridge_source;

dnb_status dnb_ridge_new(dnb_ridge **out, const dnb_ridge_source *src,
                         const dnb_regression_options *opt, dnb_err *err) DNB_MUST_CHECK;
void dnb_ridge_free(dnb_ridge *r);
/* Factorises every split (ridge_factor.c); called by dnb_ridge_new. */
dnb_status dnb_ridge_factor(dnb_ridge *r, const double *gram, dnb_err *err) DNB_MUST_CHECK;

/* table (n_alphas x m) = scores. */
dnb_status dnb_ridge_scores(double *table, const dnb_ridge *r, const double *y, size_t m,
                            dnb_err *err) DNB_MUST_CHECK;
/* choice[m]: index of each target's best penalty (the first of equals); shared takes the best mean
 * for all. */
void dnb_ridge_choose(size_t *choice, const double *table, size_t n_alphas, size_t m, bool shared);
/* Fits targets with the penalty of each (out->alpha, set). From a Gram matrix alone: dual != NULL
 * receives the n x m coefficients of the rows, and of out only the intercept is set, to y's mean.
 */
dnb_status dnb_ridge_solve(dnb_linear *out, double *dual, const dnb_ridge *r, const double *y,
                           size_t m, dnb_err *err) DNB_MUST_CHECK;

/* What scoring a block of targets holds, for planning (doubles). */
size_t dnb_ridge_scratch(const dnb_ridge *r, size_t width);
/* Rows of y in sorted order, centred: dst n x w. */
void dnb_ridge_gather(double *dst, double *mean, const dnb_ridge *r, const double *y, size_t m,
                      size_t j, size_t w);
/* z (s->r x w) of the split of all, from yb as gathered; b: d x w scratch (primal). */
void dnb_ridge_coordinates(double *z, double *b, const dnb_ridge *r, const double *yb, size_t w);

#endif
