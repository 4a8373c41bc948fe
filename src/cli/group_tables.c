/* Subjects' scores from tables (a row per layer and target, matched by their names) and arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/array.h>

#include "columns.h"
#include "group_scores.h"
#include "outputs.h"

/* ---- rows of one table ---- */

typedef struct row {
    char *layer, *target;
    double score;
    size_t place; /* in the table */
} row;

typedef struct rows {
    size_t n;
    row *row;
} rows;

static void rows_release(rows *r)
{
    for (size_t i = 0; r->row && i < r->n; i++) {
        free(r->row[i].layer);
        free(r->row[i].target);
    }
    free(r->row);
    *r = (rows){0};
}

/* A field of a column as text; free() it. */
static char *text_of(const dnb_column *c, size_t i)
{
    char number[40];
    if (c->kind == DNB_COLUMN_TEXT)
        return strdup(c->texts[i]);
    if (c->kind == DNB_COLUMN_INT)
        snprintf(number, sizeof number, "%lld", (long long)c->ints[i]);
    else
        snprintf(number, sizeof number, "%.15g", c->reals[i]);
    return strdup(number);
}

/* "conv1", or "conv1:3" of the third iteration along an -iteraxis. */
static char *layer_of(const dnb_column *layer, const dnb_column *iteration, size_t i)
{
    char *name = text_of(layer, i), *part = iteration ? text_of(iteration, i) : NULL;
    if (!name || !iteration || !part) {
        free(part);
        if (iteration && !part) {
            free(name);
            name = NULL;
        }
        return name;
    }
    size_t size = strlen(name) + strlen(part) + 2;
    char *both = malloc(size);
    if (both)
        snprintf(both, size, "%s:%s", name, part);
    free(name);
    free(part);
    return both;
}

static dnb_status take_rows(rows *out, const dnb_table *t, const char *path, const char *column,
                            dnb_err *err)
{
    const dnb_column *layer = NULL, *target = dnb_table_find(t, "roi"),
                     *iteration = dnb_table_find(t, "iteration");
    dnb_status status = cli_column_find(&layer, t, path, "layer", err);
    if (status == DNB_OK && !target)
        status = cli_column_find(&target, t, path, "target", err);
    double *score = calloc(t->n_rows + 1, sizeof *score);
    out->row = calloc(t->n_rows + 1, sizeof *out->row);
    if (status == DNB_OK && (!score || !out->row))
        status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    if (status == DNB_OK)
        status = dnb_table_numbers(t, column, score, path, err);
    for (size_t i = 0; i < t->n_rows && status == DNB_OK; i++) {
        row *r = &out->row[out->n++];
        *r = (row){layer_of(layer, iteration, i), text_of(target, i), score[i], i};
        if (!r->layer || !r->target)
            status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    }
    free(score);
    return status;
}

/* The rows of one table, or of a folder's. */
static dnb_status read_rows(rows *out, const cli_subjects *s, size_t subject, const char *column,
                            cli_context *ctx, dnb_err *err)
{
    char *joined = s->folders ? cli_join(s->files[subject], "summary.tsv") : NULL;
    const char *path = s->folders ? joined : s->files[subject];
    dnb_table table = {0};
    dnb_status status =
        path ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", s->files[subject]);
    if (status == DNB_OK)
        status = cli_table_read(&table, path, err);
    if (status == DNB_OK && ctx)
        status = cli_subjects_record(subject, path, table.provenance, ctx, err);
    if (status == DNB_OK)
        status = take_rows(out, &table, path, column ? column : "score", err);
    dnb_table_release(&table);
    free(joined);
    return status;
}

static int by_name(const void *a, const void *b)
{
    const row *p = a, *q = b;
    int layer = strcmp(p->layer, q->layer);
    return layer ? layer : strcmp(p->target, q->target);
}

static dnb_status sort_rows(rows *r, const char *path, dnb_err *err)
{
    qsort(r->row, r->n, sizeof *r->row, by_name);
    for (size_t i = 1; i < r->n; i++)
        if (by_name(&r->row[i - 1], &r->row[i]) == 0)
            return dnb_fail(err, DNB_EFORMAT, "%s: layer %s, target %s stands in two rows", path,
                            r->row[i].layer, r->row[i].target);
    return DNB_OK;
}

/* ---- layers ---- */

/* The layers of rows in order of appearance. */
static dnb_status distinct_layers(char ***out, size_t *count, const rows *r, const char *path,
                                  dnb_err *err)
{
    char **names = calloc(r->n + 1, sizeof *names);
    size_t n = 0;
    if (!names)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < r->n; i++) {
        size_t k = n; /* the last ones first: rows of a layer stand together */
        while (k > 0 && strcmp(names[k - 1], r->row[i].layer) != 0)
            k--;
        if (k == 0 && !(names[n++] = strdup(r->row[i].layer))) {
            cli_names_free(names, n);
            return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
        }
    }
    *out = names;
    *count = n;
    return DNB_OK;
}

dnb_status cli_subjects_layers_of(char ***out, size_t *count, const char *folder, dnb_err *err)
{
    const cli_subjects one = {.n = 1, .files = &folder, .folders = true};
    rows r = {0};
    dnb_status status = read_rows(&r, &one, 0, NULL, NULL, err);
    if (status == DNB_OK)
        status = distinct_layers(out, count, &r, folder, err);
    rows_release(&r);
    return status;
}

/* ---- matching ---- */

/* The first subject's rows of the layers chosen become targets; cells: them again, with the target
 * as place. */
static dnb_status open_targets(cli_subjects *s, rows *cells, const rows *r, const cli_scores_in *in,
                               cli_context *ctx, dnb_err *err)
{
    char **names = NULL;
    size_t count = 0, *at = NULL, m = 0;
    dnb_status status = distinct_layers(&names, &count, r, s->files[0], err);
    if (status == DNB_OK)
        status = cli_subjects_choose(s, &at, in, names, count, s->files[0], err);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
        for (size_t i = 0; i < r->n; i++)
            m += strcmp(r->row[i].layer, s->layers[l]) == 0;
    if (status == DNB_OK)
        status = cli_subjects_room(s, m, ctx, err);
    s->targets = status == DNB_OK ? calloc(m + 1, sizeof *s->targets) : NULL;
    cells->row = status == DNB_OK ? calloc(m + 1, sizeof *cells->row) : NULL;
    if (status == DNB_OK && (!s->targets || !cells->row))
        status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", s->files[0]);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++) {
        for (size_t i = 0; i < r->n && status == DNB_OK; i++) {
            if (strcmp(r->row[i].layer, s->layers[l]) != 0)
                continue;
            row *c = &cells->row[cells->n];
            *c = (row){strdup(r->row[i].layer), strdup(r->row[i].target), 0, cells->n};
            s->targets[cells->n++] = strdup(r->row[i].target);
            if (!c->layer || !c->target || !s->targets[cells->n - 1])
                status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", s->files[0]);
        }
        s->first[l + 1] = cells->n;
    }
    cli_names_free(names, count);
    free(at);
    return status;
}

static bool is_chosen(const cli_subjects *s, const char *layer)
{
    for (size_t l = 0; l < s->n_layers; l++)
        if (strcmp(s->layers[l], layer) == 0)
            return true;
    return false;
}

/* Subject i's row of every target. Both lists are sorted by name. */
static dnb_status match(cli_subjects *s, bool *drop, size_t i, const rows *cells, const rows *r,
                        bool common, dnb_err *err)
{
    size_t c = 0, k = 0;
    while (c < cells->n || k < r->n) {
        int order = c == cells->n ? 1 : k == r->n ? -1 : by_name(&cells->row[c], &r->row[k]);
        const row *lone = order < 0 ? &cells->row[c] : &r->row[k];
        if (order == 0) {
            s->x[i * s->m + cells->row[c++].place] = r->row[k++].score;
            continue;
        }
        if (order > 0 && !is_chosen(s, lone->layer)) {
            k++;
            continue;
        }
        if (!common)
            return dnb_fail(err, DNB_ESHAPE,
                            "%s: has no row of layer %s, target %s, but %s has; -common takes the "
                            "rows that all have",
                            s->files[order < 0 ? i : 0], lone->layer, lone->target,
                            s->files[order < 0 ? 0 : i]);
        s->n_dropped++;
        if (order < 0)
            drop[cells->row[c++].place] = true;
        else
            k++;
    }
    return DNB_OK;
}

/* Takes the targets marked out of s, and layers without targets. */
static dnb_status compact(cli_subjects *s, const bool *drop, dnb_err *err)
{
    size_t kept = 0, layers = 0, old = s->m, from = 0;
    for (size_t l = 0; l < s->n_layers; l++) {
        size_t end = s->first[l + 1], before = kept;
        for (; from < end; from++) {
            if (drop[from]) {
                free(s->targets[from]);
                s->targets[from] = NULL;
                continue;
            }
            for (size_t i = 0; i < s->n; i++)
                s->x[i * old + kept] = s->x[i * old + from];
            char *name = s->targets[from];
            s->targets[from] = NULL;
            s->targets[kept++] = name;
        }
        char *layer = s->layers[l];
        s->layers[l] = NULL;
        if (kept == before) {
            free(layer);
            continue;
        }
        s->layers[layers++] = layer;
        s->first[layers] = kept;
    }
    for (size_t i = 1; i < s->n; i++)
        memmove(s->x + i * kept, s->x + i * old, kept * sizeof *s->x);
    s->m = kept;
    s->n_layers = layers;
    return kept ? DNB_OK
                : dnb_fail(err, DNB_ESHAPE, "-common: no layer and target is in all %zu tables",
                           s->n);
}

dnb_status cli_subjects_tables(cli_subjects *s, const cli_scores_in *in, cli_context *ctx,
                               dnb_err *err)
{
    rows cells = {0};
    bool *drop = NULL;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->n && status == DNB_OK; i++) {
        rows r = {0};
        status = read_rows(&r, s, i, in->column, ctx, err);
        if (status == DNB_OK && i == 0)
            status = open_targets(s, &cells, &r, in, ctx, err);
        if (status == DNB_OK && i == 0)
            status = sort_rows(&cells, s->files[0], err);
        if (status == DNB_OK && i == 0 && !(drop = calloc(s->m + 1, sizeof *drop)))
            status = dnb_fail(err, DNB_ENOMEM, "out of memory for the scores");
        if (status == DNB_OK)
            status = sort_rows(&r, s->files[i], err);
        if (status == DNB_OK)
            status = match(s, drop, i, &cells, &r, in->common, err);
        rows_release(&r);
    }
    if (status == DNB_OK && s->n_dropped)
        status = compact(s, drop, err);
    rows_release(&cells);
    free(drop);
    return status;
}

/* ---- arrays ---- */

/* Layers, targets, folds of an array: of three axes the last is folds, as encode writes them. */
static dnb_status shape_of(size_t shape[3], const dnb_array *a, const char *path, dnb_err *err)
{
    char text[128];
    if (a->ndim < 1 || a->ndim > 3)
        return dnb_fail(err, DNB_ESHAPE,
                        "%s: is %s; scores are targets, layers x targets, or layers x targets x "
                        "folds",
                        path, dnb_array_shape_text(a, text, sizeof text));
    shape[0] = a->ndim > 1 ? a->shape[0] : 1;
    shape[1] = a->ndim > 1 ? a->shape[1] : a->shape[0];
    shape[2] = a->ndim > 2 ? a->shape[2] : 1;
    return DNB_OK;
}

static dnb_status open_array(cli_subjects *s, size_t **at, const size_t shape[3],
                             const cli_scores_in *in, cli_context *ctx, dnb_err *err)
{
    char **names = NULL;
    dnb_status status = cli_names_number(&names, shape[0], err);
    if (status == DNB_OK)
        status = cli_subjects_choose(s, at, in, names, shape[0], s->files[0], err);
    if (status == DNB_OK)
        status = cli_subjects_room(s, s->n_layers * shape[1], ctx, err);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
        s->first[l + 1] = (l + 1) * shape[1];
    s->space.path = s->files[0];
    s->space.m = shape[1];
    cli_names_free(names, shape[0]);
    return status;
}

static void take_array(cli_subjects *s, size_t i, const size_t *at, const size_t shape[3],
                       const double *values)
{
    for (size_t l = 0; l < s->n_layers; l++)
        for (size_t t = 0; t < shape[1]; t++) {
            const double *fold = values + (at[l] * shape[1] + t) * shape[2];
            double sum = 0;
            for (size_t f = 0; f < shape[2]; f++)
                sum += fold[f];
            s->x[i * s->m + l * shape[1] + t] = sum / (double)shape[2];
        }
}

dnb_status cli_subjects_arrays(cli_subjects *s, const cli_scores_in *in, cli_context *ctx,
                               dnb_err *err)
{
    size_t first[3] = {0}, shape[3] = {0}, *at = NULL;
    dnb_status status = DNB_OK;
    for (size_t i = 0; i < s->n && status == DNB_OK; i++) {
        dnb_array raw = {0}, wide = {0};
        const char *path = s->files[i];
        status = dnb_npy_read(&raw, path, err);
        if (status == DNB_OK)
            status = cli_subjects_record(i, path, NULL, ctx, err);
        if (status == DNB_OK)
            status = shape_of(i ? shape : first, &raw, path, err);
        if (status == DNB_OK && i == 0)
            status = open_array(s, &at, first, in, ctx, err);
        if (status == DNB_OK && i > 0 && memcmp(shape, first, sizeof shape) != 0)
            status = dnb_fail(err, DNB_ESHAPE,
                              "%s: holds %zu layers x %zu targets x %zu folds, but %s %zu x %zu x "
                              "%zu",
                              path, shape[0], shape[1], shape[2], s->files[0], first[0], first[1],
                              first[2]);
        if (status == DNB_OK)
            status = dnb_array_convert(&wide, &raw, DNB_F64, err);
        if (status == DNB_OK)
            take_array(s, i, at, first, wide.data);
        dnb_array_release(&raw);
        dnb_array_release(&wide);
    }
    free(at);
    return status;
}
