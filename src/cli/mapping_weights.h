/* Weights of regressions fitted on all stimuli, as a file: an activation file whose "stimuli" are
 * the targets. Layer L holds the weights of L's units, L.intercept the constants, target.voxel the
 * voxels (x, y, z) of targets from an image; the targets' names are in the provenance. */
#ifndef DNB_CLI_MAPPING_WEIGHTS_H
#define DNB_CLI_MAPPING_WEIGHTS_H

#include "study.h"

#define CLI_WEIGHTS_INTERCEPT ".intercept"
#define CLI_WEIGHTS_VOXEL "target.voxel"

/* Usage errors of -save-weights. */
dnb_status cli_weights_check(const cli_study *s, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Fits every layer on all stimuli and writes the file. Targets that do not vary are left out. */
dnb_status cli_weights_save(cli_study *s, const char *path, size_t memory, cli_context *ctx,
                            dnb_err *err) DNB_MUST_CHECK;

#endif
