/* Cast, CastLike: from every type to every type but strings. Floats lose their fraction on the way
 * to integers, and what lies beyond the target becomes the nearest number there is (NaN becomes 0);
 * integers wrap around. Narrower types are rounded or wrapped to by who runs the kernel. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/grad_util.h"
#include "net/op_families.h"

#define DNB_KERNELS "net/op_cast_kernel.h"
#include "net/each_real.h"

DNB_UNARY_ROW(copy_row, int64_t, int64_t, int64_t, x)
DNB_UNARY_ROW(to_bool_row_i64, int64_t, int64_t, int64_t, x != 0)

/* The names that Cast took before operator set 6. */
static int64_t type_code(const char *name)
{
    static const char *const names[] = {"",        "FLOAT",  "UINT8",  "INT8",   "UINT16",
                                        "INT16",   "INT32",  "INT64",  "STRING", "BOOL",
                                        "FLOAT16", "DOUBLE", "UINT32", "UINT64"};
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (int64_t)i;
    return 0;
}

static dnb_status cast_target(const dnb_node *n, dnb_dtype *t, dnb_err *err)
{
    const dnb_attr *a = dnb_node_attr(n, "to");
    int64_t to = 0;
    dnb_status status = DNB_OK;
    if (a && a->kind == DNB_ATTR_STRING)
        to = type_code(a->s);
    else
        DNB_TRY(dnb_node_int(n, "to", 0, &to, err));
    if (!dnb_onnx_elem(to, t))
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (Cast): type %lld is unsupported",
                        n->name, (long long)to);
done:
    return status;
}

static dnb_status shape_as(const dnb_op_shapes *s, dnb_dtype t)
{
    s->out[0] = *s->in[0];
    s->out[0].dtype = dnb_storage_class(t);
    s->out[0].elem = DNB_ELEM(t);
    return DNB_OK;
}

static dnb_status cast_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_dtype t;
    dnb_status status = cast_target(s->node, &t, err);
    return status == DNB_OK ? shape_as(s, t) : status;
}

static dnb_status cast_like_shape(const dnb_op_shapes *s, dnb_err *err)
{
    (void)err;
    return shape_as(s, dnb_elem(s->in[1]));
}

/* Smallest and largest number of an integer type, as float64 has them. */
static void int_range(dnb_dtype t, double p[2])
{
    int bits = 8 * (int)dnb_dtype_size(t);
    bool is_unsigned = t == DNB_U8 || t == DNB_U16 || t == DNB_U32;
    p[0] = is_unsigned ? 0 : -ldexp(1, bits - 1);
    p[1] = bits == 64 ? INFINITY : ldexp(1, is_unsigned ? bits : bits - 1) - 1;
}

static dnb_status cast_run(const dnb_op_call *c, dnb_err *err)
{
    static const dnb_rows to_f32 = {to_f32_row_f32, to_f32_row_f64, from_i64_row_f32,
                                    from_u64_row_f32};
    static const dnb_rows to_f64 = {to_f64_row_f32, to_f64_row_f64, from_i64_row_f64,
                                    from_u64_row_f64};
    static const dnb_rows to_bool = {to_bool_row_f32, to_bool_row_f64, to_bool_row_i64, NULL};
    static const dnb_rows to_u64 = {to_u64_row_f32, to_u64_row_f64, copy_row, NULL};
    static const dnb_rows to_int = {to_int_row_f32, to_int_row_f64, copy_row, NULL};
    dnb_dtype t = dnb_elem(c->out_shape);
    double p[2];
    if (c->out[0].dtype == DNB_F32)
        return dnb_rows_run(c, 1, &to_f32, NULL, err);
    if (c->out[0].dtype == DNB_F64)
        return dnb_rows_run(c, 1, &to_f64, NULL, err);
    if (t == DNB_BOOL)
        return dnb_rows_run(c, 1, &to_bool, NULL, err);
    if (t == DNB_U64)
        return dnb_rows_run(c, 1, &to_u64, NULL, err);
    int_range(t, p);
    return dnb_rows_run(c, 1, &to_int, p, err);
}

DNB_OP_RECORD_GRAD(cast, "Cast", 1, 1, cast_shape, cast_run, NULL, dnb_grad_same);
DNB_OP_RECORD_GRAD(cast_like, "CastLike", 2, 2, cast_like_shape, cast_run, NULL, dnb_grad_same);
