/* A layer's selected units as rows of numbers: the whole, or a part per channel or position, and
 * where each unit stands. */
#ifndef DNB_CLI_LAYER_PARTS_H
#define DNB_CLI_LAYER_PARTS_H

#include <stdint.h>

#include <dnnbrain/rdm.h>
#include <dnnbrain/rows.h>

#include "patterns.h"

/* Zero-initialise; cli_layer_release. Must not move while its rows are in use. */
typedef struct cli_layer {
    const char *name;
    size_t shape[3]; /* of the selected units: chn, row, col */
    dnb_rows rows;   /* n x chn*row*col, float32 (float64 for tables) */
    /* below: private */
    const dnb_select *select; /* NULL where places are those of shape */
    dnb_actfile *file;
    size_t index;
    float *hold, *raw, *picked;
    dnb_iteraxis axis; /* of the part last asked for */
    size_t part;
    float *gathered;
} cli_layer;

/* Layer i of the patterns; kept in memory when it takes at most `memory` bytes, else read piece by
 * piece (no bytes: always). The patterns must outlive it. */
dnb_status cli_layer_open(cli_layer *out, cli_patterns *p, size_t i, size_t memory,
                          dnb_err *err) DNB_MUST_CHECK;
/* n x d numbers at hand (columns of a table), as d channels. */
void cli_layer_of_table(cli_layer *out, const char *name, const double *values, size_t n, size_t d);
void cli_layer_release(cli_layer *l);

/* Parts along an axis, and units of each. */
size_t cli_layer_parts(const cli_layer *l, dnb_iteraxis axis);
/* Rows of one part; valid until the next call. */
dnb_status cli_layer_part(dnb_rows *out, cli_layer *l, dnb_iteraxis axis, size_t part,
                          dnb_err *err) DNB_MUST_CHECK;
/* Unit j of a part as its place among all units of the layer. */
size_t cli_layer_unit(const cli_layer *l, dnb_iteraxis axis, size_t part, size_t j);
/* 1-based channel, row and column, in the numbering of the whole layer, of selected unit u. */
void cli_layer_place(const cli_layer *l, size_t u, int64_t place[3]);

#endif
