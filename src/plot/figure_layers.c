/* Layer-by-ROI charts: a measure over the layers of a network, a panel or a colour per ROI. */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "plot/axes.h"

typedef struct chart {
    const dnb_figure_layers *spec;
    const char *path;
    dnb_canvas *c; /* of the pass at hand */
    dnb_legend_item *legend;
    dnb_scale y;
    dnb_names names;
    double alpha;
    bool any_null, any_ceiling, any_p, any_each, any_bar;
    bool any_chance, one_chance; /* one_chance: the same for all ROIs */
} chart;

/* ---- one panel
 * -------------------------------------------------------------------------------------- */

static double layer_x(const chart *h, dnb_rect box, size_t i)
{
    return box.x + box.w * ((double)i + 0.5) / (double)h->spec->n_layers;
}

/* v's height in the box, kept inside it. */
static double value_y(const chart *h, dnb_rect box, double v)
{
    double y = dnb_scale_at(&h->y, v, box.y + box.h, box.y);
    return fmin(box.y + box.h, fmax(box.y, y));
}

/* The null band at a layer: the widest over ROIs first .. first + count - 1. */
static bool null_at(const chart *h, size_t first, size_t count, size_t i, double *lo, double *hi)
{
    dnb_limits l = dnb_limits_none();
    for (size_t k = first; k < first + count; k++) {
        const dnb_figure_roi *r = &h->spec->rois[k];
        if (!r->null_low || !r->null_high || !isfinite(r->null_low[i]) ||
            !isfinite(r->null_high[i]))
            continue;
        dnb_limits_add(&l, r->null_low[i]);
        dnb_limits_add(&l, r->null_high[i]);
    }
    *lo = l.lo;
    *hi = l.hi;
    return l.lo <= l.hi;
}

/* The null band: a step per layer, neighbouring layers filled as one so that no seams show. */
static void draw_null(chart *h, dnb_rect box, size_t first, size_t count)
{
    double w = box.w / (double)h->spec->n_layers, lo, hi;
    const dnb_color *g = &h->c->style.null_band;
    cairo_new_path(h->c->cr);
    for (size_t i = 0; i < h->spec->n_layers; i++)
        if (null_at(h, first, count, i, &lo, &hi)) {
            double x = box.x + (double)i * w, top = value_y(h, box, hi);
            double next_lo, next_hi;
            bool joined =
                i + 1 < h->spec->n_layers && null_at(h, first, count, i + 1, &next_lo, &next_hi);
            cairo_rectangle(h->c->cr, x, top, joined ? w + 0.2 : w, value_y(h, box, lo) - top);
        }
    cairo_set_source_rgb(h->c->cr, g->r, g->g, g->b);
    cairo_fill(h->c->cr);
}

/* A band for a ROI's own panel, a dashed line of its colour where ROIs share one. */
static void draw_ceiling(chart *h, dnb_rect box, const dnb_figure_roi *r, size_t k, bool shared)
{
    static const double dashes[2] = {2.0, 1.2};
    if (!(r->ceiling_high > 0))
        return;
    double low = r->ceiling_low <= r->ceiling_high ? r->ceiling_low : r->ceiling_high;
    double y0 = value_y(h, box, r->ceiling_high), y1 = value_y(h, box, low);
    if (!shared) {
        dnb_canvas_fill(h->c, (dnb_rect){box.x, y0, box.w, fmax(y1 - y0, 0.75)},
                        h->c->style.ceiling);
        return;
    }
    cairo_set_dash(h->c->cr, dashes, 2, 0);
    dnb_canvas_line(h->c, box.x, y1, box.x + box.w, y1, 0.6, dnb_series_color(k));
    cairo_set_dash(h->c->cr, NULL, 0, 0);
}

/* A line in ink; in their colours where ROIs that share a panel have lines of their own. */
static void draw_chance(chart *h, dnb_rect box, const dnb_figure_roi *r, size_t k, bool shared)
{
    static const double dashes[2] = {3.0, 2.0};
    if (!(r->chance > 0))
        return;
    double y = value_y(h, box, r->chance);
    cairo_set_dash(h->c->cr, dashes, 2, 0);
    dnb_canvas_line(h->c, box.x, y, box.x + box.w, y, 0.6,
                    shared && !h->one_chance ? dnb_series_color(k) : h->c->style.muted);
    cairo_set_dash(h->c->cr, NULL, 0, 0);
}

static void draw_zero(chart *h, dnb_rect box)
{
    if (h->y.lo < 0 && h->y.hi > 0) {
        double y = value_y(h, box, 0);
        dnb_canvas_line(h->c, box.x, y, box.x + box.w, y, 0.4, h->c->style.muted);
    }
}

static bool is_significant(const chart *h, const dnb_figure_roi *r, size_t i)
{
    return !r->p || (isfinite(r->p[i]) && r->p[i] < h->alpha);
}

static void draw_error_bar(chart *h, dnb_rect box, const dnb_figure_roi *r, size_t i, double x,
                           dnb_color color)
{
    if (!r->low || !r->high || isnan(r->low[i]) || isnan(r->high[i]))
        return;
    dnb_canvas_line(h->c, x, value_y(h, box, r->low[i]), x, value_y(h, box, r->high[i]), 0.6,
                    color);
}

static void draw_curve(chart *h, dnb_rect box, const dnb_figure_roi *r, dnb_color color,
                       double shift)
{
    cairo_t *cr = h->c->cr;
    bool pen = false;
    cairo_new_path(cr);
    for (size_t i = 0; i < h->spec->n_layers; i++) {
        if (isnan(r->value[i])) {
            pen = false;
            continue;
        }
        double x = layer_x(h, box, i) + shift, y = value_y(h, box, r->value[i]);
        if (pen)
            cairo_line_to(cr, x, y);
        else
            cairo_move_to(cr, x, y);
        pen = true;
    }
    cairo_set_source_rgb(cr, color.r, color.g, color.b);
    cairo_set_line_width(cr, 0.8 * h->c->style.data_line);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cr);
}

/* Curve, error bars and marks of one ROI. */
static void draw_points(chart *h, dnb_rect box, const dnb_figure_roi *r, size_t k, double shift)
{
    dnb_color color = dnb_series_color(k);
    double pitch = box.w / (double)h->spec->n_layers;
    double radius = fmin(h->c->style.marker, fmax(0.9, 0.32 * pitch));
    draw_curve(h, box, r, color, shift);
    for (size_t i = 0; i < h->spec->n_layers; i++) {
        if (isnan(r->value[i]))
            continue;
        double x = layer_x(h, box, i) + shift;
        draw_error_bar(h, box, r, i, x, color);
        dnb_canvas_marker(h->c, x, value_y(h, box, r->value[i]), (int)k, radius,
                          is_significant(h, r, i), color);
    }
}

#define THIN 0.45 /* opacity of a thin line */

static bool has_value(const double *value, size_t i, size_t n)
{
    return i < n && !isnan(value[i]); /* i may be one before the first, too */
}

/* One thin line of those behind the curve. A point alone between gaps gets a dot. */
static void draw_thin(chart *h, dnb_rect box, const double *value, double shift)
{
    cairo_t *cr = h->c->cr;
    const size_t n = h->spec->n_layers;
    const dnb_color *color = &h->c->style.muted;
    const double dot = 0.4 * h->c->style.marker;
    cairo_new_path(cr);
    for (size_t i = 0; i < n; i++) {
        double x = layer_x(h, box, i) + shift, y = value_y(h, box, value[i]);
        if (!has_value(value, i, n))
            continue;
        if (has_value(value, i - 1, n))
            cairo_line_to(cr, x, y);
        else
            cairo_move_to(cr, x, y);
    }
    cairo_set_source_rgba(cr, color->r, color->g, color->b, THIN);
    cairo_set_line_width(cr, 0.4);
    cairo_stroke(cr);
    for (size_t i = 0; i < n; i++)
        if (has_value(value, i, n) && !has_value(value, i - 1, n) && !has_value(value, i + 1, n))
            dnb_canvas_marker(h->c, layer_x(h, box, i) + shift, value_y(h, box, value[i]), 0, dot,
                              true, *color);
}

static void draw_each(chart *h, dnb_rect box, const dnb_figure_roi *r, double shift)
{
    for (size_t k = 0; r->each && k < r->n_each; k++)
        draw_thin(h, box, r->each + k * h->spec->n_layers, shift);
}

static void draw_columns(chart *h, dnb_rect box, const dnb_figure_roi *r)
{
    dnb_color color = dnb_series_color(0);
    double w = 0.7 * box.w / (double)h->spec->n_layers, zero = value_y(h, box, 0);
    for (size_t i = 0; i < h->spec->n_layers; i++) {
        if (isnan(r->value[i]))
            continue;
        double x = layer_x(h, box, i), y = value_y(h, box, r->value[i]);
        dnb_rect bar = {x - w / 2, fmin(y, zero), w, fabs(y - zero)};
        dnb_canvas_fill(h->c, bar, is_significant(h, r, i) ? color : (dnb_color){1, 1, 1, 1});
        dnb_canvas_frame(h->c, bar, 0.6, color);
        draw_error_bar(h, box, r, i, x, h->c->style.ink);
    }
}

/* ---- the page
 * --------------------------------------------------------------------------------------- */

static void choose_y(chart *h, double height)
{
    const dnb_figure_layers *s = h->spec;
    dnb_limits l = dnb_limits_none();
    double null_lo, null_hi;
    dnb_limits_add(&l, 0);
    h->one_chance = true;
    for (size_t k = 0; k < s->n_rois; k++) {
        const dnb_figure_roi *r = &s->rois[k];
        for (size_t i = 0; i < s->n_layers; i++) {
            const double *const all[] = {r->value, r->low, r->high, r->null_low, r->null_high};
            for (size_t a = 0; a < sizeof all / sizeof all[0]; a++)
                if (all[a])
                    dnb_limits_add(&l, all[a][i]);
            h->any_null = h->any_null || null_at(h, k, 1, i, &null_lo, &null_hi);
            h->any_p = h->any_p || (r->p && !isnan(r->p[i]));
            h->any_bar = h->any_bar || (r->low && r->high && isfinite(r->low[i] + r->high[i]));
        }
        for (size_t i = 0; r->each && i < r->n_each * s->n_layers; i++)
            dnb_limits_add(&l, r->each[i]);
        h->any_each = h->any_each || (r->each && r->n_each);
        h->any_ceiling = h->any_ceiling || r->ceiling_high > 0;
        dnb_limits_add(&l, r->ceiling_high > 0 ? r->ceiling_high : NAN);
        h->any_chance = h->any_chance || r->chance > 0;
        h->one_chance = h->one_chance && r->chance == s->rois[0].chance;
        dnb_limits_add(&l, r->chance > 0 ? r->chance : NAN);
    }
    bool given = s->low < s->high;
    if (given)
        l = (dnb_limits){s->low, s->high};
    dnb_limits_settle(&l);
    int ticks = (int)fmax(3, fmin(7, height / (2.2 * h->c->style.font)));
    dnb_scale_init(&h->y, l.lo, l.hi, ticks, !given);
}

static dnb_color thin_on_white(const dnb_color *c)
{
    return (dnb_color){1 - THIN * (1 - c->r), 1 - THIN * (1 - c->g), 1 - THIN * (1 - c->b), 1};
}

static size_t fill_legend(const chart *h, dnb_legend_item *item, char *text, size_t text_size)
{
    const dnb_figure_layers *s = h->spec;
    const dnb_style *st = &h->c->style;
    size_t n = 0;
    dnb_color mark = s->together ? st->muted : dnb_series_color(0);
    for (size_t k = 0; s->together && k < s->n_rois; k++)
        item[n++] =
            (dnb_legend_item){DNB_LEGEND_LINE_MARKER, s->rois[k].name, dnb_series_color(k), (int)k};
    if (h->any_p) {
        if (s->p_name)
            snprintf(text, text_size, "%.100s", s->p_name);
        else
            snprintf(text, text_size, "p < %g, corrected", h->alpha);
        item[n++] =
            (dnb_legend_item){s->bars ? DNB_LEGEND_SWATCH : DNB_LEGEND_FILLED, text, mark, 0};
        item[n++] = (dnb_legend_item){s->bars ? DNB_LEGEND_BOX : DNB_LEGEND_OPEN, "n.s.", mark, 0};
    }
    if (h->any_each && s->each_name)
        item[n++] = (dnb_legend_item){DNB_LEGEND_LINE, s->each_name, thin_on_white(&st->muted), 0};
    if (h->any_bar && s->bar_name)
        item[n++] = (dnb_legend_item){DNB_LEGEND_UPRIGHT, s->bar_name, mark, 0};
    if (h->any_null)
        item[n++] = (dnb_legend_item){
            DNB_LEGEND_SWATCH, s->null_name ? s->null_name : "95% of null", st->null_band, 0};
    if (h->any_chance)
        item[n++] = (dnb_legend_item){DNB_LEGEND_DASHED, s->chance_name ? s->chance_name : "chance",
                                      st->muted, 0};
    if (h->any_ceiling)
        item[n++] =
            s->together
                ? (dnb_legend_item){DNB_LEGEND_DASHED, "noise ceiling (low end)", st->muted, 0}
                : (dnb_legend_item){DNB_LEGEND_SWATCH, "noise ceiling", st->ceiling, 0};
    if (s->note)
        item[n++] = (dnb_legend_item){DNB_LEGEND_TEXT, s->note, st->ink, 0};
    return n;
}

static void draw_panel(chart *h, dnb_rect box, size_t first, size_t count, bool y_labels,
                       bool names)
{
    const dnb_figure_layers *s = h->spec;
    for (size_t k = first; k < first + count; k++)
        draw_ceiling(h, box, &s->rois[k], k, count > 1);
    draw_null(h, box, first, count);
    draw_zero(h, box);
    for (size_t k = first; k < first + (h->one_chance ? 1 : count); k++)
        draw_chance(h, box, &s->rois[k], k, count > 1);
    double pitch = box.w / (double)s->n_layers;
    for (size_t k = 0; k < count; k++) {
        double shift = count > 1 ? 0.55 * pitch * (((double)k + 0.5) / (double)count - 0.5) : 0;
        draw_each(h, box, &s->rois[first + k], shift);
        if (s->bars)
            draw_columns(h, box, &s->rois[first + k]);
        else
            draw_points(h, box, &s->rois[first + k], count > 1 ? k : 0, shift);
    }
    dnb_axis_left(h->c, box, &h->y, y_labels);
    double bottom = box.y + box.h;
    dnb_canvas_line(h->c, box.x, bottom, box.x + box.w, bottom, h->c->style.line, h->c->style.ink);
    if (names)
        dnb_names_bottom(h->c, &h->names, box, true);
    if (count == 1)
        dnb_panel_title(h->c, box, s->rois[first].name, box.w + 6);
}

static size_t choose_columns(const chart *h, size_t n)
{
    const dnb_figure_layers *s = h->spec;
    size_t columns = s->columns;
    if (!columns) {
        /* as many as leave each layer's name its line */
        double fit = h->c->width / ((double)s->n_layers * 7.5 + 24);
        columns = fit < 1 ? 1 : (size_t)fit;
        size_t nice = n <= 4 ? n : n <= 6 ? 3 : 4;
        columns = columns < nice ? columns : nice;
    }
    return columns < n ? columns : n;
}

static dnb_status draw(dnb_canvas *c, void *figure, dnb_err *err)
{
    chart *h = figure;
    const dnb_figure_layers *s = h->spec;
    h->c = c;
    const dnb_style *st = &c->style;
    char text[128];
    size_t n = s->together ? 1 : s->n_rois;
    size_t columns = choose_columns(h, n), rows = (n + columns - 1) / columns;
    double margin = 2 * st->gap;
    double y = dnb_page_title(c, s->title, margin);
    double side_label = s->y_label ? 1.3 * st->font : 0;
    double tall = n == 1 ? 0.42 * c->width : fmin(90, 0.75 * c->width / (double)columns);
    choose_y(h, tall);
    double left = margin + side_label + st->gap + dnb_axis_left_width(c, &h->y);
    double gap = 12, pitch = (c->width - left - margin + gap) / (double)columns, wide = pitch - gap;
    if (wide < 20)
        return dnb_fail(
            err, DNB_EARG,
            "%s: the page is too narrow for %zu panels in a row; raise width_mm or lower "
            "columns",
            h->path, columns);
    dnb_names_plan_bottom(c, &h->names, s->layer_names, s->n_layers, wide / (double)s->n_layers,
                          80);
    size_t n_items = fill_legend(h, h->legend, text, sizeof text);
    double legend = dnb_legend(c, margin, y, c->width - 2 * margin, h->legend, n_items, true);
    y += legend > 0 ? legend + st->gap : 0;
    double head = s->together ? 0.5 * st->font : dnb_panel_title_height(c);
    dnb_panels panels = {columns, rows, {left, y + head, wide, tall}, pitch, head + tall + 10};
    for (size_t k = 0; k < n; k++) {
        /* the last panel of each column carries the layer names */
        bool last = k + columns >= n;
        draw_panel(h, dnb_panel_at(&panels, k), s->together ? 0 : k, s->together ? s->n_rois : 1,
                   k % columns == 0, last);
    }
    double bottom = panels.first.y + (double)(rows - 1) * panels.pitch_y + tall;
    if (s->y_label) {
        dnb_text_fit(c, s->y_label, st->font, false, bottom - panels.first.y + head + st->gap, text,
                     sizeof text);
        dnb_canvas_text(c, margin + 0.5 * st->font, 0.5 * (panels.first.y + bottom), text,
                        (dnb_text){.angle = 90});
    }
    bottom += h->names.extent;
    if (s->x_label) {
        dnb_canvas_text(c, left + 0.5 * (c->width - left - margin), bottom + 2 * st->gap,
                        s->x_label, (dnb_text){.valign = 't'});
        bottom += 2 * st->gap + 1.2 * st->font;
    }
    c->height = bottom + margin;
    return DNB_OK;
}

/* ---- checking and writing
 * ---------------------------------------------------------------------------- */

static dnb_status check(const dnb_figure_layers *s, dnb_err *err)
{
    if (s->n_layers < 1 || s->n_layers > 60 || !s->layer_names)
        return dnb_fail(err, DNB_EARG, "layer chart: %zu layers, expected 1 to 60 with names",
                        s->n_layers);
    if (s->n_rois < 1 || s->n_rois > 24 || !s->rois)
        return dnb_fail(err, DNB_EARG, "layer chart: %zu ROIs, expected 1 to 24", s->n_rois);
    if (s->together && s->n_rois > 8)
        return dnb_fail(err, DNB_EARG, "layer chart: %zu ROIs in one panel, at most 8 stay apart",
                        s->n_rois);
    if (s->together && s->bars)
        return dnb_fail(err, DNB_EARG, "layer chart: bars need a panel per ROI, not one for all");
    if (!(s->alpha >= 0 && s->alpha < 1))
        return dnb_fail(err, DNB_EARG, "layer chart: alpha is %g, expected 0 to 1", s->alpha);
    for (size_t k = 0; k < s->n_rois; k++)
        if (!s->rois[k].value)
            return dnb_fail(err, DNB_EARG, "layer chart: ROI %zu has no values", k + 1);
    return DNB_OK;
}

dnb_status dnb_figure_layers_write(const dnb_figure_layers *spec, const char *path,
                                   const dnb_figure_options *options, dnb_err *err)
{
    chart h = {.spec = spec, .path = path};
    dnb_status status = check(spec, err);
    if (status != DNB_OK)
        return status;
    h.alpha = spec->alpha > 0 ? spec->alpha : 0.05;
    DNB_NEW(h.legend, spec->n_rois + 10, "legend");
    double wide = !spec->together && spec->n_rois > 2 ? 183 : spec->n_layers > 24 ? 183 : 89;
    DNB_TRY(dnb_canvas_run(path, options, wide, draw, &h, err));
done:
    dnb_free(h.legend);
    return status;
}
