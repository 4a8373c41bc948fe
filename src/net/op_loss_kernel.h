/* Reference kernels of the losses, once per REAL (see each_real.h). room: net (internal) */

/* y = log softmax of x over the classes. */
static void NAME(log_probabilities)(const loss_numbers *v, const dnb_array *x, const dnb_array *y)
{
#pragma omp parallel for schedule(static) if (v->n * v->plane > 1)
    for (size_t p = 0; p < v->n * v->plane; p++) {
        size_t at = p / v->plane * v->classes * v->plane + p % v->plane;
        const REAL *src = (const REAL *)x->data + at;
        REAL *dst = (REAL *)y->data + at;
        double top = -INFINITY, sum = 0;
        for (size_t k = 0; k < v->classes; k++)
            top = (double)src[k * v->plane] > top ? (double)src[k * v->plane] : top;
        for (size_t k = 0; k < v->classes; k++)
            sum += exp((double)src[k * v->plane] - top);
        double log_sum = top + log(sum);
        for (size_t k = 0; k < v->classes; k++)
            dst[k * v->plane] = (REAL)((double)src[k * v->plane] - log_sum);
    }
}

/* Labels have been checked. One pass in order: the sums do not depend on the thread count. */
static void NAME(loss)(const loss_numbers *v, const dnb_array *log_prob, const dnb_array *labels,
                       const dnb_array *weights, const dnb_array *out)
{
    const REAL *src = log_prob->data, *w = weights ? weights->data : NULL;
    const int64_t *label = labels->data;
    REAL *dst = out->data;
    loss_sums total = {0};
    for (size_t p = 0; p < v->n * v->plane; p++) {
        bool ignored = v->ignores && label[p] == v->ignored;
        double weight = 0, loss = 0;
        if (!ignored) {
            size_t k = (size_t)label[p];
            weight = w ? (double)w[k] : 1;
            loss = -weight * (double)src[(p / v->plane * v->classes + k) * v->plane + p % v->plane];
        }
        total.loss += loss;
        total.weight += weight;
        if (v->reduction == REDUCE_NONE)
            dst[p] = (REAL)loss;
    }
    if (v->reduction != REDUCE_NONE)
        dst[0] = (REAL)(v->reduction == REDUCE_MEAN ? total.loss / total.weight : total.loss);
}

/* dst = the gradient of the log probabilities. */
static void NAME(loss_back)(const loss_numbers *v, const dnb_array *grad, const dnb_array *labels,
                            const dnb_array *weights, const dnb_array *out)
{
    const REAL *dy = grad->data, *w = weights ? weights->data : NULL;
    const int64_t *label = labels->data;
    REAL *dst = out->data;
    double total = 0;
    for (size_t i = 0, n = dnb_array_count(out); i < n; i++)
        dst[i] = 0;
    for (int back = v->reduction == REDUCE_MEAN ? 0 : 1; back < 2; back++)
        for (size_t p = 0; p < v->n * v->plane; p++) {
            if (v->ignores && label[p] == v->ignored)
                continue;
            size_t k = (size_t)label[p];
            size_t at = (p / v->plane * v->classes + k) * v->plane + p % v->plane;
            double weight = w ? (double)w[k] : 1;
            if (!back)
                total += weight;
            else if (v->reduction == REDUCE_NONE)
                dst[at] = (REAL)(-weight * (double)dy[p]);
            else
                dst[at] = (REAL)(-weight * (double)dy[0] / (total != 0 ? total : 1));
        }
}
