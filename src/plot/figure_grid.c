/* Images and maps in a grid: stimuli above, what a channel makes of each below. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "plot/axes.h"

#define MOST_COLUMNS 12

typedef struct page {
    const dnb_figure_grid *spec;
    const char *path;
    dnb_canvas *c; /* of the pass at hand */
    dnb_colormap map;
    dnb_heat *heat;   /* per row; of row 0 for the whole grid */
    bool *has_map;    /* per row: any map in it */
    double *row_high; /* height of each row, points */
    size_t count;     /* columns drawn */
    double cell_w;
} page;

static const dnb_figure_cell *cell_at(const page *p, size_t row, size_t col)
{
    return &p->spec->cells[row * p->spec->n_cols + col];
}

static void map_size(const dnb_figure_cell *cell, size_t *rows, size_t *cols)
{
    *rows = cell->map_rows ? cell->map_rows : cell->rows;
    *cols = cell->map_cols ? cell->map_cols : cell->cols;
}

/* Height over width of what the cell shows: the image, else the map. */
static double aspect(const dnb_figure_cell *cell)
{
    size_t rows = cell->rows, cols = cell->cols;
    if (!cell->rgb && cell->map)
        map_size(cell, &rows, &cols);
    if ((!cell->rgb && !cell->map) || !cols)
        return 0;
    double pixel = cell->pixel_aspect > 0 ? cell->pixel_aspect : 1;
    return fmin(3.0, fmax(1.0 / 8, pixel * (double)rows / (double)cols));
}

/* ---- scales
 * ----------------------------------------------------------------------------------------- */

static dnb_limits cell_limits(const dnb_figure_cell *cell)
{
    dnb_limits l = dnb_limits_none();
    size_t rows, cols;
    map_size(cell, &rows, &cols);
    for (size_t i = 0; cell->map && i < rows * cols; i++)
        dnb_limits_add(&l, (double)cell->map[i]);
    return l;
}

static dnb_heat heat_for(const page *p, dnb_limits l)
{
    const dnb_figure_grid *s = p->spec;
    if (s->symmetric)
        dnb_limits_make_symmetric(&l);
    if (s->low < s->high)
        l = (dnb_limits){s->low, s->high};
    dnb_limits_settle(&l);
    return (dnb_heat){.map = &p->map,
                      .lo = l.lo,
                      .hi = l.hi,
                      .smooth = s->interpolate,
                      .blank = s->blank_missing};
}

/* Scales come from every column of the grid, so the pages of one grid agree. */
static void choose_scales(page *p)
{
    const dnb_figure_grid *s = p->spec;
    dnb_limits all = dnb_limits_none();
    for (size_t i = 0; i < s->n_rows; i++) {
        dnb_limits row = dnb_limits_none();
        for (size_t j = 0; j < s->n_cols; j++) {
            dnb_limits one = cell_limits(cell_at(p, i, j));
            dnb_limits_add(&row, one.lo);
            dnb_limits_add(&row, one.hi);
            p->has_map[i] = p->has_map[i] || cell_at(p, i, j)->map;
        }
        dnb_limits_add(&all, row.lo);
        dnb_limits_add(&all, row.hi);
        p->heat[i] = heat_for(p, row);
    }
    for (size_t i = 0; s->scale == DNB_SCALE_ALL && i < s->n_rows; i++)
        p->heat[i] = heat_for(p, all);
}

/* ---- the page
 * --------------------------------------------------------------------------------------- */

static dnb_status draw_cell(page *p, dnb_rect slot, size_t row, size_t col, dnb_err *err)
{
    const dnb_figure_cell *cell = cell_at(p, row, col);
    double tall = aspect(cell);
    if (tall == 0)
        return DNB_OK;
    double w = fmin(slot.w, slot.h / tall);
    dnb_rect r = {slot.x + (slot.w - w) / 2, slot.y + (slot.h - w * tall) / 2, w, w * tall};
    if (cell->rgb)
        dnb_canvas_image(p->c, r, cell->rgb, cell->rows, cell->cols, 1);
    if (!cell->map)
        return DNB_OK;
    dnb_heat heat =
        p->spec->scale == DNB_SCALE_CELL ? heat_for(p, cell_limits(cell)) : p->heat[row];
    heat.opacity = cell->rgb ? 0.5 : 1;
    size_t rows, cols;
    map_size(cell, &rows, &cols);
    return dnb_heat_draw(p->c, r, cell->map, rows, cols, &heat, err);
}

/* Row titles stand upright while they are short, else along the row. */
static double row_title_width(page *p, bool *upright)
{
    const dnb_figure_grid *s = p->spec;
    const dnb_style *st = &p->c->style;
    double widest = 0;
    for (size_t i = 0; s->row_titles && i < s->n_rows; i++)
        widest = fmax(widest, dnb_text_width(p->c, s->row_titles[i], st->font, false));
    *upright = widest > 0.16 * p->c->width;
    if (widest == 0)
        return 0;
    return (*upright ? 1.2 * st->font : widest) + 2 * st->gap;
}

static void draw_row_title(page *p, dnb_rect row, double x, bool upright, size_t i)
{
    const dnb_style *st = &p->c->style;
    char text[512];
    if (!p->spec->row_titles)
        return;
    double y = row.y + row.h / 2;
    if (upright) {
        dnb_text_fit(p->c, p->spec->row_titles[i], st->font, false, row.h, text, sizeof text);
        dnb_canvas_text(p->c, x + 0.5 * st->font, y, text, (dnb_text){.angle = 90});
    } else {
        dnb_canvas_text(p->c, row.x - 2 * st->gap, y, p->spec->row_titles[i],
                        (dnb_text){.align = 'r'});
    }
}

/* Room for the titles of a row's cells. */
static double cell_title_height(const page *p, size_t row)
{
    for (size_t j = 0; j < p->count; j++)
        if (cell_at(p, row, p->spec->first + j)->title)
            return 1.6 * p->c->style.font;
    return 0;
}

static void draw_cell_title(page *p, dnb_rect slot, const dnb_figure_cell *cell)
{
    char text[256];
    if (!cell->title)
        return;
    dnb_text_fit(p->c, cell->title, p->c->style.font, false, slot.w, text, sizeof text);
    dnb_canvas_text(p->c, slot.x + slot.w / 2, slot.y - 0.8 * p->c->style.gap, text,
                    (dnb_text){.valign = 'b'});
}

/* What the sides of the pictures are ("L", "R"), under the first one of the last row; returns the
 * room they take. */
static double draw_side_names(page *p, double x, double y)
{
    const dnb_figure_grid *s = p->spec;
    dnb_color muted = p->c->style.muted;
    if (!s->left_name && !s->right_name)
        return 0;
    if (s->left_name)
        dnb_canvas_text(p->c, x, y, s->left_name,
                        (dnb_text){.align = 'l', .valign = 't', .color = &muted});
    if (s->right_name)
        dnb_canvas_text(p->c, x + p->cell_w, y, s->right_name,
                        (dnb_text){.align = 'r', .valign = 't', .color = &muted});
    return 1.3 * p->c->style.font;
}

static int bar_ticks(const page *p)
{
    return p->count <= 6 ? 5 : 3;
}

static double bar_width(page *p)
{
    double widest = 0;
    const char *label = p->spec->bar_label;
    if (p->spec->scale == DNB_SCALE_CELL)
        return 0;
    for (size_t i = 0; i < p->spec->n_rows; i++)
        if (p->has_map[i])
            widest =
                fmax(widest, 5 + dnb_colorbar_width(p->c, 4, &p->heat[i], label, bar_ticks(p)));
    return widest;
}

static dnb_status draw_rows(page *p, double left, double top, double title_x, bool upright,
                            dnb_err *err)
{
    const dnb_figure_grid *s = p->spec;
    dnb_canvas *c = p->c;
    double gap = 3, y = top, bars_top = -1, bars_bottom = 0;
    double bar_x = left + (double)p->count * (p->cell_w + gap) - gap + 5;
    for (size_t i = 0; i < s->n_rows; i++) {
        y += cell_title_height(p, i);
        dnb_rect row = {left, y, 0, p->row_high[i]};
        draw_row_title(p, row, title_x, upright, i);
        for (size_t j = 0; j < p->count; j++) {
            dnb_rect slot = {left + (double)j * (p->cell_w + gap), y, p->cell_w, p->row_high[i]};
            dnb_status status = draw_cell(p, slot, i, s->first + j, err);
            if (status != DNB_OK)
                return status;
            draw_cell_title(p, slot, cell_at(p, i, s->first + j));
        }
        dnb_rect bar = {bar_x, y, 4, p->row_high[i]};
        if (p->has_map[i] && s->scale == DNB_SCALE_ROW)
            dnb_colorbar(c, bar, &p->heat[i], s->bar_label, bar_ticks(p));
        if (p->has_map[i] && bars_top < 0)
            bars_top = y;
        if (p->has_map[i])
            bars_bottom = y + p->row_high[i];
        y += p->row_high[i] + gap;
    }
    if (s->scale == DNB_SCALE_ALL && bars_top >= 0) {
        double tall = fmin(bars_bottom - bars_top, 110);
        dnb_colorbar(c, (dnb_rect){bar_x, bars_top, 4, tall}, &p->heat[0], s->bar_label,
                     tall > 60 ? 6 : 3);
    }
    y += draw_side_names(p, left, y - gap + 0.5 * c->style.gap);
    c->height = y - gap + 2 * c->style.gap + 0.4 * c->style.font;
    return DNB_OK;
}

static dnb_status draw(dnb_canvas *c, void *figure, dnb_err *err)
{
    page *p = figure;
    const dnb_figure_grid *s = p->spec;
    p->c = c;
    const dnb_style *st = &c->style;
    char text[512];
    bool upright;
    double margin = 2 * st->gap, y = dnb_page_title(c, s->title, margin), gap = 3;
    double titles = row_title_width(p, &upright), left = margin + titles,
           right = bar_width(p) + margin;
    double wide = (c->width - left - right + gap) / (double)p->count - gap;
    if (wide < 8)
        return dnb_fail(
            err, DNB_EARG,
            "%s: the page is too narrow for %zu pictures in a row; raise width_mm or lower "
            "count",
            p->path, p->count);
    /* a lone picture may be large, but many rows of one column must fit a page */
    p->cell_w = fmin(wide, (p->count == 1 && s->n_rows == 1 ? 60 : 33) * DNB_PT_PER_MM);
    for (size_t i = 0; i < s->n_rows; i++) {
        for (size_t j = 0; j < p->count; j++)
            p->row_high[i] = fmax(p->row_high[i], p->cell_w * aspect(cell_at(p, i, s->first + j)));
        p->row_high[i] = fmax(p->row_high[i], 4);
    }
    if (s->col_titles) {
        y += 1.2 * st->font;
        for (size_t j = 0; j < p->count; j++) {
            double x = left + (double)j * (p->cell_w + gap) + p->cell_w / 2;
            dnb_text_fit(c, s->col_titles[s->first + j], st->font, false, p->cell_w, text,
                         sizeof text);
            dnb_canvas_text(c, x, y - 0.4 * st->gap, text, (dnb_text){.valign = 'b'});
        }
        y += st->gap;
    }
    return draw_rows(p, left, y, margin, upright, err);
}

/* ---- checking and writing
 * ---------------------------------------------------------------------------- */

static dnb_status check_cell(const dnb_figure_grid *s, size_t i, dnb_err *err)
{
    const dnb_figure_cell *cell = &s->cells[i];
    size_t rows, cols, n, most = 16384;
    map_size(cell, &rows, &cols);
    bool bad_image =
        cell->rgb && (!cell->rows || !cell->cols || cell->rows > most || cell->cols > most);
    bool bad_map = cell->map && (!rows || !cols || rows > most || cols > most);
    if (bad_image || bad_map || !dnb_mul_size(&n, rows, cols))
        return dnb_fail(
            err, DNB_EARG,
            "picture grid: the cell in row %zu, column %zu has a size outside 1 to %zu pixels",
            i / s->n_cols + 1, i % s->n_cols + 1, most);
    return DNB_OK;
}

static dnb_status check(const dnb_figure_grid *s, size_t *count, dnb_err *err)
{
    size_t n;
    if (!s->cells || s->n_rows < 1 || s->n_rows > 64 || s->n_cols < 1 ||
        !dnb_mul_size(&n, s->n_rows, s->n_cols))
        return dnb_fail(
            err, DNB_EARG,
            "picture grid: %zu rows of %zu cells, expected 1 to 64 rows of at least one", s->n_rows,
            s->n_cols);
    if (s->first >= s->n_cols)
        return dnb_fail(err, DNB_EARG, "picture grid: column %zu of %zu is asked for", s->first + 1,
                        s->n_cols);
    size_t left = s->n_cols - s->first;
    *count = s->count && s->count < left ? s->count : left;
    if (*count > MOST_COLUMNS)
        return dnb_fail(
            err, DNB_EARG,
            "picture grid: %zu columns on a page, at most %d; draw several pages by first "
            "and count",
            *count, MOST_COLUMNS);
    for (size_t i = 0; i < n; i++) {
        dnb_status status = check_cell(s, i, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

dnb_status dnb_figure_grid_write(const dnb_figure_grid *spec, const char *path,
                                 const dnb_figure_options *options, dnb_err *err)
{
    page p = {.spec = spec, .path = path};
    dnb_status status = check(spec, &p.count, err);
    if (status != DNB_OK)
        return status;
    const char *map = spec->colormap ? spec->colormap : spec->symmetric ? "coolwarm" : "viridis";
    DNB_TRY(dnb_colormap_init(&p.map, map, err));
    DNB_NEW(p.heat, spec->n_rows, "picture grid");
    DNB_NEW(p.has_map, spec->n_rows, "picture grid");
    DNB_NEW(p.row_high, spec->n_rows, "picture grid");
    choose_scales(&p);
    DNB_TRY(dnb_canvas_run(path, options, p.count > 3 ? 183 : 89, draw, &p, err));
done:
    dnb_free(p.heat);
    dnb_free(p.has_map);
    dnb_free(p.row_high);
    return status;
}
