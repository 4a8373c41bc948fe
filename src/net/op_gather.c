/* Gather, GatherElements, GatherND. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* Bytes from which on a second thread pays. */
#define PARALLEL_WORTH ((size_t)1 << 16)

/* ---- Gather -------------------------------------------------------------------------------------
 */

static dnb_status gather_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *index = s->in[1];
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", 0, x->ndim, false, &axis, err));
    if (index->dtype != DNB_I64 || x->ndim + index->ndim - 1 > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (Gather): indices must be integers, the result of at most %d "
                        "dimensions",
                        s->node->name, DNB_MAX_DIMS);
    s->out[0].ndim = 0;
    for (int i = 0; i < axis; i++)
        s->out[0].dim[s->out[0].ndim++] = x->dim[i];
    for (int i = 0; i < index->ndim; i++)
        s->out[0].dim[s->out[0].ndim++] = index->dim[i];
    for (int i = axis + 1; i < x->ndim; i++)
        s->out[0].dim[s->out[0].ndim++] = x->dim[i];
done:
    return status;
}

static dnb_status gather_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    const int64_t *index = c->in[1]->data;
    size_t n = dnb_array_count(c->in[1]);
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(c->node, "axis", 0, x->ndim, false, &axis, err));
    dnb_lines l = dnb_lines_of(x, axis);
    size_t block = l.inner * dnb_dtype_size(x->dtype);
    for (size_t i = 0; i < n; i++)
        DNB_TRY(dnb_call_index(c->node, index[i], l.n, NULL, err));
    if (block == 0)
        return DNB_OK;
#pragma omp parallel for schedule(static) if (l.outer * n * block > PARALLEL_WORTH)
    for (size_t k = 0; k < l.outer * n; k++) {
        int64_t at = index[k % n];
        size_t from = k / n * l.n + (size_t)(at < 0 ? at + (int64_t)l.n : at);
        memcpy((char *)c->out[0].data + k * block, (const char *)x->data + from * block, block);
    }
done:
    return status;
}

const dnb_op dnb_op_gather = {.name = "Gather",
                              .min_in = 2,
                              .max_in = 2,
                              .max_out = 1,
                              .flags = DNB_OP_TAKES_EMPTY,
                              .shape = gather_shape,
                              .run = gather_run,
                              .gradient = dnb_grad_mover};

/* ---- GatherElements -----------------------------------------------------------------------------
 */

static dnb_status gather_elements_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *index = s->in[1];
    int axis;
    char xs[128], is[128];
    dnb_status status = dnb_op_axis_attr(s->node, "axis", 0, x->ndim, false, &axis, err);
    if (status != DNB_OK)
        return status;
    bool fits = index->dtype == DNB_I64 && index->ndim == x->ndim;
    for (int d = 0; fits && d < x->ndim; d++)
        fits = d == axis || index->dim[d] <= x->dim[d];
    if (!fits)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (GatherElements): indices (%s, %s) do not lie within data %s",
                        s->node->name, dnb_shape_text(index, is, sizeof is),
                        dnb_dtype_name(index->dtype), dnb_shape_text(x, xs, sizeof xs));
    s->out[0].ndim = x->ndim;
    for (int d = 0; d < x->ndim; d++)
        s->out[0].dim[d] = index->dim[d];
    return DNB_OK;
}

/* Indices are checked; each row of the result by itself. */
static void gather_rows(const dnb_array *out, const dnb_array *x, const dnb_array *index, int axis)
{
    size_t size = dnb_dtype_size(x->dtype), width = index->shape[index->ndim - 1];
    size_t rows = width ? dnb_array_count(index) / width : 0;
    int64_t n = (int64_t)x->shape[axis];
#pragma omp parallel for schedule(static) if (rows * width * size > PARALLEL_WORTH)
    for (size_t r = 0; r < rows; r++) {
        const int64_t *at = (const int64_t *)index->data + r * width;
        char *dst = (char *)out->data + r * width * size;
        dnb_row_along row;
        dnb_rows_along(x, index, axis, r, &row);
        for (size_t c = 0; c < width; c++) {
            size_t i = (size_t)(at[c] < 0 ? at[c] + n : at[c]);
            memcpy(dst + c * size,
                   (const char *)x->data + (row.base + c * row.step + i * row.axis_step) * size,
                   size);
        }
    }
}

static dnb_status gather_elements_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0], *index = c->in[1];
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(c->node, "axis", 0, x->ndim, false, &axis, err));
    for (size_t i = 0, n = dnb_array_count(index); i < n; i++)
        DNB_TRY(
            dnb_call_index(c->node, ((const int64_t *)index->data)[i], x->shape[axis], NULL, err));
    gather_rows(&c->out[0], x, index, axis);
done:
    return status;
}

const dnb_op dnb_op_gather_elements = {.name = "GatherElements",
                                       .min_in = 2,
                                       .max_in = 2,
                                       .max_out = 1,
                                       .flags = DNB_OP_TAKES_EMPTY,
                                       .shape = gather_elements_shape,
                                       .run = gather_elements_run,
                                       .gradient = dnb_grad_mover};

/* ---- GatherND -----------------------------------------------------------------------------------
 */

static dnb_status gather_nd_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *index = s->in[1];
    dnb_shape *out = &s->out[0];
    int64_t batch = 0;
    dnb_status status = dnb_node_int(s->node, "batch_dims", 0, &batch, err);
    if (status != DNB_OK)
        return status;
    bool fits = index->dtype == DNB_I64 && batch >= 0 && batch < index->ndim && batch < x->ndim;
    size_t depth = fits ? index->dim[index->ndim - 1] : 0;
    fits = fits && depth >= 1 && depth <= (size_t)(x->ndim - batch) &&
           (int)(index->ndim - 1 + x->ndim - batch) - (int)depth <= DNB_MAX_DIMS;
    for (int d = 0; fits && d < batch; d++)
        fits = x->dim[d] == index->dim[d];
    if (!fits) {
        char xs[128], is[128];
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (GatherND): indices (%s, %s) do not fit data %s with %lld "
                        "batch dimensions",
                        s->node->name, dnb_shape_text(index, is, sizeof is),
                        dnb_dtype_name(index->dtype), dnb_shape_text(x, xs, sizeof xs),
                        (long long)batch);
    }
    out->ndim = 0;
    for (int d = 0; d < index->ndim - 1; d++)
        out->dim[out->ndim++] = index->dim[d];
    for (int d = (int)batch + (int)depth; d < x->ndim; d++)
        out->dim[out->ndim++] = x->dim[d];
    return DNB_OK;
}

static dnb_status gather_nd_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0], *index = c->in[1];
    const int64_t *tuple = index->data;
    size_t depth = index->shape[index->ndim - 1], n_batches = 1, element;
    int64_t batch = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(c->node, "batch_dims", 0, &batch, err));
    for (int d = 0; d < batch; d++)
        n_batches *= x->shape[d];
    size_t n = dnb_array_count(index) / depth, block = dnb_dtype_size(x->dtype);
    for (int d = (int)batch + (int)depth; d < x->ndim; d++)
        block *= x->shape[d];
    for (size_t i = 0; block && i < n; i++, tuple += depth) {
        element = i / (n / n_batches); /* which batch; then into its dimensions */
        for (size_t k = 0; k < depth; k++) {
            size_t at, dim = x->shape[(size_t)batch + k];
            DNB_TRY(dnb_call_index(c->node, tuple[k], dim, &at, err));
            element = element * dim + at;
        }
        memcpy((char *)c->out[0].data + i * block, (const char *)x->data + element * block, block);
    }
done:
    return status;
}

const dnb_op dnb_op_gather_nd = {.name = "GatherND",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .max_out = 1,
                                 .flags = DNB_OP_TAKES_EMPTY,
                                 .shape = gather_nd_shape,
                                 .run = gather_nd_run,
                                 .gradient = dnb_grad_mover};
