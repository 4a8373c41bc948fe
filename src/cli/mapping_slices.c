/* A score map as axial slices, left on the left, front up, whatever order the image stores its
 * voxels in. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <dnnbrain/figure.h>

#include "mapping_report.h"

enum { MOST_SLICES = 60, TITLE = 48 };

/* How the image lies in the world, and the part of it that holds voxels. */
typedef struct layout {
    size_t axis[3];      /* the image's axis nearest to left-right, back-front, down-up */
    bool ascends[3];     /* its numbers grow towards right, front, up */
    bool oriented;       /* the file says so */
    double affine[4][4]; /* voxel to mm */
    size_t shape[3], low[3], high[3]; /* of voxels in use, along the image's axes */
    size_t rows, cols;
    size_t n_slices, step, shown; /* in the box; one in `step` of those that hold voxels is shown */
    size_t *cell;                 /* of each slice of the box, from below: its cell, or NONE */
} layout;

static const size_t NONE = (size_t)-1;

/* Numbers of the voxel along the image's axes. */
static void place_of(const layout *v, size_t voxel, size_t at[3])
{
    at[0] = voxel / (v->shape[1] * v->shape[2]);
    at[1] = voxel / v->shape[2] % v->shape[1];
    at[2] = voxel % v->shape[2];
}

static double voxel_size(const layout *v, size_t axis)
{
    double sum = 0;
    for (int w = 0; w < 3; w++)
        sum += v->affine[w][axis] * v->affine[w][axis];
    return sqrt(sum);
}

/* The three pairs of world and image axis that lie closest, the closest first. */
static void match_axes(layout *v)
{
    bool world[3] = {false}, image[3] = {false};
    for (int k = 0; k < 3; k++) {
        double best = -1;
        size_t w = 0, a = 0;
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++) {
                double size = voxel_size(v, j);
                double share = size > 0 ? fabs(v->affine[i][j]) / size : 0;
                if (!world[i] && !image[j] && share > best) {
                    best = share;
                    w = i;
                    a = j;
                }
            }
        world[w] = image[a] = true;
        v->axis[w] = a;
        v->ascends[w] = v->affine[w][a] >= 0;
    }
}

static void orient(layout *v, const dnb_brain *image)
{
    const dnb_nifti_header *h = dnb_brain_nifti_header(image);
    for (size_t w = 0; w < 3; w++) {
        v->shape[w] = dnb_brain_shape(image)[w];
        v->axis[w] = w;
        v->ascends[w] = true;
    }
    if (!h || dnb_brain_affine(image, v->affine, NULL) != DNB_OK)
        return;
    v->oriented = h->sform_code > 0 || h->qform_code > 0;
    if (v->oriented)
        match_axes(v);
}

/* The box around the voxels, a voxel wider where there is room. */
static void find_box(layout *v, const cli_responses *b)
{
    for (size_t k = 0; k < 3; k++)
        v->low[k] = v->shape[k] - 1;
    for (size_t t = 0; t < b->m; t++) {
        size_t at[3];
        place_of(v, b->voxels[t], at);
        for (size_t k = 0; k < 3; k++) {
            v->low[k] = at[k] < v->low[k] ? at[k] : v->low[k];
            v->high[k] = at[k] > v->high[k] ? at[k] : v->high[k];
        }
    }
    for (size_t w = 0; w < 2; w++) {
        size_t a = v->axis[w];
        v->low[a] -= v->low[a] > 0;
        v->high[a] += v->high[a] + 1 < v->shape[a];
    }
    v->cols = v->high[v->axis[0]] - v->low[v->axis[0]] + 1;
    v->rows = v->high[v->axis[1]] - v->low[v->axis[1]] + 1;
    v->n_slices = v->high[v->axis[2]] - v->low[v->axis[2]] + 1;
}

/* A voxel's slice, from the lowest. */
static size_t slice_of(const layout *v, const size_t at[3])
{
    size_t a = v->axis[2];
    return v->ascends[2] ? at[a] - v->low[a] : v->high[a] - at[a];
}

static dnb_status choose_slices(layout *v, const cli_responses *b, dnb_err *err)
{
    size_t used = 0, seen = 0, at[3];
    v->cell = malloc(v->n_slices * sizeof *v->cell);
    if (!v->cell)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t k = 0; k < v->n_slices; k++)
        v->cell[k] = NONE;
    for (size_t t = 0; t < b->m; t++) {
        place_of(v, b->voxels[t], at);
        v->cell[slice_of(v, at)] = 0;
    }
    for (size_t k = 0; k < v->n_slices; k++)
        used += v->cell[k] != NONE;
    v->step = (used + MOST_SLICES - 1) / MOST_SLICES;
    for (size_t k = 0; k < v->n_slices; k++)
        if (v->cell[k] != NONE)
            v->cell[k] = seen++ % v->step == 0 ? v->shown++ : NONE;
    return DNB_OK;
}

static void title_of(const layout *v, size_t k, char *buf)
{
    size_t a = v->axis[2], number = v->ascends[2] ? v->low[a] + k : v->high[a] - k;
    if (!v->oriented) {
        snprintf(buf, TITLE, "slice %zu", number);
        return;
    }
    double mm = v->affine[2][3];
    for (size_t j = 0; j < 3; j++) /* at the middle of the slice; oblique ones have no single z */
        mm += v->affine[2][j] * (j == a ? (double)number : 0.5 * (double)(v->shape[j] - 1));
    double rounded = voxel_size(v, a) >= 1 ? round(mm) : round(10 * mm) / 10;
    snprintf(buf, TITLE, "z = %s%g mm", rounded < 0 ? "\xe2\x88\x92" : "", fabs(rounded));
}

static void fill_maps(const layout *v, const cli_slices *m, float *maps)
{
    const cli_responses *b = m->responses;
    size_t area = v->rows * v->cols;
    for (size_t i = 0; i < v->shown * area; i++)
        maps[i] = NAN;
    for (size_t t = 0; t < b->m; t++) {
        size_t at[3], x = v->axis[0], y = v->axis[1];
        place_of(v, b->voxels[t], at);
        size_t cell = v->cell[slice_of(v, at)];
        size_t row = v->ascends[1] ? v->high[y] - at[y] : at[y] - v->low[y];
        size_t col = v->ascends[0] ? at[x] - v->low[x] : v->high[x] - at[x];
        if (cell != NONE && (!m->hidden || !m->hidden[t]))
            maps[cell * area + row * v->cols + col] = (float)m->values[t];
    }
}

static dnb_status draw(const layout *v, const cli_slices *m, const char *path,
                       dnb_figure_cell *cells, char (*titles)[TITLE], float *maps, cli_context *ctx,
                       dnb_err *err)
{
    char title[192];
    size_t most = v->shown <= 24 ? 6 : 10, columns = v->shown < most ? v->shown : most;
    double wide = voxel_size(v, v->axis[0]), high = voxel_size(v, v->axis[1]);
    fill_maps(v, m, maps);
    for (size_t k = 0; k < v->n_slices; k++) {
        size_t i = v->cell[k];
        if (i == NONE)
            continue;
        title_of(v, k, titles[i]);
        cells[i] = (dnb_figure_cell){.rows = v->rows,
                                     .cols = v->cols,
                                     .map = maps + i * v->rows * v->cols,
                                     .pixel_aspect = wide > 0 && high > 0 ? high / wide : 1,
                                     .title = titles[i]};
    }
    snprintf(title, sizeof title, "%.128s", m->title);
    if (v->step > 1)
        snprintf(title, sizeof title, "%.128s (one slice in %zu)", m->title, v->step);
    dnb_figure_grid figure = {.title = title,
                              .n_rows = (v->shown + columns - 1) / columns,
                              .n_cols = columns,
                              .cells = cells,
                              .scale = DNB_SCALE_ALL,
                              .symmetric = m->symmetric,
                              .bar_label = m->label,
                              .blank_missing = true,
                              .left_name = v->oriented ? "L" : NULL,
                              .right_name = v->oriented ? "R" : NULL};
    dnb_figure_options fo = {.provenance = dnb_provenance_json(ctx->provenance)};
    return dnb_figure_grid_write(&figure, path, &fo, err);
}

dnb_status cli_draw_slices(const cli_slices *map, const char *path, cli_context *ctx, dnb_err *err)
{
    layout v = {0};
    dnb_figure_cell *cells = NULL;
    char(*titles)[TITLE] = NULL;
    float *maps = NULL;
    orient(&v, map->responses->image);
    find_box(&v, map->responses);
    dnb_status status = choose_slices(&v, map->responses, err);
    if (status == DNB_OK) {
        cells = calloc(v.shown + 16, sizeof *cells); /* a last row may be short */
        titles = calloc(v.shown + 1, sizeof *titles);
        maps = calloc(v.shown * v.rows * v.cols + 1, sizeof *maps);
        status = cells && titles && maps
                     ? draw(&v, map, path, cells, titles, maps, ctx, err)
                     : dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    }
    free(v.cell);
    free(cells);
    free(titles);
    free(maps);
    return status;
}
