/* Attributes that several operators, or an operator and its gradient, read the same way. */
#include <float.h>
#include <math.h>
#include <stdint.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "net/op_util.h"

dnb_status dnb_node_choice(const dnb_node *n, const char *name, const char *const *list,
                           int fallback, int *out, dnb_err *err)
{
    const char *text = NULL;
    size_t count = 0;
    dnb_status status = dnb_node_string(n, name, &text, err);
    if (status != DNB_OK)
        return status;
    while (list[count])
        count++;
    int found = text ? dnb_enum_find(text, list, count, NULL, 0) : fallback;
    if (found < 0)
        return dnb_fail(err, DNB_EUNSUPPORTED, "node '%s' (%s): %s '%s' is unsupported", n->name,
                        n->op->name, name, text);
    *out = found;
    return DNB_OK;
}

dnb_status dnb_clip_bounds(const dnb_op_call *c, size_t first, double bound[2], dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_float(c->node, "min", -INFINITY, &bound[0], err));
    DNB_TRY(dnb_node_float(c->node, "max", INFINITY, &bound[1], err));
    for (size_t i = 0; i < 2; i++)
        if (first + i < c->node->n_inputs && c->in[first + i])
            bound[i] = dnb_array_at(c->in[first + i], 0);
done:
    return status;
}

dnb_status dnb_clip_known(const dnb_op_shapes *s, size_t first, double bound[2], bool *known,
                          dnb_err *err)
{
    bool given;
    dnb_status status = DNB_OK;
    bound[0] = -FLT_MAX;
    bound[1] = FLT_MAX;
    *known = false;
    for (size_t i = first; i < s->node->n_inputs; i++)
        if (s->in[i] && !s->known[i])
            return DNB_OK;
    DNB_TRY(dnb_op_scalar(s, "min", first, &bound[0], &given, err));
    DNB_TRY(dnb_op_scalar(s, "max", first + 1, &bound[1], &given, err));
    *known = bound[0] <= bound[1];
done:
    return status;
}

dnb_status dnb_lrn_read(const dnb_node *n, dnb_lrn *out, dnb_err *err)
{
    dnb_lrn v = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_node_int(n, "size", 0, &v.size, err));
    DNB_TRY(dnb_node_float(n, "alpha", 1e-4, &v.alpha, err));
    DNB_TRY(dnb_node_float(n, "beta", 0.75, &v.beta, err));
    DNB_TRY(dnb_node_float(n, "bias", 1.0, &v.k, err));
    if (v.size < 1 || v.size > (int64_t)1 << 31)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): size %lld is out of range", n->name,
                        n->op->name, (long long)v.size);
    *out = v;
done:
    return status;
}

dnb_status dnb_epsilon_run(const dnb_op_call *c, dnb_epsilon_kernel *f32, dnb_epsilon_kernel *f64,
                           dnb_err *err)
{
    double epsilon;
    dnb_status status = dnb_node_float(c->node, "epsilon", 1e-5, &epsilon, err);
    if (status == DNB_OK)
        (c->out[0].dtype == DNB_F64 ? f64 : f32)(c, epsilon);
    return status;
}
