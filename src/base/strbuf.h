/* A growing string. After any failed append `failed` stays set and appends do nothing, so a caller
 * checks once at the end. room: base (internal) */
#ifndef DNB_BASE_STRBUF_H
#define DNB_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

typedef struct dnb_strbuf {
    char *text; /* NUL-terminated once anything was appended; NULL before */
    size_t len, cap;
    bool failed;
} dnb_strbuf;

void dnb_strbuf_release(dnb_strbuf *b);
void dnb_strbuf_add(dnb_strbuf *b, const char *s);
void dnb_strbuf_addn(dnb_strbuf *b, const char *s, size_t n);
void dnb_strbuf_addf(dnb_strbuf *b, const char *fmt, ...) DNB_PRINTF(2, 3);
/* Hands the text (never NULL on success) to the caller, who frees it with dnb_free; empties b. */
dnb_status dnb_strbuf_take(dnb_strbuf *b, char **out, dnb_err *err) DNB_MUST_CHECK;

#endif
