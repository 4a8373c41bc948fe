/* The one hard step of PLS2: the leading singular vector. room: stats (internal) */
#ifndef DNB_STATS_REGRESS_PLS_H
#define DNB_STATS_REGRESS_PLS_H

#include <stddef.h>

#include "dnnbrain/status.h"

/* w (d): unit left singular vector of a (d x m) with the largest singular value, *sigma; w is
 * untouched when a is zero (*sigma = 0). The same bits for any number of threads. */
dnb_status dnb_leading_vector(double *w, double *sigma, const double *a, size_t d, size_t m,
                              dnb_err *err) DNB_MUST_CHECK;

/* y (rows) = a x, and y (cols) = a^T x, for a (rows x cols). */
void dnb_matvec(double *y, const double *a, const double *x, size_t rows, size_t cols);
void dnb_matvec_transposed(double *y, const double *a, const double *x, size_t rows, size_t cols);

#endif
