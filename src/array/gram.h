/* The Gram kernel for those who finish its tiles themselves. room: array (internal) */
#ifndef DNB_ARRAY_GRAM_H
#define DNB_ARRAY_GRAM_H

#include "array/sweep.h"

/* Rows of a tile: three panels of doubles stay in a core's own cache. */
#define DNB_GRAM_TILE 256
/* The same in a single sweep of more rows than that: whole blocks of products. */
#define DNB_GRAM_SINGLE_TILE 192

/* Takes the panels of a single sweep too: products are then summed in float32 over 64 columns, and
 * those sums in float64. */
dnb_pair_kernel dnb_gram_kernel;
/* A sweep over x with that kernel; shifts and progress are still the caller's to set. */
void dnb_gram_sweep_init(dnb_sweep *s, const dnb_rows *x, size_t memory);
/* Makes it a single one. */
void dnb_gram_sweep_single(dnb_sweep *s);

#endif
