/* Subjects' scores from brain images: a volume per layer, or an image per layer in folders. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_scores.h"

/* The image at hand; volumes of one file are read without opening it again. */
typedef struct reader {
    const char *suffix; /* of images in folders, or NULL */
    size_t *at;         /* n_layers: volumes, of images that are not in folders */
    char *path;
    dnb_brain *image;
} reader;

static void reader_close(reader *r)
{
    dnb_brain_close(r->image);
    free(r->path);
    r->image = NULL;
    r->path = NULL;
}

/* The file that holds layer l of subject i; free() it. */
static char *path_of(const cli_subjects *s, size_t i, size_t l, const char *suffix)
{
    if (!suffix)
        return strdup(s->files[i]);
    size_t size = strlen(s->files[i]) + strlen(s->layers[l]) + strlen(suffix) + 16;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s/score%s", s->files[i], s->layers[l], suffix);
    return path;
}

/* Voxels must be at the same places: maps of subjects' own spaces are not comparable. */
static dnb_status check_space(const cli_subjects *s, const reader *r, dnb_err *err)
{
    double a[4][4], b[4][4];
    dnb_status status = dnb_brain_check_same_shape(s->space.image, r->image, err);
    if (status == DNB_OK)
        status = dnb_brain_affine(s->space.image, a, err);
    if (status == DNB_OK)
        status = dnb_brain_affine(r->image, b, err);
    for (int i = 0; i < 3 && status == DNB_OK; i++)
        for (int k = 0; k < 4 && status == DNB_OK; k++)
            if (!(fabs(a[i][k] - b[i][k]) <= 1e-3))
                status = dnb_fail(err, DNB_ESHAPE,
                                  "%s: its voxels lie elsewhere than those of %s (other affine); "
                                  "bring all subjects into one space first",
                                  r->path, s->space.path);
    return status;
}

static dnb_status open_map(reader *r, const cli_subjects *s, size_t i, size_t l, dnb_err *err)
{
    char *path = path_of(s, i, l, r->suffix);
    if (!path)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", s->files[i]);
    if (r->path && strcmp(r->path, path) == 0) {
        free(path);
        return DNB_OK;
    }
    reader_close(r);
    r->path = path;
    dnb_status status = dnb_brain_open(&r->image, path, err);
    if (status == DNB_OK)
        status = check_space(s, r, err);
    size_t n = status == DNB_OK ? dnb_brain_n_vol(r->image) : 0,
           wanted = r->suffix ? 1 : dnb_brain_n_vol(s->space.image);
    if (status == DNB_OK && n != wanted)
        status = dnb_fail(err, DNB_ESHAPE, "%s: holds %zu maps, expected %zu%s%s", path, n, wanted,
                          r->suffix ? "" : " as ", r->suffix ? "" : s->space.path);
    return status;
}

static dnb_status read_map(reader *r, const cli_subjects *s, size_t i, size_t l,
                           const size_t *voxels, size_t n, double *out, dnb_err *err)
{
    dnb_status status = open_map(r, s, i, l, err);
    if (status != DNB_OK)
        return status;
    return dnb_brain_read_f64(r->image, r->suffix ? 0 : r->at[l], 1, voxels, n, out, NULL, err);
}

/* The layers, and the first image for its geometry. */
static dnb_status open_first(cli_subjects *s, reader *r, const cli_scores_in *in, dnb_err *err)
{
    char **names = NULL, *first = NULL;
    size_t count = 0;
    dnb_status status = DNB_OK;
    if (r->suffix) {
        status = cli_subjects_layers_of(&names, &count, s->files[0], err);
    } else {
        status = dnb_brain_open(&s->space.image, s->files[0], err);
        if (status == DNB_OK)
            count = dnb_brain_n_vol(s->space.image);
        if (status == DNB_OK)
            status = cli_names_number(&names, count, err);
    }
    if (status == DNB_OK)
        status = cli_subjects_choose(s, &r->at, in, names, count, s->files[0], err);
    if (status == DNB_OK && r->suffix) {
        first = path_of(s, 0, 0, r->suffix);
        status = first ? dnb_brain_open(&s->space.image, first, err)
                       : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", s->files[0]);
    }
    s->space.path = status == DNB_OK ? dnb_brain_path(s->space.image) : NULL;
    free(first);
    cli_names_free(names, count);
    return status;
}

/* Voxels that are not 0 in some map. */
static dnb_status voxels_in_use(cli_subjects *s, reader *r, cli_context *ctx, dnb_err *err)
{
    size_t all = dnb_brain_n_vox(s->space.image);
    double *map = calloc(all, sizeof *map);
    bool *used = calloc(all, sizeof *used);
    dnb_status status = DNB_OK;
    s->space.voxels = malloc((all + 1) * sizeof *s->space.voxels);
    if (!map || !used || !s->space.voxels)
        status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory for %zu voxels", s->files[0], all);
    for (size_t i = 0; i < s->n && status == DNB_OK; i++) {
        if (ctx->progress.report)
            ctx->progress.report(ctx, "masks of subjects", i, s->n);
        for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++) {
            status = read_map(r, s, i, l, NULL, all, map, err);
            for (size_t v = 0; v < all && status == DNB_OK; v++)
                used[v] |= map[v] != 0;
        }
        if (status == DNB_OK && cli_stop_requested())
            status = dnb_fail(err, DNB_ECANCELLED, "interrupted");
    }
    for (size_t v = 0; v < all && status == DNB_OK; v++)
        if (used[v])
            s->space.voxels[s->space.m++] = v;
    if (status == DNB_OK && s->space.m == 0)
        status = dnb_fail(err, DNB_EARG, "%s: every voxel is 0 in every subject", s->files[0]);
    free(map);
    free(used);
    return status;
}

/* A voxel that is 0 in all maps of a subject was outside this subject's mask, or its responses did
 * not vary: there is no score. */
static void mark_missing(double *x, size_t n_layers, size_t n_voxels)
{
    for (size_t v = 0; v < n_voxels; v++) {
        bool empty = true;
        for (size_t l = 0; l < n_layers; l++)
            empty &= x[l * n_voxels + v] == 0 || isnan(x[l * n_voxels + v]);
        for (size_t l = 0; l < n_layers && empty; l++)
            x[l * n_voxels + v] = NAN;
    }
}

static dnb_status read_all(cli_subjects *s, reader *r, cli_context *ctx, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->space.m;
    for (size_t i = 0; i < s->n && status == DNB_OK; i++) {
        if (ctx->progress.report)
            ctx->progress.report(ctx, "subjects", i, s->n);
        for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
            status = read_map(r, s, i, l, s->space.voxels, n, s->x + i * s->m + l * n, err);
        mark_missing(s->x + i * s->m, s->n_layers, n);
        if (status == DNB_OK && cli_stop_requested())
            status = dnb_fail(err, DNB_ECANCELLED, "interrupted");
    }
    return status;
}

dnb_status cli_subjects_images(cli_subjects *s, const cli_scores_in *in, const char *suffix,
                               cli_context *ctx, dnb_err *err)
{
    reader r = {.suffix = suffix};
    dnb_status status = open_first(s, &r, in, err);
    const cli_brain brain = {.resp = s->space.path, .bmask = in->mask};
    for (size_t i = 0; i < s->n && status == DNB_OK; i++)
        status = cli_subjects_record(i, s->files[i], NULL, ctx, err);
    if (status == DNB_OK && in->mask)
        status = cli_record_input(ctx, "mask", in->mask, NULL, err);
    if (status == DNB_OK)
        status =
            in->mask ? cli_responses_mask(&s->space, &brain, err) : voxels_in_use(s, &r, ctx, err);
    if (status == DNB_OK)
        status = cli_subjects_room(s, s->n_layers * s->space.m, ctx, err);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
        s->first[l + 1] = (l + 1) * s->space.m;
    reader_close(&r);
    if (status == DNB_OK)
        status = read_all(s, &r, ctx, err);
    reader_close(&r);
    free(r.at);
    return status;
}
