/* From a parsed ONNX model to a graph. room: net (internal) */
#ifndef DNB_NET_ONNX_BUILD_H
#define DNB_NET_ONNX_BUILD_H

#include "net/graph.h"
#include "net/onnx_tensor.h"

/* The model's weights may be moved out of it. height, width: see onnx_load.h. */
dnb_status dnb_onnx_build(dnb_graph **out, Onnx__Model *model, const dnb_onnx_source *from,
                          size_t height, size_t width, dnb_err *err) DNB_MUST_CHECK;

#endif
