/* What the files of the stimulus list share. room: data (internal) */
#ifndef DNB_DATA_STIM_OWN_H
#define DNB_DATA_STIM_OWN_H

#include "dnnbrain/stim.h"

#define DNB_STIM_ID "stimID"
#define DNB_STIM_LABEL "label"
#define DNB_STIM_CONDITION "condition"

/* stimID and condition are TEXT, label is INT, everything else REAL. */
dnb_column_kind dnb_stim_column_kind(const char *name);

#endif
