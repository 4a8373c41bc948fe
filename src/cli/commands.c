/* The list of subcommands. */
#include "commands.h"

#include <string.h>

extern const cli_command cmd_act, cmd_mask, cmd_pool, cmd_fe, cmd_rdm, cmd_roi, cmd_rsa, cmd_view,
    cmd_info, cmd_demo, cmd_run, cmd_encode, cmd_probe, cmd_corr, cmd_decode, cmd_predict,
    cmd_group;

const cli_command *const cli_commands[] = {
    &cmd_act,   &cmd_mask, &cmd_pool,   &cmd_fe,      &cmd_roi,   &cmd_rdm,
    &cmd_rsa,   &cmd_view, &cmd_info,   &cmd_demo,    &cmd_run,   &cmd_encode,
    &cmd_probe, &cmd_corr, &cmd_decode, &cmd_predict, &cmd_group, NULL};

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
