/* Reference kernel of Fourier transforms, once per REAL (see each_real.h). room: net (internal) */

static void NAME(transform)(const fft_lines *l, const void *from, void *to, double *work,
                            size_t work_size)
{
    const REAL *src = from;
    REAL *dst = to;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < l->n_lines; i++) {
        double *x = work + (size_t)omp_get_thread_num() * work_size;
        const REAL *in = src + i / l->group * l->in_group + i % l->group * l->in_item;
        REAL *out = dst + i / l->group * l->out_group + i % l->group * l->out_item;
        for (size_t t = 0; t < l->length; t++) {
            double scale = l->window ? l->window[t] : 1;
            x[2 * t] = t < l->take ? scale * (double)in[t * l->in_step] : 0;
            x[2 * t + 1] =
                t < l->take && l->is_complex ? scale * (double)in[t * l->in_step + 1] : 0;
        }
        dnb_fft_run(l->fft, x, l->inverse, x + 2 * l->length);
        for (size_t k = 0; k < l->bins; k++) {
            out[k * l->out_step] = (REAL)x[2 * k];
            out[k * l->out_step + 1] = (REAL)x[2 * k + 1];
        }
    }
}
