/* What a graph keeps to read its large constants later (dnb_graph_source). room: net (internal) */
#ifndef DNB_NET_SHELF_H
#define DNB_NET_SHELF_H

#include "net/graph.h"

typedef struct dnb_shelf dnb_shelf;

dnb_status dnb_shelf_new(dnb_shelf **out, const dnb_graph_source *source,
                         dnb_err *err) DNB_MUST_CHECK;
/* Closes the source; NULL is fine. */
void dnb_shelf_free(dnb_shelf *s);
/* Reads the constant's numbers if they are still to be read; from any thread. */
dnb_status dnb_shelf_fetch(dnb_shelf *s, dnb_graph_value *constant, dnb_err *err) DNB_MUST_CHECK;

#endif
