/* Correlations of two vectors.
 * room: stats
 *
 * NaN rule: NaN or infinity in either vector, fewer than two values or a constant vector give NaN.
 */
#ifndef DNNBRAIN_CORRELATION_H
#define DNNBRAIN_CORRELATION_H

#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_correlation {
    DNB_PEARSON = 0,
    DNB_SPEARMAN,  /* Pearson of average ranks */
    DNB_KENDALL_A, /* (concordant - discordant) / all pairs */
    DNB_KENDALL_B, /* the same with ties taken out of the denominator (scipy.stats.kendalltau) */
    DNB_CORRELATION_COUNT
} dnb_correlation;

/* "pearson", "spearman", "kendall-a", "kendall-b"; NULL past the end. */
DNB_API const char *dnb_correlation_name(dnb_correlation kind);
/* By name ("kendall" and "kendall_tau_b" forms: "tau-a", "tau-b" and "kendall" = tau-b are known
 * too). */
DNB_API dnb_status dnb_correlation_parse(dnb_correlation *out, const char *name,
                                         dnb_err *err) DNB_MUST_CHECK;

/* *r = correlation of x and y. Agrees with scipy.stats to 1e-12. Infinite ranks are fine for the
 * rank correlations (only NaN gives NaN there). Cost: n, or n log n for ranks and tau (Knight 1966,
 * JASA). */
DNB_API dnb_status dnb_correlate(double *r, const double *x, const double *y, size_t n,
                                 dnb_correlation kind, dnb_err *err) DNB_MUST_CHECK;

/* Ranks 1..n, ties sharing their average (scipy.stats.rankdata); x without NaN. Cost n log n. */
DNB_API dnb_status dnb_rank(double *rank, const double *x, size_t n, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
