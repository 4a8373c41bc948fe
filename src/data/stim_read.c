/* Reading .stim.csv: header lines, the data= line, the rows. */
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "data/numtext.h"
#include "data/stim_own.h"
#include "data/table_own.h"
#include "data/textfile.h"

/* What the header said. Pointers into the file's text. */
typedef struct header {
    char *type, *path, *columns;
} header;

/* Spreadsheets pad short lines with commas up to the table's width. */
static void drop_padding(char *value)
{
    size_t n = strlen(value);
    while (n > 0 && (value[n - 1] == ',' || value[n - 1] == ' '))
        value[--n] = '\0';
}

/* One `key=value` line before data=. */
static dnb_status read_meta(dnb_stim *s, header *h, dnb_textfile *f, char *line, dnb_err *err)
{
    char *value = strchr(line, '=');
    if (!value)
        return dnb_textfile_fail(f, err,
                                 "expected key=value, or data= with the column names, before the "
                                 "stimuli; got '%.60s'",
                                 line);
    *value++ = '\0';
    char *key = dnb_trim(line);
    value = dnb_trim(value);
    char **known = strcmp(key, "type") == 0   ? &h->type
                   : strcmp(key, "path") == 0 ? &h->path
                   : strcmp(key, "data") == 0 ? &h->columns
                                              : NULL;
    if (!*key)
        return dnb_textfile_fail(f, err, "nothing before '='; expected key=value");
    if (known ? *known != NULL : dnb_stim_get_meta(s, key) != NULL)
        return dnb_textfile_fail(f, err, "%s= is there twice", key);
    if (!known)
        return dnb_stim_set_meta(s, key, value, err);
    if (known != &h->columns)
        drop_padding(value);
    *known = value;
    return DNB_OK;
}

static dnb_status read_header(dnb_stim *s, header *h, dnb_textfile *f, dnb_err *err)
{
    for (char *line; !h->columns && (line = dnb_textfile_next_full(f));) {
        dnb_status status = read_meta(s, h, f, line, err);
        if (status != DNB_OK)
            return status;
    }
    if (!h->type)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: no type= line; add type=image, type=video or type=video_clip at the "
                        "top",
                        f->path);
    if (!h->path)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: no path= line; add path=FOLDER (for type=video the video file) at "
                        "the top",
                        f->path);
    if (!h->columns)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: no data= line; add data=stimID,label,... above the stimuli", f->path);
    for (int t = DNB_STIM_IMAGE; t <= DNB_STIM_VIDEO_CLIP; t++)
        if (strcmp(h->type, dnb_stim_type_name((dnb_stim_type)t)) == 0) {
            s->type = (dnb_stim_type)t;
            return DNB_OK;
        }
    return dnb_fail(err, DNB_EFORMAT,
                    "%s: type=%.60s is unknown; the types are image, video and video_clip", f->path,
                    h->type);
}

/* The list's root: a relative path is tried from the working directory, then from the list's
 * folder. */
static dnb_status resolve(char **root, const char *path, const char *file, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char *folder = NULL, *beside = NULL, *chosen = NULL;
    if (path[0] != '/' && !dnb_path_exists(path)) {
        folder = dnb_path_dir(file);
        beside = folder ? dnb_path_join(folder, path) : NULL;
        if (!beside) {
            status = dnb_fail_memory(err, "path", strlen(path) + strlen(file));
            goto done;
        }
    }
    chosen = dnb_strdup(beside && dnb_path_exists(beside) ? beside : path);
    if (!chosen)
        status = dnb_fail_memory(err, "path", strlen(path));
    else
        *root = chosen;
done:
    dnb_free(folder);
    dnb_free(beside);
    return status;
}

/* The lines below data=, and where they stand in the file. */
typedef struct row_lines {
    size_t n, cap;
    char **text;
    size_t *line;
} row_lines;

static void release_lines(row_lines *r)
{
    dnb_free(r->text);
    dnb_free(r->line);
}

/* Collects the stimulus lines. Their fields are counted before any column is allocated, so a short
 * file cannot ask for a great table. */
static dnb_status collect_lines(row_lines *r, size_t n_columns, const char *column_text,
                                dnb_textfile *f, dnb_err *err)
{
    for (char *line; (line = dnb_textfile_next_full(f)); r->n++) {
        size_t n = dnb_count_fields(line, ',');
        if (n != n_columns)
            return dnb_textfile_fail(f, err, "%zu fields, expected %zu (data=%.200s)%s", n,
                                     n_columns, column_text,
                                     n < n_columns ? ""
                                                   : "; fields are cut at every comma: decimal "
                                                     "commas and quotes are not understood");
        if (r->n == r->cap) {
            size_t cap = r->cap ? 2 * r->cap : 64;
            char **text = dnb_realloc(r->text, cap, sizeof *text);
            r->text = text ? text : r->text;
            size_t *at = text ? dnb_realloc(r->line, cap, sizeof *at) : NULL;
            if (!at)
                return dnb_fail_memory(err, "stimuli", cap * sizeof *text);
            r->line = at;
            r->cap = cap;
        }
        r->text[r->n] = line;
        r->line[r->n] = f->line;
    }
    return r->n ? DNB_OK
                : dnb_fail(err, DNB_EFORMAT, "%s: no stimuli below the data= line", f->path);
}

/* "stimID,label,..." -> blank columns of the right kinds. */
static dnb_status make_columns(dnb_stim *s, char *names, dnb_textfile *f, dnb_err *err)
{
    bool has_id = false, quotes = strchr(names, '"') != NULL;
    for (char *rest = names; rest;) {
        dnb_column *c = NULL;
        char *name = dnb_cut_field(&rest, ',');
        if (!*name)
            return dnb_textfile_fail(f, err,
                                     "data= has an empty column name (column %zu); write "
                                     "data=stimID,label,... without stray commas",
                                     s->data.n_columns + 1);
        if (dnb_table_find(&s->data, name))
            return dnb_textfile_fail(f, err, "data= names column '%s' twice", name);
        dnb_status status =
            dnb_table_add_blank(&s->data, name, dnb_stim_column_kind(name), &c, err);
        if (status != DNB_OK)
            return status;
        has_id = has_id || strcmp(name, DNB_STIM_ID) == 0;
    }
    if (!has_id)
        return dnb_textfile_fail(f, err, "data= has no column stimID; it is required%s",
                                 quotes ? " (quotes are not understood: leave them out)" : "");
    return DNB_OK;
}

/* One field into its column. */
static dnb_status read_field(dnb_stim *s, dnb_column *c, size_t row, const char *text,
                             dnb_textfile *f, dnb_err *err)
{
    bool is_id = strcmp(c->name, DNB_STIM_ID) == 0;
    switch (c->kind) {
    case DNB_COLUMN_INT:
        if (!dnb_text_to_int(text, &c->ints[row]))
            return dnb_textfile_fail(f, err, "%s '%.60s' is not a whole number", c->name, text);
        return DNB_OK;
    case DNB_COLUMN_REAL:
        if (!dnb_text_to_real(text, &c->reals[row]))
            return dnb_textfile_fail(f, err,
                                     "%s '%.60s' is not a number (only stimID and condition may "
                                     "be text; write nan where a value is missing)",
                                     c->name, text);
        return DNB_OK;
    case DNB_COLUMN_TEXT:
    default:
        if (is_id && !*text)
            return dnb_textfile_fail(f, err, "stimID is empty");
        if (is_id && s->frames && (!dnb_text_to_int(text, &s->frames[row]) || s->frames[row] < 1))
            return dnb_textfile_fail(f, err,
                                     "stimID '%.60s' is not a frame number (type=video counts "
                                     "frames from 1)",
                                     text);
        c->texts[row] = dnb_strdup(text);
        return c->texts[row] ? DNB_OK : dnb_fail_memory(err, "stimuli", strlen(text) + 1);
    }
}

static dnb_status read_rows(dnb_stim *s, const row_lines *r, dnb_textfile *f, dnb_err *err)
{
    for (size_t row = 0; row < r->n; row++) {
        char *rest = r->text[row];
        f->line = r->line[row];
        for (size_t k = 0; k < s->data.n_columns; k++) {
            const char *field = dnb_cut_field(&rest, ',');
            dnb_status status = read_field(s, &s->data.columns[k], row, field, f, err);
            if (status != DNB_OK)
                return status;
        }
    }
    return DNB_OK;
}

dnb_status dnb_stim_read(dnb_stim *out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_textfile f = {0};
    dnb_stim s = {0};
    header h = {0};
    char *column_text = NULL;
    row_lines rows = {0};
    size_t data_line = 0;
    dnb_c_locale locale = dnb_c_locale_enter();
    DNB_TRY(dnb_textfile_open(&f, path, err));
    DNB_TRY(read_header(&s, &h, &f, err));
    column_text = dnb_strdup(h.columns);
    s.path = dnb_strdup(h.path);
    s.file = dnb_strdup(path);
    if (!column_text || !s.path || !s.file) {
        status = dnb_fail_memory(err, "stimulus list", strlen(h.columns) + strlen(path));
        goto done;
    }
    DNB_TRY(resolve(&s.root, s.path, path, err));
    data_line = f.line;
    if (strchr(column_text, ';') && !strchr(column_text, ',')) {
        status = dnb_textfile_fail(&f, err,
                                   "data= has ';' between the columns; save the list with commas, "
                                   "and numbers with a decimal point");
        goto done;
    }
    DNB_TRY(collect_lines(&rows, dnb_count_fields(h.columns, ','), column_text, &f, err));
    dnb_table_init(&s.data, rows.n);
    if (s.type == DNB_STIM_VIDEO)
        DNB_NEW(s.frames, s.data.n_rows, "frame numbers");
    f.line = data_line;
    DNB_TRY(make_columns(&s, h.columns, &f, err));
    DNB_TRY(read_rows(&s, &rows, &f, err));
    *out = s;
    s = (dnb_stim){0};
done:
    dnb_c_locale_leave(locale);
    dnb_free(column_text);
    release_lines(&rows);
    dnb_textfile_close(&f);
    dnb_stim_release(&s);
    return status;
}
