/* Dispatch of what HDF5 reads, the superblock, and what the guard remembers. */
#include "data/h5_guard.h"

#include <string.h>

#include "base/mem.h"
#include "base/path.h"

enum { MOST_OBJECTS = 1 << 16, ROOM = 256 << 10, FEW_PLACES = 1024, SUPER = 96 };

bool dnb_bytes_start(const void *data, size_t size, const char *mark)
{
    size_t n = strlen(mark);
    return size >= n && memcmp(data, mark, n) == 0;
}

bool dnb_h5_in_file(const dnb_h5_guard *g, uint64_t at, uint64_t size)
{
    uint64_t end = g->end ? g->end : g->size - g->base;
    return at <= end && size <= end - at;
}

static size_t padded(uint64_t size)
{
    return ((size_t)size + 15) / 16 * 16;
}

unsigned char *dnb_h5_fetch(dnb_h5_guard *g, uint64_t at, uint64_t size)
{
    if (size == 0 || !dnb_h5_in_file(g, at, size))
        return NULL;
    unsigned char *p;
    if (g->room && size <= ROOM - g->used) {
        p = g->room + g->used;
        g->used += padded(size) < ROOM - g->used ? padded(size) : ROOM - g->used;
    } else {
        p = dnb_alloc((size_t)size, 1);
        g->no_memory = !p;
    }
    if (p && dnb_file_read_at(g->fd, p, size, g->base + at, NULL) != 0) {
        dnb_h5_give(g, p, size);
        return NULL;
    }
    return p;
}

void dnb_h5_give(dnb_h5_guard *g, unsigned char *p, uint64_t size)
{
    (void)size;
    if (g->room && p >= g->room && p < g->room + ROOM)
        g->used = (size_t)(p - g->room);
    else
        dnb_free(p);
}

/* Where a place at that address is, or belongs. */
static size_t slot(const dnb_h5_place *places, size_t cap, uint64_t at)
{
    uint64_t mixed = at * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(mixed >> 32) & (cap - 1);
    while (places[i].kind != DNB_H5_NOTHING && places[i].at != at)
        i = (i + 1) & (cap - 1);
    return i;
}

const dnb_h5_place *dnb_h5_noted(const dnb_h5_guard *g, uint64_t at)
{
    if (g->cap_places == 0)
        return NULL;
    const dnb_h5_place *p = &g->places[slot(g->places, g->cap_places, at)];
    return p->kind == DNB_H5_NOTHING ? NULL : p;
}

static bool grow(dnb_h5_guard *g)
{
    size_t cap = g->cap_places ? 2 * g->cap_places : FEW_PLACES;
    dnb_h5_place *places = dnb_calloc(cap, sizeof *places);
    g->no_memory = !places;
    if (!places)
        return false;
    for (size_t i = 0; i < g->cap_places; i++)
        if (g->places[i].kind != DNB_H5_NOTHING)
            places[slot(places, cap, g->places[i].at)] = g->places[i];
    dnb_free(g->places);
    g->places = places;
    g->cap_places = cap;
    return true;
}

bool dnb_h5_note(dnb_h5_guard *g, dnb_h5_place place)
{
    if (g->n_places >= g->cap_places / 2 && !grow(g))
        return false;
    dnb_h5_place *p = &g->places[slot(g->places, g->cap_places, place.at)];
    if (p->kind != DNB_H5_NOTHING)
        return p->kind == place.kind && p->size == place.size && p->level == place.level &&
               p->n_key == place.n_key && p->filtered == place.filtered;
    *p = place;
    g->n_places++;
    return true;
}

bool dnb_h5_note_header(dnb_h5_guard *g, uint64_t at)
{
    return dnb_h5_in_file(g, at, 16) &&
           dnb_h5_note(g, (dnb_h5_place){.at = at, .kind = DNB_H5_HEADER});
}

/* Superblocks 0 and 1: half sizes of nodes, then addresses: base, free space (unused), end, driver
 * information (none), and the root group's symbol table entry. */
static bool check_early(dnb_h5_guard *g, dnb_bytes b, unsigned version, uint64_t at)
{
    dnb_bytes_take(&b, 4); /* versions of what follows */
    uint64_t address = dnb_bytes_number(&b, 1), length = dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, 1);
    g->leaf_k = (unsigned)dnb_bytes_number(&b, 2);
    g->group_k = (unsigned)dnb_bytes_number(&b, 2);
    g->chunk_k = 32;
    dnb_bytes_take(&b, 4);
    if (version == 1) {
        g->chunk_k = (unsigned)dnb_bytes_number(&b, 2);
        dnb_bytes_take(&b, 2);
    }
    uint64_t base = dnb_bytes_number(&b, 8);
    dnb_bytes_take(&b, 8);
    g->end = dnb_bytes_number(&b, 8);
    uint64_t driver = dnb_bytes_number(&b, 8);
    dnb_bytes_take(&b, 8);
    uint64_t root = dnb_bytes_number(&b, 8), cached = dnb_bytes_number(&b, 4);
    dnb_bytes_take(&b, 4 + 16);
    g->end = g->end > g->size ? 0 : g->end; /* cut off: the library says so itself */
    return !b.bad && dnb_h5_note_header(g, root) && address == 8 && length == 8 && base == at &&
           driver == DNB_H5_NOWHERE && cached <= 1 && g->leaf_k > 0 && g->leaf_k <= 4096 &&
           g->group_k > 0 && g->group_k <= 4096 && g->chunk_k > 0 && g->chunk_k <= 4096;
}

/* Superblocks 2 and 3: addresses (base, extension (none), end, root), checksum. */
static bool check_late(dnb_h5_guard *g, dnb_bytes b, uint64_t at)
{
    uint64_t address = dnb_bytes_number(&b, 1), length = dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, 1);
    uint64_t base = dnb_bytes_number(&b, 8), extension = dnb_bytes_number(&b, 8);
    g->end = dnb_bytes_number(&b, 8);
    uint64_t root = dnb_bytes_number(&b, 8);
    g->end = g->end > g->size ? 0 : g->end;
    g->leaf_k = 4; /* groups of the old kind may be in here, too */
    g->group_k = 16;
    g->chunk_k = 32;
    return !b.bad && address == 8 && length == 8 && base == at && extension == DNB_H5_NOWHERE &&
           dnb_h5_note_header(g, root);
}

/* Addresses and lengths of 8 bytes, as everyone writes; group node sizes within reason. */
static bool check_super(dnb_h5_guard *g, uint64_t at, const unsigned char *p, size_t size)
{
    unsigned char whole[SUPER + 4];
    if (g->super_size && at > g->super_at && at - g->super_at < g->super_size)
        return size <= g->super_size - (at - g->super_at);
    if (!dnb_bytes_start(p, size, "\x89HDF\r\n\x1a\n"))
        return size <= 8; /* looking for it */
    uint64_t n = g->size - at < sizeof whole ? g->size - at : sizeof whole;
    if (at > g->size || n < 9 || dnb_file_read_at(g->fd, whole, n, at, NULL) != 0)
        return false;
    dnb_bytes b = {.at = whole, .left = (size_t)n};
    dnb_bytes_take(&b, 8);
    unsigned version = (unsigned)dnb_bytes_number(&b, 1);
    g->base = at;
    bool ok = version < 2
                  ? check_early(g, b, version, at)
                  : version <= 3 && n >= 48 && dnb_h5_sealed(whole, 48) && check_late(g, b, at);
    g->super_at = at;
    g->super_size = ok ? (version == 0 ? SUPER : version == 1 ? SUPER + 4 : 48) : 0;
    return ok;
}

/* Blocks of the arrays that index chunks: they carry checksums, and the library finds them through
 * heads that were judged with the object header. */
static bool is_derived(dnb_h5_read_kind kind, const unsigned char *p, size_t size)
{
    static const char *const marks[] = {"FADB", "EAIB", "EASB", "EADB"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (dnb_bytes_start(p, size, marks[i]))
            return true;
    return kind == DNB_H5_READ_LOCAL_HEAP && !dnb_bytes_start(p, size, "HEAP") &&
           dnb_h5_sealed(p, size); /* a page of one */
}

/* (The table may have grown since the place was found.) */
static bool mark_done(dnb_h5_guard *g, uint64_t at)
{
    g->places[slot(g->places, g->cap_places, at)].done = true;
    return true;
}

static bool check_metadata(dnb_h5_guard *g, dnb_h5_read_kind kind, uint64_t at, const void *data,
                           size_t size)
{
    const dnb_h5_place *place = dnb_h5_noted(g, at);
    switch (place ? place->kind : DNB_H5_NOTHING) {
    case DNB_H5_CHUNK_NODE:
        return kind == DNB_H5_READ_TREE && dnb_h5_guard_chunk_node(g, *place, data, size);
    case DNB_H5_HEADER:
        return kind == DNB_H5_READ_HEADER &&
               (place->done || (dnb_h5_guard_header(g, at) && mark_done(g, at)));
    case DNB_H5_BLOCK:
        return kind == DNB_H5_READ_HEADER && size == place->size;
    case DNB_H5_CHECKED:
        return true;
    default:
        return is_derived(kind, data, size);
    }
}

bool dnb_h5_guard_check(dnb_h5_guard *g, dnb_h5_read_kind kind, uint64_t at, const void *data,
                        size_t size)
{
    if (kind == DNB_H5_READ_SUPER)
        return check_super(g, at, data, size);
    if (at < g->base || !g->leaf_k)
        return false;
    g->used = 0;
    if (kind != DNB_H5_READ_DATA)
        return check_metadata(g, kind, at - g->base, data, size);
    /* Collections of variable-length values are read like data, in one or two pieces. */
    return !dnb_bytes_start(data, size, "GCOL\1") || dnb_h5_guard_collection(g, at - g->base);
}

dnb_status dnb_h5_guard_reserve(dnb_h5_guard *g, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(g->heap_sizes, MOST_OBJECTS, "HDF5 file");
    DNB_NEW(g->room, ROOM, "HDF5 file");
    DNB_NEW(g->places, FEW_PLACES, "HDF5 file");
    g->cap_places = FEW_PLACES;
done:
    return status;
}

void dnb_h5_guard_release(dnb_h5_guard *g)
{
    dnb_free(g->places);
    dnb_free(g->room);
    dnb_free(g->heap_sizes);
    *g = (dnb_h5_guard){0};
}
