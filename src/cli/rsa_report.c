/* Table, JSON and figure of dnnbrain rsa. */
#include "rsa_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <dnnbrain/figure.h>
#include <dnnbrain/table.h>

#include "outputs.h"
#include "show.h"

enum { N_NUMBERS = 8 };
static const char *const number_names[N_NUMBERS] = {"r",       "p",         "p_max",  "null_2.5",
                                                    "null_95", "null_97.5", "ci_low", "ci_high"};

/* The numbers of one model x ROI pair, in the order of number_names. */
static void numbers_of(const rsa_result *r, size_t cell, double out[N_NUMBERS])
{
    const dnb_rdm_test *t = &r->tests[cell];
    const dnb_rdm_interval *ci = r->intervals ? &r->intervals[cell] : NULL;
    const double values[N_NUMBERS] = {t->r,       t->p,       t->p_max,          t->null_lo,
                                      t->null_95, t->null_hi, ci ? ci->lo : NAN, ci ? ci->hi : NAN};
    memcpy(out, values, sizeof values);
}

static dnb_status write_table(const rsa_result *r, const char *path, cli_context *ctx, dnb_err *err)
{
    size_t cells = r->models.count * r->rois.count;
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    const char **layers = calloc(cells, sizeof *layers), **rois = calloc(cells, sizeof *rois);
    double *numbers = calloc(cells, N_NUMBERS * sizeof *numbers), one[N_NUMBERS];
    dnb_table table;
    dnb_status status = DNB_OK;
    dnb_table_init(&table, cells);
    if (!layers || !rois || !numbers)
        status = dnb_fail(err, DNB_ENOMEM, "out of memory for the table");
    for (size_t i = 0; i < cells && status == DNB_OK; i++) {
        layers[i] = r->models.names[i / r->rois.count];
        rois[i] = r->rois.names[i % r->rois.count];
        numbers_of(r, i, one);
        for (size_t k = 0; k < N_NUMBERS; k++)
            numbers[k * cells + i] = one[k];
    }
    if (status == DNB_OK)
        status = dnb_table_add_text(&table, "layer", layers, err);
    if (status == DNB_OK)
        status = dnb_table_add_text(&table, "roi", rois, err);
    for (size_t k = 0; k < N_NUMBERS && status == DNB_OK; k++)
        if (k < 6 || r->intervals)
            status = dnb_table_add_real(&table, number_names[k], numbers + k * cells, err);
    if (status == DNB_OK)
        status = dnb_table_write(&table, path, &so, err);
    dnb_table_release(&table);
    free(layers);
    free(rois);
    free(numbers);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "%zu layers x %zu ROIs", r->models.count, r->rois.count);
    return status;
}

/* The results as cJSON; NaN becomes null. Returns NULL on no memory. */
static cJSON *to_json(const rsa_result *r, const rsa_args *a, cli_context *ctx)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddItemToObject(root, "provenance", cJSON_Parse(dnb_provenance_json(ctx->provenance)));
    cJSON_AddStringToObject(root, "method", a->method);
    cJSON_AddStringToObject(root, "alternative", a->two_sided ? "two-sided" : "greater");
    cJSON_AddNumberToObject(root, "conditions", (double)r->n);
    cJSON_AddNumberToObject(root, "permutations", (double)a->permute);
    cJSON_AddNumberToObject(root, "bootstrap_draws", (double)a->boot);
    cJSON *list = cJSON_AddArrayToObject(root, "results");
    for (size_t i = 0; list && i < r->models.count * r->rois.count; i++) {
        double numbers[N_NUMBERS];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "layer", r->models.names[i / r->rois.count]);
        cJSON_AddStringToObject(item, "roi", r->rois.names[i % r->rois.count]);
        numbers_of(r, i, numbers);
        for (size_t k = 0; k < (r->intervals ? N_NUMBERS : 6); k++) {
            if (isfinite(numbers[k]))
                cJSON_AddNumberToObject(item, number_names[k], numbers[k]);
            else
                cJSON_AddNullToObject(item, number_names[k]);
        }
        cJSON_AddItemToArray(list, item);
    }
    if (!list) {
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

static dnb_status write_json(const rsa_result *r, const rsa_args *a, const char *path,
                             cli_context *ctx, dnb_err *err)
{
    dnb_status status = cli_write_json(path, to_json(r, a, ctx), err);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "%s", "");
    return status;
}

static const char *axis_title(const char *method)
{
    return strcmp(method, "spearman") == 0    ? "Spearman's \xcf\x81"
           : strcmp(method, "pearson") == 0   ? "Pearson's r"
           : strcmp(method, "kendall-a") == 0 ? "Kendall's \xcf\x84 (a)"
                                              : "Kendall's \xcf\x84 (b)";
}

/* One column of the results for one ROI. */
static void column(const rsa_result *r, size_t roi, size_t number, double *out)
{
    double numbers[N_NUMBERS];
    for (size_t m = 0; m < r->models.count; m++) {
        numbers_of(r, m * r->rois.count + roi, numbers);
        out[m] = numbers[number];
    }
}

/* A label number alone says little above a panel. */
static void title_of(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s%s", name[strspn(name, "0123456789-")] ? "" : "ROI ", name);
}

enum { MOST_LAYERS = 60, MOST_ROIS = 24 };

static dnb_status draw(const rsa_result *r, const rsa_args *a, const char *path, cli_context *ctx,
                       dnb_err *err)
{
    size_t n = r->models.count;
    dnb_figure_roi rois[MOST_ROIS] = {{0}};
    char titles[MOST_ROIS][128];
    dnb_figure_layers figure = {.layer_names = (const char *const *)r->models.names,
                                .n_layers = n,
                                .rois = rois,
                                .n_rois = r->rois.count,
                                .bar_name = "95% bootstrap interval",
                                .y_label = axis_title(a->method),
                                .null_name = a->two_sided ? "95% of null" : "null up to 95%"};
    dnb_figure_options fo = {.provenance = dnb_provenance_json(ctx->provenance)};
    if (n > MOST_LAYERS || r->rois.count > MOST_ROIS) {
        cli_warn(ctx, "no figure: %zu layers x %zu ROIs are too many to draw (at most %d x %d)", n,
                 r->rois.count, MOST_LAYERS, MOST_ROIS);
        return DNB_OK;
    }
    double *numbers = calloc(r->rois.count * n, N_NUMBERS * sizeof *numbers);
    if (!numbers)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the figure");
    for (size_t k = 0; k < r->rois.count; k++) {
        double *of = numbers + k * n * N_NUMBERS;
        for (size_t j = 0; j < N_NUMBERS; j++)
            column(r, k, j, of + j * n);
        title_of(titles[k], sizeof titles[k], r->rois.names[k]);
        rois[k] = (dnb_figure_roi){.name = titles[k], .value = of};
        if (a->permute) {
            rois[k].p = of + 2 * n;
            rois[k].null_low = of + 3 * n;
            rois[k].null_high = of + (a->two_sided ? 5 : 4) * n;
        }
        if (r->intervals) {
            rois[k].low = of + 6 * n;
            rois[k].high = of + 7 * n;
        }
    }
    dnb_status status = dnb_figure_layers_write(&figure, path, &fo, err);
    free(numbers);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "layers by ROI");
    if (status == DNB_OK && a->show)
        cli_show(ctx, path);
    return status;
}

dnb_status rsa_report(const rsa_result *r, const rsa_args *a, cli_context *ctx, dnb_err *err)
{
    static const char *const known[] = {".tsv", ".json", ".png", ".svg", ".pdf", NULL};
    char *table = cli_output_name(a->out, known, ".tsv"),
         *json = cli_output_name(a->out, known, ".json");
    char suffix[8], *figure;
    snprintf(suffix, sizeof suffix, ".%s", a->format);
    figure = cli_output_name(a->out, known, suffix);
    dnb_status status = table && json && figure
                            ? DNB_OK
                            : dnb_fail(err, DNB_ENOMEM, "out of memory for file names");
    if (status == DNB_OK)
        status = write_table(r, table, ctx, err);
    if (status == DNB_OK)
        status = write_json(r, a, json, ctx, err);
    if (status == DNB_OK && strcmp(a->format, "none") != 0)
        status = draw(r, a, figure, ctx, err);
    free(table);
    free(json);
    free(figure);
    return status;
}
