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

static dnb_status run_chunk(dnb_map_walk *w, dnb_map_null *null, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t all = w->n_layers * w->columns;
    DNB_NEW(w->sum, all, "scores");
    if (w->o->choose_layer) {
        DNB_NEW(w->inner, all, "scores");
        DNB_NEW(w->outer, all, "scores");
        DNB_NEW(w->best, w->columns, "scores");
    }
    DNB_TRY(dnb_map_walk_run(w, err));
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
done:
    dnb_free(w->sum);
    dnb_free(w->inner);
    dnb_free(w->outer);
    dnb_free(w->best);
    w->sum = w->inner = w->outer = w->best = NULL;
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

static dnb_status run_all(dnb_map_walk *w, const dnb_map_plan *plan, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_map_null *null = NULL;
    uint32_t *table = NULL;
    size_t m = plan->m, chunks = (m + plan->chunk - 1) / plan->chunk;
    DNB_TRY(dnb_map_permutations(&table, plan->n, w->o, err));
    w->table = table;
    w->total = chunks * plan->k * w->n_layers * (1 + (w->o->choose_layer ? plan->inner_k : 0));
    if (plan->n_perm > 1) {
        DNB_NEW(null, w->n_layers + 1, "permutation scores");
        for (size_t l = 0; l <= w->n_layers; l++)
            DNB_TRY(dnb_map_null_init(&null[l], plan->n_perm, m, err));
    }
    for (w->first = 0; w->first < m; w->first += plan->chunk) {
        w->chunk = m - w->first < plan->chunk ? m - w->first : plan->chunk;
        w->columns = w->chunk * plan->n_perm;
        DNB_TRY(run_chunk(w, null, err));
    }
    if (null)
        DNB_TRY(test_scores(w, null, err));
    find_modes(w->out);
    dnb_report(w->o->progress, "mapping", w->total, w->total);
done:
    for (size_t l = 0; null && l <= w->n_layers; l++)
        dnb_map_null_release(&null[l]);
    dnb_free(null);
    dnb_free(table);
    return status;
}

dnb_status dnb_mapping_run(dnb_mapping *out, const dnb_mapping_layer *layers, size_t n_layers,
                           const double *y, const int64_t *labels, size_t m,
                           const dnb_mapping_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_mapping map = {0};
    dnb_map_plan plan;
    dnb_map_layer *held = NULL;
    unsigned char *varies = NULL;
    dnb_mapping_options o;
    if (!y == !labels)
        return dnb_fail(err, DNB_EARG, "mapping: give either numbers or labels to predict");
    DNB_TRY(dnb_map_plan_init(&plan, layers, n_layers, labels != NULL, m, opt, err));
    o = *opt;
    o.memory = o.memory ? o.memory : dnb_memory_budget();
    map = (dnb_mapping){.n = plan.n, .m = m, .k = plan.k, .n_layers = n_layers};
    DNB_NEW(varies, m, "targets");
    if (y)
        DNB_TRY(dnb_map_check_targets(varies, y, plan.n, m, err));
    else
        DNB_TRY(find_classes(&map, labels, err));
    varies[0] |= !y; /* labels of two classes vary */
    for (size_t t = 0; t < m; t++)
        map.n_constant += !varies[t];
    DNB_TRY(new_results(&map, &o, err));
    DNB_NEW(held, n_layers, "layers");
    for (size_t l = 0; l < n_layers; l++) {
        /* Layers read so far and the results are held; the folds' work space is not yet. */
        DNB_TRY(dnb_check_cancel(o.progress, err));
        DNB_TRY(dnb_map_reduce(&held[l], &layers[l], &o, (size_t)plan.read, err));
        map.layer[l].rank = held[l].r;
    }
    dnb_map_walk w = {.o = &o,
                      .plan = &plan,
                      .layers = held,
                      .n_layers = n_layers,
                      .y = y,
                      .labels = labels,
                      .varies = varies,
                      .out = &map};
    DNB_TRY(run_all(&w, &plan, err));
    *out = map;
    map = (dnb_mapping){0};
done:
    for (size_t l = 0; held && l < n_layers; l++)
        dnb_map_layer_release(&held[l]);
    dnb_free(held);
    dnb_free(varies);
    dnb_mapping_release(&map);
    return status;
}
