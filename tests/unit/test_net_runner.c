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

#include "base/mem.h"
#include "nets.h"
#include "dnnbrain/runtime.h"
#include "net/program_impl.h"

#define MAX_LAYERS 64

/* Values of several layers for n stimuli. */
typedef struct layer_set {
    size_t n, n_layers;
    const char *names[MAX_LAYERS];
    size_t count[MAX_LAYERS]; /* per stimulus */
    float *data[MAX_LAYERS];
} layer_set;

static void set_init(layer_set *s, const dnb_net *net, const char *const *names, size_t n_layers,
                     size_t n)
{
    dnb_err err = {0};
    *s = (layer_set){.n = n, .n_layers = n_layers};
    for (size_t i = 0; i < n_layers; i++) {
        size_t shape[3];
        s->names[i] = names[i];
        if (dnb_net_layer_shape(net, names[i], shape, &err) != DNB_OK)
            fail_msg("%s", err.message);
        s->count[i] = shape[0] * shape[1] * shape[2];
        s->data[i] = dnb_alloc(n * s->count[i] + 1, sizeof(float));
        assert_non_null(s->data[i]);
        s->data[i][n * s->count[i]] = 12345; /* a guard behind the last row */
    }
}

static void set_release(layer_set *s)
{
    for (size_t i = 0; i < s->n_layers; i++) {
        assert_true(s->data[i][s->n * s->count[i]] == 12345);
        dnb_free(s->data[i]);
    }
}

static float *random_input(const dnb_net *net, size_t n)
{
    const dnb_input_spec *spec = dnb_net_input_spec(net);
    size_t count = n * spec->channels * spec->height * spec->width;
    float *x = dnb_alloc(count, sizeof *x);
    dnb_random r;
    dnb_random_init(&r, 7, 1);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)dnb_random_normal(&r);
    return x;
}

/* Runs net for s->n stimuli with the given batch (>= n) and back end. */
static void run_set(const dnb_net *net, layer_set *s, dnb_backend backend, size_t batch)
{
    dnb_runner *r = NULL;
    dnb_err err = {0};
    dnb_runner_options opt = {.batch = batch, .backend = backend};
    float *x = random_input(net, s->n);
    if (dnb_runner_new(&r, net, s->names, s->n_layers, &opt, &err) != DNB_OK ||
        dnb_runner_run(r, x, s->n, s->data, &err) != DNB_OK)
        fail_msg("%s", err.message);
    dnb_runner_free(r);
    dnb_free(x);
}

static double largest(const float *x, size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++)
        top = fmax(top, fabs((double)x[i]));
    return top;
}

/* Every layer of b agrees with a: max difference over the layer's max. */
static void compare_sets(const layer_set *a, const layer_set *b, double tolerance, const char *what)
{
    for (size_t i = 0; i < a->n_layers; i++) {
        double scale = largest(a->data[i], a->n * a->count[i]), worst = 0;
        for (size_t k = 0; k < a->n * a->count[i]; k++) {
            double d = fabs((double)a->data[i][k] - (double)b->data[i][k]);
            worst = d > worst || d != d ? d : worst;
        }
        if (!(worst <= tolerance * scale))
            fail_msg("%s: layer %s differs by %g of %g", what, a->names[i], worst, scale);
    }
}

/* All main layers at once, and each alone (which allows the most fusion), against float64. */
static void check_net(const dnb_net *net, const char *what, size_t n, size_t batch)
{
    const char *names[MAX_LAYERS] = {0};
    layer_set truth, all, one;
    size_t n_layers = dnb_net_layer_count(net);
    assert_true(n_layers <= MAX_LAYERS);
    for (size_t i = 0; i < n_layers; i++)
        names[i] = dnb_net_layer_name(net, i);
    set_init(&truth, net, names, n_layers, n);
    set_init(&all, net, names, n_layers, n);
    run_set(net, &truth, DNB_BACKEND_REFERENCE64, n);
    run_set(net, &all, DNB_BACKEND_REFERENCE, n);
    compare_sets(&truth, &all, 1e-5, what);
    run_set(net, &all, DNB_BACKEND_ONEDNN, batch);
    compare_sets(&truth, &all, 2e-5, what);
    for (size_t i = 0; i < n_layers; i++) {
        set_init(&one, net, names + i, 1, n);
        run_set(net, &one, DNB_BACKEND_ONEDNN, batch);
        layer_set part = {.n = n,
                          .n_layers = 1,
                          .names = {names[i]},
                          .count = {truth.count[i]},
                          .data = {truth.data[i]}};
        compare_sets(&part, &one, 2e-5, what);
        set_release(&one);
    }
    set_release(&truth);
    set_release(&all);
}

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

/* ---- random networks ----------------------------------------------------------------------------
 */

static size_t pick(dnb_random *r, size_t lo, size_t hi)
{
    return lo + (size_t)dnb_random_below(r, hi - lo + 1);
}

/* The current value of a random network under construction. */
typedef struct cursor {
    net_maker m;
    dnb_random r;
    dnb_value v;
    size_t c, h, w;
    int count;
    char name[16];
} cursor;

static const char *next_name(cursor *k)
{
    snprintf(k->name, sizeof k->name, "v%d", k->count++);
    return k->name;
}

static void random_conv(cursor *k)
{
    size_t groups = k->c % 2 == 0 && pick(&k->r, 0, 3) == 0 ? 2 : 1;
    if (pick(&k->r, 0, 9) == 0)
        groups = k->c; /* depthwise */
    size_t out = groups * pick(&k->r, 1, 40 / groups + 1);
    size_t kh = pick(&k->r, 1, 4), kw = pick(&k->r, 1, 4), s = pick(&k->r, 1, 3);
    size_t d = pick(&k->r, 1, 2);
    size_t pad[4];
    for (int i = 0; i < 4; i++)
        pad[i] = pick(&k->r, 0, 2);
    size_t eh = (kh - 1) * d + 1, ew = (kw - 1) * d + 1;
    if (k->h + pad[0] + pad[2] < eh || k->w + pad[1] + pad[3] < ew)
        return;
    size_t shape[4] = {out, k->c / groups, kh, kw};
    dnb_value in[3] = {k->v, make_constant(&k->m, 4, shape, 0, 0.3), DNB_NO_VALUE};
    size_t n = pick(&k->r, 2, 3);
    if (n == 3)
        in[2] = make_constant(&k->m, 1, &out, 0, 0.3);
    const dnb_attr attrs[] = {
        DNB_INTS("strides", (int64_t)s, (int64_t)s), DNB_INTS("dilations", (int64_t)d, (int64_t)d),
        DNB_INTS("pads", (int64_t)pad[0], (int64_t)pad[1], (int64_t)pad[2], (int64_t)pad[3]),
        DNB_INT("group", (int64_t)groups)};
    k->v = make_op(&k->m, "Conv", next_name(k), in, n, attrs, 4);
    k->c = out;
    k->h = (k->h + pad[0] + pad[2] - eh) / s + 1;
    k->w = (k->w + pad[1] + pad[3] - ew) / s + 1;
}

static void random_pool(cursor *k)
{
    size_t kh = pick(&k->r, 1, 3), kw = pick(&k->r, 1, 3);
    if (k->h < kh || k->w < kw)
        return;
    const dnb_attr attrs[] = {
        DNB_INTS("kernel_shape", (int64_t)kh, (int64_t)kw),
        DNB_INTS("strides", (int64_t)pick(&k->r, 1, 3), (int64_t)pick(&k->r, 1, 3)),
        DNB_INTS("pads", (int64_t)pick(&k->r, 0, kh - 1), (int64_t)pick(&k->r, 0, kw - 1),
                 (int64_t)pick(&k->r, 0, kh - 1), (int64_t)pick(&k->r, 0, kw - 1)),
        DNB_INT("ceil_mode", (int64_t)pick(&k->r, 0, 1)),
        DNB_INT("count_include_pad", (int64_t)pick(&k->r, 0, 1))};
    bool max = pick(&k->r, 0, 1);
    k->v =
        make_op(&k->m, max ? "MaxPool" : "AveragePool", next_name(k), &k->v, 1, attrs, max ? 4 : 5);
    if (k->m.status != DNB_OK)
        return;
    dnb_inference *inf = NULL;
    k->m.status = dnb_inference_new(&inf, k->m.g, 1, &k->m.err);
    if (k->m.status == DNB_OK) {
        k->h = inf->shape[k->v].dim[2];
        k->w = inf->shape[k->v].dim[3];
    }
    dnb_inference_free(inf);
}

/* Two branches of the same spatial size, joined along channels. */
static void random_branches(cursor *k)
{
    dnb_value x = k->v;
    size_t a = pick(&k->r, 1, 20), b = pick(&k->r, 1, 20);
    dnb_value p[3];
    p[0] = make_conv(&k->m, next_name(k), x, k->c, a, 1, 1, 0, 1, true);
    p[0] = make_unary(&k->m, "Relu", next_name(k), p[0]);
    p[1] = make_conv(&k->m, next_name(k), x, k->c, b, 3, 1, 1, 1, true);
    p[2] = x;
    const dnb_attr axis[] = {DNB_INT("axis", 1)};
    k->v = make_op(&k->m, "Concat", next_name(k), p, 3, axis, 1);
    k->c += a + b;
}

static void random_unary(cursor *k)
{
    static const char *const ops[] = {"Relu",
                                      "Sigmoid",
                                      "Tanh",
                                      "LeakyRelu",
                                      "Dropout",
                                      "Identity",
                                      "InstanceNormalization",
                                      "LRN",
                                      "Softmax",
                                      "BatchNormalization",
                                      "Transpose"};
    size_t which = pick(&k->r, 0, 10);
    dnb_value in[3] = {k->v, DNB_NO_VALUE, DNB_NO_VALUE};
    const dnb_attr lrn[] = {DNB_INT("size", 5)};
    const dnb_attr axis[] = {DNB_INT("axis", (int64_t)pick(&k->r, 1, 3))};
    const dnb_attr perm[] = {DNB_INTS("perm", 0, 1, 3, 2)};
    if (which == 9) {
        k->v = make_norm(&k->m, next_name(k), k->v, k->c);
    } else if (which == 6) {
        in[1] = make_constant(&k->m, 1, &k->c, 1, 0.1);
        in[2] = make_constant(&k->m, 1, &k->c, 0, 0.1);
        k->v = make_op(&k->m, ops[which], next_name(k), in, 3, NULL, 0);
    } else {
        k->v = make_op(&k->m, ops[which], next_name(k), in, 1,
                       which == 7    ? lrn
                       : which == 8  ? axis
                       : which == 10 ? perm
                                     : NULL,
                       which == 7 || which == 8 || which == 10);
        if (which == 10) {
            size_t t = k->h;
            k->h = k->w;
            k->w = t;
        }
    }
}

static void random_binary(cursor *k)
{
    static const char *const ops[] = {"Add", "Sub", "Mul"};
    dnb_value in[2] = {k->v, k->v};
    size_t shape[4] = {1, pick(&k->r, 0, 1) ? k->c : 1, pick(&k->r, 0, 1) ? k->h : 1, 1};
    if (pick(&k->r, 0, 1))
        in[pick(&k->r, 0, 1)] = make_constant(&k->m, 4, shape, 0.5, 0.5);
    else
        in[1] = make_conv(&k->m, next_name(k), k->v, k->c, k->c, 3, 1, 1, 1, true);
    k->v = make_op(&k->m, ops[pick(&k->r, 0, 2)], next_name(k), in, 2, NULL, 0);
}

static dnb_net *make_random(uint64_t seed)
{
    cursor k = {.c = 3, .h = 17, .w = 15};
    maker_init(&k.m, seed);
    dnb_random_init(&k.r, seed, 2);
    k.v = make_input(&k.m, k.c, k.h, k.w);
    for (size_t i = 0, n = pick(&k.r, 4, 10); i < n; i++) {
        size_t what = pick(&k.r, 0, 9);
        if (what < 3)
            random_conv(&k);
        else if (what < 5)
            random_pool(&k);
        else if (what < 6)
            random_branches(&k);
        else if (what < 9)
            random_unary(&k);
        else
            random_binary(&k);
    }
    k.v = make_unary(&k.m, "Flatten", next_name(&k), k.v);
    make_linear(&k.m, next_name(&k), k.v, k.c * k.h * k.w, 7);
    dnb_net *net = make_net(&k.m, "random", 3, 17, 15);
    if (!net)
        fail_msg("seed %llu: %s", (unsigned long long)seed, k.m.err.message);
    return net;
}

static void test_random_networks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        char what[32];
        dnb_net *net = make_random(seed);
        snprintf(what, sizeof what, "seed %d", (int)seed);
        check_net(net, what, 2, seed % 3 ? 2 : 3);
        dnb_net_free(net);
    }
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
    compare_sets(&four, &one, 0, "batch of one");
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
        cmocka_unit_test(test_random_networks),
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
