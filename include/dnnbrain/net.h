/* Networks: open one, look at its layers, run stimuli through it and read named layers.
 * room: net
 *
 * A dnb_net is a graph with weights and the input it expects; it never changes after opening, so
 * any number of runners (and threads) may share it. A dnb_runner is a network prepared for a list
 * of layers, a batch size and a back end: it computes what those layers need and no more. */
#ifndef DNNBRAIN_NET_H
#define DNNBRAIN_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- opening ------------------------------------------------------------------------------------
 */

typedef enum dnb_channel_order {
    DNB_CHANNELS_DEFAULT = 0, /* what the weights expect */
    DNB_CHANNELS_RGB,
    DNB_CHANNELS_BGR
} dnb_channel_order;

/* What to open. Zero-initialise; a zero or NULL field keeps the network's own value. */
typedef struct dnb_net_options {
    const char *name;    /* zoo name ("AlexNet"; case is ignored) or path of an .onnx file */
    const char *weights; /* path of a .pth/.onnx with the weights of a zoo network; NULL = its usual
                            file in $DNNBRAIN_DATA/models */
    size_t height, width;
    dnb_channel_order order;
    double range;           /* pixels are scaled to 0..range before mean and std; 1 or 255 */
    bool has_mean, has_std; /* mean / std below are given */
    double mean[3], std[3]; /* in the network's channel order, on the 0..range scale */
} dnb_net_options;

/* What a network wants to be fed: n x channels x height x width floats, per channel
 * (pixel / 255 * range - mean) / std. */
typedef struct dnb_input_spec {
    size_t channels, height, width;
    bool bgr;
    double range;
    double mean[3], std[3]; /* in the network's channel order; the first `channels` count */
} dnb_input_spec;

typedef struct dnb_net dnb_net;

/* Opens a network of the zoo or an ONNX file. DNB_ENOTFOUND: no such zoo name or file (the message
 * lists near names, and where weights were looked for). Cost: reads the weights once. */
DNB_API dnb_status dnb_net_open(dnb_net **out, const dnb_net_options *opt,
                                dnb_err *err) DNB_MUST_CHECK;
/* NULL is fine. No runner of it may outlive it. */
DNB_API void dnb_net_free(dnb_net *net);

/* ---- looking ------------------------------------------------------------------------------------
 */

DNB_API const dnb_input_spec *dnb_net_input_spec(const dnb_net *net);
/* Zoo name, or the file's base name without suffix. */
DNB_API const char *dnb_net_name(const dnb_net *net);
/* The file the weights came from (hash it for provenance); NULL when they came from nowhere. */
DNB_API const char *dnb_net_weights_path(const dnb_net *net);
/* Bytes the network itself holds (weights). */
DNB_API size_t dnb_net_bytes(const dnb_net *net);

/* The main layers in order: the zoo's names, or an ONNX file's node outputs. Any value of the graph
 * and every alias (module paths such as "features.0") is a layer too; these are the ones to list.
 */
DNB_API size_t dnb_net_layer_count(const dnb_net *net);
DNB_API const char *dnb_net_layer_name(const dnb_net *net, size_t i);
/* DNB_OK when a layer of that name or alias exists and can be tapped (keeps one row per stimulus);
 * else DNB_ENOTFOUND with near names ("unknown layer 'conv6'; did you mean conv5, conv4?"). */
DNB_API dnb_status dnb_net_find_layer(const dnb_net *net, const char *name,
                                      dnb_err *err) DNB_MUST_CHECK;
/* Per-stimulus shape: channels, rows, columns. Fully connected = n, 1, 1; three-dimensional values
 * (n x a x b) = a, b, 1; five-dimensional (n x c x t x h x w) = c, t*h, w. */
DNB_API dnb_status dnb_net_layer_shape(const dnb_net *net, const char *name, size_t shape[3],
                                       dnb_err *err) DNB_MUST_CHECK;

/* ---- running ------------------------------------------------------------------------------------
 */

typedef enum dnb_backend {
    DNB_BACKEND_AUTO = 0,    /* the fastest of this build */
    DNB_BACKEND_REFERENCE,   /* plain C, float32, node by node as the graph says; slow, always there
                              */
    DNB_BACKEND_REFERENCE64, /* the same in float64, for truth; taps are rounded to float32 */
    DNB_BACKEND_ONEDNN,
    DNB_BACKEND_COUNT
} dnb_backend;

/* "auto", "reference", "reference64", "onednn"; NULL out of range. */
DNB_API const char *dnb_backend_name(dnb_backend b);
/* Can this build run it? */
DNB_API bool dnb_backend_available(dnb_backend b);
/* Back end by name; DNB_ENOTFOUND (unknown) or DNB_EUNSUPPORTED (not in this build) with the list.
 */
DNB_API dnb_status dnb_backend_find(dnb_backend *out, const char *name,
                                    dnb_err *err) DNB_MUST_CHECK;

/* In what precision a network is computed. Results are float32 either way. */
typedef enum dnb_precision {
    DNB_PRECISION_F32 = 0,
    /* Weights of convolutions and inner products, and the activations between layers, are rounded
     * to bfloat16 (8 bits of mantissa) where oneDNN has fast code for it, float32 elsewhere; sums
     * are float32. Meant for processors with AMX; with AVX512_BF16 alone most networks gain up to
     * 2x, those of 3x3 convolutions nothing (VGG16: slower than float32, which uses Winograd's
     * method). Each layer's values are off by some 1e-3 to 1e-2 of its largest. */
    DNB_PRECISION_BF16,
    DNB_PRECISION_COUNT
} dnb_precision;

/* "float32", "bf16"; NULL out of range. */
DNB_API const char *dnb_precision_name(dnb_precision p);
/* Does this processor compute so natively? Where it does not, a runner computes in float32. */
DNB_API bool dnb_precision_available(dnb_precision p);
/* By name; DNB_ENOTFOUND with the list. */
DNB_API dnb_status dnb_precision_find(dnb_precision *out, const char *name,
                                      dnb_err *err) DNB_MUST_CHECK;

/* Zero-initialise. */
typedef struct dnb_runner_options {
    size_t batch; /* stimuli per run; 0 = 32 */
    dnb_backend backend;
    dnb_precision precision; /* a wish: see dnb_runner_precision */
} dnb_runner_options;

typedef struct dnb_runner dnb_runner;

/* Bytes dnb_runner_new will allocate for the same arguments (packed weights, activations, scratch
 * memory; generated code and book-keeping, a few MB, are not counted), on top of the network's own.
 * Nothing of that size is allocated to find out. opt may be NULL. */
DNB_API dnb_status dnb_runner_plan_bytes(const dnb_net *net, const char *const *layers,
                                         size_t n_layers, const dnb_runner_options *opt,
                                         size_t *bytes, dnb_err *err) DNB_MUST_CHECK;
/* Prepares a forward pass that yields `layers` (>= 1; the same layer may occur twice): dead parts
 * are dropped, constants folded, batch normalisation, ReLU and additions fused where no named layer
 * needs the value in between, weights packed once. net must outlive the runner. A runner serves one
 * thread at a time. Cost: one pass over the weights used. */
DNB_API dnb_status dnb_runner_new(dnb_runner **out, const dnb_net *net, const char *const *layers,
                                  size_t n_layers, const dnb_runner_options *opt,
                                  dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_runner_free(dnb_runner *r);
DNB_API size_t dnb_runner_batch(const dnb_runner *r);
/* The back end that AUTO chose. */
DNB_API dnb_backend dnb_runner_backend(const dnb_runner *r);
/* DNB_PRECISION_BF16 if it was asked for, the back end is oneDNN and the processor has it; else
 * DNB_PRECISION_F32. */
DNB_API dnb_precision dnb_runner_precision(const dnb_runner *r);
/* Runs n stimuli, 1 <= n <= batch: input n x C x H x W; taps[i] receives layer i as n x chn x row x
 * col (row-major, exact layer values). n < batch costs what a full batch costs (the rest is padded
 * with zeros): choose batch <= number of stimuli. Taps must not overlap. On failure taps are
 * undefined.
 *
 * The reference back ends give bit for bit the same rows for any batch size and number of threads;
 * oneDNN does so too for any number of threads on the x86 processors measured, but does not promise
 * it; another batch size may be computed by another method (3x3 convolutions by Winograd's or the
 * direct one), and rows then differ by some 1e-6 of the layer's largest value. Its worker threads
 * spin while they wait for each other: where other jobs compete for the processors,
 * OMP_WAIT_POLICY=passive in the environment makes runs several times faster. */
DNB_API dnb_status dnb_runner_run(dnb_runner *r, const float *input, size_t n, float *const *taps,
                                  dnb_err *err) DNB_MUST_CHECK;

/* How far taps got in another precision are from float32: runs the same n stimuli in float32 with
 * the back end of opt, and error[i] = max |taps[i] - float32| / max |float32| for layer i (0 where
 * both are all zero). Cost and memory: those of one more runner with batch n, and the taps again.
 */
DNB_API dnb_status dnb_runner_error(double *error, const dnb_net *net, const char *const *layers,
                                    size_t n_layers, const dnb_runner_options *opt,
                                    const float *input, size_t n, const float *const *taps,
                                    dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
