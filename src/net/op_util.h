/* What shape rules and kernels share: axes, broadcasting, windows, constant inputs. room: net
 * (internal) */
#ifndef DNB_NET_OP_UTIL_H
#define DNB_NET_OP_UTIL_H

#include "net/op.h"

size_t dnb_shape_count(const dnb_shape *s);
/* "2x3x4" into buf; returns buf. */
const char *dnb_shape_text(const dnb_shape *s, char *buf, size_t size);
bool dnb_shape_equal(const dnb_shape *a, const dnb_shape *b);
/* Shape of an array. */
dnb_shape dnb_shape_of(const dnb_array *a);
/* A float32 shape / an array header over `data`. */
dnb_shape dnb_shape_make(int ndim, const size_t *dim);

/* Rounds or wraps the numbers of a (F32, F64 or I64) to an element type: float16, bfloat16 and
 * float32 to nearest even, integers modulo their width, booleans to 0 and 1. */
void dnb_narrow(dnb_array *a, dnb_dtype elem);
/* DNB_EUNSUPPORTED when the content of input i is not known: its result's shape depends on it. */
dnb_status dnb_op_need(const dnb_op_shapes *s, size_t i, dnb_err *err) DNB_MUST_CHECK;

/* -ndim..ndim-1 -> 0..ndim-1 (with inclusive: ..ndim); DNB_EARG otherwise. */
dnb_status dnb_op_axis(const dnb_node *n, int64_t axis, int ndim, bool inclusive, int *out,
                       dnb_err *err) DNB_MUST_CHECK;
/* Attribute `name` as an axis. */
dnb_status dnb_op_axis_attr(const dnb_node *n, const char *name, int64_t fallback, int ndim,
                            bool inclusive, int *out, dnb_err *err) DNB_MUST_CHECK;
/* A list given as attribute `name` or, where absent, as constant integer input i; *ints = NULL when
 * neither is given. DNB_EUNSUPPORTED when the input's content is not known before running. */
dnb_status dnb_op_ints(const dnb_op_shapes *s, const char *name, size_t i, const int64_t **ints,
                       size_t *count, dnb_err *err) DNB_MUST_CHECK;
/* The same for kernels, whose inputs all have content. */
dnb_status dnb_call_ints(const dnb_op_call *c, const char *name, size_t i, const int64_t **ints,
                         size_t *count, dnb_err *err) DNB_MUST_CHECK;
/* A number given as attribute or as a one-element float input. *given tells whether either is
 * there. */
dnb_status dnb_op_scalar(const dnb_op_shapes *s, const char *name, size_t i, double *out,
                         bool *given, dnb_err *err) DNB_MUST_CHECK;
/* Element i of a F32, F64 or I64 array. */
double dnb_array_at(const dnb_array *a, size_t i);

/* numpy broadcasting. */
dnb_status dnb_op_broadcast(const dnb_node *n, const dnb_shape *a, const dnb_shape *b,
                            dnb_shape *out, dnb_err *err) DNB_MUST_CHECK;
/* Element steps of an array of shape s per dimension of `out` (0 where it broadcasts). */
void dnb_broadcast_steps(const dnb_array *s, const dnb_array *out, size_t step[DNB_MAX_DIMS]);
/* Where such an array has the element for element i of an output, counted row by row in its first
 * ndim dimensions. */
static inline size_t dnb_stepped_place(const size_t *shape, int ndim, const size_t *step, size_t i)
{
    size_t at = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        at += i % shape[d] * step[d];
        i /= shape[d];
    }
    return at;
}

/* A sliding window over 1 to 3 spatial dimensions. */
typedef struct dnb_window {
    int n;
    size_t kernel[DNB_MAX_SPATIAL], stride[DNB_MAX_SPATIAL], dilation[DNB_MAX_SPATIAL];
    size_t pad_lo[DNB_MAX_SPATIAL], pad_hi[DNB_MAX_SPATIAL];
    size_t extra[DNB_MAX_SPATIAL]; /* ceil_mode: what the last window needs beyond pad_hi */
    size_t out[DNB_MAX_SPATIAL];   /* output size */
} dnb_window;

/* Reads kernel_shape (or `kernel` when the attribute is absent), strides, dilations, pads, auto_pad
 * and ceil_mode for the spatial dimensions of `in` (n x c x 1..3), and works out the output size.
 * Every size is bounded, so that products of them do not overflow. */
dnb_status dnb_window_read(dnb_window *w, const dnb_node *n, const dnb_shape *in,
                           const size_t *kernel, dnb_err *err) DNB_MUST_CHECK;
/* strides, dilations, kernel only (transposed convolution works out its own padding). */
dnb_status dnb_window_read_sizes(dnb_window *w, const dnb_node *n, const dnb_shape *in,
                                 const size_t *kernel, dnb_err *err) DNB_MUST_CHECK;
/* The same window with leading dimensions of size 1, so kernels are written for three. */
void dnb_window_to_3d(dnb_window *w);
/* Copies the window's sizes into a primitive (pad_hi + extra). */
void dnb_window_to_prim(const dnb_window *w, dnb_prim *p);
/* Spatial sizes of n x c x ..., as three. */
void dnb_spatial_3d(const dnb_array *a, size_t size[3]);

/* dst = src in its layout (element types equal). */
dnb_status dnb_kernel_copy(const dnb_op_call *c, dnb_err *err) DNB_MUST_CHECK;

/* Attribute `name` as its place in a list of texts that ends with NULL; `fallback` where it is not
 * given. DNB_EUNSUPPORTED: none of them. */
dnb_status dnb_node_choice(const dnb_node *n, const char *name, const char *const *list,
                           int fallback, int *out, dnb_err *err) DNB_MUST_CHECK;

/* The bounds of Clip and of its gradient: attributes min and max (before opset 11), or inputs
 * `first` and `first` + 1; infinite where neither is given. */
dnb_status dnb_clip_bounds(const dnb_op_call *c, size_t first, double bound[2],
                           dnb_err *err) DNB_MUST_CHECK;
/* The same before running, for a primitive: false when not known, or when they cross. */
dnb_status dnb_clip_known(const dnb_op_shapes *s, size_t first, double bound[2], bool *known,
                          dnb_err *err) DNB_MUST_CHECK;

/* LRN and its gradient. */
typedef struct dnb_lrn {
    int64_t size;
    double alpha, beta, k;
} dnb_lrn;
dnb_status dnb_lrn_read(const dnb_node *n, dnb_lrn *out, dnb_err *err) DNB_MUST_CHECK;

/* Runs a kernel whose only number is the attribute epsilon, by the type of the first output. */
typedef void dnb_epsilon_kernel(const dnb_op_call *c, double epsilon);
dnb_status dnb_epsilon_run(const dnb_op_call *c, dnb_epsilon_kernel *f32, dnb_epsilon_kernel *f64,
                           dnb_err *err) DNB_MUST_CHECK;

/* fn_f32 or fn_f64, by the type of the first output. */
#define DNB_BY_TYPE(c, fn, ...)                                                                    \
    ((c)->out[0].dtype == DNB_F64 ? fn##_f64(__VA_ARGS__) : fn##_f32(__VA_ARGS__))

#endif
