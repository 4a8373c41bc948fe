/* Lasso and elastic net on a few features: cyclic coordinate descent (Friedman, Hastie & Tibshirani
 * 2010, covariance updates), with a jump to the exact minimum of the present signs when they have
 * settled: descent alone creeps where features are alike. */
#include "stats/sparse_own.h"

#include <math.h>
#include <string.h>

#include "array/serial.h"
#include "array/simd.h"
#include "base/mem.h"
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

/* Solves for the nonzero coefficients with their signs held, and goes there as far as the first
 * sign change. new (k), q_new (stride): what comes of it. *done_it: false when the system
 * is singular. */
static dnb_status jump(double *new, double *q_new, const double *w, const double *c,
                       const double *g, size_t k, size_t stride, size_t active,
                       const dnb_sparse_problem *p, bool *done_it, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_err singular = {0};
    size_t *at = NULL, a = 0, hit = k;
    double *system = NULL, *to = NULL, step = 1;
    *done_it = false;
    DNB_NEW(at, active, "a sparse model's system");
    DNB_NEW(to, active, "a sparse model's system");
    DNB_NEW(system, active * active, "a sparse model's system");
    for (size_t i = 0; i < k; i++)
        if (w[i] != 0)
            at[a++] = i;
    for (size_t i = 0; i < a; i++) {
        for (size_t j = 0; j < a; j++)
            system[i * a + j] = g[at[i] * stride + at[j]];
        system[i * a + i] += p->l2;
        to[i] = c[at[i]] - copysign(p->l1, w[at[i]]);
    }
    int threads = dnb_serial_begin();
    status = dnb_solve(system, to, a, 1, true, &singular);
    dnb_serial_end(threads);
    if (status == DNB_EARG) {
        status = DNB_OK;
        goto done;
    }
    if (status != DNB_OK)
        DNB_TRY(dnb_fail(err, status, "%s", singular.message));
    for (size_t i = 0; i < a; i++) {
        double from = fabs(w[at[i]]), way = fabs(w[at[i]] - to[i]);
        if (w[at[i]] * to[i] <= 0 && from < step * way) {
            step = from / way;
            hit = at[i];
        }
    }
    memset(new, 0, k * sizeof *new);
    memset(q_new, 0, stride * sizeof *q_new);
    memcpy(q_new, c, k * sizeof *c);
    for (size_t i = 0; i < a; i++) {
        double from = w[at[i]];
        new[at[i]] = at[i] == hit ? 0 : step == 1 ? to[i] : from + step *(to[i] - from);
        axpy(q_new, -new[at[i]], g + at[i] * stride, stride);
    }
    *done_it = true;
done:
    dnb_free(at);
    dnb_free(to);
    dnb_free(system);
    return status;
}

dnb_status dnb_sparse_descend(double *w, double *q, const double *c, const double *g, size_t k,
                              size_t stride, const dnb_sparse_problem *p, size_t *passes,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *other = NULL, *q_other = NULL;
    size_t calm = 0, patience = 4, made = 0;
    DNB_NEW(other, k, "a sparse model's coefficients");
    DNB_NEW(q_other, stride, "a sparse model's coefficients");
    while (made < p->most) {
        calm = sweep(w, q, g, k, stride, p) ? 0 : calm + 1;
        made++;
        sums s = sum_up(w, q, c, k, p->l2);
        if (gap_of(&s, p) <= p->goal)
            break;
        /* A factorisation costs about as much as active / 16 passes. */
        if (s.active == 0 || calm < patience + s.active / 16)
            continue;
        bool went = false;
        calm = 0;
        DNB_TRY(jump(other, q_other, w, c, g, k, stride, s.active, p, &went, err));
        sums t = sum_up(other, q_other, c, k, p->l2);
        /* An almost singular system may lead astray: only downhill counts. */
        if (went && objective_of(&t, p) <= objective_of(&s, p) + 1e-15 * p->yy) {
            memcpy(w, other, k * sizeof *w);
            memcpy(q, q_other, stride * sizeof *q);
            if (gap_of(&t, p) <= p->goal)
                break;
        } else {
            patience *= 2;
        }
    }
    *passes = made;
done:
    dnb_free(other);
    dnb_free(q_other);
    return status;
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
