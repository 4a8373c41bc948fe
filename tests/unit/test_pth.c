/* PyTorch checkpoints: both formats, views, wrappers, and files that are broken or hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "array/half.h"
#include "failing_alloc.h"
#include "make_pth.h"
#include "net/pth.h"

static const float numbers[6] = {0, 1, 2, 3, 4, 5};

/* A 2x3 tensor "w" of all numbers. */
static const make_tensor plain = {"w", "0", "FloatStorage", 6, 0, 2, {2, 3}, {3, 1}};

/* An archive of one storage "0" with the six numbers. */
static void zip_of(make_buffer *out, const make_tensor *t, size_t n, const char *wrap, int deflate)
{
    make_buffer pickle = {0};
    make_pickle(&pickle, t, n, wrap);
    const make_entry entries[] = {{"net/data.pkl", pickle.data, pickle.n, deflate},
                                  {"net/byteorder", "little", 6, 0},
                                  {"net/data/0", numbers, sizeof numbers, deflate},
                                  {"net/version", "3\n", 2, 0}};
    make_zip(out, entries, 4);
    free(pickle.data);
}

static dnb_pth *open_good(const make_buffer *file)
{
    dnb_pth *p = NULL;
    dnb_err err = {0};
    if (dnb_pth_open_memory(&p, "x.pth", file->data, file->n, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return p;
}

/* Opens what must not open; the message must name the file and say `part`. Frees the file. */
static void refused(make_buffer *file, dnb_status want, const char *part)
{
    dnb_pth *p = NULL;
    dnb_err err = {0};
    assert_int_equal(dnb_pth_open_memory(&p, "x.pth", file->data, file->n, &err), want);
    assert_null(p);
    if (!strstr(err.message, part) || !strstr(err.message, "x.pth"))
        fail_msg("'%s' does not say '%s'", err.message, part);
    free(file->data);
}

static void expect(const dnb_pth *p, const char *name, int ndim, const size_t *shape,
                   const float *values, size_t n)
{
    dnb_array a = {0};
    dnb_err err = {0};
    const dnb_pth_tensor *t = dnb_pth_find(p, name);
    assert_non_null(t);
    if (dnb_pth_read(p, t, &a, &err) != DNB_OK)
        fail_msg("%s", err.message);
    assert_int_equal(a.dtype, DNB_F32);
    assert_int_equal(a.ndim, ndim);
    assert_memory_equal(a.shape, shape, (size_t)ndim * sizeof *shape);
    assert_int_equal(dnb_array_count(&a), n);
    if (n)
        assert_memory_equal(a.data, values, n * sizeof *values);
    dnb_array_release(&a);
}

static void reads_views(void **state)
{
    const make_tensor t[] = {
        plain,
        {"transposed", "0", "FloatStorage", 6, 0, 2, {3, 2}, {1, 3}},
        {"tail", "0", "FloatStorage", 6, 4, 1, {2}, {1}},
        {"column", "0", "FloatStorage", 6, 1, 2, {2, 1}, {3, 77}},
        {"scalar", "0", "FloatStorage", 6, 5, 0, {0}, {0}},
        {"empty", "0", "FloatStorage", 6, 0, 2, {0, 3}, {3, 1}},
    };
    (void)state;
    for (int deflate = 0; deflate < 2; deflate++) {
        make_buffer file;
        zip_of(&file, t, 6, NULL, deflate);
        dnb_pth *p = open_good(&file);
        assert_int_equal(dnb_pth_count(p), 6);
        assert_string_equal(dnb_pth_at(p, 1)->name, "transposed");
        assert_null(dnb_pth_at(p, 6));
        assert_null(dnb_pth_find(p, "x"));
        expect(p, "w", 2, (size_t[]){2, 3}, numbers, 6);
        expect(p, "transposed", 2, (size_t[]){3, 2}, (float[]){0, 3, 1, 4, 2, 5}, 6);
        expect(p, "tail", 1, (size_t[]){2}, (float[]){4, 5}, 2);
        expect(p, "column", 2, (size_t[]){2, 1}, (float[]){1, 4}, 2);
        expect(p, "scalar", 0, NULL, (float[]){5}, 1);
        expect(p, "empty", 2, (size_t[]){0, 3}, NULL, 0);
        dnb_pth_close(p);
        free(file.data);
    }
}

static void finds_the_state_dict(void **state)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "net"};
    make_tensor t = plain;
    (void)state;
    t.name = "module.features.0.weight";
    for (size_t i = 0; i < 4; i++) {
        make_buffer file;
        zip_of(&file, &t, 1, keys[i], 0);
        dnb_pth *p = open_good(&file);
        assert_int_equal(dnb_pth_count(p), 1);
        expect(p, "features.0.weight", 2, (size_t[]){2, 3}, numbers, 6);
        dnb_pth_close(p);
        free(file.data);
    }
    /* A prefix that not every name has stays. */
    const make_tensor two[] = {t, plain};
    make_buffer file;
    zip_of(&file, two, 2, "anything", 0);
    dnb_pth *p = open_good(&file);
    assert_non_null(dnb_pth_find(p, "anything.module.features.0.weight"));
    assert_non_null(dnb_pth_find(p, "anything.w"));
    dnb_pth_close(p);
    free(file.data);
}

/* A legacy file with the numbers as storages "b" then "a" of three each. */
static void legacy(make_buffer *out, int little, long count)
{
    const make_tensor t[] = {{"x", "a", "FloatStorage", 3, 0, 1, {3}, {1}},
                             {"y", "b", "FloatStorage", 3, 0, 1, {3}, {1}}};
    *out = (make_buffer){0};
    make_legacy_head(out, little);
    make_pickle(out, t, 2, NULL);
    MAKE_ADD(out, "\x80\x02]U\x01"
                  "baU\x01"
                  "aa.");
    for (int s = 0; s < 2; s++) {
        unsigned char head[8] = {0};
        head[little ? 0 : 7] = (unsigned char)count;
        make_add(out, head, 8);
        for (int i = 0; i < 3; i++) {
            uint32_t u = dnb_float_to_bits(numbers[3 * s + i]);
            if (!little)
                u = u >> 24 | (u >> 8 & 0xff00) | (u << 8 & 0xff0000) | u << 24;
            make_add(out, &u, 4);
        }
    }
}

static void reads_legacy(void **state)
{
    (void)state;
    for (int little = 0; little < 2; little++) {
        make_buffer file;
        legacy(&file, little, 3);
        dnb_pth *p = open_good(&file);
        expect(p, "y", 1, (size_t[]){3}, numbers, 3);
        expect(p, "x", 1, (size_t[]){3}, numbers + 3, 3);
        dnb_pth_close(p);
        free(file.data);
    }
}

static void reads_big_endian_zip(void **state)
{
    const make_tensor t = {"w", "0", "ShortStorage", 2, 0, 1, {2}, {1}};
    make_buffer pickle = {0}, file;
    (void)state;
    make_pickle(&pickle, &t, 1, NULL);
    const make_entry entries[] = {{"archive/data.pkl", pickle.data, pickle.n, 0},
                                  {"archive/byteorder", "big", 3, 0},
                                  {"archive/data/0", "\x01\x02\x03\x04", 4, 0}};
    make_zip(&file, entries, 3);
    dnb_pth *p = open_good(&file);
    dnb_array a = {0};
    assert_int_equal(dnb_pth_read(p, dnb_pth_find(p, "w"), &a, NULL), DNB_OK);
    assert_int_equal(a.dtype, DNB_I16);
    assert_int_equal(((int16_t *)a.data)[0], 0x0102);
    assert_int_equal(((int16_t *)a.data)[1], 0x0304);
    dnb_array_release(&a);
    dnb_pth_close(p);
    free(file.data);
    free(pickle.data);
}

static void refuses_tensors_outside_their_storage(void **state)
{
    static const make_tensor bad[] = {
        {"w", "0", "FloatStorage", 6, 0, 2, {2, 4}, {4, 1}}, /* too large */
        {"w", "0", "FloatStorage", 6, 4, 1, {3}, {1}},       /* offset */
        {"w", "0", "FloatStorage", 6, 0, 2, {2, 3}, {4, 1}}, /* stride */
        {"w", "0", "FloatStorage", 6, 0, 1, {7}, {0}},       /* repeats an element */
        {"w", "0", "FloatStorage", 6, 0, 2, {1 << 30, 1 << 30}, {0, 0}},
        {"w", "0", "FloatStorage", 6, 2147483647, 0, {0}, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make_buffer file;
        zip_of(&file, &bad[i], 1, NULL, 0);
        refused(&file, DNB_EFORMAT, "tensor 'w'");
    }
    make_tensor t = plain;
    make_buffer file;
    t.shape[0] = -2;
    zip_of(&file, &t, 1, NULL, 0);
    refused(&file, DNB_EFORMAT, "tensor 'w' is described wrongly");
}

static void refuses_wrong_storages(void **state)
{
    make_buffer file;
    make_tensor t = plain;
    (void)state;
    t.key = "1";
    zip_of(&file, &t, 1, NULL, 0);
    refused(&file, DNB_EFORMAT, "tensor 'w': its storage '1' is missing");
    t = plain;
    t.count = 7;
    zip_of(&file, &t, 1, NULL, 0);
    refused(&file, DNB_EFORMAT, "has 24 bytes, its tensors expect 7 elements of float32");
    t = plain;
    t.type = "DoubleStorage";
    zip_of(&file, &t, 1, NULL, 0);
    refused(&file, DNB_EFORMAT, "6 elements of float64");
    const make_tensor two[] = {plain, t};
    zip_of(&file, two, 2, NULL, 0);
    refused(&file, DNB_EFORMAT, "described in two ways");
    const make_tensor twice[] = {plain, plain};
    zip_of(&file, twice, 2, NULL, 0);
    refused(&file, DNB_EFORMAT, "tensor 'w' occurs twice");
    legacy(&file, 1, 4);
    refused(&file, DNB_EFORMAT, "has 4 elements, its tensors expect 3");
}

static void refuses_every_truncation(void **state)
{
    make_buffer file;
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        if (kind)
            legacy(&file, 1, 3);
        else
            zip_of(&file, &plain, 1, NULL, 0);
        for (size_t n = 0; n < file.n; n++) {
            dnb_pth *p = NULL;
            dnb_err err = {0};
            /* A copy of exactly n bytes lets the address sanitizer see a step beyond. */
            unsigned char *copy = malloc(n + 1);
            assert_non_null(copy);
            memcpy(copy, file.data, n);
            assert_int_equal(dnb_pth_open_memory(&p, "x.pth", copy, n, &err), DNB_EFORMAT);
            assert_non_null(strstr(err.message, "x.pth"));
            free(copy);
        }
        free(file.data);
    }
}

/* No byte of the file, changed, may do harm: it opens and reads, or it is refused. */
static void survives_every_changed_byte(void **state)
{
    make_buffer file;
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 2)
            legacy(&file, 1, 3);
        else
            zip_of(&file, &plain, 1, NULL, kind);
        for (size_t i = 0; i < file.n; i++)
            for (int flip = 1; flip < 256; flip = flip * 2 + 1) {
                dnb_pth *p = NULL;
                file.data[i] ^= (unsigned char)flip;
                if (dnb_pth_open_memory(&p, "x.pth", file.data, file.n, NULL) == DNB_OK)
                    for (size_t k = 0; k < dnb_pth_count(p); k++) {
                        dnb_array a = {0};
                        if (dnb_pth_read(p, dnb_pth_at(p, k), &a, NULL) == DNB_OK)
                            dnb_array_release(&a);
                    }
                dnb_pth_close(p);
                file.data[i] ^= (unsigned char)flip;
            }
        free(file.data);
    }
}

/* The pickle of a checkpoint that wants a shell. */
static void runs_nothing(void **state)
{
    static const char pickle[] = "\x80\x02"
                                 "cposix\nsystem\nX\x11\0\0\0touch dnb_pwned.x\x85R.";
    const make_entry entries[] = {{"net/data.pkl", pickle, sizeof pickle - 1, 0}};
    make_buffer file;
    (void)state;
    make_zip(&file, entries, 1);
    refused(&file, DNB_EFORMAT, "its pickle asks to run posix.system; refused, nothing was run");
    file = (make_buffer){0};
    make_legacy_head(&file, 1);
    make_add(&file, pickle, sizeof pickle - 1);
    refused(&file, DNB_EFORMAT, "posix.system");
    assert_int_not_equal(access("dnb_pwned.x", F_OK), 0);
}

static void refuses_other_files(void **state)
{
    make_buffer file = {0};
    dnb_err err = {0};
    dnb_pth *p = NULL;
    (void)state;
    make_add(&file, "<html>not found</html>", 22);
    refused(&file, DNB_EFORMAT, "no file of torch.save");
    unsigned char tar[1024] = "storages";
    memcpy(tar + 257, "ustar", 5);
    file = (make_buffer){0};
    make_add(&file, tar, sizeof tar);
    refused(&file, DNB_EUNSUPPORTED, "newer PyTorch");
    file = (make_buffer){0};
    MAKE_ADD(&file, "\x80\x02}."); /* a pickle, but not of torch.save */
    refused(&file, DNB_EFORMAT, "no file of torch.save");
    const make_entry other[] = {{"word/document.xml", "x", 1, 0}};
    make_zip(&file, other, 1);
    refused(&file, DNB_EFORMAT, "without data.pkl");
    const make_entry script[] = {{"net/data.pkl", "N.", 2, 0}, {"net/constants.pkl", "N.", 2, 0}};
    make_zip(&file, script, 2);
    refused(&file, DNB_EFORMAT, "TorchScript");
    const make_entry no_dict[] = {{"net/data.pkl", "].", 2, 0}};
    make_zip(&file, no_dict, 1);
    refused(&file, DNB_EFORMAT, "no dict of tensors");
    const make_entry no_tensor[] = {{"net/data.pkl", "}.", 2, 0}};
    make_zip(&file, no_tensor, 1);
    refused(&file, DNB_EFORMAT, "no tensors");
    /* A dict that holds itself three times per level. */
    make_buffer pickle = {0};
    MAKE_ADD(&pickle, "}q\0");
    for (int i = 0; i < 30; i++)
        MAKE_ADD(&pickle, "0}q\1(U\1ah\0U\1bh\0U\1ch\0u0h\1q\0");
    MAKE_ADD(&pickle, ".");
    const make_entry bomb[] = {{"net/data.pkl", pickle.data, pickle.n, 0}};
    make_zip(&file, bomb, 1);
    free(pickle.data);
    refused(&file, DNB_EFORMAT, "too intertwined");
    assert_int_equal(dnb_pth_open(&p, "no/such/file.pth", &err), DNB_EIO);
    assert_non_null(strstr(err.message, "no/such/file.pth"));
    assert_int_equal(dnb_pth_open(&p, ".", &err), DNB_EIO);
}

static void reads_from_a_file(void **state)
{
    make_buffer file;
    char path[] = "/tmp/dnb_test_pth_XXXXXX";
    dnb_pth *p = NULL;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    zip_of(&file, &plain, 1, NULL, 0);
    assert_int_equal(write(fd, file.data, file.n), (ssize_t)file.n);
    close(fd);
    free(file.data);
    assert_int_equal(dnb_pth_open(&p, path, NULL), DNB_OK);
    expect(p, "w", 2, (size_t[]){2, 3}, numbers, 6);
    /* Cut short after opening: an error, not a signal. */
    assert_int_equal(truncate(path, 100), 0);
    dnb_array a = {0};
    dnb_err err = {0};
    assert_int_equal(dnb_pth_read(p, dnb_pth_find(p, "w"), &a, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "became shorter"));
    dnb_pth_close(p);
    unlink(path);
}

static dnb_status open_and_read(const void *ctx, dnb_err *err)
{
    const make_buffer *file = ctx;
    dnb_pth *p = NULL;
    dnb_status status = dnb_pth_open_memory(&p, "x.pth", file->data, file->n, err);
    for (size_t i = 0; status == DNB_OK && i < dnb_pth_count(p); i++) {
        dnb_array a = {0};
        status = dnb_pth_read(p, dnb_pth_at(p, i), &a, err);
        dnb_array_release(&a);
    }
    dnb_pth_close(p);
    return status;
}

static void reports_failing_allocations(void **state)
{
    make_tensor turned = plain;
    make_buffer file;
    (void)state;
    turned.shape[0] = turned.stride[1] = 3;
    turned.shape[1] = 2;
    turned.stride[0] = 1;
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 2)
            legacy(&file, 1, 3);
        else
            zip_of(&file, &turned, 1, "state_dict", kind);
        int n = dnb_each_failing_alloc(open_and_read, &file);
#ifdef DNB_FAULTS
        assert_true(n > 10);
#else
        assert_int_equal(n, 0);
#endif
        free(file.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_views),
        cmocka_unit_test(finds_the_state_dict),
        cmocka_unit_test(reads_legacy),
        cmocka_unit_test(reads_big_endian_zip),
        cmocka_unit_test(refuses_tensors_outside_their_storage),
        cmocka_unit_test(refuses_wrong_storages),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_changed_byte),
        cmocka_unit_test(runs_nothing),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(reads_from_a_file),
        cmocka_unit_test(reports_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
