/* Gradients by oneDNN: what is the same in 2.x and 3.x. */
#include <string.h>

#include "base/mem.h"
#include "net/onednn_impl.h"

#define ALIGN ((size_t)64)

/* ---- the forward primitive before a max pooling's gradient --------------------------------------
 */

void dnb_dnn_before_free(dnb_dnn_op *op)
{
    dnb_dnn_before *b = &op->before;
    dnnl_memory_t memory[] = {b->src, b->dst, b->workspace, b->scratch};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (memory[i])
            dnnl_memory_destroy(memory[i]);
    if (b->primitive)
        dnnl_primitive_destroy(b->primitive);
    if (b->pd)
        dnnl_primitive_desc_destroy(b->pd);
    memset(b, 0, sizeof *b);
}

/* A stretch of the scratch memory for one of its arguments. */
static dnb_status add_stretch(dnb_dnn_op *op, int dnnl_arg, dnnl_query_t query,
                              dnnl_memory_t *memory, size_t *at, dnb_err *err)
{
    dnb_dnn_before *b = &op->before;
    dnb_md_ref md = dnnl_primitive_desc_query_md(b->pd, query, 0);
    size_t bytes = md ? dnnl_memory_desc_get_size(md) : 0;
    dnb_status status = DNB_OK;
    if (bytes == 0)
        return DNB_OK;
    DNB_TRY(dnb_dnn_status(dnnl_memory_create(memory, md, op->dnn->engine, DNNL_MEMORY_NONE),
                           "binding memory", err));
    b->exec[b->n_exec++] = (dnnl_exec_arg_t){dnnl_arg, *memory};
    *at = b->bytes;
    if (bytes > PTRDIFF_MAX / 4 - b->bytes)
        return dnb_fail_memory(err, "workspace", bytes);
    b->bytes = (b->bytes + bytes + ALIGN - 1) / ALIGN * ALIGN;
done:
    return status;
}

/* op->before.pd is set. The gradient's own scratch, if any, lies first. */
static dnb_status before_init(dnb_dnn_op *op, dnb_err *err)
{
    dnb_dnn_before *b = &op->before;
    const dnb_layout *own = dnb_dnn_op_layout(op, DNB_ARG_SCRATCH);
    dnb_status status = DNB_OK;
    b->bytes = own ? (dnb_layout_bytes(own) + ALIGN - 1) / ALIGN * ALIGN : 0;
    DNB_TRY(dnb_dnn_status(
        dnnl_memory_create(&b->src, dnnl_primitive_desc_query_md(b->pd, dnnl_query_src_md, 0),
                           op->dnn->engine, DNNL_MEMORY_NONE),
        "binding memory", err));
    b->exec[b->n_exec++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, b->src};
    DNB_TRY(add_stretch(op, DNNL_ARG_DST, dnnl_query_dst_md, &b->dst, &b->dst_at, err));
    DNB_TRY(add_stretch(op, DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, &b->workspace,
                        &b->workspace_at, err));
    DNB_TRY(add_stretch(op, DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, &b->scratch,
                        &b->scratch_at, err));
    if (b->workspace)
        op->exec[op->n_args] = (dnnl_exec_arg_t){DNNL_ARG_WORKSPACE, b->workspace};
done:
    return status;
}

dnb_status dnb_dnn_before_bind(dnb_dnn_op *op, int arg, void *data, dnb_err *err)
{
    dnb_dnn_before *b = &op->before;
    dnnl_status_t s = dnnl_success;
    char *scratch = data;
    if (arg == DNB_ARG_SRC)
        s = dnnl_memory_set_data_handle(b->src, data);
    if (arg == DNB_ARG_SCRATCH && b->dst)
        s = dnnl_memory_set_data_handle(b->dst, scratch + b->dst_at);
    if (s == dnnl_success && arg == DNB_ARG_SCRATCH && b->workspace)
        s = dnnl_memory_set_data_handle(b->workspace, scratch + b->workspace_at);
    if (s == dnnl_success && arg == DNB_ARG_SCRATCH && b->scratch)
        s = dnnl_memory_set_data_handle(b->scratch, scratch + b->scratch_at);
    return dnb_dnn_status(s, "binding memory", err);
}

/* ---- making a gradient's primitive --------------------------------------------------------------
 */

/* Layouts the request needs beside the caller's. */
typedef struct made_layouts {
    dnb_layout *src[2], *weights, *dst;
} made_layouts;

static void made_release(made_layouts *m)
{
    dnb_layout_free(m->src[0]);
    dnb_layout_free(m->src[1]);
    dnb_layout_free(m->weights);
    dnb_layout_free(m->dst);
}

/* The convolution's weights, or their gradient: oneDNN's own layout, but plain where groups make
 * them a value of another shape. */
static dnb_status weight_layout(dnb_layout **out, const dnb_prim *p, const dnb_shape *weights,
                                bool plain, dnb_err *err)
{
    size_t dim[DNB_MAX_DIMS], step[DNB_MAX_DIMS];
    int n = dnb_prim_weights(p, weights, dim, step);
    return plain ? dnb_layout_strided(out, DNB_F32, n, dim, step, err)
                 : dnb_layout_any(out, DNB_F32, n, dim, err);
}

static dnb_status make_layouts(made_layouts *m, const dnb_dnn_spec *s, dnb_err *err)
{
    dnb_prim_kind kind = s->prim->kind;
    bool conv = kind == DNB_PRIM_CONV_INPUT_GRAD || kind == DNB_PRIM_CONV_WEIGHT_GRAD;
    dnb_status status = DNB_OK;
    for (size_t k = 0; k < s->n_data; k++)
        if (conv || (kind == DNB_PRIM_POOL_MAX_GRAD && k == 1))
            DNB_TRY(dnb_layout_any(&m->src[k], DNB_F32, s->in[k].ndim, s->in[k].dim, err));
        else
            DNB_TRY(dnb_layout_copy(&m->src[k], s->in_layout[k], err));
    if (kind == DNB_PRIM_CONV_INPUT_GRAD) {
        DNB_TRY(weight_layout(&m->weights, s->prim, &s->weights, false, err));
        DNB_TRY(dnb_layout_any(&m->dst, DNB_F32, s->out.ndim, s->out.dim, err));
    } else if (kind == DNB_PRIM_CONV_WEIGHT_GRAD) {
        DNB_TRY(weight_layout(&m->dst, s->prim, &s->out, s->prim->groups > 1, err));
    } else {
        DNB_TRY(dnb_layout_copy(&m->dst, m->src[0], err));
    }
done:
    return status;
}

static dnb_status collect(dnb_dnn_op *op, const dnb_prim *p, dnb_err *err)
{
    /* data inputs, result */
    static const int args[][3] = {
        {DNNL_ARG_DIFF_DST, 0, DNNL_ARG_DIFF_SRC},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS},
        {0, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC},
        {DNNL_ARG_DIFF_DST, DNNL_ARG_DST, DNNL_ARG_DIFF_SRC},
    };
    static const dnnl_query_t queries[][3] = {
        {dnnl_query_diff_dst_md, dnnl_query_undef, dnnl_query_diff_src_md},
        {dnnl_query_src_md, dnnl_query_diff_dst_md, dnnl_query_diff_weights_md},
        {dnnl_query_undef, dnnl_query_diff_dst_md, dnnl_query_diff_src_md},
        {dnnl_query_diff_dst_md, dnnl_query_dst_md, dnnl_query_diff_src_md},
    };
    const int *arg = args[p->kind - DNB_PRIM_CONV_INPUT_GRAD];
    const dnnl_query_t *query = queries[p->kind - DNB_PRIM_CONV_INPUT_GRAD];
    dnb_status status = DNB_OK;
    DNB_NEW(op->args, 8, "primitive arguments");
    DNB_NEW(op->exec, 8, "primitive arguments");
    for (int k = 0; k < 2; k++)
        if (arg[k])
            DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_SRC + k, arg[k], query[k], 0, err));
    DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_DST, arg[2], query[2], 0, err));
    DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_SCRATCH, DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0,
                            err));
    if (p->kind == DNB_PRIM_CONV_INPUT_GRAD)
        DNB_TRY(
            dnb_dnn_add_arg(op, DNB_ARG_WEIGHTS, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, err));
done:
    return status;
}

dnb_status dnb_dnn_backward_new(dnb_dnn_op **out, dnb_dnn *d, const dnb_dnn_spec *spec,
                                dnb_err *err)
{
    dnb_dnn_op *op = NULL;
    made_layouts made = {0};
    dnnl_primitive_desc_t forward = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(make_layouts(&made, spec, err));
    const dnb_layout *src[2] = {made.src[0], made.src[1]};
    dnb_pd_request r = {.prim = spec->prim,
                        .src = src,
                        .n_src = spec->n_data,
                        .weights = made.weights,
                        .dst = made.dst};
    DNB_NEW(op, 1, "primitive");
    op->dnn = d;
    DNB_TRY(dnb_dnn_status(dnb_pd_create_backward(&op->pd, &forward, d->engine, &r),
                           dnb_prim_name(spec->prim->kind), err));
    DNB_TRY(collect(op, spec->prim, err));
    if (spec->prim->kind == DNB_PRIM_POOL_MAX_GRAD) {
        op->before.pd = forward;
        forward = NULL;
        DNB_TRY(before_init(op, err));
    }
    *out = op;
    op = NULL;
done:
    if (forward)
        dnnl_primitive_desc_destroy(forward);
    made_release(&made);
    dnb_dnn_op_free(op);
    return status;
}
