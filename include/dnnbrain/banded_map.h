/* Cross-validated banded ridge: several layers together predict every target, each with its own
 * penalty, and how much of the prediction each layer makes.
 * room: map
 *
 * The model is dnb_banded_fit's (banded.h names its sources), fitted on the training rows of every
 * fold, its penalties chosen on inner folds of them; scores and shares are of the rows left out.
 * Layers with more features than stimuli are reduced once to exact coordinates of their Gram
 * matrix, since ridge does not change under rotation: how many features there are costs one reading
 * of the layer. Features are centred, not scaled. */
#ifndef DNNBRAIN_BANDED_MAP_H
#define DNNBRAIN_BANDED_MAP_H

#include "dnnbrain/banded.h"
#include "dnnbrain/mapping.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnb_banded_map_options {
    dnb_banded_options fit;  /* inner, memory and progress are set by the engine; its scoring scores
                                the folds too (0: explained variance) */
    const dnb_folds *folds;  /* the outer folds, over all n rows; at least 2 rows each */
    dnb_folds_options inner; /* of training rows; labels and groups are of ALL rows; k = 0: 3 */
    bool partition; /* unique and common parts; DNB_BANDED_COMMON_MAX layers at most: every subset
                       of the layers is fitted */
    size_t memory;  /* bytes this run may hold; 0 = dnb_memory_budget() */
    const dnb_progress *progress; /* may be NULL */
} dnb_banded_map_options;

/* Owns its arrays, row-major; release with dnb_banded_map_release. Bands are the layers. */
typedef struct dnb_banded_map {
    size_t bands, m, k; /* k: folds */
    double *score;      /* k x m: of all bands together */
    double *r2;         /* k x m: R^2 of the same, what the shares add up to */
    double *split;      /* k x bands x m: product measure (dnb_banded_split) */
    double *penalty;    /* k x bands x m: alpha / gamma; infinite where the band is left out */
    double *unique;     /* k x bands x m: R^2 of all bands less that of all others, or NULL */
    double *common;     /* k x 2^bands x m: dnb_banded_parts.common, or NULL */
} dnb_banded_map;

/* Runs the layers together against y (n x m, row-major). *out is untouched on failure. NaN or
 * infinity, too few rows in a fold, or too many bands to partition fail with DNB_EARG; a job that
 * does not fit the memory with DNB_ENOMEM and the numbers, before it starts: about two times
 * sum_b n min(n, d_b) numbers and (bands + 5) n^2, and 3 sum_b min(n, d_b) + 6 n for each of the
 * targets fitted at once (all, or as many as fit). Same bits for any number of threads.
 * Cost: n^2 d flops per layer once when d > n, then dnb_banded_fit per fold; partition multiplies
 * that by 2^bands. */
DNB_API dnb_status dnb_banded_map_run(dnb_banded_map *out, const dnb_mapping_layer *layers,
                                      size_t bands, const double *y, size_t m,
                                      const dnb_banded_map_options *opt,
                                      dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_banded_map_release(dnb_banded_map *map);

#ifdef __cplusplus
}
#endif
#endif
