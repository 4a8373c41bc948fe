/* table: columns, reading of .tsv/.csv as people write them, exact round trips. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "data/numtext.h"
#include "dnnbrain/table.h"
#include "scratch.h"

static scratch dir;

static void read_ok(dnb_table *t, const char *name, const char *text)
{
    dnb_err err;
    if (dnb_table_read(t, scratch_text(&dir, name, text), NULL, &err) != DNB_OK)
        fail_msg("%s", err.message);
}

static void read_fails(const char *name, const char *text, const char *message)
{
    dnb_table t = {0};
    dnb_err err;
    assert_int_equal(dnb_table_read(&t, scratch_text(&dir, name, text), NULL, &err), DNB_EFORMAT);
    if (!strstr(err.message, message) || !strstr(err.message, name))
        fail_msg("'%s' lacks '%s'", err.message, message);
    assert_null(t.columns);
}

static void test_kinds(void **state)
{
    (void)state;
    dnb_table t = {0};
    read_ok(&t, "a.tsv",
            "\xef\xbb\xbf# a comment\r\n# provenance: {\"seed\": "
            "1}\r\nid\trt\tn\tname\r\n\r\n1\t0.5\tn/a\ta b\r\n"
            "-2\t1e3\t\t\r\n");
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(t.n_columns, 4);
    assert_string_equal(t.provenance, "{\"seed\": 1}");
    assert_int_equal(dnb_table_find(&t, "id")->kind, DNB_COLUMN_INT);
    assert_int_equal(dnb_table_find(&t, "id")->ints[1], -2);
    assert_int_equal(dnb_table_find(&t, "rt")->kind, DNB_COLUMN_REAL);
    assert_true(dnb_table_find(&t, "rt")->reals[1] == 1000);
    assert_int_equal(dnb_table_find(&t, "n")->kind, DNB_COLUMN_REAL);
    assert_true(isnan(dnb_table_find(&t, "n")->reals[0]) &&
                isnan(dnb_table_find(&t, "n")->reals[1]));
    assert_string_equal(dnb_table_find(&t, "name")->texts[0], "a b");
    assert_string_equal(dnb_table_find(&t, "name")->texts[1], "");
    assert_null(dnb_table_find(&t, "ID"));
    dnb_table_release(&t);
}

static void test_quotes_and_separators(void **state)
{
    (void)state;
    dnb_table t = {0};
    read_ok(&t, "a.csv", "a,b\n\"x, \"\"y\"\"\" ,1\n \"\",2\nplain \"q\",3\n");
    const dnb_column *c = dnb_table_find(&t, "a");
    assert_string_equal(c->texts[0], "x, \"y\"");
    assert_string_equal(c->texts[1], "");
    assert_string_equal(c->texts[2], "plain \"q\"");
    assert_int_equal(dnb_table_find(&t, "b")->ints[2], 3);
    dnb_table_release(&t);
    read_ok(&t, "a.txt", "targets chunks\nrest 0\n  face   11 \n");
    assert_string_equal(dnb_table_find(&t, "targets")->texts[1], "face");
    assert_int_equal(dnb_table_find(&t, "chunks")->ints[1], 11);
    dnb_table_release(&t);
    dnb_err err;
    dnb_table_options options = {.separator = ';', .no_header = true};
    assert_int_equal(dnb_table_read(&t, scratch_text(&dir, "b.csv", "1;x\n2;y"), &options, &err),
                     DNB_OK);
    assert_int_equal(dnb_table_find(&t, "1")->ints[1], 2);
    assert_string_equal(dnb_table_find(&t, "2")->texts[0], "x");
    dnb_table_release(&t);
}

static void test_bad_files(void **state)
{
    (void)state;
    read_fails("e.csv", "", "no header line");
    read_fails("e.csv", "# only\n\n", "no header line");
    read_fails("e.csv", "a,b\n1,2\n3\n", "e.csv:3: 1 fields, expected 2");
    read_fails("e.csv", "a,b\n1,2,3\n", "e.csv:2: 3 fields, expected 2");
    read_fails("e.csv", "a,b\n\"x,2\n", "e.csv:2: field 1: a quote");
    read_fails("e.csv", "a,b\n\"x\"y,2\n", "a quote");
    read_fails("e.csv", "a,b\n\"x\"\",2\n", "a quote");
    read_fails("e.csv", "a,a\n1,2\n", "'a' is there twice");
    read_fails("e.csv", "a,\n1,2\n", "header, field 2: a column needs a name");
    dnb_table t = {0};
    dnb_err err;
    assert_int_equal(dnb_table_read(&t, scratch_path(&dir, "none.csv"), NULL, &err), DNB_EIO);
    assert_int_equal(dnb_table_read(&t, dir.dir, NULL, &err), DNB_EIO);
    FILE *f = fopen(scratch_path(&dir, "nul.csv"), "wb");
    fwrite("a\0b\n", 1, 4, f);
    fclose(f);
    assert_int_equal(dnb_table_read(&t, scratch_path(&dir, "nul.csv"), NULL, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "a binary file"));
    f = fopen(scratch_path(&dir, "u16.csv"), "wb");
    fwrite("\xff\xfe"
           "a\0",
           1, 4, f);
    fclose(f);
    assert_int_equal(dnb_table_read(&t, scratch_path(&dir, "u16.csv"), NULL, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "UTF-8"));
}

/* Every double reads back bit for bit, texts and whole numbers exactly, in both formats. */
static void test_round_trip(void **state)
{
    (void)state;
    const double reals[5] = {0.1, -1.0 / 3, DBL_MAX, 5e-324, INFINITY};
    const int64_t ints[5] = {0, -1, INT64_MAX, INT64_MIN, 7};
    const char *texts[5] = {"a", "with, comma", "with \"quotes\"", "", "#hash"};
    for (int csv = 0; csv < 2; csv++) {
        dnb_table t = {0}, back = {0};
        dnb_err err;
        dnb_table_init(&t, 5);
        assert_int_equal(dnb_table_add_real(&t, "real", reals, &err), DNB_OK);
        assert_int_equal(dnb_table_add_int(&t, "int", ints, &err), DNB_OK);
        assert_int_equal(dnb_table_add_text(&t, "text", texts, &err), DNB_OK);
        const char *path = scratch_path(&dir, csv ? "r.csv" : "r.tsv");
        dnb_save_options options = {.provenance = "{\"k\":[1,2]}"};
        assert_int_equal(dnb_table_write(&t, path, &options, &err), DNB_OK);
        assert_int_equal(dnb_table_read(&back, path, NULL, &err), DNB_OK);
        assert_string_equal(back.provenance, "{\"k\":[1,2]}");
        assert_int_equal(back.n_rows, 5);
        assert_memory_equal(back.columns[0].reals, reals, sizeof reals);
        assert_memory_equal(back.columns[1].ints, ints, sizeof ints);
        for (int i = 0; i < 5; i++)
            assert_string_equal(back.columns[2].texts[i], texts[i]);
        dnb_table_release(&back);
        dnb_table_release(&t);
    }
}

static void write_fails(const char *name, const char *value, const char *path)
{
    dnb_table t = {0};
    dnb_err err;
    dnb_table_init(&t, 1);
    assert_int_equal(dnb_table_add_text(&t, name, &value, &err), DNB_OK);
    assert_int_equal(dnb_table_write(&t, scratch_path(&dir, path), NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, path));
    assert_int_not_equal(access(scratch_path(&dir, path), F_OK), 0);
    dnb_table_release(&t);
}

static void test_unwritable(void **state)
{
    (void)state;
    write_fails("a", "x\ny", "w.csv");
    write_fails("a", "x\ty", "w.tsv");
    write_fails("a", "#x", "w.tsv");
    write_fails("a", "", "w.tsv");
    write_fails("a\tb", "", "w.csv");
    write_fails("a\nb", "", "w.csv");
    dnb_table t = {0};
    dnb_err err;
    dnb_table_init(&t, 1);
    assert_int_equal(dnb_table_write(&t, scratch_path(&dir, "w.csv"), NULL, &err), DNB_EARG);
}

static void test_numbers_and_take(void **state)
{
    (void)state;
    dnb_table t = {0}, part = {0};
    dnb_err err;
    double v[3];
    read_ok(&t, "n.csv", "label,rt,name\n1,0.5,a\n2,1.5,b\n3,2.5,c\n");
    assert_int_equal(dnb_table_numbers(&t, "label", v, "n.csv", &err), DNB_OK);
    assert_true(v[2] == 3);
    assert_int_equal(dnb_table_numbers(&t, "name", v, "n.csv", &err), DNB_EARG);
    assert_int_equal(dnb_table_numbers(&t, "labels", v, "n.csv", &err), DNB_ENOTFOUND);
    assert_string_equal(err.message, "n.csv: no column 'labels'; there is 'label', 'name', 'rt'");
    assert_int_equal(dnb_table_take(&part, &t, (size_t[]){2, 0, 2, 1}, 4, &err), DNB_OK);
    assert_int_equal(part.columns[0].ints[0], 3);
    assert_true(part.columns[1].reals[1] == 0.5);
    assert_string_equal(part.columns[2].texts[2], "c");
    dnb_table_release(&part);
    assert_int_equal(dnb_table_take(&part, &t, (size_t[]){3}, 1, &err), DNB_EARG);
    assert_int_equal(dnb_table_add_real(&t, "rt", v, &err), DNB_EARG);
    assert_int_equal(dnb_table_add_real(&t, "", v, &err), DNB_EARG);
    dnb_table_release(&t);
}

static void test_number_texts(void **state)
{
    (void)state;
    int64_t i;
    double r;
    const char *bad_ints[] = {"",    "-",  "+", "1.0", " 1", "1 ", "0x1", "9223372036854775808",
                              "1e3", "one"};
    for (size_t k = 0; k < sizeof bad_ints / sizeof bad_ints[0]; k++)
        assert_false(dnb_text_to_int(bad_ints[k], &i));
    assert_true(dnb_text_to_int("-9223372036854775808", &i) && i == INT64_MIN);
    assert_true(dnb_text_to_int("+7", &i) && i == 7);
    const char *bad_reals[] = {"",    "-",  ".",  "e5", "0x1p3", "nan(1)",
                               "1,5", " 1", "1 ", "1e", "--1",   "infinite"};
    for (size_t k = 0; k < sizeof bad_reals / sizeof bad_reals[0]; k++)
        if (dnb_text_to_real(bad_reals[k], &r))
            fail_msg("'%s' passed for a number", bad_reals[k]);
    assert_true(dnb_text_to_real("-Inf", &r) && r == -INFINITY);
    assert_true(dnb_text_to_real("NaN", &r) && isnan(r));
    assert_true(dnb_text_to_real(".5e-1", &r) && r == 0.05);
    char buf[DNB_REAL_TEXT];
    assert_string_equal(dnb_real_to_text(0.1, buf), "0.1");
    assert_string_equal(dnb_real_to_text(100, buf), "100");
    assert_string_equal(dnb_real_to_text(NAN, buf), "nan");
    assert_string_equal(dnb_real_to_text(-INFINITY, buf), "-inf");
}

/* A program that runs in German must still read and write points. Skips where no such locale is
 * installed. */
static void test_locale(void **state)
{
    (void)state;
    const char *names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    bool set = false;
    for (size_t i = 0; i < 4 && !set; i++)
        set = setlocale(LC_ALL, names[i]) != NULL;
    if (!set)
        skip();
    dnb_table t = {0};
    read_ok(&t, "l.csv", "a,b\n0.5,1\n");
    assert_true(t.columns[0].kind == DNB_COLUMN_REAL && t.columns[0].reals[0] == 0.5);
    dnb_err err;
    assert_int_equal(dnb_table_write(&t, scratch_path(&dir, "l2.csv"), NULL, &err), DNB_OK);
    dnb_table_release(&t);
    setlocale(LC_ALL, "C");
    assert_int_equal(dnb_table_read(&t, scratch_path(&dir, "l2.csv"), NULL, &err), DNB_OK);
    assert_true(t.columns[0].reals[0] == 0.5);
    dnb_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),        cmocka_unit_test(test_quotes_and_separators),
        cmocka_unit_test(test_bad_files),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_unwritable),   cmocka_unit_test(test_numbers_and_take),
        cmocka_unit_test(test_number_texts), cmocka_unit_test(test_locale),
    };
    scratch_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
