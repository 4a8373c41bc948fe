/* Reference kernels of p-norm pooling, once per REAL (see each_real.h). room: net (internal) */

/* (sum of |x|^p over the window)^(1/p); padding adds nothing. */
static double NAME(lp_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                               const size_t at[3], double p)
{
    double sum = 0;
    for (size_t a = 0; a < w->kernel[0]; a++)
        for (size_t b = 0; b < w->kernel[1]; b++)
            for (size_t c = 0; c < w->kernel[2]; c++) {
                size_t k[3] = {a, b, c}, pos = 0;
                bool inside = true;
                for (int i = 0; i < 3 && inside; i++) {
                    int64_t s = (int64_t)(at[i] * w->stride[i] + k[i] * w->dilation[i]) -
                                (int64_t)w->pad_lo[i];
                    inside = s >= 0 && s < (int64_t)in[i];
                    pos = inside ? pos * in[i] + (size_t)s : 0;
                }
                if (inside)
                    sum += pow(fabs((double)src[pos]), p);
            }
    return pow(sum, 1 / p);
}

static void NAME(lp_pool)(const dnb_op_call *call, const dnb_window *w, double p)
{
    const dnb_array *x = call->in[0];
    const REAL *src = x->data;
    REAL *dst = call->out[0].data;
    size_t in[3], planes = x->shape[0] * x->shape[1];
    dnb_spatial_3d(x, in);
    size_t out_plane = w->out[0] * w->out[1] * w->out[2];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < planes * out_plane; i++) {
        size_t e = i % out_plane;
        size_t at[3] = {e / (w->out[1] * w->out[2]), e / w->out[2] % w->out[1], e % w->out[2]};
        dst[i] = (REAL)NAME(lp_element)(w, in, src + i / out_plane * in[0] * in[1] * in[2], at, p);
    }
}

static void NAME(global_lp)(const dnb_op_call *call, double p)
{
    const dnb_array *x = call->in[0];
    const REAL *src = x->data;
    REAL *dst = call->out[0].data;
    size_t planes = x->shape[0] * x->shape[1], plane = dnb_array_count(x) / planes;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < planes; i++) {
        double sum = 0;
        for (size_t j = 0; j < plane; j++)
            sum += pow(fabs((double)src[i * plane + j]), p);
        dst[i] = (REAL)pow(sum, 1 / p);
    }
}
