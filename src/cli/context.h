/* What a running subcommand shares: common options, progress, provenance, the summary. */
#ifndef DNB_CLI_CONTEXT_H
#define DNB_CLI_CONTEXT_H

#include <cjson/cJSON.h>

#include <dnnbrain/provenance.h>
#include <dnnbrain/runtime.h>

#include "option.h"

typedef struct cli_context {
    const cli_command *command;
    const cli_common *common;
    const char *program; /* path of this executable, for demo */
    dnb_progress progress;
    dnb_provenance *provenance;
    cJSON *summary; /* printed with --json */
    size_t memory;  /* bytes the command may plan with */
    bool usage;     /* the failure is a wrong command line: exit 2 */
    struct {
        char what[64]; /* a copy: layer names do not outlive their file */
        size_t done, total;
        double start, last;
        int tenth;
        bool terminal, shown;
    } bar;
} cli_context;

dnb_status cli_context_init(cli_context *ctx, const cli_command *command, const cli_common *common,
                            int argc, const char *const *argv, dnb_err *err) DNB_MUST_CHECK;
void cli_context_release(cli_context *ctx);

/* Ends the progress bar's line, if one is open. */
void cli_bar_clear(cli_context *ctx);
/* A line of information on stderr (not with --quiet). */
void cli_say(cli_context *ctx, const char *fmt, ...) DNB_PRINTF(2, 3);
/* A warning on stderr (always). */
void cli_warn(cli_context *ctx, const char *fmt, ...) DNB_PRINTF(2, 3);
/* Adds to the JSON summary; failures only lose the field. */
void cli_note(cli_context *ctx, const char *key, const char *value);
void cli_note_number(cli_context *ctx, const char *key, double value);
/* An output file, listed under "outputs" in the summary. */
void cli_list_output(cli_context *ctx, const char *path);
/* The same, and said on stderr. */
void cli_wrote(cli_context *ctx, const char *path, const char *fmt, ...) DNB_PRINTF(3, 4);

/* Records an input file in the provenance: its path and, where it carries one, its own provenance.
 */
dnb_status cli_record_input(cli_context *ctx, const char *key, const char *path,
                            const char *its_provenance, dnb_err *err) DNB_MUST_CHECK;
/* A wrong combination of options, found after parsing: DNB_EARG, and the program exits with 2. */
dnb_status cli_usage(cli_context *ctx, dnb_err *err, const char *fmt, ...) DNB_PRINTF(3, 4);

/* Shell's view of time, seconds. */
double cli_now(void);
/* Signals that ask to stop set a flag the progress hook reads; a second one ends at once. */
void cli_catch_signals(void);
bool cli_stop_requested(void);

#endif
