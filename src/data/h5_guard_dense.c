/* Links and attributes of the later format: records of a v2 B-tree point into a fractal heap. Heaps
 * of the parameters with which libhdf5 makes them for links and for attributes are read, no others.
 * The heap is read as a whole, so that each object can be looked at where it lies. */
#include <string.h>

#include "base/mem.h"
#include "data/h5_guard.h"

enum {
    HEAP_HEAD = 146,
    WIDTH = 4,
    LARGEST_DIRECT = 1 << 16,
    MOST_ROWS = 40,
    MOST_DEEP = 4,
    LINK_NAMES = 5,
    LINK_ORDERS = 6,
    ATTRIBUTE_NAMES = 8,
    ATTRIBUTE_ORDERS = 9,
    HUGE_INDEX = 1
};

/* A block of objects that was read. */
typedef struct block {
    uint64_t offset, size; /* in the heap */
    size_t at;             /* in dense.values */
} block;

/* A heap being gone through. */
typedef struct dense {
    dnb_h5_guard *g;
    bool links;
    uint64_t head_at;
    unsigned lead;                              /* bytes of a record before the reference */
    unsigned id_size, offset_size, length_size; /* bytes of references, and of their parts */
    uint64_t start;                             /* bytes of the first block */
    uint64_t huge_tree, wanted, huge_at, huge_size;
    block *blocks; /* by offset */
    size_t n, cap;
    unsigned char *values;
    size_t n_values, cap_values;
} dense;

/* Bytes of the blocks in a row. */
static uint64_t block_size(const dense *d, unsigned row)
{
    return row < 2 ? d->start : d->start << (row - 1);
}

/* Keeps a block. */
static bool keep(dense *d, const unsigned char *p, uint64_t offset, uint64_t size)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 16;
        block *grown = dnb_realloc(d->blocks, cap, sizeof *grown);
        d->g->no_memory = !grown;
        if (!grown)
            return false;
        d->blocks = grown;
        d->cap = cap;
    }
    if (size > d->cap_values - d->n_values) {
        size_t cap = 2 * d->cap_values + (size_t)size;
        unsigned char *grown = dnb_realloc(d->values, cap, 1);
        d->g->no_memory = !grown;
        if (!grown)
            return false;
        d->values = grown;
        d->cap_values = cap;
    }
    memcpy(d->values + d->n_values, p, (size_t)size);
    d->blocks[d->n++] = (block){.offset = offset, .size = size, .at = d->n_values};
    d->n_values += (size_t)size;
    return d->n_values <= d->g->size;
}

/* A block of objects: signature, version, the heap's address, offset in it, checksum (over the
 * block with zeros in its place), objects. */
static bool read_direct(dense *d, uint64_t at, uint64_t offset, uint64_t size)
{
    unsigned char *p = dnb_h5_fetch(d->g, at, size);
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = (size_t)size};
    dnb_bytes_take(&b, 4);
    bool ok = dnb_bytes_start(p, b.left, "FHDB") && dnb_bytes_number(&b, 1) == 0;
    ok = ok && dnb_bytes_number(&b, 8) == d->head_at;
    ok = ok && dnb_bytes_number(&b, d->offset_size) == offset;
    if (ok) {
        uint64_t seal = dnb_bytes_number(&b, 4);
        memset(p + size - b.left - 4, 0, 4);
        ok = seal == dnb_h5_seal(p, (size_t)size) && keep(d, p, offset, size);
    }
    dnb_h5_give(d->g, p, size);
    return ok && dnb_h5_note(d->g, (dnb_h5_place){.at = at, .size = size, .kind = DNB_H5_CHECKED});
}

/* A block of addresses of blocks, WIDTH in a row: signature, version, heap, offset, addresses,
 * checksum. */
static bool read_indirect(dense *d, uint64_t at, uint64_t offset, unsigned rows, unsigned deep)
{
    uint64_t size = 5 + 8 + d->offset_size + (uint64_t)rows * WIDTH * 8 + 4;
    unsigned char *p = rows <= MOST_ROWS && deep < MOST_DEEP ? dnb_h5_fetch(d->g, at, size) : NULL;
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = (size_t)size};
    dnb_bytes_take(&b, 4);
    bool ok = dnb_h5_sealed(p, (size_t)size) && dnb_bytes_start(p, b.left, "FHIB");
    ok = ok && dnb_bytes_number(&b, 1) == 0 && dnb_bytes_number(&b, 8) == d->head_at;
    ok = ok && dnb_bytes_number(&b, d->offset_size) == offset;
    for (unsigned i = 0; i < rows * WIDTH && ok; i++) {
        uint64_t child = dnb_bytes_number(&b, 8), below = block_size(d, i / WIDTH);
        unsigned below_rows = 1;
        for (uint64_t first = d->start * WIDTH; first < below; first *= 2)
            below_rows++;
        if (child != DNB_H5_NOWHERE)
            ok = below <= LARGEST_DIRECT ? read_direct(d, child, offset, below)
                                         : read_indirect(d, child, offset, below_rows, deep + 1);
        offset += below;
    }
    dnb_h5_give(d->g, p, size);
    return ok && dnb_h5_note(d->g, (dnb_h5_place){.at = at, .size = size, .kind = DNB_H5_CHECKED});
}

/* The heap's head; then its root block into d. */
static bool read_heap(dense *d)
{
    dnb_h5_guard *g = d->g;
    unsigned char *p = dnb_h5_fetch(g, d->head_at, HEAP_HEAD);
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = HEAP_HEAD};
    dnb_bytes_take(&b, 5);
    bool ok = dnb_bytes_start(p, HEAP_HEAD, "FRHP\0") && dnb_h5_sealed(p, HEAP_HEAD);
    d->id_size = d->links ? 7 : 8;
    ok = ok && dnb_bytes_number(&b, 2) == d->id_size && dnb_bytes_number(&b, 2) == 0;
    ok = ok && (dnb_bytes_number(&b, 1) & ~1u) == 2 && dnb_bytes_number(&b, 4) == 4096;
    dnb_bytes_take(&b, 8);
    d->huge_tree = dnb_bytes_number(&b, 8);
    dnb_bytes_take(&b, 10 * 8); /* what the heap counts of itself */
    d->start = d->links ? 512 : 1024;
    d->offset_size = d->links ? 4 : 5;
    d->length_size = 2;
    ok = ok && dnb_bytes_number(&b, 2) == WIDTH && dnb_bytes_number(&b, 8) == d->start;
    ok = ok && dnb_bytes_number(&b, 8) == LARGEST_DIRECT;
    ok = ok && dnb_bytes_number(&b, 2) == 8 * d->offset_size && dnb_bytes_number(&b, 2) == 1;
    uint64_t root = dnb_bytes_number(&b, 8), rows = dnb_bytes_number(&b, 2);
    dnb_h5_give(g, p, HEAP_HEAD);
    if (!ok || !dnb_h5_note(
                   g, (dnb_h5_place){.at = d->head_at, .size = HEAP_HEAD, .kind = DNB_H5_CHECKED}))
        return false;
    if (root == DNB_H5_NOWHERE)
        return true;
    return rows == 0 ? read_direct(d, root, 0, d->start)
                     : read_indirect(d, root, 0, (unsigned)rows, 0);
}

static bool check_object(const dense *d, dnb_bytes b)
{
    return d->links ? dnb_h5_guard_link(d->g, b) : dnb_h5_guard_attribute(d->g, b);
}

/* Address, length, number of an object too large for the heap. */
static bool find_huge(dnb_h5_guard *g, dnb_bytes b, void *ctx)
{
    dense *d = ctx;
    uint64_t at = dnb_bytes_number(&b, 8), size = dnb_bytes_number(&b, 8);
    if (dnb_bytes_number(&b, 8) == d->wanted) {
        d->huge_at = at;
        d->huge_size = size;
    }
    return !b.bad && dnb_h5_in_file(g, at, size);
}

static bool check_huge(dense *d, uint64_t number)
{
    d->wanted = number;
    d->huge_size = 0;
    if (!dnb_h5_guard_tree2(d->g, d->huge_tree, HUGE_INDEX, 24, find_huge, d))
        return false;
    unsigned char *p = dnb_h5_fetch(d->g, d->huge_at, d->huge_size);
    if (!p)
        return false;
    bool ok = check_object(d, (dnb_bytes){.at = p, .left = (size_t)d->huge_size});
    dnb_h5_give(d->g, p, d->huge_size);
    return ok;
}

/* The block that holds an offset of the heap, or NULL. */
static const block *find_block(const dense *d, uint64_t offset)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->blocks[middle].offset + d->blocks[middle].size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < d->n && d->blocks[low].offset <= offset ? &d->blocks[low] : NULL;
}

/* An object by its reference: flags (kind), offset and length in the heap or, if huge, a number. */
static bool check_reference(dense *d, dnb_bytes id)
{
    uint64_t flags = dnb_bytes_number(&id, 1);
    if (flags == 0x10)
        return check_huge(d, dnb_bytes_number(&id, id.left));
    uint64_t offset = dnb_bytes_number(&id, d->offset_size);
    uint64_t size = dnb_bytes_number(&id, d->length_size), head = 5 + 8 + d->offset_size + 4;
    const block *k = flags == 0 ? find_block(d, offset) : NULL;
    if (!k || size == 0 || offset - k->offset < head || size > k->offset + k->size - offset)
        return false;
    return check_object(
        d, (dnb_bytes){.at = d->values + k->at + (offset - k->offset), .left = (size_t)size});
}

/* A record of either tree: (links: hash or order,) reference, (attributes: flags,) ... */
static bool check_record(dnb_h5_guard *g, dnb_bytes b, void *ctx)
{
    dense *d = ctx;
    (void)g;
    dnb_bytes_take(&b, d->lead);
    dnb_bytes id = dnb_bytes_part(&b, d->id_size, d->id_size);
    return (d->links || dnb_bytes_number(&b, 1) == 0) && !b.bad && check_reference(d, id);
}

bool dnb_h5_guard_dense(dnb_h5_guard *g, bool links, uint64_t heap, uint64_t names, uint64_t orders)
{
    dense d = {.g = g, .links = links, .head_at = heap, .lead = links ? 4 : 0};
    if (heap == DNB_H5_NOWHERE)
        return names == DNB_H5_NOWHERE && orders == DNB_H5_NOWHERE;
    bool ok = read_heap(&d) && dnb_h5_guard_tree2(g, names, links ? LINK_NAMES : ATTRIBUTE_NAMES,
                                                  links ? 11 : 17, check_record, &d);
    d.lead = links ? 8 : 0;
    if (ok && orders != DNB_H5_NOWHERE)
        ok = dnb_h5_guard_tree2(g, orders, links ? LINK_ORDERS : ATTRIBUTE_ORDERS, links ? 15 : 13,
                                check_record, &d);
    dnb_free(d.values);
    dnb_free(d.blocks);
    return ok;
}
