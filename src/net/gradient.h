/* Gradients as graphs: differentiating appends nodes to the graph, which then runs through the same
 * planner as any other. room: net (internal)
 *
 * Everything appended works for any batch size. The seed is a constant spread over the batch, so a
 * program with gradients still has one input. */
#ifndef DNB_NET_GRADIENT_H
#define DNB_NET_GRADIENT_H

#include "net/graph.h"

/* Zero-initialise. */
typedef struct dnb_gradient_options {
    /* Relu passes a gradient only where both its input and the gradient are positive (guided
     * backpropagation: Springenberg et al. 2014). */
    bool guided_relu;
} dnb_gradient_options;

/* Appends the gradient of sum(seed * target) with respect to each of wrt[0..n), and its value to
 * grads[0..n): the shape of wrt[i]. wrt may be the input, any value in between or constants
 * (parameters). seed: a float value that broadcasts to target's shape, with a batch of 1 or
 * target's: a one-hot for a unit, ones over a channel; it is taken as constant. A wrt that target
 * does not depend on gets zeros. options may be NULL.
 * DNB_EUNSUPPORTED, naming the node: an operator on the way has no gradient. DNB_EARG / DNB_ESHAPE:
 * values that are no floats, a seed that does not fit. After a failure the graph may hold further
 * unnamed, unread nodes; what was there is as before. Cost: linear in nodes, no arithmetic. */
dnb_status dnb_graph_gradient(dnb_graph *g, dnb_value target, dnb_value seed, const dnb_value *wrt,
                              size_t n, const dnb_gradient_options *options, dnb_value *grads,
                              dnb_err *err) DNB_MUST_CHECK;

/* What to differentiate, by name. Zero-initialise. */
typedef struct dnb_gradient_request {
    const char *target; /* value name; one row per stimulus */
    /* How much of target: the sum of all of it (0), of a channel (1), of a channel's row (2), or
     * one unit (3); channel, row and column as dnb_net_layer_shape counts them. */
    int n_index;
    size_t index[3];
    const char *const *wrt; /* value names */
    size_t n_wrt;
    const char *prefix; /* of the results' names; NULL = "grad:" */
    dnb_gradient_options options;
} dnb_gradient_request;

/* Adds seed and gradients, and names them "grad:<wrt>" so that they can be tapped. DNB_ENOTFOUND:
 * no such value; DNB_EARG: an index outside the target, or a name that is taken already. */
dnb_status dnb_graph_gradient_named(dnb_graph *g, const dnb_gradient_request *r,
                                    dnb_err *err) DNB_MUST_CHECK;

#endif
