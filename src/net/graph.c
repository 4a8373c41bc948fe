/* The graph builder: stores values, nodes and names; refuses anything that would break single
 * assignment. An addition either happens completely or not at all. */
#include "net/graph.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/attr.h"
#include "net/graph_names.h"
#include "net/op.h"
#include "net/shelf.h"

/* More would be no network but an attack; keeps every index well inside int. */
#define MAX_VALUES ((size_t)1 << 26)
#define MAX_DIM ((size_t)1 << 31)
#define DEFAULT_OPSET 13

struct dnb_graph {
    int opset;
    dnb_shelf *shelf; /* NULL = every constant is there */
    dnb_graph_value *values;
    dnb_node *nodes;
    dnb_value *inputs, *outputs;
    dnb_graph **bodies;
    dnb_graph_names names;
    size_t n_values, n_nodes, n_inputs, n_outputs, n_bodies;
    size_t cap_values, cap_nodes, cap_inputs, cap_outputs, cap_bodies;
    size_t bytes;
};

dnb_status dnb_graph_new(dnb_graph **out, int opset, dnb_err *err)
{
    dnb_graph *g = dnb_calloc(1, sizeof *g);
    if (!g)
        return dnb_fail_memory(err, "graph", sizeof *g);
    g->opset = opset > 0 ? opset : DEFAULT_OPSET;
    *out = g;
    return DNB_OK;
}

static void node_release(dnb_node *n)
{
    for (size_t i = 0; i < n->n_attrs; i++)
        dnb_attr_release(&n->attrs[i]);
    dnb_free(n->attrs);
    dnb_free(n->inputs);
    dnb_free(n->outputs);
    dnb_free(n->name);
}

void dnb_graph_free(dnb_graph *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n_values; i++) {
        dnb_free(g->values[i].name);
        dnb_array_release(&g->values[i].constant);
        dnb_array_release(&g->values[i].wide);
    }
    for (size_t i = 0; i < g->n_nodes; i++)
        node_release(&g->nodes[i]);
    for (size_t i = 0; i < g->n_bodies; i++)
        dnb_graph_free(g->bodies[i]);
    dnb_shelf_free(g->shelf);
    dnb_free(g->bodies);
    dnb_free(g->values);
    dnb_free(g->nodes);
    dnb_free(g->inputs);
    dnb_free(g->outputs);
    dnb_graph_names_release(&g->names);
    dnb_free(g);
}

int dnb_graph_opset(const dnb_graph *g)
{
    return g->opset;
}

/* ---- storage ------------------------------------------------------------------------------------
 */

/* Makes room for `more` further elements in the block at *array. */
static dnb_status reserve(void **array, size_t *cap, size_t used, size_t more, size_t size,
                          dnb_err *err)
{
    if (more > MAX_VALUES || used > MAX_VALUES - more)
        return dnb_fail(err, DNB_EARG, "graph has more than %zu values or nodes", MAX_VALUES);
    if (used + more <= *cap)
        return DNB_OK;
    size_t want = *cap < 16 ? 16 : *cap * 2;
    if (want < used + more)
        want = used + more;
    void *p = dnb_realloc(*array, want, size);
    if (!p)
        return dnb_fail_memory(err, "graph", want * size);
    *array = p;
    *cap = want;
    return DNB_OK;
}

/* The same for a typed member of a graph (through a void pointer, as aliasing rules want it). */
#define RESERVE(status, g, member, more)                                                           \
    do {                                                                                           \
        void *block_ = (g)->member;                                                                \
        status = reserve(&block_, &(g)->cap_##member, (g)->n_##member, (more),                     \
                         sizeof *(g)->member, err);                                                \
        (g)->member = block_;                                                                      \
    } while (0)

/* After success `more` names can be added without failing. */
static dnb_status reserve_names(dnb_graph *g, size_t more, dnb_err *err)
{
    if (more > MAX_VALUES || g->names.n > MAX_VALUES - more)
        return dnb_fail(err, DNB_EARG, "graph has more than %zu names", MAX_VALUES);
    return dnb_graph_names_reserve(&g->names, more, err);
}

dnb_value dnb_graph_find(const dnb_graph *g, const char *name)
{
    return dnb_graph_names_find(&g->names, name);
}

/* A value that is not yet in the graph, with the copies it needs. */
typedef struct new_value {
    dnb_graph_value value;
    char *text; /* copy for the name table; NULL for unnamed values */
} new_value;

static void new_value_release(new_value *v)
{
    dnb_free(v->value.name);
    dnb_free(v->text);
}

static dnb_status new_value_init(new_value *v, const dnb_graph *g, const char *name, dnb_err *err)
{
    new_value fresh = {.value.producer = -1};
    dnb_status status = DNB_OK;
    bool named = name && *name;
    if (named && dnb_graph_find(g, name) != DNB_NO_VALUE)
        return dnb_fail(err, DNB_EARG, "value '%s' is defined twice", name);
    fresh.value.name = dnb_strdup(named ? name : "");
    if (named)
        fresh.text = dnb_strdup(name);
    if (!fresh.value.name || (named && !fresh.text)) {
        status = dnb_fail_memory(err, "value name", named ? strlen(name) : 1);
        new_value_release(&fresh);
        return status;
    }
    *v = fresh;
    return DNB_OK;
}

/* Room is reserved; takes over everything in v. */
static dnb_value commit_value(dnb_graph *g, new_value *v)
{
    dnb_value id = (dnb_value)g->n_values++;
    g->values[id] = v->value;
    if (v->text)
        dnb_graph_names_add(&g->names, v->text, id);
    return id;
}

static dnb_status reserve_values(dnb_graph *g, size_t more, dnb_err *err)
{
    dnb_status status;
    RESERVE(status, g, values, more);
    return status == DNB_OK ? reserve_names(g, more, err) : status;
}

/* ---- building -----------------------------------------------------------------------------------
 */

static dnb_status check_input_shape(const char *name, const dnb_shape *shape, dnb_err *err)
{
    size_t total = 1;
    if (shape->ndim < -1 || shape->ndim > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_ESHAPE, "input '%s' has %d dimensions; at most %d are possible",
                        name, shape->ndim, DNB_MAX_DIMS);
    for (int i = 0; i < shape->ndim; i++)
        if (shape->dim[i] > MAX_DIM ||
            !dnb_mul_size(&total, total, shape->dim[i] ? shape->dim[i] : 1) ||
            total > PTRDIFF_MAX / 8)
            return dnb_fail(err, DNB_ESHAPE, "input '%s': dimension %d is %zu, out of range", name,
                            i, shape->dim[i]);
    if (shape->dtype != DNB_F32 && shape->dtype != DNB_I64)
        return dnb_fail(err, DNB_EUNSUPPORTED, "input '%s' has type %s; float32 is supported", name,
                        dnb_dtype_name(shape->dtype));
    return DNB_OK;
}

dnb_status dnb_graph_input(dnb_graph *g, const char *name, const dnb_shape *shape, dnb_value *out,
                           dnb_err *err)
{
    new_value v = {0};
    dnb_status status = DNB_OK;
    if (!name || !*name)
        return dnb_fail(err, DNB_EARG, "a graph input needs a name");
    DNB_TRY(check_input_shape(name, shape, err));
    DNB_TRY(reserve_values(g, 1, err));
    RESERVE(status, g, inputs, 1);
    if (status != DNB_OK)
        goto done;
    DNB_TRY(new_value_init(&v, g, name, err));
    v.value.is_input = true;
    v.value.declared = *shape;
    *out = commit_value(g, &v);
    g->inputs[g->n_inputs++] = *out;
done:
    return status;
}

dnb_status dnb_graph_resize_input(dnb_graph *g, dnb_value input, const dnb_shape *shape,
                                  dnb_err *err)
{
    dnb_status status = check_input_shape(g->values[input].name, shape, err);
    if (status == DNB_OK)
        g->values[input].declared = *shape;
    return status;
}

dnb_status dnb_graph_constant(dnb_graph *g, const char *name, dnb_array *a, dnb_value *out,
                              dnb_err *err)
{
    new_value v = {0};
    dnb_array converted = {0};
    dnb_status status = DNB_OK;
    dnb_dtype elem = a->dtype, kept = dnb_storage_class(elem);
    DNB_TRY(reserve_values(g, 1, err));
    DNB_TRY(new_value_init(&v, g, name, err));
    if (a->dtype != kept) {
        DNB_TRY(dnb_array_convert(&converted, a, kept, err));
        if (elem == DNB_F64)
            v.value.wide = *a;
        else
            dnb_array_release(a);
        *a = converted;
    }
    v.value.is_constant = true;
    v.value.elem = elem;
    v.value.constant = *a;
    *a = (dnb_array){0};
    g->bytes += dnb_array_bytes(&v.value.constant);
    *out = commit_value(g, &v);
    v = (new_value){0};
done:
    new_value_release(&v);
    return status;
}

dnb_status dnb_graph_set_source(dnb_graph *g, const dnb_graph_source *source, dnb_err *err)
{
    return g->shelf ? dnb_fail(err, DNB_EARG, "the graph has a source of constants already")
                    : dnb_shelf_new(&g->shelf, source, err);
}

dnb_status dnb_graph_constant_later(dnb_graph *g, const char *name, dnb_array *a, size_t item,
                                    dnb_value *out, dnb_err *err)
{
    if (!g->shelf || a->dtype != dnb_storage_class(a->dtype))
        return dnb_fail(err, DNB_EARG, "constant '%s' cannot be read later", name ? name : "");
    dnb_status status = dnb_graph_constant(g, name, a, out, err);
    if (status == DNB_OK)
        g->values[*out].later = item + 1;
    return status;
}

dnb_status dnb_graph_fetch(const dnb_graph *g, dnb_value v, dnb_err *err)
{
    dnb_graph_value *c = &g->values[v];
    return g->shelf && c->is_constant ? dnb_shelf_fetch(g->shelf, c, err) : DNB_OK;
}

/* An ONNX "Constant" node's content, as a fresh array. */
static dnb_status constant_content(dnb_array *out, const dnb_node_spec *spec, dnb_err *err)
{
    for (size_t i = 0; i < spec->n_attrs; i++) {
        const dnb_attr *a = &spec->attrs[i];
        dnb_array src = {0};
        switch (a->kind) {
        case DNB_ATTR_TENSOR:
            return dnb_array_convert(out, a->tensor, a->tensor->dtype, err);
        case DNB_ATTR_INT:
            dnb_array_borrow(&src, DNB_I64, 0, NULL, (void *)&a->i);
            break;
        case DNB_ATTR_FLOAT:
            dnb_array_borrow(&src, DNB_F64, 0, NULL, (void *)&a->f);
            break;
        case DNB_ATTR_INTS:
            dnb_array_borrow(&src, DNB_I64, 1, &a->n, (void *)a->ints);
            break;
        case DNB_ATTR_FLOATS:
            dnb_array_borrow(&src, DNB_F64, 1, &a->n, (void *)a->floats);
            break;
        default:
            continue;
        }
        return dnb_array_convert(out, &src, src.dtype == DNB_F64 ? DNB_F32 : DNB_I64, err);
    }
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "node '%s': Constant without a value of a supported kind",
                    spec->name ? spec->name : "");
}

static dnb_status add_constant_node(dnb_graph *g, const dnb_node_spec *spec, dnb_value *outputs,
                                    dnb_err *err)
{
    dnb_array a = {0};
    dnb_value v;
    dnb_status status = DNB_OK;
    if (spec->n_inputs > 0 || spec->n_outputs > 1)
        return dnb_fail(err, DNB_EARG, "node '%s': Constant takes no input and has one output",
                        spec->name ? spec->name : "");
    DNB_TRY(constant_content(&a, spec, err));
    DNB_TRY(dnb_graph_constant(g, spec->output_names ? spec->output_names[0] : NULL, &a, &v, err));
    if (outputs)
        outputs[0] = v;
done:
    dnb_array_release(&a);
    return status;
}

/* What the node is called in messages before it exists. */
static const char *spec_name(const dnb_node_spec *spec)
{
    if (spec->name && *spec->name)
        return spec->name;
    if (spec->output_names && spec->output_names[0] && *spec->output_names[0])
        return spec->output_names[0];
    return "(unnamed)";
}

static dnb_status check_spec(const dnb_graph *g, const dnb_node_spec *spec, const dnb_op *op,
                             size_t n_outputs, dnb_err *err)
{
    const char *who = spec_name(spec);
    if (spec->n_inputs < op->min_in || (op->max_in != DNB_ANY_COUNT && spec->n_inputs > op->max_in))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s) has %zu inputs; it takes %d to %d", who,
                        op->name, spec->n_inputs, op->min_in,
                        op->max_in == DNB_ANY_COUNT ? INT_MAX : op->max_in);
    if (n_outputs > op->max_out)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s) has %zu outputs; %d are supported",
                        who, op->name, n_outputs, op->max_out);
    for (size_t i = 0; i < spec->n_inputs; i++) {
        dnb_value v = spec->inputs[i];
        if (v == DNB_NO_VALUE && i >= op->min_in)
            continue;
        if (v < 0 || (size_t)v >= g->n_values)
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is missing", who, op->name,
                            i);
    }
    for (size_t i = 0; spec->output_names && i < n_outputs; i++)
        for (size_t j = 0; j < i; j++)
            if (spec->output_names[i] && spec->output_names[j] && *spec->output_names[i] &&
                strcmp(spec->output_names[i], spec->output_names[j]) == 0)
                return dnb_fail(err, DNB_EARG, "node '%s' (%s): output '%s' is defined twice", who,
                                op->name, spec->output_names[i]);
    return DNB_OK;
}

/* Copies name, inputs and attributes; outputs are left for the commit. */
static dnb_status node_init(dnb_node *out, const dnb_node_spec *spec, const dnb_op *op,
                            size_t n_outputs, dnb_err *err)
{
    dnb_node n = {.op = op, .n_inputs = spec->n_inputs, .n_outputs = n_outputs};
    dnb_status status = DNB_OK;
    n.name = dnb_strdup(spec_name(spec));
    if (!n.name) {
        status = dnb_fail_memory(err, "node name", strlen(spec_name(spec)));
        goto done;
    }
    DNB_NEW(n.inputs, n.n_inputs, "node inputs");
    DNB_NEW(n.outputs, n.n_outputs, "node outputs");
    DNB_NEW(n.attrs, spec->n_attrs, "node attributes");
    if (n.n_inputs)
        memcpy(n.inputs, spec->inputs, n.n_inputs * sizeof *n.inputs);
    for (; n.n_attrs < spec->n_attrs; n.n_attrs++)
        DNB_TRY(dnb_attr_copy(&n.attrs[n.n_attrs], &spec->attrs[n.n_attrs], err));
    *out = n;
    n = (dnb_node){0};
done:
    node_release(&n);
    return status;
}

dnb_status dnb_graph_node(dnb_graph *g, const dnb_node_spec *spec, dnb_value *outputs, dnb_err *err)
{
    dnb_node node = {0};
    new_value *fresh = NULL;
    dnb_status status = DNB_OK;
    size_t n_outputs = spec->n_outputs ? spec->n_outputs : 1, made = 0;
    const dnb_op *op;
    if (spec->op && strcmp(spec->op, "Constant") == 0)
        return add_constant_node(g, spec, outputs, err);
    op = spec->op ? dnb_op_find(spec->op) : NULL;
    if (!op)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s': operator %s is unsupported",
                        spec_name(spec), spec->op ? spec->op : "(none)");
    DNB_TRY(check_spec(g, spec, op, n_outputs, err));
    DNB_TRY(reserve_values(g, n_outputs, err));
    RESERVE(status, g, nodes, 1);
    if (status != DNB_OK)
        goto done;
    DNB_NEW(fresh, n_outputs, "node outputs");
    DNB_TRY(node_init(&node, spec, op, n_outputs, err));
    for (; made < n_outputs; made++)
        DNB_TRY(new_value_init(&fresh[made], g,
                               spec->output_names ? spec->output_names[made] : NULL, err));
    for (size_t i = 0; i < n_outputs; i++) {
        fresh[i].value.producer = (int)g->n_nodes;
        node.outputs[i] = commit_value(g, &fresh[i]);
        if (outputs)
            outputs[i] = node.outputs[i];
    }
    made = 0;
    g->nodes[g->n_nodes++] = node;
    node = (dnb_node){0};
done:
    for (size_t i = 0; i < made; i++)
        new_value_release(&fresh[i]);
    node_release(&node);
    dnb_free(fresh);
    return status;
}

dnb_status dnb_graph_op(dnb_graph *g, const char *op, const char *name, const dnb_value *inputs,
                        size_t n_inputs, const dnb_attr *attrs, size_t n_attrs, dnb_value *out,
                        dnb_err *err)
{
    dnb_node_spec spec = {.op = op,
                          .inputs = inputs,
                          .n_inputs = n_inputs,
                          .attrs = attrs,
                          .n_attrs = n_attrs,
                          .output_names = &name,
                          .n_outputs = 1};
    return dnb_graph_node(g, &spec, out, err);
}

static dnb_status check_value(const dnb_graph *g, dnb_value v, const char *what, dnb_err *err)
{
    if (v < 0 || (size_t)v >= g->n_values)
        return dnb_fail(err, DNB_EARG, "%s names a value that does not exist", what);
    return DNB_OK;
}

dnb_status dnb_graph_add_body(dnb_graph *g, dnb_graph *body, dnb_err *err)
{
    dnb_status status;
    RESERVE(status, g, bodies, 1);
    if (status == DNB_OK)
        g->bodies[g->n_bodies++] = body;
    return status;
}

dnb_status dnb_graph_alias(dnb_graph *g, const char *name, dnb_value v, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char *text;
    if (!name || !*name)
        return dnb_fail(err, DNB_EARG, "an alias needs a name");
    DNB_TRY(check_value(g, v, name, err));
    dnb_value known = dnb_graph_find(g, name);
    if (known == v)
        return DNB_OK;
    if (known != DNB_NO_VALUE)
        return dnb_fail(err, DNB_EARG, "alias '%s' already names value '%s'", name,
                        g->values[known].name);
    DNB_TRY(reserve_names(g, 1, err));
    text = dnb_strdup(name);
    if (!text)
        return dnb_fail_memory(err, "alias", strlen(name));
    dnb_graph_names_add(&g->names, text, v);
done:
    return status;
}

dnb_status dnb_graph_output(dnb_graph *g, dnb_value v, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(check_value(g, v, "graph output", err));
    RESERVE(status, g, outputs, 1);
    if (status != DNB_OK)
        goto done;
    g->outputs[g->n_outputs++] = v;
done:
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

size_t dnb_graph_value_count(const dnb_graph *g)
{
    return g->n_values;
}

const dnb_graph_value *dnb_graph_value_at(const dnb_graph *g, dnb_value v)
{
    return &g->values[v];
}

size_t dnb_graph_node_count(const dnb_graph *g)
{
    return g->n_nodes;
}

const dnb_node *dnb_graph_node_at(const dnb_graph *g, size_t i)
{
    return &g->nodes[i];
}

size_t dnb_graph_input_count(const dnb_graph *g)
{
    return g->n_inputs;
}

dnb_value dnb_graph_input_at(const dnb_graph *g, size_t i)
{
    return g->inputs[i];
}

size_t dnb_graph_output_count(const dnb_graph *g)
{
    return g->n_outputs;
}

dnb_value dnb_graph_output_at(const dnb_graph *g, size_t i)
{
    return g->outputs[i];
}

size_t dnb_graph_name_count(const dnb_graph *g)
{
    return g->names.n;
}

const char *dnb_graph_name_at(const dnb_graph *g, size_t i, dnb_value *v)
{
    if (v)
        *v = g->names.list[i].value;
    return g->names.list[i].text;
}

size_t dnb_graph_bytes(const dnb_graph *g)
{
    return g->bytes;
}
