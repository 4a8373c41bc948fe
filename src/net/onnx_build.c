/* The nodes of an ONNX model, one by one, into the graph builder. */
#include "net/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/onnx_function.h"
#include "net/onnx_input.h"
#include "net/op.h"

#define OPSET_MIN 1
#define OPSET_MAX 18
#define DEEPEST 16

enum { ATTRIBUTE_GRAPH = 5 };

/* A name the model gives to something, sorted for look-up. */
typedef struct name_ref {
    const char *name;
    size_t index;
} name_ref;

typedef struct builder builder;
struct builder {
    Onnx__Graph *model;
    const dnb_onnx_source *from;
    const dnb_onnx_wish *wish;
    builder *parent;               /* of a body: what builds the graph around it */
    dnb_onnx_functions *functions; /* NULL = none */
    int opset, depth;
    dnb_graph *graph;
    name_ref *weights; /* initialisers by name */
    name_ref *uses;    /* every name a node reads or the model returns, by name */
    size_t n_uses;
    bool has_bodies;     /* some uses are inside them */
    dnb_value *captured; /* of a body: values of the parent it uses, in the order of its inputs */
    size_t n_captured, cap_captured;
    dnb_err *err;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const name_ref *)a)->name, ((const name_ref *)b)->name);
}

static const name_ref *find(const name_ref *refs, size_t n, const char *name)
{
    name_ref key = {.name = name};
    return n ? bsearch(&key, refs, n, sizeof key, by_name) : NULL;
}

/* ---- tables ---- */

static dnb_status list_weights(builder *b)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    const Onnx__Graph *m = b->model;
    DNB_NEW(b->weights, m->n_initializer, b->from->name);
    for (size_t i = 0; i < m->n_initializer; i++)
        b->weights[i] = (name_ref){m->initializer[i]->name, i};
    qsort(b->weights, m->n_initializer, sizeof *b->weights, by_name);
    for (size_t i = 1; i < m->n_initializer; i++)
        if (strcmp(b->weights[i - 1].name, b->weights[i].name) == 0) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: tensor '%.200s' occurs twice", b->from->name,
                              b->weights[i].name);
            goto done;
        }
done:
    return status;
}

static dnb_status list_uses(builder *b)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    const Onnx__Graph *m = b->model;
    size_t n = m->n_output;
    for (size_t i = 0; i < m->n_node; i++) {
        n += m->node[i]->n_input;
        for (size_t k = 0; k < m->node[i]->n_attribute; k++)
            b->has_bodies |= m->node[i]->attribute[k]->type == ATTRIBUTE_GRAPH;
    }
    DNB_NEW(b->uses, n, b->from->name);
    for (size_t i = 0; i < m->n_node; i++)
        for (size_t k = 0; k < m->node[i]->n_input; k++)
            b->uses[b->n_uses++] = (name_ref){m->node[i]->input[k], i};
    for (size_t i = 0; i < m->n_output; i++)
        b->uses[b->n_uses++] = (name_ref){m->output[i]->name, 0};
    qsort(b->uses, b->n_uses, sizeof *b->uses, by_name);
done:
    return status;
}

/* The version of the standard's own operators in a list; `fallback` where it is not there. */
static int64_t standard_version(Onnx__OperatorSet *const *sets, size_t n, int64_t fallback)
{
    for (size_t i = 0; i < n; i++)
        if (*sets[i]->domain == '\0' || strcmp(sets[i]->domain, "ai.onnx") == 0)
            fallback = sets[i]->version;
    return fallback;
}

static dnb_status read_opset(builder *b, const Onnx__Model *model)
{
    int64_t version = standard_version(model->opset_import, model->n_opset_import, 0);
    /* A model of nothing but calls need not name it; its functions do. */
    for (size_t i = 0; version == 0 && i < model->n_functions; i++)
        version = standard_version(model->functions[i]->opset_import,
                                   model->functions[i]->n_opset_import, 0);
    if (model->n_opset_import == 0 && (model->ir_version == 1 || model->ir_version == 2))
        version = 1; /* from before operator sets */
    if (version < OPSET_MIN || version > OPSET_MAX)
        return dnb_fail(
            b->err, DNB_EUNSUPPORTED,
            "%s: uses operator set %lld; %d to %d are supported (export it with opset_version=13)",
            b->from->name, (long long)version, OPSET_MIN, OPSET_MAX);
    b->opset = (int)version;
    return DNB_OK;
}

/* ---- inputs ---- */

/* The one image input of a network for stimuli. */
static dnb_status add_image_input(builder *b)
{
    const Onnx__ValueInfo *input = NULL;
    size_t n = 0;
    for (size_t i = 0; i < b->model->n_input; i++) {
        const Onnx__ValueInfo *v = b->model->input[i];
        if (find(b->weights, b->model->n_initializer, v->name))
            continue; /* older files list the weights among the inputs */
        if (n++ == 1)
            return dnb_fail(
                b->err, DNB_EUNSUPPORTED,
                "%s: has several inputs ('%.200s', '%.200s', ...); networks with one are supported",
                b->from->name, input->name, v->name);
        input = v;
    }
    if (!input)
        return dnb_fail(b->err, DNB_EFORMAT, "%s: has no input", b->from->name);
    dnb_shape shape;
    dnb_value value;
    dnb_status status =
        dnb_onnx_image_shape(&shape, input, b->from, b->wish->height, b->wish->width, b->err);
    return status == DNB_OK ? dnb_graph_input(b->graph, input->name, &shape, &value, b->err)
                            : status;
}

static dnb_status add_inputs(builder *b)
{
    for (size_t i = 0; i < b->model->n_input; i++) {
        const Onnx__ValueInfo *v = b->model->input[i];
        dnb_shape shape;
        dnb_value value;
        if (find(b->weights, b->model->n_initializer, v->name))
            continue;
        dnb_status status = dnb_onnx_input_shape(&shape, v, b->from, b->err);
        if (status == DNB_OK)
            status = dnb_graph_input(b->graph, v->name, &shape, &value, b->err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* ---- nodes ---- */

/* "node 'x'", or its first output's name where it has none. */
static const char *node_name(const Onnx__Node *n)
{
    return *n->name || n->n_output == 0 ? n->name : n->output[0];
}

static dnb_status remember(builder *b, dnb_value outer)
{
    if (b->n_captured == b->cap_captured) {
        size_t cap = b->cap_captured ? 2 * b->cap_captured : 8;
        void *p = dnb_realloc(b->captured, cap, sizeof *b->captured);
        if (!p)
            return dnb_fail_memory(b->err, b->from->name, cap * sizeof *b->captured);
        b->captured = p;
        b->cap_captured = cap;
    }
    b->captured[b->n_captured++] = outer;
    return DNB_OK;
}

static dnb_status add_weight(builder *b, const name_ref *w, dnb_value *out)
{
    dnb_array a = {0};
    dnb_status status =
        dnb_onnx_tensor(&a, b->model->initializer[w->index], w->name, b->from, b->err);
    if (status == DNB_OK) {
        status = dnb_graph_constant(b->graph, w->name, &a, out, b->err);
        if (status != DNB_OK)
            dnb_fail_prefix(b->err, status, "%s", b->from->name);
    }
    dnb_array_release(&a);
    return status;
}

/* The value of a name: made before, a weight that is now added, or, in a body, a value of the graph
 * around it, which becomes one more input. DNB_NO_VALUE when there is none. */
static dnb_status look_up(builder *b, const char *name, dnb_value *out)
{
    dnb_value outer = DNB_NO_VALUE;
    const dnb_shape open = {.ndim = -1};
    *out = dnb_graph_find(b->graph, name);
    if (*out != DNB_NO_VALUE)
        return DNB_OK;
    const name_ref *w = find(b->weights, b->model->n_initializer, name);
    if (w)
        return add_weight(b, w, out);
    if (!b->parent)
        return DNB_OK;
    dnb_status status = look_up(b->parent, name, &outer);
    if (status != DNB_OK || outer == DNB_NO_VALUE)
        return status;
    status = dnb_graph_input(b->graph, name, &open, out, b->err);
    return status == DNB_OK ? remember(b, outer) : status;
}

static dnb_status resolve(builder *b, const Onnx__Node *n, const char *name, dnb_value *out)
{
    *out = DNB_NO_VALUE;
    if (*name == '\0')
        return DNB_OK;
    dnb_status status = look_up(b, name, out);
    if (status == DNB_OK && *out == DNB_NO_VALUE)
        return dnb_fail(
            b->err, DNB_EFORMAT,
            "%s: node '%.200s' needs '%.200s', which no node before it makes (is it missing, "
            "or do the nodes form a cycle?)",
            b->from->name, node_name(n), name);
    return status;
}

/* A node's attributes in the builder's terms, and what they own. */
typedef struct attributes {
    dnb_attr *list;
    size_t n;
    dnb_array *tensors; /* one slot per attribute */
    double **floats;
    char **strings; /* the texts of a list lie in one block, their addresses in front of them */
    dnb_value **captured; /* by a body */
    size_t *n_captured;
} attributes;

static void attributes_release(attributes *a)
{
    for (size_t i = 0; i < a->n; i++) {
        dnb_array_release(&a->tensors[i]);
        dnb_free(a->floats[i]);
        dnb_free(a->strings[i]);
        dnb_free(a->captured[i]);
    }
    dnb_free((void *)a->captured);
    dnb_free(a->n_captured);
    dnb_free(a->list);
    dnb_free(a->tensors);
    dnb_free(a->floats);
    dnb_free(a->strings);
}

static dnb_status no_attribute(const builder *b, const Onnx__Node *n, const Onnx__Attribute *x)
{
    return dnb_fail(b->err, DNB_EUNSUPPORTED,
                    "%s: node '%.200s': attribute '%.100s' has a type (%d) that is unsupported",
                    b->from->name, node_name(n), x->name, x->type);
}

static dnb_status build_body(builder *parent, const Onnx__Node *n, Onnx__Attribute *x,
                             attributes *a, size_t i);

static dnb_status convert_strings(const builder *b, const Onnx__Attribute *x, attributes *a,
                                  size_t i)
{
    size_t n = x->n_strings, size = 0;
    for (size_t k = 0; k < n; k++)
        size += x->strings[k].len + 1;
    const char **list = dnb_calloc(n * sizeof *list + size, 1);
    if (!list)
        return dnb_fail_memory(b->err, b->from->name, size);
    char *text = (char *)(list + n);
    for (size_t k = 0; k < n; k++) {
        if (x->strings[k].len)
            memcpy(text, x->strings[k].data, x->strings[k].len);
        list[k] = text;
        text += x->strings[k].len + 1;
    }
    a->strings[i] = (char *)list;
    a->list[i] = (dnb_attr){.name = x->name, .kind = DNB_ATTR_STRINGS, .strings = list, .n = n};
    return DNB_OK;
}

static dnb_status convert_attribute(builder *b, const Onnx__Node *n, Onnx__Attribute *x,
                                    attributes *a, size_t i)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    dnb_attr *out = &a->list[i];
    *out = (dnb_attr){.name = x->name};
    if (*x->ref_attr_name)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: node '%.200s': attribute '%.100s' refers to a function's attribute "
                        "outside any function",
                        b->from->name, node_name(n), x->name);
    switch (x->type) {
    case 1:
        out->kind = DNB_ATTR_FLOAT;
        out->f = x->f;
        break;
    case 2:
        out->kind = DNB_ATTR_INT;
        out->i = x->i;
        break;
    case 3:
        out->kind = DNB_ATTR_STRING;
        a->strings[i] = dnb_strndup(x->s.data ? (const char *)x->s.data : "", x->s.len);
        if (!a->strings[i])
            return dnb_fail_memory(err, b->from->name, x->s.len);
        out->s = a->strings[i];
        break;
    case 4:
        if (!x->t)
            return no_attribute(b, n, x);
        DNB_TRY(dnb_onnx_tensor(&a->tensors[i], x->t, node_name(n), b->from, err));
        out->kind = DNB_ATTR_TENSOR;
        out->tensor = &a->tensors[i];
        break;
    case ATTRIBUTE_GRAPH:
        return build_body(b, n, x, a, i);
    case 6:
        out->kind = DNB_ATTR_FLOATS;
        DNB_NEW(a->floats[i], x->n_floats, b->from->name);
        for (size_t k = 0; k < x->n_floats; k++)
            a->floats[i][k] = x->floats[k];
        out->floats = a->floats[i];
        out->n = x->n_floats;
        break;
    case 7:
        out->kind = DNB_ATTR_INTS;
        out->ints = x->ints;
        out->n = x->n_ints;
        break;
    case 8:
        return convert_strings(b, x, a, i);
    default:
        return no_attribute(b, n, x);
    }
done:
    return status;
}

static dnb_status convert_attributes(builder *b, const Onnx__Node *n, attributes *a)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    size_t count = n->n_attribute;
    DNB_NEW(a->list, count + 1, b->from->name);
    DNB_NEW(a->tensors, count, b->from->name);
    DNB_NEW(a->floats, count, b->from->name);
    DNB_NEW(a->strings, count, b->from->name);
    DNB_NEW(a->captured, count, b->from->name);
    DNB_NEW(a->n_captured, count, b->from->name);
    a->n = count;
    for (size_t i = 0; i < count; i++)
        DNB_TRY(convert_attribute(b, n, n->attribute[i], a, i));
done:
    if (!a->list || !a->tensors || !a->floats || !a->strings || !a->captured || !a->n_captured)
        a->n = 0; /* what is there holds nothing yet */
    return status;
}

/* Only operators of the standard's own domain, and of ours none that files may not name. */
static dnb_status check_operator(const builder *b, const Onnx__Node *n)
{
    bool standard = *n->domain == '\0' || strcmp(n->domain, "ai.onnx") == 0;
    if (standard && strchr(n->op_type, '.') == NULL &&
        (dnb_op_find(n->op_type) || strcmp(n->op_type, "Constant") == 0))
        return DNB_OK;
    return dnb_fail(
        b->err, DNB_EUNSUPPORTED,
        "%s: node '%.200s' needs operator '%.100s%s%.100s' (opset %d), which is unsupported",
        b->from->name, node_name(n), standard ? "" : n->domain, standard ? "" : ".", n->op_type,
        b->opset);
}

static size_t count_captured(const attributes *a, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->list[i].name, name) == 0)
            n += a->n_captured[i];
    return n;
}

/* What the bodies use, as the node's last inputs: then_branch's before the others' (name NULL). */
static void add_captured(dnb_value *to, const attributes *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++) {
        bool is_then = strcmp(a->list[i].name, "then_branch") == 0;
        if (is_then == (name != NULL))
            for (size_t k = 0; k < a->n_captured[i]; k++)
                *to++ = a->captured[i][k];
    }
}

static dnb_status add_node(builder *b, Onnx__Node *n)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    dnb_value *inputs = NULL, *outputs = NULL;
    attributes attrs = {0};
    DNB_TRY(check_operator(b, n));
    /* Trailing outputs that nobody reads (a pool's indices, a dropout's mask) need not exist. */
    const dnb_op *op = dnb_op_find(n->op_type);
    bool droppable = !b->has_bodies && !(op && op->flags & DNB_OP_ALL_OUTPUTS);
    size_t n_outputs = n->n_output, n_inputs = n->n_input;
    while (droppable && n_outputs > 1 && !find(b->uses, b->n_uses, n->output[n_outputs - 1]))
        n_outputs--;
    if (n_outputs == 0) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: node '%.200s' (%.100s) has no output",
                          b->from->name, node_name(n), n->op_type);
        goto done;
    }
    DNB_TRY(convert_attributes(b, n, &attrs));
    for (size_t i = 0; i < attrs.n; i++)
        n_inputs += attrs.n_captured[i];
    DNB_NEW(inputs, n_inputs, b->from->name);
    DNB_NEW(outputs, n_outputs, b->from->name);
    for (size_t i = 0; i < n->n_input; i++)
        DNB_TRY(resolve(b, n, n->input[i], &inputs[i]));
    add_captured(inputs + n->n_input, &attrs, "then_branch");
    add_captured(inputs + n->n_input + count_captured(&attrs, "then_branch"), &attrs, NULL);
    size_t n_attrs = attrs.n;
    if (n_inputs > n->n_input || b->has_bodies)
        attrs.list[n_attrs++] = DNB_INT("dnb.formal", (int64_t)n->n_input);
    const dnb_node_spec spec = {.op = n->op_type,
                                .name = *n->name ? n->name : NULL,
                                .inputs = inputs,
                                .n_inputs = n_inputs,
                                .attrs = attrs.list,
                                .n_attrs = n_attrs,
                                .output_names = (const char *const *)n->output,
                                .n_outputs = n_outputs};
    status = dnb_graph_node(b->graph, &spec, outputs, err);
    if (status != DNB_OK)
        dnb_fail_prefix(err, status, "%s", b->from->name);
done:
    attributes_release(&attrs);
    dnb_free(inputs);
    dnb_free(outputs);
    return status;
}

/* Node names become aliases once every value has its own name, which wins. */
static dnb_status add_node_names(builder *b)
{
    for (size_t i = 0; i < b->model->n_node; i++) {
        const Onnx__Node *n = b->model->node[i];
        dnb_value v = dnb_graph_find(b->graph, n->output[0]);
        if (*n->name == '\0' || v == DNB_NO_VALUE ||
            dnb_graph_find(b->graph, n->name) != DNB_NO_VALUE)
            continue;
        dnb_status status = dnb_graph_alias(b->graph, n->name, v, b->err);
        if (status != DNB_OK)
            return dnb_fail_prefix(b->err, status, "%s", b->from->name);
    }
    return DNB_OK;
}

static dnb_status add_outputs(builder *b)
{
    for (size_t i = 0; i < b->model->n_output; i++) {
        const char *name = b->model->output[i]->name;
        dnb_value v;
        dnb_status status = look_up(b, name, &v);
        if (status == DNB_OK && v == DNB_NO_VALUE)
            return dnb_fail(b->err, DNB_EFORMAT, "%s: no node makes the output '%.200s'",
                            b->from->name, name);
        if (status == DNB_OK)
            status = dnb_graph_output(b->graph, v, b->err);
        if (status != DNB_OK)
            return dnb_fail_prefix(b->err, status, "%s", b->from->name);
    }
    return DNB_OK;
}

static void builder_release(builder *b)
{
    dnb_graph_free(b->graph);
    dnb_free(b->weights);
    dnb_free(b->uses);
    dnb_free(b->captured);
}

/* b knows its model and opset. */
static dnb_status build(builder *b)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_onnx_inline(b->functions, b->model, b->err));
    DNB_TRY(list_weights(b));
    DNB_TRY(list_uses(b));
    DNB_TRY(dnb_graph_new(&b->graph, b->opset, b->err));
    DNB_TRY(b->wish->any || b->parent ? add_inputs(b) : add_image_input(b));
    for (size_t i = 0; i < b->model->n_node; i++)
        DNB_TRY(add_node(b, b->model->node[i]));
    DNB_TRY(add_node_names(b));
    DNB_TRY(add_outputs(b));
done:
    return status;
}

/* A body: unpacked here, owned by the parent's graph. */
static dnb_status build_body(builder *parent, const Onnx__Node *n, Onnx__Attribute *x,
                             attributes *a, size_t i)
{
    builder b = {.from = parent->from,
                 .wish = parent->wish,
                 .parent = parent,
                 .functions = parent->functions,
                 .opset = parent->opset,
                 .depth = parent->depth + 1,
                 .err = parent->err};
    dnb_status status = DNB_OK;
    if (b.depth > DEEPEST)
        return dnb_fail(b.err, DNB_EUNSUPPORTED,
                        "%s: node '%.200s': sub-graphs nested more than %d deep are unsupported",
                        b.from->name, node_name(n), DEEPEST);
    b.model = onnx__graph__unpack(b.from->allocator, x->g.len, x->g.data);
    if (!b.model)
        return dnb_fail(b.err, DNB_EFORMAT, "%s: node '%.200s': its sub-graph '%.100s' is broken",
                        b.from->name, node_name(n), x->name);
    DNB_TRY(build(&b));
    DNB_TRY(dnb_graph_add_body(parent->graph, b.graph, b.err));
    a->list[i] = (dnb_attr){.name = x->name, .kind = DNB_ATTR_GRAPH, .graph = b.graph};
    a->captured[i] = b.captured;
    a->n_captured[i] = b.n_captured;
    b.graph = NULL;
    b.captured = NULL;
done:
    onnx__graph__free_unpacked(b.model, b.from->allocator);
    builder_release(&b);
    return status;
}

dnb_status dnb_onnx_build(dnb_graph **out, Onnx__Model *model, const dnb_onnx_source *from,
                          const dnb_onnx_wish *wish, dnb_err *err)
{
    dnb_status status = DNB_OK;
    builder b = {.model = model->graph, .from = from, .wish = wish, .err = err};
    if (!model->graph || (model->graph->n_node == 0 && !wish->any))
        return dnb_fail(err, DNB_EFORMAT, "%s: holds no network; is it an ONNX model?", from->name);
    DNB_TRY(read_opset(&b, model));
    DNB_TRY(dnb_onnx_functions_new(&b.functions, model, from, err));
    DNB_TRY(build(&b));
    *out = b.graph;
    b.graph = NULL;
done:
    dnb_onnx_functions_free(b.functions);
    builder_release(&b);
    return status;
}
