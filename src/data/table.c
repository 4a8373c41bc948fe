/* Tables in memory. */
#include "data/table_own.h"

#include <string.h>

#include "base/mem.h"
#include "base/near_name.h"

void dnb_table_init(dnb_table *t, size_t n_rows)
{
    *t = (dnb_table){.n_rows = n_rows};
}

static void release_column(dnb_column *c, size_t n_rows)
{
    for (size_t i = 0; c->texts && i < n_rows; i++)
        dnb_free(c->texts[i]);
    dnb_free(c->texts);
    dnb_free(c->ints);
    dnb_free(c->reals);
    dnb_free(c->name);
}

void dnb_table_release(dnb_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        release_column(&t->columns[i], t->n_rows);
    dnb_free(t->columns);
    dnb_free(t->provenance);
    *t = (dnb_table){0};
}

const dnb_column *dnb_table_find(const dnb_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

dnb_status dnb_table_add_blank(dnb_table *t, const char *name, dnb_column_kind kind,
                               dnb_column **out, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_column c = {.kind = kind};
    if (!*name)
        return dnb_fail(err, DNB_EARG, "a column needs a name");
    if (dnb_table_find(t, name))
        return dnb_fail(err, DNB_EARG, "column '%s' is there twice", name);
    if (kind == DNB_COLUMN_TEXT)
        DNB_NEW(c.texts, t->n_rows, "column");
    else if (kind == DNB_COLUMN_INT)
        DNB_NEW(c.ints, t->n_rows, "column");
    else
        DNB_NEW(c.reals, t->n_rows, "column");
    c.name = dnb_strdup(name);
    dnb_column *grown = c.name ? dnb_realloc(t->columns, t->n_columns + 1, sizeof c) : NULL;
    if (!grown) {
        status = dnb_fail_memory(err, "column", sizeof c);
        goto done;
    }
    t->columns = grown;
    *out = &grown[t->n_columns];
    grown[t->n_columns++] = c;
    c = (dnb_column){0};
done:
    release_column(&c, t->n_rows);
    return status;
}

dnb_status dnb_table_add_real(dnb_table *t, const char *name, const double *values, dnb_err *err)
{
    dnb_column *c = NULL;
    dnb_status status = dnb_table_add_blank(t, name, DNB_COLUMN_REAL, &c, err);
    if (status == DNB_OK && t->n_rows)
        memcpy(c->reals, values, t->n_rows * sizeof *values);
    return status;
}

dnb_status dnb_table_add_int(dnb_table *t, const char *name, const int64_t *values, dnb_err *err)
{
    dnb_column *c = NULL;
    dnb_status status = dnb_table_add_blank(t, name, DNB_COLUMN_INT, &c, err);
    if (status == DNB_OK && t->n_rows)
        memcpy(c->ints, values, t->n_rows * sizeof *values);
    return status;
}

dnb_status dnb_table_add_text(dnb_table *t, const char *name, const char *const *values,
                              dnb_err *err)
{
    dnb_column *c = NULL;
    dnb_status status = dnb_table_add_blank(t, name, DNB_COLUMN_TEXT, &c, err);
    if (status != DNB_OK)
        return status;
    for (size_t i = 0; i < t->n_rows; i++) {
        c->texts[i] = dnb_strdup(values[i]);
        if (!c->texts[i]) {
            t->n_columns--; /* on failure the table is as it was */
            release_column(c, t->n_rows);
            return dnb_fail_memory(err, "column", strlen(values[i]) + 1);
        }
    }
    return DNB_OK;
}

dnb_status dnb_table_suggest(const dnb_table *t, const char *name, dnb_status status, dnb_err *err)
{
    const char **names = dnb_alloc(t->n_columns, sizeof *names);
    if (!names)
        return status; /* the message stands without the hint */
    for (size_t i = 0; i < t->n_columns; i++)
        names[i] = t->columns[i].name;
    (void)dnb_fail_suggest(err, status, name, names, t->n_columns);
    dnb_free(names);
    return status;
}

dnb_status dnb_table_numbers(const dnb_table *t, const char *name, double *values,
                             const char *where, dnb_err *err)
{
    const dnb_column *c = dnb_table_find(t, name);
    if (!where)
        where = "table";
    if (!c) {
        dnb_status status = dnb_fail(err, DNB_ENOTFOUND, "%s: no column '%s'", where, name);
        return dnb_table_suggest(t, name, status, err);
    }
    if (c->kind == DNB_COLUMN_TEXT)
        return dnb_fail(err, DNB_EARG, "%s: column '%s' holds text, expected numbers", where, name);
    for (size_t i = 0; i < t->n_rows; i++)
        values[i] = c->kind == DNB_COLUMN_INT ? (double)c->ints[i] : c->reals[i];
    return DNB_OK;
}

/* Fills column `to` (n rows, blank) from rows of `from`. */
static dnb_status take_values(dnb_column *to, const dnb_column *from, const size_t *rows, size_t n,
                              dnb_err *err)
{
    for (size_t i = 0; i < n; i++) {
        switch (from->kind) {
        case DNB_COLUMN_REAL:
            to->reals[i] = from->reals[rows[i]];
            break;
        case DNB_COLUMN_INT:
            to->ints[i] = from->ints[rows[i]];
            break;
        case DNB_COLUMN_TEXT:
            to->texts[i] = dnb_strdup(from->texts[rows[i]]);
            if (!to->texts[i])
                return dnb_fail_memory(err, "column", strlen(from->texts[rows[i]]) + 1);
            break;
        }
    }
    return DNB_OK;
}

dnb_status dnb_table_take(dnb_table *out, const dnb_table *t, const size_t *rows, size_t n,
                          dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_table part = {.n_rows = n};
    for (size_t i = 0; i < n; i++)
        if (rows[i] >= t->n_rows)
            return dnb_fail(err, DNB_EARG, "row %zu is out of range 0..%zu", rows[i],
                            t->n_rows ? t->n_rows - 1 : 0);
    for (size_t k = 0; k < t->n_columns; k++) {
        dnb_column *c = NULL;
        DNB_TRY(dnb_table_add_blank(&part, t->columns[k].name, t->columns[k].kind, &c, err));
        DNB_TRY(take_values(c, &t->columns[k], rows, n, err));
    }
    if (t->provenance && !(part.provenance = dnb_strdup(t->provenance))) {
        status = dnb_fail_memory(err, "provenance", strlen(t->provenance) + 1);
        goto done;
    }
    *out = part;
    part = (dnb_table){0};
done:
    dnb_table_release(&part);
    return status;
}
