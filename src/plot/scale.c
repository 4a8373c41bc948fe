/* Round ticks, limits and the way numbers are written. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plot/axes.h"

dnb_limits dnb_limits_none(void)
{
    return (dnb_limits){INFINITY, -INFINITY};
}

void dnb_limits_add(dnb_limits *l, double v)
{
    if (!isfinite(v))
        return;
    l->lo = fmin(l->lo, v);
    l->hi = fmax(l->hi, v);
}

void dnb_limits_settle(dnb_limits *l)
{
    /* Beyond this a range or a tick could overflow. */
    const double far = 1e300;
    if (!(l->lo <= l->hi))
        *l = (dnb_limits){0, 1};
    l->lo = fmin(far, fmax(-far, l->lo));
    l->hi = fmin(far, fmax(-far, l->hi));
    double middle = 0.5 * (l->lo + l->hi), least = fmax(fabs(l->lo), fabs(l->hi)) * 1e-9;
    if (l->hi - l->lo > least)
        return;
    double half = middle != 0 ? 0.5 * fabs(middle) : 0.5;
    l->lo = middle - fmax(half, DBL_MIN * 1e20);
    l->hi = middle + fmax(half, DBL_MIN * 1e20);
}

void dnb_limits_make_symmetric(dnb_limits *l)
{
    double m = fmax(fabs(l->lo), fabs(l->hi));
    if (isfinite(m) && m > 0)
        *l = (dnb_limits){-m, m};
}

/* The smallest of 1, 2, 5 x 10^k that is at least x. */
static double round_step(double x)
{
    double power = pow(10, floor(log10(x))), lead = x / power;
    const double slack = 1 + 1e-9;
    return power * (lead <= 1 * slack ? 1 : lead <= 2 * slack ? 2 : lead <= 5 * slack ? 5 : 10);
}

static int decimals_for(double step, double largest)
{
    if (largest >= 1e5 || largest < 1e-3)
        return -1;
    int d = (int)-floor(log10(step) + 1e-9);
    return d < 0 ? 0 : d > 6 ? -1 : d;
}

/* Sets the ends, and the multiples of step at the first and last tick between them. */
static void place_ticks(dnb_scale *s, double lo, double hi, double step, bool widen, double *first,
                        double *last)
{
    const double slack = 1e-6;
    double half = 0.5 * step;
    s->lo = widen ? floor(lo / half + slack) * half : lo;
    s->hi = widen ? ceil(hi / half - slack) * half : hi;
    *first = ceil(s->lo / step - slack);
    *last = floor(s->hi / step + slack);
}

void dnb_scale_init(dnb_scale *s, double lo, double hi, int max_ticks, bool widen)
{
    if (max_ticks >= DNB_MAX_TICKS)
        max_ticks = DNB_MAX_TICKS - 1;
    /* From too many ticks to the first step that has few enough. Ends move out by half steps only,
     * which keeps the data large in their box. */
    double first, last, before = 0, step = round_step((hi - lo) / (4 * max_ticks));
    for (;;) {
        place_ticks(s, lo, hi, step, widen, &first, &last);
        if (last - first + 1 <= max_ticks)
            break;
        before = step;
        step = round_step(1.5 * step);
    }
    if (last - first < 1 && before > 0) { /* a single tick tells no scale */
        step = before;
        place_ticks(s, lo, hi, step, widen, &first, &last);
    }
    s->n_ticks = 0;
    for (double k = first; k <= last && s->n_ticks < DNB_MAX_TICKS; k++)
        s->tick[s->n_ticks++] = k * step;
    s->decimals = decimals_for(step, fmax(fabs(first * step), fabs(last * step)));
}

double dnb_scale_at(const dnb_scale *s, double v, double from, double to)
{
    return from + (v - s->lo) / (s->hi - s->lo) * (to - from);
}

const char *dnb_number(char *buf, size_t size, double v, int decimals)
{
    char plain[64];
    if (decimals < 0)
        snprintf(plain, sizeof plain, "%.3g", v);
    else
        snprintf(plain, sizeof plain, "%.*f", decimals, v);
    const char *p = plain;
    bool minus = *p == '-';
    p += minus;
    if (strspn(p, "0.") == strlen(p)) /* rounds to zero */
        minus = false;
    /* "1e+06" is written 1e6 */
    char *e = strchr(plain, 'e');
    if (e) {
        char *digits = e + 1 + strspn(e + 1, "+0");
        if (e[1] == '-')
            digits = e + 1 + 1 + strspn(e + 2, "0");
        const char *sign = e[1] == '-' ? "\xe2\x88\x92" : "";
        snprintf(buf, size, "%s%.*se%s%s", minus ? "\xe2\x88\x92" : "", (int)(e - p), p, sign,
                 digits);
        return buf;
    }
    snprintf(buf, size, "%s%s", minus ? "\xe2\x88\x92" : "", p);
    return buf;
}
