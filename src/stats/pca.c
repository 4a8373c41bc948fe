/* Principal components: from the Gram matrix of the centred rows when columns outnumber rows, from
 * the covariance of the columns otherwise. */
#include "dnnbrain/pca.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "array/gram.h"
#include "array/krylov.h"
#include "array/panel.h"
#include "array/rows_load.h"
#include "array/sweep.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/pca_pass.h"

void dnb_pca_release(dnb_pca *pca)
{
    dnb_array_release(&pca->scores);
    dnb_array_release(&pca->variance);
    dnb_array_release(&pca->ratio);
    dnb_array_release(&pca->components);
    dnb_array_release(&pca->mean);
    *pca = (dnb_pca){0};
}

/* How many components: given, or the smallest k whose summed ratio exceeds f. */
static size_t count_components(const dnb_pca_options *o, const double *values, size_t most,
                               double total)
{
    if (o->n_components)
        return o->n_components;
    if (o->variance == 0)
        return most;
    double sum = 0;
    for (size_t k = 0; k < most; k++) {
        sum += values[k] / total;
        if (sum > o->variance)
            return k + 1;
    }
    return most;
}

static dnb_status check_options(const dnb_pca_options *o, const dnb_rows *x, dnb_err *err)
{
    size_t most = x->n < x->d ? x->n : x->d;
    if (x->n < 2)
        return dnb_fail(err, DNB_EARG, "principal components of %zu row; at least 2 are needed",
                        x->n);
    if (o->n_components > most)
        return dnb_fail(err, DNB_EARG,
                        "%zu principal components asked of a %zu x %zu matrix; it has at most %zu",
                        o->n_components, x->n, x->d, most);
    if (o->variance != 0 && !(o->variance > 0 && o->variance < 1))
        return dnb_fail(err, DNB_EARG,
                        "the share of variance is %g; it must be above 0 and below 1", o->variance);
    return DNB_OK;
}

/* values[r] (squared singular values) and vectors (order x k) of a symmetric matrix; picks k. */
static dnb_status decompose(double *matrix, size_t order, size_t most, const dnb_pca_options *o,
                            double **values, double **vectors, size_t *k, double *total,
                            dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t asked = o->n_components ? o->n_components : most;
    double *w = NULL, *v = NULL;
    *total = 0;
    for (size_t i = 0; i < order; i++)
        *total += matrix[i * order + i];
    if (!isfinite(*total))
        DNB_TRY(
            dnb_fail(err, DNB_EARG,
                     "principal components: the matrix holds NaN or infinity; remove such rows or "
                     "columns first"));
    DNB_NEW(w, asked, "components");
    DNB_NEW(v, order * asked, "components");
    DNB_TRY(dnb_eigen(w, v, matrix, order, asked, err));
    for (size_t c = 0; c < asked; c++)
        w[c] = w[c] > (double)order * 2.2e-16 * w[0] ? w[c] : 0;
    *k = count_components(o, w, asked, *total);
    for (size_t i = 0; *k < asked && i < order; i++)
        memmove(v + i * *k, v + i * asked, *k * sizeof *v);
    *values = w;
    *vectors = v;
    w = v = NULL;
done:
    dnb_free(w);
    dnb_free(v);
    return status;
}

/* -1 where the entry largest in magnitude of a column of u (n x k) is negative, else 1. */
static void find_signs(double *sign, const double *u, size_t n, size_t k)
{
    for (size_t c = 0; c < k; c++) {
        double best = 0;
        for (size_t i = 0; i < n; i++)
            if (fabs(u[i * k + c]) > fabs(best) * (1 + 1e-12))
                best = u[i * k + c];
        sign[c] = best < 0 ? -1 : 1;
    }
}

static dnb_status store_variances(dnb_pca *pca, const double *values, double total, size_t n,
                                  dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_array_init(&pca->variance, DNB_F64, 1, &pca->k, err));
    DNB_TRY(dnb_array_init(&pca->ratio, DNB_F64, 1, &pca->k, err));
    for (size_t c = 0; c < pca->k; c++) {
        ((double *)pca->variance.data)[c] = values[c] / (double)(n - 1);
        ((double *)pca->ratio.data)[c] = values[c] / total;
    }
done:
    return status;
}

/* d >= n: U and s^2 from the Gram matrix; scores = U s; components = U^T X / s in a second pass. */
static dnb_status fit_gram(dnb_pca *pca, const dnb_rows *x, const dnb_pca_options *o, size_t memory,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = x->n;
    double *g = NULL, *values = NULL, *u = NULL, *sign = NULL, total;
    if (n > memory / sizeof(double) / n / 3)
        DNB_TRY(dnb_fail(
            err, DNB_ENOMEM,
            "principal components of %zu rows hold %.1f MB, more than the %.1f MB of memory "
            "allowed",
            n, 24e-6 * (double)n * (double)n, 1e-6 * (double)memory));
    memory -= 2 * n * n * sizeof(double);
    DNB_NEW(g, n * n, "Gram matrix");
    dnb_gram_options go = {.centre = DNB_CENTRE_COLUMNS, .memory = memory, .progress = o->progress};
    DNB_TRY(dnb_gram_run(g, x, &go, err));
    DNB_TRY(decompose(g, n, n, o, &values, &u, &pca->k, &total, err));
    DNB_NEW(sign, pca->k, "signs");
    find_signs(sign, u, n, pca->k);
    DNB_TRY(store_variances(pca, values, total, n, err));
    DNB_TRY(dnb_array_init(&pca->scores, DNB_F64, 2, (size_t[]){n, pca->k}, err));
    double *scores = pca->scores.data;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < pca->k; c++) {
            u[i * pca->k + c] *= sign[c];
            scores[i * pca->k + c] = u[i * pca->k + c] * sqrt(values[c]);
        }
    if (o->components)
        DNB_TRY(dnb_pca_components(pca, u, values, x, memory, err));
done:
    dnb_free(g);
    dnb_free(values);
    dnb_free(u);
    dnb_free(sign);
    return status;
}

/* n > d: V and s^2 from the scatter matrix of the columns; scores = (X - mean) V. */
static dnb_status fit_covariance(dnb_pca *pca, const dnb_rows *x, const dnb_pca_options *o,
                                 size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = x->d, n = x->n;
    dnb_array mean = {0};
    double *scatter = NULL, *values = NULL, *v = NULL, *sign = NULL, total;
    if (d > memory / sizeof(double) / d / 4)
        DNB_TRY(
            dnb_fail(err, DNB_ENOMEM,
                     "principal components of %zu columns hold %.1f MB, more than the %.1f MB of "
                     "memory allowed",
                     d, 32e-6 * (double)d * (double)d, 1e-6 * (double)memory));
    memory -= 3 * d * d * sizeof(double);
    DNB_NEW(scatter, d * d, "covariance");
    DNB_TRY(dnb_array_init(&mean, DNB_F64, 1, &d, err));
    DNB_TRY(dnb_pca_scatter(scatter, mean.data, x, memory, o->progress, err));
    DNB_TRY(decompose(scatter, d, d, o, &values, &v, &pca->k, &total, err));
    DNB_TRY(store_variances(pca, values, total, n, err));
    DNB_TRY(dnb_array_init(&pca->components, DNB_F64, 2, (size_t[]){pca->k, d}, err));
    for (size_t c = 0; c < pca->k; c++)
        for (size_t j = 0; j < d; j++)
            ((double *)pca->components.data)[c * d + j] = v[j * pca->k + c];
    pca->mean = mean;
    mean = (dnb_array){0};
    DNB_TRY(dnb_pca_scores(&pca->scores, pca, x, memory, err));
    DNB_NEW(sign, pca->k, "signs");
    find_signs(sign, pca->scores.data, n, pca->k);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < pca->k; c++)
            ((double *)pca->scores.data)[i * pca->k + c] *= sign[c];
    for (size_t c = 0; c < pca->k; c++)
        for (size_t j = 0; j < d; j++)
            ((double *)pca->components.data)[c * d + j] *= sign[c];
    if (!o->components) {
        dnb_array_release(&pca->components);
        dnb_array_release(&pca->mean);
        pca->components = pca->mean = (dnb_array){0};
    }
done:
    dnb_array_release(&mean);
    dnb_free(scatter);
    dnb_free(values);
    dnb_free(v);
    dnb_free(sign);
    return status;
}

dnb_status dnb_pca_fit(dnb_pca *out, const dnb_rows *x, const dnb_pca_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_pca_options o = opt ? *opt : (dnb_pca_options){0};
    size_t memory = o.memory ? o.memory : dnb_memory_budget();
    dnb_pca pca = {0};
    dnb_array hold = {0};
    dnb_rows rows;
    DNB_TRY(dnb_rows_check(x, err));
    DNB_TRY(check_options(&o, x, err));
    DNB_TRY(dnb_rows_load(&rows, &hold, x, memory / 2, err));
    memory -= hold.data ? dnb_array_bytes(&hold) : 0;
    if (x->d >= x->n)
        DNB_TRY(fit_gram(&pca, &rows, &o, memory, err));
    else
        DNB_TRY(fit_covariance(&pca, &rows, &o, memory, err));
    *out = pca;
    pca = (dnb_pca){0};
done:
    dnb_pca_release(&pca);
    dnb_array_release(&hold);
    return status;
}

size_t dnb_pca_plan_bytes(const dnb_rows *x, const dnb_pca_options *opt)
{
    dnb_pca_options o = opt ? *opt : (dnb_pca_options){0};
    size_t memory = o.memory ? o.memory : dnb_memory_budget(), order = x->d < x->n ? x->d : x->n;
    size_t asked = o.n_components && o.n_components < order ? o.n_components : order;
    double n = (double)x->n, d = (double)x->d, held = 0,
           square = 8.0 * (double)order * (double)order;
    /* LAPACK's divide and conquer for many vectors, else the vectors twice. */
    double eigen = 4 * asked >= order ? 2 * square : 8.0 * (double)order * (double)asked;
    if (dnb_krylov_suits(order, asked))
        eigen += dnb_krylov_bytes(order, asked);
    double vectors = 8.0 * (double)order * (double)asked, kept = 8.0 * n * (double)asked;
    dnb_rows rows = *x, turned = {.n = x->d, .d = x->n, .dtype = x->dtype, .data = x};
    if (!x->data && !x->cheap && dnb_rows_bytes(x) <= memory / 2) {
        held = (double)dnb_rows_bytes(x);
        rows.data = x;
    }
    if (o.components)
        kept += 8.0 * d * ((double)asked + 1);
    dnb_sweep s;
    dnb_gram_sweep_init(&s, x->d >= x->n ? &rows : &turned, memory);
    s.centre_columns = true;
    double sweep = (double)dnb_sweep_bytes(&s);
    /* Rows are turned a tile at a time, both ways round in memory. */
    if (x->d < x->n)
        sweep += fmin(2 * n * d * (double)dnb_dtype_size(x->dtype), 0.5 * (double)memory);
    held += square + fmax(sweep, vectors + fmax(eigen, kept));
    return held < (double)(SIZE_MAX / 4) ? (size_t)held : SIZE_MAX / 4;
}

dnb_status dnb_pca_predict(dnb_array *scores, const dnb_pca *pca, const dnb_rows *x, dnb_err *err)
{
    dnb_status status = dnb_rows_check(x, err);
    if (status != DNB_OK)
        return status;
    if (!pca->components.data || pca->components.shape[1] != x->d)
        return dnb_fail(
            err, DNB_ESHAPE,
            "this PCA has components of %zu columns, the rows have %zu; fit it with its "
            "components kept on rows of the same kind",
            pca->components.data ? pca->components.shape[1] : 0, x->d);
    return dnb_pca_scores(scores, pca, x, dnb_memory_budget(), err);
}
