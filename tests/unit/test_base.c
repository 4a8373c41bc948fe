/* base: errors, memory, strings, paths, output files, random numbers, hashes, provenance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/path.h"
#include "base/strbuf.h"
#include "dnnbrain/provenance.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"

static void test_fail_formats_and_prefixes(void **state)
{
    (void)state;
    dnb_err err;
    assert_int_equal(dnb_fail(&err, DNB_EIO, "%s: gone", "a.png"), DNB_EIO);
    assert_int_equal(dnb_fail_prefix(&err, DNB_EIO, "row %d", 3), DNB_EIO);
    assert_string_equal(err.message, "row 3: a.png: gone");
    assert_int_equal(dnb_fail(NULL, DNB_EARG, "nobody listens"), DNB_EARG);
    assert_string_equal(dnb_status_name(DNB_ESHAPE), "shapes disagree");
}

static void test_sizes_never_wrap(void **state)
{
    (void)state;
    size_t x = 7;
    assert_false(dnb_mul_size(&x, SIZE_MAX / 2, 3));
    assert_int_equal(x, 7);
    assert_true(dnb_mul_size(&x, 6, 7));
    assert_int_equal(x, 42);
    assert_false(dnb_add_size(&x, SIZE_MAX, 1));
    assert_null(dnb_alloc(SIZE_MAX / 2, 8));
    assert_null(dnb_calloc(SIZE_MAX, 1));
}

static void test_random_is_philox(void **state)
{
    (void)state;
    /* Known answer of Philox4x32-10 for zero counter and key (Random123's kat_vectors). */
    dnb_random r;
    dnb_random_init(&r, 0, 0);
    assert_int_equal(dnb_random_u32(&r), 0x6627e8d5u);
    assert_int_equal(dnb_random_u32(&r), 0xe169c58du);
    assert_int_equal(dnb_random_u32(&r), 0xbc57ac4cu);
    assert_int_equal(dnb_random_u32(&r), 0x9b00dbd8u);
}

static void test_permutation_is_uniform(void **state)
{
    (void)state;
    int count[6] = {0};
    for (uint64_t s = 0; s < 6000; s++) {
        dnb_random r;
        size_t p[3];
        dnb_random_init(&r, 11, s);
        dnb_random_permutation(&r, p, 3);
        assert_int_equal(p[0] + p[1] + p[2], 3);
        assert_true(p[0] != p[1] && p[1] != p[2] && p[0] != p[2]);
        count[2 * p[0] + (p[1] > p[2])]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(count[i], 880, 1120); /* 1000 +- 4 sd */
}

static void test_outfile_appears_only_on_commit(void **state)
{
    (void)state;
    char path[] = "/tmp/dnb_out_XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    unlink(path);
    dnb_outfile *f = NULL;
    dnb_err err;
    assert_int_equal(dnb_outfile_open(&f, path, &err), DNB_OK);
    assert_int_equal(dnb_outfile_write(f, "hello", 5, &err), DNB_OK);
    assert_false(dnb_path_exists(path));
    char *temp = dnb_strdup(dnb_outfile_temp(f));
    assert_int_equal(dnb_outfile_commit(f, &err), DNB_OK);
    assert_true(dnb_path_exists(path));
    assert_false(dnb_path_exists(temp));
    dnb_free(temp);
    unsigned char *data = NULL;
    size_t size = 0;
    assert_int_equal(dnb_file_read(path, 0, &data, &size, &err), DNB_OK);
    assert_int_equal(size, 5);
    assert_string_equal((char *)data, "hello");
    dnb_free(data);
    assert_int_equal(dnb_file_read(path, 3, &data, &size, &err), DNB_EFORMAT);
    unlink(path);
    assert_int_equal(dnb_outfile_open(&f, "/nonexistent/x", &err), DNB_EIO);
    assert_non_null(strstr(err.message, "/nonexistent"));
}

static void test_hash_matches_xxhsum(void **state)
{
    (void)state;
    char h[33];
    dnb_hash_bytes("", 0, h);
    assert_string_equal(h, "99aa06d3014798d86001c324468d497f"); /* XXH3-128 of nothing */
}

static void test_provenance_quotes_the_command(void **state)
{
    (void)state;
    dnb_provenance *p = NULL;
    dnb_err err;
    const char *argv[] = {"dnnbrain", "act", "-net", "my net.onnx"};
    assert_int_equal(dnb_provenance_new(&p, 4, argv, &err), DNB_OK);
    assert_int_equal(dnb_provenance_set_number(p, "seed", 7, &err), DNB_OK);
    assert_int_equal(dnb_provenance_set_number(p, "seed", 8, &err), DNB_OK);
    const char *json = dnb_provenance_json(p);
    assert_non_null(strstr(json, "dnnbrain act -net 'my net.onnx'"));
    assert_non_null(strstr(json, "\"seed\":8"));
    assert_null(strstr(json, "\"seed\":7"));
    dnb_provenance_free(p);
}

static void test_paths(void **state)
{
    (void)state;
    char *s = dnb_path_join("a", "b.png");
    assert_string_equal(s, "a/b.png");
    dnb_free(s);
    s = dnb_path_join("a/", "/b");
    assert_string_equal(s, "/b");
    dnb_free(s);
    s = dnb_path_dir("x.nii");
    assert_string_equal(s, ".");
    dnb_free(s);
    assert_true(dnb_path_has_suffix("X.NII.GZ", ".nii.gz"));
    assert_string_equal(dnb_path_base("a/b/c"), "c");
}

static void test_memory_limits_are_sane(void **state)
{
    (void)state;
    assert_true(dnb_memory_limit() > (size_t)1 << 24);
    assert_int_equal(dnb_memory_budget(), dnb_memory_limit() / 2);
    assert_true(dnb_memory_peak() > 0);
}

static void test_enumerators_by_name(void **state)
{
    (void)state;
    const char *const names[] = {"mean", "max"};
    const dnb_enum_alias others[] = {{"average", 0}, {"max", 0}};
    assert_int_equal(dnb_enum_find("mean", names, 2, NULL, 0), 0);
    assert_int_equal(dnb_enum_find("max", names, 2, others, 2), 1); /* names before aliases */
    assert_int_equal(dnb_enum_find("average", names, 2, others, 2), 0);
    assert_int_equal(dnb_enum_find("average", names, 2, NULL, 0), -1);
    assert_int_equal(dnb_enum_find("ma", names, 2, others, 2), -1);
    assert_int_equal(dnb_enum_find("", names, 2, others, 2), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_formats_and_prefixes),
        cmocka_unit_test(test_sizes_never_wrap),
        cmocka_unit_test(test_random_is_philox),
        cmocka_unit_test(test_permutation_is_uniform),
        cmocka_unit_test(test_outfile_appears_only_on_commit),
        cmocka_unit_test(test_hash_matches_xxhsum),
        cmocka_unit_test(test_provenance_quotes_the_command),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_memory_limits_are_sane),
        cmocka_unit_test(test_enumerators_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
