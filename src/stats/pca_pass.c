/* Components, scores and scatter matrices, piece by piece. Blocks have a fixed size and each is one
 * thread's, in a fixed order, so results do not depend on the number of threads. */
#include "stats/pca_pass.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>

#include "array/panel.h"
#include "array/rows_load.h"
#include "array/serial.h"
#include "array/sweep.h"
#include "base/mem.h"
#include "dnnbrain/linalg.h"

enum { BLOCK = 256 };

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Shared by both passes; panels: one BLOCK x DNB_PANEL panel per thread. */
typedef struct pass {
    size_t n, d, k;
    const double *u, *mean;
    double *out;       /* components k x d, or scores n x k */
    double *reference; /* d: what is taken off the columns before they are summed */
    double *sum;       /* d: sum of what remains */
    double *panels;
    int n_threads;
} pass;

static dnb_status make_panels(pass *p, dnb_err *err)
{
    p->n_threads = dnb_threads_get();
    p->panels = dnb_alloc_aligned((size_t)p->n_threads * BLOCK * DNB_PANEL, sizeof(double));
    return p->panels ? DNB_OK : dnb_fail_memory(err, "a panel", BLOCK * DNB_PANEL * sizeof(double));
}

/* out[:, chunk] += u^T (rows - reference) for one chunk of columns of a piece. */
static void add_components(pass *s, const dnb_piece *p, size_t c, double *panel)
{
    size_t width = at_most(p->d - c, DNB_PANEL), col = p->col + c;
    if (p->row == 0)
        (void)dnb_panel_load(s->reference + col, p, 0, c, width, 0.0, 1.0);
    for (size_t first = 0; first < p->n; first += BLOCK) {
        size_t rows = at_most(p->n - first, BLOCK);
        for (size_t i = 0; i < rows; i++) {
            double *x = panel + i * DNB_PANEL;
            dnb_panel_prefetch(p, first + i + DNB_PREFETCH_ROWS, c, width);
            (void)dnb_panel_load(x, p, first + i, c, width, 0.0, 1.0);
            dnb_panel_sub(x, s->reference + col, width);
            for (size_t j = 0; j < width; j++)
                s->sum[col + j] += x[j];
        }
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)s->k, (int)width, (int)rows, 1.0,
                    s->u + (p->row + first) * s->k, (int)s->k, panel, DNB_PANEL, 1.0, s->out + col,
                    (int)s->d);
    }
}

static void components_piece(void *ctx, const dnb_piece *p)
{
    pass *s = ctx;
#pragma omp parallel for schedule(dynamic) num_threads(s->n_threads)
    for (size_t c = 0; c < p->d; c += DNB_PANEL) {
        int threads = dnb_serial_begin();
        add_components(s, p, c, s->panels + (size_t)omp_get_thread_num() * BLOCK * DNB_PANEL);
        dnb_serial_end(threads);
    }
}

dnb_status dnb_pca_components(dnb_pca *pca, const double *u, const double *values,
                              const dnb_rows *x, size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t k = pca->k, d = x->d;
    double *total = NULL;
    pass s = {.n = x->n, .d = d, .k = k, .u = u};
    DNB_TRY(dnb_array_init(&pca->components, DNB_F64, 2, (size_t[]){k, d}, err));
    DNB_TRY(dnb_array_init(&pca->mean, DNB_F64, 1, &d, err));
    DNB_NEW(s.reference, d, "column means");
    DNB_NEW(total, k, "components");
    s.out = pca->components.data;
    s.sum = pca->mean.data;
    DNB_TRY(make_panels(&s, err));
    DNB_TRY(dnb_rows_walk(x, memory, components_piece, &s, err));
    for (size_t i = 0; i < x->n; i++)
        for (size_t c = 0; c < k; c++)
            total[c] += u[i * k + c];
    double inverse = 1 / (double)x->n;
    for (size_t c = 0; c < k; c++) {
        double *row = s.out + c * d, scale = values[c] > 0 ? 1 / sqrt(values[c]) : 0;
        for (size_t j = 0; j < d; j++)
            row[j] = (row[j] - total[c] * s.sum[j] * inverse) * scale;
    }
    for (size_t j = 0; j < d; j++)
        s.sum[j] = s.reference[j] + s.sum[j] * inverse;
done:
    dnb_free(s.reference);
    dnb_free(s.panels);
    dnb_free(total);
    return status;
}

/* X^T as a source: its rows are X's columns. */
static dnb_status read_transposed(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                                  void *dst, dnb_err *err)
{
    const dnb_rows *x = ctx;
    dnb_status status = DNB_OK;
    size_t item = dnb_dtype_size(x->dtype), stride = x->data ? x->stride : x->d;
    char *tile = NULL;
    const char *from = x->data ? (const char *)x->data + col * stride * item : NULL;
    if (!x->data) {
        tile = dnb_alloc(n_cols * x->d, item);
        if (!tile)
            DNB_TRY(dnb_fail_memory(err, "a block of rows", n_cols * x->d * item));
        DNB_TRY(x->read(x->ctx, col, n_cols, 0, x->d, tile, err));
        from = tile;
    }
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < n_rows; j++)
        for (size_t i = 0; i < n_cols; i++) {
            size_t to = j * n_cols + i, at = i * stride + row + j;
            if (x->dtype == DNB_F32)
                ((float *)dst)[to] = ((const float *)(const void *)from)[at];
            else
                ((double *)dst)[to] = ((const double *)(const void *)from)[at];
        }
done:
    dnb_free(tile);
    return status;
}

dnb_status dnb_pca_scatter(double *scatter, double *mean, const dnb_rows *x, size_t memory,
                           const dnb_progress *progress, dnb_err *err)
{
    dnb_rows source = *x;
    dnb_rows turned = {
        .n = x->d, .d = x->n, .dtype = x->dtype, .read = read_transposed, .ctx = &source};
    /* Half the memory: reading a tile of X^T holds the rows it comes from too. */
    dnb_gram_options o = {.centre = DNB_CENTRE_ROWS, .memory = memory / 2, .progress = progress};
    dnb_status status = dnb_rows_moments(mean, NULL, NULL, &turned, memory / 2, err);
    return status != DNB_OK ? status : dnb_gram_run(scatter, &turned, &o, err);
}

static void scores_piece(void *ctx, const dnb_piece *p)
{
    pass *s = ctx;
#pragma omp parallel for schedule(dynamic) num_threads(s->n_threads)
    for (size_t first = 0; first < p->n; first += BLOCK) {
        double *panel = s->panels + (size_t)omp_get_thread_num() * BLOCK * DNB_PANEL;
        size_t rows = at_most(p->n - first, BLOCK);
        int threads = dnb_serial_begin();
        for (size_t c = 0; c < p->d; c += DNB_PANEL) {
            size_t width = at_most(p->d - c, DNB_PANEL), col = p->col + c;
            for (size_t i = 0; i < rows; i++) {
                dnb_panel_prefetch(p, first + i + DNB_PREFETCH_ROWS, c, width);
                (void)dnb_panel_load(panel + i * DNB_PANEL, p, first + i, c, width, 0.0, 1.0);
                dnb_panel_sub(panel + i * DNB_PANEL, s->mean + col, width);
            }
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)s->k, (int)width,
                        1.0, panel, DNB_PANEL, s->u + col, (int)s->d, 1.0,
                        s->out + (p->row + first) * s->k, (int)s->k);
        }
        dnb_serial_end(threads);
    }
}

dnb_status dnb_pca_scores(dnb_array *scores, const dnb_pca *pca, const dnb_rows *x, size_t memory,
                          dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_array out = {0};
    pass s = {.n = x->n, .d = x->d, .k = pca->k, .u = pca->components.data, .mean = pca->mean.data};
    DNB_TRY(dnb_array_init(&out, DNB_F64, 2, (size_t[]){x->n, pca->k}, err));
    s.out = out.data;
    DNB_TRY(make_panels(&s, err));
    DNB_TRY(dnb_rows_walk(x, memory, scores_piece, &s, err));
    *scores = out;
    out = (dnb_array){0};
done:
    dnb_array_release(&out);
    dnb_free(s.panels);
    return status;
}
