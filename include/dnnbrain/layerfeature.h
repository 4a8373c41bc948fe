/* Feature extraction from activations: principal components, histograms, spectra of a layer,
 * as a whole or along an axis. room: map */
#ifndef DNNBRAIN_LAYERFEATURE_H
#define DNNBRAIN_LAYERFEATURE_H

#include <stddef.h>

#include "dnnbrain/actfile.h"
#include "dnnbrain/array.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_feature_method {
    DNB_FEATURE_PCA = 0, /* scores, signs as scikit-learn's */
    DNB_FEATURE_HIST,    /* counts in equal bins of each pattern's own range */
    DNB_FEATURE_PSD      /* first bins of the one-sided periodogram */
} dnb_feature_method;

/* Over which axis a pattern runs. */
typedef enum dnb_feature_axis {
    DNB_FEATURE_ALL = 0, /* the whole layer: n x N x 1 x 1 */
    DNB_FEATURE_CHN,     /* the channels at each position: n x N x row x col */
    DNB_FEATURE_ROW_COL  /* the positions of each channel: n x chn x N x 1 */
} dnb_feature_axis;

typedef struct dnb_feature_options {
    dnb_feature_method method;
    dnb_feature_axis axis;
    size_t n;        /* components or bins; 0 = by `variance` */
    double variance; /* pca without axis: 0 < f < 1, share of variance to explain */
    size_t memory;   /* budget in bytes; 0 = dnb_memory_budget() */
    const dnb_progress *progress;
} dnb_feature_options;

/* Features of one layer as a fresh float32 array n x chn x row x col (see the axis), released with
 * dnb_array_release. units may be NULL. DNB_EARG when n exceeds what a pattern can give
 * (components: min(stimuli, units); spectrum: units / 2 + 1). */
DNB_API dnb_status dnb_feature_of_layer(dnb_array *out, dnb_actfile *file, size_t layer,
                                        const dnb_select *units, const dnb_feature_options *options,
                                        dnb_err *err) DNB_MUST_CHECK;

/* The same of patterns at hand: float32 rows, one per stimulus, of shape chn x row x col units,
 * such as dnb_sink_rows_layer gives. name is for messages. Same bits as from an activation file. */
DNB_API dnb_status dnb_feature_of_rows(dnb_array *out, const char *name, const dnb_rows *rows,
                                       const size_t shape[3], const dnb_feature_options *options,
                                       dnb_err *err) DNB_MUST_CHECK;
/* Bytes dnb_feature_of_rows will hold at most, result included; fails as it would when such
 * patterns cannot give the features asked for. Nothing is read: of rows only the sizes count, and
 * whether they are in memory. */
DNB_API dnb_status dnb_feature_plan(size_t *bytes, const char *name, const dnb_rows *rows,
                                    const size_t shape[3], const dnb_feature_options *options,
                                    dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
