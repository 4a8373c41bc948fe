/* What RNN, GRU and LSTM and their gradients share: the node as read, and where things lie. room:
 * net (internal) */
#ifndef DNB_NET_OP_RECURRENT_H
#define DNB_NET_OP_RECURRENT_H

#include "net/op.h"
#include "net/slope.h"

typedef enum cell_kind { CELL_RNN, CELL_GRU, CELL_LSTM } cell_kind;

#define MAX_GATES 4
#define MAX_FUNCTIONS 3 /* activation functions of a cell */

/* Inputs of all three, then those only an LSTM has. */
enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_PEEPHOLES, RECURRENT_INPUTS };

typedef struct dnb_cell {
    size_t gates;       /* blocks of W and R */
    size_t n_functions; /* activation functions per direction */
    size_t n_states;    /* outputs after Y */
    const char *functions[MAX_FUNCTIONS];
} dnb_cell;
extern const dnb_cell dnb_cells[];

typedef struct activation {
    double (*f)(double x, double alpha, double beta);
    double alpha, beta;
    dnb_slope slope; /* f' */
} activation;

typedef struct recurrent {
    cell_kind kind;
    size_t directions;
    bool first_reversed; /* the first direction runs backwards */
    bool batch_first;    /* layout 1 */
    bool linear_before_reset, input_forget;
    double clip; /* INFINITY = none */
    size_t steps, batch, inputs, hidden;
    activation act[2][MAX_FUNCTIONS];
} recurrent;

/* Everything but the sizes, from the attributes of a node or of its gradient. */
dnb_status dnb_recurrent_read(const dnb_node *n, recurrent *r, dnb_err *err) DNB_MUST_CHECK;
/* Sizes from X and R, whatever else is there having been compared with them. */
void dnb_recurrent_sizes(recurrent *r, const size_t *x, const size_t *weights);
/* X, W and R are there and give the sizes; everything else follows from those. */
dnb_status dnb_recurrent_inputs(const dnb_op_shapes *s, recurrent *r, dnb_err *err) DNB_MUST_CHECK;
/* The lengths of the sequences are within the steps. */
dnb_status dnb_recurrent_lengths(const dnb_op_call *c, const recurrent *r,
                                 dnb_err *err) DNB_MUST_CHECK;
dnb_shape dnb_recurrent_state(const recurrent *r);

/* Activation i of a direction. */
static inline double dnb_recurrent_act(const recurrent *r, size_t direction, size_t i, double x)
{
    const activation *a = &r->act[direction][i];
    return a->f(x > r->clip ? r->clip : x < -r->clip ? -r->clip : x, a->alpha, a->beta);
}

/* Row numbers (of `hidden` or `inputs` numbers each) in X, Y and the states. */
static inline size_t x_row(const recurrent *r, size_t t, size_t b)
{
    return r->batch_first ? b * r->steps + t : t * r->batch + b;
}

static inline size_t y_row(const recurrent *r, size_t t, size_t d, size_t b)
{
    return r->batch_first ? (b * r->steps + t) * r->directions + d
                          : (t * r->directions + d) * r->batch + b;
}

static inline size_t state_row(const recurrent *r, size_t d, size_t b)
{
    return r->batch_first ? b * r->directions + d : d * r->batch + b;
}

#endif
