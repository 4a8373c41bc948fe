/* Calibration of the mapping commands' p-values: features and targets that have nothing to do with
 * each other must be found significant at 5 % in 5 % of the cases, within the binomial 99 %
 * interval, whatever was chosen on the way: the best unit, the best layer, the best of many
 * targets; with runs of rows that differ in level too. To show that the simulation would catch a
 * wrong test, three are run beside: choosing the best unit, or layer, and testing it as if it had
 * been the only one, and permuting across runs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dnnbrain/mapping.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/univariate.h"

enum { N = 24, D = 10, M = 3, LAYERS = 3, PERM = 99, FOLDS = 3 };

/* DNNBRAIN_TRIALS in the environment asks for more (the size for a night: 10000). */
static size_t n_trials(void)
{
    const char *text = getenv("DNNBRAIN_TRIALS");
    unsigned long asked = text ? strtoul(text, NULL, 10) : 0;
    return asked ? (size_t)asked : 1000;
}

static void assert_rate(const char *what, size_t hits)
{
    double n = (double)n_trials(), half = 2.5758 * sqrt(0.05 * 0.95 / n), seen = (double)hits / n;
    print_message("%s: %.4f (allowed %.4f to %.4f)\n", what, seen, 0.05 - half, 0.05 + half);
    if (fabs(seen - 0.05) > half)
        fail_msg("%s: rate %.4f", what, seen);
}

/* Unrelated features and targets; targets correlate with each other, and noise has tails. */
typedef struct world {
    double x[LAYERS][N * D], y[N * M];
    int64_t labels[N];
    dnb_folds folds;
} world;

static void make(world *w, uint64_t seed, size_t trial, dnb_folds_kind kind)
{
    dnb_random r;
    dnb_random_init(&r, seed, trial);
    for (size_t l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < N * D; i++)
            w->x[l][i] = dnb_random_normal(&r);
    for (size_t i = 0; i < N; i++) {
        double shared = dnb_random_normal(&r);
        for (size_t t = 0; t < M; t++) {
            double e = dnb_random_normal(&r);
            w->y[i * M + t] = shared + e * e * e;
        }
        w->labels[i] = (int64_t)(i % 2);
    }
    dnb_folds_options o = {.kind = kind, .k = FOLDS, .labels = w->labels};
    assert_int_equal(dnb_folds_init(&w->folds, N, &o, NULL), DNB_OK);
}

static dnb_mapping run(const world *w, size_t n_layers, const dnb_mapping_options *o)
{
    dnb_mapping_layer layers[LAYERS];
    dnb_mapping map;
    dnb_err err;
    for (size_t l = 0; l < n_layers; l++)
        layers[l] = (dnb_mapping_layer){"layer", dnb_rows_f64(w->x[l], N, D)};
    if (dnb_mapping_run(&map, layers, n_layers, o->classify ? NULL : w->y,
                        o->classify ? w->labels : NULL, o->classify ? 1 : M, o, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return map;
}

static int any_at_most(const double *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= 0.05)
            return 1;
    return 0;
}

static void test_multivariate(void **state)
{
    (void)state;
    size_t one = 0, family = 0, found = 0;
    for (size_t trial = 0; trial < n_trials(); trial++) {
        world w;
        make(&w, 41, trial, DNB_FOLDS_CONTIGUOUS);
        dnb_mapping_options o = {.folds = &w.folds,
                                 .n_components = 3,
                                 .n_permutations = PERM,
                                 .seed = trial,
                                 .scoring = DNB_SCORE_CORRELATION};
        dnb_mapping map = run(&w, 1, &o);
        one += map.layer[0].test.p[0] <= 0.05;
        family += any_at_most(map.layer[0].test.p_max, M) != 0;
        found += any_at_most(map.layer[0].test.q, M) != 0;
        dnb_mapping_release(&map);
        dnb_folds_release(&w.folds);
    }
    assert_rate("one target", one);
    assert_rate("any of 3 targets, max-statistic", family);
    print_message("any of 3 correlated targets, FDR: %.4f\n", (double)found / (double)n_trials());
    /* Benjamini-Hochberg promises at most 5 % here: targets depend on each other positively. */
    assert_true((double)found / (double)n_trials() <=
                0.05 + 2.5758 * sqrt(0.05 * 0.95 / (double)n_trials()));
}

static void test_best_layer(void **state)
{
    (void)state;
    size_t best = 0, family = 0, naive = 0;
    for (size_t trial = 0; trial < n_trials(); trial++) {
        world w;
        make(&w, 42, trial, DNB_FOLDS_CONTIGUOUS);
        dnb_mapping_options o = {.folds = &w.folds,
                                 .n_components = 2,
                                 .n_permutations = PERM,
                                 .seed = trial,
                                 .choose_layer = true,
                                 .regression = {.kind = DNB_RIDGE}};
        dnb_mapping map = run(&w, LAYERS, &o);
        best += map.best.test.p[0] <= 0.05;
        family += any_at_most(map.p_family, LAYERS * M) != 0;
        size_t top = 0;
        for (size_t l = 1; l < LAYERS; l++)
            top = map.layer[l].mean[0] > map.layer[top].mean[0] ? l : top;
        naive += map.layer[top].test.p[0] <= 0.05;
        dnb_mapping_release(&map);
        dnb_folds_release(&w.folds);
    }
    assert_rate("best layer, chosen inside the training folds", best);
    assert_rate("any of 3 layers x 3 targets", family);
    print_message("best layer tested as the only one: %.4f\n", (double)naive / (double)n_trials());
    assert_true((double)naive / (double)n_trials() > 0.08);
}

static void labels(dnb_scoring scoring, const char *what)
{
    size_t hits = 0;
    for (size_t trial = 0; trial < n_trials(); trial++) {
        world w;
        make(&w, 43, trial, DNB_FOLDS_STRATIFIED);
        dnb_mapping_options o = {.folds = &w.folds,
                                 .n_permutations = PERM,
                                 .seed = trial,
                                 .classify = true,
                                 .classifier = {.kind = DNB_LDA},
                                 .n_components = 2,
                                 .scoring = scoring};
        dnb_mapping map = run(&w, 1, &o);
        hits += map.layer[0].test.p[0] <= 0.05;
        dnb_mapping_release(&map);
        dnb_folds_release(&w.folds);
    }
    assert_rate(what, hits);
}

static void test_labels(void **state)
{
    (void)state;
    labels(DNB_SCORE_AUC, "labels, LDA, area under the curve");
}

static void best_unit(dnb_univariate_kind kind, const char *what)
{
    size_t one = 0, family = 0, naive = 0;
    for (size_t trial = 0; trial < n_trials(); trial++) {
        world w;
        dnb_univariate u;
        dnb_err err;
        make(&w, 44, trial, DNB_FOLDS_CONTIGUOUS);
        dnb_rows x = dnb_rows_f64(w.x[0], N, D);
        dnb_univariate_options o = {.kind = kind, .folds = &w.folds, .n_perm = PERM, .seed = trial};
        if (dnb_univariate_run(&u, &x, w.y, M, &o, &err) != DNB_OK)
            fail_msg("%s", err.message);
        one += u.p[0] <= 0.05;
        family += any_at_most(u.p_max, M) != 0;
        size_t unit = u.unit[0];
        dnb_univariate_release(&u);
        double alone[N];
        for (size_t i = 0; i < N; i++)
            alone[i] = w.x[0][i * D + unit];
        x = dnb_rows_f64(alone, N, 1);
        if (dnb_univariate_run(&u, &x, w.y, M, &o, &err) != DNB_OK)
            fail_msg("%s", err.message);
        naive += u.p[0] <= 0.05;
        dnb_univariate_release(&u);
        dnb_folds_release(&w.folds);
    }
    print_message("%s: ", what);
    assert_rate("best of 10 units", one);
    print_message("%s: ", what);
    assert_rate("best of 10 units, any of 3 targets", family);
    print_message("best unit tested as the only one: %.4f\n", (double)naive / (double)n_trials());
    assert_true((double)naive / (double)n_trials() > 0.15);
}

static void test_units(void **state)
{
    (void)state;
    best_unit(DNB_UV_CORR, "correlation");
    best_unit(DNB_UV_GLM, "cross-validated regression");
}

/* Runs of four rows, each with a level of its own in every unit and target: rows are exchangeable
 * within runs only. */
static void add_runs(world *w, int64_t *runs, uint64_t seed, size_t trial)
{
    enum { RUNS = 6, LENGTH = N / RUNS };
    dnb_random r;
    dnb_random_init(&r, seed, trial);
    for (size_t first = 0; first < N; first += LENGTH) {
        double shared = dnb_random_normal(&r);
        for (size_t j = 0; j < D; j++) {
            double level = shared + dnb_random_normal(&r);
            for (size_t i = first; i < first + LENGTH; i++)
                w->x[0][i * D + j] += level;
        }
        double target = 3 * dnb_random_normal(&r);
        for (size_t i = first; i < first + LENGTH; i++) {
            runs[i] = (int64_t)(first / LENGTH);
            for (size_t t = 0; t < M; t++)
                w->y[i * M + t] += target;
        }
    }
}

static void within_runs(dnb_univariate_kind kind, const char *what)
{
    size_t one = 0, family = 0, naive = 0;
    for (size_t trial = 0; trial < n_trials(); trial++) {
        world w;
        dnb_univariate u;
        dnb_err err;
        int64_t runs[N];
        make(&w, 45, trial, DNB_FOLDS_CONTIGUOUS);
        add_runs(&w, runs, 46, trial);
        dnb_rows x = dnb_rows_f64(w.x[0], N, D);
        dnb_univariate_options o = {.kind = kind,
                                    .folds = &w.folds,
                                    .scoring = DNB_SCORE_CORRELATION,
                                    .n_perm = PERM,
                                    .seed = trial,
                                    .exchange = runs};
        if (dnb_univariate_run(&u, &x, w.y, M, &o, &err) != DNB_OK)
            fail_msg("%s", err.message);
        one += u.p[0] <= 0.05;
        family += any_at_most(u.p_max, M) != 0;
        dnb_univariate_release(&u);
        o.exchange = NULL;
        if (dnb_univariate_run(&u, &x, w.y, M, &o, &err) != DNB_OK)
            fail_msg("%s", err.message);
        naive += u.p[0] <= 0.05;
        dnb_univariate_release(&u);
        dnb_folds_release(&w.folds);
    }
    print_message("%s within runs: ", what);
    assert_rate("best of 10 units", one);
    print_message("%s within runs: ", what);
    assert_rate("best of 10 units, any of 3 targets", family);
    print_message("%s, permuted across runs: %.4f\n", what, (double)naive / (double)n_trials());
    assert_true((double)naive / (double)n_trials() > 0.12);
}

static void test_runs(void **state)
{
    (void)state;
    within_runs(DNB_UV_CORR, "correlation");
    within_runs(DNB_UV_GLM, "cross-validated regression");
}

int main(void)
{
    dnb_threads_set(1); /* these are thousands of small jobs */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multivariate), cmocka_unit_test(test_best_layer),
        cmocka_unit_test(test_labels),       cmocka_unit_test(test_units),
        cmocka_unit_test(test_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
