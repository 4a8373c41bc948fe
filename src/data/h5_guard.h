/* A look at HDF5's own structures before the library parses them. room: data (internal)
 *
 * libhdf5 (1.10, Debian 12's) believes lengths and counts in structures that carry no checksum:
 * object headers of the first format, symbol tables, local and global heaps. A broken file makes it
 * read and write beyond its buffers. Our file driver hands every piece of metadata through here;
 * what does not add up is refused as a read error, which the library survives. Layouts: HDF5 File
 * Format Specification 3.0. Structures with checksums (object headers, B-trees and heaps of the
 * later format) are left to them. */
#ifndef DNB_DATA_H5_GUARD_H
#define DNB_DATA_H5_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

/* What must be remembered between reads. Zero-initialise, set fd and size; free with
 * dnb_h5_guard_release. */
typedef struct dnb_h5_guard {
    int fd;
    uint64_t size; /* of the file */
    uint64_t base; /* of HDF5's addresses in it */
    uint64_t end;  /* of what HDF5 says it uses, 0 = unknown */
    struct {
        uint64_t at, size;
        bool names; /* the data of a local heap; else a further block of an object header */
    } * more;       /* pieces announced so far that do not say themselves what they are */
    size_t n_more, cap_more;
    bool no_memory;       /* a check failed for want of memory */
    uint64_t heap_at;     /* the global heap collection known, 0 = none */
    uint32_t *heap_sizes; /* bytes of its objects by index; UINT32_MAX = no such object */
    unsigned char *block; /* room for one ordinary collection; NULL unless reserved */
    unsigned char *page;  /* room for one further block of a header; NULL unless reserved */
} dnb_h5_guard;

/* Takes the memory an ordinary file needs before libhdf5 is asked to open it: libhdf5 1.10 loses
 * memory of its own when a read fails half way through opening. Larger needs are met later. */
dnb_status dnb_h5_guard_reserve(dnb_h5_guard *g, dnb_err *err) DNB_MUST_CHECK;

/* Which kind of read HDF5 asked for. */
typedef enum dnb_h5_read_kind {
    DNB_H5_READ_SUPER,
    DNB_H5_READ_HEADER,
    DNB_H5_READ_LOCAL_HEAP,
    DNB_H5_READ_GLOBAL_HEAP,
    DNB_H5_READ_TREE,
    DNB_H5_READ_DATA
} dnb_h5_read_kind;

/* May these `size` bytes from file offset `at` be parsed? */
bool dnb_h5_guard_check(dnb_h5_guard *g, dnb_h5_read_kind kind, uint64_t at, const void *data,
                        size_t size);
void dnb_h5_guard_release(dnb_h5_guard *g);

/* ---- its parts ---- */

/* Bytes not yet looked at. Every reader below checks what is left and marks the rest bad when it is
 * too little. */
typedef struct dnb_bytes {
    const unsigned char *at;
    size_t left;
    bool bad;
} dnb_bytes;

/* The next n bytes, or NULL (b->bad) when there are fewer. */
const unsigned char *dnb_bytes_take(dnb_bytes *b, size_t n);
/* A little-endian number of n <= 8 bytes; 0 when there are fewer. */
uint64_t dnb_bytes_number(dnb_bytes *b, size_t n);

/* What a datatype message says, as far as it matters. */
typedef struct dnb_h5_type {
    int class;        /* 0 integer, 1 float, 3 text, 9 variable length, ... */
    uint32_t size;    /* bytes of an element in the file */
    uint32_t of_size; /* variable length: bytes of one of its items */
} dnb_h5_type;
/* Reads a datatype message (of any class, nested at most a few deep); false when it does not add
 * up. */
bool dnb_h5_guard_type(dnb_bytes *b, dnb_h5_type *t, int depth);
/* Reads a dataspace message; *n = number of elements. */
bool dnb_h5_guard_space(dnb_bytes *b, uint64_t *n);

/* lookup3 of n bytes; and does it stand in the last four of them? */
uint32_t dnb_h5_seal(const unsigned char *p, size_t n);
bool dnb_h5_sealed(const unsigned char *p, size_t n);

#endif
