/* Positive definite systems, factorised in parallel with fixed bits. room: array (internal) */
#ifndef DNB_ARRAY_SPD_H
#define DNB_ARRAY_SPD_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

/* A = L L^T in place: the lower triangle of a (n x n) is read and overwritten by L; what lies above
 * the diagonal blocks stays. *positive = false (a is then spoilt) when a squared pivot falls to
 * `least` times the largest diagonal entry. n^3 / 3 flops. */
dnb_status dnb_spd_factor(double *a, size_t n, double least, bool *positive,
                          dnb_err *err) DNB_MUST_CHECK;
/* B (n x m) <- (L L^T)^-1 B. 2 n^2 m flops. */
dnb_status dnb_spd_solve(double *b, size_t m, const double *l, size_t n,
                         dnb_err *err) DNB_MUST_CHECK;

#endif
