/* What a mapping run is asked, checked; what it will hold, counted. */
#include <math.h>
#include <string.h>

#include "array/krylov.h"
#include "array/rows_load.h"
#include "base/mem.h"
#include "map/mapping_own.h"

static dnb_status check_layers(const dnb_mapping_layer *layers, size_t n_layers, dnb_err *err)
{
    if (n_layers == 0)
        return dnb_fail(err, DNB_EARG, "mapping: no layer given");
    for (size_t l = 0; l < n_layers; l++) {
        dnb_status status = dnb_rows_check(&layers[l].x, err);
        if (status != DNB_OK)
            return status;
        if (layers[l].x.n != layers[0].x.n)
            return dnb_fail(err, DNB_ESHAPE, "layer %s has %zu stimuli, layer %s has %zu",
                            layers[l].name, layers[l].x.n, layers[0].name, layers[0].x.n);
        if (layers[l].x.n > 46340)
            return dnb_fail(err, DNB_EUNSUPPORTED, "mapping: %zu stimuli; at most 46340 are served",
                            layers[l].x.n);
    }
    return DNB_OK;
}

/* The smallest training set: of the outer folds, or of inner folds of about equal size in them. */
static size_t least_train(const dnb_mapping_options *o, size_t n)
{
    size_t most = 0, inner = o->inner.k ? o->inner.k : 3, train;
    for (size_t f = 0; f < o->folds->k; f++)
        most = o->folds->sizes[f] > most ? o->folds->sizes[f] : most;
    train = n - most;
    return o->choose_layer ? train - (train + inner - 1) / inner : train;
}

static dnb_status check_scoring(const dnb_mapping_options *o, dnb_err *err)
{
    if (dnb_scoring_is_label(o->scoring) == o->classify)
        return DNB_OK;
    return dnb_fail(err, DNB_EARG, "mapping: %s scores %s, but the model predicts %s",
                    dnb_scoring_name(o->scoring), o->classify ? "numbers" : "labels",
                    o->classify ? "labels" : "numbers");
}

static dnb_status check_options(const dnb_mapping_layer *layers, size_t n_layers, bool has_labels,
                                size_t m, const dnb_mapping_options *o, dnb_err *err)
{
    size_t n = layers[0].x.n, train;
    if (!o || !o->folds)
        return dnb_fail(err, DNB_EARG, "mapping: no folds given");
    if (o->folds->n != n)
        return dnb_fail(err, DNB_ESHAPE, "mapping: folds of %zu rows for layers of %zu stimuli",
                        o->folds->n, n);
    if (m == 0)
        return dnb_fail(err, DNB_EARG, "mapping: no target given");
    if (o->classify != has_labels || (o->classify && m != 1))
        return dnb_fail(err, DNB_EARG,
                        o->classify ? "mapping: a classifier needs labels, one column"
                                    : "mapping: labels need a classifier");
    if (o->choose_layer && n_layers < 2)
        return dnb_fail(err, DNB_EARG, "mapping: the best of one layer cannot be chosen");
    train = least_train(o, n);
    for (size_t l = 0; o->n_components && l < n_layers; l++)
        if (o->n_components > train || o->n_components > layers[l].x.d)
            return dnb_fail(err, DNB_EARG,
                            "mapping: %zu principal components, but layer %s has %zu features and "
                            "the smallest training set %zu stimuli",
                            o->n_components, layers[l].name, layers[l].x.d, train);
    if (!o->classify && (unsigned)o->regression.kind >= DNB_REGRESSION_COUNT)
        return dnb_fail(err, DNB_EARG, "mapping: regression number %d is not known",
                        (int)o->regression.kind);
    for (size_t f = 0; f < o->folds->k; f++)
        if (!o->classify && o->folds->sizes[f] < dnb_scoring_min_rows(o->scoring))
            return dnb_fail(err, DNB_EARG,
                            "mapping: fold %zu tests %zu stimulus, and %s needs %zu; take fewer "
                            "folds or neg_mse",
                            f + 1, o->folds->sizes[f], dnb_scoring_name(o->scoring),
                            dnb_scoring_min_rows(o->scoring));
    return check_scoring(o, err);
}

static bool same_inner(const dnb_folds_options *a, const dnb_folds_options *b)
{
    return a->kind == b->kind && a->k == b->k && a->seed == b->seed && a->labels == b->labels &&
           a->groups == b->groups;
}

/* Whether model b can walk with model a. */
static dnb_status check_pair(const dnb_mapping_layer *layers, size_t n_layers,
                             const dnb_mapping_options *a, const dnb_mapping_options *b,
                             dnb_err *err)
{
    const char *differs =
        a->classify != b->classify           ? "kind of target"
        : a->n_components != b->n_components ? "number of components"
        : a->folds != b->folds               ? "folds"
        : !same_inner(&a->inner, &b->inner)  ? "inner folds"
        : a->choose_layer != b->choose_layer ? "choice of layers"
        : a->n_permutations != b->n_permutations || a->seed != b->seed || a->exchange != b->exchange
            ? "permutations"
            : NULL;
    if (differs)
        return dnb_fail(err, DNB_EARG,
                        "mapping: models of one run must have the same %s; run them apart",
                        differs);
    for (size_t l = 0; l < n_layers; l++)
        if (dnb_map_form_of(a, layers[l].x.n, layers[l].x.d) !=
            dnb_map_form_of(b, layers[l].x.n, layers[l].x.d))
            return dnb_fail(err, DNB_EARG,
                            "mapping: the models need layer %s in different forms; run them apart "
                            "or take principal components",
                            layers[l].name);
    return DNB_OK;
}

static dnb_status check_models(const dnb_mapping_layer *layers, size_t n_layers, bool has_labels,
                               size_t m, const dnb_mapping_options *models, size_t n_models,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (n_models == 0)
        return dnb_fail(err, DNB_EARG, "mapping: no model given");
    for (size_t i = 0; i < n_models && status == DNB_OK; i++) {
        status = check_options(layers, n_layers, has_labels, m, models ? &models[i] : NULL, err);
        if (status == DNB_OK && i > 0)
            status = check_pair(layers, n_layers, models, &models[i], err);
    }
    return status;
}

/* Bytes a layer's reduction keeps (`kept`) and a fold's design and model hold at their largest. */
static void count_layer(const dnb_mapping_layer *layer, const dnb_mapping_options *o, double *kept,
                        double *fold)
{
    double n = (double)layer->x.n, d = (double)layer->x.d, k = (double)o->n_components;
    double small = n < d ? n : d, r, held = 0;
    switch (dnb_map_form_of(o, layer->x.n, layer->x.d)) {
    case DNB_MAP_GRAM_PCA:
        *kept = n * n;
        held = n * n + 2 * n * k;
        held += dnb_krylov_suits(layer->x.n, o->n_components)
                    ? dnb_krylov_bytes(layer->x.n, o->n_components) / 8
                : 4 * k >= n ? 2 * n * n
                             : 8 * n * k;
        r = k;
        break;
    case DNB_MAP_GRAM_HAT:
        *kept = n * n;
        *fold = 6 * n * n; /* the pseudo-inverse's worst case */
        return;
    case DNB_MAP_COORDINATES:
        *kept = n * n;
        r = n;
        break;
    default:
        *kept = n * d + d;
        r = k > 0 ? k : d;
        if (k > 0)
            held = n * d + 4 * d * d + d * k;
    }
    if (k > 0)
        small = k;
    *fold = n * r + fmax(held, 3 * n * r + 4 * small * small);
}

/* Beyond this a Gram matrix is not made faster by more memory: tiles of columns are read once, and
 * whole rows are read once when all are held. */
static double most_to_read(const dnb_mapping_layer *layers, size_t n_layers)
{
    double most = 0;
    for (size_t l = 0; l < n_layers; l++) {
        const dnb_rows *x = &layers[l].x;
        double n = (double)x->n, need = 16 * n * n + 384e6;
        if (!x->data && x->whole_rows && !x->cheap)
            need += 2 * (double)dnb_rows_bytes(x);
        most = fmax(most, need);
    }
    return most;
}

static dnb_status fail_plan(const dnb_map_plan *p, double budget, dnb_err *err)
{
    return dnb_fail(err, DNB_ENOMEM,
                    "mapping holds %.1f MB (%.1f MB for the layers and a fold, %.1f MB for the "
                    "targets) and the memory budget is %.1f MB; take fewer layers or permutations, "
                    "or raise --memory",
                    p->total * 1e-6, p->fixed * 1e-6, (p->total - p->fixed) * 1e-6, budget * 1e-6);
}

/* Targets are taken in chunks when the scores of all their permutations do not fit at once; every
 * chunk repeats the folds' factorisations. */
static dnb_status plan_chunks(dnb_map_plan *p, bool whole, double results, double layers,
                              double budget, dnb_err *err)
{
    double sums = 8.0 * (double)p->n_perm * layers;
    double block_row = 8.0 * 5 * (double)p->n;
    double room = budget - p->fixed - results;
    p->block = 1024;
    if (p->block > p->m * p->n_perm)
        p->block = p->m * p->n_perm;
    while (p->block > 16 && block_row * (double)p->block > room / 2)
        p->block /= 2;
    p->chunk = p->m;
    double blocks = block_row * (double)(whole && p->block < p->m ? p->m : p->block);
    if (blocks + sums * (double)p->m > room && !whole && room > blocks + sums * 16)
        p->chunk = (size_t)((room - blocks) / sums);
    if (p->chunk > p->m)
        p->chunk = p->m;
    p->total = p->fixed + results + blocks + sums * (double)p->chunk;
    return p->total > budget ? fail_plan(p, budget, err) : DNB_OK;
}

static bool fits_whole(const dnb_mapping_options *o)
{
    return dnb_map_model_whole(o) || o->classify;
}

size_t dnb_map_block(const dnb_map_plan *p, const dnb_mapping_options *o)
{
    return fits_whole(o) ? p->m : p->block;
}

/* Layers, and the largest fold of any model: designs are shared and models come one by one. */
static void plan_layers(dnb_map_plan *p, const dnb_mapping_layer *layers, size_t n_layers,
                        const dnb_mapping_options *models, size_t n_models)
{
    double n = (double)p->n, kept = 0;
    for (size_t l = 0; l < n_layers; l++) {
        for (size_t i = 0; i < n_models; i++) {
            double one;
            count_layer(&layers[l], &models[i], &kept, &one);
            p->fold = fmax(p->fold, 8 * one);
        }
        p->fixed += 8 * kept; /* of one form for all models */
        /* Reading a layer holds a share of what is left, at least this. */
        p->fold = fmax(p->fold, 8 * n * n + 4e6);
    }
    p->fixed += p->fold + 4.0 * n * (double)p->n_perm;
}

/* Eigenvectors keep one thread busy better than many: designs with components are made side by side
 * where half of what is left of the budget holds as many as there are threads. */
static void plan_sides(dnb_map_plan *p, size_t n_layers, size_t n_components, double budget)
{
    size_t threads = (size_t)dnb_threads_get(), all = p->k * n_layers;
    p->side = threads < all ? threads : all;
    double more = (double)(p->side - 1) * p->fold;
    if (n_components == 0 || p->side < 2 || more > (budget - p->total) / 2) {
        p->side = 1;
        return;
    }
    p->fold += more;
    p->fixed += more;
    p->total += more;
}

/* Bytes of all models' results. */
static double count_results(const dnb_map_plan *p, size_t n_layers,
                            const dnb_mapping_options *models, size_t n_models)
{
    double all = 0, n = (double)p->n, m = (double)p->m, k = (double)p->k;
    for (size_t i = 0; i < n_models; i++) {
        double layer = k * m * 2 + m * 5 + (models[i].predictions ? n * m : 0);
        all += 8 * (layer * (double)n_layers + (models[i].choose_layer ? k * m * 2 + m * 8 : 0));
    }
    return all;
}

dnb_status dnb_map_plan_init(dnb_map_plan *out, const dnb_mapping_layer *layers, size_t n_layers,
                             bool has_labels, size_t m, const dnb_mapping_options *o,
                             size_t n_models, dnb_err *err)
{
    bool whole = false;
    dnb_status status = check_layers(layers, n_layers, err);
    if (status == DNB_OK)
        status = check_models(layers, n_layers, has_labels, m, o, n_models, err);
    if (status != DNB_OK)
        return status;
    dnb_map_plan p = {.n = layers[0].x.n,
                      .m = m,
                      .k = o->folds->k,
                      .n_perm = o->n_permutations + 1,
                      .inner_k = o->inner.k ? o->inner.k : 3};
    plan_layers(&p, layers, n_layers, o, n_models);
    double results = count_results(&p, n_layers, o, n_models);
    for (size_t i = 0; i < n_models; i++)
        whole = whole || fits_whole(&o[i]);
    p.read = fmax(p.fold, most_to_read(layers, n_layers));
    double sums = (double)n_layers * (o->choose_layer ? 3 : 1) + (o->choose_layer ? 1 : 0);
    sums *= (double)n_models;
    double budget = (double)(o->memory ? o->memory : dnb_memory_budget());
    status = plan_chunks(&p, whole, results, sums, budget, err);
    if (status != DNB_OK)
        return status;
    plan_sides(&p, n_layers, o->n_components, budget);
    p.read = fmax(p.read, p.fold);
    p.read = fmin(p.read, p.fold + budget - p.total);
    p.total += p.read - p.fold;
    *out = p;
    return DNB_OK;
}

dnb_status dnb_mapping_plan_models(size_t *bytes, const dnb_mapping_layer *layers, size_t n_layers,
                                   size_t m, const dnb_mapping_options *models, size_t n_models,
                                   dnb_err *err)
{
    dnb_map_plan p;
    bool has_labels = models && n_models && models->classify;
    dnb_status status =
        dnb_map_plan_init(&p, layers, n_layers, has_labels, m, models, n_models, err);
    if (status == DNB_OK)
        *bytes = (size_t)p.total;
    return status;
}

dnb_status dnb_mapping_plan_bytes(size_t *bytes, const dnb_mapping_layer *layers, size_t n_layers,
                                  size_t m, const dnb_mapping_options *opt, dnb_err *err)
{
    return dnb_mapping_plan_models(bytes, layers, n_layers, m, opt, 1, err);
}

dnb_status dnb_map_check_targets(unsigned char *varies, const double *y, size_t n, size_t m,
                                 dnb_err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++) {
            if (!isfinite(y[i * m + t]))
                return dnb_fail(err, DNB_EARG,
                                "mapping: target %zu is NaN or infinite at stimulus %zu; leave the "
                                "target or the stimulus out",
                                t + 1, i + 1);
            if (varies)
                varies[t] |= y[i * m + t] != y[t];
        }
    return DNB_OK;
}

dnb_status dnb_map_weights_plan(double *bytes, const dnb_mapping_layer *layer, bool has_labels,
                                size_t m, const dnb_mapping_options *o, dnb_err *err)
{
    double kept, fold, n = (double)layer->x.n, d = (double)layer->x.d, dm = (double)m;
    dnb_status status = check_layers(layer, 1, err);
    if (status != DNB_OK)
        return status;
    if (o->classify != has_labels)
        return dnb_fail(err, DNB_EARG,
                        o->classify ? "mapping: a classifier needs labels, one column"
                                    : "mapping: labels need a classifier");
    if (m == 0)
        return dnb_fail(err, DNB_EARG, "mapping: no target given");
    if (o->n_components > layer->x.n || o->n_components > layer->x.d)
        return dnb_fail(err, DNB_EARG, "%zu principal components of %zu stimuli with %zu features",
                        o->n_components, layer->x.n, layer->x.d);
    count_layer(layer, o, &kept, &fold);
    if (dnb_map_form_of(o, layer->x.n, layer->x.d) != DNB_MAP_FEATURES)
        d = fmin(n, d);
    *bytes = 8 * (kept + fold + 2 * d * dm + 2 * (double)layer->x.d) + 64e6;
    return DNB_OK;
}
