/* The names of a graph's values: a hash table that keeps the order of adding. room: net (internal)
 */
#ifndef DNB_NET_GRAPH_NAMES_H
#define DNB_NET_GRAPH_NAMES_H

#include "net/graph.h"

typedef struct dnb_graph_name {
    char *text; /* owned */
    dnb_value value;
} dnb_graph_name;

/* Zero-initialise. */
typedef struct dnb_graph_names {
    dnb_graph_name *list;
    size_t n, cap;
    int *table; /* open addressing: index into list + 1; 0 = free */
    size_t cap_table;
} dnb_graph_names;

void dnb_graph_names_release(dnb_graph_names *names);
/* After success `more` names can be added without failing. `more` is at most 2^27. */
dnb_status dnb_graph_names_reserve(dnb_graph_names *names, size_t more,
                                   dnb_err *err) DNB_MUST_CHECK;
/* Room is reserved and the name is free; takes over text. */
void dnb_graph_names_add(dnb_graph_names *names, char *text, dnb_value v);
/* DNB_NO_VALUE when there is none. */
dnb_value dnb_graph_names_find(const dnb_graph_names *names, const char *name);

#endif
