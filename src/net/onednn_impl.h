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

dnnl_status_t dnb_append_sum(dnnl_post_ops_t ops);
dnnl_status_t dnb_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta);

/* ---- helpers for both (onednn_common.c)
 * ---------------------------------------------------------- */

dnnl_alg_kind_t dnb_alg_kind(dnb_prim_alg alg);
dnnl_alg_kind_t dnb_pool_kind(dnb_prim_kind kind);
void dnb_dims(dnnl_dim_t *out, int n, const size_t *in);
/* NULL for NULL. */
dnb_md_ref dnb_md_or_null(const dnb_layout *l);

/* Any layout oneDNN likes / the layout of a descriptor (onednn_layout.c). */
dnb_status dnb_layout_any(dnb_layout **out, dnb_dtype type, int ndim, const size_t *dim,
                          dnb_err *err) DNB_MUST_CHECK;
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
