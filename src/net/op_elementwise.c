/* Add, Sub, Mul, Div (broadcasting; floats, and int64 for shape arithmetic) and Sum. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_elementwise_kernel.h"
#include "net/each_real.h"

static dnb_status binary_shape(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[0]->dtype != s->in[1]->dtype)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): inputs are %s and %s",
                        s->node->name, s->node->op->name, dnb_dtype_name(s->in[0]->dtype),
                        dnb_dtype_name(s->in[1]->dtype));
    if (dnb_node_attr(s->node, "axis"))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): broadcasting by 'axis' (before opset 7) is not supported",
                        s->node->name, s->node->op->name);
    return dnb_op_broadcast(s->node, s->in[0], s->in[1], &s->out[0], err);
}

/* Integers wrap around; division by zero is refused, not undefined. */
static dnb_status binary_integers(const dnb_op_call *c, dnb_prim_alg alg, dnb_err *err)
{
    const dnb_array *out = &c->out[0];
    const int64_t *a = c->in[0]->data, *b = c->in[1]->data;
    int64_t *dst = out->data;
    size_t sa[DNB_MAX_DIMS], sb[DNB_MAX_DIMS];
    dnb_broadcast_steps(c->in[0], out, sa);
    dnb_broadcast_steps(c->in[1], out, sb);
    for (size_t i = 0, n = dnb_array_count(out); i < n; i++) {
        size_t ia = 0, ib = 0, rest = i;
        for (int d = out->ndim - 1; d >= 0; d--) {
            ia += rest % out->shape[d] * sa[d];
            ib += rest % out->shape[d] * sb[d];
            rest /= out->shape[d];
        }
        uint64_t x = (uint64_t)a[ia], y = (uint64_t)b[ib];
        if (alg == DNB_ALG_DIV) {
            if (y == 0)
                return dnb_fail(err, DNB_EARG, "node '%s' (Div): integer division by zero",
                                c->node->name);
            dst[i] = b[ib] == -1 ? (int64_t)(0 - x) : a[ia] / b[ib];
            continue;
        }
        dst[i] = (int64_t)(alg == DNB_ALG_ADD ? x + y : alg == DNB_ALG_SUB ? x - y : x * y);
    }
    return DNB_OK;
}

static dnb_status binary_run(const dnb_op_call *c, dnb_prim_alg alg, dnb_err *err)
{
    if (c->out[0].dtype == DNB_I64)
        return binary_integers(c, alg, err);
    DNB_BY_TYPE(c, binary, &c->out[0], c->in[0], c->in[1], alg);
    return DNB_OK;
}

/* The accelerator broadcasts its second operand only; where the order does not matter they may
 * swap. */
static dnb_status binary_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_prim_alg alg)
{
    bool first_full = dnb_shape_equal(s->in[0], &s->out[0]);
    bool second_full = dnb_shape_equal(s->in[1], &s->out[0]);
    bool commutes = alg == DNB_ALG_ADD || alg == DNB_ALG_MUL;
    if (s->out[0].dtype != DNB_F32 || s->out[0].ndim < 1 ||
        !(first_full || (second_full && commutes)))
        return DNB_OK;
    p->swap = !first_full;
    p->kind = DNB_PRIM_BINARY;
    p->alg = alg;
    p->n_data = 2;
    return DNB_OK;
}

#define BINARY(fn, alg)                                                                            \
    static dnb_status fn##_run(const dnb_op_call *c, dnb_err *err)                                 \
    {                                                                                              \
        return binary_run(c, alg, err);                                                            \
    }                                                                                              \
    static dnb_status fn##_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)                \
    {                                                                                              \
        (void)err;                                                                                 \
        return binary_lower(s, p, alg);                                                            \
    }

BINARY(add, DNB_ALG_ADD)
BINARY(sub, DNB_ALG_SUB)
BINARY(mul, DNB_ALG_MUL)
BINARY(div, DNB_ALG_DIV)

const dnb_op dnb_op_add = {.name = "Add",
                           .min_in = 2,
                           .max_in = 2,
                           .max_out = 1,
                           .shape = binary_shape,
                           .run = add_run,
                           .lower = add_lower,
                           .gradient = dnb_grad_add};

const dnb_op dnb_op_sub = {.name = "Sub",
                           .min_in = 2,
                           .max_in = 2,
                           .max_out = 1,
                           .shape = binary_shape,
                           .run = sub_run,
                           .lower = sub_lower,
                           .gradient = dnb_grad_sub};

const dnb_op dnb_op_mul = {.name = "Mul",
                           .min_in = 2,
                           .max_in = 2,
                           .max_out = 1,
                           .shape = binary_shape,
                           .run = mul_run,
                           .lower = mul_lower,
                           .gradient = dnb_grad_mul};

const dnb_op dnb_op_div = {.name = "Div",
                           .min_in = 2,
                           .max_in = 2,
                           .max_out = 1,
                           .shape = binary_shape,
                           .run = div_run,
                           .lower = div_lower,
                           .gradient = dnb_grad_div};

/* ---- Sum: any number of broadcasting inputs
 * ------------------------------------------------------ */

static dnb_status sum_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape out = *s->in[0];
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->node->n_inputs; i++) {
        if (!s->in[i] || s->in[i]->dtype != DNB_F32)
            return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (Sum): input %zu is not float",
                            s->node->name, i);
        DNB_TRY(dnb_op_broadcast(s->node, &out, s->in[i], &out, err));
    }
    s->out[0] = out;
done:
    return status;
}

static dnb_status sum_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *out = &c->out[0];
    (void)err;
    memset(out->data, 0, dnb_array_bytes(out));
    for (size_t i = 0; i < c->node->n_inputs; i++)
        DNB_BY_TYPE(c, binary, out, out, c->in[i], DNB_ALG_ADD);
    return DNB_OK;
}

static dnb_status sum_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    (void)err;
    return s->node->n_inputs == 2 ? binary_lower(s, p, DNB_ALG_ADD) : DNB_OK;
}

const dnb_op dnb_op_sum = {.name = "Sum",
                           .min_in = 1,
                           .max_in = DNB_ANY_COUNT,
                           .max_out = 1,
                           .shape = sum_shape,
                           .run = sum_run,
                           .lower = sum_lower,
                           .gradient = dnb_grad_add};
