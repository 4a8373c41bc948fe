/* Experimental operators that early ONNX files contain: Crop, ImageScaler, Affine. */
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define DNB_KERNELS "net/op_legacy_kernel.h"
#include "net/each_real.h"

static dnb_status check_images(const dnb_op_shapes *s, bool any_type, dnb_err *err)
{
    if ((s->in[0]->dtype != DNB_F32 && !any_type) || s->in[0]->ndim != 4)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): works on n x c x h x w floats only",
                        s->node->name, s->node->op->name);
    s->out[0] = *s->in[0];
    return DNB_OK;
}

/* ---- Crop: border = left, top, right, bottom; scale = height, width when given
 * ------------------- */

static dnb_status crop_read(const dnb_node *n, const dnb_shape *x, size_t *top, size_t *left,
                            size_t *height, size_t *width, dnb_err *err)
{
    const int64_t *b, *scale;
    size_t nb, ns;
    int64_t h = (int64_t)x->dim[2], w = (int64_t)x->dim[3];
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_ints(n, "border", &b, &nb, err));
    DNB_TRY(dnb_node_ints(n, "scale", &scale, &ns, err));
    bool bad = !b || nb != 4 || (scale && ns != 2);
    for (size_t i = 0; !bad && i < 4; i++)
        bad = b[i] < 0 || b[i] > (int64_t)1 << 31;
    if (!bad) {
        int64_t oh = scale ? scale[0] : h - b[1] - b[3], ow = scale ? scale[1] : w - b[0] - b[2];
        bad = oh < 1 || ow < 1 || oh > h - b[1] || ow > w - b[0];
        *top = (size_t)b[1];
        *left = (size_t)b[0];
        *height = (size_t)oh;
        *width = (size_t)ow;
    }
    if (bad)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (Crop): border does not fit the input",
                        n->name);
done:
    return status;
}

static dnb_status crop_shape(const dnb_op_shapes *s, dnb_err *err)
{
    size_t top = 0, left = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(check_images(s, true, err)); /* its gradient moves integers */
    DNB_TRY(crop_read(s->node, s->in[0], &top, &left, &s->out[0].dim[2], &s->out[0].dim[3], err));
done:
    return status;
}

static dnb_status crop_run(const dnb_op_call *c, dnb_err *err)
{
    size_t top = 0, left = 0, height, width;
    dnb_tables t = {0};
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(crop_read(c->node, &x, &top, &left, &height, &width, err));
    DNB_TRY(dnb_tables_init(&t, &c->out[0], err));
    for (int d = 0; d < 4; d++)
        for (size_t i = 0; i < c->out[0].shape[d]; i++)
            t.from[d][i] = i + (d == 2 ? top : d == 3 ? left : 0);
    dnb_move_by_tables(&c->out[0], c->in[0], &t, 0);
done:
    dnb_tables_release(&t);
    return status;
}

const dnb_op dnb_op_crop = {.name = "Crop",
                            .min_in = 1,
                            .max_in = 1,
                            .max_out = 1,
                            .shape = crop_shape,
                            .run = crop_run,
                            .gradient = dnb_grad_mover};

/* ---- ImageScaler: x * scale + bias[channel]
 * ------------------------------------------------------ */

static dnb_status image_scaler_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_attr *bias = dnb_node_attr(s->node, "bias");
    dnb_status status = check_images(s, false, err);
    if (status == DNB_OK && bias && (bias->kind != DNB_ATTR_FLOATS || bias->n != s->in[0]->dim[1]))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (ImageScaler): bias needs %zu numbers",
                        s->node->name, s->in[0]->dim[1]);
    return status;
}

static dnb_status image_scaler_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_attr *bias = dnb_node_attr(c->node, "bias");
    double scale;
    dnb_status status = dnb_node_float(c->node, "scale", 1, &scale, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, scale_channels, c, scale, bias ? bias->floats : NULL, 0);
    return status;
}

const dnb_op dnb_op_image_scaler = {.name = "ImageScaler",
                                    .min_in = 1,
                                    .max_in = 1,
                                    .max_out = 1,
                                    .shape = image_scaler_shape,
                                    .run = image_scaler_run,
                                    .gradient = dnb_grad_image_scaler};

/* ---- Affine: alpha * x + beta
 * -------------------------------------------------------------------- */

static dnb_status affine_shape(const dnb_op_shapes *s, dnb_err *err)
{
    if (s->in[0]->dtype != DNB_F32)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (Affine): works on floats only",
                        s->node->name);
    s->out[0] = *s->in[0];
    return DNB_OK;
}

static dnb_status affine_run(const dnb_op_call *c, dnb_err *err)
{
    double alpha, beta;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(c->node, "alpha", 1, &alpha, err));
    DNB_TRY(dnb_node_float(c->node, "beta", 0, &beta, err));
    DNB_BY_TYPE(c, scale_channels, c, alpha, NULL, beta);
done:
    return status;
}

const dnb_op dnb_op_affine = {.name = "Affine",
                              .min_in = 1,
                              .max_in = 1,
                              .max_out = 1,
                              .shape = affine_shape,
                              .run = affine_run,
                              .gradient = dnb_grad_affine};
