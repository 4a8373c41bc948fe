/* Activation files (.act.h5): one HDF5 dataset per layer, n_stim x n_chn x n_row x n_col, float32.
 * room: data
 *
 * A layer named "a/b" is the HDF5 path a/b. HDF5 calls are serialised by a thread-safe libhdf5
 * (Debian's is); with another build call these functions from one thread at a time. */
#ifndef DNNBRAIN_ACTFILE_H
#define DNNBRAIN_ACTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/save.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reading ---- */

typedef struct dnb_actfile dnb_actfile;

/* Opens and lists a file. Layers keep the order of writing where the file records it (ours do),
 * else by name. Datasets of 1-4 dimensions are shown as n x chn x row x col with ones appended; any
 * real number type. Soft and external links are ignored. DNB_EFORMAT: not HDF5, truncated, text or
 * compound data, sizes the file cannot hold. */
DNB_API dnb_status dnb_actfile_open(dnb_actfile **out, const char *path,
                                    dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_actfile_close(dnb_actfile *f);
DNB_API size_t dnb_actfile_count(const dnb_actfile *f);
/* Name and shape[4] of layer i < count; valid until close. */
DNB_API const char *dnb_actfile_name(const dnb_actfile *f, size_t i);
DNB_API const size_t *dnb_actfile_shape(const dnb_actfile *f, size_t i);
/* The root attribute "provenance", or NULL. */
DNB_API const char *dnb_actfile_provenance(const dnb_actfile *f);
/* Index of a layer; DNB_ENOTFOUND names the nearest ones. */
DNB_API dnb_status dnb_actfile_find(const dnb_actfile *f, const char *layer, size_t *index,
                                    dnb_err *err) DNB_MUST_CHECK;
/* Reads stimuli first .. first+n-1 of a layer into out[n * chn*row*col] as float32. Cost: one copy
 * from the page cache for uncompressed float32; HDF5's own speed otherwise. */
DNB_API dnb_status dnb_actfile_read(dnb_actfile *f, size_t layer, size_t first, size_t n,
                                    float *out, dnb_err *err) DNB_MUST_CHECK;
/* Reads units u .. u+n_unit-1 (of the flattened chn x row x col) of stimuli first .. first+n-1 into
 * out[n * n_unit]. A gzip file is decompressed whole channels at a time. */
DNB_API dnb_status dnb_actfile_read_units(dnb_actfile *f, size_t layer, size_t first, size_t n,
                                          size_t u, size_t n_unit, float *out,
                                          dnb_err *err) DNB_MUST_CHECK;

/* ---- writing ---- */

/* A layer to write. shape = chn, row, col of one stimulus, each >= 1. data (only for
 * dnb_actfile_write) = n_stim x chn x row x col. */
typedef struct dnb_act_layer {
    const char *name;
    size_t shape[3];
    const float *data;
} dnb_act_layer;

/* Writes whole arrays, atomically. options may be NULL. */
DNB_API dnb_status dnb_actfile_write(const char *path, size_t n_layers, const dnb_act_layer *layers,
                                     size_t n_stim, const dnb_save_options *options,
                                     dnb_err *err) DNB_MUST_CHECK;

/* Streaming, resumable writing. Rows go straight to their place in "<path>.part"; the number of
 * complete stimuli is recorded there beside a fingerprint of the job. A job that is killed and
 * started again with the same fingerprint goes on where it was; any other job starts over. */
typedef struct dnb_actwriter dnb_actwriter;

typedef struct dnb_actwriter_options {
    dnb_save_options save;
    const char *signature; /* names the job: net, weights, stimuli, options. NULL = never resume */
} dnb_actwriter_options;

/* Opens or resumes. *done = stimuli already complete (0 for a fresh start); go on with stimulus
 * *done. Fails at once when the folder is missing, the disk has too little room, a name is bad or
 * another process writes the same file (DNB_EIO, DNB_EARG). */
DNB_API dnb_status dnb_actwriter_open(dnb_actwriter **out, const char *path, size_t n_layers,
                                      const dnb_act_layer *layers, size_t n_stim,
                                      const dnb_actwriter_options *options, size_t *done,
                                      dnb_err *err) DNB_MUST_CHECK;
/* Writes stimuli first .. first+n-1 of a layer. first may not leave a gap (first <= what the layer
 * has); writing again is fine. Distinct layers may be pushed from distinct threads at once. On
 * failure (disk full, ...) the writer stays usable; what was complete stays so. */
DNB_API dnb_status dnb_actwriter_push(dnb_actwriter *w, size_t layer, size_t first, size_t n,
                                      const float *rows, dnb_err *err) DNB_MUST_CHECK;
/* Records that stimuli 0 .. n-1 are complete in every layer. DNB_EARG when a layer has fewer.
 * Survives the death of the process at once; the death of the machine from the next sync (about
 * once a minute) on. Call it after each batch; cost: one 4 KiB write. */
DNB_API dnb_status dnb_actwriter_done(dnb_actwriter *w, size_t n, dnb_err *err) DNB_MUST_CHECK;
/* Finishes: every layer must be complete. provenance (may be NULL) replaces the one given to open.
 * Compresses when asked (needs room for both files for a while), then renames to the final name. w
 * is freed whatever happens; on failure the .part stays where it can be resumed. */
DNB_API dnb_status dnb_actwriter_commit(dnb_actwriter *w, const char *provenance,
                                        dnb_err *err) DNB_MUST_CHECK;
/* Closes and frees w (NULL is fine). keep: leave the .part for a later resume (kept only when a
 * signature was given). */
DNB_API void dnb_actwriter_abort(dnb_actwriter *w, bool keep);

#ifdef __cplusplus
}
#endif
#endif
