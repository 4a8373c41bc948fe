/* array: shapes, overflow, element-type conversion. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "array/half.h"
#include "dnnbrain/array.h"

static void test_shapes_and_overflow(void **state)
{
    (void)state;
    dnb_array a = {0};
    dnb_err err;
    char text[64];
    assert_int_equal(dnb_array_init(&a, DNB_F32, 3, (size_t[]){2, 3, 4}, &err), DNB_OK);
    assert_int_equal(dnb_array_count(&a), 24);
    assert_int_equal(dnb_array_bytes(&a), 96);
    assert_string_equal(dnb_array_shape_text(&a, text, sizeof text), "2x3x4");
    dnb_array_release(&a);
    assert_int_equal(dnb_array_init(&a, DNB_F64, 2, (size_t[]){SIZE_MAX / 4, 5}, &err), DNB_ENOMEM);
    assert_int_equal(dnb_array_init(&a, DNB_F64, 9, (size_t[9]){1}, &err), DNB_EARG);
}

/* Every half converts to float and back unchanged, and rounding picks the nearest even neighbour.
 */
static void test_half_round_trip(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = dnb_half_to_float((uint16_t)h);
        if (f != f)
            continue;
        assert_int_equal(dnb_float_to_half(f), h);
    }
    assert_int_equal(dnb_float_to_half(1.0f + 0x1p-11f), 0x3c00);            /* tie to even */
    assert_int_equal(dnb_float_to_half(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01); /* above the tie */
    assert_int_equal(dnb_float_to_half(65519.0f), 0x7bff);
    assert_int_equal(dnb_float_to_half(65520.0f), 0x7c00);
    assert_int_equal(dnb_float_to_bfloat(1.0f + 0x1p-8f), 0x3f80);
    assert_int_equal(dnb_float_to_bfloat(1.0f + 3 * 0x1p-8f), 0x3f82);
}

static void test_conversions(void **state)
{
    (void)state;
    double v[4] = {-1.5, 300.7, NAN, 1e300};
    dnb_array a = {0}, b = {0};
    dnb_err err;
    dnb_array_borrow(&a, DNB_F64, 1, (size_t[]){4}, v);
    assert_int_equal(dnb_array_convert(&b, &a, DNB_I64, &err), DNB_OK);
    assert_int_equal(((int64_t *)b.data)[0], -1);
    assert_int_equal(((int64_t *)b.data)[1], 300);
    assert_int_equal(((int64_t *)b.data)[2], 0);
    dnb_array_release(&b);
    int64_t big[1] = {INT64_MAX};
    dnb_array_borrow(&a, DNB_I64, 1, (size_t[]){1}, big);
    assert_int_equal(dnb_array_convert(&b, &a, DNB_U64, &err), DNB_OK);
    assert_true(((uint64_t *)b.data)[0] == (uint64_t)INT64_MAX);
    dnb_array_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_and_overflow),
        cmocka_unit_test(test_half_round_trip),
        cmocka_unit_test(test_conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
