/* The space a logistic regression's weights are sought in. With few columns weights are columns'
 * weights and scores are A v. With more columns than rows the weights are X^T v, v one number per
 * row, and scores are G v with the Gram matrix G = X X^T: the same steps without ever making a
 * weight. Work over rows goes in chunks that follow from the shape alone: fixed bits.
 * room: stats (internal) */
#ifndef DNB_STATS_LOGISTIC_SPACE_H
#define DNB_STATS_LOGISTIC_SPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

typedef struct dnb_space {
    double *a; /* n x q: the centred rows, or (dual, q == n) their Gram matrix */
    size_t n, q, k;
    bool dual;
    size_t chunk, chunks;
    double *partial; /* chunks x (q k + k): sums of chunks */
    double *block;   /* chunks x BLOCK x k: rows in work */
    double *factor;  /* q x q: Cholesky factor of I + weight A^T A (dual: I + weight G) */
    double *cross;   /* q x q: upper triangle of A^T A; NULL in the dual */
    double *diagonal;
    double weight;
    bool whole; /* factor is used; else the diagonal (dual: nothing) */
} dnb_space;

/* Copies and centres x (n x d), or makes its Gram matrix when d > n; k columns of weights. mean (d)
 * receives the columns' means. */
dnb_status dnb_space_init(dnb_space *s, double *mean, const double *x, size_t n, size_t d, size_t k,
                          dnb_err *err) DNB_MUST_CHECK;
void dnb_space_release(dnb_space *s);

/* Turns k scores of row i (intercept not in them) into k numbers in place; returns a loss. */
typedef double dnb_space_row(const void *ctx, size_t i, double *row);
/* out (q x k) and out_b (k) = A^T R and 1^T R where row i of R is what fn makes of row i of A v
 * (stored in scores, n x k, when not NULL). In the dual out = R, and the scores of v are read from
 * scores instead of made. With neither v nor scores fn finds the row uninitialised. Returns the
 * summed losses. */
double dnb_space_pass(const dnb_space *s, double *out, double *out_b, double *scores,
                      const double *v, dnb_space_row *fn, const void *ctx);
/* scores (n x k) = A v. */
void dnb_space_scores(const dnb_space *s, double *scores, const double *v);
/* Inner product of weights u and v; us are u's scores, which the dual needs. */
double dnb_space_inner(const dnb_space *s, const double *u, const double *us, const double *v);
/* Readies a preconditioner for I + weight A^T A; keeps one that is within a factor of 2. */
dnb_status dnb_space_precondition(dnb_space *s, double weight, dnb_err *err) DNB_MUST_CHECK;
/* z = the preconditioner's inverse times r. */
void dnb_space_solve(const dnb_space *s, double *z, const double *r);

#endif
