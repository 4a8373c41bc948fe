/* HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix: tables made from a few numbers.
 * Windows as in Harris 1978; ONNX's Hamming coefficients are 25/46 and 21/46. */
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "net/onnx_tensor.h"
#include "net/op_families.h"
#include "net/op_util.h"

#define MAX_SIZE ((int64_t)1 << 28)

/* Input i as one number. */
static dnb_status number_at(const dnb_node *n, const dnb_array *const *content, size_t i,
                            double *out, dnb_err *err)
{
    if (dnb_array_count(content[i]) != 1)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu is not one number", n->name,
                        n->op->name, i);
    *out = dnb_array_at(content[i], 0);
    return DNB_OK;
}

/* Input i as a count of at least `least`. */
static dnb_status count_at(const dnb_node *n, const dnb_array *const *content, size_t i,
                           double least, size_t *out, dnb_err *err)
{
    double v = 0;
    dnb_status status = number_at(n, content, i, &v, err);
    if (status != DNB_OK)
        return status;
    if (content[i]->dtype != DNB_I64 || v < least || v > (double)MAX_SIZE)
        return dnb_fail(err, DNB_EARG, "node '%s' (%s): input %zu of %g is out of range", n->name,
                        n->op->name, i, v);
    *out = (size_t)v;
    return DNB_OK;
}

/* Attribute output_datatype into out's types. */
static dnb_status output_type(const dnb_node *n, dnb_shape *out, dnb_err *err)
{
    int64_t type = 1;
    dnb_dtype elem;
    dnb_status status = dnb_node_int(n, "output_datatype", 1, &type, err);
    if (status != DNB_OK)
        return status;
    if (type < 1 || type > INT16_MAX || !dnb_onnx_dtype((int32_t)type, &elem) || elem == DNB_BOOL)
        return dnb_fail(err, DNB_EUNSUPPORTED,
                        "node '%s' (%s): output_datatype %lld is unsupported", n->name, n->op->name,
                        (long long)type);
    out->dtype = dnb_storage_class(elem);
    out->elem = DNB_ELEM(elem);
    return DNB_OK;
}

/* Integers are rounded towards zero, as a Cast does. */
static void put(const dnb_array *out, size_t i, double v)
{
    if (out->dtype == DNB_F32)
        ((float *)out->data)[i] = (float)v;
    else if (out->dtype == DNB_F64)
        ((double *)out->data)[i] = v;
    else
        ((int64_t *)out->data)[i] = (int64_t)v;
}

/* ---- windows ------------------------------------------------------------------------------------
 */

static dnb_status window_shape(const dnb_op_shapes *s, dnb_err *err)
{
    size_t size = 0;
    dnb_shape out = {.ndim = 1};
    dnb_status status = DNB_OK;
    DNB_TRY(dnb_op_need(s, 0, err));
    DNB_TRY(count_at(s->node, s->known, 0, 1, &size, err));
    DNB_TRY(output_type(s->node, &out, err));
    out.dim[0] = size;
    s->out[0] = out;
done:
    return status;
}

/* a0 - a1 cos(t) + a2 cos(2 t), t going once around over the window (periodic: over one point
 * more). */
static dnb_status window_run(const dnb_op_call *c, double a0, double a1, double a2, dnb_err *err)
{
    const double pi = 3.14159265358979323846;
    const dnb_array *out = &c->out[0];
    size_t n = out->shape[0];
    int64_t periodic = 1;
    dnb_status status = dnb_node_int(c->node, "periodic", 1, &periodic, err);
    if (status != DNB_OK)
        return status;
    size_t around = periodic ? n : n - 1;
    for (size_t i = 0; i < n; i++) {
        double t = around ? 2 * pi * (double)i / (double)around : pi; /* one point: the peak */
        put(out, i, a0 - a1 * cos(t) + a2 * cos(2 * t));
    }
    return DNB_OK;
}

static dnb_status hann_run(const dnb_op_call *c, dnb_err *err)
{
    return window_run(c, 0.5, 0.5, 0, err);
}

static dnb_status hamming_run(const dnb_op_call *c, dnb_err *err)
{
    return window_run(c, 25.0 / 46, 21.0 / 46, 0, err);
}

static dnb_status blackman_run(const dnb_op_call *c, dnb_err *err)
{
    return window_run(c, 0.42, 0.5, 0.08, err);
}

const dnb_op dnb_op_hann_window = {.name = "HannWindow",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .max_out = 1,
                                   .shape = window_shape,
                                   .run = hann_run};

const dnb_op dnb_op_hamming_window = {.name = "HammingWindow",
                                      .min_in = 1,
                                      .max_in = 1,
                                      .max_out = 1,
                                      .shape = window_shape,
                                      .run = hamming_run};

const dnb_op dnb_op_blackman_window = {.name = "BlackmanWindow",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .max_out = 1,
                                       .shape = window_shape,
                                       .run = blackman_run};

/* ---- MelWeightMatrix ----------------------------------------------------------------------------
 */

typedef struct mel_plan {
    size_t bands, length, rate;
    double low, high; /* Hz */
} mel_plan;

static dnb_status mel_read(const dnb_node *n, const dnb_array *const *content, mel_plan *out,
                           dnb_err *err)
{
    mel_plan m = {0};
    dnb_status status = DNB_OK;
    DNB_TRY(count_at(n, content, 0, 1, &m.bands, err));
    DNB_TRY(count_at(n, content, 1, 1, &m.length, err));
    DNB_TRY(count_at(n, content, 2, 1, &m.rate, err));
    DNB_TRY(number_at(n, content, 3, &m.low, err));
    DNB_TRY(number_at(n, content, 4, &m.high, err));
    if (!(m.low >= 0 && m.high > m.low && m.high <= (double)m.rate))
        return dnb_fail(err, DNB_EARG,
                        "node '%s' (%s): edges of %g and %g Hz do not fit a rate of %zu", n->name,
                        n->op->name, m.low, m.high, m.rate);
    *out = m;
done:
    return status;
}

static dnb_status mel_shape(const dnb_op_shapes *s, dnb_err *err)
{
    mel_plan m;
    dnb_shape out = {.ndim = 2};
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < 5; i++)
        DNB_TRY(dnb_op_need(s, i, err));
    DNB_TRY(mel_read(s->node, s->known, &m, err));
    DNB_TRY(output_type(s->node, &out, err));
    out.dim[0] = m.length / 2 + 1;
    out.dim[1] = m.bands;
    s->out[0] = out;
done:
    return status;
}

/* Spectrum bin of edge i of bands + 2 edges, which divide the range evenly in mel. */
static int64_t mel_edge(const mel_plan *m, size_t i)
{
    double low = 2595 * log10(1 + m->low / 700), high = 2595 * log10(1 + m->high / 700);
    double mel = low + (double)i * (high - low) / (double)(m->bands + 2);
    double hertz = 700 * (pow(10, mel / 2595) - 1);
    return (int64_t)floor((double)(m->length + 1) * hertz / (double)m->rate);
}

/* A triangle per band: from 0 at its lower edge to 1 at its centre to 0 at its upper one. */
static dnb_status mel_run(const dnb_op_call *c, dnb_err *err)
{
    mel_plan m;
    const dnb_array *out = &c->out[0];
    int64_t bins = (int64_t)out->shape[0];
    dnb_status status = mel_read(c->node, c->in, &m, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < dnb_array_count(out); i++)
        put(out, i, 0);
    for (size_t band = 0; band < m.bands; band++) {
        int64_t lower = mel_edge(&m, band), centre = mel_edge(&m, band + 1);
        int64_t upper = mel_edge(&m, band + 2);
        for (int64_t k = lower; k < upper || k == centre; k++) {
            double v = k == centre  ? 1
                       : k < centre ? (double)(k - lower) / (double)(centre - lower)
                                    : (double)(upper - k) / (double)(upper - centre);
            if (k >= 0 && k < bins)
                put(out, (size_t)k * m.bands + band, v);
        }
    }
    return DNB_OK;
}

const dnb_op dnb_op_mel_weight_matrix = {.name = "MelWeightMatrix",
                                         .min_in = 5,
                                         .max_in = 5,
                                         .max_out = 1,
                                         .shape = mel_shape,
                                         .run = mel_run};
