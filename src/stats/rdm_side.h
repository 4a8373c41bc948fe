/* RDMs made ready for many correlations under permuted labels. room: stats (internal) */
#ifndef DNB_STATS_RDM_SIDE_H
#define DNB_STATS_RDM_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/correlation.h"
#include "stats/tau.h"

/* Fails (DNB_EARG) when an RDM of the n_rdm condensed ones holds NaN or infinity, naming RDM and
 * pair. */
dnb_status dnb_rdm_check(const double *rdms, size_t n_rdm, size_t n, const char *what,
                         dnb_err *err) DNB_MUST_CHECK;

/* A set of RDMs over n conditions. For pearson and spearman unit[r] is the standardised (ranked)
 * triangle; for kendall tau[r] is prepared. fine[r] is false for a constant RDM. */
typedef struct dnb_rdm_side {
    size_t n, n_pairs, n_rdm;
    dnb_correlation kind;
    double *unit;      /* n_rdm x n_pairs, NULL for kendall */
    dnb_tau_side *tau; /* n_rdm, NULL unless kendall */
    bool *fine;
} dnb_rdm_side;

dnb_status dnb_rdm_side_init(dnb_rdm_side *s, const double *rdms, size_t n_rdm, size_t n,
                             dnb_correlation kind, dnb_err *err) DNB_MUST_CHECK;
void dnb_rdm_side_release(dnb_rdm_side *s);

#endif
