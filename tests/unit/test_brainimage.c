/* brainimage: names, voxel order, picking voxels, maps written like another image. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dnnbrain/brainimage.h"
#include "neuro_files.h"

/* Value of voxel (x, y, z), volume t of neuro_files.h's small image. */
static double small_value(size_t x, size_t y, size_t z, size_t t)
{
    return (double)(x + 2 * (y + 3 * (z + 4 * t)));
}

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

static void test_names(void **state)
{
    (void)state;
    dnb_err err;
    dnb_brain *b = NULL;
    assert_true(dnb_brain_is_image_name("a/b.NII.GZ"));
    assert_true(dnb_brain_is_image_name("x.dtseries.nii"));
    assert_true(dnb_brain_is_image_name("x.mgz"));
    assert_false(dnb_brain_is_image_name("x.roi.h5"));
    assert_string_equal(dnb_brain_suffix("x.nii.gz"), ".nii.gz");
    assert_string_equal(dnb_brain_suffix("x.nii"), ".nii");
    assert_string_equal(dnb_brain_suffix("x.img"), ".nii");
    assert_string_equal(dnb_brain_suffix("x.dscalar.nii"), ".dscalar.nii");
    static const char *const LATER[] = {"x.dscalar.nii", "x.DTSERIES.nii", "x.dlabel.nii",
                                        "x.func.gii",    "x.gii.gz",       "x.mgh",
                                        "x.mgz"};
    for (size_t i = 0; i < sizeof LATER / sizeof *LATER; i++) {
        assert_int_equal(dnb_brain_open(&b, LATER[i], &err), DNB_EUNSUPPORTED);
        assert_non_null(strstr(err.message, LATER[i]));
    }
    assert_int_equal(dnb_brain_open(&b, "x.txt", &err), DNB_EARG);
    assert_int_equal(dnb_brain_open(&b, "absent.nii", &err), DNB_EIO);
    assert_null(b);
}

static void test_cifti_by_intent(void **state)
{
    scratch *s = *state;
    unsigned char two[SMALL2_SIZE];
    dnb_err err;
    dnb_brain *b = NULL;
    small2(two);
    set32(two, 504, 3006);
    memcpy(two + 508, "ConnDenseScalar", 15);
    const char *path = scratch_path(s, "hidden.nii");
    save_bytes(path, two, sizeof two);
    assert_int_equal(dnb_brain_open(&b, path, &err), DNB_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "CIFTI-2 file (intent 3006, ConnDenseScalar)"));
}

/* Voxel numbers count z fastest although the file counts x fastest. */
static void test_voxel_order(void **state)
{
    dnb_brain *b = open_small(*state);
    dnb_err err;
    double all[5 * 24];
    float f[2 * 24];
    assert_int_equal(dnb_brain_n_vol(b), 5);
    assert_int_equal(dnb_brain_n_vox(b), 24);
    assert_memory_equal(dnb_brain_shape(b), ((size_t[]){2, 3, 4}), 3 * sizeof(size_t));
    assert_int_equal(dnb_brain_read_f64(b, 0, 5, NULL, 24, all, NULL, &err), DNB_OK);
    assert_int_equal(dnb_brain_read_f32(b, 3, 2, NULL, 24, f, NULL, &err), DNB_OK);
    for (size_t t = 0; t < 5; t++)
        for (size_t x = 0; x < 2; x++)
            for (size_t y = 0; y < 3; y++)
                for (size_t z = 0; z < 4; z++) {
                    size_t i = (x * 3 + y) * 4 + z;
                    assert_true(all[t * 24 + i] == small_value(x, y, z, t));
                    assert_true(t < 3 || f[(t - 3) * 24 + i] == small_value(x, y, z, t));
                }
    dnb_brain_close(b);
}

static void test_picked_voxels(void **state)
{
    dnb_brain *b = open_small(*state);
    dnb_err err;
    size_t vox[] = {23, 0, 7, 7, 12};
    double v[2 * 5], all[2 * 24];
    assert_int_equal(dnb_brain_read_f64(b, 2, 2, NULL, 24, all, NULL, &err), DNB_OK);
    assert_int_equal(dnb_brain_read_f64(b, 2, 2, vox, 5, v, NULL, &err), DNB_OK);
    for (size_t t = 0; t < 2; t++)
        for (size_t j = 0; j < 5; j++)
            assert_true(v[t * 5 + j] == all[t * 24 + vox[j]]);
    assert_int_equal(dnb_brain_read_f64(b, 0, 1, vox, 0, v, NULL, &err), DNB_OK);
    vox[3] = 24;
    assert_int_equal(dnb_brain_read_f64(b, 0, 1, vox, 5, v, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "voxel number 24 asked, it has 24 voxels"));
    assert_int_equal(dnb_brain_read_f64(b, 0, 1, NULL, 23, v, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_brain_read_f64(b, 5, 1, NULL, 24, v, NULL, &err), DNB_EARG);
    dnb_brain_close(b);
}

static void test_write_like(void **state)
{
    scratch *s = *state;
    dnb_brain *b = open_small(s), *back = NULL;
    dnb_err err;
    size_t vox[] = {5, 1};
    double maps[] = {1.5, 2.5, 3.5, 4.5}, got[48], affine[4][4], wrote[4][4];
    dnb_brain_write_options opt = {.fill = NAN, .provenance = "how", .descrip = "score"};
    const char *path = scratch_path(s, "like.nii.gz");
    assert_int_equal(dnb_brain_write_like(path, b, 2, maps, vox, 2, &opt, &err), DNB_OK);
    assert_int_equal(dnb_brain_open(&back, path, &err), DNB_OK);
    assert_int_equal(dnb_brain_n_vol(back), 2);
    assert_string_equal(dnb_brain_nifti_header(back)->descrip, "score");
    assert_int_equal(dnb_brain_check_same_shape(b, back, &err), DNB_OK);
    assert_int_equal(dnb_brain_read_f64(back, 0, 2, NULL, 24, got, NULL, &err), DNB_OK);
    for (size_t i = 0; i < 48; i++) {
        size_t k = i % 24;
        if (k == 5 || k == 1)
            assert_true(got[i] == maps[i / 24 * 2 + (k == 1)]);
        else
            assert_true(isnan(got[i]));
    }
    assert_int_equal(dnb_brain_affine(b, affine, &err), DNB_OK);
    assert_int_equal(dnb_brain_affine(back, wrote, &err), DNB_OK);
    assert_memory_equal(affine, wrote, sizeof affine);
    dnb_brain_close(back);
    /* one map is a 3-D image */
    dnb_nifti *n = NULL;
    assert_int_equal(dnb_brain_write_like(path, b, 1, maps, vox, 2, NULL, &err), DNB_OK);
    assert_int_equal(dnb_nifti_open(&n, path, &err), DNB_OK);
    assert_int_equal(dnb_nifti_header_of(n)->ndim, 3);
    assert_int_equal(dnb_nifti_n_extensions(n), 0);
    dnb_nifti_close(n);
    dnb_brain_close(b);
}

static void test_write_like_refuses(void **state)
{
    scratch *s = *state;
    dnb_brain *b = open_small(s);
    dnb_err err;
    size_t vox[] = {24};
    double v[24] = {0};
    const char *path = scratch_path(s, "no.nii");
    assert_int_equal(dnb_brain_write_like(path, b, 0, v, NULL, 24, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_brain_write_like(path, b, 1, v, NULL, 23, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_brain_write_like(path, b, 1, v, vox, 1, NULL, &err), DNB_EARG);
    v[7] = 300;
    dnb_brain_write_options opt = {.type = DNB_NIFTI_UINT8};
    assert_int_equal(dnb_brain_write_like(path, b, 1, v, NULL, 24, &opt, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "value 300 at voxel (0, 1, 3) of volume 0"));
    assert_int_equal(access(path, F_OK), -1);
    dnb_brain_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_cifti_by_intent),
        cmocka_unit_test(test_voxel_order), cmocka_unit_test(test_picked_voxels),
        cmocka_unit_test(test_write_like),  cmocka_unit_test(test_write_like_refuses),
    };
    return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
