/* Colour maps. Sequential ones run through a few control colours in CIELAB with lightness made
 * exactly linear; coolwarm follows Moreland's (2009) Msh formula. */
#include "dnnbrain/colormap.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define DNB_MAX_STOPS 11
static const double pi = 3.14159265358979323846;

/* How the colours between the stops are found. */
typedef enum map_kind { LIGHTNESS, LAB, RGB, MSH, JET } map_kind;

typedef struct map_record {
    const char *name;
    map_kind kind;
    int n;
    uint32_t stop[DNB_MAX_STOPS]; /* 0xRRGGBB */
} map_record;

static const map_record maps[] = {
    {"viridis",
     LIGHTNESS,
     9,
     {0x440154, 0x472c7a, 0x3b518b, 0x2c718e, 0x21908d, 0x27ad81, 0x5cc863, 0xaadc32, 0xfde725}},
    {"magma",
     LIGHTNESS,
     9,
     {0x000004, 0x1d1147, 0x51127c, 0x832681, 0xb63679, 0xe65164, 0xfb8861, 0xfec287, 0xfcfdbf}},
    {"cividis",
     LIGHTNESS,
     7,
     {0x00204d, 0x2b446e, 0x575d6d, 0x7d7c78, 0xa69d75, 0xd3c164, 0xffea46}},
    {"grey", RGB, 2, {0x000000, 0xffffff}},
    {"coolwarm", MSH, 2, {0x3b4cc0, 0xb40426}},
    {"RdBu",
     LAB,
     11,
     {0x67001f, 0xb2182b, 0xd6604d, 0xf4a582, 0xfddbc7, 0xf7f7f7, 0xd1e5f0, 0x92c5de, 0x4393c3,
      0x2166ac, 0x053061}},
    {"hot", RGB, 4, {0x0a0000, 0xff0000, 0xffff00, 0xffffff}},
    {"jet", JET, 0, {0}},
};
#define DNB_N_MAPS (sizeof maps / sizeof maps[0])

/* ---- colour spaces (sRGB, D65)
 * ---------------------------------------------------------------------- */

static const double white[3] = {0.95047, 1.0, 1.08883};

static void lab_from_stop(uint32_t stop, double lab[3])
{
    double c[3], f[3];
    for (int i = 0; i < 3; i++) {
        double v = (double)(stop >> (16 - 8 * i) & 255) / 255.0;
        c[i] = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
    }
    const double xyz[3] = {0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2],
                           0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2],
                           0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]};
    for (int i = 0; i < 3; i++) {
        double t = xyz[i] / white[i];
        f[i] = t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116.0;
    }
    lab[0] = 116.0 * f[1] - 16.0;
    lab[1] = 500.0 * (f[0] - f[1]);
    lab[2] = 200.0 * (f[1] - f[2]);
}

static uint8_t byte_of(double v)
{
    return (uint8_t)lround(255.0 * fmin(1.0, fmax(0.0, v)));
}

static void rgb_from_lab(const double lab[3], uint8_t rgb[3])
{
    double fy = (lab[0] + 16.0) / 116.0;
    const double f[3] = {fy + lab[1] / 500.0, fy, fy - lab[2] / 200.0};
    double xyz[3];
    for (int i = 0; i < 3; i++)
        xyz[i] = white[i] * (f[i] > 0.206893 ? f[i] * f[i] * f[i] : (f[i] - 16.0 / 116.0) / 7.787);
    const double c[3] = {3.2406 * xyz[0] - 1.5372 * xyz[1] - 0.4986 * xyz[2],
                         -0.9689 * xyz[0] + 1.8758 * xyz[1] + 0.0415 * xyz[2],
                         0.0557 * xyz[0] - 0.2040 * xyz[1] + 1.0570 * xyz[2]};
    for (int i = 0; i < 3; i++)
        rgb[i] = byte_of(c[i] <= 0.0031308 ? 12.92 * c[i] : 1.055 * pow(c[i], 1 / 2.4) - 0.055);
}

/* ---- the rules between stops
 * ------------------------------------------------------------------------ */

static double mix(double a, double b, double t)
{
    return a + (b - a) * t;
}

/* Catmull-Rom through p1 (t = 0) and p2 (t = 1). */
static double spline(double p0, double p1, double p2, double p3, double t)
{
    return p1 + 0.5 * t *
                    (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)));
}

/* The stop interval that holds t in [0, 1] of equally spaced stops; *u is the place inside it. */
static int interval(int n, double t, double *u)
{
    int k = (int)(t * (n - 1));
    if (k > n - 2)
        k = n - 2;
    *u = t * (n - 1) - k;
    return k;
}

static void color_in_lab(const map_record *m, int k, double u, double lab[3])
{
    double p[4][3];
    for (int i = 0; i < 4; i++) {
        int s = k - 1 + i;
        lab_from_stop(m->stop[s < 0 ? 0 : s >= m->n ? m->n - 1 : s], p[i]);
    }
    for (int i = 0; i < 3; i++)
        lab[i] = spline(p[0][i], p[1][i], p[2][i], p[3][i], u);
}

/* Lightness is linear in t; the hue comes from where the stops' curve has that lightness. */
static void color_by_lightness(const map_record *m, double t, double lab[3])
{
    double first[3], last[3];
    lab_from_stop(m->stop[0], first);
    lab_from_stop(m->stop[m->n - 1], last);
    double want = mix(first[0], last[0], t), lo = 0, hi = 1;
    for (int i = 0; i < 24; i++) { /* the curve rises, so bisection finds the place */
        double u, mid = 0.5 * (lo + hi);
        int k = interval(m->n, mid, &u);
        color_in_lab(m, k, u, lab);
        if (lab[0] < want)
            lo = mid;
        else
            hi = mid;
    }
    lab[0] = want;
}

static void msh_from_stop(uint32_t stop, double msh[3])
{
    double lab[3];
    lab_from_stop(stop, lab);
    msh[0] = sqrt(lab[0] * lab[0] + lab[1] * lab[1] + lab[2] * lab[2]);
    msh[1] = acos(lab[0] / msh[0]);
    msh[2] = atan2(lab[2], lab[1]);
}

/* Moreland's interpolation through an unsaturated middle of magnitude 88. */
static void color_by_msh(const map_record *m, double t, double lab[3])
{
    double end[3], mid[3] = {88.0, 0.0, 0.0};
    msh_from_stop(m->stop[t < 0.5 ? 0 : 1], end);
    mid[0] = fmax(mid[0], end[0]);
    /* The hue spins on the way to the middle so that the path stays perceptually straight. */
    double spin = end[1] * sqrt(mid[0] * mid[0] - end[0] * end[0]) / (end[0] * sin(end[1]));
    mid[2] = end[2] > -pi / 3 ? end[2] + spin : end[2] - spin;
    double u = t < 0.5 ? 2 * t : 2 - 2 * t; /* 0 at the end, 1 in the middle */
    double mm = mix(end[0], mid[0], u), s = mix(end[1], mid[1], u), h = mix(end[2], mid[2], u);
    lab[0] = mm * cos(s);
    lab[1] = mm * sin(s) * cos(h);
    lab[2] = mm * sin(s) * sin(h);
}

static void color_of(const map_record *m, double t, uint8_t rgb[3])
{
    double lab[3], u;
    int k;
    switch (m->kind) {
    case LIGHTNESS:
        color_by_lightness(m, t, lab);
        rgb_from_lab(lab, rgb);
        break;
    case LAB:
        k = interval(m->n, t, &u);
        color_in_lab(m, k, u, lab);
        rgb_from_lab(lab, rgb);
        break;
    case MSH:
        color_by_msh(m, t, lab);
        rgb_from_lab(lab, rgb);
        break;
    case RGB:
        k = interval(m->n, t, &u);
        for (int i = 0; i < 3; i++)
            rgb[i] = byte_of(
                mix(m->stop[k] >> (16 - 8 * i) & 255, m->stop[k + 1] >> (16 - 8 * i) & 255, u) /
                255);
        break;
    case JET:
        for (int i = 0; i < 3; i++)
            rgb[i] = byte_of(1.5 - fabs(4 * t - (3 - i)));
        break;
    }
}

/* ---- public
 * ----------------------------------------------------------------------------------------- */

static const map_record *find_map(const char *name, size_t len)
{
    for (size_t i = 0; i < DNB_N_MAPS; i++)
        if (strlen(maps[i].name) == len && strncasecmp(maps[i].name, name, len) == 0)
            return &maps[i];
    if (len == 4 && strncasecmp(name, "gray", 4) == 0)
        return find_map("grey", 4);
    return NULL;
}

dnb_status dnb_colormap_init(dnb_colormap *map, const char *name, dnb_err *err)
{
    size_t len = strlen(name);
    bool reverse = len > 2 && strcasecmp(name + len - 2, "_r") == 0;
    const map_record *m = find_map(name, reverse ? len - 2 : len);
    if (!m) {
        char list[128] = "";
        for (size_t i = 0; i < DNB_N_MAPS; i++) {
            strncat(list, i ? ", " : "", sizeof list - strlen(list) - 1);
            strncat(list, maps[i].name, sizeof list - strlen(list) - 1);
        }
        return dnb_fail(err, DNB_ENOTFOUND,
                        "colour map '%s' is unknown; choose one of %s (or NAME_r)", name, list);
    }
    for (int i = 0; i < 256; i++)
        color_of(m, i / 255.0, map->rgb[reverse ? 255 - i : i]);
    return DNB_OK;
}

size_t dnb_colormap_count(void)
{
    return DNB_N_MAPS;
}

const char *dnb_colormap_name(size_t i)
{
    return i < DNB_N_MAPS ? maps[i].name : NULL;
}

void dnb_colormap_at(const dnb_colormap *map, double value, double low, double high, uint8_t rgb[3])
{
    if (isnan(value)) {
        memset(rgb, 208, 3);
        return;
    }
    double t = 0.5;
    if (high > low)
        t = value <= low ? 0 : value >= high ? 1 : (value - low) / (high - low);
    memcpy(rgb, map->rgb[(int)(t * 255.0 + 0.5)], 3);
}

void dnb_colormap_apply(const dnb_colormap *map, const float *value, size_t n, double low,
                        double high, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++)
        dnb_colormap_at(map, (double)value[i], low, high, rgb + 3 * i);
}
