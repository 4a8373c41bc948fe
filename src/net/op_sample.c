/* GridSample (spatial transformers, Jaderberg et al. 2015) and RoiAlign (Mask R-CNN, He et al.
 * 2017): values between the pixels of n x channels x height x width. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_util.h"

typedef enum grid_mode { GRID_BILINEAR, GRID_NEAREST, GRID_BICUBIC } grid_mode;
typedef enum grid_padding { GRID_ZEROS, GRID_BORDER, GRID_REFLECTION } grid_padding;

typedef struct grid_plan {
    grid_mode mode;
    grid_padding padding;
    bool align;
    size_t width, height;
} grid_plan;

typedef struct roi_plan {
    bool is_max;
    double scale, shift; /* box coordinates to pixels: times scale, less shift */
    double smallest;     /* of a box's side */
    size_t ratio;        /* sampling points per bin and axis, 0 = by the bin's size */
    size_t out_h, out_w, height, width;
} roi_plan;

typedef struct roi_box {
    double top, left, bin_h, bin_w;
    size_t points_y, points_x;
} roi_box;

/* A pixel's place in its plane, and its share. */
typedef struct weighted {
    size_t at;
    double weight;
} weighted;

/* Sampling points per axis of an adaptive bin: a box from a file may be absurdly large. */
#define MAX_POINTS 4096
/* Channels that share the work of finding a bin's points. */
#define ROI_CHANNELS 64

static double clamp(double x, double lo, double hi)
{
    return !(x > lo) ? lo : x > hi ? hi : x;
}

/* A coordinate mirrored at the borders until it is inside: at the centres of the outer pixels
 * with align, else at their outer edges. */
static double reflect(double x, size_t size, bool align)
{
    double lo = align ? 0 : -0.5, span = align ? (double)size - 1 : (double)size;
    if (!(span > 0) || !isfinite(x))
        return 0;
    double t = fmod(fabs(x - lo), 2 * span);
    return clamp(rint(lo + (t > span ? 2 * span - t : t)), 0, (double)size - 1);
}

/* -1..1 to pixels. What is no number, or far away, is kept far outside. */
static double grid_position(double g, size_t size, const grid_plan *p)
{
    double x = p->align ? (g + 1) / 2 * ((double)size - 1) : ((g + 1) * (double)size - 1) / 2;
    return isnan(x) ? -1e15 : clamp(x, -1e15, 1e15);
}

/* Weights of the neighbours of a point at fraction t (cubic: Keys 1981 with a = -0.75). */
static void grid_weights(grid_mode mode, double t, double w[4])
{
    const double a = -0.75;
    if (mode == GRID_BILINEAR) {
        w[0] = 1 - t;
        w[1] = t;
        return;
    }
    for (int i = 0; i < 4; i++) {
        double d = fabs((double)(i - 1) - t);
        w[i] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1
                      : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

/* The place of pixel (x, y) after the padding rule; false where it counts as 0. */
static bool grid_pixel(const grid_plan *p, double x, double y, size_t *at)
{
    if (p->padding == GRID_BORDER) {
        x = clamp(x, 0, (double)p->width - 1);
        y = clamp(y, 0, (double)p->height - 1);
    } else if (p->padding == GRID_REFLECTION) {
        x = reflect(x, p->width, p->align);
        y = reflect(y, p->height, p->align);
    }
    if (!(x >= 0 && x < (double)p->width && y >= 0 && y < (double)p->height))
        return false;
    *at = (size_t)y * p->width + (size_t)x;
    return true;
}

/* Their derivatives with respect to t. */
static void grid_weight_slopes(grid_mode mode, double t, double w[4])
{
    const double a = -0.75;
    if (mode == GRID_BILINEAR) {
        w[0] = -1;
        w[1] = 1;
        return;
    }
    for (int i = 0; i < 4; i++) {
        double d = fabs((double)(i - 1) - t), side = (double)(i - 1) < t ? 1 : -1;
        w[i] = side *
               (d <= 1 ? (3 * (a + 2) * d - 2 * (a + 3)) * d : (3 * a * d - 10 * a) * d + 8 * a);
    }
}

/* Of what grid_taps tells the weights. */
typedef enum grid_part { GRID_VALUE, GRID_SLOPE_X, GRID_SLOPE_Y } grid_part;

/* What the value at (x, y), or its derivative there, is made of: a 1 x 1, 2 x 2 or 4 x 4
 * neighbourhood. */
static int grid_taps(const grid_plan *p, double x, double y, grid_part part, weighted tap[16])
{
    double wx[4] = {1}, wy[4] = {1};
    int n = p->mode == GRID_NEAREST ? 1 : p->mode == GRID_BILINEAR ? 2 : 4, found = 0;
    double left = n == 1 ? rint(x) : floor(x) - (n == 4);
    double top = n == 1 ? rint(y) : floor(y) - (n == 4);
    if (n > 1) {
        (part == GRID_SLOPE_X ? grid_weight_slopes : grid_weights)(p->mode, x - floor(x), wx);
        (part == GRID_SLOPE_Y ? grid_weight_slopes : grid_weights)(p->mode, y - floor(y), wy);
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double weight = wy[i] * wx[j];
            if (weight != 0 && grid_pixel(p, left + j, top + i, &tap[found].at))
                tap[found++].weight = weight;
        }
    return found;
}

/* The four pixels around sampling point i of a bin, and their shares; none beyond one pixel outside
 * the image. */
static void roi_corners(const roi_plan *p, const roi_box *b, size_t bin, size_t i,
                        weighted corner[4])
{
    double h = (double)p->height, w = (double)p->width;
    double iy = ((double)(i / b->points_x) + 0.5) / (double)b->points_y;
    double ix = ((double)(i % b->points_x) + 0.5) / (double)b->points_x;
    double y = b->top + b->bin_h * ((double)(bin / p->out_w) + iy);
    double x = b->left + b->bin_w * ((double)(bin % p->out_w) + ix);
    for (int k = 0; k < 4; k++)
        corner[k] = (weighted){0, 0};
    if (!(y >= -1 && y <= h && x >= -1 && x <= w))
        return;
    y = clamp(y, 0, h - 1);
    x = clamp(x, 0, w - 1);
    size_t y0 = (size_t)y, x0 = (size_t)x;
    size_t y1 = y0 + 1 < p->height ? y0 + 1 : y0, x1 = x0 + 1 < p->width ? x0 + 1 : x0;
    double fy = y - (double)y0, fx = x - (double)x0;
    corner[0] = (weighted){y0 * p->width + x0, (1 - fy) * (1 - fx)};
    corner[1] = (weighted){y0 * p->width + x1, (1 - fy) * fx};
    corner[2] = (weighted){y1 * p->width + x0, fy * (1 - fx)};
    corner[3] = (weighted){y1 * p->width + x1, fy * fx};
}

static size_t roi_points(const roi_plan *p, double bin)
{
    return p->ratio ? p->ratio : (size_t)clamp(ceil(bin), 1, MAX_POINTS);
}

/* corner: x1, y1, x2, y2 in the coordinates of the image. */
static roi_box roi_place(const roi_plan *p, const double corner[4])
{
    roi_box b = {.left = corner[0] * p->scale - p->shift, .top = corner[1] * p->scale - p->shift};
    double width = fmax(corner[2] * p->scale - p->shift - b.left, p->smallest);
    double height = fmax(corner[3] * p->scale - p->shift - b.top, p->smallest);
    b.bin_w = width / (double)p->out_w;
    b.bin_h = height / (double)p->out_h;
    b.points_x = roi_points(p, b.bin_w);
    b.points_y = roi_points(p, b.bin_h);
    return b;
}

#define DNB_KERNELS "net/op_sample_kernel.h"
#include "net/each_real.h"

/* Input i is float and has this rank. */
static dnb_status check_rank(const dnb_op_shapes *s, size_t i, int ndim, dnb_err *err)
{
    char text[128];
    if (s->in[i] && s->in[i]->dtype == DNB_F32 && s->in[i]->ndim == ndim)
        return DNB_OK;
    if (s->in[i] && s->in[i]->dtype == DNB_I64)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): integers are unsupported",
                        s->node->name, s->node->op->name);
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %zu of %s does not have %d dimensions",
                    s->node->name, s->node->op->name, i,
                    s->in[i] ? dnb_shape_text(s->in[i], text, sizeof text) : "nothing", ndim);
}

/* ---- GridSample ---------------------------------------------------------------------------------
 */

static dnb_status grid_read(const dnb_node *n, grid_plan *p, dnb_err *err)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    int mode, padding;
    int64_t align = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_choice(n, "mode", modes, 0, &mode, err));
    DNB_TRY(dnb_node_choice(n, "padding_mode", paddings, 0, &padding, err));
    DNB_TRY(dnb_node_int(n, "align_corners", 0, &align, err));
    *p =
        (grid_plan){.mode = (grid_mode)mode, .padding = (grid_padding)padding, .align = align != 0};
done:
    return status;
}

static dnb_status grid_shape(const dnb_op_shapes *s, dnb_err *err)
{
    grid_plan p;
    dnb_status status = DNB_OK;
    DNB_TRY(grid_read(s->node, &p, err));
    if (s->in[0]->ndim == 5)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (GridSample): volumes are unsupported",
                        s->node->name);
    DNB_TRY(check_rank(s, 0, 4, err));
    DNB_TRY(check_rank(s, 1, 4, err));
    if (s->in[1]->dim[0] != s->in[0]->dim[0] || s->in[1]->dim[3] != 2)
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (GridSample): the grid is not n x height x width x 2",
                        s->node->name);
    s->out[0] = *s->in[0];
    s->out[0].dim[2] = s->in[1]->dim[1];
    s->out[0].dim[3] = s->in[1]->dim[2];
done:
    return status;
}

static dnb_status grid_run(const dnb_op_call *c, dnb_err *err)
{
    grid_plan p;
    dnb_status status = grid_read(c->node, &p, err);
    if (status != DNB_OK)
        return status;
    p.height = c->in[0]->shape[2];
    p.width = c->in[0]->shape[3];
    DNB_BY_TYPE(c, grid_sample, c, &p);
    return DNB_OK;
}

static dnb_status grid_grad(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_value in[3] = {r->out_grads[0], r->node.inputs[0], r->node.inputs[1]};
    dnb_attr *attrs = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(attrs, r->node.n_attrs + 1, "gradient");
    memcpy(attrs, r->node.attrs, r->node.n_attrs * sizeof *attrs);
    for (int k = 0; k < 2; k++) {
        attrs[r->node.n_attrs] = DNB_INT("grid", k);
        if (r->wanted[k])
            DNB_TRY(dnb_grad_node(r, "dnb.GridSampleGrad", in, 3, attrs, r->node.n_attrs + 1,
                                  &r->in_grads[k], err));
    }
done:
    dnb_free(attrs);
    return status;
}

const dnb_op dnb_op_grid_sample = {.name = "GridSample",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .max_out = 1,
                                   .shape = grid_shape,
                                   .run = grid_run,
                                   .gradient = grid_grad};

/* ---- dnb.GridSampleGrad: gradient, data, grid; of the data, or with `grid` of the grid
 * -----------
 */

static dnb_status grid_grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[1], *grid = s->in[2];
    grid_plan p;
    int64_t of_grid = 0;
    dnb_shape want;
    dnb_status status = DNB_OK;
    DNB_TRY(grid_read(s->node, &p, err));
    DNB_TRY(dnb_node_int(s->node, "grid", 0, &of_grid, err));
    for (size_t i = 0; i < 3; i++)
        DNB_TRY(check_rank(s, i, 4, err));
    if (grid->dim[0] != x->dim[0] || grid->dim[3] != 2)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): the grid is not n x height x width x 2",
                        s->node->name, s->node->op->name);
    want = *x;
    want.dim[2] = grid->dim[1];
    want.dim[3] = grid->dim[2];
    DNB_TRY(dnb_op_expect(s, 0, &want, err));
    s->out[0] = of_grid ? *grid : *x;
done:
    return status;
}

static dnb_status grid_grad_run(const dnb_op_call *c, dnb_err *err)
{
    grid_plan p;
    int64_t of_grid = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(grid_read(c->node, &p, err));
    DNB_TRY(dnb_node_int(c->node, "grid", 0, &of_grid, err));
    p.height = c->in[1]->shape[2];
    p.width = c->in[1]->shape[3];
    if (of_grid)
        DNB_BY_TYPE(c, grid_sample_back, c, &p);
    else
        DNB_BY_TYPE(c, grid_sample_data_back, c, &p);
done:
    return status;
}

const dnb_op dnb_op_grid_sample_grad = {.name = "dnb.GridSampleGrad",
                                        .min_in = 3,
                                        .max_in = 3,
                                        .max_out = 1,
                                        .shape = grid_grad_shape,
                                        .run = grid_grad_run};

/* ---- RoiAlign -----------------------------------------------------------------------------------
 */

/* Before opset 16 boxes were not shifted by half a pixel and at least one pixel wide. */
static dnb_status roi_read(const dnb_node *n, int opset, roi_plan *out, dnb_err *err)
{
    static const char *const pools[] = {"avg", "max", NULL};
    static const char *const coordinates[] = {"half_pixel", "output_half_pixel", NULL};
    roi_plan p = {0};
    int64_t ratio = 0, h = 1, w = 1;
    int pool, old;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_choice(n, "mode", pools, 0, &pool, err));
    DNB_TRY(dnb_node_choice(n, "coordinate_transformation_mode", coordinates, 0, &old, err));
    DNB_TRY(dnb_node_int(n, "sampling_ratio", 0, &ratio, err));
    DNB_TRY(dnb_node_int(n, "output_height", 1, &h, err));
    DNB_TRY(dnb_node_int(n, "output_width", 1, &w, err));
    DNB_TRY(dnb_node_float(n, "spatial_scale", 1, &p.scale, err));
    if (ratio < 0 || ratio > MAX_POINTS || h < 1 || w < 1 || h > 1 << 24 || w > 1 << 24)
        return dnb_fail(err, DNB_EARG, "node '%s' (RoiAlign): its sizes are out of range", n->name);
    p.is_max = pool == 1;
    p.shift = old || opset < 16 ? 0 : 0.5;
    p.smallest = old || opset < 16 ? 1 : -INFINITY;
    p.ratio = (size_t)ratio;
    p.out_h = (size_t)h;
    p.out_w = (size_t)w;
    *out = p;
done:
    return status;
}

static dnb_status roi_shape(const dnb_op_shapes *s, dnb_err *err)
{
    roi_plan p = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(roi_read(s->node, s->opset, &p, err));
    DNB_TRY(check_rank(s, 0, 4, err));
    DNB_TRY(check_rank(s, 1, 2, err));
    const dnb_shape *rois = s->in[1], *batch = s->in[2];
    if (!batch || batch->dtype != DNB_I64 || batch->ndim != 1 || rois->dim[1] != 4 ||
        batch->dim[0] != rois->dim[0])
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (RoiAlign): needs n boxes of 4 numbers and n integers",
                        s->node->name);
    s->out[0] = *s->in[0];
    s->out[0].dim[0] = rois->dim[0];
    s->out[0].dim[2] = p.out_h;
    s->out[0].dim[3] = p.out_w;
done:
    return status;
}

/* dnb_op_roi_align's boxes' image numbers, and the image's sizes. */
static dnb_status roi_ready(const dnb_op_call *c, const dnb_array *x, roi_plan *p, dnb_err *err)
{
    const int64_t *batch = c->in[2]->data;
    dnb_status status = roi_read(c->node, c->opset, p, err);
    if (status != DNB_OK)
        return status;
    p->height = x->shape[2];
    p->width = x->shape[3];
    for (size_t i = 0; i < c->in[2]->shape[0]; i++)
        if (batch[i] < 0 || batch[i] >= (int64_t)x->shape[0])
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): box %zu lies in image %lld of %zu",
                            c->node->name, c->node->op->name, i, (long long)batch[i], x->shape[0]);
    return DNB_OK;
}

static dnb_status roi_run(const dnb_op_call *c, dnb_err *err)
{
    roi_plan p;
    dnb_status status = roi_ready(c, c->in[0], &p, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, roi_align, c, &p);
    return status;
}

/* Boxes are taken as constant. */
static dnb_status roi_grad(const dnb_op_grads *r, dnb_err *err)
{
    const dnb_value *in = r->node.inputs, of[4] = {in[0], in[1], in[2], r->out_grads[0]};
    dnb_status status = dnb_grad_refuse_from(r, 1, err);
    return status == DNB_OK ? dnb_grad_like(r, "dnb.RoiAlignGrad", of, 4, &r->in_grads[0], err)
                            : status;
}

const dnb_op dnb_op_roi_align = {.name = "RoiAlign",
                                 .min_in = 3,
                                 .max_in = 3,
                                 .max_out = 1,
                                 .shape = roi_shape,
                                 .run = roi_run,
                                 .gradient = roi_grad};

/* ---- dnb.RoiAlignGrad: data, boxes, their images, gradient --------------------------------------
 */

static dnb_status roi_grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(roi_shape(s, err)); /* of the forward result */
    dnb_shape want = s->out[0];
    DNB_TRY(check_rank(s, 3, 4, err));
    DNB_TRY(dnb_op_expect(s, 3, &want, err));
    s->out[0] = *s->in[0];
done:
    return status;
}

static dnb_status roi_grad_run(const dnb_op_call *c, dnb_err *err)
{
    roi_plan p;
    dnb_status status = roi_ready(c, c->in[0], &p, err);
    if (status == DNB_OK)
        DNB_BY_TYPE(c, roi_align_back, c, &p);
    return status;
}

const dnb_op dnb_op_roi_align_grad = {.name = "dnb.RoiAlignGrad",
                                      .min_in = 4,
                                      .max_in = 4,
                                      .max_out = 1,
                                      .shape = roi_grad_shape,
                                      .run = roi_grad_run};
