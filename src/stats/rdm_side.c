/* Checking and preparing sets of RDMs. */
#include "stats/rdm_side.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/distance.h"
#include "stats/standard.h"

dnb_status dnb_rdm_check(const double *rdms, size_t n_rdm, size_t n, const char *what, dnb_err *err)
{
    size_t n_pairs = dnb_condensed_count(n);
    for (size_t r = 0; r < n_rdm; r++)
        for (size_t i = 0, p = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++, p++)
                if (!isfinite(rdms[r * n_pairs + p]))
                    return dnb_fail(err, DNB_EARG,
                                    "%s %zu: the dissimilarity of conditions %zu and %zu is NaN or "
                                    "infinite (a constant pattern?); leave such conditions out",
                                    what, r + 1, i + 1, j + 1);
    return DNB_OK;
}

static dnb_status prepare_units(dnb_rdm_side *s, const double *rdms, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t size;
    if (!dnb_mul_size(&size, s->n_rdm, s->n_pairs))
        return dnb_fail_memory(err, "RDMs", (size_t)-1);
    DNB_NEW(s->unit, size, "RDMs");
    for (size_t r = 0; r < s->n_rdm; r++) {
        double *z = s->unit + r * s->n_pairs;
        const double *x = rdms + r * s->n_pairs;
        if (s->kind == DNB_SPEARMAN) {
            DNB_TRY(dnb_rank(z, x, s->n_pairs, err));
            x = z;
        }
        s->fine[r] = dnb_standardise(z, x, s->n_pairs);
        if (!s->fine[r])
            memset(z, 0, s->n_pairs * sizeof *z);
    }
done:
    return status;
}

static dnb_status prepare_taus(dnb_rdm_side *s, const double *rdms, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double pairs_of_pairs = 0.5 * (double)s->n_pairs * (double)(s->n_pairs - 1);
    DNB_NEW(s->tau, s->n_rdm, "RDMs");
    for (size_t r = 0; r < s->n_rdm; r++) {
        DNB_TRY(dnb_tau_side_init(&s->tau[r], rdms + r * s->n_pairs, s->n_pairs, err));
        s->fine[r] = (double)s->tau[r].ties < pairs_of_pairs;
    }
done:
    return status;
}

dnb_status dnb_rdm_side_init(dnb_rdm_side *out, const double *rdms, size_t n_rdm, size_t n,
                             dnb_correlation kind, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_rdm_side s = {.n = n, .n_pairs = dnb_condensed_count(n), .n_rdm = n_rdm, .kind = kind};
    DNB_NEW(s.fine, n_rdm, "RDMs");
    if (kind == DNB_KENDALL_A || kind == DNB_KENDALL_B)
        DNB_TRY(prepare_taus(&s, rdms, err));
    else
        DNB_TRY(prepare_units(&s, rdms, err));
    *out = s;
    s = (dnb_rdm_side){0};
done:
    dnb_rdm_side_release(&s);
    return status;
}

void dnb_rdm_side_release(dnb_rdm_side *s)
{
    for (size_t r = 0; s->tau && r < s->n_rdm; r++)
        dnb_tau_side_release(&s->tau[r]);
    dnb_free(s->tau);
    dnb_free(s->unit);
    dnb_free(s->fine);
    *s = (dnb_rdm_side){0};
}
