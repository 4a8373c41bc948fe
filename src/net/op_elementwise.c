/* Add, Sub, Mul, Div, Mod, Pow on two broadcasting operands. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/grad_util.h"
#include "net/op_families.h"

#define DNB_KERNELS "net/op_elementwise_kernel.h"
#include "net/each_real.h"

/* Integers wrap around; who runs the kernel wraps them to narrower types. */
DNB_BINARY_ROW(add_row_i64, uint64_t, uint64_t, uint64_t, a + b)
DNB_BINARY_ROW(sub_row_i64, uint64_t, uint64_t, uint64_t, a - b)
DNB_BINARY_ROW(mul_row_i64, uint64_t, uint64_t, uint64_t, (a) * (b))
DNB_BINARY_ROW(div_row_i64, int64_t, int64_t, int64_t, b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b)
DNB_BINARY_ROW(div_row_u64, uint64_t, uint64_t, uint64_t, a / b)

/* The remainder with the dividend's sign (C), and with the divisor's (Python). */
static int64_t remainder_c(int64_t a, int64_t b)
{
    return b == -1 ? 0 : a % b;
}

static int64_t remainder_python(int64_t a, int64_t b)
{
    int64_t r = remainder_c(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

DNB_BINARY_ROW(fmod_row_i64, int64_t, int64_t, int64_t, remainder_c(a, b))
DNB_BINARY_ROW(mod_row_i64, int64_t, int64_t, int64_t, remainder_python(a, b))
DNB_BINARY_ROW(mod_row_u64, uint64_t, uint64_t, uint64_t, a % b)

static uint64_t power(uint64_t a, uint64_t b)
{
    uint64_t r = 1;
    for (; b; b >>= 1) {
        if (b & 1)
            r *= a;
        a *= a;
    }
    return r;
}

/* a to a negative power, without its fraction; 0 was refused. */
static uint64_t inverse_power(uint64_t a, uint64_t b)
{
    return a == 1 ? 1 : a == UINT64_MAX ? (b & 1 ? a : 1) : 0;
}

DNB_BINARY_ROW(power_row, uint64_t, uint64_t, uint64_t, power(a, b))
DNB_BINARY_ROW(power_signed_row, uint64_t, uint64_t, int64_t,
               b < 0 ? inverse_power(a, (uint64_t)b) : power(a, (uint64_t)b))
DNB_BINARY_ROW(power_u64_signed_row, uint64_t, uint64_t, int64_t,
               b < 0 ? (uint64_t)(a == 1) : power(a, (uint64_t)b))

/* Integers are not divided by zero: refused, not undefined. */
static dnb_status check_divisor(const dnb_op_call *c, dnb_err *err)
{
    const int64_t *b = c->in[1]->data;
    for (size_t i = 0, n = c->in[1]->dtype == DNB_I64 ? dnb_array_count(c->in[1]) : 0; i < n; i++)
        if (b[i] == 0)
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): integer division by zero",
                            c->node->name, c->node->op->name);
    return DNB_OK;
}

/* The accelerator broadcasts its second operand only; where the order does not matter they may
 * swap. */
static dnb_status binary_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_prim_alg alg)
{
    bool first_full = dnb_shape_equal(s->in[0], &s->out[0]);
    bool second_full = dnb_shape_equal(s->in[1], &s->out[0]);
    bool commutes = alg == DNB_ALG_ADD || alg == DNB_ALG_MUL;
    if (s->out[0].dtype != DNB_F32 || s->out[0].ndim < 1 ||
        dnb_uses_legacy_axis(s->node, s->opset) || !(first_full || (second_full && commutes)))
        return DNB_OK;
    p->swap = !first_full;
    p->kind = DNB_PRIM_BINARY;
    p->alg = alg;
    p->n_data = 2;
    return DNB_OK;
}

static dnb_status add_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {add_row_f32, add_row_f64, add_row_i64, NULL};
    return dnb_rows_run(c, 2, &rows, NULL, err);
}

static dnb_status sub_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {sub_row_f32, sub_row_f64, sub_row_i64, NULL};
    return dnb_rows_run(c, 2, &rows, NULL, err);
}

static dnb_status mul_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {mul_row_f32, mul_row_f64, mul_row_i64, NULL};
    return dnb_rows_run(c, 2, &rows, NULL, err);
}

static dnb_status div_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {div_row_f32, div_row_f64, div_row_i64, div_row_u64};
    dnb_status status = check_divisor(c, err);
    return status == DNB_OK ? dnb_rows_run(c, 2, &rows, NULL, err) : status;
}

#define LOWER(fn, alg)                                                                             \
    static dnb_status fn(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)                        \
    {                                                                                              \
        (void)err;                                                                                 \
        return binary_lower(s, p, alg);                                                            \
    }

LOWER(add_lower, DNB_ALG_ADD)
LOWER(sub_lower, DNB_ALG_SUB)
LOWER(mul_lower, DNB_ALG_MUL)
LOWER(div_lower, DNB_ALG_DIV)

DNB_OP_RECORD_GRAD(add, "Add", 2, 2, dnb_binary_shape, add_run, add_lower, dnb_grad_add);
DNB_OP_RECORD_GRAD(sub, "Sub", 2, 2, dnb_binary_shape, sub_run, sub_lower, dnb_grad_sub);
DNB_OP_RECORD_GRAD(mul, "Mul", 2, 2, dnb_binary_shape, mul_run, mul_lower, dnb_grad_mul);
DNB_OP_RECORD_GRAD(div, "Div", 2, 2, dnb_binary_shape, div_run, div_lower, dnb_grad_div);

/* ---- Mod ----------------------------------------------------------------------------------------
 */

static dnb_status mod_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int64_t fmod_wanted;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(s->node, "fmod", 0, &fmod_wanted, err));
    if (s->in[0]->dtype == DNB_F32 && !fmod_wanted)
        return dnb_fail(err, DNB_EARG, "node '%s' (Mod): floats need the attribute fmod=1",
                        s->node->name);
    DNB_TRY(dnb_binary_shape(s, err));
done:
    return status;
}

static dnb_status mod_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows as_c = {fmod_row_f32, fmod_row_f64, fmod_row_i64, mod_row_u64};
    static const dnb_rows as_python = {fmod_row_f32, fmod_row_f64, mod_row_i64, mod_row_u64};
    int64_t fmod_wanted;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(c->node, "fmod", 0, &fmod_wanted, err));
    DNB_TRY(check_divisor(c, err));
    DNB_TRY(dnb_rows_run(c, 2, fmod_wanted ? &as_c : &as_python, NULL, err));
done:
    return status;
}

DNB_OP_RECORD_GRAD(mod, "Mod", 2, 2, mod_shape, mod_run, NULL, dnb_grad_mod);

/* ---- Pow: the result is of the base's type
 * ------------------------------------------------------- */

static bool any_zero_to_negative(const dnb_op_call *c)
{
    const dnb_array *a = c->in[0], *b = c->in[1];
    bool zero = false, negative = false;
    for (size_t i = 0, n = dnb_array_count(a); i < n; i++)
        zero = zero || ((const int64_t *)a->data)[i] == 0;
    for (size_t i = 0, n = dnb_array_count(b); i < n; i++)
        negative = negative || ((const int64_t *)b->data)[i] < 0;
    return zero && negative && !dnb_is_u64(c->in_shape[1]);
}

static dnb_status pow_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows by_real = {pow_row_f32, pow_row_f64, NULL, NULL};
    static const dnb_rows by_i64 = {pow_i64_row_f32, pow_i64_row_f64, power_signed_row,
                                    power_u64_signed_row};
    static const dnb_rows by_u64 = {pow_u64_row_f32, pow_u64_row_f64, power_row, power_row};
    static const dnb_rows by_f32 = {NULL, NULL, i64_pow_row_f32, u64_pow_row_f32};
    static const dnb_rows by_f64 = {NULL, NULL, i64_pow_row_f64, u64_pow_row_f64};
    bool integer = c->in[0]->dtype == DNB_I64;
    if (c->in[1]->dtype == DNB_F32 || c->in[1]->dtype == DNB_F64)
        return dnb_rows_run(c, 2,
                            !integer                     ? &by_real
                            : c->in[1]->dtype == DNB_F32 ? &by_f32
                                                         : &by_f64,
                            NULL, err);
    if (integer && any_zero_to_negative(c))
        return dnb_fail(err, DNB_EARG, "node '%s' (Pow): integer zero to a negative power",
                        c->node->name);
    return dnb_rows_run(c, 2, dnb_is_u64(c->in_shape[1]) ? &by_u64 : &by_i64, NULL, err);
}

/* Raising to one known number is a function of the base alone; the accelerator agrees with us on
 * these for infinities and zeros of either sign too. */
static dnb_status pow_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    if (s->in[1]->dtype != DNB_F32 || !s->known[1] || dnb_array_count(s->known[1]) != 1 ||
        !dnb_shape_equal(s->in[0], &s->out[0]))
        return DNB_OK;
    double exponent = dnb_array_at(s->known[1], 0);
    if (exponent == 2 || exponent == 3 || exponent == -1)
        return dnb_lower_eltwise(s, p, DNB_ALG_POW, 1, exponent);
    return DNB_OK;
}

DNB_OP_RECORD_GRAD(pow, "Pow", 2, 2, dnb_binary_broadcast, pow_run, pow_lower, dnb_grad_pow);
