/* dnnbrain info (db_info): what is in a file, or in a network. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <dnnbrain/actfile.h>
#include <dnnbrain/brainimage.h>
#include <dnnbrain/dmask.h>
#include <dnnbrain/net.h>
#include <dnnbrain/rdmfile.h>
#include <dnnbrain/roifile.h>
#include <dnnbrain/stim.h>
#include <dnnbrain/weightsfile.h>

#include "context.h"

typedef struct info_args {
    const char *name, *weights;
    cli_ints size;
} info_args;

static const cli_option options[] = {
    {.name = "name",
     .type = CLI_STRING,
     .offset = offsetof(info_args, name),
     .required = true,
     .positional = true,
     .value = "NAME",
     .help = "A file (.stim.csv, .dmask.csv, .act.h5, .roi.h5, .rdm.h5, .weights.h5, brain image, "
             ".onnx) or a network's name."},
    {.name = "weights",
     .type = CLI_INFILE,
     .offset = offsetof(info_args, weights),
     .value = "FILE",
     .help = "Weights of a named network (.pth). Default: its file in $DNNBRAIN_DATA/models."},
    {.name = "size",
     .type = CLI_INTS,
     .offset = offsetof(info_args, size),
     .value = "H W",
     .least = 2,
     .most = 2,
     .min = 1,
     .max = 65536,
     .help = "Input size of an .onnx file that leaves it open."},
    {.name = NULL}};

/* Prints to standard output unless --json, whose object gets the same facts. */
static bool plain(const cli_context *ctx)
{
    return !ctx->common->json;
}

/* A list entry {name, shape}. */
static void add_item(cli_context *ctx, const char *list, const char *name, const size_t *shape,
                     int ndim)
{
    cJSON *array = cJSON_GetObjectItemCaseSensitive(ctx->summary, list);
    if (!array)
        array = cJSON_AddArrayToObject(ctx->summary, list);
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", name);
    cJSON *dims = cJSON_AddArrayToObject(item, "shape");
    for (int i = 0; i < ndim; i++)
        cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)shape[i]));
    cJSON_AddItemToArray(array, item);
    if (!plain(ctx))
        return;
    printf("  %-28s ", name);
    for (int i = 0; i < ndim; i++)
        printf("%s%zu", i ? " x " : "", shape[i]);
    putchar('\n');
}

static void say_kind(cli_context *ctx, const char *name, const char *kind)
{
    cli_note(ctx, "name", name);
    cli_note(ctx, "kind", kind);
    if (plain(ctx))
        printf("%s: %s\n", name, kind);
}

static void say_number(cli_context *ctx, const char *key, size_t value)
{
    cli_note_number(ctx, key, (double)value);
    if (plain(ctx))
        printf("%s: %zu\n", key, value);
}

static void say_text(cli_context *ctx, const char *key, const char *value)
{
    if (!value)
        return;
    cli_note(ctx, key, value);
    if (plain(ctx))
        printf("%s: %s\n", key, value);
}

/* The first few, and all of them in the array `key` of the object. */
static void say_names(cli_context *ctx, cJSON *object, const char *key, const char *const *names,
                      size_t n)
{
    enum { FEW = 20 };
    cJSON *array = cJSON_AddArrayToObject(object, key);
    if (plain(ctx))
        printf("%s:", key);
    for (size_t i = 0; i < n; i++) {
        cJSON_AddItemToArray(array, cJSON_CreateString(names[i]));
        if (plain(ctx) && i < FEW)
            printf(" %s", names[i]);
    }
    if (plain(ctx))
        puts(n > FEW ? " ..." : "");
}

/* How many values differ, counted up to MOST; a column of more is no set of classes. */
enum { MOST_CLASSES = 50 };

static bool equal_values(const dnb_column *c, size_t i, size_t j)
{
    return c->kind == DNB_COLUMN_TEXT  ? strcmp(c->texts[i], c->texts[j]) == 0
           : c->kind == DNB_COLUMN_INT ? c->ints[i] == c->ints[j]
                                       : c->reals[i] == c->reals[j];
}

static size_t count_values(const dnb_column *c, size_t n)
{
    size_t first[MOST_CLASSES + 1], count = 0;
    for (size_t i = 0; i < n && count <= MOST_CLASSES; i++) {
        size_t k = 0;
        while (k < count && !equal_values(c, first[k], i))
            k++;
        if (k == count)
            first[count++] = i;
    }
    return count;
}

/* A column of a stimulus list: name, how it was read, and how many values it has. */
static void add_column(cli_context *ctx, const dnb_column *c, size_t n)
{
    static const char *const kinds[] = {[DNB_COLUMN_REAL] = "numbers",
                                        [DNB_COLUMN_INT] = "whole numbers",
                                        [DNB_COLUMN_TEXT] = "text"};
    size_t values = count_values(c, n);
    cJSON *array = cJSON_GetObjectItemCaseSensitive(ctx->summary, "columns");
    if (!array)
        array = cJSON_AddArrayToObject(ctx->summary, "columns");
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", c->name);
    cJSON_AddStringToObject(item, "kind", kinds[c->kind]);
    cJSON *dims = cJSON_AddArrayToObject(item, "shape");
    cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)n));
    if (values <= MOST_CLASSES)
        cJSON_AddNumberToObject(item, "values", (double)values);
    cJSON_AddItemToArray(array, item);
    if (!plain(ctx))
        return;
    printf("  %-28s %s", c->name, kinds[c->kind]);
    if (values <= MOST_CLASSES && values < n)
        printf(", %zu different", values);
    putchar('\n');
}

static dnb_status info_stim(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_stim s = {0};
    dnb_status status = dnb_stim_read(&s, path, err);
    if (status != DNB_OK)
        return status;
    say_kind(ctx, path, "stimulus list");
    say_text(ctx, "type", dnb_stim_type_name(s.type));
    say_text(ctx, "path", s.path);
    cJSON *header = cJSON_AddObjectToObject(ctx->summary, "header"); /* its keys are the user's */
    for (size_t i = 0; i < s.n_meta; i++) {
        cJSON_AddStringToObject(header, s.meta[i].key, s.meta[i].value);
        if (plain(ctx))
            printf("%s: %s\n", s.meta[i].key, s.meta[i].value);
    }
    say_number(ctx, "stimuli", dnb_stim_count(&s));
    if (plain(ctx))
        puts("columns:");
    for (size_t i = 0; i < s.data.n_columns; i++)
        add_column(ctx, &s.data.columns[i], s.data.n_rows);
    dnb_stim_release(&s);
    return DNB_OK;
}

static dnb_status info_dmask(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_dmask m = {0};
    dnb_status status = dnb_dmask_read(&m, path, err);
    if (status != DNB_OK)
        return status;
    say_kind(ctx, path, "mask of network units");
    if (plain(ctx))
        puts("layers (numbers of channels, rows, columns; 0 = all):");
    for (size_t i = 0; i < m.n_layers; i++)
        add_item(ctx, "layers", m.layers[i].name, m.layers[i].n, DNB_AXES);
    dnb_dmask_release(&m);
    return DNB_OK;
}

static dnb_status info_act(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_actfile *f = NULL;
    dnb_status status = dnb_actfile_open(&f, path, err);
    if (status != DNB_OK)
        return status;
    say_kind(ctx, path, "activations");
    if (plain(ctx))
        puts("layers (stimuli x channels x rows x columns):");
    for (size_t i = 0; i < dnb_actfile_count(f); i++)
        add_item(ctx, "layers", dnb_actfile_name(f, i), dnb_actfile_shape(f, i), 4);
    say_text(ctx, "provenance", dnb_actfile_provenance(f));
    dnb_actfile_close(f);
    return DNB_OK;
}

static dnb_status info_roi(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_roi r = {0};
    dnb_status status = dnb_roi_read(&r, path, err);
    if (status != DNB_OK)
        return status;
    say_kind(ctx, path, "ROI responses");
    say_number(ctx, "volumes", r.n_vol);
    say_number(ctx, "rois", r.n_roi);
    say_names(ctx, ctx->summary, "names", (const char *const *)r.names, r.n_roi);
    say_text(ctx, "provenance", r.provenance);
    dnb_roi_release(&r);
    return DNB_OK;
}

static dnb_status info_rdm(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_rdmfile *f = NULL;
    dnb_status status = dnb_rdmfile_open(&f, path, err);
    if (status != DNB_OK)
        return status;
    say_kind(ctx, path,
             dnb_rdmfile_type(f) == DNB_BRDM ? "RDMs of brain ROIs (bRDM)"
                                             : "RDMs of network layers (dRDM)");
    if (plain(ctx))
        puts("RDMs (iterations x conditions):");
    for (size_t i = 0; i < dnb_rdmfile_count(f); i++) {
        const dnb_rdm_entry *e = dnb_rdmfile_entry(f, i);
        size_t shape[2] = {e->n_iter, dnb_condensed_order(e->n_pairs)};
        add_item(ctx, "rdms", e->key, shape, 2);
    }
    say_text(ctx, "provenance", dnb_rdmfile_provenance(f));
    dnb_rdmfile_close(f);
    return DNB_OK;
}

static dnb_status info_weights(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_weightsfile *f = NULL;
    dnb_status status = dnb_weightsfile_open(&f, path, err);
    if (status != DNB_OK)
        return status;
    const dnb_weights_info *w = dnb_weightsfile_info(f);
    say_kind(ctx, path, "weights of a fitted model");
    say_text(ctx, "model",
             w->classify ? dnb_classifier_name(w->classifier) : dnb_regression_name(w->regression));
    say_text(ctx, "input", dnb_weights_input_name(w->input));
    if (w->n_components)
        say_number(ctx, "components", w->n_components);
    if (plain(ctx))
        puts("features (channels x rows x columns):");
    for (size_t i = 0; i < w->n_layers; i++)
        add_item(ctx, "layers", w->layers[i].name, w->layers[i].shape, 3);
    if (w->targets)
        say_names(ctx, ctx->summary, "targets", w->targets, w->n_targets);
    else
        say_number(ctx, "targets", w->n_targets);
    cJSON *classes = w->classify ? cJSON_AddObjectToObject(ctx->summary, "classes") : NULL;
    for (size_t t = 0; classes && t < w->n_targets; t++) {
        if (plain(ctx))
            printf("classes of ");
        say_names(ctx, classes, w->targets[t], w->classes[t].names, w->classes[t].n);
    }
    say_text(ctx, "provenance", dnb_weightsfile_provenance(f));
    dnb_weightsfile_close(f);
    return DNB_OK;
}

static dnb_status info_brain(const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_brain *b = NULL;
    char text[64];
    double affine[4][4];
    dnb_status status = dnb_brain_open(&b, path, err);
    if (status != DNB_OK)
        return status;
    say_kind(ctx, path, "brain image");
    say_text(ctx, "shape", dnb_brain_shape_text(dnb_brain_shape(b), text, sizeof text));
    say_number(ctx, "volumes", dnb_brain_n_vol(b));
    if (dnb_brain_affine(b, affine, NULL) == DNB_OK && plain(ctx)) {
        puts("voxel to mm:");
        for (int i = 0; i < 3; i++)
            printf("  %9.4g %9.4g %9.4g %9.4g\n", affine[i][0], affine[i][1], affine[i][2],
                   affine[i][3]);
    }
    dnb_brain_close(b);
    return DNB_OK;
}

static dnb_status info_net(const info_args *a, cli_context *ctx, dnb_err *err)
{
    dnb_net *net = NULL;
    dnb_net_options o = {.name = a->name, .weights = a->weights};
    if (a->size.count) {
        o.height = (size_t)a->size.items[0];
        o.width = (size_t)a->size.items[1];
    }
    dnb_status status = dnb_net_open(&net, &o, err);
    if (status != DNB_OK)
        return status;
    const dnb_input_spec *in = dnb_net_input_spec(net);
    char text[160];
    say_kind(ctx, dnb_net_name(net), "network");
    say_text(ctx, "weights", dnb_net_weights_path(net));
    snprintf(text, sizeof text, "%zu x %zu x %zu %s, pixels 0..%g, mean %g %g %g, std %g %g %g",
             in->channels, in->height, in->width, in->bgr ? "BGR" : "RGB", in->range, in->mean[0],
             in->mean[1], in->mean[2], in->std[0], in->std[1], in->std[2]);
    say_text(ctx, "input", text);
    if (plain(ctx))
        puts("layers (channels x rows x columns):");
    for (size_t i = 0; i < dnb_net_layer_count(net) && status == DNB_OK; i++) {
        size_t shape[3];
        status = dnb_net_layer_shape(net, dnb_net_layer_name(net, i), shape, err);
        if (status == DNB_OK)
            add_item(ctx, "layers", dnb_net_layer_name(net, i), shape, 3);
    }
    dnb_net_free(net);
    return status;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n >= k && strcasecmp(name + n - k, suffix) == 0;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const info_args *a = args;
    static const struct {
        const char *suffix;
        dnb_status (*show)(const char *path, cli_context *ctx, dnb_err *err);
    } kinds[] = {{".stim.csv", info_stim}, {".dmask.csv", info_dmask},
                 {".act.h5", info_act},    {".roi.h5", info_roi},
                 {".rdm.h5", info_rdm},    {".weights.h5", info_weights}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (has_suffix(a->name, kinds[i].suffix))
            return kinds[i].show(a->name, ctx, err);
    if (dnb_brain_is_image_name(a->name))
        return info_brain(a->name, ctx, err);
    if (access(a->name, F_OK) == 0 && !has_suffix(a->name, ".onnx") && !has_suffix(a->name, ".pth"))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: its name ends in none of .stim.csv, .dmask.csv, .act.h5, .roi.h5, "
                        ".rdm.h5, .weights.h5, .onnx or a brain image's suffix",
                        a->name);
    bool file = strchr(a->name, '/') || strchr(a->name, '.');
    if (file && !has_suffix(a->name, ".onnx") && access(a->name, F_OK) != 0)
        return dnb_fail(err, DNB_EIO, "%s: there is no such file, and no network of that name",
                        a->name);
    return info_net(a, ctx, err);
}

static const char *const aliases[] = {"db_info", NULL};
static const char *const examples[] = {
    "dnnbrain info all.act.h5", "Layers and shapes of an activation file.", "dnnbrain info AlexNet",
    "Input and layer names of a network.", NULL};

const cli_command cmd_info = {.name = "info",
                              .aliases = aliases,
                              .summary = "what is in a file, or in a network",
                              .description = "Summarises a file of one of the DNNBrain kinds, a "
                                             "brain image, an ONNX file or a network of the "
                                             "zoo: what it holds, its shapes, and how it was made.",
                              .examples = examples,
                              .options = options,
                              .args_size = sizeof(info_args),
                              .run = run};
