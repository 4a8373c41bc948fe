/* Reference kernel of MaxPool, once per REAL: float, double, int64_t. LOWEST is what a window
 * without elements gives, IS_NAN tells a NaN. room: net (internal) */

/* The maximum of one window of a plane and where it lies (d, h, x); a NaN wins. */
static REAL NAME(max_element)(const dnb_window *w, const size_t in[3], const REAL *src,
                              const size_t at[3], size_t where[3])
{
    int64_t start[3], lo[3], hi[3];
    REAL top = LOWEST;
    bool any = false;
    for (int i = 0; i < 3; i++) {
        dnb_window_clip(w, i, at[i], in[i], &start[i], &lo[i], &hi[i]);
        where[i] = 0;
    }
    for (int64_t a = lo[0]; a < hi[0]; a++)
        for (int64_t b = lo[1]; b < hi[1]; b++)
            for (int64_t c = lo[2]; c < hi[2]; c++) {
                size_t d = (size_t)(start[0] + a * (int64_t)w->dilation[0]);
                size_t h = (size_t)(start[1] + b * (int64_t)w->dilation[1]);
                size_t x = (size_t)(start[2] + c * (int64_t)w->dilation[2]);
                REAL v = src[(d * in[1] + h) * in[2] + x];
                if (any && !(v > top || IS_NAN(v)))
                    continue;
                any = true;
                top = v;
                where[0] = d;
                where[1] = h;
                where[2] = x;
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
        at[0] = e / (w->out[1] * w->out[2]);
        at[1] = e / w->out[2] % w->out[1];
        at[2] = e % w->out[2];
        dst[i] = NAME(max_element)(w, in, src + p * plane, at, k);
        if (index)
            index[i] = (int64_t)(p * plane + (by_column ? (k[2] * in[1] + k[1]) * in[0] + k[0]
                                                        : (k[0] * in[1] + k[1]) * in[2] + k[2]));
    }
}
