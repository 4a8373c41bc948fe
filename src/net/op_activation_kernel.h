/* Reference kernel of the elementwise functions, once per REAL (see each_real.h). room: net
 * (internal) */

static void NAME(activate)(const dnb_op_call *c, dnb_prim_alg alg, double alpha, double beta)
{
    const REAL *src = c->in[0]->data;
    REAL *dst = c->out[0].data;
    size_t n = dnb_array_count(c->in[0]);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        double v = (double)src[i];
        switch (alg) {
        case DNB_ALG_RELU:
            v = v < 0 ? (alpha != 0 ? v * alpha : 0) : v;
            break; /* NaN stays NaN */
        case DNB_ALG_CLIP:
            v = v < alpha ? alpha : v > beta ? beta : v;
            break;
        case DNB_ALG_SIGMOID:
            v = 1 / (1 + exp(-v));
            break;
        case DNB_ALG_TANH:
            v = tanh(v);
            break;
        default:
            break;
        }
        dst[i] = (REAL)v;
    }
}
