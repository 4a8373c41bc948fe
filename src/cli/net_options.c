/* Opening the network and the stimuli a command line names. */
#include "net_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnb_status check_preprocessing(const cli_network *n, cli_context *ctx, dnb_err *err)
{
    if (n->range != 0 && n->range != 1 && n->range != 255)
        return cli_usage(ctx, err, "-range is 1 or 255, not %g", n->range);
    for (size_t c = 0; c < n->std.count; c++)
        if (!(n->std.items[c] > 0))
            return cli_usage(ctx, err, "-std: %g is not positive", n->std.items[c]);
    return DNB_OK;
}

static dnb_status record(const dnb_net *net, cli_context *ctx, dnb_err *err)
{
    char text[256], hash[33];
    const dnb_input_spec *in = dnb_net_input_spec(net);
    const char *weights = dnb_net_weights_path(net);
    dnb_status status = dnb_provenance_set(ctx->provenance, "net", dnb_net_name(net), err);
    snprintf(text, sizeof text, "%zux%zu %s, 0..%g, mean %g %g %g, std %g %g %g", in->height,
             in->width, in->bgr ? "BGR" : "RGB", in->range, in->mean[0], in->mean[1], in->mean[2],
             in->std[0], in->std[1], in->std[2]);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "input", text, err);
    if (status == DNB_OK && weights) {
        status = dnb_hash_file(weights, hash, err);
        if (status == DNB_OK)
            status = dnb_provenance_set(ctx->provenance, "weights", weights, err);
        if (status == DNB_OK)
            status = dnb_provenance_set(ctx->provenance, "weights_xxh128", hash, err);
    }
    return status;
}

dnb_status cli_network_open(dnb_net **out, const cli_network *n, cli_context *ctx, dnb_err *err)
{
    dnb_net_options o = {.name = n->net, .weights = n->weights, .range = n->range};
    dnb_net *net = NULL;
    dnb_status status = check_preprocessing(n, ctx, err);
    if (status != DNB_OK)
        return status;
    if (n->size.count) {
        o.height = (size_t)n->size.items[0];
        o.width = (size_t)n->size.items[1];
    }
    if (n->channels)
        o.order = strcmp(n->channels, "BGR") == 0 ? DNB_CHANNELS_BGR : DNB_CHANNELS_RGB;
    o.has_mean = n->mean.count != 0;
    o.has_std = n->std.count != 0;
    for (int c = 0; c < 3; c++) {
        o.mean[c] = o.has_mean ? n->mean.items[c] : 0;
        o.std[c] = o.has_std ? n->std.items[c] : 0;
    }
    status = dnb_net_open(&net, &o, err);
    if (status != DNB_OK)
        return status;
    status = record(net, ctx, err);
    if (status == DNB_OK)
        *out = net;
    else
        dnb_net_free(net);
    return status;
}

dnb_status cli_precision(dnb_precision *out, const char *name, cli_context *ctx, dnb_err *err)
{
    dnb_status status = dnb_precision_find(out, name, err);
    if (status == DNB_OK && !dnb_precision_available(*out)) {
        cli_warn(ctx, "this processor has no instructions for %s; computing in float32", name);
        *out = DNB_PRECISION_F32;
    }
    return status;
}

dnb_status cli_precision_record(dnb_precision used, const char *const *layers, const double *error,
                                size_t n, cli_context *ctx, dnb_err *err)
{
    char *text = NULL;
    size_t size = 0, worst = 0;
    cli_note(ctx, "precision", dnb_precision_name(used));
    dnb_status status =
        dnb_provenance_set(ctx->provenance, "precision", dnb_precision_name(used), err);
    if (status != DNB_OK || used == DNB_PRECISION_F32 || n == 0 || error[0] < 0)
        return status;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the error of %zu layers", n);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s%s %.2g", i ? ", " : "", layers[i], error[i]);
        if (error[i] > error[worst])
            worst = i;
    }
    if (fclose(f) != 0)
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the error of %zu layers", n);
    if (status == DNB_OK)
        status = dnb_provenance_set(ctx->provenance, "bf16_error", text, err);
    if (status == DNB_OK) {
        cli_say(ctx, "bf16 against float32, of the layer's largest value: %s", text);
        cli_note_number(ctx, "bf16_error", error[worst]);
    }
    free(text);
    return status;
}

dnb_status cli_images_read(cli_images *out, const char *path, dnb_err *err)
{
    cli_images images = {0};
    dnb_status status = dnb_stim_read(&images.stim, path, err);
    if (status == DNB_OK && images.stim.type != DNB_STIM_IMAGE)
        status = dnb_fail(err, DNB_EUNSUPPORTED,
                          "%s: type=%s; only image stimuli can be shown to a network so far", path,
                          dnb_stim_type_name(images.stim.type));
    if (status == DNB_OK)
        status = dnb_stim_check_files(&images.stim, err);
    size_t n = status == DNB_OK ? dnb_stim_count(&images.stim) : 0;
    if (status == DNB_OK && n == 0)
        status = dnb_fail(err, DNB_EFORMAT, "%s: lists no stimulus", path);
    if (status == DNB_OK && !(images.paths = calloc(n, sizeof *images.paths)))
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", n);
    for (; status == DNB_OK && images.n < n; images.n++) {
        status = dnb_stim_file(&images.stim, images.n, &images.paths[images.n], err);
        if (status != DNB_OK)
            break;
    }
    if (status == DNB_OK)
        *out = images;
    else
        cli_images_release(&images);
    return status;
}

void cli_images_release(cli_images *images)
{
    for (size_t i = 0; i < images->n; i++)
        dnb_stim_free_file(images->paths[i]);
    free(images->paths);
    dnb_stim_release(&images->stim);
    *images = (cli_images){0};
}
