/* Dissimilarity files (.rdm.h5): HDF5 with the root attribute `type` and one float64 dataset per
 * key. room: data
 *
 * bRDM (brain): key = ROI label, the upper triangle of one n x n matrix, row-major without
 * diagonal, n(n-1)/2 values. dRDM (network): key = layer ("a/b" is that HDF5 path), n_iter x
 * n(n-1)/2. Several threads: as actfile.h. */
#ifndef DNNBRAIN_RDMFILE_H
#define DNNBRAIN_RDMFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/condensed.h"
#include "dnnbrain/save.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_rdm_type { DNB_BRDM = 0, DNB_DRDM } dnb_rdm_type;

/* One key. bRDM: n_iter = 1. data (n_iter x n_pairs) only for dnb_rdm_write. */
typedef struct dnb_rdm_entry {
    const char *key;
    size_t n_iter, n_pairs;
    const double *data;
} dnb_rdm_entry;

/* ---- reading ---- */

typedef struct dnb_rdmfile dnb_rdmfile;

/* Opens and lists. DNB_EFORMAT: no `type`, a key of the wrong rank, a length that is no n(n-1)/2.
 */
DNB_API dnb_status dnb_rdmfile_open(dnb_rdmfile **out, const char *path,
                                    dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_rdmfile_close(dnb_rdmfile *f);
DNB_API dnb_rdm_type dnb_rdmfile_type(const dnb_rdmfile *f);
DNB_API size_t dnb_rdmfile_count(const dnb_rdmfile *f);
/* Entry i < count (data is NULL); valid until close. */
DNB_API const dnb_rdm_entry *dnb_rdmfile_entry(const dnb_rdmfile *f, size_t i);
DNB_API const char *dnb_rdmfile_provenance(const dnb_rdmfile *f);
/* Index of a key; DNB_ENOTFOUND names the nearest. */
DNB_API dnb_status dnb_rdmfile_find(const dnb_rdmfile *f, const char *key, size_t *index,
                                    dnb_err *err) DNB_MUST_CHECK;
/* Reads RDMs first .. first+n-1 of a key into out[n * n_pairs]; any stored real type. */
DNB_API dnb_status dnb_rdmfile_read(dnb_rdmfile *f, size_t key, size_t first, size_t n, double *out,
                                    dnb_err *err) DNB_MUST_CHECK;

/* ---- writing ---- */

/* Writes whole arrays, atomically. bRDM entries must have n_iter 1. options may be NULL. */
DNB_API dnb_status dnb_rdm_write(const char *path, dnb_rdm_type type, size_t n_entries,
                                 const dnb_rdm_entry *entries, const dnb_save_options *options,
                                 dnb_err *err) DNB_MUST_CHECK;

/* Streaming: for iterated dRDMs larger than memory. Appears under its final name on commit. */
typedef struct dnb_rdmwriter dnb_rdmwriter;
DNB_API dnb_status dnb_rdmwriter_open(dnb_rdmwriter **out, const char *path, dnb_rdm_type type,
                                      size_t n_entries, const dnb_rdm_entry *entries,
                                      const dnb_save_options *options, dnb_err *err) DNB_MUST_CHECK;
/* RDMs first .. first+n-1 of a key, without gaps, as dnb_actwriter_push. */
DNB_API dnb_status dnb_rdmwriter_push(dnb_rdmwriter *w, size_t key, size_t first, size_t n,
                                      const double *rows, dnb_err *err) DNB_MUST_CHECK;
/* Every key must be complete. w is freed whatever happens; on failure nothing is left behind. */
DNB_API dnb_status dnb_rdmwriter_commit(dnb_rdmwriter *w, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_rdmwriter_abort(dnb_rdmwriter *w);

#ifdef __cplusplus
}
#endif
#endif
