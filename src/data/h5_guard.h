/* A look at HDF5's own structures before the library parses them. room: data (internal)
 *
 * libhdf5 (1.10, Debian 12's) believes lengths, counts and addresses. A broken file makes it read
 * and write beyond its buffers, or never come to an end. Our file driver hands every piece of
 * metadata through here; what does not add up is refused as a read error, which the library
 * survives. Layouts: HDF5 File Format Specification 3.0.
 *
 * The rule: a structure is read only where another one that was checked says it is, and checking a
 * structure takes in all that the library believes about it. An object header is judged whole, with
 * its further blocks, the links and attributes it leads to, and its messages against one another
 * (the chunks' shape against type and shape, ...); the nodes of a chunk index one by one, as they
 * are read. What our writer, h5py and the reference never write is refused even where the format
 * has it: shared messages, values in other files, heaps of other than libhdf5's own parameters. */
#ifndef DNB_DATA_H5_GUARD_H
#define DNB_DATA_H5_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

/* What a checked structure said will be found at an address. */
typedef enum dnb_h5_kind {
    DNB_H5_NOTHING,
    DNB_H5_HEADER,    /* an object header: looked at when it is read */
    DNB_H5_BLOCK,     /* `size` bytes of an object header, looked at */
    DNB_H5_CHECKED,   /* `size` bytes of something else, looked at */
    DNB_H5_CHUNK_NODE /* a node of a chunk index, version 1: looked at when it is read */
} dnb_h5_kind;
typedef struct dnb_h5_place {
    uint64_t at, size; /* of a chunk node: the bytes of a chunk */
    uint8_t kind;
    uint8_t level; /* of a chunk node; 255 = any */
    uint8_t n_key; /* coordinates in its keys */
    bool filtered; /* chunks may have another size */
    bool done;     /* a header: has been looked at; the file is taken not to change */
} dnb_h5_place;

/* What must be remembered between reads. Zero-initialise, set fd and size; free with
 * dnb_h5_guard_release. */
typedef struct dnb_h5_guard {
    int fd;
    uint64_t size;                     /* of the file */
    uint64_t base;                     /* of HDF5's addresses in it */
    uint64_t end;                      /* of what HDF5 says it uses, 0 = unknown */
    unsigned leaf_k, group_k, chunk_k; /* half the entries of a node; 0 = not known yet */
    uint64_t super_at, super_size;     /* of the superblock */
    dnb_h5_place *places;              /* a hash table by address */
    size_t n_places, cap_places;       /* (a power of two) */
    bool no_memory;                    /* a check failed for want of memory */
    uint64_t heap_at;                  /* the global heap collection known, 0 = none */
    uint32_t *heap_sizes;              /* its objects by index: bytes + 1; 0 = none */
    uint32_t heap_n;                   /* indices beyond the last object */
    unsigned char *room;               /* for ordinary structures; NULL unless reserved */
    size_t used;                       /* of it */
} dnb_h5_guard;

/* Takes the memory an ordinary file needs before libhdf5 is asked to open it: libhdf5 1.10 loses
 * memory of its own when a read fails half way through opening. Larger needs are met later. */
dnb_status dnb_h5_guard_reserve(dnb_h5_guard *g, dnb_err *err) DNB_MUST_CHECK;

/* Which kind of read HDF5 asked for. */
typedef enum dnb_h5_read_kind {
    DNB_H5_READ_SUPER,
    DNB_H5_READ_HEADER, /* also heads of heaps, arrays, v2 B-trees */
    DNB_H5_READ_LOCAL_HEAP,
    DNB_H5_READ_TREE,
    DNB_H5_READ_DATA
} dnb_h5_read_kind;

/* May these `size` bytes from file offset `at` be parsed? */
bool dnb_h5_guard_check(dnb_h5_guard *g, dnb_h5_read_kind kind, uint64_t at, const void *data,
                        size_t size);
void dnb_h5_guard_release(dnb_h5_guard *g);

/* ---- its parts ---- */

#define DNB_H5_NOWHERE UINT64_MAX /* the address of what is not there */

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
/* The next n bytes (followed by padding up to `padded`) as bytes of their own. */
dnb_bytes dnb_bytes_part(dnb_bytes *b, size_t n, size_t padded);
bool dnb_bytes_start(const void *data, size_t size, const char *mark);
/* Bytes that the library takes to write v. */
unsigned dnb_h5_width(uint64_t v);

bool dnb_h5_in_file(const dnb_h5_guard *g, uint64_t at, uint64_t size);
/* Bytes of the file, read; give them back in reverse order. NULL when they are not all there or
 * memory is short (g->no_memory). */
unsigned char *dnb_h5_fetch(dnb_h5_guard *g, uint64_t at, uint64_t size);
void dnb_h5_give(dnb_h5_guard *g, unsigned char *p, uint64_t size);
/* Remembers a place; false when memory is short, or the address is taken by something else. */
bool dnb_h5_note(dnb_h5_guard *g, dnb_h5_place place);
bool dnb_h5_note_header(dnb_h5_guard *g, uint64_t at);
const dnb_h5_place *dnb_h5_noted(const dnb_h5_guard *g, uint64_t at);

/* What a datatype message says, as far as it matters. */
typedef struct dnb_h5_type {
    int class;        /* 0 integer, 1 float, 3 text, 9 variable length, ... */
    uint32_t size;    /* bytes of an element in the file */
    uint32_t of_size; /* variable length: bytes of one of its items */
} dnb_h5_type;
/* Reads a datatype message (of any class, nested at most a few deep); false when it does not add
 * up. */
bool dnb_h5_guard_type(dnb_bytes *b, dnb_h5_type *t, int depth);

/* What a dataspace message says. */
typedef struct dnb_h5_space {
    unsigned rank;
    uint64_t n;        /* elements; UINT64_MAX = very many */
    uint64_t now[32];  /* its shape */
    uint64_t most[32]; /* what it may grow to; UINT64_MAX = anything */
} dnb_h5_space;
bool dnb_h5_guard_space(dnb_bytes *b, dnb_h5_space *s);

/* What an object header's messages say together. */
typedef struct dnb_h5_object {
    uint64_t seen;     /* bit i: a message of type i */
    unsigned messages; /* so far */
    dnb_h5_type type;
    dnb_h5_space space;
    int64_t fill_size; /* -1 = no fill value */
    unsigned n_filters;
    bool shuffled;
    uint32_t shuffle_size;
    unsigned layout_version, layout; /* 0 compact, 1 contiguous, 2 chunked */
    uint64_t values_at, values_size; /* or the chunk index's address */
    unsigned chunk_rank;             /* the bytes of an element included */
    uint64_t chunk[33];
    unsigned chunk_flags, index; /* version 4 */
    unsigned char index_parameters[12];
    uint64_t symbol_tree, symbol_heap; /* symbol table */
} dnb_h5_object;
/* One message's body, into *o. */
bool dnb_h5_guard_message(dnb_h5_guard *g, dnb_h5_object *o, unsigned type, dnb_bytes b);
bool dnb_h5_guard_attribute(dnb_h5_guard *g, dnb_bytes b);
bool dnb_h5_guard_link(dnb_h5_guard *g, dnb_bytes b);
/* All of them together, and where they lead to. */
bool dnb_h5_guard_object(dnb_h5_guard *g, const dnb_h5_object *o);

/* An object header at an address. */
bool dnb_h5_guard_header(dnb_h5_guard *g, uint64_t at);
/* A group of the old kind: its tree, symbols and local heap. */
bool dnb_h5_guard_symbols(dnb_h5_guard *g, uint64_t tree, uint64_t heap);
/* A node of a chunk index, version 1. */
bool dnb_h5_guard_chunk_node(dnb_h5_guard *g, dnb_h5_place place, const void *data, size_t size);
/* A fractal heap of links or attributes, with the v2 B-trees over it (DNB_H5_NOWHERE: none). */
bool dnb_h5_guard_dense(dnb_h5_guard *g, bool links, uint64_t heap, uint64_t names,
                        uint64_t orders);
/* The index of a chunked dataset, layout version 4. */
bool dnb_h5_guard_index(dnb_h5_guard *g, const dnb_h5_object *o);

/* A v2 B-tree: calls `each` with every record. */
typedef bool (*dnb_h5_record)(dnb_h5_guard *g, dnb_bytes record, void *ctx);
bool dnb_h5_guard_tree2(dnb_h5_guard *g, uint64_t at, unsigned type, size_t record_size,
                        dnb_h5_record each, void *ctx);

/* The global heap collection at an address. */
bool dnb_h5_guard_collection(dnb_h5_guard *g, uint64_t at);
/* n references to variable-length values of items of that size. */
bool dnb_h5_guard_references(dnb_h5_guard *g, dnb_bytes *b, uint64_t n, uint32_t item);

/* lookup3 of n bytes; and does it stand in the last four of them? */
uint32_t dnb_h5_seal(const unsigned char *p, size_t n);
bool dnb_h5_sealed(const unsigned char *p, size_t n);

#endif
