/* Contraction of two tensors, once per kind of number (see each_number.h). room: net (internal) */

static void NAME(contract)(const contraction *k, const void *va, const void *vb, void *vout)
{
    const REAL *pa = va, *pb = vb;
    REAL *dst = vout;
    int last = k->n_sum - 1;
    size_t row = k->n_sum ? k->sum[last] : 1, rows = row ? k->sum_count / row : 0;
    size_t sa = k->n_sum ? k->sum_a[last] : 0, sb = k->n_sum ? k->sum_b[last] : 0;
#pragma omp parallel for schedule(static) if (k->out_count * k->sum_count > PARALLEL_WORTH)
    for (size_t o = 0; o < k->out_count; o++) {
        size_t base_a = offset(o, k->out, k->out_a, k->n_out);
        size_t base_b = offset(o, k->out, k->out_b, k->n_out);
        ACC sum = 0;
        for (size_t r = 0; r < rows; r++) {
            const REAL *a = pa + base_a + offset(r, k->sum, k->sum_a, last);
            const REAL *b = pb ? pb + base_b + offset(r, k->sum, k->sum_b, last) : NULL;
            for (size_t i = 0; i < row; i++)
                sum = ADD(sum, b ? MUL((ACC)a[i * sa], (ACC)b[i * sb]) : (ACC)a[i * sa]);
        }
        dst[o] = (REAL)sum;
    }
}
