/* The table of operators, sorted by name. A new operator is one line here. */
#include <stdlib.h>
#include <string.h>

#include "net/op_families.h"

static const dnb_op *const table[] = {
    &dnb_op_abs,
    &dnb_op_acos,
    &dnb_op_acosh,
    &dnb_op_add,
    &dnb_op_affine,
    &dnb_op_and,
    &dnb_op_asin,
    &dnb_op_asinh,
    &dnb_op_atan,
    &dnb_op_atanh,
    &dnb_op_average_pool,
    &dnb_op_batch_norm,
    &dnb_op_bernoulli,
    &dnb_op_bit_shift,
    &dnb_op_bitwise_and,
    &dnb_op_bitwise_not,
    &dnb_op_bitwise_or,
    &dnb_op_bitwise_xor,
    &dnb_op_cast,
    &dnb_op_cast_like,
    &dnb_op_ceil,
    &dnb_op_celu,
    &dnb_op_clip,
    &dnb_op_concat,
    &dnb_op_conv,
    &dnb_op_conv_transpose,
    &dnb_op_cos,
    &dnb_op_cosh,
    &dnb_op_crop,
    &dnb_op_div,
    &dnb_op_dropout,
    &dnb_op_elu,
    &dnb_op_equal,
    &dnb_op_erf,
    &dnb_op_exp,
    &dnb_op_flatten,
    &dnb_op_floor,
    &dnb_op_gather,
    &dnb_op_gelu,
    &dnb_op_gemm,
    &dnb_op_global_average_pool,
    &dnb_op_global_max_pool,
    &dnb_op_greater,
    &dnb_op_greater_equal,
    &dnb_op_hard_sigmoid,
    &dnb_op_hard_swish,
    &dnb_op_hardmax,
    &dnb_op_identity,
    &dnb_op_if,
    &dnb_op_image_scaler,
    &dnb_op_instance_norm,
    &dnb_op_is_inf,
    &dnb_op_is_nan,
    &dnb_op_lrn,
    &dnb_op_leaky_relu,
    &dnb_op_less,
    &dnb_op_less_equal,
    &dnb_op_log,
    &dnb_op_log_softmax,
    &dnb_op_loop,
    &dnb_op_matmul,
    &dnb_op_max,
    &dnb_op_max_pool,
    &dnb_op_mean,
    &dnb_op_min,
    &dnb_op_mish,
    &dnb_op_mod,
    &dnb_op_mul,
    &dnb_op_neg,
    &dnb_op_not,
    &dnb_op_or,
    &dnb_op_prelu,
    &dnb_op_pad,
    &dnb_op_pow,
    &dnb_op_random_normal,
    &dnb_op_random_normal_like,
    &dnb_op_random_uniform,
    &dnb_op_random_uniform_like,
    &dnb_op_reciprocal,
    &dnb_op_reduce_max,
    &dnb_op_reduce_mean,
    &dnb_op_reduce_sum,
    &dnb_op_relu,
    &dnb_op_reshape,
    &dnb_op_resize,
    &dnb_op_round,
    &dnb_op_scan,
    &dnb_op_selu,
    &dnb_op_shape,
    &dnb_op_shrink,
    &dnb_op_sigmoid,
    &dnb_op_sign,
    &dnb_op_sin,
    &dnb_op_sinh,
    &dnb_op_slice,
    &dnb_op_softmax,
    &dnb_op_softplus,
    &dnb_op_softsign,
    &dnb_op_sqrt,
    &dnb_op_squeeze,
    &dnb_op_sub,
    &dnb_op_sum,
    &dnb_op_tan,
    &dnb_op_tanh,
    &dnb_op_thresholded_relu,
    &dnb_op_transpose,
    &dnb_op_unsqueeze,
    &dnb_op_upsample,
    &dnb_op_where,
    &dnb_op_xor,
    &dnb_op_adaptive_average_pool, /* dnb.* after the capitals */
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
