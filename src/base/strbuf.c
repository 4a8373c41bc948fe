/* The growing string. */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Makes room for n more bytes and a NUL. */
static bool reserve(dnb_strbuf *b, size_t n)
{
    size_t need;
    if (b->failed || !dnb_add_size(&need, b->len, n) || !dnb_add_size(&need, need, 1)) {
        b->failed = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    size_t cap = need < 64 ? 64 : need + need / 2;
    char *text = dnb_realloc(b->text, cap, 1);
    if (!text) {
        b->failed = true;
        return false;
    }
    b->text = text;
    b->cap = cap;
    return true;
}

void dnb_strbuf_release(dnb_strbuf *b)
{
    dnb_free(b->text);
    *b = (dnb_strbuf){0};
}

void dnb_strbuf_addn(dnb_strbuf *b, const char *s, size_t n)
{
    if (!reserve(b, n))
        return;
    memcpy(b->text + b->len, s, n);
    b->len += n;
    b->text[b->len] = '\0';
}

void dnb_strbuf_add(dnb_strbuf *b, const char *s)
{
    dnb_strbuf_addn(b, s, strlen(s));
}

void dnb_strbuf_addf(dnb_strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(b, (size_t)n)) {
        b->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(b->text + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

dnb_status dnb_strbuf_take(dnb_strbuf *b, char **out, dnb_err *err)
{
    dnb_strbuf_addn(b, "", 0);
    if (b->failed) {
        dnb_strbuf_release(b);
        return dnb_fail_memory(err, "text", b->len);
    }
    *out = b->text;
    *b = (dnb_strbuf){0};
    return DNB_OK;
}
