/* n-dimensional arrays in C (row-major) order, owned or borrowed.
 * room: array */
#ifndef DNNBRAIN_ARRAY_H
#define DNNBRAIN_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DNB_MAX_DIMS 8

typedef enum dnb_dtype {
    DNB_F32 = 0,
    DNB_F64,
    DNB_I32,
    DNB_I64,
    DNB_U8,
    DNB_I8,
    DNB_I16,
    DNB_U16,
    DNB_U32,
    DNB_U64,
    DNB_BOOL,
    DNB_F16,
    DNB_BF16,
    DNB_DTYPE_COUNT
} dnb_dtype;

/* Bytes of one element; 0 for an unknown type. */
DNB_API size_t dnb_dtype_size(dnb_dtype t);
/* numpy's name ("float32"). */
DNB_API const char *dnb_dtype_name(dnb_dtype t);

/* Contiguous, row-major. ndim == 0 is a scalar (one element). Zero-initialise or use
 * dnb_array_init. */
typedef struct dnb_array {
    dnb_dtype dtype;
    int ndim;
    size_t shape[DNB_MAX_DIMS];
    void *data;
    bool owned; /* dnb_array_release frees data only when set */
} dnb_array;

/* Allocates zeroed, 64-byte-aligned storage. Overflowing or too-large shapes fail with DNB_ENOMEM.
 */
DNB_API dnb_status dnb_array_init(dnb_array *a, dnb_dtype t, int ndim, const size_t *shape,
                                  dnb_err *err) DNB_MUST_CHECK;
/* Wraps storage the caller keeps. */
DNB_API void dnb_array_borrow(dnb_array *a, dnb_dtype t, int ndim, const size_t *shape, void *data);
DNB_API void dnb_array_release(dnb_array *a);
/* Number of elements / bytes (shape is known not to overflow once initialised). */
DNB_API size_t dnb_array_count(const dnb_array *a);
DNB_API size_t dnb_array_bytes(const dnb_array *a);
/* Copies with conversion into a fresh array of another type (same shape). f16/bf16 round to nearest
 * even. */
DNB_API dnb_status dnb_array_convert(dnb_array *out, const dnb_array *a, dnb_dtype t,
                                     dnb_err *err) DNB_MUST_CHECK;
/* "2x3x4" ("scalar" for ndim 0) into buf. Returns buf. */
DNB_API char *dnb_array_shape_text(const dnb_array *a, char *buf, size_t size);

/* NumPy .npy (format 1.0, 2.0, 3.0; little or big endian; C or Fortran order on reading;
 * writes 1.0, C order, little endian; atomic). */
DNB_API dnb_status dnb_npy_read(dnb_array *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_npy_write(const dnb_array *a, const char *path, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
