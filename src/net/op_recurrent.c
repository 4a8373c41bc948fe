/* RNN, GRU and LSTM: one layer, run forward, backward or both ways over a sequence. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_recurrent.h"
#include "net/op_util.h"

const dnb_cell dnb_cells[] = {
    [CELL_RNN] = {1, 1, 1, {"Tanh"}},
    [CELL_GRU] = {3, 2, 1, {"Sigmoid", "Tanh"}},
    [CELL_LSTM] = {4, 3, 2, {"Sigmoid", "Tanh", "Tanh"}},
};

/* ---- activation functions -----------------------------------------------------------------------
 */

static double f_sigmoid(double x, double alpha, double beta)
{
    (void)alpha, (void)beta;
    return 1 / (1 + exp(-x));
}

static double f_tanh(double x, double alpha, double beta)
{
    (void)alpha, (void)beta;
    return tanh(x);
}

static double f_relu(double x, double alpha, double beta)
{
    (void)alpha, (void)beta;
    return x < 0 ? 0 : x;
}

static double f_affine(double x, double alpha, double beta)
{
    return alpha * x + beta;
}

static double f_leaky_relu(double x, double alpha, double beta)
{
    (void)beta;
    return x < 0 ? alpha * x : x;
}

static double f_thresholded_relu(double x, double alpha, double beta)
{
    (void)beta;
    return x < alpha ? 0 : x;
}

static double f_scaled_tanh(double x, double alpha, double beta)
{
    return alpha * tanh(beta * x);
}

static double f_hard_sigmoid(double x, double alpha, double beta)
{
    double v = alpha * x + beta;
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static double f_elu(double x, double alpha, double beta)
{
    (void)beta;
    return x < 0 ? alpha * expm1(x) : x;
}

static double f_softsign(double x, double alpha, double beta)
{
    (void)alpha, (void)beta;
    return x / (1 + fabs(x));
}

static double f_softplus(double x, double alpha, double beta)
{
    (void)alpha, (void)beta;
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* How many of alpha and beta a function takes from the lists, and what they are otherwise. */
static const struct {
    const char *name;
    activation fallback;
    bool has_alpha, has_beta;
} functions[] = {
    {"Sigmoid", {f_sigmoid, 0, 0, NULL}, false, false},
    {"Tanh", {f_tanh, 0, 0, NULL}, false, false},
    {"Relu", {f_relu, 0, 0, NULL}, false, false},
    {"Affine", {f_affine, 1, 0, NULL}, true, true},
    {"LeakyRelu", {f_leaky_relu, 0.01, 0, NULL}, true, false},
    {"ThresholdedRelu", {f_thresholded_relu, 1, 0, NULL}, true, false},
    {"ScaledTanh", {f_scaled_tanh, 1, 1, NULL}, true, true},
    {"HardSigmoid", {f_hard_sigmoid, 0.2, 0.5, NULL}, true, true},
    {"Elu", {f_elu, 1, 0, NULL}, true, false},
    {"Softsign", {f_softsign, 0, 0, NULL}, false, false},
    {"Softplus", {f_softplus, 0, 0, NULL}, false, false},
};
#define N_FUNCTIONS (sizeof functions / sizeof *functions)

/* ---- reading the node ---------------------------------------------------------------------------
 */

static cell_kind kind_of(const dnb_node *n)
{
    const char *name = n->op->name + (strncmp(n->op->name, "dnb.", 4) == 0 ? 4 : 0);
    return name[0] == 'R' ? CELL_RNN : name[0] == 'G' ? CELL_GRU : CELL_LSTM;
}

static dnb_status read_direction(const dnb_node *n, recurrent *r, dnb_err *err)
{
    const char *direction = NULL;
    dnb_status status = dnb_node_string(n, "direction", &direction, err);
    if (status != DNB_OK)
        return status;
    direction = direction && *direction ? direction : "forward";
    r->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    r->first_reversed = strcmp(direction, "reverse") == 0;
    if (r->directions == 1 && !r->first_reversed && strcmp(direction, "forward") != 0)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): direction '%.50s' is unknown", n->name,
                        n->op->name, direction);
    return DNB_OK;
}

/* The next number of a list of activation parameters, if there is one left. */
static double next_parameter(const double *list, size_t n, size_t *used, double fallback)
{
    return *used < n ? list[(*used)++] : fallback;
}

/* The functions by name, alpha and beta handed out in order to those that take them. */
static dnb_status read_activations(const dnb_node *n, recurrent *r, dnb_err *err)
{
    const char *const *names = NULL;
    const double *alpha = NULL, *beta = NULL;
    size_t n_names = 0, n_alpha = 0, n_beta = 0, used_alpha = 0, used_beta = 0;
    size_t each = dnb_cells[r->kind].n_functions;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_strings(n, "activations", &names, &n_names, err));
    DNB_TRY(dnb_node_floats(n, "activation_alpha", &alpha, &n_alpha, err));
    DNB_TRY(dnb_node_floats(n, "activation_beta", &beta, &n_beta, err));
    if (names && n_names != each * r->directions)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): names %zu activations, not %zu", n->name,
                        n->op->name, n_names, each * r->directions);
    for (size_t i = 0; i < each * r->directions; i++) {
        const char *name = names ? names[i] : dnb_cells[r->kind].functions[i % each];
        size_t k = 0;
        while (k < N_FUNCTIONS && strcmp(functions[k].name, name) != 0)
            k++;
        if (k == N_FUNCTIONS)
            return dnb_fail(err, DNB_EUNSUPPORTED,
                            "node '%s' (%s): activation '%.50s' is unsupported", n->name,
                            n->op->name, name);
        activation a = functions[k].fallback;
        if (functions[k].has_alpha)
            a.alpha = next_parameter(alpha, n_alpha, &used_alpha, a.alpha);
        if (functions[k].has_beta)
            a.beta = next_parameter(beta, n_beta, &used_beta, a.beta);
        a.slope = dnb_slope_of(name);
        r->act[i / each][i % each] = a;
    }
done:
    return status;
}

dnb_status dnb_recurrent_read(const dnb_node *n, recurrent *r, dnb_err *err)
{
    int64_t layout = 0, linear = 0, forget = 0;
    dnb_status status = DNB_OK;
    *r = (recurrent){.kind = kind_of(n)};
    DNB_TRY(read_direction(n, r, err));
    DNB_TRY(read_activations(n, r, err));
    DNB_TRY(dnb_node_float(n, "clip", INFINITY, &r->clip, err));
    DNB_TRY(dnb_node_int(n, "layout", 0, &layout, err));
    DNB_TRY(dnb_node_int(n, "linear_before_reset", 0, &linear, err));
    DNB_TRY(dnb_node_int(n, "input_forget", 0, &forget, err));
    if (!(r->clip >= 0) || (layout != 0 && layout != 1))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): %s is out of range", n->name, n->op->name,
                        r->clip >= 0 ? "layout" : "clip");
    r->batch_first = layout == 1;
    r->linear_before_reset = linear != 0;
    r->input_forget = forget != 0;
done:
    return status;
}

void dnb_recurrent_sizes(recurrent *r, const size_t *x, const size_t *weights)
{
    r->steps = x[r->batch_first ? 1 : 0];
    r->batch = x[r->batch_first ? 0 : 1];
    r->inputs = x[2];
    r->hidden = weights[2];
}

/* ---- shapes -------------------------------------------------------------------------------------
 */

static dnb_status expect(const dnb_op_shapes *s, size_t i, dnb_shape want, dnb_err *err)
{
    const dnb_shape *in = i < s->node->n_inputs ? s->in[i] : NULL;
    char got[128], text[128];
    if (!in || (in->dtype == want.dtype && dnb_shape_equal(in, &want)))
        return DNB_OK;
    return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): input %zu is %s%s, not %s", s->node->name,
                    s->node->op->name, i, dnb_shape_text(in, got, sizeof got),
                    in->dtype == want.dtype ? "" : " of another type",
                    dnb_shape_text(&want, text, sizeof text));
}

dnb_shape dnb_recurrent_state(const recurrent *r)
{
    return dnb_shape_make(3, r->batch_first ? (size_t[]){r->batch, r->directions, r->hidden}
                                            : (size_t[]){r->directions, r->batch, r->hidden});
}

dnb_status dnb_recurrent_inputs(const dnb_op_shapes *s, recurrent *r, dnb_err *err)
{
    const dnb_node *n = s->node;
    int64_t hidden = 0;
    size_t gates = dnb_cells[r->kind].gates;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < 3; i++)
        if (!s->in[i] || s->in[i]->dtype != DNB_F32 || s->in[i]->ndim != 3)
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (%s): input %zu must be floats of 3 dimensions", n->name,
                            n->op->name, i);
    dnb_recurrent_sizes(r, s->in[IN_X]->dim, s->in[IN_R]->dim);
    DNB_TRY(dnb_node_int(n, "hidden_size", (int64_t)r->hidden, &hidden, err));
    if (hidden < 1 || (uint64_t)hidden != r->hidden || r->hidden > SIZE_MAX / 64)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): hidden_size %lld, but weights for %zu",
                        n->name, n->op->name, (long long)hidden, r->hidden);
    size_t rows = gates * r->hidden, d = r->directions;
    dnb_shape lengths = dnb_shape_make(1, (size_t[]){r->batch}), state = dnb_recurrent_state(r);
    lengths.dtype = DNB_I64;
    DNB_TRY(expect(s, IN_W, dnb_shape_make(3, (size_t[]){d, rows, r->inputs}), err));
    DNB_TRY(expect(s, IN_R, dnb_shape_make(3, (size_t[]){d, rows, r->hidden}), err));
    DNB_TRY(expect(s, IN_B, dnb_shape_make(2, (size_t[]){d, 2 * rows}), err));
    DNB_TRY(expect(s, IN_LENGTHS, lengths, err));
    DNB_TRY(expect(s, IN_H, state, err));
    DNB_TRY(expect(s, IN_C, state, err));
    DNB_TRY(expect(s, IN_PEEPHOLES, dnb_shape_make(2, (size_t[]){d, 3 * r->hidden}), err));
done:
    return status;
}

static dnb_status recurrent_shape(const dnb_op_shapes *s, dnb_err *err)
{
    recurrent r;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_recurrent_read(s->node, &r, err));
    DNB_TRY(dnb_recurrent_inputs(s, &r, err));
    s->out[0] =
        dnb_shape_make(4, r.batch_first ? (size_t[]){r.batch, r.steps, r.directions, r.hidden}
                                        : (size_t[]){r.steps, r.directions, r.batch, r.hidden});
    for (size_t i = 1; i < s->node->n_outputs; i++)
        s->out[i] = dnb_recurrent_state(&r);
    for (size_t i = 0; i < s->node->n_outputs; i++)
        s->out[i].elem = s->in[0]->elem;
done:
    return status;
}

/* ---- running ------------------------------------------------------------------------------------
 */

/* One direction on the way. States are batch x hidden. */
typedef struct walk {
    const recurrent *r;
    size_t direction;
    bool reversed;
    const int64_t *lengths; /* NULL = all steps */
    double *bias[2];        /* of W and of R, gates x hidden */
    double *h, *h_next;     /* the hidden state before and after a step */
    double *cell;           /* LSTM */
    double *update;         /* GRU: the update gate between the two halves of a step */
    double *reset;          /* GRU: reset gate times hidden state */
} walk;

/* Steps sequence b has. */
static size_t length_of(const walk *w, size_t b)
{
    return w->lengths ? (size_t)w->lengths[b] : w->r->steps;
}

/* Where in time the s-th step of a sequence lies. */
static size_t time_of(const walk *w, size_t b, size_t s)
{
    return w->reversed ? length_of(w, b) - 1 - s : s;
}

static double act(const walk *w, size_t i, double x)
{
    return dnb_recurrent_act(w->r, w->direction, i, x);
}

#define DNB_KERNELS "net/op_recurrent_kernel.h"
#include "net/each_real.h"

dnb_status dnb_recurrent_lengths(const dnb_op_call *c, const recurrent *r, dnb_err *err)
{
    const dnb_array *a = c->node->n_inputs > IN_LENGTHS ? c->in[IN_LENGTHS] : NULL;
    for (size_t b = 0; a && b < r->batch; b++) {
        int64_t v = ((const int64_t *)a->data)[b];
        if (v < 0 || (uint64_t)v > r->steps)
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (%s): sequence_lens holds %lld, outside 0 to %zu",
                            c->node->name, c->node->op->name, (long long)v, r->steps);
    }
    return DNB_OK;
}

/* Memory of one direction's walk; all of it is one block, released through *memory. */
static dnb_status walk_init(walk *w, double **memory, const recurrent *r, dnb_err *err)
{
    size_t state, gates = dnb_cells[r->kind].gates * r->hidden;
    dnb_status status = DNB_OK;
    *w = (walk){.r = r};
    if (!dnb_mul_size(&state, r->batch, r->hidden) || state > SIZE_MAX / 64)
        return dnb_fail_memory(err, "recurrent states", SIZE_MAX);
    DNB_NEW(*memory, 5 * state + 2 * gates, "recurrent states");
    w->h = *memory;
    w->h_next = w->h + state;
    w->cell = w->h_next + state;
    w->update = w->cell + state;
    w->reset = w->update + state;
    w->bias[0] = w->reset + state;
    w->bias[1] = w->bias[0] + gates;
done:
    return status;
}

static dnb_status recurrent_run(const dnb_op_call *c, dnb_err *err)
{
    recurrent r;
    walk w;
    double *memory = NULL;
    void *projected = NULL;
    size_t rows, count;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_recurrent_read(c->node, &r, err));
    dnb_recurrent_sizes(&r, c->in[IN_X]->shape, c->in[IN_R]->shape);
    DNB_TRY(dnb_recurrent_lengths(c, &r, err));
    DNB_TRY(walk_init(&w, &memory, &r, err));
    size_t real = c->out[0].dtype == DNB_F64 ? sizeof(double) : sizeof(float);
    if (!dnb_mul_size(&rows, r.steps, r.batch) ||
        !dnb_mul_size(&count, rows, dnb_cells[r.kind].gates * r.hidden) ||
        !(projected = dnb_alloc(count, real))) {
        status = dnb_fail_memory(err, c->node->name, rows);
        goto done;
    }
    for (size_t i = 0; i < c->node->n_outputs; i++)
        memset(c->out[i].data, 0, dnb_array_bytes(&c->out[i]));
    for (size_t d = 0; d < r.directions; d++) {
        w.direction = d;
        w.reversed = d == 1 || r.first_reversed;
        w.lengths =
            c->node->n_inputs > IN_LENGTHS && c->in[IN_LENGTHS] ? c->in[IN_LENGTHS]->data : NULL;
        DNB_BY_TYPE(c, direction, c, &w, projected);
    }
done:
    dnb_free(memory);
    dnb_free(projected);
    return status;
}

const dnb_op dnb_op_rnn = {.name = "RNN",
                           .min_in = 3,
                           .max_in = 6,
                           .max_out = 2,
                           .shape = recurrent_shape,
                           .run = recurrent_run,
                           .gradient = dnb_grad_recurrent};

const dnb_op dnb_op_gru = {.name = "GRU",
                           .min_in = 3,
                           .max_in = 6,
                           .max_out = 2,
                           .shape = recurrent_shape,
                           .run = recurrent_run,
                           .gradient = dnb_grad_recurrent};

const dnb_op dnb_op_lstm = {.name = "LSTM",
                            .min_in = 3,
                            .max_in = 8,
                            .max_out = 3,
                            .shape = recurrent_shape,
                            .run = recurrent_run,
                            .gradient = dnb_grad_recurrent};
