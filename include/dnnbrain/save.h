/* How data files are written: compression and provenance.
 * room: data */
#ifndef DNNBRAIN_SAVE_H
#define DNNBRAIN_SAVE_H

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialise for the default: no compression, no provenance. A NULL pointer means the same. */
typedef struct dnb_save_options {
    int compress; /* 0 = none (fast); 1..9 = gzip level (HDF5 files only; h5py's default is 4) */
    const char *provenance; /* one JSON object (dnb_provenance_json), or NULL */
} dnb_save_options;

#ifdef __cplusplus
}
#endif
#endif
