/* RandomUniform, RandomNormal, their Like forms, Bernoulli; and Dropout, which is the identity
 * outside training. Draws come from the counter-based generator: the same seed and node give the
 * same numbers on any number of threads. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/grad_util.h"
#include "dnnbrain/random.h"
#include "net/elementwise.h"
#include "net/op_families.h"

/* Numbers drawn by one thread at a time; even, because a block of the generator is two uniforms. */
#define CHUNK ((size_t)4096)

/* ---- the generator ------------------------------------------------------------------------------
 */

/* Where a node gives no seed it is 0, and its name keeps it apart from other nodes. */
static dnb_status start(const dnb_node *n, dnb_random *r, dnb_err *err)
{
    double seed = 0;
    uint64_t bits = 0, stream = 0xcbf29ce484222325u; /* FNV-1a */
    dnb_status status = dnb_node_float(n, "seed", 0, &seed, err);
    if (status != DNB_OK)
        return status;
    if (dnb_node_attr(n, "seed")) {
        memcpy(&bits, &seed, sizeof bits);
        dnb_random_init(r, bits, 0);
        return DNB_OK;
    }
    for (const char *p = n->name; *p; p++)
        stream = (stream ^ (unsigned char)*p) * 0x100000001b3u;
    dnb_random_init(r, 0, stream);
    return DNB_OK;
}

typedef double (*draw_fn)(dnb_random *r);

/* The i-th number of out = a + b * the i-th draw, kept below `limit`. */
static void fill(const dnb_array *out, const dnb_random *first, draw_fn draw, size_t per_block,
                 double a, double b, double limit)
{
    size_t n = dnb_array_count(out), chunks = (n + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (size_t c = 0; c < chunks; c++) {
        dnb_random r = *first;
        size_t from = c * CHUNK, to = n - from < CHUNK ? n : from + CHUNK;
        r.block = from / per_block;
        for (size_t i = from; i < to; i++) {
            double v = a + b * draw(&r);
            if (out->dtype == DNB_F64)
                ((double *)out->data)[i] = v < limit ? v : nextafter(limit, a);
            else
                ((float *)out->data)[i] =
                    (float)v < (float)limit ? (float)v : nextafterf((float)limit, (float)a);
        }
    }
}

/* ---- shapes -------------------------------------------------------------------------------------
 */

/* Attribute dtype, or `fallback`; floats only unless `any`. */
static dnb_status wanted_type(const dnb_node *n, dnb_dtype fallback, bool any, dnb_dtype *t,
                              dnb_err *err)
{
    int64_t code = 0;
    dnb_status status = dnb_node_int(n, "dtype", 0, &code, err);
    if (status != DNB_OK)
        return status;
    *t = fallback;
    if ((dnb_node_attr(n, "dtype") && !dnb_onnx_elem(code, t)) ||
        (!any && dnb_storage_class(*t) != DNB_F32))
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): a result of type %lld is "
                        "unsupported",
                        n->name, n->op->name, (long long)code);
    return DNB_OK;
}

/* As attribute `shape` says. */
static dnb_status random_shape(const dnb_op_shapes *s, dnb_err *err)
{
    const int64_t *dims;
    size_t n;
    dnb_dtype t;
    dnb_status status = DNB_OK;
    DNB_TRY(wanted_type(s->node, DNB_F32, false, &t, err));
    DNB_TRY(dnb_node_ints(s->node, "shape", &dims, &n, err));
    if (!dims || n > DNB_MAX_DIMS)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): needs a shape of at most %d dimensions",
                        s->node->name, s->node->op->name, DNB_MAX_DIMS);
    s->out[0] = (dnb_shape){.dtype = DNB_F32, .ndim = (int)n, .elem = DNB_ELEM(t)};
    for (size_t i = 0; i < n; i++) {
        if (dims[i] < 0 || (uint64_t)dims[i] > SIZE_MAX)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (%s): dimension %zu is %lld", s->node->name,
                            s->node->op->name, i, (long long)dims[i]);
        s->out[0].dim[i] = (size_t)dims[i];
    }
done:
    return status;
}

static dnb_status random_like_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_dtype t;
    dnb_status status = wanted_type(s->node, dnb_elem(s->in[0]), false, &t, err);
    if (status != DNB_OK)
        return status;
    s->out[0] = *s->in[0];
    s->out[0].dtype = DNB_F32;
    s->out[0].elem = DNB_ELEM(t);
    return DNB_OK;
}

static dnb_status bernoulli_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_dtype t;
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_check_class(s, 0, DNB_F32, err));
    DNB_TRY(wanted_type(s->node, dnb_elem(s->in[0]), true, &t, err));
    s->out[0] = *s->in[0];
    s->out[0].dtype = dnb_storage_class(t);
    s->out[0].elem = DNB_ELEM(t);
done:
    return status;
}

/* ---- kernels ------------------------------------------------------------------------------------
 */

static dnb_status uniform_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_random r;
    double low, high;
    dnb_status status = DNB_OK;
    DNB_TRY(start(c->node, &r, err));
    DNB_TRY(dnb_node_float(c->node, "low", 0, &low, err));
    DNB_TRY(dnb_node_float(c->node, "high", 1, &high, err));
    if (!(low < high) || !isfinite(high - low))
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): low %g is not below high %g", c->node->name,
                        c->node->op->name, low, high);
    fill(&c->out[0], &r, dnb_random_uniform, 2, low, high - low, high);
done:
    return status;
}

static dnb_status normal_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_random r;
    double mean, scale;
    dnb_status status = DNB_OK;
    DNB_TRY(start(c->node, &r, err));
    DNB_TRY(dnb_node_float(c->node, "mean", 0, &mean, err));
    DNB_TRY(dnb_node_float(c->node, "scale", 1, &scale, err));
    fill(&c->out[0], &r, dnb_random_normal, 1, mean, scale, INFINITY);
done:
    return status;
}

/* 1 with the input's probability, else 0. */
static dnb_status bernoulli_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_random r;
    dnb_array *out = &c->out[0];
    dnb_status status = start(c->node, &r, err);
    for (size_t i = 0, n = dnb_array_count(out); status == DNB_OK && i < n; i++) {
        bool hit = dnb_random_uniform(&r) < dnb_array_at(c->in[0], i);
        if (out->dtype == DNB_F32)
            ((float *)out->data)[i] = hit;
        else if (out->dtype == DNB_F64)
            ((double *)out->data)[i] = hit;
        else
            ((int64_t *)out->data)[i] = hit;
    }
    return status;
}

DNB_OP_RECORD(random_uniform, "RandomUniform", 0, 0, random_shape, uniform_run, NULL);
DNB_OP_RECORD(random_normal, "RandomNormal", 0, 0, random_shape, normal_run, NULL);
DNB_OP_RECORD_GRAD(random_uniform_like, "RandomUniformLike", 1, 1, random_like_shape, uniform_run,
                   NULL, dnb_grad_zero);
DNB_OP_RECORD_GRAD(random_normal_like, "RandomNormalLike", 1, 1, random_like_shape, normal_run,
                   NULL, dnb_grad_zero);
DNB_OP_RECORD(bernoulli, "Bernoulli", 1, 1, bernoulli_shape, bernoulli_run, NULL);

/* ---- Dropout ------------------------------------------------------------------------------------
 */

/* Does the node drop anything? Training is attribute is_test = 0 before operator set 7, input 2
 * since 12. */
static dnb_status check_inference(const dnb_op_shapes *s, dnb_err *err)
{
    const dnb_node *n = s->node;
    int64_t is_test = 1;
    double ratio = 0.5;
    bool training = false;
    dnb_status status = DNB_OK;
    if (s->opset < 7)
        DNB_TRY(dnb_node_int(n, "is_test", 0, &is_test, err));
    if (s->opset < 12)
        DNB_TRY(dnb_node_float(n, "ratio", 0.5, &ratio, err));
    for (size_t i = 1; i < n->n_inputs; i++) {
        if (!s->in[i])
            continue;
        if (s->opset < 12 || dnb_shape_count(s->in[i]) != 1)
            return dnb_fail(err, DNB_ESHAPE, "node '%s' (Dropout): input %zu is not one number",
                            n->name, i);
    }
    if (n->n_inputs > 2 && s->in[2]) {
        DNB_TRY(dnb_op_need(s, 2, err));
        training = dnb_array_at(s->known[2], 0) != 0;
    }
    training = training || !is_test;
    if (training && s->opset >= 12 && s->in[1]) {
        DNB_TRY(dnb_op_need(s, 1, err));
        ratio = dnb_array_at(s->known[1], 0);
    }
    if (training && ratio != 0)
        status = dnb_fail(err, DNB_EUNSUPPORTED,
                          "node '%s' (Dropout): dropping in training mode is unsupported", n->name);
done:
    return status;
}

/* The mask is of the data's type before operator set 10, boolean since. */
static dnb_status dropout_shape(const dnb_op_shapes *s, dnb_err *err)
{
    dnb_status status = check_inference(s, err);
    if (status != DNB_OK)
        return status;
    s->out[0] = *s->in[0];
    if (s->node->n_outputs > 1) {
        s->out[1] = *s->in[0];
        if (s->opset >= 10) {
            s->out[1].dtype = DNB_I64;
            s->out[1].elem = DNB_ELEM(DNB_BOOL);
        }
    }
    return DNB_OK;
}

/* Everything is kept. */
static dnb_status dropout_run(const dnb_op_call *c, dnb_err *err)
{
    dnb_array *mask = c->node->n_outputs > 1 ? &c->out[1] : NULL;
    for (size_t i = 0, n = mask ? dnb_array_count(mask) : 0; i < n; i++) {
        if (mask->dtype == DNB_F32)
            ((float *)mask->data)[i] = 1;
        else if (mask->dtype == DNB_F64)
            ((double *)mask->data)[i] = 1;
        else
            ((int64_t *)mask->data)[i] = 1;
    }
    return dnb_kernel_copy(c, err);
}

const dnb_op dnb_op_dropout = {.name = "Dropout",
                               .min_in = 1,
                               .max_in = 3,
                               .max_out = 2,
                               .flags = DNB_OP_VIEW,
                               .shape = dropout_shape,
                               .run = dropout_run,
                               .gradient = dnb_grad_reshape};
