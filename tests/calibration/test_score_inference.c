/* Calibration of score intervals, noise ceilings and the false discovery rate: on simulated data
 * whose truth is known, a 95 % interval holds it in 95 %, and among nothing but nulls 5 % of the
 * families have a finding; each within the binomial 99 % interval. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dnnbrain/inference.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"

enum { TRIALS = 1000, MOST = 200 };

static void assert_rate(const char *what, size_t hits, double rate)
{
    double half = 2.5758 * sqrt(rate * (1 - rate) / TRIALS), seen = (double)hits / TRIALS;
    print_message("%s: %.4f (allowed %.4f to %.4f)\n", what, seen, rate - half, rate + half);
    if (fabs(seen - rate) > half)
        fail_msg("%s: rate %.4f", what, seen);
}

/* y = prediction + noise of variance `noise`; normal, or with tails and skew. */
static void world(double *y, double *yhat, size_t n, double noise, int skewed, dnb_random *random)
{
    for (size_t i = 0; i < n; i++) {
        yhat[i] = dnb_random_normal(random);
        double e = dnb_random_normal(random);
        if (skewed) /* a chi-squared variable of 4 degrees of freedom, standardised */
            e = (-2 * log(1 - dnb_random_uniform(random)) -
                 2 * log(1 - dnb_random_uniform(random)) - 4) /
                sqrt(8.0);
        y[i] = yhat[i] + sqrt(noise) * e;
    }
}

static void coverage(dnb_scoring scoring, size_t n, double noise, int skewed, double truth,
                     const char *what)
{
    size_t hits = 0;
    double y[MOST], yhat[MOST];
    for (size_t trial = 0; trial < TRIALS; trial++) {
        dnb_random random;
        dnb_interval t;
        dnb_random_init(&random, 31, trial);
        world(y, yhat, n, noise, skewed, &random);
        dnb_bootstrap_options o = {.scoring = scoring, .n_boot = 400, .seed = trial};
        assert_int_equal(dnb_score_interval_run(&t, y, yhat, n, 1, &o, NULL), DNB_OK);
        hits += t.lo <= truth && truth <= t.hi;
    }
    assert_rate(what, hits, 0.95);
}

/* Spearman's rho of a bivariate normal: 6/pi asin(r/2). */
static double spearman_of(double r)
{
    return 6 / 3.14159265358979323846 * asin(r / 2);
}

static void test_scores(void **state)
{
    (void)state;
    coverage(DNB_SCORE_CORRELATION, 50, 3, 0, 0.5, "r, 50 stimuli");
    coverage(DNB_SCORE_CORRELATION, 200, 3, 1, 0.5, "r, 200 stimuli, skewed noise");
    coverage(DNB_SCORE_R2, 60, 1, 0, 0.5, "R2, 60 stimuli");
    coverage(DNB_SCORE_EXPLAINED_VARIANCE, 60, 3, 0, 0.25, "explained variance, 60 stimuli");
    coverage(DNB_SCORE_NEG_MSE, 100, 2, 0, -2, "-MSE, 100 stimuli");
    coverage(DNB_SCORE_SPEARMAN, 60, 3, 0, spearman_of(0.5), "rho, 60 stimuli");
}

static void test_formulas(void **state)
{
    (void)state;
    size_t mean = 0, proportion = 0;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        dnb_random random;
        double x[6];
        size_t hits = 0;
        dnb_random_init(&random, 32, trial);
        for (size_t i = 0; i < 6; i++)
            x[i] = 3 + dnb_random_normal(&random);
        for (size_t i = 0; i < 150; i++)
            hits += dnb_random_uniform(&random) < 0.3;
        dnb_interval m = dnb_mean_interval(x, 6, 0.95),
                     p = dnb_proportion_interval(hits, 150, 0.95);
        mean += m.lo <= 3 && 3 <= m.hi;
        proportion += p.lo <= 0.3 && 0.3 <= p.hi;
    }
    assert_rate("mean over 6 subjects", mean, 0.95);
    assert_rate("accuracy over 150 trials", proportion, 0.95);
}

/* Signal of variance 1, noise of variance 2, three repeats: reliability 1 / (1 + 2/3) = 0.6. */
static void test_ceilings(void **state)
{
    (void)state;
    enum { STIMULI = 30, REPEATS = 3 };
    size_t hits = 0, r_hits = 0;
    double total = 0;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        double y[STIMULI * REPEATS];
        int64_t id[STIMULI * REPEATS];
        dnb_random random;
        dnb_ceiling c;
        dnb_random_init(&random, 33, trial);
        for (size_t s = 0; s < STIMULI; s++) {
            double signal = dnb_random_normal(&random);
            for (size_t k = 0; k < REPEATS; k++) {
                y[k * STIMULI + s] = signal + sqrt(2.0) * dnb_random_normal(&random);
                id[k * STIMULI + s] = (int64_t)s;
            }
        }
        assert_int_equal(dnb_ceiling_run(&c, y, STIMULI * REPEATS, 1, id, 0.95, NULL), DNB_OK);
        hits += c.reliability.lo <= 0.6 && 0.6 <= c.reliability.hi;
        r_hits += c.r.lo <= sqrt(0.6) && sqrt(0.6) <= c.r.hi;
        total += c.reliability.value / TRIALS;
    }
    assert_rate("reliability, 30 stimuli, 3 repeats", hits, 0.95);
    assert_rate("its root", r_hits, 0.95);
    assert_true(fabs(total - 0.6) < 0.06);
}

static void test_fdr_of_nulls(void **state)
{
    (void)state;
    enum { TESTS = 40 };
    size_t found = 0, uncorrected = 0;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        double p[TESTS], q[TESTS];
        dnb_random random;
        int any = 0, any_p = 0;
        dnb_random_init(&random, 34, trial);
        for (size_t i = 0; i < TESTS; i++)
            p[i] = dnb_random_uniform(&random);
        assert_int_equal(dnb_fdr(q, p, TESTS, NULL), DNB_OK);
        for (size_t i = 0; i < TESTS; i++) {
            any |= q[i] <= 0.05;
            any_p |= p[i] <= 0.05;
        }
        found += any != 0;
        uncorrected += any_p != 0;
    }
    assert_rate("families of 40 nulls with a finding", found, 0.05);
    assert_true(uncorrected > TRIALS / 2); /* there was something to correct */
}

int main(void)
{
    dnb_threads_set(1); /* these are thousands of small jobs */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_fdr_of_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
