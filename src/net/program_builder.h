/* Planning state shared by program_build.c (walk, versions, reference steps) and onednn_lower.c
 * (primitive steps). room: net (internal) */
#ifndef DNB_NET_PROGRAM_BUILDER_H
#define DNB_NET_PROGRAM_BUILDER_H

#include "net/program_impl.h"

/* One stored form of a value. */
typedef struct dnb_version {
    dnb_layout *layout; /* owned; NULL = plain */
    int buffer;
    int next; /* index of the value's next version; -1 = none */
} dnb_version;

typedef struct dnb_builder {
    dnb_program *p;
    dnb_version *versions;
    size_t n_versions, cap_versions;
    int *first;   /* per value: its first version (the one it was computed in); -1 = none */
    int *pending; /* per root value: reads still to come */
} dnb_builder;

/* Makes room for one more element in the block at *array. */
dnb_status dnb_builder_grow(void **array, size_t *cap, size_t used, size_t size,
                            dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_builder_buffer(dnb_builder *b, dnb_buffer_kind kind, size_t bytes, int *out,
                              dnb_err *err) DNB_MUST_CHECK;
/* A buffer over a constant value's plain content. */
dnb_status dnb_builder_constant(dnb_builder *b, dnb_value v, int *out, dnb_err *err) DNB_MUST_CHECK;
/* The last step added touches this buffer. */
void dnb_builder_touch(dnb_builder *b, int buffer);
/* Adds a PRIM step with room for its arguments; takes over op on success. */
dnb_status dnb_builder_prim_step(dnb_builder *b, dnb_dnn_op *op, size_t n_args, dnb_step **out,
                                 dnb_err *err) DNB_MUST_CHECK;
void dnb_builder_arg(dnb_builder *b, dnb_step *s, int arg, int buffer);

/* Takes over layout, whether it succeeds or not. */
dnb_status dnb_builder_add_version(dnb_builder *b, dnb_value v, dnb_layout *layout, int buffer,
                                   dnb_err *err) DNB_MUST_CHECK;
/* The first version of v (index into versions), making one for constants and views. */
dnb_status dnb_builder_main_version(dnb_builder *b, dnb_value v, int *out,
                                    dnb_err *err) DNB_MUST_CHECK;
/* The buffer that holds v in `layout` (NULL = plain), made by a copy if need be. */
dnb_status dnb_builder_version_in(dnb_builder *b, dnb_value v, const dnb_layout *layout,
                                  int *buffer, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_builder_plain_layout(dnb_builder *b, dnb_value v, dnb_dtype type, dnb_layout **out,
                                    dnb_err *err) DNB_MUST_CHECK;
/* The type elements have in this version. */
dnb_dtype dnb_version_type(const dnb_version *version);
/* A private copy of version `from` of v in another layout (NULL = plain), in a new buffer. */
dnb_status dnb_builder_reorder(dnb_builder *b, dnb_value v, const dnb_version *from,
                               const dnb_layout *to, int *buffer, dnb_err *err) DNB_MUST_CHECK;

void dnb_builder_read_done(dnb_builder *b, dnb_value v);
/* Is the read about to happen the last one, and may this buffer of v be overwritten? */
bool dnb_builder_last_read(const dnb_builder *b, dnb_value v, int buffer);

/* Adds the steps of the group headed by node i (onednn_lower.c). DNB_EUNSUPPORTED: oneDNN cannot.
 */
dnb_status dnb_lower_group(dnb_builder *b, size_t i, dnb_err *err) DNB_MUST_CHECK;

#endif
