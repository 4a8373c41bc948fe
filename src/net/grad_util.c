/* Helpers of gradient rules. */
#include "net/grad_util.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/op_util.h"

#define MAX_DIM ((int64_t)1 << 31)

dnb_status dnb_grad_node(const dnb_op_grads *r, const char *op, const dnb_value *in, size_t n_in,
                         const dnb_attr *attrs, size_t n_attrs, dnb_value *out, dnb_err *err)
{
    char name[160];
    snprintf(name, sizeof name, "gradient of %s", r->node.name);
    dnb_node_spec spec = {
        .op = op, .name = name, .inputs = in, .n_inputs = n_in, .attrs = attrs, .n_attrs = n_attrs};
    return dnb_graph_node(r->graph, &spec, out, err);
}

dnb_status dnb_grad_like(const dnb_op_grads *r, const char *op, const dnb_value *in, size_t n_in,
                         dnb_value *out, dnb_err *err)
{
    return dnb_grad_node(r, op, in, n_in, r->node.attrs, r->node.n_attrs, out, err);
}

dnb_status dnb_grad_shape_of(const dnb_op_grads *r, dnb_value v, dnb_value *out, dnb_err *err)
{
    return dnb_grad_node(r, "Shape", &v, 1, NULL, 0, out, err);
}

dnb_status dnb_grad_to_shape(const dnb_op_grads *r, const char *op, dnb_value a, dnb_value like,
                             dnb_value *out, dnb_err *err)
{
    dnb_value in[2] = {a, DNB_NO_VALUE};
    dnb_status status = dnb_grad_shape_of(r, like, &in[1], err);
    return status == DNB_OK ? dnb_grad_node(r, op, in, 2, NULL, 0, out, err) : status;
}

dnb_status dnb_grad_apply(const dnb_op_grads *r, const char *op, dnb_value a, dnb_value b,
                          dnb_value *out, dnb_err *err)
{
    dnb_value in[2] = {a, b};
    return dnb_grad_node(r, op, in, b == DNB_NO_VALUE ? 1 : 2, NULL, 0, out, err);
}

dnb_status dnb_grad_where(const dnb_op_grads *r, dnb_value condition, dnb_value a, dnb_value b,
                          dnb_value *out, dnb_err *err)
{
    dnb_value in[3] = {condition, a, b};
    return dnb_grad_node(r, "Where", in, 3, NULL, 0, out, err);
}

dnb_status dnb_grad_sum_to_input(const dnb_op_grads *r, size_t k, dnb_value grad, dnb_err *err)
{
    return dnb_grad_to_shape(r, "dnb.SumTo", grad, r->node.inputs[k], &r->in_grads[k], err);
}

dnb_status dnb_grad_filled(const dnb_op_grads *r, double value, int ndim, const size_t *dim,
                           dnb_value *out, dnb_err *err)
{
    dnb_array a = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_array_init(&a, DNB_F32, ndim, dim, err));
    for (size_t i = 0, n = dnb_array_count(&a); i < n; i++)
        ((float *)a.data)[i] = (float)value;
    DNB_TRY(dnb_graph_constant(r->graph, NULL, &a, out, err));
done:
    dnb_array_release(&a);
    return status;
}

dnb_status dnb_grad_number(const dnb_op_grads *r, double value, dnb_value *out, dnb_err *err)
{
    return dnb_grad_filled(r, value, 0, NULL, out, err);
}

dnb_status dnb_grad_integers(const dnb_op_grads *r, const int64_t *list, size_t n, dnb_value *out,
                             dnb_err *err)
{
    dnb_array a = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_array_init(&a, DNB_I64, 1, &n, err));
    memcpy(a.data, list, n * sizeof *list);
    DNB_TRY(dnb_graph_constant(r->graph, NULL, &a, out, err));
done:
    dnb_array_release(&a);
    return status;
}

dnb_status dnb_grad_zeros(const dnb_op_grads *r, dnb_value like, dnb_value *out, dnb_err *err)
{
    dnb_value zero;
    dnb_status status = dnb_grad_number(r, 0, &zero, err);
    return status == DNB_OK ? dnb_grad_to_shape(r, "dnb.BroadcastTo", zero, like, out, err)
                            : status;
}

dnb_status dnb_grad_output(const dnb_op_grads *r, size_t which, dnb_value *out, dnb_err *err)
{
    dnb_value *made = NULL;
    dnb_node_spec spec = {.op = r->node.op->name,
                          .name = r->node.name,
                          .inputs = r->node.inputs,
                          .n_inputs = r->node.n_inputs,
                          .attrs = r->node.attrs,
                          .n_attrs = r->node.n_attrs,
                          .n_outputs = which + 1};
    dnb_status status = DNB_OK;
    if (which < r->node.n_outputs) {
        *out = r->node.outputs[which];
        return DNB_OK;
    }
    DNB_NEW(made, which + 1, "gradient");
    DNB_TRY(dnb_graph_node(r->graph, &spec, made, err));
    *out = made[which];
done:
    dnb_free(made);
    return status;
}

dnb_status dnb_grad_slope(const dnb_op_grads *r, double alpha, double beta, dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_STRING("function", r->node.op->name), DNB_FLOAT("alpha", alpha),
                              DNB_FLOAT("beta", beta)};
    dnb_value in[2] = {r->out_grads[0], r->node.inputs[0]};
    return dnb_grad_node(r, "dnb.FunctionGrad", in, 2, attrs, 3, &r->in_grads[0], err);
}

dnb_status dnb_grad_scaled(const dnb_op_grads *r, dnb_value a, double factor, dnb_value *out,
                           dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_FLOAT("alpha", factor)};
    if (factor != 1)
        return dnb_grad_node(r, "Affine", &a, 1, attrs, 1, out, err);
    *out = a;
    return DNB_OK;
}

dnb_status dnb_grad_refuse_from(const dnb_op_grads *r, size_t first, dnb_err *err)
{
    for (size_t i = first; i < r->node.n_inputs; i++)
        if (r->wanted[i])
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "node '%s' (%s): no gradient with respect to input %zu", r->node.name,
                            r->node.op->name, i);
    return DNB_OK;
}

dnb_status dnb_grad_refuse_legacy(const dnb_op_grads *r, dnb_err *err)
{
    if (!dnb_uses_legacy_axis(&r->node, dnb_graph_opset(r->graph)))
        return DNB_OK;
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "node '%s' (%s): no gradient where 'axis' lines the operands up", r->node.name,
                    r->node.op->name);
}

dnb_status dnb_op_target_shape(const dnb_op_shapes *s, size_t i, dnb_err *err)
{
    const int64_t *dims;
    size_t n;
    dnb_status status = dnb_op_ints(s, NULL, i, &dims, &n, err);
    if (status != DNB_OK)
        return status;
    bool ok = dims && n <= DNB_MAX_DIMS;
    for (size_t k = 0; ok && k < n; k++)
        ok = dims[k] >= 0 && dims[k] <= MAX_DIM;
    if (!ok)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is no shape", s->node->name,
                        s->node->op->name, i);
    s->out[0].ndim = (int)n;
    for (size_t k = 0; k < n; k++)
        s->out[0].dim[k] = (size_t)dims[k];
    return DNB_OK;
}

dnb_status dnb_op_floats(const dnb_op_shapes *s, size_t n, dnb_err *err)
{
    for (size_t i = 0; i < n && i < s->node->n_inputs; i++)
        if (s->in[i] && s->in[i]->dtype != DNB_F32)
            return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): input %zu is not float",
                            s->node->name, s->node->op->name, i);
    return DNB_OK;
}

dnb_status dnb_op_expect(const dnb_op_shapes *s, size_t i, const dnb_shape *want, dnb_err *err)
{
    char have[128], text[128];
    if (dnb_shape_equal(s->in[i], want))
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %zu is %s, not %s", s->node->name,
                    s->node->op->name, i, dnb_shape_text(s->in[i], have, sizeof have),
                    dnb_shape_text(want, text, sizeof text));
}
