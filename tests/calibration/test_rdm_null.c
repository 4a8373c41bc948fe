/* Calibration of RDM inference. On simulated data without an effect a test at 5 % must reject in 5
 * % of the cases, within the binomial 99 % interval; on data with a known correlation a 95 %
 * interval must hold it in 95 %. To show that the simulation could catch a wrong test, one is run
 * beside: permuting RDM entries instead of condition labels must reject too often. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dnnbrain/distance.h"
#include "dnnbrain/random.h"
#include "dnnbrain/rdmtest.h"
#include "dnnbrain/runtime.h"

enum { N = 12, P = 66, DIM = 2, PERM = 99, NULLS = 1000 };

/* Euclidean distances of n random points of DIM coordinates; coordinates come back in u when not
 * NULL. */
static void random_rdm(double *rdm, double *u, size_t n, dnb_random *random)
{
    double *own = u ? u : malloc(n * DIM * sizeof *own);
    assert_non_null(own);
    for (size_t i = 0; i < n * DIM; i++)
        own[i] = dnb_random_normal(random);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            double ss = 0;
            for (size_t c = 0; c < DIM; c++)
                ss += (own[i * DIM + c] - own[j * DIM + c]) * (own[i * DIM + c] - own[j * DIM + c]);
            *rdm++ = sqrt(ss);
        }
    if (!u)
        free(own);
}

static void assert_rate(const char *what, size_t hits, size_t trials, double rate)
{
    double half = 2.5758 * sqrt(rate * (1 - rate) / (double)trials);
    double seen = (double)hits / (double)trials;
    print_message("%s: %.4f (allowed %.4f to %.4f)\n", what, seen, rate - half, rate + half);
    if (fabs(seen - rate) > half)
        fail_msg("%s: rate %.4f", what, seen);
}

static void null_of_kind(dnb_correlation kind, dnb_alternative alternative, const char *what)
{
    size_t hits = 0;
    for (size_t trial = 0; trial < NULLS; trial++) {
        double model[P], brain[P];
        dnb_random random;
        dnb_rdm_test t;
        dnb_err err;
        dnb_random_init(&random, 71, trial);
        random_rdm(model, NULL, N, &random);
        random_rdm(brain, NULL, N, &random);
        dnb_rdm_test_options o = {kind, alternative, PERM, 1000 + trial, NULL};
        assert_int_equal(dnb_rdm_test_run(&t, NULL, model, 1, brain, 1, N, &o, &err), DNB_OK);
        hits += t.p <= 0.05;
    }
    assert_rate(what, hits, NULLS, 0.05);
}

static void test_label_permutation(void **state)
{
    (void)state;
    null_of_kind(DNB_PEARSON, DNB_GREATER, "pearson, one-sided");
    null_of_kind(DNB_SPEARMAN, DNB_TWO_SIDED, "spearman, two-sided");
    null_of_kind(DNB_KENDALL_A, DNB_GREATER, "tau-a, one-sided");
    null_of_kind(DNB_KENDALL_B, DNB_TWO_SIDED, "tau-b, two-sided");
}

/* Several models and ROIs at once: the corrected p must reject anything at all in 5 % of the cases.
 */
static void test_family(void **state)
{
    (void)state;
    enum { MODELS = 4, ROIS = 3 };
    size_t hits = 0, uncorrected = 0;
    for (size_t trial = 0; trial < NULLS; trial++) {
        double models[MODELS * P], rois[ROIS * P];
        dnb_rdm_test t[MODELS * ROIS];
        dnb_random random;
        dnb_err err;
        dnb_random_init(&random, 72, trial);
        for (size_t m = 0; m < MODELS; m++)
            random_rdm(models + m * P, NULL, N, &random);
        for (size_t r = 0; r < ROIS; r++)
            random_rdm(rois + r * P, NULL, N, &random);
        dnb_rdm_test_options o = {DNB_SPEARMAN, DNB_GREATER, PERM, trial, NULL};
        assert_int_equal(dnb_rdm_test_run(t, NULL, models, MODELS, rois, ROIS, N, &o, &err),
                         DNB_OK);
        int any = 0, any_uncorrected = 0;
        for (size_t q = 0; q < MODELS * ROIS; q++) {
            any |= t[q].p_max <= 0.05;
            any_uncorrected |= t[q].p <= 0.05;
        }
        hits += any != 0;
        uncorrected += any_uncorrected != 0;
    }
    assert_rate("any of 12 pairs, corrected", hits, NULLS, 0.05);
    assert_true(uncorrected > NULLS / 4); /* there was something to correct */
}

static void test_entry_permutation_is_caught(void **state)
{
    (void)state;
    size_t hits = 0;
    for (size_t trial = 0; trial < NULLS; trial++) {
        double model[P], brain[P], shuffled[P], observed = 0, r = 0;
        size_t perm[P], count = 0;
        dnb_random random;
        dnb_random_init(&random, 71, trial);
        random_rdm(model, NULL, N, &random);
        random_rdm(brain, NULL, N, &random);
        assert_int_equal(dnb_correlate(&observed, model, brain, P, DNB_PEARSON, NULL), DNB_OK);
        for (size_t k = 0; k < PERM; k++) {
            dnb_random_permutation(&random, perm, P);
            for (size_t p = 0; p < P; p++)
                shuffled[p] = model[perm[p]];
            assert_int_equal(dnb_correlate(&r, shuffled, brain, P, DNB_PEARSON, NULL), DNB_OK);
            count += r >= observed;
        }
        hits += (1.0 + (double)count) / (1 + PERM) <= 0.05;
    }
    print_message("permuting entries: %.4f\n", (double)hits / NULLS);
    assert_true((double)hits / NULLS > 0.08);
}

/* Brain RDMs whose points are the model's plus noise; the true correlation is that of very many
 * conditions. */
static void effect(double *model, double *brain, size_t n, dnb_random *random)
{
    double *u = malloc(n * DIM * sizeof *u);
    assert_non_null(u);
    random_rdm(model, u, n, random);
    for (size_t i = 0; i < n * DIM; i++)
        u[i] += 0.7 * dnb_random_normal(random);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            *brain++ = hypot(u[i * DIM] - u[j * DIM], u[i * DIM + 1] - u[j * DIM + 1]);
    free(u);
}

static void coverage_of_kind(dnb_correlation kind, size_t n, const char *what)
{
    enum { MANY = 1200, WORLDS = 4, TRIALS = 1000 };
    size_t hits = 0, pairs = dnb_condensed_count(MANY);
    double *model = malloc(pairs * sizeof *model), *brain = malloc(pairs * sizeof *brain),
           truth = 0, r;
    dnb_random random;
    assert_non_null(model);
    assert_non_null(brain);
    for (size_t world = 0; world < WORLDS; world++) {
        dnb_random_init(&random, 99, world);
        effect(model, brain, MANY, &random);
        assert_int_equal(dnb_correlate(&r, model, brain, pairs, kind, NULL), DNB_OK);
        truth += r / WORLDS;
    }
    for (size_t trial = 0; trial < TRIALS; trial++) {
        dnb_rdm_interval t;
        dnb_err err;
        dnb_random_init(&random, 73, trial);
        effect(model, brain, n, &random);
        dnb_rdm_bootstrap_options o = {kind, 200, 0.95, trial};
        assert_int_equal(dnb_rdm_bootstrap_run(&t, model, brain, n, &o, &err), DNB_OK);
        hits += t.lo <= truth && truth <= t.hi;
    }
    free(model);
    free(brain);
    assert_rate(what, hits, TRIALS, 0.95);
}

static void test_bootstrap_coverage(void **state)
{
    (void)state;
    coverage_of_kind(DNB_PEARSON, 40, "95 % interval, pearson, 40 conditions");
    coverage_of_kind(DNB_PEARSON, 15, "95 % interval, pearson, 15 conditions");
    coverage_of_kind(DNB_SPEARMAN, 20, "95 % interval, spearman, 20 conditions");
}

int main(void)
{
    dnb_threads_set(1); /* these are thousands of small jobs */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_permutation),
        cmocka_unit_test(test_family),
        cmocka_unit_test(test_entry_permutation_is_caught),
        cmocka_unit_test(test_bootstrap_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
