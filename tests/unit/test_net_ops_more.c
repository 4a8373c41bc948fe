/* net: elementwise, matrix, shape, movement and reduction operators against cases worked out by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "op_case.h"

/* ---- elementwise --------------------------------------------------------------------------------
 */

static void test_activations(void **state)
{
    (void)state;
    op_case c = {.op = "Relu",
                 .x = shape(2, 1, 4, 0, 0),
                 .x_data = (float[]){-2, 0, 3, -0.5f},
                 .want = shape(2, 1, 4, 0, 0),
                 .want_data = (float[]){0, 0, 3, 0}};
    check(&c);
    c.op = "LeakyRelu";
    c.want_data = (float[]){-0.02f, 0, 3, -0.005f};
    check(&c);
    c.op = "Sigmoid";
    c.want_data = (float[]){0.119202922f, 0.5f, 0.952574127f, 0.377540669f};
    check(&c);
    c.op = "Tanh";
    c.want_data = (float[]){-0.96402758f, 0, 0.995054754f, -0.462117157f};
    check(&c);
    c.op = "Clip";
    c.constants[0] = floats((float[]){-1}, 0, 0, 0, 0, 0);
    c.constants[1] = floats((float[]){2}, 0, 0, 0, 0, 0);
    c.n_constants = 2;
    c.want_data = (float[]){-1, 0, 2, -0.5f};
    check(&c);
    c.constants[0] = (dnb_array){0}; /* no lower bound */
    c.want_data = (float[]){-2, 0, 2, -0.5f};
    check(&c);
    c.n_constants = 0;
    c.n_attrs = 1;
    c.opset = 6;
    c.attrs = (const dnb_attr[]){DNB_FLOAT("min", 0.0)};
    c.want_data = (float[]){0, 0, 3, 0};
    check(&c);
}

static void test_arithmetic(void **state)
{
    (void)state;
    op_case c = {.op = "Add",
                 .x = shape(2, 2, 2, 0, 0),
                 .constants = {floats((float[]){10, 20}, 1, 2, 0, 0, 0)},
                 .n_constants = 1,
                 .want = shape(2, 2, 2, 0, 0),
                 .want_data = (float[]){11, 22, 13, 24}};
    check(&c);
    c.op = "Sub";
    c.want_data = (float[]){-9, -18, -7, -16};
    check(&c);
    c.op = "Mul";
    c.want_data = (float[]){10, 40, 30, 80};
    check(&c);
    c.op = "Div";
    c.want_data = (float[]){0.1f, 0.1f, 0.3f, 0.2f};
    check(&c);
    c.op = "Sum";
    c.want_data = (float[]){11, 22, 13, 24};
    check(&c);
    /* the first operand is the one that broadcasts */
    op_case wide = {.op = "Mul",
                    .x = shape(2, 1, 2, 0, 0),
                    .constants = {floats((float[]){1, 10, 100, 1000}, 2, 2, 2, 0, 0)},
                    .n_constants = 1,
                    .want = shape(2, 2, 2, 0, 0),
                    .want_data = (float[]){1, 20, 100, 2000}};
    check(&wide);
    wide.op = "Sub";
    wide.want_data = (float[]){0, -8, -99, -998};
    check(&wide);
    c.op = "Add";
    c.constants[0] = floats((float[]){1, 2, 3}, 1, 3, 0, 0, 0);
    refuse(&c, DNB_ESHAPE);
}

/* ---- matrices -----------------------------------------------------------------------------------
 */

static void test_gemm(void **state)
{
    (void)state;
    op_case c = {.op = "Gemm",
                 .x = shape(2, 1, 2, 0, 0),
                 .constants = {floats((float[]){1, 2, 3, 4, 5, 6}, 2, 2, 3, 0, 0),
                               floats((float[]){10, 20, 30}, 1, 3, 0, 0, 0)},
                 .n_constants = 2,
                 .want = shape(2, 1, 3, 0, 0),
                 .want_data = (float[]){19, 32, 45}};
    check(&c);
    c.attrs = (const dnb_attr[]){DNB_FLOAT("alpha", 2), DNB_FLOAT("beta", 0.5)};
    c.n_attrs = 2;
    c.want_data = (float[]){23, 34, 45};
    check(&c);
    c.constants[0] = floats((float[]){1, 4, 2, 5, 3, 6}, 2, 3, 2, 0, 0);
    c.attrs =
        (const dnb_attr[]){DNB_FLOAT("alpha", 2), DNB_FLOAT("beta", 0.5), DNB_INT("transB", 1)};
    c.n_attrs = 3;
    check(&c);
    c.constants[1] = floats((float[]){7}, 0, 0, 0, 0, 0); /* a scalar broadcasts */
    c.want_data = (float[]){21.5f, 27.5f, 33.5f};
    check(&c);
    c.constants[1] = floats((float[]){7, 7}, 1, 2, 0, 0, 0);
    refuse(&c, DNB_ESHAPE);
    c.constants[0] = floats((float[]){1, 2, 3}, 2, 1, 3, 0, 0);
    refuse(&c, DNB_ESHAPE);
}

static void test_matmul(void **state)
{
    (void)state;
    op_case c = {.op = "MatMul",
                 .x = shape(2, 2, 2, 0, 0),
                 .constants = {floats((float[]){1, 2, 3, 4}, 2, 2, 2, 0, 0)},
                 .n_constants = 1,
                 .want = shape(2, 2, 2, 0, 0),
                 .want_data = (float[]){7, 10, 15, 22}};
    check(&c);
    /* batches: x 2x1x2, one 2x1 matrix for both */
    c.x = shape(3, 2, 1, 2, 0);
    c.constants[0] = floats((float[]){1, 10}, 2, 2, 1, 0, 0);
    c.want = shape(3, 2, 1, 1, 0);
    c.want_data = (float[]){21, 43};
    check(&c);
    c.constants[0] =
        floats((float[]){1, 10}, 1, 2, 0, 0, 0); /* a vector is a column, and dropped */
    c.want = shape(2, 2, 1, 0, 0);
    check(&c);
    c.constants[0] = floats((float[]){1, 10, 2, 20}, 3, 2, 2, 1, 0); /* one matrix each */
    c.want = shape(3, 2, 1, 1, 0);
    c.want_data = (float[]){21, 86};
    check(&c);
}

/* ---- shapes and movement ------------------------------------------------------------------------
 */

static void test_shapes(void **state)
{
    (void)state;
    static const float six[] = {1, 2, 3, 4, 5, 6};
    op_case c = {
        .op = "Flatten", .x = shape(4, 1, 3, 1, 2), .want = shape(2, 1, 6, 0, 0), .want_data = six};
    check(&c);
    c.op = "Dropout";
    c.want = c.x;
    check(&c);
    c.op = "Identity";
    check(&c);
    c.op = "Reshape";
    c.constants[0] = ints((int64_t[]){0, -1, 3}, 3);
    c.n_constants = 1;
    c.want = shape(3, 1, 2, 3, 0);
    check(&c);
    c.op = "Unsqueeze";
    c.x = shape(3, 1, 2, 3, 0);
    c.constants[0] = ints((int64_t[]){-1}, 1);
    c.want = shape(4, 1, 2, 3, 1);
    check(&c);
    c.op = "Squeeze";
    c.x = shape(4, 1, 2, 1, 3);
    c.constants[0] = ints((int64_t[]){2}, 1);
    c.want = shape(3, 1, 2, 3, 0);
    check(&c);
    c.n_constants = 0; /* every 1 but the batch */
    check(&c);
    c.op = "Reshape";
    c.n_constants = 1;
    c.constants[0] = ints((int64_t[]){0, 4}, 2);
    refuse(&c, DNB_ESHAPE);
    c.constants[0] = ints((int64_t[]){-1, -1}, 2);
    refuse(&c, DNB_EARG);
    c.constants[0] = ints((int64_t[]){INT64_MAX, INT64_MAX, 4}, 3);
    refuse(&c, DNB_ESHAPE);
}

static void test_movement(void **state)
{
    (void)state;
    op_case t = {.op = "Transpose",
                 .x = shape(3, 1, 2, 3, 0),
                 ATTRS(DNB_INTS("perm", 0, 2, 1)),
                 .want = shape(3, 1, 3, 2, 0),
                 .want_data = (float[]){1, 4, 2, 5, 3, 6}};
    check(&t);
    t.attrs = (const dnb_attr[]){DNB_INTS("perm", 0, 1, 1)};
    refuse(&t, DNB_EARG);
    op_case cat = {.op = "Concat",
                   .x = shape(2, 2, 2, 0, 0),
                   .constants = {floats((float[]){9, 8}, 2, 2, 1, 0, 0)},
                   .n_constants = 1,
                   ATTRS(DNB_INT("axis", 1)),
                   .want = shape(2, 2, 3, 0, 0),
                   .want_data = (float[]){1, 2, 9, 3, 4, 8}};
    check(&cat);
    op_case gather = {.op = "Gather",
                      .x = shape(2, 2, 3, 0, 0),
                      .constants = {ints((int64_t[]){-1, 0}, 2)},
                      .n_constants = 1,
                      ATTRS(DNB_INT("axis", 1)),
                      .want = shape(2, 2, 2, 0, 0),
                      .want_data = (float[]){3, 1, 6, 4}};
    check(&gather);
    gather.constants[0] = ints((int64_t[]){3, 0}, 2);
    refuse(&gather, DNB_EARG);
    op_case slice = {.op = "Slice",
                     .x = shape(2, 1, 6, 0, 0),
                     .constants = {ints((int64_t[]){4}, 1), ints((int64_t[]){-100}, 1),
                                   ints((int64_t[]){1}, 1), ints((int64_t[]){-2}, 1)},
                     .n_constants = 4,
                     .want = shape(2, 1, 3, 0, 0),
                     .want_data = (float[]){5, 3, 1}};
    check(&slice);
    slice.constants[0] = ints((int64_t[]){1}, 1);
    slice.constants[1] = ints((int64_t[]){INT64_MAX}, 1);
    slice.constants[3] = ints((int64_t[]){2}, 1);
    slice.want_data = (float[]){2, 4, 6};
    check(&slice);
    slice.constants[3] = ints((int64_t[]){0}, 1);
    refuse(&slice, DNB_EARG);
}

static void test_padding_and_resizing(void **state)
{
    (void)state;
    op_case pad = {
        .op = "Pad",
        .x = shape(2, 1, 3, 0, 0),
        .constants = {ints((int64_t[]){0, 2, 0, 1}, 4), floats((float[]){7}, 0, 0, 0, 0, 0)},
        .n_constants = 2,
        .want = shape(2, 1, 6, 0, 0),
        .want_data = (float[]){7, 7, 1, 2, 3, 7}};
    check(&pad);
    pad.attrs = (const dnb_attr[]){DNB_STRING("mode", "reflect")};
    pad.n_attrs = 1;
    pad.want_data = (float[]){3, 2, 1, 2, 3, 2};
    check(&pad);
    pad.attrs = (const dnb_attr[]){DNB_STRING("mode", "edge")};
    pad.want_data = (float[]){1, 1, 1, 2, 3, 3};
    check(&pad);
    pad.constants[0] = ints((int64_t[]){0, -1, 0, 0}, 4);
    pad.want = shape(2, 1, 2, 0, 0);
    pad.want_data = (float[]){2, 3};
    check(&pad);
    op_case up = {.op = "Upsample",
                  .opset = 9,
                  .x = shape(4, 1, 1, 1, 2),
                  .constants = {floats((float[]){1, 1, 2, 2}, 1, 4, 0, 0, 0)},
                  .n_constants = 1,
                  .want = shape(4, 1, 1, 2, 4),
                  .want_data = (float[]){1, 1, 2, 2, 1, 1, 2, 2}};
    check(&up);
    op_case resize = {.op = "Resize",
                      .x = shape(4, 1, 1, 1, 4),
                      .constants = {{0}, {0}, ints((int64_t[]){1, 1, 1, 2}, 4)},
                      .n_constants = 3,
                      .want = shape(4, 1, 1, 1, 2),
                      .want_data = (float[]){1, 3}};
    check(&resize); /* half_pixel: 0.5 and 2.5, round_prefer_floor */
    /* sizes win over scales, even over a list that is too short */
    resize.attrs = (const dnb_attr[]){
        {.name = "scales", .kind = DNB_ATTR_FLOATS, .floats = (const double[]){1}, .n = 1}};
    resize.n_attrs = 1;
    check(&resize);
}

static void test_reductions_and_legacy(void **state)
{
    (void)state;
    op_case r = {.op = "ReduceMean",
                 .x = shape(3, 1, 2, 3, 0),
                 ATTRS(DNB_INTS("axes", -1)),
                 .want = shape(3, 1, 2, 1, 0),
                 .want_data = (float[]){2, 5}};
    check(&r);
    r.attrs = (const dnb_attr[]){DNB_INTS("axes", 1), DNB_INT("keepdims", 0)};
    r.n_attrs = 2;
    r.want = shape(2, 1, 3, 0, 0);
    r.want_data = (float[]){2.5f, 3.5f, 4.5f};
    check(&r);
    r.op = "ReduceMax";
    r.want_data = (float[]){4, 5, 6};
    check(&r);
    r.op = "ReduceSum";
    r.want_data = (float[]){5, 7, 9};
    check(&r);
    op_case crop = {.op = "Crop",
                    .x = shape(4, 1, 1, 3, 3),
                    ATTRS(DNB_INTS("border", 1, 0, 0, 1)),
                    .want = shape(4, 1, 1, 2, 2),
                    .want_data = (float[]){2, 3, 5, 6}};
    check(&crop);
    double bias[] = {1, -1};
    op_case scale = {
        .op = "ImageScaler",
        .x = shape(4, 1, 2, 1, 1),
        ATTRS(DNB_FLOAT("scale", 2),
              ((dnb_attr){.name = "bias", .kind = DNB_ATTR_FLOATS, .floats = bias, .n = 2})),
        .want = shape(4, 1, 2, 1, 1),
        .want_data = (float[]){3, 3}};
    check(&scale);
    op_case affine = {.op = "Affine",
                      .x = shape(2, 1, 2, 0, 0),
                      ATTRS(DNB_FLOAT("alpha", 3), DNB_FLOAT("beta", 1)),
                      .want = shape(2, 1, 2, 0, 0),
                      .want_data = (float[]){4, 7}};
    check(&affine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_movement),
        cmocka_unit_test(test_padding_and_resizing),
        cmocka_unit_test(test_reductions_and_legacy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
