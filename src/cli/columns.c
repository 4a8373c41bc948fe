/* Columns by name, and their values as classes. */
#include "columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <dnnbrain/stim.h>
#include <dnnbrain/suggest.h>

dnb_status cli_table_read(dnb_table *out, const char *path, dnb_err *err)
{
    static const char suffix[] = ".stim.csv";
    size_t n = strlen(path), k = sizeof suffix - 1;
    if (n <= k || strcasecmp(path + n - k, suffix) != 0)
        return dnb_table_read(out, path, NULL, err);
    dnb_stim stim = {0};
    dnb_status status = dnb_stim_read(&stim, path, err);
    if (status != DNB_OK)
        return status;
    *out = stim.data;
    stim.data = (dnb_table){0};
    dnb_stim_release(&stim);
    return DNB_OK;
}

dnb_status cli_column_find(const dnb_column **out, const dnb_table *t, const char *path,
                           const char *name, dnb_err *err)
{
    char text[512];
    *out = dnb_table_find(t, name);
    if (*out)
        return DNB_OK;
    const char **names = calloc(t->n_columns + 1, sizeof *names);
    if (!names)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < t->n_columns; i++)
        names[i] = t->columns[i].name;
    snprintf(text, sizeof text, "%s: no column '%s'", path, name);
    dnb_suggest(text, sizeof text, name, names, t->n_columns);
    free(names);
    return dnb_fail(err, DNB_ENOTFOUND, "%s", text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static dnb_status codes_of_texts(cli_codes *c, char *const *texts, const char *path, dnb_err *err)
{
    char **sorted = calloc(c->n + 1, sizeof *sorted);
    c->names = calloc(c->n + 1, sizeof *c->names);
    dnb_status status =
        sorted && c->names ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    if (status == DNB_OK) {
        memcpy(sorted, texts, c->n * sizeof *sorted);
        qsort(sorted, c->n, sizeof *sorted, by_text);
    }
    for (size_t i = 0; i < c->n && status == DNB_OK; i++) {
        if (i > 0 && strcmp(sorted[i], sorted[i - 1]) == 0)
            continue;
        if ((c->names[c->n_names] = strdup(sorted[i])))
            c->n_names++;
        else
            status = dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    }
    for (size_t i = 0; i < c->n && status == DNB_OK; i++) {
        char **found = bsearch(&texts[i], c->names, c->n_names, sizeof *c->names, by_text);
        c->value[i] = found ? (int64_t)(found - c->names) : 0;
    }
    free(sorted);
    return status;
}

dnb_status cli_codes_of(cli_codes *out, const dnb_column *column, size_t n, const char *path,
                        dnb_err *err)
{
    cli_codes c = {.n = n, .value = calloc(n + 1, sizeof *c.value)};
    dnb_status status = c.value ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    if (status == DNB_OK && column->kind == DNB_COLUMN_TEXT)
        status = codes_of_texts(&c, column->texts, path, err);
    for (size_t i = 0; i < n && status == DNB_OK && column->kind != DNB_COLUMN_TEXT; i++) {
        if (column->kind == DNB_COLUMN_INT) {
            c.value[i] = column->ints[i];
            continue;
        }
        double v = column->reals[i];
        if (isfinite(v) && v == floor(v) && fabs(v) <= 9007199254740992.0)
            c.value[i] = (int64_t)v;
        else
            status =
                dnb_fail(err, DNB_EARG,
                         "%s: column '%s' is %g in row %zu; classes are whole numbers or texts",
                         path, column->name, v, i + 1);
    }
    if (status == DNB_OK)
        *out = c;
    else
        cli_codes_release(&c);
    return status;
}

void cli_codes_release(cli_codes *c)
{
    for (size_t i = 0; i < c->n_names; i++)
        free(c->names[i]);
    free(c->names);
    free(c->value);
    *c = (cli_codes){0};
}

void cli_codes_names_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

dnb_status cli_codes_names(char ***out, size_t *count, const cli_codes *c, dnb_err *err)
{
    size_t found = 0;
    int64_t *sorted = malloc(c->n * sizeof *sorted + 1);
    char **names = calloc(c->n + 1, sizeof *names), number[32];
    bool ok = sorted && names;
    if (ok) {
        memcpy(sorted, c->value, c->n * sizeof *sorted);
        qsort(sorted, c->n, sizeof *sorted, by_value);
    }
    for (size_t i = 0; ok && i < c->n; i++) {
        if (i > 0 && sorted[i] == sorted[i - 1])
            continue;
        snprintf(number, sizeof number, "%lld", (long long)sorted[i]);
        names[found] = strdup(c->names ? c->names[sorted[i]] : number);
        ok = names[found++] != NULL;
    }
    free(sorted);
    if (ok) {
        *out = names;
        *count = found;
        return DNB_OK;
    }
    cli_codes_names_free(names, found);
    return dnb_fail(err, DNB_ENOMEM, "out of memory for the classes");
}

dnb_status cli_codes_count(size_t *n_classes, size_t *most, const cli_codes *c, dnb_err *err)
{
    int64_t *sorted = malloc(c->n * sizeof *sorted + 1);
    size_t classes = 0, largest = 0;
    if (!sorted)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for the classes");
    memcpy(sorted, c->value, c->n * sizeof *sorted);
    qsort(sorted, c->n, sizeof *sorted, by_value);
    for (size_t first = 0, end; first < c->n; first = end, classes++) {
        for (end = first + 1; end < c->n && sorted[end] == sorted[first];)
            end++;
        largest = end - first > largest ? end - first : largest;
    }
    free(sorted);
    *n_classes = classes;
    *most = largest;
    return DNB_OK;
}

dnb_status cli_drop_constant(size_t **varying, double *y, size_t n, size_t *m, const char *path,
                             dnb_err *err)
{
    size_t left = 0, all = *m, *list = calloc(all + 1, sizeof *list);
    if (!list)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    for (size_t t = 0; t < all; t++) {
        size_t i = 1;
        while (i < n && y[i * all + t] == y[t])
            i++;
        if (i < n)
            list[left++] = t;
    }
    if (left == 0) {
        free(list);
        return dnb_fail(err, DNB_EARG, "%s: %s", path,
                        all == 1 ? "the target does not vary over the stimuli"
                                 : "none of the targets varies over the stimuli");
    }
    for (size_t i = 0; left < all && i < n;
         i++) /* to the front: nothing is overwritten too early */
        for (size_t t = 0; t < left; t++)
            y[i * left + t] = y[i * all + list[t]];
    *varying = list;
    *m = left;
    return DNB_OK;
}

dnb_status cli_codes_named(cli_codes *out, const char *option, const char *word, size_t n,
                           const char *than, dnb_err *err)
{
    const char *colon = strrchr(word, ':');
    if (!colon || colon == word || !colon[1])
        return dnb_fail(err, DNB_EARG, "-%s %s: give FILE:COLUMN, a table and its column", option,
                        word);
    char *path = strndup(word, (size_t)(colon - word));
    dnb_table table = {0};
    const dnb_column *column = NULL;
    dnb_status status = path ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for %s", word);
    if (status == DNB_OK)
        status = cli_table_read(&table, path, err);
    if (status == DNB_OK)
        status = cli_column_find(&column, &table, path, colon + 1, err);
    if (status == DNB_OK && table.n_rows != n)
        status = dnb_fail(err, DNB_ESHAPE, "%s has %zu rows but %s has %zu", path, table.n_rows,
                          than, n);
    if (status == DNB_OK)
        status = cli_codes_of(out, column, n, path, err);
    dnb_table_release(&table);
    free(path);
    return status;
}
