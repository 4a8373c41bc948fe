/* Plans of the residual networks. room: net (internal) */
#ifndef DNB_NET_ZOO_RESNET_H
#define DNB_NET_ZOO_RESNET_H

#include "net/zoo.h"

typedef struct dnb_zoo_resnet_plan {
    int depths[4];   /* blocks per stage */
    bool bottleneck; /* 1x1, 3x3, 1x1 instead of 3x3, 3x3 */
} dnb_zoo_resnet_plan;

dnb_status dnb_zoo_build_resnet(dnb_zoo_builder *b, const void *plan);
/* The CIFAR-10 nets of the same paper: three stages of 16, 32, 64 channels, `depths[0]` blocks
 * each, shortcuts without weights. */
dnb_status dnb_zoo_build_resnet_cifar(dnb_zoo_builder *b, const void *plan);

#endif
