/* dnb.DetGrad: gradient, matrices -> gradient times the matrices of cofactors. */
#include <math.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_det.h"
#include "net/op_families.h"
#include "net/op_util.h"

dnb_status dnb_grad_det(const dnb_op_grads *r, dnb_err *err)
{
    return dnb_grad_apply(r, "dnb.DetGrad", r->out_grads[0], r->node.inputs[0], &r->in_grads[0],
                          err);
}

static dnb_status det_grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape want = *s->in[1];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 2, err));
    if (want.ndim < 2 || want.dim[want.ndim - 1] != want.dim[want.ndim - 2])
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input 1 is no square matrices",
                        s->node->name, s->node->op->name);
    s->out[0] = want;
    want.ndim -= 2;
    DNB_TRY(dnb_op_expect(s, 0, &want, err));
done:
    return status;
}

/* m without row i and column j, into minor. */
static void strike_out(const double *m, size_t n, size_t i, size_t j, double *minor)
{
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; a != i && b < n; b++)
            if (b != j)
                *minor++ = m[a * n + b];
}

/* Cofactors, by the minors' determinants: right for singular matrices too, O(n^5). */
static dnb_status det_grad_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[1], *out = &c->out[0];
    size_t n = x->shape[x->ndim - 1], count = dnb_array_count(c->in[0]);
    double *m = NULL, *minor = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(m, n * n, "Det");
    DNB_NEW(minor, n * n, "Det");
    for (size_t k = 0; k < count; k++) {
        double g = dnb_array_at(c->in[0], k);
        for (size_t i = 0; i < n * n; i++)
            m[i] = dnb_array_at(x, k * n * n + i);
        for (size_t i = 0; i < n * n; i++) {
            strike_out(m, n, i / n, i % n, minor);
            double v = g * dnb_determinant(minor, n - 1) * ((i / n + i % n) % 2 ? -1 : 1);
            if (out->dtype == DNB_F64)
                ((double *)out->data)[k * n * n + i] = v;
            else
                ((float *)out->data)[k * n * n + i] = (float)v;
        }
    }
done:
    dnb_free(m);
    dnb_free(minor);
    return status;
}

const dnb_op dnb_op_det_grad = {.name = "dnb.DetGrad",
                                .min_in = 2,
                                .max_in = 2,
                                .max_out = 1,
                                .shape = det_grad_shape,
                                .run = det_grad_run};
