/* Shape inference: runs every node's shape rule in order and computes the small values that shapes
 * are made of. */
#include "net/infer.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/op_util.h"

/* Content is computed up to this many elements per value and in all: shape arithmetic is tiny, and
 * a hostile file must not make us fill the memory. */
#define MAX_KNOWN ((size_t)4096)
#define MAX_KNOWN_TOTAL ((size_t)1 << 22)
#define MAX_DIM ((size_t)1 << 31)

void dnb_node_view_release(dnb_node_view *v)
{
    dnb_free((void *)v->in);
    dnb_free((void *)v->known);
    dnb_free(v->out);
    *v = (dnb_node_view){0};
}

dnb_status dnb_node_view_reserve(dnb_node_view *v, const dnb_node *n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (n->n_inputs > v->cap_in || !v->in) {
        dnb_free((void *)v->in);
        dnb_free((void *)v->known);
        v->in = NULL;
        v->known = NULL;
        v->cap_in = n->n_inputs;
        DNB_NEW(v->in, v->cap_in, "shape inference");
        DNB_NEW(v->known, v->cap_in, "shape inference");
    }
    if (n->n_outputs > v->cap_out) {
        dnb_free(v->out);
        v->out = NULL;
        v->cap_out = n->n_outputs;
        DNB_NEW(v->out, v->cap_out, "shape inference");
    }
done:
    return status;
}

dnb_status dnb_node_view_fill(dnb_node_view *v, dnb_op_shapes *s, const dnb_graph *g,
                              const dnb_inference *inf, const dnb_node *n, dnb_err *err)
{
    dnb_status status = dnb_node_view_reserve(v, n, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < n->n_inputs; i++) {
        dnb_value id = n->inputs[i];
        v->in[i] = id == DNB_NO_VALUE ? NULL : &inf->shape[id];
        v->known[i] = id == DNB_NO_VALUE || !inf->known[id].data ? NULL : &inf->known[id];
    }
    for (size_t i = 0; i < n->n_outputs; i++)
        v->out[i] = inf->shape[n->outputs[i]];
    *s = (dnb_op_shapes){.node = n,
                         .opset = dnb_graph_opset(g),
                         .batch = inf->batch,
                         .declared_batch = inf->declared_batch,
                         .in = v->in,
                         .known = v->known,
                         .out = v->out};
    return DNB_OK;
}

void dnb_inference_free(dnb_inference *inf)
{
    if (!inf)
        return;
    for (size_t i = 0; inf->known && i < inf->n_values; i++)
        dnb_array_release(&inf->known[i]);
    dnb_free(inf->known);
    dnb_free(inf->shape);
    dnb_free(inf);
}

/* Refuses shapes no array could have. Integers may be empty (shape arithmetic); floats where the
 * operator says that it copes, or moves nothing. */
static dnb_status check_output(const dnb_node *n, const dnb_shape *s, dnb_err *err)
{
    size_t count = 1;
    char text[128];
    bool ok = s->ndim >= 0 && s->ndim <= DNB_MAX_DIMS;
    bool may_be_empty =
        s->dtype == DNB_I64 || (n->op->flags & (DNB_OP_TAKES_EMPTY | DNB_OP_VIEW)) != 0;
    for (int i = 0; ok && i < s->ndim; i++)
        ok = s->dim[i] <= MAX_DIM && (s->dim[i] > 0 || may_be_empty) &&
             dnb_mul_size(&count, count, s->dim[i] ? s->dim[i] : 1) && count <= PTRDIFF_MAX / 16;
    if (ok)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): its output would be %s", n->name, n->op->name,
                    dnb_shape_text(s, text, sizeof text));
}

/* Something out of nothing: kernels need not be written for that. */
static dnb_status check_empty_input(const dnb_op_shapes *s, const dnb_node *n, dnb_err *err)
{
    bool allowed = n->op->flags & (DNB_OP_SHAPE_ONLY | DNB_OP_TAKES_EMPTY);
    if (allowed || n->n_inputs == 0 || !s->in[0] || dnb_shape_count(s->in[0]) > 0 ||
        dnb_shape_count(&s->out[0]) == 0)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input 0 is empty", n->name, n->op->name);
}

/* Can this node's outputs be computed now, and are they small enough? */
static bool is_foldable(const dnb_op_shapes *s, const dnb_node *n)
{
    bool shape_only = n->op->flags & DNB_OP_SHAPE_ONLY;
    for (size_t i = 0; i < n->n_inputs; i++)
        if (s->in[i] &&
            (shape_only ? false : !s->known[i] || dnb_shape_count(s->in[i]) > MAX_KNOWN))
            return false;
    for (size_t i = 0; i < n->n_outputs; i++)
        if (dnb_shape_count(&s->out[i]) > MAX_KNOWN)
            return false;
    return n->n_outputs == 1 && n->op->run && !n->op->eval;
}

static dnb_status fold(dnb_inference *inf, const dnb_op_shapes *s, const dnb_node *n,
                       size_t *budget, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_array result = {0}, empty[1];
    const dnb_array *shape_only_in[1];
    dnb_op_call call = {.node = n,
                        .opset = s->opset,
                        .in = s->known,
                        .out = &result,
                        .in_shape = s->in,
                        .out_shape = s->out};
    size_t count = dnb_shape_count(&s->out[0]);
    if (count > *budget)
        return DNB_OK;
    if (n->op->flags & DNB_OP_SHAPE_ONLY) {
        dnb_array_borrow(&empty[0], s->in[0]->dtype, s->in[0]->ndim, s->in[0]->dim, NULL);
        shape_only_in[0] = &empty[0];
        call.in = shape_only_in;
    }
    DNB_TRY(dnb_array_init(&result, s->out[0].dtype, s->out[0].ndim, s->out[0].dim, err));
    DNB_TRY(n->op->run(&call, err));
    if (result.dtype == DNB_I64)
        dnb_narrow(&result, dnb_elem(&s->out[0]));
    *budget -= count;
    inf->known[n->outputs[0]] = result;
    result = (dnb_array){0};
done:
    dnb_array_release(&result);
    return status;
}

static void complete_elem(const dnb_op_shapes *s, dnb_shape *out)
{
    if (out->elem)
        return;
    bool as_first = s->node->n_inputs && s->in[0] && s->in[0]->dtype == out->dtype;
    out->elem = DNB_ELEM(dnb_elem(as_first ? s->in[0] : out));
}

dnb_status dnb_infer_outputs(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_node *n = s->node;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < n->n_outputs; i++)
        s->out[i] = (dnb_shape){.dtype = n->n_inputs && s->in[0] ? s->in[0]->dtype : DNB_F32};
    DNB_TRY(n->op->shape(s, err));
    for (size_t i = 0; i < n->n_outputs; i++) {
        DNB_TRY(check_output(n, &s->out[i], err));
        complete_elem(s, &s->out[i]);
    }
    DNB_TRY(check_empty_input(s, n, err));
done:
    return status;
}

static dnb_status infer_node(dnb_inference *inf, const dnb_graph *g, const dnb_node *n,
                             dnb_node_view *view, size_t *budget, dnb_err *err)
{
    dnb_op_shapes s;
    dnb_status status = dnb_node_view_fill(view, &s, g, inf, n, err);
    if (status != DNB_OK)
        return status;
    DNB_TRY(dnb_infer_outputs(&s, err));
    for (size_t i = 0; i < n->n_outputs; i++)
        inf->shape[n->outputs[i]] = s.out[i];
    if (is_foldable(&s, n))
        DNB_TRY(fold(inf, &s, n, budget, err));
done:
    return status;
}

static dnb_status check_inputs(const dnb_graph *g, const dnb_shape *first, dnb_err *err)
{
    for (size_t i = first ? 1 : 0; i < dnb_graph_input_count(g); i++) {
        const dnb_graph_value *v = dnb_graph_value_at(g, dnb_graph_input_at(g, i));
        bool open = v->declared.ndim < 1;
        for (int d = 0; d < v->declared.ndim; d++)
            open |= v->declared.dim[d] == 0;
        if (open)
            return dnb_fail(err, DNB_ESHAPE, "input '%s' has no fixed shape", v->name);
    }
    return DNB_OK;
}

/* Inputs at this batch, constants as they are. */
static void seed_values(dnb_inference *inf, const dnb_graph *g, const dnb_shape *first)
{
    dnb_value first_input = first ? dnb_graph_input_at(g, 0) : DNB_NO_VALUE;
    for (size_t i = 0; i < inf->n_values; i++) {
        const dnb_graph_value *v = dnb_graph_value_at(g, (dnb_value)i);
        if (v->is_input) {
            inf->shape[i] = (dnb_value)i == first_input ? *first : v->declared;
            inf->shape[i].dim[0] = inf->batch;
        } else if (v->is_constant) {
            inf->shape[i] = dnb_shape_of(&v->constant);
            inf->shape[i].elem = DNB_ELEM(v->elem);
            dnb_array_borrow(&inf->known[i], v->constant.dtype, v->constant.ndim, v->constant.shape,
                             v->constant.data);
        }
    }
}

dnb_status dnb_inference_new(dnb_inference **out, const dnb_graph *g, size_t batch, dnb_err *err)
{
    return dnb_inference_new_for(out, g, batch, NULL, err);
}

dnb_status dnb_inference_new_for(dnb_inference **out, const dnb_graph *g, size_t batch,
                                 const dnb_shape *input, dnb_err *err)
{
    dnb_inference *inf = NULL;
    dnb_node_view view = {0};
    dnb_status status = DNB_OK;
    size_t budget = MAX_KNOWN_TOTAL;
    if (batch == 0 || batch > MAX_DIM)
        return dnb_fail(err, DNB_EARG, "batch of %zu is out of range", batch);
    DNB_NEW(inf, 1, "shape inference");
    inf->batch = batch;
    inf->declared_batch = 1;
    inf->n_values = dnb_graph_value_count(g);
    if (dnb_graph_input_count(g) > 0) {
        const dnb_shape *s = &dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
        inf->declared_batch = input && (s->ndim < 1 || s->dim[0] == 0) ? input->dim[0] : s->dim[0];
    }
    DNB_NEW(inf->shape, inf->n_values, "shape inference");
    DNB_NEW(inf->known, inf->n_values, "shape inference");
    DNB_TRY(check_inputs(g, input, err));
    seed_values(inf, g, input);
    for (size_t i = 0; i < dnb_graph_node_count(g); i++)
        DNB_TRY(infer_node(inf, g, dnb_graph_node_at(g, i), &view, &budget, err));
    *out = inf;
    inf = NULL;
done:
    dnb_node_view_release(&view);
    dnb_inference_free(inf);
    return status;
}
