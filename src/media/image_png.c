/* PNG through libpng. Depths and colour types end as Pillow's convert("RGB") ends them: alpha and
 * tRNS dropped, 16-bit colour cut to its high byte, 16-bit grey clipped at 255, palette looked up.
 */
#include "media/image_codecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/mem.h"

/* Everything that lives across the longjmp of an error sits here, none in local variables. */
typedef struct reader {
    png_structp png;
    png_infop info;
    const dnb_blob *in;
    size_t at; /* bytes consumed */
    dnb_image *out;
    bool truncated, no_memory;
    char message[128];
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    snprintf(r->message, sizeof r->message, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    reader *r = png_get_mem_ptr(png);
    void *p = dnb_alloc(size, 1);
    if (!p)
        r->no_memory = true;
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    dnb_free(p);
}

static void on_read(png_structp png, png_bytep data, size_t n)
{
    reader *r = png_get_io_ptr(png);
    if (n > r->in->size - r->at) {
        r->truncated = true;
        png_error(png, "end of file");
    }
    memcpy(data, r->in->data + r->at, n);
    r->at += n;
}

static dnb_status failed(const reader *r, dnb_err *err)
{
    if (r->no_memory)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory within the PNG decoder", r->in->name);
    if (r->truncated)
        return dnb_fail(err, DNB_EFORMAT, "%s: truncated PNG: ends after %zu bytes, within its %s",
                        r->in->name, r->in->size, r->out->data ? "pixels" : "header");
    return dnb_fail(err, DNB_EFORMAT, "%s: damaged PNG: %s", r->in->name, r->message);
}

/* Deflate shrinks at most 1032-fold: a small file with a huge frame is refused at once. */
static bool too_short(const reader *r, size_t height)
{
    return png_get_rowbytes(r->png, r->info) * height / 1032 > r->in->size;
}

static dnb_status read_header(reader *r, dnb_err *err)
{
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    /* Colour profiles, text and the like have no say in the pixels: skip them unread. */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    png_uint_32 width = png_get_image_width(r->png, r->info);
    png_uint_32 height = png_get_image_height(r->png, r->info);
    dnb_status status = dnb_image_check_size(r->in, width, height, err);
    if (status == DNB_OK && too_short(r, height))
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: truncated PNG: %zu bytes cannot hold %u x %u pixels",
                     r->in->name, r->in->size, (unsigned)width, (unsigned)height);
    return status == DNB_OK ? dnb_image_init_for(r->out, r->in, width, height, err) : status;
}

/* One byte a pixel -> RGB through the palette, in place: the row's source bytes stand at its start,
 * so it is walked from the end. Entries a short palette lacks are grey, as in Pillow. */
static void expand_palette(uint8_t *row, size_t width, uint8_t palette[256][3])
{
    for (size_t x = width; x-- > 0;)
        memcpy(row + 3 * x, palette[row[x]], 3);
}

/* Two bytes a pixel, high first -> RGB, clipped: Pillow holds 16-bit grey as integers. */
static void expand_grey16(uint8_t *row, size_t width)
{
    for (size_t x = width; x-- > 0;)
        memset(row + 3 * x, row[2 * x] ? 255 : row[2 * x + 1], 3);
}

static void load_palette(const reader *r, uint8_t palette[256][3])
{
    png_colorp entries = NULL;
    int n = 0;
    png_get_PLTE(r->png, r->info, &entries, &n);
    for (int i = 0; i < 256; i++)
        memset(palette[i], i, 3);
    for (int i = 0; i < n && i < 256; i++) {
        palette[i][0] = entries[i].red;
        palette[i][1] = entries[i].green;
        palette[i][2] = entries[i].blue;
    }
}

/* Reads rows into the image, then widens in place what libpng left narrower than 3 bytes a pixel.
 */
static void read_rows(reader *r)
{
    int type = png_get_color_type(r->png, r->info);
    int depth = png_get_bit_depth(r->png, r->info);
    bool grey16 = type == PNG_COLOR_TYPE_GRAY && depth == 16;
    size_t width = r->out->width, height = r->out->height, stride = 3 * width;
    uint8_t *data = r->out->data;
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_packing(r->png);
    } else if (!grey16) {
        if (depth == 16)
            png_set_strip_16(r->png);
        else if (depth < 8)
            png_set_expand_gray_1_2_4_to_8(r->png);
        if (type & PNG_COLOR_MASK_ALPHA)
            png_set_strip_alpha(r->png);
        if (!(type & PNG_COLOR_MASK_COLOR))
            png_set_gray_to_rgb(r->png);
    }
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) > stride)
        png_error(r->png, "rows are longer than expected");
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < height; y++)
            png_read_row(r->png, data + y * stride, NULL);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        uint8_t palette[256][3];
        load_palette(r, palette);
        for (size_t y = 0; y < height; y++)
            expand_palette(data + y * stride, width, palette);
    } else if (grey16) {
        for (size_t y = 0; y < height; y++)
            expand_grey16(data + y * stride, width);
    }
}

/* libpng's fatal errors land here. */
static dnb_status run(reader *r, dnb_err *err)
{
    if (setjmp(png_jmpbuf(r->png)))
        return failed(r, err);
    png_set_read_fn(r->png, r, on_read);
    dnb_status status = read_header(r, err);
    if (status == DNB_OK)
        read_rows(r);
    return status;
}

dnb_status dnb_png_decode(dnb_image *out, const dnb_blob *in, dnb_err *err)
{
    reader r = {.in = in, .out = out};
    dnb_status status = DNB_OK;
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_alloc,
                                     on_free);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (r.info)
        status = run(&r, err);
    else
        status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory within the PNG decoder", in->name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (status != DNB_OK)
        dnb_image_release(out);
    return status;
}
