/* dnb.RNNGrad, dnb.GRUGrad, dnb.LSTMGrad: backpropagation through time. Inputs: those of the
 * forward operator, then the gradients of its outputs; outputs: the gradients of X, W, R, B,
 * initial_h and, of an LSTM, initial_c and P.
 *
 * The steps are run again in double and what they were made of is kept; then they are walked
 * backwards, sequence by sequence, which gives the gradients of what W and R add to each gate. From
 * those the gradients of weights, biases and input are sums over all steps, in a fixed order. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_recurrent.h"
#include "net/op_util.h"

enum { IN_DY = RECURRENT_INPUTS, IN_DH, IN_DC, GRAD_INPUTS };
enum { OUT_X, OUT_W, OUT_R, OUT_B, OUT_H, OUT_C, OUT_PEEPHOLES, GRAD_OUTPUTS };

/* ---- the rule -----------------------------------------------------------------------------------
 */

dnb_status dnb_grad_recurrent(const dnb_op_grads *r, dnb_err *err)
{
    static const size_t input_of[GRAD_OUTPUTS] = {IN_X, IN_W, IN_R, IN_B, IN_H, IN_C, IN_PEEPHOLES};
    bool lstm = strcmp(r->node.op->name, "LSTM") == 0;
    dnb_value in[GRAD_INPUTS], out[GRAD_OUTPUTS];
    char name[16], label[160];
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        in[i] = i < r->node.n_inputs ? r->node.inputs[i] : DNB_NO_VALUE;
    for (size_t i = 0; i < r->node.n_outputs; i++)
        in[IN_DY + i] = r->out_grads[i];
    snprintf(name, sizeof name, "dnb.%sGrad", r->node.op->name);
    snprintf(label, sizeof label, "gradient of %s", r->node.name);
    dnb_node_spec spec = {.op = name,
                          .name = label,
                          .inputs = in,
                          .n_inputs = GRAD_INPUTS,
                          .attrs = r->node.attrs,
                          .n_attrs = r->node.n_attrs,
                          .n_outputs = lstm ? GRAD_OUTPUTS : OUT_C};
    DNB_TRY(dnb_graph_node(r->graph, &spec, out, err));
    for (size_t i = 0; i < spec.n_outputs; i++)
        if (input_of[i] < r->node.n_inputs && r->wanted[input_of[i]])
            r->in_grads[input_of[i]] = out[i];
done:
    return status;
}

/* ---- shapes -------------------------------------------------------------------------------------
 */

static dnb_status expect(const dnb_op_shapes *s, size_t i, dnb_shape want, dnb_err *err)
{
    return i < s->node->n_inputs && s->in[i] ? dnb_op_expect(s, i, &want, err) : DNB_OK;
}

static dnb_status recurrent_grad_shape(const dnb_op_shapes *s, dnb_err *err)
{
    recurrent r;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_recurrent_read(s->node, &r, err));
    DNB_TRY(dnb_recurrent_inputs(s, &r, err));
    if (s->node->n_outputs != (r.kind == CELL_LSTM ? GRAD_OUTPUTS : OUT_C))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): outputs are missing", s->node->name,
                        s->node->op->name);
    dnb_shape state = dnb_recurrent_state(&r);
    DNB_TRY(expect(s, IN_DY,
                   dnb_shape_make(4, r.batch_first
                                         ? (size_t[]){r.batch, r.steps, r.directions, r.hidden}
                                         : (size_t[]){r.steps, r.directions, r.batch, r.hidden}),
                   err));
    DNB_TRY(expect(s, IN_DH, state, err));
    DNB_TRY(expect(s, IN_DC, state, err));
    size_t rows = dnb_cells[r.kind].gates * r.hidden, d = r.directions;
    const dnb_shape out[GRAD_OUTPUTS] = {*s->in[IN_X],
                                         *s->in[IN_W],
                                         *s->in[IN_R],
                                         dnb_shape_make(2, (size_t[]){d, 2 * rows}),
                                         state,
                                         state,
                                         dnb_shape_make(2, (size_t[]){d, 3 * r.hidden})};
    for (size_t i = 0; i < s->node->n_outputs; i++) {
        s->out[i] = out[i];
        s->out[i].elem = s->in[IN_X]->elem;
    }
done:
    return status;
}

/* ---- running ------------------------------------------------------------------------------------
 */

/* One direction. Tables hold a row per step and sequence, at x_row. */
typedef struct unrolled {
    const recurrent *r;
    size_t direction, gates; /* gates: rows of W and R */
    bool reversed;
    const int64_t *lengths;                                       /* NULL = all steps */
    const double *x, *w, *rec, *bias_w, *bias_r, *peep, *h0, *c0; /* NULL = not given; this
                                                                      direction's weights */
    const double *dy, *dh, *dc;
    double *pre;          /* what the gates' functions are applied to */
    double *by_w, *by_r;  /* gradients of what W and R (with their biases) add */
    double *h;            /* the hidden state before the step */
    double *held;         /* GRU: what R reads, or adds, for the hidden gate: see gru_forward */
    double *c_before, *c; /* LSTM: the cell before and after */
} unrolled;

static size_t length_of(const unrolled *u, size_t b)
{
    return u->lengths ? (size_t)u->lengths[b] : u->r->steps;
}

static size_t row_of(const unrolled *u, size_t b, size_t s)
{
    return x_row(u->r, u->reversed ? length_of(u, b) - 1 - s : s, b);
}

static double act(const unrolled *u, size_t i, double x)
{
    return dnb_recurrent_act(u->r, u->direction, i, x);
}

/* The derivative of activation i; what the clip cut off does not move it. */
static double slope(const unrolled *u, size_t i, double x)
{
    const activation *a = &u->r->act[u->direction][i];
    return fabs(x) > u->r->clip ? 0 : a->slope(x, a->alpha, a->beta);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* What R makes of a state for gate row g. */
static double recur(const unrolled *u, size_t g, const double *state)
{
    return dot(u->rec + g * u->r->hidden, state, u->r->hidden) + (u->bias_r ? u->bias_r[g] : 0);
}

/* dst += the transpose of R's rows from..from + hidden, times v. */
static void recur_back(const unrolled *u, size_t from, const double *v, double *dst)
{
    size_t n = u->r->hidden;
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; v[k] != 0 && j < n; j++)
            dst[j] += v[k] * u->rec[(from + k) * n + j];
}

static double peephole(const unrolled *u, size_t which, size_t j)
{
    return u->peep ? u->peep[which * u->r->hidden + j] : 0;
}

/* ---- forward again: one step of one sequence; h becomes the state after it ---- */

static void lstm_forward(const unrolled *u, size_t row, double *h)
{
    size_t n = u->r->hidden;
    double *z = u->pre + row * u->gates;
    const double *before = u->c_before + row * n;
    for (size_t j = 0; j < n; j++) { /* input, output, forget, cell */
        z[j] += peephole(u, 0, j) * before[j];
        z[2 * n + j] += peephole(u, 2, j) * before[j];
        double i = act(u, 0, z[j]), f = u->r->input_forget ? 1 - i : act(u, 0, z[2 * n + j]);
        double c = f * before[j] + i * act(u, 1, z[3 * n + j]);
        z[n + j] += peephole(u, 1, j) * c;
        u->c[row * n + j] = c;
        h[j] = act(u, 0, z[n + j]) * act(u, 2, c);
    }
}

/* held: what R adds to the hidden gate with linear_before_reset, else the reset state it reads. */
static void gru_forward(const unrolled *u, size_t row, double *h)
{
    size_t n = u->r->hidden;
    double *z = u->pre + row * u->gates, *held = u->held + row * n;
    const double *before = u->h + row * n;
    bool linear = u->r->linear_before_reset;
    for (size_t j = 0; j < n; j++)
        held[j] = linear ? recur(u, 2 * n + j, before) : act(u, 0, z[n + j]) * before[j];
    for (size_t j = 0; j < n; j++) { /* update, reset, hidden */
        z[2 * n + j] += linear ? act(u, 0, z[n + j]) * held[j] : recur(u, 2 * n + j, held);
        double update = act(u, 0, z[j]);
        h[j] = (1 - update) * act(u, 1, z[2 * n + j]) + update * before[j];
    }
}

static void forward(const unrolled *u, size_t b, double *h)
{
    const recurrent *r = u->r;
    size_t n = r->hidden, by_both = r->kind == CELL_GRU ? 2 * n : u->gates;
    const double *c = u->c0 ? u->c0 + state_row(r, u->direction, b) * n : NULL;
    for (size_t j = 0; j < n; j++)
        h[j] = u->h0 ? u->h0[state_row(r, u->direction, b) * n + j] : 0;
    for (size_t s = 0; s < length_of(u, b); s++) {
        size_t row = row_of(u, b, s);
        double *z = u->pre + row * u->gates;
        memcpy(u->h + row * n, h, n * sizeof *h);
        for (size_t j = 0; r->kind == CELL_LSTM && j < n; j++)
            u->c_before[row * n + j] = c ? c[j] : 0;
        for (size_t g = 0; g < u->gates; g++)
            z[g] = dot(u->w + g * r->inputs, u->x + row * r->inputs, r->inputs) +
                   (u->bias_w ? u->bias_w[g] : 0) + (g < by_both ? recur(u, g, u->h + row * n) : 0);
        if (r->kind == CELL_LSTM)
            lstm_forward(u, row, h);
        else if (r->kind == CELL_GRU)
            gru_forward(u, row, h);
        for (size_t j = 0; r->kind == CELL_RNN && j < n; j++)
            h[j] = act(u, 0, z[j]);
        c = u->c + row * n;
    }
}

/* ---- backward: dh and dc are of the states after the step, and become those before it ---- */

static void rnn_backward(const unrolled *u, size_t row, double *dh)
{
    size_t n = u->r->hidden;
    double *by = u->by_w + row * u->gates;
    for (size_t j = 0; j < n; j++) {
        by[j] = dh[j] * slope(u, 0, u->pre[row * u->gates + j]);
        dh[j] = 0;
    }
    recur_back(u, 0, by, dh);
    memcpy(u->by_r + row * u->gates, by, u->gates * sizeof *by);
}

static void lstm_backward(const unrolled *u, size_t row, double *dh, double *dc)
{
    size_t n = u->r->hidden;
    const double *z = u->pre + row * u->gates, *before = u->c_before + row * n,
                 *after = u->c + row * n;
    double *by = u->by_w + row * u->gates;
    for (size_t j = 0; j < n; j++) {
        double i = act(u, 0, z[j]), o = act(u, 0, z[n + j]), g = act(u, 1, z[3 * n + j]);
        double f = u->r->input_forget ? 1 - i : act(u, 0, z[2 * n + j]);
        by[n + j] = dh[j] * act(u, 2, after[j]) * slope(u, 0, z[n + j]);
        dc[j] += dh[j] * o * slope(u, 2, after[j]) + by[n + j] * peephole(u, 1, j);
        double di = dc[j] * (u->r->input_forget ? g - before[j] : g);
        by[j] = di * slope(u, 0, z[j]);
        by[2 * n + j] = u->r->input_forget ? 0 : dc[j] * before[j] * slope(u, 0, z[2 * n + j]);
        by[3 * n + j] = dc[j] * i * slope(u, 1, z[3 * n + j]);
        dc[j] = dc[j] * f + by[j] * peephole(u, 0, j) + by[2 * n + j] * peephole(u, 2, j);
        dh[j] = 0;
    }
    for (size_t k = 0; k < 4; k++)
        recur_back(u, k * n, by + k * n, dh);
    memcpy(u->by_r + row * u->gates, by, u->gates * sizeof *by);
}

/* work: `hidden` numbers. */
static void gru_backward(const unrolled *u, size_t row, double *dh, double *work)
{
    size_t n = u->r->hidden;
    bool linear = u->r->linear_before_reset;
    const double *z = u->pre + row * u->gates, *before = u->h + row * n, *held = u->held + row * n;
    double *by_w = u->by_w + row * u->gates, *by_r = u->by_r + row * u->gates;
    for (size_t j = 0; j < n; j++) {
        double update = act(u, 0, z[j]), fresh = act(u, 1, z[2 * n + j]);
        by_w[j] = dh[j] * (before[j] - fresh) * slope(u, 0, z[j]);
        by_w[2 * n + j] = dh[j] * (1 - update) * slope(u, 1, z[2 * n + j]);
        by_r[2 * n + j] = by_w[2 * n + j] * (linear ? act(u, 0, z[n + j]) : 1);
        dh[j] *= update;
        work[j] = 0;
    }
    recur_back(u, 2 * n, by_r + 2 * n, linear ? dh : work);
    for (size_t j = 0; j < n; j++) {
        double d_reset = linear ? by_w[2 * n + j] * held[j] : work[j] * before[j];
        if (!linear)
            dh[j] += work[j] * act(u, 0, z[n + j]);
        by_w[n + j] = d_reset * slope(u, 0, z[n + j]);
    }
    memcpy(by_r, by_w, 2 * n * sizeof *by_r);
    recur_back(u, 0, by_r, dh);
    recur_back(u, n, by_r + n, dh);
}

static void load(double *dst, const double *src, size_t row, size_t n)
{
    for (size_t j = 0; j < n; j++)
        dst[j] = src ? src[row * n + j] : 0;
}

/* Sequence b; work holds 3 states, the first two of which end as the initial states' gradients. */
static void sequence(const unrolled *u, size_t b, double *work)
{
    const recurrent *r = u->r;
    size_t n = r->hidden, state = state_row(r, u->direction, b);
    double *dh = work, *dc = work + n, *more = work + 2 * n;
    forward(u, b, more);
    load(dh, u->dh, state, n);
    load(dc, u->dc, state, n);
    for (size_t s = length_of(u, b); s-- > 0;) {
        size_t row = row_of(u, b, s), t = u->reversed ? length_of(u, b) - 1 - s : s;
        load(more, u->dy, y_row(r, t, u->direction, b), n);
        for (size_t j = 0; j < n; j++)
            dh[j] += more[j];
        if (r->kind == CELL_LSTM)
            lstm_backward(u, row, dh, dc);
        else if (r->kind == CELL_GRU)
            gru_backward(u, row, dh, more);
        else
            rnn_backward(u, row, dh);
    }
}

/* ---- sums over all steps ---- */

static void put(const dnb_array *a, size_t i, double v)
{
    if (a->dtype == DNB_F64)
        ((double *)a->data)[i] = v;
    else
        ((float *)a->data)[i] = (float)v;
}

/* dst[from + i] = sum over the rows of by[g] * with[i], the rows being `width` and u->gates long.
 */
static void outer_sum(const unrolled *u, const dnb_array *dst, size_t from, const double *by,
                      size_t g, const double *with, size_t width, double *work)
{
    memset(work, 0, width * sizeof *work);
    for (size_t row = 0; row < u->r->steps * u->r->batch; row++) {
        double v = by[row * u->gates + g];
        for (size_t i = 0; v != 0 && i < width; i++)
            work[i] += v * with[row * width + i];
    }
    for (size_t i = 0; i < width; i++)
        put(dst, from + i, work[i]);
}

static double column_sum(const unrolled *u, const double *by, size_t g, const double *with)
{
    size_t n = u->r->hidden;
    double sum = 0;
    for (size_t row = 0; row < u->r->steps * u->r->batch; row++)
        sum += by[row * u->gates + g] * (with ? with[row * n + g % n] : 1);
    return sum;
}

/* work: a row of inputs or states for each gate row. */
static void weight_grads(const unrolled *u, const dnb_op_call *c, double *work, size_t room)
{
    const recurrent *r = u->r;
    size_t n = r->hidden, first = u->direction * u->gates;
    bool reads_held = r->kind == CELL_GRU && !r->linear_before_reset;
#pragma omp parallel for schedule(static)
    for (size_t g = 0; g < u->gates; g++) {
        double *own = work + g * room;
        outer_sum(u, &c->out[OUT_W], (first + g) * r->inputs, u->by_w, g, u->x, r->inputs, own);
        outer_sum(u, &c->out[OUT_R], (first + g) * n, u->by_r, g,
                  reads_held && g >= 2 * n ? u->held : u->h, n, own);
        put(&c->out[OUT_B], 2 * first + g, column_sum(u, u->by_w, g, NULL));
        put(&c->out[OUT_B], 2 * first + u->gates + g, column_sum(u, u->by_r, g, NULL));
        if (r->kind == CELL_LSTM && g < 3 * n) /* input, output, forget, as the gates */
            put(&c->out[OUT_PEEPHOLES], u->direction * 3 * n + g,
                column_sum(u, u->by_w, g, g / n == 1 ? u->c : u->c_before));
    }
}

/* Adds this direction's share to dX, in dx. */
static void input_grads(const unrolled *u, double *dx)
{
    const recurrent *r = u->r;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < r->steps * r->batch; row++)
        for (size_t g = 0; g < u->gates; g++) {
            double v = u->by_w[row * u->gates + g];
            for (size_t i = 0; v != 0 && i < r->inputs; i++)
                dx[row * r->inputs + i] += v * u->w[g * r->inputs + i];
        }
}

/* ---- memory ---- */

/* The inputs in double, and one block for the tables. */
typedef struct storage {
    dnb_array in[GRAD_INPUTS];
    double *tables, *states, *rows, *dx;
} storage;

static const double *given(const storage *m, size_t i)
{
    return m->in[i].data;
}

static void direction_init(unrolled *u, const storage *m, const dnb_op_call *c, const recurrent *r,
                           size_t d)
{
    size_t gates = dnb_cells[r->kind].gates * r->hidden, n = r->hidden;
    size_t rows = r->steps * r->batch;
    double *t = m->tables;
    *u =
        (unrolled){.r = r, .direction = d, .gates = gates, .reversed = d == 1 || r->first_reversed};
    if (c->node->n_inputs > IN_LENGTHS && c->in[IN_LENGTHS])
        u->lengths = c->in[IN_LENGTHS]->data;
    u->x = given(m, IN_X);
    u->w = given(m, IN_W) + d * gates * r->inputs;
    u->rec = given(m, IN_R) + d * gates * n;
    if (given(m, IN_B)) {
        u->bias_w = given(m, IN_B) + d * 2 * gates;
        u->bias_r = u->bias_w + gates;
    }
    u->peep = given(m, IN_PEEPHOLES) ? given(m, IN_PEEPHOLES) + d * 3 * n : NULL;
    u->h0 = given(m, IN_H);
    u->c0 = given(m, IN_C);
    u->dy = given(m, IN_DY);
    u->dh = given(m, IN_DH);
    u->dc = given(m, IN_DC);
    double **table[] = {&u->pre, &u->by_w, &u->by_r, &u->h, &u->held, &u->c_before, &u->c};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        *table[i] = t;
        t += rows * (i < 3 ? gates : n);
    }
    memset(m->tables, 0, (size_t)(t - m->tables) * sizeof *t); /* steps a sequence lacks add 0 */
}

static dnb_status storage_init(storage *m, const dnb_op_call *c, const recurrent *r, dnb_err *err)
{
    size_t gates = dnb_cells[r->kind].gates * r->hidden, rows, count;
    size_t width = r->inputs > r->hidden ? r->inputs : r->hidden;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        if (i != IN_LENGTHS && i < c->node->n_inputs && c->in[i])
            DNB_TRY(dnb_array_convert(&m->in[i], c->in[i], DNB_F64, err));
    if (!dnb_mul_size(&rows, r->steps, r->batch) ||
        !dnb_mul_size(&count, rows, 3 * gates + 4 * r->hidden) ||
        !dnb_mul_size(&width, width, gates))
        return dnb_fail_memory(err, c->node->name, SIZE_MAX);
    DNB_NEW(m->tables, count, c->node->name);
    DNB_NEW(m->rows, width, c->node->name);
    DNB_NEW(m->states, 3 * r->batch * r->hidden, c->node->name);
    DNB_NEW(m->dx, rows * r->inputs, c->node->name);
done:
    return status;
}

static void storage_release(storage *m)
{
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        dnb_array_release(&m->in[i]);
    dnb_free(m->tables);
    dnb_free(m->rows);
    dnb_free(m->states);
    dnb_free(m->dx);
}

static dnb_status recurrent_grad_run(const dnb_op_call *c, dnb_err *err)
{
    recurrent r;
    storage m = {0};
    unrolled u;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_recurrent_read(c->node, &r, err));
    dnb_recurrent_sizes(&r, c->in[IN_X]->shape, c->in[IN_R]->shape);
    DNB_TRY(dnb_recurrent_lengths(c, &r, err));
    DNB_TRY(storage_init(&m, c, &r, err));
    size_t n = r.hidden;
    for (size_t d = 0; d < r.directions; d++) {
        direction_init(&u, &m, c, &r, d);
#pragma omp parallel for schedule(static)
        for (size_t b = 0; b < r.batch; b++)
            sequence(&u, b, m.states + 3 * b * n);
        for (size_t b = 0; b < r.batch; b++)
            for (size_t j = 0; j < n; j++) {
                size_t at = state_row(&r, d, b) * n + j;
                put(&c->out[OUT_H], at, m.states[3 * b * n + j]);
                if (r.kind == CELL_LSTM)
                    put(&c->out[OUT_C], at, m.states[(3 * b + 1) * n + j]);
            }
        weight_grads(&u, c, m.rows, r.inputs > n ? r.inputs : n);
        input_grads(&u, m.dx);
    }
    for (size_t i = 0, count = dnb_array_count(&c->out[OUT_X]); i < count; i++)
        put(&c->out[OUT_X], i, m.dx[i]);
done:
    storage_release(&m);
    return status;
}

#define RECORD(id, text, outputs)                                                                  \
    const dnb_op dnb_op_##id = {.name = text,                                                      \
                                .min_in = 3,                                                       \
                                .max_in = GRAD_INPUTS,                                             \
                                .max_out = (outputs),                                              \
                                .shape = recurrent_grad_shape,                                     \
                                .run = recurrent_grad_run}

RECORD(rnn_grad, "dnb.RNNGrad", OUT_C);
RECORD(gru_grad, "dnb.GRUGrad", OUT_C);
RECORD(lstm_grad, "dnb.LSTMGrad", GRAD_OUTPUTS);
