/* All folds of a chunk of targets: every layer's score, and the best layer chosen inside the
 * training rows. */
#include "map/mapping_walk.h"

#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "stats/distinct.h"

static dnb_folds_options inner_options(const dnb_map_walk *w)
{
    dnb_folds_options inner = w->o->inner;
    inner.k = w->plan->inner_k;
    return inner;
}

static bool needs_penalty_folds(const dnb_mapping_options *o)
{
    return !o->classify && o->regression.choice == DNB_PENALTY_CV;
}

static bool any_needs_penalty_folds(const dnb_map_walk *w, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || needs_penalty_folds(w[i].o);
    return any;
}

/* One model's scores: of the outer fold, or of inner ones (fold = plan->k). */
static dnb_status score_model(dnb_map_walk *w, size_t l, const dnb_map_design *design,
                              const dnb_map_split *split, const dnb_folds *penalty, size_t fold,
                              dnb_err *err)
{
    bool outer = fold < w->plan->k;
    double *add = (outer ? w->sum : w->inner) + l * w->columns;
    double *keep = outer && w->outer ? w->outer + l * w->columns : NULL;
    if (w->labels)
        return dnb_map_score_classes(w, l, design, split, add, keep, fold, err);
    return dnb_map_score_targets(w, l, design, split, needs_penalty_folds(w->o) ? penalty : NULL,
                                 add, keep, fold, err);
}

/* All models on the first one's design of the layer, which is used up. */
static dnb_status score(dnb_map_walk *w, size_t count, size_t l, dnb_map_design *design,
                        const dnb_map_split *split, const dnb_folds *penalty, size_t fold,
                        dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_report(w->o->progress, "mapping", w->done, w->total);
    for (size_t i = 0; i < count; i++) {
        DNB_TRY(dnb_check_cancel(w->o->progress, err));
        /* A hat matrix is the model's own; whatever else a design may be is everybody's. */
        if (i > 0 && design->hat) {
            dnb_map_design_release(design);
            DNB_TRY(dnb_map_design_init(design, &w->layers[l], split, w[i].o, false, err));
        }
        DNB_TRY(score_model(&w[i], l, design, split, penalty, fold, err));
    }
    w->done++;
done:
    dnb_map_design_release(design);
    if (status == DNB_OK || status == DNB_ECANCELLED)
        return status;
    if (fold < w->plan->k)
        return dnb_fail_prefix(err, status, "layer %s, fold %zu", w->layers[l].name, fold + 1);
    return dnb_fail_prefix(err, status, "layer %s", w->layers[l].name);
}

/* Every layer's score on the inner folds of these training rows, added up in w->inner. */
static dnb_status score_inner(dnb_map_walk *w, size_t count, const dnb_folds *inner,
                              const size_t *rows, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_folds penalty = {0};
    dnb_folds_options po = inner_options(w);
    size_t *train = NULL, *test = NULL;
    int64_t *labels = NULL, *groups = NULL;
    dnb_map_design design = {0};
    for (size_t i = 0; i < count; i++)
        memset(w[i].inner, 0, w->n_layers * w->columns * sizeof *w->inner);
    DNB_NEW(train, inner->n, "rows of a fold");
    DNB_NEW(test, inner->n, "rows of a fold");
    DNB_TRY(dnb_ids_of_rows(&labels, po.labels, rows, inner->n, err));
    DNB_TRY(dnb_ids_of_rows(&groups, po.groups, rows, inner->n, err));
    po.labels = labels;
    po.groups = groups;
    for (size_t f = 0; f < inner->k; f++) {
        dnb_map_split split = {.train = train, .test = test};
        split.n_train = dnb_folds_train_rows(inner, f, train);
        split.n_test = dnb_folds_test_rows(inner, f, test);
        for (size_t i = 0; i < split.n_train; i++)
            train[i] = rows[train[i]];
        for (size_t i = 0; i < split.n_test; i++)
            test[i] = rows[test[i]];
        if (any_needs_penalty_folds(w, count))
            DNB_TRY(dnb_folds_of_rows(&penalty, inner, f, &po, err));
        for (size_t l = 0; l < w->n_layers; l++) {
            DNB_TRY(dnb_map_design_init(&design, &w->layers[l], &split, w->o, false, err));
            DNB_TRY(score(w, count, l, &design, &split, &penalty, w->plan->k, err));
        }
        dnb_folds_release(&penalty);
        penalty = (dnb_folds){0};
    }
done:
    dnb_map_design_release(&design);
    dnb_folds_release(&penalty);
    dnb_free(train);
    dnb_free(test);
    dnb_free(labels);
    dnb_free(groups);
    return status;
}

/* The layer with the largest inner score gives the fold's outer one. */
static void choose(dnb_map_walk *w, size_t fold)
{
    dnb_mapping_best *best = &w->out->best;
    for (size_t c = 0; c < w->columns; c++) {
        size_t at = 0;
        for (size_t l = 1; l < w->n_layers; l++)
            if (w->inner[l * w->columns + c] > w->inner[at * w->columns + c])
                at = l;
        w->best[c] += w->outer[at * w->columns + c];
        if (c < w->chunk) {
            size_t t = w->first + c, m = w->plan->m;
            best->layer[fold * m + t] = at;
            best->score[fold * m + t] = w->outer[at * w->columns + c];
            best->chosen[at * m + t]++;
        }
    }
}

/* A layer in a fold: its rows, and its design, made ahead of its turn beside others. */
typedef struct fold_layer {
    size_t fold, layer;
    size_t *train, *test; /* n each */
    dnb_map_split split;
    dnb_map_design design;
    dnb_err err;
} fold_layer;

static dnb_status make_design(fold_layer *f, const dnb_map_walk *w)
{
    f->err.status =
        dnb_map_design_init(&f->design, &w->layers[f->layer], &f->split, w->o, false, &f->err);
    return f->err.status;
}

/* Side by side, each on one thread; a single one on all threads. */
static dnb_status make_designs(fold_layer *f, size_t n, const dnb_map_walk *w, dnb_err *err)
{
    if (n == 1)
        make_design(f, w);
    else {
#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < n; i++)
            make_design(&f[i], w);
    }
    for (size_t i = 0; i < n; i++)
        if (f[i].err.status != DNB_OK)
            return dnb_fail(err, f[i].err.status, "layer %s, fold %zu: %s",
                            w->layers[f[i].layer].name, f[i].fold + 1, f[i].err.message);
    return DNB_OK;
}

/* Scores the layer; its fold's inner folds are made before the first and used after the last. */
static dnb_status run_fold_layer(dnb_map_walk *w, size_t count, fold_layer *f, dnb_folds *inner,
                                 dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_folds_options io = inner_options(w);
    if (f->layer == 0 && (w->best || any_needs_penalty_folds(w, count)))
        DNB_TRY(dnb_folds_of_rows(inner, w->o->folds, f->fold, &io, err));
    DNB_TRY(score(w, count, f->layer, &f->design, &f->split, inner, f->fold, err));
    if (f->layer + 1 < w->n_layers)
        return DNB_OK;
    if (w->best) {
        status = score_inner(w, count, inner, f->train, err);
        if (status != DNB_OK && status != DNB_ECANCELLED)
            dnb_fail_prefix(err, status, "choosing layers within the training rows of fold %zu",
                            f->fold + 1);
        for (size_t i = 0; i < count && status == DNB_OK; i++)
            choose(&w[i], f->fold);
    }
    dnb_folds_release(inner);
    *inner = (dnb_folds){0};
done:
    return status;
}

static void place(fold_layer *f, const dnb_map_walk *w, size_t number)
{
    f->fold = number / w->n_layers;
    f->layer = number % w->n_layers;
    f->split = (dnb_map_split){.train = f->train, .test = f->test};
    f->split.n_train = dnb_folds_train_rows(w->o->folds, f->fold, f->train);
    f->split.n_test = dnb_folds_test_rows(w->o->folds, f->fold, f->test);
}

static void divide_by_folds(dnb_map_walk *w)
{
    for (size_t i = 0; i < w->n_layers * w->columns; i++)
        w->sum[i] /= (double)w->plan->k;
    for (size_t i = 0; w->best && i < w->columns; i++)
        w->best[i] /= (double)w->plan->k;
}

dnb_status dnb_map_walk_run(dnb_map_walk *w, size_t count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t side = w->plan->side, n = w->plan->n, total = w->plan->k * w->n_layers;
    size_t *rows = NULL;
    fold_layer *f = NULL;
    dnb_folds inner = {0};
    DNB_NEW(f, side, "folds");
    DNB_NEW(rows, 2 * side * n, "rows of a fold");
    for (size_t i = 0; i < side; i++) {
        f[i].train = rows + 2 * i * n;
        f[i].test = f[i].train + n;
    }
    for (size_t first = 0; first < total; first += side) {
        size_t here = total - first < side ? total - first : side;
        DNB_TRY(dnb_check_cancel(w->o->progress, err));
        for (size_t i = 0; i < here; i++)
            place(&f[i], w, first + i);
        DNB_TRY(make_designs(f, here, w, err));
        for (size_t i = 0; i < here; i++)
            DNB_TRY(run_fold_layer(w, count, &f[i], &inner, err));
    }
    for (size_t i = 0; i < count; i++)
        divide_by_folds(&w[i]);
done:
    for (size_t i = 0; f && i < side; i++)
        dnb_map_design_release(&f[i].design);
    dnb_folds_release(&inner);
    dnb_free(f);
    dnb_free(rows);
    return status;
}
