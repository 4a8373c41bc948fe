/* Plans of the Inception networks. room: net (internal) */
#ifndef DNB_NET_ZOO_INCEPTION_H
#define DNB_NET_ZOO_INCEPTION_H

#include "net/zoo.h"

/* No plans: one network each. */
dnb_status dnb_zoo_build_googlenet(dnb_zoo_builder *b, const void *plan);
dnb_status dnb_zoo_build_inception_v3(dnb_zoo_builder *b, const void *plan);

#endif
