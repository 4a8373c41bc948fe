/* image loader: order, hashes, early stop, and which error is reported, for any number of threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnnbrain/image.h"

enum { N = 41, SIDE = 5, VALUES = 3 * SIDE * SIDE };

static char folder[] = "/tmp/dnb_loader_XXXXXX";
static char names[N][64];
static const char *paths[N];
static const dnb_image_prep prep = {.height = SIDE, .width = SIDE, .range = 255, .std = {1, 1, 1}};

/* Image i is all of colour (i, 2 i, 3 i); sizes vary so that decoding times do. */
static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    for (size_t i = 0; i < N; i++) {
        dnb_image im = {0};
        snprintf(names[i], sizeof names[i], "%s/%zu.png", folder, i);
        paths[i] = names[i];
        if (dnb_image_init(&im, 1 + i * 13 % 7 * 30, 1 + i * 5 % 11 * 20, NULL) != DNB_OK)
            return 1;
        for (size_t k = 0; k < im.width * im.height * 3; k++)
            im.data[k] = (uint8_t)(i * (k % 3 + 1));
        if (dnb_image_write_png(&im, paths[i], NULL, NULL) != DNB_OK)
            return 1;
        dnb_image_release(&im);
    }
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++)
        unlink(names[i]);
    return rmdir(folder);
}

static dnb_image_loader *start(const char *const *list, size_t n, int threads, size_t queue)
{
    dnb_image_loader *l = NULL;
    dnb_err err = {0};
    const dnb_image_loader_options options = {.threads = threads, .queue = queue};
    if (dnb_image_loader_new(&l, list, n, &prep, &options, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return l;
}

static void expect_image(const float *planes, const uint8_t *rgb, const char *hash, size_t i)
{
    char want[33];
    for (size_t k = 0; k < VALUES; k++) {
        float value = (float)(i * (k / (SIDE * SIDE) + 1) % 256);
        assert_true(planes[k] == value);
        assert_int_equal(rgb[k], i * (k % 3 + 1) % 256);
    }
    assert_int_equal(dnb_hash_file(paths[i], want, NULL), DNB_OK);
    assert_string_equal(hash, want);
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        int threads;
        size_t queue, batch;
    } setups[] = {{0, 0, 1}, {0, 3, 8}, {1, 1, 8}, {2, 0, 7}, {4, 2, 50}, {8, 100, 3}};
    for (size_t s = 0; s < sizeof setups / sizeof setups[0]; s++) {
        float planes[50 * VALUES];
        uint8_t rgb[50 * VALUES];
        char hash[50][33];
        size_t at = 0, count = 99;
        dnb_image_loader *l = start(paths, N, setups[s].threads, setups[s].queue);
        const dnb_image_batch batch = {setups[s].batch, planes, rgb, hash};
        for (;;) {
            assert_int_equal(dnb_image_loader_read(l, &batch, &count, NULL), DNB_OK);
            if (count == 0)
                break;
            for (size_t i = 0; i < count; i++)
                expect_image(planes + i * VALUES, rgb + i * VALUES, hash[i], at + i);
            at += count;
            assert_true(count == batch.n || at == N);
        }
        assert_int_equal(at, N);
        dnb_image_loader_free(l);
    }
}

/* The consumer may stop anywhere: nothing hangs, nothing leaks. */
static void test_early_stop(void **state)
{
    (void)state;
    float planes[VALUES];
    const dnb_image_batch batch = {.n = 1, .planes = planes};
    size_t count;
    for (int threads = 0; threads <= 3; threads++) {
        for (size_t stop = 0; stop < N; stop += 3) {
            dnb_image_loader *l = start(paths, N, threads, stop % 5);
            for (size_t i = 0; i < stop; i++)
                assert_int_equal(dnb_image_loader_read(l, &batch, &count, NULL), DNB_OK);
            dnb_image_loader_free(l);
        }
    }
    dnb_image_loader_free(NULL);
}

/* Images 17 and 20 are missing: 17 is named each time, after all before it were delivered. */
static void test_first_error(void **state)
{
    (void)state;
    const char *list[N];
    float planes[VALUES * 4];
    const dnb_image_batch batch = {.n = 4, .planes = planes};
    memcpy(list, paths, sizeof list);
    list[17] = "/nonexistent/seventeen.png";
    list[20] = "/nonexistent/twenty.png";
    for (int threads = 0; threads <= 4; threads++) {
        dnb_err err;
        size_t count = 0, delivered = 0;
        dnb_image_loader *l = start(list, N, threads, 0);
        while (dnb_image_loader_read(l, &batch, &count, &err) == DNB_OK && delivered < N)
            delivered += count;
        assert_int_equal(delivered, 16);
        assert_int_equal(err.status, DNB_EIO);
        assert_non_null(strstr(err.message, "seventeen.png"));
        err = (dnb_err){0};
        assert_int_equal(dnb_image_loader_read(l, &batch, &count, &err), DNB_EIO);
        assert_non_null(strstr(err.message, "seventeen.png"));
        assert_int_equal(count, 4); /* as the last good batch left it */
        dnb_image_loader_free(l);
    }
}

static void test_edges(void **state)
{
    (void)state;
    dnb_image_loader *l = start(NULL, 0, 2, 0);
    size_t count = 9;
    dnb_err err;
    assert_int_equal(dnb_image_loader_read(l, &(dnb_image_batch){.n = 4}, &count, NULL), DNB_OK);
    assert_int_equal(count, 0);
    dnb_image_loader_free(l);
    l = NULL;
    const dnb_image_loader_options negative = {.threads = -1};
    assert_int_equal(dnb_image_loader_new(&l, paths, N, &prep, &negative, &err), DNB_EARG);
    dnb_image_prep flat = prep;
    flat.height = 0;
    assert_int_equal(dnb_image_loader_new(&l, paths, N, &flat, NULL, &err), DNB_EARG);
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_early_stop),
        cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
