/* Activation file in, activation file out: units selected, then maybe pooled, a block of stimuli at
 * a time. */
#ifndef DNB_CLI_RESELECT_H
#define DNB_CLI_RESELECT_H

#include "units.h"

/* pool: "max", ... or NULL. */
dnb_status cli_reselect(const char *act, const cli_units *units, const char *pool, const char *out,
                        bool compress, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

#endif
