/* A matrix as coloured cells with its values printed: layers x ROIs, confusion matrices. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "plot/axes.h"

typedef struct page {
    const dnb_figure_matrix *spec;
    const char *path;
    dnb_canvas *c; /* of the pass at hand */
    dnb_colormap map;
    dnb_heat heat;
    float *cells;
    int decimals;
    double cell_w, cell_h;
} page;

/* ---- scale and numbers
 * ------------------------------------------------------------------------------- */

static double shade_at(const page *p, size_t i)
{
    return p->spec->shade ? p->spec->shade[i] : p->spec->value[i];
}

static void choose_scale(page *p)
{
    const dnb_figure_matrix *s = p->spec;
    dnb_limits l = dnb_limits_none(), shades = dnb_limits_none();
    bool whole = true;
    for (size_t i = 0; i < s->n_rows * s->n_cols; i++) {
        dnb_limits_add(&l, s->value[i]);
        dnb_limits_add(&shades, shade_at(p, i));
        whole = whole && (!isfinite(s->value[i]) || s->value[i] == floor(s->value[i]));
    }
    double largest = fmax(fabs(l.lo), fabs(l.hi));
    p->decimals = s->decimals > 0 ? s->decimals
                  : whole         ? 0
                  : largest < 10  ? 2
                  : largest < 100 ? 1
                                  : 0;
    if (s->decimals == 0 && largest >= 1e5)
        p->decimals = -1;
    l = shades;
    if (s->symmetric)
        dnb_limits_make_symmetric(&l);
    if (s->low < s->high)
        l = (dnb_limits){s->low, s->high};
    dnb_limits_settle(&l);
    p->heat = (dnb_heat){.map = &p->map, .lo = l.lo, .hi = l.hi};
}

/* ".12" for 0.12: the way correlations fit into narrow cells. */
static void value_text(const page *p, double v, bool short_form, char *buf, size_t size)
{
    dnb_number(buf, size, v, p->decimals);
    char *zero = short_form && fabs(v) < 1 && p->decimals > 0 ? strstr(buf, "0.") : NULL;
    if (zero)
        memmove(zero, zero + 1, strlen(zero));
}

/* The size at which every value fits its cell; 0 when none does. */
static double value_size(page *p, bool *short_form)
{
    const dnb_figure_matrix *s = p->spec;
    const dnb_style *st = &p->c->style;
    char text[64];
    *short_form = false;
    if (s->hide_values || !p->c->has_font)
        return 0;
    for (int pass = 0; pass < 2; pass++) {
        double widest = 0;
        for (size_t i = 0; i < s->n_rows * s->n_cols; i++) {
            if (isnan(s->value[i]))
                continue;
            value_text(p, s->value[i], pass == 1, text, sizeof text);
            bool mark = s->mark && s->mark[i];
            double w = dnb_text_width(p->c, text, st->font, mark);
            widest = fmax(widest, mark ? w + dnb_text_width(p->c, "*", st->font, true) : w);
        }
        double fit = fmin(st->font, st->font * (p->cell_w - 2.5) / fmax(widest, 1));
        fit = fmin(fit, p->cell_h / 1.25);
        *short_form = pass == 1;
        if (fit >= st->small_font)
            return fit;
    }
    return 0;
}

/* Black or white, whichever reads better on the cell. */
static dnb_color text_color(const page *p, double v)
{
    uint8_t rgb[3];
    dnb_colormap_at(&p->map, v, p->heat.lo, p->heat.hi, rgb);
    double light = 0; /* relative luminance, gamma 2.2 */
    const double weight[3] = {0.2126, 0.7152, 0.0722};
    for (int k = 0; k < 3; k++)
        light += weight[k] * pow(rgb[k] / 255.0, 2.2);
    double g = light > 0.22 ? 0.05 : 1;
    return (dnb_color){g, g, g, 1};
}

/* ---- the page
 * --------------------------------------------------------------------------------------- */

static void draw_values(page *p, dnb_rect box)
{
    const dnb_figure_matrix *s = p->spec;
    bool short_form;
    double size = value_size(p, &short_form);
    char text[64];
    for (size_t i = 0; i < s->n_rows * s->n_cols; i++) {
        double v = s->value[i];
        bool mark = s->mark && s->mark[i];
        if (isnan(v) || (size == 0 && !mark))
            continue;
        double x = box.x + ((double)(i % s->n_cols) + 0.5) * p->cell_w;
        double y = box.y + ((double)(i / s->n_cols) + 0.5) * p->cell_h;
        dnb_color ink = text_color(p, shade_at(p, i));
        if (size > 0) {
            value_text(p, v, short_form, text, sizeof text);
            if (mark)
                strncat(text, "*", sizeof text - strlen(text) - 1);
            dnb_canvas_text(p->c, x, y, text,
                            (dnb_text){.size = size, .bold = mark, .color = &ink});
        } else {
            dnb_canvas_marker(p->c, x, y, 0, fmin(1.2, 0.25 * fmin(p->cell_w, p->cell_h)), true,
                              ink);
        }
    }
}

static dnb_status draw_cells(page *p, dnb_rect box, dnb_err *err)
{
    const dnb_figure_matrix *s = p->spec;
    dnb_heat shares = {.map = &p->map, .lo = 0, .hi = 1};
    for (size_t i = 0; i < s->n_rows * s->n_cols; i++)
        p->cells[i] = dnb_heat_share(&p->heat, shade_at(p, i));
    dnb_status status = dnb_heat_draw(p->c, box, p->cells, s->n_rows, s->n_cols, &shares, err);
    if (status != DNB_OK)
        return status;
    const dnb_color white = {1, 1, 1, 1};
    if (p->cell_w > 6 && p->cell_h > 6) {
        for (size_t i = 1; i < s->n_rows; i++)
            dnb_canvas_line(p->c, box.x, box.y + (double)i * p->cell_h, box.x + box.w,
                            box.y + (double)i * p->cell_h, 0.5, white);
        for (size_t j = 1; j < s->n_cols; j++)
            dnb_canvas_line(p->c, box.x + (double)j * p->cell_w, box.y,
                            box.x + (double)j * p->cell_w, box.y + box.h, 0.5, white);
    }
    return DNB_OK;
}

/* Cells as wide as the page allows, but no larger than a printed value likes. */
static void choose_cells(page *p, double available)
{
    const dnb_figure_matrix *s = p->spec;
    const dnb_style *st = &p->c->style;
    p->cell_w = fmin(available / (double)s->n_cols, 5.0 * st->font);
    p->cell_h = s->n_rows == s->n_cols ? p->cell_w : fmin(p->cell_w, 2.2 * st->font);
    const double tallest = 600; /* a printed page */
    p->cell_h = fmin(p->cell_h, tallest / (double)s->n_rows);
}

static dnb_status draw(dnb_canvas *c, void *figure, dnb_err *err)
{
    page *p = figure;
    const dnb_figure_matrix *s = p->spec;
    p->c = c;
    const dnb_style *st = &c->style;
    double margin = 2 * st->gap, y = dnb_page_title(c, s->title, margin), bar = 6;
    double left = margin + (s->row_label ? 1.5 * st->font : 0);
    double right = dnb_colorbar_width(c, bar, &p->heat, s->bar_label, 6) + 8 + margin;
    dnb_names rows = {0}, cols = {0};
    if (s->row_names)
        dnb_names_plan_left(c, &rows, s->row_names, s->n_rows, 2 * st->font, 0.35 * c->width);
    left += rows.extent;
    if (c->width - left - right < 20)
        return dnb_fail(err, DNB_EARG, "%s: the page is too narrow for this matrix; raise width_mm",
                        p->path);
    choose_cells(p, c->width - left - right);
    dnb_rect box = {left, y, p->cell_w * (double)s->n_cols, p->cell_h * (double)s->n_rows};
    box = dnb_snap_rect(c, box);
    p->cell_w = box.w / (double)s->n_cols;
    p->cell_h = box.h / (double)s->n_rows;
    dnb_status status = draw_cells(p, box, err);
    if (status != DNB_OK)
        return status;
    draw_values(p, box);
    double bottom = box.y + box.h;
    if (s->row_names) {
        dnb_names_plan_left(c, &rows, s->row_names, s->n_rows, p->cell_h, 0.35 * c->width);
        dnb_names_left(c, &rows, box);
    }
    if (s->row_label)
        dnb_canvas_text(c, margin + 0.5 * st->font, box.y + box.h / 2, s->row_label,
                        (dnb_text){.angle = 90});
    if (s->col_names) {
        dnb_names_plan_bottom(c, &cols, s->col_names, s->n_cols, p->cell_w, 90);
        dnb_names_bottom(c, &cols, (dnb_rect){box.x, box.y, box.w, box.h - st->tick + 1}, false);
        bottom += cols.extent - st->tick + 1;
    }
    if (s->col_label) {
        dnb_canvas_text(c, box.x + box.w / 2, bottom + st->gap, s->col_label,
                        (dnb_text){.valign = 't'});
        bottom += st->gap + 1.2 * st->font;
    }
    if (s->mark && s->mark_label) {
        char text[160];
        snprintf(text, sizeof text, "* %.150s", s->mark_label);
        dnb_legend_item item = {.kind = DNB_LEGEND_TEXT, .name = text};
        bottom += st->gap;
        bottom += dnb_legend(c, box.x, bottom, c->width - box.x - margin, &item, 1, true);
    }
    double tall = fmin(fmax(box.h, 40), 110);
    dnb_colorbar(c, (dnb_rect){box.x + box.w + 8, box.y, bar, tall}, &p->heat, s->bar_label, 6);
    c->height = fmax(bottom, box.y + tall + 0.5 * st->font) + margin;
    return DNB_OK;
}

/* ---- checking and writing
 * ---------------------------------------------------------------------------- */

dnb_status dnb_figure_matrix_write(const dnb_figure_matrix *spec, const char *path,
                                   const dnb_figure_options *options, dnb_err *err)
{
    page p = {.spec = spec, .path = path};
    dnb_status status = DNB_OK;
    const size_t most = 200;
    if (!spec->value || spec->n_rows < 1 || spec->n_cols < 1 || spec->n_rows > most ||
        spec->n_cols > most)
        return dnb_fail(err, DNB_EARG,
                        "matrix figure: %zu x %zu values, expected 1 to %zu each way", spec->n_rows,
                        spec->n_cols, most);
    if (spec->decimals < 0 || spec->decimals > 6)
        return dnb_fail(err, DNB_EARG, "matrix figure: decimals is %d, expected 0 to 6",
                        spec->decimals);
    const char *map = spec->colormap ? spec->colormap : spec->symmetric ? "coolwarm" : "viridis";
    DNB_TRY(dnb_colormap_init(&p.map, map, err));
    DNB_NEW(p.cells, spec->n_rows * spec->n_cols, "matrix cells");
    choose_scale(&p);
    DNB_TRY(dnb_canvas_run(path, options, spec->n_cols > 10 ? 183 : 89, draw, &p, err));
done:
    dnb_free(p.cells);
    return status;
}
