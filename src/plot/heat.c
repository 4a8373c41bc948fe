/* Values as colours: the coloured picture, the sign of missing cells, and the colour bar. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "plot/axes.h"

/* Hatches the missing cells, a run of them along a row at a time. */
static void hatch_missing(dnb_canvas *c, dnb_rect r, const float *value, size_t rows, size_t cols)
{
    const dnb_color ink = {0.55, 0.55, 0.55, 1};
    r = dnb_snap_rect(c, r);
    double w = r.w / (double)cols, h = r.h / (double)rows;
    if (w < 1.5 || h < 1.5) /* finer than the hatching: grey says it */
        return;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            size_t first = j;
            while (j < cols && isnan(value[i * cols + j]))
                j++;
            if (j == first)
                continue;
            /* a little inside, so that no grey bleeds into the neighbours */
            const double in = 0.15;
            dnb_rect run = {r.x + (double)first * w + in, r.y + (double)i * h + in,
                            (double)(j - first) * w - 2 * in, h - 2 * in};
            dnb_canvas_hatch(c, run, ink);
        }
}

float dnb_heat_share(const dnb_heat *heat, double v)
{
    if (isnan(v))
        return NAN;
    double share = (v - heat->lo) / (heat->hi - heat->lo);
    return (float)fmin(1, fmax(0, share));
}

/* The neighbours of place i of `fine` on an axis of n cells, and the share of the second. */
static double between_cells(size_t i, size_t fine, size_t n, size_t *a, size_t *b)
{
    double x = ((double)i + 0.5) * (double)n / (double)fine - 0.5;
    x = fmin((double)(n - 1), fmax(0, x));
    *a = (size_t)x;
    *b = *a + 1 < n ? *a + 1 : *a;
    return x - (double)*a;
}

/* Bilinear: values, not colours, are mixed; next to a missing value is missing. */
static void interpolate(const float *src, size_t rows, size_t cols, float *dst, size_t fine_rows,
                        size_t fine_cols)
{
    for (size_t i = 0; i < fine_rows; i++) {
        size_t top, low, left, right;
        double v = between_cells(i, fine_rows, rows, &top, &low);
        for (size_t j = 0; j < fine_cols; j++) {
            double u = between_cells(j, fine_cols, cols, &left, &right);
            double above = (1 - u) * src[top * cols + left] + u * src[top * cols + right];
            double below = (1 - u) * src[low * cols + left] + u * src[low * cols + right];
            dst[i * fine_cols + j] = (float)((1 - v) * above + v * below);
        }
    }
}

dnb_status dnb_heat_draw(dnb_canvas *c, dnb_rect r, const float *value, size_t rows, size_t cols,
                         const dnb_heat *heat, dnb_err *err)
{
    dnb_status status = DNB_OK;
    uint8_t *rgb = NULL;
    float *fine = NULL;
    const float *shown = value;
    size_t side = rows > cols ? rows : cols, times = 1, n, bytes;
    if (heat->smooth && side > 0 && side < 300)
        times = (300 + side - 1) / side;
    size_t m_rows = rows * times, m_cols = cols * times;
    if (c->measuring)
        return DNB_OK;
    if (!dnb_mul_size(&n, m_rows, m_cols) || !dnb_mul_size(&bytes, n, 3))
        return dnb_fail(err, DNB_EARG, "heat map: %zu x %zu cells are too many", rows, cols);
    DNB_NEW(rgb, bytes, "heat map");
    if (times > 1) {
        DNB_NEW(fine, n, "heat map");
        interpolate(value, rows, cols, fine, m_rows, m_cols);
        shown = fine;
    }
    dnb_colormap_apply(heat->map, shown, n, heat->lo, heat->hi, rgb);
    for (size_t i = 0; heat->blank && i < n; i++)
        if (isnan(shown[i]))
            memset(rgb + 3 * i, 255, 3);
    dnb_canvas_image(c, r, rgb, m_rows, m_cols, heat->opacity > 0 ? heat->opacity : 1);
    if (!heat->blank)
        hatch_missing(c, r, value, rows, cols);
done:
    dnb_free(rgb);
    dnb_free(fine);
    return status;
}

double dnb_colorbar_width(dnb_canvas *c, double bar_width, const dnb_heat *heat, const char *label,
                          int max_ticks)
{
    dnb_scale s;
    dnb_scale_init(&s, heat->lo, heat->hi, max_ticks, false);
    double width = bar_width + dnb_axis_left_width(c, &s);
    return label && *label ? width + c->style.gap + 1.2 * c->style.font : width;
}

void dnb_colorbar(dnb_canvas *c, dnb_rect bar, const dnb_heat *heat, const char *label,
                  int max_ticks)
{
    const dnb_style *st = &c->style;
    uint8_t rgb[256][3];
    char text[512];
    dnb_scale s;
    bar = dnb_snap_rect(c, bar);
    for (int i = 0; i < 256; i++)
        for (int k = 0; k < 3; k++)
            rgb[i][k] = heat->map->rgb[255 - i][k];
    dnb_canvas_image(c, bar, rgb[0], 256, 1, 1);
    dnb_canvas_frame(c, bar, 0.3, st->ink);
    dnb_scale_init(&s, heat->lo, heat->hi, max_ticks, false);
    double right = bar.x + bar.w, tick = 0.7 * st->tick;
    for (int i = 0; i < s.n_ticks; i++) {
        double y = dnb_scale_at(&s, s.tick[i], bar.y + bar.h, bar.y);
        dnb_canvas_line(c, right, y, right + tick, y, st->line, st->ink);
        dnb_canvas_text(c, right + tick + 0.7 * st->gap, y,
                        dnb_number(text, sizeof text, s.tick[i], s.decimals),
                        (dnb_text){.align = 'l'});
    }
    if (!label || !*label)
        return;
    double x = right + dnb_axis_left_width(c, &s) + st->gap + 0.5 * st->font;
    dnb_text_fit(c, label, st->font, false, fmax(bar.h * 1.4, 40), text, sizeof text);
    dnb_canvas_text(c, x, bar.y + bar.h / 2, text, (dnb_text){.angle = 90});
}
