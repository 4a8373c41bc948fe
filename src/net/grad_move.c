/* Gradient rules of Scatter and its like, and of CumSum. */
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

/* The same sums from the other end. */
dnb_status dnb_grad_cumsum(const dnb_op_grads *r, dnb_err *err)
{
    int64_t exclusive, reverse;
    dnb_value in[2] = {r->out_grads[0], r->node.inputs[1]};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(&r->node, "exclusive", 0, &exclusive, err));
    DNB_TRY(dnb_node_int(&r->node, "reverse", 0, &reverse, err));
    const dnb_attr attrs[] = {DNB_INT("exclusive", exclusive), DNB_INT("reverse", !reverse)};
    DNB_TRY(dnb_grad_node(r, "CumSum", in, 2, attrs, 2, &r->in_grads[0], err));
done:
    return status;
}

/* The forward node with other data and updates, and without a reduction. */
static dnb_status scatter(const dnb_op_grads *r, dnb_value data, dnb_value updates, dnb_value *out,
                          dnb_err *err)
{
    dnb_value in[3] = {data, r->node.inputs[1], updates};
    dnb_attr *attrs = NULL;
    size_t n = 0;
    dnb_status status = DNB_OK;
    DNB_NEW(attrs, r->node.n_attrs, "gradient");
    for (size_t i = 0; i < r->node.n_attrs; i++)
        if (strcmp(r->node.attrs[i].name, "reduction") != 0)
            attrs[n++] = r->node.attrs[i];
    DNB_TRY(dnb_grad_node(r, r->node.op->name, in, 3, attrs, n, out, err));
done:
    dnb_free(attrs);
    return status;
}

/* Element numbers of v, from 1. */
static dnb_status numbered(const dnb_op_grads *r, dnb_value v, dnb_value *out, dnb_err *err)
{
    dnb_value shape;
    dnb_status status = dnb_grad_shape_of(r, v, &shape, err);
    return status == DNB_OK ? dnb_grad_node(r, "dnb.Iota", &shape, 1, NULL, 0, out, err) : status;
}

/* Updates replace: where none landed the data keep the gradient; the last that landed gets it. The
 * operator itself, applied to the updates' numbers, tells which that was. */
static dnb_status replacing(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value data = r->node.inputs[0], updates = r->node.inputs[2], zeros, number, none;
    dnb_value in[3] = {r->out_grads[0], DNB_NO_VALUE, DNB_NO_VALUE};
    dnb_status status = DNB_OK;
    if (r->wanted[0]) {
        DNB_TRY(dnb_grad_zeros(r, updates, &zeros, err));
        DNB_TRY(scatter(r, r->out_grads[0], zeros, &r->in_grads[0], err));
    }
    if (r->wanted[2]) {
        DNB_TRY(numbered(r, data, &number, err));
        DNB_TRY(dnb_grad_apply(r, "Sub", number, number, &none, err));
        DNB_TRY(numbered(r, updates, &number, err));
        DNB_TRY(scatter(r, none, number, &in[1], err));
        DNB_TRY(dnb_grad_shape_of(r, updates, &in[2], err));
        DNB_TRY(dnb_grad_node(r, "dnb.ScatterAdd", in, 3, NULL, 0, &r->in_grads[2], err));
    }
done:
    return status;
}

/* What lies in v where the updates landed. */
static dnb_status at_updates(const dnb_op_grads *r, dnb_value v, dnb_value *out, dnb_err *err)
{
    dnb_value in[2] = {v, r->node.inputs[1]};
    int64_t axis = 0;
    dnb_status status = dnb_node_int(&r->node, "axis", 0, &axis, err);
    const dnb_attr attrs[] = {DNB_INT("axis", axis)};
    if (status != DNB_OK)
        return status;
    return strcmp(r->node.op->name, "ScatterND") == 0
               ? dnb_grad_node(r, "GatherND", in, 2, NULL, 0, out, err)
               : dnb_grad_node(r, "GatherElements", in, 2, attrs, 1, out, err);
}

dnb_status dnb_grad_scatter(const dnb_op_grads *r, dnb_err *err)
{
    const char *kind = NULL;
    dnb_status status = dnb_node_string(&r->node, "reduction", &kind, err);
    if (status != DNB_OK)
        return status;
    if (!kind || strcmp(kind, "none") == 0)
        return replacing(r, err);
    if (strcmp(kind, "add") != 0)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): reduction '%.20s' has no gradient",
                        r->node.name, r->node.op->name, kind);
    if (r->wanted[0])
        r->in_grads[0] = r->out_grads[0];
    return r->wanted[2] ? at_updates(r, r->out_grads[0], &r->in_grads[2], err) : DNB_OK;
}
