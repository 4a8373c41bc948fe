/* Small graphs for gradient tests: numbers, constants, nodes and programs that fail the test
 * instead of returning errors. Include after cmocka.h. */
#ifndef DNB_TESTS_GRAD_CASE_H
#define DNB_TESTS_GRAD_CASE_H

#include <stdio.h>
#include <stdlib.h>

#include "net/gradient.h"
#include "op_case.h"

typedef enum filling {
    SPREAD,   /* distinct numbers in -1..1, none at a kink */
    POSITIVE, /* the same in 0.5..1.5 */
    OVER_ONE, /* in 1.2..2.2 */
    WIDE,     /* in -4..4 */
    HALF,     /* in -0.5..0.5 */
    LISTED,   /* `numbers` */
    ABSENT,   /* not given */
    INTEGERS  /* a list, constant */
} filling;

typedef struct operand {
    filling fill;
    int ndim;
    size_t dim[5];
    const int64_t *ints;
    const float *numbers;
    bool fixed; /* a constant in both tests: has no gradient */
} operand;

static inline size_t operand_count(const operand *o)
{
    size_t n = 1;
    for (int i = 0; i < o->ndim; i++)
        n *= o->dim[i];
    return n;
}

/* Number i of n: distinct, well apart, in no order. */
static inline double number(const operand *o, size_t i, size_t n, size_t salt)
{
    const size_t prime = 7919;
    size_t place = (i * prime + salt * 31) % n; /* n is no multiple of the prime */
    double v = ((double)place + 0.5) / (double)n;
    switch (o->fill) {
    case LISTED:
        return (double)o->numbers[i];
    case POSITIVE:
        return 0.5 + v;
    case OVER_ONE:
        return 1.2 + v;
    case HALF:
        return v - 0.5 + 0.03 / (double)n;
    case WIDE:
        return 8 * v - 4 + 0.13 / (double)n;
    default:
        return 2 * v - 1 + 0.13 / (double)n;
    }
}

static inline dnb_value constant(dnb_graph *g, const operand *o, size_t salt)
{
    dnb_array a = {0};
    dnb_value v;
    dnb_err err = {0};
    dnb_dtype t = o->fill == INTEGERS ? DNB_I64 : DNB_F32;
    assert_int_equal(dnb_array_init(&a, t, o->ndim, o->dim, &err), DNB_OK);
    for (size_t i = 0, n = operand_count(o); i < n; i++) {
        if (o->fill == INTEGERS)
            ((int64_t *)a.data)[i] = o->ints[i];
        else
            ((float *)a.data)[i] = (float)number(o, i, n, salt);
    }
    assert_int_equal(dnb_graph_constant(g, NULL, &a, &v, &err), DNB_OK);
    return v;
}

static inline dnb_value node(dnb_graph *g, const char *op, const dnb_value *in, size_t n,
                             const dnb_attr *attrs, size_t n_attrs)
{
    dnb_value v;
    dnb_err err = {0};
    if (dnb_graph_op(g, op, NULL, in, n, attrs, n_attrs, &v, &err) != DNB_OK)
        fail_msg("%s: %s", op, err.message);
    return v;
}

/* A prepared program for some taps. */
static inline dnb_program *program(const dnb_graph *g, const dnb_value *taps, const bool *whole,
                                   size_t n, size_t batch, bool f64, bool prims, const char *what)
{
    dnb_program *p = NULL;
    dnb_err err = {0};
    dnb_program_request r = {.graph = g,
                             .taps = taps,
                             .n_taps = n,
                             .whole = whole,
                             .batch = batch,
                             .f64 = f64,
                             .prims = prims};
    if (dnb_program_new(&p, &r, &err) != DNB_OK || dnb_program_prepare(p, &err) != DNB_OK)
        fail_msg("%s: %s", what, err.message);
    return p;
}

static inline void run64(dnb_program *p, const double *x, size_t n, double *const *taps,
                         const char *what)
{
    dnb_err err = {0};
    if (dnb_program_run64(p, x, n, taps, &err) != DNB_OK)
        fail_msg("%s: %s", what, err.message);
}

#endif
