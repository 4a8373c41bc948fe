/* Univariate engine: a caller's model against the closed form, layers of files, refusals,
 * cancelling, failing allocations. Scores against scikit-learn: diff_univariate.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnnbrain/mapping.h"
#include "dnnbrain/random.h"
#include "dnnbrain/univariate.h"
#include "failing_alloc.h"

enum { N = 20, CHN = 5, ROW = 2, COL = 3, AREA = ROW * COL, D = CHN * AREA, M = 4, K = 3 };

static float x[N * D];
static double y[N * M];
static dnb_folds folds;

static int setup(void **state)
{
    dnb_random r;
    dnb_err err;
    dnb_folds_options o = {.k = K};
    (void)state;
    dnb_random_init(&r, 11, 0);
    for (size_t i = 0; i < N * M; i++)
        y[i] = 5 + dnb_random_normal(&r);
    for (size_t i = 0; i < N * D; i++)
        x[i] = (float)(dnb_random_normal(&r) + 0.2 * y[i / D * M + i % M]);
    return dnb_folds_init(&folds, N, &o, &err) == DNB_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dnb_folds_release(&folds);
    return 0;
}

static dnb_rows units(void)
{
    return dnb_rows_f32(x, N, D);
}

/* Least squares on the rows trained, r2 by dnb_score_columns on the rows tested: the long way. */
static dnb_status fit_long_way(void *ctx, const double *unit, const dnb_folds *f, double *scores,
                               dnb_err *err)
{
    (void)ctx;
    for (size_t fold = 0; fold < f->k; fold++)
        for (size_t t = 0; t < M; t++) {
            size_t rows[N], n = dnb_folds_train_rows(f, fold, rows);
            double mx = 0, my = 0, sxx = 0, sxy = 0, truth[N], said[N];
            for (size_t i = 0; i < n; i++) {
                mx += unit[rows[i]] / (double)n;
                my += y[rows[i] * M + t] / (double)n;
            }
            for (size_t i = 0; i < n; i++) {
                sxx += (unit[rows[i]] - mx) * (unit[rows[i]] - mx);
                sxy += (unit[rows[i]] - mx) * (y[rows[i] * M + t] - my);
            }
            n = dnb_folds_test_rows(f, fold, rows);
            for (size_t i = 0; i < n; i++) {
                truth[i] = y[rows[i] * M + t];
                said[i] = my + sxy / sxx * (unit[rows[i]] - mx);
            }
            dnb_status status =
                dnb_score_columns(&scores[fold * M + t], DNB_SCORE_R2, truth, said, n, 1, err);
            if (status != DNB_OK)
                return status;
        }
    return DNB_OK;
}

static void test_callers_model_agrees(void **state)
{
    (void)state;
    dnb_univariate a = {0}, b = {0};
    double all_a[D * M], all_b[D * M];
    dnb_rows rows = units();
    dnb_univariate_options o = {.scoring = DNB_SCORE_R2, .folds = &folds, .all = all_a};
    dnb_err err;
    assert_int_equal(dnb_univariate_run(&a, &rows, y, M, &o, &err), DNB_OK);
    o.all = all_b;
    o.memory = 20000; /* a few units at a time */
    assert_int_equal(dnb_univariate_run_with(&b, &rows, M, fit_long_way, NULL, &o, &err), DNB_OK);
    for (size_t i = 0; i < D * M; i++)
        assert_true(fabs(all_a[i] - all_b[i]) < 1e-12 * fmax(1, fabs(all_b[i])));
    assert_memory_equal(a.unit, b.unit, M * sizeof *a.unit);
    assert_int_equal(a.k, K);
    for (size_t i = 0; i < K * M; i++)
        assert_true(fabs(a.score[i] - b.score[i]) < 1e-12 * fmax(1, fabs(b.score[i])));
    for (size_t t = 0; t < M; t++) {
        assert_true(fabs(a.mean[t] - b.mean[t]) < 1e-12 * fmax(1, fabs(b.mean[t])));
        assert_null(a.p);
        for (size_t u = 0; u < D; u++)
            assert_true(all_b[u * M + t] <= b.mean[t]);
    }
    dnb_univariate_release(&a);
    dnb_univariate_release(&b);
}

static dnb_status refuse_unit(void *ctx, const double *unit, const dnb_folds *f, double *scores,
                              dnb_err *err)
{
    bool nan_instead = *(bool *)ctx;
    for (size_t i = 0; i < f->k; i++)
        scores[i] = 0;
    if (unit[0] != (double)x[7])
        return DNB_OK;
    scores[1] = NAN;
    return nan_instead ? DNB_OK : dnb_fail(err, DNB_EARG, "only one class");
}

static void test_callers_failure_names_the_unit(void **state)
{
    (void)state;
    dnb_univariate u = {0};
    dnb_rows rows = units();
    dnb_univariate_options o = {.folds = &folds};
    bool nan_instead = false;
    dnb_err err;
    assert_int_equal(dnb_univariate_run_with(&u, &rows, 1, refuse_unit, &nan_instead, &o, &err),
                     DNB_EARG);
    assert_string_equal(err.message, "unit 7: only one class");
    nan_instead = true;
    assert_int_equal(dnb_univariate_run_with(&u, &rows, 1, refuse_unit, &nan_instead, &o, &err),
                     DNB_EINTERNAL);
    assert_null(u.unit);
}

/* A layer in a file, whole and in parts, with a selection: the units are the layer's. */
static void test_layer_of_a_file(void **state)
{
    (void)state;
    char path[64];
    dnb_actfile *file = NULL;
    dnb_err err;
    dnb_univariate whole = {0}, *list = NULL;
    dnb_rows rows = units();
    size_t parts = 0;
    double all[D * M];
    dnb_univariate_options o = {.folds = &folds, .all = all};
    dnb_act_layer layer = {.name = "conv", .shape = {CHN, ROW, COL}, .data = x};
    snprintf(path, sizeof path, "/tmp/dnb_univariate_%ld.act.h5", (long)getpid());
    assert_int_equal(dnb_actfile_write(path, 1, &layer, N, NULL, &err), DNB_OK);
    assert_int_equal(dnb_actfile_open(&file, path, &err), DNB_OK);
    assert_int_equal(dnb_univariate_run(&whole, &rows, y, M, &o, &err), DNB_OK);
    o.all = NULL;
    for (int axis = DNB_ITER_NONE; axis <= DNB_ITER_ROW_COL; axis++) {
        assert_int_equal(dnb_univariate_of_layer(&list, &parts, file, 0, NULL, NULL,
                                                 (dnb_iteraxis)axis, y, N, M, &o, &err),
                         DNB_OK);
        assert_int_equal(parts, axis == DNB_ITER_NONE ? 1 : axis == DNB_ITER_CHANNEL ? CHN : AREA);
        for (size_t t = 0; t < M; t++) {
            double best = -1e300;
            for (size_t k = 0; k < parts; k++) {
                size_t u = list[k].unit[t];
                assert_true(axis == DNB_ITER_NONE ||
                            (axis == DNB_ITER_CHANNEL ? u / AREA : u % AREA) == k);
                assert_true(fabs(list[k].mean[t] - all[u * M + t]) < 1e-12);
                best = fmax(best, list[k].mean[t]);
            }
            assert_true(fabs(best - whole.mean[t]) < 1e-12);
        }
        dnb_univariate_list_free(list, parts);
    }
    assert_int_equal(dnb_univariate_of_layer(&list, &parts, file, 0, NULL, NULL, DNB_ITER_NONE, y,
                                             N - 1, M, &o, &err),
                     DNB_ESHAPE);
    dnb_univariate_release(&whole);
    dnb_actfile_close(file);
    unlink(path);
}

/* Patterns averaged within labels: one row per label. */
static void test_groups_are_averaged(void **state)
{
    (void)state;
    int64_t labels[N];
    float means[N / 2 * D];
    const size_t shape[3] = {CHN, ROW, COL};
    dnb_groups g = {0};
    dnb_univariate *list = NULL, direct = {0};
    size_t parts = 0;
    dnb_rows rows = units(), averaged = dnb_rows_f32(means, N / 2, D);
    dnb_univariate_options o = {.kind = DNB_UV_CORR};
    dnb_err err;
    for (size_t i = 0; i < N; i++)
        labels[i] = (int64_t)(i % (N / 2));
    for (size_t i = 0; i < N / 2 * D; i++)
        means[i] = (float)(((double)x[i] + (double)x[i + N / 2 * D]) / 2);
    assert_int_equal(dnb_groups_init(&g, labels, N, &err), DNB_OK);
    assert_int_equal(dnb_univariate_of_rows(&list, &parts, "conv", &rows, shape, &g, DNB_ITER_NONE,
                                            y, N / 2, M, &o, &err),
                     DNB_OK);
    assert_int_equal(dnb_univariate_run(&direct, &averaged, y, M, &o, &err), DNB_OK);
    assert_memory_equal(list->unit, direct.unit, M * sizeof *direct.unit);
    assert_memory_equal(list->mean, direct.mean, M * sizeof *direct.mean);
    dnb_univariate_list_free(list, parts);
    dnb_univariate_release(&direct);
    dnb_groups_release(&g);
}

static bool say_stop(void *ctx)
{
    (void)ctx;
    return true;
}

/* Rows change places within runs: as the multivariate engine does, for a single unit is both. */
static void test_runs_are_exchanged_within(void **state)
{
    (void)state;
    enum { PERM = 39, RUNS = 4 };
    int64_t runs[N];
    double one[N], level[N];
    dnb_univariate a = {0}, b = {0};
    dnb_mapping map = {0};
    dnb_err err;
    for (size_t i = 0; i < N; i++) {
        runs[i] = (int64_t)(7 * i % RUNS) - 1;
        one[i] = (double)x[i * D];
        level[i] = 3 * (double)runs[i];
    }
    dnb_rows unit = dnb_rows_f64(one, N, 1), rows = units();
    dnb_univariate_options o = {
        .scoring = DNB_SCORE_CORRELATION, .folds = &folds, .n_perm = PERM, .seed = 5};
    dnb_mapping_layer layer = {"layer", unit};
    dnb_mapping_options mo = {
        .scoring = DNB_SCORE_CORRELATION, .folds = &folds, .n_permutations = PERM, .seed = 5};
    for (int within = 0; within < 2; within++) {
        o.exchange = mo.exchange = within ? runs : NULL;
        assert_int_equal(dnb_univariate_run(&a, &unit, y, M, &o, &err), DNB_OK);
        assert_int_equal(dnb_mapping_run(&map, &layer, 1, y, NULL, M, &mo, &err), DNB_OK);
        assert_memory_equal(a.p, map.layer[0].test.p, sizeof(double[M]));
        assert_memory_equal(a.p_max, map.layer[0].test.p_max, sizeof(double[M]));
        dnb_univariate_release(&a);
        dnb_mapping_release(&map);
    }
    /* A target that is its run's level stays what it is, and a unit that follows it is no news. */
    for (size_t i = 0; i < N; i++)
        one[i] += level[i];
    assert_int_equal(dnb_univariate_run(&a, &unit, level, 1, &o, &err), DNB_OK);
    assert_true(a.p[0] == 1 && a.p_max[0] == 1);
    dnb_univariate_release(&a);
    o.exchange = NULL;
    assert_int_equal(dnb_univariate_run(&a, &unit, level, 1, &o, &err), DNB_OK);
    assert_true(a.p[0] < 0.05);
    dnb_univariate_release(&a);

    o.exchange = runs;
    dnb_threads_set(1);
    assert_int_equal(dnb_univariate_run(&a, &rows, y, M, &o, &err), DNB_OK);
    dnb_threads_set(2);
    o.memory = 40000; /* and in other blocks */
    assert_int_equal(dnb_univariate_run(&b, &rows, y, M, &o, &err), DNB_OK);
    dnb_threads_set(0);
    assert_memory_equal(a.p, b.p, sizeof(double[M]));
    assert_memory_equal(a.p_max, b.p_max, sizeof(double[M]));
    assert_memory_equal(a.mean, b.mean, sizeof(double[M]));
    dnb_univariate_release(&a);
    dnb_univariate_release(&b);
}

static void test_refusals(void **state)
{
    (void)state;
    dnb_univariate u = {0};
    dnb_rows rows = units(), fewer = dnb_rows_f32(x, N - 1, D);
    const dnb_progress stop = {.cancelled = say_stop};
    dnb_univariate_options o = {.folds = &folds, .progress = &stop};
    dnb_err err;
    assert_int_equal(dnb_univariate_run(&u, &rows, y, M, &o, &err), DNB_ECANCELLED);
    o.progress = NULL;
    assert_int_equal(dnb_univariate_run(&u, &fewer, y, M, &o, &err), DNB_ESHAPE);
    assert_int_equal(dnb_univariate_run(&u, &rows, y, 0, &o, &err), DNB_ESHAPE);
    o.n_perm = SIZE_MAX / 2;
    assert_int_equal(dnb_univariate_run(&u, &rows, y, M, &o, &err), DNB_ENOMEM);
    o.n_perm = 0;
    o.folds = NULL;
    assert_int_equal(dnb_univariate_run(&u, &rows, y, M, &o, &err), DNB_EARG);
    double huge[N * M];
    for (size_t i = 0; i < N * M; i++)
        huge[i] = 1e200 * y[i];
    o.folds = &folds;
    assert_int_equal(dnb_univariate_run(&u, &rows, huge, M, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "target 0"));
    assert_null(u.unit);
}

static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    (void)ctx;
    (void)err;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((float *)dst + i * n_cols, x + (row + i) * D + col, n_cols * sizeof *x);
    return DNB_OK;
}

static dnb_status every_search(const void *ctx, dnb_err *err)
{
    /* Few units and one target: what matters is each place, not how often it is passed. */
    dnb_rows rows = {.n = N, .d = 2, .dtype = DNB_F32, .read = read_tile, .whole_rows = true};
    const size_t shape[3] = {2, 1, 1};
    dnb_univariate u = {0}, *list = NULL;
    size_t parts = 0;
    dnb_univariate_options o = {.scoring = DNB_SCORE_SPEARMAN, .folds = &folds, .n_perm = 1};
    (void)ctx;
    dnb_status status = dnb_univariate_run(&u, &rows, y, 1, &o, err);
    dnb_univariate_release(&u);
    o.n_perm = 0;
    if (status == DNB_OK)
        status = dnb_univariate_run_with(&u, &rows, M, fit_long_way, NULL, &o, err);
    dnb_univariate_release(&u);
    if (status == DNB_OK)
        status = dnb_univariate_of_rows(&list, &parts, "conv", &rows, shape, NULL, DNB_ITER_CHANNEL,
                                        y, N, 1, &o, err);
    if (status == DNB_OK)
        dnb_univariate_list_free(list, parts);
    else if (list || u.unit)
        return DNB_EINTERNAL;
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    dnb_threads_set(1); /* the child processes start no team of their own */
    assert_true(dnb_each_failing_alloc(every_search, NULL) >= 0);
    dnb_threads_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_callers_model_agrees),
        cmocka_unit_test(test_callers_failure_names_the_unit),
        cmocka_unit_test(test_layer_of_a_file),
        cmocka_unit_test(test_groups_are_averaged),
        cmocka_unit_test(test_runs_are_exchanged_within),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
