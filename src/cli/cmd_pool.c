/* dnnbrain pool (dnn_pool): one number per channel. */
#include "reselect.h"

typedef struct pool_args {
    const char *act, *method, *out;
    cli_units units;
    bool compress;
} pool_args;

static const cli_option options[] = {{.name = "act",
                                      .type = CLI_INFILE,
                                      .offset = offsetof(pool_args, act),
                                      .required = true,
                                      .value = "FILE",
                                      .help = "Activation file (.act.h5)."},
                                     CLI_UNIT_OPTIONS(pool_args),
                                     {.name = "meth",
                                      .type = CLI_CHOICE,
                                      .offset = offsetof(pool_args, method),
                                      .required = true,
                                      .choices = "max|mean|median|L1|L2",
                                      .help = "How rows and columns become one number."},
                                     {.name = "out",
                                      .type = CLI_OUTFILE,
                                      .offset = offsetof(pool_args, out),
                                      .required = true,
                                      .value = "FILE",
                                      .help = "Activation file to write (.act.h5)."},
                                     {.name = "compress",
                                      .type = CLI_FLAG,
                                      .offset = offsetof(pool_args, compress),
                                      .help = "Compress the file with gzip."},
                                     {.name = NULL}};

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const pool_args *a = args;
    return cli_reselect(a->act, &a->units, a->method, a->out, a->compress, ctx, err);
}

static const char *const aliases[] = {"dnn_pool", NULL};
static const char *const examples[] = {
    "dnnbrain pool -act all.act.h5 -layer conv5_relu -meth max -out pooled.act.h5",
    "The largest response of every channel.", NULL};

const cli_command cmd_pool = {
    .name = "pool",
    .aliases = aliases,
    .summary = "pool the rows and columns of an activation file's channels to one number",
    .description = "Shrinks each channel of each stimulus to a single number: the maximum, mean or "
                   "median over its "
                   "rows and columns, or their L1 (sum of magnitudes) or L2 (root of the sum of "
                   "squares) norm.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(pool_args),
    .run = run};
