/* The figure of a mapping: layer profiles or a confusion matrix; slices of a score map are drawn by
 * mapping_slices.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/figure.h>

#include "mapping_report.h"
#include "show.h"

enum { MOST_LAYERS = 60, MOST_LINES = 8, MOST_PANELS = 24, NAME = 128 };

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

/* Explained variance and R^2 have no lower end, and one model gone astray would press all others
 * against the top: the axis ends at -1, and the legend says so. */
static bool cut_axis(dnb_figure_layers *f, const cli_report *r)
{
    double least = 0, most = 0.1;
    bool open = r->job->scoring == DNB_SCORE_EXPLAINED_VARIANCE || r->job->scoring == DNB_SCORE_R2;
    for (size_t t = 0; t < f->n_rois; t++)
        for (size_t l = 0; l < f->n_layers; l++) {
            least = fmin(least, f->rois[t].value[l]);
            most = fmax(most, f->rois[t].value[l]);
            most = fmax(most, f->rois[t].high[l]);
            most = fmax(most, f->rois[t].ceiling_high);
        }
    if (!open || r->job->corr || least >= -1)
        return false;
    f->low = -1;
    f->high = ceil(10 * most) / 10;
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
    /* The largest of many units' scores lies above chance by itself. */
    bool best = r->job->uv && !r->job->corr;
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
            snprintf(titles[t], NAME, "mean of all targets");
        rois[t] = (dnb_figure_roi){.name = titles[t],
                                   .value = of + VALUE * n,
                                   .low = of + LOW * n,
                                   .high = of + HIGH * n,
                                   .p = r->scores[0].p && each ? of + P_VALUE * n : NULL,
                                   .chance = r->chance && each && !best ? r->chance[t] : 0};
        set_ceiling(&rois[t], r, each ? t : 0, each ? 1 : m);
    }
    char note[NAME];
    bool pooled = each && r->scores[0].pooled;
    dnb_figure_layers figure = {.layer_names = names,
                                .n_layers = n,
                                .rois = rois,
                                .n_rois = lines,
                                .together = lines > 1 && lines <= MOST_LINES && !r->ceiling,
                                .bar_name = !each     ? "quartiles"
                                            : !pooled ? NULL
                                            : r->job->scoring == DNB_SCORE_ACCURACY
                                                ? "95% Wilson interval"
                                                : "95% bootstrap interval",
                                .chance_name = chance_label(r),
                                .y_label = score_label(r)};
    dnb_figure_options fo = options(ctx);
    bool cut = status == DNB_OK && cut_axis(&figure, r);
    snprintf(note, sizeof note, "%s%s%s", best ? "score of the best unit; " : "",
             pooled ? "folds pooled; " : "",
             cut ? "axis cut at \xe2\x88\x92"
                   "1; "
                 : "");
    if (note[0])
        note[strlen(note) - 2] = '\0';
    figure.note = note[0] ? note : NULL;
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
    double *sum = calloc(2 * c * c + 1, sizeof *sum), *share = sum + c * c;
    char title[NAME + 64], target[NAME], name[NAME], chance[40] = "";
    dnb_figure_options fo = options(ctx);
    if (!sum)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t f = 0; f < s->k; f++)
        for (size_t i = 0; i < c * c; i++)
            sum[i] += s->confusion[f * c * c + i];
    for (size_t i = 0; i < c; i++) { /* colours of rows that compare, whatever their sizes */
        double row = 0;
        for (size_t j = 0; j < c; j++)
            row += sum[i * c + j];
        for (size_t j = 0; j < c; j++)
            share[i * c + j] = row > 0 ? sum[i * c + j] / row : NAN;
    }
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
                                .shade = share,
                                .low = 0,
                                .high = 1,
                                .bar_label = "Share of the true class"};
    dnb_status status = dnb_figure_matrix_write(&figure, r->figure, &fo, err);
    free(sum);
    return status;
}

static dnb_status draw_slices(const cli_report *r, cli_context *ctx, dnb_err *err)
{
    char label[NAME];
    bool best = r->job->uv && !r->job->corr;
    snprintf(label, sizeof label, "%s%s", score_label(r), best ? ", best unit" : "");
    const cli_slices map = {.responses = r->responses,
                            .values = r->scores[0].mean,
                            .hidden = r->constant,
                            .title = r->scores[0].layer,
                            .label = label};
    return cli_draw_slices(&map, r->figure, ctx, err);
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
