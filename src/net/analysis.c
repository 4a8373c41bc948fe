/* Which nodes a list of taps needs, and in what role. */
#include "net/analysis.h"

#include "base/mem.h"
#include "net/op_util.h"

void dnb_analysis_release(dnb_analysis *a)
{
    dnb_free(a->values);
    dnb_free(a->nodes);
    *a = (dnb_analysis){0};
}

/* A value is constant when its content is known, or all a node's inputs are constant. */
static void find_constants(dnb_analysis *a)
{
    for (size_t v = 0; v < a->inf->n_values; v++)
        a->values[v].constant = a->inf->known[v].data != NULL;
    for (size_t i = 0; i < dnb_graph_node_count(a->graph); i++) {
        const dnb_node *n = dnb_graph_node_at(a->graph, i);
        bool constant = n->n_inputs > 0 && n->op->run;
        for (size_t k = 0; k < n->n_inputs; k++)
            constant =
                constant && (n->inputs[k] == DNB_NO_VALUE || a->values[n->inputs[k]].constant);
        for (size_t k = 0; constant && k < n->n_outputs; k++)
            a->values[n->outputs[k]].constant = true;
    }
}

/* From the taps back to the input. Known values need no node; other constants run once. */
static void find_needed(dnb_analysis *a, const dnb_value *taps, size_t n_taps)
{
    for (size_t t = 0; t < n_taps; t++) {
        a->values[taps[t]].wanted = true;
        a->values[taps[t]].taps++;
    }
    for (size_t i = dnb_graph_node_count(a->graph); i-- > 0;) {
        const dnb_node *n = dnb_graph_node_at(a->graph, i);
        bool wanted = false, constant = true, known = true;
        for (size_t k = 0; k < n->n_outputs; k++) {
            wanted = wanted || a->values[n->outputs[k]].wanted;
            constant = constant && a->values[n->outputs[k]].constant;
            known = known && a->inf->known[n->outputs[k]].data;
        }
        if (!wanted || known)
            continue;
        a->nodes[i].setup = constant;
        a->nodes[i].runs = !constant;
        for (size_t k = 0; k < n->n_inputs; k++)
            if (n->inputs[k] != DNB_NO_VALUE) {
                a->values[n->inputs[k]].wanted = true;
                a->values[n->inputs[k]].readers += !constant;
                if (!constant)
                    a->values[n->inputs[k]].reader = (int)i;
            }
    }
}

static bool is_view(const dnb_analysis *a, const dnb_node *n)
{
    const dnb_shape *in = &a->inf->shape[n->inputs[0]], *out = &a->inf->shape[n->outputs[0]];
    for (size_t k = 1; k < n->n_outputs; k++)
        if (a->values[n->outputs[k]].wanted)
            return false;
    return (n->op->flags & DNB_OP_VIEW) ||
           ((n->op->flags & DNB_OP_VIEW_IF_SAME_SHAPE) && dnb_shape_equal(in, out));
}

static void find_views(dnb_analysis *a)
{
    for (size_t v = 0; v < a->inf->n_values; v++)
        a->values[v].canon = a->values[v].root = (dnb_value)v;
    for (size_t i = 0; i < dnb_graph_node_count(a->graph); i++) {
        const dnb_node *n = dnb_graph_node_at(a->graph, i);
        if (!a->nodes[i].runs || n->n_inputs == 0 || !is_view(a, n))
            continue;
        dnb_value in = n->inputs[0], out = n->outputs[0];
        a->nodes[i].view = true;
        a->values[out].root = a->values[in].root;
        if (dnb_shape_equal(&a->inf->shape[in], &a->inf->shape[out]))
            a->values[out].canon = a->values[in].canon;
    }
}

/* Weights and vectors must be constants, data must be floats, nothing empty; otherwise the
 * reference kernel runs. */
static bool operands_fit(const dnb_analysis *a, const dnb_node *n, const dnb_prim *p)
{
    for (size_t k = 0; k < n->n_inputs; k++) {
        dnb_value v = n->inputs[k];
        if (v == DNB_NO_VALUE)
            continue;
        if ((int)k >= p->n_data && !a->values[v].constant)
            return false;
        if ((int)k < p->n_data && a->inf->shape[v].dtype != DNB_F32)
            return false;
        if (dnb_shape_count(&a->inf->shape[v]) == 0)
            return false;
    }
    return dnb_shape_count(&a->inf->shape[n->outputs[0]]) > 0;
}

static dnb_status describe_prims(dnb_analysis *a, dnb_err *err)
{
    dnb_node_view view = {0};
    dnb_op_shapes s;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < dnb_graph_node_count(a->graph); i++) {
        const dnb_node *n = dnb_graph_node_at(a->graph, i);
        dnb_prim p = {.kind = DNB_PRIM_NONE};
        if (!a->nodes[i].runs || a->nodes[i].view || !n->op->lower)
            continue;
        DNB_TRY(dnb_node_view_fill(&view, &s, a->graph, a->inf, n, err));
        DNB_TRY(n->op->lower(&s, &p, err));
        if (p.kind != DNB_PRIM_NONE && operands_fit(a, n, &p))
            a->nodes[i].prim = p;
    }
done:
    dnb_node_view_release(&view);
    return status;
}

dnb_status dnb_analysis_init(dnb_analysis *out, const dnb_graph *g, const dnb_inference *inf,
                             const dnb_value *taps, size_t n_taps, bool prims, bool fuse,
                             dnb_err *err)
{
    dnb_analysis a = {.graph = g, .inf = inf};
    dnb_status status = DNB_OK;
    DNB_NEW(a.values, inf->n_values, "planning");
    DNB_NEW(a.nodes, dnb_graph_node_count(g), "planning");
    find_constants(&a);
    find_needed(&a, taps, n_taps);
    find_views(&a);
    for (size_t i = 0; i < dnb_graph_node_count(g); i++) {
        dnb_node_facts *f = &a.nodes[i];
        f->pre = f->norm = f->bias = f->add = f->act = DNB_NO_NODE;
        f->last = (int)i;
        f->addend = DNB_NO_VALUE;
        f->result = dnb_graph_node_at(g, i)->outputs[0];
    }
    if (prims)
        DNB_TRY(describe_prims(&a, err));
    if (prims && fuse)
        dnb_analysis_fuse(&a);
    *out = a;
    a = (dnb_analysis){0};
done:
    dnb_analysis_release(&a);
    return status;
}
