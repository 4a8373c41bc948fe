/* The table of operators, sorted by name. A new operator is one line here. */
#include <stdlib.h>
#include <string.h>

#include "net/op_families.h"

static const dnb_op *const table[] = {
    &dnb_op_add,
    &dnb_op_affine,
    &dnb_op_average_pool,
    &dnb_op_batch_norm,
    &dnb_op_cast,
    &dnb_op_clip,
    &dnb_op_concat,
    &dnb_op_conv,
    &dnb_op_conv_transpose,
    &dnb_op_crop,
    &dnb_op_div,
    &dnb_op_dropout,
    &dnb_op_flatten,
    &dnb_op_gather,
    &dnb_op_gemm,
    &dnb_op_global_average_pool,
    &dnb_op_global_max_pool,
    &dnb_op_identity,
    &dnb_op_image_scaler,
    &dnb_op_instance_norm,
    &dnb_op_lrn,
    &dnb_op_leaky_relu,
    &dnb_op_log_softmax,
    &dnb_op_matmul,
    &dnb_op_max_pool,
    &dnb_op_mul,
    &dnb_op_pad,
    &dnb_op_reduce_max,
    &dnb_op_reduce_mean,
    &dnb_op_reduce_sum,
    &dnb_op_relu,
    &dnb_op_reshape,
    &dnb_op_resize,
    &dnb_op_shape,
    &dnb_op_sigmoid,
    &dnb_op_slice,
    &dnb_op_softmax,
    &dnb_op_squeeze,
    &dnb_op_sub,
    &dnb_op_sum,
    &dnb_op_tanh,
    &dnb_op_transpose,
    &dnb_op_unsqueeze,
    &dnb_op_upsample,
    /* dnb.* after the capitals */
    &dnb_op_adaptive_average_pool,
    &dnb_op_adaptive_average_pool_grad,
    &dnb_op_average_pool_grad,
    &dnb_op_broadcast_to,
    &dnb_op_channel_sum,
    &dnb_op_clip_grad,
    &dnb_op_concat_part,
    &dnb_op_conv_input_grad,
    &dnb_op_conv_transpose_input_grad,
    &dnb_op_conv_transpose_weight_grad,
    &dnb_op_conv_weight_grad,
    &dnb_op_instance_norm_grad,
    &dnb_op_iota,
    &dnb_op_lrn_grad,
    &dnb_op_max_pool_grad,
    &dnb_op_norm_factor,
    &dnb_op_norm_scale_grad,
    &dnb_op_phase_shuffle,
    &dnb_op_phase_weights,
    &dnb_op_reduce_max_grad,
    &dnb_op_relu_grad,
    &dnb_op_reshape_to,
    &dnb_op_scatter_add,
    &dnb_op_sigmoid_grad,
    &dnb_op_softmax_grad,
    &dnb_op_sum_to,
    &dnb_op_tanh_grad,
};

size_t dnb_op_count(void)
{
    return sizeof table / sizeof *table;
}

const dnb_op *dnb_op_at(size_t i)
{
    return table[i];
}

static int compare_name(const void *key, const void *entry)
{
    return strcmp(key, (*(const dnb_op *const *)entry)->name);
}

const dnb_op *dnb_op_find(const char *name)
{
    const dnb_op *const *p = bsearch(name, table, dnb_op_count(), sizeof *table, compare_name);
    return p ? *p : NULL;
}
