/* Kernels of the sweep for metrics that no matrix product gives. room: stats (internal) */
#ifndef DNB_STATS_PAIR_KERNELS_H
#define DNB_STATS_PAIR_KERNELS_H

#include "array/sweep.h"

/* Rows of a tile: two panels and the accumulators stay in the second-level cache. */
#define DNB_PAIR_TILE 128

dnb_pair_kernel dnb_kernel_sqeuclidean;
dnb_pair_kernel dnb_kernel_cityblock;
dnb_pair_kernel dnb_kernel_chebyshev; /* merge by max */
dnb_pair_kernel dnb_kernel_canberra;
dnb_pair_kernel dnb_kernel_hamming;
dnb_pair_kernel dnb_kernel_minkowski;     /* ctx: const double *, the exponent */
dnb_pair_kernel dnb_kernel_jensenshannon; /* rows sum to 1 */
dnb_pair_kernel dnb_kernel_braycurtis;    /* two accumulators: sum |x - y|, sum |x + y| */
dnb_pair_kernel dnb_kernel_jaccard;       /* two accumulators: differing, not both zero */

#endif
