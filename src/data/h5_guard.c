/* Superblocks, object headers, symbol tables and heaps, checked against the file and their own
 * length. */
#include "data/h5_guard.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    MOST_OBJECTS = 1 << 16,
    LARGEST_BLOCK = 64 << 20,
    ATTRIBUTE = 0x0c,
    BLOCK = 1 << 16,
    FEW_PIECES = 256
};

static bool starts_with(const void *data, size_t size, const char *mark)
{
    size_t n = strlen(mark);
    return size >= n && memcmp(data, mark, n) == 0;
}

static bool in_file(const dnb_h5_guard *g, uint64_t at, uint64_t size)
{
    uint64_t end = g->end ? g->end : g->size - g->base;
    return at <= end && size <= end - at;
}

/* Addresses and lengths of 8 bytes, as everyone writes; group node sizes within reason. */
static bool check_super(dnb_h5_guard *g, uint64_t at, const unsigned char *p, size_t size)
{
    if (!starts_with(p, size, "\x89HDF\r\n\x1a\n") || size < 12)
        return true;
    g->base = at;
    bool later = p[8] >= 2;
    size_t end_at = later ? 28 : 40;
    if (size >= 48 && at == 0) {
        dnb_bytes b = {.at = p + end_at, .left = 8};
        g->end = dnb_bytes_number(&b, 8);
        if (g->end > g->size)
            g->end = 0; /* cut off: the library says so itself */
    }
    if (later)
        return p[8] > 3 || (p[9] == 8 && p[10] == 8 && (size < 48 || dnb_h5_sealed(p, 48)));
    if (size < 20)
        return true; /* the first look; the whole comes later */
    unsigned leaf = p[16] | p[17] << 8, inner = p[18] | p[19] << 8;
    return p[13] == 8 && p[14] == 8 && leaf > 0 && leaf <= 4096 && inner > 0 && inner <= 4096;
}

/* Objects of a global heap collection lie one behind the other; note their sizes by index. */
static bool list_objects(dnb_h5_guard *g, const unsigned char *p, size_t size, bool note)
{
    dnb_bytes b = {.at = p, .left = size};
    if (!starts_with(p, size, "GCOL") || size < 16)
        return false;
    dnb_bytes_take(&b, 8);
    uint64_t whole = dnb_bytes_number(&b, 8);
    if (p[4] != 1 || whole < 16 || whole > g->size)
        return false;
    bool cut = whole > size; /* a first look: the buffer ends before the collection does */
    if (whole < size)
        b.left -= size - (size_t)whole;
    while (b.left >= 16) {
        size_t here = b.left;
        uint64_t index = dnb_bytes_number(&b, 2);
        dnb_bytes_take(&b, 6);
        uint64_t bytes = dnb_bytes_number(&b, 8);
        if (bytes > g->size || bytes >= UINT32_MAX)
            return false;
        if (index == 0) { /* free space, its own head included */
            if (bytes < 16 || bytes > here)
                return bytes >= 16 && cut;
            dnb_bytes_take(&b, (size_t)bytes - 16);
            continue;
        }
        size_t padded = ((size_t)bytes + 7) / 8 * 8;
        if (padded > b.left)
            return cut;
        if (note)
            g->heap_sizes[index] = (uint32_t)bytes;
        dnb_bytes_take(&b, padded);
    }
    return true;
}

/* Reads the collection at an address and remembers its objects. */
static bool know_collection(dnb_h5_guard *g, uint64_t at)
{
    unsigned char head[16], *whole = NULL;
    bool ok = false;
    if (g->heap_at == at && at)
        return true;
    g->heap_at = 0;
    if (!g->heap_sizes)
        g->heap_sizes = dnb_alloc(MOST_OBJECTS, sizeof *g->heap_sizes);
    g->no_memory = !g->heap_sizes;
    if (g->no_memory || !in_file(g, at, sizeof head) ||
        pread(g->fd, head, sizeof head, (off_t)(g->base + at)) != (ssize_t)sizeof head)
        return false;
    memset(g->heap_sizes, 0xff, MOST_OBJECTS * sizeof *g->heap_sizes);
    dnb_bytes b = {.at = head + 8, .left = 8};
    uint64_t size = dnb_bytes_number(&b, 8);
    if (!starts_with(head, sizeof head, "GCOL") || !in_file(g, at, size) || size > UINT32_MAX)
        return false;
    whole = g->block && size <= BLOCK ? g->block : dnb_alloc((size_t)size, 1);
    g->no_memory = !whole;
    if (whole && pread(g->fd, whole, (size_t)size, (off_t)(g->base + at)) == (ssize_t)size)
        ok = list_objects(g, whole, (size_t)size, true);
    if (ok)
        g->heap_at = at;
    if (whole != g->block)
        dnb_free(whole);
    return ok;
}

/* n references to variable-length values: length, address of the collection, index in it. The
 * library copies the object into a buffer of that length. */
static bool check_references(dnb_h5_guard *g, dnb_bytes *b, uint64_t n, uint32_t item)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t length = dnb_bytes_number(b, 4), at = dnb_bytes_number(b, 8);
        uint64_t index = dnb_bytes_number(b, 4);
        if (b->bad)
            return false;
        if (at == 0)
            continue; /* no value */
        if (index == 0 || index >= MOST_OBJECTS || !know_collection(g, at) ||
            g->heap_sizes[index] == UINT32_MAX || g->heap_sizes[index] > length * item)
            return false;
    }
    return true;
}

static dnb_bytes part(dnb_bytes *b, size_t n, size_t padded)
{
    const unsigned char *p = dnb_bytes_take(b, padded);
    return (dnb_bytes){.at = p, .left = p ? n : 0, .bad = !p};
}

/* An attribute: its name, type, shape, and all of its values. */
static bool check_attribute(dnb_h5_guard *g, dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1), flags = (unsigned)dnb_bytes_number(&b, 1);
    size_t n_name = dnb_bytes_number(&b, 2), n_type = dnb_bytes_number(&b, 2);
    size_t n_space = dnb_bytes_number(&b, 2), pad = version == 1 ? 8 : 1;
    dnb_h5_type t;
    uint64_t n;
    if (version == 3)
        dnb_bytes_take(&b, 1);
    dnb_bytes name = part(&b, n_name, (n_name + pad - 1) / pad * pad);
    dnb_bytes type = part(&b, n_type, (n_type + pad - 1) / pad * pad);
    dnb_bytes space = part(&b, n_space, (n_space + pad - 1) / pad * pad);
    if (b.bad || version < 1 || version > 3 || n_name == 0 || !memchr(name.at, '\0', n_name))
        return false;
    if (version > 1 && flags) /* type or shape kept elsewhere; nobody writes that here */
        return false;
    if (!dnb_h5_guard_type(&type, &t, 0) || !dnb_h5_guard_space(&space, &n))
        return false;
    if (n != 0 && n > b.left / t.size)
        return false;
    return t.class != 9 || check_references(g, &b, n, t.of_size);
}

static bool check_fill(dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1);
    if (version == 3) {
        unsigned flags = (unsigned)dnb_bytes_number(&b, 1);
        if (!(flags & 0x20))
            return !b.bad;
    } else {
        dnb_bytes_take(&b, 2);
        if (dnb_bytes_number(&b, 1) == 0 && version >= 2)
            return !b.bad;
    }
    uint64_t n = dnb_bytes_number(&b, 4);
    return !b.bad && version >= 1 && version <= 3 && (n <= b.left || n > INT32_MAX);
}

static bool check_link(dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1), flags = (unsigned)dnb_bytes_number(&b, 1);
    uint64_t kind = flags & 8 ? dnb_bytes_number(&b, 1) : 0;
    dnb_bytes_take(&b, (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0));
    uint64_t n = dnb_bytes_number(&b, (size_t)1 << (flags & 3));
    if (b.bad || version != 1 || n == 0 || n > b.left)
        return false;
    dnb_bytes_take(&b, (size_t)n);
    if (kind == 0)
        return b.left >= 8;
    uint64_t value = dnb_bytes_number(&b, 2);
    return !b.bad && value <= b.left;
}

static bool check_layout(const dnb_h5_guard *g, dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1);
    if (version < 3) { /* rank, class, 5 reserved, address, dimensions, size of what is compact */
        uint64_t rank = dnb_bytes_number(&b, 1), kind = dnb_bytes_number(&b, 1);
        dnb_bytes_take(&b, 5 + (kind ? 8 : 0) + 4 * rank);
        uint64_t n = kind == 0 ? dnb_bytes_number(&b, 4) : 0;
        return version > 0 && rank <= 33 && kind <= 2 && !b.bad && n <= b.left;
    }
    uint64_t kind = dnb_bytes_number(&b, 1);
    if (kind == 0) {
        uint64_t n = dnb_bytes_number(&b, 2);
        return !b.bad && n <= b.left;
    }
    if (kind == 1) {
        uint64_t at = dnb_bytes_number(&b, 8), n = dnb_bytes_number(&b, 8);
        return !b.bad && (at == UINT64_MAX || in_file(g, at, n));
    }
    if (kind != 2)
        return true;
    if (version == 4) {
        dnb_bytes_take(&b, 1);
        uint64_t rank = dnb_bytes_number(&b, 1), width = dnb_bytes_number(&b, 1);
        dnb_bytes_take(&b, rank * width);
        return !b.bad && rank >= 2 && rank <= 33 && width >= 1 && width <= 8 && b.left >= 9;
    }
    uint64_t rank = dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, 8 + 4 * rank);
    return version == 3 && !b.bad && rank >= 2 && rank <= 33;
}

static bool check_filters(dnb_bytes b)
{
    unsigned version = (unsigned)dnb_bytes_number(&b, 1);
    uint64_t n = dnb_bytes_number(&b, 1);
    if (version == 1)
        dnb_bytes_take(&b, 6);
    for (uint64_t i = 0; i < n && !b.bad; i++) {
        uint64_t id = dnb_bytes_number(&b, 2);
        uint64_t name = version == 1 || id >= 256 ? dnb_bytes_number(&b, 2) : 0;
        dnb_bytes_take(&b, 2);
        uint64_t values = dnb_bytes_number(&b, 2);
        dnb_bytes_take(&b, version == 1 ? (name + 7) / 8 * 8 : name);
        dnb_bytes_take(&b, 4 * values + (version == 1 && values % 2 ? 4 : 0));
    }
    return !b.bad && version >= 1 && version <= 2 && n <= 32;
}

static bool is_noted(const dnb_h5_guard *g, uint64_t at, uint64_t size, bool names)
{
    for (size_t i = 0; i < g->n_more; i++)
        if (g->more[i].at == at && g->more[i].size == size && g->more[i].names == names)
            return true;
    return false;
}

/* Remembers what will be found at an address. */
static bool note(dnb_h5_guard *g, uint64_t at, uint64_t size, bool names)
{
    if (is_noted(g, at, size, names))
        return true;
    if (g->n_more == g->cap_more) {
        size_t cap = g->cap_more ? 2 * g->cap_more : 8;
        void *grown = dnb_realloc(g->more, cap, sizeof *g->more);
        if (!grown) {
            g->no_memory = true;
            return false;
        }
        g->more = grown;
        g->cap_more = cap;
    }
    g->more[g->n_more].at = at;
    g->more[g->n_more].size = size;
    g->more[g->n_more++].names = names;
    return true;
}

/* The address and size of a further block of the same object header. */
static bool check_more(dnb_h5_guard *g, dnb_bytes b)
{
    uint64_t at = dnb_bytes_number(&b, 8), size = dnb_bytes_number(&b, 8);
    return !b.bad && in_file(g, at, size) && size >= 8 && note(g, at, size, false);
}

static bool check_message(dnb_h5_guard *g, unsigned type, unsigned flags, dnb_bytes b)
{
    dnb_h5_type t;
    uint64_t n;
    if (flags & 2) /* kept elsewhere: a reference of at least 10 bytes */
        return b.left >= 10 && type != ATTRIBUTE;
    switch (type) {
    case 0x01:
        return dnb_h5_guard_space(&b, &n);
    case 0x02:
        return b.left >= 18; /* link info */
    case 0x03:
        return dnb_h5_guard_type(&b, &t, 0);
    case 0x04:
        n = dnb_bytes_number(&b, 4);
        return !b.bad && n <= b.left;
    case 0x05:
        return check_fill(b);
    case 0x06:
        return check_link(b);
    case 0x08:
        return check_layout(g, b);
    case 0x0b:
        return check_filters(b);
    case ATTRIBUTE:
        return check_attribute(g, b);
    case 0x10:
        return check_more(g, b);
    case 0x11:
        return b.left >= 16; /* symbol table */
    case 0x15:
        return b.left >= 18; /* attribute info */
    case 0x07:               /* values in other files */
    case 0x0f:               /* shared message table */
    case 0x14:
        return false; /* driver information */
    default:
        return true;
    }
}

/* Messages of the first format: type, size, flags, 3 reserved, body. The buffer may end in the
 * middle of one. */
static bool check_messages(dnb_h5_guard *g, dnb_bytes b, bool whole)
{
    while (b.left >= 8) {
        unsigned type = (unsigned)dnb_bytes_number(&b, 2);
        size_t size = (size_t)dnb_bytes_number(&b, 2);
        unsigned flags = (unsigned)dnb_bytes_number(&b, 1);
        dnb_bytes_take(&b, 3);
        if (size > b.left)
            return !whole;
        const unsigned char *body = dnb_bytes_take(&b, size);
        if (!check_message(g, type, flags, (dnb_bytes){.at = body, .left = size}))
            return false;
    }
    return true;
}

/* Messages of the second format: type, size, flags, (order,) body; then a checksum. */
static bool check_header2(dnb_h5_guard *g, const unsigned char *p, size_t size)
{
    dnb_bytes b = {.at = p, .left = size};
    dnb_bytes_take(&b, 5);
    unsigned flags = (unsigned)dnb_bytes_number(&b, 1);
    dnb_bytes_take(&b, (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0));
    uint64_t n = dnb_bytes_number(&b, (size_t)1 << (flags & 3));
    if (b.bad)
        return false;
    bool whole = n <= b.left && b.left - n >= 4;
    if (whole) {
        b.left = (size_t)n;
        if (!dnb_h5_sealed(p, (size_t)(b.at - p) + b.left + 4))
            return false;
    }
    size_t head = flags & 4 ? 6 : 4;
    while (b.left >= head) {
        unsigned type = (unsigned)dnb_bytes_number(&b, 1);
        size_t bytes = (size_t)dnb_bytes_number(&b, 2);
        unsigned message_flags = (unsigned)dnb_bytes_number(&b, 1);
        dnb_bytes_take(&b, head - 4);
        if (bytes > b.left)
            return !whole;
        const unsigned char *body = dnb_bytes_take(&b, bytes);
        if (!check_message(g, type, message_flags, (dnb_bytes){.at = body, .left = bytes}))
            return false;
    }
    return true;
}

/* Looks into the blocks that were announced from number `first` on, and those they announce. The
 * library leaks a header whose later blocks turn out bad, so they are judged with the first. */
static bool check_blocks(dnb_h5_guard *g, size_t first)
{
    for (size_t i = first; i < g->n_more; i++) {
        uint64_t at = g->more[i].at, size = g->more[i].size;
        if (g->more[i].names)
            continue;
        if (size > LARGEST_BLOCK)
            return false;
        unsigned char *p = g->page && size <= BLOCK ? g->page : dnb_alloc((size_t)size, 1);
        g->no_memory = !p;
        bool ok = p && pread(g->fd, p, (size_t)size, (off_t)(g->base + at)) == (ssize_t)size &&
                  (starts_with(p, (size_t)size, "OCHK")
                       ? dnb_h5_sealed(p, (size_t)size)
                       : check_messages(g, (dnb_bytes){.at = p, .left = (size_t)size}, true));
        if (p != g->page)
            dnb_free(p);
        if (!ok) {
            g->n_more = first; /* so that they are judged again when asked for again */
            return false;
        }
    }
    return true;
}

static bool check_header(dnb_h5_guard *g, uint64_t at, const unsigned char *p, size_t size)
{
    static const char *const sealed[] = {"OCHK", "FRHP", "FHIB", "EAHD",
                                         "EAIB", "FAHD", "FSHD", "SMTB"};
    dnb_bytes b = {.at = p, .left = size};
    size_t known = g->n_more;
    if (starts_with(p, size, "OHDR"))
        return check_header2(g, p, size) && check_blocks(g, known);
    for (size_t i = 0; i < sizeof sealed / sizeof sealed[0]; i++)
        if (starts_with(p, size, sealed[i]))
            return true;
    if (is_noted(g, at, size, false))
        return true; /* judged when it was announced */
    /* version 1: version, reserved, messages, links, bytes of the first block, 4 padding */
    dnb_bytes_take(&b, 8);
    uint64_t n = dnb_bytes_number(&b, 4);
    dnb_bytes_take(&b, 4);
    if (b.bad || p[0] != 1 || !in_file(g, at + 16, n))
        return false;
    bool whole = n <= b.left;
    if (whole)
        b.left = (size_t)n;
    return check_messages(g, b, whole) && check_blocks(g, known);
}

/* Symbol table nodes count their entries of 40 bytes. */
static bool check_tree(const unsigned char *p, size_t size)
{
    if (!starts_with(p, size, "SNOD") || size < 8)
        return true;
    return (size_t)(p[6] | p[7] << 8) * 40 + 8 <= size;
}

/* A local heap's head, or its data: names, each ended by NUL, so that the last byte is one. */
static bool check_local_heap(dnb_h5_guard *g, uint64_t here, const unsigned char *p, size_t size)
{
    if (is_noted(g, here, size, true))
        return size == 0 || p[size - 1] == '\0';
    if (!starts_with(p, size, "HEAP"))
        return true; /* blocks of the later format, which carry checksums */
    dnb_bytes b = {.at = p, .left = size};
    dnb_bytes_take(&b, 8);
    uint64_t n = dnb_bytes_number(&b, 8);
    dnb_bytes_take(&b, 8);
    uint64_t at = dnb_bytes_number(&b, 8);
    if (b.bad || p[4] != 0 || !in_file(g, at, n) || !note(g, at, n, true))
        return false;
    /* Data right behind the head come with it. */
    uint64_t end = at + n - here;
    return at < here || n == 0 || end > size || p[end - 1] == '\0';
}

/* A huge attribute is read like data; only one that is an attribute from its first to its last byte
 * is looked at. */
static bool check_data(dnb_h5_guard *g, const unsigned char *p, size_t size)
{
    dnb_bytes b = {.at = p, .left = size};
    dnb_h5_type t;
    uint64_t n;
    if (dnb_bytes_number(&b, 1) != 3 || dnb_bytes_number(&b, 1) != 0)
        return true;
    size_t n_name = dnb_bytes_number(&b, 2), n_type = dnb_bytes_number(&b, 2);
    size_t n_space = dnb_bytes_number(&b, 2);
    dnb_bytes_take(&b, 1 + n_name);
    dnb_bytes type = part(&b, n_type, n_type), space = part(&b, n_space, n_space);
    if (b.bad || !dnb_h5_guard_type(&type, &t, 0) || !dnb_h5_guard_space(&space, &n) ||
        t.class != 9 || n != b.left / t.size || b.left % t.size)
        return true;
    return check_references(g, &b, n, t.of_size);
}

bool dnb_h5_guard_check(dnb_h5_guard *g, dnb_h5_read_kind kind, uint64_t at, const void *data,
                        size_t size)
{
    if (kind == DNB_H5_READ_SUPER)
        return check_super(g, at, data, size);
    if (at < g->base)
        return false;
    switch (kind) {
    case DNB_H5_READ_HEADER:
        return check_header(g, at - g->base, data, size);
    case DNB_H5_READ_LOCAL_HEAP:
        return check_local_heap(g, at - g->base, data, size);
    case DNB_H5_READ_GLOBAL_HEAP:
        return list_objects(g, data, size, false);
    case DNB_H5_READ_TREE:
        return check_tree(data, size);
    default:
        return check_data(g, data, size);
    }
}

dnb_status dnb_h5_guard_reserve(dnb_h5_guard *g, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(g->heap_sizes, MOST_OBJECTS, "HDF5 file");
    DNB_NEW(g->block, BLOCK, "HDF5 file");
    DNB_NEW(g->page, BLOCK, "HDF5 file");
    DNB_NEW(g->more, FEW_PIECES, "HDF5 file");
    g->cap_more = FEW_PIECES;
done:
    return status;
}

void dnb_h5_guard_release(dnb_h5_guard *g)
{
    dnb_free(g->more);
    dnb_free(g->page);
    dnb_free(g->block);
    dnb_free(g->heap_sizes);
    *g = (dnb_h5_guard){0};
}
