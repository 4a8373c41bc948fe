/* Bytes as a recipe for a graph: any operators, inputs and attributes, sane and insane. What the
 * builder and shape inference accept is differentiated (every second one), planned and, when small,
 * run by the reference and by oneDNN. */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/eval.h"
#include "net/gradient.h"
#include "net/network.h"
#include "net/op.h"

#define MAX_NODES 12
#define MAX_RUN_BYTES ((size_t)1 << 22)
/* Work is bounded by bytes times window, as a fuzzer must not wait. */
#define SIDE 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct recipe {
    const uint8_t *data;
    size_t size, at;
} recipe;

static unsigned take(recipe *r)
{
    return r->at < r->size ? r->data[r->at++] : 0;
}

/* Mostly small numbers, now and then the ends of the range. */
static int64_t take_number(recipe *r)
{
    static const int64_t odd[] = {INT64_MIN, INT64_MAX, -1, 1 << 30, -2, (int64_t)1 << 31, 0, 255};
    unsigned b = take(r);
    return b < 240 ? (int64_t)(b % 7) : odd[b % 8];
}

static const char *const int_attrs[] = {"group",
                                        "axis",
                                        "ceil_mode",
                                        "count_include_pad",
                                        "keepdims",
                                        "transA",
                                        "transB",
                                        "size",
                                        "to",
                                        "allowzero",
                                        "start",
                                        "end",
                                        "blocksize",
                                        "largest",
                                        "batch_dims",
                                        "exclusive",
                                        "reverse",
                                        "hidden_size",
                                        "storage_order",
                                        "k",
                                        "upper",
                                        "num_outputs",
                                        "sampling_ratio",
                                        "output_height",
                                        "output_width",
                                        "layout",
                                        "align_corners",
                                        "select_last_index",
                                        "num_groups",
                                        "batch_axis",
                                        "time_axis",
                                        "ignore_index",
                                        "onesided",
                                        "linear_before_reset"};
static const char *const list_attrs[] = {"kernel_shape", "strides", "pads", "dilations",
                                         "output_shape", "perm",    "axes", "output_padding",
                                         "output_size",  "starts",  "ends", "shape",
                                         "border",       "scale",   "sizes"};
static const char *const text_attrs[] = {"SAME_UPPER",
                                         "SAME_LOWER",
                                         "VALID",
                                         "NOTSET",
                                         "reflect",
                                         "edge",
                                         "?",
                                         "wrap",
                                         "linear",
                                         "cubic",
                                         "align_corners",
                                         "asymmetric",
                                         "half_pixel",
                                         "border",
                                         "reflection",
                                         "bilinear",
                                         "bicubic",
                                         "bidirectional",
                                         "reverse",
                                         "mean",
                                         "sum",
                                         "none",
                                         "CRD",
                                         "LEFT",
                                         "ij,jk->ik",
                                         "...ii->...i",
                                         "max",
                                         "add",
                                         "tf_crop_and_resize",
                                         "ab"};
static const char *const text_names[] = {
    "mode",         "auto_pad",     "coordinate_transformation_mode",
    "padding_mode", "direction",    "reduction",
    "equation",     "nearest_mode", "approximate"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static dnb_attr take_attr(recipe *r, int64_t numbers[8], double floats[8])
{
    dnb_attr a = {.name = "epsilon", .kind = DNB_ATTR_FLOAT, .f = 0.5};
    switch (take(r) % 5) {
    case 0:
        return DNB_INT(int_attrs[take(r) % COUNT(int_attrs)], take_number(r));
    case 1:
        a.name = text_names[take(r) % COUNT(text_names)];
        a.kind = DNB_ATTR_STRING;
        a.s = text_attrs[take(r) % COUNT(text_attrs)];
        return a;
    case 2:
        a.name = "scales";
        a.kind = DNB_ATTR_FLOATS;
        a.n = take(r) % 6;
        a.floats = floats;
        for (size_t i = 0; i < a.n; i++)
            floats[i] = (double)take_number(r) / 2;
        return a;
    case 3:
        return a;
    default:
        a.name = list_attrs[take(r) % COUNT(list_attrs)];
        a.kind = DNB_ATTR_INTS;
        a.n = take(r) % 9;
        a.ints = numbers;
        for (size_t i = 0; i < a.n; i++)
            numbers[i] = take_number(r);
        return a;
    }
}

/* A constant of up to four small dimensions, floats or integers. */
static dnb_status take_constant(recipe *r, dnb_graph *g, dnb_value *v, dnb_err *err)
{
    dnb_array a = {0};
    size_t shape[4];
    int ndim = (int)(take(r) % 5);
    bool integers = take(r) % 3 == 0;
    for (int i = 0; i < ndim; i++)
        shape[i] = take(r) % 5;
    dnb_status status = dnb_array_init(&a, integers ? DNB_I64 : DNB_F32, ndim, shape, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < dnb_array_count(&a); i++) {
        if (integers)
            ((int64_t *)a.data)[i] = take_number(r);
        else
            ((float *)a.data)[i] = (float)((int)take(r) - 100) / 32;
    }
    status = dnb_graph_constant(g, NULL, &a, v, err);
    dnb_array_release(&a);
    return status;
}

/* Adds one node; one that is refused is left out. */
static void take_node(recipe *r, dnb_graph *g)
{
    const dnb_op *op = dnb_op_at(take(r) % dnb_op_count());
    dnb_value in[6];
    dnb_attr attrs[4];
    int64_t numbers[4][8];
    double floats[4][8];
    char name[16];
    dnb_err err;
    size_t n_in = take(r) % 6, n_attrs = take(r) % 5;
    const char *names[] = {name, "", ""};
    snprintf(name, sizeof name, "v%zu", dnb_graph_value_count(g));
    for (size_t i = 0; i < n_in; i++) {
        unsigned kind = take(r);
        size_t n = dnb_graph_value_count(g);
        in[i] = kind % 16 == 0  ? DNB_NO_VALUE
                : i && kind % 2 ? (dnb_value)take(r)
                                : (dnb_value)(n - 1 - take(r) % n);
        if (i && kind % 4 == 3 && take_constant(r, g, &in[i], &err) != DNB_OK)
            return;
    }
    for (size_t i = 0; i < n_attrs; i++)
        attrs[i] = take_attr(r, numbers[i], floats[i]);
    dnb_node_spec spec = {.op = op->name,
                          .inputs = in,
                          .n_inputs = n_in,
                          .attrs = attrs,
                          .n_attrs = n_attrs,
                          .output_names = names,
                          .n_outputs = 1 + take(r) % 3};
    dnb_status status = dnb_graph_node(g, &spec, NULL, &err);
    (void)status;
}

static void run_layers(const dnb_net *net, dnb_backend backend, size_t n)
{
    const char *names[MAX_NODES + 1];
    float *taps[MAX_NODES + 1] = {0};
    float input[3 * 3 * SIDE * SIDE];
    dnb_runner_options opt = {.batch = 3, .backend = backend};
    dnb_runner *r = NULL;
    dnb_err err;
    size_t bytes, count = dnb_net_layer_count(net), shape[3];
    if (count > MAX_NODES)
        count = MAX_NODES;
    for (size_t i = 0; i < sizeof input / sizeof *input; i++)
        input[i] = (float)(int)(i % 13) - 6;
    for (size_t i = 0; i < count; i++)
        names[i] = dnb_net_layer_name(net, i);
    if (dnb_net_find_layer(net, "grad:data", &err) == DNB_OK)
        names[count++] = "grad:data";
    if (count == 0 || dnb_runner_plan_bytes(net, names, count, &opt, &bytes, &err) != DNB_OK ||
        bytes > MAX_RUN_BYTES)
        return;
    for (size_t i = 0; i < count; i++) {
        if (dnb_net_layer_shape(net, names[i], shape, &err) != DNB_OK)
            abort(); /* it is a layer, so it has a shape */
        taps[i] = malloc(n * shape[0] * shape[1] * shape[2] * sizeof(float));
        if (!taps[i])
            goto done;
    }
    if (dnb_runner_new(&r, net, names, count, &opt, &err) == DNB_OK) {
        dnb_status status = dnb_runner_run(r, input, n, taps, &err);
        (void)status; /* indices may be out of range; that is an error, not a crash */
    }
done:
    dnb_runner_free(r);
    for (size_t i = 0; i < count; i++)
        free(taps[i]);
}

/* Node by node on two images, so that shapes may follow from content. */
static void evaluate(const dnb_graph *g)
{
    float pixels[2 * 3 * SIDE * SIDE];
    const size_t shape[4] = {2, 3, SIDE, SIDE};
    dnb_eval_options opt = {.any_shape = true, .memory = MAX_RUN_BYTES};
    for (size_t f64 = 0; f64 < 2; f64++)
        for (size_t v = 0; v < dnb_graph_value_count(g); v++) {
            dnb_array in, out = {0};
            dnb_value wanted = (dnb_value)v;
            dnb_err err;
            for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
                pixels[i] = (float)(int)(i % 13) - 6;
            dnb_array_borrow(&in, DNB_F32, 4, shape, pixels);
            opt.f64 = f64 == 1;
            if (dnb_eval_run(g, &in, &wanted, 1, &opt, &out, &err) == DNB_OK)
                dnb_array_release(&out);
        }
}

/* The gradient of the last value that has one, with respect to the image. */
static void differentiate(dnb_graph *g, bool guided)
{
    const char *wrt = "data";
    dnb_err err;
    dnb_status status = DNB_EARG;
    for (size_t i = dnb_graph_name_count(g); i-- > 0 && status != DNB_OK;) {
        dnb_gradient_request r = {.target = dnb_graph_name_at(g, i, NULL),
                                  .wrt = &wrt,
                                  .n_wrt = 1,
                                  .options.guided_relu = guided};
        status = dnb_graph_gradient_named(g, &r, &err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recipe r = {.data = data, .size = size};
    dnb_graph *g = NULL;
    dnb_net *net = NULL;
    dnb_value v;
    dnb_err err;
    dnb_shape in = {.dtype = DNB_F32, .ndim = 4, .dim = {1, 3, SIDE, SIDE}};
    dnb_net_init init = {.name = "fuzz",
                         .input = {.channels = 3, .height = SIDE, .width = SIDE, .range = 1}};
    if (dnb_graph_new(&g, 7 + (int)(take(&r) % 12), &err) != DNB_OK ||
        dnb_graph_input(g, "data", &in, &v, &err) != DNB_OK) {
        dnb_graph_free(g);
        return 0;
    }
    for (int i = 0; i < MAX_NODES && r.at < r.size; i++)
        take_node(&r, g);
    evaluate(g);
    if (size % 2)
        differentiate(g, size % 4 == 1);
    if (dnb_net_from_graph(&net, g, &init, &err) != DNB_OK) {
        dnb_graph_free(g);
        return 0;
    }
    run_layers(net, DNB_BACKEND_REFERENCE, 3);
    run_layers(net, DNB_BACKEND_ONEDNN, 2);
    dnb_net_free(net);
    return 0;
}
