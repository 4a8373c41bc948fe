/* Row sources: wrapping memory and arrays, loading a source that fits. */
#include "dnnbrain/rows.h"

#include <limits.h>
#include <stdint.h>

#include "array/panel.h"
#include "array/rows_load.h"
#include "base/mem.h"

dnb_rows dnb_rows_f32(const float *data, size_t n, size_t d)
{
    return (dnb_rows){.n = n, .d = d, .dtype = DNB_F32, .data = data, .stride = d};
}

dnb_rows dnb_rows_f64(const double *data, size_t n, size_t d)
{
    return (dnb_rows){.n = n, .d = d, .dtype = DNB_F64, .data = data, .stride = d};
}

dnb_status dnb_rows_of_array(dnb_rows *out, const dnb_array *a, dnb_err *err)
{
    if (a->ndim < 1 || (a->dtype != DNB_F32 && a->dtype != DNB_F64)) {
        char shape[128];
        return dnb_fail(
            err, DNB_ESHAPE,
            "rows need a float32 or float64 array of at least one axis, not %s of shape "
            "%s; convert it first",
            dnb_dtype_name(a->dtype), dnb_array_shape_text(a, shape, sizeof shape));
    }
    size_t d = 1;
    for (int i = 1; i < a->ndim; i++)
        d *= a->shape[i];
    *out = (dnb_rows){.n = a->shape[0], .d = d, .dtype = a->dtype, .data = a->data, .stride = d};
    return DNB_OK;
}

dnb_status dnb_rows_check(const dnb_rows *x, dnb_err *err)
{
    size_t count, bytes;
    if (x->dtype != DNB_F32 && x->dtype != DNB_F64)
        return dnb_fail(err, DNB_EARG, "rows hold %s; only float32 and float64 are read",
                        dnb_dtype_name(x->dtype));
    if (x->n < 1 || x->d < 1)
        return dnb_fail(err, DNB_ESHAPE, "a matrix of %zu rows and %zu columns is empty", x->n,
                        x->d);
    if (!dnb_mul_size(&count, x->n, x->d) || !dnb_mul_size(&bytes, count, sizeof(double)) ||
        bytes > PTRDIFF_MAX)
        return dnb_fail(err, DNB_ESHAPE, "a matrix of %zu rows and %zu columns is too large", x->n,
                        x->d);
    if (x->n > INT_MAX || x->d > INT_MAX)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "a matrix of %zu rows and %zu columns: BLAS counts to %d", x->n, x->d,
                        INT_MAX);
    if (!x->data && !x->read)
        return dnb_fail(err, DNB_EARG, "rows have neither data nor a way to read them");
    if (x->data && x->n > 1 && x->stride < x->d)
        return dnb_fail(err, DNB_EARG, "rows overlap: a stride of %zu for %zu columns", x->stride,
                        x->d);
    return DNB_OK;
}

size_t dnb_rows_bytes(const dnb_rows *x)
{
    return x->n * x->d * dnb_dtype_size(x->dtype);
}

dnb_status dnb_rows_load(dnb_rows *out, dnb_array *hold, const dnb_rows *x, size_t memory,
                         dnb_err *err)
{
    if (x->data || x->cheap || dnb_rows_bytes(x) > memory) {
        *out = *x;
        return DNB_OK;
    }
    dnb_status status = DNB_OK;
    dnb_array all = {0};
    DNB_TRY(dnb_array_init(&all, x->dtype, 2, (size_t[]){x->n, x->d}, err));
    DNB_TRY(x->read(x->ctx, 0, x->n, 0, x->d, all.data, err));
    *hold = all;
    all = (dnb_array){0};
    *out = (dnb_rows){.n = x->n, .d = x->d, .dtype = x->dtype, .data = hold->data, .stride = x->d};
done:
    dnb_array_release(&all);
    return status;
}

dnb_status dnb_rows_walk(const dnb_rows *x, size_t memory, dnb_piece_fn *fn, void *ctx,
                         dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t item = dnb_dtype_size(x->dtype), rows = x->n, cols = x->d;
    dnb_piece p = {.data = x->data, .dtype = x->dtype, .n = x->n, .d = x->d, .stride = x->stride};
    char *buffer = NULL;
    if (x->data) {
        fn(ctx, &p);
        return DNB_OK;
    }
    if (x->whole_rows) {
        if (memory / (cols * item) < rows)
            rows = memory / (cols * item);
    } else if (memory / (rows * item) < cols) {
        cols = memory / (rows * item) / DNB_PANEL * DNB_PANEL;
    }
    if (rows == 0 || cols == 0)
        return dnb_fail(err, DNB_ENOMEM,
                        "the %.1f MB of memory allowed cannot hold one piece of a %zu x %zu matrix",
                        1e-6 * (double)memory, x->n, x->d);
    DNB_NEW(buffer, rows * cols * item, "a piece of the matrix");
    p.data = buffer;
    for (p.row = 0; p.row < x->n; p.row += rows)
        for (p.col = 0; p.col < x->d; p.col += cols) {
            p.n = x->n - p.row < rows ? x->n - p.row : rows;
            p.d = x->d - p.col < cols ? x->d - p.col : cols;
            p.stride = p.d;
            DNB_TRY(x->read(x->ctx, p.row, p.n, p.col, p.d, buffer, err));
            fn(ctx, &p);
        }
done:
    dnb_free(buffer);
    return status;
}
