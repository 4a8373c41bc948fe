/* Making a program: planning it, then allocating its memory, computing its constants and generating
 * its primitives. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/op_util.h"
#include "net/program_impl.h"

dnb_dtype dnb_program_dtype(const dnb_program *p, dnb_dtype t)
{
    return t == DNB_F32 && p->f64 ? DNB_F64 : t;
}

size_t dnb_program_element(const dnb_program *p, dnb_dtype t)
{
    return dnb_dtype_size(dnb_program_dtype(p, t));
}

size_t dnb_program_value_bytes(const dnb_program *p, dnb_value v)
{
    const dnb_shape *s = &p->inf->shape[v];
    return dnb_shape_count(s) * dnb_program_element(p, s->dtype);
}

const dnb_array *dnb_program_constant(const dnb_program *p, dnb_value v)
{
    if (p->constants && p->constants[v].data)
        return &p->constants[v];
    return p->inf->known[v].data ? &p->inf->known[v] : NULL;
}

/* ---- planning -----------------------------------------------------------------------------------
 */

static void step_release(dnb_step *s)
{
    dnb_dnn_op_free(s->op);
    dnb_dnn_op_free(s->partial);
    dnb_layout_free(s->from);
    dnb_free(s->args);
    dnb_free(s->in_buffer);
    dnb_free(s->out_buffer);
    dnb_free(s->in);
    dnb_free(s->out);
    dnb_node_view_release(&s->view);
    dnb_free((void *)s->in_ref);
}

/* Drops what dnb_program_emit made. */
static void clear_steps(dnb_program *p)
{
    for (size_t i = 0; i < p->n_steps; i++)
        step_release(&p->steps[i]);
    for (size_t i = 0; i < p->n_packs; i++)
        dnb_layout_free(p->packs[i].layout);
    for (size_t i = 0; i < p->n_buffers; i++)
        dnb_free(p->buffers[i].owned);
    p->n_steps = p->n_packs = p->n_buffers = 0;
    p->input_buffer = p->scratch_buffer = -1;
}

void dnb_program_free(dnb_program *p)
{
    if (!p)
        return;
    clear_steps(p);
    dnb_free(p->steps);
    dnb_free(p->packs);
    dnb_free(p->buffers);
    for (size_t v = 0; p->constants && v < p->inf->n_values; v++)
        dnb_array_release(&p->constants[v]);
    dnb_free(p->constants);
    dnb_free(p->arena);
    dnb_analysis_release(&p->analysis);
    dnb_inference_free(p->inf);
    dnb_dnn_free(p->dnn);
    dnb_free(p);
}

/* Must the weights be changed, not only laid out anew? */
static bool needs_scaling(const dnb_program *p, const dnb_pack *pack)
{
    const dnb_node_facts *f = &p->analysis.nodes[pack->node];
    return pack->arg == DNB_ARG_WEIGHTS && (f->norm >= 0 || f->pre >= 0 || f->prim.adjoint ||
                                            (f->prim.kind == DNB_PRIM_INNER && f->prim.alpha != 1));
}

static dnb_value pack_source(const dnb_program *p, const dnb_pack *pack)
{
    return dnb_graph_node_at(p->graph, (size_t)pack->node)->inputs[1];
}

/* Constants that prepare makes: folded nodes, float64 copies, packed weights, and for a moment one
 * set of scaled weights. */
static dnb_status count_constants(dnb_program *p, dnb_err *err)
{
    size_t total = 0;
    bool ok = true;
    for (size_t i = 0; i < p->n_packs; i++) {
        size_t bytes = dnb_program_value_bytes(p, pack_source(p, &p->packs[i]));
        if (needs_scaling(p, &p->packs[i]) && bytes > total)
            total = bytes;
    }
    for (size_t v = 0; v < p->inf->n_values; v++) {
        const dnb_value_facts *f = &p->analysis.values[v];
        bool made = !p->inf->known[v].data || (p->f64 && p->inf->shape[v].dtype == DNB_F32);
        if (f->wanted && f->constant && made)
            ok = ok && dnb_add_size(&total, total, dnb_program_value_bytes(p, (dnb_value)v));
    }
    for (size_t i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].kind == DNB_BUFFER_CONSTANT)
            ok = ok && dnb_add_size(&total, total, p->buffers[i].bytes);
    p->constant_bytes = total;
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "the network's constants exceed all memory");
}

static dnb_status plan(dnb_program *p, const dnb_program_request *r, bool fuse, dnb_err *err)
{
    dnb_status status = DNB_OK;
    clear_steps(p);
    dnb_analysis_release(&p->analysis);
    DNB_TRY(
        dnb_analysis_init(&p->analysis, r->graph, p->inf, r->taps, r->n_taps, r->prims, fuse, err));
    DNB_TRY(dnb_program_emit(p, r, err));
    DNB_TRY(dnb_arena_plan(p->buffers, p->n_buffers, &p->arena_bytes, err));
    DNB_TRY(count_constants(p, err));
done:
    return status;
}

dnb_status dnb_program_new(dnb_program **out, const dnb_program_request *r, dnb_err *err)
{
    dnb_program *p = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(p, 1, "plan");
    p->graph = r->graph;
    p->batch = r->batch;
    p->n_taps = r->n_taps;
    p->f64 = r->f64;
    p->bf16 = r->bf16 && r->prims;
    for (size_t t = 0; r->whole && t < r->n_taps; t++)
        p->whole = p->whole || r->whole[t];
    p->input_buffer = p->scratch_buffer = -1;
    p->input = dnb_graph_input_at(r->graph, 0);
    DNB_TRY(dnb_inference_new_for(&p->inf, r->graph, r->batch, r->input, err));
    if (r->prims)
        DNB_TRY(dnb_dnn_new(&p->dnn, err));
    status = plan(p, r, true, err);
    if (status == DNB_EUNSUPPORTED)
        status = plan(p, r, false, err);
    if (status != DNB_OK)
        goto done;
    *out = p;
    p = NULL;
done:
    dnb_program_free(p);
    return status;
}

const dnb_shape *dnb_program_shape(const dnb_program *p, dnb_value v)
{
    return &p->inf->shape[v];
}

size_t dnb_program_bytes(const dnb_program *p)
{
    return p->arena_bytes + p->constant_bytes;
}

/* ---- constants ----------------------------------------------------------------------------------
 */

/* A float constant of the graph as this program's type wants it. */
static dnb_status convert_constant(dnb_program *p, dnb_value v, dnb_err *err)
{
    const dnb_array *known = &p->inf->known[v];
    if (!p->f64 || !known->data || known->dtype != DNB_F32 || p->constants[v].data)
        return DNB_OK;
    return dnb_array_convert(&p->constants[v], known, DNB_F64, err);
}

static dnb_status run_setup_node(dnb_program *p, const dnb_node *n, dnb_err *err)
{
    const dnb_array **in = NULL;
    dnb_array *out = NULL;
    dnb_node_view view = {0};
    dnb_op_shapes s;
    dnb_status status = DNB_OK;
    DNB_NEW(in, n->n_inputs, "constants");
    DNB_NEW(out, n->n_outputs, "constants");
    DNB_TRY(dnb_node_view_fill(&view, &s, p->graph, p->inf, n, err));
    for (size_t k = 0; k < n->n_inputs; k++)
        in[k] = n->inputs[k] == DNB_NO_VALUE ? NULL : dnb_program_constant(p, n->inputs[k]);
    for (size_t k = 0; k < n->n_outputs; k++) {
        const dnb_shape *shape = &s.out[k];
        dnb_dtype t = dnb_program_dtype(p, shape->dtype);
        DNB_TRY(dnb_array_init(&out[k], t, shape->ndim, shape->dim, err));
    }
    dnb_op_call call = {
        .node = n, .opset = s.opset, .in = in, .out = out, .in_shape = s.in, .out_shape = s.out};
    DNB_TRY(n->op->run(&call, err));
    for (size_t k = 0; k < n->n_outputs; k++) {
        if (out[k].dtype == DNB_I64)
            dnb_narrow(&out[k], dnb_elem(&s.out[k]));
        p->constants[n->outputs[k]] = out[k];
        out[k] = (dnb_array){0};
    }
done:
    for (size_t k = 0; out && k < n->n_outputs; k++)
        dnb_array_release(&out[k]);
    dnb_node_view_release(&view);
    dnb_free((void *)in);
    dnb_free(out);
    return status;
}

static dnb_status compute_constants(dnb_program *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(p->constants, p->inf->n_values, "constants");
    for (size_t v = 0; v < p->inf->n_values; v++)
        if (p->analysis.values[v].wanted && p->analysis.values[v].constant) {
            DNB_TRY(dnb_graph_fetch(p->graph, (dnb_value)v, err));
            DNB_TRY(convert_constant(p, (dnb_value)v, err));
        }
    for (size_t i = 0; i < dnb_graph_node_count(p->graph); i++)
        if (p->analysis.nodes[i].setup)
            DNB_TRY(run_setup_node(p, dnb_graph_node_at(p->graph, i), err));
done:
    return status;
}

/* Frees folded constants that went into packed weights and are read by nothing else. */
static dnb_status drop_unread_constants(dnb_program *p, dnb_err *err)
{
    bool *read = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(read, p->inf->n_values, "constants");
    for (size_t i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].value != DNB_NO_VALUE)
            read[p->buffers[i].value] = true;
    for (size_t v = 0; v < p->inf->n_values; v++)
        if (!read[v])
            dnb_array_release(&p->constants[v]);
done:
    dnb_free(read);
    return status;
}

/* ---- packed weights -----------------------------------------------------------------------------
 */

static const float *constant_floats(const dnb_program *p, dnb_value v)
{
    return v == DNB_NO_VALUE ? NULL : dnb_program_constant(p, v)->data;
}

/* Factor of output channel o by the folded batch normalisation. */
static double norm_factor(const dnb_program *p, const dnb_node_facts *f, size_t o)
{
    const dnb_node *n = dnb_graph_node_at(p->graph, (size_t)f->norm);
    double variance = (double)constant_floats(p, n->inputs[4])[o];
    return (double)constant_floats(p, n->inputs[1])[o] /
           sqrt(variance + (double)p->analysis.nodes[f->norm].prim.epsilon);
}

/* Position in a kernel of `volume` elements: mirrored for adjoint convolutions. */
static size_t kernel_position(const dnb_node_facts *f, size_t at, size_t volume)
{
    return f->prim.adjoint ? at - at % volume + (volume - 1 - at % volume) : at;
}

/* dst = the weights times alpha and the folded factors, in the graph's own order of channels. */
static void scale_weights(const dnb_program *p, const dnb_node_facts *f, const dnb_shape *shape,
                          const float *src, float *dst)
{
    bool kn = f->prim.kind == DNB_PRIM_INNER && f->prim.weights_kn;
    double alpha = f->prim.kind == DNB_PRIM_INNER ? (double)f->prim.alpha : 1;
    size_t n = dnb_shape_count(shape), n_out = shape->dim[kn ? 1 : 0];
    size_t run = kn ? 1 : n / n_out, volume = 1;
    const float *pre =
        f->pre < 0 ? NULL : constant_floats(p, dnb_constant_operand(&p->analysis, f->pre));
    for (int i = 2; i < shape->ndim; i++)
        volume *= shape->dim[i];
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < n_out; o++) {
        double factor =
            alpha * (f->norm >= 0 ? norm_factor(p, f, o) : 1) * (pre ? (double)pre[o] : 1);
        for (size_t i = 0; i < n / n_out; i++) {
            size_t at = kn ? i * n_out + o : o * run + i;
            dst[kernel_position(f, at, volume)] = (float)((double)src[at] * factor);
        }
    }
}

static dnb_status copy_layout(dnb_program *p, const dnb_layout *from, void *src,
                              const dnb_layout *to, void *dst, dnb_err *err)
{
    dnb_dnn_op *op = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_dnn_reorder_new(&op, p->dnn, from, to, err));
    DNB_TRY(dnb_dnn_op_compile(op, err));
    DNB_TRY(dnb_dnn_op_bind(op, DNB_ARG_SRC, src, err));
    DNB_TRY(dnb_dnn_op_bind(op, DNB_ARG_DST, dst, err));
    DNB_TRY(dnb_dnn_op_run(op, err));
done:
    dnb_dnn_op_free(op);
    return status;
}

/* Some layouts (Winograd's) are made of plain weights only: channels that change places do so
 * first. */
static dnb_status copy_by_plain(dnb_program *p, const dnb_layout *from, int ndim, const size_t *dim,
                                void *src, const dnb_layout *to, void *dst, dnb_err *err)
{
    dnb_layout *plain = NULL;
    float *between = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_layout_plain(&plain, DNB_F32, ndim, dim, err));
    between = dnb_alloc_aligned(dnb_layout_bytes(plain), 1);
    if (!between) {
        status = dnb_fail_memory(err, "packed weights", dnb_layout_bytes(plain));
        goto done;
    }
    DNB_TRY(copy_layout(p, from, src, plain, between, err));
    DNB_TRY(copy_layout(p, plain, between, to, dst, err));
done:
    dnb_layout_free(plain);
    dnb_free(between);
    return status;
}

static dnb_status pack_weights(dnb_program *p, const dnb_pack *pack, dnb_err *err)
{
    const dnb_node_facts *f = &p->analysis.nodes[pack->node];
    const dnb_shape *shape = &p->inf->shape[pack_source(p, pack)];
    size_t dim[DNB_MAX_DIMS], step[DNB_MAX_DIMS];
    float *src = (float *)constant_floats(p, pack_source(p, pack)), *scaled = NULL;
    void *dst = p->buffers[pack->buffer].data;
    dnb_layout *stored = NULL;
    dnb_status status = DNB_OK;
    int ndim = dnb_prim_weights(&f->prim, shape, dim, step);
    if (needs_scaling(p, pack)) {
        DNB_NEW(scaled, dnb_shape_count(shape), "scaled weights");
        scale_weights(p, f, shape, src, scaled);
        src = scaled;
    }
    DNB_TRY(dnb_layout_strided(&stored, DNB_F32, ndim, dim, step, err));
    status = copy_layout(p, stored, src, pack->layout, dst, err);
    if (status == DNB_EUNSUPPORTED)
        status = copy_by_plain(p, stored, ndim, dim, src, pack->layout, dst, err);
done:
    dnb_layout_free(stored);
    dnb_free(scaled);
    return status;
}

/* bias * beta, plus the folded addition, then the normalisation's shift. */
static void pack_bias(dnb_program *p, const dnb_pack *pack)
{
    const dnb_node_facts *f = &p->analysis.nodes[pack->node];
    const dnb_node *n = dnb_graph_node_at(p->graph, (size_t)pack->node);
    const float *own = n->n_inputs > 2 ? constant_floats(p, n->inputs[2]) : NULL;
    const float *added = NULL;
    double beta = f->prim.kind == DNB_PRIM_INNER ? (double)f->prim.beta : 1;
    float *dst = p->buffers[pack->buffer].data;
    size_t n_out = p->inf->shape[n->outputs[0]].dim[1];
    if (f->bias >= 0) {
        const dnb_node *add = dnb_graph_node_at(p->graph, (size_t)f->bias);
        bool second = p->analysis.values[add->inputs[1]].constant;
        added = constant_floats(p, add->inputs[second ? 1 : 0]);
    }
    for (size_t o = 0; o < n_out; o++) {
        double v = (own ? beta * (double)own[o] : 0) + (added ? (double)added[o] : 0);
        if (f->norm >= 0) {
            const dnb_node *norm = dnb_graph_node_at(p->graph, (size_t)f->norm);
            v = (v - (double)constant_floats(p, norm->inputs[3])[o]) * norm_factor(p, f, o) +
                (double)constant_floats(p, norm->inputs[2])[o];
        }
        dst[o] = (float)v;
    }
}

static dnb_status place_buffers(dnb_program *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    p->arena = dnb_alloc_aligned(p->arena_bytes, 1);
    if (!p->arena)
        return dnb_fail_memory(err, "activations", p->arena_bytes);
    for (size_t i = 0; i < p->n_buffers; i++) {
        dnb_buffer *b = &p->buffers[i];
        if (b->kind != DNB_BUFFER_CONSTANT) {
            b->data = p->arena + b->offset;
        } else if (b->value != DNB_NO_VALUE) {
            b->data = dnb_program_constant(p, b->value)->data;
        } else {
            b->data = b->owned = dnb_alloc_aligned(b->bytes, 1);
            if (!b->owned)
                return dnb_fail_memory(err, "packed weights", b->bytes);
        }
    }
    return status;
}

/* ---- steps --------------------------------------------------------------------------------------
 */

/* Arrays over the buffers of a reference step. */
static dnb_status prepare_node(dnb_program *p, dnb_step *s, dnb_err *err)
{
    const dnb_node *n = dnb_graph_node_at(p->graph, (size_t)s->node);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_view_fill(&s->view, &s->shapes, p->graph, p->inf, n, err));
    DNB_NEW(s->in, n->n_inputs, "plan");
    DNB_NEW(s->in_ref, n->n_inputs, "plan");
    DNB_NEW(s->out, n->n_outputs, "plan");
    for (size_t k = 0; k < n->n_inputs; k++) {
        if (s->in_buffer[k] < 0)
            continue;
        const dnb_shape *shape = &p->inf->shape[n->inputs[k]];
        dnb_array_borrow(&s->in[k], dnb_program_dtype(p, shape->dtype), shape->ndim, shape->dim,
                         p->buffers[s->in_buffer[k]].data);
        s->in_ref[k] = &s->in[k];
    }
    for (size_t k = 0; k < n->n_outputs; k++) {
        const dnb_shape *shape = &p->inf->shape[n->outputs[k]];
        dnb_array_borrow(&s->out[k], dnb_program_dtype(p, shape->dtype), shape->ndim, shape->dim,
                         p->buffers[s->out_buffer[k]].data);
    }
done:
    return status;
}

static dnb_status prepare_step(dnb_program *p, dnb_step *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (s->kind == DNB_STEP_NODE)
        return prepare_node(p, s, err);
    if (!s->op)
        return DNB_OK;
    DNB_TRY(dnb_dnn_op_compile(s->op, err));
    if (s->kind == DNB_STEP_TAP)
        DNB_TRY(dnb_dnn_op_bind(s->op, DNB_ARG_SRC, p->buffers[s->buffer].data, err));
    for (size_t k = 0; k < s->n_args; k++)
        DNB_TRY(dnb_dnn_op_bind(s->op, s->args[k].arg, p->buffers[s->args[k].buffer].data, err));
done:
    return status;
}

dnb_status dnb_program_prepare(dnb_program *p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(compute_constants(p, err));
    DNB_TRY(place_buffers(p, err));
    for (size_t i = 0; i < p->n_packs; i++) {
        if (p->packs[i].arg == DNB_ARG_BIAS)
            pack_bias(p, &p->packs[i]);
        else
            DNB_TRY(pack_weights(p, &p->packs[i], err));
    }
    DNB_TRY(drop_unread_constants(p, err));
    for (size_t i = 0; i < p->n_steps; i++)
        DNB_TRY(prepare_step(p, &p->steps[i], err));
done:
    return status;
}
