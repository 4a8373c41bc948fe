/* Reference kernels of gradients of normalisations and softmax, once per REAL (see each_real.h).
 * room: net (internal) */

static void NAME(norm_factor)(const dnb_op_call *c, double epsilon)
{
    const REAL *scale = c->in[0]->data, *var = c->in[1]->data;
    REAL *dst = c->out[0].data;
    for (size_t i = 0, n = dnb_array_count(c->in[0]); i < n; i++)
        dst[i] = (REAL)((double)scale[i] / sqrt((double)var[i] + epsilon));
}

/* dst[c] = sum of dy times normalised x. */
static void NAME(norm_scale_grad)(const dnb_op_call *c, double epsilon)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data, *dy = c->in[1]->data, *mean = c->in[2]->data, *var = c->in[3]->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t ch = 0; ch < channels; ch++) {
        double total = 0;
        for (size_t n = 0; n < x->shape[0]; n++) {
            size_t at = (n * channels + ch) * plane;
            for (size_t i = at; i < at + plane; i++)
                total += (double)dy[i] * ((double)src[i] - (double)mean[ch]);
        }
        dst[ch] = (REAL)(total / sqrt((double)var[ch] + epsilon));
    }
}

/* s^-beta, by roots for the exponent networks use. */
static double NAME(power)(double s, double beta)
{
    return beta == 0.75 ? 1 / (sqrt(s) * sqrt(sqrt(s))) : pow(s, -beta);
}

/* y = x s^-beta with s = k + alpha / size * sum of squares over the window:
 * dx = dy s^-beta - 2 alpha beta / size * x * sum over the windows that hold x of dy x s^(-beta-1).
 * One column of channels at a time; work: 2 * channels numbers. */
static void NAME(lrn_column)(const REAL *x, const REAL *dy, REAL *dst, size_t channels, size_t step,
                             const dnb_lrn *v, double *work)
{
    int64_t n = (int64_t)channels, before = (v->size - 1) / 2, after = v->size - 1 - before;
    double *direct = work, *share = work + channels;
    for (int64_t c = 0; c < n; c++) {
        int64_t lo = c - before < 0 ? 0 : c - before, hi = c >= n - 1 - after ? n - 1 : c + after;
        double squares = 0, g = (double)dy[(size_t)c * step];
        for (int64_t w = lo; w <= hi; w++)
            squares += (double)x[(size_t)w * step] * (double)x[(size_t)w * step];
        double s = v->k + v->alpha / (double)v->size * squares, p = NAME(power)(s, v->beta);
        direct[c] = g * p;
        share[c] = g * (double)x[(size_t)c * step] * p / s;
    }
    for (int64_t c = 0; c < n; c++) { /* c lies in the windows of c - after .. c + before */
        int64_t lo = c - after < 0 ? 0 : c - after, hi = c >= n - 1 - before ? n - 1 : c + before;
        double sum = 0;
        for (int64_t w = lo; w <= hi; w++)
            sum += share[w];
        dst[(size_t)c * step] = (REAL)(direct[c] - 2 * v->alpha * v->beta / (double)v->size *
                                                       (double)x[(size_t)c * step] * sum);
    }
}

/* work: 2 * channels numbers for each image. */
static void NAME(lrn_grad)(const dnb_op_call *c, const dnb_lrn *v, double *work)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data, *dy = c->in[1]->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < x->shape[0]; n++)
        for (size_t i = 0; i < plane; i++) {
            size_t at = n * channels * plane + i;
            NAME(lrn_column)
            (src + at, dy + at, dst + at, channels, plane, v, work + 2 * n * channels);
        }
}

/* y = softmax: dx = y (dy - sum dy y); y = its logarithm: dx = dy - exp(y) sum dy. */
static void NAME(softmax_grad)(const dnb_op_call *c, size_t outer, size_t size, size_t step,
                               bool is_log)
{
    const REAL *dy = c->in[0]->data, *y = c->in[1]->data;
    REAL *dst = c->out[0].data;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < step; i++) {
            size_t at = o * size * step + i;
            double sum = 0;
            for (size_t k = 0; k < size; k++)
                sum += (double)dy[at + k * step] * (is_log ? 1 : (double)y[at + k * step]);
            for (size_t k = 0; k < size; k++) {
                double g = (double)dy[at + k * step], v = (double)y[at + k * step];
                dst[at + k * step] = (REAL)(is_log ? g - exp(v) * sum : v * (g - sum));
            }
        }
}
