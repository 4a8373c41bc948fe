/* dnnbrain mask (dnn_mask): a part of an activation file. */
#include "reselect.h"

typedef struct mask_args {
    const char *act, *out;
    cli_units units;
    bool compress;
} mask_args;

static const cli_option options[] = {{.name = "act",
                                      .type = CLI_INFILE,
                                      .offset = offsetof(mask_args, act),
                                      .required = true,
                                      .value = "FILE",
                                      .help = "Activation file (.act.h5)."},
                                     CLI_UNIT_OPTIONS(mask_args),
                                     {.name = "out",
                                      .type = CLI_OUTFILE,
                                      .offset = offsetof(mask_args, out),
                                      .required = true,
                                      .value = "FILE",
                                      .help = "Activation file to write (.act.h5)."},
                                     {.name = "compress",
                                      .type = CLI_FLAG,
                                      .offset = offsetof(mask_args, compress),
                                      .help = "Compress the file with gzip."},
                                     {.name = NULL}};

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const mask_args *a = args;
    return cli_reselect(a->act, &a->units, NULL, a->out, a->compress, ctx, err);
}

static const char *const aliases[] = {"dnn_mask", NULL};
static const char *const examples[] = {
    "dnnbrain mask -act all.act.h5 -layer conv5 -chn 1 2 3 -out some.act.h5",
    "Three channels of one layer.",
    "dnnbrain mask -act all.act.h5 -dmask units.dmask.csv -out some.act.h5",
    "What a mask file names.", NULL};

const cli_command cmd_mask = {
    .name = "mask",
    .aliases = aliases,
    .summary = "select layers, channels, rows and columns of an activation file",
    .description = "Writes the selected units of an activation file to a new one, in the order the "
                   "mask names them. "
                   "Stimuli are streamed: memory does not grow with the file.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(mask_args),
    .run = run};
