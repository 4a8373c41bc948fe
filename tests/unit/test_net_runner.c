/* net: planner and back ends. oneDNN against the float64 reference on random networks, exactness of
 * taps under fusion, memory reuse, early stop, partial batches, failing allocations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "layer_sets.h"
#include "dnnbrain/runtime.h"
#include "net/program_impl.h"

/* ---- fusion and taps ----------------------------------------------------------------------------
 */

static dnb_net *residual_net(size_t channels)
{
    net_maker m;
    maker_init(&m, 3);
    dnb_net *net = make_residual(&m, channels);
    if (!net)
        fail_msg("%s", m.err.message);
    return net;
}

static void test_residual_network(void **state)
{
    (void)state;
    dnb_net *net = residual_net(32);
    check_net(net, "residual 32", 3, 3);
    dnb_net_free(net);
    net = residual_net(10); /* channels that fill no vector: layouts with padding */
    check_net(net, "residual 10", 3, 5);
    dnb_net_free(net);
}

static size_t count_steps(const dnb_net *net, const char *const *layers, size_t n)
{
    dnb_program *p = NULL;
    dnb_err err = {0};
    dnb_value taps[8];
    for (size_t i = 0; i < n; i++)
        taps[i] = dnb_graph_find(dnb_net_graph(net), layers[i]);
    dnb_program_request r = {
        .graph = dnb_net_graph(net), .taps = taps, .n_taps = n, .batch = 2, .prims = true};
    if (dnb_program_new(&p, &r, &err) != DNB_OK)
        fail_msg("%s", err.message);
    size_t steps = 0;
    for (size_t i = 0; i < dnb_program_step_count(p, NULL); i++)
        steps += strncmp(dnb_program_step_name(p, i), "tap", 3) != 0 &&
                 strstr(dnb_program_step_name(p, i), "reorder") == NULL;
    dnb_program_free(p);
    return steps;
}

/* A tapped convolution keeps its value from before the ReLU; a tapped ReLU alone costs no extra
 * step. */
static void test_tap_before_relu(void **state)
{
    (void)state;
    net_maker m;
    maker_init(&m, 5);
    dnb_value x = make_input(&m, 16, 9, 9);
    x = make_conv(&m, "conv5", x, 16, 16, 3, 1, 1, 1, true);
    make_unary(&m, "Relu", "conv5_relu", x);
    dnb_net *net = make_net(&m, "relu", 16, 9, 9);
    assert_non_null(net);
    const char *names[] = {"conv5", "conv5_relu"};
    layer_set s;
    set_init(&s, net, names, 2, 4);
    run_set(net, &s, DNB_BACKEND_ONEDNN, 4);
    size_t negative = 0;
    for (size_t i = 0; i < s.n * s.count[0]; i++) {
        negative += s.data[0][i] < 0;
        assert_true(s.data[1][i] == (s.data[0][i] > 0 ? s.data[0][i] : 0));
    }
    assert_true(negative > s.n * s.count[0] / 4);
    set_release(&s);
    size_t fused = count_steps(net, names + 1, 1), both = count_steps(net, names, 2);
    assert_int_equal(both, fused + 1);
    dnb_net_free(net);
}

/* Only what the deepest tap needs is planned, and Dropout, Flatten, Identity cost nothing. */
static void test_early_stop(void **state)
{
    (void)state;
    net_maker m;
    maker_init(&m, 1);
    m.blank = true;
    dnb_net *net = make_alexnet(&m);
    assert_non_null(net);
    const char *early[] = {"conv2_relu"}, *late[] = {"fc3"};
    size_t bytes_early = 0, bytes_late = 0;
    dnb_err err;
    dnb_runner_options opt = {.batch = 2};
    size_t early_steps = count_steps(net, early, 1), late_steps = count_steps(net, late, 1);
    assert_in_range(early_steps, 3, 5);  /* conv1, pool, conv2, perhaps layout changes */
    assert_in_range(late_steps, 11, 14); /* 5 conv, 3 pool, 3 fc */
    assert_int_equal(dnb_runner_plan_bytes(net, early, 1, &opt, &bytes_early, &err), DNB_OK);
    assert_int_equal(dnb_runner_plan_bytes(net, late, 1, &opt, &bytes_late, &err), DNB_OK);
    assert_true(bytes_early < 20u << 20);
    assert_true(bytes_late > 200u << 20);
    dnb_net_free(net);
}

/* ---- memory -------------------------------------------------------------------------------------
 */

/* Buffers whose lives meet never overlap, and the arena is far smaller than all of them together.
 */
static void test_arena(void **state)
{
    (void)state;
    dnb_buffer b[120];
    dnb_random r;
    dnb_err err;
    size_t bytes = 0, sum = 0;
    dnb_random_init(&r, 5, 0);
    for (int i = 0; i < 120; i++) {
        int first = (int)dnb_random_below(&r, 100);
        b[i] = (dnb_buffer){.kind = i % 10 ? DNB_BUFFER_ARENA : DNB_BUFFER_CONSTANT,
                            .bytes = 1 + (size_t)dnb_random_below(&r, 1000),
                            .first = first,
                            .last = first + (int)dnb_random_below(&r, 6) - 1};
    }
    assert_int_equal(dnb_arena_plan(b, 120, &bytes, &err), DNB_OK);
    for (int i = 0; i < 120; i++) {
        bool lives = b[i].kind == DNB_BUFFER_ARENA && b[i].last >= b[i].first;
        sum += lives ? b[i].bytes : 0;
        assert_int_equal(b[i].offset % 64, 0);
        for (int k = 0; lives && k < i; k++)
            if (b[k].kind == DNB_BUFFER_ARENA && b[k].last >= b[k].first &&
                b[i].first <= b[k].last && b[k].first <= b[i].last)
                assert_true(b[i].offset + b[i].bytes <= b[k].offset ||
                            b[k].offset + b[k].bytes <= b[i].offset);
        assert_true(!lives || b[i].offset + b[i].bytes <= bytes);
    }
    assert_true(bytes < sum / 4);
    b[1].bytes = SIZE_MAX / 2;
    b[1].last = b[1].first;
    assert_int_equal(dnb_arena_plan(b, 120, &bytes, &err), DNB_ENOMEM);
}

/* ---- running ------------------------------------------------------------------------------------
 */

/* Several runs of one runner, full and partial batches in any order, give what single runs give. */
static void test_partial_batches(void **state)
{
    (void)state;
    dnb_net *net = residual_net(16);
    const char *names[] = {"data", "stem", "block", "flat", "prob", "block"};
    static const size_t sizes[] = {4, 1, 3, 3, 4, 2};
    layer_set truth, part;
    dnb_runner *r = NULL;
    dnb_err err = {0};
    dnb_runner_options opt = {.batch = 4};
    set_init(&truth, net, names, 6, 4);
    run_set(net, &truth, DNB_BACKEND_REFERENCE64, 4);
    float *x = random_input(net, 4);
    assert_int_equal(dnb_runner_new(&r, net, names, 6, &opt, &err), DNB_OK);
    assert_int_equal(dnb_runner_batch(r), 4);
    assert_int_equal(dnb_runner_backend(r), DNB_BACKEND_ONEDNN);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        set_init(&part, net, names, 6, sizes[i]);
        assert_int_equal(dnb_runner_run(r, x, sizes[i], part.data, &err), DNB_OK);
        truth.n = sizes[i];
        compare_sets(&truth, &part, 2e-5, "partial batch");
        set_release(&part);
    }
    assert_int_equal(dnb_runner_run(r, x, 0, truth.data, &err), DNB_EARG);
    assert_int_equal(dnb_runner_run(r, x, 5, truth.data, &err), DNB_EARG);
    dnb_runner_free(r);
    dnb_free(x);
    for (size_t i = 0; i < truth.n_layers; i++)
        dnb_free(truth.data[i]);
    dnb_net_free(net);
}

/* Rows do not depend on what else is in the batch, nor on the number of threads. */
static void test_threads_and_neighbours(void **state)
{
    (void)state;
    dnb_net *net = residual_net(16);
    const char *names[] = {"down_relu", "prob"};
    layer_set one, four, threads;
    int before = dnb_threads_get();
    set_init(&four, net, names, 2, 4);
    set_init(&threads, net, names, 2, 4);
    set_init(&one, net, names, 2, 1);
    dnb_threads_set(1);
    run_set(net, &four, DNB_BACKEND_ONEDNN, 4);
    dnb_threads_set(3);
    run_set(net, &threads, DNB_BACKEND_ONEDNN, 4);
    compare_sets(&four, &threads, 0, "threads");
    run_set(net, &one, DNB_BACKEND_ONEDNN, 1);
    four.n = 1;
    /* another batch may be computed by another method */
    compare_sets(&four, &one, 1e-5, "batch of one");
    run_set(net, &one, DNB_BACKEND_REFERENCE, 1);
    dnb_threads_set(1);
    four.n = 4;
    run_set(net, &four, DNB_BACKEND_REFERENCE, 4);
    four.n = 1;
    compare_sets(&four, &one, 0, "reference, batch of one and threads");
    four.n = 4;
    dnb_threads_set(before);
    set_release(&one);
    set_release(&four);
    set_release(&threads);
    dnb_net_free(net);
}

/* The float64 program hands out float64. */
static void test_run64(void **state)
{
    (void)state;
    net_maker m;
    maker_init(&m, 1);
    dnb_value x = make_input(&m, 1, 1, 1);
    dnb_value y = make_unary(&m, "Sigmoid", "y", x);
    dnb_program *p = NULL;
    dnb_err err;
    double in = 0.3, out = 0;
    double *taps[1] = {&out};
    dnb_program_request r = {.graph = m.g, .taps = &y, .n_taps = 1, .batch = 1, .f64 = true};
    assert_int_equal(dnb_program_new(&p, &r, &err), DNB_OK);
    assert_int_equal(dnb_program_prepare(p, &err), DNB_OK);
    assert_int_equal(dnb_program_run64(p, &in, 1, taps, &err), DNB_OK);
    assert_true(fabs(out - 1 / (1 + exp(-0.3))) < 1e-15);
    dnb_program_free(p);
    dnb_graph_free(m.g);
}

/* Weights computed by nodes (Transpose of a constant) are folded once, then packed. */
static void test_constant_folding(void **state)
{
    (void)state;
    net_maker m;
    maker_init(&m, 4);
    dnb_value x = make_input(&m, 8, 10, 10);
    x = make_unary(&m, "Flatten", "flat", x);
    dnb_value w = make_constant(&m, 2, (size_t[]){20, 800}, 0, 0.05);
    dnb_value wt = make_unary(&m, "Transpose", "wt", w);
    dnb_value y = make_op(&m, "MatMul", "product", (dnb_value[]){x, wt}, 2, NULL, 0);
    dnb_value b = make_constant(&m, 1, (size_t[]){20}, 1, 1);
    y = make_op(&m, "Add", "biased", (dnb_value[]){b, y}, 2, NULL, 0);
    y = make_norm(&m, "normed", y, 20);
    make_unary(&m, "Relu", "out", y);
    dnb_net *net = make_net(&m, "folding", 8, 10, 10);
    assert_non_null(net);
    const char *out[] = {"out"};
    assert_int_equal(count_steps(net, out, 1), 1); /* everything is one inner product */
    check_net(net, "folding", 3, 3);
    dnb_net_free(net);
}

static void test_backends(void **state)
{
    (void)state;
    dnb_backend b;
    dnb_err err;
    for (int i = 0; i < DNB_BACKEND_COUNT; i++) {
        assert_int_equal(dnb_backend_find(&b, dnb_backend_name((dnb_backend)i), &err), DNB_OK);
        assert_int_equal(b, i);
        assert_true(dnb_backend_available(b));
    }
    assert_int_equal(dnb_backend_find(&b, "cuda", &err), DNB_ENOTFOUND);
    assert_null(dnb_backend_name(DNB_BACKEND_COUNT));
}

static void test_runner_refusals(void **state)
{
    (void)state;
    dnb_net *net = residual_net(8);
    dnb_runner *r = NULL;
    dnb_err err;
    const char *wrong[] = {"blok"}, *right[] = {"block"};
    dnb_runner_options opt = {.batch = (size_t)1 << 40};
    assert_int_equal(dnb_runner_new(&r, net, wrong, 1, NULL, &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "'block'"));
    assert_int_equal(dnb_runner_new(&r, net, right, 0, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_runner_new(&r, net, right, 1, &opt, &err), DNB_EARG);
    opt = (dnb_runner_options){.backend = DNB_BACKEND_COUNT};
    assert_int_equal(dnb_runner_new(&r, net, right, 1, &opt, &err), DNB_EUNSUPPORTED);
    assert_null(r);
    dnb_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_residual_network),
        cmocka_unit_test(test_tap_before_relu),
        cmocka_unit_test(test_early_stop),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_partial_batches),
        cmocka_unit_test(test_threads_and_neighbours),
        cmocka_unit_test(test_run64),
        cmocka_unit_test(test_constant_folding),
        cmocka_unit_test(test_backends),
        cmocka_unit_test(test_runner_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
