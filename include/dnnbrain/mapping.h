/* Cross-validated maps from layers to targets: features of stimuli predict voxels, ROIs, behaviour
 * or labels. room: map
 *
 * What it equals: scikit-learn's cross_val_score of make_pipeline(PCA(K), model) (or of the model
 * alone) for every target, with the folds given; one factorisation per layer and fold serves all
 * targets, penalties and permutations. Layers with more features than stimuli are reduced once to
 * exact coordinates of their Gram matrix where the model does not change under rotation (glm,
 * ridge, unscaled PLS, logistic L2, svc, anything after PCA); the other models (lasso, elastic net,
 * scaled PLS, logistic L1, lda, naive Bayes without PCA) need the features themselves in memory. */
#ifndef DNNBRAIN_MAPPING_H
#define DNNBRAIN_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/classify.h"
#include "dnnbrain/folds.h"
#include "dnnbrain/regression.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/scoring.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain value; owns nothing. All layers of one run have the same number of rows (stimuli). */
typedef struct dnb_mapping_layer {
    const char *name; /* for messages */
    dnb_rows x;       /* n x d, in memory or read piece by piece */
} dnb_mapping_layer;

typedef struct dnb_mapping_options {
    /* The model: a classifier of `labels`, or else a regression onto y. `inner`, `memory` and
     * `progress` of regression are set by the engine: penalties chosen by DNB_PENALTY_CV are chosen
     * on `inner` folds of the training rows. Note that {0} means least squares. */
    bool classify;
    dnb_regression_options regression;
    dnb_classifier_options classifier;
    size_t n_components; /* PCA fitted on the training rows of each fold, scores unscaled; 0 = none;
                            at most the rank of the smallest training set */

    const dnb_folds *folds;  /* the outer folds, over all n rows; must be set */
    dnb_folds_options inner; /* folds of training rows, for penalties and for choosing layers;
                                labels and groups are of ALL rows; k = 0: 3 */
    dnb_scoring scoring;     /* 0: explained variance; for labels use DNB_SCORE_ACCURACY etc. */

    bool predictions;  /* keep every row's prediction from the fold that tested it */
    bool choose_layer; /* make `best` (needs at least two layers) */

    size_t n_permutations;   /* 0 = no p values */
    uint64_t seed;           /* of the permutations; permutation i is the same for every layer */
    const int64_t *exchange; /* n: rows are permuted among rows of equal value (runs, groups);
                                NULL = among all */

    size_t memory;                /* bytes this run may hold; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
} dnb_mapping_options;

/* Inference from permutations of the rows of y: the whole cross-validation is repeated for each.
 * All m, or NULL without permutations. A target that does not vary has p 1 and is in no family. */
typedef struct dnb_mapping_test {
    double *p;     /* (1 + #{permuted mean score >= observed}) / (1 + n_permutations) */
    double *p_max; /* the same against the permutation's largest score over all targets: corrected
                      for the family of targets */
    double *q;     /* Benjamini-Hochberg false discovery rate over the targets */
} dnb_mapping_test;

/* One layer's results. Arrays are row-major. */
typedef struct dnb_mapping_scores {
    double *score;      /* k x m: fold by target */
    double *mean;       /* m: over the folds */
    double *alpha;      /* k x m: the penalty each fold used; NULL when the model has none */
    double *prediction; /* n x m; NULL unless asked for (and with labels) */
    int64_t *said;      /* n: predicted labels; NULL unless asked for with labels */
    double *confusion;  /* k x n_classes x n_classes, rows are the truth; NULL without labels */
    dnb_mapping_test test;
    size_t rank; /* of the coordinates the folds work in: d, or the rank of the Gram matrix */
} dnb_mapping_scores;

/* The best layer of every target: chosen in each outer fold by the mean score over the inner folds
 * of its training rows, then scored on the outer test rows, which had no part in the choice. */
typedef struct dnb_mapping_best {
    size_t *layer;         /* k x m: the layer chosen */
    double *score;         /* k x m: its score on the fold's test rows */
    double *mean;          /* m */
    size_t *chosen;        /* n_layers x m: in how many folds */
    size_t *mode;          /* m: the layer chosen most often, the first of equals */
    dnb_mapping_test test; /* the null repeats the choice in every permutation */
} dnb_mapping_best;

typedef struct dnb_mapping {
    size_t n, m, k, n_layers; /* stimuli, targets (1 with labels), outer folds */
    size_t n_constant;        /* targets that do not vary over all rows */
    size_t n_classes;
    int64_t *classes;          /* n_classes, ascending; NULL without labels */
    dnb_mapping_scores *layer; /* n_layers */
    dnb_mapping_best best;     /* all NULL unless asked for */
    double *p_family;          /* n_layers x m: against each permutation's largest score over all
                                  layers and targets; NULL without permutations or with one layer */
} dnb_mapping;

/* Runs every layer against y (n x m, row-major, in memory) or, when classifying, labels (n; y NULL,
 * m 1). *out is released with dnb_mapping_release; untouched on failure. NaN or infinity in y or in
 * a layer fails with DNB_EARG naming the target or stimulus; a job that does not fit
 * `memory` fails with DNB_ENOMEM and the numbers before it starts. Targets constant in a test or
 * training set get what dnb_score_columns says and are counted in n_constant when constant
 * throughout. Same bits for any number of threads.
 * With n_components, a float32 layer of more than n columns, 4096 at least, has its Gram matrix
 * from float32 products (dnb_gram_options.single): scores within 1e-6 of float64's; one whose
 * n_componentsth eigenvalue is below a tenth of the mean one, or whose squares float32 cannot hold,
 * is taken in float64. Components of several folds are found side by side, a thread each, where
 * half of what `memory` leaves holds their work space. Cost: per layer n^2 d flops once when d > n;
 * then per fold its factorisation (PCA: about 20 n^2 K flops when d > n, n d^2 else) and 2 n r m
 * flops per fold and permutation, r = components or rank; choose_layer multiplies by 1 + inner
 * folds. */
DNB_API dnb_status dnb_mapping_run(dnb_mapping *out, const dnb_mapping_layer *layers,
                                   size_t n_layers, const double *y, const int64_t *labels,
                                   size_t m, const dnb_mapping_options *opt,
                                   dnb_err *err) DNB_MUST_CHECK;
/* Several models on the same layers and folds: out[i] (n_models) is bit for bit what
 * dnb_mapping_run gives for models[i] when neither is short of memory. Each layer is read and
 * reduced once, and the components of a fold are found once; what follows them is each model's own.
 * The models may differ in their regression or classifier, scoring and predictions; anything else
 * must be equal (folds: the same object), `memory` and `progress` are the first one's. DNB_EARG
 * when it is not, or when (without components) models need a layer in different forms. */
DNB_API dnb_status dnb_mapping_run_models(dnb_mapping *out, const dnb_mapping_layer *layers,
                                          size_t n_layers, const double *y, const int64_t *labels,
                                          size_t m, const dnb_mapping_options *models,
                                          size_t n_models, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_mapping_release(dnb_mapping *map);
/* Bytes dnb_mapping_run will hold at most beside y, results included; nothing is read. */
DNB_API dnb_status dnb_mapping_plan_bytes(size_t *bytes, const dnb_mapping_layer *layers,
                                          size_t n_layers, size_t m, const dnb_mapping_options *opt,
                                          dnb_err *err) DNB_MUST_CHECK;
/* The same of dnb_mapping_run_models. */
DNB_API dnb_status dnb_mapping_plan_models(size_t *bytes, const dnb_mapping_layer *layers,
                                           size_t n_layers, size_t m,
                                           const dnb_mapping_options *models, size_t n_models,
                                           dnb_err *err) DNB_MUST_CHECK;

/* The model fitted on all rows, as weights of the layer's own features: PCA and what reduced the
 * layer are folded in, so a row x of d features gives the m values x W + b.
 * Regressions: the values are the predictions of the m targets.
 * Classifiers: the values are those of the linear maps (dnb_classifier_coef), and the classifier
 * dnb_mapping_weights_classifier decides from them. Naive Bayes after PCA: the values are the
 * components' scores, and it decides from those; without PCA it decides from the features
 * themselves, and m is 0. */
typedef struct dnb_mapping_weights dnb_mapping_weights;
/* y (n x m), or labels (n; y NULL, m 1) when classifying. opt->folds may be NULL. Penalties are
 * chosen on `inner` folds of all rows. The layer's source must outlive the result, y and labels
 * need not. Free with dnb_mapping_weights_free. */
DNB_API dnb_status dnb_mapping_weights_new(dnb_mapping_weights **out,
                                           const dnb_mapping_layer *layer, const double *y,
                                           const int64_t *labels, size_t m,
                                           const dnb_mapping_options *opt,
                                           dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_mapping_weights_free(dnb_mapping_weights *w);
DNB_API size_t dnb_mapping_weights_features(const dnb_mapping_weights *w);         /* d */
DNB_API size_t dnb_mapping_weights_targets(const dnb_mapping_weights *w);          /* m */
DNB_API const double *dnb_mapping_weights_intercept(const dnb_mapping_weights *w); /* m */
/* The penalty of each target (m), or NULL when the model has none. */
DNB_API const double *dnb_mapping_weights_alpha(const dnb_mapping_weights *w);
/* What decides among the classes: of m columns, or of d when m is 0. NULL for regressions; lives as
 * long as w. */
DNB_API const dnb_classifier *dnb_mapping_weights_classifier(const dnb_mapping_weights *w);
/* Rows first .. first + count - 1 of W (d x m) into dst (count x m). From a Gram matrix this reads
 * those columns of the layer: n count m flops. Ask in ascending blocks of a few thousand. */
DNB_API dnb_status dnb_mapping_weights_read(double *dst, const dnb_mapping_weights *w, size_t first,
                                            size_t count, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
