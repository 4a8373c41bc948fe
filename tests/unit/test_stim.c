/* stim: .stim.csv as written by hand, by the reference and by us; messages that lead to the mend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "dnnbrain/stim.h"
#include "scratch.h"

static scratch dir;

#define GOOD                                                                                       \
    "type=image\npath=pics\ntitle=a = b\n\ndata=stimID,label,condition,RT\n"                       \
    "1.png,3,cat,0.25\n2.png,-1,,nan\n\n"

static void read_fails(const char *text, const char *message)
{
    dnb_stim s = {0};
    dnb_err err;
    assert_int_equal(dnb_stim_read(&s, scratch_text(&dir, "s.stim.csv", text), &err), DNB_EFORMAT);
    if (!strstr(err.message, message) || !strstr(err.message, "s.stim.csv"))
        fail_msg("'%s' lacks '%s'", err.message, message);
    assert_null(s.path);
}

static void read_ok(dnb_stim *s, const char *text)
{
    dnb_err err;
    if (dnb_stim_read(s, scratch_text(&dir, "s.stim.csv", text), &err) != DNB_OK)
        fail_msg("%s", err.message);
}

static void check_good(const dnb_stim *s)
{
    double rt[2];
    dnb_err err;
    assert_int_equal(s->type, DNB_STIM_IMAGE);
    assert_string_equal(s->path, "pics");
    assert_int_equal(dnb_stim_count(s), 2);
    assert_string_equal(dnb_stim_id(s, 1), "2.png");
    assert_int_equal(dnb_stim_labels(s)[1], -1);
    assert_string_equal(dnb_stim_conditions(s)[0], "cat");
    assert_string_equal(dnb_stim_conditions(s)[1], "");
    assert_int_equal(dnb_stim_numbers(s, "RT", rt, &err), DNB_OK);
    assert_true(rt[0] == 0.25 && rt[1] != rt[1]);
    assert_string_equal(dnb_stim_get_meta(s, "title"), "a = b");
    assert_null(dnb_stim_get_meta(s, "other"));
}

static void test_read(void **state)
{
    (void)state;
    dnb_stim s = {0};
    read_ok(&s, GOOD);
    check_good(&s);
    dnb_err err;
    double v[2];
    assert_int_equal(dnb_stim_numbers(&s, "rt", v, &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "s.stim.csv: no column 'rt'; nearest are 'RT'"));
    assert_int_equal(dnb_stim_numbers(&s, "condition", v, &err), DNB_EARG);
    dnb_stim_release(&s);
    /* the same with a byte order mark, CRLF, blanks and no last line end */
    read_ok(&s, "\xef\xbb\xbftype = image ,,\r\n path=pics,,\r\ntitle=a = b\r\n\r\n"
                "data= stimID , label,condition,RT\r\n1.png , 3,cat,0.25\r\n\t\r\n2.png,-1,, nan");
    check_good(&s);
    dnb_stim_release(&s);
    read_ok(&s, "path=x\ntype=image\ndata=stimID\n1.png\r2.png\r");
    assert_int_equal(dnb_stim_count(&s), 2);
    assert_null(dnb_stim_labels(&s));
    dnb_stim_release(&s);
}

static void test_messages(void **state)
{
    (void)state;
    read_fails("", "no type= line; add type=image");
    read_fails("path=x\ndata=stimID\n1\n", "no type= line");
    read_fails("type=image\ndata=stimID\n1\n", "no path= line; add path=FOLDER");
    read_fails("type=image\npath=x\n", "no data= line; add data=stimID");
    read_fails("type=image\npath=x\n1.png\n", "s.stim.csv:3: expected key=value");
    read_fails("type=photo\npath=x\ndata=stimID\n1\n",
               "type=photo is unknown; the types are image");
    read_fails("type=image\ntype=image\n", "s.stim.csv:2: type= is there twice");
    read_fails("a=1\nb=2\na=1\n", "s.stim.csv:3: a= is there twice");
    read_fails("=x\n", "s.stim.csv:1: nothing before '='");
    read_fails("type=image\npath=x\ndata=label\n1\n", "s.stim.csv:3: data= has no column stimID");
    read_fails("type=image\npath=x\ndata=stimID,\n1,2\n", "empty column name (column 2)");
    read_fails("type=image\npath=x\ndata=stimID,RT,RT\n1,2,3\n", "names column 'RT' twice");
    read_fails("type=image\npath=x\ndata=stimID\n\n", "no stimuli below the data= line");
    read_fails("type=image\npath=x\n\ndata=stimID,label,condition\na,1,x\n\na,1\n",
               "s.stim.csv:7: 2 fields, expected 3 (data=stimID,label,condition)");
    read_fails("type=image\npath=x\ndata=stimID\na,b\n", "s.stim.csv:4: 2 fields, expected 1");
    read_fails("type=image\npath=x\ndata=stimID,label\r\na,1\r\nb,1.5\r\n",
               "s.stim.csv:5: label '1.5' is not a whole number");
    read_fails("type=image\npath=x\ndata=stimID,onset\na,\n",
               "s.stim.csv:4: onset '' is not a number");
    read_fails("type=image\npath=x\ndata=stimID,onset\na,0x10\n", "onset '0x10' is not a number");
    read_fails("type=image\npath=x\ndata=label,stimID\n1,\n", "s.stim.csv:4: stimID is empty");
    read_fails("type=video\npath=x\ndata=stimID\n3\n0\n",
               "s.stim.csv:5: stimID '0' is not a frame number");
    read_fails("type=video\npath=x\ndata=stimID\na.png\n", "stimID 'a.png' is not a frame number");
    dnb_stim s = {0};
    assert_int_equal(dnb_stim_read(&s, "/nonexistent/s.stim.csv", NULL), DNB_EIO);
}

static void expect_file(const dnb_stim *s, size_t i, const char *want)
{
    char *file = NULL;
    assert_int_equal(dnb_stim_file(s, i, &file, NULL), DNB_OK);
    assert_string_equal(file, want);
    dnb_stim_free_file(file);
}

/* A relative path is tried from the working directory first, then from the list's folder. */
static void test_where_files_are(void **state)
{
    (void)state;
    dnb_stim s = {0};
    dnb_err err;
    char cwd[1024], want[600];
    assert_non_null(getcwd(cwd, sizeof cwd));
    mkdir(scratch_path(&dir, "pics"), 0777);
    read_ok(&s, GOOD);
    snprintf(want, sizeof want, "%s/pics/1.png", dir.dir);
    expect_file(&s, 0, want);
    assert_int_equal(dnb_stim_check_files(&s, &err), DNB_EIO);
    assert_non_null(strstr(err.message, "1.png does not exist (2 of 2"));
    scratch_text(&dir, "pics/1.png", "x");
    assert_int_equal(dnb_stim_check_files(&s, &err), DNB_EIO);
    assert_non_null(strstr(err.message, "2.png does not exist (1 of 2"));
    scratch_text(&dir, "pics/2.png", "x");
    assert_int_equal(dnb_stim_check_files(&s, &err), DNB_OK);
    dnb_stim_release(&s);
    mkdir(scratch_path(&dir, "here"), 0777);
    mkdir(scratch_path(&dir, "here/pics"), 0777);
    assert_int_equal(chdir(scratch_path(&dir, "here")), 0);
    read_ok(&s, GOOD);
    expect_file(&s, 0, "pics/1.png");
    dnb_stim_release(&s);
    assert_int_equal(chdir(cwd), 0);
    read_ok(&s, "type=image\npath=nowhere\ndata=stimID\nx.png\n/abs/y.png\n");
    expect_file(&s, 0, "nowhere/x.png");
    expect_file(&s, 1, "/abs/y.png");
    dnb_stim_release(&s);
    read_ok(&s, "type=video\npath=film.mp4\ndata=stimID,onset\n7,0\n3,1.5\n");
    expect_file(&s, 1, "film.mp4");
    assert_int_equal(s.frames[0], 7);
    assert_string_equal(dnb_stim_id(&s, 1), "3");
    dnb_stim_release(&s);
}

static void test_round_trip(void **state)
{
    (void)state;
    dnb_stim s = {0}, back = {0};
    dnb_err err;
    read_ok(&s, GOOD);
    dnb_save_options options = {.provenance = "{\"command\":\"act -x a=b\"}"};
    const char *path = scratch_path(&dir, "copy.stim.csv");
    assert_int_equal(dnb_stim_write(&s, path, &options, &err), DNB_OK);
    assert_int_equal(dnb_stim_read(&back, path, &err), DNB_OK);
    check_good(&back);
    /* The same JSON value, without a '=' that would stop a reader that cuts at every one. */
    assert_string_equal(dnb_stim_get_meta(&back, "provenance"),
                        "{\"command\":\"act -x a\\u003db\"}");
    dnb_stim_release(&back);
    dnb_stim_release(&s);
}

static void test_by_hand(void **state)
{
    (void)state;
    dnb_stim s = {0}, part = {0};
    dnb_err err;
    const char *ids[3] = {"a", "b", "c"};
    assert_int_equal(dnb_stim_init(&s, DNB_STIM_IMAGE, "/p", 3, ids, &err), DNB_OK);
    assert_int_equal(dnb_stim_add_labels(&s, (int64_t[]){5, 6, 7}, &err), DNB_OK);
    assert_int_equal(dnb_stim_add_conditions(&s, ids, &err), DNB_OK);
    assert_int_equal(dnb_stim_add_real(&s, "value", (double[]){0.5, 1.5, 2.5}, &err), DNB_OK);
    assert_int_equal(dnb_stim_add_real(&s, "label", (double[]){1, 2, 3}, &err), DNB_EARG);
    assert_int_equal(dnb_stim_add_real(&s, "value", (double[]){1, 2, 3}, &err), DNB_EARG);
    assert_int_equal(dnb_stim_set_meta(&s, "title", "t", &err), DNB_OK);
    assert_int_equal(dnb_stim_set_meta(&s, "title", "u", &err), DNB_OK);
    assert_int_equal(dnb_stim_set_meta(&s, "path", "u", &err), DNB_EARG);
    assert_int_equal(dnb_stim_set_meta(&s, "a=b", "u", &err), DNB_EARG);
    assert_int_equal(s.n_meta, 1);
    assert_int_equal(dnb_stim_take(&part, &s, (size_t[]){2, 2, 0}, 3, &err), DNB_OK);
    assert_string_equal(dnb_stim_id(&part, 1), "c");
    assert_int_equal(dnb_stim_labels(&part)[2], 5);
    assert_string_equal(dnb_stim_get_meta(&part, "title"), "u");
    expect_file(&part, 0, "/p/c");
    dnb_stim_release(&part);
    assert_int_equal(dnb_stim_take(&part, &s, (size_t[]){3}, 1, &err), DNB_EARG);
    dnb_stim_release(&s);
    const char *bad[][1] = {{"a,b"}, {"a\nb"}, {" a"}, {"a\t"}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(dnb_stim_init(&s, DNB_STIM_IMAGE, "/p", 1, bad[i], &err), DNB_OK);
        assert_int_equal(dnb_stim_write(&s, scratch_path(&dir, "bad.stim.csv"), NULL, &err),
                         DNB_EARG);
        assert_int_not_equal(access(scratch_path(&dir, "bad.stim.csv"), F_OK), 0);
        dnb_stim_release(&s);
    }
    assert_int_equal(dnb_stim_init(&s, DNB_STIM_VIDEO, "/p", 3, ids, &err), DNB_EARG);
    assert_int_equal(dnb_stim_init(&s, DNB_STIM_IMAGE, "/p", 0, ids, &err), DNB_EARG);
}

static void test_hash(void **state)
{
    (void)state;
    dnb_stim s = {0};
    dnb_err err;
    char a[33], b[33];
    read_ok(&s, GOOD);
    assert_int_equal(dnb_stim_hash(&s, a, &err), DNB_OK);
    assert_int_equal(dnb_stim_hash(&s, b, &err), DNB_OK);
    assert_string_equal(a, b);
    s.data.columns[1].ints[0]++;
    assert_int_equal(dnb_stim_hash(&s, b, &err), DNB_OK);
    assert_string_not_equal(a, b);
    s.data.columns[1].ints[0]--;
    scratch_text(&dir, "pics/1.png", "changed");
    assert_int_equal(dnb_stim_hash(&s, b, &err), DNB_OK);
    assert_string_not_equal(a, b);
    dnb_stim_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_where_files_are),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_hash),
    };
    scratch_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
