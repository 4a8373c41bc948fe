/* Functions that an ONNX model brings along: calls of them become the functions' own nodes before
 * the graph is built. room: net (internal)
 *
 * Inside a call whose first output is y, the function's value t is called "y/t" (another character
 * stands for the slash where the file's own names have slashes), so inner values have names that
 * can be asked for, and two calls never share one. */
#ifndef DNB_NET_ONNX_FUNCTION_H
#define DNB_NET_ONNX_FUNCTION_H

#include "net/onnx_tensor.h"

typedef struct dnb_onnx_functions dnb_onnx_functions;

/* What the model's functions are; *out = NULL when it has none. model and from must outlive it.
 * DNB_EFORMAT: the same function twice, malformed lists; DNB_EUNSUPPORTED: functions that call
 * themselves, directly or through others, or nested absurdly deep. */
dnb_status dnb_onnx_functions_new(dnb_onnx_functions **out, const Onnx__Model *model,
                                  const dnb_onnx_source *from, dnb_err *err) DNB_MUST_CHECK;
void dnb_onnx_functions_free(dnb_onnx_functions *f);

/* Replaces the calls among g's nodes (not those in bodies of its nodes: they are unpacked later,
 * and inlined then) by the functions' nodes, in order. f may be NULL. New nodes come from from's
 * allocator, as if the file had held them. All calls of a model together may make at most 2^18
 * nodes: DNB_EUNSUPPORTED beyond. On failure g is as it was. */
dnb_status dnb_onnx_inline(dnb_onnx_functions *f, Onnx__Graph *g, dnb_err *err) DNB_MUST_CHECK;

#endif
