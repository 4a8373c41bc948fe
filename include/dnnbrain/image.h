/* Images: JPEG, PNG and BMP to 8-bit RGB, Pillow's bilinear resize, network input planes, and a
 * loader that decodes a list of files ahead of its consumer.
 * room: media
 *
 * Pixels equal those of Pillow 9.4 (`Image.open(f).convert("RGB").resize((w, h), BILINEAR)`), bit
 * for bit, because published activations were computed from them: same decoder settings
 * (libjpeg-turbo defaults), same dropping of alpha and palette transparency, no EXIF rotation, no
 * colour management. */
#ifndef DNNBRAIN_IMAGE_H
#define DNNBRAIN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/provenance.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An image file with more pixels is refused (DNB_EUNSUPPORTED) before memory is taken for it. */
#define DNB_IMAGE_MAX_PIXELS ((size_t)1 << 28)

/* 8-bit RGB. data is height x width x 3 bytes (R, G, B interleaved, top row first, no padding).
 * Zero-initialise, or use dnb_image_init / dnb_image_borrow. */
typedef struct dnb_image {
    size_t width, height;
    uint8_t *data;
    bool owned; /* dnb_image_release frees data only when set */
} dnb_image;

/* Allocates uninitialised pixels; width and height at least 1. Release with dnb_image_release. */
DNB_API dnb_status dnb_image_init(dnb_image *im, size_t width, size_t height,
                                  dnb_err *err) DNB_MUST_CHECK;
/* Wraps pixels the caller keeps. */
DNB_API void dnb_image_borrow(dnb_image *im, size_t width, size_t height, uint8_t *data);
/* Frees what im owns and zeroes it. NULL or a zeroed image is fine. */
DNB_API void dnb_image_release(dnb_image *im);

/* Reads a JPEG, PNG or BMP file; the type is told from the content, not from the suffix. *out
 * receives a fresh image (what it held before is not freed). A truncated or damaged file fails; no
 * pixels are guessed. Two exceptions keep Pillow's pixels and ours the same or better: bad bits
 * within a JPEG that libjpeg steps over with a warning are stepped over, and BMP run codes that
 * Pillow 9.4 misreads (jumps, empty rows, odd 4-bit literals) are read as the format says.
 * Errors: DNB_EIO (cannot open or read), DNB_EFORMAT (empty, damaged, not an image),
 * DNB_EUNSUPPORTED (another image type, too many pixels, a JPEG of more than 1000 scans, a variant
 * Pillow does not read either), DNB_ENOMEM. Memory: the file, the pixels, and for a progressive
 * JPEG 2 bytes a sample more while it is decoded. */
DNB_API dnb_status dnb_image_read(dnb_image *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* The same from memory; name stands for the file in messages. */
DNB_API dnb_status dnb_image_decode(dnb_image *out, const void *bytes, size_t size,
                                    const char *name, dnb_err *err) DNB_MUST_CHECK;

/* Pillow's Image.resize((width, height), BILINEAR): a triangle filter that widens with the
 * reduction (antialiased), rows first, 22-bit fixed-point weights, 8-bit intermediate. *out
 * receives a fresh image. Cost: 6 width x in.height x max(1, in.width / width) multiply-adds for
 * the rows, then 6 width x height x max(1, in.height / height) for the columns; one intermediate
 * of in.height x width pixels. Runs in the calling thread. */
DNB_API dnb_status dnb_image_resize(dnb_image *out, const dnb_image *im, size_t width,
                                    size_t height, dnb_err *err) DNB_MUST_CHECK;

/* What a network expects of its input. Per output channel c, in float32 and in this order, as
 * torchvision's ToTensor and Normalize do it: value = (pixel / 255 * range - mean[c]) / std[c]. */
typedef struct dnb_image_prep {
    size_t height, width; /* of the input planes */
    bool bgr;             /* channel 0 is blue; mean and std then stand in the order B, G, R */
    float range;          /* value of a full pixel before the mean is taken off: 1 or 255 */
    float mean[3], std[3];
} dnb_image_prep;

/* Fails with DNB_EARG when a size is 0 or too large, range is not positive, or mean/std is
 * unusable. */
DNB_API dnb_status dnb_image_prep_check(const dnb_image_prep *prep, dnb_err *err) DNB_MUST_CHECK;
/* Resizes im when its size is not the wanted one, and writes out: 3 x height x width floats. */
DNB_API dnb_status dnb_image_prepare(float *out, const dnb_image *im, const dnb_image_prep *prep,
                                     dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_png_options {
    const dnb_provenance *provenance; /* stored as text chunk "provenance"; NULL = none */
    int level;                        /* zlib level 1..9; 0 = 6 */
} dnb_png_options;

/* Writes an 8-bit RGB PNG; the file appears under its name only when complete. options may be NULL.
 */
DNB_API dnb_status dnb_image_write_png(const dnb_image *im, const char *path,
                                       const dnb_png_options *options, dnb_err *err) DNB_MUST_CHECK;

/* Decodes a list of files ahead of its consumer and hands them over in order. */
typedef struct dnb_image_loader dnb_image_loader;

typedef struct dnb_image_loader_options {
    int threads;  /* workers of its own; 0 = decode within dnb_image_loader_read */
    size_t queue; /* most images held ready or in work; 0 = 4 per thread and at least 16 */
} dnb_image_loader_options;

/* One batch's destinations; any pointer may be NULL (not wanted). n is the room in each. */
typedef struct dnb_image_batch {
    size_t n;
    float *planes;    /* n x 3 x prep.height x prep.width */
    uint8_t *rgb;     /* n x prep.height x prep.width x 3: the resized pixels */
    char (*hash)[33]; /* n x 33: dnb_hash_bytes of each file's bytes */
} dnb_image_batch;

/* Starts reading paths[0..n_paths-1] (copied). options may be NULL (all 0). Memory: queue x
 * (3 x height x width) bytes, and per worker one file with its decoded image, of
 * which a worker keeps up to 64 MiB for the next. */
DNB_API dnb_status dnb_image_loader_new(dnb_image_loader **out, const char *const *paths,
                                        size_t n_paths, const dnb_image_prep *prep,
                                        const dnb_image_loader_options *options,
                                        dnb_err *err) DNB_MUST_CHECK;
/* Fills the batch with the next images, in list order, and sets *count: batch->n, less at the end
 * of the list, 0 after it. Blocks until they are decoded. When an image cannot be read its error is
 * returned (the lowest-numbered one of the batch, whatever the number of threads); *count is
 * untouched, the batch's content unspecified, and every later call returns the same error. One
 * consumer at a time. */
DNB_API dnb_status dnb_image_loader_read(dnb_image_loader *loader, const dnb_image_batch *batch,
                                         size_t *count, dnb_err *err) DNB_MUST_CHECK;
/* Stops the workers (each finishes at most the image in its hands) and frees all. NULL is fine. */
DNB_API void dnb_image_loader_free(dnb_image_loader *loader);

#ifdef __cplusplus
}
#endif
#endif
