/* Sorting, ranks and inversions, the base of Spearman's and Kendall's correlations. */
#include "stats/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct keyed {
    double value;
    uint32_t at;
} keyed;

static int compare_keyed(const void *pa, const void *pb)
{
    const keyed *a = pa, *b = pb;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

int dnb_compare_doubles(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

dnb_status dnb_order(uint32_t *order, const double *x, size_t n, dnb_err *err)
{
    if (n > UINT32_MAX)
        return dnb_fail(err, DNB_EUNSUPPORTED, "ranks of %zu numbers: more than 2^32", n);
    keyed *k = dnb_alloc(n, sizeof *k);
    if (!k)
        return dnb_fail_memory(err, "ranks", n * sizeof *k);
    for (size_t i = 0; i < n; i++)
        k[i] = (keyed){x[i], (uint32_t)i};
    qsort(k, n, sizeof *k, compare_keyed);
    for (size_t i = 0; i < n; i++)
        order[i] = k[i].at;
    dnb_free(k);
    return DNB_OK;
}

uint32_t dnb_dense_ranks(uint32_t *rank, const double *x, const uint32_t *order, size_t n)
{
    uint32_t r = 0;
    for (size_t i = 0; i < n; i++) {
        r += i > 0 && x[order[i]] != x[order[i - 1]];
        rank[order[i]] = r;
    }
    return n ? r + 1 : 0;
}

/* Merges src[0..m) and src[m..n), both sorted, into dst; branch-free, since the outcome is a coin
 * toss. */
static uint64_t merge(uint32_t *restrict dst, const uint32_t *restrict src, size_t m, size_t n)
{
    uint64_t inversions = 0;
    size_t i = 0, j = m, k = 0;
    while (i < m && j < n) {
        uint32_t a = src[i], b = src[j];
        size_t right = b < a;
        dst[k++] = right ? b : a;
        inversions += right ? m - i : 0;
        i += 1 - right;
        j += right;
    }
    memcpy(dst + k, src + i, (m - i) * sizeof *src);
    k += m - i;
    memcpy(dst + k, src + j, (n - j) * sizeof *src);
    return inversions;
}

uint64_t dnb_count_inversions(uint32_t *seq, uint32_t *tmp, size_t n)
{
    enum { RUN = 8 };
    uint64_t inversions = 0;
    uint32_t *src = seq, *dst = tmp;
    for (size_t first = 0; first < n; first += RUN) {
        size_t end = n - first < RUN ? n : first + RUN;
        for (size_t i = first + 1; i < end; i++) {
            uint32_t v = seq[i];
            size_t j = i;
            for (; j > first && seq[j - 1] > v; j--, inversions++)
                seq[j] = seq[j - 1];
            seq[j] = v;
        }
    }
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t first = 0; first < n; first += 2 * width) {
            size_t len = n - first < 2 * width ? n - first : 2 * width;
            inversions += merge(dst + first, src + first, width < len ? width : len, len);
        }
        uint32_t *swap = src;
        src = dst;
        dst = swap;
    }
    if (src != seq)
        memcpy(seq, src, n * sizeof *seq);
    return inversions;
}

uint64_t dnb_count_ties(const uint32_t *sorted, size_t n)
{
    uint64_t ties = 0, run = 0;
    for (size_t i = 1; i < n; i++) {
        run = sorted[i] == sorted[i - 1] ? run + 1 : 0;
        ties += run;
    }
    return ties;
}

double dnb_quantile_sorted(const double *x, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

double dnb_quantile_draws(const double *sorted, size_t n, double p)
{
    double at = p * ((double)n + 1) - 1;
    if (at <= 0 || n == 1)
        return sorted[0];
    if (at >= (double)(n - 1))
        return sorted[n - 1];
    size_t k = (size_t)at;
    return sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]);
}
