/* Running a prepared program on one batch. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/op_util.h"
#include "net/program_impl.h"

/* Copies smaller than this are not worth a team of threads. */
#define PARALLEL_BYTES ((size_t)1 << 18)

static void copy_parallel(char *dst, const char *src, size_t bytes)
{
    const size_t chunk = (size_t)1 << 16;
    size_t n = (bytes + chunk - 1) / chunk;
#pragma omp parallel for schedule(static) if (bytes >= PARALLEL_BYTES)
    for (size_t i = 0; i < n; i++)
        memcpy(dst + i * chunk, src + i * chunk, i + 1 < n ? chunk : bytes - i * chunk);
}

/* What one call of run brings along. */
typedef struct run_io {
    size_t n;
    const float *input;
    const double *input64;
    float *const *taps;
    double *const *taps64;
} run_io;

/* ---- input --------------------------------------------------------------------------------------
 */

/* The input buffer is the caller's memory where it can be; else a padded or converted copy. */
static void place_input(dnb_program *p, const run_io *io)
{
    if (p->input_buffer < 0)
        return;
    dnb_buffer *b = &p->buffers[p->input_buffer];
    size_t row = dnb_shape_count(&p->inf->shape[p->input]) / p->batch, count = row * io->n;
    size_t element = dnb_program_element(p, DNB_F32);
    char *staged = p->arena + b->offset;
    if (io->n == p->batch && !p->f64) {
        b->data = (void *)io->input;
        return;
    }
    if (!p->f64)
        copy_parallel(staged, (const char *)io->input, count * element);
    else if (io->input64)
        memcpy(staged, io->input64, count * element);
    else
        for (size_t i = 0; i < count; i++)
            ((double *)(void *)staged)[i] = (double)io->input[i];
    memset(staged + count * element, 0, (row * p->batch - count) * element);
    b->data = staged;
}

/* ---- taps ---------------------------------------------------------------------------------------
 */

/* A layout change for the first n stimuli only, kept for the next run of the same n. */
static dnb_status partial_op(dnb_program *p, dnb_step *s, size_t n, dnb_err *err)
{
    dnb_layout *part = NULL, *plain = NULL;
    dnb_dnn_op *op = NULL;
    dnb_shape shape = s->shape;
    dnb_status status = DNB_OK;
    if (s->partial && s->partial_n == n)
        return DNB_OK;
    shape.dim[0] = shape.dim[0] / p->batch * n;
    DNB_TRY(dnb_layout_first(&part, s->from, shape.ndim, shape.dim, shape.dim[0], err));
    DNB_TRY(dnb_layout_plain(&plain, DNB_F32, shape.ndim, shape.dim, err));
    DNB_TRY(dnb_dnn_reorder_new(&op, p->dnn, part, plain, err));
    DNB_TRY(dnb_dnn_op_compile(op, err));
    DNB_TRY(dnb_dnn_op_bind(op, DNB_ARG_SRC, p->buffers[s->buffer].data, err));
    dnb_dnn_op_free(s->partial);
    s->partial = op;
    s->partial_n = n;
    op = NULL;
done:
    dnb_layout_free(part);
    dnb_layout_free(plain);
    dnb_dnn_op_free(op);
    return status;
}

static dnb_status run_tap(dnb_program *p, dnb_step *s, const run_io *io, dnb_err *err)
{
    const dnb_buffer *b = &p->buffers[s->buffer];
    size_t count = s->row_count * (s->whole ? 1 : io->n);
    dnb_status status = DNB_OK;
    if (s->op) {
        dnb_dnn_op *op = s->op;
        if (io->n < p->batch) {
            DNB_TRY(partial_op(p, s, io->n, err));
            op = s->partial;
        }
        DNB_TRY(dnb_dnn_op_bind(op, DNB_ARG_DST, io->taps[s->tap], err));
        DNB_TRY(dnb_dnn_op_run(op, err));
    } else if (!p->f64) {
        copy_parallel((char *)io->taps[s->tap], b->data, count * sizeof(float));
    } else if (io->taps64) {
        memcpy(io->taps64[s->tap], b->data, count * sizeof(double));
    } else {
        for (size_t i = 0; i < count; i++)
            io->taps[s->tap][i] = (float)((const double *)b->data)[i];
    }
done:
    return status;
}

/* ---- steps --------------------------------------------------------------------------------------
 */

static dnb_status run_node(dnb_program *p, dnb_step *s, dnb_err *err)
{
    const dnb_node *n = dnb_graph_node_at(p->graph, (size_t)s->node);
    for (size_t k = 0; k < n->n_inputs; k++)
        if (s->in_buffer[k] >= 0)
            s->in[k].data = p->buffers[s->in_buffer[k]].data;
    dnb_op_call call = {.node = n,
                        .opset = s->shapes.opset,
                        .in = s->in_ref,
                        .out = s->out,
                        .in_shape = s->shapes.in,
                        .out_shape = s->shapes.out};
    dnb_status status = n->op->run(&call, err);
    for (size_t k = 0; status == DNB_OK && k < n->n_outputs; k++)
        if (s->out[k].dtype == DNB_I64)
            dnb_narrow(&s->out[k], dnb_elem(&s->shapes.out[k]));
    return status;
}

static dnb_status run_prim(dnb_program *p, dnb_step *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t k = 0; s->reads_input && k < s->n_args; k++)
        if (p->buffers[s->args[k].buffer].kind == DNB_BUFFER_INPUT)
            DNB_TRY(
                dnb_dnn_op_bind(s->op, s->args[k].arg, p->buffers[s->args[k].buffer].data, err));
    DNB_TRY(dnb_dnn_op_run(s->op, err));
done:
    return status;
}

static dnb_status run_steps(dnb_program *p, const run_io *io, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (io->n == 0 || io->n > p->batch)
        return dnb_fail(err, DNB_EARG, "%zu stimuli for a runner of batch size %zu", io->n,
                        p->batch);
    if (p->whole && io->n != p->batch)
        return dnb_fail(err, DNB_EARG,
                        "%zu stimuli; gradients of parameters need full batches of %zu", io->n,
                        p->batch);
    place_input(p, io);
    for (size_t i = 0; i < p->n_steps; i++) {
        dnb_step *s = &p->steps[i];
        DNB_TRY(s->kind == DNB_STEP_PRIM   ? run_prim(p, s, err)
                : s->kind == DNB_STEP_NODE ? run_node(p, s, err)
                                           : run_tap(p, s, io, err));
    }
done:
    return status;
}

dnb_status dnb_program_run(dnb_program *p, const float *input, size_t n, float *const *taps,
                           dnb_err *err)
{
    run_io io = {.n = n, .input = input, .taps = taps};
    return run_steps(p, &io, err);
}

dnb_status dnb_program_run64(dnb_program *p, const double *input, size_t n, double *const *taps,
                             dnb_err *err)
{
    run_io io = {.n = n, .input64 = input, .taps64 = taps};
    if (!p->f64)
        return dnb_fail(err, DNB_EARG, "this program does not compute in float64");
    return run_steps(p, &io, err);
}

/* ---- looking ------------------------------------------------------------------------------------
 */

size_t dnb_program_step_count(const dnb_program *p, size_t *n_reference)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_steps; i++)
        n += p->steps[i].kind == DNB_STEP_NODE;
    if (n_reference)
        *n_reference = n;
    return p->n_steps;
}

const char *dnb_program_step_name(const dnb_program *p, size_t i)
{
    const dnb_step *s = &p->steps[i];
    if (s->kind == DNB_STEP_NODE)
        return dnb_graph_node_at(p->graph, (size_t)s->node)->op->name;
    return s->kind == DNB_STEP_TAP ? "tap" : dnb_dnn_op_name(s->op);
}
