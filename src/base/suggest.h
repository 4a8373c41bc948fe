/* "Did you mean": the names nearest to a wrong one, appended to an error message. room: base
 * (internal) */
#ifndef DNB_BASE_SUGGEST_H
#define DNB_BASE_SUGGEST_H

#include <stddef.h>

#include "dnnbrain/status.h"

/* Appends to the NUL-terminated text in message[size] (NULL is fine: nothing happens) up to three
 * of the n names, nearest first: "; nearest are 'conv5', 'conv4', 'conv3' (21 in all)", or all of
 * them when there are no more than three: "; there is 'hIT', 'mIT'". Nearness is the case-blind
 * edit distance with swaps; a name that contains the wanted one counts as near. Ties keep the order
 * of names. Cost: O(n) distances of at most 128 x 128 steps; no allocation. */
void dnb_suggest(char *message, size_t size, const char *wanted, const char *const *names,
                 size_t n);

/* dnb_suggest on err's message (err may be NULL), returning err's status: the last line of a
 * look-up that failed. */
dnb_status dnb_fail_suggest(dnb_err *err, dnb_status status, const char *wanted,
                            const char *const *names, size_t n);

/* The distance itself (0 = equal but for case). Names longer than 128 bytes are compared by their
 * first 128. */
size_t dnb_edit_distance(const char *a, const char *b);

#endif
