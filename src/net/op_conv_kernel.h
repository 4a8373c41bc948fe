/* Reference kernels of Conv and ConvTranspose, once per REAL (see each_real.h). room: net
 * (internal) */

#define CONV_CHUNK 256

/* One weight's share of a stretch of an output row: acc[x] += w * src[(x0 + x) * stride + shift].
 */
static void NAME(conv_accumulate)(double *acc, const REAL *src, double w, int64_t x0, int64_t n,
                                  int64_t stride, int64_t shift, int64_t width)
{
    int64_t lo = 0, hi = n;
    while (lo < hi && (x0 + lo) * stride + shift < 0)
        lo++;
    while (hi > lo && (x0 + hi - 1) * stride + shift >= width)
        hi--;
    for (int64_t x = lo; x < hi; x++)
        acc[x] += w * (double)src[(x0 + x) * stride + shift];
}

/* One output row (d, h) of one image and output channel; src and weights at its group's channels.
 */
static void NAME(conv_row)(const dnb_window *w, const size_t in[3], size_t channels,
                           const REAL *src, const REAL *weights, double bias, REAL *dst, int64_t d,
                           int64_t h)
{
    double acc[CONV_CHUNK];
    int64_t k[3] = {(int64_t)w->kernel[0], (int64_t)w->kernel[1], (int64_t)w->kernel[2]};
    for (int64_t x0 = 0; x0 < (int64_t)w->out[2]; x0 += CONV_CHUNK) {
        int64_t n = (int64_t)w->out[2] - x0 < CONV_CHUNK ? (int64_t)w->out[2] - x0 : CONV_CHUNK;
        for (int64_t x = 0; x < n; x++)
            acc[x] = bias;
        for (size_t c = 0; c < channels; c++)
            for (int64_t kd = 0; kd < k[0]; kd++)
                for (int64_t kh = 0; kh < k[1]; kh++) {
                    int64_t sd = d * (int64_t)w->stride[0] - (int64_t)w->pad_lo[0] +
                                 kd * (int64_t)w->dilation[0];
                    int64_t sh = h * (int64_t)w->stride[1] - (int64_t)w->pad_lo[1] +
                                 kh * (int64_t)w->dilation[1];
                    if (sd < 0 || sd >= (int64_t)in[0] || sh < 0 || sh >= (int64_t)in[1])
                        continue;
                    const REAL *row = src + ((c * in[0] + (size_t)sd) * in[1] + (size_t)sh) * in[2];
                    const REAL *wr =
                        weights + ((c * w->kernel[0] + (size_t)kd) * w->kernel[1] + (size_t)kh) *
                                      w->kernel[2];
                    for (int64_t kw = 0; kw < k[2]; kw++)
                        NAME(conv_accumulate)
                    (acc, row, (double)wr[kw], x0, n, (int64_t)w->stride[2],
                     kw * (int64_t)w->dilation[2] - (int64_t)w->pad_lo[2], (int64_t)in[2]);
                }
        for (int64_t x = 0; x < n; x++)
            dst[x0 + x] = (REAL)acc[x];
    }
}

static void NAME(conv)(const dnb_array *out, const dnb_array *x, const dnb_array *wt,
                       const dnb_array *b, const dnb_window *w, size_t groups)
{
    const REAL *src = x->data, *weights = wt->data;
    const REAL *bias = b ? b->data : NULL;
    REAL *dst = out->data;
    size_t in[3], n_out = wt->shape[0], per_group = x->shape[1] / groups;
    dnb_spatial_3d(x, in);
    size_t plane = in[0] * in[1] * in[2], rows = w->out[0] * w->out[1];
    size_t volume = w->kernel[0] * w->kernel[1] * w->kernel[2] * per_group;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t i = 0; i < x->shape[0]; i++)
        for (size_t o = 0; o < n_out; o++) {
            size_t first = o / (n_out / groups) * per_group;
            for (size_t r = 0; r < rows; r++)
                NAME(conv_row)
            (w, in, per_group, src + (i * x->shape[1] + first) * plane, weights + o * volume,
             bias ? (double)bias[o] : 0, dst + ((i * n_out + o) * rows + r) * w->out[2],
             (int64_t)(r / w->out[1]), (int64_t)(r % w->out[1]));
        }
}

/* One output element of a transposed convolution: the taps whose input position is whole. */
static double NAME(deconv_element)(const dnb_window *w, const size_t in[3], size_t channels,
                                   size_t channel_step, const REAL *src, const REAL *weights,
                                   const int64_t at[3])
{
    double acc = 0;
    size_t volume = w->kernel[0] * w->kernel[1] * w->kernel[2];
    for (size_t k = 0; k < volume; k++) {
        size_t kk[3] = {k / (w->kernel[1] * w->kernel[2]), k / w->kernel[2] % w->kernel[1],
                        k % w->kernel[2]};
        size_t pos = 0;
        bool inside = true;
        for (int i = 0; i < 3 && inside; i++) {
            int64_t p = at[i] + (int64_t)w->pad_lo[i] - (int64_t)(kk[i] * w->dilation[i]);
            int64_t s = (int64_t)w->stride[i];
            inside = p >= 0 && p % s == 0 && p / s < (int64_t)in[i];
            pos = inside ? pos * in[i] + (size_t)(p / s) : 0;
        }
        if (!inside)
            continue;
        for (size_t c = 0; c < channels; c++)
            acc += (double)src[c * in[0] * in[1] * in[2] + pos] *
                   (double)weights[c * channel_step + k];
    }
    return acc;
}

/* weights: c x (o / groups) x kernel. */
static void NAME(deconv)(const dnb_array *out, const dnb_array *x, const dnb_array *wt,
                         const dnb_array *b, const dnb_window *w, size_t groups)
{
    const REAL *src = x->data, *weights = wt->data;
    const REAL *bias = b ? b->data : NULL;
    REAL *dst = out->data;
    size_t in[3], og = wt->shape[1], n_out = og * groups, per_group = x->shape[1] / groups;
    dnb_spatial_3d(x, in);
    size_t plane = in[0] * in[1] * in[2], out_plane = w->out[0] * w->out[1] * w->out[2];
    size_t volume = w->kernel[0] * w->kernel[1] * w->kernel[2];
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t i = 0; i < x->shape[0]; i++)
        for (size_t o = 0; o < n_out; o++) {
            size_t first = o / og * per_group;
            const REAL *from = src + (i * x->shape[1] + first) * plane;
            const REAL *wo = weights + (first * og + o % og) * volume;
            REAL *to = dst + (i * n_out + o) * out_plane;
            for (size_t e = 0; e < out_plane; e++) {
                int64_t at[3] = {(int64_t)(e / (w->out[1] * w->out[2])),
                                 (int64_t)(e / w->out[2] % w->out[1]), (int64_t)(e % w->out[2])};
                to[e] = (REAL)((bias ? (double)bias[o] : 0) +
                               NAME(deconv_element)(w, in, per_group, og * volume, from, wo, at));
            }
        }
}

#undef CONV_CHUNK
