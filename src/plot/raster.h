/* Encoding a drawn picture as PNG or JPEG. room: plot (internal) */
#ifndef DNB_PLOT_RASTER_H
#define DNB_PLOT_RASTER_H

#include <cairo.h>

#include "dnnbrain/status.h"

/* Write an RGB24 image surface to path, whole or not at all. provenance (UTF-8 or NULL) goes into a
 * PNG iTXt chunk named "provenance", or a JPEG comment. */
dnb_status dnb_raster_write_png(cairo_surface_t *image, double dpi, const char *provenance,
                                const char *path, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_raster_write_jpeg(cairo_surface_t *image, double dpi, const char *provenance,
                                 const char *path, dnb_err *err) DNB_MUST_CHECK;

#endif
