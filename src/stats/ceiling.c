/* Noise ceilings: how much of a response repeats, within a person and between persons. */
#include <math.h>
#include <stdbool.h>

#include "base/mem.h"
#include "dnnbrain/correlation.h"
#include "dnnbrain/inference.h"
#include "stats/distinct.h"
#include "stats/student.h"

/* Rows grouped by stimulus. */
typedef struct repeats {
    size_t n_stimuli;
    size_t *of;      /* row -> stimulus */
    double *count;   /* of each stimulus */
    double per_mean; /* k, or what stands for it when counts differ */
} repeats;

static dnb_status repeats_init(repeats *r, const int64_t *stimulus, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double squares = 0;
    *r = (repeats){0};
    DNB_NEW(r->of, n, "stimuli");
    DNB_NEW(r->count, n, "stimuli");
    DNB_TRY(dnb_distinct(r->of, &r->n_stimuli, stimulus, n, err));
    for (size_t i = 0; i < n; i++)
        r->count[r->of[i]]++;
    if (r->n_stimuli < 2 || r->n_stimuli == n) {
        status = dnb_fail(err, DNB_EARG,
                          "a noise ceiling needs two stimuli and repeats of at least one; here are "
                          "%zu measurements of %zu stimuli",
                          n, r->n_stimuli);
        goto done;
    }
    for (size_t s = 0; s < r->n_stimuli; s++)
        squares += r->count[s] * r->count[s];
    r->per_mean = ((double)n - squares / (double)n) / (double)(r->n_stimuli - 1);
done:
    return status;
}

static void repeats_release(repeats *r)
{
    dnb_free(r->of);
    dnb_free(r->count);
}

/* Is column t the same number throughout? Rounding would lend it a little variance. */
static bool is_constant(const double *y, size_t n, size_t m, size_t t)
{
    for (size_t i = 1; i < n; i++)
        if (y[i * m + t] != y[t])
            return false;
    return true;
}

/* From the mean squares between and within stimuli, and the F quantiles of the bounds. */
static dnb_ceiling ceiling_of(double between, double within, double k, double f_lo, double f_hi)
{
    dnb_ceiling c;
    double f = between / within; /* infinite when repeats agree exactly */
    c.single = within > 0 ? (between - within) / (between + (k - 1) * within) : 1;
    c.reliability = (dnb_interval){1 - 1 / f, 1 - f_hi / f, 1 - f_lo / f};
    c.r = (dnb_interval){sqrt(fmax(0, c.reliability.value)), sqrt(fmax(0, c.reliability.lo)),
                         sqrt(fmax(0, c.reliability.hi))};
    return c;
}

dnb_status dnb_ceiling_run(dnb_ceiling *out, const double *y, size_t n, size_t m,
                           const int64_t *stimulus, double level, dnb_err *err)
{
    dnb_status status = DNB_OK;
    repeats r = {0};
    double *mean = NULL, *grand = NULL, *within = NULL, *between = NULL;
    DNB_TRY(repeats_init(&r, stimulus, n, err));
    DNB_NEW(mean, r.n_stimuli * m, "stimulus means");
    DNB_NEW(grand, m, "means");
    DNB_NEW(within, m, "sums of squares");
    DNB_NEW(between, m, "sums of squares");
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++) {
            mean[r.of[i] * m + t] += y[i * m + t] / r.count[r.of[i]];
            grand[t] += y[i * m + t] / (double)n;
        }
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++) {
            double off = y[i * m + t] - mean[r.of[i] * m + t];
            within[t] += off * off;
        }
    for (size_t s = 0; s < r.n_stimuli; s++)
        for (size_t t = 0; t < m; t++) {
            double off = mean[s * m + t] - grand[t];
            between[t] += r.count[s] * off * off;
        }
    double df1 = (double)(r.n_stimuli - 1), df2 = (double)(n - r.n_stimuli);
    double f_lo = dnb_f_quantile(0.5 - level / 2, df1, df2),
           f_hi = dnb_f_quantile(0.5 + level / 2, df1, df2);
    for (size_t t = 0; t < m; t++)
        out[t] = is_constant(y, n, m, t)
                     ? (dnb_ceiling){NAN, {NAN, NAN, NAN}, {NAN, NAN, NAN}}
                     : ceiling_of(between[t] / df1, within[t] / df2, r.per_mean, f_lo, f_hi);
done:
    repeats_release(&r);
    dnb_free(mean);
    dnb_free(grand);
    dnb_free(within);
    dnb_free(between);
    return status;
}

dnb_status dnb_subject_ceiling_run(double *lower, double *upper, const double *const *subjects,
                                   size_t n_subject, size_t n, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *mine = NULL, *all = NULL, *others = NULL;
    if (n_subject < 2)
        return dnb_fail(err, DNB_EARG,
                        "a noise ceiling between subjects needs at least two, not %zu", n_subject);
    DNB_NEW(mine, n, "a target");
    DNB_NEW(all, n, "a target");
    DNB_NEW(others, n, "a target");
    for (size_t t = 0; t < m; t++) {
        double low = 0, high = 0;
        for (size_t i = 0; i < n; i++) {
            all[i] = 0;
            for (size_t s = 0; s < n_subject; s++)
                all[i] += subjects[s][i * m + t];
        }
        for (size_t s = 0; s < n_subject; s++) {
            double r;
            for (size_t i = 0; i < n; i++) {
                mine[i] = subjects[s][i * m + t];
                others[i] = all[i] - mine[i];
            }
            DNB_TRY(dnb_correlate(&r, mine, all, n, DNB_PEARSON, err));
            high += r / (double)n_subject;
            DNB_TRY(dnb_correlate(&r, mine, others, n, DNB_PEARSON, err));
            low += r / (double)n_subject;
        }
        lower[t] = low;
        upper[t] = high;
    }
done:
    dnb_free(mine);
    dnb_free(all);
    dnb_free(others);
    return status;
}
