/* Helper operators of gradients of pooling: dnb.MaxPoolGrad (input, gradient), dnb.AveragePoolGrad
 * and dnb.AdaptiveAveragePoolGrad (gradient, shape of the input). Attributes are those of the
 * forward node. */
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_pool.h"
#include "net/op_util.h"

/* What a window's gradient is divided by: how many of its elements lie inside the input, or inside
 * the padding; or nothing. */
typedef enum unpool_share { UNPOOL_INSIDE, UNPOOL_ALL, UNPOOL_SUM } unpool_share;

#define DNB_KERNELS "net/op_grad_pool_kernel.h"
#include "net/each_real.h"

/* x: what was pooled; input i, the gradient, must have the window's output. */
static dnb_status check_window(const dnb_op_shapes *s, const dnb_shape *x, size_t i, dnb_window *w,
                               dnb_err *err)
{
    dnb_shape want = *x;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read(w, s->node, x, NULL, err));
    for (int d = 0; d < w->n; d++)
        want.dim[2 + d] = w->out[d];
    DNB_TRY(dnb_op_expect(s, i, &want, err));
done:
    return status;
}

/* ---- dnb.MaxPoolGrad ----------------------------------------------------------------------------
 */

static dnb_status max_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 2, err));
    DNB_TRY(check_window(s, s->in[0], 1, &w, err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status max_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = dnb_window_read(&w, c->node, &x, NULL, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    DNB_BY_TYPE(c, unpool, &c->out[0], c->in[1], c->in[0], &w, UNPOOL_INSIDE);
    return DNB_OK;
}

static dnb_status max_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    dnb_status status = dnb_window_read(&w, s->node, s->in[0], NULL, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_prim(&w, p);
    p->kind = DNB_PRIM_POOL_MAX_GRAD;
    p->n_data = 2;
    return DNB_OK;
}

const dnb_op dnb_op_max_pool_grad = {.name = "dnb.MaxPoolGrad",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .max_out = 1,
                                     .shape = max_shape,
                                     .run = max_run,
                                     .lower = max_lower};

/* ---- dnb.AveragePoolGrad, dnb.SumPoolGrad
 * ------------------------------------------------------------------------
 */

static dnb_status average_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    int64_t include_pad;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(dnb_op_target_shape(s, 1, err));
    DNB_TRY(dnb_node_int(s->node, "count_include_pad", 0, &include_pad, err));
    DNB_TRY(check_window(s, &s->out[0], 0, &w, err));
done:
    return status;
}

static dnb_status average_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    int64_t include_pad;
    dnb_shape x = dnb_shape_of(&c->out[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read(&w, c->node, &x, NULL, err));
    DNB_TRY(dnb_node_int(c->node, "count_include_pad", 0, &include_pad, err));
    dnb_window_to_3d(&w);
    DNB_BY_TYPE(c, unpool, &c->out[0], c->in[0], NULL, &w,
                c->node->op == &dnb_op_sum_pool_grad ? UNPOOL_SUM
                : include_pad                        ? UNPOOL_ALL
                                                     : UNPOOL_INSIDE);
done:
    return status;
}

const dnb_op dnb_op_average_pool_grad = {.name = "dnb.AveragePoolGrad",
                                         .min_in = 2,
                                         .max_in = 2,
                                         .max_out = 1,
                                         .shape = average_shape,
                                         .run = average_run};

const dnb_op dnb_op_sum_pool_grad = {.name = "dnb.SumPoolGrad",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .max_out = 1,
                                     .shape = average_shape,
                                     .run = average_run};

/* ---- dnb.AdaptiveAveragePoolGrad ----------------------------------------------------------------
 */

static dnb_status adaptive_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *dy = s->in[0];
    dnb_shape want;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(dnb_op_target_shape(s, 1, err));
    if (dy->ndim < 3 || dy->ndim > 2 + DNB_MAX_SPATIAL)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input has no spatial dimensions",
                        s->node->name, s->node->op->name);
    want = s->out[0];
    for (int i = 2; i < dy->ndim; i++)
        want.dim[i] = dy->dim[i];
    DNB_TRY(dnb_op_expect(s, 0, &want, err));
done:
    return status;
}

static dnb_status adaptive_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, adaptive_unpool, &c->out[0], c->in[0]);
    return DNB_OK;
}

const dnb_op dnb_op_adaptive_average_pool_grad = {.name = "dnb.AdaptiveAveragePoolGrad",
                                                  .min_in = 2,
                                                  .max_in = 2,
                                                  .max_out = 1,
                                                  .flags = DNB_OP_VIEW_IF_SAME_SHAPE,
                                                  .shape = adaptive_shape,
                                                  .run = adaptive_run};
