/* Help in every form, all made from the option tables. */
#ifndef DNB_CLI_HELP_H
#define DNB_CLI_HELP_H

#include <stdio.h>

#include "option.h"

/* `dnnbrain --help` and `dnnbrain COMMAND --help`. */
void cli_print_overview(FILE *out);
void cli_print_help(const cli_command *command, FILE *out);
/* "usage: dnnbrain act -net NET ..." in one line. */
void cli_print_usage(const cli_command *command, FILE *out);

/* Writes man/<page>.1, completions/{dnnbrain.bash,_dnnbrain} and commands.md below dir, which
 * exists with those two folders in it. */
dnb_status cli_generate_docs(const char *dir, dnb_err *err) DNB_MUST_CHECK;

#endif
