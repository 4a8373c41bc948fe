/* features and pca: answers worked out by hand, refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/features.h"
#include "dnnbrain/pca.h"

static void test_hist(void **state)
{
    (void)state;
    const double x[6] = {0, 0.5, 1, 1.5, 2, 2};
    const float constant[3] = {3, 3, 3}, broken[2] = {1, INFINITY};
    double counts[4];
    dnb_err err;
    assert_int_equal(dnb_hist_f64(counts, 4, x, 6, &err), DNB_OK);
    assert_memory_equal(counts, ((double[]){1, 1, 1, 3}), sizeof counts);
    assert_int_equal(dnb_hist_f32(counts, 4, constant, 3, &err), DNB_OK);
    assert_memory_equal(counts, ((double[]){0, 0, 3, 0}), sizeof counts);
    assert_int_equal(dnb_hist_f32(counts, 4, broken, 2, &err), DNB_EARG);
    assert_int_equal(dnb_hist_f64(counts, 0, x, 6, &err), DNB_EARG);
    assert_int_equal(dnb_hist_f64(counts, 4, x, 0, &err), DNB_EARG);
}

static void test_psd(void **state)
{
    (void)state;
    /* cos(pi k / 2) over 8 samples: all power, 8/4 of it doubled once, in bin 2. */
    const double x[8] = {1, 0, -1, 0, 1, 0, -1, 0};
    double density[5];
    dnb_err err;
    assert_int_equal(dnb_psd(density, 5, x, 8, &err), DNB_OK);
    for (size_t b = 0; b < 5; b++)
        assert_float_equal(density[b], b == 2 ? 4 : 0, 1e-14);
    assert_int_equal(dnb_psd(density, 6, x, 8, &err), DNB_EARG);
    assert_int_equal(dnb_psd(density, 1, x, 0, &err), DNB_EARG);
}

static void test_zscore(void **state)
{
    (void)state;
    double x[3] = {1, 2, 3}, constant[3] = {0.1, 0.1, 0.1};
    dnb_zscore(x, x, 3);
    assert_float_equal(x[0], -sqrt(1.5), 1e-15);
    assert_float_equal(x[1], 0, 1e-15);
    dnb_zscore(constant, constant, 3);
    assert_true(isnan(constant[0]) && isnan(constant[2]));
}

static void test_pool(void **state)
{
    (void)state;
    const float x[8] = {3, -4, 0, 1, 1, 1, 2, NAN};
    const double want[DNB_POOL_COUNT] = {3, 0, 0.5, 8, 5.0990195135927845};
    float y[2];
    dnb_err err;
    for (int k = 0; k < DNB_POOL_COUNT; k++) {
        dnb_pool_kind kind;
        assert_int_equal(dnb_pool_parse(&kind, dnb_pool_name((dnb_pool_kind)k), &err), DNB_OK);
        assert_int_equal(kind, k);
        assert_int_equal(dnb_pool_run(y, x, 2, 4, kind, &err), DNB_OK);
        assert_float_equal(y[0], want[k], 1e-6);
        assert_true(isnan(y[1]));
    }
    dnb_pool_kind kind;
    assert_int_equal(dnb_pool_parse(&kind, "sum", &err), DNB_ENOTFOUND);
    assert_int_equal(dnb_pool_run(y, x, 1, 0, DNB_POOL_MAX, &err), DNB_EARG);
}

/* Four points on a line through (1, 1), direction (0.6, 0.8): one component holds everything. */
static void test_pca(void **state)
{
    (void)state;
    double x[8], wide[3 * 5] = {0};
    const double at[4] = {-3, -1, 1, 3};
    for (size_t i = 0; i < 4; i++) {
        x[2 * i] = 1 + 0.6 * at[i];
        x[2 * i + 1] = 1 + 0.8 * at[i];
    }
    dnb_rows rows = dnb_rows_f64(x, 4, 2);
    dnb_pca_options o = {.n_components = 2, .components = true};
    dnb_pca pca;
    dnb_err err;
    assert_int_equal(dnb_pca_fit(&pca, &rows, &o, &err), DNB_OK);
    const double *score = pca.scores.data, *axis = pca.components.data;
    /* -3 and 3 are equally large: the first of them, row 0, is made positive. */
    for (size_t i = 0; i < 4; i++) {
        assert_float_equal(score[2 * i], -at[i], 1e-12);
        assert_float_equal(score[2 * i + 1], 0, 1e-12);
    }
    assert_float_equal(axis[0], -0.6, 1e-12);
    assert_float_equal(axis[1], -0.8, 1e-12);
    assert_float_equal(((double *)pca.variance.data)[0], 20.0 / 3, 1e-12);
    assert_float_equal(((double *)pca.ratio.data)[0], 1, 1e-12);
    assert_float_equal(((double *)pca.mean.data)[1], 1, 1e-12);
    dnb_rows narrow = dnb_rows_f64(x, 8, 1);
    dnb_array out = {0};
    assert_int_equal(dnb_pca_predict(&out, &pca, &narrow, &err), DNB_ESHAPE);
    dnb_pca_release(&pca);
    o = (dnb_pca_options){.variance = 0.5};
    assert_int_equal(dnb_pca_fit(&pca, &rows, &o, &err), DNB_OK);
    assert_int_equal(pca.k, 1);
    assert_null(pca.components.data);
    assert_int_equal(dnb_pca_predict(&out, &pca, &rows, &err), DNB_ESHAPE);
    dnb_pca_release(&pca);
    o = (dnb_pca_options){.variance = 1};
    assert_int_equal(dnb_pca_fit(&pca, &rows, &o, &err), DNB_EARG);
    o = (dnb_pca_options){.n_components = 3};
    assert_int_equal(dnb_pca_fit(&pca, &rows, &o, &err), DNB_EARG);
    dnb_rows one = dnb_rows_f64(x, 1, 8);
    assert_int_equal(dnb_pca_fit(&pca, &one, NULL, &err), DNB_EARG);
    /* No variance at all: scores and components are zeros, not NaN. */
    rows = dnb_rows_f64(wide, 3, 5);
    o = (dnb_pca_options){.n_components = 2, .components = true};
    assert_int_equal(dnb_pca_fit(&pca, &rows, &o, &err), DNB_OK);
    assert_true(((double *)pca.scores.data)[0] == 0 && ((double *)pca.components.data)[7] == 0);
    dnb_pca_release(&pca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hist), cmocka_unit_test(test_psd), cmocka_unit_test(test_zscore),
        cmocka_unit_test(test_pool), cmocka_unit_test(test_pca),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
