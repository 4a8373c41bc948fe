/* Drawn stimuli: pure functions of (category, seed, size); categories differ in pattern, not in
 * colour. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/drawing.h"

enum { SIDE = 32, N = 60, K = DNB_DRAW_CATEGORIES };

static void draw(size_t category, uint64_t seed, size_t size, uint8_t *rgb)
{
    dnb_err err = {0};
    assert_int_equal(dnb_draw_stimulus(category, seed, size, rgb, &err), DNB_OK);
}

static void test_names_and_groups(void **state)
{
    (void)state;
    for (size_t i = 0; i < K; i++) {
        const char *group = dnb_draw_group(i);
        assert_true(!strcmp(group, "shape") || !strcmp(group, "texture") ||
                    !strcmp(group, "grating"));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(dnb_draw_name(i), dnb_draw_name(j));
    }
    assert_null(dnb_draw_name(K));
    assert_null(dnb_draw_group(K));
}

static void test_same_arguments_same_picture(void **state)
{
    (void)state;
    static uint8_t a[SIDE * SIDE * 3], b[SIDE * SIDE * 3];
    for (size_t k = 0; k < K; k++) {
        draw(k, 42, SIDE, a);
        draw(k, 42, SIDE, b);
        assert_memory_equal(a, b, sizeof a);
        draw(k, 43, SIDE, b);
        assert_memory_not_equal(a, b, sizeof a);
        draw((k + 1) % K, 42, SIDE, b);
        assert_memory_not_equal(a, b, sizeof a);
    }
}

static void test_out_of_range_is_refused(void **state)
{
    (void)state;
    uint8_t rgb[8 * 8 * 3] = {0}, zero[8 * 8 * 3] = {0};
    dnb_err err = {0};
    assert_int_equal(dnb_draw_stimulus(K, 0, 8, rgb, &err), DNB_EARG);
    assert_int_equal(dnb_draw_stimulus(0, 0, 7, rgb, &err), DNB_EARG);
    assert_int_equal(dnb_draw_stimulus(0, 0, 4097, rgb, &err), DNB_EARG);
    assert_memory_equal(rgb, zero, sizeof rgb);
    draw(0, 0, 8, rgb);
    assert_memory_not_equal(rgb, zero, sizeof rgb);
}

static double correlation(const double *a, const double *b, size_t n)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ma += a[i] / (double)n;
        mb += b[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

/* The picture of 4 x SIDE, averaged to SIDE, is the picture of SIDE but for its noise. */
static void test_size_changes_the_pixels_not_the_scene(void **state)
{
    (void)state;
    static uint8_t small[SIDE * SIDE * 3], large[16 * SIDE * SIDE * 3];
    static double a[SIDE * SIDE], b[SIDE * SIDE];
    for (size_t k = 0; k < K; k++) {
        double sum = 0;
        for (uint64_t seed = 0; seed < 8; seed++) {
            draw(k, seed, SIDE, small);
            draw(k, seed, 4 * SIDE, large);
            for (size_t i = 0; i < SIDE * SIDE; i++) {
                a[i] = small[3 * i + 1];
                b[i] = 0;
                for (size_t p = 0; p < 16; p++)
                    b[i] +=
                        large[3 * ((i / SIDE * 4 + p / 4) * 4 * SIDE + i % SIDE * 4 + p % 4) + 1];
            }
            sum += correlation(a, b, SIDE * SIDE);
        }
        assert_true(sum / 8 > 0.8);
    }
}

/* Share of held-out pictures whose category is that of the nearest category mean of `n` features.
 */
static double nearest_mean_accuracy(const double (*feature)[N][4], size_t first, size_t last,
                                    size_t n)
{
    double mean[K][4] = {{0}}, right = 0, total = 0;
    for (size_t k = first; k <= last; k++)
        for (size_t s = 0; s < N / 2; s++)
            for (size_t f = 0; f < n; f++)
                mean[k][f] += feature[k][s][f] / (N / 2);
    for (size_t k = first; k <= last; k++)
        for (size_t s = N / 2; s < N; s++) {
            size_t best = first;
            double least = INFINITY;
            for (size_t c = first; c <= last; c++) {
                double d = 0;
                for (size_t f = 0; f < n; f++)
                    d += (feature[k][s][f] - mean[c][f]) * (feature[k][s][f] - mean[c][f]);
                if (d < least) {
                    least = d;
                    best = c;
                }
            }
            right += best == k;
            total++;
        }
    return right / total;
}

static void test_mean_colour_tells_little_and_orientation_much(void **state)
{
    (void)state;
    static double color[K][N][4], slope[K][N][4];
    static uint8_t p[SIDE * SIDE * 3];
    for (size_t k = 0; k < K; k++)
        for (size_t s = 0; s < N; s++) {
            draw(k, 1000 + s, SIDE, p);
            double dx = 0, dy = 0;
            for (size_t i = 0; i < SIDE * SIDE; i++) {
                for (size_t c = 0; c < 3; c++)
                    color[k][s][c] += p[3 * i + c] / (double)(SIDE * SIDE);
                if (i % SIDE > 1)
                    dx += pow(p[3 * i] - p[3 * i - 6], 2);
                if (i / SIDE > 1)
                    dy += pow(p[3 * i] - p[3 * i - 6 * SIDE], 2);
            }
            slope[k][s][0] = (dx - dy) / (dx + dy);
        }
    assert_true(nearest_mean_accuracy(color, 0, K - 1, 3) < 0.2); /* chance is 0.1 */
    assert_true(nearest_mean_accuracy(slope, 7, 9, 1) > 0.75);    /* chance is 0.33 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_groups),
        cmocka_unit_test(test_same_arguments_same_picture),
        cmocka_unit_test(test_out_of_range_is_refused),
        cmocka_unit_test(test_size_changes_the_pixels_not_the_scene),
        cmocka_unit_test(test_mean_colour_tells_little_and_orientation_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
