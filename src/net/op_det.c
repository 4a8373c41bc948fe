/* Det: determinants of the matrices in the last two dimensions. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_det.h"
#include "net/op_families.h"
#include "net/op_util.h"

static dnb_status det_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    char text[128];
    if (x->dtype != DNB_F32 || x->ndim < 2 || x->dim[x->ndim - 1] != x->dim[x->ndim - 2])
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (Det): %s %s are no square float matrices",
                        s->node->name, dnb_dtype_name(x->dtype),
                        dnb_shape_text(x, text, sizeof text));
    s->out[0] = *x;
    s->out[0].ndim = x->ndim - 2;
    return DNB_OK;
}

/* Gaussian elimination with the largest pivot of each column; overwrites m. */
double dnb_determinant(double *m, size_t n)
{
    double det = 1;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++)
            pivot = fabs(m[i * n + k]) > fabs(m[pivot * n + k]) ? i : pivot;
        if (m[pivot * n + k] == 0)
            return 0;
        for (size_t j = k; pivot != k && j < n; j++) {
            double t = m[k * n + j];
            m[k * n + j] = m[pivot * n + j];
            m[pivot * n + j] = t;
        }
        det *= pivot == k ? m[k * n + k] : -m[k * n + k];
        for (size_t i = k + 1; i < n; i++) {
            double f = m[i * n + k] / m[k * n + k];
            for (size_t j = k + 1; j < n; j++)
                m[i * n + j] -= f * m[k * n + j];
        }
    }
    return det;
}

static dnb_status det_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    size_t n = x->shape[x->ndim - 1];
    double *m = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(m, n * n, "Det");
    for (size_t k = 0, count = dnb_array_count(&c->out[0]); k < count; k++) {
        for (size_t i = 0; i < n * n; i++)
            m[i] = dnb_array_at(x, k * n * n + i);
        double det = dnb_determinant(m, n);
        if (c->out[0].dtype == DNB_F64)
            ((double *)c->out[0].data)[k] = det;
        else
            ((float *)c->out[0].data)[k] = (float)det;
    }
done:
    dnb_free(m);
    return status;
}

const dnb_op dnb_op_det = {.name = "Det",
                           .min_in = 1,
                           .max_in = 1,
                           .max_out = 1,
                           .shape = det_shape,
                           .run = det_run,
                           .gradient = dnb_grad_det};
