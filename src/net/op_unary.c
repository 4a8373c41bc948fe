/* Mathematical functions of one number. A function is one line in the kernel header and one here.
 */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/grad_util.h"
#include "net/op_families.h"

#define DNB_KERNELS "net/op_unary_kernel.h"
#include "net/each_real.h"

/* The three that integers have too; the most negative number is its own opposite. */
DNB_UNARY_ROW(abs_row_i64, uint64_t, int64_t, int64_t, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
DNB_UNARY_ROW(abs_row_u64, uint64_t, uint64_t, uint64_t, x)
DNB_UNARY_ROW(neg_row_i64, uint64_t, uint64_t, uint64_t, 0 - x)
DNB_UNARY_ROW(sign_row_i64, int64_t, int64_t, int64_t, (x > 0) - (x < 0))
DNB_UNARY_ROW(sign_row_u64, int64_t, uint64_t, uint64_t, x > 0)

#define RUN(id, i64, u64)                                                                          \
    static dnb_status id##_run(const dnb_op_call *c, dnb_err *err)                                 \
    {                                                                                              \
        static const dnb_rows rows = {id##_row_f32, id##_row_f64, i64, u64};                       \
        return dnb_rows_run(c, 1, &rows, NULL, err);                                               \
    }

/* On numbers of any type / on floats / on floats, where the accelerator has the function and agrees
 * with us to a millionth. Its exp (NaN becomes infinity), log, elu, gelu and soft_relu do not. */
#define OF_NUMBERS(id, nm, i64, u64, lower_fn, gradient)                                           \
    RUN(id, i64, u64)                                                                              \
    DNB_OP_RECORD_GRAD(id, nm, 1, 1, dnb_same_shape, id##_run, lower_fn, gradient)
#define OF_FLOATS(id, nm, gradient)                                                                \
    RUN(id, NULL, NULL)                                                                            \
    DNB_OP_RECORD_GRAD(id, nm, 1, 1, dnb_same_float_shape, id##_run, NULL, gradient)
#define LOWERED(id, nm, gradient)                                                                  \
    RUN(id, NULL, NULL)                                                                            \
    DNB_OP_RECORD_GRAD(id, nm, 1, 1, dnb_same_float_shape, id##_run, id##_lower, gradient)

#define LOWER(id, alg, alpha, beta)                                                                \
    static dnb_status id##_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)                \
    {                                                                                              \
        (void)err;                                                                                 \
        return dnb_lower_eltwise(s, p, alg, alpha, beta);                                          \
    }

LOWER(abs, DNB_ALG_ABS, 0, 0)
LOWER(reciprocal, DNB_ALG_POW, 1, -1)
LOWER(round, DNB_ALG_ROUND, 0, 0)
LOWER(sqrt, DNB_ALG_SQRT, 0, 0)

OF_NUMBERS(abs, "Abs", abs_row_i64, abs_row_u64, abs_lower, dnb_grad_abs);
OF_NUMBERS(neg, "Neg", neg_row_i64, NULL, NULL, dnb_grad_neg);
OF_NUMBERS(sign, "Sign", sign_row_i64, sign_row_u64, NULL, dnb_grad_zero);
LOWERED(reciprocal, "Reciprocal", dnb_grad_reciprocal);
LOWERED(round, "Round", dnb_grad_zero);
LOWERED(sqrt, "Sqrt", dnb_grad_sqrt);
OF_FLOATS(acos, "Acos", dnb_grad_function);
OF_FLOATS(acosh, "Acosh", dnb_grad_function);
OF_FLOATS(asin, "Asin", dnb_grad_function);
OF_FLOATS(asinh, "Asinh", dnb_grad_function);
OF_FLOATS(atan, "Atan", dnb_grad_function);
OF_FLOATS(atanh, "Atanh", dnb_grad_function);
OF_FLOATS(ceil, "Ceil", dnb_grad_zero);
OF_FLOATS(cos, "Cos", dnb_grad_cos);
OF_FLOATS(cosh, "Cosh", dnb_grad_function);
OF_FLOATS(erf, "Erf", dnb_grad_erf);
OF_FLOATS(exp, "Exp", dnb_grad_exp);
OF_FLOATS(floor, "Floor", dnb_grad_zero);
OF_FLOATS(log, "Log", dnb_grad_log);
OF_FLOATS(sin, "Sin", dnb_grad_sin);
OF_FLOATS(sinh, "Sinh", dnb_grad_function);
OF_FLOATS(tan, "Tan", dnb_grad_function);
