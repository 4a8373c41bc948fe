/* DFT and STFT: Fourier transforms along one axis, and of windowed stretches of a signal. Real
 * signals end in a dimension of 1, complex ones in one of 2 (real, imaginary). */
#include <omp.h>
#include <stdint.h>

#include "base/mem.h"
#include "dnnbrain/runtime.h"
#include "net/fft.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_LENGTH ((int64_t)1 << 28)

/* Lines to transform. Line i starts at i / group * in_group + i % group * in_item; its samples lie
 * in_step apart; the same for the result. */
typedef struct fft_lines {
    const dnb_fft *fft;
    size_t n_lines, group, in_group, in_item, in_step, out_group, out_item, out_step;
    size_t length, take, bins; /* of the transform; samples read, the rest is 0; bins written */
    bool is_complex, inverse;
    const double *window; /* length numbers, or NULL */
} fft_lines;

#define DNB_KERNELS "net/op_signal_kernel.h"
#include "net/each_real.h"

static dnb_status transform(const dnb_op_call *c, fft_lines *l, dnb_err *err)
{
    dnb_fft *fft = NULL;
    double *work = NULL;
    size_t work_size;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_fft_new(&fft, l->length, err));
    work_size = 2 * l->length + dnb_fft_scratch(fft);
    DNB_NEW(work, (size_t)dnb_threads_get() * work_size, "Fourier transform");
    l->fft = fft;
    DNB_BY_TYPE(c, transform, l, c->in[0]->data, c->out[0].data, work, work_size);
done:
    dnb_fft_free(fft);
    dnb_free(work);
    return status;
}

/* A whole number given as one-element input i; *given tells whether it is there. */
static dnb_status whole_at(const dnb_node *n, const dnb_array *const *content, size_t i, int64_t lo,
                           int64_t *out, bool *given, dnb_err *err)
{
    const dnb_array *a = i < n->n_inputs ? content[i] : NULL;
    *given = a != NULL;
    if (!a)
        return DNB_OK;
    if (a->dtype != DNB_I64 || dnb_array_count(a) != 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is not one whole number", n->name,
                        n->op->name, i);
    *out = *(const int64_t *)a->data;
    if (*out < lo || *out > MAX_LENGTH)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu of %lld is out of range", n->name,
                        n->op->name, i, (long long)*out);
    return DNB_OK;
}

static dnb_status check_signal(const dnb_node *n, const dnb_shape *x, dnb_err *err)
{
    char text[128];
    if (x->dtype == DNB_I64)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): integers are unsupported", n->name,
                        n->op->name);
    if (x->ndim >= 2 && (x->dim[x->ndim - 1] == 1 || x->dim[x->ndim - 1] == 2))
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE,
                    "node '%s' (%s): input %s does not end in a dimension of 1 (real) or 2 "
                    "(complex)",
                    n->name, n->op->name, dnb_shape_text(x, text, sizeof text));
}

/* ---- DFT ----------------------------------------------------------------------------------------
 */

static dnb_status dft_read(const dnb_node *n, const dnb_shape *x, const dnb_array *const *content,
                           fft_lines *out, int *out_axis, dnb_err *err)
{
    fft_lines l = {.group = 1, .n_lines = 1};
    int axis = 1;
    int64_t inverse = 0, onesided = 0, length = 0;
    bool given;
    dnb_status status = DNB_OK;
    DNB_TRY(check_signal(n, x, err));
    DNB_TRY(dnb_op_axis_attr(n, "axis", 1, x->ndim, false, &axis, err));
    DNB_TRY(dnb_node_int(n, "inverse", 0, &inverse, err));
    DNB_TRY(dnb_node_int(n, "onesided", 0, &onesided, err));
    DNB_TRY(whole_at(n, content, 1, 1, &length, &given, err));
    l.is_complex = x->dim[x->ndim - 1] == 2;
    if (axis == x->ndim - 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (DFT): axis %d is the one of the parts", n->name,
                        axis);
    if (onesided && (l.is_complex || inverse))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (DFT): onesided is unsupported except forward, of real signals",
                        n->name);
    for (int d = 0; d < x->ndim - 1; d++) {
        l.n_lines *= d == axis ? 1 : x->dim[d];
        l.group *= d > axis ? x->dim[d] : 1;
    }
    l.inverse = inverse != 0;
    l.length = given ? (size_t)length : x->dim[axis];
    l.take = l.length < x->dim[axis] ? l.length : x->dim[axis];
    l.bins = onesided ? l.length / 2 + 1 : l.length;
    l.in_item = x->dim[x->ndim - 1];
    l.in_step = l.group * l.in_item;
    l.in_group = l.in_step * x->dim[axis];
    l.out_item = 2;
    l.out_step = l.group * 2;
    l.out_group = l.out_step * l.bins;
    *out = l;
    *out_axis = axis;
done:
    return status;
}

static dnb_status dft_shape(const dnb_op_shapes *s, dnb_err *err)
{
    fft_lines l = {0};
    int axis = 0;
    dnb_status status = DNB_OK;
    if (s->node->n_inputs > 1 && s->in[1])
        DNB_TRY(dnb_op_need(s, 1, err));
    DNB_TRY(dft_read(s->node, s->in[0], s->known, &l, &axis, err));
    s->out[0] = *s->in[0];
    s->out[0].dim[axis] = l.bins;
    s->out[0].dim[s->out[0].ndim - 1] = 2;
done:
    return status;
}

static dnb_status dft_run(const dnb_op_call *c, dnb_err *err)
{
    fft_lines l = {0};
    int axis = 0;
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = dft_read(c->node, &x, c->in, &l, &axis, err);
    return status == DNB_OK ? transform(c, &l, err) : status;
}

/* What an input holds where the graph says so; NULL otherwise. */
static const dnb_array *constant_at(const dnb_op_grads *r, size_t i)
{
    dnb_value v = i < r->node.n_inputs ? r->node.inputs[i] : DNB_NO_VALUE;
    const dnb_graph_value *g = v == DNB_NO_VALUE ? NULL : dnb_graph_value_at(r->graph, v);
    return g && g->is_constant ? &g->constant : NULL;
}

static dnb_status lengths_unknown(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_fail(
        err, DNB_EUNSUPPORTED,
        "node '%s' (%s): no gradient along the batch, or with lengths that are computed",
        r->node.name, r->node.op->name);
}

/* The adjoint of a transform along `axis` that reads the first `take` of `length` samples and
 * writes `bins` of as many bins: the transform in the other direction, without its factor. */
static dnb_status fourier_back(const dnb_op_grads *r, int axis, const fft_lines *l, dnb_value *out,
                               dnb_err *err)
{
    const dnb_attr attrs[] = {DNB_INT("axis", axis), DNB_INT("inverse", !l->inverse)};
    const dnb_attr cut[] = {DNB_INTS("axes", axis, -1), DNB_INTS("starts", 0, 0),
                            DNB_INTS("ends", (int64_t)l->take, l->is_complex ? 2 : 1)};
    const int64_t length = (int64_t)l->length;
    double n = (double)l->length;
    dnb_value in[2] = {r->out_grads[0], DNB_NO_VALUE}, v;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_integers(r, &length, 1, &in[1], err));
    DNB_TRY(dnb_grad_node(r, "DFT", in, 2, attrs, 2, &v, err));
    DNB_TRY(dnb_grad_scaled(r, v, l->inverse ? 1 / n : n, &v, err));
    DNB_TRY(dnb_grad_node(r, "Slice", &v, 1, cut, 3, out, err));
done:
    return status;
}

static dnb_status dft_grad(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_shape *x = &r->shape[r->node.inputs[0]];
    const dnb_array *content[2] = {NULL, constant_at(r, 1)};
    int64_t pads[2 * DNB_MAX_DIMS] = {0};
    fft_lines l = {0};
    int axis = 0;
    dnb_value v;
    dnb_status status = DNB_OK;
    if (r->node.n_inputs > 1 && r->node.inputs[1] != DNB_NO_VALUE && !content[1])
        return lengths_unknown(r, err);
    DNB_TRY(dft_read(&r->node, x, content, &l, &axis, err));
    if (axis == 0)
        return lengths_unknown(r, err);
    DNB_TRY(fourier_back(r, axis, &l, &v, err));
    if (l.take < x->dim[axis]) { /* samples that were not read */
        pads[x->ndim + axis] = (int64_t)(x->dim[axis] - l.take);
        const dnb_attr attrs[] = {
            {.name = "pads", .kind = DNB_ATTR_INTS, .ints = pads, .n = 2 * (size_t)x->ndim}};
        DNB_TRY(dnb_grad_node(r, "Pad", &v, 1, attrs, 1, &v, err));
    }
    r->in_grads[0] = v;
done:
    return status;
}

const dnb_op dnb_op_dft = {.name = "DFT",
                           .min_in = 1,
                           .max_in = 2,
                           .max_out = 1,
                           .shape = dft_shape,
                           .run = dft_run,
                           .gradient = dft_grad};

/* ---- STFT ---------------------------------------------------------------------------------------
 */

/* Inputs: signal (batch x samples x parts), frame_step, window, frame_length. */
static dnb_status stft_read(const dnb_node *n, const dnb_shape *x, const dnb_shape *window,
                            const dnb_array *const *content, fft_lines *out, size_t *frames,
                            dnb_err *err)
{
    fft_lines l = {.out_step = 2};
    int64_t step = 1, length = 0, onesided = 1;
    bool given;
    dnb_status status = DNB_OK;
    DNB_TRY(check_signal(n, x, err));
    DNB_TRY(whole_at(n, content, 1, 1, &step, &given, err));
    DNB_TRY(whole_at(n, content, 3, 1, &length, &given, err));
    DNB_TRY(dnb_node_int(n, "onesided", 1, &onesided, err));
    if (!given && window && window->ndim == 1)
        length = (int64_t)window->dim[0];
    if (x->ndim != 3 || length < 1 || length > MAX_LENGTH || (uint64_t)length > x->dim[1] ||
        (window &&
         (window->dtype == DNB_I64 || window->ndim != 1 || window->dim[0] != (size_t)length)))
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (STFT): signal, window and frame_length do not fit", n->name);
    l.is_complex = x->dim[2] == 2;
    if (onesided && l.is_complex)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (STFT): onesided is unsupported for complex signals", n->name);
    *frames = (x->dim[1] - (size_t)length) / (size_t)step + 1;
    l.length = l.take = (size_t)length;
    l.bins = onesided ? l.length / 2 + 1 : l.length;
    l.group = *frames;
    l.n_lines = x->dim[0] * *frames;
    l.in_step = x->dim[2];
    l.in_item = (size_t)step * x->dim[2];
    l.in_group = x->dim[1] * x->dim[2];
    l.out_item = 2 * l.bins;
    l.out_group = *frames * l.out_item;
    *out = l;
done:
    return status;
}

static dnb_status stft_shape(const dnb_op_shapes *s, dnb_err *err)
{
    fft_lines l = {0};
    size_t frames, n = s->node->n_inputs;
    dnb_status status = DNB_OK;
    for (size_t i = 1; i < n; i += 2)
        if (s->in[i])
            DNB_TRY(dnb_op_need(s, i, err));
    DNB_TRY(stft_read(s->node, s->in[0], n > 2 ? s->in[2] : NULL, s->known, &l, &frames, err));
    s->out[0] =
        (dnb_shape){.dtype = DNB_F32, .ndim = 4, .dim = {s->in[0]->dim[0], frames, l.bins, 2}};
done:
    return status;
}

static dnb_status stft_run(const dnb_op_call *c, dnb_err *err)
{
    fft_lines l = {0};
    size_t frames;
    const dnb_array *given = c->node->n_inputs > 2 ? c->in[2] : NULL;
    dnb_shape x = dnb_shape_of(c->in[0]), ws;
    dnb_array window = {0};
    dnb_status status = DNB_OK;
    if (given)
        ws = dnb_shape_of(given);
    DNB_TRY(stft_read(c->node, &x, given ? &ws : NULL, c->in, &l, &frames, err));
    if (given)
        DNB_TRY(dnb_array_convert(&window, given, DNB_F64, err));
    l.window = window.data;
    DNB_TRY(transform(c, &l, err));
done:
    dnb_array_release(&window);
    return status;
}

/* Which sample each place of each frame is, frame after frame. */
static dnb_status frame_samples(const dnb_op_grads *r, const fft_lines *l, size_t frames,
                                size_t step, dnb_value *out, dnb_err *err)
{
    int64_t *list = NULL;
    size_t count;
    dnb_status status = DNB_OK;
    if (!dnb_mul_size(&count, frames, l->length))
        return dnb_fail_memory(err, "frames", SIZE_MAX);
    DNB_NEW(list, count, "frames");
    for (size_t i = 0; i < count; i++)
        list[i] = (int64_t)(i / l->length * step + i % l->length);
    DNB_TRY(dnb_grad_integers(r, list, count, out, err));
done:
    dnb_free(list);
    return status;
}

/* dy back to the frames; then each sample's sum over those that hold it, and each weight's. */
static dnb_status stft_grad(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_attr along[] = {DNB_INT("axis", 1)}, last[] = {DNB_INTS("axes", 1)};
    const dnb_array *content[4] = {NULL, constant_at(r, 1), NULL, constant_at(r, 3)};
    dnb_value x = r->node.inputs[0], samples, back, framed, v;
    dnb_value window = r->node.n_inputs > 2 ? r->node.inputs[2] : DNB_NO_VALUE, column = window;
    dnb_value scatter[3] = {DNB_NO_VALUE, DNB_NO_VALUE, DNB_NO_VALUE};
    fft_lines l = {0};
    size_t frames = 0;
    dnb_status status = DNB_OK;
    if (!content[1] || (r->node.n_inputs > 3 && r->node.inputs[3] != DNB_NO_VALUE && !content[3]))
        return lengths_unknown(r, err);
    DNB_TRY(stft_read(&r->node, &r->shape[x], window == DNB_NO_VALUE ? NULL : &r->shape[window],
                      content, &l, &frames, err));
    DNB_TRY(frame_samples(r, &l, frames, (size_t)dnb_array_at(content[1], 0), &samples, err));
    DNB_TRY(fourier_back(r, 2, &l, &back, err));
    if (window != DNB_NO_VALUE)
        DNB_TRY(dnb_grad_node(r, "Unsqueeze", &window, 1, last, 1, &column, err));
    if (r->wanted[0]) {
        v = back;
        if (window != DNB_NO_VALUE)
            DNB_TRY(dnb_grad_apply(r, "Mul", v, column, &v, err));
        DNB_TRY(dnb_grad_shape_of(r, x, &scatter[2], err));
        DNB_TRY(dnb_grad_node(r, "dnb.Iota", &scatter[2], 1, NULL, 0, &scatter[1], err));
        dnb_value in[2] = {scatter[1], samples};
        DNB_TRY(dnb_grad_node(r, "Gather", in, 2, along, 1, &scatter[1], err));
        DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", v, scatter[1], &scatter[0], err));
        DNB_TRY(dnb_grad_node(r, "dnb.ScatterAdd", scatter, 3, NULL, 0, &r->in_grads[0], err));
    }
    if (window != DNB_NO_VALUE && r->wanted[2]) {
        dnb_value in[2] = {x, samples};
        DNB_TRY(dnb_grad_node(r, "Gather", in, 2, along, 1, &framed, err));
        DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", framed, back, &framed, err));
        DNB_TRY(dnb_grad_apply(r, "Mul", framed, back, &v, err));
        DNB_TRY(dnb_grad_to_shape(r, "dnb.SumTo", v, column, &v, err));
        DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", v, window, &r->in_grads[2], err));
    }
done:
    return status;
}

const dnb_op dnb_op_stft = {.name = "STFT",
                            .min_in = 2,
                            .max_in = 4,
                            .max_out = 1,
                            .shape = stft_shape,
                            .run = stft_run,
                            .gradient = stft_grad};
