/* Reference kernels of old experimental operators, once per REAL (see each_real.h). room: net
 * (internal) */

/* dst = src * scale + bias[channel] (bias == NULL: shift for all). */
static void NAME(scale_channels)(const dnb_op_call *c, double scale, const double *bias,
                                 double shift)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->ndim > 1 ? x->shape[1] : 1, plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
    size_t planes = plane ? dnb_array_count(x) / plane : 0;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        double add = bias ? bias[p % channels] : shift;
        for (size_t i = p * plane; i < (p + 1) * plane; i++)
            dst[i] = (REAL)((double)src[i] * scale + add);
    }
}
