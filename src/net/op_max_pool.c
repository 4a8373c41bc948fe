/* MaxPool over 1 to 3 spatial dimensions, of floats and integers, with the places of the maxima. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "net/op_families.h"
#include "net/op_pool.h"
#include "net/op_util.h"

#define LOWEST ((REAL)-INFINITY)
#define IS_NAN(v) ((v) != (v))
#define DNB_KERNELS "net/op_max_pool_kernel.h"
#include "net/each_real.h"
#undef LOWEST
#undef IS_NAN
#define LOWEST 0
#define IS_NAN(v) false
#define REAL int64_t
#define NAME(x) x##_i64
#include "net/op_max_pool_kernel.h"
#undef REAL
#undef NAME

static dnb_status max_pool_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_window w;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read(&w, s->node, s->in[0], NULL, err));
    if (dnb_elem(s->in[0]) == DNB_U64)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (MaxPool): uint64 is unsupported",
                        s->node->name);
    for (size_t o = 0; o < s->node->n_outputs; o++) {
        s->out[o] = *s->in[0];
        for (int i = 0; i < w.n; i++)
            s->out[o].dim[2 + i] = w.out[i];
    }
    if (s->node->n_outputs > 1) {
        s->out[1].dtype = DNB_I64;
        s->out[1].elem = DNB_ELEM(DNB_I64);
    }
done:
    return status;
}

static dnb_status max_pool_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_window w;
    int64_t by_column = 0;
    int64_t *index = c->node->n_outputs > 1 ? c->out[1].data : NULL;
    dnb_shape x = dnb_shape_of(c->in[0]);
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_window_read(&w, c->node, &x, NULL, err));
    DNB_TRY(dnb_node_int(c->node, "storage_order", 0, &by_column, err));
    dnb_window_to_3d(&w);
    /* Dimensions of size 1 in front would come first in a column-wise count and change nothing. */
    if (c->out[0].dtype == DNB_I64)
        max_pool_i64(c, &w, index, by_column != 0);
    else
        DNB_BY_TYPE(c, max_pool, c, &w, index, by_column != 0);
done:
    return status;
}

static dnb_status max_pool_lower(const dnb_op_shapes *s, dnb_prim *p, dnb_err *err)
{
    dnb_window w;
    dnb_status status = dnb_window_read(&w, s->node, s->in[0], NULL, err);
    if (status != DNB_OK || s->node->n_outputs > 1 || s->in[0]->dtype != DNB_F32)
        return status;
    dnb_window_to_prim(&w, p);
    p->kind = DNB_PRIM_POOL_MAX;
    p->n_data = 1;
    return DNB_OK;
}

const dnb_op dnb_op_max_pool = {.name = "MaxPool",
                                .min_in = 1,
                                .max_in = 1,
                                .max_out = 2,
                                .shape = max_pool_shape,
                                .run = max_pool_run,
                                .lower = max_pool_lower,
                                .gradient = dnb_grad_max_pool};
