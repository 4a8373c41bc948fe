/* net: what the shape, index, reduction, gather and scatter operators make of numbers worked out by
 * hand, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "net/eval.h"
#include "net/infer.h"
#include "net/op_util.h"

#define MAX_IN 4
#define MAX_OUT 4

/* One node on constants; a constant without data is an input that is not given. */
typedef struct node_case {
    const char *op;
    int opset; /* 0 = 13 */
    dnb_array in[MAX_IN];
    size_t n_in;
    const dnb_attr *attrs;
    size_t n_attrs;
    size_t n_out; /* 0 = 1 */
} node_case;

static dnb_array list(dnb_dtype t, void *data, size_t n)
{
    dnb_array a;
    dnb_array_borrow(&a, t, 1, &n, data);
    return a;
}

static dnb_array matrix(dnb_dtype t, void *data, size_t rows, size_t cols)
{
    dnb_array a;
    dnb_array_borrow(&a, t, 2, (size_t[]){rows, cols}, data);
    return a;
}

#define F(...) list(DNB_F32, (float[]){__VA_ARGS__}, sizeof((float[]){__VA_ARGS__}) / 4)
#define I(...) list(DNB_I64, (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / 8)
#define FM(r, c, ...) matrix(DNB_F32, (float[]){__VA_ARGS__}, r, c)
#define IM(r, c, ...) matrix(DNB_I64, (int64_t[]){__VA_ARGS__}, r, c)
#define IN(...) .in = {__VA_ARGS__}, .n_in = sizeof((dnb_array[]){__VA_ARGS__}) / sizeof(dnb_array)
#define ATTRS(...)                                                                                 \
    .attrs = (const dnb_attr[]){__VA_ARGS__},                                                      \
    .n_attrs = sizeof((dnb_attr[]){__VA_ARGS__}) / sizeof(dnb_attr)

static dnb_status evaluate(const node_case *c, dnb_array *out, dnb_err *err)
{
    dnb_graph *g = NULL;
    dnb_value in[MAX_IN], made[MAX_OUT];
    size_t n_out = c->n_out ? c->n_out : 1;
    dnb_status status = dnb_graph_new(&g, c->opset ? c->opset : 13, err);
    for (size_t i = 0; status == DNB_OK && i < c->n_in; i++) {
        dnb_array a = c->in[i];
        in[i] = DNB_NO_VALUE;
        if (a.data)
            status = dnb_graph_constant(g, NULL, &a, &in[i], err);
    }
    dnb_node_spec spec = {.op = c->op,
                          .name = "node",
                          .inputs = in,
                          .n_inputs = c->n_in,
                          .attrs = c->attrs,
                          .n_attrs = c->n_attrs,
                          .n_outputs = n_out};
    if (status == DNB_OK)
        status = dnb_graph_node(g, &spec, made, err);
    if (status == DNB_OK)
        status = dnb_eval_run(g, NULL, made, n_out, NULL, out, err);
    dnb_graph_free(g);
    return status;
}

/* The first output must be these numbers in this shape. */
static void gives(const node_case *c, dnb_array want)
{
    dnb_array out[MAX_OUT] = {0};
    dnb_err err = {0};
    char text[64];
    if (evaluate(c, out, &err) != DNB_OK)
        fail_msg("%s: %s", c->op, err.message);
    dnb_shape got = dnb_shape_of(&out[0]), expected = dnb_shape_of(&want);
    if (out[0].dtype != want.dtype || !dnb_shape_equal(&got, &expected))
        fail_msg("%s: gives %s %s", c->op, dnb_dtype_name(out[0].dtype),
                 dnb_shape_text(&got, text, sizeof text));
    for (size_t i = 0; i < dnb_array_count(&want); i++)
        if (dnb_array_at(&out[0], i) != dnb_array_at(&want, i))
            fail_msg("%s: element %zu is %g, expected %g", c->op, i, dnb_array_at(&out[0], i),
                     dnb_array_at(&want, i));
    for (size_t i = 0; i < MAX_OUT; i++)
        dnb_array_release(&out[i]);
}

static void refuses(const node_case *c, dnb_status want, const char *words)
{
    dnb_array out[MAX_OUT] = {0};
    dnb_err err = {0};
    dnb_status status = evaluate(c, out, &err);
    if (status != want || !strstr(err.message, words) || !strstr(err.message, c->op))
        fail_msg("%s: %s: '%s' (wanted '%s')", c->op, dnb_status_name(status), err.message, words);
}

/* ---- what they give -----------------------------------------------------------------------------
 */

static void test_reductions(void **state)
{
    (void)state;
    node_case c = {.op = "ReduceSumSquare", IN(FM(2, 2, 1, 2, 3, 4)), ATTRS(DNB_INTS("axes", 1))};
    gives(&c, FM(2, 1, 5, 25));
    c.op = "ReduceMin";
    gives(&c, FM(2, 1, 1, 3));
    c.op = "ReduceL1";
    c.in[0] = FM(2, 2, -1, 2, 3, -4);
    gives(&c, FM(2, 1, 3, 7));
    c.op = "ReduceProd";
    c.in[0] = IM(1, 2, INT64_C(1) << 62, 4);
    gives(&c, IM(1, 1, 0)); /* wraps, as it must: no undefined behaviour */
    c.op = "ReduceMax";
    int8_t bytes[] = {-5, 100, 7, 3};
    c.in[0] = matrix(DNB_I8, bytes, 2, 2);
    gives(&c, matrix(DNB_I8, ((int8_t[]){100, 7}), 2, 1));
    c.in[0] = matrix(DNB_F32, (float[]){0}, 2, 0);
    gives(&c, FM(2, 1, -INFINITY, -INFINITY));
    c.in[0] = matrix(DNB_I64, (int64_t[]){0}, 2, 0);
    refuses(&c, DNB_ESHAPE, "no integers");
    c.attrs = (const dnb_attr[]){DNB_INTS("axes", 2)};
    refuses(&c, DNB_EARG, "axis 2");
}

static void test_order(void **state)
{
    (void)state;
    node_case c = {.op = "TopK", IN(F(3, 5, 5, 1, 5), I(2)), .n_out = 2};
    gives(&c, F(5, 5));
    c.in[1] = I(6);
    refuses(&c, DNB_EARG, "dimension of 5");
    c.in[1] = I(-1);
    refuses(&c, DNB_EARG, "k is -1");
    c.in[1] = I(1, 2);
    refuses(&c, DNB_EARG, "one number");
    node_case arg = {.op = "ArgMax", IN(F(3, 5, 5, 1)), ATTRS(DNB_INT("select_last_index", 1))};
    gives(&arg, I(2));
    arg.n_attrs = 0;
    gives(&arg, I(1));
    arg.in[0] = matrix(DNB_F32, (float[]){0}, 0, 3);
    refuses(&arg, DNB_ESHAPE, "empty");
    node_case sum = {.op = "CumSum", IN(F(1, 2, 3), I(0)), ATTRS(DNB_INT("exclusive", 1))};
    gives(&sum, F(0, 1, 3));
    sum.in[1] = I(1);
    refuses(&sum, DNB_EARG, "axis 1");
    sum.in[1] = F(0);
    refuses(&sum, DNB_EARG, "one integer");
    node_case unique = {
        .op = "Unique", IN(F(2, 1, 1, 3, 4, 3)), ATTRS(DNB_INT("sorted", 0)), .n_out = 4};
    gives(&unique, F(2, 1, 3, 4));
    unique.n_attrs = 0;
    gives(&unique, F(1, 2, 3, 4));
}

static void test_indices(void **state)
{
    (void)state;
    node_case c = {.op = "GatherND", IN(FM(2, 2, 1, 2, 3, 4), IM(2, 2, 0, 0, -1, 1))};
    gives(&c, F(1, 4));
    c.in[1] = IM(1, 2, 0, 2);
    refuses(&c, DNB_EARG, "index 2");
    c.in[1] = IM(1, 3, 0, 0, 0);
    refuses(&c, DNB_ESHAPE, "do not fit");
    c.op = "GatherElements";
    c.in[1] = IM(1, 2, -1, 0);
    gives(&c, FM(1, 2, 3, 2));
    c.in[1] = IM(1, 2, -3, 0);
    refuses(&c, DNB_EARG, "index -3");
    c.in[1] = FM(1, 2, 0, 0);
    refuses(&c, DNB_ESHAPE, "do not lie");
    c.op = "Gather";
    c.in[1] = I(2);
    refuses(&c, DNB_EARG, "index 2");
    c.in[1] = F(0);
    refuses(&c, DNB_ESHAPE, "integers");
    node_case s = {.op = "ScatterND",
                   .opset = 16,
                   IN(F(1, 2, 3), IM(2, 1, 1, 1), F(10, 20)),
                   ATTRS(DNB_STRING("reduction", "add"))};
    gives(&s, F(1, 32, 3));
    s.in[2] = F(10, 20, 30);
    refuses(&s, DNB_ESHAPE, "do not fit");
    s.in[2] = F(10, 20);
    s.in[1] = IM(2, 1, 1, 3);
    refuses(&s, DNB_EARG, "index 3");
    s.attrs = (const dnb_attr[]){DNB_STRING("reduction", "xor")};
    refuses(&s, DNB_EUNSUPPORTED, "unsupported");
    s.op = "ScatterElements";
    s.n_attrs = 0;
    s.in[1] = I(0, -4);
    refuses(&s, DNB_EARG, "index -4");
    s.in[1] = I(2, 0);
    gives(&s, F(20, 2, 10));
}

static void test_shapes(void **state)
{
    (void)state;
    node_case c = {.op = "Split",
                   .opset = 18,
                   IN(F(1, 2, 3, 4, 5)),
                   ATTRS(DNB_INT("num_outputs", 2)),
                   .n_out = 2};
    gives(&c, F(1, 2, 3));
    c.opset = 13;
    c.n_attrs = 0;
    refuses(&c, DNB_EARG, "5 entries");
    c.in[1] = I(2, 2);
    c.n_in = 2;
    refuses(&c, DNB_ESHAPE, "leave 1");
    c.in[1] = I(6, -1);
    refuses(&c, DNB_ESHAPE, "does not fit");
    node_case pad = {
        .op = "Pad", .opset = 18, IN(F(1, 2, 3), I(4, 1)), ATTRS(DNB_STRING("mode", "wrap"))};
    gives(&pad, F(3, 1, 2, 3, 1, 2, 3, 1));
    pad.attrs = (const dnb_attr[]){DNB_STRING("mode", "reflect")};
    gives(&pad, F(1, 2, 3, 2, 1, 2, 3, 2));
    pad.in[1] = I(-4, 0);
    refuses(&pad, DNB_ESHAPE, "cannot pad");
    pad.in[1] = I(1);
    refuses(&pad, DNB_EARG, "two numbers");
    pad.attrs = (const dnb_attr[]){DNB_STRING("mode", "mirror")};
    refuses(&pad, DNB_EUNSUPPORTED, "unsupported");
    node_case e = {.op = "Expand", IN(F(1), I(2, -1))};
    refuses(&e, DNB_ESHAPE, "is -1");
    e.in[1] = I(INT64_C(1) << 31, INT64_C(1) << 31, 2);
    refuses(&e, DNB_ESHAPE, "would be");
    e.op = "Tile";
    e.in[1] = I(-1);
    refuses(&e, DNB_EARG, "-1 times");
    e.op = "ConstantOfShape";
    e.n_in = 1;
    e.in[0] = I(-2);
    refuses(&e, DNB_ESHAPE, "is -2");
    e.in[0] = I(0);
    gives(&e, list(DNB_F32, NULL, 0));
    node_case r = {.op = "Range", IN(I(5), I(0), I(-2))};
    gives(&r, I(5, 3, 1));
    r.in[2] = I(0);
    refuses(&r, DNB_EARG, "delta is 0");
    r.in[0] = I(INT64_MIN), r.in[1] = I(INT64_MAX), r.in[2] = I(1);
    refuses(&r, DNB_ESHAPE, "would make");
    node_case rev = {.op = "ReverseSequence", IN(FM(2, 1, 1, 2), I(3))};
    refuses(&rev, DNB_EARG, "length 3");
    node_case d2s = {
        .op = "DepthToSpace", IN(FM(2, 2, 1, 2, 3, 4)), ATTRS(DNB_INT("blocksize", 2))};
    refuses(&d2s, DNB_EARG, "images");
}

static void test_einsum(void **state)
{
    (void)state;
    node_case c = {.op = "Einsum",
                   IN(FM(2, 2, 1, 2, 3, 4), FM(2, 2, 1, 10, 100, 1000)),
                   ATTRS(DNB_STRING("equation", "ij,jk->ki"))};
    gives(&c, FM(2, 2, 201, 403, 2010, 4030));
    static const struct {
        const char *equation, *words;
    } bad[] = {{"ij", "fewer terms"},
               {"ij,jk,kl", "more terms"},
               {"ijk,jk->i", "more indices"},
               {"i,jk", "fewer indices"},
               {"ij,jk->iz", "no operand has"},
               {"ij,jk->ii", "twice"},
               {"i1,jk", "letters"},
               {"ij,jk->i->k", "does not end"},
               {"ij,jk-", "does not end"},
               {"abcdefghi,jk", "more than 8"},
               {"......,jk", "letters"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        c.attrs = (const dnb_attr[]){DNB_STRING("equation", bad[i].equation)};
        refuses(&c, DNB_EARG, bad[i].words);
    }
    c.attrs = (const dnb_attr[]){DNB_STRING("equation", "ij,jk")};
    c.in[1] = FM(3, 1, 1, 2, 3);
    refuses(&c, DNB_EARG, "two sizes");
    c.in[1] = IM(2, 1, 1, 2);
    refuses(&c, DNB_EARG, "type");
    c.in[1] = FM(2, 1, 1, 2);
    c.n_attrs = 0;
    refuses(&c, DNB_EARG, "missing");
    node_case det = {.op = "Det", IN(FM(2, 1, 1, 2))};
    refuses(&det, DNB_ESHAPE, "square");
}

static void test_selection(void **state)
{
    (void)state;
    node_case c = {.op = "NonZero", IN(FM(2, 2, 0, 1, 2, 0))};
    gives(&c, IM(2, 2, 0, 1, 1, 0));
    c.in[0] = FM(2, 2, 0, 0, 0, 0);
    gives(&c, matrix(DNB_I64, NULL, 2, 0));
    node_case k = {.op = "Compress", IN(F(1, 2, 3), I(1, 0, 1))};
    gives(&k, F(1, 3));
    k.in[1] = I(0, 0, 0, 1);
    refuses(&k, DNB_ESHAPE, "entry 3 of 3");
    k.in[1] = F(1);
    refuses(&k, DNB_EARG, "booleans");
    node_case hot = {.op = "OneHot", IN(I(1, -1), I(3), F(0, 9))};
    gives(&hot, FM(2, 3, 0, 9, 0, 0, 0, 9));
    hot.in[1] = I(-1);
    refuses(&hot, DNB_EARG, "depth");
    hot.in[1] = I(3);
    hot.in[2] = F(1);
    refuses(&hot, DNB_EARG, "two");
}

/* In a compiled program contents are not known: no shape, no crash. */
static void test_data_dependent_shapes(void **state)
{
    (void)state;
    static const char *const ops[] = {"NonZero", "Unique"};
    for (size_t i = 0; i < 2; i++) {
        dnb_graph *g = NULL;
        dnb_inference *inf = NULL;
        dnb_value x, y;
        dnb_err err = {0};
        const dnb_shape shape = {.dtype = DNB_F32, .ndim = 2, .dim = {1, 4}};
        assert_int_equal(dnb_graph_new(&g, 13, &err), DNB_OK);
        assert_int_equal(dnb_graph_input(g, "x", &shape, &x, &err), DNB_OK);
        assert_int_equal(dnb_graph_op(g, ops[i], "y", &x, 1, NULL, 0, &y, &err), DNB_OK);
        assert_int_equal(dnb_inference_new(&inf, g, 1, &err), DNB_EUNSUPPORTED);
        assert_non_null(strstr(err.message, "depends on the data"));
        dnb_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reductions),
                                       cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_indices),
                                       cmocka_unit_test(test_shapes),
                                       cmocka_unit_test(test_einsum),
                                       cmocka_unit_test(test_selection),
                                       cmocka_unit_test(test_data_dependent_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
