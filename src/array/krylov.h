/* The largest eigenvalues of a big symmetric matrix by block Lanczos. room: array (internal) */
#ifndef DNB_ARRAY_KRYLOV_H
#define DNB_ARRAY_KRYLOV_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

/* Whether k of n eigenvalues are better found this way than by LAPACK. */
bool dnb_krylov_suits(size_t n, size_t k);
/* Bytes dnb_krylov_eigen holds. */
double dnb_krylov_bytes(size_t n, size_t k);

/* As dnb_eigen, of a full symmetric matrix that is left as it is. *converged = false (values and
 * vectors then hold nothing) when it gave up: residuals stay above 1e-13 of the largest eigenvalue
 * in magnitude after about 4 n columns were multiplied. Same bits for any number of threads. */
dnb_status dnb_krylov_eigen(bool *converged, double *values, double *vectors, const double *a,
                            size_t n, size_t k, dnb_err *err) DNB_MUST_CHECK;

#endif
