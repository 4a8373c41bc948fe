/* Philox4x32-10 and the draws made from it. */
#include "dnnbrain/random.h"

#include <math.h>

static void philox4x32_10(uint32_t out[4], const uint32_t ctr[4], const uint32_t key[2])
{
    uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c0 = n0;
        c1 = (uint32_t)p1;
        c2 = n2;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void dnb_random_init(dnb_random *r, uint64_t seed, uint64_t stream)
{
    *r = (dnb_random){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                      .stream = {(uint32_t)stream, (uint32_t)(stream >> 32)}};
}

uint32_t dnb_random_u32(dnb_random *r)
{
    if (r->left == 0) {
        uint32_t ctr[4] = {(uint32_t)r->block, (uint32_t)(r->block >> 32), r->stream[0],
                           r->stream[1]};
        philox4x32_10(r->out, ctr, r->key);
        r->block++;
        r->left = 4;
    }
    return r->out[4 - r->left--];
}

uint64_t dnb_random_u64(dnb_random *r)
{
    uint64_t lo = dnb_random_u32(r);
    return lo | (uint64_t)dnb_random_u32(r) << 32;
}

uint64_t dnb_random_below(dnb_random *r, uint64_t n)
{
    uint64_t reject = (uint64_t)0 - ((uint64_t)0 - n) % n; /* 2^64 - (2^64 mod n), mod 2^64 */
    for (;;) {
        uint64_t x = dnb_random_u64(r);
        if (reject == 0 || x < reject)
            return x % n;
    }
}

double dnb_random_uniform(dnb_random *r)
{
    return (double)(dnb_random_u64(r) >> 11) * 0x1p-53;
}

double dnb_random_normal(dnb_random *r)
{
    double u = 1.0 - dnb_random_uniform(r), v = dnb_random_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

void dnb_random_permutation(dnb_random *r, size_t *perm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)dnb_random_below(r, i + 1);
        perm[i] = perm[j];
        perm[j] = i;
    }
}
