/* ROI signal files (.roi.h5): HDF5 with the root attribute `roi` (names) and the dataset `data`,
 * n_vol x n_roi. room: data */
#ifndef DNNBRAIN_ROIFILE_H
#define DNNBRAIN_ROIFILE_H

#include <stddef.h>

#include "dnnbrain/save.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Owns everything. Zero-initialise; free with dnb_roi_release. */
typedef struct dnb_roi {
    size_t n_vol, n_roi;
    char **names;     /* n_roi */
    double *data;     /* n_vol x n_roi, row-major */
    char *provenance; /* or NULL */
} dnb_roi;

/* Zeroed data and copies of the names (UTF-8, without NUL; repeats allowed). */
DNB_API dnb_status dnb_roi_init(dnb_roi *out, size_t n_vol, size_t n_roi, const char *const *names,
                                dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_roi_release(dnb_roi *r);
/* Reads; data of any real type, n_vol x n_roi (or n_vol alone for one ROI); names as variable- or
 * fixed-length text, ASCII or UTF-8. Any number of ROIs. */
DNB_API dnb_status dnb_roi_read(dnb_roi *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Writes atomically: float64, names as variable-length UTF-8. Names above what an HDF5 header holds
 * (about 64 KiB, some 4,000 ROIs) go into HDF5 1.8's dense attribute storage, which h5py reads.
 * options may be NULL. */
DNB_API dnb_status dnb_roi_write(const dnb_roi *r, const char *path,
                                 const dnb_save_options *options, dnb_err *err) DNB_MUST_CHECK;
/* Index of the first ROI of that name; DNB_ENOTFOUND names the nearest. `where` opens the message
 * (NULL = "ROI table"). */
DNB_API dnb_status dnb_roi_find(const dnb_roi *r, const char *name, size_t *index,
                                const char *where, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
