/* net: gradients. Every operator's rule against central differences in float64, oneDNN's and the
 * float kernels' gradients against float64's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "grad_rules.h"

#define MAX_N 4096

/* ---- building -----------------------------------------------------------------------------------
 */

/* Operand k as a stretch of the flat input, so that its numbers can be moved in float64. */
static dnb_value stretch(dnb_graph *g, dnb_value x, const operand *o, size_t from)
{
    const dnb_attr range[] = {DNB_INTS("axes", 1), DNB_INTS("starts", (int64_t)from),
                              DNB_INTS("ends", (int64_t)(from + operand_count(o)))};
    int64_t dims[5];
    for (int i = 0; i < o->ndim; i++)
        dims[i] = (int64_t)o->dim[i];
    operand shape = {.fill = INTEGERS, .ndim = 1, .dim = {(size_t)o->ndim}, .ints = dims};
    dnb_value v[2] = {node(g, "Slice", &x, 1, range, 3), constant(g, &shape, 0)};
    return node(g, "Reshape", v, 2, NULL, 0);
}

/* Random numbers in the shape the value has at batch 1. */
static dnb_value make_seed(dnb_graph *g, dnb_value y)
{
    dnb_inference *inf = NULL;
    dnb_err err = {0};
    operand o = {.fill = SPREAD};
    if (dnb_inference_new(&inf, g, 1, &err) != DNB_OK)
        fail_msg("%s", err.message);
    o.ndim = inf->shape[y].ndim;
    for (int i = 0; i < o.ndim; i++)
        o.dim[i] = inf->shape[y].dim[i];
    dnb_inference_free(inf);
    return constant(g, &o, 5);
}

static void gradient(dnb_graph *g, dnb_value y, dnb_value seed, const dnb_value *wrt, size_t n,
                     dnb_value *grads, const char *what)
{
    dnb_err err = {0};
    if (dnb_graph_gradient(g, y, seed, wrt, n, NULL, grads, &err) != DNB_OK)
        fail_msg("%s: %s", what, err.message);
}

/* ---- central differences ------------------------------------------------------------------------
 */

/* d sum(seed y) / d x by the graph, and by moving each element of x. */
static void compare_with_differences(dnb_graph *g, dnb_value x, dnb_value y, const double *at,
                                     size_t n, const char *what)
{
    const double h = 1e-4;
    double analytic[MAX_N], moved[MAX_N], loss[2], top = 0, worst = 0;
    dnb_value seed = make_seed(g, y), weighted = node(g, "Mul", (dnb_value[]){y, seed}, 2, NULL, 0);
    const dnb_attr flat[] = {DNB_INT("keepdims", 0)};
    dnb_value sum = node(g, "ReduceSum", &weighted, 1, flat, 1), grad;
    gradient(g, y, seed, &x, 1, &grad, what);
    dnb_program *p = program(g, &grad, NULL, 1, 1, true, false, what);
    run64(p, at, 1, (double *[]){analytic}, what);
    dnb_program_free(p);
    p = program(g, &sum, (const bool[]){true}, 1, 1, true, false, what);
    memcpy(moved, at, n * sizeof *at);
    for (size_t i = 0; i < n; i++) {
        for (int side = 0; side < 2; side++) {
            moved[i] = at[i] + (side ? -h : h);
            run64(p, moved, 1, (double *[]){&loss[side]}, what);
        }
        moved[i] = at[i];
        double d = fabs((loss[0] - loss[1]) / (2 * h) - analytic[i]);
        worst = d > worst || d != d ? d : worst;
        top = fabs(analytic[i]) > top ? fabs(analytic[i]) : top;
    }
    dnb_program_free(p);
    if (!(worst <= 1e-6 * top) || !(top > 0))
        fail_msg("%s: differs from central differences by %g of %g", what, worst, top);
}

/* The node of a case; of several outputs, the floats, joined. */
static dnb_value case_node(dnb_graph *g, const grad_case *k, const dnb_value *in)
{
    dnb_value out[MAX_OPERANDS], flat[2];
    const int64_t all[] = {-1};
    const operand shape = {.fill = INTEGERS, .ndim = 1, .dim = {1}, .ints = all};
    const dnb_attr axis[] = {DNB_INT("axis", 0)};
    dnb_node_spec spec = {.op = k->op,
                          .inputs = in,
                          .n_inputs = k->n_in,
                          .attrs = k->attrs,
                          .n_attrs = k->n_attrs,
                          .n_outputs = k->n_out};
    dnb_inference *inf = NULL;
    dnb_err err = {0};
    size_t n = 0;
    if (!k->n_out)
        return node(g, k->op, in, k->n_in, k->attrs, k->n_attrs);
    if (dnb_graph_node(g, &spec, out, &err) != DNB_OK || dnb_inference_new(&inf, g, 1, &err))
        fail_msg("%s: %s", k->op, err.message);
    for (size_t i = 0; i < k->n_out; i++) {
        if (inf->shape[out[i]].dtype != DNB_F32)
            continue;
        dnb_value v[2] = {out[i], constant(g, &shape, 0)};
        flat[n > 0] = node(g, "Reshape", v, 2, NULL, 0);
        if (n++)
            flat[0] = node(g, "Concat", flat, 2, axis, 1);
    }
    dnb_inference_free(inf);
    return flat[0];
}

static void check_rule(const grad_case *k, const char *what)
{
    dnb_graph *g = NULL;
    dnb_err err = {0};
    dnb_value x, in[MAX_OPERANDS], y;
    double at[MAX_N];
    size_t n = 0;
    for (size_t i = 0; i < k->n_in; i++)
        n += k->in[i].fixed ? 0 : operand_count(&k->in[i]);
    assert_true(n <= MAX_N);
    dnb_shape flat = {.dtype = DNB_F32, .ndim = 2, .dim = {1, n}};
    assert_int_equal(dnb_graph_new(&g, k->opset, &err), DNB_OK);
    assert_int_equal(dnb_graph_input(g, "x", &flat, &x, &err), DNB_OK);
    n = 0;
    for (size_t i = 0; i < k->n_in; i++) {
        const operand *o = &k->in[i];
        in[i] = o->fill == ABSENT ? DNB_NO_VALUE
                : o->fixed        ? constant(g, o, i)
                                  : stretch(g, x, o, n);
        for (size_t e = 0; !o->fixed && e < operand_count(o); e++)
            at[n + e] = number(o, e, operand_count(o), i);
        n += o->fixed ? 0 : operand_count(o);
    }
    y = case_node(g, k, in);
    compare_with_differences(g, x, y, at, n, what);
    dnb_graph_free(g);
}

static void test_rules(void **state)
{
    (void)state;
    each_case(check_rule);
}

/* ---- back ends ----------------------------------------------------------------------------------
 */

/* The case with its first operand as input and the others as constants. */
static dnb_graph *build_plain(const grad_case *k, dnb_value *wrt, size_t *n_wrt, dnb_value *y)
{
    dnb_graph *g = NULL;
    dnb_err err = {0};
    dnb_value in[MAX_OPERANDS];
    dnb_shape s = {.dtype = DNB_F32, .ndim = k->in[0].ndim};
    memcpy(s.dim, k->in[0].dim, sizeof k->in[0].dim);
    assert_int_equal(dnb_graph_new(&g, k->opset, &err), DNB_OK);
    assert_int_equal(dnb_graph_input(g, "x", &s, &in[0], &err), DNB_OK);
    wrt[0] = in[0];
    *n_wrt = 1;
    for (size_t i = 1; i < k->n_in; i++) {
        in[i] = k->in[i].fill == ABSENT ? DNB_NO_VALUE : constant(g, &k->in[i], i);
        if (!k->in[i].fixed)
            wrt[(*n_wrt)++] = in[i];
    }
    *y = node(g, k->op, in, k->n_in, k->attrs, k->n_attrs);
    return g;
}

/* Gradients by one back end, as doubles. */
static void run_grads(const dnb_graph *g, const dnb_value *grads, size_t n, const double *x,
                      size_t count, size_t batch, bool f64, bool prims, double (*out)[MAX_N],
                      const char *what)
{
    const bool whole[MAX_OPERANDS] = {false, true, true, true, true, true, true, true};
    dnb_err err = {0};
    dnb_program *p = program(g, grads, whole, n, batch, f64, prims, what);
    double *to64[MAX_OPERANDS];
    static float from[MAX_N], to[MAX_OPERANDS][MAX_N];
    float *to32[MAX_OPERANDS];
    for (size_t i = 0; i < count; i++)
        from[i] = (float)x[i];
    for (size_t i = 0; i < MAX_OPERANDS; i++) {
        to64[i] = out[i];
        to32[i] = to[i];
    }
    if (f64)
        run64(p, x, batch, to64, what);
    else if (dnb_program_run(p, from, batch, to32, &err) != DNB_OK)
        fail_msg("%s: %s", what, err.message);
    for (size_t i = 0; !f64 && i < n; i++)
        for (size_t e = 0; e < MAX_N; e++)
            out[i][e] = (double)to[i][e];
    dnb_program_free(p);
}

static void check_back_ends(const grad_case *k, const char *what)
{
    static double want[MAX_OPERANDS][MAX_N], got[MAX_OPERANDS][MAX_N];
    if (k->bound || k->n_out)
        return; /* an input's first dimension is the batch */
    dnb_value wrt[MAX_OPERANDS], grads[MAX_OPERANDS], y;
    size_t n_wrt, batch = k->in[0].dim[0], count = operand_count(&k->in[0]);
    double x[MAX_N];
    dnb_graph *g = build_plain(k, wrt, &n_wrt, &y);
    for (size_t e = 0; e < count; e++)
        x[e] = number(&k->in[0], e, count, 0);
    gradient(g, y, make_seed(g, y), wrt, n_wrt, grads, what);
    run_grads(g, grads, n_wrt, x, count, batch, true, false, want, what);
    for (int prims = 0; prims < 2; prims++) {
        run_grads(g, grads, n_wrt, x, count, batch, false, prims, got, what);
        for (size_t i = 0; i < n_wrt; i++) {
            double top = 0, worst = 0;
            size_t k_in = 0, size = count;
            for (size_t seen = 0; i > 0 && seen < i; seen += !k->in[k_in].fixed)
                size = operand_count(&k->in[++k_in]);
            for (size_t e = 0; e < size; e++) {
                double d = fabs(got[i][e] - want[i][e]);
                worst = d > worst || d != d ? d : worst;
                top = fmax(top, fabs(want[i][e]));
            }
            if (!(worst <= 1e-5 * top) || !(top > 0))
                fail_msg("%s, %s: gradient %zu is off by %g of %g", what,
                         prims ? "onednn" : "float", i, worst, top);
        }
    }
    dnb_graph_free(g);
}

static void test_back_ends(void **state)
{
    (void)state;
    each_case(check_back_ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_back_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
