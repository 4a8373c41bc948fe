/* ONNX tensors as arrays, and the source file they come from. room: net (internal) */
#ifndef DNB_NET_ONNX_TENSOR_H
#define DNB_NET_ONNX_TENSOR_H

#include "dnnbrain/array.h"
#include "onnx.pb-c.h"

/* Where a model comes from, for messages and for tensors kept in other files. */
typedef struct dnb_onnx_source {
    const char *name;
    bool from_memory;              /* no folder, so no other files */
    ProtobufCAllocator *allocator; /* for unpacking sub-graphs */
} dnb_onnx_source;

/* The element type of a TensorProto data_type; false for those we do not read (strings, complex).
 */
bool dnb_onnx_dtype(int32_t data_type, dnb_dtype *out);
/* The tensor's numbers as a fresh array of its own element type (float16 and bfloat16 stay as they
 * are). May take the storage out of *t instead of copying. */
dnb_status dnb_onnx_tensor(dnb_array *out, Onnx__Tensor *t, const char *name,
                           const dnb_onnx_source *from, dnb_err *err) DNB_MUST_CHECK;

#endif
