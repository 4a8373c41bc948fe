/* Counter-based random numbers: the nth draw of a (seed, stream) is a pure function of n, so
 * results never depend on the number of threads. Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011,
 * SC'11). room: base */
#ifndef DNNBRAIN_RANDOM_H
#define DNNBRAIN_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain value; copy it to fork. Initialise with dnb_random_init. */
typedef struct dnb_random {
    uint32_t key[2];
    uint32_t stream[2];
    uint64_t block;
    uint32_t out[4];
    int left;
} dnb_random;

/* Starts the sequence `stream` of `seed`. Different streams are independent. */
DNB_API void dnb_random_init(dnb_random *r, uint64_t seed, uint64_t stream);
DNB_API uint32_t dnb_random_u32(dnb_random *r);
DNB_API uint64_t dnb_random_u64(dnb_random *r);
/* Uniform on 0 <= x < n without bias; n >= 1. */
DNB_API uint64_t dnb_random_below(dnb_random *r, uint64_t n);
/* Uniform on [0, 1), 53 bits. */
DNB_API double dnb_random_uniform(dnb_random *r);
/* Standard normal (Box-Muller). */
DNB_API double dnb_random_normal(dnb_random *r);
/* A uniformly random permutation of 0..n-1 into perm (Fisher-Yates). */
DNB_API void dnb_random_permutation(dnb_random *r, size_t *perm, size_t n);

#ifdef __cplusplus
}
#endif
#endif
