/* Figures as files: stable bytes, provenance, refusals, failing allocations. */
#include "figure_specimen.h"

/* ---- files
 * ------------------------------------------------------------------------------------------ */

static const char *const suffixes[] = {"png", "jpg", "svg", "pdf", "JPEG"};
#define N_SUFFIXES (sizeof suffixes / sizeof suffixes[0])

static dnb_status write_sample(const char *path, const dnb_figure_options *o, dnb_err *err)
{
    static double pairs[PAIRS];
    static const size_t category[N] = {0, 1, 0, 1, 0, 1};
    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = (double)i;
    dnb_figure_rdm_panel panels[] = {{"first", pairs}, {"second", pairs}};
    dnb_figure_rdm s = {.title = "Title",
                        .panels = panels,
                        .n_panels = 2,
                        .n = N,
                        .category = category,
                        .category_names = two_names,
                        .n_categories = 2};
    return dnb_figure_rdm_write(&s, path, o, err);
}

static void test_same_input_same_bytes(void **state)
{
    (void)state;
    const dnb_figure_options o = {.provenance = "{}", .dpi = 100};
    for (size_t k = 0; k < N_SUFFIXES; k++) {
        unsigned char *a = NULL, *b = NULL;
        size_t na, nb;
        char name[16];
        snprintf(name, sizeof name, "x.%s", suffixes[k]);
        assert_int_equal(write_sample(name_at(0, name), &o, NULL), DNB_OK);
        read_all(path_buf[0], &a, &na);
        sleep(k == 3); /* a date would show */
        assert_int_equal(write_sample(name_at(0, name), &o, NULL), DNB_OK);
        read_all(path_buf[0], &b, &nb);
        assert_int_equal(na, nb);
        assert_memory_equal(a, b, na);
        dnb_free(a);
        dnb_free(b);
    }
}

static void test_provenance_is_in_the_file(void **state)
{
    (void)state;
    const dnb_figure_options o = {.provenance = "{\"k\": \"a--b<c>&d\"}", .dpi = 100};
    const char *const magic[] = {"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "<?xml", "%PDF-",
                                 "\xff\xd8\xff"};
    const char *const want[] = {"iTXtprovenance", "{\"k\": \"a--b<c>&d\"}",
                                "<metadata>{\"k\": \"a--b&lt;c&gt;&amp;d\"}</metadata>", "/Subject",
                                "{\"k\": \"a--b<c>&d\"}"};
    for (size_t k = 0; k < N_SUFFIXES; k++) {
        unsigned char *data = NULL;
        size_t size;
        char name[16];
        snprintf(name, sizeof name, "x.%s", suffixes[k]);
        assert_int_equal(write_sample(name_at(0, name), &o, NULL), DNB_OK);
        read_all(path_buf[0], &data, &size);
        assert_memory_equal(data, magic[k], strlen(magic[k]));
        assert_true(contains(data, size, want[k]));
        assert_false(contains(data, size, "CreationDate"));
        dnb_free(data);
        assert_int_equal(write_sample(path_buf[0], NULL, NULL), DNB_OK);
        read_all(path_buf[0], &data, &size);
        assert_false(contains(data, size, want[k]));
        dnb_free(data);
    }
}

static void refused(dnb_status got, dnb_status want, const dnb_err *err, const char *word)
{
    assert_int_equal(got, want);
    assert_int_equal(err->status, want);
    assert_non_null(strstr(err->message, word));
}

static void test_bad_requests_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    double pairs[PAIRS] = {0};
    const size_t bad_category[N] = {0, 1, 2, 0, 0, 0};
    dnb_figure_rdm_panel panel = {"a", pairs};
    dnb_figure_rdm s = rdm_of(&panel);
    dnb_err e = {0};
    n_files(true);
    assert_true(dnb_figure_can_write("a/b.PDF"));
    assert_false(dnb_figure_can_write("a/b.gif"));
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.gif"), NULL, &e), DNB_EARG, &e, ".svg");
    refused(dnb_figure_rdm_write(&s, name_at(0, "none/a.png"), NULL, &e), DNB_EIO, &e, "folder");
    dnb_figure_options o = {.dpi = 5000};
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), &o, &e), DNB_EARG, &e, "dpi");
    o = (dnb_figure_options){.width_mm = 1000, .dpi = 1200};
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), &o, &e), DNB_EARG, &e, "pixels");
    o = (dnb_figure_options){.width_mm = NAN};
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), &o, &e), DNB_EARG, &e, "width_mm");
    s.colormap = "rainbow";
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), NULL, &e), DNB_ENOTFOUND, &e, "viridis");
    s = rdm_of(&panel);
    s.category = bad_category;
    s.category_names = two_names;
    s.n_categories = 2;
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "stimulus 3");
    s = rdm_of(&panel);
    s.n = 1;
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "stimuli");
    s = (dnb_figure_rdm){0};
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "panels");
    dnb_figure_layers l = {.layer_names = layer_names, .n_layers = 5};
    refused(dnb_figure_layers_write(&l, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "ROIs");
    dnb_figure_matrix m = {.n_rows = 3, .n_cols = 4};
    refused(dnb_figure_matrix_write(&m, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "3 x 4");
    dnb_figure_cell cell = {.rows = 0, .cols = 4, .rgb = (const uint8_t *)""};
    dnb_figure_grid g = {.n_rows = 1, .n_cols = 1, .cells = &cell};
    refused(dnb_figure_grid_write(&g, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "row 1");
    g.first = 1;
    refused(dnb_figure_grid_write(&g, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "column 2");
    dnb_figure_chart c = {0};
    refused(dnb_figure_chart_write(&c, name_at(0, "a.png"), NULL, &e), DNB_EARG, &e, "axes");
    assert_int_equal(n_files(false), 0);
}

static void test_narrow_pages_are_refused_not_scrambled(void **state)
{
    (void)state;
    double pairs[PAIRS] = {0};
    dnb_figure_rdm_panel panels[30];
    for (size_t k = 0; k < 30; k++)
        panels[k] = (dnb_figure_rdm_panel){"a", pairs};
    dnb_err e = {0};
    dnb_figure_rdm s = {.panels = panels, .n_panels = 30, .n = N, .columns = 30};
    const dnb_figure_options o = {.width_mm = 40};
    refused(dnb_figure_rdm_write(&s, name_at(0, "a.png"), &o, &e), DNB_EARG, &e, "columns");
    s.columns = 2;
    assert_int_equal(dnb_figure_rdm_write(&s, name_at(0, "a.png"), &o, &e), DNB_OK);
}

/* Fails each allocation in turn in a child process; true once a write goes through. */
static bool survives_fault(long n, const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        char number[24];
        dnb_err e = {0};
        snprintf(number, sizeof number, "%ld", n);
        setenv("DNNBRAIN_FAULT_ALLOC", number, 1);
        dnb_status s = write_sample(path, &(dnb_figure_options){.provenance = "{}", .dpi = 50}, &e);
        _exit(s == DNB_OK ? 0 : s == DNB_ENOMEM && strstr(e.message, "memory") ? 1 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 0, 1);
    return WEXITSTATUS(status) == 0;
}

static void test_every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_SUFFIXES; k++) {
        char name[16];
        snprintf(name, sizeof name, "f.%s", suffixes[k]);
        n_files(true);
        long n = 1;
        for (; n < 300 && !survives_fault(n, name_at(0, name)); n++)
            assert_int_equal(n_files(false), 0);
        assert_in_range(n, 1, 299);
        assert_int_equal(n_files(false), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_input_same_bytes),
        cmocka_unit_test(test_provenance_is_in_the_file),
        cmocka_unit_test(test_bad_requests_are_refused_and_leave_nothing),
        cmocka_unit_test(test_narrow_pages_are_refused_not_scrambled),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
