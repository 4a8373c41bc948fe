/* What saved weights say of rows: products a block of features at a time, then, for classifiers,
 * the decision. */
#include <math.h>
#include <string.h>

#include "array/rows_load.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "map/mapping_own.h"
#include "map/weightsfile_file.h"

enum { FEATURES = 4096 /* multiplied at a time */ };

static const size_t *sets_of(const dnb_weightsfile *f, size_t layer, size_t target)
{
    return f->set + (layer * dnb_weights_models(&f->info) + target) * DNB_WEIGHTS_PARTS;
}

static dnb_status check_rows(const dnb_weightsfile *f, size_t layer, const dnb_rows *x,
                             dnb_err *err)
{
    if (layer >= f->info.n_layers)
        return dnb_fail(err, DNB_EARG, "%s: no layer %zu", f->h5->path, layer);
    const size_t *s = f->layers[layer].shape;
    dnb_status status = dnb_rows_check(x, err);
    if (status == DNB_OK && x->d != s[0] * s[1] * s[2])
        status = dnb_fail(err, DNB_ESHAPE, "%s: weights of %s are for %zu features, not %zu",
                          f->h5->path, f->layers[layer].name, s[0] * s[1] * s[2], x->d);
    return status;
}

/* Features taken at a time: as many as the memory allows where whole rows are read anyhow. */
static size_t choose_step(const dnb_rows *x, size_t m, size_t memory)
{
    size_t fit = memory / 4 / (8 * m), step = x->whole_rows && !x->data ? x->d : FEATURES;
    step = step < x->d ? step : x->d;
    return fit < 1 ? 1 : fit < step ? fit : step;
}

/* z (x->n x m) += x W^T for the weights (m x d) of a dataset. */
static dnb_status add_products(double *z, dnb_weightsfile *f, size_t set, size_t m,
                               const dnb_rows *x, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_matmul_options o = {.transpose_b = true, .alpha = 1, .beta = 1};
    size_t step = choose_step(x, m, memory), rows = dnb_map_rows_at_once(x, step, memory);
    double *w = NULL, *tile = NULL, *raw = NULL;
    DNB_NEW(w, m * step, "a block of weights");
    DNB_NEW(tile, rows * step, "a tile of features");
    if (!x->data)
        DNB_NEW(raw, rows * (x->whole_rows ? x->d : step), "a tile of features");
    for (size_t j = 0; j < x->d; j += step) {
        size_t count = x->d - j < step ? x->d - j : step;
        dnb_h5_range block = {.n = m, .u = j, .n_unit = count};
        DNB_TRY(dnb_h5_read(f->h5, set, block, DNB_F64, w, err));
        for (size_t i = 0; i < x->n; i += rows) {
            size_t n = x->n - i < rows ? x->n - i : rows;
            DNB_TRY(dnb_map_read_columns(tile, raw, x, i, n, j, count, err));
            DNB_TRY(dnb_matmul(z + i * m, m, tile, count, w, count, n, m, count, &o, err));
        }
    }
done:
    dnb_free(w);
    dnb_free(tile);
    dnb_free(raw);
    return status;
}

/* z (x->n x m) = x W^T + b. */
static dnb_status project(double *z, dnb_weightsfile *f, size_t layer, size_t target, size_t m,
                          const dnb_rows *x, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const size_t *sets = sets_of(f, layer, target);
    double *b = NULL;
    dnb_h5_range all = {.n = m, .n_unit = 1};
    DNB_NEW(b, m, "intercepts");
    DNB_TRY(dnb_h5_read(f->h5, sets[1], all, DNB_F64, b, err));
    for (size_t i = 0; i < x->n; i++)
        memcpy(z + i * m, b, m * sizeof *b);
    DNB_TRY(add_products(z, f, sets[0], m, x, memory, err));
    for (size_t i = 0; i < x->n * m; i++)
        if (!isfinite(z[i]))
            DNB_TRY(dnb_fail(err, DNB_EARG,
                             "%s: %s: NaN or infinity in the features of stimulus %zu, or in the "
                             "weights",
                             f->h5->path, f->layers[layer].name, i / m + 1));
done:
    dnb_free(b);
    return status;
}

static size_t budget(size_t memory)
{
    return memory ? memory : dnb_memory_budget();
}

dnb_status dnb_weightsfile_predict(double *y, dnb_weightsfile *f, size_t layer, const dnb_rows *x,
                                   size_t memory, dnb_err *err)
{
    dnb_status status = check_rows(f, layer, x, err);
    if (status == DNB_OK && f->info.classify)
        status =
            dnb_fail(err, DNB_EARG, "%s: holds a classifier, which predicts classes", f->h5->path);
    if (status != DNB_OK)
        return status;
    return project(y, f, layer, 0, f->info.n_targets, x, budget(memory), err);
}

/* ---- classifiers ---- */

/* A whole dataset. */
static dnb_status read_all(double **out, dnb_weightsfile *f, size_t set, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_h5_set *s = &f->h5->sets[set];
    dnb_h5_range all = {.n = s->shape[0], .n_unit = dnb_h5_row_items(s)};
    size_t count;
    if (!dnb_mul_size(&count, all.n, all.n_unit))
        return dnb_fail_memory(err, s->name, (size_t)-1);
    DNB_NEW(*out, count, s->name);
    status = dnb_h5_read(f->h5, set, all, DNB_F64, *out, err);
done:
    return status;
}

/* What decides from the projected values, or from the features; its labels are classes' places. */
static dnb_status make_head(dnb_classifier **out, dnb_weightsfile *f, size_t layer, size_t target,
                            dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t k = f->info.classes[target].n;
    const size_t *set = sets_of(f, layer, target) + (dnb_weights_projects(&f->info) ? 2 : 0);
    double *moment[3] = {NULL};
    int64_t *classes = NULL;
    dnb_classifier_parts p = {.kind = f->info.classifier, .n_classes = k};
    p.n_columns = dnb_classifier_map_count(p.kind, k);
    DNB_NEW(classes, k, "classes");
    for (size_t i = 0; i < k; i++)
        classes[i] = (int64_t)i;
    p.classes = classes;
    for (size_t i = 0; i < 3 && p.kind == DNB_NAIVE_BAYES; i++)
        DNB_TRY(read_all(&moment[i], f, set[i], err));
    p.mean = moment[0];
    p.variance = moment[1];
    p.prior = moment[2];
    if (p.kind == DNB_NAIVE_BAYES)
        p.n_columns = dnb_h5_row_items(&f->h5->sets[set[0]]);
    status = dnb_classifier_new(out, &p, err);
    if (status == DNB_EARG)
        status =
            dnb_fail_prefix(err, DNB_EFORMAT, "%s: '%s'", f->h5->path, f->info.targets[target]);
done:
    for (size_t i = 0; i < 3; i++)
        dnb_free(moment[i]);
    dnb_free(classes);
    return status;
}

/* One block of rows of the columns that the head decides from. */
static dnb_status decide(size_t *said, double *values, const dnb_classifier *head, const double *z,
                         size_t n, bool probability, dnb_err *err)
{
    dnb_status status = DNB_OK;
    int64_t *labels = NULL;
    DNB_NEW(labels, n, "predictions");
    DNB_TRY(dnb_classifier_predict(labels, probability ? NULL : values, head, z, n, err));
    if (probability && values)
        DNB_TRY(dnb_classifier_probability(values, head, z, n, err));
    for (size_t i = 0; i < n; i++)
        said[i] = (size_t)labels[i];
done:
    dnb_free(labels);
    return status;
}

/* Naive Bayes of the features themselves, some rows at a time. */
static dnb_status decide_rows(size_t *said, double *values, const dnb_classifier *head,
                              const dnb_rows *x, bool probability, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t k = dnb_classifier_classes(head, NULL), rows = dnb_map_rows_at_once(x, x->d, memory);
    double *tile = NULL, *raw = NULL;
    DNB_NEW(tile, rows * x->d, "rows of features");
    if (!x->data)
        DNB_NEW(raw, rows * x->d, "rows of features");
    for (size_t i = 0; i < x->n; i += rows) {
        size_t n = x->n - i < rows ? x->n - i : rows;
        DNB_TRY(dnb_map_read_columns(tile, raw, x, i, n, 0, x->d, err));
        DNB_TRY(decide(said + i, values ? values + i * k : NULL, head, tile, n, probability, err));
    }
done:
    dnb_free(tile);
    dnb_free(raw);
    return status;
}

static dnb_status check_memory(const dnb_weightsfile *f, size_t layer, const dnb_rows *x, size_t m,
                               size_t memory, dnb_err *err)
{
    double bytes = 8.0 * (double)x->n * (double)m;
    if (bytes <= (double)memory / 2)
        return DNB_OK;
    return dnb_fail(err, DNB_ENOMEM,
                    "%s: values of %zu stimuli and %zu linear maps of %s take %.1f MB; raise "
                    "--memory",
                    f->h5->path, x->n, m, f->layers[layer].name, bytes * 1e-6);
}

dnb_status dnb_weightsfile_classify(size_t *said, double *values, dnb_weightsfile *f, size_t layer,
                                    size_t target, const dnb_rows *x, bool probability,
                                    size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_classifier *head = NULL;
    double *z = NULL, *mine = NULL;
    size_t *ours = NULL;
    DNB_TRY(check_rows(f, layer, x, err));
    if (!f->info.classify || target >= f->info.n_targets)
        DNB_TRY(
            dnb_fail(err, DNB_EARG, "%s: holds no classifier of target %zu", f->h5->path, target));
    if (probability && f->info.classifier == DNB_SVC)
        DNB_TRY(dnb_fail(err, DNB_EUNSUPPORTED,
                         "%s: support vectors give decision values, not probabilities",
                         f->h5->path));
    DNB_TRY(make_head(&head, f, layer, target, err));
    size_t k = f->info.classes[target].n, m = dnb_classifier_columns(head);
    DNB_NEW(ours, x->n, "predictions");
    if (values)
        DNB_NEW(mine, x->n * k, "decision values");
    if (dnb_weights_projects(&f->info)) {
        DNB_TRY(check_memory(f, layer, x, m, budget(memory), err));
        DNB_NEW(z, x->n * m, "values of linear maps");
        DNB_TRY(project(z, f, layer, target, m, x, budget(memory) / 2, err));
        DNB_TRY(decide(ours, mine, head, z, x->n, probability, err));
    } else {
        DNB_TRY(decide_rows(ours, mine, head, x, probability, budget(memory), err));
    }
    memcpy(said, ours, x->n * sizeof *said);
    if (values)
        memcpy(values, mine, x->n * k * sizeof *values);
done:
    dnb_classifier_free(head);
    dnb_free(z);
    dnb_free(mine);
    dnb_free(ours);
    return status;
}
