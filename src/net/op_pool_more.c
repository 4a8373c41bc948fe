/* MaxUnpool, LpPool and GlobalLpPool. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_pool.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_pool_more_kernel.h"
#include "net/each_real.h"

/* ---- LpPool, GlobalLpPool -----------------------------------------------------------------------
 */

/* The norm's p: an integer, a float before opset 2. */
static dnb_status read_norm(const dnb_node *n, double *p, dnb_err *err)
{
    const dnb_attr *a = dnb_node_attr(n, "p");
    int64_t whole = 2;
    dnb_status status = DNB_OK;
    if (a && a->kind == DNB_ATTR_FLOAT) {
        *p = a->f;
    } else {
        DNB_TRY(dnb_node_int(n, "p", 2, &whole, err));
        *p = (double)whole;
    }
    if (!(*p > 0) || !isfinite(*p))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): p of %g is out of range", n->name,
                        n->op->name, *p);
done:
    return status;
}

static dnb_status check_rank(const dnb_op_shapes *s, dnb_err *err)
{
    char text[128];
    if (s->in[0]->ndim < 3)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %s is not n x channels x sizes",
                        s->node->name, s->node->op->name,
                        dnb_shape_text(s->in[0], text, sizeof text));
    return DNB_OK;
}

static dnb_status check_planes(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[0]->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): integers are unsupported",
                        s->node->name, s->node->op->name);
    return check_rank(s, err);
}

static dnb_status lp_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    double p;
    dnb_status status = DNB_OK;
    DNB_TRY(check_planes(s, err));
    DNB_TRY(read_norm(s->node, &p, err));
    DNB_TRY(dnb_window_read(&w, s->node, s->in[0], NULL, err));
    s->out[0] = *s->in[0];
    for (int i = 0; i < w.n; i++)
        s->out[0].dim[2 + i] = w.out[i];
done:
    return status;
}

static dnb_status lp_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    double p;
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(read_norm(c->node, &p, err));
    DNB_TRY(dnb_window_read(&w, c->node, &x, NULL, err));
    dnb_window_to_3d(&w);
    DNB_BY_TYPE(c, lp_pool, c, &w, p);
done:
    return status;
}

static dnb_status global_lp_shape(const dnb_op_shapes *s, dnb_err *err)
{
    double p;
    dnb_status status = DNB_OK;
    DNB_TRY(check_planes(s, err));
    DNB_TRY(read_norm(s->node, &p, err));
    s->out[0] = *s->in[0];
    for (int i = 2; i < s->out[0].ndim; i++)
        s->out[0].dim[i] = 1;
done:
    return status;
}

static dnb_status global_lp_run(const dnb_op_call *c, dnb_err *err)
{
    double p;
    dnb_status status = read_norm(c->node, &p, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, global_lp, c, p);
    return status;
}

/* dx = sign(x) |x|^(p - 1) * g, where g is what reached the window's y: dy y^(1 - p), or 0 where y
 * is, spread over the windows. */
static dnb_status norm_grad(const dnb_op_grads *r, double p, bool whole, dnb_err *err)
{
    dnb_value x = r->node.inputs[0], y = r->node.outputs[0], zero, is_zero, power, g, v;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_number(r, 0, &zero, err));
    DNB_TRY(dnb_grad_number(r, p - 1, &power, err));
    DNB_TRY(dnb_grad_apply(r, "Equal", y, zero, &is_zero, err));
    DNB_TRY(dnb_grad_apply(r, "Pow", y, power, &g, err));
    DNB_TRY(dnb_grad_apply(r, "Div", r->out_grads[0], g, &g, err));
    DNB_TRY(dnb_grad_where(r, is_zero, zero, g, &g, err));
    if (!whole) {
        dnb_value in[2] = {g, DNB_NO_VALUE};
        DNB_TRY(dnb_grad_shape_of(r, x, &in[1], err));
        DNB_TRY(dnb_grad_like(r, "dnb.SumPoolGrad", in, 2, &g, err));
    }
    DNB_TRY(dnb_grad_apply(r, "Abs", x, DNB_NO_VALUE, &v, err));
    DNB_TRY(dnb_grad_apply(r, "Pow", v, power, &v, err));
    DNB_TRY(dnb_grad_apply(r, "Mul", v, g, &g, err));
    DNB_TRY(dnb_grad_apply(r, "Sign", x, DNB_NO_VALUE, &v, err));
    DNB_TRY(dnb_grad_apply(r, "Mul", v, g, &r->in_grads[0], err));
done:
    return status;
}

static dnb_status lp_grad(const dnb_op_grads *r, dnb_err *err)
{
    double p;
    dnb_status status = read_norm(&r->node, &p, err);
    return status == DNB_OK ? norm_grad(r, p, false, err) : status;
}

static dnb_status global_lp_grad(const dnb_op_grads *r, dnb_err *err)
{
    double p;
    dnb_status status = read_norm(&r->node, &p, err);
    return status == DNB_OK ? norm_grad(r, p, true, err) : status;
}

const dnb_op dnb_op_lp_pool = {.name = "LpPool",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .shape = lp_shape,
                               .run = lp_run,
                               .gradient = lp_grad};

const dnb_op dnb_op_global_lp_pool = {.name = "GlobalLpPool",
                                      .min_in = 1,
                                      .max_in = 1,
                                      .max_out = 1,
                                      .shape = global_lp_shape,
                                      .run = global_lp_run,
                                      .gradient = global_lp_grad};

/* ---- MaxUnpool ----------------------------------------------------------------------------------
 */

/* The size that the pooling came from, as far as it can be told: what the indices count in. */
static dnb_status unpool_natural(const dnb_node *n, const dnb_shape *x, dnb_shape *out,
                                 dnb_err *err)
{
    dnb_window w;
    const int64_t *pads;
    size_t n_pads;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read_sizes(&w, n, x, NULL, err));
    DNB_TRY(dnb_node_ints(n, "pads", &pads, &n_pads, err));
    if (pads && n_pads != 2 * (size_t)w.n)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): pads needs %d numbers", n->name,
                        n->op->name, 2 * w.n);
    *out = *x;
    for (int i = 0; i < w.n; i++) {
        int64_t lo = pads ? pads[i] : 0, hi = pads ? pads[w.n + i] : 0, limit = (int64_t)1 << 31;
        if (x->dim[2 + i] < 1 || x->dim[2 + i] > (size_t)limit || lo < 0 || hi < 0 || lo > limit ||
            hi > limit)
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): its sizes are out of range", n->name,
                            n->op->name);
        int64_t size = (int64_t)((x->dim[2 + i] - 1) * w.stride[i] + w.kernel[i]) - lo - hi;
        if (size < 1 || size > limit)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): output size %lld is out of range",
                            n->name, n->op->name, (long long)size);
        out->dim[2 + i] = (size_t)size;
    }
done:
    return status;
}

static dnb_status unpool_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *at = s->in[1];
    dnb_shape natural;
    const int64_t *wanted;
    size_t n_wanted;
    dnb_status status = DNB_OK;
    DNB_TRY(check_rank(s, err)); /* it moves integers as well as floats */
    if (!at || at->dtype != DNB_I64 || !dnb_shape_equal(x, at))
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (MaxUnpool): needs one integer index per element",
                        s->node->name);
    DNB_TRY(unpool_natural(s->node, x, &natural, err));
    DNB_TRY(dnb_op_ints(s, NULL, 2, &wanted, &n_wanted, err));
    s->out[0] = natural;
    s->out[0].elem = 0;
    if (wanted && n_wanted != (size_t)x->ndim)
        return dnb_fail(err, DNB_EARG, "node '%s' (MaxUnpool): output_shape needs %d sizes",
                        s->node->name, x->ndim);
    for (int i = 0; wanted && i < x->ndim; i++) {
        bool ok = i < 2 ? wanted[i] == (int64_t)x->dim[i] : wanted[i] >= (int64_t)natural.dim[i];
        if (!ok || wanted[i] > (int64_t)1 << 31)
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (MaxUnpool): output_shape has %lld for dimension %d of %zu",
                            s->node->name, (long long)wanted[i], i, natural.dim[i]);
        s->out[0].dim[i] = (size_t)wanted[i];
    }
done:
    return status;
}

/* Indices count in the natural shape; a larger output holds it at its start. */
static dnb_status unpool_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_shape x = dnb_shape_of(c->in[0]), natural;
    dnb_array *out = &c->out[0];
    const int64_t *index = c->in[1]->data;
    size_t unit = dnb_dtype_size(out->dtype);
    dnb_status status = unpool_natural(c->node, &x, &natural, err);
    if (status != DNB_OK)
        return status;
    size_t count = dnb_shape_count(&natural);
    memset(out->data, 0, dnb_array_bytes(out));
    for (size_t i = 0; i < dnb_shape_count(&x); i++) {
        if (index[i] < 0 || (uint64_t)index[i] >= count)
            return dnb_fail(err, DNB_EARG, "node '%s' (MaxUnpool): index %lld is not below %zu",
                            c->node->name, (long long)index[i], count);
        size_t rest = (size_t)index[i], at = 0, step = 1;
        for (int d = natural.ndim - 1; d >= 0; d--) {
            at += rest % natural.dim[d] * step;
            rest /= natural.dim[d];
            step *= out->shape[d];
        }
        memcpy((char *)out->data + at * unit, (const char *)c->in[0]->data + i * unit, unit);
    }
    return DNB_OK;
}

const dnb_op dnb_op_max_unpool = {.name = "MaxUnpool",
                                  .min_in = 2,
                                  .max_in = 3,
                                  .max_out = 1,
                                  .shape = unpool_shape,
                                  .run = unpool_run,
                                  .gradient = dnb_grad_mover};
