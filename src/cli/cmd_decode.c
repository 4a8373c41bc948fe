/* dnnbrain decode (db_decode): a network's units, or behaviour, predicted from brain responses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnbrain/inference.h>

#include "mapping_weights.h"
#include "study.h"

static const cli_option options[] = {
    CLI_SOURCE_OPTIONS(cli_map_args, "Activation file (.act.h5), what is predicted. This, -net "
                                     "with -stim, or -beh with -stim is needed."),
    CLI_UNIT_OPTIONS(cli_map_args),
    CLI_BRAIN_OPTIONS(cli_map_args, true),
    {.name = "beh",
     .type = CLI_STRINGS,
     .offset = offsetof(cli_map_args, beh),
     .value = "COLUMN",
     .help = "Columns of -stim to predict in the place of activations: numbers for regressions, "
             "whole numbers or texts for classifiers."},
    CLI_MAPPING_OPTIONS(cli_map_args, "glm|ridge|lasso|elasticnet|pls|svc|lrc|lda|gnb",
                        "Regression (glm: ordinary least squares with an intercept), or a "
                        "classifier of the columns of -beh (svc: linear support vectors, C 0.025; "
                        "lrc: logistic regression, C 1; lda: linear discriminants; gnb: naive "
                        "Bayes)."),
    CLI_C_OPTION(cli_map_args),
    CLI_SAVE_WEIGHTS_OPTION,
    CLI_MAP_FIGURE_OPTIONS,
    CLI_MAP_OUT_OPTION,
    {.name = NULL}};

static double *filled(size_t n, double value)
{
    double *x = calloc(n + 1, sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = value;
    return x;
}

/* Results of one layer, a target per selected unit. */
typedef struct decoded {
    cli_scores *s;
    int64_t *location; /* uv: the best ROI or voxel, from 1; 0 for none */
    size_t n_constant;
} decoded;

static dnb_status decoded_init(decoded *d, cli_scores *s, const cli_layer *layer,
                               const cli_job *job, size_t memory, dnb_err *err)
{
    size_t units = layer->shape[0] * layer->shape[1] * layer->shape[2];
    *s = (cli_scores){.layer = layer->name, .n_iter = 1, .m = units, .k = job->folds.k};
    *d = (decoded){.s = s};
    double bytes = 8.0 * (double)units * ((double)s->k + 5);
    if (bytes > (double)memory)
        return dnb_fail(err, DNB_ENOMEM,
                        "layer %s: scores of %zu units take %.1f MB and the memory budget leaves "
                        "%.1f MB; raise --memory or select units",
                        layer->name, units, bytes / 1e6, (double)memory / 1e6);
    bool ok = (s->score = filled(units * s->k, 0)) && (s->mean = filled(units, 0));
    if (ok && job->uv)
        ok = (d->location = calloc(units + 1, sizeof *d->location)) != NULL;
    if (ok && job->args->permute)
        ok =
            (s->p = filled(units, 1)) && (s->p_max = filled(units, 1)) && (s->q = filled(units, 1));
    return ok ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", layer->name);
}

/* Units first .. first + count - 1 of a layer, as n x count targets; refuses NaN. */
static dnb_status read_targets(double *y, const cli_layer *l, size_t first, size_t count,
                               dnb_err *err)
{
    size_t n = l->rows.n, width = l->rows.whole_rows ? l->rows.d : count;
    size_t from = l->rows.whole_rows ? first : 0;
    float *piece = NULL;
    dnb_status status = DNB_OK;
    if (!l->rows.data && !(piece = malloc(width * sizeof *piece + 1)))
        return dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", l->name);
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        if (!l->rows.data)
            status =
                l->rows.read(l->rows.ctx, i, 1, l->rows.whole_rows ? 0 : first, width, piece, err);
        for (size_t t = 0; t < count && status == DNB_OK; t++) {
            size_t at = i * l->rows.stride + first + t;
            y[i * count + t] = !l->rows.data ? (double)piece[from + t]
                               : l->rows.dtype == DNB_F64
                                   ? ((const double *)l->rows.data)[at]
                                   : (double)((const float *)l->rows.data)[at];
        }
    }
    free(piece);
    return status;
}

static dnb_status decode_mv(decoded *d, const size_t *unit, size_t m, const cli_job *job,
                            const dnb_rows *x, const char *from, const double *y, size_t memory,
                            cli_context *ctx, dnb_err *err)
{
    dnb_mapping map = {0};
    dnb_mapping_options o;
    dnb_mapping_layer layer = {from, *x};
    cli_job_options(&o, job, memory, ctx);
    dnb_status status = dnb_mapping_run(&map, &layer, 1, y, NULL, m, &o, err);
    for (size_t t = 0; t < m && status == DNB_OK; t++) {
        const dnb_mapping_scores *from_run = &map.layer[0];
        for (size_t f = 0; f < d->s->k; f++)
            d->s->score[unit[t] * d->s->k + f] = from_run->score[f * m + t];
        d->s->mean[unit[t]] = from_run->mean[t];
        if (d->s->p) {
            d->s->p[unit[t]] = from_run->test.p[t];
            d->s->p_max[unit[t]] = from_run->test.p_max[t];
        }
    }
    dnb_mapping_release(&map);
    return status;
}

static dnb_status decode_uv(decoded *d, const size_t *unit, size_t m, const cli_job *job,
                            cli_layer *predictors, const double *y, size_t memory, cli_context *ctx,
                            dnb_err *err)
{
    cli_scores s = {0};
    cli_targets t = {.y = y, .m = m};
    dnb_status status = cli_scores_init(&s, predictors, DNB_ITER_NONE, m, 0, job, memory, err);
    if (status == DNB_OK)
        status =
            cli_scores_uv(&s, 0, job, NULL, 0, predictors, DNB_ITER_NONE, &t, memory, ctx, err);
    for (size_t i = 0; i < m && status == DNB_OK; i++) {
        memcpy(d->s->score + unit[i] * s.k, s.score + i * s.k, s.k * sizeof *s.score);
        d->s->mean[unit[i]] = s.mean[i];
        d->location[unit[i]] = s.place[3 * i];
        if (d->s->p) {
            d->s->p[unit[i]] = s.p[i];
            d->s->p_max[unit[i]] = s.p_max[i];
        }
    }
    cli_scores_release(&s);
    return status;
}

/* How many units at a time; some runs need all of them at once. */
static dnb_status choose_block(size_t *block, const cli_layer *l, const cli_job *job, size_t memory,
                               dnb_err *err)
{
    size_t units = l->shape[0] * l->shape[1] * l->shape[2];
    size_t fit = memory / 4 / (l->rows.n * 2 * sizeof(double));
    bool together =
        job->args->permute || (!job->uv && job->regression == DNB_PLS) || job->args->shared_alpha;
    *block = fit < units ? fit : units;
    if (*block == units || (*block > 0 && !together))
        return DNB_OK;
    return dnb_fail(err, DNB_ENOMEM,
                    "layer %s: its %zu units must be predicted together (%s) and do not fit the "
                    "memory budget; raise --memory or select units",
                    l->name, units, job->args->permute ? "p_max is over all of them" : "pls");
}

static dnb_status decode_block(decoded *d, size_t first, size_t count, const cli_study *s,
                               cli_layer *layer, cli_layer *predictors, size_t memory,
                               cli_context *ctx, dnb_err *err)
{
    double *y = malloc(layer->rows.n * count * sizeof *y + 1);
    size_t *varying = NULL, m = count;
    dnb_err none = {0};
    dnb_status status = y ? read_targets(y, layer, first, count, err)
                          : dnb_fail(err, DNB_ENOMEM, "layer %s: out of memory", layer->name);
    if (status == DNB_OK) {
        status = cli_drop_constant(&varying, y, layer->rows.n, &m, layer->name, &none);
        if (status == DNB_EARG) { /* dead units only: their scores stay 0 */
            d->n_constant += count;
            free(y);
            return DNB_OK;
        }
        if (status != DNB_OK)
            dnb_fail(err, status, "%s", none.message);
        d->n_constant += count - m;
    }
    for (size_t t = 0; t < m && status == DNB_OK; t++)
        varying[t] += first;
    if (status == DNB_OK)
        status = s->job.uv ? decode_uv(d, varying, m, &s->job, predictors, y, memory, ctx, err)
                           : decode_mv(d, varying, m, &s->job, &predictors->rows,
                                       s->responses->path, y, memory, ctx, err);
    free(varying);
    free(y);
    return status;
}

static dnb_status save(const decoded *d, const cli_layer *l, const cli_study *s, cli_context *ctx,
                       dnb_err *err)
{
    const size_t *u = l->shape, shape[4] = {u[0], u[1], u[2], d->s->k};
    char *dir = NULL;
    dnb_status status = cli_maps_folder(&dir, s->args->out, l->name, NULL, err);
    const struct {
        const char *name;
        const double *values;
    } list[] = {{"max_score", s->job.uv ? d->s->mean : NULL},
                {"p", d->s->p},
                {"p_max", d->s->p_max},
                {"q", d->s->q}};
    if (status == DNB_OK)
        status = cli_maps_array(dir, "score", DNB_F64, 4, shape, d->s->score, ctx, err);
    for (size_t i = 0; i < 4 && status == DNB_OK; i++)
        if (list[i].values)
            status = cli_maps_array(dir, list[i].name, DNB_F64, 3, shape, list[i].values, ctx, err);
    if (status == DNB_OK && d->location)
        status = cli_maps_array(dir, "location", DNB_I64, 3, shape, d->location, ctx, err);
    if (status == DNB_OK)
        cli_say(ctx, "wrote %s: %zu units", dir, d->s->m);
    free(dir);
    return status;
}

static dnb_status decode_layer(cli_study *s, size_t l, cli_layer *predictors, size_t *n_constant,
                               cli_context *ctx, dnb_err *err)
{
    decoded d = {0};
    cli_layer *layer = &s->layers[l];
    size_t block = 0, memory = ctx->memory;
    dnb_status status = decoded_init(&d, &s->scores[l], layer, &s->job, memory / 4, err);
    if (status == DNB_OK)
        status = choose_block(&block, layer, &s->job, memory, err);
    for (size_t first = 0; status == DNB_OK && first < d.s->m; first += block) {
        size_t count = d.s->m - first < block ? d.s->m - first : block;
        status = decode_block(&d, first, count, s, layer, predictors, memory / 2, ctx, err);
    }
    if (status == DNB_OK && d.s->p)
        status = dnb_fdr(d.s->q, d.s->p, d.s->m, err);
    if (status == DNB_OK && d.n_constant)
        cli_warn(ctx, "layer %s: %zu of %zu units do not vary; their scores are set to 0",
                 layer->name, d.n_constant, d.s->m);
    if (status == DNB_OK)
        status = save(&d, layer, s, ctx, err);
    *n_constant += d.n_constant;
    free(d.location);
    return status;
}

/* Regressions of the columns of -beh on the responses, fitted on all stimuli. */
static dnb_status save_weights(const cli_study *s, const cli_layer *predictors, cli_context *ctx,
                               dnb_err *err)
{
    size_t n = s->job.n, m = s->table_width, *varying = NULL;
    double *y = malloc(n * m * sizeof *y + 1);
    dnb_status status = y ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "out of memory for the targets");
    if (status == DNB_OK) {
        memcpy(y, s->table, n * m * sizeof *y);
        status = cli_drop_constant(&varying, y, n, &m, s->args->network.stim, err);
    }
    const cli_weights w = {.job = &s->job,
                           .input = DNB_WEIGHTS_RESPONSES,
                           .layers = predictors,
                           .n_layers = 1,
                           .layer_name = CLI_WEIGHTS_RESPONSES,
                           .features = s->predictors,
                           .y = y,
                           .m = m,
                           .which = varying,
                           .target_names = s->target_names};
    if (status == DNB_OK)
        status = cli_weights_save(&w, s->args->save_weights, ctx->memory / 2, ctx, err);
    free(varying);
    free(y);
    return status;
}

static dnb_status run_layers(cli_study *s, const cli_responses *r, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = s->args;
    cli_layer predictors;
    char part[256];
    size_t n_constant = 0;
    const char *path = s->has_patterns ? s->patterns.path : a->network.stim;
    cli_layer_of_table(&predictors, r->path, r->y, r->n, r->m);
    dnb_status status = cli_job_stimuli(&s->job, r->n, r->path, s->ids, ctx, err);
    if (status == DNB_OK)
        status = cli_job_folds(&s->job, NULL, ctx, err);
    if (status == DNB_OK && s->has_patterns)
        status = cli_patterns_run(&s->patterns, &a->source, &a->network, a->out, cli_study_bytes, s,
                                  ctx, err);
    if (s->has_patterns && !s->patterns.file)
        ctx->memory = s->patterns.memory;
    if (status == DNB_OK)
        status = cli_study_layers(s, 0, err);
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++) {
        status = decode_layer(s, l, &predictors, &n_constant, ctx, err);
        snprintf(part, sizeof part, "layer %s", s->layers[l].name);
        status = cli_blame(err, status, path, part);
    }
    if (status == DNB_OK)
        status = cli_study_report(s, n_constant, ctx, err);
    if (status == DNB_OK && a->save_weights)
        status = save_weights(s, &predictors, ctx, err);
    return status;
}

/* Classes from responses: probe's run, with the responses as the only layer. */
static dnb_status run_classes(cli_study *s, cli_responses *r, cli_context *ctx, dnb_err *err)
{
    s->table = r->y;
    s->table_width = r->m;
    r->y = NULL;
    s->m = s->args->beh.count;
    s->responses = NULL;
    s->target_path = s->args->network.stim;
    return cli_study_run(s, ctx, err);
}

static dnb_status run(const void *args, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = args;
    cli_study s = {0};
    cli_responses r = {0};
    dnb_status status = cli_study_check_beh(a, ctx, err);
    if (status == DNB_OK)
        status = cli_study_check(&s, a, ctx, err);
    if (status == DNB_OK && s.job.classify && !a->beh.count)
        status = cli_usage(ctx, err,
                           "-model %s predicts classes: give -beh, columns of -stim (activations "
                           "are numbers, for regressions)",
                           a->mapping.model);
    if (status == DNB_OK && a->save_weights && !a->beh.count)
        status = cli_usage(ctx, err, "-save-weights of decode is for columns of -stim: give -beh");
    if (status == DNB_OK)
        status = cli_study_stim(&s, ctx, err);
    if (status == DNB_OK) {
        s.predictors = &r;
        s.decoding = true;
        s.target_names = a->beh.count ? a->beh.items : NULL;
        s.table_width = a->beh.count;
        status = cli_study_open_responses(&s, &r, a, ctx, err);
    }
    if (status == DNB_OK && a->beh.count)
        status = s.job.classify ? cli_study_columns(NULL, &s.classes, &s, err)
                                : cli_study_columns(&s.table, NULL, &s, err);
    if (status == DNB_OK)
        status = s.job.classify ? run_classes(&s, &r, ctx, err) : run_layers(&s, &r, ctx, err);
    cli_study_release(&s);
    cli_responses_release(&r);
    return status;
}

static const char *const aliases[] = {"db_decode", NULL};
static const char *const examples[] = {
    "dnnbrain decode -anal mv -model ridge -alpha 10 -act all.act.h5 -layer fc3 -resp beta.nii.gz "
    "-bmask vtc.nii.gz -out decode",
    "How well every unit of fc3 can be read from all voxels of a region.",
    "dnnbrain decode -anal mv -model ridge -alpha 10 -stim all.stim.csv -beh RT -resp vtc.roi.h5 "
    "-out decode",
    "The same of a behaviour column.",
    "dnnbrain decode -anal mv -model svc -stim all.stim.csv -beh condition -resp beta.nii.gz "
    "-bmask "
    "vtc.nii.gz -groups all.stim.csv:run -folds leave-group-out -out decode",
    "What category was seen, from all voxels of a region, tested on runs left out.",
    "dnnbrain decode -anal mv -model lrc -stim all.stim.csv -beh condition -resp beta.nii.gz "
    "-bmask "
    "vtc.nii.gz -out decode -save-weights decode.weights.h5",
    "The same, and the decoder of all stimuli kept for `dnnbrain predict`.",
    NULL};

const cli_command cmd_decode = {
    .name = "decode",
    .aliases = aliases,
    .summary = "predict activations or behaviour from brain responses",
    .description =
        "Cross-validated prediction of every unit of each layer (or of columns of the stimulus "
        "list, as numbers or classes) from ROIs or voxels. -anal uv fits each ROI or voxel alone "
        "and keeps, per unit, the "
        "one with the best mean score over folds; -anal mv uses all of them together.\n\n"
        "Writes DIR/LAYER/score.npy (channels x rows x columns x folds); uv also max_score.npy and "
        "location.npy (channels x rows x columns), the number of the best ROI or voxel, from 1 in "
        "the order of the response; classifiers conf_m.npy (channels x rows x columns x folds x "
        "classes x classes, rows are the truth). Columns of -beh are channels of a layer `beh`. "
        "Units that do not vary, such as dead ReLUs, score 0.",
    .examples = examples,
    .options = options,
    .args_size = sizeof(cli_map_args),
    .heavy_blas = true,
    .run = run};
