/* Node-by-node evaluation. A value is held in storage form (F32 or F64, I64) with its shape and
 * element type; every node sees the content of all its inputs, so shapes may depend on data. */
#include "net/eval.h"

#include <string.h>

#include "base/mem.h"
#include "net/infer.h"
#include "net/op_util.h"

enum { DEEPEST = 16 };

typedef struct held {
    dnb_array array; /* borrowed or owned; data NULL = not computed */
    dnb_shape shape;
    size_t last; /* node that reads it last + 1; SIZE_MAX = wanted */
} held;

struct dnb_evaluator {
    const dnb_graph *graph;
    const dnb_eval_options *opt;
    int depth;
    size_t n_values;
    held *values;
    bool *needed; /* per node */
    dnb_node_view view;
    size_t *bytes; /* of values alive, shared with the bodies' evaluators */
};

/* Counts an array about to be made. */
static dnb_status count_bytes(dnb_evaluator *e, const dnb_node *n, dnb_dtype t, const dnb_shape *s,
                              dnb_err *err)
{
    size_t bytes = dnb_shape_count(s) * dnb_dtype_size(t); /* bounded by dnb_infer_outputs */
    if (e->opt->memory && bytes > e->opt->memory - *e->bytes)
        return dnb_fail(err, DNB_ENOMEM,
                        "node '%s' (%s): its result takes %.1f MB beside %.1f MB of others; the "
                        "memory budget is %.1f MB",
                        n->name, n->op->name, (double)bytes / 1e6, (double)*e->bytes / 1e6,
                        (double)e->opt->memory / 1e6);
    *e->bytes += bytes;
    return DNB_OK;
}

/* Frees a value that may be borrowed. */
static void drop(dnb_evaluator *e, dnb_array *a)
{
    size_t bytes = a->owned ? dnb_array_bytes(a) : 0;
    *e->bytes -= bytes < *e->bytes ? bytes : *e->bytes;
    dnb_array_release(a);
}

static void evaluator_release(dnb_evaluator *e)
{
    for (size_t i = 0; e->values && i < e->n_values; i++)
        drop(e, &e->values[i].array);
    dnb_free(e->values);
    dnb_free(e->needed);
    dnb_node_view_release(&e->view);
}

/* Marks what the wanted values need and where each value is read last. */
static dnb_status evaluator_init(dnb_evaluator *e, const dnb_graph *g, const dnb_value *wanted,
                                 size_t n_wanted, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n_nodes = dnb_graph_node_count(g);
    e->graph = g;
    e->n_values = dnb_graph_value_count(g);
    DNB_NEW(e->values, e->n_values, "evaluation");
    DNB_NEW(e->needed, n_nodes, "evaluation");
    for (size_t i = 0; i < n_wanted; i++)
        e->values[wanted[i]].last = SIZE_MAX;
    for (size_t i = n_nodes; i-- > 0;) {
        const dnb_node *n = dnb_graph_node_at(g, i);
        for (size_t k = 0; k < n->n_outputs; k++)
            e->needed[i] |= e->values[n->outputs[k]].last > 0;
        for (size_t k = 0; e->needed[i] && k < n->n_inputs; k++)
            if (n->inputs[k] != DNB_NO_VALUE && e->values[n->inputs[k]].last < i + 1)
                e->values[n->inputs[k]].last = i + 1;
    }
done:
    return status;
}

static dnb_dtype storage_of(const dnb_evaluator *e, dnb_dtype class)
{
    return class == DNB_F32 && e->opt->f64 ? DNB_F64 : class;
}

/* A constant in storage form: borrowed where it is already. */
static dnb_status hold_constant(dnb_evaluator *e, dnb_value v, dnb_err *err)
{
    const dnb_graph_value *c = dnb_graph_value_at(e->graph, v);
    held *h = &e->values[v];
    dnb_status status = dnb_graph_fetch(e->graph, v, err);
    if (status != DNB_OK)
        return status;
    const dnb_array *from = e->opt->f64 && c->wide.data ? &c->wide : &c->constant;
    h->shape = dnb_shape_of(&c->constant);
    h->shape.elem = DNB_ELEM(c->elem);
    if (from->dtype != storage_of(e, h->shape.dtype))
        return dnb_array_convert(&h->array, from, DNB_F64, err);
    dnb_array_borrow(&h->array, from->dtype, from->ndim, from->shape, from->data);
    return DNB_OK;
}

static dnb_status hold_constants(dnb_evaluator *e, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t v = 0; v < e->n_values; v++)
        if (dnb_graph_value_at(e->graph, (dnb_value)v)->is_constant && e->values[v].last)
            DNB_TRY(hold_constant(e, (dnb_value)v, err));
done:
    return status;
}

/* ---- nodes ---- */

/* The arrays and shapes of a node's inputs. */
static dnb_status view_node(dnb_evaluator *e, const dnb_node *n, dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = dnb_node_view_reserve(&e->view, n, err);
    for (size_t i = 0; status == DNB_OK && i < n->n_inputs; i++) {
        dnb_value v = n->inputs[i];
        e->view.in[i] = v == DNB_NO_VALUE ? NULL : &e->values[v].shape;
        e->view.known[i] = v == DNB_NO_VALUE ? NULL : &e->values[v].array;
        if (v != DNB_NO_VALUE && !e->values[v].array.data)
            return dnb_fail(err, DNB_EINTERNAL, "node '%s' (%s): input %zu is not there", n->name,
                            n->op->name, i);
    }
    *s = (dnb_op_shapes){.node = n,
                         .opset = dnb_graph_opset(e->graph),
                         .batch = 1,
                         .declared_batch = 1,
                         .in = e->view.in,
                         .known = e->view.known,
                         .out = e->view.out};
    return status;
}

/* Outputs of known shape, by the reference kernel. */
static dnb_status run_kernel(dnb_evaluator *e, const dnb_op_shapes *s, dnb_array *out, dnb_err *err)
{
    const dnb_node *n = s->node;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_infer_outputs(s, err));
    for (size_t i = 0; i < n->n_outputs; i++) {
        dnb_dtype t = storage_of(e, s->out[i].dtype);
        DNB_TRY(count_bytes(e, n, t, &s->out[i], err));
        DNB_TRY(dnb_array_init(&out[i], t, s->out[i].ndim, s->out[i].dim, err));
    }
    dnb_op_call call = {.node = n,
                        .opset = s->opset,
                        .in = s->known,
                        .out = out,
                        .in_shape = s->in,
                        .out_shape = s->out};
    if (n->op->run)
        DNB_TRY(n->op->run(&call, err));
    for (size_t i = 0; i < n->n_outputs; i++)
        dnb_narrow(&out[i], dnb_elem(&s->out[i]));
done:
    return status;
}

static dnb_status run_node(dnb_evaluator *e, size_t i, dnb_err *err)
{
    const dnb_node *n = dnb_graph_node_at(e->graph, i);
    dnb_op_shapes s;
    dnb_array *out = NULL;
    dnb_status status = view_node(e, n, &s, err);
    if (status != DNB_OK)
        return status;
    DNB_NEW(out, n->n_outputs, "evaluation");
    if (n->op->eval) {
        dnb_eval_call call = {.evaluator = e,
                              .node = n,
                              .opset = s.opset,
                              .in = s.known,
                              .in_shape = s.in,
                              .out = out,
                              .out_shape = s.out};
        DNB_TRY(n->op->eval(&call, err));
    } else {
        DNB_TRY(run_kernel(e, &s, out, err));
    }
    for (size_t k = 0; k < n->n_outputs; k++) {
        held *h = &e->values[n->outputs[k]];
        h->array = out[k];
        h->shape = s.out[k];
        out[k] = (dnb_array){0};
        if (h->last == 0)
            drop(e, &h->array);
    }
    for (size_t k = 0; k < n->n_inputs; k++)
        if (n->inputs[k] != DNB_NO_VALUE && e->values[n->inputs[k]].last == i + 1)
            drop(e, &e->values[n->inputs[k]].array);
done:
    for (size_t k = 0; out && k < n->n_outputs; k++)
        dnb_array_release(&out[k]);
    dnb_free(out);
    return status;
}

static dnb_status run_nodes(dnb_evaluator *e, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = dnb_graph_node_count(e->graph);
    for (size_t i = 0; i < n; i++) {
        if (!e->needed[i])
            continue;
        DNB_TRY(dnb_check_cancel(e->opt->progress, err));
        DNB_TRY(run_node(e, i, err));
        if (e->depth == 0)
            dnb_report(e->opt->progress, "nodes", i + 1, n);
    }
done:
    return status;
}

/* A wanted value, moved out where that is possible (it may be wanted twice, or be borrowed). */
static dnb_status take(const held *h, dnb_array *out, dnb_err *err)
{
    return dnb_array_convert(out, &h->array, h->array.dtype, err);
}

/* ---- bodies ---- */

dnb_status dnb_eval_body(dnb_evaluator *outer, const dnb_graph *body, const dnb_array *const *in,
                         const dnb_shape *const *in_shape, dnb_array *out, dnb_shape *shape,
                         dnb_err *err)
{
    dnb_evaluator e = {.opt = outer->opt, .depth = outer->depth + 1, .bytes = outer->bytes};
    dnb_value *wanted = NULL;
    size_t n_out = dnb_graph_output_count(body), made = 0;
    dnb_status status = DNB_OK;
    if (e.depth > DEEPEST)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "control flow nested more than %d deep is unsupported", DEEPEST);
    DNB_NEW(wanted, n_out, "evaluation");
    for (size_t i = 0; i < n_out; i++)
        wanted[i] = dnb_graph_output_at(body, i);
    DNB_TRY(evaluator_init(&e, body, wanted, n_out, err));
    for (size_t i = 0; i < dnb_graph_input_count(body); i++) {
        held *h = &e.values[dnb_graph_input_at(body, i)];
        h->shape = *in_shape[i];
        dnb_array_borrow(&h->array, in[i]->dtype, in[i]->ndim, in[i]->shape, in[i]->data);
    }
    DNB_TRY(hold_constants(&e, err));
    DNB_TRY(run_nodes(&e, err));
    for (; made < n_out; made++) {
        DNB_TRY(take(&e.values[wanted[made]], &out[made], err));
        shape[made] = e.values[wanted[made]].shape;
    }
done:
    for (size_t i = 0; status != DNB_OK && i < made; i++)
        dnb_array_release(&out[i]);
    evaluator_release(&e);
    dnb_free(wanted);
    return status;
}

/* ---- the whole graph ---- */

bool dnb_eval_accepts(const dnb_shape *declared, const dnb_array *a)
{
    bool free_sizes = declared->ndim >= 3;
    bool fits = declared->ndim < 0 || declared->ndim == a->ndim;
    for (int d = 0; fits && d < declared->ndim; d++)
        fits = declared->dim[d] == 0 || declared->dim[d] == a->shape[d] || d == 0 ||
               (free_sizes && d > 1);
    return fits;
}

static dnb_status check_input(const dnb_graph_value *v, const dnb_array *a, bool any_shape,
                              dnb_err *err)
{
    const dnb_shape *s = &v->declared;
    dnb_shape have = dnb_shape_of(a);
    char want_text[128], have_text[128];
    if (!any_shape && !dnb_eval_accepts(s, a))
        return dnb_fail(err, DNB_ESHAPE, "input '%s' takes %s (0 = any size), not %s", v->name,
                        dnb_shape_text(s, want_text, sizeof want_text),
                        dnb_shape_text(&have, have_text, sizeof have_text));
    if (s->elem && dnb_storage_class(dnb_elem(s)) != dnb_storage_class(a->dtype))
        return dnb_fail(err, DNB_EARG, "input '%s' takes %s, not %s", v->name,
                        dnb_dtype_name(dnb_elem(s)), dnb_dtype_name(a->dtype));
    return DNB_OK;
}

/* An input in storage form, rounded to the element type the graph declares. */
static dnb_status hold_input(dnb_evaluator *e, dnb_value v, const dnb_array *a, dnb_err *err)
{
    const dnb_graph_value *g = dnb_graph_value_at(e->graph, v);
    held *h = &e->values[v];
    dnb_status status = check_input(g, a, e->opt->any_shape, err);
    if (status != DNB_OK)
        return status;
    h->shape = dnb_shape_of(a);
    h->shape.dtype = dnb_storage_class(a->dtype);
    h->shape.elem = g->declared.elem ? g->declared.elem : DNB_ELEM(a->dtype);
    status = dnb_array_convert(&h->array, a, storage_of(e, h->shape.dtype), err);
    if (status == DNB_OK)
        dnb_narrow(&h->array, dnb_elem(&h->shape));
    return status;
}

bool dnb_eval_wants_f64(const dnb_graph *g, const dnb_array *inputs)
{
    bool any = false;
    for (size_t v = 0; v < dnb_graph_value_count(g); v++)
        any |= dnb_graph_value_at(g, (dnb_value)v)->wide.data != NULL;
    for (size_t i = 0; i < dnb_graph_input_count(g); i++)
        any |= inputs[i].dtype == DNB_F64;
    return any;
}

dnb_status dnb_eval_run(const dnb_graph *g, const dnb_array *inputs, const dnb_value *wanted,
                        size_t n_wanted, const dnb_eval_options *opt, dnb_array *out, dnb_err *err)
{
    static const dnb_eval_options defaults = {0};
    size_t made = 0, bytes = 0;
    dnb_evaluator e = {.opt = opt ? opt : &defaults, .bytes = &bytes};
    dnb_status status = DNB_OK;
    DNB_TRY(evaluator_init(&e, g, wanted, n_wanted, err));
    for (size_t i = 0; i < dnb_graph_input_count(g); i++)
        DNB_TRY(hold_input(&e, dnb_graph_input_at(g, i), &inputs[i], err));
    DNB_TRY(hold_constants(&e, err));
    DNB_TRY(run_nodes(&e, err));
    for (; made < n_wanted; made++) {
        const held *h = &e.values[wanted[made]];
        DNB_TRY(dnb_array_convert(&out[made], &h->array, dnb_elem(&h->shape), err));
    }
done:
    for (size_t i = 0; status != DNB_OK && i < made; i++)
        dnb_array_release(&out[i]);
    evaluator_release(&e);
    return status;
}
