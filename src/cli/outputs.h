/* Names and small text files of a command's outputs. */
#ifndef DNB_CLI_OUTPUTS_H
#define DNB_CLI_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include <dnnbrain/status.h>

/* `out` with a suffix from `known` (NULL-ended) taken off, and `suffix` put on. free() it; NULL on
 * no memory. */
char *cli_output_name(const char *out, const char *const *known, const char *suffix);
/* dir + "/" + name; free() it. */
char *cli_join(const char *dir, const char *name);
/* Writes a file; it appears under its name only when complete. */
dnb_status cli_write_file(const char *path, const void *data, size_t size,
                          dnb_err *err) DNB_MUST_CHECK;
dnb_status cli_write_text(const char *path, const char *text, dnb_err *err) DNB_MUST_CHECK;
/* The same of a JSON value, which is deleted; NULL: memory ran out while it was made. */
dnb_status cli_write_json(const char *path, cJSON *root, dnb_err *err) DNB_MUST_CHECK;
/* Whether a column of a report holds a number at all, and not NaN alone. */
bool cli_any_number(const double *column, size_t n);
/* Creates a folder (not its parents); an existing one is fine. */
dnb_status cli_make_dir(const char *path, dnb_err *err) DNB_MUST_CHECK;

#endif
