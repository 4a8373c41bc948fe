/* Sum, Mean, Max, Min of any number of broadcasting operands. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/grad_util.h"
#include "net/op_families.h"

/* Sums kept in double at a time. */
#define BLOCK 1024

#define DNB_KERNELS "net/op_nary_kernel.h"
#include "net/each_real.h"

DNB_BINARY_ROW(max_row_i64, int64_t, int64_t, int64_t, a > b ? a : b)
DNB_BINARY_ROW(min_row_i64, int64_t, int64_t, int64_t, a < b ? a : b)
DNB_BINARY_ROW(max_row_u64, uint64_t, uint64_t, uint64_t, a > b ? a : b)
DNB_BINARY_ROW(min_row_u64, uint64_t, uint64_t, uint64_t, a < b ? a : b)
DNB_BINARY_ROW(sum_row_i64, uint64_t, uint64_t, uint64_t, a + b)

static dnb_status nary_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape out = *s->in[0];
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->node->n_inputs; i++) {
        if (!s->in[i])
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is missing", s->node->name,
                            s->node->op->name, i);
        DNB_TRY(dnb_check_class(s, i, s->in[0]->dtype, err));
        DNB_TRY(dnb_op_broadcast(s->node, &out, s->in[i], &out, err));
    }
    s->out[0] = out;
done:
    return status;
}

/* out = row(in[0], in[1]), then row(out, in[k]) for the others; a lone operand is copied. */
static dnb_status fold_operands(const dnb_op_call *c, const dnb_rows *rows)
{
    const dnb_array *out = &c->out[0];
    dnb_row_fn fn = dnb_rows_pick(rows, out, c->in_shape[0]);
    if (c->node->n_inputs == 1)
        return dnb_kernel_copy(c, NULL);
    for (size_t k = 1; k < c->node->n_inputs; k++) {
        const dnb_array *in[2] = {k == 1 ? c->in[0] : out, c->in[k]};
        dnb_broadcast_rows(out, in, 2, fn, NULL);
    }
    return DNB_OK;
}

static dnb_status max_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {max_row_f32, max_row_f64, max_row_i64, max_row_u64};
    (void)err;
    return fold_operands(c, &rows);
}

static dnb_status min_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows rows = {min_row_f32, min_row_f64, min_row_i64, min_row_u64};
    (void)err;
    return fold_operands(c, &rows);
}

/* Integer sums wrap around. */
static dnb_status sum_integers(const dnb_op_call *c)
{
    static const dnb_rows rows = {NULL, NULL, sum_row_i64, NULL};
    return fold_operands(c, &rows);
}

static dnb_status sum_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    if (c->out[0].dtype == DNB_I64)
        return sum_integers(c);
    DNB_BY_TYPE(c, sum, c, 1);
    return DNB_OK;
}

static dnb_status mean_run(const dnb_op_call *c, dnb_err *err)
{
    int64_t *dst = c->out[0].data, count = (int64_t)c->node->n_inputs;
    (void)err;
    if (c->out[0].dtype != DNB_I64) {
        DNB_BY_TYPE(c, sum, c, 1 / (double)count);
        return DNB_OK;
    }
    dnb_status status = sum_integers(c);
    for (size_t i = 0, n = dnb_array_count(&c->out[0]); i < n; i++)
        dst[i] = dnb_is_u64(c->in_shape[0]) ? (int64_t)((uint64_t)dst[i] / (uint64_t)count)
                                            : dst[i] / count;
    return status;
}

static dnb_status sum_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    return s->node->n_inputs == 2 ? dnb_op_add.lower(s, p, err) : DNB_OK;
}

DNB_OP_RECORD_GRAD(sum, "Sum", 1, DNB_ANY_COUNT, nary_shape, sum_run, sum_lower, dnb_grad_add);
DNB_OP_RECORD_GRAD(mean, "Mean", 1, DNB_ANY_COUNT, nary_shape, mean_run, NULL, dnb_grad_mean);
DNB_OP_RECORD_GRAD(max, "Max", 1, DNB_ANY_COUNT, nary_shape, max_run, NULL, dnb_grad_extreme);
DNB_OP_RECORD_GRAD(min, "Min", 1, DNB_ANY_COUNT, nary_shape, min_run, NULL, dnb_grad_extreme);
