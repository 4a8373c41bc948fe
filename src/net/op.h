/* What an operator is: one const record per operator, listed in op_table.c. room: net (internal)
 *
 * To add an operator: write its shape rule and reference kernel in the file of its family, add its
 * record there and one line to the table. */
#ifndef DNB_NET_OP_H
#define DNB_NET_OP_H

#include "net/graph.h"
#include "net/prim.h"

/* A node during shape inference. Arrays are indexed like the node's inputs / outputs. */
typedef struct dnb_op_shapes {
    const dnb_node *node;
    int opset;
    size_t batch;                  /* what this inference runs with */
    size_t declared_batch;         /* what the file was written for */
    const dnb_shape *const *in;    /* NULL = input not given */
    const dnb_array *const *known; /* content (F32 or I64) where it is known already; else NULL */
    dnb_shape *out;                /* dtype is preset to the first input's (or F32), elem to 0 */
} dnb_op_shapes;

/* A node during execution by its reference kernel. in[i]->dtype is I64, or the run's float type
 * (F32 or F64); out arrays are allocated with the inferred shapes. Kernels accumulate in double. */
typedef struct dnb_op_call {
    const dnb_node *node;
    int opset;
    const dnb_array *const *in; /* NULL = input not given */
    dnb_array *out;
    /* Element types where they matter (saturation, unsigned division); NULL = input not given. */
    const dnb_shape *const *in_shape;
    const dnb_shape *out_shape;
} dnb_op_call;

/* A node whose outputs' shapes only running it tells (If, Loop, Scan): evaluation node by node. The
 * rule fills out (owned arrays) and out_shape. */
typedef struct dnb_evaluator dnb_evaluator; /* eval.h */
typedef struct dnb_eval_call {
    dnb_evaluator *evaluator;
    const dnb_node *node;
    int opset;
    const dnb_array *const *in; /* NULL = input not given */
    const dnb_shape *const *in_shape;
    dnb_array *out;
    dnb_shape *out_shape;
} dnb_eval_call;

typedef dnb_status (*dnb_shape_rule)(const dnb_op_shapes *s, dnb_err *err);
typedef dnb_status (*dnb_reference_kernel)(const dnb_op_call *call, dnb_err *err);
typedef dnb_status (*dnb_eval_rule)(const dnb_eval_call *call, dnb_err *err);
/* Describes the node as an accelerator primitive; leaves p->kind NONE when it cannot (this instance
 * then runs by the reference kernel). s->out holds the inferred shapes. */
typedef dnb_status (*dnb_lowering)(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err);
/* A node while it is differentiated (gradient.c). */
typedef struct dnb_op_grads {
    dnb_graph *graph;           /* to append to */
    dnb_node node;              /* a copy: appending moves the original */
    const dnb_shape *shape;     /* per value the node reads or writes, at batch 1 */
    const dnb_value *out_grads; /* per output; DNB_NO_VALUE = none reached it */
    const bool *wanted;         /* per input */
    bool guided_relu;           /* see dnb_gradient_options */
    dnb_value *in_grads;        /* per input: the result; DNB_NO_VALUE = zero */
} dnb_op_grads;
/* Appends nodes that compute the gradients of the wanted inputs, for any batch size.
 * DNB_EUNSUPPORTED where this instance has none. Helpers: grad_util.h. */
typedef dnb_status (*dnb_gradient_rule)(const dnb_op_grads *r, dnb_err *err);

#define DNB_ANY_COUNT 255

typedef enum dnb_op_flag {
    /* out[0] has in[0]'s elements in in[0]'s order: it costs no copy where layouts allow */
    DNB_OP_VIEW = 1,
    /* may be such a view, when out[0] has in[0]'s shape (dnb.AdaptiveAveragePool) */
    DNB_OP_VIEW_IF_SAME_SHAPE = 2,
    /* the result follows from in[0]'s shape alone (Shape) */
    DNB_OP_SHAPE_ONLY = 4,
    /* shape rule and kernel cope with empty inputs and empty results (Concat, Slice); all others
     * may count on elements */
    DNB_OP_TAKES_EMPTY = 8,
    /* the results depend on how many there are (Split): loaders keep those that nobody reads */
    DNB_OP_ALL_OUTPUTS = 16
} dnb_op_flag;

struct dnb_op {
    const char *name;
    unsigned char min_in, max_in, max_out; /* max_in may be DNB_ANY_COUNT */
    unsigned char flags;
    dnb_shape_rule shape;
    dnb_reference_kernel run;
    dnb_eval_rule eval;         /* instead of run, for control flow; else NULL */
    dnb_lowering lower;         /* NULL = always the reference kernel */
    dnb_gradient_rule gradient; /* NULL = none */
};

/* NULL when we do not have it. */
const dnb_op *dnb_op_find(const char *name);
size_t dnb_op_count(void);
const dnb_op *dnb_op_at(size_t i);

#endif
