/* Element movers shared by Transpose, Slice, Pad, Resize and Crop. */
#include "net/move.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

static void copy_element(char *dst, const char *src, size_t size)
{
    if (size == 4)
        memcpy(dst, src, 4);
    else
        memcpy(dst, src, 8);
}

dnb_lines dnb_lines_of(const dnb_array *a, int axis)
{
    dnb_lines l = {1, a->ndim ? a->shape[axis] : 1, 1};
    for (int d = 0; d < a->ndim; d++)
        if (d != axis)
            *(d < axis ? &l.outer : &l.inner) *= a->shape[d];
    return l;
}

dnb_status dnb_call_index(const dnb_node *node, int64_t index, size_t n, size_t *at, dnb_err *err)
{
    int64_t size = (int64_t)n;
    if (index < -size || index >= size)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): index %lld is outside a dimension of %zu",
                        node->name, node->op->name, (long long)index, n);
    if (at)
        *at = (size_t)(index < 0 ? index + size : index);
    return DNB_OK;
}

size_t dnb_element_at(const dnb_array *x, const dnb_array *like, size_t i, int axis, size_t at)
{
    size_t element = 0, run = 1;
    for (int d = x->ndim - 1; d >= 0; d--) {
        element += (d == axis ? at : i % like->shape[d]) * run;
        i /= like->shape[d];
        run *= x->shape[d];
    }
    return element;
}

void dnb_move_strided(const dnb_array *out, const dnb_array *src, const size_t *step)
{
    size_t size = dnb_dtype_size(out->dtype), n = dnb_array_count(out);
    int last = out->ndim - 1;
    size_t width = out->ndim ? out->shape[last] : 1, rows = width ? n / width : 0;
    const char *from = src->data;
    char *to = out->data;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = 0, rest = r;
        for (int d = last - 1; d >= 0; d--) {
            at += rest % out->shape[d] * step[d];
            rest /= out->shape[d];
        }
        for (size_t x = 0; x < width; x++)
            copy_element(to + (r * width + x) * size,
                         from + (at + x * (out->ndim ? step[last] : 0)) * size, size);
    }
}

dnb_status dnb_tables_init(dnb_tables *t, const dnb_array *out, dnb_err *err)
{
    size_t total = 0;
    for (int d = 0; d < out->ndim; d++)
        total += out->shape[d]; /* each at most 2^31 */
    t->block = dnb_alloc(total, sizeof *t->block);
    if (!t->block)
        return dnb_fail_memory(err, "index tables", total * sizeof *t->block);
    size_t at = 0;
    for (int d = 0; d < out->ndim; d++) {
        t->from[d] = t->block + at;
        at += out->shape[d];
    }
    return DNB_OK;
}

void dnb_tables_release(dnb_tables *t)
{
    dnb_free(t->block);
    *t = (dnb_tables){0};
}

/* The fill value in the array's type. */
static void encode(char bytes[8], dnb_dtype t, double v)
{
    float f = (float)v;
    int64_t i = (int64_t)(v > -0x1p62 && v < 0x1p62 ? v : 0);
    memcpy(bytes,
           t == DNB_F32   ? (void *)&f
           : t == DNB_F64 ? (void *)&v
                          : (void *)&i,
           dnb_dtype_size(t));
}

void dnb_move_by_tables(const dnb_array *out, const dnb_array *src, const dnb_tables *t,
                        double fill)
{
    char filler[8] = {0};
    encode(filler, out->dtype, fill);
    dnb_move_or_fill(out, src, t, filler);
}

void dnb_move_or_fill(const dnb_array *out, const dnb_array *src, const dnb_tables *t,
                      const void *fill)
{
    size_t size = dnb_dtype_size(out->dtype), n = dnb_array_count(out), step[DNB_MAX_DIMS];
    int last = out->ndim - 1;
    size_t width = out->ndim ? out->shape[last] : 1, rows = width ? n / width : 0, run = 1;
    const char *from = src->data;
    char *to = out->data;
    for (int d = last; d >= 0; d--) {
        step[d] = run;
        run *= src->shape[d];
    }
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = 0, rest = r;
        bool filled = false;
        for (int d = last - 1; d >= 0; d--) {
            size_t i = t->from[d][rest % out->shape[d]];
            filled = filled || i == DNB_FILL;
            at += filled ? 0 : i * step[d];
            rest /= out->shape[d];
        }
        for (size_t x = 0; x < width; x++) {
            size_t i = last < 0 ? 0 : t->from[last][x];
            copy_element(to + (r * width + x) * size,
                         filled || i == DNB_FILL ? (const char *)fill : from + (at + i) * size,
                         size);
        }
    }
}
