/* What only oneDNN 3.x has: primitive descriptors made in one call, and memory descriptors that are
 * handles. */
#include "net/onednn_impl.h"

dnnl_status_t dnb_md_strided(dnnl_memory_desc_t *md, int ndim, const dnnl_dim_t *dim,
                             const dnnl_dim_t *step, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_strides(md, ndim, dim, type, step);
}

dnnl_status_t dnb_md_any(dnnl_memory_desc_t *md, int ndim, const dnnl_dim_t *dim,
                         dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(md, ndim, dim, type, dnnl_format_tag_any);
}

dnnl_status_t dnb_md_copy(dnnl_memory_desc_t *md, dnb_md_ref from)
{
    return dnnl_memory_desc_clone(md, from);
}

dnnl_status_t dnb_md_first(dnnl_memory_desc_t *md, dnb_md_ref from, const dnnl_dim_t *dim)
{
    const dnnl_dims_t zero = {0};
    return dnnl_memory_desc_create_submemory(md, from, dim, zero);
}

dnnl_data_type_t dnb_md_type(dnb_md_ref md)
{
    dnnl_data_type_t type = dnnl_data_type_undef;
    dnnl_memory_desc_query(md, dnnl_query_data_type, &type);
    return type;
}

void dnb_md_release(dnnl_memory_desc_t *md)
{
    if (*md)
        dnnl_memory_desc_destroy(*md);
    *md = NULL;
}

dnnl_status_t dnb_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}

dnnl_status_t dnb_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, alg, alpha, beta);
}

static dnnl_status_t create_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                 const dnb_pd_request *r, const dnb_geometry *g,
                                 dnnl_primitive_attr_t attr)
{
    dnb_md_ref src = DNB_MD(r->src[0]), weights = DNB_MD(r->weights), dst = DNB_MD(r->dst);
    dnb_md_ref bias = dnb_md_or_null(r->bias);
    if (r->prim->kind == DNB_PRIM_DECONV)
        return dnnl_deconvolution_forward_primitive_desc_create(
            pd, engine, dnnl_forward_inference, dnnl_deconvolution_direct, src, weights, bias, dst,
            g->stride, g->dilation, g->lo, g->hi, attr);
    return dnnl_convolution_forward_primitive_desc_create(
        pd, engine, dnnl_forward_inference,
        r->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct, src, weights, bias, dst,
        g->stride, g->dilation, g->lo, g->hi, attr);
}

static dnnl_status_t create_concat(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                   const dnb_pd_request *r, dnnl_primitive_attr_t attr)
{
    dnb_md_ref src[DNNL_MAX_NDIMS * 8];
    if (r->n_src > sizeof src / sizeof *src)
        return dnnl_unimplemented;
    for (size_t i = 0; i < r->n_src; i++)
        src[i] = DNB_MD(r->src[i]);
    return dnnl_concat_primitive_desc_create(pd, engine, DNB_MD(r->dst), (int)r->n_src,
                                             r->prim->axis, src, attr);
}

static dnnl_status_t create(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                            const dnb_pd_request *r, dnnl_primitive_attr_t attr)
{
    const dnb_prim *p = r->prim;
    dnb_geometry g = dnb_read_geometry(p);
    dnb_md_ref src = DNB_MD(r->src[0]), dst = DNB_MD(r->dst);
    dnnl_prop_kind_t forward = dnnl_forward_inference;
    switch (p->kind) {
    case DNB_PRIM_CONV:
    case DNB_PRIM_DECONV:
        return create_conv(pd, engine, r, &g, attr);
    case DNB_PRIM_CONCAT:
        return create_concat(pd, engine, r, attr);
    case DNB_PRIM_POOL_MAX:
    case DNB_PRIM_POOL_AVG:
    case DNB_PRIM_POOL_AVG_PADDED:
        return dnnl_pooling_forward_primitive_desc_create(
            pd, engine, forward, dnb_pool_kind(p->kind), src, dst, g.stride, g.kernel, g.dilation,
            g.lo, g.hi, attr);
    case DNB_PRIM_LRN:
        return dnnl_lrn_forward_primitive_desc_create(pd, engine, forward, dnnl_lrn_across_channels,
                                                      src, dst, (dnnl_dim_t)p->size, p->alpha,
                                                      p->beta, p->bias, attr);
    case DNB_PRIM_ELTWISE:
        return dnnl_eltwise_forward_primitive_desc_create(pd, engine, forward, dnb_alg_kind(p->alg),
                                                          src, dst, p->alpha, p->beta, attr);
    case DNB_PRIM_BINARY:
        return dnnl_binary_primitive_desc_create(pd, engine, dnb_alg_kind(p->alg), src,
                                                 DNB_MD(r->src[1]), dst, attr);
    case DNB_PRIM_SOFTMAX:
        return dnnl_softmax_forward_primitive_desc_create(
            pd, engine, forward, p->log ? dnnl_softmax_log : dnnl_softmax_accurate, src, dst,
            p->axis, attr);
    case DNB_PRIM_BATCHNORM:
        return dnnl_batch_normalization_forward_primitive_desc_create(
            pd, engine, forward, src, dst, p->epsilon,
            dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift, attr);
    default:
        return dnnl_unimplemented;
    }
}

dnnl_status_t dnb_pd_create(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                            const dnb_pd_request *r)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = dnb_attr_create(&attr, r->prim);
    if (s == dnnl_success)
        s = create(pd, engine, r, attr);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return s;
}

/* ---- gradients ----------------------------------------------------------------------------------
 */

static dnnl_status_t create_conv_pair(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                      dnnl_engine_t engine, const dnb_pd_request *r,
                                      const dnb_geometry *g, dnnl_primitive_attr_t attr)
{
    bool data = r->prim->kind == DNB_PRIM_CONV_INPUT_GRAD;
    dnb_md_ref x = data ? DNB_MD(r->dst) : DNB_MD(r->src[0]);
    dnb_md_ref w = data ? DNB_MD(r->weights) : DNB_MD(r->dst);
    dnb_md_ref y = data ? DNB_MD(r->src[0]) : DNB_MD(r->src[1]);
    dnnl_status_t s = dnnl_convolution_forward_primitive_desc_create(
        forward, engine, dnnl_forward_training, dnnl_convolution_direct, x, w, NULL, y, g->stride,
        g->dilation, g->lo, g->hi, attr);
    if (s != dnnl_success)
        return s;
    if (data)
        return dnnl_convolution_backward_data_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, x, w, y, g->stride, g->dilation, g->lo, g->hi,
            *forward, attr);
    return dnnl_convolution_backward_weights_primitive_desc_create(
        pd, engine, dnnl_convolution_direct, x, w, NULL, y, g->stride, g->dilation, g->lo, g->hi,
        *forward, attr);
}

static dnnl_status_t create_eltwise_pair(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                         dnnl_engine_t engine, const dnb_pd_request *r,
                                         dnnl_primitive_attr_t attr)
{
    const dnb_prim *p = r->prim;
    dnnl_alg_kind_t alg = dnb_alg_kind_by_result(p->alg);
    dnb_md_ref md = DNB_MD(r->src[0]);
    dnnl_status_t s = dnnl_eltwise_forward_primitive_desc_create(
        forward, engine, dnnl_forward_training, alg, md, md, p->alpha, p->beta, attr);
    return s != dnnl_success ? s
                             : dnnl_eltwise_backward_primitive_desc_create(
                                   pd, engine, alg, md, md, md, p->alpha, p->beta, *forward, attr);
}

/* The gradient takes its layout from what the forward primitive chooses. */
static dnnl_status_t create_pool_pair(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                      dnnl_engine_t engine, const dnb_pd_request *r,
                                      const dnb_geometry *g, dnnl_primitive_attr_t attr)
{
    dnb_md_ref x = DNB_MD(r->src[0]);
    dnnl_status_t s = dnnl_pooling_forward_primitive_desc_create(
        forward, engine, dnnl_forward_training, dnnl_pooling_max, x, DNB_MD(r->src[1]), g->stride,
        g->kernel, g->dilation, g->lo, g->hi, attr);
    if (s != dnnl_success)
        return s;
    dnb_md_ref y = dnnl_primitive_desc_query_md(*forward, dnnl_query_dst_md, 0);
    return dnnl_pooling_backward_primitive_desc_create(pd, engine, dnnl_pooling_max, x, y,
                                                       g->stride, g->kernel, g->dilation, g->lo,
                                                       g->hi, *forward, attr);
}

dnnl_status_t dnb_pd_create_backward(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                     dnnl_engine_t engine, const dnb_pd_request *r)
{
    dnnl_primitive_attr_t attr = NULL;
    dnb_geometry g = dnb_read_geometry(r->prim);
    dnnl_status_t s = dnb_attr_create(&attr, r->prim);
    if (s == dnnl_success)
        s = r->prim->kind == DNB_PRIM_POOL_MAX_GRAD
                ? create_pool_pair(pd, forward, engine, r, &g, attr)
            : r->prim->kind == DNB_PRIM_ELTWISE_GRAD
                ? create_eltwise_pair(pd, forward, engine, r, attr)
                : create_conv_pair(pd, forward, engine, r, &g, attr);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return s;
}
