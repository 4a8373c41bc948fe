/* Gradients of operators that reshape, join or move elements, and the helpers they are made of:
 * dnb.BroadcastTo, dnb.SumTo, dnb.ChannelSum, dnb.ReshapeTo, dnb.ConcatPart, dnb.Iota,
 * dnb.ScatterAdd. Shapes are inputs (ONNX Shape nodes, known when planning), so that every gradient
 * works at any batch size. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* Sizes and element steps of the dimensions that stay and of those that are summed; the innermost
 * of the latter as a run. */
typedef struct sum_walk {
    int kept_ndim, gone_ndim;
    size_t n_kept, n_gone, run, run_step;
    size_t kept[DNB_MAX_DIMS], kept_step[DNB_MAX_DIMS];
    size_t gone[DNB_MAX_DIMS], gone_step[DNB_MAX_DIMS];
} sum_walk;

#define DNB_KERNELS "net/op_grad_shape_kernel.h"
#include "net/each_real.h"

/* Does a value of shape `small` broadcast to `large`? */
static dnb_status check_stretch(const dnb_op_shapes *s, const dnb_shape *small,
                                const dnb_shape *large, dnb_err *err)
{
    char a[128], b[128];
    bool fits = small->ndim <= large->ndim;
    for (int i = 0; fits && i < small->ndim; i++)
        fits = small->dim[i] == 1 || small->dim[i] == large->dim[i + large->ndim - small->ndim];
    if (fits)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): %s does not broadcast to %s", s->node->name,
                    s->node->op->name, dnb_shape_text(small, a, sizeof a),
                    dnb_shape_text(large, b, sizeof b));
}

/* ---- dnb.BroadcastTo: value, shape, and optionally any value that makes it run per batch. With
 * `mean` the result is divided by how often each element occurs in it. */

static dnb_status broadcast_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(dnb_op_target_shape(s, 1, err));
    DNB_TRY(check_stretch(s, s->in[0], &s->out[0], err));
done:
    return status;
}

static dnb_status broadcast_run(const dnb_op_call *c, dnb_err *err)
{
    int64_t mean = 0;
    double factor = 1;
    dnb_status status = dnb_node_int(c->node, "mean", 0, &mean, err);
    if (status != DNB_OK)
        return status;
    if (mean && dnb_array_count(&c->out[0]) > 0)
        factor = (double)dnb_array_count(c->in[0]) / (double)dnb_array_count(&c->out[0]);
    DNB_BY_TYPE(c, spread, &c->out[0], c->in[0], factor);
    return DNB_OK;
}

const dnb_op dnb_op_broadcast_to = {.name = "dnb.BroadcastTo",
                                    .min_in = 2,
                                    .max_in = 3,
                                    .max_out = 1,
                                    .shape = broadcast_shape,
                                    .run = broadcast_run,
                                    .gradient = dnb_grad_broadcast_to};

/* ---- dnb.SumTo: the adjoint of broadcasting -----------------------------------------------------
 */

static dnb_status sum_to_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(dnb_op_target_shape(s, 1, err));
    DNB_TRY(check_stretch(s, &s->out[0], s->in[0], err));
done:
    return status;
}

static dnb_status sum_to_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0], *out = &c->out[0];
    sum_walk w = {.n_kept = 1, .n_gone = 1, .run = 1, .run_step = 1};
    size_t step[DNB_MAX_DIMS], run = 1;
    int lead = x->ndim - out->ndim;
    (void)err;
    for (int d = x->ndim - 1; d >= 0; d--) {
        step[d] = run;
        run *= x->shape[d];
    }
    for (int d = 0; d < x->ndim; d++) {
        if (d >= lead && out->shape[d - lead] == x->shape[d]) {
            w.kept[w.kept_ndim] = x->shape[d];
            w.kept_step[w.kept_ndim++] = step[d];
            w.n_kept *= x->shape[d];
        } else {
            w.gone[w.gone_ndim] = x->shape[d];
            w.gone_step[w.gone_ndim++] = step[d];
            w.n_gone *= x->shape[d];
        }
    }
    if (w.gone_ndim > 0) {
        w.run = w.gone[w.gone_ndim - 1];
        w.run_step = w.gone_step[w.gone_ndim - 1];
    }
    DNB_BY_TYPE(c, sum_to, out, x, &w);
    return DNB_OK;
}

const dnb_op dnb_op_sum_to = {.name = "dnb.SumTo",
                              .min_in = 2,
                              .max_in = 2,
                              .max_out = 1,
                              .flags = DNB_OP_VIEW_IF_SAME_SHAPE,
                              .shape = sum_to_shape,
                              .run = sum_to_run,
                              .gradient = dnb_grad_sum_to};

/* ---- dnb.ChannelSum: one number per channel (dimension 1) ---------------------------------------
 */

static dnb_status channel_sum_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = dnb_op_floats(s, 1, err);
    if (status != DNB_OK)
        return status;
    if (s->in[0]->ndim < 2)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input has no channels", s->node->name,
                        s->node->op->name);
    s->out[0].ndim = 1;
    s->out[0].dim[0] = s->in[0]->dim[1];
    return DNB_OK;
}

static dnb_status channel_sum_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    DNB_BY_TYPE(c, channel_sum, &c->out[0], c->in[0]);
    return DNB_OK;
}

const dnb_op dnb_op_channel_sum = {.name = "dnb.ChannelSum",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .max_out = 1,
                                   .shape = channel_sum_shape,
                                   .run = channel_sum_run};

/* ---- dnb.ReshapeTo: exactly this shape (ONNX Reshape reads 0, -1 and batch sizes into it) -------
 */

static dnb_status reshape_to_shape(const dnb_op_shapes *s, dnb_err *err)
{
    char a[128], b[128];
    dnb_status status = dnb_op_target_shape(s, 1, err);
    size_t count = 1;
    if (status != DNB_OK)
        return status;
    for (int i = 0; i < s->out[0].ndim; i++)
        if (!dnb_mul_size(&count, count, s->out[0].dim[i]))
            count = SIZE_MAX;
    if (count == dnb_shape_count(s->in[0]))
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %s does not fill %s", s->node->name,
                    s->node->op->name, dnb_shape_text(s->in[0], a, sizeof a),
                    dnb_shape_text(&s->out[0], b, sizeof b));
}

const dnb_op dnb_op_reshape_to = {.name = "dnb.ReshapeTo",
                                  .min_in = 2,
                                  .max_in = 2,
                                  .max_out = 1,
                                  .flags = DNB_OP_VIEW,
                                  .shape = reshape_to_shape,
                                  .run = dnb_kernel_copy,
                                  .gradient = dnb_grad_reshape};

/* ---- dnb.ConcatPart: data, then the shapes of a concatenation's first inputs; the stretch of the
 * last of them */

static dnb_status concat_part_read(const dnb_node *n, const dnb_array *const *shapes, int ndim,
                                   int *axis, size_t *start, size_t *count, dnb_err *err)
{
    dnb_status status = dnb_op_axis_attr(n, "axis", 1, ndim, false, axis, err);
    *start = *count = 0;
    for (size_t i = 1; status == DNB_OK && i < n->n_inputs; i++) {
        const int64_t *d = shapes[i] ? shapes[i]->data : NULL;
        if (!d || shapes[i]->dtype != DNB_I64 || dnb_array_count(shapes[i]) != (size_t)ndim ||
            d[*axis] < 0 || d[*axis] > (int64_t)1 << 31)
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is no shape", n->name,
                            n->op->name, i);
        *start += *count; /* at most 255 times 2^31 */
        *count = (size_t)d[*axis];
    }
    return status;
}

static dnb_status concat_part_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int axis;
    size_t start, count;
    dnb_status status =
        concat_part_read(s->node, s->known, s->in[0]->ndim, &axis, &start, &count, err);
    if (status != DNB_OK)
        return status;
    s->out[0] = *s->in[0];
    if (start + count > s->in[0]->dim[axis])
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): the parts exceed the input",
                        s->node->name, s->node->op->name);
    s->out[0].dim[axis] = count;
    return DNB_OK;
}

static dnb_status concat_part_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    size_t outer = 1, inner = dnb_dtype_size(x->dtype), start, count;
    int axis;
    dnb_status status = concat_part_read(c->node, c->in, x->ndim, &axis, &start, &count, err);
    if (status != DNB_OK)
        return status;
    for (int d = 0; d < x->ndim; d++)
        if (d != axis)
            *(d < axis ? &outer : &inner) *= x->shape[d];
    const char *src = (const char *)x->data + start * inner;
    char *dst = c->out[0].data;
    size_t run = x->shape[axis] * inner;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < outer; o++)
        if (count > 0 && inner > 0)
            memcpy(dst + o * count * inner, src + o * run, count * inner);
    return DNB_OK;
}

const dnb_op dnb_op_concat_part = {.name = "dnb.ConcatPart",
                                   .min_in = 2,
                                   .max_in = DNB_ANY_COUNT,
                                   .max_out = 1,
                                   .shape = concat_part_shape,
                                   .run = concat_part_run};

/* ---- dnb.Iota: 1, 2, 3, ... in this shape -------------------------------------------------------
 */

static dnb_status iota_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *dims;
    size_t n;
    dnb_status status = dnb_op_ints(s, NULL, 0, &dims, &n, err);
    if (status == DNB_OK)
        status = dnb_op_target_shape(s, 0, err);
    s->out[0].dtype = DNB_I64;
    s->out[0].elem = DNB_ELEM(DNB_I64);
    return status;
}

static dnb_status iota_run(const dnb_op_call *c, dnb_err *err)
{
    int64_t *dst = c->out[0].data;
    (void)err;
    for (size_t i = 0, n = dnb_array_count(&c->out[0]); i < n; i++)
        dst[i] = (int64_t)i + 1;
    return DNB_OK;
}

const dnb_op dnb_op_iota = {.name = "dnb.Iota",
                            .min_in = 1,
                            .max_in = 1,
                            .max_out = 1,
                            .shape = iota_shape,
                            .run = iota_run};

/* ---- dnb.ScatterAdd: data, indices of the same shape (1-based; 0 = drop), shape of the result ---
 */

static dnb_status scatter_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    DNB_TRY(dnb_op_expect(s, 1, s->in[0], err));
    if (s->in[1]->dtype != DNB_I64)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): indices must be integers", s->node->name,
                        s->node->op->name);
    DNB_TRY(dnb_op_target_shape(s, 2, err));
done:
    return status;
}

static dnb_status scatter_run(const dnb_op_call *c, dnb_err *err)
{
    if (DNB_BY_TYPE(c, scatter_add, &c->out[0], c->in[0], c->in[1]->data))
        return DNB_OK;
    return dnb_fail(err, DNB_EARG, "node '%s' (%s): an index is out of range", c->node->name,
                    c->node->op->name);
}

const dnb_op dnb_op_scatter_add = {.name = "dnb.ScatterAdd",
                                   .min_in = 3,
                                   .max_in = 3,
                                   .max_out = 1,
                                   .flags = DNB_OP_TAKES_EMPTY,
                                   .shape = scatter_shape,
                                   .run = scatter_run};
