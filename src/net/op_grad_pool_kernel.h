/* Reference kernels of gradients of pooling, once per REAL (see each_real.h). room: net (internal)
 */

/* One window: the gradient g goes to its (first) maximum, or in equal shares to all (src NULL).
 * divisor 0: the number of elements inside. */
static void NAME(unpool_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                                 REAL *dst, const size_t at[3], double g, size_t divisor)
{
    const dnb_cover v = dnb_window_cover(w, in, at);
    size_t best = SIZE_MAX;
    if (divisor == 0)
        divisor = v.count;
    for (size_t a = v.first[0]; a < v.end[0]; a += w->dilation[0])
        for (size_t b = v.first[1]; b < v.end[1]; b += w->dilation[1])
            for (size_t c = v.first[2]; c < v.end[2]; c += w->dilation[2]) {
                size_t p = (a * in[1] + b) * in[2] + c;
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
            size_t at[3], divisor = share == UNPOOL_INSIDE ? 0 : 1;
            dnb_place_3d(w->out, e, at);
            if (share == UNPOOL_ALL)
                divisor = dnb_window_padded(w, in, at);
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
            size_t at[3], lo[3], hi[3], count = 1;
            dnb_place_3d(n, e, at);
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
