/* The table of gradient rules to check: every operator that has one, with the attributes that
 * change its formula. Include after cmocka.h. */
#ifndef DNB_TESTS_GRAD_RULES_H
#define DNB_TESTS_GRAD_RULES_H

#include "grad_case.h"

#define MAX_OPERANDS 8

typedef struct grad_case {
    const char *op;
    int opset; /* 0 = 13 */
    operand in[MAX_OPERANDS];
    size_t n_in;
    const dnb_attr *attrs;
    size_t n_attrs;
    bool bound;   /* the first dimension of operand 0 is no batch */
    size_t n_out; /* > 0: all these outputs, flat and one after the other */
} grad_case;

#define DIMS(...) .ndim = sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), .dim = {__VA_ARGS__}
#define T(...)                                                                                     \
    {                                                                                              \
        .fill = SPREAD, DIMS(__VA_ARGS__)                                                          \
    }
#define P(...)                                                                                     \
    {                                                                                              \
        .fill = POSITIVE, DIMS(__VA_ARGS__)                                                        \
    }
#define SMALL(...)                                                                                 \
    {                                                                                              \
        .fill = HALF, DIMS(__VA_ARGS__)                                                            \
    }
#define FAR(...)                                                                                   \
    {                                                                                              \
        .fill = WIDE, DIMS(__VA_ARGS__)                                                            \
    }
#define ABOVE(...)                                                                                 \
    {                                                                                              \
        .fill = OVER_ONE, DIMS(__VA_ARGS__)                                                        \
    }
/* the same, as constants */
#define C(...)                                                                                     \
    {                                                                                              \
        .fill = SPREAD, DIMS(__VA_ARGS__), .fixed = true                                           \
    }
#define CP(...)                                                                                    \
    {                                                                                              \
        .fill = POSITIVE, DIMS(__VA_ARGS__), .fixed = true                                         \
    }
/* integers: a list; a matrix of n rows; one number */
#define I2(n, ...)                                                                                 \
    {                                                                                              \
        .fill = INTEGERS, .ndim = 2,                                                               \
        .dim = {(n), sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t) / (n)},                    \
        .ints = (const int64_t[]){__VA_ARGS__}, .fixed = true                                      \
    }
#define I0(v)                                                                                      \
    {                                                                                              \
        .fill = INTEGERS, .ints = (const int64_t[]){v}, .fixed = true                              \
    }
#define I(...)                                                                                     \
    {                                                                                              \
        .fill = INTEGERS, .ndim = 1, .dim = {sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)},  \
        .ints = (const int64_t[]){__VA_ARGS__}, .fixed = true                                      \
    }
#define SCALAR                                                                                     \
    {                                                                                              \
        .fill = SPREAD                                                                             \
    }
#define FIXED                                                                                      \
    {                                                                                              \
        .fill = SPREAD, .fixed = true                                                              \
    }
#define NONE                                                                                       \
    {                                                                                              \
        .fill = ABSENT, .fixed = true                                                              \
    }
/* floats: a list; a matrix of n rows */
#define F2(n, ...)                                                                                 \
    {                                                                                              \
        .fill = LISTED, .ndim = 2,                                                                 \
        .dim = {(n), sizeof((float[]){__VA_ARGS__}) / sizeof(float) / (n)},                        \
        .numbers = (const float[]){__VA_ARGS__}, .fixed = true                                     \
    }
#define F(...)                                                                                     \
    {                                                                                              \
        .fill = LISTED, .ndim = 1, .dim = {sizeof((float[]){__VA_ARGS__}) / sizeof(float)},        \
        .numbers = (const float[]){__VA_ARGS__}, .fixed = true                                     \
    }
#define BOXES F2(2, 0.3F, 0.6F, 4.2F, 5.1F, 1.7F, -0.8F, 6.4F, 3.3F)
/* where the maxima of four windows were, in a plane of 4 x 4 */
#define POOLED                                                                                     \
    {                                                                                              \
        .fill = INTEGERS, .ndim = 4, .dim = {1, 1, 2, 2}, .ints = (const int64_t[]){5, 3, 8, 15},  \
        .fixed = true                                                                              \
    }
#define IN(n, ...) .in = {__VA_ARGS__}, .n_in = (n)

typedef void (*case_test)(const grad_case *k, const char *what);

static inline void each_case(case_test test)
{
    const grad_case cases[] = {
        {"Conv", 0, IN(3, T(2, 3, 7, 6), T(4, 3, 3, 2), T(4)), ATTRS(DNB_INTS("pads", 1, 0, 2, 1))},
        {"Conv", 0, IN(2, T(2, 18, 9, 8), T(6, 9, 3, 3)),
         ATTRS(DNB_INTS("strides", 2, 3), DNB_INTS("pads", 1, 1, 1, 1), DNB_INT("group", 2))},
        {"Conv", 0, IN(2, T(2, 3, 15, 14), T(4, 3, 7, 5)),
         ATTRS(DNB_INTS("strides", 2, 4), DNB_INTS("pads", 3, 2, 3, 1))},
        {"Conv", 0, IN(2, T(2, 2, 9, 10), T(4, 2, 2, 1)), ATTRS(DNB_INTS("strides", 3, 3))},
        {"Conv", 0, IN(2, T(1, 2, 5, 6, 5), T(2, 2, 3, 3, 2)), ATTRS(DNB_INTS("strides", 2, 1, 2))},
        {"Conv", 0, IN(2, T(2, 3, 8, 8), T(5, 3, 3, 3)),
         ATTRS(DNB_INTS("dilations", 2, 1), DNB_STRING("auto_pad", "SAME_UPPER"))},
        {"Conv", 0, IN(2, T(2, 16, 6, 6), T(32, 16, 1, 1)), ATTRS(DNB_INTS("strides", 2, 2))},
        {"Conv", 0, IN(2, T(2, 16, 6, 5), T(16, 16, 1, 1))},
        {"Conv", 0, IN(2, T(2, 8, 7, 7), T(8, 1, 3, 3)),
         ATTRS(DNB_INTS("pads", 1, 1, 1, 1), DNB_INT("group", 8))},
        {"Conv", 0, IN(3, T(2, 2, 11), T(3, 2, 4), T(3)), ATTRS(DNB_INTS("strides", 3))},
        {"Conv", 0, IN(2, T(1, 2, 4, 5, 4), T(2, 2, 2, 3, 2)),
         ATTRS(DNB_INTS("pads", 0, 1, 1, 1, 2, 0))},
        {"ConvTranspose", 0, IN(3, T(2, 3, 4, 5), T(3, 2, 3, 3), T(2)),
         ATTRS(DNB_INTS("strides", 2, 2), DNB_INTS("pads", 1, 0, 1, 1),
               DNB_INTS("output_padding", 1, 0))},
        {"ConvTranspose", 0, IN(2, T(1, 4, 4, 3), T(4, 3, 2, 2)),
         ATTRS(DNB_INT("group", 2), DNB_INTS("dilations", 2, 1))},
        {"MaxPool", 0, IN(1, T(2, 3, 9, 8)),
         ATTRS(DNB_INTS("kernel_shape", 3, 3), DNB_INTS("strides", 2, 2),
               DNB_INTS("pads", 1, 0, 1, 1))},
        {"MaxPool", 0, IN(1, T(2, 16, 7, 7)),
         ATTRS(DNB_INTS("kernel_shape", 3, 3), DNB_INTS("strides", 2, 2), DNB_INT("ceil_mode", 1))},
        {"MaxPool", 0, IN(1, T(2, 2, 9)),
         ATTRS(DNB_INTS("kernel_shape", 3), DNB_INTS("dilations", 2))},
        {"AveragePool", 0, IN(1, T(2, 3, 8, 7)),
         ATTRS(DNB_INTS("kernel_shape", 3, 2), DNB_INTS("strides", 2, 1),
               DNB_INTS("pads", 1, 1, 0, 1))},
        {"AveragePool", 0, IN(1, T(2, 3, 8, 7)),
         ATTRS(DNB_INTS("kernel_shape", 3, 3), DNB_INTS("strides", 3, 2),
               DNB_INTS("pads", 1, 1, 1, 1), DNB_INT("count_include_pad", 1),
               DNB_INT("ceil_mode", 1))},
        {"GlobalAveragePool", 0, IN(1, T(2, 3, 4, 5))},
        {"GlobalMaxPool", 0, IN(1, T(2, 3, 4, 5))},
        {"dnb.AdaptiveAveragePool", 0, IN(1, T(2, 3, 7, 5)), ATTRS(DNB_INTS("output_size", 3, 2))},
        {"dnb.AdaptiveAveragePool", 0, IN(1, T(2, 3, 6, 4)), ATTRS(DNB_INTS("output_size", 3, 2))},
        {"dnb.AdaptiveAveragePool", 0, IN(1, T(2, 3, 3, 2)), ATTRS(DNB_INTS("output_size", 3, 2))},
        {"BatchNormalization", 0, IN(5, T(2, 3, 4, 5), P(3), T(3), C(3), CP(3)),
         ATTRS(DNB_FLOAT("epsilon", 0.01))},
        {"BatchNormalization", 0, IN(5, T(4, 3), P(3), T(3), C(3), CP(3))},
        {"InstanceNormalization", 0, IN(3, T(2, 3, 4, 5), P(3), T(3)),
         ATTRS(DNB_FLOAT("epsilon", 0.01))},
        {"LRN", 0, IN(1, T(2, 7, 3, 2)),
         ATTRS(DNB_INT("size", 5), DNB_FLOAT("alpha", 0.9), DNB_FLOAT("bias", 1.5))},
        {"LRN", 0, IN(1, T(2, 7, 3, 2)),
         ATTRS(DNB_INT("size", 4), DNB_FLOAT("alpha", 0.9), DNB_FLOAT("beta", 0.6))},
        {"Softmax", 0, IN(1, T(2, 3, 5))},
        {"Softmax", 0, IN(1, T(2, 6, 5)), ATTRS(DNB_INT("axis", 1))},
        {"Softmax", 9, IN(1, T(2, 3, 5))},
        {"LogSoftmax", 0, IN(1, T(3, 7))},
        {"LogSoftmax", 9, IN(1, T(2, 3, 5)), ATTRS(DNB_INT("axis", 2))},
        {"Relu", 0, IN(1, T(2, 3, 4, 5))},
        {"LeakyRelu", 0, IN(1, T(2, 3, 4, 5)), ATTRS(DNB_FLOAT("alpha", 0.3))},
        {"LeakyRelu", 0, IN(1, T(2, 3, 4, 5)), ATTRS(DNB_FLOAT("alpha", -0.3))},
        {"Clip", 6, IN(1, T(2, 3, 4, 5)),
         ATTRS(DNB_FLOAT("min", -0.5003), DNB_FLOAT("max", 0.2503))},
        {"Clip", 0, IN(3, T(2, 3, 4, 5), NONE, FIXED)},
        {"Clip", 0, IN(2, T(2, 3, 4, 5), FIXED)},
        {"Sigmoid", 0, IN(1, T(2, 3, 4, 5))},
        {"Tanh", 0, IN(1, T(2, 3, 4, 5))},
        {"Gemm", 0, IN(3, T(4, 5), T(5, 3), T(3)),
         ATTRS(DNB_FLOAT("alpha", 0.7), DNB_FLOAT("beta", 2))},
        {"Gemm", 0, IN(3, T(4, 5), T(3, 5), T(4, 1)), ATTRS(DNB_INT("transB", 1)), .bound = true},
        {"Gemm", 0, IN(3, T(5, 4), T(5, 3), SCALAR),
         ATTRS(DNB_INT("transA", 1), DNB_FLOAT("beta", 0.5)), .bound = true},
        {"Gemm", 0, IN(2, T(5, 4), T(3, 5)), ATTRS(DNB_INT("transA", 1), DNB_INT("transB", 1)),
         .bound = true},
        {"MatMul", 0, IN(2, T(4, 5), T(5, 3))},
        {"MatMul", 0, IN(2, T(2, 1, 4, 5), T(3, 5, 2))},
        {"MatMul", 0, IN(2, T(2, 4, 5), T(5, 3))},
        {"MatMul", 0, IN(2, T(2, 4, 5), T(5))},
        {"MatMul", 0, IN(2, T(5), T(2, 5, 3)), .bound = true},
        {"MatMul", 0, IN(2, T(5), T(5)), .bound = true},
        {"Add", 0, IN(2, T(2, 3, 4), T(3, 1))},
        {"Add", 0, IN(2, T(2, 1, 4), T(3, 1))},
        {"Sub", 0, IN(2, T(3, 4), T(2, 3, 4))},
        {"Mul", 0, IN(2, T(2, 3, 4), T(3, 1))},
        {"Mul", 0, IN(2, T(2, 3, 4), SCALAR)},
        {"Div", 0, IN(2, T(2, 3, 4), P(4))},
        {"Div", 0, IN(2, T(4), P(2, 3, 4))},
        {"Sum", 0, IN(3, T(2, 3, 4), T(4), T(3, 1))},
        {"Identity", 0, IN(1, T(2, 3))},
        {"Dropout", 0, IN(1, T(2, 3))},
        {"Flatten", 0, IN(1, T(2, 3, 4, 2))},
        {"Reshape", 0, IN(2, T(2, 3, 4), I(0, -1))},
        {"Squeeze", 0, IN(2, T(2, 1, 3, 1), I(1, 3))},
        {"Unsqueeze", 0, IN(2, T(2, 3), I(1, 3))},
        {"Cast", 0, IN(1, T(2, 3)), ATTRS(DNB_INT("to", 1))},
        {"Concat", 0, IN(3, T(2, 3, 4), T(2, 2, 4), T(2, 1, 4)), ATTRS(DNB_INT("axis", 1)),
         .bound = true},
        {"Concat", 0, IN(2, T(2, 3, 4), T(2, 3, 2)), ATTRS(DNB_INT("axis", -1)), .bound = true},
        {"Transpose", 0, IN(1, T(2, 3, 4))},
        {"Transpose", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("perm", 0, 2, 1))},
        {"Transpose", 0, IN(1, T(2, 3, 4, 2)), ATTRS(DNB_INTS("perm", 0, 3, 1, 2))},
        {"Gather", 0, IN(2, T(2, 5, 3), I(4, 0, -1, 0)), ATTRS(DNB_INT("axis", 1))},
        {"Slice", 0, IN(5, T(2, 6, 5), I(4, 1), I(0, 4), I(1, 2), I(-2, 1))},
        {"Slice", 9, IN(1, T(2, 6, 5)), ATTRS(DNB_INTS("starts", 0, 1), DNB_INTS("ends", 9, 3))},
        {"Pad", 0, IN(3, T(2, 3, 4), I(0, 1, 2, 0, 0, -1), FIXED)},
        {"Pad", 0, IN(2, T(2, 3, 4), I(0, 0, 2, 0, 0, 3)), ATTRS(DNB_STRING("mode", "reflect"))},
        {"Pad", 9, IN(1, T(2, 3)),
         ATTRS(DNB_INTS("pads", 0, 1, 0, 1), DNB_STRING("mode", "edge"), DNB_FLOAT("value", 3))},
        {"Upsample", 7, IN(1, T(2, 3, 3, 2)),
         ATTRS({.name = "scales",
                .kind = DNB_ATTR_FLOATS,
                .floats = (double[]){1, 1, 2, 2.5},
                .n = 4})},
        {"Resize", 0, IN(4, T(2, 3, 3, 2), NONE, NONE, I(2, 3, 5, 3)),
         ATTRS(DNB_STRING("mode", "nearest"))},
        {"Resize", 0, IN(4, T(2, 3, 3, 2), NONE, NONE, I(2, 3, 5, 3)),
         ATTRS(DNB_STRING("mode", "linear"))},
        {"Resize", 0, IN(4, T(2, 2, 6, 7), NONE, NONE, I(2, 2, 3, 4)),
         ATTRS(DNB_STRING("mode", "cubic"))},
        {"Resize", 0, IN(4, T(2, 2, 3, 4), NONE, NONE, I(2, 2, 7, 5)),
         ATTRS(DNB_STRING("mode", "linear"),
               DNB_STRING("coordinate_transformation_mode", "align_corners"))},
        {"Resize", 0, IN(4, T(2, 2, 3, 4), NONE, NONE, I(2, 2, 7, 5)),
         ATTRS(DNB_STRING("mode", "cubic"), DNB_INT("exclude_outside", 1),
               DNB_STRING("coordinate_transformation_mode", "asymmetric"))},
        {"Resize", 0, IN(4, T(2, 2, 3, 4), NONE, NONE, I(2, 2, 7, 1)),
         ATTRS(DNB_STRING("mode", "linear"),
               DNB_STRING("coordinate_transformation_mode", "pytorch_half_pixel"))},
        {"Resize", 0, IN(4, T(2, 2, 5, 4), NONE, NONE, I(2, 2, 7, 5)),
         ATTRS(DNB_STRING("nearest_mode", "ceil"),
               DNB_STRING("coordinate_transformation_mode", "tf_half_pixel_for_nn"))},
        {"Resize", 0,
         IN(4, T(1, 1, 5, 6), F(0, 0, 0.1F, 0.2F, 1, 1, 0.9F, 1.3F), NONE, I(1, 1, 4, 5)),
         ATTRS(DNB_STRING("mode", "linear"), DNB_FLOAT("extrapolation_value", 3),
               DNB_STRING("coordinate_transformation_mode", "tf_crop_and_resize")),
         .bound = true},
        {"Resize", 18, IN(4, T(2, 2, 9, 8), NONE, NONE, I(4, 5)),
         ATTRS(DNB_STRING("mode", "cubic"), DNB_INT("antialias", 1), DNB_INTS("axes", 2, 3))},
        {"Resize", 10, IN(2, T(1, 3, 4, 5), F(1, 1, 1.5F, 0.7F)),
         ATTRS(DNB_STRING("mode", "linear")), .bound = true},
        {"Upsample", 7, IN(1, T(2, 3, 3, 2)),
         ATTRS({.name = "scales",
                .kind = DNB_ATTR_FLOATS,
                .floats = (double[]){1, 1, 2, 2.5},
                .n = 4},
               DNB_STRING("mode", "linear"))},
        {"GridSample", 16, IN(2, T(2, 3, 4, 5), SMALL(2, 3, 4, 2)), .bound = true},
        {"GridSample", 16, IN(2, T(1, 3, 4, 5), T(1, 3, 4, 2)),
         ATTRS(DNB_STRING("padding_mode", "border"))},
        {"GridSample", 16, IN(2, T(1, 3, 4, 5), T(1, 3, 4, 2)),
         ATTRS(DNB_INT("align_corners", 1), DNB_STRING("mode", "bicubic"))},
        {"GridSample", 16, IN(2, T(1, 3, 4, 5), T(1, 3, 4, 2)),
         ATTRS(DNB_STRING("mode", "bicubic"), DNB_STRING("padding_mode", "reflection"))},
        {"GridSample", 16, IN(2, T(1, 3, 4, 5), T(1, 3, 4, 2)),
         ATTRS(DNB_STRING("mode", "nearest")), .bound = true},
        {"RoiAlign", 16, IN(3, T(1, 3, 6, 7), BOXES, I(0, 0)),
         ATTRS(DNB_INT("output_height", 2), DNB_INT("output_width", 3),
               DNB_INT("sampling_ratio", 2)),
         .bound = true},
        {"RoiAlign", 10, IN(3, T(1, 3, 6, 7), BOXES, I(0, 0)),
         ATTRS(DNB_INT("output_height", 2), DNB_INT("output_width", 3), DNB_STRING("mode", "max")),
         .bound = true},
        {"ReduceMean", 0, IN(1, T(2, 3, 4, 5)), ATTRS(DNB_INTS("axes", 2, 3))},
        {"ReduceMean", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 1), DNB_INT("keepdims", 0))},
        {"ReduceSum", 0, IN(2, T(2, 3, 4), I(-1)), ATTRS(DNB_INT("keepdims", 0))},
        {"ReduceSum", 0, IN(1, T(2, 3, 4))},
        {"ReduceMax", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 0, 2), DNB_INT("keepdims", 0))},
        {"Abs", 0, IN(1, T(2, 3, 4))},
        {"Neg", 0, IN(1, T(2, 3, 4))},
        {"Exp", 0, IN(1, T(2, 3, 4))},
        {"Log", 0, IN(1, P(2, 3, 4))},
        {"Sqrt", 0, IN(1, P(2, 3, 4))},
        {"Reciprocal", 0, IN(1, P(2, 3, 4))},
        {"Sin", 0, IN(1, T(2, 3, 4))},
        {"Cos", 0, IN(1, T(2, 3, 4))},
        {"Erf", 0, IN(1, T(2, 3, 4))},
        {"Gelu", 0, IN(1, T(2, 3, 4))},
        {"Softplus", 0, IN(1, T(2, 3, 4))},
        {"HardSigmoid", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_FLOAT("alpha", 0.7))},
        {"Pow", 0, IN(2, P(2, 3, 4), FIXED)},
        {"Mean", 0, IN(3, T(2, 3, 4), T(4), T(3, 1))},
        {"Expand", 0, IN(2, T(2, 3, 1), I(2, 3, 4))},
        {"Tile", 0, IN(2, T(2, 3, 4), I(1, 2, 3))},
        {"DepthToSpace", 0, IN(1, T(2, 8, 2, 3)), ATTRS(DNB_INT("blocksize", 2))},
        {"SpaceToDepth", 0, IN(1, T(2, 2, 4, 6)), ATTRS(DNB_INT("blocksize", 2))},
        {"Elu", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_FLOAT("alpha", 1.3))},
        {"Celu", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_FLOAT("alpha", 0.6))},
        {"Selu", 0, IN(1, T(2, 3, 4))},
        {"Selu", 1, IN(1, T(2, 3, 4))},
        {"HardSwish", 14, IN(1, T(2, 3, 4))},
        {"HardSwish", 14, IN(1, FAR(2, 3, 4))},
        {"HardSigmoid", 0, IN(1, FAR(2, 3, 4))},
        {"Mish", 18, IN(1, T(2, 3, 4))},
        {"Softsign", 0, IN(1, T(2, 3, 4))},
        {"ThresholdedRelu", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_FLOAT("alpha", 0.3003))},
        {"Shrink", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_FLOAT("lambd", 0.4003), DNB_FLOAT("bias", 0.2))},
        {"Gelu", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_STRING("approximate", "tanh"))},
        {"PRelu", 0, IN(2, T(2, 3, 4), T(3, 1))},
        {"PRelu", 0, IN(2, T(2, 3, 4), SCALAR)},
        {"PRelu", 6, IN(2, T(2, 3, 4), T(3))},
        {"Acos", 0, IN(1, T(2, 3, 4))},
        {"Acosh", 0, IN(1, ABOVE(2, 3, 4))},
        {"Asin", 0, IN(1, T(2, 3, 4))},
        {"Asinh", 0, IN(1, T(2, 3, 4))},
        {"Atan", 0, IN(1, T(2, 3, 4))},
        {"Atanh", 0, IN(1, SMALL(2, 3, 4))},
        {"Cosh", 0, IN(1, T(2, 3, 4))},
        {"Sinh", 0, IN(1, T(2, 3, 4))},
        {"Tan", 0, IN(1, T(2, 3, 4))},
        {"Pow", 0, IN(2, P(2, 3, 4), T(3, 1))},
        {"Pow", 0, IN(2, T(2, 3, 4), I(3, 2, 1, 3))},
        {"Mod", 0, IN(2, FAR(2, 3, 4), P(4)), ATTRS(DNB_INT("fmod", 1))},
        {"Min", 0, IN(3, T(2, 3, 4), T(4), T(3, 1))},
        {"Max", 0, IN(3, T(2, 3, 4), T(4), T(3, 1))},
        {"Max", 0, IN(1, T(2, 3, 4))},
        {"Where", 0, IN(3, I(1, 0, 0, 1), T(2, 3, 4), T(3, 1)), .bound = true},
        {"Where", 0, IN(3, I(0, 1, 1), T(1), T(2, 3)), .bound = true},
        {"Clip", 0, IN(3, FAR(2, 3, 4, 5), T(1), P(1))},
        {"Clip", 0, IN(3, T(2, 3, 4, 5), SCALAR, NONE)},
        {"Clip", 0, IN(3, FAR(2, 3, 4, 5), P(1), T(1)), .bound = true},
        {"Clip", 0, IN(3, T(2, 3, 4, 5), NONE, T(1))},
        {"TopK", 0, IN(2, T(2, 3, 5), I(2))},
        {"TopK", 0, IN(2, T(2, 3, 5), I(3)), ATTRS(DNB_INT("axis", 1), DNB_INT("largest", 0))},
        {"InstanceNormalization", 0, IN(3, T(2, 3, 9), P(3), T(3))},
        {"LayerNormalization", 17, IN(3, T(2, 3, 5), P(5), T(5)),
         ATTRS(DNB_FLOAT("epsilon", 0.01))},
        {"LayerNormalization", 17, IN(3, T(2, 3, 5), P(3, 5), T(5)), ATTRS(DNB_INT("axis", 1))},
        {"LayerNormalization", 17, IN(2, T(2, 3, 5), P(2, 3, 5)), ATTRS(DNB_INT("axis", 0)),
         .bound = true},
        {"LayerNormalization", 17, IN(3, T(2, 3, 5), P(5), T(5)), .n_out = 3},
        {"RMSNormalization", 23, IN(2, T(2, 3, 5), P(3, 5)),
         ATTRS(DNB_INT("axis", 1), DNB_FLOAT("epsilon", 0.02))},
        {"GroupNormalization", 18, IN(3, T(2, 6, 2, 3), P(3), T(3)),
         ATTRS(DNB_INT("num_groups", 3))},
        {"GroupNormalization", 21, IN(3, T(2, 6, 4), P(6), T(6)), ATTRS(DNB_INT("num_groups", 2))},
        {"MeanVarianceNormalization", 13, IN(1, T(2, 3, 2, 4)), ATTRS(DNB_INTS("axes", 1, 3))},
        {"MeanVarianceNormalization", 1, IN(1, T(2, 3, 2, 4)),
         ATTRS(DNB_INT("normalize_variance", 0), DNB_INT("across_channels", 1))},
        {"LpNormalization", 0, IN(1, T(2, 3, 5)), ATTRS(DNB_INT("axis", 1))},
        {"LpNormalization", 0, IN(1, T(2, 3, 5)), ATTRS(DNB_INT("p", 1))},
        {"TopK", 0, IN(2, T(2, 3, 5), I(2)), .n_out = 2},
        {"Split", 0, IN(1, T(2, 6, 3)), ATTRS(DNB_INT("axis", 1)), .n_out = 3},
        {"Split", 0, IN(2, T(7, 2), I(2, 4, 1)), .n_out = 3},
        {"Split", 18, IN(1, T(2, 7)), ATTRS(DNB_INT("axis", -1), DNB_INT("num_outputs", 2)),
         .n_out = 2},
        {"RNN", 14, IN(6, T(4, 2, 3), T(1, 5, 3), T(1, 5, 5), T(1, 10), NONE, T(1, 2, 5)),
         .n_out = 2},
        {"RNN", 14, IN(6, T(4, 2, 3), T(2, 5, 3), T(2, 5, 5), T(2, 10), I(4, 2), T(2, 2, 5)),
         ATTRS(DNB_STRING("direction", "bidirectional"),
               DNB_STRINGS("activations", "Elu", "Softsign")),
         .n_out = 2},
        {"RNN", 14, IN(3, T(2, 4, 3), T(1, 5, 3), T(1, 5, 5)),
         ATTRS(DNB_INT("layout", 1), DNB_STRING("direction", "reverse"), DNB_FLOAT("clip", 0.6003)),
         .n_out = 2},
        {"GRU", 14, IN(6, T(4, 2, 3), T(1, 15, 3), T(1, 15, 5), T(1, 30), NONE, T(1, 2, 5)),
         .n_out = 2},
        {"GRU", 14, IN(6, T(4, 2, 3), T(2, 15, 3), T(2, 15, 5), T(2, 30), I(3, 4), T(2, 2, 5)),
         ATTRS(DNB_STRING("direction", "bidirectional"), DNB_INT("linear_before_reset", 1)),
         .n_out = 2},
        {"LSTM", 14,
         IN(8, T(4, 2, 3), T(1, 20, 3), T(1, 20, 5), T(1, 40), NONE, T(1, 2, 5), T(1, 2, 5),
            T(1, 15)),
         .n_out = 3},
        {"LSTM", 14,
         IN(7, T(4, 2, 3), T(2, 20, 3), T(2, 20, 5), T(2, 40), I(4, 1), T(2, 2, 5), T(2, 2, 5)),
         ATTRS(DNB_STRING("direction", "bidirectional")), .n_out = 3},
        {"LSTM", 14, IN(8, T(2, 4, 3), T(1, 20, 3), T(1, 20, 5), NONE, NONE, NONE, NONE, T(1, 15)),
         ATTRS(DNB_INT("layout", 1), DNB_INT("input_forget", 1), DNB_FLOAT("clip", 0.9003)),
         .n_out = 3},
        {"ReduceMin", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 1), DNB_INT("keepdims", 0))},
        {"ReduceProd", 0, IN(1, P(2, 3, 4)), ATTRS(DNB_INTS("axes", 1, 2))},
        {"ReduceProd", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 1), DNB_INT("keepdims", 0))},
        {"ReduceL1", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 1))},
        {"ReduceL2", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 2), DNB_INT("keepdims", 0))},
        {"ReduceLogSum", 0, IN(1, P(2, 3, 4)), ATTRS(DNB_INTS("axes", 1))},
        {"ReduceLogSumExp", 0, IN(1, T(2, 3, 4)),
         ATTRS(DNB_INTS("axes", 1), DNB_INT("keepdims", 0))},
        {"ReduceSumSquare", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_INTS("axes", 1))},
        {"ReduceSumSquare", 18, IN(1, T(2, 3, 4)), ATTRS(DNB_INT("noop_with_empty_axes", 1))},
        {"GatherElements", 0, IN(2, T(2, 4), I2(2, 0, 3, 3, -1, 2, 0)), ATTRS(DNB_INT("axis", 1)),
         .bound = true},
        {"GatherND", 0, IN(2, T(2, 3, 4), I2(3, 0, 1, 1, 2, 0, 1)), .bound = true},
        {"ReverseSequence", 0, IN(2, T(4, 3, 2), I(4, 2, 3)), .bound = true},
        {"Trilu", 14, IN(2, T(2, 4, 5), I0(1))},
        {"Trilu", 14, IN(1, T(2, 4, 5)), ATTRS(DNB_INT("upper", 0))},
        {"Compress", 0, IN(2, T(2, 4, 3), I(0, 1, 1, 0)), ATTRS(DNB_INT("axis", 1))},
        {"CumSum", 0, IN(2, T(2, 4, 3), I0(1))},
        {"CumSum", 0, IN(2, T(2, 4, 3), I0(2)),
         ATTRS(DNB_INT("exclusive", 1), DNB_INT("reverse", 1))},
        {"ScatterElements", 0, IN(3, T(3, 4), I2(3, 0, 3, 1, -1, 2, 2), T(3, 2)),
         ATTRS(DNB_INT("axis", 1)), .bound = true},
        {"ScatterElements", 16, IN(3, T(3, 4), I2(3, 0, 3, 1, 1, 2, 2), T(3, 2)),
         ATTRS(DNB_INT("axis", 1), DNB_STRING("reduction", "add")), .bound = true},
        {"Scatter", 9, IN(3, T(3, 4), I2(1, 0, 2, 1, 2), T(1, 4)), .bound = true},
        {"ScatterND", 0, IN(3, T(3, 4), I2(3, 0, 2, 0), T(3, 4)), .bound = true},
        {"ScatterND", 16, IN(3, T(3, 4), I2(3, 0, 2, 0), T(3, 4)),
         ATTRS(DNB_STRING("reduction", "add")), .bound = true},
        {"Det", 0, IN(1, T(2, 4, 4))},
        {"Det", 0, IN(1, T(2, 1, 1))},
        {"DFT", 17, IN(1, T(2, 6, 1))},
        {"DFT", 17, IN(2, T(2, 6, 3, 2), I0(5)), ATTRS(DNB_INT("inverse", 1))},
        {"DFT", 17, IN(2, T(2, 6, 5, 1), I0(8)), ATTRS(DNB_INT("axis", 2), DNB_INT("onesided", 1))},
        {"STFT", 17, IN(4, T(2, 13, 1), I0(3), T(6), NONE)},
        {"STFT", 17, IN(4, T(2, 13, 2), I0(2), NONE, I0(5)), ATTRS(DNB_INT("onesided", 0))},
        {"LpPool", 0, IN(1, T(2, 3, 7, 6)),
         ATTRS(DNB_INTS("kernel_shape", 3, 2), DNB_INTS("strides", 2, 1),
               DNB_INTS("pads", 1, 0, 1, 1))},
        {"LpPool", 0, IN(1, T(2, 3, 7)), ATTRS(DNB_INTS("kernel_shape", 3), DNB_INT("p", 3))},
        {"GlobalLpPool", 0, IN(1, T(2, 3, 4, 5)), ATTRS(DNB_INT("p", 3))},
        {"GlobalLpPool", 0, IN(1, T(2, 3, 4, 5)), ATTRS(DNB_INT("p", 1))},
        {"MaxUnpool", 0, IN(2, T(1, 1, 2, 2), POOLED),
         ATTRS(DNB_INTS("kernel_shape", 2, 2), DNB_INTS("strides", 2, 2))},
        {"MaxUnpool", 0, IN(3, T(1, 1, 2, 2), POOLED, I(1, 1, 5, 5)),
         ATTRS(DNB_INTS("kernel_shape", 2, 2), DNB_INTS("strides", 2, 2))},
        {"NegativeLogLikelihoodLoss", 0, IN(3, T(3, 4), I(1, 3, 0), CP(4)), .bound = true},
        {"NegativeLogLikelihoodLoss", 0, IN(2, T(3, 4), I(1, 3, 0)),
         ATTRS(DNB_STRING("reduction", "none"), DNB_INT("ignore_index", 3)), .bound = true},
        {"SoftmaxCrossEntropyLoss", 0, IN(2, T(3, 4), I(1, 3, 0)), .bound = true},
        {"SoftmaxCrossEntropyLoss", 0, IN(3, T(3, 4), I(1, 3, 0), CP(4)),
         ATTRS(DNB_STRING("reduction", "sum"), DNB_INT("ignore_index", 0)), .n_out = 2},
        {"SoftmaxCrossEntropyLoss", 12, IN(2, T(2, 4, 3), I2(2, 0, 1, 2, 3, 3, 1)),
         ATTRS(DNB_STRING("reduction", "none")), .bound = true},
        {"Einsum", 0, IN(2, T(2, 3, 4), T(4, 5)), ATTRS(DNB_STRING("equation", "bij, jk -> bik"))},
        {"Einsum", 0, IN(2, T(2, 3, 4), T(3, 4)), ATTRS(DNB_STRING("equation", "...ij,ij"))},
        {"Einsum", 0, IN(1, T(2, 3, 4)), ATTRS(DNB_STRING("equation", "bij->bj"))},
        {"Einsum", 0, IN(3, T(2, 3), T(3, 4), T(1, 4)),
         ATTRS(DNB_STRING("equation", "ab,bc,dc->ad"))},
        {"Affine", 0, IN(1, T(2, 3)), ATTRS(DNB_FLOAT("alpha", 1.7), DNB_FLOAT("beta", 3))},
        {"ImageScaler", 0, IN(1, T(2, 3, 2, 2)), ATTRS(DNB_FLOAT("scale", 0.4))},
        {"Crop", 0, IN(1, T(2, 3, 5, 6)), ATTRS(DNB_INTS("border", 1, 2, 1, 1))},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char what[64];
        snprintf(what, sizeof what, "case %zu (%s)", c, cases[c].op);
        test(&cases[c], what);
    }
}

#endif
