/* Writing weights. */
#include "mapping_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 2048, MOST_NAMES = 30000 };

dnb_status cli_weights_check(const cli_study *s, cli_context *ctx, dnb_err *err)
{
    if (!s->args->save_weights)
        return DNB_OK;
    if (s->job.uv || s->job.classify || s->axis != DNB_ITER_NONE)
        return cli_usage(ctx, err,
                         "-save-weights is for regressions with -anal mv, without -iteraxis");
    return DNB_OK;
}

/* The names of the targets, a line each, into the provenance; left out when they are too long. */
static dnb_status record_targets(const cli_study *s, cli_context *ctx, dnb_err *err)
{
    char *text = calloc(MOST_NAMES + 1, 1), name[256];
    size_t used = 0;
    if (!text)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the targets' names");
    for (size_t t = 0; t < s->m; t++) {
        size_t at = s->varying[t], n;
        if (s->responses)
            cli_responses_name(s->responses, at, true, name, sizeof name);
        else
            snprintf(name, sizeof name, "%s", s->target_names[at]);
        n = strlen(name);
        if (used + n + 1 > MOST_NAMES) {
            free(text);
            return DNB_OK;
        }
        memcpy(text + used, name, n);
        used += n;
        text[used++] = '\n';
    }
    text[used ? used - 1 : 0] = '\0';
    dnb_status status = dnb_provenance_set(ctx->provenance, "targets", text, err);
    free(text);
    return status;
}

/* The file's layers: two for every layer of the study, and the voxels. */
static dnb_act_layer *list_layers(const cli_study *s, char **names, size_t *count)
{
    bool image = s->responses && s->responses->image;
    dnb_act_layer *list = calloc(2 * s->n_layers + 2, sizeof *list);
    size_t n = 0;
    for (size_t l = 0; list && l < s->n_layers; l++) {
        const size_t *shape = s->layers[l].shape, size = strlen(s->layers[l].name) + 16;
        if (!(names[l] = malloc(size))) {
            free(list);
            return NULL;
        }
        snprintf(names[l], size, "%s" CLI_WEIGHTS_INTERCEPT, s->layers[l].name);
        list[n++] =
            (dnb_act_layer){.name = s->layers[l].name, .shape = {shape[0], shape[1], shape[2]}};
        list[n++] = (dnb_act_layer){.name = names[l], .shape = {1, 1, 1}};
    }
    if (list && image)
        list[n++] = (dnb_act_layer){.name = CLI_WEIGHTS_VOXEL, .shape = {3, 1, 1}};
    *count = n;
    return list;
}

static dnb_status push_layer(dnb_actwriter *w, size_t l, const cli_study *s, size_t memory,
                             cli_context *ctx, dnb_err *err)
{
    dnb_mapping_options o;
    dnb_mapping_weights *fit = NULL;
    dnb_mapping_layer layer = {s->layers[l].name, s->layers[l].rows};
    size_t d = layer.x.d, m = s->m;
    float *wide = malloc(m * d * sizeof *wide + 1), *block = malloc(BLOCK * m * sizeof *block + 1);
    cli_job_options(&o, &s->job, memory, ctx);
    o.folds = NULL;
    o.n_permutations = 0;
    dnb_status status =
        wide && block
            ? DNB_OK
            : dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory for its weights", layer.name);
    if (status == DNB_OK)
        status = dnb_mapping_weights_new(&fit, &layer, s->y, m, &o, err);
    for (size_t j = 0; j < d && status == DNB_OK; j += BLOCK) {
        size_t count = d - j < BLOCK ? d - j : BLOCK;
        status = dnb_mapping_weights_read(block, fit, j, count, err);
        for (size_t i = 0; i < count && status == DNB_OK; i++)
            for (size_t t = 0; t < m; t++)
                wide[t * d + j + i] = block[i * m + t];
    }
    if (status == DNB_OK)
        status = dnb_actwriter_push(w, 2 * l, 0, m, wide, err);
    for (size_t t = 0; t < m && status == DNB_OK; t++)
        wide[t] = (float)dnb_mapping_weights_intercept(fit)[t];
    if (status == DNB_OK)
        status = dnb_actwriter_push(w, 2 * l + 1, 0, m, wide, err);
    dnb_mapping_weights_free(fit);
    free(wide);
    free(block);
    return status;
}

static dnb_status push_voxels(dnb_actwriter *w, const cli_study *s, dnb_err *err)
{
    const size_t *shape = dnb_brain_shape(s->responses->image);
    float *place = malloc(3 * s->m * sizeof *place + 1);
    if (!place)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu voxels", s->m);
    for (size_t t = 0; t < s->m; t++) {
        size_t v = s->responses->voxels[s->varying[t]];
        place[3 * t] = (float)(v / (shape[1] * shape[2]));
        place[3 * t + 1] = (float)(v / shape[2] % shape[1]);
        place[3 * t + 2] = (float)(v % shape[2]);
    }
    dnb_status status = dnb_actwriter_push(w, 2 * s->n_layers, 0, s->m, place, err);
    free(place);
    return status;
}

dnb_status cli_weights_save(cli_study *s, const char *path, size_t memory, cli_context *ctx,
                            dnb_err *err)
{
    dnb_actwriter *w = NULL;
    char **names = calloc(s->n_layers + 1, sizeof *names);
    size_t count = 0, done = 0;
    dnb_act_layer *layers = names ? list_layers(s, names, &count) : NULL;
    dnb_status status =
        layers ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory for its layers", path);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
        if (8.0 * (double)s->m * (double)s->layers[l].rows.d > (double)memory)
            status = dnb_fail(err, DNB_ENOMEM,
                              "layer %s: weights of %zu units for %zu targets take %.1f MB; raise "
                              "--memory, or select units or targets",
                              s->layers[l].name, s->layers[l].rows.d, s->m,
                              8e-6 * (double)s->m * (double)s->layers[l].rows.d);
    if (status == DNB_OK)
        status = record_targets(s, ctx, err);
    if (status == DNB_OK)
        status = dnb_actwriter_open(&w, path, count, layers, s->m, NULL, &done, err);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
        status = push_layer(w, l, s, memory, ctx, err);
    if (status == DNB_OK && count > 2 * s->n_layers)
        status = push_voxels(w, s, err);
    if (status == DNB_OK)
        status = dnb_actwriter_done(w, s->m, err);
    if (status == DNB_OK) {
        status = dnb_actwriter_commit(w, dnb_provenance_json(ctx->provenance), err);
        w = NULL;
    }
    dnb_actwriter_abort(w, false);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "weights of %zu layers for %zu targets", s->n_layers, s->m);
    for (size_t l = 0; names && l < s->n_layers; l++)
        free(names[l]);
    free(names);
    free(layers);
    return status;
}
