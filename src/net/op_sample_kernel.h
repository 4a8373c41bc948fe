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
                                   grid_position((double)at[1], p->height, p), tap);
            for (size_t ch = n * channels; ch < (n + 1) * channels; ch++) {
                double sum = 0;
                for (int k = 0; k < n_taps; k++)
                    sum += tap[k].weight * (double)src[ch * plane + tap[k].at];
                dst[ch * points + i] = (REAL)sum;
            }
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
