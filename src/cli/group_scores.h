/* Scores of subjects, as encode, decode, probe, corr and rsa wrote them, in one matrix. */
#ifndef DNB_CLI_GROUP_SCORES_H
#define DNB_CLI_GROUP_SCORES_H

#include "responses.h"

/* Embed as `scores` in a command's argument struct. */
typedef struct cli_scores_in {
    cli_strings files, layers;
    const char *column, *mask;
    bool common;
} cli_scores_in;

/* Targets stand layer by layer. Zero-initialise; cli_subjects_release. */
typedef struct cli_subjects {
    size_t n, m;        /* subjects; targets of all layers together */
    double *x;          /* n x m; NaN: this subject has no such score */
    const char **files; /* n, borrowed */
    bool folders;       /* they are folders that encode wrote */
    size_t n_layers;
    char **layers;       /* n_layers */
    size_t *first;       /* n_layers + 1: where a layer's targets begin */
    char **targets;      /* m; NULL for images and arrays */
    cli_responses space; /* images: their geometry and voxels, the same in every layer */
    size_t n_dropped;    /* rows of tables that only some subjects have */
} cli_subjects;

dnb_status cli_subjects_read(cli_subjects *out, const cli_scores_in *in, cli_context *ctx,
                             dnb_err *err) DNB_MUST_CHECK;
/* Name of target t, into buf: an ROI's, "(x,y,z)", or its number from 1; returns buf. */
const char *cli_subjects_target(const cli_subjects *s, size_t t, char *buf, size_t size);
/* The layer that target t is of. */
size_t cli_subjects_layer(const cli_subjects *s, size_t t);
void cli_subjects_release(cli_subjects *s);

/* What reads one kind of file (group_tables.c, group_images.c). Folders hold tables as summary.tsv,
 * images as LAYER/score.nii.gz. */
dnb_status cli_subjects_tables(cli_subjects *s, const cli_scores_in *in, cli_context *ctx,
                               dnb_err *err) DNB_MUST_CHECK;
dnb_status cli_subjects_arrays(cli_subjects *s, const cli_scores_in *in, cli_context *ctx,
                               dnb_err *err) DNB_MUST_CHECK;
/* suffix: of the images in folders; NULL when the paths are the images. */
dnb_status cli_subjects_images(cli_subjects *s, const cli_scores_in *in, const char *suffix,
                               cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* Layers of a folder's summary.tsv in their order: cli_names_free. */
dnb_status cli_subjects_layers_of(char ***out, size_t *count, const char *folder,
                                  dnb_err *err) DNB_MUST_CHECK;
/* "1", "2", ...: volumes of an image, rows of an array. */
dnb_status cli_names_number(char ***out, size_t count, dnb_err *err) DNB_MUST_CHECK;
void cli_names_free(char **names, size_t count);
/* Layers that in->layers picks from `names`, all when it names none: s->layers, and of each its
 * place among names (free() *at). from: for messages. */
dnb_status cli_subjects_choose(cli_subjects *s, size_t **at, const cli_scores_in *in,
                               char *const *names, size_t count, const char *from,
                               dnb_err *err) DNB_MUST_CHECK;
/* Room for x of m targets, within half the memory budget. */
dnb_status cli_subjects_room(cli_subjects *s, size_t m, cli_context *ctx,
                             dnb_err *err) DNB_MUST_CHECK;
/* Provenance of subject i's file. */
dnb_status cli_subjects_record(size_t i, const char *path, const char *its_provenance,
                               cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

#endif
