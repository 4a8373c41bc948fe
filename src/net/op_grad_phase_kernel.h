/* Reference kernels of phase weights and shuffling, once per REAL (see each_real.h). room: net
 * (internal) */

static void NAME(phase_weights)(const dnb_array *out, const dnb_array *w, const phases *p)
{
    const REAL *src = w->data;
    REAL *dst = out->data;
    size_t k[3], j[3], n_out = w->shape[0], channels = w->shape[1];
    dnb_spatial_3d(w, k);
    dnb_spatial_3d(out, j);
    size_t volume = j[0] * j[1] * j[2], kernel = k[0] * k[1] * k[2];
    for (size_t row = 0; row < channels * p->count; row++)
        for (size_t o = 0; o < n_out; o++)
            for (size_t e = 0; e < volume; e++) {
                size_t phase = row % p->count,
                       at[3] = {e / (j[1] * j[2]), e / j[2] % j[1], e % j[2]};
                size_t r[3] = {phase / (p->stride[1] * p->stride[2]),
                               phase / p->stride[2] % p->stride[1], phase % p->stride[2]};
                size_t from = 0;
                bool inside = true;
                for (int i = 0; i < 3; i++) {
                    size_t q = r[i] + p->stride[i] * (j[i] - 1 - at[i]);
                    inside = inside && q < k[i];
                    from = from * k[i] + q;
                }
                dst[(row * n_out + o) * volume + e] =
                    inside ? src[(o * channels + row / p->count) * kernel + from] : 0;
            }
}

static void NAME(phase_shuffle)(const dnb_array *out, const dnb_array *t, const phases *p)
{
    const REAL *src = t->data;
    REAL *dst = out->data;
    size_t in[3], size[3], planes = out->shape[0] * out->shape[1];
    dnb_spatial_3d(t, in);
    dnb_spatial_3d(out, size);
    size_t plane = in[0] * in[1] * in[2], lines = planes * size[0] * size[1];
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++) {
        size_t y = line % size[1] + p->offset[1], z = line / size[1] % size[0] + p->offset[0];
        size_t phase = (z % p->stride[0] * p->stride[1] + y % p->stride[1]) * p->stride[2];
        const REAL *from = src + (line / (size[0] * size[1]) * p->count + phase) * plane +
                           (z / p->stride[0] * in[1] + y / p->stride[1]) * in[2];
        for (size_t x = 0; x < size[2]; x++) {
            size_t q = x + p->offset[2];
            dst[line * size[2] + x] = from[q % p->stride[2] * plane + q / p->stride[2]];
        }
    }
}
