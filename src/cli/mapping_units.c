/* Univariate runs: the best single unit of a layer, or of each of its parts, for every target. */
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/inference.h>

#include "mapping_scores.h"

/* Models the univariate engine has no closed form of, fitted unit by unit. */
typedef struct unit_fit {
    const cli_job *job;
    const cli_targets *t;
    dnb_classifier_options classifier;
    dnb_regression_options regression;
    size_t n_classes;
    int64_t *classes;
    double *confusion; /* NULL, or where to count: k x n_classes x n_classes */
    size_t stride;     /* its n_classes */
} unit_fit;

typedef struct fold_space {
    size_t *rows;
    int64_t *said, *fold_said, *fold_truth;
    double *decision, *fold_decision, *x, *y, *x_test, *yhat;
} fold_space;

static dnb_status new_space(fold_space *w, size_t n, size_t m, size_t classes, dnb_err *err)
{
    *w = (fold_space){.rows = calloc(n, sizeof *w->rows), .x = calloc(n, sizeof *w->x)};
    bool ok = w->rows && w->x;
    if (classes) {
        ok &= (w->said = calloc(n, sizeof *w->said)) != NULL;
        ok &= (w->fold_said = calloc(n, sizeof *w->said)) != NULL;
        ok &= (w->fold_truth = calloc(n, sizeof *w->said)) != NULL;
        ok &= (w->decision = calloc(n * classes, sizeof *w->x)) != NULL;
        ok &= (w->fold_decision = calloc(n * classes, sizeof *w->x)) != NULL;
    } else {
        ok &= (w->x_test = calloc(n, sizeof *w->x)) != NULL;
        ok &= (w->y = calloc(n * m, sizeof *w->x)) != NULL;
        ok &= (w->yhat = calloc(n * m, sizeof *w->x)) != NULL;
    }
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for a unit's folds");
}

static void release_space(fold_space *w)
{
    free(w->rows);
    free(w->said);
    free(w->fold_said);
    free(w->fold_truth);
    free(w->decision);
    free(w->fold_decision);
    free(w->x);
    free(w->y);
    free(w->x_test);
    free(w->yhat);
}

static dnb_status score_classes(const unit_fit *u, fold_space *w, const dnb_folds *folds,
                                const double *x, double *scores, dnb_err *err)
{
    size_t c = u->n_classes;
    dnb_status status = dnb_classifier_cross(w->said, w->decision, x, folds->n, 1, u->t->labels,
                                             folds->fold, folds->k, &u->classifier, err);
    for (size_t f = 0; f < folds->k && status == DNB_OK; f++) {
        size_t n = dnb_folds_test_rows(folds, f, w->rows);
        for (size_t i = 0; i < n; i++) {
            w->fold_said[i] = w->said[w->rows[i]];
            w->fold_truth[i] = u->t->labels[w->rows[i]];
            memcpy(w->fold_decision + i * c, w->decision + w->rows[i] * c, c * sizeof *w->decision);
        }
        status = dnb_score_labels(&scores[f], u->job->scoring, w->fold_truth, w->fold_said,
                                  w->fold_decision, n, u->classes, c, err);
        if (status != DNB_OK)
            return dnb_fail_prefix(err, status, "fold %zu", f + 1);
        if (!u->confusion)
            continue;
        double *counts = calloc(c * c, sizeof *counts);
        if (!counts)
            return dnb_fail(err, DNB_ENOMEM, "out of memory for a confusion matrix");
        status = dnb_confusion(counts, w->fold_truth, w->fold_said, n, u->classes, c, err);
        for (size_t i = 0; i < c && status == DNB_OK; i++)
            memcpy(u->confusion + (f * u->stride + i) * u->stride, counts + i * c,
                   c * sizeof *counts);
        free(counts);
    }
    return status;
}

static dnb_status score_numbers(const unit_fit *u, fold_space *w, const dnb_folds *folds,
                                const double *x, double *scores, dnb_err *err)
{
    size_t m = u->t->m;
    dnb_status status = DNB_OK;
    for (size_t f = 0; f < folds->k && status == DNB_OK; f++) {
        dnb_regressor *r = NULL;
        dnb_linear fit = {0};
        size_t n = dnb_folds_train_rows(folds, f, w->rows);
        for (size_t i = 0; i < n; i++) {
            w->x[i] = x[w->rows[i]];
            memcpy(w->y + i * m, u->t->y + w->rows[i] * m, m * sizeof *w->y);
        }
        status = dnb_regressor_new(&r, w->x, n, 1, &u->regression, err);
        if (status == DNB_OK)
            status = dnb_regressor_fit(&fit, r, w->y, m, err);
        n = dnb_folds_test_rows(folds, f, w->rows);
        for (size_t i = 0; i < n; i++) {
            w->x_test[i] = x[w->rows[i]];
            memcpy(w->y + i * m, u->t->y + w->rows[i] * m, m * sizeof *w->y);
        }
        if (status == DNB_OK)
            status = dnb_linear_predict(w->yhat, &fit, w->x_test, n, err);
        if (status == DNB_OK)
            status = dnb_score_columns(scores + f * m, u->job->scoring, w->y, w->yhat, n, m, err);
        dnb_linear_release(&fit);
        dnb_regressor_free(r);
    }
    return status;
}

static dnb_status fit_unit(void *ctx, const double *x, const dnb_folds *folds, double *scores,
                           dnb_err *err)
{
    const unit_fit *u = ctx;
    fold_space w;
    dnb_status status = new_space(&w, folds->n, u->t->m, u->n_classes, err);
    if (status == DNB_OK)
        status = u->n_classes ? score_classes(u, &w, folds, x, scores, err)
                              : score_numbers(u, &w, folds, x, scores, err);
    release_space(&w);
    return status;
}

/* ---- the classes there are ---- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static dnb_status find_classes(unit_fit *u, size_t n, dnb_err *err)
{
    u->classes = malloc(n * sizeof *u->classes + 1);
    if (!u->classes)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the classes");
    memcpy(u->classes, u->t->labels, n * sizeof *u->classes);
    qsort(u->classes, n, sizeof *u->classes, by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || u->classes[i] != u->classes[u->n_classes - 1])
            u->classes[u->n_classes++] = u->classes[i];
    return DNB_OK;
}

/* The confusion matrices of the unit that was found best. */
static dnb_status count_confusion(cli_scores *s, size_t cell, unit_fit *u, const cli_job *job,
                                  const dnb_rows *rows, size_t unit, dnb_err *err)
{
    size_t n = rows->n;
    double *x = calloc(n, sizeof *x), *scores = calloc(job->folds.k, sizeof *scores);
    dnb_status status =
        x && scores ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for a unit");
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        float one;
        if (!rows->data && rows->whole_rows) {
            float *row = malloc(rows->d * sizeof *row);
            status = row ? rows->read(rows->ctx, i, 1, 0, rows->d, row, err)
                         : dnb_fail(err, DNB_ENOMEM, "out of memory for a unit");
            one = status == DNB_OK ? row[unit] : 0;
            free(row);
        } else if (!rows->data) {
            status = rows->read(rows->ctx, i, 1, unit, 1, &one, err);
        } else if (rows->dtype == DNB_F64) {
            x[i] = ((const double *)rows->data)[i * rows->stride + unit];
            continue;
        } else {
            one = ((const float *)rows->data)[i * rows->stride + unit];
        }
        if (status == DNB_OK)
            x[i] = (double)one;
    }
    u->confusion = s->confusion + cell * s->k * s->n_classes * s->n_classes;
    u->stride = s->n_classes;
    if (status == DNB_OK)
        status = fit_unit(u, x, &job->folds, scores, err);
    u->confusion = NULL;
    free(x);
    free(scores);
    return status;
}

/* ---- runs ---- */

/* Part `iter`; units are counted in the layer. */
static dnb_status take(cli_scores *s, size_t iter, size_t first, const dnb_univariate *u,
                       const cli_layer *layer, dnb_err *err)
{
    for (size_t t = 0; t < u->m; t++) {
        size_t cell = iter * s->m + first + t;
        for (size_t f = 0; f < s->k; f++)
            s->score[cell * s->k + f] = u->score[f * u->m + t];
        s->mean[cell] = u->mean[t];
        cli_layer_place(layer, u->unit[t], s->place + 3 * cell);
        if (s->p && u->p) {
            s->p[cell] = u->p[t];
            s->p_max[cell] = u->p_max[t];
        }
    }
    if (!s->p || !u->p)
        return DNB_OK;
    return dnb_fdr(s->q + iter * s->m + first, s->p + iter * s->m + first, u->m, err);
}

static dnb_status run_fitted(cli_scores *s, size_t first, unit_fit *fit, const cli_job *job,
                             cli_layer *layer, dnb_iteraxis axis,
                             const dnb_univariate_options *base, cli_context *ctx, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t part = 0; part < s->n_iter && status == DNB_OK; part++) {
        dnb_univariate u = {0};
        dnb_univariate_options o = *base;
        dnb_progress quiet = {.cancelled = ctx->progress.cancelled, .ctx = ctx};
        dnb_rows rows;
        if (s->n_iter > 1) {
            o.progress = &quiet;
            if (ctx->progress.report)
                ctx->progress.report(ctx, layer->name, part, s->n_iter);
        }
        status = cli_layer_part(&rows, layer, axis, part, err);
        if (status == DNB_OK)
            status = dnb_univariate_run_with(&u, &rows, fit->t->m, fit_unit, fit, &o, err);
        if (status == DNB_OK && s->confusion)
            status = count_confusion(s, part * s->m + first, fit, job, &rows, u.unit[0], err);
        for (size_t t = 0; t < u.m && status == DNB_OK; t++)
            u.unit[t] = cli_layer_unit(layer, axis, part, u.unit[t]);
        if (status == DNB_OK)
            status = take(s, part, first, &u, layer, err);
        dnb_univariate_release(&u);
    }
    return status;
}

/* glm, lasso and corr have closed forms. */
static dnb_status run_closed(cli_scores *s, size_t first, const cli_job *job, cli_patterns *p,
                             size_t index, cli_layer *layer, dnb_iteraxis axis,
                             const cli_targets *t, const dnb_univariate_options *o, dnb_err *err)
{
    dnb_univariate *list = NULL, one = {0};
    size_t n_parts = 0;
    dnb_status status;
    if (p && p->file)
        status = dnb_univariate_of_layer(&list, &n_parts, p->file, p->set.index[index],
                                         layer->select, NULL, axis, t->y, job->n, t->m, o, err);
    else if (axis != DNB_ITER_NONE)
        status = dnb_univariate_of_rows(&list, &n_parts, layer->name, &layer->rows, layer->shape,
                                        NULL, axis, t->y, job->n, t->m, o, err);
    else
        status = dnb_univariate_run(&one, &layer->rows, t->y, t->m, o, err);
    if (status == DNB_OK && !list)
        status = take(s, 0, first, &one, layer, err);
    for (size_t i = 0; i < n_parts && status == DNB_OK; i++)
        status = take(s, i, first, &list[i], layer, err);
    dnb_univariate_list_free(list, n_parts);
    dnb_univariate_release(&one);
    return status;
}

dnb_status cli_scores_uv(cli_scores *s, size_t first, const cli_job *job, cli_patterns *p,
                         size_t index, cli_layer *layer, dnb_iteraxis axis, const cli_targets *t,
                         size_t memory, cli_context *ctx, dnb_err *err)
{
    dnb_mapping_options base;
    cli_job_options(&base, job, memory, ctx);
    dnb_univariate_options o = {.kind = job->corr                      ? DNB_UV_CORR
                                        : job->regression == DNB_LASSO ? DNB_UV_LASSO
                                                                       : DNB_UV_GLM,
                                .alpha = job->args->alpha.count ? job->args->alpha.items[0] : 1,
                                .scoring = job->scoring,
                                .folds = &job->folds,
                                .n_perm = (size_t)job->args->permute,
                                .seed = (uint64_t)job->args->seed,
                                .exchange = job->groups.value,
                                .memory = memory,
                                .progress = &ctx->progress};
    bool closed =
        !job->classify && (job->corr || job->regression == DNB_GLM || job->regression == DNB_LASSO);
    if (closed)
        return run_closed(s, first, job, p, index, layer, axis, t, &o, err);
    unit_fit fit = {
        .job = job, .t = t, .classifier = base.classifier, .regression = base.regression};
    dnb_status status = job->classify ? find_classes(&fit, job->n, err) : DNB_OK;
    if (status == DNB_OK)
        status = run_fitted(s, first, &fit, job, layer, axis, &o, ctx, err);
    free(fit.classes);
    return status;
}
