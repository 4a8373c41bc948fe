/* What the NIfTI files share: header codec, opening from byte sources, streamed reading and
 * writing. room: neuro (internal) */
#ifndef DNB_NEURO_NIFTI_INTERNAL_H
#define DNB_NEURO_NIFTI_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/nifti.h"
#include "dnnbrain/runtime.h"
#include "neuro/bytesource.h"
#include "neuro/voxels.h"

#define DNB_NIFTI1_SIZE 348
#define DNB_NIFTI2_SIZE 540

/* Decodes and checks the first n bytes of a header file (at least 348 or 540 are needed).
 * Everything a dnb_nifti_header promises holds afterwards, except that datatype may be an
 * unsupported code. */
dnb_status dnb_nifti_header_decode(dnb_nifti_header *h, const unsigned char *bytes, size_t n,
                                   const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Little-endian header of a single file of the asked version (0 = its own, but 2 when a field does
 * not fit 1) into bytes, *size of them used. Voxels are to start `extra` bytes (extensions) behind
 * the header and its 4-byte extension flag. DNB_EARG, naming the field, when one does not fit the
 * version. */
dnb_status dnb_nifti_header_encode(const dnb_nifti_header *h, int version, uint64_t extra,
                                   unsigned char bytes[DNB_NIFTI2_SIZE], size_t *size,
                                   const char *path, dnb_err *err) DNB_MUST_CHECK;
/* The scaling a header asks for. DNB_EFORMAT for a valid slope with a non-finite intercept. */
dnb_status dnb_nifti_voxel_format(const dnb_nifti_header *h, dnb_voxel_format *out,
                                  const char *path, dnb_err *err) DNB_MUST_CHECK;

/* Opens from sources it takes over (closed with the image, and on failure). image == NULL: a single
 * file; else `head` is the .hdr and `image` the .img. */
dnb_status dnb_nifti_open_sources(dnb_nifti **out, dnb_bytesource *head, dnb_bytesource *image,
                                  dnb_err *err) DNB_MUST_CHECK;

/* One piece of the stream: raw voxels [first, first + n) of the image (numbered through all
 * volumes, file order) in machine byte order. Called by several threads at once, for disjoint
 * pieces. */
typedef void dnb_nifti_sink(void *ctx, const dnb_voxel_format *format, const void *raw,
                            size_t first, size_t n);
/* Sends volumes first .. first+count-1 through `sink`. */
dnb_status dnb_nifti_stream(dnb_nifti *f, size_t first, size_t count, dnb_nifti_sink *sink,
                            void *ctx, const dnb_progress *progress, dnb_err *err) DNB_MUST_CHECK;

/* Writing by pieces: open, push values until the shape is full, commit (or abort). */
typedef struct dnb_nifti_writer dnb_nifti_writer;
dnb_status dnb_nifti_writer_open(dnb_nifti_writer **out, const char *path,
                                 const dnb_nifti_header *h, const dnb_nifti_write_options *opt,
                                 dnb_err *err) DNB_MUST_CHECK;
/* `type` is DNB_F32 or DNB_F64. */
dnb_status dnb_nifti_writer_push(dnb_nifti_writer *w, dnb_dtype type, const void *data, size_t n,
                                 dnb_err *err) DNB_MUST_CHECK;
/* Frees w whatever happens. DNB_EINTERNAL when fewer voxels were pushed than the header's shape
 * has. */
dnb_status dnb_nifti_writer_commit(dnb_nifti_writer *w, dnb_err *err) DNB_MUST_CHECK;
void dnb_nifti_writer_abort(dnb_nifti_writer *w);

#endif
