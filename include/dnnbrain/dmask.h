/* Which units of a layer: the .dmask.csv file, and selections resolved against a layer's shape.
 * room: data */
#ifndef DNNBRAIN_DMASK_H
#define DNNBRAIN_DMASK_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The axes of a unit's place, in the order of a layer's shape. */
enum { DNB_AXIS_CHN = 0, DNB_AXIS_ROW, DNB_AXIS_COL, DNB_AXES };
/* "chn", "row", "col". */
DNB_API const char *dnb_axis_name(int axis);

/* One layer's mask. Numbers are 1-based, as in the file, in file order; repeats are kept. An axis
 * with index[a] == NULL is taken whole. */
typedef struct dnb_dmask_layer {
    char *name;
    size_t n[DNB_AXES];
    size_t *index[DNB_AXES];
} dnb_dmask_layer;

/* Owns everything. Zero-initialise (= no layers), free with dnb_dmask_release. */
typedef struct dnb_dmask {
    size_t n_layers;
    dnb_dmask_layer *layers;
} dnb_dmask;

/* Reads a .dmask.csv: per layer a line `layer=axes` (axes from chn,row,col in any order; none =
 * everything) and one line of comma-separated 1-based numbers per axis, in the order named. Blank
 * lines, CRLF and a byte order mark are accepted. A layer's name ends at the last '='. DNB_EFORMAT
 * names line and mend: an unknown axis, a missing or empty number line, 0, a layer listed twice. */
DNB_API dnb_status dnb_dmask_read(dnb_dmask *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Writes atomically, axes in the order chn,row,col. */
DNB_API dnb_status dnb_dmask_write(const dnb_dmask *m, const char *path,
                                   dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_dmask_release(dnb_dmask *m);
/* Adds a layer (DNB_EARG when it is there already, or a number is 0): n[a] 1-based numbers at
 * index[a], copied; index[a] == NULL takes the axis whole. index == NULL takes all. */
DNB_API dnb_status dnb_dmask_add(dnb_dmask *m, const char *layer, const size_t n[DNB_AXES],
                                 const size_t *const index[DNB_AXES], dnb_err *err) DNB_MUST_CHECK;
/* The layer's mask, or NULL. Valid until a layer is added. */
DNB_API const dnb_dmask_layer *dnb_dmask_find(const dnb_dmask *m, const char *layer);

/* A mask resolved against one layer's shape: what of a pattern src[chn][row][col] is taken, and in
 * which order. */
typedef struct dnb_select {
    size_t shape[DNB_AXES];  /* of the source */
    size_t n[DNB_AXES];      /* of the selection; n = chn, row, col of the result */
    size_t *index[DNB_AXES]; /* 0-based, each < shape[a]; NULL = the whole axis in order */
} dnb_select;

/* m == NULL takes everything. DNB_EARG: "layer conv5: channel 300 is out of range 1..256". */
DNB_API dnb_status dnb_select_init(dnb_select *out, const dnb_dmask_layer *m,
                                   const size_t shape[DNB_AXES], dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_select_release(dnb_select *s);
/* Units taken: n[0]*n[1]*n[2]. */
DNB_API size_t dnb_select_count(const dnb_select *s);
/* Units of the source: shape[0]*shape[1]*shape[2]. */
DNB_API size_t dnb_select_source_count(const dnb_select *s);
/* Does it take every unit in order (so that apply is a copy)? */
DNB_API bool dnb_select_is_all(const dnb_select *s);
/* Copies the taken units of one pattern: src of source_count floats, dst of count floats, no
 * overlap. Whole rows and channels are copied as blocks. Thread-safe. */
DNB_API void dnb_select_apply(const dnb_select *s, const float *src, float *dst);
/* Place of result unit u (< count) in the source: 1-based chn, row, col. */
DNB_API void dnb_select_locate(const dnb_select *s, size_t u, size_t place[DNB_AXES]);

#ifdef __cplusplus
}
#endif
#endif
