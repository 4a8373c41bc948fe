/* Ticks, numbers and the placing of labels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/random.h"
#include "plot/axes.h"

static void test_ticks_are_round_and_inside(void **state)
{
    (void)state;
    dnb_scale s;
    dnb_scale_init(&s, 0, 1, 6, false);
    assert_int_equal(s.n_ticks, 6); /* 0 0.2 ... 1 */
    assert_int_equal(s.decimals, 1);
    assert_true(fabs(s.tick[1] - 0.2) < 1e-12);
    dnb_scale_init(&s, -0.07, 0.51, 5, true);
    assert_true(fabs(s.lo + 0.1) < 1e-12 && fabs(s.hi - 0.6) < 1e-12);
    dnb_scale_init(&s, 3, 1003, 4, false);
    assert_int_equal(s.decimals, 0);
}

static void test_ticks_hold_for_any_range(void **state)
{
    (void)state;
    dnb_random r;
    dnb_random_init(&r, 8, 0);
    for (int i = 0; i < 20000; i++) {
        double lo = dnb_random_normal(&r) * pow(10, 20 * dnb_random_uniform(&r) - 10);
        double range = pow(10, 20 * dnb_random_uniform(&r) - 10);
        if (range < fabs(lo) * 1e-8)
            continue;
        int most = 2 + (int)dnb_random_below(&r, 8);
        dnb_scale s;
        dnb_scale_init(&s, lo, lo + range, most, i % 2);
        assert_true(s.lo <= lo + 1e-6 * range && s.hi >= lo + range - 1e-6 * range);
        assert_in_range(s.n_ticks, 2, most > 4 ? most : 5);
        for (int k = 0; k < s.n_ticks; k++) {
            assert_true(s.tick[k] >= s.lo - 1e-5 * range && s.tick[k] <= s.hi + 1e-5 * range);
            if (k > 1) /* evenly spaced */
                assert_true(fabs(s.tick[k] - 2 * s.tick[k - 1] + s.tick[k - 2]) < 1e-6 * range);
        }
        /* the data fill half of the axis or more */
        assert_true(most < 3 || s.hi - s.lo < 2.01 * range);
    }
}

static void test_numbers_read_well(void **state)
{
    (void)state;
    char b[32];
    assert_string_equal(dnb_number(b, sizeof b, 0.25, 2), "0.25");
    assert_string_equal(dnb_number(b, sizeof b, -0.25, 1), "\xe2\x88\x92"
                                                           "0.2");
    assert_string_equal(dnb_number(b, sizeof b, -0.001, 2), "0.00"); /* no minus zero */
    assert_string_equal(dnb_number(b, sizeof b, -2e-7, -1), "\xe2\x88\x92"
                                                            "2e\xe2\x88\x92"
                                                            "7");
    assert_string_equal(dnb_number(b, sizeof b, 1.5e6, -1), "1.5e6");
    assert_string_equal(dnb_number(b, sizeof b, 1e100, -1), "1e100");
}

static void test_limits(void **state)
{
    (void)state;
    dnb_limits l = dnb_limits_none();
    dnb_limits_add(&l, NAN);
    dnb_limits_add(&l, INFINITY);
    dnb_limits_settle(&l);
    assert_true(l.lo == 0 && l.hi == 1);
    l = dnb_limits_none();
    dnb_limits_add(&l, 4);
    dnb_limits_settle(&l);
    assert_true(l.lo == 2 && l.hi == 6);
    l = (dnb_limits){-1, 3};
    dnb_limits_make_symmetric(&l);
    assert_true(l.lo == -3 && l.hi == 3);
    const double extremes[] = {0, 1e-320, -1e-300, 1e300, -1.7e308};
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        dnb_scale s;
        l = dnb_limits_none();
        dnb_limits_add(&l, extremes[i]);
        dnb_limits_settle(&l);
        assert_true(l.lo < l.hi);
        dnb_scale_init(&s, l.lo, l.hi, 5, true);
        assert_true(s.n_ticks >= 1 && isfinite(s.lo) && isfinite(s.hi));
    }
}

static void test_labels_spread_no_more_than_needed(void **state)
{
    (void)state;
    double free[] = {10, 30, 50}, crowd[] = {20, 21, 22, 80}, edge[] = {1, 99}, many[] = {1, 2, 3};
    assert_true(dnb_spread(free, 3, 10, 0, 100));
    assert_true(free[0] == 10 && free[1] == 30 && free[2] == 50);
    assert_true(dnb_spread(crowd, 4, 10, 0, 100));
    assert_true(fabs(crowd[0] - 11) < 1e-9 && fabs(crowd[1] - 21) < 1e-9);
    assert_true(fabs(crowd[2] - 31) < 1e-9 && crowd[3] == 80);
    assert_true(dnb_spread(edge, 2, 10, 0, 100));
    assert_true(edge[0] == 5 && edge[1] == 95);
    assert_false(dnb_spread(many, 3, 40, 0, 100));
    assert_true(many[0] == 1 && many[2] == 3);
}

static void test_text_is_cleaned(void **state)
{
    (void)state;
    char out[64];
    dnb_clean_text(out, sizeof out, "caf\xc3\xa9 \xff\xe2\x82 a\nb");
    assert_string_equal(out, "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd a b");
    dnb_clean_text(out, sizeof out,
                   "\xed\xa0\x80\xc0\xaf\xf8\xf4\x90\x80\x80"); /* surrogate, overlong */
    for (const char *p = out; *p; p += 3)
        assert_memory_equal(p, "\xef\xbf\xbd", 3);
    dnb_clean_text(out, 5, "ab\xc3\xa9\xc3\xa9"); /* cut between characters */
    assert_string_equal(out, "ab\xc3\xa9");
    dnb_clean_text(out, 4, "ab\xc3\xa9");
    assert_string_equal(out, "ab");
}

static void test_long_text_keeps_both_ends(void **state)
{
    (void)state;
    dnb_canvas canvas, *c = &canvas;
    dnb_err err = {0};
    char buf[512];
    assert_int_equal(dnb_canvas_init(c, "x.svg", NULL, 89, &err), DNB_OK);
    assert_string_equal(dnb_text_fit(c, "short", 7, false, 200, buf, sizeof buf), "short");
    if (c->has_font && c->has_minus) {
        const char *long_name = "layer4_b\xc3\xb6ttleneck_convolution_weight_31";
        double full = dnb_text_width(c, long_name, 7, false);
        for (double w = full; w > 12; w -= 3) {
            dnb_text_fit(c, long_name, 7, false, w, buf, sizeof buf);
            assert_true(dnb_text_width(c, buf, 7, false) <= w);
        }
        dnb_text_fit(c, long_name, 7, false, full / 2, buf, sizeof buf);
        assert_non_null(strstr(buf, "\xe2\x80\xa6"));
        assert_int_equal(buf[0], 'l');
        assert_int_equal(buf[strlen(buf) - 1], '1');
    }
    assert_true(dnb_text_width(c, dnb_text_fit(c, NULL, 7, false, 5, buf, sizeof buf), 7, false) ==
                0);
    dnb_canvas_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_are_round_and_inside),
        cmocka_unit_test(test_ticks_hold_for_any_range),
        cmocka_unit_test(test_numbers_read_well),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_labels_spread_no_more_than_needed),
        cmocka_unit_test(test_text_is_cleaned),
        cmocka_unit_test(test_long_text_keeps_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
