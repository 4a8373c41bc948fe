/* Pad: constant, reflect, edge and wrap; negative padding crops. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_PAD ((int64_t)1 << 31)

typedef enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP } pad_mode;

typedef struct padding {
    pad_mode mode;
    int64_t lo[DNB_MAX_DIMS], hi[DNB_MAX_DIMS];
} padding;

static dnb_status read_mode(const dnb_node *n, pad_mode *mode, dnb_err *err)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap", NULL};
    int found = PAD_CONSTANT;
    dnb_status status = dnb_node_choice(n, "mode", names, PAD_CONSTANT, &found, err);
    *mode = (pad_mode)found;
    return status;
}

/* The attribute that holds the padding: opset 1 had another name. */
static const char *pads_name(const dnb_node *n)
{
    return dnb_node_attr(n, "paddings") ? "paddings" : "pads";
}

/* Mode, and padding per dimension from the pads list and the optional axes. */
static dnb_status read_padding(const dnb_node *n, int ndim, const int64_t *pads, size_t n_pads,
                               const int64_t *axes, size_t n_axes, padding *p, dnb_err *err)
{
    size_t count = axes ? n_axes : (size_t)ndim;
    dnb_status status = DNB_OK;
    *p = (padding){0};
    DNB_TRY(read_mode(n, &p->mode, err));
    if (!pads || n_pads % 2 || n_pads / 2 != count)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (Pad): pads needs two numbers for each of %zu "
                        "dimensions",
                        n->name, count);
    for (size_t i = 0; i < count; i++) {
        int axis;
        DNB_TRY(dnb_op_axis(n, axes ? axes[i] : (int64_t)i, ndim, false, &axis, err));
        p->lo[axis] = pads[i];
        p->hi[axis] = pads[count + i];
        if (pads[i] < -MAX_PAD || pads[count + i] < -MAX_PAD || pads[i] > MAX_PAD ||
            pads[count + i] > MAX_PAD)
            return dnb_fail(err, DNB_EARG, "node '%s' (Pad): padding is out of range", n->name);
    }
done:
    return status;
}

static dnb_status pad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *pads, *axes;
    size_t n_pads, n_axes;
    padding p;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, pads_name(s->node), 1, &pads, &n_pads, err));
    DNB_TRY(dnb_op_ints(s, NULL, 3, &axes, &n_axes, err));
    DNB_TRY(read_padding(s->node, s->in[0]->ndim, pads, n_pads, axes, n_axes, &p, err));
    if (s->node->n_inputs > 2 && s->in[2] &&
        (s->in[2]->dtype != s->in[0]->dtype || dnb_shape_count(s->in[2]) > 1))
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (Pad): the padding value must be one number of input 0's type",
                        s->node->name);
    s->out[0] = *s->in[0];
    for (int i = 0; i < s->out[0].ndim; i++) {
        int64_t size = (int64_t)s->in[0]->dim[i], out = size + p.lo[i] + p.hi[i];
        if (out < 0 || (p.mode != PAD_CONSTANT && size == 0 && out > 0))
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (Pad): cannot pad dimension %d of %lld by "
                            "%lld and %lld",
                            s->node->name, i, (long long)size, (long long)p.lo[i],
                            (long long)p.hi[i]);
        s->out[0].dim[i] = (size_t)out;
    }
done:
    return status;
}

/* Where output index i (already shifted by the padding) comes from. Padding wider than the input
 * reflects or wraps as often as needed. */
static size_t pad_source(int64_t i, int64_t size, pad_mode mode)
{
    if (i >= 0 && i < size)
        return (size_t)i;
    if (mode == PAD_CONSTANT)
        return DNB_FILL;
    if (mode == PAD_EDGE || size == 1)
        return (size_t)(i < 0 ? 0 : size - 1);
    int64_t period = mode == PAD_WRAP ? size : 2 * (size - 1);
    int64_t at = (i % period + period) % period;
    return (size_t)(at < size ? at : period - at);
}

static dnb_status pad_run(const dnb_op_call *c, dnb_err *err)
{
    static const uint64_t zero = 0;
    const dnb_array *x = c->in[0];
    const int64_t *pads, *axes;
    size_t n_pads, n_axes;
    padding p;
    double value = 0;
    dnb_tables t = {0};
    dnb_array given = {0}, number;
    const void *fill = &zero;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_call_ints(c, pads_name(c->node), 1, &pads, &n_pads, err));
    DNB_TRY(dnb_call_ints(c, NULL, 3, &axes, &n_axes, err));
    DNB_TRY(read_padding(c->node, x->ndim, pads, n_pads, axes, n_axes, &p, err));
    DNB_TRY(dnb_node_float(c->node, "value", 0, &value, err));
    dnb_array_borrow(&number, DNB_F64, 0, NULL, &value);
    DNB_TRY(dnb_array_convert(&given, &number, c->out[0].dtype, err));
    if (c->node->n_inputs > 2 && c->in[2] && dnb_array_count(c->in[2]) == 1)
        fill = c->in[2]->data;
    else if (value != 0)
        fill = given.data;
    DNB_TRY(dnb_tables_init(&t, &c->out[0], err));
    for (int d = 0; d < x->ndim; d++)
        for (size_t i = 0; i < c->out[0].shape[d]; i++)
            t.from[d][i] = pad_source((int64_t)i - p.lo[d], (int64_t)x->shape[d], p.mode);
    dnb_move_or_fill(&c->out[0], x, &t, fill);
done:
    dnb_array_release(&given);
    dnb_tables_release(&t);
    return status;
}

const dnb_op dnb_op_pad = {.name = "Pad",
                           .min_in = 1,
                           .max_in = 4,
                           .max_out = 1,
                           .flags = DNB_OP_TAKES_EMPTY,
                           .shape = pad_shape,
                           .run = pad_run,
                           .gradient = dnb_grad_mover};
