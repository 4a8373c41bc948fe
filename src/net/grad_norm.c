/* Gradient rules of normalisations and softmax. */
#include "base/mem.h"
#include "net/grad_norm.h"
#include "net/grad_util.h"
#include "net/op_util.h"

/* Statistics of the batch itself, and statistics per feature, have no rule. */
static dnb_status refuse_training(const dnb_op_grads *r, dnb_err *err)
{
    int opset = dnb_graph_opset(r->graph);
    int64_t training = 0, is_test = 1, spatial = 1;
    dnb_status status = DNB_OK;
    if (opset >= 14)
        DNB_TRY(dnb_node_int(&r->node, "training_mode", 0, &training, err));
    if (opset < 7 && dnb_node_attr(&r->node, "is_test"))
        DNB_TRY(dnb_node_int(&r->node, "is_test", 0, &is_test, err));
    if (opset < 9)
        DNB_TRY(dnb_node_int(&r->node, "spatial", 1, &spatial, err));
    if (training || !is_test || !spatial || r->node.n_outputs > 1)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): no gradient in training mode or per feature", r->node.name,
                        r->node.op->name);
done:
    return status;
}

/* y = (x - mean) factor + bias with factor = scale / sqrt(variance + epsilon), per channel. */
dnb_status dnb_grad_batch_norm(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_value *in = r->node.inputs;
    dnb_value dy = r->out_grads[0], shape, both[2] = {dy, DNB_NO_VALUE};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_from(r, 3, err));
    DNB_TRY(refuse_training(r, err));
    if (r->wanted[0]) {
        DNB_TRY(dnb_grad_shape_of(r, in[0], &shape, err));
        const dnb_value factor[3] = {in[1], in[4], shape};
        DNB_TRY(dnb_grad_like(r, "dnb.NormFactor", factor, 3, &both[1], err));
        DNB_TRY(dnb_grad_node(r, "Mul", both, 2, NULL, 0, &r->in_grads[0], err));
    }
    if (r->wanted[1]) {
        const dnb_value scale[4] = {in[0], dy, in[3], in[4]};
        DNB_TRY(dnb_grad_like(r, "dnb.NormScaleGrad", scale, 4, &r->in_grads[1], err));
    }
    if (r->wanted[2])
        DNB_TRY(dnb_grad_node(r, "dnb.ChannelSum", &dy, 1, NULL, 0, &r->in_grads[2], err));
done:
    return status;
}

/* ---- standardisation of x itself ---------------------------------------------------------------
 */

dnb_status dnb_grad_standardised(const dnb_op_grads *r, const dnb_norm_rule *rule,
                                 const bool *together, size_t groups, dnb_value g, dnb_err *err)
{
    int64_t axes[DNB_MAX_DIMS] = {0};
    size_t n = 0;
    for (int d = 0; together && d < r->shape[r->node.inputs[0]].ndim; d++)
        if (together[d])
            axes[n++] = d;
    const dnb_attr attrs[] = {{.name = "axes", .kind = DNB_ATTR_INTS, .ints = axes, .n = n},
                              DNB_INT("groups", (int64_t)groups),
                              DNB_INT("kind", rule->kind),
                              DNB_INT("centre", rule->centre),
                              DNB_FLOAT("epsilon", rule->epsilon),
                              DNB_FLOAT("guard", rule->guard)};
    const dnb_value in[2] = {r->node.inputs[0], g};
    return dnb_grad_node(r, "dnb.NormGrad", in, 2, attrs, 6, &r->in_grads[0], err);
}

static dnb_status reshaped(const dnb_op_grads *r, dnb_value v, const int64_t *dims, int ndim,
                           dnb_value *out, dnb_err *err)
{
    dnb_value shape;
    dnb_status status = dnb_grad_integers(r, dims, (size_t)ndim, &shape, err);
    return status == DNB_OK ? dnb_grad_apply(r, "dnb.ReshapeTo", v, shape, out, err) : status;
}

/* A vector over groups or channels as channels x 1 x 1.. */
static dnb_status per_channel(const dnb_op_grads *r, dnb_value v, size_t groups, bool per_group,
                              dnb_value *out, dnb_err *err)
{
    const dnb_shape *x = &r->shape[r->node.inputs[0]];
    int64_t channels = (int64_t)x->dim[1], g = (int64_t)groups;
    int64_t column[2] = {g, 1}, table[2] = {g, channels / g}, planes[DNB_MAX_DIMS] = {channels};
    dnb_value shape;
    dnb_status status = DNB_OK;
    if (per_group) {
        DNB_TRY(reshaped(r, v, column, 2, &v, err));
        DNB_TRY(dnb_grad_integers(r, table, 2, &shape, err));
        DNB_TRY(dnb_grad_apply(r, "dnb.BroadcastTo", v, shape, &v, err));
    }
    for (int d = 1; d < x->ndim - 1; d++)
        planes[d] = 1;
    DNB_TRY(reshaped(r, v, planes, x->ndim - 1, out, err));
done:
    return status;
}

/* in_grads[k] of a vector over groups or channels, from one of the data's shape. */
static dnb_status vector_grad(const dnb_op_grads *r, size_t k, dnb_value grad, size_t groups,
                              bool per_group, dnb_err *err)
{
    int64_t channels = (int64_t)r->shape[r->node.inputs[0]].dim[1], g = (int64_t)groups;
    int64_t table[2] = {g, channels / g}, column[2] = {g, 1};
    dnb_value shape;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_node(r, "dnb.ChannelSum", &grad, 1, NULL, 0, &grad, err));
    if (per_group) {
        DNB_TRY(reshaped(r, grad, table, 2, &grad, err));
        DNB_TRY(dnb_grad_integers(r, column, 2, &shape, err));
        DNB_TRY(dnb_grad_apply(r, "dnb.SumTo", grad, shape, &grad, err));
    }
    DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", grad, r->node.inputs[k], &r->in_grads[k], err));
done:
    return status;
}

dnb_status dnb_grad_grouped(const dnb_op_grads *r, size_t groups, bool per_group, dnb_err *err)
{
    const dnb_value *in = r->node.inputs;
    dnb_value dy = r->out_grads[0], v, normal[3] = {in[0], DNB_NO_VALUE, DNB_NO_VALUE};
    dnb_norm_rule rule = {.kind = DNB_NORM_VARIANCE, .centre = true};
    size_t count = r->shape[in[1]].dim[0];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(&r->node, "epsilon", 1e-5, &rule.epsilon, err));
    if (r->wanted[0]) {
        DNB_TRY(per_channel(r, in[1], groups, per_group, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", dy, v, &v, err));
        DNB_TRY(dnb_grad_standardised(r, &rule, NULL, groups, v, err));
    }
    if (r->wanted[1]) { /* the data standardised: the node with scales 1 and shifts 0 */
        DNB_TRY(dnb_grad_filled(r, 1, 1, &count, &normal[1], err));
        DNB_TRY(dnb_grad_filled(r, 0, 1, &count, &normal[2], err));
        DNB_TRY(dnb_grad_like(r, r->node.op->name, normal, 3, &v, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", dy, v, &v, err));
        DNB_TRY(vector_grad(r, 1, v, groups, per_group, err));
    }
    if (r->wanted[2])
        DNB_TRY(vector_grad(r, 2, dy, groups, per_group, err));
done:
    return status;
}

dnb_status dnb_grad_instance_norm(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_grouped(r, r->shape[r->node.inputs[0]].dim[1], false, err);
}

/* ---- LayerNormalization, RMSNormalization -------------------------------------------------------
 */

/* in_grads[0] += more, or = more where nothing is there yet. */
static dnb_status add_to_data(const dnb_op_grads *r, dnb_value more, dnb_err *err)
{
    if (r->in_grads[0] != DNB_NO_VALUE)
        return dnb_grad_apply(r, "Add", r->in_grads[0], more, &r->in_grads[0], err);
    r->in_grads[0] = more;
    return DNB_OK;
}

/* What the outputs Mean and InvStdDev pass on: their share of each element, and minus
 * InvStdDev^2 times the standardised data. */
static dnb_status moment_grads(const dnb_op_grads *r, dnb_value normal, dnb_err *err)
{
    const dnb_attr mean[] = {DNB_INT("mean", 1)};
    dnb_value in[2] = {DNB_NO_VALUE, DNB_NO_VALUE}, v;
    dnb_status status = DNB_OK;
    for (size_t k = 1; k < r->node.n_outputs; k++) {
        if (r->out_grads[k] == DNB_NO_VALUE)
            continue;
        in[0] = r->out_grads[k];
        for (int twice = 0; k == 2 && twice < 2; twice++)
            DNB_TRY(dnb_grad_apply(r, "Mul", in[0], r->node.outputs[2], &in[0], err));
        DNB_TRY(dnb_grad_shape_of(r, r->node.inputs[0], &in[1], err));
        DNB_TRY(dnb_grad_node(r, "dnb.BroadcastTo", in, 2, mean, 1, &v, err));
        if (k == 2) {
            DNB_TRY(dnb_grad_apply(r, "Mul", v, normal, &v, err));
            DNB_TRY(dnb_grad_scaled(r, v, -1, &v, err));
        }
        DNB_TRY(add_to_data(r, v, err));
    }
done:
    return status;
}

static dnb_status layer_norm_grads(const dnb_op_grads *r, bool centre, dnb_err *err)
{
    const dnb_value *in = r->node.inputs;
    dnb_value dy = r->out_grads[0], normal[2] = {in[0], DNB_NO_VALUE}, v;
    dnb_norm_rule rule = {.kind = DNB_NORM_VARIANCE, .centre = centre};
    bool together[DNB_MAX_DIMS];
    int axis, ndim = r->shape[in[0]].ndim;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(&r->node, "epsilon", 1e-5, &rule.epsilon, err));
    DNB_TRY(dnb_op_axis_attr(&r->node, "axis", -1, ndim, true, &axis, err));
    for (int d = 0; d < ndim; d++)
        together[d] = d >= axis;
    DNB_TRY(dnb_grad_number(r, 1, &v, err)); /* the data standardised: the node with scale 1 */
    normal[1] = v;
    DNB_TRY(dnb_grad_like(r, r->node.op->name, normal, 2, &normal[0], err));
    if (r->wanted[0] && dy != DNB_NO_VALUE) {
        DNB_TRY(dnb_grad_apply(r, "Mul", dy, in[1], &v, err));
        DNB_TRY(dnb_grad_standardised(r, &rule, together, 0, v, err));
    }
    if (r->wanted[0])
        DNB_TRY(moment_grads(r, normal[0], err));
    if (r->wanted[1] && dy != DNB_NO_VALUE) {
        DNB_TRY(dnb_grad_apply(r, "Mul", dy, normal[0], &v, err));
        DNB_TRY(dnb_grad_sum_to_input(r, 1, v, err));
    }
    if (r->node.n_inputs > 2 && r->wanted[2] && dy != DNB_NO_VALUE)
        DNB_TRY(dnb_grad_sum_to_input(r, 2, dy, err));
done:
    return status;
}

dnb_status dnb_grad_layer_norm(const dnb_op_grads *r, dnb_err *err)
{
    return layer_norm_grads(r, true, err);
}

dnb_status dnb_grad_rms_norm(const dnb_op_grads *r, dnb_err *err)
{
    return layer_norm_grads(r, false, err);
}

dnb_status dnb_grad_lrn(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_value in[2] = {r->node.inputs[0], r->out_grads[0]};
    return dnb_grad_like(r, "dnb.LrnGrad", in, 2, &r->in_grads[0], err);
}

/* The axes as Softmax reads them: one, or before opset 13 all from it on. */
static dnb_status softmax_grad(const dnb_op_grads *r, bool is_log, dnb_err *err)
{
    const dnb_value in[2] = {r->out_grads[0], r->node.outputs[0]};
    bool flatten = dnb_graph_opset(r->graph) < 13;
    int axis, ndim = r->shape[r->node.inputs[0]].ndim;
    dnb_status status =
        dnb_op_axis_attr(&r->node, "axis", flatten ? 1 : -1, ndim, flatten, &axis, err);
    if (status != DNB_OK)
        return status;
    const dnb_attr attrs[] = {DNB_INT("axis", axis), DNB_INT("flatten", flatten),
                              DNB_INT("log", is_log)};
    return dnb_grad_node(r, "dnb.SoftmaxGrad", in, 2, attrs, 3, &r->in_grads[0], err);
}

dnb_status dnb_grad_softmax(const dnb_op_grads *r, dnb_err *err)
{
    return softmax_grad(r, false, err);
}

dnb_status dnb_grad_log_softmax(const dnb_op_grads *r, dnb_err *err)
{
    return softmax_grad(r, true, err);
}
