/* Helper operators of gradients of normalisations: dnb.NormFactor, dnb.NormScaleGrad,
 * dnb.NormGrad, dnb.LrnGrad, dnb.SoftmaxGrad. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/norm_walk.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_grad_norm_kernel.h"
#include "net/each_real.h"

/* Inputs 0 and 1 are floats of one shape with channels; inputs 2.. vectors over them. */
static dnb_status check_pair(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, s->node->n_inputs, err));
    DNB_TRY(dnb_op_expect(s, 1, x, err));
    if (x->ndim < 2)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input has no channels", s->node->name,
                        s->node->op->name);
    dnb_shape vector = dnb_shape_make(1, &x->dim[1]);
    for (size_t i = 2; i < s->node->n_inputs; i++)
        DNB_TRY(dnb_op_expect(s, i, &vector, err));
    s->out[0] = *x;
done:
    return status;
}

/* ---- dnb.NormFactor: scale, variance, shape of the data -> scale / sqrt(variance + epsilon) as
 * channels x 1 x 1.. */

static dnb_status norm_factor_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape *out = &s->out[0];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 2, err));
    DNB_TRY(dnb_op_expect(s, 1, s->in[0], err));
    DNB_TRY(dnb_op_target_shape(s, 2, err));
    if (s->in[0]->ndim != 1 || out->ndim < 2 || out->dim[1] != s->in[0]->dim[0])
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): inputs do not go with the channels",
                        s->node->name, s->node->op->name);
    out->ndim--;
    out->dim[0] = s->in[0]->dim[0];
    for (int i = 1; i < out->ndim; i++)
        out->dim[i] = 1;
done:
    return status;
}

static dnb_status norm_factor_run(const dnb_op_call *c, dnb_err *err)
{
    return dnb_epsilon_run(c, norm_factor_f32, norm_factor_f64, err);
}

const dnb_op dnb_op_norm_factor = {.name = "dnb.NormFactor",
                                   .min_in = 3,
                                   .max_in = 3,
                                   .max_out = 1,
                                   .shape = norm_factor_shape,
                                   .run = norm_factor_run};

/* ---- dnb.NormScaleGrad: x, gradient, mean, variance --------------------------------------------
 */

static dnb_status norm_scale_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = check_pair(s, err);
    if (status != DNB_OK)
        return status;
    s->out[0].ndim = 1;
    s->out[0].dim[0] = s->in[0]->dim[1];
    return DNB_OK;
}

static dnb_status norm_scale_run(const dnb_op_call *c, dnb_err *err)
{
    return dnb_epsilon_run(c, norm_scale_grad_f32, norm_scale_grad_f64, err);
}

const dnb_op dnb_op_norm_scale_grad = {.name = "dnb.NormScaleGrad",
                                       .min_in = 4,
                                       .max_in = 4,
                                       .max_out = 1,
                                       .shape = norm_scale_shape,
                                       .run = norm_scale_run};

/* ---- dnb.NormGrad: x, gradient of its standardised form. Over `axes`, or within `groups` groups
 * of channels; kind, centre, epsilon, guard as in dnb_norm_rule */

static dnb_status standardise_read(const dnb_node *n, const dnb_shape *x, bool *together,
                                   size_t *groups, dnb_norm_rule *out, dnb_err *err)
{
    const int64_t *axes;
    int64_t kind = 0, centre = 0, wanted = 0;
    size_t n_axes;
    dnb_norm_rule rule = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_ints(n, "axes", &axes, &n_axes, err));
    DNB_TRY(dnb_node_int(n, "kind", DNB_NORM_VARIANCE, &kind, err));
    DNB_TRY(dnb_node_int(n, "centre", 1, &centre, err));
    DNB_TRY(dnb_node_int(n, "groups", 0, &wanted, err));
    DNB_TRY(dnb_node_float(n, "epsilon", 0, &rule.epsilon, err));
    DNB_TRY(dnb_node_float(n, "guard", 0, &rule.guard, err));
    for (int d = 0; d < x->ndim; d++)
        together[d] = false;
    for (size_t i = 0; i < n_axes; i++) {
        int axis;
        DNB_TRY(dnb_op_axis(n, axes[i], x->ndim, false, &axis, err));
        together[axis] = true;
    }
    if (kind < DNB_NORM_NONE || kind > DNB_NORM_L2 || wanted < 0 ||
        (wanted && (x->ndim < 2 || x->dim[1] % (size_t)wanted)))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): its attributes are out of range", n->name,
                        n->op->name);
    rule.kind = (dnb_norm_kind)kind;
    rule.centre = centre != 0;
    *groups = (size_t)wanted;
    *out = rule;
done:
    return status;
}

static dnb_status standardise_shape(const dnb_op_shapes *s, dnb_err *err)
{
    bool together[DNB_MAX_DIMS];
    size_t groups;
    dnb_norm_rule rule;
    dnb_status status = DNB_OK;
    DNB_TRY(standardise_read(s->node, s->in[0], together, &groups, &rule, err));
    DNB_TRY(dnb_op_floats(s, 2, err));
    DNB_TRY(dnb_op_expect(s, 1, s->in[0], err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status standardise_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_shape x = dnb_shape_of(c->in[0]);
    bool together[DNB_MAX_DIMS];
    size_t groups = 0;
    dnb_norm_rule rule = {0};
    dnb_norm_walk w = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(standardise_read(c->node, &x, together, &groups, &rule, err));
    DNB_TRY(groups ? dnb_norm_walk_groups(&w, &x, groups, err)
                   : dnb_norm_walk_init(&w, x.ndim, x.dim, together, err));
    dnb_norm_grad(&w, &rule, c->in[0], c->in[1], &c->out[0]);
done:
    dnb_norm_walk_release(&w);
    return status;
}

const dnb_op dnb_op_norm_grad = {.name = "dnb.NormGrad",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .max_out = 1,
                                 .shape = standardise_shape,
                                 .run = standardise_run};

/* ---- dnb.LrnGrad: x, gradient -------------------------------------------------------------------
 */

static dnb_status lrn_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_lrn v;
    dnb_status status = dnb_lrn_read(s->node, &v, err);
    return status == DNB_OK ? check_pair(s, err) : status;
}

static dnb_status lrn_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_lrn v;
    double *work = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_lrn_read(c->node, &v, err));
    DNB_NEW(work, 2 * c->in[0]->shape[0] * c->in[0]->shape[1], "LRN gradient");
    DNB_BY_TYPE(c, lrn_grad, c, &v, work);
done:
    dnb_free(work);
    return status;
}

const dnb_op dnb_op_lrn_grad = {.name = "dnb.LrnGrad",
                                .min_in = 2,
                                .max_in = 2,
                                .max_out = 1,
                                .shape = lrn_shape,
                                .run = lrn_run};

/* ---- dnb.SoftmaxGrad: gradient, result; over `axis`, with `flatten` over all from it on ---------
 */

static dnb_status softmax_read(const dnb_node *n, int ndim, int *axis, bool *flatten, bool *is_log,
                               dnb_err *err)
{
    int64_t f, l;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(n, "flatten", 0, &f, err));
    DNB_TRY(dnb_node_int(n, "log", 0, &l, err));
    DNB_TRY(dnb_op_axis_attr(n, "axis", 0, ndim, f != 0, axis, err));
    *flatten = f != 0;
    *is_log = l != 0;
done:
    return status;
}

static dnb_status softmax_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int axis;
    bool flatten, is_log;
    dnb_status status = DNB_OK;
    DNB_TRY(softmax_read(s->node, s->in[0]->ndim, &axis, &flatten, &is_log, err));
    DNB_TRY(dnb_op_floats(s, 2, err));
    DNB_TRY(dnb_op_expect(s, 1, s->in[0], err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status softmax_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    int axis;
    bool flatten, is_log;
    size_t outer = 1, size = 1, step = 1;
    dnb_status status = softmax_read(c->node, x->ndim, &axis, &flatten, &is_log, err);
    if (status != DNB_OK)
        return status;
    for (int i = 0; i < x->ndim; i++)
        *(i < axis ? &outer : i == axis || flatten ? &size : &step) *= x->shape[i];
    DNB_BY_TYPE(c, softmax_grad, c, outer, size, step, is_log);
    return DNB_OK;
}

const dnb_op dnb_op_softmax_grad = {.name = "dnb.SoftmaxGrad",
                                    .min_in = 2,
                                    .max_in = 2,
                                    .max_out = 1,
                                    .shape = softmax_shape,
                                    .run = softmax_run};
