/* The ONNX loader: tensor storage forms, names, sizes, and models that are broken or hostile.
 * Models are put together as messages and packed, so that the loader sees bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_alloc.h"
#include "net/onnx_load.h"
#include "onnx.pb-c.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A model under construction: everything lives in the struct. */
typedef struct maker {
    Onnx__Model model;
    Onnx__Graph graph;
    Onnx__OperatorSet opset, *opsets[1];
    Onnx__Node node[4], *nodes[4];
    char *in[4][4], *out[4][2];
    Onnx__Attribute attr, *attrs[1];
    Onnx__Tensor tensor[4], *tensors[4];
    int64_t dims[4][4];
    Onnx__ValueInfo input[2], *inputs[2], output, *outputs[1];
    Onnx__Type type[2];
    Onnx__TensorType tensor_type[2];
    Onnx__Shape shape[2];
    Onnx__Dimension dim[2][4], *dimp[2][4];
} maker;

static void make_init(maker *m)
{
    memset(m, 0, sizeof *m);
    onnx__model__init(&m->model);
    onnx__graph__init(&m->graph);
    onnx__operator_set__init(&m->opset);
    onnx__value_info__init(&m->output);
    m->opset.version = 13;
    m->opsets[0] = &m->opset;
    m->model.ir_version = 7;
    m->model.n_opset_import = 1;
    m->model.opset_import = m->opsets;
    m->model.graph = &m->graph;
    m->graph.node = m->nodes;
    m->graph.initializer = m->tensors;
    m->graph.input = m->inputs;
    m->graph.output = m->outputs;
    m->graph.n_output = 1;
    m->outputs[0] = &m->output;
    m->output.name = (char *)"y";
}

static void add_input(maker *m, const char *name, const int64_t *dims, size_t n)
{
    size_t i = m->graph.n_input++;
    onnx__value_info__init(&m->input[i]);
    onnx__type__init(&m->type[i]);
    onnx__tensor_type__init(&m->tensor_type[i]);
    onnx__shape__init(&m->shape[i]);
    m->inputs[i] = &m->input[i];
    m->input[i].name = (char *)(uintptr_t)name;
    m->input[i].type = &m->type[i];
    m->type[i].tensor_type = &m->tensor_type[i];
    m->tensor_type[i].elem_type = 1;
    m->tensor_type[i].shape = &m->shape[i];
    m->shape[i].dim = m->dimp[i];
    m->shape[i].n_dim = n;
    for (size_t k = 0; k < n; k++) {
        onnx__dimension__init(&m->dim[i][k]);
        m->dim[i][k].dim_value = dims[k];
        m->dimp[i][k] = &m->dim[i][k];
    }
}

static Onnx__Node *add_node(maker *m, const char *op, const char *name, const char *a,
                            const char *b, const char *out)
{
    size_t i = m->graph.n_node++;
    Onnx__Node *n = &m->node[i];
    onnx__node__init(n);
    m->nodes[i] = n;
    n->op_type = (char *)(uintptr_t)op;
    n->name = (char *)(uintptr_t)name;
    n->input = m->in[i];
    n->output = m->out[i];
    n->n_output = 1;
    n->output[0] = (char *)(uintptr_t)out;
    n->n_input = b ? 2 : 1;
    n->input[0] = (char *)(uintptr_t)a;
    n->input[1] = (char *)(uintptr_t)b;
    return n;
}

static Onnx__Tensor *add_tensor(maker *m, const char *name, int type, int64_t count)
{
    size_t i = m->graph.n_initializer++;
    Onnx__Tensor *t = &m->tensor[i];
    onnx__tensor__init(t);
    m->tensors[i] = t;
    t->name = (char *)(uintptr_t)name;
    t->data_type = type;
    t->dims = m->dims[i];
    t->n_dims = 1;
    t->dims[0] = count;
    return t;
}

/* x (1x2x4x4) + k = y. */
static Onnx__Tensor *make_add_model(maker *m, int type, int64_t count)
{
    static const int64_t dims[4] = {1, 2, 4, 4};
    make_init(m);
    add_input(m, "x", dims, 4);
    add_node(m, "Add", "sum", "x", "k", "y");
    return add_tensor(m, "k", type, count);
}

static dnb_status load(const maker *m, dnb_graph **g, size_t size, dnb_err *err)
{
    size_t n = onnx__model__get_packed_size(&m->model);
    unsigned char *bytes = malloc(n + 1);
    assert_non_null(bytes);
    onnx__model__pack(&m->model, bytes);
    dnb_status status = dnb_onnx_load_memory(g, "x.onnx", bytes, n, size, size, err);
    free(bytes);
    return status;
}

static dnb_graph *load_good(const maker *m)
{
    dnb_graph *g = NULL;
    dnb_err err = {0};
    if (load(m, &g, 0, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return g;
}

static void refused(const maker *m, dnb_status want, const char *part)
{
    dnb_graph *g = NULL;
    dnb_err err = {0};
    assert_int_equal(load(m, &g, 0, &err), want);
    assert_null(g);
    if (!strstr(err.message, part) || !strstr(err.message, "x.onnx"))
        fail_msg("'%s' does not say '%s'", err.message, part);
}

/* ---- tensors ---- */

/* The constant "k" of the model as loaded. */
static void expect_constant(const maker *m, dnb_dtype type, const double *values, size_t n)
{
    dnb_graph *g = load_good(m);
    const dnb_array *a = &dnb_graph_value_at(g, dnb_graph_find(g, "k"))->constant;
    assert_int_equal(a->dtype, type);
    assert_int_equal(dnb_array_count(a), n);
    for (size_t i = 0; i < n; i++) {
        double v =
            type == DNB_F32 ? (double)((float *)a->data)[i] : (double)((int64_t *)a->data)[i];
        assert_true(v == values[i]);
    }
    dnb_graph_free(g);
}

static void reads_every_storage_form(void **state)
{
    static const double want[2] = {1.5, -2};
    static const double whole[2] = {3, -4};
    maker m;
    Onnx__Tensor *t;
    (void)state;
#define RAW(type_, literal, dtype, values)                                                         \
    t = make_add_model(&m, type_, 2);                                                              \
    t->raw_data = (ProtobufCBinaryData){sizeof(literal) - 1, (uint8_t *)(uintptr_t)(literal)};     \
    expect_constant(&m, dtype, values, 2)
    RAW(1, "\0\0\xc0\x3f\0\0\0\xc0", DNB_F32, want);
    RAW(10, "\x00\x3e\x00\xc0", DNB_F32, want);
    RAW(16, "\xc0\x3f\x00\xc0", DNB_F32, want);
    RAW(11, "\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0", DNB_F32, want);
    RAW(6, "\3\0\0\0\xfc\xff\xff\xff", DNB_I64, whole);
    RAW(7, "\3\0\0\0\0\0\0\0\xfc\xff\xff\xff\xff\xff\xff\xff", DNB_I64, whole);
    RAW(3, "\3\xfc", DNB_I64, whole);
#define LIST(type_, member, ctype, dtype, values, ...)                                             \
    t = make_add_model(&m, type_, 2);                                                              \
    t->member = (ctype[]){__VA_ARGS__};                                                            \
    t->n_##member = 2;                                                                             \
    expect_constant(&m, dtype, values, 2)
    LIST(1, float_data, float, DNB_F32, want, 1.5f, -2);
    LIST(10, int32_data, int32_t, DNB_F32, want, 0x3e00, 0xc000);
    LIST(11, double_data, double, DNB_F32, want, 1.5, -2);
    LIST(7, int64_data, int64_t, DNB_I64, whole, 3, -4);
    LIST(6, int32_data, int32_t, DNB_I64, whole, 3, -4);
    LIST(3, int32_data, int32_t, DNB_I64, whole, 3, -4);
    static const double positive[2] = {3, 4};
    LIST(13, uint64_data, uint64_t, DNB_I64, positive, 3, 4);
    LIST(12, uint64_data, uint64_t, DNB_I64, positive, 3, 4);
    static const double truth[2] = {1, 0};
    LIST(9, int32_data, int32_t, DNB_I64, truth, 1, 0);
}

static void refuses_broken_tensors(void **state)
{
    maker m;
    Onnx__Tensor *t;
    (void)state;
    t = make_add_model(&m, 1, 3);
    t->float_data = (float[]){1, 2};
    t->n_float_data = 2;
    refused(&m, DNB_EFORMAT, "tensor 'k' (3 float32) has 2 elements");
    t->dims[0] = -3;
    refused(&m, DNB_EFORMAT, "tensor 'k' has a negative dimension");
    t->n_dims = 3;
    t->dims[0] = t->dims[1] = t->dims[2] = (int64_t)1 << 40;
    refused(&m, DNB_EFORMAT, "tensor 'k' has absurdly large dimensions");
    t = make_add_model(&m, 1, 2);
    t->raw_data = (ProtobufCBinaryData){7, (uint8_t *)(uintptr_t) "1234567"};
    refused(&m, DNB_EFORMAT, "7 bytes");
    t = make_add_model(&m, 8, 1);
    refused(&m, DNB_EUNSUPPORTED, "tensor 'k' has element type string");
    t = make_add_model(&m, 99, 1);
    refused(&m, DNB_EUNSUPPORTED, "unknown");
    t = make_add_model(&m, 1, 1);
    t->data_location = 1;
    refused(&m, DNB_EFORMAT, "another file");
}

/* ---- tensors in other files ---- */

/* Writes bytes to dir/name. */
static void put(const char *dir, const char *name, const void *bytes, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static dnb_status load_with_data(const char *dir, const char *location, const char *offset,
                                 dnb_graph **g, dnb_err *err)
{
    maker m;
    Onnx__Entry entry[2], *entries[2] = {&entry[0], &entry[1]};
    Onnx__Tensor *t = make_add_model(&m, 1, 2);
    char path[256];
    onnx__entry__init(&entry[0]);
    onnx__entry__init(&entry[1]);
    entry[0].key = (char *)"location";
    entry[0].value = (char *)(uintptr_t)location;
    entry[1].key = (char *)"offset";
    entry[1].value = (char *)(uintptr_t)offset;
    t->data_location = 1;
    t->external_data = entries;
    t->n_external_data = 2;
    size_t n = onnx__model__get_packed_size(&m.model);
    unsigned char *bytes = malloc(n);
    assert_non_null(bytes);
    onnx__model__pack(&m.model, bytes);
    put(dir, "sub/x.onnx", bytes, n);
    free(bytes);
    snprintf(path, sizeof path, "%s/sub/x.onnx", dir);
    return dnb_onnx_load(g, path, 0, 0, err);
}

static void keeps_to_its_folder(void **state)
{
    char dir[] = "/tmp/dnb_test_onnx_XXXXXX", path[256], target[256];
    static const float data[4] = {9, 9, 1.5f, -2};
    dnb_graph *g = NULL;
    dnb_err err = {0};
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sub", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put(dir, "outside.bin", data, sizeof data);
    put(dir, "sub/k.bin", data, sizeof data);
    snprintf(path, sizeof path, "%s/sub/link.bin", dir);
    assert_int_equal(symlink("../outside.bin", path), 0);

    assert_int_equal(load_with_data(dir, "k.bin", "8", &g, &err), DNB_OK);
    const dnb_array *a = &dnb_graph_value_at(g, dnb_graph_find(g, "k"))->constant;
    assert_true(((float *)a->data)[0] == 1.5f && ((float *)a->data)[1] == -2);
    dnb_graph_free(g);
    g = NULL;
    snprintf(target, sizeof target, "%s/outside.bin", dir);
    const char *const escapes[] = {"../outside.bin", "link.bin", "./../sub/../outside.bin"};
    for (size_t i = 0; i < COUNT(escapes); i++) {
        assert_int_equal(load_with_data(dir, escapes[i], "8", &g, &err), DNB_EFORMAT);
        assert_non_null(strstr(err.message, "outside the model's folder; refused"));
    }
    assert_int_equal(load_with_data(dir, target, "8", &g, &err), DNB_EFORMAT);
    assert_int_equal(load_with_data(dir, "", "8", &g, &err), DNB_EFORMAT);
    assert_int_equal(load_with_data(dir, "none.bin", "8", &g, &err), DNB_EIO);
    assert_int_equal(load_with_data(dir, "k.bin", "9", &g, &err), DNB_EFORMAT);
    assert_non_null(strstr(err.message, "truncated"));
    assert_int_equal(load_with_data(dir, "k.bin", "-8", &g, &err), DNB_EFORMAT);
    assert_int_equal(load_with_data(dir, "k.bin", "99999999999999999999", &g, &err), DNB_EFORMAT);
    assert_null(g);
    const char *const files[] = {"sub/link.bin", "sub/k.bin",   "sub/x.onnx",
                                 "sub",          "outside.bin", ""};
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        remove(path);
    }
}

/* ---- graphs ---- */

static void names_nodes_and_values(void **state)
{
    static const int64_t dims[4] = {1, 2, 4, 4};
    maker m;
    (void)state;
    make_init(&m);
    add_input(&m, "x", dims, 4);
    add_node(&m, "Relu", "first/relu", "x", NULL, "h");
    add_node(&m, "Tanh", "h", "h", NULL, "y"); /* its name is a value's: the value wins */
    dnb_graph *g = load_good(&m);
    assert_int_equal(dnb_graph_node_count(g), 2);
    assert_int_equal(dnb_graph_find(g, "first/relu"), dnb_graph_find(g, "h"));
    assert_int_equal(dnb_graph_value_at(g, dnb_graph_find(g, "h"))->producer, 0);
    assert_int_equal(dnb_graph_output_at(g, 0), dnb_graph_find(g, "y"));
    dnb_graph_free(g);
}

static void fills_open_sizes(void **state)
{
    static const int64_t open[4] = {0, 3, -1, 0}, fixed[4] = {8, 3, 224, 200};
    maker m;
    dnb_graph *g = NULL;
    dnb_err err = {0};
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        make_init(&m);
        add_input(&m, "x", pass ? fixed : open, 4);
        add_node(&m, "Relu", "", "x", NULL, "y");
        assert_int_equal(load(&m, &g, 0, &err), pass ? DNB_OK : DNB_EARG);
        if (pass == 0)
            assert_non_null(strstr(err.message, "--size H W"));
        if (pass == 1) {
            const dnb_shape *s = &dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
            assert_true(s->dim[0] == 8 && s->dim[2] == 224 && s->dim[3] == 200);
            dnb_graph_free(g);
        }
        g = NULL;
        assert_int_equal(load(&m, &g, 64, &err), DNB_OK);
        const dnb_shape *s = &dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
        assert_true(s->dim[1] == 3 && s->dim[2] == 64 && s->dim[3] == 64);
        dnb_graph_free(g);
        g = NULL;
    }
}

static void drops_outputs_nobody_reads(void **state)
{
    static const int64_t dims[4] = {1, 2, 4, 4};
    maker m;
    (void)state;
    make_init(&m);
    add_input(&m, "x", dims, 4);
    Onnx__Node *n = add_node(&m, "Dropout", "drop", "x", NULL, "y");
    n->n_output = 2;
    n->output[1] = (char *)"mask";
    dnb_graph *g = load_good(&m);
    assert_int_equal(dnb_graph_find(g, "mask"), DNB_NO_VALUE);
    dnb_graph_free(g);
}

static void refuses_broken_graphs(void **state)
{
    static const int64_t dims[4] = {1, 2, 4, 4}, huge[4] = {1, 2, (int64_t)1 << 40, 4},
                         negative[4] = {1, 2, -5, 4};
    maker m;
    (void)state;
    make_init(&m);
    add_input(&m, "x", dims, 4);
    add_node(&m, "Add", "a", "x", "z", "y");
    add_node(&m, "Relu", "b", "y", NULL, "z");
    refused(&m, DNB_EFORMAT, "node 'a' needs 'z', which no node before it makes");
    make_init(&m);
    add_input(&m, "x", dims, 4);
    add_node(&m, "Relu", "", "x", NULL, "y");
    add_node(&m, "Relu", "", "x", NULL, "y");
    refused(&m, DNB_EARG, "'y'");
    make_init(&m);
    add_input(&m, "x", dims, 4);
    Onnx__Node *n = add_node(&m, "Foo", "strange", "x", NULL, "y");
    m.opset.version = 12;
    refused(&m, DNB_EUNSUPPORTED,
            "node 'strange' needs operator 'Foo' (opset 12), which is unsupported");
    n->op_type = (char *)"Relu";
    n->domain = (char *)"com.microsoft";
    refused(&m, DNB_EUNSUPPORTED, "operator 'com.microsoft.Relu'");
    n->domain = (char *)"";
    n->op_type = (char *)"dnb.AdaptiveAveragePool";
    refused(&m, DNB_EUNSUPPORTED, "dnb.AdaptiveAveragePool");
    n->op_type = (char *)"Relu";
    m.opset.version = 0;
    refused(&m, DNB_EUNSUPPORTED, "operator set 0");
    m.opset.version = 99;
    refused(&m, DNB_EUNSUPPORTED, "operator set 99");
    m.opset.version = 13;
    m.output.name = (char *)"nothing";
    refused(&m, DNB_EFORMAT, "no node makes the output 'nothing'");
    m.output.name = (char *)"y";
    add_input(&m, "x2", dims, 4);
    refused(&m, DNB_EUNSUPPORTED, "several inputs ('x', 'x2'");
    m.graph.n_input = 0;
    refused(&m, DNB_EFORMAT, "no input");
    add_input(&m, "x", huge, 4);
    refused(&m, DNB_EFORMAT, "dimension 2");
    m.graph.n_input = 0;
    add_input(&m, "x", negative, 4);
    refused(&m, DNB_EFORMAT, "dimension 2 is -5");
    m.graph.n_input = 0;
    add_input(&m, "x", dims, 2);
    refused(&m, DNB_EUNSUPPORTED, "has 2 dimensions");
    m.graph.n_node = 0;
    refused(&m, DNB_EFORMAT, "holds no network");
    make_add_model(&m, 1, 0);
    add_tensor(&m, "k", 1, 0);
    refused(&m, DNB_EFORMAT, "tensor 'k' occurs twice");
    make_init(&m);
    add_input(&m, "x", dims, 4);
    n = add_node(&m, "Relu", "r", "x", NULL, "y");
    n->n_output = 0;
    refused(&m, DNB_EFORMAT, "node 'r' (Relu) has no output");
    n->n_output = 1;
    onnx__attribute__init(&m.attr);
    m.attrs[0] = &m.attr;
    m.attr.name = (char *)"body";
    m.attr.type = 10;
    n->attribute = m.attrs;
    n->n_attribute = 1;
    refused(&m, DNB_EUNSUPPORTED, "attribute 'body' has a type (10)");
}

static void survives_truncation_and_changed_bytes(void **state)
{
    maker m;
    (void)state;
    Onnx__Tensor *t = make_add_model(&m, 1, 2);
    t->float_data = (float[]){1.5f, -2};
    t->n_float_data = 2;
    t->n_dims = 1;
    t->dims[0] = 2;
    size_t n = onnx__model__get_packed_size(&m.model);
    unsigned char *bytes = malloc(n);
    assert_non_null(bytes);
    onnx__model__pack(&m.model, bytes);
    for (size_t cut = 0; cut < n; cut++) {
        dnb_graph *g = NULL;
        dnb_err err = {0};
        unsigned char *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        /* The operator set comes last, so no prefix is a whole model. */
        assert_int_not_equal(dnb_onnx_load_memory(&g, "x.onnx", copy, cut, 0, 0, &err), DNB_OK);
        assert_non_null(strstr(err.message, "x.onnx"));
        free(copy);
    }
    for (size_t i = 0; i < n; i++)
        for (int flip = 1; flip < 256; flip = flip * 2 + 1) {
            dnb_graph *g = NULL;
            bytes[i] ^= (unsigned char)flip;
            if (dnb_onnx_load_memory(&g, "x.onnx", bytes, n, 0, 0, NULL) == DNB_OK)
                dnb_graph_free(g);
            bytes[i] ^= (unsigned char)flip;
        }
    free(bytes);
}

typedef struct packed {
    unsigned char *bytes;
    size_t n;
} packed;

static dnb_status load_packed(const void *ctx, dnb_err *err)
{
    const packed *p = ctx;
    dnb_graph *g = NULL;
    dnb_status status = dnb_onnx_load_memory(&g, "x.onnx", p->bytes, p->n, 0, 0, err);
    dnb_graph_free(g);
    return status;
}

static void reports_failing_allocations(void **state)
{
    maker m;
    packed p;
    (void)state;
    Onnx__Tensor *t = make_add_model(&m, 1, 2);
    t->float_data = (float[]){1.5f, -2};
    t->n_float_data = 2;
    p.n = onnx__model__get_packed_size(&m.model);
    p.bytes = malloc(p.n);
    assert_non_null(p.bytes);
    onnx__model__pack(&m.model, p.bytes);
    int n = dnb_each_failing_alloc(load_packed, &p);
#ifdef DNB_FAULTS
    assert_true(n > 10);
#else
    assert_int_equal(n, 0);
#endif
    free(p.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_storage_form),
        cmocka_unit_test(refuses_broken_tensors),
        cmocka_unit_test(keeps_to_its_folder),
        cmocka_unit_test(names_nodes_and_values),
        cmocka_unit_test(fills_open_sizes),
        cmocka_unit_test(drops_outputs_nobody_reads),
        cmocka_unit_test(refuses_broken_graphs),
        cmocka_unit_test(survives_truncation_and_changed_bytes),
        cmocka_unit_test(reports_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
