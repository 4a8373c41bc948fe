/* Sums over subjects under patterns of signs. The sums of every eight subjects under their 256
 * patterns are tabled once for a tile of targets; a pattern is then one table row per eight
 * subjects. */
#include <math.h>
#include <string.h>

#include "array/simd.h"
#include "base/mem.h"
#include "dnnbrain/random.h"
#include "stats/group_own.h"

enum { LANES = DNB_GROUP_LANES, ROWS = 256 };

/* All 2^n patterns, or n_perm and the data as they are. */
static bool count_patterns(size_t *count, bool *exact, size_t n, size_t n_perm)
{
    *exact = n < 8 * sizeof(size_t) - 1 && (size_t)1 << n <= n_perm;
    *count = *exact ? (size_t)1 << n : n_perm + 1;
    return *count > 0;
}

bool dnb_flips_bytes(size_t *bytes, size_t n, size_t n_perm)
{
    bool exact;
    size_t count;
    return count_patterns(&count, &exact, n, n_perm) && dnb_mul_size(bytes, count, (n + 7) / 8);
}

dnb_status dnb_flips_init(dnb_flips *f, size_t n, size_t n_perm, uint64_t seed, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_flips g = {.n = n, .chunks = (n + 7) / 8};
    if (!count_patterns(&g.count, &g.exact, n, n_perm))
        return dnb_fail(err, DNB_EARG, "%zu sign patterns are too many", n_perm);
    const unsigned last = n % 8 ? (1u << n % 8) - 1 : 255; /* subjects of the last chunk */
    DNB_NEW(g.bits, g.count * g.chunks, "sign patterns");
    for (size_t p = 1; p < g.count; p++) {
        uint8_t *bits = g.bits + p * g.chunks;
        dnb_random random;
        dnb_random_init(&random, seed, p);
        for (size_t c = 0; c < g.chunks; c++)
            bits[c] = (uint8_t)(g.exact ? p >> 8 * c : dnb_random_u32(&random) & 255);
        bits[g.chunks - 1] &= (uint8_t)last;
    }
    *f = g;
    g = (dnb_flips){0};
done:
    dnb_flips_release(&g);
    return status;
}

void dnb_flips_release(dnb_flips *f)
{
    dnb_free(f->bits);
    *f = (dnb_flips){0};
}

size_t dnb_flips_scratch(const dnb_flips *f)
{
    return f->chunks * ROWS * LANES;
}

/* Sums of `count` subjects under every pattern of theirs: a pattern and its opposite have sums that
 * differ in nothing but the sign. */
static DNB_SIMD void fill_table(double *table, const double *tile, size_t count)
{
    for (size_t t = 0; t < LANES; t++)
        table[t] = 0;
    for (size_t s = 0; s < count; s++)
        for (size_t b = 0; b < (size_t)1 << s; b++) {
            double *kept = table + b * LANES, *turned = table + (b + ((size_t)1 << s)) * LANES;
#pragma omp simd
            for (size_t t = 0; t < LANES; t++) {
                turned[t] = kept[t] - tile[s * LANES + t];
                kept[t] += tile[s * LANES + t];
            }
        }
}

/* Its inner loops are told to the compiler as vector loops: left to itself, gcc unrolls them. */
static DNB_SIMD void count_patterns_of_tile(double *seen, double *reach, double *largest,
                                            const dnb_flips *f, const double *table, bool two_sided)
{
    double v[LANES], bar[LANES], count[LANES] = {0};
    for (size_t p = 0; p < f->count; p++) {
        const uint8_t *bits = f->bits + p * f->chunks;
        const double *row = table + bits[0] * LANES;
        double top = -INFINITY;
        memcpy(v, row, sizeof v);
        for (size_t c = 1; c < f->chunks; c++) {
            row = table + (c * ROWS + bits[c]) * LANES;
#pragma omp simd
            for (size_t t = 0; t < LANES; t++)
                v[t] += row[t];
        }
        if (two_sided)
#pragma omp simd
            for (size_t t = 0; t < LANES; t++)
                v[t] = fabs(v[t]);
        for (size_t t = 0; p == 0 && t < LANES; t++) {
            seen[t] = v[t];
            bar[t] = v[t] - DNB_GROUP_TIE; /* rounding must not decide */
        }
#pragma omp simd reduction(max : top)
        for (size_t t = 0; t < LANES; t++) {
            count[t] += v[t] >= bar[t] ? 1.0 : 0.0;
            top = v[t] > top ? v[t] : top;
        }
        largest[p] = top > largest[p] ? top : largest[p];
    }
    memcpy(reach, count, sizeof count);
}

void dnb_flips_tile(double *seen, double *reach, double *largest, const dnb_flips *f,
                    const double *tile, bool two_sided, double *scratch)
{
    for (size_t c = 0; c < f->chunks; c++) {
        size_t left = f->n - 8 * c;
        fill_table(scratch + c * ROWS * LANES, tile + 8 * c * LANES, left < 8 ? left : 8);
    }
    count_patterns_of_tile(seen, reach, largest, f, scratch, two_sided);
}
