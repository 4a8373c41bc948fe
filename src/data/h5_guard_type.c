/* Datatype and dataspace messages, checked against their own length. */
#include <string.h>

#include "base/mem.h"
#include "data/h5_guard.h"

enum { DEEPEST = 6, MOST_DIMS = 32 };

const unsigned char *dnb_bytes_take(dnb_bytes *b, size_t n)
{
    const unsigned char *p = b->at;
    if (b->bad || n > b->left) {
        b->bad = true;
        return NULL;
    }
    b->at += n;
    b->left -= n;
    return p;
}

uint64_t dnb_bytes_number(dnb_bytes *b, size_t n)
{
    const unsigned char *p = dnb_bytes_take(b, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

dnb_bytes dnb_bytes_part(dnb_bytes *b, size_t n, size_t padded)
{
    const unsigned char *p = dnb_bytes_take(b, padded);
    return (dnb_bytes){.at = p, .left = p ? n : 0, .bad = !p};
}

/* A text with its NUL, padded to a multiple of `pad` bytes. */
static void take_name(dnb_bytes *b, size_t pad)
{
    const unsigned char *end = b->bad ? NULL : memchr(b->at, '\0', b->left);
    size_t n = end ? (size_t)(end - b->at) + 1 : b->left + 1;
    dnb_bytes_take(b, (n + pad - 1) / pad * pad);
}

/* Members of a compound type: name, offset, (first version: dimensions,) type. */
static bool take_members(dnb_bytes *b, unsigned version, size_t n, uint32_t size, int depth)
{
    size_t width = version < 3       ? 4
                   : size < 1u << 8  ? 1
                   : size < 1u << 16 ? 2
                   : size < 1u << 24 ? 3
                                     : 4;
    for (size_t i = 0; i < n; i++) {
        dnb_h5_type member;
        take_name(b, version < 3 ? 8 : 1);
        uint64_t offset = dnb_bytes_number(b, width);
        if (version == 1) {
            if (dnb_bytes_number(b, 1) > 4)
                return false;
            dnb_bytes_take(b, 27);
        }
        if (b->bad || !dnb_h5_guard_type(b, &member, depth + 1) || offset > size ||
            member.size > size - offset)
            return false;
    }
    return true;
}

static bool take_array(dnb_bytes *b, unsigned version, dnb_h5_type *t, int depth)
{
    dnb_h5_type of;
    uint64_t n = dnb_bytes_number(b, 1), count = 1;
    if (n < 1 || n > MOST_DIMS)
        return false;
    if (version < 3)
        dnb_bytes_take(b, 3);
    for (uint64_t i = 0; i < n; i++) {
        count *= dnb_bytes_number(b, 4);
        if (b->bad || count == 0 || count > UINT32_MAX)
            return false;
    }
    if (version < 3)
        dnb_bytes_take(b, 4 * n);
    return dnb_h5_guard_type(b, &of, depth + 1) && count * of.size == t->size;
}

static bool take_enum(dnb_bytes *b, unsigned version, size_t n, const dnb_h5_type *t, int depth)
{
    dnb_h5_type of;
    if (!dnb_h5_guard_type(b, &of, depth + 1) || of.class != 0 || of.size != t->size)
        return false;
    for (size_t i = 0; i < n && !b->bad; i++)
        take_name(b, version < 3 ? 8 : 1);
    dnb_bytes_take(b, n * of.size);
    return !b->bad;
}

/* Integers, bit fields: where in the element the bits are. */
static bool take_bits(dnb_bytes *b, uint32_t size)
{
    uint64_t offset = dnb_bytes_number(b, 2), bits = dnb_bytes_number(b, 2);
    return !b->bad && bits > 0 && offset + bits <= 8 * (uint64_t)size;
}

/* Floats: places and widths of sign, exponent and mantissa. */
static bool take_float(dnb_bytes *b, uint32_t size, uint64_t flags)
{
    uint64_t offset = dnb_bytes_number(b, 2), bits = dnb_bytes_number(b, 2);
    uint64_t exponent_at = dnb_bytes_number(b, 1), exponent = dnb_bytes_number(b, 1);
    uint64_t mantissa_at = dnb_bytes_number(b, 1), mantissa = dnb_bytes_number(b, 1);
    uint64_t sign_at = flags >> 8 & 255;
    dnb_bytes_take(b, 4);
    return !b->bad && bits > 0 && offset + bits <= 8 * (uint64_t)size && exponent > 0 &&
           mantissa > 0 && exponent_at + exponent <= bits && mantissa_at + mantissa <= bits &&
           sign_at < bits;
}

bool dnb_h5_guard_type(dnb_bytes *b, dnb_h5_type *t, int depth)
{
    unsigned lead = (unsigned)dnb_bytes_number(b, 1), version = lead >> 4;
    uint64_t flags = dnb_bytes_number(b, 3);
    *t = (dnb_h5_type){.class = (int)(lead & 15), .size = (uint32_t)dnb_bytes_number(b, 4)};
    if (b->bad || depth > DEEPEST || version < 1 || version > 3 || t->size == 0)
        return false;
    switch (t->class) {
    case 0:
    case 4:
        return take_bits(b, t->size);
    case 1:
        return take_float(b, t->size, flags);
    case 2:
        return dnb_bytes_take(b, 2) != NULL;
    case 3:
    case 7:
        return true;
    case 5:
        return dnb_bytes_take(b, flags & 255) != NULL;
    case 6:
        return take_members(b, version, flags & 0xffff, t->size, depth);
    case 8:
        return take_enum(b, version, flags & 0xffff, t, depth);
    case 9: {
        dnb_h5_type of;
        bool ok = t->size == 16 && dnb_h5_guard_type(b, &of, depth + 1);
        t->of_size = ok ? of.size : 0;
        return ok;
    }
    case 10:
        return version >= 2 && take_array(b, version, t, depth);
    default:
        return false;
    }
}

bool dnb_h5_guard_space(dnb_bytes *b, dnb_h5_space *s)
{
    unsigned version = (unsigned)dnb_bytes_number(b, 1);
    uint64_t rank = dnb_bytes_number(b, 1), flags = dnb_bytes_number(b, 1);
    uint64_t kind =
        dnb_bytes_number(b, version == 1 ? 5 : 1); /* version 2: 0 scalar, 1 simple, 2 null */
    if (b->bad || version < 1 || version > 2 || rank > MOST_DIMS || (flags & ~1u) ||
        (version == 2 && (kind > 2 || (kind != 1 && rank > 0))))
        return false;
    s->rank = (unsigned)rank;
    s->n = version == 2 && kind == 2 ? 0 : 1;
    for (uint64_t i = 0; i < rank; i++) {
        uint64_t d = dnb_bytes_number(b, 8);
        s->now[i] = s->most[i] = d;
        s->n = d != 0 && s->n > UINT64_MAX / d ? UINT64_MAX : s->n * d; /* at most "very many" */
    }
    for (uint64_t i = 0; i < rank && (flags & 1); i++) {
        s->most[i] = dnb_bytes_number(b, 8);
        if (s->most[i] < s->now[i])
            return false;
    }
    return !b->bad;
}
