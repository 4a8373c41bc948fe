/* What probe, encode, decode and corr share: options, the stimulus list, and the run from layers to
 * files. */
#ifndef DNB_CLI_STUDY_H
#define DNB_CLI_STUDY_H

#include <dnnbrain/stim.h>

#include "mapping_report.h"

/* The argument struct of all four commands. */
typedef struct cli_map_args {
    cli_source source;
    cli_network network;
    cli_units units;
    cli_brain brain;
    cli_mapping mapping;
    const char *iteraxis, *out, *figure, *ceiling, *save_weights;
    cli_strings beh;
    bool best_layer, show;
} cli_map_args;

#define CLI_ITERAXIS_OPTION                                                                        \
    {                                                                                              \
        .name = "iteraxis", .type = CLI_CHOICE, .offset = offsetof(cli_map_args, iteraxis),        \
        .choices = "channel|row_col",                                                              \
        .help = "One analysis per channel, or per position, instead of one per layer."             \
    }

#define CLI_MAP_OUT_OPTION                                                                         \
    {                                                                                              \
        .name = "out", .type = CLI_OUTDIR, .offset = offsetof(cli_map_args, out),                  \
        .required = true, .value = "DIR",                                                          \
        .help = "Folder for the results (made when missing), one folder per layer."                \
    }

#define CLI_SAVE_WEIGHTS_OPTION                                                                    \
    {                                                                                              \
        .name = "save-weights", .type = CLI_OUTFILE,                                               \
        .offset = offsetof(cli_map_args, save_weights), .value = "FILE",                           \
        .help = "mv: also fit the model on all stimuli and write its weights (.h5), for "          \
                "`dnnbrain predict`."                                                              \
    }

#define CLI_CEILING_OPTION                                                                         \
    {                                                                                              \
        .name = "ceiling", .type = CLI_INFILE, .offset = offsetof(cli_map_args, ceiling),          \
        .value = "FILE",                                                                           \
        .help = "The largest score each target could reach, one row or volume of the kind that "   \
                "-resp is: the summary then has scores relative to it. Default: estimated from "   \
                "repeats of stimuli, when -stim lists any."                                        \
    }

#define CLI_MAP_FIGURE_OPTIONS                                                                     \
    {.name = "fig",                                                                                \
     .type = CLI_OUTFILE,                                                                          \
     .offset = offsetof(cli_map_args, figure),                                                     \
     .value = "FILE",                                                                              \
     .help = "Also draw the scores (.png, .svg or .pdf): by layer; for one layer a confusion "     \
             "matrix (classifiers) or slices (images)."},                                          \
    {                                                                                              \
        .name = "show", .type = CLI_FLAG, .offset = offsetof(cli_map_args, show),                  \
        .help = "Open the figure when there is a display."                                         \
    }

#define CLI_BEST_LAYER_OPTION                                                                      \
    {                                                                                              \
        .name = "best-layer", .type = CLI_FLAG, .offset = offsetof(cli_map_args, best_layer),      \
        .help = "mv with several layers: also the best layer of every target, chosen inside the "  \
                "training folds and scored on rows that had no part in the choice."                \
    }

/* Results of -model banded by fold, as n_iter x m x k in `score`: the whole model's, and per band
 * (per subset of bands) its share, penalty and unique part (common parts). */
typedef struct cli_bands {
    cli_scores joint, split, alpha, unique, common;
} cli_bands;

/* A study from patterns (or a table) to files. Zero-initialise; cli_study_release. */
typedef struct cli_study {
    const cli_map_args *args;
    cli_job job;
    dnb_iteraxis axis;
    dnb_stim stim; /* when -stim is given */
    bool has_stim;
    char **ids; /* its stimIDs, borrowed from it */
    bool has_patterns;
    cli_patterns patterns;
    double *table; /* predictors that are columns of -stim, or (decoding classes) the responses */
    size_t table_width;
    cli_layer *layers;
    size_t n_layers;

    /* what is predicted: numbers, or classes by column */
    double *y;          /* n x m; only columns that vary once it runs */
    cli_codes *classes; /* m when classifying */
    size_t m, m_all;
    size_t *varying;                 /* m of the m_all; the others score 0 */
    const char *target_path;         /* where they come from, for messages */
    const char *const *target_names; /* m, of behaviour columns; NULL: ask the responses */
    const cli_responses *responses;
    bool decoding; /* targets are units or columns, predictors the responses: */
    const cli_responses *predictors;

    cli_scores *scores;    /* n_scores */
    size_t n_scores;       /* n_layers, or with -model banded one more than there are bands */
    cli_bands bands;       /* -model banded */
    double *ceiling;       /* m_all, or NULL */
    double *ceiling_table; /* m_all x 3 (ICC(1), reliability, r), or NULL */
    bool *constant;        /* m_all, or NULL */
    cli_best best;
} cli_study;

/* Options of the command line alone; usage errors. */
dnb_status cli_study_check(cli_study *s, const cli_map_args *args, cli_context *ctx,
                           dnb_err *err) DNB_MUST_CHECK;
/* -beh in the place of activations, in encode and decode. */
dnb_status cli_study_check_beh(const cli_map_args *a, cli_context *ctx,
                               dnb_err *err) DNB_MUST_CHECK;
/* Reads -stim, if given. */
dnb_status cli_study_stim(cli_study *s, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* The columns -beh of -stim: *out n x columns (free() it), or classes (*codes, one per column). */
dnb_status cli_study_columns(double **out, cli_codes **codes, const cli_study *s,
                             dnb_err *err) DNB_MUST_CHECK;
/* Opens the patterns (none where -beh is their place) and compares numbers of stimuli with the n of
 * target_path. */
dnb_status cli_study_open(cli_study *s, size_t n, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* The same where n is that of brain responses: reads -resp, whose bytes come off ctx->memory. They
 * are the targets, or (decoding) what predicts. */
dnb_status cli_study_open_responses(cli_study *s, cli_responses *responses, const cli_map_args *a,
                                    cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* For the byte plan of a pass: what the engines hold while they work on one layer. */
cli_analysis_bytes cli_study_bytes;
/* Opens every layer (see cli_layer_open), and room for the list of their scores. */
dnb_status cli_study_layers(cli_study *s, size_t memory, dnb_err *err) DNB_MUST_CHECK;
/* Maps every layer onto the targets and writes all there is. */
dnb_status cli_study_run(cli_study *s, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* -model banded: runs all layers, and -beh, as bands, into s->bands and s->scores
 * (mapping_bands.c). */
dnb_status cli_bands_run(cli_study *s, size_t memory, cli_context *ctx,
                         dnb_err *err) DNB_MUST_CHECK;
/* <out>/banded/score.npy, split.npy, ... */
dnb_status cli_bands_write(const cli_study *s, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
void cli_bands_release(cli_bands *b);
/* Fills s->ceiling from -ceiling, or from repeats of stimuli; nothing when there are neither. */
dnb_status cli_study_ceiling(cli_study *s, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* summary.tsv, summary.json, the figure and provenance.json, from s->scores. Targets without names
 * are units of their layer. */
dnb_status cli_study_report(cli_study *s, size_t n_constant, cli_context *ctx,
                            dnb_err *err) DNB_MUST_CHECK;
void cli_study_release(cli_study *s);

#endif
