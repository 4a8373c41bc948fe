/* JPEG through libjpeg(-turbo) with its default settings (accurate integer DCT, smooth chroma
 * upsampling), which are Pillow's. The whole file is in memory; the source "suspends" at its end,
 * so a truncated file stops the decoder instead of being filled with grey. */
#include "media/image_codecs.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/mem.h"

enum {
    ROWS = 16,        /* most rows asked for in one call */
    MAX_SCANS = 1000, /* a progressive file of tens of kB could otherwise keep us for hours */
};

/* Everything that lives across the longjmp of an error sits here, none in local variables. */
typedef struct decoder {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf fatal;
    const dnb_blob *in;
    dnb_image *out;
    uint8_t *cmyk; /* one row, for 4-component files */
    bool too_many_scans;
} decoder;

static void on_error(j_common_ptr cinfo)
{
    decoder *d = cinfo->client_data;
    longjmp(d->fatal, 1);
}

/* Warnings (bad bits the decoder recovers from) are passed over, as Pillow does. */
static void on_message(j_common_ptr cinfo, int level)
{
    if (level < 0)
        cinfo->err->num_warnings++;
}

static void on_output(j_common_ptr cinfo)
{
    (void)cinfo;
}

static void on_progress(j_common_ptr cinfo)
{
    decoder *d = cinfo->client_data;
    if (d->cinfo.input_scan_number > MAX_SCANS) {
        d->too_many_scans = true;
        longjmp(d->fatal, 1);
    }
}

static void source_nothing(j_decompress_ptr cinfo)
{
    (void)cinfo;
}

static boolean source_fill(j_decompress_ptr cinfo)
{
    (void)cinfo;
    return FALSE; /* no more bytes: suspend */
}

static void source_skip(j_decompress_ptr cinfo, long n)
{
    struct jpeg_source_mgr *src = cinfo->src;
    if (n <= 0)
        return;
    size_t skip = (size_t)n < src->bytes_in_buffer ? (size_t)n : src->bytes_in_buffer;
    src->next_input_byte += skip;
    src->bytes_in_buffer -= skip;
}

static dnb_status truncated(const decoder *d, dnb_err *err)
{
    if (!d->out->data)
        return dnb_fail(err, DNB_EFORMAT, "%s: truncated JPEG: ends within its header",
                        d->in->name);
    return dnb_fail(err, DNB_EFORMAT, "%s: truncated JPEG: ends after row %u of %zu", d->in->name,
                    d->cinfo.output_scanline, d->out->height);
}

static dnb_status fatal(decoder *d, dnb_err *err)
{
    char text[JMSG_LENGTH_MAX];
    if (d->too_many_scans)
        return dnb_fail(err, DNB_EUNSUPPORTED, "%s: JPEG with more than %d scans; save it anew",
                        d->in->name, (int)MAX_SCANS);
    if (d->errors.msg_code == JERR_OUT_OF_MEMORY)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory within the JPEG decoder", d->in->name);
    d->errors.format_message((j_common_ptr)&d->cinfo, text);
    return dnb_fail(err, DNB_EFORMAT, "%s: damaged or unsupported JPEG: %s", d->in->name, text);
}

/* One Huffman-coded bit per block is the least a file can hold; a small file with a huge frame is
 * refused before libjpeg takes memory for its coefficients. A block covers at most 32 x 32 pixels.
 */
static bool too_short(const decoder *d)
{
    uint64_t pixels = (uint64_t)d->cinfo.image_width * d->cinfo.image_height;
    return !d->cinfo.arith_code && pixels / 1024 / 8 > d->in->size;
}

static dnb_status read_header(decoder *d, dnb_err *err)
{
    struct jpeg_decompress_struct *cinfo = &d->cinfo;
    if (jpeg_read_header(cinfo, TRUE) != JPEG_HEADER_OK)
        return truncated(d, err);
    if (cinfo->num_components != 1 && cinfo->num_components != 3 && cinfo->num_components != 4)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "%s: JPEG with %d components; 1 (grey), 3 (colour) or 4 (CMYK) are known",
                        d->in->name, cinfo->num_components);
    dnb_status status = dnb_image_check_size(d->in, cinfo->image_width, cinfo->image_height, err);
    if (status == DNB_OK && too_short(d))
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: truncated JPEG: %zu bytes cannot hold %u x %u pixels",
                     d->in->name, d->in->size, cinfo->image_width, cinfo->image_height);
    if (status == DNB_OK)
        status = dnb_image_init_for(d->out, d->in, cinfo->image_width, cinfo->image_height, err);
    if (status != DNB_OK)
        return status;
    cinfo->out_color_space = cinfo->num_components == 4 ? JCS_CMYK : JCS_RGB;
    if (cinfo->num_components != 4)
        return DNB_OK;
    d->cmyk = dnb_alloc(d->out->width, 4);
    return d->cmyk ? DNB_OK : dnb_fail_memory(err, d->in->name, d->out->width * 4);
}

/* a * b / 255, rounded, for bytes. */
static unsigned mul255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;
    return (t + (t >> 8)) >> 8;
}

/* Photoshop writes CMYK inverted and Pillow takes every file to be so: stored values are 255 - ink.
 * channel = (255 - K) * (1 - ink), in Pillow's 8-bit rounding. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, size_t width)
{
    for (size_t x = 0; x < width; x++, rgb += 3, cmyk += 4) {
        unsigned white = cmyk[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(white - mul255(255u - cmyk[c], white));
    }
}

static dnb_status read_rows(decoder *d, dnb_err *err)
{
    struct jpeg_decompress_struct *cinfo = &d->cinfo;
    size_t stride = d->out->width * 3;
    JSAMPROW rows[ROWS];
    if (!jpeg_start_decompress(cinfo))
        return truncated(d, err);
    while (cinfo->output_scanline < cinfo->output_height) {
        JDIMENSION y = cinfo->output_scanline, left = cinfo->output_height - y;
        JDIMENSION want = left < ROWS ? left : ROWS;
        if (d->cmyk)
            want = 1;
        for (JDIMENSION i = 0; i < want; i++)
            rows[i] = d->cmyk ? d->cmyk : d->out->data + stride * (y + i);
        if (jpeg_read_scanlines(cinfo, rows, want) == 0)
            return truncated(d, err);
        if (d->cmyk)
            cmyk_to_rgb(d->out->data + stride * y, d->cmyk, d->out->width);
    }
    return DNB_OK;
}

/* libjpeg's fatal errors land here. */
static dnb_status run(decoder *d, dnb_err *err)
{
    if (setjmp(d->fatal))
        return fatal(d, err);
    jpeg_create_decompress(&d->cinfo);
    d->cinfo.client_data = d;
    d->cinfo.src = &d->source;
    d->cinfo.progress = &d->progress;
    dnb_status status = read_header(d, err);
    return status == DNB_OK ? read_rows(d, err) : status;
}

dnb_status dnb_jpeg_decode(dnb_image *out, const dnb_blob *in, dnb_err *err)
{
    decoder d = {.in = in, .out = out};
    d.cinfo.err = jpeg_std_error(&d.errors);
    d.cinfo.client_data = &d;
    d.errors.error_exit = on_error;
    d.errors.emit_message = on_message;
    d.errors.output_message = on_output;
    d.progress.progress_monitor = on_progress;
    d.source = (struct jpeg_source_mgr){.next_input_byte = in->data,
                                        .bytes_in_buffer = in->size,
                                        .init_source = source_nothing,
                                        .fill_input_buffer = source_fill,
                                        .skip_input_data = source_skip,
                                        .resync_to_restart = jpeg_resync_to_restart,
                                        .term_source = source_nothing};
    dnb_status status = run(&d, err);
    jpeg_destroy_decompress(&d.cinfo);
    dnb_free(d.cmyk);
    if (status != DNB_OK)
        dnb_image_release(out);
    return status;
}
