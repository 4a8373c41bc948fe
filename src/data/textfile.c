/* Lines and fields of hand-written text files. */
#include "data/textfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"

static const char mark[] = "\xef\xbb\xbf"; /* a byte order mark: joined files have them inside */

dnb_status dnb_textfile_open(dnb_textfile *f, const char *path, dnb_err *err)
{
    unsigned char *data = NULL;
    size_t size = 0;
    dnb_status status = dnb_file_read(path, 0, &data, &size, err);
    if (status != DNB_OK)
        return status;
    bool wide = size >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0);
    if (memchr(data, '\0', size))
        status = dnb_fail(
            err, DNB_EFORMAT,
            wide ? "%s: UTF-16 text; save it as UTF-8" : "%s: a binary file, expected text", path);
    if (status != DNB_OK) {
        dnb_free(data);
        return status;
    }
    *f = (dnb_textfile){.path = path, .text = (char *)data};
    f->at = f->text;
    f->end = f->text + size;
    return DNB_OK;
}

void dnb_textfile_close(dnb_textfile *f)
{
    dnb_free(f->text);
    *f = (dnb_textfile){0};
}

char *dnb_textfile_next(dnb_textfile *f)
{
    if (f->at >= f->end)
        return NULL;
    char *line = f->at;
    size_t len = strcspn(line, "\r\n");
    char *stop = line + len;
    f->at = stop + (stop < f->end);
    if (*stop == '\r' && stop + 1 < f->end && stop[1] == '\n')
        f->at++;
    *stop = '\0';
    f->line++;
    while (strncmp(line, mark, 3) == 0)
        line += 3;
    return line;
}

char *dnb_textfile_next_full(dnb_textfile *f)
{
    for (char *line; (line = dnb_textfile_next(f));) {
        line = dnb_trim(line);
        if (*line)
            return line;
    }
    return NULL;
}

dnb_status dnb_textfile_fail(const dnb_textfile *f, dnb_err *err, const char *fmt, ...)
{
    char text[DNB_ERR_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return dnb_fail(err, DNB_EFORMAT, "%s:%zu: %s", f->path, f->line, text);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

char *dnb_trim(char *s)
{
    for (;;) {
        if (blank(*s))
            s++;
        else if (strncmp(s, mark, 3) == 0)
            s += 3;
        else
            break;
    }
    size_t n = strlen(s);
    while (n && blank(s[n - 1]))
        n--;
    s[n] = '\0';
    return s;
}

bool dnb_is_trimmed(const char *s)
{
    size_t n = strlen(s);
    return n == 0 || !(blank(s[0]) || blank(s[n - 1]) || strncmp(s, mark, 3) == 0);
}

char *dnb_cut_field(char **rest, char separator)
{
    char *field = *rest, *stop = strchr(field, separator);
    *rest = NULL;
    if (stop) {
        *stop = '\0';
        *rest = stop + 1;
    }
    return dnb_trim(field);
}

size_t dnb_count_fields(const char *s, char separator)
{
    size_t n = 1;
    for (; (s = strchr(s, separator)); s++)
        n++;
    return n;
}
