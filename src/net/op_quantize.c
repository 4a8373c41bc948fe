/* QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear: y = saturate(round(x / scale) +
 * zero), halves to even. Division is in float32 where values are, as ONNX has it. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/op_families.h"
#include "net/op_quantize.h"
#include "net/op_util.h"

bool dnb_quant_range(dnb_dtype elem, double *lo, double *hi)
{
    *lo = elem == DNB_I8 ? -128 : 0;
    *hi = elem == DNB_I8 ? 127 : 255;
    return elem == DNB_I8 || elem == DNB_U8;
}

int64_t dnb_quant_clip(double x, double lo, double hi)
{
    return (int64_t)(!(x > lo) ? lo : x > hi ? hi : x);
}

/* ---- QuantizeLinear, DequantizeLinear -----------------------------------------------------------
 */

/* Number c of the scales belongs to element i where c = i / inner % channels. */
typedef struct quant_axis {
    size_t channels, inner;
} quant_axis;

/* One scale for all, or (since opset 13) one per index of attribute axis. */
static dnb_status read_axis(const dnb_node *n, int opset, const dnb_shape *x,
                            const dnb_shape *scale, quant_axis *q, dnb_err *err)
{
    int axis;
    dnb_status status = DNB_OK;
    *q = (quant_axis){1, 1};
    if (scale->ndim <= 1 && dnb_shape_count(scale) == 1)
        return DNB_OK;
    if (opset < 13)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): the scale is not one number", n->name,
                        n->op->name);
    DNB_TRY(dnb_op_axis_attr(n, "axis", 1, x->ndim, false, &axis, err));
    if (scale->ndim != 1 || scale->dim[0] != x->dim[axis])
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): needs %zu scales", n->name, n->op->name,
                        x->dim[axis]);
    q->channels = x->dim[axis];
    for (int i = axis + 1; i < x->ndim; i++)
        q->inner *= x->dim[i];
done:
    return status;
}

static const dnb_shape *zero_shape(const dnb_op_shapes *s)
{
    return s->node->n_inputs > 2 ? s->in[2] : NULL;
}

static dnb_status check_scales(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *scale = s->in[1], *zero = zero_shape(s);
    quant_axis q;
    if (!scale || scale->dtype != DNB_F32)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): the scale is not float", s->node->name,
                        s->node->op->name);
    if (zero && (zero->dtype != DNB_I64 || dnb_shape_count(zero) != dnb_shape_count(scale)))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): the zero point does not go with the scale",
                        s->node->name, s->node->op->name);
    return read_axis(s->node, s->opset, s->in[0], scale, &q, err);
}

static dnb_status quantize_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *zero = zero_shape(s);
    dnb_dtype to = zero ? dnb_elem(zero) : DNB_U8, from = dnb_elem(s->in[0]);
    double lo, hi;
    dnb_status status = DNB_OK;
    DNB_TRY(check_scales(s, err));
    if (!dnb_quant_range(to, &lo, &hi) || (s->in[0]->dtype == DNB_I64 && from != DNB_I32))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (QuantizeLinear): %s to %s is unsupported", s->node->name,
                        dnb_dtype_name(from), dnb_dtype_name(to));
    s->out[0] = *s->in[0];
    s->out[0].dtype = DNB_I64;
    s->out[0].elem = DNB_ELEM(to);
done:
    return status;
}

static double divide(double x, double scale, bool f64)
{
    return f64 ? x / scale : (double)((float)x / (float)scale);
}

static dnb_status quantize_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0], *scale = c->in[1];
    const dnb_array *zero = c->node->n_inputs > 2 ? c->in[2] : NULL;
    dnb_shape sx = dnb_shape_of(x), ss = dnb_shape_of(scale);
    quant_axis q;
    double lo, hi;
    int64_t *dst = c->out[0].data;
    dnb_status status = read_axis(c->node, c->opset, &sx, &ss, &q, err);
    if (status != DNB_OK)
        return status;
    dnb_quant_range(dnb_elem(c->out_shape), &lo, &hi);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < dnb_array_count(x); i++) {
        size_t ch = i / q.inner % q.channels;
        double y = divide(dnb_array_at(x, i), dnb_array_at(scale, ch), scale->dtype == DNB_F64);
        dst[i] = dnb_quant_clip(rint(y) + (zero ? dnb_array_at(zero, ch) : 0), lo, hi);
    }
    return DNB_OK;
}

static dnb_status dequantize_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_dtype from = dnb_elem(s->in[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(check_scales(s, err));
    if (from != DNB_U8 && from != DNB_I8 && from != DNB_I32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (DequantizeLinear): %s is unsupported",
                        s->node->name, dnb_dtype_name(from));
    s->out[0] = *s->in[0];
    s->out[0].dtype = DNB_F32;
    s->out[0].elem = s->in[1]->elem;
done:
    return status;
}

static dnb_status dequantize_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0], *scale = c->in[1];
    const dnb_array *zero = c->node->n_inputs > 2 ? c->in[2] : NULL;
    const int64_t *from = x->data;
    dnb_shape sx = dnb_shape_of(x), ss = dnb_shape_of(scale);
    float *f = c->out[0].dtype == DNB_F32 ? c->out[0].data : NULL;
    double *d = c->out[0].dtype == DNB_F64 ? c->out[0].data : NULL;
    quant_axis q;
    dnb_status status = read_axis(c->node, c->opset, &sx, &ss, &q, err);
    if (status != DNB_OK)
        return status;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < dnb_array_count(x); i++) {
        size_t ch = i / q.inner % q.channels;
        double y =
            ((double)from[i] - (zero ? dnb_array_at(zero, ch) : 0)) * dnb_array_at(scale, ch);
        if (f)
            f[i] = (float)y;
        else
            d[i] = y;
    }
    return DNB_OK;
}

const dnb_op dnb_op_quantize_linear = {.name = "QuantizeLinear",
                                       .min_in = 2,
                                       .max_in = 3,
                                       .max_out = 1,
                                       .shape = quantize_shape,
                                       .run = quantize_run};

const dnb_op dnb_op_dequantize_linear = {.name = "DequantizeLinear",
                                         .min_in = 2,
                                         .max_in = 3,
                                         .max_out = 1,
                                         .shape = dequantize_shape,
                                         .run = dequantize_run};

/* ---- DynamicQuantizeLinear ----------------------------------------------------------------------
 */

static dnb_status dynamic_shape(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[0]->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): integers are unsupported",
                        s->node->name, s->node->op->name);
    s->out[0] = *s->in[0];
    for (size_t o = 0; o < s->node->n_outputs; o += 2) {
        s->out[o].dtype = DNB_I64;
        s->out[o].elem = DNB_ELEM(DNB_U8);
    }
    return DNB_OK;
}

/* Scale and zero point such that 0 and all of x fit 0..255. */
static dnb_status dynamic_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    const bool f64 = x->dtype == DNB_F64;
    double top = 0, low = 0;
    int64_t *dst = c->out[0].data;
    (void)err;
    for (size_t i = 0; i < dnb_array_count(x); i++) {
        top = fmax(top, dnb_array_at(x, i));
        low = fmin(low, dnb_array_at(x, i));
    }
    double span = f64 ? top - low : (double)((float)top - (float)low);
    double scale = span > 0 ? divide(span, 255, f64) : 1;
    int64_t zero = dnb_quant_clip(rint(divide(-low, scale, f64)), 0, 255);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < dnb_array_count(x); i++)
        dst[i] =
            dnb_quant_clip(rint(divide(dnb_array_at(x, i), scale, f64)) + (double)zero, 0, 255);
    if (c->node->n_outputs > 1 && f64)
        *(double *)c->out[1].data = scale;
    else if (c->node->n_outputs > 1)
        *(float *)c->out[1].data = (float)scale;
    if (c->node->n_outputs > 2)
        *(int64_t *)c->out[2].data = zero;
    return DNB_OK;
}

const dnb_op dnb_op_dynamic_quantize_linear = {.name = "DynamicQuantizeLinear",
                                               .min_in = 1,
                                               .max_in = 1,
                                               .max_out = 3,
                                               .shape = dynamic_shape,
                                               .run = dynamic_run};
