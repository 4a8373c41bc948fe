/* The pieces of dnnbrain demo: a small world (stimuli, network, brain) and the page about it. */
#ifndef DNB_CLI_DEMO_H
#define DNB_CLI_DEMO_H

#include <stdint.h>

#include "context.h"

/* Which layer drives which ROI of the simulated brain. */
enum { DEMO_ROIS = 4 };
extern const char *const demo_drivers[DEMO_ROIS]; /* ROI label k + 1 */

/* Files below the demo's folder. */
#define DEMO_STIM "demo.stim.csv"
#define DEMO_NET "demo_net.onnx"
#define DEMO_BRAIN "brain.nii.gz"
#define DEMO_MASK "rois.nii.gz"

/* The network's file, linked into the program. */
extern const unsigned char demo_net_onnx[];
extern const size_t demo_net_onnx_size;

/* Draws `each` pictures per category into dir/stimuli and lists them in dir/demo.stim.csv. */
dnb_status demo_draw(const char *dir, size_t each, uint64_t seed, cli_context *ctx,
                     dnb_err *err) DNB_MUST_CHECK;
/* Writes dir/demo_net.onnx. */
dnb_status demo_write_net(const char *dir, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Simulates the brain from dir/<act>: ROI k's voxels are random mixtures of its driver layer's
 * units plus noise; writes the image (a volume per stimulus) and the mask. */
dnb_status demo_simulate(const char *dir, const char *act, uint64_t seed, cli_context *ctx,
                         dnb_err *err) DNB_MUST_CHECK;

/* What came out: read from the rsa command's JSON. */
typedef struct demo_result {
    char best[DEMO_ROIS][64]; /* layer with the largest correlation */
    double r[DEMO_ROIS], p[DEMO_ROIS];
    int recovered; /* ROIs whose best layer is the driver */
} demo_result;

dnb_status demo_read_result(demo_result *out, const char *dir, const char *json,
                            dnb_err *err) DNB_MUST_CHECK;
/* dir/index.html: commands, figures and the table, self-contained. */
dnb_status demo_write_page(const char *dir, const char *commands, const demo_result *result,
                           cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

#endif
