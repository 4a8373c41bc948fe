/* net: convolution, pooling and normalisation against cases worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "op_case.h"

/* ---- the table ----------------------------------------------------------------------------------
 */

static void test_table_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < dnb_op_count(); i++) {
        assert_ptr_equal(dnb_op_find(dnb_op_at(i)->name), dnb_op_at(i));
        assert_non_null(dnb_op_at(i)->shape);
        assert_non_null(dnb_op_at(i)->run || dnb_op_at(i)->eval);
        if (i)
            assert_true(strcmp(dnb_op_at(i - 1)->name, dnb_op_at(i)->name) < 0);
    }
    assert_null(dnb_op_find("Conw"));
}

/* ---- convolution --------------------------------------------------------------------------------
 */

static void test_conv(void **state)
{
    (void)state;
    /* 3x3 input 1..9, kernel {{1,0},{0,-1}}: every output is x[i][j] - x[i+1][j+1] = -4 */
    op_case c = {.op = "Conv",
                 .x = shape(4, 1, 1, 3, 3),
                 .constants = {floats((float[]){1, 0, 0, -1}, 4, 1, 1, 2, 2),
                               floats((float[]){0.5f}, 1, 1, 0, 0, 0)},
                 .n_constants = 2,
                 .want = shape(4, 1, 1, 2, 2),
                 .want_data = (float[]){-3.5f, -3.5f, -3.5f, -3.5f}};
    check(&c);
    /* stride 2, padding 1 above and left only */
    op_case padded = {.op = "Conv",
                      .x = shape(4, 1, 1, 3, 3),
                      .constants = {floats((float[]){1, 10, 100, 1000}, 4, 1, 1, 2, 2)},
                      .n_constants = 1,
                      ATTRS(DNB_INTS("strides", 2, 2), DNB_INTS("pads", 1, 1, 0, 0)),
                      .want = shape(4, 1, 1, 2, 2),
                      .want_data = (float[]){1000, 3200, 7040, 9865}};
    check(&padded);
    /* dilation 2: corners of the 3x3 */
    op_case dilated = {.op = "Conv",
                       .x = shape(4, 1, 1, 3, 3),
                       .constants = {floats((float[]){1, 10, 100, 1000}, 4, 1, 1, 2, 2)},
                       .n_constants = 1,
                       ATTRS(DNB_INTS("dilations", 2, 2)),
                       .want = shape(4, 1, 1, 1, 1),
                       .want_data = (float[]){1 + 30 + 700 + 9000}};
    check(&dilated);
    /* two groups, 1x1 kernels: channels keep apart */
    op_case groups = {.op = "Conv",
                      .x = shape(4, 1, 2, 1, 2),
                      .constants = {floats((float[]){2, 3, 5, 7}, 4, 4, 1, 1, 1)},
                      .n_constants = 1,
                      ATTRS(DNB_INT("group", 2)),
                      .want = shape(4, 1, 4, 1, 2),
                      .want_data = (float[]){2, 4, 3, 6, 15, 20, 21, 28}};
    check(&groups);
    /* SAME_UPPER puts the odd padding at the end, SAME_LOWER at the start */
    op_case same = {.op = "Conv",
                    .x = shape(4, 1, 1, 1, 3),
                    .constants = {floats((float[]){1, 10}, 4, 1, 1, 1, 2)},
                    .n_constants = 1,
                    ATTRS(DNB_STRING("auto_pad", "SAME_UPPER")),
                    .want = shape(4, 1, 1, 1, 3),
                    .want_data = (float[]){21, 32, 3}};
    check(&same);
    same.attrs = (const dnb_attr[]){DNB_STRING("auto_pad", "SAME_LOWER")};
    same.want_data = (float[]){10, 21, 32};
    check(&same);
    /* one and three spatial dimensions */
    op_case one = {.op = "Conv",
                   .x = shape(3, 1, 1, 4, 0),
                   .constants = {floats((float[]){1, -1}, 3, 1, 1, 2, 0)},
                   .n_constants = 1,
                   .want = shape(3, 1, 1, 3, 0),
                   .want_data = (float[]){-1, -1, -1}};
    check(&one);
}

static void test_conv_refusals(void **state)
{
    (void)state;
    op_case c = {.op = "Conv",
                 .x = shape(4, 1, 3, 3, 3),
                 .constants = {floats((float[]){1, 0, 0, -1}, 4, 1, 1, 2, 2)},
                 .n_constants = 1};
    refuse(&c, DNB_ESHAPE); /* 3 input channels, weights for 1 */
    c.x = shape(4, 1, 1, 1, 1);
    refuse(&c, DNB_ESHAPE); /* window larger than input */
    c.x = shape(4, 1, 1, 3, 3);
    c.n_attrs = 1;
    c.attrs = (const dnb_attr[]){DNB_INTS("strides", 0, 1)};
    refuse(&c, DNB_EARG);
    c.attrs = (const dnb_attr[]){DNB_INTS("pads", -1, 0, 0, 0)};
    refuse(&c, DNB_EARG);
    c.attrs = (const dnb_attr[]){DNB_INTS("dilations", INT64_MAX, 1)};
    refuse(&c, DNB_EARG);
    c.attrs = (const dnb_attr[]){DNB_INTS("kernel_shape", 3, 3)};
    refuse(&c, DNB_ESHAPE);
    c.attrs = (const dnb_attr[]){DNB_INT("group", 2)};
    refuse(&c, DNB_ESHAPE);
    c.attrs = (const dnb_attr[]){DNB_STRING("strides", "2")};
    refuse(&c, DNB_EARG);
    c.attrs = (const dnb_attr[]){DNB_STRING("auto_pad", "ALMOST")};
    refuse(&c, DNB_EARG);
    c.n_attrs = 0;
    c.constants[0] = floats((float[]){1}, 4, 1, 1, 0, 1);
    refuse(&c, DNB_ESHAPE);
}

static void test_conv_transpose(void **state)
{
    (void)state;
    /* stride 2: each input element stamps the kernel, side by side */
    op_case c = {.op = "ConvTranspose",
                 .x = shape(4, 1, 1, 1, 2),
                 .constants = {floats((float[]){1, 10, 100}, 4, 1, 1, 1, 3)},
                 .n_constants = 1,
                 ATTRS(DNB_INTS("strides", 1, 2)),
                 .want = shape(4, 1, 1, 1, 5),
                 .want_data = (float[]){1, 10, 102, 20, 200}};
    check(&c);
    /* wanted width 6: one more at the end; pads crop both ends */
    op_case wide = c;
    wide.n_attrs = 2;
    wide.attrs = (const dnb_attr[]){DNB_INTS("strides", 1, 2), DNB_INTS("output_shape", 1, 6)};
    wide.want = shape(4, 1, 1, 1, 6);
    wide.want_data = (float[]){1, 10, 102, 20, 200, 0};
    check(&wide);
    op_case crop = c;
    crop.n_attrs = 2;
    crop.attrs = (const dnb_attr[]){DNB_INTS("strides", 1, 2), DNB_INTS("pads", 0, 1, 0, 1)};
    crop.want = shape(4, 1, 1, 1, 3);
    crop.want_data = (float[]){10, 102, 20};
    check(&crop);
    /* two input channels, one group, two outputs: weights are in x out */
    op_case mixed = {.op = "ConvTranspose",
                     .x = shape(4, 1, 2, 1, 1),
                     .constants = {floats((float[]){1, 2, 3, 4}, 4, 2, 2, 1, 1)},
                     .n_constants = 1,
                     .want = shape(4, 1, 2, 1, 1),
                     .want_data = (float[]){1 + 6, 2 + 8}};
    check(&mixed);
    mixed.constants[0] = floats((float[]){3, 5}, 4, 2, 1, 1, 1);
    mixed.n_attrs = 1;
    mixed.attrs = (const dnb_attr[]){DNB_INT("group", 2)};
    mixed.want_data = (float[]){3, 10};
    check(&mixed);
}

/* ---- pooling ------------------------------------------------------------------------------------
 */

static void test_pooling(void **state)
{
    (void)state;
    op_case c = {.op = "MaxPool",
                 .x = shape(4, 1, 1, 4, 4),
                 ATTRS(DNB_INTS("kernel_shape", 2, 2), DNB_INTS("strides", 2, 2)),
                 .want = shape(4, 1, 1, 2, 2),
                 .want_data = (float[]){6, 8, 14, 16}};
    check(&c);
    /* 3x3 windows, stride 2 on 4x4: floor keeps one position, ceil a second that hangs over */
    op_case ceil = {
        .op = "MaxPool",
        .x = shape(4, 1, 1, 4, 4),
        ATTRS(DNB_INTS("kernel_shape", 3, 3), DNB_INTS("strides", 2, 2), DNB_INT("ceil_mode", 1)),
        .want = shape(4, 1, 1, 2, 2),
        .want_data = (float[]){11, 12, 15, 16}};
    check(&ceil);
    /* a last window that would start beyond the input does not exist: 1x1 windows, stride 2, width
     * 3 padded by one on the right */
    op_case beyond = {
        .op = "MaxPool",
        .x = shape(4, 1, 1, 1, 3),
        ATTRS(DNB_INTS("kernel_shape", 1, 2), DNB_INTS("strides", 1, 3), DNB_INT("ceil_mode", 1)),
        .want = shape(4, 1, 1, 1, 1),
        .want_data = (float[]){2}};
    check(&beyond);
    /* padding never wins over negative numbers */
    op_case negative = {.op = "MaxPool",
                        .x = shape(4, 1, 1, 1, 2),
                        .x_data = (float[]){-3, -5},
                        ATTRS(DNB_INTS("kernel_shape", 1, 2), DNB_INTS("pads", 0, 1, 0, 1)),
                        .want = shape(4, 1, 1, 1, 3),
                        .want_data = (float[]){-3, -3, -5}};
    check(&negative);
    op_case dilated = {.op = "MaxPool",
                       .x = shape(4, 1, 1, 1, 4),
                       .x_data = (float[]){9, 1, 2, 7},
                       ATTRS(DNB_INTS("kernel_shape", 1, 2), DNB_INTS("dilations", 1, 2)),
                       .want = shape(4, 1, 1, 1, 2),
                       .want_data = (float[]){9, 7}};
    check(&dilated);
}

static void test_average_pooling(void **state)
{
    (void)state;
    const dnb_attr base[] = {DNB_INTS("kernel_shape", 1, 2), DNB_INTS("strides", 1, 2),
                             DNB_INTS("pads", 0, 1, 0, 1)};
    op_case c = {.op = "AveragePool",
                 .x = shape(4, 1, 1, 1, 4),
                 .attrs = base,
                 .n_attrs = 3,
                 .want = shape(4, 1, 1, 1, 3),
                 .want_data = (float[]){1, 2.5f, 4}};
    check(&c);
    const dnb_attr counted[] = {base[0], base[1], base[2], DNB_INT("count_include_pad", 1)};
    c.attrs = counted;
    c.n_attrs = 4;
    c.want_data = (float[]){0.5f, 2.5f, 2};
    check(&c);
    /* ceil_mode: the overhang beyond the padding never counts. Width 5, padding 1 + 1, windows of
     * 4, stride 3: [p 1 2 3] [3 4 5 p] and the third would start at 5 (inside): [5 p - -]: 5 / 2 */
    op_case ceil = {.op = "AveragePool",
                    .x = shape(4, 1, 1, 1, 5),
                    ATTRS(DNB_INTS("kernel_shape", 1, 4), DNB_INTS("strides", 1, 3),
                          DNB_INTS("pads", 0, 1, 0, 1), DNB_INT("ceil_mode", 1),
                          DNB_INT("count_include_pad", 1)),
                    .want = shape(4, 1, 1, 1, 2),
                    .want_data = (float[]){1.5f, 3}};
    check(&ceil);
    op_case over = {.op = "AveragePool",
                    .x = shape(4, 1, 1, 1, 6),
                    ATTRS(DNB_INTS("kernel_shape", 1, 4), DNB_INTS("strides", 1, 3),
                          DNB_INTS("pads", 0, 1, 0, 1), DNB_INT("ceil_mode", 1),
                          DNB_INT("count_include_pad", 1)),
                    .want = shape(4, 1, 1, 1, 3),
                    .want_data = (float[]){1.5f, 4.5f, 3}};
    /* [p 1 2 3] = 6/4, [3 4 5 6] = 18/4, [6 p . .] = 6/2 */
    check(&over);
    op_case exclude = over;
    exclude.n_attrs = 4;
    exclude.want_data = (float[]){2, 4.5f, 6};
    check(&exclude);
}

static void test_global_and_adaptive_pooling(void **state)
{
    (void)state;
    op_case c = {.op = "GlobalAveragePool",
                 .x = shape(4, 2, 1, 1, 3),
                 .want = shape(4, 2, 1, 1, 1),
                 .want_data = (float[]){2, 5}};
    check(&c);
    c.op = "GlobalMaxPool";
    c.want_data = (float[]){3, 6};
    check(&c);
    /* 5 -> 3: cells [0,2) [1,4) [3,5) */
    op_case a = {.op = "dnb.AdaptiveAveragePool",
                 .x = shape(4, 1, 1, 1, 5),
                 ATTRS(DNB_INTS("output_size", 1, 3)),
                 .want = shape(4, 1, 1, 1, 3),
                 .want_data = (float[]){1.5f, 3, 4.5f}};
    check(&a);
    /* 2 -> 4: each element twice; 4 -> 2: pairs; 3 -> 3: identity */
    a.x = shape(4, 1, 1, 1, 2);
    a.attrs = (const dnb_attr[]){DNB_INTS("output_size", 1, 4)};
    a.want = shape(4, 1, 1, 1, 4);
    a.want_data = (float[]){1, 1, 2, 2};
    check(&a);
    a.x = shape(4, 1, 1, 1, 4);
    a.attrs = (const dnb_attr[]){DNB_INTS("output_size", 1, 2)};
    a.want = shape(4, 1, 1, 1, 2);
    a.want_data = (float[]){1.5f, 3.5f};
    check(&a);
    a.x = shape(4, 1, 1, 1, 3);
    a.attrs = (const dnb_attr[]){DNB_INTS("output_size", 1, 3)};
    a.want = shape(4, 1, 1, 1, 3);
    a.want_data = (float[]){1, 2, 3};
    check(&a);
}

/* ---- normalisation ------------------------------------------------------------------------------
 */

static void test_norms(void **state)
{
    (void)state;
    op_case bn = {.op = "BatchNormalization",
                  .x = shape(4, 1, 2, 1, 2),
                  .constants = {floats((float[]){2, 1}, 1, 2, 0, 0, 0),
                                floats((float[]){1, 0}, 1, 2, 0, 0, 0),
                                floats((float[]){1, 3}, 1, 2, 0, 0, 0),
                                floats((float[]){3, 0}, 1, 2, 0, 0, 0)},
                  .n_constants = 4,
                  ATTRS(DNB_FLOAT("epsilon", 1.0)),
                  .want = shape(4, 1, 2, 1, 2),
                  .want_data = (float[]){1, 2, 0, 1}};
    check(&bn);
    op_case in = {.op = "InstanceNormalization",
                  .x = shape(4, 1, 2, 1, 2),
                  .constants = {floats((float[]){1, 2}, 1, 2, 0, 0, 0),
                                floats((float[]){0, 1}, 1, 2, 0, 0, 0)},
                  .n_constants = 2,
                  ATTRS(DNB_FLOAT("epsilon", 0.0)),
                  .want = shape(4, 1, 2, 1, 2),
                  .want_data = (float[]){-1, 1, -1, 3}};
    check(&in);
    /* size 3 over channels 1, 2, 3: sums of squares 5, 14, 13 */
    op_case lrn = {.op = "LRN",
                   .x = shape(4, 1, 3, 1, 1),
                   ATTRS(DNB_INT("size", 3), DNB_FLOAT("alpha", 3), DNB_FLOAT("beta", 0.5),
                         DNB_FLOAT("bias", 1)),
                   .want = shape(4, 1, 3, 1, 1),
                   .want_data = (float[]){1 / 2.44948974f, 2 / 3.87298335f, 3 / 3.74165739f}};
    check(&lrn);
    /* even size: one more after than before. Sums 5, 13, 9 */
    lrn.attrs = (const dnb_attr[]){DNB_INT("size", 2), DNB_FLOAT("alpha", 2), DNB_FLOAT("beta", 1),
                                   DNB_FLOAT("bias", 0)};
    lrn.want_data = (float[]){1 / 5.0f, 2 / 13.0f, 3 / 9.0f};
    check(&lrn);
}

static void test_softmax(void **state)
{
    (void)state;
    float e1 = 0.268941421f, e2 = 0.731058579f;
    op_case c = {.op = "Softmax",
                 .x = shape(3, 1, 2, 2, 0),
                 .x_data = (float[]){0, 1, 1000, 1001},
                 .want = shape(3, 1, 2, 2, 0),
                 .want_data = (float[]){e1, e2, e1, e2}};
    check(&c);
    c.opset = 12; /* flattens everything from axis 1 */
    c.want_data = (float[]){0, 0, e1, e2};
    check(&c);
    c.opset = 13;
    c.n_attrs = 1;
    c.attrs = (const dnb_attr[]){DNB_INT("axis", 1)};
    c.want_data = (float[]){0, 0, 1, 1};
    check(&c);
    op_case l = {.op = "LogSoftmax",
                 .x = shape(2, 1, 2, 0, 0),
                 .want = shape(2, 1, 2, 0, 0),
                 .want_data = (float[]){-1.31326169f, -0.31326169f}};
    check(&l);
    c.attrs = (const dnb_attr[]){DNB_INT("axis", 3)};
    refuse(&c, DNB_EARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sorted),
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_refusals),
        cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_pooling),
        cmocka_unit_test(test_average_pooling),
        cmocka_unit_test(test_global_and_adaptive_pooling),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
