/* A matrix that may not fit memory: n rows of d numbers, held or read piece by piece.
 * room: array */
#ifndef DNNBRAIN_ROWS_H
#define DNNBRAIN_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/array.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain value; owns nothing. Either `data` is set (row i starts `i * stride` elements after it), or
 * `read` is: it stores the tile of rows row..row+n_rows-1 and columns col..col+n_cols-1 at dst, row
 * after row without gaps, in `dtype`. read is called from one thread at a time, the caller's, and
 * each tile may be asked for more than once. When `whole_rows` is set read is only ever asked for
 * whole rows (col 0, n_cols d), which suits files compressed row by row and networks that make a
 * row at a time. cheap says that reading again costs little: such a source is never loaded whole.
 */
typedef struct dnb_rows {
    size_t n, d;
    dnb_dtype dtype; /* DNB_F32 or DNB_F64 */
    const void *data;
    size_t stride;
    dnb_status (*read)(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols, void *dst,
                       dnb_err *err);
    void *ctx;
    bool whole_rows, cheap;
} dnb_rows;

/* Rows of a matrix in memory, without gaps. */
DNB_API dnb_rows dnb_rows_f32(const float *data, size_t n, size_t d);
DNB_API dnb_rows dnb_rows_f64(const double *data, size_t n, size_t d);
/* The first axis of an array (DNB_F32 or DNB_F64, at least one axis) as rows, all others as
 * columns. The array must outlive the result. */
DNB_API dnb_status dnb_rows_of_array(dnb_rows *out, const dnb_array *a,
                                     dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
