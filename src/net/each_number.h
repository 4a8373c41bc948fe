/* Compiles the kernel file DNB_KERNELS for every kind of number a value may hold: float (_f32),
 * double (_f64), int64 (_i64) and uint64 (_u64, which an int64 array holds in the same bits).
 * No include guard: each operator family includes it once per file of kernels. room: net (internal)
 *
 * REAL = the element, ACC = what sums of it are kept in, ADD and MUL wrap around for integers,
 * IS_NAN, LOWEST and HIGHEST = what it says, FROM_DOUBLE = a double as REAL (integers: 0 where out
 * of range). */
#ifndef DNB_NET_EACH_NUMBER_ONCE
#define DNB_NET_EACH_NUMBER_ONCE
#include <math.h>
#include <stdint.h>

static inline int64_t dnb_double_to_i64(double x)
{
    return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : 0;
}

/* Calls fn_f32, fn_f64, fn_i64 or fn_u64 by what `array` (with shape `shape`) holds. */
#define DNB_BY_NUMBER(array, shape, fn, ...)                                                       \
    ((array)->dtype == DNB_F32    ? fn##_f32(__VA_ARGS__)                                          \
     : (array)->dtype == DNB_F64  ? fn##_f64(__VA_ARGS__)                                          \
     : dnb_elem(shape) == DNB_U64 ? fn##_u64(__VA_ARGS__)                                          \
                                  : fn##_i64(__VA_ARGS__))
#endif

#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define IS_NAN(x) ((x) != (x))
#define LOWEST (-INFINITY)
#define HIGHEST INFINITY
#define FROM_DOUBLE(x) ((REAL)(x))
#define ACC double

#define REAL float
#define NAME(x) x##_f32
#include DNB_KERNELS
#undef REAL
#undef NAME
#define REAL double
#define NAME(x) x##_f64
#include DNB_KERNELS
#undef REAL
#undef NAME

#undef ADD
#undef MUL
#undef IS_NAN
#undef LOWEST
#undef HIGHEST
#undef FROM_DOUBLE
#undef ACC

#define ADD(a, b) ((ACC)((uint64_t)(a) + (uint64_t)(b)))
#define MUL(a, b) ((ACC)((uint64_t)(a) * (uint64_t)(b)))
#define IS_NAN(x) ((void)(x), 0)
#define FROM_DOUBLE(x) ((REAL)dnb_double_to_i64(x))

#define REAL int64_t
#define ACC int64_t
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#define NAME(x) x##_i64
#include DNB_KERNELS
#undef REAL
#undef ACC
#undef LOWEST
#undef HIGHEST
#undef NAME
#define REAL uint64_t
#define ACC uint64_t
#define LOWEST 0
#define HIGHEST UINT64_MAX
#define NAME(x) x##_u64
#include DNB_KERNELS
#undef REAL
#undef ACC
#undef LOWEST
#undef HIGHEST
#undef NAME

#undef ADD
#undef MUL
#undef IS_NAN
#undef FROM_DOUBLE
#undef DNB_KERNELS
