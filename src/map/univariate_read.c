/* Columns of a row source as variables: each with its rows side by side, in order of folds. */
#include <string.h>

#include "array/rows_load.h"
#include "base/mem.h"
#include "map/univariate_own.h"

enum { RAW_BYTES = 8 << 20 /* of rows read at a time */, STRIP = 16 /* columns moved together */ };

dnb_status dnb_uv_reader_init(dnb_uv_reader *r, const dnb_rows *x, size_t width, size_t memory,
                              dnb_err *err)
{
    *r = (dnb_uv_reader){0};
    dnb_status status = dnb_rows_load(&r->x, &r->hold, x, memory, err);
    if (status != DNB_OK || r->x.data)
        return status;
    size_t item = dnb_dtype_size(x->dtype), row = (x->whole_rows ? x->d : width) * item;
    r->raw_rows = x->n;
    if (x->whole_rows && RAW_BYTES / row < x->n)
        r->raw_rows = RAW_BYTES / row > 0 ? RAW_BYTES / row : 1;
    r->raw = dnb_alloc_aligned(r->raw_rows, row);
    return r->raw ? DNB_OK : dnb_fail_memory(err, "units", r->raw_rows * row);
}

void dnb_uv_reader_release(dnb_uv_reader *r)
{
    dnb_free(r->raw);
    dnb_array_release(&r->hold);
    *r = (dnb_uv_reader){0};
}

/* Rows row..row+n_rows-1 of a piece whose column 0 goes to variable 0. */
static void transpose(double *dst, size_t n, const void *piece, dnb_dtype dtype, size_t stride,
                      size_t row, size_t n_rows, size_t width, const size_t *place)
{
    size_t strips = (width + STRIP - 1) / STRIP;
#pragma omp parallel for
    for (size_t s = 0; s < strips; s++) {
        size_t first = s * STRIP, count = width - first < STRIP ? width - first : STRIP;
        for (size_t i = 0; i < n_rows; i++) {
            double *to = dst + first * n + place[row + i];
            const float *f32 = (const float *)piece + i * stride + first;
            const double *f64 = (const double *)piece + i * stride + first;
            for (size_t c = 0; c < count; c++)
                to[c * n] = dtype == DNB_F32 ? (double)f32[c] : f64[c];
        }
    }
}

dnb_status dnb_uv_read(double *dst, dnb_uv_reader *r, size_t col, size_t width, const size_t *place,
                       dnb_err *err)
{
    const dnb_rows *x = &r->x;
    if (x->data) {
        const char *from = (const char *)x->data + col * dnb_dtype_size(x->dtype);
        transpose(dst, x->n, from, x->dtype, x->stride, 0, x->n, width, place);
        return DNB_OK;
    }
    size_t from = x->whole_rows ? 0 : col, columns = x->whole_rows ? x->d : width;
    for (size_t i = 0; i < x->n; i += r->raw_rows) {
        size_t rows = x->n - i < r->raw_rows ? x->n - i : r->raw_rows;
        dnb_status status = x->read(x->ctx, i, rows, from, columns, r->raw, err);
        if (status != DNB_OK)
            return status;
        const char *piece = (const char *)r->raw + (col - from) * dnb_dtype_size(x->dtype);
        transpose(dst, x->n, piece, x->dtype, columns, i, rows, width, place);
    }
    return DNB_OK;
}
