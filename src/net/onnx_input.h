/* What a model declares about its inputs. room: net (internal) */
#ifndef DNB_NET_ONNX_INPUT_H
#define DNB_NET_ONNX_INPUT_H

#include "net/graph.h"
#include "net/onnx_tensor.h"

/* Of an input of images: sizes left open are the caller's (height and width 0 = the file's). */
dnb_status dnb_onnx_image_shape(dnb_shape *shape, const Onnx__ValueInfo *v,
                                const dnb_onnx_source *from, size_t height, size_t width,
                                dnb_err *err) DNB_MUST_CHECK;
/* Of any input; sizes left open stay open. */
dnb_status dnb_onnx_input_shape(dnb_shape *shape, const Onnx__ValueInfo *v,
                                const dnb_onnx_source *from, dnb_err *err) DNB_MUST_CHECK;

#endif
