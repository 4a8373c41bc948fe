/* Gram kernel of float32 rows: packing, blocks of products held in registers, float64 sums. A
 * general matrix product would pack the panels once more and write float32 sums to memory. */
#include "array/gram_single.h"

#include "array/simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define DNB_X86
#endif

/* Columns whose products are summed in float32. Adding one product over and over errs in the same
 * direction each time: rows that repeat a number in half their columns err by 2e-6 at 256 columns,
 * 5e-7 at 64. */
enum { SINGLE_PART = 64 };

size_t dnb_single_size(size_t rows)
{
    return (rows + DNB_STRIP - 1) / DNB_STRIP * DNB_STRIP * DNB_PANEL;
}

/* Four columns of a whole strip from its rows in `rows`, SINGLE_PART apart. */
static void transpose(float *dst, const float *rows)
{
    for (size_t i = 0; i < DNB_STRIP; i += 4) {
        const float *r = rows + i * SINGLE_PART;
#if defined(DNB_X86)
        __m128 v0 = _mm_loadu_ps(r), v1 = _mm_loadu_ps(r + SINGLE_PART);
        __m128 v2 = _mm_loadu_ps(r + 2 * SINGLE_PART), v3 = _mm_loadu_ps(r + 3 * SINGLE_PART);
        _MM_TRANSPOSE4_PS(v0, v1, v2, v3);
        _mm_storeu_ps(dst + i, v0);
        _mm_storeu_ps(dst + DNB_STRIP + i, v1);
        _mm_storeu_ps(dst + 2 * DNB_STRIP + i, v2);
        _mm_storeu_ps(dst + 3 * DNB_STRIP + i, v3);
#else
        for (size_t j = 0; j < 4; j++)
            for (size_t v = 0; v < 4; v++)
                dst[j * DNB_STRIP + i + v] = r[v * SINGLE_PART + j];
#endif
    }
}

/* Rows missing in the first strip. */
static size_t strip_pad(size_t rows)
{
    return (DNB_STRIP - rows % DNB_STRIP) % DNB_STRIP;
}

void dnb_single_pack(float *dst, const dnb_piece *p, size_t first, size_t rows, size_t c, size_t k,
                     const double *shift, const double *by_column, double *sums)
{
    float part[DNB_STRIP * SINGLE_PART] = {0};
    size_t i = strip_pad(rows), at_row = first - p->row;
    for (size_t row = 0; row < rows; i = 0, dst += DNB_STRIP * DNB_PANEL) {
        size_t begin = row, end = row + DNB_STRIP - i;
        for (size_t at = 0; at < k; at += SINGLE_PART) {
            size_t w = k - at < SINGLE_PART ? k - at : SINGLE_PART;
            float *to = part + i * SINGLE_PART;
            for (row = begin; row < end; row++, to += SINGLE_PART) {
                dnb_panel_prefetch(p, at_row + row + DNB_STRIP, c + at, w);
                double sum =
                    dnb_panel_load_single(to, p, at_row + row, c + at, w, shift ? shift[row] : 0.0,
                                          by_column ? by_column + at : NULL);
                if (sums)
                    sums[row] += sum;
            }
            for (size_t j = 0; j < w; j += 4)
                transpose(dst + (at + j) * DNB_STRIP, part + j);
        }
    }
}

/* A row by a strip: its sums fit the registers of any processor. */
DNB_SIMD static void block_portable(float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH], const float *a,
                                    const float *b, size_t k, size_t n)
{
    for (size_t v = 0; v < n; v++, b += DNB_STRIP * DNB_PANEL)
        for (size_t i = 0; i < DNB_BLOCK_ROWS; i++) {
            float s[DNB_STRIP] = {0};
            for (size_t c = 0; c < k; c++)
                for (size_t j = 0; j < DNB_STRIP; j++)
                    s[j] += a[c * DNB_STRIP + i] * b[c * DNB_STRIP + j];
            for (size_t j = 0; j < DNB_STRIP; j++)
                sum[i][v * DNB_STRIP + j] = s[j];
        }
}

#if defined(DNB_X86)
#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f")))

/* Four rows by a strip: eight sums, as many as hide the latency and leave registers for the rest.
 */
AVX2 static void block_avx2(float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH], const float *a,
                            const float *b, size_t k, size_t n)
{
    for (size_t v = 0; v < n; v++, b += DNB_STRIP * DNB_PANEL)
        for (size_t i = 0; i < DNB_BLOCK_ROWS; i += 4) {
            __m256 s[4][2];
            for (int r = 0; r < 4; r++)
                s[r][0] = s[r][1] = _mm256_setzero_ps();
            for (size_t c = 0; c < k; c++) {
                __m256 b0 = _mm256_loadu_ps(b + c * DNB_STRIP);
                __m256 b1 = _mm256_loadu_ps(b + c * DNB_STRIP + 8);
                for (size_t r = 0; r < 4; r++) {
                    __m256 x = _mm256_broadcast_ss(a + c * DNB_STRIP + i + r);
                    s[r][0] = _mm256_fmadd_ps(x, b0, s[r][0]);
                    s[r][1] = _mm256_fmadd_ps(x, b1, s[r][1]);
                }
            }
            for (size_t r = 0; r < 4; r++) {
                _mm256_storeu_ps(sum[i + r] + v * DNB_STRIP, s[r][0]);
                _mm256_storeu_ps(sum[i + r] + v * DNB_STRIP + 8, s[r][1]);
            }
        }
}

/* n is a constant where this is called, so that the sums stay in registers. */
AVX512 static inline void block_strips(float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH], const float *a,
                                       const float *b, size_t k, size_t n)
{
    __m512 s[DNB_BLOCK_ROWS][DNB_BLOCK_STRIPS];
    for (size_t i = 0; i < DNB_BLOCK_ROWS; i++)
        for (size_t v = 0; v < n; v++)
            s[i][v] = _mm512_setzero_ps();
    for (size_t c = 0; c < k; c++) {
        __m512 y[DNB_BLOCK_STRIPS];
        for (size_t v = 0; v < n; v++)
            y[v] = _mm512_loadu_ps(b + (v * DNB_PANEL + c) * DNB_STRIP);
        for (size_t i = 0; i < DNB_BLOCK_ROWS; i++) {
            __m512 x = _mm512_set1_ps(a[c * DNB_STRIP + i]);
            for (size_t v = 0; v < n; v++)
                s[i][v] = _mm512_fmadd_ps(x, y[v], s[i][v]);
        }
    }
    for (size_t i = 0; i < DNB_BLOCK_ROWS; i++)
        for (size_t v = 0; v < n; v++)
            _mm512_storeu_ps(sum[i] + v * DNB_STRIP, s[i][v]);
}

AVX512 static void block_avx512(float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH], const float *a,
                                const float *b, size_t k, size_t n)
{
    if (n == 3)
        block_strips(sum, a, b, k, 3);
    else if (n == 2)
        block_strips(sum, a, b, k, 2);
    else
        block_strips(sum, a, b, k, 1);
}
#endif

void dnb_single_blocks(dnb_single_block *blocks[DNB_SINGLE_BLOCKS + 1])
{
    size_t n = 0;
#if defined(DNB_X86)
    if (__builtin_cpu_supports("avx512f"))
        blocks[n++] = block_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        blocks[n++] = block_avx2;
#endif
    blocks[n++] = block_portable;
    blocks[n] = NULL;
}

/* acc += rows from.. of sum; most blocks are of full width. */
DNB_SIMD static void add_block(double *restrict acc, size_t tile,
                               float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH], size_t from,
                               size_t begin, size_t width)
{
    for (size_t i = from; i < DNB_BLOCK_ROWS; i++, acc += tile)
        if (begin == 0 && width == DNB_BLOCK_WIDTH)
            for (size_t j = 0; j < DNB_BLOCK_WIDTH; j++)
                acc[j] += (double)sum[i][j];
        else
            for (size_t j = begin; j < width; j++)
                acc[j - begin] += (double)sum[i][j];
}

void dnb_single_multiply(double *acc, size_t tile, const dnb_panels *p, dnb_single_block *block)
{
    dnb_single_block *blocks[DNB_SINGLE_BLOCKS + 1];
    float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH];
    size_t pad_a = strip_pad(p->na), pad_b = strip_pad(p->nb), na = pad_a + p->na,
           nb = pad_b + p->nb;
    dnb_single_blocks(blocks);
    if (!block)
        block = blocks[0];
    for (size_t at = 0; at < p->k; at += SINGLE_PART) {
        size_t k = p->k - at < SINGLE_PART ? p->k - at : SINGLE_PART;
        for (size_t j = 0; j < nb; j += DNB_BLOCK_WIDTH) {
            size_t end = nb - j < DNB_BLOCK_WIDTH ? nb : j + DNB_BLOCK_WIDTH;
            size_t i = pad_a / DNB_BLOCK_ROWS * DNB_BLOCK_ROWS;
            for (; i < (p->same ? end : na); i += DNB_BLOCK_ROWS) {
                /* From the strip on that holds the diagonal, when the block does. */
                size_t left = p->same && i > j ? i / DNB_STRIP * DNB_STRIP : j;
                size_t top = i < pad_a ? pad_a - i : 0, skip = left < pad_b ? pad_b - left : 0;
                size_t half = i % DNB_STRIP;
                /* The sums come from the second-level cache: asked for before the products. */
                double *to = acc + (i + top - pad_a) * tile + (left + skip - pad_b);
                for (size_t r = 0; r < DNB_BLOCK_ROWS - top; r++)
                    for (size_t x = 0; x < end - left - skip; x += 8)
                        DNB_PREFETCH(to + r * tile + x);
                block(sum, p->a32 + (i - half) * DNB_PANEL + at * DNB_STRIP + half,
                      p->b32 + left * DNB_PANEL + at * DNB_STRIP, k, (end - left) / DNB_STRIP);
                add_block(to, tile, sum, top, skip, end - left);
            }
        }
    }
}
