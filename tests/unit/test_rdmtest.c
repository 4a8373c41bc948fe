/* correlation and rdmtest: small answers known in full, and what the permutation test must not do.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/distance.h"
#include "dnnbrain/random.h"
#include "dnnbrain/rdmtest.h"

static double correlate(const double *x, const double *y, size_t n, dnb_correlation kind)
{
    double r = 99;
    dnb_err err;
    assert_int_equal(dnb_correlate(&r, x, y, n, kind, &err), DNB_OK);
    return r;
}

static void test_correlations(void **state)
{
    (void)state;
    const double x[5] = {1, 2, 3, 4, 5}, y[5] = {1, 3, 2, 5, 4}, t[5] = {1, 1, 2, 2, 2};
    assert_float_equal(correlate(x, y, 5, DNB_PEARSON), 0.8, 1e-15);
    assert_float_equal(correlate(x, y, 5, DNB_SPEARMAN), 0.8, 1e-15);
    assert_float_equal(correlate(x, y, 5, DNB_KENDALL_A), 0.6, 1e-15);
    assert_float_equal(correlate(x, y, 5, DNB_KENDALL_B), 0.6, 1e-15);
    /* 6 concordant pairs, 4 tied in t */
    assert_float_equal(correlate(x, t, 5, DNB_KENDALL_A), 0.6, 1e-15);
    assert_float_equal(correlate(x, t, 5, DNB_KENDALL_B), 6 / sqrt(60), 1e-15);
    assert_float_equal(correlate(t, x, 5, DNB_KENDALL_B), 6 / sqrt(60), 1e-15);
    const double infinite[5] = {-INFINITY, 3, 2, 5, INFINITY};
    assert_float_equal(correlate(x, infinite, 5, DNB_SPEARMAN), 0.9, 1e-15);
    assert_true(isnan(correlate(x, infinite, 5, DNB_PEARSON)));
    assert_true(isnan(correlate(x, y, 1, DNB_PEARSON)));
    assert_true(isnan(correlate(x, y, 1, DNB_KENDALL_A)));
    dnb_correlation kind;
    dnb_err err;
    assert_int_equal(dnb_correlation_parse(&kind, "tau-b", &err), DNB_OK);
    assert_int_equal(kind, DNB_KENDALL_B);
    assert_int_equal(dnb_correlation_parse(&kind, "cosine", &err), DNB_ENOTFOUND);
}

/* Equal RDMs: only permutations that leave the RDM as it is reach r = 1. With 4 conditions in two
 * pairs those are 8 of 24, so p must be near 1/3; a test of entries would give 1/3 too, but with
 * all different entries only the identity does, p near 1/24 instead of 1/720. */
static void test_small_groups(void **state)
{
    (void)state;
    const double two_pairs[6] = {0, 1, 1, 1, 1, 0}, distinct[6] = {1, 2, 4, 8, 16, 32};
    dnb_rdm_test_options o = {.n_perm = 9999, .seed = 11};
    dnb_rdm_test t;
    dnb_err err;
    for (int kind = 0; kind < DNB_CORRELATION_COUNT; kind++) {
        o.kind = (dnb_correlation)kind;
        assert_int_equal(dnb_rdm_test_run(&t, NULL, two_pairs, 1, two_pairs, 1, 4, &o, &err),
                         DNB_OK);
        assert_float_equal(t.r, kind == DNB_KENDALL_A ? 8.0 / 15 : 1, 1e-12);
        assert_float_equal(t.p, 1.0 / 3, 0.02);
        assert_int_equal(dnb_rdm_test_run(&t, NULL, distinct, 1, distinct, 1, 4, &o, &err), DNB_OK);
        assert_float_equal(t.p, 1.0 / 24, 0.01);
        assert_float_equal(t.p_max, t.p, 0);
        assert_true(t.null_lo < t.null_95 && t.null_95 <= t.null_hi);
    }
}

/* The null that comes back is the one p is made of; two-sided p counts both tails. */
static void test_null_and_tails(void **state)
{
    (void)state;
    enum { N = 8, P = 28, PERM = 500, MODELS = 3, ROIS = 2 };
    static double models[MODELS * P], rois[ROIS * P], null[PERM * MODELS * ROIS];
    dnb_random random;
    dnb_rdm_test t[MODELS * ROIS];
    dnb_err err;
    dnb_random_init(&random, 4, 0);
    for (size_t i = 0; i < MODELS * P; i++)
        models[i] = dnb_random_uniform(&random);
    for (size_t i = 0; i < ROIS * P; i++)
        rois[i] = -models[i] + 0.7 * dnb_random_uniform(&random);
    for (int two = 0; two <= 1; two++) {
        dnb_rdm_test_options o = {
            .n_perm = PERM, .seed = 3, .alternative = two ? DNB_TWO_SIDED : DNB_GREATER};
        assert_int_equal(dnb_rdm_test_run(t, null, models, MODELS, rois, ROIS, N, &o, &err),
                         DNB_OK);
        for (size_t q = 0; q < MODELS * ROIS; q++) {
            size_t own = 0, largest = 0;
            double size = two ? fabs(t[q].r) : t[q].r;
            for (size_t k = 0; k < PERM; k++) {
                double most = -2;
                for (size_t other = 0; other < MODELS * ROIS; other++) {
                    double r = null[k * MODELS * ROIS + other];
                    most = fmax(most, two ? fabs(r) : r);
                }
                double r = null[k * MODELS * ROIS + q];
                own += (two ? fabs(r) : r) >= size - 1e-10;
                largest += most >= size - 1e-10;
            }
            assert_float_equal(t[q].p, (1.0 + (double)own) / (1 + PERM), 1e-15);
            assert_float_equal(t[q].p_max, (1.0 + (double)largest) / (1 + PERM), 1e-15);
        }
        /* Pair (0, 0) is strongly negative: the one-sided test must not call it significant. */
        assert_true(two ? t[0].p < 0.02 : t[0].p > 0.9);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    double a[6] = {1, 2, 3, 4, 5, NAN}, b[6] = {1, 2, 3, 4, 5, 6}, lower, upper;
    dnb_rdm_test t;
    dnb_rdm_interval i;
    dnb_err err;
    assert_int_equal(dnb_rdm_test_run(&t, NULL, b, 1, a, 1, 4, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "brain RDM 1: the dissimilarity of conditions 3 and 4"));
    assert_int_equal(dnb_rdm_test_run(&t, NULL, b, 1, b, 1, 2, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_rdm_test_run(&t, NULL, b, 1, b, 1, 4, NULL, &err), DNB_OK);
    assert_float_equal(t.r, 1, 1e-15);
    assert_true(isnan(t.p)); /* no permutations, no p */
    dnb_rdm_bootstrap_options o = {.n_boot = 1, .level = 0.95};
    assert_int_equal(dnb_rdm_bootstrap_run(&i, b, b, 4, &o, &err), DNB_EARG);
    o = (dnb_rdm_bootstrap_options){.n_boot = 10, .level = 1};
    assert_int_equal(dnb_rdm_bootstrap_run(&i, b, b, 4, &o, &err), DNB_EARG);
    assert_int_equal(dnb_rdm_ceiling_run(&lower, &upper, b, 1, 4, DNB_PEARSON, &err), DNB_EARG);
    double subjects[12] = {1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7};
    assert_int_equal(dnb_rdm_ceiling_run(&lower, &upper, subjects, 2, 4, DNB_PEARSON, &err),
                     DNB_EARG);
    assert_non_null(strstr(err.message, "subject 2"));
}

/* Identical RDMs correlate 1 in every draw; a draw's repeated conditions must not bring in zeros.
 */
static void test_bootstrap(void **state)
{
    (void)state;
    enum { N = 12, P = 66 };
    double a[P], b[P];
    dnb_random random;
    dnb_random_init(&random, 8, 0);
    for (size_t p = 0; p < P; p++) {
        a[p] = 1 + dnb_random_uniform(&random);
        b[p] = 1 + dnb_random_uniform(&random);
    }
    dnb_rdm_bootstrap_options o = {.n_boot = 400, .level = 0.9, .seed = 1};
    dnb_rdm_interval t;
    dnb_err err;
    assert_int_equal(dnb_rdm_bootstrap_run(&t, a, a, N, &o, &err), DNB_OK);
    assert_float_equal(t.lo, 1, 1e-12);
    assert_int_equal(t.n_used, 400);
    /* Unrelated RDMs far from 0: pairs of a condition with itself, (0, 0), would make r near 1. */
    assert_int_equal(dnb_rdm_bootstrap_run(&t, a, b, N, &o, &err), DNB_OK);
    assert_true(t.lo < t.r && t.r < t.hi && t.hi < 0.7);
    assert_true(t.se > 0.02 && t.se < 0.4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correlations),   cmocka_unit_test(test_small_groups),
        cmocka_unit_test(test_null_and_tails), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
