/* Operators that repeat, reverse or blank elements: Expand, Tile, ReverseSequence, Trilu. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/move.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_SIZE ((int64_t)1 << 31)

/* ---- Expand -------------------------------------------------------------------------------------
 */

static dnb_status expand_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *sizes;
    size_t n;
    dnb_shape target = {.dtype = s->in[0]->dtype};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_ints(s, NULL, 1, &sizes, &n, err));
    if (n > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (Expand): %zu dimensions; %d are supported", s->node->name, n,
                        DNB_MAX_DIMS);
    target.ndim = (int)n;
    for (size_t i = 0; i < n; i++) {
        if (sizes[i] < 0 || sizes[i] > MAX_SIZE)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Expand): dimension %zu is %lld",
                            s->node->name, i, (long long)sizes[i]);
        target.dim[i] = (size_t)sizes[i];
    }
    DNB_TRY(dnb_op_broadcast(s->node, s->in[0], &target, &s->out[0], err));
done:
    return status;
}

static dnb_status expand_run(const dnb_op_call *c, dnb_err *err)
{
    size_t step[DNB_MAX_DIMS];
    (void)err;
    dnb_broadcast_steps(c->in[0], &c->out[0], step);
    dnb_move_strided(&c->out[0], c->in[0], step);
    return DNB_OK;
}

const dnb_op dnb_op_expand = {.name = "Expand",
                              .min_in = 2,
                              .max_in = 2,
                              .max_out = 1,
                              .flags = DNB_OP_TAKES_EMPTY,
                              .shape = expand_shape,
                              .run = expand_run,
                              .gradient = dnb_grad_broadcast_to};

/* ---- Tile ---------------------------------------------------------------------------------------
 */

static dnb_status tile_dimension(const dnb_op_shapes *s, int axis, double times, dnb_err *err)
{
    size_t *dim = &s->out[0].dim[axis];
    if (!(times >= 0 && times <= (double)MAX_SIZE) || !dnb_mul_size(dim, *dim, (size_t)times))
        return dnb_fail(err, DNB_EARG, "node '%s' (Tile): repeats dimension %d %g times",
                        s->node->name, axis, times);
    return DNB_OK;
}

/* Before opset 6: how often, and along which axis. */
static dnb_status tile_one_axis(const dnb_op_shapes *s, dnb_err *err)
{
    int axis;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_need(s, 1, err));
    DNB_TRY(dnb_op_need(s, 2, err));
    double at = dnb_array_count(s->known[2]) == 1 ? dnb_array_at(s->known[2], 0) : DNB_MAX_DIMS;
    if (!(at >= -DNB_MAX_DIMS && at <= DNB_MAX_DIMS) || dnb_array_count(s->known[1]) != 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (Tile): tiles and axis must be one number each",
                        s->node->name);
    DNB_TRY(dnb_op_axis(s->node, (int64_t)at, s->in[0]->ndim, false, &axis, err));
    DNB_TRY(tile_dimension(s, axis, dnb_array_at(s->known[1], 0), err));
done:
    return status;
}

static dnb_status tile_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *repeats;
    size_t n;
    dnb_status status = DNB_OK;
    s->out[0] = *s->in[0];
    if (s->node->n_inputs == 3)
        return tile_one_axis(s, err);
    DNB_TRY(dnb_op_ints(s, NULL, 1, &repeats, &n, err));
    if (n != (size_t)s->in[0]->ndim)
        return dnb_fail(err, DNB_EARG, "node '%s' (Tile): %zu repeats for %d dimensions",
                        s->node->name, n, s->in[0]->ndim);
    for (size_t i = 0; i < n; i++)
        DNB_TRY(tile_dimension(s, (int)i, (double)repeats[i], err));
done:
    return status;
}

static dnb_status tile_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_tables t = {0};
    dnb_status status = dnb_tables_init(&t, &c->out[0], err);
    if (status != DNB_OK)
        return status;
    for (int d = 0; d < c->out[0].ndim; d++)
        for (size_t i = 0; i < c->out[0].shape[d]; i++)
            t.from[d][i] = i % c->in[0]->shape[d];
    dnb_move_by_tables(&c->out[0], c->in[0], &t, 0);
    dnb_tables_release(&t);
    return DNB_OK;
}

const dnb_op dnb_op_tile = {.name = "Tile",
                            .min_in = 2,
                            .max_in = 3,
                            .max_out = 1,
                            .flags = DNB_OP_TAKES_EMPTY,
                            .shape = tile_shape,
                            .run = tile_run,
                            .gradient = dnb_grad_mover};

/* ---- ReverseSequence ----------------------------------------------------------------------------
 */

static dnb_status reverse_axes(const dnb_node *n, int *time, int *batch, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_axis_attr(n, "time_axis", 0, 2, false, time, err));
    DNB_TRY(dnb_op_axis_attr(n, "batch_axis", 1, 2, false, batch, err));
    if (*time == *batch)
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (ReverseSequence): time_axis and batch_axis are the same",
                        n->name);
done:
    return status;
}

static dnb_status reverse_sequence_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_shape *x = s->in[0], *lens = s->in[1];
    int time, batch;
    dnb_status status = DNB_OK;
    DNB_TRY(reverse_axes(s->node, &time, &batch, err));
    if (x->ndim < 2 || lens->dtype != DNB_I64 || lens->ndim != 1 || lens->dim[0] != x->dim[batch])
        return dnb_fail(err, DNB_ESHAPE,
                        "node '%s' (ReverseSequence): needs at least two dimensions, and one "
                        "integer length per entry of the batch",
                        s->node->name);
    s->out[0] = *x;
done:
    return status;
}

static dnb_status reverse_sequence_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    const int64_t *lens = c->in[1]->data;
    int time, batch;
    dnb_status status = reverse_axes(c->node, &time, &batch, err);
    if (status != DNB_OK)
        return status;
    size_t n_time = x->shape[time], cols = x->shape[1];
    size_t block = dnb_dtype_size(x->dtype);
    for (int d = 2; d < x->ndim; d++)
        block *= x->shape[d];
    for (size_t b = 0; b < x->shape[batch]; b++) {
        if (lens[b] < 0 || (uint64_t)lens[b] > n_time)
            return dnb_fail(err, DNB_EARG,
                            "node '%s' (ReverseSequence): length %lld of sequence %zu is outside "
                            "0..%zu",
                            c->node->name, (long long)lens[b], b, n_time);
        for (size_t t = 0; t < n_time; t++) {
            size_t from = t < (size_t)lens[b] ? (size_t)lens[b] - 1 - t : t;
            size_t to_at = time == 0 ? t * cols + b : b * cols + t;
            size_t from_at = time == 0 ? from * cols + b : b * cols + from;
            memcpy((char *)c->out[0].data + to_at * block, (const char *)x->data + from_at * block,
                   block);
        }
    }
    return DNB_OK;
}

const dnb_op dnb_op_reverse_sequence = {.name = "ReverseSequence",
                                        .min_in = 2,
                                        .max_in = 2,
                                        .max_out = 1,
                                        .flags = DNB_OP_TAKES_EMPTY,
                                        .shape = reverse_sequence_shape,
                                        .run = reverse_sequence_run,
                                        .gradient = dnb_grad_mover};

/* ---- Trilu --------------------------------------------------------------------------------------
 */

static dnb_status trilu_shape(const dnb_op_shapes *s, dnb_err *err)
{
    bool k_fits = s->node->n_inputs < 2 || !s->in[1] ||
                  (s->in[1]->dtype == DNB_I64 && dnb_shape_count(s->in[1]) == 1);
    if (s->in[0]->ndim < 2 || !k_fits)
        return dnb_fail(err, DNB_ESHAPE, "node '%s' (Trilu): needs matrices, and k as one integer",
                        s->node->name);
    s->out[0] = *s->in[0];
    return DNB_OK;
}

static dnb_status trilu_run(const dnb_op_call *c, dnb_err *err)
{
    const dnb_array *x = c->in[0];
    bool has_k = c->node->n_inputs > 1 && c->in[1];
    int64_t upper = 1, k = has_k ? *(const int64_t *)c->in[1]->data : 0;
    dnb_status status = dnb_node_int(c->node, "upper", 1, &upper, err);
    if (status != DNB_OK)
        return status;
    int64_t rows = (int64_t)x->shape[x->ndim - 2], cols = (int64_t)x->shape[x->ndim - 1];
    size_t size = dnb_dtype_size(x->dtype), n = dnb_array_count(x);
    size_t row = (size_t)cols * size, n_rows = cols ? n / (size_t)cols : 0;
    k = k < -rows ? -rows : k > cols ? cols : k;
    for (size_t r = 0; r < n_rows; r++) {
        /* the diagonal's column in this row; upper keeps from there, lower up to there */
        int64_t at = (int64_t)(r % (size_t)rows) + k + (upper ? 0 : 1);
        size_t cut = (size_t)(at < 0 ? 0 : at > cols ? cols : at) * size;
        const char *src = (const char *)x->data + r * row;
        char *dst = (char *)c->out[0].data + r * row;
        memset(dst + (upper ? 0 : cut), 0, upper ? cut : row - cut);
        memcpy(dst + (upper ? cut : 0), src + (upper ? cut : 0), upper ? row - cut : cut);
    }
    return DNB_OK;
}

const dnb_op dnb_op_trilu = {.name = "Trilu",
                             .min_in = 1,
                             .max_in = 2,
                             .max_out = 1,
                             .flags = DNB_OP_TAKES_EMPTY,
                             .shape = trilu_shape,
                             .run = trilu_run,
                             .gradient = dnb_grad_mover};
