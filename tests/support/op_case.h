/* One operator on one input, run by every back end and compared with numbers worked out by hand.
 * Include after cmocka.h. */
#ifndef DNB_TESTS_OP_CASE_H
#define DNB_TESTS_OP_CASE_H

#include <math.h>
#include <string.h>

#include "net/infer.h"
#include "net/op_util.h"
#include "net/program.h"

#define MAX_ELEMENTS 256

/* One operator on one input x (shape xs), with constant further inputs. */
typedef struct op_case {
    const char *op;
    int opset; /* 0 = 13 */
    dnb_shape x;
    const float *x_data; /* NULL = 1, 2, 3, ... */
    dnb_array constants[4];
    size_t n_constants;
    const dnb_attr *attrs;
    size_t n_attrs;
    dnb_shape want;
    const float *want_data;
} op_case;

static inline dnb_shape shape(int ndim, size_t a, size_t b, size_t c, size_t d)
{
    return (dnb_shape){.dtype = DNB_F32, .ndim = ndim, .dim = {a, b, c, d}};
}

static inline dnb_array floats(float *data, int ndim, size_t a, size_t b, size_t c, size_t d)
{
    dnb_array r;
    dnb_array_borrow(&r, DNB_F32, ndim, (size_t[]){a, b, c, d}, data);
    return r;
}

static inline dnb_array ints(int64_t *data, size_t n)
{
    dnb_array r;
    dnb_array_borrow(&r, DNB_I64, 1, &n, data);
    return r;
}

/* Builds the one-node graph. The input's first dimension is the batch. */
static inline dnb_status build(const op_case *c, dnb_graph **out, dnb_value *y, dnb_err *err)
{
    dnb_graph *g = NULL;
    dnb_value in[5];
    dnb_status status = dnb_graph_new(&g, c->opset ? c->opset : 13, err);
    if (status == DNB_OK)
        status = dnb_graph_input(g, "x", &c->x, &in[0], err);
    for (size_t i = 0; status == DNB_OK && i < c->n_constants; i++) {
        dnb_array a = c->constants[i];
        in[1 + i] = DNB_NO_VALUE;
        if (a.data)
            status = dnb_graph_constant(g, NULL, &a, &in[1 + i], err);
    }
    if (status == DNB_OK)
        status = dnb_graph_op(g, c->op, "y", in, 1 + c->n_constants, c->attrs, c->n_attrs, y, err);
    if (status != DNB_OK) {
        dnb_graph_free(g);
        return status;
    }
    *out = g;
    return DNB_OK;
}

/* Runs c with one back end; result in out. */
static inline dnb_status run_case(const op_case *c, bool f64, bool prims, float *out,
                                  dnb_shape *out_shape, dnb_err *err)
{
    dnb_graph *g = NULL;
    dnb_value y;
    dnb_inference *inf = NULL;
    dnb_program *p = NULL;
    float x[MAX_ELEMENTS];
    float *taps[1] = {out};
    size_t batch = c->x.dim[0];
    dnb_status status = build(c, &g, &y, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < dnb_shape_count(&c->x); i++)
        x[i] = c->x_data ? c->x_data[i] : (float)(i + 1);
    status = dnb_inference_new(&inf, g, batch, err);
    if (status == DNB_OK) {
        *out_shape = inf->shape[y];
        dnb_program_request r = {
            .graph = g, .taps = &y, .n_taps = 1, .batch = batch, .f64 = f64, .prims = prims};
        status = dnb_program_new(&p, &r, err);
    }
    if (status == DNB_OK)
        status = dnb_program_prepare(p, err);
    if (status == DNB_OK)
        status = dnb_program_run(p, x, batch, taps, err);
    dnb_program_free(p);
    dnb_inference_free(inf);
    dnb_graph_free(g);
    return status;
}

static inline void check(const op_case *c)
{
    static const struct {
        bool f64, prims;
        const char *name;
    } modes[] = {{false, false, "float"}, {true, false, "double"}, {false, true, "onednn"}};
    for (size_t m = 0; m < 3; m++) {
        float out[MAX_ELEMENTS];
        dnb_shape got;
        dnb_err err = {0};
        if (run_case(c, modes[m].f64, modes[m].prims, out, &got, &err) != DNB_OK)
            fail_msg("%s (%s): %s", c->op, modes[m].name, err.message);
        if (!dnb_shape_equal(&got, &c->want)) {
            char text[64];
            fail_msg("%s: shape %s", c->op, dnb_shape_text(&got, text, sizeof text));
        }
        for (size_t i = 0; i < dnb_shape_count(&got); i++)
            if (!(fabs((double)out[i] - (double)c->want_data[i]) <=
                  2e-6 * fmax(1, fabs((double)c->want_data[i]))))
                fail_msg("%s (%s): element %zu is %.8g, not %.8g", c->op, modes[m].name, i,
                         (double)out[i], (double)c->want_data[i]);
    }
}

/* The case must be refused with this status. */
static inline void refuse(const op_case *c, dnb_status want)
{
    float out[MAX_ELEMENTS];
    dnb_shape got;
    dnb_err err = {0};
    assert_int_equal(run_case(c, false, false, out, &got, &err), want);
    assert_true(strlen(err.message) > 0);
}

#define ATTRS(...)                                                                                 \
    .attrs = (const dnb_attr[]){__VA_ARGS__},                                                      \
    .n_attrs = sizeof((const dnb_attr[]){__VA_ARGS__}) / sizeof(dnb_attr)

#endif
