/* Conv and ConvTranspose: 1 to 3 spatial dimensions, groups, strides, dilation, padding. */
#include "net/grad_util.h"
#include "net/op_conv.h"
#include "net/op_families.h"
#include "net/op_integer.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define DNB_KERNELS "net/op_conv_kernel.h"
#include "net/each_real.h"

/* ---- Conv ---------------------------------------------------------------------------------------
 */

/* Data, weights and bias fit; *groups is the group count. out_axis: which weight dimension
 * (together with the groups) gives the output channels: 0 for Conv, 1 for ConvTranspose. */
static dnb_status check_operands(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                                 const dnb_shape *b, int out_axis, size_t *groups, size_t *n_out,
                                 dnb_err *err)
{
    char tx[128], tw[128];
    int64_t g = 1;
    dnb_status status = dnb_node_int(n, "group", 1, &g, err);
    if (status != DNB_OK)
        return status;
    dnb_shape_text(x, tx, sizeof tx);
    dnb_shape_text(w, tw, sizeof tw);
    if (x->dtype != DNB_F32 || w->dtype != DNB_F32 || (b && b->dtype != DNB_F32))
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): works on floats only", n->name,
                        n->op->name);
    if (x->ndim < 3 || w->ndim != x->ndim)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %s does not go with weights %s",
                        n->name, n->op->name, tx, tw);
    if (g < 1 || (uint64_t)g > x->dim[1] || x->dim[1] % (size_t)g || w->dim[0] % (size_t)g)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (%s): %lld groups do not divide input %s and "
                        "weights %s",
                        n->name, n->op->name, (long long)g, tx, tw);
    size_t want_in = out_axis == 0 ? w->dim[1] * (size_t)g : w->dim[0];
    size_t out = out_axis == 0 ? w->dim[0] : w->dim[1] * (size_t)g;
    if (w->dim[1] > SIZE_MAX / (size_t)g || want_in != x->dim[1])
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (%s): input %s does not go with weights %s in "
                        "%lld groups",
                        n->name, n->op->name, tx, tw, (long long)g);
    if (b && (b->ndim != 1 || b->dim[0] != out))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): bias does not have %zu elements", n->name,
                        n->op->name, out);
    *groups = (size_t)g;
    *n_out = out;
    return DNB_OK;
}

dnb_status dnb_conv_read(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                         const dnb_shape *b, dnb_window *window, size_t *groups, size_t *n_out,
                         dnb_err *err)
{
    dnb_status status = check_operands(n, x, w, b, 0, groups, n_out, err);
    return status == DNB_OK ? dnb_window_read(window, n, x, &w->dim[2], err) : status;
}

/* out = batch x channels x the window's output. */
static void spatial_output(const dnb_op_shapes *s, const dnb_window *w, size_t channels)
{
    s->out[0].ndim = 2 + w->n;
    s->out[0].dim[0] = s->in[0]->dim[0];
    s->out[0].dim[1] = channels;
    for (int i = 0; i < w->n; i++)
        s->out[0].dim[2 + i] = w->out[i];
}

static const dnb_shape *bias_shape(const dnb_op_shapes *s)
{
    return s->node->n_inputs > 2 ? s->in[2] : NULL;
}

static const dnb_array *bias_array(const dnb_op_call *c)
{
    return c->node->n_inputs > 2 ? c->in[2] : NULL;
}

void dnb_conv_reference(const dnb_array *out, const dnb_array *x, const dnb_array *w,
                        const dnb_array *b, const dnb_window *window, size_t groups)
{
    if (out->dtype == DNB_F64)
        conv_f64(out, x, w, b, window, groups);
    else
        conv_f32(out, x, w, b, window, groups);
}

void dnb_deconv_reference(const dnb_array *out, const dnb_array *x, const dnb_array *w,
                          const dnb_array *b, const dnb_window *window, size_t groups)
{
    if (out->dtype == DNB_F64)
        deconv_f64(out, x, w, b, window, groups);
    else
        deconv_f32(out, x, w, b, window, groups);
}

static dnb_status conv_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    size_t groups = 1, n_out = 0;
    dnb_status status =
        dnb_conv_read(s->node, s->in[0], s->in[1], bias_shape(s), &w, &groups, &n_out, err);
    if (status == DNB_OK)
        spatial_output(s, &w, n_out);
    return status;
}

static dnb_status conv_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    size_t groups = 1, n_out = 0;
    dnb_shape x = dnb_shape_of(c->in[0]), wt = dnb_shape_of(c->in[1]);
    x.dtype = wt.dtype = DNB_F32;
    dnb_status status = dnb_conv_read(c->node, &x, &wt, NULL, &w, &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    dnb_conv_reference(&c->out[0], c->in[0], c->in[1], bias_array(c), &w, groups);
    return DNB_OK;
}

dnb_status dnb_conv_infer(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                          const dnb_shape *b, dnb_shape *out, dnb_err *err)
{
    dnb_shape floats[3] = {*x, *w, b ? *b : (dnb_shape){0}};
    dnb_window window;
    size_t groups = 1, n_out = 0;
    for (int i = 0; i < 3; i++)
        floats[i].dtype = DNB_F32;
    dnb_status status = dnb_conv_read(n, &floats[0], &floats[1], b ? &floats[2] : NULL, &window,
                                      &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    out->ndim = x->ndim;
    out->dim[0] = x->dim[0];
    out->dim[1] = n_out;
    for (int i = 0; i < window.n; i++)
        out->dim[2 + i] = window.out[i];
    return DNB_OK;
}

dnb_status dnb_conv_double(const dnb_node *n, const dnb_array *const in[3], dnb_array *out,
                           dnb_err *err)
{
    return conv_run(&(dnb_op_call){.node = n, .in = in, .out = out}, err);
}

static dnb_status conv_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    size_t n_out = 0;
    dnb_status status =
        dnb_conv_read(s->node, s->in[0], s->in[1], bias_shape(s), &w, &p->groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_prim(&w, p);
    p->kind = DNB_PRIM_CONV;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_conv = {.name = "Conv",
                            .min_in = 2,
                            .max_in = 3,
                            .max_out = 1,
                            .shape = conv_shape,
                            .run = conv_run,
                            .lower = conv_lower,
                            .gradient = dnb_grad_conv};

/* ---- ConvTranspose ------------------------------------------------------------------------------
 */

/* Padding of one dimension so that the output has the wanted size (ONNX: the odd one goes to the
 * start unless auto_pad is SAME_UPPER; a negative total lengthens the end). */
static void split_padding(dnb_window *w, int i, int64_t total, bool upper)
{
    if (total <= 0) {
        w->pad_lo[i] = w->pad_hi[i] = 0;
        return;
    }
    w->pad_lo[i] = (size_t)(upper ? total / 2 : total - total / 2);
    w->pad_hi[i] = (size_t)total - w->pad_lo[i];
}

/* w->out and pads from pads, output_padding, output_shape and auto_pad. */
static dnb_status deconv_output(dnb_window *w, const dnb_node *n, const dnb_shape *x, dnb_err *err)
{
    const int64_t *pads, *extra, *wanted;
    size_t n_pads, n_extra, n_wanted, nd = (size_t)w->n;
    const char *mode = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_ints(n, "pads", &pads, &n_pads, err));
    DNB_TRY(dnb_node_ints(n, "output_padding", &extra, &n_extra, err));
    DNB_TRY(dnb_node_ints(n, "output_shape", &wanted, &n_wanted, err));
    DNB_TRY(dnb_node_string(n, "auto_pad", &mode, err));
    if ((pads && n_pads != 2 * nd) || (extra && n_extra != nd) || (wanted && n_wanted < nd))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): padding lists have the wrong length",
                        n->name, n->op->name);
    bool same = mode && (mode[0] == 'S'), upper = mode && strcmp(mode, "SAME_UPPER") == 0;
    for (size_t i = 0; i < nd; i++) {
        int64_t lo = pads && !same ? pads[i] : 0, hi = pads && !same ? pads[nd + i] : 0;
        int64_t add = extra ? extra[i] : 0, limit = (int64_t)1 << 31;
        int64_t want = wanted ? wanted[n_wanted - nd + i] : 0;
        if (lo < 0 || hi < 0 || add < 0 || lo > limit || hi > limit || add > limit || want < 0 ||
            want > limit)
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): padding is out of range", n->name,
                            n->op->name);
        int64_t full = (int64_t)(w->stride[i] * (x->dim[2 + i] - 1)) + add +
                       (int64_t)((w->kernel[i] - 1) * w->dilation[i]) + 1;
        int64_t out = full - lo - hi;
        w->pad_lo[i] = (size_t)lo;
        w->pad_hi[i] = (size_t)hi;
        if (wanted || same) {
            out = wanted ? want : (int64_t)(x->dim[2 + i] * w->stride[i]);
            split_padding(w, (int)i, full - out, upper);
        }
        if (out < 1 || out > limit)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): output size %lld is out of range",
                            n->name, n->op->name, (long long)out);
        w->out[i] = (size_t)out;
    }
done:
    return status;
}

dnb_status dnb_deconv_read(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                           const dnb_shape *b, dnb_window *window, size_t *groups, size_t *n_out,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(check_operands(n, x, w, b, 1, groups, n_out, err));
    DNB_TRY(dnb_window_read_sizes(window, n, x, &w->dim[2], err));
    DNB_TRY(deconv_output(window, n, x, err));
done:
    return status;
}

static dnb_status deconv_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    size_t groups = 1, n_out = 0;
    dnb_status status =
        dnb_deconv_read(s->node, s->in[0], s->in[1], bias_shape(s), &w, &groups, &n_out, err);
    if (status == DNB_OK)
        spatial_output(s, &w, n_out);
    return status;
}

static dnb_status deconv_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    size_t groups = 1, n_out = 0;
    dnb_shape x = dnb_shape_of(c->in[0]), wt = dnb_shape_of(c->in[1]);
    x.dtype = wt.dtype = DNB_F32;
    dnb_status status = dnb_deconv_read(c->node, &x, &wt, NULL, &w, &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    dnb_deconv_reference(&c->out[0], c->in[0], c->in[1], bias_array(c), &w, groups);
    return DNB_OK;
}

static dnb_status deconv_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    size_t n_out = 0;
    dnb_status status =
        dnb_deconv_read(s->node, s->in[0], s->in[1], bias_shape(s), &w, &p->groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_prim(&w, p);
    for (int i = 0; i < w.n; i++) {
        /* The accelerator's rule: out = (in - 1) * stride + extent - lo - hi, so an output padding
         * is a smaller (even negative) hi, which a size_t cannot hold: leave those to the
         * reference. */
        int64_t full = (int64_t)(w.stride[i] * (s->in[0]->dim[2 + i] - 1) +
                                 (w.kernel[i] - 1) * w.dilation[i] + 1);
        int64_t hi = full - (int64_t)w.pad_lo[i] - (int64_t)w.out[i];
        if (hi < 0)
            return DNB_OK;
        p->pad_hi[i] = (size_t)hi;
    }
    p->kind = DNB_PRIM_DECONV;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_conv_transpose = {.name = "ConvTranspose",
                                      .min_in = 2,
                                      .max_in = 3,
                                      .max_out = 1,
                                      .shape = deconv_shape,
                                      .run = deconv_run,
                                      .lower = deconv_lower,
                                      .gradient = dnb_grad_conv_transpose};
