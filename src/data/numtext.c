/* Strict number parsing and shortest printing. */
#include "data/numtext.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool dnb_text_to_int(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end = NULL;
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *out = (int64_t)v;
    return true;
}

/* strtod also takes hexadecimal, blanks and "nan(...)"; a table must not. */
static bool is_decimal(const char *text)
{
    const char *s = text + (*text == '-' || *text == '+');
    if (strcasecmp(s, "nan") == 0 || strcasecmp(s, "inf") == 0 || strcasecmp(s, "infinity") == 0)
        return true;
    return *s != '\0' && strspn(s, "0123456789.eE+-") == strlen(s);
}

bool dnb_text_to_real(const char *text, double *out)
{
    char *end = NULL;
    if (!is_decimal(text))
        return false;
    double v = strtod(text, &end);
    if (end == text || *end != '\0')
        return false;
    *out = v;
    return true;
}

char *dnb_real_to_text(double v, char buf[DNB_REAL_TEXT])
{
    if (isnan(v))
        return strcpy(buf, "nan");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, DNB_REAL_TEXT, "%.*g", digits, v);
        if (strtod(buf, NULL) == v)
            break;
    }
    return buf;
}

dnb_c_locale dnb_c_locale_enter(void)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    dnb_c_locale l = {.c = c};
    if (c)
        l.old = uselocale(c);
    return l;
}

void dnb_c_locale_leave(dnb_c_locale l)
{
    if (!l.c)
        return;
    uselocale((locale_t)l.old);
    freelocale((locale_t)l.c);
}
