/* net: recurrent layers, normalisations and losses: what they refuse, and the few meanings that no
 * file of a supported version can carry. Their numbers are compared with PyTorch in tests/golden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "net/eval.h"
#include "net/op_util.h"

#define MOST 8
#define ROOM 512

/* An input: its shape, and whether it is given, floats (all 0.5) or integers (all `value`). */
typedef struct given {
    bool is_given, is_int;
    int64_t value;
    int ndim;
    size_t dim[DNB_MAX_DIMS];
} given;

#define FLOATS(...)                                                                                \
    {                                                                                              \
        .is_given = true, .ndim = sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), .dim = {       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define INTEGERS(v, ...)                                                                           \
    {                                                                                              \
        .is_given = true, .is_int = true, .value = (v),                                            \
        .ndim = sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), .dim = {                         \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

typedef struct layer_case {
    const char *op;
    int opset;
    size_t n_outputs; /* 0 = 1 */
    given in[MOST];
    dnb_attr attrs[4];
    const char *says; /* the message; NULL = must work */
} layer_case;

/* floats: 0.5 everywhere, or these for input 0. */
static dnb_status run(const layer_case *c, const float *x, dnb_array *out, dnb_err *err)
{
    static float halves[ROOM];
    static int64_t integers[MOST][ROOM];
    dnb_graph *g = NULL;
    dnb_array in[MOST] = {0};
    dnb_value v[MOST], y[MOST];
    size_t n_in = 0, n = 0, n_attrs = 0;
    dnb_status status = dnb_graph_new(&g, c->opset, err);
    for (size_t i = 0; i < ROOM; i++)
        halves[i] = 0.5F;
    for (size_t i = 0; i < MOST && status == DNB_OK; i++) {
        const given *a = &c->in[i];
        v[i] = DNB_NO_VALUE;
        if (!a->is_given)
            continue;
        dnb_shape s = dnb_shape_make(a->ndim, a->dim);
        const char name[2] = {(char)('a' + i), '\0'};
        s.dtype = a->is_int ? DNB_I64 : DNB_F32;
        assert_true(dnb_shape_count(&s) <= ROOM);
        for (size_t k = 0; k < ROOM; k++)
            integers[i][k] = a->value;
        dnb_array_borrow(&in[n++], s.dtype, s.ndim, s.dim,
                         a->is_int             ? (void *)integers[i]
                         : x != NULL && i == 0 ? (void *)x
                                               : (void *)halves);
        status = dnb_graph_input(g, name, &s, &v[i], err);
        n_in = i + 1;
    }
    while (n_attrs < 4 && c->attrs[n_attrs].name)
        n_attrs++;
    const dnb_node_spec spec = {.op = c->op,
                                .name = "layer",
                                .inputs = v,
                                .n_inputs = n_in,
                                .attrs = c->attrs,
                                .n_attrs = n_attrs,
                                .n_outputs = c->n_outputs ? c->n_outputs : 1};
    if (status == DNB_OK)
        status = dnb_graph_node(g, &spec, y, err);
    const dnb_eval_options opt = {.any_shape = true};
    if (status == DNB_OK)
        status = dnb_eval_run(g, in, y, spec.n_outputs, &opt, out, err);
    dnb_graph_free(g);
    return status;
}

static void check_all(const layer_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dnb_array out[MOST] = {0};
        dnb_err err = {0};
        dnb_status status = run(&cases[i], NULL, out, &err);
        if (!cases[i].says && status != DNB_OK)
            fail_msg("case %zu (%s): %s", i, cases[i].op, err.message);
        if (cases[i].says && (status == DNB_OK || !strstr(err.message, cases[i].says)))
            fail_msg("case %zu (%s): '%s', expected '%s'", i, cases[i].op,
                     status == DNB_OK ? "no error" : err.message, cases[i].says);
        for (size_t k = 0; k < MOST; k++)
            dnb_array_release(&out[k]);
    }
}

#define CHECK(cases) check_all(cases, sizeof cases / sizeof *cases)

/* X, W and R of an LSTM: 3 steps, batch 2, 4 inputs, 5 hidden. */
#define LSTM_IN FLOATS(3, 2, 4), FLOATS(1, 20, 4), FLOATS(1, 20, 5)

static void test_recurrent_refusals(void **state)
{
    (void)state;
    const layer_case cases[] = {
        {"LSTM", 14, 3, {LSTM_IN}, {{0}}, NULL},
        {"LSTM",
         14,
         3,
         {LSTM_IN, FLOATS(1, 40), INTEGERS(3, 2), FLOATS(1, 2, 5), FLOATS(1, 2, 5), FLOATS(1, 15)},
         {{0}},
         NULL},
        {"LSTM", 14, 1, {FLOATS(3, 2, 4), {0}, FLOATS(1, 20, 5)}, {{0}}, "input 1"},
        {"LSTM",
         14,
         1,
         {FLOATS(3, 8), FLOATS(1, 20, 4), FLOATS(1, 20, 5)},
         {{0}},
         "input 0 must be floats of 3"},
        {"LSTM",
         14,
         1,
         {INTEGERS(1, 3, 2, 4), FLOATS(1, 20, 4), FLOATS(1, 20, 5)},
         {{0}},
         "input 0 must be floats"},
        {"LSTM",
         14,
         1,
         {FLOATS(3, 2, 4), FLOATS(1, 20, 3), FLOATS(1, 20, 5)},
         {{0}},
         "input 1 is 1x20x3, not 1x20x4"},
        {"LSTM", 14, 1, {FLOATS(3, 2, 4), FLOATS(1, 20, 4), FLOATS(1, 15, 5)}, {{0}}, "input 2"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_STRING("direction", "bidirectional")}, "not 2x20x4"},
        {"LSTM", 14, 1, {LSTM_IN, FLOATS(1, 20)}, {{0}}, "input 3 is 1x20, not 1x40"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, INTEGERS(3, 3)}, {{0}}, "input 4 is 3, not 2"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, FLOATS(2)}, {{0}}, "of another type"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, INTEGERS(4, 2)}, {{0}}, "holds 4, outside 0 to 3"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, INTEGERS(-1, 2)}, {{0}}, "holds -1"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, {0}, FLOATS(2, 1, 5)}, {{0}}, "not 1x2x5"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, {0}, {0}, FLOATS(1, 2, 4)}, {{0}}, "input 6"},
        {"LSTM", 14, 1, {LSTM_IN, {0}, {0}, {0}, {0}, FLOATS(1, 20)}, {{0}}, "input 7"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_INT("hidden_size", 4)}, "hidden_size 4"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_INT("hidden_size", -5)}, "hidden_size -5"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_INT("layout", 2)}, "layout is out of range"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_FLOAT("clip", -1)}, "clip is out of range"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_FLOAT("clip", (double)NAN)}, "clip is out of range"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_STRING("direction", "sideways")}, "sideways"},
        {"LSTM",
         14,
         1,
         {LSTM_IN},
         {DNB_STRINGS("activations", "Tanh", "Tanh")},
         "names 2 activations, not 3"},
        {"LSTM",
         14,
         1,
         {LSTM_IN},
         {DNB_STRINGS("activations", "Tanh", "Tanh", "Sinus")},
         "'Sinus' is unsupported"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_INTS("activation_alpha", 1)}, "wrong type"},
        {"LSTM", 14, 1, {LSTM_IN}, {DNB_FLOATS("activations", 1.0)}, "wrong type"},
        {"GRU", 14, 2, {FLOATS(3, 2, 4), FLOATS(1, 15, 4), FLOATS(1, 15, 5)}, {{0}}, NULL},
        {"GRU", 14, 2, {LSTM_IN}, {{0}}, "not 1x15x4"},
        {"GRU", 14, 3, {FLOATS(3, 2, 4), FLOATS(1, 15, 4), FLOATS(1, 15, 5)}, {{0}}, "outputs"},
        {"RNN", 14, 2, {FLOATS(3, 2, 4), FLOATS(1, 5, 4), FLOATS(1, 5, 5)}, {{0}}, NULL},
    };
    CHECK(cases);
}

static void test_norm_refusals(void **state)
{
    (void)state;
    const layer_case cases[] = {
        {"BatchNormalization",
         14,
         3,
         {FLOATS(2, 3, 4), FLOATS(3), FLOATS(3), FLOATS(3), FLOATS(3)},
         {DNB_INT("training_mode", 1)},
         NULL},
        {"BatchNormalization",
         14,
         2,
         {FLOATS(2, 3, 4), FLOATS(3), FLOATS(3), FLOATS(3), FLOATS(3)},
         {{0}},
         "makes no output 1"},
        {"BatchNormalization",
         14,
         4,
         {FLOATS(2, 3, 4), FLOATS(3), FLOATS(3), FLOATS(3), FLOATS(3)},
         {DNB_INT("training_mode", 1)},
         "makes no output 3"},
        {"BatchNormalization",
         9,
         1,
         {FLOATS(2, 3, 4), FLOATS(3), FLOATS(3), FLOATS(4), FLOATS(3)},
         {{0}},
         "input 3 is not 3 floats"},
        {"BatchNormalization",
         9,
         1,
         {FLOATS(2, 3, 4), FLOATS(3), FLOATS(3), {0}, FLOATS(3)},
         {{0}},
         "input 3"},
        {"BatchNormalization",
         7,
         1,
         {FLOATS(2, 3, 4), FLOATS(3), FLOATS(3), FLOATS(3), FLOATS(3)},
         {DNB_INT("spatial", 0)},
         "is not 3x4 floats"},
        {"BatchNormalization",
         9,
         1,
         {INTEGERS(1, 2, 3), FLOATS(3), FLOATS(3), FLOATS(3), FLOATS(3)},
         {{0}},
         "no channels"},
        {"LayerNormalization", 17, 3, {FLOATS(2, 3), FLOATS(3), FLOATS(3)}, {{0}}, NULL},
        {"LayerNormalization", 17, 1, {FLOATS(2, 3), FLOATS(2)}, {{0}}, "do not broadcast"},
        {"LayerNormalization", 17, 1, {FLOATS(1, 3), FLOATS(2, 3)}, {{0}}, "larger than the data"},
        {"LayerNormalization", 17, 1, {FLOATS(2, 3), FLOATS(1, 2, 3)}, {{0}}, "larger"},
        {"LayerNormalization", 17, 1, {FLOATS(2, 3), INTEGERS(1, 3)}, {{0}}, "must be floats"},
        {"LayerNormalization", 17, 1, {INTEGERS(1, 2, 3), FLOATS(3)}, {{0}}, "must be floats"},
        {"LayerNormalization", 17, 1, {FLOATS(2, 3), FLOATS(3)}, {DNB_INT("axis", 3)}, "axis 3"},
        {"LayerNormalization",
         17,
         1,
         {FLOATS(2, 3), FLOATS(3)},
         {DNB_INT("stash_type", 6)},
         "stash_type 6 is unsupported"},
        {"GroupNormalization",
         18,
         1,
         {FLOATS(2, 6, 2), FLOATS(3), FLOATS(3)},
         {DNB_INT("num_groups", 3)},
         NULL},
        {"GroupNormalization",
         18,
         1,
         {FLOATS(2, 6, 2), FLOATS(4), FLOATS(4)},
         {DNB_INT("num_groups", 4)},
         "does not divide 6"},
        {"GroupNormalization",
         18,
         1,
         {FLOATS(2, 6, 2), FLOATS(3), FLOATS(3)},
         {{0}},
         "num_groups 0"},
        {"GroupNormalization",
         18,
         1,
         {FLOATS(2, 6, 2), FLOATS(6), FLOATS(6)},
         {DNB_INT("num_groups", 3)},
         "vector of 3"},
        {"GroupNormalization",
         21,
         1,
         {FLOATS(2, 6, 2), FLOATS(3), FLOATS(3)},
         {DNB_INT("num_groups", 3)},
         "vector of 6"},
        {"GroupNormalization",
         18,
         1,
         {FLOATS(6), FLOATS(3), FLOATS(3)},
         {DNB_INT("num_groups", 3)},
         "at least 2 dimensions"},
        {"RMSNormalization", 23, 1, {FLOATS(2, 3), FLOATS(3)}, {{0}}, NULL},
        {"RMSNormalization", 23, 1, {FLOATS(2, 3), {0}}, {{0}}, ""},
        {"MeanVarianceNormalization", 13, 1, {FLOATS(2, 3, 4)}, {{0}}, "axis 3"},
        {"MeanVarianceNormalization", 13, 1, {FLOATS(2, 3)}, {DNB_INTS("axes", -3)}, "axis -3"},
        {"LpNormalization", 13, 1, {FLOATS(2, 3)}, {DNB_INT("p", 3)}, "p is 3"},
        {"LpNormalization", 13, 1, {FLOATS(2, 3)}, {DNB_INT("axis", 2)}, "axis 2"},
        {"Softmax", 13, 1, {FLOATS(2, 3)}, {DNB_INT("axis", 2)}, "axis 2"},
        {"Softmax", 13, 1, {INTEGERS(1, 2, 3)}, {{0}}, "floats only"},
    };
    CHECK(cases);
}

static void test_loss_refusals(void **state)
{
    (void)state;
    const layer_case cases[] = {
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3, 4), INTEGERS(2, 2, 4), FLOATS(3)},
         {{0}},
         NULL},
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3, 4), INTEGERS(3, 2, 4)},
         {{0}},
         "label 3 is not one of 3 classes"},
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3, 4), INTEGERS(-1, 2, 4)},
         {{0}},
         "label -1"},
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3, 4), INTEGERS(-1, 2, 4)},
         {DNB_INT("ignore_index", -1)},
         NULL},
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3, 4), INTEGERS(0, 2, 3)},
         {{0}},
         "do not go with"},
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3, 4), INTEGERS(0, 2)},
         {{0}},
         "do not go with"},
        {"NegativeLogLikelihoodLoss", 13, 1, {FLOATS(3), INTEGERS(0, 3)}, {{0}}, "do not go with"},
        {"NegativeLogLikelihoodLoss", 13, 1, {FLOATS(2, 3), FLOATS(2)}, {{0}}, "integer labels"},
        {"NegativeLogLikelihoodLoss",
         13,
         1,
         {FLOATS(2, 3), INTEGERS(0, 2), FLOATS(2)},
         {{0}},
         "not one per class"},
        {"SoftmaxCrossEntropyLoss", 13, 2, {FLOATS(2, 3), INTEGERS(0, 2)}, {{0}}, NULL},
        {"SoftmaxCrossEntropyLoss",
         13,
         1,
         {FLOATS(2, 3), INTEGERS(0, 2)},
         {DNB_STRING("reduction", "median")},
         "'median' is not"},
    };
    CHECK(cases);
}

/* Version 21 gives every channel its scale; up to 20 a group shares one. Also what became of
 * version 1's mean-variance normalisation, which is per image. */
static void test_meanings(void **state)
{
    (void)state;
    const float x[8] = {1, 3, 5, 7, 2, 2, 4, 4};
    dnb_array out[MOST] = {0};
    dnb_err err = {0};
    const layer_case per_channel = {"GroupNormalization",
                                    21,
                                    1,
                                    {FLOATS(1, 4, 2), FLOATS(4), FLOATS(4)},
                                    {DNB_INT("num_groups", 2), DNB_FLOAT("epsilon", 0)},
                                    NULL};
    assert_int_equal(run(&per_channel, x, out, &err), DNB_OK);
    const double root5 = sqrt(5.0);
    const double want[8] = {-3 / root5, -1 / root5, 1 / root5, 3 / root5, -1, -1, 1, 1};
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(((float *)out[0].data)[i], 0.5 * want[i] + 0.5, 1e-6);
    dnb_array_release(&out[0]);

    const layer_case old = {"MeanVarianceNormalization", 1, 1, {FLOATS(1, 2, 4)}, {{0}}, NULL};
    assert_int_equal(run(&old, x, out, &err), DNB_OK);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(((float *)out[0].data)[i], want[i], 1e-6);
    dnb_array_release(&out[0]);

    const layer_case mean_only = {"MeanVarianceNormalization",
                                  1,
                                  1,
                                  {FLOATS(1, 2, 4)},
                                  {DNB_INT("normalize_variance", 0), DNB_INT("across_channels", 1)},
                                  NULL};
    assert_int_equal(run(&mean_only, x, out, &err), DNB_OK);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(((float *)out[0].data)[i], (double)x[i] - 3.5, 1e-6);
    dnb_array_release(&out[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurrent_refusals),
        cmocka_unit_test(test_norm_refusals),
        cmocka_unit_test(test_loss_refusals),
        cmocka_unit_test(test_meanings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
