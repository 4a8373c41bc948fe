/* Derivatives of functions of one number. A function is one line here and one in the table. */
#include "net/slope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SQRT_HALF 0.70710678118654752440
#define ONE_OVER_SQRT_TAU 0.39894228040143267794
#define SQRT_TWO_OVER_PI 0.79788456080286535588

#define SLOPE(id, expr)                                                                            \
    static double slope_##id(double x, double alpha, double beta)                                  \
    {                                                                                              \
        (void)x, (void)alpha, (void)beta;                                                          \
        return expr;                                                                               \
    }

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* x tanh(softplus(x)) */
static double mish(double x)
{
    double t = tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
    return t + x * (1 - t * t) * sigmoid(x);
}

/* x P(x) with the normal distribution P, or with its approximation by tanh. */
static double gelu(double x, int by_tanh)
{
    if (!by_tanh)
        return 0.5 * erfc(-x * SQRT_HALF) + ONE_OVER_SQRT_TAU * x * exp(-x * x / 2);
    double t = tanh(SQRT_TWO_OVER_PI * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_TWO_OVER_PI * (1 + 3 * 0.044715 * x * x);
}

SLOPE(acos, -1 / sqrt(1 - x * x))
SLOPE(acosh, 1 / sqrt(x * x - 1))
SLOPE(affine, alpha)
SLOPE(asin, 1 / sqrt(1 - x * x))
SLOPE(asinh, 1 / sqrt(x * x + 1))
SLOPE(atan, 1 / (1 + x * x))
SLOPE(atanh, 1 / (1 - x * x))
SLOPE(celu, x > 0 ? 1 : exp(x / alpha))
SLOPE(cosh, sinh(x))
SLOPE(elu, x < 0 ? alpha * exp(x) : 1)
SLOPE(gelu, gelu(x, alpha != 0))
SLOPE(hard_sigmoid, alpha *x + beta > 0 && alpha * x + beta < 1 ? alpha : 0)
SLOPE(hard_swish, x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5)
SLOPE(leaky_relu, x < 0 ? alpha : 1)
SLOPE(mish, mish(x))
SLOPE(relu, x > 0 ? 1 : 0)
SLOPE(scaled_tanh, alpha *beta *(1 - tanh(beta * x) * tanh(beta * x)))
SLOPE(selu, beta *(x < 0 ? alpha * exp(x) : 1))
SLOPE(shrink, x<-alpha || x> alpha ? 1 : 0)
SLOPE(sigmoid, sigmoid(x) * (1 - sigmoid(x)))
SLOPE(sinh, cosh(x))
SLOPE(softplus, sigmoid(x))
SLOPE(softsign, 1 / ((1 + fabs(x)) * (1 + fabs(x))))
SLOPE(tan, 1 + tan(x) * tan(x))
SLOPE(tanh, 1 - tanh(x) * tanh(x))
SLOPE(thresholded_relu, x > alpha ? 1 : 0)

static const struct entry {
    const char *name;
    dnb_slope slope;
} table[] = {
    /* sorted by name */
    {"Acos", slope_acos},
    {"Acosh", slope_acosh},
    {"Affine", slope_affine},
    {"Asin", slope_asin},
    {"Asinh", slope_asinh},
    {"Atan", slope_atan},
    {"Atanh", slope_atanh},
    {"Celu", slope_celu},
    {"Cosh", slope_cosh},
    {"Elu", slope_elu},
    {"Gelu", slope_gelu},
    {"HardSigmoid", slope_hard_sigmoid},
    {"HardSwish", slope_hard_swish},
    {"LeakyRelu", slope_leaky_relu},
    {"Mish", slope_mish},
    {"Relu", slope_relu},
    {"ScaledTanh", slope_scaled_tanh},
    {"Selu", slope_selu},
    {"Shrink", slope_shrink},
    {"Sigmoid", slope_sigmoid},
    {"Sinh", slope_sinh},
    {"Softplus", slope_softplus},
    {"Softsign", slope_softsign},
    {"Tan", slope_tan},
    {"Tanh", slope_tanh},
    {"ThresholdedRelu", slope_thresholded_relu},
};

static int compare_name(const void *key, const void *entry)
{
    return strcmp(key, ((const struct entry *)entry)->name);
}

dnb_slope dnb_slope_of(const char *function)
{
    const struct entry *e =
        bsearch(function, table, sizeof table / sizeof *table, sizeof *table, compare_name);
    return e ? e->slope : NULL;
}
