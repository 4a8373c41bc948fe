/* Patterns of one layer, of an activation file or at hand as rows. room: map (internal) */
#ifndef DNB_MAP_ACTSOURCE_H
#define DNB_MAP_ACTSOURCE_H

#include <stdbool.h>

#include "dnnbrain/rdm.h"
#include "dnnbrain/rows.h"

/* One pattern of d = chn x area units per condition (stimulus, or label when grouped). */
typedef struct dnb_actsource {
    const char *name; /* of the layer */
    dnb_rows rows;    /* stimuli x all units, float32 */
    dnb_actfile *file;
    size_t layer;
    dnb_select all; /* stands in when no units were given */
    const dnb_select *units;
    const dnb_groups *groups;
    size_t n, d;
    size_t chn, area;
} dnb_actsource;

/* Channels c0..c1-1 at positions p0..p1-1. */
typedef struct dnb_window {
    size_t c0, c1, p0, p1;
} dnb_window;

size_t dnb_window_units(const dnb_window *w);

/* units and groups may be NULL and must outlive s, which must stay where it is. */
dnb_status dnb_actsource_init(dnb_actsource *s, dnb_actfile *file, size_t layer,
                              const dnb_select *units, const dnb_groups *groups,
                              dnb_err *err) DNB_MUST_CHECK;
/* From rows (float32, one per stimulus) of chn x row x col units. */
dnb_status dnb_actsource_init_rows(dnb_actsource *s, const char *name, const dnb_rows *rows,
                                   const size_t shape[3], const dnb_groups *groups,
                                   dnb_err *err) DNB_MUST_CHECK;
void dnb_actsource_release(dnb_actsource *s);

/* Parts along an axis: channels, positions, or one. */
size_t dnb_actsource_parts(const dnb_actsource *s, dnb_iteraxis axis);
dnb_window dnb_actsource_window(const dnb_actsource *s, dnb_iteraxis axis, size_t first,
                                size_t count);
/* *count = how many of n_parts parts fit half the budget at once; DNB_ENOMEM with numbers when
 * none. */
dnb_status dnb_actsource_fit(size_t *count, const dnb_actsource *s, size_t n_parts, size_t budget,
                             dnb_err *err) DNB_MUST_CHECK;

/* Reads a window of every condition in one pass over the layer: dst is n x window_units.
 * Position-major (by_position) puts the channels of one position side by side. */
dnb_status dnb_actsource_read(dnb_actsource *s, const dnb_window *w, bool by_position, float *dst,
                              const dnb_progress *progress, dnb_err *err) DNB_MUST_CHECK;

/* The patterns as a matrix read in tiles, without holding it; false when selection or grouping
 * stands in the way (then dnb_actsource_read). */
bool dnb_actsource_rows(dnb_rows *out, const dnb_actsource *s);

#endif
