/* dnnbrain predict: responses to new stimuli from saved weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <dnnbrain/linalg.h>
#include <dnnbrain/roifile.h>

#include "mapping_weights.h"

typedef struct predict_args {
    const char *weights, *act, *like, *out;
    cli_units units;
} predict_args;

static const cli_option options[] = {
    {.name = "weights",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, weights),
     .required = true,
     .value = "FILE",
     .help = "Weights that encode or probe wrote (-save-weights)."},
    {.name = "act",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, act),
     .required = true,
     .value = "FILE",
     .help = "Activation file (.act.h5) of the stimuli to predict."},
    CLI_UNIT_OPTIONS(predict_args),
    {.name = "like",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, like),
     .value = "FILE",
     .help = "For an image: an image of the geometry that the weights were fitted in."},
    {.name = "out",
     .type = CLI_OUTFILE,
     .offset = offsetof(predict_args, out),
     .required = true,
     .value = "FILE",
     .help = "Predictions, a row or volume per stimulus: .npy, .roi.h5, or an image (.nii, "
             ".nii.gz)."},
    {.name = NULL}};

enum { UNITS = 4096 /* taken at a time */ };

typedef struct prediction {
    dnb_actfile *weights;
    size_t n, m; /* stimuli, targets */
    double *y;   /* n x m */
} prediction;

/* The layer asked for, or the only one that both files have. */
static dnb_status choose_layer(size_t *at, size_t *intercept, const prediction *p,
                               const cli_patterns *x, const predict_args *a, dnb_err *err)
{
    char name[512];
    if (x->set.n != 1)
        return dnb_fail(err, DNB_EARG,
                        "%s holds %zu layers; name the one to predict from with "
                        "-layer",
                        a->act, x->set.n);
    dnb_status status = dnb_actfile_find(p->weights, x->set.names[0], at, err);
    if (status != DNB_OK)
        return status;
    snprintf(name, sizeof name, "%s" CLI_WEIGHTS_INTERCEPT, x->set.names[0]);
    if (dnb_actfile_find(p->weights, name, intercept, NULL) != DNB_OK)
        return dnb_fail(err, DNB_EFORMAT, "%s: holds no '%s'; it is not a file of weights",
                        a->weights, name);
    const size_t *w = dnb_actfile_shape(p->weights, *at), *n = x->set.selects[0].n;
    if (w[1] != n[0] || w[2] != n[1] || w[3] != n[2])
        return dnb_fail(err, DNB_ESHAPE,
                        "%s: weights of layer %s are for %zux%zux%zu units but %zux%zux%zu are "
                        "selected; use the -chn and -dmask they were fitted with",
                        a->weights, x->set.names[0], w[1], w[2], w[3], n[0], n[1], n[2]);
    return DNB_OK;
}

/* y += x w^T, a block of units at a time. */
static dnb_status multiply(prediction *p, cli_layer *layer, size_t at, dnb_err *err)
{
    size_t n = p->n, m = p->m, d = layer->rows.d, step = d < UNITS ? d : UNITS;
    dnb_matmul_options o = {.transpose_b = true, .alpha = 1, .beta = 1};
    float *part = malloc((n > m ? n : m) * step * sizeof *part + 1);
    double *x = malloc(n * step * sizeof *x + 1), *w = malloc(m * step * sizeof *w + 1);
    dnb_status status =
        part && x && w ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for a block of units");
    for (size_t j = 0; j < d && status == DNB_OK; j += step) {
        size_t count = d - j < step ? d - j : step;
        status = dnb_actfile_read_units(p->weights, at, 0, m, j, count, part, err);
        for (size_t i = 0; i < m * count && status == DNB_OK; i++)
            w[i] = (double)part[i];
        if (status == DNB_OK && layer->rows.data)
            for (size_t i = 0; i < n; i++)
                memcpy(part + i * count,
                       (const float *)layer->rows.data + i * layer->rows.stride + j,
                       count * sizeof *part);
        else if (status == DNB_OK)
            status = layer->rows.read(layer->rows.ctx, 0, n, j, count, part, err);
        for (size_t i = 0; i < n * count && status == DNB_OK; i++)
            x[i] = (double)part[i];
        if (status == DNB_OK)
            status = dnb_matmul(p->y, m, x, count, w, count, n, m, count, &o, err);
    }
    free(part);
    free(x);
    free(w);
    return status;
}

static dnb_status predict(prediction *p, cli_patterns *x, const predict_args *a, cli_context *ctx,
                          dnb_err *err)
{
    cli_layer layer = {0};
    size_t at = 0, intercept = 0;
    float *constant = NULL;
    dnb_status status = choose_layer(&at, &intercept, p, x, a, err);
    if (status != DNB_OK)
        return status;
    p->n = x->n;
    p->m = dnb_actfile_shape(p->weights, at)[0];
    if (8.0 * (double)p->n * (double)p->m > (double)ctx->memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "predictions of %zu stimuli and %zu targets take %.1f MB; raise --memory",
                        p->n, p->m, 8e-6 * (double)p->n * (double)p->m);
    constant = malloc(p->m * sizeof *constant + 1);
    p->y = malloc(p->n * p->m * sizeof *p->y + 1);
    if (!constant || !p->y)
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the predictions");
    if (status == DNB_OK)
        status = dnb_actfile_read(p->weights, intercept, 0, p->m, constant, err);
    for (size_t i = 0; i < p->n * p->m && status == DNB_OK; i++)
        p->y[i] = (double)constant[i % p->m];
    if (status == DNB_OK)
        status = cli_layer_open(&layer, x, 0, ctx->memory / 2, err);
    if (status == DNB_OK)
        status = multiply(p, &layer, at, err);
    cli_layer_release(&layer);
    free(constant);
    return status;
}

/* ---- outputs ---- */

static dnb_status save_npy(const prediction *p, const char *out, dnb_err *err)
{
    const size_t shape[2] = {p->n, p->m};
    dnb_array array;
    dnb_array_borrow(&array, DNB_F64, 2, shape, p->y);
    return dnb_npy_write(&array, out, err);
}

/* The names that were recorded with the weights, else numbers. */
static dnb_status target_names(char ***out, const prediction *p, dnb_err *err)
{
    const char *text = dnb_actfile_provenance(p->weights);
    cJSON *root = text ? cJSON_Parse(text) : NULL;
    const char *at = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "targets"));
    char **names = calloc(p->m + 1, sizeof *names), number[32];
    dnb_status status =
        names ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu names", p->m);
    for (size_t t = 0; t < p->m && status == DNB_OK; t++) {
        size_t n = at ? strcspn(at, "\n") : 0;
        snprintf(number, sizeof number, "%zu", t + 1);
        names[t] = at ? strndup(at, n) : strdup(number);
        if (!names[t])
            status = dnb_fail(err, DNB_ENOMEM, "out of memory for %zu names", p->m);
        at = at && at[n] ? at + n + 1 : NULL;
    }
    cJSON_Delete(root);
    *out = names;
    return status;
}

static dnb_status save_rois(const prediction *p, const char *out, cli_context *ctx, dnb_err *err)
{
    char **names = NULL;
    dnb_roi roi = {0};
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status = target_names(&names, p, err);
    if (status == DNB_OK)
        status = dnb_roi_init(&roi, p->n, p->m, (const char *const *)names, err);
    if (status == DNB_OK) {
        memcpy(roi.data, p->y, p->n * p->m * sizeof *roi.data);
        status = dnb_roi_write(&roi, out, &so, err);
    }
    dnb_roi_release(&roi);
    for (size_t t = 0; names && t < p->m; t++)
        free(names[t]);
    free(names);
    return status;
}

static dnb_status save_image(const prediction *p, const predict_args *a, cli_context *ctx,
                             dnb_err *err)
{
    dnb_brain *like = NULL;
    size_t index = 0, *voxels = malloc(p->m * sizeof *voxels + 1);
    float *place = malloc(3 * p->m * sizeof *place + 1);
    dnb_brain_write_options o = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_status status =
        voxels && place ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu voxels", p->m);
    if (status == DNB_OK && dnb_actfile_find(p->weights, CLI_WEIGHTS_VOXEL, &index, NULL) != DNB_OK)
        status = dnb_fail(err, DNB_EARG, "%s: its targets are no voxels; write a .npy or .roi.h5",
                          a->weights);
    if (status == DNB_OK && dnb_actfile_shape(p->weights, index)[1] != 3)
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: '%s' is not x, y, z", a->weights, CLI_WEIGHTS_VOXEL);
    if (status == DNB_OK)
        status = dnb_actfile_read(p->weights, index, 0, p->m, place, err);
    if (status == DNB_OK)
        status = dnb_brain_open(&like, a->like, err);
    for (size_t t = 0; t < p->m && status == DNB_OK; t++) {
        const size_t *shape = dnb_brain_shape(like);
        size_t at[3];
        for (int k = 0; k < 3 && status == DNB_OK; k++) {
            float v = place[3 * t + (size_t)k];
            if (v >= 0 && v < (float)shape[k])
                at[k] = (size_t)v;
            else
                status = dnb_fail(err, DNB_ESHAPE, "%s: is smaller than the image %s was fitted to",
                                  a->like, a->weights);
        }
        if (status == DNB_OK)
            voxels[t] = (at[0] * shape[1] + at[1]) * shape[2] + at[2];
    }
    if (status == DNB_OK)
        status = dnb_brain_write_like(a->out, like, p->n, p->y, voxels, p->m, &o, err);
    dnb_brain_close(like);
    free(voxels);
    free(place);
    return status;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcasecmp(name + n - k, suffix) == 0;
}

static dnb_status check(const predict_args *a, cli_context *ctx, dnb_err *err)
{
    bool image = dnb_brain_is_image_name(a->out);
    if (!image && !ends_in(a->out, ".npy") && !ends_in(a->out, ".roi.h5"))
        return cli_usage(ctx, err,
                         "-out %s: predictions are a .npy, a .roi.h5 or an image "
                         "(.nii, .nii.gz)",
                         a->out);
    if (image != !!a->like)
        return cli_usage(ctx, err,
                         image ? "-out is an image: -like is needed for its geometry"
                               : "-like belongs to an -out that is an image");
    return DNB_OK;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const predict_args *a = args;
    prediction p = {0};
    cli_patterns x = {0};
    const cli_source source = {.act = a->act};
    const cli_network none = {0};
    dnb_status status = check(a, ctx, err);
    if (status == DNB_OK)
        status = dnb_actfile_open(&p.weights, a->weights, err);
    if (status == DNB_OK)
        status =
            cli_record_input(ctx, "weights", a->weights, dnb_actfile_provenance(p.weights), err);
    if (status == DNB_OK)
        status = cli_patterns_open(&x, &source, &none, &a->units, ctx, err);
    if (status == DNB_OK)
        status = predict(&p, &x, a, ctx, err);
    if (status == DNB_OK)
        status = ends_in(a->out, ".npy")      ? save_npy(&p, a->out, err)
                 : ends_in(a->out, ".roi.h5") ? save_rois(&p, a->out, ctx, err)
                                              : save_image(&p, a, ctx, err);
    if (status == DNB_OK)
        cli_wrote(ctx, a->out, "%zu stimuli x %zu targets", p.n, p.m);
    cli_patterns_release(&x);
    dnb_actfile_close(p.weights);
    free(p.y);
    return status;
}

static const char *const examples[] = {
    "dnnbrain encode -anal mv -model ridge -alpha 100 -act train.act.h5 -layer conv5 -resp "
    "vtc.roi.h5 -out encode -save-weights conv5.weights.h5",
    "Fits the model, and keeps its weights.",
    "dnnbrain predict -weights conv5.weights.h5 -act new.act.h5 -layer conv5 -out new.roi.h5",
    "What it predicts for other stimuli.", NULL};

const cli_command cmd_predict = {
    .name = "predict",
    .summary = "predict responses to new stimuli from saved weights",
    .description =
        "Applies the regression that encode or probe fitted on all its stimuli (-save-weights) to "
        "the activations of other stimuli: units times weights plus a constant.\n\n"
        "A file of weights is an activation file whose stimuli are the targets: layer L holds the "
        "weights of its units, L.intercept the constants, target.voxel the voxels' places.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(predict_args),
    .heavy_blas = true,
    .run = run};
