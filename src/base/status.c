/* Status names and the one place where error messages are formatted. */
#include "dnnbrain/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *dnb_status_name(dnb_status status)
{
    static const char *const names[] = {
        [DNB_OK] = "ok",
        [DNB_ENOMEM] = "out of memory",
        [DNB_EIO] = "input/output error",
        [DNB_EFORMAT] = "bad file format",
        [DNB_EARG] = "bad argument",
        [DNB_ESHAPE] = "shapes disagree",
        [DNB_ENOTFOUND] = "not found",
        [DNB_EUNSUPPORTED] = "unsupported",
        [DNB_ECANCELLED] = "cancelled",
        [DNB_EINTERNAL] = "internal error",
    };
    size_t n = sizeof names / sizeof names[0];
    return (size_t)status < n ? names[status] : "unknown status";
}

dnb_status dnb_fail(dnb_err *err, dnb_status status, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        err->status = status;
    }
    return status;
}

dnb_status dnb_fail_prefix(dnb_err *err, dnb_status status, const char *fmt, ...)
{
    if (err) {
        char old[DNB_ERR_SIZE];
        memcpy(old, err->message, sizeof old);
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof err->message - 3) {
            size_t at = (size_t)n, room = sizeof err->message - at - 3, len = strnlen(old, room);
            memcpy(err->message + at, ": ", 2);
            memcpy(err->message + at + 2, old, len);
            err->message[at + 2 + len] = '\0';
        }
        err->status = status;
    }
    return status;
}
