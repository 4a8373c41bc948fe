/* z-scores of one vector. */
#include <math.h>

#include "dnnbrain/features.h"

void dnb_zscore(double *z, const double *x, size_t n)
{
    /* Deviations from the first number, so that a constant vector has a variance of exactly 0. */
    double base = n ? x[0] : 0, mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] - base;
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double dev = x[i] - base - mean;
        ss += dev * dev;
    }
    double scale = ss > 0 ? 1 / sqrt(ss / (double)n) : NAN;
    for (size_t i = 0; i < n; i++)
        z[i] = (x[i] - base - mean) * scale;
}
