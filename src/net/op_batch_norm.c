/* BatchNormalization: inference and training, per channel or (before version 9) per feature. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/norm_walk.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_batch_norm_kernel.h"
#include "net/each_real.h"

typedef struct batch_norm_numbers {
    bool training, spatial;
    double epsilon, momentum;
} batch_norm_numbers;

/* Whether statistics are the batch's own: said by training_mode since version 14; before, by the
 * running ones being outputs, or by is_test (versions 1 and 6). */
static dnb_status read_training(const dnb_node *n, int opset, bool *training, dnb_err *err)
{
    int64_t flag = 0;
    dnb_status status = DNB_OK;
    if (opset >= 14) {
        status = dnb_node_int(n, "training_mode", 0, &flag, err);
        *training = flag != 0;
    } else if (opset < 7 && dnb_node_attr(n, "is_test")) {
        status = dnb_node_int(n, "is_test", 0, &flag, err);
        *training = flag == 0;
    } else {
        *training = n->n_outputs > 1;
    }
    return status;
}

static dnb_status batch_norm_read(const dnb_node *n, int opset, batch_norm_numbers *out,
                                  dnb_err *err)
{
    batch_norm_numbers v = {0};
    int64_t spatial = 1;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(n, "epsilon", 1e-5, &v.epsilon, err));
    DNB_TRY(dnb_node_float(n, "momentum", 0.9, &v.momentum, err));
    DNB_TRY(read_training(n, opset, &v.training, err));
    if (opset < 9)
        DNB_TRY(dnb_node_int(n, "spatial", 1, &spatial, err));
    v.spatial = spatial != 0;
    if (n->n_outputs > (v.training ? (opset < 14 ? 5 : 3) : 1))
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (BatchNormalization): makes no output %zu in %s mode", n->name,
                        n->n_outputs - 1, v.training ? "training" : "inference");
    *out = v;
done:
    return status;
}

/* What scale, shift, mean and variance must look like. */
static dnb_shape vector_shape(const dnb_shape *x, bool spatial)
{
    dnb_shape v = {.dtype = DNB_F32, .ndim = 1, .dim = {x->ndim > 1 ? x->dim[1] : 1}};
    if (spatial || x->ndim < 2)
        return v;
    v.ndim = x->ndim - 1;
    for (int d = 1; d < x->ndim; d++)
        v.dim[d - 1] = x->dim[d];
    return v;
}

static dnb_status batch_norm_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    char text[128];
    batch_norm_numbers v = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(batch_norm_read(s->node, s->opset, &v, err));
    if (!x || x->dtype != DNB_F32 || x->ndim < 1)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (BatchNormalization): input has no channels",
                        s->node->name);
    dnb_shape want = vector_shape(x, v.spatial);
    for (size_t i = 1; i < 5; i++)
        if (!s->in[i] || s->in[i]->dtype != DNB_F32 || !dnb_shape_equal(s->in[i], &want))
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (BatchNormalization): input %zu is not %s floats, one per "
                            "%s",
                            s->node->name, i, dnb_shape_text(&want, text, sizeof text),
                            v.spatial ? "channel" : "feature");
    s->out[0] = *x;
    for (size_t i = 1; i < s->node->n_outputs; i++) {
        s->out[i] = want;
        s->out[i].elem = s->in[3]->elem;
    }
done:
    return status;
}

static void store(const dnb_array *dst, size_t i, double v)
{
    if (dst->dtype == DNB_F64)
        ((double *)dst->data)[i] = v;
    else
        ((float *)dst->data)[i] = (float)v;
}

/* Outputs 1 and 2: the running statistics moved towards the batch's; 3 and 4: the batch's own. */
static void store_statistics(const dnb_op_call *c, const batch_norm_numbers *v, size_t n,
                             const double *mean, const double *spread)
{
    for (size_t k = 0; k < n; k++) {
        double var = spread[k] * spread[k] - v->epsilon;
        const double now[2] = {mean[k], var < 0 ? 0 : var};
        for (size_t i = 1; i < c->node->n_outputs; i++) {
            double own = now[(i - 1) % 2];
            store(&c->out[i], k,
                  i > 2 ? own
                        : dnb_array_at(c->in[2 + i], k) * v->momentum + own * (1 - v->momentum));
        }
    }
}

static dnb_status train(const dnb_op_call *c, const batch_norm_numbers *v, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    dnb_norm_rule rule = {.kind = DNB_NORM_VARIANCE, .centre = true, .epsilon = v->epsilon};
    dnb_norm_walk w = {0};
    double *mean = NULL, *spread = NULL;
    size_t features = x->ndim > 1 ? x->shape[1] : 1, plane = 1;
    dnb_status status = DNB_OK;
    for (int d = 2; d < x->ndim; d++)
        *(v->spatial ? &plane : &features) *= x->shape[d];
    const size_t view[3] = {x->shape[0], features, plane}, step[3] = {0, 1, 0};
    const bool together[3] = {true, false, true};
    DNB_TRY(dnb_norm_walk_init(&w, 3, view, together, err));
    DNB_TRY(dnb_norm_walk_vector(&w, &w.scale, step, err));
    DNB_TRY(dnb_norm_walk_vector(&w, &w.shift, step, err));
    DNB_NEW(mean, w.n_kept, c->node->name);
    DNB_NEW(spread, w.n_kept, c->node->name);
    dnb_norm_run(&w, &rule, x, c->in[1], c->in[2], &c->out[0], mean, spread);
    store_statistics(c, v, w.n_kept, mean, spread);
done:
    dnb_norm_walk_release(&w);
    dnb_free(mean);
    dnb_free(spread);
    return status;
}

static dnb_status batch_norm_run(const dnb_op_call *c, dnb_err *err)
{
    batch_norm_numbers v = {0};
    dnb_status status = batch_norm_read(c->node, c->opset, &v, err);
    if (status != DNB_OK)
        return status;
    if (v.training)
        return train(c, &v, err);
    DNB_BY_TYPE(c, batch_norm, c, v.epsilon, v.spatial);
    return DNB_OK;
}

static dnb_status batch_norm_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    batch_norm_numbers v = {0};
    dnb_status status = batch_norm_read(s->node, s->opset, &v, err);
    if (status != DNB_OK || v.training || !v.spatial || s->in[0]->ndim < 2)
        return status;
    p->epsilon = (float)v.epsilon;
    p->kind = DNB_PRIM_BATCHNORM;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_batch_norm = {.name = "BatchNormalization",
                                  .min_in = 5,
                                  .max_in = 5,
                                  .max_out = 5,
                                  .shape = batch_norm_shape,
                                  .run = batch_norm_run,
                                  .lower = batch_norm_lower,
                                  .gradient = dnb_grad_batch_norm};
