/* Draws one figure of every kind with made-up but realistic data: probe_figures FOLDER [SUFFIX].
 * diff_figures.py checks the files; look at them after changing anything in src/plot. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/drawing.h"
#include "dnnbrain/figure.h"
#include "dnnbrain/random.h"

#define N_ITEMS 92
#define N_PAIRS (N_ITEMS * (N_ITEMS - 1) / 2)

static const char *folder, *suffix = "png";
static const dnb_figure_options options = {
    .provenance = "{\"program\": \"probe_figures\", \"note\": \"a -- b < c & d, \xc3\xa9\"}"};

static const char *const category_names[] = {"human bodies",    "human faces",
                                             "animal bodies",   "animal faces",
                                             "natural objects", "artificial objects"};
static const size_t category_sizes[] = {12, 12, 12, 12, 23, 21};
static size_t category[N_ITEMS];
static double pairs[20][N_PAIRS];
static const char *const alexnet[] = {"conv1_relu", "conv2_relu", "conv3_relu", "conv4_relu",
                                      "conv5_relu", "fc1_relu",   "fc2_relu",   "fc3"};
static char layer_text[30][32];
static const char *many_layers[30];
static int failures;

static const char *file_name(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    return path;
}

static void check(dnb_status status, const char *name, const dnb_err *err)
{
    if (status == DNB_OK)
        return;
    fprintf(stderr, "%s: %s\n", name, err->message);
    failures++;
}

#define WRITE(kind, spec, name)                                                                    \
    do {                                                                                           \
        dnb_err err = {0};                                                                         \
        check(dnb_figure_##kind##_write(&(spec), file_name(name), &options, &err), name, &err);    \
    } while (0)

/* Items scatter around category centres; `strength` says how far apart those are. */
static void make_rdm(double *out, double strength, uint64_t seed)
{
    enum { DIM = 12 };
    double point[N_ITEMS][DIM], centre[6][DIM];
    dnb_random r;
    dnb_random_init(&r, seed, 1);
    for (size_t k = 0; k < 6; k++)
        for (size_t d = 0; d < DIM; d++)
            centre[k][d] = strength * (dnb_random_normal(&r) + (d == 0 ? (k < 4 ? 2 : -2) : 0));
    for (size_t i = 0; i < N_ITEMS; i++)
        for (size_t d = 0; d < DIM; d++)
            point[i][d] = centre[category[i]][d] + dnb_random_normal(&r);
    for (size_t i = 0; i < N_ITEMS; i++)
        for (size_t j = i + 1; j < N_ITEMS; j++) {
            double xy = 0, xx = 0, yy = 0;
            for (size_t d = 0; d < DIM; d++) {
                xy += point[i][d] * point[j][d];
                xx += point[i][d] * point[i][d];
                yy += point[j][d] * point[j][d];
            }
            *out++ = 1 - xy / sqrt(xx * yy);
        }
}

static void make_data(void)
{
    dnb_random r;
    dnb_random_init(&r, 5, 0);
    size_t order[N_ITEMS], at = 0, sorted[N_ITEMS];
    for (size_t k = 0; k < 6; k++)
        for (size_t i = 0; i < category_sizes[k]; i++)
            sorted[at++] = k;
    dnb_random_permutation(&r, order, N_ITEMS);
    for (size_t i = 0; i < N_ITEMS; i++)
        category[i] = sorted[order[i]];
    for (size_t k = 0; k < 20; k++)
        make_rdm(pairs[k], 0.05 * (double)k + 0.05, k);
    for (size_t k = 0; k < 30; k++) {
        snprintf(layer_text[k], sizeof layer_text[k], "layer%zu_bottleneck%zu", k / 8 + 1, k % 8);
        many_layers[k] = layer_text[k];
    }
}

static dnb_figure_rdm base_rdm(const dnb_figure_rdm_panel *panels, size_t n_panels)
{
    return (dnb_figure_rdm){.panels = panels,
                            .n_panels = n_panels,
                            .n = N_ITEMS,
                            .category = category,
                            .category_names = category_names,
                            .n_categories = 6,
                            .metric = "1 \xe2\x88\x92 Pearson r"};
}

static void draw_rdms(void)
{
    dnb_figure_rdm_panel panels[20];
    char names[20][32];
    for (size_t k = 0; k < 20; k++) {
        snprintf(names[k], sizeof names[k], "inception%zu%c", k / 4 + 1, (char)('a' + k % 4));
        panels[k] = (dnb_figure_rdm_panel){k < 8 ? alexnet[k] : names[k], pairs[k]};
    }
    dnb_figure_rdm s = base_rdm(&panels[9], 1);
    s.title = "GoogLeNet and 92 object images";
    WRITE(rdm, s, "rdm_one");
    s.percentile = true;
    s.colormap = "magma";
    s.title = NULL;
    WRITE(rdm, s, "rdm_percentile");
    s = base_rdm(panels, 8);
    s.title = "AlexNet and 92 object images";
    WRITE(rdm, s, "rdm_grid8");
    s.n_panels = 20;
    WRITE(rdm, s, "rdm_grid20");
    s.n_panels = 6;
    s.own_scale = true;
    WRITE(rdm, s, "rdm_own_scale");
}

/* A few named items with pairs missing, and many small categories. */
static void draw_odd_rdms(void)
{
    double few[28 * 27 / 2];
    char item_text[28][24], class_text[24][24];
    const char *items[28], *classes[24];
    size_t kind[28], small[N_ITEMS];
    memcpy(few, pairs[12], sizeof few);
    few[3] = few[40] = few[41] = few[200] = NAN;
    for (size_t i = 0; i < 28; i++) {
        snprintf(item_text[i], sizeof item_text[i], "item %zu, %s", i + 1,
                 i % 3 ? "left" : "right");
        items[i] = item_text[i];
        kind[i] = i / 7;
    }
    dnb_figure_rdm_panel panel = {"FFA", few};
    dnb_figure_rdm s = base_rdm(&panel, 1);
    s.n = 28;
    s.category = kind;
    s.n_categories = 4;
    s.item_names = items;
    s.metric = "Euclidean distance";
    WRITE(rdm, s, "rdm_items");
    for (size_t k = 0; k < 24; k++) {
        snprintf(class_text[k], sizeof class_text[k], k % 5 ? "class %zu" : "long class %zu",
                 k + 1);
        classes[k] = class_text[k];
    }
    for (size_t i = 0; i < N_ITEMS; i++)
        small[i] = i < 40 ? i / 2 : 20 + (i - 40) / 13;
    panel = (dnb_figure_rdm_panel){NULL, pairs[9]};
    s = base_rdm(&panel, 1);
    s.category = small;
    s.category_names = classes;
    s.n_categories = 24;
    WRITE(rdm, s, "rdm_crowded");
}

typedef struct roi_data {
    double value[30], low[30], high[30], p[30], null_low[30], null_high[30];
} roi_data;

static void make_roi(roi_data *d, size_t n, double gain, uint64_t seed)
{
    dnb_random r;
    dnb_random_init(&r, seed, 3);
    for (size_t i = 0; i < n; i++) {
        double t = n > 1 ? (double)i / (double)(n - 1) : 1;
        d->value[i] = gain * (0.05 + 0.3 * t - 0.15 * t * t) + 0.02 * dnb_random_normal(&r);
        d->low[i] = d->value[i] - 0.03 - 0.02 * dnb_random_uniform(&r);
        d->high[i] = d->value[i] + 0.03 + 0.02 * dnb_random_uniform(&r);
        d->null_low[i] = -0.06 - 0.01 * dnb_random_uniform(&r);
        d->null_high[i] = 0.07 + 0.01 * dnb_random_uniform(&r);
        d->p[i] = d->value[i] > 0.085 ? 0.002 : 0.4;
    }
}

static dnb_figure_roi roi_of(const char *name, const roi_data *d, double ceiling)
{
    return (dnb_figure_roi){.name = name,
                            .value = d->value,
                            .low = d->low,
                            .high = d->high,
                            .p = d->p,
                            .null_low = d->null_low,
                            .null_high = d->null_high,
                            .ceiling_low = ceiling,
                            .ceiling_high = ceiling + 0.08};
}

/* What probe draws of two columns of classes. */
static void draw_chance(const roi_data *d)
{
    dnb_figure_roi rois[2] = {roi_of("label", d, 0), roi_of("condition", d, 0)};
    dnb_figure_layers s = {.layer_names = alexnet,
                           .n_layers = 8,
                           .rois = rois,
                           .n_rois = 2,
                           .y_label = "Accuracy",
                           .chance_name = "chance: commonest class"};
    for (size_t k = 0; k < 2; k++) {
        rois[k].null_low = rois[k].null_high = NULL;
        rois[k].ceiling_high = 0;
        rois[k].chance = k ? 0.125 : 0.25;
    }
    WRITE(layers, s, "layers_chance");
    s.together = true;
    WRITE(layers, s, "layers_chance_together");
}

static void draw_layers(void)
{
    static const char *const names[] = {"V1",  "V2",  "V3",  "V4",  "LO1", "LO2",
                                        "FFA", "PPA", "EBA", "RSC", "VTC", "human IT (both sides)"};
    static roi_data data[12], deep[12];
    dnb_figure_roi rois[12], deep_rois[12];
    for (size_t k = 0; k < 12; k++) {
        make_roi(&data[k], 8, 0.3 + 0.12 * (double)k, k);
        make_roi(&deep[k], 30, 1.4 - 0.1 * (double)k, k + 50);
        rois[k] = roi_of(names[k], &data[k], 0.3 + 0.01 * (double)k);
        deep_rois[k] = roi_of(names[k], &deep[k], 0.3);
    }
    data[2].value[3] = NAN;
    dnb_figure_layers s = {.title = "RSA of AlexNet with visual cortex",
                           .layer_names = alexnet,
                           .n_layers = 8,
                           .rois = rois,
                           .n_rois = 6,
                           .y_label = "Spearman\xe2\x80\x99s \xcf\x81"};
    WRITE(layers, s, "layers_panels6");
    s.n_rois = 12;
    WRITE(layers, s, "layers_panels12");
    s.n_rois = 1;
    s.rois = &rois[10];
    s.title = NULL;
    WRITE(layers, s, "layers_one");
    s.bars = true;
    s.n_rois = 2;
    s.rois = &rois[6];
    WRITE(layers, s, "layers_bars");
    s.bars = false;
    s.together = true;
    s.rois = &rois[5];
    s.n_rois = 5;
    WRITE(layers, s, "layers_together");
    draw_chance(&data[8]);
    s = (dnb_figure_layers){.layer_names = many_layers,
                            .n_layers = 30,
                            .rois = deep_rois,
                            .n_rois = 4,
                            .y_label = "Encoding accuracy (r)",
                            .x_label = "ResNet-152 layer"};
    WRITE(layers, s, "layers_deep");
    s.n_rois = 1;
    s.n_layers = 1;
    WRITE(layers, s, "layers_single_point");
}

static void draw_matrices(void)
{
    static const char *const rois[] = {"V1", "V2", "V3", "V4", "LO", "FFA", "PPA", "EBA", "VTC"};
    double value[8 * 9], confusion[10 * 10], deep[30 * 12];
    bool mark[8 * 9];
    const char *classes[10], *many_rois[12];
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 9; j++) {
            value[i * 9 + j] = 0.32 * exp(-pow(((double)i / 7 - (double)j / 8) / 0.5, 2)) - 0.03;
            mark[i * 9 + j] = value[i * 9 + j] > 0.15;
        }
    value[13] = NAN;
    dnb_figure_matrix m = {.title = "Layers by regions",
                           .n_rows = 8,
                           .n_cols = 9,
                           .value = value,
                           .mark = mark,
                           .row_names = alexnet,
                           .col_names = rois,
                           .bar_label = "Spearman\xe2\x80\x99s \xcf\x81",
                           .mark_label = "p < 0.05, corrected"};
    WRITE(matrix, m, "matrix_layers");
    for (size_t i = 0; i < 10; i++) {
        classes[i] = dnb_draw_name(i);
        for (size_t j = 0; j < 10; j++)
            confusion[i * 10 + j] = i == j ? 41 + (double)i : (double)((i * 7 + j * 3) % 5);
    }
    m = (dnb_figure_matrix){.n_rows = 10,
                            .n_cols = 10,
                            .value = confusion,
                            .row_names = classes,
                            .col_names = classes,
                            .row_label = "True category",
                            .col_label = "Predicted category",
                            .bar_label = "Stimuli"};
    WRITE(matrix, m, "matrix_confusion");
    for (size_t i = 0; i < 30; i++)
        for (size_t j = 0; j < 12; j++)
            deep[i * 12 + j] = 0.4 * sin((double)i / 5) * cos((double)j / 3);
    for (size_t j = 0; j < 12; j++)
        many_rois[j] = category_names[j % 6];
    m = (dnb_figure_matrix){.n_rows = 30,
                            .n_cols = 12,
                            .value = deep,
                            .row_names = many_layers,
                            .col_names = many_rois,
                            .symmetric = true,
                            .bar_label = "Pearson r"};
    WRITE(matrix, m, "matrix_deep");
}

enum { SIDE = 96, MAP = 14, N_STIM = 8 };

static void make_map(float *map, double gain, dnb_random *r)
{
    double cx = MAP * dnb_random_uniform(r), cy = MAP * dnb_random_uniform(r);
    for (size_t p = 0; p < MAP * MAP; p++) {
        double d = hypot((double)(p % MAP) - cx, (double)(p / MAP) - cy);
        double v = gain * exp(-d * d / 12) + 0.5 * dnb_random_normal(r);
        map[p] = (float)(v > 0 ? v : 0);
    }
}

static void draw_grids(void)
{
    static uint8_t image[N_STIM][SIDE * SIDE * 3];
    static float map[3][N_STIM][MAP * MAP];
    dnb_figure_cell cells[4 * N_STIM] = {{0}};
    char text[N_STIM][40];
    const char *col[N_STIM];
    const char *const row[] = {"stimulus", "conv5 ch 14", "conv5 ch 122", "conv5 ch 201"};
    dnb_random r;
    dnb_random_init(&r, 77, 0);
    for (size_t j = 0; j < N_STIM; j++) {
        dnb_err err = {0};
        check(dnb_draw_stimulus(j, 3, SIDE, image[j], &err), "stimulus", &err);
        cells[j] = (dnb_figure_cell){.rows = SIDE, .cols = SIDE, .rgb = image[j]};
        snprintf(text[j], sizeof text[j], "n0%zu_%s.JPEG", 1440764 + 7 * j, dnb_draw_name(j));
        col[j] = text[j];
        for (size_t k = 0; k < 3; k++) {
            make_map(map[k][j], 8.0 + 30 * (double)k, &r);
            cells[(k + 1) * N_STIM + j] =
                (dnb_figure_cell){.rows = MAP, .cols = MAP, .map = map[k][j]};
        }
    }
    dnb_figure_grid g = {.title = "AlexNet conv5",
                         .n_rows = 4,
                         .n_cols = N_STIM,
                         .cells = cells,
                         .row_titles = row,
                         .col_titles = col,
                         .count = 6,
                         .bar_label = "activation"};
    WRITE(grid, g, "grid_page1");
    g.first = 6;
    WRITE(grid, g, "grid_page2");
    g.first = 0;
    g.scale = DNB_SCALE_ALL;
    g.interpolate = true;
    g.symmetric = true;
    WRITE(grid, g, "grid_all");
    for (size_t j = 0; j < N_STIM; j++)
        cells[N_STIM + j] = (dnb_figure_cell){.rows = SIDE,
                                              .cols = SIDE,
                                              .rgb = image[j],
                                              .map_rows = MAP,
                                              .map_cols = MAP,
                                              .map = map[0][j]};
    g = (dnb_figure_grid){
        .n_rows = 2, .n_cols = N_STIM, .cells = cells, .count = 3, .colormap = "hot"};
    WRITE(grid, g, "grid_overlay");
}

static void draw_charts(void)
{
    enum { N = 200 };
    double x[N], y[N], y2[N], bins[20], counts[20], px[N], py[N];
    dnb_random r;
    dnb_random_init(&r, 4, 0);
    for (size_t i = 0; i < 20; i++) {
        bins[i] = -2 + 0.2 * (double)i;
        counts[i] = floor(100 * exp(-0.5 * bins[i] * bins[i]));
    }
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i / 10;
        y[i] = exp(-x[i] / 6) + 0.05;
        y2[i] = y[i] + 0.1;
        px[i] = dnb_random_normal(&r);
        py[i] = 0.6 * px[i] + 0.8 * dnb_random_normal(&r);
    }
    const dnb_figure_series loss[] = {
        {.name = "training", .n = N, .x = x, .y = y},
        {.name = "validation", .n = N, .x = x, .y = y2, .dashed = true},
        {.name = "gap", .mark = DNB_MARK_BAND, .n = N, .x = x, .y = y, .y2 = y2, .color = -1}};
    const dnb_figure_series hist = {.mark = DNB_MARK_BARS, .n = 20, .x = bins, .y = counts};
    const dnb_figure_series dots = {.mark = DNB_MARK_POINTS, .n = N, .x = px, .y = py};
    const dnb_figure_axes axes[] = {{.title = "Training",
                                     .x_label = "Epoch",
                                     .y_label = "Loss",
                                     .series = loss,
                                     .n_series = 3,
                                     .zero = true},
                                    {.title = "Null distribution",
                                     .x_label = "r",
                                     .y_label = "Count",
                                     .series = &hist,
                                     .n_series = 1},
                                    {.title = "Prediction",
                                     .x_label = "Measured",
                                     .y_label = "Predicted",
                                     .series = &dots,
                                     .n_series = 1,
                                     .diagonal = true}};
    dnb_figure_chart s = {.axes = axes, .n_axes = 3};
    WRITE(chart, s, "chart_three");
    s.n_axes = 1;
    WRITE(chart, s, "chart_line");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: probe_figures FOLDER [SUFFIX]\n");
        return 2;
    }
    folder = argv[1];
    if (argc > 2)
        suffix = argv[2];
    make_data();
    draw_rdms();
    draw_odd_rdms();
    draw_layers();
    draw_matrices();
    draw_grids();
    draw_charts();
    return failures > 0;
}
