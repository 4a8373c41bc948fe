/* A small text file, line by line, with everything an editor may have done to it. room: data
 * (internal) */
#ifndef DNB_DATA_TEXTFILE_H
#define DNB_DATA_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "dnnbrain/status.h"

/* The whole file in memory; lines are cut out of it in place. */
typedef struct dnb_textfile {
    const char *path; /* the caller's */
    char *text, *at, *end;
    size_t line; /* 1-based number of the line last returned */
} dnb_textfile;

/* Reads path. DNB_EFORMAT for UTF-16 or a NUL byte (a binary
 * file). */
dnb_status dnb_textfile_open(dnb_textfile *f, const char *path, dnb_err *err) DNB_MUST_CHECK;
void dnb_textfile_close(dnb_textfile *f);
/* The next line without its \n, \r\n or \r and without a UTF-8 byte order mark at its start; NULL
 * at the end. Valid until close; may be changed by the caller. */
char *dnb_textfile_next(dnb_textfile *f);
/* The next line that holds more than blanks, trimmed. */
char *dnb_textfile_next_full(dnb_textfile *f);

/* "path:line: " and the message. */
dnb_status dnb_textfile_fail(const dnb_textfile *f, dnb_err *err, const char *fmt, ...)
    DNB_PRINTF(3, 4);

/* Removes blanks (space, tab) at both ends, and byte order marks at the start, in place. */
char *dnb_trim(char *s);
/* Would dnb_trim leave it as it is? */
bool dnb_is_trimmed(const char *s);
/* Cuts the next field off *rest at `separator` and trims it; *rest becomes NULL after the last. */
char *dnb_cut_field(char **rest, char separator);
/* Number of fields dnb_cut_field would give. */
size_t dnb_count_fields(const char *s, char separator);

#endif
