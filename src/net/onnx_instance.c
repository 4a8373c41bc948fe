/* One call of a function: names and attributes put into copies of its nodes. */
#include "net/onnx_instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DEEPEST_BODIES 16
#define LONGEST_PREFIX 4096

enum { ATTRIBUTE_GRAPH = 5 };

/* What a formal input or output is called outside. Inputs come before outputs in `order`. */
typedef struct binding {
    const char *formal, *actual; /* actual "": an input that is not given */
    size_t order;
} binding;

struct dnb_onnx_instance {
    const Onnx__Function *f;
    const Onnx__Node *call;
    const dnb_onnx_source *from;
    char *prefix; /* NULL: the call has no outputs, so it makes nothing */
    size_t prefix_len;
    binding *bound; /* one per name, sorted by it */
    size_t n_bound;
    binding *copies; /* outputs whose value has another name already: formal is that name */
    size_t n_copies;
    size_t next;
};

static dnb_status no_room(const dnb_onnx_instance *in, dnb_err *err)
{
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "%s: function '%.200s': unfolding it takes more memory than there is, or than "
                    "a file of this size may take",
                    in->from->name, in->f->name);
}

/* ---- names ---- */

static int by_formal(const void *a, const void *b)
{
    const binding *x = a, *y = b;
    int order = strcmp(x->formal, y->formal);
    return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

static int name_to_formal(const void *key, const void *entry)
{
    return strcmp(key, ((const binding *)entry)->formal);
}

static char *take(const dnb_onnx_instance *in, size_t n)
{
    return in->from->allocator->alloc(in->from->allocator->allocator_data, n);
}

static void give(const dnb_onnx_instance *in, void *p)
{
    if (p && p != protobuf_c_empty_string)
        in->from->allocator->free(in->from->allocator->allocator_data, p);
}

/* Replaces *s by text (of len bytes after the prefix, where with_prefix). */
static bool replace(const dnb_onnx_instance *in, char **s, const char *text, bool with_prefix)
{
    size_t len = strlen(text), lead = with_prefix ? in->prefix_len : 0;
    char *p = take(in, lead + len + 1);
    if (!p)
        return false;
    memcpy(p, in->prefix, lead);
    memcpy(p + lead, text, len + 1);
    give(in, *s);
    *s = p;
    return true;
}

/* A value's name inside the function becomes its name outside. */
static bool rename_value(const dnb_onnx_instance *in, char **s)
{
    const binding *b = NULL;
    if (**s == '\0')
        return true;
    if (in->n_bound)
        b = bsearch(*s, in->bound, in->n_bound, sizeof *b, name_to_formal);
    return replace(in, s, b ? b->actual : *s, b == NULL);
}

static bool rename_all(const dnb_onnx_instance *in, char **names, size_t n)
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = rename_value(in, &names[i]);
    return ok;
}

/* ---- attributes ---- */

static Onnx__Attribute *find_attribute(Onnx__Attribute *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    return NULL;
}

/* A deep copy, by writing it and reading it back; NULL without memory. */
static Onnx__Attribute *copy_attribute(const dnb_onnx_instance *in, const Onnx__Attribute *a)
{
    size_t size = onnx__attribute__get_packed_size(a);
    uint8_t *bytes = dnb_alloc(size, 1);
    if (!bytes)
        return NULL;
    onnx__attribute__pack(a, bytes);
    Onnx__Attribute *copy = onnx__attribute__unpack(in->from->allocator, size, bytes);
    dnb_free(bytes);
    return copy;
}

static Onnx__Node *copy_node(const dnb_onnx_instance *in, const Onnx__Node *n)
{
    size_t size = onnx__node__get_packed_size(n);
    uint8_t *bytes = dnb_alloc(size, 1);
    if (!bytes)
        return NULL;
    onnx__node__pack(n, bytes);
    Onnx__Node *copy = onnx__node__unpack(in->from->allocator, size, bytes);
    dnb_free(bytes);
    return copy;
}

/* *a says "the call's attribute of that name": puts that there, or the function's default. *a =
 * NULL where there is neither: the operator's own default holds. */
static dnb_status resolve_reference(const dnb_onnx_instance *in, Onnx__Attribute **a, dnb_err *err)
{
    const char *name = (*a)->ref_attr_name;
    const Onnx__Attribute *given = find_attribute(in->call->attribute, in->call->n_attribute, name);
    Onnx__Attribute *copy = NULL;
    if (!given)
        given = find_attribute(in->f->attribute_proto, in->f->n_attribute_proto, name);
    if (given && (*a)->type && given->type != (*a)->type)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: function '%.200s': its attribute '%.100s' is given with type %d, not "
                        "%d",
                        in->from->name, in->f->name, name, given->type, (*a)->type);
    if (given) {
        copy = copy_attribute(in, given);
        if (!copy || !replace(in, &copy->name, (*a)->name, false)) {
            if (copy)
                onnx__attribute__free_unpacked(copy, in->from->allocator);
            return no_room(in, err);
        }
    }
    onnx__attribute__free_unpacked(*a, in->from->allocator);
    *a = copy;
    return DNB_OK;
}

static dnb_status adapt_node(const dnb_onnx_instance *in, Onnx__Node *n, int depth, dnb_err *err);

static dnb_status adapt_graph(const dnb_onnx_instance *in, Onnx__Graph *g, int depth, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool ok = true;
    for (size_t i = 0; ok && i < g->n_input; i++)
        ok = rename_value(in, &g->input[i]->name);
    for (size_t i = 0; ok && i < g->n_initializer; i++)
        ok = rename_value(in, &g->initializer[i]->name);
    for (size_t i = 0; ok && i < g->n_output; i++)
        ok = rename_value(in, &g->output[i]->name);
    if (!ok)
        return no_room(in, err);
    for (size_t i = 0; i < g->n_node; i++)
        DNB_TRY(adapt_node(in, g->node[i], depth, err));
done:
    return status;
}

/* The body in an attribute, which uses the function's names and attributes like its nodes do. */
static dnb_status adapt_body(const dnb_onnx_instance *in, Onnx__Attribute *a, int depth,
                             dnb_err *err)
{
    ProtobufCAllocator *allocator = in->from->allocator;
    dnb_status status = DNB_OK;
    if (depth >= DEEPEST_BODIES)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: sub-graphs nested more than %d deep are unsupported", in->from->name,
                        DEEPEST_BODIES);
    Onnx__Graph *g = onnx__graph__unpack(allocator, a->g.len, a->g.data);
    if (!g)
        return dnb_fail(err, DNB_EFORMAT, "%s: sub-graph '%.100s' is broken", in->from->name,
                        a->name);
    DNB_TRY(adapt_graph(in, g, depth + 1, err));
    size_t size = onnx__graph__get_packed_size(g);
    uint8_t *bytes = (uint8_t *)take(in, size ? size : 1);
    if (!bytes) {
        status = no_room(in, err);
        goto done;
    }
    onnx__graph__pack(g, bytes);
    give(in, a->g.data);
    a->g = (ProtobufCBinaryData){.len = size, .data = bytes};
done:
    onnx__graph__free_unpacked(g, allocator);
    return status;
}

static dnb_status adapt_node(const dnb_onnx_instance *in, Onnx__Node *n, int depth, dnb_err *err)
{
    size_t kept = 0, i = 0;
    dnb_status status = DNB_OK;
    if (!rename_all(in, n->input, n->n_input) || !rename_all(in, n->output, n->n_output) ||
        (*n->name && !replace(in, &n->name, n->name, true)))
        return no_room(in, err);
    for (; status == DNB_OK && i < n->n_attribute; i++) {
        Onnx__Attribute *a = n->attribute[i];
        if (*a->ref_attr_name)
            status = resolve_reference(in, &a, err);
        else if (a->type == ATTRIBUTE_GRAPH)
            status = adapt_body(in, a, depth, err);
        if (a)
            n->attribute[kept++] = a;
    }
    for (; i < n->n_attribute; i++) /* after a failure: the rest, so that all is freed once */
        n->attribute[kept++] = n->attribute[i];
    n->n_attribute = kept;
    return status;
}

/* ---- the instance ---- */

static dnb_status bind_names(dnb_onnx_instance *in, dnb_err *err)
{
    const Onnx__Function *f = in->f;
    const Onnx__Node *call = in->call;
    size_t n = 0, kept = 0;
    dnb_status status = DNB_OK;
    if (call->n_input > f->n_input || call->n_output > f->n_output)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: a call of function '%.200s' has %zu inputs and %zu outputs; it takes "
                        "%zu and %zu",
                        in->from->name, f->name, call->n_input, call->n_output, f->n_input,
                        f->n_output);
    DNB_NEW(in->bound, f->n_input + call->n_output, in->from->name);
    DNB_NEW(in->copies, call->n_output, in->from->name);
    for (size_t i = 0; i < f->n_input; i++)
        in->bound[n++] = (binding){f->input[i], i < call->n_input ? call->input[i] : "", i};
    for (size_t i = 0; i < call->n_output; i++)
        if (*call->output[i])
            in->bound[n++] = (binding){f->output[i], call->output[i], f->n_input + i};
    if (n)
        qsort(in->bound, n, sizeof *in->bound, by_formal);
    for (size_t i = 0; i < n; i++) {
        binding b = in->bound[i];
        if (kept == 0 || strcmp(in->bound[kept - 1].formal, b.formal) != 0) {
            in->bound[kept++] = b;
        } else if (b.order < f->n_input) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: function '%.200s' has two inputs '%.200s'",
                              in->from->name, f->name, b.formal);
            goto done;
        } else {
            in->copies[in->n_copies++] = (binding){in->bound[kept - 1].actual, b.actual, b.order};
        }
    }
    in->n_bound = kept;
done:
    return status;
}

/* Where the call is: its first output's name, after the path of the function it stands in. That
 * name is the function's own, not the one it has outside: two calls must not share a path. */
static dnb_status make_prefix(dnb_onnx_instance *in, const dnb_onnx_instance *outer,
                              const char *separator, dnb_err *err)
{
    const Onnx__Node *call = outer ? outer->f->node[outer->next - 1] : in->call;
    const char *lead = outer ? outer->prefix : "", *name = NULL;
    for (size_t i = 0; !name && i < call->n_output; i++)
        name = *call->output[i] ? call->output[i] : NULL;
    if (!name)
        return DNB_OK;
    size_t a = strlen(lead), b = strlen(name), c = strlen(separator);
    if (a + b + c > LONGEST_PREFIX)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: names of more than %d bytes inside functions are unsupported",
                        in->from->name, LONGEST_PREFIX);
    in->prefix = dnb_alloc(a + b + c + 1, 1);
    if (!in->prefix)
        return dnb_fail_memory(err, in->from->name, a + b + c + 1);
    memcpy(in->prefix, lead, a);
    memcpy(in->prefix + a, name, b);
    memcpy(in->prefix + a + b, separator, c + 1);
    in->prefix_len = a + b + c;
    return DNB_OK;
}

dnb_status dnb_onnx_instance_new(dnb_onnx_instance **out, const Onnx__Function *f,
                                 const Onnx__Node *call, const dnb_onnx_instance *outer,
                                 const char *separator, const dnb_onnx_source *from, dnb_err *err)
{
    dnb_onnx_instance *in = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(in, 1, from->name);
    in->f = f;
    in->call = call;
    in->from = from;
    DNB_TRY(bind_names(in, err));
    DNB_TRY(make_prefix(in, outer, separator, err));
    *out = in;
    in = NULL;
done:
    dnb_onnx_instance_free(in);
    return status;
}

/* output = Identity(input) */
static Onnx__Node *identity_node(const dnb_onnx_instance *in, const binding *b)
{
    char *input = (char *)b->formal, *output = (char *)b->actual;
    Onnx__Node n = ONNX__NODE__INIT;
    n.op_type = (char *)"Identity";
    n.n_input = n.n_output = 1;
    n.input = &input;
    n.output = &output;
    return copy_node(in, &n);
}

dnb_status dnb_onnx_instance_next(dnb_onnx_instance *in, Onnx__Node **out, bool *may_call,
                                  dnb_err *err)
{
    size_t i = in->next, own = in->f->n_node;
    dnb_status status = DNB_OK;
    *out = NULL;
    *may_call = i < own;
    if (!in->prefix || i >= own + in->n_copies)
        return DNB_OK;
    in->next++;
    Onnx__Node *n =
        i < own ? copy_node(in, in->f->node[i]) : identity_node(in, &in->copies[i - own]);
    if (!n)
        return no_room(in, err);
    if (i < own)
        status = adapt_node(in, n, 0, err);
    /* The node that makes the call's first output goes by the call's name. */
    if (status == DNB_OK && *in->call->name && n->n_output && *n->output[0] &&
        strcmp(n->output[0], in->call->output[0]) == 0 &&
        !replace(in, &n->name, in->call->name, false))
        status = no_room(in, err);
    if (status != DNB_OK) {
        onnx__node__free_unpacked(n, in->from->allocator);
        return status;
    }
    *out = n;
    return DNB_OK;
}

void dnb_onnx_instance_free(dnb_onnx_instance *in)
{
    if (!in)
        return;
    dnb_free(in->prefix);
    dnb_free(in->bound);
    dnb_free(in->copies);
    dnb_free(in);
}
