/* Tables to .tsv and .csv. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "base/path.h"
#include "base/strbuf.h"
#include "data/numtext.h"
#include "data/table_own.h"
#include "data/textfile.h"

/* Adds one text field; false when this kind of file cannot hold it. `first` = it opens its line,
 * `only` = it is the whole line: a leading '#' would then read as a comment, an empty line as none.
 */
static bool add_text(dnb_strbuf *b, const char *s, char separator, bool first, bool only)
{
    size_t n = strlen(s);
    bool edge = !dnb_is_trimmed(s);
    bool hidden = (first && s[0] == '#') || (only && n == 0);
    if (strpbrk(s, "\r\n") || (separator == '\t' && (strchr(s, '\t') || hidden || edge)))
        return false;
    if (separator == '\t' || !(strpbrk(s, ",\"") || edge || hidden)) {
        dnb_strbuf_addn(b, s, n);
        return true;
    }
    dnb_strbuf_add(b, "\"");
    for (; *s; s++)
        dnb_strbuf_addn(b, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    dnb_strbuf_add(b, "\"");
    return true;
}

static dnb_status add_cell(dnb_strbuf *b, const dnb_table *t, size_t row, size_t k, char separator,
                           const char *path, dnb_err *err)
{
    const dnb_column *c = &t->columns[k];
    char number[DNB_REAL_TEXT];
    switch (c->kind) {
    case DNB_COLUMN_INT:
        dnb_strbuf_addf(b, "%" PRId64, c->ints[row]);
        break;
    case DNB_COLUMN_REAL:
        dnb_strbuf_add(b, dnb_real_to_text(c->reals[row], number));
        break;
    case DNB_COLUMN_TEXT:
        if (!add_text(b, c->texts[row], separator, k == 0, t->n_columns == 1))
            return dnb_fail(
                err, DNB_EARG,
                "%s: column '%s', row %zu: this text cannot be written (a line break, or in "
                "a .tsv a tab, blanks at its ends, a leading '#' or an empty line)",
                path, c->name, row + 1);
        break;
    }
    return DNB_OK;
}

static dnb_status add_header(dnb_strbuf *b, const dnb_table *t, char separator, const char *path,
                             dnb_err *err)
{
    for (size_t k = 0; k < t->n_columns; k++) {
        if (k)
            dnb_strbuf_addn(b, &separator, 1);
        if (strchr(t->columns[k].name, '\t') ||
            !add_text(b, t->columns[k].name, separator, k == 0, false))
            return dnb_fail(err, DNB_EARG,
                            "%s: column name '%s' cannot be written: no tab, line break, "
                            "leading '#' or blank at its ends",
                            path, t->columns[k].name);
    }
    dnb_strbuf_add(b, "\n");
    return DNB_OK;
}

/* Hands the text over to the file once there is a good deal of it (or at the end). */
static dnb_status flush(dnb_strbuf *b, dnb_outfile *f, size_t least, dnb_err *err)
{
    if (b->failed)
        return dnb_fail_memory(err, "table text", b->len);
    if (b->len < least)
        return DNB_OK;
    dnb_status status = dnb_outfile_write(f, b->text, b->len, err);
    b->len = 0;
    return status;
}

dnb_status dnb_table_write(const dnb_table *t, const char *path, const dnb_save_options *options,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_outfile *f = NULL;
    dnb_strbuf b = {0};
    const char *provenance = options && options->provenance ? options->provenance : t->provenance;
    char separator = dnb_path_has_suffix(path, ".csv") ? ',' : '\t';
    dnb_c_locale locale = dnb_c_locale_enter();
    if (t->n_columns == 0) {
        status = dnb_fail(err, DNB_EARG, "%s: a table without columns cannot be written", path);
        goto done;
    }
    DNB_TRY(dnb_outfile_open(&f, path, err));
    if (provenance) {
        if (strpbrk(provenance, "\r\n")) {
            status = dnb_fail(err, DNB_EARG, "%s: the provenance has a line break", path);
            goto done;
        }
        dnb_strbuf_addf(&b, "# provenance: %s\n", provenance);
    }
    DNB_TRY(add_header(&b, t, separator, path, err));
    for (size_t i = 0; i < t->n_rows; i++) {
        for (size_t k = 0; k < t->n_columns; k++) {
            if (k)
                dnb_strbuf_addn(&b, &separator, 1);
            DNB_TRY(add_cell(&b, t, i, k, separator, path, err));
        }
        dnb_strbuf_add(&b, "\n");
        DNB_TRY(flush(&b, f, (size_t)1 << 20, err));
    }
    DNB_TRY(flush(&b, f, 1, err));
    dnb_outfile *whole = f;
    f = NULL;
    status = dnb_outfile_commit(whole, err);
done:
    dnb_c_locale_leave(locale);
    dnb_outfile_abort(f);
    dnb_strbuf_release(&b);
    return status;
}
