/* RDMs: which columns of which patterns enter, averaging within labels, iteration over a layer's
 * axes. Distances themselves are the stats room's. */
#include "dnnbrain/rdm.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "map/actsource.h"

dnb_status dnb_iteraxis_parse(dnb_iteraxis *out, const char *name, dnb_err *err)
{
    if (!name)
        *out = DNB_ITER_NONE;
    else if (strcmp(name, "channel") == 0)
        *out = DNB_ITER_CHANNEL;
    else if (strcmp(name, "row_col") == 0)
        *out = DNB_ITER_ROW_COL;
    else
        return dnb_fail(err, DNB_EARG, "iteration axis '%s' is not channel or row_col", name);
    return DNB_OK;
}

static int compare_labels(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

dnb_status dnb_groups_init(dnb_groups *out, const int64_t *labels, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_groups g = {.n_stimuli = n};
    DNB_NEW(g.labels, n, "labels");
    DNB_NEW(g.group, n, "labels");
    DNB_NEW(g.sizes, n, "labels");
    memcpy(g.labels, labels, n * sizeof *labels);
    qsort(g.labels, n, sizeof *g.labels, compare_labels);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || g.labels[i] != g.labels[g.n_groups - 1])
            g.labels[g.n_groups++] = g.labels[i];
    for (size_t i = 0; i < n; i++) {
        const int64_t *at =
            bsearch(&labels[i], g.labels, g.n_groups, sizeof *labels, compare_labels);
        g.group[i] = (size_t)(at - g.labels);
        g.sizes[g.group[i]]++;
    }
    *out = g;
    g = (dnb_groups){0};
done:
    dnb_groups_release(&g);
    return status;
}

void dnb_groups_release(dnb_groups *g)
{
    dnb_free(g->labels);
    dnb_free(g->group);
    dnb_free(g->sizes);
    *g = (dnb_groups){0};
}

/* Distances of the plain case (one RDM, ungrouped, all units) straight from the file, tile by tile.
 */
static dnb_status stream_layer(dnb_array *out, const dnb_rows *rows, const dnb_pdist_options *pdist,
                               dnb_err *err)
{
    dnb_array condensed = {0};
    dnb_status status = dnb_pdist(&condensed, rows, pdist, err);
    if (status == DNB_OK) { /* n_pairs -> 1 x n_pairs */
        condensed.ndim = 2;
        condensed.shape[1] = condensed.shape[0];
        condensed.shape[0] = 1;
        *out = condensed;
    }
    return status;
}

/* RDMs of `count` equal parts lying side by side in each row of `values`. */
static dnb_status rdms_of_parts(double *out, const float *values, size_t n, size_t width,
                                size_t count, const dnb_pdist_options *pdist, dnb_err *err)
{
    const size_t pairs = dnb_condensed_count(n), part = width / count;
    for (size_t k = 0; k < count; k++) {
        dnb_rows rows = {
            .n = n, .d = part, .dtype = DNB_F32, .data = values + k * part, .stride = width};
        dnb_array condensed = {0};
        dnb_status status = dnb_pdist(&condensed, &rows, pdist, err);
        if (status != DNB_OK)
            return status;
        memcpy(out + k * pairs, condensed.data, pairs * sizeof *out);
        dnb_array_release(&condensed);
    }
    return DNB_OK;
}

static dnb_status iterate_layer(dnb_array *out, dnb_actsource *s, const dnb_rdm_options *o,
                                size_t budget, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const size_t n_iter = dnb_actsource_parts(s, o->iteraxis);
    const size_t pairs = dnb_condensed_count(s->n);
    const size_t shape[2] = {n_iter, pairs};
    size_t step = 0;
    dnb_array result = {0};
    float *values = NULL;
    dnb_pdist_options pdist = o->pdist;
    pdist.memory = budget / 2;
    DNB_TRY(dnb_array_init(&result, DNB_F64, 2, shape, err));
    DNB_TRY(dnb_actsource_fit(&step, s, n_iter, budget, err));
    values = dnb_alloc_aligned(s->n * (s->d / n_iter), step * sizeof *values);
    if (!values) {
        status = dnb_fail_memory(err, "patterns", s->n * (s->d / n_iter) * step * sizeof *values);
        goto done;
    }
    for (size_t k = 0; k < n_iter; k += step) {
        size_t count = n_iter - k < step ? n_iter - k : step;
        dnb_window w = dnb_actsource_window(s, o->iteraxis, k, count);
        DNB_TRY(dnb_actsource_read(s, &w, o->iteraxis == DNB_ITER_ROW_COL, values,
                                   n_iter > step ? NULL : o->pdist.progress, err));
        dnb_report(o->pdist.progress, "distances", k, n_iter);
        DNB_TRY(rdms_of_parts((double *)result.data + k * pairs, values, s->n, dnb_window_units(&w),
                              count, &pdist, err));
    }
    *out = result;
    result = (dnb_array){0};
done:
    dnb_free(values);
    dnb_array_release(&result);
    return status;
}

static dnb_status rdm_of_source(dnb_array *out, dnb_actsource *s, const dnb_rdm_options *o,
                                dnb_err *err)
{
    size_t budget = o->pdist.memory ? o->pdist.memory : dnb_memory_budget();
    dnb_rows rows;
    if (s->n < 2)
        return dnb_fail(err, DNB_EARG, "layer %s: an RDM needs at least 2 conditions, there is %zu",
                        s->name, s->n);
    if (o->iteraxis == DNB_ITER_NONE && dnb_actsource_rows(&rows, s))
        return stream_layer(out, &rows, &o->pdist, err);
    return iterate_layer(out, s, o, budget, err);
}

dnb_status dnb_rdm_of_layer(dnb_array *out, dnb_actfile *file, size_t layer,
                            const dnb_select *units, const dnb_rdm_options *options, dnb_err *err)
{
    static const dnb_rdm_options defaults = {0};
    const dnb_rdm_options *o = options ? options : &defaults;
    dnb_actsource s;
    dnb_status status = dnb_actsource_init(&s, file, layer, units, o->groups, err);
    if (status == DNB_OK)
        status = rdm_of_source(out, &s, o, err);
    dnb_actsource_release(&s);
    return status;
}

dnb_status dnb_rdm_of_rows(dnb_array *out, const char *name, const dnb_rows *rows,
                           const size_t shape[3], const dnb_rdm_options *options, dnb_err *err)
{
    static const dnb_rdm_options defaults = {0};
    const dnb_rdm_options *o = options ? options : &defaults;
    dnb_actsource s;
    dnb_status status = dnb_actsource_init_rows(&s, name, rows, shape, o->groups, err);
    if (status == DNB_OK)
        status = rdm_of_source(out, &s, o, err);
    dnb_actsource_release(&s);
    return status;
}

/* Bytes of a product of sizes, for plans: as many as there are when it does not fit. */
static size_t saturated(double bytes)
{
    return bytes < (double)(SIZE_MAX / 4) ? (size_t)bytes : SIZE_MAX / 4;
}

size_t dnb_rdm_plan_bytes(const dnb_rows *rows, const size_t shape[3],
                          const dnb_rdm_options *options)
{
    static const dnb_rdm_options defaults = {0};
    const dnb_rdm_options *o = options ? options : &defaults;
    size_t budget = o->pdist.memory ? o->pdist.memory : dnb_memory_budget();
    size_t n = o->groups ? o->groups->n_groups : rows->n, d = rows->d, parts = 1;
    if (o->iteraxis == DNB_ITER_NONE && !o->groups)
        return dnb_pdist_plan_bytes(rows, &o->pdist);
    if (o->iteraxis == DNB_ITER_CHANNEL)
        parts = shape[0];
    else if (o->iteraxis == DNB_ITER_ROW_COL)
        parts = shape[1] * shape[2];
    dnb_rows part = {.n = n, .d = d / parts, .dtype = DNB_F32, .data = rows, .stride = d};
    dnb_pdist_options pdist = o->pdist;
    pdist.memory = budget / 2;
    double values = (double)n * (double)d * (sizeof(float) + (o->groups ? sizeof(double) : 0));
    double result = (double)parts * (double)dnb_condensed_count(n) * sizeof(double);
    return saturated(fmin(values, 0.5 * (double)budget) + result +
                     (double)dnb_pdist_plan_bytes(&part, &pdist));
}

/* Means of the rows of each group: fresh n_groups x d. */
static dnb_status average_groups(double **out, const double *x, size_t d, const dnb_groups *g,
                                 dnb_err *err)
{
    double *means = dnb_calloc(g->n_groups * d, sizeof *means);
    if (!means)
        return dnb_fail_memory(err, "label averages", g->n_groups * d * sizeof *means);
    for (size_t i = 0; i < g->n_stimuli; i++)
        for (size_t j = 0; j < d; j++)
            means[g->group[i] * d + j] += x[i * d + j];
    for (size_t k = 0; k < g->n_groups; k++)
        for (size_t j = 0; j < d; j++)
            means[k * d + j] /= (double)g->sizes[k];
    *out = means;
    return DNB_OK;
}

dnb_status dnb_rdm_of_roi(dnb_array *out, dnb_brain *image, const dnb_mask *mask, int64_t label,
                          const dnb_rdm_options *options, dnb_err *err)
{
    static const dnb_rdm_options defaults = {0};
    const dnb_rdm_options *o = options ? options : &defaults;
    double *pattern = NULL, *means = NULL;
    size_t n = dnb_brain_n_vol(image), d = 0;
    dnb_status status = DNB_OK;
    if (o->groups && o->groups->n_stimuli != n)
        return dnb_fail(err, DNB_ESHAPE, "%s holds %zu volumes but the labels are of %zu stimuli",
                        dnb_brain_path(image), n, o->groups->n_stimuli);
    DNB_TRY(dnb_roi_pattern_read(&pattern, &d, image, mask, label, o->pdist.memory,
                                 o->pdist.progress, err));
    if (o->groups) {
        DNB_TRY(average_groups(&means, pattern, d, o->groups, err));
        n = o->groups->n_groups;
    }
    if (n < 2) {
        status = dnb_fail(err, DNB_EARG, "%s: an RDM needs at least 2 conditions, there is %zu",
                          dnb_brain_path(image), n);
        goto done;
    }
    dnb_rows rows = dnb_rows_f64(means ? means : pattern, n, d);
    status = dnb_pdist(out, &rows, &o->pdist, err);
done:
    dnb_roi_pattern_free(pattern);
    dnb_free(means);
    return status;
}
