/* Runs the mapping engine on .npy files, for diff_mapping.py and bench_mapping.py:
 *   probe_mapping run OUT_PREFIX Y.npy LAYER.npy ... [key=value ...]
 *   probe_mapping weights OUT_PREFIX Y.npy LAYER.npy [key=value ...]
 *   probe_mapping eigen OUT_PREFIX A.npy k=K
 * A Y of int64 holds labels. model=A,B,... runs several in one call; their files are PREFIX.A_...
 * and so on; pls1 is pls target by target. Keys: model, alphas=A,B,..., choice=fixed|cv|gcv|loo,
 * components (PLS), per_target, no_scale, l1_ratio, tolerance, c, pca, folds=KIND, k, inner_k,
 * scoring, choose, permutations, exchange=FILE.npy, seed, memory, threads, source=tiles|rows,
 * predictions. Prints the seconds it took and what it reports. */
#include "dnnbrain/array.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/mapping.h"
#include "probe_words.h"

enum { MOST = 16, MODELS = 4 };

typedef struct probe {
    char **argv;
    int n_files; /* Y and the layers */
    probe_words words;
    const char *prefix;
    dnb_array y, layer[MOST], exchange;
    dnb_mapping_layer layers[MOST];
    dnb_rows held[MOST];
    size_t n_layers, m;
    double alphas[64];
    dnb_folds folds;
    dnb_mapping_options o; /* of the first model */
    dnb_mapping_options models[MODELS];
    char names[MODELS][32];
    size_t n_models;
} probe;

typedef struct npy_file {
    FILE *f;
    size_t d;
    long data;
} npy_file;

static dnb_status read_file(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    const npy_file *x = ctx;
    for (size_t i = 0; i < n_rows; i++)
        if (fseek(x->f, x->data + (long)(((row + i) * x->d + col) * sizeof(float)), SEEK_SET) !=
                0 ||
            fread((float *)dst + i * n_cols, sizeof(float), n_cols, x->f) != n_cols)
            return dnb_fail(err, DNB_EIO, "a layer's file is too short");
    return DNB_OK;
}

/* A float32 .npy of as many rows as Y has; stays open until the program ends. */
static dnb_status open_file(probe *p, size_t l, const char *path, dnb_err *err)
{
    static npy_file files[MOST];
    unsigned char head[10];
    npy_file *x = &files[l];
    x->f = fopen(path, "rb");
    if (!x->f || fread(head, 1, sizeof head, x->f) != sizeof head || fseek(x->f, 0, SEEK_END) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot read", path);
    setvbuf(x->f, NULL, _IONBF, 0); /* pieces of rows are asked for far apart */
    x->data = 10 + head[8] + 256L * head[9];
    x->d = (size_t)(ftell(x->f) - x->data) / sizeof(float) / p->y.shape[0];
    p->layers[l].name = path;
    p->layers[l].x =
        (dnb_rows){.n = p->y.shape[0], .d = x->d, .dtype = DNB_F32, .read = read_file, .ctx = x};
    return DNB_OK;
}

static dnb_status load_layers(probe *p, dnb_err *err)
{
    const char *source = probe_text(&p->words, "source");
    for (int i = 4; i < 3 + p->n_files; i++) {
        size_t l = p->n_layers++;
        if (source && strcmp(source, "file") == 0) {
            dnb_status opened = open_file(p, l, p->argv[i], err);
            if (opened != DNB_OK)
                return opened;
            continue;
        }
        dnb_status status = dnb_npy_read(&p->layer[l], p->argv[i], err);
        if (status == DNB_OK)
            status = dnb_rows_of_array(&p->held[l], &p->layer[l], err);
        if (status != DNB_OK)
            return status;
        p->layers[l] = (dnb_mapping_layer){p->argv[i], probe_source(&p->words, &p->held[l])};
    }
    return DNB_OK;
}

static dnb_status set_model(probe *p, const char *model, dnb_err *err)
{
    dnb_mapping_options *o = &p->o;
    const char *choice = probe_text(&p->words, "choice");
    o->classify = p->y.dtype == DNB_I64;
    if (o->classify) {
        o->classifier.c = probe_number(&p->words, "c", 0);
        o->classifier.l1 = probe_flag(&p->words, "l1");
        o->classifier.tolerance = probe_number(&p->words, "tolerance", 0);
        return dnb_classifier_parse(&o->classifier.kind, model ? model : "lrc", err);
    }
    o->regression.l1_ratio = probe_number(&p->words, "l1_ratio", 0.5);
    o->regression.components = probe_size(&p->words, "components", 2);
    o->regression.per_target = probe_flag(&p->words, "per_target");
    o->regression.no_scale = probe_flag(&p->words, "no_scale");
    o->regression.tolerance = probe_number(&p->words, "tolerance", 0);
    o->regression.scoring = DNB_SCORE_R2;
    o->regression.n_alphas = probe_list(&p->words, "alphas", p->alphas, 64);
    o->regression.alphas = o->regression.n_alphas ? p->alphas : NULL;
    if (choice)
        o->regression.choice = strcmp(choice, "cv") == 0    ? DNB_PENALTY_CV
                               : strcmp(choice, "gcv") == 0 ? DNB_PENALTY_GCV
                               : strcmp(choice, "loo") == 0 ? DNB_PENALTY_LOO
                                                            : DNB_PENALTY_FIXED;
    if (model && strcmp(model, "pls1") == 0) {
        o->regression.per_target = true;
        model = "pls";
    }
    return dnb_regression_parse(&o->regression.kind, model ? model : "glm", err);
}

/* The names after model=, between commas. */
static dnb_status name_models(probe *p, dnb_err *err)
{
    for (const char *s = probe_text(&p->words, "model"); s;
         s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
        size_t length = strcspn(s, ",");
        if (p->n_models == MODELS || length >= sizeof p->names[0])
            return dnb_fail(err, DNB_EARG, "too many models, or too long a name");
        memcpy(p->names[p->n_models++], s, length);
    }
    return DNB_OK;
}

/* Every model's options: the first one's but for the model itself. */
static dnb_status set_models(probe *p, dnb_err *err)
{
    dnb_mapping_options first = p->o;
    dnb_status status = DNB_OK;
    p->models[0] = first;
    for (size_t i = 1; i < p->n_models && status == DNB_OK; i++) {
        p->o = first;
        p->o.regression = (dnb_regression_options){0};
        status = set_model(p, p->names[i], err);
        p->models[i] = p->o;
    }
    p->o = first;
    p->n_models = p->n_models ? p->n_models : 1;
    return status;
}

static dnb_status set_up(probe *p, dnb_err *err)
{
    dnb_mapping_options *o = &p->o;
    dnb_folds_options fo = {.k = probe_size(&p->words, "k", 3)};
    const char *scoring = probe_text(&p->words, "scoring"),
               *exchange = probe_text(&p->words, "exchange");
    const char *kind = probe_text(&p->words, "folds");
    dnb_status status = dnb_npy_read(&p->y, p->argv[3], err);
    if (status == DNB_OK)
        status = load_layers(p, err);
    if (status == DNB_OK)
        status = name_models(p, err);
    if (status == DNB_OK)
        status = set_model(p, p->n_models ? p->names[0] : NULL, err);
    if (status == DNB_OK && kind)
        status = dnb_folds_kind_parse(&fo.kind, kind, err);
    if (status != DNB_OK)
        return status;
    p->m = p->y.ndim > 1 ? p->y.shape[1] : 1;
    if (o->classify)
        fo.labels = p->y.data;
    o->n_components = probe_size(&p->words, "pca", 0);
    o->inner = fo;
    o->inner.k = probe_size(&p->words, "inner_k", 0);
    o->choose_layer = probe_flag(&p->words, "choose");
    o->predictions = probe_flag(&p->words, "predictions");
    o->n_permutations = probe_size(&p->words, "permutations", 0);
    o->seed = (uint64_t)probe_number(&p->words, "seed", 1);
    o->memory = probe_size(&p->words, "memory", 0);
    o->scoring = o->classify ? DNB_SCORE_ACCURACY : DNB_SCORE_EXPLAINED_VARIANCE;
    if (scoring)
        status = dnb_scoring_parse(&o->scoring, scoring, err);
    if (status == DNB_OK && exchange)
        status = dnb_npy_read(&p->exchange, exchange, err);
    o->exchange = p->exchange.data;
    if (status == DNB_OK)
        status = dnb_folds_init(&p->folds, p->y.shape[0], &fo, err);
    o->folds = &p->folds;
    return status == DNB_OK ? set_models(p, err) : status;
}

/* PREFIX_NAME.npy of doubles; nothing where x is NULL. */
static dnb_status save(const probe *p, const char *name, const double *x, size_t rows, size_t cols,
                       dnb_err *err)
{
    char path[4096];
    dnb_array a = {0};
    dnb_status status;
    if (!x)
        return DNB_OK;
    snprintf(path, sizeof path, "%s_%s.npy", p->prefix, name);
    status = dnb_array_init(&a, DNB_F64, 2, (size_t[]){rows, cols}, err);
    if (status != DNB_OK)
        return status;
    memcpy(a.data, x, rows * cols * sizeof *x);
    status = dnb_npy_write(&a, path, err);
    dnb_array_release(&a);
    return status;
}

static dnb_status save_sizes(const probe *p, const char *name, const size_t *x, size_t rows,
                             size_t cols, dnb_err *err)
{
    double *v = x ? malloc(rows * cols * sizeof *v) : NULL;
    dnb_status status;
    for (size_t i = 0; v && i < rows * cols; i++)
        v[i] = (double)x[i];
    status = save(p, name, v, rows, cols, err);
    free(v);
    return status;
}

static dnb_status save_test(const probe *p, const char *name, const dnb_mapping_test *t, size_t m,
                            dnb_err *err)
{
    const double *const part[3] = {t->p, t->p_max, t->q};
    static const char *const names[3] = {"p", "pmax", "q"};
    dnb_status status = DNB_OK;
    for (int i = 0; i < 3 && status == DNB_OK; i++) {
        char full[64];
        snprintf(full, sizeof full, "%s%s", name, names[i]);
        status = save(p, full, part[i], 1, m, err);
    }
    return status;
}

static dnb_status save_layer(const probe *p, const dnb_mapping *map, size_t l, dnb_err *err)
{
    const dnb_mapping_scores *s = &map->layer[l];
    const struct {
        const char *name;
        const double *x;
        size_t rows, cols;
    } part[] = {{"score", s->score, map->k, map->m},
                {"mean", s->mean, 1, map->m},
                {"alpha", s->alpha, map->k, map->m},
                {"prediction", s->prediction, map->n, map->m},
                {"confusion", s->confusion, map->k, map->n_classes * map->n_classes}};
    char name[64];
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < sizeof part / sizeof *part && status == DNB_OK; i++) {
        snprintf(name, sizeof name, "%zu_%s", l, part[i].name);
        status = save(p, name, part[i].x, part[i].rows, part[i].cols, err);
    }
    snprintf(name, sizeof name, "%zu_", l);
    return status == DNB_OK ? save_test(p, name, &s->test, map->m, err) : status;
}

static dnb_status save_map(const probe *p, const dnb_mapping *map, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t l = 0; l < map->n_layers && status == DNB_OK; l++)
        status = save_layer(p, map, l, err);
    if (status == DNB_OK)
        status = save(p, "family", map->p_family, map->n_layers, map->m, err);
    if (status == DNB_OK)
        status = save_sizes(p, "best_layer", map->best.layer, map->k, map->m, err);
    if (status == DNB_OK)
        status = save_sizes(p, "best_chosen", map->best.chosen, map->n_layers, map->m, err);
    if (status == DNB_OK)
        status = save(p, "best_score", map->best.score, map->k, map->m, err);
    return status == DNB_OK ? save_test(p, "best_", &map->best.test, map->m, err) : status;
}

static dnb_status run(probe *p, dnb_err *err)
{
    dnb_mapping map[MODELS] = {{0}};
    const char *prefix = p->prefix;
    const double *y = p->o.classify ? NULL : p->y.data;
    const int64_t *labels = p->o.classify ? p->y.data : NULL;
    size_t bytes = 0;
    double start = probe_clock(false), cpu = probe_clock(true);
    dnb_status status =
        dnb_mapping_plan_models(&bytes, p->layers, p->n_layers, p->m, p->models, p->n_models, err);
    if (status == DNB_OK)
        status = dnb_mapping_run_models(map, p->layers, p->n_layers, y, labels, p->m, p->models,
                                        p->n_models, err);
    if (status != DNB_OK)
        return status;
    printf("seconds %.3f cpu %.3f planned %.1f peak %.1f constant %zu\n",
           probe_clock(false) - start, probe_clock(true) - cpu, (double)bytes * 1e-6,
           (double)dnb_memory_peak() * 1e-6, map[0].n_constant);
    for (size_t i = 0; i < p->n_models && status == DNB_OK; i++) {
        char named[4096];
        snprintf(named, sizeof named, "%s.%s", prefix, p->names[i]);
        p->prefix = p->n_models > 1 ? named : prefix;
        status = save_map(p, &map[i], err);
        p->prefix = prefix;
        dnb_mapping_release(&map[i]);
    }
    return status;
}

static dnb_status weights(probe *p, dnb_err *err)
{
    dnb_mapping_weights *w = NULL;
    dnb_status status = dnb_mapping_weights_new(&w, p->layers, p->y.data, NULL, p->m, &p->o, err);
    size_t d = p->layers[0].x.d, m = p->m, step = d / 3 + 1;
    double *all = malloc(d * m * sizeof *all);
    for (size_t i = 0; i < d && status == DNB_OK; i += step)
        status = dnb_mapping_weights_read(all + i * m, w, i, d - i < step ? d - i : step, err);
    if (status == DNB_OK)
        status = save(p, "weights", all, d, m, err);
    if (status == DNB_OK)
        status = save(p, "intercept", dnb_mapping_weights_intercept(w), 1, m, err);
    if (status == DNB_OK)
        status = save(p, "alpha", dnb_mapping_weights_alpha(w), 1, m, err);
    dnb_mapping_weights_free(w);
    free(all);
    return status;
}

static dnb_status eigen(probe *p, dnb_err *err)
{
    dnb_array a = {0};
    dnb_status status = dnb_npy_read(&a, p->argv[3], err);
    size_t n, k = probe_size(&p->words, "k", 1);
    double *values, *vectors, start;
    if (status != DNB_OK)
        return status;
    n = a.shape[0];
    values = malloc(k * sizeof *values);
    vectors = malloc(n * k * sizeof *vectors);
    start = probe_clock(false);
    status = dnb_eigen(values, vectors, a.data, n, k, err);
    printf("seconds %.3f\n", probe_clock(false) - start);
    if (status == DNB_OK)
        status = save(p, "values", values, 1, k, err);
    if (status == DNB_OK)
        status = save(p, "vectors", vectors, n, k, err);
    free(values);
    free(vectors);
    dnb_array_release(&a);
    return status;
}

int main(int argc, char **argv)
{
    probe p = {.argv = argv};
    dnb_err err = {0};
    dnb_status status;
    if (argc < 4)
        return 2;
    p.prefix = argv[2];
    p.words = probe_words_after(argc, argv, 3, &p.n_files);
    probe_check_keys(&p.words, "model alphas choice components per_target no_scale l1 l1_ratio "
                               "tolerance c pca folds k inner_k scoring choose permutations "
                               "exchange seed memory threads source predictions");
    if (probe_text(&p.words, "threads"))
        dnb_threads_set((int)probe_number(&p.words, "threads", 1));
    if (strcmp(argv[1], "eigen") == 0) {
        status = eigen(&p, &err);
    } else {
        status = set_up(&p, &err);
        if (status == DNB_OK)
            status = strcmp(argv[1], "weights") == 0 ? weights(&p, &err) : run(&p, &err);
    }
    dnb_folds_release(&p.folds);
    dnb_array_release(&p.y);
    dnb_array_release(&p.exchange);
    for (size_t l = 0; l < p.n_layers; l++)
        dnb_array_release(&p.layer[l]);
    return probe_said(status, &err);
}
