/* Banded ridge's candidate weights. room: stats (internal) */
#ifndef DNB_STATS_BANDED_OWN_H
#define DNB_STATS_BANDED_OWN_H

#include "dnnbrain/banded.h"

/* Weights of every candidate (count x bands, each sums to bands, the first equal); the caller frees
 * *out with dnb_free. One band has one candidate. */
dnb_status dnb_banded_weights(double **out, size_t *count, size_t bands,
                              const dnb_banded_options *opt, dnb_err *err) DNB_MUST_CHECK;

#endif
