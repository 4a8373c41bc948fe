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
extern const dnb_op dnb_op_relu, dnb_op_leaky_relu, dnb_op_clip, dnb_op_sigmoid, dnb_op_tanh,
    dnb_op_elu, dnb_op_selu, dnb_op_celu, dnb_op_gelu, dnb_op_hard_sigmoid, dnb_op_hard_swish,
    dnb_op_hardmax, dnb_op_mish, dnb_op_prelu, dnb_op_shrink, dnb_op_softplus, dnb_op_softsign,
    dnb_op_thresholded_relu;
/* op_unary.c: mathematical functions */
extern const dnb_op dnb_op_abs, dnb_op_acos, dnb_op_acosh, dnb_op_asin, dnb_op_asinh, dnb_op_atan,
    dnb_op_atanh, dnb_op_ceil, dnb_op_cos, dnb_op_cosh, dnb_op_erf, dnb_op_exp, dnb_op_floor,
    dnb_op_log, dnb_op_neg, dnb_op_reciprocal, dnb_op_round, dnb_op_sign, dnb_op_sin, dnb_op_sinh,
    dnb_op_sqrt, dnb_op_tan;
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
extern const dnb_op dnb_op_add, dnb_op_sub, dnb_op_mul, dnb_op_div, dnb_op_mod, dnb_op_pow;
/* op_nary.c */
extern const dnb_op dnb_op_sum, dnb_op_mean, dnb_op_max, dnb_op_min;
/* op_compare.c: what makes or reads booleans, and bits */
extern const dnb_op dnb_op_equal, dnb_op_greater, dnb_op_greater_equal, dnb_op_less,
    dnb_op_less_equal, dnb_op_is_inf, dnb_op_is_nan, dnb_op_and, dnb_op_or, dnb_op_xor, dnb_op_not,
    dnb_op_where, dnb_op_bit_shift, dnb_op_bitwise_and, dnb_op_bitwise_or, dnb_op_bitwise_xor,
    dnb_op_bitwise_not;
/* op_cast.c */
extern const dnb_op dnb_op_cast, dnb_op_cast_like;
/* op_random.c */
extern const dnb_op dnb_op_bernoulli, dnb_op_random_normal, dnb_op_random_normal_like,
    dnb_op_random_uniform, dnb_op_random_uniform_like, dnb_op_dropout;
/* op_shape.c: the same elements, seen with another shape */
extern const dnb_op dnb_op_identity, dnb_op_flatten, dnb_op_reshape, dnb_op_squeeze,
    dnb_op_unsqueeze, dnb_op_shape, dnb_op_size;
/* op_move.c: elements moved */
extern const dnb_op dnb_op_concat, dnb_op_transpose, dnb_op_slice;
/* op_gather.c, op_scatter.c */
extern const dnb_op dnb_op_gather, dnb_op_gather_elements, dnb_op_gather_nd, dnb_op_scatter,
    dnb_op_scatter_elements, dnb_op_scatter_nd;
/* op_pad.c, op_repeat.c, op_split.c */
extern const dnb_op dnb_op_pad, dnb_op_expand, dnb_op_tile, dnb_op_reverse_sequence, dnb_op_trilu,
    dnb_op_split, dnb_op_depth_to_space, dnb_op_space_to_depth;
/* op_resize.c */
extern const dnb_op dnb_op_resize, dnb_op_upsample;
/* op_make.c: values from sizes and indices */
extern const dnb_op dnb_op_constant_of_shape, dnb_op_eye_like, dnb_op_one_hot, dnb_op_range;
/* op_select.c: results whose size depends on the data */
extern const dnb_op dnb_op_compress, dnb_op_nonzero, dnb_op_unique;
/* op_along.c: along one axis */
extern const dnb_op dnb_op_arg_max, dnb_op_arg_min, dnb_op_cumsum, dnb_op_top_k;
/* op_reduce.c */
extern const dnb_op dnb_op_reduce_l1, dnb_op_reduce_l2, dnb_op_reduce_log_sum,
    dnb_op_reduce_log_sum_exp, dnb_op_reduce_max, dnb_op_reduce_mean, dnb_op_reduce_min,
    dnb_op_reduce_prod, dnb_op_reduce_sum, dnb_op_reduce_sum_square;
/* op_det.c, op_einsum.c */
extern const dnb_op dnb_op_det, dnb_op_einsum;
/* op_control.c */
extern const dnb_op dnb_op_if, dnb_op_loop, dnb_op_scan;
/* op_legacy.c: experimental operators old files use */
extern const dnb_op dnb_op_crop, dnb_op_image_scaler, dnb_op_affine;
/* op_grad_*.c: what gradients are made of */
extern const dnb_op dnb_op_broadcast_to, dnb_op_sum_to, dnb_op_channel_sum, dnb_op_reshape_to,
    dnb_op_concat_part, dnb_op_iota, dnb_op_scatter_add;
extern const dnb_op dnb_op_relu_grad, dnb_op_sigmoid_grad, dnb_op_tanh_grad, dnb_op_clip_grad,
    dnb_op_function_grad, dnb_op_reduce_max_grad;
extern const dnb_op dnb_op_norm_factor, dnb_op_norm_scale_grad, dnb_op_norm_grad, dnb_op_lrn_grad,
    dnb_op_softmax_grad;
extern const dnb_op dnb_op_max_pool_grad, dnb_op_average_pool_grad,
    dnb_op_adaptive_average_pool_grad;
extern const dnb_op dnb_op_conv_input_grad, dnb_op_conv_weight_grad,
    dnb_op_conv_transpose_input_grad, dnb_op_conv_transpose_weight_grad;
extern const dnb_op dnb_op_rnn_grad, dnb_op_gru_grad, dnb_op_lstm_grad;
extern const dnb_op dnb_op_reduce_prod_grad, dnb_op_det_grad, dnb_op_loss_grad,
    dnb_op_sum_pool_grad;
extern const dnb_op dnb_op_resize_grad, dnb_op_upsample_grad, dnb_op_grid_sample_grad,
    dnb_op_roi_align_grad;
extern const dnb_op dnb_op_phase_weights, dnb_op_phase_shuffle;

#endif
