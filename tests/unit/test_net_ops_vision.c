/* net: vision, quantised and signal operators refuse what does not fit, and the Fourier transform
 * against its definition. Their results are checked by ONNX's conformance data and by
 * golden/diff_ops_vision.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "net/fft.h"
#include "op_case.h"

static dnb_shape integers(int ndim, size_t a, size_t b, size_t c, dnb_dtype elem)
{
    dnb_shape s = shape(ndim, a, b, c, 1);
    s.dtype = DNB_I64;
    s.elem = DNB_ELEM(elem);
    return s;
}

static void test_resize(void **state)
{
    (void)state;
    op_case c = {.op = "Resize",
                 .x = shape(4, 1, 1, 2, 2),
                 .constants = {{0}, floats((float[]){1, 1, 2, 2}, 1, 4, 0, 0, 0)},
                 .n_constants = 2,
                 ATTRS(DNB_STRING("mode", "linear")),
                 .want = shape(4, 1, 1, 4, 4),
                 .want_data = (float[]){1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25,
                                        3.5, 3, 3.25, 3.75, 4}};
    check(&c);
    c.constants[1] = floats((float[]){1, 1, 2}, 1, 3, 0, 0, 0);
    refuse(&c, DNB_EARG);
    c.constants[1] = floats((float[]){1, 1, 2, -1}, 1, 4, 0, 0, 0);
    refuse(&c, DNB_EARG);
    c.constants[1] = floats((float[]){1, 1, 2, NAN}, 1, 4, 0, 0, 0);
    refuse(&c, DNB_EARG);
    c.constants[1] = floats((float[]){1, 1, 1e30f, 1}, 1, 4, 0, 0, 0);
    refuse(&c, DNB_ESHAPE);
    c.constants[1] = floats((float[]){1, 1, 0.1f, 1}, 1, 4, 0, 0, 0);
    refuse(&c, DNB_ESHAPE);
    c.constants[1] = floats((float[]){1, 1, 2, 2}, 1, 4, 0, 0, 0);
    c.attrs = (const dnb_attr[]){DNB_STRING("coordinate_transformation_mode", "elsewhere")};
    refuse(&c, DNB_EUNSUPPORTED);
    c.attrs =
        (const dnb_attr[]){DNB_STRING("coordinate_transformation_mode", "tf_crop_and_resize")};
    refuse(&c, DNB_EARG); /* needs a roi */
    c.attrs = (const dnb_attr[]){DNB_INTS("axes", 2, -2)};
    c.constants[1] = floats((float[]){2, 2}, 1, 2, 0, 0, 0);
    refuse(&c, DNB_EARG); /* the same axis twice */
    c.constants[1] = (dnb_array){0};
    refuse(&c, DNB_EARG);
    c.n_attrs = 0;
    c.constants[2] = ints((int64_t[]){1, 1, 0, 2}, 4);
    c.n_constants = 3;
    refuse(&c, DNB_ESHAPE);
}

static void test_sampling(void **state)
{
    (void)state;
    op_case grid = {.op = "GridSample",
                    .opset = 16,
                    .x = shape(4, 1, 1, 2, 2),
                    .constants = {floats((float[]){0, 0, NAN, 0}, 4, 1, 1, 2, 2)},
                    .n_constants = 1,
                    .want = shape(4, 1, 1, 1, 2),
                    .want_data = (float[]){2.5f, 0}};
    check(&grid);
    grid.attrs = (const dnb_attr[]){DNB_STRING("mode", "sinc")};
    grid.n_attrs = 1;
    refuse(&grid, DNB_EUNSUPPORTED);
    grid.n_attrs = 0;
    grid.constants[0] = floats((float[]){0, 0, 0}, 4, 1, 1, 1, 3);
    refuse(&grid, DNB_ESHAPE);
    op_case roi = {
        .op = "RoiAlign",
        .opset = 16,
        .x = shape(4, 1, 1, 2, 2),
        .constants = {floats((float[]){0, 0, 2, 2}, 2, 1, 4, 0, 0), ints((int64_t[]){0}, 1)},
        .n_constants = 2,
        .want = shape(4, 1, 1, 1, 1),
        .want_data = (float[]){2.5f}};
    check(&roi);
    roi.constants[1] = ints((int64_t[]){1}, 1);
    refuse(&roi, DNB_EARG); /* there is one image */
    roi.constants[1] = ints((int64_t[]){-1}, 1);
    refuse(&roi, DNB_EARG);
    roi.constants[1] = ints((int64_t[]){0, 0}, 2);
    refuse(&roi, DNB_ESHAPE);
    roi.constants[1] = ints((int64_t[]){0}, 1);
    roi.attrs = (const dnb_attr[]){DNB_INT("output_height", 0)};
    roi.n_attrs = 1;
    refuse(&roi, DNB_EARG);
}

static void test_pooling(void **state)
{
    (void)state;
    op_case unpool = {.op = "MaxUnpool",
                      .x = shape(4, 1, 1, 1, 2),
                      .constants = {{0}},
                      .n_constants = 1,
                      ATTRS(DNB_INTS("kernel_shape", 2, 2), DNB_INTS("strides", 2, 2)),
                      .want = shape(4, 1, 1, 2, 4),
                      .want_data = (float[]){0, 1, 0, 0, 0, 0, 2, 0}};
    int64_t at[] = {1, 6};
    dnb_array_borrow(&unpool.constants[0], DNB_I64, 4, (size_t[]){1, 1, 1, 2}, at);
    check(&unpool);
    at[1] = 8;
    refuse(&unpool, DNB_EARG);
    at[1] = -1;
    refuse(&unpool, DNB_EARG);
    at[1] = 6;
    unpool.constants[1] = ints((int64_t[]){1, 1, 2, 3}, 4); /* smaller than the indices' own */
    unpool.n_constants = 2;
    refuse(&unpool, DNB_EARG);
    unpool.n_constants = 1;
    unpool.attrs = (const dnb_attr[]){DNB_INTS("kernel_shape", 2, 2), DNB_INTS("pads", 9, 9, 9, 9)};
    refuse(&unpool, DNB_ESHAPE);
    op_case lp = {.op = "LpPool",
                  .x = shape(3, 1, 1, 2, 0),
                  .x_data = (float[]){3, -4},
                  ATTRS(DNB_INTS("kernel_shape", 2)),
                  .want = shape(3, 1, 1, 1, 0),
                  .want_data = (float[]){5}};
    check(&lp);
    lp.attrs = (const dnb_attr[]){DNB_INTS("kernel_shape", 2), DNB_INT("p", 0)};
    lp.n_attrs = 2;
    refuse(&lp, DNB_EARG);
    op_case pool = {
        .op = "MaxPool", .x = integers(3, 1, 1, 4, DNB_U64), ATTRS(DNB_INTS("kernel_shape", 2))};
    refuse(&pool, DNB_EUNSUPPORTED);
}

static void test_boxes(void **state)
{
    (void)state;
    /* How many boxes there are depends on the data, which a compiled program does not know. */
    op_case c = {.op = "NonMaxSuppression",
                 .x = shape(3, 1, 2, 4, 0),
                 .constants = {floats((float[]){0.5f, 0.6f}, 3, 1, 1, 2, 0)},
                 .n_constants = 1};
    refuse(&c, DNB_EUNSUPPORTED);
}

static void test_integers(void **state)
{
    (void)state;
    int64_t b[] = {1, 2, 3, 4};
    op_case c = {.op = "MatMulInteger", .x = integers(2, 1, 2, 0, DNB_U8), .n_constants = 1};
    dnb_array_borrow(&c.constants[0], DNB_I64, 2, (size_t[]){2, 2}, b);
    refuse(&c, DNB_EUNSUPPORTED); /* int64 is not 8 bits */
    c.op = "ConvInteger";
    refuse(&c, DNB_EUNSUPPORTED);
    c.op = "MatMul";
    c.x = shape(2, 1, 2, 0, 0);
    refuse(&c, DNB_EARG); /* floats by integers */
    op_case q = {.op = "QuantizeLinear",
                 .x = shape(2, 1, 4, 0, 0),
                 .constants = {floats((float[]){1, 2, 3}, 1, 3, 0, 0, 0)},
                 .n_constants = 1};
    refuse(&q, DNB_ESHAPE);
    q.constants[0] = floats((float[]){1, 2, 3, 4}, 1, 4, 0, 0, 0);
    q.opset = 10; /* per tensor only */
    refuse(&q, DNB_ESHAPE);
    q.opset = 13;
    q.attrs = (const dnb_attr[]){DNB_INT("axis", 2)};
    q.n_attrs = 1;
    refuse(&q, DNB_EARG);
    q.n_attrs = 0;
    q.constants[1] = ints((int64_t[]){1, 2, 3, 4}, 4); /* an int64 zero point */
    q.n_constants = 2;
    refuse(&q, DNB_EUNSUPPORTED);
    op_case d = {.op = "DequantizeLinear",
                 .x = shape(2, 1, 4, 0, 0),
                 .constants = {floats((float[]){1}, 0, 0, 0, 0, 0)},
                 .n_constants = 1};
    refuse(&d, DNB_EUNSUPPORTED);
}

static void test_signals(void **state)
{
    (void)state;
    op_case c = {.op = "DFT",
                 .opset = 17,
                 .x = shape(3, 1, 3, 1, 0),
                 .want = shape(3, 1, 3, 2, 0),
                 .want_data = (float[]){6, 0, -1.5f, 0.8660254f, -1.5f, -0.8660254f}};
    check(&c);
    c.attrs = (const dnb_attr[]){DNB_INT("axis", 2)};
    c.n_attrs = 1;
    refuse(&c, DNB_EARG);
    c.attrs = (const dnb_attr[]){DNB_INT("inverse", 1), DNB_INT("onesided", 1)};
    c.n_attrs = 2;
    refuse(&c, DNB_EUNSUPPORTED);
    c.n_attrs = 0;
    c.constants[0] = ints((int64_t[]){0}, 1);
    c.n_constants = 1;
    refuse(&c, DNB_EARG);
    c.constants[0] = ints((int64_t[]){INT64_MAX}, 1);
    refuse(&c, DNB_EARG);
    c.n_constants = 0;
    c.x = shape(3, 1, 1, 3, 0); /* neither real nor complex */
    refuse(&c, DNB_ESHAPE);
    op_case s = {.op = "STFT",
                 .opset = 17,
                 .x = shape(3, 1, 8, 1, 0),
                 .constants = {ints((int64_t[]){0}, 1), {0}, ints((int64_t[]){4}, 1)},
                 .n_constants = 3};
    refuse(&s, DNB_EARG); /* steps of nothing */
    s.constants[0] = ints((int64_t[]){2}, 1);
    s.constants[2] = ints((int64_t[]){9}, 1);
    refuse(&s, DNB_ESHAPE); /* longer than the signal */
    s.n_constants = 1;
    refuse(&s, DNB_ESHAPE); /* neither window nor length */
}

/* Every length up to 40, forward against the definition and back again. */
static void test_fourier(void **state)
{
    const double pi = 3.14159265358979323846;
    (void)state;
    for (size_t n = 1; n <= 40; n++) {
        dnb_fft *f = NULL;
        double x[80], y[80], *scratch;
        assert_int_equal(dnb_fft_new(&f, n, NULL), DNB_OK);
        scratch = malloc((dnb_fft_scratch(f) + 1) * sizeof *scratch);
        assert_non_null(scratch);
        for (size_t i = 0; i < 2 * n; i++)
            y[i] = x[i] = sin((double)(i * i + n));
        dnb_fft_run(f, y, false, scratch);
        for (size_t k = 0; k < n; k++) {
            double re = 0, im = 0;
            for (size_t t = 0; t < n; t++) {
                double a = -2 * pi * (double)(k * t % n) / (double)n;
                re += x[2 * t] * cos(a) - x[2 * t + 1] * sin(a);
                im += x[2 * t] * sin(a) + x[2 * t + 1] * cos(a);
            }
            assert_true(fabs(y[2 * k] - re) < 1e-12 && fabs(y[2 * k + 1] - im) < 1e-12);
        }
        dnb_fft_run(f, y, true, scratch);
        for (size_t i = 0; i < 2 * n; i++)
            assert_true(fabs(y[i] - x[i]) < 1e-13);
        free(scratch);
        dnb_fft_free(f);
    }
    dnb_fft *none = NULL;
    dnb_err err = {0};
    assert_int_equal(dnb_fft_new(&none, 0, &err), DNB_EARG);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),   cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_pooling),  cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_integers), cmocka_unit_test(test_signals),
        cmocka_unit_test(test_fourier)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
