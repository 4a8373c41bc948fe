/* A mapping run from its checks to its p values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "map/mapping_walk.h"

static void release_test(dnb_mapping_test *t)
{
    dnb_free(t->p);
    dnb_free(t->p_max);
    dnb_free(t->q);
}

void dnb_mapping_release(dnb_mapping *map)
{
    for (size_t l = 0; map->layer && l < map->n_layers; l++) {
        dnb_mapping_scores *s = &map->layer[l];
        dnb_free(s->score);
        dnb_free(s->mean);
        dnb_free(s->alpha);
        dnb_free(s->prediction);
        dnb_free(s->said);
        dnb_free(s->confusion);
        release_test(&s->test);
    }
    dnb_free(map->layer);
    dnb_free(map->classes);
    dnb_free(map->p_family);
    dnb_free(map->best.layer);
    dnb_free(map->best.score);
    dnb_free(map->best.mean);
    dnb_free(map->best.chosen);
    dnb_free(map->best.mode);
    release_test(&map->best.test);
    *map = (dnb_mapping){0};
}

static int by_value(const void *a, const void *b)
{
    int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return p < q ? -1 : p > q;
}

static dnb_status find_classes(dnb_mapping *map, const int64_t *labels, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(map->classes, map->n, "classes");
    memcpy(map->classes, labels, map->n * sizeof *labels);
    qsort(map->classes, map->n, sizeof *labels, by_value);
    for (size_t i = 0; i < map->n; i++)
        if (i == 0 || map->classes[i] != map->classes[i - 1])
            map->classes[map->n_classes++] = map->classes[i];
    if (map->n_classes < 2)
        status = dnb_fail(err, DNB_EARG, "mapping: all labels are %lld; two classes are needed",
                          (long long)labels[0]);
done:
    return status;
}

static dnb_status new_test(dnb_mapping_test *t, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(t->p, m, "p values");
    DNB_NEW(t->p_max, m, "p values");
    DNB_NEW(t->q, m, "p values");
done:
    return status;
}

static dnb_status new_scores(dnb_mapping_scores *s, const dnb_mapping *map,
                             const dnb_mapping_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = map->n, m = map->m, k = map->k;
    dnb_regression_kind kind = o->regression.kind;
    DNB_NEW(s->score, k * m, "scores");
    DNB_NEW(s->mean, m, "scores");
    if (!o->classify && kind != DNB_GLM && kind != DNB_PLS)
        DNB_NEW(s->alpha, k * m, "penalties");
    if (o->predictions && !o->classify)
        DNB_NEW(s->prediction, n * m, "predictions");
    if (o->predictions && o->classify)
        DNB_NEW(s->said, n, "predictions");
    if (o->classify)
        DNB_NEW(s->confusion, k * map->n_classes * map->n_classes, "confusion matrices");
    if (o->n_permutations)
        DNB_TRY(new_test(&s->test, m, err));
done:
    return status;
}

static dnb_status new_results(dnb_mapping *map, const dnb_mapping_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t m = map->m, k = map->k;
    DNB_NEW(map->layer, map->n_layers, "scores");
    for (size_t l = 0; l < map->n_layers; l++)
        DNB_TRY(new_scores(&map->layer[l], map, o, err));
    if (o->n_permutations && map->n_layers > 1)
        DNB_NEW(map->p_family, map->n_layers * m, "p values");
    if (o->choose_layer) {
        DNB_NEW(map->best.layer, k * m, "best layers");
        DNB_NEW(map->best.score, k * m, "best layers");
        DNB_NEW(map->best.mean, m, "best layers");
        DNB_NEW(map->best.chosen, map->n_layers * m, "best layers");
        DNB_NEW(map->best.mode, m, "best layers");
        if (o->n_permutations)
            DNB_TRY(new_test(&map->best.test, m, err));
    }
done:
    return status;
}

static dnb_status new_sums(dnb_map_walk *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t all = w->n_layers * w->columns;
    DNB_NEW(w->sum, all, "scores");
    if (w->o->choose_layer) {
        DNB_NEW(w->inner, all, "scores");
        DNB_NEW(w->outer, all, "scores");
        DNB_NEW(w->best, w->columns, "scores");
    }
done:
    return status;
}

/* What a chunk's sums say of the observed targets and of the permutations. */
static void take_sums(dnb_map_walk *w, dnb_map_null *null)
{
    for (size_t l = 0; l <= w->n_layers; l++) {
        bool best = l == w->n_layers;
        const double *mean = best ? w->best : w->sum + l * w->columns;
        if (!mean)
            continue;
        memcpy((best ? w->out->best.mean : w->out->layer[l].mean) + w->first, mean,
               w->chunk * sizeof *mean);
        if (null)
            dnb_map_null_add(&null[l], w, mean);
    }
}

/* null: n_layers + 1 of every model, or NULL. */
static dnb_status run_chunk(dnb_map_walk *w, size_t count, dnb_map_null *null, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < count; i++)
        DNB_TRY(new_sums(&w[i], err));
    DNB_TRY(dnb_map_walk_run(w, count, err));
    for (size_t i = 0; i < count; i++)
        take_sums(&w[i], null ? null + i * (w->n_layers + 1) : NULL);
done:
    for (size_t i = 0; i < count; i++) {
        dnb_free(w[i].sum);
        dnb_free(w[i].inner);
        dnb_free(w[i].outer);
        dnb_free(w[i].best);
        w[i].sum = w[i].inner = w[i].outer = w[i].best = NULL;
    }
    return status;
}

/* p values of every layer, of the family of layers, and of the best ones. null has n_layers + 1. */
static dnb_status test_scores(const dnb_map_walk *w, const dnb_map_null *null, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_mapping *map = w->out;
    double *largest = NULL;
    size_t n_perm = w->plan->n_perm;
    DNB_NEW(largest, n_perm, "p values");
    for (size_t p = 0; p < n_perm; p++)
        largest[p] = -INFINITY;
    for (size_t l = 0; l < map->n_layers; l++) {
        DNB_TRY(dnb_map_null_test(&map->layer[l].test, &null[l], w, map->layer[l].mean, err));
        for (size_t p = 0; p < n_perm; p++)
            largest[p] = fmax(largest[p], null[l].largest[p]);
    }
    for (size_t l = 0; map->p_family && l < map->n_layers; l++)
        dnb_map_p_max(map->p_family + l * map->m, w, map->layer[l].mean, largest);
    if (map->best.mean)
        DNB_TRY(dnb_map_null_test(&map->best.test, &null[map->n_layers], w, map->best.mean, err));
done:
    dnb_free(largest);
    return status;
}

static void find_modes(dnb_mapping *map)
{
    for (size_t t = 0; map->best.mode && t < map->m; t++)
        for (size_t l = 1; l < map->n_layers; l++)
            if (map->best.chosen[l * map->m + t] > map->best.chosen[map->best.mode[t] * map->m + t])
                map->best.mode[t] = l;
}

static void next_chunk(dnb_map_walk *w, size_t count, size_t first)
{
    const dnb_map_plan *plan = w->plan;
    for (size_t i = 0; i < count; i++) {
        w[i].first = first;
        w[i].chunk = plan->m - first < plan->chunk ? plan->m - first : plan->chunk;
        w[i].columns = w[i].chunk * plan->n_perm;
    }
}

static dnb_status run_all(dnb_map_walk *w, size_t count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_map_plan *plan = w->plan;
    dnb_map_null *null = NULL;
    uint32_t *table = NULL;
    size_t m = plan->m, chunks = (m + plan->chunk - 1) / plan->chunk, each = w->n_layers + 1;
    DNB_TRY(dnb_map_permutations(&table, plan->n, w->o, err));
    for (size_t i = 0; i < count; i++)
        w[i].table = table;
    w->total = chunks * plan->k * w->n_layers * (1 + (w->o->choose_layer ? plan->inner_k : 0));
    if (plan->n_perm > 1) {
        DNB_NEW(null, count * each, "permutation scores");
        for (size_t i = 0; i < count * each; i++)
            DNB_TRY(dnb_map_null_init(&null[i], plan->n_perm, m, err));
    }
    for (size_t first = 0; first < m; first += plan->chunk) {
        next_chunk(w, count, first);
        DNB_TRY(run_chunk(w, count, null, err));
    }
    for (size_t i = 0; i < count; i++) {
        if (null)
            DNB_TRY(test_scores(&w[i], null + i * each, err));
        find_modes(w[i].out);
    }
    dnb_report(w->o->progress, "mapping", w->total, w->total);
done:
    for (size_t i = 0; null && i < count * each; i++)
        dnb_map_null_release(&null[i]);
    dnb_free(null);
    dnb_free(table);
    return status;
}

/* What the models share. */
typedef struct shared {
    dnb_map_plan plan;
    dnb_map_layer *held;
    unsigned char *varies;
    dnb_mapping_options *options;
    dnb_map_walk *walk;
    dnb_mapping *map;
} shared;

static dnb_status reduce_layers(shared *s, const dnb_mapping_layer *layers, size_t n_layers,
                                size_t n_models, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(s->held, n_layers, "layers");
    for (size_t l = 0; l < n_layers; l++) {
        /* Layers read so far and the results are held; the folds' work space is not yet. */
        DNB_TRY(dnb_check_cancel(s->options->progress, err));
        DNB_TRY(dnb_map_reduce(&s->held[l], &layers[l], s->options, (size_t)s->plan.read, err));
        for (size_t i = 0; i < n_models; i++)
            s->map[i].layer[l].rank = s->held[l].r;
    }
done:
    return status;
}

/* Results of every model, empty. */
static dnb_status start_models(shared *s, const dnb_mapping_options *models, size_t n_models,
                               size_t n_layers, const int64_t *labels, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n_constant = 0;
    for (size_t t = 0; t < s->plan.m; t++)
        n_constant += !s->varies[t];
    DNB_NEW(s->options, n_models, "models");
    DNB_NEW(s->walk, n_models, "models");
    DNB_NEW(s->map, n_models, "models");
    for (size_t i = 0; i < n_models; i++) {
        s->options[i] = models[i];
        s->options[i].memory = models->memory ? models->memory : dnb_memory_budget();
        s->options[i].progress = models->progress;
        s->map[i] = (dnb_mapping){.n = s->plan.n,
                                  .m = s->plan.m,
                                  .k = s->plan.k,
                                  .n_layers = n_layers,
                                  .n_constant = n_constant};
        if (labels)
            DNB_TRY(find_classes(&s->map[i], labels, err));
        DNB_TRY(new_results(&s->map[i], &s->options[i], err));
    }
done:
    return status;
}

dnb_status dnb_mapping_run_models(dnb_mapping *out, const dnb_mapping_layer *layers,
                                  size_t n_layers, const double *y, const int64_t *labels, size_t m,
                                  const dnb_mapping_options *models, size_t n_models, dnb_err *err)
{
    dnb_status status = DNB_OK;
    shared s = {0};
    if (!y == !labels)
        return dnb_fail(err, DNB_EARG, "mapping: give either numbers or labels to predict");
    DNB_TRY(dnb_map_plan_init(&s.plan, layers, n_layers, labels != NULL, m, models, n_models, err));
    DNB_NEW(s.varies, m, "targets");
    if (y)
        DNB_TRY(dnb_map_check_targets(s.varies, y, s.plan.n, m, err));
    s.varies[0] |= !y; /* labels of two classes vary */
    DNB_TRY(start_models(&s, models, n_models, n_layers, labels, err));
    DNB_TRY(reduce_layers(&s, layers, n_layers, n_models, err));
    for (size_t i = 0; i < n_models; i++)
        s.walk[i] = (dnb_map_walk){.o = &s.options[i],
                                   .plan = &s.plan,
                                   .layers = s.held,
                                   .n_layers = n_layers,
                                   .y = y,
                                   .labels = labels,
                                   .varies = s.varies,
                                   .out = &s.map[i]};
    DNB_TRY(run_all(s.walk, n_models, err));
    memcpy(out, s.map, n_models * sizeof *out);
    memset(s.map, 0, n_models * sizeof *s.map);
done:
    for (size_t l = 0; s.held && l < n_layers; l++)
        dnb_map_layer_release(&s.held[l]);
    for (size_t i = 0; s.map && i < n_models; i++)
        dnb_mapping_release(&s.map[i]);
    dnb_free(s.held);
    dnb_free(s.varies);
    dnb_free(s.options);
    dnb_free(s.walk);
    dnb_free(s.map);
    return status;
}

dnb_status dnb_mapping_run(dnb_mapping *out, const dnb_mapping_layer *layers, size_t n_layers,
                           const double *y, const int64_t *labels, size_t m,
                           const dnb_mapping_options *opt, dnb_err *err)
{
    return dnb_mapping_run_models(out, layers, n_layers, y, labels, m, opt, 1, err);
}
