/* Reference kernels of spreading, summing and scattering, once per REAL (see each_real.h).
 * room: net (internal) */

/* out = x broadcast, times factor. */
static void NAME(spread)(const dnb_array *out, const dnb_array *x, double factor)
{
    const REAL *src = x->data;
    REAL *dst = out->data;
    size_t step[DNB_MAX_DIMS], n = dnb_array_count(out);
    size_t width = out->ndim ? out->shape[out->ndim - 1] : 1, rows = width ? n / width : 0;
    int last = out->ndim ? out->ndim - 1 : 0;
    dnb_broadcast_steps(x, out, step);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = dnb_stepped_place(out->shape, last, step, r);
        for (size_t i = 0; i < width; i++)
            dst[r * width + i] = (REAL)(factor * (double)src[at + i * step[last]]);
    }
}

/* Sum over the dimensions that broadcasting `out` to x would stretch. */
static void NAME(sum_to)(const dnb_array *out, const dnb_array *x, const sum_walk *w)
{
    const REAL *src = x->data;
    REAL *dst = out->data;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < w->n_kept; o++) {
        const REAL *s = src + dnb_stepped_place(w->kept, w->kept_ndim, w->kept_step, o);
        double sum = 0;
        for (size_t i = 0; i < w->n_gone; i += w->run) {
            const REAL *row = s + dnb_stepped_place(w->gone, w->gone_ndim, w->gone_step, i);
            for (size_t k = 0; k < w->run; k++)
                sum += (double)row[k * w->run_step];
        }
        dst[o] = (REAL)sum;
    }
}

/* dst[c] = sum of x over everything but dimension 1. */
static void NAME(channel_sum)(const dnb_array *out, const dnb_array *x)
{
    const REAL *src = x->data;
    REAL *dst = out->data;
    size_t channels = x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t n = 0; n < x->shape[0]; n++)
            for (size_t i = 0; i < plane; i++)
                sum += (double)src[(n * channels + c) * plane + i];
        dst[c] = (REAL)sum;
    }
}

/* dst[index - 1] += src, where index > 0. Returns false on an index outside dst. */
static bool NAME(scatter_add)(const dnb_array *out, const dnb_array *x, const int64_t *index)
{
    const REAL *src = x->data;
    REAL *dst = out->data;
    size_t n = dnb_array_count(x), size = dnb_array_count(out);
    for (size_t i = 0; i < size; i++)
        dst[i] = 0;
    for (size_t i = 0; i < n; i++) {
        if (index[i] < 0 || (uint64_t)index[i] > size)
            return false;
        if (index[i] > 0)
            dst[index[i] - 1] += src[i];
    }
    return true;
}
