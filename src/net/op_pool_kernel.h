/* Reference kernels of pooling, once per REAL (see each_real.h). room: net (internal) */

/* include_pad: padding counts as zeros (but not what ceil_mode hangs over beyond it). */
static void NAME(average_pool)(const dnb_op_call *call, const dnb_window *w, bool include_pad)
{
    const dnb_array *x = call->in[0];
    REAL *dst = call->out[0].data;
    size_t in[3], planes = x->shape[0] * x->shape[1];
    dnb_spatial_3d(x, in);
    size_t out_plane = w->out[0] * w->out[1] * w->out[2];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++)
        for (size_t e = 0; e < out_plane; e++) {
            const REAL *src = (const REAL *)x->data + p * in[0] * in[1] * in[2];
            size_t at[3];
            double sum = 0;
            dnb_place_3d(w->out, e, at);
            const dnb_cover v = dnb_window_cover(w, in, at);
            for (size_t a = v.first[0]; a < v.end[0]; a += w->dilation[0])
                for (size_t b = v.first[1]; b < v.end[1]; b += w->dilation[1])
                    for (size_t c = v.first[2]; c < v.end[2]; c += w->dilation[2])
                        sum += (double)src[(a * in[1] + b) * in[2] + c];
            size_t divisor = include_pad ? dnb_window_padded(w, in, at) : v.count;
            dst[p * out_plane + e] = (REAL)(sum / (double)divisor);
        }
}

/* Mean or maximum of each plane. */
static void NAME(global_pool)(const dnb_op_call *call, bool is_max)
{
    const dnb_array *x = call->in[0];
    const REAL *src = x->data;
    REAL *dst = call->out[0].data;
    size_t planes = x->shape[0] * x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        double sum = 0;
        REAL top = (REAL)-INFINITY;
        for (size_t i = 0; i < plane; i++) {
            REAL v = src[p * plane + i];
            sum += (double)v;
            if (v > top || v != v)
                top = v;
        }
        dst[p] = is_max ? top : (REAL)(sum / (double)plane);
    }
}

/* Output cell i of n covers input floor(i in / n) .. ceil((i + 1) in / n). */
static void NAME(adaptive_pool)(const dnb_op_call *call, const size_t out[3])
{
    const dnb_array *x = call->in[0];
    const REAL *src = x->data;
    REAL *dst = call->out[0].data;
    size_t in[3], planes = x->shape[0] * x->shape[1], out_plane = out[0] * out[1] * out[2];
    dnb_spatial_3d(x, in);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++)
        for (size_t e = 0; e < out_plane; e++) {
            size_t at[3], lo[3], hi[3];
            double sum = 0;
            dnb_place_3d(out, e, at);
            for (int i = 0; i < 3; i++) {
                lo[i] = at[i] * in[i] / out[i];
                hi[i] = ((at[i] + 1) * in[i] + out[i] - 1) / out[i];
            }
            for (size_t a = lo[0]; a < hi[0]; a++)
                for (size_t b = lo[1]; b < hi[1]; b++)
                    for (size_t c = lo[2]; c < hi[2]; c++)
                        sum += (double)src[((p * in[0] + a) * in[1] + b) * in[2] + c];
            dst[p * out_plane + e] =
                (REAL)(sum / (double)((hi[0] - lo[0]) * (hi[1] - lo[1]) * (hi[2] - lo[2])));
        }
}
