/* Helpers of shape rules and reference kernels. */
#include "net/op_util.h"

#include <stdio.h>
#include <string.h>

#include "array/half.h"
#include "base/mem.h"

#define MAX_SIZE ((int64_t)1 << 31)

dnb_dtype dnb_storage_class(dnb_dtype elem)
{
    return elem == DNB_F32 || elem == DNB_F64 || elem == DNB_F16 || elem == DNB_BF16 ? DNB_F32
                                                                                     : DNB_I64;
}

dnb_dtype dnb_elem(const dnb_shape *s)
{
    return s->elem ? (dnb_dtype)(s->elem - 1) : dnb_storage_class(s->dtype);
}

static double round_half(double x)
{
    return (double)dnb_half_to_float(dnb_float_to_half((float)x));
}

static double round_bfloat(double x)
{
    return (double)dnb_bfloat_to_float(dnb_float_to_bfloat((float)x));
}

static void narrow_floats(dnb_array *a, dnb_dtype elem)
{
    size_t n = dnb_array_count(a);
    float *f = a->dtype == DNB_F32 ? a->data : NULL;
    double *d = a->dtype == DNB_F64 ? a->data : NULL;
    if (elem == DNB_F64 || (elem == DNB_F32 && f))
        return;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        double x = f ? (double)f[i] : d[i];
        x = elem == DNB_F16 ? round_half(x) : elem == DNB_BF16 ? round_bfloat(x) : (double)(float)x;
        if (f)
            f[i] = (float)x;
        else
            d[i] = x;
    }
}

static int64_t wrap(int64_t x, dnb_dtype elem)
{
    switch (elem) {
    case DNB_I32:
        return (int32_t)(uint32_t)x;
    case DNB_I16:
        return (int16_t)(uint16_t)x;
    case DNB_I8:
        return (int8_t)(uint8_t)x;
    case DNB_U32:
        return (uint32_t)x;
    case DNB_U16:
        return (uint16_t)x;
    case DNB_U8:
        return (uint8_t)x;
    case DNB_BOOL:
        return x != 0;
    default:
        return x; /* int64, and uint64 in int64's bits */
    }
}

void dnb_narrow(dnb_array *a, dnb_dtype elem)
{
    if (a->dtype != DNB_I64) {
        narrow_floats(a, elem);
        return;
    }
    if (elem == DNB_I64 || elem == DNB_U64)
        return;
    for (size_t i = 0, n = dnb_array_count(a); i < n; i++)
        ((int64_t *)a->data)[i] = wrap(((int64_t *)a->data)[i], elem);
}

dnb_status dnb_op_need(const dnb_op_shapes *s, size_t i, dnb_err *err)
{
    if (s->known[i])
        return DNB_OK;
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "node '%s' (%s): the shape of its result depends on the data, which is "
                    "unsupported here",
                    s->node->name, s->node->op->name);
}

size_t dnb_shape_count(const dnb_shape *s)
{
    size_t n = 1;
    for (int i = 0; i < s->ndim; i++)
        n *= s->dim[i];
    return n;
}

const char *dnb_shape_text(const dnb_shape *s, char *buf, size_t size)
{
    dnb_array a;
    if (s->ndim < 0 || s->ndim > DNB_MAX_DIMS) {
        snprintf(buf, size, "%d-dimensional", s->ndim);
        return buf;
    }
    dnb_array_borrow(&a, s->dtype, s->ndim, s->dim, NULL);
    return dnb_array_shape_text(&a, buf, size);
}

bool dnb_shape_equal(const dnb_shape *a, const dnb_shape *b)
{
    if (a->ndim != b->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

dnb_shape dnb_shape_of(const dnb_array *a)
{
    dnb_shape s = {.dtype = a->dtype, .ndim = a->ndim};
    for (int i = 0; i < a->ndim; i++)
        s.dim[i] = a->shape[i];
    return s;
}

dnb_shape dnb_shape_make(int ndim, const size_t *dim)
{
    dnb_shape s = {.dtype = DNB_F32, .ndim = ndim};
    for (int i = 0; i < ndim; i++)
        s.dim[i] = dim[i];
    return s;
}

/* ---- axes, lists and scalars --------------------------------------------------------------------
 */

dnb_status dnb_op_axis(const dnb_node *n, int64_t axis, int ndim, bool inclusive, int *out,
                       dnb_err *err)
{
    int64_t top = inclusive ? ndim : ndim - 1;
    if (axis < -(int64_t)ndim || axis > top)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (%s): axis %lld is outside a %d-dimensional value", n->name,
                        n->op->name, (long long)axis, ndim);
    *out = (int)(axis < 0 ? axis + ndim : axis);
    return DNB_OK;
}

dnb_status dnb_op_axis_attr(const dnb_node *n, const char *name, int64_t fallback, int ndim,
                            bool inclusive, int *out, dnb_err *err)
{
    int64_t axis = 0;
    dnb_status status = dnb_node_int(n, name, fallback, &axis, err);
    return status == DNB_OK ? dnb_op_axis(n, axis, ndim, inclusive, out, err) : status;
}

static dnb_status ints_of_array(const dnb_node *n, const dnb_array *a, size_t i,
                                const int64_t **ints, size_t *count, dnb_err *err)
{
    if (a->dtype != DNB_I64 || a->ndim > 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu must be a list of integers",
                        n->name, n->op->name, i);
    *ints = a->data;
    *count = dnb_array_count(a);
    return DNB_OK;
}

dnb_status dnb_op_ints(const dnb_op_shapes *s, const char *name, size_t i, const int64_t **ints,
                       size_t *count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    *ints = NULL;
    *count = 0;
    if (name)
        status = dnb_node_ints(s->node, name, ints, count, err);
    if (status != DNB_OK || *ints || i >= s->node->n_inputs || !s->in[i])
        return status;
    if (!s->known[i])
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): input %zu must not depend on the data", s->node->name,
                        s->node->op->name, i);
    return ints_of_array(s->node, s->known[i], i, ints, count, err);
}

dnb_status dnb_call_ints(const dnb_op_call *c, const char *name, size_t i, const int64_t **ints,
                         size_t *count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    *ints = NULL;
    *count = 0;
    if (name)
        status = dnb_node_ints(c->node, name, ints, count, err);
    if (status != DNB_OK || *ints || i >= c->node->n_inputs || !c->in[i])
        return status;
    return ints_of_array(c->node, c->in[i], i, ints, count, err);
}

double dnb_array_at(const dnb_array *a, size_t i)
{
    switch (a->dtype) {
    case DNB_F32:
        return ((const float *)a->data)[i];
    case DNB_F64:
        return ((const double *)a->data)[i];
    case DNB_I64:
        return (double)((const int64_t *)a->data)[i];
    default:
        return 0;
    }
}

dnb_status dnb_op_scalar(const dnb_op_shapes *s, const char *name, size_t i, double *out,
                         bool *given, dnb_err *err)
{
    *given = dnb_node_attr(s->node, name) != NULL;
    if (*given)
        return dnb_node_float(s->node, name, 0, out, err);
    if (i >= s->node->n_inputs || !s->in[i])
        return DNB_OK;
    if (!s->known[i] || dnb_array_count(s->known[i]) != 1)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): input %zu must be one number known before running",
                        s->node->name, s->node->op->name, i);
    *given = true;
    *out = dnb_array_at(s->known[i], 0);
    return DNB_OK;
}

/* ---- broadcasting -------------------------------------------------------------------------------
 */

dnb_status dnb_op_broadcast(const dnb_node *n, const dnb_shape *a, const dnb_shape *b,
                            dnb_shape *out, dnb_err *err)
{
    dnb_shape r = {.dtype = a->dtype, .ndim = a->ndim > b->ndim ? a->ndim : b->ndim};
    char left[128], right[128];
    for (int i = 0; i < r.ndim; i++) {
        int ia = i - (r.ndim - a->ndim), ib = i - (r.ndim - b->ndim);
        size_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): shapes %s and %s do not broadcast",
                            n->name, n->op->name, dnb_shape_text(a, left, sizeof left),
                            dnb_shape_text(b, right, sizeof right));
        r.dim[i] = da == 1 ? db : da;
    }
    *out = r;
    return DNB_OK;
}

void dnb_broadcast_steps(const dnb_array *s, const dnb_array *out, size_t step[DNB_MAX_DIMS])
{
    size_t run = 1;
    for (int i = 0; i < DNB_MAX_DIMS; i++)
        step[i] = 0;
    for (int i = s->ndim - 1; i >= 0; i--) {
        step[i + out->ndim - s->ndim] = s->shape[i] == 1 ? 0 : run;
        run *= s->shape[i];
    }
}

/* ---- windows ------------------------------------------------------------------------------------
 */

/* Attribute `name` as n numbers of lo..MAX_SIZE, or `fallback` for each. */
static dnb_status read_sizes(const dnb_node *node, const char *name, int n, int64_t lo,
                             const size_t *fallback, size_t *out, dnb_err *err)
{
    const int64_t *ints;
    size_t count;
    dnb_status status = dnb_node_ints(node, name, &ints, &count, err);
    if (status != DNB_OK)
        return status;
    if (ints && count != (size_t)n)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): attribute '%s' has %zu numbers, not %d",
                        node->name, node->op->name, name, count, n);
    for (int i = 0; i < n; i++) {
        if (ints && (ints[i] < lo || ints[i] >= MAX_SIZE))
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (%s): attribute '%s' holds %lld, out of range", node->name,
                            node->op->name, name, (long long)ints[i]);
        out[i] = ints ? (size_t)ints[i] : fallback[i];
    }
    return DNB_OK;
}

dnb_status dnb_window_read_sizes(dnb_window *w, const dnb_node *n, const dnb_shape *in,
                                 const size_t *kernel, dnb_err *err)
{
    static const size_t ones[DNB_MAX_SPATIAL] = {1, 1, 1};
    char text[128];
    dnb_window r = {.n = in->ndim - 2};
    dnb_status status = DNB_OK;
    if (r.n > DNB_MAX_SPATIAL)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): more than %d spatial dimensions are unsupported", n->name,
                        n->op->name, DNB_MAX_SPATIAL);
    if (r.n < 1)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (%s): input %s is not n x channels x spatial dimensions",
                        n->name, n->op->name, dnb_shape_text(in, text, sizeof text));
    if (!kernel && !dnb_node_attr(n, "kernel_shape"))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): attribute 'kernel_shape' is missing",
                        n->name, n->op->name);
    DNB_TRY(read_sizes(n, "kernel_shape", r.n, 1, kernel ? kernel : ones, r.kernel, err));
    DNB_TRY(read_sizes(n, "strides", r.n, 1, ones, r.stride, err));
    DNB_TRY(read_sizes(n, "dilations", r.n, 1, ones, r.dilation, err));
    for (int i = 0; i < r.n; i++) {
        if (kernel && kernel[i] != r.kernel[i])
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (%s): kernel_shape differs from the weights", n->name,
                            n->op->name);
        if (r.kernel[i] == 0)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): the weights are empty", n->name,
                            n->op->name);
        if (r.kernel[i] > (size_t)MAX_SIZE / r.dilation[i])
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (%s): kernel of %zu with dilation %zu is too "
                            "large",
                            n->name, n->op->name, r.kernel[i], r.dilation[i]);
    }
    *w = r;
done:
    return status;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Padding of one dimension by auto_pad's SAME rule. */
static void same_padding(dnb_window *w, int i, int64_t in, bool upper)
{
    int64_t stride = (int64_t)w->stride[i];
    int64_t extent = (int64_t)((w->kernel[i] - 1) * w->dilation[i]) + 1;
    int64_t total = max_i64(0, (in + stride - 1) / stride * stride - stride + extent - in);
    w->pad_lo[i] = (size_t)(upper ? total / 2 : total - total / 2);
    w->pad_hi[i] = (size_t)total - w->pad_lo[i];
}

static dnb_status read_padding(dnb_window *w, const dnb_node *n, const dnb_shape *in, dnb_err *err)
{
    static const size_t zeros[2 * DNB_MAX_SPATIAL] = {0};
    size_t pads[2 * DNB_MAX_SPATIAL];
    const char *mode = NULL;
    dnb_status status = DNB_OK;
    DNB_TRY(read_sizes(n, "pads", 2 * w->n, 0, zeros, pads, err));
    DNB_TRY(dnb_node_string(n, "auto_pad", &mode, err));
    if (!mode || !*mode)
        mode = "NOTSET";
    for (int i = 0; i < w->n; i++) {
        if (strcmp(mode, "NOTSET") == 0) {
            w->pad_lo[i] = pads[i];
            w->pad_hi[i] = pads[w->n + i];
        } else if (strcmp(mode, "SAME_UPPER") == 0 || strcmp(mode, "SAME_LOWER") == 0) {
            same_padding(w, i, (int64_t)in->dim[2 + i], mode[5] == 'U');
        } else if (strcmp(mode, "VALID") != 0) {
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): auto_pad '%s' is unknown", n->name,
                            n->op->name, mode);
        }
    }
done:
    return status;
}

/* Output size of one dimension. With `ceil` a last window may hang over the padding, but it must
 * start inside the input or its left padding (PyTorch's rule, and ONNX's since opset 22). */
static dnb_status window_output(dnb_window *w, const dnb_node *n, int i, int64_t in, bool ceil,
                                dnb_err *err)
{
    int64_t stride = (int64_t)w->stride[i], lo = (int64_t)w->pad_lo[i], hi = (int64_t)w->pad_hi[i];
    int64_t extent = (int64_t)((w->kernel[i] - 1) * w->dilation[i]) + 1;
    int64_t room = in + lo + hi - extent + (ceil ? stride - 1 : 0);
    if (room < 0)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (%s): window of %lld is larger than its input of %lld", n->name,
                        n->op->name, (long long)extent, (long long)(in + lo + hi));
    int64_t out = room / stride + 1;
    if (ceil && (out - 1) * stride >= in + lo)
        out--;
    w->out[i] = (size_t)out;
    w->extra[i] = ceil ? (size_t)max_i64(0, (out - 1) * stride + extent - (in + lo + hi)) : 0;
    return DNB_OK;
}

dnb_status dnb_window_read(dnb_window *w, const dnb_node *n, const dnb_shape *in,
                           const size_t *kernel, dnb_err *err)
{
    dnb_window r;
    int64_t ceil = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read_sizes(&r, n, in, kernel, err));
    DNB_TRY(read_padding(&r, n, in, err));
    DNB_TRY(dnb_node_int(n, "ceil_mode", 0, &ceil, err));
    for (int i = 0; i < r.n; i++)
        DNB_TRY(window_output(&r, n, i, (int64_t)in->dim[2 + i], ceil != 0, err));
    *w = r;
done:
    return status;
}

void dnb_window_to_3d(dnb_window *w)
{
    int shift = DNB_MAX_SPATIAL - w->n;
    for (int i = DNB_MAX_SPATIAL - 1; i >= 0; i--) {
        int from = i - shift;
        w->kernel[i] = from < 0 ? 1 : w->kernel[from];
        w->stride[i] = from < 0 ? 1 : w->stride[from];
        w->dilation[i] = from < 0 ? 1 : w->dilation[from];
        w->pad_lo[i] = from < 0 ? 0 : w->pad_lo[from];
        w->pad_hi[i] = from < 0 ? 0 : w->pad_hi[from];
        w->extra[i] = from < 0 ? 0 : w->extra[from];
        w->out[i] = from < 0 ? 1 : w->out[from];
    }
    w->n = DNB_MAX_SPATIAL;
}

void dnb_window_to_prim(const dnb_window *w, dnb_prim *p)
{
    p->n_spatial = w->n;
    for (int i = 0; i < w->n; i++) {
        p->kernel[i] = w->kernel[i];
        p->stride[i] = w->stride[i];
        p->dilation[i] = w->dilation[i];
        p->pad_lo[i] = w->pad_lo[i];
        p->pad_hi[i] = w->pad_hi[i] + w->extra[i];
    }
}

void dnb_spatial_3d(const dnb_array *a, size_t size[3])
{
    for (int i = 0; i < 3; i++) {
        int at = a->ndim - 3 + i;
        size[i] = at < 2 ? 1 : a->shape[at];
    }
}

dnb_status dnb_kernel_copy(const dnb_op_call *c, dnb_err *err)
{
    size_t bytes = dnb_array_bytes(&c->out[0]);
    if (bytes != dnb_array_bytes(c->in[0]))
        return dnb_fail(err, DNB_EINTERNAL, "node '%s' (%s): copies %zu bytes into %zu",
                        c->node->name, c->node->op->name, dnb_array_bytes(c->in[0]), bytes);
    if (bytes)
        memmove(c->out[0].data, c->in[0]->data, bytes);
    return DNB_OK;
}
