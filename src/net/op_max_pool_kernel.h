/* Reference kernel of MaxPool, once per REAL: float, double, int64_t. LOWEST is what a window
 * without elements gives, IS_NAN tells a NaN. room: net (internal) */

/* The maximum of one window of a plane and where it lies (d, h, x); a NaN wins. */
static REAL NAME(max_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                              const size_t at[3], size_t where[3])
{
    const dnb_cover v = dnb_window_cover(w, in, at);
    REAL top = LOWEST;
    bool any = false;
    where[0] = where[1] = where[2] = 0;
    for (size_t a = v.first[0]; a < v.end[0]; a += w->dilation[0])
        for (size_t b = v.first[1]; b < v.end[1]; b += w->dilation[1])
            for (size_t c = v.first[2]; c < v.end[2]; c += w->dilation[2]) {
                REAL x = src[(a * in[1] + b) * in[2] + c];
                if (any && !(x > top || IS_NAN(x)))
                    continue;
                any = true;
                top = x;
                where[0] = a;
                where[1] = b;
                where[2] = c;
            }
    return top;
}

/* index (may be NULL): places in all of x, its planes counted row by row, or column by column. */
static void NAME(max_pool)(const dnb_op_call *call, const dnb_window *w, int64_t *index,
                           bool by_column)
{
    const dnb_array *x = call->in[0];
    const REAL *src = x->data;
    REAL *dst = call->out[0].data;
    size_t in[3], planes = x->shape[0] * x->shape[1];
    dnb_spatial_3d(x, in);
    size_t out_plane = w->out[0] * w->out[1] * w->out[2], plane = in[0] * in[1] * in[2];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < planes * out_plane; i++) {
        size_t p = i / out_plane, e = i % out_plane, at[3], k[3];
        dnb_place_3d(w->out, e, at);
        dst[i] = NAME(max_element)(w, in, src + p * plane, at, k);
        if (index)
            index[i] = (int64_t)(p * plane + (by_column ? (k[2] * in[1] + k[1]) * in[0] + k[0]
                                                        : (k[0] * in[1] + k[1]) * in[2] + k[2]));
    }
}
