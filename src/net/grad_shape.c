/* Gradient rules of operators that reshape, join or move elements. */
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

/* Identity, Cast between floats. */
dnb_status dnb_grad_same(const dnb_op_grads *r, dnb_err *err)
{
    (void)err;
    r->in_grads[0] = r->out_grads[0];
    return DNB_OK;
}

/* The same elements in the input's shape. */
dnb_status dnb_grad_reshape(const dnb_op_grads *r, dnb_err *err)
{
    dnb_status status = dnb_grad_refuse_from(r, 1, err);
    if (status != DNB_OK || r->out_grads[0] == DNB_NO_VALUE)
        return status; /* only Dropout has a second output, its mask */
    return dnb_grad_to_shape(r, "dnb.ReshapeTo", r->out_grads[0], r->node.inputs[0],
                             &r->in_grads[0], err);
}

dnb_status dnb_grad_broadcast_to(const dnb_op_grads *r, dnb_err *err)
{
    int64_t mean = 0;
    dnb_status status = dnb_node_int(&r->node, "mean", 0, &mean, err);
    if (status != DNB_OK || !r->wanted[0])
        return status; /* the third input only sets the pace */
    if (mean)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): no gradient with mean",
                        r->node.name, r->node.op->name);
    return dnb_grad_to_shape(r, "dnb.SumTo", r->out_grads[0], r->node.inputs[0], &r->in_grads[0],
                             err);
}

dnb_status dnb_grad_sum_to(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_to_shape(r, "dnb.BroadcastTo", r->out_grads[0], r->node.inputs[0],
                             &r->in_grads[0], err);
}

/* Every wanted input gets its stretch of the gradient. */
dnb_status dnb_grad_concat(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value *in = NULL;
    int axis;
    dnb_status status = DNB_OK;
    DNB_NEW(in, r->node.n_inputs + 1, "gradient");
    DNB_TRY(
        dnb_op_axis_attr(&r->node, "axis", 1, r->shape[r->node.inputs[0]].ndim, false, &axis, err));
    const dnb_attr attrs[] = {DNB_INT("axis", axis)};
    in[0] = r->out_grads[0];
    for (size_t k = 0; k < r->node.n_inputs; k++) {
        DNB_TRY(dnb_grad_shape_of(r, r->node.inputs[k], &in[k + 1], err));
        if (r->wanted[k])
            DNB_TRY(dnb_grad_node(r, "dnb.ConcatPart", in, k + 2, attrs, 1, &r->in_grads[k], err));
    }
done:
    dnb_free(in);
    return status;
}

/* The inverse permutation. */
dnb_status dnb_grad_transpose(const dnb_op_grads *r, dnb_err *err)
{
    const int64_t *perm;
    int64_t inverse[DNB_MAX_DIMS] = {0};
    size_t n;
    dnb_status status = dnb_node_ints(&r->node, "perm", &perm, &n, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; perm && i < n; i++) /* the shape rule has checked it */
        inverse[perm[i]] = (int64_t)i;
    const dnb_attr attrs[] = {
        {.name = "perm", .kind = DNB_ATTR_INTS, .ints = inverse, .n = perm ? n : 0}};
    return dnb_grad_node(r, "Transpose", r->out_grads, 1, attrs, perm ? 1 : 0, &r->in_grads[0],
                         err);
}

/* What Pad fills with must be 0 when it moves indices: attribute and input go. */
static size_t without_fill(const dnb_op_grads *r, dnb_value *in, dnb_attr *attrs)
{
    size_t n = 0;
    bool pad = strcmp(r->node.op->name, "Pad") == 0;
    for (size_t i = 0; i < r->node.n_attrs; i++)
        if (!pad || strcmp(r->node.attrs[i].name, "value") != 0)
            attrs[n++] = r->node.attrs[i];
    if (pad && r->node.n_inputs > 2)
        in[2] = DNB_NO_VALUE;
    return n;
}

/* Every element of the result is a copy of one of input 0, or a filling: the operator itself,
 * applied to element numbers, tells which; the gradient is added there. */
dnb_status dnb_grad_mover(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value *in = NULL, scatter[3] = {r->out_grads[0], DNB_NO_VALUE, DNB_NO_VALUE};
    dnb_attr *attrs = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_from(r, 1, err));
    DNB_NEW(in, r->node.n_inputs, "gradient");
    DNB_NEW(attrs, r->node.n_attrs, "gradient");
    memcpy(in, r->node.inputs, r->node.n_inputs * sizeof *in);
    DNB_TRY(dnb_grad_shape_of(r, in[0], &scatter[2], err));
    DNB_TRY(dnb_grad_node(r, "dnb.Iota", &scatter[2], 1, NULL, 0, &in[0], err));
    size_t n_attrs = without_fill(r, in, attrs);
    DNB_TRY(
        dnb_grad_node(r, r->node.op->name, in, r->node.n_inputs, attrs, n_attrs, &scatter[1], err));
    DNB_TRY(dnb_grad_node(r, "dnb.ScatterAdd", scatter, 3, NULL, 0, &r->in_grads[0], err));
done:
    dnb_free(in);
    dnb_free(attrs);
    return status;
}
