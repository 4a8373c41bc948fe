/* Banded ridge regression: every feature space (band) with its own penalty, chosen for each target,
 * and how much of the prediction each band makes.
 * room: stats
 *
 * |y - sum_b x_b w_b|^2 + sum_b alpha_b |w_b|^2, alpha_b = alpha / gamma_b, with band weights gamma
 * (not negative, sum 1) times the number of bands and a common alpha: ridge regression on
 * [sqrt(gamma_b) x_b]. Candidates of gamma are drawn from symmetric Dirichlet distributions, each
 * is tried with all alphas in an inner cross-validation (closed form over targets and alphas, as
 * ridge), and each target keeps its best: the random search of Dupre la Tour, Eickenberg,
 * Nunez-Elizalde & Gallant (2022), NeuroImage 264, 119728. Weights are scaled by the number of
 * bands so that equal weights are plain ridge on all features side by side; the first candidate is
 * always that. Features are centred, not scaled: standardise them first where bands differ in unit.
 *
 * Variance partitioning follows the same paper (product measure) and, for unique and common parts,
 * refits without each subset of bands (Seibold & McPhee 1979). */
#ifndef DNNBRAIN_BANDED_H
#define DNNBRAIN_BANDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/folds.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/scoring.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bands of commonality analysis at most: it fits every subset. */
#define DNB_BANDED_COMMON_MAX 4

/* One feature space: n x d, row-major; borrowed. */
typedef struct dnb_band {
    const double *x;
    size_t d;
} dnb_band;

typedef struct dnb_banded_options {
    const double *alphas; /* > 0; required */
    size_t n_alphas;
    const dnb_folds *inner; /* over the rows of the fit; required */
    dnb_scoring scoring;    /* what is maximised; 0 is explained variance */
    size_t candidates;      /* of gamma, equal weights included; 0 = 20 */
    /* Steps of a full grid added to the candidates: all gamma that are multiples of 1 / grid; 0 =
     * none. */
    size_t grid;
    /* Concentrations of the Dirichlet distributions, taken in turn; NULL = {1, 0.1}: 1 is uniform,
     * less favours few bands. */
    const double *concentrations;
    size_t n_concentrations;
    uint64_t seed;
    size_t memory;                /* as dnb_regression_options */
    const dnb_progress *progress; /* may be NULL */
} dnb_banded_options;

/* Owns its arrays; release with dnb_banded_release. Features are those of all bands side by side.
 */
typedef struct dnb_banded {
    size_t bands, d, m; /* d: features of all bands */
    size_t *first;      /* bands + 1: where each band's features start */
    double *coef;       /* d x m */
    double *intercept;  /* m */
    double *alpha;      /* m: the common penalty */
    double *gamma; /* bands x m: weights (sum = bands); penalty = alpha / gamma, 0: band left out */
    double *score; /* m: mean inner score of the choice */
    double *xmean; /* d */
} dnb_banded;

/* Fits m targets. DNB_EARG for no band or alphas; as dnb_regressor_new and _fit otherwise. Cost: as
 * that many ridge regressions with inner folds, plus a refit for every gamma that some target
 * chose. Same seed, same answer, for any number of threads. One band is dnb_regressor_fit to the
 * last bit. */
DNB_API dnb_status dnb_banded_fit(dnb_banded *out, const dnb_band *band, size_t bands, size_t n,
                                  const double *y, size_t m, const dnb_banded_options *opt,
                                  dnb_err *err) DNB_MUST_CHECK;
/* yhat (n x m) for other rows of the same bands (d must agree). only: one band's part, without
 * intercept and centred on the fit's means; pass SIZE_MAX for the whole prediction. */
DNB_API dnb_status dnb_banded_predict(double *yhat, const dnb_banded *b, const dnb_band *band,
                                      size_t bands, size_t n, size_t only,
                                      dnb_err *err) DNB_MUST_CHECK;
/* Product measure on held-out rows: part (bands x m), whose sum over bands is the R^2 of the whole
 * prediction (r2, m; may be NULL): with y less its mean, p the whole prediction less that mean and
 * p_b band b's part centred on the fit's means, sum_i p_b (2 y - p) / sum_i y^2; what the
 * difference between the means of y here and in the fit costs is shared equally. A target constant
 * in y gets 0. */
DNB_API dnb_status dnb_banded_split(double *part, double *r2, const dnb_banded *b,
                                    const dnb_band *band, size_t bands, size_t n, const double *y,
                                    dnb_err *err) DNB_MUST_CHECK;

/* R^2 on held-out rows of the model of every subset of bands, and what follows. 2^bands entries,
 * index = the subset's bits (bit b: band b). */
typedef struct dnb_banded_parts {
    size_t bands, m;
    double *r2;     /* 2^bands x m; entry 0 (no band) is the training mean's */
    double *common; /* 2^bands x m: what exactly the bands of the subset share; a single bit is that
                       band's unique R^2 = R^2(all) - R^2(all others); entry 0 is r2's. Their sum is
                       the whole model's R^2. */
} dnb_banded_parts;
/* Fits all subsets of up to DNB_BANDED_COMMON_MAX bands on the training rows, each with its own
 * choice, and scores them on the test rows (test: the same bands, n_test rows). */
DNB_API dnb_status dnb_banded_parts_run(dnb_banded_parts *out, const dnb_band *band, size_t bands,
                                        size_t n, const double *y, const dnb_band *test,
                                        size_t n_test, const double *y_test, size_t m,
                                        const dnb_banded_options *opt, dnb_err *err) DNB_MUST_CHECK;

DNB_API void dnb_banded_release(dnb_banded *b);
DNB_API void dnb_banded_parts_release(dnb_banded_parts *p);

#ifdef __cplusplus
}
#endif
#endif
