/* Intervals of RDM correlations by resampling conditions, and noise ceilings. */
#include <math.h>

#include "base/mem.h"
#include "dnnbrain/distance.h"
#include "dnnbrain/random.h"
#include "dnnbrain/rdmtest.h"
#include "stats/rdm_side.h"
#include "stats/standard.h"
#include "stats/student.h"

/* One draw: the pairs of distinct conditions among n drawn ones. x and y: room for all pairs. */
static dnb_status draw(double *r, const double *a, const double *b, size_t n, dnb_correlation kind,
                       dnb_random *random, size_t *pick, double *x, double *y)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        pick[i] = (size_t)dnb_random_below(random, n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            size_t lo = pick[i] < pick[k] ? pick[i] : pick[k],
                   hi = pick[i] < pick[k] ? pick[k] : pick[i];
            if (lo == hi)
                continue;
            size_t p = dnb_condensed_index(n, lo, hi);
            x[kept] = a[p];
            y[kept++] = b[p];
        }
    *r = NAN;
    return kept >= 3 ? dnb_correlate(r, x, y, kept, kind, NULL) : DNB_OK;
}

static dnb_status draw_all(double *rs, const double *a, const double *b, size_t n,
                           const dnb_rdm_bootstrap_options *o, dnb_err *err)
{
    size_t n_pairs = dnb_condensed_count(n);
    int failed = 0;
#pragma omp parallel
    {
        size_t *pick = dnb_alloc(n, sizeof *pick);
        double *x = dnb_alloc(n_pairs, sizeof *x), *y = dnb_alloc(n_pairs, sizeof *y);
#pragma omp for schedule(dynamic)
        for (size_t k = 0; k < o->n_boot; k++) {
            dnb_random random;
            dnb_random_init(&random, o->seed, k);
            if (!pick || !x || !y ||
                draw(&rs[k], a, b, n, o->kind, &random, pick, x, y) != DNB_OK) {
#pragma omp atomic write
                failed = 1;
            }
        }
        dnb_free(pick);
        dnb_free(x);
        dnb_free(y);
    }
    return failed ? dnb_fail_memory(err, "bootstrap draws", n_pairs * 2 * sizeof(double)) : DNB_OK;
}

/* Standard deviation, ddof 1. */
static double deviation(const double *x, size_t n)
{
    double mean = 0, ss = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        ss += (x[i] - mean) * (x[i] - mean);
    return sqrt(ss / (double)(n - 1));
}

/* Fisher's z, finite for r = 1 too. */
static double fisher(double r)
{
    const double most = 1 - 1e-12;
    return atanh(r > most ? most : r < -most ? -most : r);
}

static void summarise(dnb_rdm_interval *t, double *rs, size_t n, const dnb_rdm_bootstrap_options *o)
{
    size_t used = 0;
    for (size_t k = 0; k < o->n_boot; k++)
        if (!isnan(rs[k]))
            rs[used++] = rs[k];
    t->n_used = used;
    t->lo = t->hi = t->se = NAN;
    if (used < 2 || isnan(t->r))
        return;
    t->se = deviation(rs, used);
    for (size_t k = 0; k < used; k++)
        rs[k] = fisher(rs[k]);
    /* A draw of n conditions varies sqrt((n - 1) / n) too little; t allows for an se estimated from
     * n. */
    double z = fisher(t->r), df = n > 3 ? (double)(n - 2) : 1;
    double half = deviation(rs, used) * sqrt((double)n / (double)(n - 1)) *
                  dnb_student_quantile((1 + o->level) / 2, df);
    t->lo = tanh(z - half);
    t->hi = tanh(z + half);
}

dnb_status dnb_rdm_bootstrap_run(dnb_rdm_interval *out, const double *a, const double *b, size_t n,
                                 const dnb_rdm_bootstrap_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *rs = NULL;
    dnb_rdm_interval t = {0};
    if (n < 3 || n > 65535)
        DNB_TRY(dnb_fail(err, DNB_EARG, "a bootstrap needs 3 to 65535 conditions, not %zu", n));
    if (opt->n_boot < 2 || !(opt->level > 0 && opt->level < 1))
        DNB_TRY(dnb_fail(
            err, DNB_EARG,
            "a bootstrap needs at least 2 draws and a level between 0 and 1; got %zu and %g",
            opt->n_boot, opt->level));
    DNB_TRY(dnb_rdm_check(a, 1, n, "first RDM", err));
    DNB_TRY(dnb_rdm_check(b, 1, n, "second RDM", err));
    DNB_NEW(rs, opt->n_boot, "bootstrap draws");
    DNB_TRY(dnb_correlate(&t.r, a, b, dnb_condensed_count(n), opt->kind, err));
    DNB_TRY(draw_all(rs, a, b, n, opt, err));
    summarise(&t, rs, n, opt);
    *out = t;
done:
    dnb_free(rs);
    return status;
}

/* Subjects' RDMs as they are averaged: standardised, or ranked (sums of ranks are exact, so that
 * conditions tied in the mean stay tied). */
static dnb_status prepare_subjects(double *z, const double *subjects, size_t n_subject,
                                   size_t n_pairs, dnb_correlation kind, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t s = 0; s < n_subject; s++) {
        const double *x = subjects + s * n_pairs;
        double *to = z + s * n_pairs;
        if (!dnb_standardise(to, x, n_pairs))
            DNB_TRY(dnb_fail(err, DNB_EARG, "subject %zu's RDM is constant; leave it out", s + 1));
        if (kind != DNB_PEARSON)
            DNB_TRY(dnb_rank(to, x, n_pairs, err));
    }
done:
    return status;
}

dnb_status dnb_rdm_ceiling_run(double *lower, double *upper, const double *subjects,
                               size_t n_subject, size_t n, dnb_correlation kind, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *z = NULL, *mean = NULL, *others = NULL, low = 0, high = 0, r;
    size_t n_pairs = dnb_condensed_count(n), size;
    if (n_subject < 2 || n < 3 || n > 65535 || (size_t)kind >= DNB_CORRELATION_COUNT)
        DNB_TRY(
            dnb_fail(err, DNB_EARG,
                     "a noise ceiling needs at least 2 subjects and 3 conditions; got %zu and %zu",
                     n_subject, n));
    DNB_TRY(dnb_rdm_check(subjects, n_subject, n, "subject", err));
    if (!dnb_mul_size(&size, n_subject, n_pairs))
        DNB_TRY(dnb_fail_memory(err, "subjects' RDMs", (size_t)-1));
    DNB_NEW(z, size, "subjects' RDMs");
    DNB_NEW(mean, n_pairs, "mean RDM");
    DNB_NEW(others, n_pairs, "mean RDM");
    DNB_TRY(prepare_subjects(z, subjects, n_subject, n_pairs, kind, err));
    for (size_t s = 0; s < n_subject; s++)
        for (size_t p = 0; p < n_pairs; p++)
            mean[p] += z[s * n_pairs + p];
    for (size_t s = 0; s < n_subject; s++) {
        const double *own = z + s * n_pairs;
        for (size_t p = 0; p < n_pairs; p++)
            others[p] = mean[p] - own[p];
        DNB_TRY(dnb_correlate(&r, own, mean, n_pairs, kind, err));
        high += r / (double)n_subject;
        DNB_TRY(dnb_correlate(&r, own, others, n_pairs, kind, err));
        low += r / (double)n_subject;
    }
    *lower = low;
    *upper = high;
done:
    dnb_free(z);
    dnb_free(mean);
    dnb_free(others);
    return status;
}
