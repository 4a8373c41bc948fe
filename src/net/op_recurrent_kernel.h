/* Reference kernels of RNN, GRU and LSTM, once per REAL (see each_real.h). room: net (internal)
 *
 * What W makes of the input is computed for all steps at once; a step then adds what R makes of the
 * state before it. Every sum runs over one row of W or R in order, whatever the number of threads.
 */

/* Rows of weights multiplied together with one row of data, so that this is read once for them. */
#define ROW_BLOCK 4

/* out[k] = row k of the weights times x, for `n` <= ROW_BLOCK rows of `width` numbers. */
static void NAME(times_rows)(double *out, const REAL *weights, size_t n, size_t width,
                             const REAL *x)
{
    if (n == ROW_BLOCK) {
        const REAL *w0 = weights, *w1 = w0 + width, *w2 = w1 + width, *w3 = w2 + width;
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (size_t i = 0; i < width; i++) {
            double v = (double)x[i];
            s0 += v * (double)w0[i];
            s1 += v * (double)w1[i];
            s2 += v * (double)w2[i];
            s3 += v * (double)w3[i];
        }
        out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
        return;
    }
    for (size_t k = 0; k < n; k++) {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < width; i++)
            sum += (double)x[i] * (double)weights[k * width + i];
        out[k] = sum;
    }
}

/* dst[row][gate] = W x + its bias, for all rows of X in their order. */
static void NAME(project)(const walk *w, const REAL *x, const REAL *weights, REAL *dst)
{
    const recurrent *r = w->r;
    size_t gates = dnb_cells[r->kind].gates * r->hidden, rows = r->steps * r->batch;
    size_t blocks = (gates + ROW_BLOCK - 1) / ROW_BLOCK;
#pragma omp parallel for schedule(static) if (rows * gates * r->inputs > 1 << 15)
    for (size_t block = 0; block < blocks; block++) {
        size_t g = block * ROW_BLOCK, n = gates - g < ROW_BLOCK ? gates - g : ROW_BLOCK;
        for (size_t row = 0; row < rows; row++) {
            double sum[ROW_BLOCK];
            NAME(times_rows)(sum, weights + g * r->inputs, n, r->inputs, x + row * r->inputs);
            for (size_t k = 0; k < n; k++)
                dst[row * gates + g + k] = (REAL)(sum[k] + w->bias[0][g + k]);
        }
    }
}

/* Row `row` of R times a state. */
static double NAME(recur)(const walk *w, const REAL *weights, size_t row, const double *state)
{
    size_t n = w->r->hidden;
    const REAL *line = weights + row * n;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)line[i] * state[i];
    return sum + w->bias[1][row];
}

/* Unit j of sequence b after one step; `in` is what W made of the input (gate 0 first). */
static double NAME(rnn_unit)(const walk *w, const REAL *weights, const REAL *in, size_t j,
                             const double *h)
{
    return act(w, 0, (double)in[j] + NAME(recur)(w, weights, j, h));
}

/* Gates in the order input, output, forget, cell. Peepholes in the order input, output, forget. */
static double NAME(lstm_unit)(const walk *w, const REAL *weights, const REAL *peep, const REAL *in,
                              size_t j, const double *h, double *cell)
{
    size_t n = w->r->hidden;
    double c = *cell, pi = peep ? (double)peep[j] : 0, po = peep ? (double)peep[n + j] : 0;
    double pf = peep ? (double)peep[2 * n + j] : 0;
    double i = act(w, 0, (double)in[j] + NAME(recur)(w, weights, j, h) + pi * c);
    double f =
        w->r->input_forget
            ? 1 - i
            : act(w, 0, (double)in[2 * n + j] + NAME(recur)(w, weights, 2 * n + j, h) + pf * c);
    double g = act(w, 1, (double)in[3 * n + j] + NAME(recur)(w, weights, 3 * n + j, h));
    c = f * c + i * g;
    double o = act(w, 0, (double)in[n + j] + NAME(recur)(w, weights, n + j, h) + po * c);
    *cell = c;
    return o * act(w, 2, c);
}

/* Gates in the order update, reset, hidden. First half of a step: the gates. */
static void NAME(gru_gates)(const walk *w, const REAL *weights, const REAL *in, size_t j, size_t at,
                            const double *h)
{
    size_t n = w->r->hidden;
    double reset = act(w, 0, (double)in[n + j] + NAME(recur)(w, weights, n + j, h));
    w->update[at] = act(w, 0, (double)in[j] + NAME(recur)(w, weights, j, h));
    w->reset[at] = w->r->linear_before_reset ? reset : reset * h[j];
}

/* Second half: the new state. */
static double NAME(gru_unit)(const walk *w, const REAL *weights, const REAL *in, size_t j,
                             size_t at, size_t b, const double *h)
{
    size_t n = w->r->hidden;
    bool linear = w->r->linear_before_reset;
    double recurrent_part = NAME(recur)(w, weights, 2 * n + j, linear ? h : w->reset + b * n);
    double inner = linear ? w->reset[at] * recurrent_part : recurrent_part;
    double z = w->update[at];
    return (1 - z) * act(w, 1, (double)in[2 * n + j] + inner) + z * h[j];
}

/* One step of unit j in all sequences; half tells which half of a GRU's. */
static void NAME(step_unit)(const walk *w, const REAL *weights, const REAL *peep,
                            const REAL *projected, REAL *y, size_t s, size_t j, int half)
{
    const recurrent *r = w->r;
    size_t n = r->hidden, gates = dnb_cells[r->kind].gates * n;
    for (size_t b = 0; b < r->batch; b++) {
        if (s >= length_of(w, b))
            continue;
        size_t at = b * n + j, t = time_of(w, b, s);
        const REAL *in = projected + x_row(r, t, b) * gates;
        const double *h = w->h + b * n;
        if (half == 0) {
            NAME(gru_gates)(w, weights, in, j, at, h);
            continue;
        }
        double v = r->kind == CELL_LSTM  ? NAME(lstm_unit)(w, weights, peep, in, j, h, &w->cell[at])
                   : r->kind == CELL_GRU ? NAME(gru_unit)(w, weights, in, j, at, b, h)
                                         : NAME(rnn_unit)(w, weights, in, j, h);
        w->h_next[at] = v;
        y[y_row(r, t, w->direction, b) * n + j] = (REAL)v;
    }
}

/* All steps, the units of each shared among the threads. */
static void NAME(run_steps)(walk *w, const REAL *weights, const REAL *peep, const REAL *projected,
                            REAL *y)
{
    const recurrent *r = w->r;
    size_t n = r->hidden;
    bool two_halves = r->kind == CELL_GRU;
#pragma omp parallel if (r->batch * n * n > 1 << 14)
    for (size_t s = 0; s < r->steps; s++) {
        if (two_halves) {
#pragma omp for schedule(static)
            for (size_t j = 0; j < n; j++)
                NAME(step_unit)(w, weights, peep, projected, y, s, j, 0);
        }
#pragma omp for schedule(static)
        for (size_t j = 0; j < n; j++)
            NAME(step_unit)(w, weights, peep, projected, y, s, j, 1);
#pragma omp for schedule(static)
        for (size_t b = 0; b < r->batch; b++)
            if (s < length_of(w, b))
                memcpy(w->h + b * n, w->h_next + b * n, n * sizeof *w->h);
    }
}

/* state[b] = direction d's row of the input, or 0. */
static void NAME(load_state)(const walk *w, const dnb_op_call *c, size_t input, double *state)
{
    const recurrent *r = w->r;
    const dnb_array *a = input < c->node->n_inputs ? c->in[input] : NULL;
    for (size_t b = 0; b < r->batch; b++)
        for (size_t j = 0; j < r->hidden; j++)
            state[b * r->hidden + j] =
                a ? (double)((const REAL *)a->data)[state_row(r, w->direction, b) * r->hidden + j]
                  : 0;
}

static void NAME(store_state)(const walk *w, const dnb_op_call *c, size_t output,
                              const double *state)
{
    const recurrent *r = w->r;
    if (output >= c->node->n_outputs)
        return;
    REAL *dst = c->out[output].data;
    for (size_t b = 0; b < r->batch; b++)
        for (size_t j = 0; j < r->hidden; j++)
            dst[state_row(r, w->direction, b) * r->hidden + j] = (REAL)state[b * r->hidden + j];
}

/* The biases of W and R, or 0. */
static void NAME(load_bias)(const walk *w, const dnb_op_call *c)
{
    size_t n = dnb_cells[w->r->kind].gates * w->r->hidden;
    const dnb_array *a = c->node->n_inputs > IN_B ? c->in[IN_B] : NULL;
    for (size_t which = 0; which < 2; which++)
        for (size_t i = 0; i < n; i++)
            w->bias[which][i] =
                a ? (double)((const REAL *)a->data)[(w->direction * 2 + which) * n + i] : 0;
}

static void NAME(direction)(const dnb_op_call *c, walk *w, REAL *projected)
{
    const recurrent *r = w->r;
    size_t n = r->hidden, gates = dnb_cells[r->kind].gates * n;
    const dnb_array *peep = c->node->n_inputs > IN_PEEPHOLES ? c->in[IN_PEEPHOLES] : NULL;
    const REAL *weights = (const REAL *)c->in[IN_R]->data + w->direction * gates * n;
    NAME(load_bias)(w, c);
    NAME(load_state)(w, c, IN_H, w->h);
    NAME(load_state)(w, c, IN_C, w->cell);
    NAME(project)
    (w, c->in[IN_X]->data, (const REAL *)c->in[IN_W]->data + w->direction * gates * r->inputs,
     projected);
    NAME(run_steps)
    (w, weights, peep ? (const REAL *)peep->data + w->direction * 3 * n : NULL, projected,
     c->out[0].data);
    NAME(store_state)(w, c, 1, w->h);
    NAME(store_state)(w, c, 2, w->cell);
}

#undef ROW_BLOCK
