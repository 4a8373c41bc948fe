/* The image value, and reading: which decoder a file's first bytes ask for. */
#include "dnnbrain/image.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "media/image_codecs.h"

/* No accepted image needs more: 16-bit RGBA of DNB_IMAGE_MAX_PIXELS, stored uncompressed. */
#define MAX_FILE_BYTES (DNB_IMAGE_MAX_PIXELS * 8 + ((size_t)1 << 24))

/* A scratch keeps no more than this; larger images come and go. */
#define MAX_SCRATCH ((size_t)64 << 20)

dnb_status dnb_image_init(dnb_image *im, size_t width, size_t height, dnb_err *err)
{
    if (width == 0 || height == 0)
        return dnb_fail(err, DNB_EARG, "an image of %zu x %zu pixels: both must be at least 1",
                        width, height);
    if (width > DNB_IMAGE_MAX_PIXELS / height)
        return dnb_fail(err, DNB_EARG, "an image of %zu x %zu pixels: the limit is %zu in all",
                        width, height, DNB_IMAGE_MAX_PIXELS);
    size_t bytes = width * height * 3;
    uint8_t *data = dnb_alloc_aligned(bytes, 1);
    if (!data)
        return dnb_fail_memory(err, "image", bytes);
    *im = (dnb_image){.width = width, .height = height, .data = data, .owned = true};
    return DNB_OK;
}

void dnb_image_borrow(dnb_image *im, size_t width, size_t height, uint8_t *data)
{
    *im = (dnb_image){.width = width, .height = height, .data = data, .owned = false};
}

void dnb_image_release(dnb_image *im)
{
    if (!im)
        return;
    if (im->owned)
        dnb_free(im->data);
    *im = (dnb_image){0};
}

dnb_status dnb_image_check_size(const dnb_blob *in, uint64_t width, uint64_t height, dnb_err *err)
{
    if (width == 0 || height == 0)
        return dnb_fail(err, DNB_EFORMAT, "%s: image of %llu x %llu pixels", in->name,
                        (unsigned long long)width, (unsigned long long)height);
    if (width > DNB_IMAGE_MAX_PIXELS / height)
        return dnb_fail(
            err, DNB_EUNSUPPORTED,
            "%s: image of %llu x %llu pixels, more than the limit of %zu; scale it down", in->name,
            (unsigned long long)width, (unsigned long long)height, DNB_IMAGE_MAX_PIXELS);
    return DNB_OK;
}

dnb_status dnb_image_init_for(dnb_image *im, const dnb_blob *in, size_t width, size_t height,
                              dnb_err *err)
{
    dnb_image_scratch *scratch = in->scratch;
    size_t bytes = width * height * 3;
    if (scratch && scratch->size >= bytes) {
        dnb_image_borrow(im, width, height, scratch->data);
        return DNB_OK;
    }
    dnb_status status = dnb_image_init(im, width, height, err);
    if (status == DNB_OK && scratch && bytes <= MAX_SCRATCH) {
        dnb_free(scratch->data);
        *scratch = (dnb_image_scratch){.data = im->data, .size = bytes};
        im->owned = false;
    }
    return status == DNB_OK ? DNB_OK : dnb_fail_prefix(err, status, "%s", in->name);
}

typedef dnb_status decode_fn(dnb_image *out, const dnb_blob *in, dnb_err *err);

/* What a file starts with; a type without a decoder is here to be named in the message. */
static const struct {
    const char *type;
    size_t at, len;
    const char *magic;
    decode_fn *decode;
} types[] = {
    {"JPEG", 0, 3, "\xff\xd8\xff", dnb_jpeg_decode},
    {"PNG", 0, 8, "\x89PNG\r\n\x1a\n", dnb_png_decode},
    {"BMP", 0, 2, "BM", dnb_bmp_decode},
    {"GIF", 0, 4, "GIF8", NULL},
    {"WebP", 8, 4, "WEBP", NULL},
    {"TIFF", 0, 4, "II*\0", NULL},
    {"TIFF", 0, 4, "MM\0*", NULL},
    {"JPEG 2000", 4, 4, "jP  ", NULL},
    {"AVIF/HEIF", 4, 4, "ftyp", NULL},
    {"SVG or XML", 0, 5, "<?xml", NULL},
};

/* The first bytes as text for the message: unprintable ones as dots. */
static void show_start(char text[9], const uint8_t *data, size_t size)
{
    size_t n = size < 8 ? size : 8;
    for (size_t i = 0; i < n; i++)
        text[i] = data[i] < 128 && isprint(data[i]) ? (char)data[i] : '.';
    text[n] = '\0';
}

dnb_status dnb_image_decode(dnb_image *out, const void *bytes, size_t size, const char *name,
                            dnb_err *err)
{
    return dnb_image_decode_into(out, NULL, bytes, size, name, err);
}

dnb_status dnb_image_decode_into(dnb_image *out, dnb_image_scratch *scratch, const void *bytes,
                                 size_t size, const char *name, dnb_err *err)
{
    const dnb_blob in = {.scratch = scratch, .data = bytes, .size = size, .name = name};
    char start[9];
    if (size == 0)
        return dnb_fail(err, DNB_EFORMAT, "%s: the file is empty, expected an image", name);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (size < types[i].at + types[i].len ||
            memcmp(in.data + types[i].at, types[i].magic, types[i].len) != 0)
            continue;
        if (!types[i].decode)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "%s: is a %s file; images must be JPEG, PNG or BMP: convert it", name,
                            types[i].type);
        dnb_image im = {0};
        dnb_status status = types[i].decode(&im, &in, err);
        if (status == DNB_OK)
            *out = im;
        return status;
    }
    show_start(start, in.data, size);
    return dnb_fail(err, DNB_EFORMAT, "%s: not a JPEG, PNG or BMP image (it starts with \"%s\")",
                    name, start);
}

dnb_status dnb_image_load(unsigned char **bytes, size_t *size, const char *path, dnb_err *err)
{
    return dnb_file_read(path, MAX_FILE_BYTES, bytes, size, err);
}

dnb_status dnb_image_read(dnb_image *out, const char *path, dnb_err *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    dnb_status status = dnb_image_load(&bytes, &size, path, err);
    if (status != DNB_OK)
        return status;
    status = dnb_image_decode(out, bytes, size, path, err);
    dnb_free(bytes);
    return status;
}
