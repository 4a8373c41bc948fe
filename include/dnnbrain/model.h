/* A network file as it is: arrays in, arrays out, any value by name. room: net
 *
 * Where dnnbrain/net.h shows stimuli to a network, this runs any ONNX file (opset 1 to 18) on given
 * arrays: several inputs of any shape and type, control flow, results whose shape depends on the
 * data. */
#ifndef DNNBRAIN_MODEL_H
#define DNNBRAIN_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/array.h"
#include "dnnbrain/net.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnb_model dnb_model;

/* Opens an .onnx file. DNB_EUNSUPPORTED names the operator or type that is missing; DNB_EFORMAT a
 * broken file. Cost: reads the whole file. */
DNB_API dnb_status dnb_model_open(dnb_model **out, const char *path, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_model_close(dnb_model *m);

/* What has to be given, and what the file declares as its results. NULL beyond the count. */
DNB_API size_t dnb_model_input_count(const dnb_model *m);
DNB_API const char *dnb_model_input_name(const dnb_model *m, size_t i);
DNB_API size_t dnb_model_output_count(const dnb_model *m);
DNB_API const char *dnb_model_output_name(const dnb_model *m, size_t i);
/* DNB_ENOTFOUND, with near names, when the model has no value of this name. */
DNB_API dnb_status dnb_model_find(const dnb_model *m, const char *value,
                                  dnb_err *err) DNB_MUST_CHECK;

/* What to differentiate. Zero-initialise. */
typedef struct dnb_model_gradient {
    const char *target; /* value name; one row of numbers per item of the first input */
    /* How much of it: the sum of all its numbers (0), of a channel (1), of a channel's row (2), or
     * one unit (3); index: channel, row, column from 0. */
    int n_index;
    size_t index[3];
    const char *const *wrt; /* value names: the input, inner values or weights */
    size_t n_wrt;
    /* Relu passes a gradient only where it is positive itself: guided backpropagation
     * (Springenberg, Dosovitskiy, Brox & Riedmiller 2014). */
    bool guided_relu;
} dnb_model_gradient;

/* Adds values called "grad_<wrt>", to be named in dnb_model_run: the gradient of the target with
 * respect to each wrt, in the wrt's shape; rows of a batch are independent of each other, gradients
 * of weights are sums over the batch. first: the array the first input will be (its sizes are
 * taken). DNB_EUNSUPPORTED names an operator without a gradient. Cost: none until it is run. */
DNB_API dnb_status dnb_model_add_gradient(dnb_model *m, const dnb_array *first,
                                          const dnb_model_gradient *gradient,
                                          dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_model_options {
    /* AUTO: oneDNN where the model has one float32 input, all finite, and a fixed course, else the
     * reference kernels; ONEDNN: whatever the input holds, though its ReLU, max pooling and Clip
     * may make numbers of NaN; REFERENCE, REFERENCE64 (float64 throughout): these kernels always.
     */
    dnb_backend backend;
    /* Bytes that values may take at one time (node by node); 0 = dnb_memory_budget(). */
    size_t memory;
    const dnb_progress *progress; /* may be NULL */
    /* BF16 applies where oneDNN computes and the processor has it; else float32, and error[] is 0.
     */
    dnb_precision precision;
    /* NULL, or room for n_values numbers: with BF16, receives max |bf16 - float32| / max |float32|
     * of each value; everything is then computed in both precisions. */
    double *error;
    /* NULL, or receives the precision used. */
    dnb_precision *used;
    /* NULL, or receives why the reference kernels computed although oneDNN was allowed to. */
    dnb_err *fallback;
} dnb_model_options;

/* inputs: one array per input, in the model's order; integers of any width fit an integer input,
 * floats of any width a float one. out[i]: values[i] in the element type the model gives it; the
 * caller releases them. Shapes may be any the operators accept where the file leaves them open.
 * DNB_EUNSUPPORTED: an operator's variant that is not implemented. Nothing is returned on failure.
 * How it was computed is in *how (may be NULL): DNB_BACKEND_ONEDNN or one of the references. */
DNB_API dnb_status dnb_model_run(const dnb_model *m, const dnb_array *inputs,
                                 const char *const *values, size_t n_values,
                                 const dnb_model_options *opt, dnb_array *out, dnb_backend *how,
                                 dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
