/* Products of float32 rows, packed in the order in which the processor reads them. room: array
 * (internal) */
#ifndef DNB_ARRAY_GRAM_SINGLE_H
#define DNB_ARRAY_GRAM_SINGLE_H

#include "array/panel.h"
#include "array/sweep.h"

/* Packed, a panel is strips of that many rows: column c of strip s stands at
 * [(s * DNB_PANEL + c) * DNB_STRIP], one number for each of its rows. The last strip is whole; what
 * the rows lack of whole strips stands before them, where few blocks of the upper triangle are. */
#define DNB_STRIP 16

/* Floats of a packed panel of that many rows. */
size_t dnb_single_size(size_t rows);
/* Packs rows first.. of the piece, columns c.., less shift and less by_column (NULL = 0), which are
 * rounded to float32 first, so that 0 and what lies near the shift come out exact; adds each row's
 * sum to sums (NULL = not wanted). shift and sums begin with row `first`, by_column with column c.
 */
void dnb_single_pack(float *dst, const dnb_piece *p, size_t first, size_t rows, size_t c, size_t k,
                     const double *shift, const double *by_column, double *sums);

/* Sums over k columns of the products of 8 rows (a: half a strip) with the rows of n = 1..3
 * strips at b: sum[row of a][row of b]. */
enum { DNB_BLOCK_ROWS = 8, DNB_BLOCK_STRIPS = 3, DNB_BLOCK_WIDTH = DNB_BLOCK_STRIPS * DNB_STRIP };
typedef void dnb_single_block(float sum[DNB_BLOCK_ROWS][DNB_BLOCK_WIDTH], const float *a,
                              const float *b, size_t k, size_t n);

/* Those that this processor runs, NULL after the last; the first is the fastest. All processors run
 * the last. */
enum { DNB_SINGLE_BLOCKS = 3 };
void dnb_single_blocks(dnb_single_block *blocks[DNB_SINGLE_BLOCKS + 1]);

/* dnb_pair_kernel of packed panels: products are summed in float32 over 64 columns by `block` (NULL
 * = the fastest), those sums in float64. */
void dnb_single_multiply(double *acc, size_t tile, const dnb_panels *p, dnb_single_block *block);

#endif
