/* Resize and Upsample in two steps: what is asked for (op_resize.c) and how each output index along
 * a dimension is made of input indices (op_resize_taps.c). room: net (internal) */
#ifndef DNB_NET_OP_RESIZE_H
#define DNB_NET_OP_RESIZE_H

#include "net/op.h"

typedef enum dnb_resize_mode {
    DNB_RESIZE_NEAREST,
    DNB_RESIZE_LINEAR,
    DNB_RESIZE_CUBIC
} dnb_resize_mode;

typedef enum dnb_resize_coordinates {
    DNB_RESIZE_HALF_PIXEL,
    DNB_RESIZE_PYTORCH_HALF_PIXEL,
    DNB_RESIZE_ALIGN_CORNERS,
    DNB_RESIZE_ASYMMETRIC,
    DNB_RESIZE_TF_HALF_PIXEL_FOR_NN,
    DNB_RESIZE_TF_CROP
} dnb_resize_coordinates;

typedef enum dnb_resize_rounding {
    DNB_RESIZE_PREFER_FLOOR,
    DNB_RESIZE_PREFER_CEIL,
    DNB_RESIZE_FLOOR,
    DNB_RESIZE_CEIL,
    DNB_RESIZE_SIMPLE /* opset 10: floor when it grows, ceil when it shrinks */
} dnb_resize_rounding;

typedef struct dnb_resize {
    dnb_resize_mode mode;
    dnb_resize_coordinates coordinates;
    dnb_resize_rounding rounding;
    double cubic_a, extrapolation;
    bool exclude_outside, antialias;
    /* per dimension */
    double scale[DNB_MAX_DIMS], roi_start[DNB_MAX_DIMS], roi_end[DNB_MAX_DIMS];
    size_t out[DNB_MAX_DIMS];
} dnb_resize;

/* Along one dimension: output index i is the sum over t < n of
 * weight[i * n + t] * input[index[i * n + t]]; outside[i] says that it lies beyond the input. */
typedef struct dnb_resize_taps {
    size_t n;
    size_t *index;
    double *weight;
    bool *outside;
    bool identity; /* output i is input i */
} dnb_resize_taps;

/* Input index nearest to output index i of dimension d; *outside as above. */
size_t dnb_resize_nearest(const dnb_resize *r, int d, size_t i, size_t in, size_t out,
                          bool *outside);
dnb_status dnb_resize_taps_init(dnb_resize_taps *t, const dnb_resize *r, int d, size_t in,
                                size_t out, dnb_err *err) DNB_MUST_CHECK;
void dnb_resize_taps_release(dnb_resize_taps *t);
/* Linear and cubic: one pass per dimension, in double. x and out are float32 or float64. */
dnb_status dnb_resize_interpolate(const dnb_resize *r, const dnb_array *x, dnb_array *out,
                                  dnb_err *err) DNB_MUST_CHECK;
/* The gradient dx from that of the result, dy, in any mode. */
dnb_status dnb_resize_adjoint(const dnb_resize *r, const dnb_array *dy, dnb_array *dx,
                              dnb_err *err) DNB_MUST_CHECK;

#endif
