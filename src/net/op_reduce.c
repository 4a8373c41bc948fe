/* Reductions (ReduceSum, ReduceMax, ...) over any set of axes, for all kinds of numbers. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

typedef enum reduce_kind {
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_LOG_SUM,
    REDUCE_LOG_SUM_EXP,
    REDUCE_MAX,
    REDUCE_MEAN,
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_SUM,
    REDUCE_SUM_SQUARE
} reduce_kind;

/* Sizes and element steps of the dimensions that stay and of those that go; the last of these is
 * the row that the kernel runs along. */
typedef struct reduce_walk {
    int kept_ndim, gone_ndim;
    size_t n_kept, n_gone;
    size_t kept[DNB_MAX_DIMS], kept_step[DNB_MAX_DIMS];
    size_t gone[DNB_MAX_DIMS], gone_step[DNB_MAX_DIMS];
    size_t n_rows, row, row_step;
} reduce_walk;

/* Elements from which on a second thread pays. */
#define PARALLEL_WORTH ((size_t)1 << 14)

#define DNB_KERNELS "net/op_reduce_kernel.h"
#include "net/each_number.h"

/* No axes = all of them, or none with noop_with_empty_axes. */
static dnb_status reduce_mask(const dnb_node *n, int ndim, const int64_t *axes, size_t n_axes,
                              bool mask[DNB_MAX_DIMS], bool *keep, dnb_err *err)
{
    int64_t keepdims = 1, noop = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(n, "keepdims", 1, &keepdims, err));
    DNB_TRY(dnb_node_int(n, "noop_with_empty_axes", 0, &noop, err));
    for (int i = 0; i < ndim; i++)
        mask[i] = n_axes == 0 && !noop;
    for (size_t i = 0; i < n_axes; i++) {
        int axis;
        DNB_TRY(dnb_op_axis(n, axes[i], ndim, false, &axis, err));
        mask[axis] = true;
    }
    *keep = keepdims != 0;
done:
    return status;
}

static dnb_status reduce_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    const int64_t *axes;
    size_t n_axes;
    bool mask[DNB_MAX_DIMS], keep;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, "axes", 1, &axes, &n_axes, err));
    DNB_TRY(reduce_mask(s->node, x->ndim, axes, n_axes, mask, &keep, err));
    s->out[0].ndim = 0;
    for (int i = 0; i < x->ndim; i++)
        if (!mask[i] || keep)
            s->out[0].dim[s->out[0].ndim++] = mask[i] ? 1 : x->dim[i];
done:
    return status;
}

/* Appends a dimension, joined to the one before where the two are one run of memory. */
static int walk_add(size_t *size, size_t *step, int n, size_t dim, size_t dim_step)
{
    if (n > 0 && step[n - 1] == dim * dim_step) {
        size[n - 1] *= dim;
        step[n - 1] = dim_step;
        return n;
    }
    size[n] = dim;
    step[n] = dim_step;
    return n + 1;
}

static reduce_walk walk_of(const dnb_array *x, const bool mask[DNB_MAX_DIMS])
{
    reduce_walk w = {.n_kept = 1, .n_gone = 1};
    size_t step[DNB_MAX_DIMS], run = 1;
    for (int i = x->ndim - 1; i >= 0; i--) {
        step[i] = run;
        run *= x->shape[i];
    }
    for (int i = 0; i < x->ndim; i++) {
        if (mask[i]) {
            w.gone_ndim = walk_add(w.gone, w.gone_step, w.gone_ndim, x->shape[i], step[i]);
            w.n_gone *= x->shape[i];
        } else {
            w.kept_ndim = walk_add(w.kept, w.kept_step, w.kept_ndim, x->shape[i], step[i]);
            w.n_kept *= x->shape[i];
        }
    }
    if (w.gone_ndim == 0)
        w.gone_ndim = walk_add(w.gone, w.gone_step, 0, 1, 1);
    w.row = w.gone[w.gone_ndim - 1];
    w.row_step = w.gone_step[w.gone_ndim - 1];
    w.n_rows = w.row ? w.n_gone / w.row : 0;
    return w;
}

static dnb_status reduce_run(const dnb_op_call *c, reduce_kind kind, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    const int64_t *axes;
    int64_t noop = 0;
    size_t n_axes;
    bool mask[DNB_MAX_DIMS], keep;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_call_ints(c, "axes", 1, &axes, &n_axes, err));
    DNB_TRY(reduce_mask(c->node, x->ndim, axes, n_axes, mask, &keep, err));
    reduce_walk w = walk_of(x, mask);
    bool needs_some = kind == REDUCE_MAX || kind == REDUCE_MIN || kind == REDUCE_MEAN;
    if (w.n_gone == 0 && needs_some && x->dtype == DNB_I64 && w.n_kept > 0)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): no integers to reduce", c->node->name,
                        c->node->op->name);
    DNB_TRY(dnb_node_int(c->node, "noop_with_empty_axes", 0, &noop, err));
    if (noop && n_axes == 0)
        return dnb_kernel_copy(c, err); /* "not reduced" means not squared or summed either */
    DNB_BY_NUMBER(x, c->in_shape[0], reduce, c, &w, kind);
done:
    return status;
}

/* The mean over exactly the spatial dimensions is global average pooling. */
static dnb_status reduce_mean_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    const int64_t *axes;
    size_t n_axes;
    bool mask[DNB_MAX_DIMS], keep;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, "axes", 1, &axes, &n_axes, err));
    DNB_TRY(reduce_mask(s->node, x->ndim, axes, n_axes, mask, &keep, err));
    for (int i = 0; i < x->ndim; i++)
        if (mask[i] != (i >= 2))
            return DNB_OK;
    if (x->dtype != DNB_F32 || !keep || x->ndim < 3 || x->ndim > 2 + DNB_MAX_SPATIAL)
        return DNB_OK;
    p->n_spatial = x->ndim - 2;
    for (int i = 0; i < p->n_spatial; i++) {
        p->kernel[i] = p->stride[i] = x->dim[2 + i];
        p->dilation[i] = 1;
    }
    p->kind = DNB_PRIM_POOL_AVG;
    p->n_data = 1;
done:
    return status;
}

/* One record per kind: identifier, ONNX name, kind, lowering, gradient rule. */
#define REDUCTION(id, text, kind, lowering, rule)                                                  \
    static dnb_status id##_run(const dnb_op_call *c, dnb_err *err)                                 \
    {                                                                                              \
        return reduce_run(c, kind, err);                                                           \
    }                                                                                              \
    const dnb_op dnb_op_##id = {.name = text,                                                      \
                                .min_in = 1,                                                       \
                                .max_in = 2,                                                       \
                                .max_out = 1,                                                      \
                                .flags = DNB_OP_TAKES_EMPTY,                                       \
                                .shape = reduce_shape,                                             \
                                .run = id##_run,                                                   \
                                .lower = lowering,                                                 \
                                .gradient = rule};

REDUCTION(reduce_l1, "ReduceL1", REDUCE_L1, NULL, dnb_grad_reduce_norm)
REDUCTION(reduce_l2, "ReduceL2", REDUCE_L2, NULL, dnb_grad_reduce_norm)
REDUCTION(reduce_log_sum, "ReduceLogSum", REDUCE_LOG_SUM, NULL, dnb_grad_reduce_log_sum)
REDUCTION(reduce_log_sum_exp, "ReduceLogSumExp", REDUCE_LOG_SUM_EXP, NULL, dnb_grad_reduce_log_sum)
REDUCTION(reduce_max, "ReduceMax", REDUCE_MAX, NULL, dnb_grad_reduce_max)
REDUCTION(reduce_mean, "ReduceMean", REDUCE_MEAN, reduce_mean_lower, dnb_grad_reduce_mean)
REDUCTION(reduce_min, "ReduceMin", REDUCE_MIN, NULL, dnb_grad_reduce_min)
REDUCTION(reduce_prod, "ReduceProd", REDUCE_PROD, NULL, dnb_grad_reduce_prod)
REDUCTION(reduce_sum, "ReduceSum", REDUCE_SUM, NULL, dnb_grad_reduce_sum)
REDUCTION(reduce_sum_square, "ReduceSumSquare", REDUCE_SUM_SQUARE, NULL, dnb_grad_reduce_norm)
