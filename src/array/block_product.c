/* Few vectors times a large matrix, as rows of the matrix times columns of the block: sums stay in
 * registers, the block in the second-level cache. A general matrix product copies the matrix into
 * an order of its own first, which takes as long as multiplying it with so few vectors. */
#include "array/block_product.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define DNB_X86
#endif

enum {
    LANES = 8,
    MOST = 4,   /* registers that hold a row's sums */
    ROWS = 6,   /* with 4 registers each they leave 8 of the 32 */
    PART = 512, /* columns of A whose part of the block stays in the cache */
    GROUP = 96, /* rows that go through all parts together */
    WIDE = LANES * MOST
};

bool dnb_block_product_suits(size_t b)
{
#if defined(DNB_X86)
    return (b == 2 * LANES || b == 4 * LANES) && __builtin_cpu_supports("avx512f");
#else
    (void)b;
    return false;
#endif
}

#if defined(DNB_X86)
#define AVX512 __attribute__((target("avx512f")))
#define INLINE __attribute__((always_inline))

/* sum (rows x WIDE) += rows of A from column 0 to k, n apart, times t (k x b). rows and b are
 * constants where this is called, so that the sums stay in registers. */
INLINE AVX512 static inline void add_rows(double *sum, const double *a, size_t n, const double *t,
                                          size_t k, size_t rows, size_t b)
{
    __m512d s[ROWS][MOST];
    size_t m = b / LANES;
    for (size_t i = 0; i < rows; i++)
        for (size_t v = 0; v < m; v++)
            s[i][v] = _mm512_loadu_pd(sum + i * WIDE + v * LANES);
    for (size_t c = 0; c < k; c++, t += b) {
        __m512d y[MOST];
        for (size_t v = 0; v < m; v++)
            y[v] = _mm512_loadu_pd(t + v * LANES);
        if (c % LANES == 0) /* the rows that come next */
            for (size_t i = 0; i < rows; i++)
                _mm_prefetch((const char *)(a + (rows + i) * n + c), _MM_HINT_T0);
        for (size_t i = 0; i < rows; i++) {
            __m512d x = _mm512_set1_pd(a[i * n + c]);
            for (size_t v = 0; v < m; v++)
                s[i][v] = _mm512_fmadd_pd(x, y[v], s[i][v]);
        }
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t v = 0; v < m; v++)
            _mm512_storeu_pd(sum + i * WIDE + v * LANES, s[i][v]);
}

/* b is 32, or 16. */
AVX512 static void add_part(double *sum, const double *a, size_t n, const double *t, size_t k,
                            size_t rows, size_t b)
{
    size_t i = 0;
    for (; i + ROWS <= rows; i += ROWS)
        if (b == 4 * LANES)
            add_rows(sum + i * WIDE, a + i * n, n, t, k, ROWS, 4 * LANES);
        else
            add_rows(sum + i * WIDE, a + i * n, n, t, k, ROWS, 2 * LANES);
    for (; i < rows; i++)
        if (b == 4 * LANES)
            add_rows(sum + i * WIDE, a + i * n, n, t, k, 1, 4 * LANES);
        else
            add_rows(sum + i * WIDE, a + i * n, n, t, k, 1, 2 * LANES);
}
#endif

void dnb_block_product(double *w, const double *v, const double *a, size_t n, size_t b,
                       double *turned)
{
#if defined(DNB_X86)
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < b; c++)
            turned[i * b + c] = v[c * n + i];
#pragma omp parallel for schedule(dynamic)
    for (size_t first = 0; first < n; first += GROUP) {
        size_t rows = n - first < GROUP ? n - first : GROUP;
        double sum[GROUP * WIDE] = {0};
        for (size_t k = 0; k < n; k += PART)
            add_part(sum, a + first * n + k, n, turned + k * b, n - k < PART ? n - k : PART, rows,
                     b);
        for (size_t c = 0; c < b; c++)
            for (size_t i = 0; i < rows; i++)
                w[c * n + first + i] = sum[i * WIDE + c];
    }
#else
    (void)w, (void)v, (void)a, (void)n, (void)b, (void)turned;
#endif
}
