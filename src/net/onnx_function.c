/* The functions of a model: which call which, and what a call unfolds to. */
#include "net/onnx_function.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/onnx_instance.h"

#define MOST_NODES ((size_t)1 << 18)
#define DEEPEST_CALLS 64
#define DEEPEST_BODIES 16

enum { ATTRIBUTE_GRAPH = 5 };

typedef struct function {
    const Onnx__Function *f;
    size_t nodes; /* what a call unfolds to, at most MOST_NODES + 1 */
    int depth;    /* of the calls inside */
} function;

struct dnb_onnx_functions {
    const dnb_onnx_source *from;
    function *list; /* sorted by domain, name, overload */
    size_t n;
    size_t made; /* nodes so far */
    char separator[2];
};

/* ---- look-up ---- */

static const char *plain_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

static int compare_keys(const char *const a[3], const char *const b[3])
{
    int order = 0;
    for (int i = 0; i < 3 && order == 0; i++)
        order = strcmp(a[i], b[i]);
    return order;
}

static int by_key(const void *a, const void *b)
{
    const Onnx__Function *fa = ((const function *)a)->f, *fb = ((const function *)b)->f;
    return compare_keys((const char *const[]){plain_domain(fa->domain), fa->name, fa->overload},
                        (const char *const[]){plain_domain(fb->domain), fb->name, fb->overload});
}

static int call_to_key(const void *key, const void *entry)
{
    const Onnx__Node *n = key;
    const Onnx__Function *f = ((const function *)entry)->f;
    return compare_keys((const char *const[]){plain_domain(n->domain), n->op_type, n->overload},
                        (const char *const[]){plain_domain(f->domain), f->name, f->overload});
}

static function *find_function(const dnb_onnx_functions *fns, const Onnx__Node *call)
{
    return bsearch(call, fns->list, fns->n, sizeof *fns->list, call_to_key);
}

/* ---- who calls whom ---- */

typedef struct edge {
    size_t caller, callee;
} edge;

/* What walking over nodes and the bodies inside them gathers. */
typedef struct survey {
    const dnb_onnx_functions *fns;
    bool used[256]; /* characters of names */
    bool has_caller;
    size_t caller, nodes;
    edge *edges;
    size_t n_edges, cap_edges;
    dnb_err *err;
} survey;

static void note_names(survey *s, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (const char *p = names[i]; *p; p++)
            s->used[(unsigned char)*p] = true;
}

static dnb_status note_call(survey *s, const function *callee)
{
    if (s->n_edges == s->cap_edges) {
        size_t cap = s->cap_edges ? 2 * s->cap_edges : 64;
        void *p = dnb_realloc(s->edges, cap, sizeof *s->edges);
        if (!p)
            return dnb_fail_memory(s->err, s->fns->from->name, cap * sizeof *s->edges);
        s->edges = p;
        s->cap_edges = cap;
    }
    s->edges[s->n_edges++] = (edge){s->caller, (size_t)(callee - s->fns->list)};
    return DNB_OK;
}

static dnb_status survey_nodes(survey *s, Onnx__Node *const *nodes, size_t n, int depth);

static dnb_status survey_body(survey *s, const Onnx__Attribute *a, int depth)
{
    const dnb_onnx_source *from = s->fns->from;
    if (depth >= DEEPEST_BODIES)
        return dnb_fail(s->err, DNB_EUNSUPPORTED,
                        "%s: sub-graphs nested more than %d deep are unsupported", from->name,
                        DEEPEST_BODIES);
    Onnx__Graph *g = onnx__graph__unpack(from->allocator, a->g.len, a->g.data);
    if (!g)
        return dnb_fail(s->err, DNB_EFORMAT, "%s: sub-graph '%.100s' is broken", from->name,
                        a->name);
    for (size_t i = 0; i < g->n_input; i++)
        note_names(s, &g->input[i]->name, 1);
    for (size_t i = 0; i < g->n_initializer; i++)
        note_names(s, &g->initializer[i]->name, 1);
    dnb_status status = survey_nodes(s, g->node, g->n_node, depth + 1);
    onnx__graph__free_unpacked(g, from->allocator);
    return status;
}

static dnb_status survey_nodes(survey *s, Onnx__Node *const *nodes, size_t n, int depth)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < n; i++) {
        const function *callee = find_function(s->fns, nodes[i]);
        note_names(s, nodes[i]->output, nodes[i]->n_output);
        s->nodes++; /* calls too: unfolding them is work even where nothing comes out */
        if (callee && s->has_caller)
            DNB_TRY(note_call(s, callee));
        for (size_t k = 0; k < nodes[i]->n_attribute; k++)
            if (nodes[i]->attribute[k]->type == ATTRIBUTE_GRAPH)
                DNB_TRY(survey_body(s, nodes[i]->attribute[k], depth));
    }
done:
    return status;
}

/* The first of these that no name contains: names joined by it come apart in one way only. Where
 * all occur, names might collide, which the graph refuses. */
static void choose_separator(dnb_onnx_functions *fns, const bool used[256])
{
    static const char candidates[] = "/:.|@~#%!+=";
    fns->separator[0] = candidates[0];
    for (const char *p = candidates; *p; p++)
        if (!used[(unsigned char)*p]) {
            fns->separator[0] = *p;
            return;
        }
}

static dnb_status refuse_circle(const dnb_onnx_functions *fns, const survey *s,
                                const size_t *waits_for, dnb_err *err)
{
    size_t *next = NULL, at = SIZE_MAX;
    dnb_status status = DNB_OK;
    DNB_NEW(next, fns->n, fns->from->name);
    for (size_t i = 0; i < s->n_edges; i++)
        if (waits_for[s->edges[i].caller] && waits_for[s->edges[i].callee]) {
            at = s->edges[i].caller;
            next[at] = s->edges[i].callee;
        }
    /* Whoever waits calls somebody who waits: following them ends in a circle. */
    for (size_t i = 0; i < fns->n && at != SIZE_MAX; i++)
        at = next[at];
    status = dnb_fail(err, DNB_EUNSUPPORTED,
                      "%s: function '%.200s' calls itself, directly or through others, which is "
                      "unsupported",
                      fns->from->name, at == SIZE_MAX ? "" : fns->list[at].f->name);
done:
    dnb_free(next);
    return status;
}

static int by_callee(const void *a, const void *b)
{
    size_t ca = ((const edge *)a)->callee, cb = ((const edge *)b)->callee;
    return ca < cb ? -1 : ca > cb;
}

/* Sizes and depths, callees before their callers; what is left over calls in a circle. */
static dnb_status measure(dnb_onnx_functions *fns, survey *s, dnb_err *err)
{
    size_t *waits_for = NULL, *ready = NULL, *first = NULL, n_ready = 0;
    dnb_status status = DNB_OK;
    DNB_NEW(waits_for, fns->n, fns->from->name); /* calls not yet measured */
    DNB_NEW(ready, fns->n, fns->from->name);
    DNB_NEW(first, fns->n + 1, fns->from->name); /* edges by callee */
    if (s->n_edges)
        qsort(s->edges, s->n_edges, sizeof *s->edges, by_callee);
    for (size_t i = 0; i < s->n_edges; i++) {
        waits_for[s->edges[i].caller]++;
        first[s->edges[i].callee + 1]++;
    }
    for (size_t i = 0; i < fns->n; i++) {
        first[i + 1] += first[i];
        if (waits_for[i] == 0)
            ready[n_ready++] = i;
    }
    for (size_t done_count = 0; done_count < n_ready; done_count++) {
        const function *callee = &fns->list[ready[done_count]];
        for (size_t i = first[ready[done_count]]; i < first[ready[done_count] + 1]; i++) {
            function *caller = &fns->list[s->edges[i].caller];
            caller->nodes += callee->nodes;
            caller->nodes = caller->nodes > MOST_NODES ? MOST_NODES + 1 : caller->nodes;
            caller->depth = caller->depth > callee->depth ? caller->depth : callee->depth + 1;
            if (--waits_for[s->edges[i].caller] == 0)
                ready[n_ready++] = s->edges[i].caller;
        }
    }
    if (n_ready < fns->n)
        status = refuse_circle(fns, s, waits_for, err);
    for (size_t i = 0; status == DNB_OK && i < fns->n; i++)
        if (fns->list[i].depth > DEEPEST_CALLS)
            status = dnb_fail(err, DNB_EUNSUPPORTED,
                              "%s: functions calling functions more than %d deep are unsupported",
                              fns->from->name, DEEPEST_CALLS);
done:
    dnb_free(waits_for);
    dnb_free(ready);
    dnb_free(first);
    return status;
}

static dnb_status check_functions(const dnb_onnx_functions *fns, dnb_err *err)
{
    for (size_t i = 0; i < fns->n; i++) {
        const Onnx__Function *f = fns->list[i].f;
        if (*f->name == '\0' || (i && by_key(&fns->list[i - 1], &fns->list[i]) == 0))
            return dnb_fail(err, DNB_EFORMAT, "%s: function '%.200s' %s", fns->from->name, f->name,
                            *f->name ? "occurs twice" : "has no name");
    }
    return DNB_OK;
}

dnb_status dnb_onnx_functions_new(dnb_onnx_functions **out, const Onnx__Model *model,
                                  const dnb_onnx_source *from, dnb_err *err)
{
    dnb_onnx_functions *fns = NULL;
    survey s = {.err = err};
    dnb_status status = DNB_OK;
    if (model->n_functions == 0) {
        *out = NULL;
        return DNB_OK;
    }
    DNB_NEW(fns, 1, from->name);
    fns->from = from;
    DNB_NEW(fns->list, model->n_functions, from->name);
    fns->n = model->n_functions;
    for (size_t i = 0; i < fns->n; i++)
        fns->list[i].f = model->functions[i];
    qsort(fns->list, fns->n, sizeof *fns->list, by_key);
    DNB_TRY(check_functions(fns, err));
    s.fns = fns;
    s.has_caller = true;
    for (size_t i = 0; i < fns->n; i++) {
        const Onnx__Function *f = fns->list[i].f;
        s.caller = i;
        s.nodes = 0;
        note_names(&s, f->input, f->n_input);
        DNB_TRY(survey_nodes(&s, f->node, f->n_node, 0));
        fns->list[i].nodes = s.nodes + f->n_output; /* a copy for each output, at worst */
    }
    s.has_caller = false;
    if (model->graph) {
        for (size_t i = 0; i < model->graph->n_input; i++)
            note_names(&s, &model->graph->input[i]->name, 1);
        for (size_t i = 0; i < model->graph->n_initializer; i++)
            note_names(&s, &model->graph->initializer[i]->name, 1);
        DNB_TRY(survey_nodes(&s, model->graph->node, model->graph->n_node, 0));
    }
    DNB_TRY(measure(fns, &s, err));
    choose_separator(fns, s.used);
    *out = fns;
    fns = NULL;
done:
    dnb_free(s.edges);
    dnb_onnx_functions_free(fns);
    return status;
}

void dnb_onnx_functions_free(dnb_onnx_functions *f)
{
    if (!f)
        return;
    dnb_free(f->list);
    dnb_free(f);
}

/* ---- inlining ---- */

typedef struct slot {
    Onnx__Node *node;
    bool ours; /* made here: to be freed when something fails */
} slot;

typedef struct unfolding {
    const dnb_onnx_functions *fns;
    slot *slots;
    size_t n, cap;
    dnb_err *err;
} unfolding;

/* Takes over a node of ours, also on failure. */
static dnb_status push(unfolding *u, Onnx__Node *node, bool ours)
{
    if (u->n == u->cap) {
        size_t cap = u->cap ? 2 * u->cap : 64;
        void *p = dnb_realloc(u->slots, cap, sizeof *u->slots);
        if (!p) {
            if (ours)
                onnx__node__free_unpacked(node, u->fns->from->allocator);
            return dnb_fail_memory(u->err, u->fns->from->name, cap * sizeof *u->slots);
        }
        u->slots = p;
        u->cap = cap;
    }
    u->slots[u->n++] = (slot){node, ours};
    return DNB_OK;
}

/* Recursion: no deeper than the functions' own nesting, which has been measured. */
static dnb_status unfold(unfolding *u, const Onnx__Node *call, const function *fn,
                         const dnb_onnx_instance *outer)
{
    dnb_onnx_instance *in = NULL;
    dnb_status status =
        dnb_onnx_instance_new(&in, fn->f, call, outer, u->fns->separator, u->fns->from, u->err);
    while (status == DNB_OK) {
        Onnx__Node *node = NULL;
        bool may_call = false;
        status = dnb_onnx_instance_next(in, &node, &may_call, u->err);
        if (status != DNB_OK || !node)
            break;
        const function *inner = may_call ? find_function(u->fns, node) : NULL;
        if (!inner) {
            status = push(u, node, true);
        } else {
            status = unfold(u, node, inner, in);
            onnx__node__free_unpacked(node, u->fns->from->allocator);
        }
    }
    dnb_onnx_instance_free(in);
    return status;
}

/* The graph's list of nodes is now ours; calls go. */
static dnb_status install(const unfolding *u, Onnx__Graph *g, dnb_err *err)
{
    ProtobufCAllocator *a = u->fns->from->allocator;
    Onnx__Node **nodes = a->alloc(a->allocator_data, (u->n + 1) * sizeof *nodes);
    if (!nodes)
        return dnb_fail_memory(err, u->fns->from->name, u->n * sizeof *nodes);
    for (size_t i = 0; i < u->n; i++)
        nodes[i] = u->slots[i].node;
    for (size_t i = 0; i < g->n_node; i++)
        if (find_function(u->fns, g->node[i]))
            onnx__node__free_unpacked(g->node[i], a);
    a->free(a->allocator_data, g->node);
    g->node = nodes;
    g->n_node = u->n;
    return DNB_OK;
}

dnb_status dnb_onnx_inline(dnb_onnx_functions *f, Onnx__Graph *g, dnb_err *err)
{
    unfolding u = {.fns = f, .err = err};
    bool any = false;
    dnb_status status = DNB_OK;
    for (size_t i = 0; f && i < g->n_node; i++) {
        const function *fn = find_function(f, g->node[i]);
        any |= fn != NULL;
        f->made += fn ? fn->nodes : 0;
        if (f->made > MOST_NODES)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "%s: its functions unfold to more than %zu nodes, which is unsupported",
                            f->from->name, MOST_NODES);
    }
    if (!any)
        return DNB_OK;
    for (size_t i = 0; i < g->n_node; i++) {
        const function *fn = find_function(f, g->node[i]);
        DNB_TRY(fn ? unfold(&u, g->node[i], fn, NULL) : push(&u, g->node[i], false));
    }
    DNB_TRY(install(&u, g, err));
    u.n = 0;
done:
    for (size_t i = 0; i < u.n; i++)
        if (u.slots[i].ours)
            onnx__node__free_unpacked(u.slots[i].node, f->from->allocator);
    dnb_free(u.slots);
    return status;
}
