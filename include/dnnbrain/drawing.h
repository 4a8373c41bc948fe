/* Procedurally drawn stimuli: small labelled pictures for the demo, its network and the tests.
 * room: plot
 *
 * Ten categories in three groups: shapes (circle square triangle star), textures (checks dots
 * wood), gratings (horizontal vertical oblique). Position, size, turn, colours, contrast,
 * background, shading and noise vary from picture to picture and are drawn alike for every
 * category, so that the mean colour or contrast of a picture does not tell its category. */
#ifndef DNNBRAIN_DRAWING_H
#define DNNBRAIN_DRAWING_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DNB_DRAW_CATEGORIES 10

/* "circle", ...; NULL for category >= DNB_DRAW_CATEGORIES. */
DNB_API const char *dnb_draw_name(size_t category);
/* "shape", "texture" or "grating"; NULL beyond. */
DNB_API const char *dnb_draw_group(size_t category);

/* Draws picture number `seed` of a category into rgb: size x size x 3 bytes, row-major, 8 <= size
 * <= 4096. A pure function of its arguments (the same picture at another size is the same scene,
 * not the same noise). DNB_EARG for a category or size out of range. Cost: about 1 microsecond per
 * pixel. */
DNB_API dnb_status dnb_draw_stimulus(size_t category, uint64_t seed, size_t size, uint8_t *rgb,
                                     dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
