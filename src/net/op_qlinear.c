/* MatMulInteger, QLinearMatMul, ConvInteger and QLinearConv: products of 8-bit numbers less their
 * zero points, as int32 or scaled back to 8 bits. The sums are computed in double, exactly. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/op_integer.h"
#include "net/op_families.h"
#include "net/op_quantize.h"
#include "net/op_util.h"

/* An operator's inputs by meaning; -1 = it has none of these. */
typedef struct qlinear_inputs {
    int a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
    bool conv;
} qlinear_inputs;

static const qlinear_inputs matmul_integer = {0, -1, 2, 1, -1, 3, -1, -1, -1, false};
static const qlinear_inputs qlinear_matmul = {0, 1, 2, 3, 4, 5, 6, 7, -1, false};
static const qlinear_inputs conv_integer = {0, -1, 2, 1, -1, 3, -1, -1, -1, true};
static const qlinear_inputs qlinear_conv = {0, 1, 2, 3, 4, 5, 6, 7, 8, true};

/* ---- parameters: one number, one per row, column or channel, or an array that broadcasts --------
 */

/* Element steps of parameter p over an array of shape `over`, whose dimension `axis` a vector goes
 * along (-1 = none may). False where it does not fit. */
static bool param_steps(const dnb_shape *p, const dnb_shape *over, int axis,
                        size_t step[DNB_MAX_DIMS])
{
    size_t run = 1;
    for (int d = 0; d < DNB_MAX_DIMS; d++)
        step[d] = 0;
    if (dnb_shape_count(p) == 1)
        return true;
    if (axis < 0)
        return false;
    if (p->ndim == 1) {
        step[axis] = 1;
        return p->dim[0] == over->dim[axis];
    }
    if (p->ndim > over->ndim)
        return false;
    for (int d = over->ndim - 1, i = p->ndim - 1; i >= 0; d--, i--) {
        if (p->dim[i] != 1 && p->dim[i] != over->dim[d])
            return false;
        step[d] = p->dim[i] == 1 ? 0 : run;
        run *= p->dim[i];
    }
    return true;
}

static size_t param_at(size_t i, const size_t *dim, int ndim, const size_t step[DNB_MAX_DIMS])
{
    size_t at = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        at += i % dim[d] * step[d];
        i /= dim[d];
    }
    return at;
}

/* Which dimension a vector of parameters goes along: rows of a, columns of b, output channels. */
static int axis_of(const qlinear_inputs *q, bool second, int ndim)
{
    if (q->conv)
        return second ? 0 : -1;
    return ndim < 2 ? -1 : second ? ndim - 1 : ndim - 2;
}

/* The same for parameters over the result; with vectors as operands there is nothing to go along.
 */
static int out_axis_of(const qlinear_inputs *q, bool second, const dnb_shape *a, const dnb_shape *b,
                       int ndim)
{
    if (q->conv)
        return second ? 1 : -1;
    return a->ndim < 2 || b->ndim < 2 ? -1 : second ? ndim - 1 : ndim - 2;
}

static const dnb_shape *shape_at(const dnb_op_shapes *s, int i)
{
    return i >= 0 && (size_t)i < s->node->n_inputs ? s->in[i] : NULL;
}

static const dnb_array *array_at(const dnb_op_call *c, int i)
{
    return i >= 0 && (size_t)i < c->node->n_inputs ? c->in[i] : NULL;
}

/* ---- shape rules --------------------------------------------------------------------------------
 */

static dnb_status check_param(const dnb_op_shapes *s, int i, dnb_dtype class, const dnb_shape *over,
                              int axis, dnb_err *err)
{
    const dnb_shape *p = shape_at(s, i);
    size_t step[DNB_MAX_DIMS];
    if (!p || (p->dtype == class && param_steps(p, over, axis, step)))
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %d does not fit", s->node->name,
                    s->node->op->name, i);
}

static dnb_status check_operand(const dnb_op_shapes *s, int i, dnb_err *err)
{
    const dnb_shape *x = shape_at(s, i);
    double lo, hi;
    if (x && x->dtype == DNB_I64 && dnb_quant_range(dnb_elem(x), &lo, &hi))
        return DNB_OK;
    return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): input %d of %s is unsupported",
                    s->node->name, s->node->op->name, i,
                    x ? dnb_dtype_name(dnb_elem(x)) : "nothing");
}

static dnb_status qlinear_shape(const dnb_op_shapes *s, const qlinear_inputs *q, dnb_err *err)
{
    const dnb_shape *a = shape_at(s, q->a), *b = shape_at(s, q->b), *zero = shape_at(s, q->y_zero);
    dnb_shape out = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(check_operand(s, q->a, err));
    DNB_TRY(check_operand(s, q->b, err));
    DNB_TRY(q->conv ? dnb_conv_infer(s->node, a, b, shape_at(s, q->bias), &out, err)
                    : dnb_matmul_infer(s->node, a, b, &out, err));
    int rows = out_axis_of(q, false, a, b, out.ndim),
        columns = out_axis_of(q, true, a, b, out.ndim);
    DNB_TRY(check_param(s, q->a_zero, DNB_I64, a, axis_of(q, false, a->ndim), err));
    DNB_TRY(check_param(s, q->b_zero, DNB_I64, b, axis_of(q, true, b->ndim), err));
    DNB_TRY(check_param(s, q->a_scale, DNB_F32, &out, rows, err));
    DNB_TRY(check_param(s, q->b_scale, DNB_F32, &out, columns, err));
    DNB_TRY(check_param(s, q->y_scale, DNB_F32, &out, rows, err));
    DNB_TRY(check_param(s, q->y_zero, DNB_I64, &out, rows, err));
    out.elem = DNB_ELEM(DNB_I32);
    if (q->y_zero >= 0) {
        DNB_TRY(check_operand(s, q->y_zero, err));
        out.elem = zero->elem;
    }
    out.dtype = DNB_I64;
    s->out[0] = out;
done:
    return status;
}

/* ---- kernels ------------------------------------------------------------------------------------
 */

/* x less its zero point, in double. */
static dnb_status centred(dnb_array *out, const dnb_array *x, const dnb_array *zero, int axis,
                          dnb_err *err)
{
    size_t step[DNB_MAX_DIMS];
    dnb_shape sx = dnb_shape_of(x), sz;
    dnb_status status = dnb_array_convert(out, x, DNB_F64, err);
    if (status != DNB_OK || !zero)
        return status;
    sz = dnb_shape_of(zero);
    if (!param_steps(&sz, &sx, axis, step))
        return dnb_fail(err, DNB_ESHAPE, "a zero point does not fit its operand");
    double *to = out->data;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < dnb_array_count(x); i++)
        to[i] -= dnb_array_at(zero, param_at(i, x->shape, x->ndim, step));
    return DNB_OK;
}

typedef struct rescale {
    const dnb_array *a_scale, *b_scale, *y_scale, *y_zero;
    size_t a_step[DNB_MAX_DIMS], b_step[DNB_MAX_DIMS], y_step[DNB_MAX_DIMS],
        zero_step[DNB_MAX_DIMS];
} rescale;

static void rescale_prepare(rescale *r, const dnb_op_call *c, const qlinear_inputs *q)
{
    dnb_shape a = dnb_shape_of(c->in[q->a]), b = dnb_shape_of(c->in[q->b]);
    dnb_shape out = dnb_shape_of(&c->out[0]), p;
    int rows = out_axis_of(q, false, &a, &b, out.ndim),
        columns = out_axis_of(q, true, &a, &b, out.ndim);
    r->a_scale = array_at(c, q->a_scale);
    r->b_scale = array_at(c, q->b_scale);
    r->y_scale = array_at(c, q->y_scale);
    r->y_zero = array_at(c, q->y_zero);
    p = dnb_shape_of(r->a_scale);
    param_steps(&p, &out, rows, r->a_step);
    p = dnb_shape_of(r->b_scale);
    param_steps(&p, &out, columns, r->b_step);
    p = dnb_shape_of(r->y_scale);
    param_steps(&p, &out, rows, r->y_step);
    p = dnb_shape_of(r->y_zero);
    param_steps(&p, &out, rows, r->zero_step);
}

/* Sums to the result's own 8 bits: round(sum * a_scale * b_scale / y_scale) + y_zero. */
static void rescale_run(const rescale *r, const dnb_array *sum, const dnb_array *out,
                        dnb_dtype elem)
{
    const double *from = sum->data;
    int64_t *to = out->data;
    double lo, hi;
    dnb_quant_range(elem, &lo, &hi);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < dnb_array_count(out); i++) {
        const size_t *dim = out->shape;
        double factor = dnb_array_at(r->a_scale, param_at(i, dim, out->ndim, r->a_step)) *
                        dnb_array_at(r->b_scale, param_at(i, dim, out->ndim, r->b_step)) /
                        dnb_array_at(r->y_scale, param_at(i, dim, out->ndim, r->y_step));
        double zero = dnb_array_at(r->y_zero, param_at(i, dim, out->ndim, r->zero_step));
        to[i] = dnb_quant_clip(rint(from[i] * factor) + zero, lo, hi);
    }
}

static dnb_status qlinear_run(const dnb_op_call *c, const qlinear_inputs *q, dnb_err *err)
{
    dnb_array a = {0}, b = {0}, bias = {0}, sum = {0}, *out = &c->out[0];
    const dnb_array *given_bias = array_at(c, q->bias);
    rescale r;
    dnb_status status = DNB_OK;
    DNB_TRY(centred(&a, c->in[q->a], array_at(c, q->a_zero), axis_of(q, false, c->in[q->a]->ndim),
                    err));
    DNB_TRY(
        centred(&b, c->in[q->b], array_at(c, q->b_zero), axis_of(q, true, c->in[q->b]->ndim), err));
    if (given_bias)
        DNB_TRY(dnb_array_convert(&bias, given_bias, DNB_F64, err));
    DNB_TRY(dnb_array_init(&sum, DNB_F64, out->ndim, out->shape, err));
    const dnb_array *in[3] = {&a, &b, given_bias ? &bias : NULL};
    DNB_TRY(q->conv ? dnb_conv_double(c->node, in, &sum, err)
                    : dnb_matmul_double(c->node, in, &sum, err));
    if (q->y_zero >= 0) {
        rescale_prepare(&r, c, q);
        rescale_run(&r, &sum, out, dnb_elem(c->out_shape));
    } else {
        for (size_t i = 0; i < dnb_array_count(out); i++)
            ((int64_t *)out->data)[i] = (int64_t)((const double *)sum.data)[i];
    }
done:
    dnb_array_release(&a);
    dnb_array_release(&b);
    dnb_array_release(&bias);
    dnb_array_release(&sum);
    return status;
}

#define QLINEAR(inputs)                                                                            \
    static dnb_status inputs##_shape(const dnb_op_shapes *s, dnb_err *err)                         \
    {                                                                                              \
        return qlinear_shape(s, &inputs, err);                                                     \
    }                                                                                              \
    static dnb_status inputs##_run(const dnb_op_call *c, dnb_err *err)                             \
    {                                                                                              \
        return qlinear_run(c, &inputs, err);                                                       \
    }

QLINEAR(matmul_integer)
QLINEAR(qlinear_matmul)
QLINEAR(conv_integer)
QLINEAR(qlinear_conv)

const dnb_op dnb_op_matmul_integer = {.name = "MatMulInteger",
                                      .min_in = 2,
                                      .max_in = 4,
                                      .max_out = 1,
                                      .shape = matmul_integer_shape,
                                      .run = matmul_integer_run};

const dnb_op dnb_op_qlinear_matmul = {.name = "QLinearMatMul",
                                      .min_in = 8,
                                      .max_in = 8,
                                      .max_out = 1,
                                      .shape = qlinear_matmul_shape,
                                      .run = qlinear_matmul_run};

const dnb_op dnb_op_conv_integer = {.name = "ConvInteger",
                                    .min_in = 2,
                                    .max_in = 4,
                                    .max_out = 1,
                                    .shape = conv_integer_shape,
                                    .run = conv_integer_run};

const dnb_op dnb_op_qlinear_conv = {.name = "QLinearConv",
                                    .min_in = 8,
                                    .max_in = 9,
                                    .max_out = 1,
                                    .shape = qlinear_conv_shape,
                                    .run = qlinear_conv_run};
