/* Opening networks: names, where weights are looked for, preprocessing, and the messages when it
 * fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnnbrain/net.h"
#include "failing_alloc.h"
#include "make_pth.h"

/* ---- a small network's weights: every tensor of ResNet-20 is a view of one storage ---- */

#define STORE 36864 /* the largest, 64x64x3x3 */

typedef struct weights {
    make_tensor t[128];
    char name[128][48];
    size_t n;
} weights;

static void add(weights *w, const char *module, const char *part, int ndim, long a, long b, long k)
{
    make_tensor *t = &w->t[w->n];
    snprintf(w->name[w->n], sizeof w->name[0], "%s.%s", module, part);
    *t = (make_tensor){w->name[w->n], "0", "FloatStorage", STORE, 0, ndim, {a, b, k, k}, {0}};
    long step = 1;
    for (int i = ndim; i-- > 0; step *= t->shape[i])
        t->stride[i] = step;
    w->n++;
}

static void add_conv_bn(weights *w, const char *block, int i, long in, long out)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    char module[40];
    snprintf(module, sizeof module, "%sconv%d", block, i);
    add(w, module, "weight", 4, out, in, 3);
    snprintf(module, sizeof module, "%sbn%d", block, i);
    for (int p = 0; p < 4; p++)
        add(w, module, parts[p], 1, out, 0, 0);
}

static void resnet20(weights *w)
{
    char block[24];
    long in = 16;
    w->n = 0;
    add_conv_bn(w, "", 1, 3, 16);
    for (int stage = 1; stage <= 3; stage++)
        for (int i = 0; i < 3; i++) {
            long out = 16L << (stage - 1);
            snprintf(block, sizeof block, "layer%d.%d.", stage, i);
            add_conv_bn(w, block, 1, in, out);
            add_conv_bn(w, block, 2, out, out);
            in = out;
        }
    add(w, "linear", "weight", 2, 10, 64, 0);
    add(w, "linear", "bias", 1, 10, 0, 0);
}

static void write_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void write_weights(const char *path, const weights *w)
{
    static float store[STORE];
    make_buffer pickle = {0}, file;
    for (size_t i = 0; i < STORE; i++)
        store[i] = 0.5f + (float)(i % 7) * 0.1f;
    make_pickle(&pickle, w->t, w->n, "state_dict");
    const make_entry entries[] = {{"net/data.pkl", pickle.data, pickle.n, 0},
                                  {"net/data/0", store, sizeof store, 0}};
    make_zip(&file, entries, 2);
    write_file(path, file.data, file.n);
    free(file.data);
    free(pickle.data);
}

/* A data folder with models/resnet20_cifar10.th; its name in *state. */
static char folder[64], weights_path[128];

static int make_folder(void **state)
{
    static weights w;
    char path[128];
    *state = folder;
    snprintf(folder, sizeof folder, "/tmp/dnb_test_open_XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/models", folder);
    if (mkdir(path, 0700) != 0)
        return -1;
    snprintf(weights_path, sizeof weights_path, "%s/models/resnet20_cifar10.th", folder);
    resnet20(&w);
    write_weights(weights_path, &w);
    return 0;
}

static int remove_folder(void **state)
{
    char path[128];
    (void)state;
    unlink(weights_path);
    snprintf(path, sizeof path, "%s/models", folder);
    rmdir(path);
    return rmdir(folder);
}

/* ---- tests ---- */

static dnb_net *open_good(const dnb_net_options *opt)
{
    dnb_net *net = NULL;
    dnb_err err = {0};
    if (dnb_net_open(&net, opt, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return net;
}

static void refused(const dnb_net_options *opt, dnb_status want, const char *part,
                    const char *other)
{
    dnb_net *net = NULL;
    dnb_err err = {0};
    assert_int_equal(dnb_net_open(&net, opt, &err), want);
    assert_null(net);
    if (!strstr(err.message, part) || !strstr(err.message, other))
        fail_msg("'%s' does not say '%s' and '%s'", err.message, part, other);
}

static void finds_weights(void **state)
{
    (void)state;
    unsetenv("DNNBRAIN_DATA");
    dnb_net_options opt = {.name = "alexnet"};
    refused(&opt, DNB_ENOTFOUND, "$DNNBRAIN_DATA/models/alexnet.pth", "--weights FILE");
    setenv("DNNBRAIN_DATA", folder, 1);
    char tried[128];
    snprintf(tried, sizeof tried, "%s/models/alexnet.pth: no such file", folder);
    refused(&opt, DNB_ENOTFOUND, tried, "--weights FILE");
    opt.weights = "none.pth";
    refused(&opt, DNB_ENOTFOUND, "none.pth: no such file", "AlexNet");
    opt.weights = "none.onnx";
    refused(&opt, DNB_EUNSUPPORTED, "none.onnx", ".pth");

    opt = (dnb_net_options){.name = "RESNET20-cifar"};
    dnb_net *net = open_good(&opt);
    assert_string_equal(dnb_net_name(net), "Resnet20_CIFAR");
    assert_string_equal(dnb_net_weights_path(net), weights_path);
    assert_int_equal(dnb_net_layer_count(net), 14);
    assert_string_equal(dnb_net_layer_name(net, 3), "layer1_block0");
    size_t shape[3];
    assert_int_equal(dnb_net_layer_shape(net, "layer2.0.bn1", shape, NULL), DNB_OK);
    assert_true(shape[0] == 32 && shape[1] == 16 && shape[2] == 16);
    dnb_net_free(net);
    unsetenv("DNNBRAIN_DATA");
    opt.weights = weights_path;
    dnb_net_free(open_good(&opt));
}

static void names_near_networks(void **state)
{
    (void)state;
    refused(&(dnb_net_options){.name = "alexnt"}, DNB_ENOTFOUND, "nearest are 'AlexNet'",
            "Resnet152");
    refused(&(dnb_net_options){.name = "resnet153"}, DNB_ENOTFOUND, "nearest are 'Resnet152'",
            "AlexNet, ");
    refused(&(dnb_net_options){.name = "transformer"}, DNB_ENOTFOUND,
            "unknown network 'transformer' (", ".onnx");
    refused(&(dnb_net_options){.name = ""}, DNB_EARG, "no network", "");
    refused(&(dnb_net_options){.name = "a/b.pth"}, DNB_EARG, "a/b.pth", "--weights");
    refused(&(dnb_net_options){.name = "a/b.onnx"}, DNB_EIO, "a/b.onnx", "No such file");
    refused(&(dnb_net_options){.name = "a/b.onnx", .weights = "c.pth"}, DNB_EARG, "its own weights",
            "c.pth");
}

static void checks_options(void **state)
{
    dnb_net_options opt = {.name = "alexnet", .range = 2};
    (void)state;
    refused(&opt, DNB_EARG, "range", "1 and 255");
    opt = (dnb_net_options){.name = "alexnet", .has_std = true, .std = {1, 0, 1}};
    refused(&opt, DNB_EARG, "std", "above 0");
    opt = (dnb_net_options){.name = "alexnet", .height = 100};
    refused(&opt, DNB_EARG, "height and width", "");
    opt = (dnb_net_options){.name = "alexnet", .height = 1 << 20, .width = 1};
    refused(&opt, DNB_EARG, "too large", "");
}

static void applies_preprocessing(void **state)
{
    dnb_net_options opt = {.name = "resnet20_cifar", .weights = weights_path};
    (void)state;
    dnb_net *net = open_good(&opt);
    const dnb_input_spec *s = dnb_net_input_spec(net);
    assert_true(s->channels == 3 && s->height == 32 && s->width == 32 && !s->bgr && s->range == 1);
    assert_true(s->mean[0] == 0.485 && s->std[2] == 0.225);
    dnb_net_free(net);
    /* Means not given follow the order and the range. */
    opt.order = DNB_CHANNELS_BGR;
    opt.range = 255;
    opt.height = 48;
    opt.width = 40;
    net = open_good(&opt);
    s = dnb_net_input_spec(net);
    assert_true(s->bgr && s->range == 255 && s->height == 48 && s->width == 40);
    assert_true(s->mean[2] == 0.485 * 255 && s->mean[0] == 0.406 * 255 && s->std[0] == 0.225 * 255);
    dnb_net_free(net);
    /* Means given stand as given. */
    opt.has_mean = opt.has_std = true;
    memcpy(opt.mean, (double[3]){104, 117, 123}, sizeof opt.mean);
    memcpy(opt.std, (double[3]){1, 2, 3}, sizeof opt.std);
    net = open_good(&opt);
    s = dnb_net_input_spec(net);
    assert_true(s->mean[0] == 104 && s->mean[2] == 123 && s->std[1] == 2);
    dnb_net_free(net);
}

static void names_tensors_that_do_not_fit(void **state)
{
    static weights w;
    char path[] = "/tmp/dnb_test_open_XXXXXX";
    dnb_net_options opt = {.name = "resnet20_cifar", .weights = path};
    (void)state;
    close(mkstemp(path));
    resnet20(&w);
    w.t[w.n - 2].shape[0] = 7;
    write_weights(path, &w);
    refused(&opt, DNB_ESHAPE, path,
            "tensor linear.weight has shape 7x64, Resnet20_CIFAR needs 10x64");
    resnet20(&w);
    w.t[5] = w.t[--w.n];
    write_weights(path, &w);
    refused(&opt, DNB_EFORMAT, path, "tensor layer1.0.conv1.weight is missing");
    resnet20(&w);
    add(&w, "layer9", "weight", 1, 1, 0, 0);
    write_weights(path, &w);
    refused(&opt, DNB_EFORMAT, "tensor layer9.weight has no place in Resnet20_CIFAR", path);
    resnet20(&w);
    add(&w, "bn1", "num_batches_tracked", 0, 0, 0, 0);
    write_weights(path, &w);
    dnb_net_free(open_good(&opt));
    unlink(path);
}

static dnb_status open_net(const void *ctx, dnb_err *err)
{
    dnb_net *net = NULL;
    dnb_status status = dnb_net_open(&net, ctx, err);
    dnb_net_free(net);
    return status;
}

static void reports_failing_allocations(void **state)
{
    const dnb_net_options zoo = {.name = "resnet20_cifar", .weights = weights_path};
    (void)state;
    int n = dnb_each_failing_alloc(open_net, &zoo);
#ifdef DNB_FAULTS
    assert_true(n > 100);
#else
    assert_int_equal(n, 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_weights),
        cmocka_unit_test(names_near_networks),
        cmocka_unit_test(checks_options),
        cmocka_unit_test(applies_preprocessing),
        cmocka_unit_test(names_tensors_that_do_not_fit),
        cmocka_unit_test(reports_failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
