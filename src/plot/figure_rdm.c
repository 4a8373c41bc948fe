/* RDM heat maps: one RDM with named categories, or several as small multiples. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "plot/axes.h"

/* More cells than this per side are averaged: no printed page shows them. */
#define MOST_CELLS 1200

/* Neighbouring stimuli of one category. */
typedef struct run {
    size_t first, count, category;
} run;

typedef struct page {
    const dnb_figure_rdm *spec;
    dnb_canvas *c; /* of the pass at hand */
    const char *path;
    dnb_colormap map;
    dnb_heat *heat; /* per panel */
    size_t n_pairs;
    size_t *order; /* stimulus at each place of the axes */
    run *runs;
    size_t n_runs;
    size_t side; /* cells drawn per side */
    float *cells;
    double *shown; /* percentiles of the panel in hand; NULL when values are shown as they are */
    const char **items; /* names in the matrix's order, or NULL */
    double *center;     /* places of the category names */
    dnb_legend_item *legend;
    size_t n_legend;
} page;

/* ---- values
 * ----------------------------------------------------------------------------------------- */

static size_t pair_index(size_t n, size_t i, size_t j)
{
    if (i > j) {
        size_t t = i;
        i = j;
        j = t;
    }
    return i * n - i * (i + 1) / 2 + j - i - 1;
}

/* Orders as v does; -0 equals 0. */
static uint64_t key_of(double v)
{
    uint64_t bits;
    v += 0.0;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* Keys and the places they come from. */
typedef struct key_list {
    uint64_t *key;
    uint32_t *from;
} key_list;

/* Radix sort, 16 bits in each of four passes, after which the list is back in `a`; `count` has
 * 65536 places. Millions of pairs are usual, and qsort is several times slower on them. */
static void sort_keys(key_list a, key_list scratch, size_t n, size_t *count)
{
    for (int shift = 0; shift < 64; shift += 16) {
        size_t sum = 0;
        memset(count, 0, 65536 * sizeof *count);
        for (size_t i = 0; i < n; i++)
            count[a.key[i] >> shift & 65535]++;
        for (size_t d = 0; d < 65536; d++) {
            size_t c = count[d];
            count[d] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++) {
            size_t to = count[a.key[i] >> shift & 65535]++;
            scratch.key[to] = a.key[i];
            scratch.from[to] = a.from[i];
        }
        key_list t = a;
        a = scratch;
        scratch = t;
    }
}

/* Percentile 0..100 of each pair among those not NaN, ties averaged; NaN stays. Needs 16 bytes a
 * pair besides out. */
static dnb_status to_percentiles(const double *pairs, size_t n, double *out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    _Static_assert(sizeof(uint64_t) == sizeof(double), "out serves as scratch for keys");
    key_list a = {0}, scratch = {.key = (void *)out};
    size_t *count = NULL, m = 0;
    DNB_NEW(a.key, n, "RDM ranks");
    DNB_NEW(a.from, n, "RDM ranks");
    DNB_NEW(scratch.from, n, "RDM ranks");
    DNB_NEW(count, 65536, "RDM ranks");
    for (size_t i = 0; i < n; i++)
        if (!isnan(pairs[i])) {
            a.from[m] = (uint32_t)i;
            a.key[m++] = key_of(pairs[i]);
        }
    sort_keys(a, scratch, m, count);
    for (size_t i = 0; i < n; i++)
        out[i] = NAN;
    for (size_t i = 0, j; i < m; i = j) {
        for (j = i + 1; j < m && a.key[j] == a.key[i]; j++)
            ;
        double rank = 0.5 * (double)(i + j - 1);
        for (size_t k = i; k < j; k++)
            out[a.from[k]] = m > 1 ? 100.0 * rank / (double)(m - 1) : 50.0;
    }
done:
    dnb_free(a.key);
    dnb_free(a.from);
    dnb_free(scratch.from);
    dnb_free(count);
    return status;
}

/* The values the panel shows: its pairs, or their percentiles in p->shown. */
static dnb_status panel_values(page *p, size_t panel, const double **out, dnb_err *err)
{
    const double *pairs = p->spec->panels[panel].pairs;
    *out = pairs;
    if (!p->spec->percentile)
        return DNB_OK;
    *out = p->shown;
    return to_percentiles(pairs, p->n_pairs, p->shown, err);
}

/* Mean of the pairs behind one drawn cell; the diagonal counts as 0. */
static double cell_value(const page *p, const double *value, size_t a, size_t b)
{
    size_t n = p->spec->n, m = 0;
    double sum = 0;
    for (size_t i = a * n / p->side; i < (a + 1) * n / p->side; i++)
        for (size_t j = b * n / p->side; j < (b + 1) * n / p->side; j++) {
            double v = i == j ? 0 : value[pair_index(n, p->order[i], p->order[j])];
            if (isnan(v))
                continue;
            sum += v;
            m++;
        }
    return m ? sum / (double)m : NAN;
}

static dnb_status draw_cells(page *p, dnb_rect box, size_t panel, dnb_err *err)
{
    const double *value;
    dnb_heat shares = {.map = &p->map, .lo = 0, .hi = 1};
    if (p->c->measuring)
        return DNB_OK;
    dnb_status status = panel_values(p, panel, &value, err);
    if (status != DNB_OK)
        return status;
    for (size_t a = 0; a < p->side; a++)
        for (size_t b = 0; b <= a; b++)
            p->cells[a * p->side + b] = p->cells[b * p->side + a] =
                dnb_heat_share(&p->heat[panel], cell_value(p, value, a, b));
    return dnb_heat_draw(p->c, box, p->cells, p->side, p->side, &shares, err);
}

/* Colour limits of every panel. */
static void choose_scales(page *p)
{
    const dnb_figure_rdm *s = p->spec;
    dnb_limits all = dnb_limits_none();
    for (size_t k = 0; k < s->n_panels; k++) {
        dnb_limits own = dnb_limits_none();
        for (size_t i = 0; i < p->n_pairs; i++)
            dnb_limits_add(&own, s->panels[k].pairs[i]);
        dnb_limits_add(&all, own.lo);
        dnb_limits_add(&all, own.hi);
        p->heat[k] = (dnb_heat){.map = &p->map, .lo = own.lo, .hi = own.hi};
    }
    for (size_t k = 0; k < s->n_panels; k++) {
        dnb_limits l = s->own_scale ? (dnb_limits){p->heat[k].lo, p->heat[k].hi} : all;
        if (s->percentile)
            l = (dnb_limits){0, 100};
        if (s->low < s->high)
            l = (dnb_limits){s->low, s->high};
        if (l.lo == l.hi &&
            l.lo > 0) /* a single value: only 0, the diagonal, is there to compare */
            l.lo = 0;
        dnb_limits_settle(&l);
        p->heat[k].lo = l.lo;
        p->heat[k].hi = l.hi;
    }
}

/* ---- order and categories
 * --------------------------------------------------------------------------- */

static void order_stimuli(page *p)
{
    const dnb_figure_rdm *s = p->spec;
    size_t at = 0;
    for (size_t k = 0; s->category && !s->keep_order && k < s->n_categories; k++)
        for (size_t i = 0; i < s->n; i++)
            if (s->category[i] == k)
                p->order[at++] = i;
    if (at == 0)
        for (size_t i = 0; i < s->n; i++)
            p->order[i] = i;
    for (size_t i = 0; s->category && i < s->n; i++) {
        size_t k = s->category[p->order[i]];
        if (p->n_runs && p->runs[p->n_runs - 1].category == k)
            p->runs[p->n_runs - 1].count++;
        else
            p->runs[p->n_runs++] = (run){i, 1, k};
    }
}

/* The coloured bars along both axes, and thin lines between the categories. */
static void draw_bars(page *p, dnb_rect box, double thick)
{
    dnb_canvas *c = p->c;
    double gap = 0.5 * c->style.gap, n = (double)p->spec->n;
    for (size_t i = 0; i < p->n_runs; i++) {
        dnb_color color = dnb_series_color(p->runs[i].category);
        double at = (double)p->runs[i].first / n, part = (double)p->runs[i].count / n;
        dnb_canvas_fill(c,
                        dnb_snap_rect(c, (dnb_rect){box.x - gap - thick, box.y + at * box.h, thick,
                                                    part * box.h}),
                        color);
        dnb_canvas_fill(c,
                        dnb_snap_rect(c, (dnb_rect){box.x + at * box.w, box.y + box.h + gap,
                                                    part * box.w, thick}),
                        color);
        if (i == 0 || p->n_runs > 24)
            continue;
        const dnb_color white = {1, 1, 1, 1};
        dnb_canvas_line(c, box.x, box.y + at * box.h, box.x + box.w, box.y + at * box.h, 0.4,
                        white);
        dnb_canvas_line(c, box.x + at * box.w, box.y, box.x + at * box.w, box.y + box.h, 0.4,
                        white);
    }
}

/* Centres of the runs along an axis of this length from `from`, moved apart by gap. */
static bool run_centers(const page *p, double from, double length, double gap, double *center)
{
    for (size_t i = 0; i < p->n_runs; i++)
        center[i] = from + length * ((double)p->runs[i].first + 0.5 * (double)p->runs[i].count) /
                               (double)p->spec->n;
    return dnb_spread(center, p->n_runs, gap, from, from + length);
}

/* How the run names are set: angle along the bottom, and whether they fit at all. */
typedef struct run_names {
    bool fit;
    double size, most, widest, leader;
    int angle;
} run_names;

static run_names plan_run_names(page *p, double side)
{
    dnb_canvas *c = p->c;
    const dnb_style *st = &c->style;
    run_names r = {.fit = p->n_runs > 0, .size = st->font, .most = 0.28 * c->width};
    double n = (double)p->n_runs;
    bool flat = true;
    if (n * 1.2 * r.size > side)
        r.size = side / (1.2 * fmax(n, 1));
    if (r.size < st->small_font)
        r.fit = false;
    for (size_t i = 0; i < p->n_runs; i++) {
        const char *name = p->spec->category_names[p->runs[i].category];
        double w = fmin(r.most, dnb_text_width(c, name, r.size, false));
        double own = (double)p->runs[i].count / (double)p->spec->n * side;
        r.widest = fmax(r.widest, w);
        flat = flat && w + 0.6 * r.size <= own;
        if (own < 1.2 * r.size)
            r.leader = 5; /* some names move off their category: lines lead to them */
    }
    r.angle = flat ? 0 : n * 1.7 * r.size <= side && !r.leader ? 45 : 90;
    return r;
}

static void draw_run_names(page *p, dnb_rect box, double thick, const run_names *r, double *center)
{
    dnb_canvas *c = p->c;
    char text[512];
    double gap = c->style.gap, off = 0.5 * gap + thick;
    for (int axis = 0; axis < 2; axis++) {
        bool down = axis == 1;
        double from = down ? box.x : box.y, length = down ? box.w : box.h, n = (double)p->spec->n;
        run_centers(p, from, length, (down && r->angle == 45 ? 1.7 : 1.2) * r->size, center);
        for (size_t i = 0; i < p->n_runs; i++) {
            const run *u = &p->runs[i];
            double at = from + length * ((double)u->first + 0.5 * (double)u->count) / n;
            double x = down ? at : box.x - off, y = down ? box.y + box.h + off : at;
            double tx = down ? center[i] : x - r->leader - gap;
            double ty = down ? y + r->leader + gap : center[i];
            if (r->leader > 0)
                dnb_canvas_line(c, x, y, down ? tx : tx + gap, down ? ty - gap : ty, 0.3,
                                c->style.muted);
            dnb_text t = {.size = r->size, .align = 'r'};
            if (down) {
                t.angle = r->angle;
                t.align = r->angle ? 'r' : 'c';
                t.valign = r->angle ? 'm' : 't';
            }
            dnb_text_fit(c, p->spec->category_names[u->category], r->size, false, r->most, text,
                         sizeof text);
            dnb_canvas_text(c, tx, ty, text, t);
        }
    }
}

/* ---- pages
 * ------------------------------------------------------------------------------------------ */

static dnb_status too_narrow(const char *path, size_t n, dnb_err *err)
{
    return dnb_fail(
        err, DNB_EARG,
        "%s: the page is too narrow for %zu RDM panels in a row; raise width_mm or lower "
        "columns",
        path, n);
}

static const char *bar_label(const page *p, char *buf, size_t size)
{
    const char *metric = p->spec->metric ? p->spec->metric : "Dissimilarity";
    if (!p->spec->percentile)
        return metric;
    snprintf(buf, size, "%.200s (percentile)", metric);
    return buf;
}

static double draw_legend(page *p, double x, double y, double width)
{
    if (p->n_legend == 0)
        return 0;
    double space = 3 * p->c->style.gap;
    return space + dnb_legend(p->c, x, y + space, width, p->legend, p->n_legend, true);
}

static void fill_legend(page *p)
{
    for (size_t k = 0; k < p->spec->n_categories; k++)
        p->legend[p->n_legend++] = (dnb_legend_item){.kind = DNB_LEGEND_SWATCH,
                                                     .name = p->spec->category_names[k],
                                                     .color = dnb_series_color(k)};
}

/* One RDM with its names along both axes. */
static dnb_status draw_single(page *p, dnb_err *err)
{
    const dnb_figure_rdm *s = p->spec;
    dnb_canvas *c = p->c;
    const dnb_style *st = &c->style;
    char text[256];
    double margin = 2 * st->gap, thick = s->category ? 0.5 * st->font : 0, bar = 6;
    const char *label = bar_label(p, text, sizeof text);
    double right = dnb_colorbar_width(c, bar, p->heat, label, 6) + 8;
    double y = dnb_page_title(c, s->title, margin);
    if (s->panels[0].title)
        y += dnb_panel_title_height(c);
    bool items = p->items && s->n <= 60;
    double off = s->category ? thick + 0.5 * st->gap : 0;
    /* The names' room and the matrix's side depend on each other: the widest the names may get
     * gives the least side, for which they are then planned. */
    double inside = c->width - 2 * margin - off - right;
    double guess = fmax(20, inside - plan_run_names(p, INFINITY).widest - 5 - st->gap);
    run_names names = plan_run_names(p, guess);
    dnb_names left = {0}, below = {0};
    if (items) {
        dnb_names_plan_left(c, &left, p->items, s->n, guess / (double)s->n, 0.28 * c->width);
        names.fit = false;
    }
    double room = items ? left.extent : names.fit ? names.widest + names.leader + st->gap : 0;
    double side = inside - room;
    if (side < 20)
        return too_narrow(p->path, 1, err);
    dnb_rect box = dnb_snap_rect(c, (dnb_rect){margin + room + off, y, side, side});
    dnb_status status = draw_cells(p, box, 0, err);
    if (status != DNB_OK)
        return status;
    dnb_panel_title(c, box, s->panels[0].title, side);
    draw_bars(p, box, thick);
    double bottom = box.y + box.h + off;
    if (items) {
        dnb_rect outer = {box.x - off, box.y, box.w, box.h};
        dnb_names_plan_left(c, &left, p->items, s->n, side / (double)s->n, 0.28 * c->width);
        dnb_names_left(c, &left, outer);
        dnb_names_plan_bottom(c, &below, p->items, s->n, side / (double)s->n, 0.28 * c->width);
        outer = (dnb_rect){box.x, box.y, box.w, box.h + off - st->tick};
        dnb_names_bottom(c, &below, outer, false);
        bottom += below.extent;
    } else if (names.fit) {
        draw_run_names(p, box, thick, &names, p->center);
        double tall = names.angle == 0    ? 1.2 * names.size
                      : names.angle == 45 ? (names.widest + names.size) * 0.71
                                          : names.widest;
        bottom += names.leader + st->gap + tall;
    }
    if (s->category && !names.fit) {
        fill_legend(p);
        bottom += draw_legend(p, margin, bottom, c->width - 2 * margin);
    }
    double tall = fmin(side, 110);
    dnb_colorbar(c, (dnb_rect){box.x + box.w + 8, box.y + (side - tall) / 2, bar, tall}, p->heat,
                 label, 6);
    c->height = bottom + margin;
    return DNB_OK;
}

static size_t choose_columns(const dnb_figure_rdm *s)
{
    size_t n = s->n_panels;
    size_t columns = s->columns ? s->columns
                     : n <= 5   ? n
                     : n == 6   ? 3
                     : n <= 8   ? 4
                     : n <= 20  ? 5
                                : 6;
    return columns < n ? columns : n;
}

static dnb_status draw_grid(page *p, dnb_err *err)
{
    const dnb_figure_rdm *s = p->spec;
    dnb_canvas *c = p->c;
    const dnb_style *st = &c->style;
    char text[256], caption[272];
    size_t columns = choose_columns(s), rows = (s->n_panels + columns - 1) / columns;
    double margin = 2 * st->gap, thick = s->category ? 0.36 * st->font : 0, bar = 5, own_bar = 3;
    double off = s->category ? thick + 0.5 * st->gap : 0;
    const char *label = bar_label(p, text, sizeof text);
    double y = dnb_page_title(c, s->title, margin);
    double right = 0, beside = 0;
    if (s->own_scale)
        for (size_t k = 0; k < s->n_panels; k++)
            beside = fmax(beside, 3 + dnb_colorbar_width(c, own_bar, &p->heat[k], NULL, 3));
    else
        right = dnb_colorbar_width(c, bar, p->heat, label, 6) + 8;
    double gap = 8, pitch = (c->width - 2 * margin - right + gap) / (double)columns;
    double side = pitch - gap - off - beside;
    if (side < 12)
        return too_narrow(p->path, columns, err);
    double head = dnb_panel_title_height(c);
    dnb_panels panels = {
        columns, rows, {margin + off, y + head, side, side}, pitch, head + side + off + gap};
    for (size_t k = 0; k < s->n_panels; k++) {
        dnb_rect box = dnb_snap_rect(c, dnb_panel_at(&panels, k));
        dnb_status status = draw_cells(p, box, k, err);
        if (status != DNB_OK)
            return status;
        dnb_panel_title(c, box, s->panels[k].title, pitch - 2);
        draw_bars(p, box, thick);
        if (s->own_scale)
            dnb_colorbar(c, (dnb_rect){box.x + box.w + 3, box.y, own_bar, box.h}, &p->heat[k], NULL,
                         3);
    }
    double bottom = y + (double)rows * panels.pitch_y - gap;
    if (!s->own_scale) {
        double tall = fmin(bottom - y - head - off, 110);
        dnb_colorbar(c, (dnb_rect){c->width - margin - right + 8, y + head, bar, tall}, p->heat,
                     label, 6);
    } else {
        snprintf(caption, sizeof caption, "Colours: %.250s", label);
        p->legend[p->n_legend++] = (dnb_legend_item){.kind = DNB_LEGEND_TEXT, .name = caption};
    }
    if (s->category)
        fill_legend(p);
    bottom += draw_legend(p, margin, bottom, c->width - 2 * margin);
    c->height = bottom + margin;
    return DNB_OK;
}

static dnb_status draw(dnb_canvas *c, void *figure, dnb_err *err)
{
    page *p = figure;
    p->c = c;
    p->n_legend = 0;
    return p->spec->n_panels > 1 ? draw_grid(p, err) : draw_single(p, err);
}

/* ---- checking and writing
 * ---------------------------------------------------------------------------- */

static dnb_status check(const dnb_figure_rdm *s, size_t *n_pairs, dnb_err *err)
{
    if (!s->panels || s->n_panels < 1 || s->n_panels > 30)
        return dnb_fail(err, DNB_EARG, "RDM figure: %zu panels, expected 1 to 30", s->n_panels);
    if (s->n < 2)
        return dnb_fail(err, DNB_EARG, "RDM figure: %zu stimuli, expected 2 or more", s->n);
    if (!dnb_mul_size(n_pairs, s->n, s->n - 1))
        return dnb_fail(err, DNB_EARG, "RDM figure: %zu stimuli are too many", s->n);
    *n_pairs /= 2;
    if (s->percentile && *n_pairs > UINT32_MAX)
        return dnb_fail(err, DNB_EARG, "RDM figure: %zu stimuli are too many for percentiles",
                        s->n);
    for (size_t k = 0; k < s->n_panels; k++)
        if (!s->panels[k].pairs)
            return dnb_fail(err, DNB_EARG, "RDM figure: panel %zu has no values", k + 1);
    if (!s->category)
        return DNB_OK;
    if (!s->category_names || s->n_categories == 0)
        return dnb_fail(err, DNB_EARG, "RDM figure: categories are given without their names");
    for (size_t i = 0; i < s->n; i++)
        if (s->category[i] >= s->n_categories)
            return dnb_fail(err, DNB_EARG, "RDM figure: stimulus %zu has category %zu of %zu",
                            i + 1, s->category[i] + 1, s->n_categories);
    return DNB_OK;
}

dnb_status dnb_figure_rdm_write(const dnb_figure_rdm *spec, const char *path,
                                const dnb_figure_options *options, dnb_err *err)
{
    page p = {.spec = spec, .path = path};
    dnb_status status = check(spec, &p.n_pairs, err);
    if (status != DNB_OK)
        return status;
    DNB_TRY(dnb_colormap_init(&p.map, spec->colormap ? spec->colormap : "viridis", err));
    p.side = spec->n < MOST_CELLS ? spec->n : MOST_CELLS;
    DNB_NEW(p.heat, spec->n_panels, "RDM scales");
    DNB_NEW(p.order, spec->n, "RDM order");
    DNB_NEW(p.runs, spec->n, "RDM categories");
    DNB_NEW(p.center, spec->n, "RDM categories");
    DNB_NEW(p.legend, spec->n_categories + 1, "RDM legend");
    DNB_NEW(p.cells, p.side * p.side, "RDM cells");
    if (spec->percentile)
        DNB_NEW(p.shown, p.n_pairs, "RDM percentiles");
    choose_scales(&p);
    order_stimuli(&p);
    if (spec->item_names) {
        DNB_NEW(p.items, spec->n, "RDM names");
        for (size_t i = 0; i < spec->n; i++)
            p.items[i] = spec->item_names[p.order[i]];
    }
    DNB_TRY(dnb_canvas_run(path, options, spec->n_panels > 1 ? 183 : 89, draw, &p, err));
done:
    dnb_free(p.heat);
    dnb_free(p.order);
    dnb_free(p.runs);
    dnb_free(p.center);
    dnb_free(p.legend);
    dnb_free(p.cells);
    dnb_free(p.shown);
    dnb_free(p.items);
    return status;
}
