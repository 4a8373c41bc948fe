/* dnnbrain encode (db_encode): brain responses predicted from a network's units. */
#include <stdlib.h>

#include "study.h"

static const cli_option options[] = {
    CLI_SOURCE_OPTIONS(cli_map_args, "Activation file (.act.h5), the predictors. This, -net with "
                                     "-stim, or -beh with -stim is needed."),
    CLI_UNIT_OPTIONS(cli_map_args),
    CLI_ITERAXIS_OPTION,
    CLI_BRAIN_OPTIONS(cli_map_args, true),
    {.name = "beh",
     .type = CLI_STRINGS,
     .offset = offsetof(cli_map_args, beh),
     .value = "COLUMN",
     .help = "Columns of -stim as predictors in the place of activations (with -model banded also "
             "beside them, as one more band)."},
    CLI_MAPPING_OPTIONS(cli_map_args, "glm|ridge|lasso|elasticnet|pls|banded",
                        "Regression: glm is ordinary least squares with an intercept; banded is "
                        "ridge of all layers together, each with its own penalty for every "
                        "target."),
    CLI_BANDED_OPTIONS(cli_map_args),
    CLI_BOOT_OPTION(cli_map_args),
    CLI_BEST_LAYER_OPTION,
    CLI_CEILING_OPTION,
    CLI_SAVE_WEIGHTS_OPTION,
    CLI_MAP_FIGURE_OPTIONS,
    CLI_MAP_OUT_OPTION,
    {.name = NULL}};

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = args;
    cli_study s = {0};
    cli_responses responses = {0};
    dnb_status status = cli_study_check_beh(a, ctx, err);
    if (status == DNB_OK)
        status = cli_study_check(&s, a, ctx, err);
    if (status == DNB_OK)
        status = cli_study_stim(&s, ctx, err);
    if (status == DNB_OK)
        status = cli_study_open_responses(&s, &responses, a, ctx, err);
    if (status == DNB_OK && a->beh.count)
        status = cli_study_columns(&s.table, NULL, &s, err);
    s.table_width = a->beh.count;
    if (status == DNB_OK)
        status = cli_study_run(&s, ctx, err);
    cli_study_release(&s);
    cli_responses_release(&responses);
    return status;
}

static const char *const aliases[] = {"db_encode", NULL};
static const char *const examples[] = {
    "dnnbrain encode -anal mv -model ridge -alpha 1 10 100 1000 -act all.act.h5 -resp vtc.roi.h5 "
    "-out encode",
    "Ridge regression of every ROI on all units of each layer; the penalty of each ROI is chosen "
    "inside the training folds.",
    "dnnbrain encode -anal uv -model glm -act all.act.h5 -layer conv5 -resp beta.nii.gz -bmask "
    "vtc.nii.gz -out encode",
    "The unit of conv5 that predicts each voxel best, as brain images.",
    "dnnbrain encode -anal mv -model banded -partition -act all.act.h5 -layer conv1 conv5 fc3 "
    "-resp vtc.roi.h5 -out encode",
    "What three layers predict together, and what each has that the others have not.",
    NULL};

const cli_command cmd_encode = {
    .name = "encode",
    .aliases = aliases,
    .summary = "predict brain responses from activations",
    .description =
        "Cross-validated prediction of every ROI or voxel from the units of each layer. -anal uv "
        "fits each unit alone and keeps, per target, the one with the best mean score over folds; "
        "-anal mv uses all units together.\n\n"
        "Writes DIR/LAYER[/ITERAXIS]/score.npy (iterations x targets x folds); uv also "
        "max_score.npy (iterations x targets) and location.npy (channel, row, column of the best "
        "unit, from 1). When -resp is an image the mean scores and the locations are images too, "
        "0 outside the mask.\n\n"
        "-model banded predicts from all layers together and writes DIR/banded/score.npy (1 x "
        "targets x folds), split.npy (bands x targets x folds: each layer's share of R^2), "
        "alpha.npy (its penalty, alike; inf where it is left out) and with -partition unique.npy "
        "(alike: what R^2 loses without the layer) and common.npy (subsets x targets x folds: "
        "what exactly those layers share; bit b of the subset's number is layer b). Bands are in "
        "the order of the layers, columns of -beh last.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(cli_map_args),
    .heavy_blas = true,
    .run = run};
