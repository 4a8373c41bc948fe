/* Vectors made ready for correlation by dot products. room: stats (internal) */
#ifndef DNB_STATS_STANDARD_H
#define DNB_STATS_STANDARD_H

#include <stdbool.h>
#include <stddef.h>

/* z = (x - mean) / norm, so that z.z' is Pearson's r. False (z then meaningless) when x is
 * constant, not finite or shorter than 2. z may be x. */
bool dnb_standardise(double *z, const double *x, size_t n);
/* Dot product in a fixed order of summation. */
double dnb_dot(const double *x, const double *y, size_t n);

#endif
