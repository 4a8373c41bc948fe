/* Means of subjects drawn again, in units of their standard errors: the bootstrap-t. */
#include <math.h>
#include <stdlib.h>

#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/random.h"
#include "stats/group_own.h"
#include "stats/order.h"

enum { LANES = DNB_GROUP_LANES };

dnb_status dnb_redraws_init(dnb_redraws *d, size_t n, size_t n_boot, uint64_t seed, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t cells;
    *d = (dnb_redraws){.n = n, .n_boot = n_boot};
    if (!dnb_mul_size(&cells, n_boot, n))
        return dnb_fail(err, DNB_EARG, "%zu bootstrap draws are too many", n_boot);
    DNB_NEW(d->row, cells, "bootstrap draws");
    for (size_t b = 0; b < n_boot; b++) {
        dnb_random random;
        dnb_random_init(&random, seed, b);
        for (size_t i = 0; i < n; i++)
            d->row[b * n + i] = (uint32_t)dnb_random_below(&random, n);
    }
done:
    return status;
}

void dnb_redraws_release(dnb_redraws *d)
{
    dnb_free(d->row);
    *d = (dnb_redraws){0};
}

/* sum and square: of the numbers drawn, and of their squares. */
static DNB_SIMD void draw_sums(double *sum, double *square, const uint32_t *row, size_t n,
                               const double *tile)
{
    for (size_t t = 0; t < LANES; t++)
        sum[t] = square[t] = 0;
    for (size_t i = 0; i < n; i++) {
        const double *x = tile + row[i] * LANES;
#pragma omp simd
        for (size_t t = 0; t < LANES; t++) {
            sum[t] += x[t];
            square[t] += x[t] * x[t];
        }
    }
}

void dnb_redraws_tile(double *low, double *high, const dnb_redraws *d, const double *tile,
                      double level, double *scratch)
{
    const double n = (double)d->n;
    double sum[LANES], square[LANES];
    size_t used[LANES] = {0};
    for (size_t b = 0; b < d->n_boot; b++) {
        draw_sums(sum, square, d->row + b * d->n, d->n, tile);
        for (size_t t = 0; t < LANES; t++) {
            double mean = sum[t] / n, variance = (square[t] / n - mean * mean) * (n / (n - 1));
            /* One subject drawn n times says nothing of its error. */
            if (variance > 1e-12 * square[t] / n)
                scratch[t * d->n_boot + used[t]++] = mean / sqrt(variance / n);
        }
    }
    for (size_t t = 0; t < LANES; t++) {
        double *list = scratch + t * d->n_boot;
        low[t] = high[t] = NAN;
        if (used[t] < 2)
            continue;
        qsort(list, used[t], sizeof *list, dnb_compare_doubles);
        low[t] = dnb_quantile_draws(list, used[t], 0.5 - level / 2);
        high[t] = dnb_quantile_draws(list, used[t], 0.5 + level / 2);
    }
}
