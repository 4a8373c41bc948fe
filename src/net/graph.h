/* The network graph and its builder. room: net (internal)
 *
 * Values and nodes in single assignment; operator names, attributes and meanings are ONNX's (our
 * own operators are called "dnb.X"). A node may only use values that already exist, so a graph is
 * acyclic and in topological order by construction. Loaders feed it file content: everything is
 * checked here or by dnb_infer, and messages name node and value.
 *
 * Numbers: a value has a storage class, float32 (float64 where a program computes in float64) or
 * int64, and an element type, what the file says it is. Kernels see the storage class only; whoever
 * runs them rounds or wraps each result to its element type (dnb_narrow), so that an int8 overflows
 * and a float16 rounds as it should. */
#ifndef DNB_NET_GRAPH_H
#define DNB_NET_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/array.h"
#include "dnnbrain/status.h"

typedef struct dnb_op dnb_op; /* op.h */

/* Index of a value in its graph. */
typedef int dnb_value;
/* An optional input that is not given (an empty name in ONNX). */
#define DNB_NO_VALUE (-1)

typedef struct dnb_graph dnb_graph;

typedef struct dnb_shape {
    dnb_dtype dtype; /* storage class: DNB_F32 or DNB_I64 */
    int ndim;        /* graph inputs: -1 where the file leaves it open */
    size_t dim[DNB_MAX_DIMS];
    int elem; /* DNB_ELEM(element type); 0 = as the first input's where that has the same storage
                 class, else the class's own (float32, int64) */
} dnb_shape;
#define DNB_ELEM(t) ((int)(t) + 1)
/* What shape.elem says, 0 being the storage class's own type. */
dnb_dtype dnb_elem(const dnb_shape *s);
/* DNB_F32 for floating-point element types, DNB_I64 for integers and booleans. */
dnb_dtype dnb_storage_class(dnb_dtype elem);

/* ---- attributes ---------------------------------------------------------------------------------
 */

typedef enum dnb_attr_kind {
    DNB_ATTR_INT,
    DNB_ATTR_FLOAT,
    DNB_ATTR_STRING,
    DNB_ATTR_INTS,
    DNB_ATTR_FLOATS,
    DNB_ATTR_STRINGS,
    DNB_ATTR_TENSOR,
    DNB_ATTR_GRAPH
} dnb_attr_kind;

/* One attribute; which member counts follows from kind. The builder copies everything. */
typedef struct dnb_attr {
    const char *name;
    dnb_attr_kind kind;
    int64_t i;
    double f;
    const char *s;
    const int64_t *ints;
    const double *floats;
    const char *const *strings;
    size_t n; /* length of ints / floats / strings */
    const dnb_array *tensor;
    const dnb_graph *graph; /* borrowed: a body that the node's graph owns (dnb_graph_add_body) */
} dnb_attr;

/* For builders in C: (dnb_attr[]){DNB_INTS("kernel_shape", 3, 3), DNB_INT("group", 2)} */
#define DNB_INT(nm, v) ((dnb_attr){.name = (nm), .kind = DNB_ATTR_INT, .i = (v)})
#define DNB_FLOAT(nm, v) ((dnb_attr){.name = (nm), .kind = DNB_ATTR_FLOAT, .f = (v)})
#define DNB_STRING(nm, v) ((dnb_attr){.name = (nm), .kind = DNB_ATTR_STRING, .s = (v)})
#define DNB_INTS(nm, ...)                                                                          \
    ((dnb_attr){.name = (nm),                                                                      \
                .kind = DNB_ATTR_INTS,                                                             \
                .ints = (const int64_t[]){__VA_ARGS__},                                            \
                .n = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)})
#define DNB_FLOATS(nm, ...)                                                                        \
    ((dnb_attr){.name = (nm),                                                                      \
                .kind = DNB_ATTR_FLOATS,                                                           \
                .floats = (const double[]){__VA_ARGS__},                                           \
                .n = sizeof((const double[]){__VA_ARGS__}) / sizeof(double)})
#define DNB_STRINGS(nm, ...)                                                                       \
    ((dnb_attr){.name = (nm),                                                                      \
                .kind = DNB_ATTR_STRINGS,                                                          \
                .strings = (const char *const[]){__VA_ARGS__},                                     \
                .n = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})
#define DNB_TENSOR(nm, a) ((dnb_attr){.name = (nm), .kind = DNB_ATTR_TENSOR, .tensor = (a)})

/* ---- graph --------------------------------------------------------------------------------------
 */

typedef struct dnb_graph_value {
    char *name;
    int producer; /* node index; -1 for inputs and constants */
    bool is_input;
    bool is_constant;
    dnb_shape declared; /* inputs only; dim[0] is the batch (1 where the file leaves it open) */
    dnb_array constant; /* constants only; F32 or I64 */
    dnb_array wide;     /* the same in F64 where the file has float64; else no data */
    dnb_dtype elem;     /* constants only: element type */
    size_t later;       /* 0, or 1 + which item of the graph's source its numbers are still to be
                           read from (dnb_graph_fetch); guarded by the source's lock */
} dnb_graph_value;

typedef struct dnb_node {
    const dnb_op *op;
    char *name; /* never NULL; the first output's name when the builder gave none */
    size_t n_inputs, n_outputs, n_attrs;
    dnb_value *inputs; /* may hold DNB_NO_VALUE */
    dnb_value *outputs;
    dnb_attr *attrs;
} dnb_node;

/* opset: version of the ONNX operator set the nodes follow (<= 0: 13). */
dnb_status dnb_graph_new(dnb_graph **out, int opset, dnb_err *err) DNB_MUST_CHECK;
void dnb_graph_free(dnb_graph *g);
int dnb_graph_opset(const dnb_graph *g);

/* Adds an input. shape->dim[0] is the batch the file was written for (give 1 when it is open); runs
 * may use any other. Value names are unique; DNB_EARG on a duplicate or an empty name, DNB_ESHAPE
 * on a zero or absurd dimension. */
dnb_status dnb_graph_input(dnb_graph *g, const char *name, const dnb_shape *shape, dnb_value *out,
                           dnb_err *err) DNB_MUST_CHECK;
/* Other sizes for an input than the file declares, as far as dnb_graph_input takes them. */
dnb_status dnb_graph_resize_input(dnb_graph *g, dnb_value input, const dnb_shape *shape,
                                  dnb_err *err) DNB_MUST_CHECK;
/* Adds a constant and takes over *a (zeroed on success; untouched on failure). Borrowed arrays are
 * fine when their storage outlives the graph. Other element types are converted (see above). name
 * may be NULL (an unlisted, unfindable value). */
dnb_status dnb_graph_constant(dnb_graph *g, const char *name, dnb_array *a, dnb_value *out,
                              dnb_err *err) DNB_MUST_CHECK;

/* Where the numbers of large constants come from, read only when a program wants them: most of a
 * network's weights may lie behind its deepest layer of interest. */
typedef struct dnb_graph_source {
    void *from;
    dnb_status (*fill)(const void *from, size_t item, const dnb_array *into, dnb_err *err);
    void (*close)(void *from);
} dnb_graph_source;

/* Gives the graph its one source, before any constant of it; the graph closes it (on failure, the
 * caller does). */
dnb_status dnb_graph_set_source(dnb_graph *g, const dnb_graph_source *source,
                                dnb_err *err) DNB_MUST_CHECK;
/* As dnb_graph_constant, of a float32 or int64 array that `item` of the source is to fill. Shape
 * rules must not depend on its numbers. */
dnb_status dnb_graph_constant_later(dnb_graph *g, const char *name, dnb_array *a, size_t item,
                                    dnb_value *out, dnb_err *err) DNB_MUST_CHECK;
/* Reads a constant's numbers if that is still to be done; nothing for other values. Whoever reads
 * numbers calls it first. Safe from several threads. */
dnb_status dnb_graph_fetch(const dnb_graph *g, dnb_value v, dnb_err *err) DNB_MUST_CHECK;

/* A node to add. Zero-initialise. */
typedef struct dnb_node_spec {
    const char *op;   /* ONNX operator name, or "dnb.X" */
    const char *name; /* for messages; NULL = the first output's name */
    const dnb_value *inputs;
    size_t n_inputs;
    const dnb_attr *attrs;
    size_t n_attrs;
    const char *const *output_names; /* n_outputs names; NULL or "" entries = unnamed */
    size_t n_outputs;                /* 0 = 1 */
} dnb_node_spec;

/* Adds a node; outputs (may be NULL) receives n_outputs values. "Constant" nodes become constants.
 * DNB_EUNSUPPORTED: an operator we do not have; DNB_EARG: wrong number of inputs or outputs, an
 * input that does not exist, an output name already taken, a malformed attribute. */
dnb_status dnb_graph_node(dnb_graph *g, const dnb_node_spec *spec, dnb_value *outputs,
                          dnb_err *err) DNB_MUST_CHECK;
/* The usual case in C: one output called `name`, inputs ended by the count, attributes by the
 * count. */
dnb_status dnb_graph_op(dnb_graph *g, const char *op, const char *name, const dnb_value *inputs,
                        size_t n_inputs, const dnb_attr *attrs, size_t n_attrs, dnb_value *out,
                        dnb_err *err) DNB_MUST_CHECK;
/* Takes over a body of If, Loop or Scan, to be named by an attribute of a node of g. The body's
 * inputs are its formal ones, then the values of g it uses, which are the node's last inputs. */
dnb_status dnb_graph_add_body(dnb_graph *g, dnb_graph *body, dnb_err *err) DNB_MUST_CHECK;
/* A second name for a value. The same (name, value) twice is fine; DNB_EARG when the name means
 * another value. */
dnb_status dnb_graph_alias(dnb_graph *g, const char *name, dnb_value v,
                           dnb_err *err) DNB_MUST_CHECK;
/* Declares a value to be an output of the file (loaders; taps may name any value). */
dnb_status dnb_graph_output(dnb_graph *g, dnb_value v, dnb_err *err) DNB_MUST_CHECK;

/* Value by name or alias; DNB_NO_VALUE when there is none. */
dnb_value dnb_graph_find(const dnb_graph *g, const char *name);

/* ---- reading ------------------------------------------------------------------------------------
 */

size_t dnb_graph_value_count(const dnb_graph *g);
const dnb_graph_value *dnb_graph_value_at(const dnb_graph *g, dnb_value v);
size_t dnb_graph_node_count(const dnb_graph *g);
const dnb_node *dnb_graph_node_at(const dnb_graph *g, size_t i);
size_t dnb_graph_input_count(const dnb_graph *g);
dnb_value dnb_graph_input_at(const dnb_graph *g, size_t i);
size_t dnb_graph_output_count(const dnb_graph *g);
dnb_value dnb_graph_output_at(const dnb_graph *g, size_t i);
/* All names and aliases in the order they were given: name i and its value. */
size_t dnb_graph_name_count(const dnb_graph *g);
const char *dnb_graph_name_at(const dnb_graph *g, size_t i, dnb_value *v);
/* Bytes of all constants. */
size_t dnb_graph_bytes(const dnb_graph *g);

/* Typed attribute readers: *out is `fallback` when the attribute is absent; DNB_EARG (naming node
 * and attribute) when it has another type. */
const dnb_attr *dnb_node_attr(const dnb_node *n, const char *name);
dnb_status dnb_node_int(const dnb_node *n, const char *name, int64_t fallback, int64_t *out,
                        dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_node_float(const dnb_node *n, const char *name, double fallback, double *out,
                          dnb_err *err) DNB_MUST_CHECK;
/* *out = NULL when absent. */
dnb_status dnb_node_string(const dnb_node *n, const char *name, const char **out,
                           dnb_err *err) DNB_MUST_CHECK;
/* *ints = NULL and *count = 0 when absent. */
dnb_status dnb_node_ints(const dnb_node *n, const char *name, const int64_t **ints, size_t *count,
                         dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_node_floats(const dnb_node *n, const char *name, const double **floats,
                           size_t *count, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_node_strings(const dnb_node *n, const char *name, const char *const **strings,
                            size_t *count, dnb_err *err) DNB_MUST_CHECK;

#endif
