/* Standardisation over any set of dimensions: what batch, layer, group, instance, root-mean-square
 * and Lp normalisation and their gradients share. room: net (internal)
 *
 * The elements of an array fall into n_kept groups of n_gone elements. Every group is centred and
 * divided by a measure of its spread, then scaled and shifted by vectors that broadcast. */
#ifndef DNB_NET_NORM_WALK_H
#define DNB_NET_NORM_WALK_H

#include "net/op.h"

/* Element (k, i) lies at kept[k] + gone[i]; a NULL table stands for 0, 1, 2, ... */
typedef struct dnb_norm_table {
    size_t *kept, *gone;
} dnb_norm_table;

typedef struct dnb_norm_walk {
    int ndim;
    size_t dim[DNB_MAX_DIMS];
    bool together[DNB_MAX_DIMS]; /* dimensions a group runs over */
    size_t n_kept, n_gone;
    dnb_norm_table x, scale, shift;
} dnb_norm_walk;

/* Sizes of x as it is seen (at most DNB_MAX_DIMS dimensions, no overflow: they are those of an
 * array). Release after use, also after failure. */
dnb_status dnb_norm_walk_init(dnb_norm_walk *w, int ndim, const size_t *dim, const bool *together,
                              dnb_err *err) DNB_MUST_CHECK;
/* The walk over groups of the channels of x (n x channels x ..; `groups` divides the channels), as
 * n x groups x channels of one x plane. */
dnb_status dnb_norm_walk_groups(dnb_norm_walk *w, const dnb_shape *x, size_t groups,
                                dnb_err *err) DNB_MUST_CHECK;
/* Where `scale` or `shift` lies: its element step per dimension of x (0 = does not vary). */
dnb_status dnb_norm_walk_vector(const dnb_norm_walk *w, dnb_norm_table *t, const size_t *step,
                                dnb_err *err) DNB_MUST_CHECK;
void dnb_norm_walk_release(dnb_norm_walk *w);

typedef enum dnb_norm_kind {
    DNB_NORM_NONE,     /* spread 1 */
    DNB_NORM_VARIANCE, /* sqrt(mean square + epsilon) + guard */
    DNB_NORM_L1,       /* sum of magnitudes; groups of zeros stay zeros */
    DNB_NORM_L2        /* root of the sum of squares; the same */
} dnb_norm_kind;

typedef struct dnb_norm_rule {
    dnb_norm_kind kind;
    bool centre; /* subtract the mean first */
    double epsilon, guard;
} dnb_norm_rule;

/* y = (x - mean) / spread * scale + shift. scale and shift may be NULL; mean and spread (n_kept
 * numbers each, NULL = not wanted) receive each group's mean and divisor. Float arrays of one type.
 * Cost: three passes over x. */
void dnb_norm_run(const dnb_norm_walk *w, const dnb_norm_rule *rule, const dnb_array *x,
                  const dnb_array *scale, const dnb_array *shift, const dnb_array *y, double *mean,
                  double *spread);

/* dx from the gradient g of (x - mean) / spread, all of one shape and type. */
void dnb_norm_grad(const dnb_norm_walk *w, const dnb_norm_rule *rule, const dnb_array *x,
                   const dnb_array *g, const dnb_array *dx);

#endif
