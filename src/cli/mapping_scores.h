/* Scores of one layer's units against targets, and the runs that make them. */
#ifndef DNB_CLI_MAPPING_SCORES_H
#define DNB_CLI_MAPPING_SCORES_H

#include "layer_parts.h"
#include "mapping_job.h"

/* Of one layer. n_iter: parts along -iteraxis, else 1. Zero-initialise; cli_scores_release. Arrays
 * but score and mean may be NULL. */
typedef struct cli_scores {
    const char *layer;
    size_t n_iter, m, k, n_classes;
    double *score;     /* n_iter x m x k folds */
    double *mean;      /* n_iter x m */
    int64_t *place;    /* uv: n_iter x m x 3: the best unit's channel, row, column, from 1 */
    double *confusion; /* n_iter x m x k x n_classes x n_classes */
    double *p, *p_max, *q, *p_family; /* n_iter x m */
    /* n_iter x m: 95% intervals, and the score they are of: that of all rows taken together */
    double *low, *high, *pooled;
    /* Of one band of a banded model: score is its share of R^2; its penalty, what it adds alone. */
    bool share;
    double *penalty, *unique; /* n_iter x m */
} cli_scores;

/* The best layer of each target, chosen inside the training folds. */
typedef struct cli_best {
    size_t m, k, n_layers;
    int64_t *layer;        /* m x k, from 1: the layer chosen in each fold */
    double *score;         /* m x k: its score there */
    double *mean;          /* m */
    int64_t *mode;         /* m, from 1: the layer chosen most often */
    double *p, *p_max, *q; /* m or NULL */
} cli_best;

/* What is to be predicted: m numbers per stimulus, or labels (m = 1). */
typedef struct cli_targets {
    const double *y; /* n x m */
    const int64_t *labels;
    size_t m;
} cli_targets;

/* Room for all targets' results; n_classes 0 for regressions. */
dnb_status cli_scores_init(cli_scores *out, const cli_layer *layer, dnb_iteraxis axis, size_t m,
                           size_t n_classes, const cli_job *job, size_t memory,
                           dnb_err *err) DNB_MUST_CHECK;
/* Makes room for the targets that do not vary: target t becomes varying[t] of m; the others get
 * score 0, p 1 and place 0. */
dnb_status cli_scores_spread(cli_scores *s, const size_t *varying, size_t m,
                             dnb_err *err) DNB_MUST_CHECK;
dnb_status cli_best_spread(cli_best *b, const size_t *varying, size_t m,
                           dnb_err *err) DNB_MUST_CHECK;
void cli_scores_release(cli_scores *s);
void cli_best_release(cli_best *b);

/* Univariate, into targets first .. first + t->m - 1 of s. p: where the layer's file is, NULL for a
 * table. */
dnb_status cli_scores_uv(cli_scores *s, size_t first, const cli_job *job, cli_patterns *p,
                         size_t index, cli_layer *layer, dnb_iteraxis axis, const cli_targets *t,
                         size_t memory, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Multivariate: all layers in one run (so that p_family and the best layer exist), or, along an
 * axis, part by part. best may be NULL. */
dnb_status cli_scores_mv(cli_scores *s, cli_best *best, size_t first, const cli_job *job,
                         cli_layer *layers, size_t n_layers, dnb_iteraxis axis,
                         const cli_targets *t, size_t memory, cli_context *ctx,
                         dnb_err *err) DNB_MUST_CHECK;

#endif
