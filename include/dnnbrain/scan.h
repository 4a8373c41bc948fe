/* The streaming pipeline: stimuli -> network (one forward pass, stopped at the deepest layer asked
 * for)
 * -> taps -> units (mask, pooling) -> sinks.
 * room: scan
 *
 * A sink is the extension point: whatever consumes activations batch by batch. Several hang on one
 * pass, and nothing holds all activations. */
#ifndef DNNBRAIN_SCAN_H
#define DNNBRAIN_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/actfile.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/features.h"
#include "dnnbrain/net.h"
#include "dnnbrain/provenance.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One layer as a sink sees it: after masking and pooling. */
typedef struct dnb_scan_layer {
    const char *name;
    size_t shape[3]; /* channels, rows, columns */
} dnb_scan_layer;

/* A sink is a struct whose first member is this. */
typedef struct dnb_sink dnb_sink;
struct dnb_sink {
    /* Called once, before the first image. Sets *resume to the number of stimuli the sink already
     * holds from an earlier, interrupted run (0 for none; NULL `begin` counts as 0). */
    dnb_status (*begin)(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                        size_t n_stimuli, size_t *resume, dnb_err *err);
    /* n stimuli from `first` on, of one layer: n x (chn*row*col) floats, valid during the call.
     * Layers come in order within a batch. */
    dnb_status (*push)(dnb_sink *sink, size_t layer, size_t first, size_t n, const float *values,
                       dnb_err *err);
    /* After all layers of a batch: `done` stimuli are complete. May be NULL. */
    dnb_status (*batch_done)(dnb_sink *sink, size_t done, dnb_err *err);
    /* After the last batch: writes what it has to. May be NULL. Not called after a failure. */
    dnb_status (*end)(dnb_sink *sink, dnb_err *err);
    /* Memory it will take for these layers, for the byte plan. NULL counts as 0. */
    size_t (*bytes)(dnb_sink *sink, const dnb_scan_layer *layers, size_t n_layers,
                    size_t n_stimuli);
    /* True when the sink works alone, as one that writes a file does: push and batch_done may then
     * be called on another thread (one at a time, in order) while the next images are decoded and,
     * where memory allows, computed. */
    bool behind;
};

/* What is to be computed of one layer. */
typedef struct dnb_scan_request {
    const char *layer;
    const dnb_select *units; /* NULL = every unit */
} dnb_scan_request;

typedef struct dnb_scan_options {
    size_t batch;              /* 0 = chosen from the memory budget */
    size_t memory;             /* budget in bytes; 0 = dnb_memory_budget() */
    const dnb_pool_kind *pool; /* how row x col shrinks to 1 x 1; NULL = it does not */
    dnb_backend backend;
    dnb_precision precision; /* a wish: see dnb_runner_precision */
    /* NULL, or room for one number per request: with DNB_PRECISION_BF16 the first stimuli (up to
     * DNB_SCAN_COMPARED) run in float32 too, and it receives max |bf16 - float32| / max |float32|
     * of each layer, all its units counted; else -1. */
    double *error;
    const dnb_progress *progress; /* may be NULL */
} dnb_scan_options;

enum { DNB_SCAN_COMPARED = 8 };

/* The byte plan of a scan. */
typedef struct dnb_scan_plan {
    size_t batch;
    size_t bytes;         /* all of it: network, images, taps, sinks */
    size_t network_bytes; /* the runner's share */
} dnb_scan_plan;

/* Chooses the batch and counts bytes before anything is allocated. Fails with DNB_ENOMEM and the
 * numbers when even one stimulus at a time does not fit. */
DNB_API dnb_status dnb_scan_plan_make(dnb_scan_plan *plan, const dnb_net *net,
                                      const dnb_scan_request *requests, size_t n_requests,
                                      size_t n_stimuli, dnb_sink *const *sinks, size_t n_sinks,
                                      const dnb_scan_options *options, dnb_err *err) DNB_MUST_CHECK;

/* Runs the images through the network into the sinks. paths: n_stimuli image files. stimuli_hash
 * (may be NULL) receives the XXH3-128 of all images' hashes in order. Images are decoded on all
 * threads between forward passes. */
DNB_API dnb_status dnb_scan_run(const dnb_net *net, const char *const *paths, size_t n_stimuli,
                                const dnb_scan_request *requests, size_t n_requests,
                                dnb_sink *const *sinks, size_t n_sinks,
                                const dnb_scan_options *options, char stimuli_hash[33],
                                dnb_err *err) DNB_MUST_CHECK;

/* The sink that writes an activation file (.act.h5), resumable: see dnnbrain/actfile.h. The texts
 * in options must outlive the scan. */
DNB_API dnb_status dnb_sink_actfile_new(dnb_sink **out, const char *path,
                                        const dnb_actwriter_options *options,
                                        dnb_err *err) DNB_MUST_CHECK;
/* Completes the file under its final name, with the provenance (may be NULL) as it stands now: call
 * it after dnb_scan_run, when the stimuli's hash is known. */
DNB_API dnb_status dnb_sink_actfile_commit(dnb_sink *sink, const char *provenance,
                                           dnb_err *err) DNB_MUST_CHECK;
/* Stimuli the sink found already done when it began. */
DNB_API size_t dnb_sink_actfile_resumed(const dnb_sink *sink);
/* Frees the sink; an unfinished file stays as "<path>.part" for the next run. NULL is fine. */
DNB_API void dnb_sink_actfile_free(dnb_sink *sink);

#ifdef __cplusplus
}
#endif
#endif
