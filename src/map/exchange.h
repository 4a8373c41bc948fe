/* Rows that may change places: all, or those of one run or group. room: map (internal) */
#ifndef DNB_MAP_EXCHANGE_H
#define DNB_MAP_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

/* Zero-initialise; dnb_exchange_release. */
typedef struct dnb_exchange {
    size_t n, n_blocks;
    size_t *row;   /* n: rows by block, ascending within */
    size_t *start; /* n_blocks + 1: of each block in row */
    size_t *draw;  /* n: room for a permutation */
} dnb_exchange;

/* blocks: n, rows of equal value make a block; NULL: one block of all. */
dnb_status dnb_exchange_init(dnb_exchange *e, size_t n, const int64_t *blocks,
                             dnb_err *err) DNB_MUST_CHECK;
void dnb_exchange_release(dnb_exchange *e);
/* order[i]: the row that comes to place i in permutation `number` of `seed`. Permutation 0 is the
 * rows as they are. */
void dnb_exchange_draw(size_t *order, dnb_exchange *e, uint64_t seed, uint64_t number);

#endif
