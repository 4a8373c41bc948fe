/* Element movers shared by Transpose, Slice, Pad, Resize and Crop. */
#include "net/move.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/op_util.h"

static void copy_element(char *dst, const char *src, size_t size)
{
    if (size == 4)
        memcpy(dst, src, 4);
    else
        memcpy(dst, src, 8);
}

/* n elements that lie step apart. */
static void copy_strided(char *dst, const char *src, size_t n, size_t step, size_t size)
{
    if (step == 1) {
        memcpy(dst, src, n * size);
    } else if (size == 4) {
        for (size_t i = 0; i < n; i++)
            memcpy(dst + i * 4, src + i * step * 4, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            memcpy(dst + i * 8, src + i * step * 8, 8);
    }
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

void dnb_rows_along(const dnb_array *x, const dnb_array *like, int axis, size_t row,
                    dnb_row_along *out)
{
    size_t run = 1;
    *out = (dnb_row_along){0};
    for (int d = x->ndim - 1; d >= 0; d--) {
        if (d == axis)
            out->axis_step = run;
        else if (d == x->ndim - 1)
            out->step = run;
        if (d < x->ndim - 1) {
            out->base += d == axis ? 0 : row % like->shape[d] * run;
            row /= like->shape[d];
        }
        run *= x->shape[d];
    }
}

/* Side of the squares in which a plane is transposed: both sides' lines stay in the cache. */
enum { TILE = 32 };

/* A dimension before the last along which the source is contiguous, where the last is not; -1 =
 * none that is worth tiles. */
static int contiguous_dim(const dnb_array *out, const size_t *step)
{
    int last = out->ndim - 1, found = -1;
    for (int d = 0; d < last && step[last] != 1 && step[last] != 0 && out->shape[last] >= 8; d++)
        found = step[d] == 1 && out->shape[d] >= 8 ? d : found;
    return found;
}

/* Rows i0.. (at most TILE of dimension d) of one plane: dst is row-major with rows `pitch` apart,
 * column x of row i comes from src[i + x * step]. */
static void transpose_rows(char *dst, size_t pitch, const char *src, size_t step, size_t n_rows,
                           size_t width, size_t size)
{
    for (size_t x = 0; x < width; x += TILE) {
        size_t n = width - x < TILE ? width - x : TILE;
        for (size_t i = 0; i < n_rows; i++)
            copy_strided(dst + (i * pitch + x) * size, src + (i + x * step) * size, n, step, size);
    }
}

/* dnb_move_strided where the source is contiguous along dimension d: plane by plane. */
static void move_planes(const dnb_array *out, const dnb_array *src, const size_t *step, int d)
{
    size_t size = dnb_dtype_size(out->dtype), height = out->shape[d], pitch = 1;
    int last = out->ndim - 1;
    size_t bands = (height + TILE - 1) / TILE;
    size_t planes = dnb_array_count(out) / (height * out->shape[last]);
    for (int k = d + 1; k <= last; k++)
        pitch *= out->shape[k];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes * bands; p++) {
        size_t i0 = p % bands * TILE, rest = p / bands, from = i0, to = 0, run = out->shape[last];
        for (int k = last - 1; k >= 0; k--) {
            size_t i = k == d ? i0 : rest % out->shape[k];
            to += i * run;
            run *= out->shape[k];
            if (k != d) {
                from += i * step[k];
                rest /= out->shape[k];
            }
        }
        transpose_rows((char *)out->data + to * size, pitch, (const char *)src->data + from * size,
                       step[last], height - i0 < TILE ? height - i0 : TILE, out->shape[last], size);
    }
}

void dnb_move_strided(const dnb_array *out, const dnb_array *src, const size_t *step)
{
    size_t size = dnb_dtype_size(out->dtype), n = dnb_array_count(out);
    int last = out->ndim - 1;
    size_t width = out->ndim ? out->shape[last] : 1, rows = width ? n / width : 0;
    const char *from = src->data;
    char *to = out->data;
    int contiguous = rows ? contiguous_dim(out, step) : -1;
    if (contiguous >= 0) {
        move_planes(out, src, step, contiguous);
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = dnb_stepped_place(out->shape, last, step, r);
        copy_strided(to + r * width * size, from + at * size, width, out->ndim ? step[last] : 0,
                     size);
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

/* The last dimension's table: `lo` fill values, then `run` neighbours from `first` on, then fill
 * values; table = NULL. Or any other, with its table. */
typedef struct row_plan {
    const size_t *table;
    size_t width, lo, run, first;
} row_plan;

static row_plan plan_row(const size_t *table, size_t width)
{
    row_plan p = {.width = width};
    if (!table) /* a scalar */
        return (row_plan){.width = width, .run = width};
    while (p.lo < width && table[p.lo] == DNB_FILL)
        p.lo++;
    p.first = p.lo < width ? table[p.lo] : 0;
    while (p.lo + p.run < width && table[p.lo + p.run] == p.first + p.run)
        p.run++;
    for (size_t x = p.lo + p.run; x < width; x++)
        if (table[x] != DNB_FILL)
            p.table = table;
    return p;
}

static void copy_by_table(char *dst, const char *src, const row_plan *p, const char *fill,
                          size_t size)
{
    if (!p->table) {
        size_t hi = p->lo + p->run;
        copy_strided(dst, fill, p->lo, 0, size);
        memcpy(dst + p->lo * size, src + p->first * size, p->run * size);
        copy_strided(dst + hi * size, fill, p->width - hi, 0, size);
        return;
    }
    for (size_t x = 0; x < p->width; x++) {
        size_t i = p->table[x];
        copy_element(dst + x * size, i == DNB_FILL ? fill : src + i * size, size);
    }
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
    row_plan row = plan_row(last < 0 ? NULL : t->from[last], width);
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
        char *dst = to + r * width * size;
        if (filled)
            copy_strided(dst, fill, width, 0, size);
        else
            copy_by_table(dst, from + at * size, &row, fill, size);
    }
}
