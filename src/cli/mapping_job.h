/* What probe, encode and decode are asked to do: model, folds, score, tests. */
#ifndef DNB_CLI_MAPPING_JOB_H
#define DNB_CLI_MAPPING_JOB_H

#include <dnnbrain/mapping.h>
#include <dnnbrain/univariate.h>

#include "columns.h"
#include "context.h"

/* Embed as `mapping` in a command's argument struct. */
typedef struct cli_mapping {
    const char *anal, *model, *scoring, *choice, *folds, *groups;
    cli_doubles alpha;
    double l1_ratio, c, fdr;
    long long cv, inner, components, pca, seed, permute, boot, iterations;
    bool shared_alpha, allow_leak, max_stat, partition;
} cli_mapping;

/* What counts as found, once there are p-values. */
#define CLI_FINDING_OPTIONS(args)                                                                  \
    {.name = "max-stat",                                                                           \
     .type = CLI_FLAG,                                                                             \
     .offset = offsetof(args, mapping.max_stat),                                                   \
     .help = "With -permute: mark what is found at p_max < 0.05, the largest score of every "      \
             "permutation (family-wise error over targets): a column `significant` in the "        \
             "summary, a count per layer, and for images score_significant, 0 elsewhere."},        \
    {                                                                                              \
        .name = "fdr", .type = CLI_DOUBLE, .offset = offsetof(args, mapping.fdr), .value = "Q",    \
        .min = 1e-9, .max = 1,                                                                     \
        .help = "With -permute: mark, as -max-stat does, what is found at a false discovery rate " \
                "below Q, usually 0.05."                                                           \
    }

/* Blocks within which permutations stay. */
#define CLI_GROUPS_OPTION(args)                                                                    \
    {                                                                                              \
        .name = "groups", .type = CLI_STRING, .offset = offsetof(args, mapping.groups),            \
        .value = "FILE:COLUMN",                                                                    \
        .help = "Group of every stimulus (run, session, subject): a column of a table or "         \
                ".stim.csv. --permute then permutes within groups."                                \
    }

#define CLI_MAPPING_OPTIONS(args, models, model_help)                                              \
    {.name = "anal",                                                                               \
     .type = CLI_CHOICE,                                                                           \
     .offset = offsetof(args, mapping.anal),                                                       \
     .required = true,                                                                             \
     .choices = "uv|mv",                                                                           \
     .help = "uv: a model per unit, and per target the best unit; mv: one model of all units."},   \
        {.name = "model",                                                                          \
         .type = CLI_CHOICE,                                                                       \
         .offset = offsetof(args, mapping.model),                                                  \
         .required = true,                                                                         \
         .choices = models,                                                                        \
         .help = model_help},                                                                      \
        {.name = "scoring",                                                                        \
         .type = CLI_STRING,                                                                       \
         .offset = offsetof(args, mapping.scoring),                                                \
         .value = "SCORE",                                                                         \
         .help = "explained_variance, r2, correlation, spearman or neg_mse; of classifiers "       \
                 "accuracy, balanced_accuracy, auc or f1. scikit-learn's names are known too. "    \
                 "Default: explained_variance, or accuracy."},                                     \
        {.name = "cv",                                                                             \
         .type = CLI_INT,                                                                          \
         .offset = offsetof(args, mapping.cv),                                                     \
         .value = "K",                                                                             \
         .fallback = "3",                                                                          \
         .min = 2,                                                                                 \
         .max = 1e6,                                                                               \
         .help = "Folds of cross-validation (leave-group-out and loo have their own number)."},    \
        {.name = "folds",                                                                          \
         .type = CLI_CHOICE,                                                                       \
         .offset = offsetof(args, mapping.folds),                                                  \
         .choices = "contiguous|stratified|shuffled|loo|groups|leave-group-out",                   \
         .help = "How stimuli are divided into folds. contiguous: in their order; stratified: "    \
                 "every fold has each class in proportion; shuffled: by chance (-seed); loo: "     \
                 "leave one stimulus out; groups: the groups of -groups stay whole, in K folds; "  \
                 "leave-group-out: a fold for each group (run, subject). Default: contiguous; "    \
                 "stratified for classifiers; groups with -groups."},                              \
        CLI_GROUPS_OPTION(args),                                                                   \
        {.name = "allow-leak",                                                                     \
         .type = CLI_FLAG,                                                                         \
         .offset = offsetof(args, mapping.allow_leak),                                             \
         .help = "Let repeats of a stimulus (equal stimID in -stim) be trained on and tested "     \
                 "alike. Scores are then too good."},                                              \
        {.name = "alpha",                                                                          \
         .type = CLI_DOUBLES,                                                                      \
         .offset = offsetof(args, mapping.alpha),                                                  \
         .value = "A",                                                                             \
         .help = "Penalty of ridge, lasso and elasticnet; of several the best is chosen inside "   \
                 "the training folds. Default: 1."},                                               \
        {.name = "alpha-choice",                                                                   \
         .type = CLI_CHOICE,                                                                       \
         .offset = offsetof(args, mapping.choice),                                                 \
         .choices = "cv|gcv|loo",                                                                  \
         .help = "How -alpha is chosen: by inner folds (cv), or for ridge in closed form by "      \
                 "generalised cross-validation (gcv) or leave-one-out (loo). Default: cv."},       \
        {.name = "shared-alpha",                                                                   \
         .type = CLI_FLAG,                                                                         \
         .offset = offsetof(args, mapping.shared_alpha),                                           \
         .help = "One penalty for all targets, not one each."},                                    \
        {.name = "inner",                                                                          \
         .type = CLI_INT,                                                                          \
         .offset = offsetof(args, mapping.inner),                                                  \
         .value = "K",                                                                             \
         .fallback = "3",                                                                          \
         .min = 2,                                                                                 \
         .max = 1e6,                                                                               \
         .help = "Inner folds, for choosing penalties and layers."},                               \
        {.name = "l1-ratio",                                                                       \
         .type = CLI_DOUBLE,                                                                       \
         .offset = offsetof(args, mapping.l1_ratio),                                               \
         .value = "R",                                                                             \
         .min = 0,                                                                                 \
         .max = 1,                                                                                 \
         .help = "elasticnet: share of the L1 penalty. Default: 0.5."},                            \
        {.name = "components",                                                                     \
         .type = CLI_INT,                                                                          \
         .offset = offsetof(args, mapping.components),                                             \
         .value = "K",                                                                             \
         .min = 1,                                                                                 \
         .max = 1e6,                                                                               \
         .help = "pls: components. Default: 2."},                                                  \
        {.name = "pca",                                                                            \
         .type = CLI_INT,                                                                          \
         .offset = offsetof(args, mapping.pca),                                                    \
         .value = "K",                                                                             \
         .min = 1,                                                                                 \
         .max = 1e6,                                                                               \
         .help = "mv: reduce predictors to K principal components of the training rows, in "       \
                 "each fold. Default: all units as they are."},                                    \
        {.name = "permute",                                                                        \
         .type = CLI_INT,                                                                          \
         .offset = offsetof(args, mapping.permute),                                                \
         .value = "N",                                                                             \
         .fallback = "0",                                                                          \
         .min = 0,                                                                                 \
         .max = 1e8,                                                                               \
         .help = "Permutations of the stimuli for p-values; p_max is corrected for the choice "    \
                 "among targets, q a false discovery rate."},                                      \
        CLI_FINDING_OPTIONS(args),                                                                 \
    {                                                                                              \
        .name = "seed", .type = CLI_INT, .offset = offsetof(args, mapping.seed), .value = "SEED",  \
        .fallback = "1", .min = 0, .max = 9e15,                                                    \
        .help = "Seed of shuffled folds, permutations and bootstrap draws."                        \
    }

/* For commands with -model banded. */
#define CLI_BANDED_OPTIONS(args)                                                                   \
    {.name = "iterations",                                                                         \
     .type = CLI_INT,                                                                              \
     .offset = offsetof(args, mapping.iterations),                                                 \
     .value = "N",                                                                                 \
     .min = 1,                                                                                     \
     .max = 1e6,                                                                                   \
     .help = "banded: sets of band weights tried (equal weights, then random ones), each with "    \
             "every -alpha. Default: 20."},                                                        \
    {                                                                                              \
        .name = "partition", .type = CLI_FLAG, .offset = offsetof(args, mapping.partition),        \
        .help =                                                                                    \
            "banded: also what each band alone adds and what bands share, from a fit of every "    \
            "subset of at most 4 bands."                                                           \
    }

/* For commands with classifiers. */
#define CLI_C_OPTION(args)                                                                         \
    {                                                                                              \
        .name = "c", .type = CLI_DOUBLE, .offset = offsetof(args, mapping.c), .value = "C",        \
        .min = 1e-12, .max = 1e12,                                                                 \
        .help = "svc, lrc: inverse penalty. Default: 0.025 for svc, 1 for lrc."                    \
    }

/* -boot, for commands whose targets are few enough to keep every prediction. */
#define CLI_BOOT_OPTION(args)                                                                      \
    {                                                                                              \
        .name = "bootstrap", .type = CLI_INT, .offset = offsetof(args, mapping.boot),              \
        .value = "N", .fallback = "0", .min = 0, .max = 1e7,                                       \
        .help = "mv: bootstrap draws of the stimuli for 95% intervals of the scores; 0 for none."  \
    }

/* The job, once options are understood. Zero-initialise; cli_job_release. */
typedef struct cli_job {
    const cli_mapping *args;
    bool uv, classify, corr, banded; /* banded: ridge with a penalty per layer */
    dnb_regression_kind regression;
    dnb_classifier_kind classifier;
    dnb_scoring scoring;
    size_t n; /* stimuli */
    cli_codes groups;
    char **ids; /* stimIDs, borrowed; NULL when not known */
    bool repeats;
    dnb_folds folds; /* of the targets (or labels) last set */
    const int64_t *labels;
} cli_job;

/* What can be known before any file is read; usage errors. */
dnb_status cli_job_init(cli_job *job, const cli_mapping *args, cli_context *ctx,
                        dnb_err *err) DNB_MUST_CHECK;
/* The number of stimuli, where it comes from, and their stimIDs (NULL: unknown). */
dnb_status cli_job_stimuli(cli_job *job, size_t n, const char *from, char **ids, cli_context *ctx,
                           dnb_err *err) DNB_MUST_CHECK;
/* Folds for labels (NULL: of numbers), checked for repeats; warns of classes that folds lack. */
dnb_status cli_job_folds(cli_job *job, const int64_t *labels, cli_context *ctx,
                         dnb_err *err) DNB_MUST_CHECK;
/* Penalties to choose among, with -model banded. */
void cli_job_alphas(const double **alphas, size_t *n_alphas, const cli_job *job);
/* Folds of training rows. */
dnb_folds_options cli_job_inner(const cli_job *job);
/* Options of the multivariate engine, `memory` bytes. ctx may be NULL: no progress is shown. */
void cli_job_options(dnb_mapping_options *out, const cli_job *job, size_t memory, cli_context *ctx);
/* Is a finding defined (-max-stat, -fdr)? */
bool cli_job_tests(const cli_job *job);
/* Is a target with these a finding? */
bool cli_job_finds(const cli_job *job, double p_max, double q);
/* "p < 0.05, max-statistic" and its like, into buf; returns buf. */
const char *cli_job_criterion(const cli_job *job, char *buf, size_t size);
/* "contiguous", ...: how stimuli were divided. */
const char *cli_job_folds_name(const cli_job *job);
void cli_job_release(cli_job *job);

#endif
