/* Layer profiles of a group: subjects as thin lines, their mean with its interval; of one map, the
 * t of its voxels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/figure.h>

#include "group_report.h"
#include "mapping_report.h"
#include "show.h"

enum { MOST_LAYERS = 60, MOST_PANELS = 24, NAME = 128 };

/* Numbers of one panel: of n layers, and of n x subjects. */
enum { VALUE, LOW, HIGH, P_VALUE, ARRAYS };

/* How many panels: one per target where every layer has the same few of them, else 0: one of their
 * mean. */
static size_t targets_to_draw(const cli_subjects *s)
{
    size_t m = s->first[1] - s->first[0];
    if (s->space.image || m > MOST_PANELS)
        return 0;
    for (size_t l = 1; l < s->n_layers; l++) {
        if (s->first[l + 1] - s->first[l] != m)
            return 0;
        for (size_t t = 0; t < m && s->targets; t++)
            if (strcmp(s->targets[t], s->targets[s->first[l] + t]) != 0)
                return 0;
    }
    return m;
}

/* Panel k of the targets, or of their mean, into `of`. */
static void fill_panel(const group_result *r, size_t targets, size_t k, double *of)
{
    const cli_subjects *s = r->subjects;
    const size_t n = s->n_layers;
    double *subjects = of + ARRAYS * n;
    for (size_t l = 0; l < n; l++) {
        const dnb_group *g = targets ? &r->each : &r->layers;
        size_t at = targets ? s->first[l] + k : l;
        of[VALUE * n + l] = g->mean[at];
        of[LOW * n + l] = g->low[at];
        of[HIGH * n + l] = g->high[at];
        of[P_VALUE * n + l] = g->p ? g->p_max[at] : NAN;
        for (size_t i = 0; i < s->n; i++)
            subjects[i * n + l] = targets ? s->x[i * s->m + at] : r->profile[i * n + l];
    }
}

static void name_panel(char *out, const cli_subjects *s, size_t targets, size_t k)
{
    char name[NAME];
    if (!targets)
        snprintf(out, NAME, "mean of all targets");
    else if (s->targets)
        snprintf(out, NAME, "%s", cli_subjects_target(s, k, name, sizeof name));
    else
        snprintf(out, NAME, "target %zu", k + 1);
}

/* Of n points, their numbers as fill_panel orders them. */
static dnb_figure_roi panel_of(const group_result *r, const char *name, const double *of, size_t n)
{
    return (dnb_figure_roi){.name = name,
                            .value = of + VALUE * n,
                            .low = of + LOW * n,
                            .high = of + HIGH * n,
                            .p = r->each.p ? of + P_VALUE * n : NULL,
                            .each = of + ARRAYS * n,
                            .n_each = r->subjects->n};
}

static void name_axis(char *out, const group_args *a)
{
    const char *what = a->fisher_z ? "Fisher's z" : "Score";
    if (a->contrast.count)
        snprintf(out, NAME, "%s, difference", what);
    else if (a->chance != 0)
        snprintf(out, NAME, "%s above chance (%g)", what, a->chance);
    else
        snprintf(out, NAME, "%s", what);
}

/* Every target as a panel, or their mean in one; along the axis the layers. */
static dnb_status draw_profiles(const group_result *r, size_t targets,
                                const dnb_figure_layers *base, cli_context *ctx, dnb_err *err)
{
    const cli_subjects *s = r->subjects;
    const size_t n = s->n_layers, panels = targets ? targets : 1, each = (ARRAYS + s->n) * n;
    char titles[MOST_PANELS][NAME];
    dnb_figure_roi rois[MOST_PANELS] = {{0}};
    dnb_figure_options fo = {.provenance = dnb_provenance_json(ctx->provenance)};
    double *numbers = calloc(panels * each, sizeof *numbers);
    if (!numbers)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t k = 0; k < panels; k++) {
        fill_panel(r, targets, k, numbers + k * each);
        name_panel(titles[k], s, targets, k);
        rois[k] = panel_of(r, titles[k], numbers + k * each, n);
    }
    dnb_figure_layers figure = *base;
    figure.layer_names = (const char *const *)s->layers;
    figure.n_layers = n;
    figure.rois = rois;
    figure.n_rois = panels;
    dnb_status status = dnb_figure_layers_write(&figure, r->args->figure, &fo, err);
    free(numbers);
    return status;
}

/* A single layer has no profile: along the axis its targets. */
static dnb_status draw_targets(const group_result *r, size_t targets, const dnb_figure_layers *base,
                               cli_context *ctx, dnb_err *err)
{
    const cli_subjects *s = r->subjects;
    char names[MOST_PANELS][NAME];
    const char *list[MOST_PANELS];
    dnb_figure_options fo = {.provenance = dnb_provenance_json(ctx->provenance)};
    double *numbers = calloc((ARRAYS + s->n) * targets, 2 * sizeof *numbers);
    if (!numbers)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t t = 0; t < targets; t++) {
        double *one = numbers + (ARRAYS + s->n) * targets;
        fill_panel(r, targets, t, one);
        for (size_t k = 0; k < ARRAYS + s->n; k++)
            numbers[k * targets + t] = one[k];
        name_panel(names[t], s, targets, t);
        list[t] = names[t];
    }
    dnb_figure_roi roi = panel_of(r, s->layers[0], numbers, targets);
    dnb_figure_layers figure = *base;
    figure.layer_names = list;
    figure.n_layers = targets;
    figure.rois = &roi;
    figure.n_rois = 1;
    dnb_status status = dnb_figure_layers_write(&figure, r->args->figure, &fo, err);
    free(numbers);
    return status;
}

/* A single layer of an image has no profile: its t as slices. */
static dnb_status draw_t(const group_result *r, cli_context *ctx, dnb_err *err)
{
    const cli_subjects *s = r->subjects;
    char title[NAME];
    snprintf(title, sizeof title, "Layer %.90s, %zu subjects", s->layers[0], s->n);
    const cli_slices map = {.responses = &s->space,
                            .values = r->each.t,
                            .title = title,
                            .label = "t over subjects",
                            .symmetric = true};
    return cli_draw_slices(&map, r->args->figure, ctx, err);
}

dnb_status group_draw(const group_result *r, cli_context *ctx, dnb_err *err)
{
    const cli_subjects *s = r->subjects;
    const size_t targets = targets_to_draw(s);
    char axis[NAME];
    name_axis(axis, r->args);
    const dnb_figure_layers figure = {
        .each_name = "a subject", .bar_name = "95% interval of the mean", .y_label = axis};
    if (s->n_layers > MOST_LAYERS) {
        cli_warn(ctx, "no figure: more than %d layers", MOST_LAYERS);
        return DNB_OK;
    }
    dnb_status status = s->n_layers == 1 && s->space.image ? draw_t(r, ctx, err)
                        : s->n_layers == 1 && targets > 1
                            ? draw_targets(r, targets, &figure, ctx, err)
                            : draw_profiles(r, targets, &figure, ctx, err);
    if (status == DNB_OK)
        cli_wrote(ctx, r->args->figure, "%s", "");
    if (status == DNB_OK && r->args->show)
        cli_show(ctx, r->args->figure);
    return status;
}
