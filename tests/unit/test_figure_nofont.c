/* A machine without any font: figures are still written, with letters from cairo's built-in font.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/path.h"
#include "base/outfile.h"
#include "dnnbrain/figure.h"
#include "plot/canvas.h"

static char folder[] = "/tmp/dnb_nofont_XXXXXX";

/* Points fontconfig at an empty folder before anything asks it for a font. */
static int setup(void **state)
{
    (void)state;
    char path[64], text[256];
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/fonts.conf", folder);
    int n = snprintf(text, sizeof text, "<fontconfig><dir>%s</dir></fontconfig>", folder);
    if (dnb_file_write(path, text, (size_t)n, NULL) != DNB_OK)
        return 1;
    return setenv("FONTCONFIG_FILE", path, 1);
}

static int teardown(void **state)
{
    (void)state;
    char path[64];
    const char *const names[] = {"fonts.conf", "a.png", "a.svg", "a.pdf"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static void test_figures_need_no_font(void **state)
{
    (void)state;
    const double v[] = {-1, 2, 3, 4};
    const char *const names[] = {"caf\xc3\xa9", "\xcf\x81 \xe2\x88\x92 1"};
    const char *const suffixes[] = {"png", "svg", "pdf"};
    dnb_figure_matrix m = {.title = "Title",
                           .n_rows = 2,
                           .n_cols = 2,
                           .value = v,
                           .row_names = names,
                           .col_names = names,
                           .bar_label = "r"};
    for (size_t k = 0; k < 3; k++) {
        char path[64];
        dnb_err err = {0};
        snprintf(path, sizeof path, "%s/a.%s", folder, suffixes[k]);
        assert_int_equal(dnb_figure_matrix_write(&m, path, NULL, &err), DNB_OK);
        assert_true(dnb_path_exists(path));
    }
}

/* The built-in font has no U+2212: such signs are replaced rather than drawn as boxes. */
static void test_the_lack_is_noticed(void **state)
{
    (void)state;
    dnb_canvas canvas, *c = &canvas;
    char path[64];
    snprintf(path, sizeof path, "%s/a.svg", folder);
    assert_int_equal(dnb_canvas_init(c, path, NULL, 89, NULL), DNB_OK);
    assert_false(c->has_minus);
    double plain = dnb_text_width(c, "-1", 7, false), sign = dnb_text_width(c,
                                                                            "\xe2\x88\x92"
                                                                            "1",
                                                                            7, false);
    assert_true(plain == sign);
    dnb_canvas_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_need_no_font),
        cmocka_unit_test(test_the_lack_is_noticed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
