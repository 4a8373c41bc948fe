/* Evaluation of a graph node by node on given inputs, by the reference kernels: any operator, any
 * shape, also those that only the data tell; sub-graphs of If, Loop and Scan included. room: net
 * (internal) */
#ifndef DNB_NET_EVAL_H
#define DNB_NET_EVAL_H

#include "base/progress.h"
#include "net/op.h"

typedef struct dnb_eval_options {
    bool f64;       /* compute in float64; results are rounded to their element type all the same */
    bool any_shape; /* inputs need not have the shapes the graph declares */
    size_t memory;  /* bytes the values alive at one time may take; 0 = no limit */
    const dnb_progress *progress;
} dnb_eval_options;

/* inputs: one array per graph input, of any element type of the right storage class. out[i]: the
 * i-th wanted value in its element type, to be released. Memory: values are freed after their last
 * use. DNB_EARG / DNB_ESHAPE: an input does not fit what the graph declares. */
dnb_status dnb_eval_run(const dnb_graph *g, const dnb_array *inputs, const dnb_value *wanted,
                        size_t n_wanted, const dnb_eval_options *opt, dnb_array *out,
                        dnb_err *err) DNB_MUST_CHECK;
/* Does an array fit a declared input? Rank and channels (dimension 1) must; the number of items and
 * the sizes of images may differ from what the file was written for. */
bool dnb_eval_accepts(const dnb_shape *declared, const dnb_array *a);
/* Does any value have the element type float64? Then f64 is wanted. */
bool dnb_eval_wants_f64(const dnb_graph *g, const dnb_array *inputs);

/* For control flow: a body on inputs in storage form (borrowed); out[i], shape[i]: its i-th output
 * in storage form, owned by the caller. */
dnb_status dnb_eval_body(dnb_evaluator *outer, const dnb_graph *body, const dnb_array *const *in,
                         const dnb_shape *const *in_shape, dnb_array *out, dnb_shape *shape,
                         dnb_err *err) DNB_MUST_CHECK;

#endif
