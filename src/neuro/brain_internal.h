/* How brainimage.c reaches the file formats: one table of functions per format.
 * room: neuro (internal) */
#ifndef DNB_NEURO_BRAIN_INTERNAL_H
#define DNB_NEURO_BRAIN_INTERNAL_H

#include <stddef.h>

#include "dnnbrain/brainimage.h"
#include "neuro/voxels.h"

/* A list of voxels made ready for reading: `at` in the file's order, sorted; `to` the place in a
 * row. */
typedef struct dnb_brain_picks {
    dnb_voxel_pick *items;
    size_t n;
} dnb_brain_picks;

/* Where values go: exactly one of f64, f32 is set; rows of `stride` values, row i for volume first
 * + i. */
typedef struct dnb_brain_target {
    double *f64;
    float *f32;
    size_t stride;
} dnb_brain_target;

typedef struct dnb_brain_format {
    dnb_brain_kind kind;
    void (*close)(dnb_brain *b);
    /* Position in the file's order of a voxel number. */
    size_t (*file_index)(const dnb_brain *b, size_t vox);
    /* picks == NULL: every voxel, to the place of its number. */
    dnb_status (*read)(dnb_brain *b, size_t first, size_t count, const dnb_brain_picks *picks,
                       const dnb_brain_target *to, const dnb_progress *progress, dnb_err *err);
    dnb_status (*affine)(const dnb_brain *b, double affine[4][4], dnb_err *err);
    /* Writes maps row by row: fill(ctx, i, row) sets map i in file order. */
    dnb_status (*write_like)(const char *path, const dnb_brain *like, size_t n_maps,
                             void (*fill)(void *ctx, size_t i, double *row), void *ctx,
                             const dnb_brain_write_options *opt, dnb_err *err);
} dnb_brain_format;

struct dnb_brain {
    const dnb_brain_format *format;
    char *path;
    size_t shape[3], n_vox, n_vol;
    void *file; /* the format's own handle */
};

/* Opens `path` into b->file and fills in format, shape, n_vox, n_vol. */
dnb_status dnb_brain_open_volume(dnb_brain *b, dnb_err *err) DNB_MUST_CHECK;

/* Checks and sorts. vox == NULL is not allowed here. Free items with dnb_free. */
dnb_status dnb_brain_picks_init(dnb_brain_picks *p, const dnb_brain *b, const size_t *vox, size_t n,
                                dnb_err *err) DNB_MUST_CHECK;
void dnb_brain_picks_release(dnb_brain_picks *p);

#endif
