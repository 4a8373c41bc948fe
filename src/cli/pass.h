/* One pass of a command's stimuli through its network. */
#ifndef DNB_CLI_PASS_H
#define DNB_CLI_PASS_H

#include <dnnbrain/scan.h>

#include "net_options.h"
#include "units.h"

typedef struct cli_pass {
    const dnb_net *net;
    const cli_unit_set *units;
    const cli_images *images;
    const char *pool; /* NULL = no pooling */
    size_t batch;     /* 0 = chosen from the memory budget */
    dnb_backend backend;
    dnb_precision precision; /* what cli_precision gave */
} cli_pass;

/* Which units a layer has once they are selected and pooled. */
dnb_scan_layer cli_pass_layer(const cli_pass *pass, size_t i);
/* The byte plan, not printed. */
dnb_status cli_pass_plan(dnb_scan_plan *plan, const cli_pass *pass, dnb_sink *sink,
                         cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Runs it and records the stimuli's hash, the precision and its error in the provenance. */
dnb_status cli_pass_run(const cli_pass *pass, dnb_sink *sink, cli_context *ctx,
                        dnb_err *err) DNB_MUST_CHECK;

#endif
