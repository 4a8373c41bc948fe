/* Kernel of norm_walk.c, once per REAL (see each_real.h). room: net (internal) */

static double NAME(group_mean)(const REAL *src, const size_t *gone, size_t n)
{
    double sum = 0;
    if (!gone) {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < n; i++)
            sum += (double)src[i];
    } else {
        for (size_t i = 0; i < n; i++)
            sum += (double)src[gone[i]];
    }
    return sum / (double)n;
}

static double NAME(group_spread)(const REAL *src, const size_t *gone, size_t n, double mean,
                                 const dnb_norm_rule *rule)
{
    double sum = 0;
    if (rule->kind == DNB_NORM_L1) {
        for (size_t i = 0; i < n; i++)
            sum += fabs((double)src[at(gone, i)] - mean);
    } else if (!gone) {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < n; i++)
            sum += ((double)src[i] - mean) * ((double)src[i] - mean);
    } else {
        for (size_t i = 0; i < n; i++)
            sum += ((double)src[gone[i]] - mean) * ((double)src[gone[i]] - mean);
    }
    return spread_of(rule, sum, n);
}

/* scale and shift are where this group's begin; NULL = 1 and 0. */
static void NAME(group_apply)(REAL *dst, const REAL *src, const dnb_norm_walk *w, const REAL *scale,
                              const REAL *shift, double mean, double spread)
{
    bool plain = !w->x.gone && !w->scale.gone && !w->shift.gone;
    double factor = 1 / spread;
    if (plain && scale && shift) { /* layer normalisation: everything contiguous */
        for (size_t i = 0; i < w->n_gone; i++)
            dst[i] = (REAL)(((double)src[i] - mean) * factor * (double)scale[i] + (double)shift[i]);
        return;
    }
    for (size_t i = 0; i < w->n_gone; i++) {
        size_t k = at(w->x.gone, i);
        double v = ((double)src[k] - mean) * factor;
        v = scale ? v * (double)scale[at(w->scale.gone, i)] : v;
        dst[k] = (REAL)(shift ? v + (double)shift[at(w->shift.gone, i)] : v);
    }
}

static void NAME(normalise)(const dnb_norm_walk *w, const dnb_norm_rule *rule, const dnb_array *x,
                            const dnb_array *scale, const dnb_array *shift, const dnb_array *y,
                            double *mean, double *spread)
{
    const REAL *src = x->data, *sc = scale ? scale->data : NULL, *sh = shift ? shift->data : NULL;
    REAL *dst = y->data;
#pragma omp parallel for schedule(static) if (w->n_kept > 1 && w->n_kept * w->n_gone > 4096)
    for (size_t k = 0; k < w->n_kept; k++) {
        const REAL *s = src + w->x.kept[k];
        double m = rule->centre ? NAME(group_mean)(s, w->x.gone, w->n_gone) : 0;
        double d =
            rule->kind == DNB_NORM_NONE ? 1 : NAME(group_spread)(s, w->x.gone, w->n_gone, m, rule);
        NAME(group_apply)
        (dst + w->x.kept[k], s, w, sc ? sc + w->scale.kept[k] : NULL,
         sh ? sh + w->shift.kept[k] : NULL, m, d);
        if (mean)
            mean[k] = m;
        if (spread)
            spread[k] = d;
    }
}

/* How fast the spread grows with an element that lies v from the mean. */
static double NAME(spread_slope)(const dnb_norm_rule *rule, double v, double spread, size_t n)
{
    switch (rule->kind) {
    case DNB_NORM_VARIANCE:
        return v / ((double)n * (spread - rule->guard));
    case DNB_NORM_L1:
        return v > 0 ? 1 : v < 0 ? -1 : 0;
    case DNB_NORM_L2:
        return v / spread;
    default:
        return 0;
    }
}

/* y = (x - mean) / spread: dx = (g - mean(g)) / spread - sum(g y) / spread times what moves the
 * spread, for one group. */
static void NAME(group_grad)(REAL *dst, const REAL *src, const REAL *g, const size_t *gone,
                             size_t n, const dnb_norm_rule *rule)
{
    double mean = rule->centre ? NAME(group_mean)(src, gone, n) : 0;
    double spread = rule->kind == DNB_NORM_NONE ? 1 : NAME(group_spread)(src, gone, n, mean, rule);
    double shift = rule->centre ? NAME(group_mean)(g, gone, n) : 0, product = 0;
    for (size_t i = 0; i < n; i++)
        product += (double)g[at(gone, i)] * ((double)src[at(gone, i)] - mean);
    product /= spread * spread;
    for (size_t i = 0; i < n; i++) {
        size_t k = at(gone, i);
        dst[k] = (REAL)(((double)g[k] - shift) / spread -
                        product * NAME(spread_slope)(rule, (double)src[k] - mean, spread, n));
    }
}

static void NAME(normalise_grad)(const dnb_norm_walk *w, const dnb_norm_rule *rule,
                                 const dnb_array *x, const dnb_array *g, const dnb_array *dx)
{
#pragma omp parallel for schedule(static) if (w->n_kept > 1 && w->n_kept * w->n_gone > 4096)
    for (size_t k = 0; k < w->n_kept; k++)
        NAME(group_grad)
    ((REAL *)dx->data + w->x.kept[k], (const REAL *)x->data + w->x.kept[k],
     (const REAL *)g->data + w->x.kept[k], w->x.gone, w->n_gone, rule);
}
