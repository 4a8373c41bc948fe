/* Gradient rules of operators whose result is one of their inputs' numbers: Where, Min, Max, Clip,
 * TopK, Split. */
#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

dnb_status dnb_grad_where_rule(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value condition = r->node.inputs[0], dy = r->out_grads[0], zero, v;
    dnb_status status = dnb_grad_number(r, 0, &zero, err);
    for (size_t k = 1; k < 3 && status == DNB_OK; k++)
        if (r->wanted[k]) {
            DNB_TRY(dnb_grad_where(r, condition, k == 1 ? dy : zero, k == 1 ? zero : dy, &v, err));
            DNB_TRY(dnb_grad_sum_to_input(r, k, v, err));
        }
done:
    return status;
}

/* 1 where input k is the result, else 0. */
static dnb_status chosen(const dnb_op_grads *r, size_t k, dnb_value *out, dnb_err *err)
{
    const dnb_attr to_float[] = {DNB_INT("to", 1)};
    dnb_status status = dnb_grad_apply(r, "Equal", r->node.inputs[k], r->node.outputs[0], out, err);
    return status == DNB_OK ? dnb_grad_node(r, "Cast", out, 1, to_float, 1, out, err) : status;
}

/* Min and Max: the gradient goes to the operand that was chosen; equal ones share it, as they do in
 * reductions. */
dnb_status dnb_grad_extreme(const dnb_op_grads *r, dnb_err *err)
{
    size_t n = r->node.n_inputs;
    dnb_value *mask = NULL, share, v;
    dnb_status status = DNB_OK;
    DNB_NEW(mask, n, "gradient");
    for (size_t k = 0; k < n; k++)
        DNB_TRY(chosen(r, k, &mask[k], err));
    DNB_TRY(dnb_grad_node(r, "Sum", mask, n, NULL, 0, &v, err));
    DNB_TRY(dnb_grad_apply(r, "Div", r->out_grads[0], v, &share, err));
    for (size_t k = 0; k < n; k++)
        if (r->wanted[k]) {
            DNB_TRY(dnb_grad_apply(r, "Mul", share, mask[k], &v, err));
            DNB_TRY(dnb_grad_sum_to_input(r, k, v, err));
        }
done:
    dnb_free(mask);
    return status;
}

/* ---- Clip ---------------------------------------------------------------------------------------
 */

static dnb_value bound(const dnb_op_grads *r, size_t k)
{
    return k < r->node.n_inputs ? r->node.inputs[k] : DNB_NO_VALUE;
}

/* in_grads[k] = sum of the gradient where `condition` holds. */
static dnb_status gather_where(const dnb_op_grads *r, size_t k, dnb_value condition, dnb_err *err)
{
    dnb_value zero, v;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_number(r, 0, &zero, err));
    DNB_TRY(dnb_grad_where(r, condition, r->out_grads[0], zero, &v, err));
    DNB_TRY(dnb_grad_sum_to_input(r, k, v, err));
done:
    return status;
}

/* The lower bound is applied first: where max(x, lower) is above the upper bound, that one gets the
 * gradient, even if x is below the lower. */
static dnb_status bound_grads(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value x = r->node.inputs[0], lo = bound(r, 1), hi = bound(r, 2), raised = x;
    dnb_value above = DNB_NO_VALUE, below;
    dnb_status status = DNB_OK;
    if (hi != DNB_NO_VALUE) {
        if (lo != DNB_NO_VALUE)
            DNB_TRY(dnb_grad_apply(r, "Max", x, lo, &raised, err));
        DNB_TRY(dnb_grad_apply(r, "Greater", raised, hi, &above, err));
        if (r->wanted[2])
            DNB_TRY(gather_where(r, 2, above, err));
    }
    if (lo != DNB_NO_VALUE && r->wanted[1]) {
        DNB_TRY(dnb_grad_apply(r, "Less", x, lo, &below, err));
        if (above != DNB_NO_VALUE) {
            DNB_TRY(dnb_grad_apply(r, "Not", above, DNB_NO_VALUE, &above, err));
            DNB_TRY(dnb_grad_apply(r, "And", below, above, &below, err));
        }
        DNB_TRY(gather_where(r, 1, below, err));
    }
done:
    return status;
}

dnb_status dnb_grad_clip(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value in[4] = {r->out_grads[0], r->node.outputs[0], bound(r, 1), bound(r, 2)};
    bool any_bound = false;
    dnb_status status = DNB_OK;
    for (size_t k = 1; k < r->node.n_inputs; k++)
        any_bound = any_bound || r->wanted[k];
    if (r->wanted[0])
        DNB_TRY(dnb_grad_like(r, "dnb.ClipGrad", in, 4, &r->in_grads[0], err));
    if (any_bound)
        DNB_TRY(bound_grads(r, err));
done:
    return status;
}

/* ---- TopK, Split --------------------------------------------------------------------------------
 */

/* The values go back to where they came from. */
dnb_status dnb_grad_top_k(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value x = r->node.inputs[0], in[3] = {DNB_NO_VALUE, DNB_NO_VALUE, r->out_grads[0]};
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(&r->node, "axis", -1, r->shape[x].ndim, false, &axis, err));
    const dnb_attr attrs[] = {DNB_INT("axis", axis)};
    DNB_TRY(dnb_grad_zeros(r, x, &in[0], err));
    DNB_TRY(dnb_grad_output(r, 1, &in[1], err));
    DNB_TRY(dnb_grad_node(r, "ScatterElements", in, 3, attrs, 1, &r->in_grads[0], err));
done:
    return status;
}

/* The parts' gradients side by side; zeros for a part that nothing reached. */
dnb_status dnb_grad_split(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_shape *x = &r->shape[r->node.inputs[0]];
    dnb_value *part = NULL;
    size_t n = 0;
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(&r->node, "axis", 0, x->ndim, false, &axis, err));
    const dnb_attr attrs[] = {DNB_INT("axis", axis)};
    DNB_NEW(part, r->node.n_outputs, "gradient");
    for (size_t k = 0; k < r->node.n_outputs; k++) {
        if (r->shape[r->node.outputs[k]].dim[axis] == 0)
            continue;
        part[n] = r->out_grads[k];
        if (part[n] == DNB_NO_VALUE)
            DNB_TRY(dnb_grad_zeros(r, r->node.outputs[k], &part[n], err));
        n++;
    }
    DNB_TRY(dnb_grad_node(r, "Concat", part, n, attrs, 1, &r->in_grads[0], err));
done:
    dnb_free(part);
    return status;
}
