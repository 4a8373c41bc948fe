/* distance: condensed matrices, values worked out by hand, refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/distance.h"

static void test_condensed(void **state)
{
    (void)state;
    for (size_t n = 1; n < 60; n++) {
        size_t at = 0;
        assert_int_equal(dnb_condensed_order(dnb_condensed_count(n)), n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                assert_int_equal(dnb_condensed_index(n, i, j), at++);
        assert_int_equal(at, dnb_condensed_count(n));
    }
    assert_int_equal(dnb_condensed_order(4186), 92);
    assert_int_equal(dnb_condensed_order(4187), 0);
    assert_int_equal(dnb_condensed_order(2), 0);
    double square[9];
    dnb_condensed_expand(square, (double[]){1, 2, 3}, 3);
    const double want[9] = {0, 1, 2, 1, 0, 3, 2, 3, 0};
    assert_memory_equal(square, want, sizeof want);
}

static void test_names(void **state)
{
    (void)state;
    dnb_metric m;
    dnb_err err;
    for (int i = 0; i < DNB_METRIC_COUNT; i++) {
        assert_non_null(dnb_metric_name((dnb_metric)i));
        assert_int_equal(dnb_metric_parse(&m, dnb_metric_name((dnb_metric)i), &err), DNB_OK);
        assert_int_equal(m, i);
    }
    assert_null(dnb_metric_name(DNB_METRIC_COUNT));
    assert_int_equal(dnb_metric_parse(&m, "euclid", &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "'euclid'"));
    assert_non_null(strstr(err.message, "correlation"));
}

/* Distance of (1, 2, 3) and (4, 0, 3) by every metric that has a short answer. */
static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        dnb_metric metric;
        double p, want;
    } cases[] = {
        {DNB_EUCLIDEAN, 0, 3.605551275463989},
        {DNB_SQEUCLIDEAN, 0, 13},
        {DNB_CITYBLOCK, 0, 5},
        {DNB_CHEBYSHEV, 0, 3},
        {DNB_CANBERRA, 0, 3.0 / 5 + 1},
        {DNB_BRAYCURTIS, 0, 5.0 / 13},
        {DNB_MINKOWSKI, 1, 5},
        {DNB_MINKOWSKI, 2, 3.605551275463989},
        {DNB_MINKOWSKI, 3, 3.2710663101885897},
        {DNB_MINKOWSKI, INFINITY, 3},
        {DNB_HAMMING, 0, 2.0 / 3},
        {DNB_JACCARD, 0, 2.0 / 3},
        {DNB_COSINE, 0, 1 - 13 / (3.7416573867739413 * 5)},
        {DNB_CORRELATION, 0, 1.2401922307076307}, /* 1 + 1 / sqrt(52/3) */
        {DNB_RUSSELLRAO, 0, 1.0 / 3},
        {DNB_DICE, 0, 1.0 / 5},
    };
    double x[6] = {1, 2, 3, 4, 0, 3};
    dnb_rows rows = dnb_rows_f64(x, 2, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dnb_pdist_options o = {.metric = cases[i].metric, .p = cases[i].p};
        dnb_array d = {0};
        dnb_err err;
        assert_int_equal(dnb_pdist(&d, &rows, &o, &err), DNB_OK);
        assert_int_equal(d.ndim, 1);
        assert_int_equal(d.shape[0], 1);
        assert_float_equal(((double *)d.data)[0], cases[i].want, 1e-12);
        dnb_array_release(&d);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    double x[6] = {1, 2, 3, 4, 0, 3};
    dnb_rows rows = dnb_rows_f64(x, 2, 3);
    dnb_array d = {0};
    dnb_err err;
    dnb_pdist_options o = {.metric = DNB_MINKOWSKI, .p = -1};
    assert_int_equal(dnb_pdist(&d, &rows, &o, &err), DNB_EARG);
    o = (dnb_pdist_options){.metric = DNB_METRIC_COUNT};
    assert_int_equal(dnb_pdist(&d, &rows, &o, &err), DNB_EARG);
    o = (dnb_pdist_options){.metric = DNB_MAHALANOBIS};
    assert_int_equal(dnb_pdist(&d, &rows, &o, &err), DNB_EARG);
    o = (dnb_pdist_options){.metric = DNB_JENSENSHANNON, .zscore = true};
    assert_int_equal(dnb_pdist(&d, &rows, &o, &err), DNB_EARG);
    rows.dtype = DNB_I32;
    assert_int_equal(dnb_pdist(&d, &rows, NULL, &err), DNB_EARG);
    assert_null(d.data);
    rows = dnb_rows_f64(x, (size_t)1 << 30, 1);
    assert_int_equal(dnb_pdist(&d, &rows, NULL, &err), DNB_ENOMEM);
    dnb_rows one = dnb_rows_f64(x, 1, 6);
    assert_int_equal(dnb_pdist(&d, &one, NULL, &err), DNB_OK);
    assert_int_equal(dnb_array_count(&d), 0);
    dnb_array_release(&d);
}

static void test_from_gram(void **state)
{
    (void)state;
    const double g[4] = {14, 13, 13, 25};
    double d;
    dnb_err err;
    assert_int_equal(dnb_pdist_from_gram(&d, g, 2, DNB_EUCLIDEAN, &err), DNB_OK);
    assert_float_equal(d, sqrt(13), 1e-14);
    assert_int_equal(dnb_pdist_from_gram(&d, g, 2, DNB_COSINE, &err), DNB_OK);
    assert_float_equal(d, 1 - 13 / sqrt(14 * 25), 1e-14);
    assert_int_equal(dnb_pdist_from_gram(&d, g, 2, DNB_CITYBLOCK, &err), DNB_EARG);
}

/* A stride wider than the rows, and an array of more than two axes. */
static void test_layouts(void **state)
{
    (void)state;
    float wide[2 * 5] = {1, 2, 3, -9, -9, 4, 0, 3, -9, -9};
    dnb_rows rows = dnb_rows_f32(wide, 2, 3);
    rows.stride = 5;
    dnb_array d = {0}, cube = {0};
    dnb_err err;
    dnb_pdist_options o = {.metric = DNB_CITYBLOCK};
    assert_int_equal(dnb_pdist(&d, &rows, &o, &err), DNB_OK);
    assert_float_equal(((double *)d.data)[0], 5, 0);
    dnb_array_release(&d);
    dnb_array_borrow(&cube, DNB_F32, 3, (size_t[]){2, 1, 5}, wide);
    assert_int_equal(dnb_rows_of_array(&rows, &cube, &err), DNB_OK);
    assert_int_equal(rows.d, 5);
    dnb_array_borrow(&cube, DNB_I64, 2, (size_t[]){2, 2}, wide);
    assert_int_equal(dnb_rows_of_array(&rows, &cube, &err), DNB_ESHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_condensed), cmocka_unit_test(test_names),
        cmocka_unit_test(test_by_hand),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_from_gram), cmocka_unit_test(test_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
