/* Ridge regression: the scores of every penalty for every target.
 *
 * Cross-validation. Predictions of the test rows are B D z with D = diag(1 / (l + a)), and every
 * score but Spearman's follows from three sums a target and penalty: of yhat, y yhat and yhat^2.
 * The first two are linear in D. The third is z^T D G D z with G = B^T B, a product of r x r by r x
 * m for every penalty if done as written. But for l_j != l_k
 *     1 / ((l_j + a) (l_k + a)) = (1 / (l_j + a) - 1 / (l_k + a)) / (l_k - l_j),
 * so that with M_jk = G_jk / (l_k - l_j) (antisymmetric) and h = M z, made once,
 *     z^T D G D z = sum_j 2 z_j h_j / (l_j + a) + sum_j G_jj z_j^2 / (l_j + a)^2 + near pairs:
 * exact, and a thin product for each penalty. Pairs with close eigenvalues, where the division
 * would cost digits, are left out of M and summed as they stand. Where too many are close (an
 * orthogonal design) or the test rows are few, predictions are made instead.
 *
 * z^T M z = 0, so any constant may be taken off 1 / (l_j + a) in the first sum: for a above all l
 * it is 1 / a, without which the sum's terms would exceed the sum by a / l. */
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "stats/ridge_own.h"

#define NEAR_ROWS ((size_t)512) /* near pairs to a product */
#define KEPT_PARTS ((size_t)16) /* more parts of b than this are made twice */

typedef struct score_job {
    const dnb_ridge *r;
    const double *y;
    double *table;
    size_t m;
    dnb_status status;
    dnb_err err;
} score_job;

static void product(double *c, const double *a, size_t lda, bool transpose_a, const double *b,
                    size_t m, size_t n, size_t k, double beta)
{
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        if (beta == 0)
            memset(c, 0, m * n * sizeof *c);
        return;
    }
    cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)m,
                (int)n, (int)k, 1.0, a, (int)lda, b, (int)n, beta, c, (int)n);
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t kept_parts(const dnb_ridge *r)
{
    return r->dual ? 0 : r->k == 0 ? 0 : r->k <= KEPT_PARTS ? r->k : 1;
}

/* Widest split, tallest test set. */
static void extents(const dnb_ridge *r, size_t *rank, size_t *tests)
{
    *rank = r->all.r;
    *tests = 0;
    for (size_t f = 0; f < r->k; f++) {
        *rank = most(*rank, r->fold[f].r);
        *tests = most(*tests, r->fold[f].n_test);
    }
    if (r->opt->choice == DNB_PENALTY_LOO)
        *tests = r->n;
}

/* Where a block's numbers lie in its scratch. */
typedef struct room {
    double *mean, *yb, *parts, *total, *b, *z, *t, *h, *e, *yhat, *pairs, *weight, *sum, *yy, *sy;
    double *score;
    size_t doubles;
} room;

static room lay_out(const dnb_ridge *r, double *base, size_t w)
{
    size_t rank, tests, at = 0, n_alphas = r->opt->n_alphas, b = r->dual ? 0 : r->d;
    room s = {0};
    extents(r, &rank, &tests);
    struct {
        double **to;
        size_t n;
    } want[] = {
        {&s.mean, w},
        {&s.yb, r->n * w},
        {&s.parts, kept_parts(r) * b * w},
        {&s.total, b * w},
        {&s.b, b * w},
        {&s.z, rank * w},
        {&s.t, rank * w},
        {&s.h, rank * w},
        {&s.e, tests * w},
        {&s.yhat, tests * w},
        {&s.pairs, NEAR_ROWS * w},
        {&s.weight, n_alphas * most(rank, NEAR_ROWS)},
        {&s.sum, 3 * n_alphas * w},
        {&s.yy, w},
        {&s.sy, w},
        {&s.score, w},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        *want[i].to = base ? base + at : NULL;
        at += (want[i].n + 7) / 8 * 8;
    }
    s.doubles = at;
    return s;
}

size_t dnb_ridge_scratch(const dnb_ridge *r, size_t width)
{
    return lay_out(r, NULL, width).doubles;
}

void dnb_ridge_gather(double *dst, double *mean, const dnb_ridge *r, const double *y, size_t m,
                      size_t j, size_t w)
{
    const double *first = y + j;
    /* As dnb_regression_centre, in the order of the folds. */
    memset(mean, 0, w * sizeof *mean);
    for (size_t i = 0; i < r->n; i++) {
        const double *from = y + r->order[i] * m + j;
        for (size_t c = 0; c < w; c++) {
            dst[i * w + c] = from[c] - first[c];
            mean[c] += dst[i * w + c];
        }
    }
    for (size_t c = 0; c < w; c++)
        mean[c] /= (double)r->n;
    for (size_t i = 0; i < r->n; i++)
        for (size_t c = 0; c < w; c++)
            dst[i * w + c] -= mean[c];
    for (size_t c = 0; c < w; c++)
        mean[c] += first[c];
}

void dnb_ridge_coordinates(double *z, double *b, const dnb_ridge *r, const double *yb, size_t w)
{
    const dnb_ridge_split *s = &r->all;
    if (r->dual) {
        product(z, s->zmap, s->r, true, yb, s->r, w, r->n, 0);
    } else {
        product(b, r->xs, r->d, true, yb, r->d, w, r->n, 0);
        product(z, s->zmap, s->r, true, b, s->r, w, r->d, 0);
    }
}

static void part(double *dst, const dnb_ridge *r, const room *o, size_t f, size_t w)
{
    const dnb_ridge_split *s = &r->fold[f];
    product(dst, r->xs + s->first * r->d, r->d, true, o->yb + s->first * w, r->d, w, s->n_test, 0);
}

/* b of every part, and their sum. */
static void all_parts(const dnb_ridge *r, const room *o, size_t w)
{
    size_t cells = r->d * w, kept = kept_parts(r);
    memset(o->total, 0, cells * sizeof *o->total);
    for (size_t f = 0; f < r->k; f++) {
        double *own = o->parts + (kept == r->k ? f : 0) * cells;
        part(own, r, o, f, w);
        for (size_t c = 0; c < cells; c++)
            o->total[c] += own[c];
    }
}

/* e = the test rows' y less the training mean; its sums; sy is the sum of e. */
static void test_targets(const dnb_ridge_split *s, const room *o, size_t w)
{
    const double *y = o->yb + s->first * w;
    memset(o->sy, 0, w * sizeof *o->sy);
    memset(o->yy, 0, w * sizeof *o->yy);
    for (size_t i = 0; i < s->n_test; i++)
        for (size_t c = 0; c < w; c++)
            o->sy[c] += y[i * w + c];
    for (size_t i = 0; i < s->n_test; i++)
        for (size_t c = 0; c < w; c++) {
            /* The training mean: yb sums to zero over all rows. */
            double e = y[i * w + c] + o->sy[c] / (double)s->n_train;
            o->e[i * w + c] = e;
            o->yy[c] += e * e;
        }
}

/* z, and with fractions t = B^T e: by the sums b where that is less work. Needs sy as the plain sum
 * of the test rows. */
static void coordinates(const dnb_ridge *r, const dnb_ridge_split *s, const room *o, size_t f,
                        size_t w)
{
    size_t d = r->d, cells = d * w, kept = kept_parts(r);
    if (r->dual) {
        size_t after = s->first + s->n_test;
        product(o->z, s->zmap, s->r, true, o->yb, s->r, w, s->first, 0);
        product(o->z, s->zmap + s->first * s->r, s->r, true, o->yb + after * w, s->r, w,
                r->n - after, s->first ? 1 : 0);
    } else {
        double *own = o->parts + (kept == r->k ? f : 0) * cells;
        if (kept != r->k)
            part(own, r, o, f, w);
        for (size_t i = 0; i < d; i++) {
            double share = s->xsum[i] / (double)s->n_train;
            for (size_t c = 0; c < w; c++)
                o->b[i * w + c] = o->total[i * w + c] - own[i * w + c] - share * o->sy[c];
        }
        product(o->z, s->zmap, s->r, true, o->b, s->r, w, d, 0);
        if (s->m && !s->test) {
            double t = (double)s->n_train, scale = (2 + (double)s->n_test / t) / t;
            for (size_t i = 0; i < d; i++)
                for (size_t c = 0; c < w; c++)
                    o->b[i * w + c] = own[i * w + c] + scale * s->xsum[i] * o->sy[c];
            product(o->t, s->zmap, s->r, true, o->b, s->r, w, d, 0);
        }
    }
    if (s->m && s->test)
        product(o->t, s->test, s->r, true, o->e, s->r, w, s->n_test, 0);
}

/* weight (n_alphas x r): 1 / (l + a), squared, or less 1 / a where a is above all l. */
static void weights(double *weight, const dnb_ridge *r, const dnb_ridge_split *s, bool square,
                    bool shifted)
{
    for (size_t a = 0; a < r->opt->n_alphas; a++) {
        double alpha = r->opt->alphas[a];
        for (size_t j = 0; j < s->r; j++) {
            double f = 1 / (s->l[j] + alpha);
            if (shifted && alpha >= s->l[0])
                f *= -s->l[j] / alpha;
            weight[a * s->r + j] = square ? f * f : f;
        }
    }
}

static void near_pairs(double *qq, const dnb_ridge *r, const dnb_ridge_split *s, const room *o,
                       size_t w)
{
    size_t n_alphas = r->opt->n_alphas;
    for (size_t p0 = 0; p0 < s->n_near; p0 += NEAR_ROWS) {
        size_t count = s->n_near - p0 < NEAR_ROWS ? s->n_near - p0 : NEAR_ROWS;
        for (size_t p = 0; p < count; p++) {
            size_t j = s->near_j[p0 + p], k = s->near_k[p0 + p];
            for (size_t c = 0; c < w; c++)
                o->pairs[p * w + c] = o->z[j * w + c] * o->z[k * w + c];
            for (size_t a = 0; a < n_alphas; a++) {
                double alpha = r->opt->alphas[a];
                o->weight[a * count + p] =
                    s->near_g[p0 + p] / ((s->l[j] + alpha) * (s->l[k] + alpha));
            }
        }
        product(qq, o->weight, count, false, o->pairs, n_alphas, w, count, 1);
    }
}

/* The three sums of every penalty from z and t; t and h are used up. */
static void sums_by_fractions(const dnb_ridge *r, const dnb_ridge_split *s, const room *o, size_t w)
{
    size_t n_alphas = r->opt->n_alphas, rows = s->r;
    double *sp = o->sum, *yp = sp + n_alphas * w, *pp = yp + n_alphas * w;
    product(o->h, s->m, rows, false, o->z, rows, w, rows, 0);
    for (size_t i = 0; i < rows * w; i++) {
        o->t[i] *= o->z[i];
        o->h[i] *= 2 * o->z[i];
    }
    weights(o->weight, r, s, false, false);
    product(yp, o->weight, rows, false, o->t, n_alphas, w, rows, 0);
    for (size_t j = 0; j < rows; j++)
        for (size_t c = 0; c < w; c++)
            o->t[j * w + c] = s->bsum[j] * o->z[j * w + c];
    product(sp, o->weight, rows, false, o->t, n_alphas, w, rows, 0);
    weights(o->weight, r, s, false, true);
    product(pp, o->weight, rows, false, o->h, n_alphas, w, rows, 0);
    for (size_t j = 0; j < rows; j++)
        for (size_t c = 0; c < w; c++)
            o->t[j * w + c] = s->g[j] * o->z[j * w + c] * o->z[j * w + c];
    weights(o->weight, r, s, true, false);
    product(pp, o->weight, rows, false, o->t, n_alphas, w, rows, 1);
    near_pairs(pp, r, s, o, w);
}

/* yhat of one penalty, less the training mean. */
static void predict(const dnb_ridge *r, const dnb_ridge_split *s, const room *o, size_t a, size_t w)
{
    for (size_t j = 0; j < s->r; j++) {
        double f = 1 / (s->l[j] + r->opt->alphas[a]);
        for (size_t c = 0; c < w; c++)
            o->h[j * w + c] = f * o->z[j * w + c];
    }
    product(o->yhat, s->test, s->r, false, o->h, s->n_test, w, s->r, 0);
}

static void sums_by_predicting(const dnb_ridge *r, const dnb_ridge_split *s, const room *o,
                               size_t w)
{
    size_t n_alphas = r->opt->n_alphas;
    memset(o->sum, 0, 3 * n_alphas * w * sizeof *o->sum);
    for (size_t a = 0; a < n_alphas; a++) {
        double *sp = o->sum + a * w, *yp = sp + n_alphas * w, *pp = yp + n_alphas * w;
        predict(r, s, o, a, w);
        for (size_t i = 0; i < s->n_test; i++)
            for (size_t c = 0; c < w; c++) {
                double v = o->yhat[i * w + c];
                sp[c] += v;
                yp[c] += v * o->e[i * w + c];
                pp[c] += v * v;
            }
    }
}

static bool is_constant(const room *o, size_t n, size_t w, size_t c)
{
    for (size_t i = 1; i < n; i++)
        if (o->e[i * w + c] != o->e[c])
            return false;
    return true;
}

/* A score from its sums; y and yhat both less the training mean. */
static double score_of(dnb_scoring scoring, double n, double sy, double yy, double sp, double yp,
                       double pp, bool constant)
{
    double squares = yy - 2 * yp + pp, total = yy - sy * sy / n;
    if (scoring == DNB_SCORE_NEG_MSE)
        return -squares / n;
    if (scoring == DNB_SCORE_CORRELATION) {
        double spread = pp - sp * sp / n;
        return constant || !(spread > 0) || !(total > 0)
                   ? 0
                   : (yp - sy * sp / n) / sqrt(spread) / sqrt(total);
    }
    if (scoring == DNB_SCORE_EXPLAINED_VARIANCE)
        squares -= (sy - sp) * (sy - sp) / n;
    if (constant || !(total > 0))
        return squares > 0 ? 0 : 1;
    return 1 - squares / total;
}

static void add_fold(score_job *job, const dnb_ridge_split *s, const room *o, size_t j, size_t w)
{
    const dnb_ridge *r = job->r;
    size_t n_alphas = r->opt->n_alphas;
    double n = (double)s->n_test, *sp = o->sum, *yp = sp + n_alphas * w, *pp = yp + n_alphas * w;
    /* From here on sy is the sum of e. */
    for (size_t c = 0; c < w; c++)
        o->sy[c] += n * o->sy[c] / (double)s->n_train;
    for (size_t c = 0; c < w; c++) {
        bool constant = is_constant(o, s->n_test, w, c);
        for (size_t a = 0; a < n_alphas; a++)
            job->table[a * job->m + j + c] +=
                score_of(r->opt->scoring, n, o->sy[c], o->yy[c], sp[a * w + c], yp[a * w + c],
                         pp[a * w + c], constant) /
                (double)r->k;
    }
}

/* Ranks need the predictions themselves. */
static void add_fold_ranked(score_job *job, const dnb_ridge_split *s, const room *o, size_t j,
                            size_t w)
{
    const dnb_ridge *r = job->r;
    for (size_t a = 0; a < r->opt->n_alphas; a++) {
        dnb_err err;
        predict(r, s, o, a, w);
        dnb_status status =
            dnb_score_columns(o->score, r->opt->scoring, o->e, o->yhat, s->n_test, w, &err);
        if (status != DNB_OK) {
#pragma omp critical(dnb_ridge_score)
            {
                job->status = status;
                job->err = err;
            }
            return;
        }
        for (size_t c = 0; c < w; c++)
            job->table[a * job->m + j + c] += o->score[c] / (double)r->k;
    }
}

static void cv_block(void *ctx, double *scratch, size_t j, size_t w)
{
    score_job *job = ctx;
    const dnb_ridge *r = job->r;
    room o = lay_out(r, scratch, w);
    dnb_ridge_gather(o.yb, o.mean, r, job->y, job->m, j, w);
    if (!r->dual)
        all_parts(r, &o, w);
    for (size_t f = 0; f < r->k; f++) {
        const dnb_ridge_split *s = &r->fold[f];
        test_targets(s, &o, w);
        coordinates(r, s, &o, f, w);
        if (r->opt->scoring == DNB_SCORE_SPEARMAN) {
            add_fold_ranked(job, s, &o, j, w);
            continue;
        }
        if (s->m)
            sums_by_fractions(r, s, &o, w);
        else
            sums_by_predicting(r, s, &o, w);
        add_fold(job, s, &o, j, w);
    }
}

/* What of y no feature reaches: 0 when the centred rows span everything, exactly. */
static double left_over(const dnb_ridge *r, double yy, double inside)
{
    return r->all.r + 1 == r->n || yy < inside ? 0 : yy - inside;
}

static void gcv_block(void *ctx, double *scratch, size_t j, size_t w)
{
    score_job *job = ctx;
    const dnb_ridge *r = job->r;
    const dnb_ridge_split *s = &r->all;
    room o = lay_out(r, scratch, w);
    double n = (double)r->n;
    dnb_ridge_gather(o.yb, o.mean, r, job->y, job->m, j, w);
    dnb_ridge_coordinates(o.z, o.b, r, o.yb, w);
    memset(o.yy, 0, w * sizeof *o.yy);
    memset(o.sy, 0, w * sizeof *o.sy);
    for (size_t i = 0; i < r->n; i++)
        for (size_t c = 0; c < w; c++)
            o.yy[c] += o.yb[i * w + c] * o.yb[i * w + c];
    for (size_t i = 0; i < s->r; i++)
        for (size_t c = 0; c < w; c++) {
            o.z[i * w + c] *= o.z[i * w + c] / s->l[i];
            o.sy[c] += o.z[i * w + c];
        }
    for (size_t a = 0; a < r->opt->n_alphas; a++) {
        double alpha = r->opt->alphas[a], free = n - 1 - (double)s->r;
        for (size_t i = 0; i < s->r; i++) {
            double f = alpha / (s->l[i] + alpha);
            o.weight[a * s->r + i] = f * f;
            free += f;
        }
        for (size_t c = 0; c < w; c++)
            o.sum[a * w + c] = left_over(r, o.yy[c], o.sy[c]);
        product(o.sum + a * w, o.weight + a * s->r, s->r, false, o.z, 1, w, s->r, 1);
        for (size_t c = 0; c < w; c++)
            job->table[a * job->m + j + c] = -n * o.sum[a * w + c] / (free * free);
    }
}

static void loo_block(void *ctx, double *scratch, size_t j, size_t w)
{
    score_job *job = ctx;
    const dnb_ridge *r = job->r;
    const dnb_ridge_split *s = &r->all;
    room o = lay_out(r, scratch, w);
    bool full = s->r + 1 == r->n;
    dnb_ridge_gather(o.yb, o.mean, r, job->y, job->m, j, w);
    dnb_ridge_coordinates(o.z, o.b, r, o.yb, w);
    for (size_t i = 0; i < s->r; i++)
        for (size_t c = 0; c < w; c++)
            o.z[i * w + c] /= sqrt(s->l[i]);
    /* e: what of y lies outside U. */
    product(o.e, s->u, s->r, false, o.z, r->n, w, s->r, 0);
    for (size_t i = 0; i < r->n * w; i++)
        o.e[i] = full ? 0 : o.yb[i] - o.e[i];
    for (size_t a = 0; a < r->opt->n_alphas; a++) {
        double *to = job->table + a * job->m + j;
        for (size_t i = 0; i < s->r; i++) {
            o.weight[i] = r->opt->alphas[a] / (s->l[i] + r->opt->alphas[a]);
            for (size_t c = 0; c < w; c++)
                o.h[i * w + c] = o.weight[i] * o.z[i * w + c];
        }
        memcpy(o.yhat, o.e, r->n * w * sizeof *o.yhat);
        product(o.yhat, s->u, s->r, false, o.h, r->n, w, s->r, 1);
        memset(to, 0, w * sizeof *to);
        for (size_t i = 0; i < r->n; i++) {
            /* 1 - h_ii, h the projection on U shrunk and on the intercept. */
            double free = full ? 0 : 1 - 1 / (double)r->n;
            const double *u = s->u + i * s->r;
            for (size_t q = 0; q < s->r; q++)
                free += u[q] * u[q] * (o.weight[q] - (full ? 0 : 1));
            for (size_t c = 0; c < w; c++) {
                double e = o.yhat[i * w + c] / free;
                to[c] -= e * e / (double)r->n;
            }
        }
    }
}

dnb_status dnb_ridge_scores(double *table, const dnb_ridge *r, const double *y, size_t m,
                            dnb_err *err)
{
    dnb_status status = DNB_OK;
    score_job job = {.r = r, .y = y, .table = table, .m = m};
    dnb_regression_block_fn *fn = r->opt->choice == DNB_PENALTY_CV    ? cv_block
                                  : r->opt->choice == DNB_PENALTY_LOO ? loo_block
                                                                      : gcv_block;
    DNB_TRY(dnb_regression_check_int(m, "targets", err));
    memset(table, 0, r->opt->n_alphas * m * sizeof *table);
    DNB_TRY(dnb_regression_blocks(fn, &job, m, dnb_ridge_scratch(r, dnb_regression_block(m)),
                                  "choosing penalties", r->opt->progress, err));
    if (job.status != DNB_OK)
        DNB_TRY(dnb_fail(err, job.status, "%s", job.err.message));
done:
    return status;
}

void dnb_ridge_choose(size_t *choice, const double *table, size_t n_alphas, size_t m, bool shared)
{
    size_t best = 0;
    double high = 0;
    for (size_t a = 0; a < n_alphas && shared; a++) {
        double mean = 0;
        for (size_t j = 0; j < m; j++)
            mean += table[a * m + j] / (double)m;
        if (a == 0 || mean > high) {
            best = a;
            high = mean;
        }
    }
    for (size_t j = 0; j < m; j++) {
        choice[j] = best;
        for (size_t a = 1; a < n_alphas && !shared; a++)
            if (table[a * m + j] > table[choice[j] * m + j])
                choice[j] = a;
    }
}
