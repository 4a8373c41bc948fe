/* Relu, LeakyRelu, Clip, Sigmoid, Tanh. */
#include <float.h>
#include <math.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_activation_kernel.h"
#include "net/each_real.h"

static dnb_status activation_shape(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[0]->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): works on floats only",
                        s->node->name, s->node->op->name);
    s->out[0] = *s->in[0];
    return DNB_OK;
}

static dnb_status lower_as(dnb_prim *p, dnb_prim_alg alg, double alpha, double beta)
{
    p->kind = DNB_PRIM_ELTWISE;
    p->alg = alg;
    p->alpha = (float)alpha;
    p->beta = (float)beta;
    p->n_data = 1;
    return DNB_OK;
}

/* ---- Relu, Sigmoid, Tanh ------------------------------------------------------------------------
 */

static dnb_status relu_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, activate, c, DNB_ALG_RELU, 0, 0);
    return DNB_OK;
}

static dnb_status relu_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)s;
    (void)err;
    return lower_as(p, DNB_ALG_RELU, 0, 0);
}

static dnb_status sigmoid_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, activate, c, DNB_ALG_SIGMOID, 0, 0);
    return DNB_OK;
}

static dnb_status sigmoid_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)s;
    (void)err;
    return lower_as(p, DNB_ALG_SIGMOID, 0, 0);
}

static dnb_status tanh_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, activate, c, DNB_ALG_TANH, 0, 0);
    return DNB_OK;
}

static dnb_status tanh_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)s;
    (void)err;
    return lower_as(p, DNB_ALG_TANH, 0, 0);
}

const dnb_op dnb_op_relu = {.name = "Relu",
                            .min_in = 1,
                            .max_in = 1,
                            .max_out = 1,
                            .shape = activation_shape,
                            .run = relu_run,
                            .lower = relu_lower,
                            .gradient = dnb_grad_relu};

const dnb_op dnb_op_sigmoid = {.name = "Sigmoid",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .shape = activation_shape,
                               .run = sigmoid_run,
                               .lower = sigmoid_lower,
                               .gradient = dnb_grad_sigmoid};

const dnb_op dnb_op_tanh = {.name = "Tanh",
                            .min_in = 1,
                            .max_in = 1,
                            .max_out = 1,
                            .shape = activation_shape,
                            .run = tanh_run,
                            .lower = tanh_lower,
                            .gradient = dnb_grad_tanh};

/* ---- LeakyRelu ----------------------------------------------------------------------------------
 */

static dnb_status leaky_run(const dnb_op_call *c, dnb_err *err)
{
    double alpha;
    dnb_status status = dnb_node_float(c->node, "alpha", 0.01, &alpha, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, activate, c, DNB_ALG_RELU, alpha, 0);
    return status;
}

static dnb_status leaky_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    double alpha;
    dnb_status status = dnb_node_float(s->node, "alpha", 0.01, &alpha, err);
    return status == DNB_OK ? lower_as(p, DNB_ALG_RELU, alpha, 0) : status;
}

const dnb_op dnb_op_leaky_relu = {.name = "LeakyRelu",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .max_out = 1,
                                  .shape = activation_shape,
                                  .run = leaky_run,
                                  .lower = leaky_lower,
                                  .gradient = dnb_grad_leaky_relu};

/* ---- Clip: bounds are attributes (before opset 11) or optional inputs
 * ---------------------------- */

static dnb_status clip_shape(const dnb_op_shapes *s, dnb_err *err)
{
    for (size_t i = 1; i < s->node->n_inputs; i++)
        if (s->in[i] && (dnb_shape_count(s->in[i]) != 1 || s->in[i]->dtype != DNB_F32))
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Clip): bound %zu is not one float",
                            s->node->name, i);
    return activation_shape(s, err);
}

static dnb_status clip_run(const dnb_op_call *c, dnb_err *err)
{
    double lo, hi;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(c->node, "min", -INFINITY, &lo, err));
    DNB_TRY(dnb_node_float(c->node, "max", INFINITY, &hi, err));
    if (c->node->n_inputs > 1 && c->in[1])
        lo = dnb_array_at(c->in[1], 0);
    if (c->node->n_inputs > 2 && c->in[2])
        hi = dnb_array_at(c->in[2], 0);
    DNB_BY_TYPE(c, activate, c, DNB_ALG_CLIP, lo, hi);
done:
    return status;
}

static dnb_status clip_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    double lo = -FLT_MAX, hi = FLT_MAX;
    bool given;
    dnb_status status = DNB_OK;
    for (size_t i = 1; i < s->node->n_inputs; i++)
        if (s->in[i] && !s->known[i])
            return DNB_OK;
    DNB_TRY(dnb_op_scalar(s, "min", 1, &lo, &given, err));
    DNB_TRY(dnb_op_scalar(s, "max", 2, &hi, &given, err));
    if (lo <= hi)
        DNB_TRY(lower_as(p, DNB_ALG_CLIP, lo, hi));
done:
    return status;
}

const dnb_op dnb_op_clip = {.name = "Clip",
                            .min_in = 1,
                            .max_in = 3,
                            .max_out = 1,
                            .shape = clip_shape,
                            .run = clip_run,
                            .lower = clip_lower,
                            .gradient = dnb_grad_clip};
