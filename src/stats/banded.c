/* Banded ridge regression: a random search over the bands' weights, each tried by ridge.
 *
 * With fewer features than rows a candidate is ridge on the scaled features, else on the weighted
 * sum of the bands' Gram matrices, which are made once. */
#include "dnnbrain/banded.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/linalg.h"
#include "stats/banded_own.h"
#include "stats/ridge_own.h"

/* One search. */
typedef struct search {
    const dnb_band *band;
    size_t bands, n, d, m;
    const double *y;
    dnb_regression_options ridge;
    dnb_progress quiet;
    double **gram; /* bands x (n x n), when d >= n and there are several bands */
    double *mix;   /* their weighted sum, or the scaled features (n x d) */
    double *weights;
    size_t candidates;
    size_t *candidate, *alpha; /* m: the best so far */
    double *score;             /* m */
} search;

static void search_release(search *s)
{
    for (size_t b = 0; s->gram && b < s->bands; b++)
        dnb_free(s->gram[b]);
    dnb_free(s->gram);
    dnb_free(s->mix);
    dnb_free(s->weights);
    dnb_free(s->candidate);
    dnb_free(s->alpha);
    dnb_free(s->score);
}

static dnb_status check_bands(const dnb_band *band, size_t bands, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char name[64];
    if (bands == 0 || n < 2)
        return dnb_fail(err, DNB_EARG,
                        "banded ridge of %zu bands and %zu rows; it needs 1 band and 2 rows or "
                        "more",
                        bands, n);
    for (size_t b = 0; b < bands; b++) {
        size_t cells;
        if (band[b].d == 0)
            return dnb_fail(err, DNB_EARG, "band %zu has no feature", b + 1);
        if (!dnb_mul_size(&cells, n, band[b].d) || !dnb_mul_size(&cells, cells, sizeof(double)))
            return dnb_fail(err, DNB_EARG, "band %zu: %zu rows of %zu features cannot be counted",
                            b + 1, n, band[b].d);
        snprintf(name, sizeof name, "features of band %zu", b + 1);
        DNB_TRY(dnb_regression_check_finite(band[b].x, n, band[b].d, name, err));
    }
done:
    return status;
}

static dnb_status prepare(search *s, const dnb_banded_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t cells;
    s->quiet = (dnb_progress){.cancelled = opt->progress ? opt->progress->cancelled : NULL,
                              .ctx = opt->progress ? opt->progress->ctx : NULL};
    s->ridge = (dnb_regression_options){.kind = DNB_RIDGE,
                                        .alphas = opt->alphas,
                                        .n_alphas = opt->n_alphas,
                                        .choice = DNB_PENALTY_CV,
                                        .inner = opt->inner,
                                        .scoring = opt->scoring,
                                        .memory = opt->memory,
                                        .progress = &s->quiet};
    if (opt->n_alphas == 0)
        return dnb_fail(err, DNB_EARG, "banded ridge needs penalties to choose from");
    DNB_TRY(dnb_regression_check_options(&dnb_regression_ridge, &s->ridge, s->n, err));
    DNB_TRY(check_bands(s->band, s->bands, s->n, err));
    if (s->m == 0)
        return dnb_fail(err, DNB_EARG, "banded ridge without a target");
    if (!dnb_mul_size(&cells, s->n, s->m) || !dnb_mul_size(&cells, opt->n_alphas, s->m))
        return dnb_fail(err, DNB_EARG, "%zu targets cannot be counted", s->m);
    DNB_TRY(dnb_regression_check_finite(s->y, s->n, s->m, "targets", err));
    for (size_t b = 0; b < s->bands; b++)
        if (!dnb_add_size(&s->d, s->d, s->band[b].d))
            return dnb_fail(err, DNB_EARG, "the bands' features cannot be counted");
    DNB_TRY(dnb_banded_weights(&s->weights, &s->candidates, s->bands, opt, err));
    DNB_NEW(s->candidate, s->m, "band weights");
    DNB_NEW(s->alpha, s->m, "penalties");
    DNB_NEW(s->score, s->m, "scores");
    if (s->bands == 1)
        return DNB_OK;
    bool dual = s->d >= s->n;
    if (!dnb_mul_size(&cells, s->n, dual ? s->n : s->d))
        return dnb_fail_memory(err, "the bands side by side", SIZE_MAX);
    DNB_NEW(s->mix, cells, "the bands side by side");
    if (!dual)
        return DNB_OK;
    DNB_NEW(s->gram, s->bands, "Gram matrices");
    for (size_t b = 0; b < s->bands; b++) {
        dnb_rows rows = dnb_rows_f64(s->band[b].x, s->n, s->band[b].d);
        dnb_gram_options centred = {.centre = DNB_CENTRE_COLUMNS, .progress = &s->quiet};
        DNB_NEW(s->gram[b], s->n * s->n, "Gram matrices");
        DNB_TRY(dnb_gram_run(s->gram[b], &rows, &centred, err));
    }
done:
    return status;
}

/* Ridge of one candidate: from the scaled features, or the Gram matrices' sum. */
static dnb_status candidate_ridge(dnb_ridge **out, search *s, size_t c,
                                  const dnb_regression_options *opt, dnb_err *err)
{
    const double *gamma = s->weights + c * s->bands;
    dnb_ridge_source src = {.n = s->n, .d = s->d, .folds_only = opt->choice == DNB_PENALTY_CV};
    if (s->gram) {
        memset(s->mix, 0, s->n * s->n * sizeof *s->mix);
        for (size_t b = 0; b < s->bands; b++)
            for (size_t i = 0; i < s->n * s->n; i++)
                s->mix[i] += gamma[b] * s->gram[b][i];
        src.gram = s->mix;
    } else {
        size_t first = 0;
        for (size_t b = 0; b < s->bands; first += s->band[b++].d)
            for (size_t i = 0; i < s->n; i++)
                for (size_t j = 0; j < s->band[b].d; j++)
                    s->mix[i * s->d + first + j] =
                        sqrt(gamma[b]) * s->band[b].x[i * s->band[b].d + j];
        src.x = s->mix;
    }
    return dnb_ridge_new(out, &src, opt, err);
}

static dnb_status try_candidates(search *s, const dnb_progress *progress, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_ridge *r = NULL;
    double *table = NULL;
    size_t *choice = NULL;
    DNB_NEW(table, s->ridge.n_alphas * s->m, "scores of penalties");
    DNB_NEW(choice, s->m, "penalties");
    for (size_t c = 0; c < s->candidates; c++) {
        DNB_TRY(candidate_ridge(&r, s, c, &s->ridge, err));
        DNB_TRY(dnb_ridge_scores(table, r, s->y, s->m, err));
        dnb_ridge_free(r);
        r = NULL;
        dnb_ridge_choose(choice, table, s->ridge.n_alphas, s->m, false);
        for (size_t j = 0; j < s->m; j++) {
            double score = table[choice[j] * s->m + j];
            if (c == 0 || score > s->score[j]) {
                s->score[j] = score;
                s->candidate[j] = c;
                s->alpha[j] = choice[j];
            }
        }
        dnb_report(progress, "trying band weights", c + 1, s->candidates);
    }
done:
    dnb_ridge_free(r);
    dnb_free(table);
    dnb_free(choice);
    return status;
}

/* Coefficients of the scaled features to those of the features, for targets `which`. */
static dnb_status store(dnb_banded *out, const search *s, const dnb_linear *l, const double *dual,
                        size_t c, const size_t *which, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const double *gamma = s->weights + c * s->bands;
    double *w = NULL;
    dnb_matmul_options transposed = DNB_MATMUL_DEFAULTS;
    transposed.transpose_a = true;
    for (size_t b = 0; b < s->bands; b++) {
        size_t d = s->band[b].d;
        const double *from = l->coef + out->first[b] * l->m;
        double scale = sqrt(gamma[b]);
        if (dual) {
            dnb_free(w);
            DNB_NEW(w, d * l->m, "coefficients");
            DNB_TRY(
                dnb_matmul(w, l->m, s->band[b].x, d, dual, l->m, d, l->m, s->n, &transposed, err));
            from = w;
            scale = gamma[b];
        }
        for (size_t i = 0; i < d; i++)
            for (size_t q = 0; q < l->m; q++)
                out->coef[(out->first[b] + i) * out->m + which[q]] = scale * from[i * l->m + q];
    }
    for (size_t q = 0; q < l->m; q++) {
        size_t j = which[q];
        out->alpha[j] = l->alpha[q];
        out->score[j] = s->score[j];
        out->intercept[j] = l->intercept[q];
        for (size_t i = 0; dual && i < out->d; i++)
            out->intercept[j] -= out->xmean[i] * out->coef[i * out->m + j];
        for (size_t b = 0; b < s->bands; b++)
            out->gamma[b * out->m + j] = gamma[b];
    }
done:
    dnb_free(w);
    return status;
}

/* Fits the targets that chose candidate c. */
static dnb_status refit(dnb_banded *out, search *s, size_t c, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_regression_options opt = s->ridge;
    dnb_ridge *r = NULL;
    dnb_linear l = {0};
    size_t *which = NULL, count = 0;
    double *y = NULL, *dual = NULL;
    opt.choice = DNB_PENALTY_FIXED;
    DNB_NEW(which, s->m, "targets");
    for (size_t j = 0; j < s->m; j++)
        if (s->candidate[j] == c)
            which[count++] = j;
    if (count == 0)
        goto done;
    DNB_NEW(y, s->n * count, "targets");
    for (size_t i = 0; i < s->n; i++)
        for (size_t q = 0; q < count; q++)
            y[i * count + q] = s->y[i * s->m + which[q]];
    if (s->gram)
        DNB_NEW(dual, s->n * count, "coefficients of rows");
    DNB_TRY(dnb_linear_init(&l, s->gram ? 1 : s->d, count, true, false, err));
    for (size_t q = 0; q < count; q++)
        l.alpha[q] = opt.alphas[s->alpha[which[q]]];
    DNB_TRY(candidate_ridge(&r, s, c, &opt, err));
    DNB_TRY(dnb_ridge_solve(&l, dual, r, y, count, err));
    DNB_TRY(store(out, s, &l, dual, c, which, err));
done:
    dnb_ridge_free(r);
    dnb_linear_release(&l);
    dnb_free(which);
    dnb_free(y);
    dnb_free(dual);
    return status;
}

static dnb_status new_result(dnb_banded *out, const search *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t cells;
    out->bands = s->bands;
    out->d = s->d;
    out->m = s->m;
    if (!dnb_mul_size(&cells, s->d, s->m))
        return dnb_fail_memory(err, "coefficients", SIZE_MAX);
    DNB_NEW(out->first, s->bands + 1, "bands");
    DNB_NEW(out->coef, cells, "coefficients");
    DNB_NEW(out->intercept, s->m, "intercepts");
    DNB_NEW(out->alpha, s->m, "penalties");
    DNB_NEW(out->gamma, s->bands * s->m, "band weights");
    DNB_NEW(out->score, s->m, "scores");
    DNB_NEW(out->xmean, s->d, "means");
    for (size_t b = 0; b < s->bands; b++) {
        size_t d = s->band[b].d;
        const double *x = s->band[b].x;
        double *mean = out->xmean + out->first[b];
        out->first[b + 1] = out->first[b] + d;
        for (size_t i = 0; i < s->n; i++)
            for (size_t j = 0; j < d; j++)
                mean[j] += (x[i * d + j] - x[j]) / (double)s->n;
        for (size_t j = 0; j < d; j++)
            mean[j] += x[j];
    }
done:
    return status;
}

/* One band is ridge regression, to the last bit. */
static dnb_status fit_one_band(dnb_banded *out, const search *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_regressor *r = NULL;
    dnb_linear l = {0};
    DNB_TRY(dnb_regressor_new(&r, s->band[0].x, s->n, s->d, &s->ridge, err));
    DNB_TRY(dnb_regressor_fit(&l, r, s->y, s->m, err));
    memcpy(out->coef, l.coef, s->d * s->m * sizeof *l.coef);
    memcpy(out->intercept, l.intercept, s->m * sizeof *l.intercept);
    memcpy(out->alpha, l.alpha, s->m * sizeof *l.alpha);
    memcpy(out->score, l.score, s->m * sizeof *l.score);
    for (size_t j = 0; j < s->m; j++)
        out->gamma[j] = 1;
done:
    dnb_regressor_free(r);
    dnb_linear_release(&l);
    return status;
}

dnb_status dnb_banded_fit(dnb_banded *out, const dnb_band *band, size_t bands, size_t n,
                          const double *y, size_t m, const dnb_banded_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    search s = {.band = band, .bands = bands, .n = n, .m = m, .y = y};
    dnb_banded made = {0};
    DNB_TRY(prepare(&s, opt, err));
    DNB_TRY(new_result(&made, &s, err));
    if (bands == 1) {
        DNB_TRY(fit_one_band(&made, &s, err));
    } else {
        DNB_TRY(try_candidates(&s, opt->progress, err));
        for (size_t c = 0; c < s.candidates; c++)
            DNB_TRY(refit(&made, &s, c, err));
    }
    *out = made;
    made = (dnb_banded){0};
done:
    search_release(&s);
    dnb_banded_release(&made);
    return status;
}

dnb_status dnb_banded_predict(double *yhat, const dnb_banded *b, const dnb_band *band, size_t bands,
                              size_t n, size_t only, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_matmul_options add = DNB_MATMUL_DEFAULTS;
    add.beta = 1.0;
    if (bands != b->bands)
        return dnb_fail(err, DNB_ESHAPE, "%zu bands for a model of %zu", bands, b->bands);
    if (only != SIZE_MAX && only >= bands)
        return dnb_fail(err, DNB_EARG, "band %zu of %zu", only + 1, bands);
    for (size_t k = 0; k < bands; k++)
        if (band[k].d != b->first[k + 1] - b->first[k])
            return dnb_fail(err, DNB_ESHAPE, "band %zu has %zu features, the model's %zu", k + 1,
                            band[k].d, b->first[k + 1] - b->first[k]);
    memset(yhat, 0, n * b->m * sizeof *yhat);
    for (size_t i = 0; only == SIZE_MAX && i < n; i++)
        memcpy(yhat + i * b->m, b->intercept, b->m * sizeof *yhat);
    if (only != SIZE_MAX && n > 0) { /* every row starts from -(mean coef) */
        for (size_t q = b->first[only]; q < b->first[only + 1]; q++)
            for (size_t j = 0; j < b->m; j++)
                yhat[j] -= b->xmean[q] * b->coef[q * b->m + j];
        for (size_t i = 1; i < n; i++)
            memcpy(yhat + i * b->m, yhat, b->m * sizeof *yhat);
    }
    for (size_t k = 0; k < bands; k++)
        if (only == SIZE_MAX || only == k)
            DNB_TRY(dnb_matmul(yhat, b->m, band[k].x, band[k].d, b->coef + b->first[k] * b->m, b->m,
                               n, b->m, band[k].d, &add, err));
done:
    return status;
}

void dnb_banded_release(dnb_banded *b)
{
    if (!b)
        return;
    dnb_free(b->first);
    dnb_free(b->coef);
    dnb_free(b->intercept);
    dnb_free(b->alpha);
    dnb_free(b->gamma);
    dnb_free(b->score);
    dnb_free(b->xmean);
    *b = (dnb_banded){0};
}
