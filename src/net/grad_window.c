/* Gradient rules of convolution and pooling. */
#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_util.h"

/* op(a, b, shape of like) with the forward node's attributes. */
static dnb_status window_grad(const dnb_op_grads *r, const char *op, dnb_value a, dnb_value b,
                              dnb_value like, dnb_value *out, dnb_err *err)
{
    dnb_value in[3] = {a, b, DNB_NO_VALUE};
    dnb_status status = dnb_grad_shape_of(r, like, &in[2], err);
    return status == DNB_OK ? dnb_grad_like(r, op, in, 3, out, err) : status;
}

static dnb_status conv_grads(const dnb_op_grads *r, const char *input_op, const char *weight_op,
                             dnb_err *err)
{
    dnb_value x = r->node.inputs[0], w = r->node.inputs[1], dy = r->out_grads[0];
    dnb_status status = DNB_OK;
    if (r->wanted[0])
        DNB_TRY(window_grad(r, input_op, dy, w, x, &r->in_grads[0], err));
    if (r->wanted[1])
        DNB_TRY(window_grad(r, weight_op, x, dy, w, &r->in_grads[1], err));
    if (r->node.n_inputs > 2 && r->wanted[2])
        DNB_TRY(dnb_grad_node(r, "dnb.ChannelSum", &dy, 1, NULL, 0, &r->in_grads[2], err));
done:
    return status;
}

dnb_status dnb_grad_conv(const dnb_op_grads *r, dnb_err *err)
{
    return conv_grads(r, "dnb.ConvInputGrad", "dnb.ConvWeightGrad", err);
}

dnb_status dnb_grad_conv_transpose(const dnb_op_grads *r, dnb_err *err)
{
    return conv_grads(r, "dnb.ConvTransposeInputGrad", "dnb.ConvTransposeWeightGrad", err);
}

dnb_status dnb_grad_max_pool(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_value in[2] = {r->node.inputs[0], r->out_grads[0]};
    if (r->out_grads[0] == DNB_NO_VALUE)
        return DNB_OK; /* indices have none */
    return dnb_grad_like(r, "dnb.MaxPoolGrad", in, 2, &r->in_grads[0], err);
}

static dnb_status average_grad(const dnb_op_grads *r, const char *op, dnb_err *err)
{
    dnb_value in[2] = {r->out_grads[0], DNB_NO_VALUE};
    dnb_status status = dnb_grad_shape_of(r, r->node.inputs[0], &in[1], err);
    return status == DNB_OK ? dnb_grad_like(r, op, in, 2, &r->in_grads[0], err) : status;
}

dnb_status dnb_grad_average_pool(const dnb_op_grads *r, dnb_err *err)
{
    return average_grad(r, "dnb.AveragePoolGrad", err);
}

dnb_status dnb_grad_adaptive_average_pool(const dnb_op_grads *r, dnb_err *err)
{
    return average_grad(r, "dnb.AdaptiveAveragePoolGrad", err);
}
