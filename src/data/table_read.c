/* Tables from .tsv, .csv and blank-separated text. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/path.h"
#include "data/numtext.h"
#include "data/table_own.h"
#include "data/textfile.h"

/* Fields of all rows, row after row, pointing into the file's text. */
typedef struct grid {
    char separator;
    size_t n_rows, n_columns;
    char **cells;
    size_t cap; /* rows that cells has room for */
} grid;

static const char provenance_mark[] = "# provenance: ";

/* A line of tabs alone is a row of empty fields where tabs separate columns. */
static bool is_blank_line(const char *s, const grid *g)
{
    const char *blanks = g->separator == '\t' && g->n_columns > 1 ? " " : " \t";
    return s[strspn(s, blanks)] == '\0';
}

/* The next line that is neither blank nor a comment; notes the provenance comment on the way. */
static char *next_row(dnb_textfile *f, const grid *g, const char **provenance)
{
    for (char *line; (line = dnb_textfile_next(f));) {
        size_t mark = sizeof provenance_mark - 1;
        if (line[0] == '#') {
            if (!*provenance && strncmp(line, provenance_mark, mark) == 0)
                *provenance = line + mark;
        } else if (!is_blank_line(line, g)) {
            return line;
        }
    }
    return NULL;
}

/* Cuts a "quoted" field (s points behind its opening quote) in place; *rest = what follows the
 * separator. NULL when the closing quote is missing or followed by something else. */
static char *cut_quoted(char *s, char **rest, char separator)
{
    char *to = s, *from = s;
    bool closed = false;
    while (*from && !closed) {
        if (from[0] == '"' && from[1] != '"') {
            closed = true;
        } else {
            from += from[0] == '"'; /* two quotes stand for one */
            *to++ = *from;
        }
        from++;
    }
    if (!closed)
        return NULL;
    from += strspn(from, " ");
    if (*from != '\0' && *from != separator)
        return NULL;
    *rest = *from ? from + 1 : NULL;
    *to = '\0';
    return s;
}

/* Cuts the next field; NULL with *rest untouched for a broken quoted one. */
static char *cut(char **rest, char separator)
{
    char *s = *rest;
    if (separator == ' ') {
        s += strspn(s, " \t");
        char *stop = s + strcspn(s, " \t");
        char *after = stop + strspn(stop, " \t");
        *rest = *after ? after : NULL;
        *stop = '\0';
        return dnb_trim(s);
    }
    size_t lead = strspn(s, " ");
    if (separator == ',' && s[lead] == '"')
        return cut_quoted(s + lead + 1, rest, separator);
    return dnb_cut_field(rest, separator);
}

static char sniff(const char *path, const char *header)
{
    if (dnb_path_has_suffix(path, ".tsv") || strchr(header, '\t'))
        return '\t';
    return strchr(header, ',') || dnb_path_has_suffix(path, ".csv") ? ',' : ' ';
}

/* Cuts one line into the grid's next row; the first row fixes the number of columns. */
static dnb_status add_row(grid *g, dnb_textfile *f, char *line, dnb_err *err)
{
    char **row = NULL;
    size_t n = 0;
    if (g->n_columns == 0) {
        size_t most = 1;
        for (const char *s = line; *s; s++)
            most += *s == g->separator || *s == '\t';
        g->cells = dnb_alloc(most, sizeof *g->cells);
        if (!g->cells)
            return dnb_fail_memory(err, "table header", most * sizeof *g->cells);
        g->cap = 1;
        g->n_columns = most;
    } else if (g->n_rows == g->cap) {
        size_t cap = g->cap * 2, cells;
        char **grown = dnb_mul_size(&cells, cap, g->n_columns)
                           ? dnb_realloc(g->cells, cells, sizeof *g->cells)
                           : NULL;
        if (!grown)
            return dnb_fail_memory(err, "table", cap * sizeof *g->cells);
        g->cells = grown;
        g->cap = cap;
    }
    row = g->cells + g->n_rows * g->n_columns;
    for (char *rest = line; rest; n++) {
        char *field = cut(&rest, g->separator);
        if (!field)
            return dnb_textfile_fail(f, err, "field %zu: a quote is not closed on its line", n + 1);
        if (n < g->n_columns)
            row[n] = field;
    }
    if (g->n_rows == 0)
        g->n_columns = n;
    else if (n != g->n_columns)
        return dnb_textfile_fail(f, err, "%zu fields, expected %zu as in the header%s", n,
                                 g->n_columns,
                                 g->separator == ',' && strchr(g->cells[0], ';')
                                     ? ", which has ';' between its columns: save the table with "
                                       "commas, and numbers with a decimal point"
                                     : "");
    g->n_rows++;
    return DNB_OK;
}

static bool is_missing(const char *s)
{
    return !*s || strcasecmp(s, "n/a") == 0 || strcasecmp(s, "na") == 0;
}

/* INT if all are whole numbers, REAL if all are numbers or missing, else TEXT. cells[0],
 * cells[step], ... */
static dnb_column_kind kind_of(char *const *cells, size_t n, size_t step)
{
    dnb_column_kind kind = n ? DNB_COLUMN_INT : DNB_COLUMN_REAL;
    for (size_t i = 0; i < n; i++) {
        const char *s = cells[i * step];
        int64_t whole;
        double real;
        if (kind == DNB_COLUMN_INT && dnb_text_to_int(s, &whole))
            continue;
        kind = DNB_COLUMN_REAL;
        if (!is_missing(s) && !dnb_text_to_real(s, &real))
            return DNB_COLUMN_TEXT;
    }
    return kind;
}

static dnb_status fill(dnb_column *c, char *const *cells, size_t n, size_t step, dnb_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *s = cells[i * step];
        if (c->kind == DNB_COLUMN_INT) {
            (void)dnb_text_to_int(s, &c->ints[i]);
        } else if (c->kind == DNB_COLUMN_REAL) {
            if (!dnb_text_to_real(s, &c->reals[i]))
                c->reals[i] = NAN;
        } else if (!(c->texts[i] = dnb_strdup(s))) {
            return dnb_fail_memory(err, "table", strlen(s) + 1);
        }
    }
    return DNB_OK;
}

/* Columns from the grid; row 0 is the header unless names are to be numbers. */
static dnb_status build(dnb_table *t, const grid *g, bool numbered, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t first = numbered ? 0 : 1;
    dnb_table_init(t, g->n_rows - first);
    for (size_t k = 0; k < g->n_columns; k++) {
        char *const *cells = g->cells + first * g->n_columns + k;
        char number[DNB_REAL_TEXT];
        dnb_real_to_text((double)(k + 1), number);
        dnb_column *c = NULL;
        status = dnb_table_add_blank(t, numbered ? number : g->cells[k],
                                     kind_of(cells, t->n_rows, g->n_columns), &c, err);
        if (status == DNB_EARG) /* an empty or repeated name is the file's fault */
            status = dnb_fail_prefix(err, DNB_EFORMAT, "%s: header, field %zu", path, k + 1);
        if (status == DNB_OK)
            status = fill(c, cells, t->n_rows, g->n_columns, err);
        if (status != DNB_OK)
            break;
    }
    return status;
}

dnb_status dnb_table_read(dnb_table *out, const char *path, const dnb_table_options *options,
                          dnb_err *err)
{
    const dnb_table_options none = {0};
    dnb_status status = DNB_OK;
    dnb_textfile f = {0};
    dnb_table t = {0};
    grid g = {0};
    const char *provenance = NULL;
    dnb_c_locale locale = dnb_c_locale_enter();
    options = options ? options : &none;
    DNB_TRY(dnb_textfile_open(&f, path, err));
    for (char *line; (line = next_row(&f, &g, &provenance));) {
        if (g.n_rows == 0)
            g.separator = options->separator ? options->separator : sniff(path, line);
        DNB_TRY(add_row(&g, &f, line, err));
    }
    if (g.n_rows == 0) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: no header line; the file is empty", path);
        goto done;
    }
    DNB_TRY(build(&t, &g, options->no_header, path, err));
    if (provenance && !(t.provenance = dnb_strdup(provenance))) {
        status = dnb_fail_memory(err, "provenance", strlen(provenance) + 1);
        goto done;
    }
    *out = t;
    t = (dnb_table){0};
done:
    dnb_c_locale_leave(locale);
    dnb_textfile_close(&f);
    dnb_table_release(&t);
    dnb_free(g.cells);
    return status;
}
