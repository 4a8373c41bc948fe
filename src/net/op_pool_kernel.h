/* Reference kernels of pooling, once per REAL (see each_real.h). room: net (internal) */

/* Window [lo, hi) of kernel indices that fall inside 0..in, for output position `at`. */
static void NAME(clip_window)(const dnb_window *w, int i, size_t at, size_t in, int64_t *start,
                              int64_t *lo, int64_t *hi)
{
    int64_t d = (int64_t)w->dilation[i];
    *start = (int64_t)(at * w->stride[i]) - (int64_t)w->pad_lo[i];
    *lo = *start < 0 ? (-*start + d - 1) / d : 0;
    *hi = (int64_t)in - *start <= 0 ? 0 : ((int64_t)in - *start + d - 1) / d;
    if (*hi > (int64_t)w->kernel[i])
        *hi = (int64_t)w->kernel[i];
    if (*lo > *hi)
        *lo = *hi;
}

static REAL NAME(pool_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                               const size_t at[3], bool is_max, size_t divisor)
{
    int64_t start[3], lo[3], hi[3];
    double sum = 0;
    REAL top = (REAL)-INFINITY;
    for (int i = 0; i < 3; i++)
        NAME(clip_window)(w, i, at[i], in[i], &start[i], &lo[i], &hi[i]);
    for (int64_t a = lo[0]; a < hi[0]; a++)
        for (int64_t b = lo[1]; b < hi[1]; b++)
            for (int64_t c = lo[2]; c < hi[2]; c++) {
                size_t d = (size_t)(start[0] + a * (int64_t)w->dilation[0]);
                size_t h = (size_t)(start[1] + b * (int64_t)w->dilation[1]);
                size_t x = (size_t)(start[2] + c * (int64_t)w->dilation[2]);
                REAL v = src[(d * in[1] + h) * in[2] + x];
                sum += (double)v;
                if (v > top || v != v)
                    top = v;
            }
    if (is_max)
        return top;
    if (divisor == 0) /* only what lies inside counts */
        divisor = (size_t)((hi[0] - lo[0]) * (hi[1] - lo[1]) * (hi[2] - lo[2]));
    return (REAL)(sum / (double)divisor);
}

/* include_pad: padding counts as zeros (but not what ceil_mode hangs over beyond it). */
static void NAME(pool)(const dnb_op_call *call, const dnb_window *w, bool is_max, bool include_pad)
{
    const dnb_array *x = call->in[0];
    const REAL *src = x->data;
    REAL *dst = call->out[0].data;
    size_t in[3], planes = x->shape[0] * x->shape[1];
    dnb_spatial_3d(x, in);
    size_t out_plane = w->out[0] * w->out[1] * w->out[2];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++)
        for (size_t e = 0; e < out_plane; e++) {
            size_t at[3] = {e / (w->out[1] * w->out[2]), e / w->out[2] % w->out[1], e % w->out[2]};
            size_t divisor = 0;
            if (include_pad) {
                divisor = 1;
                for (int i = 0; i < 3; i++) {
                    int64_t start, lo, hi;
                    NAME(clip_window)
                    (w, i, at[i], in[i] + w->pad_hi[i], &start, &lo, &hi);
                    divisor *= (size_t)hi; /* left padding counts too */
                }
            }
            dst[p * out_plane + e] =
                NAME(pool_element)(w, in, src + p * in[0] * in[1] * in[2], at, is_max, divisor);
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
            size_t at[3] = {e / (out[1] * out[2]), e / out[2] % out[1], e % out[2]};
            size_t lo[3], hi[3];
            double sum = 0;
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
