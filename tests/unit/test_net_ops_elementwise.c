/* net: elementwise operators on every element type, against numbers worked out by hand. Only what
 * ONNX's own conformance data leave out: widths, signs, saturation, refusals, old attributes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "typed_case.h"

#define BINARY(o, a, b, w) (&(typed_case){.op = (o), .in = {a, b}, .n_in = 2, .want = {w}})
#define UNARY(o, a, w) (&(typed_case){.op = (o), .in = {a}, .n_in = 1, .want = {w}})

/* ---- arithmetic ---------------------------------------------------------------------------------
 */

static void test_integer_arithmetic(void **state)
{
    (void)state;
    typed_check(
        BINARY("Add", VEC(I8, int8_t, 100, -1), VEC(I8, int8_t, 100, 1), VEC(I8, int8_t, -56, 0)));
    typed_check(
        BINARY("Add", VEC(U16, uint16_t, 65535), VEC(U16, uint16_t, 3), VEC(U16, uint16_t, 2)));
    typed_check(BINARY("Sub", VEC(U64, uint64_t, 1), VEC(U64, uint64_t, 2),
                       VEC(U64, uint64_t, UINT64_MAX)));
    typed_check(BINARY("Sub", VEC(I64, int64_t, INT64_MIN), VEC(I64, int64_t, 1),
                       VEC(I64, int64_t, INT64_MAX)));
    typed_check(BINARY("Mul", VEC(U32, uint32_t, 65536, 7), VEC(U32, uint32_t, 65536, 6),
                       VEC(U32, uint32_t, 0, 42)));
    typed_check(BINARY("Div", VEC(U64, uint64_t, UINT64_MAX), VEC(U64, uint64_t, 2),
                       VEC(U64, uint64_t, UINT64_MAX / 2)));
    typed_check(BINARY("Div", VEC(I8, int8_t, -128, -7, 7), VEC(I8, int8_t, -1, 2, -2),
                       VEC(I8, int8_t, -128, -3, -3)));
    typed_check(BINARY("Div", VEC(I64, int64_t, INT64_MIN), VEC(I64, int64_t, -1),
                       VEC(I64, int64_t, INT64_MIN)));
    typed_refuse(BINARY("Div", VEC(I32, int32_t, 1), VEC(I32, int32_t, 0), VEC(I32, int32_t, 0)),
                 DNB_EARG);
    typed_refuse(BINARY("Add", VEC(I32, int32_t, 1), VEC(F32, float, 0), VEC(I32, int32_t, 0)),
                 DNB_EUNSUPPORTED);
    typed_refuse(
        BINARY("Add", VEC(I32, int32_t, 1, 2), VEC(I32, int32_t, 1, 2, 3), VEC(I32, int32_t, 0)),
        DNB_ESHAPE);
    typed_check(UNARY("Abs", VEC(I8, int8_t, -128, -3, 4), VEC(I8, int8_t, -128, 3, 4)));
    typed_check(UNARY("Abs", VEC(U64, uint64_t, UINT64_MAX), VEC(U64, uint64_t, UINT64_MAX)));
    typed_check(UNARY("Neg", VEC(I16, int16_t, -32768, 5), VEC(I16, int16_t, -32768, -5)));
    typed_check(UNARY("Sign", VEC(I32, int32_t, -9, 0, 9), VEC(I32, int32_t, -1, 0, 1)));
    typed_check(UNARY("Sign", VEC(U64, uint64_t, UINT64_MAX, 0), VEC(U64, uint64_t, 1, 0)));
    typed_check(UNARY("Sign", VEC(F32, float, -2, -0.0f, NAN), VEC(F32, float, -1, 0, NAN)));
    typed_refuse(UNARY("Exp", VEC(I32, int32_t, 1), VEC(I32, int32_t, 1)), DNB_EUNSUPPORTED);
}

static void test_remainders(void **state)
{
    (void)state;
    typed_case c = *BINARY("Mod", VEC(I64, int64_t, -7, 7, INT64_MIN, -6),
                           VEC(I64, int64_t, 3, -3, -1, 3), VEC(I64, int64_t, 2, -2, 0, 0));
    typed_check(&c);
    c.attrs = (const dnb_attr[]){DNB_INT("fmod", 1)};
    c.n_attrs = 1;
    c.want[0] = VEC(I64, int64_t, -1, 1, 0, 0);
    typed_check(&c);
    typed_check(BINARY("Mod", VEC(U64, uint64_t, UINT64_MAX), VEC(U64, uint64_t, 10),
                       VEC(U64, uint64_t, 5)));
    typed_refuse(BINARY("Mod", VEC(U8, uint8_t, 1), VEC(U8, uint8_t, 0), VEC(U8, uint8_t, 0)),
                 DNB_EARG);
    typed_refuse(BINARY("Mod", VEC(F32, float, 1), VEC(F32, float, 1), VEC(F32, float, 0)),
                 DNB_EARG);
}

static void test_powers(void **state)
{
    (void)state;
    typed_check(BINARY("Pow", VEC(I32, int32_t, 2, -3), VEC(I32, int32_t, 31, 3),
                       VEC(I32, int32_t, INT32_MIN, -27)));
    typed_check(BINARY("Pow", VEC(I64, int64_t, -1, -1, 2, 1), VEC(I64, int64_t, -3, -2, -1, -9),
                       VEC(I64, int64_t, -1, 1, 0, 1)));
    typed_check(BINARY("Pow", VEC(U64, uint64_t, 3), VEC(I64, int64_t, 40),
                       VEC(U64, uint64_t, 12157665459056928801u)));
    typed_check(BINARY("Pow", VEC(F32, float, 2, 0.5f), VEC(U64, uint64_t, 10, 3),
                       VEC(F32, float, 1024, 0.125f)));
    typed_check(BINARY("Pow", VEC(F64, double, 2, 4), VEC(I8, int8_t, -1, -2),
                       VEC(F64, double, 0.5, 0.0625)));
    typed_check(BINARY("Pow", VEC(I64, int64_t, 10, 10, 9), VEC(F32, float, 100, -1, 0.5f),
                       VEC(I64, int64_t, INT64_MAX, 0, 3)));
    typed_refuse(BINARY("Pow", VEC(I64, int64_t, 0), VEC(I64, int64_t, -1), VEC(I64, int64_t, 0)),
                 DNB_EARG);
}

static void test_many_operands(void **state)
{
    (void)state;
    dnb_array a = VEC(F32, float, 1, NAN, -3), b = VEC(F32, float, NAN, 2, 4);
    typed_check(BINARY("Max", a, b, VEC(F32, float, NAN, NAN, 4)));
    typed_check(BINARY("Min", a, b, VEC(F32, float, NAN, NAN, -3)));
    dnb_array u = VEC(U64, uint64_t, UINT64_MAX, 1), v = VEC(U64, uint64_t, 2, 3);
    typed_check(BINARY("Max", u, v, VEC(U64, uint64_t, UINT64_MAX, 3)));
    typed_check(BINARY("Min", u, v, VEC(U64, uint64_t, 2, 1)));
    typed_case c = {.op = "Mean",
                    .in = {VEC(I32, int32_t, 1, -1), VEC(I32, int32_t, 2), VEC(I32, int32_t, 5)},
                    .n_in = 3,
                    .want = {VEC(I32, int32_t, 2, 2)}};
    typed_check(&c);
    c.op = "Sum";
    c.want[0] = VEC(I32, int32_t, 8, 6);
    typed_check(&c);
    /* sums are kept in double */
    c.in[0] = VEC(F32, float, 16777216);
    c.in[1] = c.in[2] = VEC(F32, float, 1);
    c.want[0] = VEC(F32, float, 16777218);
    typed_check(&c);
    c.in[2] = VEC(I32, int32_t, 1);
    typed_refuse(&c, DNB_EUNSUPPORTED);
}

/* ---- broadcasting -------------------------------------------------------------------------------
 */

static size_t naive_offset(const dnb_array *a, const dnb_array *out, size_t i)
{
    size_t at = 0, step = 1;
    for (int d = out->ndim - 1; d >= 0; d--) {
        int own = d - (out->ndim - a->ndim);
        if (own >= 0) {
            at += (a->shape[own] == 1 ? 0 : i % out->shape[d]) * step;
            step *= a->shape[own];
        }
        i /= out->shape[d];
    }
    return at;
}

/* Random shapes of up to five dimensions, each operand broadcasting where it likes. */
static void test_broadcasting(void **state)
{
    static int64_t a_data[4096], b_data[4096], want[4096];
    dnb_random r;
    (void)state;
    dnb_random_init(&r, 5, 0);
    for (size_t i = 0; i < 4096; i++) {
        a_data[i] = (int64_t)i;
        b_data[i] = (int64_t)(i * 10007);
    }
    for (int trial = 0; trial < 300; trial++) {
        int ndim = 1 + (int)dnb_random_below(&r, 5), drop = (int)dnb_random_below(&r, 3);
        size_t dim[5], a_dim[5], b_dim[5], count = 1;
        for (int d = 0; d < ndim; d++) {
            dim[d] = 1 + (size_t)dnb_random_below(&r, 4);
            a_dim[d] = dnb_random_below(&r, 3) ? dim[d] : 1;
            b_dim[d] = a_dim[d] == 1 || dnb_random_below(&r, 3) ? dim[d] : 1;
            count *= dim[d];
        }
        drop = drop < ndim ? drop : 0;
        for (int d = 0; d < drop; d++) { /* dimensions that b does not have */
            b_dim[d] = 1;
            a_dim[d] = dim[d];
        }
        dnb_array a = nd(DNB_I64, a_data, ndim, a_dim);
        dnb_array b = nd(DNB_I64, b_data, ndim - drop, b_dim + drop);
        dnb_array out = nd(DNB_I64, want, ndim, dim);
        for (size_t i = 0; i < count; i++)
            want[i] = a_data[naive_offset(&a, &out, i)] - b_data[naive_offset(&b, &out, i)];
        typed_check(BINARY("Sub", a, b, out));
    }
}

/* Before operator set 7 an attribute says where the second operand's dimensions fall. */
static void test_old_broadcasting(void **state)
{
    (void)state;
    const size_t dim[3] = {2, 2, 3};
    const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    typed_case c = {
        .op = "Add",
        .opset = 6,
        .in = {nd(DNB_F32, x, 3, dim), VEC(F32, float, 100, 200)},
        .n_in = 2,
        TYPED_ATTRS(DNB_INT("broadcast", 1), DNB_INT("axis", 1)),
        .want = {nd(DNB_F32, (float[]){100, 101, 102, 203, 204, 205, 106, 107, 108, 209, 210, 211},
                    3, dim)}};
    typed_check(&c);
    c.opset = 7;
    typed_refuse(&c, DNB_EUNSUPPORTED);
    c.opset = 6;
    c.attrs = (const dnb_attr[]){DNB_INT("broadcast", 1), DNB_INT("axis", 3)};
    typed_refuse(&c, DNB_ESHAPE);
    c.attrs = (const dnb_attr[]){DNB_INT("broadcast", 1), DNB_INT("axis", 0)};
    c.op = "Greater";
    c.in[1] = VEC(F32, float, 3, 8);
    c.want[0] = nd(DNB_BOOL, (uint8_t[]){0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1}, 3, dim);
    typed_check(&c);
    c.n_attrs = 1; /* the last dimensions */
    c.op = "Sub";
    c.in[1] = VEC(F32, float, 0, 1, 2);
    c.want[0] = nd(DNB_F32, (float[]){0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9}, 3, dim);
    typed_check(&c);
    c.in[0] = VEC(F32, float, 0, 1, 2);
    c.in[1] = nd(DNB_F32, x, 3, dim);
    typed_refuse(&c, DNB_ESHAPE); /* the first does not broadcast */
    typed_case prelu = {
        .op = "PRelu",
        .opset = 6,
        .in = {nd(DNB_F32, (float[]){-1, -1, -1, 2, -2, -3, -1, -1, -1, 2, -2, -3}, 3, dim),
               VEC(F32, float, 10, 100)},
        .n_in = 2,
        .want = {nd(DNB_F32, (float[]){-10, -10, -10, 2, -200, -300, -10, -10, -10, 2, -200, -300},
                    3, dim)}};
    typed_check(&prelu);
    prelu.opset = 9;
    typed_refuse(&prelu, DNB_ESHAPE);
}

/* ---- comparisons, logic, bits -------------------------------------------------------------------
 */

static void test_comparisons(void **state)
{
    (void)state;
    dnb_array a = VEC(U64, uint64_t, UINT64_MAX, 1, 7), b = VEC(U64, uint64_t, 1, UINT64_MAX, 7);
    typed_check(BINARY("Greater", a, b, VEC(BOOL, uint8_t, 1, 0, 0)));
    typed_check(BINARY("Less", a, b, VEC(BOOL, uint8_t, 0, 1, 0)));
    typed_check(BINARY("GreaterOrEqual", a, b, VEC(BOOL, uint8_t, 1, 0, 1)));
    typed_check(BINARY("LessOrEqual", a, b, VEC(BOOL, uint8_t, 0, 1, 1)));
    typed_check(BINARY("Equal", a, b, VEC(BOOL, uint8_t, 0, 0, 1)));
    dnb_array x = VEC(F32, float, NAN, 1, -0.0f), y = VEC(F32, float, NAN, NAN, 0);
    typed_check(BINARY("Equal", x, y, VEC(BOOL, uint8_t, 0, 0, 1)));
    typed_check(BINARY("LessOrEqual", x, y, VEC(BOOL, uint8_t, 0, 0, 1)));
    typed_check(BINARY("Equal", VEC(BOOL, uint8_t, 1, 0), VEC(BOOL, uint8_t, 1, 1),
                       VEC(BOOL, uint8_t, 1, 0)));
    typed_refuse(BINARY("Less", x, a, a), DNB_EUNSUPPORTED);
    typed_refuse(UNARY("Not", x, a), DNB_EUNSUPPORTED);
    typed_refuse(UNARY("IsNaN", a, a), DNB_EUNSUPPORTED);
}

static void test_bits(void **state)
{
    (void)state;
    typed_case c = *BINARY("BitShift", VEC(U8, uint8_t, 255, 255, 255), VEC(U8, uint8_t, 1, 8, 70),
                           VEC(U8, uint8_t, 254, 0, 0));
    typed_refuse(&c, DNB_EARG); /* no direction */
    c.attrs = (const dnb_attr[]){DNB_STRING("direction", "LEFT")};
    c.n_attrs = 1;
    typed_check(&c);
    c.attrs = (const dnb_attr[]){DNB_STRING("direction", "RIGHT")};
    c.want[0] = VEC(U8, uint8_t, 127, 0, 0);
    typed_check(&c);
    c.in[0] = VEC(I8, int8_t, -1, -1, -1);
    typed_refuse(&c, DNB_EUNSUPPORTED);
    dnb_array a = VEC(U8, uint8_t, 12), b = VEC(U8, uint8_t, 10);
    typed_check(BINARY("BitwiseAnd", a, b, VEC(U8, uint8_t, 8)));
    typed_check(BINARY("BitwiseOr", a, b, VEC(U8, uint8_t, 14)));
    typed_check(BINARY("BitwiseXor", a, b, VEC(U8, uint8_t, 6)));
    typed_check(UNARY("BitwiseNot", a, VEC(U8, uint8_t, 243)));
    typed_check(UNARY("BitwiseNot", VEC(I16, int16_t, 5), VEC(I16, int16_t, -6)));
}

static void test_where(void **state)
{
    (void)state;
    typed_case c = {.op = "Where",
                    .in = {nd(DNB_BOOL, (uint8_t[]){1, 0}, 2, (size_t[]){2, 1}),
                           VEC(I8, int8_t, -1, -2, -3), VEC(I8, int8_t, 9)},
                    .n_in = 3,
                    .want = {nd(DNB_I8, (int8_t[]){-1, -2, -3, 9, 9, 9}, 2, (size_t[]){2, 3})}};
    typed_check(&c);
    c.in[2] = VEC(F32, float, 9);
    typed_refuse(&c, DNB_EUNSUPPORTED);
    c.in[0] = VEC(F32, float, 1);
    typed_refuse(&c, DNB_EUNSUPPORTED);
}

/* ---- types --------------------------------------------------------------------------------------
 */

static void check_cast(dnb_array from, dnb_array to, int64_t code)
{
    typed_case c = *UNARY("Cast", from, to);
    c.attrs = (const dnb_attr[]){DNB_INT("to", code)};
    c.n_attrs = 1;
    typed_check(&c);
    typed_case like = {.op = "CastLike", .opset = 15, .in = {from, to}, .n_in = 2, .want = {to}};
    typed_check(&like);
}

enum { U8 = 2, I8 = 3, I32 = 6, I64 = 7, STRING = 8, BOOL = 9, F16 = 10, U64 = 13 };

static void test_casts(void **state)
{
    (void)state;
    dnb_array wide = VEC(F32, float, 1.9f, -1.9f, 300, -300, NAN, INFINITY);
    check_cast(wide, VEC(I8, int8_t, 1, -1, 127, -128, 0, 127), I8);
    check_cast(wide, VEC(U8, uint8_t, 1, 0, 255, 0, 0, 255), U8);
    check_cast(wide, VEC(BOOL, uint8_t, 1, 1, 1, 1, 1, 1), BOOL);
    check_cast(VEC(F32, float, 0, -0.0f, 0.25f), VEC(BOOL, uint8_t, 0, 0, 1), BOOL);
    check_cast(VEC(F64, double, 1e30, -1e30, -7.5), VEC(I64, int64_t, INT64_MAX, INT64_MIN, -7),
               I64);
    check_cast(VEC(F32, float, INFINITY, -INFINITY, NAN),
               VEC(I64, int64_t, INT64_MAX, INT64_MIN, 0), I64);
    check_cast(VEC(F64, double, 1e30, -1e30, 0x1p63),
               VEC(U64, uint64_t, UINT64_MAX, 0, (uint64_t)1 << 63), U64);
    check_cast(VEC(F64, double, 1e30, -1e30), VEC(I32, int32_t, INT32_MAX, INT32_MIN), I32);
    check_cast(VEC(I16, int16_t, 300, -1), VEC(U8, uint8_t, 44, 255), U8);
    check_cast(VEC(I32, int32_t, -1), VEC(U64, uint64_t, UINT64_MAX), U64);
    check_cast(VEC(U64, uint64_t, UINT64_MAX), VEC(F32, float, 0x1p64f), 1);
    check_cast(VEC(I32, int32_t, 2, 0), VEC(BOOL, uint8_t, 1, 0), BOOL);
    check_cast(VEC(BOOL, uint8_t, 1, 0), VEC(F32, float, 1, 0), 1);
    check_cast(VEC(F32, float, 1, 70000), VEC(F16, uint16_t, 0x3c00, 0x7c00), F16);
    typed_case c = {.op = "Cast",
                    .opset = 5,
                    .in = {VEC(F32, float, 2.5f)},
                    .n_in = 1,
                    TYPED_ATTRS(DNB_STRING("to", "INT32")),
                    .want = {VEC(I32, int32_t, 2)}};
    typed_check(&c);
    c.attrs = (const dnb_attr[]){DNB_INT("to", STRING)};
    typed_refuse(&c, DNB_EUNSUPPORTED);
    c.attrs = (const dnb_attr[]){DNB_INT("to", INT64_MIN)};
    typed_refuse(&c, DNB_EUNSUPPORTED);
}

/* ---- activations --------------------------------------------------------------------------------
 */

static void test_integer_activations(void **state)
{
    (void)state;
    typed_check(UNARY("Relu", VEC(I8, int8_t, -3, 3), VEC(I8, int8_t, 0, 3)));
    typed_check(UNARY("Relu", VEC(U64, uint64_t, UINT64_MAX), VEC(U64, uint64_t, UINT64_MAX)));
    typed_case c = {.op = "Clip",
                    .in = {VEC(U64, uint64_t, 0, UINT64_MAX, 9),
                           nd(DNB_U64, (uint64_t[]){5}, 0, NULL),
                           nd(DNB_U64, (uint64_t[]){(uint64_t)1 << 63}, 0, NULL)},
                    .n_in = 3,
                    .want = {VEC(U64, uint64_t, 5, (uint64_t)1 << 63, 9)}};
    typed_check(&c);
    c.in[0] = VEC(F32, float, -3, 0, 3);
    typed_refuse(&c, DNB_EUNSUPPORTED); /* bounds of another type */
    c.in[1] = nd(DNB_F32, (float[]){2}, 0, NULL);
    c.in[2] = nd(DNB_F32, (float[]){1}, 0, NULL);
    c.want[0] = VEC(F32, float, 1, 1, 1); /* crossed bounds: the upper one */
    typed_check(&c);
    c.in[2] = VEC(F32, float, 1, 2);
    typed_refuse(&c, DNB_ESHAPE);
    typed_case shrink = {.op = "Shrink",
                         .in = {VEC(I8, int8_t, -5, -1, 1, 5)},
                         .n_in = 1,
                         TYPED_ATTRS(DNB_FLOAT("lambd", 1.5), DNB_FLOAT("bias", 1)),
                         .want = {VEC(I8, int8_t, -4, 0, 0, 4)}};
    typed_check(&shrink);
    shrink.in[0] = VEC(U64, uint64_t, UINT64_MAX, 1);
    shrink.want[0] = VEC(U64, uint64_t, UINT64_MAX - 1, 0);
    typed_check(&shrink);
    typed_check(
        BINARY("PRelu", VEC(I32, int32_t, -3, 3), VEC(I32, int32_t, 2), VEC(I32, int32_t, -6, 3)));
}

/* Operators of later operator sets, and what must hold far from zero. */
static void test_later_activations(void **state)
{
    (void)state;
    typed_case c = {.op = "Gelu",
                    .opset = 18,
                    .in = {VEC(F32, float, 1, -1, 0, -6)},
                    .n_in = 1,
                    .want = {VEC(F32, float, 0.84134475f, -0.15865526f, 0, -5.9195223e-9f)}};
    typed_check(&c);
    c.attrs = (const dnb_attr[]){DNB_STRING("approximate", "tanh")};
    c.n_attrs = 1;
    c.in[0] = VEC(F32, float, 1, -1, 0);
    c.want[0] = VEC(F32, float, 0.84119199f, -0.15880801f, 0);
    typed_check(&c);
    c.attrs = (const dnb_attr[]){DNB_STRING("approximate", "fast")};
    typed_refuse(&c, DNB_EARG);
    typed_check(UNARY("Mish", VEC(F32, float, 1, 0, 100), VEC(F32, float, 0.86509839f, 0, 100)));
    typed_check(UNARY("Softplus", VEC(F64, double, 1000, -1000, 0),
                      VEC(F64, double, 1000, 0, 0.69314718055994531)));
    typed_check(UNARY("Elu", VEC(F32, float, -1e-6f, NAN), VEC(F32, float, -9.999995e-7f, NAN)));
    typed_check(UNARY("Round", VEC(F64, double, 0.5, 1.5, -2.5), VEC(F64, double, 0, 2, -2)));
    typed_refuse(UNARY("Elu", VEC(I32, int32_t, 1), VEC(I32, int32_t, 1)), DNB_EUNSUPPORTED);
    typed_case h = {
        .op = "Hardmax", /* before operator set 13: over everything from the axis on */
        .opset = 11,
        .in = {nd(DNB_F32, (float[]){1, 5, 5, 2, 3, 4, 4, 0}, 3, (size_t[]){2, 2, 2})},
        .n_in = 1,
        .want = {nd(DNB_F32, (float[]){0, 1, 0, 0, 0, 1, 0, 0}, 3, (size_t[]){2, 2, 2})}};
    typed_check(&h);
    h.attrs = (const dnb_attr[]){DNB_INT("axis", 7)};
    h.n_attrs = 1;
    typed_refuse(&h, DNB_EARG);
}

/* ---- random numbers, Dropout --------------------------------------------------------------------
 */

enum { MANY = 20000 };

static dnb_array draw(const char *op, const dnb_attr *attrs, size_t n_attrs)
{
    dnb_err err = {0};
    dnb_array out = {0};
    typed_case c = {.op = op, .attrs = attrs, .n_attrs = n_attrs};
    if (typed_run(&c, false, &out, &err) != DNB_OK)
        fail_msg("%s: %s", op, err.message);
    return out;
}

static void test_random(void **state)
{
    (void)state;
    const dnb_attr shape = DNB_INTS("shape", 2, MANY / 2);
    const dnb_attr uniform[] = {shape, DNB_FLOAT("low", -2), DNB_FLOAT("high", 6),
                                DNB_FLOAT("seed", 3)};
    int threads = dnb_threads_get();
    dnb_array a = draw("RandomUniform", uniform, 4);
    dnb_threads_set(1);
    dnb_array b = draw("RandomUniform", uniform, 4);
    dnb_threads_set(threads);
    dnb_array other = draw("RandomUniform", uniform, 3), normal;
    double sum = 0, squares = 0;
    assert_int_equal(a.ndim, 2);
    assert_memory_equal(a.data, b.data, MANY * sizeof(float));
    assert_memory_not_equal(a.data, other.data, MANY * sizeof(float));
    for (size_t i = 0; i < MANY; i++) {
        float v = ((float *)a.data)[i];
        assert_true(v >= -2 && v < 6);
        sum += (double)v;
    }
    assert_true(fabs(sum / MANY - 2) < 0.08); /* five standard errors: 8 / sqrt(12 n) each */
    const dnb_attr gauss[] = {shape, DNB_FLOAT("mean", 1), DNB_FLOAT("scale", 3),
                              DNB_INT("dtype", 11)};
    normal = draw("RandomNormal", gauss, 4);
    assert_int_equal(normal.dtype, DNB_F64);
    sum = 0;
    for (size_t i = 0; i < MANY; i++) {
        double v = ((double *)normal.data)[i] - 1;
        sum += v;
        squares += v * v;
    }
    assert_true(fabs(sum / MANY) < 0.11);
    assert_true(fabs(squares / MANY - 9) < 0.45);
    dnb_array_release(&a);
    dnb_array_release(&b);
    dnb_array_release(&other);
    dnb_array_release(&normal);
    typed_case c = {.op = "RandomUniform", .attrs = uniform + 1, .n_attrs = 1};
    typed_refuse(&c, DNB_EARG); /* no shape */
    c.attrs = (const dnb_attr[]){DNB_INTS("shape", 3, -1)};
    typed_refuse(&c, DNB_ESHAPE);
    c.attrs = (const dnb_attr[]){DNB_INTS("shape", INT64_MAX, INT64_MAX)};
    typed_refuse(&c, DNB_ESHAPE);
    c.attrs = (const dnb_attr[]){shape, DNB_INT("dtype", I32)};
    c.n_attrs = 2;
    typed_refuse(&c, DNB_EUNSUPPORTED);
    c.attrs = (const dnb_attr[]){shape, DNB_FLOAT("low", 2)};
    typed_refuse(&c, DNB_EARG); /* above high */
}

static void test_bernoulli(void **state)
{
    (void)state;
    typed_case c = *UNARY("Bernoulli", VEC(F32, float, 0, 1, 0, 1), VEC(F32, float, 0, 1, 0, 1));
    c.opset = 15;
    typed_check(&c);
    c.attrs = (const dnb_attr[]){DNB_INT("dtype", U8)};
    c.n_attrs = 1;
    c.want[0] = VEC(U8, uint8_t, 0, 1, 0, 1);
    typed_check(&c);
    typed_case like = *UNARY("RandomNormalLike", VEC(F64, double, 1, 2), vec(DNB_F64, NULL, 2));
    typed_check(&like);
    like.in[0] = VEC(I32, int32_t, 1, 2);
    typed_refuse(&like, DNB_EUNSUPPORTED);
}

static void test_dropout(void **state)
{
    (void)state;
    typed_case c = {.op = "Dropout",
                    .in = {VEC(F32, float, 1, 2), nd(DNB_F32, (float[]){0.5f}, 0, NULL),
                           nd(DNB_BOOL, (uint8_t[]){0}, 0, NULL)},
                    .n_in = 3,
                    .want = {VEC(F32, float, 1, 2), VEC(BOOL, uint8_t, 1, 1)},
                    .n_want = 2};
    typed_check(&c);
    c.in[2] = nd(DNB_BOOL, (uint8_t[]){1}, 0, NULL);
    typed_refuse(&c, DNB_EUNSUPPORTED);
    c.in[1] = nd(DNB_F32, (float[]){0}, 0, NULL);
    typed_check(&c);
    c.in[1] = VEC(F32, float, 0, 0);
    typed_refuse(&c, DNB_ESHAPE);
    c.n_in = 1;
    c.opset = 7;
    c.want[1] = VEC(F32, float, 1, 1); /* the mask had the data's type */
    typed_check(&c);
    c.opset = 6;
    typed_refuse(&c, DNB_EUNSUPPORTED); /* trains unless told not to */
    c.attrs = (const dnb_attr[]){DNB_INT("is_test", 1)};
    c.n_attrs = 1;
    typed_check(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_arithmetic),
        cmocka_unit_test(test_remainders),
        cmocka_unit_test(test_powers),
        cmocka_unit_test(test_many_operands),
        cmocka_unit_test(test_broadcasting),
        cmocka_unit_test(test_old_broadcasting),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_casts),
        cmocka_unit_test(test_integer_activations),
        cmocka_unit_test(test_later_activations),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_bernoulli),
        cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
