/* Classifiers by hand-checkable cases: planes known in advance, refusals that leave outputs alone,
 * the same bits for any number of threads, and every allocation made to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/classify.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "failing_alloc.h"

enum { N = 60, WIDE = 90 };
static double x[N * WIDE];
static int64_t y[N];
static size_t fold[N];

/* d columns, k classes whose means stand apart along the first columns. */
static void make_rows(size_t d, size_t k)
{
    dnb_random r;
    dnb_random_init(&r, 5, d);
    for (size_t i = 0; i < N; i++) {
        y[i] = (int64_t)(i % k) * 10 - 5;
        fold[i] = i / k % 4;
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = dnb_random_normal(&r) + (j % k == i % k ? 1.0 : 0.0);
    }
}

static dnb_classifier *fit(dnb_classifier_options o, size_t d)
{
    dnb_classifier *c = NULL;
    dnb_err err = {0};
    if (dnb_classifier_fit(&c, x, N, d, y, &o, &err) != DNB_OK)
        fail_msg("%s: %s", dnb_classifier_name(o.kind), err.message);
    return c;
}

static void test_names(void **state)
{
    (void)state;
    dnb_classifier_kind kind = DNB_SVC;
    dnb_err err = {0};
    for (int i = 0; i < DNB_CLASSIFIER_COUNT; i++) {
        dnb_classifier_kind back = DNB_CLASSIFIER_COUNT;
        assert_int_equal(
            dnb_classifier_parse(&back, dnb_classifier_name((dnb_classifier_kind)i), NULL), DNB_OK);
        assert_int_equal(back, i);
    }
    assert_null(dnb_classifier_name(DNB_CLASSIFIER_COUNT));
    assert_int_equal(dnb_classifier_parse(&kind, "tree", &err), DNB_ENOTFOUND);
    assert_int_equal(kind, DNB_SVC);
    assert_non_null(strstr(err.message, "'tree'"));
    assert_int_equal(dnb_classifier_parse(&kind, "logistic", NULL), DNB_OK);
    assert_int_equal(kind, DNB_LOGISTIC);
}

/* Two points at -1 and 1 with a hard margin: w = 1, b = 0. */
static void test_svc_two_points(void **state)
{
    (void)state;
    const double points[2] = {-1, 1};
    const int64_t labels[2] = {7, 3};
    const dnb_classifier_options o = {.kind = DNB_SVC, .c = 10, .tolerance = 1e-9};
    dnb_classifier *c = NULL;
    const double *coef, *intercept;
    const int64_t *classes;
    assert_int_equal(dnb_classifier_fit(&c, points, 2, 1, labels, &o, NULL), DNB_OK);
    assert_int_equal(dnb_classifier_coef(c, &coef, &intercept), 1);
    assert_int_equal(dnb_classifier_classes(c, &classes), 2);
    assert_int_equal(classes[0], 3);
    assert_int_equal(classes[1], 7);
    assert_true(fabs(coef[0] + 1) < 1e-12); /* positive for the class 7, which is on the left */
    assert_true(fabs(intercept[0]) < 1e-12);
    int64_t said[2];
    double decision[4];
    assert_int_equal(dnb_classifier_predict(said, decision, c, points, 2, NULL), DNB_OK);
    assert_int_equal(said[0], 7);
    assert_int_equal(said[1], 3);
    assert_true(decision[0] == -decision[1] && fabs(decision[1] - 1) < 1e-12);
    dnb_classifier_free(c);
}

/* Without anything to go by the intercept alone carries the classes' shares. */
static void test_constant_column(void **state)
{
    (void)state;
    const double ones[6] = {4, 4, 4, 4, 4, 4};
    const int64_t labels[6] = {0, 1, 2, 2, 2, 1};
    for (int l1 = 0; l1 < 2; l1++) {
        const dnb_classifier_options o = {.l1 = l1 != 0};
        dnb_classifier *c = NULL;
        double p[3];
        assert_int_equal(dnb_classifier_fit(&c, ones, 6, 1, labels, &o, NULL), DNB_OK);
        assert_int_equal(dnb_classifier_probability(p, c, ones, 1, NULL), DNB_OK);
        for (int k = 0; k < 3; k++)
            assert_true(fabs(p[k] - (k + 1) / 6.0) < 1e-7);
        dnb_classifier_free(c);
    }
}

/* A large C leaves few weights at 0 under L1, a small one all. */
static void test_l1_is_sparse(void **state)
{
    (void)state;
    size_t zeros[2] = {0, 0};
    make_rows(20, 2);
    for (int i = 0; i < 2; i++) {
        dnb_classifier *c = fit((dnb_classifier_options){.l1 = true, .c = i ? 0.15 : 0.001}, 20);
        const double *coef;
        dnb_classifier_coef(c, &coef, NULL);
        for (int j = 0; j < 20; j++)
            zeros[i] += coef[j] == 0;
        dnb_classifier_free(c);
    }
    assert_int_equal(zeros[0], 20);
    assert_true(zeros[1] > 2 && zeros[1] < 20);
}

static const dnb_classifier_options every[] = {{.kind = DNB_LOGISTIC},
                                               {.kind = DNB_LOGISTIC, .l1 = true, .c = 0.3},
                                               {.kind = DNB_SVC},
                                               {.kind = DNB_LDA},
                                               {.kind = DNB_NAIVE_BAYES}};
enum { EVERY = sizeof every / sizeof *every };

static void test_separates(void **state)
{
    (void)state;
    for (size_t d = 30; d <= WIDE; d += 60)
        for (int i = 0; i < EVERY; i++) {
            make_rows(d, 3);
            dnb_classifier *c = fit(every[i], d);
            int64_t said[N];
            int right = 0;
            assert_int_equal(dnb_classifier_columns(c), d);
            assert_int_equal(dnb_classifier_predict(said, NULL, c, x, N, NULL), DNB_OK);
            for (int r = 0; r < N; r++)
                right += said[r] == y[r];
            assert_true(right >= 54);
            dnb_classifier_free(c);
        }
}

static void test_threads(void **state)
{
    (void)state;
    for (size_t d = 7; d <= WIDE; d += 83)
        for (int i = 0; i < EVERY; i++) {
            double decision[2][N * 3], crossed[2][N * 3];
            int64_t said[N];
            make_rows(d, 3);
            for (int t = 0; t < 2; t++) {
                dnb_threads_set(t + 1);
                dnb_classifier *c = fit(every[i], d);
                assert_int_equal(dnb_classifier_predict(said, decision[t], c, x, N, NULL), DNB_OK);
                dnb_classifier_free(c);
                assert_int_equal(
                    dnb_classifier_cross(said, crossed[t], x, N, d, y, fold, 4, &every[i], NULL),
                    DNB_OK);
            }
            assert_memory_equal(decision[0], decision[1], sizeof decision[0]);
            assert_memory_equal(crossed[0], crossed[1], sizeof crossed[0]);
        }
    dnb_threads_set(0);
}

/* Kept intact by every refusal below. */
static void refuse(const double *rows, size_t n, size_t d, const int64_t *labels,
                   dnb_classifier_options o, dnb_status want, const char *word)
{
    dnb_classifier *c = (dnb_classifier *)x;
    dnb_err err = {0};
    assert_int_equal(dnb_classifier_fit(&c, rows, n, d, labels, &o, &err), want);
    assert_ptr_equal(c, x);
    if (!strstr(err.message, word))
        fail_msg("'%s' is not in '%s'", word, err.message);
}

static void test_refusals(void **state)
{
    (void)state;
    int64_t one[N];
    make_rows(4, 3);
    for (int i = 0; i < N; i++)
        one[i] = -3;
    for (int i = 0; i < EVERY; i++) {
        refuse(x, N, 4, one, every[i], DNB_EARG, "single class -3");
        refuse(x, 1, 4, y, every[i], DNB_EARG, "two rows");
        refuse(x, N, 0, y, every[i], DNB_EARG, "a column");
        x[4 * 9 + 2] = i % 2 ? NAN : -INFINITY;
        refuse(x, N, 4, y, every[i], DNB_EARG, "x[9, 2]");
        make_rows(4, 3);
    }
    refuse(x, 3, 4, y, every[3], DNB_EARG, "more rows than classes");
    refuse(x, N, 4, y, (dnb_classifier_options){.c = NAN}, DNB_EARG, "C is");
    refuse(x, N, 4, y, (dnb_classifier_options){.tolerance = -1}, DNB_EARG, "tolerance");
    refuse(x, N, 4, y, (dnb_classifier_options){.kind = DNB_CLASSIFIER_COUNT}, DNB_EARG,
           "number 4");
    refuse(x, N, 4, y, (dnb_classifier_options){.kind = DNB_LDA, .l1 = true}, DNB_EARG, "L1");
    refuse(x, N, 4, y, (dnb_classifier_options){.max_iterations = 1}, DNB_EARG, "did not converge");
    memset(x, 0, sizeof x);
    refuse(x, N, 4, y, (dnb_classifier_options){.kind = DNB_LDA}, DNB_EARG, "no column varies");
    refuse(x, N, 4, y, (dnb_classifier_options){.kind = DNB_NAIVE_BAYES}, DNB_EARG, "constant");
}

static void test_predict_refusals(void **state)
{
    (void)state;
    make_rows(4, 3);
    dnb_classifier *c = fit((dnb_classifier_options){.kind = DNB_SVC}, 4);
    int64_t said[1] = {77};
    double rows[4] = {1, 2, 3, NAN}, decision[3] = {8, 8, 8};
    dnb_err err = {0};
    assert_int_equal(dnb_classifier_predict(said, decision, c, rows, 1, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "x[0, 3]"));
    assert_int_equal(said[0], 77);
    assert_true(decision[0] == 8);
    assert_int_equal(dnb_classifier_probability(decision, c, x, 1, NULL), DNB_EUNSUPPORTED);
    dnb_classifier_free(c);
    dnb_classifier_free(NULL);
}

static void test_cross_refusals(void **state)
{
    (void)state;
    int64_t said[N] = {77};
    dnb_err err = {0};
    make_rows(4, 2);
    assert_int_equal(dnb_classifier_cross(said, NULL, x, N, 4, y, fold, 3, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "is in fold 3 of 3"));
    assert_int_equal(dnb_classifier_cross(said, NULL, x, N, 4, y, fold, 1, NULL, &err), DNB_EARG);
    for (int i = 0; i < N; i++)
        fold[i] = y[i] > 0;
    assert_int_equal(dnb_classifier_cross(said, NULL, x, N, 4, y, fold, 2, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "fold 1: all 30"));
    assert_int_equal(said[0], 77);
}

/* A classifier put together from its parts says the same, to the bit; from the values of its linear
 * maps too. */
static void test_parts(void **state)
{
    (void)state;
    int64_t a[N], b[N];
    double p[N * 3], q[N * 3], f[N * 3];
    for (size_t k = 2; k <= 3; k++)
        for (int kind = 0; kind < DNB_CLASSIFIER_COUNT; kind++) {
            make_rows(7, k);
            dnb_classifier *c = fit((dnb_classifier_options){.kind = (dnb_classifier_kind)kind}, 7);
            dnb_classifier *same = NULL, *head = NULL;
            dnb_classifier_parts parts;
            dnb_classifier_get_parts(&parts, c);
            size_t maps = dnb_classifier_map_count(parts.kind, k);
            assert_int_equal(maps, dnb_classifier_coef(c, NULL, NULL));
            assert_int_equal(dnb_classifier_new(&same, &parts, NULL), DNB_OK);
            assert_int_equal(dnb_classifier_predict(a, p, c, x, N, NULL), DNB_OK);
            dnb_classifier_free(c);
            assert_int_equal(dnb_classifier_predict(b, q, same, x, N, NULL), DNB_OK);
            assert_memory_equal(a, b, sizeof a);
            assert_memory_equal(p, q, N * k * sizeof *p);
            if (maps) {
                dnb_classifier_get_parts(&parts, same);
                for (size_t i = 0; i < N; i++)
                    for (size_t m = 0; m < maps; m++) {
                        f[i * maps + m] = parts.intercept[m];
                        for (size_t j = 0; j < 7; j++)
                            f[i * maps + m] += x[i * 7 + j] * parts.coef[m * 7 + j];
                    }
                parts.coef = parts.intercept = NULL;
                parts.n_columns = maps;
                assert_int_equal(dnb_classifier_new(&head, &parts, NULL), DNB_OK);
                assert_int_equal(dnb_classifier_predict(b, q, head, f, N, NULL), DNB_OK);
                assert_memory_equal(a, b, sizeof a);
                for (size_t i = 0; i < N * k; i++)
                    assert_true(fabs(p[i] - q[i]) < 1e-9);
                dnb_classifier_free(head);
            }
            dnb_classifier_free(same);
        }
}

static void refuse_parts(const dnb_classifier_parts *parts, const char *word)
{
    dnb_classifier *c = NULL;
    dnb_err err = {0};
    assert_int_equal(dnb_classifier_new(&c, parts, &err), DNB_EARG);
    assert_null(c);
    if (!strstr(err.message, word))
        fail_msg("'%s' does not say '%s'", err.message, word);
}

static void test_parts_refusals(void **state)
{
    (void)state;
    int64_t classes[] = {1, 4, 4};
    double coef[] = {1, 2, 3, 4, 5, 6}, bad[] = {1, 0, 3, 4, 5, 6}, nan[] = {1, NAN, 3, 4, 5, 6};
    dnb_classifier_parts p = {.kind = DNB_LDA,
                              .n_classes = 2,
                              .n_columns = 2,
                              .classes = classes,
                              .coef = coef,
                              .intercept = coef};
    dnb_classifier *c = NULL;
    assert_int_equal(dnb_classifier_new(&c, &p, NULL), DNB_OK);
    dnb_classifier_free(c);
    p.coef = nan;
    refuse_parts(&p, "weights: number 2 is nan");
    p.coef = NULL;
    refuse_parts(&p, "1 linear maps cannot decide from 2");
    p.n_classes = 1;
    refuse_parts(&p, "two classes");
    p.n_classes = 3;
    p.n_columns = 3;
    refuse_parts(&p, "4 after 4");
    p.n_classes = 2;
    p.kind = DNB_NAIVE_BAYES;
    refuse_parts(&p, "means, variances and priors");
    p.mean = p.variance = coef;
    p.prior = bad;
    refuse_parts(&p, "priors: number 2 is 0");
    p.variance = bad;
    refuse_parts(&p, "variances: number 2 is 0");
    p.kind = DNB_CLASSIFIER_COUNT;
    refuse_parts(&p, "no classifier number");
}

typedef struct job {
    dnb_classifier_options o;
    size_t d;
    bool cross;
} job;

static dnb_status run_job(const void *ctx, dnb_err *err)
{
    const job *j = ctx;
    int64_t said[N];
    double decision[N * 3];
    dnb_classifier *c = NULL;
    if (j->cross)
        return dnb_classifier_cross(said, decision, x, N, j->d, y, fold, 4, &j->o, err);
    dnb_status status = dnb_classifier_fit(&c, x, N, j->d, y, &j->o, err);
    if (status == DNB_OK)
        status = dnb_classifier_predict(said, decision, c, x, N, err);
    dnb_classifier_free(c);
    return status;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    dnb_threads_set(1);
    for (size_t d = 7; d <= WIDE; d += 83)
        for (int i = 0; i < EVERY; i++) {
            make_rows(d, 3);
            job j = {every[i], d, false};
            assert_true(dnb_each_failing_alloc(run_job, &j) >= 0);
        }
    make_rows(WIDE, 3);
    job j = {every[2], WIDE, true};
    assert_true(dnb_each_failing_alloc(run_job, &j) >= 0);
}

int main(void)
{
    /* The fork of the failing allocations comes first: OpenMP's threads do not survive one. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_allocations),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_svc_two_points),
                                       cmocka_unit_test(test_constant_column),
                                       cmocka_unit_test(test_l1_is_sparse),
                                       cmocka_unit_test(test_separates),
                                       cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_parts_refusals),
                                       cmocka_unit_test(test_predict_refusals),
                                       cmocka_unit_test(test_cross_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
