/* Gram matrices: the sweep with BLAS as its kernel, and centring. */
#include "array/gram.h"

#include <cblas.h>
#include <math.h>

#include "array/gram_single.h"
#include "array/rows_load.h"
#include "array/serial.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"

void dnb_gram_kernel(double *acc, size_t tile, const dnb_panels *p, const void *ctx)
{
    (void)ctx;
    int na = (int)p->na, nb = (int)p->nb, k = (int)p->k, ld = DNB_PANEL, t = (int)tile;
    if (p->a32) {
        dnb_single_multiply(acc, tile, p, NULL);
        return;
    }
    int threads = dnb_serial_begin();
    if (p->same)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, na, k, 1.0, p->a, ld, 1.0, acc, t);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, na, nb, k, 1.0, p->a, ld, p->b, ld,
                    1.0, acc, t);
    dnb_serial_end(threads);
}

void dnb_gram_sweep_init(dnb_sweep *s, const dnb_rows *x, size_t memory)
{
    *s = (dnb_sweep){.x = x,
                     .tile = dnb_sweep_tile(x, DNB_GRAM_TILE, 1, memory),
                     .memory = memory,
                     .n_acc = 1,
                     .kernel = dnb_gram_kernel,
                     .flops_per_item = 2,
                     .what = "Gram matrix"};
}

void dnb_gram_sweep_single(dnb_sweep *s)
{
    s->single = true;
    if (s->x->n > DNB_GRAM_TILE && s->tile >= DNB_GRAM_SINGLE_TILE / 2)
        s->tile = s->tile < DNB_GRAM_SINGLE_TILE ? s->tile / DNB_BLOCK_WIDTH * DNB_BLOCK_WIDTH
                                                 : DNB_GRAM_SINGLE_TILE;
}

/* Both triangles from the tiles. */
static void expand(double *g, const dnb_pair_tiles *t)
{
    size_t n = t->n, T = t->tile;
#pragma omp parallel for schedule(dynamic)
    for (size_t ti = 0; ti < t->n_tiles; ti++)
        for (size_t tj = ti; tj < t->n_tiles; tj++) {
            const double *b = dnb_pair_tiles_block(t, dnb_tile_pair_index(t->n_tiles, ti, tj));
            for (size_t i = ti * T; i < n && i < (ti + 1) * T; i++)
                for (size_t j = tj > ti ? tj * T : i; j < n && j < (tj + 1) * T; j++)
                    g[i * n + j] = g[j * n + i] = b[(i - ti * T) * T + (j - tj * T)];
        }
}

dnb_status dnb_gram_centre(double *g, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *mean = NULL, total = 0;
    DNB_NEW(mean, n, "Gram matrix means");
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            mean[i] += g[i * n + j];
        mean[i] /= (double)n;
    }
    for (size_t i = 0; i < n; i++)
        total += mean[i] / (double)n;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            g[i * n + j] -= mean[i] + mean[j] - total;
done:
    dnb_free(mean);
    return status;
}

dnb_status dnb_gram_run(double *g, const dnb_rows *x, const dnb_gram_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_gram_options o = opt ? *opt : (dnb_gram_options){0};
    dnb_pair_tiles tiles = {0};
    dnb_array hold = {0};
    dnb_rows rows;
    double *shift = NULL, *sum = NULL;
    dnb_sweep s;
    if (!o.memory)
        o.memory = dnb_memory_budget();
    DNB_TRY(dnb_rows_check(x, err));
    DNB_TRY(dnb_rows_load(&rows, &hold, x, o.memory / 2, err));
    dnb_gram_sweep_init(&s, &rows, o.memory - (hold.data ? dnb_array_bytes(&hold) : 0));
    s.progress = o.progress;
    if (o.single && x->dtype == DNB_F32 && o.centre != DNB_CENTRE_ROWS)
        dnb_gram_sweep_single(&s);
    s.centre_columns = o.centre == DNB_CENTRE_COLUMNS;
    if (o.centre == DNB_CENTRE_ROWS) {
        DNB_NEW(shift, x->n, "row means");
        DNB_NEW(sum, x->n, "row means");
        DNB_TRY(dnb_rows_shift(shift, &rows, false, s.memory, err));
        s.row_shift = shift;
        s.row_sum = sum;
    }
    DNB_TRY(dnb_sweep_run(&tiles, &s, err));
    expand(g, &tiles);
    if (o.centre == DNB_CENTRE_COLUMNS)
        DNB_TRY(dnb_gram_centre(g, x->n, err));
    for (size_t i = 0; sum && i < x->n; i++)
        for (size_t j = 0; j < x->n; j++)
            g[i * x->n + j] -= sum[i] * sum[j] / (double)x->d;
done:
    dnb_pair_tiles_release(&tiles);
    dnb_array_release(&hold);
    dnb_free(shift);
    dnb_free(sum);
    return status;
}
