/* -net, --weights, --size ...: which network a command runs, and its stimuli. */
#ifndef DNB_CLI_NET_OPTIONS_H
#define DNB_CLI_NET_OPTIONS_H

#include <dnnbrain/net.h>
#include <dnnbrain/stim.h>

#include "context.h"

/* Embed as `network` in a command's argument struct. */
typedef struct cli_network {
    const char *net, *weights, *channels;
    cli_ints size;
    double range;
    cli_doubles mean, std;
    const char *stim;
    bool cuda;
} cli_network;

/* The rows of a command's option table; `needed`: are -net and -stim required? */
#define CLI_NETWORK_OPTIONS(args) CLI_NETWORK_ROWS(args, true)
#define CLI_NETWORK_ROWS(args, needed)                                                             \
    {.name = "net",                                                                                \
     .type = CLI_STRING,                                                                           \
     .offset = offsetof(args, network.net),                                                        \
     .required = needed,                                                                           \
     .value = "NET",                                                                               \
     .help = "Network: an .onnx file, or one of AlexNet, Vgg11, Vgg16, Vgg19, Vgg19_bn, VggFace, " \
             "GoogLeNet, InceptionV3, Resnet18, Resnet34, Resnet50, Resnet101, Resnet152, "        \
             "Resnet20_CIFAR, Resnet56_CIFAR. `dnnbrain info NET` lists the layers."},             \
        {.name = "stim",                                                                           \
         .type = CLI_INFILE,                                                                       \
         .offset = offsetof(args, network.stim),                                                   \
         .required = needed,                                                                       \
         .value = "FILE",                                                                          \
         .help = "Stimulus list (.stim.csv): the images, their labels and other columns."},        \
        {.name = "weights",                                                                        \
         .type = CLI_INFILE,                                                                       \
         .offset = offsetof(args, network.weights),                                                \
         .value = "FILE",                                                                          \
         .help =                                                                                   \
             "Weights of a named network (.pth). Default: its file in $DNNBRAIN_DATA/models."},    \
        {.name = "size",                                                                           \
         .type = CLI_INTS,                                                                         \
         .offset = offsetof(args, network.size),                                                   \
         .value = "H W",                                                                           \
         .least = 2,                                                                               \
         .most = 2,                                                                                \
         .min = 1,                                                                                 \
         .max = 65536,                                                                             \
         .help = "Height and width, in pixels, that images are resized to. Default: the "          \
                 "network's own."},                                                                \
        {.name = "channels",                                                                       \
         .type = CLI_CHOICE,                                                                       \
         .offset = offsetof(args, network.channels),                                               \
         .choices = "RGB|BGR",                                                                     \
         .help = "Order in which the network takes colours. Default: RGB."},                       \
        {.name = "range",                                                                          \
         .type = CLI_DOUBLE,                                                                       \
         .offset = offsetof(args, network.range),                                                  \
         .value = "R",                                                                             \
         .help = "Pixels are scaled to 0..R, 1 or 255, before -mean and -std. Default: the "       \
                 "named network's own; of an .onnx 1."},                                           \
        {.name = "mean",                                                                           \
         .type = CLI_DOUBLES,                                                                      \
         .offset = offsetof(args, network.mean),                                                   \
         .value = "A B C",                                                                         \
         .least = 3,                                                                               \
         .most = 3,                                                                                \
         .help = "Mean per channel, on the scale of -range, in the order of -channels; it is "     \
                 "subtracted. Default: the named network's own; of an .onnx ImageNet's, 0.485 "    \
                 "0.456 0.406 of 0..1."},                                                          \
        {.name = "std",                                                                            \
         .type = CLI_DOUBLES,                                                                      \
         .offset = offsetof(args, network.std),                                                    \
         .value = "A B C",                                                                         \
         .least = 3,                                                                               \
         .most = 3,                                                                                \
         .help = "What is divided by, alike. Default: the named network's own; of an .onnx "       \
                 "ImageNet's, 0.229 0.224 0.225 of 0..1."},                                        \
    {                                                                                              \
        .name = "cuda", .type = CLI_FLAG, .offset = offsetof(args, network.cuda),                  \
        .help = "Use a GPU when this build and machine have one; else a warning and the CPU."      \
    }

/* Opens the network and records it in the provenance. */
dnb_status cli_network_open(dnb_net **out, const cli_network *n, cli_context *ctx,
                            dnb_err *err) DNB_MUST_CHECK;

/* -precision, the same for every command that computes a network. */
#define CLI_PRECISION_OPTION(args)                                                                 \
    {                                                                                              \
        .name = "precision", .type = CLI_CHOICE, .offset = offsetof(args, precision),              \
        .choices = "float32|bf16", .fallback = "float32",                                          \
        .help =                                                                                    \
            "bf16 rounds weights and activations to 8 bits of mantissa: several times faster on "  \
            "processors with AMX, less or not at all on others. Its error is measured on "         \
            "the first images, said and kept in the provenance. A processor without bfloat16 "     \
            "instructions computes in float32, with a warning."                                    \
    }

/* Which precision to ask for: warns where this processor lacks it, and then it is float32. */
dnb_status cli_precision(dnb_precision *out, const char *name, cli_context *ctx,
                         dnb_err *err) DNB_MUST_CHECK;
/* Writes "precision" and, for bf16, "bf16_error" ("conv1 1.2e-03, fc3 4e-03": max |bf16 - float32|
 * / max |float32| per layer) into the provenance and says the worst. Negative errors are unknown
 * and left out. */
dnb_status cli_precision_record(dnb_precision used, const char *const *layers, const double *error,
                                size_t n, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

/* Image stimuli: the list and the files' paths. */
typedef struct cli_images {
    dnb_stim stim;
    size_t n;
    char **paths;
} cli_images;

/* Reads the list and checks that every file is there. */
dnb_status cli_images_read(cli_images *out, const char *stim, dnb_err *err) DNB_MUST_CHECK;
void cli_images_release(cli_images *images);

#endif
