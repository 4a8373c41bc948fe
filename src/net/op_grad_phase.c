/* The image gradient of a strided convolution with few input channels, as one plain convolution:
 * the inputs that lie stride apart (a phase) see every stride-th weight. dnb.PhaseWeights sorts the
 * weights by phase, dnb.PhaseShuffle puts the phases' results back between each other. An ordinary
 * data gradient pads such channels to the width of a register and does several times the work. */
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_STRIDE ((int64_t)64)

/* Attributes strides and offsets, for n spatial dimensions, as three. */
typedef struct phases {
    size_t stride[3], offset[3], count;
} phases;

#define DNB_KERNELS "net/op_grad_phase_kernel.h"
#include "net/each_real.h"

static dnb_status read_phases(const dnb_node *node, int n, phases *out, dnb_err *err)
{
    const int64_t *stride, *offset;
    size_t n_stride, n_offset;
    phases p = {{1, 1, 1}, {0, 0, 0}, 1};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_ints(node, "strides", &stride, &n_stride, err));
    DNB_TRY(dnb_node_ints(node, "offsets", &offset, &n_offset, err));
    bool ok = n >= 1 && n <= 3 && n_stride == (size_t)n && (!offset || n_offset == (size_t)n);
    for (int i = 0; ok && i < n; i++) {
        ok = stride[i] >= 1 && stride[i] <= MAX_STRIDE &&
             (!offset || (offset[i] >= 0 && offset[i] <= (int64_t)1 << 31));
        p.stride[3 - n + i] = ok ? (size_t)stride[i] : 1;
        p.offset[3 - n + i] = ok && offset ? (size_t)offset[i] : 0;
        p.count *= p.stride[3 - n + i];
    }
    if (!ok)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): strides or offsets are malformed",
                        node->name, node->op->name);
    *out = p;
done:
    return status;
}

/* ---- dnb.PhaseWeights: o x c x k... -> (c phases) x o x ceil(k / stride)..., mirrored
 * ------------
 */

static dnb_status weights_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *w = s->in[0];
    phases p;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(read_phases(s->node, w->ndim - 2, &p, err));
    s->out[0].ndim = w->ndim;
    s->out[0].dim[0] = w->dim[1] * p.count;
    s->out[0].dim[1] = w->dim[0];
    for (int i = 2; i < w->ndim; i++) {
        size_t stride = p.stride[3 - (w->ndim - i)];
        s->out[0].dim[i] = (w->dim[i] + stride - 1) / stride;
    }
done:
    return status;
}

static dnb_status weights_run(const dnb_op_call *c, dnb_err *err)
{
    phases p;
    dnb_status status = read_phases(c->node, c->in[0]->ndim - 2, &p, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, phase_weights, &c->out[0], c->in[0], &p);
    return status;
}

const dnb_op dnb_op_phase_weights = {.name = "dnb.PhaseWeights",
                                     .min_in = 1,
                                     .max_in = 1,
                                     .max_out = 1,
                                     .shape = weights_shape,
                                     .run = weights_run};

/* ---- dnb.PhaseShuffle: n x (c phases) x a..., shape of the result n x c x i...: result i is
 * element (i + offset) / stride of phase (i + offset) % stride */

static dnb_status shuffle_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *t = s->in[0], *out = &s->out[0];
    phases p;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(dnb_op_target_shape(s, 1, err));
    DNB_TRY(read_phases(s->node, t->ndim - 2, &p, err));
    bool fits = out->ndim == t->ndim && out->dim[0] == t->dim[0] && t->dim[1] % p.count == 0 &&
                out->dim[1] == t->dim[1] / p.count;
    for (int i = 2; fits && i < t->ndim; i++) {
        int k = 3 - (t->ndim - i);
        fits = out->dim[i] > 0 && (out->dim[i] - 1 + p.offset[k]) / p.stride[k] < t->dim[i];
    }
    if (!fits)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): the phases do not fill the result",
                        s->node->name, s->node->op->name);
done:
    return status;
}

static dnb_status shuffle_run(const dnb_op_call *c, dnb_err *err)
{
    phases p;
    dnb_status status = read_phases(c->node, c->in[0]->ndim - 2, &p, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, phase_shuffle, &c->out[0], c->in[0], &p);
    return status;
}

const dnb_op dnb_op_phase_shuffle = {.name = "dnb.PhaseShuffle",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .max_out = 1,
                                     .shape = shuffle_shape,
                                     .run = shuffle_run};
