/* Neutral description of one accelerator primitive: what an operator lowers to, without any
 * accelerator's types. A back end (oneDNN now, a GPU later) turns it into a primitive of its own.
 * room: net (internal) */
#ifndef DNB_NET_PRIM_H
#define DNB_NET_PRIM_H

#include "net/graph.h"

typedef enum dnb_prim_kind {
    DNB_PRIM_NONE = 0,
    DNB_PRIM_CONV,   /* in: data n x c x sp...; weights o x c/g x k...; bias o or absent */
    DNB_PRIM_DECONV, /* the same, weights c x o/g x k... as in ONNX ConvTranspose */
    DNB_PRIM_INNER,  /* in: data n x k; weights o x k; bias o or absent */
    DNB_PRIM_POOL_MAX,
    DNB_PRIM_POOL_AVG,        /* padding does not count */
    DNB_PRIM_POOL_AVG_PADDED, /* padding counts */
    DNB_PRIM_LRN,
    DNB_PRIM_ELTWISE,
    DNB_PRIM_BINARY, /* in[1] broadcasts to in[0] (same rank after leading ones) */
    DNB_PRIM_CONCAT,
    DNB_PRIM_SOFTMAX,
    DNB_PRIM_BATCHNORM, /* in: data, scale, shift, mean, variance (constants) */
    /* gradients; window and groups are the forward primitive's */
    DNB_PRIM_CONV_INPUT_GRAD,  /* in: gradient, weights as CONV; out: the input's */
    DNB_PRIM_CONV_WEIGHT_GRAD, /* in: data, gradient; out: o x c/g x k... */
    DNB_PRIM_POOL_MAX_GRAD,    /* in: data, gradient */
    DNB_PRIM_ELTWISE_GRAD      /* in: gradient, result of the function, of one shape */
} dnb_prim_kind;

typedef enum dnb_prim_alg {
    DNB_ALG_NONE = 0,
    DNB_ALG_RELU, /* alpha = slope below zero */
    DNB_ALG_CLIP, /* alpha..beta */
    DNB_ALG_SIGMOID,
    DNB_ALG_TANH,
    DNB_ALG_ABS,
    DNB_ALG_SQRT,
    DNB_ALG_ROUND,     /* halves to even */
    DNB_ALG_HARDSWISH, /* x * min(max(alpha * x + beta, 0), 1), with 1/6 and 1/2 */
    DNB_ALG_POW,       /* alpha * x^beta */
    DNB_ALG_ADD,
    DNB_ALG_SUB,
    DNB_ALG_MUL,
    DNB_ALG_DIV
} dnb_prim_alg;

#define DNB_MAX_SPATIAL 3
#define DNB_MAX_POST 2

/* What happens to the result before it is stored, in order. */
typedef struct dnb_prim_post {
    bool sum; /* add what the destination held before; else alg(alpha, beta) elementwise */
    dnb_prim_alg alg;
    float alpha, beta;
} dnb_prim_post;

typedef struct dnb_prim {
    dnb_prim_kind kind;
    dnb_prim_alg alg;  /* ELTWISE, BINARY */
    float alpha, beta; /* ELTWISE; LRN (alpha as ONNX has it, divided by size); INNER: factors of
                          weights and bias */
    float bias;        /* LRN: k */
    float epsilon;     /* BATCHNORM */
    size_t size;       /* LRN window */
    int axis;          /* CONCAT, SOFTMAX */
    bool swap;         /* BINARY: the full operand is the node's second */
    bool log;          /* SOFTMAX */
    bool weights_kn;   /* INNER: the graph's weights are k x o */
    bool adjoint;      /* CONV: the graph's weights are another convolution's, of which this is the
                          gradient: input and output channels change places, kernels are mirrored */
    int n_spatial;
    size_t groups;
    size_t kernel[DNB_MAX_SPATIAL], stride[DNB_MAX_SPATIAL], dilation[DNB_MAX_SPATIAL];
    size_t pad_lo[DNB_MAX_SPATIAL], pad_hi[DNB_MAX_SPATIAL];
    int n_data; /* leading node inputs that are activations (CONCAT: all, BINARY: 2, else 1) */
    int n_post;
    dnb_prim_post post[DNB_MAX_POST];
} dnb_prim;

#endif
