/* Gradient rules of normalisations and softmax. */
#include "base/mem.h"
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

dnb_status dnb_grad_instance_norm(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_value *in = r->node.inputs;
    dnb_value dy = r->out_grads[0];
    const dnb_value three[3] = {in[0], dy, in[1]};
    dnb_status status = DNB_OK;
    if (r->wanted[0])
        DNB_TRY(dnb_grad_like(r, "dnb.InstanceNormGrad", three, 3, &r->in_grads[0], err));
    if (r->wanted[1])
        DNB_TRY(dnb_grad_like(r, "dnb.NormScaleGrad", three, 2, &r->in_grads[1], err));
    if (r->wanted[2])
        DNB_TRY(dnb_grad_node(r, "dnb.ChannelSum", &dy, 1, NULL, 0, &r->in_grads[2], err));
done:
    return status;
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
