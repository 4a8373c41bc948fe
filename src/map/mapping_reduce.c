/* A layer in float64, once for all folds: its features, its Gram matrix, or coordinates that have
 * that Gram matrix. */
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "array/rows_load.h"
#include "array/serial.h"
#include "array/sweep.h"
#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/linalg.h"
#include "map/mapping_own.h"

/* Narrower layers have their Gram matrix in no time. */
enum { SINGLE_COLUMNS = 4096 };

void dnb_map_layer_release(dnb_map_layer *l)
{
    dnb_free(l->x);
    dnb_free(l->mean);
    dnb_free(l->g);
    dnb_free(l->pivot);
    *l = (dnb_map_layer){0};
}

static dnb_status fail_row(const char *name, size_t row, dnb_err *err)
{
    return dnb_fail(err, DNB_EARG,
                    "layer %s: stimulus %zu holds NaN or infinity; leave it out or mend its file",
                    name, row + 1);
}

/* Names the stimulus whose row made the Gram matrix NaN. */
static dnb_status check_gram(const dnb_map_layer *l, const dnb_rows *x, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *mean = NULL, *ss = NULL;
    bool fine = true;
    for (size_t i = 0; i < l->n; i++)
        fine = fine && isfinite(l->g[i * l->n + i]);
    if (fine)
        return DNB_OK;
    DNB_NEW(mean, l->n, "row means");
    DNB_NEW(ss, l->n, "row means");
    DNB_TRY(dnb_rows_moments(mean, ss, NULL, x, memory, err));
    for (size_t i = 0; i < l->n; i++)
        if (!isfinite(ss[i]))
            DNB_TRY(fail_row(l->name, i, err));
    status = dnb_fail(err, DNB_EARG, "layer %s: its numbers are too large to be squared", l->name);
done:
    dnb_free(mean);
    dnb_free(ss);
    return status;
}

/* Takes the columns' means off x. */
static dnb_status centre_features(dnb_map_layer *l, dnb_err *err)
{
    size_t n = l->n, d = l->d;
    l->mean = dnb_calloc(d, sizeof *l->mean);
    if (!l->mean)
        return dnb_fail_memory(err, "feature means", d * sizeof *l->mean);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double v = l->x[i * d + j];
            if (!isfinite(v))
                return fail_row(l->name, i, err);
            l->mean[j] += v / (double)n;
        }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            l->x[i * d + j] -= l->mean[j];
    return DNB_OK;
}

/* Rows of any source as float64. */
static dnb_status load_features(dnb_map_layer *l, const dnb_rows *x, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t d = x->d, step = ((size_t)1 << 22) / d + 1;
    float *tile = NULL;
    DNB_NEW(l->x, x->n * d, "features");
    if (!x->data && x->dtype == DNB_F32)
        DNB_NEW(tile, (step < x->n ? step : x->n) * d, "features");
    for (size_t i = 0; i < x->n; i += step) {
        size_t count = x->n - i < step ? x->n - i : step, stride = x->data ? x->stride : d;
        double *dst = l->x + i * d;
        const void *src = tile ? (const void *)tile : dst;
        if (!x->data)
            DNB_TRY(x->read(x->ctx, i, count, 0, d, tile ? (void *)tile : (void *)dst, err));
        else
            src = (const char *)x->data + i * stride * (x->dtype == DNB_F32 ? 4 : 8);
        if (src == dst)
            continue;
#pragma omp parallel for schedule(static)
        for (size_t q = 0; q < count; q++)
            for (size_t j = 0; j < d; j++)
                dst[q * d + j] = x->dtype == DNB_F32 ? ((const float *)src)[q * stride + j]
                                                     : ((const double *)src)[q * stride + j];
    }
    DNB_TRY(centre_features(l, err));
done:
    dnb_free(tile);
    return status;
}

/* x (n x r) with x x^T = g by pivoted Cholesky; what is left of g is below its rounding error. g is
 * given up. */
static dnb_status make_coordinates(dnb_map_layer *l, dnb_err *err)
{
    dnb_status status = DNB_OK;
    lapack_int *pivot = NULL, rank = 0, n = (lapack_int)l->n;
    double largest = 0;
    DNB_NEW(pivot, l->n, "coordinates");
    for (size_t i = 0; i < l->n; i++)
        largest = fmax(largest, l->g[i * l->n + i]);
    int threads = dnb_serial_begin();
    /* Our lower triangle, row-major, is LAPACK's upper one: g = P U^T U P^T, so row pivot[i] of x
     * is column i of U: row i of our lower triangle. */
    lapack_int info = LAPACKE_dpstrf(LAPACK_COL_MAJOR, 'U', n, l->g, n, pivot, &rank,
                                     4 * 2.2e-16 * (double)l->n * largest);
    dnb_serial_end(threads);
    if (info < 0)
        DNB_TRY(dnb_fail(err, DNB_EINTERNAL, "coordinates: LAPACK info %d", (int)info));
    l->r = rank > 0 ? (size_t)rank : 1;
    DNB_NEW(l->x, l->n * l->r, "coordinates");
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; j <= i && j < (size_t)rank; j++)
            l->x[(size_t)(pivot[i] - 1) * l->r + j] = l->g[i * l->n + j];
    DNB_NEW(l->pivot, l->r, "coordinates");
    for (size_t i = 0; i < (size_t)rank; i++)
        l->pivot[i] = (size_t)(pivot[i] - 1);
    dnb_free(l->g);
    l->g = NULL;
done:
    dnb_free(pivot);
    return status;
}

/* Whether float32 products are good enough for k components: what they err by stays below 1e-6 of a
 * kth eigenvalue that is not far below the mean one, and nothing overflowed or vanished. */
static dnb_status single_serves(bool *serves, const double *g, size_t n, size_t k, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *copy = NULL, *lambda = NULL, trace = 0;
    *serves = false;
    for (size_t i = 0; i < n; i++)
        trace += g[i * n + i];
    if (!isfinite(trace) || !(trace > 1e-20))
        return DNB_OK;
    DNB_NEW(copy, n * n, "Gram matrix");
    DNB_NEW(lambda, k, "eigenvalues");
    memcpy(copy, g, n * n * sizeof *g);
    DNB_TRY(dnb_eigen(lambda, NULL, copy, n, k, err));
    *serves = lambda[k - 1] > 0.1 * trace / (double)n;
done:
    dnb_free(copy);
    dnb_free(lambda);
    return status;
}

static dnb_status make_gram(dnb_map_layer *l, const dnb_rows *x, const dnb_mapping_options *o,
                            size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_gram_options go = {.centre = DNB_CENTRE_COLUMNS, .memory = memory, .progress = o->progress};
    bool done = false;
    DNB_NEW(l->g, l->n * l->n, "Gram matrix");
    if (l->form == DNB_MAP_GRAM_PCA && x->dtype == DNB_F32 && l->d >= SINGLE_COLUMNS) {
        go.single = true;
        DNB_TRY(dnb_gram_run(l->g, x, &go, err));
        DNB_TRY(single_serves(&done, l->g, l->n, o->n_components, err));
        go.single = false;
    }
    if (!done)
        DNB_TRY(dnb_gram_run(l->g, x, &go, err));
    DNB_TRY(check_gram(l, x, memory, err));
done:
    return status;
}

dnb_status dnb_map_reduce(dnb_map_layer *out, const dnb_mapping_layer *layer,
                          const dnb_mapping_options *o, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_rows *x = &layer->x;
    dnb_map_layer l = {.name = layer->name ? layer->name : "?",
                       .form = dnb_map_form_of(o, x->n, x->d),
                       .n = x->n,
                       .d = x->d,
                       .r = x->d};
    if (l.form == DNB_MAP_FEATURES) {
        DNB_TRY(load_features(&l, x, err));
    } else {
        l.r = l.n - 1;
        DNB_TRY(make_gram(&l, x, o, memory, err));
        if (l.form == DNB_MAP_COORDINATES)
            DNB_TRY(make_coordinates(&l, err));
    }
    *out = l;
    l = (dnb_map_layer){0};
done:
    dnb_map_layer_release(&l);
    return status;
}
