/* Lasso and elastic net on a few features: cyclic coordinate descent (Friedman, Hastie & Tibshirani
 * 2010, covariance updates), with a jump to the exact minimum of the present signs when they have
 * settled: descent alone creeps where features are alike. */
#include "stats/sparse_own.h"

#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "array/simd.h"
#include "dnnbrain/linalg.h"

DNB_SIMD static double dot_lanes(const double *x, const double *y, size_t n)
{
    double lane[16] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t l = 0; l < 16; l++)
            lane[l] += x[i + l] * y[i + l];
    for (; i < n; i++)
        sum += x[i] * y[i];
    for (size_t l = 0; l < 16; l++)
        sum += lane[l];
    return sum;
}

double dnb_sparse_dot(const double *x, const double *y, size_t n)
{
    return dot_lanes(x, y, n);
}

DNB_SIMD static void axpy(double *restrict y, double a, const double *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

void dnb_sparse_axpy(double *y, double a, const double *x, size_t n)
{
    axpy(y, a, x, n);
}

/* Where coordinate j goes: z = x_j.r + x_j.x_j w_j. */
static inline double shrink(double z, double length2, const dnb_sparse_problem *p)
{
    double a = fabs(z) - p->l1;
    return a > 0 ? copysign(a, z) / (length2 + p->l2) : 0;
}

/* One pass over all coordinates; whether any sign changed. */
DNB_SIMD static bool sweep(double *restrict w, double *restrict q, const double *restrict g,
                           size_t k, size_t stride, const dnb_sparse_problem *p)
{
    bool changed = false;
    for (size_t i = 0; i < k; i++) {
        const double *row = g + i * stride;
        double old = w[i], new = shrink(q[i] + row[i] * old, row[i], p), move = new - old;
        if (move == 0)
            continue;
        changed |= !(old * new > 0);
        w[i] = new;
        for (size_t j = 0; j < stride; j++)
            q[j] -= move * row[j];
    }
    return changed;
}

/* Sums the gap and the objective need. */
typedef struct sums {
    double dual, l1_norm, ww, wc, wq;
    size_t active;
} sums;

static sums sum_up(const double *w, const double *q, const double *c, size_t k, double l2)
{
    sums s = {0};
    for (size_t i = 0; i < k; i++) {
        double xta = fabs(q[i] - l2 * w[i]);
        s.dual = xta > s.dual ? xta : s.dual;
        if (w[i] == 0)
            continue;
        s.active++;
        s.l1_norm += fabs(w[i]);
        s.ww += w[i] * w[i];
        s.wc += w[i] * c[i];
        s.wq += w[i] * q[i];
    }
    return s;
}

static double gap_of(const sums *s, const dnb_sparse_problem *p)
{
    double rr = p->yy - s->wc - s->wq;
    return dnb_sparse_gap(p->l1, p->l2, s->dual, rr > 0 ? rr : 0, p->yy - s->wc, s->l1_norm, s->ww);
}

static double objective_of(const sums *s, const dnb_sparse_problem *p)
{
    return 0.5 * (p->yy - s->wc - s->wq) + p->l1 * s->l1_norm + 0.5 * p->l2 * s->ww;
}

/* What a jump works with: where the nonzero coefficients stand and go, the system, the outcome. */
typedef struct jump_room {
    double *system; /* k x k */
    double *to;     /* k */
    double *w, *q;  /* k, stride */
} jump_room;

/* Solves for the nonzero coefficients with their signs held; *done_it: false when the system is
 * singular. */
static dnb_status solve_signs(jump_room *j, bool *done_it, const double *w, const double *c,
                              const double *g, size_t k, size_t stride, size_t active,
                              const dnb_sparse_problem *p, dnb_err *err)
{
    dnb_err singular = {0};
    for (size_t i = 0, a = 0; i < k; i++) {
        if (w[i] == 0)
            continue;
        for (size_t l = 0, b = 0; l < k; l++)
            if (w[l] != 0)
                j->system[a * active + b++] = g[i * stride + l];
        j->system[a * active + a] += p->l2;
        j->to[a++] = c[i] - copysign(p->l1, w[i]);
    }
    int threads = dnb_serial_begin();
    dnb_status status = dnb_solve(j->system, j->to, active, 1, true, &singular);
    dnb_serial_end(threads);
    *done_it = status == DNB_OK;
    if (status != DNB_OK && status != DNB_EARG)
        return dnb_fail(err, status, "%s", singular.message);
    return DNB_OK;
}

/* How far towards the solution the first coefficient changes sign. */
static double first_hit(const jump_room *j, const double *w, size_t k)
{
    double step = 1;
    for (size_t i = 0, a = 0; i < k; i++) {
        if (w[i] == 0)
            continue;
        double to = j->to[a++], from = fabs(w[i]), way = fabs(w[i] - to);
        if (w[i] * to <= 0 && from < step * way)
            step = from / way;
    }
    return step;
}

/* j->w, j->q: a step towards the solution; who would change sign stays at 0. */
static void go(jump_room *j, double step, const double *w, const double *c, const double *g,
               size_t k, size_t stride)
{
    memset(j->q, 0, stride * sizeof *j->q);
    memcpy(j->q, c, k * sizeof *c);
    for (size_t i = 0, a = 0; i < k; i++) {
        j->w[i] = 0;
        if (w[i] == 0)
            continue;
        double to = step == 1 ? j->to[a] : w[i] + step * (j->to[a] - w[i]);
        bool hit = w[i] * j->to[a] <= 0 && fabs(w[i]) <= step * fabs(w[i] - j->to[a]);
        a++;
        if (hit)
            continue;
        j->w[i] = to;
        axpy(j->q, -to, g + i * stride, stride);
    }
}

/* Jumps to the minimum for the present signs: all the way with who changes sign set to 0, or else
 * to the first change, and only downhill (an almost singular system may lead astray). */
static dnb_status jump(jump_room *j, bool *done_it, sums *s, double *w, double *q, const double *c,
                       const double *g, size_t k, size_t stride, const dnb_sparse_problem *p,
                       dnb_err *err)
{
    dnb_status status = solve_signs(j, done_it, w, c, g, k, stride, s->active, p, err);
    if (status != DNB_OK || !*done_it)
        return status;
    double hit = first_hit(j, w, k), before = objective_of(s, p) + 1e-15 * p->yy;
    *done_it = false;
    for (double step = 1;; step = hit) {
        go(j, step, w, c, g, k, stride);
        sums t = sum_up(j->w, j->q, c, k, p->l2);
        if (objective_of(&t, p) <= before) {
            memcpy(w, j->w, k * sizeof *w);
            memcpy(q, j->q, stride * sizeof *q);
            *s = t;
            *done_it = true;
        }
        if (*done_it || step == hit)
            return DNB_OK;
    }
}

dnb_status dnb_sparse_descend(double *w, double *q, const double *c, const double *g, size_t k,
                              size_t stride, const dnb_sparse_problem *p, double *work,
                              size_t *passes, dnb_err *err)
{
    jump_room room = {work, work + k * k, work + k * k + stride, work + k * k + 2 * stride};
    size_t calm = 0, patience = 4, made = 0;
    while (made < p->most) {
        calm = sweep(w, q, g, k, stride, p) ? 0 : calm + 1;
        made++;
        sums s = sum_up(w, q, c, k, p->l2);
        if (gap_of(&s, p) <= p->goal)
            break;
        /* A factorisation costs about as much as active / 32 passes. */
        if (s.active == 0 || calm < patience + s.active / 32)
            continue;
        bool went = false;
        calm = 0;
        dnb_status status = jump(&room, &went, &s, w, q, c, g, k, stride, p, err);
        if (status != DNB_OK)
            return status;
        if (!went)
            patience *= 2;
        else if (gap_of(&s, p) <= p->goal)
            break;
    }
    *passes = made;
    return DNB_OK;
}

/* One coordinate by way of the residual. */
static void move_one(double *w, double *r, const dnb_sparse_design *s, size_t j,
                     const dnb_sparse_problem *p)
{
    const double *x = s->xt + j * s->n;
    double old = w[j];
    double new = shrink(dot_lanes(x, r, s->n) + s->norm2[j] * old, s->norm2[j], p);
    if (new != old)
        axpy(r, old - new, x, s->n);
    w[j] = new;
}

static double residual_gap(const double *w, const double *r, const double *y,
                           const dnb_sparse_design *s, const size_t *ws, size_t k,
                           const dnb_sparse_problem *p)
{
    double dual = 0, l1_norm = 0, ww = 0;
    for (size_t i = 0; i < k; i++) {
        double wj = w[ws[i]];
        double xta = fabs(dot_lanes(s->xt + ws[i] * s->n, r, s->n) - p->l2 * wj);
        dual = xta > dual ? xta : dual;
        l1_norm += fabs(wj);
        ww += wj * wj;
    }
    return dnb_sparse_gap(p->l1, p->l2, dual, dot_lanes(r, r, s->n), dot_lanes(r, y, s->n), l1_norm,
                          ww);
}

void dnb_sparse_descend_residual(double *w, double *r, const double *y, const dnb_sparse_design *s,
                                 const size_t *ws, size_t k, const dnb_sparse_problem *p,
                                 size_t *passes)
{
    size_t made = 0;
    /* A pass over all, then a few over the nonzero ones, which are where the work is. */
    while (made < p->most) {
        for (size_t i = 0; i < k; i++)
            move_one(w, r, s, ws[i], p);
        made++;
        for (int again = 0; again < 4 && made < p->most; again++, made++)
            for (size_t i = 0; i < k; i++)
                if (w[ws[i]] != 0)
                    move_one(w, r, s, ws[i], p);
        if (residual_gap(w, r, y, s, ws, k, p) <= p->goal)
            break;
    }
    *passes = made;
}
