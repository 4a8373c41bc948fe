/* The pickle machine between its opcodes: what it holds, and what a handler may do with it. room:
 * net (internal) */
#ifndef DNB_NET_PICKLE_MACHINE_H
#define DNB_NET_PICKLE_MACHINE_H

#include "net/pickle_store.h"

#define DNB_PK_MARKS 4096

typedef struct dnb_pk_machine {
    dnb_pk_window in;
    const char *file;
    dnb_pk_arena *arena;
    dnb_pk_value *persistent;
    const dnb_pk_global *globals;
    dnb_pk_value **stack, **memo;
    size_t n, cap, memo_n, memo_cap;
    size_t mark[DNB_PK_MARKS], n_marks;
    bool stopped;
    dnb_err *err;
} dnb_pk_machine;

typedef dnb_status dnb_pk_handler(dnb_pk_machine *m, int code, const dnb_pk_argument *a);

/* "broken pickle at byte ...". */
dnb_status dnb_pk_bad(dnb_pk_machine *m, const char *what);
/* A new value of the arena; NULL when there is no room: then return dnb_pk_no_memory. */
dnb_pk_value *dnb_pk_value_new(dnb_pk_machine *m, dnb_pk_kind kind);
dnb_status dnb_pk_no_memory(const dnb_pk_machine *m);
/* Grows a pointer array to hold index n. */
dnb_status dnb_pk_grow(dnb_pk_machine *m, dnb_pk_value ***items, size_t *cap,
                       size_t n) DNB_MUST_CHECK;

/* NULL is what dnb_pk_value_new gives without memory. */
dnb_status dnb_pk_push(dnb_pk_machine *m, dnb_pk_value *v) DNB_MUST_CHECK;
dnb_status dnb_pk_push_text(dnb_pk_machine *m, dnb_pk_kind kind, const char *s,
                            size_t n) DNB_MUST_CHECK;
/* Slots above the last mark: what an opcode may pop. */
size_t dnb_pk_depth(const dnb_pk_machine *m);
/* Fails when there are fewer than n. */
dnb_status dnb_pk_need(dnb_pk_machine *m, size_t n) DNB_MUST_CHECK;
/* Removes the last mark; *from = the first slot above it. */
dnb_status dnb_pk_pop_mark(dnb_pk_machine *m, size_t *from) DNB_MUST_CHECK;
/* Replaces the slots from `from` on by one container of them. */
dnb_status dnb_pk_collect(dnb_pk_machine *m, dnb_pk_kind kind, size_t from) DNB_MUST_CHECK;

/* pickle_call.c */
dnb_pk_handler dnb_pk_op_name, dnb_pk_op_call, dnb_pk_op_build, dnb_pk_op_persistent;

#endif
