/* Regressions on a design: by the model's own factorisation, or by a hat matrix where predictions
 * are one fixed linear map of the training targets. */
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "map/mapping_own.h"

static bool is_fixed_linear(const dnb_mapping_options *o)
{
    dnb_regression_kind kind = o->regression.kind;
    return !o->classify &&
           (kind == DNB_GLM || (kind == DNB_RIDGE && o->regression.choice == DNB_PENALTY_FIXED));
}

static bool turns_freely(const dnb_mapping_options *o)
{
    if (o->classify)
        return o->classifier.kind == DNB_SVC ||
               (o->classifier.kind == DNB_LOGISTIC && !o->classifier.l1);
    dnb_regression_kind kind = o->regression.kind;
    return kind == DNB_GLM || kind == DNB_RIDGE || (kind == DNB_PLS && o->regression.no_scale);
}

dnb_map_form dnb_map_form_of(const dnb_mapping_options *o, size_t n, size_t d)
{
    if (d <= n)
        return DNB_MAP_FEATURES;
    if (o->n_components)
        return DNB_MAP_GRAM_PCA;
    if (is_fixed_linear(o))
        return DNB_MAP_GRAM_HAT;
    return turns_freely(o) ? DNB_MAP_COORDINATES : DNB_MAP_FEATURES;
}

bool dnb_map_model_whole(const dnb_mapping_options *o)
{
    const dnb_regression_options *r = &o->regression;
    return (r->kind == DNB_PLS && !r->per_target) ||
           (r->shared_alpha && r->choice != DNB_PENALTY_FIXED);
}

double dnb_map_fixed_alpha(const dnb_mapping_options *o)
{
    const dnb_regression_options *r = &o->regression;
    if (o->classify || r->kind != DNB_RIDGE || r->choice != DNB_PENALTY_FIXED)
        return 0;
    return r->alphas && r->n_alphas ? r->alphas[0] : 1;
}

void dnb_map_model_release(dnb_map_model *m)
{
    dnb_regressor_free(m->regressor);
    dnb_free(m->own_hat);
    *m = (dnb_map_model){0};
}

/* Predictions by a hat matrix cost 2 n_test n_train a target, by coefficients 2 r (n_train +
 * n_test), and the matrix itself as much as n_train targets. */
static bool hat_pays(const dnb_map_design *d, const dnb_mapping_options *o, size_t columns)
{
    double hat = (double)d->n_test * (double)d->n_train;
    double coef = (double)d->r * (double)(d->n_train + d->n_test);
    return is_fixed_linear(o) && hat < coef &&
           (double)columns * (coef - hat) > (double)d->n_train * coef;
}

/* The predictions of the identity's columns, less what centring makes of them. */
static dnb_status make_hat(dnb_map_model *m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_map_design *d = m->design;
    dnb_linear fit = {0};
    double *identity = NULL;
    DNB_NEW(identity, d->n_train * d->n_train, "a fold's hat matrix");
    DNB_NEW(m->own_hat, d->n_test * d->n_train, "a fold's hat matrix");
    for (size_t i = 0; i < d->n_train; i++)
        identity[i * d->n_train + i] = 1;
    DNB_TRY(dnb_regressor_fit(&fit, m->regressor, identity, d->n_train, err));
    DNB_TRY(dnb_linear_predict(m->own_hat, &fit, d->test, d->n_test, err));
    m->hat = m->own_hat;
    dnb_regressor_free(m->regressor);
    m->regressor = NULL;
done:
    dnb_linear_release(&fit);
    dnb_free(identity);
    return status;
}

dnb_status dnb_map_model_init(dnb_map_model *out, const dnb_map_design *d,
                              const dnb_mapping_options *o, const dnb_folds *inner, size_t columns,
                              size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_map_model m = {.design = d, .hat = d->hat};
    m.alpha = dnb_map_fixed_alpha(o);
    if (!m.hat) {
        dnb_regression_options r = o->regression;
        r.inner = inner;
        r.memory = memory;
        r.progress = NULL;
        DNB_TRY(dnb_regressor_new(&m.regressor, d->train, d->n_train, d->r, &r, err));
        if (hat_pays(d, o, columns))
            DNB_TRY(make_hat(&m, err));
    }
    *out = m;
    m = (dnb_map_model){0};
done:
    dnb_map_model_release(&m);
    return status;
}

/* yhat = mean + hat (y - mean): the means are kept out of the product for their digits. */
static dnb_status predict_by_hat(double *yhat, const dnb_map_model *m, double *y, size_t c,
                                 dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = m->design->n_train, n_test = m->design->n_test;
    double *mean = NULL;
    DNB_NEW(mean, c, "target means");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            mean[j] += y[i * c + j];
    for (size_t j = 0; j < c; j++)
        mean[j] /= (double)n;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            y[i * c + j] -= mean[j];
    DNB_TRY(dnb_matmul(yhat, c, m->hat, n, y, c, n_test, c, n, NULL, err));
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_test; i++)
        for (size_t j = 0; j < c; j++)
            yhat[i * c + j] += mean[j];
done:
    dnb_free(mean);
    return status;
}

dnb_status dnb_map_model_predict(double *yhat, double *alpha, dnb_map_model *m, double *y, size_t c,
                                 dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_linear fit = {0};
    if (m->hat) {
        for (size_t j = 0; alpha && j < c; j++)
            alpha[j] = m->alpha;
        return predict_by_hat(yhat, m, y, c, err);
    }
    DNB_TRY(dnb_regressor_fit(&fit, m->regressor, y, c, err));
    DNB_TRY(dnb_linear_predict(yhat, &fit, m->design->test, m->design->n_test, err));
    for (size_t j = 0; alpha && j < c; j++)
        alpha[j] = fit.alpha ? fit.alpha[j] : 0;
done:
    dnb_linear_release(&fit);
    return status;
}
