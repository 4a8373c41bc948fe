/* Pillow's bilinear resize of 8-bit RGB, bit for bit: weights in double precision, fixed at 22
 * bits, each axis rounded to 8 bits. Rows first; only the rows the second pass needs are made. */
#include "media/image_resize.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/image.h"

/* Triangle of height 1 on -1..1. */
static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Weights of one output pixel, centred on `centre` in the source, as doubles in w. Returns how
 * many. scale >= 1 is how far the triangle is stretched (antialiasing). */
static size_t fill_weights(double *w, size_t *first, double centre, double scale, size_t n_in)
{
    double low = centre - scale + 0.5, sum = 0;
    size_t from = low > 0 ? (size_t)low : 0;
    size_t to = (size_t)(centre + scale + 0.5);
    if (to > n_in)
        to = n_in;
    for (size_t i = 0; i < to - from; i++) {
        w[i] = triangle(((double)(i + from) - centre + 0.5) * (1 / scale));
        sum += w[i];
    }
    for (size_t i = 0; sum != 0 && i < to - from; i++)
        w[i] /= sum;
    *first = from;
    return to - from;
}

/* Doubles to fixed point, and the split form beside it. */
static void fix_weights(dnb_resize_weights *w, size_t out, const double *exact)
{
    int32_t *whole = w->whole + out * w->taps;
    int16_t *split = w->split + out * w->taps * 2;
    for (size_t i = 0; i < w->count[out]; i++) {
        int32_t k = (int32_t)(0.5 + exact[i] * (1 << DNB_RESIZE_BITS));
        int16_t *four = split + i / 4 * 8 + i % 4;
        whole[i] = k;
        four[0] = (int16_t)(k >> DNB_RESIZE_SPLIT);
        four[4] = (int16_t)(k & ((1 << DNB_RESIZE_SPLIT) - 1));
    }
}

dnb_status dnb_resize_weights_init(dnb_resize_weights *w, size_t n_in, size_t n_out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double step = (double)n_in / (double)n_out, scale = step < 1 ? 1 : step;
    double *exact = NULL;
    size_t cells = 0;
    dnb_resize_weights made = {.n = n_out};
    made.taps = ((size_t)ceil(scale) * 2 + 1 + 3) / 4 * 4;
    if (!dnb_mul_size(&cells, n_out, made.taps) || cells > SIZE_MAX / 8)
        return dnb_fail_memory(err, "resize weights", SIZE_MAX);
    DNB_NEW(exact, made.taps, "resize weights");
    DNB_NEW(made.first, n_out, "resize weights");
    DNB_NEW(made.count, n_out, "resize weights");
    DNB_NEW(made.whole, cells, "resize weights");
    DNB_NEW(made.split, cells * 2, "resize weights");
    for (size_t i = 0; i < n_out; i++) {
        made.count[i] = fill_weights(exact, &made.first[i], ((double)i + 0.5) * step, scale, n_in);
        fix_weights(&made, i, exact);
    }
    *w = made;
    made = (dnb_resize_weights){0};
done:
    dnb_free(exact);
    dnb_resize_weights_release(&made);
    return status;
}

void dnb_resize_weights_release(dnb_resize_weights *w)
{
    dnb_free(w->first);
    dnb_free(w->count);
    dnb_free(w->whole);
    dnb_free(w->split);
    *w = (dnb_resize_weights){0};
}

/* Sums cannot leave 0..255 by more than the rounding of the weights; clip as Pillow does. */
static uint8_t to_byte(int32_t sum)
{
    int32_t v = sum >> DNB_RESIZE_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void across_portable(uint8_t *const dst[], const uint8_t *const src[],
                            const dnb_resize_weights *w)
{
    for (int r = 0; r < DNB_RESIZE_ROWS; r++) {
        uint8_t *out = dst[r];
        for (size_t x = 0; x < w->n; x++, out += 3) {
            const uint8_t *p = src[r] + w->first[x] * 3;
            const int32_t *k = w->whole + x * w->taps;
            int32_t sum[3];
            for (int c = 0; c < 3; c++)
                sum[c] = 1 << (DNB_RESIZE_BITS - 1);
            for (size_t i = 0; i < w->count[x]; i++, p += 3)
                for (int c = 0; c < 3; c++)
                    sum[c] += p[c] * k[i];
            for (int c = 0; c < 3; c++)
                out[c] = to_byte(sum[c]);
        }
    }
}

/* Blocks of columns keep their sums in registers or L1 while the taps pass by. */
static void down_portable(uint8_t *dst, const uint8_t *src, size_t bytes,
                          const dnb_resize_weights *w, size_t i)
{
    enum { BLOCK = 64 };
    const int32_t *k = w->whole + i * w->taps;
    for (size_t at = 0; at < bytes; at += BLOCK) {
        size_t n = bytes - at < BLOCK ? bytes - at : BLOCK;
        int32_t sum[BLOCK];
        for (size_t x = 0; x < n; x++)
            sum[x] = 1 << (DNB_RESIZE_BITS - 1);
        for (size_t t = 0; t < w->count[i]; t++) {
            const uint8_t *row = src + t * bytes + at;
            for (size_t x = 0; x < n; x++)
                sum[x] += row[x] * k[t];
        }
        for (size_t x = 0; x < n; x++)
            dst[at + x] = to_byte(sum[x]);
    }
}

dnb_resize_kernels dnb_resize_portable(void)
{
    return (dnb_resize_kernels){.across = across_portable, .down = down_portable};
}

/* Rows first..first+n_rows-1 of im, each made w->n pixels wide, into dst. A row whose slack would
 * lie beyond the image is worked on in a padded copy. */
static dnb_status resize_across(uint8_t *dst, const dnb_image *im, size_t first, size_t n_rows,
                                const dnb_resize_weights *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_resize_kernels kernels = dnb_resize_best();
    size_t in_bytes = im->width * 3, padded = in_bytes + DNB_RESIZE_SLACK;
    const uint8_t *end = im->data + im->height * in_bytes;
    uint8_t *copies = NULL;
    DNB_NEW(copies, DNB_RESIZE_ROWS * padded, "resize row");
    for (size_t y = 0; y < n_rows; y += DNB_RESIZE_ROWS) {
        const uint8_t *from[DNB_RESIZE_ROWS];
        uint8_t *to[DNB_RESIZE_ROWS];
        for (size_t r = 0; r < DNB_RESIZE_ROWS; r++) {
            size_t row = y + r < n_rows ? y + r : n_rows - 1; /* the last one again, harmlessly */
            from[r] = im->data + (first + row) * in_bytes;
            to[r] = dst + row * w->n * 3;
            if ((size_t)(end - from[r]) < padded)
                from[r] = memcpy(copies + r * padded, from[r], in_bytes);
        }
        kernels.across(to, from, w);
    }
done:
    dnb_free(copies);
    return status;
}

static void resize_down(uint8_t *dst, const uint8_t *src, size_t bytes, size_t first,
                        const dnb_resize_weights *w)
{
    dnb_resize_kernels kernels = dnb_resize_best();
    for (size_t y = 0; y < w->n; y++)
        kernels.down(dst + y * bytes, src + (w->first[y] - first) * bytes, bytes, w, y);
}

/* The narrowed rows between the passes. */
static dnb_status new_rows(uint8_t **rows, size_t n_rows, size_t width, dnb_err *err)
{
    size_t bytes = SIZE_MAX;
    uint8_t *made = NULL;
    if (dnb_mul_size(&bytes, n_rows, width) && dnb_mul_size(&bytes, bytes, 3))
        made = dnb_alloc_aligned(bytes, 1);
    if (!made)
        return dnb_fail_memory(err, "resized rows", bytes);
    *rows = made;
    return DNB_OK;
}

dnb_status dnb_resize_into(uint8_t *dst, size_t width, size_t height, const dnb_image *im,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_resize_weights across = {0}, down = {0};
    uint8_t *between = NULL;
    const uint8_t *rows = im->data;
    bool narrow = im->width != width, flatten = im->height != height;
    size_t first = 0, n_rows = height;
    if (flatten) {
        DNB_TRY(dnb_resize_weights_init(&down, im->height, height, err));
        first = down.first[0];
        n_rows = down.first[height - 1] + down.count[height - 1] - first;
        rows += first * im->width * 3;
    }
    if (narrow) {
        DNB_TRY(dnb_resize_weights_init(&across, im->width, width, err));
        if (flatten)
            DNB_TRY(new_rows(&between, n_rows, width, err));
        DNB_TRY(resize_across(between ? between : dst, im, first, n_rows, &across, err));
        rows = between ? between : dst;
    }
    if (flatten)
        resize_down(dst, rows, width * 3, first, &down);
    else if (!narrow)
        memcpy(dst, im->data, width * height * 3);
done:
    dnb_resize_weights_release(&across);
    dnb_resize_weights_release(&down);
    dnb_free(between);
    return status;
}

dnb_status dnb_image_resize(dnb_image *out, const dnb_image *im, size_t width, size_t height,
                            dnb_err *err)
{
    dnb_image made = {0};
    dnb_status status = dnb_image_init(&made, width, height, err);
    if (status == DNB_OK)
        status = dnb_resize_into(made.data, width, height, im, err);
    if (status == DNB_OK)
        *out = made;
    else
        dnb_image_release(&made);
    return status;
}
