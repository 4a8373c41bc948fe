/* Shared between the files that call oneDNN, and no others. room: net (internal) */
#ifndef DNB_NET_ONEDNN_IMPL_H
#define DNB_NET_ONEDNN_IMPL_H

#include <oneapi/dnnl/dnnl.h>

#include "net/onednn.h"

/* Memory descriptors are plain structs in 2.x and handles in 3.x; DNB_MD gives what functions take.
 */
struct dnb_layout {
    dnnl_memory_desc_t md;
};
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t dnb_md_ref;
#define DNB_MD(l) ((dnb_md_ref)(l)->md)
#else
typedef const dnnl_memory_desc_t *dnb_md_ref;
#define DNB_MD(l) ((dnb_md_ref) & (l)->md)
#endif

struct dnb_dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

/* ---- primitives */

typedef struct dnb_op_arg {
    int arg;      /* dnb_arg */
    int dnnl_arg; /* DNNL_ARG_... */
    dnb_layout *layout;
    dnnl_memory_t memory;
} dnb_op_arg;

/* A forward primitive that a gradient runs first, for the workspace it leaves: max pooling, which
 * notes where the maxima are. Its result and workspace lie in the scratch memory. */
typedef struct dnb_dnn_before {
    dnnl_primitive_desc_t pd; /* NULL = none */
    dnnl_primitive_t primitive;
    dnnl_memory_t src, dst, workspace, scratch;
    size_t dst_at, workspace_at, scratch_at, bytes; /* offsets in the scratch memory; its size */
    dnnl_exec_arg_t exec[4];
    size_t n_exec;
} dnb_dnn_before;

struct dnb_dnn_op {
    dnb_dnn *dnn; /* borrowed */
    /* INNER: source and destination as the caller knows them (n x k, row-major) */
    dnb_layout *plain_src, *plain_dst;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    dnb_op_arg *args;
    dnnl_exec_arg_t *exec;
    size_t n_args;
    dnb_dnn_before before;
};

/* oneDNN chooses. */
dnb_status dnb_layout_any(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                          dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_layout_from(dnb_layout **out, dnb_md_ref md, dnb_err *err) DNB_MUST_CHECK;
/* Adds the argument if the chosen implementation has it (a descriptor of size > 0). */
dnb_status dnb_dnn_add_arg(dnb_dnn_op *op, int arg, int dnnl_arg, dnnl_query_t query, int index,
                           dnb_err *err) DNB_MUST_CHECK;
const char *dnb_prim_name(dnb_prim_kind kind);

/* ---- gradients (onednn_backward.c) */

dnb_status dnb_dnn_backward_new(dnb_dnn_op **out, dnb_dnn *d, const dnb_dnn_spec *spec,
                                dnb_err *err) DNB_MUST_CHECK;
void dnb_dnn_before_free(dnb_dnn_op *op);
/* Tells op->before where an argument of op lies. */
dnb_status dnb_dnn_before_bind(dnb_dnn_op *op, int arg, void *data, dnb_err *err) DNB_MUST_CHECK;

/* DNB_OK, DNB_ENOMEM, DNB_EUNSUPPORTED or DNB_EINTERNAL with a message saying what failed. */
dnb_status dnb_dnn_status(dnnl_status_t s, const char *what, dnb_err *err) DNB_MUST_CHECK;

/* ---- what differs by version (onednn_v2.c, onednn_v3.c)
 * ------------------------------------------ */

/* Storage for one descriptor: *md must be released with dnb_md_release. */
dnnl_status_t dnb_md_strided(dnnl_memory_desc_t *md, int ndim, const dnnl_dim_t *dim,
                             const dnnl_dim_t *step, dnnl_data_type_t type);
/* format_tag any */
dnnl_status_t dnb_md_any(dnnl_memory_desc_t *md, int ndim, const dnnl_dim_t *dim,
                         dnnl_data_type_t type);
dnnl_data_type_t dnb_md_type(dnb_md_ref md);
dnnl_status_t dnb_md_copy(dnnl_memory_desc_t *md, dnb_md_ref from);
dnnl_status_t dnb_md_first(dnnl_memory_desc_t *md, dnb_md_ref from, const dnnl_dim_t *dim);
void dnb_md_release(dnnl_memory_desc_t *md);

/* What dnb_dnn_op_new hands over: descriptors are made, "any" where oneDNN chooses. */
typedef struct dnb_pd_request {
    const dnb_prim *prim;
    const dnb_layout *const *src; /* n_src */
    size_t n_src;
    const dnb_layout *weights, *bias, *dst; /* NULL where there is none */
    bool winograd;                          /* CONV: by Winograd's method */
} dnb_pd_request;

dnnl_status_t dnb_pd_create(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                            const dnb_pd_request *r);

/* A gradient's primitive: *pd, and in *forward the forward one it belongs to (kept by the caller).
 * src: CONV_INPUT_GRAD gradient; CONV_WEIGHT_GRAD data, gradient; POOL_MAX_GRAD data, gradient;
 * ELTWISE_GRAD gradient, result. dst: the gradient made. */
dnnl_status_t dnb_pd_create_backward(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                     dnnl_engine_t engine, const dnb_pd_request *r);

dnnl_status_t dnb_append_sum(dnnl_post_ops_t ops);
dnnl_status_t dnb_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta);

/* ---- helpers for both (onednn_common.c)
 * ---------------------------------------------------------- */

dnnl_alg_kind_t dnb_alg_kind(dnb_prim_alg alg);
/* For gradients told from the function's result. */
dnnl_alg_kind_t dnb_alg_kind_by_result(dnb_prim_alg alg);
dnnl_alg_kind_t dnb_pool_kind(dnb_prim_kind kind);
void dnb_dims(dnnl_dim_t *out, int n, const size_t *in);
/* NULL for NULL. */
dnb_md_ref dnb_md_or_null(const dnb_layout *l);

/* Any layout oneDNN likes / the layout of a descriptor (onednn_layout.c). */
dnb_status dnb_layout_from(dnb_layout **out, dnb_md_ref md, dnb_err *err) DNB_MUST_CHECK;

/* The window of a convolution or pooling; oneDNN counts dilation from 0. */
typedef struct dnb_geometry {
    dnnl_dims_t kernel, stride, dilation, lo, hi;
    bool dilated;
} dnb_geometry;

dnb_geometry dnb_read_geometry(const dnb_prim *p);
/* Attributes: scratch memory is ours, and the post-operations of p. *attr may be set on failure
 * too. */
dnnl_status_t dnb_attr_create(dnnl_primitive_attr_t *attr, const dnb_prim *p);

#endif
