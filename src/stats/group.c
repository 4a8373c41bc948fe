/* Group statistics: tiles of targets go to the processors, each with its moments, its interval and
 * its sums under all sign patterns. */
#include "dnnbrain/group.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/inference.h"
#include "stats/group_own.h"
#include "stats/order.h"
#include "stats/student.h"

enum { LANES = DNB_GROUP_LANES };

/* Sums of patterns and targets between two looks at the progress hook. */
static const double piece = 1e8;

typedef struct work {
    const double *x;
    size_t n, m, n_used;
    size_t *used; /* targets without a NaN */
    const dnb_group_options *o;
    double level, quantile; /* Student's */
    dnb_flips flips;
    dnb_redraws draws;
    size_t threads, scratch; /* numbers of each thread's */
    double *space;
    double *largest; /* threads x patterns */
    double *seen;    /* m: the statistic as it is */
} work;

static void work_release(work *w)
{
    dnb_free(w->used);
    dnb_flips_release(&w->flips);
    dnb_redraws_release(&w->draws);
    dnb_free(w->space);
    dnb_free(w->largest);
    dnb_free(w->seen);
}

void dnb_group_release(dnb_group *g)
{
    dnb_free(g->mean);
    dnb_free(g->sd);
    dnb_free(g->t);
    dnb_free(g->p);
    dnb_free(g->p_max);
    dnb_free(g->q);
    dnb_free(g->low);
    dnb_free(g->high);
    *g = (dnb_group){0};
}

static dnb_status group_init(dnb_group *g, size_t n, size_t m, bool p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double **const all[] = {&g->mean, &g->sd, &g->t, &g->low, &g->high, &g->p, &g->p_max, &g->q};
    g->n = n;
    g->m = m;
    for (size_t k = 0; k < (p ? 8u : 5u); k++) {
        DNB_NEW(*all[k], m, "group statistics");
        for (size_t t = 0; t < m; t++)
            (*all[k])[t] = NAN;
    }
done:
    return status;
}

static dnb_status check(size_t n, size_t m, const dnb_group_options *o, dnb_err *err)
{
    if (n < 2)
        return dnb_fail(err, DNB_EARG, "group statistics need two subjects or more, there %s %zu",
                        n == 1 ? "is" : "are", n);
    if (n > UINT32_MAX)
        return dnb_fail(err, DNB_EARG, "%zu subjects are too many", n);
    if (m < 1)
        return dnb_fail(err, DNB_EARG, "there are no targets");
    if (o->n_boot == 1 || (o->n_boot && n < 4))
        return dnb_fail(err, DNB_EARG,
                        "a bootstrap interval needs two draws and four subjects, not %zu and %zu",
                        o->n_boot, n);
    if (o->level != 0 && !(o->level > 0 && o->level < 1))
        return dnb_fail(err, DNB_EARG, "an interval's level lies between 0 and 1, not %g",
                        o->level);
    return DNB_OK;
}

/* Which targets have a number in every subject. */
static dnb_status find_used(work *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool *lacks = NULL;
    DNB_NEW(lacks, w->m, "targets");
    DNB_NEW(w->used, w->m, "targets");
    for (size_t s = 0; s < w->n; s++)
        for (size_t t = 0; t < w->m; t++) {
            double v = w->x[s * w->m + t];
            if (isinf(v)) {
                status = dnb_fail(err, DNB_EARG,
                                  "target %zu of subject %zu (from 0) is infinite; remove or "
                                  "replace it first",
                                  t, s);
                goto done;
            }
            lacks[t] |= isnan(v);
        }
    for (size_t t = 0; t < w->m; t++)
        if (!lacks[t])
            w->used[w->n_used++] = t;
done:
    dnb_free(lacks);
    return status;
}

/* Patterns, draws and each thread's space, when they fit. */
static dnb_status make_room(work *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_group_options *o = w->o;
    size_t budget = o->memory ? o->memory : dnb_memory_budget(), bits = 0;
    double draws = (double)o->n_boot * (double)w->n * sizeof(uint32_t);
    w->threads = (size_t)dnb_threads_get();
    if (o->n_perm && !dnb_flips_bytes(&bits, w->n, o->n_perm))
        bits = SIZE_MAX;
    double count = o->n_perm ? (double)bits / (double)((w->n + 7) / 8) : 0;
    double space = 8.0 * (double)w->threads * (count + LANES * (double)o->n_boot);
    if ((double)bits + draws + space > (double)budget)
        return dnb_fail(err, DNB_ENOMEM,
                        "%.0f sign patterns and %zu bootstrap draws of %zu subjects take %.1f MB, "
                        "the memory budget is %.1f MB; ask for fewer, or raise the budget",
                        count, o->n_boot, w->n, ((double)bits + draws + space) / 1e6,
                        (double)budget / 1e6);
    if (o->n_perm)
        DNB_TRY(dnb_flips_init(&w->flips, w->n, o->n_perm, o->seed, err));
    if (o->n_boot)
        DNB_TRY(dnb_redraws_init(&w->draws, w->n, o->n_boot, o->seed, err));
    w->scratch = w->n * LANES + (o->n_boot > 0 ? o->n_boot * LANES : 0) +
                 (o->n_perm ? dnb_flips_scratch(&w->flips) : 0);
    DNB_NEW(w->space, w->threads * w->scratch, "group statistics");
    DNB_NEW(w->largest, w->threads * w->flips.count, "sign patterns");
    DNB_NEW(w->seen, w->m, "group statistics");
    for (size_t k = 0; k < w->threads * w->flips.count; k++)
        w->largest[k] = -INFINITY;
done:
    return status;
}

/* Moments of one target, each as a share of its largest magnitude, so that nothing overflows. */
typedef struct moments {
    double big, mean, sd, length;
} moments;

static moments moments_of(const work *w, size_t target)
{
    moments k = {0, 0, 0, 0};
    const double *x = w->x + target;
    double n = (double)w->n, ss = 0, square = 0;
    for (size_t s = 0; s < w->n; s++)
        k.big = fmax(k.big, fabs(x[s * w->m]));
    if (k.big == 0)
        return k;
    for (size_t s = 0; s < w->n; s++)
        k.mean += x[s * w->m] / k.big;
    k.mean /= n;
    for (size_t s = 0; s < w->n; s++) {
        double v = x[s * w->m] / k.big, d = v - k.mean;
        ss += d * d;
        square += v * v;
    }
    k.sd = sqrt(ss / (n - 1));
    k.length = sqrt(square);
    return k;
}

/* Targets of tile k that there are; the lanes left are as the last of them. */
static size_t lanes_of(const work *w, size_t k, size_t at[LANES])
{
    size_t first = k * LANES, count = w->n_used - first < LANES ? w->n_used - first : LANES;
    for (size_t t = 0; t < LANES; t++)
        at[t] = w->used[first + (t < count ? t : count - 1)];
    return count;
}

static void take_interval(dnb_group *g, const work *w, const moments *k, const size_t *at,
                          size_t count, double *tile, double *scratch)
{
    double low[LANES], high[LANES];
    for (size_t t = 0; t < LANES; t++) {
        low[t] = -w->quantile;
        high[t] = w->quantile;
        for (size_t s = 0; w->draws.row && s < w->n; s++)
            tile[s * LANES + t] = k[t].big > 0 ? w->x[s * w->m + at[t]] / k[t].big - k[t].mean : 0;
    }
    if (w->draws.row)
        dnb_redraws_tile(low, high, &w->draws, tile, w->level, scratch);
    for (size_t t = 0; t < count; t++) {
        double mean = k[t].mean * k[t].big, error = k[t].sd / sqrt((double)w->n) * k[t].big;
        g->low[at[t]] = error > 0 ? mean - high[t] * error : mean;
        g->high[at[t]] = error > 0 ? mean - low[t] * error : mean;
    }
}

static void run_tile(dnb_group *g, const work *w, size_t tile_number, size_t thread)
{
    size_t at[LANES], count = lanes_of(w, tile_number, at);
    double *tile = w->space + thread * w->scratch, *scratch = tile + w->n * LANES;
    double *table = scratch + w->draws.n_boot * LANES, seen[LANES], reach[LANES];
    moments k[LANES];
    for (size_t t = 0; t < LANES; t++)
        k[t] = moments_of(w, at[t]);
    for (size_t t = 0; t < count; t++) {
        double mean = k[t].mean * k[t].big;
        g->mean[at[t]] = mean;
        g->sd[at[t]] = k[t].sd * k[t].big;
        g->t[at[t]] = k[t].sd > 0 ? k[t].mean / k[t].sd * sqrt((double)w->n)
                      : mean != 0 ? copysign(INFINITY, mean)
                                  : 0;
    }
    take_interval(g, w, k, at, count, tile, scratch);
    if (!w->flips.count)
        return;
    /* Of length 1 their sum grows as t does, and it stays finite where t does not. */
    for (size_t t = 0; t < LANES; t++)
        for (size_t s = 0; s < w->n; s++)
            tile[s * LANES + t] =
                k[t].big > 0 ? w->x[s * w->m + at[t]] / k[t].big / k[t].length : 0;
    dnb_flips_tile(seen, reach, w->largest + thread * w->flips.count, &w->flips, tile,
                   w->o->two_sided, table);
    for (size_t t = 0; t < count; t++) {
        w->seen[at[t]] = seen[t];
        g->p[at[t]] = reach[t] / (double)w->flips.count;
    }
}

static dnb_status run_tiles(dnb_group *g, const work *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const size_t tiles = (w->n_used + LANES - 1) / LANES;
    const double each = LANES * ((double)w->flips.count + (double)w->draws.n_boot * (double)w->n);
    size_t step = (size_t)(piece * (double)w->threads / (each + 1)) + w->threads;
    for (size_t first = 0; first < tiles; first += step) {
        size_t last = tiles - first < step ? tiles : first + step;
        dnb_report(w->o->progress, "targets", first * LANES, w->n_used);
        DNB_TRY(dnb_check_cancel(w->o->progress, err));
#pragma omp parallel for schedule(dynamic) num_threads((int)w->threads)
        for (size_t k = first; k < last; k++)
            run_tile(g, w, k, (size_t)omp_get_thread_num());
    }
    dnb_report(w->o->progress, "targets", w->n_used, w->n_used);
done:
    return status;
}

/* How many of the sorted numbers are at least `bar`. */
static size_t count_from(const double *sorted, size_t n, double bar)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < bar)
            low = middle + 1;
        else
            high = middle;
    }
    return n - low;
}

static dnb_status take_family(dnb_group *g, const work *w, dnb_err *err)
{
    const size_t count = w->flips.count;
    for (size_t k = 1; k < w->threads; k++)
        for (size_t p = 0; p < count; p++)
            w->largest[p] = fmax(w->largest[p], w->largest[k * count + p]);
    qsort(w->largest, count, sizeof *w->largest, dnb_compare_doubles);
#pragma omp parallel for schedule(static)
    for (size_t k = 0; k < w->n_used; k++) {
        size_t t = w->used[k];
        g->p_max[t] =
            (double)count_from(w->largest, count, w->seen[t] - DNB_GROUP_TIE) / (double)count;
    }
    return dnb_fdr(g->q, g->p, g->m, err);
}

dnb_status dnb_group_run(dnb_group *out, const double *x, size_t n, size_t m,
                         const dnb_group_options *opt, dnb_err *err)
{
    dnb_group g = {0};
    work w = {.x = x, .n = n, .m = m, .o = opt, .level = opt->level != 0 ? opt->level : 0.95};
    dnb_status status = check(n, m, opt, err);
    if (status != DNB_OK)
        return status;
    w.quantile = dnb_student_quantile(0.5 + w.level / 2, (double)(n - 1));
    DNB_TRY(find_used(&w, err));
    DNB_TRY(make_room(&w, err));
    DNB_TRY(group_init(&g, n, m, opt->n_perm > 0, err));
    DNB_TRY(run_tiles(&g, &w, err));
    if (opt->n_perm > 0)
        DNB_TRY(take_family(&g, &w, err));
    g.n_left_out = m - w.n_used;
    g.n_flips = w.flips.count;
    g.exact = w.flips.exact;
    *out = g;
    g = (dnb_group){0};
done:
    work_release(&w);
    dnb_group_release(&g);
    return status;
}
