/* Scatter, ScatterElements, ScatterND. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

typedef enum scatter_kind {
    SCATTER_SET,
    SCATTER_ADD,
    SCATTER_MUL,
    SCATTER_MIN,
    SCATTER_MAX
} scatter_kind;

#define DNB_KERNELS "net/op_scatter_kernel.h"
#include "net/each_number.h"

static dnb_status scatter_reduction(const dnb_node *n, scatter_kind *kind, dnb_err *err)
{
    static const char *const names[] = {"none", "add", "mul", "min", "max", NULL};
    int found = SCATTER_SET;
    dnb_status status = dnb_node_choice(n, "reduction", names, SCATTER_SET, &found, err);
    *kind = (scatter_kind)found;
    return status;
}

static dnb_status misfit(const dnb_op_shapes *s, dnb_err *err)
{
    char data[128], index[128], updates[128];
    return dnb_fail(err, DNB_ESHAPE,
                    "node '%s' (%s): indices (%s, %s) and updates (%s, %s) do not fit data (%s, "
                    "%s)",
                    s->node->name, s->node->op->name, dnb_shape_text(s->in[1], index, sizeof index),
                    dnb_dtype_name(s->in[1]->dtype),
                    dnb_shape_text(s->in[2], updates, sizeof updates),
                    dnb_dtype_name(s->in[2]->dtype), dnb_shape_text(s->in[0], data, sizeof data),
                    dnb_dtype_name(s->in[0]->dtype));
}

/* ---- Scatter, ScatterElements -------------------------------------------------------------------
 */

static dnb_status scatter_elements_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *index = s->in[1], *updates = s->in[2];
    int axis;
    scatter_kind kind;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", 0, x->ndim, false, &axis, err));
    DNB_TRY(scatter_reduction(s->node, &kind, err));
    bool fits = index->dtype == DNB_I64 && updates->dtype == x->dtype && index->ndim == x->ndim &&
                dnb_shape_equal(index, updates);
    for (int d = 0; fits && d < x->ndim; d++)
        fits = d == axis || index->dim[d] <= x->dim[d];
    if (!fits)
        return misfit(s, err);
    s->out[0] = *x;
done:
    return status;
}

static dnb_status scatter_elements_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *out = &c->out[0], *index = c->in[1], *updates = c->in[2];
    int axis;
    scatter_kind kind;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(c->node, "axis", 0, out->ndim, false, &axis, err));
    DNB_TRY(scatter_reduction(c->node, &kind, err));
    DNB_TRY(dnb_kernel_copy(c, err));
    size_t width = index->shape[index->ndim - 1];
    size_t rows = width ? dnb_array_count(index) / width : 0;
    for (size_t r = 0; r < rows; r++) { /* in order: a later update wins */
        dnb_row_along row;
        dnb_rows_along(out, index, axis, r, &row);
        for (size_t col = 0; col < width; col++) {
            size_t at, i = r * width + col;
            DNB_TRY(dnb_call_index(c->node, ((const int64_t *)index->data)[i], out->shape[axis],
                                   &at, err));
            at = row.base + col * row.step + at * row.axis_step;
            DNB_BY_NUMBER(out, c->in_shape[0], scatter, kind, out->data, updates->data, at, i, 1);
        }
    }
done:
    return status;
}

const dnb_op dnb_op_scatter = {.name = "Scatter",
                               .min_in = 3,
                               .max_in = 3,
                               .max_out = 1,
                               .flags = DNB_OP_TAKES_EMPTY,
                               .shape = scatter_elements_shape,
                               .run = scatter_elements_run,
                               .gradient = dnb_grad_scatter};

const dnb_op dnb_op_scatter_elements = {.name = "ScatterElements",
                                        .min_in = 3,
                                        .max_in = 3,
                                        .max_out = 1,
                                        .flags = DNB_OP_TAKES_EMPTY,
                                        .shape = scatter_elements_shape,
                                        .run = scatter_elements_run,
                                        .gradient = dnb_grad_scatter};

/* ---- ScatterND ----------------------------------------------------------------------------------
 */

static dnb_status scatter_nd_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *index = s->in[1], *updates = s->in[2];
    scatter_kind kind;
    dnb_status status = scatter_reduction(s->node, &kind, err);
    if (status != DNB_OK)
        return status;
    bool fits = index->dtype == DNB_I64 && updates->dtype == x->dtype && index->ndim >= 1;
    size_t depth = fits ? index->dim[index->ndim - 1] : 0;
    fits = fits && depth >= 1 && depth <= (size_t)x->ndim &&
           updates->ndim == index->ndim - 1 + x->ndim - (int)depth;
    for (int d = 0; fits && d < updates->ndim; d++)
        fits = updates->dim[d] ==
               (d < index->ndim - 1 ? index->dim[d] : x->dim[d - (index->ndim - 1) + (int)depth]);
    if (!fits)
        return misfit(s, err);
    s->out[0] = *x;
    return DNB_OK;
}

static dnb_status scatter_nd_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *out = &c->out[0], *index = c->in[1], *updates = c->in[2];
    const int64_t *tuple = index->data;
    size_t depth = index->shape[index->ndim - 1], block = 1;
    scatter_kind kind;
    dnb_status status = DNB_OK;
    DNB_TRY(scatter_reduction(c->node, &kind, err));
    DNB_TRY(dnb_kernel_copy(c, err));
    for (int d = (int)depth; d < out->ndim; d++)
        block *= out->shape[d];
    for (size_t i = 0, n = dnb_array_count(index) / depth; i < n; i++, tuple += depth) {
        size_t element = 0, at;
        for (size_t k = 0; k < depth; k++) {
            DNB_TRY(dnb_call_index(c->node, tuple[k], out->shape[k], &at, err));
            element = element * out->shape[k] + at;
        }
        DNB_BY_NUMBER(out, c->in_shape[0], scatter, kind, out->data, updates->data, element * block,
                      i * block, block);
    }
done:
    return status;
}

const dnb_op dnb_op_scatter_nd = {.name = "ScatterND",
                                  .min_in = 3,
                                  .max_in = 3,
                                  .max_out = 1,
                                  .flags = DNB_OP_TAKES_EMPTY,
                                  .shape = scatter_nd_shape,
                                  .run = scatter_nd_run,
                                  .gradient = dnb_grad_scatter};
