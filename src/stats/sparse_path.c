/* Lasso and elastic net for many targets that share features. Targets advance in rounds: one matrix
 * product gives every feature's correlation with every target's residual; each target takes its
 * duality gap from it, or picks the few features worth working on (those that cannot matter are
 * left out by the gap-safe rule of Ndiaye, Fercoq, Gramfort & Salmon 2017, and a path's step starts
 * from the strong rule's set of Tibshirani et al. 2012); descent then runs on these alone. */
#include "stats/sparse_own.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/linalg.h"

/* Targets in flight at once, at most; features a target starts with, at least. */
#define BLOCK 128
#define FEW 64
/* A feature may enter when its correlation with the residual comes this near its bound. */
#define NEAR 0.9

/* A target on its way. Rows of the block's arrays are its own. */
typedef struct slot {
    size_t target, step;
    size_t limit;  /* features to work on beside the nonzero ones */
    size_t k;      /* working set */
    size_t passes; /* in this step */
    size_t *ws;
    double *w, *c, *y, *r, *q;
    double mean, yy, gap;
    bool done;
    dnb_status status;
    dnb_err err;
} slot;

typedef struct block {
    dnb_sparse_design *s;
    const dnb_sparse_request *req;
    size_t n, d, most, n_active;
    slot *slots;
    size_t *active; /* indices of slots not done; the i-th has rows i of r and q */
    double *y, *r, *c, *q, *w, *score;
    size_t *ws, *fresh;
    struct desk {
        double *room;
        size_t size;
    } * desks; /* a thread's scratch, grown as needed */
    int n_desks;
    bool started, shared; /* shared: this round's products of features come from the Gram rows */
} block;

static void block_release(block *b)
{
    dnb_free(b->slots);
    dnb_free(b->active);
    dnb_free(b->y);
    dnb_free(b->r);
    dnb_free(b->c);
    dnb_free(b->q);
    dnb_free(b->w);
    dnb_free(b->score);
    dnb_free(b->ws);
    dnb_free(b->fresh);
    for (int i = 0; b->desks && i < b->n_desks; i++)
        dnb_free(b->desks[i].room);
    dnb_free(b->desks);
}

static dnb_status block_init(block *b, dnb_sparse_design *s, size_t m,
                             const dnb_sparse_request *req, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double each = 8.0 * (5.0 * (double)s->d + 2.0 * (double)s->n);
    size_t most = m < BLOCK ? m : BLOCK;
    while (most > 1 && each * (double)most > (double)req->memory)
        most /= 2;
    *b = (block){.s = s, .req = req, .n = s->n, .d = s->d, .most = most};
    DNB_NEW(b->slots, most, "targets");
    DNB_NEW(b->active, most, "targets");
    DNB_NEW(b->y, most * s->n, "targets");
    DNB_NEW(b->r, most * s->n, "residuals");
    DNB_NEW(b->c, most * s->d, "products of targets and features");
    DNB_NEW(b->q, most * s->d, "products of residuals and features");
    DNB_NEW(b->w, most * s->d, "coefficients");
    DNB_NEW(b->score, most * s->d, "features' ranks");
    DNB_NEW(b->ws, most * s->d, "working sets");
    DNB_NEW(b->fresh, s->d, "features in use");
    b->n_desks = dnb_threads_get();
    DNB_NEW(b->desks, (size_t)b->n_desks, "working sets");
done:
    return status;
}

/* Target t's column, centred. A constant one becomes exactly 0. */
static void load_target(slot *s, const double *y, size_t n, size_t m, const size_t *rows)
{
    double first = y[(rows ? rows[0] : 0) * m + s->target], sum = 0;
    bool varies = false;
    for (size_t i = 0; i < n; i++) {
        double v = y[(rows ? rows[i] : i) * m + s->target];
        varies |= v != first;
        s->y[i] = v - first;
        sum += s->y[i];
    }
    double shift = varies ? sum / (double)n : 0;
    s->mean = first + shift;
    for (size_t i = 0; i < n; i++)
        s->y[i] -= shift;
    s->yy = dnb_sparse_dot(s->y, s->y, n);
}

static void start_block(block *b, const double *y, size_t m, const size_t *rows, size_t first,
                        size_t count)
{
    memset(b->w, 0, count * b->d * sizeof *b->w);
    b->n_active = count;
    b->started = false;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++) {
        slot *s = &b->slots[i];
        *s = (slot){.target = first + i,
                    .y = b->y + i * b->n,
                    .c = b->c + i * b->d,
                    .w = b->w + i * b->d,
                    .ws = b->ws + i * b->d};
        load_target(s, y, b->n, m, rows);
        b->active[i] = i;
    }
}

static double alpha_of(const block *b, const slot *s, size_t step)
{
    return b->req->own ? b->req->own[s->target] : b->req->alphas[step];
}

static dnb_sparse_problem problem_of(const block *b, const slot *s)
{
    double scaled = alpha_of(b, s, s->step) * (double)b->n;
    return (dnb_sparse_problem){.l1 = scaled * b->req->l1_ratio,
                                .l2 = scaled * (1 - b->req->l1_ratio),
                                .yy = s->yy,
                                .goal = b->req->tolerance * s->yy};
}

/* The residual of the i-th active slot, into its row. */
static void load_residual(block *b, size_t i)
{
    slot *s = &b->slots[b->active[i]];
    s->r = b->r + i * b->n;
    s->q = b->q + i * b->d;
    memcpy(s->r, s->y, b->n * sizeof *s->r);
    for (size_t k = 0; k < s->k; k++)
        if (s->w[s->ws[k]] != 0)
            dnb_sparse_axpy(s->r, -s->w[s->ws[k]], b->s->xt + s->ws[k] * b->n, b->n);
}

/* The duality gap over all features, and the largest |x_j.r - l2 w_j|. */
static double full_gap(const block *b, const slot *s, const dnb_sparse_problem *p, double *dual)
{
    double most = 0, l1_norm = 0, ww = 0;
    for (size_t j = 0; j < b->d; j++) {
        double w = s->w[j], xta = fabs(s->q[j] - p->l2 * w);
        most = xta > most ? xta : most;
        l1_norm += fabs(w);
        ww += w * w;
    }
    *dual = most;
    return dnb_sparse_gap(p->l1, p->l2, most, dnb_sparse_dot(s->r, s->r, b->n),
                          dnb_sparse_dot(s->r, s->y, b->n), l1_norm, ww);
}

/* Hands the step's solution on. ws becomes its support. */
static void finish_step(block *b, slot *s, bool converged)
{
    double intercept = s->mean;
    s->k = 0;
    for (size_t j = 0; j < b->d; j++)
        if (s->w[j] != 0) {
            s->ws[s->k++] = j;
            intercept -= s->w[j] * b->s->mean[j];
        }
    const dnb_sparse_solution found = {.target = s->target,
                                       .step = s->step,
                                       .w = s->w,
                                       .support = s->ws,
                                       .k = s->k,
                                       .intercept = intercept,
                                       .converged = converged};
    s->status = b->req->take(b->req->ctx, &found, &s->err);
    s->passes = 0;
    s->limit = 0;
    s->step++;
    s->done = s->status != DNB_OK || s->step == (b->req->own ? 1 : b->req->n_alphas);
}

/* The value that `keep` of n numbers reach or exceed (quickselect; v is shuffled). */
static double kth_largest(double *v, size_t n, size_t keep)
{
    size_t lo = 0, hi = n - 1, want = keep - 1;
    while (lo < hi) {
        double a = v[lo], m = v[lo + (hi - lo) / 2], z = v[hi];
        double pivot = fmax(fmin(a, m), fmin(fmax(a, m), z));
        size_t i = lo, j = hi;
        for (;;) {
            while (v[i] > pivot)
                i++;
            while (v[j] < pivot)
                j--;
            if (i >= j)
                break;
            double t = v[i];
            v[i++] = v[j];
            v[j--] = t;
        }
        /* v[lo..j] >= pivot >= v[j+1..hi], unless i == j stopped at a pivot already in place. */
        size_t split = j;
        if (want <= split)
            hi = split;
        else
            lo = split + 1;
    }
    return v[lo];
}

/* How many features a step starts with: all that the strong rule keeps when it follows another
 * step, few otherwise; and twice as many after each round that did not finish the step. */
static void set_limit(const block *b, slot *s, const dnb_sparse_problem *p, size_t support)
{
    size_t least = 2 * support > FEW ? 2 * support : FEW;
    if (s->limit) {
        s->limit = 2 * s->limit > least ? 2 * s->limit : least;
        return;
    }
    s->limit = least;
    if (s->step == 0)
        return;
    double before = alpha_of(b, s, s->step - 1) * (double)b->n * b->req->l1_ratio;
    size_t strong = 0;
    for (size_t j = 0; j < b->d; j++)
        strong += fabs(s->q[j] - p->l2 * s->w[j]) >= 2 * p->l1 - before;
    if (strong > s->limit && strong < 4 * s->limit)
        s->limit = strong;
}

/* Whether a feature at 0 is worth working on: it violates its bound or nearly does, and the
 * gap-safe rule cannot prove that it stays at 0. */
static inline bool may_matter(const block *b, const slot *s, size_t j, const dnb_sparse_problem *p,
                              double scale, double radius)
{
    double xta = fabs(s->q[j]), length2 = b->s->norm2[j];
    return xta >= NEAR * p->l1 && length2 > 0 && xta * scale + radius * sqrt(length2 + p->l2) >= 1;
}

/* The working set: nonzero coefficients, and of the features that may matter those most correlated
 * with the residual. */
static void choose(const block *b, slot *s, const dnb_sparse_problem *p, double dual, double *score)
{
    double scale = dual > p->l1 ? 1 / dual : 1 / p->l1;
    double radius = sqrt(2 * (s->gap > 0 ? s->gap : 0)) / p->l1;
    size_t support = 0, others = 0;
    for (size_t j = 0; j < b->d; j++) {
        if (s->w[j] != 0) {
            support++;
            continue;
        }
        if (may_matter(b, s, j, p, scale, radius))
            score[others++] = fabs(s->q[j]);
    }
    set_limit(b, s, p, support);
    double bar = others > s->limit ? kth_largest(score, others, s->limit) : 0;
    size_t room = s->limit;
    s->k = 0;
    for (size_t j = 0; j < b->d; j++) {
        bool in = s->w[j] != 0;
        if (!in && room > 0 && fabs(s->q[j]) >= bar && may_matter(b, s, j, p, scale, radius)) {
            in = true;
            room--;
        }
        if (in)
            s->ws[s->k++] = j;
    }
}

/* Closes every step whose gap is small enough; leaves the slot done or with a working set. */
static void advance(block *b, slot *s, double *score)
{
    while (!s->done) {
        dnb_sparse_problem p = problem_of(b, s);
        double dual;
        s->gap = full_gap(b, s, &p, &dual);
        bool converged = s->yy == 0 || dual == 0 || s->gap <= p.goal;
        if (converged || s->passes >= b->req->max_iterations) {
            finish_step(b, s, converged);
            continue;
        }
        choose(b, s, &p, dual, score);
        return;
    }
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Products pay while a pass over them (k) is cheaper than one over the rows (2 n); and they must
 * fit a share of memory that does not depend on the number of threads, as results must not. */
static bool wants_gram(const block *b, const slot *s)
{
    double k = (double)s->k;
    return s->k <= 2 * b->n && 16 * k * k <= (double)b->req->memory / 16;
}

/* The calling thread's scratch of at least `size` numbers; NULL when there is no memory. */
static double *desk_of(block *b, size_t size)
{
    struct desk *d = &b->desks[omp_get_thread_num()];
    if (d->size >= size)
        return d->room;
    dnb_free(d->room);
    d->size = size + size / 2;
    d->room = dnb_alloc_aligned(d->size, sizeof *d->room);
    if (!d->room)
        d->size = 0;
    return d->room;
}

/* Products of the working set's features with each other, of the target alone. xw: k x n. */
static dnb_status own_products(double *g, size_t stride, double *xw, const block *b, const slot *s,
                               dnb_err *err)
{
    for (size_t i = 0; i < s->k; i++)
        memcpy(xw + i * b->n, b->s->xt + s->ws[i] * b->n, b->n * sizeof *xw);
    for (size_t i = 0; i < s->k; i++)
        for (size_t j = s->k; j < stride; j++)
            g[i * stride + j] = 0;
    return dnb_matmul(g, stride, xw, b->n, xw, b->n, s->k, s->k, b->n,
                      &(dnb_matmul_options){.transpose_b = true, .alpha = 1}, err);
}

/* Descent over the working set by way of dot products of features. */
static dnb_status descend_gram(block *b, slot *s, const dnb_sparse_problem *p, size_t *passes,
                               dnb_err *err)
{
    const dnb_sparse_gram *gram = &b->s->gram;
    size_t k = s->k, stride = (k + 7) / 8 * 8, more = b->shared ? k : b->n;
    size_t size = k * stride + 6 * stride + k * (more > k ? more : k);
    double *g = desk_of(b, size);
    if (!g)
        return dnb_fail_memory(err, "a working set", size * sizeof *g);
    double *w = g + k * stride, *q = w + stride, *c = q + stride, *work = c + stride;
    if (b->shared) {
        /* In the order of Gram rows, so that these are read forwards. */
        for (size_t i = 0; i < k; i++)
            s->ws[i] = gram->at[s->ws[i]];
        qsort(s->ws, k, sizeof *s->ws, by_size);
        dnb_sparse_gram_gather(g, stride, gram, s->ws, k);
        for (size_t i = 0; i < k; i++)
            s->ws[i] = gram->feature[s->ws[i]];
    } else {
        dnb_status status = own_products(g, stride, work, b, s, err);
        if (status != DNB_OK)
            return status;
    }
    memset(w, 0, 3 * stride * sizeof *w);
    for (size_t i = 0; i < k; i++) {
        w[i] = s->w[s->ws[i]];
        q[i] = s->q[s->ws[i]];
        c[i] = s->c[s->ws[i]];
    }
    dnb_status status = dnb_sparse_descend(w, q, c, g, k, stride, p, work, passes, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < k; i++)
        s->w[s->ws[i]] = w[i];
    return DNB_OK;
}

static void work(block *b, slot *s)
{
    dnb_sparse_problem p = problem_of(b, s);
    size_t passes = 0;
    /* Early working sets need no fine answer. */
    p.goal = fmax(0.5 * p.goal, 0.05 * s->gap);
    p.most = b->req->max_iterations - s->passes;
    if (wants_gram(b, s))
        s->status = descend_gram(b, s, &p, &passes, &s->err);
    else
        dnb_sparse_descend_residual(s->w, s->r, s->y, b->s, s->ws, s->k, &p, &passes);
    s->passes += passes;
}

/* Gram rows for every feature some target is about to work on; or, as long as that costs less in
 * all or memory does not allow them, each target multiplies its own few features. */
static dnb_status provide_gram(block *b, dnb_err *err)
{
    dnb_sparse_gram *g = &b->s->gram;
    size_t count = 0;
    double own = 0;
    for (size_t i = 0; i < b->n_active; i++) {
        const slot *s = &b->slots[b->active[i]];
        if (!wants_gram(b, s))
            continue;
        own += 2.0 * (double)s->k * (double)s->k * (double)b->n;
        for (size_t k = 0; k < s->k; k++)
            if (g->at[s->ws[k]] == SIZE_MAX) {
                g->at[s->ws[k]] = SIZE_MAX - 1; /* listed */
                b->fresh[count++] = s->ws[k];
            }
    }
    for (size_t i = 0; i < count; i++)
        g->at[b->fresh[i]] = SIZE_MAX;
    double rows = g->used || count <= b->d / 3 ? (double)count : (double)b->d; /* as extend does */
    double price = rows * (2.0 * (double)g->used + rows) * (double)b->n;
    b->shared = count == 0 || own + g->spent > price;
    if (!b->shared) {
        g->spent += own;
        return DNB_OK;
    }
    return dnb_sparse_gram_extend(b->s, b->fresh, count, &b->shared, err);
}

/* Drops finished slots; the first failure (by target) is the block's. */
static dnb_status sift(block *b, dnb_err *err)
{
    size_t left = 0;
    for (size_t i = 0; i < b->n_active; i++) {
        const slot *s = &b->slots[b->active[i]];
        if (s->status != DNB_OK)
            return dnb_fail(err, s->status, "%s", s->err.message);
        if (!s->done)
            b->active[left++] = b->active[i];
    }
    b->n_active = left;
    return dnb_check_cancel(b->req->progress, err);
}

static dnb_status round_of(block *b, dnb_err *err)
{
    dnb_status status = DNB_OK;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < b->n_active; i++)
        load_residual(b, i);
    DNB_TRY(dnb_matmul(b->q, b->d, b->r, b->n, b->s->xt, b->n, b->n_active, b->d, b->n,
                       &(dnb_matmul_options){.transpose_b = true, .alpha = 1}, err));
    if (!b->started)
        memcpy(b->c, b->q, b->n_active * b->d * sizeof *b->c);
    b->started = true;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < b->n_active; i++)
        advance(b, &b->slots[b->active[i]], b->score + i * b->d);
    DNB_TRY(sift(b, err));
    DNB_TRY(provide_gram(b, err));
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < b->n_active; i++)
        work(b, &b->slots[b->active[i]]);
    DNB_TRY(sift(b, err));
done:
    return status;
}

dnb_status dnb_sparse_path_run(dnb_sparse_design *s, const double *y, size_t m, const size_t *rows,
                               const dnb_sparse_request *req, dnb_err *err)
{
    dnb_status status = DNB_OK;
    block b = {0};
    DNB_TRY(block_init(&b, s, m, req, err));
    for (size_t first = 0; first < m; first += b.most) {
        start_block(&b, y, m, rows, first, m - first < b.most ? m - first : b.most);
        while (b.n_active > 0)
            DNB_TRY(round_of(&b, err));
        dnb_report(req->progress, "sparse models", m - first < b.most ? m : first + b.most, m);
    }
done:
    block_release(&b);
    return status;
}
