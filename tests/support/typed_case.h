/* One operator on inputs of any element type, evaluated node by node and compared with numbers
 * worked out by hand. Include after cmocka.h. */
#ifndef DNB_TESTS_TYPED_CASE_H
#define DNB_TESTS_TYPED_CASE_H

#include <math.h>
#include <string.h>

#include "net/eval.h"
#include "net/op_util.h"

typedef struct typed_case {
    const char *op;
    int opset; /* 0 = 13 */
    dnb_array in[4];
    size_t n_in;
    const dnb_attr *attrs;
    size_t n_attrs;
    dnb_array want[2]; /* data NULL = any content */
    size_t n_want;     /* 0 = 1 */
} typed_case;

/* A vector of n elements / an array. */
static inline dnb_array vec(dnb_dtype t, const void *data, size_t n)
{
    dnb_array a;
    dnb_array_borrow(&a, t, 1, &n, (void *)data);
    return a;
}

static inline dnb_array nd(dnb_dtype t, const void *data, int ndim, const size_t *dim)
{
    dnb_array a;
    dnb_array_borrow(&a, t, ndim, dim, (void *)data);
    return a;
}

/* T is the element type's suffix: VEC(I8, int8_t, 1, -2). */
#define VEC(T, ctype, ...)                                                                         \
    vec(DNB_##T, (const ctype[]){__VA_ARGS__}, sizeof((ctype[]){__VA_ARGS__}) / sizeof(ctype))
#define TYPED_ATTRS(...)                                                                           \
    .attrs = (const dnb_attr[]){__VA_ARGS__},                                                      \
    .n_attrs = sizeof((const dnb_attr[]){__VA_ARGS__}) / sizeof(dnb_attr)

static inline dnb_status typed_run(const typed_case *c, bool f64, dnb_array *out, dnb_err *err)
{
    dnb_graph *g = NULL;
    dnb_value in[4], y[2];
    const char *names[2] = {"y", "z"};
    dnb_status status = dnb_graph_new(&g, c->opset ? c->opset : 13, err);
    for (size_t i = 0; status == DNB_OK && i < c->n_in; i++) {
        dnb_shape s = dnb_shape_of(&c->in[i]);
        const char name[2] = {(char)('a' + i), '\0'};
        s.dtype = dnb_storage_class(c->in[i].dtype);
        s.elem = DNB_ELEM(c->in[i].dtype);
        status = dnb_graph_input(g, name, &s, &in[i], err);
    }
    const dnb_node_spec spec = {.op = c->op,
                                .inputs = in,
                                .n_inputs = c->n_in,
                                .attrs = c->attrs,
                                .n_attrs = c->n_attrs,
                                .output_names = names,
                                .n_outputs = c->n_want ? c->n_want : 1};
    dnb_eval_options opt = {.f64 = f64};
    if (status == DNB_OK)
        status = dnb_graph_node(g, &spec, y, err);
    if (status == DNB_OK)
        status = dnb_eval_run(g, c->in, y, spec.n_outputs, &opt, out, err);
    dnb_graph_free(g);
    return status;
}

static inline double typed_number(const dnb_array *a, size_t i)
{
    return a->dtype == DNB_F64 ? ((const double *)a->data)[i] : (double)((const float *)a->data)[i];
}

/* Floats to a millionth, everything else to the bit. */
static inline void typed_compare(const typed_case *c, const dnb_array *got, const dnb_array *want)
{
    char g[128], w[128];
    if (got->dtype != want->dtype)
        fail_msg("%s: result is %s, not %s", c->op, dnb_dtype_name(got->dtype),
                 dnb_dtype_name(want->dtype));
    if (strcmp(dnb_array_shape_text(got, g, sizeof g), dnb_array_shape_text(want, w, sizeof w)))
        fail_msg("%s: result is %s, not %s", c->op, g, w);
    if (!want->data)
        return;
    size_t size = dnb_dtype_size(want->dtype);
    for (size_t i = 0; i < dnb_array_count(want); i++) {
        bool same;
        if (want->dtype == DNB_F32 || want->dtype == DNB_F64) {
            double x = typed_number(got, i), y = typed_number(want, i);
            same = x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= 1e-6 * fabs(y);
        } else {
            same = memcmp((char *)got->data + i * size, (char *)want->data + i * size, size) == 0;
        }
        if (!same)
            fail_msg("%s (%s): element %zu is wrong", c->op, dnb_dtype_name(want->dtype), i);
    }
}

static inline void typed_check(const typed_case *c)
{
    size_t n = c->n_want ? c->n_want : 1;
    for (int f64 = 0; f64 < 2; f64++) {
        dnb_array out[2] = {0};
        dnb_err err = {0};
        if (typed_run(c, f64 == 1, out, &err) != DNB_OK)
            fail_msg("%s: %s", c->op, err.message);
        for (size_t i = 0; i < n; i++) {
            typed_compare(c, &out[i], &c->want[i]);
            dnb_array_release(&out[i]);
        }
    }
}

static inline void typed_refuse(const typed_case *c, dnb_status want)
{
    dnb_array out[2] = {0};
    dnb_err err = {0};
    dnb_status got = typed_run(c, false, out, &err);
    for (size_t i = 0; i < 2; i++)
        dnb_array_release(&out[i]);
    if (got != want)
        fail_msg("%s: status %d, not %d (%s)", c->op, (int)got, (int)want, err.message);
    assert_non_null(strstr(err.message, c->op));
    if (want == DNB_EUNSUPPORTED)
        assert_non_null(strstr(err.message, "unsupported"));
}

#endif
