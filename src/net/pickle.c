/* The pickle machine: one const table of opcodes, one short handler per group. Follows the opcode
 * descriptions of Python's pickletools (protocols 0 to 5). */
#include "net/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/pickle_machine.h"

struct dnb_pickle {
    dnb_pk_arena arena;
    const dnb_pk_value *root;
    dnb_pk_value persistent; /* a list */
};

/* ---- constants ---- */

static dnb_status push_number(dnb_pk_machine *m, dnb_pk_kind kind, int64_t i, double f)
{
    dnb_pk_value *v = dnb_pk_value_new(m, kind);
    if (!v)
        return dnb_pk_no_memory(m);
    v->integer = i;
    v->real = f;
    return dnb_pk_push(m, v);
}

static dnb_status op_constant(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    switch (code) {
    case 'N':
        return dnb_pk_push(m, dnb_pk_value_new(m, DNB_PK_NONE));
    case 0x88:
        return push_number(m, DNB_PK_BOOL, 1, 0);
    case 0x89:
        return push_number(m, DNB_PK_BOOL, 0, 0);
    case 'G':
        return push_number(m, DNB_PK_FLOAT, 0, a->f);
    case 'B':
    case 'C':
    case 0x8e:
    case 0x96:
        return dnb_pk_push_text(m, DNB_PK_BYTES, a->s, a->n);
    case 'T':
    case 'U':
    case 'V':
    case 'X':
    case 0x8c:
    case 0x8d:
        return dnb_pk_push_text(m, DNB_PK_STR, a->s, a->n);
    default:
        return push_number(m, DNB_PK_INT, a->i, 0); /* J K M */
    }
}

/* Numbers and strings written as text (protocol 0). */
static dnb_status op_text(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    char *end;
    if (code == 'S') {
        if (a->n < 2 || (a->s[0] != '\'' && a->s[0] != '"') || a->s[a->n - 1] != a->s[0])
            return dnb_pk_bad(m, "a string without its quotes");
        char *s = dnb_pk_arena_get(m->arena, a->n, 1, m->file, m->err);
        if (!s)
            return dnb_pk_no_memory(m);
        memcpy(s, a->s + 1, a->n - 2);
        return dnb_pk_push_text(m, DNB_PK_STR, s, a->n - 2);
    }
    if (code == 'F') {
        double f = strtod(a->s, &end);
        return end == a->s || *end ? dnb_pk_bad(m, "a float that is no number")
                                   : push_number(m, DNB_PK_FLOAT, 0, f);
    }
    if (code == 'I' && (strcmp(a->s, "00") == 0 || strcmp(a->s, "01") == 0))
        return push_number(m, DNB_PK_BOOL, a->s[1] == '1', 0);
    long long i = strtoll(a->s, &end, 10);
    if (code == 'L' && *end == 'L')
        end++;
    return end == a->s || *end ? dnb_pk_bad(m, "an integer that is no number")
                               : push_number(m, DNB_PK_INT, i, 0);
}

/* LONG1, LONG4: two's complement, little-endian. */
static dnb_status op_long(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    (void)code;
    if (a->n > 8)
        return dnb_pk_push_text(m, DNB_PK_LONG, a->s, a->n);
    uint64_t u = a->n && (a->s[a->n - 1] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = a->n; i-- > 0;)
        u = u << 8 | (unsigned char)a->s[i];
    return push_number(m, DNB_PK_INT, (int64_t)u, 0);
}

/* ---- stack and memo ---- */

static dnb_status op_stack(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    dnb_status status = DNB_OK;
    (void)a;
    switch (code) {
    case '(':
        if (m->n_marks == DNB_PK_MARKS)
            return dnb_pk_bad(m, "nested too deeply");
        m->mark[m->n_marks++] = m->n;
        return DNB_OK;
    case '0': /* POP drops a mark when one is on top */
        if (m->n_marks && dnb_pk_depth(m) == 0) {
            m->n_marks--;
            return DNB_OK;
        }
        if ((status = dnb_pk_need(m, 1)) == DNB_OK)
            m->n--;
        return status;
    case '1':
        return dnb_pk_pop_mark(m, &m->n);
    case '2':
        return (status = dnb_pk_need(m, 1)) == DNB_OK ? dnb_pk_push(m, m->stack[m->n - 1]) : status;
    default: /* STOP */
        m->stopped = true;
        return m->n_marks == 0 && m->n == 1 ? DNB_OK : dnb_pk_bad(m, "it ends with a wrong stack");
    }
}

static dnb_status memo_put(dnb_pk_machine *m, size_t i)
{
    dnb_status status = dnb_pk_need(m, 1);
    if (status != DNB_OK)
        return status;
    /* Writers number their entries one by one, and each takes at least a byte. */
    if (i > m->in.pos - m->in.start)
        return dnb_pk_bad(m, "a memo number out of order");
    status = dnb_pk_grow(m, &m->memo, &m->memo_cap, i);
    if (status != DNB_OK)
        return status;
    if (!m->memo[i])
        m->memo_n++;
    m->memo[i] = m->stack[m->n - 1];
    return DNB_OK;
}

static dnb_status op_memo(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    int64_t i = a->i;
    if (code == 'p' || code == 'g') {
        char *end;
        i = strtoll(a->s, &end, 10);
        if (end == a->s || *end || i < 0)
            return dnb_pk_bad(m, "a memo number that is no number");
    }
    if (code == 0x94)
        return memo_put(m, m->memo_n);
    if (code == 'p' || code == 'q' || code == 'r')
        return memo_put(m, (size_t)i);
    if ((size_t)i >= m->memo_cap || !m->memo[i])
        return dnb_pk_bad(m, "it uses a memo entry that was never made");
    return dnb_pk_push(m, m->memo[i]);
}

/* ---- containers ---- */

static dnb_status op_make(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    size_t from = m->n;
    dnb_status status = DNB_OK;
    (void)a;
    switch (code) {
    case ')':
        return dnb_pk_collect(m, DNB_PK_TUPLE, m->n);
    case ']':
    case 0x8f: /* a set: its members in order */
        return dnb_pk_collect(m, DNB_PK_LIST, m->n);
    case '}':
        return dnb_pk_collect(m, DNB_PK_MAP, m->n);
    case 0x85:
    case 0x86:
    case 0x87:
        from = (size_t)(code - 0x84);
        status = dnb_pk_need(m, from);
        return status == DNB_OK ? dnb_pk_collect(m, DNB_PK_TUPLE, m->n - from) : status;
    default:
        break;
    }
    status = dnb_pk_pop_mark(m, &from);
    if (status != DNB_OK)
        return status;
    if (code == 'd' && (m->n - from) % 2)
        return dnb_pk_bad(m, "a dict with a key that has no value");
    return dnb_pk_collect(m,
                          code == 'd'   ? DNB_PK_MAP
                          : code == 't' ? DNB_PK_TUPLE
                                        : DNB_PK_LIST,
                          from);
}

/* APPEND(S), SETITEM(S), ADDITEMS: the container lies below the items. */
static dnb_status op_extend(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    bool map = code == 's' || code == 'u';
    size_t from = 0;
    dnb_status status = DNB_OK;
    (void)a;
    if (code == 'a' || code == 's') {
        size_t count = map ? 2 : 1;
        if ((status = dnb_pk_need(m, count + 1)) != DNB_OK)
            return status;
        from = m->n - count;
    } else if ((status = dnb_pk_pop_mark(m, &from)) != DNB_OK) {
        return status;
    }
    size_t floor = m->n_marks ? m->mark[m->n_marks - 1] : 0;
    if (from <= floor)
        return dnb_pk_bad(m, "items without a container");
    dnb_pk_value *v = m->stack[from - 1];
    if (v->kind != (map ? DNB_PK_MAP : DNB_PK_LIST) || (map && (m->n - from) % 2))
        return dnb_pk_bad(m, map ? "items for something that is no dict"
                                 : "items for something that is no list");
    for (size_t i = from; i < m->n && status == DNB_OK; i++)
        status = dnb_pk_append(m->arena, v, m->stack[i], m->file, m->err);
    m->n = from;
    return status;
}

static dnb_status op_frame(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    if (code == 0x80 && a->i > 5)
        return dnb_fail(m->err, DNB_EUNSUPPORTED,
                        "%s: pickle protocol %d is unknown (0 to 5 are read)", m->file, (int)a->i);
    return DNB_OK; /* FRAME: a hint for buffering */
}

/* Extension codes and out-of-band buffers refer to things outside the file. */
static dnb_status op_outside(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    (void)a;
    return dnb_fail(m->err, DNB_EFORMAT,
                    "%s: its pickle needs something outside the file (opcode %#x); refused",
                    m->file, (unsigned)code);
}

static const struct {
    dnb_pk_handler *run;
    dnb_pk_arg arg;
} opcodes[256] = {
    /* clang-format off */
    [0x80] = {op_frame, DNB_PK_A_U1},              [0x95] = {op_frame, DNB_PK_A_U8},
    ['('] = {op_stack, DNB_PK_A_NONE},             ['.'] = {op_stack, DNB_PK_A_NONE},
    ['0'] = {op_stack, DNB_PK_A_NONE},             ['1'] = {op_stack, DNB_PK_A_NONE},
    ['2'] = {op_stack, DNB_PK_A_NONE},             ['N'] = {op_constant, DNB_PK_A_NONE},
    [0x88] = {op_constant, DNB_PK_A_NONE},         [0x89] = {op_constant, DNB_PK_A_NONE},
    ['I'] = {op_text, DNB_PK_A_LINE},              ['L'] = {op_text, DNB_PK_A_LINE},
    ['F'] = {op_text, DNB_PK_A_LINE},              ['S'] = {op_text, DNB_PK_A_LINE},
    ['J'] = {op_constant, DNB_PK_A_I4},            ['K'] = {op_constant, DNB_PK_A_U1},
    ['M'] = {op_constant, DNB_PK_A_U2},            ['G'] = {op_constant, DNB_PK_A_F8},
    [0x8a] = {op_long, DNB_PK_A_LEN1},             [0x8b] = {op_long, DNB_PK_A_LEN4},
    ['T'] = {op_constant, DNB_PK_A_LEN4},          ['U'] = {op_constant, DNB_PK_A_LEN1},
    ['V'] = {op_constant, DNB_PK_A_LINE},          ['X'] = {op_constant, DNB_PK_A_LEN4},
    [0x8c] = {op_constant, DNB_PK_A_LEN1},         [0x8d] = {op_constant, DNB_PK_A_LEN8},
    ['B'] = {op_constant, DNB_PK_A_LEN4},          ['C'] = {op_constant, DNB_PK_A_LEN1},
    [0x8e] = {op_constant, DNB_PK_A_LEN8},         [0x96] = {op_constant, DNB_PK_A_LEN8},
    [')'] = {op_make, DNB_PK_A_NONE},              ['t'] = {op_make, DNB_PK_A_NONE},
    [0x85] = {op_make, DNB_PK_A_NONE},             [0x86] = {op_make, DNB_PK_A_NONE},
    [0x87] = {op_make, DNB_PK_A_NONE},             [']'] = {op_make, DNB_PK_A_NONE},
    ['l'] = {op_make, DNB_PK_A_NONE},              ['}'] = {op_make, DNB_PK_A_NONE},
    ['d'] = {op_make, DNB_PK_A_NONE},              [0x8f] = {op_make, DNB_PK_A_NONE},
    [0x91] = {op_make, DNB_PK_A_NONE},             ['a'] = {op_extend, DNB_PK_A_NONE},
    ['e'] = {op_extend, DNB_PK_A_NONE},            ['s'] = {op_extend, DNB_PK_A_NONE},
    ['u'] = {op_extend, DNB_PK_A_NONE},            [0x90] = {op_extend, DNB_PK_A_NONE},
    ['c'] = {dnb_pk_op_name, DNB_PK_A_LINE2},             [0x93] = {dnb_pk_op_name, DNB_PK_A_NONE},
    ['i'] = {dnb_pk_op_call, DNB_PK_A_LINE2},             ['o'] = {dnb_pk_op_call, DNB_PK_A_NONE},
    ['R'] = {dnb_pk_op_call, DNB_PK_A_NONE},              [0x81] = {dnb_pk_op_call, DNB_PK_A_NONE},
    [0x92] = {dnb_pk_op_call, DNB_PK_A_NONE},             ['b'] = {dnb_pk_op_build, DNB_PK_A_NONE},
    ['P'] = {dnb_pk_op_persistent, DNB_PK_A_LINE},        ['Q'] = {dnb_pk_op_persistent, DNB_PK_A_NONE},
    ['p'] = {op_memo, DNB_PK_A_LINE},              ['q'] = {op_memo, DNB_PK_A_U1},
    ['r'] = {op_memo, DNB_PK_A_U4},                ['g'] = {op_memo, DNB_PK_A_LINE},
    ['h'] = {op_memo, DNB_PK_A_U1},                ['j'] = {op_memo, DNB_PK_A_U4},
    [0x94] = {op_memo, DNB_PK_A_NONE},             [0x82] = {op_outside, DNB_PK_A_U1},
    [0x83] = {op_outside, DNB_PK_A_U2},            [0x84] = {op_outside, DNB_PK_A_U4},
    [0x97] = {op_outside, DNB_PK_A_NONE},          [0x98] = {op_outside, DNB_PK_A_NONE},
    /* clang-format on */
};

static dnb_status run(dnb_pk_machine *m)
{
    dnb_status status = DNB_OK;
    while (status == DNB_OK && !m->stopped) {
        const unsigned char *p;
        dnb_pk_argument a = {0};
        DNB_TRY(dnb_pk_take(&m->in, 1, &p, m->err));
        int code = *p;
        if (!opcodes[code].run)
            return dnb_pk_bad(m, "an unknown opcode; is this a PyTorch file?");
        DNB_TRY(dnb_pk_decode(&m->in, m->arena, opcodes[code].arg, &a, m->err));
        status = opcodes[code].run(m, code, &a);
    }
done:
    return status;
}

dnb_status dnb_pickle_read(dnb_pickle **out, const dnb_bytes *in, size_t at,
                           const dnb_pk_global *globals, size_t *end, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_err local = {0};
    dnb_pk_machine *m = NULL;
    dnb_pickle *p = NULL;
    DNB_NEW(p, 1, in->name);
    p->persistent.kind = DNB_PK_LIST;
    DNB_NEW(m, 1, in->name);
    m->in = (dnb_pk_window){.in = in, .pos = at, .start = at};
    m->file = in->name;
    m->arena = &p->arena;
    m->persistent = &p->persistent;
    m->globals = globals;
    m->err = err ? err : &local;
    DNB_TRY(run(m));
    p->root = m->stack[0];
    if (end)
        *end = m->in.pos;
    *out = p;
    p = NULL;
done:
    if (m) {
        dnb_pk_window_release(&m->in);
        dnb_free(m->stack);
        dnb_free(m->memo);
        dnb_free(m);
    }
    dnb_pickle_free(p);
    return status;
}

void dnb_pickle_free(dnb_pickle *p)
{
    if (!p)
        return;
    dnb_pk_arena_release(&p->arena);
    dnb_free(p);
}

const dnb_pk_value *dnb_pickle_root(const dnb_pickle *p)
{
    return p->root;
}

const dnb_pk_value *dnb_pickle_persistent(const dnb_pickle *p)
{
    return &p->persistent;
}
