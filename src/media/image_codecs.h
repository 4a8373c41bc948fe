/* The image readers behind dnb_image_decode, one per file type. room: media (internal) */
#ifndef DNB_MEDIA_IMAGE_CODECS_H
#define DNB_MEDIA_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/image.h"

/* Pixel memory one thread uses for image after image: fresh memory for every large image costs a
 * quarter of its decoding in page faults. Zero-initialise; free data with dnb_free. */
typedef struct dnb_image_scratch {
    uint8_t *data;
    size_t size;
} dnb_image_scratch;

/* A file in memory; name is for messages. scratch, when not NULL, is where the pixels go. */
typedef struct dnb_blob {
    dnb_image_scratch *scratch;
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
/* dnb_image_decode; the image borrows the scratch's memory and lives until its next use. */
dnb_status dnb_image_decode_into(dnb_image *out, dnb_image_scratch *scratch, const void *bytes,
                                 size_t size, const char *name, dnb_err *err) DNB_MUST_CHECK;
/* The image a decoder fills: fresh memory, or in->scratch's. */
dnb_status dnb_image_init_for(dnb_image *im, const dnb_blob *in, size_t width, size_t height,
                              dnb_err *err) DNB_MUST_CHECK;

#endif
