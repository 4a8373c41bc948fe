/* Operators that make values from sizes and indices: ConstantOfShape, EyeLike, Range, OneHot. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_SIZE ((int64_t)1 << 31)

/* dst[0..n) = the number x, in dst's type. */
static void fill(const dnb_array *dst, const void *x)
{
    size_t size = dnb_dtype_size(dst->dtype);
    for (size_t i = 0, n = dnb_array_count(dst); i < n; i++)
        memcpy((char *)dst->data + i * size, x, size);
}

/* ---- ConstantOfShape ----------------------------------------------------------------------------
 */

static dnb_status constant_of_shape_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_attr *value = dnb_node_attr(s->node, "value");
    const int64_t *sizes;
    size_t n;
    dnb_dtype elem = DNB_F32;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, NULL, 0, &sizes, &n, err));
    if (n > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (ConstantOfShape): %zu dimensions; %d are supported",
                        s->node->name, n, DNB_MAX_DIMS);
    if (value) {
        if (value->kind != DNB_ATTR_TENSOR || dnb_array_count(value->tensor) != 1)
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (ConstantOfShape): 'value' is not one element",
                            s->node->name);
        elem = value->tensor->dtype;
    }
    s->out[0] =
        (dnb_shape){.dtype = dnb_storage_class(elem), .ndim = (int)n, .elem = DNB_ELEM(elem)};
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] < 0 || sizes[i] > MAX_SIZE)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (ConstantOfShape): dimension %zu is %lld",
                            s->node->name, i, (long long)sizes[i]);
        s->out[0].dim[i] = (size_t)sizes[i];
    }
done:
    return status;
}

static dnb_status constant_of_shape_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_attr *value = dnb_node_attr(c->node, "value");
    dnb_array one = {0};
    dnb_status status = DNB_OK;
    if (value)
        DNB_TRY(dnb_array_convert(&one, value->tensor, c->out[0].dtype, err));
    else
        DNB_TRY(dnb_array_init(&one, c->out[0].dtype, 0, NULL, err));
    fill(&c->out[0], one.data);
done:
    dnb_array_release(&one);
    return status;
}

const dnb_op dnb_op_constant_of_shape = {.name = "ConstantOfShape",
                                         .min_in = 1,
                                         .max_in = 1,
                                         .max_out = 1,
                                         .flags = DNB_OP_TAKES_EMPTY,
                                         .shape = constant_of_shape_shape,
                                         .run = constant_of_shape_run};

/* ---- EyeLike ------------------------------------------------------------------------------------
 */

/* ONNX's numbers of element types; -1 = none of ours. */
static int elem_of_onnx(int64_t type)
{
    static const int map[] = {-1,      DNB_F32, DNB_U8, DNB_I8,   DNB_U16, DNB_I16,
                              DNB_I32, DNB_I64, -1,     DNB_BOOL, DNB_F16, DNB_F64,
                              DNB_U32, DNB_U64, -1,     -1,       DNB_BF16};
    return type >= 0 && type < (int64_t)(sizeof map / sizeof *map) ? map[type] : -1;
}

static dnb_status eye_like_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int64_t type = 0;
    dnb_status status = dnb_node_int(s->node, "dtype", 0, &type, err);
    if (status != DNB_OK)
        return status;
    if (s->in[0]->ndim != 2)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (EyeLike): input is not a matrix",
                        s->node->name);
    s->out[0] = *s->in[0];
    if (dnb_node_attr(s->node, "dtype")) {
        int elem = elem_of_onnx(type);
        if (elem < 0)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "node '%s' (EyeLike): element type %lld is unsupported", s->node->name,
                            (long long)type);
        s->out[0].dtype = dnb_storage_class((dnb_dtype)elem);
        s->out[0].elem = DNB_ELEM(elem);
    }
    return DNB_OK;
}

static void put_one(const dnb_array *a, size_t i)
{
    if (a->dtype == DNB_F32)
        ((float *)a->data)[i] = 1;
    else if (a->dtype == DNB_F64)
        ((double *)a->data)[i] = 1;
    else
        ((int64_t *)a->data)[i] = 1;
}

static dnb_status eye_like_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *out = &c->out[0];
    int64_t k = 0, rows = (int64_t)out->shape[0], cols = (int64_t)out->shape[1];
    dnb_status status = dnb_node_int(c->node, "k", 0, &k, err);
    if (status != DNB_OK)
        return status;
    memset(out->data, 0, dnb_array_bytes(out));
    if (k <= -rows || k >= cols)
        return DNB_OK;
    for (int64_t i = k < 0 ? -k : 0; i < rows && i + k < cols; i++)
        put_one(out, (size_t)(i * cols + i + k));
    return DNB_OK;
}

const dnb_op dnb_op_eye_like = {.name = "EyeLike",
                                .min_in = 1,
                                .max_in = 1,
                                .max_out = 1,
                                .flags = DNB_OP_SHAPE_ONLY | DNB_OP_TAKES_EMPTY,
                                .shape = eye_like_shape,
                                .run = eye_like_run};

/* ---- Range --------------------------------------------------------------------------------------
 */

/* How many numbers from start in steps of delta lie before limit. */
static size_t range_count_i64(int64_t start, int64_t limit, int64_t delta)
{
    if (delta > 0)
        return limit > start
                   ? (size_t)(((uint64_t)limit - (uint64_t)start - 1) / (uint64_t)delta + 1)
                   : 0;
    return limit < start
               ? (size_t)(((uint64_t)start - (uint64_t)limit - 1) / (0 - (uint64_t)delta) + 1)
               : 0;
}

static dnb_status range_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < 3; i++) {
        DNB_TRY(dnb_op_need(s, i, err));
        if (dnb_array_count(s->known[i]) != 1 || s->in[i]->dtype != s->in[0]->dtype)
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (Range): input %zu is not one number of input 0's type",
                            s->node->name, i);
    }
    double step = dnb_array_at(s->known[2], 0), n;
    if (step == 0 || step != step)
        return dnb_fail(err, DNB_EARG, "node '%s' (Range): delta is 0", s->node->name);
    if (s->in[0]->dtype == DNB_I64)
        n = (double)range_count_i64(*(const int64_t *)s->known[0]->data,
                                    *(const int64_t *)s->known[1]->data,
                                    *(const int64_t *)s->known[2]->data);
    else
        n = ceil((dnb_array_at(s->known[1], 0) - dnb_array_at(s->known[0], 0)) / step);
    if (!(n <= (double)MAX_SIZE))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (Range): would make %g numbers", s->node->name,
                        n);
    s->out[0].ndim = 1;
    s->out[0].dim[0] = n > 0 ? (size_t)n : 0;
done:
    return status;
}

static dnb_status range_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *out = &c->out[0];
    double start = dnb_array_at(c->in[0], 0), delta = dnb_array_at(c->in[2], 0);
    (void)err;
    for (size_t i = 0; i < out->shape[0]; i++) {
        if (out->dtype == DNB_F32)
            ((float *)out->data)[i] = (float)(start + (double)i * delta);
        else if (out->dtype == DNB_F64)
            ((double *)out->data)[i] = start + (double)i * delta;
        else
            ((int64_t *)out->data)[i] = (int64_t)(*(const uint64_t *)c->in[0]->data +
                                                  (uint64_t)i * *(const uint64_t *)c->in[2]->data);
    }
    return DNB_OK;
}

const dnb_op dnb_op_range = {.name = "Range",
                             .min_in = 3,
                             .max_in = 3,
                             .max_out = 1,
                             .flags = DNB_OP_TAKES_EMPTY,
                             .shape = range_shape,
                             .run = range_run};

/* ---- OneHot -------------------------------------------------------------------------------------
 */

static dnb_status one_hot_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *index = s->in[0], *values = s->in[2];
    dnb_shape *out = &s->out[0];
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", -1, index->ndim + 1, false, &axis, err));
    DNB_TRY(dnb_op_need(s, 1, err));
    double depth = dnb_array_count(s->known[1]) == 1 ? dnb_array_at(s->known[1], 0) : -1;
    if (!(depth >= 0 && depth <= (double)MAX_SIZE) || dnb_shape_count(values) != 2 ||
        index->ndim >= DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (OneHot): needs a depth (one number of 0 to 2^31) and two "
                        "values, for indices of at most %d dimensions",
                        s->node->name, DNB_MAX_DIMS - 1);
    *out = (dnb_shape){.dtype = values->dtype, .elem = values->elem, .ndim = index->ndim + 1};
    for (int i = 0, from = 0; i < out->ndim; i++)
        out->dim[i] = i == axis ? (size_t)depth : index->dim[from++];
done:
    return status;
}

static dnb_status one_hot_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *index = c->in[0], *out = &c->out[0];
    size_t size = dnb_dtype_size(out->dtype);
    const char *values = c->in[2]->data;
    int axis;
    dnb_status status = dnb_op_axis_attr(c->node, "axis", -1, index->ndim + 1, false, &axis, err);
    if (status != DNB_OK)
        return status;
    dnb_lines l = dnb_lines_of(out, axis);
    fill(out, values);
    for (size_t i = 0; i < l.outer * l.inner; i++) {
        double at = dnb_array_at(index, i);
        at = at < 0 ? at + (double)l.n : at;
        if (at >= 0 && at < (double)l.n) /* others leave their line off */
            memcpy((char *)out->data +
                       ((i / l.inner * l.n + (size_t)at) * l.inner + i % l.inner) * size,
                   values + size, size);
    }
    return DNB_OK;
}

const dnb_op dnb_op_one_hot = {.name = "OneHot",
                               .min_in = 3,
                               .max_in = 3,
                               .max_out = 1,
                               .flags = DNB_OP_TAKES_EMPTY,
                               .shape = one_hot_shape,
                               .run = one_hot_run};
