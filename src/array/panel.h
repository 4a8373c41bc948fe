/* Turning stored rows into float64 or float32 panels. room: array (internal) */
#ifndef DNB_ARRAY_PANEL_H
#define DNB_ARRAY_PANEL_H

#include <stddef.h>

#include "dnnbrain/rows.h"

/* A piece of the source that is in memory: rows row.. and columns col.., first element at data. */
typedef struct dnb_piece {
    const void *data;
    dnb_dtype dtype;
    size_t row, n, col, d, stride;
} dnb_piece;

/* Calls fn on every piece of the source, in ascending order of rows and columns: the whole matrix
 * when it is in memory, else tiles of all rows (a multiple of DNB_PANEL columns wide) or blocks of
 * whole rows that fit `memory`. */
typedef void dnb_piece_fn(void *ctx, const dnb_piece *p);
dnb_status dnb_rows_walk(const dnb_rows *x, size_t memory, dnb_piece_fn *fn, void *ctx,
                         dnb_err *err) DNB_MUST_CHECK;

/* Columns of one panel. */
#define DNB_PANEL 256

/* dst[0..k) = (row i of the piece, columns c.. of the piece - shift) * scale; returns dst's sum. */
double dnb_panel_load(double *dst, const dnb_piece *p, size_t i, size_t c, size_t k, double shift,
                      double scale);
/* dst[0..k) = the same numbers of a float32 piece less shift, and less by_column[0..k) unless that
 * is NULL, which are rounded to float32 first, so that 0 and what lies near the shift come out
 * exact; returns the sum of dst. */
double dnb_panel_load_single(float *dst, const dnb_piece *p, size_t i, size_t c, size_t k,
                             double shift, const double *by_column);
/* Asks the cache for what those will read; rows past the piece are left alone. Rows stand far
 * apart, so walking down a panel without asking DNB_PREFETCH_ROWS ahead waits for memory at every
 * row. */
#define DNB_PREFETCH_ROWS 4
void dnb_panel_prefetch(const dnb_piece *p, size_t i, size_t c, size_t k);
/* x = (x - shift) * scale. */
void dnb_panel_affine(double *x, size_t k, double shift, double scale);
/* x[j] -= shift[j]; x[j] *= scale[j]. */
void dnb_panel_sub(double *x, const double *shift, size_t k);
void dnb_panel_mul(double *x, const double *scale, size_t k);
/* x = (x != 0). */
void dnb_panel_indicator(double *x, size_t k);
double dnb_panel_sum(const double *x, size_t k);
/* sum[j] += x[j] where x[j] is finite, count[j] counts those. */
void dnb_panel_add_finite(double *sum, double *count, const double *x, size_t k);
/* Adds y to x, or takes the larger (NaN wins). */
void dnb_panel_merge(double *x, const double *y, size_t k, int take_max);

#endif
