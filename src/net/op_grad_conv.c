/* Helper operators of gradients of convolutions, with the forward node's attributes:
 * dnb.ConvInputGrad and dnb.ConvTransposeInputGrad (gradient, weights, shape of the input),
 * dnb.ConvWeightGrad and dnb.ConvTransposeWeightGrad (input, gradient, shape of the weights). */
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_conv.h"
#include "net/op_families.h"

#define DNB_KERNELS "net/op_grad_conv_kernel.h"
#include "net/each_real.h"

typedef dnb_status (*conv_reader)(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                                  const dnb_shape *b, dnb_window *window, size_t *groups,
                                  size_t *n_out, dnb_err *err);

/* The forward node's window for x and w; dy must be what it yields. */
static dnb_status check(const dnb_op_shapes *s, conv_reader read, const dnb_shape *x,
                        const dnb_shape *w, size_t dy, dnb_window *window, size_t *groups,
                        dnb_err *err)
{
    dnb_shape want = *x;
    size_t n_out = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_floats(s, 2, err));
    for (int i = 0; i < w->ndim; i++)
        if (w->dim[i] == 0)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): the weights are empty", s->node->name,
                            s->node->op->name);
    DNB_TRY(read(s->node, x, w, NULL, window, groups, &n_out, err));
    want.dim[1] = n_out;
    for (int i = 0; i < window->n; i++)
        want.dim[2 + i] = window->out[i];
    DNB_TRY(dnb_op_expect(s, dy, &want, err));
done:
    return status;
}

/* Shape of a kernel's array, as a float value of the graph. */
static dnb_shape float_shape(const dnb_array *a)
{
    dnb_shape s = dnb_shape_of(a);
    s.dtype = DNB_F32;
    return s;
}

/* ---- dnb.ConvInputGrad --------------------------------------------------------------------------
 */

static dnb_status input_grad_shape(const dnb_op_shapes *s, conv_reader read, dnb_err *err)
{
    dnb_window w;
    size_t groups;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_target_shape(s, 2, err));
    DNB_TRY(check(s, read, &s->out[0], s->in[1], 0, &w, &groups, err));
done:
    return status;
}

static dnb_status conv_input_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return input_grad_shape(s, dnb_conv_read, err);
}

static dnb_status conv_input_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    size_t groups, n_out;
    dnb_shape x = float_shape(&c->out[0]), wt = float_shape(c->in[1]);
    dnb_status status = dnb_conv_read(c->node, &x, &wt, NULL, &w, &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    dnb_spatial_3d(&c->out[0], w.out); /* the adjoint yields the input */
    dnb_deconv_reference(&c->out[0], c->in[0], c->in[1], NULL, &w, groups);
    return DNB_OK;
}

/* A stride of 1 makes it a convolution with mirrored weights, which can add and take part in
 * fusion; that needs padding of the kernel's extent less the forward one's. */
static bool is_convolution(const dnb_window *w)
{
    for (int i = 0; i < w->n; i++) {
        size_t extent = (w->kernel[i] - 1) * w->dilation[i];
        if (w->stride[i] != 1 || w->pad_lo[i] > extent || w->pad_hi[i] > extent)
            return false;
    }
    return true;
}

static dnb_status conv_input_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    dnb_status status = check(s, dnb_conv_read, &s->out[0], s->in[1], 0, &w, &p->groups, err);
    if (status != DNB_OK)
        return status;
    p->kind = DNB_PRIM_CONV_INPUT_GRAD;
    p->n_data = 1;
    if (is_convolution(&w)) {
        p->kind = DNB_PRIM_CONV;
        p->adjoint = true;
        for (int i = 0; i < w.n; i++) {
            size_t extent = (w.kernel[i] - 1) * w.dilation[i];
            w.pad_lo[i] = extent - w.pad_lo[i];
            w.pad_hi[i] = extent - w.pad_hi[i];
        }
    }
    dnb_window_to_prim(&w, p);
    return DNB_OK;
}

const dnb_op dnb_op_conv_input_grad = {.name = "dnb.ConvInputGrad",
                                       .min_in = 3,
                                       .max_in = 3,
                                       .max_out = 1,
                                       .shape = conv_input_shape,
                                       .run = conv_input_run,
                                       .lower = conv_input_lower};

/* ---- dnb.ConvTransposeInputGrad -----------------------------------------------------------------
 */

static dnb_status deconv_input_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return input_grad_shape(s, dnb_deconv_read, err);
}

static dnb_status deconv_input_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    size_t groups, n_out;
    dnb_shape x = float_shape(&c->out[0]), wt = float_shape(c->in[1]);
    dnb_status status = dnb_deconv_read(c->node, &x, &wt, NULL, &w, &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    dnb_spatial_3d(&c->out[0], w.out);
    dnb_conv_reference(&c->out[0], c->in[0], c->in[1], NULL, &w, groups);
    return DNB_OK;
}

const dnb_op dnb_op_conv_transpose_input_grad = {.name = "dnb.ConvTransposeInputGrad",
                                                 .min_in = 3,
                                                 .max_in = 3,
                                                 .max_out = 1,
                                                 .shape = deconv_input_shape,
                                                 .run = deconv_input_run};

/* ---- dnb.ConvWeightGrad, dnb.ConvTransposeWeightGrad --------------------------------------------
 */

static dnb_status weight_grad_shape(const dnb_op_shapes *s, conv_reader read, dnb_err *err)
{
    dnb_window w;
    size_t groups;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_target_shape(s, 2, err));
    DNB_TRY(check(s, read, s->in[0], &s->out[0], 1, &w, &groups, err));
done:
    return status;
}

static dnb_status conv_weight_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return weight_grad_shape(s, dnb_conv_read, err);
}

static dnb_status deconv_weight_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return weight_grad_shape(s, dnb_deconv_read, err);
}

static dnb_status conv_weight_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    size_t groups, n_out;
    dnb_shape x = float_shape(c->in[0]), wt = float_shape(&c->out[0]);
    dnb_status status = dnb_conv_read(c->node, &x, &wt, NULL, &w, &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    DNB_BY_TYPE(c, weight_grads, &c->out[0], c->in[0], c->in[1], &w, groups);
    return DNB_OK;
}

static dnb_status conv_weight_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    dnb_status status = check(s, dnb_conv_read, s->in[0], &s->out[0], 1, &w, &p->groups, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_prim(&w, p);
    p->kind = DNB_PRIM_CONV_WEIGHT_GRAD;
    p->n_data = 2;
    return DNB_OK;
}

/* A transposed convolution convolves its gradient: data and gradient change places. */
static dnb_status deconv_weight_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    size_t groups, n_out;
    dnb_shape x = float_shape(c->in[0]), wt = float_shape(&c->out[0]);
    dnb_status status = dnb_deconv_read(c->node, &x, &wt, NULL, &w, &groups, &n_out, err);
    if (status != DNB_OK)
        return status;
    dnb_window_to_3d(&w);
    dnb_spatial_3d(c->in[0], w.out);
    DNB_BY_TYPE(c, weight_grads, &c->out[0], c->in[1], c->in[0], &w, groups);
    return DNB_OK;
}

const dnb_op dnb_op_conv_weight_grad = {.name = "dnb.ConvWeightGrad",
                                        .min_in = 3,
                                        .max_in = 3,
                                        .max_out = 1,
                                        .shape = conv_weight_shape,
                                        .run = conv_weight_run,
                                        .lower = conv_weight_lower};

const dnb_op dnb_op_conv_transpose_weight_grad = {.name = "dnb.ConvTransposeWeightGrad",
                                                  .min_in = 3,
                                                  .max_in = 3,
                                                  .max_out = 1,
                                                  .shape = deconv_weight_shape,
                                                  .run = deconv_weight_run};
