/* The records of every operator, by family. op_table.c lists them. room: net (internal) */
#ifndef DNB_NET_OP_FAMILIES_H
#define DNB_NET_OP_FAMILIES_H

#include "net/op.h"

/* op_conv.c */
extern const dnb_op dnb_op_conv, dnb_op_conv_transpose;
/* op_pool.c */
extern const dnb_op dnb_op_max_pool, dnb_op_average_pool, dnb_op_global_average_pool,
    dnb_op_global_max_pool, dnb_op_adaptive_average_pool;
/* op_norm.c */
extern const dnb_op dnb_op_batch_norm, dnb_op_instance_norm, dnb_op_lrn, dnb_op_softmax,
    dnb_op_log_softmax;
/* op_activation.c */
extern const dnb_op dnb_op_relu, dnb_op_leaky_relu, dnb_op_clip, dnb_op_sigmoid, dnb_op_tanh;
/* op_matmul.c */
extern const dnb_op dnb_op_gemm, dnb_op_matmul;
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
/* op_legacy.c: experimental operators old files use */
extern const dnb_op dnb_op_crop, dnb_op_image_scaler, dnb_op_affine;
/* op_grad_*.c: what gradients are made of */
extern const dnb_op dnb_op_broadcast_to, dnb_op_sum_to, dnb_op_channel_sum, dnb_op_reshape_to,
    dnb_op_concat_part, dnb_op_iota, dnb_op_scatter_add;
extern const dnb_op dnb_op_relu_grad, dnb_op_sigmoid_grad, dnb_op_tanh_grad, dnb_op_clip_grad,
    dnb_op_reduce_max_grad;
extern const dnb_op dnb_op_norm_factor, dnb_op_norm_scale_grad, dnb_op_instance_norm_grad,
    dnb_op_lrn_grad, dnb_op_softmax_grad;
extern const dnb_op dnb_op_max_pool_grad, dnb_op_average_pool_grad,
    dnb_op_adaptive_average_pool_grad;
extern const dnb_op dnb_op_conv_input_grad, dnb_op_conv_weight_grad,
    dnb_op_conv_transpose_input_grad, dnb_op_conv_transpose_weight_grad;
extern const dnb_op dnb_op_phase_weights, dnb_op_phase_shuffle;

#endif
