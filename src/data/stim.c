/* Stimulus lists in memory: columns, header lines, files. */
#include "data/stim_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strbuf.h"
#include "data/numtext.h"
#include "data/table_own.h"
#include "data/textfile.h"
#include "dnnbrain/provenance.h"

const char *dnb_stim_type_name(dnb_stim_type type)
{
    static const char *const names[] = {"image", "video", "video_clip"};
    return (unsigned)type < 3 ? names[type] : "unknown";
}

dnb_column_kind dnb_stim_column_kind(const char *name)
{
    if (strcmp(name, DNB_STIM_ID) == 0 || strcmp(name, DNB_STIM_CONDITION) == 0)
        return DNB_COLUMN_TEXT;
    return strcmp(name, DNB_STIM_LABEL) == 0 ? DNB_COLUMN_INT : DNB_COLUMN_REAL;
}

void dnb_stim_release(dnb_stim *s)
{
    for (size_t i = 0; i < s->n_meta; i++) {
        dnb_free(s->meta[i].key);
        dnb_free(s->meta[i].value);
    }
    dnb_free(s->meta);
    dnb_free(s->path);
    dnb_free(s->root);
    dnb_free(s->file);
    dnb_free(s->frames);
    dnb_table_release(&s->data);
    *s = (dnb_stim){0};
}

dnb_status dnb_stim_init(dnb_stim *out, dnb_stim_type type, const char *path, size_t n,
                         const char *const *ids, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_stim s = {.type = type};
    dnb_table_init(&s.data, n);
    if (n == 0)
        return dnb_fail(err, DNB_EARG, "a stimulus list needs at least one stimulus");
    s.path = dnb_strdup(path);
    s.root = dnb_strdup(path);
    if (!s.path || !s.root) {
        status = dnb_fail_memory(err, "stimulus list", strlen(path) + 1);
        goto done;
    }
    DNB_TRY(dnb_table_add_text(&s.data, DNB_STIM_ID, ids, err));
    if (type == DNB_STIM_VIDEO) {
        DNB_NEW(s.frames, n, "frame numbers");
        for (size_t i = 0; i < n; i++)
            if (!dnb_text_to_int(ids[i], &s.frames[i]) || s.frames[i] < 1) {
                status = dnb_fail(err, DNB_EARG, "stimID '%.60s' is not a frame number", ids[i]);
                goto done;
            }
    }
    *out = s;
    s = (dnb_stim){0};
done:
    dnb_stim_release(&s);
    return status;
}

const char *dnb_stim_get_meta(const dnb_stim *s, const char *key)
{
    for (size_t i = 0; i < s->n_meta; i++)
        if (strcmp(s->meta[i].key, key) == 0)
            return s->meta[i].value;
    return NULL;
}

dnb_status dnb_stim_set_meta(dnb_stim *s, const char *key, const char *value, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char *k = NULL, *v = NULL;
    dnb_stim_meta *slot = NULL;
    if (!*key || strpbrk(key, "=\r\n") || strpbrk(value, "\r\n") || !dnb_is_trimmed(key) ||
        !dnb_is_trimmed(value) || strcmp(key, "type") == 0 || strcmp(key, "path") == 0 ||
        strcmp(key, "data") == 0)
        return dnb_fail(err, DNB_EARG, "'%.60s=' cannot be a header line of a stimulus list", key);
    for (size_t i = 0; i < s->n_meta; i++)
        if (strcmp(s->meta[i].key, key) == 0)
            slot = &s->meta[i];
    k = dnb_strdup(key);
    v = dnb_strdup(value);
    if (k && v && !slot) {
        dnb_stim_meta *grown = dnb_realloc(s->meta, s->n_meta + 1, sizeof *grown);
        if (grown) {
            s->meta = grown;
            slot = &grown[s->n_meta++];
            *slot = (dnb_stim_meta){0};
        }
    }
    if (!k || !v || !slot) {
        status = dnb_fail_memory(err, "header line", strlen(value) + 1);
    } else {
        dnb_free(slot->key);
        dnb_free(slot->value);
        *slot = (dnb_stim_meta){.key = k, .value = v};
        k = v = NULL;
    }
    dnb_free(k);
    dnb_free(v);
    return status;
}

dnb_status dnb_stim_add_labels(dnb_stim *s, const int64_t *labels, dnb_err *err)
{
    return dnb_table_add_int(&s->data, DNB_STIM_LABEL, labels, err);
}

dnb_status dnb_stim_add_conditions(dnb_stim *s, const char *const *conditions, dnb_err *err)
{
    return dnb_table_add_text(&s->data, DNB_STIM_CONDITION, conditions, err);
}

dnb_status dnb_stim_add_real(dnb_stim *s, const char *name, const double *values, dnb_err *err)
{
    if (dnb_stim_column_kind(name) != DNB_COLUMN_REAL)
        return dnb_fail(err, DNB_EARG, "column '%s' of a stimulus list does not hold reals", name);
    return dnb_table_add_real(&s->data, name, values, err);
}

size_t dnb_stim_count(const dnb_stim *s)
{
    return s->data.n_rows;
}

const char *dnb_stim_id(const dnb_stim *s, size_t i)
{
    const dnb_column *c = dnb_table_find(&s->data, DNB_STIM_ID);
    return c ? c->texts[i] : "";
}

dnb_status dnb_stim_file(const dnb_stim *s, size_t i, char **out, dnb_err *err)
{
    char *file =
        s->type == DNB_STIM_VIDEO ? dnb_strdup(s->root) : dnb_path_join(s->root, dnb_stim_id(s, i));
    if (!file)
        return dnb_fail_memory(err, "path", strlen(s->root));
    *out = file;
    return DNB_OK;
}

void dnb_stim_free_file(char *file)
{
    dnb_free(file);
}

const int64_t *dnb_stim_labels(const dnb_stim *s)
{
    const dnb_column *c = dnb_table_find(&s->data, DNB_STIM_LABEL);
    return c ? c->ints : NULL;
}

char *const *dnb_stim_conditions(const dnb_stim *s)
{
    const dnb_column *c = dnb_table_find(&s->data, DNB_STIM_CONDITION);
    return c ? c->texts : NULL;
}

static const char *list_name(const dnb_stim *s)
{
    return s->file ? s->file : "stimulus list";
}

dnb_status dnb_stim_numbers(const dnb_stim *s, const char *column, double *values, dnb_err *err)
{
    return dnb_table_numbers(&s->data, column, values, list_name(s), err);
}

dnb_status dnb_stim_take(dnb_stim *out, const dnb_stim *s, const size_t *rows, size_t n,
                         dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_stim part = {.type = s->type};
    if (n == 0)
        return dnb_fail(err, DNB_EARG, "a stimulus list needs at least one stimulus");
    DNB_TRY(dnb_table_take(&part.data, &s->data, rows, n, err));
    part.path = dnb_strdup(s->path);
    part.root = dnb_strdup(s->root);
    if (!part.path || !part.root) {
        status = dnb_fail_memory(err, "stimulus list", strlen(s->root) + 1);
        goto done;
    }
    for (size_t i = 0; i < s->n_meta; i++)
        DNB_TRY(dnb_stim_set_meta(&part, s->meta[i].key, s->meta[i].value, err));
    if (s->frames) {
        DNB_NEW(part.frames, n, "frame numbers");
        for (size_t i = 0; i < n; i++)
            part.frames[i] = s->frames[rows[i]];
    }
    *out = part;
    part = (dnb_stim){0};
done:
    dnb_stim_release(&part);
    return status;
}

dnb_status dnb_stim_check_files(const dnb_stim *s, dnb_err *err)
{
    size_t missing = 0, files = s->type == DNB_STIM_VIDEO ? 1 : dnb_stim_count(s);
    char *first = NULL;
    for (size_t i = 0; i < files; i++) {
        char *file = NULL;
        dnb_status status = dnb_stim_file(s, i, &file, err);
        if (status != DNB_OK) {
            dnb_free(first);
            return status;
        }
        if (dnb_path_exists(file) && !dnb_path_is_dir(file)) {
            dnb_free(file);
        } else if (missing++ == 0) {
            first = file;
        } else {
            dnb_free(file);
        }
    }
    if (missing == 0)
        return DNB_OK;
    dnb_status status = dnb_fail(
        err, DNB_EIO,
        "%s: %s does not exist (%zu of %zu stimulus files are missing); path=%s is looked for in "
        "the working directory, then beside the list",
        list_name(s), first, missing, files, s->path);
    dnb_free(first);
    return status;
}

/* A field with its length in front, so that no two lists share a text. */
static void add_part(dnb_strbuf *b, const char *text)
{
    dnb_strbuf_addf(b, "%zu:", strlen(text));
    dnb_strbuf_add(b, text);
}

static dnb_status add_file(dnb_strbuf *b, const dnb_stim *s, size_t i, dnb_err *err)
{
    struct stat st;
    char *file = NULL;
    dnb_status status = dnb_stim_file(s, i, &file, err);
    if (status != DNB_OK)
        return status;
    if (stat(file, &st) == 0)
        dnb_strbuf_addf(b, "%lld@%lld.%09ld;", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                        (long)st.st_mtim.tv_nsec);
    dnb_free(file);
    return DNB_OK;
}

dnb_status dnb_stim_hash(const dnb_stim *s, char out[33], dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_strbuf b = {0};
    char number[DNB_REAL_TEXT];
    dnb_c_locale locale = dnb_c_locale_enter();
    add_part(&b, dnb_stim_type_name(s->type));
    add_part(&b, s->root);
    for (size_t k = 0; k < s->data.n_columns; k++) {
        const dnb_column *c = &s->data.columns[k];
        add_part(&b, c->name);
        for (size_t i = 0; i < s->data.n_rows; i++) {
            if (c->kind == DNB_COLUMN_TEXT)
                add_part(&b, c->texts[i]);
            else if (c->kind == DNB_COLUMN_INT)
                dnb_strbuf_addf(&b, "%lld,", (long long)c->ints[i]);
            else
                dnb_strbuf_addf(&b, "%s,", dnb_real_to_text(c->reals[i], number));
        }
    }
    for (size_t i = 0; i < (s->type == DNB_STIM_VIDEO ? 1 : s->data.n_rows); i++)
        DNB_TRY(add_file(&b, s, i, err));
    if (b.failed) {
        status = dnb_fail_memory(err, "stimulus hash", b.len);
        goto done;
    }
    dnb_hash_bytes(b.text, b.len, out);
done:
    dnb_c_locale_leave(locale);
    dnb_strbuf_release(&b);
    return status;
}
