/* oneDNN calls that are the same in 2.x and 3.x: engine, layouts, memory objects, execution. */
#include "net/onednn_impl.h"

#include <string.h>

#include "base/mem.h"

dnb_status dnb_dnn_status(dnnl_status_t s, const char *what, dnb_err *err)
{
    if (s == dnnl_success)
        return DNB_OK;
    if (s == dnnl_out_of_memory)
        return dnb_fail(err, DNB_ENOMEM, "oneDNN: out of memory in %s; lower the batch size", what);
    /* "invalid arguments" is how some versions refuse a case they have no code for */
    if (s == dnnl_unimplemented || s == dnnl_invalid_arguments)
        return dnb_fail(err, DNB_EUNSUPPORTED, "oneDNN has no implementation for %s", what);
    return dnb_fail(err, DNB_EINTERNAL, "oneDNN: %s failed with status %d", what, (int)s);
}

dnb_status dnb_dnn_new(dnb_dnn **out, dnb_err *err)
{
    dnb_dnn *d = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(d, 1, "oneDNN engine");
    DNB_TRY(dnb_dnn_status(dnnl_engine_create(&d->engine, dnnl_cpu, 0), "creating an engine", err));
    DNB_TRY(dnb_dnn_status(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_in_order),
                           "creating a stream", err));
    *out = d;
    d = NULL;
done:
    dnb_dnn_free(d);
    return status;
}

void dnb_dnn_free(dnb_dnn *d)
{
    if (!d)
        return;
    if (d->stream)
        dnnl_stream_destroy(d->stream);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    dnb_free(d);
}

bool dnb_dnn_has_bf16(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    return ((unsigned)isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

void dnb_dims(dnnl_dim_t *out, int n, const size_t *in)
{
    for (int i = 0; i < n; i++)
        out[i] = (dnnl_dim_t)in[i];
}

dnnl_alg_kind_t dnb_alg_kind(dnb_prim_alg alg)
{
    switch (alg) {
    case DNB_ALG_RELU:
        return dnnl_eltwise_relu;
    case DNB_ALG_CLIP:
        return dnnl_eltwise_clip;
    case DNB_ALG_SIGMOID:
        return dnnl_eltwise_logistic;
    case DNB_ALG_TANH:
        return dnnl_eltwise_tanh;
    case DNB_ALG_ABS:
        return dnnl_eltwise_abs;
    case DNB_ALG_SQRT:
        return dnnl_eltwise_sqrt;
    case DNB_ALG_ROUND:
        return dnnl_eltwise_round;
    case DNB_ALG_HARDSWISH:
        return dnnl_eltwise_hardswish;
    case DNB_ALG_POW:
        return dnnl_eltwise_pow;
    case DNB_ALG_ADD:
        return dnnl_binary_add;
    case DNB_ALG_SUB:
        return dnnl_binary_sub;
    case DNB_ALG_MUL:
        return dnnl_binary_mul;
    case DNB_ALG_DIV:
        return dnnl_binary_div;
    default:
        return dnnl_alg_kind_undef;
    }
}

dnnl_alg_kind_t dnb_alg_kind_by_result(dnb_prim_alg alg)
{
    switch (alg) {
    case DNB_ALG_RELU:
        return dnnl_eltwise_relu_use_dst_for_bwd;
    case DNB_ALG_CLIP:
        return dnnl_eltwise_clip_v2_use_dst_for_bwd;
    case DNB_ALG_SIGMOID:
        return dnnl_eltwise_logistic_use_dst_for_bwd;
    case DNB_ALG_TANH:
        return dnnl_eltwise_tanh_use_dst_for_bwd;
    default:
        return dnnl_alg_kind_undef;
    }
}

dnnl_alg_kind_t dnb_pool_kind(dnb_prim_kind kind)
{
    return kind == DNB_PRIM_POOL_MAX   ? dnnl_pooling_max
           : kind == DNB_PRIM_POOL_AVG ? dnnl_pooling_avg_exclude_padding
                                       : dnnl_pooling_avg_include_padding;
}

dnb_md_ref dnb_md_or_null(const dnb_layout *l)
{
    return l ? DNB_MD(l) : NULL;
}

dnb_geometry dnb_read_geometry(const dnb_prim *p)
{
    dnb_geometry g = {.dilated = false};
    for (int i = 0; i < p->n_spatial; i++) {
        g.kernel[i] = (dnnl_dim_t)p->kernel[i];
        g.stride[i] = (dnnl_dim_t)p->stride[i];
        g.dilation[i] = (dnnl_dim_t)p->dilation[i] - 1;
        g.lo[i] = (dnnl_dim_t)p->pad_lo[i];
        g.hi[i] = (dnnl_dim_t)p->pad_hi[i];
        g.dilated = g.dilated || p->dilation[i] > 1;
    }
    return g;
}

dnnl_status_t dnb_attr_create(dnnl_primitive_attr_t *attr, const dnb_prim *p)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);
    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success && p->n_post > 0)
        s = dnnl_post_ops_create(&ops);
    for (int i = 0; s == dnnl_success && i < p->n_post; i++) {
        const dnb_prim_post *post = &p->post[i];
        s = post->sum ? dnb_append_sum(ops)
                      : dnb_append_eltwise(ops, dnb_alg_kind(post->alg), post->alpha, post->beta);
    }
    if (s == dnnl_success && ops)
        s = dnnl_primitive_attr_set_post_ops(*attr, ops);
    if (ops)
        dnnl_post_ops_destroy(ops);
    return s;
}

/* ---- weights as the primitive sees them
 * ---------------------------------------------------------- */

int dnb_prim_weights(const dnb_prim *p, const dnb_shape *weights, size_t dim[DNB_MAX_DIMS],
                     size_t step[DNB_MAX_DIMS])
{
    int n = 0;
    if (p->kind == DNB_PRIM_INNER) {
        int out = p->weights_kn ? 1 : 0;
        dim[0] = weights->dim[out];
        dim[1] = weights->dim[1 - out];
        step[0] = p->weights_kn ? 1 : weights->dim[1];
        step[1] = p->weights_kn ? weights->dim[1] : 1;
        dim[2] = dim[3] = step[2] = step[3] = 1;
        return 4;
    }
    /* a x b x kernel per group, where a x b is o x i, or i x o for DECONV */
    size_t a = weights->dim[0] / p->groups, b = weights->dim[1], volume = 1;
    for (int i = 2; i < weights->ndim; i++)
        volume *= weights->dim[i];
    if (p->groups > 1) {
        dim[n] = p->groups;
        step[n++] = a * b * volume;
    }
    bool swapped = p->kind == DNB_PRIM_DECONV || p->adjoint;
    dim[n] = swapped ? b : a;
    step[n++] = swapped ? volume : b * volume;
    dim[n] = swapped ? a : b;
    step[n++] = swapped ? b * volume : volume;
    for (int i = 2; i < weights->ndim; i++) {
        volume /= weights->dim[i];
        dim[n] = weights->dim[i];
        step[n++] = volume;
    }
    return n;
}

/* ---- primitives ---------------------------------------------------------------------------------
 */

void dnb_dnn_op_free(dnb_dnn_op *op)
{
    if (!op)
        return;
    for (size_t i = 0; op->args && i < op->n_args; i++) {
        dnb_layout_free(op->args[i].layout);
        if (op->args[i].memory)
            dnnl_memory_destroy(op->args[i].memory);
    }
    dnb_dnn_before_free(op);
    if (op->primitive)
        dnnl_primitive_destroy(op->primitive);
    if (op->pd)
        dnnl_primitive_desc_destroy(op->pd);
    dnb_layout_free(op->plain_src);
    dnb_layout_free(op->plain_dst);
    dnb_free(op->args);
    dnb_free(op->exec);
    dnb_free(op);
}

static dnb_op_arg *find_arg(const dnb_dnn_op *op, int arg)
{
    for (size_t i = 0; i < op->n_args; i++)
        if (op->args[i].arg == arg)
            return &op->args[i];
    return NULL;
}

const dnb_layout *dnb_dnn_op_layout(const dnb_dnn_op *op, int arg)
{
    const dnb_op_arg *a = find_arg(op, arg);
    if (op->plain_src && (arg == DNB_ARG_SRC || arg == DNB_ARG_DST))
        return arg == DNB_ARG_SRC ? op->plain_src : op->plain_dst;
    return a ? a->layout : NULL;
}

size_t dnb_dnn_op_scratch(const dnb_dnn_op *op)
{
    const dnb_layout *l = dnb_dnn_op_layout(op, DNB_ARG_SCRATCH);
    return op->before.pd ? op->before.bytes : l ? dnb_layout_bytes(l) : 0;
}

const char *dnb_dnn_op_name(const dnb_dnn_op *op)
{
    const char *name = NULL;
    dnnl_primitive_desc_query(op->pd, dnnl_query_impl_info_str, 0, &name);
    return name ? name : "";
}

/* Adds the argument if the chosen implementation has it (a descriptor of size > 0). */
dnb_status dnb_dnn_add_arg(dnb_dnn_op *op, int arg, int dnnl_arg, dnnl_query_t query, int index,
                           dnb_err *err)
{
    dnb_md_ref md = dnnl_primitive_desc_query_md(op->pd, query, index);
    if (!md || dnnl_memory_desc_get_size(md) == 0)
        return DNB_OK;
    dnb_op_arg *a = &op->args[op->n_args];
    dnb_status status = dnb_layout_from(&a->layout, md, err);
    if (status != DNB_OK)
        return status;
    a->arg = arg;
    a->dnnl_arg = dnnl_arg;
    op->n_args++;
    return DNB_OK;
}

/* Reads all arguments and their layouts from op->pd. */
static dnb_status collect_args(dnb_dnn_op *op, dnb_prim_kind kind, size_t n_src, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t room = n_src + 8;
    DNB_NEW(op->args, room, "primitive arguments");
    DNB_NEW(op->exec, room, "primitive arguments");
    for (size_t i = 0; i < n_src; i++) {
        int dnnl_arg = kind == DNB_PRIM_CONCAT   ? DNNL_ARG_MULTIPLE_SRC + (int)i
                       : kind == DNB_PRIM_BINARY ? (i ? DNNL_ARG_SRC_1 : DNNL_ARG_SRC_0)
                                                 : DNNL_ARG_SRC;
        DNB_TRY(
            dnb_dnn_add_arg(op, DNB_ARG_SRC + (int)i, dnnl_arg, dnnl_query_src_md, (int)i, err));
    }
    DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_DST, DNNL_ARG_DST, dnnl_query_dst_md, 0, err));
    DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_SCRATCH, DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0,
                            err));
    if (kind == DNB_PRIM_CONV || kind == DNB_PRIM_DECONV || kind == DNB_PRIM_INNER) {
        DNB_TRY(
            dnb_dnn_add_arg(op, DNB_ARG_WEIGHTS, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, err));
        DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_BIAS, DNNL_ARG_BIAS, dnnl_query_weights_md, 1, err));
    }
    if (kind == DNB_PRIM_BATCHNORM) {
        DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_MEAN, DNNL_ARG_MEAN, dnnl_query_src_md, 1, err));
        DNB_TRY(
            dnb_dnn_add_arg(op, DNB_ARG_VARIANCE, DNNL_ARG_VARIANCE, dnnl_query_src_md, 2, err));
        DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_SCALE, DNNL_ARG_SCALE, dnnl_query_weights_md, 0, err));
        DNB_TRY(dnb_dnn_add_arg(op, DNB_ARG_SHIFT, DNNL_ARG_SHIFT, dnnl_query_weights_md, 0, err));
    }
done:
    return status;
}

const char *dnb_prim_name(dnb_prim_kind kind)
{
    static const char *const names[] = {[DNB_PRIM_NONE] = "nothing",
                                        [DNB_PRIM_CONV] = "this convolution",
                                        [DNB_PRIM_DECONV] = "this transposed convolution",
                                        [DNB_PRIM_INNER] = "this matrix product",
                                        [DNB_PRIM_POOL_MAX] = "this max pooling",
                                        [DNB_PRIM_POOL_AVG] = "this average pooling",
                                        [DNB_PRIM_POOL_AVG_PADDED] = "this average pooling",
                                        [DNB_PRIM_LRN] = "this LRN",
                                        [DNB_PRIM_ELTWISE] = "this elementwise function",
                                        [DNB_PRIM_BINARY] = "this arithmetic",
                                        [DNB_PRIM_CONCAT] = "this concatenation",
                                        [DNB_PRIM_SOFTMAX] = "this softmax",
                                        [DNB_PRIM_BATCHNORM] = "this batch normalisation",
                                        [DNB_PRIM_CONV_INPUT_GRAD] = "this convolution's gradient",
                                        [DNB_PRIM_CONV_WEIGHT_GRAD] = "this convolution's gradient",
                                        [DNB_PRIM_POOL_MAX_GRAD] = "this max pooling's gradient",
                                        [DNB_PRIM_ELTWISE_GRAD] = "this function's gradient"};
    return names[kind];
}

/* ---- inner products ----
 * An inner product of n rows runs as a 1x1 convolution over one image, 1 pixel high and n wide,
 * channels last: the same memory as the n x k matrix. It is as fast as oneDNN's inner product (on
 * AVX2 machines much faster), and never splits a sum among threads, so results do not depend on
 * their number. */

static dnb_status rows_as_pixels(dnb_layout **out, dnb_dtype type, size_t rows, size_t columns,
                                 dnb_err *err)
{
    const size_t dim[4] = {1, columns, 1, rows};
    const size_t step[4] = {rows * columns, 1, rows * columns, columns};
    return dnb_layout_strided(out, type, 4, dim, step, err);
}

static dnb_prim inner_as_conv(const dnb_prim *p)
{
    dnb_prim c = *p;
    c.kind = DNB_PRIM_CONV;
    c.n_spatial = 2;
    c.groups = 1;
    for (int i = 0; i < 2; i++) {
        c.kernel[i] = c.stride[i] = c.dilation[i] = 1;
        c.pad_lo[i] = c.pad_hi[i] = 0;
    }
    return c;
}

/* The layouts dnb_pd_create needs: source (any for convolutions), weights, bias, destination. */
typedef struct request_layouts {
    dnb_layout *src, *weights, *bias, *dst;
} request_layouts;

static void request_release(request_layouts *r)
{
    dnb_layout_free(r->src);
    dnb_layout_free(r->weights);
    dnb_layout_free(r->bias);
    dnb_layout_free(r->dst);
}

static dnb_status request_init(request_layouts *r, const dnb_dnn_spec *s, dnb_err *err)
{
    dnb_prim_kind kind = s->prim->kind;
    dnb_status status = DNB_OK;
    size_t dim[DNB_MAX_DIMS], step[DNB_MAX_DIMS];
    if (kind == DNB_PRIM_CONV || kind == DNB_PRIM_DECONV || kind == DNB_PRIM_INNER) {
        int n = dnb_prim_weights(s->prim, &s->weights, dim, step);
        DNB_TRY(dnb_layout_any(&r->weights, s->in_type, n, dim, err));
        if (s->has_bias)
            DNB_TRY(dnb_layout_plain(&r->bias, DNB_F32, 1, &s->out.dim[1], err));
    }
    if (kind == DNB_PRIM_INNER) {
        DNB_TRY(rows_as_pixels(&r->src, s->in_type, s->in[0].dim[0], s->in[0].dim[1], err));
        DNB_TRY(rows_as_pixels(&r->dst, s->out_type, s->out.dim[0], s->out.dim[1], err));
        goto done;
    }
    if (kind == DNB_PRIM_CONV || kind == DNB_PRIM_DECONV)
        DNB_TRY(dnb_layout_any(&r->src, s->in_type, s->in[0].ndim, s->in[0].dim, err));
    DNB_TRY(dnb_layout_any(&r->dst, s->out_type, s->out.ndim, s->out.dim, err));
done:
    return status;
}

/* ---- which convolution ----
 * Asked for a 3x3 convolution oneDNN offers its direct method first, although Winograd's F(4x4,
 * 3x3) (Lavin & Gray 2016) takes a quarter of the multiplications: 2 to 3 times faster where
 * measured. Everything stays float32; against float64 the errors of AlexNet, VGG16, ResNet50 and
 * GoogLeNet are those of the direct method or less (2e-6 of a layer's largest value), the sums
 * being shorter. */
static bool winograd_fits(const dnb_dnn_spec *s)
{
    const dnb_prim *p = s->prim;
    bool fits = p->kind == DNB_PRIM_CONV && p->n_spatial == 2 && p->groups == 1 &&
                s->in_type == DNB_F32 && s->out_type == DNB_F32 && s->in[0].dim[1] >= 32 &&
                s->out.dim[1] >= 32;
    for (int i = 0; fits && i < 2; i++)
        fits = p->kernel[i] == 3 && p->stride[i] == 1 && p->dilation[i] == 1;
    return fits;
}

/* Two descriptors' code is of one kind for one instruction set ("jit:avx512_core" and
 * "brgconv:avx512_core"), so that neither is much slower. */
static bool same_class(dnnl_primitive_desc_t a, dnnl_primitive_desc_t b)
{
    const char *x = NULL, *y = NULL;
    dnnl_primitive_desc_query(a, dnnl_query_impl_info_str, 0, &x);
    dnnl_primitive_desc_query(b, dnnl_query_impl_info_str, 0, &y);
    x = x ? strchr(x, ':') : NULL;
    y = y ? strchr(y, ':') : NULL;
    return x && y && strcmp(x, y) == 0;
}

/* The convolution that reads its data as they are stored instead of *pd, if it is as good. */
static void prefer_stored(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const dnb_pd_request *r,
                          const dnb_layout *stored)
{
    dnnl_primitive_desc_t other = NULL;
    dnb_pd_request as_stored = *r;
    as_stored.src = &stored;
    if (dnnl_memory_desc_equal(dnnl_primitive_desc_query_md(*pd, dnnl_query_src_md, 0),
                               DNB_MD(stored)) ||
        dnb_pd_create(&other, engine, &as_stored) != dnnl_success)
        return;
    bool better = same_class(*pd, other);
    dnnl_primitive_desc_destroy(better ? *pd : other);
    if (better)
        *pd = other;
}

static dnnl_status_t choose_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnb_pd_request *r,
                               const dnb_dnn_spec *spec)
{
    r->winograd = winograd_fits(spec);
    if (r->winograd && dnb_pd_create(pd, engine, r) == dnnl_success)
        return dnnl_success;
    r->winograd = false;
    dnnl_status_t s = dnb_pd_create(pd, engine, r);
    if (s == dnnl_success && spec->prim->kind == DNB_PRIM_CONV && spec->stored)
        prefer_stored(pd, engine, r, spec->stored);
    return s;
}

dnb_status dnb_dnn_op_new(dnb_dnn_op **out, dnb_dnn *d, const dnb_dnn_spec *spec, dnb_err *err)
{
    dnb_dnn_op *op = NULL;
    request_layouts made = {0};
    dnb_status status = DNB_OK;
    if (spec->prim->kind >= DNB_PRIM_CONV_INPUT_GRAD)
        return dnb_dnn_backward_new(out, d, spec, err);
    DNB_TRY(request_init(&made, spec, err));
    const dnb_layout *own_src[1] = {made.src};
    bool inner = spec->prim->kind == DNB_PRIM_INNER;
    dnb_prim prim = inner ? inner_as_conv(spec->prim) : *spec->prim;
    dnb_pd_request r = {.prim = &prim,
                        .src = made.src ? own_src : spec->in_layout,
                        .n_src = spec->n_data,
                        .weights = made.weights,
                        .bias = made.bias,
                        .dst = made.dst};
    DNB_NEW(op, 1, "primitive");
    op->dnn = d;
    DNB_TRY(dnb_dnn_status(choose_pd(&op->pd, d->engine, &r, spec), dnb_prim_name(spec->prim->kind),
                           err));
    DNB_TRY(collect_args(op, spec->prim->kind, spec->n_data, err));
    if (inner) {
        DNB_TRY(dnb_layout_plain(&op->plain_src, spec->in_type, 2, spec->in[0].dim, err));
        DNB_TRY(dnb_layout_plain(&op->plain_dst, spec->out_type, 2, spec->out.dim, err));
    }
    *out = op;
    op = NULL;
done:
    request_release(&made);
    dnb_dnn_op_free(op);
    return status;
}

dnb_status dnb_dnn_reorder_new(dnb_dnn_op **out, dnb_dnn *d, const dnb_layout *from,
                               const dnb_layout *to, dnb_err *err)
{
    dnb_dnn_op *op = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(op, 1, "primitive");
    op->dnn = d;
    DNB_TRY(dnb_dnn_status(dnnl_reorder_primitive_desc_create(&op->pd, DNB_MD(from), d->engine,
                                                              DNB_MD(to), d->engine, NULL),
                           "a layout change", err));
    DNB_TRY(collect_args(op, DNB_PRIM_NONE, 1, err));
    *out = op;
    op = NULL;
done:
    dnb_dnn_op_free(op);
    return status;
}

dnb_status dnb_dnn_op_compile(dnb_dnn_op *op, dnb_err *err)
{
    dnnl_status_t s = dnnl_primitive_create(&op->primitive, op->pd);
    if (s == dnnl_success && op->before.pd)
        s = dnnl_primitive_create(&op->before.primitive, op->before.pd);
    return dnb_dnn_status(s, "code generation", err);
}

dnb_status dnb_dnn_op_bind(dnb_dnn_op *op, int arg, void *data, dnb_err *err)
{
    dnb_op_arg *a = find_arg(op, arg);
    dnb_status status = DNB_OK;
    if (op->before.pd)
        DNB_TRY(dnb_dnn_before_bind(op, arg, data, err));
    if (!a && op->before.pd && (arg == DNB_ARG_SCRATCH || arg == DNB_ARG_SRC))
        return DNB_OK; /* only the primitive before reads it */
    if (!a)
        return dnb_fail(err, DNB_EINTERNAL, "primitive has no argument %d", arg);
    if (a->memory)
        return dnb_dnn_status(dnnl_memory_set_data_handle(a->memory, data), "binding memory", err);
    DNB_TRY(dnb_dnn_status(dnnl_memory_create(&a->memory, DNB_MD(a->layout), op->dnn->engine, data),
                           "binding memory", err));
    op->exec[a - op->args] = (dnnl_exec_arg_t){a->dnnl_arg, a->memory};
done:
    return status;
}

dnb_status dnb_dnn_op_run(dnb_dnn_op *op, dnb_err *err)
{
    dnnl_status_t s = dnnl_success;
    if (op->before.pd)
        s = dnnl_primitive_execute(op->before.primitive, op->dnn->stream, (int)op->before.n_exec,
                                   op->before.exec);
    if (s == dnnl_success)
        s = dnnl_primitive_execute(op->primitive, op->dnn->stream,
                                   (int)op->n_args + (op->before.workspace ? 1 : 0), op->exec);
    if (s == dnnl_success)
        s = dnnl_stream_wait(op->dnn->stream);
    return dnb_dnn_status(s, "execution", err);
}
