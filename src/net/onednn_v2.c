/* What only oneDNN 2.x has: operation descriptors, and memory descriptors that are plain structs.
 */
#include "net/onednn_impl.h"

dnnl_status_t dnb_md_strided(dnnl_memory_desc_t *md, int ndim, const dnnl_dim_t *dim,
                             const dnnl_dim_t *step, dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_strides(md, ndim, dim, type, step);
}

dnnl_status_t dnb_md_any(dnnl_memory_desc_t *md, int ndim, const dnnl_dim_t *dim,
                         dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(md, ndim, dim, type, dnnl_format_tag_any);
}

dnnl_status_t dnb_md_copy(dnnl_memory_desc_t *md, dnb_md_ref from)
{
    *md = *from;
    return dnnl_success;
}

dnnl_status_t dnb_md_first(dnnl_memory_desc_t *md, dnb_md_ref from, const dnnl_dim_t *dim)
{
    const dnnl_dims_t zero = {0};
    return dnnl_memory_desc_init_submemory(md, from, dim, zero);
}

dnnl_data_type_t dnb_md_type(dnb_md_ref md)
{
    return md->data_type;
}

void dnb_md_release(dnnl_memory_desc_t *md)
{
    (void)md; /* owns nothing */
}

/* Any of the operation descriptors dnnl_primitive_desc_create takes. */
typedef union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_deconvolution_desc_t deconv;
    dnnl_pooling_desc_t pool;
    dnnl_pooling_v2_desc_t pool_v2;
    dnnl_lrn_desc_t lrn;
    dnnl_eltwise_desc_t eltwise;
    dnnl_binary_desc_t binary;
    dnnl_softmax_v2_desc_t softmax;
    dnnl_batch_normalization_desc_t batch_norm;
} op_desc;

static dnnl_status_t init_pool(op_desc *d, const dnb_pd_request *r, const dnb_geometry *g)
{
    dnnl_alg_kind_t alg = dnb_pool_kind(r->prim->kind);
    dnb_md_ref src = DNB_MD(r->src[0]), dst = DNB_MD(r->dst);
    if (g->dilated) /* the older descriptor has the faster code */
        return dnnl_pooling_v2_forward_desc_init(&d->pool_v2, dnnl_forward_inference, alg, src, dst,
                                                 g->stride, g->kernel, g->dilation, g->lo, g->hi);
    return dnnl_pooling_forward_desc_init(&d->pool, dnnl_forward_inference, alg, src, dst,
                                          g->stride, g->kernel, g->lo, g->hi);
}

static dnnl_status_t init_conv(op_desc *d, const dnb_pd_request *r, const dnb_geometry *g)
{
    dnb_md_ref src = DNB_MD(r->src[0]), weights = DNB_MD(r->weights), dst = DNB_MD(r->dst);
    dnb_md_ref bias = dnb_md_or_null(r->bias);
    if (r->prim->kind == DNB_PRIM_DECONV)
        return dnnl_dilated_deconvolution_forward_desc_init(
            &d->deconv, dnnl_forward_inference, dnnl_deconvolution_direct, src, weights, bias, dst,
            g->stride, g->dilation, g->lo, g->hi);
    return dnnl_dilated_convolution_forward_desc_init(
        &d->conv, dnnl_forward_inference,
        r->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct, src, weights, bias, dst,
        g->stride, g->dilation, g->lo, g->hi);
}

static dnnl_status_t init_desc(op_desc *d, const dnb_pd_request *r)
{
    const dnb_prim *p = r->prim;
    dnb_geometry g = dnb_read_geometry(p);
    dnb_md_ref src = DNB_MD(r->src[0]), dst = DNB_MD(r->dst);
    switch (p->kind) {
    case DNB_PRIM_CONV:
    case DNB_PRIM_DECONV:
        return init_conv(d, r, &g);
    case DNB_PRIM_POOL_MAX:
    case DNB_PRIM_POOL_AVG:
    case DNB_PRIM_POOL_AVG_PADDED:
        return init_pool(d, r, &g);
    case DNB_PRIM_LRN:
        return dnnl_lrn_forward_desc_init(&d->lrn, dnnl_forward_inference, dnnl_lrn_across_channels,
                                          src, (dnnl_dim_t)p->size, p->alpha, p->beta, p->bias);
    case DNB_PRIM_ELTWISE:
        return dnnl_eltwise_forward_desc_init(&d->eltwise, dnnl_forward_inference,
                                              dnb_alg_kind(p->alg), src, p->alpha, p->beta);
    case DNB_PRIM_BINARY:
        return dnnl_binary_desc_init(&d->binary, dnb_alg_kind(p->alg), src, DNB_MD(r->src[1]), dst);
    case DNB_PRIM_SOFTMAX:
        return dnnl_softmax_v2_forward_desc_init(&d->softmax, dnnl_forward_inference,
                                                 p->log ? dnnl_softmax_log : dnnl_softmax_accurate,
                                                 src, dst, p->axis);
    case DNB_PRIM_BATCHNORM:
        return dnnl_batch_normalization_forward_desc_init(
            &d->batch_norm, dnnl_forward_inference, src, p->epsilon,
            dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift);
    default:
        return dnnl_unimplemented;
    }
}

dnnl_status_t dnb_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}

dnnl_status_t dnb_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, 1, alg, alpha, beta);
}

/* Concatenation takes its descriptors as one array of structs. */
static dnnl_status_t create_concat(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                   const dnb_pd_request *r, dnnl_primitive_attr_t attr)
{
    dnnl_memory_desc_t src[DNNL_MAX_NDIMS * 8];
    if (r->n_src > sizeof src / sizeof *src)
        return dnnl_unimplemented;
    for (size_t i = 0; i < r->n_src; i++)
        src[i] = r->src[i]->md;
    return dnnl_concat_primitive_desc_create(pd, DNB_MD(r->dst), (int)r->n_src, r->prim->axis, src,
                                             attr, engine);
}

dnnl_status_t dnb_pd_create(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                            const dnb_pd_request *r)
{
    op_desc desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t s = dnb_attr_create(&attr, r->prim);
    if (s == dnnl_success && r->prim->kind == DNB_PRIM_CONCAT) {
        s = create_concat(pd, engine, r, attr);
    } else if (s == dnnl_success) {
        s = init_desc(&desc, r);
        if (s == dnnl_success)
            s = dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
    }
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return s;
}

/* ---- gradients ----------------------------------------------------------------------------------
 */

static dnnl_status_t init_conv_pair(op_desc *forward, op_desc *backward, const dnb_pd_request *r,
                                    const dnb_geometry *g)
{
    bool data = r->prim->kind == DNB_PRIM_CONV_INPUT_GRAD;
    dnb_md_ref x = data ? DNB_MD(r->dst) : DNB_MD(r->src[0]);
    dnb_md_ref w = data ? DNB_MD(r->weights) : DNB_MD(r->dst);
    dnb_md_ref y = data ? DNB_MD(r->src[0]) : DNB_MD(r->src[1]);
    dnnl_status_t s = dnnl_dilated_convolution_forward_desc_init(
        &forward->conv, dnnl_forward_training, dnnl_convolution_direct, x, w, NULL, y, g->stride,
        g->dilation, g->lo, g->hi);
    if (s != dnnl_success)
        return s;
    if (data)
        return dnnl_dilated_convolution_backward_data_desc_init(
            &backward->conv, dnnl_convolution_direct, x, w, y, g->stride, g->dilation, g->lo,
            g->hi);
    return dnnl_dilated_convolution_backward_weights_desc_init(
        &backward->conv, dnnl_convolution_direct, x, w, NULL, y, g->stride, g->dilation, g->lo,
        g->hi);
}

static dnnl_status_t init_eltwise_pair(op_desc *forward, op_desc *backward, const dnb_pd_request *r)
{
    dnnl_alg_kind_t alg = dnb_alg_kind_by_result(r->prim->alg);
    dnb_md_ref md = DNB_MD(r->src[0]);
    dnnl_status_t s = dnnl_eltwise_forward_desc_init(&forward->eltwise, dnnl_forward_training, alg,
                                                     md, r->prim->alpha, r->prim->beta);
    return s != dnnl_success ? s
                             : dnnl_eltwise_backward_desc_init(&backward->eltwise, alg, md, md,
                                                               r->prim->alpha, r->prim->beta);
}

/* The gradient takes its layout from what the forward primitive chooses. */
static dnnl_status_t create_pool_pair(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                      dnnl_engine_t engine, const dnb_pd_request *r,
                                      const dnb_geometry *g, dnnl_primitive_attr_t attr)
{
    op_desc d;
    dnb_md_ref x = DNB_MD(r->src[0]);
    dnnl_status_t s = dnnl_pooling_v2_forward_desc_init(
        &d.pool_v2, dnnl_forward_training, dnnl_pooling_max, x, DNB_MD(r->src[1]), g->stride,
        g->kernel, g->dilation, g->lo, g->hi);
    if (!g->dilated) /* the older descriptor has the faster code */
        s = dnnl_pooling_forward_desc_init(&d.pool, dnnl_forward_training, dnnl_pooling_max, x,
                                           DNB_MD(r->src[1]), g->stride, g->kernel, g->lo, g->hi);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(forward, &d, attr, engine, NULL);
    if (s != dnnl_success)
        return s;
    dnb_md_ref y = dnnl_primitive_desc_query_md(*forward, dnnl_query_dst_md, 0);
    if (g->dilated)
        s = dnnl_pooling_v2_backward_desc_init(&d.pool_v2, dnnl_pooling_max, x, y, g->stride,
                                               g->kernel, g->dilation, g->lo, g->hi);
    else
        s = dnnl_pooling_backward_desc_init(&d.pool, dnnl_pooling_max, x, y, g->stride, g->kernel,
                                            g->lo, g->hi);
    return s == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, *forward) : s;
}

dnnl_status_t dnb_pd_create_backward(dnnl_primitive_desc_t *pd, dnnl_primitive_desc_t *forward,
                                     dnnl_engine_t engine, const dnb_pd_request *r)
{
    op_desc f, b;
    dnnl_primitive_attr_t attr = NULL;
    dnb_geometry g = dnb_read_geometry(r->prim);
    dnnl_status_t s = dnb_attr_create(&attr, r->prim);
    if (s == dnnl_success && r->prim->kind == DNB_PRIM_POOL_MAX_GRAD) {
        s = create_pool_pair(pd, forward, engine, r, &g, attr);
    } else if (s == dnnl_success) {
        s = r->prim->kind == DNB_PRIM_ELTWISE_GRAD ? init_eltwise_pair(&f, &b, r)
                                                   : init_conv_pair(&f, &b, r, &g);
        if (s == dnnl_success)
            s = dnnl_primitive_desc_create(forward, &f, attr, engine, NULL);
        if (s == dnnl_success)
            s = dnnl_primitive_desc_create(pd, &b, attr, engine, *forward);
    }
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return s;
}
