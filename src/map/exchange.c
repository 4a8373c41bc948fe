/* Permutations of rows within blocks. One block gives the permutation of all rows. */
#include "map/exchange.h"

#include <stdlib.h>

#include "base/mem.h"
#include "dnnbrain/random.h"

typedef struct member {
    int64_t block;
    size_t row;
} member;

static int by_block(const void *a, const void *b)
{
    const member *p = a, *q = b;
    if (p->block != q->block)
        return p->block < q->block ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

dnb_status dnb_exchange_init(dnb_exchange *e, size_t n, const int64_t *blocks, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_exchange x = {.n = n};
    member *rows = NULL;
    DNB_NEW(x.row, n, "permutations");
    DNB_NEW(x.start, n + 1, "permutations");
    DNB_NEW(x.draw, n, "permutations");
    DNB_NEW(rows, n, "permutations");
    for (size_t i = 0; i < n; i++)
        rows[i] = (member){blocks ? blocks[i] : 0, i};
    if (blocks)
        qsort(rows, n, sizeof *rows, by_block);
    for (size_t i = 0; i < n; i++) {
        x.row[i] = rows[i].row;
        if (i == 0 || rows[i].block != rows[i - 1].block)
            x.start[x.n_blocks++] = i;
    }
    x.start[x.n_blocks] = n;
    *e = x;
    x = (dnb_exchange){0};
done:
    dnb_free(rows);
    dnb_exchange_release(&x);
    return status;
}

void dnb_exchange_release(dnb_exchange *e)
{
    dnb_free(e->row);
    dnb_free(e->start);
    dnb_free(e->draw);
    *e = (dnb_exchange){0};
}

void dnb_exchange_draw(size_t *order, dnb_exchange *e, uint64_t seed, uint64_t number)
{
    dnb_random random;
    dnb_random_init(&random, seed, number);
    for (size_t i = 0; number == 0 && i < e->n; i++)
        order[i] = i;
    for (size_t b = 0; number > 0 && b < e->n_blocks; b++) {
        const size_t *row = e->row + e->start[b], count = e->start[b + 1] - e->start[b];
        dnb_random_permutation(&random, e->draw, count);
        for (size_t i = 0; i < count; i++)
            order[row[i]] = row[e->draw[i]];
    }
}
