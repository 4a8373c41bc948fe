/* Reference kernels of Sum, Mean, Max and Min on floats, once per REAL (see each_real.h). room: net
 * (internal) */

/* The larger, the smaller; NaN wins. */
DNB_BINARY_ROW(NAME(max_row), REAL, REAL, REAL, a > b || a != a ? a : b)
DNB_BINARY_ROW(NAME(min_row), REAL, REAL, REAL, a < b || a != a ? a : b)

/* Adds a run of an operand to the sums so far. */
static void NAME(accumulate)(void *dst_, const void *const *in, const size_t *step, size_t n,
                             const void *arg)
{
    double *dst = dst_;
    const REAL *src = in[0];
    (void)arg;
    for (size_t i = 0; i < n; i++)
        dst[i] += (double)src[i * step[0]];
}

/* The operands' sum, in double, times `scale`. */
static void NAME(sum)(const dnb_op_call *c, double scale)
{
    REAL *dst = c->out[0].data;
    size_t n = dnb_array_count(&c->out[0]), blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) if (blocks > 8)
    for (size_t b = 0; b < blocks; b++) {
        double sum[BLOCK] = {0};
        size_t from = b * BLOCK, to = n - from < BLOCK ? n : from + BLOCK;
        for (size_t k = 0; k < c->node->n_inputs; k++)
            dnb_broadcast_range(&c->out[0], &c->in[k], 1, from, to, sum, sizeof *sum,
                                NAME(accumulate), NULL);
        for (size_t i = from; i < to; i++)
            dst[i] = (REAL)(sum[i - from] * scale);
    }
}
