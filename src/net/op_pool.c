/* AveragePool, global pooling, and torch's adaptive average pooling. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_pool.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_pool_kernel.h"
#include "net/each_real.h"

static dnb_status check_float(const dnb_op_shapes *s, dnb_err *err)
{
    char text[128];
    if (s->in[0]->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): integers are unsupported",
                        s->node->name, s->node->op->name);
    if (s->in[0]->ndim < 3)
        return dnb_fail(
            err, DNB_ESHAPE, "node '%s' (%s): input %s is not n x channels x spatial dimensions",
            s->node->name, s->node->op->name, dnb_shape_text(s->in[0], text, sizeof text));
    return DNB_OK;
}

/* ---- AveragePool --------------------------------------------------------------------------------
 */

static dnb_status average_pool_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    dnb_status status = DNB_OK;
    DNB_TRY(check_float(s, err));
    DNB_TRY(dnb_window_read(&w, s->node, s->in[0], NULL, err));
    s->out[0] = *s->in[0];
    for (int i = 0; i < w.n; i++)
        s->out[0].dim[2 + i] = w.out[i];
done:
    return status;
}

static dnb_status average_pool_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    int64_t include_pad = 0;
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read(&w, c->node, &x, NULL, err));
    DNB_TRY(dnb_node_int(c->node, "count_include_pad", 0, &include_pad, err));
    dnb_window_to_3d(&w);
    DNB_BY_TYPE(c, average_pool, c, &w, include_pad != 0);
done:
    return status;
}

static dnb_status average_pool_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    int64_t include_pad = 0;
    bool padded = false, extra = false;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read(&w, s->node, s->in[0], NULL, err));
    DNB_TRY(dnb_node_int(s->node, "count_include_pad", 0, &include_pad, err));
    for (int i = 0; i < w.n; i++) {
        padded = padded || w.pad_lo[i] || w.pad_hi[i];
        extra = extra || w.extra[i];
    }
    /* Accelerators count either all of a window or only what lies inside; here the ceil_mode
     * overhang would not count and the padding would. */
    if (include_pad && padded && extra)
        return DNB_OK;
    dnb_window_to_prim(&w, p);
    p->kind = include_pad && padded ? DNB_PRIM_POOL_AVG_PADDED : DNB_PRIM_POOL_AVG;
    p->n_data = 1;
done:
    return status;
}

const dnb_op dnb_op_average_pool = {.name = "AveragePool",
                                    .min_in = 1,
                                    .max_in = 1,
                                    .max_out = 1,
                                    .shape = average_pool_shape,
                                    .run = average_pool_run,
                                    .lower = average_pool_lower,
                                    .gradient = dnb_grad_average_pool};

/* ---- global -------------------------------------------------------------------------------------
 */

static dnb_status global_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = check_float(s, err);
    if (status != DNB_OK)
        return status;
    s->out[0] = *s->in[0];
    for (int i = 2; i < s->out[0].ndim; i++)
        s->out[0].dim[i] = 1;
    return DNB_OK;
}

static dnb_status global_average_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, global_pool, c, false);
    return DNB_OK;
}

static dnb_status global_max_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, global_pool, c, true);
    return DNB_OK;
}

/* Pooling with equal windows that tile the input: kernel = stride = in / out. */
static void lower_tiles(const dnb_op_shapes *s, dnb_prim_kind kind, dnb_prim *p)
{
    const dnb_shape *in = s->in[0];
    if (in->ndim > 2 + DNB_MAX_SPATIAL)
        return;
    p->n_spatial = in->ndim - 2;
    for (int i = 0; i < p->n_spatial; i++) {
        p->kernel[i] = p->stride[i] = in->dim[2 + i] / s->out[0].dim[2 + i];
        p->dilation[i] = 1;
    }
    p->kind = kind;
    p->n_data = 1;
}

static dnb_status global_average_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    lower_tiles(s, DNB_PRIM_POOL_AVG, p);
    return DNB_OK;
}

static dnb_status global_max_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    lower_tiles(s, DNB_PRIM_POOL_MAX, p);
    return DNB_OK;
}

const dnb_op dnb_op_global_average_pool = {.name = "GlobalAveragePool",
                                           .min_in = 1,
                                           .max_in = 1,
                                           .max_out = 1,
                                           .shape = global_shape,
                                           .run = global_average_run,
                                           .lower = global_average_lower,
                                           .gradient = dnb_grad_global_average_pool};

const dnb_op dnb_op_global_max_pool = {.name = "GlobalMaxPool",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .max_out = 1,
                                       .shape = global_shape,
                                       .run = global_max_run,
                                       .lower = global_max_lower,
                                       .gradient = dnb_grad_global_max_pool};

/* ---- dnb.AdaptiveAveragePool: attribute output_size, as torch.nn.AdaptiveAvgPool does it
 * --------- */

static dnb_status adaptive_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *size;
    size_t n;
    dnb_status status = DNB_OK;
    DNB_TRY(check_float(s, err));
    if (s->in[0]->ndim > 2 + DNB_MAX_SPATIAL)
        return dnb_fail(err, DNB_ESHAPE, "node '%s': more than %d spatial dimensions",
                        s->node->name, DNB_MAX_SPATIAL);
    DNB_TRY(dnb_node_ints(s->node, "output_size", &size, &n, err));
    if (!size || n != (size_t)s->in[0]->ndim - 2)
        return dnb_fail(err, DNB_EARG, "node '%s': output_size needs %d numbers", s->node->name,
                        s->in[0]->ndim - 2);
    s->out[0] = *s->in[0];
    for (size_t i = 0; i < n; i++) {
        if (size[i] < 1 || size[i] > (int64_t)1 << 31)
            return dnb_fail(err, DNB_EARG, "node '%s': output_size %lld is out of range",
                            s->node->name, (long long)size[i]);
        s->out[0].dim[2 + i] = (size_t)size[i];
    }
done:
    return status;
}

static dnb_status adaptive_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    size_t out[3];
    dnb_spatial_3d(&c->out[0], out);
    DNB_BY_TYPE(c, adaptive_pool, c, out);
    return DNB_OK;
}

static dnb_status adaptive_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    for (int i = 2; i < s->in[0]->ndim; i++)
        if (s->in[0]->dim[i] % s->out[0].dim[i])
            return DNB_OK;
    lower_tiles(s, DNB_PRIM_POOL_AVG, p);
    return DNB_OK;
}

const dnb_op dnb_op_adaptive_average_pool = {.name = "dnb.AdaptiveAveragePool",
                                             .min_in = 1,
                                             .max_in = 1,
                                             .max_out = 1,
                                             .flags = DNB_OP_VIEW_IF_SAME_SHAPE,
                                             .shape = adaptive_shape,
                                             .run = adaptive_run,
                                             .lower = adaptive_lower,
                                             .gradient = dnb_grad_adaptive_average_pool};
