/* dnnbrain predict: what saved models say of new stimuli. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "predict.h"

static const cli_option options[] = {
    {.name = "weights",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, weights),
     .required = true,
     .value = "FILE",
     .help = "Weights that probe, encode or decode wrote (-save-weights)."},
    {.name = "act",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, act),
     .value = "FILE",
     .help = "For weights of probe and encode: activation file (.act.h5) of the stimuli to "
             "predict. Weights of several layers need -layer."},
    CLI_UNIT_OPTIONS(predict_args),
    {.name = "resp",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, brain.resp),
     .value = "FILE",
     .help = "For weights of decode: brain responses to the stimuli to predict, of the kind the "
             "weights were fitted to: ROI table (.roi.h5), image (.nii, .nii.gz), array (.npy) or "
             "table (.csv, .tsv). Regions are found by their names, voxels by their places."},
    {.name = "bmask",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, brain.bmask),
     .value = "FILE",
     .help = "With an image: the voxels to use, those that are not 0; they must be those of the "
             "weights. Default: those of the weights."},
    {.name = "roi",
     .type = CLI_STRINGS,
     .offset = offsetof(predict_args, brain.roi),
     .value = "ROI",
     .help = "ROIs to use; they must be those of the weights. Default: those of the weights."},
    {.name = "stim",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, stim),
     .value = "FILE",
     .help = "List of the stimuli to predict (.stim.csv): names them in tables and, where it has "
             "the predicted columns, tells how well they are predicted. For weights of encode "
             "-beh: the columns to predict from."},
    {.name = "beh",
     .type = CLI_STRINGS,
     .offset = offsetof(predict_args, beh),
     .value = "TARGET",
     .help = "Targets to predict, by name, of those in the weights. Default: all."},
    {.name = "values",
     .type = CLI_CHOICE,
     .offset = offsetof(predict_args, values),
     .choices = "probability|decision|none",
     .help = "Classifiers: what stands beside the labels, a column per class. Default: "
             "probability; decision for svc, which has no probabilities."},
    {.name = "confusion",
     .type = CLI_OUTFILE,
     .offset = offsetof(predict_args, confusion),
     .value = "FILE",
     .help = "Classifiers, with -stim: also the stimuli counted by true and predicted class "
             "(.tsv, .csv)."},
    {.name = "like",
     .type = CLI_INFILE,
     .offset = offsetof(predict_args, like),
     .value = "FILE",
     .help = "For an image: an image of the geometry that the weights were fitted in."},
    {.name = "out",
     .type = CLI_OUTFILE,
     .offset = offsetof(predict_args, out),
     .required = true,
     .value = "FILE",
     .help = "Predictions, a row or volume per stimulus: table (.tsv, .csv); of numbers also "
             ".npy, .roi.h5 or an image (.nii, .nii.gz)."},
    {.name = NULL}};

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcasecmp(name + n - k, suffix) == 0;
}

bool cli_predict_is_table(const char *path)
{
    return ends_in(path, ".tsv") || ends_in(path, ".csv");
}

static dnb_status check_outputs(const predict_args *a, cli_context *ctx, dnb_err *err)
{
    bool image = dnb_brain_is_image_name(a->out);
    if (!image && !cli_predict_is_table(a->out) && !ends_in(a->out, ".npy") &&
        !ends_in(a->out, ".roi.h5"))
        return cli_usage(ctx, err,
                         "-out %s: predictions are a table (.tsv, .csv), a .npy, a .roi.h5 or an "
                         "image (.nii, .nii.gz)",
                         a->out);
    if (image != !!a->like)
        return cli_usage(ctx, err,
                         image ? "-out is an image: -like is needed for its geometry"
                               : "-like belongs to an -out that is an image");
    if (a->confusion && !cli_predict_is_table(a->confusion))
        return cli_usage(ctx, err, "-confusion %s: a table's name ends in .tsv or .csv",
                         a->confusion);
    if (a->confusion && !a->stim)
        return cli_usage(ctx, err, "-confusion needs -stim, the list with the true classes");
    return DNB_OK;
}

static dnb_status check(const predict_args *a, cli_context *ctx, dnb_err *err)
{
    if (a->act && a->brain.resp)
        return cli_usage(ctx, err, "give either -act or -resp, not both");
    if (!a->act && !a->brain.resp && !a->stim)
        return cli_usage(ctx, err,
                         "give -act (weights of probe and encode), -resp (of decode) or -stim (of "
                         "encode -beh)");
    if (!a->act && (a->units.layer.count || a->units.chn.count || a->units.dmask))
        return cli_usage(ctx, err, "-layer, -chn and -dmask belong to -act");
    if (!a->brain.resp && (a->brain.bmask || a->brain.roi.count))
        return cli_usage(ctx, err, "-bmask and -roi belong to -resp");
    dnb_status status = check_outputs(a, ctx, err);
    if (status == DNB_OK && a->brain.resp)
        status = cli_brain_check(&a->brain, ctx, err);
    return status;
}

/* What -beh names, or all targets. */
static dnb_status choose_targets(prediction *p, dnb_err *err)
{
    const cli_strings *beh = &p->args->beh;
    p->m = beh->count ? beh->count : p->info->n_targets;
    p->target = calloc(p->m + 1, sizeof *p->target);
    if (!p->target)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu targets", p->m);
    for (size_t t = 0; t < p->m; t++) {
        p->target[t] = t;
        if (beh->count) {
            dnb_status status =
                dnb_weightsfile_find_target(p->weights, beh->items[t], &p->target[t], err);
            if (status != DNB_OK)
                return status;
        }
    }
    return DNB_OK;
}

/* What the options ask of a model that it does not have. */
static dnb_status check_model(const prediction *p, dnb_err *err)
{
    const predict_args *a = p->args;
    if (!p->info->classify && (a->values || a->confusion))
        return dnb_fail(err, DNB_EARG, "%s holds a regression; %s is for classifiers", a->weights,
                        a->values ? "-values" : "-confusion");
    if (!p->info->classify)
        return DNB_OK;
    if (!cli_predict_is_table(a->out))
        return dnb_fail(err, DNB_EARG,
                        "%s holds a classifier, whose classes are written as a table: end -out in "
                        ".tsv or .csv",
                        a->weights);
    if (a->values && strcmp(a->values, "probability") == 0 && p->info->classifier == DNB_SVC)
        return dnb_fail(err, DNB_EARG,
                        "%s holds support vectors (svc), which have no probabilities; give -values "
                        "decision",
                        a->weights);
    if (a->confusion && p->m > 1)
        return dnb_fail(err, DNB_EARG, "%s holds %zu targets; name the one of -confusion with -beh",
                        a->weights, p->m);
    return DNB_OK;
}

dnb_status cli_predict_table(dnb_table *out, const prediction *p, dnb_err *err)
{
    static const char name[] = "stimulus";
    dnb_status status;
    dnb_table table;
    dnb_table_init(&table, p->n);
    const char **ids = p->has_stim ? calloc(p->n + 1, sizeof *ids) : NULL;
    int64_t *numbers = p->has_stim ? NULL : calloc(p->n + 1, sizeof *numbers);
    for (size_t i = 0; i < p->n; i++) {
        if (ids)
            ids[i] = dnb_stim_id(&p->stim, i);
        if (numbers)
            numbers[i] = (int64_t)i + 1;
    }
    status = ids       ? dnb_table_add_text(&table, name, ids, err)
             : numbers ? dnb_table_add_int(&table, name, numbers, err)
                       : dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", p->n);
    free(ids);
    free(numbers);
    if (status == DNB_OK)
        *out = table;
    else
        dnb_table_release(&table);
    return status;
}

const dnb_column *cli_predict_truth(const prediction *p, size_t target)
{
    if (!p->has_stim || !p->info->targets || p->info->input == DNB_WEIGHTS_BEHAVIOUR)
        return NULL;
    return dnb_table_find(&p->stim.data, p->info->targets[p->target[target]]);
}

static dnb_status open_files(prediction *p, cli_context *ctx, dnb_err *err)
{
    const predict_args *a = p->args;
    dnb_status status = dnb_weightsfile_open(&p->weights, a->weights, err);
    if (status != DNB_OK)
        return status;
    p->info = dnb_weightsfile_info(p->weights);
    status =
        cli_record_input(ctx, "weights", a->weights, dnb_weightsfile_provenance(p->weights), err);
    if (status == DNB_OK)
        status = choose_targets(p, err);
    if (status == DNB_OK)
        status = check_model(p, err);
    if (status == DNB_OK && a->stim) {
        status = dnb_stim_read(&p->stim, a->stim, err);
        p->has_stim = status == DNB_OK;
        if (p->has_stim)
            status = cli_record_input(ctx, "stim", a->stim,
                                      dnb_stim_get_meta(&p->stim, "provenance"), err);
    }
    return status;
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    prediction p = {.args = args};
    dnb_status status = check(p.args, ctx, err);
    if (status == DNB_OK)
        status = open_files(&p, ctx, err);
    if (status == DNB_OK)
        status = cli_predict_features(&p, ctx, err);
    if (status == DNB_OK)
        status = p.info->classify ? cli_predict_classes(&p, ctx, err)
                                  : cli_predict_numbers(&p, ctx, err);
    cli_layer_release(&p.units);
    cli_patterns_release(&p.patterns);
    cli_responses_release(&p.responses);
    dnb_stim_release(&p.stim);
    dnb_weightsfile_close(p.weights);
    free(p.target);
    free(p.table);
    return status;
}

static const char *const examples[] = {
    "dnnbrain encode -anal mv -model ridge -alpha 100 -act train.act.h5 -layer conv5 -resp "
    "vtc.roi.h5 -out encode -save-weights conv5.weights.h5",
    "Fits the model, and keeps its weights.",
    "dnnbrain predict -weights conv5.weights.h5 -act new.act.h5 -layer conv5 -out new.roi.h5",
    "What it predicts for other stimuli.",
    "dnnbrain predict -weights decode.weights.h5 -resp new.nii.gz -stim new.stim.csv -out new.tsv "
    "-confusion confusion.tsv",
    "The category read from each new response by a decoder that decode kept, with its "
    "probabilities; how often it is right, where new.stim.csv has the column.",
    NULL};

const cli_command cmd_predict = {
    .name = "predict",
    .summary = "predict responses, behaviour or categories of new stimuli from saved weights",
    .description =
        "Applies the model that probe, encode or decode fitted on all its stimuli (-save-weights) "
        "to other ones: from their activations (-act), or for decode from responses to them "
        "(-resp).\n\n"
        "Regressions give numbers: features times weights plus a constant. Classifiers give a "
        "table with a row per stimulus: `stimulus`, and for each predicted column C its label, as "
        "it was written in the behaviour file, and p(C=CLASS) or decision(C=CLASS) for every "
        "class. With two classes decisions are -f and f of the one linear map. Where -stim has "
        "the column, the accuracy is printed (for numbers r and R2).\n\n"
        "The layout of the file of weights, which h5py reads, is in docs/formats.md.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(predict_args),
    .heavy_blas = true,
    .run = run};
