/* The list of subcommands. Adding one is adding a file and a line in commands.c. */
#ifndef DNB_CLI_COMMANDS_H
#define DNB_CLI_COMMANDS_H

#include "option.h"

/* NULL-ended. */
extern const cli_command *const cli_commands[];

/* By name or alias; NULL when unknown. */
const cli_command *cli_find_command(const char *name);

#endif
