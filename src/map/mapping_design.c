/* What a split makes of a layer: rows copied, principal components of the training rows, or the hat
 * matrix of a kernel solution. */
#include <math.h>
#include <string.h>

#include "array/spd.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "map/mapping_own.h"

void dnb_map_design_release(dnb_map_design *d)
{
    dnb_free(d->train);
    dnb_free(d->test);
    dnb_free(d->hat);
    dnb_free(d->dual);
    *d = (dnb_map_design){0};
}

static void copy_rows(double *dst, const double *x, size_t r, const size_t *rows, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        memcpy(dst + i * r, x + rows[i] * r, r * sizeof *dst);
}

/* K_ij = g_ij - mean_i(train) - mean_j(train) + mean: rows i centred by the training rows' mean. */
dnb_status dnb_map_kernel(double *dst, const dnb_map_layer *l, const size_t *rows, size_t n_rows,
                          const size_t *train, size_t n_train, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *mean = NULL, total = 0;
    DNB_NEW(mean, n_train, "kernel means");
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_train; i++) {
        const double *g = l->g + train[i] * l->n;
        double sum = 0;
        for (size_t j = 0; j < n_train; j++)
            sum += g[train[j]];
        mean[i] = sum / (double)n_train;
    }
    for (size_t i = 0; i < n_train; i++)
        total += mean[i] / (double)n_train;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_rows; i++) {
        const double *g = l->g + rows[i] * l->n;
        double *k = dst + i * n_train, own = 0;
        for (size_t j = 0; j < n_train; j++)
            own += k[j] = g[train[j]];
        own /= (double)n_train;
        for (size_t j = 0; j < n_train; j++)
            k[j] -= own + mean[j] - total;
    }
done:
    dnb_free(mean);
    return status;
}

/* Components that are rounding error count as nothing: their scores are 0. */
static double inverse_or_zero(double lambda, double largest, size_t n)
{
    return lambda > (double)n * 2.2e-16 * largest ? 1 / lambda : 0;
}

/* Columns of u (n x k) times a power of their eigenvalue: 1/2, or -1/2. */
static void scale_columns(double *dst, const double *u, const double *lambda, size_t n, size_t k,
                          size_t order, bool invert)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < k; c++) {
            double inverse = inverse_or_zero(lambda[c], lambda[0], order);
            dst[i * k + c] = u[i * k + c] * (inverse == 0 ? 0
                                             : invert     ? sqrt(inverse)
                                                          : sqrt(lambda[c]));
        }
}

static dnb_status pca_of_gram(dnb_map_design *d, const dnb_map_layer *l, const dnb_map_split *s,
                              bool dual, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->n_train, k = d->r;
    double *kernel = NULL, *u = NULL, *lambda = NULL;
    DNB_NEW(kernel, n * n, "a fold's Gram matrix");
    DNB_NEW(u, n * k, "components");
    DNB_NEW(lambda, k, "components");
    DNB_TRY(dnb_map_kernel(kernel, l, s->train, n, s->train, n, err));
    DNB_TRY(dnb_eigen(lambda, u, kernel, n, k, err));
    scale_columns(d->train, u, lambda, n, k, n, false);
    scale_columns(u, u, lambda, n, k, n, true);
    if (s->n_test > n) { /* possible with two folds; kernel is n x n */
        dnb_free(kernel);
        DNB_NEW(kernel, s->n_test * n, "a fold's Gram matrix");
    }
    DNB_TRY(dnb_map_kernel(kernel, l, s->test, s->n_test, s->train, n, err));
    DNB_TRY(dnb_matmul(d->test, k, kernel, n, u, k, s->n_test, k, n, NULL, err));
    if (dual) {
        d->dual = u;
        u = NULL;
    }
done:
    dnb_free(kernel);
    dnb_free(u);
    dnb_free(lambda);
    return status;
}

/* n > d: components of the training rows' scatter matrix; d->dual then holds them (d x k). */
static dnb_status pca_of_features(dnb_map_design *d, const dnb_map_layer *l, const dnb_map_split *s,
                                  bool dual, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->n_train, p = l->r, k = d->r;
    double *x = NULL, *mean = NULL, *scatter = NULL, *v = NULL, *lambda = NULL;
    dnb_matmul_options o = {.transpose_a = true, .alpha = 1};
    size_t rows = n > s->n_test ? n : s->n_test;
    DNB_NEW(x, rows * p, "a fold's features");
    DNB_NEW(mean, p, "components");
    DNB_NEW(scatter, p * p, "a fold's scatter matrix");
    DNB_NEW(v, p * k, "components");
    DNB_NEW(lambda, k, "components");
    copy_rows(x, l->x, p, s->train, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < p; j++)
            mean[j] += x[i * p + j];
    for (size_t j = 0; j < p; j++)
        mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < p; j++)
            x[i * p + j] -= mean[j];
    DNB_TRY(dnb_matmul(scatter, p, x, p, x, p, p, p, n, &o, err));
    DNB_TRY(dnb_eigen(lambda, v, scatter, p, k, err));
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < p; j++)
            v[j * k + c] = inverse_or_zero(lambda[c], lambda[0], p) == 0 ? 0 : v[j * k + c];
    DNB_TRY(dnb_matmul(d->train, k, x, p, v, k, n, k, p, NULL, err));
    copy_rows(x, l->x, p, s->test, s->n_test);
    for (size_t i = 0; i < s->n_test; i++)
        for (size_t j = 0; j < p; j++)
            x[i * p + j] -= mean[j];
    DNB_TRY(dnb_matmul(d->test, k, x, p, v, k, s->n_test, k, p, NULL, err));
    if (dual) {
        d->dual = v;
        v = NULL;
    }
done:
    dnb_free(x);
    dnb_free(mean);
    dnb_free(scatter);
    dnb_free(v);
    dnb_free(lambda);
    return status;
}

/* b <- K^+ b by the eigenvectors, those of no size left out. */
static dnb_status pseudo_solve(double *b, size_t m, double *k, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *u = NULL, *lambda = NULL, *c = NULL;
    dnb_matmul_options o = {.transpose_a = true, .alpha = 1};
    DNB_NEW(u, n * n, "a fold's eigenvectors");
    DNB_NEW(lambda, n, "a fold's eigenvalues");
    DNB_NEW(c, n * m, "a fold's hat matrix");
    DNB_TRY(dnb_eigen(lambda, u, k, n, n, err));
    DNB_TRY(dnb_matmul(c, m, u, n, b, m, n, m, n, &o, err));
    for (size_t i = 0; i < n; i++) {
        double inverse = inverse_or_zero(lambda[i], lambda[0], n);
        for (size_t j = 0; j < m; j++)
            c[i * m + j] *= inverse;
    }
    DNB_TRY(dnb_matmul(b, m, u, n, c, m, n, m, n, NULL, err));
done:
    dnb_free(u);
    dnb_free(lambda);
    dnb_free(c);
    return status;
}

dnb_status dnb_map_kernel_solve(double *b, size_t m, double *k, size_t n, double alpha,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    double trace = 0, *copy = NULL;
    bool positive;
    for (size_t i = 0; i < n; i++)
        trace += k[i * n + i] / (double)n;
    if (alpha <= 0) {
        /* Constants are what centring took away; given a size of their own they disturb nobody, and
         * a matrix of otherwise full rank has a Cholesky factor. */
        DNB_NEW(copy, n * n, "a fold's Gram matrix");
        memcpy(copy, k, n * n * sizeof *k);
#pragma omp parallel for schedule(static)
        for (size_t i = 0; i < n * n; i++)
            copy[i] += trace / (double)n;
    } else {
        for (size_t i = 0; i < n; i++)
            k[i * n + i] += alpha;
    }
    DNB_TRY(
        dnb_spd_factor(copy ? copy : k, n, copy ? 64 * 2.2e-16 * (double)n : 0, &positive, err));
    if (positive)
        DNB_TRY(dnb_spd_solve(b, m, copy ? copy : k, n, err));
    else if (copy)
        DNB_TRY(pseudo_solve(b, m, k, n, err));
    else
        status = dnb_fail(err, DNB_EARG,
                          "ridge: the penalty %g is too small for features of mean square %g; take "
                          "a larger one or glm",
                          alpha, trace);
done:
    dnb_free(copy);
    return status;
}

static dnb_status kernel_hat(dnb_map_design *d, const dnb_map_layer *l, const dnb_map_split *s,
                             double alpha, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->n_train, m = s->n_test;
    double *kernel = NULL, *b = NULL;
    DNB_NEW(kernel, n * n, "a fold's Gram matrix");
    DNB_NEW(b, n * m, "a fold's hat matrix");
    DNB_NEW(d->hat, n * m, "a fold's hat matrix");
    DNB_TRY(dnb_map_kernel(d->hat, l, s->test, m, s->train, n, err));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            b[j * m + i] = d->hat[i * n + j];
    DNB_TRY(dnb_map_kernel(kernel, l, s->train, n, s->train, n, err));
    DNB_TRY(dnb_map_kernel_solve(b, m, kernel, n, alpha, err));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            d->hat[i * n + j] = b[j * m + i];
done:
    dnb_free(kernel);
    dnb_free(b);
    return status;
}

dnb_status dnb_map_design_init(dnb_map_design *out, const dnb_map_layer *l,
                               const dnb_map_split *split, const dnb_mapping_options *o, bool dual,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t k = o->n_components;
    dnb_map_design d = {.n_train = split->n_train, .n_test = split->n_test, .r = k ? k : l->r};
    if (l->form == DNB_MAP_GRAM_HAT) {
        DNB_TRY(kernel_hat(&d, l, split, dnb_map_fixed_alpha(o), err));
    } else {
        DNB_NEW(d.train, d.n_train * d.r, "a fold's training rows");
        DNB_NEW(d.test, d.n_test * d.r, "a fold's test rows");
        if (k == 0) {
            copy_rows(d.train, l->x, l->r, split->train, d.n_train);
            copy_rows(d.test, l->x, l->r, split->test, d.n_test);
        } else if (l->form == DNB_MAP_GRAM_PCA) {
            DNB_TRY(pca_of_gram(&d, l, split, dual, err));
        } else {
            DNB_TRY(pca_of_features(&d, l, split, dual, err));
        }
    }
    *out = d;
    d = (dnb_map_design){0};
done:
    dnb_map_design_release(&d);
    return status;
}
