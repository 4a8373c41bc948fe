/* Element-wise metrics, eight pairs at a time: two rows against four, so that every number loaded
 * serves several pairs and eight independent sums hide the adder's latency. */
#include "stats/pair_kernels.h"

#include <math.h>

#include "array/simd.h"

/* Calls block(s, x, y, k, ctx) for all 2 x 4 blocks of a tile pair and adds (or maxes) s[8] into
 * acc. */
typedef void block_fn(double s[8], const double *x, const double *y, size_t k, const void *ctx);

static void over_blocks(double *acc, size_t tile, const dnb_panels *p, block_fn *block,
                        const void *ctx, int take_max)
{
    for (size_t i = 0; i < p->na; i += 2)
        for (size_t j = p->same ? i / 4 * 4 : 0; j < p->nb; j += 4) {
            double s[8];
            block(s, p->a + i * DNB_PANEL, p->b + j * DNB_PANEL, p->k, ctx);
            for (size_t r = 0; r < 8; r++) {
                double *to = acc + (i + r / 4) * tile + j + r % 4;
                *to = !take_max ? *to + s[r] : s[r] > *to ? s[r] : *to;
            }
        }
}

#define LOAD(j)                                                                                    \
    double x0 = x[j], x1 = x[DNB_PANEL + (j)], y0 = y[j], y1 = y[DNB_PANEL + (j)],                 \
           y2 = y[2 * DNB_PANEL + (j)], y3 = y[3 * DNB_PANEL + (j)]

/* Defines the kernel `name` that sums TERM(x, y); SIMD and LOOP say how the compiler is to
 * vectorise it. */
#define DEFINE_SUM(name, TERM, SIMD, LOOP)                                                         \
    SIMD static void name##_block(double s[8], const double *x, const double *y, size_t k,         \
                                  const void *ctx)                                                 \
    {                                                                                              \
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;                     \
        (void)ctx;                                                                                 \
        LOOP for (size_t j = 0; j < k; j++)                                                        \
        {                                                                                          \
            LOAD(j);                                                                               \
            s0 += TERM(x0, y0);                                                                    \
            s1 += TERM(x0, y1);                                                                    \
            s2 += TERM(x0, y2);                                                                    \
            s3 += TERM(x0, y3);                                                                    \
            s4 += TERM(x1, y0);                                                                    \
            s5 += TERM(x1, y1);                                                                    \
            s6 += TERM(x1, y2);                                                                    \
            s7 += TERM(x1, y3);                                                                    \
        }                                                                                          \
        s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3;                                                \
        s[4] = s4, s[5] = s5, s[6] = s6, s[7] = s7;                                                \
    }                                                                                              \
    void dnb_kernel_##name(double *acc, size_t tile, const dnb_panels *p, const void *ctx)         \
    {                                                                                              \
        over_blocks(acc, tile, p, name##_block, ctx, 0);                                           \
    }
#define SUM_KERNEL(name, TERM)                                                                     \
    DEFINE_SUM(name, TERM, DNB_SIMD,                                                               \
               _Pragma("omp simd reduction(+ : s0, s1, s2, s3, s4, s5, s6, s7)"))
/* For terms that call the mathematical library, one number at a time. */
#define PLAIN_KERNEL(name, TERM) DEFINE_SUM(name, TERM, , )

#define SQUARE(x, y) ((x - y) * (x - y))
#define DISTANCE(x, y) fabs(x - y)
#define CANBERRA(x, y) (fabs(x) + fabs(y) == 0 ? 0.0 : fabs(x - y) / (fabs(x) + fabs(y)))
#define DIFFERS(x, y) (x != y ? 1.0 : 0.0)
#define POWER(x, y) pow(fabs(x - y), *(const double *)ctx)
#define DIVERGENCE(x, y)                                                                           \
    ((x > 0 ? x * log(x / (0.5 * (x + y))) : 0.0) + (y > 0 ? y * log(y / (0.5 * (x + y))) : 0.0))

SUM_KERNEL(sqeuclidean, SQUARE)
SUM_KERNEL(cityblock, DISTANCE)
SUM_KERNEL(canberra, CANBERRA)
SUM_KERNEL(hamming, DIFFERS)
PLAIN_KERNEL(minkowski, POWER)
PLAIN_KERNEL(jensenshannon, DIVERGENCE)

#define LARGER(s, v) s = (v) > s ? (v) : s

DNB_SIMD static void chebyshev_block(double s[8], const double *x, const double *y, size_t k,
                                     const void *ctx)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    (void)ctx;
#ifndef __clang__ /* clang 14 does not vectorise a maximum that must mind NaN, and warns */
#pragma omp simd reduction(max : s0, s1, s2, s3, s4, s5, s6, s7)
#endif
    for (size_t j = 0; j < k; j++) {
        LOAD(j);
        LARGER(s0, fabs(x0 - y0));
        LARGER(s1, fabs(x0 - y1));
        LARGER(s2, fabs(x0 - y2));
        LARGER(s3, fabs(x0 - y3));
        LARGER(s4, fabs(x1 - y0));
        LARGER(s5, fabs(x1 - y1));
        LARGER(s6, fabs(x1 - y2));
        LARGER(s7, fabs(x1 - y3));
    }
    s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3;
    s[4] = s4, s[5] = s5, s[6] = s6, s[7] = s7;
}

void dnb_kernel_chebyshev(double *acc, size_t tile, const dnb_panels *p, const void *ctx)
{
    over_blocks(acc, tile, p, chebyshev_block, ctx, 1);
}

#define ADDED(x, y) fabs(x + y)
#define BOTH_SEEN(x, y) (x != 0 || y != 0 ? 1.0 : 0.0)

/* The denominators of two ratios, as kernels of their own. */
static dnb_pair_kernel dnb_kernel_added, dnb_kernel_seen;
SUM_KERNEL(added, ADDED)
SUM_KERNEL(seen, BOTH_SEEN)

void dnb_kernel_braycurtis(double *acc, size_t tile, const dnb_panels *p, const void *ctx)
{
    dnb_kernel_cityblock(acc, tile, p, ctx);
    dnb_kernel_added(acc + tile * tile, tile, p, ctx);
}

/* Where x != y one of them is not zero, so SciPy's "differing and not both zero" is plain
 * "differing". */
void dnb_kernel_jaccard(double *acc, size_t tile, const dnb_panels *p, const void *ctx)
{
    dnb_kernel_hamming(acc, tile, p, ctx);
    dnb_kernel_seen(acc + tile * tile, tile, p, ctx);
}
