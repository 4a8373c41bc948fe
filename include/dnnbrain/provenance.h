/* How an output was made: a short JSON text that every writer stores beside the numbers
 * (HDF5 root attribute "provenance", NIfTI extension, PNG/SVG/PDF metadata, TSV comment, JSON
 * field). room: base */
#ifndef DNNBRAIN_PROVENANCE_H
#define DNNBRAIN_PROVENANCE_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Grows by key; keys keep their order, a key set again is replaced. */
typedef struct dnb_provenance dnb_provenance;

/* Starts with "program" ("dnnbrain X.Y.Z") and, when argv is not NULL, "command". */
DNB_API dnb_status dnb_provenance_new(dnb_provenance **out, int argc, const char *const *argv,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_provenance_free(dnb_provenance *p);
/* Adds a string / a number. p == NULL is fine (nothing is recorded). */
DNB_API dnb_status dnb_provenance_set(dnb_provenance *p, const char *key, const char *value,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_provenance_set_number(dnb_provenance *p, const char *key, double value,
                                             dnb_err *err) DNB_MUST_CHECK;
/* One JSON object, UTF-8, valid until p changes or is freed; "{}" for NULL. */
DNB_API const char *dnb_provenance_json(const dnb_provenance *p);

/* XXH3-128 of bytes / of a file as 32 hex digits and NUL (what `xxhsum -H2` prints). It identifies
 * content; it is no defence against forgery. Cost: one pass at memory speed. */
DNB_API void dnb_hash_bytes(const void *data, size_t size, char out[33]);
DNB_API dnb_status dnb_hash_file(const char *path, char out[33], dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
