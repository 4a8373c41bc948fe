/* dmask: masks from files and by hand, resolved and applied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/dmask.h"
#include "scratch.h"

static scratch dir;

static void read_fails(const char *text, const char *message)
{
    dnb_dmask m = {0};
    dnb_err err;
    assert_int_equal(dnb_dmask_read(&m, scratch_text(&dir, "m.dmask.csv", text), &err),
                     DNB_EFORMAT);
    if (!strstr(err.message, message) || !strstr(err.message, "m.dmask.csv"))
        fail_msg("'%s' lacks '%s'", err.message, message);
    assert_null(m.layers);
}

static void check(const dnb_dmask *m)
{
    const dnb_dmask_layer *l = dnb_dmask_find(m, "conv5");
    assert_non_null(l);
    assert_int_equal(l->n[DNB_AXIS_CHN], 3);
    assert_int_equal(l->index[DNB_AXIS_CHN][0], 64);
    assert_int_equal(l->index[DNB_AXIS_CHN][2], 2);
    assert_int_equal(l->n[DNB_AXIS_COL], 1);
    assert_int_equal(l->index[DNB_AXIS_COL][0], 5);
    assert_null(l->index[DNB_AXIS_ROW]);
    l = dnb_dmask_find(m, "a=b/fc3");
    assert_non_null(l);
    for (int a = 0; a < DNB_AXES; a++)
        assert_null(l->index[a]);
    assert_null(dnb_dmask_find(m, "fc3"));
}

static void test_read_and_write(void **state)
{
    (void)state;
    dnb_dmask m = {0};
    dnb_err err;
    const char *text = "\xef\xbb\xbf"
                       "conv5 = col, chn\r\n5\r\n\r\n64, 1,2\r\na=b/fc3=\r\n";
    assert_int_equal(dnb_dmask_read(&m, scratch_text(&dir, "m.dmask.csv", text), &err), DNB_OK);
    check(&m);
    const char *copy = scratch_path(&dir, "copy.dmask.csv");
    assert_int_equal(dnb_dmask_write(&m, copy, &err), DNB_OK);
    dnb_dmask_release(&m);
    assert_int_equal(dnb_dmask_read(&m, copy, &err), DNB_OK);
    check(&m);
    dnb_dmask_release(&m);
}

static void test_messages(void **state)
{
    (void)state;
    read_fails("", "no layer; write layer=chn");
    read_fails("conv5\n", "m.dmask.csv:1: expected layer=axes");
    read_fails("=chn\n1\n", "m.dmask.csv:1: no layer name");
    read_fails("conv5=chan\n1\n",
               "m.dmask.csv:1: axis 'chan' is unknown; the axes are chn, row, col");
    read_fails("conv5=chn,\n1\n", "axis '' is unknown");
    read_fails("conv5=chn,chn\n1\n2\n", "axis chn is named twice");
    read_fails("conv5=chn\n", "layer conv5: expected a line of chn numbers");
    read_fails("conv5=chn,row\n1,2\nfc=\n",
               "m.dmask.csv:3: layer conv5: expected a line of row numbers");
    read_fails("conv5=chn\n1,2\n3\n", "m.dmask.csv:3: expected layer=axes");
    read_fails("conv5=chn\n1,0\n", "m.dmask.csv:2: layer conv5: '0' is no chn number");
    read_fails("conv5=chn\n1,,2\n", "'' is no chn number");
    read_fails("conv5=chn\n1 2\n", "'1 2' is no chn number");
    read_fails("conv5=chn\n99999999999999999999\n", "is no chn number");
    read_fails("a=\n\na=\n", "m.dmask.csv:3: layer a is there twice");
}

static void test_range(void **state)
{
    (void)state;
    dnb_dmask m = {0};
    dnb_select s = {0};
    dnb_err err;
    size_t chn[] = {1, 300};
    size_t n[DNB_AXES] = {2, 0, 0};
    const size_t *index[DNB_AXES] = {chn, NULL, NULL};
    assert_int_equal(dnb_dmask_add(&m, "conv5", n, index, &err), DNB_OK);
    const dnb_dmask_layer *l = dnb_dmask_find(&m, "conv5");
    assert_int_equal(dnb_select_init(&s, l, (size_t[]){256, 13, 13}, &err), DNB_EARG);
    assert_string_equal(err.message, "layer conv5: channel 300 is out of range 1..256");
    assert_null(s.index[0]);
    assert_int_equal(dnb_select_init(&s, l, (size_t[]){300, SIZE_MAX / 2, 3}, &err), DNB_ENOMEM);
    assert_int_equal(dnb_dmask_add(&m, "conv5", n, index, &err), DNB_EARG);
    chn[1] = 0;
    assert_int_equal(dnb_dmask_add(&m, "conv4", n, index, &err), DNB_EARG);
    assert_string_equal(err.message, "layer conv4: chn numbers count from 1");
    n[0] = 0;
    assert_int_equal(dnb_dmask_add(&m, "conv4", n, index, &err), DNB_EARG);
    assert_int_equal(dnb_dmask_add(&m, "", n, NULL, &err), DNB_EARG);
    assert_int_equal(m.n_layers, 1);
    dnb_dmask_release(&m);
}

/* Every combination of whole and listed axes against the definition. */
static void test_apply(void **state)
{
    (void)state;
    enum { C = 4, H = 3, W = 5 };
    float src[C * H * W], dst[C * H * W];
    size_t lists[DNB_AXES][3] = {{4, 2, 2}, {3, 1, 2}, {5, 1, 4}};
    const size_t shape[DNB_AXES] = {C, H, W};
    for (int i = 0; i < C * H * W; i++)
        src[i] = (float)i;
    for (int mask = 0; mask < 8; mask++) {
        dnb_dmask m = {0};
        dnb_select s = {0};
        dnb_err err;
        size_t n[DNB_AXES];
        const size_t *index[DNB_AXES];
        for (int a = 0; a < DNB_AXES; a++) {
            n[a] = 3;
            index[a] = mask >> a & 1 ? lists[a] : NULL;
        }
        assert_int_equal(dnb_dmask_add(&m, "l", n, index, &err), DNB_OK);
        assert_int_equal(dnb_select_init(&s, &m.layers[0], shape, &err), DNB_OK);
        assert_int_equal(dnb_select_source_count(&s), C * H * W);
        assert_int_equal(dnb_select_is_all(&s), mask == 0);
        dnb_select_apply(&s, src, dst);
        size_t u = 0;
        for (size_t c = 0; c < s.n[0]; c++)
            for (size_t r = 0; r < s.n[1]; r++)
                for (size_t w = 0; w < s.n[2]; w++, u++) {
                    size_t at[3] = {mask & 1 ? lists[0][c] - 1 : c, mask & 2 ? lists[1][r] - 1 : r,
                                    mask & 4 ? lists[2][w] - 1 : w};
                    size_t place[3];
                    assert_true(dst[u] == (float)((at[0] * H + at[1]) * W + at[2]));
                    dnb_select_locate(&s, u, place);
                    for (int a = 0; a < 3; a++)
                        assert_int_equal(place[a], at[a] + 1);
                }
        assert_int_equal(u, dnb_select_count(&s));
        dnb_select_release(&s);
        dnb_dmask_release(&m);
    }
    dnb_select all = {0};
    assert_int_equal(dnb_select_init(&all, NULL, shape, NULL), DNB_OK);
    assert_true(dnb_select_is_all(&all));
    dnb_select_release(&all);
    /* a list that names everything in order is everything, too */
    dnb_dmask m = {0};
    size_t rows[] = {1, 2, 3};
    const size_t *index[DNB_AXES] = {NULL, rows, NULL};
    assert_int_equal(dnb_dmask_add(&m, "l", (size_t[]){0, 3, 0}, index, NULL), DNB_OK);
    assert_int_equal(dnb_select_init(&all, &m.layers[0], shape, NULL), DNB_OK);
    assert_true(dnb_select_is_all(&all));
    dnb_select_release(&all);
    dnb_dmask_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_apply),
    };
    scratch_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
