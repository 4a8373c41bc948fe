/* Logistic regression with the L2 penalty: Newton steps, each by preconditioned conjugate
 * gradients, with a step halved until the loss falls. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/linalg.h"
#include "stats/classify_own.h"
#include "stats/logistic_space.h"

/* A point, direction or gradient: weights (q x k), intercepts (k), scores of the weights (n x k).
 */
typedef struct vec {
    double *w, *b, *s;
} vec;

typedef struct newton {
    dnb_space space;
    const size_t *y;
    size_t n, wide, k; /* wide: numbers of a weight, q k */
    double c;
    double *p; /* n x k: probabilities at the point */
    vec at, grad, step, res, z, dir, image;
    double *pool;
    double step_length;
} newton;

static double soft_plus(double t)
{
    return t > 0 ? t + log1p(exp(-t)) : log1p(exp(t));
}

/* Scores with intercepts into probabilities; returns the row's loss. */
static double row_probability(double *v, size_t k, size_t y)
{
    if (k == 1) {
        double t = v[0];
        v[0] = t >= 0 ? 1 / (1 + exp(-t)) : exp(t) / (1 + exp(t));
        return soft_plus(y ? -t : t);
    }
    double top = v[0], sum = 0, own = v[y];
    for (size_t m = 1; m < k; m++)
        top = fmax(top, v[m]);
    for (size_t m = 0; m < k; m++)
        sum += v[m] = exp(v[m] - top);
    for (size_t m = 0; m < k; m++)
        v[m] /= sum;
    return log(sum) + top - own;
}

/* Probabilities at `at + t step` and the objective there. */
static double probabilities(newton *s, double t)
{
    size_t k = s->k, chunk = s->space.chunk;
    double losses[64], loss = 0;
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < s->space.chunks; c++) {
        size_t end = s->n - c * chunk < chunk ? s->n : (c + 1) * chunk;
        losses[c] = 0;
        for (size_t i = c * chunk; i < end; i++) {
            double *v = s->p + i * k;
            for (size_t m = 0; m < k; m++)
                v[m] = s->at.s[i * k + m] + s->at.b[m] + t * (s->step.s[i * k + m] + s->step.b[m]);
            losses[c] += row_probability(v, k, s->y[i]);
        }
    }
    for (size_t c = 0; c < s->space.chunks; c++)
        loss += losses[c];
    return s->c * loss;
}

/* dloss / dscore, from the probabilities. */
static double residual_row(const void *ctx, size_t i, double *row)
{
    const newton *s = ctx;
    for (size_t m = 0; m < s->k; m++)
        row[m] = s->c * s->p[i * s->k + m];
    if (s->k == 1)
        row[0] -= s->c * (double)s->y[i];
    else
        row[s->y[i]] -= s->c;
    return 0;
}

/* The loss's second derivative times a direction's scores. */
static double curvature_row(const void *ctx, size_t i, double *row)
{
    const newton *s = ctx;
    const double *p = s->p + i * s->k;
    double mean = 0;
    if (s->k == 1) {
        row[0] = s->c * p[0] * (1 - p[0]) * (row[0] + s->dir.b[0]);
        return 0;
    }
    for (size_t m = 0; m < s->k; m++) {
        row[m] += s->dir.b[m];
        mean += p[m] * row[m];
    }
    for (size_t m = 0; m < s->k; m++)
        row[m] = s->c * p[m] * (row[m] - mean);
    return 0;
}

static double mean_curvature(const newton *s)
{
    double sum = 0;
    for (size_t e = 0; e < s->n * s->k; e++)
        sum += s->p[e] * (1 - s->p[e]);
    /* Off the uniform direction softmax curves by p, not p (1 - p). */
    double share = s->k == 1 ? 1 : (double)s->k / (double)(s->k - 1);
    return s->c * share * sum / (double)(s->n * s->k);
}

static double inner(const newton *s, const vec *u, const vec *v)
{
    double sum = dnb_space_inner(&s->space, u->w, u->s, v->w);
    for (size_t m = 0; m < s->k; m++)
        sum += u->b[m] * v->b[m];
    return sum;
}

/* y += by x, scores too when the vectors carry them. */
static void add(const newton *s, vec *y, double by, const vec *x, bool scores)
{
    for (size_t e = 0; e < s->wide; e++)
        y->w[e] += by * x->w[e];
    for (size_t m = 0; m < s->k; m++)
        y->b[m] += by * x->b[m];
    for (size_t e = 0; scores && e < s->n * s->k; e++)
        y->s[e] += by * x->s[e];
}

static void copy(const newton *s, vec *y, const vec *x, bool scores)
{
    memcpy(y->w, x->w, s->wide * sizeof *y->w);
    memcpy(y->b, x->b, s->k * sizeof *y->b);
    if (scores)
        memcpy(y->s, x->s, s->n * s->k * sizeof *y->s);
}

/* z = the preconditioner's inverse times the residual; in the dual with its scores. */
static void precondition(newton *s)
{
    dnb_space_solve(&s->space, s->z.w, s->res.w);
    for (size_t m = 0; m < s->k; m++)
        s->z.b[m] = s->res.b[m] / (s->space.weight * (double)s->n);
    if (s->space.dual)
        dnb_space_scores(&s->space, s->z.s, s->z.w);
}

/* Readies conjugate gradients; returns the gradient's squared norm in the preconditioner's metric.
 */
static double begin_step(newton *s)
{
    memset(s->step.w, 0, s->wide * sizeof(double));
    memset(s->step.b, 0, s->k * sizeof(double));
    memset(s->step.s, 0, s->n * s->k * sizeof(double));
    memset(s->res.w, 0, s->wide * sizeof(double));
    memset(s->res.b, 0, s->k * sizeof(double));
    add(s, &s->res, -1, &s->grad, false);
    precondition(s);
    return fmax(inner(s, &s->z, &s->res), 0);
}

/* The Newton step, to `forcing` of the gradient's norm, whose square is rz. */
static void newton_step(newton *s, double rz, double forcing)
{
    bool dual = s->space.dual;
    double first = rz;
    copy(s, &s->dir, &s->z, dual);
    for (size_t round = 0; round < 500 && rz > forcing * forcing * first; round++) {
        dnb_space_pass(&s->space, s->image.w, s->image.b, s->dir.s, s->dir.w, curvature_row, s);
        for (size_t e = 0; e < s->wide; e++)
            s->image.w[e] += s->dir.w[e];
        double curve = inner(s, &s->dir, &s->image);
        if (!(curve > 0))
            break;
        add(s, &s->step, rz / curve, &s->dir, true);
        add(s, &s->res, -rz / curve, &s->image, false);
        precondition(s);
        double next = inner(s, &s->z, &s->res), beta = next / rz;
        rz = next;
        for (size_t e = 0; e < s->wide; e++)
            s->dir.w[e] = s->z.w[e] + beta * s->dir.w[e];
        for (size_t m = 0; m < s->k; m++)
            s->dir.b[m] = s->z.b[m] + beta * s->dir.b[m];
        for (size_t e = 0; dual && e < s->n * s->k; e++)
            s->dir.s[e] = s->z.s[e] + beta * s->dir.s[e];
    }
}

/* Gradient from the probabilities at the point. */
static void gradient(newton *s)
{
    dnb_space_pass(&s->space, s->grad.w, s->grad.b, NULL, NULL, residual_row, s);
    for (size_t e = 0; e < s->wide; e++)
        s->grad.w[e] += s->at.w[e];
}

static double weights_inner(const newton *s, const vec *u, const vec *v)
{
    return dnb_space_inner(&s->space, u->w, u->s, v->w);
}

/* Halves the step until the objective falls enough; false when it never does. */
static bool line_search(newton *s, double *objective, double slope)
{
    double ww = weights_inner(s, &s->at, &s->at), wd = weights_inner(s, &s->at, &s->step),
           dd = weights_inner(s, &s->step, &s->step);
    for (double t = 1; t > 1e-10; t /= 2) {
        double value = probabilities(s, t) + 0.5 * (ww + 2 * t * wd + t * t * dd);
        if (value <= *objective + 1e-4 * t * slope) {
            add(s, &s->at, t, &s->step, true);
            *objective = value;
            return true;
        }
    }
    return false;
}

static dnb_status minimise(newton *s, const dnb_classifier_options *o, dnb_err *err)
{
    double tolerance = o->tolerance > 0 ? o->tolerance : 1e-7, size = 0;
    size_t most = o->max_iterations ? o->max_iterations : 200;
    dnb_status status = DNB_OK;
    memset(s->step.s, 0, s->n * s->k * sizeof(double));
    memset(s->step.b, 0, s->k * sizeof(double));
    double objective = probabilities(s, 0) + 0.5 * weights_inner(s, &s->at, &s->at);
    double scale = sqrt(s->c * (double)s->n); /* the order of a first gradient in this metric */
    for (size_t round = 0; round < most; round++) {
        gradient(s);
        DNB_TRY(dnb_space_precondition(&s->space, fmax(mean_curvature(s), 1e-300), err));
        double square = begin_step(s);
        size = sqrt(square);
        if (size <= tolerance * scale)
            return DNB_OK;
        /* Enough for the next norm to be this one's square, or well below the tolerance. */
        newton_step(s, square, fmin(0.1, fmax(size / scale, 0.1 * tolerance * scale / size)));
        double slope = dnb_space_inner(&s->space, s->step.w, s->step.s, s->grad.w);
        for (size_t m = 0; m < s->k; m++)
            slope += s->step.b[m] * s->grad.b[m];
        if (!line_search(s, &objective, slope)) {
            if (fabs(slope) <= 1e-12 * (1 + fabs(objective)))
                return DNB_OK; /* the objective's last bits */
            return dnb_fail(err, DNB_EARG,
                            "logistic regression cannot lower its loss any more (C %g); scale the "
                            "columns or choose a smaller C",
                            s->c);
        }
    }
    return dnb_fail(err, DNB_EARG,
                    "logistic regression did not converge in %zu steps (gradient %.2g of its "
                    "scale); scale the columns, choose a smaller C or allow more steps",
                    most, size / scale);
done:
    return status;
}

static dnb_status make_room(newton *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    vec *const all[] = {&s->at, &s->grad, &s->step, &s->res, &s->z, &s->dir, &s->image};
    size_t count = sizeof all / sizeof *all, nk = s->n * s->k, each = s->wide + s->k + nk;
    DNB_NEW(s->pool, count * each + nk, "Newton steps");
    for (size_t i = 0; i < count; i++)
        *all[i] = (vec){s->pool + i * each, s->pool + i * each + s->wide,
                        s->pool + i * each + s->wide + s->k};
    s->p = s->pool + count * each;
done:
    return status;
}

/* The weights of an earlier fit, turned to our layout and to centred columns. */
static void begin_at(newton *s, const dnb_classifier *from, const dnb_classifier *to,
                     const double *mean)
{
    if (!from || !from->coef || from->kind != DNB_LOGISTIC || from->k != to->k ||
        from->d != to->d || memcmp(from->classes, to->classes, to->k * sizeof *to->classes) != 0 ||
        s->space.dual)
        return;
    for (size_t m = 0; m < s->k; m++) {
        s->at.b[m] = from->intercept[m];
        for (size_t j = 0; j < to->d; j++) {
            s->at.w[j * s->k + m] = from->coef[m * to->d + j];
            s->at.b[m] += mean[j] * from->coef[m * to->d + j];
        }
    }
    dnb_space_scores(&s->space, s->at.s, s->at.w);
}

/* Weights of columns, k x d, and intercepts on columns as they came. */
static dnb_status store(dnb_classifier *c, newton *s, const dnb_class_data *t, const double *mean,
                        dnb_err *err)
{
    size_t k = s->k, d = t->d;
    dnb_status status = DNB_OK;
    if (s->space.dual) {
        /* Coefficients of centred rows sum to 0 once theirs is taken off. */
        for (size_t m = 0; m < k; m++) {
            double sum = 0;
            for (size_t i = 0; i < t->n; i++)
                sum += s->at.w[i * k + m];
            for (size_t i = 0; i < t->n; i++)
                s->at.w[i * k + m] -= sum / (double)t->n;
        }
        const dnb_matmul_options turned = {.transpose_a = true, .alpha = 1};
        DNB_TRY(dnb_matmul(c->coef, d, s->at.w, k, t->x, d, k, d, t->n, &turned, err));
    } else {
        for (size_t m = 0; m < k; m++)
            for (size_t j = 0; j < d; j++)
                c->coef[m * d + j] = s->at.w[j * k + m];
    }
    for (size_t m = 0; m < k; m++) {
        c->intercept[m] = s->at.b[m];
        for (size_t j = 0; j < d; j++)
            c->intercept[m] -= mean[j] * c->coef[m * d + j];
    }
done:
    return status;
}

dnb_status dnb_fit_logistic(dnb_classifier *c, const dnb_class_data *t,
                            const dnb_classifier_options *o, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *mean = NULL;
    newton s = {.y = t->y, .n = t->n, .k = t->k == 2 ? 1 : t->k, .c = o->c};
    DNB_TRY(dnb_classifier_maps(c, s.k, err));
    DNB_NEW(mean, t->d, "column means");
    DNB_TRY(dnb_space_init(&s.space, mean, t->x, t->n, t->d, s.k, err));
    s.wide = s.space.q * s.k;
    DNB_TRY(make_room(&s, err));
    begin_at(&s, o->start, c, mean);
    DNB_TRY(minimise(&s, o, err));
    DNB_TRY(store(c, &s, t, mean, err));
done:
    dnb_space_release(&s.space);
    dnb_free(s.pool);
    dnb_free(mean);
    return status;
}
