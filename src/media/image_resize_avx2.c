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

/* One row's pixel, in 32 bits a channel, from sums over even and odd pairs of taps. */
AVX2 static inline __m128i join_lanes(__m256i high, __m256i low)
{
    const __m128i half = _mm_set1_epi32(1 << (DNB_RESIZE_BITS - 1));
    __m256i both = _mm256_add_epi32(_mm256_slli_epi32(high, DNB_RESIZE_SPLIT), low);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    return _mm_srai_epi32(_mm_add_epi32(sum, half), DNB_RESIZE_BITS);
}

/* n is 4 where a fourth byte may be written (of the next pixel, still to come), else 3. */
AVX2 static inline void store_pixel(uint8_t *dst, int rgb, size_t n)
{
    if (n == 4)
        memcpy(dst, &rgb, 4);
    else
        memcpy(dst, &rgb, 3);
}

/* Four taps of one row, in 16 bits: the lower lane holds source pixels 0 and 1 as r r g g b b 0 0,
 * the upper lane pixels 2 and 3. */
AVX2 static inline __m256i load_taps(const uint8_t *src)
{
    const __m256i pixels =
        _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    __m128i four = _mm_loadu_si128((const __m128i *)src);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(four), pixels);
}

AVX2 static inline __m256i add_taps(__m256i sum, __m256i taps, __m256i weights)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(taps, weights));
}

/* Pixel x of four rows; the rows are written out so that the eight sums stay in registers. Weights
 * stand as k0 k1 k0 k1 ... in the lower lane and k2 k3 k2 k3 ... in the upper. */
AVX2 static inline void across_pixel(uint8_t *const dst[], const uint8_t *const src[],
                                     const dnb_resize_weights *w, size_t x, size_t n)
{
    const __m256i high_pairs = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    const __m256i low_pairs = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
    const int16_t *split = w->split + x * w->taps * 2;
    size_t at = w->first[x] * 3;
    __m256i zero = _mm256_setzero_si256();
    __m256i h0 = zero, h1 = zero, h2 = zero, h3 = zero;
    __m256i l0 = zero, l1 = zero, l2 = zero, l3 = zero;
    for (size_t i = 0; i < w->count[x]; i += 4, at += 12, split += 8) {
        __m256i k = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)split));
        __m256i kh = _mm256_permutevar8x32_epi32(k, high_pairs);
        __m256i kl = _mm256_permutevar8x32_epi32(k, low_pairs);
        __m256i p0 = load_taps(src[0] + at), p1 = load_taps(src[1] + at);
        __m256i p2 = load_taps(src[2] + at), p3 = load_taps(src[3] + at);
        h0 = add_taps(h0, p0, kh), l0 = add_taps(l0, p0, kl);
        h1 = add_taps(h1, p1, kh), l1 = add_taps(l1, p1, kl);
        h2 = add_taps(h2, p2, kh), l2 = add_taps(l2, p2, kl);
        h3 = add_taps(h3, p3, kh), l3 = add_taps(l3, p3, kl);
    }
    __m128i upper = _mm_packs_epi32(join_lanes(h0, l0), join_lanes(h1, l1));
    __m128i lower = _mm_packs_epi32(join_lanes(h2, l2), join_lanes(h3, l3));
    __m128i bytes = _mm_packus_epi16(upper, lower);
    store_pixel(dst[0] + x * 3, _mm_cvtsi128_si32(bytes), n);
    store_pixel(dst[1] + x * 3, _mm_extract_epi32(bytes, 1), n);
    store_pixel(dst[2] + x * 3, _mm_extract_epi32(bytes, 2), n);
    store_pixel(dst[3] + x * 3, _mm_extract_epi32(bytes, 3), n);
}

AVX2 static void across_avx2(uint8_t *const dst[], const uint8_t *const src[],
                             const dnb_resize_weights *w)
{
    for (size_t x = 0; x + 1 < w->n; x++)
        across_pixel(dst, src, w, x, 4);
    across_pixel(dst, src, w, w->n - 1, 3);
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
