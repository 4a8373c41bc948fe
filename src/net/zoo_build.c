/* Layers of the zoo: tensors from the checkpoint, nodes into the graph, names for both kinds of
 * user. */
#include "net/zoo_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "net/network.h"

/* ---- names ---- */

const char *dnb_zoo_text(dnb_zoo_builder *b, char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    if ((n < 0 || (size_t)n >= size) && b->status == DNB_OK)
        b->status = dnb_fail(b->err, DNB_EINTERNAL, "a layer name of %s is too long", b->net->name);
    return buf;
}

void dnb_zoo_alias(dnb_zoo_builder *b, const char *name, dnb_value v)
{
    if (b->status == DNB_OK)
        b->status = dnb_graph_alias(b->graph, name, v, b->err);
}

/* Puts a layer on the list of main layers. */
static void list_layer(dnb_zoo_builder *b, const char *name)
{
    if (b->n_layers == b->cap_layers) {
        size_t cap = b->cap_layers ? 2 * b->cap_layers : 32;
        char **grown = dnb_realloc(b->layers, cap, sizeof *grown);
        if (!grown) {
            b->status = dnb_fail_memory(b->err, "layer names", cap * sizeof *grown);
            return;
        }
        b->layers = grown;
        b->cap_layers = cap;
    }
    char *copy = dnb_strdup(name);
    if (!copy)
        b->status = dnb_fail_memory(b->err, "layer name", strlen(name) + 1);
    else
        b->layers[b->n_layers++] = copy;
}

dnb_value dnb_zoo_op(dnb_zoo_builder *b, const char *op, const dnb_value *x, size_t n,
                     const dnb_attr *attrs, size_t n_attrs, dnb_zoo_name name)
{
    dnb_value out = DNB_NO_VALUE;
    if (b->status != DNB_OK)
        return DNB_NO_VALUE;
    const char *first = name.layer ? name.layer : name.module;
    b->status = dnb_graph_op(b->graph, op, first, x, n, attrs, n_attrs, &out, b->err);
    if (b->status == DNB_OK && name.layer)
        list_layer(b, name.layer);
    if (name.layer && name.module && strcmp(name.layer, name.module) != 0)
        dnb_zoo_alias(b, name.module, out);
    return b->status == DNB_OK ? out : DNB_NO_VALUE;
}

/* ---- tensors ---- */

static bool is_floating(dnb_dtype t)
{
    return t == DNB_F32 || t == DNB_F64 || t == DNB_F16 || t == DNB_BF16;
}

/* "10x4096" */
static const char *shape_text(char *buf, size_t size, int ndim, const size_t *shape)
{
    dnb_array a = {.ndim = ndim};
    memcpy(a.shape, shape, (size_t)ndim * sizeof *shape);
    return dnb_array_shape_text(&a, buf, size);
}

/* Smaller tensors are read at once. */
#define LATER_BYTES ((size_t)1 << 20)

/* Tensor t, the checkpoint's number i, as a constant. */
static dnb_value constant(dnb_zoo_builder *b, const char *name, const dnb_pth_tensor *t, size_t i)
{
    dnb_array a = {0};
    dnb_value out = DNB_NO_VALUE;
    b->status = dnb_pth_make(t, &a, b->err);
    bool later = t->dtype == DNB_F32 && dnb_array_bytes(&a) >= LATER_BYTES;
    if (b->status == DNB_OK && !later)
        b->status = dnb_pth_fill(b->weights, t, &a, b->err);
    if (b->status == DNB_OK)
        b->status = later ? dnb_graph_constant_later(b->graph, name, &a, i, &out, b->err)
                          : dnb_graph_constant(b->graph, name, &a, &out, b->err);
    dnb_array_release(&a);
    return out;
}

/* Tensor <module>.<part> of exactly that shape, as a constant. */
static dnb_value tensor(dnb_zoo_builder *b, const char *module, const char *part, int ndim,
                        const size_t *shape)
{
    char name[DNB_ZOO_TEXT], want[64], have[200];
    dnb_zoo_text(b, name, sizeof name, "%s.%s", module, part);
    if (b->status != DNB_OK)
        return DNB_NO_VALUE;
    const dnb_pth_tensor *t = dnb_pth_find(b->weights, name);
    shape_text(want, sizeof want, ndim, shape);
    if (!t)
        b->status = dnb_fail(b->err, DNB_EFORMAT, "%s: tensor %s is missing, %s needs it (%s)",
                             b->file, name, b->net->name, want);
    else if (t->ndim != ndim || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) != 0)
        b->status =
            dnb_fail(b->err, DNB_ESHAPE, "%s: tensor %s has shape %s, %s needs %s", b->file, name,
                     shape_text(have, sizeof have, t->ndim, t->shape), b->net->name, want);
    else if (!is_floating(t->dtype))
        b->status = dnb_fail(b->err, DNB_EFORMAT,
                             "%s: tensor %s has type %s, a network's weights are floats", b->file,
                             name, dnb_dtype_name(t->dtype));
    if (b->status != DNB_OK)
        return DNB_NO_VALUE;
    size_t i = 0;
    while (dnb_pth_at(b->weights, i) != t)
        i++;
    b->used[i] = true;
    return constant(b, name, t, i);
}

dnb_value dnb_zoo_ints(dnb_zoo_builder *b, const int64_t *v, size_t n)
{
    dnb_array a = {0};
    dnb_value out = DNB_NO_VALUE;
    if (b->status != DNB_OK)
        return DNB_NO_VALUE;
    b->status = dnb_array_init(&a, DNB_I64, 1, &n, b->err);
    if (b->status == DNB_OK) {
        memcpy(a.data, v, n * sizeof *v);
        b->status = dnb_graph_constant(b->graph, NULL, &a, &out, b->err);
    }
    dnb_array_release(&a);
    return out;
}

/* ---- layers ---- */

dnb_value dnb_zoo_conv2d(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t c_in,
                         const dnb_zoo_conv *spec)
{
    const size_t kh = spec->kernel_h, kw = spec->kernel_w ? spec->kernel_w : kh;
    const size_t shape[4] = {spec->out, c_in, kh, kw};
    const int64_t s = spec->stride ? (int64_t)spec->stride : 1;
    const int64_t ph = (int64_t)spec->pad_h, pw = (int64_t)spec->pad_w;
    const dnb_attr attrs[] = {DNB_INTS("kernel_shape", (int64_t)kh, (int64_t)kw),
                              DNB_INTS("strides", s, s), DNB_INTS("pads", ph, pw, ph, pw)};
    dnb_value in[3] = {x, tensor(b, name.module, "weight", 4, shape), DNB_NO_VALUE};
    if (spec->bias)
        in[2] = tensor(b, name.module, "bias", 1, &spec->out);
    return dnb_zoo_op(b, "Conv", in, spec->bias ? 3 : 2, attrs, 3, name);
}

dnb_value dnb_zoo_batch_norm(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t channels,
                             double epsilon)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    const dnb_attr attr = DNB_FLOAT("epsilon", epsilon);
    dnb_value in[5] = {x};
    for (int i = 0; i < 4; i++)
        in[i + 1] = tensor(b, name.module, parts[i], 1, &channels);
    return dnb_zoo_op(b, "BatchNormalization", in, 5, &attr, 1, name);
}

dnb_value dnb_zoo_linear(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t n_in,
                         size_t n_out)
{
    const dnb_attr attr = DNB_INT("transB", 1);
    const dnb_value in[3] = {x, tensor(b, name.module, "weight", 2, (const size_t[]){n_out, n_in}),
                             tensor(b, name.module, "bias", 1, &n_out)};
    return dnb_zoo_op(b, "Gemm", in, 3, &attr, 1, name);
}

dnb_value dnb_zoo_relu(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name)
{
    return dnb_zoo_op(b, "Relu", &x, 1, NULL, 0, name);
}

dnb_value dnb_zoo_max_pool(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t kernel,
                           size_t stride, size_t pad, bool ceil_mode)
{
    const int64_t k = (int64_t)kernel, s = (int64_t)stride, p = (int64_t)pad;
    const dnb_attr attrs[] = {DNB_INTS("kernel_shape", k, k), DNB_INTS("strides", s, s),
                              DNB_INTS("pads", p, p, p, p), DNB_INT("ceil_mode", ceil_mode)};
    return dnb_zoo_op(b, "MaxPool", &x, 1, attrs, 4, name);
}

dnb_value dnb_zoo_average_pool(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name, size_t size)
{
    const dnb_attr attr = DNB_INTS("output_size", (int64_t)size, (int64_t)size);
    return dnb_zoo_op(b, "dnb.AdaptiveAveragePool", &x, 1, &attr, 1, name);
}

dnb_value dnb_zoo_flatten(dnb_zoo_builder *b, dnb_value x, dnb_zoo_name name)
{
    const dnb_attr attr = DNB_INT("axis", 1);
    return dnb_zoo_op(b, "Flatten", &x, 1, &attr, 1, name);
}

dnb_value dnb_zoo_concat(dnb_zoo_builder *b, const dnb_value *x, size_t n, dnb_zoo_name name)
{
    const dnb_attr attr = DNB_INT("axis", 1);
    return dnb_zoo_op(b, "Concat", x, n, &attr, 1, name);
}

dnb_value dnb_zoo_add(dnb_zoo_builder *b, dnb_value x, dnb_value y, dnb_zoo_name name)
{
    return dnb_zoo_op(b, "Add", (const dnb_value[]){x, y}, 2, NULL, 0, name);
}

/* ---- the whole ---- */

/* A tensor that the network has no place for means a checkpoint of another network, but for
 * counters and for the classifiers that only training uses. */
static bool may_be_left(const char *name)
{
    static const char *const prefixes[] = {"aux1.", "aux2.", "AuxLogits."};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return dot && strcmp(dot, ".num_batches_tracked") == 0;
}

static dnb_status check_all_used(const dnb_zoo_builder *b)
{
    for (size_t i = 0; i < dnb_pth_count(b->weights); i++) {
        const char *name = dnb_pth_at(b->weights, i)->name;
        if (!b->used[i] && !may_be_left(name))
            return dnb_fail(
                b->err, DNB_EFORMAT,
                "%s: tensor %.200s has no place in %s; are these the weights of another network?",
                b->file, name, b->net->name);
    }
    return DNB_OK;
}

static dnb_status build_graph(dnb_zoo_builder *b, const dnb_input_spec *input)
{
    const dnb_shape shape = {
        .dtype = DNB_F32, .ndim = 4, .dim = {1, input->channels, input->height, input->width}};
    b->status = dnb_graph_input(b->graph, "input", &shape, &b->input, b->err);
    if (b->status == DNB_OK)
        b->status = b->net->build(b, b->net->plan);
    return b->status == DNB_OK ? check_all_used(b) : b->status;
}

static dnb_status fill_constant(const void *from, size_t item, const dnb_array *into, dnb_err *err)
{
    return dnb_pth_fill(from, dnb_pth_at(from, item), into, err);
}

static void close_weights(void *from)
{
    dnb_pth_close(from);
}

dnb_status dnb_zoo_open(dnb_net **out, const dnb_zoo_net *z, const dnb_input_spec *input,
                        const char *weights, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_pth *pth = NULL;
    dnb_zoo_builder b = {.net = z, .file = weights, .err = err};
    DNB_TRY(dnb_pth_open(&pth, weights, err));
    b.weights = pth;
    DNB_NEW(b.used, dnb_pth_count(pth), "tensor marks");
    DNB_TRY(dnb_graph_new(&b.graph, 13, err));
    const dnb_graph_source source = {.from = pth, .fill = fill_constant, .close = close_weights};
    DNB_TRY(dnb_graph_set_source(b.graph, &source, err));
    pth = NULL; /* the graph's */
    DNB_TRY(build_graph(&b, input));
    const dnb_net_init init = {.name = z->name,
                               .weights_path = weights,
                               .input = *input,
                               .layers = (const char *const *)b.layers,
                               .n_layers = b.n_layers};
    DNB_TRY(dnb_net_from_graph(out, b.graph, &init, err));
    b.graph = NULL;
done:
    for (size_t i = 0; i < b.n_layers; i++)
        dnb_free(b.layers[i]);
    dnb_free(b.layers);
    dnb_free(b.used);
    dnb_graph_free(b.graph);
    dnb_pth_close(pth);
    return status;
}
