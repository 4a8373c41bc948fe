/* What the table's readers share with stimulus lists. room: data (internal) */
#ifndef DNB_DATA_TABLE_OWN_H
#define DNB_DATA_TABLE_OWN_H

#include "dnnbrain/table.h"

/* An empty column of this kind (values zeroed, texts NULL) as the last of t, to be filled by the
 * caller; *out is valid until the next is added. */
dnb_status dnb_table_add_blank(dnb_table *t, const char *name, dnb_column_kind kind,
                               dnb_column **out, dnb_err *err) DNB_MUST_CHECK;
/* Appends the nearest column names to the message; returns status. */
dnb_status dnb_table_suggest(const dnb_table *t, const char *name, dnb_status status, dnb_err *err);

#endif
