/* Clusterings of points anyone can group: refusals, bits for any number of threads, failing
 * allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/cluster.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "failing_alloc.h"

/* 0 1 | 10 11 | 30 on a line, as points and as distances. */
static const double line[5] = {0, 1, 10, 11, 30};
static const double apart[10] = {1, 10, 11, 30, 9, 10, 29, 1, 20, 19};

static void test_kmeans_line(void **state)
{
    (void)state;
    dnb_kmeans k = {0};
    assert_int_equal(dnb_kmeans_fit(&k, line, 5, 1, 3, NULL, NULL), DNB_OK);
    assert_true(k.labels[0] == k.labels[1] && k.labels[2] == k.labels[3]);
    assert_true(k.labels[0] != k.labels[2] && k.labels[4] != k.labels[2]);
    assert_true(fabs(k.inertia - 1) < 1e-12);
    assert_true(fabs(k.centres[k.labels[2]] - 10.5) < 1e-12);
    const double new_rows[2] = {-5, 100};
    size_t said[2];
    assert_int_equal(dnb_kmeans_predict(said, &k, new_rows, 2, NULL), DNB_OK);
    assert_int_equal(said[0], k.labels[0]);
    assert_int_equal(said[1], k.labels[4]);
    dnb_kmeans_release(&k);
    assert_null(k.centres);
    dnb_kmeans_release(NULL);
}

static void test_kmeans_threads_and_seeds(void **state)
{
    (void)state;
    enum { N = 300, D = 5, K = 6 };
    static double x[N * D];
    dnb_kmeans k[2] = {{0}, {0}};
    dnb_random r;
    dnb_random_init(&r, 1, 1);
    for (int i = 0; i < N * D; i++)
        x[i] = dnb_random_normal(&r);
    const dnb_kmeans_options o = {.seed = 9, .n_init = 3};
    for (int t = 0; t < 2; t++) {
        dnb_threads_set(t + 1);
        assert_int_equal(dnb_kmeans_fit(&k[t], x, N, D, K, &o, NULL), DNB_OK);
    }
    dnb_threads_set(0);
    assert_memory_equal(k[0].centres, k[1].centres, K * D * sizeof(double));
    assert_memory_equal(k[0].labels, k[1].labels, N * sizeof(size_t));
    assert_true(k[0].inertia == k[1].inertia && k[0].iterations > 1);
    dnb_kmeans_release(&k[0]);
    dnb_kmeans_release(&k[1]);
}

static void test_kmeans_refusals(void **state)
{
    (void)state;
    dnb_kmeans k = {.n = 77};
    dnb_err err = {0};
    double bad[5] = {0, 1, INFINITY, 3, 4};
    assert_int_equal(dnb_kmeans_fit(&k, line, 5, 1, 6, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "6 clusters of 5"));
    assert_int_equal(dnb_kmeans_fit(&k, bad, 5, 1, 2, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "x[2, 0]"));
    dnb_kmeans_options o = {.centres = bad};
    assert_int_equal(dnb_kmeans_fit(&k, line, 5, 1, 3, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "first centres: x[2, 0]"));
    o = (dnb_kmeans_options){.tolerance = NAN};
    assert_int_equal(dnb_kmeans_fit(&k, line, 5, 1, 3, &o, &err), DNB_EARG);
    assert_int_equal(k.n, 77);
}

static void test_trees(void **state)
{
    (void)state;
    /* Heights of the last two merges, worked out by hand. */
    const double heights[DNB_LINKAGE_COUNT][2] = {{9, 19}, {11, 30}, {10, 24.5}, {0, 0}};
    for (int m = 0; m < DNB_LINKAGE_COUNT; m++) {
        dnb_merge merges[4];
        size_t labels[5], found;
        dnb_linkage back;
        assert_int_equal(dnb_linkage_parse(&back, dnb_linkage_name((dnb_linkage)m), NULL), DNB_OK);
        assert_int_equal(back, m);
        assert_int_equal(dnb_linkage_run(merges, apart, 5, (dnb_linkage)m, NULL), DNB_OK);
        assert_true(merges[0].a == 0 && merges[0].b == 1 && merges[0].height == 1);
        assert_true(merges[1].a == 2 && merges[1].b == 3 && merges[1].size == 2);
        assert_true(merges[2].a == 5 && merges[2].b == 6 && merges[2].size == 4);
        assert_true(merges[3].a == 4 && merges[3].b == 7 && merges[3].size == 5);
        /* Ward: sqrt(2 n m / (n + m)) times the distance of the means. */
        double third = m == DNB_LINKAGE_WARD ? sqrt(2.0) * 10 : heights[m][0];
        double last = m == DNB_LINKAGE_WARD ? sqrt(8.0 / 5) * 24.5 : heights[m][1];
        assert_true(fabs(merges[2].height - third) < 1e-9);
        assert_true(fabs(merges[3].height - last) < 1e-9);
        const size_t want[5] = {0, 0, 1, 1, 2};
        assert_int_equal(dnb_linkage_cut(labels, &found, merges, 5, 3, NULL), DNB_OK);
        assert_int_equal(found, 3);
        assert_memory_equal(labels, want, sizeof want);
        /* The two merges of height 1 go together. */
        assert_int_equal(dnb_linkage_cut(labels, &found, merges, 5, 4, NULL), DNB_OK);
        assert_int_equal(found, 3);
        assert_int_equal(dnb_linkage_cut(labels, &found, merges, 5, 5, NULL), DNB_OK);
        assert_int_equal(found, 5);
        assert_int_equal(dnb_linkage_cut(labels, NULL, merges, 5, 1, NULL), DNB_OK);
        assert_int_equal(labels[4], 0);
    }
}

static void test_tree_refusals(void **state)
{
    (void)state;
    dnb_merge merges[4] = {{.size = 77}};
    size_t labels[5] = {77};
    double bad[10];
    dnb_err err = {0};
    dnb_linkage method = DNB_LINKAGE_WARD;
    memcpy(bad, apart, sizeof bad);
    bad[7] = NAN;
    assert_int_equal(dnb_linkage_run(merges, bad, 5, DNB_LINKAGE_SINGLE, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "distance 7 is"));
    assert_int_equal(dnb_linkage_run(merges, apart, 1, DNB_LINKAGE_SINGLE, &err), DNB_EARG);
    assert_int_equal(dnb_linkage_run(merges, apart, 5, DNB_LINKAGE_COUNT, &err), DNB_EARG);
    assert_int_equal(merges[0].size, 77);
    assert_int_equal(dnb_linkage_parse(&method, "median", &err), DNB_ENOTFOUND);
    assert_null(dnb_linkage_name(DNB_LINKAGE_COUNT));
    assert_int_equal(dnb_linkage_run(merges, apart, 5, method, NULL), DNB_OK);
    assert_int_equal(dnb_linkage_cut(labels, NULL, merges, 5, 6, &err), DNB_EARG);
    assert_int_equal(dnb_linkage_cut(labels, NULL, merges, 5, 0, &err), DNB_EARG);
    merges[1].a = 6; /* made by merge 1 itself */
    assert_int_equal(dnb_linkage_cut(labels, NULL, merges, 5, 2, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "merge 1"));
    assert_int_equal(labels[0], 77);
}

static dnb_status run_all(const void *ctx, dnb_err *err)
{
    (void)ctx;
    dnb_kmeans k = {0};
    dnb_merge merges[4];
    size_t labels[5];
    dnb_status status = dnb_kmeans_fit(&k, line, 5, 1, 2, NULL, err);
    if (status == DNB_OK)
        status = dnb_kmeans_predict(labels, &k, line, 5, err);
    dnb_kmeans_release(&k);
    if (status == DNB_OK)
        status = dnb_linkage_run(merges, apart, 5, DNB_LINKAGE_AVERAGE, err);
    return status == DNB_OK ? dnb_linkage_cut(labels, NULL, merges, 5, 2, err) : status;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    dnb_threads_set(1);
    assert_true(dnb_each_failing_alloc(run_all, NULL) >= 0);
    dnb_threads_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing_allocations),
                                       cmocka_unit_test(test_kmeans_line),
                                       cmocka_unit_test(test_kmeans_threads_and_seeds),
                                       cmocka_unit_test(test_kmeans_refusals),
                                       cmocka_unit_test(test_trees),
                                       cmocka_unit_test(test_tree_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
