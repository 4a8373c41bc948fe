/* Resize (opset 10 to 18) and Upsample: attributes, sizes, and nearest neighbour, where every
 * output index along a dimension has one source index. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_resize.h"
#include "net/op_util.h"

/* Where dnb.ResizeGrad has the data's shape. */
#define GRAD_SHAPE 4
#define MAX_SIZE ((double)((int64_t)1 << 31))

/* The node with its lists, which are content known to the shape rule or inputs of the kernel. */
typedef struct resize_request {
    const dnb_node *node;
    int opset;
    const dnb_shape *x;
    const dnb_array *roi, *scales, *sizes; /* NULL = not given */
    size_t batch, declared_batch;          /* equal = sizes are as the file has them */
} resize_request;

/* ---- attributes ---------------------------------------------------------------------------------
 */

static bool is_upsample(const dnb_node *n)
{
    return n->op == &dnb_op_upsample || n->op == &dnb_op_upsample_grad;
}

static dnb_status read_modes(const dnb_node *n, int opset, dnb_resize *r, dnb_err *err)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const old_modes[] = {"nearest", "linear", "bilinear", "trilinear", NULL};
    static const char *const coordinates[] = {
        "half_pixel", "pytorch_half_pixel",   "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize",
        NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    bool upsample = is_upsample(n), old = upsample || opset < 11;
    int mode, coordinate, rounding;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_choice(n, "mode", old ? old_modes : modes, 0, &mode, err));
    DNB_TRY(dnb_node_choice(n, "coordinate_transformation_mode", coordinates,
                            old ? DNB_RESIZE_ASYMMETRIC : DNB_RESIZE_HALF_PIXEL, &coordinate, err));
    DNB_TRY(dnb_node_choice(n, "nearest_mode", roundings,
                            upsample ? DNB_RESIZE_FLOOR
                            : old    ? DNB_RESIZE_SIMPLE
                                     : DNB_RESIZE_PREFER_FLOOR,
                            &rounding, err));
    r->mode = old && mode > 1 ? DNB_RESIZE_LINEAR : (dnb_resize_mode)mode;
    r->coordinates = (dnb_resize_coordinates)coordinate;
    r->rounding = (dnb_resize_rounding)rounding;
done:
    return status;
}

static dnb_status read_numbers(const dnb_node *n, dnb_resize *r, dnb_err *err)
{
    int64_t exclude = 0, antialias = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(n, "cubic_coeff_a", -0.75, &r->cubic_a, err));
    DNB_TRY(dnb_node_float(n, "extrapolation_value", 0, &r->extrapolation, err));
    DNB_TRY(dnb_node_int(n, "exclude_outside", 0, &exclude, err));
    DNB_TRY(dnb_node_int(n, "antialias", 0, &antialias, err));
    r->exclude_outside = exclude != 0;
    r->antialias = antialias != 0;
done:
    return status;
}

/* ---- sizes --------------------------------------------------------------------------------------
 */

/* The dimensions that roi, scales and sizes speak of: all, or attribute axes. */
static dnb_status read_axes(const resize_request *q, int axes[DNB_MAX_DIMS], size_t *count,
                            dnb_err *err)
{
    const int64_t *list;
    size_t n;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_ints(q->node, "axes", &list, &n, err));
    if (list && n > (size_t)q->x->ndim)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): more axes than dimensions", q->node->name,
                        q->node->op->name);
    *count = list ? n : (size_t)q->x->ndim;
    for (size_t i = 0; i < *count; i++) {
        DNB_TRY(
            dnb_op_axis(q->node, list ? list[i] : (int64_t)i, q->x->ndim, false, &axes[i], err));
        for (size_t j = 0; j < i; j++)
            if (axes[i] == axes[j])
                return dnb_fail(err, DNB_EARG, "node '%s' (%s): axis %d is given twice",
                                q->node->name, q->node->op->name, axes[i]);
    }
done:
    return status;
}

static dnb_status check_size(const resize_request *q, double size, dnb_err *err)
{
    if (size >= 1 && size <= MAX_SIZE)
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): output size %.9g is out of range",
                    q->node->name, q->node->op->name, size);
}

/* Number i of the scales: an input, attribute scales (Upsample 7), or width_scale and height_scale
 * (Upsample 1). */
static dnb_status read_scale(const resize_request *q, size_t i, size_t n_axes, double *out,
                             dnb_err *err)
{
    const dnb_attr *a = dnb_node_attr(q->node, "scales");
    bool by_name = !a && !q->scales && dnb_node_attr(q->node, "width_scale") && n_axes == 4;
    size_t have = q->scales                         ? dnb_array_count(q->scales)
                  : a && a->kind == DNB_ATTR_FLOATS ? a->n
                                                    : 0;
    dnb_status status = DNB_OK;
    *out = 1;
    if (by_name && i >= 2)
        DNB_TRY(dnb_node_float(q->node, i == 2 ? "height_scale" : "width_scale", 1, out, err));
    else if (!by_name && have != n_axes)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): needs %zu scales or sizes, not %zu",
                        q->node->name, q->node->op->name, n_axes, have);
    else if (!by_name)
        *out = q->scales ? dnb_array_at(q->scales, i) : a->floats[i];
    if (!(*out > 0) || !isfinite(*out))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): scale %g is out of range", q->node->name,
                        q->node->op->name, *out);
done:
    return status;
}

static dnb_status sizes_from_scales(const resize_request *q, const int *axes, size_t n_axes,
                                    dnb_resize *r, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < n_axes; i++) {
        int d = axes[i];
        double span = r->coordinates == DNB_RESIZE_TF_CROP ? r->roi_end[d] - r->roi_start[d] : 1;
        double scale = 1;
        DNB_TRY(read_scale(q, i, n_axes, &scale, err));
        /* In float32, as the writers of files compute it: 10 times 0.7 is 7. */
        double size = floor((double)((float)q->x->dim[d] * (float)span * (float)scale));
        DNB_TRY(check_size(q, size, err));
        r->scale[d] = scale;
        r->out[d] = (size_t)size;
    }
done:
    return status;
}

/* keep_aspect_ratio_policy: one scale for all axes, the smallest or largest of the wanted ones. */
static dnb_status keep_aspect(const resize_request *q, const int *axes, size_t n_axes, bool larger,
                              dnb_resize *r, dnb_err *err)
{
    double scale = larger ? 0 : INFINITY;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < n_axes; i++)
        scale = larger ? fmax(scale, r->scale[axes[i]]) : fmin(scale, r->scale[axes[i]]);
    for (size_t i = 0; i < n_axes; i++) {
        double size = floor(scale * (double)q->x->dim[axes[i]] + 0.5);
        DNB_TRY(check_size(q, size, err));
        r->scale[axes[i]] = scale;
        r->out[axes[i]] = (size_t)size;
    }
done:
    return status;
}

static dnb_status sizes_from_sizes(const resize_request *q, const int *axes, size_t n_axes,
                                   dnb_resize *r, dnb_err *err)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    int policy = 0;
    dnb_status status = DNB_OK;
    if (q->sizes->dtype != DNB_I64 || dnb_array_count(q->sizes) != n_axes)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): needs %zu sizes", q->node->name,
                        q->node->op->name, n_axes);
    for (size_t i = 0; i < n_axes; i++) {
        int64_t size = ((const int64_t *)q->sizes->data)[i];
        /* A batch size written into the file follows the batch of this run. */
        if (axes[i] == 0 && size == (int64_t)q->declared_batch && q->x->dim[0] == q->batch)
            size = (int64_t)q->batch;
        DNB_TRY(check_size(q, (double)size, err));
        r->out[axes[i]] = (size_t)size;
        r->scale[axes[i]] = (double)size / (double)q->x->dim[axes[i]];
    }
    DNB_TRY(dnb_node_choice(q->node, "keep_aspect_ratio_policy", policies, 0, &policy, err));
    if (policy)
        DNB_TRY(keep_aspect(q, axes, n_axes, policy == 2, r, err));
done:
    return status;
}

static dnb_status read_roi(const resize_request *q, const int *axes, size_t n_axes, dnb_resize *r,
                           dnb_err *err)
{
    if (r->coordinates != DNB_RESIZE_TF_CROP)
        return DNB_OK;
    if (!q->roi || dnb_array_count(q->roi) != 2 * n_axes)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): roi needs %zu numbers", q->node->name,
                        q->node->op->name, 2 * n_axes);
    for (size_t i = 0; i < n_axes; i++) {
        r->roi_start[axes[i]] = dnb_array_at(q->roi, i);
        r->roi_end[axes[i]] = dnb_array_at(q->roi, n_axes + i);
    }
    return DNB_OK;
}

static dnb_status resize_read(const resize_request *q, dnb_resize *out, dnb_err *err)
{
    dnb_resize r = {0};
    int axes[DNB_MAX_DIMS];
    size_t n_axes = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(read_modes(q->node, q->opset, &r, err));
    DNB_TRY(read_numbers(q->node, &r, err));
    if (r.mode != DNB_RESIZE_NEAREST && q->x->dtype == DNB_I64)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): interpolating integers is unsupported", q->node->name,
                        q->node->op->name);
    for (int d = 0; d < q->x->ndim; d++) {
        r.scale[d] = r.roi_end[d] = 1;
        r.out[d] = q->x->dim[d];
        DNB_TRY(check_size(q, (double)r.out[d], err));
    }
    DNB_TRY(read_axes(q, axes, &n_axes, err));
    DNB_TRY(read_roi(q, axes, n_axes, &r, err));
    DNB_TRY(q->sizes ? sizes_from_sizes(q, axes, n_axes, &r, err)
                     : sizes_from_scales(q, axes, n_axes, &r, err));
    *out = r;
done:
    return status;
}

/* ---- rule and kernel ----------------------------------------------------------------------------
 */

/* The list of input i, NULL where it is not given or empty (files use both). */
static const dnb_array *list_at(const dnb_node *n, const dnb_array *const *content, size_t i)
{
    const dnb_array *a = i < n->n_inputs ? content[i] : NULL;
    return a && dnb_array_count(a) > 0 ? a : NULL;
}

static void request_lists(resize_request *q, const dnb_array *const *content)
{
    bool two = q->opset < 11 || is_upsample(q->node);
    q->roi = two ? NULL : list_at(q->node, content, 1);
    q->scales = list_at(q->node, content, two ? 1 : 2);
    q->sizes = two ? NULL : list_at(q->node, content, 3);
}

static dnb_status resize_shape(const dnb_op_shapes *s, dnb_err *err)
{
    resize_request q = {.node = s->node,
                        .opset = s->opset,
                        .x = s->in[0],
                        .batch = s->batch,
                        .declared_batch = s->declared_batch};
    dnb_resize r;
    dnb_status status = DNB_OK;
    for (size_t i = 1; i < s->node->n_inputs; i++)
        if (s->in[i] && dnb_shape_count(s->in[i]) > 0)
            DNB_TRY(dnb_op_need(s, i, err));
    request_lists(&q, s->known);
    DNB_TRY(resize_read(&q, &r, err));
    s->out[0] = *s->in[0];
    for (int d = 0; d < s->out[0].ndim; d++)
        s->out[0].dim[d] = r.out[d];
done:
    return status;
}

static dnb_status resize_nearest(const dnb_resize *r, const dnb_array *x, const dnb_array *out,
                                 dnb_err *err)
{
    dnb_tables t = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_tables_init(&t, out, err));
    for (int d = 0; d < x->ndim; d++)
        for (size_t i = 0; i < out->shape[d]; i++) {
            bool outside = false;
            size_t at = dnb_resize_nearest(r, d, i, x->shape[d], out->shape[d], &outside);
            t.from[d][i] = outside ? DNB_FILL : at;
        }
    dnb_move_by_tables(out, x, &t, r->extrapolation);
done:
    dnb_tables_release(&t);
    return status;
}

/* The shape rule may have put this run's batch for the file's: the sizes there are count. */
static void fit_scales(dnb_resize *r, const dnb_array *out, const dnb_shape *x)
{
    for (int d = 0; d < x->ndim; d++)
        if (out->shape[d] != r->out[d])
            r->scale[d] = (double)out->shape[d] / (double)x->dim[d];
}

static dnb_status resize_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_shape x = dnb_shape_of(c->in[0]);
    resize_request q = {.node = c->node, .opset = c->opset, .x = &x};
    dnb_resize r;
    dnb_status status = DNB_OK;
    request_lists(&q, c->in);
    DNB_TRY(resize_read(&q, &r, err));
    fit_scales(&r, &c->out[0], &x);
    status = r.mode == DNB_RESIZE_NEAREST ? resize_nearest(&r, c->in[0], &c->out[0], err)
                                          : dnb_resize_interpolate(&r, c->in[0], &c->out[0], err);
done:
    return status;
}

/* Every mode is linear in the data: the gradient goes back through the same taps. */
static dnb_status resize_grad(const dnb_op_grads *r, dnb_err *err)
{
    dnb_value in[GRAD_SHAPE + 1] = {r->out_grads[0], DNB_NO_VALUE, DNB_NO_VALUE, DNB_NO_VALUE};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_grad_refuse_from(r, 1, err));
    for (size_t i = 1; i < r->node.n_inputs; i++)
        in[i] = r->node.inputs[i];
    DNB_TRY(dnb_grad_shape_of(r, r->node.inputs[0], &in[GRAD_SHAPE], err));
    DNB_TRY(dnb_grad_like(r, is_upsample(&r->node) ? "dnb.UpsampleGrad" : "dnb.ResizeGrad", in,
                          GRAD_SHAPE + 1, &r->in_grads[0], err));
done:
    return status;
}

const dnb_op dnb_op_resize = {.name = "Resize",
                              .min_in = 1,
                              .max_in = 4,
                              .max_out = 1,
                              .shape = resize_shape,
                              .run = resize_run,
                              .gradient = resize_grad};

const dnb_op dnb_op_upsample = {.name = "Upsample",
                                .min_in = 1,
                                .max_in = 2,
                                .max_out = 1,
                                .shape = resize_shape,
                                .run = resize_run,
                                .gradient = resize_grad};

/* ---- dnb.ResizeGrad, dnb.UpsampleGrad: gradient, the lists of the forward operator, its data's
 * shape */

static dnb_status grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_shape want;
    resize_request q = {.node = s->node,
                        .opset = s->opset,
                        .x = &s->out[0],
                        .batch = s->batch,
                        .declared_batch = s->declared_batch};
    dnb_resize r;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 1, err));
    for (size_t i = 1; i < GRAD_SHAPE; i++)
        if (s->in[i] && dnb_shape_count(s->in[i]) > 0)
            DNB_TRY(dnb_op_need(s, i, err));
    DNB_TRY(dnb_op_target_shape(s, GRAD_SHAPE, err));
    request_lists(&q, s->known);
    DNB_TRY(resize_read(&q, &r, err));
    want = s->out[0];
    for (int d = 0; d < want.ndim; d++)
        want.dim[d] = r.out[d];
    DNB_TRY(dnb_op_expect(s, 0, &want, err));
done:
    return status;
}

static dnb_status grad_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_shape x = dnb_shape_of(&c->out[0]);
    resize_request q = {.node = c->node, .opset = c->opset, .x = &x};
    dnb_resize r;
    dnb_status status = DNB_OK;
    request_lists(&q, c->in);
    DNB_TRY(resize_read(&q, &r, err));
    fit_scales(&r, c->in[0], &x);
    DNB_TRY(dnb_resize_adjoint(&r, c->in[0], &c->out[0], err));
done:
    return status;
}

const dnb_op dnb_op_resize_grad = {.name = "dnb.ResizeGrad",
                                   .min_in = 1,
                                   .max_in = GRAD_SHAPE + 1,
                                   .max_out = 1,
                                   .shape = grad_shape,
                                   .run = grad_run};

const dnb_op dnb_op_upsample_grad = {.name = "dnb.UpsampleGrad",
                                     .min_in = 1,
                                     .max_in = GRAD_SHAPE + 1,
                                     .max_out = 1,
                                     .shape = grad_shape,
                                     .run = grad_run};
