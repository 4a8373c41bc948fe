/* InstanceNormalization, LRN, Softmax, LogSoftmax. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_norm_kernel.h"
#include "net/each_real.h"

/* Data is float with a channel dimension; inputs 1..n are vectors with one number per channel. */
static dnb_status check_channels(const dnb_op_shapes *s, size_t n_vectors, int min_ndim,
                                 dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    char text[128];
    size_t channels = x->ndim > 1 ? x->dim[1] : 1;
    if (x->dtype != DNB_F32 || x->ndim < min_ndim)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %s has no channels", s->node->name,
                        s->node->op->name, dnb_shape_text(x, text, sizeof text));
    for (size_t i = 1; i <= n_vectors; i++)
        if (s->in[i]->dtype != DNB_F32 || s->in[i]->ndim != 1 || s->in[i]->dim[0] != channels)
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (%s): input %zu is not a vector of %zu channels",
                            s->node->name, s->node->op->name, i, channels);
    return DNB_OK;
}

/* ---- InstanceNormalization ----------------------------------------------------------------------
 */

static dnb_status instance_norm_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = check_channels(s, 2, 3, err);
    if (status == DNB_OK)
        s->out[0] = *s->in[0];
    return status;
}

static dnb_status instance_norm_run(const dnb_op_call *c, dnb_err *err)
{
    return dnb_epsilon_run(c, instance_norm_f32, instance_norm_f64, err);
}

const dnb_op dnb_op_instance_norm = {.name = "InstanceNormalization",
                                     .min_in = 3,
                                     .max_in = 3,
                                     .max_out = 1,
                                     .shape = instance_norm_shape,
                                     .run = instance_norm_run,
                                     .gradient = dnb_grad_instance_norm};

/* ---- LRN ----------------------------------------------------------------------------------------
 */

static dnb_status lrn_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_lrn v = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(check_channels(s, 0, 2, err));
    DNB_TRY(dnb_lrn_read(s->node, &v, err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status lrn_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_lrn v = {0};
    dnb_status status = dnb_lrn_read(c->node, &v, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, lrn, c, v.size, v.alpha, v.beta, v.k);
    return status;
}

static dnb_status lrn_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_lrn v = {0};
    dnb_status status = dnb_lrn_read(s->node, &v, err);
    if (status != DNB_OK)
        return status;
    if (v.size % 2 == 0 || s->in[0]->ndim != 4)
        return DNB_OK;
    p->size = (size_t)v.size;
    p->alpha = (float)v.alpha;
    p->beta = (float)v.beta;
    p->bias = (float)v.k;
    p->kind = DNB_PRIM_LRN;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_lrn = {.name = "LRN",
                           .min_in = 1,
                           .max_in = 1,
                           .max_out = 1,
                           .shape = lrn_shape,
                           .run = lrn_run,
                           .lower = lrn_lower,
                           .gradient = dnb_grad_lrn};

/* ---- Softmax, LogSoftmax ------------------------------------------------------------------------
 */

/* Since opset 13 over one axis (default the last); before over everything from the axis (default 1)
 * on. */
static dnb_status softmax_axis(const dnb_node *n, int opset, int ndim, int *axis, bool *flatten,
                               dnb_err *err)
{
    *flatten = opset < 13;
    if (ndim == 0)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input is a scalar", n->name, n->op->name);
    return dnb_op_axis_attr(n, "axis", *flatten ? 1 : -1, ndim, *flatten, axis, err);
}

static dnb_status softmax_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int axis;
    bool flatten;
    dnb_status status = softmax_axis(s->node, s->opset, s->in[0]->ndim, &axis, &flatten, err);
    if (status != DNB_OK)
        return status;
    if (s->in[0]->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): works on floats only",
                        s->node->name, s->node->op->name);
    s->out[0] = *s->in[0];
    return DNB_OK;
}

static dnb_status softmax_both(const dnb_op_call *c, bool is_log, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    int axis;
    bool flatten;
    size_t outer = 1, size = 1, step = 1;
    dnb_status status = softmax_axis(c->node, c->opset, x->ndim, &axis, &flatten, err);
    if (status != DNB_OK)
        return status;
    for (int i = 0; i < x->ndim; i++)
        *(i < axis ? &outer : i == axis || flatten ? &size : &step) *= x->shape[i];
    DNB_BY_TYPE(c, softmax, c, outer, size, step, is_log);
    return DNB_OK;
}

static dnb_status softmax_run(const dnb_op_call *c, dnb_err *err)
{
    return softmax_both(c, false, err);
}

static dnb_status log_softmax_run(const dnb_op_call *c, dnb_err *err)
{
    return softmax_both(c, true, err);
}

static dnb_status softmax_lower_both(const dnb_op_shapes *s, dnb_prim *p, bool is_log, dnb_err *err)
{
    int axis;
    bool flatten;
    dnb_status status = softmax_axis(s->node, s->opset, s->in[0]->ndim, &axis, &flatten, err);
    if (status != DNB_OK)
        return status;
    /* Flattening over several dimensions is one axis only when all but one of them are 1. */
    int real_axis = axis;
    size_t wide = 0;
    for (int i = axis; flatten && i < s->in[0]->ndim; i++)
        if (s->in[0]->dim[i] > 1) {
            wide++;
            real_axis = i;
        }
    if (wide > 1 || real_axis >= s->in[0]->ndim)
        return DNB_OK;
    p->axis = real_axis;
    p->log = is_log;
    p->kind = DNB_PRIM_SOFTMAX;
    p->n_data = 1;
    return DNB_OK;
}

static dnb_status softmax_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    return softmax_lower_both(s, p, false, err);
}

static dnb_status log_softmax_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    return softmax_lower_both(s, p, true, err);
}

const dnb_op dnb_op_softmax = {.name = "Softmax",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .shape = softmax_shape,
                               .run = softmax_run,
                               .lower = softmax_lower,
                               .gradient = dnb_grad_softmax};

const dnb_op dnb_op_log_softmax = {.name = "LogSoftmax",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .max_out = 1,
                                   .shape = softmax_shape,
                                   .run = log_softmax_run,
                                   .lower = log_softmax_lower,
                                   .gradient = dnb_grad_log_softmax};
