/* Reference kernels of derivatives of elementwise functions and maxima, once per REAL (see
 * each_real.h). room: net (internal) */

/* dst = dy * f'(x), told from y = f(x). */
static void NAME(derivative)(const dnb_op_call *c, dnb_prim_alg alg, double alpha, double beta)
{
    const REAL *dy = c->in[0]->data, *y = c->in[1]->data;
    REAL *dst = c->out[0].data;
    size_t n = dnb_array_count(&c->out[0]);
    const REAL lo = (REAL)alpha, hi = (REAL)beta; /* as y was stored */
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        double g = (double)dy[i], v = (double)y[i];
        switch (alg) {
        case DNB_ALG_RELU:
            g = v > 0 ? g : alpha != 0 ? g * alpha : 0;
            break;
        case DNB_ALG_CLIP:
            g = y[i] > lo && y[i] < hi ? g : 0;
            break;
        case DNB_ALG_SIGMOID:
            g *= v * (1 - v);
            break;
        case DNB_ALG_TANH:
            g *= 1 - v * v;
            break;
        default:
            break;
        }
        dst[i] = (REAL)g;
    }
}

/* dst = dy * f'(x). */
static void NAME(chain)(const dnb_op_call *c, dnb_slope slope, const double p[2])
{
    const REAL *dy = c->in[0]->data, *x = c->in[1]->data;
    REAL *dst = c->out[0].data;
    size_t n = dnb_array_count(&c->out[0]);
#pragma omp parallel for schedule(static) if (n > 1024)
    for (size_t i = 0; i < n; i++)
        dst[i] = (REAL)((double)dy[i] * slope((double)x[i], p[0], p[1]));
}

/* Each of dy's elements goes to the largest of the elements of x it stands for; equal ones share.
 * top and ties have room for dy's elements. */
static void NAME(max_share)(const dnb_op_call *c, double *top, double *ties)
{
    const dnb_array *out = &c->out[0];
    const REAL *dy = c->in[0]->data, *x = c->in[1]->data;
    REAL *dst = out->data;
    size_t step[DNB_MAX_DIMS], n = dnb_array_count(out), groups = dnb_array_count(c->in[0]);
    dnb_broadcast_steps(c->in[0], out, step);
    for (size_t o = 0; o < groups; o++) {
        top[o] = -INFINITY;
        ties[o] = 0;
    }
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            size_t o = dnb_stepped_place(out->shape, out->ndim, step, i);
            double v = (double)x[i];
            if (pass == 1) {
                dst[i] = (REAL)(v == top[o] ? (double)dy[o] / ties[o] : 0);
            } else if (v > top[o] || ties[o] == 0) {
                top[o] = v;
                ties[o] = 1;
            } else if (v == top[o]) {
                ties[o]++;
            }
        }
}

/* dy times the product of all other elements of x that it stands for. product and zeros have room
 * for dy's elements. */
static void NAME(product_share)(const dnb_op_call *c, double *product, double *zeros)
{
    const dnb_array *out = &c->out[0];
    const REAL *dy = c->in[0]->data, *x = c->in[1]->data;
    REAL *dst = out->data;
    size_t step[DNB_MAX_DIMS], n = dnb_array_count(out), groups = dnb_array_count(c->in[0]);
    dnb_broadcast_steps(c->in[0], out, step);
    for (size_t o = 0; o < groups; o++) {
        product[o] = 1;
        zeros[o] = 0;
    }
    for (int back = 0; back < 2; back++)
        for (size_t i = 0; i < n; i++) {
            size_t o = dnb_stepped_place(out->shape, out->ndim, step, i);
            double v = (double)x[i], others = zeros[o] - (v == 0);
            if (back)
                dst[i] = (REAL)(others > 0 ? 0 : (double)dy[o] * product[o] / (v == 0 ? 1 : v));
            else if (v == 0)
                zeros[o]++;
            else
                product[o] *= v;
        }
}
