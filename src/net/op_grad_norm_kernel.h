/* Reference kernels of gradients of normalisations and softmax, once per REAL (see each_real.h).
 * room: net (internal) */

static void NAME(norm_factor)(const dnb_op_call *c, double epsilon)
{
    const REAL *scale = c->in[0]->data, *var = c->in[1]->data;
    REAL *dst = c->out[0].data;
    for (size_t i = 0, n = dnb_array_count(c->in[0]); i < n; i++)
        dst[i] = (REAL)((double)scale[i] / sqrt((double)var[i] + epsilon));
}

/* Mean and 1 / standard deviation of n numbers. */
static void NAME(moments)(const REAL *x, size_t n, double epsilon, double *mean, double *inverse)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    sum /= (double)n;
    for (size_t i = 0; i < n; i++)
        squares += ((double)x[i] - sum) * ((double)x[i] - sum);
    *mean = sum;
    *inverse = 1 / sqrt(squares / (double)n + epsilon);
}

/* dst[c] = sum of dy times normalised x; each plane's own moments where none are given. */
static void NAME(norm_scale_grad)(const dnb_op_call *c, double epsilon)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data, *dy = c->in[1]->data;
    bool given = c->node->n_inputs > 3;
    const REAL *means = given ? c->in[2]->data : NULL, *vars = given ? c->in[3]->data : NULL;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t ch = 0; ch < channels; ch++) {
        double total = 0;
        for (size_t n = 0; n < x->shape[0]; n++) {
            const REAL *s = src + (n * channels + ch) * plane,
                       *g = dy + (n * channels + ch) * plane;
            double mean, inverse, sum = 0;
            if (given) {
                mean = (double)means[ch];
                inverse = 1 / sqrt((double)vars[ch] + epsilon);
            } else {
                NAME(moments)(s, plane, epsilon, &mean, &inverse);
            }
            for (size_t i = 0; i < plane; i++)
                sum += (double)g[i] * ((double)s[i] - mean);
            total += sum * inverse;
        }
        dst[ch] = (REAL)total;
    }
}

/* dx = scale / sd (dy - mean(dy) - x^ mean(dy x^)) with x^ the normalised plane. */
static void NAME(instance_norm_grad)(const dnb_op_call *c, double epsilon)
{
    const dnb_array *x = c->in[0];
    const REAL *src = x->data, *dy = c->in[1]->data, *scale = c->in[2]->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = 1;
    for (int i = 2; i < x->ndim; i++)
        plane *= x->shape[i];
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < x->shape[0] * channels; p++) {
        const REAL *s = src + p * plane, *g = dy + p * plane;
        double mean, inverse, sum = 0, product = 0;
        NAME(moments)(s, plane, epsilon, &mean, &inverse);
        for (size_t i = 0; i < plane; i++) {
            sum += (double)g[i];
            product += (double)g[i] * ((double)s[i] - mean) * inverse;
        }
        double factor = (double)scale[p % channels] * inverse;
        for (size_t i = 0; i < plane; i++) {
            double normal = ((double)s[i] - mean) * inverse;
            dst[p * plane + i] = (REAL)(factor * ((double)g[i] - sum / (double)plane -
                                                  normal * product / (double)plane));
        }
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
                             const lrn_numbers *v, double *work)
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
static void NAME(lrn_grad)(const dnb_op_call *c, const lrn_numbers *v, double *work)
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
