/* Residual networks (He, Zhang, Ren & Sun 2015, arXiv 1512.03385) as torchvision lays them out: in
 * bottlenecks the 3x3 convolution carries the stride. */
#include "net/zoo_resnet.h"

#include <stdio.h>

#include "net/zoo_build.h"

#define EPSILON 1e-5

/* A module path below the block's own. */
typedef struct part {
    char text[DNB_ZOO_TEXT];
} part;

static dnb_zoo_name below(dnb_zoo_builder *b, part *p, const char *module, const char *leaf)
{
    return (dnb_zoo_name){NULL, dnb_zoo_text(b, p->text, sizeof p->text, "%s.%s", module, leaf)};
}

/* Convolution without bias, then batch normalisation: <block>.conv<i>, <block>.bn<i>. */
static dnb_value conv_bn(dnb_zoo_builder *b, dnb_value x, const char *module, int i, size_t c_in,
                         dnb_zoo_conv spec)
{
    char leaf[16];
    part p;
    x = dnb_zoo_conv2d(b, x, below(b, &p, module, dnb_zoo_text(b, leaf, sizeof leaf, "conv%d", i)),
                       c_in, &spec);
    return dnb_zoo_batch_norm(b, x,
                              below(b, &p, module, dnb_zoo_text(b, leaf, sizeof leaf, "bn%d", i)),
                              spec.out, EPSILON);
}

/* Where a block stands and what goes in and out. */
typedef struct block {
    const char *layer, *module;
    size_t c_in, width, c_out, stride;
} block;

static dnb_zoo_conv square(size_t out, size_t kernel, size_t stride)
{
    return (dnb_zoo_conv){
        .out = out, .kernel_h = kernel, .stride = stride, .pad_h = kernel / 2, .pad_w = kernel / 2};
}

/* A ReLU inside a block: torchvision applies one module, <block>.relu, several times; its path
 * names the last use, the block's output. */
static dnb_value inner_relu(dnb_zoo_builder *b, dnb_value x, const char *module, int i)
{
    char leaf[16];
    part p;
    return dnb_zoo_relu(b, x,
                        below(b, &p, module, dnb_zoo_text(b, leaf, sizeof leaf, "relu%d", i)));
}

/* Sum with the shortcut, ReLU; named as the block. */
static dnb_value join(dnb_zoo_builder *b, dnb_value y, dnb_value shortcut, const block *k)
{
    part p;
    y = dnb_zoo_add(b, y, shortcut, below(b, &p, k->module, "add"));
    y = dnb_zoo_relu(b, y, (dnb_zoo_name){k->layer, k->module});
    dnb_zoo_alias(b, below(b, &p, k->module, "relu").module, y);
    return y;
}

static dnb_value add_block(dnb_zoo_builder *b, dnb_value x, const block *k, bool bottleneck)
{
    part p;
    dnb_value shortcut = x, y = x;
    if (bottleneck) {
        y = conv_bn(b, y, k->module, 1, k->c_in, square(k->width, 1, 1));
        y = inner_relu(b, y, k->module, 1);
        y = conv_bn(b, y, k->module, 2, k->width, square(k->width, 3, k->stride));
        y = inner_relu(b, y, k->module, 2);
        y = conv_bn(b, y, k->module, 3, k->width, square(k->c_out, 1, 1));
    } else {
        y = conv_bn(b, y, k->module, 1, k->c_in, square(k->width, 3, k->stride));
        y = inner_relu(b, y, k->module, 1);
        y = conv_bn(b, y, k->module, 2, k->width, square(k->c_out, 3, 1));
    }
    if (k->stride != 1 || k->c_in != k->c_out) {
        const dnb_zoo_conv spec = square(k->c_out, 1, k->stride);
        shortcut = dnb_zoo_conv2d(b, x, below(b, &p, k->module, "downsample.0"), k->c_in, &spec);
        shortcut = dnb_zoo_batch_norm(b, shortcut, below(b, &p, k->module, "downsample.1"),
                                      k->c_out, EPSILON);
        dnb_zoo_alias(b, below(b, &p, k->module, "downsample").module, shortcut);
    }
    return join(b, y, shortcut, k);
}

/* Pool to one number per channel, classify. */
static void add_head(dnb_zoo_builder *b, dnb_value x, size_t channels, const char *linear,
                     size_t classes)
{
    x = dnb_zoo_average_pool(b, x, (dnb_zoo_name){"avgpool", "avgpool"}, 1);
    x = dnb_zoo_flatten(b, x, (dnb_zoo_name){NULL, "flatten"});
    dnb_zoo_linear(b, x, (dnb_zoo_name){"fc", linear}, channels, classes);
}

dnb_status dnb_zoo_build_resnet(dnb_zoo_builder *b, const void *plan)
{
    const dnb_zoo_resnet_plan *p = plan;
    const dnb_zoo_conv stem = square(64, 7, 2);
    size_t c = 64;
    dnb_value x =
        dnb_zoo_conv2d(b, b->input, (dnb_zoo_name){"conv", "conv1"}, b->net->input.channels, &stem);
    x = dnb_zoo_batch_norm(b, x, (dnb_zoo_name){"bn", "bn1"}, 64, EPSILON);
    x = dnb_zoo_relu(b, x, (dnb_zoo_name){"relu", NULL});
    x = dnb_zoo_max_pool(b, x, (dnb_zoo_name){"maxpool", NULL}, 3, 2, 1, false);
    for (int stage = 0; stage < 4; stage++) {
        char layer[DNB_ZOO_TEXT], module[DNB_ZOO_TEXT];
        for (int i = 0; i < p->depths[stage]; i++) {
            const size_t width = (size_t)64 << stage;
            block k = {.c_in = c,
                       .width = width,
                       .c_out = p->bottleneck ? 4 * width : width,
                       .stride = stage > 0 && i == 0 ? 2 : 1};
            k.layer = dnb_zoo_text(b, layer, sizeof layer, "layer%d_%s%d", stage + 1,
                                   p->bottleneck ? "bottleneck" : "block", i);
            k.module = dnb_zoo_text(b, module, sizeof module, "layer%d.%d", stage + 1, i);
            x = add_block(b, x, &k, p->bottleneck);
            c = k.c_out;
        }
        dnb_zoo_alias(b, dnb_zoo_text(b, module, sizeof module, "layer%d", stage + 1), x);
    }
    add_head(b, x, c, "fc", 1000);
    return b->status;
}

/* ---- CIFAR ---- */

/* Every second pixel, and the new channels zero, half before and half behind (the paper's option
 * A). */
static dnb_value bare_shortcut(dnb_zoo_builder *b, dnb_value x, size_t c_in, size_t c_out)
{
    const int64_t side = (int64_t)(c_out - c_in) / 2, far = INT32_MAX;
    dnb_value in[5] = {x};
    in[1] = dnb_zoo_ints(b, (const int64_t[]){0, 0}, 2);
    in[2] = dnb_zoo_ints(b, (const int64_t[]){far, far}, 2);
    in[3] = dnb_zoo_ints(b, (const int64_t[]){2, 3}, 2);
    in[4] = dnb_zoo_ints(b, (const int64_t[]){2, 2}, 2);
    x = dnb_zoo_op(b, "Slice", in, 5, NULL, 0, (dnb_zoo_name){NULL, NULL});
    in[0] = x;
    in[1] = dnb_zoo_ints(b, (const int64_t[]){0, side, 0, 0, 0, side, 0, 0}, 8);
    return dnb_zoo_op(b, "Pad", in, 2, NULL, 0, (dnb_zoo_name){NULL, NULL});
}

dnb_status dnb_zoo_build_resnet_cifar(dnb_zoo_builder *b, const void *plan)
{
    const dnb_zoo_resnet_plan *p = plan;
    const dnb_zoo_conv stem = square(16, 3, 1);
    size_t c = 16;
    dnb_value x =
        dnb_zoo_conv2d(b, b->input, (dnb_zoo_name){"conv", "conv1"}, b->net->input.channels, &stem);
    x = dnb_zoo_batch_norm(b, x, (dnb_zoo_name){"bn", "bn1"}, 16, EPSILON);
    x = dnb_zoo_relu(b, x, (dnb_zoo_name){"relu", NULL});
    for (int stage = 0; stage < 3; stage++) {
        char layer[DNB_ZOO_TEXT], module[DNB_ZOO_TEXT];
        for (int i = 0; i < p->depths[0]; i++) {
            const size_t width = (size_t)16 << stage;
            block k = {.c_in = c, .width = width, .c_out = width, .stride = width == c ? 1 : 2};
            k.layer = dnb_zoo_text(b, layer, sizeof layer, "layer%d_block%d", stage + 1, i);
            k.module = dnb_zoo_text(b, module, sizeof module, "layer%d.%d", stage + 1, i);
            dnb_value y = conv_bn(b, x, k.module, 1, c, square(width, 3, k.stride));
            y = inner_relu(b, y, k.module, 1);
            y = conv_bn(b, y, k.module, 2, width, square(width, 3, 1));
            x = join(b, y, width == c ? x : bare_shortcut(b, x, c, width), &k);
            c = width;
        }
        dnb_zoo_alias(b, dnb_zoo_text(b, module, sizeof module, "layer%d", stage + 1), x);
    }
    add_head(b, x, c, "linear", 10);
    return b->status;
}
