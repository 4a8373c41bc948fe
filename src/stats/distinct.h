/* Numbers as names: which of the distinct ones each is. room: stats (internal) */
#ifndef DNB_STATS_DISTINCT_H
#define DNB_STATS_DISTINCT_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

/* index[i] = position of ids[i] among the distinct values, ascending; *n_distinct = how many. */
dnb_status dnb_distinct(size_t *index, size_t *n_distinct, const int64_t *ids, size_t n,
                        dnb_err *err) DNB_MUST_CHECK;
/* *out = the ids of these rows (dnb_free), or NULL of NULL ids. */
dnb_status dnb_ids_of_rows(int64_t **out, const int64_t *ids, const size_t *rows, size_t n,
                           dnb_err *err) DNB_MUST_CHECK;

#endif
