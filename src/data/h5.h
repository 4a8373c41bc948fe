/* HDF5 in our terms: quiet calls, errors as messages, files and datasets checked before they are
 * believed. room: data (internal)
 *
 * Nothing in an HDF5 file is trusted: ranks, sizes and chunk sizes are checked against the file's
 * own length before memory is asked for, only deflate, shuffle and fletcher32 filters and plain
 * number types are read, links out of the file are not followed. */
#ifndef DNB_DATA_H5_H
#define DNB_DATA_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One meaning of each call under every release of the library from 1.8 on. */
#define H5_USE_18_API 1
#include <hdf5.h>

#include "dnnbrain/array.h"
#include "dnnbrain/status.h"

/* Between enter and leave the calling thread's HDF5 errors are not printed. Put every HDF5 call
 * between them. */
typedef struct dnb_h5_scope {
    H5E_auto2_t print;
    void *data;
    bool saved;
} dnb_h5_scope;
dnb_h5_scope dnb_h5_enter(void);
void dnb_h5_leave(dnb_h5_scope s);

/* "path: what: <HDF5's innermost reason>" with the given status; clears HDF5's error stack. */
dnb_status dnb_h5_fail(dnb_err *err, dnb_status status, const char *path, const char *fmt, ...)
    DNB_PRINTF(4, 5);

struct dnb_h5_file;
/* The same for a file being read: DNB_EFORMAT, unless it was memory that was short. */
dnb_status dnb_h5_bad(const struct dnb_h5_file *f, dnb_err *err, const char *fmt, ...)
    DNB_PRINTF(3, 4);

/* Closes whatever kind of id it is (negative: none). */
void dnb_h5_close(hid_t id);

/* One dataset of numbers. shape[0] are its rows. */
enum { DNB_H5_DIMS = 4, DNB_H5_FILTERS = 4 };
typedef struct dnb_h5_set {
    char *name; /* path below the root, without a leading '/' */
    int ndim;
    size_t shape[DNB_H5_DIMS]; /* 1 beyond ndim */
    dnb_dtype type;            /* as stored */
    bool direct;               /* in one piece, in this machine's byte order, at `offset` */
    uint64_t offset;
    hsize_t chunk[DNB_H5_DIMS]; /* chunked: the chunk's shape; else zeros */
    bool unpackable;            /* chunked, this machine's byte order, at most the filters below */
    int n_filters;
    /* deflate, shuffle, fletcher32: in the order they were applied */
    H5Z_filter_t filters[DNB_H5_FILTERS];
} dnb_h5_set;

/* An open file and its datasets, in creation order where the file tracks it, else by name. */
typedef struct dnb_h5_file {
    char *path;
    hid_t file;
    struct dnb_h5_io *io; /* the descriptor under it; also for pread */
    uint64_t size;
    bool has_user_block; /* bytes before HDF5's own */
    size_t n, cap;
    dnb_h5_set *sets;
} dnb_h5_file;

/* Opens for reading and lists every dataset with its place and shape, or `only` the one of that
 * name if it is there. kind names the format in messages (".act.h5"). */
dnb_status dnb_h5_open(dnb_h5_file **out, const char *path, const char *kind, const char *only,
                       dnb_err *err) DNB_MUST_CHECK;
void dnb_h5_file_close(dnb_h5_file *f);
/* DNB_ENOTFOUND with the nearest names; what = "layer", "dataset". */
dnb_status dnb_h5_find(const dnb_h5_file *f, const char *what, const char *name, size_t *index,
                       dnb_err *err) DNB_MUST_CHECK;

/* Part of a dataset: rows first..first+n-1; of each, units u..u+n_unit-1 of the flattened row. */
typedef struct dnb_h5_range {
    size_t first, n, u, n_unit;
} dnb_h5_range;
/* Reads it as `type` (DNB_F32 or DNB_F64) into out[n * n_unit]. DNB_EARG when out of range. */
dnb_status dnb_h5_read(dnb_h5_file *f, size_t set, dnb_h5_range r, dnb_dtype type, void *out,
                       dnb_err *err) DNB_MUST_CHECK;
/* Elements of one row. */
size_t dnb_h5_row_items(const dnb_h5_set *s);

/* Text attributes of the root group. */
/* *out = the text, or NULL when there is no such attribute. */
dnb_status dnb_h5_get_text(dnb_h5_file *f, const char *name, char **out,
                           dnb_err *err) DNB_MUST_CHECK;
/* *out = *n texts (free each and the array); DNB_ENOTFOUND when there is no such attribute. */
dnb_status dnb_h5_get_texts(dnb_h5_file *f, const char *name, char ***out, size_t *n,
                            dnb_err *err) DNB_MUST_CHECK;
void dnb_h5_free_texts(char **texts, size_t n);
/* Writes (or replaces) one UTF-8 text, or an array of them. path is for messages. */
dnb_status dnb_h5_put_text(hid_t file, const char *path, const char *name, const char *text,
                           dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_h5_put_texts(hid_t file, const char *path, const char *name,
                            const char *const *texts, size_t n, dnb_err *err) DNB_MUST_CHECK;

#endif
