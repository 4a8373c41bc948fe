/* The univariate search with a model of the caller's: units in parallel, one at a time. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "array/rows_load.h"
#include "array/serial.h"
#include "base/mem.h"
#include "base/progress.h"
#include "map/univariate_own.h"

enum { BLOCK = 1024 /* units read at a time */ };

typedef struct search {
    const dnb_univariate_options *o;
    dnb_univariate_fit fit;
    void *ctx;
    size_t n, m, k, width;
    double *units;  /* width x n */
    double *means;  /* width x m */
    double *scores; /* a thread's k x m */
    size_t *place;  /* rows stay in order */
} search;

/* Mean scores of one unit. */
static dnb_status score_unit(const search *s, size_t col, size_t u, double *scores, dnb_err *err)
{
    const double *x = s->units + u * s->n;
    for (size_t i = 0; i < s->n; i++)
        if (!isfinite(x[i]))
            return dnb_fail(err, DNB_EARG,
                            "unit %zu (from 0) is %s in row %zu; remove or replace it first",
                            col + u, isnan(x[i]) ? "NaN" : "infinite", i + 1);
    dnb_status status = s->fit(s->ctx, x, s->o->folds, scores, err);
    if (status != DNB_OK)
        return dnb_fail_prefix(err, status, "unit %zu", col + u);
    for (size_t t = 0; t < s->m; t++) {
        double sum = 0;
        for (size_t f = 0; f < s->k; f++)
            sum += scores[f * s->m + t];
        s->means[u * s->m + t] = sum / (double)s->k;
        if (isnan(sum))
            return dnb_fail(err, DNB_EINTERNAL, "unit %zu: its score is NaN", col + u);
    }
    return DNB_OK;
}

/* All units of a block; of failures the first unit's is told. */
static dnb_status score_block(const search *s, size_t col, size_t units, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t failed = units;
#pragma omp parallel
    {
        double *scores = s->scores + (size_t)omp_get_thread_num() * s->k * s->m;
        int threads = dnb_serial_begin();
#pragma omp for schedule(dynamic, 4)
        for (size_t u = 0; u < units; u++) {
            dnb_err mine = {0};
            dnb_status st = score_unit(s, col, u, scores, &mine);
            if (st == DNB_OK)
                continue;
#pragma omp critical(dnb_uv_each_error)
            if (u < failed) {
                failed = u;
                status = st;
                if (err)
                    *err = mine;
            }
        }
        dnb_serial_end(threads);
    }
    return status;
}

/* Better units of the block, with fold scores computed again. */
static dnb_status keep_best(const search *s, dnb_univariate *r, size_t col, size_t units,
                            dnb_err *err)
{
    for (size_t u = 0; u < units; u++) {
        bool fitted = false;
        for (size_t t = 0; t < s->m; t++) {
            double mean = s->means[u * s->m + t];
            if (col + u > 0 && !dnb_uv_better(mean, r->mean[t]))
                continue;
            if (!fitted) {
                dnb_status status =
                    s->fit(s->ctx, s->units + u * s->n, s->o->folds, s->scores, err);
                if (status != DNB_OK)
                    return status;
                fitted = true;
            }
            r->mean[t] = mean;
            r->unit[t] = col + u;
            for (size_t f = 0; f < s->k; f++)
                r->score[f * s->m + t] = s->scores[f * s->m + t];
        }
    }
    return DNB_OK;
}

static dnb_status search_all(search *s, dnb_uv_reader *reader, dnb_univariate *r, size_t d,
                             dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t col = 0; col < d; col += s->width) {
        size_t units = d - col < s->width ? d - col : s->width;
        dnb_report(s->o->progress, "units", col, d);
        DNB_TRY(dnb_check_cancel(s->o->progress, err));
        DNB_TRY(dnb_uv_read(s->units, reader, col, units, s->place, err));
        DNB_TRY(score_block(s, col, units, err));
        DNB_TRY(keep_best(s, r, col, units, err));
        if (s->o->all)
            memcpy(s->o->all + col * s->m, s->means, units * s->m * sizeof *s->means);
    }
    dnb_report(s->o->progress, "units", d, d);
done:
    return status;
}

dnb_status dnb_univariate_run_with(dnb_univariate *out, const dnb_rows *x, size_t m,
                                   dnb_univariate_fit fit, void *ctx,
                                   const dnb_univariate_options *opt, dnb_err *err)
{
    dnb_status status = dnb_rows_check(x, err);
    dnb_uv_reader reader = {0};
    dnb_univariate r = {0};
    search s = {.o = opt, .fit = fit, .ctx = ctx, .n = x->n, .m = m};
    size_t budget = opt->memory ? opt->memory : dnb_memory_budget();
    if (status != DNB_OK)
        return status;
    if (m < 1 || opt->n_perm > 0)
        return dnb_fail(err, DNB_EARG,
                        m < 1 ? "there are no targets"
                              : "permutations are not run with this model");
    status = dnb_uv_folds_check(opt->folds, x->n, 1, "this model", err);
    if (status != DNB_OK)
        return status;
    s.k = opt->folds->k;
    s.width = budget / 8 / ((x->n + m) * sizeof(double));
    s.width = s.width < 1 ? 1 : s.width > BLOCK ? BLOCK : s.width;
    s.width = s.width < x->d ? s.width : x->d;
    DNB_NEW(s.units, s.width * x->n, "units");
    DNB_NEW(s.means, s.width * m, "scores");
    DNB_NEW(s.scores, (size_t)dnb_threads_get() * s.k * m, "scores");
    DNB_NEW(s.place, x->n, "units");
    for (size_t i = 0; i < x->n; i++)
        s.place[i] = i;
    DNB_TRY(dnb_uv_reader_init(&reader, x, s.width, budget / 4, err));
    DNB_TRY(dnb_uv_result_init(&r, m, s.k, false, err));
    DNB_TRY(search_all(&s, &reader, &r, x->d, err));
    *out = r;
    r = (dnb_univariate){0};
done:
    dnb_uv_reader_release(&reader);
    dnb_univariate_release(&r);
    dnb_free(s.units);
    dnb_free(s.means);
    dnb_free(s.scores);
    dnb_free(s.place);
    return status;
}
