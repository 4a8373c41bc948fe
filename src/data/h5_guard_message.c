/* The messages of an object header, each against its own length and then against the others. */
#include <string.h>

#include "data/h5_guard.h"

enum {
    SPACE = 0x01,
    LINK_INFO = 0x02,
    TYPE = 0x03,
    OLD_FILL = 0x04,
    FILL = 0x05,
    LINK = 0x06,
    LAYOUT = 0x08,
    GROUP_INFO = 0x0a,
    FILTERS = 0x0b,
    ATTRIBUTE = 0x0c,
    COMMENT = 0x0d,
    OLD_TIME = 0x0e,
    SYMBOLS = 0x11,
    TIME = 0x12,
    ATTRIBUTE_INFO = 0x15,
    LINKS_TO_IT = 0x16,
    DEFLATE = 1,
    SHUFFLE = 2,
    SINGLE = 1, /* kinds of chunk index, layout version 4 */
    LAST_INDEX = 5
};

bool dnb_h5_guard_attribute(dnb_h5_guard *g, dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1), flags = (unsigned)dnb_bytes_number(&b, 1);
    size_t n_name = dnb_bytes_number(&b, 2), n_type = dnb_bytes_number(&b, 2);
    size_t n_space = dnb_bytes_number(&b, 2), pad = version == 1 ? 8 : 1;
    dnb_h5_type t;
    dnb_h5_space s;
    if (version == 3)
        dnb_bytes_take(&b, 1);
    dnb_bytes name = dnb_bytes_part(&b, n_name, (n_name + pad - 1) / pad * pad);
    dnb_bytes type = dnb_bytes_part(&b, n_type, (n_type + pad - 1) / pad * pad);
    dnb_bytes space = dnb_bytes_part(&b, n_space, (n_space + pad - 1) / pad * pad);
    if (b.bad || version < 1 || version > 3 || n_name == 0 || !memchr(name.at, '\0', n_name))
        return false;
    if (version > 1 && flags) /* type or shape kept elsewhere; nobody writes that here */
        return false;
    if (!dnb_h5_guard_type(&type, &t, 0) || !dnb_h5_guard_space(&space, &s))
        return false;
    if (s.n != 0 && s.n > b.left / t.size)
        return false;
    return t.class != 9 || dnb_h5_guard_references(g, &b, s.n, t.of_size);
}

/* Lists of variable-length values in other than attributes are not followed. */
static bool check_fill(dnb_h5_object *o, dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1);
    if (version == 3) {
        unsigned flags = (unsigned)dnb_bytes_number(&b, 1);
        if (b.bad || (flags & 0xc0) || (flags & 0x30) == 0x30)
            return false;
        if (!(flags & 0x20))
            return true;
    } else {
        dnb_bytes_take(&b, 2);
        uint64_t defined = dnb_bytes_number(&b, 1);
        if (b.bad || version < 1 || version > 2 || defined > 1)
            return false;
        if (defined == 0 && version == 2)
            return true;
    }
    uint64_t n = dnb_bytes_number(&b, 4);
    if (!b.bad && n > INT32_MAX && version < 3)
        return true; /* -1: none */
    o->fill_size = (int64_t)n;
    return !b.bad && n <= b.left;
}

static bool check_old_fill(dnb_h5_object *o, dnb_bytes b)
{
    uint64_t n = dnb_bytes_number(&b, 4);
    if (o->fill_size < 0)
        o->fill_size = (int64_t)n;
    return !b.bad && n <= b.left;
}

bool dnb_h5_guard_link(dnb_h5_guard *g, dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1), flags = (unsigned)dnb_bytes_number(&b, 1);
    uint64_t kind = flags & 8 ? dnb_bytes_number(&b, 1) : 0;
    dnb_bytes_take(&b, flags & 4 ? 8 : 0);
    uint64_t charset = flags & 16 ? dnb_bytes_number(&b, 1) : 0;
    uint64_t n = dnb_bytes_number(&b, (size_t)1 << (flags & 3));
    if (b.bad || version != 1 || (flags & ~0x1fu) || charset > 1 || n == 0 || n > b.left)
        return false;
    const unsigned char *name = dnb_bytes_take(&b, (size_t)n);
    if (memchr(name, '\0', (size_t)n))
        return false;
    if (kind == 0) {
        uint64_t at = dnb_bytes_number(&b, 8);
        return !b.bad && dnb_h5_note_header(g, at);
    }
    uint64_t value = dnb_bytes_number(&b, 2);
    return !b.bad && (kind == 1 || kind >= 64) && value > 0 && value <= b.left;
}

/* Chunked, version 4: flags, shape, kind of index and its parameters, address. */
static bool check_chunks4(dnb_h5_object *o, dnb_bytes b)
{
    static const unsigned char parameters[LAST_INDEX + 1] = {0, 0, 0, 1, 5, 6};
    o->chunk_flags = (unsigned)dnb_bytes_number(&b, 1);
    o->chunk_rank = (unsigned)dnb_bytes_number(&b, 1);
    unsigned width = (unsigned)dnb_bytes_number(&b, 1);
    if (b.bad || (o->chunk_flags & ~3u) || o->chunk_rank < 2 || o->chunk_rank > 33 || width < 1 ||
        width > 8)
        return false;
    for (unsigned i = 0; i < o->chunk_rank; i++)
        o->chunk[i] = dnb_bytes_number(&b, width);
    o->index = (unsigned)dnb_bytes_number(&b, 1);
    if (o->index < 1 || o->index > LAST_INDEX)
        return false;
    size_t n = o->index == SINGLE && (o->chunk_flags & 2) ? 12 : parameters[o->index];
    const unsigned char *p = dnb_bytes_take(&b, n);
    if (p)
        memcpy(o->index_parameters, p, n);
    o->values_at = dnb_bytes_number(&b, 8);
    return !b.bad;
}

/* Versions 1 and 2: rank, class, 5 reserved, address, dimensions, size of what is compact. */
static bool check_old_layout(dnb_h5_object *o, dnb_bytes b)
{
    unsigned rank = (unsigned)dnb_bytes_number(&b, 1);
    o->layout = (unsigned)dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, 5);
    if (b.bad || rank < 1 || rank > 33 || o->layout > 2)
        return false;
    o->values_at = o->layout ? dnb_bytes_number(&b, 8) : 0;
    o->chunk_rank = rank;
    for (unsigned i = 0; i < rank; i++)
        o->chunk[i] = dnb_bytes_number(&b, 4);
    o->values_size = o->layout == 0 ? dnb_bytes_number(&b, 4) : UINT64_MAX;
    return !b.bad && (o->layout != 0 || o->values_size <= b.left);
}

static bool check_layout(dnb_h5_object *o, dnb_bytes b)
{
    o->layout_version = (unsigned)dnb_bytes_number(&b, 1);
    if (o->layout_version == 1 || o->layout_version == 2)
        return check_old_layout(o, b);
    if (o->layout_version < 3 || o->layout_version > 4)
        return false;
    o->layout = (unsigned)dnb_bytes_number(&b, 1);
    switch (o->layout) {
    case 0:
        o->values_size = dnb_bytes_number(&b, 2);
        return !b.bad && o->values_size <= b.left;
    case 1:
        o->values_at = dnb_bytes_number(&b, 8);
        o->values_size = dnb_bytes_number(&b, 8);
        return !b.bad;
    case 2:
        if (o->layout_version == 4)
            return check_chunks4(o, b);
        o->chunk_rank = (unsigned)dnb_bytes_number(&b, 1);
        o->values_at = dnb_bytes_number(&b, 8);
        for (unsigned i = 0; i < o->chunk_rank && i < 33; i++)
            o->chunk[i] = dnb_bytes_number(&b, 4);
        return !b.bad && o->chunk_rank >= 2 && o->chunk_rank <= 33;
    default:
        return o->layout == 3 && b.left >= 12; /* virtual: opened, but not read */
    }
}

static bool check_filters(dnb_h5_object *o, dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1);
    uint64_t n = dnb_bytes_number(&b, 1);
    if (version == 1)
        dnb_bytes_take(&b, 6);
    for (uint64_t i = 0; i < n && !b.bad; i++) {
        uint64_t id = dnb_bytes_number(&b, 2);
        uint64_t n_name = version == 1 || id >= 256 ? dnb_bytes_number(&b, 2) : 0;
        dnb_bytes_take(&b, 2);
        uint64_t values = dnb_bytes_number(&b, 2);
        dnb_bytes name = dnb_bytes_part(&b, n_name, n_name);
        if (name.bad || (version == 1 && n_name % 8) ||
            (n_name > 0 && !memchr(name.at, '\0', n_name)))
            return false;
        dnb_bytes value =
            dnb_bytes_part(&b, 4 * values, 4 * values + (version == 1 && values % 2 ? 4 : 0));
        if ((id == SHUFFLE || id == DEFLATE) && values != 1)
            return false;
        if (id == SHUFFLE) {
            o->shuffled = true;
            o->shuffle_size = (uint32_t)dnb_bytes_number(&value, 4);
        }
    }
    o->n_filters = (unsigned)n;
    return !b.bad && version >= 1 && version <= 2 && n <= 32;
}

/* Where links or attributes of the later kind are kept: version, flags, (highest order,) heap,
 * B-tree of names, (B-tree of orders). */
static bool check_dense(dnb_h5_guard *g, dnb_bytes b, bool links)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1), flags = (unsigned)dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, flags & 1 ? (links ? 8 : 2) : 0);
    uint64_t heap = dnb_bytes_number(&b, 8), names = dnb_bytes_number(&b, 8);
    uint64_t orders = flags & 2 ? dnb_bytes_number(&b, 8) : DNB_H5_NOWHERE;
    if (b.bad || version != 0 || (flags & ~3u))
        return false;
    return dnb_h5_guard_dense(g, links, heap, names, orders);
}

static bool check_group_info(dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1), flags = (unsigned)dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0));
    return !b.bad && version == 0 && !(flags & ~3u);
}

static bool check_once(dnb_h5_guard *g, dnb_h5_object *o, unsigned type, dnb_bytes b)
{
    switch (type) {
    case SPACE:
        return dnb_h5_guard_space(&b, &o->space);
    case LINK_INFO:
        return check_dense(g, b, true);
    case TYPE:
        return dnb_h5_guard_type(&b, &o->type, 0);
    case OLD_FILL:
        return check_old_fill(o, b);
    case FILL:
        return check_fill(o, b);
    case LAYOUT:
        return check_layout(o, b);
    case GROUP_INFO:
        return check_group_info(b);
    case FILTERS:
        return check_filters(o, b);
    case COMMENT:
        return b.left > 0 && memchr(b.at, '\0', b.left);
    case OLD_TIME:
        return b.left >= 14;
    case SYMBOLS:
        o->symbol_tree = dnb_bytes_number(&b, 8);
        o->symbol_heap = dnb_bytes_number(&b, 8);
        return !b.bad && dnb_h5_guard_symbols(g, o->symbol_tree, o->symbol_heap);
    case TIME:
        return b.left >= 8;
    case ATTRIBUTE_INFO:
        return check_dense(g, b, false);
    case LINKS_TO_IT:
        return b.left >= 5;
    default:
        return false; /* what nobody writes here */
    }
}

bool dnb_h5_guard_message(dnb_h5_guard *g, dnb_h5_object *o, unsigned type, dnb_bytes b)
{
    if (type == ATTRIBUTE)
        return dnb_h5_guard_attribute(g, b);
    if (type == LINK) {
        o->seen |= (uint64_t)1 << LINK;
        return dnb_h5_guard_link(g, b);
    }
    if (type >= 32 || (o->seen >> type & 1))
        return false; /* of these there is one */
    o->seen |= (uint64_t)1 << type;
    return check_once(g, o, type, b);
}

static bool has(const dnb_h5_object *o, unsigned type)
{
    return o->seen >> type & 1;
}

/* Bytes of a chunk; 0 when it is more than the library can take. */
static uint64_t chunk_bytes(const dnb_h5_object *o)
{
    uint64_t bytes = 1;
    for (unsigned i = 0; i < o->chunk_rank; i++) {
        if (o->chunk[i] == 0 || o->chunk[i] > UINT32_MAX / bytes)
            return 0;
        bytes *= o->chunk[i];
    }
    return bytes;
}

/* The chunks' shape against type and shape; the index's head. */
static bool check_chunks(dnb_h5_guard *g, const dnb_h5_object *o)
{
    uint64_t bytes = chunk_bytes(o);
    if (bytes == 0 || o->chunk_rank != o->space.rank + 1 ||
        o->chunk[o->chunk_rank - 1] != o->type.size)
        return false;
    if (o->values_at == DNB_H5_NOWHERE)
        return true;
    if (o->layout_version == 4)
        return dnb_h5_guard_index(g, o);
    return dnb_h5_note(g, (dnb_h5_place){.at = o->values_at,
                                         .size = bytes,
                                         .kind = DNB_H5_CHUNK_NODE,
                                         .level = 255,
                                         .n_key = (uint8_t)o->chunk_rank,
                                         .filtered = o->n_filters > 0});
}

bool dnb_h5_guard_object(dnb_h5_guard *g, const dnb_h5_object *o)
{
    bool set = has(o, LAYOUT), group = has(o, SYMBOLS) || has(o, LINK_INFO);
    if (!set) /* a group, or a named type */
        return !has(o, SPACE) && !has(o, FILTERS) && (group ? !has(o, TYPE) : has(o, TYPE));
    if (group || has(o, LINK) || !has(o, TYPE) || !has(o, SPACE))
        return false;
    if (o->fill_size > 0 && o->fill_size != (int64_t)o->type.size)
        return false;
    if (o->shuffled && o->shuffle_size != o->type.size)
        return false;
    if (o->layout == 2)
        return check_chunks(g, o);
    if (o->layout == 3)
        return true;
    if (has(o, FILTERS) && o->n_filters > 0)
        return false;
    uint64_t n = o->space.n,
             most = o->layout_version < 3 && o->layout == 1 ? UINT64_MAX : o->values_size;
    if (n > 0 && n > most / o->type.size)
        return false; /* more values than bytes */
    return o->layout == 0 || o->values_at == DNB_H5_NOWHERE ||
           dnb_h5_in_file(g, o->values_at, n * o->type.size);
}
