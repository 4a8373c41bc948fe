/* Helper operators of elementwise gradients: dnb.ReluGrad, dnb.ClipGrad, dnb.SigmoidGrad,
 * dnb.TanhGrad (gradient, result of the function), dnb.FunctionGrad (gradient, input of the
 * function), and of reductions: dnb.ReduceMaxGrad, dnb.ReduceProdGrad (gradient, input). */
#include <math.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"
#include "net/slope.h"

#define DNB_KERNELS "net/op_grad_math_kernel.h"
#include "net/each_real.h"

static dnb_status same_shapes(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 2, err));
    DNB_TRY(dnb_op_expect(s, 1, s->in[0], err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status lower_as(dnb_prim *p, dnb_prim_alg alg, double alpha, double beta)
{
    p->kind = DNB_PRIM_ELTWISE_GRAD;
    p->alg = alg;
    p->alpha = (float)alpha;
    p->beta = (float)beta;
    p->n_data = 2;
    return DNB_OK;
}

/* ---- dnb.ReluGrad: alpha is the slope below zero ------------------------------------------------
 */

static dnb_status relu_run(const dnb_op_call *c, dnb_err *err)
{
    double alpha;
    dnb_status status = dnb_node_float(c->node, "alpha", 0, &alpha, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, derivative, c, DNB_ALG_RELU, alpha, 0);
    return status;
}

static dnb_status relu_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    double alpha;
    dnb_status status = dnb_node_float(s->node, "alpha", 0, &alpha, err);
    return status == DNB_OK && alpha >= 0 && s->out[0].ndim > 0
               ? lower_as(p, DNB_ALG_RELU, alpha, 0)
               : status;
}

const dnb_op dnb_op_relu_grad = {.name = "dnb.ReluGrad",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .max_out = 1,
                                 .shape = same_shapes,
                                 .run = relu_run,
                                 .lower = relu_lower};

/* ---- dnb.SigmoidGrad, dnb.TanhGrad --------------------------------------------------------------
 */

static dnb_status sigmoid_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, derivative, c, DNB_ALG_SIGMOID, 0, 0);
    return DNB_OK;
}

static dnb_status tanh_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, derivative, c, DNB_ALG_TANH, 0, 0);
    return DNB_OK;
}

static dnb_status sigmoid_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    return s->out[0].ndim > 0 ? lower_as(p, DNB_ALG_SIGMOID, 0, 0) : DNB_OK;
}

static dnb_status tanh_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    return s->out[0].ndim > 0 ? lower_as(p, DNB_ALG_TANH, 0, 0) : DNB_OK;
}

const dnb_op dnb_op_sigmoid_grad = {.name = "dnb.SigmoidGrad",
                                    .min_in = 2,
                                    .max_in = 2,
                                    .max_out = 1,
                                    .shape = same_shapes,
                                    .run = sigmoid_run,
                                    .lower = sigmoid_lower};

const dnb_op dnb_op_tanh_grad = {.name = "dnb.TanhGrad",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .max_out = 1,
                                 .shape = same_shapes,
                                 .run = tanh_run,
                                 .lower = tanh_lower};

/* ---- dnb.ClipGrad: passes strictly between the bounds, given as for Clip ------------------------
 */

static dnb_status clip_shape(const dnb_op_shapes *s, dnb_err *err)
{
    for (size_t i = 2; i < s->node->n_inputs; i++)
        if (s->in[i] && (dnb_shape_count(s->in[i]) != 1 || s->in[i]->dtype != DNB_F32))
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): bound %zu is not one float",
                            s->node->name, s->node->op->name, i - 1);
    return same_shapes(s, err);
}

static dnb_status clip_run(const dnb_op_call *c, dnb_err *err)
{
    double bound[2];
    dnb_status status = dnb_clip_bounds(c, 2, bound, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, derivative, c, DNB_ALG_CLIP, bound[0], bound[1]);
    return status;
}

static dnb_status clip_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    double bound[2];
    bool known;
    dnb_status status = dnb_clip_known(s, 2, bound, &known, err);
    return status == DNB_OK && known && s->out[0].ndim > 0
               ? lower_as(p, DNB_ALG_CLIP, bound[0], bound[1])
               : status;
}

const dnb_op dnb_op_clip_grad = {.name = "dnb.ClipGrad",
                                 .min_in = 2,
                                 .max_in = 4,
                                 .max_out = 1,
                                 .shape = clip_shape,
                                 .run = clip_run,
                                 .lower = clip_lower};

/* ---- dnb.FunctionGrad: `function` by its ONNX name, alpha and beta its parameters ---------------
 */

static dnb_status function_read(const dnb_node *n, dnb_slope *slope, double p[2], dnb_err *err)
{
    const char *name = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_string(n, "function", &name, err));
    DNB_TRY(dnb_node_float(n, "alpha", 0, &p[0], err));
    DNB_TRY(dnb_node_float(n, "beta", 0, &p[1], err));
    *slope = dnb_slope_of(name ? name : "");
    if (!*slope)
        status = dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): function '%.50s' is unsupported",
                          n->name, n->op->name, name ? name : "");
done:
    return status;
}

static dnb_status function_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_slope slope;
    double p[2];
    dnb_status status = function_read(s->node, &slope, p, err);
    return status == DNB_OK ? same_shapes(s, err) : status;
}

static dnb_status function_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_slope slope;
    double p[2];
    dnb_status status = function_read(c->node, &slope, p, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, chain, c, slope, p);
    return status;
}

const dnb_op dnb_op_function_grad = {.name = "dnb.FunctionGrad",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .max_out = 1,
                                     .shape = function_shape,
                                     .run = function_run};

/* ---- dnb.ReduceMaxGrad: a gradient with ones where x was reduced, and x -------------------------
 */

static dnb_status reduce_grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *dy = s->in[0], *x = s->in[1];
    dnb_shape want = *x;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 2, err));
    for (int i = 0; i < x->ndim && i < dy->ndim; i++)
        if (dy->dim[i] == 1)
            want.dim[i] = 1;
    DNB_TRY(dnb_op_expect(s, 0, &want, err));
    s->out[0] = *x;
done:
    return status;
}

/* Two numbers per element of the gradient, then the kernel. */
typedef void share_kernel(const dnb_op_call *c, double *first, double *second);

static dnb_status share_run(const dnb_op_call *c, share_kernel *f32, share_kernel *f64,
                            dnb_err *err)
{
    double *work = NULL;
    size_t n = dnb_array_count(c->in[0]);
    dnb_status status = DNB_OK;
    DNB_NEW(work, 2 * n, "gradients of a reduction");
    (c->out[0].dtype == DNB_F64 ? f64 : f32)(c, work, work + n);
done:
    dnb_free(work);
    return status;
}

static dnb_status reduce_max_run(const dnb_op_call *c, dnb_err *err)
{
    return share_run(c, max_share_f32, max_share_f64, err);
}

const dnb_op dnb_op_reduce_max_grad = {.name = "dnb.ReduceMaxGrad",
                                       .min_in = 2,
                                       .max_in = 2,
                                       .max_out = 1,
                                       .shape = reduce_grad_shape,
                                       .run = reduce_max_run};

/* ---- dnb.ReduceProdGrad: the same inputs --------------------------------------------------------
 */

static dnb_status reduce_prod_run(const dnb_op_call *c, dnb_err *err)
{
    return share_run(c, product_share_f32, product_share_f64, err);
}

const dnb_op dnb_op_reduce_prod_grad = {.name = "dnb.ReduceProdGrad",
                                        .min_in = 2,
                                        .max_in = 2,
                                        .max_out = 1,
                                        .shape = reduce_grad_shape,
                                        .run = reduce_prod_run};
