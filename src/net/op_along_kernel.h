/* Reference kernels of operators along one axis, once per kind of number (see each_number.h).
 * room: net (internal) */

/* Is a better than b? NaN is better than every number, as numpy and PyTorch have it. */
static bool NAME(better)(REAL a, REAL b, bool largest)
{
    if (IS_NAN(a) || IS_NAN(b))
        return IS_NAN(a) && !IS_NAN(b);
    return largest ? a > b : a < b;
}

static void NAME(arg)(const dnb_op_call *c, const dnb_lines *l, bool largest, bool last)
{
    const REAL *src = c->in[0]->data;
    int64_t *dst = c->out[0].data;
#pragma omp parallel for schedule(static) if (l->outer * l->n * l->inner > PARALLEL_WORTH)
    for (size_t o = 0; o < l->outer; o++)
        for (size_t i = 0; i < l->inner; i++) {
            const REAL *x = src + o * l->n * l->inner + i;
            size_t best = 0;
            for (size_t k = 1; k < l->n; k++)
                if (last ? !NAME(better)(x[best * l->inner], x[k * l->inner], largest)
                         : NAME(better)(x[k * l->inner], x[best * l->inner], largest))
                    best = k;
            dst[o * l->inner + i] = (int64_t)best;
        }
}

static void NAME(cumsum)(const dnb_op_call *c, const dnb_lines *l, bool exclusive, bool reverse)
{
    const REAL *src = c->in[0]->data;
    REAL *dst = c->out[0].data;
#pragma omp parallel for schedule(static) if (l->outer * l->n * l->inner > PARALLEL_WORTH)
    for (size_t o = 0; o < l->outer; o++)
        for (size_t i = 0; i < l->inner; i++) {
            ACC sum = 0;
            for (size_t k = 0; k < l->n; k++) {
                size_t at = (o * l->n + (reverse ? l->n - 1 - k : k)) * l->inner + i;
                ACC before = sum;
                sum = ADD(sum, src[at]);
                dst[at] = (REAL)(exclusive ? before : sum);
            }
        }
}

/* ---- TopK ---- */

/* Comes position a of line x after position b among the best? Equal values: the lower index wins.
 */
static bool NAME(worse)(const REAL *x, size_t step, size_t a, size_t b, bool largest)
{
    REAL va = x[a * step], vb = x[b * step];
    if (NAME(better)(vb, va, largest))
        return true;
    return !NAME(better)(va, vb, largest) && a > b;
}

/* Restores the heap (worst on top) of n positions below entry i. */
static void NAME(sift)(const REAL *x, size_t step, size_t *heap, size_t n, size_t i, bool largest)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            return;
        if (child + 1 < n && NAME(worse)(x, step, heap[child + 1], heap[child], largest))
            child++;
        if (!NAME(worse)(x, step, heap[child], heap[i], largest))
            return;
        size_t t = heap[i];
        heap[i] = heap[child];
        heap[child] = t;
        i = child;
    }
}

/* The best k positions of line x, best first. */
static void NAME(top_of_line)(const REAL *x, const dnb_lines *l, size_t k, size_t *heap,
                              bool largest)
{
    for (size_t i = 0; i < k; i++)
        heap[i] = i;
    for (size_t i = k / 2; i-- > 0;)
        NAME(sift)(x, l->inner, heap, k, i, largest);
    for (size_t i = k; k && i < l->n; i++)
        if (NAME(worse)(x, l->inner, heap[0], i, largest)) {
            heap[0] = i;
            NAME(sift)(x, l->inner, heap, k, 0, largest);
        }
    for (size_t n = k; n > 1; n--) { /* the worst goes to the end */
        size_t t = heap[0];
        heap[0] = heap[n - 1];
        heap[n - 1] = t;
        NAME(sift)(x, l->inner, heap, n - 1, 0, largest);
    }
}

static void NAME(top_k)(const dnb_op_call *c, const dnb_lines *l, size_t k, size_t *heap,
                        bool largest)
{
    const REAL *src = c->in[0]->data;
    REAL *values = c->out[0].data;
    int64_t *indices = c->node->n_outputs > 1 ? c->out[1].data : NULL;
    for (size_t o = 0; o < l->outer; o++)
        for (size_t i = 0; i < l->inner; i++) {
            const REAL *x = src + o * l->n * l->inner + i;
            NAME(top_of_line)(x, l, k, heap, largest);
            for (size_t j = 0; j < k; j++) {
                size_t at = (o * k + j) * l->inner + i;
                values[at] = x[heap[j] * l->inner];
                if (indices)
                    indices[at] = (int64_t)heap[j];
            }
        }
}
