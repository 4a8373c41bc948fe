/* Figures for papers: RDM heat maps, layer-by-ROI charts, matrices, feature maps, plain charts.
 * room: plot
 *
 * Each figure is a plain struct of borrowed inputs; zero-initialise it and set what you have: a
 * zero field means the documented default. dnb_figure_<kind>_write draws it and writes one file
 * whose suffix chooses the format: .png .jpg .jpeg (at `dpi`), .svg, .pdf (vectors; letters become
 * outlines in .svg and stay text in .pdf).
 * The file appears under its name only when complete, the same input gives the same bytes (no dates
 * inside), and the provenance text is stored in it: PNG iTXt chunk "provenance", JPEG comment, SVG
 * <metadata>, PDF Subject.
 *
 * Common rules. Texts are UTF-8 (bad bytes are shown as U+FFFD). A value that is NaN is drawn as
 * missing (hatched grey cell, no mark), never as a colour; infinite values are clipped to the
 * scale. Errors: DNB_EARG for an empty or inconsistent input, a suffix not listed above, or a
 * picture of unreasonable size; DNB_ENOTFOUND for an unknown colour map; DNB_EIO when the file
 * cannot be written. Nothing is left behind on failure. Without any font installed, texts are
 * set in cairo's built-in Latin font. */
#ifndef DNNBRAIN_FIGURE_H
#define DNNBRAIN_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a figure is set. NULL where it is asked for means all defaults. */
typedef struct dnb_figure_options {
    double width_mm;  /* 0: 89 (one journal column) or 183 (two), whichever the content
                         needs; 30..1000 */
    double dpi;       /* PNG and JPEG resolution; 0: 300; 30..1200 */
    double font_pt;   /* 0: 7; 4..24 */
    const char *font; /* NULL: "DejaVu Sans"; fontconfig picks the nearest installed one */
    const char
        *provenance; /* text to store, normally dnb_provenance_json(); NULL: nothing is stored */
} dnb_figure_options;

/* True when the path's suffix is one a figure can be written to. */
DNB_API bool dnb_figure_can_write(const char *path);

/* ---- RDM heat maps
 * ---------------------------------------------------------------------------------- */

typedef struct dnb_figure_rdm_panel {
    const char *title;   /* layer or ROI; may be NULL */
    const double *pairs; /* n(n-1)/2 dissimilarities: upper triangle without diagonal, row by row */
} dnb_figure_rdm_panel;

/* One RDM, or several as small multiples (at most 30). All panels are of the same n stimuli. */
typedef struct dnb_figure_rdm {
    const char *title; /* above everything; may be NULL */
    const dnb_figure_rdm_panel *panels;
    size_t n_panels; /* 1..30 */
    size_t n;        /* stimuli, >= 2 */

    /* Categories (optional): category[i] < n_categories for each stimulus. The matrix is ordered by
     * it (stable) unless keep_order is set; runs of one category get a coloured bar along both
     * axes, and their names stand beside a single RDM or in a legend under several. */
    const size_t *category;
    const char *const *category_names; /* n_categories, in axis order */
    size_t n_categories;
    bool keep_order;
    const char *const
        *item_names; /* n, or NULL: written along a single RDM of at most 60 stimuli */

    const char *metric; /* colour-bar title, e.g. "1 - Pearson r"; NULL: "Dissimilarity" */
    bool percentile; /* colours show the percentile of each pair within its panel (ties averaged) */
    bool own_scale;  /* each panel its own scale and bar; default: one scale for all */
    double low, high;     /* colour limits; low == high: taken from the data (percentile: 0..100) */
    const char *colormap; /* NULL: "viridis" */
    size_t columns;       /* panels per row; 0: chosen */
} dnb_figure_rdm;

DNB_API dnb_status dnb_figure_rdm_write(const dnb_figure_rdm *spec, const char *path,
                                        const dnb_figure_options *options,
                                        dnb_err *err) DNB_MUST_CHECK;

/* ---- layer-by-ROI chart
 * ----------------------------------------------------------------------------- */

/* One ROI. Arrays have n_layers entries; each but `value` may be NULL, and NaN in any means none
 * there. */
typedef struct dnb_figure_roi {
    const char *name;
    const double *value;      /* correlation or accuracy per layer */
    const double *low, *high; /* error bar ends (absolute values, e.g. a bootstrap CI) */
    const double *p;          /* corrected p: filled mark when p < alpha, open mark otherwise */
    const double *null_low,
        *null_high;                   /* grey band, e.g. the central 95 % of the permutation null */
    double ceiling_low, ceiling_high; /* noise ceiling band; drawn when ceiling_high > 0 */
    const double *each; /* n_each x n_layers: thin grey lines behind the curve (subjects) */
    size_t n_each;
    double chance; /* what is reached without any knowledge: a dashed line; drawn when > 0 */
} dnb_figure_roi;

typedef struct dnb_figure_layers {
    const char *title;
    const char *const *layer_names;
    size_t n_layers; /* 1..60 */
    const dnb_figure_roi *rois;
    size_t n_rois; /* 1..24; together: at most 8, one colour each */
    bool together; /* all ROIs in one axes with a legend; default: a panel per ROI, shared y */
    bool bars;     /* bars instead of connected points (a panel per ROI only) */
    const char *x_label;     /* NULL: none */
    const char *y_label;     /* e.g. "Spearman's rho"; NULL: none */
    const char *null_name;   /* legend entry of the grey band; NULL: "95% of null" */
    const char *chance_name; /* legend entry of the dashed line; NULL: "chance" */
    const char *each_name;   /* legend entry of the thin lines; NULL: none */
    const char *p_name;      /* legend entry of the filled mark; NULL: "p < alpha, corrected" */
    const char *bar_name;    /* legend entry of the error bars; NULL: none */
    const char *note;        /* words at the legend's end; NULL: none */
    double alpha;            /* 0: 0.05 */
    double low, high;        /* y limits; low == high: from the data, with 0 inside */
    size_t columns;          /* panels per row; 0: chosen */
} dnb_figure_layers;

DNB_API dnb_status dnb_figure_layers_write(const dnb_figure_layers *spec, const char *path,
                                           const dnb_figure_options *options,
                                           dnb_err *err) DNB_MUST_CHECK;

/* ---- matrix with printed values (layers x ROIs, confusion matrix)
 * ------------------------------------ */

typedef struct dnb_figure_matrix {
    const char *title;
    size_t n_rows, n_cols; /* 1..200 each */
    const double *value;   /* n_rows x n_cols, row-major */
    const double *shade;   /* what the colours show, alike; NULL: the values */
    const bool *mark;      /* n_rows x n_cols, or NULL: cells to mark with a star (significant) */
    const char *const *row_names;      /* n_rows, or NULL */
    const char *const *col_names;      /* n_cols, or NULL */
    const char *row_label, *col_label; /* axis titles; may be NULL */
    const char *bar_label;             /* colour-bar title; may be NULL */
    const char *mark_label; /* what the star means, e.g. "p < 0.05, corrected"; may be NULL */
    bool hide_values;       /* default: values are printed where they fit */
    int decimals;           /* digits after the point; 0: chosen (integers print as such) */
    double low, high;       /* colour limits; low == high: from the data */
    bool symmetric;         /* limits -m..m, m = largest magnitude (for diverging maps) */
    const char *colormap;   /* NULL: "viridis", or "coolwarm" when symmetric */
} dnb_figure_matrix;

DNB_API dnb_status dnb_figure_matrix_write(const dnb_figure_matrix *spec, const char *path,
                                           const dnb_figure_options *options,
                                           dnb_err *err) DNB_MUST_CHECK;

/* ---- images and maps in a grid (feature maps, saliency, receptive fields)
 * ----------------------------- */

/* One cell: an RGB image, or a map drawn through the colour map; both NULL leaves it empty. An
 * overlay is both: the image, and the map over it at half opacity. Rows x cols may differ between
 * cells. */
typedef struct dnb_figure_cell {
    size_t rows, cols;         /* pixels of rgb (or of the map, when there is no rgb) */
    const uint8_t *rgb;        /* rows x cols x 3 */
    size_t map_rows, map_cols; /* of map; 0: as rows, cols */
    const float *map;          /* map_rows x map_cols */
    double pixel_aspect;       /* height over width of a pixel (voxels need not be cubes); 0: 1 */
    const char *title;         /* above the cell; NULL: none */
} dnb_figure_cell;

typedef enum dnb_figure_scale {
    DNB_SCALE_ROW =
        0, /* one colour scale per grid row, with its own bar (a row is a channel or layer) */
    DNB_SCALE_ALL, /* one for the whole grid */
    DNB_SCALE_CELL /* each map its own; no bars */
} dnb_figure_scale;

/* Cells are drawn with equal widths, keeping each picture's aspect, without interpolation. For
 * pages of 6 stimuli call it with first = 0, 6, 12, ... and count = 6: the scales are those of the
 * whole grid. */
typedef struct dnb_figure_grid {
    const char *title;
    size_t n_rows, n_cols;         /* the whole grid */
    const dnb_figure_cell *cells;  /* n_rows x n_cols, row-major */
    const char *const *row_titles; /* n_rows (channel, layer), or NULL */
    const char *const *col_titles; /* n_cols (stimulus), or NULL */
    size_t first, count;           /* columns to draw; count 0: all from first; at most 12 a page */
    dnb_figure_scale scale;
    bool symmetric;     /* limits -m..m, m = largest magnitude */
    bool blank_missing; /* NaN is left white (outside a mask) instead of grey and hatched */
    const char *left_name, *right_name; /* sides of the pictures ("L", "R"), or NULL */
    bool interpolate;      /* mix map values between pixel centres instead of showing squares */
    double low, high;      /* colour limits of every map; low == high: by `scale` */
    const char *bar_label; /* colour-bar title, e.g. "activation"; may be NULL */
    const char *colormap;  /* NULL: "viridis", or "coolwarm" when symmetric */
} dnb_figure_grid;

DNB_API dnb_status dnb_figure_grid_write(const dnb_figure_grid *spec, const char *path,
                                         const dnb_figure_options *options,
                                         dnb_err *err) DNB_MUST_CHECK;

/* ---- plain charts (line, scatter, histogram, band)
 * ---------------------------------------------------- */

typedef enum dnb_figure_mark {
    DNB_MARK_LINE = 0, /* connected in order; NaN breaks the line */
    DNB_MARK_POINTS,
    DNB_MARK_BARS, /* y as a bar from 0, centred on x; widths follow the spacing of x (histogram) */
    DNB_MARK_BAND  /* filled between y and y2 */
} dnb_figure_mark;

typedef struct dnb_figure_series {
    const char *name; /* legend entry (of the first axes); NULL: none */
    dnb_figure_mark mark;
    size_t n;
    const double *x, *y; /* n; x NULL: 1, 2, ... n */
    const double *y2;    /* bands: the other edge; lines, points, bars: NULL */
    int color;           /* 0: by position among the series; 1..8: that colour; -1: grey */
    bool dashed;
} dnb_figure_series;

typedef struct dnb_figure_axes {
    const char *title;
    const char *x_label, *y_label;
    const dnb_figure_series *series;
    size_t n_series;                     /* 1..64 */
    double x_low, x_high, y_low, y_high; /* low == high: from the data */
    bool diagonal;                       /* the line y = x (predicted against measured) */
    bool zero;                           /* y axis includes 0 */
} dnb_figure_axes;

typedef struct dnb_figure_chart {
    const char *title;
    const dnb_figure_axes *axes;
    size_t n_axes;  /* 1..30 small multiples */
    size_t columns; /* 0: chosen */
} dnb_figure_chart;

DNB_API dnb_status dnb_figure_chart_write(const dnb_figure_chart *spec, const char *path,
                                          const dnb_figure_options *options,
                                          dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
