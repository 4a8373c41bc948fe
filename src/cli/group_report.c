/* Tables and maps of group statistics. */
#include "group_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/table.h>

#include "outputs.h"

enum { MOST_ROWS = 20000 };

/* The columns of NAME.tsv; one that is NaN throughout is left out. */
enum {
    SUBJECTS,
    TARGETS,
    MEAN,
    SD,
    T,
    P,
    P_MAX,
    Q,
    LOW,
    HIGH,
    T_MAX,
    FOUND_P,
    FOUND_Q,
    SIGNIFICANT,
    NUMBERS
};
static const char *const number_names[NUMBERS] = {
    "n",   "targets", "mean",  "sd",           "t",        "p",          "p_max", "q",
    "low", "high",    "t_max", "n_p_max_0.05", "n_q_0.05", "significant"};

static const char *const known[] = {".tsv", ".json", ".nii.gz", ".nii", ".npy", ".png", NULL};

/* ---- rows ---- */

static void row_of(double *row, const dnb_group *g, size_t t)
{
    row[MEAN] = g->mean[t];
    row[SD] = g->sd[t];
    row[T] = g->t[t];
    row[P] = g->p ? g->p[t] : NAN;
    row[P_MAX] = g->p ? g->p_max[t] : NAN;
    row[Q] = g->p ? g->q[t] : NAN;
    row[LOW] = g->low[t];
    row[HIGH] = g->high[t];
}

static bool finds(const group_result *r, const dnb_group *g, size_t t)
{
    return g->p && !isnan(g->p[t]) && cli_job_finds(r->job, g->p_max[t], g->q[t]);
}

static void row_of_target(const group_result *r, size_t t, double *row)
{
    const cli_subjects *s = r->subjects;
    row[SUBJECTS] = 0;
    for (size_t i = 0; i < s->n; i++)
        row[SUBJECTS] += !isnan(s->x[i * s->m + t]);
    row_of(row, &r->each, t);
    if (cli_job_tests(r->job) && !isnan(row[MEAN]))
        row[SIGNIFICANT] = finds(r, &r->each, t);
}

/* The mean over a layer's targets, and what was found among them. */
static void row_of_layer(const group_result *r, size_t l, double *row)
{
    const cli_subjects *s = r->subjects;
    const dnb_group *g = &r->each;
    row_of(row, &r->layers, l);
    row[SUBJECTS] = (double)s->n;
    row[TARGETS] = 0;
    row[T_MAX] = -INFINITY;
    row[FOUND_P] = row[FOUND_Q] = g->p ? 0 : NAN;
    row[SIGNIFICANT] = cli_job_tests(r->job) ? 0 : NAN;
    for (size_t t = s->first[l]; t < s->first[l + 1]; t++) {
        if (isnan(g->mean[t]))
            continue;
        row[TARGETS]++;
        row[T_MAX] = fmax(row[T_MAX], r->args->two_sided ? fabs(g->t[t]) : g->t[t]);
        row[FOUND_P] += g->p && g->p_max[t] < 0.05;
        row[FOUND_Q] += g->p && g->q[t] < 0.05;
        row[SIGNIFICANT] += cli_job_tests(r->job) && finds(r, g, t);
    }
}

typedef struct rows {
    size_t n;
    bool each; /* a row per target, else per layer */
    double *numbers[NUMBERS];
    const char **layers;
    char **targets;
} rows;

static void rows_release(rows *y)
{
    for (int k = 0; k < NUMBERS; k++)
        free(y->numbers[k]);
    cli_names_free(y->targets, y->n);
    free(y->layers);
}

static dnb_status rows_init(rows *y, const group_result *r, bool each, dnb_err *err)
{
    const cli_subjects *s = r->subjects;
    bool ok = true;
    *y = (rows){.each = each, .n = each ? s->m : s->n_layers};
    for (int k = 0; k < NUMBERS; k++)
        ok &= (y->numbers[k] = calloc(y->n + 1, sizeof(double))) != NULL;
    ok &= (y->layers = calloc(y->n + 1, sizeof *y->layers)) != NULL;
    ok &= (y->targets = calloc(y->n + 1, sizeof *y->targets)) != NULL;
    for (size_t i = 0; i < y->n && ok; i++) {
        double row[NUMBERS];
        char name[256] = "all";
        for (int k = 0; k < NUMBERS; k++)
            row[k] = NAN;
        if (each)
            row_of_target(r, i, row);
        else
            row_of_layer(r, i, row);
        for (int k = 0; k < NUMBERS; k++)
            y->numbers[k][i] = row[k];
        y->layers[i] = s->layers[each ? cli_subjects_layer(s, i) : i];
        if (each)
            cli_subjects_target(s, i, name, sizeof name);
        ok = (y->targets[i] = strdup(name)) != NULL;
    }
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the summary");
}

static dnb_status write_table(const rows *y, const char *path, cli_context *ctx, dnb_err *err)
{
    dnb_table table;
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_table_init(&table, y->n);
    dnb_status status = dnb_table_add_text(&table, "layer", y->layers, err);
    if (status == DNB_OK)
        status = dnb_table_add_text(&table, "target", (const char *const *)y->targets, err);
    for (int k = 0; k < NUMBERS && status == DNB_OK; k++)
        if (cli_any_number(y->numbers[k], y->n))
            status = dnb_table_add_real(&table, number_names[k], y->numbers[k], err);
    if (status == DNB_OK)
        status = dnb_table_write(&table, path, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "%zu rows", y->n);
    dnb_table_release(&table);
    return status;
}

/* ---- JSON ---- */

static void add_settings(cJSON *root, const group_result *r)
{
    const group_args *a = r->args;
    const cli_subjects *s = r->subjects;
    char text[96];
    cJSON_AddNumberToObject(root, "subjects", (double)s->n);
    cJSON_AddNumberToObject(root, "layers", (double)s->n_layers);
    cJSON_AddNumberToObject(root, "targets", (double)s->m);
    cJSON_AddNumberToObject(root, "left_out", (double)r->each.n_left_out);
    cJSON_AddNumberToObject(root, "chance", a->chance);
    cJSON_AddBoolToObject(root, "fisher_z", a->fisher_z);
    cJSON_AddStringToObject(root, "alternative", a->two_sided ? "two-sided" : "greater");
    cJSON_AddNumberToObject(root, "sign_patterns", (double)r->each.n_flips);
    cJSON_AddBoolToObject(root, "exact", r->each.exact);
    cJSON_AddStringToObject(root, "interval", a->mapping.boot ? "bootstrap-t" : "Student's t");
    cJSON_AddNumberToObject(root, "bootstrap_draws", (double)a->mapping.boot);
    if (cli_job_tests(r->job))
        cJSON_AddStringToObject(root, "criterion", cli_job_criterion(r->job, text, sizeof text));
    cJSON_AddNumberToObject(root, "seed", (double)a->mapping.seed);
}

static void add_rows(cJSON *root, const char *key, const rows *y)
{
    cJSON *list = cJSON_AddArrayToObject(root, key);
    for (size_t i = 0; list && i < y->n; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "layer", y->layers[i]);
        if (y->each)
            cJSON_AddStringToObject(item, "target", y->targets[i]);
        for (int k = 0; k < NUMBERS; k++)
            if (isfinite(y->numbers[k][i]))
                cJSON_AddNumberToObject(item, number_names[k], y->numbers[k][i]);
        cJSON_AddItemToArray(list, item);
    }
}

/* y: the rows of the table, which may be those of the layers. */
static dnb_status write_json(const rows *y, const rows *layers, const group_result *r,
                             const char *path, cli_context *ctx, dnb_err *err)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddItemToObject(root, "provenance", cJSON_Parse(dnb_provenance_json(ctx->provenance)));
    add_settings(root, r);
    if (y->each)
        add_rows(root, "results", y);
    add_rows(root, "mean_over_targets", layers);
    dnb_status status = cli_write_json(path, root, err);
    if (status == DNB_OK)
        cli_list_output(ctx, path);
    return status;
}

/* ---- maps ---- */

/* One statistic of all layers as an image, a volume per layer, or as layers x targets; `outside`
 * stands where there is none. */
static dnb_status write_map(const group_result *r, const char *name, const double *values,
                            double outside, cli_context *ctx, dnb_err *err)
{
    const cli_subjects *s = r->subjects;
    const size_t shape[2] = {s->n_layers, s->space.m};
    char suffix[64];
    bool image = s->space.image != NULL;
    snprintf(suffix, sizeof suffix, "_%s%s", name,
             image ? dnb_brain_suffix(s->space.path) : ".npy");
    char *path = cli_output_name(r->args->out, known, suffix);
    double *copy = image ? malloc(s->m * sizeof *copy + 1) : NULL;
    dnb_array array;
    dnb_brain_write_options o = {.provenance = dnb_provenance_json(ctx->provenance),
                                 .fill = outside};
    dnb_status status = path && (copy || !image)
                            ? DNB_OK
                            : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", r->args->out);
    for (size_t t = 0; t < s->m && status == DNB_OK && image; t++)
        copy[t] = isnan(values[t]) ? outside : values[t];
    if (status == DNB_OK && image)
        status = dnb_brain_write_like(path, s->space.image, s->n_layers, copy, s->space.voxels,
                                      s->space.m, &o, err);
    if (status == DNB_OK && !image) {
        dnb_array_borrow(&array, DNB_F64, 2, shape, (void *)values);
        status = dnb_npy_write(&array, path, err);
    }
    if (status == DNB_OK)
        cli_list_output(ctx, path);
    free(copy);
    free(path);
    return status;
}

/* The means of what was found, 0 elsewhere. */
static dnb_status write_found(const group_result *r, cli_context *ctx, dnb_err *err)
{
    double *values = calloc(r->subjects->m + 1, sizeof *values);
    if (!values)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for a map of findings");
    for (size_t t = 0; t < r->subjects->m; t++)
        if (finds(r, &r->each, t))
            values[t] = r->each.mean[t];
    dnb_status status = write_map(r, "mean_significant", values, 0, ctx, err);
    free(values);
    return status;
}

static dnb_status write_maps(const group_result *r, cli_context *ctx, dnb_err *err)
{
    const dnb_group *g = &r->each;
    const struct {
        const char *name;
        const double *values;
        double outside;
    } list[] = {{"mean", g->mean, 0}, {"sd", g->sd, 0}, {"t", g->t, 0},         {"low", g->low, 0},
                {"high", g->high, 0}, {"p", g->p, 1},   {"p_max", g->p_max, 1}, {"q", g->q, 1}};
    dnb_status status = DNB_OK;
    for (size_t k = 0; k < sizeof list / sizeof *list && status == DNB_OK; k++)
        if (list[k].values)
            status = write_map(r, list[k].name, list[k].values, list[k].outside, ctx, err);
    if (status == DNB_OK && cli_job_tests(r->job))
        status = write_found(r, ctx, err);
    if (status == DNB_OK)
        cli_say(ctx, "wrote %s: mean, sd, t, %s as %s", r->args->out,
                g->p ? "interval, p, p_max and q" : "and interval",
                r->subjects->space.image ? "images, a volume per layer" : "arrays");
    return status;
}

/* ---- all of it ---- */

static void say_findings(const group_result *r, cli_context *ctx)
{
    const cli_subjects *s = r->subjects;
    char criterion[96];
    if (!cli_job_tests(r->job))
        return;
    cli_job_criterion(r->job, criterion, sizeof criterion);
    for (size_t l = 0; l < s->n_layers; l++) {
        size_t found = 0;
        for (size_t t = s->first[l]; t < s->first[l + 1]; t++)
            found += finds(r, &r->each, t);
        cli_say(ctx, "%s: %zu of %zu targets at %s over all layers", s->layers[l], found,
                s->first[l + 1] - s->first[l], criterion);
    }
}

dnb_status group_report(const group_result *r, cli_context *ctx, dnb_err *err)
{
    rows y = {0}, layers = {0};
    char *table = cli_output_name(r->args->out, known, ".tsv"),
         *json = cli_output_name(r->args->out, known, ".json");
    dnb_status status =
        table && json ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for file names");
    if (status == DNB_OK)
        status = rows_init(&y, r, r->subjects->m <= MOST_ROWS, err);
    if (status == DNB_OK)
        status = rows_init(&layers, r, false, err);
    if (status == DNB_OK)
        say_findings(r, ctx);
    if (status == DNB_OK && !r->subjects->targets)
        status = write_maps(r, ctx, err);
    if (status == DNB_OK && r->args->figure)
        status = group_draw(r, ctx, err);
    if (status == DNB_OK)
        status = write_json(&y, &layers, r, json, ctx, err);
    if (status == DNB_OK)
        status = write_table(&y, table, ctx, err);
    rows_release(&y);
    rows_release(&layers);
    free(table);
    free(json);
    return status;
}
