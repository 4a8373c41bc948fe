/* Determinants. room: net (internal) */
#ifndef DNB_NET_OP_DET_H
#define DNB_NET_OP_DET_H

#include <stddef.h>

/* Of the n x n matrix m, which is overwritten; 1 for n = 0. */
double dnb_determinant(double *m, size_t n);

#endif
