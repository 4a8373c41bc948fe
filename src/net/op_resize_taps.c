/* Where each output index of Resize comes from along a dimension, and interpolation by it. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/op_resize.h"

/* Position of output index i in input coordinates. */
static double source_position(const dnb_resize *r, int d, size_t i, size_t in, size_t out)
{
    double scale = r->scale[d], x = (double)i;
    double last_in = (double)in - 1, last_out = (double)out - 1, exact = scale * (double)in;
    switch (r->coordinates) {
    case DNB_RESIZE_HALF_PIXEL:
        return (x + 0.5) / scale - 0.5;
    case DNB_RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case DNB_RESIZE_ALIGN_CORNERS:
        /* ONNX's data count with the size before it is rounded down. */
        if (fabs(exact - (double)out) > 1e-6 * exact)
            last_out = exact - 1;
        return out > 1 ? x * last_in / last_out : 0;
    case DNB_RESIZE_TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) / scale;
    case DNB_RESIZE_TF_CROP:
        return out > 1 ? r->roi_start[d] * last_in +
                             x * (r->roi_end[d] - r->roi_start[d]) * last_in / last_out
                       : 0.5 * (r->roi_start[d] + r->roi_end[d]) * last_in;
    case DNB_RESIZE_ASYMMETRIC:
        break;
    }
    return x / scale;
}

static bool lies_outside(const dnb_resize *r, double x, size_t in)
{
    return r->coordinates == DNB_RESIZE_TF_CROP && !(x >= 0 && x <= (double)in - 1);
}

size_t dnb_resize_nearest(const dnb_resize *r, int d, size_t i, size_t in, size_t out,
                          bool *outside)
{
    double x = source_position(r, d, i, in, out), at = 0;
    switch (r->rounding) {
    case DNB_RESIZE_PREFER_FLOOR:
        at = ceil(x - 0.5);
        break;
    case DNB_RESIZE_PREFER_CEIL:
        at = floor(x + 0.5);
        break;
    case DNB_RESIZE_FLOOR:
        at = floor(x);
        break;
    case DNB_RESIZE_CEIL:
        at = ceil(x);
        break;
    case DNB_RESIZE_SIMPLE:
        at = r->scale[d] < 1 ? ceil(x) : floor(x);
        break;
    }
    *outside = lies_outside(r, x, in);
    return !(at > 0) ? 0 : at >= (double)in ? in - 1 : (size_t)at;
}

/* The interpolating kernel at distance t (Keys 1981 for cubic). */
static double tap_weight(const dnb_resize *r, double t)
{
    double a = r->cubic_a;
    t = fabs(t);
    if (r->mode == DNB_RESIZE_LINEAR)
        return t < 1 ? 1 - t : 0;
    if (t <= 1)
        return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* The taps of output index i at position x; kernels are `stretch` times as wide when they smooth.
 */
static void fill_taps(dnb_resize_taps *t, const dnb_resize *r, size_t i, double x, size_t in,
                      double stretch)
{
    double reach = (r->mode == DNB_RESIZE_LINEAR ? 1 : 2) * stretch, sum = 0;
    /* Beyond this everything is the edge; it keeps the index small. */
    x = fmin(fmax(x, -reach - 2), (double)in + reach + 2);
    int64_t first = (int64_t)floor(x - reach) + 1, last = (int64_t)in - 1;
    size_t *index = t->index + i * t->n;
    double *weight = t->weight + i * t->n;
    for (size_t k = 0; k < t->n; k++) {
        int64_t at = first + (int64_t)k;
        bool inside = at >= 0 && at <= last;
        index[k] = (size_t)(at < 0 ? 0 : at > last ? last : at);
        weight[k] = inside || !r->exclude_outside ? tap_weight(r, ((double)at - x) / stretch) : 0;
        sum += weight[k];
    }
    if ((r->exclude_outside || stretch > 1) && sum != 0)
        for (size_t k = 0; k < t->n; k++)
            weight[k] /= sum;
}

/* The one tap of a nearest neighbour; what lies outside has none. */
static void fill_nearest(dnb_resize_taps *t, const dnb_resize *r, int d, size_t i, size_t in,
                         size_t out)
{
    bool outside = false;
    t->index[i] = dnb_resize_nearest(r, d, i, in, out, &outside);
    t->weight[i] = outside ? 0 : 1;
    t->identity = t->identity && !outside && t->index[i] == i;
}

static size_t tap_count(const dnb_resize *r, double stretch)
{
    return r->mode == DNB_RESIZE_NEAREST
               ? 1
               : (size_t)ceil(2 * stretch * (r->mode == DNB_RESIZE_LINEAR ? 1 : 2));
}

dnb_status dnb_resize_taps_init(dnb_resize_taps *t, const dnb_resize *r, int d, size_t in,
                                size_t out, dnb_err *err)
{
    double stretch = r->antialias && r->scale[d] < 1 ? 1 / r->scale[d] : 1;
    size_t count;
    dnb_resize_taps made = {.identity = in == out};
    dnb_status status = DNB_OK;
    made.n = tap_count(r, stretch);
    if (!dnb_mul_size(&count, made.n, out))
        return dnb_fail_memory(err, "interpolation weights", SIZE_MAX);
    DNB_NEW(made.index, count, "interpolation weights");
    DNB_NEW(made.weight, count, "interpolation weights");
    DNB_NEW(made.outside, out, "interpolation weights");
    for (size_t i = 0; i < out; i++) {
        if (r->mode == DNB_RESIZE_NEAREST) {
            fill_nearest(&made, r, d, i, in, out);
            continue;
        }
        double x = source_position(r, d, i, in, out);
        made.outside[i] = lies_outside(r, x, in);
        made.identity = made.identity && x == (double)i;
        fill_taps(&made, r, i, x, in, stretch);
    }
    *t = made;
    made = (dnb_resize_taps){0};
done:
    dnb_resize_taps_release(&made);
    return status;
}

void dnb_resize_taps_release(dnb_resize_taps *t)
{
    dnb_free(t->index);
    dnb_free(t->weight);
    dnb_free(t->outside);
    *t = (dnb_resize_taps){0};
}

/* src is outer x in x inner, dst outer x out x inner. */
static void resize_pass(const dnb_resize_taps *t, const double *src, double *dst, size_t outer,
                        size_t in, size_t out, size_t inner)
{
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < outer * out; row++) {
        const double *from = src + row / out * in * inner;
        const size_t *index = t->index + row % out * t->n;
        const double *weight = t->weight + row % out * t->n;
        double *to = dst + row * inner;
        memset(to, 0, inner * sizeof *to);
        for (size_t k = 0; k < t->n; k++) {
            const double w = weight[k], *row_from = from + index[k] * inner;
            for (size_t j = 0; w != 0 && j < inner; j++)
                to[j] += w * row_from[j];
        }
    }
}

/* The adjoint: src is outer x out x inner, dst outer x in x inner. */
static void resize_pass_back(const dnb_resize_taps *t, const double *src, double *dst, size_t outer,
                             size_t in, size_t out, size_t inner)
{
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < outer; o++) {
        double *to = dst + o * in * inner;
        memset(to, 0, in * inner * sizeof *to);
        for (size_t k = 0; k < out * t->n; k++) {
            const double w = t->weight[k], *from = src + (o * out + k / t->n) * inner;
            double *row = to + t->index[k] * inner;
            for (size_t j = 0; w != 0 && j < inner; j++)
                row[j] += w * from[j];
        }
    }
}

/* What lies beyond the input in any dimension gets the extrapolation value. */
static void extrapolate(const dnb_resize_taps *taps, double value, dnb_array *out)
{
    double *dst = out->data;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < dnb_array_count(out); i++) {
        size_t rest = i;
        bool outside = false;
        for (int d = out->ndim - 1; d >= 0; d--) {
            outside = outside || taps[d].outside[rest % out->shape[d]];
            rest /= out->shape[d];
        }
        if (outside)
            dst[i] = value;
    }
}

static void store(dnb_array *out, const double *from)
{
    size_t n = dnb_array_count(out);
    if (out->dtype == DNB_F64) {
        memcpy(out->data, from, n * sizeof *from);
        return;
    }
    float *to = out->data;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

dnb_status dnb_resize_interpolate(const dnb_resize *r, const dnb_array *x, dnb_array *out,
                                  dnb_err *err)
{
    dnb_resize_taps taps[DNB_MAX_DIMS] = {{0}};
    dnb_array now = {0}, next = {0};
    size_t outer = 1, inner = dnb_array_count(x);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_array_convert(&now, x, DNB_F64, err));
    for (int d = 0; d < x->ndim; d++) {
        size_t in = x->shape[d], size = out->shape[d];
        inner /= in;
        DNB_TRY(dnb_resize_taps_init(&taps[d], r, d, in, size, err));
        if (!taps[d].identity) {
            DNB_TRY(dnb_array_init(&next, DNB_F64, 3, (size_t[]){outer, size, inner}, err));
            resize_pass(&taps[d], now.data, next.data, outer, in, size, inner);
            dnb_array_release(&now);
            now = next;
            next = (dnb_array){0};
        }
        outer *= size;
    }
    if (r->coordinates == DNB_RESIZE_TF_CROP) {
        now.ndim = out->ndim;
        memcpy(now.shape, out->shape, sizeof now.shape);
        extrapolate(taps, r->extrapolation, &now);
    }
    store(out, now.data);
done:
    dnb_array_release(&now);
    dnb_array_release(&next);
    for (int d = 0; d < x->ndim; d++)
        dnb_resize_taps_release(&taps[d]);
    return status;
}

dnb_status dnb_resize_adjoint(const dnb_resize *r, const dnb_array *dy, dnb_array *dx, dnb_err *err)
{
    dnb_resize_taps taps[DNB_MAX_DIMS] = {{0}};
    dnb_array now = {0}, next = {0};
    size_t outer = 1, inner = dnb_array_count(dy);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_array_convert(&now, dy, DNB_F64, err));
    for (int d = 0; d < dy->ndim; d++)
        DNB_TRY(dnb_resize_taps_init(&taps[d], r, d, dx->shape[d], dy->shape[d], err));
    if (r->coordinates == DNB_RESIZE_TF_CROP)
        extrapolate(taps, 0, &now);
    for (int d = 0; d < dy->ndim; d++) {
        size_t in = dx->shape[d], size = dy->shape[d];
        inner /= size;
        if (!taps[d].identity) {
            DNB_TRY(dnb_array_init(&next, DNB_F64, 3, (size_t[]){outer, in, inner}, err));
            resize_pass_back(&taps[d], now.data, next.data, outer, in, size, inner);
            dnb_array_release(&now);
            now = next;
            next = (dnb_array){0};
        }
        outer *= in;
    }
    store(dx, now.data);
done:
    dnb_array_release(&now);
    dnb_array_release(&next);
    for (int d = 0; d < dy->ndim; d++)
        dnb_resize_taps_release(&taps[d]);
    return status;
}
