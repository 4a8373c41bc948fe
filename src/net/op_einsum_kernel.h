/* Contraction of two tensors, once per kind of number (see each_number.h). room: net (internal) */

#define PARTS 8

/* Sum of a[i] * b[i], in parts so that the compiler can vectorise. */
static ACC NAME(dot)(const REAL *a, const REAL *b, size_t n)
{
    ACC part[PARTS] = {0}, sum = 0;
    size_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (size_t j = 0; j < PARTS; j++)
            part[j] = ADD(part[j], MUL((ACC)a[i + j], (ACC)b[i + j]));
    for (; i < n; i++)
        part[0] = ADD(part[0], MUL((ACC)a[i], (ACC)b[i]));
    for (size_t j = 0; j < PARTS; j++)
        sum = ADD(sum, part[j]);
    return sum;
}

/* acc[j] += a[j * ja] * b[j * jb]; b NULL = 1. */
static void NAME(add_products)(ACC *acc, const REAL *a, size_t ja, const REAL *b, size_t jb,
                               size_t n)
{
    if (!b)
        for (size_t j = 0; j < n; j++)
            acc[j] = ADD(acc[j], (ACC)a[j * ja]);
    else if (ja == 0 && jb == 1)
        for (size_t j = 0; j < n; j++)
            acc[j] = ADD(acc[j], MUL((ACC)*a, (ACC)b[j]));
    else if (ja == 1 && jb == 0)
        for (size_t j = 0; j < n; j++)
            acc[j] = ADD(acc[j], MUL((ACC)a[j], (ACC)*b));
    else
        for (size_t j = 0; j < n; j++)
            acc[j] = ADD(acc[j], MUL((ACC)a[j * ja], (ACC)b[j * jb]));
}

/* Up to CHUNK neighbours along the result's last index; a, b: where the first of them begins. */
static void NAME(contract_chunk)(const contraction *k, REAL *dst, size_t n, const REAL *a,
                                 const REAL *b)
{
    int last = k->n_sum - 1, out = k->n_out - 1;
    size_t row = k->n_sum ? k->sum[last] : 1, rows = row ? k->sum_count / row : 0;
    size_t sa = k->n_sum ? k->sum_a[last] : 0, sb = k->n_sum ? k->sum_b[last] : 0;
    size_t ja = k->n_out ? k->out_a[out] : 0, jb = k->n_out ? k->out_b[out] : 0;
    ACC acc[CHUNK] = {0};
    for (size_t r = 0; r < rows; r++) {
        const REAL *ar = a + offset(r, k->sum, k->sum_a, last);
        const REAL *br = b ? b + offset(r, k->sum, k->sum_b, last) : NULL;
        if (b && sa == 1 && sb == 1)
            for (size_t j = 0; j < n; j++)
                acc[j] = ADD(acc[j], NAME(dot)(ar + j * ja, br + j * jb, row));
        else
            for (size_t i = 0; i < row; i++)
                NAME(add_products)(acc, ar + i * sa, ja, br ? br + i * sb : NULL, jb, n);
    }
    for (size_t j = 0; j < n; j++)
        dst[j] = (REAL)acc[j];
}

static void NAME(contract)(const contraction *k, const void *va, const void *vb, void *vout)
{
    int out = k->n_out - 1;
    size_t width = k->n_out ? k->out[out] : 1, chunks = (width + CHUNK - 1) / CHUNK;
    size_t rows = width ? k->out_count / width : 0;
#pragma omp parallel for schedule(static) if (k->out_count * k->sum_count > PARALLEL_WORTH)
    for (size_t c = 0; c < rows * chunks; c++) {
        size_t r = c / chunks, j = c % chunks * CHUNK;
        size_t at_a = offset(r, k->out, k->out_a, out), at_b = offset(r, k->out, k->out_b, out);
        at_a += k->n_out ? j * k->out_a[out] : 0;
        at_b += k->n_out ? j * k->out_b[out] : 0;
        NAME(contract_chunk)
        (k, (REAL *)vout + r * width + j, width - j < CHUNK ? width - j : CHUNK,
         (const REAL *)va + at_a, vb ? (const REAL *)vb + at_b : NULL);
    }
}

#undef PARTS
