/* "Did you mean": the names nearest to a wrong one, for error messages.
 * room: base */
#ifndef DNNBRAIN_SUGGEST_H
#define DNNBRAIN_SUGGEST_H

#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends to the NUL-terminated text in message[size] (NULL is fine: nothing happens) up to three
 * of the n names, nearest first: "; nearest are 'conv5', 'conv4', 'conv3' (21 in all)", or all of
 * them when there are no more than three: "; there is 'hIT', 'mIT'". Nearness is the case-blind
 * edit distance with swaps; a name that contains the wanted one counts as near. Ties keep the order
 * of names. Cost: O(n) distances of at most 128 x 128 steps; no allocation. */
DNB_API void dnb_suggest(char *message, size_t size, const char *wanted, const char *const *names,
                         size_t n);

#ifdef __cplusplus
}
#endif
#endif
