/* Patterns of one layer of an activation file, ready for the analyses: selected, averaged within
 * labels, cut into parts along an axis. */
#include "map/actsource.h"

#include <string.h>

#include "base/mem.h"
#include "base/progress.h"

dnb_status dnb_actsource_init(dnb_actsource *s, dnb_actfile *file, size_t layer,
                              const dnb_select *units, const dnb_groups *groups, dnb_err *err)
{
    const size_t *shape = dnb_actfile_shape(file, layer);
    *s = (dnb_actsource){
        .file = file, .layer = layer, .units = units, .groups = groups, .n = shape[0]};
    if (groups && groups->n_stimuli != shape[0])
        return dnb_fail(err, DNB_ESHAPE, "layer %s holds %zu stimuli but the labels are of %zu",
                        dnb_actfile_name(file, layer), shape[0], groups->n_stimuli);
    if (!units) {
        dnb_status status = dnb_select_init(&s->all, NULL, shape + 1, err);
        if (status != DNB_OK)
            return status;
        s->units = &s->all;
    }
    if (groups)
        s->n = groups->n_groups;
    s->d = dnb_select_count(s->units);
    s->chn = s->units->n[DNB_AXIS_CHN];
    s->area = s->d / (s->chn ? s->chn : 1);
    return DNB_OK;
}

size_t dnb_window_units(const dnb_window *w)
{
    return (w->c1 - w->c0) * (w->p1 - w->p0);
}

/* Copies (or adds, in double) a window of one picked pattern. Position-major order puts the
 * channels of a position side by side, which is what one RDM per position needs. */
static void take_window(const dnb_actsource *s, const dnb_window *w, bool by_position,
                        const float *pattern, float *dst)
{
    size_t positions = w->p1 - w->p0, channels = w->c1 - w->c0;
    for (size_t c = 0; c < channels; c++) {
        const float *from = pattern + (w->c0 + c) * s->area + w->p0;
        if (!by_position)
            memcpy(dst + c * positions, from, positions * sizeof *dst);
        else
            for (size_t p = 0; p < positions; p++)
                dst[p * channels + c] = from[p];
    }
}

dnb_status dnb_actsource_read(dnb_actsource *s, const dnb_window *w, bool by_position, float *dst,
                              const dnb_progress *progress, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const size_t raw = dnb_select_source_count(s->units), width = dnb_window_units(w);
    const size_t n_stimuli = dnb_actfile_shape(s->file, s->layer)[0];
    const char *name = dnb_actfile_name(s->file, s->layer);
    float *pattern = NULL, *picked = NULL, *row = NULL;
    double *sums = NULL;
    DNB_NEW(pattern, raw, "a pattern");
    DNB_NEW(picked, s->d, "a pattern");
    DNB_NEW(row, width, "a pattern");
    if (s->groups) {
        sums = dnb_calloc(s->n * width, sizeof *sums);
        if (!sums) {
            status = dnb_fail_memory(err, "label averages", s->n * width * sizeof *sums);
            goto done;
        }
    }
    for (size_t i = 0; i < n_stimuli; i++) {
        if (i % 64 == 0) {
            dnb_report(progress, name, i, n_stimuli);
            DNB_TRY(dnb_check_cancel(progress, err));
        }
        DNB_TRY(dnb_actfile_read(s->file, s->layer, i, 1, pattern, err));
        dnb_select_apply(s->units, pattern, picked);
        take_window(s, w, by_position, picked, s->groups ? row : dst + i * width);
        if (!s->groups)
            continue;
        double *sum = sums + s->groups->group[i] * width;
        for (size_t j = 0; j < width; j++)
            sum[j] += row[j];
    }
    for (size_t g = 0; s->groups && g < s->n; g++)
        for (size_t j = 0; j < width; j++)
            dst[g * width + j] = (float)(sums[g * width + j] / (double)s->groups->sizes[g]);
    dnb_report(progress, name, n_stimuli, n_stimuli);
done:
    dnb_free(pattern);
    dnb_free(picked);
    dnb_free(row);
    dnb_free(sums);
    return status;
}

dnb_status dnb_actsource_fit(size_t *count, const dnb_actsource *s, size_t n_iter, size_t budget,
                             dnb_err *err)
{
    size_t part = s->d / n_iter, bytes;
    if (!dnb_mul_size(&bytes, s->n * part, sizeof(float) + (s->groups ? sizeof(double) : 0)))
        return dnb_fail(err, DNB_ENOMEM, "layer %s is too large",
                        dnb_actfile_name(s->file, s->layer));
    *count = bytes ? budget / 2 / bytes : n_iter;
    if (*count == 0)
        return dnb_fail(
            err, DNB_ENOMEM,
            "layer %s: its patterns need %.1f MB and the memory budget allows %.1f MB; raise "
            "--memory, or select fewer units with -dmask",
            dnb_actfile_name(s->file, s->layer), (double)bytes / 1e6, (double)budget / 2e6);
    if (*count > n_iter)
        *count = n_iter;
    return DNB_OK;
}

void dnb_actsource_release(dnb_actsource *s)
{
    dnb_select_release(&s->all);
}

size_t dnb_actsource_parts(const dnb_actsource *s, dnb_iteraxis axis)
{
    return axis == DNB_ITER_CHANNEL ? s->chn : axis == DNB_ITER_ROW_COL ? s->area : 1;
}

dnb_window dnb_actsource_window(const dnb_actsource *s, dnb_iteraxis axis, size_t first,
                                size_t count)
{
    dnb_window w = {0, s->chn, 0, s->area};
    if (axis == DNB_ITER_CHANNEL) {
        w.c0 = first;
        w.c1 = first + count;
    } else if (axis == DNB_ITER_ROW_COL) {
        w.p0 = first;
        w.p1 = first + count;
    }
    return w;
}

/* Tiles straight from the file. */
static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    dnb_actsource *s = ctx;
    return dnb_actfile_read_units(s->file, s->layer, row, n_rows, col, n_cols, dst, err);
}

bool dnb_actsource_rows(dnb_rows *out, dnb_actsource *s)
{
    if (s->groups || !dnb_select_is_all(s->units))
        return false;
    *out = (dnb_rows){.n = s->n, .d = s->d, .dtype = DNB_F32, .read = read_tile, .ctx = s};
    return true;
}
