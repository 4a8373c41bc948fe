/* Calibration of group statistics: subjects drawn from a population without an effect must be found
 * significant at 5 % in 5 % of the cases, one target or any of many, and intervals must hold the
 * population's mean in 95 %, each within the binomial 99 % interval. Targets depend on each other
 * and differ in noise. To show that the simulation would catch a wrong test, the smallest p of many
 * targets is run beside as if it had been the only one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dnnbrain/group.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"

enum { M = 20, MOST = 20 };

/* DNNBRAIN_TRIALS in the environment asks for more (the size for a night: 10000). */
static size_t n_trials(void)
{
    const char *text = getenv("DNNBRAIN_TRIALS");
    unsigned long asked = text ? strtoul(text, NULL, 10) : 0;
    return asked ? (size_t)asked : 1000;
}

/* Half of the binomial 99 % interval. */
static double half_width(double rate)
{
    return 2.5758 * sqrt(rate * (1 - rate) / (double)n_trials());
}

static void assert_rate(const char *what, double seen, double rate)
{
    print_message("%s: %.4f (allowed %.4f to %.4f)\n", what, seen, rate - half_width(rate),
                  rate + half_width(rate));
    if (fabs(seen - rate) > half_width(rate))
        fail_msg("%s: rate %.4f", what, seen);
}

typedef enum noise { NORMAL, TAILS, SKEWED } noise;

/* Mean 0, variance 1: normal; Student's t with 5 degrees of freedom (symmetric); or chi-squared
 * with 8, the skew of scores near their floor. */
static double draw(dnb_random *r, noise kind)
{
    double sum = 0, z = dnb_random_normal(r);
    if (kind == NORMAL)
        return z;
    for (int k = 0; k < (kind == TAILS ? 5 : 8); k++) {
        double v = dnb_random_normal(r);
        sum += v * v;
    }
    return kind == TAILS ? z / sqrt(sum / 5) / sqrt(5.0 / 3) : (sum - 8) / 4;
}

static void make(double *x, size_t n, noise kind, uint64_t seed, size_t trial)
{
    dnb_random r;
    dnb_random_init(&r, seed, trial);
    for (size_t i = 0; i < n; i++) {
        double shared = draw(&r, kind);
        for (size_t t = 0; t < M; t++)
            x[i * M + t] = (double)(1 + t % 4) * (shared + draw(&r, kind));
    }
}

static double smallest(const double *p)
{
    double least = 1;
    for (size_t t = 0; t < M; t++)
        least = p[t] < least ? p[t] : least;
    return least;
}

static dnb_group run(const double *x, size_t n, const dnb_group_options *o)
{
    dnb_group g;
    dnb_err err;
    if (dnb_group_run(&g, x, n, M, o, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return g;
}

/* n_perm: chosen so that 5 % is one of the p-values there are. */
static void null_of(size_t n, size_t n_perm, noise kind, bool two_sided, double level,
                    const char *what)
{
    size_t one = 0, family = 0, found = 0, naive = 0;
    double x[MOST * M], trials = (double)n_trials();
    for (size_t trial = 0; trial < n_trials(); trial++) {
        make(x, n, kind, 51, trial);
        dnb_group_options o = {.n_perm = n_perm, .seed = trial, .two_sided = two_sided};
        dnb_group g = run(x, n, &o);
        one += g.p[0] <= level;
        family += smallest(g.p_max) <= level;
        found += smallest(g.q) <= level;
        naive += smallest(g.p) <= level;
        dnb_group_release(&g);
    }
    print_message("%s, ", what);
    assert_rate("one target", (double)one / trials, level);
    print_message("%s, ", what);
    assert_rate("any of 20, max-statistic", (double)family / trials, level);
    /* Benjamini-Hochberg promises at most that much: targets depend on each other positively. */
    print_message("%s, any of 20, FDR: %.4f\n", what, (double)found / trials);
    assert_true((double)found / trials <= level + half_width(level));
    print_message("%s, smallest p tested as the only one: %.4f\n", what, (double)naive / trials);
    assert_true((double)naive / trials > 2 * level);
}

static void test_nulls(void **state)
{
    (void)state;
    null_of(20, 199, NORMAL, false, 0.05, "20 subjects, drawn patterns");
    null_of(12, 199, TAILS, true, 0.05, "12 subjects with outliers, drawn patterns, two-sided");
    /* All 2^8 patterns: 13 / 256 are the nearest to 5 %. */
    null_of(8, 256, TAILS, false, 13.0 / 256, "8 subjects with outliers, all patterns");
    /* All 2^5: a single pattern, 1 / 32. */
    null_of(5, 32, NORMAL, false, 1.0 / 32, "5 subjects, all patterns");
}

static double coverage(size_t n, noise kind, size_t n_boot)
{
    size_t hits = 0;
    double x[MOST * M];
    for (size_t trial = 0; trial < n_trials(); trial++) {
        make(x, n, kind, 52, trial);
        dnb_group_options o = {.n_boot = n_boot, .seed = trial};
        dnb_group g = run(x, n, &o);
        hits += g.low[0] <= 0 && 0 <= g.high[0];
        dnb_group_release(&g);
    }
    return (double)hits / (double)n_trials();
}

static void test_intervals(void **state)
{
    (void)state;
    static const char *const names[] = {"normal", "with outliers", "skewed"};
    const size_t sizes[] = {8, 12, 20};
    for (size_t k = 0; k < 3; k++)
        for (noise kind = NORMAL; kind <= SKEWED; kind++) {
            double student = coverage(sizes[k], kind, 0), boot = coverage(sizes[k], kind, 400);
            print_message("%zu subjects, %s: Student's t covers %.4f, bootstrap-t %.4f\n", sizes[k],
                          names[kind], student, boot);
            /* Exact for normal numbers; symmetric ones with outliers make it wide; else a point. */
            if (kind == NORMAL)
                assert_rate("Student's t, normal", student, 0.95);
            assert_true(student >= 0.95 - half_width(0.95) - (kind == SKEWED ? 0.01 : 0));
            assert_true(student <= 0.95 + half_width(0.95) + 0.01);
            assert_true(fabs(boot - 0.95) <= half_width(0.95) + 0.01);
        }
}

int main(void)
{
    dnb_threads_set(1); /* these are thousands of small jobs */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
