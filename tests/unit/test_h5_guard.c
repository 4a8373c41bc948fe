/* h5_guard: structures of HDF5 files that add up pass, broken ones do not, and nothing is read
 * beyond the bytes given (types and shapes are tried at every shorter length in a buffer of exactly
 * that size, for the address sanitizer). */
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
    unsigned char at[4096];
    size_t n;
} piece;

static void number(piece *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p->at[p->n++] = i < 8 ? (unsigned char)(v >> 8 * i) : 0;
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
    dnb_h5_space space;
    piece p = {.n = 0};
    number(&p, 1, 1), number(&p, 2, 1), number(&p, 1, 1), number(&p, 0, 5);
    number(&p, 3, 8), number(&p, 5, 8), number(&p, 3, 8), number(&p, UINT64_MAX, 8);
    for (size_t len = 0; len <= p.n; len++) {
        unsigned char *exact = malloc(len ? len : 1);
        memcpy(exact, p.at, len);
        dnb_bytes b = {.at = exact, .left = len};
        assert_int_equal(dnb_h5_guard_space(&b, &space), len == p.n);
        free(exact);
    }
    assert_int_equal(space.n, 15);
    assert_true(space.rank == 2 && space.now[1] == 5 && space.most[1] == UINT64_MAX);
    p.at[24] = 2; /* may grow to less than it is */
    dnb_bytes b = {.at = p.at, .left = p.n};
    assert_false(dnb_h5_guard_space(&b, &space));
    p.at[1] = 33;
    b = (dnb_bytes){.at = p.at, .left = p.n};
    assert_false(dnb_h5_guard_space(&b, &space));
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

static piece header(const piece *messages)
{
    piece p = {.n = 0};
    number(&p, 1, 2), number(&p, 1, 2), number(&p, 1, 4), number(&p, messages->n, 4),
        number(&p, 0, 4);
    bytes(&p, (const char *)messages->at, messages->n);
    return p;
}

/* A file of 8 KiB in which structures are put. */
static scratch dir;
static FILE *file;

static void put(uint64_t at, const piece *p)
{
    fseek(file, (long)at, SEEK_SET);
    fwrite(p->at, 1, p->n, file);
    fflush(file);
}

/* A guard that knows of a header at 512, as if the superblock had named it. */
static dnb_h5_guard fresh(void)
{
    dnb_h5_guard g = {.fd = fileno(file), .size = 8192, .leaf_k = 4, .group_k = 16, .chunk_k = 32};
    assert_true(dnb_h5_note_header(&g, 512));
    return g;
}

/* The header is put at 512 and read. */
static bool header_ok(const piece *messages)
{
    piece p = header(messages);
    dnb_h5_guard g = fresh();
    put(512, &p);
    bool ok = dnb_h5_guard_check(&g, DNB_H5_READ_HEADER, 512, p.at, p.n);
    dnb_h5_guard_release(&g);
    return ok;
}

static bool message_ok(unsigned type, piece body)
{
    piece messages = {.n = 0}, named = float_type();
    if (type != 3)
        message(&messages, 3, &named); /* a named type may have it, too */
    message(&messages, type, &body);
    return header_ok(&messages);
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
    piece heap = collection();
    put(4096, &heap);
    assert_true(message_ok(0x0c, attribute(2, 5, 1)));
    assert_false(message_ok(0x0c, attribute(2, 4, 1))); /* another length than the object's */
    assert_false(message_ok(0x0c, attribute(2, 6, 1)));
    assert_false(message_ok(0x0c, attribute(2, 5, 2))); /* no such object */
    assert_false(message_ok(0x0c, attribute(2, 5, 70000)));
    assert_false(message_ok(0x0c, attribute(3, 5, 1))); /* fewer values than the shape says */
    assert_false(message_ok(0x0c, attribute(UINT64_MAX, 5, 1)));
}

static bool collection_ok(const piece *p)
{
    dnb_h5_guard g = fresh();
    put(4096, p);
    bool ok = dnb_h5_guard_check(&g, DNB_H5_READ_DATA, 4096, p->at, p->n);
    dnb_h5_guard_release(&g);
    return ok;
}

static void test_collections(void **state)
{
    (void)state;
    piece p = collection();
    assert_true(collection_ok(&p));
    p.at[24] = 0xff, p.at[25] = 0xff, p.at[26] = 0xff; /* an object larger than the file */
    assert_false(collection_ok(&p));
    p = collection();
    memset(p.at + 24, 0xff, 8); /* so large that the library's next object is this one again */
    assert_false(collection_ok(&p));
    p = collection();
    p.at[p.n - 8] = p.at[p.n - 7] = 0; /* free space of no size: an endless loop */
    assert_false(collection_ok(&p));
    p = collection();
    p.at[p.n - 8] -= 16; /* free space that ends before a piece that is none */
    assert_false(collection_ok(&p));
    p = collection();
    p.at[9] = 1; /* smaller than any collection */
    assert_false(collection_ok(&p));
    p = collection();
    put(4096, &p);
}

/* A group: header at 512, tree at 1024, heap at 2048 with its names behind it, symbols at 3072. */
static bool group_ok(const piece *tree, const piece *heap, const piece *symbols)
{
    piece where = {.n = 0}, messages = {.n = 0};
    number(&where, 1024, 8), number(&where, 2048, 8);
    message(&messages, 0x11, &where);
    put(1024, tree), put(2048, heap), put(3072, symbols);
    return header_ok(&messages);
}

static void test_groups(void **state)
{
    (void)state;
    piece tree = {.n = 0}, heap = {.n = 0}, symbols = {.n = 0}, broken;
    bytes(&tree, "TREE\0\0\1\0", 8), number(&tree, UINT64_MAX, 8), number(&tree, UINT64_MAX, 8);
    number(&tree, 0, 8), number(&tree, 3072, 8), number(&tree, 8, 8);
    bytes(&heap, "HEAP\0\0\0", 8), number(&heap, 32, 8), number(&heap, 16, 8),
        number(&heap, 2080, 8);
    bytes(&heap, "\0\0\0\0\0\0\0\0name\0\0\0\0", 16);
    number(&heap, 1, 8), number(&heap, 16, 8); /* a free piece, the last one */
    bytes(&symbols, "SNOD\1\0\1\0", 8), number(&symbols, 8, 8), number(&symbols, 512, 8);
    number(&symbols, 0, 8), number(&symbols, 0, 8), number(&symbols, 0, 8);
    assert_true(group_ok(&tree, &heap, &symbols));
    broken = heap;
    broken.at[48] = 16; /* a free piece that is followed by itself: an endless loop */
    assert_false(group_ok(&tree, &broken, &symbols));
    broken = heap;
    broken.at[16] = 20; /* a free piece that sticks out */
    assert_false(group_ok(&tree, &broken, &symbols));
    broken = heap;
    broken.at[30] = 0xff; /* names beyond the file */
    assert_false(group_ok(&tree, &broken, &symbols));
    broken = symbols;
    broken.at[8] = 33; /* a name beyond the heap */
    assert_false(group_ok(&tree, &heap, &broken));
    broken = symbols;
    broken.at[6] = 9; /* more entries than a node holds */
    assert_false(group_ok(&tree, &heap, &broken));
    broken = tree;
    broken.at[5] = 1; /* the symbols' place is not a node of level 0 */
    assert_false(group_ok(&broken, &heap, &symbols));
    broken = tree;
    broken.at[5] = 1, broken.at[33] = 4; /* nor is the node itself */
    assert_false(group_ok(&broken, &heap, &symbols));
    broken = tree;
    broken.at[6] = 33; /* more children than a node holds */
    assert_false(group_ok(&broken, &heap, &symbols));
}

/* A chunked dataset of 4 float32 in chunks of 2, its index at 1024. */
static piece chunked(uint64_t chunk, uint64_t item)
{
    piece messages = {.n = 0}, space = {.n = 0}, layout = {.n = 0}, type = float_type();
    number(&space, 1, 1), number(&space, 1, 1), number(&space, 0, 6), number(&space, 4, 8);
    number(&layout, 3, 1), number(&layout, 2, 1), number(&layout, 2, 1), number(&layout, 1024, 8);
    number(&layout, chunk, 4), number(&layout, item, 4);
    message(&messages, 1, &space), message(&messages, 3, &type), message(&messages, 8, &layout);
    return messages;
}

static void test_chunks(void **state)
{
    (void)state;
    piece good = chunked(2, 4), wide = chunked(2, 8), none = chunked(0, 4), node = {.n = 0};
    assert_true(header_ok(&good));
    assert_false(header_ok(&wide)); /* another element size than the type's */
    assert_false(header_ok(&none));
    message(&good, 8, &(piece){.n = 0}); /* a second layout */
    assert_false(header_ok(&good));
    good = chunked(2, 4);
    bytes(&node, "TREE\1\0\1\0", 8), number(&node, UINT64_MAX, 8), number(&node, UINT64_MAX, 8);
    number(&node, 8, 4), number(&node, 0, 4), number(&node, 0, 16), number(&node, 4096, 8);
    node.n = 24 + 64 * 32 + 24;
    assert_true(node.n <= sizeof node.at);
    for (int fault = 0; fault < 5; fault++) {
        piece bad = node, h = header(&good);
        dnb_h5_guard g = fresh();
        put(512, &h);
        assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_HEADER, 512, h.at, h.n));
        bad.at[4] = fault == 1 ? 0 : 1;               /* a group's node */
        bad.at[6] = fault == 2 ? 65 : 1;              /* more children than a node holds */
        bad.at[24] = fault == 3 ? 4 : 8;              /* fewer bytes than a chunk's */
        bad.at[24 + 24 + 1] = fault == 4 ? 0xff : 16; /* beyond the file */
        assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_TREE, 1024, bad.at, bad.n) == (fault == 0));
        assert_false(dnb_h5_guard_check(&g, DNB_H5_READ_TREE, 2048, node.at, node.n)); /* unnamed */
        dnb_h5_guard_release(&g);
    }
}

static void test_superblocks(void **state)
{
    (void)state;
    piece root = {.n = 0};
    bytes(&root, "\x89HDF\r\n\x1a\n\0\0\0\0\0", 13), number(&root, 8, 1), number(&root, 8, 1),
        number(&root, 0, 1);
    number(&root, 4, 2), number(&root, 16, 2), number(&root, 0, 4);
    number(&root, 0, 8), number(&root, UINT64_MAX, 8), number(&root, 8192, 8),
        number(&root, UINT64_MAX, 8);
    number(&root, 0, 8), number(&root, 512, 8), number(&root, 0, 24);
    for (int fault = 0; fault < 4; fault++) {
        piece p = root;
        dnb_h5_guard g = {.fd = fileno(file), .size = 8192};
        p.at[13] = fault == 1 ? 4 : 8;    /* addresses of 4 bytes */
        p.at[16] = fault == 2 ? 0 : 4;    /* nodes of no entries */
        p.at[48] = fault == 3 ? 0 : 0xff; /* driver information */
        put(0, &p);
        assert_true(dnb_h5_guard_check(&g, DNB_H5_READ_SUPER, 0, p.at, p.n) == (fault == 0));
        dnb_h5_guard_release(&g);
    }
}

static void test_messages(void **state)
{
    (void)state;
    piece b = {.n = 0};
    number(&b, 8000, 8), number(&b, 193, 8); /* a continuation past the end */
    assert_false(message_ok(0x10, b));
    b.n = 0;
    number(&b, 512, 8), number(&b, 64, 8); /* one that is the header itself */
    assert_false(message_ok(0x10, b));
    b.n = 0;
    number(&b, 1, 1), number(&b, 0, 1), number(&b, 200, 1), bytes(&b, "abc", 3); /* a link's name */
    assert_false(message_ok(0x06, b));
    assert_false(message_ok(0x14, b)); /* driver information, which nobody writes */
    assert_false(message_ok(0x07, b)); /* values in other files */
    b.n = 0;
    number(&b, 1, 1), number(&b, 1, 1), number(&b, 0, 6), number(&b, 1, 2), number(&b, 8, 2),
        number(&b, 0, 2);
    number(&b, 1, 2), bytes(&b, "deflate", 8), number(&b, 4, 4), number(&b, 0, 4);
    piece chunks = chunked(2, 4), more = chunks;
    message(&more, 0x0b, &b);
    assert_true(header_ok(&more));
    b.at[14] = 9; /* more filter values than bytes */
    more = chunks;
    message(&more, 0x0b, &b);
    assert_false(header_ok(&more));
}

static int open_file(void **state)
{
    (void)state;
    scratch_open(&dir);
    file = fopen(scratch_path(&dir, "x"), "w+b");
    return file && fseek(file, 8191, SEEK_SET) == 0 && fputc(0, file) == 0 ? 0 : -1;
}

static int close_file(void **state)
{
    (void)state;
    fclose(file);
    scratch_close(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),       cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_attributes),  cmocka_unit_test(test_collections),
        cmocka_unit_test(test_groups),      cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_superblocks), cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
