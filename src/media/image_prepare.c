/* 8-bit pixels to a network's float planes. There are 256 pixel values, so each channel is a table
 * made with torch's float32 steps; the division per pixel disappears and the result stays exact. */
#include "media/image_prepare.h"

#include <math.h>

dnb_status dnb_image_prep_check(const dnb_image_prep *prep, dnb_err *err)
{
    if (prep->height == 0 || prep->width == 0 || prep->width > DNB_IMAGE_MAX_PIXELS / prep->height)
        return dnb_fail(err, DNB_EARG,
                        "input size %zu x %zu: both must be at least 1 and the product at most %zu",
                        prep->height, prep->width, DNB_IMAGE_MAX_PIXELS);
    if (!(prep->range > 0) || !isfinite(prep->range))
        return dnb_fail(err, DNB_EARG, "input range %g: must be positive (1 or 255)",
                        (double)prep->range);
    for (int c = 0; c < 3; c++)
        if (!isfinite(prep->mean[c]) || !isfinite(prep->std[c]) || prep->std[c] == 0)
            return dnb_fail(err, DNB_EARG,
                            "mean %g and std %g of channel %d: both must be finite, std not 0",
                            (double)prep->mean[c], (double)prep->std[c], c);
    return DNB_OK;
}

void dnb_prep_table_init(dnb_prep_table *table, const dnb_image_prep *prep)
{
    for (int c = 0; c < 3; c++) {
        table->source[c] = prep->bgr ? 2 - c : c;
        for (int v = 0; v < 256; v++) {
            /* One step a statement: the compiler may not fuse them into one rounding. */
            float value = (float)v / 255.0f;
            value = value * prep->range;
            value = value - prep->mean[c];
            value = value / prep->std[c];
            table->value[c][v] = value;
        }
    }
}

void dnb_prep_planes(float *out, const uint8_t *rgb, size_t pixels, const dnb_prep_table *table)
{
    for (int c = 0; c < 3; c++) {
        const uint8_t *src = rgb + table->source[c];
        const float *value = table->value[c];
        float *dst = out + (size_t)c * pixels;
        for (size_t i = 0; i < pixels; i++)
            dst[i] = value[src[3 * i]];
    }
}

dnb_status dnb_image_prepare(float *out, const dnb_image *im, const dnb_image_prep *prep,
                             dnb_err *err)
{
    dnb_status status = dnb_image_prep_check(prep, err);
    dnb_image resized = {0};
    dnb_prep_table table;
    if (status != DNB_OK)
        return status;
    const dnb_image *source = im;
    if (im->width != prep->width || im->height != prep->height) {
        status = dnb_image_resize(&resized, im, prep->width, prep->height, err);
        source = &resized;
    }
    if (status == DNB_OK) {
        dnb_prep_table_init(&table, prep);
        dnb_prep_planes(out, source->data, prep->width * prep->height, &table);
    }
    dnb_image_release(&resized);
    return status;
}
