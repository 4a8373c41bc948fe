/* Gradient rules of mathematical functions, made of the functions themselves. Those that can be
 * told from the result are, so that the input need not be kept. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

#define TWO_OVER_SQRT_PI 1.12837916709551257390

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
    dnb_status status = dnb_grad_apply(r, op, r->out_grads[0], v, &g, err);
    return status == DNB_OK ? dnb_grad_scaled(r, g, factor, &r->in_grads[0], err) : status;
}

/* in_grads[0] = factor * dy * op(x) */
static dnb_status times(const dnb_op_grads *r, const char *op, double factor, dnb_err *err)
{
    dnb_value v;
    dnb_status status = dnb_grad_apply(r, op, r->node.inputs[0], DNB_NO_VALUE, &v, err);
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
    dnb_status status = dnb_grad_apply(r, "Mul", y, y, &square, err);
    return status == DNB_OK ? finish(r, "Mul", square, -1, err) : status;
}

dnb_status dnb_grad_erf(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value x = r->node.inputs[0], v;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_apply(r, "Mul", x, x, &v, err));
    DNB_TRY(dnb_grad_scaled(r, v, -1, &v, err));
    DNB_TRY(dnb_grad_apply(r, "Exp", v, DNB_NO_VALUE, &v, err));
    DNB_TRY(finish(r, "Mul", v, TWO_OVER_SQRT_PI, err));
done:
    return status;
}

/* Functions without parameters that slope.h has. */
dnb_status dnb_grad_function(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_slope(r, 0, 0, err);
}

/* Constant almost everywhere: no input gets any. */
dnb_status dnb_grad_zero(const dnb_op_grads *r, dnb_err *err)
{
    (void)r, (void)err;
    return DNB_OK;
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

/* y = a^b: dy b a^(b - 1), and dy y log(a), which is 0 where a is. */
dnb_status dnb_grad_pow(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value a = r->node.inputs[0], b = r->node.inputs[1], v, one, zero, is_zero;
    const dnb_attr to_float[] = {DNB_INT("to", 1)};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_legacy(r, err));
    if (r->shape[b].dtype != DNB_F32)
        DNB_TRY(dnb_grad_node(r, "Cast", &b, 1, to_float, 1, &b, err));
    if (r->wanted[0]) {
        DNB_TRY(affine(r, b, 1, -1, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Pow", a, v, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", v, b, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", r->out_grads[0], v, &v, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 0, v, err));
    }
    if (r->wanted[1]) {
        DNB_TRY(dnb_grad_number(r, 0, &zero, err));
        DNB_TRY(dnb_grad_number(r, 1, &one, err));
        DNB_TRY(dnb_grad_apply(r, "Equal", a, zero, &is_zero, err));
        DNB_TRY(dnb_grad_where(r, is_zero, one, a, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Log", v, DNB_NO_VALUE, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", v, r->node.outputs[0], &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", v, r->out_grads[0], &v, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 1, v, err));
    }
done:
    return status;
}

/* y = a - b trunc(a / b): dy, and dy (y - a) / b. */
dnb_status dnb_grad_mod(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value a = r->node.inputs[0], b = r->node.inputs[1], v;
    dnb_status status = DNB_OK;
    if (r->wanted[0])
        DNB_TRY(dnb_grad_sum_to_input(r, 0, r->out_grads[0], err));
    if (r->wanted[1]) {
        DNB_TRY(dnb_grad_apply(r, "Sub", r->node.outputs[0], a, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Div", v, b, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", v, r->out_grads[0], &v, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 1, v, err));
    }
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
            DNB_TRY(dnb_grad_sum_to_input(r, k, share, err));
done:
    return status;
}
