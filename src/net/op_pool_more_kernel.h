/* Reference kernels of p-norm pooling, once per REAL (see each_real.h). room: net (internal) */

/* (sum of |x|^p over the window)^(1/p); padding adds nothing. */
static void NAME(lp_pool)(const dnb_op_call *call, const dnb_window *w, double p)
{
    const dnb_array *x = call->in[0];
    REAL *dst = call->out[0].data;
    size_t in[3], planes = x->shape[0] * x->shape[1];
    dnb_spatial_3d(x, in);
    size_t out_plane = w->out[0] * w->out[1] * w->out[2];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < planes * out_plane; i++) {
        const REAL *src = (const REAL *)x->data + i / out_plane * in[0] * in[1] * in[2];
        size_t at[3];
        double sum = 0;
        dnb_place_3d(w->out, i % out_plane, at);
        const dnb_cover v = dnb_window_cover(w, in, at);
        for (size_t a = v.first[0]; a < v.end[0]; a += w->dilation[0])
            for (size_t b = v.first[1]; b < v.end[1]; b += w->dilation[1])
                for (size_t c = v.first[2]; c < v.end[2]; c += w->dilation[2])
                    sum += pow(fabs((double)src[(a * in[1] + b) * in[2] + c]), p);
        dst[i] = (REAL)pow(sum, 1 / p);
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
