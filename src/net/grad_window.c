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
    if (r->wanted[0] && r->in_grads[0] == DNB_NO_VALUE)
        DNB_TRY(window_grad(r, input_op, dy, w, x, &r->in_grads[0], err));
    if (r->wanted[1])
        DNB_TRY(window_grad(r, weight_op, x, dy, w, &r->in_grads[1], err));
    if (r->node.n_inputs > 2 && r->wanted[2])
        DNB_TRY(dnb_grad_node(r, "dnb.ChannelSum", &dy, 1, NULL, 0, &r->in_grads[2], err));
done:
    return status;
}

/* Few channels, strided: what op_grad_phase.c is for. */
#define FEW_CHANNELS 8
#define MOST_PHASES 64

/* The padding before and after the gradient, if the convolution is of that kind. */
static bool by_phases(const dnb_op_grads *r, const dnb_window *w, int64_t lo[3], int64_t hi[3])
{
    const dnb_shape *x = &r->shape[r->node.inputs[0]];
    size_t count = 1;
    for (int i = 0; i < w->n; i++) {
        size_t taps = (w->kernel[i] + w->stride[i] - 1) / w->stride[i];
        size_t needed = (x->dim[2 + i] - 1 + w->pad_lo[i]) / w->stride[i] + 1;
        if (w->dilation[i] != 1 || w->stride[i] > MOST_PHASES || needed < w->out[i])
            return false;
        lo[i] = (int64_t)taps - 1;
        hi[i] = (int64_t)(needed - w->out[i]);
        count *= w->stride[i];
    }
    return count > 1 && count <= MOST_PHASES && x->dim[1] <= FEW_CHANNELS;
}

/* in_grads[0] by a convolution over the phases; left alone when another way is better. */
static dnb_status phase_grad(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value in[2] = {r->out_grads[0], DNB_NO_VALUE}, shuffled[2];
    int64_t stride[3], offset[3], lo[3], hi[3], pads[6], groups = 1;
    dnb_window w;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(&r->node, "group", 1, &groups, err));
    DNB_TRY(dnb_window_read(&w, &r->node, &r->shape[r->node.inputs[0]],
                            &r->shape[r->node.inputs[1]].dim[2], err));
    if (groups != 1 || !by_phases(r, &w, lo, hi))
        return DNB_OK;
    for (int i = 0; i < w.n; i++) {
        stride[i] = (int64_t)w.stride[i];
        offset[i] = (int64_t)w.pad_lo[i];
        pads[i] = lo[i];
        pads[w.n + i] = hi[i];
    }
    size_t n = (size_t)w.n;
    const dnb_attr sorted[] = {{.name = "strides", .kind = DNB_ATTR_INTS, .ints = stride, .n = n},
                               {.name = "offsets", .kind = DNB_ATTR_INTS, .ints = offset, .n = n}};
    const dnb_attr padded[] = {{.name = "pads", .kind = DNB_ATTR_INTS, .ints = pads, .n = 2 * n}};
    DNB_TRY(dnb_grad_node(r, "dnb.PhaseWeights", &r->node.inputs[1], 1, sorted, 1, &in[1], err));
    DNB_TRY(dnb_grad_node(r, "Conv", in, 2, padded, 1, &shuffled[0], err));
    DNB_TRY(dnb_grad_shape_of(r, r->node.inputs[0], &shuffled[1], err));
    DNB_TRY(dnb_grad_node(r, "dnb.PhaseShuffle", shuffled, 2, sorted, 2, &r->in_grads[0], err));
done:
    return status;
}

dnb_status dnb_grad_conv(const dnb_op_grads *r, dnb_err *err)
{
    dnb_status status = r->wanted[0] ? phase_grad(r, err) : DNB_OK;
    return status != DNB_OK ? status
                            : conv_grads(r, "dnb.ConvInputGrad", "dnb.ConvWeightGrad", err);
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
