/* Means and sums of squares of rows and of columns, for a source in pieces. Rows are summed in
 * blocks of DNB_PANEL columns merged by the rule of Chan, Golub & LeVeque (1983); columns by
 * Welford's update, one row after the other. Both keep their digits under a large offset and do not
 * depend on threads or pieces. */
#include <math.h>
#include <string.h>

#include "array/panel.h"
#include "array/rows_load.h"
#include "array/simd.h"
#include "array/sweep.h"
#include "base/mem.h"

enum { REFERENCE_COLUMNS = 4096 };

DNB_SIMD static double sum_of_squares(const double *x, size_t k)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t j = 0; j < k; j++)
        s += x[j] * x[j];
    return s;
}

/* Mean of a block, exact when all its numbers are equal; x is left holding deviations from x[0]. */
static double block_mean(double *x, size_t k)
{
    double base = x[0];
    dnb_panel_affine(x, k, base, 1.0);
    return base + dnb_panel_sum(x, k) / (double)k;
}

typedef struct row_job {
    double *mean, *ss, *smallest;
} row_job;

static void row_piece(void *ctx, const dnb_piece *p)
{
    const row_job *job = ctx;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < p->n; i++) {
        size_t row = p->row + i;
        double x[DNB_PANEL], low = p->col ? job->smallest[row] : INFINITY;
        double mean = p->col ? job->mean[row] : 0, ss = p->col ? job->ss[row] : 0;
        for (size_t c = 0; c < p->d; c += DNB_PANEL) {
            size_t k = p->d - c < DNB_PANEL ? p->d - c : DNB_PANEL, before = p->col + c;
            dnb_panel_load(x, p, i, c, k, 0.0, 1.0);
            for (size_t j = 0; j < k; j++)
                low = x[j] < low ? x[j] : low;
            double base = x[0], m = block_mean(x, k);
            dnb_panel_affine(x, k, m - base, 1.0);
            double delta = m - mean, w = (double)k / (double)(before + k);
            ss += sum_of_squares(x, k) + delta * delta * (before ? (double)before * w : 0.0);
            mean = before ? mean + delta * w : m;
        }
        job->mean[row] = mean;
        job->ss[row] = ss;
        job->smallest[row] = low;
    }
}

dnb_status dnb_rows_moments(double *mean, double *ss, double *smallest, const dnb_rows *x,
                            size_t memory, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *work = NULL;
    DNB_NEW(work, 2 * x->n, "row moments");
    row_job job = {mean, ss ? ss : work, smallest ? smallest : work + x->n};
    DNB_TRY(dnb_rows_walk(x, memory, row_piece, &job, err));
done:
    dnb_free(work);
    return status;
}

typedef struct shift_job {
    double *shift;
    bool few_bits;
} shift_job;

/* shift to the nearest multiple of a power of two between an eighth and a quarter of the deviation
 * (left alone where that is 0 or NaN). */
static double round_shift(double shift, double deviation)
{
    if (!(deviation > 0) || isinf(deviation))
        return shift;
    double step = ldexp(1.0, ilogb(deviation) - 2);
    return step * rint(shift / step);
}

static void shift_piece(void *ctx, const dnb_piece *p)
{
    const shift_job *job = ctx;
    if (p->col)
        return;
    size_t cols = p->d < REFERENCE_COLUMNS ? p->d : REFERENCE_COLUMNS;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < p->n; i++) {
        double x[DNB_PANEL], base = 0, sum = 0, squares = 0;
        for (size_t c = 0; c < cols; c += DNB_PANEL) {
            size_t k = cols - c < DNB_PANEL ? cols - c : DNB_PANEL;
            if (c == 0) {
                dnb_panel_load(x, p, i, 0, 1, 0.0, 1.0);
                base = x[0];
            }
            sum += dnb_panel_load(x, p, i, c, k, base, 1.0);
            if (job->few_bits)
                squares += sum_of_squares(x, k);
        }
        double mean = sum / (double)cols, shift = base + mean;
        if (job->few_bits)
            shift = round_shift(shift, sqrt(squares / (double)cols - mean * mean));
        job->shift[p->row + i] = shift;
    }
}

dnb_status dnb_rows_shift(double *shift, const dnb_rows *x, bool few_bits, size_t memory,
                          dnb_err *err)
{
    shift_job job = {shift, few_bits};
    dnb_rows head = *x;
    if (!x->whole_rows && head.d > REFERENCE_COLUMNS)
        head.d = REFERENCE_COLUMNS;
    return dnb_rows_walk(&head, memory, shift_piece, &job, err);
}

typedef struct column_job {
    double *mean, *ss;
    const double *shift, *scale;
} column_job;

DNB_SIMD static void welford(double *restrict mean, double *restrict ss, const double *restrict x,
                             size_t k, double share)
{
    for (size_t j = 0; j < k; j++) {
        double delta = x[j] - mean[j];
        mean[j] += delta * share;
        ss[j] += delta * (x[j] - mean[j]);
    }
}

static void column_piece(void *ctx, const dnb_piece *p)
{
    const column_job *job = ctx;
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < p->d; c += DNB_PANEL) {
        double x[DNB_PANEL];
        size_t k = p->d - c < DNB_PANEL ? p->d - c : DNB_PANEL, at = p->col + c;
        for (size_t i = 0; i < p->n; i++) {
            size_t row = p->row + i;
            dnb_panel_prefetch(p, i + DNB_PREFETCH_ROWS, c, k);
            dnb_panel_load(x, p, i, c, k, job->shift ? job->shift[row] : 0.0,
                           job->scale ? job->scale[row] : 1.0);
            if (row == 0) {
                memcpy(job->mean + at, x, k * sizeof *x);
                memset(job->ss + at, 0, k * sizeof *x);
            } else {
                welford(job->mean + at, job->ss + at, x, k, 1.0 / (double)(row + 1));
            }
        }
    }
}

dnb_status dnb_columns_moments(double *mean, double *ss, const dnb_rows *x, const double *row_shift,
                               const double *row_scale, size_t memory, dnb_err *err)
{
    column_job job = {mean, ss, row_shift, row_scale};
    return dnb_rows_walk(x, memory, column_piece, &job, err);
}
