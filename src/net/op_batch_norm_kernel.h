/* Reference kernel of batch normalisation with given statistics, once per REAL (see each_real.h).
 * room: net (internal) */

static void NAME(batch_norm)(const dnb_op_call *c, double epsilon, bool spatial)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data, *scale = c->in[1]->data, *shift = c->in[2]->data;
    const REAL *mean = c->in[3]->data, *var = c->in[4]->data;
    REAL *dst = c->out[0].data;
    bool flat = x->ndim < 2;
    size_t features = flat ? 1 : x->shape[1], plane = flat ? x->shape[0] : 1;
    for (int i = 2; i < x->ndim; i++)
        *(spatial ? &plane : &features) *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < (flat ? 1 : x->shape[0] * features); p++) {
        size_t f = p % features;
        double factor = (double)scale[f] / sqrt((double)var[f] + epsilon);
        double offset = (double)shift[f] - (double)mean[f] * factor;
        for (size_t i = p * plane; i < (p + 1) * plane; i++)
            dst[i] = (REAL)((double)src[i] * factor + offset);
    }
}
