/* The pickle machine's stack and memory. */
#include "net/pickle_machine.h"

#include <string.h>

#include "base/mem.h"

dnb_status dnb_pk_bad(dnb_pk_machine *m, const char *what)
{
    return dnb_fail(m->err, DNB_EFORMAT, "%s: broken pickle at byte %zu: %s", m->file, m->in.pos,
                    what);
}

dnb_pk_value *dnb_pk_value_new(dnb_pk_machine *m, dnb_pk_kind kind)
{
    dnb_pk_value *v = dnb_pk_arena_get(m->arena, 1, sizeof *v, m->file, m->err);
    if (v)
        v->kind = kind;
    return v;
}

dnb_status dnb_pk_no_memory(const dnb_pk_machine *m)
{
    return m->err->status;
}

dnb_status dnb_pk_grow(dnb_pk_machine *m, dnb_pk_value ***items, size_t *cap, size_t n)
{
    if (n < *cap)
        return DNB_OK;
    size_t bigger = *cap ? *cap : 256;
    while (bigger <= n)
        bigger *= 2;
    dnb_pk_value **p = dnb_realloc(*items, bigger, sizeof **items);
    if (!p)
        return dnb_fail_memory(m->err, m->file, bigger * sizeof **items);
    memset(p + *cap, 0, (bigger - *cap) * sizeof *p);
    *items = p;
    *cap = bigger;
    return DNB_OK;
}

dnb_status dnb_pk_push(dnb_pk_machine *m, dnb_pk_value *v)
{
    if (!v)
        return dnb_pk_no_memory(m);
    dnb_status status = dnb_pk_grow(m, &m->stack, &m->cap, m->n);
    if (status == DNB_OK)
        m->stack[m->n++] = v;
    return status;
}

size_t dnb_pk_depth(const dnb_pk_machine *m)
{
    return m->n - (m->n_marks ? m->mark[m->n_marks - 1] : 0);
}

dnb_status dnb_pk_need(dnb_pk_machine *m, size_t n)
{
    return dnb_pk_depth(m) >= n ? DNB_OK : dnb_pk_bad(m, "its stack is too short");
}

dnb_status dnb_pk_pop_mark(dnb_pk_machine *m, size_t *from)
{
    if (m->n_marks == 0)
        return dnb_pk_bad(m, "a mark is missing");
    *from = m->mark[--m->n_marks];
    return DNB_OK;
}

dnb_status dnb_pk_collect(dnb_pk_machine *m, dnb_pk_kind kind, size_t from)
{
    dnb_pk_value *v = dnb_pk_value_new(m, kind);
    if (!v)
        return dnb_pk_no_memory(m);
    for (size_t i = from; i < m->n; i++) {
        dnb_status status = dnb_pk_append(m->arena, v, m->stack[i], m->file, m->err);
        if (status != DNB_OK)
            return status;
    }
    m->n = from;
    return dnb_pk_push(m, v);
}

dnb_status dnb_pk_push_text(dnb_pk_machine *m, dnb_pk_kind kind, const char *s, size_t n)
{
    dnb_pk_value *v = dnb_pk_value_new(m, kind);
    if (!v)
        return dnb_pk_no_memory(m);
    v->text = s;
    v->size = n;
    return dnb_pk_push(m, v);
}
