/* Kendall's tau with one side prepared once. room: stats (internal) */
#ifndef DNB_STATS_TAU_H
#define DNB_STATS_TAU_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/correlation.h"

/* Positions of x in ascending order, with the ends of groups of equal x. */
typedef struct dnb_tau_side {
    size_t n;
    uint32_t *order; /* n */
    uint32_t *rank;  /* n: dense ranks */
    uint64_t ties;   /* tied pairs */
    int has_groups;  /* ties > 0 */
} dnb_tau_side;

dnb_status dnb_tau_side_init(dnb_tau_side *s, const double *x, size_t n,
                             dnb_err *err) DNB_MUST_CHECK;
void dnb_tau_side_release(dnb_tau_side *s);
/* tau (kind DNB_KENDALL_A or _B) of x and of y given by its dense ranks (any order-keeping
 * integers) with y_ties tied pairs. seq and tmp: n each. Cost n log n. */
double dnb_tau(const dnb_tau_side *x, const uint32_t *y_rank, uint64_t y_ties, dnb_correlation kind,
               uint32_t *seq, uint32_t *tmp);

#endif
