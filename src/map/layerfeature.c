/* Features of a layer: which patterns, which method, where the results stand. */
#include "dnnbrain/layerfeature.h"

#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/progress.h"
#include "dnnbrain/features.h"
#include "dnnbrain/pca.h"
#include "map/actsource.h"

typedef struct job {
    const dnb_feature_options *o;
    dnb_actsource source;
    dnb_iteraxis parts_along; /* the axis patterns do not run over */
    size_t n_parts, part;     /* patterns per stimulus, units per pattern */
    size_t n_out;             /* features per pattern */
} job;

static const char *job_layer(const job *j)
{
    return j->source.name;
}

static size_t job_budget(const job *j)
{
    return j->o->memory ? j->o->memory : dnb_memory_budget();
}

static dnb_status check(job *j, dnb_err *err)
{
    size_t most = j->part;
    if (j->part == 0 || j->source.n == 0)
        return dnb_fail(err, DNB_EARG, "layer %s holds nothing", job_layer(j));
    if (j->o->n == 0 && (j->o->method != DNB_FEATURE_PCA || j->o->axis != DNB_FEATURE_ALL))
        return dnb_fail(
            err, DNB_EARG,
            "a share of variance works for pca without -axis; give a whole number of features");
    if (j->o->method == DNB_FEATURE_HIST)
        return DNB_OK;
    if (j->o->method == DNB_FEATURE_PCA && j->source.n < most)
        most = j->source.n;
    if (j->o->method == DNB_FEATURE_PSD)
        most = j->part / 2 + 1;
    if (j->o->n > most)
        return dnb_fail(err, DNB_EARG,
                        "layer %s: %zu features asked for, its patterns give at most %zu",
                        job_layer(j), j->o->n, most);
    return DNB_OK;
}

/* Feature f of part k of stimulus i. */
static size_t place(const job *j, size_t i, size_t k, size_t f)
{
    if (j->o->axis == DNB_FEATURE_CHN) /* n x N x row x col */
        return (i * j->n_out + f) * j->n_parts + k;
    return (i * j->n_parts + k) * j->n_out + f; /* n x chn x N, and n x N */
}

static dnb_status allocate(dnb_array *out, job *j, dnb_err *err)
{
    const dnb_actsource *s = &j->source;
    size_t shape[4] = {s->n, j->n_out, 1, 1};
    if (j->o->axis == DNB_FEATURE_CHN) {
        shape[2] = s->units->n[DNB_AXIS_ROW];
        shape[3] = s->units->n[DNB_AXIS_COL];
    } else if (j->o->axis == DNB_FEATURE_ROW_COL) {
        shape[1] = s->chn;
        shape[2] = j->n_out;
    }
    double bytes =
        sizeof(float) * (double)shape[0] * (double)shape[1] * (double)shape[2] * (double)shape[3];
    if (bytes > (double)job_budget(j))
        return dnb_fail(err, DNB_ENOMEM,
                        "layer %s: its features take %.1f MB and the memory budget is %.1f MB; ask "
                        "for fewer or raise --memory",
                        job_layer(j), bytes / 1e6, (double)job_budget(j) / 1e6);
    return dnb_array_init(out, DNB_F32, 4, shape, err);
}

static dnb_status pca_part(job *j, dnb_array *out, const dnb_rows *rows, size_t k, dnb_err *err)
{
    dnb_pca pca = {0};
    dnb_pca_options po = {
        .n_components = j->o->n, .variance = j->o->n ? 0 : j->o->variance, .memory = j->o->memory};
    dnb_status status = dnb_pca_fit(&pca, rows, &po, err);
    if (status != DNB_OK)
        return status;
    if (!out->data) {
        j->n_out = pca.k;
        status = allocate(out, j, err);
    }
    if (status == DNB_OK)
        for (size_t i = 0; i < j->source.n; i++)
            for (size_t f = 0; f < pca.k; f++)
                ((float *)out->data)[place(j, i, k, f)] =
                    (float)((double *)pca.scores.data)[i * pca.k + f];
    dnb_pca_release(&pca);
    return status;
}

/* hist or psd of one pattern; `work` holds max(part, n_out) + n_out doubles. */
static dnb_status summarise(const job *j, const float *x, double *work, float *dst, size_t stride,
                            dnb_err *err)
{
    double *y = work + j->part;
    dnb_status status;
    if (j->o->method == DNB_FEATURE_HIST) {
        status = dnb_hist_f32(y, j->n_out, x, j->part, err);
    } else {
        for (size_t u = 0; u < j->part; u++)
            work[u] = x[u];
        status = dnb_psd(y, j->n_out, work, j->part, err);
    }
    for (size_t f = 0; status == DNB_OK && f < j->n_out; f++)
        dst[f * stride] = (float)y[f];
    return status;
}

static dnb_status summarise_parts(const job *j, dnb_array *out, const float *values, size_t first,
                                  size_t count, dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *work = dnb_alloc(j->part + j->n_out, sizeof *work);
    size_t stride = place(j, 0, 0, 1) - place(j, 0, 0, 0);
    if (!work)
        return dnb_fail_memory(err, "features", (j->part + j->n_out) * sizeof *work);
    for (size_t i = 0; i < j->source.n && status == DNB_OK; i++) {
        if (i % 256 == 0) {
            dnb_report(j->o->progress, "features", i, j->source.n);
            status = dnb_check_cancel(j->o->progress, err);
        }
        for (size_t k = 0; k < count && status == DNB_OK; k++)
            status = summarise(j, values + (i * count + k) * j->part, work,
                               (float *)out->data + place(j, i, first + k, 0), stride, err);
    }
    dnb_free(work);
    return status;
}

static dnb_status pca_parts(job *j, dnb_array *out, const float *values, size_t first, size_t count,
                            dnb_err *err)
{
    for (size_t k = 0; k < count; k++) {
        dnb_rows rows = {.n = j->source.n,
                         .d = j->part,
                         .dtype = DNB_F32,
                         .data = values + k * j->part,
                         .stride = count * j->part};
        dnb_report(j->o->progress, "components", first + k, j->n_parts);
        dnb_status status = dnb_check_cancel(j->o->progress, err);
        if (status == DNB_OK)
            status = pca_part(j, out, &rows, first + k, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* Reads as many parts as memory holds, works on them, goes on. */
static dnb_status run_parts(job *j, dnb_array *out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t step = 0, budget = job_budget(j);
    float *values = NULL;
    if (j->o->n)
        DNB_TRY(allocate(out, j, err));
    DNB_TRY(dnb_actsource_fit(&step, &j->source, j->n_parts, budget, err));
    values = dnb_alloc_aligned(j->source.n * j->part, step * sizeof *values);
    if (!values) {
        status = dnb_fail_memory(err, "patterns", j->source.n * j->part * step * sizeof *values);
        goto done;
    }
    for (size_t k = 0; k < j->n_parts; k += step) {
        size_t count = j->n_parts - k < step ? j->n_parts - k : step;
        dnb_window w = dnb_actsource_window(&j->source, j->parts_along, k, count);
        DNB_TRY(dnb_actsource_read(&j->source, &w, j->parts_along == DNB_ITER_ROW_COL, values,
                                   j->o->progress, err));
        if (j->o->method == DNB_FEATURE_PCA)
            DNB_TRY(pca_parts(j, out, values, k, count, err));
        else
            DNB_TRY(summarise_parts(j, out, values, k, count, err));
    }
done:
    dnb_free(values);
    return status;
}

static void set_parts(job *j)
{
    j->parts_along = j->o->axis == DNB_FEATURE_CHN       ? DNB_ITER_ROW_COL
                     : j->o->axis == DNB_FEATURE_ROW_COL ? DNB_ITER_CHANNEL
                                                         : DNB_ITER_NONE;
    j->n_parts = dnb_actsource_parts(&j->source, j->parts_along);
    j->part = j->n_parts ? j->source.d / j->n_parts : 0;
}

/* Features of j's source, which is set. */
static dnb_status run_job(dnb_array *out, job *j, dnb_err *err)
{
    dnb_array result = {0};
    dnb_rows rows;
    dnb_status status = DNB_OK;
    set_parts(j);
    DNB_TRY(check(j, err));
    if (j->o->method == DNB_FEATURE_PCA && j->o->axis == DNB_FEATURE_ALL &&
        dnb_actsource_rows(&rows, &j->source))
        DNB_TRY(pca_part(j, &result, &rows, 0, err));
    else
        DNB_TRY(run_parts(j, &result, err));
    *out = result;
    result = (dnb_array){0};
done:
    dnb_array_release(&result);
    return status;
}

dnb_status dnb_feature_of_layer(dnb_array *out, dnb_actfile *file, size_t layer,
                                const dnb_select *units, const dnb_feature_options *options,
                                dnb_err *err)
{
    job j = {.o = options, .n_out = options->n};
    dnb_status status = dnb_actsource_init(&j.source, file, layer, units, NULL, err);
    if (status == DNB_OK)
        status = run_job(out, &j, err);
    dnb_actsource_release(&j.source);
    return status;
}

dnb_status dnb_feature_of_rows(dnb_array *out, const char *name, const dnb_rows *rows,
                               const size_t shape[3], const dnb_feature_options *options,
                               dnb_err *err)
{
    job j = {.o = options, .n_out = options->n};
    dnb_status status = dnb_actsource_init_rows(&j.source, name, rows, shape, NULL, err);
    if (status == DNB_OK)
        status = run_job(out, &j, err);
    dnb_actsource_release(&j.source);
    return status;
}

dnb_status dnb_feature_plan(size_t *bytes, const char *name, const dnb_rows *rows,
                            const size_t shape[3], const dnb_feature_options *options, dnb_err *err)
{
    const dnb_feature_options *o = options;
    job j = {.o = o, .n_out = o->n};
    double n = (double)rows->n, budget = (double)job_budget(&j);
    dnb_rows part = *rows;
    dnb_status status = dnb_actsource_init_rows(&j.source, name, rows, shape, NULL, err);
    if (status == DNB_OK) {
        set_parts(&j);
        status = check(&j, err);
    }
    dnb_actsource_release(&j.source);
    if (status != DNB_OK)
        return status;
    part.d = j.part;
    double features = o->n ? (double)o->n : fmin(n, (double)part.d);
    double total = n * (double)j.n_parts * features * sizeof(float);
    if (j.n_parts > 1 || o->method != DNB_FEATURE_PCA) { /* read as many parts as fit */
        total += fmin(n * (double)rows->d * sizeof(float), 0.5 * budget);
        part.data = rows;
    }
    if (o->method == DNB_FEATURE_PCA) {
        dnb_pca_options po = {
            .n_components = o->n, .variance = o->n ? 0 : o->variance, .memory = o->memory};
        total += (double)dnb_pca_plan_bytes(&part, &po);
    }
    *bytes = total < (double)(SIZE_MAX / 4) ? (size_t)total : SIZE_MAX / 4;
    return DNB_OK;
}
