/* A file or a block of memory read by position: what the weight readers parse, so that they can be
 * fuzzed from memory. Files are read, never mapped: a file cut short by another process gives an
 * error, not a signal. room: net (internal) */
#ifndef DNB_NET_BYTES_H
#define DNB_NET_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

typedef struct dnb_bytes {
    char *name;               /* for messages */
    const unsigned char *mem; /* borrowed; NULL for a file */
    size_t size;
    int fd;       /* meaningful when is_file */
    bool is_file; /* false: memory, or a zeroed value */
} dnb_bytes;

dnb_status dnb_bytes_open(dnb_bytes *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* mem stays the caller's and must outlive out. */
dnb_status dnb_bytes_borrow(dnb_bytes *out, const char *name, const void *mem, size_t size,
                            dnb_err *err) DNB_MUST_CHECK;
/* Safe on a zeroed value. */
void dnb_bytes_release(dnb_bytes *b);
/* n bytes from position `at` into dst; large reads use every thread. DNB_EFORMAT ("truncated") past
 * the end. */
dnb_status dnb_bytes_read(const dnb_bytes *b, size_t at, void *dst, size_t n,
                          dnb_err *err) DNB_MUST_CHECK;

bool dnb_host_is_little(void);
/* Reverses the bytes of each of count elements. */
void dnb_swap_bytes(void *data, size_t count, size_t width);

#endif
