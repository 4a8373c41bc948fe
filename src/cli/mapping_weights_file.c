/* Models of all stimuli into a file of weights. */
#include "mapping_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What dnb_weights_info points to. */
typedef struct listed {
    dnb_weights_info info;
    dnb_weights_layer *layers;
    char **targets;
    size_t *target_voxels, *feature_voxels;
    dnb_weights_classes *classes;
} listed;

static void listed_release(listed *l)
{
    for (size_t t = 0; l->targets && t < l->info.n_targets; t++)
        free(l->targets[t]);
    for (size_t t = 0; l->classes && t < l->info.n_targets; t++)
        cli_codes_names_free((char **)(void *)l->classes[t].names, l->classes[t].n);
    free(l->targets);
    free(l->classes);
    free(l->layers);
    free(l->target_voxels);
    free(l->feature_voxels);
}

/* x, y, z of an image's voxels: all, or those chosen. */
static size_t *places_of(const cli_responses *r, const size_t *which, size_t n)
{
    const size_t *shape = dnb_brain_shape(r->image);
    size_t *place = malloc(3 * n * sizeof *place + 1);
    for (size_t i = 0; place && i < n; i++) {
        size_t v = r->voxels[which ? which[i] : i];
        place[3 * i] = v / (shape[1] * shape[2]);
        place[3 * i + 1] = v / shape[2] % shape[1];
        place[3 * i + 2] = v % shape[2];
    }
    return place;
}

static bool list_targets(listed *l, const cli_weights *w)
{
    char name[512];
    if (w->responses && w->responses->image) {
        l->info.target_voxels = l->target_voxels = places_of(w->responses, w->which, w->m);
        return l->target_voxels != NULL;
    }
    l->targets = calloc(w->m + 1, sizeof *l->targets);
    l->info.targets = (const char *const *)l->targets;
    for (size_t t = 0; l->targets && t < w->m; t++) {
        size_t at = w->which ? w->which[t] : t;
        if (w->responses)
            l->targets[t] = strdup(cli_responses_name(w->responses, at, true, name, sizeof name));
        else
            l->targets[t] = strdup(w->target_names[at]);
        if (!l->targets[t])
            return false;
    }
    return l->targets != NULL;
}

static bool list_features(listed *l, const cli_weights *w)
{
    const cli_responses *r = w->features;
    l->info.features = w->columns;
    if (r && r->names)
        l->info.features = (const char *const *)r->names;
    if (!r || !r->image)
        return true;
    l->info.feature_voxels = l->feature_voxels = places_of(r, NULL, r->m);
    return l->feature_voxels != NULL;
}

static dnb_status list_classes(listed *l, const cli_weights *w, dnb_err *err)
{
    l->classes = calloc(w->m + 1, sizeof *l->classes);
    if (!l->classes)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the classes");
    l->info.classes = l->classes;
    for (size_t t = 0; t < w->m; t++) {
        char **names = NULL;
        dnb_status status = cli_codes_names(&names, &l->classes[t].n, &w->classes[t], err);
        if (status != DNB_OK)
            return status;
        l->classes[t].names = (const char *const *)names;
    }
    return DNB_OK;
}

static dnb_status list_all(listed *l, const cli_weights *w, const char *path, dnb_err *err)
{
    const cli_job *job = w->job;
    l->info = (dnb_weights_info){.classify = job->classify,
                                 .regression = job->regression,
                                 .classifier = job->classifier,
                                 .input = w->input,
                                 .n_layers = w->n_layers,
                                 .n_targets = w->m};
    if (job->classify && job->classifier == DNB_NAIVE_BAYES)
        l->info.n_components = (size_t)job->args->pca;
    l->layers = calloc(w->n_layers + 1, sizeof *l->layers);
    l->info.layers = l->layers;
    for (size_t i = 0; l->layers && i < w->n_layers; i++) {
        const size_t *s = w->layers[i].shape;
        const char *name = w->layer_name ? w->layer_name : w->layers[i].name;
        l->layers[i] = (dnb_weights_layer){name, {s[0], s[1], s[2]}};
    }
    if (!l->layers || !list_targets(l, w) || !list_features(l, w))
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory for its names", path);
    return job->classify ? list_classes(l, w, err) : DNB_OK;
}

/* What is fitted once, to be kept, is brought closer to its optimum than a fold's fit: what is left
 * then is below 1e-5 of a decision or a prediction. */
static void fit_closely(dnb_mapping_options *o)
{
    o->folds = NULL;
    o->n_permutations = 0;
    o->regression.tolerance = 1e-10; /* lasso, elastic net: the duality gap */
    o->regression.max_iterations = 10000;
    if (o->classify && o->classifier.kind == DNB_SVC)
        o->classifier.tolerance = 1e-6;
}

static dnb_status fit_and_push(dnb_weightswriter *to, const cli_weights *w, size_t l, size_t t,
                               size_t memory, cli_context *ctx, dnb_err *err)
{
    dnb_mapping_options o;
    dnb_mapping_weights *fit = NULL;
    dnb_mapping_layer layer = {w->layers[l].name, w->layers[l].rows};
    cli_job_options(&o, w->job, memory, ctx);
    fit_closely(&o);
    dnb_status status =
        dnb_mapping_weights_new(&fit, &layer, w->y, w->classes ? w->classes[t].value : NULL,
                                w->classes ? 1 : w->m, &o, err);
    if (status == DNB_OK)
        status = dnb_weightswriter_push(to, l, t, fit, err);
    dnb_mapping_weights_free(fit);
    return status;
}

dnb_status cli_weights_save(const cli_weights *w, const char *path, size_t memory, cli_context *ctx,
                            dnb_err *err)
{
    listed l = {0};
    dnb_weightswriter *to = NULL;
    dnb_status status = list_all(&l, w, path, err);
    if (status == DNB_OK)
        status = dnb_weightswriter_open(&to, path, &l.info, memory / 2, err);
    for (size_t i = 0; i < w->n_layers && status == DNB_OK; i++)
        for (size_t t = 0; t < (w->classes ? w->m : 1) && status == DNB_OK; t++)
            status = fit_and_push(to, w, i, t, memory / 2, ctx, err);
    if (status == DNB_OK) {
        status = dnb_weightswriter_commit(to, dnb_provenance_json(ctx->provenance), err);
        to = NULL;
    }
    dnb_weightswriter_abort(to);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "weights of %zu layers for %zu targets", w->n_layers, w->m);
    listed_release(&l);
    return status;
}
