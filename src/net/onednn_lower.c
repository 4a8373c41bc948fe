/* Planning primitive steps: a group of fused nodes becomes one oneDNN primitive over buffers.
 * Nothing here depends on oneDNN's version. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/op_util.h"
#include "net/program_builder.h"

/* ---- primitive steps ----------------------------------------------------------------------------
 */

/* What a group's primitive is made from; in[] refers to values and their shapes as the primitive
 * sees them. */
typedef struct prim_inputs {
    size_t n;
    dnb_value *value;
    dnb_shape *shape;
    const dnb_layout **layout; /* entries borrowed from versions or `made` */
    dnb_layout **made;
    int *buffer;
} prim_inputs;

static void inputs_release(prim_inputs *in)
{
    for (size_t k = 0; in->made && k < in->n; k++)
        dnb_layout_free(in->made[k]);
    dnb_free(in->value);
    dnb_free(in->shape);
    dnb_free((void *)in->layout);
    dnb_free(in->made);
    dnb_free(in->buffer);
}

static bool has_weights(const dnb_prim *p)
{
    return p->kind == DNB_PRIM_CONV || p->kind == DNB_PRIM_DECONV || p->kind == DNB_PRIM_INNER ||
           p->kind == DNB_PRIM_CONV_INPUT_GRAD;
}

/* Gradients are computed in float32, whatever the values they belong to are stored in. */
static bool is_gradient(const dnb_prim *p)
{
    return p->kind >= DNB_PRIM_CONV_INPUT_GRAD || p->adjoint;
}

/* Does the primitive say in which layout it wants data input k? */
static bool chooses_layout(const dnb_prim *p, size_t k)
{
    return has_weights(p) || p->kind == DNB_PRIM_CONV_WEIGHT_GRAD ||
           (p->kind == DNB_PRIM_POOL_MAX_GRAD && k == 1);
}

/* Operand 1 of BINARY, seen with as many dimensions as operand 0. */
static dnb_shape with_leading_ones(const dnb_shape *s, int ndim)
{
    dnb_shape r = {.dtype = s->dtype, .ndim = ndim};
    for (int i = 0; i < ndim; i++)
        r.dim[i] = i < ndim - s->ndim ? 1 : s->dim[i - (ndim - s->ndim)];
    return r;
}

/* One operand as it is stored, or in `type` if that is what it must have. */
static dnb_status gather_stored(dnb_builder *b, prim_inputs *in, size_t k, dnb_dtype type,
                                dnb_err *err)
{
    int at;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_builder_main_version(b, in->value[k], &at, err));
    if (type == DNB_F32 && dnb_version_type(&b->versions[at]) != DNB_F32) {
        DNB_TRY(dnb_builder_version_in(b, in->value[k], NULL, &in->buffer[k], err));
        goto done;
    }
    in->buffer[k] = b->versions[at].buffer;
    if (b->versions[at].layout)
        DNB_TRY(dnb_layout_copy(&in->made[k], b->versions[at].layout, err));
done:
    return status;
}

/* The second operand of arithmetic that is repeated along some dimensions: plain, in the first
 * one's type. */
static dnb_status gather_repeated(dnb_builder *b, prim_inputs *in, dnb_err *err)
{
    dnb_dtype type = dnb_layout_type(in->layout[0]);
    dnb_layout *plain = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_layout_plain(&plain, type, in->shape[1].ndim, in->shape[1].dim, err));
    DNB_TRY(dnb_builder_version_in(b, in->value[1], plain, &in->buffer[1], err));
    in->shape[1] = with_leading_ones(&in->shape[1], in->shape[0].ndim);
    DNB_TRY(dnb_layout_plain(&in->made[1], type, in->shape[1].ndim, in->shape[1].dim, err));
done:
    dnb_layout_free(plain);
    return status;
}

/* A gradient takes the layout of the values it goes with when it is plain itself: theirs is what
 * the convolutions around it prefer. Both in float32. */
static dnb_status gather_pair(dnb_builder *b, prim_inputs *in, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t k = 0; k < 2; k++)
        DNB_TRY(gather_stored(b, in, k, DNB_F32, err));
    if (!in->made[0] && in->made[1]) {
        in->made[0] = in->made[1];
        in->made[1] = NULL;
        DNB_TRY(dnb_builder_version_in(b, in->value[0], in->made[0], &in->buffer[0], err));
    }
    if (!in->made[0])
        DNB_TRY(dnb_builder_plain_layout(b, in->value[0], DNB_F32, &in->made[0], err));
    in->layout[0] = in->layout[1] = in->made[0];
    DNB_TRY(dnb_builder_version_in(b, in->value[1], in->made[0], &in->buffer[1], err));
done:
    return status;
}

/* Values, shapes and, where the primitive does not choose them, layouts and buffers. With type
 * DNB_F32 every operand is float32, else as it happens to be stored. */
static dnb_status gather_inputs(dnb_builder *b, size_t i, const dnb_prim *p, dnb_dtype type,
                                prim_inputs *in, dnb_err *err)
{
    dnb_status status = DNB_OK;
    in->n = (size_t)p->n_data;
    DNB_NEW(in->value, in->n, "plan");
    DNB_NEW(in->shape, in->n, "plan");
    DNB_NEW(in->layout, in->n, "plan");
    DNB_NEW(in->made, in->n, "plan");
    DNB_NEW(in->buffer, in->n, "plan");
    for (size_t k = 0; k < in->n; k++) {
        in->value[k] = dnb_group_input(&b->p->analysis, i, p->swap ? in->n - 1 - k : k);
        in->shape[k] = b->p->inf->shape[in->value[k]];
    }
    if (p->kind == DNB_PRIM_ELTWISE_GRAD)
        return gather_pair(b, in, err);
    for (size_t k = 0; k < in->n; k++) {
        if (chooses_layout(p, k))
            continue;
        bool second = p->kind == DNB_PRIM_BINARY && k == 1;
        if (second && dnb_shape_equal(&in->shape[0], &in->shape[1])) {
            in->layout[1] = in->layout[0];
            DNB_TRY(dnb_builder_version_in(b, in->value[1], in->layout[0], &in->buffer[1], err));
            continue;
        }
        if (second)
            DNB_TRY(gather_repeated(b, in, err));
        else
            DNB_TRY(gather_stored(b, in, k, type, err));
        if (!in->made[k])
            DNB_TRY(
                dnb_layout_plain(&in->made[k], DNB_F32, in->shape[k].ndim, in->shape[k].dim, err));
        in->layout[k] = in->made[k];
    }
done:
    return status;
}

static bool has_bias(const dnb_node *n, const dnb_node_facts *f)
{
    if (!has_weights(&f->prim) || f->prim.adjoint || f->prim.kind == DNB_PRIM_CONV_INPUT_GRAD)
        return false; /* input 2 of a gradient is a shape */
    return f->norm >= 0 || f->bias >= 0 || (n->n_inputs > 2 && n->inputs[2] != DNB_NO_VALUE);
}

/* What a primitive whose operands have `type` stores: the same, except that results which only taps
 * or softmax read are not rounded. */
static dnb_dtype result_type(const dnb_program *p, const dnb_node_facts *f, dnb_dtype type)
{
    const dnb_value_facts *v = &p->analysis.values[f->result];
    bool last = v->readers == 0 ||
                (v->readers == 1 && p->analysis.nodes[v->reader].prim.kind == DNB_PRIM_SOFTMAX);
    return last && has_weights(&f->prim) ? DNB_F32 : type;
}

static dnb_status check_types(const prim_inputs *in, dnb_err *err)
{
    for (size_t k = 1; k < in->n; k++)
        if (dnb_layout_type(in->layout[k]) != dnb_layout_type(in->layout[0]))
            return dnb_fail(err, DNB_EUNSUPPORTED, "operands of two types");
    return DNB_OK;
}

/* The primitive of the group headed by node i; convolutions take operands in `type`. */
static dnb_status make_op(dnb_builder *b, size_t i, const prim_inputs *in, dnb_dtype type,
                          dnb_dnn_op **out, dnb_err *err)
{
    const dnb_node *n = dnb_graph_node_at(b->p->graph, i);
    const dnb_node_facts *f = &b->p->analysis.nodes[i];
    dnb_dnn_spec spec = {.prim = &f->prim,
                         .in = in->shape,
                         .in_layout = in->layout,
                         .n_data = in->n,
                         .out = b->p->inf->shape[n->outputs[0]],
                         .has_bias = has_bias(n, f)};
    dnb_dnn_op *op = NULL;
    dnb_status status = DNB_OK;
    if (has_weights(&f->prim)) {
        int at;
        spec.weights = b->p->inf->shape[n->inputs[1]];
        DNB_TRY(dnb_builder_main_version(b, in->value[0], &at, err));
        if (dnb_version_type(&b->versions[at]) == type)
            spec.stored = b->versions[at].layout;
    } else if (!is_gradient(&f->prim)) {
        DNB_TRY(check_types(in, err));
        type = dnb_layout_type(in->layout[0]);
    }
    spec.in_type = type;
    spec.out_type = result_type(b->p, f, type);
    DNB_TRY(dnb_dnn_op_new(&op, b->p->dnn, &spec, err));
    /* oneDNN's slow reference code, which takes bfloat16 too, would undo the gain. */
    if (type == DNB_BF16 && strncmp(dnb_dnn_op_name(op), "ref", 3) == 0) {
        status = dnb_fail(err, DNB_EUNSUPPORTED, "no fast bfloat16 implementation");
        goto done;
    }
    *out = op;
    op = NULL;
done:
    dnb_dnn_op_free(op);
    return status;
}

/* Where a fused addition accumulates: on the addend itself when this is its last read, else on a
 * copy. */
static dnb_status addend_buffer(dnb_builder *b, dnb_value v, const dnb_layout *dst, int *buffer,
                                dnb_err *err)
{
    dnb_layout *plain = NULL;
    int at;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_builder_main_version(b, v, &at, err));
    dnb_version from = b->versions[at];
    DNB_TRY(dnb_builder_plain_layout(b, v, DNB_F32, &plain, err));
    *buffer = from.buffer;
    if (!dnb_builder_last_read(b, v, from.buffer) ||
        !dnb_layout_equal(from.layout ? from.layout : plain, dst))
        DNB_TRY(dnb_builder_reorder(b, v, &from, dst, buffer, err));
done:
    dnb_layout_free(plain);
    return status;
}

/* The buffer the result goes to. Elementwise primitives work in place on what nobody reads later.
 */
static dnb_status result_buffer(dnb_builder *b, const dnb_node_facts *f, const prim_inputs *in,
                                const dnb_dnn_op *op, int *buffer, dnb_err *err)
{
    const dnb_layout *dst = dnb_dnn_op_layout(op, DNB_ARG_DST);
    bool in_place = f->prim.kind == DNB_PRIM_ELTWISE || f->prim.kind == DNB_PRIM_BINARY ||
                    f->prim.kind == DNB_PRIM_ELTWISE_GRAD;
    if (f->add >= 0)
        return addend_buffer(b, f->addend, dst, buffer, err);
    if (in_place && dnb_builder_last_read(b, in->value[0], in->buffer[0]) &&
        dnb_layout_equal(dst, in->layout[0])) {
        *buffer = in->buffer[0];
        return DNB_OK;
    }
    return dnb_builder_buffer(b, DNB_BUFFER_ARENA, dnb_layout_bytes(dst), buffer, err);
}

/* ---- constant arguments -------------------------------------------------------------------------
 */

/* Weights or bias that go to the primitive as they stand in the graph need no copy. */
static dnb_status is_as_stored(const dnb_program *p, const dnb_node *n, const dnb_node_facts *f,
                               int arg, const dnb_layout *wanted, bool *out, dnb_err *err)
{
    size_t dim[DNB_MAX_DIMS], step[DNB_MAX_DIMS];
    const dnb_prim *prim = &f->prim;
    dnb_layout *stored = NULL;
    *out = false;
    if (f->norm >= 0 || f->pre >= 0 || prim->adjoint ||
        (prim->kind == DNB_PRIM_INNER && (prim->alpha != 1 || prim->beta != 1)))
        return DNB_OK;
    if (arg == DNB_ARG_BIAS) {
        *out = f->bias < 0;
        return DNB_OK;
    }
    int ndim = dnb_prim_weights(prim, &p->inf->shape[n->inputs[1]], dim, step);
    dnb_status status = dnb_layout_strided(&stored, DNB_F32, ndim, dim, step, err);
    if (status == DNB_OK)
        *out = dnb_layout_equal(stored, wanted);
    dnb_layout_free(stored);
    return status;
}

/* A weights or bias argument: the graph's own constant, or one that prepare makes of it. */
static dnb_status add_weights(dnb_builder *b, dnb_step *s, size_t i, int arg, dnb_err *err)
{
    dnb_program *p = b->p;
    const dnb_node *n = dnb_graph_node_at(p->graph, i);
    const dnb_layout *layout = dnb_dnn_op_layout(s->op, arg);
    void *block = p->packs;
    bool as_stored;
    int buffer;
    dnb_status status = DNB_OK;
    if (!layout)
        return DNB_OK;
    DNB_TRY(is_as_stored(p, n, &p->analysis.nodes[i], arg, layout, &as_stored, err));
    if (as_stored) {
        DNB_TRY(dnb_builder_constant(b, n->inputs[arg == DNB_ARG_WEIGHTS ? 1 : 2], &buffer, err));
        dnb_builder_arg(b, s, arg, buffer);
        goto done;
    }
    status = dnb_builder_grow(&block, &p->cap_packs, p->n_packs, sizeof *p->packs, err);
    p->packs = block;
    if (status != DNB_OK)
        goto done;
    DNB_TRY(dnb_builder_buffer(b, DNB_BUFFER_CONSTANT, dnb_layout_bytes(layout), &buffer, err));
    p->packs[p->n_packs] = (dnb_pack){.node = (int)i, .arg = arg, .buffer = buffer};
    DNB_TRY(dnb_layout_copy(&p->packs[p->n_packs].layout, layout, err));
    p->n_packs++;
    dnb_builder_arg(b, s, arg, buffer);
done:
    return status;
}

static dnb_status add_constant_args(dnb_builder *b, dnb_step *s, size_t i, dnb_err *err)
{
    static const int norm[] = {DNB_ARG_SCALE, DNB_ARG_SHIFT, DNB_ARG_MEAN, DNB_ARG_VARIANCE};
    const dnb_node *n = dnb_graph_node_at(b->p->graph, i);
    const dnb_prim *p = &b->p->analysis.nodes[i].prim;
    dnb_status status = DNB_OK;
    int buffer;
    if (has_weights(p)) {
        DNB_TRY(add_weights(b, s, i, DNB_ARG_WEIGHTS, err));
        DNB_TRY(add_weights(b, s, i, DNB_ARG_BIAS, err));
    }
    for (size_t k = 0; p->kind == DNB_PRIM_BATCHNORM && k < 4; k++) {
        DNB_TRY(dnb_builder_constant(b, n->inputs[1 + k], &buffer, err));
        dnb_builder_arg(b, s, norm[k], buffer);
    }
done:
    return status;
}

static dnb_status add_scratch(dnb_builder *b, dnb_step *s, dnb_err *err)
{
    size_t bytes = dnb_dnn_op_scratch(s->op);
    dnb_program *p = b->p;
    dnb_status status = DNB_OK;
    if (bytes == 0)
        return DNB_OK;
    if (p->scratch_buffer < 0)
        DNB_TRY(dnb_builder_buffer(b, DNB_BUFFER_ARENA, 0, &p->scratch_buffer, err));
    if (p->buffers[p->scratch_buffer].bytes < bytes)
        p->buffers[p->scratch_buffer].bytes = bytes;
    dnb_builder_arg(b, s, DNB_ARG_SCRATCH, p->scratch_buffer);
done:
    return status;
}

/* Adds the primitive's step and stores its result. */
static dnb_status add_group_step(dnb_builder *b, size_t i, prim_inputs *in, dnb_dnn_op **op,
                                 dnb_err *err)
{
    const dnb_node_facts *f = &b->p->analysis.nodes[i];
    dnb_layout *dst = NULL, *plain = NULL;
    dnb_step *s;
    int buffer;
    dnb_status status = DNB_OK;
    DNB_TRY(result_buffer(b, f, in, *op, &buffer, err));
    DNB_TRY(dnb_layout_copy(&dst, dnb_dnn_op_layout(*op, DNB_ARG_DST), err));
    DNB_TRY(dnb_builder_plain_layout(b, f->result, DNB_F32, &plain, err));
    /* weights in groups are plain, seen with one dimension more */
    if (f->prim.kind == DNB_PRIM_CONV_WEIGHT_GRAD && f->prim.groups > 1) {
        dnb_layout_free(dst);
        dst = NULL;
    }
    if (dst && dnb_layout_equal(dst, plain)) {
        dnb_layout_free(dst);
        dst = NULL;
    }
    DNB_TRY(dnb_builder_prim_step(b, *op, in->n + 8, &s, err));
    *op = NULL;
    for (size_t k = 0; k < in->n; k++)
        dnb_builder_arg(b, s, DNB_ARG_SRC + (int)k, in->buffer[k]);
    dnb_builder_arg(b, s, DNB_ARG_DST, buffer);
    DNB_TRY(add_constant_args(b, s, i, err));
    DNB_TRY(add_scratch(b, s, err));
    for (size_t k = 0; k < in->n; k++)
        dnb_builder_read_done(b, in->value[k]);
    if (f->addend != DNB_NO_VALUE)
        dnb_builder_read_done(b, f->addend);
    status = dnb_builder_add_version(b, f->result, dst, buffer, err);
    dst = NULL;
done:
    dnb_layout_free(dst);
    dnb_layout_free(plain);
    return status;
}

static dnb_status lower_group_as(dnb_builder *b, size_t i, dnb_dtype type, dnb_err *err)
{
    const dnb_node_facts *f = &b->p->analysis.nodes[i];
    prim_inputs in = {0};
    dnb_dnn_op *op = NULL;
    dnb_status status = DNB_OK;
    if (type != DNB_F32 && is_gradient(&f->prim))
        return dnb_fail(err, DNB_EUNSUPPORTED, "gradients are computed in float32");
    DNB_TRY(gather_inputs(b, i, &f->prim, type, &in, err));
    DNB_TRY(make_op(b, i, &in, type, &op, err));
    for (size_t k = 0; k < in.n; k++)
        if (chooses_layout(&f->prim, k))
            DNB_TRY(dnb_builder_version_in(
                b, in.value[k], dnb_dnn_op_layout(op, DNB_ARG_SRC + (int)k), &in.buffer[k], err));
    DNB_TRY(add_group_step(b, i, &in, &op, err));
done:
    inputs_release(&in);
    dnb_dnn_op_free(op);
    return status;
}

dnb_status dnb_lower_group(dnb_builder *b, size_t i, dnb_err *err)
{
    dnb_status status = DNB_EUNSUPPORTED;
    if (b->p->bf16)
        status = lower_group_as(b, i, DNB_BF16, err);
    if (status == DNB_EUNSUPPORTED)
        status = lower_group_as(b, i, DNB_F32, err);
    return status;
}
