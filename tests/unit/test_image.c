/* image: resize kernels and Pillow's values, run-length BMPs by hand, network planes, PNG output,
 * errors, and every allocation made to fail in turn. (diff_image.py compares the decoders with
 * Pillow's.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/path.h"
#include "dnnbrain/image.h"
#include "dnnbrain/random.h"
#include "media/image_resize.h"

static char folder[] = "/tmp/dnb_image_XXXXXX";
static char file[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(file, sizeof file, "%s/a.png", folder);
    return 0;
}

static dnb_image noise(size_t width, size_t height, uint64_t seed)
{
    dnb_image im = {0};
    dnb_random r;
    dnb_random_init(&r, seed, width * 1000 + height);
    assert_int_equal(dnb_image_init(&im, width, height, NULL), DNB_OK);
    for (size_t i = 0; i < width * height * 3; i++)
        im.data[i] = (uint8_t)dnb_random_u32(&r);
    return im;
}

/* ---- allocation faults: first, because it counts allocations from the start of the process ----
 */

static dnb_status read_write_resize(dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_image im = {0}, back = {0};
    dnb_provenance *p = NULL;
    dnb_image_loader *loader = NULL;
    float planes[3 * 5 * 4];
    uint8_t pixels[7 * 9 * 3] = {1, 2, 3};
    const char *paths[] = {file, file, file};
    size_t count = 0;
    const dnb_image_prep prep = {.height = 5, .width = 4, .range = 1, .std = {1, 1, 1}};
    const dnb_image_loader_options threads = {.threads = 1, .queue = 2};
    const dnb_image_batch batch = {.n = 3, .planes = planes};
    dnb_image_borrow(&im, 7, 9, pixels);
    DNB_TRY(dnb_provenance_new(&p, 0, NULL, err));
    const dnb_png_options options = {.provenance = p};
    DNB_TRY(dnb_image_write_png(&im, file, &options, err));
    DNB_TRY(dnb_image_read(&back, file, err));
    DNB_TRY(dnb_image_prepare(planes, &back, &prep, err));
    DNB_TRY(dnb_image_loader_new(&loader, paths, 3, &prep, &threads, err));
    for (count = 1; count > 0;)
        DNB_TRY(dnb_image_loader_read(loader, &(dnb_image_batch){.n = batch.n}, &count, err));
done:
    dnb_image_loader_free(loader);
    dnb_image_release(&back);
    dnb_provenance_free(p);
    return status;
}

/* Exit status of a child whose nth allocation fails: 0 went through, 3 a clean error, else a
 * defect. */
static int with_fault(int n)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char number[16];
        dnb_err err = {0};
        snprintf(number, sizeof number, "%d", n);
        setenv("DNNBRAIN_FAULT_ALLOC", number, 1);
        dnb_status status = read_write_resize(&err);
        exit(status == DNB_OK ? 0 : status == DNB_ENOMEM && strlen(err.message) > 8 ? 3 : 4);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void test_allocation_faults(void **state)
{
    (void)state;
    int n = 1, result;
    while ((result = with_fault(n)) == 3)
        n++;
    assert_int_equal(result, 0);
#ifdef DNB_FAULTS
    assert_true(n > 20);
#endif
}

/* ---- resizing ---- */

static void expect_resized(const uint8_t *in, size_t w, size_t h, const uint8_t *want, size_t to_w,
                           size_t to_h)
{
    dnb_image im = {0}, out = {0};
    dnb_image_borrow(&im, w, h, (uint8_t *)(uintptr_t)in);
    assert_int_equal(dnb_image_resize(&out, &im, to_w, to_h, NULL), DNB_OK);
    assert_memory_equal(out.data, want, to_w * to_h * 3);
    dnb_image_release(&out);
}

/* Values printed by Pillow 9.4: Image.fromarray(a).resize((w, h), Image.BILINEAR). */
static void test_resize_values(void **state)
{
    (void)state;
    static const uint8_t row[] = {0, 0, 0, 37, 91, 151, 74, 182, 46, 111, 17, 197, 148, 108, 92};
    static const uint8_t row2[] = {37, 79, 81, 111, 87, 127};
    static const uint8_t block[] = {0,   0,   255, 80,  7,   195, 160, 14,  135, 50,  99,  245,
                                    130, 106, 185, 210, 113, 125, 100, 198, 235, 180, 205, 175,
                                    4,   212, 115, 150, 41,  225, 230, 48,  165, 54,  55,  105};
    static const uint8_t block2[] = {45,  33,  230, 145, 41, 155, 105, 152, 218,
                                     125, 160, 143, 165, 91, 206, 105, 99,  131};
    expect_resized(row, 5, 1, row2, 2, 1);
    expect_resized(block, 3, 4, block2, 2, 3);
    expect_resized(block, 3, 4, block, 3, 4);
}

/* One resize with the portable kernels alone. */
static void resize_portably(dnb_image *out, const dnb_image *im, size_t width, size_t height)
{
    dnb_resize_kernels k = dnb_resize_portable();
    dnb_resize_weights across, down;
    assert_int_equal(dnb_resize_weights_init(&across, im->width, width, NULL), DNB_OK);
    assert_int_equal(dnb_resize_weights_init(&down, im->height, height, NULL), DNB_OK);
    dnb_image rows = {0};
    assert_int_equal(dnb_image_init(&rows, width, im->height, NULL), DNB_OK);
    assert_int_equal(dnb_image_init(out, width, height, NULL), DNB_OK);
    for (size_t y = 0; y < im->height; y++) {
        const uint8_t *src = im->data + y * im->width * 3;
        uint8_t *dst = rows.data + y * width * 3;
        k.across((uint8_t *[]){dst, dst, dst, dst}, (const uint8_t *[]){src, src, src, src},
                 &across);
    }
    for (size_t y = 0; y < height; y++)
        k.down(out->data + y * width * 3, rows.data + down.first[y] * width * 3, width * 3, &down,
               y);
    dnb_resize_weights_release(&across);
    dnb_resize_weights_release(&down);
    dnb_image_release(&rows);
}

/* The processor's best kernels give what the portable ones give, at all odd sizes. */
static void test_kernels_agree(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 5, 10, 11, 17, 33, 64, 223, 500};
    enum { N = sizeof sizes / sizeof sizes[0] };
    for (size_t i = 0; i < N * N; i++) {
        size_t to_w = sizes[i % N], to_h = sizes[(i * 7 + 3) % N];
        dnb_image im = noise(sizes[i / N], sizes[(i * 5 + i / N) % N], i), a = {0}, b = {0};
        assert_int_equal(dnb_image_resize(&a, &im, to_w, to_h, NULL), DNB_OK);
        resize_portably(&b, &im, to_w, to_h);
        assert_memory_equal(a.data, b.data, to_w * to_h * 3);
        dnb_image_release(&a);
        dnb_image_release(&b);
        dnb_image_release(&im);
    }
}

/* ---- BMP runs that Pillow 9.4 misreads, so only this test holds them ---- */

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* A run-length BMP of w x h whose palette entry i is (i, i + 100, 200 - i); returns its pixels'
 * red. */
static dnb_status decode_runs(uint8_t *red, uint32_t w, uint32_t h, uint32_t bits,
                              const uint8_t *runs, size_t n, dnb_err *err)
{
    uint8_t bytes[14 + 40 + 4 * 16 + 64] = "BM";
    dnb_image im = {0};
    put32(bytes + 10, 14 + 40 + 4 * 16);
    put32(bytes + 14, 40);
    put32(bytes + 18, w);
    put32(bytes + 22, h);
    put32(bytes + 26, 1 | bits << 16);
    put32(bytes + 30, bits == 8 ? 1 : 2);
    put32(bytes + 46, 16);
    for (uint32_t i = 0; i < 16; i++)
        put32(bytes + 54 + 4 * i, i << 16 | (i + 100) << 8 | (200 - i));
    memcpy(bytes + 54 + 64, runs, n);
    dnb_status status = dnb_image_decode(&im, bytes, 54 + 64 + n, "runs.bmp", err);
    if (status != DNB_OK)
        return status;
    assert_int_equal(im.width, w);
    assert_int_equal(im.height, h);
    for (size_t i = 0; i < (size_t)w * h; i++) {
        red[i] = im.data[3 * i];
        assert_int_equal(im.data[3 * i + 1], red[i] + 100);
        assert_int_equal(im.data[3 * i + 2], 200 - red[i]);
    }
    dnb_image_release(&im);
    return DNB_OK;
}

static void test_bmp_runs(void **state)
{
    (void)state;
    uint8_t red[24];
    dnb_err err;
    /* bottom row: 5 x 3; jump 2 right, 1 up; literals 4 5 6; an empty row; top row 6 x 9 */
    static const uint8_t jump[] = {1, 3, 0, 2, 2, 1, 0, 3, 4, 5, 6, 0, 0, 0, 0, 0, 6, 9};
    static const uint8_t jumped[] = {9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 4, 5, 6, 3, 0, 0, 0, 0, 0};
    assert_int_equal(decode_runs(red, 6, 4, 8, jump, sizeof jump, &err), DNB_OK);
    assert_memory_equal(red, jumped, 24);
    /* odd literals of 4 bits: 3 pixels in 2 bytes, 5 in 3 bytes and one of padding */
    static const uint8_t odd[] = {0, 3, 0x12, 0x30, 3,    0x45, 0, 0,
                                  0, 5, 0x67, 0x89, 0xa0, 0,    1, 0xb0};
    static const uint8_t odds[] = {6, 7, 8, 9, 10, 11, 1, 2, 3, 4, 5, 4};
    assert_int_equal(decode_runs(red, 6, 2, 4, odd, sizeof odd, &err), DNB_OK);
    assert_memory_equal(red, odds, 12);
    /* the end code before the picture is full, and a literal cut by the end of the file */
    static const uint8_t end[] = {6, 1, 0, 0, 3, 1, 0, 1};
    assert_int_equal(decode_runs(red, 6, 2, 8, end, sizeof end, &err), DNB_EFORMAT);
    assert_non_null(
        strstr(err.message, "runs.bmp: truncated BMP: runs end in row 1 of 2, column 3"));
    static const uint8_t cut[] = {0, 200, 1, 2};
    assert_int_equal(decode_runs(red, 6, 2, 8, cut, sizeof cut, &err), DNB_EFORMAT);
}

/* ---- planes ---- */

static void test_prepare(void **state)
{
    (void)state;
    uint8_t pixels[] = {0, 128, 255, 10, 20, 30};
    float out[6];
    dnb_image im = {0};
    dnb_image_borrow(&im, 2, 1, pixels);
    dnb_image_prep prep = {.height = 1,
                           .width = 2,
                           .range = 1,
                           .mean = {0.5f, 0.25f, 0.125f},
                           .std = {0.5f, 0.25f, 2}};
    assert_int_equal(dnb_image_prepare(out, &im, &prep, NULL), DNB_OK);
    const float rgb[] = {-1,
                         (10 / 255.0f - 0.5f) / 0.5f,
                         (128 / 255.0f - 0.25f) / 0.25f,
                         (20 / 255.0f - 0.25f) / 0.25f,
                         0.4375f,
                         (30 / 255.0f - 0.125f) / 2};
    assert_memory_equal(out, rgb, sizeof rgb);
    prep = (dnb_image_prep){.height = 1,
                            .width = 2,
                            .bgr = true,
                            .range = 255,
                            .mean = {104, 117, 123},
                            .std = {1, 1, 1}};
    assert_int_equal(dnb_image_prepare(out, &im, &prep, NULL), DNB_OK);
    const float bgr[] = {255 - 104, 30 - 104, 128 - 117, 20 - 117, 0 - 123, 10 - 123};
    assert_memory_equal(out, bgr, sizeof bgr);
}

static void test_prep_errors(void **state)
{
    (void)state;
    dnb_err err;
    const dnb_image_prep good = {.height = 2, .width = 2, .range = 1, .std = {1, 1, 1}};
    assert_int_equal(dnb_image_prep_check(&good, &err), DNB_OK);
    dnb_image_prep p = good;
    p.std[1] = 0;
    assert_int_equal(dnb_image_prep_check(&p, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "channel 1"));
    p = good;
    p.range = 0;
    assert_int_equal(dnb_image_prep_check(&p, &err), DNB_EARG);
    p = good;
    p.width = SIZE_MAX;
    assert_int_equal(dnb_image_prep_check(&p, &err), DNB_EARG);
}

/* ---- values, files, messages ---- */

static void test_sizes(void **state)
{
    (void)state;
    dnb_image im = {0};
    dnb_err err;
    assert_int_equal(dnb_image_init(&im, 0, 5, &err), DNB_EARG);
    assert_int_equal(dnb_image_init(&im, SIZE_MAX, SIZE_MAX, &err), DNB_EARG);
    assert_int_equal(dnb_image_init(&im, (size_t)1 << 15, ((size_t)1 << 13) + 1, &err), DNB_EARG);
    assert_null(im.data);
}

static void test_bad_input(void **state)
{
    (void)state;
    dnb_image im = {.width = 77};
    dnb_err err;
    assert_int_equal(dnb_image_decode(&im, "", 0, "none.png", &err), DNB_EFORMAT);
    assert_string_equal(err.message, "none.png: the file is empty, expected an image");
    assert_int_equal(dnb_image_decode(&im, "RIFF\1\2\3\4WEBPVP8 ", 16, "a.webp", &err),
                     DNB_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "a.webp: is a WebP file"));
    assert_int_equal(dnb_image_decode(&im,
                                      "\x7f"
                                      "ELF\1\2",
                                      6, "prog", &err),
                     DNB_EFORMAT);
    assert_non_null(strstr(err.message, "\".ELF..\""));
    assert_int_equal(dnb_image_read(&im, "/nonexistent/x.png", &err), DNB_EIO);
    assert_non_null(strstr(err.message, "/nonexistent/x.png"));
    assert_int_equal(im.width, 77); /* outputs stay untouched */
}

static void test_png_round_trip(void **state)
{
    (void)state;
    dnb_image im = noise(37, 21, 3), back = {0};
    dnb_provenance *p = NULL;
    unsigned char *first = NULL, *second = NULL;
    size_t n_first = 0, n_second = 0;
    const char *argv[] = {"dnnbrain", "caf\xc3\xa9"};
    assert_int_equal(dnb_provenance_new(&p, 2, argv, NULL), DNB_OK);
    const dnb_png_options options = {.provenance = p, .level = 9};
    assert_int_equal(dnb_image_write_png(&im, file, &options, NULL), DNB_OK);
    assert_int_equal(dnb_file_read(file, 0, &first, &n_first, NULL), DNB_OK);
    assert_int_equal(dnb_image_write_png(&im, file, &options, NULL), DNB_OK);
    assert_int_equal(dnb_file_read(file, 0, &second, &n_second, NULL), DNB_OK);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    const char *json = dnb_provenance_json(p);
    bool found = false;
    for (size_t i = 0; i + strlen(json) <= n_first; i++)
        found = found || memcmp(first + i, json, strlen(json)) == 0;
    assert_true(found);
    assert_int_equal(dnb_image_read(&back, file, NULL), DNB_OK);
    assert_int_equal(back.width, 37);
    assert_int_equal(back.height, 21);
    assert_memory_equal(back.data, im.data, 37 * 21 * 3);
    dnb_free(first);
    dnb_free(second);
    dnb_image_release(&im);
    dnb_image_release(&back);
    dnb_provenance_free(p);
}

static void test_png_write_errors(void **state)
{
    (void)state;
    uint8_t pixel[3] = {1, 2, 3};
    dnb_image im = {0};
    dnb_err err;
    dnb_image_borrow(&im, 1, 1, pixel);
    assert_int_equal(dnb_image_write_png(&im, "/nonexistent/x.png", NULL, &err), DNB_EIO);
    assert_int_equal(dnb_image_write_png(&im, file, &(dnb_png_options){.level = 10}, &err),
                     DNB_EARG);
    im.width = 0;
    assert_int_equal(dnb_image_write_png(&im, file, NULL, &err), DNB_EARG);
}

/* Last: aborted writes, those of the allocation faults included, have removed their temporary
 * files. */
static void test_nothing_left(void **state)
{
    (void)state;
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocation_faults), /* stays first */
        cmocka_unit_test(test_resize_values),     cmocka_unit_test(test_kernels_agree),
        cmocka_unit_test(test_bmp_runs),          cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_prep_errors),       cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bad_input),         cmocka_unit_test(test_png_round_trip),
        cmocka_unit_test(test_png_write_errors),  cmocka_unit_test(test_nothing_left),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
