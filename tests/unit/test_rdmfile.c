/* rdmfile and roifile: streaming, look-ups, limits (values and formats are compared with h5py in
 * golden/diff_data.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/condensed.h"
#include "dnnbrain/rdmfile.h"
#include "dnnbrain/roifile.h"
#include "scratch.h"

static scratch dir;

/* The number of conditions that a file's length stands for; far ones, where a double no longer
 * holds the product. */
static void test_conditions(void **state)
{
    (void)state;
    assert_int_equal(dnb_condensed_order(2), 0);
    assert_int_equal(dnb_condensed_order(SIZE_MAX), 0);
    for (size_t n = 3; n < 5000; n++) {
        assert_int_equal(dnb_condensed_order(n * (n - 1) / 2), n);
        assert_int_equal(dnb_condensed_order(n * (n - 1) / 2 + 1), 0);
    }
    size_t big = 3000000000u;
    assert_int_equal(dnb_condensed_order(big / 2 * (big - 1)), big);
    assert_int_equal(dnb_condensed_order(big / 2 * (big - 1) - 1), 0);
}

static void test_stream(void **state)
{
    (void)state;
    dnb_rdm_entry e[2] = {{.key = "z/layer", .n_iter = 5, .n_pairs = 10},
                          {.key = "a", .n_iter = 2, .n_pairs = 6}};
    double rows[50], got[50];
    dnb_rdmwriter *w = NULL;
    dnb_rdmfile *f = NULL;
    dnb_err err;
    const char *path = scratch_path(&dir, "s.rdm.h5");
    for (int i = 0; i < 50; i++)
        rows[i] = i / 7.0;
    for (int compress = 0; compress <= 4; compress += 4) {
        dnb_save_options o = {.compress = compress, .provenance = "{}"};
        assert_int_equal(dnb_rdmwriter_open(&w, path, DNB_DRDM, 2, e, &o, &err), DNB_OK);
        assert_int_equal(dnb_rdmwriter_push(w, 0, 1, 1, rows, &err), DNB_EARG); /* a gap */
        assert_int_equal(dnb_rdmwriter_push(w, 1, 0, 2, rows, &err), DNB_OK);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(dnb_rdmwriter_push(w, 0, i, 1, rows + 10 * i, &err), DNB_OK);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(dnb_rdmwriter_commit(w, &err), DNB_OK);
        assert_int_equal(scratch_count(&dir), 1);
        assert_int_equal(dnb_rdmfile_open(&f, path, &err), DNB_OK);
        assert_int_equal(dnb_rdmfile_type(f), DNB_DRDM);
        assert_string_equal(dnb_rdmfile_provenance(f), "{}");
        size_t at = 9;
        assert_int_equal(dnb_rdmfile_find(f, "z/layer", &at, &err), DNB_OK);
        assert_int_equal(at, 0); /* order of writing */
        assert_int_equal(dnb_rdmfile_entry(f, 0)->n_iter, 5);
        assert_int_equal(dnb_rdmfile_read(f, 0, 3, 2, got, &err), DNB_OK);
        assert_memory_equal(got, rows + 30, 20 * sizeof *got);
        assert_int_equal(dnb_rdmfile_read(f, 0, 4, 2, got, &err), DNB_EARG);
        assert_int_equal(dnb_rdmfile_read(f, 2, 0, 1, got, &err), DNB_EARG);
        assert_int_equal(dnb_rdmfile_find(f, "layer", &at, &err), DNB_ENOTFOUND);
        assert_string_equal(strstr(err.message, "no RDM"),
                            "no RDM 'layer'; there is 'z/layer', 'a'");
        dnb_rdmfile_close(f);
        unlink(path);
    }
    assert_int_equal(dnb_rdmwriter_open(&w, path, DNB_DRDM, 2, e, NULL, &err), DNB_OK);
    assert_int_equal(dnb_rdmwriter_commit(w, &err), DNB_EARG);
    assert_int_equal(scratch_count(&dir), 0);
    assert_int_equal(dnb_rdmwriter_open(&w, path, DNB_DRDM, 2, e, NULL, &err), DNB_OK);
    dnb_rdmwriter_abort(w);
    assert_int_equal(scratch_count(&dir), 0);
    assert_int_equal(dnb_rdmwriter_open(&w, path, DNB_BRDM, 2, e, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "a bRDM key holds one"));
    e[1].n_pairs = 7;
    assert_int_equal(dnb_rdmwriter_open(&w, path, DNB_DRDM, 2, e, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "7 pairs"));
}

static void test_brain_rdm(void **state)
{
    (void)state;
    double v[6] = {1, 2, 3, 4, 5, 6}, got[6] = {0};
    dnb_rdm_entry e = {.key = "V1", .n_iter = 1, .n_pairs = 6, .data = v};
    dnb_rdmfile *f = NULL;
    dnb_err err;
    const char *path = scratch_path(&dir, "b.rdm.h5");
    assert_int_equal(dnb_rdm_write(path, DNB_BRDM, 1, &e, NULL, &err), DNB_OK);
    assert_int_equal(dnb_rdmfile_open(&f, path, &err), DNB_OK);
    assert_int_equal(dnb_rdmfile_type(f), DNB_BRDM);
    assert_int_equal(dnb_rdmfile_entry(f, 0)->n_iter, 1);
    assert_int_equal(dnb_rdmfile_read(f, 0, 0, 1, got, &err), DNB_OK);
    assert_memory_equal(got, v, sizeof v);
    assert_int_equal(dnb_rdmfile_read(f, 0, 0, 0, got, &err), DNB_OK);
    assert_int_equal(dnb_rdmfile_read(f, 0, 1, 1, got, &err), DNB_EARG);
    assert_int_equal(dnb_rdmfile_read(f, 0, 0, 2, got, &err), DNB_EARG);
    dnb_rdmfile_close(f);
    unlink(path);
}

static void test_roi(void **state)
{
    (void)state;
    dnb_roi r = {0}, back = {0};
    dnb_err err;
    const char *names[3] = {"V1", "V1", "h\xc3\xa9"};
    const char *path = scratch_path(&dir, "r.roi.h5");
    size_t at = 9;
    assert_int_equal(dnb_roi_init(&r, 0, 3, names, &err), DNB_EARG);
    assert_int_equal(dnb_roi_init(&r, SIZE_MAX / 4, 8, names, &err), DNB_ENOMEM);
    assert_int_equal(dnb_roi_init(&r, 2, 3, names, &err), DNB_OK);
    r.data[5] = 0.1;
    dnb_save_options o = {.provenance = "{\"x\":1}"};
    assert_int_equal(dnb_roi_write(&r, path, &o, &err), DNB_OK);
    assert_int_equal(dnb_roi_read(&back, path, &err), DNB_OK);
    assert_true(back.n_vol == 2 && back.n_roi == 3 && back.data[5] == 0.1);
    assert_string_equal(back.names[2], names[2]);
    assert_string_equal(back.provenance, o.provenance);
    assert_int_equal(dnb_roi_find(&back, "V1", &at, NULL, &err), DNB_OK);
    assert_int_equal(at, 0);
    assert_int_equal(dnb_roi_find(&back, "v2", &at, path, &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "r.roi.h5: no ROI 'v2'; there is 'V1'"));
    dnb_roi_release(&r);
    dnb_roi_release(&back);
    assert_int_equal(dnb_roi_read(&back, scratch_path(&dir, "none.roi.h5"), &err), DNB_EIO);
    assert_int_equal(dnb_roi_read(&back, dir.dir, &err), DNB_EIO);
    assert_int_equal(dnb_roi_read(&back, scratch_text(&dir, "t.roi.h5", "text"), &err),
                     DNB_EFORMAT);
    assert_non_null(strstr(err.message, "a .roi.h5 file is HDF5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_brain_rdm),
        cmocka_unit_test(test_roi),
    };
    scratch_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
