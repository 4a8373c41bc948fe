/* Sorting, ranks and inversions. room: stats (internal) */
#ifndef DNB_STATS_ORDER_H
#define DNB_STATS_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

/* order[k] = where the k-th smallest of x[n] stands; equal values keep their order. x without NaN.
 */
dnb_status dnb_order(uint32_t *order, const double *x, size_t n, dnb_err *err) DNB_MUST_CHECK;
/* Dense ranks 0, 1, ... of x given its order; returns how many distinct values there are. */
uint32_t dnb_dense_ranks(uint32_t *rank, const double *x, const uint32_t *order, size_t n);
/* Sorts seq and returns how many pairs stood in the wrong order (seq[i] > seq[j], i < j). tmp: n.
 */
uint64_t dnb_count_inversions(uint32_t *seq, uint32_t *tmp, size_t n);
/* Pairs with equal values: sum of t (t - 1) / 2 over the groups of a sorted sequence. */
uint64_t dnb_count_ties(const uint32_t *sorted, size_t n);
int dnb_compare_doubles(const void *a, const void *b);
/* Quantile q of sorted x[n], interpolated linearly (numpy's default). */
double dnb_quantile_sorted(const double *x, size_t n, double q);
/* Quantile p of n sorted draws, at rank p (n + 1): the plug-in quantile of so few would leave out
 * too much. */
double dnb_quantile_draws(const double *sorted, size_t n, double p);

#endif
