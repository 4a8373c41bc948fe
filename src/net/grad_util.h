/* What gradient rules are written with, and the rules themselves, which the records
 * of the forward operators name. room: net (internal) */
#ifndef DNB_NET_GRAD_UTIL_H
#define DNB_NET_GRAD_UTIL_H

#include "net/op.h"

/* Appends an unnamed node with one output; messages call it "gradient of <node>". */
dnb_status dnb_grad_node(const dnb_op_grads *r, const char *op, const dnb_value *in, size_t n_in,
                         const dnb_attr *attrs, size_t n_attrs, dnb_value *out,
                         dnb_err *err) DNB_MUST_CHECK;
/* The same with the attributes of the forward node. */
dnb_status dnb_grad_like(const dnb_op_grads *r, const char *op, const dnb_value *in, size_t n_in,
                         dnb_value *out, dnb_err *err) DNB_MUST_CHECK;
/* The shape of v as a value: known when planning, so v itself need not be computed or kept. */
dnb_status dnb_grad_shape_of(const dnb_op_grads *r, dnb_value v, dnb_value *out,
                             dnb_err *err) DNB_MUST_CHECK;
/* op(a, shape of like): dnb.SumTo, dnb.ReshapeTo and the like. */
dnb_status dnb_grad_to_shape(const dnb_op_grads *r, const char *op, dnb_value a, dnb_value like,
                             dnb_value *out, dnb_err *err) DNB_MUST_CHECK;
/* op(a, b), or op(a) where b is DNB_NO_VALUE. */
dnb_status dnb_grad_apply(const dnb_op_grads *r, const char *op, dnb_value a, dnb_value b,
                          dnb_value *out, dnb_err *err) DNB_MUST_CHECK;
/* condition ? a : b, element by element. */
dnb_status dnb_grad_where(const dnb_op_grads *r, dnb_value condition, dnb_value a, dnb_value b,
                          dnb_value *out, dnb_err *err) DNB_MUST_CHECK;
/* in_grads[k] from a gradient of the result's shape: summed where input k was broadcast. */
dnb_status dnb_grad_sum_to_input(const dnb_op_grads *r, size_t k, dnb_value grad,
                                 dnb_err *err) DNB_MUST_CHECK;
/* A float constant of this shape, all `value`, which float32 must hold exactly. */
dnb_status dnb_grad_filled(const dnb_op_grads *r, double value, int ndim, const size_t *dim,
                           dnb_value *out, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_grad_number(const dnb_op_grads *r, double value, dnb_value *out,
                           dnb_err *err) DNB_MUST_CHECK;
/* A constant list of integers. */
dnb_status dnb_grad_integers(const dnb_op_grads *r, const int64_t *list, size_t n, dnb_value *out,
                             dnb_err *err) DNB_MUST_CHECK;
/* Zeros in the shape of `like`. */
dnb_status dnb_grad_zeros(const dnb_op_grads *r, dnb_value like, dnb_value *out,
                          dnb_err *err) DNB_MUST_CHECK;
/* Output `which` of the forward node: its own, or of the same node again where it has fewer. */
dnb_status dnb_grad_output(const dnb_op_grads *r, size_t which, dnb_value *out,
                           dnb_err *err) DNB_MUST_CHECK;
/* in_grads[0] = out_grads[0] * f'(input 0) for the node's function f with these parameters, if
 * slope.h has it. */
dnb_status dnb_grad_slope(const dnb_op_grads *r, double alpha, double beta,
                          dnb_err *err) DNB_MUST_CHECK;
/* a * factor; a itself when the factor is 1. */
dnb_status dnb_grad_scaled(const dnb_op_grads *r, dnb_value a, double factor, dnb_value *out,
                           dnb_err *err) DNB_MUST_CHECK;
/* DNB_EUNSUPPORTED when any input from `first` on is wanted. */
dnb_status dnb_grad_refuse_from(const dnb_op_grads *r, size_t first, dnb_err *err) DNB_MUST_CHECK;
/* DNB_EUNSUPPORTED when the node lines its operands up by `axis`, as before operator set 7. */
dnb_status dnb_grad_refuse_legacy(const dnb_op_grads *r, dnb_err *err) DNB_MUST_CHECK;
/* A one-dimensional integer input known when planning, as the shape of a result: into s->out[0],
 * with the type of input 0. For shape rules of operators that take such a shape. */
dnb_status dnb_op_target_shape(const dnb_op_shapes *s, size_t i, dnb_err *err) DNB_MUST_CHECK;
/* DNB_EUNSUPPORTED unless inputs 0..n-1 are floats. */
dnb_status dnb_op_floats(const dnb_op_shapes *s, size_t n, dnb_err *err) DNB_MUST_CHECK;
/* DNB_ESHAPE unless input i has this shape. */
dnb_status dnb_op_expect(const dnb_op_shapes *s, size_t i, const dnb_shape *want,
                         dnb_err *err) DNB_MUST_CHECK;

/* ---- rules, in the files called grad_*.c ---- */
dnb_status dnb_grad_same(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reshape(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_broadcast_to(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_sum_to(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_concat(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_transpose(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_mover(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_add(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_sub(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_mul(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_div(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_gemm(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_matmul(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_sum(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_mean(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_max(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_affine(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_image_scaler(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_relu(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_leaky_relu(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_clip(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_where_rule(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_extreme(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_top_k(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_split(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_sigmoid(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_tanh(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_neg(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_abs(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_sin(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_cos(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_softplus(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_exp(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_log(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_sqrt(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reciprocal(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_erf(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_function(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_zero(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_hard_sigmoid(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_pow(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_mod(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_mean(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_batch_norm(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_instance_norm(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_layer_norm(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_rms_norm(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_lrn(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_softmax(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_log_softmax(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_recurrent(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_min(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_prod(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_norm(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_reduce_log_sum(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_cumsum(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_scatter(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_einsum(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_det(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_max_pool(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_average_pool(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_global_average_pool(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_global_max_pool(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_adaptive_average_pool(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_conv(const dnb_op_grads *r, dnb_err *err);
dnb_status dnb_grad_conv_transpose(const dnb_op_grads *r, dnb_err *err);

#endif
