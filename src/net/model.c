/* dnb_model: a graph with whatever inputs it has. Models with one float input and a fixed course
 * are compiled for that input's shape; all others are evaluated node by node. */
#include "dnnbrain/model.h"

#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/near_name.h"
#include "net/eval.h"
#include "net/gradient.h"
#include "net/onnx_load.h"
#include "net/precision.h"
#include "net/op_util.h"
#include "net/program.h"

struct dnb_model {
    dnb_graph *graph;
};

dnb_status dnb_model_open(dnb_model **out, const char *path, dnb_err *err)
{
    dnb_model *m = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(m, 1, path);
    DNB_TRY(dnb_onnx_load_any(&m->graph, path, err));
    *out = m;
    m = NULL;
done:
    dnb_model_close(m);
    return status;
}

void dnb_model_close(dnb_model *m)
{
    if (!m)
        return;
    dnb_graph_free(m->graph);
    dnb_free(m);
}

size_t dnb_model_input_count(const dnb_model *m)
{
    return dnb_graph_input_count(m->graph);
}

const char *dnb_model_input_name(const dnb_model *m, size_t i)
{
    return i < dnb_graph_input_count(m->graph)
               ? dnb_graph_value_at(m->graph, dnb_graph_input_at(m->graph, i))->name
               : NULL;
}

size_t dnb_model_output_count(const dnb_model *m)
{
    return dnb_graph_output_count(m->graph);
}

const char *dnb_model_output_name(const dnb_model *m, size_t i)
{
    return i < dnb_graph_output_count(m->graph)
               ? dnb_graph_value_at(m->graph, dnb_graph_output_at(m->graph, i))->name
               : NULL;
}

dnb_status dnb_model_find(const dnb_model *m, const char *value, dnb_err *err)
{
    const char **names = NULL;
    size_t n = dnb_graph_name_count(m->graph);
    dnb_status status = DNB_OK;
    if (dnb_graph_find(m->graph, value) != DNB_NO_VALUE)
        return DNB_OK;
    DNB_NEW(names, n, "names");
    for (size_t i = 0; i < n; i++)
        names[i] = dnb_graph_name_at(m->graph, i, NULL);
    status = dnb_fail_suggest(
        err, dnb_fail(err, DNB_ENOTFOUND, "the model has no value '%s'", value), value, names, n);
done:
    dnb_free((void *)names);
    return status;
}

dnb_status dnb_model_add_gradient(dnb_model *m, const dnb_array *first,
                                  const dnb_model_gradient *gradient, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_gradient_request r = {.target = gradient->target,
                              .n_index = gradient->n_index,
                              .wrt = gradient->wrt,
                              .n_wrt = gradient->n_wrt,
                              .prefix = "grad_",
                              .options = {.guided_relu = gradient->guided_relu}};
    for (int i = 0; i < 3; i++)
        r.index[i] = gradient->index[i];
    if (dnb_graph_input_count(m->graph) > 0) {
        dnb_value input = dnb_graph_input_at(m->graph, 0);
        const dnb_shape *declared = &dnb_graph_value_at(m->graph, input)->declared;
        dnb_shape shape = dnb_shape_of(first);
        if (!dnb_eval_accepts(declared, first))
            return dnb_fail(err, DNB_ESHAPE, "the first input does not have the model's shape");
        shape.dtype = declared->dtype;
        shape.elem = declared->elem;
        if (shape.ndim > 0)
            shape.dim[0] = 1; /* rules hold for any number of items */
        DNB_TRY(dnb_graph_resize_input(m->graph, input, &shape, err));
    }
    for (size_t i = 0; i < gradient->n_wrt; i++)
        DNB_TRY(dnb_model_find(m, gradient->wrt[i], err));
    DNB_TRY(dnb_model_find(m, gradient->target, err));
    DNB_TRY(dnb_graph_gradient_named(m->graph, &r, err));
done:
    return status;
}

/* ---- compiled ---- */

/* Can the whole course be planned before running? One float32 input of a shape that the file does
 * not contradict, float results with whole rows per item of the first dimension. */
static bool fits_program(const dnb_graph *g, const dnb_array *input)
{
    if (dnb_graph_input_count(g) != 1 || input->ndim < 1 || dnb_array_count(input) == 0 ||
        (input->dtype != DNB_F32 && input->dtype != DNB_F16 && input->dtype != DNB_BF16))
        return false;
    const dnb_shape *s = &dnb_graph_value_at(g, dnb_graph_input_at(g, 0))->declared;
    return dnb_eval_accepts(s, input) && s->dtype == DNB_F32;
}

/* Of the types that fits_program lets through: has no NaN and no infinity, which becomes NaN on its
 * way. */
static bool is_finite(const dnb_array *a)
{
    size_t n = dnb_array_count(a), odd = 0;
    const uint16_t *half = a->data, exponent = a->dtype == DNB_F16 ? 0x7c00 : 0x7f80;
    const float *x = a->data;
#pragma omp parallel for reduction(+ : odd) schedule(static)
    for (size_t i = 0; i < n; i++)
        odd += a->dtype == DNB_F32 ? !isfinite(x[i]) : (half[i] & exponent) == exponent;
    return odd == 0;
}

static bool can_tap(const dnb_program *p, const dnb_value *wanted, size_t n, size_t batch)
{
    for (size_t i = 0; i < n; i++) {
        const dnb_shape *s = dnb_program_shape(p, wanted[i]);
        size_t count = dnb_shape_count(s);
        if (s->dtype != DNB_F32 || count == 0 || count % batch)
            return false;
    }
    return true;
}

/* Runs a prepared program on one input; out in the values' element types. */
static dnb_status run_program(dnb_program *p, const dnb_array *input, const dnb_value *wanted,
                              size_t n, dnb_array *out, dnb_err *err)
{
    dnb_array in = {0}, *raw = NULL;
    float **taps = NULL;
    size_t made = 0;
    dnb_status status = DNB_OK;
    DNB_NEW(raw, n, "results");
    DNB_NEW(taps, n, "results");
    DNB_TRY(dnb_array_convert(&in, input, DNB_F32, err));
    for (size_t i = 0; i < n; i++) {
        const dnb_shape *s = dnb_program_shape(p, wanted[i]);
        DNB_TRY(dnb_array_init(&raw[i], DNB_F32, s->ndim, s->dim, err));
        taps[i] = raw[i].data;
    }
    DNB_TRY(dnb_program_run(p, in.data, in.shape[0], taps, err));
    for (; made < n; made++)
        DNB_TRY(dnb_array_convert(&out[made], &raw[made],
                                  dnb_elem(dnb_program_shape(p, wanted[made])), err));
done:
    for (size_t i = 0; status != DNB_OK && i < made; i++)
        dnb_array_release(&out[i]);
    for (size_t i = 0; raw && i < n; i++)
        dnb_array_release(&raw[i]);
    dnb_free(raw);
    dnb_free(taps);
    dnb_array_release(&in);
    return status;
}

/* DNB_EUNSUPPORTED when it cannot be planned; then it is evaluated. */
static dnb_status run_compiled(const dnb_model *m, const dnb_array *input, const dnb_value *wanted,
                               size_t n, bool bf16, dnb_array *out, dnb_err *err)
{
    dnb_program *p = NULL;
    dnb_shape shape = dnb_shape_of(input);
    dnb_program_request r = {.graph = m->graph,
                             .taps = wanted,
                             .n_taps = n,
                             .batch = input->shape[0],
                             .input = &shape,
                             .prims = true,
                             .bf16 = bf16};
    shape.dtype = DNB_F32;
    shape.elem = dnb_graph_value_at(m->graph, dnb_graph_input_at(m->graph, 0))->declared.elem;
    dnb_status status = dnb_program_new(&p, &r, err);
    if (status == DNB_OK && !can_tap(p, wanted, n, input->shape[0]))
        status = dnb_fail(err, DNB_EUNSUPPORTED, "results of other types");
    if (status == DNB_OK)
        status = dnb_program_prepare(p, err);
    if (status == DNB_OK)
        status = run_program(p, input, wanted, n, out, err);
    dnb_program_free(p);
    return status;
}

/* error[i] of result i against the same in float32. Results have the model's element types. */
static dnb_status compare_f32(const dnb_model *m, const dnb_array *input, const dnb_value *wanted,
                              size_t n, const dnb_array *out, double *error, dnb_err *err)
{
    dnb_array *truth = NULL, a = {0}, b = {0};
    dnb_status status = DNB_OK;
    DNB_NEW(truth, n, "results");
    DNB_TRY(run_compiled(m, input, wanted, n, false, truth, err));
    for (size_t i = 0; i < n; i++) {
        DNB_TRY(dnb_array_convert(&a, &out[i], DNB_F32, err));
        DNB_TRY(dnb_array_convert(&b, &truth[i], DNB_F32, err));
        error[i] = dnb_relative_error(a.data, b.data, dnb_array_count(&a));
        dnb_array_release(&a);
        dnb_array_release(&b);
    }
done:
    for (size_t i = 0; truth && i < n; i++)
        dnb_array_release(&truth[i]);
    dnb_free(truth);
    dnb_array_release(&a);
    dnb_array_release(&b);
    return status;
}

/* The compiled way, in the precision asked for. */
static dnb_status run_planned(const dnb_model *m, const dnb_array *input, const dnb_value *wanted,
                              size_t n, const dnb_model_options *o, dnb_array *out, dnb_err *err)
{
    bool bf16 = o->precision == DNB_PRECISION_BF16 && dnb_precision_available(o->precision);
    dnb_status status = run_compiled(m, input, wanted, n, bf16, out, err);
    if (status == DNB_OK && bf16 && o->error)
        status = compare_f32(m, input, wanted, n, out, o->error, err);
    else
        return status;
    for (size_t i = 0; status != DNB_OK && i < n; i++)
        dnb_array_release(&out[i]);
    return status;
}

/* ---- running ---- */

static dnb_status list_wanted(const dnb_model *m, const char *const *values, size_t n,
                              dnb_value *wanted, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < n; i++) {
        DNB_TRY(dnb_model_find(m, values[i], err));
        wanted[i] = dnb_graph_find(m->graph, values[i]);
    }
done:
    return status;
}

static void note_unplanned(dnb_err *fallback, bool finite)
{
    dnb_status status = dnb_fail(fallback, DNB_EUNSUPPORTED, "%s",
                                 finite ? "it does not have one float32 input and float32 results"
                                        : "its input holds NaN or infinity, and oneDNN's ReLU "
                                          "makes 0 of NaN");
    (void)status; /* it is no failure, only the reason */
}

dnb_status dnb_model_run(const dnb_model *m, const dnb_array *inputs, const char *const *values,
                         size_t n_values, const dnb_model_options *opt, dnb_array *out,
                         dnb_backend *how, dnb_err *err)
{
    static const dnb_model_options defaults = {0};
    const dnb_model_options *o = opt ? opt : &defaults;
    dnb_eval_options eo = {.progress = o->progress,
                           .memory = o->memory ? o->memory : dnb_memory_budget()};
    dnb_value *wanted = NULL;
    dnb_backend used = DNB_BACKEND_ONEDNN;
    dnb_precision precision = DNB_PRECISION_F32;
    dnb_status status = DNB_EUNSUPPORTED;
    DNB_NEW(wanted, n_values, "results");
    DNB_TRY(list_wanted(m, values, n_values, wanted, err));
    bool compile = o->backend == DNB_BACKEND_AUTO || o->backend == DNB_BACKEND_ONEDNN;
    bool planned = compile && n_values > 0 && fits_program(m->graph, inputs) &&
                   !dnb_eval_wants_f64(m->graph, inputs);
    bool finite = !planned || o->backend == DNB_BACKEND_ONEDNN || is_finite(inputs);
    planned = planned && finite;
    for (size_t i = 0; o->error && i < n_values; i++)
        o->error[i] = 0;
    status = planned ? run_planned(m, inputs, wanted, n_values, o, out, err) : DNB_EUNSUPPORTED;
    if (status == DNB_OK && o->precision == DNB_PRECISION_BF16 &&
        dnb_precision_available(o->precision))
        precision = DNB_PRECISION_BF16;
    if (status == DNB_EUNSUPPORTED && planned && o->fallback && err)
        *o->fallback = *err;
    else if (compile && !planned && o->fallback)
        note_unplanned(o->fallback, finite);
    if (status == DNB_EUNSUPPORTED) {
        eo.f64 = o->backend == DNB_BACKEND_REFERENCE64 || dnb_eval_wants_f64(m->graph, inputs);
        used = eo.f64 ? DNB_BACKEND_REFERENCE64 : DNB_BACKEND_REFERENCE;
        status = dnb_eval_run(m->graph, inputs, wanted, n_values, &eo, out, err);
    }
    if (status == DNB_OK && how)
        *how = used;
    if (status == DNB_OK && o->used)
        *o->used = precision;
done:
    dnb_free(wanted);
    return status;
}
