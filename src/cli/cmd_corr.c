/* dnnbrain corr (db_corr): the unit that correlates most with every ROI or voxel. */
#include "study.h"

static const cli_option options[] = {
    CLI_SOURCE_OPTIONS(cli_map_args, "Activation file (.act.h5). This, or -net with -stim, is "
                                     "needed."),
    CLI_UNIT_OPTIONS(cli_map_args),
    CLI_ITERAXIS_OPTION,
    CLI_BRAIN_OPTIONS(cli_map_args, true),
    CLI_GROUPS_OPTION(cli_map_args),
    {.name = "permute",
     .type = CLI_INT,
     .offset = offsetof(cli_map_args, mapping.permute),
     .value = "N",
     .fallback = "0",
     .min = 0,
     .max = 1e8,
     .help = "Permutations of the stimuli for p-values of the best unit, corrected for the choice "
             "among units; p_max also for the choice among targets."},
    CLI_FINDING_OPTIONS(cli_map_args),
    {.name = "seed",
     .type = CLI_INT,
     .offset = offsetof(cli_map_args, mapping.seed),
     .value = "SEED",
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .help = "Seed of the permutations."},
    CLI_MAP_FIGURE_OPTIONS,
    CLI_MAP_OUT_OPTION,
    {.name = NULL}};

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    cli_map_args a = *(const cli_map_args *)args;
    cli_study s = {0};
    cli_responses responses = {0};
    a.mapping.anal = "uv";
    a.mapping.model = "corr";
    dnb_status status = cli_study_check(&s, &a, ctx, err);
    if (status == DNB_OK)
        status = cli_study_stim(&s, ctx, err);
    if (status == DNB_OK)
        status = cli_study_open_responses(&s, &responses, &a, ctx, err);
    if (status == DNB_OK)
        status = cli_study_run(&s, ctx, err);
    cli_study_release(&s);
    cli_responses_release(&responses);
    return status;
}

static const char *const aliases[] = {"db_corr", NULL};
static const char *const examples[] = {
    "dnnbrain corr -act all.act.h5 -layer conv5 -resp vtc.roi.h5 -out corr",
    "The unit of conv5 whose activation follows each ROI most closely.",
    "dnnbrain corr -act all.act.h5 -layer conv5 -iteraxis channel -resp beta.nii.gz -bmask "
    "vtc.nii.gz -out corr",
    "The best position of every channel for each voxel, as brain images, a volume per channel.",
    NULL};

const cli_command cmd_corr = {
    .name = "corr",
    .aliases = aliases,
    .summary = "correlate brain responses with every unit and keep the best",
    .description =
        "Pearson's r over stimuli of every unit with every ROI or voxel; per target the unit with "
        "the largest r and where it is. The largest of many correlations is large by chance too: "
        "-permute says how large, among permutations of the stimuli, or of those of each run where "
        "-groups names the runs.\n\n"
        "Writes DIR/LAYER[/ITERAXIS]/score.npy (iterations x targets) and location.npy (channel, "
        "row, column, from 1); score.csv (a column per ROI, a row per iteration) for a table of "
        "ROIs, and images of score and location when -resp is an image.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(cli_map_args),
    .heavy_blas = true,
    .run = run};
