/* -show and -cuda: what a machine may or may not have. */
#ifndef DNB_CLI_SHOW_H
#define DNB_CLI_SHOW_H

#include <dnnbrain/net.h>

#include "context.h"

/* Opens a figure with the desktop's viewer when there is a display; else says where the file is. */
void cli_show(cli_context *ctx, const char *path);

/* The back end for a -cuda flag: a GPU one when this build has it and the machine too, else one
 * line of warning and the CPU. */
dnb_backend cli_backend(cli_context *ctx, bool cuda);

#endif
