/* Operators that make or read booleans: comparisons, IsNaN, IsInf, And, Or, Xor, Not, Where; and
 * operators on bits. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/grad_util.h"
#include "net/op_families.h"

#define DNB_KERNELS "net/op_compare_kernel.h"
#include "net/each_real.h"

static dnb_status to_boolean(const dnb_op_shapes *s, dnb_status status)
{
    if (status == DNB_OK) {
        s->out[0].dtype = DNB_I64;
        s->out[0].elem = DNB_ELEM(DNB_BOOL);
    }
    return status;
}

/* ---- comparisons --------------------------------------------------------------------------------
 */

static dnb_status compare_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return to_boolean(s, dnb_binary_shape(s, err));
}

#define COMPARE(id, nm, expr)                                                                      \
    DNB_BINARY_ROW(id##_row_i64, int64_t, int64_t, int64_t, expr)                                  \
    DNB_BINARY_ROW(id##_row_u64, int64_t, uint64_t, uint64_t, expr)                                \
    static dnb_status id##_run(const dnb_op_call *c, dnb_err *err)                                 \
    {                                                                                              \
        static const dnb_rows rows = {id##_row_f32, id##_row_f64, id##_row_i64, id##_row_u64};     \
        return dnb_rows_run(c, 2, &rows, NULL, err);                                               \
    }                                                                                              \
    DNB_OP_RECORD(id, nm, 2, 2, compare_shape, id##_run, NULL)

COMPARE(equal, "Equal", a == b);
COMPARE(greater, "Greater", a > b);
COMPARE(less, "Less", a < b);
COMPARE(greater_equal, "GreaterOrEqual", a >= b);
COMPARE(less_equal, "LessOrEqual", a <= b);

/* ---- IsNaN, IsInf -------------------------------------------------------------------------------
 */

static dnb_status test_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return to_boolean(s, dnb_same_float_shape(s, err));
}

static dnb_status is_nan_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {is_nan_row_f32, is_nan_row_f64, NULL, NULL};
    return dnb_rows_run(c, 1, &rows, NULL, err);
}

static dnb_status is_inf_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {is_inf_row_f32, is_inf_row_f64, NULL, NULL};
    int64_t negative, positive;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(c->node, "detect_negative", 1, &negative, err));
    DNB_TRY(dnb_node_int(c->node, "detect_positive", 1, &positive, err));
    const double wanted[2] = {negative != 0, positive != 0};
    DNB_TRY(dnb_rows_run(c, 1, &rows, wanted, err));
done:
    return status;
}

DNB_OP_RECORD(is_nan, "IsNaN", 1, 1, test_shape, is_nan_run, NULL);
DNB_OP_RECORD(is_inf, "IsInf", 1, 1, test_shape, is_inf_run, NULL);

/* ---- logic and bits -----------------------------------------------------------------------------
 */

static dnb_status integers_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->node->n_inputs; i++)
        DNB_TRY(dnb_check_class(s, i, DNB_I64, err));
    if (s->node->n_inputs == 1)
        s->out[0] = *s->in[0];
    else
        DNB_TRY(dnb_binary_broadcast(s, err));
done:
    return status;
}

static dnb_status logic_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return to_boolean(s, integers_shape(s, err));
}

#define ON_BITS(id, nm, n_in, shape_rule, row)                                                     \
    static dnb_status id##_run(const dnb_op_call *c, dnb_err *err)                                 \
    {                                                                                              \
        static const dnb_rows rows = {NULL, NULL, row, NULL};                                      \
        return dnb_rows_run(c, n_in, &rows, NULL, err);                                            \
    }                                                                                              \
    DNB_OP_RECORD(id, nm, n_in, n_in, shape_rule, id##_run, NULL)

DNB_BINARY_ROW(and_row, int64_t, int64_t, int64_t, a &&b)
DNB_BINARY_ROW(or_row, int64_t, int64_t, int64_t, a || b)
DNB_BINARY_ROW(xor_row, int64_t, int64_t, int64_t, !a != !b)
DNB_UNARY_ROW(not_row, int64_t, int64_t, int64_t, !x)
DNB_BINARY_ROW(bit_and_row, int64_t, int64_t, int64_t, (a) & (b))
DNB_BINARY_ROW(bit_or_row, int64_t, int64_t, int64_t, a | b)
DNB_BINARY_ROW(bit_xor_row, int64_t, int64_t, int64_t, a ^ b)
DNB_UNARY_ROW(bit_not_row, int64_t, int64_t, int64_t, ~x)
/* The numbers are unsigned; all bits shifted out leave 0. */
DNB_BINARY_ROW(shift_left_row, uint64_t, uint64_t, uint64_t, b < 64 ? a << b : 0)
DNB_BINARY_ROW(shift_right_row, uint64_t, uint64_t, uint64_t, b < 64 ? a >> b : 0)

ON_BITS(and, "And", 2, logic_shape, and_row);
ON_BITS(or, "Or", 2, logic_shape, or_row);
ON_BITS(xor, "Xor", 2, logic_shape, xor_row);
ON_BITS(not, "Not", 1, logic_shape, not_row);
ON_BITS(bitwise_and, "BitwiseAnd", 2, integers_shape, bit_and_row);
ON_BITS(bitwise_or, "BitwiseOr", 2, integers_shape, bit_or_row);
ON_BITS(bitwise_xor, "BitwiseXor", 2, integers_shape, bit_xor_row);
ON_BITS(bitwise_not, "BitwiseNot", 1, integers_shape, bit_not_row);

static dnb_status shift_direction(const dnb_node *n, bool *left, dnb_err *err)
{
    const char *direction = NULL;
    dnb_status status = dnb_node_string(n, "direction", &direction, err);
    if (status != DNB_OK)
        return status;
    if (!direction || (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0))
        return dnb_fail(err, DNB_EARG, "node '%s' (BitShift): direction is neither LEFT nor RIGHT",
                        n->name);
    *left = direction[0] == 'L';
    return DNB_OK;
}

static dnb_status shift_shape(const dnb_op_shapes *s, dnb_err *err)
{
    bool left = false;
    dnb_status status = shift_direction(s->node, &left, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < 2; i++) {
        dnb_dtype t = dnb_elem(s->in[i]);
        if (t != DNB_U8 && t != DNB_U16 && t != DNB_U32 && t != DNB_U64)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "node '%s' (BitShift): input %zu of type %s is unsupported; only "
                            "unsigned integers are shifted",
                            s->node->name, i, dnb_dtype_name(t));
    }
    return integers_shape(s, err);
}

static dnb_status shift_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows[2] = {{NULL, NULL, shift_right_row, NULL},
                                     {NULL, NULL, shift_left_row, NULL}};
    bool left = false;
    dnb_status status = shift_direction(c->node, &left, err);
    return status == DNB_OK ? dnb_rows_run(c, 2, &rows[left], NULL, err) : status;
}

DNB_OP_RECORD(bit_shift, "BitShift", 2, 2, shift_shape, shift_run, NULL);

/* ---- Where --------------------------------------------------------------------------------------
 */

static dnb_status where_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape out;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_check_class(s, 0, DNB_I64, err));
    DNB_TRY(dnb_check_class(s, 2, s->in[1]->dtype, err));
    DNB_TRY(dnb_op_broadcast(s->node, s->in[1], s->in[2], &out, err));
    DNB_TRY(dnb_op_broadcast(s->node, s->in[0], &out, &out, err));
    out.dtype = s->in[1]->dtype;
    out.elem = DNB_ELEM(dnb_elem(s->in[1]));
    s->out[0] = out;
done:
    return status;
}

/* Moves numbers of 4 or 8 bytes. */
#define WHERE_ROW(fn, T)                                                                           \
    static void fn(void *dst_, const void *const *in, const size_t *step, size_t n,                \
                   const void *arg)                                                                \
    {                                                                                              \
        T *dst = dst_;                                                                             \
        const int64_t *wanted = in[0];                                                             \
        const T *a = in[1], *b = in[2];                                                            \
        (void)arg;                                                                                 \
        for (size_t i = 0; i < n; i++)                                                             \
            dst[i] = wanted[i * step[0]] ? a[i * step[1]] : b[i * step[2]];                        \
    }

WHERE_ROW(where_row_f32, float)
WHERE_ROW(where_row_f64, double)
WHERE_ROW(where_row_i64, int64_t)

static dnb_status where_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {where_row_f32, where_row_f64, where_row_i64, NULL};
    (void)err;
    dnb_broadcast_rows(&c->out[0], c->in, 3, dnb_rows_pick(&rows, &c->out[0], NULL), NULL);
    return DNB_OK;
}

DNB_OP_RECORD_GRAD(where, "Where", 3, 3, where_shape, where_run, NULL, dnb_grad_where_rule);
