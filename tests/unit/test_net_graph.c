/* net: the graph builder, shape inference on hostile graphs, and dnb_net's names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "nets.h"
#include "net/infer.h"

static dnb_value input(dnb_graph *g, const char *name, int ndim, size_t a, size_t b, size_t c,
                       size_t d)
{
    dnb_shape s = {.dtype = DNB_F32, .ndim = ndim, .dim = {a, b, c, d}};
    dnb_value v = DNB_NO_VALUE;
    dnb_err err;
    assert_int_equal(dnb_graph_input(g, name, &s, &v, &err), DNB_OK);
    return v;
}

static void test_builder_refusals(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_err err;
    dnb_value v, out;
    assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
    dnb_value x = input(g, "x", 4, 1, 3, 8, 8);
    dnb_shape huge = {.dtype = DNB_F32, .ndim = 2, .dim = {SIZE_MAX / 2, 4}};
    assert_int_equal(dnb_graph_input(g, "h", &huge, &v, &err), DNB_ESHAPE);
    huge.ndim = 9;
    assert_int_equal(dnb_graph_input(g, "h", &huge, &v, &err), DNB_ESHAPE);
    dnb_shape fine = {.dtype = DNB_F32, .ndim = 1, .dim = {1}};
    assert_int_equal(dnb_graph_input(g, "x", &fine, &v, &err), DNB_EARG);
    assert_int_equal(dnb_graph_input(g, "", &fine, &v, &err), DNB_EARG);
    assert_int_equal(dnb_graph_op(g, "Nope", "y", &x, 1, NULL, 0, &out, &err), DNB_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "'y'"));
    assert_non_null(strstr(err.message, "Nope"));
    assert_int_equal(dnb_graph_op(g, "Relu", "x", &x, 1, NULL, 0, &out, &err), DNB_EARG);
    /* a later value, which is how a file would make a cycle */
    v = x + 1;
    assert_int_equal(dnb_graph_op(g, "Relu", "y", &v, 1, NULL, 0, &out, &err), DNB_EARG);
    v = DNB_NO_VALUE;
    assert_int_equal(dnb_graph_op(g, "Relu", "y", &v, 1, NULL, 0, &out, &err), DNB_EARG);
    assert_int_equal(dnb_graph_op(g, "Relu", "y", &x, 0, NULL, 0, &out, &err), DNB_EARG);
    const char *twice[] = {"m", "m"};
    dnb_node_spec spec = {
        .op = "Dropout", .inputs = &x, .n_inputs = 1, .output_names = twice, .n_outputs = 2};
    dnb_value both[2];
    assert_int_equal(dnb_graph_node(g, &spec, both, &err), DNB_EARG);
    spec.n_outputs = 3;
    assert_int_equal(dnb_graph_node(g, &spec, both, &err), DNB_EUNSUPPORTED);
    assert_int_equal(dnb_graph_value_count(g), 1); /* nothing was left behind */
    assert_int_equal(dnb_graph_node_count(g), 0);
    dnb_graph_free(g);
}

static void test_names_and_aliases(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_err err;
    dnb_value a, b;
    char name[32];
    assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
    a = input(g, "x", 4, 1, 3, 8, 8);
    for (int i = 0; i < 500; i++) { /* enough to grow the table a few times */
        snprintf(name, sizeof name, "layer%d", i);
        assert_int_equal(dnb_graph_op(g, "Relu", name, &a, 1, NULL, 0, &b, &err), DNB_OK);
        a = b;
    }
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "layer%d", i);
        assert_int_equal(dnb_graph_find(g, name), i + 1);
    }
    assert_int_equal(dnb_graph_find(g, "layer500"), DNB_NO_VALUE);
    assert_int_equal(dnb_graph_alias(g, "features.0", 1, &err), DNB_OK);
    assert_int_equal(dnb_graph_alias(g, "features.0", 1, &err), DNB_OK);
    assert_int_equal(dnb_graph_alias(g, "features.0", 2, &err), DNB_EARG);
    assert_int_equal(dnb_graph_alias(g, "layer3", 2, &err), DNB_EARG);
    assert_int_equal(dnb_graph_alias(g, "f", 5000, &err), DNB_EARG);
    assert_int_equal(dnb_graph_find(g, "features.0"), 1);
    assert_int_equal(dnb_graph_name_count(g), 502);
    /* unnamed outputs exist but cannot be found */
    assert_int_equal(dnb_graph_op(g, "Relu", NULL, &a, 1, NULL, 0, &b, &err), DNB_OK);
    assert_int_equal(dnb_graph_find(g, ""), DNB_NO_VALUE);
    dnb_graph_free(g);
}

static void test_constants(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_err err;
    dnb_value v;
    uint16_t half[2] = {0x3c00, 0xc000};
    int32_t small[2] = {-7, 9};
    dnb_array a;
    assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
    dnb_array_borrow(&a, DNB_F16, 1, (size_t[]){2}, half);
    assert_int_equal(dnb_graph_constant(g, "h", &a, &v, &err), DNB_OK);
    const dnb_array *c = &dnb_graph_value_at(g, v)->constant;
    assert_int_equal(c->dtype, DNB_F32);
    assert_true(((float *)c->data)[1] == -2.0f);
    dnb_array_borrow(&a, DNB_I32, 1, (size_t[]){2}, small);
    assert_int_equal(dnb_graph_constant(g, "i", &a, &v, &err), DNB_OK);
    c = &dnb_graph_value_at(g, v)->constant;
    assert_int_equal(c->dtype, DNB_I64);
    assert_int_equal(((int64_t *)c->data)[0], -7);
    /* a refused constant stays with the caller */
    dnb_array_borrow(&a, DNB_I32, 1, (size_t[]){2}, small);
    assert_int_equal(dnb_graph_constant(g, "i", &a, &v, &err), DNB_EARG);
    assert_ptr_equal(a.data, small);
    /* Constant nodes become constants */
    const dnb_attr attrs[] = {DNB_INTS("value_ints", 4, 5, 6)};
    assert_int_equal(dnb_graph_op(g, "Constant", "k", NULL, 0, attrs, 1, &v, &err), DNB_OK);
    assert_true(dnb_graph_value_at(g, v)->is_constant);
    assert_int_equal(((int64_t *)dnb_graph_value_at(g, v)->constant.data)[2], 6);
    assert_int_equal(dnb_graph_bytes(g), 8 + 16 + 24);
    dnb_graph_free(g);
}

/* A source of one constant whose first reading fails. */
typedef struct slow_source {
    int readings, closed;
} slow_source;

static dnb_status fill_slowly(const void *from, size_t item, const dnb_array *into, dnb_err *err)
{
    slow_source *s = (slow_source *)(uintptr_t)from;
    if (s->readings++ == 0)
        return dnb_fail(err, DNB_EIO, "not yet");
    assert_int_equal(item, 3);
    ((float *)into->data)[0] = 5;
    ((float *)into->data)[1] = 6;
    return DNB_OK;
}

static void close_slowly(void *from)
{
    ((slow_source *)from)->closed++;
}

static void test_later_constants(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_err err;
    dnb_value now, later;
    slow_source s = {0};
    const dnb_graph_source source = {.from = &s, .fill = fill_slowly, .close = close_slowly};
    float numbers[2] = {1, 2}, room[2] = {0};
    dnb_array a;
    assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
    dnb_array_borrow(&a, DNB_F32, 1, (size_t[]){2}, room);
    assert_int_equal(dnb_graph_constant_later(g, "w", &a, 3, &later, &err), DNB_EARG); /* whence? */
    assert_int_equal(dnb_graph_set_source(g, &source, &err), DNB_OK);
    assert_int_equal(dnb_graph_set_source(g, &source, &err), DNB_EARG);
    assert_int_equal(dnb_graph_constant_later(g, "w", &a, 3, &later, &err), DNB_OK);
    dnb_array_borrow(&a, DNB_F32, 1, (size_t[]){2}, numbers);
    assert_int_equal(dnb_graph_constant(g, "v", &a, &now, &err), DNB_OK);
    assert_int_equal(dnb_graph_fetch(g, now, &err), DNB_OK);
    assert_int_equal(s.readings, 0);
    assert_int_equal(dnb_graph_fetch(g, later, &err), DNB_EIO);
    assert_int_equal(dnb_graph_fetch(g, later, &err), DNB_OK);
    assert_int_equal(dnb_graph_fetch(g, later, &err), DNB_OK); /* once is enough */
    assert_int_equal(s.readings, 2);
    assert_true(room[0] == 5 && room[1] == 6 && numbers[0] == 1);
    dnb_graph_free(g);
    assert_int_equal(s.closed, 1);
}

/* The shape arithmetic PyTorch writes for x.view(x.size(0), -1), at any batch. */
static void test_shape_arithmetic(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_inference *inf = NULL;
    dnb_err err;
    dnb_value x, s, n, u, cat, y, zero, minus;
    int64_t numbers[2] = {0, -1};
    dnb_array a;
    assert_int_equal(dnb_graph_new(&g, 11, &err), DNB_OK);
    x = input(g, "x", 4, 1, 3, 2, 2);
    dnb_array_borrow(&a, DNB_I64, 0, NULL, &numbers[0]);
    assert_int_equal(dnb_graph_constant(g, NULL, &a, &zero, &err), DNB_OK);
    dnb_array_borrow(&a, DNB_I64, 1, (size_t[]){1}, &numbers[1]);
    assert_int_equal(dnb_graph_constant(g, NULL, &a, &minus, &err), DNB_OK);
    const dnb_attr axis[] = {DNB_INT("axis", 0)}, axes[] = {DNB_INTS("axes", 0)};
    assert_int_equal(dnb_graph_op(g, "Shape", "s", &x, 1, NULL, 0, &s, &err), DNB_OK);
    assert_int_equal(dnb_graph_op(g, "Gather", "n", (dnb_value[]){s, zero}, 2, axis, 1, &n, &err),
                     DNB_OK);
    assert_int_equal(dnb_graph_op(g, "Unsqueeze", "u", &n, 1, axes, 1, &u, &err), DNB_OK);
    assert_int_equal(
        dnb_graph_op(g, "Concat", "cat", (dnb_value[]){u, minus}, 2, axis, 1, &cat, &err), DNB_OK);
    assert_int_equal(dnb_graph_op(g, "Reshape", "y", (dnb_value[]){x, cat}, 2, NULL, 0, &y, &err),
                     DNB_OK);
    assert_int_equal(dnb_inference_new(&inf, g, 5, &err), DNB_OK);
    assert_int_equal(inf->shape[y].ndim, 2);
    assert_int_equal(inf->shape[y].dim[0], 5);
    assert_int_equal(inf->shape[y].dim[1], 12);
    assert_non_null(inf->known[cat].data);
    assert_null(inf->known[y].data);
    dnb_inference_free(inf);
    dnb_graph_free(g);
}

/* A target shape written for batch 1 follows the batch of the run. */
static void test_fixed_reshape_follows_batch(void **state)
{
    (void)state;
    net_maker m;
    maker_init(&m, 1);
    dnb_value x = make_input(&m, 3, 4, 4);
    int64_t target[2] = {1, 48};
    dnb_array a;
    dnb_value t = DNB_NO_VALUE;
    dnb_array_borrow(&a, DNB_I64, 1, (size_t[]){2}, target);
    assert_int_equal(dnb_graph_constant(m.g, NULL, &a, &t, &m.err), DNB_OK);
    make_op(&m, "Reshape", "flat", (dnb_value[]){x, t}, 2, NULL, 0);
    dnb_net *net = make_net(&m, "reshape", 3, 4, 4);
    size_t shape[3];
    dnb_err err;
    assert_non_null(net);
    assert_int_equal(dnb_net_layer_shape(net, "flat", shape, &err), DNB_OK);
    assert_int_equal(shape[0], 48);
    dnb_net_free(net);
}

/* Sizes that would overflow or fill the memory are refused by name, not tried. */
static void test_hostile_shapes(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_inference *inf = NULL;
    dnb_err err;
    dnb_value y;
    assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
    dnb_value x = input(g, "x", 4, 1, 1, 1000000, 1000000);
    const int64_t big = INT64_C(2147483647);
    const dnb_attr pads[] = {DNB_INTS("pads", 0, 0, big, big, 0, 0, big, big)};
    assert_int_equal(dnb_graph_op(g, "Pad", "bomb", &x, 1, pads, 1, &y, &err), DNB_OK);
    assert_int_equal(dnb_inference_new(&inf, g, 1, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "'bomb'"));
    assert_null(inf);
    assert_int_equal(dnb_inference_new(&inf, g, 0, &err), DNB_EARG);
    assert_int_equal(dnb_inference_new(&inf, g, SIZE_MAX, &err), DNB_EARG);
    dnb_graph_free(g);
}

/* A kernel that reads elements must not be given an empty constant. */
static void test_empty_constant(void **state)
{
    (void)state;
    dnb_graph *g = NULL;
    dnb_inference *inf = NULL;
    dnb_err err;
    dnb_array a = {0};
    dnb_value empty, y;
    assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
    assert_int_equal(dnb_array_init(&a, DNB_F32, 2, (size_t[]){0, 2}, &err), DNB_OK);
    assert_int_equal(dnb_graph_constant(g, NULL, &a, &empty, &err), DNB_OK);
    const dnb_attr attrs[] = {DNB_INTS("pads", 1, 1, 1, 1), DNB_STRING("mode", "edge")};
    assert_int_equal(dnb_graph_op(g, "Pad", "padded", &empty, 1, attrs, 2, &y, &err), DNB_OK);
    assert_int_equal(dnb_inference_new(&inf, g, 1, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "'padded'"));
    dnb_graph_free(g);
}

static void test_layer_names(void **state)
{
    (void)state;
    net_maker m;
    dnb_err err;
    size_t shape[3];
    maker_init(&m, 1);
    m.blank = true;
    dnb_net *net = make_alexnet(&m);
    assert_non_null(net);
    assert_string_equal(dnb_net_name(net), "AlexNet");
    assert_null(dnb_net_weights_path(net));
    assert_string_equal(dnb_net_layer_name(net, 0), "conv1");
    assert_null(dnb_net_layer_name(net, dnb_net_layer_count(net)));
    assert_int_equal(dnb_net_layer_shape(net, "conv5", shape, &err), DNB_OK);
    assert_true(shape[0] == 256 && shape[1] == 13 && shape[2] == 13);
    assert_int_equal(dnb_net_layer_shape(net, "fc2", shape, &err), DNB_OK);
    assert_true(shape[0] == 4096 && shape[1] == 1 && shape[2] == 1);
    assert_int_equal(dnb_net_find_layer(net, "conv5relu", &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "'conv5relu'"));
    assert_non_null(strstr(err.message, "'conv5_relu'"));
    assert_int_equal(dnb_net_layer_shape(net, "", shape, &err), DNB_ENOTFOUND);
    dnb_net_free(net);
}

/* What has no row per stimulus is no layer: a mean over the batch, a constant. */
static void test_untappable_values(void **state)
{
    (void)state;
    net_maker m;
    dnb_err err;
    maker_init(&m, 1);
    dnb_value x = make_input(&m, 3, 4, 4);
    const dnb_attr axes[] = {DNB_INTS("axes", 0)};
    make_op(&m, "ReduceMean", "mean", &x, 1, axes, 1);
    make_unary(&m, "Shape", "size", x);
    make_unary(&m, "Relu", "relu", x);
    dnb_net *net = make_net(&m, "mixed", 3, 4, 4);
    assert_non_null(net);
    assert_int_equal(dnb_net_layer_count(net), 1);
    assert_int_equal(dnb_net_find_layer(net, "mean", &err), DNB_ENOTFOUND);
    assert_int_equal(dnb_net_find_layer(net, "size", &err), DNB_ENOTFOUND);
    assert_int_equal(dnb_net_find_layer(net, "relu", &err), DNB_OK);
    assert_int_equal(dnb_net_find_layer(net, "data", &err), DNB_OK);
    dnb_net_free(net);
}

static void test_net_refusals(void **state)
{
    (void)state;
    net_maker m;
    maker_init(&m, 1);
    make_input(&m, 3, 4, 4);
    assert_null(make_net(&m, "wrong size", 3, 5, 4));
    assert_int_equal(m.status, DNB_ESHAPE);
    maker_init(&m, 1);
    assert_null(make_net(&m, "no input", 3, 4, 4));
    assert_int_equal(m.status, DNB_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builder_refusals),
        cmocka_unit_test(test_names_and_aliases),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_shape_arithmetic),
        cmocka_unit_test(test_fixed_reshape_follows_batch),
        cmocka_unit_test(test_hostile_shapes),
        cmocka_unit_test(test_empty_constant),
        cmocka_unit_test(test_later_constants),
        cmocka_unit_test(test_layer_names),
        cmocka_unit_test(test_untappable_values),
        cmocka_unit_test(test_net_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
