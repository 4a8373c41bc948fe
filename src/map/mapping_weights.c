/* The model of all rows as weights of features: held as coefficients, or as dual weights of the
 * stimuli, which a pass over the layer turns into a block of features' weights. */
#include <cblas.h>
#include <string.h>

#include "array/serial.h"
#include "array/sweep.h"
#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/linalg.h"
#include "map/mapping_own.h"
#include "stats/classify_own.h"

struct dnb_mapping_weights {
    dnb_rows x;
    size_t n, d, m, memory;
    double *coef;         /* d x m; or */
    double *dual;         /* n x m, columns sum to 0: W = X^T dual */
    double *intercept;    /* m */
    double *alpha;        /* m or NULL */
    dnb_classifier *head; /* decides from the m values, or (m 0) from the features; or NULL */
};

void dnb_mapping_weights_free(dnb_mapping_weights *w)
{
    if (!w)
        return;
    dnb_free(w->coef);
    dnb_free(w->dual);
    dnb_free(w->intercept);
    dnb_free(w->alpha);
    dnb_classifier_free(w->head);
    dnb_free(w);
}

size_t dnb_mapping_weights_features(const dnb_mapping_weights *w)
{
    return w->d;
}

size_t dnb_mapping_weights_targets(const dnb_mapping_weights *w)
{
    return w->m;
}

const double *dnb_mapping_weights_intercept(const dnb_mapping_weights *w)
{
    return w->intercept;
}

const double *dnb_mapping_weights_alpha(const dnb_mapping_weights *w)
{
    return w->alpha;
}

const dnb_classifier *dnb_mapping_weights_classifier(const dnb_mapping_weights *w)
{
    return w->head;
}

dnb_status dnb_map_read_columns(double *dst, void *raw, const dnb_rows *x, size_t i, size_t n,
                                size_t first, size_t count, dnb_err *err)
{
    size_t stride = count, item = x->dtype == DNB_F32 ? sizeof(float) : sizeof(double);
    const char *src = raw;
    if (x->data) {
        src = (const char *)x->data + (i * x->stride + first) * item;
        stride = x->stride;
    } else {
        size_t from = x->whole_rows ? 0 : first;
        stride = x->whole_rows ? x->d : count;
        dnb_status status = x->read(x->ctx, i, n, from, stride, raw, err);
        if (status != DNB_OK)
            return status;
        src += (first - from) * item;
    }
#pragma omp parallel for schedule(static)
    for (size_t q = 0; q < n; q++)
        for (size_t j = 0; j < count; j++)
            dst[q * count + j] = x->dtype == DNB_F32
                                     ? ((const float *)(const void *)src)[q * stride + j]
                                     : ((const double *)(const void *)src)[q * stride + j];
    return DNB_OK;
}

size_t dnb_map_rows_at_once(const dnb_rows *x, size_t count, size_t memory)
{
    size_t row = 8 * (count + (x->data ? 0 : x->whole_rows ? x->d : count)) + 1;
    size_t rows = (memory < ((size_t)1 << 28) ? memory : (size_t)1 << 28) / 2 / row;
    return rows < 1 ? 1 : rows > x->n ? x->n : rows;
}

dnb_status dnb_mapping_weights_read(double *dst, const dnb_mapping_weights *w, size_t first,
                                    size_t count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_rows *x = &w->x;
    double *tile = NULL, *raw = NULL, *sum = NULL;
    const double *from = NULL;
    size_t step = dnb_map_rows_at_once(x, count, w->memory);
    dnb_matmul_options o = {.transpose_a = true, .alpha = 1};
    if (first > w->d || count > w->d - first)
        return dnb_fail(err, DNB_EARG, "weights of features %zu to %zu of %zu", first + 1,
                        first + count, w->d);
    if (w->m == 0)
        return dnb_fail(err, DNB_EARG, "naive Bayes of features has no weights");
    if (w->coef) {
        from = w->coef + first * w->m;
    } else {
        DNB_NEW(sum, count * w->m, "a block of weights");
        DNB_NEW(tile, step * count, "a tile of features");
        if (!x->data)
            DNB_NEW(raw, step * (x->whole_rows ? x->d : count), "a tile of features");
        from = sum;
    }
    for (size_t i = 0; sum && i < x->n; i += step) {
        size_t n = x->n - i < step ? x->n - i : step;
        o.beta = i > 0;
        DNB_TRY(dnb_map_read_columns(tile, raw, x, i, n, first, count, err));
        DNB_TRY(
            dnb_matmul(sum, w->m, tile, count, w->dual + i * w->m, w->m, count, w->m, n, &o, err));
    }
    memcpy(dst, from, count * w->m * sizeof *dst);
done:
    dnb_free(tile);
    dnb_free(raw);
    dnb_free(sum);
    return status;
}

/* intercept -= (mean row) W, W being X^T dual: the mean row's products with the centred rows are
 * enough. */
static dnb_status intercept_of_dual(dnb_mapping_weights *w, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_rows *x = &w->x;
    double *mean = NULL, *ss = NULL, *tile = NULL, *raw = NULL, *product = NULL;
    size_t d = w->d, step = dnb_map_rows_at_once(x, d, w->memory);
    DNB_NEW(mean, d, "feature means");
    DNB_NEW(ss, d, "feature means");
    DNB_NEW(product, w->n, "feature means");
    DNB_TRY(dnb_columns_moments(mean, ss, x, NULL, NULL, w->memory, err));
    DNB_NEW(tile, step * d, "a tile of features");
    if (!x->data)
        DNB_NEW(raw, step * d, "a tile of features");
    for (size_t i = 0; i < x->n; i += step) {
        size_t n = x->n - i < step ? x->n - i : step;
        DNB_TRY(dnb_map_read_columns(tile, raw, x, i, n, 0, d, err));
#pragma omp parallel for schedule(static)
        for (size_t q = 0; q < n; q++)
            for (size_t j = 0; j < d; j++)
                product[i + q] += (tile[q * d + j] - mean[j]) * mean[j];
    }
    for (size_t i = 0; i < w->n; i++)
        for (size_t t = 0; t < w->m; t++)
            w->intercept[t] -= product[i] * w->dual[i * w->m + t];
done:
    dnb_free(mean);
    dnb_free(ss);
    dnb_free(tile);
    dnb_free(raw);
    dnb_free(product);
    return status;
}

static void centre_columns(double *a, double *mean, size_t n, size_t m)
{
    memset(mean, 0, m * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++)
            mean[t] += a[i * m + t];
    for (size_t t = 0; t < m; t++)
        mean[t] /= (double)n;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++)
            a[i * m + t] -= mean[t];
}

/* Least squares and ridge of a fixed penalty, straight from the Gram matrix (destroyed). */
static dnb_status fit_kernel(dnb_mapping_weights *w, dnb_map_layer *l, const double *y,
                             const dnb_mapping_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double alpha = dnb_map_fixed_alpha(o);
    DNB_NEW(w->dual, w->n * w->m, "dual weights");
    memcpy(w->dual, y, w->n * w->m * sizeof *y);
    centre_columns(w->dual, w->intercept, w->n, w->m);
    DNB_TRY(dnb_map_kernel_solve(w->dual, w->m, l->g, w->n, alpha, err));
    if (alpha > 0) {
        DNB_NEW(w->alpha, w->m, "penalties");
        for (size_t t = 0; t < w->m; t++)
            w->alpha[t] = alpha;
    }
done:
    return status;
}

/* Coordinates are rows of a triangular factor over the pivot rows: dual weights on those alone give
 * any coefficients b: (their triangle)^T dual = b. */
static dnb_status dual_of_coordinates(dnb_mapping_weights *w, const dnb_map_layer *l,
                                      const double *b, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t r = l->r, m = w->m;
    double *triangle = NULL, *a = NULL, *mean = NULL;
    enum { COLUMNS = 256 };
    DNB_NEW(triangle, r * r, "dual weights");
    DNB_NEW(a, r * m, "dual weights");
    DNB_NEW(mean, m, "dual weights");
    DNB_NEW(w->dual, w->n * m, "dual weights");
    for (size_t i = 0; i < r; i++)
        memcpy(triangle + i * r, l->x + l->pivot[i] * r, r * sizeof *triangle);
    memcpy(a, b, r * m * sizeof *a);
#pragma omp parallel for schedule(dynamic)
    for (size_t c = 0; c < m; c += COLUMNS) {
        int threads = dnb_serial_begin();
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (int)r,
                    (int)(m - c < COLUMNS ? m - c : COLUMNS), 1, triangle, (int)r, a + c, (int)m);
        dnb_serial_end(threads);
    }
    for (size_t i = 0; i < r; i++)
        memcpy(w->dual + l->pivot[i] * m, a + i * m, m * sizeof *a);
    centre_columns(w->dual, mean, w->n, m);
done:
    dnb_free(triangle);
    dnb_free(a);
    dnb_free(mean);
    return status;
}

/* Coefficients b (r x m) of a design's columns turned into weights of features: their own, or dual
 * ones. The intercepts of centred features become those of features. *b may be taken. */
static dnb_status to_features(dnb_mapping_weights *w, const dnb_map_layer *l,
                              const dnb_map_design *design, double **b, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t m = w->m;
    if (l->form == DNB_MAP_COORDINATES) {
        DNB_TRY(dual_of_coordinates(w, l, *b, err));
    } else if (design->dual) { /* PCA: n x k or d x k */
        size_t order = l->form == DNB_MAP_GRAM_PCA ? w->n : w->d;
        double **to = l->form == DNB_MAP_GRAM_PCA ? &w->dual : &w->coef;
        DNB_NEW(*to, order * m, "weights");
        DNB_TRY(dnb_matmul(*to, m, design->dual, design->r, *b, m, order, m, design->r, NULL, err));
    } else {
        w->coef = *b;
        *b = NULL;
    }
    for (size_t j = 0; w->coef && j < w->d; j++)
        for (size_t t = 0; t < m; t++)
            w->intercept[t] -= l->mean[j] * w->coef[j * m + t];
done:
    return status;
}

/* A design of all rows. */
static dnb_status design_all(dnb_map_design *design, const dnb_map_layer *l,
                             const dnb_mapping_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t *rows = NULL;
    DNB_NEW(rows, l->n, "rows");
    for (size_t i = 0; i < l->n; i++)
        rows[i] = i;
    dnb_map_split split = {.train = rows, .test = rows, .n_train = l->n};
    DNB_TRY(dnb_map_design_init(design, l, &split, o, true, err));
done:
    dnb_free(rows);
    return status;
}

/* Any other regression: fitted on coordinates of all rows, then turned into feature weights. */
static dnb_status fit_design(dnb_mapping_weights *w, const dnb_map_layer *l, const double *y,
                             const dnb_mapping_options *o, const dnb_folds *inner, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_map_design design = {0};
    dnb_regressor *regressor = NULL;
    dnb_linear fit = {0};
    dnb_regression_options r = o->regression;
    r.inner = inner;
    r.memory = w->memory;
    DNB_TRY(design_all(&design, l, o, err));
    DNB_TRY(dnb_regressor_new(&regressor, design.train, w->n, design.r, &r, err));
    DNB_TRY(dnb_regressor_fit(&fit, regressor, y, w->m, err));
    memcpy(w->intercept, fit.intercept, w->m * sizeof *fit.intercept);
    w->alpha = fit.alpha;
    fit.alpha = NULL;
    DNB_TRY(to_features(w, l, &design, &fit.coef, err));
done:
    dnb_linear_release(&fit);
    dnb_regressor_free(regressor);
    dnb_map_design_release(&design);
    return status;
}

/* Naive Bayes of centred features, moved to where they were. */
static dnb_status move_means(dnb_mapping_weights *w, const dnb_map_layer *l,
                             const dnb_classifier_parts *of, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_classifier_parts p = *of;
    double *mean = NULL;
    DNB_NEW(mean, p.n_classes * p.n_columns, "means of classes");
    for (size_t k = 0; k < p.n_classes; k++)
        for (size_t j = 0; j < p.n_columns; j++)
            mean[k * p.n_columns + j] = of->mean[k * p.n_columns + j] + l->mean[j];
    p.mean = mean;
    DNB_TRY(dnb_classifier_new(&w->head, &p, err));
done:
    dnb_free(mean);
    return status;
}

/* Linear maps of a design's columns as weights of features; what they say decides. */
static dnb_status keep_maps(dnb_mapping_weights *w, const dnb_map_layer *l,
                            const dnb_map_design *design, const dnb_classifier_parts *p,
                            dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *b = NULL;
    dnb_classifier_parts head = {.kind = p->kind,
                                 .n_classes = p->n_classes,
                                 .n_columns = dnb_classifier_map_count(p->kind, p->n_classes),
                                 .classes = p->classes};
    size_t m = w->m = head.n_columns;
    DNB_NEW(w->intercept, m, "weights");
    DNB_NEW(b, design->r * m, "weights");
    memcpy(w->intercept, p->intercept, m * sizeof *w->intercept);
    for (size_t j = 0; j < design->r; j++)
        for (size_t t = 0; t < m; t++)
            b[j * m + t] = p->coef[t * design->r + j];
    DNB_TRY(to_features(w, l, design, &b, err));
    DNB_TRY(dnb_classifier_new(&w->head, &head, err));
done:
    dnb_free(b);
    return status;
}

/* The components as weights of features; naive Bayes decides from their scores. */
static dnb_status keep_components(dnb_mapping_weights *w, const dnb_map_layer *l,
                                  const dnb_map_design *design, dnb_classifier **c, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *identity = NULL;
    size_t m = w->m = design->r;
    DNB_NEW(w->intercept, m, "weights");
    DNB_NEW(identity, m * m, "weights");
    for (size_t j = 0; j < m; j++)
        identity[j * m + j] = 1;
    DNB_TRY(to_features(w, l, design, &identity, err));
    w->head = *c;
    *c = NULL;
done:
    dnb_free(identity);
    return status;
}

static dnb_status fit_classes(dnb_mapping_weights *w, const dnb_map_layer *l, const int64_t *labels,
                              const dnb_mapping_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_map_design design = {0};
    dnb_classifier *c = NULL;
    dnb_classifier_parts p;
    DNB_TRY(design_all(&design, l, o, err));
    DNB_TRY(dnb_classifier_fit(&c, design.train, w->n, design.r, labels, &o->classifier, err));
    dnb_classifier_get_parts(&p, c);
    if (p.kind != DNB_NAIVE_BAYES) {
        DNB_TRY(keep_maps(w, l, &design, &p, err));
    } else if (o->n_components) {
        DNB_TRY(keep_components(w, l, &design, &c, err));
    } else {
        w->m = 0;
        DNB_TRY(move_means(w, l, &p, err));
    }
done:
    dnb_classifier_free(c);
    dnb_map_design_release(&design);
    return status;
}

/* How many values a classifier's weights give, for the byte plan. */
static dnb_status count_values(size_t *m, const int64_t *labels, size_t n,
                               const dnb_mapping_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    int64_t *classes = NULL;
    size_t *y = NULL, k = 0;
    DNB_NEW(y, n, "labels");
    DNB_TRY(dnb_label_classes(&classes, &k, y, labels, n, err));
    *m = o->classifier.kind == DNB_NAIVE_BAYES ? 4 * k /* means and variances, twice */
                                               : dnb_classifier_map_count(o->classifier.kind, k);
done:
    dnb_free(classes);
    dnb_free(y);
    return status;
}

static dnb_status check_memory(const dnb_mapping_layer *layer, const int64_t *labels, size_t m,
                               const dnb_mapping_options *opt, size_t budget, dnb_err *err)
{
    double bytes;
    dnb_status status = DNB_OK;
    if (labels && m != 1)
        return dnb_fail(err, DNB_EARG, "mapping: a classifier needs labels, one column");
    if (labels)
        status = count_values(&m, labels, layer->x.n, opt, err);
    if (status == DNB_OK)
        status = dnb_map_weights_plan(&bytes, layer, labels != NULL, m, opt, err);
    if (status != DNB_OK || bytes <= (double)budget)
        return status;
    return dnb_fail(err, DNB_ENOMEM,
                    "the weights of layer %s hold %.1f MB while they are fitted and the memory "
                    "budget is %.1f MB; raise --memory",
                    layer->name, bytes * 1e-6, (double)budget * 1e-6);
}

/* The layer reduced and the model fitted on it. */
static dnb_status fit_layer(dnb_mapping_weights *w, const dnb_mapping_layer *layer, const double *y,
                            const int64_t *labels, const dnb_mapping_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_map_layer l = {0};
    dnb_folds inner = {0};
    if (!labels && opt->regression.choice == DNB_PENALTY_CV) {
        dnb_folds_options io = opt->inner;
        io.k = io.k ? io.k : 3;
        DNB_TRY(dnb_folds_init(&inner, w->n, &io, err));
    }
    DNB_TRY(dnb_check_cancel(opt->progress, err));
    DNB_TRY(dnb_map_reduce(&l, layer, opt, w->memory, err));
    DNB_TRY(dnb_check_cancel(opt->progress, err));
    if (labels)
        DNB_TRY(fit_classes(w, &l, labels, opt, err));
    else if (l.form == DNB_MAP_GRAM_HAT)
        DNB_TRY(fit_kernel(w, &l, y, opt, err));
    else
        DNB_TRY(fit_design(w, &l, y, opt, inner.k ? &inner : NULL, err));
    if (w->dual)
        DNB_TRY(intercept_of_dual(w, err));
done:
    dnb_map_layer_release(&l);
    dnb_folds_release(&inner);
    return status;
}

dnb_status dnb_mapping_weights_new(dnb_mapping_weights **out, const dnb_mapping_layer *layer,
                                   const double *y, const int64_t *labels, size_t m,
                                   const dnb_mapping_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_mapping_weights *w = NULL;
    if (!y == !labels)
        return dnb_fail(err, DNB_EARG, "weights: give either numbers or labels to predict");
    if (!opt)
        return dnb_fail(err, DNB_EARG, "weights: no model given");
    size_t budget = opt->memory ? opt->memory : dnb_memory_budget();
    DNB_TRY(check_memory(layer, labels, m, opt, budget, err));
    if (y)
        DNB_TRY(dnb_map_check_targets(NULL, y, layer->x.n, m, err));
    DNB_NEW(w, 1, "weights");
    *w = (dnb_mapping_weights){
        .x = layer->x, .n = layer->x.n, .d = layer->x.d, .m = m, .memory = budget};
    if (y)
        DNB_NEW(w->intercept, m, "weights");
    DNB_TRY(fit_layer(w, layer, y, labels, opt, err));
    *out = w;
    w = NULL;
done:
    dnb_mapping_weights_free(w);
    return status;
}
