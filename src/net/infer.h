/* Shape inference for one batch size, with the content of small constant values (shape arithmetic).
 * room: net (internal) */
#ifndef DNB_NET_INFER_H
#define DNB_NET_INFER_H

#include "net/op.h"

/* Indexed by dnb_value. */
typedef struct dnb_inference {
    size_t batch, declared_batch, n_values;
    dnb_shape *shape;
    dnb_array *known; /* data == NULL = not known; graph constants are borrowed */
} dnb_inference;

/* Every dim[0] of the graph's inputs becomes `batch`. Fails with a message that names the first
 * node whose inputs do not fit. g must outlive the result. Cost: linear in nodes; content of more
 * than a few thousand elements is not computed. */
dnb_status dnb_inference_new(dnb_inference **out, const dnb_graph *g, size_t batch,
                             dnb_err *err) DNB_MUST_CHECK;
/* The same with this shape for the first input (NULL = as declared); where the file leaves the
 * batch open, its dim[0] is taken to be what the graph is written for. */
dnb_status dnb_inference_new_for(dnb_inference **out, const dnb_graph *g, size_t batch,
                                 const dnb_shape *input, dnb_err *err) DNB_MUST_CHECK;
void dnb_inference_free(dnb_inference *inf);
/* One node: its shape rule, checked, with all element types filled in. */
dnb_status dnb_infer_outputs(const dnb_op_shapes *s, dnb_err *err) DNB_MUST_CHECK;

/* The arrays an operator's rules want, for one node. Zero-initialise once, refill
 * for each node; release at the end. */
typedef struct dnb_node_view {
    const dnb_shape **in;
    const dnb_array **known;
    dnb_shape *out;
    size_t cap_in, cap_out;
} dnb_node_view;

/* Room for node n's inputs and outputs. */
dnb_status dnb_node_view_reserve(dnb_node_view *v, const dnb_node *n, dnb_err *err) DNB_MUST_CHECK;
/* Fills v and *s for node n (inferred output shapes included, when there are any). */
dnb_status dnb_node_view_fill(dnb_node_view *v, dnb_op_shapes *s, const dnb_graph *g,
                              const dnb_inference *inf, const dnb_node *n,
                              dnb_err *err) DNB_MUST_CHECK;
void dnb_node_view_release(dnb_node_view *v);

#endif
