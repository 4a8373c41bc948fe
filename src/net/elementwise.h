/* What the elementwise operators share: walking broadcast operands run by run, shape rules, and
 * records. room: net (internal) */
#ifndef DNB_NET_ELEMENTWISE_H
#define DNB_NET_ELEMENTWISE_H

#include <math.h>

#include "net/op_util.h"

#define DNB_MAX_OPERANDS 3

/* One run of a broadcast: n results into dst from in[k][i * step[k]], every step being 0 or 1. */
typedef void (*dnb_row_fn)(void *dst, const void *const *in, const size_t *step, size_t n,
                           const void *arg);

/* The same function for each storage class of the first operand; u64 (unsigned 64-bit numbers in
 * int64's bits) may be NULL where i64 does. */
typedef struct dnb_rows {
    dnb_row_fn f32, f64, i64, u64;
} dnb_rows;

/* Elements from..to of `out`'s shape, in order, with dst pointing at element `from` and holding
 * numbers of `size` bytes. */
void dnb_broadcast_range(const dnb_array *out, const dnb_array *const *in, size_t n_in, size_t from,
                         size_t to, void *dst, size_t size, dnb_row_fn fn, const void *arg);
/* All of them into out->data, in parallel where there are many. */
void dnb_broadcast_rows(const dnb_array *out, const dnb_array *const *in, size_t n_in,
                        dnb_row_fn fn, const void *arg);
/* A node with n_in operands (1 or 2; two may use the broadcasting of before opset 7). */
dnb_status dnb_rows_run(const dnb_op_call *c, size_t n_in, const dnb_rows *rows, const void *arg,
                        dnb_err *err) DNB_MUST_CHECK;
/* The loop for x's numbers: dnb_rows member by storage class. */
dnb_row_fn dnb_rows_pick(const dnb_rows *rows, const dnb_array *x, const dnb_shape *shape);

/* The first input's shape and type, for any type / for floats only. */
dnb_status dnb_same_shape(const dnb_op_shapes *s, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_same_float_shape(const dnb_op_shapes *s, dnb_err *err) DNB_MUST_CHECK;
/* Two operands of one storage class, broadcast. */
dnb_status dnb_binary_shape(const dnb_op_shapes *s, dnb_err *err) DNB_MUST_CHECK;
/* The same without a look at their types. */
dnb_status dnb_binary_broadcast(const dnb_op_shapes *s, dnb_err *err) DNB_MUST_CHECK;
/* DNB_EUNSUPPORTED unless input i is of storage class t. */
dnb_status dnb_check_class(const dnb_op_shapes *s, size_t i, dnb_dtype t,
                           dnb_err *err) DNB_MUST_CHECK;
/* Does the second operand line up with the first one's dimension `axis` on, as before opset 7? */
bool dnb_uses_legacy_axis(const dnb_node *n, int opset);
/* The operand b of a two-operand node as numpy broadcasting wants it. */
dnb_array dnb_legacy_operand(const dnb_op_call *c, const dnb_array *b);

/* Whether a value holds unsigned 64-bit numbers. */
bool dnb_is_u64(const dnb_shape *s);
/* Element type of ONNX's TensorProto code; false for strings, complex numbers and unknown codes. */
bool dnb_onnx_elem(int64_t code, dnb_dtype *t);
/* x without its fraction, the nearest integer there is where it lies beyond; NaN gives 0. */
static inline int64_t dnb_to_i64(double x)
{
    return isnan(x) ? 0 : x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
}
static inline uint64_t dnb_to_u64(double x)
{
    return x >= 0x1p64 ? UINT64_MAX : x > 0 ? (uint64_t)x : 0;
}
/* Describes an elementwise primitive on floats; leaves p alone where out is none. */
dnb_status dnb_lower_eltwise(const dnb_op_shapes *s, dnb_prim *p, dnb_prim_alg alg, double alpha,
                             double beta);

/* The record of an operator with one output, whose kernel copes with no elements at all; with a
 * gradient rule (grad_util.h), and without. */
#define DNB_OP_RECORD_GRAD(id, nm, lo, hi, shape_fn, run_fn, lower_fn, gradient_fn)                \
    const dnb_op dnb_op_##id = {.name = (nm),                                                      \
                                .min_in = (lo),                                                    \
                                .max_in = (hi),                                                    \
                                .max_out = 1,                                                      \
                                .flags = DNB_OP_TAKES_EMPTY,                                       \
                                .shape = (shape_fn),                                               \
                                .run = (run_fn),                                                   \
                                .lower = (lower_fn),                                               \
                                .gradient = (gradient_fn)}
#define DNB_OP_RECORD(id, nm, lo, hi, shape_fn, run_fn, lower_fn)                                  \
    DNB_OP_RECORD_GRAD(id, nm, lo, hi, shape_fn, run_fn, lower_fn, NULL)

/* Defines fn(dst, in, step, n, arg): dst[i] = expr of `a` and `b`, with `p` = arg. The three ways
 * to step are loops of their own so that the compiler can vectorise them. */
#define DNB_BINARY_ROW(fn, OUT, A, B, expr)                                                        \
    static void fn(void *dst_, const void *const *in, const size_t *step, size_t n, const void *p) \
    {                                                                                              \
        OUT *dst = dst_;                                                                           \
        const A *pa = in[0];                                                                       \
        const B *pb = in[1];                                                                       \
        (void)p;                                                                                   \
        if (step[0] && step[1]) {                                                                  \
            for (size_t i = 0; i < n; i++) {                                                       \
                const A a = pa[i];                                                                 \
                const B b = pb[i];                                                                 \
                dst[i] = (OUT)(expr);                                                              \
            }                                                                                      \
        } else if (step[0]) {                                                                      \
            const B b = *pb;                                                                       \
            for (size_t i = 0; i < n; i++) {                                                       \
                const A a = pa[i];                                                                 \
                dst[i] = (OUT)(expr);                                                              \
            }                                                                                      \
        } else {                                                                                   \
            const A a = *pa;                                                                       \
            for (size_t i = 0; i < n; i++) {                                                       \
                const B b = pb[i * step[1]];                                                       \
                dst[i] = (OUT)(expr);                                                              \
            }                                                                                      \
        }                                                                                          \
    }

/* The same for one operand `x` of type A, computed as type X. */
#define DNB_UNARY_ROW(fn, OUT, A, X, expr)                                                         \
    static void fn(void *dst_, const void *const *in, const size_t *step, size_t n,                \
                   const void *arg)                                                                \
    {                                                                                              \
        OUT *dst = dst_;                                                                           \
        const A *src = in[0];                                                                      \
        const double *p = arg;                                                                     \
        (void)p;                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            const X x = (X)src[i * step[0]];                                                       \
            dst[i] = (OUT)(expr);                                                                  \
        }                                                                                          \
    }

#endif
