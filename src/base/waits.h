/* Short waits in parallel regions. room: base (internal)
 *
 * Threads of GNU's OpenMP that wait for each other spin for milliseconds before they sleep, on
 * processors that decoding, writing and other programs could use, unless the runtime manages more
 * threads than there are processors. A team of two started by a thread of our own, which then
 * sleeps until the end, makes that so. Other runtimes are left alone. */
#ifndef DNB_BASE_WAITS_H
#define DNB_BASE_WAITS_H

typedef struct dnb_waits dnb_waits;

/* From here on waits are short. NULL when the thread cannot be had: then they stay as they are. */
dnb_waits *dnb_waits_shorten(void);
/* Ends that; NULL is fine. */
void dnb_waits_restore(dnb_waits *w);

#endif
