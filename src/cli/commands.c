/* The list of subcommands. */
#include "commands.h"

#include <string.h>

const cli_command *const cli_commands[] = {NULL};

const cli_command *cli_find_command(const char *name)
{
    for (const cli_command *const *c = cli_commands; *c; c++) {
        if (strcmp((*c)->name, name) == 0)
            return *c;
        for (const char *const *a = (*c)->aliases; a && *a; a++)
            if (strcmp(*a, name) == 0)
                return *c;
    }
    return NULL;
}
