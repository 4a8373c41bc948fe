/* Correlations of two vectors. */
#include "dnnbrain/correlation.h"

#include <math.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "stats/order.h"
#include "stats/standard.h"
#include "stats/tau.h"

static const char *const names[DNB_CORRELATION_COUNT] = {
    [DNB_PEARSON] = "pearson",
    [DNB_SPEARMAN] = "spearman",
    [DNB_KENDALL_A] = "kendall-a",
    [DNB_KENDALL_B] = "kendall-b",
};

const char *dnb_correlation_name(dnb_correlation kind)
{
    return (size_t)kind < DNB_CORRELATION_COUNT ? names[kind] : NULL;
}

dnb_status dnb_correlation_parse(dnb_correlation *out, const char *name, dnb_err *err)
{
    static const dnb_enum_alias others[] = {
        {"tau-a", DNB_KENDALL_A}, {"tau-b", DNB_KENDALL_B}, {"kendall", DNB_KENDALL_B}};
    int found =
        dnb_enum_find(name, names, DNB_CORRELATION_COUNT, others, sizeof others / sizeof *others);
    if (found < 0)
        return dnb_fail(err, DNB_ENOTFOUND,
                        "no correlation '%s'; known: pearson spearman kendall-a kendall-b", name);
    *out = (dnb_correlation)found;
    return DNB_OK;
}

static int has_nan(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return 1;
    return 0;
}

dnb_status dnb_rank(double *rank, const double *x, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    uint32_t *order = NULL;
    if (has_nan(x, n))
        return dnb_fail(err, DNB_EARG, "NaN has no rank; remove it first");
    DNB_NEW(order, n, "ranks");
    DNB_TRY(dnb_order(order, x, n, err));
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && x[order[end]] == x[order[first]];)
            end++;
        for (size_t i = first; i < end; i++)
            rank[order[i]] = 0.5 * (double)(first + end + 1);
    }
done:
    dnb_free(order);
    return status;
}

bool dnb_standardise(double *z, const double *x, size_t n)
{
    double base = n ? x[0] : 0, mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] - base;
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        z[i] = x[i] - base - mean;
        ss += z[i] * z[i];
    }
    double scale = 1 / sqrt(ss);
    for (size_t i = 0; i < n; i++)
        z[i] *= scale;
    return n >= 2 && ss > 0 && isfinite(ss);
}

double dnb_dot(const double *x, const double *y, size_t n)
{
    double s[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        s[0] += x[i] * y[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static double clip(double r)
{
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

static dnb_status pearson(double *r, const double *x, const double *y, size_t n, bool ranks,
                          dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *a = NULL, *b = NULL;
    DNB_NEW(a, n, "correlation");
    DNB_NEW(b, n, "correlation");
    if (ranks) {
        DNB_TRY(dnb_rank(a, x, n, err));
        DNB_TRY(dnb_rank(b, y, n, err));
    }
    bool fine_a = dnb_standardise(a, ranks ? a : x, n),
         fine_b = dnb_standardise(b, ranks ? b : y, n);
    *r = fine_a && fine_b ? clip(dnb_dot(a, b, n)) : NAN;
done:
    dnb_free(a);
    dnb_free(b);
    return status;
}

static dnb_status kendall(double *r, const double *x, const double *y, size_t n,
                          dnb_correlation kind, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_tau_side a = {0}, b = {0};
    uint32_t *seq = NULL, *tmp = NULL;
    DNB_NEW(seq, n, "correlation");
    DNB_NEW(tmp, n, "correlation");
    DNB_TRY(dnb_tau_side_init(&a, x, n, err));
    DNB_TRY(dnb_tau_side_init(&b, y, n, err));
    *r = dnb_tau(&a, b.rank, b.ties, kind, seq, tmp);
done:
    dnb_tau_side_release(&a);
    dnb_tau_side_release(&b);
    dnb_free(seq);
    dnb_free(tmp);
    return status;
}

dnb_status dnb_correlate(double *r, const double *x, const double *y, size_t n,
                         dnb_correlation kind, dnb_err *err)
{
    if ((size_t)kind >= DNB_CORRELATION_COUNT)
        return dnb_fail(err, DNB_EARG, "no correlation has the number %d", (int)kind);
    if (n < 2 || has_nan(x, n) || has_nan(y, n)) {
        *r = NAN;
        return DNB_OK;
    }
    if (kind == DNB_KENDALL_A || kind == DNB_KENDALL_B)
        return kendall(r, x, y, n, kind, err);
    return pearson(r, x, y, n, kind == DNB_SPEARMAN, err);
}
