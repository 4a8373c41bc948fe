/* What a group of subjects showed: NAME.tsv, NAME.json, maps, and the figure. */
#ifndef DNB_CLI_GROUP_REPORT_H
#define DNB_CLI_GROUP_REPORT_H

#include <dnnbrain/group.h>

#include "group_scores.h"
#include "mapping_job.h"

typedef struct group_args {
    cli_scores_in in;
    cli_mapping mapping; /* permute, seed, boot, max_stat, fdr */
    cli_strings contrast;
    double chance;
    bool fisher_z, two_sided, show;
    const char *out, *figure;
} group_args;

typedef struct group_result {
    const group_args *args;
    const cli_job *job;
    const cli_subjects *subjects;
    dnb_group each;        /* of every target */
    const double *profile; /* subjects x layers: means over the targets tested */
    dnb_group layers;      /* of the profile */
} group_result;

dnb_status group_report(const group_result *r, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;
/* The figure alone (group_figure.c). */
dnb_status group_draw(const group_result *r, cli_context *ctx, dnb_err *err) DNB_MUST_CHECK;

#endif
