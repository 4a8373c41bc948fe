/* How well predictions fit: scores of regressions and of classifications.
 * room: stats
 *
 * Agrees with sklearn.metrics (1.2) to 1e-12. More is always better. NaN or infinity in what is
 * scored gives DNB_EARG. */
#ifndef DNNBRAIN_SCORING_H
#define DNNBRAIN_SCORING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_scoring {
    DNB_SCORE_EXPLAINED_VARIANCE = 0, /* 1 - var(y - yhat) / var(y) */
    DNB_SCORE_R2,                     /* 1 - sum (y - yhat)^2 / sum (y - mean y)^2 */
    DNB_SCORE_CORRELATION,            /* Pearson's r of y and yhat */
    DNB_SCORE_SPEARMAN,               /* Pearson's r of their average ranks */
    DNB_SCORE_NEG_MSE,                /* -mean (y - yhat)^2 */
    DNB_SCORE_ACCURACY,
    DNB_SCORE_BALANCED_ACCURACY, /* mean recall of the classes present in truth */
    DNB_SCORE_AUC,               /* area under the ROC curve; several classes: one against the rest,
                                    mean over classes (roc_auc_ovr) */
    DNB_SCORE_F1,                /* mean over classes of F1 (f1_macro) */
    DNB_SCORE_COUNT
} dnb_scoring;

/* "explained_variance", "r2", "correlation", "spearman", "neg_mse", "accuracy",
 * "balanced_accuracy", "auc", "f1"; NULL past the end. */
DNB_API const char *dnb_scoring_name(dnb_scoring scoring);
/* By name; scikit-learn's scorer names ("neg_mean_squared_error", "roc_auc", "roc_auc_ovr",
 * "f1_macro") and "ev", "corr" and "pearson" are known too. */
DNB_API dnb_status dnb_scoring_parse(dnb_scoring *out, const char *name,
                                     dnb_err *err) DNB_MUST_CHECK;
/* Whether it scores labels (dnb_score_labels) rather than numbers (dnb_score_columns). */
DNB_API bool dnb_scoring_is_label(dnb_scoring scoring);
/* Fewest rows it can score: 1 for neg_mse and labels, 2 else. */
DNB_API size_t dnb_scoring_min_rows(dnb_scoring scoring);

/* score[m]: one per column of y and yhat (n x m). Where a column of y is constant, explained
 * variance and r2 are 1 when it is predicted exactly and 0 otherwise (scikit-learn's force_finite;
 * for explained variance "exactly" means up to a constant). Correlations of a constant are 0.
 * DNB_EARG for a scoring of labels and for fewer rows than dnb_scoring_min_rows. Cost: n m, n log n
 * m for spearman. */
DNB_API dnb_status dnb_score_columns(double *score, dnb_scoring scoring, const double *y,
                                     const double *yhat, size_t n, size_t m,
                                     dnb_err *err) DNB_MUST_CHECK;

/* *score of n predicted labels. AUC does not look at `said` (may be NULL then): it needs decision
 * (n x n_classes, column c growing with the confidence in classes[c]; with two classes only column
 * 1 is read), and fails with DNB_EARG when truth lacks one of classes or holds another label. The
 * others do not look at classes and decision (may be NULL). */
DNB_API dnb_status dnb_score_labels(double *score, dnb_scoring scoring, const int64_t *truth,
                                    const int64_t *said, const double *decision, size_t n,
                                    const int64_t *classes, size_t n_classes,
                                    dnb_err *err) DNB_MUST_CHECK;

/* counts (n_classes x n_classes): row = true class, column = said class, both in the order of
 * classes (ascending, without repeats). Adds to what is there, so folds can be summed: start from
 * zeros. DNB_EARG for a label not in classes. */
DNB_API dnb_status dnb_confusion(double *counts, const int64_t *truth, const int64_t *said,
                                 size_t n, const int64_t *classes, size_t n_classes,
                                 dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
