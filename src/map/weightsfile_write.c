/* Writing files of weights: every dataset is laid out first, models are pushed one by one. */
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "data/h5_stream.h"
#include "map/weightsfile_own.h"

enum { FEATURES = 2048 /* whose weights are asked for at a time */, MOST_TEXTS = 8 };

struct dnb_weightswriter {
    const dnb_weights_info *info;
    dnb_h5_stream *stream;
    size_t memory, n_sets, n_texts;
    char **names;      /* n_sets: of the datasets, but for the voxels' */
    char **attributes; /* n_targets: classes.T; or NULL */
    const char **layers;
    const char *model, *input;
    dnb_h5_texts *texts;
    bool *pushed; /* layers x models */
    char *path;
};

void dnb_weightswriter_abort(dnb_weightswriter *w)
{
    if (!w)
        return;
    dnb_h5_stream_abort(w->stream, false);
    for (size_t i = 0; w->names && i < w->n_sets; i++)
        dnb_free(w->names[i]);
    for (size_t t = 0; w->attributes && t < w->info->n_targets; t++)
        dnb_free(w->attributes[t]);
    dnb_free(w->names);
    dnb_free(w->attributes);
    dnb_free(w->layers);
    dnb_free(w->texts);
    dnb_free(w->pushed);
    dnb_free(w->path);
    dnb_free(w);
}

static dnb_status check_info(const char *path, const dnb_weights_info *info, dnb_err *err)
{
    if (info->n_layers == 0 || info->n_targets == 0)
        return dnb_fail(err, DNB_EARG, "%s: weights of %zu layers for %zu targets", path,
                        info->n_layers, info->n_targets);
    if (!dnb_weights_input_name(info->input) ||
        (info->classify ? !dnb_classifier_name(info->classifier)
                        : !dnb_regression_name(info->regression)))
        return dnb_fail(err, DNB_EARG, "%s: weights of an unknown model or input", path);
    if (info->classify && (!info->targets || !info->classes))
        return dnb_fail(err, DNB_EARG, "%s: classifiers need their targets' names and classes",
                        path);
    for (size_t t = 0; info->classify && t < info->n_targets; t++)
        if (info->classes[t].n < 2)
            return dnb_fail(err, DNB_EARG, "%s: target '%s' has fewer than two classes", path,
                            info->targets[t]);
    return DNB_OK;
}

static size_t count_features(const dnb_weights_info *info, size_t layer)
{
    const size_t *s = info->layers[layer].shape;
    return s[0] * s[1] * s[2];
}

static dnb_status add_classes(dnb_weightswriter *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_weights_info *info = w->info;
    DNB_NEW(w->attributes, info->n_targets, "classes");
    for (size_t t = 0; t < info->n_targets; t++) {
        dnb_strbuf name = {0};
        dnb_strbuf_add(&name, DNB_WEIGHTS_CLASSES);
        dnb_strbuf_add(&name, info->targets[t]);
        DNB_TRY(dnb_strbuf_take(&name, &w->attributes[t], err));
        w->texts[w->n_texts++] =
            (dnb_h5_texts){w->attributes[t], info->classes[t].names, info->classes[t].n, false};
    }
done:
    return status;
}

static dnb_status list_texts(dnb_weightswriter *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_weights_info *info = w->info;
    w->input = dnb_weights_input_name(info->input);
    w->model = info->classify ? dnb_classifier_name(info->classifier)
                              : dnb_regression_name(info->regression);
    DNB_NEW(w->texts, MOST_TEXTS + (info->classify ? info->n_targets : 0), "weights");
    DNB_NEW(w->layers, info->n_layers, "weights");
    for (size_t l = 0; l < info->n_layers; l++)
        w->layers[l] = info->layers[l].name;
    w->texts[w->n_texts++] = (dnb_h5_texts){"model", &w->model, 1, true};
    w->texts[w->n_texts++] = (dnb_h5_texts){"input", &w->input, 1, true};
    w->texts[w->n_texts++] = (dnb_h5_texts){"layers", w->layers, info->n_layers, false};
    if (info->targets)
        w->texts[w->n_texts++] = (dnb_h5_texts){"targets", info->targets, info->n_targets, false};
    if (info->features)
        w->texts[w->n_texts++] =
            (dnb_h5_texts){"features", info->features, count_features(info, 0), false};
    if (info->classify)
        DNB_TRY(add_classes(w, err));
done:
    return status;
}

/* All datasets: the models', then the voxels'. plans has room for two more. */
static dnb_status plan_sets(dnb_h5_plan *plans, dnb_weightswriter *w, size_t *count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_weights_info *info = w->info;
    dnb_weights_part parts[DNB_WEIGHTS_PARTS];
    for (size_t l = 0; l < info->n_layers; l++)
        for (size_t t = 0; t < dnb_weights_models(info); t++) {
            size_t n = dnb_weights_parts(parts, info, l, t);
            for (size_t i = 0; i < n; i++) {
                DNB_TRY(dnb_weights_part_name(&w->names[w->n_sets], info, l, t, &parts[i], err));
                const size_t *s = parts[i].shape;
                plans[w->n_sets] = (dnb_h5_plan){.name = w->names[w->n_sets],
                                                 .ndim = 4,
                                                 .rows = parts[i].rows,
                                                 .shape = {s[0], s[1], s[2]}};
                w->n_sets++;
            }
        }
    *count = w->n_sets;
    if (info->target_voxels)
        plans[(*count)++] = (dnb_h5_plan){.name = DNB_WEIGHTS_TARGET_VOXEL,
                                          .ndim = 2,
                                          .rows = info->n_targets,
                                          .shape = {3, 1, 1}};
    if (info->feature_voxels)
        plans[(*count)++] = (dnb_h5_plan){.name = DNB_WEIGHTS_FEATURE_VOXEL,
                                          .ndim = 2,
                                          .rows = count_features(info, 0),
                                          .shape = {3, 1, 1}};
done:
    return status;
}

static dnb_status push_voxels(dnb_h5_stream *s, size_t set, const size_t *voxels, size_t n,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *place = NULL;
    DNB_NEW(place, 3 * n, "places of voxels");
    for (size_t i = 0; i < 3 * n; i++)
        place[i] = (double)voxels[i];
    DNB_TRY(dnb_h5_stream_push(s, set, 0, n, place, err));
done:
    dnb_free(place);
    return status;
}

dnb_status dnb_weightswriter_open(dnb_weightswriter **out, const char *path,
                                  const dnb_weights_info *info, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_weightswriter *w = NULL;
    dnb_h5_plan *plans = NULL;
    size_t count = 0, models, sets;
    DNB_TRY(check_info(path, info, err));
    models = info->n_layers * dnb_weights_models(info);
    sets = models * DNB_WEIGHTS_PARTS;
    DNB_NEW(w, 1, "weights");
    w->info = info;
    w->memory = memory ? memory : dnb_memory_budget();
    if (!(w->path = dnb_strdup(path)))
        DNB_TRY(dnb_fail_memory(err, "path", strlen(path) + 1));
    DNB_NEW(w->names, sets, "weights");
    DNB_NEW(w->pushed, models, "weights");
    DNB_NEW(plans, sets + 2, "weights");
    DNB_TRY(list_texts(w, err));
    DNB_TRY(plan_sets(plans, w, &count, err));
    dnb_h5_job job = {.path = path,
                      .n = count,
                      .plans = plans,
                      .type = DNB_F64,
                      .what = "dataset",
                      .row = "rows",
                      .type_text = DNB_WEIGHTS_TYPE,
                      .texts = w->texts,
                      .n_texts = w->n_texts};
    DNB_TRY(dnb_h5_stream_open(&w->stream, &job, NULL, err));
    if (info->target_voxels)
        DNB_TRY(push_voxels(w->stream, w->n_sets, info->target_voxels, info->n_targets, err));
    if (info->feature_voxels)
        DNB_TRY(
            push_voxels(w->stream, count - 1, info->feature_voxels, count_features(info, 0), err));
    *out = w;
    w = NULL;
done:
    dnb_free(plans);
    dnb_weightswriter_abort(w);
    return status;
}

/* W^T, a row per target, and what is added. */
static dnb_status push_projection(dnb_weightswriter *w, size_t layer, size_t set,
                                  const dnb_mapping_weights *fit, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = dnb_mapping_weights_features(fit), m = dnb_mapping_weights_targets(fit);
    size_t step = d < FEATURES ? d : FEATURES;
    double *wide = NULL, *block = NULL, bytes = 8.0 * (double)m * (double)(d + step);
    if (bytes > (double)w->memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "%s: weights of %zu features of %s for %zu targets take %.1f MB and the "
                        "memory budget leaves %.1f MB; raise --memory, or select features or "
                        "targets",
                        w->path, d, w->info->layers[layer].name, m, bytes * 1e-6,
                        (double)w->memory * 1e-6);
    DNB_NEW(wide, m * d, "weights");
    DNB_NEW(block, m * step, "a block of weights");
    for (size_t j = 0; j < d; j += step) {
        size_t count = d - j < step ? d - j : step;
        DNB_TRY(dnb_mapping_weights_read(block, fit, j, count, err));
        for (size_t i = 0; i < count; i++)
            for (size_t t = 0; t < m; t++)
                wide[t * d + j + i] = block[i * m + t];
    }
    DNB_TRY(dnb_h5_stream_push(w->stream, set, 0, m, wide, err));
    DNB_TRY(dnb_h5_stream_push(w->stream, set + 1, 0, m, dnb_mapping_weights_intercept(fit), err));
done:
    dnb_free(wide);
    dnb_free(block);
    return status;
}

/* The first dataset of a model. */
static size_t first_set(const dnb_weights_info *info, size_t layer, size_t target)
{
    dnb_weights_part parts[DNB_WEIGHTS_PARTS];
    return (layer * dnb_weights_models(info) + target) * dnb_weights_parts(parts, info, 0, 0);
}

/* Is the fit what info promised? */
static dnb_status check_fit(const dnb_weightswriter *w, size_t layer, size_t target,
                            const dnb_mapping_weights *fit, dnb_err *err)
{
    const dnb_weights_info *info = w->info;
    const dnb_classifier *head = dnb_mapping_weights_classifier(fit);
    dnb_weights_part parts[DNB_WEIGHTS_PARTS];
    dnb_classifier_parts p = {0};
    if (layer >= info->n_layers || target >= dnb_weights_models(info))
        return dnb_fail(err, DNB_EARG, "%s: no layer %zu or target %zu", w->path, layer, target);
    dnb_weights_parts(parts, info, layer, target);
    if (head)
        dnb_classifier_get_parts(&p, head);
    bool same =
        info->classify == (head != NULL) &&
        dnb_mapping_weights_features(fit) == count_features(info, layer) &&
        dnb_mapping_weights_targets(fit) == (dnb_weights_projects(info) ? parts[0].rows : 0) &&
        (!head || (p.kind == info->classifier && p.n_classes == info->classes[target].n));
    return same ? DNB_OK
                : dnb_fail(err, DNB_ESHAPE, "%s: the model of layer %s is not what the file is for",
                           w->path, info->layers[layer].name);
}

dnb_status dnb_weightswriter_push(dnb_weightswriter *w, size_t layer, size_t target,
                                  const dnb_mapping_weights *fit, dnb_err *err)
{
    dnb_status status = check_fit(w, layer, target, fit, err);
    if (status != DNB_OK)
        return status;
    const dnb_classifier *head = dnb_mapping_weights_classifier(fit);
    dnb_classifier_parts p = {0};
    size_t set = first_set(w->info, layer, target);
    if (dnb_weights_projects(w->info)) {
        status = push_projection(w, layer, set, fit, err);
        set += 2;
    }
    if (head)
        dnb_classifier_get_parts(&p, head);
    const double *const moments[] = {p.mean, p.variance, p.prior};
    for (size_t i = 0; i < 3 && p.mean && status == DNB_OK; i++)
        status = dnb_h5_stream_push(w->stream, set + i, 0, p.n_classes, moments[i], err);
    if (status == DNB_OK)
        w->pushed[layer * dnb_weights_models(w->info) + target] = true;
    return status;
}

dnb_status dnb_weightswriter_commit(dnb_weightswriter *w, const char *provenance, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t each = dnb_weights_models(w->info);
    for (size_t i = 0; i < w->info->n_layers * each && status == DNB_OK; i++)
        if (!w->pushed[i])
            status = dnb_fail(err, DNB_EARG, "%s: the model of layer %s is missing", w->path,
                              w->info->layers[i / each].name);
    if (status == DNB_OK) {
        status = dnb_h5_stream_commit(w->stream, provenance, err);
        w->stream = NULL;
    }
    dnb_weightswriter_abort(w);
    return status;
}
