/* A graph compiled for a list of taps and a batch size: steps over buffers in one arena. room: net
 * (internal)
 *
 * dnb_program_new plans (what runs, layouts, memory) without allocating anything large;
 * dnb_program_prepare allocates, folds constants and packs weights; dnb_program_run runs. */
#ifndef DNB_NET_PROGRAM_H
#define DNB_NET_PROGRAM_H

#include "net/analysis.h"
#include "net/onednn.h"

typedef struct dnb_program_request {
    const dnb_graph *graph; /* must outlive the program */
    const dnb_value *taps;
    size_t n_taps;
    /* per tap: hand out all of it (a parameter's gradient) instead of one row per stimulus; such a
     * program runs full batches only. NULL = none */
    const bool *whole;
    size_t batch;
    const dnb_shape *input; /* the input's shape where it is not as declared; else NULL */
    bool f64;               /* compute in float64 (reference kernels only) */
    bool prims;             /* lower to oneDNN where possible */
    bool bf16;              /* with prims: convolutions, inner products and what follows them keep
                               bfloat16 where oneDNN has code for it */
} dnb_program_request;

typedef struct dnb_program dnb_program;

dnb_status dnb_program_new(dnb_program **out, const dnb_program_request *r,
                           dnb_err *err) DNB_MUST_CHECK;
void dnb_program_free(dnb_program *p);
const dnb_shape *dnb_program_shape(const dnb_program *p, dnb_value v);
/* What prepare will allocate: arena and constants. */
size_t dnb_program_bytes(const dnb_program *p);
dnb_status dnb_program_prepare(dnb_program *p, dnb_err *err) DNB_MUST_CHECK;
/* n <= batch items; taps[i]: n rows of tap i. */
dnb_status dnb_program_run(dnb_program *p, const float *input, size_t n, float *const *taps,
                           dnb_err *err) DNB_MUST_CHECK;
/* The same in float64; the program must have been made with f64. */
dnb_status dnb_program_run64(dnb_program *p, const double *input, size_t n, double *const *taps,
                             dnb_err *err) DNB_MUST_CHECK;
/* For tests and --verbose: steps that run per batch, and how many of them are reference kernels. */
size_t dnb_program_step_count(const dnb_program *p, size_t *n_reference);
/* Implementation of step i ("jit:avx512_core", "reference Conv", "tap"). */
const char *dnb_program_step_name(const dnb_program *p, size_t i);

#endif
