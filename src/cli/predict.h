/* What the files of `predict` share: its options, the features it predicts from, what it writes. */
#ifndef DNB_CLI_PREDICT_H
#define DNB_CLI_PREDICT_H

#include <dnnbrain/stim.h>
#include <dnnbrain/weightsfile.h>

#include "layer_parts.h"
#include "responses.h"

typedef struct predict_args {
    const char *weights, *act, *stim, *like, *out, *confusion, *values;
    cli_units units;
    cli_brain brain;
    cli_strings beh;
} predict_args;

/* A run of predict. */
typedef struct prediction {
    const predict_args *args;
    dnb_weightsfile *weights;
    const dnb_weights_info *info; /* of the weights */
    dnb_stim stim;                /* when has_stim */
    bool has_stim;
    size_t *target, m; /* targets to predict: their places among those of the weights */
    size_t n;          /* stimuli */
    /* features */
    size_t layer; /* of the weights */
    dnb_rows rows;
    const char *path; /* where they come from */
    cli_patterns patterns;
    cli_layer units;
    cli_responses responses;
    double *table;
} prediction;

/* The features that the weights ask for, from the file given for them; one that does not fit is
 * refused. */
dnb_status cli_predict_features(prediction *p, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Regressions: predictions into -out. */
dnb_status cli_predict_numbers(prediction *p, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Classifiers: labels and values into -out, with the truth also accuracy and confusions. */
dnb_status cli_predict_classes(prediction *p, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

/* A table of p->n rows with the column `stimulus`: stimIDs, or numbers from 1. */
dnb_status cli_predict_table(dnb_table *out, const prediction *p, dnb_err *err) DNB_MUST_CHECK;
/* The column of -stim that holds a target's truth, or NULL. */
const dnb_column *cli_predict_truth(const prediction *p, size_t target);
bool cli_predict_is_table(const char *path);

#endif
