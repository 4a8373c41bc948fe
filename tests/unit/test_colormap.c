/* Colour maps: published values, even lightness, names, missing values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/colormap.h"

static dnb_colormap get(const char *name)
{
    dnb_colormap m;
    dnb_err err = {0};
    assert_int_equal(dnb_colormap_init(&m, name, &err), DNB_OK);
    return m;
}

static void assert_near_color(const uint8_t rgb[3], int r, int g, int b, int tolerance)
{
    const int want[3] = {r, g, b};
    for (int k = 0; k < 3; k++)
        assert_in_range(rgb[k] + 255 - want[k], 255 - tolerance, 255 + tolerance);
}

/* CIELAB lightness of an sRGB colour, written out here a second time. */
static double lightness(const uint8_t rgb[3])
{
    const double w[3] = {0.2126, 0.7152, 0.0722};
    double y = 0;
    for (int k = 0; k < 3; k++) {
        double v = rgb[k] / 255.0;
        y += w[k] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return y > 0.008856 ? 116 * cbrt(y) - 16 : 903.3 * y;
}

static void test_coolwarm_has_moreland_values(void **state)
{
    (void)state;
    dnb_colormap m = get("coolwarm");
    /* Moreland's 33-entry table: entries 1, 9, 17, 25, 33 */
    assert_near_color(m.rgb[0], 59, 76, 192, 1);
    assert_near_color(m.rgb[64], 141, 176, 254, 2);
    assert_near_color(m.rgb[128], 221, 221, 221, 2);
    assert_near_color(m.rgb[191], 244, 154, 123, 2);
    assert_near_color(m.rgb[255], 180, 4, 38, 1);
}

static void test_sequential_maps_rise_evenly_in_lightness(void **state)
{
    (void)state;
    const char *const names[] = {"viridis", "magma", "cividis"};
    for (size_t k = 0; k < 3; k++) {
        dnb_colormap m = get(names[k]);
        double first = lightness(m.rgb[0]), last = lightness(m.rgb[255]);
        assert_true(last - first > 65);
        for (int i = 0; i < 256; i++) {
            double want = first + (last - first) * i / 255;
            assert_true(fabs(lightness(m.rgb[i]) - want) < 1.5);
        }
    }
}

static void test_neighbours_are_close(void **state)
{
    (void)state;
    for (size_t k = 0; k < dnb_colormap_count(); k++) {
        dnb_colormap m = get(dnb_colormap_name(k));
        for (int i = 1; i < 256; i++)
            for (int c = 0; c < 3; c++)
                assert_in_range(255 + m.rgb[i][c] - m.rgb[i - 1][c], 255 - 8, 255 + 8);
    }
    assert_null(dnb_colormap_name(dnb_colormap_count()));
}

static void test_grey_is_linear_and_names_forgive(void **state)
{
    (void)state;
    dnb_colormap grey = get("grey"), gray = get("GRAY"), back = get("grey_r");
    assert_memory_equal(&grey, &gray, sizeof grey);
    for (int i = 0; i < 256; i++) {
        assert_near_color(grey.rgb[i], i, i, i, 0);
        assert_near_color(back.rgb[i], 255 - i, 255 - i, 255 - i, 0);
    }
}

static void test_unknown_name_lists_the_known(void **state)
{
    (void)state;
    dnb_colormap m, before;
    dnb_err err = {0};
    memset(&m, 7, sizeof m);
    before = m;
    const char *const bad[] = {"virids", "", "_r", "viridis_r_r"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(dnb_colormap_init(&m, bad[i], &err), DNB_ENOTFOUND);
        for (size_t k = 0; k < dnb_colormap_count(); k++)
            assert_non_null(strstr(err.message, dnb_colormap_name(k)));
    }
    assert_memory_equal(&m, &before, sizeof m);
}

static void test_values_find_their_colours(void **state)
{
    (void)state;
    dnb_colormap m = get("viridis");
    const float v[] = {-1, 0, 5, 10, 11, NAN, INFINITY, -INFINITY};
    const int want[] = {0, 0, 128, 255, 255, -1, 255, 0};
    uint8_t rgb[8][3];
    dnb_colormap_apply(&m, v, 8, 0, 10, rgb[0]);
    for (int i = 0; i < 8; i++) {
        if (want[i] < 0)
            assert_near_color(rgb[i], 208, 208, 208, 0);
        else
            assert_memory_equal(rgb[i], m.rgb[want[i]], 3);
    }
    uint8_t one[3];
    dnb_colormap_at(&m, 3, 3, 3, one); /* no range: the middle */
    assert_memory_equal(one, m.rgb[128], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coolwarm_has_moreland_values),
        cmocka_unit_test(test_sequential_maps_rise_evenly_in_lightness),
        cmocka_unit_test(test_neighbours_are_close),
        cmocka_unit_test(test_grey_is_linear_and_names_forgive),
        cmocka_unit_test(test_unknown_name_lists_the_known),
        cmocka_unit_test(test_values_find_their_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
