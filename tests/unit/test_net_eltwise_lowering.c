/* net: the elementwise functions that an accelerator computes agree with the reference kernels to a
 * millionth, special numbers included, alone and fused into a convolution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dnnbrain/random.h"
#include "op_case.h"

enum { COUNT = 3 * 64 * 16 };

typedef struct function {
    const char *op;
    const float *exponent; /* Pow's second input */
} function;

static const function functions[] = {
    {"Abs", NULL},           {"Sqrt", NULL},         {"Round", NULL},
    {"Reciprocal", NULL},    {"HardSwish", NULL},    {"Pow", (float[]){2}},
    {"Pow", (float[]){3}},   {"Pow", (float[]){-1}}, {"Pow", (float[]){2.5f}},
    {"Pow", (float[]){0.5f}}};

static dnb_status build_net(const function *f, bool fused, dnb_graph **g, dnb_value *y,
                            dnb_err *err)
{
    static float weights[3 * 3];
    dnb_value x[2], in[2];
    dnb_shape image = shape(4, 1, 3, 64, 16);
    dnb_status status = dnb_graph_new(g, 14, err);
    if (status == DNB_OK)
        status = dnb_graph_input(*g, "x", &image, &x[0], err);
    in[0] = x[0];
    if (status == DNB_OK && fused) {
        for (int i = 0; i < 9; i++)
            weights[i] = (float)(i - 4) * 0.25f;
        dnb_array w = floats(weights, 4, 3, 3, 1, 1);
        status = dnb_graph_constant(*g, "w", &w, &x[1], err);
        if (status == DNB_OK)
            status = dnb_graph_op(*g, "Conv", "c", x, 2, NULL, 0, &in[0], err);
    }
    if (status == DNB_OK && f->exponent) {
        dnb_array e = floats((float *)f->exponent, 0, 0, 0, 0, 0);
        status = dnb_graph_constant(*g, "e", &e, &in[1], err);
    }
    if (status == DNB_OK)
        status = dnb_graph_op(*g, f->op, "y", in, f->exponent ? 2 : 1, NULL, 0, y, err);
    return status;
}

static void run(const function *f, bool fused, bool prims, const float *x, float *out)
{
    dnb_graph *g = NULL;
    dnb_program *p = NULL;
    dnb_value y;
    dnb_err err = {0};
    float *taps[1] = {out};
    dnb_status status = build_net(f, fused, &g, &y, &err);
    dnb_program_request r = {
        .graph = g, .taps = &y, .n_taps = 1, .batch = 1, .f64 = false, .prims = prims};
    if (status == DNB_OK)
        status = dnb_program_new(&p, &r, &err);
    if (status == DNB_OK)
        status = dnb_program_prepare(p, &err);
    if (status == DNB_OK)
        status = dnb_program_run(p, x, 1, taps, &err);
    if (status != DNB_OK)
        fail_msg("%s: %s", f->op, err.message);
    dnb_program_free(p);
    dnb_graph_free(g);
}

static void compare(const function *f, const float *x, const float *got, const float *want)
{
    for (size_t i = 0; i < COUNT; i++) {
        double a = (double)got[i], b = (double)want[i];
        bool same = a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-6 * fabs(b);
        if (!same)
            fail_msg("%s of %.9g: %.9g, not %.9g", f->op, (double)x[i], a, b);
    }
}

static void test_agreement(void **state)
{
    static float x[COUNT], got[COUNT], want[COUNT];
    static const float special[] = {0,    -0.0f, INFINITY, -INFINITY, NAN,   0.5f,
                                    1.5f, -2.5f, 3,        -3,        1e30f, -1e-30f};
    dnb_random r;
    (void)state;
    dnb_random_init(&r, 1, 0);
    for (size_t i = 0; i < COUNT; i++)
        x[i] = (float)(dnb_random_normal(&r) * pow(10, (double)(i % 7) - 3));
    memcpy(x, special, sizeof special);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        run(&functions[i], false, true, x, got);
        run(&functions[i], false, false, x, want);
        compare(&functions[i], x, got, want);
    }
}

/* On numbers that a convolution of small multiples of 1/4 makes exactly. */
static void test_fused(void **state)
{
    static float x[COUNT], got[COUNT], want[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        x[i] = (float)((int)(i * 7919 % 257) - 128) * 0.125f;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        run(&functions[i], true, true, x, got);
        run(&functions[i], true, false, x, want);
        compare(&functions[i], x, got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
