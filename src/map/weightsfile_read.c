/* Opening files of weights: every name, class table and shape is checked before anything is
 * believed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/near_name.h"
#include "data/h5.h"
#include "map/weightsfile_file.h"

static void free_texts(const char *const *texts, size_t n)
{
    dnb_h5_free_texts((char **)(void *)texts, n);
}

void dnb_weightsfile_close(dnb_weightsfile *f)
{
    if (!f)
        return;
    dnb_weights_info *i = &f->info;
    for (size_t l = 0; f->layers && l < i->n_layers; l++)
        dnb_free((char *)f->layers[l].name);
    for (size_t t = 0; f->classes && t < i->n_targets; t++)
        free_texts(f->classes[t].names, f->classes[t].n);
    free_texts(i->targets, i->n_targets);
    free_texts(i->features, f->n_features);
    dnb_free(f->layers);
    dnb_free(f->classes);
    dnb_free(f->target_voxels);
    dnb_free(f->feature_voxels);
    dnb_free(f->set);
    dnb_free(f->provenance);
    dnb_h5_file_close(f->h5);
    dnb_free(f);
}

const dnb_weights_info *dnb_weightsfile_info(const dnb_weightsfile *f)
{
    return &f->info;
}

const char *dnb_weightsfile_provenance(const dnb_weightsfile *f)
{
    return f->provenance;
}

dnb_status dnb_weightsfile_find_layer(const dnb_weightsfile *f, const char *name, size_t *index,
                                      dnb_err *err)
{
    dnb_status status = DNB_OK;
    const char **names = NULL;
    for (size_t l = 0; l < f->info.n_layers; l++)
        if (strcmp(f->layers[l].name, name) == 0) {
            *index = l;
            return DNB_OK;
        }
    DNB_NEW(names, f->info.n_layers, "layer names");
    for (size_t l = 0; l < f->info.n_layers; l++)
        names[l] = f->layers[l].name;
    status =
        dnb_fail(err, DNB_ENOTFOUND, "%s: has no weights of layer '%.200s'", f->h5->path, name);
    status = dnb_fail_suggest(err, status, name, names, f->info.n_layers);
done:
    dnb_free(names);
    return status;
}

dnb_status dnb_weightsfile_find_target(const dnb_weightsfile *f, const char *name, size_t *index,
                                       dnb_err *err)
{
    for (size_t t = 0; f->info.targets && t < f->info.n_targets; t++)
        if (strcmp(f->info.targets[t], name) == 0) {
            *index = t;
            return DNB_OK;
        }
    dnb_status status =
        dnb_fail(err, DNB_ENOTFOUND, "%s: has no weights of target '%.200s'", f->h5->path, name);
    if (!f->info.targets)
        return status;
    return dnb_fail_suggest(err, status, name, f->info.targets, f->info.n_targets);
}

/* ---- attributes ---- */

/* A list of texts that must be there. */
static dnb_status need_texts(char ***out, size_t *n, dnb_weightsfile *f, const char *name,
                             const char *what, dnb_err *err)
{
    dnb_status status = dnb_h5_get_texts(f->h5, name, out, n, err);
    if (status != DNB_ENOTFOUND)
        return status;
    return dnb_fail(err, DNB_EFORMAT, "%s: no root attribute '%.200s', %s", f->h5->path, name,
                    what);
}

/* A list that may be missing. */
static dnb_status may_texts(char ***out, size_t *n, dnb_weightsfile *f, const char *name,
                            dnb_err *err)
{
    dnb_err local = {0};
    dnb_status status = dnb_h5_get_texts(f->h5, name, out, n, &local);
    if (status == DNB_OK || status == DNB_ENOTFOUND)
        return DNB_OK;
    return dnb_fail(err, status, "%s", local.message);
}

static dnb_status read_type(dnb_weightsfile *f, const char *path, dnb_err *err)
{
    char *type = NULL;
    dnb_status status = dnb_h5_get_text(f->h5, "type", &type, err);
    if (status == DNB_OK && (!type || strcmp(type, DNB_WEIGHTS_TYPE) != 0))
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: is not a file of weights (its root attribute 'type' is not '%s'); "
                          "-save-weights of probe, encode or decode writes one",
                          path, DNB_WEIGHTS_TYPE);
    dnb_free(type);
    return status;
}

static bool find_model(dnb_weights_info *info, const char *name)
{
    for (int k = 0; k < DNB_REGRESSION_COUNT; k++)
        if (strcmp(name, dnb_regression_name((dnb_regression_kind)k)) == 0) {
            info->regression = (dnb_regression_kind)k;
            return true;
        }
    for (int k = 0; k < DNB_CLASSIFIER_COUNT; k++)
        if (strcmp(name, dnb_classifier_name((dnb_classifier_kind)k)) == 0) {
            info->classify = true;
            info->classifier = (dnb_classifier_kind)k;
            return true;
        }
    return false;
}

static bool find_input(dnb_weights_info *info, const char *name)
{
    for (int k = 0; dnb_weights_input_name((dnb_weights_input)k); k++)
        if (strcmp(name, dnb_weights_input_name((dnb_weights_input)k)) == 0) {
            info->input = (dnb_weights_input)k;
            return true;
        }
    return false;
}

static dnb_status read_model(dnb_weightsfile *f, dnb_err *err)
{
    char *model = NULL, *input = NULL;
    dnb_status status = dnb_h5_get_text(f->h5, "model", &model, err);
    if (status == DNB_OK)
        status = dnb_h5_get_text(f->h5, "input", &input, err);
    if (status == DNB_OK && (!model || !find_model(&f->info, model)))
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: root attribute 'model' is '%.100s', no known model",
                     f->h5->path, model ? model : "");
    if (status == DNB_OK && (!input || !find_input(&f->info, input)))
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: root attribute 'input' is '%.100s'; known are activations, "
                          "responses and behaviour",
                          f->h5->path, input ? input : "");
    dnb_free(model);
    dnb_free(input);
    return status;
}

static dnb_status read_classes(dnb_weightsfile *f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(f->classes, f->info.n_targets, "classes");
    f->info.classes = f->classes;
    for (size_t t = 0; t < f->info.n_targets; t++) {
        char name[512], **texts = NULL;
        int length = snprintf(name, sizeof name, "%s%s", DNB_WEIGHTS_CLASSES, f->info.targets[t]);
        if (length < 0 || (size_t)length >= sizeof name)
            DNB_TRY(dnb_fail(err, DNB_EFORMAT, "%s: the name of target %zu is too long",
                             f->h5->path, t + 1));
        DNB_TRY(need_texts(&texts, &f->classes[t].n, f, name, "the target's classes", err));
        f->classes[t].names = (const char *const *)texts;
        if (f->classes[t].n < 2)
            DNB_TRY(dnb_fail(err, DNB_EFORMAT, "%s: root attribute '%s' names %zu class",
                             f->h5->path, name, f->classes[t].n));
    }
done:
    return status;
}

static dnb_status read_names(dnb_weightsfile *f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char **layers = NULL, **targets = NULL, **features = NULL;
    size_t n_layers = 0, n_targets = 0;
    DNB_TRY(need_texts(&layers, &n_layers, f, "layers", "the layers' names", err));
    DNB_NEW(f->layers, n_layers, "layers");
    f->info.layers = f->layers;
    f->info.n_layers = n_layers;
    for (size_t l = 0; l < n_layers; l++) {
        f->layers[l].name = layers[l];
        layers[l] = NULL;
    }
    if (f->info.classify)
        DNB_TRY(need_texts(&targets, &n_targets, f, "targets", "the targets' names", err));
    else
        DNB_TRY(may_texts(&targets, &n_targets, f, "targets", err));
    f->info.targets = (const char *const *)targets;
    f->info.n_targets = n_targets;
    DNB_TRY(may_texts(&features, &f->n_features, f, "features", err));
    f->info.features = (const char *const *)features;
    if (f->info.classify)
        DNB_TRY(read_classes(f, err));
done:
    dnb_h5_free_texts(layers, n_layers);
    return status;
}

/* ---- datasets ---- */

static dnb_status fail_missing(const dnb_weightsfile *f, const char *name, dnb_err *err)
{
    return dnb_fail(err, DNB_EFORMAT, "%s: no dataset '%.200s' with weights", f->h5->path, name);
}

/* Is a dataset of this part there? *at says where. */
static dnb_status look_for(size_t *at, bool *there, const dnb_weightsfile *f, size_t layer,
                           const char *suffix, dnb_err *err)
{
    char *name = NULL;
    const dnb_weights_part part = {.suffix = suffix};
    dnb_status status = dnb_weights_part_name(&name, &f->info, layer, 0, &part, err);
    if (status == DNB_OK)
        *there = dnb_h5_find(f->h5, "dataset", name, at, NULL) == DNB_OK;
    dnb_free(name);
    return status;
}

/* Sizes that only datasets tell: of the layers, the components, the number of targets. */
static dnb_status read_sizes(dnb_weightsfile *f, dnb_err *err)
{
    bool bayes = f->info.classify && f->info.classifier == DNB_NAIVE_BAYES;
    for (size_t l = 0; l < f->info.n_layers; l++) {
        size_t at = 0;
        bool there = false;
        dnb_status status = look_for(&at, &there, f, l, bayes ? ".components" : "", err);
        if (status == DNB_OK && bayes && there && l == 0)
            f->info.n_components = f->h5->sets[at].shape[0];
        if (status == DNB_OK && bayes && !there)
            status = look_for(&at, &there, f, l, ".mean", err);
        if (status == DNB_OK && !there)
            status = fail_missing(f, f->layers[l].name, err);
        if (status != DNB_OK)
            return status;
        memcpy(f->layers[l].shape, f->h5->sets[at].shape + 1, sizeof f->layers[l].shape);
        if (!f->info.classify && !f->info.targets && l == 0)
            f->info.n_targets = f->h5->sets[at].shape[0];
    }
    return DNB_OK;
}

/* One dataset, in the shape that it must have. */
static dnb_status check_part(size_t *at, const dnb_weightsfile *f, size_t layer, size_t target,
                             const dnb_weights_part *part, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char *name = NULL;
    DNB_TRY(dnb_weights_part_name(&name, &f->info, layer, target, part, err));
    if (dnb_h5_find(f->h5, "dataset", name, at, NULL) != DNB_OK)
        DNB_TRY(fail_missing(f, name, err));
    const size_t *s = f->h5->sets[*at].shape, *want = part->shape;
    if (s[0] != part->rows || s[1] != want[0] || s[2] != want[1] || s[3] != want[2])
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: dataset '%.200s' is %zu x %zu x %zu x %zu; with the file's targets, "
                          "classes and layers it must be %zu x %zu x %zu x %zu",
                          f->h5->path, name, s[0], s[1], s[2], s[3], part->rows, want[0], want[1],
                          want[2]);
done:
    dnb_free(name);
    return status;
}

static dnb_status find_sets(dnb_weightsfile *f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_weights_part parts[DNB_WEIGHTS_PARTS];
    size_t models = dnb_weights_models(&f->info), count;
    if (!dnb_mul_size(&count, f->info.n_layers, models) || count > f->h5->n)
        DNB_TRY(dnb_fail(err, DNB_EFORMAT, "%s: weights of %zu layers for %zu targets are missing",
                         f->h5->path, f->info.n_layers, models));
    DNB_NEW(f->set, count * DNB_WEIGHTS_PARTS, "weights");
    for (size_t l = 0; l < f->info.n_layers; l++)
        for (size_t t = 0; t < models; t++) {
            size_t n = dnb_weights_parts(parts, &f->info, l, t);
            for (size_t i = 0; i < n; i++)
                DNB_TRY(check_part(&f->set[(l * models + t) * DNB_WEIGHTS_PARTS + i], f, l, t,
                                   &parts[i], err));
        }
done:
    return status;
}

/* Places x, y, z of n voxels, if the file has them. */
static dnb_status read_voxels(size_t **out, dnb_weightsfile *f, const char *name, size_t n,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *place = NULL;
    size_t at = 0;
    const double most = 1e6; /* voxels along an axis */
    if (dnb_h5_find(f->h5, "dataset", name, &at, NULL) != DNB_OK)
        return DNB_OK;
    const dnb_h5_set *s = &f->h5->sets[at];
    if (s->shape[0] != n || dnb_h5_row_items(s) != 3)
        return dnb_fail(err, DNB_EFORMAT, "%s: '%s' is not x, y, z of %zu voxels", f->h5->path,
                        name, n);
    DNB_NEW(place, 3 * n, "places of voxels");
    DNB_NEW(*out, 3 * n, "places of voxels");
    dnb_h5_range all = {.n = n, .n_unit = 3};
    DNB_TRY(dnb_h5_read(f->h5, at, all, DNB_F64, place, err));
    for (size_t i = 0; i < 3 * n; i++) {
        if (!(place[i] >= 0 && place[i] <= most && place[i] == floor(place[i])))
            DNB_TRY(dnb_fail(err, DNB_EFORMAT, "%s: '%s' holds %g, no place of a voxel",
                             f->h5->path, name, place[i]));
        (*out)[i] = (size_t)place[i];
    }
done:
    dnb_free(place);
    return status;
}

static dnb_status read_places(dnb_weightsfile *f, dnb_err *err)
{
    size_t d = dnb_h5_row_items(&f->h5->sets[f->set[0]]); /* the first part's row is the layer */
    if (f->info.features && f->n_features != d)
        return dnb_fail(err, DNB_EFORMAT, "%s: root attribute 'features' names %zu of %zu features",
                        f->h5->path, f->n_features, d);
    dnb_status status =
        read_voxels(&f->target_voxels, f, DNB_WEIGHTS_TARGET_VOXEL, f->info.n_targets, err);
    if (status == DNB_OK)
        status = read_voxels(&f->feature_voxels, f, DNB_WEIGHTS_FEATURE_VOXEL, d, err);
    f->info.target_voxels = f->target_voxels;
    f->info.feature_voxels = f->feature_voxels;
    return status;
}

dnb_status dnb_weightsfile_open(dnb_weightsfile **out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_weightsfile *f = NULL;
    DNB_NEW(f, 1, "weights");
    DNB_TRY(dnb_h5_open(&f->h5, path, "file of weights", NULL, err));
    DNB_TRY(read_type(f, path, err));
    DNB_TRY(read_model(f, err));
    DNB_TRY(read_names(f, err));
    DNB_TRY(read_sizes(f, err));
    DNB_TRY(find_sets(f, err));
    DNB_TRY(read_places(f, err));
    DNB_TRY(dnb_h5_get_text(f->h5, "provenance", &f->provenance, err));
    *out = f;
    f = NULL;
done:
    dnb_weightsfile_close(f);
    return status;
}
