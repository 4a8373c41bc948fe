/* Split, and the operators that trade channels for space: DepthToSpace, SpaceToDepth. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

/* ---- Split --------------------------------------------------------------------------------------
 */

/* Equal parts; since opset 18 (num_outputs) the last may be smaller. */
static dnb_status split_evenly(const dnb_op_shapes *s, int axis, dnb_err *err)
{
    size_t n = s->node->n_outputs, size = s->in[0]->dim[axis];
    int64_t parts = (int64_t)n;
    dnb_status status = dnb_node_int(s->node, "num_outputs", parts, &parts, err);
    if (status != DNB_OK)
        return status;
    if (parts != (int64_t)n || (s->opset < 18 && size % n))
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (Split): %zu entries do not split into %lld parts for %zu "
                        "outputs",
                        s->node->name, size, (long long)parts, n);
    size_t part = size / n + (size % n != 0);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * part < size ? i * part : size;
        s->out[i].dim[axis] = size - at < part ? size - at : part;
    }
    return DNB_OK;
}

static dnb_status split_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *parts;
    size_t n_parts, n = s->node->n_outputs, left;
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(s->node, "axis", 0, s->in[0]->ndim, false, &axis, err));
    DNB_TRY(dnb_op_ints(s, "split", 1, &parts, &n_parts, err));
    for (size_t i = 0; i < n; i++)
        s->out[i] = *s->in[0];
    if (!parts)
        return split_evenly(s, axis, err);
    left = s->in[0]->dim[axis];
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i] < 0 || (uint64_t)parts[i] > left)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Split): part %zu of %lld does not fit",
                            s->node->name, i, (long long)parts[i]);
        left -= (size_t)parts[i];
        if (i < n)
            s->out[i].dim[axis] = (size_t)parts[i];
    }
    if (left || n_parts < n)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (Split): %zu parts for %zu outputs leave %zu entries",
                        s->node->name, n_parts, n, left);
done:
    return status;
}

static dnb_status split_run(const dnb_op_call *c, dnb_err *err)
{
    int axis;
    dnb_status status = dnb_op_axis_attr(c->node, "axis", 0, c->in[0]->ndim, false, &axis, err);
    if (status != DNB_OK)
        return status;
    dnb_lines l = dnb_lines_of(c->in[0], axis);
    size_t block = l.inner * dnb_dtype_size(c->in[0]->dtype), at = 0;
    for (size_t i = 0; i < c->node->n_outputs; i++) {
        size_t part = c->out[i].shape[axis];
        for (size_t o = 0; part * block > 0 && o < l.outer; o++)
            memcpy((char *)c->out[i].data + o * part * block,
                   (const char *)c->in[0]->data + (o * l.n + at) * block, part * block);
        at += part;
    }
    return DNB_OK;
}

const dnb_op dnb_op_split = {.name = "Split",
                             .min_in = 1,
                             .max_in = 2,
                             .max_out = UINT8_MAX,
                             .flags = DNB_OP_TAKES_EMPTY | DNB_OP_ALL_OUTPUTS,
                             .shape = split_shape,
                             .run = split_run,
                             .gradient = dnb_grad_split};

/* ---- DepthToSpace, SpaceToDepth -----------------------------------------------------------------
 */

static dnb_status block_size(const dnb_op_shapes *s, size_t *block, dnb_err *err)
{
    int64_t b = 0;
    dnb_status status = dnb_node_int(s->node, "blocksize", 0, &b, err);
    if (status != DNB_OK)
        return status;
    if (s->in[0]->ndim != 4 || b < 1 || b > 1 << 15)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (%s): needs images (n x c x h x w) and a blocksize of 1 to "
                        "32768, not %lld",
                        s->node->name, s->node->op->name, (long long)b);
    *block = (size_t)b;
    return DNB_OK;
}

static dnb_status uneven(const dnb_op_shapes *s, size_t block, dnb_err *err)
{
    char text[128];
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): %s does not divide into blocks of %zu",
                    s->node->name, s->node->op->name, dnb_shape_text(s->in[0], text, sizeof text),
                    block);
}

/* Moves x, seen with six dimensions of these sizes, into out in the order perm. */
static void permute_six(const dnb_array *out, const dnb_array *x, const size_t size[6],
                        const int perm[6])
{
    size_t run[6], step[6], dim[6], n = 1;
    dnb_array seen;
    for (int d = 5; d >= 0; d--) {
        run[d] = n;
        n *= size[d];
    }
    for (int d = 0; d < 6; d++) {
        dim[d] = size[perm[d]];
        step[d] = run[perm[d]];
    }
    dnb_array_borrow(&seen, out->dtype, 6, dim, out->data);
    dnb_move_strided(&seen, x, step);
}

static dnb_status depth_to_space_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    const char *mode = NULL;
    size_t b = 1;
    dnb_status status = DNB_OK;
    DNB_TRY(block_size(s, &b, err));
    DNB_TRY(dnb_node_string(s->node, "mode", &mode, err));
    if (mode && strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (DepthToSpace): mode '%s' is unsupported",
                        s->node->name, mode);
    if (x->dim[1] % (b * b))
        return uneven(s, b, err);
    s->out[0] = *x;
    s->out[0].dim[1] /= b * b;
    for (int d = 2; d < 4; d++)
        if (!dnb_mul_size(&s->out[0].dim[d], x->dim[d], b))
            return uneven(s, b, err);
done:
    return status;
}

static dnb_status depth_to_space_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    const char *mode = NULL;
    dnb_status status = dnb_node_string(c->node, "mode", &mode, err);
    if (status != DNB_OK)
        return status;
    if (dnb_array_count(x) == 0)
        return DNB_OK;
    size_t b = c->out[0].shape[2] / x->shape[2], n = x->shape[0], channels = c->out[0].shape[1];
    if (mode && mode[0] == 'C')
        permute_six(&c->out[0], x, (size_t[]){n, channels, b, b, x->shape[2], x->shape[3]},
                    (int[]){0, 1, 4, 2, 5, 3});
    else
        permute_six(&c->out[0], x, (size_t[]){n, b, b, channels, x->shape[2], x->shape[3]},
                    (int[]){0, 3, 4, 1, 5, 2});
    return DNB_OK;
}

const dnb_op dnb_op_depth_to_space = {.name = "DepthToSpace",
                                      .min_in = 1,
                                      .max_in = 1,
                                      .max_out = 1,
                                      .flags = DNB_OP_TAKES_EMPTY,
                                      .shape = depth_to_space_shape,
                                      .run = depth_to_space_run,
                                      .gradient = dnb_grad_mover};

static dnb_status space_to_depth_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0];
    size_t b = 1;
    dnb_status status = block_size(s, &b, err);
    if (status != DNB_OK)
        return status;
    s->out[0] = *x;
    s->out[0].dim[2] /= b;
    s->out[0].dim[3] /= b;
    if (x->dim[2] % b || x->dim[3] % b || !dnb_mul_size(&s->out[0].dim[1], x->dim[1], b * b))
        return uneven(s, b, err);
    return DNB_OK;
}

static dnb_status space_to_depth_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0], *out = &c->out[0];
    (void)err;
    if (dnb_array_count(x) == 0)
        return DNB_OK;
    size_t b = x->shape[2] / out->shape[2];
    permute_six(out, x, (size_t[]){x->shape[0], x->shape[1], out->shape[2], b, out->shape[3], b},
                (int[]){0, 3, 5, 1, 2, 4});
    return DNB_OK;
}

const dnb_op dnb_op_space_to_depth = {.name = "SpaceToDepth",
                                      .min_in = 1,
                                      .max_in = 1,
                                      .max_out = 1,
                                      .flags = DNB_OP_TAKES_EMPTY,
                                      .shape = space_to_depth_shape,
                                      .run = space_to_depth_run,
                                      .gradient = dnb_grad_mover};
