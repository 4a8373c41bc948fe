/* The demo's stimuli, network file and simulated brain. */
#include "demo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/actfile.h>
#include <dnnbrain/drawing.h>
#include <dnnbrain/image.h>
#include <dnnbrain/nifti.h>
#include <dnnbrain/random.h>
#include <dnnbrain/stim.h>

#include "outputs.h"

enum { SIZE = 64 };

const char *const demo_drivers[DEMO_ROIS] = {"conv1_relu", "conv2_relu", "conv3_relu", "fc1_relu"};

/* One picture: draws, writes, names it ("stimuli/circle_03.png" below dir). */
static dnb_status draw_one(const char *dir, size_t category, size_t k, uint64_t seed, char *id,
                           size_t id_size, dnb_err *err)
{
    uint8_t rgb[SIZE * SIZE * 3];
    dnb_image image;
    snprintf(id, id_size, "%s_%03zu.png", dnb_draw_name(category), k + 1);
    char *folder = cli_join(dir, "stimuli"), *path = folder ? cli_join(folder, id) : NULL;
    dnb_status status = path ? dnb_draw_stimulus(category, seed, SIZE, rgb, err)
                             : dnb_fail(err, DNB_ENOMEM, "out of memory");
    if (status == DNB_OK) {
        dnb_image_borrow(&image, SIZE, SIZE, rgb);
        status = dnb_image_write_png(&image, path, NULL, err);
    }
    free(path);
    free(folder);
    return status;
}

static dnb_status write_list(const char *dir, size_t n, const char *const *ids,
                             const int64_t *labels, const char *const *conditions, cli_context *ctx,
                             dnb_err *err)
{
    dnb_stim stim = {0};
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    char *path = cli_join(dir, DEMO_STIM);
    dnb_status status = path ? dnb_stim_init(&stim, DNB_STIM_IMAGE, "stimuli", n, ids, err)
                             : dnb_fail(err, DNB_ENOMEM, "out of memory");
    if (status == DNB_OK)
        status = dnb_stim_add_labels(&stim, labels, err);
    if (status == DNB_OK)
        status = dnb_stim_add_conditions(&stim, conditions, err);
    if (status == DNB_OK)
        status = dnb_stim_write(&stim, path, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "%zu drawn pictures in %d categories", n, DNB_DRAW_CATEGORIES);
    dnb_stim_release(&stim);
    free(path);
    return status;
}

dnb_status demo_draw(const char *dir, size_t each, uint64_t seed, cli_context *ctx, dnb_err *err)
{
    size_t n = each * DNB_DRAW_CATEGORIES;
    char(*names)[64] = calloc(n, sizeof *names), *folder = cli_join(dir, "stimuli");
    const char **ids = calloc(n, sizeof *ids), **conditions = calloc(n, sizeof *conditions);
    int64_t *labels = calloc(n, sizeof *labels);
    dnb_status status = names && ids && conditions && labels && folder
                            ? DNB_OK
                            : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", n);
    if (status == DNB_OK)
        status = cli_make_dir(dir, err);
    if (status == DNB_OK)
        status = cli_make_dir(folder, err);
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        size_t category = i / each, k = i % each;
        status = draw_one(dir, category, k, seed * 1000003u + i, names[i], sizeof names[i], err);
        ids[i] = names[i];
        labels[i] = (int64_t)category + 1;
        conditions[i] = dnb_draw_name(category);
        if (ctx->progress.report)
            ctx->progress.report(ctx, "drawing", i + 1, n);
    }
    if (status == DNB_OK)
        status = write_list(dir, n, ids, labels, conditions, ctx, err);
    free(names);
    free(folder);
    free(ids);
    free(conditions);
    free(labels);
    return status;
}

dnb_status demo_write_net(const char *dir, cli_context *ctx, dnb_err *err)
{
    char *path = cli_join(dir, DEMO_NET);
    dnb_status status = path ? cli_write_file(path, demo_net_onnx, demo_net_onnx_size, err)
                             : dnb_fail(err, DNB_ENOMEM, "out of memory");
    if (status == DNB_OK)
        cli_wrote(ctx, path, "a small convolutional network trained on such pictures");
    free(path);
    return status;
}

/* The brain: a box of voxels with DEMO_ROIS cubes in it. */
enum { NX = 24, NY = 20, NZ = 12, CUBE = 5, N_VOX = NX * NY * NZ };
#define NOISE 1.0 /* standard deviation of the noise in units of the signal's */

/* ROI label (1..DEMO_ROIS) of a voxel in file order, 0 outside. */
static int roi_of(size_t voxel)
{
    size_t x = voxel % NX, y = voxel / NX % NY, z = voxel / (NX * NY);
    if (z < 3 || z >= 3 + CUBE)
        return 0;
    for (size_t k = 0; k < DEMO_ROIS; k++) {
        size_t x0 = 4 + 11 * (k % 2), y0 = 3 + 9 * (k / 2);
        if (x >= x0 && x < x0 + CUBE && y >= y0 && y < y0 + CUBE)
            return (int)k + 1;
    }
    return 0;
}

/* A voxel's response to every stimulus: a random mixture of the units, scaled to unit variance. Its
 * mean stays, so that patterns over voxels keep the angles between patterns over units. */
static void mix_units(double *response, const float *units, size_t n_stim, size_t n_unit,
                      const double *weights)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n_stim; i++) {
        double sum = 0;
        for (size_t u = 0; u < n_unit; u++)
            sum += weights[u] * units[i * n_unit + u];
        response[i] = sum;
        mean += sum / (double)n_stim;
    }
    for (size_t i = 0; i < n_stim; i++)
        square += (response[i] - mean) * (response[i] - mean) / (double)n_stim;
    for (size_t i = 0; i < n_stim; i++)
        response[i] = square > 0 ? response[i] / sqrt(square) : 0;
}

/* Fills the voxels of one ROI in every volume. */
static dnb_status fill_roi(float *volumes, dnb_actfile *act, int roi, uint64_t seed, dnb_err *err)
{
    size_t layer;
    dnb_status status = dnb_actfile_find(act, demo_drivers[roi - 1], &layer, err);
    if (status != DNB_OK)
        return status;
    const size_t *shape = dnb_actfile_shape(act, layer);
    size_t n = shape[0], d = shape[1] * shape[2] * shape[3];
    float *units = calloc(n, d * sizeof *units);
    double *weights = calloc(d, sizeof *weights), *response = calloc(n, sizeof *response);
    if (!units || !weights || !response)
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the simulated brain");
    if (status == DNB_OK)
        status = dnb_actfile_read(act, layer, 0, n, units, err);
    for (size_t v = 0; v < N_VOX && status == DNB_OK; v++) {
        dnb_random r;
        if (roi_of(v) != roi)
            continue;
        dnb_random_init(&r, seed, 1 + v);
        for (size_t u = 0; u < d; u++)
            weights[u] = dnb_random_normal(&r);
        mix_units(response, units, n, d, weights);
        for (size_t i = 0; i < n; i++)
            volumes[i * N_VOX + v] =
                (float)(100 + 2 * (response[i] + NOISE * dnb_random_normal(&r)));
    }
    free(units);
    free(weights);
    free(response);
    return status;
}

static dnb_status write_image(const char *dir, const char *name, size_t n_vol, dnb_nifti_type type,
                              const float *data, cli_context *ctx, dnb_err *err)
{
    dnb_nifti_header h;
    const size_t shape[4] = {NX, NY, NZ, n_vol};
    const double affine[4][4] = {{2, 0, 0, -NX}, {0, 2, 0, -NY}, {0, 0, 2, -NZ}, {0, 0, 0, 1}};
    dnb_nifti_write_options wo = {.provenance = dnb_provenance_json(ctx->provenance)};
    char *path = cli_join(dir, name);
    dnb_status status = path ? dnb_nifti_header_init(&h, n_vol > 1 ? 4 : 3, shape, err)
                             : dnb_fail(err, DNB_ENOMEM, "out of memory");
    if (status == DNB_OK) {
        h.datatype = type;
        dnb_nifti_set_affine(&h, affine, 2);
        status = dnb_nifti_write(path, &h, DNB_F32, data, &wo, err);
    }
    if (status == DNB_OK)
        cli_wrote(ctx, path, "%s",
                  n_vol > 1 ? "a simulated brain's response to every picture" : "its regions");
    free(path);
    return status;
}

dnb_status demo_simulate(const char *dir, const char *name, uint64_t seed, cli_context *ctx,
                         dnb_err *err)
{
    dnb_actfile *act = NULL;
    char *path = cli_join(dir, name);
    float *volumes = NULL, *mask = calloc(N_VOX, sizeof *mask);
    dnb_status status = path && mask ? dnb_actfile_open(&act, path, err)
                                     : dnb_fail(err, DNB_ENOMEM, "out of memory");
    size_t n = status == DNB_OK ? dnb_actfile_shape(act, 0)[0] : 0;
    if (status == DNB_OK && !(volumes = calloc(n, N_VOX * sizeof *volumes)))
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the simulated brain");
    for (size_t v = 0; mask && v < N_VOX; v++)
        mask[v] = (float)roi_of(v);
    for (int roi = 1; roi <= DEMO_ROIS && status == DNB_OK; roi++)
        status = fill_roi(volumes, act, roi, seed, err);
    if (status == DNB_OK)
        status = write_image(dir, DEMO_BRAIN, n, DNB_NIFTI_FLOAT32, volumes, ctx, err);
    if (status == DNB_OK)
        status = write_image(dir, DEMO_MASK, 1, DNB_NIFTI_INT16, mask, ctx, err);
    dnb_actfile_close(act);
    free(path);
    free(volumes);
    free(mask);
    return status;
}
