/* The labels of a stimulus list as categories with names. */
#ifndef DNB_CLI_CATEGORIES_H
#define DNB_CLI_CATEGORIES_H

#include <dnnbrain/rdm.h>
#include <dnnbrain/stim.h>

typedef struct cli_categories {
    dnb_groups groups;
    char **names; /* one per group: the condition all its stimuli share, else the label's number */
} cli_categories;

/* From the `label` column of a .stim.csv; DNB_ENOTFOUND when it has none. */
dnb_status cli_categories_read(cli_categories *out, const char *stim, dnb_err *err) DNB_MUST_CHECK;
void cli_categories_release(cli_categories *c);

#endif
