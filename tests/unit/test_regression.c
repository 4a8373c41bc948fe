/* Least squares and ridge regression: what is refused and how, prediction, bits for any number of
 * threads, closed forms against folds of one row, and every allocation made to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/random.h"
#include "dnnbrain/regression.h"
#include "failing_alloc.h"
#include "stats/ridge_own.h"

enum { N = 24, D = 7, WIDE = 40, M = 5, A = 6 };
static double x[N * WIDE], y[N * 700];
static const double alphas[A] = {0.01, 0.1, 1, 10, 100, 1000};
static dnb_err err;

static int set_up(void **state)
{
    dnb_random r;
    (void)state;
    dnb_random_init(&r, 5, 0);
    for (size_t i = 0; i < N * WIDE; i++)
        x[i] = dnb_random_normal(&r) + 2;
    for (size_t i = 0; i < N * 700; i++)
        y[i] = dnb_random_normal(&r) + x[i % (N * WIDE)];
    return 0;
}

static dnb_regression_options ridge(dnb_penalty_choice choice, const dnb_folds *inner)
{
    dnb_regression_options o = dnb_regression_defaults(DNB_RIDGE);
    o.alphas = alphas;
    o.n_alphas = A;
    o.choice = choice;
    o.inner = inner;
    return o;
}

static void fit(dnb_linear *l, const dnb_regression_options *o, size_t d, size_t m)
{
    dnb_regressor *r = NULL;
    assert_int_equal(dnb_regressor_new(&r, x, N, d, o, &err), DNB_OK);
    assert_int_equal(dnb_regressor_fit(l, r, y, m, &err), DNB_OK);
    dnb_regressor_free(r);
}

static void refused(const dnb_regression_options *o, const double *features, size_t n, size_t d,
                    dnb_status status, const char *part)
{
    dnb_regressor *r = NULL;
    memset(&err, 0, sizeof err);
    assert_int_equal(dnb_regressor_new(&r, features, n, d, o, &err), status);
    assert_null(r);
    assert_non_null(strstr(err.message, part));
}

static void test_names(void **state)
{
    dnb_regression_kind kind = DNB_GLM;
    (void)state;
    for (int k = 0; k < DNB_REGRESSION_COUNT; k++) {
        assert_int_equal(
            dnb_regression_parse(&kind, dnb_regression_name((dnb_regression_kind)k), &err), DNB_OK);
        assert_int_equal(kind, k);
    }
    kind = DNB_PLS;
    assert_int_equal(dnb_regression_parse(&kind, "rigde", &err), DNB_EARG);
    assert_non_null(strstr(err.message, "rigde"));
    assert_int_equal(kind, DNB_PLS);
    assert_null(dnb_regression_name(DNB_REGRESSION_COUNT));
}

static void test_refusals(void **state)
{
    dnb_folds folds = {0}, other = {0};
    const double bad[2] = {1, -1}, infinite = HUGE_VAL, zero = 0;
    double hole[N * D];
    (void)state;
    memcpy(hole, x, sizeof hole);
    hole[3 * D + 2] = NAN;
    assert_int_equal(dnb_folds_init(&folds, N, &(dnb_folds_options){.k = 3}, &err), DNB_OK);
    assert_int_equal(dnb_folds_init(&other, N - 1, &(dnb_folds_options){.k = 3}, &err), DNB_OK);
    dnb_regression_options o = dnb_regression_defaults(DNB_GLM);
    refused(&o, hole, N, D, DNB_EARG, "row 3, column 2");
    refused(&o, x, 1, D, DNB_EARG, "1 rows");
    refused(&o, x, N, 0, DNB_EARG, "0 features");
    o.kind = DNB_REGRESSION_COUNT;
    refused(&o, x, N, D, DNB_EARG, "unknown model");
    o = ridge(DNB_PENALTY_FIXED, NULL);
    refused(&o, x, N, D, DNB_EARG, "no way to choose");
    o = ridge(DNB_PENALTY_CV, NULL);
    refused(&o, x, N, D, DNB_EARG, "inner folds");
    o = ridge(DNB_PENALTY_CV, &other);
    refused(&o, x, N, D, DNB_ESHAPE, "23 rows");
    o = ridge(DNB_PENALTY_CV, &folds);
    o.scoring = DNB_SCORE_ACCURACY;
    refused(&o, x, N, D, DNB_EARG, "score of numbers");
    o.scoring = DNB_SCORE_R2;
    o.memory = 1000;
    refused(&o, x, N, D, DNB_ENOMEM, "memory budget");
    o.memory = 0;
    o.alphas = bad;
    o.n_alphas = 2;
    refused(&o, x, N, D, DNB_EARG, "penalty 2 is -1");
    o.alphas = &infinite;
    o.n_alphas = 1;
    refused(&o, x, N, D, DNB_EARG, "finite");
    o.alphas = &zero;
    refused(&o, x, N, D, DNB_EARG, "glm");
    o.n_alphas = 0;
    refused(&o, x, N, D, DNB_EARG, "go together");
    o = ridge((dnb_penalty_choice)9, NULL);
    refused(&o, x, N, D, DNB_EARG, "way 9");
    dnb_folds_release(&folds);
    dnb_folds_release(&other);
}

/* A fold of one row has no r2. */
static void test_thin_folds(void **state)
{
    dnb_folds folds = {0};
    (void)state;
    dnb_folds_options each = {.kind = DNB_FOLDS_LEAVE_ONE_OUT};
    assert_int_equal(dnb_folds_init(&folds, N, &each, &err), DNB_OK);
    dnb_regression_options o = ridge(DNB_PENALTY_CV, &folds);
    refused(&o, x, N, D, DNB_EARG, "r2 needs 2");
    dnb_folds_release(&folds);
}

static void test_bad_targets(void **state)
{
    dnb_regressor *r = NULL;
    dnb_linear l = {.d = 99};
    double bad[N * 2] = {0}, score[A];
    (void)state;
    assert_int_equal(dnb_regressor_new(&r, x, N, D, NULL, &err), DNB_OK);
    bad[5 * 2 + 1] = INFINITY;
    assert_int_equal(dnb_regressor_fit(&l, r, bad, 2, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "row 5, column 1"));
    assert_int_equal(dnb_regressor_fit(&l, r, y, 0, &err), DNB_EARG);
    assert_int_equal(l.d, 99);
    assert_int_equal(dnb_regressor_scores(score, r, y, 1, &err), DNB_EUNSUPPORTED);
    dnb_regressor_free(r);
    dnb_regressor_free(NULL);
}

/* Leave-one-out in closed form is cross-validation with a fold for every row. */
static void test_loo_is_folds_of_one(void **state)
{
    dnb_folds folds = {0};
    (void)state;
    dnb_folds_options each = {.kind = DNB_FOLDS_LEAVE_ONE_OUT};
    assert_int_equal(dnb_folds_init(&folds, N, &each, &err), DNB_OK);
    for (size_t d = D; d <= WIDE; d += WIDE - D) {
        dnb_regression_options loo = ridge(DNB_PENALTY_LOO, NULL);
        dnb_regression_options cv = ridge(DNB_PENALTY_CV, &folds);
        dnb_regressor *a = NULL, *b = NULL;
        double closed[A * M], open[A * M];
        cv.scoring = DNB_SCORE_NEG_MSE;
        assert_int_equal(dnb_regressor_new(&a, x, N, d, &loo, &err), DNB_OK);
        assert_int_equal(dnb_regressor_new(&b, x, N, d, &cv, &err), DNB_OK);
        assert_int_equal(dnb_regressor_scores(closed, a, y, M, &err), DNB_OK);
        assert_int_equal(dnb_regressor_scores(open, b, y, M, &err), DNB_OK);
        for (size_t i = 0; i < A * M; i++)
            assert_true(fabs(closed[i] - open[i]) <= 1e-9 * fabs(open[i]));
        dnb_regressor_free(a);
        dnb_regressor_free(b);
    }
    dnb_folds_release(&folds);
}

/* Eigenvalues in pairs: the partial fractions must leave them out, and still agree. */
static void test_repeated_eigenvalues(void **state)
{
    enum { ROWS = 240, COLS = 24, TARGETS = 9 };
    static double wide[ROWS * COLS], to[ROWS * TARGETS], fast[40 * TARGETS], slow[40 * TARGETS];
    double many[40];
    dnb_folds folds = {0};
    dnb_random r;
    (void)state;
    dnb_random_init(&r, 6, 0);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++)
            wide[i * COLS + j] = (i % COLS == j) + 1e-5 * (double)(j / 2) * dnb_random_normal(&r);
    for (size_t i = 0; i < ROWS * TARGETS; i++)
        to[i] = wide[i % (ROWS * COLS)] + dnb_random_normal(&r);
    for (size_t a = 0; a < 40; a++)
        many[a] = pow(10, -4 + 0.3 * (double)a);
    assert_int_equal(dnb_folds_init(&folds, ROWS, &(dnb_folds_options){.k = 3}, &err), DNB_OK);
    dnb_regression_options o = ridge(DNB_PENALTY_CV, &folds);
    o.alphas = many;
    o.n_alphas = 40;
    for (int direct = 0; direct < 2; direct++) {
        dnb_ridge *model = NULL;
        dnb_ridge_source src = {.n = ROWS, .d = COLS, .x = wide, .by_predicting = direct};
        assert_int_equal(dnb_ridge_new(&model, &src, &o, &err), DNB_OK);
        if (direct) {
            assert_null(model->fold[0].m);
        } else {
            assert_non_null(model->fold[0].m);
            assert_true(model->fold[0].n_near > 0);
        }
        assert_int_equal(dnb_ridge_scores(direct ? slow : fast, model, to, TARGETS, &err), DNB_OK);
        dnb_ridge_free(model);
    }
    for (size_t i = 0; i < 40 * TARGETS; i++)
        assert_true(fabs(fast[i] - slow[i]) <= 1e-10 * (1 + fabs(slow[i])));
    dnb_folds_release(&folds);
}

static void test_predict(void **state)
{
    dnb_linear l = {0};
    double yhat[N * M];
    (void)state;
    fit(&l, NULL, D, M);
    assert_int_equal(dnb_linear_predict(yhat, &l, x, N, &err), DNB_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < M; j++) {
            double sum = l.intercept[j];
            for (size_t q = 0; q < D; q++)
                sum += x[i * D + q] * l.coef[q * M + j];
            assert_true(fabs(sum - yhat[i * M + j]) < 1e-12);
        }
    /* Least squares leaves nothing that the features or a constant still explain. */
    for (size_t j = 0; j < M; j++) {
        double rest = 0;
        for (size_t i = 0; i < N; i++)
            rest += y[i * M + j] - yhat[i * M + j];
        assert_true(fabs(rest) < 1e-10);
    }
    dnb_linear_release(&l);
}

static void test_constant_feature_and_target(void **state)
{
    static double flat[N * D], to[N * 2];
    (void)state;
    memcpy(flat, x, sizeof flat);
    for (size_t i = 0; i < N; i++) {
        flat[i * D + 3] = 0.1;
        to[2 * i] = y[i];
        to[2 * i + 1] = 0.3;
    }
    for (int kind = DNB_GLM; kind <= DNB_RIDGE; kind++) {
        dnb_regression_options o = dnb_regression_defaults((dnb_regression_kind)kind);
        dnb_regressor *r = NULL;
        dnb_linear l = {0};
        assert_int_equal(dnb_regressor_new(&r, flat, N, D, &o, &err), DNB_OK);
        assert_int_equal(dnb_regressor_fit(&l, r, to, 2, &err), DNB_OK);
        for (size_t q = 0; q < D; q++)
            assert_true(l.coef[2 * q + 1] == 0);
        assert_true(l.coef[2 * 3] == 0);
        assert_true(l.intercept[1] == 0.3);
        dnb_regressor_free(r);
        dnb_linear_release(&l);
    }
}

static void test_threads(void **state)
{
    dnb_folds folds = {0};
    int before = dnb_threads_get();
    (void)state;
    assert_int_equal(dnb_folds_init(&folds, N, &(dnb_folds_options){.k = 3}, &err), DNB_OK);
    for (int c = DNB_PENALTY_CV; c <= DNB_PENALTY_LOO; c++)
        for (size_t d = D; d <= WIDE; d += WIDE - D) {
            dnb_regression_options o = ridge((dnb_penalty_choice)c, &folds);
            dnb_linear one = {0}, two = {0};
            dnb_threads_set(1);
            fit(&one, &o, d, 700);
            dnb_threads_set(2);
            fit(&two, &o, d, 700);
            assert_memory_equal(one.coef, two.coef, d * 700 * sizeof(double));
            assert_memory_equal(one.alpha, two.alpha, 700 * sizeof(double));
            assert_memory_equal(one.score, two.score, 700 * sizeof(double));
            dnb_linear_release(&one);
            dnb_linear_release(&two);
        }
    dnb_threads_set(before);
    dnb_folds_release(&folds);
}

typedef struct counted {
    int reports, stop_after;
    size_t done, total;
} counted;

static void report(void *ctx, const char *what, size_t done, size_t total)
{
    counted *c = ctx;
    (void)what;
    c->reports++;
    c->done = done;
    c->total = total;
}

static bool cancelled(void *ctx)
{
    return ((counted *)ctx)->reports >= ((counted *)ctx)->stop_after;
}

static void test_progress(void **state)
{
    counted c = {.stop_after = 1000};
    dnb_progress p = {report, cancelled, &c};
    dnb_regression_options o = ridge(DNB_PENALTY_LOO, NULL);
    dnb_regressor *r = NULL;
    dnb_linear l = {0};
    (void)state;
    o.progress = &p;
    assert_int_equal(dnb_regressor_new(&r, x, N, D, &o, &err), DNB_OK);
    assert_int_equal(dnb_regressor_fit(&l, r, y, 700, &err), DNB_OK);
    dnb_linear_release(&l);
    assert_true(c.reports >= 2);
    assert_int_equal(c.done, 700);
    assert_int_equal(c.total, 700);
    c = (counted){.stop_after = 1};
    assert_int_equal(dnb_regressor_fit(&l, r, y, 700, &err), DNB_ECANCELLED);
    assert_null(l.coef);
    dnb_regressor_free(r);
}

static dnb_status everything(const void *ctx, dnb_err *e)
{
    const int *choice = ctx;
    dnb_folds folds = {0};
    dnb_regressor *r = NULL;
    dnb_linear l = {0};
    double table[A * M];
    dnb_status status = DNB_OK;
    for (size_t d = D; d <= WIDE && status == DNB_OK; d += WIDE - D) {
        dnb_regression_options o = *choice < 0 ? dnb_regression_defaults(DNB_GLM)
                                               : ridge((dnb_penalty_choice)*choice, &folds);
        status = dnb_folds_init(&folds, N, &(dnb_folds_options){.k = 2}, e);
        if (status == DNB_OK)
            status = dnb_regressor_new(&r, x, N, d, &o, e);
        if (status == DNB_OK)
            status = dnb_regressor_fit(&l, r, y, M, e);
        if (status == DNB_OK && *choice >= 0)
            status = dnb_regressor_scores(table, r, y, M, e);
        dnb_regressor_free(r);
        dnb_linear_release(&l);
        dnb_folds_release(&folds);
        r = NULL;
    }
    return status;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    dnb_threads_set(1); /* no threads of OpenMP to lose in the forks */
    for (int choice = -1; choice <= DNB_PENALTY_LOO; choice++)
        if (choice != DNB_PENALTY_FIXED)
            assert_true(dnb_each_failing_alloc(everything, &choice) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failing_allocations), /* first: it forks */
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_thin_folds),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_loo_is_folds_of_one),
        cmocka_unit_test(test_repeated_eigenvalues),
        cmocka_unit_test(test_predict),
        cmocka_unit_test(test_constant_feature_and_target),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
