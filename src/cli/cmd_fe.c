/* dnnbrain fe (dnn_fe): features of activations. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/layerfeature.h>

#include "patterns.h"

typedef struct fe_args {
    cli_source source;
    cli_network network;
    cli_units units;
    const char *axis, *out;
    cli_strings method;
    bool compress;
} fe_args;

static const cli_option options[] = {
    CLI_SOURCE_OPTIONS(fe_args, "Activation file (.act.h5). Either this or -net with -stim is "
                                "needed."),
    CLI_UNIT_OPTIONS(fe_args),
    {.name = "meth",
     .type = CLI_STRINGS,
     .offset = offsetof(fe_args, method),
     .required = true,
     .value = "METHOD N",
     .least = 2,
     .most = 2,
     .help = "pca N (components; 0 < N < 1 keeps that share of the variance), hist N (bins of each "
             "pattern's own "
             "range) or psd N (first bins of the power spectrum)."},
    {.name = "axis",
     .type = CLI_CHOICE,
     .offset = offsetof(fe_args, axis),
     .choices = "chn|row_col",
     .help = "What a pattern runs over: the channels at each position, or the positions of each "
             "channel. Default: "
             "the whole layer."},
    {.name = "out",
     .type = CLI_OUTFILE,
     .offset = offsetof(fe_args, out),
     .required = true,
     .value = "FILE",
     .help = "Activation file to write (.act.h5)."},
    {.name = "compress",
     .type = CLI_FLAG,
     .offset = offsetof(fe_args, compress),
     .help = "Compress the file with gzip."},
    {.name = NULL}};

static dnb_status parse_method(const fe_args *a, dnb_feature_options *o, cli_context *ctx,
                               dnb_err *err)
{
    static const char *const names[] = {"pca", "hist", "psd"};
    const char *name = a->method.items[0], *number = a->method.items[1];
    char *end;
    double n = strtod(number, &end);
    size_t m = 0;
    while (m < 3 && strcmp(names[m], name) != 0)
        m++;
    if (m == 3)
        return cli_usage(ctx, err, "-meth: '%s' is not pca, hist or psd", name);
    o->method = (dnb_feature_method)m;
    if (end == number || *end || !(n > 0) || n > 1e9 || (n >= 1 && n != floor(n)) ||
        (n < 1 && o->method != DNB_FEATURE_PCA))
        return cli_usage(ctx, err, "-meth %s: '%s' is not a number of %s", name, number,
                         m == 0 ? "components, nor a share of variance below 1" : "bins");
    if (n >= 1)
        o->n = (size_t)n;
    else
        o->variance = n;
    if (a->axis)
        o->axis = strcmp(a->axis, "chn") == 0 ? DNB_FEATURE_CHN : DNB_FEATURE_ROW_COL;
    if (n < 1 && a->axis)
        return cli_usage(ctx, err, "-meth pca %s: a share of variance works without -axis only",
                         number);
    return DNB_OK;
}

/* For the byte plan: features stay until all are written. */
static dnb_status feature_bytes(const void *analysis, const dnb_scan_layer *layer,
                                const dnb_rows *rows, size_t memory, size_t *most, size_t *kept,
                                dnb_err *err)
{
    dnb_feature_options o = *(const dnb_feature_options *)analysis;
    const size_t *shape = layer->shape;
    size_t features = o.n ? o.n : rows->n < rows->d ? rows->n : rows->d;
    if (o.axis == DNB_FEATURE_CHN)
        features *= shape[1] * shape[2];
    else if (o.axis == DNB_FEATURE_ROW_COL)
        features *= shape[0];
    o.memory = memory;
    *kept = rows->n * features * sizeof(float);
    return dnb_feature_plan(most, layer->name, rows, shape, &o, err);
}

static dnb_status extract(dnb_array *results, cli_patterns *p, const dnb_feature_options *base,
                          dnb_err *err)
{
    char part[256];
    size_t kept = 0;
    for (size_t i = 0; i < p->set.n; i++) {
        dnb_feature_options o = *base;
        dnb_status status;
        if (p->file) {
            status = dnb_feature_of_layer(&results[i], p->file, p->set.index[i], &p->set.selects[i],
                                          &o, err);
        } else {
            dnb_rows rows = cli_patterns_rows(p, i);
            o.memory = p->memory > kept ? p->memory - kept : 1;
            status = dnb_feature_of_rows(&results[i], p->set.names[i], &rows, p->layers[i].shape,
                                         &o, err);
        }
        snprintf(part, sizeof part, "layer %s", p->set.names[i]);
        if (status != DNB_OK)
            return cli_blame(err, status, p->path, part);
        kept += dnb_array_bytes(&results[i]);
    }
    return DNB_OK;
}

static dnb_status save(const fe_args *a, const cli_unit_set *set, const dnb_array *results,
                       cli_context *ctx, dnb_err *err)
{
    dnb_act_layer *layers = calloc(set->n, sizeof *layers);
    dnb_save_options so = {.compress = a->compress ? 4 : 0,
                           .provenance = dnb_provenance_json(ctx->provenance)};
    if (!layers)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", set->n);
    for (size_t i = 0; i < set->n; i++) {
        const size_t *shape = results[i].shape;
        layers[i] = (dnb_act_layer){.name = set->names[i],
                                    .shape = {shape[1], shape[2], shape[3]},
                                    .data = results[i].data};
    }
    dnb_status status = dnb_actfile_write(a->out, set->n, layers, results[0].shape[0], &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, a->out, "%s of %zu layer%s x %zu stimuli", a->method.items[0], set->n,
                  set->n == 1 ? "" : "s", results[0].shape[0]);
    free(layers);
    return status;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const fe_args *a = args;
    cli_patterns p = {0};
    dnb_array *results = NULL;
    dnb_feature_options o = {.memory = ctx->memory, .progress = &ctx->progress};
    dnb_status status = cli_source_check(&a->source, &a->network, ctx, err);
    if (status == DNB_OK)
        status = parse_method(a, &o, ctx, err);
    if (status == DNB_OK)
        status = cli_patterns_open(&p, &a->source, &a->network, &a->units, ctx, err);
    if (status == DNB_OK && !(results = calloc(p.set.n, sizeof *results)))
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", p.set.n);
    if (status == DNB_OK)
        status = cli_patterns_run(&p, &a->source, &a->network, a->out, feature_bytes, &o, ctx, err);
    if (status == DNB_OK)
        status = extract(results, &p, &o, err);
    if (status == DNB_OK)
        status = save(a, &p.set, results, ctx, err);
    for (size_t i = 0; results && i < p.set.n; i++)
        dnb_array_release(&results[i]);
    free(results);
    cli_patterns_release(&p);
    return status;
}

static const char *const aliases[] = {"dnn_fe", NULL};
static const char *const examples[] = {
    "dnnbrain fe -act all.act.h5 -layer conv5 -meth pca 50 -out pca.act.h5",
    "50 principal components of a layer.",
    "dnnbrain fe -net AlexNet -stim all.stim.csv -layer conv5 -meth pca 50 -out pca.act.h5",
    "The same straight from the images, without an activation file.",
    "dnnbrain fe -act all.act.h5 -meth hist 20 -axis row_col -out hist.act.h5",
    "A histogram of every channel.",
    NULL};

const cli_command cmd_fe = {
    .name = "fe",
    .aliases = aliases,
    .summary = "features of activations: principal components, histograms, power spectra",
    .description =
        "Extracts features of each layer of an activation file, or of images shown to a network "
        "(-net with -stim: one forward pass, activations kept in memory or a scratch file "
        "while the command runs). Without -axis a pattern "
        "is the whole layer and the "
        "result has N features per stimulus (n x N x 1 x 1); with -axis chn it is the "
        "channels at each position "
        "(n x N x row x col); with -axis row_col the positions of each channel (n x chn "
        "x N x 1).\n\nComponents are "
        "exact and carry scikit-learn's signs; histograms are counts over N equal bins "
        "between the pattern's own "
        "minimum and maximum; spectra are one-sided periodograms with the mean removed, "
        "as SciPy's.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(fe_args),
    .heavy_blas = true,
    .run = run};
