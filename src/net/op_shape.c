/* Operators whose output is their input seen with another shape: Identity, Flatten, Reshape,
 * Squeeze, Unsqueeze; and Shape and Size. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* ---- Identity -----------------------------------------------------------------------------------
 */

static dnb_status same_shape(const dnb_op_shapes *s, dnb_err *err)
{
    (void)err;
    s->out[0] = *s->in[0];
    return DNB_OK;
}

const dnb_op dnb_op_identity = {.name = "Identity",
                                .min_in = 1,
                                .max_in = 1,
                                .max_out = 1,
                                .flags = DNB_OP_VIEW,
                                .shape = same_shape,
                                .run = dnb_kernel_copy,
                                .gradient = dnb_grad_same};

/* ---- Flatten ------------------------------------------------------------------------------------
 */

static dnb_status flatten_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    int axis;
    dnb_status status = dnb_op_axis_attr(s->node, "axis", 1, x->ndim, true, &axis, err);
    if (status != DNB_OK)
        return status;
    s->out[0].ndim = 2;
    s->out[0].dim[0] = s->out[0].dim[1] = 1;
    for (int i = 0; i < x->ndim; i++)
        s->out[0].dim[i < axis ? 0 : 1] *= x->dim[i];
    return DNB_OK;
}

const dnb_op dnb_op_flatten = {.name = "Flatten",
                               .min_in = 1,
                               .max_in = 1,
                               .max_out = 1,
                               .flags = DNB_OP_VIEW,
                               .shape = flatten_shape,
                               .run = dnb_kernel_copy,
                               .gradient = dnb_grad_reshape};

/* ---- Reshape ------------------------------------------------------------------------------------
 */

/* A file written for one batch size often holds that size as the first number of its target shapes;
 * with another batch the leading number follows. */
static bool leads_with_declared_batch(const dnb_op_shapes *s, const int64_t *target, size_t n)
{
    return n > 0 && s->batch != s->declared_batch && target[0] == (int64_t)s->declared_batch &&
           s->in[0]->dtype == DNB_F32 && s->in[0]->ndim > 0 && s->in[0]->dim[0] == s->batch;
}

static dnb_status reshape_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    const int64_t *target;
    size_t n, known = 1, total = dnb_shape_count(x);
    int64_t allow_zero = 0;
    int open = -1;
    char text[128];
    dnb_shape *out = &s->out[0];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, "shape", 1, &target, &n, err));
    DNB_TRY(dnb_node_int(s->node, "allowzero", 0, &allow_zero, err));
    if (!target || n > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EARG, "node '%s' (Reshape): no target shape of at most %d numbers",
                        s->node->name, DNB_MAX_DIMS);
    out->ndim = (int)n;
    for (int i = 0; i < (int)n; i++) {
        if (target[i] < -1 || (target[i] == -1 && open >= 0) ||
            (target[i] == 0 && !allow_zero && i >= x->ndim))
            return dnb_fail(err, DNB_EARG, "node '%s' (Reshape): target shape is malformed",
                            s->node->name);
        if (target[i] == -1)
            open = i;
        out->dim[i] = target[i] == -1                 ? 1
                      : target[i] == 0 && !allow_zero ? x->dim[i]
                                                      : (size_t)target[i];
        if (i == 0 && leads_with_declared_batch(s, target, n))
            out->dim[0] = s->batch;
        if (!dnb_mul_size(&known, known, out->dim[i]))
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Reshape): target shape is too large",
                            s->node->name);
    }
    if (open >= 0 && known > 0 && total % known == 0)
        out->dim[open] = total / known;
    else if (open >= 0 || known != total)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (Reshape): input %s does not fill the target shape",
                        s->node->name, dnb_shape_text(x, text, sizeof text));
done:
    return status;
}

const dnb_op dnb_op_reshape = {.name = "Reshape",
                               .min_in = 1,
                               .max_in = 2,
                               .max_out = 1,
                               .flags = DNB_OP_VIEW,
                               .shape = reshape_shape,
                               .run = dnb_kernel_copy,
                               .gradient = dnb_grad_reshape};

/* ---- Squeeze, Unsqueeze -------------------------------------------------------------------------
 */

/* The axes (attribute before opset 13, input since) as a mask over ndim dimensions. */
static dnb_status axes_mask(const dnb_op_shapes *s, int ndim, bool mask[DNB_MAX_DIMS], bool *given,
                            dnb_err *err)
{
    const int64_t *axes;
    size_t n;
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, "axes", 1, &axes, &n, err));
    *given = axes != NULL;
    for (int i = 0; i < DNB_MAX_DIMS; i++)
        mask[i] = false;
    for (size_t i = 0; i < n; i++) {
        DNB_TRY(dnb_op_axis(s->node, axes[i], ndim, false, &axis, err));
        if (mask[axis])
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): axis %d is named twice", s->node->name,
                            s->node->op->name, axis);
        mask[axis] = true;
    }
done:
    return status;
}

static dnb_status squeeze_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    bool mask[DNB_MAX_DIMS], given;
    dnb_status status = axes_mask(s, x->ndim, mask, &given, err);
    if (status != DNB_OK)
        return status;
    s->out[0].ndim = 0;
    for (int i = 0; i < x->ndim; i++) {
        /* Without axes every 1 goes; but where images run through, a batch of one stays a batch. */
        bool batch = i == 0 && x->dtype == DNB_F32 && !s->known[0];
        bool drop = given ? mask[i] : x->dim[i] == 1 && !batch;
        if (drop && x->dim[i] != 1)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Squeeze): dimension %d is %zu, not 1",
                            s->node->name, i, x->dim[i]);
        if (!drop)
            s->out[0].dim[s->out[0].ndim++] = x->dim[i];
    }
    return DNB_OK;
}

static dnb_status unsqueeze_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    const int64_t *axes;
    size_t n;
    bool mask[DNB_MAX_DIMS], given;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, "axes", 1, &axes, &n, err));
    if (!axes || n > DNB_MAX_DIMS || x->ndim + (int)n > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (Unsqueeze): needs axes for at most %d dimensions",
                        s->node->name, DNB_MAX_DIMS);
    DNB_TRY(axes_mask(s, x->ndim + (int)n, mask, &given, err));
    s->out[0].ndim = x->ndim + (int)n;
    for (int i = 0, from = 0; i < s->out[0].ndim; i++)
        s->out[0].dim[i] = mask[i] ? 1 : x->dim[from++];
done:
    return status;
}

const dnb_op dnb_op_squeeze = {.name = "Squeeze",
                               .min_in = 1,
                               .max_in = 2,
                               .max_out = 1,
                               .flags = DNB_OP_VIEW,
                               .shape = squeeze_shape,
                               .run = dnb_kernel_copy,
                               .gradient = dnb_grad_reshape};

const dnb_op dnb_op_unsqueeze = {.name = "Unsqueeze",
                                 .min_in = 1,
                                 .max_in = 2,
                                 .max_out = 1,
                                 .flags = DNB_OP_VIEW,
                                 .shape = unsqueeze_shape,
                                 .run = dnb_kernel_copy,
                                 .gradient = dnb_grad_reshape};

/* ---- Shape --------------------------------------------------------------------------------------
 */

/* start and end of the slice of dimensions (attributes since opset 15), pinned to 0..ndim. */
static dnb_status shape_range(const dnb_node *n, int ndim, int *start, int *end, dnb_err *err)
{
    int64_t a = 0, b = ndim;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(n, "start", 0, &a, err));
    DNB_TRY(dnb_node_int(n, "end", ndim, &b, err));
    a = a < 0 ? a + ndim : a;
    b = b < 0 ? b + ndim : b;
    *start = (int)(a < 0 ? 0 : a > ndim ? ndim : a);
    *end = (int)(b < *start ? *start : b > ndim ? ndim : b);
done:
    return status;
}

static dnb_status shape_shape(const dnb_op_shapes *s, dnb_err *err)
{
    int start, end;
    dnb_status status = shape_range(s->node, s->in[0]->ndim, &start, &end, err);
    if (status != DNB_OK)
        return status;
    s->out[0] = (dnb_shape){
        .dtype = DNB_I64, .elem = DNB_ELEM(DNB_I64), .ndim = 1, .dim = {(size_t)(end - start)}};
    return DNB_OK;
}

static dnb_status shape_run(const dnb_op_call *c, dnb_err *err)
{
    int start, end;
    dnb_status status = shape_range(c->node, c->in[0]->ndim, &start, &end, err);
    for (int i = start; status == DNB_OK && i < end; i++)
        ((int64_t *)c->out[0].data)[i - start] = (int64_t)c->in[0]->shape[i];
    return status;
}

const dnb_op dnb_op_shape = {.name = "Shape",
                             .min_in = 1,
                             .max_in = 1,
                             .max_out = 1,
                             .flags = DNB_OP_SHAPE_ONLY,
                             .shape = shape_shape,
                             .run = shape_run};

/* ---- Size ---------------------------------------------------------------------------------------
 */

static dnb_status size_shape(const dnb_op_shapes *s, dnb_err *err)
{
    (void)err;
    s->out[0] = (dnb_shape){.dtype = DNB_I64, .elem = DNB_ELEM(DNB_I64)};
    return DNB_OK;
}

static dnb_status size_run(const dnb_op_call *c, dnb_err *err)
{
    (void)err;
    *(int64_t *)c->out[0].data = (int64_t)dnb_array_count(c->in[0]);
    return DNB_OK;
}

const dnb_op dnb_op_size = {.name = "Size",
                            .min_in = 1,
                            .max_in = 1,
                            .max_out = 1,
                            .flags = DNB_OP_SHAPE_ONLY,
                            .shape = size_shape,
                            .run = size_run};
