/* Representational dissimilarity matrices of activation files and brain images.
 * room: map */
#ifndef DNNBRAIN_RDM_H
#define DNNBRAIN_RDM_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/actfile.h"
#include "dnnbrain/array.h"
#include "dnnbrain/distance.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/roi.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which part of a layer makes one RDM. */
typedef enum dnb_iteraxis {
    DNB_ITER_NONE = 0, /* the whole layer: one RDM */
    DNB_ITER_CHANNEL,  /* one RDM per channel, from its rows x columns */
    DNB_ITER_ROW_COL   /* one per position, row by row, from the channels there */
} dnb_iteraxis;

/* "channel" or "row_col"; NULL means DNB_ITER_NONE. DNB_EARG for anything else. */
DNB_API dnb_status dnb_iteraxis_parse(dnb_iteraxis *out, const char *name,
                                      dnb_err *err) DNB_MUST_CHECK;

/* Stimuli grouped by label: patterns are averaged within a label before distances are taken. */
typedef struct dnb_groups {
    size_t n_stimuli, n_groups;
    int64_t *labels; /* n_groups, ascending */
    size_t *group;   /* n_stimuli: position in labels */
    size_t *sizes;   /* n_groups */
} dnb_groups;

/* Groups n labels; release with dnb_groups_release. */
DNB_API dnb_status dnb_groups_init(dnb_groups *out, const int64_t *labels, size_t n,
                                   dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_groups_release(dnb_groups *g);

typedef struct dnb_rdm_options {
    dnb_pdist_options pdist; /* metric, zscore, memory budget, progress */
    dnb_iteraxis iteraxis;
    const dnb_groups *groups; /* NULL = every stimulus by itself */
} dnb_rdm_options;

/* RDMs of one layer: a fresh DNB_F64 array n_iter x n_pairs (conditions in file order, or labels
 * ascending), released with dnb_array_release. units (may be NULL) selects what enters. Activations
 * are read once when they fit half the budget, in several passes otherwise. DNB_ESHAPE when groups
 * count other stimuli than the file; DNB_EARG with fewer than two conditions. */
DNB_API dnb_status dnb_rdm_of_layer(dnb_array *out, dnb_actfile *file, size_t layer,
                                    const dnb_select *units, const dnb_rdm_options *options,
                                    dnb_err *err) DNB_MUST_CHECK;

/* The same of patterns at hand: float32 rows, one per stimulus, of shape chn x row x col units,
 * such as dnb_sink_rows_layer gives. name is for messages. Same bits as from an activation file. */
DNB_API dnb_status dnb_rdm_of_rows(dnb_array *out, const char *name, const dnb_rows *rows,
                                   const size_t shape[3], const dnb_rdm_options *options,
                                   dnb_err *err) DNB_MUST_CHECK;
/* Bytes dnb_rdm_of_rows will hold at most, result included. Nothing is read: of rows only the sizes
 * count, and whether they are in memory. */
DNB_API size_t dnb_rdm_plan_bytes(const dnb_rows *rows, const size_t shape[3],
                                  const dnb_rdm_options *options);

/* RDM over the volumes of a brain image for one ROI of a mask: a fresh DNB_F64 array of n_pairs.
 * Iteration does not apply. */
DNB_API dnb_status dnb_rdm_of_roi(dnb_array *out, dnb_brain *image, const dnb_mask *mask,
                                  int64_t label, const dnb_rdm_options *options,
                                  dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
