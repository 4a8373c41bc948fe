/* Walking broadcast operands, and the shape rules of elementwise operators. */
#include "net/elementwise.h"

#include <stdint.h>

#include "base/mem.h"

/* Results per piece of work handed to a thread. */
#define CHUNK ((size_t)1 << 14)

/* ---- walking ------------------------------------------------------------------------------------
 */

/* The result's dimensions without those of size 1, neighbours joined where every operand goes on
 * evenly, so that runs are as long as they can be. The last step of each operand is 0 or 1. */
typedef struct walk {
    int ndim; /* at least 1 */
    size_t dim[DNB_MAX_DIMS], step[DNB_MAX_OPERANDS][DNB_MAX_DIMS];
    size_t n_in, size[DNB_MAX_OPERANDS];
    const char *base[DNB_MAX_OPERANDS];
} walk;

/* Can dimension d of `out` be counted on by its left neighbour, the walk's last? */
static bool joins(const walk *w, size_t step[DNB_MAX_OPERANDS][DNB_MAX_DIMS], size_t dim, int d)
{
    for (size_t k = 0; k < w->n_in; k++)
        if (w->step[k][w->ndim - 1] != step[k][d] * dim)
            return false;
    return true;
}

static walk make_walk(const dnb_array *out, const dnb_array *const *in, size_t n_in)
{
    walk w = {.n_in = n_in};
    size_t step[DNB_MAX_OPERANDS][DNB_MAX_DIMS];
    for (size_t k = 0; k < n_in; k++) {
        dnb_broadcast_steps(in[k], out, step[k]);
        w.size[k] = dnb_dtype_size(in[k]->dtype);
        w.base[k] = in[k]->data;
    }
    for (int d = 0; d < out->ndim; d++) {
        size_t dim = out->shape[d];
        if (dim == 1)
            continue;
        if (w.ndim > 0 && joins(&w, step, dim, d))
            w.dim[w.ndim - 1] *= dim;
        else
            w.dim[w.ndim++] = dim;
        for (size_t k = 0; k < n_in; k++)
            w.step[k][w.ndim - 1] = step[k][d];
    }
    if (w.ndim == 0)
        w.dim[w.ndim++] = 1;
    return w;
}

static void walk_range(const walk *w, size_t from, size_t to, void *dst, size_t size, dnb_row_fn fn,
                       const void *arg)
{
    int last = w->ndim - 1;
    size_t inner[DNB_MAX_OPERANDS];
    for (size_t k = 0; k < w->n_in; k++)
        inner[k] = w->step[k][last];
    for (size_t i = from; i < to;) {
        const void *in[DNB_MAX_OPERANDS];
        size_t rest = i / w->dim[last], column = i % w->dim[last];
        size_t n = w->dim[last] - column < to - i ? w->dim[last] - column : to - i;
        size_t at[DNB_MAX_OPERANDS];
        for (size_t k = 0; k < w->n_in; k++)
            at[k] = column * inner[k];
        for (int d = last - 1; d >= 0; d--) {
            for (size_t k = 0; k < w->n_in; k++)
                at[k] += rest % w->dim[d] * w->step[k][d];
            rest /= w->dim[d];
        }
        for (size_t k = 0; k < w->n_in; k++)
            in[k] = w->base[k] + at[k] * w->size[k];
        fn((char *)dst + (i - from) * size, in, inner, n, arg);
        i += n;
    }
}

void dnb_broadcast_range(const dnb_array *out, const dnb_array *const *in, size_t n_in, size_t from,
                         size_t to, void *dst, size_t size, dnb_row_fn fn, const void *arg)
{
    walk w = make_walk(out, in, n_in);
    walk_range(&w, from, to, dst, size, fn, arg);
}

void dnb_broadcast_rows(const dnb_array *out, const dnb_array *const *in, size_t n_in,
                        dnb_row_fn fn, const void *arg)
{
    walk w = make_walk(out, in, n_in);
    size_t n = dnb_array_count(out), size = dnb_dtype_size(out->dtype);
    size_t chunks = (n + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (size_t c = 0; c < chunks; c++) {
        size_t from = c * CHUNK, to = n - from < CHUNK ? n : from + CHUNK;
        walk_range(&w, from, to, (char *)out->data + from * size, size, fn, arg);
    }
}

dnb_row_fn dnb_rows_pick(const dnb_rows *rows, const dnb_array *x, const dnb_shape *shape)
{
    if (x->dtype == DNB_F64)
        return rows->f64;
    if (x->dtype == DNB_F32)
        return rows->f32;
    return rows->u64 && dnb_is_u64(shape) ? rows->u64 : rows->i64;
}

dnb_status dnb_rows_run(const dnb_op_call *c, size_t n_in, const dnb_rows *rows, const void *arg,
                        dnb_err *err)
{
    const dnb_array *in[2] = {c->in[0], n_in > 1 ? c->in[1] : NULL};
    dnb_array second;
    dnb_row_fn fn = dnb_rows_pick(rows, c->in[0], c->in_shape[0]);
    if (!fn)
        return dnb_fail(err, DNB_EINTERNAL, "node '%s' (%s): no kernel for %s", c->node->name,
                        c->node->op->name, dnb_dtype_name(c->in[0]->dtype));
    if (n_in > 1) {
        second = dnb_legacy_operand(c, c->in[1]);
        in[1] = &second;
    }
    dnb_broadcast_rows(&c->out[0], in, n_in, fn, arg);
    return DNB_OK;
}

/* ---- shape rules --------------------------------------------------------------------------------
 */

dnb_status dnb_check_class(const dnb_op_shapes *s, size_t i, dnb_dtype t, dnb_err *err)
{
    if (s->in[i]->dtype == t)
        return DNB_OK;
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "node '%s' (%s): input %zu holds %s; only %s are "
                    "supported, other types are unsupported",
                    s->node->name, s->node->op->name, i, dnb_dtype_name(dnb_elem(s->in[i])),
                    t == DNB_F32 ? "floats" : "integers and booleans");
}

dnb_status dnb_same_shape(const dnb_op_shapes *s, dnb_err *err)
{
    (void)err;
    s->out[0] = *s->in[0];
    return DNB_OK;
}

dnb_status dnb_same_float_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = dnb_check_class(s, 0, DNB_F32, err);
    if (status == DNB_OK)
        s->out[0] = *s->in[0];
    return status;
}

bool dnb_uses_legacy_axis(const dnb_node *n, int opset)
{
    return opset < 7 && n->n_inputs == 2 && dnb_node_attr(n, "axis");
}

/* Where the second operand's first dimension falls among the first one's; -1 = numpy's rule (an
 * axis of -1 asks for it too). */
static dnb_status legacy_axis(const dnb_node *n, int opset, int ndim_a, int ndim_b, int *axis,
                              dnb_err *err)
{
    int64_t given = -1;
    dnb_status status = DNB_OK;
    *axis = -1;
    if (!dnb_uses_legacy_axis(n, opset))
        return DNB_OK;
    DNB_TRY(dnb_node_int(n, "axis", -1, &given, err));
    if (given == -1)
        return DNB_OK;
    if (given < 0 || given > ndim_a - ndim_b)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (%s): axis %lld does not place %d dimensions within %d", n->name,
                        n->op->name, (long long)given, ndim_b, ndim_a);
    *axis = (int)given;
done:
    return status;
}

dnb_array dnb_legacy_operand(const dnb_op_call *c, const dnb_array *b)
{
    dnb_array r = *b;
    int axis = -1, ndim = c->in[0]->ndim;
    r.owned = false;
    if (legacy_axis(c->node, c->opset, ndim, b->ndim, &axis, NULL) != DNB_OK || axis < 0)
        return r;
    r.ndim = ndim;
    for (int d = 0; d < ndim; d++)
        r.shape[d] = d >= axis && d < axis + b->ndim ? b->shape[d - axis] : 1;
    return r;
}

dnb_status dnb_binary_broadcast(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *a = s->in[0];
    dnb_shape b = *s->in[1];
    int axis;
    char left[128], right[128];
    dnb_status status = DNB_OK;
    if (s->opset >= 7 && dnb_node_attr(s->node, "axis"))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): 'axis' is unsupported since operator set 7", s->node->name,
                        s->node->op->name);
    DNB_TRY(legacy_axis(s->node, s->opset, a->ndim, b.ndim, &axis, err));
    if (axis >= 0) {
        for (int d = 0; d < a->ndim; d++)
            b.dim[d] = d >= axis && d < axis + s->in[1]->ndim ? s->in[1]->dim[d - axis] : 1;
        b.ndim = a->ndim;
    }
    DNB_TRY(dnb_op_broadcast(s->node, a, &b, &s->out[0], err));
    if (s->opset < 7 && !dnb_shape_equal(&s->out[0], a))
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (%s): before operator set 7 only the second operand broadcasts, "
                        "not %s to %s",
                        s->node->name, s->node->op->name, dnb_shape_text(a, left, sizeof left),
                        dnb_shape_text(&b, right, sizeof right));
done:
    return status;
}

dnb_status dnb_binary_shape(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[0]->dtype != s->in[1]->dtype)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): inputs of %s and %s are unsupported", s->node->name,
                        s->node->op->name, dnb_dtype_name(dnb_elem(s->in[0])),
                        dnb_dtype_name(dnb_elem(s->in[1])));
    return dnb_binary_broadcast(s, err);
}

/* ---- types --------------------------------------------------------------------------------------
 */

bool dnb_is_u64(const dnb_shape *s)
{
    return s && dnb_elem(s) == DNB_U64;
}

bool dnb_onnx_elem(int64_t code, dnb_dtype *t)
{
    static const int types[17] = {
        [1] = DNB_ELEM(DNB_F32),  [2] = DNB_ELEM(DNB_U8),   [3] = DNB_ELEM(DNB_I8),
        [4] = DNB_ELEM(DNB_U16),  [5] = DNB_ELEM(DNB_I16),  [6] = DNB_ELEM(DNB_I32),
        [7] = DNB_ELEM(DNB_I64),  [9] = DNB_ELEM(DNB_BOOL), [10] = DNB_ELEM(DNB_F16),
        [11] = DNB_ELEM(DNB_F64), [12] = DNB_ELEM(DNB_U32), [13] = DNB_ELEM(DNB_U64),
        [16] = DNB_ELEM(DNB_BF16)};
    if (code < 0 || code > 16 || types[code] == 0)
        return false;
    *t = (dnb_dtype)(types[code] - 1);
    return true;
}

dnb_status dnb_lower_eltwise(const dnb_op_shapes *s, dnb_prim *p, dnb_prim_alg alg, double alpha,
                             double beta)
{
    if (s->out[0].dtype != DNB_F32)
        return DNB_OK;
    p->kind = DNB_PRIM_ELTWISE;
    p->alg = alg;
    p->alpha = (float)alpha;
    p->beta = (float)beta;
    p->n_data = 1;
    return DNB_OK;
}
