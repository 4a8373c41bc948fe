/* h5_guard: structures of HDF5 files that add up pass, broken ones do not, and nothing is read
 * beyond the bytes given (each piece is tried at every shorter length in a buffer of exactly that
 * size, for the address sanitizer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "data/h5_guard.h"
#include "scratch.h"

/* A structure being put together. */
typedef struct piece {
    unsigned char at[2048];
    size_t n;
} piece;

static void number(piece *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p->at[p->n++] = (unsigned char)(v >> 8 * i);
}

static void bytes(piece *p, const char *s, size_t n)
{
    memcpy(p->at + p->n, s, n);
    p->n += n;
}

static bool type_ok(const piece *p, dnb_h5_type *t)
{
    unsigned char *exact = malloc(p->n ? p->n : 1);
    memcpy(exact, p->at, p->n);
    dnb_bytes b = {.at = exact, .left = p->n};
    bool ok = dnb_h5_guard_type(&b, t, 0) && b.left == 0;
    free(exact);
    return ok;
}

/* Passes whole; at no shorter length. */
static dnb_h5_type check_type(piece p)
{
    dnb_h5_type t, cut;
    assert_true(type_ok(&p, &t));
    for (piece q = p; q.n-- > 0;)
        assert_false(type_ok(&q, &cut));
    return t;
}

static piece float_type(void)
{
    piece p = {.n = 0};
    number(&p, 0x11, 1), number(&p, 0x001f20, 3), number(&p, 4, 4);
    number(&p, 0, 2), number(&p, 32, 2), number(&p, 23, 1), number(&p, 8, 1);
    number(&p, 0, 1), number(&p, 23, 1), number(&p, 127, 4);
    return p;
}

static piece int_type(unsigned size)
{
    piece p = {.n = 0};
    number(&p, 0x10, 1), number(&p, 8, 3), number(&p, size, 4), number(&p, 0, 2),
        number(&p, 8 * size, 2);
    return p;
}

static piece text_type(unsigned size)
{
    piece p = {.n = 0};
    number(&p, 0x13, 1), number(&p, 0x10, 3), number(&p, size, 4);
    return p;
}

static piece vlen_text_type(void)
{
    piece p = {.n = 0}, of = text_type(1);
    number(&p, 0x19, 1), number(&p, 0x01, 3), number(&p, 16, 4);
    bytes(&p, (char *)of.at, of.n);
    return p;
}

static void test_types(void **state)
{
    (void)state;
    dnb_h5_type t = check_type(float_type());
    assert_true(t.class == 1 && t.size == 4);
    check_type(int_type(8));
    check_type(text_type(7));
    t = check_type(vlen_text_type());
    assert_true(t.class == 9 && t.size == 16 && t.of_size == 1);
    piece p = int_type(4);
    p.at[10] = 33; /* more bits than bytes */
    assert_false(type_ok(&p, &t));
    p = float_type();
    p.at[12] = 30; /* an exponent beyond the end */
    assert_false(type_ok(&p, &t));
    p = text_type(0);
    assert_false(type_ok(&p, &t));
    p = int_type(4);
    p.at[0] = 0x40; /* version 4 */
    assert_false(type_ok(&p, &t));
    /* h5py's bool: an enumeration of int8 */
    piece e = {.n = 0}, of = int_type(1);
    number(&e, 0x18, 1), number(&e, 2, 3), number(&e, 1, 4);
    bytes(&e, (char *)of.at, of.n);
    bytes(&e, "FALSE\0\0\0TRUE\0\0\0\0", 16), number(&e, 0, 1), number(&e, 1, 1);
    t = check_type(e);
    assert_int_equal(t.class, 8);
    e.at[4] = 2; /* another size than its base */
    assert_false(type_ok(&e, &t));
    /* a record {float32 a;} in its three versions */
    for (unsigned version = 1; version <= 3; version++) {
        piece c = {.n = 0};
        of = float_type();
        number(&c, version << 4 | 6, 1), number(&c, 1, 3), number(&c, 4, 4);
        bytes(&c, "a\0\0\0\0\0\0", version < 3 ? 8 : 2);
        number(&c, 0, version < 3 ? 4 : 1);
        if (version == 1)
            for (int i = 0; i < 28; i++)
                number(&c, 0, 1);
        size_t member = c.n;
        bytes(&c, (char *)of.at, of.n);
        check_type(c);
        c.at[member + 4] = 5; /* a member longer than the record */
        assert_false(type_ok(&c, &t));
    }
    /* variable length of variable length of ... */
    piece deep = {.n = 0};
    for (int i = 0; i < 50; i++)
        number(&deep, 0x19, 1), number(&deep, 0, 3), number(&deep, 16, 4);
    assert_false(type_ok(&deep, &t));
}

static void test_spaces(void **state)
{
    (void)state;
    uint64_t n = 0;
    piece p = {.n = 0};
    number(&p, 1, 1), number(&p, 2, 1), number(&p, 1, 1), number(&p, 0, 5);
    number(&p, 3, 8), number(&p, 5, 8), number(&p, 3, 8), number(&p, UINT64_MAX, 8);
    for (size_t len = 0; len <= p.n; len++) {
        unsigned char *exact = malloc(len ? len : 1);
        memcpy(exact, p.at, len);
        dnb_bytes b = {.at = exact, .left = len};
        assert_int_equal(dnb_h5_guard_space(&b, &n), len == p.n);
        free(exact);
    }
    assert_int_equal(n, 15);
    p.at[1] = 33;
    dnb_bytes b = {.at = p.at, .left = p.n};
    assert_false(dnb_h5_guard_space(&b, &n));
}

/* A message of an object header of the first format. */
static void message(piece *p, unsigned type, const piece *body)
{
    size_t padded = (body->n + 7) / 8 * 8;
    number(p, type, 2), number(p, padded, 2), number(p, 0, 1), number(p, 0, 3);
    bytes(p, (const char *)body->at, body->n);
    for (size_t i = body->n; i < padded; i++)
        number(p, 0, 1);
}

static piece header(unsigned type, piece body)
{
    piece p = {.n = 0}, messages = {.n = 0};
    message(&messages, type, &body);
    number(&p, 1, 2), number(&p, 1, 2), number(&p, 1, 4), number(&p, messages.n, 4),
        number(&p, 0, 4);
    bytes(&p, (char *)messages.at, messages.n);
    return p;
}

/* attribute `roi`: n references to texts of the given length in the collection at 4096 */
static piece attribute(uint64_t n, uint32_t length, uint32_t index)
{
    piece p = {.n = 0}, type = vlen_text_type();
    number(&p, 1, 2), number(&p, 4, 2), number(&p, type.n, 2), number(&p, 16, 2);
    bytes(&p, "roi\0\0\0\0", 8), bytes(&p, (char *)type.at, type.n);
    number(&p, 1, 1), number(&p, 1, 1), number(&p, 0, 6), number(&p, n, 8);
    for (uint64_t i = 0; i < 2; i++)
        number(&p, length, 4), number(&p, 4096, 8), number(&p, index, 4);
    return p;
}

static bool header_ok(dnb_h5_guard *g, const piece *p)
{
    return dnb_h5_guard_check(g, DNB_H5_READ_HEADER, 512, p->at, p->n);
}

static piece collection(void)
{
    piece p = {.n = 0};
    bytes(&p, "GCOL\1\0\0", 8), number(&p, 4096, 8);
    number(&p, 1, 2), number(&p, 1, 2), number(&p, 0, 4), number(&p, 5, 8),
        bytes(&p, "hello\0\0", 8);
    number(&p, 0, 8), number(&p, 4096 - p.n + 8, 8); /* the rest is free */
    return p;
}

static void test_attributes(void **state)
{
    (void)state;
    scratch dir;
    scratch_open(&dir);
    FILE *f = fopen(scratch_path(&dir, "x"), "w+b");
    piece heap = collection();
    fseek(f, 4096, SEEK_SET);
    fwrite(heap.at, 1, heap.n, f);
    fseek(f, 8191, SEEK_SET);
    fputc(0, f);
    fflush(f);
    dnb_h5_guard g = {.fd = fileno(f), .size = 8192};
    piece p = header(0x0c, attribute(2, 5, 1));
    assert_true(header_ok(&g, &p));
    p = header(0x0c, attribute(2, 4, 1)); /* the object is longer than the reference says */
    assert_false(header_ok(&g, &p));
    p = header(0x0c, attribute(2, 5, 2)); /* no such object */
    assert_false(header_ok(&g, &p));
    p = header(0x0c, attribute(2, 5, 70000));
    assert_false(header_ok(&g, &p));
    p = header(0x0c, attribute(3, 5, 1)); /* fewer values than the shape says */
    assert_false(header_ok(&g, &p));
    p = header(0x0c, attribute(UINT64_MAX, 5, 1));
    assert_false(header_ok(&g, &p));
    p = header(0x0c, attribute(2, 5, 1));
    for (size_t len = 0; len < p.n;
         len++) { /* a first look at part of the header must only not overrun */
        piece cut = p;
        unsigned char *exact = malloc(len ? len : 1);
        memcpy(exact, cut.at, len);
        assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_HEADER, 512, exact, len) == (len >= 16));
        free(exact);
    }
    dnb_h5_guard_release(&g);
    fclose(f);
    scratch_close(&dir);
}

static void test_heaps_and_tables(void **state)
{
    (void)state;
    dnb_h5_guard g = {.fd = -1, .size = 8192};
    piece p = collection();
    assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_GLOBAL_HEAP, 4096, p.at, p.n));
    p.at[24] = 0xff, p.at[25] = 0xff, p.at[26] = 0xff; /* an object larger than the file */
    assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_GLOBAL_HEAP, 4096, p.at, p.n));
    p = collection();
    p.at[p.n - 8] = p.at[p.n - 7] = 0; /* free space of no size: an endless loop */
    assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_GLOBAL_HEAP, 4096, p.at, p.n));
    piece s = {.n = 0};
    bytes(&s, "SNOD\1\0", 6), number(&s, 2, 2);
    s.n += 80;
    assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_TREE, 100, s.at, s.n));
    s.at[6] = 3; /* entries beyond the node */
    assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_TREE, 100, s.at, s.n));
    piece h = {.n = 0};
    bytes(&h, "HEAP\0\0\0", 8), number(&h, 16, 8), number(&h, 1, 8), number(&h, 1000, 8);
    assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_LOCAL_HEAP, 100, h.at, h.n));
    assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_LOCAL_HEAP, 1000, "name\0\0\0\0other\0\0", 16));
    assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_LOCAL_HEAP, 1000, "name\0\0\0\0othernam", 16));
    h.at[30] = 0xff; /* data beyond the file */
    assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_LOCAL_HEAP, 100, h.at, h.n));
    piece root = {.n = 0};
    bytes(&root, "\x89HDF\r\n\x1a\n\0\0\0\0\0", 13), number(&root, 8, 1), number(&root, 8, 1),
        number(&root, 0, 1);
    number(&root, 4, 2), number(&root, 16, 2);
    assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_SUPER, 0, root.at, root.n));
    root.at[13] = 4; /* addresses of 4 bytes */
    assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_SUPER, 0, root.at, root.n));
    dnb_h5_guard_release(&g);
}

static void test_messages(void **state)
{
    (void)state;
    dnb_h5_guard g = {.fd = -1, .size = 8192};
    piece b = {.n = 0};
    number(&b, 3, 1), number(&b, 0, 1), number(&b, 4, 2), number(&b, 7, 4); /* compact, 4 bytes */
    piece p = header(0x08, b);
    assert_true(header_ok(&g, &p));
    b.at[2] = 5;
    p = header(0x08, b);
    assert_false(header_ok(&g, &p));
    b.n = 0;
    number(&b, 3, 1), number(&b, 1, 1), number(&b, 8000, 8),
        number(&b, 193, 8); /* contiguous, past the end */
    p = header(0x08, b);
    assert_false(header_ok(&g, &p));
    b.n = 0;
    number(&b, 8000, 8), number(&b, 193, 8); /* a continuation past the end */
    p = header(0x10, b);
    assert_false(header_ok(&g, &p));
    b.n = 0;
    number(&b, 1, 1), number(&b, 0, 1), number(&b, 200, 1), bytes(&b, "abc", 3); /* a link's name */
    p = header(0x06, b);
    assert_false(header_ok(&g, &p));
    b.n = 0;
    number(&b, 1, 1), number(&b, 1, 1), number(&b, 0, 6), number(&b, 1, 2), number(&b, 8, 2),
        number(&b, 0, 2);
    number(&b, 1, 2), bytes(&b, "deflate", 8), number(&b, 4, 4), number(&b, 0, 4);
    p = header(0x0b, b);
    assert_true(header_ok(&g, &p));
    b.at[14] = 9; /* more filter values than bytes */
    p = header(0x0b, b);
    assert_false(header_ok(&g, &p));
    p = header(0x0b, b);
    p.at[0] = 2; /* no header at all */
    assert_false(header_ok(&g, &p));
    dnb_h5_guard_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),      cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_attributes), cmocka_unit_test(test_heaps_and_tables),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
