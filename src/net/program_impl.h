/* The inside of a program, shared by program_build.c, program_prepare.c and program_run.c.
 * room: net (internal) */
#ifndef DNB_NET_PROGRAM_IMPL_H
#define DNB_NET_PROGRAM_IMPL_H

#include "net/program.h"

typedef enum dnb_buffer_kind {
    DNB_BUFFER_ARENA,   /* activations: a stretch of the arena for the steps first..last */
    DNB_BUFFER_INPUT,   /* the stimuli: the caller's memory, or this stretch of the arena */
    DNB_BUFFER_CONSTANT /* weights and the like */
} dnb_buffer_kind;

typedef struct dnb_buffer {
    dnb_buffer_kind kind;
    size_t bytes, offset;
    int first, last; /* steps that touch it; last < first = none */
    void *data;      /* set by prepare; INPUT: by each run */
    void *owned;     /* CONSTANT: to free */
    dnb_value value; /* CONSTANT: the value's plain content, unless packed; else DNB_NO_VALUE */
} dnb_buffer;

typedef enum dnb_step_kind { DNB_STEP_PRIM, DNB_STEP_NODE, DNB_STEP_TAP } dnb_step_kind;

typedef struct dnb_step_arg {
    int arg; /* dnb_arg */
    int buffer;
} dnb_step_arg;

typedef struct dnb_step {
    dnb_step_kind kind;
    /* PRIM; TAP when the tapped value is not plain */
    dnb_dnn_op *op;
    dnb_step_arg *args;
    size_t n_args;
    bool reads_input; /* an argument moves from run to run */
    /* NODE: buffers per input (-1 = not given) and output, and the arrays over them */
    int node;
    int *in_buffer, *out_buffer;
    dnb_array *in, *out;
    const dnb_array **in_ref;
    dnb_node_view view; /* what shapes points to */
    dnb_op_shapes shapes;
    /* TAP */
    size_t tap, row_count; /* row_count: elements per stimulus */
    bool whole;            /* row_count: elements in all */
    int buffer;
    dnb_shape shape;     /* of the stored value */
    dnb_layout *from;    /* NULL = plain */
    dnb_dnn_op *partial; /* for the last n < batch */
    size_t partial_n;
} dnb_step;

/* Content of a constant argument that prepare computes: the packed weights, bias or vector of a
 * group. */
typedef struct dnb_pack {
    int node; /* head of the group */
    int arg;  /* dnb_arg */
    int buffer;
    dnb_layout *layout; /* where it goes; owned */
    dnb_shape src;      /* the primitive's data input */
} dnb_pack;

struct dnb_program {
    const dnb_graph *graph;
    dnb_inference *inf;
    dnb_analysis analysis;
    dnb_dnn *dnn; /* NULL without primitives */
    size_t batch, n_taps;
    bool f64, bf16;
    bool whole; /* a tap is handed out whole: full batches only */
    dnb_value input;
    int input_buffer;   /* -1: the taps do not depend on it */
    int scratch_buffer; /* -1: none */
    dnb_buffer *buffers;
    dnb_step *steps;
    dnb_pack *packs;
    size_t n_buffers, n_steps, n_packs, cap_buffers, cap_steps, cap_packs;
    size_t arena_bytes, constant_bytes;
    char *arena;
    dnb_array *constants; /* per value: folded by setup nodes, or converted for f64; owned */
};

/* Adds the steps (program_build.c). DNB_EUNSUPPORTED: a group cannot be one primitive; plan without
 * fusion. */
dnb_status dnb_program_emit(dnb_program *p, const dnb_program_request *r,
                            dnb_err *err) DNB_MUST_CHECK;
/* The content of a constant value in this program's type; NULL before prepare has made it. */
const dnb_array *dnb_program_constant(const dnb_program *p, dnb_value v);

/* Bytes of one element / of a value in this program. */
size_t dnb_program_element(const dnb_program *p, dnb_dtype t);
dnb_dtype dnb_program_dtype(const dnb_program *p, dnb_dtype t);
size_t dnb_program_value_bytes(const dnb_program *p, dnb_value v);

/* Gives every ARENA and INPUT buffer an offset, such that no two whose lives meet overlap; returns
 * the arena's size. DNB_ENOMEM on overflow. */
dnb_status dnb_arena_plan(dnb_buffer *buffers, size_t n, size_t *bytes,
                          dnb_err *err) DNB_MUST_CHECK;

#endif
