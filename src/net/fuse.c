/* Fusion: a convolution or inner product takes over the batch normalisation, addition and
 * elementwise function that follow it. Only values that no tap and no other node reads may vanish,
 * so that every tapped value is exactly what the graph says (conv5 stays the value before its
 * ReLU). */
#include <string.h>

#include "net/analysis.h"
#include "net/op_util.h"

/* The only node that reads v, when nothing else does; DNB_NO_NODE otherwise. */
static int sole_reader(const dnb_analysis *a, dnb_value v)
{
    if (a->values[v].readers != 1 || a->values[v].taps != 0)
        return DNB_NO_NODE;
    int i = a->values[v].reader;
    return a->nodes[i].view || a->nodes[i].absorbed ? DNB_NO_NODE : i;
}

static void absorb(dnb_analysis *a, dnb_node_facts *head, int node)
{
    a->nodes[node].absorbed = true;
    head->last = node;
    head->result = dnb_graph_node_at(a->graph, (size_t)node)->outputs[0];
}

/* BatchNormalization with constant statistics (its primitive needs them constant). */
static void try_norm(dnb_analysis *a, dnb_node_facts *head)
{
    int j = sole_reader(a, head->result);
    if (j == DNB_NO_NODE || a->nodes[j].prim.kind != DNB_PRIM_BATCHNORM ||
        dnb_graph_node_at(a->graph, (size_t)j)->inputs[0] != head->result)
        return;
    head->norm = j;
    absorb(a, head, j);
}

/* The operand of a two-operand addition that is not v. */
static dnb_value other_operand(const dnb_analysis *a, int node, dnb_value v)
{
    const dnb_node *n = dnb_graph_node_at(a->graph, (size_t)node);
    return n->inputs[0] == v ? n->inputs[1] : n->inputs[0];
}

static bool is_addition(const dnb_analysis *a, int node)
{
    const dnb_prim *p = &a->nodes[node].prim;
    return p->kind == DNB_PRIM_BINARY && p->alg == DNB_ALG_ADD;
}

/* x W + b written as MatMul and Add: b is a constant with one number per output. */
static void try_bias(dnb_analysis *a, dnb_node_facts *head)
{
    int j = sole_reader(a, head->result);
    if (head->prim.kind != DNB_PRIM_INNER || j == DNB_NO_NODE || !is_addition(a, j))
        return;
    dnb_value b = other_operand(a, j, head->result);
    const dnb_shape *s = &a->inf->shape[b], *out = &a->inf->shape[head->result];
    if (!a->values[b].constant || s->ndim < 1 || s->dim[s->ndim - 1] != out->dim[1] ||
        dnb_shape_count(s) != out->dim[1] || s->ndim > out->ndim)
        return;
    head->bias = j;
    absorb(a, head, j);
}

/* Adding a value of the same shape (a residual connection). */
static void try_add(dnb_analysis *a, dnb_node_facts *head)
{
    int j = sole_reader(a, head->result);
    if (j == DNB_NO_NODE || !is_addition(a, j))
        return;
    dnb_value other = other_operand(a, j, head->result);
    if (a->values[other].constant ||
        !dnb_shape_equal(&a->inf->shape[other], &a->inf->shape[head->result]))
        return;
    head->add = j;
    head->addend = other;
    head->prim.post[head->prim.n_post++] = (dnb_prim_post){.sum = true};
    absorb(a, head, j);
}

static void try_activation(dnb_analysis *a, dnb_node_facts *head)
{
    int j = sole_reader(a, head->result);
    if (j == DNB_NO_NODE || a->nodes[j].prim.kind != DNB_PRIM_ELTWISE)
        return;
    const dnb_prim *act = &a->nodes[j].prim;
    /* Normalisation primitives take a plain ReLU only. */
    if (head->prim.kind == DNB_PRIM_BATCHNORM && (act->alg != DNB_ALG_RELU || act->alpha != 0))
        return;
    head->act = j;
    head->prim.post[head->prim.n_post++] =
        (dnb_prim_post){.alg = act->alg, .alpha = act->alpha, .beta = act->beta};
    absorb(a, head, j);
}

/* ---- what comes before ---- */

dnb_value dnb_constant_operand(const dnb_analysis *a, int node)
{
    const dnb_node *n = dnb_graph_node_at(a->graph, (size_t)node);
    return n->inputs[a->values[n->inputs[1]].constant ? 1 : 0];
}

dnb_value dnb_group_input(const dnb_analysis *a, size_t i, size_t k)
{
    const dnb_node *n = dnb_graph_node_at(a->graph, i);
    int pre = a->nodes[i].pre;
    if (pre == DNB_NO_NODE || k > 0)
        return n->inputs[k];
    const dnb_node *mul = dnb_graph_node_at(a->graph, (size_t)pre);
    return mul->inputs[dnb_constant_operand(a, pre) == mul->inputs[1] ? 0 : 1];
}

/* The gradient of a batch normalisation before that of its convolution: y * factor with one
 * constant per channel. */
static void try_pre(dnb_analysis *a, size_t i)
{
    dnb_value v = dnb_graph_node_at(a->graph, i)->inputs[0];
    int j = dnb_graph_value_at(a->graph, v)->producer;
    if (j < 0 || sole_reader(a, v) != (int)i || a->nodes[j].absorbed || !a->nodes[j].runs ||
        a->nodes[j].last != j)
        return;
    const dnb_prim *p = &a->nodes[j].prim;
    dnb_value factor = dnb_constant_operand(a, j);
    const dnb_shape *s = &a->inf->shape[factor], *x = &a->inf->shape[v];
    if (p->kind != DNB_PRIM_BINARY || p->alg != DNB_ALG_MUL || !a->values[factor].constant ||
        s->ndim != x->ndim - 1 || s->dim[0] != x->dim[1] || dnb_shape_count(s) != x->dim[1])
        return;
    a->nodes[j].absorbed = true;
    a->nodes[i].pre = j;
}

void dnb_analysis_fuse(dnb_analysis *a)
{
    for (size_t i = 0; i < dnb_graph_node_count(a->graph); i++) {
        dnb_node_facts *head = &a->nodes[i];
        dnb_prim_kind kind = head->prim.kind;
        bool weights = kind == DNB_PRIM_CONV || kind == DNB_PRIM_INNER;
        if (!head->runs || head->absorbed)
            continue;
        if (kind == DNB_PRIM_CONV_INPUT_GRAD || head->prim.adjoint)
            try_pre(a, i);
        if (weights && !head->prim.adjoint) {
            try_bias(a, head);
            try_norm(a, head);
        }
        if (weights)
            try_add(a, head);
        if (weights || kind == DNB_PRIM_DECONV || kind == DNB_PRIM_BATCHNORM ||
            kind == DNB_PRIM_BINARY)
            try_activation(a, head);
    }
}
