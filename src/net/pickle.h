/* Reading Python pickles without Python: a small machine over the opcodes of protocols 0 to 5 that
 * builds plain values and executes nothing. A pickle may name functions and classes; only those of
 * a closed list given by the caller are recognised, and they become marks in the result. Any other
 * name fails the read with a message that says which. room: net (internal) */
#ifndef DNB_NET_PICKLE_H
#define DNB_NET_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/bytes.h"

/* What a recognised name does when the pickle calls it. */
typedef enum dnb_pk_role {
    DNB_PK_NAME,     /* nothing: calling it is refused (types used as arguments) */
    DNB_PK_CALL,     /* the call is recorded: a DNB_PK_CALLED value */
    DNB_PK_DICT,     /* makes a dict (collections.OrderedDict) */
    DNB_PK_IDENTITY, /* gives back its first argument (torch.Size) */
} dnb_pk_role;

typedef struct dnb_pk_global {
    const char *module, *name; /* name may be "*": every name of the module */
    dnb_pk_role role;
    int detail; /* the caller's own */
} dnb_pk_global;

typedef enum dnb_pk_kind {
    DNB_PK_NONE,
    DNB_PK_BOOL,
    DNB_PK_INT,
    DNB_PK_LONG, /* an integer beyond 64 bits: text holds its little-endian bytes */
    DNB_PK_FLOAT,
    DNB_PK_STR, /* UTF-8, or bytes of a Python 2 str */
    DNB_PK_BYTES,
    DNB_PK_TUPLE,
    DNB_PK_LIST,
    DNB_PK_MAP, /* item holds key, value, key, value, ... in order */
    DNB_PK_GLOBAL,
    DNB_PK_CALLED,     /* item[0] = the arguments (a tuple) */
    DNB_PK_PERSISTENT, /* item[0] = the id: an object kept outside the pickle */
} dnb_pk_kind;

/* A value may be reachable by many paths, and a hostile pickle may make it contain itself: walkers
 * bound their depth and their steps. */
typedef struct dnb_pk_value dnb_pk_value;
struct dnb_pk_value {
    dnb_pk_kind kind;
    int64_t integer;  /* BOOL, INT */
    double real;      /* FLOAT */
    const char *text; /* STR, BYTES, LONG: NUL-terminated after `size` bytes */
    size_t size;
    dnb_pk_value **item; /* TUPLE, LIST, MAP, CALLED, PERSISTENT */
    size_t n, cap;
    const dnb_pk_global *global; /* GLOBAL, CALLED */
};

typedef struct dnb_pickle dnb_pickle;

/* Reads the one pickle that starts at byte `at` of `in`. `globals` ends with a NULL module and is
 * kept by reference. *end (may be NULL) = the position after its STOP. Memory is bounded by a
 * constant times the pickle's length. */
dnb_status dnb_pickle_read(dnb_pickle **out, const dnb_bytes *in, size_t at,
                           const dnb_pk_global *globals, size_t *end, dnb_err *err) DNB_MUST_CHECK;
void dnb_pickle_free(dnb_pickle *p);
/* Owned by p. */
const dnb_pk_value *dnb_pickle_root(const dnb_pickle *p);
/* A list of every PERSISTENT value the pickle made, reachable from the root or not. */
const dnb_pk_value *dnb_pickle_persistent(const dnb_pickle *p);

/* The value of a text key of a map (the last, as in Python); NULL when absent or v is no map. */
const dnb_pk_value *dnb_pk_get(const dnb_pk_value *v, const char *key);
/* Is v this text? */
bool dnb_pk_is(const dnb_pk_value *v, const char *text);
/* v as a size: an INT >= 0. */
bool dnb_pk_size(const dnb_pk_value *v, size_t *out);

#endif
