/* The sweep over all pairs of rows of a matrix: what Gram matrices and distances have in common. It
 * reads the source in tiles of columns (or blocks of whole rows), converts it to float64 (or
 * leaves it float32) with shifts and scales applied, and hands panels that fit the cache to a
 * kernel that accumulates. Which columns go to which accumulator, and the order in which
 * accumulators are added, follow from the shape alone: same bits for any number of threads and for
 * any memory budget. room: array (internal) */
#ifndef DNB_ARRAY_SWEEP_H
#define DNB_ARRAY_SWEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "array/panel.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"

/* Two panels of k <= DNB_PANEL columns: row i of a is a[i * DNB_PANEL ...]; a32 and b32 are packed
 * (gram_single.h). same: b is a. Rows past na up to the tile's size may be read; they hold some
 * numbers. */
typedef struct dnb_panels {
    const double *a, *b;    /* NULL in a single sweep */
    const float *a32, *b32; /* NULL in any other */
    size_t na, nb, k;
    bool same;
} dnb_panels;

/* Adds the panels' part to acc: n_acc blocks of tile x tile, pair (i, j) at [i * tile + j]; when
 * p->same only i <= j matters. */
typedef void dnb_pair_kernel(double *acc, size_t tile, const dnb_panels *p, const void *ctx);

typedef struct dnb_sweep {
    const dnb_rows *x;
    /* The panel's number is ((x - row_shift) * row_scale - col_shift) * col_scale; NULL = left out.
     * With indicator
     * it is 1 where (x - row_shift) * row_scale is not 0, else 0. */
    const double *row_shift, *row_scale; /* n each */
    const double *col_shift, *col_scale; /* d each */
    bool indicator;
    /* Panels are float32: x less row_shift and, with centre_columns, the column's mean; nothing
     * else is applied. x must be float32, the kernel know it. */
    bool single;
    /* Shift every column by its mean over the (finite) rows; where only blocks of rows are in
     * memory, over the first block: enough for what does not change under a shift of columns. */
    bool centre_columns;
    double *row_sum; /* n, out: each row's sum of (x - row_shift) * row_scale, as
                        rounded in a single sweep; NULL = not wanted */

    size_t tile;   /* rows of a panel, from dnb_sweep_tile */
    size_t n_acc;  /* accumulators of a pair */
    bool take_max; /* partial results are merged by max, not by adding */
    dnb_pair_kernel *kernel;
    const void *ctx;
    const unsigned char *wanted; /* per tile pair: 0 = leave out; NULL = all */
    double flops_per_item; /* cost of one pair and column, for reporting progress often enough */

    size_t memory; /* bytes for all work space */
    const dnb_progress *progress;
    const char *what; /* for progress and messages */
} dnb_sweep;

/* Accumulators of all pairs, tile pair by tile pair of the upper triangle. */
typedef struct dnb_pair_tiles {
    size_t n, tile, n_tiles, n_acc;
    double *acc;
} dnb_pair_tiles;

/* An even tile size for the rows of x: a multiple of 4, at most `largest` (a multiple of 4);
 * smaller when x comes in whole rows of which the memory holds few. */
size_t dnb_sweep_tile(const dnb_rows *x, size_t largest, size_t n_acc, size_t memory);
/* Fails when n * n numbers could not be counted; dnb_sweep_run checks it too. */
dnb_status dnb_pairs_check(size_t n, dnb_err *err) DNB_MUST_CHECK;
dnb_status dnb_sweep_run(dnb_pair_tiles *out, const dnb_sweep *s, dnb_err *err) DNB_MUST_CHECK;
/* Bytes dnb_sweep_run will hold at most. */
size_t dnb_sweep_bytes(const dnb_sweep *s);
void dnb_pair_tiles_release(dnb_pair_tiles *t);
/* Number of tile pairs, and where pair (ti <= tj) of n_tiles stands. */
size_t dnb_tile_pair_count(size_t n_tiles);
size_t dnb_tile_pair_index(size_t n_tiles, size_t ti, size_t tj);
/* First accumulator block of tile pair number q; block c is tile^2 * c further. */
double *dnb_pair_tiles_block(const dnb_pair_tiles *t, size_t q);
/* The value of pair (i <= j) in accumulator c. */
double dnb_pair_tiles_get(const dnb_pair_tiles *t, size_t i, size_t j, size_t c);

/* Per row of x: shift[i] is near the row's mean (exactly x when the row is constant), from at most
 * the first 4096 columns. few_bits: rounded, by less than an eighth of their deviation, so that in
 * a single sweep many equal numbers of two rows (the zeros after a ReLU) have a product of few
 * bits: summing one of 24 bits over and over errs in the same direction each time. */
dnb_status dnb_rows_shift(double *shift, const dnb_rows *x, bool few_bits, size_t memory,
                          dnb_err *err) DNB_MUST_CHECK;
/* Per row: mean and sum of squared deviations (exactly 0 for a constant row; NaN where the row has
 * NaN or infinity), smallest value. Any may be NULL but mean. memory bounds the tiles read. */
dnb_status dnb_rows_moments(double *mean, double *ss, double *smallest, const dnb_rows *x,
                            size_t memory, dnb_err *err) DNB_MUST_CHECK;
/* Per column of (x - row_shift) * row_scale (NULL = left out): mean and sum of squared deviations
 * over all rows. */
dnb_status dnb_columns_moments(double *mean, double *ss, const dnb_rows *x, const double *row_shift,
                               const double *row_scale, size_t memory, dnb_err *err) DNB_MUST_CHECK;

#endif
