/* The zip archive of a .pth file: entries by name, their bytes by position. Stored entries
 * (PyTorch's own) are read straight into place by all threads, which libzip cannot do: it neither
 * tells where an entry's bytes lie nor reads them without a checksum pass. Checksums are not
 * compared, as PyTorch does not. room: net (internal) */
#ifndef DNB_NET_PTH_ZIP_H
#define DNB_NET_PTH_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "net/bytes.h"

typedef struct dnb_zip dnb_zip;

typedef struct dnb_zip_entry {
    const char *name;
    size_t header; /* position of its local header */
    size_t packed, size;
    unsigned method; /* 0 = stored, 8 = deflated */
} dnb_zip_entry;

/* Does the file start as a zip archive does? */
bool dnb_zip_looks_like(const dnb_bytes *in);
/* Reads the directory (Zip64 included). `in` is kept by reference. */
dnb_status dnb_zip_open(dnb_zip **out, const dnb_bytes *in, dnb_err *err) DNB_MUST_CHECK;
void dnb_zip_close(dnb_zip *z);
/* NULL when there is none. */
const dnb_zip_entry *dnb_zip_find(const dnb_zip *z, const char *name);
/* The first entry, in order of name, whose name ends in suffix; NULL when there is none. */
const dnb_zip_entry *dnb_zip_find_suffix(const dnb_zip *z, const char *suffix);
/* Where a stored entry's bytes start in the file; checked to lie inside it. */
dnb_status dnb_zip_place(const dnb_zip *z, const dnb_zip_entry *e, size_t *at,
                         dnb_err *err) DNB_MUST_CHECK;
/* A whole entry of at most max bytes, inflated if need be; free *out with dnb_free. */
dnb_status dnb_zip_read(const dnb_zip *z, const dnb_zip_entry *e, size_t max, unsigned char **out,
                        dnb_err *err) DNB_MUST_CHECK;

#endif
