/* net: oneDNN and the float reference against the float64 reference on random networks: every
 * layer, tapped together and alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "layer_sets.h"
#include "net/infer.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
