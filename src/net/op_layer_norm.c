/* LayerNormalization, RMSNormalization, GroupNormalization, MeanVarianceNormalization,
 * LpNormalization: which elements are normalised together, and by what. */
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_norm.h"
#include "net/grad_util.h"
#include "net/norm_walk.h"
#include "net/op_families.h"
#include "net/op_util.h"

static const dnb_shape *given_shape(const dnb_op_shapes *s, size_t i)
{
    return i < s->node->n_inputs ? s->in[i] : NULL;
}

static const dnb_array *given(const dnb_op_call *c, size_t i)
{
    return i < c->node->n_inputs ? c->in[i] : NULL;
}

static dnb_status check_floats(const dnb_op_shapes *s, size_t i, int min_ndim, dnb_err *err)
{
    char text[128];
    if (s->in[i] && s->in[i]->dtype == DNB_F32 && s->in[i]->ndim >= min_ndim)
        return DNB_OK;
    if (!s->in[i])
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is missing", s->node->name,
                        s->node->op->name, i);
    return dnb_fail(err, s->in[i]->dtype == DNB_F32 ? DNB_ESHAPE : DNB_EUNSUPPORTED,
                    "node '%s' (%s): input %zu (%s) must be floats of at least %d dimensions",
                    s->node->name, s->node->op->name, i,
                    dnb_shape_text(s->in[i], text, sizeof text), min_ndim);
}

/* Input i broadcasts to x without changing its shape. */
static dnb_status check_broadcasts(const dnb_op_shapes *s, size_t i, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    dnb_shape both = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(check_floats(s, i, 0, err));
    DNB_TRY(dnb_op_broadcast(s->node, x, s->in[i], &both, err));
    if (!dnb_shape_equal(&both, x))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %zu is larger than the data",
                        s->node->name, s->node->op->name, i);
done:
    return status;
}

static void store(const dnb_array *dst, size_t n, const double *src)
{
    for (size_t i = 0; i < n; i++)
        if (dst->dtype == DNB_F64)
            ((double *)dst->data)[i] = src[i];
        else
            ((float *)dst->data)[i] = (float)src[i];
}

/* ---- LayerNormalization, RMSNormalization: over everything from the axis on ---- */

static dnb_status stash_elem(const dnb_node *n, int *elem, dnb_err *err)
{
    int64_t stash = 1;
    dnb_status status = dnb_node_int(n, "stash_type", 1, &stash, err);
    if (status != DNB_OK)
        return status;
    switch (stash) { /* ONNX's numbers of element types */
    case 1:
        *elem = DNB_ELEM(DNB_F32);
        return DNB_OK;
    case 10:
        *elem = DNB_ELEM(DNB_F16);
        return DNB_OK;
    case 11:
        *elem = DNB_ELEM(DNB_F64);
        return DNB_OK;
    case 16:
        *elem = DNB_ELEM(DNB_BF16);
        return DNB_OK;
    default:
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): stash_type %lld is unsupported",
                        n->name, n->op->name, (long long)stash);
    }
}

static dnb_status layer_norm_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    int axis, elem = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(check_floats(s, 0, 0, err));
    DNB_TRY(check_broadcasts(s, 1, err));
    if (given_shape(s, 2))
        DNB_TRY(check_broadcasts(s, 2, err));
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", -1, x->ndim, true, &axis, err));
    DNB_TRY(stash_elem(s->node, &elem, err));
    s->out[0] = *x;
    for (size_t i = 1; i < s->node->n_outputs; i++) {
        s->out[i] = *x;
        s->out[i].elem = elem;
        for (int d = axis; d < x->ndim; d++)
            s->out[i].dim[d] = 1;
    }
done:
    return status;
}

/* The table of a scale or shift that broadcasts to x. */
static dnb_status broadcast_vector(dnb_norm_walk *w, dnb_norm_table *t, const dnb_array *v,
                                   const dnb_array *x, dnb_err *err)
{
    size_t step[DNB_MAX_DIMS];
    if (!v)
        return DNB_OK;
    dnb_broadcast_steps(v, x, step);
    return dnb_norm_walk_vector(w, t, step, err);
}

static dnb_status layer_norm_both(const dnb_op_call *c, bool centre, dnb_err *err)
{
    const dnb_array *x = c->in[0], *scale = given(c, 1), *shift = given(c, 2);
    dnb_norm_rule rule = {.kind = DNB_NORM_VARIANCE, .centre = centre};
    dnb_norm_walk w = {0};
    bool together[DNB_MAX_DIMS];
    double *mean = NULL, *spread = NULL;
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(c->node, "epsilon", 1e-5, &rule.epsilon, err));
    DNB_TRY(dnb_op_axis_attr(c->node, "axis", -1, x->ndim, true, &axis, err));
    for (int d = 0; d < x->ndim; d++)
        together[d] = d >= axis;
    DNB_TRY(dnb_norm_walk_init(&w, x->ndim, x->shape, together, err));
    DNB_TRY(broadcast_vector(&w, &w.scale, scale, x, err));
    DNB_TRY(broadcast_vector(&w, &w.shift, shift, x, err));
    DNB_NEW(mean, w.n_kept, c->node->name);
    DNB_NEW(spread, w.n_kept, c->node->name);
    dnb_norm_run(&w, &rule, x, scale, shift, &c->out[0], mean, spread);
    if (c->node->n_outputs > 1)
        store(&c->out[1], w.n_kept, mean);
    for (size_t k = 0; k < w.n_kept; k++)
        spread[k] = 1 / spread[k];
    if (c->node->n_outputs > 2)
        store(&c->out[2], w.n_kept, spread);
done:
    dnb_norm_walk_release(&w);
    dnb_free(mean);
    dnb_free(spread);
    return status;
}

static dnb_status layer_norm_run(const dnb_op_call *c, dnb_err *err)
{
    return layer_norm_both(c, true, err);
}

static dnb_status rms_norm_run(const dnb_op_call *c, dnb_err *err)
{
    return layer_norm_both(c, false, err);
}

const dnb_op dnb_op_layer_norm = {.name = "LayerNormalization",
                                  .min_in = 2,
                                  .max_in = 3,
                                  .max_out = 3,
                                  .shape = layer_norm_shape,
                                  .run = layer_norm_run,
                                  .gradient = dnb_grad_layer_norm};

const dnb_op dnb_op_rms_norm = {.name = "RMSNormalization",
                                .min_in = 2,
                                .max_in = 2,
                                .max_out = 1,
                                .shape = layer_norm_shape,
                                .run = rms_norm_run,
                                .gradient = dnb_grad_rms_norm};

/* ---- GroupNormalization: channels in groups ---- */

static dnb_status group_count(const dnb_node *n, size_t channels, size_t *groups, dnb_err *err)
{
    int64_t g = 0;
    dnb_status status = dnb_node_int(n, "num_groups", 0, &g, err);
    if (status == DNB_OK && (g < 1 || (uint64_t)g > channels || channels % (size_t)g != 0))
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (%s): num_groups %lld does not divide %zu channels", n->name,
                        n->op->name, (long long)g, channels);
    if (status == DNB_OK)
        *groups = (size_t)g;
    return status;
}

static dnb_status group_norm_shape(const dnb_op_shapes *s, dnb_err *err)
{
    size_t groups = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(check_floats(s, 0, 2, err));
    DNB_TRY(group_count(s->node, s->in[0]->dim[1], &groups, err));
    /* One number per group until version 21, per channel since. */
    size_t want = s->opset < 21 ? groups : s->in[0]->dim[1];
    for (size_t i = 1; i < 3; i++) {
        DNB_TRY(check_floats(s, i, 1, err));
        if (s->in[i]->ndim != 1 || s->in[i]->dim[0] != want)
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (%s): input %zu is not a vector of %zu numbers",
                            s->node->name, s->node->op->name, i, want);
    }
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status group_norm_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    dnb_norm_rule rule = {.kind = DNB_NORM_VARIANCE, .centre = true};
    dnb_norm_walk w = {0};
    dnb_shape shape = dnb_shape_of(x);
    size_t groups = 1;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(c->node, "epsilon", 1e-5, &rule.epsilon, err));
    DNB_TRY(group_count(c->node, x->shape[1], &groups, err));
    size_t each = x->shape[1] / groups;
    const size_t per_group[4] = {0, 1, 0, 0}, per_channel[4] = {0, each, 1, 0};
    const size_t *step = c->opset < 21 ? per_group : per_channel;
    DNB_TRY(dnb_norm_walk_groups(&w, &shape, groups, err));
    DNB_TRY(dnb_norm_walk_vector(&w, &w.scale, step, err));
    DNB_TRY(dnb_norm_walk_vector(&w, &w.shift, step, err));
    dnb_norm_run(&w, &rule, x, c->in[1], c->in[2], &c->out[0], NULL, NULL);
done:
    dnb_norm_walk_release(&w);
    return status;
}

static dnb_status group_norm_grad(const dnb_op_grads *r, dnb_err *err)
{
    size_t groups = 1;
    dnb_status status = group_count(&r->node, r->shape[r->node.inputs[0]].dim[1], &groups, err);
    return status == DNB_OK ? dnb_grad_grouped(r, groups, dnb_graph_opset(r->graph) < 21, err)
                            : status;
}

const dnb_op dnb_op_group_norm = {.name = "GroupNormalization",
                                  .min_in = 3,
                                  .max_in = 3,
                                  .max_out = 1,
                                  .shape = group_norm_shape,
                                  .run = group_norm_run,
                                  .gradient = group_norm_grad};

/* ---- MeanVarianceNormalization ---- */

/* Since version 9 over `axes`; the experimental version before it over each image's channels. */
static dnb_status mvn_read(const dnb_node *n, int opset, int ndim, bool together[DNB_MAX_DIMS],
                           dnb_norm_rule *rule, dnb_err *err)
{
    static const int64_t fallback[] = {0, 2, 3};
    const int64_t *axes = NULL;
    int64_t across = 0, variance = 1;
    size_t n_axes = 0;
    dnb_status status = DNB_OK;
    if (opset < 9) {
        DNB_TRY(dnb_node_int(n, "across_channels", 0, &across, err));
        DNB_TRY(dnb_node_int(n, "normalize_variance", 1, &variance, err));
    } else {
        DNB_TRY(dnb_node_ints(n, "axes", &axes, &n_axes, err));
        if (!axes) {
            axes = fallback;
            n_axes = sizeof fallback / sizeof *fallback;
        }
    }
    for (int d = 0; d < ndim; d++)
        together[d] = opset < 9 && d >= (across ? 1 : 2);
    for (size_t i = 0; i < n_axes; i++) {
        int axis;
        DNB_TRY(dnb_op_axis(n, axes[i], ndim, false, &axis, err));
        together[axis] = true;
    }
    *rule = (dnb_norm_rule){
        .kind = variance ? DNB_NORM_VARIANCE : DNB_NORM_NONE, .centre = true, .guard = 1e-9};
done:
    return status;
}

static dnb_status mvn_shape(const dnb_op_shapes *s, dnb_err *err)
{
    bool together[DNB_MAX_DIMS];
    dnb_norm_rule rule;
    dnb_status status = DNB_OK;
    DNB_TRY(check_floats(s, 0, 0, err));
    DNB_TRY(mvn_read(s->node, s->opset, s->in[0]->ndim, together, &rule, err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status mvn_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    bool together[DNB_MAX_DIMS];
    dnb_norm_rule rule = {0};
    dnb_norm_walk w = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(mvn_read(c->node, c->opset, x->ndim, together, &rule, err));
    DNB_TRY(dnb_norm_walk_init(&w, x->ndim, x->shape, together, err));
    dnb_norm_run(&w, &rule, x, NULL, NULL, &c->out[0], NULL, NULL);
done:
    dnb_norm_walk_release(&w);
    return status;
}

static dnb_status mvn_grad(const dnb_op_grads *r, dnb_err *err)
{
    bool together[DNB_MAX_DIMS];
    dnb_norm_rule rule;
    dnb_status status = mvn_read(&r->node, dnb_graph_opset(r->graph),
                                 r->shape[r->node.inputs[0]].ndim, together, &rule, err);
    return status == DNB_OK ? dnb_grad_standardised(r, &rule, together, 0, r->out_grads[0], err)
                            : status;
}

const dnb_op dnb_op_mvn = {.name = "MeanVarianceNormalization",
                           .min_in = 1,
                           .max_in = 1,
                           .max_out = 1,
                           .shape = mvn_shape,
                           .run = mvn_run,
                           .gradient = mvn_grad};

/* ---- LpNormalization: vectors of length 1 along an axis ---- */

static dnb_status lp_read(const dnb_node *n, int ndim, int *axis, dnb_norm_rule *rule, dnb_err *err)
{
    int64_t p = 2;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(n, "axis", -1, ndim, false, axis, err));
    DNB_TRY(dnb_node_int(n, "p", 2, &p, err));
    if (p != 1 && p != 2)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): p is %lld, not 1 or 2", n->name,
                        n->op->name, (long long)p);
    *rule = (dnb_norm_rule){.kind = p == 1 ? DNB_NORM_L1 : DNB_NORM_L2};
done:
    return status;
}

static dnb_status lp_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_norm_rule rule;
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(check_floats(s, 0, 1, err));
    DNB_TRY(lp_read(s->node, s->in[0]->ndim, &axis, &rule, err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status lp_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    bool together[DNB_MAX_DIMS] = {false};
    dnb_norm_rule rule = {0};
    dnb_norm_walk w = {0};
    int axis = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(lp_read(c->node, x->ndim, &axis, &rule, err));
    together[axis] = true;
    DNB_TRY(dnb_norm_walk_init(&w, x->ndim, x->shape, together, err));
    dnb_norm_run(&w, &rule, x, NULL, NULL, &c->out[0], NULL, NULL);
done:
    dnb_norm_walk_release(&w);
    return status;
}

static dnb_status lp_grad(const dnb_op_grads *r, dnb_err *err)
{
    bool together[DNB_MAX_DIMS] = {false};
    dnb_norm_rule rule;
    int axis = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(lp_read(&r->node, r->shape[r->node.inputs[0]].ndim, &axis, &rule, err));
    together[axis] = true;
    DNB_TRY(dnb_grad_standardised(r, &rule, together, 0, r->out_grads[0], err));
done:
    return status;
}

const dnb_op dnb_op_lp_norm = {.name = "LpNormalization",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .shape = lp_shape,
                               .run = lp_run,
                               .gradient = lp_grad};
