/* Reference kernel of reductions, once per REAL (see each_real.h). room: net (internal) */

static void NAME(reduce)(const dnb_op_call *c, const reduce_walk *w, reduce_kind kind)
{
    const REAL *src = c->in[0]->data;
    REAL *dst = c->out[0].data;
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < w->n_kept; o++) {
        const REAL *s = src + walk_offset(o, w->kept, w->kept_step, w->kept_ndim);
        double sum = 0, top = -INFINITY;
        for (size_t i = 0; i < w->n_gone; i++) {
            double v = (double)s[walk_offset(i, w->gone, w->gone_step, w->gone_ndim)];
            sum += v;
            top = v > top || v != v ? v : top;
        }
        dst[o] = (REAL)(kind == REDUCE_MAX    ? top
                        : kind == REDUCE_MEAN ? sum / (double)w->n_gone
                                              : sum);
    }
}
