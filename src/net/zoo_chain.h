/* Plans of the chain-shaped networks. room: net (internal) */
#ifndef DNB_NET_ZOO_CHAIN_H
#define DNB_NET_ZOO_CHAIN_H

#include "net/zoo.h"

typedef enum dnb_zoo_step_op {
    DNB_STEP_END,
    DNB_STEP_CONV,
    DNB_STEP_BN,
    DNB_STEP_RELU,
    DNB_STEP_MAXPOOL,
    DNB_STEP_AVGPOOL, /* to out x out */
    DNB_STEP_FLATTEN,
    DNB_STEP_CHANNELS_LAST, /* n x c x h x w -> n x h x w x c; out = h * w */
    DNB_STEP_LINEAR,
    DNB_STEP_DROPOUT
} dnb_zoo_step_op;

typedef struct dnb_zoo_step {
    dnb_zoo_step_op op;
    const char *layer;  /* what users type; NULL = not among the main layers */
    const char *module; /* path in the PyTorch model */
    size_t out;         /* channels or features */
    size_t kernel, stride, pad;
} dnb_zoo_step;

/* plan: dnb_zoo_step[], ended by DNB_STEP_END. */
dnb_status dnb_zoo_build_chain(dnb_zoo_builder *b, const void *plan);
extern const dnb_zoo_step dnb_zoo_alexnet_plan[], dnb_zoo_vggish_plan[];

typedef struct dnb_zoo_vgg_plan {
    int convs[5]; /* per stage */
    bool batch_norm;
} dnb_zoo_vgg_plan;

dnb_status dnb_zoo_build_vgg(dnb_zoo_builder *b, const void *plan);
/* No plan. */
dnb_status dnb_zoo_build_vggface(dnb_zoo_builder *b, const void *plan);

#endif
