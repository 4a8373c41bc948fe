/* Drawn stimuli. A scene (place, size, turn, colours, light, noise) is drawn at random alike for
 * every category; the category only supplies the pattern: how much of the foreground shows at a
 * point. */
#include "dnnbrain/drawing.h"

#include <math.h>
#include <stdbool.h>

#include "dnnbrain/random.h"

static const double pi = 3.14159265358979323846;

/* Streams of one seed: the scene of category k is stream k, the pixel noise stream 100 + k. */
#define NOISE_STREAM 100

typedef struct scene {
    uint64_t salt;   /* of the noise fields */
    double x, y;     /* centre; the picture spans -1..1 */
    double c, s;     /* cosine and sine of the turn */
    double size;     /* side of the square of the shape's area; texture period */
    double phase[2]; /* pattern offset */
    double aspect;   /* slight squeeze of shapes and cells */
    double inner;    /* shapes: hole as a part of the size, 0 when filled */
    double window;   /* gratings: width of the Gaussian window, 0 without */
    double sharp;    /* 0 sine .. 1 nearly square profile */
    double back[3], fore[3];
    double light[2];      /* slope of the illumination */
    double blotch, noise; /* amplitude of slow and of pixel noise */
} scene;

/* ---- noise fields
 * ----------------------------------------------------------------------------------- */

/* A uniform number in [0, 1) that belongs to a lattice point (finaliser of MurmurHash3's kind). */
static double lattice(uint64_t salt, long i, long j)
{
    uint64_t h = salt ^ (uint64_t)i * 0x9e3779b97f4a7c15u ^ (uint64_t)j * 0xc2b2ae3d27d4eb4fu;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return (double)(h >> 11) * 0x1p-53;
}

/* Smooth noise in -1..1 with one lattice point per unit. */
static double smooth_noise(uint64_t salt, double x, double y)
{
    double fx = floor(x), fy = floor(y), u = x - fx, v = y - fy;
    long i = (long)fx, j = (long)fy;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    double top = lattice(salt, i, j) * (1 - u) + lattice(salt, i + 1, j) * u;
    double low = lattice(salt, i, j + 1) * (1 - u) + lattice(salt, i + 1, j + 1) * u;
    return 2 * (top * (1 - v) + low * v) - 1;
}

/* ---- patterns: foreground part (0..1) at (u, v)
 * ------------------------------------------------------ */

static bool in_polygon(double u, double v, int corners, double outer, double inner)
{
    /* A star is a polygon whose corners alternate between two radii; fold the plane into one
     * half-wedge. */
    double wedge = pi / corners, a = atan2(u, -v);
    a = fabs(a - 2 * wedge * floor(a / (2 * wedge) + 0.5));
    double r = hypot(u, v), px = r * cos(a), py = r * sin(a);
    double bx = inner * cos(wedge), by = inner * sin(wedge);
    /* left of the edge from the corner (outer, 0) to (bx, by) */
    return (bx - outer) * py - by * (px - outer) >= 0;
}

/* Every shape of size 1 has area 1. */
static bool in_shape(size_t category, double u, double v)
{
    static const double star_inner = 0.45;
    switch (category) {
    case 0: /* circle */
        return u * u + v * v <= 1 / pi;
    case 1: /* square */
        return fabs(u) <= 0.5 && fabs(v) <= 0.5;
    case 2: { /* triangle, corners at distance r: area 3 sqrt(3) / 4 r^2 */
        double r = sqrt(4 / (3 * sqrt(3.0)));
        return in_polygon(u, v, 3, r, 0.5 * r);
    }
    default: { /* star: 10 triangles of area outer * inner * sin(pi / 5) / 2 */
        double r = sqrt(1 / (5 * star_inner * sin(pi / 5)));
        return in_polygon(u, v, 5, r, star_inner * r);
    }
    }
}

static double shape(const scene *s, size_t category, double u, double v)
{
    u /= s->size * s->aspect;
    v /= s->size / s->aspect;
    if (!in_shape(category, u, v))
        return 0;
    return s->inner > 0 && in_shape(category, u / s->inner, v / s->inner) ? 0 : 1;
}

static double checks(const scene *s, double u, double v)
{
    double period = 0.45 * s->size;
    long i = (long)floor(u / (period * s->aspect) + s->phase[0]);
    long j = (long)floor(v * s->aspect / period + s->phase[1]);
    return (i + j) & 1 ? 1 : 0;
}

static double dots(const scene *s, double u, double v)
{
    double pitch = 0.55 * s->size, x = u / pitch + 8 * s->phase[0], y = v / pitch + 8 * s->phase[1];
    long ci = (long)floor(x), cj = (long)floor(y);
    for (long j = cj - 1; j <= cj + 1; j++) /* a dot may reach over its cell's edge */
        for (long i = ci - 1; i <= ci + 1; i++) {
            double dx = (double)i + 0.5 + 0.5 * (lattice(s->salt, i, j) - 0.5) - x;
            double dy = (double)j + 0.5 + 0.5 * (lattice(s->salt + 1, i, j) - 0.5) - y;
            double r = 0.25 + 0.2 * lattice(s->salt + 2, i, j);
            if (dx * dx + dy * dy < r * r)
                return 1;
        }
    return 0;
}

/* Year rings cut lengthwise: stripes bent by slow noise, with fine grain along them. */
static double wood(const scene *s, double u, double v)
{
    double bend = 0.55 * smooth_noise(s->salt, 2.2 * u, 0.9 * v) +
                  0.12 * smooth_noise(s->salt + 1, 5 * u, 2.5 * v);
    double ring = sin(2 * pi * ((u + bend) / (0.55 * s->size) + s->phase[0]));
    double grain = smooth_noise(s->salt + 2, 28 * u, 3 * v);
    return fmin(1, fmax(0, 0.5 + 0.4 * ring * (0.6 + 0.4 * s->sharp) + 0.25 * grain));
}

static double grating(const scene *s, double u, double v)
{
    double wave = sin(2 * pi * (u / (0.7 * s->size) + s->phase[0]));
    wave = wave * (1 - s->sharp) + s->sharp * tanh(4 * wave);
    if (s->window > 0)
        wave *= exp(-(u * u + v * v) / (2 * s->window * s->window));
    return 0.5 + 0.5 * wave;
}

static double pattern(const scene *s, size_t category, double u, double v)
{
    switch (category) {
    case 4:
        return checks(s, u, v);
    case 5:
        return dots(s, u, v);
    case 6:
        return wood(s, u, v);
    case 7:
    case 8:
    case 9:
        return grating(s, u, v);
    default:
        return shape(s, category, u, v);
    }
}

/* ---- scenes
 * ----------------------------------------------------------------------------------------- */

static double between(dnb_random *r, double low, double high)
{
    return low + (high - low) * dnb_random_uniform(r);
}

static void choose_color(dnb_random *r, double light, double color[3])
{
    double hue = between(r, 0, 2 * pi), strength = between(r, 0, 0.22);
    for (int k = 0; k < 3; k++)
        color[k] = light + strength * cos(hue - k * 2 * pi / 3);
}

/* Turn in radians: any for shapes and wood; checks lean a little; gratings are what their name
 * says. */
static double choose_turn(dnb_random *r, size_t category)
{
    double any = between(r, -pi, pi), little = between(r, -1, 1), side = dnb_random_uniform(r);
    switch (category) {
    case 4:
        return little * pi / 4;
    case 7:
        return pi / 2 + little * pi / 22; /* stripes lie: the wave runs up */
    case 8:
        return little * pi / 22;
    case 9:
        return (side < 0.5 ? 1 : 3) * pi / 4 + little * pi / 22;
    default:
        return any;
    }
}

/* The same draws in the same order whatever the category is. */
static void choose_scene(scene *s, size_t category, uint64_t seed)
{
    dnb_random r;
    dnb_random_init(&r, seed, category);
    s->salt = dnb_random_u64(&r);
    double middle = between(&r, 0.3, 0.7), contrast = between(&r, 0.2, 0.6);
    if (dnb_random_uniform(&r) < 0.5)
        contrast = -contrast;
    choose_color(&r, middle - 0.5 * contrast, s->back);
    choose_color(&r, middle + 0.5 * contrast, s->fore);
    double turn = choose_turn(&r, category);
    s->c = cos(turn);
    s->s = sin(turn);
    s->size = between(&r, 0.55, 1.15);
    double play = fmax(0, 0.95 - 0.75 * s->size); /* keeps most of a shape inside */
    s->x = between(&r, -play, play);
    s->y = between(&r, -play, play);
    s->phase[0] = dnb_random_uniform(&r);
    s->phase[1] = dnb_random_uniform(&r);
    s->aspect = between(&r, 0.9, 1.1);
    s->inner = dnb_random_uniform(&r) < 0.3 ? between(&r, 0.5, 0.7) : 0;
    s->window = dnb_random_uniform(&r) < 0.4 ? between(&r, 0.4, 0.7) : 0;
    s->sharp = dnb_random_uniform(&r);
    s->light[0] = between(&r, -0.1, 0.1);
    s->light[1] = between(&r, -0.1, 0.1);
    s->blotch = between(&r, 0.02, 0.1);
    s->noise = between(&r, 0.01, 0.06);
}

/* Foreground part of the pixel whose upper left corner is (x, y), from 4 x 4 samples. */
static double coverage(const scene *s, size_t category, double x, double y, double step)
{
    enum { N = 4 };
    double sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double px = x + (j + 0.5) * step / N - s->x, py = y + (i + 0.5) * step / N - s->y;
            sum += pattern(s, category, s->c * px + s->s * py, s->c * py - s->s * px);
        }
    return sum / (N * N);
}

/* ---- public
 * ----------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *group;
} categories[DNB_DRAW_CATEGORIES] = {
    {"circle", "shape"},    {"square", "shape"},       {"triangle", "shape"},
    {"star", "shape"},      {"checks", "texture"},     {"dots", "texture"},
    {"wood", "texture"},    {"horizontal", "grating"}, {"vertical", "grating"},
    {"oblique", "grating"},
};

const char *dnb_draw_name(size_t category)
{
    return category < DNB_DRAW_CATEGORIES ? categories[category].name : NULL;
}

const char *dnb_draw_group(size_t category)
{
    return category < DNB_DRAW_CATEGORIES ? categories[category].group : NULL;
}

dnb_status dnb_draw_stimulus(size_t category, uint64_t seed, size_t size, uint8_t *rgb,
                             dnb_err *err)
{
    if (category >= DNB_DRAW_CATEGORIES)
        return dnb_fail(err, DNB_EARG, "drawn stimulus: category %zu, expected 0 to %d", category,
                        DNB_DRAW_CATEGORIES - 1);
    if (size < 8 || size > 4096)
        return dnb_fail(err, DNB_EARG, "drawn stimulus: size %zu, expected 8 to 4096 pixels", size);
    scene s;
    dnb_random r;
    choose_scene(&s, category, seed);
    dnb_random_init(&r, seed, NOISE_STREAM + category);
    double step = 2.0 / (double)size;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < size; j++) {
            double x = (double)j * step - 1, y = (double)i * step - 1;
            double part = coverage(&s, category, x, y, step);
            double light = s.light[0] * x + s.light[1] * y +
                           s.blotch * smooth_noise(s.salt + 9, 2.5 * x, 2.5 * y);
            for (int k = 0; k < 3; k++) {
                double v = s.back[k] + part * (s.fore[k] - s.back[k]) + light +
                           s.noise * dnb_random_normal(&r);
                *rgb++ = (uint8_t)(255 * fmin(1, fmax(0, v)) + 0.5);
            }
        }
    return DNB_OK;
}
