/* Features for saved weights: activations, responses or columns, as the weights were fitted to. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "predict.h"

/* ---- activations ---- */

static dnb_status check_units(const prediction *p, dnb_err *err)
{
    const size_t *w = p->info->layers[p->layer].shape, *n = p->patterns.set.selects[0].n;
    if (w[0] == n[0] && w[1] == n[1] && w[2] == n[2])
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE,
                    "%s: weights of layer %s are for %zux%zux%zu units but %zux%zux%zu are "
                    "selected; use the -chn and -dmask they were fitted with",
                    p->args->weights, p->patterns.set.names[0], w[0], w[1], w[2], n[0], n[1], n[2]);
}

static dnb_status open_activations(prediction *p, cli_context *ctx, dnb_err *err)
{
    const predict_args *a = p->args;
    const cli_source source = {.act = a->act};
    const cli_network none = {0};
    cli_units units = a->units;
    const char *only = p->info->layers[0].name;
    if (!units.layer.count && !units.dmask && p->info->n_layers == 1)
        units.layer = (cli_strings){1, &only};
    dnb_status status = cli_patterns_open(&p->patterns, &source, &none, &units, ctx, err);
    if (status == DNB_OK && p->patterns.set.n != 1)
        status =
            dnb_fail(err, DNB_EARG, "%s holds %zu layers; name the one to predict from with -layer",
                     a->act, p->patterns.set.n);
    if (status == DNB_OK)
        status = dnb_weightsfile_find_layer(p->weights, p->patterns.set.names[0], &p->layer, err);
    if (status == DNB_OK)
        status = check_units(p, err);
    if (status == DNB_OK)
        status = cli_layer_open(&p->units, &p->patterns, 0, ctx->memory / 4, err);
    p->rows = p->units.rows;
    p->n = p->patterns.n;
    p->path = a->act;
    return status;
}

/* ---- responses ---- */

/* The voxels of the responses are those of the weights. */
static dnb_status check_voxels(const prediction *p, dnb_err *err)
{
    const cli_responses *r = &p->responses;
    const size_t *place = p->info->feature_voxels;
    if (!r->image)
        return r->names
                   ? dnb_fail(err, DNB_ESHAPE, "%s: the weights of %s are of voxels; give an image",
                              r->path, p->args->weights)
                   : DNB_OK;
    const size_t *shape = dnb_brain_shape(r->image);
    for (size_t t = 0; t < r->m; t++) {
        size_t v = r->voxels[t], x = v / (shape[1] * shape[2]), y = v / shape[2] % shape[1],
               z = v % shape[2];
        if (x != place[3 * t] || y != place[3 * t + 1] || z != place[3 * t + 2])
            return dnb_fail(err, DNB_ESHAPE,
                            "%s: voxel %zu of -bmask is (%zu,%zu,%zu), that of the weights "
                            "(%zu,%zu,%zu); leave -bmask out, or use the one they were fitted with",
                            p->args->brain.bmask, t + 1, x, y, z, place[3 * t], place[3 * t + 1],
                            place[3 * t + 2]);
    }
    return DNB_OK;
}

static dnb_status check_names(const prediction *p, dnb_err *err)
{
    const cli_responses *r = &p->responses;
    if (r->image)
        return dnb_fail(err, DNB_ESHAPE,
                        "%s: the weights of %s are of regions, not voxels; give a table of those "
                        "regions (.roi.h5, .csv, .tsv)",
                        r->path, p->args->weights);
    for (size_t t = 0; r->names && t < r->m; t++)
        if (strcmp(r->names[t], p->info->features[t]) != 0)
            return dnb_fail(err, DNB_ESHAPE,
                            "%s: -roi names '%s' where the weights of %s have '%s'; leave -roi out",
                            r->path, r->names[t], p->args->weights, p->info->features[t]);
    return DNB_OK;
}

static dnb_status check_responses(const prediction *p, dnb_err *err)
{
    const cli_responses *r = &p->responses;
    const size_t *s = p->info->layers[0].shape;
    size_t d = s[0] * s[1] * s[2];
    if (r->m != d)
        return dnb_fail(err, DNB_ESHAPE,
                        "%s holds %zu %s but the weights of %s are for %zu; use the -bmask and "
                        "-roi they were fitted with",
                        r->path, r->m, r->image ? "voxels" : "columns", p->args->weights, d);
    if (p->info->feature_voxels)
        return check_voxels(p, err);
    return p->info->features ? check_names(p, err) : DNB_OK;
}

static dnb_status open_responses(prediction *p, cli_context *ctx, dnb_err *err)
{
    cli_brain b = p->args->brain;
    const size_t *s = p->info->layers[0].shape;
    size_t length = strlen(b.resp);
    bool array = length > 4 && strcasecmp(b.resp + length - 4, ".npy") == 0;
    bool named = !array && !dnb_brain_is_image_name(b.resp);
    if (!b.roi.count && named && p->info->features) { /* by name, in the weights' order */
        b.roi.count = s[0] * s[1] * s[2];
        b.roi.items = (const char **)(void *)p->info->features;
    }
    b.places = p->info->feature_voxels;
    b.n_places = s[0] * s[1] * s[2];
    dnb_status status = cli_responses_read(&p->responses, &b, "resp", ctx, err);
    if (status == DNB_OK)
        status = check_responses(p, err);
    if (status != DNB_OK)
        return status;
    p->n = p->responses.n;
    p->rows = dnb_rows_f64(p->responses.y, p->n, p->responses.m);
    p->path = p->responses.path;
    ctx->memory -= p->n * p->responses.m * sizeof *p->responses.y;
    return DNB_OK;
}

/* ---- columns ---- */

static dnb_status open_columns(prediction *p, dnb_err *err)
{
    const size_t *s = p->info->layers[0].shape;
    size_t n = dnb_stim_count(&p->stim), d = s[0] * s[1] * s[2];
    double *column = malloc(n * sizeof *column + 1);
    p->table = malloc(n * d * sizeof *p->table + 1);
    dnb_status status =
        column && p->table ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", p->args->stim);
    if (status == DNB_OK && !p->info->features)
        status = dnb_fail(err, DNB_EFORMAT, "%s: does not name the columns it predicts from",
                          p->args->weights);
    for (size_t j = 0; j < d && status == DNB_OK; j++) {
        status = dnb_stim_numbers(&p->stim, p->info->features[j], column, err);
        for (size_t i = 0; i < n && status == DNB_OK; i++) {
            p->table[i * d + j] = column[i];
            if (!isfinite(column[i]))
                status = dnb_fail(err, DNB_EARG, "%s: column '%s' is %g in row %zu", p->args->stim,
                                  p->info->features[j], column[i], i + 1);
        }
    }
    free(column);
    if (status != DNB_OK)
        return status;
    p->n = n;
    p->rows = dnb_rows_f64(p->table, n, d);
    p->path = p->args->stim;
    return DNB_OK;
}

/* ---- all of them ---- */

static dnb_status check_input(const prediction *p, dnb_err *err)
{
    static const char *const from[] = {"activations (probe or encode): give -act",
                                       "brain responses (decode): give -resp",
                                       "columns of a stimulus list (encode -beh): give -stim"};
    const predict_args *a = p->args;
    const char *option = a->act ? "-act" : a->brain.resp ? "-resp" : "-stim alone";
    dnb_weights_input given = a->act          ? DNB_WEIGHTS_ACTIVATIONS
                              : a->brain.resp ? DNB_WEIGHTS_RESPONSES
                                              : DNB_WEIGHTS_BEHAVIOUR;
    if (given == p->info->input)
        return DNB_OK;
    return dnb_fail(err, DNB_EARG, "%s was fitted to %s, not %s", a->weights, from[p->info->input],
                    option);
}

dnb_status cli_predict_features(prediction *p, cli_context *ctx, dnb_err *err)
{
    dnb_status status = check_input(p, err);
    if (status != DNB_OK)
        return status;
    status = p->args->act          ? open_activations(p, ctx, err)
             : p->args->brain.resp ? open_responses(p, ctx, err)
                                   : open_columns(p, err);
    if (status == DNB_OK && p->has_stim && dnb_stim_count(&p->stim) != p->n)
        status = dnb_fail(err, DNB_ESHAPE, "%s lists %zu stimuli but %s holds %zu", p->args->stim,
                          dnb_stim_count(&p->stim), p->path, p->n);
    return status;
}
