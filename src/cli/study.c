/* From layers to files: the run that probe, encode and corr share. */
#include "study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_weights.h"

dnb_status cli_study_check(cli_study *s, const cli_map_args *args, cli_context *ctx, dnb_err *err)
{
    *s = (cli_study){.args = args};
    dnb_status status = dnb_iteraxis_parse(&s->axis, args->iteraxis, err);
    if (status == DNB_OK)
        status = cli_job_init(&s->job, &args->mapping, ctx, err);
    if (status == DNB_OK && args->best_layer && (s->job.uv || args->iteraxis))
        status = cli_usage(ctx, err, "-best-layer belongs to -anal mv without -iteraxis");
    if (status == DNB_OK && s->job.banded &&
        (args->best_layer || args->iteraxis || args->save_weights))
        status = cli_usage(ctx, err, "%s does not belong to -model banded",
                           args->best_layer ? "-best-layer"
                           : args->iteraxis ? "-iteraxis"
                                            : "-save-weights");
    if (status == DNB_OK && args->save_weights && (s->job.uv || args->iteraxis))
        status = cli_usage(ctx, err, "-save-weights belongs to -anal mv, without -iteraxis");
    if (status == DNB_OK)
        status = cli_report_check(args->figure, args->show, ctx, err);
    if (status == DNB_OK && args->brain.resp)
        status = cli_brain_check(&args->brain, ctx, err);
    return status;
}

dnb_status cli_study_check_beh(const cli_map_args *a, cli_context *ctx, dnb_err *err)
{
    if (a->beh.count && (a->source.act || a->network.net) &&
        strcmp(a->mapping.model, "banded") != 0)
        return cli_usage(ctx, err, "give either -beh or activations (-act, -net), not both");
    if (a->beh.count && !a->network.stim)
        return cli_usage(ctx, err, "-beh needs -stim, the list that has the columns");
    if (a->beh.count && !(a->source.act || a->network.net) &&
        (a->iteraxis || a->units.layer.count || a->units.chn.count || a->units.dmask))
        return cli_usage(ctx, err, "-layer, -chn, -dmask and -iteraxis belong to activations");
    return DNB_OK;
}

/* -stim goes with -act here: it holds columns and says which stimuli are repeats. */
static dnb_status check_source(const cli_map_args *a, cli_context *ctx, dnb_err *err)
{
    cli_network n = a->network;
    if (a->source.act)
        n.stim = NULL;
    return cli_source_check(&a->source, &n, ctx, err);
}

dnb_status cli_study_stim(cli_study *s, cli_context *ctx, dnb_err *err)
{
    const char *path = s->args->network.stim;
    if (!path)
        return DNB_OK;
    dnb_status status = dnb_stim_read(&s->stim, path, err);
    if (status == DNB_OK)
        status =
            cli_record_input(ctx, "stim", path, dnb_stim_get_meta(&s->stim, "provenance"), err);
    if (status != DNB_OK)
        return status;
    s->has_stim = true;
    size_t n = dnb_stim_count(&s->stim);
    s->ids = calloc(n + 1, sizeof *s->ids);
    if (!s->ids)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < n; i++)
        s->ids[i] = (char *)dnb_stim_id(&s->stim, i);
    return DNB_OK;
}

static dnb_status copy_column(double *out, size_t stride, const dnb_column *c, size_t n,
                              const char *path, dnb_err *err)
{
    if (c->kind == DNB_COLUMN_TEXT)
        return dnb_fail(err, DNB_EARG,
                        "%s: column '%s' is text; this model needs numbers, classifiers (svc, lrc, "
                        "lda, gnb) take classes",
                        path, c->name);
    for (size_t i = 0; i < n; i++) {
        double v = c->kind == DNB_COLUMN_INT ? (double)c->ints[i] : c->reals[i];
        if (!isfinite(v))
            return dnb_fail(err, DNB_EARG,
                            "%s: column '%s' is %g in row %zu; leave such stimuli out", path,
                            c->name, v, i + 1);
        out[i * stride] = v;
    }
    return DNB_OK;
}

dnb_status cli_study_columns(double **out, cli_codes **codes, const cli_study *s, dnb_err *err)
{
    const cli_strings *beh = &s->args->beh;
    const char *path = s->args->network.stim;
    size_t n = dnb_stim_count(&s->stim), m = beh->count;
    double *values = codes ? NULL : calloc(n * m + 1, sizeof *values);
    cli_codes *list = codes ? calloc(m + 1, sizeof *list) : NULL;
    dnb_status status =
        values || list ? DNB_OK : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    for (size_t t = 0; t < m && status == DNB_OK; t++) {
        const dnb_column *c = NULL;
        status = cli_column_find(&c, &s->stim.data, path, beh->items[t], err);
        if (status == DNB_OK)
            status = codes ? cli_codes_of(&list[t], c, n, path, err)
                           : copy_column(values + t, m, c, n, path, err);
    }
    if (status == DNB_OK && codes)
        *codes = list;
    else if (status == DNB_OK)
        *out = values;
    if (status == DNB_OK)
        return status;
    for (size_t t = 0; list && t < m; t++)
        cli_codes_release(&list[t]);
    free(list);
    free(values);
    return status;
}

dnb_status cli_study_open(cli_study *s, size_t n, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = s->args;
    bool table =
        s->target_path != a->network.stim && a->beh.count && !a->source.act && !a->network.net;
    dnb_status status = table ? DNB_OK : check_source(a, ctx, err);
    if (status == DNB_OK && table && dnb_stim_count(&s->stim) != n)
        status = dnb_fail(err, DNB_ESHAPE, "%s lists %zu stimuli but %s holds %zu", a->network.stim,
                          dnb_stim_count(&s->stim), s->target_path, n);
    if (status != DNB_OK || table)
        return status;
    s->has_patterns = true;
    status = cli_patterns_open(&s->patterns, &a->source, &a->network, &a->units, ctx, err);
    if (status == DNB_OK && s->patterns.n != n)
        status = dnb_fail(err, DNB_ESHAPE, "%s holds %zu stimuli but %s holds %zu",
                          s->patterns.path, s->patterns.n, s->target_path, n);
    if (status == DNB_OK && s->has_stim && dnb_stim_count(&s->stim) != n)
        status = dnb_fail(err, DNB_ESHAPE, "%s lists %zu stimuli but %s holds %zu", a->network.stim,
                          dnb_stim_count(&s->stim), s->patterns.path, n);
    return status;
}

dnb_status cli_study_open_responses(cli_study *s, cli_responses *responses, const cli_map_args *a,
                                    cli_context *ctx, dnb_err *err)
{
    dnb_status status = cli_responses_read(responses, &a->brain, "resp", ctx, err);
    if (status != DNB_OK)
        return status;
    ctx->memory -= responses->n * responses->m * sizeof *responses->y;
    if (!s->decoding) {
        s->y = responses->y;
        s->m = responses->m;
    }
    s->target_path = responses->path;
    s->responses = responses;
    return cli_study_open(s, responses->n, ctx, err);
}

/* The plan looks at sizes only. */
static dnb_status never_read(void *ctx, size_t row, size_t n_rows, size_t col, size_t n_cols,
                             void *dst, dnb_err *err)
{
    (void)ctx, (void)row, (void)n_rows, (void)col, (void)n_cols, (void)dst;
    return dnb_fail(err, DNB_EINTERNAL, "patterns were read before they were made");
}

dnb_status cli_study_bytes(const void *analysis, const dnb_scan_layer *layer, const dnb_rows *rows,
                           size_t memory, size_t *most, size_t *kept, dnb_err *err)
{
    const cli_study *s = analysis;
    size_t parts = 1;
    if (s->axis != DNB_ITER_NONE)
        parts = s->axis == DNB_ITER_CHANNEL ? layer->shape[0] : layer->shape[1] * layer->shape[2];
    *kept = parts * s->m * (s->job.folds.k + 8) * sizeof(double);
    *most = (size_t)64 << 20;
    if (s->job.banded) { /* coordinates, once and by fold; the engine counts exactly */
        *kept += 3 * rows->n * (rows->n < rows->d ? rows->n : rows->d) * sizeof(double);
        *most += rows->n * rows->n * sizeof(double);
    }
    (void)memory;
    if (s->decoding) {
        size_t units = layer->shape[0] * layer->shape[1] * layer->shape[2];
        *kept = units * (s->job.folds.k + 5) * sizeof(double);
        *most += *kept;
        return DNB_OK;
    }
    if (s->job.uv || s->job.banded || s->axis != DNB_ITER_NONE)
        return DNB_OK;
    dnb_mapping_options o;
    dnb_mapping_layer one = {layer->name, *rows};
    one.x.stride = rows->d;
    one.x.read = never_read;
    cli_job_options(&o, &s->job, SIZE_MAX / 2, NULL);
    return dnb_mapping_plan_bytes(most, &one, 1, s->classes ? 1 : s->m, &o, err);
}

dnb_status cli_study_layers(cli_study *s, size_t memory, dnb_err *err)
{
    s->n_layers = s->has_patterns ? s->patterns.set.n : 1;
    s->layers = calloc(s->n_layers + 1, sizeof *s->layers);
    s->scores = calloc(s->n_layers + 1, sizeof *s->scores);
    s->n_scores = s->scores ? s->n_layers : 0;
    if (!s->layers || !s->scores)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu layers", s->n_layers);
    if (!s->has_patterns) {
        cli_layer_of_table(&s->layers[0], "beh", s->table, s->job.n, s->table_width);
        return DNB_OK;
    }
    for (size_t l = 0; l < s->n_layers; l++) {
        dnb_status status = cli_layer_open(&s->layers[l], &s->patterns, l, memory, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

static dnb_status init_scores(cli_study *s, size_t memory, dnb_err *err)
{
    size_t most = 0;
    for (size_t t = 0; s->classes && t < s->m; t++) {
        char **names = NULL;
        size_t n_classes = 0;
        dnb_status status = cli_codes_names(&names, &n_classes, &s->classes[t], err);
        cli_codes_names_free(names, n_classes);
        if (status != DNB_OK)
            return status;
        most = n_classes > most ? n_classes : most;
    }
    for (size_t l = 0; l < s->n_layers; l++) {
        dnb_status status = cli_scores_init(&s->scores[l], &s->layers[l], s->axis, s->m, most,
                                            &s->job, memory, err);
        if (status != DNB_OK)
            return status;
    }
    return DNB_OK;
}

/* One set of targets: all numbers, or one column of classes. */
static dnb_status map_targets(cli_study *s, size_t first, const cli_targets *t, size_t memory,
                              cli_context *ctx, dnb_err *err)
{
    char part[256];
    dnb_status status = DNB_OK;
    cli_patterns *p = s->has_patterns ? &s->patterns : NULL;
    const char *path = p ? p->path : s->args->network.stim;
    if (!s->job.uv) {
        cli_best *best = s->args->best_layer && first == 0 ? &s->best : NULL;
        status = cli_scores_mv(s->scores, best, first, &s->job, s->layers, s->n_layers, s->axis, t,
                               memory, ctx, err);
        return cli_blame(err, status, path, NULL);
    }
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++) {
        status = cli_scores_uv(&s->scores[l], first, &s->job, p, l, &s->layers[l], s->axis, t,
                               memory, ctx, err);
        snprintf(part, sizeof part, "layer %s", s->layers[l].name);
        status = cli_blame(err, status, path, part);
    }
    return status;
}

/* Classes have no file of their own to be named by. */
static dnb_status blame_column(const cli_study *s, size_t c, dnb_status status, dnb_err *err)
{
    if (status == DNB_OK || status == DNB_ECANCELLED)
        return status;
    return dnb_fail_prefix(err, status, "%s: column '%s'", s->target_path, s->args->beh.items[c]);
}

static dnb_status map_all(cli_study *s, size_t memory, cli_context *ctx, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (!s->classes) {
        cli_targets t = {.y = s->y, .m = s->m};
        return map_targets(s, 0, &t, memory, ctx, err);
    }
    for (size_t c = 0; c < s->m && status == DNB_OK; c++) {
        cli_targets t = {.labels = s->classes[c].value, .m = 1};
        if (c > 0) /* folds of the first were needed for the sizes */
            status = cli_job_folds(&s->job, t.labels, ctx, err);
        if (status == DNB_OK && s->job.folds.k != s->scores[0].k)
            status = dnb_fail(err, DNB_ESHAPE, "columns %s and %s have %zu and %zu folds; name one",
                              s->args->beh.items[0], s->args->beh.items[c], s->scores[0].k,
                              s->job.folds.k);
        if (status == DNB_OK)
            status = map_targets(s, c, &t, memory, ctx, err);
        if (status != DNB_OK)
            status = blame_column(s, c, status, err);
    }
    return status;
}

static const char *target_name(const void *ctx, size_t layer, size_t t, char *buf, size_t size)
{
    const cli_study *s = ctx;
    int64_t place[3];
    if (s->responses && !s->decoding)
        return cli_responses_name(s->responses, t, true, buf, size);
    if (s->target_names) {
        snprintf(buf, size, "%s", s->target_names[t]);
        return buf;
    }
    cli_layer_place(&s->layers[layer], t, place);
    snprintf(buf, size, "(%lld,%lld,%lld)", (long long)place[0], (long long)place[1],
             (long long)place[2]);
    return buf;
}

/* What a classifier scores without looking at its features, a column each; nothing for numbers, and
 * for F1, where always saying the commonest class is not the best that it could do. */
static dnb_status chance_levels(double **out, const cli_study *s, dnb_err *err)
{
    dnb_scoring scoring = s->job.scoring;
    dnb_status status = DNB_OK;
    if (!s->classes || scoring == DNB_SCORE_F1)
        return DNB_OK;
    double *chance = calloc(s->m + 1, sizeof *chance);
    if (!chance)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu columns", s->m);
    for (size_t c = 0; c < s->m && status == DNB_OK; c++) {
        size_t n_classes = 0, most = 0;
        status = cli_codes_count(&n_classes, &most, &s->classes[c], err);
        if (status != DNB_OK)
            break;
        chance[c] = scoring == DNB_SCORE_AUC        ? 0.5
                    : scoring == DNB_SCORE_ACCURACY ? (double)most / (double)s->job.n
                                                    : 1 / (double)n_classes;
    }
    if (status == DNB_OK)
        *out = chance;
    else
        free(chance);
    return status;
}

dnb_status cli_study_report(cli_study *s, size_t n_constant, cli_context *ctx, dnb_err *err)
{
    cli_report r = {.out = s->args->out,
                    .figure = s->args->figure,
                    .show = s->args->show,
                    .job = &s->job,
                    .axis = s->axis,
                    .scores = s->scores,
                    .n_layers = s->n_scores,
                    .n_constant = n_constant,
                    .best = s->best.m ? &s->best : NULL,
                    .ceiling = s->ceiling,
                    .constant = s->constant,
                    .responses = s->decoding ? NULL : s->responses,
                    .target = target_name,
                    .ctx = s};
    char **names = NULL;
    double *chance = NULL;
    dnb_status status = cli_maps_provenance(s->args->out, ctx, err);
    if (status == DNB_OK)
        status = chance_levels(&chance, s, err);
    r.chance = chance;
    if (status == DNB_OK && s->classes && s->m == 1)
        status = cli_codes_names(&names, &r.n_classes, &s->classes[0], err);
    r.classes = (const char *const *)names;
    if (status == DNB_OK)
        status = cli_report_write(&r, ctx, err);
    cli_codes_names_free(names, r.n_classes);
    free(chance);
    return status;
}

static dnb_status write_all(cli_study *s, size_t n_constant, cli_context *ctx, dnb_err *err)
{
    cli_maps maps = {.out = s->args->out,
                     .iteraxis = s->args->iteraxis,
                     .responses = s->responses,
                     .corr = s->job.corr && s->responses,
                     .probe = s->job.corr,
                     .job = &s->job,
                     .decoded = s->decoding};
    dnb_status status = DNB_OK;
    if (s->job.banded)
        status = cli_bands_write(s, ctx, err);
    for (size_t l = 0; l < s->n_layers && !s->job.banded && status == DNB_OK; l++)
        status = cli_maps_write(&maps, &s->scores[l], ctx, err);
    if (status == DNB_OK && s->best.m)
        status = cli_maps_write_best(&maps, &s->best, ctx, err);
    const size_t table[2] = {s->m_all, 3};
    if (status == DNB_OK && s->ceiling_table)
        status = cli_maps_array(maps.out, "ceiling", DNB_F64, 2, table, s->ceiling_table, ctx, err);
    for (size_t l = 0; l < s->n_layers && s->decoding; l++) { /* a place among ROIs, no unit's */
        free(s->scores[l].place);
        s->scores[l].place = NULL;
    }
    if (status == DNB_OK)
        status = cli_study_report(s, n_constant, ctx, err);
    return status;
}

/* What must be right before the work starts. */
static dnb_status prepare(cli_study *s, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = s->args;
    const char *path = s->has_patterns ? s->patterns.path : a->network.stim;
    size_t n = s->has_patterns ? s->patterns.n : dnb_stim_count(&s->stim);
    dnb_status status = cli_job_stimuli(&s->job, n, path, s->ids, ctx, err);
    if (status == DNB_OK && !s->job.corr)
        status = cli_job_folds(&s->job, s->classes ? s->classes[0].value : NULL, ctx, err);
    if (status != DNB_OK && s->classes && !ctx->usage && s->job.n)
        status = blame_column(s, 0, status, err);
    if (status == DNB_OK && a->best_layer && (!s->has_patterns || s->patterns.set.n < 2))
        status = cli_usage(ctx, err, "-best-layer needs several layers to choose among");
    s->m_all = s->m;
    if (status == DNB_OK && s->y)
        status = cli_drop_constant(&s->varying, s->y, n, &s->m, s->target_path, err);
    if (status != DNB_OK)
        return status;
    s->constant = calloc(s->m_all + 1, sizeof *s->constant);
    if (!s->constant)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu targets", s->m_all);
    for (size_t t = 0; t < s->m_all; t++)
        s->constant[t] = s->varying != NULL;
    for (size_t t = 0; t < s->m && s->varying; t++)
        s->constant[s->varying[t]] = false;
    if (s->m < s->m_all)
        cli_warn(ctx, "%s: %zu of %zu targets do not vary; their scores are set to 0",
                 s->target_path, s->m_all - s->m, s->m_all);
    cli_note_number(ctx, "targets", (double)s->m_all);
    cli_note_number(ctx, "constant_targets", (double)(s->m_all - s->m));
    return cli_study_ceiling(s, ctx, err);
}

/* Where results of all targets are wanted, those that do not vary get their place back. */
static dnb_status spread_all(cli_study *s, dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (size_t l = 0; l < s->n_layers && status == DNB_OK; l++)
        status = cli_scores_spread(&s->scores[l], s->varying, s->m_all, err);
    if (status == DNB_OK && s->best.m)
        status = cli_best_spread(&s->best, s->varying, s->m_all, err);
    return status;
}

static dnb_status save_weights(const cli_study *s, size_t memory, cli_context *ctx, dnb_err *err)
{
    cli_weights w = {.job = &s->job,
                     .input = s->has_patterns ? DNB_WEIGHTS_ACTIVATIONS
                              : s->decoding   ? DNB_WEIGHTS_RESPONSES
                                              : DNB_WEIGHTS_BEHAVIOUR,
                     .layers = s->layers,
                     .n_layers = s->n_layers,
                     .layer_name = s->decoding ? CLI_WEIGHTS_RESPONSES : NULL,
                     .features = s->predictors,
                     .y = s->y,
                     .classes = s->classes,
                     .m = s->m,
                     .which = s->varying,
                     .responses = s->responses,
                     .target_names = s->target_names};
    if (w.input == DNB_WEIGHTS_BEHAVIOUR)
        w.columns = s->args->beh.items;
    return cli_weights_save(&w, s->args->save_weights, memory, ctx, err);
}

dnb_status cli_study_run(cli_study *s, cli_context *ctx, dnb_err *err)
{
    const cli_map_args *a = s->args;
    dnb_status status = prepare(s, ctx, err);
    if (status == DNB_OK && s->has_patterns)
        status = cli_patterns_run(&s->patterns, &a->source, &a->network, a->out, cli_study_bytes, s,
                                  ctx, err);
    size_t memory = s->has_patterns && !s->patterns.file ? s->patterns.memory : ctx->memory;
    /* What has a closed form reads the file itself; what is fitted part by part wants it at hand.
     */
    bool fitted = s->job.classify ||
                  (!s->job.corr && s->job.regression != DNB_GLM && s->job.regression != DNB_LASSO);
    bool hold = s->job.uv ? fitted : s->axis != DNB_ITER_NONE;
    if (status == DNB_OK)
        status = cli_study_layers(
            s, hold ? memory / 4 / (s->has_patterns ? s->patterns.set.n : 1) : 0, err);
    if (status == DNB_OK && s->job.banded)
        status = cli_bands_run(s, memory / 2, ctx, err);
    if (status == DNB_OK && !s->job.banded)
        status = init_scores(s, memory / 2, err);
    if (status == DNB_OK && !s->job.banded)
        status = map_all(s, memory / 2, ctx, err);
    if (status == DNB_OK && !s->job.banded && s->m < s->m_all)
        status = spread_all(s, err);
    if (status == DNB_OK)
        status = write_all(s, s->m_all - s->m, ctx, err);
    if (status == DNB_OK && a->save_weights)
        status = save_weights(s, memory / 2, ctx, err);
    return status;
}

void cli_study_release(cli_study *s)
{
    for (size_t l = 0; l < s->n_layers; l++) {
        if (s->layers)
            cli_layer_release(&s->layers[l]);
    }
    for (size_t l = 0; l < s->n_scores; l++)
        cli_scores_release(&s->scores[l]);
    cli_bands_release(&s->bands);
    for (size_t t = 0; s->classes && t < s->m; t++)
        cli_codes_release(&s->classes[t]);
    free(s->classes);
    free(s->layers);
    free(s->scores);
    cli_best_release(&s->best);
    if (s->has_patterns)
        cli_patterns_release(&s->patterns);
    free(s->table);
    free(s->varying);
    free(s->ceiling);
    free(s->ceiling_table);
    free(s->constant);
    free(s->ids);
    dnb_stim_release(&s->stim);
    cli_job_release(&s->job);
    *s = (cli_study){0};
}
