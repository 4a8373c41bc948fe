/* What the files of the sparse models (lasso, elastic net) share: centred features, Gram entries
 * made on demand, coordinate descent on a few features, and paths of penalties for many targets.
 * room: stats (internal)
 *
 * Per target the problem is scikit-learn's times n: |y - x w|^2 / 2 + l1 |w|_1 + l2 |w|^2 / 2. */
#ifndef DNB_STATS_SPARSE_OWN_H
#define DNB_STATS_SPARSE_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

/* Dot products of features some target has needed: a lower triangle that grows by rows, in the
 * order in which features were first asked for. */
typedef struct dnb_sparse_gram {
    size_t *at;      /* d: a feature's row, SIZE_MAX when it has none */
    size_t *feature; /* used: back from rows to features */
    double **row;    /* row[p] holds p + 1 entries */
    double *xu;      /* room x n: the features themselves, in row order; or xt itself */
    double **block;  /* what to free */
    size_t used, room, n_blocks, block_room;
    size_t bytes, limit;
    double spent; /* flops that targets have put into products of their own */
} dnb_sparse_gram;

/* The features of some rows of x, centred, one after another. */
typedef struct dnb_sparse_design {
    size_t n, d;
    double *xt;    /* d x n */
    double *mean;  /* d */
    double *norm2; /* d: squared length after centring; exactly 0 for a constant feature */
    dnb_sparse_gram gram;
} dnb_sparse_design;

/* rows (n of them) NULL = the first n. memory bounds everything the design will ever hold; more
 * than that for the features alone fails with DNB_ENOMEM, while the Gram entries stop growing. */
dnb_status dnb_sparse_design_init(dnb_sparse_design *out, const double *x, size_t d,
                                  const size_t *rows, size_t n, size_t memory,
                                  dnb_err *err) DNB_MUST_CHECK;
void dnb_sparse_design_release(dnb_sparse_design *s);

/* Makes rows for these features (distinct, none has one yet), or for all at once when they are
 * many. *fits says whether memory allowed; if not nothing has changed. */
dnb_status dnb_sparse_gram_extend(dnb_sparse_design *s, size_t *feature, size_t count, bool *fits,
                                  dnb_err *err) DNB_MUST_CHECK;
/* g (k x stride, symmetric, zero-padded) of the features in Gram rows pos[k], ascending. */
void dnb_sparse_gram_gather(double *g, size_t stride, const dnb_sparse_gram *gram,
                            const size_t *pos, size_t k);

/* One target's problem. */
typedef struct dnb_sparse_problem {
    double l1, l2;
    double yy;   /* y.y */
    double goal; /* stop at this duality gap */
    size_t most; /* passes over the coordinates, at most */
} dnb_sparse_problem;

/* The duality gap as scikit-learn has it, from: the largest |x_j.r - l2 w_j|, r.r, r.y, |w|_1,
 * w.w. */
static inline double dnb_sparse_gap(double l1, double l2, double dual, double rr, double ry,
                                    double l1_norm, double ww)
{
    double s = dual > l1 ? l1 / dual : 1;
    double gap = dual > l1 ? 0.5 * (rr + rr * s * s) : rr;
    return gap + l1 * l1_norm - s * ry + 0.5 * l2 * (1 + s * s) * ww;
}

/* Minimises over k features given their dot products g (k x stride, zero-padded), from w (k), with
 * q (stride) = x.(y - x w) and c (k) = x.y. work: k^2 + 3 stride numbers of scratch. *passes says
 * how many were made. */
dnb_status dnb_sparse_descend(double *w, double *q, const double *c, const double *g, size_t k,
                              size_t stride, const dnb_sparse_problem *p, double *work,
                              size_t *passes, dnb_err *err) DNB_MUST_CHECK;
/* The same without dot products of features: from w (d; only features ws[k] move) and the residual
 * r (n), both updated. */
void dnb_sparse_descend_residual(double *w, double *r, const double *y, const dnb_sparse_design *s,
                                 const size_t *ws, size_t k, const dnb_sparse_problem *p,
                                 size_t *passes);
double dnb_sparse_dot(const double *x, const double *y, size_t n);
void dnb_sparse_axpy(double *y, double a, const double *x, size_t n); /* y += a x */

/* One solution. w is dense (d); support lists its k nonzero entries, ascending. */
typedef struct dnb_sparse_solution {
    size_t target, step;
    const double *w;
    const size_t *support;
    size_t k;
    double intercept;
    bool converged;
} dnb_sparse_solution;

typedef struct dnb_sparse_request {
    const double *alphas; /* n_alphas, in the order they shall be solved (descending is fast) */
    size_t n_alphas;
    const double *own; /* m: one alpha for each target, instead of alphas; or NULL */
    double l1_ratio, tolerance;
    size_t max_iterations;
    size_t memory; /* beside the design's */
    const dnb_progress *progress;
    /* Takes each target's solution for each step; several threads at once, for different targets.
     */
    dnb_status (*take)(void *ctx, const dnb_sparse_solution *s, dnb_err *err);
    void *ctx;
} dnb_sparse_request;

/* Solves for the m columns of y, of which the design's rows are rows[] (NULL = the first n). */
dnb_status dnb_sparse_path_run(dnb_sparse_design *s, const double *y, size_t m, const size_t *rows,
                               const dnb_sparse_request *req, dnb_err *err) DNB_MUST_CHECK;

#endif
