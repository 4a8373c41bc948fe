/* If, Loop and Scan: bodies are graphs of their own, run by the evaluator. In a compiled program,
 * where nothing of the data is known beforehand, they are refused. */
#include <string.h>

#include "base/mem.h"
#include "net/eval.h"
#include "net/op_families.h"
#include "net/op_util.h"

enum { MOST_FORMAL = 1 << 16 };

static dnb_status control_shape(const dnb_op_shapes *s, dnb_err *err)
{
    return dnb_fail(err, DNB_EUNSUPPORTED,
                    "node '%s' (%s): control flow is unsupported in a compiled network",
                    s->node->name, s->node->op->name);
}

static dnb_status get_body(const dnb_node *n, const char *name, const dnb_graph **body,
                           dnb_err *err)
{
    const dnb_attr *a = dnb_node_attr(n, name);
    if (!a || a->kind != DNB_ATTR_GRAPH || !a->graph)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): attribute '%s' is no graph", n->name,
                        n->op->name, name);
    *body = a->graph;
    return DNB_OK;
}

static dnb_status read_flag(const dnb_node *n, const dnb_array *a, const char *what, int64_t *out,
                            dnb_err *err)
{
    if (a->dtype != DNB_I64 || dnb_array_count(a) != 1)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): %s is not one integer or boolean",
                        n->name, n->op->name, what);
    *out = *(const int64_t *)a->data;
    return DNB_OK;
}

static dnb_status wrong_count(const dnb_node *n, const char *what, size_t have, size_t want,
                              dnb_err *err)
{
    return dnb_fail(err, DNB_EARG, "node '%s' (%s): its body has %zu %s instead of %zu", n->name,
                    n->op->name, have, what, want);
}

/* ---- If: inputs are the condition, what then_branch uses, what else_branch uses ---- */

static dnb_status if_eval(const dnb_eval_call *c, dnb_err *err)
{
    const dnb_graph *then_body = NULL, *else_body = NULL;
    int64_t cond = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(get_body(c->node, "then_branch", &then_body, err));
    DNB_TRY(get_body(c->node, "else_branch", &else_body, err));
    DNB_TRY(read_flag(c->node, c->in[0], "the condition", &cond, err));
    size_t n_then = dnb_graph_input_count(then_body), n_else = dnb_graph_input_count(else_body);
    if (c->node->n_inputs != 1 + n_then + n_else)
        return wrong_count(c->node, "inputs", n_then + n_else, c->node->n_inputs - 1, err);
    const dnb_graph *body = cond ? then_body : else_body;
    size_t first = cond ? 1 : 1 + n_then;
    if (dnb_graph_output_count(body) != c->node->n_outputs)
        return wrong_count(c->node, "outputs", dnb_graph_output_count(body), c->node->n_outputs,
                           err);
    DNB_TRY(dnb_eval_body(c->evaluator, body, c->in + first, c->in_shape + first, c->out,
                          c->out_shape, err));
done:
    return status;
}

const dnb_op dnb_op_if = {.name = "If",
                          .min_in = 1,
                          .max_in = DNB_ANY_COUNT,
                          .max_out = DNB_ANY_COUNT,
                          .shape = control_shape,
                          .eval = if_eval};

/* ---- what Loop and Scan share ---- */

/* Values of one iteration: what the body reads (borrowed), what it gave (owned), and the results
 * of all iterations joined along a new axis. */
typedef struct iteration {
    const dnb_graph *body;
    size_t n_formal, n_state, n_scan;
    const dnb_array **in; /* per body input */
    const dnb_shape **in_shape;
    dnb_array *out; /* per body output */
    dnb_shape *shape;
    dnb_array *state; /* owned: the state between two iterations */
    dnb_shape *state_shape;
    dnb_array *scan; /* owned: growing stacks, first dimension = iterations */
    dnb_shape *scan_shape;
} iteration;

static void iteration_release(iteration *it)
{
    for (size_t i = 0; it->state && i < it->n_state; i++)
        dnb_array_release(&it->state[i]);
    for (size_t i = 0; it->scan && i < it->n_scan; i++)
        dnb_array_release(&it->scan[i]);
    dnb_free((void *)it->in);
    dnb_free((void *)it->in_shape);
    dnb_free(it->out);
    dnb_free(it->shape);
    dnb_free(it->state);
    dnb_free(it->state_shape);
    dnb_free(it->scan);
    dnb_free(it->scan_shape);
}

/* Inputs from `n_formal` on are what the body uses of the graph around it. */
static dnb_status iteration_init(iteration *it, const dnb_eval_call *c, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t n_in = dnb_graph_input_count(it->body), n_out = dnb_graph_output_count(it->body);
    if (c->node->n_inputs < it->n_formal || n_in < c->node->n_inputs - it->n_formal)
        return wrong_count(c->node, "inputs", n_in, c->node->n_inputs, err);
    DNB_NEW(it->in, n_in, "loop");
    DNB_NEW(it->in_shape, n_in, "loop");
    DNB_NEW(it->out, n_out, "loop");
    DNB_NEW(it->shape, n_out, "loop");
    DNB_NEW(it->state, it->n_state, "loop");
    DNB_NEW(it->state_shape, it->n_state, "loop");
    DNB_NEW(it->scan, it->n_scan, "loop");
    DNB_NEW(it->scan_shape, it->n_scan, "loop");
    size_t outer = c->node->n_inputs - it->n_formal;
    for (size_t i = 0; i < outer; i++) {
        it->in[n_in - outer + i] = c->in[it->n_formal + i];
        it->in_shape[n_in - outer + i] = c->in_shape[it->n_formal + i];
    }
done:
    return status;
}

static dnb_status copy_state(iteration *it, const dnb_eval_call *c, size_t first, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < it->n_state; i++) {
        const dnb_array *a = c->in[first + i];
        if (!a)
            return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is missing", c->node->name,
                            c->node->op->name, first + i);
        DNB_TRY(dnb_array_convert(&it->state[i], a, a->dtype, err));
        it->state_shape[i] = *c->in_shape[first + i];
    }
done:
    return status;
}

/* Appends array a to the stack s along a new first dimension. */
static dnb_status stack(const dnb_node *n, dnb_array *s, dnb_shape *shape, const dnb_array *a,
                        const dnb_shape *a_shape, dnb_err *err)
{
    dnb_array grown = {0};
    size_t dim[DNB_MAX_DIMS], rows = s->data ? s->shape[0] : 0;
    bool fits = a->ndim < DNB_MAX_DIMS && (!s->data || s->ndim == a->ndim + 1);
    for (int d = 0; fits && s->data && d < a->ndim; d++)
        fits = s->shape[d + 1] == a->shape[d];
    if (!fits || (s->data && s->dtype != a->dtype))
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): its iterations differ in shape", n->name,
                        n->op->name);
    dim[0] = rows + 1;
    for (int d = 0; d < a->ndim; d++)
        dim[d + 1] = a->shape[d];
    dnb_status status = dnb_array_init(&grown, a->dtype, a->ndim + 1, dim, err);
    if (status != DNB_OK)
        return status;
    if (rows)
        memcpy(grown.data, s->data, dnb_array_bytes(s));
    memcpy((char *)grown.data + (rows ? dnb_array_bytes(s) : 0), a->data, dnb_array_bytes(a));
    dnb_array_release(s);
    *s = grown;
    *shape = dnb_shape_of(&grown);
    shape->dtype = a_shape->dtype;
    shape->elem = a_shape->elem;
    return DNB_OK;
}

/* Runs the body once; body output `skip` + i becomes state i, the ones after are stacked. */
static dnb_status iterate(iteration *it, const dnb_eval_call *c, size_t skip, dnb_err *err)
{
    size_t n_out = dnb_graph_output_count(it->body);
    dnb_status status =
        dnb_eval_body(c->evaluator, it->body, it->in, it->in_shape, it->out, it->shape, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < it->n_state; i++) {
        dnb_array_release(&it->state[i]);
        it->state[i] = it->out[skip + i];
        it->state_shape[i] = it->shape[skip + i];
        it->out[skip + i] = (dnb_array){0};
    }
    for (size_t i = 0; i < it->n_scan; i++) {
        size_t k = skip + it->n_state + i;
        DNB_TRY(stack(c->node, &it->scan[i], &it->scan_shape[i], &it->out[k], &it->shape[k], err));
    }
done:
    for (size_t i = skip; i < n_out; i++)
        dnb_array_release(&it->out[i]);
    return status;
}

/* Hands over states and stacks. A stack of no iterations has a shape nobody knows: it is empty. */
static dnb_status give(iteration *it, const dnb_eval_call *c, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t none = 0;
    for (size_t i = 0; i < c->node->n_outputs; i++) {
        bool is_state = i < it->n_state;
        dnb_array *a = is_state ? &it->state[i] : &it->scan[i - it->n_state];
        if (!a->data)
            DNB_TRY(dnb_array_init(a, DNB_F32, 1, &none, err));
        c->out_shape[i] = is_state ? it->state_shape[i] : it->scan_shape[i - it->n_state];
        if (dnb_array_count(a) == 0 && !is_state)
            c->out_shape[i] = dnb_shape_of(a);
        c->out[i] = *a;
        *a = (dnb_array){0};
    }
done:
    return status;
}

/* ---- Loop: trip count, condition, state..., then what the body uses ---- */

static dnb_status loop_iterations(iteration *it, const dnb_eval_call *c, int64_t trips,
                                  int64_t going, dnb_err *err)
{
    int64_t step = 0;
    dnb_array number, flag;
    dnb_shape number_shape = {.dtype = DNB_I64, .elem = DNB_ELEM(DNB_I64)};
    dnb_shape flag_shape = {.dtype = DNB_I64, .elem = DNB_ELEM(DNB_BOOL)};
    dnb_status status = DNB_OK;
    dnb_array_borrow(&number, DNB_I64, 0, NULL, &step);
    dnb_array_borrow(&flag, DNB_I64, 0, NULL, &going);
    it->in[0] = &number;
    it->in_shape[0] = &number_shape;
    it->in[1] = &flag;
    it->in_shape[1] = &flag_shape;
    for (size_t i = 0; i < it->n_state; i++) {
        it->in[2 + i] = &it->state[i];
        it->in_shape[2 + i] = &it->state_shape[i];
    }
    for (; going && step < trips; step++) {
        DNB_TRY(iterate(it, c, 1, err));
        status = read_flag(c->node, &it->out[0], "the body's condition", &going, err);
        dnb_array_release(&it->out[0]);
        if (status != DNB_OK)
            goto done;
    }
done:
    dnb_array_release(&it->out[0]);
    return status;
}

static dnb_status read_formal(const dnb_node *n, size_t least, size_t *formal, dnb_err *err)
{
    int64_t count = 0;
    dnb_status status = dnb_node_int(n, "dnb.formal", (int64_t)n->n_inputs, &count, err);
    if (status == DNB_OK && (count < (int64_t)least || count > (int64_t)n->n_inputs))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s) has %lld inputs; it takes %zu or more",
                        n->name, n->op->name, (long long)count, least);
    *formal = (size_t)count;
    return status;
}

static dnb_status loop_eval(const dnb_eval_call *c, dnb_err *err)
{
    iteration it = {0};
    int64_t trips = INT64_MAX, going = 1;
    dnb_status status = DNB_OK;
    DNB_TRY(get_body(c->node, "body", &it.body, err));
    DNB_TRY(read_formal(c->node, 2, &it.n_formal, err));
    size_t n_out = dnb_graph_output_count(it.body);
    it.n_state = it.n_formal - 2;
    if (dnb_graph_input_count(it.body) != c->node->n_inputs || n_out != 1 + c->node->n_outputs ||
        n_out < 1 + it.n_state)
        return wrong_count(c->node, "outputs", n_out, 1 + c->node->n_outputs, err);
    it.n_scan = n_out - 1 - it.n_state;
    if (c->in[0])
        DNB_TRY(read_flag(c->node, c->in[0], "the trip count", &trips, err));
    if (c->in[1])
        DNB_TRY(read_flag(c->node, c->in[1], "the condition", &going, err));
    DNB_TRY(iteration_init(&it, c, err));
    DNB_TRY(copy_state(&it, c, 2, err));
    DNB_TRY(loop_iterations(&it, c, trips, going, err));
    DNB_TRY(give(&it, c, err));
done:
    iteration_release(&it);
    return status;
}

const dnb_op dnb_op_loop = {.name = "Loop",
                            .min_in = 0,
                            .max_in = DNB_ANY_COUNT,
                            .max_out = DNB_ANY_COUNT,
                            .shape = control_shape,
                            .eval = loop_eval};

/* ---- Scan (opset 9 on): state..., sequences along the first axis, then what the body uses ---- */

/* Other axes and directions would need transposed copies; nobody's exporter writes them. */
static dnb_status check_scan(const dnb_eval_call *c, int opset, dnb_err *err)
{
    static const char *const lists[] = {"scan_input_axes", "scan_input_directions",
                                        "scan_output_axes", "scan_output_directions"};
    dnb_status status = DNB_OK;
    if (opset < 9)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (Scan): its form of opset 8 is unsupported", c->node->name);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const int64_t *v;
        size_t n;
        DNB_TRY(dnb_node_ints(c->node, lists[i], &v, &n, err));
        for (size_t k = 0; k < n; k++)
            if (v[k] != 0)
                return dnb_fail(err, DNB_EUNSUPPORTED,
                                "node '%s' (Scan): %s of %lld is unsupported", c->node->name,
                                lists[i], (long long)v[k]);
    }
done:
    return status;
}

/* The sequences' common length. */
static dnb_status scan_length(const dnb_eval_call *c, const iteration *it, size_t *length,
                              dnb_err *err)
{
    for (size_t i = it->n_state; i < it->n_formal; i++) {
        const dnb_array *a = c->in[i];
        if (!a || a->ndim < 1 || (i > it->n_state && a->shape[0] != *length))
            return dnb_fail(err, DNB_ESHAPE,
                            "node '%s' (Scan): its sequences differ in length or have none",
                            c->node->name);
        *length = a->shape[0];
    }
    return DNB_OK;
}

static dnb_status scan_iterations(iteration *it, const dnb_eval_call *c, size_t length,
                                  dnb_err *err)
{
    dnb_array *slice = NULL;
    dnb_shape *slice_shape = NULL;
    dnb_status status = DNB_OK;
    size_t n = it->n_formal - it->n_state;
    DNB_NEW(slice, n, "scan");
    DNB_NEW(slice_shape, n, "scan");
    for (size_t i = 0; i < it->n_state; i++) {
        it->in[i] = &it->state[i];
        it->in_shape[i] = &it->state_shape[i];
    }
    for (size_t t = 0; t < length; t++) {
        for (size_t i = 0; i < n; i++) {
            const dnb_array *a = c->in[it->n_state + i];
            size_t bytes = dnb_array_bytes(a) / length;
            dnb_array_borrow(&slice[i], a->dtype, a->ndim - 1, a->shape + 1,
                             (char *)a->data + t * bytes);
            slice_shape[i] = dnb_shape_of(&slice[i]);
            slice_shape[i].dtype = c->in_shape[it->n_state + i]->dtype;
            slice_shape[i].elem = c->in_shape[it->n_state + i]->elem;
            it->in[it->n_state + i] = &slice[i];
            it->in_shape[it->n_state + i] = &slice_shape[i];
        }
        DNB_TRY(iterate(it, c, 0, err));
    }
done:
    dnb_free(slice);
    dnb_free(slice_shape);
    return status;
}

static dnb_status scan_eval(const dnb_eval_call *c, dnb_err *err)
{
    iteration it = {0};
    int64_t n_sequences = 0;
    size_t length = 0;
    dnb_status status = DNB_OK;
    DNB_TRY(check_scan(c, c->opset, err));
    DNB_TRY(get_body(c->node, "body", &it.body, err));
    DNB_TRY(read_formal(c->node, 1, &it.n_formal, err));
    DNB_TRY(dnb_node_int(c->node, "num_scan_inputs", 0, &n_sequences, err));
    size_t n_out = dnb_graph_output_count(it.body);
    if (n_sequences < 1 || n_sequences > MOST_FORMAL || (size_t)n_sequences > it.n_formal)
        return dnb_fail(err, DNB_EARG, "node '%s' (Scan): num_scan_inputs is %lld", c->node->name,
                        (long long)n_sequences);
    it.n_state = it.n_formal - (size_t)n_sequences;
    if (dnb_graph_input_count(it.body) != c->node->n_inputs || n_out != c->node->n_outputs ||
        n_out < it.n_state)
        return wrong_count(c->node, "outputs", n_out, c->node->n_outputs, err);
    it.n_scan = n_out - it.n_state;
    DNB_TRY(scan_length(c, &it, &length, err));
    DNB_TRY(iteration_init(&it, c, err));
    DNB_TRY(copy_state(&it, c, 0, err));
    DNB_TRY(scan_iterations(&it, c, length, err));
    DNB_TRY(give(&it, c, err));
done:
    iteration_release(&it);
    return status;
}

const dnb_op dnb_op_scan = {.name = "Scan",
                            .min_in = 0,
                            .max_in = DNB_ANY_COUNT,
                            .max_out = DNB_ANY_COUNT,
                            .shape = control_shape,
                            .eval = scan_eval};
