/* net: bfloat16. Results near float32 and really computed in bfloat16, exact rules of the error
 * measure, refusals. Where the processor has no bfloat16, that float32 is used and said. */
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
#include "net/precision.h"
#include "net/program.h"

#define LAYERS 64

static dnb_net *residual_net(size_t channels)
{
    net_maker m;
    maker_init(&m, 3);
    dnb_net *net = make_residual(&m, channels);
    if (!net)
        fail_msg("%s", m.err.message);
    return net;
}

/* All but the tanh, which turns the sign of a large sum's rounding error into its largest value. */
static size_t list_layers(const dnb_net *net, const char *names[LAYERS])
{
    size_t n = 0;
    assert_true(dnb_net_layer_count(net) <= LAYERS);
    for (size_t i = 0; i < dnb_net_layer_count(net); i++)
        if (strcmp(dnb_net_layer_name(net, i), "n_tanh") != 0)
            names[n++] = dnb_net_layer_name(net, i);
    return n;
}

/* Runs s in bf16; true when it was. */
static bool run_bf16(const dnb_net *net, layer_set *s, size_t batch, const float *x)
{
    dnb_runner_options o = {.batch = batch, .precision = DNB_PRECISION_BF16};
    dnb_runner *r = NULL;
    dnb_err err = {0};
    if (dnb_runner_new(&r, net, s->names, s->n_layers, &o, &err) != DNB_OK ||
        dnb_runner_run(r, x, s->n, s->data, &err) != DNB_OK)
        fail_msg("%s", err.message);
    bool used = dnb_runner_precision(r) == DNB_PRECISION_BF16;
    assert_true(used == dnb_precision_available(DNB_PRECISION_BF16));
    dnb_runner_free(r);
    return used;
}

/* All layers at once and the last alone, full and partial batches; the error that
 * dnb_runner_error finds is the one found here. */
static void check_precision(size_t channels, size_t n, size_t batch)
{
    dnb_net *net = residual_net(channels);
    const char *names[LAYERS] = {0};
    size_t n_layers = list_layers(net, names);
    double error[LAYERS], worst = 0;
    layer_set truth, half, last;
    dnb_err err = {0};
    float *x = random_input(net, n);
    set_init(&truth, net, names, n_layers, n);
    set_init(&half, net, names, n_layers, n);
    set_init(&last, net, names + n_layers - 1, 1, n);
    run_set(net, &truth, DNB_BACKEND_REFERENCE64, n);
    bool used = run_bf16(net, &half, batch, x);
    compare_sets(&truth, &half, used ? 2e-2 : 2e-5, "bf16");
    run_bf16(net, &last, batch, x);
    layer_set end = {.n = n,
                     .n_layers = 1,
                     .names = {names[n_layers - 1]},
                     .count = {truth.count[n_layers - 1]},
                     .data = {truth.data[n_layers - 1]}};
    compare_sets(&end, &last, used ? 2e-2 : 2e-5, "bf16, last layer alone");
    if (dnb_runner_error(error, net, names, n_layers, NULL, x, n, (const float *const *)half.data,
                         &err) != DNB_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < n_layers; i++) {
        double own = dnb_relative_error(half.data[i], truth.data[i], n * truth.count[i]);
        assert_true(fabs(error[i] - own) <= 4e-5);
        worst = fmax(worst, error[i]);
    }
    /* rounding to 8 bits shows: a runner that ignored the wish would not pass */
    assert_true(used ? worst > 1e-4 : worst == 0);
    dnb_free(x);
    set_release(&truth);
    set_release(&half);
    set_release(&last);
    dnb_net_free(net);
}

static void test_near_float32(void **state)
{
    (void)state;
    check_precision(32, 4, 4);
    check_precision(10, 3, 5); /* channels that fill no vector, a partial batch */
}

/* A bf16 program holds bf16 code and keeps plain float32 programs as they were. */
static void test_code_used(void **state)
{
    (void)state;
    dnb_net *net = residual_net(32);
    dnb_value tap = dnb_graph_find(dnb_net_graph(net), "prob");
    dnb_err err = {0};
    if (!dnb_precision_available(DNB_PRECISION_BF16)) {
        dnb_net_free(net);
        skip();
    }
    for (int bf16 = 0; bf16 < 2; bf16++) {
        dnb_program_request r = {.graph = dnb_net_graph(net),
                                 .taps = &tap,
                                 .n_taps = 1,
                                 .batch = 4,
                                 .prims = true,
                                 .bf16 = bf16};
        dnb_program *p = NULL;
        size_t found = 0;
        if (dnb_program_new(&p, &r, &err) != DNB_OK)
            fail_msg("%s", err.message);
        /* Other primitives may name an instruction set with bfloat16 without using it. */
        for (size_t i = 0; i < dnb_program_step_count(p, NULL); i++)
            found += strstr(dnb_program_step_name(p, i), "conv") &&
                     strstr(dnb_program_step_name(p, i), "bf16");
        assert_true(bf16 ? found >= 3 : found == 0);
        dnb_program_free(p);
    }
    dnb_net_free(net);
}

static void test_names(void **state)
{
    (void)state;
    dnb_precision p = DNB_PRECISION_COUNT;
    dnb_err err = {0};
    assert_string_equal(dnb_precision_name(DNB_PRECISION_F32), "float32");
    assert_null(dnb_precision_name(DNB_PRECISION_COUNT));
    assert_int_equal(dnb_precision_find(&p, "bf16", &err), DNB_OK);
    assert_int_equal(p, DNB_PRECISION_BF16);
    assert_int_equal(dnb_precision_find(&p, "float16", &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "float32, bf16"));
    assert_true(dnb_precision_available(DNB_PRECISION_F32));
    assert_false(dnb_precision_available(DNB_PRECISION_COUNT));
}

static void test_reference_is_float32(void **state)
{
    (void)state;
    dnb_net *net = residual_net(4);
    const char *name = "prob";
    dnb_runner_options o = {
        .batch = 1, .backend = DNB_BACKEND_REFERENCE, .precision = DNB_PRECISION_BF16};
    dnb_runner *r = NULL;
    dnb_err err = {0};
    double error;
    float x = 0;
    const float *taps = &x;
    if (dnb_runner_new(&r, net, &name, 1, &o, &err) != DNB_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dnb_runner_precision(r), DNB_PRECISION_F32);
    assert_int_equal(dnb_runner_error(&error, net, &name, 1, &o, &x, 0, &taps, &err), DNB_EARG);
    dnb_runner_free(r);
    dnb_net_free(net);
}

static void test_relative_error(void **state)
{
    (void)state;
    const float inf = INFINITY, nan_ = NAN;
    const float a[] = {1, -4, 2}, b[] = {1, -5, 2}, zero[] = {0, 0, 0};
    const float c[] = {inf, nan_, 3}, d[] = {inf, nan_, 4}, e[] = {inf, 1, 4};
    assert_true(dnb_relative_error(a, b, 3) == 0.2);
    assert_true(dnb_relative_error(zero, zero, 3) == 0);
    assert_true(dnb_relative_error(zero, b, 3) == 1);
    assert_true(isinf(dnb_relative_error(b, zero, 3)));
    assert_true(dnb_relative_error(c, d, 3) == 0.25);
    assert_true(isinf(dnb_relative_error(c, e, 3)));
    assert_true(isinf(dnb_relative_error(e, c, 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_float32),   cmocka_unit_test(test_code_used),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_reference_is_float32),
        cmocka_unit_test(test_relative_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
