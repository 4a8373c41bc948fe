/* Opening a network by zoo name or file, with the caller's preprocessing. */
#include "dnnbrain/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strbuf.h"
#include "base/near_name.h"
#include "net/network.h"
#include "net/onnx_load.h"
#include "net/zoo.h"

/* Of the zoo, in messages. */
#define MAX_NAMES 64

/* ---- preprocessing ---- */

static dnb_status check_options(const dnb_net_options *opt, dnb_err *err)
{
    if (!opt->name || !*opt->name)
        return dnb_fail(err, DNB_EARG, "no network is named; give a zoo name or an .onnx file");
    if ((opt->height == 0) != (opt->width == 0))
        return dnb_fail(err, DNB_EARG, "an input size needs height and width");
    if (opt->height > 1 << 16 || opt->width > 1 << 16)
        return dnb_fail(err, DNB_EARG, "an input of %zu x %zu pixels is too large", opt->height,
                        opt->width);
    if (opt->range != 0 && opt->range != 1 && opt->range != 255)
        return dnb_fail(err, DNB_EARG, "the pixel range is %g; 1 and 255 are possible", opt->range);
    for (int i = 0; i < 3; i++) {
        if (opt->has_mean && !isfinite(opt->mean[i]))
            return dnb_fail(err, DNB_EARG, "a channel mean is %g; finite numbers are possible",
                            opt->mean[i]);
        if (opt->has_std && !(opt->std[i] > 0 && isfinite(opt->std[i])))
            return dnb_fail(err, DNB_EARG, "a channel std is %g; it must be above 0", opt->std[i]);
    }
    return DNB_OK;
}

static void reverse(double v[3])
{
    double keep = v[0];
    v[0] = v[2];
    v[2] = keep;
}

/* The caller's wishes over the network's own. Means and stds the caller does not give follow a
 * change of channel order or range, so that they keep their meaning. */
static void apply_options(dnb_input_spec *spec, const dnb_net_options *opt)
{
    if (opt->height) {
        spec->height = opt->height;
        spec->width = opt->width;
    }
    bool bgr = opt->order == DNB_CHANNELS_DEFAULT ? spec->bgr : opt->order == DNB_CHANNELS_BGR;
    if (bgr != spec->bgr && spec->channels == 3) {
        reverse(spec->mean);
        reverse(spec->std);
    }
    spec->bgr = bgr;
    double scale = opt->range != 0 ? opt->range / spec->range : 1;
    if (opt->range != 0)
        spec->range = opt->range;
    for (int i = 0; i < 3; i++) {
        spec->mean[i] = opt->has_mean ? opt->mean[i] : spec->mean[i] * scale;
        spec->std[i] = opt->has_std ? opt->std[i] : spec->std[i] * scale;
    }
}

/* ---- ONNX files ---- */

/* ImageNet's preprocessing for colour images, plain 0..1 for others. */
static dnb_input_spec default_spec(const dnb_shape *input)
{
    dnb_input_spec spec = {.channels = input->dim[1],
                           .height = input->dim[2],
                           .width = input->dim[3],
                           .range = 1,
                           .std = {1, 1, 1}};
    if (spec.channels == 3) {
        memcpy(spec.mean, (const double[3]){0.485, 0.456, 0.406}, sizeof spec.mean);
        memcpy(spec.std, (const double[3]){0.229, 0.224, 0.225}, sizeof spec.std);
    }
    return spec;
}

static dnb_status open_onnx(dnb_net **out, const dnb_net_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_graph *g = NULL;
    const char *base = dnb_path_base(opt->name);
    char *name = dnb_strndup(base, strlen(base) - strlen(".onnx"));
    if (!name)
        return dnb_fail_memory(err, "network name", strlen(base));
    DNB_TRY(dnb_onnx_load(&g, opt->name, opt->height, opt->width, err));
    const dnb_shape *input = &dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
    if (input->dim[1] != 1 && input->dim[1] != 3) {
        status = dnb_fail(err, DNB_EUNSUPPORTED,
                          "%s: takes images of %zu channels; 1 and 3 are supported", opt->name,
                          input->dim[1]);
        goto done;
    }
    dnb_net_init init = {.name = name, .weights_path = opt->name, .input = default_spec(input)};
    apply_options(&init.input, opt);
    status = dnb_net_from_graph(out, g, &init, err);
    if (status != DNB_OK) {
        dnb_fail_prefix(err, status, "%s", opt->name);
        goto done;
    }
    g = NULL;
done:
    dnb_graph_free(g);
    dnb_free(name);
    return status;
}

/* ---- the zoo ---- */

static dnb_status unknown_name(const char *name, dnb_err *err)
{
    dnb_strbuf all = {0};
    const char *names[MAX_NAMES];
    size_t n = dnb_zoo_count() < MAX_NAMES ? dnb_zoo_count() : MAX_NAMES;
    for (size_t i = 0; i < n; i++) {
        names[i] = dnb_zoo_at(i)->name;
        dnb_strbuf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    dnb_status status =
        all.failed
            ? dnb_fail_memory(err, "message", 256)
            : dnb_fail(err, DNB_ENOTFOUND,
                       "unknown network '%.200s' (give an .onnx file, or one of the zoo: %s)", name,
                       all.text);
    dnb_strbuf_release(&all);
    return status == DNB_ENOTFOUND ? dnb_fail_suggest(err, status, name, names, n) : status;
}

/* Where a zoo network's weights are; free *out with dnb_free. */
static dnb_status find_weights(const dnb_zoo_net *z, const dnb_net_options *opt, char **out,
                               dnb_err *err)
{
    const char *data = getenv("DNNBRAIN_DATA");
    char *folder = NULL, *path = NULL;
    dnb_status status = DNB_OK;
    if (opt->weights) {
        path = dnb_strdup(opt->weights);
    } else if (!data || !*data) {
        return dnb_fail(
            err, DNB_ENOTFOUND,
            "%s: its weights are looked for in $DNNBRAIN_DATA/models/%s, but DNNBRAIN_DATA is not "
            "set; set it, or name the file with --weights FILE",
            z->name, z->file);
    } else {
        folder = dnb_path_join(data, "models");
        path = folder ? dnb_path_join(folder, z->file) : NULL;
    }
    if (!path)
        status = dnb_fail_memory(err, "file name", 256);
    else if (!dnb_path_exists(path))
        status =
            opt->weights
                ? dnb_fail(err, DNB_ENOTFOUND, "%s: no such file (given as the weights of %s)",
                           path, z->name)
                : dnb_fail(err, DNB_ENOTFOUND,
                           "%s: no such file; put %s's weights (a PyTorch state_dict) there, or "
                           "name the file with --weights FILE",
                           path, z->name);
    if (status == DNB_OK) {
        *out = path;
        path = NULL;
    }
    dnb_free(folder);
    dnb_free(path);
    return status;
}

static dnb_status open_zoo(dnb_net **out, const dnb_zoo_net *z, const dnb_net_options *opt,
                           dnb_err *err)
{
    char *weights = NULL;
    dnb_input_spec spec = z->input;
    if (opt->weights && dnb_path_has_suffix(opt->weights, ".onnx"))
        return dnb_fail(
            err, DNB_EUNSUPPORTED,
            "%s: the weights of %s come from a .pth file; to run an .onnx file, name it as the "
            "network",
            opt->weights, z->name);
    dnb_status status = find_weights(z, opt, &weights, err);
    if (status != DNB_OK)
        return status;
    apply_options(&spec, opt);
    status = dnb_zoo_open(out, z, &spec, weights, err);
    dnb_free(weights);
    return status;
}

static bool is_checkpoint(const char *name)
{
    return dnb_path_has_suffix(name, ".pth") || dnb_path_has_suffix(name, ".pt") ||
           dnb_path_has_suffix(name, ".th");
}

dnb_status dnb_net_open(dnb_net **out, const dnb_net_options *opt, dnb_err *err)
{
    dnb_status status = check_options(opt, err);
    if (status != DNB_OK)
        return status;
    if (dnb_path_has_suffix(opt->name, ".onnx")) {
        if (opt->weights)
            return dnb_fail(err, DNB_EARG, "%s: an .onnx file brings its own weights; leave out %s",
                            opt->name, opt->weights);
        return open_onnx(out, opt, err);
    }
    const dnb_zoo_net *z = dnb_zoo_find(opt->name);
    if (z)
        return open_zoo(out, z, opt, err);
    if (is_checkpoint(opt->name))
        return dnb_fail(
            err, DNB_EARG,
            "%s: holds weights only; name the network (such as AlexNet) and give this file as its "
            "--weights",
            opt->name);
    return unknown_name(opt->name, err);
}
