/* Group statistics: against a plain enumeration of sign patterns, at numbers by hand, what is left
 * out, refusals, threads, failing allocations. Against SciPy: diff_group.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/group.h"
#include "dnnbrain/inference.h"
#include "dnnbrain/random.h"
#include "failing_alloc.h"

enum { N = 9, M = 37 };

static double x[N * M];

static int setup(void **state)
{
    dnb_random r;
    (void)state;
    dnb_random_init(&r, 3, 0);
    for (size_t i = 0; i < N; i++) {
        double shared = dnb_random_normal(&r);
        for (size_t t = 0; t < M; t++)
            x[i * M + t] = 0.2 + 0.5 * shared + dnb_random_normal(&r) * (double)(1 + t % 3);
    }
    return 0;
}

/* mean sqrt(n) / sd of one target under a pattern. */
static double t_of(const double *values, size_t n, size_t m, size_t pattern)
{
    double mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++)
        mean += (pattern >> i & 1 ? -1 : 1) * values[i * m] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = (pattern >> i & 1 ? -1 : 1) * values[i * m] - mean;
        ss += d * d;
    }
    return mean * sqrt((double)n) / sqrt(ss / (double)(n - 1));
}

static void agrees_with_enumeration(bool two_sided)
{
    enum { PATTERNS = 1 << N };
    static double t[PATTERNS][M];
    dnb_group g = {0};
    dnb_err err;
    dnb_group_options o = {.n_perm = PATTERNS, .two_sided = two_sided};
    assert_int_equal(dnb_group_run(&g, x, N, M, &o, &err), DNB_OK);
    assert_true(g.exact && g.n_flips == PATTERNS && g.n_left_out == 0);
    for (size_t k = 0; k < PATTERNS; k++)
        for (size_t j = 0; j < M; j++)
            t[k][j] = two_sided ? fabs(t_of(x + j, N, M, k)) : t_of(x + j, N, M, k);
    for (size_t j = 0; j < M; j++) {
        size_t one = 0, family = 0;
        for (size_t k = 0; k < PATTERNS; k++) {
            double largest = -INFINITY;
            for (size_t i = 0; i < M; i++)
                largest = fmax(largest, t[k][i]);
            one += t[k][j] >= t[0][j] - 1e-9;
            family += largest >= t[0][j] - 1e-9;
        }
        assert_true(fabs(g.t[j] - t_of(x + j, N, M, 0)) < 1e-12 * fmax(1, fabs(g.t[j])));
        assert_true(g.p[j] == (double)one / PATTERNS);
        assert_true(g.p_max[j] == (double)family / PATTERNS);
        assert_true(g.p_max[j] >= g.p[j] && g.q[j] >= g.p[j]);
    }
    dnb_group_release(&g);
}

static void test_all_patterns_are_counted(void **state)
{
    (void)state;
    agrees_with_enumeration(false);
    agrees_with_enumeration(true);
}

static void test_numbers_by_hand(void **state)
{
    (void)state;
    /* 1 2 3; all alike; all 0; too large to square; 1 2 -3 */
    const double y[3 * 5] = {1, 0.1, 0, 1e300, 1, 2, 0.1, 0, 2e300, 2, 3, 0.1, 0, 3e300, -3};
    dnb_group g = {0};
    dnb_err err;
    dnb_group_options o = {.n_perm = 8};
    assert_int_equal(dnb_group_run(&g, y, 3, 5, &o, &err), DNB_OK);
    assert_true(g.mean[0] == 2 && fabs(g.sd[0] - 1) < 1e-15 && fabs(g.t[0] - 2 * sqrt(3)) < 1e-14);
    assert_true(g.p[0] == 1.0 / 8 && g.p[1] == 1.0 / 8 && g.p[2] == 1 && g.p[3] == 1.0 / 8);
    assert_true(g.p[4] ==
                5.0 / 8); /* 0 or more: +++ ties with ---, beside those with the 3 turned */
    /* Student's t with 2 degrees of freedom has the quantile (2p - 1) / sqrt(2p (1 - p)). */
    double half = 0.95 / sqrt(2 * 0.975 * 0.025) / sqrt(3);
    assert_true(fabs(g.low[0] - (2 - half)) < 1e-12 && fabs(g.high[0] - (2 + half)) < 1e-12);
    assert_true(isinf(g.t[1]) && g.t[1] > 0 && g.sd[1] == 0 && g.low[1] == g.high[1]);
    assert_true(g.t[2] == 0 && g.mean[2] == 0);
    assert_true(fabs(g.mean[3] / 2e300 - 1) < 1e-15 && fabs(g.t[3] - g.t[0]) < 1e-14);
    dnb_group_release(&g);
    o.two_sided = true;
    assert_int_equal(dnb_group_run(&g, y, 3, 5, &o, &err), DNB_OK);
    assert_true(g.p[0] == 2.0 / 8 && g.p[4] == 1);
    dnb_group_release(&g);
    o = (dnb_group_options){.level = 0.5};
    assert_int_equal(dnb_group_run(&g, y, 3, 5, &o, &err), DNB_OK);
    assert_true(!g.p && !g.p_max && !g.q && g.n_flips == 0);
    dnb_interval t = dnb_mean_interval((const double[]){1, 2, 3}, 3, 0.5);
    assert_true(fabs(g.low[0] - t.lo) < 1e-14 && fabs(g.high[0] - t.hi) < 1e-14);
    dnb_group_release(&g);
}

/* Drawn patterns: near the p of all patterns, and never below 1 / (1 + n_perm). */
static void test_drawn_patterns(void **state)
{
    (void)state;
    enum { PERM = 400 };
    dnb_group all = {0}, some = {0};
    dnb_err err;
    dnb_group_options o = {.n_perm = 1 << N, .seed = 8};
    assert_int_equal(dnb_group_run(&all, x, N, M, &o, &err), DNB_OK);
    o.n_perm = PERM;
    assert_int_equal(dnb_group_run(&some, x, N, M, &o, &err), DNB_OK);
    assert_true(!some.exact && some.n_flips == PERM + 1);
    for (size_t t = 0; t < M; t++) {
        double spread = sqrt(all.p[t] * (1 - all.p[t]) / PERM);
        assert_true(fabs(some.p[t] - all.p[t]) < 5 * spread + 2.0 / PERM);
        spread = sqrt(all.p_max[t] * (1 - all.p_max[t]) / PERM);
        assert_true(fabs(some.p_max[t] - all.p_max[t]) < 5 * spread + 2.0 / PERM);
        double count = some.p[t] * (PERM + 1);
        assert_true(count > 0.99 && fabs(count - floor(count + 0.5)) < 1e-9);
    }
    dnb_group_release(&some);
    o.seed = 9;
    assert_int_equal(dnb_group_run(&some, x, N, M, &o, &err), DNB_OK);
    o.seed = 8;
    dnb_group_release(&all);
    assert_int_equal(dnb_group_run(&all, x, N, M, &o, &err), DNB_OK);
    assert_memory_not_equal(all.p, some.p, M * sizeof *all.p);
    dnb_group_release(&some);
    dnb_group_release(&all);
}

/* A target that lacks a number changes nothing for the others. */
static void test_missing_targets_are_left_out(void **state)
{
    (void)state;
    enum { FEWER = M - 2 };
    static double with[N * M], without[N * FEWER];
    dnb_group a = {0}, b = {0};
    dnb_err err;
    dnb_group_options o = {.n_perm = 300, .n_boot = 50, .seed = 4};
    memcpy(with, x, sizeof with);
    with[3 * M + 5] = with[4 * M + 20] = with[5 * M + 20] = NAN;
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0, k = 0; t < M; t++)
            if (t != 5 && t != 20)
                without[i * FEWER + k++] = x[i * M + t];
    assert_int_equal(dnb_group_run(&a, with, N, M, &o, &err), DNB_OK);
    assert_int_equal(dnb_group_run(&b, without, N, FEWER, &o, &err), DNB_OK);
    assert_int_equal(a.n_left_out, 2);
    for (size_t t = 0, k = 0; t < M; t++) {
        if (t == 5 || t == 20) {
            assert_true(isnan(a.mean[t]) && isnan(a.sd[t]) && isnan(a.t[t]) && isnan(a.p[t]));
            assert_true(isnan(a.p_max[t]) && isnan(a.q[t]) && isnan(a.low[t]) && isnan(a.high[t]));
            continue;
        }
        assert_true(a.p[t] == b.p[k] && a.p_max[t] == b.p_max[k] && a.q[t] == b.q[k]);
        assert_true(a.low[t] == b.low[k] && a.high[t] == b.high[k] && a.t[t] == b.t[k]);
        k++;
    }
    dnb_group_release(&a);
    dnb_group_release(&b);
    for (size_t t = 0; t < M; t++)
        with[t] = NAN;
    assert_int_equal(dnb_group_run(&a, with, N, M, &o, &err), DNB_OK);
    assert_true(a.n_left_out == M && isnan(a.p_max[0]));
    dnb_group_release(&a);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    dnb_group a = {0}, b = {0};
    dnb_err err;
    dnb_group_options o = {.n_perm = 500, .n_boot = 100, .seed = 4};
    double *const *const of[2][6] = {{&a.t, &a.p, &a.p_max, &a.q, &a.low, &a.high},
                                     {&b.t, &b.p, &b.p_max, &b.q, &b.low, &b.high}};
    dnb_threads_set(1);
    assert_int_equal(dnb_group_run(&a, x, N, M, &o, &err), DNB_OK);
    dnb_threads_set(2);
    assert_int_equal(dnb_group_run(&b, x, N, M, &o, &err), DNB_OK);
    dnb_threads_set(0);
    for (size_t k = 0; k < 6; k++)
        assert_memory_equal(*of[0][k], *of[1][k], M * sizeof(double));
    dnb_group_release(&a);
    dnb_group_release(&b);
}

/* Bootstrap-t by the long way: the same draws, no tiles. */
static void test_bootstrap_interval(void **state)
{
    (void)state;
    enum { BOOT = 99 };
    dnb_group g = {0};
    dnb_err err;
    dnb_group_options o = {.n_boot = BOOT, .seed = 12, .level = 0.9};
    assert_int_equal(dnb_group_run(&g, x, N, M, &o, &err), DNB_OK);
    for (size_t t = 0; t < M; t++) {
        double list[BOOT], se = g.sd[t] / sqrt(N);
        for (size_t b = 0; b < BOOT; b++) {
            dnb_random r;
            double y[N], mean = 0, ss = 0;
            dnb_random_init(&r, 12, b);
            for (size_t i = 0; i < N; i++) {
                y[i] = x[dnb_random_below(&r, N) * M + t];
                mean += y[i] / N;
            }
            for (size_t i = 0; i < N; i++)
                ss += (y[i] - mean) * (y[i] - mean);
            list[b] = (mean - g.mean[t]) / sqrt(ss / (N - 1) / N);
            for (size_t k = b; k > 0 && list[k] < list[k - 1]; k--) {
                double swap = list[k];
                list[k] = list[k - 1];
                list[k - 1] = swap;
            }
        }
        /* ranks 0.05 and 0.95 of 100 */
        assert_true(fabs(g.low[t] - (g.mean[t] - list[94] * se)) < 1e-9 * fabs(list[94]));
        assert_true(fabs(g.high[t] - (g.mean[t] - list[4] * se)) < 1e-9 * fabs(list[4]));
    }
    dnb_group_release(&g);
}

static bool say_stop(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_refusals(void **state)
{
    (void)state;
    static double bad[N * M];
    dnb_group g = {0};
    dnb_err err;
    const dnb_progress stop = {.cancelled = say_stop};
    dnb_group_options o = {.n_perm = 100};
    assert_int_equal(dnb_group_run(&g, x, 1, M, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "two subjects or more, there is 1"));
    assert_int_equal(dnb_group_run(&g, x, N, 0, &o, &err), DNB_EARG);
    memcpy(bad, x, sizeof bad);
    bad[4 * M + 7] = -INFINITY;
    assert_int_equal(dnb_group_run(&g, bad, N, M, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "target 7 of subject 4"));
    o.level = 1.5;
    assert_int_equal(dnb_group_run(&g, x, N, M, &o, &err), DNB_EARG);
    o = (dnb_group_options){.n_boot = 1};
    assert_int_equal(dnb_group_run(&g, x, N, M, &o, &err), DNB_EARG);
    o.n_boot = 100;
    assert_int_equal(dnb_group_run(&g, x, 3, M, &o, &err), DNB_EARG);
    o = (dnb_group_options){.n_perm = 100000, .memory = 100000};
    assert_int_equal(dnb_group_run(&g, x, N, M, &o, &err), DNB_OK); /* 2^9 are enough */
    dnb_group_release(&g);
    assert_int_equal(dnb_group_run(&g, x, N, M, &(dnb_group_options){.n_perm = SIZE_MAX}, &err),
                     DNB_OK);
    dnb_group_release(&g);
    static double many[40 * 2];
    assert_int_equal(dnb_group_run(&g, many, 40, 2, &o, &err), DNB_ENOMEM);
    o.n_perm = SIZE_MAX;
    assert_int_equal(dnb_group_run(&g, many, 40, 2, &o, &err), DNB_ENOMEM);
    o = (dnb_group_options){.n_perm = 100, .progress = &stop};
    assert_int_equal(dnb_group_run(&g, x, N, M, &o, &err), DNB_ECANCELLED);
    assert_null(g.mean);
}

static dnb_status every_test(const void *ctx, dnb_err *err)
{
    dnb_group g = {0};
    dnb_group_options o = {.n_perm = 20, .n_boot = 5};
    (void)ctx;
    dnb_status status = dnb_group_run(&g, x, N, 3, &o, err);
    if (status != DNB_OK && (g.mean || g.p))
        return DNB_EINTERNAL;
    dnb_group_release(&g);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    dnb_threads_set(1); /* the child processes start no team of their own */
    assert_true(dnb_each_failing_alloc(every_test, NULL) >= 0);
    dnb_threads_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_all_patterns_are_counted),
        cmocka_unit_test(test_numbers_by_hand),
        cmocka_unit_test(test_drawn_patterns),
        cmocka_unit_test(test_missing_targets_are_left_out),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_bootstrap_interval),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
