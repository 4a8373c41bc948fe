/* Layers' patterns for an analysis: from an activation file (-act), or straight from stimuli shown
 * to a network (-net and -stim), without a file in between. */
#ifndef DNB_CLI_PATTERNS_H
#define DNB_CLI_PATTERNS_H

#include <dnnbrain/sinks.h>

#include "net_options.h"
#include "units.h"

/* Embed as `source` in a command's argument struct, beside `network` and `units`. */
typedef struct cli_source {
    const char *act, *pool, *scratch;
} cli_source;

/* -act, and all it takes to do without it. */
#define CLI_SOURCE_OPTIONS(args, act_help)                                                         \
    {.name = "act",                                                                                \
     .type = CLI_INFILE,                                                                           \
     .offset = offsetof(args, source.act),                                                         \
     .value = "FILE",                                                                              \
     .help = act_help},                                                                            \
        CLI_NETWORK_ROWS(args, false),                                                             \
        {.name = "pool",                                                                           \
         .type = CLI_CHOICE,                                                                       \
         .offset = offsetof(args, source.pool),                                                    \
         .choices = "max|mean|median|L1|L2",                                                       \
         .help = "With -net: shrink each channel's rows and columns to one number this way."},     \
    {                                                                                              \
        .name = "scratch", .type = CLI_STRING, .offset = offsetof(args, source.scratch),           \
        .value = "FOLDER",                                                                         \
        .help = "With -net: where activations that do not fit the memory budget are kept while "   \
                "the command runs. Default: $TMPDIR, else the folder of -out."                     \
    }

typedef struct cli_patterns {
    size_t n; /* stimuli */
    cli_unit_set set;
    const char *path;  /* of the activation file or the stimulus list, for messages */
    dnb_actfile *file; /* NULL where patterns come from stimuli: */
    dnb_net *net;      /* until the pass is over */
    cli_images images;
    dnb_sink *sink;
    dnb_scan_layer *layers; /* shapes of the patterns */
    size_t memory;          /* bytes the analysis may use, once the patterns are there */
} cli_patterns;

/* What a command's analysis of one layer holds, for the byte plan: at most while it works with
 * `memory` bytes, and afterwards until all layers are done. Fails when the analysis would. */
typedef dnb_status cli_analysis_bytes(const void *analysis, const dnb_scan_layer *layer,
                                      const dnb_rows *rows, size_t memory, size_t *most,
                                      size_t *kept, dnb_err *err);

/* Is an option given that only makes sense with -net? */
bool cli_source_tuned(const cli_source *s, const cli_network *n);
/* Usage errors: not exactly one source, or options that belong to the other. */
dnb_status cli_source_check(const cli_source *s, const cli_network *n, cli_context *ctx,
                            dnb_err *err) DNB_MUST_CHECK;
/* Opens the source and resolves the units; shows no stimulus yet. */
dnb_status cli_patterns_open(cli_patterns *p, const cli_source *s, const cli_network *n,
                             const cli_units *units, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Prints the byte plan and makes the pass over the stimuli; nothing to do for an activation file.
 * out: the command's output, beside which scratch files go by default. */
dnb_status cli_patterns_run(cli_patterns *p, const cli_source *s, const cli_network *n,
                            const char *out, cli_analysis_bytes *bytes, const void *analysis,
                            cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Layer i of a pass over stimuli. */
dnb_rows cli_patterns_rows(const cli_patterns *p, size_t i);
void cli_patterns_release(cli_patterns *p);

#endif
