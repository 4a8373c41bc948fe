/* Opcodes that name functions and classes, call them and give them a state: what a pickle could do
 * harm with. Nothing is ever called; a name outside the caller's list ends the read. */
#include <string.h>

#include "net/pickle_machine.h"

static dnb_status refuse(dnb_pk_machine *m, const char *module, const char *name)
{
    return dnb_fail(m->err, DNB_EFORMAT,
                    "%s: its pickle asks to run %.200s.%.200s; refused, nothing was run (save the "
                    "network's state_dict() instead: it needs no such thing)",
                    m->file, module, name);
}

static dnb_status push_global(dnb_pk_machine *m, const char *module, const char *name)
{
    for (const dnb_pk_global *g = m->globals; g->module; g++)
        if (strcmp(g->module, module) == 0 &&
            (strcmp(g->name, name) == 0 || strcmp(g->name, "*") == 0)) {
            dnb_pk_value *v = dnb_pk_value_new(m, DNB_PK_GLOBAL);
            if (!v)
                return dnb_pk_no_memory(m);
            v->global = g;
            return dnb_pk_push(m, v);
        }
    return refuse(m, module, name);
}

/* A dict from OrderedDict's argument: nothing, pairs, or a dict. */
static dnb_status push_map(dnb_pk_machine *m, const dnb_pk_value *args)
{
    dnb_status status = DNB_OK;
    dnb_pk_value *v = dnb_pk_value_new(m, DNB_PK_MAP);
    if (!v)
        return dnb_pk_no_memory(m);
    const dnb_pk_value *from = args->n ? args->item[args->n - 1] : NULL;
    if (from && from->kind == DNB_PK_MAP) {
        for (size_t i = 0; i < from->n && status == DNB_OK; i++)
            status = dnb_pk_append(m->arena, v, from->item[i], m->file, m->err);
    } else if (from && (from->kind == DNB_PK_LIST || from->kind == DNB_PK_TUPLE)) {
        for (size_t i = 0; i < from->n && status == DNB_OK; i++) {
            const dnb_pk_value *pair = from->item[i];
            if ((pair->kind != DNB_PK_LIST && pair->kind != DNB_PK_TUPLE) || pair->n != 2)
                return dnb_pk_bad(m, "a dict made of something that is no pair");
            status = dnb_pk_append(m->arena, v, pair->item[0], m->file, m->err);
            if (status == DNB_OK)
                status = dnb_pk_append(m->arena, v, pair->item[1], m->file, m->err);
        }
    }
    return status == DNB_OK ? dnb_pk_push(m, v) : status;
}

/* What stands for f(*args). Nothing is called. */
static dnb_status push_call(dnb_pk_machine *m, const dnb_pk_value *f, dnb_pk_value *args)
{
    if (f->kind != DNB_PK_GLOBAL)
        return dnb_pk_bad(m, "it calls something that is no function; refused");
    if (args->kind != DNB_PK_TUPLE)
        return dnb_pk_bad(m, "a call without an argument tuple");
    if (f->global->role == DNB_PK_NAME)
        return refuse(m, f->global->module, f->global->name);
    if (f->global->role == DNB_PK_DICT)
        return push_map(m, args);
    if (f->global->role == DNB_PK_IDENTITY)
        return args->n ? dnb_pk_push(m, args->item[0]) : dnb_pk_collect(m, DNB_PK_TUPLE, m->n);
    dnb_pk_value *v = dnb_pk_value_new(m, DNB_PK_CALLED);
    if (!v)
        return dnb_pk_no_memory(m);
    v->global = f->global;
    dnb_status status = dnb_pk_append(m->arena, v, args, m->file, m->err);
    return status == DNB_OK ? dnb_pk_push(m, v) : status;
}

dnb_status dnb_pk_op_name(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    if (code == 'c')
        return push_global(m, a->s, a->s2);
    dnb_status status = dnb_pk_need(m, 2);
    if (status != DNB_OK)
        return status;
    const dnb_pk_value *module = m->stack[m->n - 2], *name = m->stack[m->n - 1];
    if (module->kind != DNB_PK_STR || name->kind != DNB_PK_STR)
        return dnb_pk_bad(m, "a function whose name is no text");
    m->n -= 2;
    return push_global(m, module->text, name->text);
}

dnb_status dnb_pk_op_call(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    size_t operands = code == 0x92 ? 3 : 2; /* NEWOBJ_EX has keyword arguments on top: dropped */
    size_t from = 0;
    dnb_status status = DNB_OK;
    if (code == 'o' || code == 'i') { /* OBJ, INST: arguments above a mark */
        if ((status = dnb_pk_pop_mark(m, &from)) != DNB_OK)
            return status;
        if (code == 'i') {
            if ((status = push_global(m, a->s, a->s2)) != DNB_OK)
                return status;
        } else if (m->n == from) {
            return dnb_pk_bad(m, "an object without a class");
        }
        const dnb_pk_value *class = code == 'i' ? m->stack[--m->n] : m->stack[from];
        if ((status = dnb_pk_collect(m, DNB_PK_TUPLE, code == 'i' ? from : from + 1)) != DNB_OK)
            return status;
        dnb_pk_value *args = m->stack[m->n - 1];
        m->n = from;
        return push_call(m, class, args);
    }
    if ((status = dnb_pk_need(m, operands)) != DNB_OK)
        return status;
    m->n -= operands;
    return push_call(m, m->stack[m->n], m->stack[m->n + 1]);
}

/* BUILD gives an object a state. Dicts here may only receive the attributes torch hangs on a
 * state_dict
 * (_metadata), which say nothing about the numbers. */
dnb_status dnb_pk_op_build(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    (void)code;
    (void)a;
    dnb_status status = dnb_pk_need(m, 2);
    if (status != DNB_OK)
        return status;
    dnb_pk_kind kind = m->stack[m->n - 2]->kind;
    if (kind != DNB_PK_MAP && kind != DNB_PK_CALLED)
        return dnb_pk_bad(m, "a state for something that is no object");
    m->n--;
    return DNB_OK;
}

dnb_status dnb_pk_op_persistent(dnb_pk_machine *m, int code, const dnb_pk_argument *a)
{
    dnb_status status =
        code == 'P' ? dnb_pk_push_text(m, DNB_PK_STR, a->s, a->n) : dnb_pk_need(m, 1);
    if (status != DNB_OK)
        return status;
    dnb_pk_value *v = dnb_pk_value_new(m, DNB_PK_PERSISTENT);
    if (!v)
        return dnb_pk_no_memory(m);
    status = dnb_pk_append(m->arena, v, m->stack[m->n - 1], m->file, m->err);
    if (status == DNB_OK)
        status = dnb_pk_append(m->arena, m->persistent, v, m->file, m->err);
    m->stack[m->n - 1] = v;
    return status;
}
