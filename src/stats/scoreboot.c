/* Intervals of scores by drawing stimuli again: bootstrap-t. A draw is a vector of counts, a score
 * follows from six sums over the units drawn, and the score's standard error (the infinitesimal
 * jackknife's) from the 21 sums of their products, so all draws of all targets are one matrix
 * product. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "dnnbrain/correlation.h"
#include "dnnbrain/inference.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "stats/distinct.h"
#include "stats/order.h"

enum { SUM_W, SUM_Y, SUM_P, SUM_YY, SUM_PP, SUM_YP, SUMS, COLUMNS = SUMS + SUMS * (SUMS + 1) / 2 };

typedef struct draws {
    size_t n, n_units, n_boot;
    size_t *unit;   /* of each row */
    double *counts; /* n_boot x n_units: how often each unit was drawn */
} draws;

/* Which unit is drawn with which row. */
static dnb_status find_units(draws *d, const int64_t *groups, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(d->unit, d->n, "groups");
    d->n_units = d->n;
    for (size_t i = 0; i < d->n; i++)
        d->unit[i] = i;
    if (groups)
        DNB_TRY(dnb_distinct(d->unit, &d->n_units, groups, d->n, err));
    if (d->n_units < 4)
        status = dnb_fail(err, DNB_EARG, "an interval over %s needs at least four of them, not %zu",
                          groups ? "groups" : "stimuli", d->n_units);
done:
    return status;
}

static dnb_status draws_init(draws *d, size_t n, const int64_t *groups, size_t n_boot,
                             uint64_t seed, dnb_err *err)
{
    dnb_status status = DNB_OK;
    *d = (draws){.n = n, .n_boot = n_boot};
    DNB_TRY(find_units(d, groups, err));
    DNB_NEW(d->counts, n_boot * d->n_units, "bootstrap draws");
    for (size_t b = 0; b < n_boot; b++) {
        dnb_random random;
        dnb_random_init(&random, seed, b);
        for (size_t u = 0; u < d->n_units; u++)
            d->counts[b * d->n_units + dnb_random_below(&random, d->n_units)]++;
    }
done:
    return status;
}

static void draws_release(draws *d)
{
    dnb_free(d->unit);
    dnb_free(d->counts);
}

/* A score on the scale where it is nearest to normal, and its standard error there; NaN or infinite
 * where there is none. */
typedef struct estimate {
    double z, se;
} estimate;

/* Adds f times the gradient of A = sum (y - mean y)^2, of B for p, or of C for both. */
static void add_gradient(double *g, double f, const double *s, int first, int second, int product)
{
    double w = s[SUM_W];
    g[product] += f;
    g[first] -= f * s[second] / w;
    g[second] -= f * s[first] / w;
    g[SUM_W] += f * s[first] * s[second] / (w * w);
}

/* z from the sums s, and its gradient g with respect to them. */
static double on_scale(dnb_scoring scoring, const double *s, double *g)
{
    double w = s[SUM_W];
    double a = s[SUM_YY] - s[SUM_Y] * s[SUM_Y] / w, b = s[SUM_PP] - s[SUM_P] * s[SUM_P] / w;
    double c = s[SUM_YP] - s[SUM_Y] * s[SUM_P] / w;
    double squares = s[SUM_YY] - 2 * s[SUM_YP] + s[SUM_PP], rest = a - 2 * c + b;
    for (size_t k = 0; k < SUMS; k++)
        g[k] = 0;
    if (scoring == DNB_SCORE_R2 || scoring == DNB_SCORE_NEG_MSE) {
        g[SUM_YY] = g[SUM_PP] = 1 / squares;
        g[SUM_YP] = -2 / squares;
    }
    if (scoring == DNB_SCORE_NEG_MSE) {
        g[SUM_W] = -1 / w;
        return log(squares / w);
    }
    if (scoring == DNB_SCORE_R2) {
        add_gradient(g, -1 / a, s, SUM_Y, SUM_Y, SUM_YY);
        return log(squares / a);
    }
    if (scoring == DNB_SCORE_EXPLAINED_VARIANCE) {
        add_gradient(g, 1 / rest - 1 / a, s, SUM_Y, SUM_Y, SUM_YY);
        add_gradient(g, 1 / rest, s, SUM_P, SUM_P, SUM_PP);
        add_gradient(g, -2 / rest, s, SUM_Y, SUM_P, SUM_YP);
        return log(rest / a);
    }
    double r = c / sqrt(a * b), f = 1 / (1 - r * r);
    add_gradient(g, -f * r / (2 * a), s, SUM_Y, SUM_Y, SUM_YY);
    add_gradient(g, -f * r / (2 * b), s, SUM_P, SUM_P, SUM_PP);
    add_gradient(g, f / sqrt(a * b), s, SUM_Y, SUM_P, SUM_YP);
    return atanh(r);
}

/* Every z is homogeneous of degree 0 in the sums, so a unit's influence is g . x without a mean. */
static estimate estimate_of(dnb_scoring scoring, const double *s)
{
    double g[SUMS], variance = 0;
    estimate e = {.z = on_scale(scoring, s, g)};
    const double *product = s + SUMS;
    for (size_t k = 0; k < SUMS; k++)
        for (size_t l = k; l < SUMS; l++)
            variance += (k == l ? 1 : 2) * g[k] * g[l] * *product++;
    e.se = sqrt(variance);
    return e;
}

/* The score of z; scale2 = the variance the target was divided by. */
static double off_scale(dnb_scoring scoring, double z, double scale2)
{
    switch (scoring) {
    case DNB_SCORE_R2:
    case DNB_SCORE_EXPLAINED_VARIANCE:
        return 1 - exp(z);
    case DNB_SCORE_NEG_MSE:
        return -exp(z) * scale2;
    default:
        return tanh(z);
    }
}

/* One target: all rows' sums, and the draws' at distance ld; t: room for n_boot. */
static dnb_interval interval_of(const dnb_bootstrap_options *o, const double *whole,
                                const double *s, size_t ld, size_t n_boot, double scale2, double *t)
{
    size_t used = 0;
    estimate all = estimate_of(o->scoring, whole);
    dnb_interval r = {off_scale(o->scoring, all.z, scale2), NAN, NAN};
    for (size_t b = 0; b < n_boot; b++) {
        estimate e = estimate_of(o->scoring, s + b * ld);
        double one = (e.z - all.z) / e.se;
        if (isfinite(one))
            t[used++] = one;
    }
    if (used < 2 || !isfinite(all.z) || !isfinite(all.se))
        return r;
    qsort(t, used, sizeof *t, dnb_compare_doubles);
    double a = all.z - dnb_quantile_draws(t, used, 0.5 + o->level / 2) * all.se,
           b = all.z - dnb_quantile_draws(t, used, 0.5 - o->level / 2) * all.se;
    a = off_scale(o->scoring, a, scale2);
    b = off_scale(o->scoring, b, scale2);
    r.lo = fmin(a, b);
    r.hi = fmax(a, b);
    return r;
}

/* Target t's sums of every unit and their products, from y and p centred and scaled by y (each by
 * itself where only r matters). Returns the variance y was divided by. */
static double fill_columns(double *columns, size_t ld, const double *y, const double *p, size_t m,
                           const draws *d, bool each)
{
    double my = 0, mp = 0, sy = 0, sp = 0, n = (double)d->n;
    for (size_t i = 0; i < d->n; i++) {
        my += y[i * m] / n;
        mp += p[i * m] / n;
    }
    for (size_t i = 0; i < d->n; i++) {
        sy += (y[i * m] - my) * (y[i * m] - my) / n;
        sp += (p[i * m] - mp) * (p[i * m] - mp) / n;
    }
    double cy = sy > 0 ? 1 / sqrt(sy) : 1, cp = !each ? cy : sp > 0 ? 1 / sqrt(sp) : 1;
    for (size_t u = 0; u < d->n_units; u++)
        for (size_t k = 0; k < SUMS; k++)
            columns[u * ld + k] = 0;
    for (size_t i = 0; i < d->n; i++) {
        double a = (y[i * m] - my) * cy, b = (p[i * m] - (each ? mp : my)) * cp;
        double *c = columns + d->unit[i] * ld;
        c[SUM_W] += 1;
        c[SUM_Y] += a;
        c[SUM_P] += b;
        c[SUM_YY] += a * a;
        c[SUM_PP] += b * b;
        c[SUM_YP] += a * b;
    }
    for (size_t u = 0; u < d->n_units; u++) {
        double *c = columns + u * ld, *product = c + SUMS;
        for (size_t k = 0; k < SUMS; k++)
            for (size_t l = k; l < SUMS; l++)
                *product++ = c[k] * c[l];
    }
    return sy > 0 ? sy : 1;
}

typedef struct block {
    double *columns; /* n_units x (targets COLUMNS) */
    double *sums;    /* n_boot x (targets COLUMNS) */
    double *whole;   /* targets x COLUMNS: of all units */
    double *scale2;  /* targets */
    double *t;       /* targets x n_boot */
} block;

static dnb_status run_block(dnb_interval *out, const double *y, const double *p, size_t m,
                            size_t targets, const draws *d, const dnb_bootstrap_options *o,
                            block *k, dnb_err *err)
{
    const dnb_matmul_options plain = DNB_MATMUL_DEFAULTS;
    const size_t ld = targets * COLUMNS;
    const bool each = o->scoring == DNB_SCORE_CORRELATION || o->scoring == DNB_SCORE_SPEARMAN;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < targets; t++) {
        double *columns = k->columns + t * COLUMNS, *whole = k->whole + t * COLUMNS;
        k->scale2[t] = fill_columns(columns, ld, y + t, p + t, m, d, each);
        for (size_t s = 0; s < COLUMNS; s++) {
            whole[s] = 0;
            for (size_t u = 0; u < d->n_units; u++)
                whole[s] += columns[u * ld + s];
        }
    }
    dnb_status status = dnb_matmul(k->sums, ld, d->counts, d->n_units, k->columns, ld, d->n_boot,
                                   ld, d->n_units, &plain, err);
    if (status != DNB_OK)
        return status;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < targets; t++)
        out[t] = interval_of(o, k->whole + t * COLUMNS, k->sums + t * COLUMNS, ld, d->n_boot,
                             k->scale2[t], k->t + t * d->n_boot);
    return DNB_OK;
}

/* Each column of x by its ranks. */
static dnb_status rank_columns(double **out, const double *x, size_t n, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *ranks = NULL, *column = NULL, *rank = NULL;
    DNB_NEW(ranks, n * m, "ranks");
    DNB_NEW(column, n, "ranks");
    DNB_NEW(rank, n, "ranks");
    for (size_t t = 0; t < m; t++) {
        for (size_t i = 0; i < n; i++)
            column[i] = x[i * m + t];
        DNB_TRY(dnb_rank(rank, column, n, err));
        for (size_t i = 0; i < n; i++)
            ranks[i * m + t] = rank[i];
    }
    *out = ranks;
    ranks = NULL;
done:
    dnb_free(ranks);
    dnb_free(column);
    dnb_free(rank);
    return status;
}

static dnb_status check(const double *y, const double *p, size_t n, size_t m,
                        const dnb_bootstrap_options *o, dnb_err *err)
{
    if (dnb_scoring_is_label(o->scoring))
        return dnb_fail(err, DNB_EARG, "no bootstrap interval for %s; use a proportion's",
                        dnb_scoring_name(o->scoring));
    if (o->n_boot < 2 || !(o->level > 0 && o->level < 1))
        return dnb_fail(err, DNB_EARG,
                        "an interval needs two draws and a level between 0 and 1, not %zu and %g",
                        o->n_boot, o->level);
    for (size_t i = 0; i < n * m; i++)
        if (!isfinite(y[i]) || !isfinite(p[i]))
            return dnb_fail(err, DNB_EARG,
                            "row %zu of target %zu is not finite; an interval needs numbers",
                            i / m + 1, i % m + 1);
    return DNB_OK;
}

dnb_status dnb_score_interval_run(dnb_interval *out, const double *y, const double *yhat, size_t n,
                                  size_t m, const dnb_bootstrap_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_bootstrap_options o = *opt;
    draws d = {0};
    block k = {0};
    double *ranked_y = NULL, *ranked_p = NULL, *value = NULL;
    o.n_boot = o.n_boot ? o.n_boot : 1000;
    o.level = o.level != 0 ? o.level : 0.95;
    o.memory = o.memory ? o.memory : dnb_memory_budget();
    DNB_TRY(check(y, yhat, n, m, &o, err));
    DNB_NEW(value, m, "scores");
    DNB_TRY(dnb_score_columns(value, o.scoring, y, yhat, n, m, err));
    if (o.scoring == DNB_SCORE_SPEARMAN) {
        DNB_TRY(rank_columns(&ranked_y, y, n, m, err));
        DNB_TRY(rank_columns(&ranked_p, yhat, n, m, err));
        y = ranked_y;
        yhat = ranked_p;
    }
    DNB_TRY(draws_init(&d, n, o.groups, o.n_boot, o.seed, err));
    size_t step = o.memory / 2 / ((n + o.n_boot + 2) * COLUMNS * sizeof(double));
    step = step < 1 ? 1 : step > 128 ? 128 : step > m ? m : step;
    DNB_NEW(k.columns, d.n_units * step * COLUMNS, "bootstrap columns");
    DNB_NEW(k.sums, o.n_boot * step * COLUMNS, "bootstrap sums");
    DNB_NEW(k.whole, step * COLUMNS, "bootstrap sums");
    DNB_NEW(k.t, step * o.n_boot, "bootstrap draws");
    DNB_NEW(k.scale2, step, "bootstrap sums");
    for (size_t t = 0; t < m; t += step) {
        size_t targets = m - t < step ? m - t : step;
        DNB_TRY(run_block(out + t, y + t, yhat + t, m, targets, &d, &o, &k, err));
        for (size_t j = t; j < t + targets; j++)
            out[j].value = value[j];
    }
done:
    draws_release(&d);
    dnb_free(k.columns);
    dnb_free(k.sums);
    dnb_free(k.whole);
    dnb_free(k.scale2);
    dnb_free(k.t);
    dnb_free(ranked_y);
    dnb_free(ranked_p);
    dnb_free(value);
    return status;
}
