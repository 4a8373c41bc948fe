/* Standardisation over any set of dimensions. */
#include "net/norm_walk.h"

#include <math.h>

#include "base/mem.h"

/* Offsets of all index combinations of the dimensions with together[d] == which, last fastest. */
static void fill_table(size_t *table, const dnb_norm_walk *w, const size_t *step, bool which)
{
    size_t count = 1;
    table[0] = 0;
    for (int d = 0; d < w->ndim; d++) {
        if (w->together[d] != which)
            continue;
        /* Each offset so far becomes dim[d] of them; backwards, so that none is overwritten early.
         */
        for (size_t i = count; i-- > 0;) {
            size_t base = table[i];
            for (size_t k = w->dim[d]; k-- > 0;)
                table[i * w->dim[d] + k] = base + k * step[d];
        }
        count *= w->dim[d];
    }
}

static bool is_identity(const size_t *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (table[i] != i)
            return false;
    return true;
}

dnb_status dnb_norm_walk_vector(const dnb_norm_walk *w, dnb_norm_table *t, const size_t *step,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (w->n_kept == 0 || w->n_gone == 0)
        return DNB_OK;
    DNB_NEW(t->kept, w->n_kept, "normalisation");
    DNB_NEW(t->gone, w->n_gone, "normalisation");
    fill_table(t->kept, w, step, false);
    fill_table(t->gone, w, step, true);
    if (is_identity(t->gone, w->n_gone)) {
        dnb_free(t->gone);
        t->gone = NULL;
    }
done:
    return status;
}

dnb_status dnb_norm_walk_init(dnb_norm_walk *w, int ndim, const size_t *dim, const bool *together,
                              dnb_err *err)
{
    size_t step[DNB_MAX_DIMS], run = 1;
    *w = (dnb_norm_walk){.ndim = ndim, .n_kept = 1, .n_gone = 1};
    for (int d = ndim - 1; d >= 0; d--) {
        w->dim[d] = dim[d];
        w->together[d] = together[d];
        step[d] = run;
        run *= dim[d];
        *(together[d] ? &w->n_gone : &w->n_kept) *= dim[d];
    }
    return dnb_norm_walk_vector(w, &w->x, step, err);
}

dnb_status dnb_norm_walk_groups(dnb_norm_walk *w, const dnb_shape *x, size_t groups, dnb_err *err)
{
    static const bool together[4] = {false, false, true, true};
    size_t view[4] = {x->dim[0], groups, x->dim[1] / groups, 1};
    for (int d = 2; d < x->ndim; d++)
        view[3] *= x->dim[d];
    return dnb_norm_walk_init(w, 4, view, together, err);
}

void dnb_norm_walk_release(dnb_norm_walk *w)
{
    dnb_norm_table *tables[] = {&w->x, &w->scale, &w->shift};
    for (size_t i = 0; i < 3; i++) {
        dnb_free(tables[i]->kept);
        dnb_free(tables[i]->gone);
    }
    *w = (dnb_norm_walk){0};
}

/* What a group is divided by, from the sum over its n centred elements' magnitudes or squares. */
static double spread_of(const dnb_norm_rule *rule, double sum, size_t n)
{
    switch (rule->kind) {
    case DNB_NORM_VARIANCE:
        return sqrt(sum / (double)n + rule->epsilon) + rule->guard;
    case DNB_NORM_L1:
        return sum > 0 ? sum : sum == 0 ? 1 : NAN;
    case DNB_NORM_L2:
        return sum > 0 ? sqrt(sum) : sum == 0 ? 1 : NAN;
    default:
        return 1;
    }
}

static size_t at(const size_t *table, size_t i)
{
    return table ? table[i] : i;
}

#define DNB_KERNELS "net/norm_walk_kernel.h"
#include "net/each_real.h"

void dnb_norm_run(const dnb_norm_walk *w, const dnb_norm_rule *rule, const dnb_array *x,
                  const dnb_array *scale, const dnb_array *shift, const dnb_array *y, double *mean,
                  double *spread)
{
    if (w->n_kept == 0 || w->n_gone == 0)
        return;
    if (y->dtype == DNB_F64)
        normalise_f64(w, rule, x, scale, shift, y, mean, spread);
    else
        normalise_f32(w, rule, x, scale, shift, y, mean, spread);
}

void dnb_norm_grad(const dnb_norm_walk *w, const dnb_norm_rule *rule, const dnb_array *x,
                   const dnb_array *g, const dnb_array *dx)
{
    if (w->n_kept == 0 || w->n_gone == 0)
        return;
    if (dx->dtype == DNB_F64)
        normalise_grad_f64(w, rule, x, g, dx);
    else
        normalise_grad_f32(w, rule, x, g, dx);
}
