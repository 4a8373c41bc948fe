/* Axes, names along them, titles and the placement of panels. */
#include "plot/axes.h"

#include <math.h>
#include <string.h>

/* Tallest part of a letter over its size; lines of text are set this far apart at least. */
static const double line_height = 1.15;

/* ---- numeric axes
 * ----------------------------------------------------------------------------------- */

double dnb_axis_left_width(dnb_canvas *c, const dnb_scale *s)
{
    char text[64];
    double widest = 0;
    for (int i = 0; i < s->n_ticks; i++)
        widest =
            fmax(widest, dnb_text_width(c, dnb_number(text, sizeof text, s->tick[i], s->decimals),
                                        c->style.font, false));
    return widest + c->style.tick + c->style.gap;
}

void dnb_axis_left(dnb_canvas *c, dnb_rect box, const dnb_scale *s, bool labels)
{
    const dnb_style *st = &c->style;
    char text[64];
    dnb_canvas_line(c, box.x, box.y, box.x, box.y + box.h, st->line, st->ink);
    for (int i = 0; i < s->n_ticks; i++) {
        double y = dnb_scale_at(s, s->tick[i], box.y + box.h, box.y);
        dnb_canvas_line(c, box.x - st->tick, y, box.x, y, st->line, st->ink);
        if (labels)
            dnb_canvas_text(c, box.x - st->tick - st->gap, y,
                            dnb_number(text, sizeof text, s->tick[i], s->decimals),
                            (dnb_text){.align = 'r'});
    }
}

double dnb_axis_bottom_height(const dnb_canvas *c)
{
    return c->style.tick + c->style.gap * 0.5 + c->style.font * line_height;
}

void dnb_axis_bottom(dnb_canvas *c, dnb_rect box, const dnb_scale *s, bool labels)
{
    const dnb_style *st = &c->style;
    char text[64];
    double y = box.y + box.h;
    dnb_canvas_line(c, box.x, y, box.x + box.w, y, st->line, st->ink);
    for (int i = 0; i < s->n_ticks; i++) {
        double x = dnb_scale_at(s, s->tick[i], box.x, box.x + box.w);
        dnb_canvas_line(c, x, y, x, y + st->tick, st->line, st->ink);
        if (labels)
            dnb_canvas_text(c, x, y + st->tick + st->gap * 0.5,
                            dnb_number(text, sizeof text, s->tick[i], s->decimals),
                            (dnb_text){.valign = 't'});
    }
}

/* ---- names
 * ------------------------------------------------------------------------------------------ */

static double widest_name(dnb_canvas *c, const char *const *names, size_t n, double size,
                          double most)
{
    double widest = 0;
    for (size_t i = 0; i < n && widest < most; i++)
        widest = fmax(widest, dnb_text_width(c, names[i], size, false));
    return fmin(widest, most);
}

/* The largest size, down to the small one, at which lines `spacing` apart keep clear of each other;
 * *step > 1 when even the small one must leave names out. */
static double size_for_spacing(const dnb_canvas *c, double spacing, size_t *step)
{
    double size = fmin(c->style.font, spacing / line_height);
    *step = 1;
    if (size < c->style.small_font) {
        size = c->style.small_font;
        *step = (size_t)ceil(size * line_height / fmax(spacing, 1e-6));
    }
    return size;
}

void dnb_names_plan_bottom(dnb_canvas *c, dnb_names *plan, const char *const *names, size_t n,
                           double spacing, double max_width)
{
    const dnb_style *st = &c->style;
    double room = st->tick + st->gap;
    double widest = widest_name(c, names, n, st->font, max_width);
    *plan =
        (dnb_names){.names = names, .n = n, .step = 1, .size = st->font, .max_width = max_width};
    if (widest + 0.5 * st->font <= spacing) {
        plan->extent = room + st->font * line_height;
    } else if (spacing >= 1.6 * st->font) {
        plan->angle = 45;
        plan->extent = room + (widest + st->font) * sqrt(0.5);
    } else {
        plan->angle = 90;
        plan->size = size_for_spacing(c, spacing, &plan->step);
        plan->extent = room + widest_name(c, names, n, plan->size, max_width);
    }
}

void dnb_names_plan_left(dnb_canvas *c, dnb_names *plan, const char *const *names, size_t n,
                         double spacing, double max_width)
{
    *plan = (dnb_names){.names = names, .n = n, .max_width = max_width};
    plan->size = size_for_spacing(c, spacing, &plan->step);
    plan->extent = c->style.tick + c->style.gap + widest_name(c, names, n, plan->size, max_width);
}

void dnb_names_bottom(dnb_canvas *c, const dnb_names *plan, dnb_rect box, bool ticks)
{
    const dnb_style *st = &c->style;
    char text[512];
    double pitch = box.w / (double)plan->n, y = box.y + box.h;
    for (size_t i = 0; i < plan->n; i++) {
        double x = box.x + ((double)i + 0.5) * pitch;
        if (ticks)
            dnb_canvas_line(c, x, y, x, y + st->tick, st->line, st->ink);
        if (i % plan->step)
            continue;
        dnb_text_fit(c, plan->names[i], plan->size, false, plan->max_width, text, sizeof text);
        dnb_text t = {.size = plan->size, .angle = plan->angle};
        t.align = plan->angle ? 'r' : 'c';
        t.valign = plan->angle ? 'm' : 't';
        /* a slanted line's end is set a little right, so that its letters end under the tick */
        double dx = plan->angle == 45 ? 0.25 * plan->size : 0;
        double dy = plan->angle == 0 ? 0.5 * st->gap : plan->angle == 45 ? 0.8 * st->gap : st->gap;
        dnb_canvas_text(c, x + dx, y + st->tick + dy, text, t);
    }
}

void dnb_names_left(dnb_canvas *c, const dnb_names *plan, dnb_rect box)
{
    char text[512];
    double pitch = box.h / (double)plan->n;
    for (size_t i = 0; i < plan->n; i += plan->step) {
        dnb_text_fit(c, plan->names[i], plan->size, false, plan->max_width, text, sizeof text);
        dnb_canvas_text(c, box.x - c->style.gap - 0.5, box.y + ((double)i + 0.5) * pitch, text,
                        (dnb_text){.size = plan->size, .align = 'r'});
    }
}

/* Least squares: less i gaps, the centres must only not decrease, which pooling adjacent violators
 * gives. A block of the regression is a stretch of equal values. */
bool dnb_spread(double *center, size_t n, double min_gap, double lo, double hi)
{
    if ((double)n * min_gap > hi - lo)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t start = i;
        double sum = center[i] - (double)i * min_gap, count = 1;
        while (start > 0 && center[start - 1] > sum / count) {
            double block = center[start - 1];
            for (; start > 0 && center[start - 1] == block; start--) {
                sum += block;
                count++;
            }
        }
        for (size_t k = start; k <= i; k++)
            center[k] = sum / count;
    }
    double least = lo + 0.5 * min_gap, most = hi - 0.5 * min_gap - (double)(n - (n > 0)) * min_gap;
    for (size_t i = 0; i < n; i++)
        center[i] = fmin(most, fmax(least, center[i])) + (double)i * min_gap;
    return true;
}

/* ---- panels and titles
 * ------------------------------------------------------------------------------- */

dnb_rect dnb_panel_at(const dnb_panels *p, size_t i)
{
    dnb_rect r = p->first;
    r.x += (double)(i % p->columns) * p->pitch_x;
    r.y += (double)(i / p->columns) * p->pitch_y;
    return r;
}

double dnb_page_title(dnb_canvas *c, const char *title, double y)
{
    const dnb_style *st = &c->style;
    char text[512];
    if (!title || !*title)
        return y;
    double margin = 2 * st->gap;
    dnb_text_fit(c, title, st->title_font, true, c->width - 2 * margin, text, sizeof text);
    dnb_canvas_text(c, margin, y, text,
                    (dnb_text){.size = st->title_font, .bold = true, .align = 'l', .valign = 't'});
    return y + st->title_font * line_height + 2 * st->gap;
}

double dnb_panel_title_height(const dnb_canvas *c)
{
    return 1.4 * c->style.font + c->style.gap;
}

void dnb_panel_title(dnb_canvas *c, dnb_rect box, const char *title, double width)
{
    const dnb_style *st = &c->style;
    char text[512];
    if (!title || !*title)
        return;
    dnb_text_fit(c, title, st->font, true, width, text, sizeof text);
    /* clear of the letters below the line */
    dnb_canvas_text(c, box.x + box.w / 2, box.y - st->gap - 0.2 * st->font, text,
                    (dnb_text){.size = st->font, .bold = true, .valign = 'b'});
}
