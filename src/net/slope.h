/* Derivatives of functions of one number, by the functions' ONNX names: for gradients of
 * activations and of the gates of recurrent cells. room: net (internal) */
#ifndef DNB_NET_SLOPE_H
#define DNB_NET_SLOPE_H

/* f'(x). alpha and beta are f's parameters, in the order of its attributes. At a kink it is the
 * slope of either side; NaN gives NaN or a slope. */
typedef double (*dnb_slope)(double x, double alpha, double beta);

/* NULL where we do not have it. */
dnb_slope dnb_slope_of(const char *function);

#endif
