/* Gradient rules of arithmetic, matrix products, reductions and elementwise functions. */
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

/* ---- arithmetic ---------------------------------------------------------------------------------
 */

/* Add and Sum. */
dnb_status dnb_grad_add(const dnb_op_grads *r, dnb_err *err)
{
    dnb_status status = dnb_grad_refuse_legacy(r, err);
    for (size_t k = 0; k < r->node.n_inputs && status == DNB_OK; k++)
        if (r->wanted[k])
            status = dnb_grad_sum_to_input(r, k, r->out_grads[0], err);
    return status;
}

dnb_status dnb_grad_sub(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value negative;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_legacy(r, err));
    if (r->wanted[0])
        DNB_TRY(dnb_grad_sum_to_input(r, 0, r->out_grads[0], err));
    if (r->wanted[1]) {
        DNB_TRY(dnb_grad_scaled(r, r->out_grads[0], -1, &negative, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 1, negative, err));
    }
done:
    return status;
}

dnb_status dnb_grad_mul(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value product;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_legacy(r, err));
    for (size_t k = 0; k < 2; k++)
        if (r->wanted[k]) {
            DNB_TRY(
                dnb_grad_apply(r, "Mul", r->out_grads[0], r->node.inputs[1 - k], &product, err));
            DNB_TRY(dnb_grad_sum_to_input(r, k, product, err));
        }
done:
    return status;
}

/* y = a / b: dy / b, and -dy y / b. */
dnb_status dnb_grad_div(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value part, product;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_legacy(r, err));
    DNB_TRY(dnb_grad_apply(r, "Div", r->out_grads[0], r->node.inputs[1], &part, err));
    if (r->wanted[0])
        DNB_TRY(dnb_grad_sum_to_input(r, 0, part, err));
    if (r->wanted[1]) {
        DNB_TRY(dnb_grad_apply(r, "Mul", part, r->node.outputs[0], &product, err));
        DNB_TRY(dnb_grad_scaled(r, product, -1, &product, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 1, product, err));
    }
done:
    return status;
}

/* alpha x + beta */
dnb_status dnb_grad_affine(const dnb_op_grads *r, dnb_err *err)
{
    double alpha;
    dnb_status status = dnb_node_float(&r->node, "alpha", 1, &alpha, err);
    return status == DNB_OK ? dnb_grad_scaled(r, r->out_grads[0], alpha, &r->in_grads[0], err)
                            : status;
}

dnb_status dnb_grad_image_scaler(const dnb_op_grads *r, dnb_err *err)
{
    double scale;
    dnb_status status = dnb_node_float(&r->node, "scale", 1, &scale, err);
    return status == DNB_OK ? dnb_grad_scaled(r, r->out_grads[0], scale, &r->in_grads[0], err)
                            : status;
}

/* ---- matrix products ----------------------------------------------------------------------------
 */

/* alpha a b, each perhaps transposed. */
static dnb_status product(const dnb_op_grads *r, dnb_value a, bool trans_a, dnb_value b,
                          bool trans_b, double alpha, dnb_value *out, dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_INT("transA", trans_a), DNB_INT("transB", trans_b),
                              DNB_FLOAT("alpha", alpha)};
    dnb_value in[2] = {a, b};
    return dnb_grad_node(r, "Gemm", in, 2, attrs, 3, out, err);
}

/* Both gradients of y = alpha a' b' (a', b': transposed or not). */
static dnb_status product_grads(const dnb_op_grads *r, dnb_value a, bool ta, dnb_value b, bool tb,
                                double alpha, dnb_err *err)
{
    dnb_value dy = r->out_grads[0];
    dnb_status status = DNB_OK;
    if (r->wanted[0])
        DNB_TRY(ta ? product(r, b, tb, dy, true, alpha, &r->in_grads[0], err)
                   : product(r, dy, false, b, !tb, alpha, &r->in_grads[0], err));
    if (r->wanted[1])
        DNB_TRY(tb ? product(r, dy, true, a, ta, alpha, &r->in_grads[1], err)
                   : product(r, a, !ta, dy, false, alpha, &r->in_grads[1], err));
done:
    return status;
}

dnb_status dnb_grad_gemm(const dnb_op_grads *r, dnb_err *err)
{
    int64_t ta, tb;
    double alpha, beta;
    dnb_value scaled;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(&r->node, "alpha", 1, &alpha, err));
    DNB_TRY(dnb_node_float(&r->node, "beta", 1, &beta, err));
    DNB_TRY(dnb_node_int(&r->node, "transA", 0, &ta, err));
    DNB_TRY(dnb_node_int(&r->node, "transB", 0, &tb, err));
    DNB_TRY(product_grads(r, r->node.inputs[0], ta != 0, r->node.inputs[1], tb != 0, alpha, err));
    if (r->node.n_inputs > 2 && r->wanted[2]) {
        DNB_TRY(dnb_grad_scaled(r, r->out_grads[0], beta, &scaled, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 2, scaled, err));
    }
done:
    return status;
}

/* A one-dimensional operand becomes a matrix. */
static dnb_status unsqueezed(const dnb_op_grads *r, dnb_value v, int64_t axis, dnb_value *out,
                             dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_INTS("axes", axis)};
    return dnb_grad_node(r, "Unsqueeze", &v, 1, attrs, 1, out, err);
}

static dnb_status last_two_swapped(const dnb_op_grads *r, dnb_value v, int ndim, dnb_value *out,
                                   dnb_err *err)
{
    int64_t perm[DNB_MAX_DIMS] = {0};
    for (int i = 0; i < ndim; i++)
        perm[i] = i;
    perm[ndim - 1] = ndim - 2;
    perm[ndim - 2] = ndim - 1;
    const dnb_attr attrs[] = {
        {.name = "perm", .kind = DNB_ATTR_INTS, .ints = perm, .n = (size_t)ndim}};
    return dnb_grad_node(r, "Transpose", &v, 1, attrs, 1, out, err);
}

/* The matrix gradient of input k, as sum over broadcast leading dimensions and in k's own shape. */
static dnb_status store_matrix(const dnb_op_grads *r, size_t k, dnb_value matrix, dnb_value grad,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_to_shape(r, "dnb.SumTo", grad, matrix, &grad, err));
    DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", grad, r->node.inputs[k], &r->in_grads[k], err));
done:
    return status;
}

dnb_status dnb_grad_matmul(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value a = r->node.inputs[0], b = r->node.inputs[1], dy = r->out_grads[0], turned, grad;
    int na = r->shape[a].ndim, nb = r->shape[b].ndim;
    dnb_status status = DNB_OK;
    if (na == 2 && nb == 2)
        return product_grads(r, a, false, b, false, 1, err);
    if (na == 1) {
        /* dy: ... x n, or a scalar; a row is inserted before n (which b, being 1-d, lacks) */
        DNB_TRY(unsqueezed(r, a, 0, &a, err));
        DNB_TRY(unsqueezed(r, dy, nb == 1 ? 0 : nb - 2, &dy, err));
    }
    if (nb == 1) {
        DNB_TRY(unsqueezed(r, b, 1, &b, err));
        DNB_TRY(unsqueezed(r, dy, na == 1 ? 1 : na - 1, &dy, err));
    }
    na = na == 1 ? 2 : na;
    nb = nb == 1 ? 2 : nb;
    if (r->wanted[0]) {
        DNB_TRY(last_two_swapped(r, b, nb, &turned, err));
        DNB_TRY(dnb_grad_apply(r, "MatMul", dy, turned, &grad, err));
        DNB_TRY(store_matrix(r, 0, a, grad, err));
    }
    if (r->wanted[1]) {
        DNB_TRY(last_two_swapped(r, a, na, &turned, err));
        DNB_TRY(dnb_grad_apply(r, "MatMul", turned, dy, &grad, err));
        DNB_TRY(store_matrix(r, 1, b, grad, err));
    }
done:
    return status;
}

/* ---- reductions ---------------------------------------------------------------------------------
 */

/* v seen with the reduced dimensions as ones: the shape the same reduction has with keepdims. That
 * node is never computed, only its shape is asked for. */
static dnb_status with_kept_dims(const dnb_op_grads *r, dnb_value v, dnb_value *out, dnb_err *err)
{
    dnb_attr *attrs = NULL;
    size_t n = 0;
    dnb_value kept;
    dnb_status status = DNB_OK;
    DNB_NEW(attrs, r->node.n_attrs + 1, "gradient");
    for (size_t i = 0; i < r->node.n_attrs; i++)
        if (strcmp(r->node.attrs[i].name, "keepdims") != 0)
            attrs[n++] = r->node.attrs[i];
    attrs[n++] = DNB_INT("keepdims", 1);
    DNB_TRY(
        dnb_grad_node(r, r->node.op->name, r->node.inputs, r->node.n_inputs, attrs, n, &kept, err));
    DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", v, kept, out, err));
done:
    dnb_free(attrs);
    return status;
}

static dnb_status spread_over(const dnb_op_grads *r, dnb_value v, bool mean, dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_INT("mean", mean)};
    dnb_value in[2] = {v, DNB_NO_VALUE};
    dnb_status status = dnb_grad_shape_of(r, r->node.inputs[0], &in[1], err);
    return status == DNB_OK
               ? dnb_grad_node(r, "dnb.BroadcastTo", in, 2, attrs, 1, &r->in_grads[0], err)
               : status;
}

static dnb_status reduce_grad(const dnb_op_grads *r, bool mean, dnb_err *err)
{
    dnb_value kept;
    dnb_status status = DNB_OK;
    DNB_TRY(with_kept_dims(r, r->out_grads[0], &kept, err));
    DNB_TRY(spread_over(r, kept, mean, err));
done:
    return status;
}

dnb_status dnb_grad_reduce_sum(const dnb_op_grads *r, dnb_err *err)
{
    return reduce_grad(r, false, err);
}

dnb_status dnb_grad_reduce_mean(const dnb_op_grads *r, dnb_err *err)
{
    return reduce_grad(r, true, err);
}

dnb_status dnb_grad_reduce_max(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value kept;
    dnb_status status = DNB_OK;
    DNB_TRY(with_kept_dims(r, r->out_grads[0], &kept, err));
    DNB_TRY(dnb_grad_apply(r, "dnb.ReduceMaxGrad", kept, r->node.inputs[0], &r->in_grads[0], err));
done:
    return status;
}

/* -max(-x) */
dnb_status dnb_grad_reduce_min(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value kept, negative;
    dnb_status status = DNB_OK;
    DNB_TRY(with_kept_dims(r, r->out_grads[0], &kept, err));
    DNB_TRY(dnb_grad_scaled(r, r->node.inputs[0], -1, &negative, err));
    DNB_TRY(dnb_grad_apply(r, "dnb.ReduceMaxGrad", kept, negative, &r->in_grads[0], err));
done:
    return status;
}

dnb_status dnb_grad_reduce_prod(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value kept;
    dnb_status status = DNB_OK;
    DNB_TRY(with_kept_dims(r, r->out_grads[0], &kept, err));
    DNB_TRY(dnb_grad_apply(r, "dnb.ReduceProdGrad", kept, r->node.inputs[0], &r->in_grads[0], err));
done:
    return status;
}

/* noop_with_empty_axes without axes: the node copies its input. */
static dnb_status reduces_nothing(const dnb_op_grads *r, bool *out, dnb_err *err)
{
    const dnb_node *n = &r->node;
    int64_t noop = 0;
    dnb_status status = dnb_node_int(n, "noop_with_empty_axes", 0, &noop, err);
    bool given =
        dnb_node_attr(n, "axes") != NULL || (n->n_inputs > 1 && n->inputs[1] != DNB_NO_VALUE &&
                                             dnb_shape_count(&r->shape[n->inputs[1]]) > 0);
    *out = noop && !given;
    return status;
}

/* dx = v * dy / y^power, which is 0 where y is: v has x's shape. */
static dnb_status per_result(const dnb_op_grads *r, dnb_value v, dnb_value dy, int64_t power,
                             dnb_err *err)
{
    dnb_value y = r->node.outputs[0], zero, is_zero;
    dnb_status status = DNB_OK;
    if (power) {
        DNB_TRY(dnb_grad_number(r, 0, &zero, err));
        DNB_TRY(dnb_grad_apply(r, "Equal", y, zero, &is_zero, err));
        DNB_TRY(dnb_grad_apply(r, "Div", dy, y, &dy, err));
        DNB_TRY(dnb_grad_where(r, is_zero, zero, dy, &dy, err));
    }
    DNB_TRY(with_kept_dims(r, dy, &dy, err));
    DNB_TRY(dnb_grad_apply(r, "Mul", v, dy, &r->in_grads[0], err));
done:
    return status;
}

/* The sums of magnitudes and squares. */
dnb_status dnb_grad_reduce_norm(const dnb_op_grads *r, dnb_err *err)
{
    const char *name = r->node.op->name;
    dnb_value v = r->node.inputs[0];
    bool nothing;
    dnb_status status = DNB_OK;
    DNB_TRY(reduces_nothing(r, &nothing, err));
    if (nothing)
        return dnb_grad_same(r, err);
    if (strcmp(name, "ReduceL1") == 0)
        DNB_TRY(dnb_grad_apply(r, "Sign", v, DNB_NO_VALUE, &v, err));
    else if (strcmp(name, "ReduceSumSquare") == 0)
        DNB_TRY(dnb_grad_scaled(r, v, 2, &v, err));
    DNB_TRY(per_result(r, v, r->out_grads[0], strcmp(name, "ReduceL2") == 0, err));
done:
    return status;
}

/* y = log sum f(x), f the identity or exp: dy f'(x) / exp(y). */
dnb_status dnb_grad_reduce_log_sum(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value y, v;
    bool nothing;
    dnb_status status = DNB_OK;
    DNB_TRY(reduces_nothing(r, &nothing, err));
    if (nothing)
        return dnb_grad_same(r, err);
    if (strcmp(r->node.op->name, "ReduceLogSumExp") == 0) {
        DNB_TRY(with_kept_dims(r, r->node.outputs[0], &y, err));
        DNB_TRY(dnb_grad_apply(r, "Sub", r->node.inputs[0], y, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Exp", v, DNB_NO_VALUE, &v, err));
        DNB_TRY(per_result(r, v, r->out_grads[0], 0, err));
    } else {
        DNB_TRY(dnb_grad_scaled(r, r->node.outputs[0], -1, &y, err));
        DNB_TRY(dnb_grad_apply(r, "Exp", y, DNB_NO_VALUE, &y, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", r->out_grads[0], y, &v, err));
        DNB_TRY(with_kept_dims(r, v, &v, err));
        DNB_TRY(spread_over(r, v, false, err));
    }
done:
    return status;
}

dnb_status dnb_grad_global_average_pool(const dnb_op_grads *r, dnb_err *err)
{
    return spread_over(r, r->out_grads[0], true, err);
}

dnb_status dnb_grad_global_max_pool(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_apply(r, "dnb.ReduceMaxGrad", r->out_grads[0], r->node.inputs[0],
                          &r->in_grads[0], err);
}

/* ---- elementwise functions: all from their result, so that their input need not be kept ---------
 */

dnb_status dnb_grad_relu(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value dy = r->out_grads[0];
    dnb_status status = DNB_OK;
    if (r->guided_relu)
        DNB_TRY(dnb_grad_node(r, "Relu", &dy, 1, NULL, 0, &dy, err));
    DNB_TRY(dnb_grad_apply(r, "dnb.ReluGrad", dy, r->node.outputs[0], &r->in_grads[0], err));
done:
    return status;
}

dnb_status dnb_grad_leaky_relu(const dnb_op_grads *r, dnb_err *err)
{
    double alpha;
    dnb_status status = dnb_node_float(&r->node, "alpha", 0.01, &alpha, err);
    if (status != DNB_OK)
        return status;
    /* A negative slope does not keep signs: then the input decides. */
    dnb_value in[2] = {r->out_grads[0], alpha < 0 ? r->node.inputs[0] : r->node.outputs[0]};
    const dnb_attr attrs[] = {DNB_FLOAT("alpha", alpha)};
    return dnb_grad_node(r, "dnb.ReluGrad", in, 2, attrs, 1, &r->in_grads[0], err);
}

dnb_status dnb_grad_sigmoid(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_apply(r, "dnb.SigmoidGrad", r->out_grads[0], r->node.outputs[0],
                          &r->in_grads[0], err);
}

dnb_status dnb_grad_tanh(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_apply(r, "dnb.TanhGrad", r->out_grads[0], r->node.outputs[0], &r->in_grads[0],
                          err);
}
