/* Preparing units and targets: deviations, ranks and sums of squares over folds. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/correlation.h"
#include "map/univariate_own.h"
#include "stats/standard.h"

dnb_status dnb_uv_parts_init(dnb_uv_parts *p, size_t n, const dnb_folds *folds, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_uv_parts q = {.n = n, .k = folds ? folds->k : 1};
    size_t *next = NULL;
    DNB_NEW(q.place, n, "folds");
    DNB_NEW(q.start, q.k + 1, "folds");
    DNB_NEW(next, q.k, "folds");
    for (size_t f = 0; f < q.k; f++) {
        next[f] = q.start[f];
        q.start[f + 1] = q.start[f] + (folds ? folds->sizes[f] : n);
    }
    for (size_t i = 0; i < n; i++)
        q.place[i] = next[folds ? folds->fold[i] : 0]++;
    *p = q;
    q = (dnb_uv_parts){0};
done:
    dnb_free(next);
    dnb_uv_parts_release(&q);
    return status;
}

void dnb_uv_parts_release(dnb_uv_parts *p)
{
    dnb_free(p->place);
    dnb_free(p->start);
    *p = (dnb_uv_parts){0};
}

size_t dnb_uv_side_bytes(const dnb_uv_parts *parts, bool ranks)
{
    return (parts->n * (ranks ? 2 : 1) + 4 * parts->k) * sizeof(double);
}

dnb_status dnb_uv_side_init(dnb_uv_side *s, const dnb_uv_parts *parts, size_t room, bool ranks,
                            dnb_err *err)
{
    size_t per_fold = room * parts->k;
    *s = (dnb_uv_side){.parts = parts,
                       .room = room,
                       .dev = dnb_alloc_aligned(room * parts->n, sizeof(double)),
                       .rank = ranks ? dnb_alloc_aligned(room * parts->n, sizeof(double)) : NULL,
                       .step = dnb_alloc_aligned(per_fold, sizeof(double)),
                       .gap = dnb_alloc_aligned(per_fold, sizeof(double)),
                       .test = dnb_alloc_aligned(per_fold, sizeof(double)),
                       .train = dnb_alloc_aligned(per_fold, sizeof(double))};
    if (s->dev && (s->rank || !ranks) && s->step && s->gap && s->test && s->train)
        return DNB_OK;
    dnb_uv_side_release(s);
    return dnb_fail_memory(err, "units and targets", room * dnb_uv_side_bytes(parts, ranks));
}

void dnb_uv_side_release(dnb_uv_side *s)
{
    dnb_free(s->dev);
    dnb_free(s->rank);
    dnb_free(s->step);
    dnb_free(s->gap);
    dnb_free(s->test);
    dnb_free(s->train);
    *s = (dnb_uv_side){0};
}

/* Number, mean and sum of squared deviations of some rows. */
typedef struct moments {
    double n, mean, ss;
} moments;

static moments merge(moments a, moments b)
{
    if (a.n == 0 || b.n == 0)
        return a.n == 0 ? b : a;
    double n = a.n + b.n, gap = b.mean - a.mean;
    return (moments){n, a.mean + gap * (b.n / n), a.ss + b.ss + gap * gap * (a.n * b.n / n)};
}

/* x becomes its deviations from the mean; from the first number, so a constant gives exact zeros.
 */
static moments take_deviations(double *x, size_t n)
{
    double first = x[0], mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] -= first;
        mean += x[i];
    }
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        x[i] -= mean;
        ss += x[i] * x[i];
    }
    return (moments){(double)n, first + mean, ss};
}

static void shrink(double *x, size_t n, double ss)
{
    double scale = ss > 0 ? 1 / sqrt(ss) : 0;
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
}

/* What each fold tests and trains of variable j; before: k moments of scratch. */
static void take_folds(dnb_uv_side *s, size_t j, const moments *part, moments *before)
{
    const size_t k = s->parts->k;
    moments all = {0, 0, 0}, after = {0, 0, 0};
    for (size_t f = 0; f < k; f++) {
        before[f] = all;
        all = merge(all, part[f]);
    }
    for (size_t f = k; f-- > 0;) {
        moments train = merge(before[f], after);
        s->step[j * k + f] = sqrt(part[f].n) * (part[f].mean - all.mean);
        s->gap[f * s->room + j] = k > 1 ? part[f].mean - train.mean : 0;
        s->test[f * s->room + j] = part[f].ss;
        s->train[f * s->room + j] = train.ss;
        after = merge(part[f], after);
    }
}

static dnb_status take_ranks(dnb_uv_side *s, size_t j, dnb_err *err)
{
    const dnb_uv_parts *p = s->parts;
    for (size_t f = 0; f < p->k; f++) {
        size_t n = p->start[f + 1] - p->start[f];
        double *rank = s->rank + j * p->n + p->start[f];
        dnb_status status = dnb_rank(rank, s->dev + j * p->n + p->start[f], n, err);
        if (status != DNB_OK)
            return status;
        if (!dnb_standardise(rank, rank, n))
            memset(rank, 0, n * sizeof *rank);
    }
    return DNB_OK;
}

/* Names the first row of variable j (in the caller's order) that is not finite, if any. */
static dnb_status check_finite(const dnb_uv_side *s, size_t j, const char *what, size_t number,
                               dnb_err *err)
{
    const double *x = s->dev + j * s->parts->n;
    double sum = 0;
    for (size_t i = 0; i < s->parts->n; i++)
        sum += x[i] * 0;
    if (sum == 0)
        return DNB_OK;
    for (size_t i = 0; i < s->parts->n; i++)
        if (!isfinite(x[s->parts->place[i]]))
            return dnb_fail(err, DNB_EARG,
                            "%s %zu (from 0) is %s in row %zu; remove or replace it first", what,
                            number, isnan(x[s->parts->place[i]]) ? "NaN" : "infinite", i + 1);
    return DNB_OK;
}

static dnb_status prepare(dnb_uv_side *s, size_t j, const char *what, size_t number, moments *work,
                          dnb_err *err)
{
    const dnb_uv_parts *p = s->parts;
    double *x = s->dev + j * p->n;
    dnb_status status = check_finite(s, j, what, number, err);
    if (status == DNB_OK && s->rank)
        status = take_ranks(s, j, err);
    if (status != DNB_OK)
        return status;
    moments all = {0, 0, 0};
    for (size_t f = 0; f < p->k; f++) {
        work[f] = take_deviations(x + p->start[f], p->start[f + 1] - p->start[f]);
        all = merge(all, work[f]);
    }
    if (!isfinite(all.ss))
        return dnb_fail(err, DNB_EARG,
                        "%s %zu (from 0) holds numbers too large to square; scale it first", what,
                        number);
    take_folds(s, j, work, work + p->k);
    if (p->k == 1)
        shrink(x, p->n, all.ss);
    return DNB_OK;
}

dnb_status dnb_uv_side_prepare(dnb_uv_side *s, size_t count, const char *what, size_t first,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t failed = count; /* the first variable that failed, for a message all runs share */
#pragma omp parallel
    {
        moments *work = dnb_alloc(2 * s->parts->k, sizeof *work);
#pragma omp for
        for (size_t j = 0; j < count; j++) {
            dnb_err mine = {0};
            dnb_status st = work ? prepare(s, j, what, first + j, work, &mine)
                                 : dnb_fail_memory(&mine, "folds", 2 * s->parts->k * sizeof *work);
            if (st == DNB_OK)
                continue;
#pragma omp critical(dnb_uv_side_error)
            if (j < failed) {
                failed = j;
                status = st;
                if (err)
                    *err = mine;
            }
        }
        dnb_free(work);
    }
    return status;
}
