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
extern const dnb_op dnb_op_instance_norm, dnb_op_lrn, dnb_op_softmax, dnb_op_log_softmax;
/* op_batch_norm.c */
extern const dnb_op dnb_op_batch_norm;
/* op_layer_norm.c */
extern const dnb_op dnb_op_layer_norm, dnb_op_rms_norm, dnb_op_group_norm, dnb_op_mvn,
    dnb_op_lp_norm;
/* op_loss.c */
extern const dnb_op dnb_op_nll_loss, dnb_op_cross_entropy;
/* op_recurrent.c */
extern const dnb_op dnb_op_rnn, dnb_op_gru, dnb_op_lstm;
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
/* op_control.c */
extern const dnb_op dnb_op_if, dnb_op_loop, dnb_op_scan;
/* op_legacy.c: experimental operators old files use */
extern const dnb_op dnb_op_crop, dnb_op_image_scaler, dnb_op_affine;

#endif
