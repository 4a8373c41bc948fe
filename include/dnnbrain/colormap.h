/* Colour maps by name: 256 sRGB colours computed from a formula or a few control points.
 * room: plot
 *
 * Every sequential map rises linearly in CIELAB lightness, so it stays readable in grey print and
 * for colour-blind readers; `coolwarm` is the diverging map of Moreland (2009, ISVC, "Diverging
 * color maps for scientific visualization"), `jet` and `hot` are there for scripts that name them
 * and are not perceptual. */
#ifndef DNNBRAIN_COLORMAP_H
#define DNNBRAIN_COLORMAP_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain value, no ownership. rgb[0] is the low end. */
typedef struct dnb_colormap {
    uint8_t rgb[256][3];
} dnb_colormap;

/* Fills *map with the map called `name` ("viridis", "coolwarm", ...; case counts for nothing;
 * "gray" is "grey"); a trailing "_r" reverses it. An unknown name is DNB_ENOTFOUND and the message
 * lists the names. Cost: microseconds. */
DNB_API dnb_status dnb_colormap_init(dnb_colormap *map, const char *name,
                                     dnb_err *err) DNB_MUST_CHECK;

/* The names, 0 <= i < dnb_colormap_count(); NULL beyond. */
DNB_API size_t dnb_colormap_count(void);
DNB_API const char *dnb_colormap_name(size_t i);

/* Colours n values: low and below gives rgb[0], high and above rgb[255], linear between (low ==
 * high gives the middle colour). NaN gives neutral grey (208,208,208). rgb holds n x 3 bytes. */
DNB_API void dnb_colormap_apply(const dnb_colormap *map, const float *value, size_t n, double low,
                                double high, uint8_t *rgb);

/* The colour of one value, as dnb_colormap_apply. */
DNB_API void dnb_colormap_at(const dnb_colormap *map, double value, double low, double high,
                             uint8_t rgb[3]);

#ifdef __cplusplus
}
#endif
#endif
