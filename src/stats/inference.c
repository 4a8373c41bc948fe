/* p-values, false discovery rate, and the intervals that have a formula. */
#include "dnnbrain/inference.h"

#include <math.h>

#include "base/mem.h"
#include "stats/order.h"
#include "stats/student.h"

double dnb_permutation_p(size_t n_extreme, size_t n_perm)
{
    return (1.0 + (double)n_extreme) / (1.0 + (double)n_perm);
}

dnb_status dnb_fdr(double *q, const double *p, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *tests = NULL;
    uint32_t *order = NULL;
    size_t *from = NULL, count = 0;
    DNB_NEW(tests, n, "p-values");
    DNB_NEW(order, n, "p-values");
    DNB_NEW(from, n, "p-values");
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0 || p[i] > 1) {
            status = dnb_fail(err, DNB_EARG, "p-value %zu is %g, not between 0 and 1", i + 1, p[i]);
            goto done;
        }
        if (!isnan(p[i])) {
            tests[count] = p[i];
            from[count++] = i;
        }
    }
    DNB_TRY(dnb_order(order, tests, count, err));
    for (size_t i = 0; i < n; i++)
        q[i] = NAN;
    double least = 1;
    for (size_t k = count; k-- > 0;) {
        double adjusted = tests[order[k]] * (double)count / (double)(k + 1);
        least = adjusted < least ? adjusted : least;
        q[from[order[k]]] = least;
    }
done:
    dnb_free(tests);
    dnb_free(order);
    dnb_free(from);
    return status;
}

/* The z with P(Z <= z) = p for a standard normal Z, p >= 1/2. */
static double normal_quantile(double p)
{
    double lo = 0, hi = 40;
    for (int i = 0; i < 200 && hi - lo > 1e-15 * hi; i++) {
        double mid = lo + (hi - lo) / 2;
        if (0.5 * erfc(mid / sqrt(2.0)) > 1 - p)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

dnb_interval dnb_proportion_interval(size_t hits, size_t n, double level)
{
    double z = normal_quantile(0.5 + level / 2), count = (double)n;
    double p = (double)hits / count, z2 = z * z / count;
    double middle = (p + z2 / 2) / (1 + z2);
    double half = z / (1 + z2) * sqrt(p * (1 - p) / count + z2 / (4 * count));
    return (dnb_interval){p, fmax(0, middle - half), fmin(1, middle + half)};
}

dnb_interval dnb_mean_interval(const double *x, size_t n, double level)
{
    double mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    if (n < 2)
        return (dnb_interval){n ? mean : NAN, NAN, NAN};
    for (size_t i = 0; i < n; i++)
        ss += (x[i] - mean) * (x[i] - mean);
    double half = dnb_student_quantile(0.5 + level / 2, (double)(n - 1)) *
                  sqrt(ss / (double)(n - 1) / (double)n);
    return (dnb_interval){mean, mean - half, mean + half};
}
