/* Whitening by the eigenvectors of the covariance. */
#include "stats/mahalanobis.h"

#include <math.h>

#include "array/panel.h"
#include "array/sweep.h"
#include "base/mem.h"
#include "dnnbrain/features.h"
#include "dnnbrain/linalg.h"

/* The whole source as float64, rows z-scored when asked, columns centred. */
static dnb_status load_centred(double *y, const dnb_rows *x, bool zscore, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = x->n, d = x->d;
    void *row = NULL;
    double *mean = NULL;
    DNB_NEW(mean, d, "column means");
    row = dnb_alloc(d, dnb_dtype_size(x->dtype));
    if (!row)
        DNB_TRY(dnb_fail_memory(err, "a row", d * dnb_dtype_size(x->dtype)));
    for (size_t i = 0; i < n; i++) {
        dnb_piece p = {.data = x->data, .dtype = x->dtype, .n = n, .d = d, .stride = x->stride};
        if (!x->data) {
            DNB_TRY(x->read(x->ctx, i, 1, 0, d, row, err));
            p.data = row;
        }
        dnb_panel_load(y + i * d, &p, x->data ? i : 0, 0, d, 0.0, 1.0);
        if (zscore)
            dnb_zscore(y + i * d, y + i * d, d);
        for (size_t c = 0; c < d; c++)
            mean[c] += (y[i * d + c] - mean[c]) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++)
        dnb_panel_sub(y + i * d, mean, d);
done:
    dnb_free(row);
    dnb_free(mean);
    return status;
}

/* white = y V diag(1 / sqrt(w)) for cov = V diag(w) V^T; cov is destroyed. */
static dnb_status rotate(double *white, const double *y, double *cov, size_t n, size_t d,
                         dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *w = NULL, *v = NULL;
    DNB_NEW(w, d, "eigenvalues");
    DNB_NEW(v, d * d, "eigenvectors");
    DNB_TRY(dnb_eigen(w, v, cov, d, d, err));
    if (!(w[d - 1] > 1e-14 * (double)d * w[0]))
        DNB_TRY(
            dnb_fail(err, DNB_EARG,
                     "mahalanobis: the covariance of %zu columns is singular (columns that are "
                     "constant or sums of others); reduce the columns first, for example by PCA",
                     d));
    for (size_t i = 0; i < d; i++)
        for (size_t c = 0; c < d; c++)
            v[i * d + c] /= sqrt(w[c]);
    DNB_TRY(dnb_matmul(white, d, y, d, v, d, n, d, d, NULL, err));
done:
    dnb_free(w);
    dnb_free(v);
    return status;
}

dnb_status dnb_whiten(dnb_array *out, const dnb_rows *x, bool zscore, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = x->n, d = x->d;
    dnb_array y = {0}, white = {0};
    double *cov = NULL;
    if (n <= d)
        return dnb_fail(
            err, DNB_EARG,
            "mahalanobis needs more rows than columns, not %zu rows of %zu columns; reduce "
            "the columns first (for example by PCA)",
            n, d);
    if (2 * (n + d) > memory / sizeof(double) / d)
        return dnb_fail(
            err, DNB_ENOMEM,
            "mahalanobis of %zu x %zu holds %.1f MB, more than the %.1f MB of memory left", n, d,
            16e-6 * (double)(n + d) * (double)d, 1e-6 * (double)memory);
    DNB_TRY(dnb_array_init(&y, DNB_F64, 2, (size_t[]){n, d}, err));
    DNB_NEW(cov, d * d, "covariance");
    DNB_TRY(load_centred(y.data, x, zscore, err));
    dnb_matmul_options o = {.transpose_a = true, .alpha = 1 / (double)(n - 1)};
    DNB_TRY(dnb_matmul(cov, d, y.data, d, y.data, d, d, d, n, &o, err));
    DNB_TRY(dnb_array_init(&white, DNB_F64, 2, (size_t[]){n, d}, err));
    DNB_TRY(rotate(white.data, y.data, cov, n, d, err));
    *out = white;
    white = (dnb_array){0};
done:
    dnb_array_release(&white);
    dnb_array_release(&y);
    dnb_free(cov);
    return status;
}
