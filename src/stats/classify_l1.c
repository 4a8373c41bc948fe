/* Logistic regression with the L1 penalty: at each point a quadratic model of the loss, minimised
 * with the penalty by coordinate descent over the weights in use, then a step along the way there.
 * Everything is stored class by class, column by column. */
#include <math.h>
#include <string.h>

#include "array/simd.h"
#include "base/mem.h"
#include "stats/classify_own.h"

typedef struct lasso {
    size_t n, d, k; /* k maps: 1 for two classes */
    const size_t *y;
    double c;
    double *x;             /* d x n: centred columns, turned */
    double *mean;          /* d */
    double *w, *b;         /* k x d, k: the point */
    double *score, *p;     /* k x n: its scores with intercepts, its probabilities */
    double *grad, *grad_b; /* k x d, k: of the loss */
    double *curve;         /* k x d: the model's curvature along each weight */
    double *step, *step_b; /* k x d, k: where the model's minimum is, from the point */
    double *move;          /* k x n: scores of the step */
    double *pull, *h,
        *sum;    /* n each: of the class in work: the model's gradient, curvature, change */
    double *mix; /* n: scores of the step averaged over classes by p */
    double *pool;
} lasso;

DNB_SIMD static double dot(const double *a, const double *b, size_t n)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

DNB_SIMD static double dot3(const double *a, const double *b, size_t n)
{
    double s = 0;
#pragma omp simd reduction(+ : s)
    for (size_t i = 0; i < n; i++)
        s += a[i] * a[i] * b[i];
    return s;
}

/* A weight moves by `by`: the class's gradient and change follow. */
DNB_SIMD static void shift(double *pull, double *sum, const double *x, const double *h, double by,
                           size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double m = by * x[i];
        sum[i] += m;
        pull[i] += h[i] * m;
    }
}

static double soft_plus(double t)
{
    return t > 0 ? t + log1p(exp(-t)) : log1p(exp(t));
}

/* Probabilities at the point plus t steps (into p when it is not NULL); returns C times the loss.
 */
static double loss_at(const lasso *s, double t, double *p)
{
    double loss = 0;
    for (size_t i = 0; i < s->n; i++) {
        double top = -INFINITY, sum = 0, own = 0;
        for (size_t m = 0; m < s->k; m++) {
            double v = s->score[m * s->n + i] + t * s->move[m * s->n + i];
            top = fmax(top, v);
            own = m == s->y[i] || s->k == 1 ? v : own;
        }
        if (s->k == 1) {
            loss += soft_plus(s->y[i] ? -own : own);
            if (p)
                p[i] = own >= 0 ? 1 / (1 + exp(-own)) : exp(own) / (1 + exp(own));
            continue;
        }
        for (size_t m = 0; m < s->k; m++)
            sum += exp(s->score[m * s->n + i] + t * s->move[m * s->n + i] - top);
        loss += log(sum) + top - own;
        for (size_t m = 0; p && m < s->k; m++)
            p[m * s->n + i] = exp(s->score[m * s->n + i] + t * s->move[m * s->n + i] - top) / sum;
    }
    return s->c * loss;
}

/* How far a weight with this gradient is from optimal. */
static double violation(double w, double grad)
{
    return w > 0 ? fabs(grad + 1) : w < 0 ? fabs(grad - 1) : fmax(fabs(grad) - 1, 0);
}

/* Gradient and curvature at the point; returns the largest violation. */
static double look_round(lasso *s)
{
    double worst = 0;
    for (size_t m = 0; m < s->k; m++) {
        const double *p = s->p + m * s->n;
        s->grad_b[m] = 0;
        for (size_t i = 0; i < s->n; i++) {
            bool own = s->k == 1 ? s->y[i] == 1 : s->y[i] == m;
            s->pull[i] = s->c * (p[i] - own);
            s->h[i] = s->c * p[i] * (1 - p[i]);
            s->grad_b[m] += s->pull[i];
        }
        worst = fmax(worst, fabs(s->grad_b[m]));
#pragma omp parallel for schedule(static) reduction(max : worst)
        for (size_t j = 0; j < s->d; j++) {
            size_t e = m * s->d + j;
            s->grad[e] = dot(s->x + j * s->n, s->pull, s->n);
            s->curve[e] = dot3(s->x + j * s->n, s->h, s->n);
            worst = fmax(worst, violation(s->w[e], s->grad[e]));
        }
    }
    return worst;
}

/* One weight to the model's minimum along it; returns how far it was from optimal. */
static double descend(lasso *s, size_t m, size_t j)
{
    size_t e = m * s->d + j;
    const double *x = s->x + j * s->n;
    double curve = s->curve[e], w = s->w[e] + s->step[e];
    double grad = s->grad[e] + dot(x, s->pull, s->n), off = violation(w, grad);
    if (!(curve > 0) || off == 0)
        return 0;
    double to = w - grad / curve, cut = 1 / curve;
    to = to > cut ? to - cut : to < -cut ? to + cut : 0;
    if (to != w) {
        s->step[e] += to - w;
        shift(s->pull, s->sum, x, s->h, to - w, s->n);
    }
    return off;
}

static double descend_intercept(lasso *s, size_t m)
{
    double grad = s->grad_b[m], curve = 0;
    for (size_t i = 0; i < s->n; i++) {
        grad += s->pull[i];
        curve += s->h[i];
    }
    if (!(curve > 0))
        return 0;
    double by = -grad / curve;
    s->step_b[m] += by;
    for (size_t i = 0; i < s->n; i++) {
        s->sum[i] += by;
        s->pull[i] += s->h[i] * by;
    }
    return fabs(grad);
}

/* All weights (or those in use) of one class, then its changes to the others' model. */
static double sweep_class(lasso *s, size_t m, bool all)
{
    double worst = 0, *move = s->move + m * s->n;
    const double *p = s->p + m * s->n;
    for (size_t i = 0; i < s->n; i++) {
        s->h[i] = s->c * p[i] * (1 - p[i]);
        s->pull[i] = s->k == 1 ? s->h[i] * move[i] : s->c * p[i] * (move[i] - s->mix[i]);
        s->sum[i] = 0;
    }
    worst = descend_intercept(s, m);
    for (size_t j = 0; j < s->d; j++)
        if (all || s->w[m * s->d + j] + s->step[m * s->d + j] != 0)
            worst = fmax(worst, descend(s, m, j));
    for (size_t i = 0; i < s->n; i++) {
        move[i] += s->sum[i];
        s->mix[i] += p[i] * s->sum[i];
    }
    return worst;
}

/* The model's minimum, to `goal` of violation or as far as the sweeps go. */
static void minimise_model(lasso *s, double goal)
{
    memset(s->step, 0, s->k * s->d * sizeof *s->step);
    memset(s->step_b, 0, s->k * sizeof *s->step_b);
    memset(s->move, 0, s->k * s->n * sizeof *s->move);
    memset(s->mix, 0, s->n * sizeof *s->mix);
    bool all = true;
    for (size_t sweep = 0; sweep < 2000; sweep++) {
        double worst = 0;
        for (size_t m = 0; m < s->k; m++)
            worst = fmax(worst, sweep_class(s, m, all));
        if (worst <= goal && all)
            return;
        all = worst <= goal || sweep % 50 == 49;
    }
}

static double norm_at(const lasso *s, double t)
{
    double sum = 0;
    for (size_t e = 0; e < s->k * s->d; e++)
        sum += fabs(s->w[e] + t * s->step[e]);
    return sum;
}

/* Halves the step until the objective falls enough; false when it never does. */
static bool line_search(lasso *s, double *objective)
{
    double slope = norm_at(s, 1) - norm_at(s, 0);
    for (size_t e = 0; e < s->k * s->d; e++)
        slope += s->grad[e] * s->step[e];
    for (size_t m = 0; m < s->k; m++)
        slope += s->grad_b[m] * s->step_b[m];
    for (double t = 1; t > 1e-10; t /= 2) {
        double value = loss_at(s, t, NULL) + norm_at(s, t);
        if (!(value <= *objective + 1e-4 * t * slope))
            continue;
        for (size_t e = 0; e < s->k * s->d; e++)
            s->w[e] = t == 1 && s->step[e] == -s->w[e] ? 0 : s->w[e] + t * s->step[e];
        for (size_t m = 0; m < s->k; m++)
            s->b[m] += t * s->step_b[m];
        for (size_t e = 0; e < s->k * s->n; e++)
            s->score[e] += t * s->move[e];
        *objective = value;
        return true;
    }
    return slope > -1e-12 * (1 + fabs(*objective));
}

static dnb_status minimise(lasso *s, const dnb_classifier_options *o, dnb_err *err)
{
    double tolerance = o->tolerance > 0 ? o->tolerance : 1e-7, scale = 1, worst = 0, before;
    size_t most = o->max_iterations ? o->max_iterations : 200;
    double objective = loss_at(s, 0, s->p);
    for (size_t round = 0; round < most; round++) {
        before = objective;
        worst = look_round(s);
        scale = round == 0 ? fmax(worst, 1) : scale;
        if (worst <= tolerance * scale)
            return DNB_OK;
        minimise_model(s, fmin(0.1, fmax(worst / scale, 1e-3)) * worst);
        if (!line_search(s, &objective))
            break;
        if (objective == before && round > 2 && worst <= 1e-5 * scale)
            return DNB_OK;         /* the objective's last bits */
        (void)loss_at(s, 0, s->p); /* the step is in the scores now */
    }
    return dnb_fail(err, DNB_EARG,
                    "L1 logistic regression did not converge in %zu steps (%.2g of its first "
                    "gradient is left); scale the columns, choose a smaller C or allow more steps",
                    most, worst / scale);
}

static dnb_status make_room(lasso *s, const dnb_class_data *t, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->n, d = s->d, k = s->k, size;
    DNB_NEW(s->mean, d, "column means");
    if (!dnb_mul_size(&size, n, d) || !(s->x = dnb_alloc_aligned(size, sizeof *s->x)))
        DNB_TRY(dnb_fail_memory(err, "the turned rows", n * d * sizeof *s->x));
    DNB_NEW(s->pool, k * (3 * n + 4 * d + 3) + 4 * n, "proximal Newton steps");
    double *at = s->pool;
    double **const by_row[] = {&s->score, &s->p, &s->move},
                   **const by_column[] = {&s->w, &s->grad, &s->curve, &s->step};
    double **const by_class[] = {&s->b, &s->grad_b, &s->step_b};
    double **const single[] = {&s->pull, &s->h, &s->sum, &s->mix};
    for (size_t i = 0; i < 3; i++, at += k * n)
        *by_row[i] = at;
    for (size_t i = 0; i < 4; i++, at += k * d)
        *by_column[i] = at;
    for (size_t i = 0; i < 3; i++, at += k)
        *by_class[i] = at;
    for (size_t i = 0; i < 4; i++, at += n)
        *single[i] = at;
    dnb_column_means(s->mean, t->x, n, d);
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < n; i++)
            s->x[j * n + i] = t->x[i * d + j] - s->mean[j];
done:
    return status;
}

dnb_status dnb_fit_logistic_l1(dnb_classifier *c, const dnb_class_data *t,
                               const dnb_classifier_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    lasso s = {.n = t->n, .d = t->d, .k = t->k == 2 ? 1 : t->k, .y = t->y, .c = o->c};
    double shared = 0;
    DNB_TRY(dnb_classifier_maps(c, s.k, err));
    DNB_TRY(make_room(&s, t, err));
    DNB_TRY(minimise(&s, o, err));
    memcpy(c->coef, s.w, s.k * s.d * sizeof *s.w);
    /* Softmax leaves the intercepts' sum open; scikit-learn's is 0. */
    for (size_t m = 0; s.k > 1 && m < s.k; m++)
        shared += s.b[m] / (double)s.k;
    for (size_t m = 0; m < s.k; m++) {
        c->intercept[m] = s.b[m] - shared;
        for (size_t j = 0; j < s.d; j++)
            c->intercept[m] -= s.mean[j] * s.w[m * s.d + j];
    }
done:
    dnb_free(s.mean);
    dnb_free(s.x);
    dnb_free(s.pool);
    return status;
}
