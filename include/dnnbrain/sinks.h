/* Sinks that spare an activation file: rows kept for an analysis, and random projection.
 * room: scan
 *
 * Gram matrices, dissimilarities and principal components of n stimuli need every pair of stimuli
 * for every unit, and a network yields stimuli batch by batch. So a pass over the stimuli is
 * followed by a sweep over the units: the rows sink keeps the pass's activations, in memory where
 * they fit and in a scratch file otherwise, and shows each layer as dnb_rows, on which
 * dnb_gram_run, dnb_pdist and dnb_pca_fit work as on any matrix. n x d numbers are written once and
 * read once, against n^2 d operations: at 1000 stimuli a thousand operations a number. */
#ifndef DNNBRAIN_SINKS_H
#define DNNBRAIN_SINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/rows.h"
#include "dnnbrain/scan.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- rows -------------------------------------------------------------------------------------*/

typedef struct dnb_sink_rows_options {
    size_t memory;      /* bytes that layers may take in memory; 0 = all go to the scratch file */
    const char *folder; /* where the scratch file is made; must outlive the scan. NULL = $TMPDIR,
                           else /tmp (often a disk in memory) */
} dnb_sink_rows_options;

/* Where layers will be kept. */
typedef struct dnb_sink_rows_plan {
    size_t memory;  /* bytes in memory */
    size_t scratch; /* bytes of the scratch file */
} dnb_sink_rows_plan;

/* Decides where n_layers layers of n_stimuli go: in order, each in memory if it still fits
 * options->memory. in_memory (n_layers, may be NULL) receives the choice per layer. DNB_ESHAPE when
 * sizes overflow. */
DNB_API dnb_status dnb_sink_rows_plan_make(dnb_sink_rows_plan *plan, bool *in_memory,
                                           const dnb_scan_layer *layers, size_t n_layers,
                                           size_t n_stimuli, const dnb_sink_rows_options *options,
                                           dnb_err *err) DNB_MUST_CHECK;

/* A sink that keeps every layer's activations. The scratch file has no name from the moment it is
 * made, so nothing stays behind however the process ends; its size is checked against the disk's
 * room when the scan begins. */
DNB_API dnb_status dnb_sink_rows_new(dnb_sink **out, const dnb_sink_rows_options *options,
                                     dnb_err *err) DNB_MUST_CHECK;
/* After a completed scan: layer i as n_stimuli rows of chn*row*col float32, valid until the sink is
 * freed; a layer in the scratch file is read by tiles of columns, a tile from one run of the file
 * per 256 columns. One reader at a time. */
DNB_API dnb_rows dnb_sink_rows_layer(const dnb_sink *sink, size_t i);
/* NULL is fine. */
DNB_API void dnb_sink_rows_free(dnb_sink *sink);

/* ---- sparse random projection -----------------------------------------------------------------*/

typedef enum dnb_projection {
    DNB_PROJECTION_LI = 0,    /* one entry in sqrt(d) is not zero (Li, Hastie & Church 2006, KDD) */
    DNB_PROJECTION_ACHLIOPTAS /* one in three (Achlioptas 2003, J. Comput. Syst. Sci.) */
} dnb_projection;

typedef struct dnb_projection_options {
    size_t k; /* features a layer is projected to, >= 1 */
    dnb_projection kind;
    uint64_t seed;
} dnb_projection_options;

/* A sink between the scan and `next`: `next` sees k x 1 x 1 features in place of each layer's d
 * units. Entries of the d x k matrix are sqrt(s / k) times +1 or -1 with probability 1 / (2 s)
 * each, else 0 (s = sqrt(d) or 3), so squared distances between stimuli keep their expectation;
 * their relative standard deviation is about sqrt(2 / k) where many units differ. The matrix is
 * never stored: 64 units' rows follow from the seed, the layer's name and those units' numbers, so
 * that results have the same bits for any batch size, number of threads and set of other layers.
 * Sums are taken in float64. Cost per stimulus: d k / s additions; per 32 stimuli of a batch as
 * many random numbers. DNB_EARG when a layer has no more than k units. `next` is not owned and must
 * outlive the sink; what resumes or commits it is its own. */
DNB_API dnb_status dnb_sink_project_new(dnb_sink **out, dnb_sink *next,
                                        const dnb_projection_options *options,
                                        dnb_err *err) DNB_MUST_CHECK;
/* NULL is fine. `next` is left alone. */
DNB_API void dnb_sink_project_free(dnb_sink *sink);

#ifdef __cplusplus
}
#endif
#endif
