/* Operators that move elements: Concat, Transpose, Slice. (Gather, Pad, Resize and Split have files
 * of their own.) */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* ---- Concat -------------------------------------------------------------------------------------
 */

static dnb_status concat_axis(const dnb_node *n, int opset, int ndim, int *axis, dnb_err *err)
{
    if (opset >= 4 && !dnb_node_attr(n, "axis"))
        return dnb_fail(err, DNB_EARG, "node '%s' (Concat): attribute 'axis' is missing", n->name);
    return dnb_op_axis_attr(n, "axis", 1, ndim, false, axis, err);
}

static dnb_status concat_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape out = *s->in[0];
    int axis;
    char first[128], other[128];
    dnb_status status = concat_axis(s->node, s->opset, out.ndim, &axis, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 1; i < s->node->n_inputs; i++) {
        const dnb_shape *x = s->in[i];
        bool fits = x && x->ndim == out.ndim && x->dtype == out.dtype;
        for (int d = 0; fits && d < out.ndim; d++)
            fits = d == axis || x->dim[d] == out.dim[d];
        if (!fits || !dnb_add_size(&out.dim[axis], out.dim[axis], x->dim[axis]))
            return dnb_fail(
                err, DNB_ESHAPE, "node '%s' (Concat): input %zu (%s) does not join input 0 (%s)",
                s->node->name, i, x ? dnb_shape_text(x, other, sizeof other) : "missing",
                dnb_shape_text(s->in[0], first, sizeof first));
    }
    s->out[0] = out;
    return DNB_OK;
}

static dnb_status concat_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *out = &c->out[0];
    size_t element = dnb_dtype_size(out->dtype), outer = 1, run = element, at = 0;
    int axis;
    dnb_status status = concat_axis(c->node, c->opset, out->ndim, &axis, err);
    if (status != DNB_OK)
        return status;
    for (int d = 0; d < out->ndim; d++)
        *(d < axis ? &outer : &run) *= out->shape[d];
    size_t inner = out->shape[axis] ? run / out->shape[axis] : 0;
    for (size_t i = 0; i < c->node->n_inputs; i++) {
        size_t part = c->in[i]->shape[axis] * inner;
        const char *src = c->in[i]->data;
        char *dst = (char *)out->data + at;
#pragma omp parallel for schedule(static)
        for (size_t o = 0; o < outer; o++)
            if (part)
                memcpy(dst + o * run, src + o * part, part);
        at += part;
    }
    return DNB_OK;
}

static dnb_status concat_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_status status = concat_axis(s->node, s->opset, s->out[0].ndim, &p->axis, err);
    if (status != DNB_OK || s->out[0].dtype != DNB_F32 || s->out[0].ndim < 1)
        return status;
    p->kind = DNB_PRIM_CONCAT;
    p->n_data = (int)s->node->n_inputs;
    return DNB_OK;
}

const dnb_op dnb_op_concat = {.name = "Concat",
                              .min_in = 1,
                              .max_in = DNB_ANY_COUNT,
                              .max_out = 1,
                              .flags = DNB_OP_TAKES_EMPTY,
                              .shape = concat_shape,
                              .run = concat_run,
                              .lower = concat_lower,
                              .gradient = dnb_grad_concat};

/* ---- Transpose ----------------------------------------------------------------------------------
 */

/* perm (default: reversed) checked to be a permutation. */
static dnb_status read_perm(const dnb_node *n, int ndim, int perm[DNB_MAX_DIMS], dnb_err *err)
{
    const int64_t *ints;
    size_t count;
    bool seen[DNB_MAX_DIMS] = {false};
    dnb_status status = dnb_node_ints(n, "perm", &ints, &count, err);
    if (status != DNB_OK)
        return status;
    for (int i = 0; i < ndim; i++) {
        int64_t p = !ints ? ndim - 1 - i : (size_t)i < count ? ints[i] : -1;
        if (p < 0 || p >= ndim || seen[p] || (ints && count != (size_t)ndim))
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (Transpose): perm is no permutation of %d dimensions",
                            n->name, ndim);
        seen[p] = true;
        perm[i] = (int)p;
    }
    return DNB_OK;
}

static dnb_status transpose_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int perm[DNB_MAX_DIMS];
    dnb_status status = read_perm(s->node, s->in[0]->ndim, perm, err);
    if (status != DNB_OK)
        return status;
    s->out[0].ndim = s->in[0]->ndim;
    for (int i = 0; i < s->in[0]->ndim; i++)
        s->out[0].dim[i] = s->in[0]->dim[perm[i]];
    return DNB_OK;
}

static dnb_status transpose_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    int perm[DNB_MAX_DIMS];
    size_t step[DNB_MAX_DIMS] = {0}, run[DNB_MAX_DIMS], n = 1;
    dnb_status status = read_perm(c->node, x->ndim, perm, err);
    if (status != DNB_OK)
        return status;
    for (int i = x->ndim - 1; i >= 0; i--) {
        run[i] = n;
        n *= x->shape[i];
    }
    for (int i = 0; i < x->ndim; i++)
        step[i] = run[perm[i]];
    dnb_move_strided(&c->out[0], x, step);
    return DNB_OK;
}

const dnb_op dnb_op_transpose = {.name = "Transpose",
                                 .min_in = 1,
                                 .max_in = 1,
                                 .max_out = 1,
                                 .flags = DNB_OP_TAKES_EMPTY,
                                 .shape = transpose_shape,
                                 .run = transpose_run,
                                 .gradient = dnb_grad_transpose};

/* ---- Slice --------------------------------------------------------------------------------------
 */

typedef struct slice_range {
    int64_t start, step;
    size_t count;
} slice_range;

static int64_t pin(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* One dimension, by ONNX's rules; step is not 0 and can be negated. */
static slice_range slice_of(int64_t start, int64_t end, int64_t step, int64_t size)
{
    slice_range r = {.step = step};
    if (size == 0)
        return r;
    if (start < 0)
        start = start < -size ? -1 : start + size;
    if (end < 0)
        end = end < -size ? -1 : end + size;
    if (step > 0) {
        r.start = pin(start, 0, size);
        end = pin(end, 0, size);
        r.count = end > r.start ? (size_t)((end - r.start - 1) / step + 1) : 0;
    } else {
        r.start = pin(start, 0, size - 1);
        end = pin(end, -1, size - 1);
        r.count = r.start > end ? (size_t)((r.start - end - 1) / -step + 1) : 0;
    }
    return r;
}

typedef struct slice_lists {
    const int64_t *starts, *ends, *axes, *steps;
    size_t n_starts, n_ends, n_axes, n_steps;
} slice_lists;

static dnb_status slice_ranges(const dnb_node *n, const slice_lists *l, const dnb_shape *x,
                               slice_range range[DNB_MAX_DIMS], dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool bad = !l->starts || !l->ends || l->n_ends != l->n_starts ||
               (l->axes && l->n_axes != l->n_starts) || (l->steps && l->n_steps != l->n_starts) ||
               (!l->axes && l->n_starts > (size_t)x->ndim);
    if (bad)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (Slice): starts, ends, axes and steps differ in "
                        "length",
                        n->name);
    for (int i = 0; i < x->ndim; i++)
        range[i] = (slice_range){0, 1, x->dim[i]};
    for (size_t i = 0; i < l->n_starts; i++) {
        int axis;
        int64_t step = l->steps ? l->steps[i] : 1;
        DNB_TRY(dnb_op_axis(n, l->axes ? l->axes[i] : (int64_t)i, x->ndim, false, &axis, err));
        if (step == 0 || step == INT64_MIN)
            return dnb_fail(err, DNB_EARG, "node '%s' (Slice): step is 0", n->name);
        range[axis] = slice_of(l->starts[i], l->ends[i], step, (int64_t)x->dim[axis]);
    }
done:
    return status;
}

static dnb_status slice_shape(const dnb_op_shapes *s, dnb_err *err)
{
    slice_lists l;
    slice_range range[DNB_MAX_DIMS];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, "starts", 1, &l.starts, &l.n_starts, err));
    DNB_TRY(dnb_op_ints(s, "ends", 2, &l.ends, &l.n_ends, err));
    DNB_TRY(dnb_op_ints(s, "axes", 3, &l.axes, &l.n_axes, err));
    DNB_TRY(dnb_op_ints(s, NULL, 4, &l.steps, &l.n_steps, err));
    DNB_TRY(slice_ranges(s->node, &l, s->in[0], range, err));
    s->out[0] = *s->in[0];
    for (int i = 0; i < s->out[0].ndim; i++)
        s->out[0].dim[i] = range[i].count;
done:
    return status;
}

static dnb_status slice_run(const dnb_op_call *c, dnb_err *err)
{
    slice_lists l;
    slice_range range[DNB_MAX_DIMS];
    dnb_tables t = {0};
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_call_ints(c, "starts", 1, &l.starts, &l.n_starts, err));
    DNB_TRY(dnb_call_ints(c, "ends", 2, &l.ends, &l.n_ends, err));
    DNB_TRY(dnb_call_ints(c, "axes", 3, &l.axes, &l.n_axes, err));
    DNB_TRY(dnb_call_ints(c, NULL, 4, &l.steps, &l.n_steps, err));
    DNB_TRY(slice_ranges(c->node, &l, &x, range, err));
    DNB_TRY(dnb_tables_init(&t, &c->out[0], err));
    for (int d = 0; d < x.ndim; d++)
        for (size_t i = 0; i < c->out[0].shape[d]; i++)
            t.from[d][i] = (size_t)(range[d].start + (int64_t)i * range[d].step);
    dnb_move_by_tables(&c->out[0], c->in[0], &t, 0);
done:
    dnb_tables_release(&t);
    return status;
}

const dnb_op dnb_op_slice = {.name = "Slice",
                             .min_in = 1,
                             .max_in = 5,
                             .max_out = 1,
                             .flags = DNB_OP_TAKES_EMPTY,
                             .shape = slice_shape,
                             .run = slice_run,
                             .gradient = dnb_grad_mover};
