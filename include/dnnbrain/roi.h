/* Masks (label images), regions of interest, and their summaries over voxels.
 * room: neuro */
#ifndef DNNBRAIN_ROI_H
#define DNNBRAIN_ROI_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/brainimage.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A label image: voxels of value 0 are outside; every other value is the label of an ROI. */
typedef struct dnb_mask dnb_mask;

/* Reads a mask of one volume (3-D, or with further sizes of 1; else DNB_ESHAPE). Values must be
 * whole numbers (within 0.01, so that a scaled integer file passes) of magnitude up to 2^53;
 * anything else, NaN included, is DNB_EFORMAT naming the voxel (0-based x,y,z) and its value. A
 * mask without any non-zero voxel is DNB_EFORMAT too. Memory: 8 bytes per voxel
 * and 24 per voxel inside while reading, then 8 per voxel inside. */
DNB_API dnb_status dnb_mask_read(dnb_mask **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* The same from values in voxel-number order (shape = 3 sizes); `name` stands for the file in
 * messages. */
DNB_API dnb_status dnb_mask_new(dnb_mask **out, const size_t shape[3], const double *values,
                                const char *name, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_mask_free(dnb_mask *m);

DNB_API const char *dnb_mask_path(const dnb_mask *m);
DNB_API const size_t *dnb_mask_shape(const dnb_mask *m);
/* Labels, ascending; valid until free. */
DNB_API size_t dnb_mask_n_labels(const dnb_mask *m);
DNB_API const int64_t *dnb_mask_labels(const dnb_mask *m);
/* Voxel numbers (ascending, see brainimage.h: NumPy's boolean-indexing order) of the i-th label, i
 * < n_labels; valid until free. */
DNB_API const size_t *dnb_mask_voxels(const dnb_mask *m, size_t i, size_t *n);
/* Position of a label in dnb_mask_labels. DNB_ENOTFOUND, listing the labels there are. */
DNB_API dnb_status dnb_mask_find(const dnb_mask *m, int64_t label, size_t *index,
                                 dnb_err *err) DNB_MUST_CHECK;
/* Voxel numbers, ascending, each once, inside any of the given labels (n_labels == 0: of every
 * label). *vox belongs to the caller: dnb_mask_select_free. DNB_ENOTFOUND for an unknown label. */
DNB_API dnb_status dnb_mask_select(const dnb_mask *m, const int64_t *labels, size_t n_labels,
                                   size_t **vox, size_t *n_vox, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_mask_select_free(size_t *vox);
/* DNB_ESHAPE, naming both files and both shapes, unless the mask fits the image. */
DNB_API dnb_status dnb_mask_check(const dnb_mask *m, const dnb_brain *b,
                                  dnb_err *err) DNB_MUST_CHECK;

typedef enum dnb_roi_method {
    DNB_ROI_MEAN = 0,
    DNB_ROI_MAX,
    DNB_ROI_STD /* population: divided by the number of voxels (numpy's ddof = 0) */
} dnb_roi_method;

/* "mean", "max", "std"; DNB_EARG listing them for any other name. */
DNB_API dnb_status dnb_roi_method_parse(const char *name, dnb_roi_method *out,
                                        dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_roi_options {
    dnb_roi_method method;
    const int64_t *labels; /* ROIs wanted, in the order of the columns; NULL = all, ascending */
    size_t n_labels;
    const dnb_progress *progress; /* may be NULL */
} dnb_roi_options;

/* data[v * n_roi + r] = the method over the voxels of ROI r in volume v. names[r] = its label as
 * text
 * ("3", "-1"). Zero-initialise; release frees both. */
typedef struct dnb_roi_table {
    size_t n_vol, n_roi;
    double *data;
    char **names;
} dnb_roi_table;

/* Summarises every volume. As in numpy, one NaN among an ROI's voxels makes that entry NaN (for max
 * too); sums are double. Volumes are streamed: memory is the table plus blocks of about 16 MiB (or
 * the ROIs of one volume, if larger). Independent of the number of threads. DNB_ESHAPE (mask does
 * not fit), DNB_ENOTFOUND (label), read errors. */
DNB_API dnb_status dnb_roi_run(dnb_roi_table *out, dnb_brain *b, const dnb_mask *m,
                               const dnb_roi_options *opt, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_roi_table_release(dnb_roi_table *t);

/* Patterns: the voxels of one ROI in every volume, *out[n_vol * *n_vox], voxels ascending (what
 * brain_rsa takes). Free with dnb_roi_pattern_free. DNB_ENOMEM with the numbers, before allocating,
 * when the matrix exceeds max_bytes (0 = dnb_memory_budget()). */
DNB_API dnb_status dnb_roi_pattern_read(double **out, size_t *n_vox, dnb_brain *b,
                                        const dnb_mask *m, int64_t label, size_t max_bytes,
                                        const dnb_progress *progress, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_roi_pattern_free(double *pattern);

#ifdef __cplusplus
}
#endif
#endif
