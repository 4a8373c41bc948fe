/* Reference kernels of GridSample and RoiAlign, once per REAL (see each_real.h). room:
 * net (internal) */

/* The pixel (x, y) of a plane after the padding rule. */
static double NAME(grid_pixel)(const REAL *src, const grid_plan *p, double x, double y)
{
    if (p->padding == GRID_BORDER) {
        x = clamp(x, 0, (double)p->width - 1);
        y = clamp(y, 0, (double)p->height - 1);
    } else if (p->padding == GRID_REFLECTION) {
        x = reflect(x, p->width, p->align);
        y = reflect(y, p->height, p->align);
    }
    if (!(x >= 0 && x < (double)p->width && y >= 0 && y < (double)p->height))
        return 0;
    return (double)src[(size_t)y * p->width + (size_t)x];
}

/* Value at (x, y): the weighted pixels of a 1 x 1, 2 x 2 or 4 x 4 neighbourhood. */
static double NAME(grid_value)(const REAL *src, const grid_plan *p, double x, double y)
{
    double wx[4], wy[4], sum = 0;
    if (p->mode == GRID_NEAREST)
        return NAME(grid_pixel)(src, p, rint(x), rint(y));
    int n = p->mode == GRID_BILINEAR ? 2 : 4;
    double left = floor(x) - (n == 4), top = floor(y) - (n == 4);
    grid_weights(p->mode, x - floor(x), wx);
    grid_weights(p->mode, y - floor(y), wy);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (wy[i] != 0 && wx[j] != 0)
                sum += wy[i] * wx[j] * NAME(grid_pixel)(src, p, left + j, top + i);
    return sum;
}

static void NAME(grid_sample)(const dnb_op_call *c, const grid_plan *p)
{
    const dnb_array *x = c->in[0], *out = &c->out[0];
    const REAL *src = x->data, *grid = c->in[1]->data;
    REAL *dst = out->data;
    size_t channels = x->shape[1], plane = p->width * p->height;
    size_t points = out->shape[2] * out->shape[3];
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t n = 0; n < x->shape[0]; n++)
        for (size_t i = 0; i < points; i++) {
            const REAL *at = grid + (n * points + i) * 2;
            double gx = grid_position((double)at[0], p->width, p);
            double gy = grid_position((double)at[1], p->height, p);
            for (size_t ch = 0; ch < channels; ch++) {
                size_t image = n * channels + ch;
                dst[image * points + i] = (REAL)NAME(grid_value)(src + image * plane, p, gx, gy);
            }
        }
}

/* One bin of one channel: the mean or maximum over its sampling points. The maximum is, as in
 * ONNX's own data, over the four weighted corners of each point, not over their sums. */
static double NAME(roi_bin)(const REAL *src, const roi_plan *p, const roi_box *b, size_t py,
                            size_t px)
{
    double sum = 0, top = -INFINITY;
    for (size_t iy = 0; iy < b->points_y; iy++)
        for (size_t ix = 0; ix < b->points_x; ix++) {
            roi_corner corner[4];
            double y = b->top + b->bin_h * ((double)py + ((double)iy + 0.5) / (double)b->points_y);
            double x = b->left + b->bin_w * ((double)px + ((double)ix + 0.5) / (double)b->points_x);
            roi_corners(p, y, x, corner);
            for (int k = 0; k < 4; k++) {
                double v = corner[k].weight * (double)src[corner[k].at];
                sum += v;
                top = v > top ? v : top;
            }
        }
    return p->is_max ? top : sum / (double)(b->points_y * b->points_x);
}

static void NAME(roi_align)(const dnb_op_call *c, const roi_plan *p)
{
    const dnb_array *x = c->in[0], *out = &c->out[0];
    const REAL *src = x->data, *rois = c->in[1]->data;
    const int64_t *batch = c->in[2]->data;
    REAL *dst = out->data;
    size_t channels = x->shape[1], plane = p->height * p->width, bins = p->out_h * p->out_w;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t r = 0; r < out->shape[0]; r++)
        for (size_t ch = 0; ch < channels; ch++) {
            double corner[4] = {(double)rois[r * 4], (double)rois[r * 4 + 1],
                                (double)rois[r * 4 + 2], (double)rois[r * 4 + 3]};
            roi_box b = roi_place(p, corner);
            const REAL *image = src + ((size_t)batch[r] * channels + ch) * plane;
            for (size_t i = 0; i < bins; i++)
                dst[(r * channels + ch) * bins + i] =
                    (REAL)NAME(roi_bin)(image, p, &b, i / p->out_w, i % p->out_w);
        }
}
