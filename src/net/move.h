/* Moving elements of 4 or 8 bytes: by strides, and by one source-index table per dimension.
 * room: net (internal) */
#ifndef DNB_NET_MOVE_H
#define DNB_NET_MOVE_H

#include "net/op.h"

/* An array as outer x n x inner, n being dimension `axis`: line (o, i) starts at element o * n *
 * inner + i and steps by inner. A scalar is one line of one element. */
typedef struct dnb_lines {
    size_t outer, n, inner;
} dnb_lines;

dnb_lines dnb_lines_of(const dnb_array *a, int axis);

/* *at = index (negative: from the end) into a dimension of n; DNB_EARG outside it. at may be NULL.
 */
dnb_status dnb_call_index(const dnb_node *node, int64_t index, size_t n, size_t *at,
                          dnb_err *err) DNB_MUST_CHECK;
/* Row `row` of an array shaped like `like` (all dimensions but the last counted), seen in x, which
 * has as many dimensions: column c, with index i along `axis`, is element base + c * step + i *
 * axis_step of x. */
typedef struct dnb_row_along {
    size_t base, step, axis_step;
} dnb_row_along;

void dnb_rows_along(const dnb_array *x, const dnb_array *like, int axis, size_t row,
                    dnb_row_along *out);

/* out[i, j, ...] = src[i * step[0] + j * step[1] + ...]. */
void dnb_move_strided(const dnb_array *out, const dnb_array *src, const size_t *step);

/* Source index that stands for the fill value. */
#define DNB_FILL SIZE_MAX

/* from[d][i]: source index along dimension d of output index i. */
typedef struct dnb_tables {
    size_t *from[DNB_MAX_DIMS];
    size_t *block;
} dnb_tables;

dnb_status dnb_tables_init(dnb_tables *t, const dnb_array *out, dnb_err *err) DNB_MUST_CHECK;
void dnb_tables_release(dnb_tables *t);
/* out[i, j, ...] = src[from[0][i], from[1][j], ...], or fill where any index is DNB_FILL. */
void dnb_move_by_tables(const dnb_array *out, const dnb_array *src, const dnb_tables *t,
                        double fill);

/* The same; fill: an element of out's type. */
void dnb_move_or_fill(const dnb_array *out, const dnb_array *src, const dnb_tables *t,
                      const void *fill);

#endif
