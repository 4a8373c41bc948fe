/* The page a figure is drawn on: vector primitives and text in points (1/72 inch), y downwards.
 * room: plot (internal)
 *
 * A figure is drawn twice: once to learn the page's height, with drawing going nowhere, and once
 * into the file. (Recording it and replaying the record would do in theory; cairo 1.16 leaks such
 * records.) The drawing calls return nothing: cairo keeps the first failure and dnb_canvas_run
 * reports it. */
#ifndef DNB_PLOT_CANVAS_H
#define DNB_PLOT_CANVAS_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/colormap.h"
#include "dnnbrain/figure.h"

#define DNB_PT_PER_MM (72.0 / 25.4)

typedef struct dnb_rect {
    double x, y, w, h;
} dnb_rect;

typedef struct dnb_color {
    double r, g, b, a;
} dnb_color;

/* What makes the figures look alike. Sizes in points. */
typedef struct dnb_style {
    double font;       /* labels */
    double title_font; /* panel titles, bold */
    double small_font; /* crowded labels, values in cells; never below this */
    double line;       /* axes */
    double data_line;  /* curves */
    double tick;       /* tick length */
    double gap;        /* between a thing and its label */
    double marker;     /* radius */
    dnb_color ink, muted, faint, null_band, ceiling, missing;
} dnb_style;

typedef enum dnb_file_kind {
    DNB_FILE_NONE = 0,
    DNB_FILE_PNG,
    DNB_FILE_JPEG,
    DNB_FILE_SVG,
    DNB_FILE_PDF
} dnb_file_kind;

typedef struct dnb_canvas dnb_canvas;

/* Draws `figure` on c and sets c->height. Called twice; must do the same each time. */
typedef dnb_status dnb_draw_fn(dnb_canvas *c, void *figure, dnb_err *err);

struct dnb_canvas {
    cairo_t *cr;    /* where drawing goes */
    cairo_t *ruler; /* where text is measured: the same for every format and pass */
    bool measuring; /* the first pass: pictures may be left out */
    dnb_style style;
    double width, height; /* of the page, points */
    double dpi;
    dnb_file_kind kind;
    bool has_font, has_minus;
};

/* How text stands at its point. Zero values: style.font, regular, centred, ink. */
typedef struct dnb_text {
    double size;
    bool bold;
    char align;   /* 'l' starts at x, 'c' is centred on it, 'r' ends at it */
    char valign;  /* 't' hangs below y, 'm' is centred on it, 'b' stands on it */
    double angle; /* degrees, anticlockwise */
    const dnb_color *color;
} dnb_text;

dnb_file_kind dnb_file_kind_of(const char *path);

/* Checks the options and the path's suffix and folder, and readies a page for measuring,
 * `default_mm` wide unless the options say otherwise. */
dnb_status dnb_canvas_init(dnb_canvas *c, const char *path, const dnb_figure_options *options,
                           double default_mm, dnb_err *err) DNB_MUST_CHECK;
void dnb_canvas_release(dnb_canvas *c);
/* Makes a drawing context's letters those of the ruler. */
void dnb_canvas_set_fonts(const dnb_canvas *c, cairo_t *cr);
/* Init, draw to measure, draw into the file at path, release. */
dnb_status dnb_canvas_run(const char *path, const dnb_figure_options *options, double default_mm,
                          dnb_draw_fn *draw, void *figure, dnb_err *err) DNB_MUST_CHECK;

/* Nearest position that falls on a pixel edge in raster output; x itself in vector output. */
double dnb_snap(const dnb_canvas *c, double x);
dnb_rect dnb_snap_rect(const dnb_canvas *c, dnb_rect r);

void dnb_canvas_line(dnb_canvas *c, double x0, double y0, double x1, double y1, double width,
                     dnb_color color);
void dnb_canvas_fill(dnb_canvas *c, dnb_rect r, dnb_color color);
void dnb_canvas_frame(dnb_canvas *c, dnb_rect r, double width, dnb_color color);
/* Diagonal lines over r: the sign of a missing value. */
void dnb_canvas_hatch(dnb_canvas *c, dnb_rect r, dnb_color color);
/* Marker `shape` (0 circle, 1 square, 2 triangle, 3 diamond, 4 triangle down, ... repeating),
 * filled with its colour or with white. */
void dnb_canvas_marker(dnb_canvas *c, double x, double y, int shape, double radius, bool filled,
                       dnb_color color);
/* rows x cols x 3 bytes into r; the pixels stay squares. */
void dnb_canvas_image(dnb_canvas *c, dnb_rect r, const uint8_t *rgb, size_t rows, size_t cols,
                      double opacity);

void dnb_canvas_text(dnb_canvas *c, double x, double y, const char *s, dnb_text t);
/* Width of s in points (bold or not); 0 for NULL or when there is no font. */
double dnb_text_width(dnb_canvas *c, const char *s, double size, bool bold);
/* Copies s into buf, cutting its middle with an ellipsis until it is at most max_width wide. */
const char *dnb_text_fit(dnb_canvas *c, const char *s, double size, bool bold, double max_width,
                         char *buf, size_t buf_size);

/* Copies s as valid UTF-8: bad bytes become U+FFFD, control characters spaces; cut to fit. */
void dnb_clean_text(char *out, size_t size, const char *s);

/* Colour-blind safe series colours (Okabe & Ito 2008), 8 of them, then darker, then lighter. */
dnb_color dnb_series_color(size_t i);
dnb_color dnb_color_of(const uint8_t rgb[3]);

#endif
