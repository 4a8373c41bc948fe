/* Reference kernels of p-norm pooling, once per REAL (see each_real.h). room: net (internal) */

/* (sum of |x|^p over the window)^(1/p); padding adds nothing. */
static double NAME(lp_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                               const size_t at[3], double p)
{
    int64_t start[3], lo[3], hi[3];
    double sum = 0;
    for (int i = 0; i < 3; i++)
        dnb_window_clip(w, i, at[i], in[i], &start[i], &lo[i], &hi[i]);
    for (int64_t a = lo[0]; a < hi[0]; a++)
        for (int64_t b = lo[1]; b < hi[1]; b++)
            for (int64_t c = lo[2]; c < hi[2]; c++) {
                size_t d = (size_t)(start[0] + a * (int64_t)w->dilation[0]);
                size_t h = (size_t)(start[1] + b * (int64_t)w->dilation[1]);
                size_t x = (size_t)(start[2] + c * (int64_t)w->dilation[2]);
                sum += pow(fabs((double)src[(d * in[1] + h) * in[2] + x]), p);
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
