/* What the rooms that compute over rows share. room: array (internal) */
#ifndef DNB_ARRAY_ROWS_LOAD_H
#define DNB_ARRAY_ROWS_LOAD_H

#include "dnnbrain/rows.h"

/* Fails unless x is a sane, non-empty source whose size as float64 does not overflow. */
dnb_status dnb_rows_check(const dnb_rows *x, dnb_err *err) DNB_MUST_CHECK;
/* Bytes of the whole matrix in its own type. */
size_t dnb_rows_bytes(const dnb_rows *x);
/* *out = x when it is in memory already, cheap to read or does not fit `memory` bytes; else reads
 * it whole into *hold, which the caller releases after *out's last use. */
dnb_status dnb_rows_load(dnb_rows *out, dnb_array *hold, const dnb_rows *x, size_t memory,
                         dnb_err *err) DNB_MUST_CHECK;

#endif
