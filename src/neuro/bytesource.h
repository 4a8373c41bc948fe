/* Bytes of a file or a memory block, read at any offset, gzip unpacked on the way when its first
 * two bytes say so. room: neuro (internal) */
#ifndef DNB_NEURO_BYTESOURCE_H
#define DNB_NEURO_BYTESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

typedef struct dnb_bytesource dnb_bytesource;

/* A regular file; anything else is DNB_EIO. */
dnb_status dnb_bytesource_open(dnb_bytesource **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Memory the caller keeps until close; `name` stands for the path in messages. */
dnb_status dnb_bytesource_memory(dnb_bytesource **out, const void *data, size_t size,
                                 const char *name, dnb_err *err) DNB_MUST_CHECK;
void dnb_bytesource_close(dnb_bytesource *s);

const char *dnb_bytesource_name(const dnb_bytesource *s);
bool dnb_bytesource_is_gzip(const dnb_bytesource *s);
/* Plain: the size. gzip: a bound no unpacked size can exceed (deflate packs 1032:1 at best). */
uint64_t dnb_bytesource_max_size(const dnb_bytesource *s);

/* Reads `size` bytes at `offset` (of the unpacked data); *got < size only where the data end, which
 * is no error here. A broken gzip stream is DNB_EFORMAT. gzip: reading forwards unpacks once; an
 * offset before the current one starts over. Plain sources may be read by several threads at once,
 * gzip ones not. */
dnb_status dnb_bytesource_read(dnb_bytesource *s, uint64_t offset, void *buf, size_t size,
                               size_t *got, dnb_err *err) DNB_MUST_CHECK;
/* gzip: unpacks what is left, up to `limit` bytes, so that the checksum at the end is verified. */
dnb_status dnb_bytesource_finish(dnb_bytesource *s, uint64_t limit, dnb_err *err) DNB_MUST_CHECK;

#endif
