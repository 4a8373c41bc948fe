/* Calling a dnb_progress that may be NULL. room: base (internal) */
#ifndef DNB_BASE_PROGRESS_H
#define DNB_BASE_PROGRESS_H

#include "dnnbrain/runtime.h"

static inline void dnb_report(const dnb_progress *p, const char *what, size_t done, size_t total)
{
    if (p && p->report)
        p->report(p->ctx, what, done, total);
}

static inline bool dnb_cancelled(const dnb_progress *p)
{
    return p && p->cancelled && p->cancelled(p->ctx);
}

/* DNB_ECANCELLED with a message when the caller wants to stop. */
static inline dnb_status dnb_check_cancel(const dnb_progress *p, dnb_err *err)
{
    return dnb_cancelled(p) ? dnb_fail(err, DNB_ECANCELLED, "interrupted") : DNB_OK;
}

#endif
