/* Activations of one float, once per REAL (see each_real.h); worked out in double. p[0] and p[1]
 * are the node's parameters. Comparisons are turned so that NaN stays NaN. room: net (internal) */

#define MAP(id, expr) DNB_UNARY_ROW(NAME(id##_row), REAL, REAL, double, expr)

MAP(relu, x < 0 ? 0 : x)
MAP(leaky_relu, x < 0 ? p[0] * x : x)
MAP(clip, pin(x, p[0], p[1]))
MAP(sigmoid, 1 / (1 + exp(-x)))
MAP(tanh, tanh(x))
MAP(elu, x < 0 ? p[0] * expm1(x) : x)
MAP(selu, p[1] * (x < 0 ? p[0] * expm1(x) : x))
MAP(celu, celu(x, p[0]))
MAP(hard_sigmoid, pin(p[0] * x + p[1], 0, 1))
MAP(hard_swish, pin(x / 6 + 0.5, 0, 1) * x)
MAP(softplus, softplus(x))
MAP(softsign, x / (1 + fabs(x)))
MAP(thresholded_relu, x > p[0] ? x : 0)
MAP(shrink, x<-p[0] ? x + p[1] : x> p[0] ? x - p[1] : 0)
MAP(mish, tanh(softplus(x)) * x)
MAP(gelu, 0.5 * x * erfc(-x * SQRT_HALF))
MAP(gelu_tanh, 0.5 * x * (1 + tanh(SQRT_TWO_OVER_PI * (x + 0.044715 * x * x * x))))

DNB_BINARY_ROW(NAME(prelu_row), REAL, REAL, REAL, a < 0 ? a * b : a)

/* 1 where the first of the largest numbers along the middle one of three dimensions is, else 0. */
static void NAME(hardmax)(const dnb_op_call *c, size_t outer, size_t size, size_t step)
{
    const REAL *src = c->in[0]->data;
    REAL *dst = c->out[0].data;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < outer * step; r++) {
        size_t base = r / step * size * step + r % step, best = 0;
        for (size_t i = 0; i < size; i++) {
            dst[base + i * step] = 0;
            if (src[base + i * step] > src[base + best * step])
                best = i;
        }
        dst[base + best * step] = 1;
    }
}

#undef MAP
