/* Memory: every allocation of the library goes through here, so sizes are overflow-checked and the
 * fault tests can make the nth one fail. room: base (internal) */
#ifndef DNB_BASE_MEM_H
#define DNB_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

/* Uninitialised / zeroed block of n elements of `size` bytes; NULL on overflow or no memory. n == 0
 * gives a valid pointer. Free with dnb_free. */
void *dnb_alloc(size_t n, size_t size);
void *dnb_calloc(size_t n, size_t size);
/* Resizes; on failure returns NULL and leaves ptr as it was. */
void *dnb_realloc(void *ptr, size_t n, size_t size);
/* 64-byte aligned (vector and oneDNN friendly), uninitialised. Free with dnb_free. */
void *dnb_alloc_aligned(size_t n, size_t size);
void dnb_free(void *ptr);

char *dnb_strdup(const char *s);
char *dnb_strndup(const char *s, size_t n);

/* Writes "out of memory for <what> (N bytes)" and returns DNB_ENOMEM. */
dnb_status dnb_fail_memory(dnb_err *err, const char *what, size_t bytes);

/* *out = a * b; false when it would overflow (*out then untouched). */
bool dnb_mul_size(size_t *out, size_t a, size_t b);
bool dnb_add_size(size_t *out, size_t a, size_t b);

/* Allocates n elements into ptr or jumps to done with status/err set. Expects `status`, `err`,
 * done:. */
#define DNB_NEW(ptr, n, what)                                                                      \
    do {                                                                                           \
        (ptr) = dnb_calloc((n), sizeof *(ptr));                                                    \
        if (!(ptr)) {                                                                              \
            status = dnb_fail_memory(err, (what), (size_t)(n) * sizeof *(ptr));                    \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

/* Runs a fallible call; on failure jumps to done with `status` set. */
#define DNB_TRY(call)                                                                              \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != DNB_OK)                                                                      \
            goto done;                                                                             \
    } while (0)

#endif
