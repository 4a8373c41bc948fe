/* Patterns of one layer, ready for the analyses: selected, averaged within labels, cut into parts
 * along an axis. */
#include "map/actsource.h"

#include <string.h>

#include "base/mem.h"
#include "base/progress.h"

/* Tiles straight from the file. */
static dnb_status read_tile(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                            void *dst, dnb_err *err)
{
    dnb_actsource *s = ctx;
    if (n_cols == s->rows.d)
        return dnb_actfile_read(s->file, s->layer, row, n_rows, dst, err);
    return dnb_actfile_read_units(s->file, s->layer, row, n_rows, col, n_cols, dst, err);
}

/* The rest of s once name, rows, units and groups are set. */
static dnb_status complete(dnb_actsource *s, const size_t shape[3], dnb_err *err)
{
    s->n = s->rows.n;
    if (s->groups && s->groups->n_stimuli != s->n)
        return dnb_fail(err, DNB_ESHAPE, "layer %s holds %zu stimuli but the labels are of %zu",
                        s->name, s->n, s->groups->n_stimuli);
    if (!s->units) {
        dnb_status status = dnb_select_init(&s->all, NULL, shape, err);
        if (status != DNB_OK)
            return status;
        s->units = &s->all;
    }
    if (s->groups)
        s->n = s->groups->n_groups;
    s->d = dnb_select_count(s->units);
    s->chn = s->units->n[DNB_AXIS_CHN];
    s->area = s->d / (s->chn ? s->chn : 1);
    return DNB_OK;
}

dnb_status dnb_actsource_init(dnb_actsource *s, dnb_actfile *file, size_t layer,
                              const dnb_select *units, const dnb_groups *groups, dnb_err *err)
{
    const size_t *shape = dnb_actfile_shape(file, layer);
    *s = (dnb_actsource){.name = dnb_actfile_name(file, layer),
                         .rows = {.n = shape[0],
                                  .d = shape[1] * shape[2] * shape[3],
                                  .dtype = DNB_F32,
                                  .read = read_tile,
                                  .ctx = s},
                         .file = file,
                         .layer = layer,
                         .units = units,
                         .groups = groups};
    return complete(s, shape + 1, err);
}

dnb_status dnb_actsource_init_rows(dnb_actsource *s, const char *name, const dnb_rows *rows,
                                   const size_t shape[3], const dnb_groups *groups, dnb_err *err)
{
    *s = (dnb_actsource){.name = name, .rows = *rows, .groups = groups};
    if (rows->dtype != DNB_F32 || shape[0] * shape[1] * shape[2] != rows->d)
        return dnb_fail(err, DNB_ESHAPE,
                        "layer %s: %zux%zux%zu units do not make rows of %zu float32 numbers", name,
                        shape[0], shape[1], shape[2], rows->d);
    return complete(s, shape, err);
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

/* What dnb_actsource_read works with. */
typedef struct reading {
    dnb_window w;        /* within the columns read */
    size_t col, n_cols;  /* those */
    size_t block;        /* stimuli read at a time */
    float *patterns;     /* block x n_cols, unless the rows are in memory */
    float *picked, *row; /* a pattern selected, and its window */
    double *sums;        /* label x window */
} reading;

static void reading_release(reading *r)
{
    dnb_free(r->patterns);
    dnb_free(r->picked);
    dnb_free(r->row);
    dnb_free(r->sums);
}

/* Which columns: whole channels where that is the window, all where units are selected. */
static void choose_columns(reading *r, const dnb_actsource *s, const dnb_window *w)
{
    r->w = *w;
    r->col = 0;
    r->n_cols = s->rows.d;
    if (dnb_select_is_all(s->units)) {
        r->col = w->c0 * s->area;
        r->n_cols = (w->c1 - w->c0) * s->area;
        r->w.c0 = 0;
        r->w.c1 = w->c1 - w->c0;
    }
}

static dnb_status reading_init(reading *r, const dnb_actsource *s, const dnb_window *w,
                               dnb_err *err)
{
    enum { NUMBERS = 1 << 20, MOST = 64 }; /* of a block */
    dnb_status status = DNB_OK;
    const size_t width = dnb_window_units(w);
    *r = (reading){0};
    choose_columns(r, s, w);
    r->block = NUMBERS / (r->n_cols ? r->n_cols : 1);
    r->block = r->block < 1 ? 1 : r->block > MOST ? MOST : r->block;
    if (!s->rows.data)
        DNB_NEW(r->patterns, r->block * r->n_cols, "patterns");
    DNB_NEW(r->picked, s->d, "a pattern");
    DNB_NEW(r->row, width, "a pattern");
    if (s->groups) {
        r->sums = dnb_calloc(s->n * width, sizeof *r->sums);
        if (!r->sums)
            status = dnb_fail_memory(err, "label averages", s->n * width * sizeof *r->sums);
    }
done:
    return status;
}

/* One stimulus's columns into its row of dst, or into its label's sums. */
static void take_stimulus(const dnb_actsource *s, const reading *r, size_t i, const float *pattern,
                          bool by_position, float *dst)
{
    size_t width = dnb_window_units(&r->w);
    if (!dnb_select_is_all(s->units)) {
        dnb_select_apply(s->units, pattern, r->picked);
        pattern = r->picked;
    }
    take_window(s, &r->w, by_position, pattern, s->groups ? r->row : dst + i * width);
    if (!s->groups)
        return;
    double *sum = r->sums + s->groups->group[i] * width;
    for (size_t j = 0; j < width; j++)
        sum[j] += r->row[j];
}

dnb_status dnb_actsource_read(dnb_actsource *s, const dnb_window *w, bool by_position, float *dst,
                              const dnb_progress *progress, dnb_err *err)
{
    reading r;
    const size_t n_stimuli = s->rows.n, width = dnb_window_units(w);
    dnb_status status = reading_init(&r, s, w, err);
    for (size_t i = 0; status == DNB_OK && i < n_stimuli; i += r.block) {
        size_t n = n_stimuli - i < r.block ? n_stimuli - i : r.block, step = r.n_cols;
        const float *from = r.patterns;
        dnb_report(progress, s->name, i, n_stimuli);
        DNB_TRY(dnb_check_cancel(progress, err));
        if (s->rows.data) {
            step = s->rows.stride;
            from = (const float *)s->rows.data + i * step + r.col;
        } else {
            DNB_TRY(s->rows.read(s->rows.ctx, i, n, r.col, r.n_cols, r.patterns, err));
        }
        for (size_t k = 0; k < n; k++)
            take_stimulus(s, &r, i + k, from + k * step, by_position, dst);
    }
    if (status != DNB_OK)
        goto done;
    for (size_t g = 0; s->groups && g < s->n; g++)
        for (size_t j = 0; j < width; j++)
            dst[g * width + j] = (float)(r.sums[g * width + j] / (double)s->groups->sizes[g]);
    dnb_report(progress, s->name, n_stimuli, n_stimuli);
done:
    reading_release(&r);
    return status;
}

dnb_status dnb_actsource_fit(size_t *count, const dnb_actsource *s, size_t n_iter, size_t budget,
                             dnb_err *err)
{
    size_t part = s->d / n_iter, bytes;
    if (!dnb_mul_size(&bytes, s->n * part, sizeof(float) + (s->groups ? sizeof(double) : 0)))
        return dnb_fail(err, DNB_ENOMEM, "layer %s is too large", s->name);
    *count = bytes ? budget / 2 / bytes : n_iter;
    if (*count == 0)
        return dnb_fail(
            err, DNB_ENOMEM,
            "layer %s: its patterns need %.1f MB and the memory budget allows %.1f MB; raise "
            "--memory, or select fewer units with -dmask",
            s->name, (double)bytes / 1e6, (double)budget / 2e6);
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

bool dnb_actsource_rows(dnb_rows *out, const dnb_actsource *s)
{
    if (s->groups || !dnb_select_is_all(s->units))
        return false;
    *out = s->rows;
    return true;
}
