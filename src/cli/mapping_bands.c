/* -model banded: all layers, and columns of -beh, as bands of one model; results per band. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/banded_map.h>

#include "study.h"

void cli_bands_release(cli_bands *b)
{
    cli_scores_release(&b->joint);
    cli_scores_release(&b->split);
    cli_scores_release(&b->alpha);
    cli_scores_release(&b->unique);
    cli_scores_release(&b->common);
}

static dnb_status out_of_memory(dnb_err *err)
{
    return dnb_fail(err, DNB_ENOMEM, "out of memory for results of bands");
}

/* k x rows x m, as the engine has it, to rows x m x k of all targets. */
static dnb_status take(cli_scores *to, const cli_study *s, size_t rows, const double *from,
                       dnb_err *err)
{
    size_t m = s->m, k = s->job.folds.k;
    if (!from)
        return DNB_OK;
    *to = (cli_scores){.layer = "banded", .n_iter = rows, .m = m, .k = k};
    to->score = calloc(rows * m * k + 1, sizeof *to->score);
    to->mean = calloc(rows * m + 1, sizeof *to->mean);
    if (!to->score || !to->mean)
        return out_of_memory(err);
    for (size_t i = 0; i < rows * m; i++)
        for (size_t f = 0; f < k; f++) {
            to->score[i * k + f] = from[f * rows * m + i];
            to->mean[i] += to->score[i * k + f] / (double)k;
        }
    return m < s->m_all ? cli_scores_spread(to, s->varying, s->m_all, err) : DNB_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Medians over folds: a penalty may be infinite. */
static dnb_status medians(double *to, const double *from, size_t m, size_t k, dnb_err *err)
{
    double *sorted = calloc(k + 1, sizeof *sorted);
    if (!sorted)
        return out_of_memory(err);
    for (size_t t = 0; t < m; t++) {
        memcpy(sorted, from + t * k, k * sizeof *sorted);
        qsort(sorted, k, sizeof *sorted, by_value);
        to[t] = (sorted[(k - 1) / 2] + sorted[k / 2]) / 2;
    }
    free(sorted);
    return DNB_OK;
}

/* Row `i` of a result as a scores of its own; what is empty stays so. */
static dnb_status copy_row(double **to, const double *from, size_t i, size_t width, dnb_err *err)
{
    if (!from)
        return DNB_OK;
    *to = calloc(width + 1, sizeof **to);
    if (!*to)
        return out_of_memory(err);
    memcpy(*to, from + i * width, width * sizeof **to);
    return DNB_OK;
}

/* What the report takes: the whole model, then band after band. */
static dnb_status list_scores(cli_study *s, const dnb_mapping_layer *layers, size_t bands,
                              dnb_err *err)
{
    const cli_bands *b = &s->bands;
    size_t m = s->m_all, k = s->job.folds.k;
    free(s->scores);
    s->n_scores = 0;
    s->scores = calloc(bands + 2, sizeof *s->scores);
    if (!s->scores)
        return out_of_memory(err);
    s->n_scores = bands + 1;
    s->scores[0] = (cli_scores){.layer = "banded", .n_iter = 1, .m = m, .k = k};
    dnb_status status = copy_row(&s->scores[0].score, b->joint.score, 0, m * k, err);
    if (status == DNB_OK)
        status = copy_row(&s->scores[0].mean, b->joint.mean, 0, m, err);
    for (size_t i = 0; i < bands && status == DNB_OK; i++) {
        cli_scores *row = &s->scores[i + 1];
        *row = (cli_scores){.layer = layers[i].name, .n_iter = 1, .m = m, .k = k, .share = true};
        status = copy_row(&row->score, b->split.score, i, m * k, err);
        if (status == DNB_OK)
            status = copy_row(&row->mean, b->split.mean, i, m, err);
        if (status == DNB_OK)
            status = copy_row(&row->unique, b->unique.mean, i, m, err);
        if (status == DNB_OK)
            status = copy_row(&row->penalty, b->alpha.mean, i, m, err);
        if (status == DNB_OK)
            status = medians(row->penalty, b->alpha.score + i * m * k, m, k, err);
    }
    return status;
}

dnb_status cli_bands_run(cli_study *s, size_t memory, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *a = s->job.args;
    size_t bands = s->n_layers;
    dnb_banded_map map = {0};
    dnb_banded_map_options o = {.fit = {.scoring = s->job.scoring,
                                        .candidates = (size_t)a->iterations,
                                        .seed = (uint64_t)a->seed},
                                .folds = &s->job.folds,
                                .inner = cli_job_inner(&s->job),
                                .partition = a->partition,
                                .memory = memory,
                                .progress = &ctx->progress};
    dnb_mapping_layer *layers = calloc(bands + 2, sizeof *layers);
    if (!layers)
        return out_of_memory(err);
    cli_job_alphas(&o.fit.alphas, &o.fit.n_alphas, &s->job);
    for (size_t l = 0; l < s->n_layers; l++)
        layers[l] = (dnb_mapping_layer){s->layers[l].name, s->layers[l].rows};
    if (s->has_patterns && s->table)
        layers[bands++] =
            (dnb_mapping_layer){"beh", dnb_rows_f64(s->table, s->job.n, s->table_width)};
    dnb_status status = dnb_banded_map_run(&map, layers, bands, s->y, s->m, &o, err);
    status =
        cli_blame(err, status, s->has_patterns ? s->patterns.path : s->args->network.stim, NULL);
    if (status == DNB_OK)
        status = take(&s->bands.joint, s, 1, map.score, err);
    if (status == DNB_OK)
        status = take(&s->bands.split, s, bands, map.split, err);
    if (status == DNB_OK)
        status = take(&s->bands.alpha, s, bands, map.penalty, err);
    if (status == DNB_OK)
        status = take(&s->bands.unique, s, bands, map.unique, err);
    if (status == DNB_OK && map.common)
        status = take(&s->bands.common, s, (size_t)1 << bands, map.common, err);
    if (status == DNB_OK)
        status = list_scores(s, layers, bands, err);
    dnb_banded_map_release(&map);
    free(layers);
    return status;
}

dnb_status cli_bands_write(const cli_study *s, cli_context *ctx, dnb_err *err)
{
    const cli_bands *b = &s->bands;
    const struct {
        const char *name;
        const cli_scores *s;
        bool image;
    } list[] = {{"score", &b->joint, true},
                {"split", &b->split, true},
                {"alpha", &b->alpha, false},
                {"unique", &b->unique, true},
                {"common", &b->common, true}};
    char *dir = NULL;
    dnb_status status = cli_maps_folder(&dir, s->args->out, "banded", NULL, err);
    for (size_t i = 0; i < sizeof list / sizeof *list && status == DNB_OK; i++) {
        const cli_scores *of = list[i].s;
        const size_t shape[3] = {of->n_iter, of->m, of->k};
        if (!of->score)
            continue;
        status = cli_maps_array(dir, list[i].name, DNB_F64, 3, shape, of->score, ctx, err);
        if (status == DNB_OK && list[i].image && s->responses->image)
            status = cli_maps_image(dir, list[i].name, s->responses, of->n_iter, of->mean, false,
                                    ctx, err);
    }
    if (status == DNB_OK)
        cli_say(ctx, "wrote %s: %zu bands, %zu targets", dir, s->n_scores - 1, s->m_all);
    free(dir);
    return status;
}
