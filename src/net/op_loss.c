/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

typedef enum loss_reduction { REDUCE_NONE, REDUCE_SUM, REDUCE_MEAN } loss_reduction;

/* Scores are n x classes x plane, labels n x plane. */
typedef struct loss_numbers {
    loss_reduction reduction;
    bool ignores; /* there is an ignore_index */
    int64_t ignored;
    size_t n, classes, plane;
} loss_numbers;

/* The weighted sum of losses and the sum of weights. */
typedef struct loss_sums {
    double loss, weight;
} loss_sums;

#define DNB_KERNELS "net/op_loss_kernel.h"
#include "net/each_real.h"

static dnb_status loss_read(const dnb_node *n, loss_numbers *out, dnb_err *err)
{
    static const char *const names[] = {"none", "sum", "mean"};
    const char *text = NULL;
    loss_numbers v = {.ignores = dnb_node_attr(n, "ignore_index") != NULL};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(n, "ignore_index", 0, &v.ignored, err));
    DNB_TRY(dnb_node_string(n, "reduction", &text, err));
    size_t i = 0;
    while (i < 3 && strcmp(text ? text : "mean", names[i]) != 0)
        i++;
    if (i == 3)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): reduction '%.50s' is not none, sum or mean",
                        n->name, n->op->name, text);
    v.reduction = (loss_reduction)i;
    *out = v;
done:
    return status;
}

/* Scores n x c x d..., labels n x d..., weights c. */
static dnb_status check_inputs(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *t = s->in[1], *w = s->node->n_inputs > 2 ? s->in[2] : NULL;
    char left[128], right[128];
    if (!x || !t || x->dtype != DNB_F32 || t->dtype != DNB_I64 || (w && w->dtype != DNB_F32))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): needs float scores and weights, and integer labels",
                        s->node->name, s->node->op->name);
    bool ok = x->ndim >= 2 && t->ndim == x->ndim - 1 && t->dim[0] == x->dim[0] && x->dim[1] > 0;
    for (int d = 2; ok && d < x->ndim; d++)
        ok = t->dim[d - 1] == x->dim[d];
    if (!ok)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): scores %s do not go with labels %s",
                        s->node->name, s->node->op->name, dnb_shape_text(x, left, sizeof left),
                        dnb_shape_text(t, right, sizeof right));
    if (w && (w->ndim != 1 || w->dim[0] != x->dim[1]))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): weights are %s, not one per class",
                        s->node->name, s->node->op->name, dnb_shape_text(w, left, sizeof left));
    return DNB_OK;
}

static dnb_status loss_shape(const dnb_op_shapes *s, dnb_err *err)
{
    loss_numbers v = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(check_inputs(s, err));
    DNB_TRY(loss_read(s->node, &v, err));
    s->out[0] = *s->in[0];
    s->out[0].ndim = 0;
    if (v.reduction == REDUCE_NONE) {
        s->out[0] = *s->in[1];
        s->out[0].dtype = s->in[0]->dtype;
        s->out[0].elem = s->in[0]->elem;
    }
    if (s->node->n_outputs > 1)
        s->out[1] = *s->in[0];
done:
    return status;
}

/* Labels index scores and weights: each must be a class or the ignored number. */
static dnb_status check_labels(const dnb_op_call *c, const loss_numbers *v, dnb_err *err)
{
    const int64_t *label = c->in[1]->data;
    for (size_t i = 0; i < v->n * v->plane; i++)
        if (!(v->ignores && label[i] == v->ignored) &&
            (label[i] < 0 || (uint64_t)label[i] >= v->classes))
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): label %lld is not one of %zu classes",
                            c->node->name, c->node->op->name, (long long)label[i], v->classes);
    return DNB_OK;
}

static void loss_sizes(loss_numbers *v, const dnb_array *scores)
{
    v->n = scores->shape[0];
    v->classes = scores->shape[1];
    v->plane = 1;
    for (int d = 2; d < scores->ndim; d++)
        v->plane *= scores->shape[d];
}

static dnb_status loss_both(const dnb_op_call *c, bool softmax, dnb_err *err)
{
    const dnb_array *x = c->in[0], *w = c->node->n_inputs > 2 ? c->in[2] : NULL;
    loss_numbers v = {0};
    dnb_array own = {0};
    const dnb_array *log_prob = x;
    dnb_status status = DNB_OK;
    DNB_TRY(loss_read(c->node, &v, err));
    loss_sizes(&v, x);
    DNB_TRY(check_labels(c, &v, err));
    if (softmax) {
        log_prob = c->node->n_outputs > 1 ? &c->out[1] : &own;
        if (log_prob == &own)
            DNB_TRY(dnb_array_init(&own, x->dtype, x->ndim, x->shape, err));
        DNB_BY_TYPE(c, log_probabilities, &v, x, log_prob);
    }
    DNB_BY_TYPE(c, loss, &v, log_prob, c->in[1], w, &c->out[0]);
done:
    dnb_array_release(&own);
    return status;
}

/* ---- dnb.LossGrad: gradient of the loss, labels, weights (or nothing), log probabilities -> the
 * gradient of these */

static dnb_status loss_grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    /* the forward operator's inputs: scores, labels, weights */
    const dnb_shape *in[3] = {NULL, s->in[1], NULL};
    dnb_node n = *s->node;
    dnb_op_shapes forward = *s;
    loss_numbers v = {0};
    dnb_shape want = {.dtype = DNB_F32};
    dnb_status status = DNB_OK;
    if (n.n_inputs > 3) {
        in[0] = s->in[3];
        in[2] = s->in[2];
    }
    n.n_inputs = 3;
    forward.node = &n;
    forward.in = in;
    DNB_TRY(check_inputs(&forward, err));
    DNB_TRY(loss_read(s->node, &v, err));
    if (v.reduction == REDUCE_NONE) {
        want = *s->in[1];
        want.dtype = DNB_F32;
    }
    DNB_TRY(dnb_op_expect(s, 0, &want, err));
    s->out[0] = *s->in[3];
done:
    return status;
}

static dnb_status loss_grad_run(const dnb_op_call *c, dnb_err *err)
{
    loss_numbers v = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(loss_read(c->node, &v, err));
    loss_sizes(&v, c->in[3]);
    DNB_TRY(check_labels(c, &v, err));
    DNB_BY_TYPE(c, loss_back, &v, c->in[0], c->in[1], c->in[2], &c->out[0]);
done:
    return status;
}

const dnb_op dnb_op_loss_grad = {.name = "dnb.LossGrad",
                                 .min_in = 2,
                                 .max_in = 4,
                                 .max_out = 1,
                                 .shape = loss_grad_shape,
                                 .run = loss_grad_run};

/* Weights are taken as constant. */
static dnb_status loss_grad(const dnb_op_grads *r, dnb_err *err)
{
    bool softmax = strcmp(r->node.op->name, "SoftmaxCrossEntropyLoss") == 0;
    const dnb_attr attrs[] = {DNB_INT("axis", 1), DNB_INT("log", 1)};
    dnb_value in[4] = {r->out_grads[0], r->node.inputs[1], DNB_NO_VALUE, r->node.inputs[0]};
    dnb_value both[2], g = DNB_NO_VALUE;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_from(r, 1, err));
    if (r->node.n_inputs > 2)
        in[2] = r->node.inputs[2];
    if (softmax)
        DNB_TRY(dnb_grad_output(r, 1, &in[3], err));
    if (r->out_grads[0] != DNB_NO_VALUE)
        DNB_TRY(dnb_grad_like(r, "dnb.LossGrad", in, 4, &g, err));
    if (r->node.n_outputs > 1 && r->out_grads[1] != DNB_NO_VALUE) {
        if (g == DNB_NO_VALUE)
            g = r->out_grads[1];
        else
            DNB_TRY(dnb_grad_apply(r, "Add", g, r->out_grads[1], &g, err));
    }
    both[0] = g;
    both[1] = in[3];
    if (softmax)
        DNB_TRY(dnb_grad_node(r, "dnb.SoftmaxGrad", both, 2, attrs, 2, &g, err));
    r->in_grads[0] = g;
done:
    return status;
}

static dnb_status nll_run(const dnb_op_call *c, dnb_err *err)
{
    return loss_both(c, false, err);
}

static dnb_status cross_entropy_run(const dnb_op_call *c, dnb_err *err)
{
    return loss_both(c, true, err);
}

const dnb_op dnb_op_nll_loss = {.name = "NegativeLogLikelihoodLoss",
                                .min_in = 2,
                                .max_in = 3,
                                .max_out = 1,
                                .shape = loss_shape,
                                .run = nll_run,
                                .gradient = loss_grad};

const dnb_op dnb_op_cross_entropy = {.name = "SoftmaxCrossEntropyLoss",
                                     .min_in = 2,
                                     .max_in = 3,
                                     .max_out = 2,
                                     .shape = loss_shape,
                                     .run = cross_entropy_run,
                                     .gradient = loss_grad};
