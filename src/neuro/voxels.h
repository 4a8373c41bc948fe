/* Stored voxels (ten NIfTI types) to and from double and float. room: neuro (internal) */
#ifndef DNB_NEURO_VOXELS_H
#define DNB_NEURO_VOXELS_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

/* How stored voxels become values: value = stored * slope + inter when `scaled`. */
typedef struct dnb_voxel_format {
    int datatype; /* a dnb_nifti_type */
    bool scaled;
    double slope, inter;
} dnb_voxel_format;

/* Bytes of a voxel; 0 for a datatype that is not supported. */
size_t dnb_voxel_size(int datatype);
/* The standard's name; "unknown" for a code the standard lacks. */
const char *dnb_voxel_type_name(int datatype);
/* Reverses the bytes of n elements of `size` (1, 2, 4 or 8) bytes in place. */
void dnb_voxel_swap(void *raw, size_t n, size_t size);

/* A voxel wanted from a block (its index there, less the base given) and where it goes. */
typedef struct dnb_voxel_pick {
    size_t at, to;
} dnb_voxel_pick;

/* out[j] = value of raw[j], j < n. raw is in the machine's byte order and aligned for its type. As
 * in numpy, the slope is multiplied only when it is not 1, the intercept added only when it is not
 * 0, all in double. */
void dnb_voxel_load_f64(const dnb_voxel_format *f, const void *raw, size_t n, double *out);
void dnb_voxel_load_f32(const dnb_voxel_format *f, const void *raw, size_t n, float *out);
/* out[pick[j].to] = value of raw[pick[j].at - base]; the difference is modulo 2^64, so base may be
 * "negative". */
void dnb_voxel_pick_f64(const dnb_voxel_format *f, const void *raw, const dnb_voxel_pick *pick,
                        size_t base, size_t n, double *out);
void dnb_voxel_pick_f32(const dnb_voxel_format *f, const void *raw, const dnb_voxel_pick *pick,
                        size_t base, size_t n, float *out);

/* Stores n values as `f` says: (value - inter) / slope, rounded to nearest even for integer types.
 * False at the first value the type cannot hold (*bad = its index). raw is aligned for its type. */
bool dnb_voxel_store_f64(const dnb_voxel_format *f, const double *values, size_t n, void *raw,
                         size_t *bad);
bool dnb_voxel_store_f32(const dnb_voxel_format *f, const float *values, size_t n, void *raw,
                         size_t *bad);

#endif
