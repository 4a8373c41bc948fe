/* A block of vectors times a large symmetric matrix. room: array (internal) */
#ifndef DNB_ARRAY_BLOCK_PRODUCT_H
#define DNB_ARRAY_BLOCK_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether dnb_block_product serves this processor and blocks of b vectors: 16 or 32. */
bool dnb_block_product_suits(size_t b);
/* w (b x n) = v A of a full symmetric n x n matrix, which is read in place; turned (n x b) is work
 * space. 2 n^2 b flops. Same bits for any number of threads. */
void dnb_block_product(double *w, const double *v, const double *a, size_t n, size_t b,
                       double *turned);

#endif
