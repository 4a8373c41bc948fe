/* Banded ridge regression: equal to ridge where it must be, finds the band that matters, its parts
 * sum to the whole, refusals, threads and failing allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/banded.h"
#include "dnnbrain/random.h"
#include "dnnbrain/regression.h"
#include "failing_alloc.h"

enum { N = 60, HELD = 40, ALL = N + HELD, D0 = 8, D1 = 90, D2 = 5, M = 7, A = 9 };
static double x0[ALL * D0], x1[ALL * D1], x2[ALL * D2], y[ALL * M], alphas[A];
static dnb_folds folds;
static dnb_err err;

/* Targets 0..3 follow band 0, 4..5 band 2, 6 both. */
static int set_up(void **state)
{
    dnb_random r;
    (void)state;
    dnb_random_init(&r, 11, 0);
    for (size_t i = 0; i < ALL * D0; i++)
        x0[i] = dnb_random_normal(&r) + 1;
    for (size_t i = 0; i < ALL * D1; i++)
        x1[i] = dnb_random_normal(&r);
    for (size_t i = 0; i < ALL * D2; i++)
        x2[i] = dnb_random_normal(&r) - 3;
    for (size_t j = 0; j < M; j++)
        for (size_t i = 0; i < ALL; i++) {
            double v = 0.5 * dnb_random_normal(&r) + 4;
            for (size_t q = 0; q < D0 && (j < 4 || j == 6); q++)
                v += x0[i * D0 + q] * (q % 2 ? 0.7 : -0.4);
            for (size_t q = 0; q < D2 && j >= 4; q++)
                v += x2[i * D2 + q] * 0.6;
            y[i * M + j] = v;
        }
    for (size_t a = 0; a < A; a++)
        alphas[a] = pow(10, (double)a - 3);
    return dnb_folds_init(&folds, N, &(dnb_folds_options){.k = 4}, &err) == DNB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    dnb_folds_release(&folds);
    return 0;
}

static dnb_banded_options options(void)
{
    return (dnb_banded_options){.alphas = alphas,
                                .n_alphas = A,
                                .inner = &folds,
                                .scoring = DNB_SCORE_R2,
                                .candidates = 12,
                                .seed = 3};
}

static void ridge_of(dnb_linear *l, const double *x, size_t d)
{
    dnb_regression_options o = dnb_regression_defaults(DNB_RIDGE);
    dnb_regressor *r = NULL;
    o.alphas = alphas;
    o.n_alphas = A;
    o.choice = DNB_PENALTY_CV;
    o.inner = &folds;
    assert_int_equal(dnb_regressor_new(&r, x, N, d, &o, &err), DNB_OK);
    assert_int_equal(dnb_regressor_fit(l, r, y, M, &err), DNB_OK);
    dnb_regressor_free(r);
}

static void test_one_band_is_ridge(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        dnb_band band = {wide ? x1 : x0, wide ? D1 : D0};
        dnb_banded_options o = options();
        dnb_banded b = {0};
        dnb_linear l = {0};
        assert_int_equal(dnb_banded_fit(&b, &band, 1, N, y, M, &o, &err), DNB_OK);
        ridge_of(&l, band.x, band.d);
        assert_memory_equal(b.coef, l.coef, band.d * M * sizeof(double));
        assert_memory_equal(b.intercept, l.intercept, M * sizeof(double));
        assert_memory_equal(b.alpha, l.alpha, M * sizeof(double));
        assert_memory_equal(b.score, l.score, M * sizeof(double));
        dnb_banded_release(&b);
        dnb_linear_release(&l);
    }
}

/* One candidate: the equal weights, which are ridge on everything side by side. */
static void test_equal_weights_are_ridge(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        dnb_band band[2] = {{x0, D0}, {wide ? x1 : x2, wide ? D1 : D2}};
        size_t d = D0 + band[1].d;
        double *side = malloc(N * d * sizeof *side);
        dnb_banded_options o = options();
        dnb_banded b = {0};
        dnb_linear l = {0};
        for (size_t i = 0; i < N; i++) {
            memcpy(side + i * d, x0 + i * D0, D0 * sizeof *side);
            memcpy(side + i * d + D0, band[1].x + i * band[1].d, band[1].d * sizeof *side);
        }
        o.candidates = 1;
        assert_int_equal(dnb_banded_fit(&b, band, 2, N, y, M, &o, &err), DNB_OK);
        ridge_of(&l, side, d);
        for (size_t j = 0; j < M; j++) {
            assert_true(b.alpha[j] == l.alpha[j]);
            assert_true(fabs(b.score[j] - l.score[j]) < 1e-10);
            assert_true(fabs(b.intercept[j] - l.intercept[j]) < 1e-9);
        }
        for (size_t i = 0; i < d * M; i++)
            assert_true(fabs(b.coef[i] - l.coef[i]) < 1e-9);
        dnb_banded_release(&b);
        dnb_linear_release(&l);
        free(side);
    }
}

static void test_finds_the_band(void **state)
{
    dnb_band band[3] = {{x0, D0}, {x1, D1}, {x2, D2}};
    dnb_band held[3] = {{x0 + N * D0, D0}, {x1 + N * D1, D1}, {x2 + N * D2, D2}};
    dnb_banded_options o = options();
    dnb_banded b = {0}, again = {0};
    double part[3 * M], r2[M], yhat[HELD * M], whole[M], sum[HELD * M] = {0};
    (void)state;
    o.candidates = 60;
    o.grid = 3;
    assert_int_equal(dnb_banded_fit(&b, band, 3, N, y, M, &o, &err), DNB_OK);
    dnb_threads_set(1);
    assert_int_equal(dnb_banded_fit(&again, band, 3, N, y, M, &o, &err), DNB_OK);
    dnb_threads_set(0);
    assert_memory_equal(b.coef, again.coef, b.d * M * sizeof(double));
    assert_memory_equal(b.gamma, again.gamma, 3 * M * sizeof(double));
    for (size_t j = 0; j < M; j++) {
        size_t right = j < 4 ? 0 : 2;
        assert_true(b.gamma[1 * M + j] < b.gamma[right * M + j]);
        assert_true(fabs(b.gamma[j] + b.gamma[M + j] + b.gamma[2 * M + j] - 3) < 1e-12);
    }
    assert_int_equal(dnb_banded_split(part, r2, &b, held, 3, HELD, y + N * M, &err), DNB_OK);
    assert_int_equal(dnb_banded_predict(yhat, &b, held, 3, HELD, SIZE_MAX, &err), DNB_OK);
    assert_int_equal(dnb_score_columns(whole, DNB_SCORE_R2, y + N * M, yhat, HELD, M, &err),
                     DNB_OK);
    for (size_t j = 0; j < M; j++) {
        assert_true(fabs(r2[j] - whole[j]) < 1e-10);
        assert_true(fabs(part[j] + part[M + j] + part[2 * M + j] - whole[j]) < 1e-10);
        assert_true(whole[j] > 0.5);
        if (j != 6)
            assert_true(part[(j < 4 ? 0 : 2) * M + j] > 0.9 * whole[j]);
    }
    /* The bands' predictions and one number a target make the whole. */
    for (size_t k = 0; k < 3; k++) {
        double one[HELD * M];
        assert_int_equal(dnb_banded_predict(one, &b, held, 3, HELD, k, &err), DNB_OK);
        for (size_t i = 0; i < HELD * M; i++)
            sum[i] += one[i];
    }
    for (size_t i = M; i < HELD * M; i++)
        assert_true(fabs((yhat[i] - sum[i]) - (yhat[i % M] - sum[i % M])) < 1e-10);
    dnb_banded_release(&b);
    dnb_banded_release(&again);
}

/* At the minimum of |y - sum x_b w_b|^2 + sum alpha_b |w_b|^2: x_b^T (y - yhat) = alpha_b w_b.
 * Compared in units of the scaled features, sqrt(gamma_b) x_b, as far as rounding lets them be
 * known: eigenvalues below about 1e-14 of the largest are dropped. */
static void check_minimum(const dnb_banded *b, const dnb_band *band, size_t bands)
{
    double yhat[N * M], off[D0 + D1 + D2];
    assert_int_equal(dnb_banded_predict(yhat, b, band, bands, N, SIZE_MAX, &err), DNB_OK);
    for (size_t j = 0; j < M; j++) {
        double scale = 0;
        for (size_t k = 0, f = 0; k < bands; k++)
            for (size_t q = 0; q < band[k].d; q++, f++) {
                double gamma = b->gamma[k * M + j], w = b->coef[f * M + j], pull = 0, size = 0;
                for (size_t i = 0; i < N; i++) {
                    double x = band[k].x[i * band[k].d + q] - b->xmean[f];
                    pull += x * (y[i * M + j] - yhat[i * M + j]);
                    size += fabs(x * y[i * M + j]);
                }
                assert_true(gamma > 0 || w == 0);
                off[f] = gamma > 0 ? sqrt(gamma) * pull - b->alpha[j] * w / sqrt(gamma) : 0;
                scale = fmax(scale, sqrt(gamma) * size);
            }
        for (size_t f = 0; f < b->d; f++)
            assert_true(fabs(off[f]) < 1e-8 * scale);
    }
}

static void test_minimum(void **state)
{
    dnb_band narrow[2] = {{x0, D0}, {x2, D2}}, wide[3] = {{x0, D0}, {x1, D1}, {x2, D2}};
    dnb_banded_options o = options();
    dnb_banded b = {0};
    (void)state;
    o.grid = 2;
    assert_int_equal(dnb_banded_fit(&b, narrow, 2, N, y, M, &o, &err), DNB_OK);
    check_minimum(&b, narrow, 2);
    dnb_banded_release(&b);
    assert_int_equal(dnb_banded_fit(&b, wide, 3, N, y, M, &o, &err), DNB_OK);
    check_minimum(&b, wide, 3);
    dnb_banded_release(&b);
}

static void test_commonality(void **state)
{
    dnb_band band[3] = {{x0, D0}, {x0, D0}, {x2, D2}};
    dnb_band held[3] = {{x0 + N * D0, D0}, {x0 + N * D0, D0}, {x2 + N * D2, D2}};
    dnb_banded_options o = options();
    dnb_banded_parts p = {0};
    (void)state;
    assert_int_equal(dnb_banded_parts_run(&p, band, 3, N, y, held, HELD, y + N * M, M, &o, &err),
                     DNB_OK);
    for (size_t j = 0; j < M; j++) {
        double sum = 0;
        for (size_t s = 0; s < 8; s++)
            sum += p.common[s * M + j];
        assert_true(fabs(sum - p.r2[7 * M + j]) < 1e-12);
        assert_true(p.r2[j] <= 0);
        /* Bands 0 and 1 are the same: what they explain is all common to the two. */
        assert_true(fabs(p.common[1 * M + j]) < 0.02 && fabs(p.common[2 * M + j]) < 0.02);
        if (j < 4)
            assert_true(p.common[3 * M + j] > 0.5);
        else if (j < 6)
            assert_true(p.common[4 * M + j] > 0.5);
        assert_true(fabs(p.common[4 * M + j] - (p.r2[7 * M + j] - p.r2[3 * M + j])) < 1e-12);
    }
    dnb_banded_parts_release(&p);
}

static void refused(const dnb_band *band, size_t bands, const dnb_banded_options *o,
                    const char *part)
{
    dnb_banded b = {.d = 77};
    assert_int_equal(dnb_banded_fit(&b, band, bands, N, y, M, o, &err), DNB_EARG);
    assert_int_equal(b.d, 77);
    assert_non_null(strstr(err.message, part));
}

static void test_refusals(void **state)
{
    dnb_band band[5] = {{x0, D0}, {x1, D1}, {x2, D2}, {x0, D0}, {x0, D0}};
    dnb_band empty = {x0, 0};
    dnb_banded_options o = options();
    dnb_banded_parts p = {0};
    double bad = -1, hole[N * D2];
    (void)state;
    memcpy(hole, x2, sizeof hole);
    hole[4 * D2 + 1] = NAN;
    dnb_band holed[2] = {{x0, D0}, {hole, D2}};
    refused(band, 0, &o, "0 bands");
    refused(&empty, 1, &o, "no feature");
    refused(holed, 2, &o, "band 2: row 4, column 1");
    o.concentrations = &bad;
    o.n_concentrations = 1;
    refused(band, 2, &o, "concentration 1 is -1");
    o = options();
    o.grid = 100000;
    refused(band, 3, &o, "coarser");
    o = options();
    o.n_alphas = 0;
    o.alphas = NULL;
    refused(band, 2, &o, "penalties");
    o = options();
    o.inner = NULL;
    refused(band, 2, &o, "inner folds");
    o = options();
    assert_int_equal(dnb_banded_parts_run(&p, band, 5, N, y, band, N, y, M, &o, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "1 to 4"));
}

static void test_wrong_bands_to_predict(void **state)
{
    dnb_band band[2] = {{x0, D0}, {x2, D2}}, swapped[2] = {{x2, D2}, {x0, D0}};
    dnb_banded_options o = options();
    dnb_banded b = {0};
    double yhat[N * M];
    (void)state;
    assert_int_equal(dnb_banded_fit(&b, band, 2, N, y, M, &o, &err), DNB_OK);
    assert_int_equal(dnb_banded_predict(yhat, &b, swapped, 2, N, SIZE_MAX, &err), DNB_ESHAPE);
    assert_int_equal(dnb_banded_predict(yhat, &b, band, 1, N, SIZE_MAX, &err), DNB_ESHAPE);
    assert_int_equal(dnb_banded_predict(yhat, &b, band, 2, N, 2, &err), DNB_EARG);
    dnb_banded_release(&b);
}

static dnb_status everything(const void *ctx, dnb_err *e)
{
    const size_t *wide = ctx;
    dnb_band band[2] = {{x2, D2}, {*wide ? x1 : x0, *wide ? D1 : D0}};
    dnb_band held[2] = {{x2, D2}, {*wide ? x1 : x0, *wide ? D1 : D0}};
    dnb_banded_options o = options();
    dnb_banded b = {0};
    dnb_banded_parts p = {0};
    double part[2 * M];
    o.candidates = 2;
    dnb_status status = dnb_banded_fit(&b, band, 2, N, y, M, &o, e);
    if (status == DNB_OK)
        status = dnb_banded_split(part, NULL, &b, held, 2, N, y, e);
    if (status == DNB_OK)
        status = dnb_banded_parts_run(&p, band, 1, N, y, held, N, y, M, &o, e);
    dnb_banded_release(&b);
    dnb_banded_parts_release(&p);
    return status;
}

static void test_failing_allocations(void **state)
{
    (void)state;
    dnb_threads_set(1); /* no threads of OpenMP to lose in the forks */
    for (size_t wide = 0; wide < 2; wide++)
        assert_true(dnb_each_failing_alloc(everything, &wide) >= 0);
    dnb_threads_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failing_allocations), /* first: it forks */
        cmocka_unit_test(test_one_band_is_ridge),
        cmocka_unit_test(test_equal_weights_are_ridge),
        cmocka_unit_test(test_finds_the_band),
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_commonality),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_wrong_bands_to_predict),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
