/* Linear models: names, argument checks, and the table that says which file serves which model. */
#include "dnnbrain/regression.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/regression_own.h"

static const dnb_regression_model *const models[DNB_REGRESSION_COUNT] = {
    [DNB_GLM] = &dnb_regression_ols,     [DNB_RIDGE] = &dnb_regression_ridge,
    [DNB_LASSO] = &dnb_regression_lasso, [DNB_ELASTICNET] = &dnb_regression_elasticnet,
    [DNB_PLS] = &dnb_regression_pls,
};

/* Known by name whether or not their file is linked in. */
static const char *const names[DNB_REGRESSION_COUNT] = {"glm", "ridge", "lasso", "elasticnet",
                                                        "pls"};

struct dnb_regressor {
    const dnb_regression_model *model;
    void *state;
    size_t n, d;
    dnb_regression_options opt;
    dnb_folds inner;
};

const char *dnb_regression_name(dnb_regression_kind kind)
{
    return (unsigned)kind < DNB_REGRESSION_COUNT ? names[kind] : NULL;
}

dnb_status dnb_regression_parse(dnb_regression_kind *out, const char *name, dnb_err *err)
{
    int found = dnb_enum_find(name, names, DNB_REGRESSION_COUNT, NULL, 0);
    if (found < 0)
        return dnb_fail(err, DNB_EARG,
                        "unknown model '%s'; known are glm, ridge, lasso, elasticnet, pls", name);
    *out = (dnb_regression_kind)found;
    return DNB_OK;
}

dnb_regression_options dnb_regression_defaults(dnb_regression_kind kind)
{
    dnb_regression_options opt = {.kind = kind, .scoring = DNB_SCORE_R2};
    return opt;
}

dnb_status dnb_regression_check_finite(const double *a, size_t rows, size_t cols, const char *what,
                                       dnb_err *err)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            if (!isfinite(a[i * cols + j]))
                return dnb_fail(err, DNB_EARG,
                                "%s: row %zu, column %zu is NaN or infinite; leave such rows or "
                                "columns out first",
                                what, i, j);
    return DNB_OK;
}

dnb_status dnb_linear_init(dnb_linear *out, size_t d, size_t m, bool alpha, bool score,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_linear l = {.d = d, .m = m};
    size_t cells;
    if (!dnb_mul_size(&cells, d, m))
        return dnb_fail_memory(err, "coefficients", SIZE_MAX);
    DNB_NEW(l.coef, cells, "coefficients");
    DNB_NEW(l.intercept, m, "intercepts");
    if (alpha)
        DNB_NEW(l.alpha, m, "penalties");
    if (score)
        DNB_NEW(l.score, m, "scores");
    *out = l;
    l = (dnb_linear){0};
done:
    dnb_linear_release(&l);
    return status;
}

void dnb_linear_release(dnb_linear *l)
{
    if (!l)
        return;
    dnb_free(l->coef);
    dnb_free(l->intercept);
    dnb_free(l->alpha);
    dnb_free(l->score);
    *l = (dnb_linear){0};
}

dnb_status dnb_linear_predict(double *yhat, const dnb_linear *l, const double *x, size_t n,
                              dnb_err *err)
{
    dnb_matmul_options add = DNB_MATMUL_DEFAULTS;
    add.beta = 1.0;
    for (size_t i = 0; i < n; i++)
        memcpy(yhat + i * l->m, l->intercept, l->m * sizeof *yhat);
    return dnb_matmul(yhat, l->m, x, l->d, l->coef, l->m, n, l->m, l->d, &add, err);
}

static dnb_status check_folds(const dnb_folds *f, size_t n, dnb_scoring scoring, dnb_err *err)
{
    size_t least;
    if (!f)
        return dnb_fail(err, DNB_EARG, "choosing a penalty by cross-validation needs inner folds");
    if (f->n != n)
        return dnb_fail(err, DNB_ESHAPE, "inner folds of %zu rows for a model of %zu rows", f->n,
                        n);
    if (f->k < 2)
        return dnb_fail(err, DNB_EARG, "choosing a penalty needs two inner folds or more, not %zu",
                        f->k);
    if ((unsigned)scoring >= DNB_SCORE_COUNT || dnb_scoring_is_label(scoring))
        return dnb_fail(err, DNB_EARG,
                        "a penalty is chosen by a score of numbers (r2, explained_variance, "
                        "correlation, spearman, neg_mse)");
    least = dnb_scoring_min_rows(scoring);
    for (size_t k = 0; k < f->k; k++)
        if (f->sizes[k] < least || n - f->sizes[k] < 2)
            return dnb_fail(err, DNB_EARG,
                            "inner fold %zu tests %zu rows of %zu; %s needs %zu or more, and "
                            "training 2 (fewer folds, or neg_mse)",
                            k + 1, f->sizes[k], n, dnb_scoring_name(scoring), least);
    return DNB_OK;
}

dnb_status dnb_regression_check_options(const dnb_regression_model *model,
                                        const dnb_regression_options *opt, size_t n, dnb_err *err)
{
    if ((opt->alphas == NULL) != (opt->n_alphas == 0))
        return dnb_fail(err, DNB_EARG, "alphas and n_alphas go together");
    for (size_t a = 0; a < opt->n_alphas; a++)
        if (!isfinite(opt->alphas[a]) || opt->alphas[a] < 0)
            return dnb_fail(err, DNB_EARG, "penalty %zu is %g; penalties are finite and positive",
                            a + 1, opt->alphas[a]);
    switch (opt->choice) {
    case DNB_PENALTY_FIXED:
        if (model->penalised && opt->n_alphas > 1)
            return dnb_fail(err, DNB_EARG,
                            "%zu penalties and no way to choose among them: give one, or choose "
                            "by cross-validation",
                            opt->n_alphas);
        return DNB_OK;
    case DNB_PENALTY_CV:
        return model->penalised ? check_folds(opt->inner, n, opt->scoring, err) : DNB_OK;
    case DNB_PENALTY_GCV:
    case DNB_PENALTY_LOO:
        if (model->penalised && !model->closed_form)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "%s has no closed-form leave-one-out error; choose its penalty by "
                            "cross-validation",
                            model->name);
        return DNB_OK;
    }
    return dnb_fail(err, DNB_EARG, "unknown way %d to choose a penalty", (int)opt->choice);
}

/* The regressor's own copies of what options point at. */
static dnb_status copy_options(dnb_regressor *r, const dnb_regression_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t count = opt->n_alphas ? opt->n_alphas : 1;
    double *alphas = NULL;
    r->opt = *opt;
    r->opt.alphas = NULL;
    r->opt.inner = NULL;
    DNB_NEW(alphas, count, "penalties");
    alphas[0] = 1.0;
    for (size_t a = 0; a < opt->n_alphas; a++)
        alphas[a] = opt->alphas[a];
    r->opt.alphas = alphas;
    r->opt.n_alphas = count;
    if (opt->choice == DNB_PENALTY_CV && opt->inner) {
        const dnb_folds *f = opt->inner;
        r->inner.n = f->n;
        r->inner.k = f->k;
        DNB_NEW(r->inner.fold, f->n, "inner folds");
        DNB_NEW(r->inner.sizes, f->k, "inner folds");
        memcpy(r->inner.fold, f->fold, f->n * sizeof *f->fold);
        memcpy(r->inner.sizes, f->sizes, f->k * sizeof *f->sizes);
        r->opt.inner = &r->inner;
    }
done:
    return status;
}

dnb_status dnb_regressor_new(dnb_regressor **out, const double *x, size_t n, size_t d,
                             const dnb_regression_options *opt, dnb_err *err)
{
    const dnb_regression_options defaults = {.kind = DNB_GLM, .scoring = DNB_SCORE_R2};
    dnb_status status = DNB_OK;
    dnb_regressor *r = NULL;
    size_t cells;
    opt = opt ? opt : &defaults;
    if ((unsigned)opt->kind >= DNB_REGRESSION_COUNT)
        return dnb_fail(err, DNB_EARG, "unknown model %d", (int)opt->kind);
    if (!models[opt->kind])
        return dnb_fail(err, DNB_EUNSUPPORTED, "this build has no %s", names[opt->kind]);
    if (n < 2 || d < 1)
        return dnb_fail(err, DNB_EARG,
                        "%s of %zu rows and %zu features; it needs 2 rows and 1 feature or more",
                        names[opt->kind], n, d);
    if (!dnb_mul_size(&cells, n, d) || !dnb_mul_size(&cells, cells, sizeof(double)))
        return dnb_fail(err, DNB_EARG, "%zu rows of %zu features cannot be counted", n, d);
    DNB_TRY(dnb_regression_check_options(models[opt->kind], opt, n, err));
    DNB_TRY(dnb_regression_check_finite(x, n, d, "features", err));
    DNB_NEW(r, 1, "a linear model");
    r->model = models[opt->kind];
    r->n = n;
    r->d = d;
    DNB_TRY(copy_options(r, opt, err));
    DNB_TRY(r->model->fresh(&r->state, x, n, d, &r->opt, err));
    *out = r;
    r = NULL;
done:
    dnb_regressor_free(r);
    return status;
}

static dnb_status check_targets(const dnb_regressor *r, const double *y, size_t m, dnb_err *err)
{
    size_t cells;
    if (m == 0)
        return dnb_fail(err, DNB_EARG, "%s without a target", r->model->name);
    if (!dnb_mul_size(&cells, r->n, m) || !dnb_mul_size(&cells, cells, sizeof *y))
        return dnb_fail(err, DNB_EARG, "%zu rows of %zu targets cannot be counted", r->n, m);
    return dnb_regression_check_finite(y, r->n, m, "targets", err);
}

dnb_status dnb_regressor_fit(dnb_linear *out, dnb_regressor *r, const double *y, size_t m,
                             dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_linear l = {0};
    DNB_TRY(check_targets(r, y, m, err));
    DNB_TRY(dnb_linear_init(&l, r->d, m, r->model->penalised,
                            r->model->penalised && r->opt.choice != DNB_PENALTY_FIXED, err));
    DNB_TRY(r->model->fit(&l, r->state, y, m, err));
    *out = l;
    l = (dnb_linear){0};
done:
    dnb_linear_release(&l);
    return status;
}

dnb_status dnb_regressor_scores(double *scores, dnb_regressor *r, const double *y, size_t m,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (!r->model->scores || r->opt.choice == DNB_PENALTY_FIXED)
        return dnb_fail(err, DNB_EUNSUPPORTED, "this %s chooses no penalty, so none has a score",
                        r->model->name);
    DNB_TRY(check_targets(r, y, m, err));
    status = r->model->scores(scores, r->state, y, m, err);
done:
    return status;
}

void dnb_regressor_free(dnb_regressor *r)
{
    if (!r)
        return;
    if (r->model)
        r->model->release(r->state);
    dnb_free((void *)r->opt.alphas);
    dnb_free(r->inner.fold);
    dnb_free(r->inner.sizes);
    dnb_free(r);
}
