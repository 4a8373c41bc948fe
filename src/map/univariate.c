/* Univariate mapping in blocks: units are read and prepared once, targets (and their permutations,
 * which are targets like any other) pass by, tiles of both go to the processors. Which tiles there
 * are follows from the sizes alone, and their results are merged in order. */
#include "dnnbrain/univariate.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "array/rows_load.h"
#include "array/serial.h"
#include "base/mem.h"
#include "base/progress.h"
#include "map/exchange.h"
#include "map/univariate_own.h"

enum { BLOCK_T = 1024, BLOCK_U = 65536 /* most targets and units at a time */ };

typedef struct search {
    const dnb_univariate_options *o;
    size_t d, m, total; /* units, targets, targets times (1 + permutations) */
    size_t budget;
    dnb_uv_parts parts;
    dnb_uv_model model;
    dnb_uv_reader reader;
    double *y;                      /* m x n: targets one after the other */
    dnb_uv_side us, ts;             /* a block of units and of targets */
    size_t first_ready;             /* which block of targets stands in ts; SIZE_MAX: none */
    double *tile_best, *tile_where; /* tiles of units x targets of a block */
    double *scratch;                /* of each thread */
    double *best;                   /* total: best mean score so far */
    bool *moved;                    /* m: whether this block of units holds a new best unit */
    dnb_exchange blocks;            /* rows that change places */
    size_t *order;                  /* permutations of a block of targets */
} search;

static void search_release(search *s)
{
    dnb_uv_parts_release(&s->parts);
    dnb_uv_reader_release(&s->reader);
    dnb_uv_side_release(&s->us);
    dnb_uv_side_release(&s->ts);
    dnb_free(s->y);
    dnb_free(s->tile_best);
    dnb_free(s->tile_where);
    dnb_free(s->scratch);
    dnb_free(s->best);
    dnb_free(s->moved);
    dnb_free(s->order);
    dnb_exchange_release(&s->blocks);
}

void dnb_univariate_release(dnb_univariate *u)
{
    dnb_free(u->score);
    dnb_free(u->mean);
    dnb_free(u->unit);
    dnb_free(u->p);
    dnb_free(u->p_max);
    *u = (dnb_univariate){0};
}

dnb_status dnb_uv_result_init(dnb_univariate *u, size_t m, size_t k, bool p, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_univariate r = {.m = m, .k = k};
    DNB_NEW(r.score, k * m, "scores");
    DNB_NEW(r.mean, m, "scores");
    DNB_NEW(r.unit, m, "scores");
    if (p) {
        DNB_NEW(r.p, m, "scores");
        DNB_NEW(r.p_max, m, "scores");
    }
    *u = r;
    r = (dnb_univariate){0};
done:
    dnb_univariate_release(&r);
    return status;
}

dnb_status dnb_uv_folds_check(const dnb_folds *folds, size_t n, size_t least, const char *score,
                              dnb_err *err)
{
    if (!folds)
        return dnb_fail(err, DNB_EARG, "cross-validated scores need folds");
    if (folds->n != n)
        return dnb_fail(err, DNB_ESHAPE, "the folds are of %zu rows, the units have %zu", folds->n,
                        n);
    for (size_t f = 0; f < folds->k; f++)
        if (folds->sizes[f] < least || folds->sizes[f] == n)
            return dnb_fail(err, DNB_EARG,
                            "fold %zu tests %zu of %zu rows; %s needs at least %zu tested and one "
                            "trained: use fewer folds, or neg_mse",
                            f + 1, folds->sizes[f], n, score, least);
    return DNB_OK;
}

static dnb_status check_options(const dnb_rows *x, size_t m, const dnb_univariate_options *o,
                                dnb_err *err)
{
    dnb_status status = dnb_rows_check(x, err);
    if (status != DNB_OK)
        return status;
    if ((size_t)o->kind >= DNB_UV_KIND_COUNT)
        return dnb_fail(err, DNB_EARG, "univariate model %d does not exist", (int)o->kind);
    if (m < 1)
        return dnb_fail(err, DNB_ESHAPE, "there are no targets");
    if (o->kind == DNB_UV_LASSO && !(o->alpha >= 0 && isfinite(o->alpha)))
        return dnb_fail(err, DNB_EARG, "lasso's alpha must be 0 or more, not %g", o->alpha);
    if (o->kind == DNB_UV_CORR)
        return x->n >= 2 ? DNB_OK
                         : dnb_fail(err, DNB_EARG,
                                    "a correlation needs at least 2 rows, there is "
                                    "1");
    if (dnb_scoring_is_label(o->scoring))
        return dnb_fail(err, DNB_EARG, "%s scores labels; these models predict numbers",
                        dnb_scoring_name(o->scoring) ? dnb_scoring_name(o->scoring) : "this");
    return dnb_uv_folds_check(o->folds, x->n, dnb_scoring_min_rows(o->scoring),
                              dnb_scoring_name(o->scoring), err);
}

/* As many variables as fit in `bytes`, in tiles, at most `wanted` and `most`. */
static size_t block_of(size_t bytes, size_t each, size_t tile, size_t wanted, size_t most)
{
    size_t room = bytes / each / tile * tile;
    room = room < tile ? tile : room > most ? most : room;
    return room < wanted ? room : wanted;
}

/* Units at a time. A source that is held in memory may take a quarter of the budget; one that is
 * read again and again leaves it to the units, for fewer passes. */
static size_t units_of(const search *s, const dnb_rows *x, size_t each)
{
    const bool streams = !x->data && (x->cheap || dnb_rows_bytes(x) > s->budget / 4);
    const size_t raw = streams && !x->whole_rows ? x->n * dnb_dtype_size(x->dtype) : 0;
    return block_of(s->budget / (streams ? 2 : 4), each + raw, s->model.tile_u, s->d, BLOCK_U);
}

static dnb_status make_room(search *s, const dnb_rows *x, bool ranks, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const size_t n = x->n, each = dnb_uv_side_bytes(&s->parts, ranks);
    const size_t units = units_of(s, x, each);
    const size_t targets = block_of(s->budget / 8, each, s->model.tile_t, s->total, BLOCK_T);
    const size_t tiles = (units + s->model.tile_u - 1) / s->model.tile_u;
    const size_t threads = (size_t)dnb_threads_get();
    size_t total;
    if (!dnb_mul_size(&s->total, s->m, s->o->n_perm + 1) ||
        !dnb_mul_size(&total, s->total, sizeof(double)) || total > s->budget / 4)
        return dnb_fail(err, DNB_ENOMEM,
                        "%zu permutations of %zu targets do not fit a quarter of the memory budget "
                        "of %.1f MB; ask for fewer, or raise the budget",
                        s->o->n_perm, s->m, (double)s->budget / 1e6);
    DNB_TRY(dnb_uv_side_init(&s->us, &s->parts, units, ranks, err));
    DNB_TRY(dnb_uv_side_init(&s->ts, &s->parts, targets, ranks, err));
    DNB_NEW(s->tile_best, tiles * targets, "scores");
    DNB_NEW(s->tile_where, tiles * targets, "scores");
    DNB_NEW(s->best, s->total, "scores");
    DNB_NEW(s->moved, s->m, "scores");
    DNB_NEW(s->order, n * (targets / s->m + 2), "permutations");
    DNB_NEW(s->scratch, threads * dnb_uv_tile_scratch(&s->model), "scores");
    for (size_t v = 0; v < s->total; v++)
        s->best[v] = -DBL_MAX;
done:
    return status;
}

static dnb_status search_init(search *s, const dnb_rows *x, const double *y, size_t m,
                              const dnb_univariate_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const bool corr = o->kind == DNB_UV_CORR, ranks = !corr && o->scoring == DNB_SCORE_SPEARMAN;
    *s = (search){.o = o, .d = x->d, .m = m, .first_ready = SIZE_MAX};
    s->budget = o->memory ? o->memory : dnb_memory_budget();
    if (!dnb_mul_size(&s->total, m, o->n_perm + 1))
        s->total = SIZE_MAX;
    DNB_TRY(dnb_uv_parts_init(&s->parts, x->n, corr ? NULL : o->folds, err));
    DNB_TRY(dnb_exchange_init(&s->blocks, x->n, o->exchange, err));
    s->model = dnb_uv_model_of(o, &s->parts);
    DNB_TRY(make_room(s, x, ranks, err));
    DNB_TRY(dnb_uv_reader_init(&s->reader, x, s->us.room, s->budget / 4, err));
    DNB_NEW(s->y, m * x->n, "targets");
    for (size_t i = 0; i < x->n; i++)
        for (size_t t = 0; t < m; t++)
            s->y[t * x->n + i] = y[i * m + t];
done:
    return status;
}

/* Targets first.. of all permutations into ts. Permutation 0 is the rows as they are. */
static dnb_status ready_targets(search *s, size_t first, size_t count, dnb_err *err)
{
    const size_t n = s->parts.n, from = first / s->m;
    if (s->first_ready == first)
        return DNB_OK;
    for (size_t p = from; p <= (first + count - 1) / s->m; p++)
        dnb_exchange_draw(s->order + (p - from) * n, &s->blocks, s->o->seed, p);
#pragma omp parallel for
    for (size_t j = 0; j < count; j++) {
        const size_t p = (first + j) / s->m, t = (first + j) % s->m;
        const size_t *order = s->order + (p - from) * n;
        double *to = s->ts.dev + j * n;
        for (size_t i = 0; i < n; i++)
            to[s->parts.place[i]] = s->y[t * n + order[i]];
    }
    s->first_ready = SIZE_MAX;
    dnb_status status = dnb_uv_side_prepare(&s->ts, count, "target", first % s->m, err);
    if (status == DNB_OK)
        s->first_ready = first;
    return status;
}

/* All tiles of the units and targets at hand. */
static void run_tiles(search *s, size_t col, size_t units, size_t first, size_t targets)
{
    const dnb_uv_model *w = &s->model;
    const size_t rows = (units + w->tile_u - 1) / w->tile_u;
    const size_t columns = (targets + w->tile_t - 1) / w->tile_t;
#pragma omp parallel
    {
        double *scratch = s->scratch + (size_t)omp_get_thread_num() * dnb_uv_tile_scratch(w);
        int threads = dnb_serial_begin();
#pragma omp for schedule(dynamic)
        for (size_t q = 0; q < rows * columns; q++) {
            size_t row = q / columns, u = row * w->tile_u, t = q % columns * w->tile_t;
            dnb_uv_tile tile = {.x = &s->us,
                                .y = &s->ts,
                                .u = u,
                                .n_u = units - u < w->tile_u ? units - u : w->tile_u,
                                .t = t,
                                .n_t = targets - t < w->tile_t ? targets - t : w->tile_t,
                                .best = s->tile_best + row * s->ts.room,
                                .where = s->tile_where + row * s->ts.room};
            if (s->o->all && first + t < s->m) {
                tile.all = s->o->all + (col + u) * s->m + first + t;
                tile.stride = s->m;
                tile.n_all = s->m - (first + t) < tile.n_t ? s->m - (first + t) : tile.n_t;
            }
            dnb_uv_tile_run(w, &tile, scratch);
        }
        dnb_serial_end(threads);
    }
}

/* The tiles' best units into the best of all, in order of units. */
static void merge_tiles(search *s, dnb_univariate *r, size_t col, size_t units, size_t first,
                        size_t targets)
{
    const size_t rows = (units + s->model.tile_u - 1) / s->model.tile_u;
    for (size_t row = 0; row < rows; row++)
        for (size_t j = 0; j < targets; j++) {
            double score = s->tile_best[row * s->ts.room + j];
            if (!dnb_uv_better(score, s->best[first + j]))
                continue;
            s->best[first + j] = score;
            if (first + j < s->m) {
                r->unit[first + j] = col + (size_t)s->tile_where[row * s->ts.room + j];
                s->moved[first + j] = true;
            }
        }
}

/* Fold scores of the units found best in this block, while they are at hand. */
static dnb_status settle(search *s, dnb_univariate *r, size_t col, size_t first, size_t targets,
                         dnb_err *err)
{
    const size_t last = first + targets < s->m ? first + targets : s->m;
    dnb_status status = DNB_OK;
    double *scratch = NULL;
    DNB_NEW(scratch, 4 * s->parts.k, "scores");
    for (size_t t = first; t < last; t++) {
        if (!s->moved[t])
            continue;
        dnb_uv_pair(r->score + t, s->m, &s->model, &s->us, r->unit[t] - col, &s->ts, t - first,
                    scratch);
        r->mean[t] = 0;
        for (size_t f = 0; f < r->k; f++)
            r->mean[t] += r->score[f * s->m + t];
        r->mean[t] /= (double)r->k;
        s->moved[t] = false;
    }
done:
    dnb_free(scratch);
    return status;
}

static dnb_status run_search(search *s, dnb_univariate *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_progress *progress = s->o->progress;
    const size_t blocks = (s->total + s->ts.room - 1) / s->ts.room;
    for (size_t col = 0; col < s->d; col += s->us.room) {
        size_t units = s->d - col < s->us.room ? s->d - col : s->us.room;
        DNB_TRY(dnb_uv_read(s->us.dev, &s->reader, col, units, s->parts.place, err));
        DNB_TRY(dnb_uv_side_prepare(&s->us, units, "unit", col, err));
        for (size_t b = 0; b < blocks; b++) {
            size_t first = b * s->ts.room;
            size_t targets = s->total - first < s->ts.room ? s->total - first : s->ts.room;
            dnb_report(progress, "units", (col * blocks + b * units) / blocks, s->d);
            DNB_TRY(dnb_check_cancel(progress, err));
            DNB_TRY(ready_targets(s, first, targets, err));
            run_tiles(s, col, units, first, targets);
            merge_tiles(s, r, col, units, first, targets);
            DNB_TRY(settle(s, r, col, first, targets, err));
        }
    }
    dnb_report(progress, "units", s->d, s->d);
    for (size_t t = 0; t < s->m; t++)
        if (s->best[t] <= -DBL_MAX) { /* no score was a number */
            status = dnb_fail(err, DNB_EARG,
                              "target %zu (from 0): its scores overflow; scale it "
                              "or the units first",
                              t);
            goto done;
        }
done:
    return status;
}

/* Whether a null score counts as reaching the seen one: rounding must not decide. */
static bool reaches(double null, double seen)
{
    return !dnb_uv_better(seen, null);
}

static void take_p(const search *s, dnb_univariate *r)
{
    const size_t m = s->m, n_perm = s->o->n_perm;
    for (size_t t = 0; t < m; t++)
        r->p[t] = r->p_max[t] = 1;
    for (size_t q = 1; q <= n_perm; q++) {
        const double *null = s->best + q * m;
        double largest = null[0];
        for (size_t t = 1; t < m; t++)
            largest = null[t] > largest ? null[t] : largest;
        for (size_t t = 0; t < m; t++) {
            r->p[t] += reaches(null[t], s->best[t]);
            r->p_max[t] += reaches(largest, s->best[t]);
        }
    }
    for (size_t t = 0; t < m; t++) {
        r->p[t] /= (double)(n_perm + 1);
        r->p_max[t] /= (double)(n_perm + 1);
    }
}

dnb_status dnb_univariate_run(dnb_univariate *out, const dnb_rows *x, const double *y, size_t m,
                              const dnb_univariate_options *opt, dnb_err *err)
{
    search s;
    dnb_univariate r = {0};
    dnb_status status = check_options(x, m, opt, err);
    if (status != DNB_OK)
        return status;
    DNB_TRY(search_init(&s, x, y, m, opt, err));
    DNB_TRY(dnb_uv_result_init(&r, m, s.parts.k, opt->n_perm > 0, err));
    DNB_TRY(run_search(&s, &r, err));
    if (opt->n_perm > 0)
        take_p(&s, &r);
    *out = r;
    r = (dnb_univariate){0};
done:
    search_release(&s);
    dnb_univariate_release(&r);
    return status;
}
