/* dnb_runner: a network prepared for a list of layers, a batch size and a back end. */
#include "base/enum_name.h"
#include "base/mem.h"
#include "net/network.h"
#include "net/program.h"

#define DEFAULT_BATCH 32

struct dnb_runner {
    dnb_program *program;
    size_t batch;
    dnb_backend backend;
    dnb_precision precision;
};

/* ---- back ends ----------------------------------------------------------------------------------
 */

static const char *const backend_names[DNB_BACKEND_COUNT] = {
    [DNB_BACKEND_AUTO] = "auto",
    [DNB_BACKEND_REFERENCE] = "reference",
    [DNB_BACKEND_REFERENCE64] = "reference64",
    [DNB_BACKEND_ONEDNN] = "onednn",
};

const char *dnb_backend_name(dnb_backend b)
{
    return (unsigned)b < DNB_BACKEND_COUNT ? backend_names[b] : NULL;
}

bool dnb_backend_available(dnb_backend b)
{
    return (unsigned)b < DNB_BACKEND_COUNT; /* every build so far has all of them */
}

dnb_status dnb_backend_find(dnb_backend *out, const char *name, dnb_err *err)
{
    int found = dnb_enum_find(name, backend_names, DNB_BACKEND_COUNT, NULL, 0);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "unknown back end '%s'; there are auto, onednn, reference, reference64",
                        name);
    if (!dnb_backend_available((dnb_backend)found))
        return dnb_fail(err, DNB_EUNSUPPORTED, "this build has no back end '%s'", name);
    *out = (dnb_backend)found;
    return DNB_OK;
}

/* ---- runner -------------------------------------------------------------------------------------
 */

/* Plans a program; *chosen says how. */
static dnb_status plan(dnb_program **out, dnb_runner *chosen, const dnb_net *net,
                       const char *const *layers, size_t n_layers, const dnb_runner_options *opt,
                       dnb_err *err)
{
    dnb_value *taps = NULL;
    dnb_status status = DNB_OK;
    chosen->batch = opt && opt->batch ? opt->batch : DEFAULT_BATCH;
    chosen->backend = opt ? opt->backend : DNB_BACKEND_AUTO;
    if (n_layers == 0)
        return dnb_fail(err, DNB_EARG, "no layer to compute; name at least one");
    if (!dnb_backend_available(chosen->backend))
        return dnb_fail(err, DNB_EUNSUPPORTED, "this build has no such back end");
    if (chosen->backend == DNB_BACKEND_AUTO)
        chosen->backend = DNB_BACKEND_ONEDNN;
    chosen->precision = opt && opt->precision == DNB_PRECISION_BF16 &&
                                chosen->backend == DNB_BACKEND_ONEDNN &&
                                dnb_precision_available(DNB_PRECISION_BF16)
                            ? DNB_PRECISION_BF16
                            : DNB_PRECISION_F32;
    DNB_NEW(taps, n_layers, "layers");
    for (size_t i = 0; i < n_layers; i++) {
        DNB_TRY(dnb_net_find_layer(net, layers[i], err));
        taps[i] = dnb_graph_find(dnb_net_graph(net), layers[i]);
    }
    dnb_program_request r = {.graph = dnb_net_graph(net),
                             .taps = taps,
                             .n_taps = n_layers,
                             .batch = chosen->batch,
                             .f64 = chosen->backend == DNB_BACKEND_REFERENCE64,
                             .prims = chosen->backend == DNB_BACKEND_ONEDNN,
                             .bf16 = chosen->precision == DNB_PRECISION_BF16};
    DNB_TRY(dnb_program_new(out, &r, err));
done:
    dnb_free(taps);
    return status;
}

dnb_status dnb_runner_plan_bytes(const dnb_net *net, const char *const *layers, size_t n_layers,
                                 const dnb_runner_options *opt, size_t *bytes, dnb_err *err)
{
    dnb_program *program = NULL;
    dnb_runner chosen;
    dnb_status status = plan(&program, &chosen, net, layers, n_layers, opt, err);
    if (status == DNB_OK)
        *bytes = dnb_program_bytes(program);
    dnb_program_free(program);
    return status;
}

dnb_status dnb_runner_new(dnb_runner **out, const dnb_net *net, const char *const *layers,
                          size_t n_layers, const dnb_runner_options *opt, dnb_err *err)
{
    dnb_runner *r = NULL;
    dnb_status status = DNB_OK;
    DNB_NEW(r, 1, "runner");
    DNB_TRY(plan(&r->program, r, net, layers, n_layers, opt, err));
    DNB_TRY(dnb_program_prepare(r->program, err));
    *out = r;
    r = NULL;
done:
    dnb_runner_free(r);
    return status;
}

void dnb_runner_free(dnb_runner *r)
{
    if (!r)
        return;
    dnb_program_free(r->program);
    dnb_free(r);
}

size_t dnb_runner_batch(const dnb_runner *r)
{
    return r->batch;
}

dnb_backend dnb_runner_backend(const dnb_runner *r)
{
    return r->backend;
}

dnb_precision dnb_runner_precision(const dnb_runner *r)
{
    return r->precision;
}

dnb_status dnb_runner_run(dnb_runner *r, const float *input, size_t n, float *const *taps,
                          dnb_err *err)
{
    return dnb_program_run(r->program, input, n, taps, err);
}
