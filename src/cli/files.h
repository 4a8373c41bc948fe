/* The files a command line names, looked at before any work is done. */
#ifndef DNB_CLI_FILES_H
#define DNB_CLI_FILES_H

#include "option.h"

/* Every input must be there and every output's folder, so that hours of work do not end in a name
 * that was mistyped. What changes meanwhile is still caught where files are opened. */
dnb_status cli_check_files(const cli_command *command, const void *args,
                           dnb_err *err) DNB_MUST_CHECK;

#endif
