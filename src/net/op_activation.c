/* Activations: functions of one number with up to two parameters, Clip, PRelu, Hardmax. A plain
 * activation is one line in the kernel header and one here. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/grad_util.h"
#include "net/op_families.h"

#define SQRT_HALF 0.70710678118654752440
#define SQRT_TWO_OVER_PI 0.79788456080286535588

static double pin(double x, double lo, double hi)
{
    x = x < lo ? lo : x;
    return x > hi ? hi : x;
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double celu(double x, double alpha)
{
    double bent = alpha * expm1(x / alpha);
    return isnan(x) ? x : (x > 0 ? x : 0) + (bent < 0 ? bent : 0);
}

#define DNB_KERNELS "net/op_activation_kernel.h"
#include "net/each_real.h"

/* ---- plain activations --------------------------------------------------------------------------
 */

/* Attributes that become p[0] and p[1] of the kernel; a NULL name is none. */
typedef struct parameters {
    const char *name[2];
    double fallback[2];
} parameters;

static dnb_status read_parameters(const dnb_node *n, const parameters *d, double p[2], dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (int i = 0; i < 2; i++) {
        p[i] = d->fallback[i];
        if (d->name[i])
            DNB_TRY(dnb_node_float(n, d->name[i], d->fallback[i], &p[i], err));
    }
done:
    return status;
}

static dnb_status activate(const dnb_op_call *c, const dnb_rows *rows, const parameters *d,
                           dnb_err *err)
{
    double p[2];
    dnb_status status = read_parameters(c->node, d, p, err);
    return status == DNB_OK ? dnb_rows_run(c, 1, rows, p, err) : status;
}

static dnb_status lower(const dnb_op_shapes *s, dnb_prim *prim, dnb_prim_alg alg,
                        const parameters *d, dnb_err *err)
{
    double p[2];
    dnb_status status = read_parameters(s->node, d, p, err);
    return status == DNB_OK ? dnb_lower_eltwise(s, prim, alg, p[0], p[1]) : status;
}

#define RUN(id, i64, u64, params)                                                                  \
    static dnb_status id##_run(const dnb_op_call *c, dnb_err *err)                                 \
    {                                                                                              \
        static const dnb_rows rows = {id##_row_f32, id##_row_f64, i64, u64};                       \
        return activate(c, &rows, params, err);                                                    \
    }
#define LOWER(id, alg, params)                                                                     \
    static dnb_status id##_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)                \
    {                                                                                              \
        return lower(s, p, alg, params, err);                                                      \
    }
#define ACTIVATION(id, nm, params, gradient)                                                       \
    RUN(id, NULL, NULL, params)                                                                    \
    DNB_OP_RECORD_GRAD(id, nm, 1, 1, dnb_same_float_shape, id##_run, NULL, gradient)
#define LOWERED(id, nm, params, alg, gradient)                                                     \
    RUN(id, NULL, NULL, params)                                                                    \
    LOWER(id, alg, params)                                                                         \
    DNB_OP_RECORD_GRAD(id, nm, 1, 1, dnb_same_float_shape, id##_run, id##_lower, gradient)

/* The rule of an activation that slope.h has, with the same parameters. */
static dnb_status slope_grad(const dnb_op_grads *r, const parameters *d, dnb_err *err)
{
    double p[2];
    dnb_status status = read_parameters(&r->node, d, p, err);
    return status == DNB_OK ? dnb_grad_slope(r, p[0], p[1], err) : status;
}

#define SLOPE(id, params)                                                                          \
    static dnb_status id##_grad(const dnb_op_grads *r, dnb_err *err)                               \
    {                                                                                              \
        return slope_grad(r, params, err);                                                         \
    }
#define SLOPED(id, nm, params)                                                                     \
    SLOPE(id, params)                                                                              \
    ACTIVATION(id, nm, params, id##_grad)

static const parameters none = {0}, leaky = {{"alpha", NULL}, {0.01, 0}},
                        one = {{"alpha", NULL}, {1, 0}}, slope = {{"alpha", "beta"}, {0.2, 0.5}},
                        sixth = {{NULL, NULL}, {1.0 / 6, 0.5}},
                        shrinking = {{"lambd", "bias"}, {0.5, 0}};

LOWERED(leaky_relu, "LeakyRelu", &leaky, DNB_ALG_RELU, dnb_grad_leaky_relu);
LOWERED(sigmoid, "Sigmoid", &none, DNB_ALG_SIGMOID, dnb_grad_sigmoid);
LOWERED(tanh, "Tanh", &none, DNB_ALG_TANH, dnb_grad_tanh);
LOWERED(hard_swish, "HardSwish", &sixth, DNB_ALG_HARDSWISH, dnb_grad_function);
SLOPED(elu, "Elu", &one);
SLOPED(celu, "Celu", &one);
ACTIVATION(hard_sigmoid, "HardSigmoid", &slope, dnb_grad_hard_sigmoid);
SLOPED(mish, "Mish", &none);
ACTIVATION(softplus, "Softplus", &none, dnb_grad_softplus);
SLOPED(softsign, "Softsign", &none);
SLOPED(thresholded_relu, "ThresholdedRelu", &one);

/* Selu's constants gained digits in operator set 6. */
static const parameters *selu_parameters(int opset)
{
    static const parameters early = {{"alpha", "gamma"}, {1.6732, 1.0507}},
                            now = {{"alpha", "gamma"},
                                   {1.67326319217681884765625, 1.05070102214813232421875}};
    return opset < 6 ? &early : &now;
}

static dnb_status selu_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {selu_row_f32, selu_row_f64, NULL, NULL};
    return activate(c, &rows, selu_parameters(c->opset), err);
}

static dnb_status selu_grad(const dnb_op_grads *r, dnb_err *err)
{
    return slope_grad(r, selu_parameters(dnb_graph_opset(r->graph)), err);
}

DNB_OP_RECORD_GRAD(selu, "Selu", 1, 1, dnb_same_float_shape, selu_run, NULL, selu_grad);

/* 0 = by the error function, 1 = by the hyperbolic tangent. */
static dnb_status gelu_kind(const dnb_node *n, int *kind, dnb_err *err)
{
    const char *name = NULL;
    dnb_status status = dnb_node_string(n, "approximate", &name, err);
    if (status != DNB_OK)
        return status;
    *kind = name && strcmp(name, "tanh") == 0;
    if (name && !*kind && strcmp(name, "none") != 0)
        return dnb_fail(err, DNB_EARG, "node '%s' (Gelu): approximate '%.40s' is unknown", n->name,
                        name);
    return DNB_OK;
}

static dnb_status gelu_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int kind;
    dnb_status status = gelu_kind(s->node, &kind, err);
    return status == DNB_OK ? dnb_same_float_shape(s, err) : status;
}

static dnb_status gelu_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows[2] = {{gelu_row_f32, gelu_row_f64, NULL, NULL},
                                     {gelu_tanh_row_f32, gelu_tanh_row_f64, NULL, NULL}};
    int kind;
    dnb_status status = gelu_kind(c->node, &kind, err);
    return status == DNB_OK ? dnb_rows_run(c, 1, &rows[kind], NULL, err) : status;
}

static dnb_status gelu_grad(const dnb_op_grads *r, dnb_err *err)
{
    int kind = 0;
    dnb_status status = gelu_kind(&r->node, &kind, err);
    return status == DNB_OK ? dnb_grad_slope(r, kind, 0, err) : status;
}

DNB_OP_RECORD_GRAD(gelu, "Gelu", 1, 1, gelu_shape, gelu_run, NULL, gelu_grad);

/* ---- integers too: Relu, Shrink -----------------------------------------------------------------
 */

DNB_UNARY_ROW(relu_row_i64, int64_t, int64_t, int64_t, x < 0 ? 0 : x)
DNB_UNARY_ROW(relu_row_u64, uint64_t, uint64_t, uint64_t, x)

RUN(relu, relu_row_i64, relu_row_u64, &none)
LOWER(relu, DNB_ALG_RELU, &none)
DNB_OP_RECORD_GRAD(relu, "Relu", 1, 1, dnb_same_shape, relu_run, relu_lower, dnb_grad_relu);

/* x plus or minus the bias, exactly where the bias is whole. */
static int64_t shifted(int64_t x, double by)
{
    return rint(by) == by && fabs(by) < 0x1p62 ? (int64_t)((uint64_t)x + (uint64_t)(int64_t)by)
                                               : dnb_to_i64((double)x + by);
}

static int64_t shrink(int64_t x, const double *p)
{
    return (double)x < -p[0] ? shifted(x, p[1]) : (double)x > p[0] ? shifted(x, -p[1]) : 0;
}

DNB_UNARY_ROW(shrink_row_i64, int64_t, int64_t, int64_t, shrink(x, p))
DNB_UNARY_ROW(shrink_row_u64, int64_t, uint64_t, uint64_t,
              (double)x > p[0] ? shifted((int64_t)x, -p[1]) : 0)

RUN(shrink, shrink_row_i64, shrink_row_u64, &shrinking)
SLOPE(shrink, &shrinking)
DNB_OP_RECORD_GRAD(shrink, "Shrink", 1, 1, dnb_same_shape, shrink_run, NULL, shrink_grad);

/* ---- Clip: bounds are attributes (before opset 11) or optional inputs
 * ---------------------------- */

static dnb_status clip_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 1; i < s->node->n_inputs; i++) {
        if (!s->in[i])
            continue;
        if (dnb_shape_count(s->in[i]) != 1)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Clip): bound %zu is not one number",
                            s->node->name, i);
        DNB_TRY(dnb_check_class(s, i, s->in[0]->dtype, err));
    }
    DNB_TRY(dnb_same_shape(s, err));
done:
    return status;
}

static void clip_integers(const dnb_op_call *c)
{
    const dnb_array *lo = c->node->n_inputs > 1 ? c->in[1] : NULL;
    const dnb_array *hi = c->node->n_inputs > 2 ? c->in[2] : NULL;
    const int64_t *src = c->in[0]->data;
    int64_t *dst = c->out[0].data;
    /* Unsigned numbers compare like signed ones once their top bits are turned. */
    uint64_t turn = dnb_is_u64(c->in_shape[0]) ? (uint64_t)1 << 63 : 0;
    int64_t a = lo ? (int64_t)(*(const uint64_t *)lo->data ^ turn) : INT64_MIN;
    int64_t b = hi ? (int64_t)(*(const uint64_t *)hi->data ^ turn) : INT64_MAX;
    for (size_t i = 0, n = dnb_array_count(&c->out[0]); i < n; i++) {
        int64_t x = (int64_t)((uint64_t)src[i] ^ turn);
        x = x < a ? a : x;
        x = x > b ? b : x;
        dst[i] = (int64_t)((uint64_t)x ^ turn);
    }
}

static dnb_status clip_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {clip_row_f32, clip_row_f64, NULL, NULL};
    double bound[2];
    if (c->out[0].dtype == DNB_I64) {
        clip_integers(c);
        return DNB_OK;
    }
    dnb_status status = dnb_clip_bounds(c, 1, bound, err);
    return status == DNB_OK ? dnb_rows_run(c, 1, &rows, bound, err) : status;
}

static dnb_status clip_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    double bound[2];
    bool known;
    dnb_status status = dnb_clip_known(s, 1, bound, &known, err);
    return status == DNB_OK && known ? dnb_lower_eltwise(s, p, DNB_ALG_CLIP, bound[0], bound[1])
                                     : status;
}

DNB_OP_RECORD_GRAD(clip, "Clip", 1, 3, clip_shape, clip_run, clip_lower, dnb_grad_clip);

/* ---- PRelu --------------------------------------------------------------------------------------
 */

/* Before operator set 7 a slope per channel lies along dimension 1. */
static int slope_ndim(int opset, int x_ndim, int slope_ndim_given, size_t slope_count)
{
    return opset < 7 && slope_ndim_given == 1 && slope_count > 1 && x_ndim > 1 ? x_ndim - 1
                                                                               : slope_ndim_given;
}

static dnb_status prelu_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    dnb_shape b = *s->in[1];
    char left[128], right[128];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_check_class(s, 1, x->dtype, err));
    int ndim = slope_ndim(s->opset, x->ndim, b.ndim, dnb_shape_count(&b));
    for (int d = b.ndim; d < ndim; d++)
        b.dim[d] = 1;
    b.ndim = ndim;
    DNB_TRY(dnb_op_broadcast(s->node, x, &b, &s->out[0], err));
    if (!dnb_shape_equal(&s->out[0], x))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (PRelu): a slope of %s does not fit %s",
                        s->node->name, dnb_shape_text(s->in[1], left, sizeof left),
                        dnb_shape_text(x, right, sizeof right));
done:
    return status;
}

DNB_BINARY_ROW(prelu_row_i64, int64_t, int64_t, int64_t,
               a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a)
DNB_BINARY_ROW(prelu_row_u64, uint64_t, uint64_t, uint64_t, ((void)b, a))

static dnb_status prelu_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {prelu_row_f32, prelu_row_f64, prelu_row_i64, prelu_row_u64};
    dnb_array b = *c->in[1];
    const dnb_array *in[2] = {c->in[0], &b};
    (void)err;
    b.ndim = slope_ndim(c->opset, c->in[0]->ndim, b.ndim, dnb_array_count(&b));
    for (int d = c->in[1]->ndim; d < b.ndim; d++)
        b.shape[d] = 1;
    dnb_broadcast_rows(&c->out[0], in, 2, dnb_rows_pick(&rows, c->in[0], c->in_shape[0]), NULL);
    return DNB_OK;
}

/* dy where x >= 0, else dy times the slope; dy x where x < 0, summed to the slope. */
static dnb_status prelu_grad(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value dy = r->out_grads[0], x = r->node.inputs[0], factor = r->node.inputs[1], zero, below;
    dnb_value shaped = factor, v;
    const dnb_shape *b = &r->shape[factor];
    const int64_t after[DNB_MAX_DIMS] = {1, 2, 3, 4, 5, 6, 7};
    int ndim = slope_ndim(dnb_graph_opset(r->graph), r->shape[x].ndim, b->ndim, dnb_shape_count(b));
    const dnb_attr axes[] = {
        {.name = "axes", .kind = DNB_ATTR_INTS, .ints = after, .n = (size_t)(ndim - b->ndim)}};
    dnb_status status = DNB_OK;
    if (ndim > b->ndim)
        DNB_TRY(dnb_grad_node(r, "Unsqueeze", &factor, 1, axes, 1, &shaped, err));
    DNB_TRY(dnb_grad_number(r, 0, &zero, err));
    DNB_TRY(dnb_grad_apply(r, "Less", x, zero, &below, err));
    if (r->wanted[0]) {
        DNB_TRY(dnb_grad_apply(r, "Mul", dy, shaped, &v, err));
        DNB_TRY(dnb_grad_where(r, below, v, dy, &r->in_grads[0], err));
    }
    if (r->wanted[1]) {
        DNB_TRY(dnb_grad_apply(r, "Mul", dy, x, &v, err));
        DNB_TRY(dnb_grad_where(r, below, v, zero, &v, err));
        DNB_TRY(dnb_grad_to_shape(r, "dnb.SumTo", v, shaped, &v, err));
        DNB_TRY(dnb_grad_to_shape(r, "dnb.ReshapeTo", v, factor, &r->in_grads[1], err));
    }
done:
    return status;
}

DNB_OP_RECORD_GRAD(prelu, "PRelu", 2, 2, prelu_shape, prelu_run, NULL, prelu_grad);

/* ---- Hardmax ------------------------------------------------------------------------------------
 */

/* As for Softmax: since opset 13 over one axis (default the last), before over everything from the
 * axis (default 1) on. */
static dnb_status hardmax_axis(const dnb_node *n, int opset, int ndim, int *axis, dnb_err *err)
{
    if (ndim == 0)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (Hardmax): input is a scalar", n->name);
    return dnb_op_axis_attr(n, "axis", opset < 13 ? 1 : -1, ndim, opset < 13, axis, err);
}

static dnb_status hardmax_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int axis;
    dnb_status status = hardmax_axis(s->node, s->opset, s->in[0]->ndim, &axis, err);
    return status == DNB_OK ? dnb_same_float_shape(s, err) : status;
}

static dnb_status hardmax_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    size_t outer = 1, size = 1, step = 1;
    int axis;
    dnb_status status = hardmax_axis(c->node, c->opset, x->ndim, &axis, err);
    if (status != DNB_OK)
        return status;
    for (int i = 0; i < x->ndim; i++)
        *(i < axis ? &outer : i == axis || c->opset < 13 ? &size : &step) *= x->shape[i];
    if (size > 0) /* else there is no largest number, and no result */
        DNB_BY_TYPE(c, hardmax, c, outer, size, step);
    return DNB_OK;
}

DNB_OP_RECORD_GRAD(hardmax, "Hardmax", 1, 1, hardmax_shape, hardmax_run, NULL, dnb_grad_zero);
