/* Gaussian naive Bayes: a mean and a variance per class and column. */
#include <math.h>

#include "base/mem.h"
#include "stats/classify_own.h"

/* A normal law's constant. */
static const double LOG_TWO_PI = 1.8378770664093454836;
static const double SMOOTHING = 1e-9; /* of the largest column variance */

static double largest_variance(const dnb_class_data *t, const double *mean)
{
    double most = 0;
#pragma omp parallel for schedule(static) reduction(max : most)
    for (size_t j = 0; j < t->d; j++) {
        double ss = 0;
        for (size_t i = 0; i < t->n; i++) {
            double r = t->x[i * t->d + j] - mean[j];
            ss += r * r;
        }
        most = fmax(most, ss / (double)t->n);
    }
    return most;
}

/* Means, then mean squares about them, in the order of the rows. */
static void class_moments(dnb_classifier *c, const dnb_class_data *t)
{
    enum { WIDTH = 64 };
    size_t d = t->d;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < d; first += WIDTH) {
        size_t end = d - first < WIDTH ? d : first + WIDTH;
        for (size_t i = 0; i < t->n; i++)
            for (size_t j = first; j < end; j++)
                c->coef[t->y[i] * d + j] += t->x[i * d + j] / (double)t->count[t->y[i]];
        for (size_t i = 0; i < t->n; i++)
            for (size_t j = first; j < end; j++) {
                double r = t->x[i * d + j] - c->coef[t->y[i] * d + j];
                c->variance[t->y[i] * d + j] += r * r / (double)t->count[t->y[i]];
            }
    }
}

void dnb_bayes_constants(dnb_classifier *c)
{
    for (size_t k = 0; k < c->k; k++) {
        double logs = 0;
        for (size_t j = 0; j < c->d; j++)
            logs += log(c->variance[k * c->d + j]) + LOG_TWO_PI;
        c->intercept[k] = log(c->prior[k]) - 0.5 * logs;
    }
}

dnb_status dnb_fit_bayes(dnb_classifier *c, const dnb_class_data *t, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *mean = NULL;
    DNB_TRY(dnb_classifier_maps(c, t->k, err));
    c->maps = 0;
    DNB_NEW(c->variance, t->k * t->d, "variances of classes");
    DNB_NEW(c->prior, t->k, "priors");
    DNB_NEW(mean, t->d, "column means");
    dnb_column_means(mean, t->x, t->n, t->d);
    double floor = SMOOTHING * largest_variance(t, mean);
    if (!(floor > 0))
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "all %zu columns are constant, so naive Bayes has no variance to go by",
                         t->d));
    class_moments(c, t);
    for (size_t e = 0; e < t->k * t->d; e++)
        c->variance[e] += floor;
    for (size_t k = 0; k < t->k; k++)
        c->prior[k] = (double)t->count[k] / (double)t->n;
    dnb_bayes_constants(c);
done:
    dnb_free(mean);
    return status;
}

void dnb_bayes_row(double *joint, const dnb_classifier *c, const double *x)
{
    for (size_t k = 0; k < c->k; k++) {
        const double *mean = c->coef + k * c->d, *variance = c->variance + k * c->d;
        double sum = 0;
        for (size_t j = 0; j < c->d; j++)
            sum += (x[j] - mean[j]) * (x[j] - mean[j]) / variance[j];
        joint[k] = c->intercept[k] - 0.5 * sum;
    }
}
