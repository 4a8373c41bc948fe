/* Legends: keys and their names, in as many rows as they need. */
#include <math.h>

#include "plot/axes.h"

static void draw_key(dnb_canvas *c, const dnb_legend_item *item, dnb_rect key)
{
    const dnb_style *st = &c->style;
    double x = key.x + key.w / 2, y = key.y + key.h / 2;
    static const double dashes[2] = {2.0, 1.2};
    switch (item->kind) {
    case DNB_LEGEND_SWATCH:
        dnb_canvas_fill(c, key, item->color);
        break;
    case DNB_LEGEND_BOX:
        dnb_canvas_frame(c, key, 0.6, item->color);
        break;
    case DNB_LEGEND_HATCH:
        dnb_canvas_fill(c, key, st->missing);
        dnb_canvas_hatch(c, key, item->color);
        break;
    case DNB_LEGEND_UPRIGHT:
        dnb_canvas_line(c, x, key.y - 0.15 * key.h, x, key.y + 1.15 * key.h, 0.6, item->color);
        break;
    case DNB_LEGEND_LINE:
        dnb_canvas_line(c, key.x, y, key.x + key.w, y, st->data_line, item->color);
        break;
    case DNB_LEGEND_DASHED:
        cairo_set_dash(c->cr, dashes, 2, 0);
        dnb_canvas_line(c, key.x, y, key.x + key.w, y, st->data_line, item->color);
        cairo_set_dash(c->cr, NULL, 0, 0);
        break;
    case DNB_LEGEND_LINE_MARKER:
        dnb_canvas_line(c, key.x, y, key.x + key.w, y, st->data_line, item->color);
        dnb_canvas_marker(c, x, y, item->shape, st->marker, true, item->color);
        break;
    case DNB_LEGEND_FILLED:
    case DNB_LEGEND_OPEN:
        dnb_canvas_marker(c, x, y, item->shape, st->marker, item->kind == DNB_LEGEND_FILLED,
                          item->color);
        break;
    case DNB_LEGEND_TEXT:
        break;
    }
}

static double key_width(const dnb_canvas *c, dnb_legend_kind kind)
{
    switch (kind) {
    case DNB_LEGEND_TEXT:
        return 0;
    case DNB_LEGEND_UPRIGHT:
    case DNB_LEGEND_FILLED:
    case DNB_LEGEND_OPEN:
        return 0.8 * c->style.font;
    case DNB_LEGEND_SWATCH:
    case DNB_LEGEND_BOX:
    case DNB_LEGEND_HATCH:
        return 1.2 * c->style.font;
    default:
        return 2.0 * c->style.font;
    }
}

static double key_gap(const dnb_canvas *c, double key)
{
    return key > 0 ? 0.5 * c->style.font : 0;
}

/* Width of key and name; the name, cut to fit, in text. */
static double item_width(dnb_canvas *c, const dnb_legend_item *item, double most, char *text,
                         size_t text_size)
{
    double key = key_width(c, item->kind), size = c->style.font;
    key += key_gap(c, key);
    dnb_text_fit(c, item->name, size, false, fmax(size, most - key), text, text_size);
    return key + dnb_text_width(c, text, size, false);
}

/* Rows the items take when each is as wide as it is (column == 0) or has a column. */
static size_t count_rows(const double *need, size_t n, double width, double space, double column)
{
    size_t rows = 1;
    double at = 0;
    for (size_t i = 0; i < n; i++) {
        if (at > 0 && at + need[i] > width + 0.01) {
            at = 0;
            rows++;
        }
        at += column > 0 ? column : need[i] + space;
    }
    return rows;
}

double dnb_legend(dnb_canvas *c, double x, double y, double width, const dnb_legend_item *items,
                  size_t n, bool draw)
{
    const double size = c->style.font, row = 1.45 * size, space = 1.4 * size;
    double need[DNB_MAX_LEGEND], widest = 0, at = x, top = y;
    char text[512];
    if (n > DNB_MAX_LEGEND)
        n = DNB_MAX_LEGEND;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        need[i] = item_width(c, &items[i], width, text, sizeof text);
        widest = fmax(widest, need[i]);
    }
    /* Equal columns look tidier, but not at the price of more rows; a single row needs none. */
    double column = (width + space) / floor(fmax(1, (width + space) / (widest + space)));
    size_t flowing = count_rows(need, n, width, space, 0);
    if (flowing == 1 || count_rows(need, n, width, space, column) > flowing)
        column = 0;
    for (size_t i = 0; i < n; i++) {
        double key = key_width(c, items[i].kind);
        if (at > x && at + need[i] > x + width + 0.01) {
            at = x;
            top += row;
        }
        if (draw) {
            item_width(c, &items[i], width, text, sizeof text);
            draw_key(c, &items[i],
                     (dnb_rect){at, top + 0.5 * (row - 0.75 * size), key, 0.75 * size});
            dnb_canvas_text(c, at + key + key_gap(c, key), top + 0.5 * row, text,
                            (dnb_text){.align = 'l'});
        }
        at += column > 0 ? column : need[i] + space;
    }
    return top + row - y;
}
