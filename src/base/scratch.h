/* A scratch file: room on disk without a name, gone with the process that made it.
 * room: base (internal) */
#ifndef DNB_BASE_SCRATCH_H
#define DNB_BASE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

typedef struct dnb_scratch dnb_scratch;

/* Makes a file of `size` bytes in folder (NULL = $TMPDIR, else /tmp) and takes its name away at
 * once. Fails with the numbers when the disk has less room. */
dnb_status dnb_scratch_open(dnb_scratch **out, const char *folder, uint64_t size,
                            dnb_err *err) DNB_MUST_CHECK;
/* NULL is fine. */
void dnb_scratch_close(dnb_scratch *s);
/* All n bytes at an offset within the size. Any number of threads at once. */
dnb_status dnb_scratch_write(dnb_scratch *s, uint64_t at, const void *data, size_t n,
                             dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_scratch_read(dnb_scratch *s, uint64_t at, void *data, size_t n,
                            dnb_err *err) DNB_MUST_CHECK;
/* These bytes will be read soon. */
void dnb_scratch_expect(dnb_scratch *s, uint64_t at, uint64_t n);

#endif
