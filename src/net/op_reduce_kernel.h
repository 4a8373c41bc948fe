/* Reference kernel of reductions, once per kind of number (see each_number.h). room: net (internal)
 */

static ACC NAME(reduce_start)(reduce_kind kind)
{
    return kind == REDUCE_MAX    ? (ACC)LOWEST
           : kind == REDUCE_MIN  ? (ACC)HIGHEST
           : kind == REDUCE_PROD ? (ACC)1
                                 : (ACC)0;
}

/* acc continued over n numbers, `step` apart. A NaN wins over any number. */
static ACC NAME(reduce_row)(reduce_kind kind, ACC acc, const REAL *s, size_t n, size_t step)
{
    switch (kind) {
    case REDUCE_L1:
        for (size_t i = 0; i < n; i++)
            acc = s[i * step] > 0 ? ADD(acc, s[i * step]) : ADD(acc, MUL(s[i * step], (ACC)-1));
        break;
    case REDUCE_L2:
    case REDUCE_SUM_SQUARE:
        for (size_t i = 0; i < n; i++)
            acc = ADD(acc, MUL((ACC)s[i * step], (ACC)s[i * step]));
        break;
    case REDUCE_PROD:
        for (size_t i = 0; i < n; i++)
            acc = MUL(acc, s[i * step]);
        break;
    case REDUCE_MAX:
        for (size_t i = 0; i < n; i++)
            acc = s[i * step] > acc || IS_NAN(s[i * step]) ? (ACC)s[i * step] : acc;
        break;
    case REDUCE_MIN:
        for (size_t i = 0; i < n; i++)
            acc = s[i * step] < acc || IS_NAN(s[i * step]) ? (ACC)s[i * step] : acc;
        break;
    default:
        for (size_t i = 0; i < n; i++)
            acc = ADD(acc, s[i * step]);
    }
    return acc;
}

static ACC NAME(reduce_gone)(reduce_kind kind, const reduce_walk *w, const REAL *s)
{
    ACC acc = NAME(reduce_start)(kind);
    for (size_t r = 0; r < w->n_rows; r++) {
        size_t at = dnb_stepped_place(w->gone, w->gone_ndim - 1, w->gone_step, r);
        acc = NAME(reduce_row)(kind, acc, s + at, w->row, w->row_step);
    }
    return acc;
}

/* log(sum(exp(x))), shifted by the largest x so that nothing overflows. */
static double NAME(log_sum_exp)(const reduce_walk *w, const REAL *s)
{
    double top = (double)NAME(reduce_gone)(REDUCE_MAX, w, s), sum = 0;
    if (w->n_gone == 0 || isinf(top))
        return w->n_gone ? top : -INFINITY;
    for (size_t r = 0; r < w->n_rows; r++) {
        const REAL *row = s + dnb_stepped_place(w->gone, w->gone_ndim - 1, w->gone_step, r);
        for (size_t i = 0; i < w->row; i++)
            sum += exp((double)row[i * w->row_step] - top);
    }
    return top + log(sum);
}

static REAL NAME(reduce_one)(reduce_kind kind, const reduce_walk *w, const REAL *s)
{
    if (kind == REDUCE_LOG_SUM_EXP)
        return FROM_DOUBLE(NAME(log_sum_exp)(w, s));
    ACC acc = NAME(reduce_gone)(kind, w, s);
    switch (kind) {
    case REDUCE_L2:
        return FROM_DOUBLE(sqrt((double)acc));
    case REDUCE_LOG_SUM:
        return FROM_DOUBLE(log((double)acc));
    case REDUCE_MEAN:
        return (REAL)(acc / (ACC)w->n_gone);
    default:
        return (REAL)acc;
    }
}

static void NAME(reduce)(const dnb_op_call *c, const reduce_walk *w, reduce_kind kind)
{
    const REAL *src = c->in[0]->data;
    REAL *dst = c->out[0].data;
#pragma omp parallel for schedule(static) if (w->n_kept * w->n_gone > PARALLEL_WORTH)
    for (size_t o = 0; o < w->n_kept; o++)
        dst[o] = NAME(reduce_one)(kind, w,
                                  src + dnb_stepped_place(w->kept, w->kept_ndim, w->kept_step, o));
}
