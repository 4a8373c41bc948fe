/* Global heap collections, which hold values of variable length, and references into them. */
#include <string.h>

#include "base/mem.h"
#include "data/h5_guard.h"

enum { MOST_OBJECTS = 1 << 16, HEAD = 16, LEAST = 4096 };

/* Objects lie one behind the other; what is left at the end, or index 0, is free. Notes their sizes
 * by index. The library walks them the same way, but for its faith in each size. */
static bool list_objects(dnb_h5_guard *g, dnb_bytes b)
{
    dnb_bytes_take(&b, HEAD);
    while (b.left >= HEAD) {
        size_t here = b.left;
        uint64_t index = dnb_bytes_number(&b, 2);
        dnb_bytes_take(&b, 6);
        uint64_t bytes = dnb_bytes_number(&b, 8);
        if (index == 0) { /* free space, its own head included */
            if (bytes < HEAD || bytes > here)
                return false;
            dnb_bytes_take(&b, (size_t)bytes - HEAD);
            continue;
        }
        if (bytes > b.left || (bytes + 7) / 8 * 8 > b.left || g->heap_sizes[index])
            return false;
        g->heap_sizes[index] = (uint32_t)bytes + 1;
        g->heap_n = index >= g->heap_n ? (uint32_t)index + 1 : g->heap_n;
        dnb_bytes_take(&b, (size_t)(bytes + 7) / 8 * 8);
    }
    return !b.bad;
}

bool dnb_h5_guard_collection(dnb_h5_guard *g, uint64_t at)
{
    if (g->heap_at == at && at)
        return true;
    g->heap_at = 0;
    if (!g->heap_sizes)
        g->heap_sizes = dnb_calloc(MOST_OBJECTS, sizeof *g->heap_sizes);
    g->no_memory = !g->heap_sizes;
    unsigned char *head = g->no_memory ? NULL : dnb_h5_fetch(g, at, HEAD);
    if (!head)
        return false;
    memset(g->heap_sizes, 0, g->heap_n * sizeof *g->heap_sizes);
    g->heap_n = 0;
    dnb_bytes b = {.at = head + 8, .left = 8};
    uint64_t size = dnb_bytes_number(&b, 8);
    bool ok = dnb_bytes_start(head, HEAD, "GCOL\1") && size >= LEAST && size < UINT32_MAX;
    dnb_h5_give(g, head, HEAD);
    unsigned char *whole = ok ? dnb_h5_fetch(g, at, size) : NULL;
    if (!whole)
        return false;
    ok = list_objects(g, (dnb_bytes){.at = whole, .left = (size_t)size});
    dnb_h5_give(g, whole, size);
    if (ok)
        g->heap_at = at;
    return ok;
}

/* Length, address of the collection, index in it. The library copies the object into a buffer of
 * that length. */
bool dnb_h5_guard_references(dnb_h5_guard *g, dnb_bytes *b, uint64_t n, uint32_t item)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t length = dnb_bytes_number(b, 4), at = dnb_bytes_number(b, 8);
        uint64_t index = dnb_bytes_number(b, 4);
        if (b->bad)
            return false;
        if (at == 0)
            continue; /* no value */
        if (index == 0 || index >= MOST_OBJECTS || !dnb_h5_guard_collection(g, at) ||
            g->heap_sizes[index] == 0 || g->heap_sizes[index] - 1 != length * item)
            return false;
    }
    return true;
}
