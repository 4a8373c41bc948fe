/* Operators along one axis: ArgMax, ArgMin, CumSum, TopK. */
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* Elements from which on a second thread pays. */
#define PARALLEL_WORTH ((size_t)1 << 14)

#define DNB_KERNELS "net/op_along_kernel.h"
#include "net/each_number.h"

/* ---- ArgMax, ArgMin -----------------------------------------------------------------------------
 */

static dnb_status arg_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    int axis;
    int64_t keep = 1;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", 0, x->ndim ? x->ndim : 1, false, &axis, err));
    DNB_TRY(dnb_node_int(s->node, "keepdims", 1, &keep, err));
    if (x->ndim && x->dim[axis] == 0)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): dimension %d is empty", s->node->name,
                        s->node->op->name, axis);
    s->out[0] = (dnb_shape){.dtype = DNB_I64, .elem = DNB_ELEM(DNB_I64)};
    for (int i = 0; i < x->ndim; i++)
        if (i != axis || keep)
            s->out[0].dim[s->out[0].ndim++] = i == axis ? 1 : x->dim[i];
done:
    return status;
}

static dnb_status arg_run(const dnb_op_call *c, bool largest, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    int axis;
    int64_t last = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(c->node, "axis", 0, x->ndim ? x->ndim : 1, false, &axis, err));
    DNB_TRY(dnb_node_int(c->node, "select_last_index", 0, &last, err));
    dnb_lines l = dnb_lines_of(x, axis);
    DNB_BY_NUMBER(x, c->in_shape[0], arg, c, &l, largest, last != 0);
done:
    return status;
}

static dnb_status arg_max_run(const dnb_op_call *c, dnb_err *err)
{
    return arg_run(c, true, err);
}

static dnb_status arg_min_run(const dnb_op_call *c, dnb_err *err)
{
    return arg_run(c, false, err);
}

const dnb_op dnb_op_arg_max = {.name = "ArgMax",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .flags = DNB_OP_TAKES_EMPTY,
                               .shape = arg_shape,
                               .run = arg_max_run};

const dnb_op dnb_op_arg_min = {.name = "ArgMin",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .flags = DNB_OP_TAKES_EMPTY,
                               .shape = arg_shape,
                               .run = arg_min_run};

/* ---- CumSum -------------------------------------------------------------------------------------
 */

static dnb_status cumsum_shape(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[1]->dtype != DNB_I64 || s->in[1]->ndim > 1 || dnb_shape_count(s->in[1]) != 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (CumSum): the axis must be one integer",
                        s->node->name);
    s->out[0] = *s->in[0];
    return DNB_OK;
}

static dnb_status cumsum_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    int axis;
    int64_t exclusive = 0, reverse = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis(c->node, *(const int64_t *)c->in[1]->data, x->ndim ? x->ndim : 1, false,
                        &axis, err));
    DNB_TRY(dnb_node_int(c->node, "exclusive", 0, &exclusive, err));
    DNB_TRY(dnb_node_int(c->node, "reverse", 0, &reverse, err));
    dnb_lines l = dnb_lines_of(x, axis);
    DNB_BY_NUMBER(x, c->in_shape[0], cumsum, c, &l, exclusive != 0, reverse != 0);
done:
    return status;
}

const dnb_op dnb_op_cumsum = {.name = "CumSum",
                              .min_in = 2,
                              .max_in = 2,
                              .max_out = 1,
                              .flags = DNB_OP_TAKES_EMPTY,
                              .shape = cumsum_shape,
                              .run = cumsum_run,
                              .gradient = dnb_grad_cumsum};

/* ---- TopK ---------------------------------------------------------------------------------------
 */

/* How many: an attribute before opset 10, an input since. */
static dnb_status top_k_count(const dnb_op_shapes *s, int64_t *k, dnb_err *err)
{
    const int64_t *ints;
    size_t n;
    if (s->node->n_inputs < 2)
        return dnb_node_int(s->node, "k", -1, k, err);
    dnb_status status = dnb_op_ints(s, NULL, 1, &ints, &n, err);
    if (status == DNB_OK && n != 1)
        status = dnb_fail(err, DNB_EARG, "node '%s' (TopK): k must be one number", s->node->name);
    if (status == DNB_OK)
        *k = ints[0];
    return status;
}

static dnb_status top_k_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    int axis;
    int64_t k = -1;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", -1, x->ndim, false, &axis, err));
    DNB_TRY(top_k_count(s, &k, err));
    size_t size = x->dim[axis];
    if (k < 0 || (uint64_t)k > size)
        return dnb_fail(err, DNB_EARG, "node '%s' (TopK): k is %lld, for a dimension of %zu",
                        s->node->name, (long long)k, size);
    s->out[0] = *x;
    s->out[0].dim[axis] = (size_t)k;
    if (s->node->n_outputs > 1) {
        s->out[1] = s->out[0];
        s->out[1].dtype = DNB_I64;
        s->out[1].elem = DNB_ELEM(DNB_I64);
    }
done:
    return status;
}

static dnb_status top_k_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    int axis;
    int64_t largest = 1;
    size_t *heap = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(c->node, "axis", -1, x->ndim, false, &axis, err));
    DNB_TRY(dnb_node_int(c->node, "largest", 1, &largest, err));
    size_t k = c->out[0].shape[axis];
    dnb_lines l = dnb_lines_of(x, axis);
    DNB_NEW(heap, k, "TopK");
    DNB_BY_NUMBER(x, c->in_shape[0], top_k, c, &l, k, heap, largest != 0);
done:
    dnb_free(heap);
    return status;
}

const dnb_op dnb_op_top_k = {.name = "TopK",
                             .min_in = 1,
                             .max_in = 2,
                             .max_out = 2,
                             .flags = DNB_OP_TAKES_EMPTY,
                             .shape = top_k_shape,
                             .run = top_k_run,
                             .gradient = dnb_grad_top_k};
