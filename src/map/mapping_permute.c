/* Permutations of the targets' rows and what scores are worth against them. */
#include <math.h>

#include "base/mem.h"
#include "dnnbrain/inference.h"
#include "map/exchange.h"
#include "map/mapping_walk.h"

/* The area under the curve needs every class in every test fold, so labels then stay in their fold:
 * as valid, for rows of one fold are exchangeable where all rows are. */
static bool keeps_counts(const dnb_mapping_options *o)
{
    return o->classify && o->scoring == DNB_SCORE_AUC;
}

dnb_status dnb_map_permutations(uint32_t **table, size_t n, const dnb_mapping_options *o,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    uint32_t *t = NULL;
    size_t *order = NULL, count = o->n_permutations + 1;
    int64_t *fold = NULL;
    dnb_exchange blocks = {0};
    if (count == 0 || count > SIZE_MAX / sizeof *t / n)
        return dnb_fail(err, DNB_EARG, "mapping: %zu permutations are too many", o->n_permutations);
    DNB_NEW(t, count * n, "permutations");
    DNB_NEW(order, n, "permutations");
    DNB_NEW(fold, n, "permutations");
    for (size_t i = 0; i < n; i++)
        fold[i] = (int64_t)o->folds->fold[i];
    DNB_TRY(dnb_exchange_init(&blocks, n,
                              o->exchange       ? o->exchange
                              : keeps_counts(o) ? fold
                                                : NULL,
                              err));
    for (size_t p = 0; p < count; p++) {
        dnb_exchange_draw(order, &blocks, o->seed, p);
        for (size_t i = 0; i < n; i++)
            t[p * n + i] = (uint32_t)order[i];
    }
    *table = t;
    t = NULL;
done:
    dnb_free(t);
    dnb_free(order);
    dnb_free(fold);
    dnb_exchange_release(&blocks);
    return status;
}

dnb_status dnb_map_null_init(dnb_map_null *null, size_t n_perm, size_t m, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(null->largest, n_perm, "permutation scores");
    DNB_NEW(null->reach, m, "permutation scores");
    for (size_t p = 0; p < n_perm; p++)
        null->largest[p] = -INFINITY;
done:
    return status;
}

void dnb_map_null_release(dnb_map_null *null)
{
    dnb_free(null->largest);
    dnb_free(null->reach);
    *null = (dnb_map_null){0};
}

/* A permutation that changes nothing must count as reaching the observed score, whatever the last
 * bits say. */
static bool reaches(double score, double observed)
{
    return score >= observed - 1e-12 * fmax(1, fabs(observed));
}

void dnb_map_null_add(dnb_map_null *null, const dnb_map_walk *w, const double *mean)
{
    for (size_t p = 1; p < w->plan->n_perm; p++)
        for (size_t t = 0; t < w->chunk; t++) {
            double v = mean[p * w->chunk + t];
            null->reach[w->first + t] += reaches(v, mean[t]);
            if (w->varies[w->first + t])
                null->largest[p] = fmax(null->largest[p], v);
        }
}

void dnb_map_p_max(double *p, const dnb_map_walk *w, const double *mean, const double *largest)
{
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < w->plan->m; t++) {
        size_t count = 0, n_perm = w->plan->n_perm;
        for (size_t i = 1; i < n_perm; i++)
            count += !w->varies[t] || reaches(largest[i], mean[t]);
        p[t] = dnb_permutation_p(count, n_perm - 1);
    }
}

dnb_status dnb_map_null_test(dnb_mapping_test *test, const dnb_map_null *null,
                             const dnb_map_walk *w, const double *mean, dnb_err *err)
{
    size_t n_perm = w->plan->n_perm;
    for (size_t t = 0; t < w->plan->m; t++)
        test->p[t] = dnb_permutation_p(w->varies[t] ? null->reach[t] : n_perm - 1, n_perm - 1);
    dnb_map_p_max(test->p_max, w, mean, null->largest);
    return dnb_fdr(test->q, test->p, w->plan->m, err);
}
