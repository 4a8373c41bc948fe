/* Our narrow view of oneDNN: layouts and primitives made from neutral descriptions. Implemented by
 * onednn_layout.c, onednn_common.c and, for what differs between major versions, onednn_v2.c /
 * onednn_v3.c; no other file calls oneDNN. room: net (internal) */
#ifndef DNB_NET_ONEDNN_H
#define DNB_NET_ONEDNN_H

#include "net/graph.h"
#include "net/prim.h"

/* Engine and stream of the CPU. */
typedef struct dnb_dnn dnb_dnn;

dnb_status dnb_dnn_new(dnb_dnn **out, dnb_err *err) DNB_MUST_CHECK;
void dnb_dnn_free(dnb_dnn *d);

/* Does this CPU multiply bfloat16 numbers natively? Else oneDNN would emulate or refuse them. */
bool dnb_dnn_has_bf16(void);

/* ---- layouts: how a value lies in memory, as float32 (DNB_F32) or bfloat16 (DNB_BF16)
 * ----------------------------------------------------------------------------------- */

typedef struct dnb_layout dnb_layout;

/* Row-major. */
dnb_status dnb_layout_plain(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                            dnb_err *err) DNB_MUST_CHECK;
/* Element steps per dimension. */
dnb_status dnb_layout_strided(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                              const size_t *step, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_layout_copy(dnb_layout **out, const dnb_layout *l, dnb_err *err) DNB_MUST_CHECK;
/* The first n items along dimension 0 of a value in layout l. */
dnb_status dnb_layout_first(dnb_layout **out, const dnb_layout *l, int ndim, const size_t *dim,
                            size_t n, dnb_err *err) DNB_MUST_CHECK;
void dnb_layout_free(dnb_layout *l);
bool dnb_layout_equal(const dnb_layout *a, const dnb_layout *b);
dnb_dtype dnb_layout_type(const dnb_layout *l);
/* Padding included. */
size_t dnb_layout_bytes(const dnb_layout *l);

/* ---- primitives
 * ----------------------------------------------------------------------------------- */

typedef enum dnb_arg {
    DNB_ARG_DST = 0,
    DNB_ARG_SCRATCH,
    DNB_ARG_WEIGHTS,
    DNB_ARG_BIAS,
    DNB_ARG_MEAN,
    DNB_ARG_VARIANCE,
    DNB_ARG_SCALE,
    DNB_ARG_SHIFT,
    DNB_ARG_SRC /* + i for data input i */
} dnb_arg;

/* What to make. */
typedef struct dnb_dnn_spec {
    const dnb_prim *prim;
    const dnb_shape *in;                /* n_data shapes of the data inputs */
    const dnb_layout *const *in_layout; /* their layouts; convolutions choose their own, inner
                                           products are row-major */
    size_t n_data;
    dnb_shape out;
    dnb_shape weights; /* CONV, DECONV, INNER: as the graph has them */
    bool has_bias;
    dnb_dtype in_type;        /* CONV, DECONV, INNER: of data and weights (biases are float32) */
    dnb_dtype out_type;       /* of the result; sums are float32 whatever the types */
    const dnb_layout *stored; /* CONV: how the data lie at present, kept if that costs no speed;
                                 NULL = unknown */
} dnb_dnn_spec;

typedef struct dnb_dnn_op dnb_dnn_op;

/* Finds an implementation and fixes its layouts; generates no code and holds no data yet.
 * DNB_EUNSUPPORTED when oneDNN has none for this case. */
dnb_status dnb_dnn_op_new(dnb_dnn_op **out, dnb_dnn *d, const dnb_dnn_spec *spec,
                          dnb_err *err) DNB_MUST_CHECK;
/* A copy from one layout to another (same dimensions). */
dnb_status dnb_dnn_reorder_new(dnb_dnn_op **out, dnb_dnn *d, const dnb_layout *from,
                               const dnb_layout *to, dnb_err *err) DNB_MUST_CHECK;
void dnb_dnn_op_free(dnb_dnn_op *op);
/* NULL when the primitive has no such argument. */
const dnb_layout *dnb_dnn_op_layout(const dnb_dnn_op *op, int arg);
size_t dnb_dnn_op_scratch(const dnb_dnn_op *op);
/* oneDNN's name of the implementation chosen ("jit:avx512_core"). */
const char *dnb_dnn_op_name(const dnb_dnn_op *op);
/* Generates the code; needed before the first run. */
dnb_status dnb_dnn_op_compile(dnb_dnn_op *op, dnb_err *err) DNB_MUST_CHECK;
/* Says where an argument lies from now on. */
dnb_status dnb_dnn_op_bind(dnb_dnn_op *op, int arg, void *data, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_dnn_op_run(dnb_dnn_op *op, dnb_err *err) DNB_MUST_CHECK;

/* The graph's weights of a CONV, DECONV or INNER as the primitive sees them: dimensions and element
 * steps (groups become a dimension, transposed convolution's channels change places). Returns the
 * number of dimensions. */
int dnb_prim_weights(const dnb_prim *p, const dnb_shape *weights, size_t dim[DNB_MAX_DIMS],
                     size_t step[DNB_MAX_DIMS]);

#endif
