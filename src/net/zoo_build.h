/* What the families of the zoo build with: one call per layer, which names the layer, finds its
 * tensors in the checkpoint and checks their shapes. After a failure every further call does
 * nothing and gives DNB_NO_VALUE; the family returns b->status at its end. room: net (internal) */
#ifndef DNB_NET_ZOO_BUILD_H
#define DNB_NET_ZOO_BUILD_H

#include "net/graph.h"
#include "net/pth.h"
#include "net/zoo.h"

struct dnb_zoo_builder {
    const dnb_zoo_net *net;
    const dnb_pth *weights;
    const char *file; /* of the weights */
    dnb_graph *graph;
    dnb_value input;
    bool *used;    /* per tensor of the checkpoint */
    char **layers; /* the main layers, in order */
    size_t n_layers, cap_layers;
    dnb_status status;
    dnb_err *err;
};

/* A layer's two names. layer: what users type, listed among the main layers; NULL = not listed.
 * module: its path in the PyTorch model, which also names its tensors. One of them may be NULL. */
typedef struct dnb_zoo_name {
    const char *layer, *module;
} dnb_zoo_name;

typedef struct dnb_zoo_conv {
    size_t out;                /* channels */
    size_t kernel_h, kernel_w; /* kernel_w 0 = as kernel_h */
    size_t stride;             /* 0 = 1 */
    size_t pad_h, pad_w;       /* taken as given */
    bool bias;
} dnb_zoo_conv;

/* Channels (dimension 1) of a value made by these calls are told, not inferred: c_in is the
 * caller's. */
dnb_value dnb_zoo_conv2d(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t c_in,
                         const dnb_zoo_conv *spec);
/* Batch normalisation with the running statistics. */
dnb_value dnb_zoo_batch_norm(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t channels,
                             double epsilon);
dnb_value dnb_zoo_linear(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t n_in,
                         size_t n_out);
dnb_value dnb_zoo_relu(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name);
/* Square windows. */
dnb_value dnb_zoo_max_pool(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t kernel,
                           size_t stride, size_t pad, bool ceil_mode);
/* To size x size. */
dnb_value dnb_zoo_average_pool(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t size);
dnb_value dnb_zoo_flatten(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name);
dnb_value dnb_zoo_concat(dnb_zoo_builder *b, const dnb_value *x, size_t n, dnb_zoo_name name);
dnb_value dnb_zoo_add(dnb_zoo_builder *b, dnb_value x, dnb_value y, dnb_zoo_name name);
/* Any other operator, inputs and attributes as in graph.h. */
dnb_value dnb_zoo_op(dnb_zoo_builder *b, const char *op, const dnb_value *x, size_t n,
                     const dnb_attr *attrs, size_t n_attrs, dnb_zoo_name name);
/* A constant of n integers (Slice, Pad). */
dnb_value dnb_zoo_ints(dnb_zoo_builder *b, const int64_t *v, size_t n);
/* A further name for a value: a module that changes nothing when not training (dropout). */
void dnb_zoo_alias(dnb_zoo_builder *b, const char *name, dnb_value v);

/* "<a><b>" into buf; a name that does not fit sets b->status. */
const char *dnb_zoo_text(dnb_zoo_builder *b, char *buf, size_t size, const char *fmt, ...)
    DNB_PRINTF(4, 5);
#define DNB_ZOO_TEXT 96

#endif
