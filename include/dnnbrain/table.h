/* Tables: named columns of real numbers, whole numbers or text, and their .tsv/.csv files.
 * room: data */
#ifndef DNNBRAIN_TABLE_H
#define DNNBRAIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/save.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_column_kind {
    DNB_COLUMN_REAL = 0,
    DNB_COLUMN_INT,
    DNB_COLUMN_TEXT
} dnb_column_kind;

/* One column of n_rows values; exactly the pointer that `kind` names is not NULL. */
typedef struct dnb_column {
    char *name;
    dnb_column_kind kind;
    double *reals;
    int64_t *ints;
    char **texts;
} dnb_column;

/* Owns everything it points to. Zero-initialise, then dnb_table_init or dnb_table_read; free with
 * dnb_table_release. Readers may look into the struct; change it only through the functions below.
 */
typedef struct dnb_table {
    size_t n_rows, n_columns;
    dnb_column *columns;
    char *provenance; /* the JSON of a "# provenance: {...}" line, or NULL */
} dnb_table;

/* An empty table for columns of n_rows values. Cannot fail. */
DNB_API void dnb_table_init(dnb_table *t, size_t n_rows);
DNB_API void dnb_table_release(dnb_table *t);
/* Adds a copy of n_rows values as the last column. DNB_EARG for an empty or repeated name. */
DNB_API dnb_status dnb_table_add_real(dnb_table *t, const char *name, const double *values,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_table_add_int(dnb_table *t, const char *name, const int64_t *values,
                                     dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_table_add_text(dnb_table *t, const char *name, const char *const *values,
                                      dnb_err *err) DNB_MUST_CHECK;
/* The column of that name (case matters), or NULL. Valid until a column is added. */
DNB_API const dnb_column *dnb_table_find(const dnb_table *t, const char *name);
/* Copies a REAL or INT column into values[n_rows]. DNB_ENOTFOUND (with the nearest names) or
 * DNB_EARG (a text column) otherwise; `where` opens the message, for example a file name (NULL =
 * "table"). */
DNB_API dnb_status dnb_table_numbers(const dnb_table *t, const char *name, double *values,
                                     const char *where, dnb_err *err) DNB_MUST_CHECK;
/* out = the n rows named by rows[] (0-based, any order, repeats allowed), all columns. */
DNB_API dnb_status dnb_table_take(dnb_table *out, const dnb_table *t, const size_t *rows, size_t n,
                                  dnb_err *err) DNB_MUST_CHECK;

typedef struct dnb_table_options {
    char separator; /* 0 = a tab in a .tsv or when the header has one, else a comma in a .csv or
                     * when the header has one, else blanks */
    bool no_header; /* columns are then named "1", "2", ... */
} dnb_table_options;

/* Reads a table with a header line. Lines starting with '#' and blank lines are skipped; CRLF and a
 * UTF-8 byte order mark are accepted; with commas, "quoted, ""text""" as spreadsheets write it (a
 * quoted field stays on one line). A column is INT when every field is a whole number, REAL when
 * every field is a number or missing (empty, "n/a", "nan"; kept as NaN), else TEXT. A row with too
 * few or many fields is DNB_EFORMAT, with its line. options may be NULL. Cost: one pass; memory
 * about four times the file. */
DNB_API dnb_status dnb_table_read(dnb_table *out, const char *path,
                                  const dnb_table_options *options, dnb_err *err) DNB_MUST_CHECK;
/* Writes atomically: tabs, or commas when path ends in .csv. First line "# provenance: {...}" when
 * options->provenance (else t->provenance) is set. Reals in the shortest form that reads back the
 * same bits. DNB_EARG when a text cannot be written (a line break anywhere; in a .tsv a tab, blanks
 * at its ends, a leading '#'). */
DNB_API dnb_status dnb_table_write(const dnb_table *t, const char *path,
                                   const dnb_save_options *options, dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
