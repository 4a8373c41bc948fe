/* Gradient rules of mathematical functions, made of the functions themselves. Those that can be
 * told from the result are, so that the input need not be kept. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

#define SQRT_HALF 0.70710678118654752440
#define ONE_OVER_SQRT_TAU 0.39894228040143267794
#define TWO_OVER_SQRT_PI 1.12837916709551257390

/* op(a, b), or op(a) where b is DNB_NO_VALUE. */
static dnb_status apply(const dnb_op_grads *r, const char *op, dnb_value a, dnb_value b,
                        dnb_value *out, dnb_err *err)
{
    dnb_value in[2] = {a, b};
    return dnb_grad_node(r, op, in, b == DNB_NO_VALUE ? 1 : 2, NULL, 0, out, err);
}

static dnb_status affine(const dnb_op_grads *r, dnb_value a, double alpha, double beta,
                         dnb_value *out, dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_FLOAT("alpha", alpha), DNB_FLOAT("beta", beta)};
    return dnb_grad_node(r, "Affine", &a, 1, attrs, 2, out, err);
}

/* in_grads[0] = factor * op(dy, v) */
static dnb_status finish(const dnb_op_grads *r, const char *op, dnb_value v, double factor,
                         dnb_err *err)
{
    dnb_value g;
    dnb_status status = apply(r, op, r->out_grads[0], v, &g, err);
    return status == DNB_OK ? dnb_grad_scaled(r, g, factor, &r->in_grads[0], err) : status;
}

/* in_grads[0] = factor * dy * op(x) */
static dnb_status times(const dnb_op_grads *r, const char *op, double factor, dnb_err *err)
{
    dnb_value v;
    dnb_status status = apply(r, op, r->node.inputs[0], DNB_NO_VALUE, &v, err);
    return status == DNB_OK ? finish(r, "Mul", v, factor, err) : status;
}

dnb_status dnb_grad_neg(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_scaled(r, r->out_grads[0], -1, &r->in_grads[0], err);
}

dnb_status dnb_grad_abs(const dnb_op_grads *r, dnb_err *err)
{
    return times(r, "Sign", 1, err);
}

dnb_status dnb_grad_sin(const dnb_op_grads *r, dnb_err *err)
{
    return times(r, "Cos", 1, err);
}

dnb_status dnb_grad_cos(const dnb_op_grads *r, dnb_err *err)
{
    return times(r, "Sin", -1, err);
}

dnb_status dnb_grad_softplus(const dnb_op_grads *r, dnb_err *err)
{
    return times(r, "Sigmoid", 1, err);
}

dnb_status dnb_grad_exp(const dnb_op_grads *r, dnb_err *err)
{
    return finish(r, "Mul", r->node.outputs[0], 1, err);
}

dnb_status dnb_grad_log(const dnb_op_grads *r, dnb_err *err)
{
    return finish(r, "Div", r->node.inputs[0], 1, err);
}

dnb_status dnb_grad_sqrt(const dnb_op_grads *r, dnb_err *err)
{
    return finish(r, "Div", r->node.outputs[0], 0.5, err);
}

dnb_status dnb_grad_reciprocal(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value square, y = r->node.outputs[0];
    dnb_status status = apply(r, "Mul", y, y, &square, err);
    return status == DNB_OK ? finish(r, "Mul", square, -1, err) : status;
}

/* exp(-x^2 rate) */
static dnb_status bell(const dnb_op_grads *r, double rate, dnb_value *out, dnb_err *err)
{
    dnb_value x = r->node.inputs[0], v;
    dnb_status status = DNB_OK;
    DNB_TRY(apply(r, "Mul", x, x, &v, err));
    DNB_TRY(dnb_grad_scaled(r, v, -rate, &v, err));
    DNB_TRY(apply(r, "Exp", v, DNB_NO_VALUE, out, err));
done:
    return status;
}

dnb_status dnb_grad_erf(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value v;
    dnb_status status = bell(r, 1, &v, err);
    return status == DNB_OK ? finish(r, "Mul", v, TWO_OVER_SQRT_PI, err) : status;
}

/* x P(x) has the derivative P(x) + x p(x), with the normal distribution P and its density p. */
dnb_status dnb_grad_gelu(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value below, density, x = r->node.inputs[0];
    const char *kind = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_string(&r->node, "approximate", &kind, err));
    if (kind && strcmp(kind, "none") != 0)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (Gelu): '%.40s' has no gradient",
                        r->node.name, kind);
    DNB_TRY(dnb_grad_scaled(r, x, SQRT_HALF, &below, err));
    DNB_TRY(apply(r, "Erf", below, DNB_NO_VALUE, &below, err));
    DNB_TRY(affine(r, below, 0.5, 0.5, &below, err));
    DNB_TRY(bell(r, 0.5, &density, err));
    DNB_TRY(apply(r, "Mul", density, x, &density, err));
    DNB_TRY(dnb_grad_scaled(r, density, ONE_OVER_SQRT_TAU, &density, err));
    DNB_TRY(apply(r, "Add", below, density, &below, err));
    DNB_TRY(finish(r, "Mul", below, 1, err));
done:
    return status;
}

/* A line between 0 and 1. */
dnb_status dnb_grad_hard_sigmoid(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_attr bounds[] = {DNB_FLOAT("min", 0), DNB_FLOAT("max", 1)};
    dnb_value in[2] = {r->out_grads[0], r->node.outputs[0]};
    double alpha;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(&r->node, "alpha", 0.2, &alpha, err));
    DNB_TRY(dnb_grad_scaled(r, in[0], alpha, &in[0], err));
    DNB_TRY(dnb_grad_node(r, "dnb.ClipGrad", in, 2, bounds, 2, &r->in_grads[0], err));
done:
    return status;
}

/* With respect to the base: dy b a^(b - 1). */
dnb_status dnb_grad_pow(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value a = r->node.inputs[0], b = r->node.inputs[1], v;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_from(r, 1, err));
    DNB_TRY(dnb_grad_refuse_legacy(r, err));
    if (r->shape[b].dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (Pow): no gradient with an exponent of integers", r->node.name);
    DNB_TRY(affine(r, b, 1, -1, &v, err));
    DNB_TRY(apply(r, "Pow", a, v, &v, err));
    DNB_TRY(apply(r, "Mul", v, b, &v, err));
    DNB_TRY(apply(r, "Mul", r->out_grads[0], v, &v, err));
    DNB_TRY(dnb_grad_to_shape(r, "dnb.SumTo", v, a, &r->in_grads[0], err));
done:
    return status;
}

/* The mean of all inputs. */
dnb_status dnb_grad_mean(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value share;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_scaled(r, r->out_grads[0], 1 / (double)r->node.n_inputs, &share, err));
    for (size_t k = 0; k < r->node.n_inputs; k++)
        if (r->wanted[k])
            DNB_TRY(
                dnb_grad_to_shape(r, "dnb.SumTo", share, r->node.inputs[k], &r->in_grads[k], err));
done:
    return status;
}
