/* Models fitted on all stimuli, kept as a file of weights for `predict` (dnnbrain/weightsfile.h).
 */
#ifndef DNB_CLI_MAPPING_WEIGHTS_H
#define DNB_CLI_MAPPING_WEIGHTS_H

#include <dnnbrain/weightsfile.h>

#include "layer_parts.h"
#include "mapping_job.h"
#include "responses.h"

/* The layer of a file whose features are responses. */
#define CLI_WEIGHTS_RESPONSES "resp"

/* What predicts what. Borrows everything. */
typedef struct cli_weights {
    const cli_job *job;
    dnb_weights_input input;
    const cli_layer *layers;
    size_t n_layers;
    const char *layer_name;          /* of the only layer, where it is not its own */
    const cli_responses *features;   /* DNB_WEIGHTS_RESPONSES: which they are */
    const char *const *columns;      /* DNB_WEIGHTS_BEHAVIOUR: their names */
    const double *y;                 /* n x m numbers, or: */
    const cli_codes *classes;        /* m */
    size_t m;                        /* targets */
    const size_t *which;             /* m places in the lists below; NULL: all of them */
    const cli_responses *responses;  /* targets that are regions or voxels, or NULL: */
    const char *const *target_names; /* columns */
} cli_weights;

/* Fits every layer on all stimuli and writes the file. */
dnb_status cli_weights_save(const cli_weights *w, const char *path, size_t memory, cli_context *ctx,
                            dnb_err *err) DNB_MUST_CHECK;

#endif
