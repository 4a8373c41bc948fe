/* ReduceMean, ReduceSum, ReduceMax over any set of axes. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

typedef enum reduce_kind { REDUCE_MEAN, REDUCE_SUM, REDUCE_MAX } reduce_kind;

/* Sizes and element steps of the dimensions that stay and of those that go. */
typedef struct reduce_walk {
    int kept_ndim, gone_ndim;
    size_t n_kept, n_gone;
    size_t kept[DNB_MAX_DIMS], kept_step[DNB_MAX_DIMS];
    size_t gone[DNB_MAX_DIMS], gone_step[DNB_MAX_DIMS];
} reduce_walk;

static size_t walk_offset(size_t i, const size_t *size, const size_t *step, int ndim)
{
    size_t at = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        at += i % size[d] * step[d];
        i /= size[d];
    }
    return at;
}

#define DNB_KERNELS "net/op_reduce_kernel.h"
#include "net/each_real.h"

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
    if (x->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): works on floats only",
                        s->node->name, s->node->op->name);
    DNB_TRY(dnb_op_ints(s, "axes", 1, &axes, &n_axes, err));
    DNB_TRY(reduce_mask(s->node, x->ndim, axes, n_axes, mask, &keep, err));
    s->out[0].ndim = 0;
    for (int i = 0; i < x->ndim; i++)
        if (!mask[i] || keep)
            s->out[0].dim[s->out[0].ndim++] = mask[i] ? 1 : x->dim[i];
done:
    return status;
}

static dnb_status reduce_run(const dnb_op_call *c, reduce_kind kind, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    const int64_t *axes;
    size_t n_axes, step[DNB_MAX_DIMS], run = 1;
    bool mask[DNB_MAX_DIMS], keep;
    reduce_walk w = {.n_kept = 1, .n_gone = 1};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_call_ints(c, "axes", 1, &axes, &n_axes, err));
    DNB_TRY(reduce_mask(c->node, x->ndim, axes, n_axes, mask, &keep, err));
    for (int i = x->ndim - 1; i >= 0; i--) {
        step[i] = run;
        run *= x->shape[i];
    }
    for (int i = 0; i < x->ndim; i++) {
        if (mask[i]) {
            w.gone[w.gone_ndim] = x->shape[i];
            w.gone_step[w.gone_ndim++] = step[i];
            w.n_gone *= x->shape[i];
        } else {
            w.kept[w.kept_ndim] = x->shape[i];
            w.kept_step[w.kept_ndim++] = step[i];
            w.n_kept *= x->shape[i];
        }
    }
    DNB_BY_TYPE(c, reduce, c, &w, kind);
done:
    return status;
}

static dnb_status reduce_mean_run(const dnb_op_call *c, dnb_err *err)
{
    return reduce_run(c, REDUCE_MEAN, err);
}

static dnb_status reduce_sum_run(const dnb_op_call *c, dnb_err *err)
{
    return reduce_run(c, REDUCE_SUM, err);
}

static dnb_status reduce_max_run(const dnb_op_call *c, dnb_err *err)
{
    return reduce_run(c, REDUCE_MAX, err);
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
    if (!keep || x->ndim < 3 || x->ndim > 2 + DNB_MAX_SPATIAL)
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

const dnb_op dnb_op_reduce_mean = {.name = "ReduceMean",
                                   .min_in = 1,
                                   .max_in = 2,
                                   .max_out = 1,
                                   .shape = reduce_shape,
                                   .run = reduce_mean_run,
                                   .lower = reduce_mean_lower,
                                   .gradient = dnb_grad_reduce_mean};

const dnb_op dnb_op_reduce_sum = {.name = "ReduceSum",
                                  .min_in = 1,
                                  .max_in = 2,
                                  .max_out = 1,
                                  .shape = reduce_shape,
                                  .run = reduce_sum_run,
                                  .gradient = dnb_grad_reduce_sum};

const dnb_op dnb_op_reduce_max = {.name = "ReduceMax",
                                  .min_in = 1,
                                  .max_in = 2,
                                  .max_out = 1,
                                  .shape = reduce_shape,
                                  .run = reduce_max_run,
                                  .gradient = dnb_grad_reduce_max};
