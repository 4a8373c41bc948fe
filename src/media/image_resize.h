/* The two passes of a resize, as kernels: portable ones, and AVX2 ones where the processor has
 * them. room: media (internal) */
#ifndef DNB_MEDIA_IMAGE_RESIZE_H
#define DNB_MEDIA_IMAGE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/image.h"

enum {
    DNB_RESIZE_BITS = 22, /* fraction bits of a weight */
    DNB_RESIZE_SPLIT =
        11,              /* weight = high << SPLIT | low, so that each half fits 16-bit products */
    DNB_RESIZE_ROWS = 4, /* rows a horizontal kernel takes at once */
    DNB_RESIZE_SLACK = 16, /* bytes a horizontal kernel may read behind a source row */
};

/* Which source pixels make each output pixel along one axis, and how much of each. */
typedef struct dnb_resize_weights {
    size_t n;       /* output pixels */
    size_t taps;    /* room for each output's weights, a multiple of 4 */
    size_t *first;  /* n: first source pixel */
    size_t *count;  /* n: source pixels used, 1..taps */
    int32_t *whole; /* n x taps; 0 from count on */
    int16_t *split; /* n x taps/4 x 8: of four weights the high halves, then the low halves */
} dnb_resize_weights;

/* Pillow's bilinear weights for n_in -> n_out pixels. */
dnb_status dnb_resize_weights_init(dnb_resize_weights *w, size_t n_in, size_t n_out,
                                   dnb_err *err) DNB_MUST_CHECK;
void dnb_resize_weights_release(dnb_resize_weights *w);

typedef struct dnb_resize_kernels {
    /* DNB_RESIZE_ROWS rows of RGB pixels to rows of w->n pixels. */
    void (*across)(uint8_t *const dst[], const uint8_t *const src[], const dnb_resize_weights *w);
    /* Output row i, of `bytes` bytes; src is row w->first[i], rows lie `bytes` apart. */
    void (*down)(uint8_t *dst, const uint8_t *src, size_t bytes, const dnb_resize_weights *w,
                 size_t i);
} dnb_resize_kernels;

dnb_resize_kernels dnb_resize_portable(void);
/* The fastest this processor runs. */
dnb_resize_kernels dnb_resize_best(void);

/* dnb_image_resize into height x width x 3 bytes the caller has. */
dnb_status dnb_resize_into(uint8_t *dst, size_t width, size_t height, const dnb_image *im,
                           dnb_err *err) DNB_MUST_CHECK;

#endif
