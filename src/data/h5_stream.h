/* Writing HDF5 datasets row by row at disk speed, and going on after a kill. room: data (internal)
 *
 * The datasets are laid out contiguously in a file that HDF5 creates and closes again; rows are
 * then written at their byte offsets with plain pwrite. A resumable job writes "<path>.part" and
 * keeps its progress in two small records behind HDF5's last byte (part.h); others write a
 * temporary file. Either appears under its final name, gzip-compressed if asked, only on commit. */
#ifndef DNB_DATA_H5_STREAM_H
#define DNB_DATA_H5_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "data/h5.h"
#include "data/h5_driver.h"

/* One dataset: `rows` rows of shape[0]*shape[1]*shape[2] elements. In the file: ndim 1: {shape[0]}
 * (rows == 1); 2: {rows, shape[0]}; 4: {rows, shape[0], shape[1], shape[2]}. */
typedef struct dnb_h5_plan {
    const char *name;
    int ndim;
    size_t rows, shape[3];
} dnb_h5_plan;

/* A root attribute of n texts. */
typedef struct dnb_h5_texts {
    const char *name;
    const char *const *texts;
    size_t n;
    bool scalar; /* one text, not a list of one */
} dnb_h5_texts;

/* What to write. Everything is borrowed and must outlive the stream, but for path and plans
 * (copied). */
typedef struct dnb_h5_job {
    const char *path;
    size_t n;
    const dnb_h5_plan *plans;
    dnb_dtype type;         /* DNB_F32 or DNB_F64 */
    const char *what;       /* a dataset in messages: "layer", "key", "dataset" */
    const char *row;        /* its rows in messages: "stimuli", "RDMs", "volumes" */
    int compress;           /* 0..9 */
    const char *signature;  /* resumable when not NULL; read by open only */
    const char *type_text;  /* root attribute `type`, or NULL */
    const char *const *roi; /* root attribute `roi`, n_roi texts, or NULL */
    size_t n_roi;
    const dnb_h5_texts *texts; /* n_texts further root attributes */
    size_t n_texts;
} dnb_h5_job;

typedef struct dnb_h5_stream dnb_h5_stream;

/* *done (may be NULL) = rows known complete in every dataset, 0 for a fresh start. */
dnb_status dnb_h5_stream_open(dnb_h5_stream **out, const dnb_h5_job *job, size_t *done,
                              dnb_err *err) DNB_MUST_CHECK;
/* Rows first..first+n-1; first must not lie beyond the rows the dataset has. Distinct datasets may
 * be pushed by distinct threads at once. */
dnb_status dnb_h5_stream_push(dnb_h5_stream *s, size_t set, size_t first, size_t n,
                              const void *rows, dnb_err *err) DNB_MUST_CHECK;
/* Rows 0..n-1 of every dataset are complete: remembers it. */
dnb_status dnb_h5_stream_done(dnb_h5_stream *s, size_t n, dnb_err *err) DNB_MUST_CHECK;
/* Attributes, compression, final name. Frees s whatever happens. */
dnb_status dnb_h5_stream_commit(dnb_h5_stream *s, const char *provenance,
                                dnb_err *err) DNB_MUST_CHECK;
void dnb_h5_stream_abort(dnb_h5_stream *s, bool keep);

/* ---- its parts ---- */

/* Makes io->fd, emptied, a file with all datasets: contiguous and allocated, or (compressed)
 * chunked with shuffle and deflate. Returns the open file; close it with dnb_h5_finish. */
dnb_status dnb_h5_create(hid_t *out, dnb_h5_io *io, const dnb_h5_job *job, bool compressed,
                         dnb_err *err) DNB_MUST_CHECK;
/* Does the job have more texts in an attribute than an object header of HDF5's first format holds?
 */
bool dnb_h5_needs_v18(const dnb_h5_job *job);
/* Are the names usable as distinct HDF5 paths and the shapes free of overflow? */
dnb_status dnb_h5_check_plans(const dnb_h5_job *job, dnb_err *err) DNB_MUST_CHECK;
/* Chunk shape of a plan, as rows and a part of the row's three axes: about 512 KiB, one run of
 * elements per row. */
void dnb_h5_chunk_shape(const dnb_h5_plan *p, size_t item, size_t chunk[4]);
/* dims as in the file, of a plan's {rows, shape...} or of a chunk's. Returns ndim. */
int dnb_h5_file_dims(const dnb_h5_plan *p, const size_t lengths[4], hsize_t dims[DNB_H5_DIMS]);
/* Compresses the rows found in fd at `offsets` into the chunked datasets of `file`, which io
 * writes. */
dnb_status dnb_h5_compress(hid_t file, const dnb_h5_io *io, const dnb_h5_job *job, int fd,
                           const uint64_t *offsets, dnb_err *err) DNB_MUST_CHECK;
size_t dnb_h5_plan_items(const dnb_h5_plan *p);

#endif
