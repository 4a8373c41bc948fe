/* Tables of what a mapping found. */
#include "mapping_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/table.h>

#include "outputs.h"

enum { MOST_ROWS = 20000 };

/* The columns of summary.tsv; one that is NaN throughout is left out. */
enum {
    ITER,
    TARGETS,
    SCORE,
    SPLIT,
    SD,
    MAX,
    P,
    P_MAX,
    Q,
    FAMILY,
    POOLED,
    LOW,
    HIGH,
    CEILING,
    NORMALISED,
    CHANCE,
    FOUND,
    SIGNIFICANT,
    UNIQUE,
    PENALTY,
    NUMBERS
};
static const char *const number_names[NUMBERS] = {[ITER] = "iteration",
                                                  [TARGETS] = "targets",
                                                  [SCORE] = "score",
                                                  [SPLIT] = "split",
                                                  [UNIQUE] = "unique",
                                                  [PENALTY] = "alpha",
                                                  [SD] = "sd",
                                                  [MAX] = "max",
                                                  [P] = "p",
                                                  [P_MAX] = "p_max",
                                                  [Q] = "q",
                                                  [FAMILY] = "p_family",
                                                  [POOLED] = "score_all_rows",
                                                  [LOW] = "low",
                                                  [HIGH] = "high",
                                                  [CEILING] = "ceiling",
                                                  [NORMALISED] = "normalised",
                                                  [CHANCE] = "chance",
                                                  [FOUND] = "n_q_0.05",
                                                  [SIGNIFICANT] = "significant"};

static double spread_of(const double *x, size_t n)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : NAN;
}

static void row_of_target(const cli_report *r, const cli_scores *s, size_t i, size_t t, double *row)
{
    size_t cell = i * s->m + t;
    row[s->share ? SPLIT : SCORE] = s->mean[cell];
    row[UNIQUE] = s->unique ? s->unique[cell] : NAN;
    row[PENALTY] = s->penalty ? s->penalty[cell] : NAN;
    row[SD] = spread_of(s->score + cell * s->k, s->k);
    row[P] = s->p ? s->p[cell] : NAN;
    row[P_MAX] = s->p ? s->p_max[cell] : NAN;
    row[Q] = s->p ? s->q[cell] : NAN;
    if (s->p && cli_job_tests(r->job))
        row[SIGNIFICANT] = cli_job_finds(r->job, s->p_max[cell], s->q[cell]);
    row[FAMILY] = s->p_family ? s->p_family[cell] : NAN;
    row[POOLED] = s->pooled ? s->pooled[cell] : NAN;
    row[LOW] = s->low ? s->low[cell] : NAN;
    row[HIGH] = s->low ? s->high[cell] : NAN;
    row[CHANCE] = r->chance ? r->chance[t] : NAN;
    if (r->ceiling && !s->share) {
        row[CEILING] = r->ceiling[t];
        if (r->ceiling[t] > 0)
            row[NORMALISED] = row[SCORE] / r->ceiling[t];
    }
}

/* Findings of part i. */
static size_t count_found(const cli_report *r, const cli_scores *s, size_t i)
{
    size_t found = 0;
    for (size_t cell = i * s->m; cell < (i + 1) * s->m; cell++)
        found += cli_job_finds(r->job, s->p_max[cell], s->q[cell]);
    return found;
}

/* Many targets: what they have in common. */
static void row_of_all(const cli_report *r, const cli_scores *s, size_t i, double *row)
{
    const double *mean = s->mean + i * s->m;
    double sum = 0, square = 0, found = 0, unique = 0, n = 0;
    row[MAX] = -INFINITY;
    for (size_t t = 0; t < s->m; t++) {
        if (r->constant && r->constant[t])
            continue;
        n++;
        sum += mean[t];
        unique += s->unique ? s->unique[i * s->m + t] : 0;
        row[MAX] = fmax(row[MAX], mean[t]);
        found += s->q && s->q[i * s->m + t] < 0.05;
    }
    for (size_t t = 0; t < s->m; t++)
        if (!r->constant || !r->constant[t])
            square += (mean[t] - sum / n) * (mean[t] - sum / n);
    row[s->share ? SPLIT : SCORE] = sum / n;
    row[UNIQUE] = s->unique ? unique / n : NAN;
    row[SD] = n > 1 ? sqrt(square / (n - 1)) : NAN;
    row[FOUND] = s->q ? found : NAN;
    if (s->p && cli_job_tests(r->job))
        row[SIGNIFICANT] = (double)count_found(r, s, i);
    row[TARGETS] = n;
}

typedef struct summary {
    size_t n_rows;
    bool each; /* a row per target */
    double *numbers[NUMBERS];
    const char **layers;
    char **targets;
    int64_t *place[3];
} summary;

static void summary_release(summary *y)
{
    for (int k = 0; k < NUMBERS; k++)
        free(y->numbers[k]);
    for (size_t i = 0; y->targets && i < y->n_rows; i++)
        free(y->targets[i]);
    for (int k = 0; k < 3; k++)
        free(y->place[k]);
    free(y->layers);
    free(y->targets);
}

static dnb_status summary_init(summary *y, const cli_report *r, dnb_err *err)
{
    size_t each = 0, all = 0;
    bool ok = true;
    for (size_t l = 0; l < r->n_layers; l++) {
        each += r->scores[l].n_iter * r->scores[l].m;
        all += r->scores[l].n_iter;
    }
    *y = (summary){.each = each <= MOST_ROWS, .n_rows = each <= MOST_ROWS ? each : all};
    for (int k = 0; k < NUMBERS; k++) {
        ok &= (y->numbers[k] = calloc(y->n_rows + 1, sizeof(double))) != NULL;
        for (size_t i = 0; ok && i < y->n_rows; i++)
            y->numbers[k][i] = NAN;
    }
    for (int k = 0; k < 3; k++)
        ok &= (y->place[k] = calloc(y->n_rows + 1, sizeof(int64_t))) != NULL;
    ok &= (y->layers = calloc(y->n_rows + 1, sizeof *y->layers)) != NULL;
    ok &= (y->targets = calloc(y->n_rows + 1, sizeof *y->targets)) != NULL;
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the summary");
}

static dnb_status fill_row(summary *y, size_t at, const cli_report *r, size_t l, size_t i, size_t t,
                           dnb_err *err)
{
    const cli_scores *s = &r->scores[l];
    char name[256] = "all";
    double row[NUMBERS];
    for (int k = 0; k < NUMBERS; k++)
        row[k] = NAN;
    if (r->axis != DNB_ITER_NONE)
        row[ITER] = (double)(i + 1);
    if (y->each) {
        row_of_target(r, s, i, t, row);
    } else {
        row_of_all(r, s, i, row);
    }
    for (int k = 0; k < NUMBERS; k++)
        y->numbers[k][at] = row[k];
    for (size_t k = 0; k < 3 && y->each && s->place; k++)
        y->place[k][at] = s->place[3 * (i * s->m + t) + k];
    y->layers[at] = s->layer;
    y->targets[at] = strdup(y->each ? r->target(r->ctx, l, t, name, sizeof name) : name);
    return y->targets[at] ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the summary");
}

static dnb_status fill(summary *y, const cli_report *r, dnb_err *err)
{
    size_t at = 0;
    dnb_status status = DNB_OK;
    for (size_t l = 0; l < r->n_layers; l++)
        for (size_t i = 0; i < r->scores[l].n_iter; i++)
            for (size_t t = 0; t < (y->each ? r->scores[l].m : 1) && status == DNB_OK; t++)
                status = fill_row(y, at++, r, l, i, t, err);
    return status;
}

static dnb_status write_table(const summary *y, const cli_report *r, const char *path,
                              cli_context *ctx, dnb_err *err)
{
    static const char *const axes[3] = {"chn", "row", "col"};
    dnb_table table;
    dnb_save_options so = {.provenance = dnb_provenance_json(ctx->provenance)};
    dnb_table_init(&table, y->n_rows);
    dnb_status status = dnb_table_add_text(&table, "layer", y->layers, err);
    if (status == DNB_OK)
        status = dnb_table_add_text(&table, "target", (const char *const *)y->targets, err);
    for (int k = 0; k < NUMBERS && status == DNB_OK; k++)
        if (cli_any_number(y->numbers[k], y->n_rows))
            status = dnb_table_add_real(&table, number_names[k], y->numbers[k], err);
    for (int k = 0; k < 3 && status == DNB_OK && y->each && r->scores[0].place; k++)
        status = dnb_table_add_int(&table, axes[k], y->place[k], err);
    if (status == DNB_OK)
        status = dnb_table_write(&table, path, &so, err);
    if (status == DNB_OK)
        cli_wrote(ctx, path, "%zu row%s", y->n_rows, y->n_rows == 1 ? "" : "s");
    dnb_table_release(&table);
    return status;
}

/* ---- JSON ---- */

static void add_settings(cJSON *root, const cli_report *r)
{
    const cli_mapping *a = r->job->args;
    char text[96];
    cJSON_AddStringToObject(root, "analysis", a->anal);
    cJSON_AddStringToObject(root, "model", a->model);
    cJSON_AddStringToObject(root, "scoring",
                            r->job->corr ? "correlation" : dnb_scoring_name(r->job->scoring));
    cJSON_AddNumberToObject(root, "stimuli", (double)r->job->n);
    if (!r->job->corr) {
        cJSON_AddStringToObject(root, "folds", cli_job_folds_name(r->job));
        cJSON_AddNumberToObject(root, "cv", (double)r->job->folds.k);
    }
    if (a->alpha.count)
        cJSON_AddItemToObject(root, "alpha",
                              cJSON_CreateDoubleArray(a->alpha.items, (int)a->alpha.count));
    if (r->job->banded)
        cJSON_AddNumberToObject(root, "iterations", a->iterations ? (double)a->iterations : 20);
    if (a->pca)
        cJSON_AddNumberToObject(root, "pca", (double)a->pca);
    if (a->components)
        cJSON_AddNumberToObject(root, "components", (double)a->components);
    cJSON_AddNumberToObject(root, "permutations", (double)a->permute);
    if (cli_job_tests(r->job))
        cJSON_AddStringToObject(root, "criterion", cli_job_criterion(r->job, text, sizeof text));
    cJSON_AddNumberToObject(root, "seed", (double)a->seed);
    cJSON_AddNumberToObject(root, "n_constant", (double)r->n_constant);
}

static void add_rows(cJSON *root, const summary *y, const cli_report *r)
{
    cJSON *list = cJSON_AddArrayToObject(root, "results");
    for (size_t i = 0; list && i < y->n_rows; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "layer", y->layers[i]);
        cJSON_AddStringToObject(item, "target", y->targets[i]);
        for (int k = 0; k < NUMBERS; k++)
            if (isfinite(y->numbers[k][i]))
                cJSON_AddNumberToObject(item, number_names[k], y->numbers[k][i]);
        if (y->each && r->scores[0].place) {
            double place[3] = {(double)y->place[0][i], (double)y->place[1][i],
                               (double)y->place[2][i]};
            cJSON_AddItemToObject(item, "unit", cJSON_CreateDoubleArray(place, 3));
        }
        cJSON_AddItemToArray(list, item);
    }
}

static void add_best(cJSON *root, const cli_report *r)
{
    const cli_best *b = r->best;
    cJSON *list =
        b && b->m && b->m <= MOST_ROWS ? cJSON_AddArrayToObject(root, "best_layer") : NULL;
    char name[256];
    for (size_t t = 0; list && t < b->m; t++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "target", r->target(r->ctx, 0, t, name, sizeof name));
        if (b->mode[t] > 0)
            cJSON_AddStringToObject(item, "layer", r->scores[b->mode[t] - 1].layer);
        cJSON_AddNumberToObject(item, "score", b->mean[t]);
        if (b->p) {
            cJSON_AddNumberToObject(item, "p", b->p[t]);
            cJSON_AddNumberToObject(item, "p_max", b->p_max[t]);
            cJSON_AddNumberToObject(item, "q", b->q[t]);
            if (cli_job_tests(r->job))
                cJSON_AddNumberToObject(item, "significant",
                                        cli_job_finds(r->job, b->p_max[t], b->q[t]));
        }
        cJSON_AddItemToArray(list, item);
    }
}

static void add_classes(cJSON *root, const cli_report *r)
{
    cJSON *list = r->n_classes ? cJSON_AddArrayToObject(root, "classes") : NULL;
    for (size_t i = 0; list && i < r->n_classes; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(r->classes[i]));
}

static dnb_status write_json(const summary *y, const cli_report *r, const char *path,
                             cli_context *ctx, dnb_err *err)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddItemToObject(root, "provenance", cJSON_Parse(dnb_provenance_json(ctx->provenance)));
    add_settings(root, r);
    add_classes(root, r);
    add_rows(root, y, r);
    add_best(root, r);
    dnb_status status = cli_write_json(path, root, err);
    if (status == DNB_OK)
        cli_list_output(ctx, path);
    return status;
}

/* How much was found, a line per layer. */
static void say_findings(const cli_report *r, cli_context *ctx)
{
    char criterion[96];
    cli_job_criterion(r->job, criterion, sizeof criterion);
    for (size_t l = 0; l < r->n_layers && cli_job_tests(r->job); l++) {
        const cli_scores *s = &r->scores[l];
        size_t found = 0;
        for (size_t i = 0; i < s->n_iter; i++)
            found += count_found(r, s, i);
        cli_say(ctx, "%s: %zu of %zu %s at %s", s->layer, found, s->n_iter * s->m,
                r->axis == DNB_ITER_NONE ? "targets" : "targets of all iterations", criterion);
    }
    size_t found = 0;
    for (size_t t = 0; r->best && t < r->best->m && cli_job_tests(r->job); t++)
        found += cli_job_finds(r->job, r->best->p_max[t], r->best->q[t]);
    if (r->best && cli_job_tests(r->job))
        cli_say(ctx, "best layer: %zu of %zu targets at %s", found, r->best->m, criterion);
}

dnb_status cli_report_write(const cli_report *r, cli_context *ctx, dnb_err *err)
{
    summary y = {0};
    char *table = cli_join(r->out, "summary.tsv"), *json = cli_join(r->out, "summary.json");
    dnb_status status =
        table && json ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", r->out);
    if (status == DNB_OK)
        status = summary_init(&y, r, err);
    if (status == DNB_OK)
        status = fill(&y, r, err);
    if (status == DNB_OK)
        say_findings(r, ctx);
    if (status == DNB_OK && r->figure)
        status = cli_report_draw(r, ctx, err);
    if (status == DNB_OK)
        status = write_json(&y, r, json, ctx, err);
    if (status == DNB_OK)
        status = write_table(&y, r, table, ctx, err);
    summary_release(&y);
    free(table);
    free(json);
    return status;
}
