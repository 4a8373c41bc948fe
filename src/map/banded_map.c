/* Banded ridge over folds: layers become coordinates once, then every fold is fitted, scored and
 * divided among them, a block of targets at a time. */
#include "dnnbrain/banded_map.h"

#include <math.h>
#include <string.h>

#include "array/rows_load.h"
#include "base/mem.h"
#include "base/progress.h"
#include "map/mapping_own.h"

enum { LEAST_BLOCK = 64 };

/* One run. */
typedef struct job {
    const dnb_banded_map_options *o;
    const dnb_mapping_layer *layers;
    size_t bands, n, m, k, width; /* width: columns of all bands, once reduced */
    size_t block;                 /* targets at once */
    size_t memory;                /* left for reading a layer */
    const double *y;
    dnb_map_layer *x;       /* bands */
    dnb_band *train, *test; /* bands: of the fold at hand */
    double *train_space, *test_space, *y_train, *y_test, *yhat, *part, *one;
    size_t *rows, *test_rows;
    size_t n_train, n_test;
} job;

static void job_release(job *j)
{
    for (size_t b = 0; j->x && b < j->bands; b++)
        dnb_map_layer_release(&j->x[b]);
    dnb_free(j->x);
    dnb_free(j->train);
    dnb_free(j->test);
    dnb_free(j->train_space);
    dnb_free(j->test_space);
    dnb_free(j->y_train);
    dnb_free(j->y_test);
    dnb_free(j->yhat);
    dnb_free(j->part);
    dnb_free(j->one);
    dnb_free(j->rows);
    dnb_free(j->test_rows);
}

static dnb_status check(const job *j, dnb_err *err)
{
    const dnb_folds *f = j->o->folds;
    if (!f || f->n != j->n)
        return dnb_fail(err, DNB_ESHAPE, "banded mapping: folds of %zu rows for layers of %zu",
                        f ? f->n : 0, j->n);
    if (j->o->partition && j->bands > DNB_BANDED_COMMON_MAX)
        return dnb_fail(err, DNB_EARG,
                        "unique and common parts of %zu bands: every subset is fitted, so there "
                        "are at most %d",
                        j->bands, DNB_BANDED_COMMON_MAX);
    for (size_t i = 0; i < f->k; i++)
        if (f->sizes[i] < 2)
            return dnb_fail(err, DNB_EARG,
                            "banded mapping: fold %zu tests %zu stimulus; a share of variance "
                            "needs 2 or more: take fewer folds",
                            i + 1, f->sizes[i]);
    for (size_t b = 0; b < j->bands; b++) {
        dnb_status status = dnb_rows_check(&j->layers[b].x, err);
        if (status != DNB_OK)
            return status;
        if (j->layers[b].x.n != j->n)
            return dnb_fail(err, DNB_ESHAPE, "layer %s has %zu stimuli, layer %s has %zu",
                            j->layers[b].name, j->layers[b].x.n, j->layers[0].name, j->n);
    }
    return dnb_map_check_targets(NULL, j->y, j->n, j->m, err);
}

static dnb_status plan(job *j, dnb_err *err)
{
    double n = (double)j->n, m = (double)j->m, bands = (double)j->bands, width = 0;
    double budget = (double)(j->o->memory ? j->o->memory : dnb_memory_budget());
    double subsets = j->o->partition ? pow(2, bands) : 0;
    for (size_t b = 0; b < j->bands; b++)
        width += fmin(n, (double)j->layers[b].x.d);
    double layers =
        8 * (2 * n * width + (width >= n ? (bands + 5) * n * n : n * width + 4 * width * width));
    double results = 8 * (double)j->k * m * (2 + 3 * bands + subsets);
    double each = 8 * (3 * width + 6 * n + 4 * subsets), room = budget - layers - results;
    double least = fmin(m, LEAST_BLOCK);
    if (room < 2 * each * least)
        return dnb_fail(err, DNB_ENOMEM,
                        "banded mapping of %zu layers holds %.1f MB (%.1f MB for the layers, %.1f "
                        "MB for results, %.1f MB for %.0f targets at once) and the memory budget "
                        "is %.1f MB; take fewer layers or targets, or raise --memory",
                        j->bands, (layers + results + 2 * each * least) * 1e-6, layers * 1e-6,
                        results * 1e-6, 2 * each * least * 1e-6, least, budget * 1e-6);
    j->block = room / 2 / each < m ? (size_t)(room / 2 / each) : j->m;
    j->memory = (size_t)(room / 2);
    return DNB_OK;
}

static dnb_status reduce(job *j, dnb_err *err)
{
    dnb_status status = DNB_OK;
    /* A choice of penalties asks for coordinates, which is what bands are made of. */
    dnb_mapping_options o = {.regression = {.kind = DNB_RIDGE, .choice = DNB_PENALTY_CV},
                             .progress = j->o->progress};
    DNB_NEW(j->x, j->bands, "layers");
    for (size_t b = 0; b < j->bands; b++) {
        DNB_TRY(dnb_map_reduce(&j->x[b], &j->layers[b], &o, j->memory, err));
        j->width += j->x[b].r;
    }
    DNB_NEW(j->train, j->bands, "bands");
    DNB_NEW(j->test, j->bands, "bands");
    DNB_NEW(j->train_space, j->n * j->width, "training rows");
    DNB_NEW(j->test_space, j->n * j->width, "rows left out");
    DNB_NEW(j->y_train, j->n * j->block, "targets");
    DNB_NEW(j->y_test, j->n * j->block, "targets");
    DNB_NEW(j->yhat, j->n * j->block, "predictions");
    DNB_NEW(j->part, j->bands * j->block, "shares");
    DNB_NEW(j->one, j->block, "scores");
    DNB_NEW(j->rows, j->n, "rows");
    DNB_NEW(j->test_rows, j->n, "rows");
done:
    return status;
}

static void gather_bands(const job *j, dnb_band *band, double *space, const size_t *rows, size_t n)
{
    for (size_t b = 0; b < j->bands; b++) {
        size_t r = j->x[b].r;
        for (size_t i = 0; i < n; i++)
            memcpy(space + i * r, j->x[b].x + rows[i] * r, r * sizeof *space);
        band[b] = (dnb_band){space, r};
        space += n * r;
    }
}

static void gather_targets(const job *j, double *y, const size_t *rows, size_t n, size_t first,
                           size_t count)
{
    for (size_t i = 0; i < n; i++)
        memcpy(y + i * count, j->y + rows[i] * j->m + first, count * sizeof *y);
}

static dnb_status partition(const job *j, dnb_banded_map *out, size_t fold, size_t first,
                            size_t count, const dnb_banded_options *fit, dnb_err *err)
{
    dnb_banded_parts p = {0};
    size_t subsets = (size_t)1 << j->bands;
    dnb_status status = dnb_banded_parts_run(&p, j->train, j->bands, j->n_train, j->y_train,
                                             j->test, j->n_test, j->y_test, count, fit, err);
    for (size_t s = 0; s < subsets && status == DNB_OK; s++)
        memcpy(out->common + (fold * subsets + s) * j->m + first, p.common + s * count,
               count * sizeof *p.common);
    for (size_t b = 0; b < j->bands && status == DNB_OK; b++)
        memcpy(out->unique + (fold * j->bands + b) * j->m + first,
               p.common + ((size_t)1 << b) * count, count * sizeof *p.common);
    dnb_banded_parts_release(&p);
    return status;
}

/* Targets first .. first + count - 1 of a fold. */
static dnb_status run_block(const job *j, dnb_banded_map *out, size_t fold, size_t first,
                            size_t count, const dnb_banded_options *fit, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_banded b = {0};
    gather_targets(j, j->y_train, j->rows, j->n_train, first, count);
    gather_targets(j, j->y_test, j->test_rows, j->n_test, first, count);
    DNB_TRY(dnb_banded_fit(&b, j->train, j->bands, j->n_train, j->y_train, count, fit, err));
    DNB_TRY(dnb_banded_predict(j->yhat, &b, j->test, j->bands, j->n_test, SIZE_MAX, err));
    DNB_TRY(dnb_score_columns(out->score + fold * j->m + first, fit->scoring, j->y_test, j->yhat,
                              j->n_test, count, err));
    DNB_TRY(dnb_banded_split(j->part, j->one, &b, j->test, j->bands, j->n_test, j->y_test, err));
    memcpy(out->r2 + fold * j->m + first, j->one, count * sizeof *j->one);
    for (size_t k = 0; k < j->bands; k++) {
        size_t at = (fold * j->bands + k) * j->m + first;
        memcpy(out->split + at, j->part + k * count, count * sizeof *j->part);
        for (size_t t = 0; t < count; t++)
            out->penalty[at + t] =
                b.gamma[k * count + t] > 0 ? b.alpha[t] / b.gamma[k * count + t] : (double)INFINITY;
    }
    if (out->common)
        DNB_TRY(partition(j, out, fold, first, count, fit, err));
done:
    dnb_banded_release(&b);
    return status;
}

static dnb_status run_fold(job *j, dnb_banded_map *out, size_t fold, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_folds inner = {0};
    dnb_folds_options io = j->o->inner;
    const dnb_progress *p = j->o->progress;
    dnb_progress quiet = {.cancelled = p ? p->cancelled : NULL, .ctx = p ? p->ctx : NULL};
    dnb_banded_options fit = j->o->fit;
    io.k = io.k ? io.k : 3;
    DNB_TRY(dnb_folds_of_rows(&inner, j->o->folds, fold, &io, err));
    fit.inner = &inner;
    fit.memory = j->memory;
    fit.progress = &quiet;
    j->n_train = dnb_folds_train_rows(j->o->folds, fold, j->rows);
    j->n_test = dnb_folds_test_rows(j->o->folds, fold, j->test_rows);
    gather_bands(j, j->train, j->train_space, j->rows, j->n_train);
    gather_bands(j, j->test, j->test_space, j->test_rows, j->n_test);
    for (size_t first = 0; first < j->m; first += j->block) {
        size_t blocks = (j->m + j->block - 1) / j->block;
        DNB_TRY(dnb_check_cancel(p, err));
        dnb_report(p, "banded mapping", fold * blocks + first / j->block, j->k * blocks);
        DNB_TRY(run_block(j, out, fold, first, j->m - first < j->block ? j->m - first : j->block,
                          &fit, err));
    }
done:
    dnb_folds_release(&inner);
    return status;
}

static dnb_status new_result(dnb_banded_map *out, const job *j, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t cells = j->k * j->m;
    *out = (dnb_banded_map){.bands = j->bands, .m = j->m, .k = j->k};
    DNB_NEW(out->score, cells, "scores");
    DNB_NEW(out->r2, cells, "scores");
    DNB_NEW(out->split, cells * j->bands, "shares");
    DNB_NEW(out->penalty, cells * j->bands, "penalties");
    if (j->o->partition) {
        DNB_NEW(out->unique, cells * j->bands, "unique parts");
        DNB_NEW(out->common, cells << j->bands, "common parts");
    }
done:
    return status;
}

dnb_status dnb_banded_map_run(dnb_banded_map *out, const dnb_mapping_layer *layers, size_t bands,
                              const double *y, size_t m, const dnb_banded_map_options *opt,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_banded_map made = {0};
    if (bands == 0 || m == 0 || !opt)
        return dnb_fail(err, DNB_EARG, "banded mapping of %zu layers and %zu targets", bands, m);
    job j = {.o = opt,
             .layers = layers,
             .bands = bands,
             .n = layers[0].x.n,
             .m = m,
             .k = opt->folds ? opt->folds->k : 0,
             .y = y};
    DNB_TRY(check(&j, err));
    DNB_TRY(plan(&j, err));
    DNB_TRY(new_result(&made, &j, err));
    DNB_TRY(reduce(&j, err));
    for (size_t f = 0; f < j.k; f++)
        DNB_TRY(run_fold(&j, &made, f, err));
    *out = made;
    made = (dnb_banded_map){0};
done:
    job_release(&j);
    dnb_banded_map_release(&made);
    return status;
}

void dnb_banded_map_release(dnb_banded_map *map)
{
    if (!map)
        return;
    dnb_free(map->score);
    dnb_free(map->r2);
    dnb_free(map->split);
    dnb_free(map->penalty);
    dnb_free(map->unique);
    dnb_free(map->common);
    *map = (dnb_banded_map){0};
}
