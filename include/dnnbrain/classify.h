/* Classifiers on rows of numbers: logistic regression, linear support vectors, linear
 * discriminants, Gaussian naive Bayes. They answer as scikit-learn 1.2's LogisticRegression,
 * SVC(kernel="linear"), LinearDiscriminantAnalysis (solver svd) and GaussianNB do. room: stats
 *
 * Logistic (L2): minimises |w|^2 / 2 + C sum log loss, the intercept free; binary with two classes,
 * softmax with more. Newton steps by preconditioned conjugate gradients (Lin, Weng & Keerthi 2008,
 * JMLR 9) to the optimum itself; scikit-learn's defaults stop at tol 1e-4 or after 100 iterations,
 * so compare with solver="newton-cg", tol=1e-10, max_iter=10000 (lbfgs stops early whatever tol
 * says): decisions agree to 1e-4 and better.
 * Logistic (L1): |w|_1 + C sum log loss, the intercept free, as solver "saga" (liblinear punishes
 * the intercept too). Proximal Newton steps with coordinate descent (Yuan, Ho & Lin 2012, JMLR 13).
 * SVC: C-SVC, one against one; sequential minimal optimisation with second-order working sets (Fan,
 * Chen & Lin 2005, JMLR 6), libsvm's stopping rule, votes and ties (the smaller class wins).
 * LDA: pooled within-class covariance by singular values above 1e-4 of columns scaled to unit
 * deviation, empirical priors.
 * Naive Bayes: 1e-9 of the largest column variance is added to every variance.
 *
 * x is n x d, row-major, any labels. Wrong data fail: NaN or infinity in x, a single class
 * (DNB_EARG, both named), LDA with no more rows than classes. Constant and collinear columns are
 * fine. Results are the same bits for any number of threads. With d > n the logistic (L2) and SVC
 * work on the n x n Gram matrix and LDA on that of the scaled columns: exact, n^2 d flops. */
#ifndef DNNBRAIN_CLASSIFY_H
#define DNNBRAIN_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_classifier_kind {
    DNB_LOGISTIC = 0,
    DNB_SVC,
    DNB_LDA,
    DNB_NAIVE_BAYES,
    DNB_CLASSIFIER_COUNT
} dnb_classifier_kind;

/* "lrc", "svc", "lda", "gnb"; NULL for an unknown kind. */
DNB_API const char *dnb_classifier_name(dnb_classifier_kind kind);
/* The kind of a name ("logistic" is "lrc" too); DNB_ENOTFOUND lists the known ones. */
DNB_API dnb_status dnb_classifier_parse(dnb_classifier_kind *kind, const char *name,
                                        dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_classifier dnb_classifier;

/* All zero = defaults. */
typedef struct dnb_classifier_options {
    dnb_classifier_kind kind;
    double c;              /* inverse penalty; 0 = 1 (logistic), 0.025 (SVC); others ignore it */
    bool l1;               /* logistic: the L1 penalty */
    double tolerance;      /* logistic: the gradient's norm relative to sqrt(C n), 0 = 1e-7;
                              SVC: libsvm's eps, 0 = 1e-3; LDA: its rank threshold, 0 = 1e-4 */
    size_t max_iterations; /* logistic: Newton steps, 0 = 200; SVC: steps per pair of classes, 0 =
                              max(10^7, 100 n). Running out fails with DNB_EARG */
    const dnb_classifier *start; /* logistic with d <= n: begin at this earlier fit's weights (same
                                    classes and d, else it is ignored); same optimum, fewer steps */
} dnb_classifier_options;

/* Fits n rows of d columns; *out is freed with dnb_classifier_free. x and labels are not kept. Work
 * space: a copy of x (d <= n) or of the Gram matrix (d > n); SVC: the Gram matrix when it fits a
 * quarter of dnb_memory_budget(), else products are made again at every step. NULL opt = logistic.
 */
DNB_API dnb_status dnb_classifier_fit(dnb_classifier **out, const double *x, size_t n, size_t d,
                                      const int64_t *labels, const dnb_classifier_options *opt,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_classifier_free(dnb_classifier *c);

/* What c says of n rows of the d columns it was fitted on: labels[n], and, when not NULL, decision
 * (n x classes, in the order of dnb_classifier_classes). With two classes decision holds (-f, f),
 * f = scikit-learn's decision_function; with more its one-vs-rest shaped values (SVC: votes plus a
 * third of the summed confidences). Naive Bayes: log probabilities, however many classes. */
DNB_API dnb_status dnb_classifier_predict(int64_t *labels, double *decision,
                                          const dnb_classifier *c, const double *x, size_t n,
                                          dnb_err *err) DNB_MUST_CHECK;
/* Probabilities (n x classes, rows sum to 1) as predict_proba's; SVC has none: DNB_EUNSUPPORTED. */
DNB_API dnb_status dnb_classifier_probability(double *p, const dnb_classifier *c, const double *x,
                                              size_t n, dnb_err *err) DNB_MUST_CHECK;

/* The classes seen, ascending, and their number; *classes (may be NULL) lives as long as c. */
DNB_API size_t dnb_classifier_classes(const dnb_classifier *c, const int64_t **classes);
/* Columns it was fitted on. */
DNB_API size_t dnb_classifier_columns(const dnb_classifier *c);
/* The linear maps: returns their number r, *coef r x d and *intercept r (either may be NULL; they
 * live as long as c). Two classes: one map, positive for the second class. More: one per class; SVC
 * one per pair (0,1), (0,2), ..., (1,2), ..., positive for the first, as scikit-learn's coef_.
 * Naive Bayes is no linear map: 0 and NULL. */
DNB_API size_t dnb_classifier_coef(const dnb_classifier *c, const double **coef,
                                   const double **intercept);

/* Linear maps of a classifier of n_classes classes: as many as dnb_classifier_coef returns. */
DNB_API size_t dnb_classifier_map_count(dnb_classifier_kind kind, size_t n_classes);

/* The numbers a classifier is made of, to keep it elsewhere. Plain value; all is borrowed. */
typedef struct dnb_classifier_parts {
    dnb_classifier_kind kind;
    size_t n_classes, n_columns;
    const int64_t *classes; /* n_classes, ascending */
    /* The linear maps, as dnb_classifier_coef gives them. coef NULL: the columns are the maps'
     * values already; intercept NULL: zeros. */
    const double *coef, *intercept;
    /* Naive Bayes: n_classes x n_columns of each (variances smoothed already), n_classes priors. */
    const double *mean, *variance, *prior;
} dnb_classifier_parts;
/* Pointers into c, which must outlive them. */
DNB_API void dnb_classifier_get_parts(dnb_classifier_parts *out, const dnb_classifier *c);
/* A classifier from numbers, copied: it answers as the one they were taken from, to the bit. Where
 * coef is NULL, n_columns must be dnb_classifier_map_count. DNB_EARG: fewer than two classes, not
 * ascending, NaN or infinity, variances or priors not above 0. */
DNB_API dnb_status dnb_classifier_new(dnb_classifier **out, const dnb_classifier_parts *parts,
                                      dnb_err *err) DNB_MUST_CHECK;

/* Cross-validation: row i is predicted by a fit on the rows whose fold differs from fold[i] <
 * n_folds, into labels[i] and, when not NULL, decision (n x all classes, sorted; a class absent
 * from a fold's training rows gets -infinity there). Answers are those of a fit and a predict per
 * fold; what folds share is made once (with d > n the rows are first rotated into n columns;
 * logistic fits start from the fit on all rows). Folds run side by side, each on one thread. A fold
 * without test rows is passed over; one whose training rows hold a single class fails, named by its
 * number from 1. */
DNB_API dnb_status dnb_classifier_cross(int64_t *labels, double *decision, const double *x,
                                        size_t n, size_t d, const int64_t *truth,
                                        const size_t *fold, size_t n_folds,
                                        const dnb_classifier_options *opt,
                                        dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
