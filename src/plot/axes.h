/* What every figure shares: scales with round ticks, numbers, axes, names along an axis, legends,
 * panel placement, heat maps and colour bars. room: plot (internal) */
#ifndef DNB_PLOT_AXES_H
#define DNB_PLOT_AXES_H

#include "plot/canvas.h"

/* ---- numbers and scales (scale.c)
 * ------------------------------------------------------------------- */

#define DNB_MAX_TICKS 24

typedef struct dnb_scale {
    double lo, hi;
    double tick[DNB_MAX_TICKS];
    int n_ticks;
    int decimals; /* digits after the point the ticks need; -1: scientific notation */
} dnb_scale;

/* Running limits of finite values; start with dnb_limits_none. */
typedef struct dnb_limits {
    double lo, hi;
} dnb_limits;

dnb_limits dnb_limits_none(void);
void dnb_limits_add(dnb_limits *l, double v);
/* Makes lo < hi: nothing seen gives 0..1, one value gives a range around it. */
void dnb_limits_settle(dnb_limits *l);
void dnb_limits_make_symmetric(dnb_limits *l);

/* Ticks at 1, 2 or 5 times a power of ten inside lo..hi (lo < hi), about max_ticks
 * (>= 2) of them, and no single one; widen moves the ends out to
 * ticks or half-way between two. */
void dnb_scale_init(dnb_scale *s, double lo, double hi, int max_ticks, bool widen);
/* Where v falls between the positions from (of lo) and to (of hi). */
double dnb_scale_at(const dnb_scale *s, double v, double from, double to);
/* v with a fixed number of decimals (-1: scientific), a true minus sign and no "-0". Returns buf.
 */
const char *dnb_number(char *buf, size_t size, double v, int decimals);

/* ---- axes (axes.c)
 * ---------------------------------------------------------------------------------- */

/* Room the tick labels of a left axis need, ticks included. */
double dnb_axis_left_width(dnb_canvas *c, const dnb_scale *s);
/* The y axis along the box's left side / the x axis along its bottom; labels only when asked. */
void dnb_axis_left(dnb_canvas *c, dnb_rect box, const dnb_scale *s, bool labels);
void dnb_axis_bottom(dnb_canvas *c, dnb_rect box, const dnb_scale *s, bool labels);
/* Room dnb_axis_bottom needs below the box. */
double dnb_axis_bottom_height(const dnb_canvas *c);

/* How names are set along an axis. */
typedef struct dnb_names {
    const char *const *names;
    size_t n, step; /* every step-th is written */
    double size;
    int angle;     /* 0, 45 or 90 */
    double extent; /* room across the axis, ticks and gap included */
    double max_width;
} dnb_names;

/* Chooses size, angle and step so that names `spacing` apart do not touch; a name is cut at
 * max_width. */
void dnb_names_plan_bottom(dnb_canvas *c, dnb_names *plan, const char *const *names, size_t n,
                           double spacing, double max_width);
void dnb_names_plan_left(dnb_canvas *c, dnb_names *plan, const char *const *names, size_t n,
                         double spacing, double max_width);
/* Written under / left of the box, which is divided into n equal parts. */
void dnb_names_bottom(dnb_canvas *c, const dnb_names *plan, dnb_rect box, bool ticks);
void dnb_names_left(dnb_canvas *c, const dnb_names *plan, dnb_rect box);

/* Moves the n centres (ascending) apart to at least min_gap within lo..hi, as little as possible.
 * False when they cannot fit; they are then untouched. */
bool dnb_spread(double *center, size_t n, double min_gap, double lo, double hi);

typedef struct dnb_panels {
    size_t columns, rows;
    dnb_rect first; /* the top left panel */
    double pitch_x, pitch_y;
} dnb_panels;

dnb_rect dnb_panel_at(const dnb_panels *p, size_t i);

/* Page title across the top at y; returns the y below it (y itself when there is none). */
double dnb_page_title(dnb_canvas *c, const char *title, double y);
/* Bold and centred over the box, cut to `width`. */
void dnb_panel_title(dnb_canvas *c, dnb_rect box, const char *title, double width);
double dnb_panel_title_height(const dnb_canvas *c);

/* ---- legend (legend.c)
 * ------------------------------------------------------------------------------- */

typedef enum dnb_legend_kind {
    DNB_LEGEND_SWATCH,
    DNB_LEGEND_LINE,
    DNB_LEGEND_DASHED,
    DNB_LEGEND_FILLED,
    DNB_LEGEND_OPEN,
    DNB_LEGEND_LINE_MARKER,
    DNB_LEGEND_BOX, /* an empty swatch */
    DNB_LEGEND_HATCH,
    DNB_LEGEND_UPRIGHT, /* an upright line: error bars */
    DNB_LEGEND_TEXT
} dnb_legend_kind;

typedef struct dnb_legend_item {
    dnb_legend_kind kind;
    const char *name;
    dnb_color color;
    int shape;
} dnb_legend_item;

#define DNB_MAX_LEGEND 256 /* items beyond are left out */

/* Sets the items in rows from (x, y) down, at most width wide; returns the height. draw = false
 * only measures. */
double dnb_legend(dnb_canvas *c, double x, double y, double width, const dnb_legend_item *items,
                  size_t n, bool draw);

/* ---- heat maps (heat.c)
 * ------------------------------------------------------------------------------ */

typedef struct dnb_heat {
    const dnb_colormap *map;
    double lo, hi;
    bool smooth;    /* values are interpolated between cell centres */
    bool blank;     /* missing values are left white, not grey and hatched */
    double opacity; /* 0 counts as 1 */
} dnb_heat;

/* v as a float share of the scale (0 at lo, 1 at hi; NaN stays): floats keep small differences of
 * large values this way. Draw shares with a heat from 0 to 1. */
float dnb_heat_share(const dnb_heat *heat, double v);

/* rows x cols values into r; missing ones hatched when their cells are big enough to show it. */
dnb_status dnb_heat_draw(dnb_canvas *c, dnb_rect r, const float *value, size_t rows, size_t cols,
                         const dnb_heat *heat, dnb_err *err) DNB_MUST_CHECK;

/* Vertical colour bar filling `bar`, ticks on its right and the label beside them. */
void dnb_colorbar(dnb_canvas *c, dnb_rect bar, const dnb_heat *heat, const char *label,
                  int max_ticks);
/* Room right of the page's content for a bar `bar_width` wide. */
double dnb_colorbar_width(dnb_canvas *c, double bar_width, const dnb_heat *heat, const char *label,
                          int max_ticks);

#endif
