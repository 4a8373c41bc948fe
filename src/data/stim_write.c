/* Writing .stim.csv. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "base/strbuf.h"
#include "data/numtext.h"
#include "data/stim_own.h"
#include "data/textfile.h"

/* Can this text stand between two commas and be read back as it is? */
static bool fits_field(const char *s)
{
    return !strpbrk(s, ",\r\n") && dnb_is_trimmed(s);
}

/* A JSON text with each '=' written as its \\u escape: only texts hold one, so the value stays the
 * same, and readers that cut header lines at every '=' see one key and one value. */
static void add_provenance(dnb_strbuf *b, const char *json)
{
    dnb_strbuf_add(b, "provenance=");
    for (; *json; json++)
        if (*json == '=')
            dnb_strbuf_add(b, "\\u003d");
        else
            dnb_strbuf_addn(b, json, 1);
    dnb_strbuf_add(b, "\n");
}

static dnb_status add_header(dnb_strbuf *b, const dnb_stim *s, const char *path,
                             const char *provenance, dnb_err *err)
{
    if (strpbrk(s->path, "\r\n") || !dnb_is_trimmed(s->path) ||
        (provenance && strpbrk(provenance, "\r\n")))
        return dnb_fail(
            err, DNB_EARG,
            "%s: a header value with a line break or blanks at its ends cannot be written", path);
    dnb_strbuf_addf(b, "type=%s\npath=%s\n", dnb_stim_type_name(s->type), s->path);
    for (size_t i = 0; i < s->n_meta; i++)
        if (!provenance || strcmp(s->meta[i].key, "provenance") != 0)
            dnb_strbuf_addf(b, "%s=%s\n", s->meta[i].key, s->meta[i].value);
    if (provenance)
        add_provenance(b, provenance);
    dnb_strbuf_add(b, "data=");
    for (size_t k = 0; k < s->data.n_columns; k++) {
        const char *name = s->data.columns[k].name;
        if (!fits_field(name))
            return dnb_fail(err, DNB_EARG,
                            "%s: column name '%s' cannot be written: no comma, line break or "
                            "blank at its ends",
                            path, name);
        dnb_strbuf_addf(b, "%s%s", k ? "," : "", name);
    }
    dnb_strbuf_add(b, "\n");
    return DNB_OK;
}

static dnb_status add_row(dnb_strbuf *b, const dnb_stim *s, size_t row, const char *path,
                          dnb_err *err)
{
    char number[DNB_REAL_TEXT];
    for (size_t k = 0; k < s->data.n_columns; k++) {
        const dnb_column *c = &s->data.columns[k];
        if (k)
            dnb_strbuf_add(b, ",");
        if (c->kind == DNB_COLUMN_INT) {
            dnb_strbuf_addf(b, "%" PRId64, c->ints[row]);
        } else if (c->kind == DNB_COLUMN_REAL) {
            dnb_strbuf_add(b, dnb_real_to_text(c->reals[row], number));
        } else if (fits_field(c->texts[row])) {
            dnb_strbuf_add(b, c->texts[row]);
        } else {
            return dnb_fail(err, DNB_EARG,
                            "%s: %s '%s' of stimulus %zu cannot be written: no comma, line break "
                            "or blank at its ends",
                            path, c->name, c->texts[row], row + 1);
        }
    }
    dnb_strbuf_add(b, "\n");
    return DNB_OK;
}

dnb_status dnb_stim_write(const dnb_stim *s, const char *path, const dnb_save_options *options,
                          dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_strbuf b = {0};
    dnb_c_locale locale = dnb_c_locale_enter();
    DNB_TRY(add_header(&b, s, path, options ? options->provenance : NULL, err));
    for (size_t i = 0; i < s->data.n_rows; i++)
        DNB_TRY(add_row(&b, s, i, path, err));
    status = b.failed ? dnb_fail_memory(err, "stimulus list", b.len)
                      : dnb_file_write(path, b.text, b.len, err);
done:
    dnb_c_locale_leave(locale);
    dnb_strbuf_release(&b);
    return status;
}
