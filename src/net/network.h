/* How a loader or the zoo turns a finished graph into a dnb_net. room: net (internal) */
#ifndef DNB_NET_NETWORK_H
#define DNB_NET_NETWORK_H

#include "dnnbrain/net.h"
#include "net/graph.h"

/* Everything but the graph; copied. */
typedef struct dnb_net_init {
    const char *name;
    const char *weights_path;  /* NULL = none */
    dnb_input_spec input;      /* channels, height, width must agree with the graph's input */
    const char *const *layers; /* main layer names, each a name or alias of the graph; NULL = every
                                  named node output that can be tapped */
    size_t n_layers;
} dnb_net_init;

/* Checks the whole graph (shapes of every node at batch 1 and 2) and takes it over on success (on
 * failure the caller still owns it). The graph must have exactly one input, n x c x h x w. */
dnb_status dnb_net_from_graph(dnb_net **out, dnb_graph *g, const dnb_net_init *init,
                              dnb_err *err) DNB_MUST_CHECK;
const dnb_graph *dnb_net_graph(const dnb_net *net);

#endif
