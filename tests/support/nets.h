/* Networks for tests and benchmarks, made with the builder, weights from the counter-based
 * generator. */
#ifndef DNB_TESTS_NETS_H
#define DNB_TESTS_NETS_H

#include "dnnbrain/random.h"
#include "net/network.h"

/* A builder that remembers its first error, so that test networks read like lists of layers. */
typedef struct net_maker {
    dnb_graph *g;
    dnb_random random;
    bool blank; /* weights stay 0 (for tests that do not run the network) */
    dnb_status status;
    dnb_err err;
} net_maker;

static inline void maker_init(net_maker *m, uint64_t seed)
{
    *m = (net_maker){0};
    dnb_random_init(&m->random, seed, 0);
    m->status = dnb_graph_new(&m->g, 13, &m->err);
}

static inline dnb_value make_input(net_maker *m, size_t c, size_t h, size_t w)
{
    dnb_value v = DNB_NO_VALUE;
    dnb_shape s = {.dtype = DNB_F32, .ndim = 4, .dim = {1, c, h, w}};
    if (m->status == DNB_OK)
        m->status = dnb_graph_input(m->g, "data", &s, &v, &m->err);
    return v;
}

/* Normal numbers around `mean`. */
static inline dnb_value make_constant(net_maker *m, int ndim, const size_t *shape, double mean,
                                      double scale)
{
    dnb_array a = {0};
    dnb_value v = DNB_NO_VALUE;
    if (m->status == DNB_OK)
        m->status = dnb_array_init(&a, DNB_F32, ndim, shape, &m->err);
    if (m->status == DNB_OK) {
        for (size_t i = 0; !m->blank && i < dnb_array_count(&a); i++)
            ((float *)a.data)[i] = (float)(mean + scale * dnb_random_normal(&m->random));
        m->status = dnb_graph_constant(m->g, NULL, &a, &v, &m->err);
    }
    dnb_array_release(&a);
    return v;
}

static inline dnb_value make_op(net_maker *m, const char *op, const char *name, const dnb_value *in,
                                size_t n_in, const dnb_attr *attrs, size_t n_attrs)
{
    dnb_value v = DNB_NO_VALUE;
    if (m->status == DNB_OK)
        m->status = dnb_graph_op(m->g, op, name, in, n_in, attrs, n_attrs, &v, &m->err);
    return v;
}

static inline dnb_value make_unary(net_maker *m, const char *op, const char *name, dnb_value x)
{
    return make_op(m, op, name, &x, 1, NULL, 0);
}

/* Weights scaled so that activations keep their size. */
static inline dnb_value make_conv(net_maker *m, const char *name, dnb_value x, size_t in,
                                  size_t out, int k, int stride, int pad, int groups, bool bias)
{
    size_t fan = in / (size_t)groups * (size_t)(k * k);
    double scale = 1.4 / __builtin_sqrt((double)fan);
    size_t shape[4] = {out, in / (size_t)groups, (size_t)k, (size_t)k};
    dnb_value v[3] = {x, make_constant(m, 4, shape, 0, scale), DNB_NO_VALUE};
    if (bias)
        v[2] = make_constant(m, 1, &out, 0, 0.1);
    const dnb_attr attrs[] = {DNB_INTS("kernel_shape", k, k), DNB_INTS("strides", stride, stride),
                              DNB_INTS("pads", pad, pad, pad, pad), DNB_INT("group", groups)};
    return make_op(m, "Conv", name, v, bias ? 3 : 2, attrs, 4);
}

static inline dnb_value make_norm(net_maker *m, const char *name, dnb_value x, size_t channels)
{
    dnb_value v[5] = {
        x, make_constant(m, 1, &channels, 1, 0.1), make_constant(m, 1, &channels, 0, 0.1),
        make_constant(m, 1, &channels, 0, 0.1), make_constant(m, 1, &channels, 2, 0.1)};
    const dnb_attr attrs[] = {DNB_FLOAT("epsilon", 0.05)};
    return make_op(m, "BatchNormalization", name, v, 5, attrs, 1);
}

static inline dnb_value make_pool(net_maker *m, const char *op, const char *name, dnb_value x,
                                  int k, int stride, int pad, bool ceil)
{
    const dnb_attr attrs[] = {DNB_INTS("kernel_shape", k, k), DNB_INTS("strides", stride, stride),
                              DNB_INTS("pads", pad, pad, pad, pad), DNB_INT("ceil_mode", ceil)};
    return make_op(m, op, name, &x, 1, attrs, 4);
}

static inline dnb_value make_linear(net_maker *m, const char *name, dnb_value x, size_t in,
                                    size_t out)
{
    size_t shape[2] = {out, in};
    dnb_value v[3] = {x, make_constant(m, 2, shape, 0, 1.4 / __builtin_sqrt((double)in)),
                      make_constant(m, 1, &out, 0, 0.1)};
    const dnb_attr attrs[] = {DNB_INT("transB", 1)};
    return make_op(m, "Gemm", name, v, 3, attrs, 1);
}

/* Finishes: a network with every named value as a layer. m's graph is consumed either way. */
static inline dnb_net *make_net(net_maker *m, const char *name, size_t c, size_t h, size_t w)
{
    dnb_net *net = NULL;
    dnb_net_init init = {
        .name = name,
        .input = {.channels = c, .height = h, .width = w, .range = 1, .std = {1, 1, 1}}};
    if (m->status == DNB_OK)
        m->status = dnb_net_from_graph(&net, m->g, &init, &m->err);
    if (m->status != DNB_OK)
        dnb_graph_free(m->g);
    m->g = NULL;
    return net;
}

/* AlexNet as torchvision has it. */
static inline dnb_net *make_alexnet(net_maker *m)
{
    dnb_value x = make_input(m, 3, 224, 224);
    x = make_conv(m, "conv1", x, 3, 64, 11, 4, 2, 1, true);
    x = make_unary(m, "Relu", "conv1_relu", x);
    x = make_pool(m, "MaxPool", "conv1_maxpool", x, 3, 2, 0, false);
    x = make_conv(m, "conv2", x, 64, 192, 5, 1, 2, 1, true);
    x = make_unary(m, "Relu", "conv2_relu", x);
    x = make_pool(m, "MaxPool", "conv2_maxpool", x, 3, 2, 0, false);
    x = make_conv(m, "conv3", x, 192, 384, 3, 1, 1, 1, true);
    x = make_unary(m, "Relu", "conv3_relu", x);
    x = make_conv(m, "conv4", x, 384, 256, 3, 1, 1, 1, true);
    x = make_unary(m, "Relu", "conv4_relu", x);
    x = make_conv(m, "conv5", x, 256, 256, 3, 1, 1, 1, true);
    x = make_unary(m, "Relu", "conv5_relu", x);
    x = make_pool(m, "MaxPool", "conv5_maxpool", x, 3, 2, 0, false);
    const dnb_attr size[] = {DNB_INTS("output_size", 6, 6)};
    x = make_op(m, "dnb.AdaptiveAveragePool", "avgpool", &x, 1, size, 1);
    x = make_unary(m, "Flatten", "flat", x);
    x = make_unary(m, "Dropout", "drop1", x);
    x = make_linear(m, "fc1", x, 9216, 4096);
    x = make_unary(m, "Relu", "fc1_relu", x);
    x = make_unary(m, "Dropout", "drop2", x);
    x = make_linear(m, "fc2", x, 4096, 4096);
    x = make_unary(m, "Relu", "fc2_relu", x);
    make_linear(m, "fc3", x, 4096, 1000);
    return make_net(m, "AlexNet", 3, 224, 224);
}

/* conv -> norm -> relu -> conv -> norm -> + -> relu, and a few other readers. */
static inline dnb_net *make_residual(net_maker *m, size_t channels)
{
    dnb_value x = make_input(m, 3, 13, 11);
    dnb_value stem = make_unary(
        m, "Relu", "stem_relu",
        make_norm(m, "stem_bn", make_conv(m, "stem", x, 3, channels, 3, 1, 1, 1, false), channels));
    dnb_value a = make_conv(m, "a", stem, channels, channels, 3, 1, 1, 1, true);
    a = make_unary(m, "Relu", "a_relu", make_norm(m, "a_bn", a, channels));
    a = make_norm(m, "b_bn", make_conv(m, "b", a, channels, channels, 3, 1, 1, 1, false), channels);
    dnb_value sum = make_op(m, "Add", "sum", (dnb_value[]){a, stem}, 2, NULL, 0);
    dnb_value block = make_unary(m, "Relu", "block", sum);
    /* down-sampling block: both operands are convolutions */
    dnb_value c = make_conv(m, "c", block, channels, 2 * channels, 3, 2, 1, 1, false);
    c = make_norm(m, "c_bn", c, 2 * channels);
    dnb_value d = make_conv(m, "d", block, channels, 2 * channels, 1, 2, 0, 1, false);
    d = make_norm(m, "d_bn", d, 2 * channels);
    dnb_value down = make_op(m, "Add", "down", (dnb_value[]){c, d}, 2, NULL, 0);
    down = make_unary(m, "Relu", "down_relu", down);
    /* an addend that is read again later must survive the addition */
    dnb_value e = make_conv(m, "e", down, 2 * channels, 2 * channels, 1, 1, 0, 1, true);
    dnb_value f = make_op(m, "Add", "f", (dnb_value[]){down, e}, 2, NULL, 0);
    dnb_value h = make_op(m, "Mul", "h", (dnb_value[]){f, down}, 2, NULL, 0);
    /* x + conv(x): the convolution reads what it would overwrite */
    dnb_value i = make_conv(m, "i", h, 2 * channels, 2 * channels, 3, 1, 1, 1, true);
    dnb_value k = make_op(m, "Add", "k", (dnb_value[]){i, h}, 2, NULL, 0);
    k = make_op(m, "Add", "k_twice", (dnb_value[]){k, k}, 2, NULL, 0);
    /* two functions of one convolution: neither may be fused into it */
    dnb_value n = make_conv(m, "n", k, 2 * channels, 2 * channels, 1, 1, 0, 1, true);
    dnb_value both[] = {make_unary(m, "Relu", "n_relu", n), make_unary(m, "Tanh", "n_tanh", n)};
    k = make_op(m, "Sum", "n_sum", both, 2, NULL, 0);
    k = make_unary(m, "GlobalAveragePool", "pool", k);
    k = make_unary(m, "Flatten", "flat", k);
    k = make_linear(m, "fc", k, 2 * channels, 10);
    make_unary(m, "Softmax", "prob", k);
    return make_net(m, "residual", 3, 13, 11);
}

#endif
