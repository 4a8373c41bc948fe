/* Partial least squares. Neither x nor y is deflated, only their product (Dayal & MacGregor 1997,
 * improved kernel algorithm 1): the same weights, scores and loadings as NIPALS. */
#include "stats/regress_pls.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/linalg.h"
#include "stats/regression_own.h"
#include "stats/standard.h"

/* Targets done together by PLS1, at most. */
#define TARGETS 128
/* Products of x and y this much smaller than at first are rounding; so are scores whose square is
 * SPENT of what x could give. */
#define FITTED 1e-12
#define SPENT 1e-24
#define SPENT_GRAM 1e-14 /* when the squares are taken from xs^T xs */

typedef struct pls_state {
    size_t n, d, components, memory;
    const dnb_regression_options *opt;
    double *xs;        /* n x d, centred and scaled */
    double *mean, *sd; /* d */
    double size2;      /* sum of squares of xs */
} pls_state;

static void pls_release(void *state)
{
    pls_state *s = state;
    if (!s)
        return;
    dnb_free(s->xs);
    dnb_free(s->mean);
    dnb_free(s->sd);
    dnb_free(s);
}

/* Columns of a (n x m) centred and, unless no_scale, divided by their standard deviation. A
 * constant column becomes exactly 0 with deviation 1. */
static void standardise(double *out, double *mean, double *sd, const double *a, size_t n, size_t m,
                        bool no_scale)
{
#pragma omp parallel for schedule(static)
    for (size_t j0 = 0; j0 < m; j0 += 64) {
        size_t j1 = m - j0 < 64 ? m : j0 + 64;
        double shift[64] = {0}, sum2[64] = {0};
        bool varies[64] = {0};
        for (size_t i = 0; i < n; i++)
            for (size_t j = j0; j < j1; j++) {
                shift[j - j0] += a[i * m + j] - a[j];
                varies[j - j0] |= a[i * m + j] != a[j];
            }
        for (size_t j = j0; j < j1; j++) {
            shift[j - j0] = varies[j - j0] ? shift[j - j0] / (double)n : 0;
            mean[j] = a[j] + shift[j - j0];
        }
        for (size_t i = 0; i < n; i++)
            for (size_t j = j0; j < j1; j++) {
                double v = a[i * m + j] - a[j] - shift[j - j0];
                out[i * m + j] = v;
                sum2[j - j0] += v * v;
            }
        for (size_t j = j0; j < j1; j++)
            sd[j] = varies[j - j0] && !no_scale ? sqrt(sum2[j - j0] / (double)(n - 1)) : 1;
        for (size_t i = 0; i < n; i++)
            for (size_t j = j0; j < j1; j++)
                out[i * m + j] /= sd[j];
    }
}

static dnb_status pls_new(void **state, const double *x, size_t n, size_t d,
                          const dnb_regression_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    pls_state *s = NULL;
    size_t memory = opt->memory ? opt->memory : dnb_memory_budget();
    if (opt->components > d)
        return dnb_fail(err, DNB_EARG, "pls: %zu components of %zu features; at most %zu",
                        opt->components, d, d);
    if ((double)n * (double)d * 8 > (double)memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "pls of %zu features in %zu rows holds %.0f MB of them; the memory it may "
                        "use is %.0f MB",
                        d, n, (double)n * (double)d * 8e-6, (double)memory * 1e-6);
    DNB_NEW(s, 1, "a pls model");
    s->n = n;
    s->d = d;
    s->opt = opt;
    s->memory = memory;
    s->components = opt->components ? opt->components : d < 2 ? d : 2;
    DNB_NEW(s->xs, n * d, "scaled features");
    DNB_NEW(s->mean, d, "feature means");
    DNB_NEW(s->sd, d, "feature deviations");
    standardise(s->xs, s->mean, s->sd, x, n, d, opt->no_scale);
    for (size_t i = 0; i < n; i++)
        s->size2 += dnb_dot(s->xs + i * d, s->xs + i * d, d);
    *state = s;
    s = NULL;
done:
    pls_release(s);
    return status;
}

/* x += a y */
static void add(double *x, double a, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += a * y[i];
}

/* Makes r, which gives a score by xs r, from the weights in it: scores of the k earlier components
 * (their r and p every `apart` numbers) stay orthogonal to it. Twice, against rounding. */
static void rotate(double *r, const double *rs, const double *ps, size_t k, size_t apart, size_t d)
{
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < k; i++)
            add(r, -dnb_dot(ps + i * apart, r, d), rs + i * apart, d);
}

/* PLS2: coef (d x m), for scaled x and y, from their product c (d x m, destroyed). */
static dnb_status fit_together(double *coef, double *c, const pls_state *s, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n = s->n, d = s->d, made = 0;
    double *rs = NULL, *ps = NULL, *qs = NULL, *t = NULL, first = 0;
    DNB_NEW(rs, s->components * d, "pls rotations");
    DNB_NEW(ps, s->components * d, "pls loadings");
    DNB_NEW(qs, s->components * m, "pls loadings");
    DNB_NEW(t, n, "pls scores");
    for (; made < s->components; made++) {
        double *r = rs + made * d, *p = ps + made * d, *q = qs + made * m, sigma;
        DNB_TRY(dnb_check_cancel(s->opt->progress, err));
        DNB_TRY(dnb_leading_vector(r, &sigma, c, d, m, err));
        first = made ? first : sigma;
        if (sigma <= FITTED * first)
            break;
        rotate(r, rs, ps, made, d, d);
        dnb_matvec(t, s->xs, r, n, d);
        double tt = dnb_dot(t, t, n);
        if (tt <= SPENT * s->size2 * dnb_dot(r, r, d))
            break;
        dnb_matvec_transposed(p, s->xs, t, n, d);
        dnb_matvec_transposed(q, c, r, d, m);
        for (size_t j = 0; j < d; j++)
            p[j] /= tt;
        for (size_t j = 0; j < m; j++)
            q[j] /= tt;
#pragma omp parallel for schedule(static)
        for (size_t j = 0; j < d; j++)
            add(c + j * m, -tt * p[j], q, m);
        dnb_report(s->opt->progress, "partial least squares", made + 1, s->components);
    }
    if (made)
        DNB_TRY(dnb_matmul(coef, m, rs, d, qs, m, d, m, made,
                           &(dnb_matmul_options){.transpose_a = true, .alpha = 1}, err));
done:
    dnb_free(rs);
    dnb_free(ps);
    dnb_free(qs);
    dnb_free(t);
    return status;
}

/* Targets in flight, each with a row of everything. */
typedef struct pls_block {
    size_t most;
    double *c, *rs, *ps, *t, *b; /* most x d; components x most x d, twice; most x n; most x d */
    double *g;                   /* d x d: xs^T xs where that is cheaper than scores; or NULL */
    double *first;               /* most: |c| at the start; 0 once a target is done */
} pls_block;

static dnb_status pls_block_init(pls_block *b, const pls_state *s, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double each = 8.0 * (2.0 * (double)s->d * (double)(s->components + 1) + (double)s->n);
    b->most = m < TARGETS ? m : TARGETS;
    while (b->most > 1 && each * (double)b->most > (double)s->memory / 4)
        b->most /= 2;
    DNB_NEW(b->c, b->most * s->d, "pls targets");
    DNB_NEW(b->b, b->most * s->d, "pls coefficients");
    DNB_NEW(b->rs, s->components * b->most * s->d, "pls rotations");
    DNB_NEW(b->ps, s->components * b->most * s->d, "pls loadings");
    DNB_NEW(b->first, b->most, "pls targets");
    double d = (double)s->d, n = (double)s->n, all = (double)(s->components * m);
    if (n * d + all * d >= 2 * all * n || 8 * d * d > (double)s->memory / 4) {
        DNB_NEW(b->t, b->most * s->n, "pls scores");
        return DNB_OK;
    }
    DNB_NEW(b->g, s->d * s->d, "products of features");
    DNB_TRY(dnb_matmul(b->g, s->d, s->xs, s->d, s->xs, s->d, s->d, s->d, s->n,
                       &(dnb_matmul_options){.transpose_a = true, .alpha = 1}, err));
done:
    return status;
}

static void pls_block_release(pls_block *b)
{
    dnb_free(b->c);
    dnb_free(b->b);
    dnb_free(b->rs);
    dnb_free(b->ps);
    dnb_free(b->t);
    dnb_free(b->g);
    dnb_free(b->first);
}

/* Target i's weights for component k, turned into r; zeros once nothing is left to fit. */
static void next_rotation(pls_block *b, size_t i, size_t k, size_t d)
{
    size_t apart = b->most * d;
    double *r = b->rs + k * apart + i * d, *c = b->c + i * d;
    double length = sqrt(dnb_dot(c, c, d));
    if (k == 0)
        b->first[i] = length;
    if (length <= FITTED * b->first[i])
        b->first[i] = 0;
    for (size_t j = 0; j < d; j++)
        r[j] = b->first[i] > 0 ? c[j] / length : 0;
    rotate(r, b->rs + i * d, b->ps + i * d, k, apart, d);
}

/* Given p = xs^T t of the scores t = xs r: the target's share of the component, taken out of c. */
static void take_component(pls_block *b, size_t i, size_t k, const pls_state *s)
{
    size_t d = s->d, apart = b->most * d;
    double *r = b->rs + k * apart + i * d, *p = b->ps + k * apart + i * d, *c = b->c + i * d;
    double tt = b->g ? dnb_dot(r, p, d) : dnb_dot(b->t + i * s->n, b->t + i * s->n, s->n);
    if (tt <= (b->g ? SPENT_GRAM : SPENT) * s->size2 * dnb_dot(r, r, d))
        b->first[i] = 0;
    if (b->first[i] == 0) {
        memset(p, 0, d * sizeof *p);
        return;
    }
    double q = dnb_dot(c, r, d) / tt;
    add(b->b + i * d, q, r, d);
    add(c, -q, p, d);
    for (size_t j = 0; j < d; j++)
        p[j] /= tt;
}

/* PLS1 of the columns of ys (n x m). */
static dnb_status fit_apart(double *coef, const double *ys, const pls_state *s, size_t m,
                            dnb_err *err)
{
    dnb_status status = DNB_OK;
    const dnb_matmul_options plain = DNB_MATMUL_DEFAULTS;
    const dnb_matmul_options left = {.transpose_a = true, .alpha = 1};
    const dnb_matmul_options right = {.transpose_b = true, .alpha = 1};
    size_t n = s->n, d = s->d;
    pls_block b = {0};
    DNB_TRY(pls_block_init(&b, s, m, err));
    for (size_t at = 0; at < m; at += b.most) {
        size_t count = m - at < b.most ? m - at : b.most;
        DNB_TRY(dnb_check_cancel(s->opt->progress, err));
        DNB_TRY(dnb_matmul(b.c, d, ys + at, m, s->xs, d, count, d, n, &left, err));
        memset(b.b, 0, count * d * sizeof *b.b);
        for (size_t k = 0; k < s->components; k++) {
            double *r = b.rs + k * b.most * d, *p = b.ps + k * b.most * d;
#pragma omp parallel for schedule(static)
            for (size_t i = 0; i < count; i++)
                next_rotation(&b, i, k, d);
            if (b.g) {
                DNB_TRY(dnb_matmul(p, d, r, d, b.g, d, count, d, d, &plain, err));
            } else {
                DNB_TRY(dnb_matmul(b.t, n, r, d, s->xs, d, count, n, d, &right, err));
                DNB_TRY(dnb_matmul(p, d, b.t, n, s->xs, d, count, d, n, &plain, err));
            }
#pragma omp parallel for schedule(static)
            for (size_t i = 0; i < count; i++)
                take_component(&b, i, k, s);
        }
        for (size_t j = 0; j < d; j++)
            for (size_t i = 0; i < count; i++)
                coef[j * m + at + i] = b.b[i * d + j];
        dnb_report(s->opt->progress, "partial least squares", at + count, m);
    }
done:
    pls_block_release(&b);
    return status;
}

static dnb_status pls_fit(dnb_linear *out, void *state, const double *y, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const pls_state *s = state;
    size_t n = s->n, d = s->d;
    double *ys = NULL, *c = NULL, *mean = NULL, *sd = NULL;
    DNB_NEW(ys, n * m, "scaled targets");
    DNB_NEW(mean, m, "target means");
    DNB_NEW(sd, m, "target deviations");
    standardise(ys, mean, sd, y, n, m, s->opt->no_scale);
    if (s->opt->per_target) {
        DNB_TRY(fit_apart(out->coef, ys, s, m, err));
    } else {
        DNB_NEW(c, d * m, "products of features and targets");
        DNB_TRY(dnb_matmul(c, m, s->xs, d, ys, m, d, m, n,
                           &(dnb_matmul_options){.transpose_a = true, .alpha = 1}, err));
        DNB_TRY(fit_together(out->coef, c, s, m, err));
    }
    memcpy(out->intercept, mean, m * sizeof *mean);
    for (size_t j = 0; j < d; j++)
        for (size_t t = 0; t < m; t++) {
            out->coef[j * m + t] *= sd[t] / s->sd[j];
            out->intercept[t] -= s->mean[j] * out->coef[j * m + t];
        }
done:
    dnb_free(ys);
    dnb_free(c);
    dnb_free(mean);
    dnb_free(sd);
    return status;
}

const dnb_regression_model dnb_regression_pls = {
    .name = "pls", .fresh = pls_new, .fit = pls_fit, .release = pls_release};
