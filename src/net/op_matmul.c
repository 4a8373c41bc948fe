/* Gemm and MatMul. With constant weights they lower to an inner product with packed weights. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_integer.h"
#include "net/op_util.h"

typedef struct gemm_numbers {
    double alpha, beta;
    bool trans_a, trans_b;
} gemm_numbers;

typedef struct matmul_sizes {
    size_t batch, m, k, n;
    int batch_ndim;
    size_t batch_dim[DNB_MAX_DIMS];
    size_t step_a[DNB_MAX_DIMS], step_b[DNB_MAX_DIMS]; /* in matrices; 0 where broadcast */
} matmul_sizes;

/* Which matrices of a and b the i-th product takes. */
static void matmul_operands(const matmul_sizes *z, size_t i, size_t *ia, size_t *ib)
{
    *ia = *ib = 0;
    for (int d = z->batch_ndim - 1; d >= 0; d--) {
        size_t at = i % z->batch_dim[d];
        i /= z->batch_dim[d];
        *ia += at * z->step_a[d];
        *ib += at * z->step_b[d];
    }
}

#define DNB_KERNELS "net/op_matmul_kernel.h"
#include "net/each_real.h"

/* A matrix of integers: element (r, c) lies at r * row + c * col. */
typedef struct int_matrix {
    const uint64_t *data;
    size_t row, col;
} int_matrix;

/* dst[m x n] = a[m x k] * b[k x n]; wraps around. */
static void int_product(uint64_t *dst, size_t m, size_t n, size_t k, int_matrix a, int_matrix b)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++)
            dst[i * n + j] = 0;
        for (size_t p = 0; p < k; p++) {
            uint64_t v = a.data[i * a.row + p * a.col];
            for (size_t j = 0; j < n; j++)
                dst[i * n + j] += v * b.data[p * b.row + j * b.col];
        }
    }
}

/* ---- Gemm ---------------------------------------------------------------------------------------
 */

static dnb_status gemm_read(const dnb_node *n, gemm_numbers *out, dnb_err *err)
{
    int64_t ta = 0, tb = 0;
    gemm_numbers g = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(n, "alpha", 1, &g.alpha, err));
    DNB_TRY(dnb_node_float(n, "beta", 1, &g.beta, err));
    DNB_TRY(dnb_node_int(n, "transA", 0, &ta, err));
    DNB_TRY(dnb_node_int(n, "transB", 0, &tb, err));
    g.trans_a = ta != 0;
    g.trans_b = tb != 0;
    *out = g;
done:
    return status;
}

static dnb_status gemm_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *a = s->in[0], *b = s->in[1], *c = s->node->n_inputs > 2 ? s->in[2] : NULL;
    gemm_numbers g;
    char ta[128], tb[128];
    dnb_shape both;
    dnb_status status = DNB_OK;
    DNB_TRY(gemm_read(s->node, &g, err));
    if (a->dtype != b->dtype || a->ndim != 2 || b->ndim != 2 ||
        a->dim[g.trans_a ? 0 : 1] != b->dim[g.trans_b ? 1 : 0])
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (Gemm): matrices %s%s and %s%s cannot be multiplied",
                        s->node->name, dnb_shape_text(a, ta, sizeof ta), g.trans_a ? "'" : "",
                        dnb_shape_text(b, tb, sizeof tb), g.trans_b ? "'" : "");
    s->out[0].ndim = 2;
    s->out[0].dim[0] = a->dim[g.trans_a ? 1 : 0];
    s->out[0].dim[1] = b->dim[g.trans_b ? 0 : 1];
    if (c) {
        DNB_TRY(dnb_op_broadcast(s->node, &s->out[0], c, &both, err));
        if (c->dtype != a->dtype || !dnb_shape_equal(&both, &s->out[0]))
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Gemm): input 2 of shape %s does not fit",
                            s->node->name, dnb_shape_text(c, ta, sizeof ta));
    }
done:
    return status;
}

/* Integers wrap around; with factors the result is rounded towards zero. */
static void gemm_integers(const dnb_op_call *call, const gemm_numbers *g)
{
    const dnb_array *a = call->in[0], *b = call->in[1], *out = &call->out[0];
    const dnb_array *c = call->node->n_inputs > 2 ? call->in[2] : NULL;
    const uint64_t *add = c ? c->data : NULL;
    uint64_t *dst = out->data;
    size_t m = out->shape[0], n = out->shape[1], step[DNB_MAX_DIMS] = {0};
    int_matrix ma = {a->data, g->trans_a ? 1 : a->shape[1], g->trans_a ? a->shape[1] : 1};
    int_matrix mb = {b->data, g->trans_b ? 1 : b->shape[1], g->trans_b ? b->shape[1] : 1};
    int_product(dst, m, n, g->trans_a ? a->shape[0] : a->shape[1], ma, mb);
    if (c)
        dnb_broadcast_steps(c, out, step);
    for (size_t i = 0; i < m * n; i++) {
        uint64_t more = add ? add[i / n * step[0] + i % n * step[1]] : 0;
        if (g->alpha == 1 && (!add || g->beta == 1)) {
            dst[i] += more;
            continue;
        }
        double v = g->alpha * (double)(int64_t)dst[i] + g->beta * (double)(int64_t)more;
        dst[i] = (uint64_t)(int64_t)fmin(fmax(v, -0x1p62), 0x1p62);
    }
}

static dnb_status gemm_run(const dnb_op_call *c, dnb_err *err)
{
    gemm_numbers g;
    dnb_status status = gemm_read(c->node, &g, err);
    if (status != DNB_OK)
        return status;
    if (c->out[0].dtype == DNB_I64)
        gemm_integers(c, &g);
    else
        DNB_BY_TYPE(c, gemm, c, &g);
    return DNB_OK;
}

static dnb_status gemm_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    gemm_numbers g;
    dnb_status status = gemm_read(s->node, &g, err);
    const dnb_shape *c = s->node->n_inputs > 2 ? s->in[2] : NULL;
    if (status != DNB_OK)
        return status;
    /* The bias must be one number per output: shape o or 1 x o. */
    bool bias_ok = !c || ((c->ndim == 1 || (c->ndim == 2 && c->dim[0] == 1)) &&
                          c->dim[c->ndim - 1] == s->out[0].dim[1]);
    if (g.trans_a || !bias_ok || s->in[0]->dtype != DNB_F32)
        return DNB_OK;
    p->kind = DNB_PRIM_INNER;
    p->alpha = (float)g.alpha;
    p->beta = (float)g.beta;
    p->weights_kn = !g.trans_b;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_gemm = {.name = "Gemm",
                            .min_in = 2,
                            .max_in = 3,
                            .max_out = 1,
                            .shape = gemm_shape,
                            .run = gemm_run,
                            .lower = gemm_lower,
                            .gradient = dnb_grad_gemm};

/* ---- MatMul -------------------------------------------------------------------------------------
 */

/* numpy's rule: a one-dimensional operand is a row (left) or column (right), and that dimension is
 * dropped from the result; leading dimensions broadcast. */
static dnb_status matmul_read(const dnb_node *node, const dnb_shape *a, const dnb_shape *b,
                              matmul_sizes *out, dnb_shape *result, dnb_err *err)
{
    matmul_sizes z = {.batch = 1};
    char ta[128], tb[128];
    dnb_shape la = *a, lb = *b, lead;
    dnb_status status = DNB_OK;
    if (a->ndim < 1 || b->ndim < 1)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): an operand is a scalar", node->name,
                        node->op->name);
    z.m = a->ndim > 1 ? a->dim[a->ndim - 2] : 1;
    z.k = a->dim[a->ndim - 1];
    z.n = b->ndim > 1 ? b->dim[b->ndim - 1] : 1;
    if ((b->ndim > 1 ? b->dim[b->ndim - 2] : b->dim[0]) != z.k)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): shapes %s and %s do not fit", node->name,
                        node->op->name, dnb_shape_text(a, ta, sizeof ta),
                        dnb_shape_text(b, tb, sizeof tb));
    la.ndim = a->ndim > 2 ? a->ndim - 2 : 0;
    lb.ndim = b->ndim > 2 ? b->ndim - 2 : 0;
    DNB_TRY(dnb_op_broadcast(node, &la, &lb, &lead, err));
    dnb_array xa, xb, xo;
    dnb_array_borrow(&xa, DNB_F32, la.ndim, la.dim, NULL);
    dnb_array_borrow(&xb, DNB_F32, lb.ndim, lb.dim, NULL);
    dnb_array_borrow(&xo, DNB_F32, lead.ndim, lead.dim, NULL);
    dnb_broadcast_steps(&xa, &xo, z.step_a);
    dnb_broadcast_steps(&xb, &xo, z.step_b);
    z.batch_ndim = lead.ndim;
    for (int i = 0; i < lead.ndim; i++) {
        z.batch_dim[i] = lead.dim[i];
        z.batch *= lead.dim[i];
    }
    if (a->ndim > 1)
        lead.dim[lead.ndim++] = z.m;
    if (b->ndim > 1)
        lead.dim[lead.ndim++] = z.n;
    *out = z;
    *result = lead;
done:
    return status;
}

static dnb_status matmul_shape(const dnb_op_shapes *s, dnb_err *err)
{
    matmul_sizes z;
    if (s->in[0]->dtype != s->in[1]->dtype)
        return dnb_fail(err, DNB_EARG, "node '%s' (MatMul): its operands are %s and %s",
                        s->node->name, dnb_dtype_name(dnb_elem(s->in[0])),
                        dnb_dtype_name(dnb_elem(s->in[1])));
    return matmul_read(s->node, s->in[0], s->in[1], &z, &s->out[0], err);
}

static void matmul_integers(const dnb_op_call *c, const matmul_sizes *z)
{
    const uint64_t *a = c->in[0]->data, *b = c->in[1]->data;
    uint64_t *dst = c->out[0].data;
    for (size_t i = 0; i < z->batch; i++) {
        size_t ia, ib;
        matmul_operands(z, i, &ia, &ib);
        int_product(dst + i * z->m * z->n, z->m, z->n, z->k,
                    (int_matrix){a + ia * z->m * z->k, z->k, 1},
                    (int_matrix){b + ib * z->k * z->n, z->n, 1});
    }
}

static dnb_status matmul_run(const dnb_op_call *c, dnb_err *err)
{
    matmul_sizes z;
    dnb_shape a = dnb_shape_of(c->in[0]), b = dnb_shape_of(c->in[1]), out;
    dnb_status status = matmul_read(c->node, &a, &b, &z, &out, err);
    if (status != DNB_OK)
        return status;
    if (c->out[0].dtype == DNB_I64)
        matmul_integers(c, &z);
    else
        DNB_BY_TYPE(c, matmul, c, &z);
    return DNB_OK;
}

dnb_status dnb_matmul_infer(const dnb_node *n, const dnb_shape *a, const dnb_shape *b,
                            dnb_shape *out, dnb_err *err)
{
    matmul_sizes z;
    return matmul_read(n, a, b, &z, out, err);
}

dnb_status dnb_matmul_double(const dnb_node *n, const dnb_array *const in[2], dnb_array *out,
                             dnb_err *err)
{
    return matmul_run(&(dnb_op_call){.node = n, .in = in, .out = out}, err);
}

static dnb_status matmul_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    if (s->in[0]->ndim != 2 || s->in[1]->ndim != 2 || s->in[0]->dtype != DNB_F32)
        return DNB_OK;
    p->kind = DNB_PRIM_INNER;
    p->alpha = p->beta = 1;
    p->weights_kn = true;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_matmul = {.name = "MatMul",
                              .min_in = 2,
                              .max_in = 2,
                              .max_out = 1,
                              .shape = matmul_shape,
                              .run = matmul_run,
                              .lower = matmul_lower,
                              .gradient = dnb_grad_matmul};
