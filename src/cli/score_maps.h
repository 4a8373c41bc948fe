/* Scores as files: <out>/<layer>[/<iteraxis>]/score.npy and its like, brain images, score.csv. */
#ifndef DNB_CLI_SCORE_MAPS_H
#define DNB_CLI_SCORE_MAPS_H

#include <dnnbrain/array.h>

#include "mapping_scores.h"
#include "responses.h"

typedef struct cli_maps {
    const char *out;
    const char *iteraxis;           /* NULL, or the last folder's name */
    const cli_responses *responses; /* NULL: behaviour; an image gets maps */
    bool corr;                      /* db_corr's names: score is the best unit's r */
    bool probe;                     /* without fold scores for -model corr */
    bool decoded;                   /* targets as channels x rows x columns: m x 1 x 1 */
    const cli_job *job;             /* whose findings get an image */
} cli_maps;

/* <out>/<layer>[/<last>], made with all folders above it; free() it. */
dnb_status cli_maps_folder(char **out, const char *root, const char *layer, const char *last,
                           dnb_err *err) DNB_MUST_CHECK;
/* DIR/NAME as .npy of that shape (float64 or int64). */
dnb_status cli_maps_array(const char *dir, const char *name, dnb_dtype type, int ndim,
                          const size_t *shape, const void *data, cli_context *ctx,
                          dnb_err *err) DNB_MUST_CHECK;
/* DIR/NAME<suffix>: n_maps x m numbers in the geometry of the responses' image. */
dnb_status cli_maps_image(const char *dir, const char *name, const cli_responses *r, size_t n_maps,
                          const double *values, bool whole_numbers, cli_context *ctx,
                          dnb_err *err) DNB_MUST_CHECK;
dnb_status cli_maps_write(const cli_maps *maps, const cli_scores *s, cli_context *ctx,
                          dnb_err *err) DNB_MUST_CHECK;
/* best_layer.npy (m x cv, from 1), best_score.npy (m x cv), ... in out. */
dnb_status cli_maps_write_best(const cli_maps *maps, const cli_best *b, cli_context *ctx,
                               dnb_err *err) DNB_MUST_CHECK;
/* provenance.json in out. */
dnb_status cli_maps_provenance(const char *out, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

#endif
