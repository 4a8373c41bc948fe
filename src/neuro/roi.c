/* Regions of interest: one number per region and volume, streamed; and one region's patterns. */
#include "dnnbrain/roi.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/enum_name.h"
#include "base/mem.h"
#include "base/progress.h"
#include "neuro/brain_internal.h"

/* Values of the regions' voxels held at a time. */
#define BLOCK_BYTES ((size_t)1 << 24)

dnb_status dnb_roi_method_parse(const char *name, dnb_roi_method *out, dnb_err *err)
{
    static const char *const NAMES[] = {"mean", "max", "std"};
    int found = dnb_enum_find(name, NAMES, sizeof NAMES / sizeof *NAMES, NULL, 0);
    if (found < 0)
        return dnb_fail(err, DNB_EARG, "unknown ROI method \"%s\"; use mean, max or std", name);
    *out = (dnb_roi_method)found;
    return DNB_OK;
}

/* Sum of v[i] - centre, or of its square. Eight running sums, whatever the machine: the rounding
 * error grows eight times slower, and the result never depends on how the loop is vectorised. */
static double sum(const double *v, size_t n, double centre, bool squared)
{
    double s[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) {
            double d = v[i + k] - centre;
            s[k] += squared ? d * d : d;
        }
    for (size_t k = 0; i < n; i++, k++) {
        double d = v[i] - centre;
        s[k] += squared ? d * d : d;
    }
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static double summarise(dnb_roi_method method, const double *v, size_t n)
{
    if (method == DNB_ROI_MAX) {
        double m = v[0];
        for (size_t i = 1; i < n; i++)
            if (v[i] > m || isnan(v[i])) /* nothing is above a NaN, so it stays */
                m = v[i];
        return m;
    }
    double mean = sum(v, n, 0, false) / (double)n;
    return method == DNB_ROI_MEAN ? mean : sqrt(sum(v, n, mean, true) / (double)n);
}

/* The regions of one run: their voxels one region after the other, start[r] .. start[r + 1]. */
typedef struct regions {
    size_t n, *start, *vox;
} regions;

static void regions_release(regions *r)
{
    dnb_free(r->start);
    dnb_free(r->vox);
}

static dnb_status regions_init(regions *r, const dnb_mask *m, const dnb_roi_options *opt,
                               dnb_roi_table *t, dnb_err *err)
{
    dnb_status status = DNB_OK;
    r->n = opt->labels ? opt->n_labels : dnb_mask_n_labels(m);
    if (r->n == 0)
        return dnb_fail(err, DNB_EARG, "%s: no ROI label chosen", dnb_mask_path(m));
    DNB_NEW(r->start, r->n + 1, "ROIs");
    DNB_NEW(t->names, r->n, "ROI names");
    t->n_roi = r->n;
    for (int fill = 0; fill < 2; fill++) { /* count, then copy */
        if (fill)
            DNB_NEW(r->vox, r->start[r->n], "ROI voxels");
        for (size_t i = 0; i < r->n; i++) {
            size_t k = i, size;
            if (opt->labels)
                DNB_TRY(dnb_mask_find(m, opt->labels[i], &k, err));
            const size_t *vox = dnb_mask_voxels(m, k, &size);
            r->start[i + 1] = r->start[i] + size;
            if (fill)
                memcpy(r->vox + r->start[i], vox, size * sizeof *vox);
            else {
                char text[32];
                snprintf(text, sizeof text, "%" PRId64, dnb_mask_labels(m)[k]);
                t->names[i] = dnb_strdup(text);
                if (!t->names[i]) {
                    status = dnb_fail_memory(err, "ROI names", sizeof text);
                    goto done;
                }
            }
        }
    }
done:
    return status;
}

/* Volumes first .. first+count-1: values are count rows of r->start[r->n]. */
static void summarise_block(const regions *r, dnb_roi_method method, const double *values,
                            size_t count, double *out)
{
    size_t width = r->start[r->n];
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < r->n; i++)
            out[v * r->n + i] =
                summarise(method, values + v * width + r->start[i], r->start[i + 1] - r->start[i]);
}

static dnb_status run_blocks(dnb_roi_table *t, dnb_brain *b, const regions *r,
                             const dnb_roi_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_brain_picks picks = {0};
    double *values = NULL;
    size_t width = r->start[r->n];
    size_t step = BLOCK_BYTES / sizeof *values / width;
    step = step == 0 ? 1 : step < t->n_vol ? step : t->n_vol;
    DNB_TRY(dnb_brain_picks_init(&picks, b, r->vox, width, err));
    values = dnb_alloc_aligned(step * width, sizeof *values);
    if (!values) {
        status = dnb_fail_memory(err, "ROI values", step * width * sizeof *values);
        goto done;
    }
    for (size_t v = 0; v < t->n_vol; v += step) {
        size_t count = t->n_vol - v < step ? t->n_vol - v : step;
        dnb_brain_target to = {.f64 = values, .stride = width};
        dnb_report(opt->progress, "ROI volumes", v, t->n_vol);
        DNB_TRY(dnb_check_cancel(opt->progress, err));
        DNB_TRY(b->format->read(b, v, count, &picks, &to, NULL, err));
        summarise_block(r, opt->method, values, count, t->data + v * r->n);
    }
    dnb_report(opt->progress, "ROI volumes", t->n_vol, t->n_vol);
done:
    dnb_brain_picks_release(&picks);
    dnb_free(values);
    return status;
}

dnb_status dnb_roi_run(dnb_roi_table *out, dnb_brain *b, const dnb_mask *m,
                       const dnb_roi_options *opt, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_roi_table t = {0};
    regions r = {0};
    size_t cells;
    DNB_TRY(dnb_mask_check(m, b, err));
    DNB_TRY(regions_init(&r, m, opt, &t, err));
    t.n_vol = dnb_brain_n_vol(b);
    if (!dnb_mul_size(&cells, t.n_vol, t.n_roi)) {
        status = dnb_fail(err, DNB_ENOMEM, "%s: %zu volumes of %zu ROIs do not fit memory",
                          dnb_brain_path(b), t.n_vol, t.n_roi);
        goto done;
    }
    DNB_NEW(t.data, cells, "the ROI table");
    DNB_TRY(run_blocks(&t, b, &r, opt, err));
    *out = t;
    t = (dnb_roi_table){0};
done:
    regions_release(&r);
    dnb_roi_table_release(&t);
    return status;
}

void dnb_roi_table_release(dnb_roi_table *t)
{
    for (size_t i = 0; t->names && i < t->n_roi; i++)
        dnb_free(t->names[i]);
    dnb_free(t->names);
    dnb_free(t->data);
    *t = (dnb_roi_table){0};
}

dnb_status dnb_roi_pattern_read(double **out, size_t *n_vox, dnb_brain *b, const dnb_mask *m,
                                int64_t label, size_t max_bytes, const dnb_progress *progress,
                                dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *pattern = NULL;
    size_t k, n, cells, limit = max_bytes ? max_bytes : dnb_memory_budget();
    DNB_TRY(dnb_mask_check(m, b, err));
    DNB_TRY(dnb_mask_find(m, label, &k, err));
    const size_t *vox = dnb_mask_voxels(m, k, &n);
    if (!dnb_mul_size(&cells, n, dnb_brain_n_vol(b)) || cells > limit / sizeof *pattern) {
        status = dnb_fail(err, DNB_ENOMEM,
                          "%s: ROI %" PRId64 ": %zu volumes of %zu voxels take more than the %zu "
                          "bytes allowed; use fewer volumes or raise the limit",
                          dnb_brain_path(b), label, dnb_brain_n_vol(b), n, limit);
        goto done;
    }
    DNB_NEW(pattern, cells, "ROI pattern");
    DNB_TRY(dnb_brain_read_f64(b, 0, dnb_brain_n_vol(b), vox, n, pattern, progress, err));
    *out = pattern;
    *n_vox = n;
    pattern = NULL;
done:
    dnb_free(pattern);
    return status;
}

void dnb_roi_pattern_free(double *pattern)
{
    dnb_free(pattern);
}
