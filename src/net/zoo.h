/* The zoo: networks known by name, as const records. A family of networks (plain chains, residual
 * nets, ...) is one file; a network of it is one record. zoo.c lists them. room: net (internal) */
#ifndef DNB_NET_ZOO_H
#define DNB_NET_ZOO_H

#include "dnnbrain/net.h"
#include "net/graph.h"

typedef struct dnb_zoo_builder dnb_zoo_builder; /* zoo_build.h */

typedef struct dnb_zoo_net {
    const char *name;     /* as users write it; case is ignored */
    const char *file;     /* usual name of the weights below $DNNBRAIN_DATA/models */
    dnb_input_spec input; /* what the weights were trained on */
    dnb_status (*build)(dnb_zoo_builder *b, const void *plan);
    const void *plan; /* the family's description of this network */
} dnb_zoo_net;

size_t dnb_zoo_count(void);
const dnb_zoo_net *dnb_zoo_at(size_t i);
/* NULL when there is none; case, '-' and '_' are ignored ("vgg19-bn"). */
const dnb_zoo_net *dnb_zoo_find(const char *name);

/* Builds the network at `input` (the record's, perhaps resized) with the weights of a .pth file. */
dnb_status dnb_zoo_open(dnb_net **out, const dnb_zoo_net *z, const dnb_input_spec *input,
                        const char *weights, dnb_err *err) DNB_MUST_CHECK;

#endif
