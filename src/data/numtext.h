/* Numbers as text, the same in every locale. room: data (internal) */
#ifndef DNB_DATA_NUMTEXT_H
#define DNB_DATA_NUMTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of text must be the number (no blanks around it). */
bool dnb_text_to_int(const char *text, int64_t *out);
/* Decimal only: digits, point, exponent, or nan / inf / infinity with an optional sign. */
bool dnb_text_to_real(const char *text, double *out);
/* The shortest decimal that reads back as the same double ("nan", "inf", "-inf" for those). */
enum { DNB_REAL_TEXT = 32 };
char *dnb_real_to_text(double v, char buf[DNB_REAL_TEXT]);

/* strtod and printf follow the process's locale (a German one writes 0,5); code that turns many
 * numbers into text or back sits between these two. They change the calling thread only. */
typedef struct dnb_c_locale {
    void *c, *old;
} dnb_c_locale;
dnb_c_locale dnb_c_locale_enter(void);
void dnb_c_locale_leave(dnb_c_locale l);

#endif
