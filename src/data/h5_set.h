/* What opening a file needs to know of each dataset. room: data (internal) */
#ifndef DNB_DATA_H5_SET_H
#define DNB_DATA_H5_SET_H

#include "data/h5.h"

/* Fills *s (its name is set) from the open dataset id, refusing what cannot be read safely. */
dnb_status dnb_h5_describe(const dnb_h5_file *f, hid_t id, dnb_h5_set *s,
                           dnb_err *err) DNB_MUST_CHECK;

/* Reads part of a chunked dataset without H5Dread where that can be done (*served); otherwise
 * nothing has happened that matters. */
dnb_status dnb_h5_read_chunks(const dnb_h5_file *f, const dnb_h5_set *s, dnb_h5_range r,
                              dnb_dtype type, void *out, bool *served, dnb_err *err) DNB_MUST_CHECK;

/* Before H5Dread of a filtered dataset: does each chunk of the range unpack to the size of a chunk?
 * libhdf5 1.10 does not look. Costs an unpacking of each, on a way that is seldom taken. */
dnb_status dnb_h5_check_chunks(const dnb_h5_file *f, const dnb_h5_set *s, dnb_h5_range r,
                               dnb_err *err) DNB_MUST_CHECK;

#endif
