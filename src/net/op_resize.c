/* Resize and Upsample, nearest neighbour: every output index along a dimension has one source
 * index. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_SIZE ((double)((int64_t)1 << 31))

/* Scale per dimension and output sizes. */
typedef struct resize_plan {
    double scale[DNB_MAX_DIMS];
    size_t out[DNB_MAX_DIMS];
} resize_plan;

/* How an output position maps to the input, and how that is rounded. */
typedef struct resize_mode {
    const char *coordinates, *rounding;
} resize_mode;

static bool is_one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(s, *list) == 0)
            return true;
    return false;
}

static dnb_status read_mode(const dnb_node *n, int opset, resize_mode *out, dnb_err *err)
{
    static const char *const known[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                        "asymmetric", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    const char *mode = NULL;
    bool old = opset < 11 || strcmp(n->op->name, "Upsample") == 0;
    resize_mode r = {NULL, NULL};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_string(n, "mode", &mode, err));
    DNB_TRY(dnb_node_string(n, "coordinate_transformation_mode", &r.coordinates, err));
    DNB_TRY(dnb_node_string(n, "nearest_mode", &r.rounding, err));
    if (!r.coordinates)
        r.coordinates = old ? "asymmetric" : "half_pixel";
    if (!r.rounding)
        r.rounding = old ? "floor" : "round_prefer_floor";
    if ((mode && strcmp(mode, "nearest") != 0) || !is_one_of(r.coordinates, known) ||
        !is_one_of(r.rounding, roundings))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): mode '%s' with '%s' is not supported, only nearest",
                        n->name, n->op->name, mode ? mode : "nearest", r.coordinates);
    *out = r;
done:
    return status;
}

/* `scales` as attribute (Upsample 7), or as a float input at `at`. */
static dnb_status plan_from_scales(const dnb_op_shapes *s, const dnb_array *scales, resize_plan *p,
                                   dnb_err *err)
{
    const dnb_attr *a = dnb_node_attr(s->node, "scales");
    size_t n = scales ? dnb_array_count(scales) : a && a->kind == DNB_ATTR_FLOATS ? a->n : 0;
    if (n != (size_t)s->in[0]->ndim)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): needs one scale per dimension, known before running",
                        s->node->name, s->node->op->name);
    for (size_t i = 0; i < n; i++) {
        double scale = scales ? dnb_array_at(scales, i) : a->floats[i];
        double size = floor((double)s->in[0]->dim[i] * scale);
        if (!(scale > 0) || !(size >= 1) || size > MAX_SIZE)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): scale %g is out of range",
                            s->node->name, s->node->op->name, scale);
        p->scale[i] = scale;
        p->out[i] = (size_t)size;
    }
    return DNB_OK;
}

static dnb_status plan_from_sizes(const dnb_op_shapes *s, const dnb_array *sizes, resize_plan *p,
                                  dnb_err *err)
{
    if (sizes->dtype != DNB_I64 || dnb_array_count(sizes) != (size_t)s->in[0]->ndim)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): needs one size per dimension",
                        s->node->name, s->node->op->name);
    for (int i = 0; i < s->in[0]->ndim; i++) {
        int64_t size = ((const int64_t *)sizes->data)[i];
        /* A batch size written into the file follows the batch of this run. */
        if (i == 0 && size == (int64_t)s->declared_batch && s->in[0]->dim[0] == s->batch)
            size = (int64_t)s->batch;
        if (size < 1 || (double)size > MAX_SIZE)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): size %lld is out of range",
                            s->node->name, s->node->op->name, (long long)size);
        p->out[i] = (size_t)size;
        p->scale[i] = (double)size / (double)s->in[0]->dim[i];
    }
    return DNB_OK;
}

static dnb_status resize_shape(const dnb_op_shapes *s, dnb_err *err)
{
    resize_mode mode;
    resize_plan p;
    size_t n = s->node->n_inputs, at = s->opset < 11 || n == 2 ? 1 : 2;
    const dnb_array *scales = n > at && s->in[at] ? s->known[at] : NULL;
    const dnb_array *sizes = n > 3 && s->in[3] ? s->known[3] : NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(read_mode(s->node, s->opset, &mode, err));
    if (dnb_node_attr(s->node, "axes"))
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): 'axes' is not supported",
                        s->node->name, s->node->op->name);
    DNB_TRY(sizes ? plan_from_sizes(s, sizes, &p, err) : plan_from_scales(s, scales, &p, err));
    for (int i = 0; i < s->in[0]->ndim; i++)
        s->out[0].dim[i] = p.out[i];
    s->out[0].ndim = s->in[0]->ndim;
done:
    return status;
}

static size_t source_index(const resize_mode *m, size_t i, size_t in, size_t out, double scale)
{
    double x = (double)i / scale, r;
    if (strcmp(m->coordinates, "half_pixel") == 0)
        x = ((double)i + 0.5) / scale - 0.5;
    else if (strcmp(m->coordinates, "pytorch_half_pixel") == 0)
        x = out > 1 ? ((double)i + 0.5) / scale - 0.5 : 0;
    else if (strcmp(m->coordinates, "align_corners") == 0)
        x = out > 1 ? (double)i * (double)(in - 1) / (double)(out - 1) : 0;
    if (strcmp(m->rounding, "floor") == 0)
        r = floor(x);
    else if (strcmp(m->rounding, "ceil") == 0)
        r = ceil(x);
    else if (strcmp(m->rounding, "round_prefer_ceil") == 0)
        r = floor(x + 0.5);
    else
        r = ceil(x - 0.5);
    return r < 0 ? 0 : r >= (double)in ? in - 1 : (size_t)r;
}

static dnb_status resize_run(const dnb_op_call *c, dnb_err *err)
{
    resize_mode mode;
    dnb_tables t = {0};
    const dnb_array *x = c->in[0], *out = &c->out[0], *scales = NULL;
    const dnb_attr *a = dnb_node_attr(c->node, "scales");
    size_t n = c->node->n_inputs, at = c->opset < 11 || n == 2 ? 1 : 2;
    bool by_sizes = n > 3 && c->in[3]; /* they win over scales, as in the shape rule */
    dnb_status status = DNB_OK;
    DNB_TRY(read_mode(c->node, c->opset, &mode, err));
    if (!by_sizes && n > at && c->in[at])
        scales = c->in[at];
    if (by_sizes || (a && (a->kind != DNB_ATTR_FLOATS || a->n != (size_t)x->ndim)))
        a = NULL;
    if (scales && dnb_array_count(scales) != (size_t)x->ndim)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): needs one scale per dimension",
                        c->node->name, c->node->op->name);
    DNB_TRY(dnb_tables_init(&t, out, err));
    for (int d = 0; d < x->ndim; d++) {
        double scale = scales ? dnb_array_at(scales, (size_t)d)
                       : a && a->kind == DNB_ATTR_FLOATS
                           ? a->floats[d]
                           : (double)out->shape[d] / (double)x->shape[d];
        for (size_t i = 0; i < out->shape[d]; i++)
            t.from[d][i] = source_index(&mode, i, x->shape[d], out->shape[d], scale);
    }
    dnb_move_by_tables(out, x, &t, 0);
done:
    dnb_tables_release(&t);
    return status;
}

const dnb_op dnb_op_resize = {.name = "Resize",
                              .min_in = 1,
                              .max_in = 4,
                              .max_out = 1,
                              .shape = resize_shape,
                              .run = resize_run,
                              .gradient = dnb_grad_mover};

const dnb_op dnb_op_upsample = {.name = "Upsample",
                                .min_in = 1,
                                .max_in = 2,
                                .max_out = 1,
                                .shape = resize_shape,
                                .run = resize_run,
                                .gradient = dnb_grad_mover};
