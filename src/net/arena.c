/* Where each buffer lies in the arena: largest first, at the lowest place that is free for its
 * whole life (Pisarchyk & Lee 2020, "greedy by size"). */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/program_impl.h"

#define ALIGN ((size_t)64)

static bool lives(const dnb_buffer *b)
{
    return b->kind != DNB_BUFFER_CONSTANT && b->last >= b->first;
}

static bool lives_meet(const dnb_buffer *a, const dnb_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int larger_first(const void *x, const void *y)
{
    const dnb_buffer *a = *(dnb_buffer *const *)x, *b = *(dnb_buffer *const *)y;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a < b ? -1 : a > b; /* one array: address order is index order */
}

/* Lowest offset where b fits between the placed buffers (sorted by offset) it shares time with. */
static size_t lowest_gap(const dnb_buffer *b, dnb_buffer *const *placed, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (!lives_meet(b, placed[i]))
            continue;
        if (placed[i]->offset >= at && placed[i]->offset - at >= b->bytes)
            return at;
        if (placed[i]->offset + placed[i]->bytes > at)
            at = placed[i]->offset + placed[i]->bytes;
    }
    return at;
}

static void insert_by_offset(dnb_buffer **placed, size_t n, dnb_buffer *b)
{
    for (; n > 0 && placed[n - 1]->offset > b->offset; n--)
        placed[n] = placed[n - 1];
    placed[n] = b;
}

dnb_status dnb_arena_plan(dnb_buffer *buffers, size_t n, size_t *bytes, dnb_err *err)
{
    dnb_buffer **order = NULL, **placed = NULL;
    size_t count = 0, n_placed = 0, total = 0;
    dnb_status status = DNB_OK;
    DNB_NEW(order, n, "memory plan");
    DNB_NEW(placed, n, "memory plan");
    for (size_t i = 0; i < n; i++)
        if (lives(&buffers[i])) {
            if (buffers[i].bytes > PTRDIFF_MAX / 2 - total) {
                status = dnb_fail(err, DNB_ENOMEM, "this batch size needs more memory than exists");
                goto done;
            }
            buffers[i].bytes = (buffers[i].bytes + ALIGN - 1) / ALIGN * ALIGN;
            total += buffers[i].bytes;
            order[count++] = &buffers[i];
        }
    qsort(order, count, sizeof *order, larger_first);
    total = 0;
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = lowest_gap(order[i], placed, n_placed);
        insert_by_offset(placed, n_placed++, order[i]);
        if (order[i]->offset + order[i]->bytes > total)
            total = order[i]->offset + order[i]->bytes;
    }
    *bytes = total;
done:
    dnb_free(order);
    dnb_free(placed);
    return status;
}
