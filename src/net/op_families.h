/* The records of every operator, by family. op_table.c lists them. room: net (internal) */
#ifndef DNB_NET_OP_FAMILIES_H
#define DNB_NET_OP_FAMILIES_H

#include "net/op.h"

/* op_conv.c */
extern const dnb_op dnb_op_conv, dnb_op_conv_transpose;
/* op_pool.c, op_max_pool.c, op_pool_more.c */
extern const dnb_op dnb_op_max_pool, dnb_op_average_pool, dnb_op_global_average_pool,
    dnb_op_global_max_pool, dnb_op_adaptive_average_pool, dnb_op_max_unpool, dnb_op_lp_pool,
    dnb_op_global_lp_pool;
/* op_sample.c, op_detect.c */
extern const dnb_op dnb_op_grid_sample, dnb_op_roi_align, dnb_op_non_max_suppression;
/* op_norm.c */
extern const dnb_op dnb_op_batch_norm, dnb_op_instance_norm, dnb_op_lrn, dnb_op_softmax,
    dnb_op_log_softmax;
/* op_activation.c */
extern const dnb_op dnb_op_relu, dnb_op_leaky_relu, dnb_op_clip, dnb_op_sigmoid, dnb_op_tanh;
/* op_matmul.c */
extern const dnb_op dnb_op_gemm, dnb_op_matmul;
/* op_qlinear.c, op_quantize.c */
extern const dnb_op dnb_op_matmul_integer, dnb_op_qlinear_matmul, dnb_op_conv_integer,
    dnb_op_qlinear_conv, dnb_op_quantize_linear, dnb_op_dequantize_linear,
    dnb_op_dynamic_quantize_linear;
/* op_signal.c, op_window.c */
extern const dnb_op dnb_op_dft, dnb_op_stft, dnb_op_hann_window, dnb_op_hamming_window,
    dnb_op_blackman_window, dnb_op_mel_weight_matrix;
/* op_elementwise.c */
extern const dnb_op dnb_op_add, dnb_op_sub, dnb_op_mul, dnb_op_div, dnb_op_sum;
/* op_shape.c: the same elements, seen with another shape */
extern const dnb_op dnb_op_identity, dnb_op_dropout, dnb_op_flatten, dnb_op_reshape, dnb_op_squeeze,
    dnb_op_unsqueeze, dnb_op_shape, dnb_op_cast;
/* op_move.c: elements moved */
extern const dnb_op dnb_op_concat, dnb_op_transpose, dnb_op_gather, dnb_op_slice, dnb_op_pad,
    dnb_op_resize, dnb_op_upsample;
/* op_reduce.c */
extern const dnb_op dnb_op_reduce_mean, dnb_op_reduce_sum, dnb_op_reduce_max;
/* op_control.c */
extern const dnb_op dnb_op_if, dnb_op_loop, dnb_op_scan;
/* op_legacy.c: experimental operators old files use */
extern const dnb_op dnb_op_crop, dnb_op_image_scaler, dnb_op_affine;

#endif
