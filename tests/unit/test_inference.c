/* p-values, false discovery rate, intervals, noise ceilings: known answers and refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/inference.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "failing_alloc.h"
#include "stats/student.h"

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not %.17g", a, b);
}

static void test_permutation_p(void **state)
{
    (void)state;
    assert_near(dnb_permutation_p(0, 999), 0.001, 1e-15);
    assert_near(dnb_permutation_p(999, 999), 1, 0);
    assert_near(dnb_permutation_p(0, 0), 1, 0);
}

/* scipy.stats.f.ppf */
static void test_f_quantile(void **state)
{
    (void)state;
    assert_near(dnb_f_quantile(0.975, 9, 20), 2.8365460861048146, 1e-10);
    assert_near(dnb_f_quantile(0.025, 9, 20), 0.27270950916426606, 1e-12);
    assert_near(dnb_f_quantile(0.5, 1, 3), 0.5850602740518203, 1e-12);
    assert_near(dnb_f_quantile(0.999, 199, 400), 1.4490610634400258, 1e-11);
}

static void test_fdr(void **state)
{
    (void)state;
    /* Sorted .01 .03 .04 .04 .5 of five: times 5/rank .05 .075 .0667 .05 .5, least from the right.
     */
    double p[] = {0.01, 0.04, 0.03, NAN, 0.5, 0.04}, q[6];
    const double want[] = {0.05, 0.05, 0.05, NAN, 0.5, 0.05};
    assert_int_equal(dnb_fdr(q, p, 6, NULL), DNB_OK);
    for (size_t i = 0; i < 6; i++)
        if (isnan(want[i]))
            assert_true(isnan(q[i]));
        else
            assert_near(q[i], want[i], 1e-15);
    assert_int_equal(dnb_fdr(p, p, 6, NULL), DNB_OK); /* in place */
    assert_memory_equal(p, q, sizeof q);
    double bad[] = {0.5, 1.5};
    dnb_err err;
    assert_int_equal(dnb_fdr(q, bad, 2, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "1.5"));
    assert_int_equal(dnb_fdr(q, bad, 0, NULL), DNB_OK);
}

static void test_formula_intervals(void **state)
{
    (void)state;
    /* Wilson (1927), as statsmodels' proportion_confint(10, 40, method="wilson") and by hand. */
    const double z = 1.959963984540054;
    dnb_interval w = dnb_proportion_interval(10, 40, 0.95);
    assert_near(w.value, 0.25, 0);
    double middle = (0.25 + z * z / 80) / (1 + z * z / 40);
    double half = z / (1 + z * z / 40) * sqrt(0.25 * 0.75 / 40 + z * z / 6400);
    assert_near(w.lo, middle - half, 1e-9);
    assert_near(w.hi, middle + half, 1e-9);
    w = dnb_proportion_interval(0, 5, 0.95);
    assert_true(w.lo >= 0 && w.lo < 1e-12 && w.hi > 0.3 && w.hi < 0.6);
    const double x[] = {1, 2, 3, 4};
    dnb_interval m = dnb_mean_interval(x, 4, 0.95); /* t(3) at .975 = 3.182446305284263 */
    assert_near(m.value, 2.5, 1e-15);
    assert_near(m.hi, 2.5 + 3.182446305284263 * sqrt(5.0 / 3 / 4), 1e-10);
    assert_true(isnan(dnb_mean_interval(x, 1, 0.95).lo));
}

/* One-way analysis of variance by hand: 3 stimuli, 2 repeats; means 1.5, 4.5, 2.5; grand 17/6. */
static void test_ceiling(void **state)
{
    (void)state;
    const double y[] = {1, .1, 4, .1, 2, .1, 2, .1, 5, .1, 3, .1};
    const int64_t stimulus[] = {5, -1, 3, 5, -1, 3};
    dnb_ceiling c[2];
    assert_int_equal(dnb_ceiling_run(c, y, 6, 2, stimulus, 0.95, NULL), DNB_OK);
    double between = 2 * (pow(1.5 - 17.0 / 6, 2) + pow(4.5 - 17.0 / 6, 2) + pow(2.5 - 17.0 / 6, 2));
    double f = between / 2 / 0.5; /* within: 3 x 2 x .25 / 3 = .5 */
    assert_near(c[0].reliability.value, 1 - 1 / f, 1e-12);
    assert_near(c[0].single, (f - 1) / (f + 1), 1e-12);
    assert_near(c[0].r.value, sqrt(1 - 1 / f), 1e-12);
    assert_near(c[0].reliability.lo, 1 - dnb_f_quantile(0.975, 2, 3) / f, 1e-12);
    assert_true(isnan(c[1].reliability.value)); /* constant */
    dnb_err err;
    const int64_t once[] = {1, 2, 3, 4, 5, 6}, same[] = {1, 1, 1, 1, 1, 1};
    assert_int_equal(dnb_ceiling_run(c, y, 6, 2, once, 0.95, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "repeats"));
    assert_int_equal(dnb_ceiling_run(c, y, 6, 2, same, 0.95, &err), DNB_EARG);
}

static void test_subject_ceiling(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3, 4}, b[] = {2, 4, 6, 8}, c[] = {4, 3, 2, 1};
    const double *same[] = {a, b}, *mixed[] = {a, c};
    double lower, upper;
    assert_int_equal(dnb_subject_ceiling_run(&lower, &upper, same, 2, 4, 1, NULL), DNB_OK);
    assert_near(lower, 1, 1e-12);
    assert_near(upper, 1, 1e-12);
    assert_int_equal(dnb_subject_ceiling_run(&lower, &upper, mixed, 2, 4, 1, NULL), DNB_OK);
    assert_near(lower, -1, 1e-12);
    assert_true(isnan(upper)); /* their mean is constant */
    assert_int_equal(dnb_subject_ceiling_run(&lower, &upper, same, 1, 4, 1, NULL), DNB_EARG);
}

enum { N = 60, M = 3 };

static void predictions(double *y, double *yhat)
{
    dnb_random random;
    dnb_random_init(&random, 4, 0);
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t < M; t++) {
            yhat[i * M + t] = dnb_random_normal(&random);
            y[i * M + t] = 100 + 3 * (yhat[i * M + t] + dnb_random_normal(&random));
            yhat[i * M + t] = 100 + 3 * yhat[i * M + t];
        }
}

static void test_score_interval(void **state)
{
    (void)state;
    static const dnb_scoring kinds[] = {DNB_SCORE_CORRELATION, DNB_SCORE_R2,
                                        DNB_SCORE_EXPLAINED_VARIANCE, DNB_SCORE_SPEARMAN,
                                        DNB_SCORE_NEG_MSE};
    double y[N * M], yhat[N * M], score[M];
    predictions(y, yhat);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        dnb_interval one[M], two[M], small[M];
        dnb_bootstrap_options o = {.scoring = kinds[k], .n_boot = 200, .seed = 9};
        dnb_threads_set(1);
        assert_int_equal(dnb_score_interval_run(one, y, yhat, N, M, &o, NULL), DNB_OK);
        dnb_threads_set(2);
        assert_int_equal(dnb_score_interval_run(two, y, yhat, N, M, &o, NULL), DNB_OK);
        assert_memory_equal(one, two, sizeof one);
        o.memory = 1; /* a target at a time */
        assert_int_equal(dnb_score_interval_run(small, y, yhat, N, M, &o, NULL), DNB_OK);
        assert_int_equal(dnb_score_columns(score, kinds[k], y, yhat, N, M, NULL), DNB_OK);
        for (size_t t = 0; t < M; t++) {
            assert_near(one[t].value, score[t], 1e-12);
            assert_true(one[t].lo < one[t].value && one[t].value < one[t].hi);
            assert_near(small[t].lo, one[t].lo, 1e-9);
        }
    }
}

/* Four copies of every row tell no more than one, when copies are drawn together. */
static void test_groups(void **state)
{
    (void)state;
    double y[4 * N], yhat[4 * N], y3[N * M], yhat3[N * M];
    int64_t groups[4 * N];
    predictions(y3, yhat3);
    for (size_t i = 0; i < 4 * N; i++) {
        y[i] = y3[i / 4 * M];
        yhat[i] = yhat3[i / 4 * M];
        groups[i] = 7 * (int64_t)(i / 4);
    }
    dnb_interval alone, together;
    dnb_bootstrap_options o = {.scoring = DNB_SCORE_CORRELATION, .n_boot = 2000, .seed = 9};
    assert_int_equal(dnb_score_interval_run(&alone, y, yhat, 4 * N, 1, &o, NULL), DNB_OK);
    o.groups = groups;
    assert_int_equal(dnb_score_interval_run(&together, y, yhat, 4 * N, 1, &o, NULL), DNB_OK);
    double ratio = (together.hi - together.lo) / (alone.hi - alone.lo);
    assert_true(ratio > 1.8 && ratio < 2.2);
}

static void test_interval_refusals(void **state)
{
    (void)state;
    double y[8] = {1, 2, 3, 4, 5, 6, 7, 8}, flat[8] = {0};
    int64_t groups[8] = {1, 1, 1, 1, 2, 2, 2, 3};
    dnb_interval out = {0};
    dnb_err err;
    dnb_bootstrap_options o = {.scoring = DNB_SCORE_CORRELATION, .n_boot = 50};
    assert_int_equal(dnb_score_interval_run(&out, y, flat, 8, 1, &o, &err), DNB_OK);
    assert_true(out.value == 0 && isnan(out.lo) && isnan(out.hi));
    o.groups = groups;
    assert_int_equal(dnb_score_interval_run(&out, y, y, 8, 1, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "groups"));
    o.groups = NULL;
    assert_int_equal(dnb_score_interval_run(&out, y, y, 3, 1, &o, &err), DNB_EARG);
    o.level = 1.5;
    assert_int_equal(dnb_score_interval_run(&out, y, y, 8, 1, &o, &err), DNB_EARG);
    o.level = 0;
    o.scoring = DNB_SCORE_ACCURACY;
    assert_int_equal(dnb_score_interval_run(&out, y, y, 8, 1, &o, &err), DNB_EARG);
    o.scoring = DNB_SCORE_R2;
    y[5] = NAN;
    assert_int_equal(dnb_score_interval_run(&out, y, flat, 8, 1, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "row 6"));
}

static dnb_status interval_job(const void *ctx, dnb_err *err)
{
    (void)ctx;
    double y[N * M], yhat[N * M];
    dnb_interval out[M];
    dnb_bootstrap_options o = {.scoring = DNB_SCORE_SPEARMAN, .n_boot = 10};
    dnb_threads_set(1);
    predictions(y, yhat);
    return dnb_score_interval_run(out, y, yhat, N, M, &o, err);
}

static dnb_status ceiling_job(const void *ctx, dnb_err *err)
{
    (void)ctx;
    const double y[] = {1, 4, 2, 2, 5, 3};
    const int64_t stimulus[] = {1, 2, 3, 1, 2, 3};
    const double *subjects[] = {y, y + 3};
    dnb_ceiling c;
    double q[3], lower, upper;
    dnb_status status = dnb_ceiling_run(&c, y, 6, 1, stimulus, 0.95, err);
    if (status == DNB_OK)
        status = dnb_subject_ceiling_run(&lower, &upper, subjects, 2, 3, 1, err);
    const double p[] = {0.1, 0.2, 0.3};
    return status == DNB_OK ? dnb_fdr(q, p, 3, err) : status;
}

static void test_faults(void **state)
{
    (void)state;
    assert_true(dnb_each_failing_alloc(interval_job, NULL) >= 0);
    assert_true(dnb_each_failing_alloc(ceiling_job, NULL) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults), /* first: it forks, which threads of OpenMP do not survive */
        cmocka_unit_test(test_permutation_p),
        cmocka_unit_test(test_f_quantile),
        cmocka_unit_test(test_fdr),
        cmocka_unit_test(test_formula_intervals),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_subject_ceiling),
        cmocka_unit_test(test_score_interval),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_interval_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
