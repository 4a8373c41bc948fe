/* npy: broken headers and the bytes we write (numpy itself is asked in golden/diff_data.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "array/npy.h"
#include "scratch.h"

static scratch dir;

/* Reads a version-1 file with this header text and n bytes of values 1, 2, 3, ... */
static dnb_status read_header(dnb_array *out, const char *header, size_t n, dnb_err *err)
{
    char buf[1024] = "\x93NUMPY\x01";
    size_t len = strlen(header);
    buf[7] = 0;
    buf[8] = (char)(len & 0xff);
    buf[9] = (char)(len >> 8);
    memcpy(buf + 10, header, len);
    for (size_t i = 0; i < n; i++)
        buf[10 + len + i] = (char)(i + 1);
    FILE *f = fmemopen(buf, 10 + len + n, "rb");
    dnb_status status = dnb_npy_read_stream(out, f, 10 + len + n, "x.npy", err);
    fclose(f);
    return status;
}

static void fails(const char *header, dnb_status status, const char *message)
{
    dnb_array a = {0};
    dnb_err err;
    assert_int_equal(read_header(&a, header, 16, &err), status);
    if (!strstr(err.message, message) || !strstr(err.message, "x.npy"))
        fail_msg("'%s' lacks '%s'", err.message, message);
    assert_null(a.data);
}

static void test_broken_headers(void **state)
{
    (void)state;
    fails("", DNB_EFORMAT, "no '{'");
    fails("{'descr': '<f4', 'fortran_order': False}", DNB_EFORMAT, "is missing");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", DNB_EFORMAT, "no '}'");
    fails("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", DNB_EFORMAT,
          "neither True nor False");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': 2}", DNB_EFORMAT, "not a tuple");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", DNB_EFORMAT, "whole numbers");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (2", DNB_EFORMAT, "not closed");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", DNB_EFORMAT,
          "64 bits");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
          DNB_EFORMAT, "overflows");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}", DNB_EFORMAT,
          "promises 4398046511104 bytes of values, the file has 16");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", DNB_EFORMAT, "cut off");
    fails("{'descr': '<O', 'fortran_order': False, 'shape': (2,)}", DNB_EUNSUPPORTED,
          "'<O' is not supported");
    fails("{'descr': 'f', 'fortran_order': False, 'shape': (2,)}", DNB_EUNSUPPORTED, "'f'");
    fails("{'descr': '', 'fortran_order': False, 'shape': (2,)}", DNB_EUNSUPPORTED, "''");
    fails("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", DNB_EUNSUPPORTED,
          "structured");
    fails("{'descr': 4, 'fortran_order': False, 'shape': (2,)}", DNB_EFORMAT, "not a text");
    fails("{'descr': '<f4', 'other': 1}", DNB_EFORMAT, "an unknown key");
    fails("{descr: '<f4'}", DNB_EFORMAT, "expected 'key': value");
    fails("{'descr", DNB_EFORMAT, "expected 'key': value");
    fails("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
          DNB_EUNSUPPORTED, "dimensions");
}

static void test_good_headers(void **state)
{
    (void)state;
    dnb_array a = {0};
    dnb_err err;
    assert_int_equal(
        read_header(&a, "{\"shape\":(2L,2L,),'fortran_order':True,'descr':'>u2'}  \n", 8, &err),
        DNB_OK);
    assert_int_equal(a.ndim, 2);
    const uint16_t want[] = {0x0102, 0x0506, 0x0304, 0x0708}; /* columns first in the file */
    assert_memory_equal(a.data, want, sizeof want);
    dnb_array_release(&a);
    assert_int_equal(
        read_header(&a, "{'descr': '|b1', 'fortran_order': False, 'shape': ()}", 1, &err), DNB_OK);
    assert_int_equal(a.ndim, 0);
    assert_int_equal(a.dtype, DNB_BOOL);
    dnb_array_release(&a);
}

static void test_written_bytes(void **state)
{
    (void)state;
    float v[3] = {1, 2, 3};
    dnb_array a = {0}, b = {0};
    dnb_err err;
    char header[DNB_NPY_HEADER_MAX];
    dnb_array_borrow(&a, DNB_F32, 1, (size_t[]){3}, v);
    size_t len = dnb_npy_header(&a, header);
    assert_int_equal(len % 64, 0);
    assert_memory_equal(header, "\x93NUMPY\x01\x00", 8);
    assert_int_equal((unsigned char)header[8] + 256 * (unsigned char)header[9], len - 10);
    assert_int_equal(header[len - 1], '\n');
    const char *path = scratch_path(&dir, "a.npy");
    assert_int_equal(dnb_npy_write(&a, path, &err), DNB_OK);
    assert_int_equal(dnb_npy_read(&b, path, &err), DNB_OK);
    assert_memory_equal(b.data, v, sizeof v);
    dnb_array_release(&b);
    /* the widest header there can be still fits */
    size_t most = SIZE_MAX;
    a.ndim = DNB_MAX_DIMS;
    for (int i = 0; i < DNB_MAX_DIMS; i++)
        a.shape[i] = most;
    len = dnb_npy_header(&a, header);
    assert_true(len > 0 && len <= DNB_NPY_HEADER_MAX);
    a.dtype = DNB_BF16;
    assert_int_equal(dnb_npy_header(&a, header), 0);
    assert_int_equal(dnb_npy_write(&a, path, &err), DNB_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "bfloat16"));
}

static void test_files(void **state)
{
    (void)state;
    dnb_array a = {0};
    dnb_err err;
    assert_int_equal(dnb_npy_read(&a, scratch_path(&dir, "none.npy"), &err), DNB_EIO);
    assert_int_equal(dnb_npy_read(&a, dir.dir, &err), DNB_EIO);
    assert_int_equal(dnb_npy_read(&a, scratch_text(&dir, "t.npy", "not an array"), &err),
                     DNB_EFORMAT);
    assert_non_null(strstr(err.message, "not a .npy file"));
    assert_int_equal(dnb_npy_read(&a, scratch_text(&dir, "t.npy", ""), &err), DNB_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_headers),
        cmocka_unit_test(test_good_headers),
        cmocka_unit_test(test_written_bytes),
        cmocka_unit_test(test_files),
    };
    scratch_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
