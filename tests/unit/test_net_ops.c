/* net: each operator's reference kernel against cases worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "net/infer.h"
#include "net/op.h"
#include "net/op_util.h"
#include "net/program.h"

#define MAX_ELEMENTS 256

/* One operator on one input x (shape xs), with constant further inputs. */
typedef struct op_case {
    const char *op;
    int opset; /* 0 = 13 */
    dnb_shape x;
    const float *x_data; /* NULL = 1, 2, 3, ... */
    dnb_array constants[4];
    size_t n_constants;
    const dnb_attr *attrs;
    size_t n_attrs;
    dnb_shape want;
    const float *want_data;
} op_case;

static dnb_shape shape(int ndim, size_t a, size_t b, size_t c, size_t d)
{
    return (dnb_shape){.dtype = DNB_F32, .ndim = ndim, .dim = {a, b, c, d}};
}

static dnb_array floats(float *data, int ndim, size_t a, size_t b, size_t c, size_t d)
{
    dnb_array r;
    dnb_array_borrow(&r, DNB_F32, ndim, (size_t[]){a, b, c, d}, data);
    return r;
}

static dnb_array ints(int64_t *data, size_t n)
{
    dnb_array r;
    dnb_array_borrow(&r, DNB_I64, 1, &n, data);
    return r;
}

/* Builds the one-node graph. The input's first dimension is the batch. */
static dnb_status build(const op_case *c, dnb_graph **out, dnb_value *y, dnb_err *err)
{
    dnb_graph *g = NULL;
    dnb_value in[5];
    dnb_status status = dnb_graph_new(&g, c->opset ? c->opset : 13, err);
    if (status == DNB_OK)
        status = dnb_graph_input(g, "x", &c->x, &in[0], err);
    for (size_t i = 0; status == DNB_OK && i < c->n_constants; i++) {
        dnb_array a = c->constants[i];
        in[1 + i] = DNB_NO_VALUE;
        if (a.data)
            status = dnb_graph_constant(g, NULL, &a, &in[1 + i], err);
    }
    if (status == DNB_OK)
        status = dnb_graph_op(g, c->op, "y", in, 1 + c->n_constants, c->attrs, c->n_attrs, y, err);
    if (status != DNB_OK) {
        dnb_graph_free(g);
        return status;
    }
    *out = g;
    return DNB_OK;
}

/* Runs c with one back end; result in out. */
static dnb_status run_case(const op_case *c, bool f64, bool prims, float *out, dnb_shape *out_shape,
                           dnb_err *err)
{
    dnb_graph *g = NULL;
    dnb_value y;
    dnb_inference *inf = NULL;
    dnb_program *p = NULL;
    float x[MAX_ELEMENTS];
    float *taps[1] = {out};
    size_t batch = c->x.dim[0];
    dnb_status status = build(c, &g, &y, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < dnb_shape_count(&c->x); i++)
        x[i] = c->x_data ? c->x_data[i] : (float)(i + 1);
    status = dnb_inference_new(&inf, g, batch, err);
    if (status == DNB_OK) {
        *out_shape = inf->shape[y];
        dnb_program_request r = {
            .graph = g, .taps = &y, .n_taps = 1, .batch = batch, .f64 = f64, .prims = prims};
        status = dnb_program_new(&p, &r, err);
    }
    if (status == DNB_OK)
        status = dnb_program_prepare(p, err);
    if (status == DNB_OK)
        status = dnb_program_run(p, x, batch, taps, err);
    dnb_program_free(p);
    dnb_inference_free(inf);
    dnb_graph_free(g);
    return status;
}

static void check(const op_case *c)
{
    static const struct {
        bool f64, prims;
        const char *name;
    } modes[] = {{false, false, "float"}, {true, false, "double"}, {false, true, "onednn"}};
    for (size_t m = 0; m < 3; m++) {
        float out[MAX_ELEMENTS];
        dnb_shape got;
        dnb_err err = {0};
        if (run_case(c, modes[m].f64, modes[m].prims, out, &got, &err) != DNB_OK)
            fail_msg("%s (%s): %s", c->op, modes[m].name, err.message);
        if (!dnb_shape_equal(&got, &c->want)) {
            char text[64];
            fail_msg("%s: shape %s", c->op, dnb_shape_text(&got, text, sizeof text));
        }
        for (size_t i = 0; i < dnb_shape_count(&got); i++)
            if (!(fabs((double)out[i] - (double)c->want_data[i]) <=
                  2e-6 * fmax(1, fabs((double)c->want_data[i]))))
                fail_msg("%s (%s): element %zu is %.8g, not %.8g", c->op, modes[m].name, i,
                         (double)out[i], (double)c->want_data[i]);
    }
}

/* The case must be refused with this status. */
static void refuse(const op_case *c, dnb_status want)
{
    float out[MAX_ELEMENTS];
    dnb_shape got;
    dnb_err err = {0};
    assert_int_equal(run_case(c, false, false, out, &got, &err), want);
    assert_true(strlen(err.message) > 0);
}

#define ATTRS(...)                                                                                 \
    .attrs = (const dnb_attr[]){__VA_ARGS__},                                                      \
    .n_attrs = sizeof((const dnb_attr[]){__VA_ARGS__}) / sizeof(dnb_attr)

/* ---- the table ----------------------------------------------------------------------------------
 */

static void test_table_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < dnb_op_count(); i++) {
        assert_ptr_equal(dnb_op_find(dnb_op_at(i)->name), dnb_op_at(i));
        assert_non_null(dnb_op_at(i)->shape);
        assert_non_null(dnb_op_at(i)->run);
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
        cmocka_unit_test(test_table_is_sorted),
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_refusals),
        cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_pooling),
        cmocka_unit_test(test_average_pooling),
        cmocka_unit_test(test_global_and_adaptive_pooling),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_softmax),
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
