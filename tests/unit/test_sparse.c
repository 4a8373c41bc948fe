/* Lasso, elastic net and PLS: optimality, refusals, bits for any number of threads, failing
 * allocations. Agreement with scikit-learn is golden/diff_sparse.py's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/regression.h"
#include "failing_alloc.h"
#include "stats/regress_pls.h"

#define N 50
#define D 80
#define M 9

/* Features, and targets that follow a few of them. */
static void world(double *x, double *y, size_t n, size_t d, size_t m)
{
    for (size_t i = 0; i < n * d; i++)
        x[i] = sin(1.7 * (double)i + 0.3 * (double)(i % d) * (double)(i / d)) + 2;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++) {
            double noise = cos(12.9898 * (double)(i * m + t) * (double)(t + 2));
            y[i * m + t] = 2 * x[i * d + t % d] - x[i * d + (3 * t + 1) % d] + 0.3 * noise + 5;
        }
}

static dnb_status fit(dnb_linear *l, const double *x, const double *y, size_t n, size_t d, size_t m,
                      const dnb_regression_options *opt, dnb_err *err)
{
    dnb_regressor *r = NULL;
    dnb_status status = dnb_regressor_new(&r, x, n, d, opt, err);
    if (status == DNB_OK)
        status = dnb_regressor_fit(l, r, y, m, err);
    dnb_regressor_free(r);
    return status;
}

/* Every coefficient meets the conditions of a minimum. */
static void check_optimal(const dnb_linear *l, const double *x, const double *y, double alpha,
                          double ratio)
{
    for (size_t t = 0; t < M; t++) {
        double r[N];
        for (size_t i = 0; i < N; i++) {
            r[i] = y[i * M + t] - l->intercept[t];
            for (size_t j = 0; j < D; j++)
                r[i] -= x[i * D + j] * l->coef[j * M + t];
        }
        double sum = 0;
        for (size_t i = 0; i < N; i++)
            sum += r[i];
        assert_true(fabs(sum) < 1e-9);
        for (size_t j = 0; j < D; j++) {
            double slope = 0, w = l->coef[j * M + t];
            for (size_t i = 0; i < N; i++)
                slope += x[i * D + j] * r[i] / N;
            slope -= alpha * (1 - ratio) * w;
            if (w != 0)
                assert_true(fabs(slope - copysign(alpha * ratio, w)) < 1e-5);
            else
                assert_true(fabs(slope) <= alpha * ratio + 1e-5);
        }
    }
}

static void test_minimum(void **state)
{
    (void)state;
    static double x[N * D], y[N * M];
    world(x, y, N, D, M);
    const double alphas[] = {0.5, 0.05, 0.002};
    for (size_t a = 0; a < 3; a++)
        for (int e = 0; e < 2; e++)
            /* With and without room for the products of features. */
            for (int tight = 0; tight < 2; tight++) {
                dnb_regression_options opt =
                    dnb_regression_defaults(e ? DNB_ELASTICNET : DNB_LASSO);
                dnb_linear l = {0};
                dnb_err err = {0};
                opt.alphas = &alphas[a];
                opt.n_alphas = 1;
                opt.l1_ratio = 0.3;
                opt.tolerance = 1e-13;
                opt.max_iterations = 200000;
                opt.memory = tight ? 2 * sizeof x + 1000 : 0;
                if (fit(&l, x, y, N, D, M, &opt, &err) != DNB_OK)
                    fail_msg("%s", err.message);
                assert_int_equal(l.n_unconverged, 0);
                assert_true(l.alpha[0] == alphas[a] && l.alpha[M - 1] == alphas[a]);
                check_optimal(&l, x, y, alphas[a], e ? 0.3 : 1);
                dnb_linear_release(&l);
            }
}

static void test_constant(void **state)
{
    (void)state;
    static double x[N * D], y[N * M];
    world(x, y, N, D, M);
    for (size_t i = 0; i < N; i++) {
        x[i * D + 4] = 0.1;
        y[i * M + 2] = -3.3;
    }
    for (int kind = DNB_LASSO; kind <= DNB_PLS; kind++)
        for (int alone = 0; alone < (kind == DNB_PLS ? 2 : 1); alone++) {
            const double alpha = 0.01;
            dnb_regression_options opt = dnb_regression_defaults((dnb_regression_kind)kind);
            dnb_linear l = {0};
            opt.alphas = &alpha;
            opt.n_alphas = 1;
            opt.per_target = alone;
            assert_int_equal(fit(&l, x, y, N, D, M, &opt, NULL), DNB_OK);
            for (size_t t = 0; t < M; t++)
                assert_true(l.coef[4 * M + t] == 0);
            for (size_t j = 0; j < D; j++)
                assert_true(l.coef[j * M + 2] == 0);
            assert_true(l.intercept[2] == -3.3);
            assert_int_equal(l.n_unconverged, 0);
            dnb_linear_release(&l);
        }
}

static void test_stopped(void **state)
{
    (void)state;
    static double x[N * D], y[N * M];
    const double alphas[] = {1e-4, 1e-3};
    dnb_regression_options opt = dnb_regression_defaults(DNB_LASSO);
    dnb_folds folds;
    dnb_linear l = {0};
    world(x, y, N, D, M);
    opt.alphas = alphas;
    opt.n_alphas = 1;
    opt.tolerance = 1e-12;
    opt.max_iterations = 1;
    assert_int_equal(fit(&l, x, y, N, D, M, &opt, NULL), DNB_OK);
    assert_int_equal(l.n_unconverged, M);
    dnb_linear_release(&l);
    const dnb_folds_options three = {.kind = DNB_FOLDS_CONTIGUOUS, .k = 3};
    assert_int_equal(dnb_folds_init(&folds, N, &three, NULL), DNB_OK);
    opt.choice = DNB_PENALTY_CV;
    opt.inner = &folds;
    opt.n_alphas = 2;
    assert_int_equal(fit(&l, x, y, N, D, M, &opt, NULL), DNB_OK);
    assert_int_equal(l.n_unconverged, M);
    dnb_linear_release(&l);
    dnb_folds_release(&folds);
}

/* Options that must be refused, and words of the message. */
static void test_refusals(void **state)
{
    (void)state;
    static double x[N * D], y[N * M];
    const double zero = 0, two[] = {1, 2};
    world(x, y, N, D, M);
    const struct {
        dnb_regression_options opt;
        dnb_status want;
        const char *words;
    } cases[] = {
        {{.kind = DNB_LASSO, .alphas = &zero, .n_alphas = 1}, DNB_EARG, "glm"},
        {{.kind = DNB_LASSO, .alphas = two, .n_alphas = 2}, DNB_EARG, "2 penalties"},
        {{.kind = DNB_LASSO, .tolerance = -1}, DNB_EARG, "tolerance"},
        {{.kind = DNB_LASSO, .tolerance = NAN}, DNB_EARG, "tolerance"},
        {{.kind = DNB_LASSO, .choice = DNB_PENALTY_CV}, DNB_EARG, "folds"},
        {{.kind = DNB_ELASTICNET, .choice = DNB_PENALTY_LOO}, DNB_EUNSUPPORTED, "closed-form"},
        {{.kind = DNB_ELASTICNET, .l1_ratio = 1.5}, DNB_EARG, "l1_ratio"},
        {{.kind = DNB_ELASTICNET, .l1_ratio = -0.5}, DNB_EARG, "l1_ratio"},
        {{.kind = DNB_ELASTICNET, .memory = 1000}, DNB_ENOMEM, "memory"},
        {{.kind = DNB_PLS, .memory = 1000}, DNB_ENOMEM, "memory"},
        {{.kind = DNB_PLS, .components = D + 1}, DNB_EARG, "components"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dnb_linear l = {0};
        dnb_err err = {0};
        assert_int_equal(fit(&l, x, y, N, D, M, &cases[i].opt, &err), cases[i].want);
        if (!strstr(err.message, cases[i].words))
            fail_msg("case %zu: %s", i, err.message);
        assert_null(l.coef);
    }
    y[7] = NAN;
    for (int kind = DNB_LASSO; kind <= DNB_PLS; kind++) {
        dnb_regression_options opt = dnb_regression_defaults((dnb_regression_kind)kind);
        dnb_linear l = {0};
        assert_int_equal(fit(&l, x, y, N, D, M, &opt, NULL), DNB_EARG);
        assert_null(l.coef);
    }
}

/* One of every way through the solvers. */
static void ways(dnb_regression_options opt[7], const dnb_folds *folds)
{
    static const double small = 0.01, path[] = {0.3, 0.01, 0.1};
    for (int i = 0; i < 7; i++) {
        opt[i] = dnb_regression_defaults(i < 3 ? DNB_LASSO : i < 5 ? DNB_ELASTICNET : DNB_PLS);
        opt[i].alphas = &small;
        opt[i].n_alphas = 1;
        opt[i].tolerance = 1e-8;
        opt[i].components = 5;
    }
    opt[1].alphas = opt[4].alphas = path;
    opt[1].n_alphas = opt[4].n_alphas = 3;
    opt[1].choice = opt[4].choice = DNB_PENALTY_CV;
    opt[1].inner = opt[4].inner = folds;
    opt[4].shared_alpha = true;
    opt[2].memory = 600 * 200 * 8 * 2 + 1000;
    opt[6].per_target = true;
}

static void test_threads(void **state)
{
    (void)state;
    enum { n = 200, d = 600, m = 140 };
    double *x = malloc(n * d * sizeof *x), *y = malloc(n * m * sizeof *y);
    dnb_regression_options opt[7];
    dnb_folds folds;
    const dnb_folds_options three = {.kind = DNB_FOLDS_CONTIGUOUS, .k = 3};
    assert_int_equal(dnb_folds_init(&folds, n, &three, NULL), DNB_OK);
    world(x, y, n, d, m);
    ways(opt, &folds);
    for (int i = 0; i < 7; i++) {
        dnb_linear one = {0}, three_threads = {0};
        dnb_threads_set(1);
        assert_int_equal(fit(&one, x, y, n, d, m, &opt[i], NULL), DNB_OK);
        dnb_threads_set(3);
        assert_int_equal(fit(&three_threads, x, y, n, d, m, &opt[i], NULL), DNB_OK);
        dnb_threads_set(0);
        assert_memory_equal(one.coef, three_threads.coef, d * m * sizeof *one.coef);
        assert_memory_equal(one.intercept, three_threads.intercept, m * sizeof *one.intercept);
        if (one.alpha)
            assert_memory_equal(one.alpha, three_threads.alpha, m * sizeof *one.alpha);
        dnb_linear_release(&one);
        dnb_linear_release(&three_threads);
    }
    dnb_folds_release(&folds);
    free(x);
    free(y);
}

typedef struct job {
    const double *x, *y;
    dnb_regression_options opt;
} job;

static dnb_status run_job(const void *ctx, dnb_err *err)
{
    const job *j = ctx;
    dnb_linear l = {0};
    dnb_status status = fit(&l, j->x, j->y, N, D, M, &j->opt, err);
    dnb_linear_release(&l);
    return status;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    static double x[N * D], y[N * M];
    dnb_regression_options opt[7];
    dnb_folds folds;
    const dnb_folds_options three = {.kind = DNB_FOLDS_CONTIGUOUS, .k = 3};
    assert_int_equal(dnb_folds_init(&folds, N, &three, NULL), DNB_OK);
    world(x, y, N, D, M);
    ways(opt, &folds);
    opt[2].memory = 2 * sizeof x + 1000;
    opt[1].scoring = DNB_SCORE_NEG_MSE;
    dnb_threads_set(1);
    for (int i = 0; i < 7; i++) {
        job j = {x, y, opt[i]};
        j.opt.tolerance = 1e-4;
        /* A run's allocations are many and alike; two penalties show every kind. */
        j.opt.n_alphas = j.opt.n_alphas > 2 ? 2 : j.opt.n_alphas;
        assert_true(dnb_each_failing_alloc(run_job, &j) >= 0);
    }
    dnb_threads_set(0);
    dnb_folds_release(&folds);
}

static bool stop(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_cancelled(void **state)
{
    (void)state;
    static double x[N * D], y[N * M];
    const dnb_progress progress = {.cancelled = stop};
    const double alpha = 0.01;
    world(x, y, N, D, M);
    for (int kind = DNB_LASSO; kind <= DNB_PLS; kind++) {
        dnb_regression_options opt = dnb_regression_defaults((dnb_regression_kind)kind);
        dnb_linear l = {0};
        opt.alphas = &alpha;
        opt.n_alphas = 1;
        opt.progress = &progress;
        assert_int_equal(fit(&l, x, y, N, D, M, &opt, NULL), DNB_ECANCELLED);
        assert_null(l.coef);
    }
}

/* The leading left singular vector: of wide, tall and large matrices, of one with two equal
 * singular values (any unit vector of their plane will do), of zeros. */
static void test_leading_vector(void **state)
{
    (void)state;
    const size_t shapes[][2] = {{7, 3}, {3, 7}, {1, 5}, {5, 1}, {1, 1}, {60, 90}, {600, 530}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t d = shapes[s][0], m = shapes[s][1];
        double *a = malloc(d * m * sizeof *a), *w = malloc(d * sizeof *w);
        double *v = malloc(m * sizeof *v), *back = malloc(d * sizeof *back), sigma, worst = 0;
        for (size_t i = 0; i < d * m; i++)
            a[i] = sin(0.7 * (double)(i * i % 1013)) + 0.2 * cos((double)(i / m));
        assert_int_equal(dnb_leading_vector(w, &sigma, a, d, m, NULL), DNB_OK);
        /* a a^T w = sigma^2 w, and power iteration from w finds nothing larger. */
        dnb_matvec_transposed(v, a, w, d, m);
        dnb_matvec(back, a, v, d, m);
        for (size_t i = 0; i < d; i++)
            worst = fmax(worst, fabs(back[i] - sigma * sigma * w[i]));
        assert_true(worst < 1e-11 * sigma * sigma);
        double most = 0;
        for (size_t j = 0; j < m; j++) {
            double column = 0;
            for (size_t i = 0; i < d; i++)
                column += a[i * m + j] * a[i * m + j];
            most = fmax(most, column);
        }
        assert_true(sigma * sigma >= most * (1 - 1e-12));
        free(a);
        free(w);
        free(v);
        free(back);
    }
    const double twice[9] = {2, 0, 0, 0, 2, 0, 0, 0, 1}, none[6] = {0};
    double w[3] = {5, 5, 5}, sigma = 1;
    assert_int_equal(dnb_leading_vector(w, &sigma, none, 3, 2, NULL), DNB_OK);
    assert_true(sigma == 0 && w[0] == 5);
    assert_int_equal(dnb_leading_vector(w, &sigma, twice, 3, 3, NULL), DNB_OK);
    assert_true(fabs(sigma - 2) < 1e-14 && fabs(w[2]) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: it forks, and OpenMP's threads do not survive that. */
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_leading_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
