/* Object headers: their blocks, and the messages in them. */
#include <string.h>

#include "data/h5_guard.h"

enum { LARGEST_BLOCK = 64 << 20, MOST_BLOCKS = 1 << 12, CONTINUATION = 0x10, NIL = 0 };

/* One header being gone through. */
typedef struct header {
    dnb_h5_guard *g;
    dnb_h5_object o;
    bool later;        /* second format */
    bool ordered;      /* its messages tell the order of creation */
    unsigned n_blocks; /* further ones, so far */
} header;

static bool check_block(header *h, uint64_t at, uint64_t size);

/* The address and size of a further block of the same object header. */
static bool check_continuation(header *h, dnb_bytes b)
{
    uint64_t at = dnb_bytes_number(&b, 8), size = dnb_bytes_number(&b, 8);
    return !b.bad && size >= 8 && size <= LARGEST_BLOCK && ++h->n_blocks <= MOST_BLOCKS &&
           check_block(h, at, size);
}

/* Does a message of this kind fit, as far as its flags tell? */
static bool check_flags(unsigned type, unsigned flags)
{
    (void)type;
    return !(flags & ~0x7du); /* known ones; none may be kept elsewhere (2) */
}

/* Messages of the first format: type, size, flags, 3 reserved, body; of the second: type (1 byte),
 * size, flags, (order,) body. At the end of a block of the second there may be a gap. */
static bool check_messages(header *h, dnb_bytes b)
{
    size_t head = h->later ? (h->ordered ? 6 : 4) : 8;
    while (b.left >= head) {
        unsigned type = (unsigned)dnb_bytes_number(&b, h->later ? 1 : 2);
        size_t size = (size_t)dnb_bytes_number(&b, 2);
        unsigned flags = (unsigned)dnb_bytes_number(&b, 1);
        dnb_bytes_take(&b, head - (h->later ? 4 : 5));
        dnb_bytes body = dnb_bytes_part(&b, size, size);
        if (body.bad || !check_flags(type, flags) || (!h->later && size % 8))
            return false;
        bool ok = type == NIL            ? true
                  : type == CONTINUATION ? check_continuation(h, body)
                                         : dnb_h5_guard_message(h->g, &h->o, type, body);
        if (!ok)
            return false;
    }
    return h->later || b.left == 0;
}

static bool check_block(header *h, uint64_t at, uint64_t size)
{
    const dnb_h5_place *known = dnb_h5_noted(h->g, at);
    if (known && known->kind != DNB_H5_BLOCK)
        return false;
    unsigned char *p = dnb_h5_fetch(h->g, at, size);
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = (size_t)size};
    bool ok = true;
    if (h->later) {
        ok = dnb_bytes_start(p, b.left, "OCHK") && dnb_h5_sealed(p, b.left) && b.left >= 8;
        b.at += 4;
        b.left -= ok ? 8 : b.left;
    }
    ok = ok && check_messages(h, b);
    dnb_h5_give(h->g, p, size);
    return ok && dnb_h5_note(h->g, (dnb_h5_place){.at = at, .size = size, .kind = DNB_H5_BLOCK});
}

/* The lead of a header: *head bytes, then *n bytes of messages. */
static bool read_lead(header *h, uint64_t at, size_t *head, uint64_t *n)
{
    dnb_h5_guard *g = h->g;
    uint64_t end = g->end ? g->end : g->size - g->base, most = end > at ? end - at : 0;
    size_t got = most < 34 ? (size_t)most : 34;
    unsigned char *p = dnb_h5_fetch(g, at, got);
    if (!p)
        return false;
    dnb_bytes b = {.at = p, .left = got};
    h->later = dnb_bytes_start(p, got, "OHDR");
    unsigned version;
    if (h->later) {
        dnb_bytes_take(&b, 4);
        version = (unsigned)dnb_bytes_number(&b, 1);
        unsigned flags = (unsigned)dnb_bytes_number(&b, 1);
        h->ordered = flags & 4;
        dnb_bytes_take(&b, (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0));
        *n = dnb_bytes_number(&b, (size_t)1 << (flags & 3));
        version = flags & ~0x3fu ? 0 : version;
    } else {
        version = (unsigned)dnb_bytes_number(&b, 1);
        dnb_bytes_take(&b, 7);
        *n = dnb_bytes_number(&b, 4);
        dnb_bytes_take(&b, 4);
    }
    *head = got - b.left;
    dnb_h5_give(g, p, got);
    return !b.bad && version == (h->later ? 2 : 1) && *n <= LARGEST_BLOCK;
}

bool dnb_h5_guard_header(dnb_h5_guard *g, uint64_t at)
{
    header h = {.g = g, .o = {.fill_size = -1}};
    size_t head;
    uint64_t n;
    if (!read_lead(&h, at, &head, &n))
        return false;
    uint64_t size = head + n + (h.later ? 4 : 0);
    unsigned char *p = dnb_h5_fetch(g, at, size);
    if (!p)
        return false;
    bool ok = (!h.later || dnb_h5_sealed(p, (size_t)size)) &&
              check_messages(&h, (dnb_bytes){.at = p + head, .left = (size_t)n}) &&
              dnb_h5_guard_object(g, &h.o);
    dnb_h5_give(g, p, size);
    /* The library first asks for 512 bytes, then for the rest. */
    return ok && (size <= 512 ||
                  dnb_h5_note(g, (dnb_h5_place){
                                     .at = at + 512, .size = size - 512, .kind = DNB_H5_CHECKED}));
}
