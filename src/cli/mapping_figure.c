/* The figure of a mapping: layer profiles, a confusion matrix, or slices of a score map. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/figure.h>

#include "mapping_report.h"
#include "show.h"

enum { MOST_LAYERS = 60, MOST_LINES = 8, MOST_PANELS = 24, MOST_SLICES = 60, NAME = 128 };

dnb_status cli_report_check(const char *figure, bool show, cli_context *ctx, dnb_err *err)
{
    if (show && !figure)
        return cli_usage(ctx, err, "-show needs -fig, the figure's file");
    if (figure && !dnb_figure_can_write(figure))
        return cli_usage(ctx, err, "-fig %s: a figure's name ends in .png, .svg or .pdf", figure);
    return DNB_OK;
}

static const char *score_label(const cli_report *r)
{
    static const char *const labels[DNB_SCORE_COUNT] = {
        "Explained variance",  "R\xc2\xb2",           "Pearson's r",
        "Spearman's \xcf\x81", "-Mean squared error", "Accuracy",
        "Balanced accuracy",   "Area under ROC",      "F1"};
    if (r->scores[0].share)
        return "Share of R\xc2\xb2";
    return r->job->corr ? "Largest Pearson's r" : labels[r->job->scoring];
}

/* Of cli_report's chance. */
static const char *chance_label(const cli_report *r)
{
    return r->job->scoring == DNB_SCORE_ACCURACY ? "chance: commonest class" : "chance";
}

static dnb_figure_options options(cli_context *ctx)
{
    return (dnb_figure_options){.provenance = dnb_provenance_json(ctx->provenance)};
}

/* ---- layers ---- */

/* Arrays of one line, n_layers each. */
enum { VALUE, LOW, HIGH, P_VALUE, ARRAYS };

static double mean_over(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static void line_of_target(const cli_report *r, size_t t, double *of)
{
    size_t n = r->n_layers;
    for (size_t l = 0; l < n; l++) {
        const cli_scores *s = &r->scores[l];
        of[VALUE * n + l] = s->pooled ? s->pooled[t] : s->mean[t]; /* what the interval is of */
        of[LOW * n + l] = s->low ? s->low[t] : NAN;
        of[HIGH * n + l] = s->high ? s->high[t] : NAN;
        of[P_VALUE * n + l] = s->p_family ? s->p_family[t] : s->p_max ? s->p_max[t] : NAN;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Too many targets for lines: their mean, and their quartiles as bars. */
static dnb_status line_of_all(const cli_report *r, double *of, dnb_err *err)
{
    size_t n = r->n_layers;
    for (size_t l = 0; l < n; l++) {
        const cli_scores *s = &r->scores[l];
        double *sorted = malloc(s->m * sizeof *sorted + 1);
        size_t m = 0;
        if (!sorted)
            return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
        for (size_t t = 0; t < s->m; t++)
            if (!r->constant || !r->constant[t])
                sorted[m++] = s->mean[t];
        qsort(sorted, m, sizeof *sorted, by_value);
        of[VALUE * n + l] = mean_over(sorted, m);
        of[LOW * n + l] = sorted[m / 4];
        of[HIGH * n + l] = sorted[m - 1 - m / 4];
        of[P_VALUE * n + l] = NAN;
        free(sorted);
    }
    return DNB_OK;
}

static void set_ceiling(dnb_figure_roi *line, const cli_report *r, size_t t, size_t count)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = t; r->ceiling && i < t + count; i++)
        if (r->ceiling[i] > 0) {
            sum += r->ceiling[i];
            n++;
        }
    if (n)
        line->ceiling_low = line->ceiling_high = sum / (double)n;
}

static bool same_targets(const cli_report *r)
{
    for (size_t l = 1; l < r->n_layers; l++)
        if (r->scores[l].m != r->scores[0].m)
            return false;
    return true;
}

static dnb_status draw_layers(const cli_report *r, cli_context *ctx, dnb_err *err)
{
    size_t n = r->n_layers, m = r->scores[0].m;
    bool each = same_targets(r) && m <= MOST_PANELS && !(r->responses && r->responses->image);
    size_t lines = each ? m : 1;
    dnb_figure_roi rois[MOST_PANELS] = {{0}};
    char titles[MOST_PANELS][NAME], name[NAME];
    const char **names = calloc(n + 1, sizeof *names);
    double *numbers = calloc(lines * n * ARRAYS + 1, sizeof *numbers);
    dnb_status status =
        names && numbers ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t l = 0; l < n && status == DNB_OK; l++)
        names[l] = r->scores[l].layer;
    for (size_t t = 0; t < lines && status == DNB_OK; t++) {
        double *of = numbers + t * n * ARRAYS;
        if (each)
            line_of_target(r, t, of);
        else
            status = line_of_all(r, of, err);
        if (each)
            snprintf(titles[t], NAME, "%s", r->target(r->ctx, 0, t, name, sizeof name));
        else
            snprintf(titles[t], NAME, "mean of all targets, quartiles");
        rois[t] = (dnb_figure_roi){.name = titles[t],
                                   .value = of + VALUE * n,
                                   .low = of + LOW * n,
                                   .high = of + HIGH * n,
                                   .p = r->scores[0].p && each ? of + P_VALUE * n : NULL,
                                   .chance = r->chance && each ? r->chance[t] : 0};
        set_ceiling(&rois[t], r, each ? t : 0, each ? 1 : m);
    }
    char label[NAME];
    bool pooled = each && r->scores[0].pooled;
    snprintf(label, sizeof label, "%s%s", score_label(r), pooled ? " (all rows)" : "");
    dnb_figure_layers figure = {.layer_names = names,
                                .n_layers = n,
                                .rois = rois,
                                .n_rois = lines,
                                .together = lines > 1 && lines <= MOST_LINES && !r->ceiling,
                                .chance_name = chance_label(r),
                                .y_label = label};
    dnb_figure_options fo = options(ctx);
    if (status == DNB_OK)
        status = dnb_figure_layers_write(&figure, r->figure, &fo, err);
    free(numbers);
    free(names);
    return status;
}

/* ---- confusion matrix ---- */

static dnb_status draw_confusion(const cli_report *r, cli_context *ctx, dnb_err *err)
{
    const cli_scores *s = &r->scores[0];
    size_t c = s->n_classes;
    double *sum = calloc(c * c + 1, sizeof *sum);
    char title[NAME + 64], target[NAME], name[NAME], chance[40] = "";
    dnb_figure_options fo = options(ctx);
    if (!sum)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t f = 0; f < s->k; f++)
        for (size_t i = 0; i < c * c; i++)
            sum[i] += s->confusion[f * c * c + i];
    if (r->chance)
        snprintf(chance, sizeof chance, " (chance %.3f)", r->chance[0]);
    snprintf(title, sizeof title, "%.90s: %s %.3f%s", s->layer, score_label(r), s->mean[0], chance);
    snprintf(target, sizeof target, "True %.100s", r->target(r->ctx, 0, 0, name, sizeof name));
    dnb_figure_matrix figure = {.title = title,
                                .n_rows = c,
                                .n_cols = c,
                                .value = sum,
                                .row_names = r->classes,
                                .col_names = r->classes,
                                .row_label = target,
                                .col_label = "Predicted",
                                .bar_label = "Stimuli"};
    dnb_status status = dnb_figure_matrix_write(&figure, r->figure, &fo, err);
    free(sum);
    return status;
}

/* ---- slices ---- */

/* Axial slices that hold voxels, as a grid; x to the right, y upwards. */
static dnb_status draw_slices(const cli_report *r, cli_context *ctx, dnb_err *err)
{
    const cli_responses *b = r->responses;
    const size_t *shape = dnb_brain_shape(b->image), area = shape[0] * shape[1];
    size_t count = 0, columns, rows, step = 1, cells;
    bool *used = calloc(shape[2] + 1, sizeof *used);
    float *maps = calloc(area * shape[2] + 1, sizeof *maps);
    dnb_figure_cell *grid = calloc(2 * shape[2] + 64, sizeof *grid);
    dnb_figure_options fo = options(ctx);
    dnb_status status = DNB_OK;
    if (!used || !maps || !grid) {
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
        goto done;
    }
    for (size_t i = 0; i < area * shape[2]; i++)
        maps[i] = NAN;
    for (size_t t = 0; t < b->m; t++) {
        size_t v = b->voxels[t], z = v % shape[2], y = v / shape[2] % shape[1],
               x = v / (shape[1] * shape[2]);
        used[z] = true;
        if (!r->constant || !r->constant[t])
            maps[z * area + (shape[1] - 1 - y) * shape[0] + x] = (float)r->scores[0].mean[t];
    }
    for (size_t z = 0; z < shape[2]; z++)
        count += used[z];
    step = (count + MOST_SLICES - 1) / MOST_SLICES;
    cells = (count + step - 1) / step;
    columns = cells < 4 ? cells : cells <= 24 ? 6 : 10;
    rows = (cells + columns - 1) / columns;
    for (size_t z = 0, seen = 0, at = 0; z < shape[2]; z++)
        if (used[z] && seen++ % step == 0)
            grid[at++] =
                (dnb_figure_cell){.rows = shape[1], .cols = shape[0], .map = maps + z * area};
    dnb_figure_grid figure = {.title = r->scores[0].layer,
                              .n_rows = rows,
                              .n_cols = columns,
                              .cells = grid,
                              .scale = DNB_SCALE_ALL,
                              .bar_label = score_label(r)};
    status = dnb_figure_grid_write(&figure, r->figure, &fo, err);
done:
    free(used);
    free(maps);
    free(grid);
    return status;
}

dnb_status cli_report_draw(const cli_report *r, cli_context *ctx, dnb_err *err)
{
    dnb_status status;
    cli_report bands = *r;
    if (r->job->banded) { /* shares of the bands; the score of all of them is another measure */
        bands.scores++;
        bands.n_layers--;
        bands.ceiling = NULL;
        r = &bands;
    }
    if (r->axis != DNB_ITER_NONE || r->n_layers > MOST_LAYERS) {
        cli_warn(ctx, "no figure: %s",
                 r->axis != DNB_ITER_NONE ? "-iteraxis has a score per part, and no layer profile"
                                          : "more than 60 layers");
        return DNB_OK;
    }
    if (r->n_layers == 1 && r->scores[0].confusion && r->scores[0].m == 1)
        status = draw_confusion(r, ctx, err);
    else if (r->n_layers == 1 && r->responses && r->responses->image)
        status = draw_slices(r, ctx, err);
    else
        status = draw_layers(r, ctx, err);
    if (status == DNB_OK)
        cli_wrote(ctx, r->figure, "%s", "");
    if (status == DNB_OK && r->show)
        cli_show(ctx, r->figure);
    return status;
}
