/* Reference kernels of gradients of pooling, once per REAL (see each_real.h). room: net (internal)
 */

/* Kernel indices [lo, hi) that fall inside 0..in, for output position `at`. */
static void NAME(inside)(const dnb_window *w, int i, size_t at, size_t in, int64_t *start,
                         int64_t *lo, int64_t *hi)
{
    int64_t d = (int64_t)w->dilation[i];
    *start = (int64_t)(at * w->stride[i]) - (int64_t)w->pad_lo[i];
    *lo = *start < 0 ? (-*start + d - 1) / d : 0;
    *hi = (int64_t)in <= *start ? 0 : ((int64_t)in - *start + d - 1) / d;
    *hi = *hi > (int64_t)w->kernel[i] ? (int64_t)w->kernel[i] : *hi;
    *lo = *lo > *hi ? *hi : *lo;
}

/* One window: the gradient g goes to its (first) maximum, or in equal shares to all (src NULL).
 * divisor 0: the number of elements inside. */
static void NAME(unpool_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                                 REAL *dst, const size_t at[3], double g, size_t divisor)
{
    int64_t start[3], lo[3], hi[3];
    size_t best = SIZE_MAX;
    for (int i = 0; i < 3; i++)
        NAME(inside)(w, i, at[i], in[i], &start[i], &lo[i], &hi[i]);
    if (divisor == 0)
        divisor = (size_t)((hi[0] - lo[0]) * (hi[1] - lo[1]) * (hi[2] - lo[2]));
    for (int64_t a = lo[0]; a < hi[0]; a++)
        for (int64_t b = lo[1]; b < hi[1]; b++)
            for (int64_t c = lo[2]; c < hi[2]; c++) {
                size_t d = (size_t)(start[0] + a * (int64_t)w->dilation[0]);
                size_t h = (size_t)(start[1] + b * (int64_t)w->dilation[1]);
                size_t p =
                    (d * in[1] + h) * in[2] + (size_t)(start[2] + c * (int64_t)w->dilation[2]);
                if (!src)
                    dst[p] = (REAL)((double)dst[p] + g / (double)divisor);
                else if (best == SIZE_MAX || src[p] > src[best] || src[p] != src[p])
                    best = p;
            }
    if (best != SIZE_MAX)
        dst[best] = (REAL)((double)dst[best] + g);
}

/* x: the pooled values, for max pooling; NULL for averages and sums. */
static void NAME(unpool)(const dnb_array *out, const dnb_array *grad, const dnb_array *x,
                         const dnb_window *w, unpool_share share)
{
    const REAL *dy = grad->data;
    size_t in[3], planes = out->shape[0] * out->shape[1];
    size_t out_plane = w->out[0] * w->out[1] * w->out[2];
    dnb_spatial_3d(out, in);
    size_t plane = in[0] * in[1] * in[2];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        REAL *dst = (REAL *)out->data + p * plane;
        for (size_t i = 0; i < plane; i++)
            dst[i] = 0;
        for (size_t e = 0; e < out_plane; e++) {
            size_t at[3] = {e / (w->out[1] * w->out[2]), e / w->out[2] % w->out[1], e % w->out[2]};
            size_t divisor = share == UNPOOL_INSIDE ? 0 : 1;
            for (int i = 0; share == UNPOOL_ALL && i < 3; i++) {
                int64_t start, lo, hi;
                NAME(inside)(w, i, at[i], in[i] + w->pad_hi[i], &start, &lo, &hi);
                divisor *= (size_t)hi; /* left padding counts too */
            }
            NAME(unpool_element)
            (w, in, x ? (const REAL *)x->data + p * plane : NULL, dst, at,
             (double)dy[p * out_plane + e], divisor);
        }
    }
}

/* Output cell i of n covered input floor(i in / n) .. ceil((i + 1) in / n). */
static void NAME(adaptive_unpool)(const dnb_array *out, const dnb_array *grad)
{
    const REAL *dy = grad->data;
    size_t in[3], n[3], planes = out->shape[0] * out->shape[1];
    dnb_spatial_3d(out, in);
    dnb_spatial_3d(grad, n);
    size_t plane = in[0] * in[1] * in[2], cells = n[0] * n[1] * n[2];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < planes; p++) {
        REAL *dst = (REAL *)out->data + p * plane;
        for (size_t i = 0; i < plane; i++)
            dst[i] = 0;
        for (size_t e = 0; e < cells; e++) {
            size_t at[3] = {e / (n[1] * n[2]), e / n[2] % n[1], e % n[2]}, lo[3], hi[3], count = 1;
            for (int i = 0; i < 3; i++) {
                lo[i] = at[i] * in[i] / n[i];
                hi[i] = ((at[i] + 1) * in[i] + n[i] - 1) / n[i];
                count *= hi[i] - lo[i];
            }
            double g = (double)dy[p * cells + e] / (double)count;
            for (size_t a = lo[0]; a < hi[0]; a++)
                for (size_t b = lo[1]; b < hi[1]; b++)
                    for (size_t c = lo[2]; c < hi[2]; c++)
                        dst[(a * in[1] + b) * in[2] + c] += (REAL)g;
        }
    }
}
