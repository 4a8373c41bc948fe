/* Rules of normalisations whose numbers only the forward operator's file can read. room: net
 * (internal) */
#ifndef DNB_NET_GRAD_NORM_H
#define DNB_NET_GRAD_NORM_H

#include "net/norm_walk.h"
#include "net/op.h"

/* in_grads[0] from the gradient g of the standardised input 0: over the dimensions `together`
 * (NULL = none), or within groups of channels (0 = no groups). */
dnb_status dnb_grad_standardised(const dnb_op_grads *r, const dnb_norm_rule *rule,
                                 const bool *together, size_t groups, dnb_value g,
                                 dnb_err *err) DNB_MUST_CHECK;
/* All gradients of a node (data, scale, shift) that standardises groups of channels; scale and
 * shift hold a number per group, or one per channel. */
dnb_status dnb_grad_grouped(const dnb_op_grads *r, size_t groups, bool per_group,
                            dnb_err *err) DNB_MUST_CHECK;

#endif
