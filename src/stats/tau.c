/* Kendall's tau by counting inversions (Knight 1966): order y by x, sort it, count the swaps. */
#include "stats/tau.h"

#include <math.h>

#include "base/mem.h"
#include "stats/order.h"

dnb_status dnb_tau_side_init(dnb_tau_side *s, const double *x, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_tau_side t = {.n = n};
    DNB_NEW(t.order, n, "ranks");
    DNB_NEW(t.rank, n, "ranks");
    DNB_TRY(dnb_order(t.order, x, n, err));
    dnb_dense_ranks(t.rank, x, t.order, n);
    uint64_t run = 0;
    for (size_t i = 1; i < n; i++) {
        run = t.rank[t.order[i]] == t.rank[t.order[i - 1]] ? run + 1 : 0;
        t.ties += run;
    }
    t.has_groups = t.ties > 0;
    *s = t;
    t = (dnb_tau_side){0};
done:
    dnb_tau_side_release(&t);
    return status;
}

void dnb_tau_side_release(dnb_tau_side *s)
{
    dnb_free(s->order);
    dnb_free(s->rank);
    *s = (dnb_tau_side){0};
}

/* Sorts seq within groups of equal x, so that no tied pair counts as discordant; returns the number
 * of pairs tied in both. */
static uint64_t sort_groups(const dnb_tau_side *x, uint32_t *seq, uint32_t *tmp)
{
    uint64_t both = 0;
    for (size_t first = 0, end; first < x->n; first = end) {
        for (end = first + 1; end < x->n && x->rank[x->order[end]] == x->rank[x->order[first]];)
            end++;
        if (end - first < 2)
            continue;
        (void)dnb_count_inversions(seq + first, tmp, end - first);
        both += dnb_count_ties(seq + first, end - first);
    }
    return both;
}

double dnb_tau(const dnb_tau_side *x, const uint32_t *y_rank, uint64_t y_ties, dnb_correlation kind,
               uint32_t *seq, uint32_t *tmp)
{
    size_t n = x->n;
    if (n < 2)
        return NAN;
    for (size_t i = 0; i < n; i++)
        seq[i] = y_rank[x->order[i]];
    uint64_t both = x->has_groups ? sort_groups(x, seq, tmp) : 0;
    uint64_t discordant = dnb_count_inversions(seq, tmp, n);
    double pairs = 0.5 * (double)n * (double)(n - 1);
    double untied_x = pairs - (double)x->ties, untied_y = pairs - (double)y_ties;
    if (untied_x == 0 || untied_y == 0)
        return NAN;
    double difference = untied_x - (double)y_ties + (double)both - 2 * (double)discordant;
    return kind == DNB_KENDALL_A ? difference / pairs
                                 : difference / sqrt(untied_x) / sqrt(untied_y);
}
