/* Condensed matrices: the pairs (0,1) (0,2) ... (1,2) ... of a symmetric matrix, its upper triangle
 * row by row without the diagonal, as dissimilarity files and scipy.spatial.distance keep them.
 * room: array */
#ifndef DNNBRAIN_CONDENSED_H
#define DNNBRAIN_CONDENSED_H

#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n (n - 1) / 2. */
DNB_API size_t dnb_condensed_count(size_t n);
/* Where pair (i, j), i < j < n, stands. */
DNB_API size_t dnb_condensed_index(size_t n, size_t i, size_t j);
/* The n with n (n - 1) / 2 == count; 0 when there is none (count 0 gives 1). */
DNB_API size_t dnb_condensed_order(size_t count);
/* Symmetric n x n matrix with zero diagonal from its condensed form. */
DNB_API void dnb_condensed_expand(double *square, const double *condensed, size_t n);

#ifdef __cplusplus
}
#endif
#endif
