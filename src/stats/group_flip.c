/* Sums over subjects under patterns of signs. The sums of every eight subjects under their 256
 * patterns are tabled once for a tile of targets; a pattern is then one table row per eight
 * subjects. */
#include <math.h>

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
            for (size_t t = 0; t < LANES; t++) {
                turned[t] = kept[t] - tile[s * LANES + t];
                kept[t] += tile[s * LANES + t];
            }
        }
}

static void sum_pattern(double *v, const dnb_flips *f, size_t p, const double *table,
                        bool two_sided)
{
    const uint8_t *bits = f->bits + p * f->chunks;
    for (size_t t = 0; t < LANES; t++)
        v[t] = table[bits[0] * LANES + t];
    for (size_t c = 1; c < f->chunks; c++) {
        const double *row = table + (c * ROWS + bits[c]) * LANES;
        for (size_t t = 0; t < LANES; t++)
            v[t] += row[t];
    }
    for (size_t t = 0; two_sided && t < LANES; t++)
        v[t] = fabs(v[t]);
}

static double largest_of(const double *v)
{
    double top[4];
    for (size_t t = 0; t < 4; t++) {
        double a = v[t] > v[t + 4] ? v[t] : v[t + 4],
               b = v[t + 8] > v[t + 12] ? v[t + 8] : v[t + 12];
        top[t] = a > b ? a : b;
    }
    double a = top[0] > top[1] ? top[0] : top[1], b = top[2] > top[3] ? top[2] : top[3];
    return a > b ? a : b;
}

static DNB_SIMD void count_patterns_of_tile(double *reach, double *largest, const dnb_flips *f,
                                            const double *table, const double *bar, bool two_sided)
{
    double v[LANES], count[LANES] = {0};
    for (size_t p = 0; p < f->count; p++) {
        sum_pattern(v, f, p, table, two_sided);
        for (size_t t = 0; t < LANES; t++)
            count[t] += v[t] >= bar[t] ? 1 : 0;
        double top = largest_of(v);
        largest[p] = top > largest[p] ? top : largest[p];
    }
    for (size_t t = 0; t < LANES; t++)
        reach[t] = count[t];
}

void dnb_flips_tile(double *seen, double *reach, double *largest, const dnb_flips *f,
                    const double *tile, bool two_sided, double *scratch)
{
    double bar[LANES];
    for (size_t c = 0; c < f->chunks; c++) {
        size_t left = f->n - 8 * c;
        fill_table(scratch + c * ROWS * LANES, tile + 8 * c * LANES, left < 8 ? left : 8);
    }
    sum_pattern(seen, f, 0, scratch, two_sided);
    for (size_t t = 0; t < LANES; t++) /* rounding must not decide */
        bar[t] = seen[t] - DNB_GROUP_TIE;
    count_patterns_of_tile(reach, largest, f, scratch, bar, two_sided);
}
