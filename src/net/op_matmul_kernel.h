/* Reference kernel of matrix products, once per REAL (see each_real.h). room: net (internal) */

#define MATMUL_CHUNK 256

/* Element (r, c) of a matrix lies at r * row + c * col. */
typedef struct NAME(matrix) {
    const REAL *data;
    size_t row, col;
} NAME(matrix);

/* dst[m x n] = alpha * a[m x k] * b[k x n] + c, c as given by its steps (NULL = none). */
static void NAME(product)(REAL *dst, size_t m, size_t n, size_t k, NAME(matrix) a, NAME(matrix) b,
                          double alpha, NAME(matrix) c, double beta)
{
    size_t chunks = (n + MATMUL_CHUNK - 1) / MATMUL_CHUNK;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t i = 0; i < m; i++)
        for (size_t chunk = 0; chunk < chunks; chunk++) {
            double acc[MATMUL_CHUNK] = {0};
            size_t j0 = chunk * MATMUL_CHUNK;
            size_t width = n - j0 < MATMUL_CHUNK ? n - j0 : MATMUL_CHUNK;
            if (b.row == 1) { /* b transposed: dot products of contiguous rows */
                for (size_t j = 0; j < width; j++)
                    for (size_t p = 0; p < k; p++)
                        acc[j] += (double)a.data[i * a.row + p * a.col] *
                                  (double)b.data[p + (j0 + j) * b.col];
            } else {
                for (size_t p = 0; p < k; p++) {
                    double v = (double)a.data[i * a.row + p * a.col];
                    for (size_t j = 0; j < width; j++)
                        acc[j] += v * (double)b.data[p * b.row + (j0 + j) * b.col];
                }
            }
            for (size_t j = 0; j < width; j++)
                dst[i * n + j0 + j] =
                    (REAL)(alpha * acc[j] +
                           (c.data ? beta * (double)c.data[i * c.row + (j0 + j) * c.col] : 0));
        }
}

static void NAME(gemm)(const dnb_op_call *call, const gemm_numbers *g)
{
    const dnb_array *a = call->in[0], *b = call->in[1], *out = &call->out[0];
    const dnb_array *c = call->node->n_inputs > 2 ? call->in[2] : NULL;
    NAME(matrix) ma = {a->data, g->trans_a ? 1 : a->shape[1], g->trans_a ? a->shape[1] : 1};
    NAME(matrix) mb = {b->data, g->trans_b ? 1 : b->shape[1], g->trans_b ? b->shape[1] : 1};
    NAME(matrix) mc = {0};
    if (c) {
        size_t step[DNB_MAX_DIMS];
        dnb_broadcast_steps(c, out, step);
        mc = (NAME(matrix)){c->data, step[0], step[1]};
    }
    NAME(product)
    (out->data, out->shape[0], out->shape[1], g->trans_a ? a->shape[0] : a->shape[1], ma, mb,
     g->alpha, mc, g->beta);
}

/* Batched product of dimensions already checked; operands of one dimension act as a row or column.
 */
static void NAME(matmul)(const dnb_op_call *call, const matmul_sizes *z)
{
    const REAL *a = call->in[0]->data, *b = call->in[1]->data;
    REAL *dst = call->out[0].data;
    NAME(matrix) none = {0};
    for (size_t i = 0; i < z->batch; i++) {
        size_t ia, ib;
        matmul_operands(z, i, &ia, &ib);
        NAME(matrix) ma = {a + ia * z->m * z->k, z->k, 1};
        NAME(matrix) mb = {b + ib * z->k * z->n, z->n, 1};
        NAME(product)(dst + i * z->m * z->n, z->m, z->n, z->k, ma, mb, 1, none, 0);
    }
}

#undef MATMUL_CHUNK
