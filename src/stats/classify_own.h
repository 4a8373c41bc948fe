/* What the classifiers share: the fitted model, the checked training data, rows brought to their
 * columns' means. room: stats (internal) */
#ifndef DNB_STATS_CLASSIFY_OWN_H
#define DNB_STATS_CLASSIFY_OWN_H

#include "dnnbrain/classify.h"

struct dnb_classifier {
    dnb_classifier_kind kind;
    size_t k, d;       /* classes, columns */
    int64_t *classes;  /* k, ascending */
    size_t maps;       /* linear maps; 0 for naive Bayes */
    double *coef;      /* maps x d, NULL: columns are maps' values; naive Bayes: k x d means */
    double *intercept; /* maps; naive Bayes: k log priors less the normal laws' constants */
    double *variance;  /* naive Bayes: k x d */
    double *prior;     /* naive Bayes: k */
};

/* Training data that passed the checks. */
typedef struct dnb_class_data {
    const double *x; /* n x d */
    size_t n, d, k;
    const size_t *y;     /* n: index of the row's class */
    const size_t *count; /* k: rows of each class */
} dnb_class_data;

/* Each fills c->coef, c->intercept and c->variance as it needs them; kind, classes and d are set.
 */
dnb_status dnb_fit_logistic(dnb_classifier *c, const dnb_class_data *t,
                            const dnb_classifier_options *o, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_fit_logistic_l1(dnb_classifier *c, const dnb_class_data *t,
                               const dnb_classifier_options *o, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_fit_svc(dnb_classifier *c, const dnb_class_data *t, const dnb_classifier_options *o,
                       dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_fit_lda(dnb_classifier *c, const dnb_class_data *t, const dnb_classifier_options *o,
                       dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_fit_bayes(dnb_classifier *c, const dnb_class_data *t, dnb_err *err) DNB_MUST_CHECK;

/* Room for `maps` linear maps of c->d columns, zeroed. */
dnb_status dnb_classifier_maps(dnb_classifier *c, size_t maps, dnb_err *err) DNB_MUST_CHECK;
/* mean[j] of column j; exact when the column is constant. */
void dnb_column_means(double *mean, const double *x, size_t n, size_t d);
/* Fails, naming the place, when x holds NaN or infinity. */
dnb_status dnb_class_rows_check(const double *x, size_t n, size_t d, dnb_err *err) DNB_MUST_CHECK;
/* One row's votes over pairs as SVC's decision values: f holds the k (k - 1) / 2 values of the
 * pairs. Returns the class elected. */
size_t dnb_svc_votes(double *decision, const double *f, size_t k);
/* c->intercept of naive Bayes from its priors and variances. */
void dnb_bayes_constants(dnb_classifier *c);
/* k log probabilities (up to a constant of the row) of one row. */
void dnb_bayes_row(double *joint, const dnb_classifier *c, const double *x);
/* Sorted distinct labels into *classes (freed by the caller) and each row's index into y. */
dnb_status dnb_label_classes(int64_t **classes, size_t *k, size_t *y, const int64_t *labels,
                             size_t n, dnb_err *err) DNB_MUST_CHECK;

#endif
