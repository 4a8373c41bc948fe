/* Convolution and matrix product for the integer operators, which compute them in double: sums of
 * products of 8-bit numbers are exact there. room: net (internal) */
#ifndef DNB_NET_OP_INTEGER_H
#define DNB_NET_OP_INTEGER_H

#include "net/op.h"

/* Shape of n's convolution of float operands of these shapes; b may be NULL. */
dnb_status dnb_conv_infer(const dnb_node *n, const dnb_shape *x, const dnb_shape *w,
                          const dnb_shape *b, dnb_shape *out, dnb_err *err) DNB_MUST_CHECK;
/* in: data, weights, bias or NULL; all float64, like *out. */
dnb_status dnb_conv_double(const dnb_node *n, const dnb_array *const in[3], dnb_array *out,
                           dnb_err *err) DNB_MUST_CHECK;

dnb_status dnb_matmul_infer(const dnb_node *n, const dnb_shape *a, const dnb_shape *b,
                            dnb_shape *out, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_matmul_double(const dnb_node *n, const dnb_array *const in[2], dnb_array *out,
                             dnb_err *err) DNB_MUST_CHECK;

#endif
