/* Columns of stimulus lists and tables, by name: as numbers, and as whole-numbered classes. */
#ifndef DNB_CLI_COLUMNS_H
#define DNB_CLI_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include <dnnbrain/table.h>

/* A .stim.csv (by its suffix) or any other table, read whole; dnb_table_release. */
dnb_status cli_table_read(dnb_table *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* The column; DNB_ENOTFOUND names the nearest ones. */
dnb_status cli_column_find(const dnb_column **out, const dnb_table *t, const char *path,
                           const char *name, dnb_err *err) DNB_MUST_CHECK;

/* Classes of rows. */
typedef struct cli_codes {
    size_t n;
    int64_t *value; /* n: the number itself, or the text's place among the sorted texts */
    size_t n_names;
    char **names; /* of text columns: n_names, ascending; NULL for numbers */
} cli_codes;

/* Numbers must be whole: DNB_EARG names the first that is not. */
dnb_status cli_codes_of(cli_codes *out, const dnb_column *c, size_t n, const char *path,
                        dnb_err *err) DNB_MUST_CHECK;
void cli_codes_release(cli_codes *c);
/* Names of the classes there are, ascending: texts, or numbers as text. Free with
 * cli_codes_names_free. */
dnb_status cli_codes_names(char ***out, size_t *count, const cli_codes *c,
                           dnb_err *err) DNB_MUST_CHECK;
void cli_codes_names_free(char **names, size_t count);
/* How many classes there are, and how many rows the commonest has. */
dnb_status cli_codes_count(size_t *n_classes, size_t *most, const cli_codes *c,
                           dnb_err *err) DNB_MUST_CHECK;

/* Drops the columns of y (n x *m) that do not vary, in place: *m are left, and varying (free() it)
 * says which they were. DNB_EARG when none is left; `path` is for the message. */
dnb_status cli_drop_constant(size_t **varying, double *y, size_t n, size_t *m, const char *path,
                             dnb_err *err) DNB_MUST_CHECK;

/* FILE:COLUMN, cut at the last colon; the file has to list n rows. */
dnb_status cli_codes_named(cli_codes *out, const char *option, const char *word, size_t n,
                           const char *than, dnb_err *err) DNB_MUST_CHECK;

#endif
