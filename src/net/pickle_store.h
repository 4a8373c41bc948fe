/* The pickle machine's memory: an arena with a ceiling that follows the bytes read, so a small
 * hostile file cannot ask for much, and a window over the input. room: net (internal) */
#ifndef DNB_NET_PICKLE_STORE_H
#define DNB_NET_PICKLE_STORE_H

#include "net/pickle.h"

typedef struct dnb_pk_chunk dnb_pk_chunk;

typedef struct dnb_pk_arena {
    dnb_pk_chunk *chunks;
    size_t used;    /* bytes handed out */
    size_t ceiling; /* bytes that may be handed out */
} dnb_pk_arena;

/* 16-byte aligned, zeroed; NULL with err (never NULL in this file) set. */
void *dnb_pk_arena_get(dnb_pk_arena *a, size_t n, size_t size, const char *file, dnb_err *err);
void dnb_pk_arena_release(dnb_pk_arena *a);
/* Appends to v->item. */
dnb_status dnb_pk_append(dnb_pk_arena *a, dnb_pk_value *v, dnb_pk_value *x, const char *file,
                         dnb_err *err) DNB_MUST_CHECK;

/* The part of the input in memory. */
typedef struct dnb_pk_window {
    const dnb_bytes *in;
    unsigned char *buf;
    size_t cap, at, len; /* buf holds input bytes at .. at + len */
    size_t pos;          /* next input byte */
    size_t start;        /* first byte of this pickle */
} dnb_pk_window;

void dnb_pk_window_release(dnb_pk_window *w);
/* The next n bytes, contiguous, valid until the next call; pos moves past them. */
dnb_status dnb_pk_take(dnb_pk_window *w, size_t n, const unsigned char **out,
                       dnb_err *err) DNB_MUST_CHECK;
/* The text up to the next newline (not counted in *n); pos moves past the newline. */
dnb_status dnb_pk_take_line(dnb_pk_window *w, const unsigned char **out, size_t *n,
                            dnb_err *err) DNB_MUST_CHECK;

/* An opcode's decoded argument. */
typedef struct dnb_pk_argument {
    int64_t i;
    double f;
    const char *s; /* arena copy, NUL-terminated */
    size_t n;
    const char *s2; /* second line of GLOBAL and INST */
} dnb_pk_argument;

typedef enum dnb_pk_arg {
    DNB_PK_A_NONE,
    DNB_PK_A_U1,
    DNB_PK_A_U2,
    DNB_PK_A_U4,
    DNB_PK_A_I4,
    DNB_PK_A_U8,
    DNB_PK_A_F8,   /* big-endian double */
    DNB_PK_A_LEN1, /* 1-, 4-, 8-byte length, then bytes */
    DNB_PK_A_LEN4,
    DNB_PK_A_LEN8,
    DNB_PK_A_LINE,
    DNB_PK_A_LINE2
} dnb_pk_arg;

/* Reads one argument (zeroed before) and raises the arena's ceiling with the bytes consumed. */
dnb_status dnb_pk_decode(dnb_pk_window *w, dnb_pk_arena *arena, dnb_pk_arg kind, dnb_pk_argument *a,
                         dnb_err *err) DNB_MUST_CHECK;

#endif
