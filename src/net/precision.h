/* Precisions and their error. room: net (internal) */
#ifndef DNB_NET_PRECISION_H
#define DNB_NET_PRECISION_H

#include <stddef.h>

/* max |a - b| / max |b| over n elements; 0 when both are zero throughout, INFINITY when only b is.
 * A NaN in one of the two only counts as INFINITY, in both as equal. */
double dnb_relative_error(const float *a, const float *b, size_t n);

#endif
