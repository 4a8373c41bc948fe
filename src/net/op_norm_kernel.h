/* Reference kernels of normalisations and softmax, once per REAL (see each_real.h). room: net
 * (internal) */

static void NAME(instance_norm)(const dnb_op_call *c, double epsilon)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data, *scale = c->in[1]->data, *shift = c->in[2]->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < x->shape[0] * channels; p++) {
        const REAL *s = src + p * plane;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < plane; i++)
            sum += (double)s[i];
        double mean = sum / (double)plane;
        for (size_t i = 0; i < plane; i++)
            squares += ((double)s[i] - mean) * ((double)s[i] - mean);
        double factor = (double)scale[p % channels] / sqrt(squares / (double)plane + epsilon);
        for (size_t i = 0; i < plane; i++)
            dst[p * plane + i] =
                (REAL)(((double)s[i] - mean) * factor + (double)shift[p % channels]);
    }
}

/* Across channels: y = x / (k + alpha / size * sum of squares over the window)^beta. */
static void NAME(lrn)(const dnb_op_call *c, int64_t size, double alpha, double beta, double k)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data;
    REAL *dst = c->out[0].data;
    int64_t channels = (int64_t)x->shape[1], before = (size - 1) / 2, after = size - 1 - before;
    size_t plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t n = 0; n < x->shape[0]; n++)
        for (int64_t ch = 0; ch < channels; ch++) {
            const REAL *image = src + n * x->shape[1] * plane;
            int64_t lo = ch - before < 0 ? 0 : ch - before;
            int64_t hi = ch >= channels - 1 - after ? channels - 1 : ch + after;
            for (size_t i = 0; i < plane; i++) {
                double squares = 0;
                for (int64_t w = lo; w <= hi; w++) {
                    double v = (double)image[(size_t)w * plane + i];
                    squares += v * v;
                }
                size_t at = (size_t)ch * plane + i;
                dst[n * x->shape[1] * plane + at] =
                    (REAL)((double)image[at] * pow(k + alpha / (double)size * squares, -beta));
            }
        }
}

/* Over `size` elements that lie `step` apart. */
static void NAME(softmax)(const dnb_op_call *c, size_t outer, size_t size, size_t step, bool is_log)
{
    const REAL *src = c->in[0]->data;
    REAL *dst = c->out[0].data;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < step; i++) {
            const REAL *s = src + o * size * step + i;
            REAL *d = dst + o * size * step + i;
            double top = -INFINITY, sum = 0;
            for (size_t k = 0; k < size; k++)
                top = (double)s[k * step] > top ? (double)s[k * step] : top;
            for (size_t k = 0; k < size; k++)
                sum += exp((double)s[k * step] - top);
            for (size_t k = 0; k < size; k++) {
                double v = (double)s[k * step] - top;
                d[k * step] = (REAL)(is_log ? v - log(sum) : exp(v) / sum);
            }
        }
}
