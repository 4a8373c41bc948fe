/* Predicted numbers into files: arrays, tables, ROI tables, images. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <dnnbrain/array.h>
#include <dnnbrain/roifile.h>
#include <dnnbrain/scoring.h>

#include "predict.h"

static dnb_status save_npy(const prediction *p, double *y, dnb_err *err)
{
    const size_t shape[2] = {p->n, p->m};
    dnb_array array;
    dnb_array_borrow(&array, DNB_F64, 2, shape, y);
    return dnb_npy_write(&array, p->args->out, err);
}

/* A target's name, else its voxel or number, into buf. */
static const char *name_of(const prediction *p, size_t t, char *buf, size_t size)
{
    size_t at = p->target[t];
    const size_t *place = p->info->target_voxels ? p->info->target_voxels + 3 * at : NULL;
    if (p->info->targets)
        return p->info->targets[at];
    if (place)
        snprintf(buf, size, "(%zu,%zu,%zu)", place[0], place[1], place[2]);
    else
        snprintf(buf, size, "%zu", at + 1);
    return buf;
}

static dnb_status save_rois(const prediction *p, const double *y, cli_context *ctx, dnb_err *err)
{
    enum { LONGEST = 96 };
    const char **names = calloc(p->m + 1, sizeof *names);
    char *text = calloc(p->m + 1, LONGEST);
    dnb_roi roi = {0};
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status =
        names && text ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu names", p->m);
    for (size_t t = 0; t < p->m && status == DNB_OK; t++)
        names[t] = name_of(p, t, text + t * LONGEST, LONGEST);
    if (status == DNB_OK)
        status = dnb_roi_init(&roi, p->n, p->m, names, err);
    if (status == DNB_OK) {
        memcpy(roi.data, y, p->n * p->m * sizeof *roi.data);
        status = dnb_roi_write(&roi, p->args->out, &so, err);
    }
    dnb_roi_release(&roi);
    free(names);
    free(text);
    return status;
}

static dnb_status save_table(const prediction *p, const double *y, cli_context *ctx, dnb_err *err)
{
    char name[96];
    dnb_table table = {0};
    double *column = malloc(p->n * sizeof *column + 1);
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status = column ? cli_predict_table(&table, p, err)
                               : dnb_fail(err, DNB_ENOMEM, "out of memory for the predictions");
    for (size_t t = 0; t < p->m && status == DNB_OK; t++) {
        for (size_t i = 0; i < p->n; i++)
            column[i] = y[i * p->m + t];
        status = dnb_table_add_real(&table, name_of(p, t, name, sizeof name), column, err);
    }
    if (status == DNB_OK)
        status = dnb_table_write(&table, p->args->out, &so, err);
    dnb_table_release(&table);
    free(column);
    return status;
}

/* The targets' voxels in an image of the geometry of -like. */
static dnb_status find_voxels(size_t *voxels, const prediction *p, const dnb_brain *like,
                              dnb_err *err)
{
    const size_t *shape = dnb_brain_shape(like);
    for (size_t t = 0; t < p->m; t++) {
        const size_t *at = p->info->target_voxels + 3 * p->target[t];
        if (at[0] >= shape[0] || at[1] >= shape[1] || at[2] >= shape[2])
            return dnb_fail(err, DNB_ESHAPE, "%s: is smaller than the image %s was fitted to",
                            p->args->like, p->args->weights);
        voxels[t] = (at[0] * shape[1] + at[1]) * shape[2] + at[2];
    }
    return DNB_OK;
}

static dnb_status save_image(const prediction *p, const double *y, cli_context *ctx, dnb_err *err)
{
    dnb_brain *like = NULL;
    size_t *voxels = malloc(p->m * sizeof *voxels + 1);
    dnb_brain_write_options o = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status =
        voxels ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu voxels", p->m);
    if (status == DNB_OK && !p->info->target_voxels)
        status =
            dnb_fail(err, DNB_EARG, "%s: its targets are no voxels; write a .npy, .roi.h5 or table",
                     p->args->weights);
    if (status == DNB_OK)
        status = dnb_brain_open(&like, p->args->like, err);
    if (status == DNB_OK)
        status = find_voxels(voxels, p, like, err);
    if (status == DNB_OK)
        status = dnb_brain_write_like(p->args->out, like, p->n, y, voxels, p->m, &o, err);
    dnb_brain_close(like);
    free(voxels);
    return status;
}

/* How well the predictions agree with a column of -stim, in words and in the summary. */
static dnb_status compare(const prediction *p, const double *y, size_t t, cli_context *ctx,
                          dnb_err *err)
{
    const dnb_column *c = cli_predict_truth(p, t);
    double *pair = c ? calloc(2 * p->n + 1, sizeof *pair) : NULL, r = 0, r2 = 0;
    bool usable = c && c->kind != DNB_COLUMN_TEXT && p->n > 1;
    dnb_status status = DNB_OK;
    if (c && !pair)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", p->n);
    for (size_t i = 0; usable && i < p->n; i++) {
        pair[i] = c->kind == DNB_COLUMN_INT ? (double)c->ints[i] : c->reals[i];
        pair[p->n + i] = y[i * p->m + t];
        usable = isfinite(pair[i]);
    }
    if (usable) {
        status = dnb_score_columns(&r, DNB_SCORE_CORRELATION, pair, pair + p->n, p->n, 1, err);
        if (status == DNB_OK)
            status = dnb_score_columns(&r2, DNB_SCORE_R2, pair, pair + p->n, p->n, 1, err);
    }
    if (usable && status == DNB_OK) {
        cli_say(ctx, "%s: r %.4f, R2 %.4f with the column of %s", c->name, r, r2, p->args->stim);
        cJSON *scores = cJSON_GetObjectItemCaseSensitive(ctx->summary, "scores");
        if (!scores)
            scores = cJSON_AddObjectToObject(ctx->summary, "scores");
        cJSON *one = cJSON_AddObjectToObject(scores, c->name);
        cJSON_AddNumberToObject(one, "correlation", r);
        cJSON_AddNumberToObject(one, "r2", r2);
    }
    free(pair);
    return status;
}

/* Keeps the targets asked for, in their order. */
static dnb_status pick_targets(double *y, const prediction *p, dnb_err *err)
{
    size_t all = p->info->n_targets;
    double *row = malloc(p->m * sizeof *row + 1);
    if (!row)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu targets", p->m);
    for (size_t i = 0; i < p->n; i++) { /* rows move to the front: none is overwritten too early */
        for (size_t t = 0; t < p->m; t++)
            row[t] = y[i * all + p->target[t]];
        memcpy(y + i * p->m, row, p->m * sizeof *row);
    }
    free(row);
    return DNB_OK;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcasecmp(name + n - k, suffix) == 0;
}

dnb_status cli_predict_numbers(prediction *p, cli_context *ctx, dnb_err *err)
{
    const char *out = p->args->out;
    double bytes = 8.0 * (double)p->n * (double)p->info->n_targets, *y = NULL;
    if (bytes > (double)ctx->memory / 2)
        return dnb_fail(err, DNB_ENOMEM,
                        "predictions of %zu stimuli and %zu targets take %.1f MB; raise --memory",
                        p->n, p->info->n_targets, bytes * 1e-6);
    y = malloc(p->n * p->info->n_targets * sizeof *y + 1);
    dnb_status status =
        y ? dnb_weightsfile_predict(y, p->weights, p->layer, &p->rows, ctx->memory / 2, err)
          : dnb_fail(err, DNB_ENOMEM, "out of memory for the predictions");
    if (status == DNB_OK)
        status = pick_targets(y, p, err);
    for (size_t t = 0; t < p->m && status == DNB_OK; t++)
        status = compare(p, y, t, ctx, err);
    if (status == DNB_OK)
        status = ends_in(out, ".npy")        ? save_npy(p, y, err)
                 : ends_in(out, ".roi.h5")   ? save_rois(p, y, ctx, err)
                 : cli_predict_is_table(out) ? save_table(p, y, ctx, err)
                                             : save_image(p, y, ctx, err);
    if (status == DNB_OK)
        cli_wrote(ctx, out, "%zu stimuli x %zu targets", p->n, p->m);
    free(y);
    return status;
}
