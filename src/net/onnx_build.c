/* The nodes of an ONNX model, one by one, into the graph builder. */
#include "net/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/op.h"

#define OPSET_MIN 7
#define OPSET_MAX 17
#define DEFAULT_CHANNELS 3

/* A name the model gives to something, sorted for look-up. */
typedef struct name_ref {
    const char *name;
    size_t index;
} name_ref;

typedef struct builder {
    Onnx__Graph *model;
    const dnb_onnx_source *from;
    int opset;
    dnb_graph *graph;
    name_ref *weights; /* initialisers by name */
    name_ref *uses;    /* every name a node reads or the model returns, by name */
    size_t n_uses;
    dnb_err *err;
} builder;

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
    for (size_t i = 0; i < m->n_node; i++)
        n += m->node[i]->n_input;
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

static dnb_status read_opset(builder *b, const Onnx__Model *model)
{
    int64_t version = 1; /* models before operator sets */
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (*domain == '\0' || strcmp(domain, "ai.onnx") == 0)
            version = model->opset_import[i]->version;
    }
    if (version < OPSET_MIN || version > OPSET_MAX)
        return dnb_fail(
            b->err, DNB_EUNSUPPORTED,
            "%s: uses operator set %lld; %d to %d are supported (export it with opset_version=13)",
            b->from->name, (long long)version, OPSET_MIN, OPSET_MAX);
    b->opset = (int)version;
    return DNB_OK;
}

/* ---- inputs ---- */

/* What the model says about an input, sizes left open filled in from the caller's. */
static dnb_status input_shape(const builder *b, const Onnx__ValueInfo *v, size_t height,
                              size_t width, dnb_shape *shape)
{
    const Onnx__TensorType *type = v->type ? v->type->tensor_type : NULL;
    const Onnx__Shape *s = type ? type->shape : NULL;
    if (!s || s->n_dim != 4)
        return dnb_fail(
            b->err, DNB_EUNSUPPORTED,
            "%s: input '%.200s' has %zu dimensions; images (batch x channels x height x width) "
            "are supported",
            b->from->name, v->name, s ? s->n_dim : 0);
    if (type->elem_type != 1 && type->elem_type != 10 && type->elem_type != 11)
        return dnb_fail(b->err, DNB_EUNSUPPORTED,
                        "%s: input '%.200s' does not take floating-point numbers", b->from->name,
                        v->name);
    *shape = (dnb_shape){.dtype = DNB_F32, .ndim = 4};
    const size_t given[4] = {1, DEFAULT_CHANNELS, height, width};
    for (size_t i = 0; i < 4; i++) {
        int64_t d = s->dim[i]->dim_value;
        bool open = d == 0 || d == -1;
        if (d < -1 || d > 1 << 24)
            return dnb_fail(b->err, DNB_EFORMAT, "%s: input '%.200s': dimension %zu is %lld",
                            b->from->name, v->name, i, (long long)d);
        shape->dim[i] = !open && (i < 2 || given[i] == 0) ? (size_t)d : given[i];
        if (shape->dim[i] == 0)
            return dnb_fail(
                b->err, DNB_EARG,
                "%s: input '%.200s' leaves the image size open; give it with --size H W",
                b->from->name, v->name);
    }
    return DNB_OK;
}

static dnb_status add_input(builder *b, size_t height, size_t width)
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
    dnb_status status = input_shape(b, input, height, width, &shape);
    return status == DNB_OK ? dnb_graph_input(b->graph, input->name, &shape, &value, b->err)
                            : status;
}

/* ---- nodes ---- */

/* "node 'x'", or its first output's name where it has none. */
static const char *node_name(const Onnx__Node *n)
{
    return *n->name || n->n_output == 0 ? n->name : n->output[0];
}

/* The value of a node's input: made before, or a weight that is now added. */
static dnb_status resolve(builder *b, const Onnx__Node *n, const char *name, dnb_value *out)
{
    dnb_array a = {0};
    *out = DNB_NO_VALUE;
    if (*name == '\0')
        return DNB_OK;
    *out = dnb_graph_find(b->graph, name);
    if (*out != DNB_NO_VALUE)
        return DNB_OK;
    const name_ref *w = find(b->weights, b->model->n_initializer, name);
    if (!w)
        return dnb_fail(
            b->err, DNB_EFORMAT,
            "%s: node '%.200s' needs '%.200s', which no node before it makes (is it missing, "
            "or do the nodes form a cycle?)",
            b->from->name, node_name(n), name);
    dnb_status status = dnb_onnx_tensor(&a, b->model->initializer[w->index], name, b->from, b->err);
    if (status == DNB_OK) {
        status = dnb_graph_constant(b->graph, name, &a, out, b->err);
        if (status != DNB_OK)
            dnb_fail_prefix(b->err, status, "%s", b->from->name);
    }
    dnb_array_release(&a);
    return status;
}

/* A node's attributes in the builder's terms, and what they own. */
typedef struct attributes {
    dnb_attr *list;
    size_t n;
    dnb_array *tensors; /* one slot per attribute */
    double **floats;
    char **strings;
} attributes;

static void attributes_release(attributes *a)
{
    for (size_t i = 0; i < a->n; i++) {
        dnb_array_release(&a->tensors[i]);
        dnb_free(a->floats[i]);
        dnb_free(a->strings[i]);
    }
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

static dnb_status convert_attribute(const builder *b, const Onnx__Node *n, Onnx__Attribute *x,
                                    attributes *a, size_t i)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    dnb_attr *out = &a->list[i];
    *out = (dnb_attr){.name = x->name};
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
    default:
        return no_attribute(b, n, x);
    }
done:
    return status;
}

static dnb_status convert_attributes(const builder *b, const Onnx__Node *n, attributes *a)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    size_t count = n->n_attribute;
    DNB_NEW(a->list, count, b->from->name);
    DNB_NEW(a->tensors, count, b->from->name);
    DNB_NEW(a->floats, count, b->from->name);
    DNB_NEW(a->strings, count, b->from->name);
    a->n = count;
    for (size_t i = 0; i < count; i++)
        DNB_TRY(convert_attribute(b, n, n->attribute[i], a, i));
done:
    if (!a->list || !a->tensors || !a->floats || !a->strings)
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

static dnb_status add_node(builder *b, Onnx__Node *n)
{
    dnb_status status = DNB_OK;
    dnb_err *err = b->err;
    dnb_value *inputs = NULL, *outputs = NULL;
    attributes attrs = {0};
    DNB_TRY(check_operator(b, n));
    /* Trailing outputs that nobody reads (a pool's indices, a dropout's mask) need not exist. */
    size_t n_outputs = n->n_output;
    while (n_outputs > 1 && !find(b->uses, b->n_uses, n->output[n_outputs - 1]))
        n_outputs--;
    if (n_outputs == 0) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: node '%.200s' (%.100s) has no output",
                          b->from->name, node_name(n), n->op_type);
        goto done;
    }
    DNB_NEW(inputs, n->n_input, b->from->name);
    DNB_NEW(outputs, n_outputs, b->from->name);
    for (size_t i = 0; i < n->n_input; i++)
        DNB_TRY(resolve(b, n, n->input[i], &inputs[i]));
    DNB_TRY(convert_attributes(b, n, &attrs));
    const dnb_node_spec spec = {.op = n->op_type,
                                .name = *n->name ? n->name : NULL,
                                .inputs = inputs,
                                .n_inputs = n->n_input,
                                .attrs = attrs.list,
                                .n_attrs = attrs.n,
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
        dnb_value v = dnb_graph_find(b->graph, name);
        if (v == DNB_NO_VALUE)
            return dnb_fail(b->err, DNB_EFORMAT, "%s: no node makes the output '%.200s'",
                            b->from->name, name);
        dnb_status status = dnb_graph_output(b->graph, v, b->err);
        if (status != DNB_OK)
            return dnb_fail_prefix(b->err, status, "%s", b->from->name);
    }
    return DNB_OK;
}

dnb_status dnb_onnx_build(dnb_graph **out, Onnx__Model *model, const dnb_onnx_source *from,
                          size_t height, size_t width, dnb_err *err)
{
    dnb_status status = DNB_OK;
    builder b = {.model = model->graph, .from = from, .err = err};
    if (!model->graph || model->graph->n_node == 0)
        return dnb_fail(err, DNB_EFORMAT, "%s: holds no network; is it an ONNX model?", from->name);
    DNB_TRY(read_opset(&b, model));
    DNB_TRY(list_weights(&b));
    DNB_TRY(list_uses(&b));
    DNB_TRY(dnb_graph_new(&b.graph, b.opset, err));
    DNB_TRY(add_input(&b, height, width));
    for (size_t i = 0; i < b.model->n_node; i++)
        DNB_TRY(add_node(&b, b.model->node[i]));
    DNB_TRY(add_node_names(&b));
    DNB_TRY(add_outputs(&b));
    *out = b.graph;
    b.graph = NULL;
done:
    dnb_graph_free(b.graph);
    dnb_free(b.weights);
    dnb_free(b.uses);
    return status;
}
