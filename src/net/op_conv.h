/* What convolutions and their gradients share: reading a node, and the reference kernels.
 * room: net (internal) */
#ifndef DNB_NET_OP_CONV_H
#define DNB_NET_OP_CONV_H

#include "net/op_util.h"

/* The window (output sizes included), groups and output channels of Conv (of ConvTranspose) for
 * data x, weights w and bias b (NULL = none). DNB_ESHAPE when they do not fit. */
dnb_status dnb_conv_read(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                         const dnb_shape *b, dnb_window *window, size_t *groups, size_t *n_out,
                         dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_deconv_read(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                           const dnb_shape *b, dnb_window *window, size_t *groups, size_t *n_out,
                           dnb_err *err) DNB_MUST_CHECK;
/* out = convolution of x with o x c/g x kernel weights over the window (as three dimensions), which
 * fits out; b may be NULL. */
void dnb_conv_reference(const dnb_array *out, const dnb_array *x, const dnb_array *w,
                        const dnb_array *b, const dnb_window *window, size_t groups);
/* Its adjoint: weights x's channels x o/g x kernel. */
void dnb_deconv_reference(const dnb_array *out, const dnb_array *x, const dnb_array *w,
                          const dnb_array *b, const dnb_window *window, size_t groups);

#endif
