/* "Did you mean": the names nearest to a wrong one, appended to an error message. room: base
 * (internal) */
#ifndef DNB_BASE_NEAR_NAME_H
#define DNB_BASE_NEAR_NAME_H

#include <stddef.h>

#include "dnnbrain/status.h"
#include "dnnbrain/suggest.h"

/* dnb_suggest on err's message (err may be NULL), returning err's status: the last line of a
 * look-up that failed. */
dnb_status dnb_fail_suggest(dnb_err *err, dnb_status status, const char *wanted,
                            const char *const *names, size_t n);

/* The distance itself (0 = equal but for case). Names longer than 128 bytes are compared by their
 * first 128. */
size_t dnb_edit_distance(const char *a, const char *b);

#endif
