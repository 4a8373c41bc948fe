/* PNG output through libpng into an atomic output file. The same image gives the same bytes: no
 * time stamp is written. */
#include "dnnbrain/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/mem.h"
#include "base/outfile.h"

/* Everything that lives across the longjmp of an error sits here, none in local variables. */
typedef struct writer {
    png_structp png;
    png_infop info;
    const dnb_image *im;
    const dnb_png_options *options;
    const char *path;
    dnb_outfile *file;
    char *text; /* libpng takes a non-const text */
    dnb_status status;
    bool no_memory;
    char message[128];
    dnb_err *err;
} writer;

static void on_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    snprintf(w->message, sizeof w->message, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    writer *w = png_get_mem_ptr(png);
    void *p = dnb_alloc(size, 1);
    if (!p)
        w->no_memory = true;
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    dnb_free(p);
}

static void on_write(png_structp png, png_bytep data, size_t n)
{
    writer *w = png_get_io_ptr(png);
    w->status = dnb_outfile_write(w->file, data, n, w->err);
    if (w->status != DNB_OK)
        png_error(png, "write failed");
}

static void on_flush(png_structp png)
{
    (void)png;
}

static dnb_status failed(const writer *w)
{
    if (w->status != DNB_OK)
        return w->status;
    if (w->no_memory)
        return dnb_fail(w->err, DNB_ENOMEM, "%s: out of memory within the PNG encoder", w->path);
    return dnb_fail(w->err, DNB_EINTERNAL, "%s: PNG encoder: %s", w->path, w->message);
}

static void put_header(writer *w)
{
    png_set_user_limits(w->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(w->png, w->options->level ? w->options->level : 6);
    png_set_IHDR(w->png, w->info, (png_uint_32)w->im->width, (png_uint_32)w->im->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (w->text) {
        char key[] = "provenance";
        png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE, .key = key, .text = w->text};
        png_set_text(w->png, w->info, &text, 1);
    }
    png_write_info(w->png, w->info);
}

/* libpng's fatal errors land here. */
static dnb_status run(writer *w)
{
    if (setjmp(png_jmpbuf(w->png)))
        return failed(w);
    png_set_write_fn(w->png, w, on_write, on_flush);
    put_header(w);
    for (size_t y = 0; y < w->im->height; y++)
        png_write_row(w->png, w->im->data + y * w->im->width * 3);
    png_write_end(w->png, NULL);
    return DNB_OK;
}

static dnb_status encode(writer *w)
{
    dnb_status status;
    if (w->options->provenance) {
        w->text = dnb_strdup(dnb_provenance_json(w->options->provenance));
        if (!w->text)
            return dnb_fail_memory(w->err, "provenance", 0);
    }
    w->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, w, on_error, on_warning, w, on_alloc,
                                       on_free);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (w->info)
        status = run(w);
    else
        status = dnb_fail(w->err, DNB_ENOMEM, "%s: out of memory within the PNG encoder", w->path);
    png_destroy_write_struct(&w->png, &w->info);
    dnb_free(w->text);
    return status;
}

dnb_status dnb_image_write_png(const dnb_image *im, const char *path,
                               const dnb_png_options *options, dnb_err *err)
{
    static const dnb_png_options defaults = {0};
    writer w = {.im = im, .path = path, .options = options ? options : &defaults, .err = err};
    if (w.options->level < 0 || w.options->level > 9)
        return dnb_fail(err, DNB_EARG, "%s: PNG compression level %d: must be 1 to 9, or 0 for 6",
                        path, w.options->level);
    if (im->width == 0 || im->height == 0 || im->width > PNG_UINT_31_MAX ||
        im->height > PNG_UINT_31_MAX)
        return dnb_fail(err, DNB_EARG, "%s: an image of %zu x %zu pixels cannot be a PNG", path,
                        im->width, im->height);
    dnb_status status = dnb_outfile_open(&w.file, path, err);
    if (status != DNB_OK)
        return status;
    status = encode(&w);
    if (status != DNB_OK) {
        dnb_outfile_abort(w.file);
        return status;
    }
    return dnb_outfile_commit(w.file, err);
}
