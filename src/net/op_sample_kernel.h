/* Reference kernels of GridSample and RoiAlign, once per REAL (see each_real.h). room:
 * net (internal) */

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
            weighted tap[16];
            int n_taps = grid_taps(p, grid_position((double)at[0], p->width, p),
                                   grid_position((double)at[1], p->height, p), GRID_VALUE, tap);
            for (size_t ch = n * channels; ch < (n + 1) * channels; ch++) {
                double sum = 0;
                for (int k = 0; k < n_taps; k++)
                    sum += tap[k].weight * (double)src[ch * plane + tap[k].at];
                dst[ch * points + i] = (REAL)sum;
            }
        }
}

/* The gradient of the data; one image's channel after the other, so that none is written twice. */
static void NAME(grid_sample_data_back)(const dnb_op_call *c, const grid_plan *p)
{
    const dnb_array *dy = c->in[0], *out = &c->out[0];
    const REAL *grad = dy->data, *grid = c->in[2]->data;
    size_t channels = out->shape[1], plane = p->width * p->height;
    size_t points = dy->shape[2] * dy->shape[3];
#pragma omp parallel for schedule(static)
    for (size_t ch = 0; ch < out->shape[0] * channels; ch++) {
        REAL *dst = (REAL *)out->data + ch * plane;
        for (size_t i = 0; i < plane; i++)
            dst[i] = 0;
        for (size_t i = 0; i < points; i++) {
            const REAL *at = grid + (ch / channels * points + i) * 2;
            weighted tap[16];
            int n_taps = grid_taps(p, grid_position((double)at[0], p->width, p),
                                   grid_position((double)at[1], p->height, p), GRID_VALUE, tap);
            for (int k = 0; k < n_taps; k++)
                dst[tap[k].at] =
                    (REAL)((double)dst[tap[k].at] + tap[k].weight * (double)grad[ch * points + i]);
        }
    }
}

/* The gradient of the grid. */
static void NAME(grid_sample_back)(const dnb_op_call *c, const grid_plan *p)
{
    const dnb_array *dy = c->in[0], *x = c->in[1];
    const REAL *grad = dy->data, *src = x->data, *grid = c->in[2]->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = p->width * p->height;
    size_t points = dy->shape[2] * dy->shape[3];
    /* pixels per unit of the grid */
    const double scale[2] = {((double)p->width - p->align) / 2, ((double)p->height - p->align) / 2};
#pragma omp parallel for schedule(static)
    for (size_t e = 0; e < x->shape[0] * points * 2; e++) {
        const REAL *at = grid + e / 2 * 2;
        size_t n = e / 2 / points, i = e / 2 % points;
        weighted tap[16];
        double sum = 0;
        int n_taps = p->mode == GRID_NEAREST
                         ? 0
                         : grid_taps(p, grid_position((double)at[0], p->width, p),
                                     grid_position((double)at[1], p->height, p),
                                     e % 2 ? GRID_SLOPE_Y : GRID_SLOPE_X, tap);
        for (size_t ch = n * channels; ch < (n + 1) * channels; ch++)
            for (int k = 0; k < n_taps; k++)
                sum += tap[k].weight * (double)src[ch * plane + tap[k].at] *
                       (double)grad[ch * points + i];
        dst[e] = (REAL)(sum * scale[e % 2]);
    }
}

/* One bin of some channels (at most ROI_CHANNELS): the mean or maximum over its sampling points.
 * The maximum is, as in ONNX's own data, over the four weighted corners of each point, not over
 * their sums. */
static void NAME(roi_bin)(const REAL *src, const roi_plan *p, const roi_box *b, size_t bin,
                          size_t channels, REAL *dst)
{
    double sum[ROI_CHANNELS] = {0}, top[ROI_CHANNELS];
    size_t plane = p->height * p->width, bins = p->out_h * p->out_w;
    for (size_t ch = 0; ch < channels; ch++)
        top[ch] = -INFINITY;
    for (size_t i = 0; i < b->points_y * b->points_x; i++) {
        weighted corner[4];
        roi_corners(p, b, bin, i, corner);
        for (size_t ch = 0; ch < channels; ch++)
            for (int k = 0; k < 4; k++) {
                double v = corner[k].weight * (double)src[ch * plane + corner[k].at];
                sum[ch] += v;
                top[ch] = v > top[ch] ? v : top[ch];
            }
    }
    for (size_t ch = 0; ch < channels; ch++)
        dst[ch * bins] =
            (REAL)(p->is_max ? top[ch] : sum[ch] / (double)(b->points_y * b->points_x));
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
        for (size_t ch = 0; ch < channels; ch += ROI_CHANNELS) {
            double corner[4] = {(double)rois[r * 4], (double)rois[r * 4 + 1],
                                (double)rois[r * 4 + 2], (double)rois[r * 4 + 3]};
            roi_box b = roi_place(p, corner);
            const REAL *image = src + ((size_t)batch[r] * channels + ch) * plane;
            size_t some = channels - ch < ROI_CHANNELS ? channels - ch : ROI_CHANNELS;
            for (size_t i = 0; i < bins; i++)
                NAME(roi_bin)(image, p, &b, i, some, dst + (r * channels + ch) * bins + i);
        }
}

/* The gradient g of one bin of one channel, to the pixels it was made of. */
static void NAME(roi_bin_back)(const REAL *src, REAL *dst, const roi_plan *p, const roi_box *b,
                               size_t bin, double g)
{
    size_t points = b->points_y * b->points_x;
    weighted corner[4], best = {0, 0};
    double top = -INFINITY;
    for (size_t i = 0; i < points; i++) {
        roi_corners(p, b, bin, i, corner);
        for (int k = 0; k < 4; k++) {
            double v = corner[k].weight * (double)src[corner[k].at];
            if (!p->is_max)
                dst[corner[k].at] =
                    (REAL)((double)dst[corner[k].at] + corner[k].weight * g / (double)points);
            else if (v > top)
                best = corner[k];
            top = v > top ? v : top;
        }
    }
    if (p->is_max)
        dst[best.at] = (REAL)((double)dst[best.at] + best.weight * g);
}

/* A channel of all images at a time, so that none is written twice. */
static void NAME(roi_align_back)(const dnb_op_call *c, const roi_plan *p)
{
    const dnb_array *x = c->in[0], *dy = c->in[3];
    const REAL *src = x->data, *rois = c->in[1]->data, *grad = dy->data;
    const int64_t *batch = c->in[2]->data;
    REAL *dst = c->out[0].data;
    size_t channels = x->shape[1], plane = p->height * p->width, bins = p->out_h * p->out_w;
    memset(dst, 0, dnb_array_bytes(&c->out[0]));
#pragma omp parallel for schedule(static)
    for (size_t ch = 0; ch < channels; ch++)
        for (size_t r = 0; r < dy->shape[0]; r++) {
            double corner[4] = {(double)rois[r * 4], (double)rois[r * 4 + 1],
                                (double)rois[r * 4 + 2], (double)rois[r * 4 + 3]};
            roi_box b = roi_place(p, corner);
            size_t at = ((size_t)batch[r] * channels + ch) * plane;
            for (size_t i = 0; i < bins; i++)
                NAME(roi_bin_back)
            (src + at, dst + at, p, &b, i, (double)grad[(r * channels + ch) * bins + i]);
        }
}
