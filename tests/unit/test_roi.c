/* roi: labels and their voxels, refusals of masks, summaries against sums done by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/roi.h"
#include "neuro_files.h"

#define N_VOX 24
static const size_t SHAPE[3] = {2, 3, 4};
/* By voxel number: label 3 at 1 5 20, label -2 at 0 23, label 7 at 9. */
static const double LABELS[N_VOX] = {[0] = -2, [1] = 3, [5] = 3.004, [9] = 7, [20] = 3, [23] = -2};

static dnb_brain *open_small(scratch *s)
{
    unsigned char one[SMALL1_SIZE];
    dnb_err err;
    dnb_brain *b = NULL;
    small1(one);
    const char *path = scratch_path(s, "small.nii");
    save_bytes(path, one, sizeof one);
    assert_int_equal(dnb_brain_open(&b, path, &err), DNB_OK);
    return b;
}

static dnb_mask *small_mask(void)
{
    dnb_mask *m = NULL;
    dnb_err err;
    assert_int_equal(dnb_mask_new(&m, SHAPE, LABELS, "m.nii", &err), DNB_OK);
    return m;
}

static void test_labels_and_voxels(void **state)
{
    (void)state;
    dnb_mask *m = small_mask();
    dnb_err err;
    size_t n, index;
    assert_int_equal(dnb_mask_n_labels(m), 3);
    assert_memory_equal(dnb_mask_labels(m), ((int64_t[]){-2, 3, 7}), 3 * sizeof(int64_t));
    const size_t *vox = dnb_mask_voxels(m, 1, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(vox, ((size_t[]){1, 5, 20}), 3 * sizeof(size_t));
    assert_int_equal(dnb_mask_find(m, 7, &index, &err), DNB_OK);
    assert_int_equal(index, 2);
    assert_int_equal(dnb_mask_find(m, 4, &index, &err), DNB_ENOTFOUND);
    assert_string_equal(err.message, "m.nii: no voxel has the label 4; its labels are -2 3 7");
    assert_int_equal(dnb_mask_find(m, 8, &index, &err), DNB_ENOTFOUND);
    assert_int_equal(index, 2);
    dnb_mask_free(m);
}

static void test_select(void **state)
{
    (void)state;
    dnb_mask *m = small_mask();
    dnb_err err;
    size_t *vox = NULL, n = 0;
    assert_int_equal(dnb_mask_select(m, NULL, 0, &vox, &n, &err), DNB_OK);
    assert_int_equal(n, 6);
    assert_memory_equal(vox, ((size_t[]){0, 1, 5, 9, 20, 23}), 6 * sizeof(size_t));
    dnb_mask_select_free(vox);
    assert_int_equal(dnb_mask_select(m, (int64_t[]){7, -2, 7}, 3, &vox, &n, &err), DNB_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(vox, ((size_t[]){0, 9, 23}), 3 * sizeof(size_t));
    dnb_mask_select_free(vox);
    vox = NULL;
    assert_int_equal(dnb_mask_select(m, (int64_t[]){7, 0}, 2, &vox, &n, &err), DNB_ENOTFOUND);
    assert_null(vox);
    dnb_mask_free(m);
}

static void test_bad_masks(void **state)
{
    (void)state;
    static const double BAD[] = {0.5, 1.02, NAN, INFINITY, 1e17};
    dnb_mask *m = NULL;
    dnb_err err;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        double v[N_VOX];
        memcpy(v, LABELS, sizeof v);
        v[(1 * 3 + 2) * 4 + 1] = BAD[i];
        assert_int_equal(dnb_mask_new(&m, SHAPE, v, "m.nii", &err), DNB_EFORMAT);
        assert_non_null(strstr(err.message, "m.nii: voxel (1, 2, 1) of the mask is "));
    }
    double zeros[N_VOX] = {0, 1e-3};
    assert_int_equal(dnb_mask_new(&m, SHAPE, zeros, "m.nii", &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "0 everywhere"));
    assert_null(m);
}

/* A long list of labels must not drown the message. */
static void test_many_labels(void **state)
{
    (void)state;
    double v[1000];
    dnb_mask *m = NULL;
    dnb_err err;
    size_t index;
    for (int i = 0; i < 1000; i++)
        v[i] = i + 1;
    assert_int_equal(dnb_mask_new(&m, (size_t[]){10, 10, 10}, v, "m.nii", &err), DNB_OK);
    assert_int_equal(dnb_mask_find(m, 5000, &index, &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, " 60 ... (1000 in all, up to 1000)"));
    dnb_mask_free(m);
}

/* Voxel number -> value of volume t in the small image. */
static double value_at(size_t vox, size_t t)
{
    size_t x = vox / 12, y = vox / 4 % 3, z = vox % 4;
    return (double)(x + 2 * (y + 3 * (z + 4 * t)));
}

static void test_summaries(void **state)
{
    dnb_brain *b = open_small(*state);
    dnb_mask *m = small_mask();
    dnb_err err;
    for (int method = DNB_ROI_MEAN; method <= DNB_ROI_STD; method++) {
        dnb_roi_table t = {0};
        dnb_roi_options opt = {.method = (dnb_roi_method)method};
        assert_int_equal(dnb_roi_run(&t, b, m, &opt, &err), DNB_OK);
        assert_int_equal(t.n_vol, 5);
        assert_int_equal(t.n_roi, 3);
        assert_string_equal(t.names[0], "-2");
        assert_string_equal(t.names[1], "3");
        assert_string_equal(t.names[2], "7");
        for (size_t v = 0; v < 5; v++) {
            double a = value_at(1, v), c = value_at(5, v), d = value_at(20, v);
            double mean = (a + c + d) / 3, max = fmax(a, fmax(c, d));
            double sd = sqrt(
                ((a - mean) * (a - mean) + (c - mean) * (c - mean) + (d - mean) * (d - mean)) / 3);
            double want = method == DNB_ROI_MEAN ? mean : method == DNB_ROI_MAX ? max : sd;
            assert_true(fabs(t.data[v * 3 + 1] - want) < 1e-12);
            assert_true(t.data[v * 3 + 2] == (method == DNB_ROI_STD ? 0 : value_at(9, v)));
        }
        dnb_roi_table_release(&t);
    }
    dnb_mask_free(m);
    dnb_brain_close(b);
}

static void test_chosen_labels_and_patterns(void **state)
{
    dnb_brain *b = open_small(*state);
    dnb_mask *m = small_mask();
    dnb_err err;
    dnb_roi_table t = {0};
    double *p = NULL;
    size_t n = 0;
    dnb_roi_options opt = {.labels = (int64_t[]){7, -2}, .n_labels = 2};
    assert_int_equal(dnb_roi_run(&t, b, m, &opt, &err), DNB_OK);
    assert_string_equal(t.names[0], "7");
    assert_string_equal(t.names[1], "-2");
    for (size_t v = 0; v < 5; v++) {
        assert_true(t.data[v * 2] == value_at(9, v));
        assert_true(t.data[v * 2 + 1] == (value_at(0, v) + value_at(23, v)) / 2);
    }
    dnb_roi_table_release(&t);
    opt.labels = (int64_t[]){7, 8};
    assert_int_equal(dnb_roi_run(&t, b, m, &opt, &err), DNB_ENOTFOUND);
    opt.n_labels = 0;
    assert_int_equal(dnb_roi_run(&t, b, m, &opt, &err), DNB_EARG);
    assert_null(t.data);
    assert_int_equal(dnb_roi_pattern_read(&p, &n, b, m, 3, 0, NULL, &err), DNB_OK);
    assert_int_equal(n, 3);
    for (size_t v = 0; v < 5; v++)
        for (size_t j = 0; j < 3; j++)
            assert_true(p[v * 3 + j] == value_at(((size_t[]){1, 5, 20})[j], v));
    dnb_roi_pattern_free(p);
    p = NULL;
    assert_int_equal(dnb_roi_pattern_read(&p, &n, b, m, 3, 119, NULL, &err), DNB_ENOMEM);
    assert_non_null(strstr(err.message, "5 volumes of 3 voxels take more than the 119 bytes"));
    assert_int_equal(dnb_roi_pattern_read(&p, &n, b, m, 4, 0, NULL, &err), DNB_ENOTFOUND);
    assert_null(p);
    dnb_mask_free(m);
    dnb_brain_close(b);
}

/* NaN in one voxel of one volume reaches exactly that entry, with every method. */
static void test_nan_rule(void **state)
{
    scratch *s = *state;
    dnb_err err;
    dnb_nifti_header h;
    double v[48];
    for (size_t i = 0; i < 48; i++)
        v[i] = (double)i;
    v[24 + 23] = NAN; /* volume 1, voxel (1, 2, 3), the second of ROI -2 */
    assert_int_equal(dnb_nifti_header_init(&h, 4, (size_t[]){2, 3, 4, 2}, &err), DNB_OK);
    const char *path = scratch_path(s, "nan.nii.gz");
    assert_int_equal(dnb_nifti_write(path, &h, DNB_F64, v, NULL, &err), DNB_OK);
    dnb_brain *b = NULL;
    dnb_mask *m = small_mask();
    assert_int_equal(dnb_brain_open(&b, path, &err), DNB_OK);
    for (int method = DNB_ROI_MEAN; method <= DNB_ROI_STD; method++) {
        dnb_roi_table t = {0};
        dnb_roi_options opt = {.method = (dnb_roi_method)method};
        assert_int_equal(dnb_roi_run(&t, b, m, &opt, &err), DNB_OK);
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(isnan(t.data[i]) != 0, i == 3);
        dnb_roi_table_release(&t);
    }
    dnb_mask_free(m);
    dnb_brain_close(b);
}

static void test_shapes_must_agree(void **state)
{
    scratch *s = *state;
    dnb_brain *b = open_small(s);
    dnb_mask *m = NULL;
    dnb_err err;
    dnb_roi_table t = {0};
    dnb_roi_options opt = {0};
    assert_int_equal(dnb_mask_new(&m, (size_t[]){4, 3, 2}, LABELS, "other.nii", &err), DNB_OK);
    assert_int_equal(dnb_roi_run(&t, b, m, &opt, &err), DNB_ESHAPE);
    assert_non_null(strstr(err.message, "mask other.nii is 4x3x2 voxels but image "));
    assert_non_null(strstr(err.message, "small.nii is 2x3x4"));
    dnb_mask_free(m);
    m = NULL; /* an image of five volumes is no mask */
    assert_int_equal(dnb_mask_read(&m, dnb_brain_path(b), &err), DNB_ESHAPE);
    assert_null(m);
    dnb_brain_close(b);
}

static void test_method_names(void **state)
{
    (void)state;
    dnb_err err;
    dnb_roi_method method = DNB_ROI_MEAN;
    assert_int_equal(dnb_roi_method_parse("std", &method, &err), DNB_OK);
    assert_int_equal(method, DNB_ROI_STD);
    assert_int_equal(dnb_roi_method_parse("Mean", &method, &err), DNB_EARG);
    assert_string_equal(err.message, "unknown ROI method \"Mean\"; use mean, max or std");
    assert_int_equal(method, DNB_ROI_STD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_and_voxels), cmocka_unit_test(test_select),
        cmocka_unit_test(test_bad_masks),         cmocka_unit_test(test_many_labels),
        cmocka_unit_test(test_summaries),         cmocka_unit_test(test_chosen_labels_and_patterns),
        cmocka_unit_test(test_nan_rule),          cmocka_unit_test(test_shapes_must_agree),
        cmocka_unit_test(test_method_names),
    };
    return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
