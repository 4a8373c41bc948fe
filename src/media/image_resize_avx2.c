/* AVX2 kernels of the resize. A weight of 22 bits is split in two halves of 11, so that 16-bit
 * multiply-add instructions give the exact 32-bit sums of the portable kernels (sums wrap modulo
 * 2^32 in between, which addition forgives). */
#include "media/image_resize.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <string.h>

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* sum = high << 11 + low + 1/2, down to its integer part. */
AVX2 static inline __m256i join(__m256i high, __m256i low)
{
    const __m256i half = _mm256_set1_epi32(1 << (DNB_RESIZE_BITS - 1));
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, DNB_RESIZE_SPLIT), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, half), DNB_RESIZE_BITS);
}

/* The lower and upper half-sums of one output pixel -> its three bytes. */
AVX2 static inline void store_pixel(uint8_t *dst, __m256i high, __m256i low)
{
    const __m128i half = _mm_set1_epi32(1 << (DNB_RESIZE_BITS - 1));
    __m256i both = _mm256_add_epi32(_mm256_slli_epi32(high, DNB_RESIZE_SPLIT), low);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    sum = _mm_srai_epi32(_mm_add_epi32(sum, half), DNB_RESIZE_BITS);
    sum = _mm_packus_epi16(_mm_packs_epi32(sum, sum), sum);
    uint32_t rgb = (uint32_t)_mm_cvtsi128_si32(sum);
    dst[0] = (uint8_t)rgb;
    dst[1] = (uint8_t)(rgb >> 8);
    dst[2] = (uint8_t)(rgb >> 16);
}

/* Four taps at a time: the lower lane takes source pixels 0 and 1, the upper lane 2 and 3, each as
 * r r g g b b 0 0 in 16 bits against weights k0 k1 k0 k1 ... or k2 k3 k2 k3 ... */
AVX2 static void across_avx2(uint8_t *const dst[], const uint8_t *const src[],
                             const dnb_resize_weights *w)
{
    const __m256i pixels =
        _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m256i high_pairs = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    const __m256i low_pairs = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
    for (size_t x = 0; x < w->n; x++) {
        const int16_t *split = w->split + x * w->taps * 2;
        size_t at = w->first[x] * 3;
        __m256i high[DNB_RESIZE_ROWS], low[DNB_RESIZE_ROWS];
        for (int r = 0; r < DNB_RESIZE_ROWS; r++)
            high[r] = low[r] = _mm256_setzero_si256();
        for (size_t i = 0; i < w->count[x]; i += 4, at += 12, split += 8) {
            __m256i k = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)split));
            __m256i kh = _mm256_permutevar8x32_epi32(k, high_pairs);
            __m256i kl = _mm256_permutevar8x32_epi32(k, low_pairs);
            for (int r = 0; r < DNB_RESIZE_ROWS; r++) {
                __m128i four = _mm_loadu_si128((const __m128i *)(src[r] + at));
                __m256i p = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), pixels);
                high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(p, kh));
                low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(p, kl));
            }
        }
        for (int r = 0; r < DNB_RESIZE_ROWS; r++)
            store_pixel(dst[r] + x * 3, high[r], low[r]);
    }
}

/* 32 neighbouring bytes of two source rows, a and b, weighed by one pair of weights. sums holds the
 * high and low parts of bytes 0-3 and 16-19, 4-7 and 20-23, ... (unpacking works within lanes). */
AVX2 static inline void add_pair(__m256i high[4], __m256i low[4], __m256i a, __m256i b, __m256i kh,
                                 __m256i kl)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i ab[2] = {_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)};
    for (int i = 0; i < 2; i++) {
        __m256i p = _mm256_unpacklo_epi8(ab[i], zero), q = _mm256_unpackhi_epi8(ab[i], zero);
        high[2 * i] = _mm256_add_epi32(high[2 * i], _mm256_madd_epi16(p, kh));
        low[2 * i] = _mm256_add_epi32(low[2 * i], _mm256_madd_epi16(p, kl));
        high[2 * i + 1] = _mm256_add_epi32(high[2 * i + 1], _mm256_madd_epi16(q, kh));
        low[2 * i + 1] = _mm256_add_epi32(low[2 * i + 1], _mm256_madd_epi16(q, kl));
    }
}

/* Bytes at..at+31 of one output row. An odd last tap is paired with itself at weight 0. */
AVX2 static inline void down_block(uint8_t *dst, const uint8_t *src, size_t bytes,
                                   const int16_t *split, size_t count)
{
    __m256i high[4], low[4];
    for (int j = 0; j < 4; j++)
        high[j] = low[j] = _mm256_setzero_si256();
    for (size_t t = 0; t < count; t += 2, src += 2 * bytes) {
        const int16_t *pair = split + t / 4 * 8 + t % 4;
        int32_t kh, kl;
        memcpy(&kh, pair, 4);
        memcpy(&kl, pair + 4, 4);
        __m256i a = _mm256_loadu_si256((const __m256i *)src);
        __m256i b = t + 1 < count ? _mm256_loadu_si256((const __m256i *)(src + bytes)) : a;
        add_pair(high, low, a, b, _mm256_set1_epi32(kh), _mm256_set1_epi32(kl));
    }
    __m256i first = _mm256_packs_epi32(join(high[0], low[0]), join(high[1], low[1]));
    __m256i second = _mm256_packs_epi32(join(high[2], low[2]), join(high[3], low[3]));
    _mm256_storeu_si256((__m256i *)dst, _mm256_packus_epi16(first, second));
}

AVX2 static void down_avx2(uint8_t *dst, const uint8_t *src, size_t bytes,
                           const dnb_resize_weights *w, size_t i)
{
    const int16_t *split = w->split + i * w->taps * 2;
    if (bytes < 32) {
        dnb_resize_portable().down(dst, src, bytes, w, i);
        return;
    }
    for (size_t at = 0; at + 32 <= bytes; at += 32)
        down_block(dst + at, src + at, bytes, split, w->count[i]);
    if (bytes % 32) /* the last block overlaps its neighbour */
        down_block(dst + bytes - 32, src + bytes - 32, bytes, split, w->count[i]);
}

dnb_resize_kernels dnb_resize_best(void)
{
    if (__builtin_cpu_supports("avx2"))
        return (dnb_resize_kernels){.across = across_avx2, .down = down_avx2};
    return dnb_resize_portable();
}

#else

dnb_resize_kernels dnb_resize_best(void)
{
    return dnb_resize_portable();
}

#endif
