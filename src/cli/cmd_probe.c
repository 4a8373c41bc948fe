/* dnnbrain probe (dnn_probe): behaviour predicted from a network's units. */
#include <stdlib.h>

#include "study.h"

static const cli_option options[] = {
    CLI_SOURCE_OPTIONS(cli_map_args, "Activation file (.act.h5), the predictors. This or -net is "
                                     "needed."),
    CLI_UNIT_OPTIONS(cli_map_args),
    CLI_ITERAXIS_OPTION,
    {.name = "beh",
     .type = CLI_STRINGS,
     .offset = offsetof(cli_map_args, beh),
     .required = true,
     .value = "COLUMN",
     .help = "Columns of -stim to predict: whole numbers or texts for classifiers, numbers for "
             "regressions and corr."},
    CLI_MAPPING_OPTIONS(cli_map_args, "glm|ridge|lasso|elasticnet|pls|svc|lrc|lda|gnb|corr",
                        "Regression (glm: ordinary least squares), classifier (svc: linear "
                        "support vectors, C 0.025; lrc: logistic regression, C 1; lda: linear "
                        "discriminants; gnb: naive Bayes), or corr: Pearson's r, without folds."),
    CLI_C_OPTION(cli_map_args),
    CLI_BOOT_OPTION(cli_map_args),
    CLI_BEST_LAYER_OPTION,
    CLI_SAVE_WEIGHTS_OPTION,
    CLI_MAP_FIGURE_OPTIONS,
    CLI_MAP_OUT_OPTION,
    {.name = NULL}};

static dnb_status check(const cli_study *s, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = s->args;
    if (!a->network.stim)
        return cli_usage(ctx, err, "-stim is required: the list with the columns of -beh");
    if (a->best_layer && s->job.classify && a->beh.count > 1)
        return cli_usage(ctx, err, "-best-layer with a classifier takes one -beh");
    return DNB_OK;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = args;
    cli_study s = {0};
    double *y = NULL;
    cli_codes *codes = NULL;
    dnb_status status = cli_study_check(&s, a, ctx, err);
    if (status == DNB_OK)
        status = check(&s, ctx, err);
    if (status == DNB_OK)
        status = cli_study_stim(&s, ctx, err);
    if (status == DNB_OK)
        status = cli_study_columns(&y, s.job.classify ? &codes : NULL, &s, err);
    if (status == DNB_OK) {
        s.y = y;
        s.classes = codes;
        s.m = a->beh.count;
        s.target_names = a->beh.items;
        s.target_path = a->network.stim;
        status = cli_study_open(&s, dnb_stim_count(&s.stim), ctx, err);
    }
    if (status == DNB_OK)
        status = cli_study_run(&s, ctx, err);
    cli_study_release(&s);
    free(y);
    return status;
}

static const char *const aliases[] = {"dnn_probe", NULL};
static const char *const examples[] = {
    "dnnbrain probe -anal mv -model lrc -act all.act.h5 -stim all.stim.csv -beh label -out probe",
    "How well the label of a stimulus can be read from all units of each layer.",
    "dnnbrain probe -anal uv -model corr -act all.act.h5 -stim all.stim.csv -beh RT -out probe",
    "The unit of each layer that follows reaction time most closely.",
    "dnnbrain probe -anal mv -model svc -act all.act.h5 -layer fc3 -stim all.stim.csv -beh label "
    "-out probe -save-weights label.weights.h5",
    "Keeps the classifier of all stimuli for `dnnbrain predict`.",
    NULL};

const cli_command cmd_probe = {
    .name = "probe",
    .aliases = aliases,
    .summary = "predict behaviour or categories from activations",
    .description =
        "Cross-validated prediction of columns of the stimulus list from the units of each layer. "
        "-anal uv fits each unit alone and keeps, per column, the one with the best mean score "
        "over "
        "folds; -anal mv uses all units together. Classifiers are scored by accuracy on stratified "
        "folds.\n\n"
        "Writes DIR/LAYER[/ITERAXIS]/score.npy (iterations x columns x folds); uv also "
        "max_score.npy "
        "(iterations x columns) and location.npy (channel, row, column of the best unit, from 1); "
        "classifiers conf_m.npy (iterations x columns x folds x classes x classes, rows are the "
        "truth). -model corr has no folds and writes max_score.npy and location.npy.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(cli_map_args),
    .heavy_blas = true,
    .run = run};
