/* Pairs of a symmetric matrix as one row of numbers. */
#include "dnnbrain/condensed.h"

#include <math.h>
#include <stdint.h>

size_t dnb_condensed_count(size_t n)
{
    return n % 2 ? n * ((n - 1) / 2) : n / 2 * (n - (n > 0));
}

size_t dnb_condensed_index(size_t n, size_t i, size_t j)
{
    return i * n - i * (i + 1) / 2 + (j - i - 1);
}

size_t dnb_condensed_order(size_t count)
{
    if (count > SIZE_MAX / 4)
        return 0;
    /* The root as a double may be off by one for huge counts. */
    size_t n = (size_t)(0.5 + sqrt(0.25 + 2.0 * (double)count));
    for (size_t m = n > 1 ? n - 1 : 1; m <= n + 2; m++)
        if (dnb_condensed_count(m) == count)
            return m;
    return 0;
}

void dnb_condensed_expand(double *square, const double *condensed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        square[i * n + i] = 0;
        for (size_t j = i + 1; j < n; j++)
            square[i * n + j] = square[j * n + i] = *condensed++;
    }
}
