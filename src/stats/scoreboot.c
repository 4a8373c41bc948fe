/* Intervals of scores by drawing stimuli again. A draw is a vector of weights, and every score
 * here follows from five weighted sums, so all draws of all targets are one matrix product. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "dnnbrain/correlation.h"
#include "dnnbrain/inference.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/random.h"
#include "dnnbrain/runtime.h"
#include "stats/student.h"

enum { SUM_Y, SUM_P, SUM_YY, SUM_PP, SUM_YP, SUMS };

typedef struct draws {
    size_t n, n_units, n_boot;
    size_t *unit;    /* of each row */
    double *weights; /* n_boot x n */
    double *total;   /* n_boot: sum of a draw's weights */
} draws;

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Which unit is drawn with which row. */
static dnb_status find_units(draws *d, const int64_t *groups, dnb_err *err)
{
    dnb_status status = DNB_OK;
    int64_t *ids = NULL;
    DNB_NEW(d->unit, d->n, "groups");
    DNB_NEW(ids, d->n, "groups");
    for (size_t i = 0; i < d->n; i++)
        ids[i] = groups ? groups[i] : (int64_t)i;
    qsort(ids, d->n, sizeof *ids, compare_ids);
    d->n_units = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->n_units == 0 || ids[i] != ids[d->n_units - 1])
            ids[d->n_units++] = ids[i];
    for (size_t i = 0; i < d->n; i++) {
        int64_t id = groups ? groups[i] : (int64_t)i;
        const int64_t *at = bsearch(&id, ids, d->n_units, sizeof *ids, compare_ids);
        d->unit[i] = (size_t)(at - ids);
    }
    if (d->n_units < 4)
        status = dnb_fail(err, DNB_EARG, "an interval over %s needs at least four of them, not %zu",
                          groups ? "groups" : "stimuli", d->n_units);
done:
    dnb_free(ids);
    return status;
}

static dnb_status draws_init(draws *d, size_t n, const int64_t *groups, size_t n_boot,
                             uint64_t seed, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *count = NULL;
    *d = (draws){.n = n, .n_boot = n_boot};
    DNB_TRY(find_units(d, groups, err));
    DNB_NEW(d->weights, n_boot * n, "bootstrap weights");
    DNB_NEW(d->total, n_boot, "bootstrap weights");
    DNB_NEW(count, d->n_units, "bootstrap weights");
    for (size_t b = 0; b < n_boot; b++) {
        dnb_random random;
        dnb_random_init(&random, seed, b);
        for (size_t u = 0; u < d->n_units; u++)
            count[u] = 0;
        for (size_t u = 0; u < d->n_units; u++)
            count[dnb_random_below(&random, d->n_units)]++;
        for (size_t i = 0; i < n; i++) {
            d->weights[b * n + i] = count[d->unit[i]];
            d->total[b] += count[d->unit[i]];
        }
    }
done:
    dnb_free(count);
    return status;
}

static void draws_release(draws *d)
{
    dnb_free(d->unit);
    dnb_free(d->weights);
    dnb_free(d->total);
}

/* The score from weighted sums, on the scale where it is nearest to normal; NaN or infinite when
 * the draw leaves none. */
static double on_scale(dnb_scoring scoring, const double *s, double w)
{
    double yy = s[SUM_YY] - s[SUM_Y] * s[SUM_Y] / w, pp = s[SUM_PP] - s[SUM_P] * s[SUM_P] / w;
    double yp = s[SUM_YP] - s[SUM_Y] * s[SUM_P] / w;
    double squares = s[SUM_YY] - 2 * s[SUM_YP] + s[SUM_PP];
    switch (scoring) {
    case DNB_SCORE_R2:
        return log(squares / yy);
    case DNB_SCORE_NEG_MSE:
        return log(squares / w);
    case DNB_SCORE_EXPLAINED_VARIANCE:
        return log((yy - 2 * yp + pp) / yy);
    default:
        return atanh(yp / sqrt(yy * pp));
    }
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

/* z of one target: that of all rows, and its draws' sums `s` at distance ld. */
static dnb_interval interval_of(dnb_scoring scoring, double z0, const double *s, size_t ld,
                                const draws *d, double level, double scale2)
{
    size_t used = 0;
    double mean = 0, ss = 0, units = (double)d->n_units;
    for (size_t b = 0; b < d->n_boot; b++) {
        double z = on_scale(scoring, s + b * ld, d->total[b]);
        if (!isfinite(z))
            continue;
        double off = z - mean; /* Welford */
        mean += off / (double)++used;
        ss += off * (z - mean);
    }
    dnb_interval r = {off_scale(scoring, z0, scale2), NAN, NAN};
    if (used < 2 || !isfinite(z0))
        return r;
    double half = dnb_student_quantile(0.5 + level / 2, units - 2) *
                  sqrt(ss / (double)(used - 1) * units / (units - 1));
    double a = off_scale(scoring, z0 - half, scale2), b = off_scale(scoring, z0 + half, scale2);
    r.lo = fmin(a, b);
    r.hi = fmax(a, b);
    return r;
}

/* The five columns of target t, centred and scaled by y (each by itself where only r matters). */
static double fill_columns(double *columns, size_t ld, const double *y, const double *p, size_t n,
                           size_t m, bool each)
{
    double my = 0, mp = 0, sy = 0, sp = 0;
    for (size_t i = 0; i < n; i++) {
        my += y[i * m] / (double)n;
        mp += p[i * m] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        sy += (y[i * m] - my) * (y[i * m] - my) / (double)n;
        sp += (p[i * m] - mp) * (p[i * m] - mp) / (double)n;
    }
    double cy = sy > 0 ? 1 / sqrt(sy) : 1, cp = !each ? cy : sp > 0 ? 1 / sqrt(sp) : 1;
    for (size_t i = 0; i < n; i++) {
        double a = (y[i * m] - my) * cy, b = (p[i * m] - (each ? mp : my)) * cp;
        double *c = columns + i * ld;
        c[SUM_Y] = a;
        c[SUM_P] = b;
        c[SUM_YY] = a * a;
        c[SUM_PP] = b * b;
        c[SUM_YP] = a * b;
    }
    return sy > 0 ? sy : 1;
}

typedef struct block {
    double *columns; /* n x (targets SUMS) */
    double *sums;    /* n_boot x (targets SUMS) */
    double *whole;   /* targets SUMS: of all rows */
    double *scale2;  /* targets */
} block;

static dnb_status run_block(dnb_interval *out, const double *y, const double *p, size_t m,
                            size_t targets, const draws *d, const dnb_bootstrap_options *o,
                            block *k, dnb_err *err)
{
    const dnb_matmul_options plain = DNB_MATMUL_DEFAULTS;
    const size_t ld = targets * SUMS;
    const bool each = o->scoring == DNB_SCORE_CORRELATION || o->scoring == DNB_SCORE_SPEARMAN;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < targets; t++) {
        k->scale2[t] = fill_columns(k->columns + t * SUMS, ld, y + t, p + t, d->n, m, each);
        for (size_t s = 0; s < SUMS; s++) {
            k->whole[t * SUMS + s] = 0;
            for (size_t i = 0; i < d->n; i++)
                k->whole[t * SUMS + s] += k->columns[i * ld + t * SUMS + s];
        }
    }
    dnb_status status =
        dnb_matmul(k->sums, ld, d->weights, d->n, k->columns, ld, d->n_boot, ld, d->n, &plain, err);
    if (status != DNB_OK)
        return status;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < targets; t++)
        out[t] = interval_of(o->scoring, on_scale(o->scoring, k->whole + t * SUMS, (double)d->n),
                             k->sums + t * SUMS, ld, d, o->level, k->scale2[t]);
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
    size_t step = o.memory / 2 / ((n + o.n_boot + 2) * SUMS * sizeof(double));
    step = step < 1 ? 1 : step > 256 ? 256 : step;
    DNB_NEW(k.columns, n * step * SUMS, "bootstrap columns");
    DNB_NEW(k.sums, o.n_boot * step * SUMS, "bootstrap sums");
    DNB_NEW(k.whole, step * SUMS, "bootstrap sums");
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
    dnb_free(ranked_y);
    dnb_free(ranked_p);
    dnb_free(value);
    return status;
}
