/* The image readers behind dnb_image_decode, one per file type. room: media (internal) */
#ifndef DNB_MEDIA_IMAGE_CODECS_H
#define DNB_MEDIA_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/image.h"

/* A file in memory; name is for messages. */
typedef struct dnb_blob {
    const uint8_t *data;
    size_t size;
    const char *name;
} dnb_blob;

/* Each expects *out zeroed and leaves it released on failure. */
dnb_status dnb_jpeg_decode(dnb_image *out, const dnb_blob *in, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_png_decode(dnb_image *out, const dnb_blob *in, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_bmp_decode(dnb_image *out, const dnb_blob *in, dnb_err *err) DNB_MUST_CHECK;

/* A whole image file in memory; free *bytes with dnb_free. */
dnb_status dnb_image_load(unsigned char **bytes, size_t *size, const char *path,
                          dnb_err *err) DNB_MUST_CHECK;
/* Refuses a size read from a file that is zero or beyond DNB_IMAGE_MAX_PIXELS. */
dnb_status dnb_image_check_size(const dnb_blob *in, uint64_t width, uint64_t height,
                                dnb_err *err) DNB_MUST_CHECK;
/* dnb_image_init whose message names the file. */
dnb_status dnb_image_init_for(dnb_image *im, const dnb_blob *in, size_t width, size_t height,
                              dnb_err *err) DNB_MUST_CHECK;

#endif
