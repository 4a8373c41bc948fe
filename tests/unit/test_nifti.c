/* nifti: headers made byte by byte, every way a file can lie, gzip, writing, orientation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "dnnbrain/nifti.h"
#include "dnnbrain/runtime.h"
#include "neuro/nifti_internal.h"
#include "neuro_files.h"

static dnb_status open_memory(dnb_nifti **out, const void *data, size_t size, dnb_err *err)
{
    dnb_bytesource *s = NULL;
    dnb_status status = dnb_bytesource_memory(&s, data, size, "m.nii", err);
    return status == DNB_OK ? dnb_nifti_open_sources(out, s, NULL, err) : status;
}

static size_t pack(const void *data, size_t size, unsigned char *out, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)data;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void assert_counts(const double *v, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(v[i] == (double)(first + i));
}

static void test_reads_both_versions(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE], two[SMALL2_SIZE];
    dnb_err err;
    double v[120];
    float f[24];
    small1(one);
    small2(two);
    for (int version = 1; version <= 2; version++) {
        dnb_nifti *n = NULL;
        assert_int_equal(version == 1 ? open_memory(&n, one, sizeof one, &err)
                                      : open_memory(&n, two, sizeof two, &err),
                         DNB_OK);
        const dnb_nifti_header *h = dnb_nifti_header_of(n);
        assert_int_equal(h->version, version);
        assert_int_equal(h->ndim, 4);
        assert_int_equal(h->vox_offset, version == 1 ? 352 : 544);
        assert_int_equal(dnb_nifti_n_vox(n), 24);
        assert_int_equal(dnb_nifti_n_vol(n), 5);
        assert_int_equal(dnb_nifti_read_f64(n, 0, 5, v, &err), DNB_OK);
        assert_counts(v, 0, 120);
        assert_int_equal(dnb_nifti_read_f32(n, 3, 1, f, &err), DNB_OK);
        assert_true(f[0] == 72 && f[23] == 95);
        dnb_nifti_close(n);
    }
}

/* One change to a good file and what must be said about it. */
typedef struct lie {
    size_t at;
    int bytes; /* 2 or 4 */
    int32_t value;
    dnb_status status;
    const char *says;
} lie;

#define FLOAT_BITS_1E9 0x4e6e6b28
#define FLOAT_BITS_352_5 0x43b04000
#define FLOAT_BITS_NAN 0x7fc00000
#define FLOAT_BITS_348 0x43ae0000
#define FLOAT_BITS_MINUS_16 (int32_t)0xc1800000

static const lie LIES1[] = {
    {0, 4, 347, DNB_EFORMAT, "sizeof_hdr is 347, expected 348 (NIfTI-1) or 540 (NIfTI-2)"},
    {0, 4, 540, DNB_EFORMAT, "wrong magic"},
    {344, 4, 0x00326e6e, DNB_EFORMAT,
     "wrong magic (bytes 6e 6e 32 00, expected \"n+1\" or \"ni1\""},
    {344, 4, 0, DNB_EFORMAT, "Analyze 7.5"},
    {344, 4, 0x0031696e, DNB_EFORMAT, "the voxels are in an .img file"},
    {40, 2, 0, DNB_EFORMAT, "dim[0] (number of dimensions) is 0, expected 1 to 7"},
    {40, 2, 8, DNB_EFORMAT, "dim[0] (number of dimensions) is 8"},
    {40, 2, -1, DNB_EFORMAT, "dim[0] (number of dimensions) is -1"},
    {42, 2, 0, DNB_EFORMAT, "dim[1] is 0, expected 1 or more"},
    {44, 2, -3, DNB_EFORMAT, "dim[2] is -3"},
    {48, 2, 32767, DNB_EFORMAT,
     "expected 1573168 bytes (786408 INT16 voxels after 352 bytes), has 592"},
    {48, 2, 6, DNB_EFORMAT, "expected 640 bytes (144 INT16 voxels after 352 bytes), has 592"},
    {70, 2, 128, DNB_EUNSUPPORTED, "voxels are RGB24 (datatype 128)"},
    {70, 2, 2304, DNB_EUNSUPPORTED, "RGBA32"},
    {70, 2, 32, DNB_EUNSUPPORTED, "COMPLEX64"},
    {70, 2, 1792, DNB_EUNSUPPORTED, "COMPLEX128"},
    {70, 2, 2048, DNB_EUNSUPPORTED, "COMPLEX256"},
    {70, 2, 1536, DNB_EUNSUPPORTED, "FLOAT128"},
    {70, 2, 1, DNB_EUNSUPPORTED, "BINARY"},
    {70, 2, 5, DNB_EUNSUPPORTED, "voxels are unknown (datatype 5)"},
    {70, 2, 64, DNB_EFORMAT, "expected 1312 bytes (120 FLOAT64 voxels after 352 bytes), has 592"},
    {108, 4, FLOAT_BITS_1E9, DNB_EFORMAT, "after 1000000000 bytes), has 592"},
    {108, 4, FLOAT_BITS_352_5, DNB_EFORMAT,
     "vox_offset is 352.5, expected a whole number from 352"},
    {108, 4, FLOAT_BITS_NAN, DNB_EFORMAT, "vox_offset is nan"},
    {108, 4, FLOAT_BITS_348, DNB_EFORMAT, "vox_offset is 348, expected a whole number from 352"},
    {108, 4, FLOAT_BITS_MINUS_16, DNB_EFORMAT, "vox_offset is -16"},
};

static const lie LIES2[] = {
    {4, 4, 0x00316e6e, DNB_EFORMAT, "expected \"n+2\" or \"ni2\""},
    {8, 4, 0, DNB_EFORMAT, "wrong magic"},
    {20, 4, 1, DNB_EFORMAT, "dim[0] (number of dimensions) is 4294967300"},
    {28, 4, 0x10000000, DNB_EFORMAT, "multiply to more voxels than memory can address"},
    {28, 4, -1, DNB_EFORMAT, "dim[1] is -4294967294"},
    {28, 4, 0x00100000, DNB_EFORMAT, "has 784"},
    {172, 4, 0x10000000, DNB_EFORMAT, "has 784"},
    {172, 4, 0x7fffffff, DNB_EFORMAT, "vox_offset is 9.22"},
    {168, 4, 543, DNB_EFORMAT, "vox_offset is 543, expected a whole number from 544"},
};

static void expect_lie(const unsigned char *bytes, size_t size, const lie *l)
{
    dnb_nifti *n = NULL;
    dnb_err err = {0};
    unsigned char *copy = malloc(size); /* exactly as long: the sanitizer sees any step beyond */
    memcpy(copy, bytes, size);
    if (l->bytes == 2)
        set16(copy, l->at, l->value);
    else
        set32(copy, l->at, l->value);
    assert_int_equal(open_memory(&n, copy, size, &err), l->status);
    if (!strstr(err.message, l->says) || strncmp(err.message, "m.nii: ", 7) != 0)
        fail_msg("expected \"m.nii: ...%s\", got \"%s\"", l->says, err.message);
    assert_null(n);
    free(copy);
}

static void test_lying_headers(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE], two[SMALL2_SIZE];
    small1(one);
    small2(two);
    for (size_t i = 0; i < sizeof LIES1 / sizeof *LIES1; i++)
        expect_lie(one, sizeof one, &LIES1[i]);
    for (size_t i = 0; i < sizeof LIES2 / sizeof *LIES2; i++)
        expect_lie(two, sizeof two, &LIES2[i]);
    /* a slope without a usable intercept */
    setf(one, 112, 2);
    expect_lie(one, sizeof one,
               &(lie){116, 4, FLOAT_BITS_NAN, DNB_EFORMAT, "scl_slope is 2 but scl_inter is nan"});
}

/* Cut anywhere, packed or not: an error that names the file, never a crash, never a wrong image. */
static void test_cut_files(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE], packed[SMALL1_SIZE + 64];
    double v[120];
    dnb_err err;
    small1(one);
    size_t size = pack(one, sizeof one, packed, sizeof packed);
    for (size_t cut = 0; cut < sizeof one; cut++) {
        dnb_nifti *n = NULL;
        assert_int_equal(open_memory(&n, one, cut, &err), DNB_EFORMAT);
        assert_int_equal(strncmp(err.message, "m.nii: ", 7), 0);
    }
    for (size_t cut = 0; cut < size; cut++) {
        dnb_nifti *n = NULL;
        dnb_status status = open_memory(&n, packed, cut, &err);
        if (status == DNB_OK)
            status = dnb_nifti_read_f64(n, 0, 5, v, &err);
        assert_int_equal(status, DNB_EFORMAT);
        dnb_nifti_close(n);
    }
    dnb_nifti *n = NULL;
    packed[size - 6] ^= 1; /* the checksum */
    assert_int_equal(open_memory(&n, packed, size, &err), DNB_OK);
    assert_int_equal(dnb_nifti_read_f64(n, 0, 4, v, &err), DNB_OK); /* not at the end yet */
    assert_int_equal(dnb_nifti_read_f64(n, 4, 1, v, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "incorrect data check"));
    dnb_nifti_close(n);
}

static void test_gzip_that_unpacks_to_too_little(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE], packed[SMALL1_SIZE + 64];
    double v[120];
    dnb_err err;
    dnb_nifti *n = NULL;
    small1(one);
    set16(one, 48, 6);
    size_t size = pack(one, sizeof one, packed, sizeof packed);
    assert_int_equal(open_memory(&n, packed, size, &err), DNB_OK); /* not knowable yet */
    assert_int_equal(dnb_nifti_read_f64(n, 0, 5, v, &err), DNB_OK);
    assert_int_equal(dnb_nifti_read_f64(n, 5, 1, v, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "expected 640 bytes unpacked (144 INT16 voxels after 352 "
                                        "bytes), has 592"));
    dnb_nifti_close(n);
    n = NULL;
    set16(one, 48, 32000); /* more than these few bytes could ever unpack to */
    size = pack(one, sizeof one, packed, sizeof packed);
    assert_int_equal(open_memory(&n, packed, size, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "has at most"));
}

static void test_gzip_members_padding_and_going_back(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE], packed[2 * SMALL1_SIZE + 128];
    double v[120];
    dnb_err err;
    dnb_nifti *n = NULL;
    small1(one);
    size_t size = pack(one, 401, packed, sizeof packed);
    size += pack(one + 401, sizeof one - 401, packed + size, sizeof packed - size);
    memset(packed + size, 0, 20); /* as on tape */
    assert_int_equal(open_memory(&n, packed, size + 20, &err), DNB_OK);
    for (size_t k = 5; k-- > 0;) {
        assert_int_equal(dnb_nifti_read_f64(n, k, 1, v, &err), DNB_OK);
        assert_counts(v, 24 * k, 24);
    }
    assert_int_equal(dnb_nifti_read_f64(n, 1, 3, v, &err), DNB_OK);
    assert_counts(v, 24, 72);
    dnb_nifti_close(n);
}

static void test_ranges_and_memory(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE];
    double v[120];
    dnb_err err;
    dnb_array a = {0};
    dnb_nifti *n = NULL;
    small1(one);
    assert_int_equal(open_memory(&n, one, sizeof one, &err), DNB_OK);
    assert_int_equal(dnb_nifti_read_f64(n, 5, 0, v, &err), DNB_OK);
    assert_int_equal(dnb_nifti_read_f64(n, 5, 1, v, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_read_f64(n, 3, 3, v, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_read_f64(n, SIZE_MAX, 2, v, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_read_f64(n, 1, SIZE_MAX, v, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_read(n, DNB_F64, 959, &a, &err), DNB_ENOMEM);
    assert_non_null(strstr(err.message, "take 960 bytes as float64, 959 are allowed"));
    assert_int_equal(dnb_nifti_read(n, DNB_I32, 0, &a, &err), DNB_EARG);
    assert_null(a.data);
    assert_int_equal(dnb_nifti_read(n, DNB_F64, 960, &a, &err), DNB_OK);
    assert_true(a.ndim == 4 && a.shape[0] == 5 && a.shape[1] == 4 && a.shape[2] == 3 &&
                a.shape[3] == 2);
    assert_counts(a.data, 0, 120);
    dnb_array_release(&a);
    dnb_nifti_close(n);
}

/* Two extensions, then padding with zeros up to vox_offset. */
static void test_extensions(void **state)
{
    (void)state;
    unsigned char small[SMALL1_SIZE], big[SMALL1_SIZE + 96] = {0};
    dnb_err err;
    dnb_nifti *n = NULL;
    small1(small);
    memcpy(big, small, 348);
    memcpy(big + 448, small + 352, 240);
    setf(big, 108, 448);
    big[348] = 1;
    set32(big, 352, 32);
    set32(big, 356, 6);
    memcpy(big + 360, "a comment of 22 bytes", 21);
    set32(big, 384, 16);
    set32(big, 388, 44);
    assert_int_equal(open_memory(&n, big, sizeof big, &err), DNB_OK);
    assert_int_equal(dnb_nifti_n_extensions(n), 2);
    const dnb_nifti_extension *e = dnb_nifti_extension_at(n, 0);
    assert_true(e->code == 6 && e->size == 24);
    assert_string_equal(e->data, "a comment of 22 bytes");
    assert_true(dnb_nifti_extension_at(n, 1)->code == 44);
    dnb_nifti_close(n);
    static const int32_t BAD[] = {7, -16, 200, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        n = NULL;
        set32(big, 384, BAD[i]);
        assert_int_equal(open_memory(&n, big, sizeof big, &err), DNB_EFORMAT);
        assert_non_null(strstr(err.message, "header extension at byte 384 claims"));
    }
    big[348] = 0; /* none announced: what lies there is skipped */
    assert_int_equal(open_memory(&n, big, sizeof big, &err), DNB_OK);
    assert_int_equal(dnb_nifti_n_extensions(n), 0);
    dnb_nifti_close(n);
}

static void test_pairs(void **state)
{
    scratch *s = *state;
    unsigned char one[SMALL1_SIZE];
    double v[24];
    dnb_err err;
    dnb_nifti *n = NULL;
    small1(one);
    const char *hdr = scratch_path(s, "p.hdr"), *img = scratch_path(s, "p.img");
    save_bytes(hdr, one, 348);
    assert_int_equal(dnb_nifti_open(&n, hdr, &err), DNB_EIO);
    assert_non_null(strstr(err.message, "its .img file is not beside it"));
    save_bytes(img, one + 352, 240);
    assert_int_equal(dnb_nifti_open(&n, hdr, &err), DNB_EFORMAT); /* still says n+1 */
    assert_non_null(strstr(err.message, "name it .nii"));
    memcpy(one + 344, "ni1", 4);
    setf(one, 108, 0);
    save_bytes(hdr, one, 348);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dnb_nifti_open(&n, i ? img : hdr, &err), DNB_OK);
        assert_int_equal(dnb_nifti_read_f64(n, 2, 1, v, &err), DNB_OK);
        assert_counts(v, 48, 24);
        dnb_nifti_close(n);
    }
    n = NULL;
    save_bytes(img, one + 352, 239);
    assert_int_equal(dnb_nifti_open(&n, hdr, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "p.img: cut short"));
    assert_non_null(strstr(err.message, "has 239"));
}

static void test_not_files(void **state)
{
    scratch *s = *state;
    dnb_err err;
    dnb_nifti *n = NULL;
    assert_int_equal(dnb_nifti_open(&n, scratch_path(s, "absent.nii"), &err), DNB_EIO);
    assert_non_null(strstr(err.message, "absent.nii: cannot open: No such file"));
    assert_int_equal(dnb_nifti_open(&n, s->dir, &err), DNB_EIO);
    assert_non_null(strstr(err.message, "is a folder"));
    assert_int_equal(dnb_nifti_open(&n, "/dev/zero", &err), DNB_EIO);
    assert_non_null(strstr(err.message, "no regular file"));
    assert_int_equal(dnb_nifti_open(&n, scratch_path(s, "absent.nii"), NULL), DNB_EIO);
}

/* A file written is the file read, whatever the name; equal input gives equal bytes. */
static void test_write_and_read_back(void **state)
{
    scratch *s = *state;
    dnb_err err;
    double v[60], back[60];
    const char *names[] = {"w.nii", "w.nii.gz"};
    for (size_t i = 0; i < 60; i++)
        v[i] = sin((double)i) * 1e3;
    for (int k = 0; k < 2; k++) {
        const char *path = scratch_path(s, names[k]);
        dnb_nifti_header h;
        dnb_nifti *n = NULL;
        dnb_array a = {0};
        assert_int_equal(dnb_nifti_header_init(&h, 4, (size_t[]){3, 4, 1, 5}, &err), DNB_OK);
        h.datatype = DNB_NIFTI_FLOAT64;
        h.pixdim[4] = 2;
        dnb_nifti_extension ext = {.code = 4, .size = 3, .data = "abc"};
        dnb_nifti_write_options opt = {
            .provenance = "{\"seed\": 7}", .extensions = &ext, .n_extensions = 1};
        assert_int_equal(dnb_nifti_write(path, &h, DNB_F64, v, &opt, &err), DNB_OK);
        assert_int_equal(dnb_nifti_open(&n, path, &err), DNB_OK);
        assert_int_equal(dnb_nifti_read_f64(n, 0, 5, back, &err), DNB_OK);
        assert_memory_equal(v, back, sizeof v);
        assert_int_equal(dnb_nifti_n_extensions(n), 2);
        assert_int_equal(dnb_nifti_extension_at(n, 0)->code, 4);
        assert_int_equal(dnb_nifti_extension_at(n, 1)->code, 6);
        assert_string_equal(dnb_nifti_extension_at(n, 1)->data, "{\"seed\": 7}");
        assert_int_equal(dnb_nifti_header_of(n)->vox_offset % 16, 0);
        assert_true(dnb_nifti_header_of(n)->pixdim[4] == 2);
        dnb_array_release(&a);
        dnb_nifti_close(n);
    }
}

static void test_write_refuses(void **state)
{
    scratch *s = *state;
    dnb_err err;
    dnb_nifti_header h;
    int before = scratch_count(s);
    double v[4] = {1, 2, 1e300, 4};
    assert_int_equal(dnb_nifti_header_init(&h, 2, (size_t[]){2, 2}, &err), DNB_OK);
    const char *path = scratch_path(s, "r.nii");
    assert_int_equal(dnb_nifti_write(path, &h, DNB_F64, v, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "value 1e+300 at voxel (0, 1, 0) of volume 0"));
    h.datatype = 128;
    assert_int_equal(dnb_nifti_write(path, &h, DNB_F64, v, NULL, &err), DNB_EUNSUPPORTED);
    h.datatype = DNB_NIFTI_FLOAT64;
    assert_int_equal(dnb_nifti_write(path, &h, DNB_I32, v, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_write(scratch_path(s, "r.img"), &h, DNB_F64, v, NULL, &err),
                     DNB_EARG);
    assert_int_equal(
        dnb_nifti_write(path, &h, DNB_F64, v, &(dnb_nifti_write_options){.version = 3}, &err),
        DNB_EARG);
    assert_int_equal(dnb_nifti_write(scratch_path(s, "r.nii.gz"), &h, DNB_F64, v,
                                     &(dnb_nifti_write_options){.gzip_level = 10}, &err),
                     DNB_EARG);
    h.xyzt_units = 256;
    assert_int_equal(
        dnb_nifti_write(path, &h, DNB_F64, v, &(dnb_nifti_write_options){.version = 1}, &err),
        DNB_EARG);
    assert_non_null(strstr(err.message, "xyzt_units does not fit a NIfTI-1 file"));
    h.xyzt_units = 10;
    h.shape[1] = 0;
    assert_int_equal(dnb_nifti_write(path, &h, DNB_F64, v, NULL, &err), DNB_EARG);
    assert_int_equal(scratch_count(s), before); /* nothing half-written stays */
}

static void test_header_init_refuses(void **state)
{
    (void)state;
    dnb_err err;
    dnb_nifti_header h;
    assert_int_equal(dnb_nifti_header_init(&h, 0, (size_t[]){1}, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_header_init(&h, 8, (size_t[8]){1}, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_header_init(&h, 2, (size_t[]){1, 0}, &err), DNB_EARG);
    assert_int_equal(dnb_nifti_header_init(&h, 2, (size_t[]){SIZE_MAX, 2}, &err), DNB_ENOMEM);
}

/* set_affine then affine gives the matrix back, from the sform and from the qform alone. */
static void test_affine_round_trip(void **state)
{
    (void)state;
    dnb_err err;
    dnb_nifti_header h;
    assert_int_equal(dnb_nifti_header_init(&h, 3, (size_t[]){4, 5, 6}, &err), DNB_OK);
    for (int k = 0; k < 200; k++) {
        double t = k * 0.7, p = k * 0.31, c = cos(t), s = sin(t), d = cos(p), e = sin(p);
        double flip = k % 2 ? -1 : 1, z[3] = {2, 1.5, 3 * flip}, m[4][4], got[4][4];
        double r[3][3] = {{c, -s * d, s * e}, {s, c * d, -c * e}, {0, e, d}};
        memset(m, 0, sizeof m);
        m[3][3] = 1;
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++)
                m[i][j] = r[i][j] * z[j];
            m[i][3] = 10 * i - 7;
        }
        dnb_nifti_set_affine(&h, (const double(*)[4])m, 2);
        assert_int_equal(dnb_nifti_affine(&h, got, &err), DNB_OK);
        assert_memory_equal(m, got, sizeof m);
        assert_int_equal(h.qform_code, 2);
        h.sform_code = 0;
        assert_int_equal(dnb_nifti_affine(&h, got, &err), DNB_OK);
        for (int i = 0; i < 16; i++)
            assert_true(fabs(m[i / 4][i % 4] - got[i / 4][i % 4]) < 1e-6);
        assert_true(h.pixdim[0] == flip);
    }
    double sheared[4][4] = {{1, 0.5, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
    dnb_nifti_set_affine(&h, (const double(*)[4])sheared, 1);
    assert_int_equal(h.qform_code, 0);
    h.sform_code = 0;
    h.qform_code = 1;
    h.quatern[0] = 1.5;
    double got[4][4] = {{7}};
    assert_int_equal(dnb_nifti_affine(&h, got, &err), DNB_EFORMAT);
    assert_true(got[0][0] == 7);
}

static bool stop_now(void *ctx)
{
    (*(int *)ctx)++;
    return true;
}

static void sink_nothing(void *ctx, const dnb_voxel_format *format, const void *raw, size_t first,
                         size_t n)
{
    (void)ctx, (void)format, (void)raw, (void)first, (void)n;
}

static void test_cancel(void **state)
{
    (void)state;
    unsigned char one[SMALL1_SIZE];
    dnb_err err;
    dnb_nifti *n = NULL;
    int asked = 0;
    dnb_progress p = {.cancelled = stop_now, .ctx = &asked};
    small1(one);
    assert_int_equal(open_memory(&n, one, sizeof one, &err), DNB_OK);
    assert_int_equal(dnb_nifti_stream(n, 0, 5, sink_nothing, NULL, &p, &err), DNB_ECANCELLED);
    assert_int_equal(asked, 1);
    dnb_nifti_close(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_both_versions),
        cmocka_unit_test(test_lying_headers),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_gzip_that_unpacks_to_too_little),
        cmocka_unit_test(test_gzip_members_padding_and_going_back),
        cmocka_unit_test(test_ranges_and_memory),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_not_files),
        cmocka_unit_test(test_write_and_read_back),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_header_init_refuses),
        cmocka_unit_test(test_affine_round_trip),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
