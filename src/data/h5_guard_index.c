/* v2 B-trees, and the indexes of chunked datasets in layout version 4. */
#include <string.h>

#include "data/h5_guard.h"

enum {
    DEEPEST = 8,
    TREE_HEAD = 38,
    IMPLICIT = 2,
    FIXED = 3,
    EXTENSIBLE = 4,
    TREE = 5,
    SINGLE = 1,
    TREE_PLAIN = 10,
    TREE_FILTERED = 11
};

/* A B-tree being gone through, and what follows from its nodes' size. */
typedef struct tree2 {
    dnb_h5_guard *g;
    unsigned type;
    size_t node_size, record_size;
    uint64_t most[DEEPEST + 1];     /* records of a node, by level */
    uint64_t most_all[DEEPEST + 1]; /* and of those below it */
    unsigned n_width;               /* bytes of a count of records */
    uint64_t nodes_left;
    dnb_h5_record each;
    void *ctx;
} tree2;

unsigned dnb_h5_width(uint64_t v)
{
    unsigned n = 1;
    while (n < 8 && v >> 8 * n)
        n++;
    return n;
}

/* Bytes of the address of a node of that level, and its counts. */
static size_t pointer_size(const tree2 *t, unsigned level)
{
    return 8 + t->n_width + (level > 0 ? dnb_h5_width(t->most_all[level]) : 0);
}

static bool lay_out(tree2 *t, unsigned depth)
{
    if (depth > DEEPEST || t->node_size < 64 || t->node_size > 1 << 20)
        return false;
    t->most[0] = t->most_all[0] = (t->node_size - 10) / t->record_size;
    t->n_width = dnb_h5_width(t->most[0]);
    for (unsigned i = 1; i <= depth; i++) {
        size_t pointer = pointer_size(t, i - 1);
        if (t->node_size < 10 + pointer + t->record_size + pointer)
            return false;
        t->most[i] = (t->node_size - 10 - pointer) / (t->record_size + pointer);
        if (t->most_all[i - 1] > (UINT64_MAX >> 24) / (t->most[i] + 1))
            return false;
        t->most_all[i] = (t->most[i] + 1) * t->most_all[i - 1] + t->most[i];
    }
    return t->most[0] > 0;
}

/* Signature, version, type, records, (addresses and counts of the nodes below,) checksum. */
static bool check_node(tree2 *t, uint64_t at, unsigned level, uint64_t n)
{
    dnb_h5_guard *g = t->g;
    if (n > t->most[level] || t->nodes_left-- == 0)
        return false;
    unsigned char *p = dnb_h5_fetch(g, at, t->node_size);
    if (!p)
        return false;
    size_t below = level ? ((size_t)n + 1) * pointer_size(t, level - 1) : 0;
    size_t used = 6 + (size_t)n * t->record_size + below + 4;
    dnb_bytes b = {.at = p, .left = used};
    dnb_bytes_take(&b, 4);
    bool ok = used <= t->node_size && dnb_h5_sealed(p, used) &&
              dnb_bytes_start(p, used, level ? "BTIN" : "BTLF") && dnb_bytes_number(&b, 1) == 0 &&
              dnb_bytes_number(&b, 1) == t->type;
    for (uint64_t i = 0; i < n && ok; i++)
        ok = t->each(g, dnb_bytes_part(&b, t->record_size, t->record_size), t->ctx);
    for (uint64_t i = 0; i <= n && level && ok; i++) {
        uint64_t child = dnb_bytes_number(&b, 8), count = dnb_bytes_number(&b, t->n_width);
        if (level > 1)
            dnb_bytes_take(&b, dnb_h5_width(t->most_all[level - 1]));
        ok = check_node(t, child, level - 1, count);
    }
    dnb_h5_give(g, p, t->node_size);
    return ok &&
           dnb_h5_note(g, (dnb_h5_place){.at = at, .size = t->node_size, .kind = DNB_H5_CHECKED});
}

bool dnb_h5_guard_tree2(dnb_h5_guard *g, uint64_t at, unsigned type, size_t record_size,
                        dnb_h5_record each, void *ctx)
{
    tree2 t = {.g = g, .type = type, .record_size = record_size, .each = each, .ctx = ctx};
    unsigned char *p = dnb_h5_fetch(g, at, TREE_HEAD);
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = TREE_HEAD};
    dnb_bytes_take(&b, 5);
    bool ok = dnb_h5_sealed(p, TREE_HEAD) && dnb_bytes_start(p, TREE_HEAD, "BTHD\0") &&
              dnb_bytes_number(&b, 1) == type;
    t.node_size = (size_t)dnb_bytes_number(&b, 4);
    ok = ok && dnb_bytes_number(&b, 2) == record_size;
    unsigned depth = (unsigned)dnb_bytes_number(&b, 2);
    uint64_t split = dnb_bytes_number(&b, 1), merge = dnb_bytes_number(&b, 1);
    uint64_t root = dnb_bytes_number(&b, 8), n = dnb_bytes_number(&b, 2);
    dnb_h5_give(g, p, TREE_HEAD);
    if (!ok || split == 0 || split > 100 || merge == 0 || merge > 100 || !lay_out(&t, depth) ||
        !dnb_h5_note(g, (dnb_h5_place){.at = at, .size = TREE_HEAD, .kind = DNB_H5_CHECKED}))
        return false;
    if (root == DNB_H5_NOWHERE)
        return n == 0 && depth == 0;
    t.nodes_left = g->size / t.node_size + 1;
    return check_node(&t, root, depth, n);
}

/* What a chunk index must fit. */
typedef struct chunks {
    uint64_t bytes;      /* of a chunk */
    uint64_t now, most;  /* chunks of the shape, of what it may grow to (0 = no end) */
    unsigned endless;    /* dimensions that may grow without end */
    unsigned size_width; /* of a filtered chunk's size */
    bool filtered;
} chunks;

static chunks count_chunks(const dnb_h5_object *o)
{
    chunks c = {.bytes = 1, .now = 1, .most = 1, .filtered = o->n_filters > 0};
    for (unsigned i = 0; i < o->space.rank; i++) {
        uint64_t now = o->space.now[i], most = o->space.most[i], chunk = o->chunk[i];
        uint64_t n = now / chunk + (now % chunk != 0), n_most = most / chunk + (most % chunk != 0);
        c.bytes *= chunk;
        c.endless += most == UINT64_MAX;
        c.now = n && c.now > UINT64_MAX / n ? UINT64_MAX : c.now * n;
        c.most = n_most && c.most > UINT64_MAX / n_most ? UINT64_MAX : c.most * n_most;
    }
    c.bytes *= o->type.size;
    unsigned bits = 0;
    while (bits < 63 && c.bytes >> (bits + 1))
        bits++;
    c.size_width = 1 + (bits + 8) / 8;
    c.size_width = c.size_width > 8 ? 8 : c.size_width;
    return c;
}

/* A chunk in a v2 B-tree: address, (size, skipped filters,) coordinates. */
static bool check_chunk(dnb_h5_guard *g, dnb_bytes b, void *ctx)
{
    const chunks *c = ctx;
    uint64_t at = dnb_bytes_number(&b, 8);
    return dnb_h5_in_file(g, at, c->filtered ? dnb_bytes_number(&b, c->size_width) : c->bytes);
}

/* Head of a fixed array: signature, version, client, element size, page bits, elements, address. */
static bool check_fixed(dnb_h5_guard *g, const dnb_h5_object *o, const chunks *c)
{
    unsigned char *p = dnb_h5_fetch(g, o->values_at, 28);
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = 28};
    dnb_bytes_take(&b, 5);
    size_t entry = c->filtered ? 8 + c->size_width + 4 : 8;
    bool ok = dnb_h5_sealed(p, 28) && dnb_bytes_start(p, 28, "FAHD\0") &&
              dnb_bytes_number(&b, 1) == c->filtered && dnb_bytes_number(&b, 1) == entry;
    uint64_t bits = dnb_bytes_number(&b, 1);
    ok = ok && bits == o->index_parameters[0] && bits > 0 && bits <= 20;
    uint64_t n = dnb_bytes_number(&b, 8), at = dnb_bytes_number(&b, 8);
    dnb_h5_give(g, p, 28);
    return ok && c->endless == 0 && n == c->most && n <= g->size / entry &&
           (at == DNB_H5_NOWHERE || dnb_h5_in_file(g, at, n * entry)) &&
           dnb_h5_note(g, (dnb_h5_place){.at = o->values_at, .size = 28, .kind = DNB_H5_CHECKED});
}

/* Head of an extensible array: signature, version, client, element size, five parameters (as
 * libhdf5 always chooses them), six counts, address. */
static bool check_extensible(dnb_h5_guard *g, const dnb_h5_object *o, const chunks *c)
{
    static const unsigned char in_layout[5] = {32, 4, 4, 16, 10}, in_head[5] = {32, 4, 16, 4, 10};
    unsigned char *p = dnb_h5_fetch(g, o->values_at, 72);
    if (!p)
        return false;
    size_t entry = c->filtered ? 8 + c->size_width + 4 : 8;
    bool ok = dnb_h5_sealed(p, 72) && dnb_bytes_start(p, 72, "EAHD\0") && p[5] == c->filtered &&
              p[6] == entry && memcmp(p + 7, in_head, 5) == 0 &&
              memcmp(o->index_parameters, in_layout, 5) == 0;
    dnb_h5_give(g, p, 72);
    return ok && c->endless == 1 && c->now < UINT32_MAX && c->now <= g->size &&
           dnb_h5_note(g, (dnb_h5_place){.at = o->values_at, .size = 72, .kind = DNB_H5_CHECKED});
}

bool dnb_h5_guard_index(dnb_h5_guard *g, const dnb_h5_object *o)
{
    chunks c = count_chunks(o);
    dnb_bytes b = {.at = o->index_parameters, .left = sizeof o->index_parameters};
    if (o->index == IMPLICIT && c.filtered)
        return false;
    switch (o->index) {
    case SINGLE:
        if (c.filtered != ((o->chunk_flags & 2) != 0) || c.most != 1 || c.now > 1)
            return false;
        return dnb_h5_in_file(g, o->values_at, c.filtered ? dnb_bytes_number(&b, 8) : c.bytes);
    case IMPLICIT:
        return c.endless == 0 && c.most <= g->size / c.bytes &&
               dnb_h5_in_file(g, o->values_at, c.most * c.bytes);
    case FIXED:
        return check_fixed(g, o, &c);
    case EXTENSIBLE:
        return check_extensible(g, o, &c);
    case TREE: {
        size_t record = 8 + 8 * (size_t)o->space.rank + (c.filtered ? c.size_width + 4 : 0);
        return c.endless > 1 && dnb_bytes_number(&b, 4) >= 64 &&
               dnb_h5_guard_tree2(g, o->values_at, c.filtered ? TREE_FILTERED : TREE_PLAIN, record,
                                  check_chunk, &c);
    }
    default:
        return false;
    }
}
