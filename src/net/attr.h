/* Copies of node attributes. room: net (internal) */
#ifndef DNB_NET_ATTR_H
#define DNB_NET_ATTR_H

#include "net/graph.h"

/* Deep copy; release with dnb_attr_release. DNB_EARG for a nameless or malformed attribute. */
dnb_status dnb_attr_copy(dnb_attr *out, const dnb_attr *a, dnb_err *err) DNB_MUST_CHECK;
void dnb_attr_release(dnb_attr *a);

#endif
