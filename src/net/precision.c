/* In what precision a network is computed, and how far the result is from float32. */
#include "net/precision.h"

#include <math.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "dnnbrain/net.h"
#include "net/onednn.h"

static const char *const names[DNB_PRECISION_COUNT] = {
    [DNB_PRECISION_F32] = "float32",
    [DNB_PRECISION_BF16] = "bf16",
};

const char *dnb_precision_name(dnb_precision p)
{
    return (unsigned)p < DNB_PRECISION_COUNT ? names[p] : NULL;
}

bool dnb_precision_available(dnb_precision p)
{
    return p == DNB_PRECISION_F32 || (p == DNB_PRECISION_BF16 && dnb_dnn_has_bf16());
}

dnb_status dnb_precision_find(dnb_precision *out, const char *name, dnb_err *err)
{
    int found = dnb_enum_find(name, names, DNB_PRECISION_COUNT, NULL, 0);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND, "unknown precision '%s'; there are float32, bf16",
                        name);
    *out = (dnb_precision)found;
    return DNB_OK;
}

double dnb_relative_error(const float *a, const float *b, size_t n)
{
    double difference = 0, largest = 0;
    bool odd = false;
#pragma omp parallel for reduction(max : difference, largest) reduction(|| : odd)
    for (size_t i = 0; i < n; i++) {
        double x = (double)a[i], y = (double)b[i];
        if (x == y || (isnan(x) && isnan(y))) /* infinities of one sign are equal */
            x = y = isfinite(y) ? y : 0;
        odd = odd || !isfinite(x) || !isfinite(y);
        difference = fmax(difference, fabs(x - y));
        largest = fmax(largest, fabs(y));
    }
    if (odd || (largest == 0 && difference > 0))
        return (double)INFINITY;
    return largest > 0 ? difference / largest : 0;
}

/* Taps of a runner for n stimuli, as dnb_runner_run fills them. */
static dnb_status taps_new(float ***out, size_t *count, const dnb_net *net,
                           const char *const *layers, size_t n_layers, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(*out, n_layers, "layers");
    for (size_t i = 0; i < n_layers; i++) {
        size_t shape[3];
        DNB_TRY(dnb_net_layer_shape(net, layers[i], shape, err));
        count[i] = n * shape[0] * shape[1] * shape[2];
        (*out)[i] = dnb_alloc_aligned(count[i], sizeof(float));
        if (!(*out)[i]) {
            status = dnb_fail_memory(err, layers[i], count[i] * sizeof(float));
            goto done;
        }
    }
done:
    return status;
}

dnb_status dnb_runner_error(double *error, const dnb_net *net, const char *const *layers,
                            size_t n_layers, const dnb_runner_options *opt, const float *input,
                            size_t n, const float *const *taps, dnb_err *err)
{
    dnb_runner_options o = {.batch = n, .backend = opt ? opt->backend : DNB_BACKEND_AUTO};
    dnb_runner *r = NULL;
    float **truth = NULL;
    size_t *count = NULL;
    dnb_status status = DNB_OK;
    if (n == 0)
        return dnb_fail(err, DNB_EARG, "no stimulus to measure the error on");
    DNB_NEW(count, n_layers, "layers");
    DNB_TRY(taps_new(&truth, count, net, layers, n_layers, n, err));
    DNB_TRY(dnb_runner_new(&r, net, layers, n_layers, &o, err));
    DNB_TRY(dnb_runner_run(r, input, n, truth, err));
    for (size_t i = 0; i < n_layers; i++)
        error[i] = dnb_relative_error(taps[i], truth[i], count[i]);
done:
    for (size_t i = 0; truth && i < n_layers; i++)
        dnb_free(truth[i]);
    dnb_free(truth);
    dnb_free(count);
    dnb_runner_free(r);
    return status;
}
