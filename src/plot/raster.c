/* PNG and JPEG encoders. libpng and libjpeg report by longjmp; everything they touch lives in a
 * struct of the calling frame, so nothing is lost or stale after the jump. */
#include "plot/raster.h"

#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>

#include "base/mem.h"
#include "base/outfile.h"

typedef struct encoder {
    const char *path, *provenance;
    cairo_surface_t *image;
    double dpi;
    int width, height;
    unsigned char *row;
    dnb_outfile *file;
    dnb_err *err;
    dnb_status status;
    jmp_buf jump;
    png_structp png;
    png_infop png_info;
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr jpeg_errors;
    struct jpeg_destination_mgr jpeg_dest;
    JOCTET buffer[16384];
} encoder;

/* Row i of the picture as RGB bytes, in e->row. */
static void load_row(encoder *e, int i)
{
    const unsigned char *src = cairo_image_surface_get_data(e->image) +
                               (size_t)i * (size_t)cairo_image_surface_get_stride(e->image);
    for (int j = 0; j < e->width; j++) {
        uint32_t p;
        memcpy(&p, src + 4 * (size_t)j, 4);
        e->row[3 * j] = (unsigned char)(p >> 16);
        e->row[3 * j + 1] = (unsigned char)(p >> 8);
        e->row[3 * j + 2] = (unsigned char)p;
    }
}

static void put(encoder *e, const void *data, size_t n)
{
    e->status = dnb_outfile_write(e->file, data, n, e->err);
    if (e->status != DNB_OK)
        longjmp(e->jump, 1);
}

/* ---- PNG
 * -------------------------------------------------------------------------------------------- */

static void png_put(png_structp png, png_bytep data, size_t n)
{
    put(png_get_io_ptr(png), data, n);
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

static void png_fail(png_structp png, png_const_charp message)
{
    encoder *e = png_get_error_ptr(png);
    e->status = dnb_fail(e->err, DNB_EINTERNAL, "%s: libpng: %s", e->path, message);
    longjmp(e->jump, 1);
}

static void png_ignore(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void png_describe(encoder *e)
{
    png_uint_32 per_metre = (png_uint_32)lround(e->dpi / 0.0254);
    png_set_pHYs(e->png, e->png_info, per_metre, per_metre, PNG_RESOLUTION_METER);
    if (!e->provenance)
        return;
    char key[] = "provenance", empty[] = "";
    png_text text = {0};
    text.compression = PNG_ITXT_COMPRESSION_NONE;
    text.key = key;
    text.text = (char *)(uintptr_t)e->provenance; /* libpng copies; its type only lacks the const */
    text.itxt_length = strlen(e->provenance);
    text.lang = empty;
    text.lang_key = empty;
    png_set_text(e->png, e->png_info, &text, 1);
}

static void png_run(encoder *e)
{
    if (setjmp(e->jump))
        return;
    e->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, png_fail, png_ignore);
    e->png_info = e->png ? png_create_info_struct(e->png) : NULL;
    if (!e->png_info) {
        e->status = dnb_fail(e->err, DNB_ENOMEM, "%s: out of memory for libpng", e->path);
        return;
    }
    png_set_write_fn(e->png, e, png_put, png_flush_nothing);
    png_set_IHDR(e->png, e->png_info, (png_uint_32)e->width, (png_uint_32)e->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_describe(e);
    png_write_info(e->png, e->png_info);
    for (int i = 0; i < e->height; i++) {
        load_row(e, i);
        png_write_row(e->png, e->row);
    }
    png_write_end(e->png, NULL);
}

/* ---- JPEG
 * ------------------------------------------------------------------------------------------- */

static void jpeg_fail(j_common_ptr info)
{
    char message[JMSG_LENGTH_MAX];
    encoder *e = info->client_data;
    info->err->format_message(info, message);
    e->status = dnb_fail(e->err, DNB_EINTERNAL, "%s: libjpeg: %s", e->path, message);
    longjmp(e->jump, 1);
}

static void jpeg_ignore(j_common_ptr info)
{
    (void)info;
}

static void jpeg_begin(j_compress_ptr info)
{
    encoder *e = info->client_data;
    info->dest->next_output_byte = e->buffer;
    info->dest->free_in_buffer = sizeof e->buffer;
}

static boolean jpeg_put(j_compress_ptr info)
{
    encoder *e = info->client_data;
    put(e, e->buffer, sizeof e->buffer);
    jpeg_begin(info);
    return TRUE;
}

static void jpeg_end(j_compress_ptr info)
{
    encoder *e = info->client_data;
    put(e, e->buffer, sizeof e->buffer - info->dest->free_in_buffer);
}

static void jpeg_describe(encoder *e)
{
    size_t length = e->provenance ? strlen(e->provenance) : 0;
    for (size_t at = 0; at < length; at += 65533) /* the most one comment holds */
        jpeg_write_marker(&e->jpeg, JPEG_COM, (const JOCTET *)e->provenance + at,
                          (unsigned)(length - at < 65533 ? length - at : 65533));
}

static void jpeg_run(encoder *e)
{
    e->jpeg.err = jpeg_std_error(&e->jpeg_errors);
    e->jpeg_errors.error_exit = jpeg_fail;
    e->jpeg_errors.output_message = jpeg_ignore;
    e->jpeg.client_data = e;
    if (setjmp(e->jump))
        return;
    jpeg_create_compress(&e->jpeg);
    e->jpeg_dest = (struct jpeg_destination_mgr){.init_destination = jpeg_begin,
                                                 .empty_output_buffer = jpeg_put,
                                                 .term_destination = jpeg_end};
    e->jpeg.dest = &e->jpeg_dest;
    e->jpeg.image_width = (JDIMENSION)e->width;
    e->jpeg.image_height = (JDIMENSION)e->height;
    e->jpeg.input_components = 3;
    e->jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, 95, TRUE);
    e->jpeg.comp_info[0].h_samp_factor =
        1; /* full colour resolution: lines and letters stay sharp */
    e->jpeg.comp_info[0].v_samp_factor = 1;
    e->jpeg.density_unit = 1;
    e->jpeg.X_density = e->jpeg.Y_density = (UINT16)lround(e->dpi);
    jpeg_start_compress(&e->jpeg, TRUE);
    jpeg_describe(e);
    for (int i = 0; i < e->height; i++) {
        JSAMPROW rows[1] = {e->row};
        load_row(e, i);
        jpeg_write_scanlines(&e->jpeg, rows, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

/* ---- both
 * ------------------------------------------------------------------------------------------- */

static dnb_status encode(void (*run)(encoder *), cairo_surface_t *image, double dpi,
                         const char *provenance, const char *path, dnb_err *err)
{
    encoder *e = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(e, 1, "picture encoder");
    e->path = path;
    e->provenance = provenance;
    e->image = image;
    e->dpi = dpi;
    e->err = err;
    e->width = cairo_image_surface_get_width(image);
    e->height = cairo_image_surface_get_height(image);
    DNB_NEW(e->row, 3 * (size_t)e->width, "picture row");
    DNB_TRY(dnb_outfile_open(&e->file, path, err));
    run(e);
    DNB_TRY(e->status);
    status = dnb_outfile_commit(e->file, err);
    e->file = NULL;
done:
    if (e) {
        dnb_outfile_abort(e->file);
        png_destroy_write_struct(e->png ? &e->png : NULL, e->png_info ? &e->png_info : NULL);
        if (e->jpeg.mem)
            jpeg_destroy_compress(&e->jpeg);
        dnb_free(e->row);
        dnb_free(e);
    }
    return status;
}

dnb_status dnb_raster_write_png(cairo_surface_t *image, double dpi, const char *provenance,
                                const char *path, dnb_err *err)
{
    return encode(png_run, image, dpi, provenance, path, err);
}

dnb_status dnb_raster_write_jpeg(cairo_surface_t *image, double dpi, const char *provenance,
                                 const char *path, dnb_err *err)
{
    return encode(jpeg_run, image, dpi, provenance, path, err);
}
