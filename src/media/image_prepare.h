/* The pixel -> float tables, made once for many images. room: media (internal) */
#ifndef DNB_MEDIA_IMAGE_PREPARE_H
#define DNB_MEDIA_IMAGE_PREPARE_H

#include "dnnbrain/image.h"

typedef struct dnb_prep_table {
    int source[3];       /* the image channel each output channel comes from */
    float value[3][256]; /* per output channel */
} dnb_prep_table;

void dnb_prep_table_init(dnb_prep_table *table, const dnb_image_prep *prep);
/* rgb: pixels x 3 bytes; out: 3 x pixels floats. */
void dnb_prep_planes(float *out, const uint8_t *rgb, size_t pixels, const dnb_prep_table *table);

#endif
