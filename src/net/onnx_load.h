/* ONNX models (opset 1 to 18) as graphs. room: net (internal) */
#ifndef DNB_NET_ONNX_LOAD_H
#define DNB_NET_ONNX_LOAD_H

#include "net/graph.h"

/* The graph of a model file. Every node output keeps its name; a node's own name is an alias of its
 * first output where that is free. height and width (0 = the file's) size the image input where the
 * file leaves them open or says otherwise. */
dnb_status dnb_onnx_load(dnb_graph **out, const char *path, size_t height, size_t width,
                         dnb_err *err) DNB_MUST_CHECK;
/* The graph just as the file has it: any number of inputs of any shape and type; sizes the file
 * leaves open are 0. For evaluation (eval.h). */
dnb_status dnb_onnx_load_any(dnb_graph **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* dnb_onnx_load from memory; tensors kept in other files are refused. */
dnb_status dnb_onnx_load_memory(dnb_graph **out, const char *name, const void *data, size_t size,
                                size_t height, size_t width, dnb_err *err) DNB_MUST_CHECK;

#endif
