/* Reading .npy from an open stream, for callers that have no file name (archives, tests). room:
 * array (internal) */
#ifndef DNB_ARRAY_NPY_H
#define DNB_ARRAY_NPY_H

#include <stdint.h>
#include <stdio.h>

#include "dnnbrain/array.h"

/* Reads one array at the stream's position. size = bytes from there to the end of the stream: the
 * header's promise is checked against it before anything is allocated. name opens error messages.
 * Leaves the stream behind the data. */
dnb_status dnb_npy_read_stream(dnb_array *out, FILE *f, size_t size, const char *name,
                               dnb_err *err) DNB_MUST_CHECK;

/* The file's header (magic included, 64-byte aligned) for an array of this type and shape, into
 * buf; returns its length, 0 for a type .npy has no name for (bfloat16). */
enum { DNB_NPY_HEADER_MAX = 512 };
size_t dnb_npy_header(const dnb_array *a, char buf[DNB_NPY_HEADER_MAX]);

#endif
