/* What a mapping found, in one place: summary.tsv, summary.json, and the figure. */
#ifndef DNB_CLI_MAPPING_REPORT_H
#define DNB_CLI_MAPPING_REPORT_H

#include "score_maps.h"

typedef struct cli_report {
    const char *out, *figure; /* folder; figure file or NULL */
    bool show;
    const cli_job *job;
    dnb_iteraxis axis;
    const cli_scores *scores; /* n_layers */
    size_t n_layers, n_constant;
    const cli_best *best;  /* or NULL */
    const bool *constant;  /* of every target: it does not vary, its score is no score; or NULL */
    const double *ceiling; /* of every target: the largest score there could be; or NULL */
    const double *chance;  /* of every target: its score without any knowledge; or NULL */
    const cli_responses *responses; /* or NULL */
    /* Name of target t of a layer, into buf. */
    const char *(*target)(const void *ctx, size_t layer, size_t t, char *buf, size_t size);
    const void *ctx;
    size_t n_classes; /* of a single column of classes, else 0 */
    const char *const *classes;
} cli_report;

/* Is the figure's name one that can be written? A usage error if not. */
dnb_status cli_report_check(const char *figure, bool show, cli_context *ctx,
                            dnb_err *err) DNB_MUST_CHECK;
dnb_status cli_report_write(const cli_report *r, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* The figure alone (mapping_figure.c). */
dnb_status cli_report_draw(const cli_report *r, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

/* One map of an image's voxels, as slices. */
typedef struct cli_slices {
    const cli_responses *responses; /* geometry and voxels */
    const double *values;           /* of each voxel; NaN: none */
    const bool *hidden;             /* voxels not to show, or NULL */
    const char *title, *label;
    bool symmetric; /* colours around 0 */
} cli_slices;
/* In mapping_slices.c. */
dnb_status cli_draw_slices(const cli_slices *map, const char *path, cli_context *ctx,
                           dnb_err *err) DNB_MUST_CHECK;

#endif
