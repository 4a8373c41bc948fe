/* Output that appears under its final name only when complete: a temporary file beside the target,
 * renamed on commit, removed on abort. Every write is checked. room: base (internal) */
#ifndef DNB_BASE_OUTFILE_H
#define DNB_BASE_OUTFILE_H

#include <stdio.h>

#include "dnnbrain/status.h"

typedef struct dnb_outfile dnb_outfile;

/* Makes the temporary name for `path` ("<path>.tmp-<pid>-<n>") without opening it, for libraries
 * (HDF5, cairo) that open files themselves. The folder must exist. */
dnb_status dnb_outfile_reserve(dnb_outfile **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* As reserve, and opens it for writing through dnb_outfile_write / dnb_outfile_stream. */
dnb_status dnb_outfile_open(dnb_outfile **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
const char *dnb_outfile_temp(const dnb_outfile *f);
dnb_status dnb_outfile_write(dnb_outfile *f, const void *data, size_t size,
                             dnb_err *err) DNB_MUST_CHECK;
/* Flushes, closes, fsyncs nothing, renames to the final name. f is freed whatever happens; on
 * failure the temporary file is removed. */
dnb_status dnb_outfile_commit(dnb_outfile *f, dnb_err *err) DNB_MUST_CHECK;
/* Removes the temporary file and frees f (NULL is fine). */
void dnb_outfile_abort(dnb_outfile *f);

/* open + write + commit in one. */
dnb_status dnb_file_write(const char *path, const void *data, size_t size,
                          dnb_err *err) DNB_MUST_CHECK;

#endif
