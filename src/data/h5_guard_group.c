/* Structures of the first format without checksums: groups (a tree of symbol table nodes and a heap
 * of names) and the nodes of chunk indexes. */
#include <string.h>

#include "data/h5_guard.h"

enum { DEEPEST = 16, SYMBOL = 40, TREE_HEAD = 24, MOST_NAMES = 1 << 30 };

/* A group being gone through. */
typedef struct group {
    dnb_h5_guard *g;
    unsigned char *names; /* the data of its local heap */
    uint64_t n_names;
    uint64_t nodes_left;
} group;

/* Is there a text with its NUL at that offset? */
static bool check_name(const group *p, uint64_t offset)
{
    return offset < p->n_names && memchr(p->names + offset, '\0', (size_t)(p->n_names - offset));
}

/* Free pieces of a local heap, each with the offset of the next (1: none) and its size. */
static bool check_free(const group *p, uint64_t at)
{
    for (uint64_t most = p->n_names / 16; at != 1; most--) {
        if (most == 0 || p->n_names < 16 || at > p->n_names - 16)
            return false;
        dnb_bytes b = {.at = p->names + at, .left = 16};
        uint64_t next = dnb_bytes_number(&b, 8), size = dnb_bytes_number(&b, 8);
        if (next == 0 || size > p->n_names - at)
            return false;
        at = next;
    }
    return true;
}

/* A local heap's head, and its data into p. */
static bool open_names(group *p, uint64_t at)
{
    dnb_h5_guard *g = p->g;
    unsigned char *head = dnb_h5_fetch(g, at, 32);
    if (!head)
        return false;
    dnb_bytes b = {.at = head, .left = 32};
    bool ok = dnb_bytes_start(head, 32, "HEAP\0");
    dnb_bytes_take(&b, 4);
    ok = ok && dnb_bytes_number(&b, 1) == 0;
    dnb_bytes_take(&b, 3);
    uint64_t n = dnb_bytes_number(&b, 8), unused = dnb_bytes_number(&b, 8);
    uint64_t data = dnb_bytes_number(&b, 8);
    dnb_h5_give(g, head, 32);
    if (!ok || n == 0 || n > MOST_NAMES)
        return false;
    p->names = dnb_h5_fetch(g, data, n);
    p->n_names = n;
    /* Data right behind the head are read with it: 512 bytes, then the rest. */
    uint64_t rest = data == at + 32 && n > 480 ? n - 480 : 0;
    if (rest &&
        !dnb_h5_note(g, (dnb_h5_place){.at = at + 512, .size = rest, .kind = DNB_H5_CHECKED}))
        return false;
    return p->names && check_free(p, unused) &&
           dnb_h5_note(g, (dnb_h5_place){.at = at, .size = 32, .kind = DNB_H5_CHECKED}) &&
           dnb_h5_note(g, (dnb_h5_place){.at = data, .size = n, .kind = DNB_H5_CHECKED});
}

/* name, header, what is cached, 4 reserved, 16 of cache: nothing, addresses of a group (looked at
 * with its header), or a soft link's text. */
static bool check_symbol(const group *p, dnb_bytes b)
{
    uint64_t name = dnb_bytes_number(&b, 8), at = dnb_bytes_number(&b, 8);
    uint64_t cached = dnb_bytes_number(&b, 4);
    dnb_bytes_take(&b, 4);
    uint64_t text = dnb_bytes_number(&b, 4);
    if (!check_name(p, name))
        return false;
    if (cached == 2)
        return check_name(p, text);
    return cached <= 1 && dnb_h5_note_header(p->g, at);
}

static bool check_table(const group *p, uint64_t at)
{
    dnb_h5_guard *g = p->g;
    uint64_t size = 8 + (uint64_t)2 * g->leaf_k * SYMBOL;
    unsigned char *table = dnb_h5_fetch(g, at, size);
    if (!table)
        return false;
    dnb_bytes b = {.at = table, .left = (size_t)size};
    bool ok = dnb_bytes_start(table, b.left, "SNOD\1");
    dnb_bytes_take(&b, 6);
    uint64_t n = dnb_bytes_number(&b, 2);
    ok = ok && n <= 2 * g->leaf_k;
    for (uint64_t i = 0; i < n && ok; i++)
        ok = check_symbol(p, dnb_bytes_part(&b, SYMBOL, SYMBOL));
    dnb_h5_give(g, table, size);
    return ok && dnb_h5_note(g, (dnb_h5_place){.at = at, .size = size, .kind = DNB_H5_CHECKED});
}

/* A node of a group's tree: keys (offsets of names) around addresses of nodes one level below. */
static bool check_node(group *p, uint64_t at, unsigned level)
{
    dnb_h5_guard *g = p->g;
    uint64_t size = TREE_HEAD + (uint64_t)2 * g->group_k * 16 + 8;
    unsigned char *node = p->nodes_left-- ? dnb_h5_fetch(g, at, size) : NULL;
    if (!node)
        return false;
    dnb_bytes b = {.at = node, .left = (size_t)size};
    dnb_bytes_take(&b, 4);
    uint64_t type = dnb_bytes_number(&b, 1), here = dnb_bytes_number(&b, 1);
    uint64_t n = dnb_bytes_number(&b, 2);
    dnb_bytes_take(&b, 16);
    bool ok = dnb_bytes_start(node, (size_t)size, "TREE") && type == 0 && n <= 2 * g->group_k &&
              (level == DEEPEST ? here < DEEPEST : here == level) &&
              check_name(p, n ? dnb_bytes_number(&b, 8) : 0);
    for (uint64_t i = 0; i < n && ok; i++) {
        uint64_t child = dnb_bytes_number(&b, 8);
        ok = check_name(p, dnb_bytes_number(&b, 8)) &&
             (here ? check_node(p, child, (unsigned)here - 1) : check_table(p, child));
    }
    dnb_h5_give(g, node, size);
    return ok && dnb_h5_note(g, (dnb_h5_place){.at = at, .size = size, .kind = DNB_H5_CHECKED});
}

bool dnb_h5_guard_symbols(dnb_h5_guard *g, uint64_t tree, uint64_t heap)
{
    group p = {.g = g, .nodes_left = g->size / 512 + 16};
    bool ok = open_names(&p, heap) && check_node(&p, tree, DEEPEST);
    if (p.names)
        dnb_h5_give(g, p.names, p.n_names);
    return ok;
}

/* Bytes and skipped filters of a chunk, its coordinates (and 0 within the element), its address. */
bool dnb_h5_guard_chunk_node(dnb_h5_guard *g, dnb_h5_place place, const void *data, size_t size)
{
    size_t key = 8 + (size_t)8 * place.n_key;
    size_t whole = TREE_HEAD + (size_t)2 * g->chunk_k * (key + 8) + key;
    dnb_bytes b = {.at = data, .left = size};
    dnb_bytes_take(&b, 4);
    uint64_t type = dnb_bytes_number(&b, 1), level = dnb_bytes_number(&b, 1);
    uint64_t n = dnb_bytes_number(&b, 2);
    dnb_bytes_take(&b, 16);
    if (b.bad || size != whole || !dnb_bytes_start(data, size, "TREE") || type != 1 ||
        n > 2 * g->chunk_k || (place.level == 255 ? level >= DEEPEST : level != place.level))
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t bytes = dnb_bytes_number(&b, 4), skipped = dnb_bytes_number(&b, 4);
        dnb_bytes_take(&b, key - 8);
        uint64_t child = dnb_bytes_number(&b, 8);
        dnb_h5_place below = place;
        below.at = child;
        below.level = (uint8_t)(level - 1);
        if (level > 0 ? !dnb_h5_in_file(g, child, whole) || !dnb_h5_note(g, below)
                      : !dnb_h5_in_file(g, child, bytes) ||
                            (!place.filtered && (bytes != place.size || skipped)))
            return false;
    }
    return true;
}
