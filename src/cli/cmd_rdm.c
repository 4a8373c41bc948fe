/* dnnbrain rdm (dnn_rsa, brain_rsa): dissimilarity matrices of layers or ROIs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/figure.h>
#include <dnnbrain/rdm.h>
#include <dnnbrain/rdmfile.h>

#include "categories.h"
#include "patterns.h"
#include "show.h"

typedef struct rdm_args {
    cli_source source;
    cli_network network;
    cli_units units;
    const char *nif, *bmask, *iteraxis, *cate, *metric, *out, *figure, *order;
    cli_ints roi;
    double p;
    bool zscore, show;
} rdm_args;

static const cli_option options[] = {
    CLI_SOURCE_OPTIONS(rdm_args, "Activation file (.act.h5): one RDM per layer. This, -net with "
                                 "-stim, or -nif with -bmask is needed."),
    CLI_UNIT_OPTIONS(rdm_args),
    {.name = "iteraxis",
     .type = CLI_CHOICE,
     .offset = offsetof(rdm_args, iteraxis),
     .choices = "channel|row_col",
     .help = "One RDM per channel, or per position, instead of one per layer."},
    {.name = "nif",
     .type = CLI_INFILE,
     .offset = offsetof(rdm_args, nif),
     .value = "FILE",
     .help = "Brain image, one volume per stimulus: one RDM per ROI of -bmask."},
    {.name = "bmask",
     .type = CLI_INFILE,
     .offset = offsetof(rdm_args, bmask),
     .value = "FILE",
     .help = "Image of ROI labels; 0 is outside. Required with -nif."},
    {.name = "roi",
     .type = CLI_INTS,
     .offset = offsetof(rdm_args, roi),
     .value = "LABEL",
     .help = "ROI labels to use. Default: all in the mask."},
    {.name = "cate",
     .type = CLI_INFILE,
     .offset = offsetof(rdm_args, cate),
     .value = "FILE",
     .help = "Stimulus list (.stim.csv) whose labels group the stimuli: patterns are averaged "
             "within a label, "
             "labels ascending."},
    {.name = "metric",
     .type = CLI_STRING,
     .offset = offsetof(rdm_args, metric),
     .value = "METRIC",
     .fallback = "euclidean",
     .help = "Distance, by SciPy's names: euclidean, sqeuclidean, correlation, cosine, cityblock, "
             "chebyshev, "
             "canberra, braycurtis, minkowski, seuclidean, hamming, jaccard, ..."},
    {.name = "p",
     .type = CLI_DOUBLE,
     .offset = offsetof(rdm_args, p),
     .value = "P",
     .fallback = "2",
     .min = 1e-3,
     .max = 1e3,
     .help = "Exponent of the minkowski metric."},
    {.name = "zscore",
     .type = CLI_FLAG,
     .offset = offsetof(rdm_args, zscore),
     .help = "Standardise each stimulus's pattern before distances are taken."},
    {.name = "out",
     .type = CLI_OUTFILE,
     .offset = offsetof(rdm_args, out),
     .required = true,
     .value = "FILE",
     .help = "File to write (.rdm.h5)."},
    {.name = "fig",
     .type = CLI_OUTFILE,
     .offset = offsetof(rdm_args, figure),
     .value = "FILE",
     .help = "Also draw the RDMs as heat maps (.png, .svg or .pdf)."},
    {.name = "order",
     .type = CLI_INFILE,
     .offset = offsetof(rdm_args, order),
     .value = "FILE",
     .help = "Stimulus list (.stim.csv) whose labels order and mark the figure's rows."},
    {.name = "show",
     .type = CLI_FLAG,
     .offset = offsetof(rdm_args, show),
     .help = "Open the figure when there is a display."},
    {.name = NULL}};

/* The RDMs of one run, by key. */
typedef struct rdm_list {
    size_t n;
    char **keys;
    dnb_array *rdms; /* n_iter x n_pairs, or n_pairs */
} rdm_list;

static void rdm_list_release(rdm_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->keys)
            free(l->keys[i]);
        if (l->rdms)
            dnb_array_release(&l->rdms[i]);
    }
    free(l->keys);
    free(l->rdms);
}

static dnb_status rdm_list_init(rdm_list *l, size_t n, dnb_err *err)
{
    l->keys = calloc(n + 1, sizeof *l->keys);
    l->rdms = calloc(n + 1, sizeof *l->rdms);
    l->n = n;
    return l->keys && l->rdms ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu RDMs", n);
}

static dnb_status set_key(rdm_list *l, size_t i, const char *key, dnb_err *err)
{
    l->keys[i] = strdup(key);
    return l->keys[i] ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %s", key);
}

/* -cate must list the n stimuli of the input; -order the conditions that the RDMs will be of. */
static dnb_status check_lists(const rdm_args *a, const cli_categories *order, const char *input,
                              size_t n, const dnb_rdm_options *o, dnb_err *err)
{
    if (o->groups && o->groups->n_stimuli != n)
        return dnb_fail(err, DNB_ESHAPE, "%s lists %zu stimuli but %s holds %zu", a->cate,
                        o->groups->n_stimuli, input, n);
    if (o->groups)
        n = o->groups->n_groups;
    if (!a->order || order->groups.n_stimuli == n)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "%s lists %zu stimuli but the RDMs are of %zu conditions",
                    a->order, order->groups.n_stimuli, n);
}

/* For the byte plan: an RDM stays until all are written. */
static dnb_status rdm_bytes(const void *analysis, const dnb_scan_layer *layer, const dnb_rows *rows,
                            size_t memory, size_t *most, size_t *kept, dnb_err *err)
{
    dnb_rdm_options o = *(const dnb_rdm_options *)analysis;
    const size_t *shape = layer->shape;
    size_t n = o.groups ? o.groups->n_groups : rows->n, parts = 1;
    (void)err;
    if (o.iteraxis != DNB_ITER_NONE)
        parts = o.iteraxis == DNB_ITER_CHANNEL ? shape[0] : shape[1] * shape[2];
    o.pdist.memory = memory;
    *most = dnb_rdm_plan_bytes(rows, shape, &o);
    *kept = parts * dnb_condensed_count(n) * sizeof(double);
    return DNB_OK;
}

static dnb_status of_layer(dnb_array *out, size_t *kept, cli_patterns *p, size_t i,
                           const dnb_rdm_options *base, dnb_err *err)
{
    dnb_rdm_options o = *base;
    dnb_status status;
    if (p->file)
        return dnb_rdm_of_layer(out, p->file, p->set.index[i], &p->set.selects[i], &o, err);
    dnb_rows rows = cli_patterns_rows(p, i);
    o.pdist.memory = p->memory > *kept ? p->memory - *kept : 1;
    status = dnb_rdm_of_rows(out, p->set.names[i], &rows, p->layers[i].shape, &o, err);
    if (status == DNB_OK)
        *kept += dnb_array_bytes(out);
    return status;
}

static dnb_status of_layers(rdm_list *l, const rdm_args *a, const dnb_rdm_options *o,
                            const cli_categories *order, cli_context *ctx, dnb_err *err)
{
    char part[256];
    cli_patterns p;
    size_t kept = 0;
    dnb_status status = cli_patterns_open(&p, &a->source, &a->network, &a->units, ctx, err);
    if (status == DNB_OK)
        status = check_lists(a, order, p.path, p.n, o, err);
    size_t conditions = o->groups ? o->groups->n_groups : p.n;
    if (status == DNB_OK && !p.file && conditions < 2) /* before the pass, not after */
        status = dnb_fail(err, DNB_EARG, "%s: an RDM needs at least 2 conditions, there is %zu",
                          p.path, conditions);
    if (status == DNB_OK)
        status = rdm_list_init(l, p.set.n, err);
    if (status == DNB_OK)
        status = cli_patterns_run(&p, &a->source, &a->network, a->out, rdm_bytes, o, ctx, err);
    for (size_t i = 0; i < p.set.n && status == DNB_OK; i++) {
        status = set_key(l, i, p.set.names[i], err);
        if (status == DNB_OK)
            status = of_layer(&l->rdms[i], &kept, &p, i, o, err);
        snprintf(part, sizeof part, "layer %s", p.set.names[i]);
        status = cli_blame(err, status, p.path, part);
    }
    cli_patterns_release(&p);
    return status;
}

static dnb_status of_rois(rdm_list *l, const rdm_args *a, const dnb_rdm_options *o,
                          const cli_categories *order, cli_context *ctx, dnb_err *err)
{
    dnb_brain *image = NULL;
    dnb_mask *mask = NULL;
    char key[32], part[64];
    dnb_status status = dnb_brain_open(&image, a->nif, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, "nif", a->nif, NULL, err);
    if (status == DNB_OK)
        status = cli_record_input(ctx, "bmask", a->bmask, NULL, err);
    if (status == DNB_OK)
        status = dnb_mask_read(&mask, a->bmask, err);
    if (status == DNB_OK)
        status = dnb_mask_check(mask, image, err);
    if (status == DNB_OK)
        status = check_lists(a, order, a->nif, dnb_brain_n_vol(image), o, err);
    size_t n = status != DNB_OK ? 0 : a->roi.count ? a->roi.count : dnb_mask_n_labels(mask);
    if (status == DNB_OK)
        status = rdm_list_init(l, n, err);
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        int64_t label = a->roi.count ? (int64_t)a->roi.items[i] : dnb_mask_labels(mask)[i];
        snprintf(key, sizeof key, "%lld", (long long)label);
        status = set_key(l, i, key, err);
        if (status == DNB_OK)
            status = dnb_rdm_of_roi(&l->rdms[i], image, mask, label, o, err);
        snprintf(part, sizeof part, "ROI %s", key);
        status = cli_blame(err, status, a->nif, part);
    }
    dnb_mask_free(mask);
    dnb_brain_close(image);
    return status;
}

static size_t n_iter(const dnb_array *rdm)
{
    return rdm->ndim == 2 ? rdm->shape[0] : 1;
}

static size_t n_pairs(const dnb_array *rdm)
{
    return rdm->shape[rdm->ndim - 1];
}

static dnb_status save(const rdm_args *a, const rdm_list *l, cli_context *ctx, dnb_err *err)
{
    dnb_rdm_entry *entries = calloc(l->n + 1, sizeof *entries);
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    if (!entries)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu RDMs", l->n);
    for (size_t i = 0; i < l->n; i++)
        entries[i] =
            (dnb_rdm_entry){l->keys[i], n_iter(&l->rdms[i]), n_pairs(&l->rdms[i]), l->rdms[i].data};
    dnb_status status =
        dnb_rdm_write(a->out, a->nif ? DNB_BRDM : DNB_DRDM, l->n, entries, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, a->out, "%s RDMs of %zu %s%s, %zu conditions", a->metric, l->n,
                  a->nif ? "ROI" : "layer", l->n == 1 ? "" : "s",
                  dnb_condensed_order(n_pairs(&l->rdms[0])));
    free(entries);
    return status;
}

enum { MOST_PANELS = 30 };

/* The colour bar's title: "correlation" alone would be taken for similarity. */
static const char *bar_label(const char *metric, char *buf, size_t size)
{
    static const char *const named[][2] = {
        {"euclidean", "Euclidean distance"},
        {"sqeuclidean", "Squared Euclidean distance"},
        {"correlation", "1 \xe2\x88\x92 Pearson's r"},
        {"cosine", "1 \xe2\x88\x92 cosine"},
        {"cityblock", "City-block distance"},
        {"seuclidean", "Standardised Euclidean distance"},
        {"chebyshev", "Chebyshev distance"},
        {"canberra", "Canberra distance"},
        {"braycurtis", "Bray-Curtis distance"},
        {"minkowski", "Minkowski distance"},
        {"mahalanobis", "Mahalanobis distance"},
    };
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (strcmp(metric, named[i][0]) == 0)
            return named[i][1];
    snprintf(buf, size, "%s distance", metric);
    return buf;
}

static dnb_status draw(const rdm_args *a, const rdm_list *l, const cli_categories *cate,
                       const cli_categories *order, cli_context *ctx, dnb_err *err)
{
    dnb_figure_rdm_panel panels[MOST_PANELS];
    char titles[MOST_PANELS][128], label[64];
    dnb_figure_rdm figure = {.panels = panels,
                             .n = dnb_condensed_order(n_pairs(&l->rdms[0])),
                             .metric = bar_label(a->metric, label, sizeof label),
                             .own_scale = true};
    dnb_figure_options fo = {.provenance = dnb_provenance_json(ctx->provenance)};
    size_t all = 0;
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < n_iter(&l->rdms[i]); k++, all++) {
            if (all >= MOST_PANELS)
                continue;
            const double *pairs = (const double *)l->rdms[i].data + k * n_pairs(&l->rdms[i]);
            if (n_iter(&l->rdms[i]) > 1)
                snprintf(titles[all], sizeof titles[all], "%s:%zu", l->keys[i], k + 1);
            else
                snprintf(titles[all], sizeof titles[all], "%s%s", a->nif ? "ROI " : "", l->keys[i]);
            panels[all] = (dnb_figure_rdm_panel){titles[all], pairs};
        }
    figure.n_panels = all < MOST_PANELS ? all : MOST_PANELS;
    if (all > MOST_PANELS)
        cli_warn(ctx, "%s shows the first %d of %zu RDMs", a->figure, MOST_PANELS, all);
    if (a->order) {
        figure.category = order->groups.group;
        figure.category_names = (const char *const *)order->names;
        figure.n_categories = order->groups.n_groups;
    } else if (a->cate) {
        figure.item_names = (const char *const *)cate->names;
    }
    dnb_status status = dnb_figure_rdm_write(&figure, a->figure, &fo, err);
    if (status == DNB_OK)
        cli_wrote(ctx, a->figure, "heat maps");
    if (status == DNB_OK && a->show)
        cli_show(ctx, a->figure);
    return status;
}

static dnb_status check(const rdm_args *a, cli_context *ctx, dnb_err *err)
{
    bool layers = a->source.act || a->network.net || a->network.stim;
    if (layers == !!a->nif)
        return cli_usage(ctx, err,
                         "give either -act or -net with -stim (RDMs of layers), or -nif with "
                         "-bmask (RDMs of ROIs)");
    if (a->nif && !a->bmask)
        return cli_usage(ctx, err, "-nif needs -bmask, the image of ROI labels");
    if (layers && (a->bmask || a->roi.count))
        return cli_usage(ctx, err, "-bmask and -roi belong to -nif");
    if (a->nif && (a->units.layer.count || a->units.chn.count || a->units.dmask || a->iteraxis))
        return cli_usage(ctx, err, "-layer, -chn, -dmask and -iteraxis belong to -act or -net");
    if (a->nif && cli_source_tuned(&a->source, &a->network))
        return cli_usage(ctx, err, "with -nif no network is run: leave out its options");
    dnb_status status = layers ? cli_source_check(&a->source, &a->network, ctx, err) : DNB_OK;
    if (status != DNB_OK)
        return status;
    if ((a->show || a->order) && !a->figure)
        return cli_usage(ctx, err, "-show and -order need -fig, the figure's file");
    if (a->figure && !dnb_figure_can_write(a->figure))
        return cli_usage(ctx, err, "-fig %s: a figure's name ends in .png, .svg or .pdf",
                         a->figure);
    return DNB_OK;
}

static dnb_status parse_metric(dnb_metric *out, const rdm_args *a, cli_context *ctx, dnb_err *err)
{
    dnb_status status = dnb_metric_parse(out, a->metric, err);
    if (status != DNB_OK)
        ctx->usage = true;
    return status == DNB_OK ? status : dnb_fail_prefix(err, status, "-metric");
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const rdm_args *a = args;
    dnb_rdm_options o = {
        .pdist = {
            .zscore = a->zscore, .p = a->p, .memory = ctx->memory, .progress = &ctx->progress}};
    cli_categories cate = {0}, order = {0};
    rdm_list list = {0};
    dnb_status status = check(a, ctx, err);
    if (status == DNB_OK)
        status = parse_metric(&o.pdist.metric, a, ctx, err);
    if (status == DNB_OK)
        status = dnb_iteraxis_parse(&o.iteraxis, a->iteraxis, err);
    if (status == DNB_OK && a->cate) {
        status = cli_categories_read(&cate, a->cate, err);
        o.groups = &cate.groups;
    }
    if (status == DNB_OK && a->order)
        status = cli_categories_read(&order, a->order, err);
    if (status == DNB_OK)
        status = a->nif ? of_rois(&list, a, &o, &order, ctx, err)
                        : of_layers(&list, a, &o, &order, ctx, err);
    if (status == DNB_OK)
        status = save(a, &list, ctx, err);
    if (status == DNB_OK && a->figure)
        status = draw(a, &list, &cate, &order, ctx, err);
    rdm_list_release(&list);
    cli_categories_release(&cate);
    cli_categories_release(&order);
    return status;
}

static const char *const aliases[] = {"dnn_rsa", "brain_rsa", NULL};
static const char *const examples[] = {
    "dnnbrain rdm -act all.act.h5 -metric correlation -out dnn.rdm.h5 -fig dnn.png",
    "One RDM per layer.",
    "dnnbrain rdm -net AlexNet -stim all.stim.csv -layer conv1_relu conv5_relu -metric correlation "
    "-out dnn.rdm.h5",
    "The same straight from the images, without an activation file.",
    "dnnbrain rdm -nif beta.nii.gz -bmask rois.nii.gz -metric correlation -out brain.rdm.h5",
    "One RDM per ROI.",
    "dnnbrain rdm -act all.act.h5 -layer conv5 -iteraxis channel -cate all.stim.csv -out "
    "channels.rdm.h5",
    "One RDM per channel, over categories.",
    NULL};

const cli_command cmd_rdm = {
    .name = "rdm",
    .aliases = aliases,
    .summary = "representational dissimilarity matrices of layers or brain ROIs",
    .description =
        "Computes the dissimilarity of every pair of stimuli (or, with -cate, of categories) from "
        "the activations of "
        "each layer (-act), or from the voxels of each ROI (-nif with -bmask), and writes the "
        "upper triangles.\n\n"
        "With -net and -stim the images are shown to the network first, in one forward pass, and "
        "no activation file is "
        "written: activations stay in memory where they fit and go to a scratch file where not, "
        "which is gone when the command ends, however it ends. The numbers are those of -act.\n\n"
        "Distances follow SciPy's definitions and agree with scipy.spatial.distance.pdist to 1e-6.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(rdm_args),
    .heavy_blas = true,
    .run = run};
