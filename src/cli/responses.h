/* Responses to stimuli, a row each: ROI tables (.roi.h5), brain images, arrays (.npy), tables
 * (.csv, .tsv). Read whole; NaN is refused by its place. */
#ifndef DNB_CLI_RESPONSES_H
#define DNB_CLI_RESPONSES_H

#include <dnnbrain/brainimage.h>

#include "context.h"

/* Embed as `brain` in a command's argument struct. */
typedef struct cli_brain {
    const char *resp, *bmask;
    cli_strings roi;
    const size_t *places; /* with an image without bmask: x, y, z of the n_places voxels to use */
    size_t n_places;      /* (no option: what weights were fitted to) */
} cli_brain;

#define CLI_BRAIN_OPTIONS(args, needed)                                                            \
    {.name = "resp",                                                                               \
     .type = CLI_INFILE,                                                                           \
     .offset = offsetof(args, brain.resp),                                                         \
     .required = needed,                                                                           \
     .value = "FILE",                                                                              \
     .help = "Brain responses, a row or volume per stimulus in the order of the activations: ROI " \
             "table (.roi.h5), image (.nii, .nii.gz), array (.npy) or table (.csv, .tsv)."},       \
        {.name = "bmask",                                                                          \
         .type = CLI_INFILE,                                                                       \
         .offset = offsetof(args, brain.bmask),                                                    \
         .value = "FILE",                                                                          \
         .help =                                                                                   \
             "With an image: the voxels to use, those that are not 0. Default: those that are "    \
             "not 0 in every volume alike."},                                                      \
    {                                                                                              \
        .name = "roi", .type = CLI_STRINGS, .offset = offsetof(args, brain.roi), .value = "ROI",   \
        .help = "ROIs to use: names of .roi.h5, columns of a table, labels of -bmask. Default: "   \
                "all."                                                                             \
    }

typedef struct cli_responses {
    const char *path;
    size_t n, m;      /* stimuli, targets */
    double *y;        /* n x m */
    char **names;     /* m; NULL for images and arrays */
    dnb_brain *image; /* open for its geometry, NULL for others */
    size_t *voxels;   /* m, with image: voxel numbers, ascending */
} cli_responses;

/* Usage errors: options that do not belong together. */
dnb_status cli_brain_check(const cli_brain *b, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* key: what the file is called in the provenance. */
dnb_status cli_responses_read(cli_responses *out, const cli_brain *b, const char *key,
                              cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* r->voxels: those of b->bmask (or of its ROIs named), which must fit r->image. */
dnb_status cli_responses_mask(cli_responses *r, const cli_brain *b, dnb_err *err) DNB_MUST_CHECK;
void cli_responses_release(cli_responses *r);
/* "ROI V1", "voxel (1,2,3)", "column 4" for messages and summaries; `bare` without the first word.
 * Returns buf. */
const char *cli_responses_name(const cli_responses *r, size_t t, bool bare, char *buf, size_t size);

#endif
