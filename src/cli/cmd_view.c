/* dnnbrain view (dnn_view): feature maps of images, as figures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <dnnbrain/colormap.h>
#include <dnnbrain/figure.h>
#include <dnnbrain/image.h>
#include <dnnbrain/scan.h>

#include "net_options.h"
#include "outputs.h"
#include "show.h"
#include "units.h"

typedef struct view_args {
    cli_network network;
    cli_strings layer;
    cli_ints chn;
    const char *cmap, *out, *format;
    cli_doubles vmin, vmax; /* one value, or none */
    bool show;
} view_args;

enum { PER_PAGE = 6 };

static const cli_option options[] = {
    CLI_NETWORK_OPTIONS(view_args),
    {.name = "layer",
     .type = CLI_STRINGS,
     .offset = offsetof(view_args, layer),
     .required = true,
     .value = "LAYER",
     .least = 1,
     .most = 1,
     .help = "The layer whose maps are shown."},
    {.name = "chn",
     .type = CLI_INTS,
     .offset = offsetof(view_args, chn),
     .required = true,
     .value = "CHANNEL",
     .least = 1,
     .most = 5,
     .min = 1,
     .max = 1e9,
     .help = "Up to five channels, 1-based; a row of maps each."},
    {.name = "cmap",
     .type = CLI_STRING,
     .offset = offsetof(view_args, cmap),
     .value = "MAP",
     .fallback = "coolwarm",
     .help =
         "Colour map: coolwarm, viridis, ...; an unknown name lists them all. NAME_r reverses."},
    {.name = "vmin",
     .type = CLI_DOUBLES,
     .offset = offsetof(view_args, vmin),
     .value = "V",
     .least = 1,
     .most = 1,
     .help = "Value of the lowest colour. Default: each channel's minimum (with -vmax, that of all "
             "channels); with coolwarm and values of both signs, 0 is in the middle."},
    {.name = "vmax",
     .type = CLI_DOUBLES,
     .offset = offsetof(view_args, vmax),
     .value = "V",
     .least = 1,
     .most = 1,
     .help =
         "Value of the highest colour. Default: each channel's maximum (with -vmin, that of all "
         "channels)."},
    {.name = "show",
     .type = CLI_FLAG,
     .offset = offsetof(view_args, show),
     .help = "Open the figures when there is a display."},
    {.name = "format",
     .type = CLI_CHOICE,
     .offset = offsetof(view_args, format),
     .choices = "jpg|png|svg|pdf",
     .fallback = "jpg",
     .help = "Format of the figures."},
    {.name = "out",
     .type = CLI_OUTDIR,
     .offset = offsetof(view_args, out),
     .required = true,
     .value = "DIR",
     .help = "Folder for the figures NET_LAYER_fig<k>, six stimuli each."},
    {.name = NULL}};

/* A sink that keeps what it is given; view shows few channels of few images. */
typedef struct keep_sink {
    dnb_sink sink;
    size_t units, shape[3];
    float *values;
    size_t pixels; /* of a picture shown above its maps */
} keep_sink;

static dnb_status keep_begin(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                             size_t n_stimuli, size_t *resume, dnb_err *err)
{
    keep_sink *k = (keep_sink *)sink;
    (void)n_layers;
    memcpy(k->shape, layers[0].shape, sizeof k->shape);
    k->units = k->shape[0] * k->shape[1] * k->shape[2];
    k->values = calloc(n_stimuli, k->units * sizeof *k->values);
    *resume = 0;
    return k->values ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the maps");
}

static dnb_status keep_push(dnb_sink *sink, size_t layer, size_t first, size_t n,
                            const float *values, dnb_err *err)
{
    keep_sink *k = (keep_sink *)sink;
    (void)layer;
    (void)err;
    memcpy(k->values + first * k->units, values, n * k->units * sizeof *values);
    return DNB_OK;
}

/* The maps, and the pictures that are drawn above them. */
static size_t keep_bytes(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                         size_t n_stimuli)
{
    const size_t *shape = layers[0].shape;
    (void)n_layers;
    return n_stimuli *
           (shape[0] * shape[1] * shape[2] * sizeof(float) + ((keep_sink *)sink)->pixels * 3);
}

static dnb_status compute_maps(keep_sink *maps, const view_args *a, const dnb_net *net,
                               const cli_images *images, cli_context *ctx, dnb_err *err)
{
    cli_units units = {.layer = a->layer, .chn = a->chn};
    cli_unit_set set = {0};
    dnb_sink *sinks[1] = {&maps->sink};
    dnb_scan_options o = {.memory = ctx->memory,
                          .progress = &ctx->progress,
                          .backend = cli_backend(ctx, a->network.cuda)};
    char hash[33];
    dnb_status status = cli_units_of_net(&set, &units, net, err);
    if (status != DNB_OK)
        return status;
    dnb_scan_request request = {.layer = a->layer.items[0], .units = &set.selects[0]};
    const dnb_input_spec *in = dnb_net_input_spec(net);
    maps->sink = (dnb_sink){.begin = keep_begin, .push = keep_push, .bytes = keep_bytes};
    maps->pixels = in->height * in->width;
    status = dnb_scan_run(net, (const char *const *)images->paths, images->n, &request, 1, sinks, 1,
                          &o, hash, err);
    cli_unit_set_release(&set);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "stimuli_xxh128", hash, err);
    return status;
}

/* The grid: images above, a row of maps per channel. */
typedef struct gallery {
    dnb_figure_cell *cells;
    dnb_image *images;
    const char **columns;
    const char *rows[6];
    char row_text[6][32];
    size_t n;
} gallery;

static void gallery_release(gallery *g)
{
    for (size_t i = 0; g->images && i < g->n; i++)
        dnb_image_release(&g->images[i]);
    free(g->images);
    free(g->cells);
    free(g->columns);
}

static dnb_status gallery_init(gallery *g, const view_args *a, const keep_sink *maps,
                               const cli_images *images, const dnb_input_spec *in, dnb_err *err)
{
    size_t rows = 1 + a->chn.count;
    g->n = images->n;
    g->cells = calloc(rows * g->n, sizeof *g->cells);
    g->images = calloc(g->n, sizeof *g->images);
    g->columns = calloc(g->n, sizeof *g->columns);
    if (!g->cells || !g->images || !g->columns)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu images", g->n);
    g->rows[0] = "stimulus";
    for (size_t c = 0; c < a->chn.count; c++) {
        snprintf(g->row_text[c], sizeof g->row_text[c], "channel %lld", a->chn.items[c]);
        g->rows[c + 1] = g->row_text[c];
    }
    for (size_t i = 0; i < g->n; i++) {
        dnb_image full = {0};
        dnb_status status = dnb_image_read(&full, images->paths[i], err);
        if (status == DNB_OK)
            status = dnb_image_resize(&g->images[i], &full, in->width, in->height, err);
        dnb_image_release(&full);
        if (status != DNB_OK)
            return status;
        g->columns[i] = dnb_stim_id(&images->stim, i);
        g->cells[i] =
            (dnb_figure_cell){.rows = in->height, .cols = in->width, .rgb = g->images[i].data};
        for (size_t c = 0; c < a->chn.count; c++)
            g->cells[(c + 1) * g->n + i] = (dnb_figure_cell){
                .rows = maps->shape[1],
                .cols = maps->shape[2],
                .map = maps->values + i * maps->units + c * maps->shape[1] * maps->shape[2]};
    }
    return DNB_OK;
}

/* The colour limits; both 0 leaves each channel its own. */
static dnb_status find_limits(double limits[2], const view_args *a, const keep_sink *maps,
                              size_t n_stimuli, dnb_err *err)
{
    double least = INFINITY, most = -INFINITY;
    if (!a->vmin.count && !a->vmax.count)
        return DNB_OK;
    for (size_t i = 0; i < n_stimuli * maps->units; i++) {
        if (!isfinite(maps->values[i]))
            continue;
        least = fmin(least, maps->values[i]);
        most = fmax(most, maps->values[i]);
    }
    limits[0] = a->vmin.count ? a->vmin.items[0] : least;
    limits[1] = a->vmax.count ? a->vmax.items[0] : most;
    if (!(limits[0] < limits[1]))
        return dnb_fail(
            err, DNB_EARG, "layer %s: values range from %g to %g, which leaves no colours %s %g",
            a->layer.items[0], least, most, a->vmin.count ? "above -vmin" : "below -vmax",
            a->vmin.count ? limits[0] : limits[1]);
    return DNB_OK;
}

/* In a diverging map the middle colour must be 0, where values have both signs. */
static bool around_zero(const view_args *a, const keep_sink *maps, size_t n_stimuli)
{
    bool above = false, below = false;
    if (strncasecmp(a->cmap, "coolwarm", 8) != 0 || a->vmin.count || a->vmax.count)
        return false;
    for (size_t i = 0; i < n_stimuli * maps->units; i++) {
        above = above || maps->values[i] > 0;
        below = below || maps->values[i] < 0;
    }
    return above && below;
}

static dnb_status draw_pages(const gallery *g, const view_args *a, const double limits[2],
                             bool symmetric, const char *net, cli_context *ctx, dnb_err *err)
{
    char layer[256], name[512];
    dnb_figure_grid figure = {.n_rows = 1 + a->chn.count,
                              .n_cols = g->n,
                              .cells = g->cells,
                              .row_titles = g->rows,
                              .col_titles = g->columns,
                              .low = limits[0],
                              .high = limits[1],
                              .symmetric = symmetric,
                              .colormap = a->cmap,
                              .bar_label = "activation"};
    dnb_figure_options fo = {.provenance = dnb_provenance_json(ctx->provenance)};
    snprintf(layer, sizeof layer, "%s", a->layer.items[0]);
    for (char *p = layer; *p; p++)
        if (*p == '/')
            *p = '_';
    for (size_t page = 0; page * PER_PAGE < g->n; page++) {
        snprintf(name, sizeof name, "%s_%s_fig%zu.%s", net, layer, page + 1, a->format);
        char *path = cli_join(a->out, name);
        if (!path)
            return dnb_fail(err, DNB_ENOMEM, "out of memory");
        figure.first = page * PER_PAGE;
        figure.count = g->n - figure.first < PER_PAGE ? g->n - figure.first : PER_PAGE;
        dnb_status status = dnb_figure_grid_write(&figure, path, &fo, err);
        if (status == DNB_OK)
            cli_wrote(ctx, path, "%zu stimuli", figure.count);
        if (status == DNB_OK && a->show)
            cli_show(ctx, path);
        free(path);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

static dnb_status check(const view_args *a, cli_context *ctx, dnb_err *err)
{
    dnb_colormap unused;
    dnb_status status = dnb_colormap_init(&unused, a->cmap, err);
    if (status != DNB_OK) {
        ctx->usage = true;
        return dnb_fail_prefix(err, status, "-cmap");
    }
    if (a->vmin.count && a->vmax.count && !(a->vmin.items[0] < a->vmax.items[0]))
        return cli_usage(ctx, err, "-vmin %g is not below -vmax %g", a->vmin.items[0],
                         a->vmax.items[0]);
    return DNB_OK;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const view_args *a = args;
    dnb_net *net = NULL;
    cli_images images = {0};
    keep_sink maps = {0};
    gallery g = {0};
    double limits[2] = {0, 0};
    dnb_status status = check(a, ctx, err);
    if (status == DNB_OK)
        status = cli_images_read(&images, a->network.stim, err);
    if (status == DNB_OK)
        status = cli_network_open(&net, &a->network, ctx, err);
    if (status == DNB_OK)
        status = compute_maps(&maps, a, net, &images, ctx, err);
    if (status == DNB_OK && maps.shape[1] * maps.shape[2] == 1)
        status = dnb_fail(err, DNB_EARG,
                          "layer %s has no rows and columns to show; name a convolutional layer",
                          a->layer.items[0]);
    if (status == DNB_OK)
        status = find_limits(limits, a, &maps, images.n, err);
    if (status == DNB_OK)
        status = gallery_init(&g, a, &maps, &images, dnb_net_input_spec(net), err);
    if (status == DNB_OK)
        status = cli_make_dir(a->out, err);
    if (status == DNB_OK)
        status =
            draw_pages(&g, a, limits, around_zero(a, &maps, images.n), dnb_net_name(net), ctx, err);
    gallery_release(&g);
    free(maps.values);
    dnb_net_free(net);
    cli_images_release(&images);
    return status;
}

static const char *const aliases[] = {"dnn_view", NULL};
static const char *const examples[] = {
    "dnnbrain view -net AlexNet -layer conv1 -chn 1 2 3 -stim some.stim.csv -out maps",
    "Feature maps of three channels, six stimuli a page.", NULL};

const cli_command cmd_view = {.name = "view",
                              .aliases = aliases,
                              .summary = "feature maps of images, as figures",
                              .description = "Shows the images of a stimulus list to a network and "
                                             "draws the maps of up to five channels of a "
                                             "convolutional layer under each image, six images a "
                                             "page. Each channel has one colour scale for "
                                             "all images, with its bar.",
                              .examples = examples,
                              .options = options,
                              .args_size = sizeof(view_args),
                              .run = run};
