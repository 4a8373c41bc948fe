/* net: what differentiating a whole graph promises: the same gradient fused or not, in batches or
 * one by one; zeros, sums, names, refusals; guided backpropagation; gradients of parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "grad_case.h"
#include "net/network.h"
#include "net/precision.h"
#include "nets.h"

/* Rows of floats: one tapped value of a graph for a batch of n images. */
static void run_value(const dnb_graph *g, const char *name, const float *x, size_t n, bool prims,
                      float *out)
{
    dnb_err err = {0};
    dnb_value v = dnb_graph_find(g, name);
    assert_true(v != DNB_NO_VALUE);
    dnb_program *p = program(g, &v, NULL, 1, n, false, prims, name);
    if (dnb_program_run(p, x, n, (float *[]){out}, &err) != DNB_OK)
        fail_msg("%s: %s", name, err.message);
    dnb_program_free(p);
}

static void expect_near(const float *a, const float *b, size_t n, double tolerance,
                        const char *what)
{
    double top = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        worst = d > worst || d != d ? d : worst;
        top = fmax(top, fabs((double)b[i]));
    }
    if (!(worst <= tolerance * top) || !(top > 0))
        fail_msg("%s: off by %g of %g", what, worst, top);
}

/* A residual network's graph with the gradient of one unit. */
static dnb_graph *residual(bool guided, const char *prefix)
{
    net_maker m;
    dnb_err err = {0};
    maker_init(&m, 3);
    dnb_value x = make_input(&m, 3, 13, 11);
    x = make_norm(&m, "bn", make_conv(&m, "conv", x, 3, 16, 3, 2, 1, 1, false), 16);
    dnb_value stem = make_unary(&m, "Relu", "stem", x);
    dnb_value a = make_norm(&m, "a_bn", make_conv(&m, "a", stem, 16, 16, 3, 1, 1, 1, true), 16);
    a = make_unary(&m, "Relu", "a_relu", a);
    a = make_norm(&m, "b_bn", make_conv(&m, "b", a, 16, 16, 1, 1, 0, 1, false), 16);
    dnb_value sum = make_op(&m, "Add", "sum", (dnb_value[]){a, stem}, 2, NULL, 0);
    sum = make_unary(&m, "Relu", "block", sum);
    const dnb_attr axis[] = {DNB_INT("axis", 1)};
    dnb_value both[2] = {make_pool(&m, "MaxPool", "pool", sum, 3, 1, 1, false), sum};
    sum = make_op(&m, "Concat", "both", both, 2, axis, 1);
    make_conv(&m, "last", sum, 32, 8, 3, 2, 1, 1, true);
    if (m.status != DNB_OK)
        fail_msg("%s", m.err.message);
    static const char *const wrt[] = {"data", "stem", "block"};
    dnb_gradient_request r = {.target = "last",
                              .n_index = 3,
                              .index = {2, 1, 1},
                              .wrt = wrt,
                              .n_wrt = 3,
                              .prefix = prefix,
                              .options.guided_relu = guided};
    if (dnb_graph_gradient_named(m.g, &r, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return m.g;
}

#define IMAGE (3 * 13 * 11)

static void fill_images(float *x, size_t n)
{
    dnb_random r;
    dnb_random_init(&r, 9, 0);
    for (size_t i = 0; i < n * IMAGE; i++)
        x[i] = (float)dnb_random_normal(&r);
}

/* Fused and blocked, alone and together with layers, in batches and one by one: the same. */
static void test_network(void **state)
{
    (void)state;
    static float x[3 * IMAGE], want[3 * IMAGE], got[3 * IMAGE], layer[3 * 16 * 7 * 6];
    dnb_graph *g = residual(false, NULL);
    dnb_err err = {0};
    fill_images(x, 3);
    run_value(g, "grad:data", x, 3, false, want);
    run_value(g, "grad:data", x, 3, true, got);
    expect_near(got, want, 3 * IMAGE, 1e-5, "onednn");
    for (size_t i = 0; i < 3; i++)
        run_value(g, "grad:data", x + i * IMAGE, 1, true, got + i * IMAGE);
    expect_near(got, want, 3 * IMAGE, 1e-5, "one by one");
    static const char *const also[] = {"conv", "bn", "stem", "a_bn", "sum", "grad:stem"};
    for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
        static float alone[3 * 16 * 7 * 6];
        dnb_value taps[2] = {dnb_graph_find(g, "grad:data"), dnb_graph_find(g, also[i])};
        dnb_program *p = program(g, taps, NULL, 2, 3, false, true, also[i]);
        assert_int_equal(dnb_program_run(p, x, 3, (float *[]){got, layer}, &err), DNB_OK);
        dnb_program_free(p);
        expect_near(got, want, 3 * IMAGE, 1e-5, also[i]);
        run_value(g, also[i], x, 3, false, alone);
        expect_near(layer, alone, 3 * 16 * 7 * 6, 1e-5, also[i]);
    }
    dnb_graph_free(g);
}

/* Forward and backward steps of the residual network run by oneDNN, and batch normalisation costs
 * no step of its own but for the strided first convolution's. */
static void test_plan(void **state)
{
    (void)state;
    dnb_graph *g = residual(false, NULL);
    dnb_value v = dnb_graph_find(g, "grad:block");
    size_t reference = 0;
    dnb_program *p = program(g, &v, NULL, 1, 2, false, true, "grad:block");
    /* the path needs the block's value (max pooling), nothing of `last`; seed and part are ours */
    for (size_t i = 0; i < dnb_program_step_count(p, &reference); i++)
        assert_string_not_equal(dnb_program_step_name(p, i), "BatchNormalization");
    assert_int_equal(reference, 3); /* dnb.BroadcastTo, 2 x dnb.ConcatPart */
    dnb_program_free(p);
    dnb_graph_free(g);
}

/* relu(relu(x w1) w2) by hand: one unit each. */
static void test_guided(void **state)
{
    (void)state;
    const float weights[] = {2, -3}; /* y = relu(2 x), z = -3 y: dz/dx = -6, guided 0 */
    for (int guided = 0; guided < 2; guided++) {
        dnb_graph *g = NULL;
        dnb_err err = {0};
        dnb_value x, v;
        dnb_shape s = {.dtype = DNB_F32, .ndim = 2, .dim = {1, 2}};
        float in[] = {1, -1}, out[2];
        assert_int_equal(dnb_graph_new(&g, 0, &err), DNB_OK);
        assert_int_equal(dnb_graph_input(g, "x", &s, &x, &err), DNB_OK);
        v = x;
        for (int i = 0; i < 2; i++) {
            const dnb_attr attrs[] = {DNB_FLOAT("alpha", (double)weights[i])};
            v = node(g, "Affine", &v, 1, attrs, 1);
            if (i == 0)
                v = node(g, "Relu", &v, 1, NULL, 0);
        }
        assert_int_equal(dnb_graph_alias(g, "z", v, &err), DNB_OK);
        const char *wrt = "x";
        dnb_gradient_request r = {
            .target = "z", .wrt = &wrt, .n_wrt = 1, .options.guided_relu = guided};
        assert_int_equal(dnb_graph_gradient_named(g, &r, &err), DNB_OK);
        run_value(g, "grad:x", in, 1, false, out);
        assert_float_equal(out[0], guided ? 0 : -6, 0);
        assert_float_equal(out[1], 0, 0); /* 2 x < 0 */
        dnb_graph_free(g);
    }
    static float x[2 * IMAGE], want[2 * IMAGE], got[2 * IMAGE];
    dnb_graph *g = residual(true, NULL);
    fill_images(x, 2);
    run_value(g, "grad:data", x, 2, false, want);
    run_value(g, "grad:data", x, 2, true, got);
    expect_near(got, want, 2 * IMAGE, 1e-5, "guided, onednn");
    dnb_graph_free(g);
}

/* Values the target does not depend on have zero gradients; a value used twice gets both. */
static void test_dependence(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_err err = {0};
    dnb_value x, y, side, sum, shape, grads[3];
    dnb_shape s = {.dtype = DNB_F32, .ndim = 2, .dim = {1, 2}};
    operand one = {.fill = POSITIVE};
    double in[] = {3, -2, 5, 7}, out[3][4];
    assert_int_equal(dnb_graph_new(&g, 0, &err), DNB_OK);
    assert_int_equal(dnb_graph_input(g, "x", &s, &x, &err), DNB_OK);
    y = node(g, "Mul", (dnb_value[]){x, x}, 2, NULL, 0); /* x^2 + x^2 x */
    side = node(g, "Mul", (dnb_value[]){y, x}, 2, NULL, 0);
    sum = node(g, "Add", (dnb_value[]){y, side}, 2, NULL, 0);
    side = node(g, "Tanh", &x, 1, NULL, 0); /* leads nowhere */
    shape = node(g, "Shape", &x, 1, NULL, 0);
    dnb_value seed = constant(g, &one, 0); /* one number, 1.0 */
    assert_int_equal(
        dnb_graph_gradient(g, sum, seed, (dnb_value[]){x, side, sum}, 3, NULL, grads, &err),
        DNB_OK);
    dnb_program *p = program(g, grads, NULL, 3, 2, true, false, "dependence");
    run64(p, in, 2, (double *[]){out[0], out[1], out[2]}, "dependence");
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(out[0][i] - (2 * in[i] + 3 * in[i] * in[i])) < 1e-12);
        assert_true(out[1][i] == 0);
        assert_true(out[2][i] == 1);
    }
    dnb_program_free(p);
    /* refusals leave nothing behind that counts */
    assert_int_equal(dnb_graph_gradient(g, shape, seed, &x, 1, NULL, grads, &err), DNB_EARG);
    assert_int_equal(dnb_graph_gradient(g, sum, seed, &shape, 1, NULL, grads, &err), DNB_EARG);
    assert_int_equal(dnb_graph_gradient(g, sum, 9999, &x, 1, NULL, grads, &err), DNB_EARG);
    operand wide = {.fill = SPREAD, .ndim = 1, .dim = {3}};
    assert_int_equal(dnb_graph_gradient(g, sum, constant(g, &wide, 0), &x, 1, NULL, grads, &err),
                     DNB_ESHAPE);
    dnb_graph_free(g);
}

static void test_named(void **state)
{
    (void)state;
    dnb_graph *g = residual(false, NULL);
    dnb_err err = {0};
    const char *wrt = "data";
    dnb_gradient_request r = {.target = "last", .wrt = &wrt, .n_wrt = 1};
    assert_int_equal(dnb_graph_gradient_named(g, &r, &err), DNB_EARG); /* grad:data is taken */
    r.prefix = "sum:";
    assert_int_equal(dnb_graph_gradient_named(g, &r, &err), DNB_OK);
    r.prefix = "x:";
    r.n_index = 2;
    r.index[0] = 7;
    r.index[1] = 99;
    assert_int_equal(dnb_graph_gradient_named(g, &r, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "4 rows"));
    r.n_index = 0;
    r.target = "no such value";
    assert_int_equal(dnb_graph_gradient_named(g, &r, &err), DNB_ENOTFOUND);
    r.target = "last";
    wrt = "none";
    assert_int_equal(dnb_graph_gradient_named(g, &r, &err), DNB_ENOTFOUND);
    /* the graph still becomes a network whose gradients are layers */
    dnb_net *net = NULL;
    dnb_net_init init = {
        .name = "r",
        .input = {.channels = 3, .height = 13, .width = 11, .range = 1, .std = {1, 1, 1}}};
    assert_int_equal(dnb_net_from_graph(&net, g, &init, &err), DNB_OK);
    size_t size[3];
    assert_int_equal(dnb_net_layer_shape(net, "grad:data", size, &err), DNB_OK);
    assert_int_equal(size[0] * size[1] * size[2], IMAGE);
    dnb_net_free(net);
}

/* Gradients of parameters come whole, and only for full batches. */
static void test_parameters(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_err err = {0};
    dnb_value v[2], y, grad;
    dnb_shape s = {.dtype = DNB_F32, .ndim = 2, .dim = {1, 2}};
    operand one = {.fill = POSITIVE}, w = {.fill = SPREAD, .ndim = 2, .dim = {2, 3}};
    float x[] = {1, 2, 3, 4, 5, 6}, out[6];
    assert_int_equal(dnb_graph_new(&g, 0, &err), DNB_OK);
    assert_int_equal(dnb_graph_input(g, "x", &s, &v[0], &err), DNB_OK);
    v[1] = constant(g, &w, 0);
    y = node(g, "MatMul", v, 2, NULL, 0);
    assert_int_equal(dnb_graph_gradient(g, y, constant(g, &one, 0), &v[1], 1, NULL, &grad, &err),
                     DNB_OK);
    dnb_program *p = program(g, &grad, (const bool[]){true}, 1, 3, false, true, "parameters");
    assert_int_equal(dnb_program_run(p, x, 3, (float *[]){out}, &err), DNB_OK);
    for (int i = 0; i < 6; i++)
        assert_float_equal(out[i], i < 3 ? 9 : 12, 1e-6); /* the sums of x over the batch */
    assert_int_equal(dnb_program_run(p, x, 2, (float *[]){out}, &err), DNB_EARG);
    dnb_program_free(p);
    dnb_graph_free(g);
}

/* What is constant almost everywhere passes nothing on; what has no rule says so. */
static void test_stops(void **state)
{
    const struct {
        const char *op;
        dnb_status status;
    } cases[] = {{"Floor", DNB_OK},
                 {"Ceil", DNB_OK},
                 {"Round", DNB_OK},
                 {"Sign", DNB_OK},
                 {"Hardmax", DNB_OK},
                 {"RandomNormalLike", DNB_OK},
                 {"Bernoulli", DNB_EUNSUPPORTED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dnb_graph *g = NULL;
        dnb_err err = {0};
        dnb_value both[2], grad;
        dnb_shape s = {.dtype = DNB_F32, .ndim = 2, .dim = {1, 3}};
        operand seed = {.fill = POSITIVE, .ndim = 2, .dim = {1, 3}};
        float x[] = {0.2F, 0.7F, 0.4F}, out[3];
        assert_int_equal(dnb_graph_new(&g, 15, &err), DNB_OK);
        assert_int_equal(dnb_graph_input(g, "x", &s, &both[0], &err), DNB_OK);
        both[1] = node(g, cases[i].op, both, 1, NULL, 0);
        dnb_value y = node(g, "Add", both, 2, NULL, 0);
        dnb_status status =
            dnb_graph_gradient(g, y, constant(g, &seed, 0), both, 1, NULL, &grad, &err);
        assert_int_equal(status, cases[i].status);
        if (status != DNB_OK) {
            assert_non_null(strstr(err.message, cases[i].op));
        } else {
            dnb_program *p = program(g, &grad, NULL, 1, 1, false, true, cases[i].op);
            assert_int_equal(dnb_program_run(p, x, 1, (float *[]){out}, &err), DNB_OK);
            for (size_t e = 0; e < 3; e++)
                assert_float_equal(out[e], number(&seed, e, 3, 0), 1e-6);
            dnb_program_free(p);
        }
        dnb_graph_free(g);
    }
}

/* Parts of a Split that nobody reads count as zeros. */
static void test_split(void **state)
{
    dnb_graph *g = NULL;
    dnb_err err = {0};
    dnb_value x, part[3], grad;
    dnb_shape s = {.dtype = DNB_F32, .ndim = 2, .dim = {1, 6}};
    operand one = {.fill = POSITIVE};
    const dnb_attr axis[] = {DNB_INT("axis", 1)};
    float from[6] = {1, 2, 3, 4, 5, 6}, out[6];
    (void)state;
    assert_int_equal(dnb_graph_new(&g, 0, &err), DNB_OK);
    assert_int_equal(dnb_graph_input(g, "x", &s, &x, &err), DNB_OK);
    dnb_node_spec spec = {
        .op = "Split", .inputs = &x, .n_inputs = 1, .attrs = axis, .n_attrs = 1, .n_outputs = 3};
    assert_int_equal(dnb_graph_node(g, &spec, part, &err), DNB_OK);
    dnb_value y = node(g, "Mul", (dnb_value[]){part[1], part[1]}, 2, NULL, 0);
    assert_int_equal(dnb_graph_gradient(g, y, constant(g, &one, 0), &x, 1, NULL, &grad, &err),
                     DNB_OK);
    dnb_program *p = program(g, &grad, NULL, 1, 1, false, true, "Split");
    assert_int_equal(dnb_program_run(p, from, 1, (float *[]){out}, &err), DNB_OK);
    for (size_t i = 0; i < 6; i++)
        assert_float_equal(out[i], i == 2 || i == 3 ? 2 * from[i] : 0, 1e-6);
    dnb_program_free(p);
    dnb_graph_free(g);
}

/* A gradient computed in bfloat16, where the processor can, is near float32's and is not it. */
static void test_bf16(void **state)
{
    enum { N = 3 * 13 * 11, IMAGES = 2 };
    static float x[IMAGES * N], single[IMAGES * N], half[IMAGES * N];
    dnb_graph *g = residual(false, "grad:");
    dnb_value v = dnb_graph_find(g, "grad:data");
    dnb_program_request r = {
        .graph = g, .taps = &v, .n_taps = 1, .batch = IMAGES, .prims = true, .bf16 = true};
    dnb_program *p = NULL;
    dnb_err err = {0};
    (void)state;
    if (!dnb_precision_available(DNB_PRECISION_BF16)) {
        dnb_graph_free(g);
        skip();
    }
    assert_true(v != DNB_NO_VALUE);
    for (size_t i = 0; i < IMAGES * N; i++)
        x[i] = (float)sin(0.37 * (double)i);
    run_value(g, "grad:data", x, IMAGES, true, single);
    assert_int_equal(dnb_program_new(&p, &r, &err), DNB_OK);
    assert_int_equal(dnb_program_prepare(p, &err), DNB_OK);
    assert_int_equal(dnb_program_run(p, x, IMAGES, (float *[]){half}, &err), DNB_OK);
    double error = dnb_relative_error(half, single, IMAGES * N);
    if (!(error > 0 && error < 0.1))
        fail_msg("bfloat16 gradient: relative error %g", error);
    dnb_program_free(p);
    dnb_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network), cmocka_unit_test(test_plan),
        cmocka_unit_test(test_guided),  cmocka_unit_test(test_dependence),
        cmocka_unit_test(test_named),   cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_stops),   cmocka_unit_test(test_split),
        cmocka_unit_test(test_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
