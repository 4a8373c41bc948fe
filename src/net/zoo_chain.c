/* Networks that are one chain of layers: AlexNet and VGG. A plan is a table of steps, or for VGG
 * the number of convolutions per stage. */
#include "net/zoo_chain.h"

#include <stdio.h>

#include "net/zoo_build.h"

/* Adds one step; *x and *width (channels, then features) follow the data. */
static void add_step(dnb_zoo_builder *b, const dnb_zoo_step *s, dnb_value *x, size_t *width)
{
    const dnb_zoo_name name = {s->layer, s->module};
    switch (s->op) {
    case DNB_STEP_CONV: {
        const dnb_zoo_conv conv = {.out = s->out,
                                   .kernel_h = s->kernel,
                                   .stride = s->stride,
                                   .pad_h = s->pad,
                                   .pad_w = s->pad,
                                   .bias = true};
        *x = dnb_zoo_conv2d(b, *x, name, *width, &conv);
        *width = s->out;
        break;
    }
    case DNB_STEP_BN:
        *x = dnb_zoo_batch_norm(b, *x, name, *width, 1e-5);
        break;
    case DNB_STEP_RELU:
        *x = dnb_zoo_relu(b, *x, name);
        break;
    case DNB_STEP_MAXPOOL:
        *x = dnb_zoo_max_pool(b, *x, name, s->kernel, s->stride, s->pad, false);
        break;
    case DNB_STEP_AVGPOOL:
        *x = dnb_zoo_average_pool(b, *x, name, s->out);
        *width *= s->out * s->out; /* what flattening makes of it */
        break;
    case DNB_STEP_FLATTEN:
        *x = dnb_zoo_flatten(b, *x, name);
        break;
    case DNB_STEP_CHANNELS_LAST: {
        const dnb_attr perm = DNB_INTS("perm", 0, 2, 3, 1);
        *x = dnb_zoo_op(b, "Transpose", x, 1, &perm, 1, name);
        *width *= s->out;
        break;
    }
    case DNB_STEP_LINEAR:
        *x = dnb_zoo_linear(b, *x, name, *width, s->out);
        *width = s->out;
        break;
    case DNB_STEP_DROPOUT:
        dnb_zoo_alias(b, s->module, *x);
        break;
    case DNB_STEP_END:
        break;
    }
}

dnb_status dnb_zoo_build_chain(dnb_zoo_builder *b, const void *plan)
{
    dnb_value x = b->input;
    size_t width = b->net->input.channels;
    for (const dnb_zoo_step *s = plan; s->op != DNB_STEP_END; s++)
        add_step(b, s, &x, &width);
    return b->status;
}

/* Krizhevsky 2014 (arXiv 1404.5997), as torchvision lays it out.
 * op, layer, module, out, kernel, stride, pad */
const dnb_zoo_step dnb_zoo_alexnet_plan[] = {
    {DNB_STEP_CONV, "conv1", "features.0", 64, 11, 4, 2},
    {DNB_STEP_RELU, "conv1_relu", "features.1", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv1_maxpool", "features.2", 0, 3, 2, 0},
    {DNB_STEP_CONV, "conv2", "features.3", 192, 5, 1, 2},
    {DNB_STEP_RELU, "conv2_relu", "features.4", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv2_maxpool", "features.5", 0, 3, 2, 0},
    {DNB_STEP_CONV, "conv3", "features.6", 384, 3, 1, 1},
    {DNB_STEP_RELU, "conv3_relu", "features.7", 0, 0, 0, 0},
    {DNB_STEP_CONV, "conv4", "features.8", 256, 3, 1, 1},
    {DNB_STEP_RELU, "conv4_relu", "features.9", 0, 0, 0, 0},
    {DNB_STEP_CONV, "conv5", "features.10", 256, 3, 1, 1},
    {DNB_STEP_RELU, "conv5_relu", "features.11", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv5_maxpool", "features.12", 0, 3, 2, 0},
    {DNB_STEP_AVGPOOL, NULL, "avgpool", 6, 0, 0, 0},
    {DNB_STEP_FLATTEN, NULL, "flatten", 0, 0, 0, 0},
    {DNB_STEP_DROPOUT, NULL, "classifier.0", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc1", "classifier.1", 4096, 0, 0, 0},
    {DNB_STEP_RELU, "fc1_relu", "classifier.2", 0, 0, 0, 0},
    {DNB_STEP_DROPOUT, NULL, "classifier.3", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc2", "classifier.4", 4096, 0, 0, 0},
    {DNB_STEP_RELU, "fc2_relu", "classifier.5", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc3", "classifier.6", 1000, 0, 0, 0},
    {DNB_STEP_END, NULL, NULL, 0, 0, 0, 0},
};

/* Hershey et al. 2017 (arXiv 1609.09430): log-mel patches of 96 frames x 64 bands to 128 numbers.
 * Its features are flattened channels last, as TensorFlow, where the weights come from, does it. */
const dnb_zoo_step dnb_zoo_vggish_plan[] = {
    {DNB_STEP_CONV, "conv1", "features.0", 64, 3, 1, 1},
    {DNB_STEP_RELU, "conv1_relu", "features.1", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv1_maxpool", "features.2", 0, 2, 2, 0},
    {DNB_STEP_CONV, "conv2", "features.3", 128, 3, 1, 1},
    {DNB_STEP_RELU, "conv2_relu", "features.4", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv2_maxpool", "features.5", 0, 2, 2, 0},
    {DNB_STEP_CONV, "conv3", "features.6", 256, 3, 1, 1},
    {DNB_STEP_RELU, "conv3_relu", "features.7", 0, 0, 0, 0},
    {DNB_STEP_CONV, "conv4", "features.8", 256, 3, 1, 1},
    {DNB_STEP_RELU, "conv4_relu", "features.9", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv4_maxpool", "features.10", 0, 2, 2, 0},
    {DNB_STEP_CONV, "conv5", "features.11", 512, 3, 1, 1},
    {DNB_STEP_RELU, "conv5_relu", "features.12", 0, 0, 0, 0},
    {DNB_STEP_CONV, "conv6", "features.13", 512, 3, 1, 1},
    {DNB_STEP_RELU, "conv6_relu", "features.14", 0, 0, 0, 0},
    {DNB_STEP_MAXPOOL, "conv6_maxpool", "features.15", 0, 2, 2, 0},
    {DNB_STEP_CHANNELS_LAST, NULL, "channels_last", 6 * 4, 0, 0, 0},
    {DNB_STEP_FLATTEN, NULL, "flatten", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc1", "embeddings.0", 4096, 0, 0, 0},
    {DNB_STEP_RELU, "fc1_relu", "embeddings.1", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc2", "embeddings.2", 4096, 0, 0, 0},
    {DNB_STEP_RELU, "fc2_relu", "embeddings.3", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc3", "embeddings.4", 128, 0, 0, 0},
    {DNB_STEP_END, NULL, NULL, 0, 0, 0, 0},
};

/* ---- VGG ---- */

typedef struct vgg_state {
    dnb_zoo_builder *b;
    dnb_value x;
    size_t width;
    int module; /* index in features */
} vgg_state;

/* One step of `features`, named conv<n><suffix>. */
static void vgg_step(vgg_state *v, dnb_zoo_step step, int conv, const char *suffix)
{
    char layer[DNB_ZOO_TEXT], module[DNB_ZOO_TEXT];
    step.layer = dnb_zoo_text(v->b, layer, sizeof layer, "conv%d%s", conv, suffix);
    step.module = dnb_zoo_text(v->b, module, sizeof module, "features.%d", v->module++);
    add_step(v->b, &step, &v->x, &v->width);
}

/* op, layer, module, out, kernel, stride, pad */
static const dnb_zoo_step vgg_head[] = {
    {DNB_STEP_AVGPOOL, NULL, "avgpool", 7, 0, 0, 0},
    {DNB_STEP_FLATTEN, NULL, "flatten", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc1", "classifier.0", 4096, 0, 0, 0},
    {DNB_STEP_RELU, "fc1_relu", "classifier.1", 0, 0, 0, 0},
    {DNB_STEP_DROPOUT, NULL, "classifier.2", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc2", "classifier.3", 4096, 0, 0, 0},
    {DNB_STEP_RELU, "fc2_relu", "classifier.4", 0, 0, 0, 0},
    {DNB_STEP_DROPOUT, NULL, "classifier.5", 0, 0, 0, 0},
    {DNB_STEP_LINEAR, "fc3", "classifier.6", 1000, 0, 0, 0},
    {DNB_STEP_END, NULL, NULL, 0, 0, 0, 0},
};

/* Simonyan & Zisserman 2014 (arXiv 1409.1556): five stages of 3x3 convolutions. */
dnb_status dnb_zoo_build_vgg(dnb_zoo_builder *b, const void *plan)
{
    static const size_t widths[5] = {64, 128, 256, 512, 512};
    const dnb_zoo_vgg_plan *p = plan;
    vgg_state v = {.b = b, .x = b->input, .width = b->net->input.channels};
    int conv = 0;
    for (int stage = 0; stage < 5; stage++) {
        for (int i = 0; i < p->convs[stage]; i++) {
            conv++;
            vgg_step(
                &v,
                (dnb_zoo_step){.op = DNB_STEP_CONV, .out = widths[stage], .kernel = 3, .pad = 1},
                conv, "");
            if (p->batch_norm)
                vgg_step(&v, (dnb_zoo_step){.op = DNB_STEP_BN}, conv, "_bn");
            vgg_step(&v, (dnb_zoo_step){.op = DNB_STEP_RELU}, conv, "_relu");
        }
        vgg_step(&v, (dnb_zoo_step){.op = DNB_STEP_MAXPOOL, .kernel = 2, .stride = 2}, conv,
                 "_maxpool");
    }
    for (const dnb_zoo_step *s = vgg_head; s->op != DNB_STEP_END; s++)
        add_step(b, s, &v.x, &v.width);
    return b->status;
}

/* Parkhi, Vedaldi & Zisserman 2015: VGG16's body under the layer names of its Caffe model. */
dnb_status dnb_zoo_build_vggface(dnb_zoo_builder *b, const void *plan)
{
    static const size_t widths[5] = {64, 128, 256, 512, 512};
    static const int convs[5] = {2, 2, 3, 3, 3};
    static const dnb_zoo_step head[] = {
        {DNB_STEP_AVGPOOL, NULL, "avgpool", 7, 0, 0, 0},
        {DNB_STEP_FLATTEN, NULL, "flatten", 0, 0, 0, 0},
        {DNB_STEP_LINEAR, "fc6", "fc6", 4096, 0, 0, 0},
        {DNB_STEP_RELU, "relu6", NULL, 0, 0, 0, 0},
        {DNB_STEP_LINEAR, "fc7", "fc7", 4096, 0, 0, 0},
        {DNB_STEP_RELU, "relu7", NULL, 0, 0, 0, 0},
        {DNB_STEP_LINEAR, "fc8", "fc8", 2622, 0, 0, 0},
        {DNB_STEP_END, NULL, NULL, 0, 0, 0, 0},
    };
    dnb_value x = b->input;
    size_t width = b->net->input.channels;
    char name[DNB_ZOO_TEXT];
    (void)plan;
    for (int stage = 0; stage < 5; stage++) {
        for (int i = 0; i < convs[stage]; i++) {
            const char *conv = dnb_zoo_text(b, name, sizeof name, "conv%d_%d", stage + 1, i + 1);
            add_step(b, &(dnb_zoo_step){DNB_STEP_CONV, conv, conv, widths[stage], 3, 1, 1}, &x,
                     &width);
            const char *relu = dnb_zoo_text(b, name, sizeof name, "relu%d_%d", stage + 1, i + 1);
            add_step(b, &(dnb_zoo_step){DNB_STEP_RELU, relu, NULL, 0, 0, 0, 0}, &x, &width);
        }
        const char *pool = dnb_zoo_text(b, name, sizeof name, "pool%d", stage + 1);
        add_step(b, &(dnb_zoo_step){DNB_STEP_MAXPOOL, pool, NULL, 0, 2, 2, 0}, &x, &width);
    }
    for (const dnb_zoo_step *s = head; s->op != DNB_STEP_END; s++)
        add_step(b, s, &x, &width);
    return b->status;
}
