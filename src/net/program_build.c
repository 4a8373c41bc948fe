/* Planning a program: walks the nodes in order, keeps the forms in which each value is stored, adds
 * reference steps and taps. Primitive steps are made in onednn_lower.c. */
#include <stdint.h>

#include "base/mem.h"
#include "net/op_util.h"
#include "net/program_builder.h"

dnb_status dnb_builder_grow(void **array, size_t *cap, size_t used, size_t size, dnb_err *err)
{
    if (used < *cap)
        return DNB_OK;
    size_t want = *cap ? *cap * 2 : 64;
    void *p = dnb_realloc(*array, want, size);
    if (!p)
        return dnb_fail_memory(err, "plan", want * size);
    *array = p;
    *cap = want;
    return DNB_OK;
}

/* ---- buffers and steps --------------------------------------------------------------------------
 */

dnb_status dnb_builder_buffer(dnb_builder *b, dnb_buffer_kind kind, size_t bytes, int *out,
                              dnb_err *err)
{
    dnb_program *p = b->p;
    void *block = p->buffers;
    dnb_status status =
        dnb_builder_grow(&block, &p->cap_buffers, p->n_buffers, sizeof *p->buffers, err);
    p->buffers = block;
    if (status != DNB_OK)
        return status;
    p->buffers[p->n_buffers] = (dnb_buffer){
        .kind = kind, .bytes = bytes, .first = (int)p->n_steps, .last = -1, .value = DNB_NO_VALUE};
    *out = (int)p->n_buffers++;
    return DNB_OK;
}

dnb_status dnb_builder_constant(dnb_builder *b, dnb_value v, int *out, dnb_err *err)
{
    dnb_status status = dnb_builder_buffer(b, DNB_BUFFER_CONSTANT, 0, out, err);
    if (status == DNB_OK)
        b->p->buffers[*out].value = v;
    return status;
}

/* A zeroed step at the end. */
static dnb_status new_step(dnb_builder *b, dnb_step_kind kind, dnb_step **out, dnb_err *err)
{
    dnb_program *p = b->p;
    void *block = p->steps;
    dnb_status status = dnb_builder_grow(&block, &p->cap_steps, p->n_steps, sizeof *p->steps, err);
    p->steps = block;
    if (status != DNB_OK)
        return status;
    *out = &p->steps[p->n_steps++];
    **out = (dnb_step){.kind = kind, .node = DNB_NO_NODE};
    return DNB_OK;
}

/* The last step touches this buffer. */
void dnb_builder_touch(dnb_builder *b, int buffer)
{
    dnb_buffer *f = &b->p->buffers[buffer];
    int step = (int)b->p->n_steps - 1;
    if (f->last < f->first && f->kind != DNB_BUFFER_INPUT)
        f->first = step;
    f->last = step;
}

void dnb_builder_arg(dnb_builder *b, dnb_step *s, int arg, int buffer)
{
    s->args[s->n_args++] = (dnb_step_arg){arg, buffer};
    s->reads_input = s->reads_input || b->p->buffers[buffer].kind == DNB_BUFFER_INPUT;
    dnb_builder_touch(b, buffer);
}

/* Adds a PRIM step with room for its arguments; takes over op on success. */
dnb_status dnb_builder_prim_step(dnb_builder *b, dnb_dnn_op *op, size_t n_args, dnb_step **out,
                                 dnb_err *err)
{
    dnb_step_arg *args = dnb_calloc(n_args, sizeof *args);
    if (!args)
        return dnb_fail_memory(err, "plan", n_args * sizeof *args);
    dnb_status status = new_step(b, DNB_STEP_PRIM, out, err);
    if (status != DNB_OK) {
        dnb_free(args);
        return status;
    }
    (*out)->op = op;
    (*out)->args = args;
    return DNB_OK;
}

/* ---- versions of values -------------------------------------------------------------------------
 */

/* Takes over layout, whether it succeeds or not. */
dnb_status dnb_builder_add_version(dnb_builder *b, dnb_value v, dnb_layout *layout, int buffer,
                                   dnb_err *err)
{
    void *block = b->versions;
    dnb_status status =
        dnb_builder_grow(&block, &b->cap_versions, b->n_versions, sizeof *b->versions, err);
    b->versions = block;
    if (status != DNB_OK) {
        dnb_layout_free(layout);
        return status;
    }
    b->versions[b->n_versions] = (dnb_version){layout, buffer, -1};
    int *slot = &b->first[v];
    while (*slot >= 0)
        slot = &b->versions[*slot].next;
    *slot = (int)b->n_versions++;
    return DNB_OK;
}

dnb_dtype dnb_version_type(const dnb_version *version)
{
    return version->layout ? dnb_layout_type(version->layout) : DNB_F32;
}

dnb_status dnb_builder_plain_layout(dnb_builder *b, dnb_value v, dnb_dtype type, dnb_layout **out,
                                    dnb_err *err)
{
    const dnb_shape *s = &b->p->inf->shape[v];
    return dnb_layout_plain(out, type, s->ndim, s->dim, err);
}

/* Appends a copy of `from` (layout NULL = plain) in another layout to a new buffer. */
dnb_status dnb_builder_reorder(dnb_builder *b, dnb_value v, const dnb_version *from,
                               const dnb_layout *to, int *buffer, dnb_err *err)
{
    dnb_layout *plain = NULL;
    dnb_dnn_op *op = NULL;
    dnb_step *step = NULL;
    int source = from->buffer;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_builder_plain_layout(b, v, DNB_F32, &plain, err));
    DNB_TRY(dnb_dnn_reorder_new(&op, b->p->dnn, from->layout ? from->layout : plain,
                                to ? to : plain, err));
    DNB_TRY(
        dnb_builder_buffer(b, DNB_BUFFER_ARENA, dnb_layout_bytes(to ? to : plain), buffer, err));
    DNB_TRY(dnb_builder_prim_step(b, op, 2, &step, err));
    op = NULL;
    dnb_builder_arg(b, step, DNB_ARG_SRC, source);
    dnb_builder_arg(b, step, DNB_ARG_DST, *buffer);
done:
    dnb_layout_free(plain);
    dnb_dnn_op_free(op);
    return status;
}

/* A view of another shape: the plain content of what it views, in the type that has. */
static dnb_status view_version(dnb_builder *b, dnb_value v, dnb_value root, dnb_err *err)
{
    dnb_layout *whole = NULL, *seen = NULL;
    int at, buffer;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_builder_main_version(b, root, &at, err));
    if (dnb_version_type(&b->versions[at]) != DNB_F32) {
        DNB_TRY(dnb_builder_plain_layout(b, root, DNB_BF16, &whole, err));
        DNB_TRY(dnb_builder_plain_layout(b, v, DNB_BF16, &seen, err));
    }
    DNB_TRY(dnb_builder_version_in(b, root, whole, &buffer, err));
    status = dnb_builder_add_version(b, v, seen, buffer, err);
    seen = NULL;
done:
    dnb_layout_free(whole);
    dnb_layout_free(seen);
    return status;
}

/* The first version of v, making one where there is none yet: constants get a buffer over their
 * content. */
dnb_status dnb_builder_main_version(dnb_builder *b, dnb_value v, int *out, dnb_err *err)
{
    const dnb_value_facts *f = &b->p->analysis.values[v];
    dnb_status status = DNB_OK;
    int buffer;
    v = f->canon;
    if (b->first[v] < 0) {
        if (f->constant) {
            DNB_TRY(dnb_builder_constant(b, v, &buffer, err));
            DNB_TRY(dnb_builder_add_version(b, v, NULL, buffer, err));
        } else if (f->root != v) {
            DNB_TRY(view_version(b, v, f->root, err));
        } else {
            return dnb_fail(err, DNB_EINTERNAL, "value '%s' is read before it is computed",
                            dnb_graph_value_at(b->p->graph, v)->name);
        }
    }
    *out = b->first[v];
done:
    return status;
}

/* The version of v in `layout` (NULL = plain), made by a copy if need be. */
dnb_status dnb_builder_version_in(dnb_builder *b, dnb_value v, const dnb_layout *layout,
                                  int *buffer, dnb_err *err)
{
    dnb_layout *plain = NULL, *kept = NULL;
    int at;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_builder_main_version(b, v, &at, err));
    v = b->p->analysis.values[v].canon;
    if (layout) {
        DNB_TRY(dnb_builder_plain_layout(b, v, DNB_F32, &plain, err));
        if (dnb_layout_equal(plain, layout))
            layout = NULL;
    }
    for (int i = at; i >= 0; i = b->versions[i].next) {
        const dnb_layout *have = b->versions[i].layout;
        if (have ? layout && dnb_layout_equal(have, layout) : !layout) {
            *buffer = b->versions[i].buffer;
            goto done;
        }
    }
    dnb_version from = b->versions[at];
    DNB_TRY(dnb_builder_reorder(b, v, &from, layout, buffer, err));
    if (layout)
        DNB_TRY(dnb_layout_copy(&kept, layout, err));
    DNB_TRY(dnb_builder_add_version(b, v, kept, *buffer, err));
done:
    dnb_layout_free(plain);
    return status;
}

void dnb_builder_read_done(dnb_builder *b, dnb_value v)
{
    b->pending[b->p->analysis.values[v].root]--;
}

/* Is the read about to happen the last one, and may its buffer be overwritten? */
bool dnb_builder_last_read(const dnb_builder *b, dnb_value v, int buffer)
{
    return b->pending[b->p->analysis.values[v].root] == 1 &&
           b->p->buffers[buffer].kind == DNB_BUFFER_ARENA;
}

/* ---- taps ---------------------------------------------------------------------------------------
 */

/* Hands v to the caller as soon as it exists, so that its buffer is free for reuse. */
static dnb_status emit_taps(dnb_builder *b, dnb_value v, const dnb_program_request *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (b->p->analysis.values[v].taps == 0)
        return DNB_OK;
    for (size_t t = 0; t < r->n_taps; t++) {
        dnb_value root = b->p->analysis.values[v].root;
        dnb_step *s;
        int at;
        if (r->taps[t] != v)
            continue;
        DNB_TRY(dnb_builder_main_version(b, root, &at, err));
        DNB_TRY(new_step(b, DNB_STEP_TAP, &s, err));
        s->tap = t;
        s->buffer = b->versions[at].buffer;
        s->shape = b->p->inf->shape[root];
        s->whole = r->whole && r->whole[t];
        s->row_count = dnb_shape_count(&s->shape) / (s->whole ? 1 : b->p->batch);
        dnb_builder_touch(b, s->buffer);
        if (b->versions[at].layout) {
            dnb_layout *plain = NULL;
            DNB_TRY(dnb_layout_copy(&s->from, b->versions[at].layout, err));
            DNB_TRY(dnb_builder_plain_layout(b, root, DNB_F32, &plain, err));
            status = dnb_dnn_reorder_new(&s->op, b->p->dnn, s->from, plain, err);
            dnb_layout_free(plain);
            if (status != DNB_OK)
                goto done;
        }
        dnb_builder_read_done(b, v);
    }
done:
    return status;
}

/* ---- reference steps ----------------------------------------------------------------------------
 */

static dnb_status emit_reference(dnb_builder *b, size_t i, dnb_err *err)
{
    const dnb_node *n = dnb_graph_node_at(b->p->graph, i);
    int *in = NULL, *out = NULL, buffer;
    dnb_step *s;
    dnb_status status = DNB_OK;
    DNB_NEW(in, n->n_inputs, "plan");
    DNB_NEW(out, n->n_outputs, "plan");
    for (size_t k = 0; k < n->n_inputs; k++) {
        in[k] = -1;
        if (n->inputs[k] != DNB_NO_VALUE)
            DNB_TRY(dnb_builder_version_in(b, n->inputs[k], NULL, &in[k], err));
    }
    for (size_t k = 0; k < n->n_outputs; k++) {
        DNB_TRY(dnb_builder_buffer(b, DNB_BUFFER_ARENA,
                                   dnb_program_value_bytes(b->p, n->outputs[k]), &out[k], err));
        DNB_TRY(dnb_builder_add_version(b, n->outputs[k], NULL, out[k], err));
    }
    DNB_TRY(new_step(b, DNB_STEP_NODE, &s, err));
    s->node = (int)i;
    s->in_buffer = in;
    s->out_buffer = out;
    in = out = NULL;
    for (size_t k = 0; k < n->n_inputs; k++)
        if ((buffer = s->in_buffer[k]) >= 0) {
            dnb_builder_touch(b, buffer);
            dnb_builder_read_done(b, n->inputs[k]);
        }
    for (size_t k = 0; k < n->n_outputs; k++)
        dnb_builder_touch(b, s->out_buffer[k]);
done:
    dnb_free(in);
    dnb_free(out);
    return status;
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

static dnb_status emit_node(dnb_builder *b, size_t i, const dnb_program_request *r, dnb_err *err)
{
    const dnb_node *n = dnb_graph_node_at(b->p->graph, i);
    const dnb_node_facts *f = &b->p->analysis.nodes[i];
    dnb_status status = DNB_OK;
    bool alone = f->last == (int)i && f->pre == DNB_NO_NODE;
    if (f->view) {
        DNB_TRY(emit_taps(b, n->outputs[0], r, err));
        return DNB_OK;
    }
    status = f->prim.kind == DNB_PRIM_NONE ? emit_reference(b, i, err) : dnb_lower_group(b, i, err);
    /* No primitive for this case: a lone node runs by its reference kernel, a group is planned anew
     * without fusion by the caller. */
    if (status == DNB_EUNSUPPORTED && f->prim.kind != DNB_PRIM_NONE && alone)
        status = emit_reference(b, i, err);
    if (status != DNB_OK)
        goto done;
    for (size_t k = 0; k < n->n_outputs; k++)
        DNB_TRY(emit_taps(b, alone ? n->outputs[k] : f->result, r, err));
done:
    return status;
}

/* How often each stored value will be read: by nodes other than views, and by taps. */
static void count_reads(dnb_builder *b)
{
    const dnb_analysis *a = &b->p->analysis;
    for (size_t i = 0; i < dnb_graph_node_count(a->graph); i++) {
        const dnb_node *n = dnb_graph_node_at(a->graph, i);
        for (size_t k = 0; a->nodes[i].runs && !a->nodes[i].view && k < n->n_inputs; k++)
            if (n->inputs[k] != DNB_NO_VALUE)
                b->pending[a->values[n->inputs[k]].root]++;
    }
    for (size_t v = 0; v < b->p->inf->n_values; v++)
        b->pending[a->values[v].root] += a->values[v].taps;
}

static dnb_status emit_all(dnb_builder *b, const dnb_program_request *r, dnb_err *err)
{
    dnb_program *p = b->p;
    size_t n_nodes = dnb_graph_node_count(p->graph);
    int *head_at = NULL; /* node -> head of the group that ends there; -1 = none */
    dnb_status status = DNB_OK;
    DNB_NEW(head_at, n_nodes, "plan");
    for (size_t i = 0; i < n_nodes; i++)
        head_at[i] = DNB_NO_NODE;
    for (size_t i = 0; i < n_nodes; i++)
        if (p->analysis.nodes[i].runs && !p->analysis.nodes[i].absorbed)
            head_at[p->analysis.nodes[i].last] = (int)i;
    if (p->analysis.values[p->input].wanted) {
        DNB_TRY(dnb_builder_buffer(b, DNB_BUFFER_INPUT, dnb_program_value_bytes(p, p->input),
                                   &p->input_buffer, err));
        DNB_TRY(dnb_builder_add_version(b, p->input, NULL, p->input_buffer, err));
        DNB_TRY(emit_taps(b, p->input, r, err));
    }
    for (size_t i = 0; i < n_nodes; i++)
        if (head_at[i] >= 0)
            DNB_TRY(emit_node(b, (size_t)head_at[i], r, err));
done:
    dnb_free(head_at);
    return status;
}

dnb_status dnb_program_emit(dnb_program *p, const dnb_program_request *r, dnb_err *err)
{
    dnb_builder b = {.p = p};
    dnb_status status = DNB_OK;
    DNB_NEW(b.first, p->inf->n_values, "plan");
    DNB_NEW(b.pending, p->inf->n_values, "plan");
    for (size_t v = 0; v < p->inf->n_values; v++)
        b.first[v] = -1;
    count_reads(&b);
    DNB_TRY(emit_all(&b, r, err));
done:
    for (size_t i = 0; i < b.n_versions; i++)
        dnb_layout_free(b.versions[i].layout);
    dnb_free(b.versions);
    dnb_free(b.first);
    dnb_free(b.pending);
    return status;
}
