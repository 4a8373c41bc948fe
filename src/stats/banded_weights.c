/* Candidate weights of banded ridge's bands: equal ones, a grid over the simplex, Dirichlet draws.
 */
#include <math.h>

#include "base/mem.h"
#include "dnnbrain/random.h"
#include "stats/banded_own.h"

#define MOST_CANDIDATES ((size_t)1000000)

/* A gamma variate of the given shape and scale 1 (Marsaglia & Tsang 2000; below 1 from shape + 1).
 */
static double gamma_variate(dnb_random *r, double shape)
{
    double boost = 1;
    if (shape < 1) {
        boost = pow(1 - dnb_random_uniform(r), 1 / shape);
        shape += 1;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = dnb_random_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(1 - dnb_random_uniform(r)) < 0.5 * x * x + d - d * v + d * log(v))
            return boost * d * v;
    }
}

static void draw(double *gamma, size_t bands, double concentration, uint64_t seed, uint64_t stream)
{
    dnb_random r;
    double sum = 0;
    dnb_random_init(&r, seed, stream);
    for (size_t b = 0; b < bands; b++)
        sum += gamma[b] = gamma_variate(&r, concentration);
    if (!(sum > 0)) { /* every variate underflowed: one band takes all, as the limit does */
        gamma[dnb_random_below(&r, bands)] = 1;
        sum = 1;
    }
    for (size_t b = 0; b < bands; b++)
        gamma[b] *= (double)bands / sum;
}

/* Points of the grid: (steps + bands - 1) over (bands - 1); MOST_CANDIDATES + 1 when more. */
static size_t grid_points(size_t steps, size_t bands)
{
    double points = 1;
    for (size_t b = 1; b < bands && points <= (double)MOST_CANDIDATES; b++)
        points = points * (double)(steps + b) / (double)b;
    return points <= (double)MOST_CANDIDATES ? (size_t)(points + 0.5) : MOST_CANDIDATES + 1;
}

/* The next way to write `steps` as a sum of `bands` counts, from {0, ..., 0, steps}; false after
 * the last. */
static bool next_point(size_t *count, size_t bands)
{
    size_t last = bands - 1, b = last;
    while (b > 0 && count[b] == 0)
        b--;
    if (b == 0)
        return false;
    size_t rest = count[b] - 1;
    count[b] = 0;
    count[b - 1]++;
    count[last] = rest;
    return true;
}

static dnb_status check(const dnb_banded_options *opt, size_t bands, size_t total, dnb_err *err)
{
    for (size_t i = 0; i < opt->n_concentrations; i++)
        if (!(opt->concentrations[i] > 0) || !isfinite(opt->concentrations[i]))
            return dnb_fail(err, DNB_EARG, "Dirichlet concentration %zu is %g; it must be above 0",
                            i + 1, opt->concentrations[i]);
    if ((opt->concentrations == NULL) != (opt->n_concentrations == 0))
        return dnb_fail(err, DNB_EARG, "concentrations and n_concentrations go together");
    if (total > MOST_CANDIDATES)
        return dnb_fail(err, DNB_EARG,
                        "more than %zu candidates of band weights (a grid of %zu steps over %zu "
                        "bands): take a coarser grid",
                        MOST_CANDIDATES, opt->grid, bands);
    return DNB_OK;
}

dnb_status dnb_banded_weights(double **out, size_t *count, size_t bands,
                              const dnb_banded_options *opt, dnb_err *err)
{
    static const double usual[] = {1.0, 0.1};
    dnb_status status = DNB_OK;
    double *w = NULL;
    size_t *point = NULL, drawn = opt->candidates ? opt->candidates : 20, at = 1, grid, total;
    const double *concentrations = opt->concentrations ? opt->concentrations : usual;
    size_t kinds = opt->concentrations ? opt->n_concentrations : 2;
    drawn = drawn > MOST_CANDIDATES ? MOST_CANDIDATES + 1 : drawn;
    grid = opt->grid ? grid_points(opt->grid, bands) : 0;
    total = bands == 1 ? 1 : drawn + grid;
    DNB_TRY(check(opt, bands, total, err));
    DNB_NEW(w, total * bands, "band weights");
    DNB_NEW(point, bands, "band weights");
    for (size_t b = 0; b < bands; b++)
        w[b] = 1;
    point[bands - 1] = opt->grid;
    for (size_t g = 0; g < grid && bands > 1; g++, at++) {
        for (size_t b = 0; b < bands; b++)
            w[at * bands + b] = (double)point[b] * (double)bands / (double)opt->grid;
        if (!next_point(point, bands))
            grid = g + 1;
    }
    for (size_t i = 0; at < total; at++, i++)
        draw(w + at * bands, bands, concentrations[i % kinds], opt->seed, i);
    *out = w;
    *count = total;
    w = NULL;
done:
    dnb_free(w);
    dnb_free(point);
    return status;
}
