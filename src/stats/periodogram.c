/* One-sided power spectral density of a pattern by FFTW. */
#include <fftw3.h>
#include <math.h>

#include "base/mem.h"
#include "dnnbrain/features.h"

dnb_status dnb_psd(double *density, size_t n_first, const double *x, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *in = NULL, mean = 0;
    fftw_complex *out = NULL;
    fftw_plan plan = NULL;
    if (n < 1 || n > (size_t)1 << 30 || n_first > n / 2 + 1)
        DNB_TRY(dnb_fail(err, DNB_EARG,
                         "the first %zu bins of the spectrum of %zu numbers; it has %zu", n_first,
                         n, n / 2 + 1));
    in = dnb_alloc_aligned(n, sizeof *in);
    out = dnb_alloc_aligned(n / 2 + 1, sizeof *out);
    if (!in || !out)
        DNB_TRY(dnb_fail_memory(err, "a spectrum", n * 2 * sizeof *in));
        /* FFTW's planner is not safe to call from several threads; its execution is. */
#pragma omp critical(dnb_fftw_planner)
    plan = fftw_plan_dft_r2c_1d((int)n, in, out, FFTW_ESTIMATE);
    if (!plan)
        DNB_TRY(dnb_fail(err, DNB_EINTERNAL, "FFTW has no plan for %zu numbers", n));
    for (size_t i = 0; i < n; i++)
        mean += (x[i] - x[0]) / (double)n;
    for (size_t i = 0; i < n; i++)
        in[i] = x[i] - x[0] - mean;
    fftw_execute(plan);
    for (size_t b = 0; b < n_first; b++) {
        double power = (out[b][0] * out[b][0] + out[b][1] * out[b][1]) / (double)n;
        density[b] = b == 0 || 2 * b == n ? power : 2 * power;
    }
done:
    if (plan) {
#pragma omp critical(dnb_fftw_planner)
        fftw_destroy_plan(plan);
    }
    dnb_free(in);
    dnb_free(out);
    return status;
}
