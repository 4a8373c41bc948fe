/* The inner part of the univariate engine: products of a tile of units and a tile of targets for
 * every fold, scores from them, and the best unit so far. */
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "array/simd.h"
#include "map/univariate_own.h"
#include "stats/standard.h"

enum { TILE_U = 64, TILE_T = 256, TILE_LEAST = 16, TILE_NUMBERS = 1 << 17 /* the cache's */ };

dnb_uv_model dnb_uv_model_of(const dnb_univariate_options *o, const dnb_uv_parts *parts)
{
    dnb_uv_model w = {.correlation = o->kind == DNB_UV_CORR,
                      .absolute = o->absolute && o->kind == DNB_UV_CORR,
                      .scoring = o->scoring,
                      .alpha = o->kind == DNB_UV_LASSO ? o->alpha : 0,
                      .tile_u = TILE_U,
                      .tile_t = TILE_T};
    for (size_t f = 0; f < parts->k; f++)
        w.wide += parts->start[f + 1] - parts->start[f] > 1;
    while ((w.wide + 3) * w.tile_u * w.tile_t > TILE_NUMBERS && w.tile_u > TILE_LEAST) {
        if (w.tile_t > w.tile_u)
            w.tile_t /= 2;
        else
            w.tile_u /= 2;
    }
    return w;
}

size_t dnb_uv_tile_scratch(const dnb_uv_model *w)
{
    return ((w->wide + 3) * w->tile_u + 4) * w->tile_t;
}

/* A fold as seen from one unit. */
typedef struct unit_fold {
    double n;             /* rows tested */
    double cross;         /* n_test n_train / n times gap */
    double gap, test;     /* of the unit */
    double length;        /* 1 / sqrt(test), 0 for a constant */
    double slope_per_sum; /* 1 / train, 0 for a constant */
    double threshold;     /* lasso: n_train alpha */
} unit_fold;

static double inverse(double x)
{
    double y = x > 0 ? 1 / x : 0;
    return isfinite(y) ? y : 0;
}

static unit_fold unit_fold_of(const dnb_uv_model *w, const dnb_uv_side *x, size_t f, size_t u)
{
    const dnb_uv_parts *p = x->parts;
    double n = (double)(p->start[f + 1] - p->start[f]), train = (double)p->n - n;
    double gap = x->gap[f * x->room + u], test = x->test[f * x->room + u];
    return (unit_fold){.n = n,
                       .cross = n * train / (double)p->n * gap,
                       .gap = gap,
                       .test = test,
                       .length = sqrt(inverse(test)),
                       .slope_per_sum = inverse(x->train[f * x->room + u]),
                       .threshold = train * w->alpha};
}

static double slope_of(const unit_fold *u, double sum)
{
    double size = fabs(sum) - u->threshold;
    return copysign(size > 0 ? size : 0, sum) * u->slope_per_sum;
}

/* slope = soft((all - c - cross * gap), threshold) / train. */
static DNB_SIMD void slope_row(double *restrict slope, const double *restrict all,
                               const double *restrict c, const double *restrict gap, unit_fold u,
                               size_t n)
{
    for (size_t t = 0; t < n; t++) {
        double sum = all[t] - c[t] - u.cross * gap[t], size = fabs(sum) - u.threshold;
        slope[t] = copysign(size > 0 ? size : 0, sum) * u.slope_per_sum;
    }
}

static DNB_SIMD void variance_row(double *restrict s, const double *restrict slope,
                                  const double *restrict c, const double *restrict weight,
                                  unit_fold u, size_t n)
{
    for (size_t t = 0; t < n; t++)
        s[t] = slope[t] * (2 * c[t] - slope[t] * u.test) * weight[t];
}

static DNB_SIMD void r2_row(double *restrict s, const double *restrict slope,
                            const double *restrict c, const double *restrict weight,
                            const double *restrict gap, unit_fold u, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        double off = gap[t] - slope[t] * u.gap;
        s[t] = (slope[t] * (2 * c[t] - slope[t] * u.test) - u.n * off * off) * weight[t];
    }
}

static DNB_SIMD void error_row(double *restrict s, const double *restrict slope,
                               const double *restrict c, const double *restrict test,
                               const double *restrict gap, unit_fold u, size_t n)
{
    double share = 1 / u.n;
    for (size_t t = 0; t < n; t++) {
        double off = gap[t] - slope[t] * u.gap;
        s[t] = (slope[t] * (2 * c[t] - slope[t] * u.test) - test[t]) * share - off * off;
    }
}

/* r of x and y with the sign of the slope: what predictions correlate. */
static DNB_SIMD void sign_row(double *restrict s, const double *restrict slope,
                              const double *restrict r, const double *restrict weight,
                              double length, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        double v = r[t] * length * weight[t];
        s[t] = slope[t] > 0 ? v : slope[t] < 0 ? -v : 0;
    }
}

static DNB_SIMD void add_row(double *restrict sum, const double *restrict s, size_t n)
{
    for (size_t t = 0; t < n; t++)
        sum[t] += s[t];
}

static DNB_SIMD void best_row(double *restrict best, double *restrict where,
                              const double *restrict mean, double unit, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        double size = fabs(best[t]);
        int up = mean[t] > best[t] + DNB_UV_TIE * (size > 1 ? size : 1);
        best[t] = up ? mean[t] : best[t];
        where[t] = up ? unit : where[t];
    }
}

/* One pair and fold, for targets that are constant somewhere and for the final scores. c: the sum
 * of products over the rows tested, or their rank correlation for spearman. */
static double score_of(const dnb_uv_model *w, const unit_fold *u, double slope, double c,
                       double gap, double test)
{
    double off = gap - slope * u->gap, gain = slope * (2 * c - slope * u->test);
    double flat = slope * slope * u->test; /* lost on a constant target */
    double sign = (double)((slope > 0) - (slope < 0));
    switch (w->scoring) {
    case DNB_SCORE_EXPLAINED_VARIANCE:
        return test > 0 ? gain * inverse(test) : flat > 0 ? 0 : 1;
    case DNB_SCORE_R2:
        flat += u->n * off * off;
        return test > 0 ? (gain - u->n * off * off) * inverse(test) : flat > 0 ? 0 : 1;
    case DNB_SCORE_NEG_MSE:
        return (gain - test) / u->n - off * off;
    case DNB_SCORE_CORRELATION:
        return sign * c * u->length * sqrt(inverse(test));
    default: /* spearman */
        return sign * c;
    }
}

/* What a tile works with: scratch laid out, and where the fold's numbers of the targets are. */
typedef struct work {
    const dnb_uv_tile *tile;
    double *products; /* wide parts x tile_u x tile_t */
    double *all, *ranks, *mean;
    double *slope, *score, *weight, *zeros; /* rows */
} work;

static work work_of(const dnb_uv_model *w, const dnb_uv_tile *tile, double *scratch)
{
    size_t area = w->tile_u * w->tile_t;
    work k = {.tile = tile, .products = scratch};
    k.all = k.products + w->wide * area;
    k.ranks = k.all + area;
    k.mean = k.ranks + area;
    k.slope = k.mean + area;
    k.score = k.slope + w->tile_t;
    k.weight = k.score + w->tile_t;
    k.zeros = k.weight + w->tile_t;
    memset(k.mean, 0, area * sizeof *k.mean);
    memset(k.zeros, 0, w->tile_t * sizeof *k.zeros);
    return k;
}

/* out (tile_u x tile_t) = products over n numbers of each variable, `ld` apart. */
static void multiply(double *out, const dnb_uv_model *w, const dnb_uv_tile *t, const double *x,
                     const double *y, size_t n, size_t ld)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)t->n_u, (int)t->n_t, (int)n, 1.0,
                x + t->u * ld, (int)ld, y + t->t * ld, (int)ld, 0.0, out, (int)w->tile_t);
}

/* Products over each part, and over all rows: the parts' plus what their means make. */
static void take_products(const dnb_uv_model *w, work *k)
{
    const dnb_uv_side *x = k->tile->x, *y = k->tile->y;
    const dnb_uv_parts *p = x->parts;
    double *out = k->products;
    multiply(k->all, w, k->tile, x->step, y->step, p->k, p->k);
    for (size_t f = 0; f < p->k; f++) {
        size_t at = p->start[f], n = p->start[f + 1] - at;
        if (n < 2)
            continue;
        multiply(out, w, k->tile, x->dev + at, y->dev + at, n, p->n);
        for (size_t u = 0; u < k->tile->n_u; u++)
            add_row(k->all + u * w->tile_t, out + u * w->tile_t, k->tile->n_t);
        out += w->tile_u * w->tile_t;
    }
}

/* What scores are divided by, by target. */
static void take_weights(const dnb_uv_model *w, work *k, const double *test)
{
    for (size_t t = 0; t < k->tile->n_t; t++) {
        double inv = w->scoring == DNB_SCORE_SPEARMAN ? 1 : inverse(test[t]);
        k->weight[t] = w->scoring == DNB_SCORE_CORRELATION ? sqrt(inv) : inv;
    }
}

static void score_row(const dnb_uv_model *w, work *k, const unit_fold *u, const double *c,
                      const double *ranks, const double *gap, const double *test)
{
    size_t n = k->tile->n_t;
    switch (w->scoring) {
    case DNB_SCORE_EXPLAINED_VARIANCE:
        variance_row(k->score, k->slope, c, k->weight, *u, n);
        break;
    case DNB_SCORE_R2:
        r2_row(k->score, k->slope, c, k->weight, gap, *u, n);
        break;
    case DNB_SCORE_NEG_MSE:
        error_row(k->score, k->slope, c, test, gap, *u, n);
        break;
    case DNB_SCORE_CORRELATION:
        sign_row(k->score, k->slope, c, k->weight, u->length, n);
        break;
    default:
        sign_row(k->score, k->slope, ranks, k->weight, 1, n);
    }
}

/* Scores anew the targets that do not vary where the fold trains (no slope) or tests. */
static void mend_constants(const dnb_uv_model *w, work *k, const unit_fold *u, const double *c,
                           const double *ranks, const double *gap, const double *test,
                           const double *train)
{
    for (size_t t = 0; t < k->tile->n_t; t++)
        if (test[t] <= 0 || train[t] <= 0)
            k->score[t] =
                score_of(w, u, train[t] > 0 ? k->slope[t] : 0,
                         w->scoring == DNB_SCORE_SPEARMAN ? ranks[t] : c[t], gap[t], test[t]);
}

static bool any_constant(const double *test, const double *train, size_t n)
{
    for (size_t t = 0; t < n; t++)
        if (test[t] <= 0 || train[t] <= 0)
            return true;
    return false;
}

/* Adds fold f's scores to the means. products: the part's, NULL for a part of one row. */
static void score_fold(const dnb_uv_model *w, work *k, size_t f, const double *products)
{
    const dnb_uv_tile *tile = k->tile;
    const dnb_uv_side *x = tile->x, *y = tile->y;
    const dnb_uv_parts *p = x->parts;
    const size_t at = f * y->room + tile->t, ld = w->tile_t;
    const double *gap = y->gap + at, *test = y->test + at, *train = y->train + at;
    const bool mend = any_constant(test, train, tile->n_t);
    take_weights(w, k, test);
    if (w->scoring == DNB_SCORE_SPEARMAN)
        multiply(k->ranks, w, tile, x->rank + p->start[f], y->rank + p->start[f],
                 p->start[f + 1] - p->start[f], p->n);
    for (size_t u = 0; u < tile->n_u; u++) {
        const double *c = products ? products + u * ld : k->zeros, *ranks = k->ranks + u * ld;
        unit_fold unit = unit_fold_of(w, x, f, tile->u + u);
        slope_row(k->slope, k->all + u * ld, c, gap, unit, tile->n_t);
        score_row(w, k, &unit, c, ranks, gap, test);
        if (mend)
            mend_constants(w, k, &unit, c, ranks, gap, test, train);
        add_row(k->mean + u * ld, k->score, tile->n_t);
    }
}

/* Sums over folds become means; the best of them is kept. */
static void keep_best(const dnb_uv_model *w, work *k, double folds)
{
    const dnb_uv_tile *tile = k->tile;
    double *best = tile->best + tile->t, *where = tile->where + tile->t;
    for (size_t t = 0; t < tile->n_t; t++) {
        best[t] = -DBL_MAX;
        where[t] = (double)tile->u;
    }
    for (size_t u = 0; u < tile->n_u; u++) {
        double *mean = k->mean + u * w->tile_t;
        for (size_t t = 0; t < tile->n_t; t++)
            mean[t] /= folds;
        if (tile->all)
            memcpy(tile->all + u * tile->stride, mean, tile->n_all * sizeof *mean);
        for (size_t t = 0; w->absolute && t < tile->n_t; t++)
            mean[t] = fabs(mean[t]);
        best_row(best, where, mean, (double)(tile->u + u), tile->n_t);
    }
}

void dnb_uv_tile_run(const dnb_uv_model *w, const dnb_uv_tile *tile, double *scratch)
{
    work k = work_of(w, tile, scratch);
    const dnb_uv_parts *p = tile->x->parts;
    if (w->correlation) {
        multiply(k.mean, w, tile, tile->x->dev, tile->y->dev, p->n, p->n);
        keep_best(w, &k, 1);
        return;
    }
    const double *products = k.products;
    take_products(w, &k);
    for (size_t f = 0; f < p->k; f++) {
        bool wide = p->start[f + 1] - p->start[f] > 1;
        score_fold(w, &k, f, wide ? products : NULL);
        products += wide ? w->tile_u * w->tile_t : 0;
    }
    keep_best(w, &k, (double)p->k);
}

/* Number, means and sum of products of deviations of some rows. */
typedef struct comoments {
    double n, x, y, sum;
} comoments;

static comoments merge(comoments a, comoments b)
{
    if (a.n == 0 || b.n == 0)
        return a.n == 0 ? b : a;
    double n = a.n + b.n, x = b.x - a.x, y = b.y - a.y;
    return (comoments){n, a.x + x * (b.n / n), a.y + y * (b.n / n),
                       a.sum + b.sum + x * y * (a.n * b.n / n)};
}

static comoments part_of(const dnb_uv_side *x, size_t u, const dnb_uv_side *y, size_t t, size_t f)
{
    const dnb_uv_parts *p = x->parts;
    size_t at = p->start[f], n = p->start[f + 1] - at;
    double root = sqrt((double)n);
    return (comoments){(double)n, x->step[u * p->k + f] / root, y->step[t * p->k + f] / root,
                       dnb_dot(x->dev + u * p->n + at, y->dev + t * p->n + at, n)};
}

void dnb_uv_pair(double *score, size_t stride, const dnb_uv_model *w, const dnb_uv_side *x,
                 size_t u, const dnb_uv_side *y, size_t t, double *scratch)
{
    const dnb_uv_parts *p = x->parts;
    comoments before = {0, 0, 0, 0}, *after = (comoments *)(void *)scratch;
    if (w->correlation) {
        *score = dnb_dot(x->dev + u * p->n, y->dev + t * p->n, p->n);
        return;
    }
    after[p->k - 1] = before;
    for (size_t f = p->k; f-- > 1;)
        after[f - 1] = merge(part_of(x, u, y, t, f), after[f]);
    for (size_t f = 0; f < p->k; f++) {
        comoments part = part_of(x, u, y, t, f);
        unit_fold unit = unit_fold_of(w, x, f, u);
        double slope = slope_of(&unit, merge(before, after[f]).sum), c = part.sum;
        if (w->scoring == DNB_SCORE_SPEARMAN)
            c = dnb_dot(x->rank + u * p->n + p->start[f], y->rank + t * p->n + p->start[f],
                        p->start[f + 1] - p->start[f]);
        if (y->train[f * y->room + t] <= 0)
            slope = 0;
        score[f * stride] =
            score_of(w, &unit, slope, c, y->gap[f * y->room + t], y->test[f * y->room + t]);
        before = merge(before, part);
    }
}
