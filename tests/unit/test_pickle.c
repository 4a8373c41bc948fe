/* The pickle machine: every opcode family, the closed list of names, and hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/pickle.h"

static const dnb_pk_global known[] = {{"collections", "OrderedDict", DNB_PK_DICT, 0},
                                      {"torch", "Size", DNB_PK_IDENTITY, 0},
                                      {"torch", "FloatStorage", DNB_PK_NAME, 7},
                                      {"torch._utils", "_rebuild_tensor", DNB_PK_CALL, 9},
                                      {0}};

static dnb_status load_n(dnb_pickle **out, const char *bytes, size_t n, dnb_err *err)
{
    dnb_bytes in = {0};
    assert_int_equal(dnb_bytes_borrow(&in, "x.pth", bytes, n, NULL), DNB_OK);
    dnb_status status = dnb_pickle_read(out, &in, 0, known, NULL, err);
    dnb_bytes_release(&in);
    return status;
}

/* A string literal may hold NULs. */
#define LOAD(out, literal, err) load_n(out, literal, sizeof(literal) - 1, err)

static const dnb_pk_value *good_n(dnb_pickle **p, const char *bytes, size_t n)
{
    dnb_err err = {0};
    if (load_n(p, bytes, n, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return dnb_pickle_root(*p);
}
#define GOOD(p, literal) good_n(p, literal, sizeof(literal) - 1)

#define BAD(literal, part)                                                                         \
    do {                                                                                           \
        dnb_pickle *p_ = NULL;                                                                     \
        dnb_err err_ = {0};                                                                        \
        assert_int_equal(LOAD(&p_, literal, &err_), DNB_EFORMAT);                                  \
        assert_null(p_);                                                                           \
        if (!strstr(err_.message, part) || !strstr(err_.message, "x.pth"))                         \
            fail_msg("'%s' does not say '%s'", err_.message, part);                                \
    } while (0)

static void integers(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        int64_t value;
    } cases[] = {
#define CASE(literal, v) {literal, sizeof(literal) - 1, v}
        CASE("I-12\n.", -12),
        CASE("L34L\n.", 34),
        CASE("K\xff.", 255),
        CASE("M\x01\x02.", 513),
        CASE("J\xfe\xff\xff\xff.", -2),
        CASE("\x8a\x00.", 0),
        CASE("\x8a\x01\xff.", -1),
        CASE("\x8a\x02\xff\x00.", 255),
        CASE("\x8b\x03\x00\x00\x00\x01\x02\x03.", 0x030201),
        CASE("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", INT64_MIN),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnb_pickle *p = NULL;
        const dnb_pk_value *v = good_n(&p, cases[i].bytes, cases[i].n);
        assert_int_equal(v->kind, DNB_PK_INT);
        assert_true(v->integer == cases[i].value);
        dnb_pickle_free(p);
    }
}

static void other_constants(void **state)
{
    dnb_pickle *p = NULL;
    size_t n;
    (void)state;
    assert_int_equal(GOOD(&p, "\x80\x02N.")->kind, DNB_PK_NONE);
    dnb_pickle_free(p);
    const dnb_pk_value *v = GOOD(&p, "\x88.");
    assert_true(v->kind == DNB_PK_BOOL && v->integer == 1);
    dnb_pickle_free(p);
    v = GOOD(&p, "I00\n.");
    assert_true(v->kind == DNB_PK_BOOL && v->integer == 0);
    dnb_pickle_free(p);
    v = GOOD(&p, "G\xc0\x04\x00\x00\x00\x00\x00\x00.");
    assert_true(v->kind == DNB_PK_FLOAT && v->real == -2.5);
    dnb_pickle_free(p);
    v = GOOD(&p, "F1.5e3\n.");
    assert_true(v->kind == DNB_PK_FLOAT && v->real == 1500);
    assert_false(dnb_pk_size(v, &n));
    dnb_pickle_free(p);
    v = GOOD(&p, "\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.");
    assert_true(v->kind == DNB_PK_LONG && v->size == 10);
    dnb_pickle_free(p);
}

static void texts(void **state)
{
    (void)state;
#define TEXT(literal)                                                                              \
    do {                                                                                           \
        dnb_pickle *p = NULL;                                                                      \
        assert_true(dnb_pk_is(GOOD(&p, literal), "ab"));                                           \
        dnb_pickle_free(p);                                                                        \
    } while (0)
    TEXT("S'ab'\n.");
    TEXT("S\"ab\"\n.");
    TEXT("Vab\n.");
    TEXT("U\x02"
         "ab.");
    TEXT("T\x02\0\0\0ab.");
    TEXT("X\x02\0\0\0ab.");
    TEXT("\x8c\x02"
         "ab.");
    TEXT("\x8d\x02\0\0\0\0\0\0\0ab.");
    dnb_pickle *p = NULL;
    const dnb_pk_value *v = GOOD(&p, "C\x03"
                                     "a\0b.");
    assert_true(v->kind == DNB_PK_BYTES && v->size == 3 && memcmp(v->text, "a\0b", 3) == 0);
    dnb_pickle_free(p);
}

static void containers(void **state)
{
    dnb_pickle *p = NULL;
    (void)state;
    const dnb_pk_value *v = GOOD(&p, "(K\x01K\x02t.");
    assert_true(v->kind == DNB_PK_TUPLE && v->n == 2 && v->item[1]->integer == 2);
    dnb_pickle_free(p);
    v = GOOD(&p, "K\x01K\x02K\x03\x87.");
    assert_true(v->kind == DNB_PK_TUPLE && v->n == 3 && v->item[0]->integer == 1);
    dnb_pickle_free(p);
    v = GOOD(&p, "](K\x01K\x02"
                 "eK\x03"
                 "a.");
    assert_true(v->kind == DNB_PK_LIST && v->n == 3 && v->item[2]->integer == 3);
    dnb_pickle_free(p);
    v = GOOD(&p, "}(U\x01"
                 "aK\x01U\x01"
                 "bK\x02u.");
    assert_int_equal(dnb_pk_get(v, "b")->integer, 2);
    assert_null(dnb_pk_get(v, "c"));
    dnb_pickle_free(p);
    /* A key set twice: the last counts. */
    v = GOOD(&p, "}U\x01"
                 "aK\x01sU\x01"
                 "aK\x02s.");
    assert_int_equal(dnb_pk_get(v, "a")->integer, 2);
    dnb_pickle_free(p);
    v = GOOD(&p, "\x80\x04\x95\x05\0\0\0\0\0\0\0\x8f\x94(K\x01\x90.");
    assert_true(v->kind == DNB_PK_LIST && v->n == 1);
    dnb_pickle_free(p);
}

static void memo_and_stack(void **state)
{
    dnb_pickle *p = NULL;
    (void)state;
    const dnb_pk_value *v = GOOD(&p, "K\x07q\0h\0\x86.");
    assert_true(v->item[0] == v->item[1] && v->item[0]->integer == 7);
    dnb_pickle_free(p);
    v = GOOD(&p, "K\x07p0\ng0\n\x86.");
    assert_true(v->item[0] == v->item[1]);
    dnb_pickle_free(p);
    v = GOOD(&p, "K\x07\x94"
                 "0h\0"
                 "2\x86(K\x01"
                 "1.");
    assert_true(v->n == 2 && v->item[1]->integer == 7);
    dnb_pickle_free(p);
    /* A list that contains itself is built, not walked. */
    v = GOOD(&p, "]q\0h\0a.");
    assert_true(v->item[0] == v);
    dnb_pickle_free(p);
}

static void known_names(void **state)
{
    dnb_pickle *p = NULL;
    (void)state;
    const dnb_pk_value *v = GOOD(&p, "ccollections\nOrderedDict\n]U\x01"
                                     "aK\x05\x86"
                                     "a\x85R}b.");
    assert_int_equal(dnb_pk_get(v, "a")->integer, 5);
    dnb_pickle_free(p);
    v = GOOD(&p, "ctorch\nSize\nK\x02K\x03\x86\x85R.");
    assert_true(v->kind == DNB_PK_TUPLE && v->n == 2);
    dnb_pickle_free(p);
    v = GOOD(&p, "\x8c\x0ctorch._utils\x8c\x0f_rebuild_tensor\x93K\x01\x85\x81.");
    assert_true(v->kind == DNB_PK_CALLED && v->global->detail == 9 && v->item[0]->n == 1);
    dnb_pickle_free(p);
    v = GOOD(&p, "ctorch\nFloatStorage\nK\x01\x86Q.");
    assert_true(v->kind == DNB_PK_PERSISTENT && v->item[0]->item[0]->global->detail == 7);
    assert_ptr_equal(dnb_pickle_persistent(p)->item[0], v);
    dnb_pickle_free(p);
}

/* Every way a pickle has to call something, tried on things that must never run. */
static void refuses_unknown_names(void **state)
{
    (void)state;
    BAD("cposix\nsystem\n(S'touch pwned'\ntR.", "posix.system; refused, nothing was run");
    BAD("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.", "posix.system");
    BAD("(S'touch pwned'\niposix\nsystem\n.", "posix.system");
    BAD("(cposix\nsystem\nS'touch pwned'\no.", "posix.system");
    BAD("c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval");
    BAD("cbuiltins\ngetattr\n.", "builtins.getattr");
    BAD("csubprocess\nPopen\n)\x81.", "subprocess.Popen");
    BAD("ctorch\nload\n.", "torch.load");
    /* Known as a name, not as something to call. */
    BAD("ctorch\nFloatStorage\n)R.", "torch.FloatStorage");
    BAD("ctorch\nFloatStorage\n)}\x92.", "torch.FloatStorage");
    BAD("K\x01)R.", "no function");
    BAD("\x82\x01.", "outside the file");
    BAD("\x97.", "outside the file");
}

static void refuses_broken_pickles(void **state)
{
    (void)state;
    BAD("", "truncated");
    BAD("K\x01", "truncated");
    BAD("X\xff\xff\xff\xff"
        "ab.",
        "truncated");
    BAD("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"
        "ab.",
        "truncated");
    BAD("\xff.", "unknown opcode");
    BAD("h\0.", "memo");
    BAD("K\x01r\xff\xff\xff\x7f.", "memo number out of order");
    BAD("Ip\n.", "no number");
    BAD("Sab\n.", "quotes");
    BAD("t.", "mark");
    BAD("a.", "too short");
    BAD("(a.", "too short");
    BAD("K\x01(K\x02"
        "e.",
        "no list");
    BAD("(K\x02"
        "e.",
        "without a container");
    BAD("(K\x01"
        "d.",
        "no value");
    BAD("}(K\x01u.", "no dict");
    BAD("K\x01K\x02.", "wrong stack");
    BAD("(K\x01.", "wrong stack");
    BAD("K\x01}b.", "no object");
    BAD("Ino newline", "without an end");
    dnb_pickle *p = NULL;
    dnb_err err = {0};
    assert_int_equal(LOAD(&p, "\x80\x09N.", &err), DNB_EUNSUPPORTED);
}

/* Every proper prefix of a good pickle is an error. */
static void refuses_every_truncation(void **state)
{
    static const char whole[] = "\x80\x02}q\0(X\x05\0\0\0epochq\x01K\x03X\x05\0\0\0stateq\x02"
                                "ccollections\nOrderedDict\nq\x03)Rq\x04X\x01\0\0\0wq\x05"
                                "ctorch._utils\n_rebuild_tensor\nq\x06(K\x01K\x02tq\x07Rq\x08su.";
    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        dnb_pickle *p = NULL;
        assert_int_not_equal(load_n(&p, whole, n, NULL), DNB_OK);
        assert_null(p);
    }
    dnb_pickle *p = NULL;
    assert_int_equal(load_n(&p, whole, sizeof whole - 1, NULL), DNB_OK);
    dnb_pickle_free(p);
}

/* Input made of a head, `n` times a body, and a tail. */
static dnb_status load_repeated(const char *head, size_t nh, const char *body, size_t nb, size_t n,
                                const char *tail, size_t nt, dnb_err *err)
{
    char *bytes = malloc(nh + nb * n + nt);
    dnb_pickle *p = NULL;
    assert_non_null(bytes);
    memcpy(bytes, head, nh);
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + nh + i * nb, body, nb);
    memcpy(bytes + nh + n * nb, tail, nt);
    dnb_status status = load_n(&p, bytes, nh + nb * n + nt, err);
    dnb_pickle_free(p);
    free(bytes);
    return status;
}

static void bounds_depth_and_memory(void **state)
{
    dnb_err err = {0};
    (void)state;
    /* Marks upon marks. */
    assert_int_equal(load_repeated("", 0, "(", 1, 100000, ".", 1, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "deep"));
    /* Tuples in tuples: deep, but never walked. */
    assert_int_equal(load_repeated(")", 1, "\x85", 1, 100000, ".", 1, &err), DNB_OK);
    /* Seven bytes that copy a list of 4096 pairs, many times. */
    static const char head[] = "ccollections\nOrderedDict\nq\x02]q\x01(K\x01K\x01\x86q\3";
    char *list = malloc(sizeof head - 1 + 2 * 8192 + 2);
    assert_non_null(list);
    memcpy(list, head, sizeof head - 1);
    for (size_t i = 0; i < 8192; i++)
        memcpy(list + sizeof head - 1 + 2 * i, "h\3", 2);
    memcpy(list + sizeof head - 1 + 2 * 8192, "e0", 2);
    assert_int_equal(load_repeated(list, sizeof head - 1 + 2 * 8192 + 2, "h\2h\1\x85R0", 7, 20000,
                                   "N.", 2, &err),
                     DNB_EFORMAT);
    free(list);
    assert_non_null(strstr(err.message, "memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(other_constants),
        cmocka_unit_test(texts),
        cmocka_unit_test(containers),
        cmocka_unit_test(memo_and_stack),
        cmocka_unit_test(known_names),
        cmocka_unit_test(refuses_unknown_names),
        cmocka_unit_test(refuses_broken_pickles),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(bounds_depth_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
