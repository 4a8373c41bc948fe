/* Options of probe, encode and decode, understood and checked. */
#include "mapping_job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnb_status find_model(cli_job *job, dnb_err *err)
{
    const char *name = job->args->model;
    for (int k = 0; k < DNB_REGRESSION_COUNT; k++)
        if (strcmp(name, dnb_regression_name((dnb_regression_kind)k)) == 0)
            return dnb_regression_parse(&job->regression, name, err);
    job->banded = strcmp(name, "banded") == 0;
    if (job->banded)
        job->regression = DNB_RIDGE;
    if (job->banded)
        return DNB_OK;
    job->corr = strcmp(name, "corr") == 0;
    if (job->corr)
        return DNB_OK;
    job->classify = true;
    return dnb_classifier_parse(&job->classifier, name, err);
}

static dnb_status find_scoring(cli_job *job, cli_context *ctx, dnb_err *err)
{
    job->scoring = job->classify ? DNB_SCORE_ACCURACY : DNB_SCORE_EXPLAINED_VARIANCE;
    if (!job->args->scoring)
        return DNB_OK;
    dnb_status status = dnb_scoring_parse(&job->scoring, job->args->scoring, err);
    if (status != DNB_OK) {
        ctx->usage = true;
        return dnb_fail_prefix(err, status, "-scoring");
    }
    if (dnb_scoring_is_label(job->scoring) != job->classify)
        return cli_usage(ctx, err, "-scoring %s scores %s, but -model %s predicts %s",
                         job->args->scoring, job->classify ? "numbers" : "labels", job->args->model,
                         job->classify ? "labels" : "numbers");
    return DNB_OK;
}

static bool penalised(const cli_job *job)
{
    return !job->classify && !job->corr && job->regression != DNB_GLM && job->regression != DNB_PLS;
}

static dnb_status check_model(const cli_job *job, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *a = job->args;
    bool chosen = a->alpha.count > 1;
    if ((a->alpha.count || a->choice || a->shared_alpha) && !penalised(job))
        return cli_usage(ctx, err, "-alpha belongs to ridge, lasso and elasticnet, not to %s",
                         a->model);
    for (size_t i = 0; i < a->alpha.count; i++)
        if (!(a->alpha.items[i] > 0))
            return cli_usage(ctx, err, "-alpha %g: penalties are above 0", a->alpha.items[i]);
    if ((a->choice || a->shared_alpha) && !chosen)
        return cli_usage(ctx, err,
                         "-alpha-choice and -shared-alpha need several -alpha to choose "
                         "among");
    if (a->choice && strcmp(a->choice, "cv") != 0 && job->regression != DNB_RIDGE)
        return cli_usage(ctx, err, "-alpha-choice %s is for ridge; %s takes cv", a->choice,
                         a->model);
    if (a->l1_ratio != 0 && (job->classify || job->regression != DNB_ELASTICNET))
        return cli_usage(ctx, err, "-l1-ratio belongs to elasticnet");
    if (a->components && (job->classify || job->regression != DNB_PLS))
        return cli_usage(ctx, err, "-components belongs to pls");
    if (a->c != 0 &&
        !(job->classify && (job->classifier == DNB_SVC || job->classifier == DNB_LOGISTIC)))
        return cli_usage(ctx, err, "-c belongs to svc and lrc");
    return DNB_OK;
}

/* Level of the maximum statistic. */
static const double family_level = 0.05;

static dnb_status check_finding(const cli_job *job, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *a = job->args;
    const char *option = a->max_stat ? "-max-stat" : "-fdr";
    double level = a->max_stat ? family_level : a->fdr, least = 1 / (1 + (double)a->permute);
    if (!cli_job_tests(job))
        return DNB_OK;
    if (a->max_stat && a->fdr > 0)
        return cli_usage(ctx, err, "give either -max-stat or -fdr, not both");
    if (!a->permute)
        return cli_usage(ctx, err, "%s needs -permute N, which makes its p-values", option);
    if (least >= level)
        return cli_usage(ctx, err,
                         "%s: the smallest p-value of %lld permutations is %.3g, so nothing could "
                         "be found below %g; give -permute %.0f or more",
                         option, a->permute, least, level, floor(1 / level));
    return DNB_OK;
}

bool cli_job_tests(const cli_job *job)
{
    return job->args->max_stat || job->args->fdr > 0;
}

bool cli_job_finds(const cli_job *job, double p_max, double q)
{
    return job->args->max_stat ? p_max < family_level : q < job->args->fdr;
}

const char *cli_job_criterion(const cli_job *job, char *buf, size_t size)
{
    if (job->args->max_stat)
        snprintf(buf, size, "p < %g, max-statistic", family_level);
    else
        snprintf(buf, size, "q < %g, false discovery rate", job->args->fdr);
    return buf;
}

static dnb_status check_banded(const cli_job *job, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *a = job->args;
    if (!job->banded && (a->iterations || a->partition))
        return cli_usage(ctx, err, "-iterations and -partition belong to banded");
    if (!job->banded)
        return DNB_OK;
    if (job->uv)
        return cli_usage(ctx, err, "-model banded is multivariate: use -anal mv");
    if (a->choice || a->shared_alpha)
        return cli_usage(ctx, err,
                         "-alpha-choice and -shared-alpha do not belong to banded: each "
                         "target's penalties are chosen by inner folds");
    if (a->pca || a->permute || a->boot)
        return cli_usage(ctx, err, "%s does not belong to -model banded",
                         a->pca       ? "-pca"
                         : a->permute ? "-permute"
                                      : "-bootstrap");
    return DNB_OK;
}

static dnb_status check_analysis(const cli_job *job, cli_context *ctx, dnb_err *err)
{
    const cli_mapping *a = job->args;
    if (job->corr && !job->uv)
        return cli_usage(ctx, err, "-model corr is univariate: use -anal uv");
    if (job->uv && a->pca)
        return cli_usage(ctx, err, "-pca belongs to -anal mv: a single unit has no components");
    if (job->uv && !job->classify && job->regression == DNB_PLS)
        return cli_usage(ctx, err, "-model pls is multivariate: use -anal mv");
    if (job->uv && a->boot)
        return cli_usage(ctx, err, "-bootstrap belongs to -anal mv");
    if (a->boot && job->classify && job->scoring != DNB_SCORE_ACCURACY)
        return cli_usage(ctx, err, "-bootstrap of a classifier is for -scoring accuracy");
    if (a->boot == 1)
        return cli_usage(ctx, err, "-bootstrap takes 0 or at least 2 draws");
    if (job->uv && a->alpha.count > 1)
        return cli_usage(ctx, err, "-anal uv takes one -alpha");
    if (job->corr && a->scoring)
        return cli_usage(ctx, err, "-scoring does not belong to -model corr: its score is r");
    if (job->uv && a->permute &&
        (job->classify || (job->regression != DNB_GLM && job->regression != DNB_LASSO)))
        return cli_usage(ctx, err, "-permute with -anal uv is for glm, lasso and corr");
    if (a->folds && (strcmp(a->folds, "groups") == 0 || strcmp(a->folds, "leave-group-out") == 0) &&
        !a->groups)
        return cli_usage(ctx, err, "-folds %s needs -groups FILE:COLUMN", a->folds);
    if (a->folds && strcmp(a->folds, "stratified") == 0 && !job->classify)
        return cli_usage(ctx, err, "-folds stratified is for classifiers; %s predicts numbers",
                         a->model);
    return DNB_OK;
}

dnb_status cli_job_init(cli_job *job, const cli_mapping *args, cli_context *ctx, dnb_err *err)
{
    *job = (cli_job){.args = args, .uv = strcmp(args->anal, "uv") == 0};
    dnb_status status = find_model(job, err);
    if (status == DNB_OK)
        status = find_scoring(job, ctx, err);
    if (status == DNB_OK)
        status = check_model(job, ctx, err);
    if (status == DNB_OK)
        status = check_banded(job, ctx, err);
    if (status == DNB_OK)
        status = check_analysis(job, ctx, err);
    if (status == DNB_OK)
        status = check_finding(job, ctx, err);
    if (status == DNB_OK)
        status = dnb_provenance_set_number(ctx->provenance, "seed", (double)args->seed, err);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static dnb_status find_repeats(cli_job *job, dnb_err *err)
{
    char **sorted = calloc(job->n + 1, sizeof *sorted);
    if (!sorted)
        return dnb_fail(err, DNB_ENOMEM, "out of memory for %zu stimuli", job->n);
    memcpy(sorted, job->ids, job->n * sizeof *sorted);
    qsort(sorted, job->n, sizeof *sorted, by_text);
    for (size_t i = 1; i < job->n; i++)
        job->repeats |= strcmp(sorted[i], sorted[i - 1]) == 0;
    free(sorted);
    return DNB_OK;
}

dnb_status cli_job_stimuli(cli_job *job, size_t n, const char *from, char **ids, cli_context *ctx,
                           dnb_err *err)
{
    dnb_status status = DNB_OK;
    job->n = n;
    job->ids = ids;
    if (job->args->groups) {
        status = cli_codes_named(&job->groups, "groups", job->args->groups, n, from, err);
        if (status == DNB_OK)
            status = dnb_provenance_set(ctx->provenance, "groups", job->args->groups, err);
    }
    if (status == DNB_OK && ids)
        status = find_repeats(job, err);
    if (status == DNB_OK && job->repeats && job->args->permute)
        status = dnb_fail(err, DNB_EARG,
                          "%s: stimuli are repeated, and permuting repeats as if they were "
                          "independent gives wrong p-values; average the repeats of each stimulus, "
                          "or leave out -permute",
                          from);
    return status;
}

static dnb_folds_kind fold_kind(const cli_job *job)
{
    const char *name = job->args->folds;
    if (!name)
        return job->groups.value ? DNB_FOLDS_GROUPS
               : job->classify   ? DNB_FOLDS_STRATIFIED
                                 : DNB_FOLDS_CONTIGUOUS;
    return strcmp(name, "stratified") == 0        ? DNB_FOLDS_STRATIFIED
           : strcmp(name, "shuffled") == 0        ? DNB_FOLDS_SHUFFLED
           : strcmp(name, "loo") == 0             ? DNB_FOLDS_LEAVE_ONE_OUT
           : strcmp(name, "groups") == 0          ? DNB_FOLDS_GROUPS
           : strcmp(name, "leave-group-out") == 0 ? DNB_FOLDS_LEAVE_GROUP_OUT
                                                  : DNB_FOLDS_CONTIGUOUS;
}

const char *cli_job_folds_name(const cli_job *job)
{
    return dnb_folds_kind_name(fold_kind(job));
}

static dnb_folds_options fold_options(const cli_job *job)
{
    return (dnb_folds_options){.kind = fold_kind(job),
                               .k = (size_t)job->args->cv,
                               .seed = (uint64_t)job->args->seed,
                               .labels = job->labels,
                               .groups = job->groups.value};
}

dnb_status cli_job_folds(cli_job *job, const int64_t *labels, cli_context *ctx, dnb_err *err)
{
    int64_t rare;
    size_t count;
    job->labels = labels;
    dnb_folds_release(&job->folds);
    dnb_folds_options o = fold_options(job);
    dnb_status status = dnb_folds_init(&job->folds, job->n, &o, err);
    if (status == DNB_OK && job->repeats && !job->args->allow_leak)
        status = dnb_folds_check_repeats(&job->folds, (const char *const *)job->ids, err);
    if (status == DNB_OK && labels) {
        status = dnb_folds_least_class(&rare, &count, labels, job->n, err);
        if (status == DNB_OK && o.kind == DNB_FOLDS_STRATIFIED && count < job->folds.k)
            cli_warn(ctx,
                     "class %lld has fewer members (%zu) than there are folds (%zu): some test "
                     "none of it",
                     (long long)rare, count, job->folds.k);
    }
    return status;
}

/* Powers of ten: units of layers differ, and so do their numbers. */
static const double banded_alphas[] = {1e-2, 1e-1, 1,   1e1, 1e2, 1e3, 1e4,
                                       1e5,  1e6,  1e7, 1e8, 1e9, 1e10};

void cli_job_alphas(const double **alphas, size_t *n_alphas, const cli_job *job)
{
    const cli_doubles *given = &job->args->alpha;
    *alphas = given->count ? given->items : banded_alphas;
    *n_alphas = given->count ? given->count : sizeof banded_alphas / sizeof *banded_alphas;
}

dnb_folds_options cli_job_inner(const cli_job *job)
{
    dnb_folds_options inner = fold_options(job);
    inner.k = (size_t)job->args->inner;
    if (inner.kind == DNB_FOLDS_LEAVE_ONE_OUT)
        inner.kind = job->labels ? DNB_FOLDS_STRATIFIED : DNB_FOLDS_CONTIGUOUS;
    if (inner.kind == DNB_FOLDS_LEAVE_GROUP_OUT)
        inner.kind = DNB_FOLDS_GROUPS;
    return inner;
}

void cli_job_options(dnb_mapping_options *out, const cli_job *job, size_t memory, cli_context *ctx)
{
    const cli_mapping *a = job->args;
    dnb_regression_options r = dnb_regression_defaults(job->regression);
    r.alphas = a->alpha.count ? a->alpha.items : NULL;
    r.n_alphas = a->alpha.count;
    if (a->alpha.count > 1)
        r.choice = !a->choice || strcmp(a->choice, "cv") == 0 ? DNB_PENALTY_CV
                   : strcmp(a->choice, "gcv") == 0            ? DNB_PENALTY_GCV
                                                              : DNB_PENALTY_LOO;
    r.scoring = job->scoring;
    r.shared_alpha = a->shared_alpha;
    r.l1_ratio = a->l1_ratio;
    r.components = (size_t)a->components;
    *out = (dnb_mapping_options){.classify = job->classify,
                                 .regression = r,
                                 .classifier = {.kind = job->classifier, .c = a->c},
                                 .n_components = (size_t)a->pca,
                                 .folds = &job->folds,
                                 .inner = cli_job_inner(job),
                                 .scoring = job->scoring,
                                 .predictions = a->boot > 0,
                                 .n_permutations = (size_t)a->permute,
                                 .seed = (uint64_t)a->seed,
                                 .exchange = job->groups.value,
                                 .memory = memory,
                                 .progress = ctx ? &ctx->progress : NULL};
}

void cli_job_release(cli_job *job)
{
    cli_codes_release(&job->groups);
    dnb_folds_release(&job->folds);
    *job = (cli_job){0};
}
