/* The datasets of a file of weights, for its writer and its reader. room: map (internal) */
#ifndef DNB_MAP_WEIGHTSFILE_OWN_H
#define DNB_MAP_WEIGHTSFILE_OWN_H

#include "dnnbrain/weightsfile.h"

#define DNB_WEIGHTS_TYPE "weights"
#define DNB_WEIGHTS_CLASSES "classes."
#define DNB_WEIGHTS_TARGET_VOXEL "target.voxel"
#define DNB_WEIGHTS_FEATURE_VOXEL "feature.voxel"

/* One dataset of a model. */
typedef struct dnb_weights_part {
    const char *suffix; /* of its name */
    size_t rows, shape[3];
} dnb_weights_part;

enum { DNB_WEIGHTS_PARTS = 5 /* at most */ };

/* The parts of the model of one layer and target (regressions: of all targets); returns how many.
 * Where features are multiplied by weights, these are the first part and what is added the second.
 */
size_t dnb_weights_parts(dnb_weights_part parts[DNB_WEIGHTS_PARTS], const dnb_weights_info *info,
                         size_t layer, size_t target);
/* Does the model multiply features by weights? Naive Bayes of features does not. */
bool dnb_weights_projects(const dnb_weights_info *info);
/* Models of one layer in a file: 1, or one per target. */
size_t dnb_weights_models(const dnb_weights_info *info);
/* The name of a part's dataset; free with dnb_free. */
dnb_status dnb_weights_part_name(char **out, const dnb_weights_info *info, size_t layer,
                                 size_t target, const dnb_weights_part *part,
                                 dnb_err *err) DNB_MUST_CHECK;

#endif
