/* One call of a function: the function's nodes with the call's names and attributes in them. room:
 * net (internal) */
#ifndef DNB_NET_ONNX_INSTANCE_H
#define DNB_NET_ONNX_INSTANCE_H

#include <stdbool.h>

#include "net/onnx_tensor.h"

typedef struct dnb_onnx_instance dnb_onnx_instance;

/* outer: the instance that call comes from, just now (NULL: it is a node of a graph). All arguments
 * must outlive the instance. DNB_EFORMAT: more inputs or outputs than the function has, or
 * malformed lists of them. */
dnb_status dnb_onnx_instance_new(dnb_onnx_instance **out, const Onnx__Function *f,
                                 const Onnx__Node *call, const dnb_onnx_instance *outer,
                                 const char *separator, const dnb_onnx_source *from,
                                 dnb_err *err) DNB_MUST_CHECK;
/* The next node, to be freed with onnx__node__free_unpacked and from's allocator; *out = NULL after
 * the last. It may itself be a call where *may_call says so. */
dnb_status dnb_onnx_instance_next(dnb_onnx_instance *in, Onnx__Node **out, bool *may_call,
                                  dnb_err *err) DNB_MUST_CHECK;
void dnb_onnx_instance_free(dnb_onnx_instance *in);

#endif
