/* The list of networks known by name. */
#include "net/zoo.h"

#include <ctype.h>

#include "net/zoo_chain.h"
#include "net/zoo_inception.h"
#include "net/zoo_resnet.h"

/* torchvision's ImageNet preprocessing. */
/* clang-format off */
#define IMAGENET(size)                                                                             \
    {3, (size), (size), false, 1, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}
/* What torchvision's Inception networks were trained on: -1..1. */
#define MINUS1_TO_1(size)                                                                          \
    {3, (size), (size), false, 1, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}}
#define VGG(...) &(const dnb_zoo_vgg_plan){__VA_ARGS__}
#define RESNET(...) &(const dnb_zoo_resnet_plan){__VA_ARGS__}
/* clang-format on */

static const dnb_zoo_net nets[] = {
    {"AlexNet", "alexnet.pth", IMAGENET(224), dnb_zoo_build_chain, dnb_zoo_alexnet_plan},
    {"Vgg11", "vgg11.pth", IMAGENET(224), dnb_zoo_build_vgg, VGG({1, 1, 2, 2, 2}, false)},
    {"Vgg16", "vgg16.pth", IMAGENET(224), dnb_zoo_build_vgg, VGG({2, 2, 3, 3, 3}, false)},
    {"Vgg19", "vgg19.pth", IMAGENET(224), dnb_zoo_build_vgg, VGG({2, 2, 4, 4, 4}, false)},
    {"Vgg19_bn", "vgg19_bn.pth", IMAGENET(224), dnb_zoo_build_vgg, VGG({2, 2, 4, 4, 4}, true)},
    {"VggFace",
     "vgg_face_dag.pth",
     {.channels = 3,
      .height = 224,
      .width = 224,
      .range = 255,
      .mean = {129.186279296875, 104.76238250732422, 93.59396362304688},
      .std = {1, 1, 1}},
     dnb_zoo_build_vggface,
     NULL},
    {"VGGish",
     "vggish.pth",
     {.channels = 1, .height = 96, .width = 64, .range = 1, .std = {1, 1, 1}},
     dnb_zoo_build_chain,
     dnb_zoo_vggish_plan},
    {"GoogLeNet", "googlenet.pth", MINUS1_TO_1(224), dnb_zoo_build_googlenet, NULL},
    {"InceptionV3", "inception_v3.pth", MINUS1_TO_1(299), dnb_zoo_build_inception_v3, NULL},
    {"Resnet18", "resnet18.pth", IMAGENET(224), dnb_zoo_build_resnet, RESNET({2, 2, 2, 2}, false)},
    {"Resnet34", "resnet34.pth", IMAGENET(224), dnb_zoo_build_resnet, RESNET({3, 4, 6, 3}, false)},
    {"Resnet50", "resnet50.pth", IMAGENET(224), dnb_zoo_build_resnet, RESNET({3, 4, 6, 3}, true)},
    {"Resnet101", "resnet101.pth", IMAGENET(224), dnb_zoo_build_resnet,
     RESNET({3, 4, 23, 3}, true)},
    {"Resnet152", "resnet152.pth", IMAGENET(224), dnb_zoo_build_resnet,
     RESNET({3, 8, 36, 3}, true)},
    {"Resnet20_CIFAR", "resnet20_cifar10.th", IMAGENET(32), dnb_zoo_build_resnet_cifar,
     RESNET({3}, false)},
    {"Resnet56_CIFAR", "resnet56_cifar10.th", IMAGENET(32), dnb_zoo_build_resnet_cifar,
     RESNET({9}, false)},
};

size_t dnb_zoo_count(void)
{
    return sizeof nets / sizeof nets[0];
}

const dnb_zoo_net *dnb_zoo_at(size_t i)
{
    return i < dnb_zoo_count() ? &nets[i] : NULL;
}

static bool same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == '-' || *a == '_')
            a++;
        while (*b == '-' || *b == '_')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (*a == '\0')
            return true;
    }
}

const dnb_zoo_net *dnb_zoo_find(const char *name)
{
    for (size_t i = 0; i < dnb_zoo_count(); i++)
        if (same_name(nets[i].name, name))
            return &nets[i];
    return NULL;
}
