/* From a parsed ONNX model to a graph. room: net (internal) */
#ifndef DNB_NET_ONNX_BUILD_H
#define DNB_NET_ONNX_BUILD_H

#include "net/graph.h"
#include "net/onnx_tensor.h"

typedef struct dnb_onnx_wish {
    bool any;             /* inputs as they are; else one image input of this size: */
    size_t height, width; /* see onnx_load.h */
} dnb_onnx_wish;

/* The model's weights may be moved out of it. */
dnb_status dnb_onnx_build(dnb_graph **out, Onnx__Model *model, const dnb_onnx_source *from,
                          const dnb_onnx_wish *wish, dnb_err *err) DNB_MUST_CHECK;

#endif
