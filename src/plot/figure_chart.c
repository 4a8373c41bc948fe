/* Plain charts: lines, points, bars and bands, in one or several axes. */
#include <math.h>

#include "base/mem.h"
#include "plot/axes.h"

typedef struct frame {
    dnb_canvas *c;
    const dnb_figure_axes *axes;
    dnb_rect box;
    dnb_scale x, y;
} frame;

typedef struct page {
    const dnb_figure_chart *spec;
    const char *path;
    frame *frames; /* per axes */
    dnb_legend_item *legend;
} page;

/* ---- scales
 * ----------------------------------------------------------------------------------------- */

static double x_value(const dnb_figure_series *s, size_t i)
{
    return s->x ? s->x[i] : (double)i + 1;
}

/* The narrowest spacing of x: how wide a bar may be. */
static double bar_pitch(const dnb_figure_series *s)
{
    double least = INFINITY;
    for (size_t i = 1; i < s->n; i++) {
        double d = fabs(x_value(s, i) - x_value(s, i - 1));
        if (d > 0)
            least = fmin(least, d);
    }
    return isfinite(least) ? least : 1;
}

/* Points keep clear of the axes; everything else may touch them. */
static void pad(dnb_limits *l)
{
    double by = 0.04 * (l->hi - l->lo);
    l->lo -= by;
    l->hi += by;
}

static void data_limits(const dnb_figure_axes *a, dnb_limits *x, dnb_limits *y, bool *points)
{
    for (size_t k = 0; k < a->n_series; k++) {
        const dnb_figure_series *s = &a->series[k];
        double half = s->mark == DNB_MARK_BARS ? 0.5 * bar_pitch(s) : 0;
        if (s->mark == DNB_MARK_BARS || a->zero)
            dnb_limits_add(y, 0);
        *points = *points || s->mark == DNB_MARK_POINTS;
        for (size_t i = 0; i < s->n; i++) {
            dnb_limits_add(x, x_value(s, i) - half);
            dnb_limits_add(x, x_value(s, i) + half);
            dnb_limits_add(y, s->y[i]);
            dnb_limits_add(y, s->y2 ? s->y2[i] : NAN);
        }
    }
    if (a->diagonal) { /* two measures of one thing: one scale */
        dnb_limits_add(x, y->lo);
        dnb_limits_add(x, y->hi);
        *y = *x;
    }
    dnb_limits_settle(x);
    dnb_limits_settle(y);
}

static void choose_scales(frame *f)
{
    const dnb_figure_axes *a = f->axes;
    dnb_limits x = dnb_limits_none(), y = dnb_limits_none();
    bool points = false, own_y = a->y_low < a->y_high;
    data_limits(a, &x, &y, &points);
    if (points) {
        pad(&x);
        pad(&y);
    }
    if (a->x_low < a->x_high)
        x = (dnb_limits){a->x_low, a->x_high};
    if (own_y)
        y = (dnb_limits){a->y_low, a->y_high};
    dnb_limits_settle(&x);
    dnb_limits_settle(&y);
    double em = f->c->style.font;
    int nx = (int)fmax(2, fmin(7, f->box.w / (4 * em)));
    int ny = (int)fmax(2, fmin(7, f->box.h / (2.2 * em)));
    if (a->diagonal)
        nx = ny = nx < ny ? nx : ny;
    dnb_scale_init(&f->x, x.lo, x.hi, nx, false);
    dnb_scale_init(&f->y, y.lo, y.hi, ny, !own_y && !points && !a->diagonal);
}

/* ---- series
 * ----------------------------------------------------------------------------------------- */

static double at_x(const frame *f, double v)
{
    double x = dnb_scale_at(&f->x, v, f->box.x, f->box.x + f->box.w);
    return fmin(f->box.x + 4 * f->box.w,
                fmax(f->box.x - 3 * f->box.w, x)); /* clipped; far is far */
}

static double at_y(const frame *f, double v)
{
    double y = dnb_scale_at(&f->y, v, f->box.y + f->box.h, f->box.y);
    return fmin(f->box.y + 4 * f->box.h, fmax(f->box.y - 3 * f->box.h, y));
}

static bool shown(const dnb_figure_series *s, size_t i)
{
    return !isnan(x_value(s, i)) && !isnan(s->y[i]) && !(s->y2 && isnan(s->y2[i]));
}

static void draw_line(frame *f, const dnb_figure_series *s, dnb_color color)
{
    static const double dashes[2] = {2.4, 1.6};
    cairo_t *cr = f->c->cr;
    bool pen = false;
    cairo_new_path(cr);
    for (size_t i = 0; i < s->n; i++) {
        if (!shown(s, i)) {
            pen = false;
            continue;
        }
        if (pen)
            cairo_line_to(cr, at_x(f, x_value(s, i)), at_y(f, s->y[i]));
        else
            cairo_move_to(cr, at_x(f, x_value(s, i)), at_y(f, s->y[i]));
        pen = true;
    }
    cairo_set_source_rgb(cr, color.r, color.g, color.b);
    cairo_set_line_width(cr, f->c->style.data_line);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(cr, dashes, s->dashed ? 2 : 0, 0);
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
}

/* Many points are drawn small and see-through, so that their density shows. */
static void draw_points(frame *f, const dnb_figure_series *s, dnb_color color)
{
    cairo_t *cr = f->c->cr;
    double radius = f->c->style.marker * (s->n > 2000 ? 0.35 : s->n > 300 ? 0.55 : 0.8);
    cairo_set_source_rgba(cr, color.r, color.g, color.b, s->n > 300 ? 0.5 : 0.85);
    for (size_t i = 0; i < s->n; i++) {
        if (!shown(s, i))
            continue;
        cairo_new_path(cr);
        cairo_arc(cr, at_x(f, x_value(s, i)), at_y(f, s->y[i]), radius, 0, 6.2831853071795865);
        cairo_fill(cr);
    }
}

static void draw_bars(frame *f, const dnb_figure_series *s, dnb_color color)
{
    double half = 0.5 * bar_pitch(s), zero = at_y(f, 0);
    for (size_t i = 0; i < s->n; i++) {
        if (!shown(s, i))
            continue;
        double x0 = at_x(f, x_value(s, i) - half), x1 = at_x(f, x_value(s, i) + half);
        double y = at_y(f, s->y[i]), inset = fmin(0.3, 0.1 * (x1 - x0));
        dnb_canvas_fill(f->c,
                        (dnb_rect){x0 + inset, fmin(y, zero), x1 - x0 - 2 * inset, fabs(y - zero)},
                        color);
    }
}

static void draw_band(frame *f, const dnb_figure_series *s, dnb_color color)
{
    cairo_t *cr = f->c->cr;
    for (size_t i = 0, j; i < s->n; i = j + 1) {
        for (j = i; j < s->n && shown(s, j); j++)
            ;
        cairo_new_path(cr);
        for (size_t k = i; k < j; k++)
            cairo_line_to(cr, at_x(f, x_value(s, k)), at_y(f, s->y[k]));
        for (size_t k = j; k-- > i;)
            cairo_line_to(cr, at_x(f, x_value(s, k)), at_y(f, s->y2[k]));
        cairo_set_source_rgba(cr, color.r, color.g, color.b, 0.25);
        cairo_fill(cr);
    }
}

static dnb_color series_color(const dnb_figure_series *s, size_t k)
{
    if (s->color < 0)
        return (dnb_color){0.5, 0.5, 0.5, 1};
    return dnb_series_color(s->color ? (size_t)s->color - 1 : k);
}

static void draw_series(frame *f, const dnb_figure_series *s, size_t k)
{
    dnb_color color = series_color(s, k);
    switch (s->mark) {
    case DNB_MARK_LINE:
        draw_line(f, s, color);
        break;
    case DNB_MARK_POINTS:
        draw_points(f, s, color);
        break;
    case DNB_MARK_BARS:
        draw_bars(f, s, color);
        break;
    case DNB_MARK_BAND:
        draw_band(f, s, color);
        break;
    }
}

/* ---- axes and page
 * ----------------------------------------------------------------------------------- */

static void draw_axes(frame *f)
{
    const dnb_figure_axes *a = f->axes;
    const dnb_style *st = &f->c->style;
    cairo_save(f->c->cr);
    cairo_rectangle(f->c->cr, f->box.x, f->box.y - 1, f->box.w + 1, f->box.h + 1);
    cairo_clip(f->c->cr);
    double lo = fmax(f->x.lo, f->y.lo), hi = fmin(f->x.hi, f->y.hi);
    if (a->diagonal && lo < hi)
        dnb_canvas_line(f->c, at_x(f, lo), at_y(f, lo), at_x(f, hi), at_y(f, hi), 0.5, st->muted);
    for (size_t k = 0; k < a->n_series; k++)
        draw_series(f, &a->series[k], k);
    cairo_restore(f->c->cr);
    dnb_axis_left(f->c, f->box, &f->y, true);
    dnb_axis_bottom(f->c, f->box, &f->x, true);
    dnb_panel_title(f->c, f->box, a->title, f->box.w + 10);
    double below = f->box.y + f->box.h + dnb_axis_bottom_height(f->c) + st->gap;
    if (a->x_label)
        dnb_canvas_text(f->c, f->box.x + f->box.w / 2, below, a->x_label,
                        (dnb_text){.valign = 't'});
    if (a->y_label)
        dnb_canvas_text(f->c,
                        f->box.x - dnb_axis_left_width(f->c, &f->y) - st->gap - 0.5 * st->font,
                        f->box.y + f->box.h / 2, a->y_label, (dnb_text){.angle = 90});
}

/* The legend names each different entry once, whatever axes it comes from: the first axes' order.
 */
static size_t fill_legend(const dnb_figure_axes *a, dnb_legend_item *item)
{
    static const dnb_legend_kind kinds[] = {[DNB_MARK_LINE] = DNB_LEGEND_LINE,
                                            [DNB_MARK_POINTS] = DNB_LEGEND_FILLED,
                                            [DNB_MARK_BARS] = DNB_LEGEND_SWATCH,
                                            [DNB_MARK_BAND] = DNB_LEGEND_SWATCH};
    size_t n = 0;
    for (size_t k = 0; k < a->n_series; k++) {
        const dnb_figure_series *s = &a->series[k];
        if (!s->name)
            continue;
        dnb_color color = series_color(s, k);
        if (s->mark == DNB_MARK_BAND)
            color = (dnb_color){1 - 0.25 * (1 - color.r), 1 - 0.25 * (1 - color.g),
                                1 - 0.25 * (1 - color.b), 1};
        bool dashed = s->mark == DNB_MARK_LINE && s->dashed;
        item[n++] =
            (dnb_legend_item){dashed ? DNB_LEGEND_DASHED : kinds[s->mark], s->name, color, 0};
    }
    return n;
}

static dnb_status draw(dnb_canvas *c, void *figure, dnb_err *err)
{
    page *p = figure;
    const dnb_figure_chart *s = p->spec;
    frame *f = p->frames;
    const dnb_style *st = &c->style;
    size_t n = s->n_axes, columns = s->columns ? s->columns
                                    : n <= 3   ? n
                                    : n == 4   ? 2
                                    : n <= 9   ? 3
                                               : 4;
    columns = columns < n ? columns : n;
    size_t rows = (n + columns - 1) / columns;
    double margin = 2 * st->gap, y = dnb_page_title(c, s->title, margin);
    size_t n_items = fill_legend(&s->axes[0], p->legend);
    double legend = dnb_legend(c, margin, y, c->width - 2 * margin, p->legend, n_items, true);
    y += legend > 0 ? legend + st->gap : 0;
    bool titles = false, x_labels = false, y_labels = false;
    for (size_t k = 0; k < n; k++) {
        titles = titles || s->axes[k].title;
        x_labels = x_labels || s->axes[k].x_label;
        y_labels = y_labels || s->axes[k].y_label;
    }
    double pitch = (c->width - 2 * margin) / (double)columns;
    /* The left room depends on the tick labels, these on the height, this on the width: one round.
     */
    double left = 0, tall = (columns == 1 ? 0.55 : 0.6) * pitch;
    for (size_t k = 0; k < n; k++) {
        f[k] = (frame){.c = c, .axes = &s->axes[k], .box = {0, 0, 0.75 * pitch, tall}};
        choose_scales(&f[k]);
        left = fmax(left, dnb_axis_left_width(c, &f[k].y));
    }
    left += y_labels ? st->gap + 1.2 * st->font : 0;
    double wide = pitch - left - 8;
    if (wide < 15)
        return dnb_fail(
            err, DNB_EARG,
            "%s: the page is too narrow for %zu charts in a row; raise width_mm or lower "
            "columns",
            p->path, columns);
    double head = (titles ? dnb_panel_title_height(c) : 0) + 3;
    double foot = dnb_axis_bottom_height(c) + (x_labels ? st->gap + 1.2 * st->font : 0);
    dnb_panels panels = {columns,
                         rows,
                         {margin + left, y + head, wide, tall},
                         pitch,
                         head + tall + foot + 2 * st->gap};
    for (size_t k = 0; k < n; k++) {
        f[k].box = dnb_panel_at(&panels, k);
        choose_scales(&f[k]);
        draw_axes(&f[k]);
    }
    c->height = y + (double)rows * panels.pitch_y - 2 * st->gap + margin;
    return DNB_OK;
}

/* ---- checking and writing
 * ---------------------------------------------------------------------------- */

static dnb_status check_axes(const dnb_figure_axes *a, size_t k, dnb_err *err)
{
    if (!a->series || a->n_series < 1 || a->n_series > 64)
        return dnb_fail(err, DNB_EARG, "chart: axes %zu have %zu series, expected 1 to 64", k + 1,
                        a->n_series);
    for (size_t i = 0; i < a->n_series; i++) {
        const dnb_figure_series *s = &a->series[i];
        if (s->n == 0 || !s->y)
            return dnb_fail(err, DNB_EARG, "chart: series %zu of axes %zu is empty", i + 1, k + 1);
        if (s->mark > DNB_MARK_BAND || s->color < -1 || s->color > 8)
            return dnb_fail(err, DNB_EARG,
                            "chart: series %zu of axes %zu has mark %d and colour %d; expected a "
                            "dnb_figure_mark and -1 to 8",
                            i + 1, k + 1, (int)s->mark, s->color);
        if (s->mark == DNB_MARK_BAND && !s->y2)
            return dnb_fail(err, DNB_EARG, "chart: band %zu of axes %zu has no second edge (y2)",
                            i + 1, k + 1);
    }
    return DNB_OK;
}

dnb_status dnb_figure_chart_write(const dnb_figure_chart *spec, const char *path,
                                  const dnb_figure_options *options, dnb_err *err)
{
    page p = {.spec = spec, .path = path};
    dnb_status status = DNB_OK;
    if (!spec->axes || spec->n_axes < 1 || spec->n_axes > 30)
        return dnb_fail(err, DNB_EARG, "chart: %zu axes, expected 1 to 30", spec->n_axes);
    for (size_t k = 0; k < spec->n_axes; k++)
        DNB_TRY(check_axes(&spec->axes[k], k, err));
    DNB_NEW(p.frames, spec->n_axes, "chart");
    DNB_NEW(p.legend, spec->axes[0].n_series, "legend");
    DNB_TRY(dnb_canvas_run(path, options, spec->n_axes > 1 ? 183 : 89, draw, &p, err));
done:
    dnb_free(p.frames);
    dnb_free(p.legend);
    return status;
}
