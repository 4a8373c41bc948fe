/* Operators whose result's size depends on the data: NonZero, Compress, Unique. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_select_kernel.h"
#include "net/each_number.h"

/* ---- NonZero ------------------------------------------------------------------------------------
 */

static bool is_nonzero(const dnb_array *a, size_t i)
{
    return a->dtype == DNB_I64 ? ((const int64_t *)a->data)[i] != 0 : dnb_array_at(a, i) != 0;
}

static dnb_status nonzero_shape(const dnb_op_shapes *s, dnb_err *err)
{
    size_t count = 0;
    dnb_status status = dnb_op_need(s, 0, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0, n = dnb_array_count(s->known[0]); i < n; i++)
        count += is_nonzero(s->known[0], i);
    s->out[0] = (dnb_shape){.dtype = DNB_I64,
                            .elem = DNB_ELEM(DNB_I64),
                            .ndim = 2,
                            .dim = {(size_t)s->in[0]->ndim, count}};
    return DNB_OK;
}

static dnb_status nonzero_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    size_t count = c->out[0].shape[1];
    (void)err;
    for (size_t i = 0, at = 0, n = dnb_array_count(x); i < n && at < count; i++) {
        if (!is_nonzero(x, i))
            continue;
        size_t rest = i;
        for (int d = x->ndim - 1; d >= 0; d--) {
            ((int64_t *)c->out[0].data)[(size_t)d * count + at] = (int64_t)(rest % x->shape[d]);
            rest /= x->shape[d];
        }
        at++;
    }
    return DNB_OK;
}

const dnb_op dnb_op_nonzero = {.name = "NonZero",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .flags = DNB_OP_TAKES_EMPTY,
                               .shape = nonzero_shape,
                               .run = nonzero_run};

/* ---- Compress -----------------------------------------------------------------------------------
 */

/* x as lines; without an axis it is one line of all its elements. */
static dnb_status lines_or_flat(const dnb_node *n, const dnb_shape *x, bool *flat, int *axis,
                                dnb_lines *l, dnb_err *err)
{
    dnb_array a;
    dnb_status status = DNB_OK;
    *axis = 0;
    *flat = !dnb_node_attr(n, "axis");
    if (!*flat)
        DNB_TRY(dnb_op_axis_attr(n, "axis", 0, x->ndim, false, axis, err));
    dnb_array_borrow(&a, x->dtype, x->ndim, x->dim, NULL);
    *l = *flat ? (dnb_lines){1, dnb_shape_count(x), 1} : dnb_lines_of(&a, *axis);
done:
    return status;
}

static dnb_status compress_shape(const dnb_op_shapes *s, dnb_err *err)
{
    bool flat;
    int axis;
    dnb_lines l;
    size_t count = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_need(s, 1, err));
    const dnb_array *keep = s->known[1];
    DNB_TRY(lines_or_flat(s->node, s->in[0], &flat, &axis, &l, err));
    if (keep->dtype != DNB_I64 || keep->ndim != 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (Compress): condition is not a list of booleans",
                        s->node->name);
    for (size_t i = 0; i < keep->shape[0]; i++) {
        if (!((const int64_t *)keep->data)[i])
            continue;
        if (i >= l.n)
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (Compress): condition selects entry %zu of %zu",
                            s->node->name, i, l.n);
        count++;
    }
    if (flat)
        s->out[0].ndim = 1;
    else
        s->out[0] = *s->in[0];
    s->out[0].dim[axis] = count;
done:
    return status;
}

static dnb_status compress_run(const dnb_op_call *c, dnb_err *err)
{
    bool flat;
    int axis;
    dnb_lines l;
    const dnb_array *keep = c->in[1];
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = lines_or_flat(c->node, &x, &flat, &axis, &l, err);
    if (status != DNB_OK)
        return status;
    size_t count = c->out[0].shape[axis], at = 0, block = l.inner * dnb_dtype_size(x.dtype);
    for (size_t i = 0; i < keep->shape[0] && i < l.n && at < count; i++) {
        if (!((const int64_t *)keep->data)[i])
            continue;
        for (size_t o = 0; block && o < l.outer; o++)
            memcpy((char *)c->out[0].data + (o * count + at) * block,
                   (const char *)c->in[0]->data + (o * l.n + i) * block, block);
        at++;
    }
    return DNB_OK;
}

const dnb_op dnb_op_compress = {.name = "Compress",
                                .min_in = 2,
                                .max_in = 2,
                                .max_out = 1,
                                .flags = DNB_OP_TAKES_EMPTY,
                                .shape = compress_shape,
                                .run = compress_run,
                                .gradient = dnb_grad_mover};

/* ---- Unique -------------------------------------------------------------------------------------
 */

/* The distinct entries of an axis, in the order of the result. */
typedef struct distinct {
    size_t n;       /* how many */
    size_t *first;  /* [n] where each occurs first */
    size_t *number; /* [entries] which of the n each entry is */
} distinct;

static void distinct_release(distinct *d)
{
    dnb_free(d->first);
    dnb_free(d->number);
    *d = (distinct){0};
}

static int compare_entries(const dnb_array *x, const dnb_shape *shape, const dnb_lines *l, size_t a,
                           size_t b)
{
    return DNB_BY_NUMBER(x, shape, compare_entry, x->data, l, a, b);
}

/* Stable merge sort of the positions 0..n-1 by their entries. */
static void sort_entries(const dnb_array *x, const dnb_shape *shape, const dnb_lines *l,
                         size_t *order, size_t *other)
{
    for (size_t i = 0; i < l->n; i++)
        order[i] = i;
    for (size_t width = 1; width < l->n; width *= 2) {
        for (size_t lo = 0; lo < l->n; lo += 2 * width) {
            size_t mid = lo + width < l->n ? lo + width : l->n;
            size_t hi = lo + 2 * width < l->n ? lo + 2 * width : l->n;
            for (size_t a = lo, b = mid, k = lo; k < hi; k++) {
                bool left =
                    a < mid && (b >= hi || compare_entries(x, shape, l, order[a], order[b]) <= 0);
                other[k] = order[left ? a++ : b++];
            }
        }
        memcpy(order, other, l->n * sizeof *order);
    }
}

/* Renumbers by first occurrence. fresh: scratch of d->n numbers. */
static void by_occurrence(distinct *d, size_t n_entries, size_t *fresh)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        fresh[i] = SIZE_MAX;
    for (size_t i = 0; i < n_entries; i++) {
        size_t *f = &fresh[d->number[i]];
        if (*f == SIZE_MAX)
            *f = n++;
        d->number[i] = *f;
    }
    for (size_t i = n_entries; i-- > 0;)
        d->first[d->number[i]] = i;
}

static dnb_status distinct_init(distinct *out, const dnb_node *n, const dnb_array *x,
                                const dnb_shape *shape, const dnb_lines *l, dnb_err *err)
{
    distinct d = {0};
    size_t *order = NULL, *other = NULL;
    int64_t sorted = 1;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(n, "sorted", 1, &sorted, err));
    DNB_NEW(order, l->n, "Unique");
    DNB_NEW(other, l->n, "Unique");
    DNB_NEW(d.first, l->n, "Unique");
    DNB_NEW(d.number, l->n, "Unique");
    sort_entries(x, shape, l, order, other);
    for (size_t i = 0; i < l->n; i++) {
        if (i == 0 || compare_entries(x, shape, l, order[i - 1], order[i]) != 0)
            d.first[d.n++] = order[i]; /* the sort is stable: this is the first of its kind */
        d.number[order[i]] = d.n - 1;
    }
    if (!sorted)
        by_occurrence(&d, l->n, other);
    *out = d;
    d = (distinct){0};
done:
    dnb_free(order);
    dnb_free(other);
    distinct_release(&d);
    return status;
}

static dnb_status unique_shape(const dnb_op_shapes *s, dnb_err *err)
{
    bool flat;
    int axis;
    dnb_lines l;
    distinct d = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_need(s, 0, err));
    DNB_TRY(lines_or_flat(s->node, s->in[0], &flat, &axis, &l, err));
    DNB_TRY(distinct_init(&d, s->node, s->known[0], s->in[0], &l, err));
    if (flat)
        s->out[0].ndim = 1;
    else
        s->out[0] = *s->in[0];
    s->out[0].dim[axis] = d.n;
    for (size_t i = 1; i < s->node->n_outputs; i++)
        s->out[i] = (dnb_shape){
            .dtype = DNB_I64, .elem = DNB_ELEM(DNB_I64), .ndim = 1, .dim = {i == 2 ? l.n : d.n}};
done:
    distinct_release(&d);
    return status;
}

/* The optional outputs: where each distinct entry occurs first, which one each entry is, how often
 * each occurs. */
static void unique_lists(const dnb_op_call *c, const distinct *d, size_t n_entries)
{
    size_t n_outputs = c->node->n_outputs;
    for (size_t i = 0; n_outputs > 1 && i < d->n; i++)
        ((int64_t *)c->out[1].data)[i] = (int64_t)d->first[i];
    for (size_t i = 0; n_outputs > 2 && i < n_entries; i++)
        ((int64_t *)c->out[2].data)[i] = (int64_t)d->number[i];
    for (size_t i = 0; n_outputs > 3 && i < d->n; i++)
        ((int64_t *)c->out[3].data)[i] = 0;
    for (size_t i = 0; n_outputs > 3 && i < n_entries; i++)
        ((int64_t *)c->out[3].data)[d->number[i]]++;
}

static dnb_status unique_run(const dnb_op_call *c, dnb_err *err)
{
    bool flat;
    int axis;
    dnb_lines l;
    distinct d = {0};
    const dnb_array *x = c->in[0];
    dnb_shape shape = dnb_shape_of(x);
    dnb_status status = DNB_OK;
    DNB_TRY(lines_or_flat(c->node, &shape, &flat, &axis, &l, err));
    DNB_TRY(distinct_init(&d, c->node, x, c->in_shape[0], &l, err));
    size_t block = l.inner * dnb_dtype_size(x->dtype);
    for (size_t o = 0; block && o < l.outer; o++)
        for (size_t i = 0; i < d.n; i++)
            memcpy((char *)c->out[0].data + (o * d.n + i) * block,
                   (const char *)x->data + (o * l.n + d.first[i]) * block, block);
    unique_lists(c, &d, l.n);
done:
    distinct_release(&d);
    return status;
}

const dnb_op dnb_op_unique = {.name = "Unique",
                              .min_in = 1,
                              .max_in = 1,
                              .max_out = 4,
                              .flags = DNB_OP_TAKES_EMPTY,
                              .shape = unique_shape,
                              .run = unique_run};
