/* Reference kernel of the weight gradient of convolutions, once per REAL (see each_real.h).
 * room: net (internal) */

/* One weight: sum over images and outputs of dy times the input element under it. */
static double NAME(weight_grad)(const dnb_array *x, size_t channel, const dnb_array *dy, size_t o,
                                const dnb_window *w, const int64_t k[3])
{
    size_t in[3], plane, out_plane = w->out[0] * w->out[1] * w->out[2];
    double sum = 0;
    dnb_spatial_3d(x, in);
    plane = in[0] * in[1] * in[2];
    for (size_t n = 0; n < x->shape[0]; n++) {
        const REAL *src = (const REAL *)x->data + (n * x->shape[1] + channel) * plane;
        const REAL *g = (const REAL *)dy->data + (n * dy->shape[1] + o) * out_plane;
        for (size_t row = 0; row < w->out[0] * w->out[1]; row++) {
            const int64_t at[2] = {(int64_t)(row / w->out[1]), (int64_t)(row % w->out[1])};
            int64_t p[2], first = k[2] * (int64_t)w->dilation[2] - (int64_t)w->pad_lo[2];
            bool inside = true;
            for (int i = 0; i < 2; i++) {
                p[i] = at[i] * (int64_t)w->stride[i] - (int64_t)w->pad_lo[i] +
                       k[i] * (int64_t)w->dilation[i];
                inside = inside && p[i] >= 0 && p[i] < (int64_t)in[i];
            }
            if (!inside)
                continue;
            const REAL *line = src + ((size_t)p[0] * in[1] + (size_t)p[1]) * in[2];
            for (size_t c = 0; c < w->out[2]; c++) {
                int64_t q = first + (int64_t)(c * w->stride[2]);
                if (q >= 0 && q < (int64_t)in[2])
                    sum += (double)g[row * w->out[2] + c] * (double)line[q];
            }
        }
    }
    return sum;
}

/* out: o x c/g x kernel. */
static void NAME(weight_grads)(const dnb_array *out, const dnb_array *x, const dnb_array *dy,
                               const dnb_window *w, size_t groups)
{
    REAL *dst = out->data;
    size_t n_out = out->shape[0], channels = out->shape[1];
    size_t volume = w->kernel[0] * w->kernel[1] * w->kernel[2];
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t o = 0; o < n_out; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t v = 0; v < volume; v++) {
                const int64_t k[3] = {(int64_t)(v / (w->kernel[1] * w->kernel[2])),
                                      (int64_t)(v / w->kernel[2] % w->kernel[1]),
                                      (int64_t)(v % w->kernel[2])};
                dst[(o * channels + c) * volume + v] =
                    (REAL)NAME(weight_grad)(x, o / (n_out / groups) * channels + c, dy, o, w, k);
            }
}
