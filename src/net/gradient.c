/* Reverse accumulation over the graph: walks the nodes between target and wrt backwards, lets each
 * operator append its gradient, and sums what reaches a value. */
#include "net/gradient.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/infer.h"
#include "net/op_util.h"

typedef struct backward {
    dnb_graph *g;
    dnb_inference *inf; /* of the graph as it was */
    bool *depends;      /* per value: floats lead from a wrt to it */
    dnb_value *grad;    /* per value: the sum so far; DNB_NO_VALUE = none */
    bool guided_relu;
} backward;

static dnb_status append(dnb_graph *g, const char *op, const dnb_value *in, size_t n,
                         dnb_value *out, dnb_err *err)
{
    dnb_node_spec spec = {.op = op, .name = "gradient", .inputs = in, .n_inputs = n};
    return dnb_graph_node(g, &spec, out, err);
}

static bool is_float(const backward *b, dnb_value v)
{
    return v != DNB_NO_VALUE && b->inf->shape[v].dtype == DNB_F32;
}

/* ---- preparation --------------------------------------------------------------------------------
 */

static dnb_status check_value(const backward *b, dnb_value v, const char *role, dnb_err *err)
{
    if (v < 0 || (size_t)v >= b->inf->n_values)
        return dnb_fail(err, DNB_EARG, "gradient: %s is no value of the graph", role);
    if (!is_float(b, v))
        return dnb_fail(err, DNB_EARG, "gradient: %s '%s' holds integers; only floats have one",
                        role, dnb_graph_value_at(b->g, v)->name);
    return DNB_OK;
}

static dnb_status check_seed(const backward *b, dnb_value seed, dnb_value target, dnb_err *err)
{
    const dnb_shape *s = &b->inf->shape[seed], *t = &b->inf->shape[target];
    char ts[128], tt[128];
    bool fits = s->ndim <= t->ndim;
    for (int i = 0; fits && i < s->ndim; i++)
        fits = s->dim[i] == 1 || s->dim[i] == t->dim[i + t->ndim - s->ndim];
    if (fits)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "gradient: a seed of %s does not fit target '%s' of %s",
                    dnb_shape_text(s, ts, sizeof ts), dnb_graph_value_at(b->g, target)->name,
                    dnb_shape_text(t, tt, sizeof tt));
}

static void mark_dependent(backward *b, const dnb_value *wrt, size_t n)
{
    for (size_t i = 0; i < n; i++)
        b->depends[wrt[i]] = true;
    for (size_t i = 0; i < dnb_graph_node_count(b->g); i++) {
        const dnb_node *node = dnb_graph_node_at(b->g, i);
        bool any = false;
        for (size_t k = 0; k < node->n_inputs; k++)
            any = any || (is_float(b, node->inputs[k]) && b->depends[node->inputs[k]]);
        for (size_t k = 0; any && k < node->n_outputs; k++)
            if (is_float(b, node->outputs[k]) && !(node->op->flags & DNB_OP_SHAPE_ONLY))
                b->depends[node->outputs[k]] = true;
    }
}

/* `what` spread over the shape of v. It formally reads the graph's input, so that what follows is
 * computed per batch by the fast kernels, instead of once, as a constant, by the reference. */
static dnb_status spread(backward *b, dnb_value what, dnb_value v, dnb_value *out, dnb_err *err)
{
    dnb_value in[3] = {what, DNB_NO_VALUE, DNB_NO_VALUE};
    size_t n = 2;
    dnb_status status = append(b->g, "Shape", &v, 1, &in[1], err);
    if (dnb_graph_input_count(b->g) > 0)
        in[n++] = dnb_graph_input_at(b->g, 0);
    return status == DNB_OK ? append(b->g, "dnb.BroadcastTo", in, n, out, err) : status;
}

static dnb_status add_zeros(backward *b, dnb_value v, dnb_value *out, dnb_err *err)
{
    dnb_array zero = {0};
    dnb_value scalar;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_array_init(&zero, DNB_F32, 0, NULL, err));
    DNB_TRY(dnb_graph_constant(b->g, NULL, &zero, &scalar, err));
    DNB_TRY(spread(b, scalar, v, out, err));
done:
    dnb_array_release(&zero);
    return status;
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

static dnb_status accumulate(backward *b, dnb_value v, dnb_value more, dnb_err *err)
{
    dnb_value both[2] = {b->grad[v], more};
    if (b->grad[v] != DNB_NO_VALUE)
        return append(b->g, "Add", both, 2, &b->grad[v], err);
    b->grad[v] = more;
    return DNB_OK;
}

/* Room for one node's gradients. */
typedef struct node_grads {
    dnb_value *out, *in;
    bool *wanted;
} node_grads;

static dnb_status differentiate(backward *b, size_t i, const node_grads *room, dnb_err *err)
{
    dnb_op_grads r = {.graph = b->g,
                      .node = *dnb_graph_node_at(b->g, i),
                      .shape = b->inf->shape,
                      .out_grads = room->out,
                      .wanted = room->wanted,
                      .guided_relu = b->guided_relu,
                      .in_grads = room->in};
    bool reached = false, wanted = false;
    dnb_status status = DNB_OK;
    for (size_t k = 0; k < r.node.n_outputs; k++) {
        room->out[k] = b->grad[r.node.outputs[k]];
        reached = reached || room->out[k] != DNB_NO_VALUE;
    }
    for (size_t k = 0; k < r.node.n_inputs; k++) {
        dnb_value v = r.node.inputs[k];
        room->in[k] = DNB_NO_VALUE;
        room->wanted[k] = is_float(b, v) && b->depends[v];
        wanted = wanted || room->wanted[k];
    }
    if (!reached || !wanted)
        return DNB_OK;
    if (!r.node.op->gradient)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s': operator %s has no gradient",
                        r.node.name, r.node.op->name);
    DNB_TRY(r.node.op->gradient(&r, err));
    for (size_t k = 0; k < r.node.n_inputs; k++)
        if (room->wanted[k] && room->in[k] != DNB_NO_VALUE)
            DNB_TRY(accumulate(b, r.node.inputs[k], room->in[k], err));
done:
    return status;
}

/* All readers of a value come after its producer, so its sum is complete when that one is reached.
 */
static dnb_status walk(backward *b, dnb_value target, dnb_err *err)
{
    node_grads room = {0};
    size_t max_in = 1, max_out = 1, n = (size_t)(dnb_graph_value_at(b->g, target)->producer + 1);
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < n; i++) {
        const dnb_node *node = dnb_graph_node_at(b->g, i);
        max_in = node->n_inputs > max_in ? node->n_inputs : max_in;
        max_out = node->n_outputs > max_out ? node->n_outputs : max_out;
    }
    DNB_NEW(room.out, max_out, "gradient");
    DNB_NEW(room.in, max_in, "gradient");
    DNB_NEW(room.wanted, max_in, "gradient");
    for (size_t i = n; i-- > 0;)
        DNB_TRY(differentiate(b, i, &room, err));
done:
    dnb_free(room.out);
    dnb_free(room.in);
    dnb_free(room.wanted);
    return status;
}

dnb_status dnb_graph_gradient(dnb_graph *g, dnb_value target, dnb_value seed, const dnb_value *wrt,
                              size_t n, const dnb_gradient_options *options, dnb_value *grads,
                              dnb_err *err)
{
    backward b = {.g = g, .guided_relu = options && options->guided_relu};
    dnb_value *result = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_inference_new(&b.inf, g, 1, err));
    DNB_TRY(check_value(&b, target, "the target", err));
    DNB_TRY(check_value(&b, seed, "the seed", err));
    for (size_t i = 0; i < n; i++)
        DNB_TRY(check_value(&b, wrt[i], "a wrt", err));
    DNB_TRY(check_seed(&b, seed, target, err));
    DNB_NEW(b.depends, b.inf->n_values, "gradient");
    DNB_NEW(b.grad, b.inf->n_values, "gradient");
    DNB_NEW(result, n, "gradient");
    for (size_t v = 0; v < b.inf->n_values; v++)
        b.grad[v] = DNB_NO_VALUE;
    mark_dependent(&b, wrt, n);
    if (b.depends[target]) {
        DNB_TRY(spread(&b, seed, target, &b.grad[target], err));
        DNB_TRY(walk(&b, target, err));
    }
    for (size_t i = 0; i < n; i++) {
        result[i] = b.grad[wrt[i]];
        if (result[i] == DNB_NO_VALUE)
            DNB_TRY(add_zeros(&b, wrt[i], &result[i], err));
    }
    if (n)
        memcpy(grads, result, n * sizeof *grads);
done:
    dnb_free(result);
    dnb_free(b.depends);
    dnb_free(b.grad);
    dnb_inference_free(b.inf);
    return status;
}

/* ---- by name ------------------------------------------------------------------------------------
 */

static dnb_status find_value(const dnb_graph *g, const char *name, dnb_value *v, dnb_err *err)
{
    *v = dnb_graph_find(g, name);
    if (*v == DNB_NO_VALUE)
        return dnb_fail(err, DNB_ENOTFOUND, "gradient: the network has no value '%s'",
                        name ? name : "");
    return DNB_OK;
}

/* Channels, rows and columns of a value with one row per stimulus, as dnb_net_layer_shape has it.
 */
static void as_layer(const dnb_shape *s, size_t size[3])
{
    size[0] = s->ndim > 1 ? s->dim[1] : 1;
    size[1] = s->ndim == 3 ? s->dim[2] : 1;
    size[2] = s->ndim > 3 ? s->dim[s->ndim - 1] : 1;
    for (int i = 2; s->ndim > 3 && i < s->ndim - 1; i++)
        size[1] *= s->dim[i];
}

/* Ones at what the request names, zeros elsewhere. */
static dnb_status make_seed(dnb_array *seed, const dnb_shape *target, const dnb_gradient_request *r,
                            dnb_err *err)
{
    static const char *const axis[3] = {"channel", "row", "column"};
    size_t size[3], lo[3] = {0, 0, 0}, hi[3];
    dnb_status status = DNB_OK;
    if (target->dtype != DNB_F32 || target->ndim < 1 || target->dim[0] != 1)
        return dnb_fail(err, DNB_EARG,
                        "gradient: '%s' does not hold one row of numbers per stimulus", r->target);
    if (r->n_index < 0 || r->n_index > 3)
        return dnb_fail(err, DNB_EARG, "gradient: %d indices; a unit has channel, row and column",
                        r->n_index);
    as_layer(target, size);
    for (int i = 0; i < 3; i++) {
        hi[i] = size[i];
        if (i >= r->n_index)
            continue;
        if (r->index[i] >= size[i])
            return dnb_fail(
                err, DNB_EARG,
                "gradient: '%s' has %zu channels, %zu rows and %zu columns; there is no "
                "%s number %zu",
                r->target, size[0], size[1], size[2], axis[i], r->index[i] + 1);
        lo[i] = r->index[i];
        hi[i] = lo[i] + 1;
    }
    DNB_TRY(dnb_array_init(seed, DNB_F32, target->ndim, target->dim, err));
    for (size_t c = lo[0]; c < hi[0]; c++)
        for (size_t y = lo[1]; y < hi[1]; y++)
            for (size_t x = lo[2]; x < hi[2]; x++)
                ((float *)seed->data)[(c * size[1] + y) * size[2] + x] = 1;
done:
    return status;
}

static dnb_status name_results(dnb_graph *g, const dnb_gradient_request *r, const dnb_value *grads,
                               dnb_err *err)
{
    const char *prefix = r->prefix ? r->prefix : "grad:";
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < r->n_wrt && status == DNB_OK; i++) {
        size_t size = strlen(prefix) + strlen(r->wrt[i]) + 1;
        char *name = dnb_alloc(size, 1);
        if (!name)
            return dnb_fail_memory(err, "value name", size);
        snprintf(name, size, "%s%s", prefix, r->wrt[i]);
        status = dnb_graph_alias(g, name, grads[i], err);
        dnb_free(name);
    }
    return status;
}

dnb_status dnb_graph_gradient_named(dnb_graph *g, const dnb_gradient_request *r, dnb_err *err)
{
    dnb_inference *inf = NULL;
    dnb_array seed = {0};
    dnb_value target, seed_value, *wrt = NULL, *grads = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(wrt, r->n_wrt, "gradient");
    DNB_NEW(grads, r->n_wrt, "gradient");
    DNB_TRY(find_value(g, r->target, &target, err));
    for (size_t i = 0; i < r->n_wrt; i++)
        DNB_TRY(find_value(g, r->wrt[i], &wrt[i], err));
    DNB_TRY(dnb_inference_new(&inf, g, 1, err));
    DNB_TRY(make_seed(&seed, &inf->shape[target], r, err));
    DNB_TRY(dnb_graph_constant(g, NULL, &seed, &seed_value, err));
    DNB_TRY(dnb_graph_gradient(g, target, seed_value, wrt, r->n_wrt, &r->options, grads, err));
    DNB_TRY(name_results(g, r, grads, err));
done:
    dnb_inference_free(inf);
    dnb_array_release(&seed);
    dnb_free(wrt);
    dnb_free(grads);
    return status;
}
