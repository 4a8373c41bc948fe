/* What a list of taps needs of a graph: which nodes run, which values are constant, which are mere
 * views of others, and which nodes are fused into one. room: net (internal) */
#ifndef DNB_NET_ANALYSIS_H
#define DNB_NET_ANALYSIS_H

#include "net/infer.h"
#include "net/prim.h"

#define DNB_NO_NODE (-1)

typedef struct dnb_value_facts {
    bool wanted;   /* needed by a tap, directly or not */
    bool constant; /* does not depend on the input */
    int readers;   /* nodes that run per batch and read it (each occurrence counts) */
    int reader;    /* one of these nodes */
    int taps;
    dnb_value canon; /* the value it has shape and content in common with (itself unless a view) */
    dnb_value root;  /* the value whose elements it has, perhaps in another shape */
} dnb_value_facts;

typedef struct dnb_node_facts {
    bool runs;     /* computed for each batch (views and absorbed nodes included) */
    bool setup;    /* computed once: its outputs are constants */
    bool view;     /* out[0] has in[0]'s elements */
    bool absorbed; /* part of another node's group */
    dnb_prim prim; /* kind NONE: the reference kernel */
    /* The group this node heads, in order of application; DNB_NO_NODE where nothing is fused. */
    int pre;          /* Mul of the gradient by one constant per channel, folded into the weights */
    int norm;         /* BatchNormalization folded into weights and bias */
    int bias;         /* Add of a constant vector, folded into the bias */
    int add;          /* Add of `addend`, a value of the same shape */
    int act;          /* elementwise function */
    int last;         /* the group's last node: it is computed when that one's turn comes */
    dnb_value addend; /* DNB_NO_VALUE without add */
    dnb_value result; /* what the group yields */
} dnb_node_facts;

typedef struct dnb_analysis {
    const dnb_graph *graph;
    const dnb_inference *inf;
    dnb_value_facts *values;
    dnb_node_facts *nodes;
} dnb_analysis;

/* prims: describe nodes as primitives; fuse: form groups (needs prims). */
dnb_status dnb_analysis_init(dnb_analysis *a, const dnb_graph *g, const dnb_inference *inf,
                             const dnb_value *taps, size_t n_taps, bool prims, bool fuse,
                             dnb_err *err) DNB_MUST_CHECK;
void dnb_analysis_release(dnb_analysis *a);
/* Forms the groups (fuse.c). */
void dnb_analysis_fuse(dnb_analysis *a);

/* Data input k of the group headed by node i. */
dnb_value dnb_group_input(const dnb_analysis *a, size_t i, size_t k);
/* The operand of a two-operand node that is constant. */
dnb_value dnb_constant_operand(const dnb_analysis *a, int node);

#endif
